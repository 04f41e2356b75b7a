/* Snapshots of the metadata log, as Kafka takes them: after so many bytes of records or so much time with
 * any. The image becomes records on the loop, in memory; batches, checksums and the file are made on the
 * pool. Then the log is trimmed: while there is an older snapshot and both together are too large or it is
 * too old, it goes, and with it what the log holds below the next one. */
#include "broker/controller_int.h"

#include <stdio.h>
#include <stdlib.h>

struct snapshotter {
    struct os_job job;
    struct controller *c;
    struct os *os;
    struct ctl_records rs;
    struct quorum quorum;
    struct snapshot_file file;
    char path[4200];
    int rc;
    char why[96];
};
struct forget { /* the file of a snapshot that is not needed any more */
    struct os_job job;
    struct os *os;
    char path[4200];
};

static void path_of(const struct controller *c, const struct snapshot_file *f, char *out, size_t n)
{
    char name[SNAPSHOT_NAME_BYTES];
    snapshot_name(f->end_offset, f->epoch, name);
    snprintf(out, n, "%s/%s", c->dir, name);
}

static void arm(struct controller *c)
{
    struct shard *s = c->zero->shard;
    int64_t every = conf_i64(&c->zero->conf, CONF_METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS);
    int64_t passed = max_i64(os_wall_ms(s->os) - c->snapshot_ms, 0);
    if (every > 0) timer_set_ms(s, &c->snapshot_timer, passed < every ? every - passed : every);
}

static void forget_run(struct os_job *j)
{
    struct forget *x = CONTAINER_OF(j, struct forget, job);
    if (os_unlink(x->os, x->path)) logline(LOG_WARN, x->path, "cannot remove an old snapshot: %s", os_why());
}
static void forget_done(struct os_job *j, void *owner)
{
    (void)owner;
    free(CONTAINER_OF(j, struct forget, job));
}

/* The oldest snapshot, which has a successor, goes. */
static int forget_oldest(struct controller *c)
{
    struct os *os = c->zero->shard->os;
    struct forget *x = xcalloc(1, sizeof *x);
    x->os = os;
    path_of(c, &c->snapshots[0], x->path, sizeof x->path);
    x->job.run = forget_run;
    x->job.done = forget_done;
    memmove(c->snapshots, c->snapshots + 1, (size_t)--c->snapshots_n * sizeof *c->snapshots);
    int rc = log_advance_start(c->log, c->snapshots[0].end_offset, os_wall_ms(os));
    os_submit(os, &x->job);
    return rc;
}

static void trim(struct controller *c)
{
    const struct conf *conf = &c->zero->conf;
    int64_t bytes_max = conf_i64(conf, CONF_METADATA_MAX_RETENTION_BYTES),
            ms_max = conf_i64(conf, CONF_METADATA_MAX_RETENTION_MS);
    int64_t now = os_wall_ms(c->zero->shard->os);
    while (c->snapshots_n > 1) {
        int64_t bytes = log_bytes(c->log);
        for (int i = 0; i < c->snapshots_n; i++) bytes += c->snapshots[i].bytes;
        bool big = bytes_max >= 0 && bytes > bytes_max;
        bool old = ms_max >= 0 && now - c->snapshots[0].last_ms > ms_max;
        if (!big && !old) break;
        int rc = forget_oldest(c);
        if (err_passes(rc)) /* the next snapshot trims it */
            logline(LOG_WARN, c->dir, "no room to trim the metadata log: %s", os_why());
        else if (rc) controller_die("trimming the metadata log failed", os_why());
    }
}

static void run(struct os_job *j)
{
    struct snapshotter *x = CONTAINER_OF(j, struct snapshotter, job);
    struct kp_writer out;
    kp_writer_init(&out, x->rs.w.n + 4096);
    snapshot_write(&x->rs, &x->quorum, x->file.epoch, x->file.last_ms, os_wall_ms(x->os), &out);
    x->file.bytes = (int64_t)out.n;
    x->rc = os_write_file_atomic(x->os, x->path, out.p, out.n);
    if (x->rc) snprintf(x->why, sizeof x->why, "%s", os_why());
    kp_writer_fini(&out);
}

static void release(struct snapshotter *x)
{
    ctl_records_fini(&x->rs);
    quorum_fini(&x->quorum);
    free(x);
}

static void done(struct os_job *j, void *owner)
{
    struct snapshotter *x = CONTAINER_OF(j, struct snapshotter, job);
    struct controller *c = x->c;
    (void)owner;
    c->snapshotter = NULL;
    if (x->rc) { /* the log still has everything; the next one may succeed */
        logline(LOG_ERROR, x->path, "cannot write a metadata snapshot: %s", x->why);
    } else {
        c->snapshots = xrealloc(c->snapshots, (size_t)(c->snapshots_n + 1) * sizeof *c->snapshots);
        c->snapshots[c->snapshots_n++] = x->file;
        trim(c);
    }
    release(x);
}

static void take(struct controller *c)
{
    struct broker *b = c->zero;
    struct snapshotter *x = xcalloc(1, sizeof *x);
    x->c = c;
    x->os = b->shard->os;
    x->file =
        (struct snapshot_file){.end_offset = c->log->end_offset, .epoch = c->epoch, .last_ms = c->last_ms};
    x->quorum.kraft_version = c->quorum.kraft_version;
    x->quorum.voters_n = c->quorum.voters_n;
    if (c->quorum.voters)
        x->quorum.voters = memcpy(xmalloc(c->quorum.voters_n), c->quorum.voters, c->quorum.voters_n);
    path_of(c, &x->file, x->path, sizeof x->path);
    ctl_records_init(&x->rs);
    image_write(&b->image, &x->rs);
    x->job.run = run;
    x->job.done = done;
    c->snapshotter = x;
    c->bytes_since_snapshot = 0;
    c->snapshot_ms = os_wall_ms(b->shard->os);
    arm(c);
    os_submit(x->os, &x->job);
}

static bool fresh(const struct controller *c) /* the newest snapshot says everything */
{
    return c->snapshots_n && c->snapshots[c->snapshots_n - 1].end_offset >= c->log->end_offset;
}

void controller_snapshot_maybe(struct controller *c)
{
    if (c->busy || c->snapshotter || fresh(c)) return;
    if (c->bytes_since_snapshot >=
        conf_i64(&c->zero->conf, CONF_METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS))
        take(c);
}

static void due(struct timer *t, struct shard *s)
{
    struct controller *c = CONTAINER_OF(t, struct controller, snapshot_timer);
    (void)s;
    if (c->busy || c->snapshotter) { /* right after what is under way */
        c->bytes_since_snapshot = INT64_MAX / 2;
        arm(c);
    } else if (c->bytes_since_snapshot > 0 && !fresh(c)) take(c);
    else {
        trim(c);
        arm(c);
    }
}

struct sweep {
    struct controller *c;
};
static int sweep_part(void *arg, const char *name, bool is_dir)
{
    struct controller *c = ((struct sweep *)arg)->c;
    static const char *const ends[] = {".checkpoint.tmp", ".checkpoint.part", ".checkpoint.deleted"};
    char path[4300];
    for (size_t i = 0; i < NELEMS(ends); i++) {
        size_t n = strlen(name), k = strlen(ends[i]);
        if (is_dir || n < k || strcmp(name + n - k, ends[i]) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", c->dir, name);
        if (os_unlink(c->zero->shard->os, path))
            logline(LOG_WARN, path, "cannot remove an unfinished snapshot: %s", os_why());
        break;
    }
    return 0;
}

void controller_snapshots_init(struct controller *c)
{
    struct sweep x = {c};
    if (os_list_dir(c->zero->shard->os, c->dir, sweep_part, &x))
        logline(LOG_WARN, c->dir, "cannot list: %s", os_why());
    c->snapshot_timer.fire = due;
    arm(c);
}

void controller_snapshots_fini(struct controller *c)
{
    if (c->snapshotter) release(c->snapshotter);
    free(c->snapshots);
}
