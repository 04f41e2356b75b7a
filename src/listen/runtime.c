/* See runtime.h.
 *
 *   rebalanced (librdkafka) -- assign: each partition is ASSIGNED with what its last commit's metadata says
 *                           \- revoke: each is REVOKED; once all are DRAINED: commit, give back
 *                           \- lost:   each is LOST at once; nothing may be committed
 *
 * Invariants
 * 1. Nothing is committed beyond a record that is not done: offsets come from the core only.
 * 2. A rebalance that takes partitions away is answered when nothing of them runs any more and what is done
 * is committed, in librdkafka's callback: a commit after it may belong to another generation. */
#include "listen/runtime.h"
#include "listen/ahead.h"
#include "base/err.h"
#include "base/grow.h"
#include "base/hash.h"
#include "os/blocking.h"
#include "os/child.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FULL_MS 100       /* a partition may be full so long before it is paused */
#define POLL_MESSAGES 256 /* a step: handlers' ends are looked at between */
#define METADATA_BYTES 4096
#define OFFSETS_TIMEOUT_MS 10000
#define CLOSE_FLUSH_MS 5000
#define COMMIT_LOOK_MS 20
#define CLIENT_WAIT_MS 100 /* librdkafka's own timers, where no event tells of them */

struct place {
    char *topic;
    int32_t partition;
    bool held, leaving, drained;
    bool full;       /* the core wants no more of it just now */
    bool stopped;    /* and librdkafka was told so */
    int64_t full_ms; /* since when */
};
struct runtime {
    struct runtime_options o;
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue, *reports, *commits;
    struct listen core;
    struct ahead ahead;
    struct place *places; /* by the core's number of a partition */
    int places_n, places_cap;
    int full_n;    /* places that are full and not stopped: nothing is polled meanwhile */
    int leaving_n; /* partitions that leave and have something running */
    int event;
    int64_t commit_due_ms; /* -1: not armed */
    int64_t deadline_ms;
    int64_t done_n, since_commit;
    int64_t away_ms; /* no other word of brokers that are away before */
    uint64_t seed;
    bool stopping, closed, more, paused;
    char *fatal;
};

static void say(struct runtime *r, const char *level, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct runtime *r, const char *level, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->o.say(r->o.arg, level, text);
}

static void tell(struct runtime *r, enum runtime_event event, const rd_kafka_topic_partition_list_t *parts,
                 const char *why)
{
    if (r->o.event) r->o.event(r->o.arg, event, parts, why);
}

static void fatal(struct runtime *r, const char *why)
{
    if (!r->fatal) r->fatal = xstrdup(why);
}

/* ---- partitions by number ---- */
static int32_t place_of(struct runtime *r, const char *topic, int32_t partition)
{
    for (int i = 0; i < r->places_n; i++)
        if (r->places[i].partition == partition && strcmp(r->places[i].topic, topic) == 0) return i;
    r->places = grown(r->places, r->places_n, &r->places_cap, sizeof *r->places);
    r->places[r->places_n] = (struct place){.topic = xstrdup(topic), .partition = partition};
    return r->places_n++;
}

static rd_kafka_topic_partition_list_t *list_of(const struct place *p)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, p->topic, p->partition);
    return l;
}

/* ---- the core ---- */
static void step(struct runtime *r, struct listen_event *ev);

static void pause_place(struct runtime *r, int32_t place, bool pause)
{
    rd_kafka_topic_partition_list_t *l = list_of(&r->places[place]);
    if (pause) rd_kafka_pause_partitions(r->consumer, l);
    else rd_kafka_resume_partitions(r->consumer, l);
    rd_kafka_topic_partition_list_destroy(l);
}

/* A partition that is full for a moment only stops the polling: pausing it would throw away what librdkafka
 * has fetched ahead. One that stays full is paused, so that others go on. */
static void set_full(struct runtime *r, int32_t place, bool full)
{
    struct place *p = &r->places[place];
    if (p->full == full) return;
    p->full = full;
    p->full_ms = os_now_mono_ms();
    if (full) r->full_n++;
    else if (p->stopped) pause_place(r, place, r->paused);
    else {
        r->full_n--;
        r->more = true; /* what was not polled waits without another event */
    }
    if (!full) p->stopped = false;
}

static void stop_full(struct runtime *r)
{
    int64_t now = os_now_mono_ms();
    for (int i = 0; r->full_n && i < r->places_n; i++) {
        struct place *p = &r->places[i];
        if (!p->full || p->stopped || now - p->full_ms < FULL_MS) continue;
        p->stopped = true;
        r->full_n--;
        pause_place(r, i, true);
    }
}

static void task_free(struct task *t)
{
    rd_kafka_message_t *m;
    memcpy(&m, &t->message, sizeof m);
    rd_kafka_message_destroy(m);
    strbuf_fini(&t->why);
    free(t);
}

static void send_dead_letter(struct runtime *r, struct task *t);

static void apply(struct runtime *r, const struct listen_effect *x)
{
    struct task *t = x->cookie;
    switch (x->type) {
    case LISTEN_BEGIN:
        t->record = x->record;
        t->attempt = x->attempt;
        r->o.begin(r->o.arg, t);
        break;
    case LISTEN_BURY:
        t->record = x->record;
        send_dead_letter(r, t);
        break;
    case LISTEN_FORGET:
        if (r->commit_due_ms < 0) r->commit_due_ms = os_now_mono_ms() + r->o.commit_ms;
        r->since_commit++;
        if (r->o.commit_records && r->since_commit >= r->o.commit_records) r->commit_due_ms = 0;
        if (x->attempt) r->done_n++;
        if (t) task_free(t);
        break;
    case LISTEN_PAUSE:
        set_full(r, x->partition, true);
        break;
    case LISTEN_RESUME:
        set_full(r, x->partition, false);
        break;
    case LISTEN_DRAINED:
        if (r->places[x->partition].leaving && !r->places[x->partition].drained) r->leaving_n--;
        r->places[x->partition].drained = true;
        break;
    }
}

static void step(struct runtime *r, struct listen_event *ev)
{
    struct listen_effects e;
    uint64_t random = hash_u64(++r->seed);
    listen_effects_init(&e);
    ev->now_ms = os_now_mono_ms();
    ev->random = (double)(random >> 11) / (double)(1ull << 53);
    listen_step(&r->core, ev, &e);
    r->deadline_ms = e.deadline_ms;
    /* An effect may lead to another step, whose effects come after these. */
    for (int i = 0; i < e.n; i++) apply(r, &e.v[i]);
    listen_effects_fini(&e);
}

void task_done(struct task *t, enum listen_result result, const char *why)
{
    struct runtime *r = t->runtime;
    struct listen_event ev = {.type = LISTEN_RESULT, .record = t->record, .pause_ms = t->pause_ms};
    t->pause_ms = 0; /* of this attempt alone */
    strbuf_reset(&t->why);
    if (why) strbuf_add_cstr(&t->why, why);
    if (r->o.ended) r->o.ended(r->o.arg, t, &result);
    ev.result = result;
    bool over = result == LISTEN_DEAD || (result == LISTEN_RETRY && t->attempt >= r->o.listen.attempts_max);
    if (over) r->o.given_up(r->o.arg, t);
    step(r, &ev);
}

/* ---- dead letters ---- */
static void header_int(rd_kafka_headers_t *h, const char *name, uint64_t v, size_t n)
{
    uint8_t b[8];
    store_be64(b, v);
    rd_kafka_header_add(h, name, -1, b + 8 - n, (ssize_t)n);
}

/* Spring's names; numbers as Java's ByteBuffer writes them. */
rd_kafka_headers_t *runtime_dead_headers(const rd_kafka_message_t *m, const char *group, const char *why)
{
    rd_kafka_headers_t *old, *h;
    rd_kafka_timestamp_type_t type;
    int64_t time = rd_kafka_message_timestamp(m, &type);
    h = rd_kafka_message_headers(m, &old) ? rd_kafka_headers_new(12) : rd_kafka_headers_copy(old);
    rd_kafka_header_add(h, "kafka_dlt-original-topic", -1, rd_kafka_topic_name(m->rkt), -1);
    header_int(h, "kafka_dlt-original-partition", (uint32_t)m->partition, 4);
    header_int(h, "kafka_dlt-original-offset", (uint64_t)m->offset, 8);
    header_int(h, "kafka_dlt-original-timestamp", (uint64_t)time, 8);
    rd_kafka_header_add(h, "kafka_dlt-original-timestamp-type", -1,
                        type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime", -1);
    rd_kafka_header_add(h, "kafka_dlt-original-consumer-group", -1, group, -1);
    rd_kafka_header_add(h, "kafka_dlt-exception-fqcn", -1, "moldau.listen.HandlerFailed", -1);
    rd_kafka_header_add(h, "kafka_dlt-exception-message", -1, why, -1);
    return h;
}

static void sent(struct runtime *r, struct task *t, bool ok)
{
    struct listen_event ev = {.type = LISTEN_SENT, .record = t->record, .ok = ok};
    step(r, &ev);
}

static rd_kafka_resp_err_t produce(struct runtime *r, struct task *t, const char *topic, int32_t partition)
{
    const rd_kafka_message_t *m = t->message;
    rd_kafka_headers_t *h = runtime_dead_headers(m, r->o.group, strbuf_cstr(&t->why));
    if (t->too_large) header_int(h, RUNTIME_TOO_LARGE_HEADER, m->len, 8);
    rd_kafka_resp_err_t err =
        rd_kafka_producev(r->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(m->key, m->key_len),
                          RD_KAFKA_V_VALUE(t->too_large ? NULL : m->payload, t->too_large ? 0 : m->len),
                          RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(t), RD_KAFKA_V_END);
    if (err) rd_kafka_headers_destroy(h);
    return err;
}

/* To the same partition where the topic has it, as Spring does. */
static void send_dead_letter(struct runtime *r, struct task *t)
{
    struct strbuf topic;
    strbuf_init(&topic);
    if (r->o.dead_topic) strbuf_add_cstr(&topic, r->o.dead_topic);
    else strbuf_printf(&topic, "%s%s", rd_kafka_topic_name(t->message->rkt), r->o.dead_suffix);
    rd_kafka_resp_err_t err = produce(r, t, strbuf_cstr(&topic), t->message->partition);
    if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        err = produce(r, t, strbuf_cstr(&topic), RD_KAFKA_PARTITION_UA);
    if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && !t->too_large) {
        t->too_large = true; /* where it lies is said; it can be read there */
        err = produce(r, t, strbuf_cstr(&topic), RD_KAFKA_PARTITION_UA);
    }
    if (err) {
        say(r, "ERROR", "the dead letter for %s cannot be sent: %s; trying again", strbuf_cstr(&topic),
            rd_kafka_err2str(err));
        sent(r, t, false);
    }
    strbuf_fini(&topic);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct runtime *r = opaque;
    (void)rk;
    if (m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && m->partition != RD_KAFKA_PARTITION_UA &&
        produce(r, m->_private, rd_kafka_topic_name(m->rkt), RD_KAFKA_PARTITION_UA) == 0)
        return;
    if (m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && !((struct task *)m->_private)->too_large) {
        ((struct task *)m->_private)->too_large = true;
        if (produce(r, m->_private, rd_kafka_topic_name(m->rkt), m->partition) == 0) return;
    }
    if (m->err)
        say(r, "ERROR", "a dead letter for %s was not taken: %s; trying again", rd_kafka_topic_name(m->rkt),
            rd_kafka_err2str(m->err));
    sent(r, m->_private, m->err == 0);
}

/* ---- commits ---- */
struct commit {
    struct runtime *r;
    rd_kafka_topic_partition_list_t *list;
    bool leaving; /* those that leave only */
};

static void add_commit(void *arg, int32_t place)
{
    struct commit *c = arg;
    const struct place *p = &c->r->places[place];
    int64_t offset = listen_commit_offset(&c->r->core, place);
    if (offset < 0 || (c->leaving && !p->leaving)) return;
    rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(c->list, p->topic, p->partition);
    struct strbuf text;
    strbuf_init(&text);
    to->offset = offset;
    listen_commit_metadata(&c->r->core, place, METADATA_BYTES, &text);
    if (text.n) {
        to->metadata_size = text.n;
        to->metadata = malloc(text.n); /* librdkafka frees it */
        if (to->metadata) memcpy(to->metadata, text.s, text.n);
        else to->metadata_size = 0;
    }
    strbuf_fini(&text);
}

/* Without a broker it takes until the session is over; handlers end meanwhile. */
static rd_kafka_resp_err_t commit_wait(struct runtime *r, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_event_t *ev;
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(r->consumer, list, r->commits, NULL, NULL);
    if (err) return err;
    while (!(ev = rd_kafka_queue_poll(r->commits, COMMIT_LOOK_MS))) r->o.wait(r->o.arg, 0);
    err = rd_kafka_event_error(ev);
    rd_kafka_event_destroy(ev);
    return err;
}

static void commit(struct runtime *r, bool leaving)
{
    struct commit c = {r, rd_kafka_topic_partition_list_new(8), leaving};
    listen_each_partition(&r->core, add_commit, &c);
    if (!leaving) { /* else the others' commit stays due */
        r->commit_due_ms = -1;
        r->since_commit = 0;
    }
    rd_kafka_resp_err_t err = c.list->cnt ? commit_wait(r, c.list) : 0;
    if (err) {
        say(r, "WARN", "commit failed: %s", rd_kafka_err2str(err));
        tell(r, RUNTIME_COMMIT_FAILED, c.list, rd_kafka_err2str(err));
        if (!leaving) r->commit_due_ms = os_now_mono_ms() + r->o.commit_ms;
    }
    if (!err && c.list->cnt) tell(r, RUNTIME_COMMITTED, c.list, NULL);
    for (int i = 0; i < c.list->cnt; i++)
        if (!err && !c.list->elems[i].err)
            listen_committed(&r->core, place_of(r, c.list->elems[i].topic, c.list->elems[i].partition),
                             c.list->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(c.list);
}

/* ---- rebalances ---- */
static bool cooperative(struct runtime *r)
{
    const char *p = rd_kafka_rebalance_protocol(r->consumer);
    return p && strcmp(p, "COOPERATIVE") == 0;
}

static void assign(struct runtime *r, rd_kafka_topic_partition_list_t *parts)
{
    rd_kafka_topic_partition_list_t *known = rd_kafka_topic_partition_list_copy(parts);
    rd_kafka_resp_err_t err = known->cnt ? rd_kafka_committed(r->consumer, known, OFFSETS_TIMEOUT_MS) : 0;
    if (err)
        say(r, "WARN", "committed offsets cannot be asked for (%s); finished records may come again",
            rd_kafka_err2str(err));
    for (int i = 0; i < known->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &known->elems[i];
        int32_t place = place_of(r, p->topic, p->partition);
        struct listen_event ev = {.type = LISTEN_ASSIGNED, .partition = place, .offset = p->offset};
        if (!err && p->offset >= 0 && p->metadata_size) ev.done = slice_of(p->metadata, p->metadata_size);
        if (r->places[place].held) continue;
        r->places[place].held = true;
        step(r, &ev);
        say(r, "INFO", "assigned %s-%d", p->topic, p->partition);
    }
    rd_kafka_topic_partition_list_destroy(known);
    if (!cooperative(r)) rd_kafka_assign(r->consumer, parts);
    else {
        rd_kafka_error_t *e = rd_kafka_incremental_assign(r->consumer, parts);
        if (e) say(r, "ERROR", "assigning failed: %s", rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
    }
    tell(r, RUNTIME_ASSIGNED, parts, NULL);
    for (int i = 0; r->paused && i < parts->cnt; i++)
        pause_place(r, place_of(r, parts->elems[i].topic, parts->elems[i].partition), true);
}

static void drop(struct runtime *r, int32_t place)
{
    struct listen_event ev = {.type = LISTEN_LOST, .partition = place};
    pause_place(r, place, false); /* a pause would outlive the assignment */
    set_full(r, place, false);
    r->places[place].held = r->places[place].leaving = r->places[place].drained = false;
    step(r, &ev);
}

static void give_back(struct runtime *r, rd_kafka_topic_partition_list_t *parts)
{
    r->leaving_n = 0;
    for (int i = 0; i < parts->cnt; i++)
        drop(r, place_of(r, parts->elems[i].topic, parts->elems[i].partition));
    if (!cooperative(r)) rd_kafka_assign(r->consumer, NULL);
    else {
        rd_kafka_error_t *e = rd_kafka_incremental_unassign(r->consumer, parts);
        if (e) say(r, "ERROR", "giving partitions back failed: %s", rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
    }
}

#define DRAIN_WAIT_MS 100

static void revoke(struct runtime *r, rd_kafka_topic_partition_list_t *parts, bool lost)
{
    for (int i = 0; i < parts->cnt; i++) {
        int32_t place = place_of(r, parts->elems[i].topic, parts->elems[i].partition);
        struct listen_event ev = {.type = LISTEN_REVOKED, .partition = place};
        if (!r->places[place].held) continue;
        say(r, lost ? "WARN" : "INFO", "%s %s-%d", lost ? "lost" : "revoked", parts->elems[i].topic,
            parts->elems[i].partition);
        if (lost) continue; /* somebody else may have it: what is done is not ours to commit */
        r->places[place].leaving = true;
        r->leaving_n++;
        step(r, &ev);
    }
    while (r->leaving_n > 0) {
        r->o.wait(r->o.arg, DRAIN_WAIT_MS);
        if (r->producer) rd_kafka_poll(r->producer, 0);
    }
    tell(r, lost ? RUNTIME_LOST : RUNTIME_REVOKED_BEFORE_COMMIT, parts, NULL);
    if (!lost) commit(r, true);
    if (!lost) tell(r, RUNTIME_REVOKED_AFTER_COMMIT, parts, NULL);
    give_back(r, parts);
}

static void rebalanced(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts,
                       void *opaque)
{
    struct runtime *r = opaque;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) assign(r, parts);
    else revoke(r, parts, rd_kafka_assignment_lost(rk));
}

bool runtime_away(int err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__RESOLVE ||
           err == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct runtime *r = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__FATAL ||
        err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        fatal(r, reason);
    else if (runtime_away(err)) { /* librdkafka tells each attempt */
        if (os_now_mono_ms() < r->away_ms) return;
        r->away_ms = os_now_mono_ms() + RUNTIME_AWAY_MS;
        say(r, "WARN", "%s; trying again", reason);
    } else if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) say(r, "WARN", "%s", reason);
}

/* ---- polling ---- */
static void take(struct runtime *r, rd_kafka_message_t *m)
{
    if (m->err) {
        if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) fatal(r, RUNTIME_NO_OFFSET);
        else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) say(r, "WARN", "%s", rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
        return;
    }
    struct task *t = xcalloc(1, sizeof *t);
    t->message = m;
    t->runtime = r;
    strbuf_init(&t->why);
    struct listen_event ev = {.type = LISTEN_RECORD,
                              .partition = place_of(r, rd_kafka_topic_name(m->rkt), m->partition),
                              .offset = m->offset,
                              .key = m->key ? slice_of(m->key, m->key_len) : (struct slice){0},
                              .cookie = t};
    step(r, &ev);
}

static void tick(struct runtime *r)
{
    struct listen_event ev = {.type = LISTEN_TICK};
    if (r->deadline_ms <= os_now_mono_ms()) step(r, &ev);
}

static void wake(struct runtime *r)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(r->places_n);
    for (int i = 0; i < r->places_n; i++)
        if (r->places[i].held)
            rd_kafka_topic_partition_list_add(l, r->places[i].topic, r->places[i].partition);
    ahead_wake(&r->ahead, r->consumer, l, (int64_t)rd_kafka_queue_length(r->queue), os_now_mono_ms());
    rd_kafka_topic_partition_list_destroy(l);
}

void runtime_step(struct runtime *r)
{
    int n = 0;
    int64_t bytes = 0;
    rd_kafka_message_t *m;
    os_event_clear(r->event);
    tick(r);
    stop_full(r);
    while (n < POLL_MESSAGES && !r->full_n && (m = rd_kafka_consumer_poll(r->consumer, 0)) != NULL) {
        bytes += (int64_t)m->len;
        take(r, m);
        n++;
    }
    if (ahead_is_low(&r->ahead, (int64_t)rd_kafka_queue_length(r->queue), n, bytes, os_now_mono_ms()))
        wake(r);
    r->more = n == POLL_MESSAGES;
    if (r->producer) rd_kafka_poll(r->producer, 0);
    if (r->commit_due_ms >= 0 && r->commit_due_ms <= os_now_mono_ms()) commit(r, false);
}

int64_t runtime_wait_ms(const struct runtime *r)
{
    int64_t now = os_now_mono_ms(), due = now + CLIENT_WAIT_MS;
    if (r->more) return 0;
    due = min_i64(due, r->deadline_ms);
    for (int i = 0; r->full_n && i < r->places_n; i++)
        if (r->places[i].full && !r->places[i].stopped) due = min_i64(due, r->places[i].full_ms + FULL_MS);
    if (r->commit_due_ms >= 0) due = min_i64(due, r->commit_due_ms);
    return max_i64(due - now, 0);
}

/* ---- life ---- */
static rd_kafka_t *client_new(struct runtime *r, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                              struct strbuf *why)
{
    char error[512];
    rd_kafka_conf_set_opaque(conf, r);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof error);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        strbuf_add_cstr(why, error);
    }
    return rk;
}

int runtime_new(const struct runtime_options *o, struct runtime **out, struct strbuf *why)
{
    static const uint64_t one = 1;
    struct runtime *r = xcalloc(1, sizeof *r);
    r->o = *o;
    r->commit_due_ms = -1;
    r->deadline_ms = INT64_MAX;
    r->seed = (uint64_t)os_now_wall_ms();
    listen_init(&r->core, &o->listen, hash_u64(r->seed));
    r->event = os_event_new();
    rd_kafka_conf_set_rebalance_cb(o->consumer, rebalanced);
    r->consumer = client_new(r, RD_KAFKA_CONSUMER, o->consumer, why);
    if (o->producer) {
        rd_kafka_conf_set_dr_msg_cb(o->producer, delivered);
        r->producer = client_new(r, RD_KAFKA_PRODUCER, o->producer, why);
    }
    if (!r->consumer || (o->producer && !r->producer) || r->event < 0) {
        if (r->event < 0) strbuf_add_cstr(why, "no file descriptor is left");
        runtime_free(r);
        return ERR_INVALID_CONFIG;
    }
    rd_kafka_poll_set_consumer(r->consumer);
    r->queue = rd_kafka_queue_get_consumer(r->consumer);
    ahead_init(&r->ahead, rd_kafka_conf(r->consumer));
    r->commits = rd_kafka_queue_new(r->consumer);
    rd_kafka_queue_io_event_enable(r->queue, r->event, &one, sizeof one);
    if (r->producer) {
        r->reports = rd_kafka_queue_get_main(r->producer);
        rd_kafka_queue_io_event_enable(r->reports, r->event, &one, sizeof one);
    }
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(o->topics_n);
    for (int i = 0; i < o->topics_n; i++)
        rd_kafka_topic_partition_list_add(topics, o->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(r->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err) {
        strbuf_add_cstr(why, rd_kafka_err2str(err));
        runtime_free(r);
        return ERR_INVALID_CONFIG;
    }
    *out = r;
    return 0;
}

int runtime_fd(const struct runtime *r)
{
    return r->event;
}

void runtime_set_paused(struct runtime *r, bool paused)
{
    if (r->paused == paused) return;
    r->paused = paused;
    for (int i = 0; i < r->places_n; i++)
        if (r->places[i].held) pause_place(r, i, paused || r->places[i].stopped);
}

rd_kafka_t *runtime_consumer(const struct runtime *r)
{
    return r->consumer;
}

void runtime_stop(struct runtime *r)
{
    struct listen_event ev = {.type = LISTEN_STOP};
    if (r->stopping) return;
    r->stopping = true;
    step(r, &ev);
}

bool runtime_stopped(struct runtime *r)
{
    if (r->closed) return true;
    if (!r->stopping || listen_busy(&r->core)) return false;
    commit(r, false);
    r->closed = true;
    /* The close hands back what is assigned: it is committed, and nothing runs. */
    rd_kafka_consumer_close(r->consumer);
    if (r->producer) rd_kafka_flush(r->producer, CLOSE_FLUSH_MS);
    return true;
}

const char *runtime_fatal(const struct runtime *r)
{
    return r->fatal;
}

int64_t runtime_done_n(const struct runtime *r)
{
    return r->done_n;
}

static void free_held(void *arg, int32_t place)
{
    struct listen_event ev = {.type = LISTEN_LOST, .partition = place};
    step(arg, &ev);
}

void runtime_free(struct runtime *r)
{
    for (int i = 0; i < r->places_n; i++)
        if (r->places[i].held) free_held(r, i);
    listen_fini(&r->core);
    if (r->queue) rd_kafka_queue_destroy(r->queue);
    if (r->reports) rd_kafka_queue_destroy(r->reports);
    if (r->commits) rd_kafka_queue_destroy(r->commits);
    if (r->consumer) rd_kafka_destroy(r->consumer);
    if (r->producer) rd_kafka_destroy(r->producer);
    for (int i = 0; i < r->places_n; i++) free(r->places[i].topic);
    free(r->places);
    if (r->event >= 0) os_event_free(r->event);
    free(r->fatal);
    free(r);
}
