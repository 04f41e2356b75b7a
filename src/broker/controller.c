/* The controller's shell on shard 0: decisions one at a time become a record batch in __cluster_metadata-0,
 * which is synced, applied by every shard, and only then answered.
 *
 *   QUEUED -> build -> judge -> append -> sync (pool) -> apply on every shard -> done
 *                        |        \--no room on the disk--> done, with an error
 *                        \--the image would not take it--> done, with an error
 *
 * A failed write or sync of the metadata log ends the process: a controller that cannot remember must not
 * decide. A full disk leaves the log as it was, so only the change is refused. */
#include "broker/controller_int.h"

#include <stdio.h>
#include <stdlib.h>

struct apply {
    struct os_msg msg;
    struct controller *c;
    struct slice batch; /* borrowed from c->batch until the answer is back */
};

_Noreturn void controller_die(const char *what, const char *why)
{
    logline(LOG_ERROR, "controller",
            "%s: %s; stopping, because a controller that cannot remember must not decide", what, why);
    os_exit(1);
}

struct apply_ctx {
    struct image *im;
    char why[IMAGE_WHY_BYTES];
};
static int apply_value(void *arg, struct slice value, int64_t offset, int control)
{
    struct apply_ctx *x = arg;
    return control >= 0 ? 0 : image_apply(x->im, value, offset, x->why);
}

static void start_next(struct controller *c);

static void op_finished(struct os_msg *m, void *owner)
{
    struct ctl_op *op = CONTAINER_OF(m, struct ctl_op, msg);
    ASSERT(op->magic == CTL_OP_MAGIC);
    op->magic = 0;
    op->done(op, owner);
}

static void finish(struct controller *c)
{
    struct ctl_op *op = LIST_ENTRY(list_pop_front(&c->queue), struct ctl_op, link);
    c->busy = false;
    op->msg.run = op_finished;
    shard_send(c->zero->shard, op->home, &op->msg);
    if (!c->busy) start_next(c);
    if (!c->busy) controller_snapshot_maybe(c);
}

static void applied(struct os_msg *m, void *owner)
{
    (void)owner;
    struct apply *a = CONTAINER_OF(m, struct apply, msg);
    struct controller *c = a->c;
    free(a);
    if (--c->applying == 0) finish(c);
}

static void apply_here(struct os_msg *m, void *owner)
{
    struct apply *a = CONTAINER_OF(m, struct apply, msg);
    struct shard *s = owner;
    struct apply_ctx x = {.im = &s->broker->image};
    image_batch_begin(x.im);
    if (ctl_each(a->batch, apply_value, &x)) controller_die("cannot apply metadata", x.why);
    image_batch_end(x.im);
    a->msg.run = applied;
    broker_after_changes(s->broker, &a->msg);
}

static void sync_run(struct os_job *j)
{
    struct controller *c = CONTAINER_OF(j, struct controller, sync);
    struct os *os = c->zero->shard->os;
    c->sync_rc = os_fdatasync(os, c->sync_fd);
    if (c->sync_rc == 0 && c->sync_names) c->sync_rc = os_fsync_dir(os, c->dir);
    if (c->sync_rc) snprintf(c->sync_why, sizeof c->sync_why, "%s", os_why());
    if (c->sync_rc && !err_passes(c->sync_rc)) os_mark_unsettled(os, c->zero->node->meta_dir);
}

#define SYNC_AGAIN_MS 100

static void sync_again(struct timer *t, struct shard *s)
{
    os_submit(s->os, &CONTAINER_OF(t, struct controller, sync_again)->sync);
}

static void sync_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct controller *c = CONTAINER_OF(j, struct controller, sync);
    struct shard *s = c->zero->shard;
    if (err_passes(c->sync_rc)) { /* the records are on the disk, the names of their files not yet */
        c->sync_again.fire = sync_again;
        timer_set_ms(s, &c->sync_again, SYNC_AGAIN_MS);
        return;
    }
    log_seg_put(c->sync_seg);
    c->sync_seg = NULL;
    if (c->sync_rc) controller_die("syncing the metadata log failed", c->sync_why);
    c->names_synced = c->names_syncing;
    c->applying = s->n + 1; /* one for this loop, so that finish runs once */
    for (int i = 0; i < s->n; i++) {
        struct apply *a = xcalloc(1, sizeof *a);
        a->msg.run = apply_here;
        a->msg.apart = true; /* it may open some partitions */
        a->c = c;
        a->batch = kp_writer_slice(&c->batch);
        shard_send(s, i, &a->msg);
    }
    if (--c->applying == 0) finish(c);
}

int controller_append(struct controller *c)
{
    struct batch_head h;
    int64_t now = os_wall_ms(c->zero->shard->os);
    int rc = batch_head_parse(kp_writer_slice(&c->batch), &h);
    ASSERT(rc == 0);
    if ((rc = log_append(c->log, c->batch.p, &h, now)) != 0) return rc;
    if ((rc = log_flush(c->log)) != 0) return rc;
    c->bytes_since_snapshot += h.bytes;
    c->last_ms = h.max_time_ms;
    return 0;
}

/* What this image would not take is not written: no start would get past it. */
static int judge(struct controller *c, const struct ctl_records *rs, char why[IMAGE_WHY_BYTES])
{
    struct image_draft d;
    int rc = 0;
    image_draft_init(&d, &c->zero->image);
    for (int i = 0; i < rs->n && rc == 0; i++)
        rc = image_draft_put(&d, ctl_record(rs, i), c->log->end_offset + i, why);
    image_draft_fini(&d);
    return rc;
}

int controller_write(struct controller *c, const struct ctl_records *rs, char why[IMAGE_WHY_BYTES])
{
    int rc = judge(c, rs, why);
    if (rc) return rc;
    kp_writer_reset(&c->batch);
    ctl_seal(rs, c->log->end_offset, c->epoch, os_wall_ms(c->zero->shard->os), -1, &c->batch);
    return controller_append(c);
}

struct ctl_now controller_now(struct controller *c)
{
    struct broker *b = c->zero;
    return (struct ctl_now){
        .prng = &b->prng, .conf = &b->conf, .node_id = b->node->id, .dirs = c->dirs, .dirs_n = c->dirs_n};
}

static void op_done(struct controller *c, struct ctl_op *op)
{
    list_remove(&op->link);
    c->busy = false;
    op->msg.run = op_finished;
    shard_send(c->zero->shard, op->home, &op->msg);
}

static void sync_batch(struct controller *c)
{
    struct log_seg *seg = c->log->segs[c->log->segs_n - 1];
    if (log_seg_open(seg)) controller_die("opening the metadata log failed", os_why());
    log_seg_get(seg);
    c->sync_seg = seg;
    c->sync_fd = seg->fd;
    c->names_syncing = c->log->names_made; /* a roll made files */
    c->sync_names = c->names_synced < c->names_syncing;
    c->sync.run = sync_run;
    c->sync.durability = true;
    c->sync.done = sync_done;
    os_submit(c->zero->shard->os, &c->sync);
}

/* An error: the log is as it was. */
static int write_records(struct controller *c, const struct ctl_records *rs)
{
    char why[IMAGE_WHY_BYTES] = "";
    int rc = controller_write(c, rs, why);
    if (rc && why[0]) {
        logline(LOG_ERROR, "controller",
                "a change of metadata is refused, because it could not be read back: %s", why);
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    if (rc && !err_passes(rc)) controller_die("writing the metadata log failed", os_why());
    if (rc && !c->full)
        logline(LOG_ERROR, c->dir, "no room to write (%s); changes of metadata are refused until there is",
                os_why());
    if (!rc && c->full) logline(LOG_INFO, c->dir, "there is room again; metadata can be changed");
    c->full = rc;
    return rc ? ERR_KAFKA_STORAGE_ERROR : 0;
}

static void start_next(struct controller *c)
{
    while (!c->busy && !list_empty(&c->queue)) {
        struct ctl_op *op = LIST_ENTRY(c->queue.next, struct ctl_op, link);
        ASSERT(op->magic == CTL_OP_MAGIC);
        struct broker *b = c->zero;
        struct ctl_now now = controller_now(c);
        ctl_count_dirs(&b->image, &now);
        struct ctl_records rs;
        ctl_records_init(&rs);
        c->busy = true;
        op->build(op, b, &now, &rs);
        int rc = rs.n ? write_records(c, &rs) : 0;
        if (rc) op->err = rc;
        if (rs.n && !rc) sync_batch(c);
        else op_done(c, op);
        ctl_records_fini(&rs);
    }
}

static void enqueue(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct ctl_op *op = CONTAINER_OF(m, struct ctl_op, msg);
    struct controller *c = s->broker->ctl;
    list_init(&op->link);
    list_push_back(&c->queue, &op->link);
    start_next(c);
}

struct slice ctl_op_why(const struct ctl_op *op)
{
    return slice_cstr(op->err == ERR_KAFKA_STORAGE_ERROR
                          ? "The controller has no room on its disk to write the change down."
                          : err_text(op->err));
}

void ctl_submit(struct broker *b, struct ctl_op *op)
{
    op->magic = CTL_OP_MAGIC;
    op->home = b->shard->id;
    op->err = 0;
    op->msg.run = enqueue;
    shard_send(b->shard, 0, &op->msg);
}

void controller_progress(const struct broker *zero, struct controller_progress *out)
{
    const struct controller *c = zero->ctl;
    *out = (struct controller_progress){c->log->end_offset, c->epoch,
                                        slice_of(c->quorum.voters, c->quorum.voters_n)};
}

int controller_close(struct controller *c)
{
    int rc = c->sync_rc ? ERR_IO : log_close(c->log, true); /* as part_close */
    LIST_FOREACH(l, &c->queue) list_remove(l);
    if (c->sync_seg) log_seg_put(c->sync_seg);
    log_free(c->log);
    kp_writer_fini(&c->batch);
    ctl_records_fini(&c->bootstrap);
    quorum_fini(&c->quorum);
    controller_snapshots_fini(c);
    free(c->dirs);
    free(c->dir);
    free(c);
    return rc;
}
