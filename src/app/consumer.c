/* See consumer.h.
 *
 *   poll: up to poll_records_max records, each worked on as it comes --> delivered (lines or file) -->
 * committed rebalanced (librdkafka, inside a poll) -- assign: positions begin anew
 *                                          \- revoke: what is done is delivered and committed, then given
 * back
 *                                          \- lost:   nothing may be committed any more
 *   stop --> the last commit --> close, which revokes
 *
 * Invariants
 * 1. A position covers only records whose work is done; only positions are committed.
 * 2. Nothing is committed whose value is not delivered. */
#include "app/consumer.h"
#include "base/grow.h"
#include "cli/rk_tool.h"
#include "os/blocking.h"

#include <stdio.h>
#include <stdlib.h>

#define JOIN_GROUP_KEY 11 /* of the protocol */
#define POLL_MS 100       /* how late a stop may be noticed */
#define RETRY_MS 1000     /* after a refused commit, if nothing new is done meanwhile */
#define END_WAIT_MS 10000 /* for answers to asynchronous commits, and for the close */

struct place {
    char *topic;
    int32_t partition;
    int64_t position; /* the next offset; -1: not known */
    int64_t sent;     /* the last one that was committed or is on its way; -1: none */
    bool polled;      /* this poll took records of it */
};
struct consumer {
    struct consumer_options o;
    rd_kafka_t *rk;
    struct place *places; /* of the assignment */
    int places_n, places_cap;
    struct strbuf out; /* values that are not delivered yet */
    struct save save;
    int polled_n;            /* records of this poll */
    int pending_n;           /* asynchronous commits on their way */
    int64_t refused_ms;      /* when a commit was refused, until one is taken; -1 */
    int64_t print_ms;        /* when the metrics are printed next */
    int64_t rebalance_ms;    /* when the one under way began; -1: none is known */
    _Atomic int64_t join_ms; /* when the group was asked to be let in since the last assignment; -1 */
    bool down, missing;      /* no broker answers; there is no such topic */
    bool down_told;
    bool joined; /* the group was reached once */
    bool failed;
};

static const char *const styles[] = {
    [COMMIT_AUTO] = "auto",
    [COMMIT_SYNC_POLL] = "sync-poll",
    [COMMIT_SYNC_RECORD] = "sync-record",
    [COMMIT_SYNC_OFFSETS] = "sync-offsets",
    [COMMIT_ASYNC] = "async",
    [COMMIT_ASYNC_THEN_SYNC] = "async-then-sync",
};

bool commit_style_of(const char *text, enum commit_style *out)
{
    for (size_t i = 0; i < NELEMS(styles); i++)
        if (strcmp(styles[i], text) == 0) {
            *out = (enum commit_style)i;
            return true;
        }
    return false;
}

static const char *name_of(const struct consumer *c)
{
    return c->o.name ? c->o.name : "the consumer";
}

static void fail(struct consumer *c, const char *why)
{
    if (!c->failed) rk_say("ERROR", "%s ends: %s", name_of(c), why);
    c->failed = true;
}

static bool ending(const struct consumer *c)
{
    return c->failed || atomic_load(&c->o.shared->stop) || atomic_load(&c->o.shared->left_n) <= 0;
}

/* ---- positions ---- */
static struct place *place_of(struct consumer *c, const char *topic, int32_t partition)
{
    for (int i = 0; i < c->places_n; i++)
        if (c->places[i].partition == partition && strcmp(c->places[i].topic, topic) == 0)
            return &c->places[i];
    return NULL;
}

static void places_add(struct consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    for (int i = 0; i < parts->cnt; i++) {
        if (place_of(c, parts->elems[i].topic, parts->elems[i].partition)) continue;
        c->places = grown(c->places, c->places_n, &c->places_cap, sizeof *c->places);
        c->places[c->places_n++] = (struct place){xstrdup(parts->elems[i].topic), parts->elems[i].partition,
                                                  .position = -1, .sent = -1};
    }
}

static void places_drop(struct consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    for (int i = 0; i < parts->cnt; i++) {
        struct place *p = place_of(c, parts->elems[i].topic, parts->elems[i].partition);
        if (!p) continue;
        if (c->o.metrics) fetch_metrics_revoked(c->o.metrics, p->topic, p->partition);
        free(p->topic);
        *p = c->places[--c->places_n];
    }
}

/* Positions that are not committed yet; only: of that partition. */
static rd_kafka_topic_partition_list_t *due(const struct consumer *c, const struct place *only)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(8);
    for (int i = 0; i < c->places_n; i++) {
        const struct place *p = &c->places[i];
        if (p->position >= 0 && p->position != p->sent && (!only || p == only))
            rd_kafka_topic_partition_list_add(l, p->topic, p->partition)->offset = p->position;
    }
    return l;
}

static void mark_sent(struct consumer *c, const rd_kafka_topic_partition_list_t *l, bool taken)
{
    for (int i = 0; l && i < l->cnt; i++) {
        struct place *p = place_of(c, l->elems[i].topic, l->elems[i].partition);
        if (p) p->sent = taken && l->elems[i].err == 0 ? l->elems[i].offset : -1;
    }
}

/* ---- what is done goes out ---- */
static bool deliver(struct consumer *c)
{
    struct strbuf why;
    strbuf_init(&why);
    if (!c->o.save) {
        if (c->out.n && !lines_write(&c->o.shared->lines, &c->out)) c->failed = true;
    } else if (save_append(&c->save, &c->out, &why)) fail(c, strbuf_cstr(&why));
    else strbuf_reset(&c->out);
    strbuf_fini(&why);
    return !c->failed;
}

/* ---- commits ---- */
static void refused(struct consumer *c, const char *why)
{
    fprintf(stderr, "commit failed\n");
    rk_say("WARN", "%s: the offsets were not committed: %s", name_of(c), why);
    c->refused_ms = os_now_mono_ms();
}

static void commit(struct consumer *c, bool wait, const struct place *only)
{
    rd_kafka_topic_partition_list_t *l = due(c, only);
    /* librdkafka has left the group by then, and would commit as one that is in none: a group that is empty
     * takes that. */
    if (l->cnt && rd_kafka_assignment_lost(c->rk)) refused(c, "the group has gone on without this consumer");
    else if (l->cnt) {
        rd_kafka_resp_err_t err = rd_kafka_commit(c->rk, l, !wait);
        for (int i = 0; wait && !err && i < l->cnt; i++) err = l->elems[i].err;
        if (err) refused(c, rd_kafka_err2str(err));
        else if (wait) c->refused_ms = -1;
        else c->pending_n++;
        mark_sent(c, l, !err);
    }
    rd_kafka_topic_partition_list_destroy(l);
}

/* The end of an asynchronous or automatic commit. */
static void committed(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *l,
                      void *opaque)
{
    struct consumer *c = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__NO_OFFSET) return; /* an automatic one with nothing new */
    if (c->pending_n > 0) c->pending_n--;
    for (int i = 0; !err && l && i < l->cnt; i++) err = l->elems[i].err;
    if (!err) {
        c->refused_ms = -1;
        return;
    }
    refused(c, rd_kafka_err2str(err));
    mark_sent(c, l, false);
}

/* For the client, which commits what was stored when its time has come. */
static void store(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *l = due(c, NULL);
    if (l->cnt && !rd_kafka_offsets_store(c->rk, l)) mark_sent(c, l, true);
    rd_kafka_topic_partition_list_destroy(l);
}

static void commit_after_poll(struct consumer *c)
{
    if (!c->polled_n && c->refused_ms >= 0 && os_now_mono_ms() < c->refused_ms + RETRY_MS) return;
    switch (c->o.style) {
    case COMMIT_AUTO:
        store(c);
        break;
    case COMMIT_SYNC_POLL:
    case COMMIT_SYNC_RECORD:
    case COMMIT_SYNC_OFFSETS:
        commit(c, true, NULL);
        break;
    case COMMIT_ASYNC:
    case COMMIT_ASYNC_THEN_SYNC:
        commit(c, false, NULL);
        break;
    }
}

/* ---- rebalances ---- */
static void tell_assignment(struct consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    struct strbuf b;
    strbuf_init(&b);
    for (int i = 0; i < parts->cnt; i++)
        strbuf_printf(&b, " %s-%d", parts->elems[i].topic, parts->elems[i].partition);
    lines_say(&c->o.shared->lines, "Assigned partitions.");
    int64_t joined = atomic_exchange(&c->join_ms, -1), now = os_now_mono_ms(), began = c->rebalance_ms;
    if (began < 0) began = joined >= 0 ? joined : now; /* nothing was given back before */
    rk_say("INFO", "%s: the rebalance took %lld ms; %d assigned:%s", name_of(c), (long long)(now - began),
           parts->cnt, b.n ? b.s : " none");
    c->rebalance_ms = -1;
    strbuf_fini(&b);
}

/* On a thread of librdkafka's. */
static rd_kafka_resp_err_t on_request(rd_kafka_t *rk, int fd, const char *broker, int32_t id, int16_t key,
                                      int16_t version, int32_t correlation, size_t size, void *opaque)
{
    struct consumer *c = opaque;
    int64_t none = -1;
    (void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)correlation, (void)size;
    if (key == JOIN_GROUP_KEY) atomic_compare_exchange_strong(&c->join_ms, &none, os_now_mono_ms());
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why,
                                  size_t why_n)
{
    (void)conf, (void)why, (void)why_n;
    return rd_kafka_interceptor_add_on_request_sent(rk, "consumer", on_request, opaque);
}

static bool cooperative(struct consumer *c)
{
    const char *p = rd_kafka_rebalance_protocol(c->rk);
    return p && strcmp(p, "COOPERATIVE") == 0;
}

static void check_assign(struct consumer *c, rd_kafka_error_t *e)
{
    if (e) fail(c, rd_kafka_error_string(e));
    rd_kafka_error_destroy(e);
}

static void give_back(struct consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    bool lost = rd_kafka_assignment_lost(c->rk);
    int64_t began = os_now_mono_ms();
    if (c->rebalance_ms < 0) c->rebalance_ms = began;
    /* What is lost is told by the refusal of the commit. */
    if (deliver(c) && c->o.style != COMMIT_AUTO) commit(c, true, NULL);
    else if (!c->failed && !lost) store(c);
    lines_say(&c->o.shared->lines, "Lost partitions.");
    if (cooperative(c)) check_assign(c, rd_kafka_incremental_unassign(c->rk, parts));
    else rd_kafka_assign(c->rk, NULL);
    places_drop(c, parts);
    rk_say("INFO", "%s: %d partition%s %s in %lld ms", name_of(c), parts->cnt, parts->cnt == 1 ? "" : "s",
           lost ? "lost" : "given back", (long long)(os_now_mono_ms() - began));
}

static void rebalanced(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts,
                       void *opaque)
{
    struct consumer *c = opaque;
    if (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        give_back(c, parts);
        return;
    }
    places_add(c, parts);
    c->missing = c->down = false;
    c->joined = true;
    tell_assignment(c, parts);
    if (cooperative(c)) check_assign(c, rd_kafka_incremental_assign(rk, parts));
    else rd_kafka_assign(rk, parts);
}

/* ---- what goes wrong ---- */
static bool is_fatal(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
        return true;
    default:
        return false;
    }
}

static void trouble(struct consumer *c, rd_kafka_resp_err_t err, const char *reason)
{
    if (err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        fail(c, "a partition has no committed offset and auto.offset.reset is none");
    /* Later it is a broker that stopped while it shook hands. */
    else if (is_fatal(err) || (err == RD_KAFKA_RESP_ERR__SSL && !c->joined)) fail(c, reason);
    else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        if (!c->missing) rk_say("WARN", "there is no topic %s; waiting for it", c->o.topic);
        c->missing = true;
    } else if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (!c->down) c->down_told = false;
        c->down = true;
    } else if (!c->down) rk_say("WARN", "%s", reason);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    char why[512];
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(rk, why, sizeof why);
        reason = why;
    }
    trouble(opaque, (rd_kafka_resp_err_t)err, reason);
}

/* ---- records ---- */
static void work(struct consumer *c, const rd_kafka_message_t *m)
{
    if (c->o.name && !c->o.save) strbuf_printf(&c->out, "%s >> ", c->o.name);
    if (m->payload) strbuf_add(&c->out, m->payload, m->len);
    else strbuf_add_cstr(&c->out, "null");
    strbuf_add_char(&c->out, '\n');
    if (c->o.process_ms > 0) {
        if (!c->o.save) deliver(c);
        os_sleep_ms(c->o.process_ms);
    }
}

static void take(struct consumer *c, const rd_kafka_message_t *m)
{
    struct place *p = place_of(c, rd_kafka_topic_name(m->rkt), m->partition);
    /* A record counts when it is taken, so that several threads take no more than are wanted. */
    if (!p || atomic_fetch_sub(&c->o.shared->left_n, 1) <= 0) return;
    work(c, m);
    p->position = m->offset + 1;
    p->polled = true;
    if (c->o.metrics) fetch_metrics_record(c->o.metrics, m);
    c->polled_n++;
    if (c->o.style == COMMIT_SYNC_RECORD && deliver(c)) commit(c, true, p);
}

/* The end of a partition is a position, too: behind markers of transactions, or where nothing was yet. */
static void at_end(struct consumer *c, const rd_kafka_message_t *m)
{
    struct place *p = place_of(c, rd_kafka_topic_name(m->rkt), m->partition);
    bool records_only = c->o.style == COMMIT_SYNC_RECORD || c->o.style == COMMIT_SYNC_OFFSETS;
    if (p && !records_only && m->offset > p->position) p->position = m->offset;
}

/* ---- metrics ---- */
static void note_lags(struct consumer *c)
{
    for (int i = 0; i < c->places_n; i++) {
        struct place *p = &c->places[i];
        int64_t low, high;
        bool told = p->polled && !rd_kafka_get_watermark_offsets(c->rk, p->topic, p->partition, &low, &high);
        p->polled = false;
        if (told && low >= 0 && high >= 0)
            fetch_metrics_lag(c->o.metrics, p->topic, p->partition, max_i64(high - p->position, 0),
                              max_i64(p->position - low, 0));
    }
}

static void print_metrics(struct consumer *c)
{
    struct strbuf b;
    strbuf_init(&b);
    if (c->o.prometheus) fetch_metrics_prometheus(&c->o.metrics, 1, &b);
    else fetch_metrics_print(c->o.metrics, &b);
    lines_write(&c->o.shared->lines, &b);
    strbuf_fini(&b);
    c->print_ms = os_now_mono_ms() + c->o.metrics_ms;
}

static int on_statistics(rd_kafka_t *rk, char *json, size_t n, void *opaque)
{
    struct consumer *c = opaque;
    (void)rk;
    if (fetch_metrics_statistics(c->o.metrics, json, n))
        rk_say("WARN", "%s: the client's statistics cannot be read", name_of(c));
    return 0;
}

static void poll_once(struct consumer *c)
{
    rd_kafka_message_t *m;
    int wait = POLL_MS;
    c->polled_n = 0;
    while (c->polled_n < c->o.poll_records_max && !ending(c) && (m = rd_kafka_consumer_poll(c->rk, wait))) {
        if (m->err == 0) take(c, m);
        else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) at_end(c, m);
        else trouble(c, m->err, rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
        wait = 0;
    }
    if (c->down && !c->down_told && !c->failed) { /* now, as a failure may have come behind it */
        rk_say("WARN", "%s: no broker answers; trying again", name_of(c));
        c->down_told = true;
    }
    if (c->polled_n) c->down = false;
    if (c->o.metrics) note_lags(c);
    if (deliver(c)) commit_after_poll(c);
    if (c->o.metrics && c->o.metrics_ms >= 0 && os_now_mono_ms() >= c->print_ms) print_metrics(c);
}

/* ---- life ---- */
static void await_commits(struct consumer *c)
{
    int64_t end = os_now_mono_ms() + END_WAIT_MS;
    while (c->pending_n > 0 && os_now_mono_ms() < end) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, POLL_MS);
        if (m) rd_kafka_message_destroy(m); /* of nobody: its position stays */
    }
}

static void close_consumer(struct consumer *c)
{
    rd_kafka_queue_t *q = rd_kafka_queue_get_consumer(c->rk);
    rd_kafka_error_t *e = rd_kafka_consumer_close_queue(c->rk, q);
    int64_t end = os_now_mono_ms() + END_WAIT_MS;
    while (!e && !rd_kafka_consumer_closed(c->rk) && os_now_mono_ms() < end) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, POLL_MS);
        if (m) rd_kafka_message_destroy(m); /* what was fetched ahead */
    }
    if (e || !rd_kafka_consumer_closed(c->rk))
        rk_say("WARN", "%s did not leave its group in time", name_of(c));
    rd_kafka_error_destroy(e);
    rd_kafka_queue_destroy(q);
}

static bool start(struct consumer *c)
{
    char error[512];
    struct strbuf why;
    strbuf_init(&why);
    if (c->o.save && save_open(&c->save, c->o.save, &why)) {
        rd_kafka_conf_destroy(c->o.conf);
        fail(c, why.s);
    } else {
        rd_kafka_conf_set_opaque(c->o.conf, c);
        rd_kafka_conf_set_rebalance_cb(c->o.conf, rebalanced);
        rd_kafka_conf_set_offset_commit_cb(c->o.conf, committed);
        rd_kafka_conf_set_error_cb(c->o.conf, on_error);
        rd_kafka_conf_interceptor_add_on_new(c->o.conf, "consumer", on_new, c);
        if (c->o.metrics) {
            rd_kafka_conf_set_stats_cb(c->o.conf, on_statistics);
            fetch_metrics_watch(c->o.metrics, c->o.conf);
        }
        c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, c->o.conf, error, sizeof error);
        /* The configuration stays: the failed client took its interceptors with it, and librdkafka 2.0 would
         * free them again. */
        if (!c->rk) fail(c, error);
    }
    strbuf_fini(&why);
    if (!c->rk) return false;
    rd_kafka_poll_set_consumer(c->rk);
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, c->o.topic, RD_KAFKA_PARTITION_UA);
    c->rebalance_ms = os_now_mono_ms();
    rd_kafka_resp_err_t err = rd_kafka_subscribe(c->rk, l);
    rd_kafka_topic_partition_list_destroy(l);
    if (err) fail(c, rd_kafka_err2str(err));
    return !err;
}

static void finish(struct consumer *c)
{
    if (atomic_load(&c->o.shared->stop))
        lines_say(&c->o.shared->lines, "%s trigger WakeupException", c->o.name ? c->o.name : "poll() method");
    if (c->o.metrics && c->o.metrics_ms >= 0) print_metrics(c);
    c->refused_ms = -1; /* the last one is tried in any case */
    if (deliver(c)) {
        commit_after_poll(c);
        await_commits(c);
        if (c->o.style == COMMIT_ASYNC_THEN_SYNC) commit(c, true, NULL);
    }
    close_consumer(c);
}

void consumer_run(const struct consumer_options *o)
{
    struct consumer c = {.o = *o, .refused_ms = -1, .rebalance_ms = -1, .join_ms = -1, .save = {.fd = -1}};
    c.print_ms = os_now_mono_ms() + max_i64(o->metrics_ms, 0);
    strbuf_init(&c.out);
    if (start(&c)) {
        while (!ending(&c)) poll_once(&c);
        finish(&c);
    }
    if (c.rk) rd_kafka_destroy_flags(c.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (c.failed) atomic_store(&o->shared->failed, true);
    for (int i = 0; i < c.places_n; i++) free(c.places[i].topic);
    free(c.places);
    save_close(&c.save);
    strbuf_fini(&c.out);
    atomic_fetch_sub(&o->shared->running, 1);
}
