/* The controller's shell on shard 0: decisions one at a time become a record batch in __cluster_metadata-0,
 * which is synced, applied by every shard, and only then answered.
 *
 *   QUEUED -> build -> append -> sync (pool) -> apply on every shard -> done
 *
 * A failed write or sync of the metadata log ends the process: a controller that cannot remember must not
 * decide. */
#include "api/broker.h"
#include "kp/batch_head.h"
#include "kp/leader_change_message.h"
#include "kp/metadata_records.h"

#include <stdio.h>
#include <stdlib.h>

struct controller {
    struct broker *zero;
    struct log *log;
    struct list queue; /* struct ctl_op; the first may be under way */
    bool busy;
    struct os_job sync;
    int sync_rc, sync_fd;
    int32_t epoch;
    struct kp_writer batch;
    int applying; /* shards that have not answered */
    char *dir;
};

struct apply {
    struct os_msg msg;
    struct controller *c;
    struct slice batch; /* borrowed from c->batch until the answer is back */
};

static _Noreturn void die(const char *what, const char *why)
{
    logline(LOG_ERROR, "controller",
            "%s: %s; stopping, because a controller that cannot remember must not decide", what, why);
    exit(1);
}

struct apply_ctx {
    struct image *im;
    char why[160];
};
static int apply_value(void *arg, struct slice value, int64_t offset)
{
    struct apply_ctx *x = arg;
    return image_apply(x->im, value, offset, x->why);
}

static void start_next(struct controller *c);

static void op_finished(struct os_msg *m, void *owner)
{
    struct ctl_op *op = CONTAINER_OF(m, struct ctl_op, msg);
    op->done(op, owner);
}

static void finish(struct controller *c)
{
    struct ctl_op *op = LIST_ENTRY(list_pop_front(&c->queue), struct ctl_op, link);
    c->busy = false;
    op->msg.run = op_finished;
    shard_send(c->zero->shard, op->home, &op->msg);
    if (!c->busy) start_next(c);
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
    if (ctl_each(a->batch, apply_value, &x)) die("cannot apply metadata", x.why);
    a->msg.run = applied;
    shard_send(s, 0, &a->msg);
}

static void sync_run(struct os_job *j)
{
    struct controller *c = CONTAINER_OF(j, struct controller, sync);
    c->sync_rc = os_fdatasync(c->zero->shard->os, c->sync_fd);
}

static void sync_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct controller *c = CONTAINER_OF(j, struct controller, sync);
    if (c->sync_rc) die("syncing the metadata log failed", os_why());
    struct shard *s = c->zero->shard;
    c->applying = s->n + 1; /* one for this loop, so that finish runs once */
    for (int i = 0; i < s->n; i++) {
        struct apply *a = xcalloc(1, sizeof *a);
        a->msg.run = apply_here;
        a->msg.apart = true; /* it may open many partitions */
        a->c = c;
        a->batch = kp_writer_slice(&c->batch);
        shard_send(s, i, &a->msg);
    }
    if (--c->applying == 0) finish(c);
}

static int write_batch(struct controller *c, const struct ctl_records *rs, int control_type)
{
    struct batch_head h;
    int64_t now = os_wall_ms(c->zero->shard->os);
    kp_writer_reset(&c->batch);
    ctl_seal(rs, c->log->end_offset, c->epoch, now, control_type, &c->batch);
    int rc = batch_head_parse(kp_writer_slice(&c->batch), &h);
    ASSERT(rc == 0);
    if ((rc = log_append(c->log, c->batch.p, &h, now)) != 0) return rc;
    return log_flush(c->log);
}

static void start_next(struct controller *c)
{
    while (!c->busy && !list_empty(&c->queue)) {
        struct ctl_op *op = LIST_ENTRY(c->queue.next, struct ctl_op, link);
        struct broker *b = c->zero;
        struct ctl_now now = {
            .prng = &b->prng, .conf = &b->conf, .node_id = b->node->id, .dir_id = b->node->dirs[0].id};
        struct ctl_records rs;
        ctl_records_init(&rs);
        c->busy = true;
        op->build(op, b, &now, &rs);
        if (rs.n == 0) {
            list_remove(&op->link);
            c->busy = false;
            op->msg.run = op_finished;
            shard_send(b->shard, op->home, &op->msg);
        } else {
            if (write_batch(c, &rs, -1)) die("writing the metadata log failed", os_why());
            struct log_seg *seg = c->log->segs[c->log->segs_n - 1];
            if (log_seg_open(seg)) die("opening the metadata log failed", os_why());
            if (seg->refs == 0) log_seg_get(seg); /* pinned: always the one being synced */
            c->sync_fd = seg->fd;
            c->sync.run = sync_run;
            c->sync.done = sync_done;
            os_submit(b->shard->os, &c->sync);
        }
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

void ctl_submit(struct broker *b, struct ctl_op *op)
{
    op->home = b->shard->id;
    op->err = 0;
    op->msg.run = enqueue;
    shard_send(b->shard, 0, &op->msg);
}

/* ---- start ---- */
struct load {
    struct image **images;
    int n;
    int rc;
    char why[160];
};

static void load_batch(void *arg, const uint8_t *batch, const struct batch_head *h)
{
    struct load *x = arg;
    for (int i = 0; i < x->n && x->rc == 0; i++) {
        struct apply_ctx y = {.im = x->images[i]};
        x->rc = ctl_each(slice_of(batch, (size_t)h->bytes), apply_value, &y);
        if (x->rc) snprintf(x->why, sizeof x->why, "%s", y.why);
    }
}

static int write_quorum_state(struct controller *c)
{
    char path[4200], text[200];
    snprintf(path, sizeof path, "%s/quorum-state", c->dir);
    int n = snprintf(text, sizeof text,
                     "{\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":-1,\"votedDirectoryId\":"
                     "\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}",
                     c->zero->node->id, c->epoch);
    return os_write_file_atomic(c->zero->shard->os, path, text, (size_t)n);
}

static int32_t read_quorum_epoch(struct controller *c)
{
    char path[4200];
    struct strbuf b;
    strbuf_init(&b);
    snprintf(path, sizeof path, "%s/quorum-state", c->dir);
    int epoch = 0;
    if (os_read_file(c->zero->shard->os, path, 4096, &b) == 0) {
        const char *p = strstr(strbuf_cstr(&b), "\"leaderEpoch\":");
        if (p) epoch = atoi(p + 14);
    }
    strbuf_fini(&b);
    return epoch;
}

int controller_open(struct broker *zero, struct image **images, int n, const char *dir, struct strbuf *why)
{
    struct os *os = zero->shard->os;
    struct controller *c = xcalloc(1, sizeof *c);
    char path[4096];
    snprintf(path, sizeof path, "%s/__cluster_metadata-0", dir);
    c->zero = zero;
    c->dir = xstrdup(path);
    list_init(&c->queue);
    kp_writer_init(&c->batch, 4096);
    zero->ctl = c;
    struct load x = {.images = images, .n = n};
    struct log_cfg cfg = {.segment_bytes = 1 << 30,
                          .segment_ms = INT64_MAX,
                          .segment_index_bytes = 10 << 20,
                          .index_interval_bytes = 4096,
                          .retention_ms = -1,
                          .retention_bytes = -1};
    struct log_open_opts o = {.start_offset = 0, .replay_from = 0, .scan_cb = load_batch, .scan_arg = &x};
    int rc = log_open(os, &zero->shard->files, path, &cfg, &o, &c->log);
    if (rc) {
        strbuf_printf(why, "cannot open the metadata log %s: %s", path, os_why());
        return rc;
    }
    if (o.cut[0]) logline(LOG_WARN, path, "recovery %s", o.cut);
    if (x.rc) {
        strbuf_printf(why, "%s: %s", path, x.why);
        return x.rc;
    }
    c->epoch = (int32_t)max_i64(read_quorum_epoch(c), log_epoch_of(c->log, c->log->end_offset)) + 1;
    if ((rc = write_quorum_state(c)) != 0)
        strbuf_printf(why, "cannot write %s/quorum-state: %s", path, os_why());
    return rc;
}

static const struct {
    const char *name;
    int16_t level;
} features[] = {
    {"metadata.version", 30}, /* 4.3-IV0 */
    {"group.version", 0},
    {"transaction.version", 0},
    {"share.version", 0},
    {"streams.version", 0},
    {"eligible.leader.replicas.version", 0},
};

static void put_features(const struct image *im, struct ctl_records *rs)
{
    for (size_t i = 0; i < NELEMS(features); i++) {
        bool known = im->features_n > 0;
        if (known || features[i].level == 0) continue;
        struct kp_feature_level_record r = {.name = slice_cstr(features[i].name),
                                            .feature_level = features[i].level};
        ctl_put(rs, &kp_feature_level_record_message, 0, &r);
    }
}

static void put_registration(struct broker *b, struct node *node, int64_t epoch, struct ctl_records *rs)
{
    struct kp_register_broker_record r;
    struct kp_register_broker_record_broker_feature f = {slice_cstr("metadata.version"), 7, 30};
    struct uuid dirs[64];
    kp_register_broker_record_init(&r);
    r.broker_id = node->id;
    r.incarnation_id = node->incarnation;
    r.broker_epoch = epoch;
    r.end_points = xcalloc(b->conf.advertised_n, sizeof *r.end_points);
    for (size_t i = 0; i < b->conf.advertised_n; i++) {
        const struct conf_listener *l = &b->conf.advertised[i];
        if (l->controller) continue;
        r.end_points[r.end_points_n++] = (struct kp_register_broker_record_broker_endpoint){
            slice_cstr(l->name), slice_cstr(l->host), (uint16_t)l->port, (int16_t)l->security};
    }
    r.features = &f;
    r.features_n = 1;
    const char *rack = conf_has(&b->conf, CONF_BROKER_RACK) ? conf_str(&b->conf, CONF_BROKER_RACK) : NULL;
    r.rack = slice_cstr(rack);
    r.fenced = false;
    r.log_dirs_n = (int32_t)min_i64(node->dirs_n, (int64_t)NELEMS(dirs));
    for (int i = 0; i < r.log_dirs_n; i++) dirs[i] = node->dirs[i].id;
    r.log_dirs = dirs;
    ctl_put(rs, &kp_register_broker_record_message, 3, &r);
    free(r.end_points);
}

/* Writes and applies records before the loops run. */
static int put_now(struct controller *c, struct image **images, int n, struct ctl_records *rs)
{
    int rc = write_batch(c, rs, -1);
    struct load x = {.images = images, .n = n};
    struct batch_head h;
    if (rc == 0) rc = batch_head_parse(kp_writer_slice(&c->batch), &h);
    if (rc == 0) {
        load_batch(&x, c->batch.p, &h);
        rc = x.rc;
    }
    return rc;
}

int controller_register(struct broker *zero, struct image **images, int n, struct node *node,
                        struct strbuf *why)
{
    struct controller *c = zero->ctl;
    struct ctl_records rs;
    struct kp_leader_change_message m;
    struct kp_leader_change_message_voter v = {.voter_id = node->id};
    struct kp_writer body;
    /* A new leader's epoch opens with a control record that names it. */
    kp_leader_change_message_init(&m);
    m.version = 0;
    m.leader_id = node->id;
    m.voters = m.granting_voters = &v;
    m.voters_n = m.granting_voters_n = 1;
    kp_writer_init(&body, 64);
    kp_leader_change_message_write(&body, 0, &m);
    ctl_records_init(&rs);
    kp_write_raw(&rs.w, kp_writer_slice(&body));
    kp_writer_fini(&body);
    size_t end = rs.w.n;
    rs.ends = &end;
    rs.n = 1;
    int rc = write_batch(c, &rs, 2);
    rs.ends = NULL;
    rs.n = 0;
    rs.w.n = 0;
    node->broker_epoch = c->log->end_offset;
    put_features(images[0], &rs);
    put_registration(zero, node, node->broker_epoch, &rs);
    if (rc == 0) rc = put_now(c, images, n, &rs);
    ctl_records_fini(&rs);
    if (rc == 0) rc = log_close(c->log, true);
    if (rc) strbuf_printf(why, "cannot write the metadata log in %s: %s", c->dir, os_why());
    return rc;
}

int controller_close(struct controller *c)
{
    int rc = log_close(c->log, true);
    LIST_FOREACH(l, &c->queue) list_remove(l);
    log_free(c->log);
    kp_writer_fini(&c->batch);
    free(c->dir);
    free(c);
    return rc;
}
