/* moldau app produce: the producers of the tutorials.
 *
 *   the topic is known --(transactional: begun)--> each record: sent --(unless --callback: waited for)-->
 *     acknowledged: TOPIC-PARTITION@OFFSET, as Java's RecordMetadata prints itself
 *     refused: why, on standard error; the exit code is 1
 *   --> all waited for --(transactional: committed, or aborted if one was refused)--> end */
#include "app/produce.h"
#include "app/lines.h"
#include "app/options.h"
#include "cli/rk_tool.h"
#include "cli/tools.h"
#include "os/blocking.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SERVE_MS 100
#define BLOCK_MS 60000       /* max.block.ms, as Java */
#define BLOCK_MS_TXN 20000   /* for a transaction's coordinator, if the user says nothing */
#define COUNT 10             /* records, if no value is given */
#define TXN_END_MS_MAX 60000 /* for the commit or the abort */

struct produce {
    rd_kafka_t *rk;
    const char *topic;
    int32_t partition; /* RD_KAFKA_PARTITION_UA: by key, or anyone */
    bool keys, callback, transactional, abort;
    int64_t block_ms, txn_block_ms;
    int64_t pending_n;
    int lost;   /* records that were refused */
    bool down;  /* said already that no broker answers */
    bool known; /* a broker told of the topic */
    char *fatal;
    struct lines lines;
};

static void complain(struct produce *p, const char *why)
{
    fprintf(stderr, "%s\n", why);
    p->lost++;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct produce *p = opaque;
    (void)rk;
    p->pending_n--;
    if (m->err) complain(p, rd_kafka_err2str(m->err));
    else if (m->offset < 0) lines_say(&p->lines, "%s-%d", rd_kafka_topic_name(m->rkt), m->partition);
    else lines_say(&p->lines, "%s-%d@%lld", rd_kafka_topic_name(m->rkt), m->partition, (long long)m->offset);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct produce *p = opaque;
    char why[512];
    if (err == RD_KAFKA_RESP_ERR__FATAL) rd_kafka_fatal_error(rk, why, sizeof why);
    if (err == RD_KAFKA_RESP_ERR__FATAL || err == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
        (err == RD_KAFKA_RESP_ERR__SSL && !p->known)) {
        if (!p->fatal) p->fatal = xstrdup(err == RD_KAFKA_RESP_ERR__FATAL ? why : reason);
    } else if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (!p->down) rk_say("WARN", "no broker answers; trying again");
        p->down = true;
    } else if (!p->down) rk_say("WARN", "%s", reason);
}

static bool over(const struct produce *p)
{
    return rk_signal || p->fatal || p->lines.closed;
}

/* How many partitions the topic has; 0: it has none, or nobody tells, and why. */
static int partitions(struct produce *p, rd_kafka_topic_t *t, rd_kafka_resp_err_t *err)
{
    const struct rd_kafka_metadata *m;
    int n = 0;
    *err = rd_kafka_metadata(p->rk, 0, t, &m, (int)min_i64(SERVE_MS * 10, p->block_ms));
    if (*err) return 0;
    for (int i = 0; i < m->topic_cnt; i++) {
        *err = m->topics[i].err;
        n = *err ? 0 : m->topics[i].partition_cnt;
    }
    rd_kafka_metadata_destroy(m);
    return n;
}

static bool topic_known(struct produce *p)
{
    int64_t end = os_now_mono_ms() + p->block_ms;
    rd_kafka_topic_t *t = rd_kafka_topic_new(p->rk, p->topic, NULL);
    rd_kafka_resp_err_t err = t ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
    int n = 0;
    while (t && !over(p) && os_now_mono_ms() < end && (n = partitions(p, t, &err)) == 0 &&
           err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED && err != RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        rd_kafka_poll(p->rk, 0);
        os_sleep_ms(SERVE_MS / 2);
    }
    rd_kafka_poll(p->rk, 0);
    struct strbuf why;
    strbuf_init(&why);
    if (n > 0 && p->partition >= n)
        strbuf_printf(&why, "Partition %d of topic %s with partition count %d is not present in metadata.",
                      p->partition, p->topic, n);
    else if (n == 0 && os_now_mono_ms() >= end)
        strbuf_printf(&why, "Topic %s not present in metadata after %lld ms.", p->topic,
                      (long long)p->block_ms);
    else if (n == 0 && !over(p)) strbuf_add_cstr(&why, rd_kafka_err2str(err));
    if (why.n) complain(p, why.s);
    if (t) rd_kafka_topic_destroy(t);
    strbuf_fini(&why);
    p->known = n > 0;
    return p->known && p->partition < n;
}

static void await(struct produce *p)
{
    while (p->pending_n > 0 && !over(p)) rd_kafka_flush(p->rk, SERVE_MS);
}

static void send_one(struct produce *p, struct slice key, struct slice value)
{
    rd_kafka_resp_err_t err;
    for (;;) {
        err = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(p->topic), RD_KAFKA_V_PARTITION(p->partition),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.p, key.n),
                                RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n), RD_KAFKA_V_END);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL || over(p)) break;
        rd_kafka_poll(p->rk, SERVE_MS);
    }
    if (err) complain(p, rd_kafka_err2str(err));
    else p->pending_n++;
    if (p->callback) rd_kafka_poll(p->rk, 0);
    else await(p);
}

static void send_text(struct produce *p, struct slice text)
{
    struct slice key = {0};
    if (p->keys) {
        const uint8_t *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
        if (!colon) {
            struct strbuf why;
            strbuf_init(&why);
            strbuf_printf(&why, "with --keys a value is written KEY:VALUE, not '%.*s'",
                          (int)min_size(text.n, 200), (const char *)text.p);
            complain(p, why.s);
            strbuf_fini(&why);
            return;
        }
        key = slice_of(text.p, (size_t)(colon - text.p));
        text = slice_of(colon + 1, text.n - key.n - 1);
    }
    send_one(p, key, text);
}

static void send_lines(struct produce *p)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while (!over(p) && (n = getline(&line, &cap, stdin)) >= 0) {
        size_t end = (size_t)n;
        if (end && line[end - 1] == '\n') end--;
        send_text(p, slice_of(line, end));
    }
    free(line);
}

static void send_all(struct produce *p, char **values, int n, int64_t count)
{
    char text[24];
    for (int i = 0; i < n && !over(p); i++)
        if (strcmp(values[i], "-") == 0) send_lines(p);
        else send_text(p, slice_cstr(values[i]));
    for (int64_t i = 0; n == 0 && i < count && !over(p); i++) {
        snprintf(text, sizeof text, "%lld", (long long)i);
        send_one(p, p->keys ? slice_cstr(text) : (struct slice){0}, slice_cstr(text));
    }
    await(p);
}

/* ---- transactions ---- */
static bool taken(struct produce *p, rd_kafka_error_t *e, const char *what)
{
    if (!e) return true;
    struct strbuf why;
    strbuf_init(&why);
    strbuf_printf(&why, "%s: %s", what, rd_kafka_error_string(e));
    complain(p, why.s);
    strbuf_fini(&why);
    rd_kafka_error_destroy(e);
    return false;
}

static bool transaction_begin(struct produce *p)
{
    rd_kafka_error_t *e = rd_kafka_init_transactions(p->rk, (int)p->txn_block_ms);
    if (e && rd_kafka_error_code(e) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        struct strbuf why;
        strbuf_init(&why);
        strbuf_printf(&why,
                      "The cluster has no transaction coordinator, or none that answers within %lld ms: "
                      "transactions cannot be used with it.",
                      (long long)p->txn_block_ms);
        complain(p, why.s);
        strbuf_fini(&why);
        rd_kafka_error_destroy(e);
        return false;
    }
    return taken(p, e, "the transactional producer cannot begin") &&
           taken(p, rd_kafka_begin_transaction(p->rk), "no transaction can begin");
}

static void transaction_end(struct produce *p)
{
    bool aborts = p->abort || p->lost || over(p);
    rd_kafka_error_t *e;
    do {
        e = aborts ? rd_kafka_abort_transaction(p->rk, TXN_END_MS_MAX)
                   : rd_kafka_commit_transaction(p->rk, TXN_END_MS_MAX);
        if (e && rd_kafka_error_is_retriable(e)) {
            rd_kafka_error_destroy(e);
            continue;
        }
        if (e && !aborts && rd_kafka_error_txn_requires_abort(e)) {
            taken(p, e, "the transaction is aborted");
            aborts = true;
            continue;
        }
        taken(p, e, aborts ? "the transaction cannot be aborted" : "the transaction cannot be committed");
        return;
    } while (!rk_signal);
}

/* ---- settings ---- */
static bool is(const char *value, const char *text)
{
    return value && strcmp(value, text) == 0;
}

/* What Java's producer refuses, in its words. */
static void check_acks(struct properties *p, bool transactional)
{
    const char *acks = properties_get(p, "acks"), *idempotence = properties_get(p, "enable.idempotence"),
               *retries = properties_get(p, "retries");
    bool all = is(acks, "all") || is(acks, "-1");
    if (!all && !is(acks, "0") && !is(acks, "1"))
        tool_usage_error("Invalid value %s for configuration acks: String must be one of: all, -1, 0, 1",
                         acks);
    if (transactional && is(idempotence, "false"))
        tool_usage_error("Cannot set a transactional.id without also enabling idempotence.");
    bool asked = transactional || is(idempotence, "true");
    if (asked && !all)
        tool_usage_error("Must set acks to all in order to use the idempotent producer. Otherwise we cannot "
                         "guarantee idempotence.");
    if (asked && is(retries, "0"))
        tool_usage_error("Must set retries to non-zero when using the idempotent producer.");
    options_default(p, "enable.idempotence", all && !is(retries, "0") ? "true" : "false");
}

static void configure(struct produce *p, const struct cli_option *o, const struct spring_settings *s,
                      struct properties *props)
{
    const char *acks = cli_value(o, "acks"), *id = cli_value(o, "transactional-id");
    char name[64];
    int64_t block = BLOCK_MS;
    rk_properties(props, o, "Option", "command-config", NULL, "command-property", NULL);
    rk_default_properties(props, &s->producer);
    options_bootstrap(props, o);
    if (acks) properties_set(props, "acks", acks);
    options_default(props, "acks", "all");
    if (id) properties_set(props, "transactional.id", id);
    else if (p->transactional && !properties_get(props, "transactional.id")) {
        snprintf(name, sizeof name, "moldau-app-produce-%lld-%d", (long long)os_now_wall_ms(), (int)getpid());
        properties_set(props, "transactional.id", name);
    }
    p->transactional |= properties_get(props, "transactional.id") != NULL;
    if (p->abort && !p->transactional) tool_usage_error("--abort needs --transactional");
    check_acks(props, p->transactional);
    const char *given = properties_get(props, "max.block.ms");
    if (given && (!parse_i64(given, &block) || block < 0 || block > INT32_MAX))
        tool_usage_error("max.block.ms takes a whole number from 0 on, not '%s'", given);
    p->block_ms = block;
    p->txn_block_ms = given ? block : BLOCK_MS_TXN;
    options_default(props, "client.id", "producer-1");
    options_default(props, "linger.ms", "0");
    options_default(props, "reconnect.backoff.max.ms", "1000");
    properties_set(props, "partitioner", "murmur2_random"); /* Java's */
    properties_set(props, "topic.metadata.refresh.fast.interval.ms", "50");
    options_default(props, "log_level", "2");
}

static bool open_producer(struct produce *p, const struct properties *props)
{
    rd_kafka_conf_t *conf;
    struct strbuf why;
    char error[512];
    strbuf_init(&why);
    if (rk_tool_conf(props, true, &conf, &why)) tool_usage_error("%s", strbuf_cstr(&why));
    strbuf_fini(&why);
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_error_cb(conf, on_error);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        complain(p, error);
    }
    return p->rk != NULL;
}

static int run(struct produce *p, char **values, int n, int64_t count)
{
    rk_catch_signals();
    if (topic_known(p) && (!p->transactional || transaction_begin(p))) {
        send_all(p, values, n, count);
        if (p->transactional) transaction_end(p);
        if (rk_signal) rd_kafka_flush(p->rk, SERVE_MS * 10); /* what is on its way */
    }
    if (p->fatal) complain(p, p->fatal);
    if (p->pending_n > 0) rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    int caught = rk_signal;
    return caught ? 128 + caught : p->lost || p->lines.closed ? 1 : 0;
}

int produce_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {.name = "bootstrap-server",
         .takes_value = true,
         .help = "the servers to connect to, HOST1:PORT1,HOST2:PORT2 (default: localhost:9092)"},
        {.name = "topic", .takes_value = true, .help = "the topic to produce to (default: test)"},
        {.name = "count",
         .takes_value = true,
         .help = "how many records to send if no value is given: 0, 1, 2, ... (default: 10)"},
        {.name = "keys", .help = "values are written KEY:VALUE; the key chooses the partition"},
        {.name = "partition", .takes_value = true, .help = "the partition to produce to"},
        {.name = "callback", .help = "send all without waiting; a callback prints what became of each"},
        {.name = "transactional", .help = "all records in one transaction"},
        {.name = "transactional-id",
         .takes_value = true,
         .help = "likewise, with this id instead of one of its own"},
        {.name = "abort", .help = "with --transactional: abort it at the end"},
        {.name = "acks", .takes_value = true, .help = "0, 1 or all (the default); 0 tells no offset"},
        {.name = "command-property", .takes_value = true, .help = "a property of the producer, name=value"},
        {.name = "command-config", .takes_value = true, .help = "a file of producer properties"},
        RK_CONFIG_OPTION,
        {0},
    };
    char **values;
    int n;
    cli_parse(argc, argv,
              "usage: moldau app produce [OPTION]... [VALUE]...\n"
              "Sends the values (-: the lines of standard input) and prints where each came to lie.",
              o, &values, &n);
    const char *topic = cli_value(o, "topic");
    struct spring_settings s;
    rk_settings(&s, o);
    if (!topic) topic = s.default_topic;
    struct properties props = {0};
    struct produce p = {.topic = topic ? topic : "test",
                        .keys = cli_given(o, "keys"),
                        .callback = cli_given(o, "callback"),
                        .transactional = cli_given(o, "transactional"),
                        .abort = cli_given(o, "abort")};
    p.partition = (int32_t)options_number(o, "partition", RD_KAFKA_PARTITION_UA, 0, INT32_MAX);
    int64_t count = options_number(o, "count", COUNT, 0, INT64_MAX);
    configure(&p, o, &s, &props);
    lines_init(&p.lines);
    int rc = open_producer(&p, &props) ? run(&p, values, n, count) : 1;
    properties_free(&props);
    if (p.rk) rd_kafka_destroy(p.rk);
    lines_fini(&p.lines);
    free(p.fatal);
    free(values);
    spring_settings_free(&s);
    return rc;
}
