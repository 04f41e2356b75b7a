/* Produce: the batches of a request go to their partitions' shards and come home with offsets. */
#include "api/broker.h"
#include "api/handlers.h"
#include "kp/produce.h"

#include <stdlib.h>

struct produce;
struct piece {
    struct os_msg msg;
    struct part_append append;
    struct produce *produce;
    struct uuid topic_id;
    int32_t index;
    struct kp_produce_response_partition_produce_response *out;
};
struct produce {
    struct req *r;
    struct kp_produce_request in;
    struct kp_produce_response out;
    int waiting;
    int failed;
    const char *first_error;
};

static void finish(struct produce *p)
{
    struct req *r = p->r;
    if (p->in.acks == 0) {
        /* There is no answer to carry an error; closing is how such a producer learns of it. */
        if (p->failed) {
            req_kill(r, p->first_error ? p->first_error : "a produce request with acks=0 failed");
            return;
        }
        r->no_reply = true;
        req_reply(r);
        return;
    }
    API_REPLY(r, produce, &p->out);
}

static void set_error(struct produce *p, struct kp_produce_response_partition_produce_response *o, int err, const char *why)
{
    o->error_code = err_kafka(err);
    o->base_offset = -1;
    o->log_append_time_ms = -1;
    o->log_start_offset = -1;
    if (why) o->error_message = slice_cstr(why);
    p->failed++;
    if (!p->first_error) p->first_error = why ? why : err_text(err);
}

static void piece_home(struct os_msg *m, void *owner)
{
    (void)owner;
    struct piece *x = CONTAINER_OF(m, struct piece, msg);
    struct produce *p = x->produce;
    struct part_append *a = &x->append;
    struct kp_produce_response_partition_produce_response *o = x->out;
    if (a->err) {
        set_error(p, o, a->err, a->why);
        if (a->bad_records_n) {
            o->record_errors = arena_zalloc(&p->r->arena, (size_t)a->bad_records_n, sizeof *o->record_errors);
            for (int i = 0; i < a->bad_records_n; i++) {
                o->record_errors[i].batch_index = a->bad_records[i];
                if (a->why) o->record_errors[i].batch_index_error_message = slice_cstr(a->why);
            }
            o->record_errors_n = a->bad_records_n;
            if (a->err == ERR_INVALID_RECORD) o->error_message = slice_cstr("One or more records have been rejected");
        }
    } else {
        o->base_offset = a->base_offset;
        o->log_append_time_ms = a->append_time_ms;
        o->log_start_offset = a->log_start_offset;
    }
    free(a->bad_records);
    a->bad_records = NULL;
    if (--p->waiting == 0) finish(p);
}

static void piece_done(struct part_append *a, struct shard *s)
{
    struct piece *x = CONTAINER_OF(a, struct piece, append);
    x->msg.run = piece_home;
    shard_send(s, x->produce->r->net->shard->id, &x->msg);
}

static void piece_append(struct os_msg *m, void *owner)
{
    struct piece *x = CONTAINER_OF(m, struct piece, msg);
    struct shard *s = owner;
    struct part *part = parts_find(&s->broker->parts, x->topic_id, x->index);
    if (!part) {
        x->append.err = ERR_KAFKA_STORAGE_ERROR;
        x->append.why = NULL;
        piece_done(&x->append, s);
        return;
    }
    part_append(part, &x->append);
}

void api_produce(struct req *r)
{
    struct broker *b = req_broker(r);
    struct produce *p = arena_zalloc(&r->arena, 1, sizeof *p);
    p->r = r;
    if (!API_READ(r, produce, &p->in)) return;
    kp_produce_response_init(&p->out);
    bool bad_acks = p->in.acks < -1 || p->in.acks > 1;
    p->out.responses_n = p->in.topic_data_n;
    p->out.responses = arena_zalloc(&r->arena, (size_t)p->in.topic_data_n, sizeof *p->out.responses);
    p->waiting = 1; /* until all are on their way */
    for (int32_t i = 0; i < p->in.topic_data_n; i++) {
        const struct kp_produce_request_topic_produce_data *t = &p->in.topic_data[i];
        struct kp_produce_response_topic_produce_response *to = &p->out.responses[i];
        struct image_topic *topic = r->version >= 13 ? image_topic_by_id(&b->image, t->topic_id) : image_topic(&b->image, t->name);
        *to = (struct kp_produce_response_topic_produce_response){.name = t->name, .topic_id = t->topic_id, .partition_responses_n = t->partition_data_n};
        to->partition_responses = arena_zalloc(&r->arena, (size_t)t->partition_data_n, sizeof *to->partition_responses);
        for (int32_t k = 0; k < t->partition_data_n; k++) {
            const struct kp_produce_request_partition_produce_data *d = &t->partition_data[k];
            struct kp_produce_response_partition_produce_response *o = &to->partition_responses[k];
            kp_produce_response_partition_produce_response_init(o);
            o->index = d->index;
            int err = 0;
            if (bad_acks) err = ERR_INVALID_REQUIRED_ACKS;
            else if (!topic) err = r->version >= 13 ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
            else if (d->index < 0 || d->index >= topic->parts_n) err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
            else if (topic_is_internal(slice_cstr(topic->name)) && !slice_eq_cstr(r->client_id, "__admin_client")) err = ERR_INVALID_TOPIC_EXCEPTION;
            else if (!d->records.s.p || d->records.s.n == 0) err = ERR_INVALID_RECORD;
            if (err) {
                set_error(p, o, err, NULL);
                continue;
            }
            struct piece *x = arena_zalloc(&r->arena, 1, sizeof *x);
            x->produce = p;
            x->topic_id = topic->id;
            x->index = d->index;
            x->out = o;
            x->append.records = d->records.s;
            x->append.acks_all = p->in.acks == -1;
            x->append.produce_version = r->version;
            x->append.done = piece_done;
            x->msg.run = piece_append;
            p->waiting++;
            shard_send(b->shard, broker_part_shard(b, topic->id, d->index), &x->msg);
        }
    }
    if (--p->waiting == 0) finish(p);
}

void produce_refuse_old(struct req *r)
{
    /* v0-2: throttle time stands at the end from v1 on; an empty answer with no topics tells nothing, so close. */
    req_kill(r, "produce requests below version 3 carry record formats that are not accepted any more");
}
