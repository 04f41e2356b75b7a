/* ListOffsets: by time and by the special times -1 (end) -2 (start) -3 (newest timestamp) -4 (local start) -5
 * (tiered). */
#include "api/handlers.h"
#include "api/seen.h"
#include "kp/batch.h"
#include "kp/list_offsets.h"

#include <stdlib.h>

enum {
    TIME_LATEST = -1,
    TIME_EARLIEST = -2,
    TIME_MAX = -3,
    TIME_EARLIEST_LOCAL = -4,
    TIME_LATEST_TIERED = -5,
    TIME_EARLIEST_PENDING_UPLOAD = -6
};

struct lo;
struct lo_part {
    struct os_msg msg;
    struct log_warm warm;
    struct lo *lo;
    struct uuid topic_id;
    const struct kp_list_offsets_request_list_offsets_partition *in;
    struct kp_list_offsets_response_list_offsets_partition_response *out;
};
struct lo {
    struct req *r;
    struct kp_list_offsets_request in;
    struct kp_list_offsets_response out;
    int waiting;
};

static void home(struct os_msg *m, void *owner)
{
    (void)owner;
    struct lo *lo = CONTAINER_OF(m, struct lo_part, msg)->lo;
    if (--lo->waiting == 0) API_REPLY(lo->r, list_offsets, &lo->out);
}

#define BODY_MAX ((size_t)512 << 20) /* what a compressed batch may grow to for a look-up */

/* The first record of one batch at or after a time. */
static int first_in_batch(struct part *p, const struct log_range *range, int64_t time_ms, int64_t *offset,
                          int64_t *found_ms)
{
    uint8_t *b = xmalloc((size_t)range->bytes);
    ssize_t n = log_pread(range->seg, "log", range->seg->fd, b, (size_t)range->bytes, range->pos);
    struct batch_head h = {0};
    struct kp_writer scratch;
    struct slice body;
    struct record_iter it;
    struct record rec;
    kp_writer_init(&scratch, 0);
    int rc = n < 0 ? (int)n : batch_head_parse(slice_of(b, (size_t)n), &h);
    if (rc == 0) rc = batch_body(b, &h, BODY_MAX, &scratch, &body);
    if (rc == 0) {
        record_iter_init(&it, &h, body);
        while (record_next(&it, &rec)) {
            if (rec.time_ms < time_ms || rec.offset < p->log->start_offset) continue;
            *offset = rec.offset;
            *found_ms = rec.time_ms;
            break;
        }
        rc = it.err;
    }
    kp_writer_fini(&scratch);
    free(b);
    return rc;
}

static int lookup(struct part *p, const struct lo_part *x, bool committed)
{
    struct kp_list_offsets_response_list_offsets_partition_response *o = x->out;
    struct log *l = p->log;
    struct log_range range;
    int64_t t = x->in->timestamp, end = committed ? part_last_stable_offset(p) : p->high_watermark;
    int rc = 0;
    o->timestamp = -1;
    o->leader_epoch = -1;
    switch (t) {
    case TIME_LATEST:
        o->offset = end;
        o->leader_epoch = p->leader_epoch;
        return 0;
    case TIME_EARLIEST:
    case TIME_EARLIEST_LOCAL:
        o->offset = l->start_offset;
        o->leader_epoch = log_epoch_of(l, l->start_offset);
        if (o->leader_epoch < 0)
            o->leader_epoch = p->leader_epoch; /* no record there yet: it will have this epoch */
        return 0;
    case TIME_LATEST_TIERED:
    case TIME_EARLIEST_PENDING_UPLOAD:
        o->offset = -1;
        return 0; /* nothing is tiered */
    case TIME_MAX:
        rc = log_find_max_time(l, &t, &range);
        break;
    default:
        rc = log_find_time(l, t, &range);
        break;
    }
    o->offset = -1;
    if (rc || !range.seg) return rc;
    rc = first_in_batch(p, &range, t, &o->offset, &o->timestamp);
    log_seg_put(range.seg);
    if (rc == 0 && o->offset >= end) {
        o->offset = -1;
        o->timestamp = -1;
    }
    if (o->offset >= 0) o->leader_epoch = log_epoch_of(l, o->offset);
    return rc;
}

static void visit(struct os_msg *m, void *owner);
static void visit_again(struct log_warm *w, void *owner)
{
    visit(&CONTAINER_OF(w, struct lo_part, warm)->msg, owner);
}

static void visit(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct lo_part *x = CONTAINER_OF(m, struct lo_part, msg);
    struct part *p = parts_find(&s->broker->parts, x->topic_id, x->in->partition_index);
    int rc = p && !p->log->faulted ? 0 : ERR_KAFKA_STORAGE_ERROR;
    int32_t epoch = x->in->current_leader_epoch;
    if (rc == 0 && epoch != -1 && epoch != p->leader_epoch)
        rc = epoch < p->leader_epoch ? ERR_FENCED_LEADER_EPOCH : ERR_UNKNOWN_LEADER_EPOCH;
    if (rc == 0 && part_settle(p) && p->log->faulted) rc = ERR_KAFKA_STORAGE_ERROR;
    if (rc == 0) {
        p->log->nowait = x->warm.tries < LOG_WARM_TRIES;
        rc = lookup(p, x, x->lo->in.isolation_level > 0);
        p->log->nowait = false;
        if (rc != ERR_BUSY && rc) part_read(p, rc, os_why());
    }
    if (rc == ERR_BUSY) {
        x->warm.again = visit_again;
        log_warm(p->log, &x->warm);
        return;
    }
    if (rc) {
        x->out->offset = x->out->timestamp = -1;
        x->out->error_code = err_kafka(rc);
    }
    m->run = home;
    shard_send(s, x->lo->r->net->shard->id, m);
}

static bool time_known(int64_t time, int16_t version)
{
    return time >= TIME_EARLIEST || (time == TIME_MAX && version >= 7) ||
           (time == TIME_EARLIEST_LOCAL && version >= 8) || (time == TIME_LATEST_TIERED && version >= 9) ||
           (time == TIME_EARLIEST_PENDING_UPLOAD && version >= 11);
}

static void fail(struct lo *lo, int err)
{
    struct req *r = lo->r;
    lo->out.topics_n = lo->in.topics_n;
    lo->out.topics = arena_zalloc(&r->arena, (size_t)lo->in.topics_n, sizeof *lo->out.topics);
    for (int32_t i = 0; i < lo->in.topics_n; i++) {
        const struct kp_list_offsets_request_list_offsets_topic *t = &lo->in.topics[i];
        struct kp_list_offsets_response_list_offsets_topic_response *to = &lo->out.topics[i];
        to->name = t->name;
        to->partitions_n = t->partitions_n;
        to->partitions = arena_zalloc(&r->arena, (size_t)t->partitions_n, sizeof *to->partitions);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            kp_list_offsets_response_list_offsets_partition_response_init(&to->partitions[k]);
            to->partitions[k].partition_index = t->partitions[k].partition_index;
            to->partitions[k].error_code = err_kafka(err);
            to->partitions[k].offset = to->partitions[k].timestamp = -1;
        }
    }
    API_REPLY(r, list_offsets, &lo->out);
}

void api_list_offsets(struct req *r)
{
    struct broker *b = req_broker(r);
    struct lo *lo = arena_zalloc(&r->arena, 1, sizeof *lo);
    lo->r = r;
    if (!API_READ(r, list_offsets, &lo->in)) return;
    kp_list_offsets_response_init(&lo->out);
    if (lo->in.isolation_level < 0 || lo->in.isolation_level > 1) { /* Kafka has no error of its own for it */
        fail(lo, ERR_UNKNOWN_SERVER_ERROR);
        return;
    }
    struct asked q;
    size_t n = 0;
    for (int32_t i = 0; i < lo->in.topics_n; i++) n += (size_t)lo->in.topics[i].partitions_n;
    asked_init(&q, &r->arena, (size_t)lo->in.topics_n, n, prng_next(&b->prng));
    for (int32_t i = 0; i < lo->in.topics_n; i++)
        for (int32_t k = 0; k < lo->in.topics[i].partitions_n; k++)
            asked_add(&q, lo->in.topics[i].name, i, lo->in.topics[i].partitions[k].partition_index,
                      &lo->in.topics[i].partitions[k]);
    lo->out.topics_n = q.topics_n;
    lo->out.topics = arena_zalloc(&r->arena, (size_t)q.topics_n, sizeof *lo->out.topics);
    for (int32_t i = 0; i < q.topics_n; i++) {
        lo->out.topics[i].name = lo->in.topics[q.topics[i].first].name;
        lo->out.topics[i].partitions =
            arena_zalloc(&r->arena, (size_t)q.topics[i].parts_n, sizeof *lo->out.topics[i].partitions);
    }
    lo->waiting = 1;
    for (int32_t i = 0; i < q.parts_n; i++) {
        struct kp_list_offsets_response_list_offsets_topic_response *to = &lo->out.topics[q.parts[i].topic];
        struct kp_list_offsets_response_list_offsets_partition_response *o =
            &to->partitions[to->partitions_n++];
        const struct kp_list_offsets_request_list_offsets_partition *in = q.parts[i].in;
        struct image_topic *topic = image_topic(&b->image, to->name);
        kp_list_offsets_response_list_offsets_partition_response_init(o);
        o->partition_index = in->partition_index;
        o->offset = o->timestamp = -1;
        if (q.parts[i].twice) o->error_code = KERR_INVALID_REQUEST;
        else if (!time_known(in->timestamp, r->version)) o->error_code = KERR_UNSUPPORTED_VERSION;
        else if (!topic || in->partition_index < 0 || in->partition_index >= topic->parts_n)
            o->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (o->error_code) continue;
        struct lo_part *x = arena_zalloc(&r->arena, 1, sizeof *x);
        *x = (struct lo_part){.msg.run = visit, .lo = lo, .topic_id = topic->id, .in = in, .out = o};
        lo->waiting++;
        shard_send(b->shard, broker_part_shard(b, topic->id, in->partition_index), &x->msg);
    }
    if (--lo->waiting == 0) API_REPLY(r, list_offsets, &lo->out);
}
