/* WriteTxnMarkers: a transaction's end is written into each of its partitions. Transaction coordinators ask
 * for it, and whoever ends by hand what was left open (Admin.abortTransaction). */
#include "broker/groups.h"
#include "api/handlers.h"
#include "kp/batch.h"
#include "kp/write_txn_markers.h"

struct markers;
struct marker_part {
    struct os_msg msg;
    struct part_append append;
    struct markers *markers;
    const struct kp_write_txn_markers_request_writable_txn_marker *in;
    struct uuid topic_id;
    int32_t index;
    bool offsets; /* a partition of __consumer_offsets */
    struct kp_writer batch;
    struct kp_write_txn_markers_response_writable_txn_marker_partition_result *out;
};
struct markers {
    struct req *r;
    struct kp_write_txn_markers_request in;
    struct kp_write_txn_markers_response out;
    int waiting;
};

static void finish(struct markers *m)
{
    if (--m->waiting == 0) API_REPLY(m->r, write_txn_markers, &m->out);
}

static void home(struct os_msg *msg, void *owner)
{
    (void)owner;
    struct marker_part *x = CONTAINER_OF(msg, struct marker_part, msg);
    x->out->error_code = err_kafka(x->append.err);
    kp_writer_fini(&x->batch);
    finish(x->markers);
}

static void written(struct part_append *a, struct shard *s)
{
    struct marker_part *x = CONTAINER_OF(a, struct marker_part, append);
    if (a->err == 0 && x->offsets)
        groups_transaction_ended(s->broker->groups, x->topic_id, x->index, x->in->producer_id,
                                 x->in->transaction_result);
    x->msg.run = home;
    shard_send(s, x->markers->r->net->shard->id, &x->msg);
}

static void build(struct marker_part *x, int64_t now_ms)
{
    struct batch_builder b;
    uint8_t value[6] = {0}; /* EndTxnMarker: version 0, then the coordinator's epoch */
    store_be32(value + 2, (uint32_t)x->in->coordinator_epoch);
    batch_builder_init(&b);
    b.attributes = BATCH_TRANSACTIONAL;
    b.producer_id = x->in->producer_id;
    b.producer_epoch = x->in->producer_epoch;
    b.base_sequence = -1;
    batch_add_control(&b, now_ms, x->in->transaction_result ? CONTROL_COMMIT : CONTROL_ABORT,
                      slice_of(value, sizeof value));
    int rc = batch_finish(&b, &x->batch);
    ASSERT(rc == 0); /* small, and not compressed */
    batch_builder_fini(&b);
}

static void there(struct os_msg *msg, void *owner)
{
    struct shard *s = owner;
    struct marker_part *x = CONTAINER_OF(msg, struct marker_part, msg);
    struct part *p = parts_find(&s->broker->parts, x->topic_id, x->index);
    if (!p) {
        x->append.err = ERR_KAFKA_STORAGE_ERROR;
        written(&x->append, s);
        return;
    }
    build(x, os_wall_ms(s->os));
    x->append.records = kp_writer_slice(&x->batch);
    part_append(p, &x->append);
}

static void send(struct markers *m, const struct kp_write_txn_markers_request_writable_txn_marker *in,
                 const struct image_topic *t, int32_t index,
                 struct kp_write_txn_markers_response_writable_txn_marker_partition_result *out)
{
    struct broker *b = req_broker(m->r);
    struct marker_part *x = arena_zalloc(&m->r->arena, 1, sizeof *x);
    *x = (struct marker_part){
        .msg.run = there,
        .append = {.acks_all = true,
                   .internal = true,
                   .done = written,
                   .transaction_version = in->transaction_version},
        .markers = m,
        .in = in,
        .topic_id = t->id,
        .index = index,
        .offsets = strcmp(t->name, GROUPS_TOPIC) == 0,
        .out = out,
    };
    kp_writer_init(&x->batch, 0);
    m->waiting++;
    shard_send(b->shard, broker_part_shard(b, t->id, index), &x->msg);
}

static void one_marker(struct markers *m, const struct kp_write_txn_markers_request_writable_txn_marker *in,
                       struct kp_write_txn_markers_response_writable_txn_marker_result *out)
{
    struct arena *a = &m->r->arena;
    out->producer_id = in->producer_id;
    out->topics = arena_zalloc(a, (size_t)in->topics_n, sizeof *out->topics);
    out->topics_n = in->topics_n;
    for (int32_t i = 0; i < in->topics_n; i++) {
        struct image_topic *t = image_topic(&req_broker(m->r)->image, in->topics[i].name);
        int32_t n = in->topics[i].partition_indexes_n;
        out->topics[i].name = in->topics[i].name;
        out->topics[i].partitions = arena_zalloc(a, (size_t)n, sizeof *out->topics[i].partitions);
        out->topics[i].partitions_n = n;
        for (int32_t k = 0; k < n; k++) {
            int32_t index = in->topics[i].partition_indexes[k];
            out->topics[i].partitions[k].partition_index = index;
            bool sane = in->producer_id >= 0 && in->producer_epoch >= 0;
            if (!t || index < 0 || index >= t->parts_n)
                out->topics[i].partitions[k].error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
            else if (!sane) /* Kafka has no error of its own for it */
                out->topics[i].partitions[k].error_code = KERR_UNKNOWN_SERVER_ERROR;
            else send(m, in, t, index, &out->topics[i].partitions[k]);
        }
    }
}

void api_write_txn_markers(struct req *r)
{
    struct markers *m = arena_zalloc(&r->arena, 1, sizeof *m);
    m->r = r;
    if (!API_READ(r, write_txn_markers, &m->in)) return;
    kp_write_txn_markers_response_init(&m->out);
    m->out.markers = arena_zalloc(&r->arena, (size_t)m->in.markers_n, sizeof *m->out.markers);
    m->out.markers_n = m->in.markers_n;
    m->waiting = 1;
    for (int32_t i = 0; i < m->in.markers_n; i++) one_marker(m, &m->in.markers[i], &m->out.markers[i]);
    finish(m);
}
