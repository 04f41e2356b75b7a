/* WriteTxnMarkers: a transaction's end is written into each of its partitions. Transaction coordinators ask
 * for it, and whoever ends by hand what was left open (Admin.abortTransaction). */
#include "broker/groups.h"
#include "api/handlers.h"
#include "api/turns.h"
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
#define MARKERS_TURN 500 /* partitions in a turn */

struct markers {
    struct turns turns;
    struct req *r;
    int32_t marker, topic, part; /* the partition of the request that is next */
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

static void markers_topic_begin(struct markers *m)
{
    const struct kp_write_txn_markers_request_writable_txn_marker *in = &m->in.markers[m->marker];
    struct kp_write_txn_markers_response_writable_txn_marker_result *out = &m->out.markers[m->marker];
    struct arena *a = &m->r->arena;
    if (m->topic == 0) {
        out->producer_id = in->producer_id;
        out->topics = arena_zalloc(a, (size_t)in->topics_n, sizeof *out->topics);
        out->topics_n = in->topics_n;
    }
    if (in->topics_n <= 0) return;
    int32_t n = in->topics[m->topic].partition_indexes_n;
    out->topics[m->topic].name = in->topics[m->topic].name;
    out->topics[m->topic].partitions = arena_zalloc(a, (size_t)n, sizeof *out->topics[m->topic].partitions);
    out->topics[m->topic].partitions_n = n;
}

static void markers_part(struct markers *m)
{
    const struct kp_write_txn_markers_request_writable_txn_marker *in = &m->in.markers[m->marker];
    struct image_topic *t = image_topic(&req_broker(m->r)->image, in->topics[m->topic].name);
    struct kp_write_txn_markers_response_writable_txn_marker_partition_result *o =
        &m->out.markers[m->marker].topics[m->topic].partitions[m->part];
    int32_t index = in->topics[m->topic].partition_indexes[m->part];
    o->partition_index = index;
    if (!t || index < 0 || index >= t->parts_n) o->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
    else if (in->producer_id < 0 || in->producer_epoch < 0) /* Kafka has no error of its own for it */
        o->error_code = KERR_UNKNOWN_SERVER_ERROR;
    else send(m, in, t, index, o);
}

static bool markers_step(struct turns *turns)
{
    struct markers *m = CONTAINER_OF(turns, struct markers, turns);
    for (int n = 0; m->marker < m->in.markers_n; n++) {
        const struct kp_write_txn_markers_request_writable_txn_marker *in = &m->in.markers[m->marker];
        if (n == MARKERS_TURN) return true;
        if (m->part == 0) markers_topic_begin(m);
        if (m->topic < in->topics_n && m->part < in->topics[m->topic].partition_indexes_n) {
            markers_part(m);
            m->part++;
        }
        if (m->topic < in->topics_n && m->part < in->topics[m->topic].partition_indexes_n) continue;
        m->part = 0;
        if (++m->topic < in->topics_n) continue;
        m->topic = 0;
        m->marker++;
    }
    finish(m);
    return false;
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
    turns_begin(&m->turns, r, markers_step);
}
