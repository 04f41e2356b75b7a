/* DeleteRecords, OffsetForLeaderEpoch, DescribeProducers, DescribeLogDirs: questions to partitions where they
 * live. */
#include "api/handlers.h"
#include "api/seen.h"
#include "api/spread.h"
#include "kp/delete_records.h"
#include "kp/describe_producers.h"
#include "kp/offset_for_leader_epoch.h"

#include <stdlib.h>

static struct image_topic *topic_of(struct req *r, struct slice name, int32_t index)
{
    struct image_topic *t = image_topic(&req_broker(r)->image, name);
    return t && index >= 0 && index < t->parts_n ? t : NULL;
}

/* ---- DeleteRecords ---- */
struct deletion {
    struct spread spread;
    struct kp_delete_records_request in;
    struct kp_delete_records_response out;
};

static void delete_done(struct spread *s)
{
    API_REPLY(s->r, delete_records, &CONTAINER_OF(s, struct deletion, spread)->out);
}

static void delete_visit(struct spread_part *x, struct part *p, struct broker *there)
{
    (void)there;
    const struct kp_delete_records_request_delete_records_partition *q = x->in;
    struct kp_delete_records_response_delete_records_partition_result *o = x->out;
    int rc = p ? part_delete_records(p, q->offset) : ERR_KAFKA_STORAGE_ERROR;
    o->error_code = err_kafka(rc);
    o->low_watermark = rc ? -1 : p->log->start_offset;
}

void api_delete_records(struct req *r)
{
    struct deletion *d = arena_zalloc(&r->arena, 1, sizeof *d);
    if (!API_READ(r, delete_records, &d->in)) return;
    kp_delete_records_response_init(&d->out);
    struct asked q;
    size_t n = 0;
    for (int32_t i = 0; i < d->in.topics_n; i++) n += (size_t)d->in.topics[i].partitions_n;
    asked_init(&q, &r->arena, (size_t)d->in.topics_n, n, prng_next(&req_broker(r)->prng));
    for (int32_t i = 0; i < d->in.topics_n; i++)
        for (int32_t k = 0; k < d->in.topics[i].partitions_n; k++)
            asked_add(&q, d->in.topics[i].name, i, d->in.topics[i].partitions[k].partition_index,
                      &d->in.topics[i].partitions[k]);
    d->out.topics_n = q.topics_n;
    d->out.topics = arena_zalloc(&r->arena, (size_t)q.topics_n, sizeof *d->out.topics);
    for (int32_t i = 0; i < q.topics_n; i++) {
        d->out.topics[i].name = d->in.topics[q.topics[i].first].name;
        d->out.topics[i].partitions =
            arena_zalloc(&r->arena, (size_t)q.topics[i].parts_n, sizeof *d->out.topics[i].partitions);
    }
    spread_begin(&d->spread, r, delete_done);
    for (int32_t i = 0; i < q.parts_n; i++) {
        struct kp_delete_records_response_delete_records_topic_result *to = &d->out.topics[q.parts[i].topic];
        struct kp_delete_records_response_delete_records_partition_result *o =
            &to->partitions[to->partitions_n++];
        struct image_topic *topic = topic_of(r, to->name, q.parts[i].index);
        o->partition_index = q.parts[i].index;
        o->low_watermark = -1;
        if (!topic) o->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        else if (topic_is_internal(to->name)) o->error_code = KERR_INVALID_TOPIC_EXCEPTION;
        else {
            struct conf_topic cfg;
            broker_topic_conf(req_broker(r), topic, &cfg);
            if (!cfg.cleanup_delete && cfg.cleanup_compact) o->error_code = KERR_POLICY_VIOLATION;
            else spread_to(&d->spread, topic, q.parts[i].index, delete_visit, q.parts[i].in, o);
        }
    }
    spread_end(&d->spread);
}

/* ---- OffsetForLeaderEpoch ---- */
struct epochs {
    struct spread spread;
    struct kp_offset_for_leader_epoch_request in;
    struct kp_offset_for_leader_epoch_response out;
};

static void epochs_done(struct spread *s)
{
    API_REPLY(s->r, offset_for_leader_epoch, &CONTAINER_OF(s, struct epochs, spread)->out);
}

static void epochs_visit(struct spread_part *x, struct part *p, struct broker *there)
{
    (void)there;
    const struct kp_offset_for_leader_epoch_request_offset_for_leader_partition *q = x->in;
    struct kp_offset_for_leader_epoch_response_epoch_end_offset *o = x->out;
    if (!p) o->error_code = KERR_KAFKA_STORAGE_ERROR;
    else if (q->current_leader_epoch != -1 && q->current_leader_epoch != p->leader_epoch)
        o->error_code =
            q->current_leader_epoch < p->leader_epoch ? KERR_FENCED_LEADER_EPOCH : KERR_UNKNOWN_LEADER_EPOCH;
    else part_end_of_epoch(p, q->leader_epoch, &o->leader_epoch, &o->end_offset);
}

void api_offset_for_leader_epoch(struct req *r)
{
    struct epochs *e = arena_zalloc(&r->arena, 1, sizeof *e);
    if (!API_READ(r, offset_for_leader_epoch, &e->in)) return;
    kp_offset_for_leader_epoch_response_init(&e->out);
    e->out.topics_n = e->in.topics_n;
    e->out.topics = arena_zalloc(&r->arena, (size_t)e->in.topics_n, sizeof *e->out.topics);
    spread_begin(&e->spread, r, epochs_done);
    for (int32_t i = 0; i < e->in.topics_n; i++) {
        const struct kp_offset_for_leader_epoch_request_offset_for_leader_topic *t = &e->in.topics[i];
        struct kp_offset_for_leader_epoch_response_offset_for_leader_topic_result *to = &e->out.topics[i];
        to->topic = t->topic;
        to->partitions_n = t->partitions_n;
        to->partitions = arena_zalloc(&r->arena, (size_t)t->partitions_n, sizeof *to->partitions);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            struct image_topic *topic = topic_of(r, t->topic, t->partitions[k].partition);
            kp_offset_for_leader_epoch_response_epoch_end_offset_init(&to->partitions[k]);
            to->partitions[k].partition = t->partitions[k].partition;
            to->partitions[k].leader_epoch = -1;
            to->partitions[k].end_offset = -1;
            if (!topic) to->partitions[k].error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
            else
                spread_to(&e->spread, topic, t->partitions[k].partition, epochs_visit, &t->partitions[k],
                          &to->partitions[k]);
        }
    }
    spread_end(&e->spread);
}

/* ---- DescribeProducers ---- */
struct producers_of {
    struct spread spread;
    struct kp_describe_producers_request in;
    struct kp_describe_producers_response out;
};

static void producers_done(struct spread *s)
{
    struct producers_of *d = CONTAINER_OF(s, struct producers_of, spread);
    struct req *r = s->r;
    req_begin(r);
    kp_describe_producers_response_write(&r->out, r->version, &d->out);
    for (int32_t i = 0; i < d->out.topics_n; i++)
        for (int32_t k = 0; k < d->out.topics[i].partitions_n; k++)
            free(d->out.topics[i].partitions[k].active_producers);
    req_reply(r);
}

static void producers_visit(struct spread_part *x, struct part *p, struct broker *there)
{
    (void)there;
    struct kp_describe_producers_response_partition_response *o = x->out;
    if (!p) {
        o->error_code = KERR_KAFKA_STORAGE_ERROR;
        return;
    }
    o->active_producers = xcalloc(p->producers.map.n, sizeof *o->active_producers);
    MAP_FOREACH(it, struct producer, e, &p->producers.map)
    o->active_producers[o->active_producers_n++] = (struct kp_describe_producers_response_producer_state){
        .producer_id = e->id,
        .producer_epoch = e->epoch,
        .last_sequence = producer_last_sequence(e),
        .last_timestamp = e->last_time_ms,
        .coordinator_epoch = e->coordinator_epoch,
        .current_txn_start_offset = e->txn_first_offset,
    };
}

void api_describe_producers(struct req *r)
{
    struct producers_of *d = arena_zalloc(&r->arena, 1, sizeof *d);
    if (!API_READ(r, describe_producers, &d->in)) return;
    kp_describe_producers_response_init(&d->out);
    d->out.topics_n = d->in.topics_n;
    d->out.topics = arena_zalloc(&r->arena, (size_t)d->in.topics_n, sizeof *d->out.topics);
    struct strbuf why;
    strbuf_init(&why);
    spread_begin(&d->spread, r, producers_done);
    for (int32_t i = 0; i < d->in.topics_n; i++) {
        const struct kp_describe_producers_request_topic_request *t = &d->in.topics[i];
        struct kp_describe_producers_response_topic_response *to = &d->out.topics[i];
        to->name = t->name;
        to->partitions_n = t->partition_indexes_n;
        to->partitions = arena_zalloc(&r->arena, (size_t)t->partition_indexes_n, sizeof *to->partitions);
        for (int32_t k = 0; k < t->partition_indexes_n; k++) {
            struct image_topic *topic = topic_of(r, t->name, t->partition_indexes[k]);
            kp_describe_producers_response_partition_response_init(&to->partitions[k]);
            to->partitions[k].partition_index = t->partition_indexes[k];
            if (ctl_topic_name_check(t->name, &why))
                to->partitions[k].error_code = KERR_INVALID_TOPIC_EXCEPTION;
            else if (!topic) to->partitions[k].error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
            if (to->partitions[k].error_code && !image_topic(&req_broker(r)->image, t->name))
                to->partitions[k].error_message = slice_cstr(kafka_error_text(to->partitions[k].error_code));
            if (!to->partitions[k].error_code)
                spread_to(&d->spread, topic, t->partition_indexes[k], producers_visit, NULL,
                          &to->partitions[k]);
        }
    }
    strbuf_fini(&why);
    spread_end(&d->spread);
}
