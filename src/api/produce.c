/* Produce: the batches of a request go to their partitions' shards and come home with offsets. */
#include "api/handlers.h"
#include "api/seen.h"
#include "kp/batch_head.h"
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
    struct asked asked;          /* in: struct kp_produce_request_partition_produce_data */
    struct image_topic **topics; /* of asked.topics; NULL: unknown */
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

static void set_error(struct produce *p, struct kp_produce_response_partition_produce_response *o, int err,
                      const char *why)
{
    o->error_code = err_kafka(err);
    o->base_offset = -1;
    o->log_append_time_ms = -1;
    o->log_start_offset = -1;
    p->failed++;
    if (!p->first_error) p->first_error = why ? why : err_text(err);
}

/* Errors after which Kafka does not look at the log any more. */
static bool tells_log_start(int err)
{
    return err != ERR_UNKNOWN_TOPIC_OR_PARTITION && err != ERR_NOT_LEADER_OR_FOLLOWER &&
           err != ERR_MESSAGE_TOO_LARGE && err != ERR_RECORD_LIST_TOO_LARGE && err != ERR_CORRUPT_MESSAGE &&
           err != ERR_KAFKA_STORAGE_ERROR;
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
        if (tells_log_start(a->err)) o->log_start_offset = a->log_start_offset;
        if (a->bad_records_n) {
            o->record_errors = arena_zalloc(&p->r->arena, (size_t)a->bad_records_n, sizeof *o->record_errors);
            for (int i = 0; i < a->bad_records_n; i++) {
                o->record_errors[i].batch_index = a->bad_records[i];
                if (a->why) o->record_errors[i].batch_index_error_message = slice_cstr(a->why);
            }
            o->record_errors_n = a->bad_records_n;
            o->error_message =
                slice_cstr(a->err == ERR_INVALID_RECORD ? "One or more records have been rejected" : a->why);
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

/* The partitions that the request names. One that it names twice is asked once, for what came last: so Kafka
 * does. */
static void list_parts(struct produce *p)
{
    struct broker *b = req_broker(p->r);
    struct arena *a = &p->r->arena;
    struct asked *q = &p->asked;
    bool by_id = p->r->version >= 13;
    size_t n = 0;
    for (int32_t i = 0; i < p->in.topic_data_n; i++) n += (size_t)p->in.topic_data[i].partition_data_n;
    asked_init(q, a, (size_t)p->in.topic_data_n, n, prng_next(&b->prng));
    for (int32_t i = 0; i < p->in.topic_data_n; i++) {
        const struct kp_produce_request_topic_produce_data *t = &p->in.topic_data[i];
        struct slice key = by_id ? slice_of(t->topic_id.b, sizeof t->topic_id.b) : t->name;
        for (int32_t k = 0; k < t->partition_data_n; k++)
            asked_add(q, key, i, t->partition_data[k].index, &t->partition_data[k]);
    }
    p->topics = arena_zalloc(a, (size_t)q->topics_n, sizeof *p->topics);
    p->out.responses = arena_zalloc(a, (size_t)q->topics_n, sizeof *p->out.responses);
    p->out.responses_n = q->topics_n;
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct kp_produce_request_topic_produce_data *t = &p->in.topic_data[q->topics[i].first];
        struct kp_produce_response_topic_produce_response *to = &p->out.responses[i];
        p->topics[i] = by_id ? image_topic_by_id(&b->image, t->topic_id) : image_topic(&b->image, t->name);
        *to = (struct kp_produce_response_topic_produce_response){.name = t->name, .topic_id = t->topic_id};
        to->partition_responses =
            arena_zalloc(a, (size_t)q->topics[i].parts_n, sizeof *to->partition_responses);
    }
}

static struct slice records_of(const struct asked_part *e)
{
    const struct kp_produce_request_partition_produce_data *d = e->in;
    return d->records.s;
}

/* Whether a whole batch stands at the start of s. 1: yes; 0: the bytes end before it does;
 * ERR_CORRUPT_MESSAGE. */
static int whole_batch(struct slice s)
{
    if (s.n < BATCH_PREFIX_BYTES) return 0;
    int32_t len = (int32_t)load_be32(s.p + BATCH_AT_LENGTH);
    if (len < 14) return ERR_CORRUPT_MESSAGE;
    if (s.n <= BATCH_AT_MAGIC) return 0;
    if (s.p[BATCH_AT_MAGIC] > 2) return ERR_CORRUPT_MESSAGE;
    return (size_t)len + BATCH_PREFIX_BYTES <= s.n;
}

/* Of a whole batch of magic 2. */
static unsigned codec_of(struct slice batch)
{
    return load_be16(batch.p + BATCH_AT_ATTRIBUTES) & BATCH_CODEC_MASK;
}
static bool is_modern(struct slice s)
{
    return whole_batch(s) == 1 && s.p[BATCH_AT_MAGIC] == 2;
}

/* What a produce request may carry for a partition: exactly one batch, of magic 2. */
static int check_records(const struct req *r, struct slice s)
{
    if (!is_modern(s)) return ERR_INVALID_RECORD;
    if (r->version < 7 && codec_of(s) == KP_CODEC_ZSTD) return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    size_t bytes = (size_t)load_be32(s.p + BATCH_AT_LENGTH) + BATCH_PREFIX_BYTES;
    int next = whole_batch(slice_of(s.p + bytes, s.n - bytes));
    return next == 1 ? ERR_INVALID_RECORD : next;
}

/* What refuses a request as a whole. */
static int check_all(const struct produce *p)
{
    for (int32_t i = 0; i < p->in.topic_data_n; i++) {
        const struct kp_produce_request_topic_produce_data *t = &p->in.topic_data[i];
        for (int32_t k = 0; k < t->partition_data_n; k++) {
            struct slice s = t->partition_data[k].records.s;
            int whole = whole_batch(s);
            if (whole < 0) return whole;
            if (is_modern(s) && load_be16(s.p + BATCH_AT_ATTRIBUTES) & BATCH_TRANSACTIONAL)
                return p->in.transactional_id.p ? 0 : ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
        }
    }
    for (int32_t i = 0; i < p->asked.parts_n; i++) {
        struct slice s = records_of(&p->asked.parts[i]);
        if (!p->topics[p->asked.parts[i].topic] || !is_modern(s)) continue;
        bool cut = load_be32(s.p + BATCH_AT_LENGTH) + BATCH_PREFIX_BYTES < BATCH_AT_PRODUCER_EPOCH;
        if (cut || (p->r->version < 7 && codec_of(s) >= KP_CODECS_N)) return ERR_UNKNOWN_SERVER_ERROR;
    }
    return 0;
}

static int check_part(const struct produce *p, const struct asked_part *e)
{
    const struct image_topic *topic = p->topics[e->topic];
    if (!topic) return p->r->version >= 13 ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (e->index < 0 || e->index >= topic->parts_n) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    int rc = check_records(p->r, records_of(e));
    if (rc) return rc;
    if (p->in.acks < -1 || p->in.acks > 1) return ERR_INVALID_REQUIRED_ACKS;
    bool internal = topic_is_internal(slice_cstr(topic->name));
    return internal && !slice_eq_cstr(p->r->client_id, "__admin_client") ? ERR_INVALID_TOPIC_EXCEPTION : 0;
}

void api_produce(struct req *r)
{
    struct broker *b = req_broker(r);
    struct produce *p = arena_zalloc(&r->arena, 1, sizeof *p);
    p->r = r;
    if (!API_READ(r, produce, &p->in)) return;
    kp_produce_response_init(&p->out);
    list_parts(p);
    int refused = check_all(p);
    p->waiting = 1; /* until all are on their way */
    for (int32_t i = 0; i < p->asked.parts_n; i++) {
        const struct asked_part *e = &p->asked.parts[i];
        const struct image_topic *topic = p->topics[e->topic];
        struct kp_produce_response_topic_produce_response *to = &p->out.responses[e->topic];
        struct kp_produce_response_partition_produce_response *o =
            &to->partition_responses[to->partition_responses_n++];
        kp_produce_response_partition_produce_response_init(o);
        o->index = e->index;
        int err = refused ? refused : check_part(p, e);
        if (err) {
            set_error(p, o, err, NULL);
            if (refused == ERR_CORRUPT_MESSAGE) o->error_message = slice_cstr(err_text(err));
            continue;
        }
        struct piece *x = arena_zalloc(&r->arena, 1, sizeof *x);
        x->produce = p;
        x->topic_id = topic->id;
        x->index = e->index;
        x->out = o;
        x->append.records = records_of(e);
        x->append.acks_all = p->in.acks == -1;
        x->append.done = piece_done;
        x->msg.run = piece_append;
        p->waiting++;
        shard_send(b->shard, broker_part_shard(b, topic->id, e->index), &x->msg);
    }
    if (--p->waiting == 0) finish(p);
}

void produce_refuse_old(struct req *r)
{
    /* v0-2: throttle time stands at the end from v1 on; an empty answer with no topics tells nothing, so
     * close. */
    req_kill(r, "produce requests below version 3 carry record formats that are not accepted any more");
}
