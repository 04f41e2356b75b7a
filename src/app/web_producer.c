/* See web_producer.h.
 *
 *   web thread: POST -> checked -> inbox --> loop: job -> produce, at most WINDOW of its records under way
 *                                                   |-> all acknowledged: 200
 *                                                   |-> SEND_MS are over, or one failed and none is under
 * way: 503
 *                                                   `-> its client has gone
 *
 * Invariants
 * 1. A job is freed when it is answered and none of its records is under way: each delivery report leads to
 * one.
 * 2. What is held does not depend on how many records were asked for: WINDOW a job, and librdkafka's bound on
 * its queue for all.
 * 3. Nothing is produced before the topic is there: a broker would make it with a number of partitions of its
 * own.
 * 4. A record's partition is chosen in rd_kafka_produce, or later by librdkafka's thread where the topic's
 * partitions were not known yet: what that needs has a lock. */
#include "app/web_producer.h"
#include "app/inbox.h"
#include "app/send.h"
#include "app/site.h"
#include "app/topic.h"
#include "base/list.h"
#include "cli/tools.h"
#include "listen/partition.h"
#include "os/blocking.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT 8082
#define WINDOW 2000   /* records of a job that are under way */
#define SEND_MS 27000 /* an answer is there within 30 s */
#define MESSAGES_MAX 100000
#define BODY_BYTES_MAX 4096
#define IDLE_MS 200 /* how late a signal may be seen */
#define BUSY_MS 20
#define UUID_CHARS 36

struct job {
    struct inbox_item in_inbox;
    struct list in_app;
    struct web_request *q; /* NULL: answered */
    bool wants_json, told;
    struct send send;
    int64_t deadline_ms;
};
/* Where records go. */
struct chooser {
    pthread_mutex_t lock;
    struct partition_sticky sticky;
    struct prng random;
    int32_t topic_parts; /* as of the last record */
    int32_t *available;
    int32_t available_cap;
};
struct app {
    const char *name;
    int32_t messages_max;
    bool keys;
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt; /* NULL until the topic is there */
    struct topic topic;
    struct inbox inbox;
    int event;
    struct list jobs;
    struct chooser chooser;
    struct prng random; /* for keys */
};

/* ---- requests: the web thread ---- */
static void answer(struct web_request *q, int status, const char *text)
{
    q->status = status;
    strbuf_add_cstr(&q->text, text);
    web_reply(q);
}

static bool form_message(const struct web_request *q, struct strbuf *out)
{
    const char *in_query = web_query(q, "message");
    if (send_form_value(q->body, "message", out)) return true;
    if (in_query && !q->body.n) strbuf_add_cstr(out, in_query);
    return in_query && !q->body.n;
}

static void on_send(void *arg, struct web_request *q)
{
    struct app *a = arg;
    const char *accept = web_header(q, "Accept"), *type = web_header(q, "Content-Type");
    struct strbuf text;
    strbuf_init(&text);
    int32_t n = form_message(q, &text) ? send_count_parse(strbuf_slice(&text)) : 0;
    strbuf_fini(&text);
    if (q->body.n && type && strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0) {
        answer(q, 415, "Send a form: application/x-www-form-urlencoded.");
        return;
    }
    if (n <= 0) {
        answer(q, 400, "Invalid message value. Only positive integers are allowed.");
        return;
    }
    if (n > a->messages_max) {
        q->status = 400;
        strbuf_printf(&q->text, "Invalid message value. At most %d messages can be sent at once.",
                      (int)a->messages_max);
        web_reply(q);
        return;
    }
    struct job *j = xcalloc(1, sizeof *j);
    uint64_t seed;
    os_entropy(NULL, &seed, sizeof seed);
    send_init(&j->send, n, seed);
    j->q = q;
    j->wants_json = accept && strstr(accept, "application/json");
    j->deadline_ms = os_now_mono_ms() + SEND_MS;
    if (inbox_push(&a->inbox, &j->in_inbox)) return;
    free(j);
    answer(q, 503, "Messages sent: 0. The application is ending.");
}

/* ---- partitions ---- */
static void chooser_init(struct chooser *c)
{
    uint64_t seed;
    os_entropy(NULL, &seed, sizeof seed);
    pthread_mutex_init(&c->lock, NULL);
    partition_sticky_init(&c->sticky, PARTITION_STICKY_BYTES);
    prng_init(&c->random, seed);
}

static void chooser_fini(struct chooser *c)
{
    pthread_mutex_destroy(&c->lock);
    free(c->available);
}

static int32_t chooser_parts(struct chooser *c)
{
    pthread_mutex_lock(&c->lock);
    int32_t n = c->topic_parts;
    pthread_mutex_unlock(&c->lock);
    return n;
}

static const int32_t *chooser_available(struct chooser *c, const rd_kafka_topic_t *rkt, int32_t n,
                                        int32_t *available_n)
{
    *available_n = 0;
    if (c->sticky.partition >= 0 && c->sticky.partition < n) return NULL; /* no choice is due */
    if (c->available_cap < n) {
        c->available = xrealloc(c->available, (size_t)n * sizeof *c->available);
        c->available_cap = n;
    }
    for (int32_t i = 0; i < n; i++)
        if (rd_kafka_topic_partition_available(rkt, i)) c->available[(*available_n)++] = i;
    return c->available;
}

static int32_t chooser_next(struct chooser *c, const rd_kafka_topic_t *rkt, int32_t parts_n)
{
    int32_t available_n;
    const int32_t *of = chooser_available(c, rkt, parts_n, &available_n);
    size_t bytes = partition_record_bytes((struct slice){0}, slice_cstr("0"));
    return partition_sticky_next(&c->sticky, bytes, parts_n, of, available_n, prng_next(&c->random));
}

/* librdkafka asks with each record. */
static int32_t partitioner(const rd_kafka_topic_t *rkt, const void *key, size_t key_n, int32_t parts_n,
                           void *topic_arg, void *message_arg)
{
    struct chooser *c = topic_arg;
    (void)message_arg;
    pthread_mutex_lock(&c->lock);
    c->topic_parts = parts_n;
    int32_t chosen = key ? partition_of_key(slice_of(key, key_n), parts_n) : chooser_next(c, rkt, parts_n);
    pthread_mutex_unlock(&c->lock);
    return chosen;
}

/* ---- jobs ---- */
static void put_stdout(void *arg, const char *text, size_t n)
{
    (void)arg;
    fwrite(text, 1, n, stdout);
}

static void job_answer(struct app *a, struct job *j)
{
    struct web_request *q = j->q;
    send_line(&j->send, put_stdout, NULL);
    fflush(stdout);
    if (send_status(&j->send) != 200)
        rk_say("WARN", "%d of %d messages were acknowledged%s", (int)j->send.acknowledged, (int)j->send.asked,
               web_gone(q) ? "; the client has gone" : "");
    q->status = send_status(&j->send);
    if (j->wants_json) {
        q->content_type = "application/json";
        send_json(&j->send, a->name, chooser_parts(&a->chooser), &q->text);
    } else send_sentence(&j->send, &q->text);
    j->q = NULL;
    web_reply(q);
}

static void uuid_text(struct uuid u, char out[UUID_CHARS + 1])
{
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        at += snprintf(at, 3, "%02x", u.b[i]);
    }
}

static rd_kafka_resp_err_t job_produce(struct app *a, struct job *j)
{
    char key[UUID_CHARS + 1], value[12];
    if (a->keys) uuid_text(prng_uuid(&a->random), key);
    int n = snprintf(value, sizeof value, "%d", send_next_value(&j->send));
    if (rd_kafka_produce(a->rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, (size_t)n,
                         a->keys ? key : NULL, a->keys ? UUID_CHARS : 0, j) == 0) {
        send_produced(&j->send);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return rd_kafka_last_error();
}

/* Hands over what fits; false: librdkafka's queue is full. */
static bool job_pump(struct app *a, struct job *j)
{
    struct send *s = &j->send;
    while (s->produced < s->asked && !s->failed && send_outstanding(s) < WINDOW) {
        rd_kafka_resp_err_t err = job_produce(a, j);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) return false;
        if (err == 0) continue;
        rk_say("ERROR", "a message cannot be sent: %s", rd_kafka_err2str(err));
        send_produced(s);
        send_delivered(s, -1, -1);
    }
    return true;
}

static bool job_over(const struct job *j, int64_t now)
{
    const struct send *s = &j->send;
    bool ended = send_outstanding(s) == 0 && (s->failed || s->produced == s->asked);
    return ended || now >= j->deadline_ms || web_gone(j->q);
}

static void job_free(struct job *j)
{
    list_remove(&j->in_app);
    send_fini(&j->send);
    free(j);
}

static void app_jobs(struct app *a)
{
    int64_t now = os_now_mono_ms();
    bool room = a->rkt != NULL;
    struct list *next;
    for (struct list *l = a->jobs.next; l != &a->jobs; l = next) {
        struct job *j = CONTAINER_OF(l, struct job, in_app);
        next = l->next;
        if (j->q && job_over(j, now)) job_answer(a, j);
        if (j->q && room) room = job_pump(a, j);
        if (!j->q && send_outstanding(&j->send) == 0) job_free(j);
    }
    /* who could not hand over anything this time comes first the next */
    if (!list_empty(&a->jobs)) {
        struct list *first = list_pop_front(&a->jobs);
        list_push_back(&a->jobs, first);
    }
}

static bool app_answered(const struct app *a)
{
    for (const struct list *l = a->jobs.next; l != &a->jobs; l = l->next)
        if (CONTAINER_OF(l, struct job, in_app)->q) return false;
    return true;
}

static void take_jobs(struct app *a, struct inbox_item *item)
{
    for (struct inbox_item *next; item; item = next) {
        struct job *j = CONTAINER_OF(item, struct job, in_inbox);
        next = item->next;
        list_push_back(&a->jobs, &j->in_app);
    }
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct job *j = m->_private;
    (void)rk;
    (void)opaque;
    if (m->err && !j->told && m->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE)
        rk_say("ERROR", "a message was not acknowledged: %s", rd_kafka_err2str(m->err));
    j->told |= m->err != 0;
    send_delivered(&j->send, m->partition, m->err ? -1 : max_i64(m->offset, 0));
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) rk_say("WARN", "%s", reason);
}

/* ---- life ---- */
static void app_step(struct app *a)
{
    os_event_clear(a->event);
    take_jobs(a, inbox_take(&a->inbox));
    rd_kafka_poll(a->rk, 0);
    if (!a->rkt && topic_ready(&a->topic)) {
        rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(a->rk);
        rd_kafka_topic_conf_set_partitioner_cb(conf, partitioner);
        rd_kafka_topic_conf_set_opaque(conf, &a->chooser);
        a->rkt = rd_kafka_topic_new(a->rk, a->name, conf);
    }
    app_jobs(a);
}

static void app_wait(struct app *a)
{
    os_event_wait(a->event, list_empty(&a->jobs) ? IDLE_MS : BUSY_MS);
}

static void hurry(void)
{
    fprintf(stderr, "ended at once\n");
    exit(128 + rk_signal);
}

/* Jobs come to their end; no request is taken any more. */
static void app_end(struct app *a, struct web *web)
{
    rk_signal = 0;
    web_stop(web);
    take_jobs(a, inbox_close(&a->inbox));
    while (!list_empty(&a->jobs)) {
        app_step(a);
        if (rk_signal) hurry();
        if (app_answered(a)) rd_kafka_purge(a->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        if (!list_empty(&a->jobs)) app_wait(a);
    }
    web_free(web);
}

/* As Java's client: who wants less than all acknowledgements does without idempotence, unless it is asked
 * for. */
static bool idempotent(const struct properties *p)
{
    const char *acks = properties_get(p, "acks"), *retries = properties_get(p, "retries");
    return (!acks || strcmp(acks, "all") == 0 || strcmp(acks, "-1") == 0) &&
           !(retries && strcmp(retries, "0") == 0);
}

static rd_kafka_t *client_new(struct app *a, const struct cli_option *o, const struct spring_settings *s)
{
    static const uint64_t one = 1;
    struct properties p = {0};
    char error[512];
    site_properties(o, &s->producer, &p);
    site_default(&p, "client.id", "msk-producer");
    site_default(&p, "enable.idempotence", idempotent(&p) ? "true" : "false");
    site_default(&p, "delivery.timeout.ms", "25000");
    site_default(&p, "linger.ms", "5");
    site_default(&p, "queue.buffering.max.messages", "20000");
    rd_kafka_conf_t *conf = site_conf(&p, true);
    properties_free(&p);
    rd_kafka_conf_set_opaque(conf, a);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!rk) tool_usage_error("%s", error);
    rd_kafka_queue_t *reports = rd_kafka_queue_get_main(rk);
    rd_kafka_queue_io_event_enable(reports, a->event, &one, sizeof one);
    rd_kafka_queue_destroy(reports);
    return rk;
}

static bool keys_of(const struct cli_option *o)
{
    const char *v = cli_value(o, "keys");
    if (v && strcmp(v, "none") != 0 && strcmp(v, "uuid") != 0)
        tool_usage_error("--keys is uuid or none, not '%s'", v);
    return !v || strcmp(v, "uuid") == 0;
}

int producer_main(int argc, char **argv)
{
    struct cli_option o[] = {
        SITE_OPTIONS("8082"),
        {.name = "keys", .takes_value = true, .help = "uuid (a random one each; default) or none"},
        {.name = "max-messages", .takes_value = true, .help = "of one send (default: 100000)"},
        {0}};
    cli_parse(argc, argv,
              "usage: moldau app producer [OPTION]...\n"
              "Serves a page, /msk-producer, whose form sends records with random values from 0 to 10.",
              o, NULL, NULL);
    struct spring_settings s;
    rk_settings(&s, o);
    struct app a = {.name = site_topic(o, &s),
                    .messages_max = (int32_t)tool_number(o, "max-messages", MESSAGES_MAX, 1, INT32_MAX),
                    .keys = keys_of(o),
                    .event = os_event_new()};
    uint64_t seed;
    struct pages pages;
    char index[] = "/msk-producer-index.html";
    pages_init(&pages);
    os_entropy(NULL, &seed, sizeof seed);
    prng_init(&a.random, seed);
    list_init(&a.jobs);
    inbox_init(&a.inbox, a.event);
    chooser_init(&a.chooser);
    int32_t parts = (int32_t)tool_number(o, "partitions", SITE_PARTITIONS, 1, INT32_MAX);
    int32_t replication = (int32_t)tool_number(o, "replication-factor", -1, -1, INT16_MAX);
    const struct web_route routes[] = {{"GET", "/msk-producer-healthCheck", 0, site_healthy, NULL},
                                       {"GET", "/msk-producer", 0, web_redirect, index},
                                       {"GET", index, 0, web_page, &pages.producer_html},
                                       {"GET", "/msk-producer.js", 0, web_page, &pages.producer_js},
                                       {"GET", "/msk-producer.css", 0, web_page, &pages.app_css},
                                       {"GET", "/msk-producer-icon.svg", 0, web_page, &pages.icon_svg},
                                       {"POST", "/msk-producer-send", BODY_BYTES_MAX, on_send, &a}};
    rk_catch_signals();
    a.rk = client_new(&a, o, &s);
    topic_init(&a.topic, a.rk, a.name, parts, replication, a.event);
    struct web *web = site_start(o, &s, PORT, routes, NELEMS(routes));
    while (!rk_signal) {
        app_step(&a);
        app_wait(&a);
    }
    app_end(&a, web);
    topic_fini(&a.topic);
    if (a.rkt) rd_kafka_topic_destroy(a.rkt);
    rd_kafka_destroy(a.rk);
    os_event_free(a.event);
    chooser_fini(&a.chooser);
    spring_settings_free(&s);
    cli_options_free(o);
    printf("Bye\n");
    return 0;
}
