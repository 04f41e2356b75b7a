/* A member and its listener: calls, acknowledgements, and what becomes of a record that is given up. */
#include "listen/member_int.h"
#include "listen/backoff.h"
#include "listen/call.h"
#include "listen/runtime.h"
#include "base/err.h"
#include "os/blocking.h"

#include <stdlib.h>

struct moldau_ack {
    struct member *m;
    struct order order;
};

/* ---- giving up ---- */
static struct moldau_template *dead_letters(struct member *m, struct strbuf *why)
{
    struct moldau_template_options o;
    moldau_template_options_init(&o);
    if (m->dead_letters) return m->dead_letters;
    o.bootstrap_servers = m->o->bootstrap_servers;
    o.properties = m->o->producer_properties;
    o.properties_n = m->o->producer_properties_n;
    o.client_id = "moldau-listen-dlt";
    return m->dead_letters = template_new(&o, why);
}

static void be(uint8_t out[8], uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

struct extra {
    struct moldau_header *v;
    size_t n;
};
static void add_header(struct extra *e, const char *name, const void *p, size_t n)
{
    e->v[e->n++] = (struct moldau_header){name, p, n};
}

/* To the dead-letter topic, or to the next of the retry topics: the headers that the record has, Spring's,
 * and its partition where there is such a one. */
#define EXTRA_HEADERS 13
static const char *const of_dead[] = {"kafka_dlt-original-topic", "kafka_dlt-original-partition",
                                      "kafka_dlt-original-offset", "kafka_dlt-original-timestamp",
                                      "kafka_dlt-original-timestamp-type"};
/* Where there are retry topics, of dead letters, too. */
static const char *const of_retries[] = {"kafka_original-topic", "kafka_original-partition",
                                         "kafka_original-offset", "kafka_original-timestamp",
                                         "kafka_original-timestamp-type"};

static int send_on(struct member *m, const struct moldau_record *r, int attempt, const char *why_failed,
                   struct strbuf *why)
{
    int next = m->c.retry_level + 1;
    bool retry = next < m->o->retry_topics;
    struct moldau_template *t = dead_letters(m, why);
    if (!t) return ERR_INVALID_CONFIG;
    /* A retry topic's records keep what they were first. */
    const struct moldau_header *first = moldau_header(r, "kafka_original-topic"),
                               *began = moldau_header(r, "retry_topic-original-timestamp");
    struct strbuf base = {0}, to = {0};
    if (first) strbuf_add(&base, first->value, first->value_n);
    else strbuf_add_cstr(&base, r->topic);
    strbuf_add(&to, base.s, base.n);
    if (retry) strbuf_printf(&to, "%s-%d", m->o->retry_suffix, next);
    else strbuf_add_cstr(&to, m->o->dead_letter_suffix);

    uint8_t partition[8], offset[8], time[8], attempts[8], due[8], since[8], size[8];
    int64_t pause =
        backoff_pause_ms(m->o->backoff_ms, m->o->backoff_factor, m->o->backoff_max_ms, 0, next + 1, 0);
    be(partition, (uint32_t)r->partition, 4);
    be(offset, (uint64_t)r->offset, 8);
    be(time, (uint64_t)r->timestamp_ms, 8);
    be(attempts, (uint32_t)attempt + 1, 4);
    be(due, (uint64_t)(os_now_wall_ms() + pause), 8);
    be(since, (uint64_t)r->timestamp_ms, 8);
    struct moldau_header *v = xcalloc(r->headers_n + EXTRA_HEADERS, sizeof *v);
    struct extra e = {v, 0};
    for (size_t i = 0; i < r->headers_n; i++) {
        const char *n = r->headers[i].name;
        /* Those of the last attempt; Spring lets the numbers of retries pile up in the dead letter. */
        if (m->o->retry_topics &&
            (strncmp(n, "kafka_exception-", 16) == 0 || (retry && strncmp(n, "retry_topic-", 12) == 0)))
            continue;
        v[e.n++] = r->headers[i];
    }
    const char *type = r->timestamp_type == MOLDAU_TIMESTAMP_LOG_APPEND ? "LogAppendTime" : "CreateTime";
    const char *fqcn = "moldau.listen.HandlerFailed";
    if (!m->o->retry_topics || !first) {
        const char *const *name = m->o->retry_topics ? of_retries : of_dead;
        add_header(&e, name[0], r->topic, strlen(r->topic));
        add_header(&e, name[1], partition, 4);
        add_header(&e, name[2], offset, 8);
        add_header(&e, name[3], time, 8);
        add_header(&e, name[4], type, strlen(type));
        add_header(&e, "kafka_dlt-original-consumer-group", m->o->group, strlen(m->o->group));
    }
    if (retry) {
        add_header(&e, "retry_topic-original-timestamp", began ? began->value : since,
                   began ? began->value_n : 8);
        add_header(&e, "retry_topic-attempts", attempts, 4);
        add_header(&e, "retry_topic-backoff-timestamp", due, 8);
    }
    add_header(&e, m->o->retry_topics ? "kafka_exception-fqcn" : "kafka_dlt-exception-fqcn", fqcn,
               strlen(fqcn));
    add_header(&e, m->o->retry_topics ? "kafka_exception-message" : "kafka_dlt-exception-message", why_failed,
               strlen(why_failed));
    struct moldau_record out = *r;
    out.topic = to.s;
    out.headers = v;
    out.headers_n = e.n;
    out.timestamp_ms = retry ? 0 : r->timestamp_ms;
    int rc = m->o->transactional_id && !template_in_transaction(t) ? template_begin(t, why) : 0;
    for (bool again = rc == 0; again;) {
        rd_kafka_resp_err_t err = 0;
        strbuf_reset(why);
        rc = template_send_sync(t, &out, NULL, NULL, &err, why);
        again = rc && ((err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && out.partition >= 0) ||
                       (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && out.value));
        if (again && err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
            out.partition = MOLDAU_PARTITION_ANY; /* it has fewer */
        else if (again) { /* where it lies is said; it can be read there */ be(size, r->value_n, 8);
            add_header(&e, RUNTIME_TOO_LARGE_HEADER, size, 8);
            out.headers_n = e.n;
            out.value = NULL;
            out.value_n = 0;
        }
    }
    free(v);
    strbuf_fini(&base);
    strbuf_fini(&to);
    return rc;
}

static bool goes_on(const struct member *m)
{
    return m->o->given_up == MOLDAU_DEAD_LETTER || m->c.retry_level + 1 < m->o->retry_topics;
}

/* ---- calls of the listener ---- */
static const rd_kafka_message_t *message_at(struct member *m, int i)
{
    return container_record_at(&m->core, i)->cookie;
}

/* What a retry topic's record was tried already. */
static int tried_before(const struct moldau_record *r)
{
    const struct moldau_header *h = moldau_header(r, "retry_topic-attempts");
    if (!h || h->value_n != 4) return 0;
    const uint8_t *b = h->value;
    uint32_t n = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return n > 1 && n < 1000000 ? (int)n - 1 : 0;
}

static void records_of(struct member *m, int from, int n, int attempt)
{
    while ((size_t)n > m->records_cap) {
        m->records_cap = m->records_cap ? m->records_cap * 2 : 16;
        m->records = xrealloc(m->records, m->records_cap * sizeof *m->records);
    }
    for (int i = 0; i < n; i++) {
        const struct container_record *r = container_record_at(&m->core, from + i);
        message_record(r->cookie, m->places[r->place].topic, &m->headers, &m->records[i]);
    }
    message_point(&m->headers, m->records, (size_t)n);
    for (int i = 0; i < n; i++) m->records[i].attempt = attempt + tried_before(&m->records[i]);
}

/* When a retry topic's record may be worked on, 0: at once. */
static int64_t not_due_ms(const struct member *m, const struct moldau_record *r)
{
    const struct moldau_header *h = moldau_header(r, "retry_topic-backoff-timestamp");
    if (m->c.retry_level < 0 || !h || h->value_n != 8) return 0;
    int64_t left = (int64_t)load_be64(h->value) - os_now_wall_ms();
    return left > 0 && left <= m->o->backoff_max_ms ? left : 0;
}

static void set_why(struct member *m, const char *why)
{
    free(m->why);
    m->why = why ? xstrdup(why) : NULL;
}

static const char *why_of(const struct member *m)
{
    return m->why ? m->why : "the listener failed";
}

static enum moldau_result call_listener(struct member *m, struct moldau_call *call)
{
    const struct moldau_container_options *o = m->o;
    int kept = 0;
    if (o->on_record) {
        if (o->filter && o->filter(o->arg, m->records)) {
            moldau_call_acknowledge(call);
            return MOLDAU_OK;
        }
        return o->on_record(o->arg, m->records, call);
    }
    for (int i = 0; o->filter && i < call->n; i++)
        if (!o->filter(o->arg, &m->records[i])) m->records[kept++] = m->records[i];
    if (!o->filter) kept = call->n;
    if (kept) return o->on_batch(o->arg, m->records, (size_t)kept, call);
    moldau_call_acknowledge(call);
    return MOLDAU_OK;
}

/* Where in the poll a record of a filtered batch is. */
static int index_in_poll(struct member *m, const struct moldau_call *call, int index)
{
    for (int i = 0; m->o->filter && i < call->n; i++) {
        const rd_kafka_message_t *x = message_at(m, call->from + i);
        const struct moldau_record *r = &m->records[index];
        if (x->offset == r->offset && x->partition == r->partition &&
            strcmp(rd_kafka_topic_name(x->rkt), r->topic) == 0)
            return i;
    }
    return index;
}

void member_deliver(struct member *m, const struct container_effect *x)
{
    struct moldau_call call = {
        .m = m, .why = &m->why, .from = x->from, .n = x->n, .failed_at = -1, .nack_at = -1};
    struct container_event ev = {.type = CONTAINER_RETURNED, .failed = -1};
    struct strbuf why = {0};
    records_of(m, x->from, x->n, x->attempt);
    set_why(m, NULL);
    int64_t wait_ms = m->rewind ? 1 : not_due_ms(m, m->records);
    if (wait_ms) { /* it was not tried at all */
        ev = (struct container_event){.type = CONTAINER_NACKED, .pause_ms = wait_ms};
        member_step(m, &ev);
        return;
    }
    enum moldau_result result = MOLDAU_RETRY;
    if (m->o->transactional_id && template_begin(m->dead_letters, &why)) set_why(m, strbuf_cstr(&why));
    else result = call_listener(m, &call);
    strbuf_fini(&why);
    if (m->o->transactional_id && template_fatal(m->dead_letters))
        member_fatal(m, template_fatal(m->dead_letters));
    if (m->o->transactional_id && (result != MOLDAU_OK || call.nack_at >= 0) &&
        template_in_transaction(m->dead_letters))
        template_abort(m->dead_letters);
    ev.result = result == MOLDAU_OK      ? CONTAINER_OK
                : result == MOLDAU_RETRY ? CONTAINER_RETRY
                                         : CONTAINER_DEAD;
    if (result == MOLDAU_OK && call.nack_at >= 0) {
        ev.type = CONTAINER_NACKED;
        ev.failed = m->o->on_batch ? index_in_poll(m, &call, call.nack_at) : 0;
        ev.pause_ms = call.nack_pause_ms;
    } else if (m->o->on_batch && call.failed_at >= 0) ev.failed = index_in_poll(m, &call, call.failed_at);
    if (result != MOLDAU_OK)
        member_log(m, "WARN", "%s-%d at offset %lld, attempt %d: %s", m->records[0].topic,
                   m->records[0].partition, (long long)m->records[0].offset, x->attempt, why_of(m));
    member_step(m, &ev);
}

void member_give_up(struct member *m, const struct container_effect *x)
{
    struct container_event ev = {.type = CONTAINER_RECOVERED, .ok = true};
    struct strbuf why = {0};
    records_of(m, x->from, 1, x->attempt);
    const struct moldau_record *r = m->records;
    bool retry = m->c.retry_level + 1 < m->o->retry_topics;
    if (goes_on(m) && send_on(m, r, r->attempt, why_of(m), &why)) {
        member_log(m, "ERROR", "%s-%d at offset %lld cannot be put aside: %s; trying again", r->topic,
                   r->partition, (long long)r->offset, strbuf_cstr(&why));
        if (m->o->transactional_id && template_in_transaction(m->dead_letters))
            template_abort(m->dead_letters);
        if (m->o->transactional_id && template_fatal(m->dead_letters)) member_fatal(m, strbuf_cstr(&why));
        ev.ok = false;
    } else if (!retry) {
        member_log(m, "ERROR", "%s-%d at offset %lld is given up after %d attempt%s: %s", r->topic,
                   r->partition, (long long)r->offset, r->attempt, r->attempt == 1 ? "" : "s", why_of(m));
        member_tell(m, MOLDAU_GIVEN_UP, NULL, r, why_of(m));
    }
    strbuf_fini(&why);
    member_step(m, &ev);
}

void moldau_call_why(struct moldau_call *call, const char *sentence)
{
    free(*call->why);
    *call->why = sentence ? xstrdup(sentence) : NULL;
}

void moldau_call_failed_at(struct moldau_call *call, size_t index)
{
    if (index < (size_t)call->n) call->failed_at = (int)index;
}

void moldau_call_nack(struct moldau_call *call, size_t index, int64_t pause_ms)
{
    call->nack_at = index < (size_t)call->n ? (int)index : call->n - 1;
    call->nack_pause_ms = pause_ms;
}

struct rd_kafka_s *moldau_call_consumer(struct moldau_call *call)
{
    return call->m ? call->m->rk : NULL;
}

struct moldau_template *moldau_call_template(struct moldau_call *call)
{
    return call->m && call->m->o->transactional_id ? call->m->dead_letters : NULL;
}

static void acknowledged(struct member *m, int32_t place, int64_t offset)
{
    struct container_event ev = {.type = CONTAINER_ACKED, .place = place, .offset = offset};
    member_step(m, &ev);
}

/* Acknowledging the last of each partition acknowledges the batch, but where order is free. */
void moldau_call_acknowledge(struct moldau_call *call)
{
    struct member *m = call->m;
    if (!m || m->o->ack_mode < MOLDAU_ACK_MANUAL || m->o->transactional_id) return;
    for (int i = 0; i < call->n; i++) {
        const struct container_record *r = container_record_at(&m->core, call->from + i);
        bool last = true;
        for (int j = i + 1; j < call->n && last; j++)
            last = container_record_at(&m->core, call->from + j)->place != r->place;
        if (last || m->o->async_acks) acknowledged(m, r->place, r->offset);
    }
    member_carry_out(m, !m->o->async_commits);
}

struct moldau_ack *moldau_call_keep_ack(struct moldau_call *call, size_t index)
{
    struct member *m = call->m;
    if (!m || index >= (size_t)call->n) return NULL;
    const struct container_record *r = container_record_at(&m->core, call->from + (int)index);
    struct moldau_ack *a = xcalloc(1, sizeof *a);
    a->m = m;
    list_init(&a->order.in_inbox);
    a->order.what = ORDER_ACK;
    a->order.place = r->place;
    a->order.epoch = m->places[r->place].epoch;
    a->order.value = r->offset;
    return a;
}

/* ---- acknowledgements from anywhere ---- */
void member_post(struct member *m, struct order *o)
{
    pthread_mutex_lock(&m->lock);
    bool first = list_empty(&m->inbox);
    list_push_back(&m->inbox, &o->in_inbox);
    m->full = true;
    pthread_mutex_unlock(&m->lock);
    if (first) rd_kafka_queue_yield(m->queue);
}

_Thread_local struct member *member_self;

void member_apply_ack(struct member *m, const struct order *o)
{
    if (m->places[o->place].held && m->places[o->place].epoch == o->epoch)
        acknowledged(m, o->place, o->value);
}

void moldau_ack_acknowledge(struct moldau_ack *a)
{
    if (member_self == a->m) { /* within a call: at once, as Spring does it */
        member_apply_ack(a->m, &a->order);
        member_carry_out(a->m, !a->m->o->async_commits);
        free(a);
    } else member_post(a->m, &a->order);
}

void moldau_ack_drop(struct moldau_ack *a)
{
    free(a);
}

void member_free_ack(struct order *o)
{
    free(CONTAINER_OF(o, struct moldau_ack, order));
}
