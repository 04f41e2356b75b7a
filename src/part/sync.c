/* Syncing a partition's files: what makes its records, and the names of their files, durable. See commit.c
 * for what answers acks=all before that.
 *
 * Invariants
 * 1. At most one sync runs for a partition; what comes meanwhile waits for the next one (group commit). A
 *    partition in syncs_asked or syncs_idle has none.
 * 2. The job uses part_syncer and the segments that it references, not the partition: what it did becomes the
 *    partition's state in sync_done.
 *
 *   part_start_sync --a place is free--> sync_run, on the pool -> sync_done -> part_release_synced
 *                  \-> syncs_asked, syncs_idle --next_syncs--> part_start_sync */
#include "part/part_int.h"
#include "base/logline.h"
#include "part/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#define SYNC_SEGS_MAX 8
/* Syncs of a shard at a time: each holds files open and a place in the pool's queue. Where nobody waits for
 * an answer fewer do, so that those who do find the disk free. */
#define SYNCS_MAX 16
#define SYNCS_IDLE_MAX 2
struct part_syncer {
    struct os_job job;
    struct part *part;
    struct os *os;
    struct log_seg *segs[SYNC_SEGS_MAX];
    int segs_n;
    int64_t target, pos; /* pos: where it is in the last of segs; -1: not there */
    int sealed_n;        /* so many of segs get no more records: their index files are synced too */
    char *dir;
    const char *root;       /* the log directory; lives as long as the broker */
    bool name_made, parent; /* names in dir, dir's own name */
    int64_t names, root_names;
    int64_t aborts; /* log->aborts_made; their entries are synced, too */
    bool txns;
    /* upkeep: a producer snapshot at target, and the epochs, to be written once everything below is synced */
    struct strbuf producers, epochs;
    int32_t epoch;    /* the newest of them */
    int64_t obsolete; /* the snapshot that goes then; 0: none */
    bool upkeep, kept, epochs_kept;
    int rc;
    char why[96];
};

static void syncs_again(struct timer *t, struct shard *s);

void parts_init_syncs(struct parts *ps)
{
    ps->syncs_max = (int)min_i64(SYNCS_MAX, max_i64(SYNCS_IDLE_MAX, ps->shard->files.open_max / 8));
    ps->syncs_again.fire = syncs_again;
    list_init(&ps->syncs_asked);
    list_init(&ps->syncs_idle);
}

void part_name_in_root(struct part *p)
{
    struct parts *ps = p->home;
    for (; ps->roots_n <= p->dir; ps->roots_n++) {
        ps->roots = xrealloc(ps->roots, (size_t)(ps->roots_n + 1) * sizeof *ps->roots);
        ps->roots[ps->roots_n] = (struct part_root){0};
    }
    p->root_name = ++ps->roots[p->dir].names;
}

static bool root_unsynced(const struct part *p)
{
    return p->root_name > p->home->roots[p->dir].synced;
}

bool part_names_synced(const struct part *p)
{
    return p->names_synced >= p->log->names_made && !root_unsynced(p);
}

/* Makes the names in dir durable, and dir's own. dir is cut up for it. */
static int sync_names(struct os *os, char *dir, bool parent)
{
    int rc = os_fsync_dir(os, dir);
    char *slash = strrchr(dir, '/');
    if (rc || !parent || !slash) return rc;
    *slash = 0;
    return os_fsync_dir(os, dir);
}

/* What spares a start after a crash some reading. */
static void keep_state(struct part_syncer *y)
{
    char path[4200];
    int rc = 0;
    snprintf(path, sizeof path, "%s/" LOG_EPOCHS_FILE, y->dir);
    if (y->epochs.n) rc = os_write_file_atomic(y->os, path, y->epochs.s, y->epochs.n);
    y->epochs_kept = y->epochs.n && rc == 0;
    /* Not synced: one that is spoiled gives way to the one before. */
    if (rc == 0) {
        part_snapshot_path(y->dir, y->target, path, sizeof path);
        rc = os_write_file_over(y->os, path, y->producers.s, y->producers.n);
    }
    y->kept = rc == 0;
    if (y->kept && y->obsolete) {
        part_snapshot_path(y->dir, y->obsolete, path, sizeof path);
        rc = os_unlink(y->os, path);
    }
    if (rc && rc != ERR_NOENT) /* its directory may be on its way out */
        logline(LOG_WARN, path, "%s; a start after a crash will read more", os_why());
}

/* Entries of the active segment: a recovery that begins in the middle of it believes what is there. */
static int sync_txns(const struct part_syncer *y)
{
    return log_sync_beside(y->os, y->dir, y->segs[y->segs_n - 1]->base_offset, "txnindex");
}

static void sync_run(struct os_job *j)
{
    struct part_syncer *y = CONTAINER_OF(j, struct part_syncer, job);
    for (int i = 0; i < y->segs_n && y->rc == 0; i++) y->rc = os_fdatasync(y->os, y->segs[i]->fd);
    for (int i = 0; i < y->sealed_n && y->rc == 0; i++)
        y->rc = log_sync_index(y->os, y->dir, y->segs[i]->base_offset);
    if (y->rc == 0 && y->txns) y->rc = sync_txns(y);
    if (y->rc == 0 && y->upkeep) keep_state(y);
    if (y->rc == 0 && (y->name_made || y->parent)) y->rc = sync_names(y->os, y->dir, y->parent);
    if (y->rc) snprintf(y->why, sizeof y->why, "%s", os_why());
    if (y->rc && !err_passes(y->rc)) os_mark_unsettled(y->os, y->root);
}

bool part_sync_failed(const struct part *p)
{
    return p->syncer && p->syncer->rc;
}

void part_release_synced(struct part *p)
{
    while (!list_empty(&p->wait_sync)) {
        struct part_append *a = LIST_ENTRY(p->wait_sync.next, struct part_append, link);
        if (a->last_offset >= part_durable(p)) break;
        part_complete(p, a, 0);
    }
}

#define SYNCS_AGAIN_MS 100

/* No file is left for it: it waits in its place, and is tried again. */
static void sync_later(struct part *p)
{
    struct parts *ps = p->home;
    bool asked = ps->sync == PART_SYNC_ALWAYS || !list_empty(&p->wait_sync);
    if (!list_linked(&p->in_syncs)) list_push_back(asked ? &ps->syncs_asked : &ps->syncs_idle, &p->in_syncs);
    if (!timer_armed(&ps->syncs_again)) timer_set_ms(ps->shard, &ps->syncs_again, SYNCS_AGAIN_MS);
}

static void next_syncs(struct parts *ps)
{
    struct list *l;
    if (timer_armed(&ps->syncs_again)) return;
    while (ps->syncs_n < ps->syncs_max && !timer_armed(&ps->syncs_again) &&
           (l = list_pop_front(&ps->syncs_asked)) != NULL)
        part_start_sync(LIST_ENTRY(l, struct part, in_syncs));
    while (ps->syncs_n < SYNCS_IDLE_MAX && !timer_armed(&ps->syncs_again) &&
           (l = list_pop_front(&ps->syncs_idle)) != NULL)
        part_start_sync(LIST_ENTRY(l, struct part, in_syncs));
}

static void syncs_again(struct timer *t, struct shard *s)
{
    (void)s;
    next_syncs(CONTAINER_OF(t, struct parts, syncs_again));
}

static void sync_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct part_syncer *y = CONTAINER_OF(j, struct part_syncer, job);
    struct part *p = y->part;
    ASSERT(p->magic == PART_MAGIC && p->syncer == y);
    struct parts *ps = p->home;
    ps->syncs_n--;
    int64_t seg = y->pos < 0 ? -1 : y->segs[y->segs_n - 1]->base_offset;
    for (int i = 0; i < y->segs_n; i++) log_seg_put(y->segs[i]);
    p->syncer = NULL;
    if (y->epochs.n && !y->epochs_kept) p->log->epochs_dirty = true;
    if (p->doomed) {
        /* nobody waits any more */
    } else if (err_passes(y->rc)) {
        p->upkeep |= y->upkeep;
        sync_later(p);
    } else if (y->rc) {
        part_fault(p, "sync_error", "a sync to disk", y->why);
    } else {
        if (y->name_made) p->names_synced = y->names;
        struct part_root *root = &ps->roots[p->dir];
        if (y->parent) root->synced = max_i64(root->synced, y->root_names);
        p->log->synced_offset = max_i64(p->log->synced_offset, y->target);
        part_note_durable(p, y->target, seg, y->pos);
        p->aborts_synced = max_i64(p->aborts_synced, y->aborts);
        if (y->kept) part_note_snapshot(p, y->target);
        if (y->epochs_kept) p->log->epoch_kept = y->epoch;
        part_pay(p, false);
        part_release_synced(p);
        if (!list_empty(&p->wait_sync)) part_make_durable(p);
        if (part_held_back(p)) part_start_sync(p);
    }
    part_unpin(p);
    strbuf_fini(&y->producers);
    strbuf_fini(&y->epochs);
    free(y->dir);
    free(y);
    next_syncs(ps);
}

void part_start_sync(struct part *p)
{
    struct log *l = p->log;
    struct parts *ps = p->home;
    bool asked = ps->sync == PART_SYNC_ALWAYS || !list_empty(&p->wait_sync);
    bool behind =
        l->synced_offset < l->flushed_offset || (p->upkeep && p->snapshot_offset < l->flushed_offset);
    if (p->syncer || l->faulted || !behind) return;
    list_remove(&p->in_syncs);
    if (ps->syncs_n >= (asked ? ps->syncs_max : SYNCS_IDLE_MAX) || timer_armed(&ps->syncs_again)) {
        list_push_back(asked ? &ps->syncs_asked : &ps->syncs_idle, &p->in_syncs);
        return;
    }
    struct part_syncer *y = xcalloc(1, sizeof *y);
    y->part = p;
    y->os = p->home->shard->os;
    y->root = p->root;
    y->target = l->flushed_offset;
    y->pos = l->segs[l->segs_n - 1]->size - l->pending_bytes;
    strbuf_init(&y->producers);
    strbuf_init(&y->epochs);
    /* Oldest unsynced segments first; with more than fit, the target is where the last of them ends. */
    int i = l->segs_n - 1;
    while (i > 0 && l->segs[i]->base_offset >= l->synced_offset)
        i--; /* a roll right there left its indexes to be synced */
    int rc = 0;
    for (; i < l->segs_n && rc == 0; i++) {
        if (y->segs_n == SYNC_SEGS_MAX) {
            y->target = l->segs[i]->base_offset;
            y->pos = -1;
            break;
        }
        struct log_seg *s = l->segs[i];
        if ((rc = log_seg_open(s)) != 0) break;
        log_seg_get(s);
        y->segs[y->segs_n++] = s;
        if (i < l->segs_n - 1) y->sealed_n++;
    }
    if (rc) {
        for (i = 0; i < y->segs_n; i++) log_seg_put(y->segs[i]);
        free(y);
        if (err_passes(rc)) sync_later(p);
        else part_fault(p, "open_error", "opening a segment", os_why());
        return;
    }
    y->parent = root_unsynced(p);
    y->root_names = ps->roots[p->dir].names;
    y->name_made = p->names_synced < l->names_made;
    y->aborts = l->aborts_made;
    y->txns = p->aborts_synced < y->aborts;
    /* The producers' state is that of the log's end, so it must be what this sync makes durable. */
    y->upkeep = p->upkeep && y->target == l->end_offset && p->snapshot_offset < y->target;
    if (y->upkeep) {
        producers_save(&p->producers, &y->producers);
        y->epoch = l->epochs_n ? l->epochs[l->epochs_n - 1].epoch : -1;
        if (l->epochs_dirty) log_epochs_take(l, &y->epochs);
        y->obsolete = part_obsolete_snapshot(p);
        p->upkeep = false;
    }
    if (y->name_made || y->sealed_n || y->parent || y->upkeep || y->txns) y->dir = xstrdup(l->dir);
    y->names = l->names_made;
    y->job.run = sync_run;
    y->job.durability = asked;
    y->job.done = sync_done;
    p->syncer = y;
    ps->syncs_n++;
    part_pin(p);
    os_submit(y->os, &y->job);
}
