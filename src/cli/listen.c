/* moldau listen: what happens to each record of a group's topics is a program's to say; in which order, how
 * often, and what is committed is decided by listen.c, runtime.c of src/listen.
 *
 * SIGTERM: what runs comes to its end, what is done is committed, the group is left, "Bye". A second one ends
 * the handlers and the program at once. */
#include "cli/listen_int.h"
#include "cli/rk_tool.h"
#include "base/err.h"
#include "base/grow.h"
#include "cli/tools.h"
#include "listen/advice.h"
#include "os/blocking.h"

#include <stdio.h>
#include <stdlib.h>

static void listener_say(void *arg, const char *level, const char *text)
{
    const struct listener *l = arg;
    if (!l->quiet || strcmp(level, "INFO") != 0) rk_say(level, "%s", text);
}

void listen_failed(struct task *t, enum listen_result result, const char *why)
{
    rk_say("WARN", "%s-%d at offset %lld, attempt %d: %s", rd_kafka_topic_name(t->message->rkt),
           t->message->partition, (long long)t->message->offset, t->attempt, why);
    task_done(t, result, why);
}

/* ---- each record once ---- */
static bool id_of(const struct listener *l, const struct task *t, struct slice *id)
{
    return l->once && once_id(t->message, l->once_by, id);
}

static void begin(void *arg, struct task *t)
{
    struct listener *l = arg;
    struct strbuf why = {0};
    struct slice id;
    int rc = id_of(l, t, &id) ? once_try(l->once, id, &why) : 0;
    if (rc == 0) l->handlers->begin(l->state, t);
    else if (rc == ERR_BUSY) {
        l->deferred = grown(l->deferred, l->deferred_n, &l->deferred_cap, sizeof(struct task *));
        l->deferred[l->deferred_n++] = t;
    } else {
        t->is_repeat = true; /* nobody began it */
        if (rc == 1) task_done(t, LISTEN_OK, NULL);
        else listen_failed(t, LISTEN_RETRY, strbuf_cstr(&why));
    }
    strbuf_fini(&why);
}

/* What was done is remembered before it is committed. Others with its id wait for this. */
static void ended(void *arg, struct task *t, enum listen_result *result)
{
    struct listener *l = arg;
    struct strbuf why = {0};
    struct slice id;
    bool repeat = t->is_repeat;
    t->is_repeat = false;
    if (repeat || !id_of(l, t, &id)) return;
    if (once_end(l->once, id, *result == LISTEN_OK, &why) && *result == LISTEN_OK) {
        rk_say("ERROR", "%s; the record is tried again", strbuf_cstr(&why));
        *result = LISTEN_RETRY;
    }
    strbuf_fini(&why);
    int n = l->deferred_n;
    struct task **again = l->deferred;
    l->deferred = NULL;
    l->deferred_n = l->deferred_cap = 0;
    for (int i = 0; i < n; i++) begin(l, again[i]);
    free(again);
}

static void given_up(void *arg, const struct task *t)
{
    const struct listener *l = arg;
    (void)l;
    rk_say("ERROR", "%s-%d at offset %lld is given up after %d attempt%s: %s",
           rd_kafka_topic_name(t->message->rkt), t->message->partition, (long long)t->message->offset,
           t->attempt, t->attempt == 1 ? "" : "s", t->why.n ? t->why.s : "");
}

/* Waits for handlers, and for fd, unless that is -1. */
static void wait_for(struct listener *l, int fd, int64_t ms)
{
    int64_t left = l->handlers->due_ms(l->state);
    if (left != INT64_MAX) ms = min_i64(ms, max_i64(left - os_now_mono_ms(), 0));
    l->fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
    int n = 1 + l->handlers->fds(l->state, l->fds + 1);
    if (poll(l->fds, (nfds_t)n, (int)ms) >= 0) l->handlers->ready(l->state, l->fds + 1); /* else a signal */
}

static void wait_handlers(void *arg, int64_t ms)
{
    wait_for(arg, -1, ms);
}

static void hurry(struct listener *l)
{
    l->handlers->kill(l->state);
    fprintf(stderr, "ended at once; records that were worked on come again\n");
    exit(128 + (rk_signal ? rk_signal : SIGTERM));
}

static int serve(struct listener *l)
{
    int seen = 0;
    while (!runtime_stopped(l->runtime)) {
        runtime_step(l->runtime);
        if (rk_signal && !seen) {
            seen = rk_signal;
            rk_signal = 0;
            l->stopping = true;
            runtime_stop(l->runtime);
        } else if (rk_signal) hurry(l);
        if (runtime_fatal(l->runtime) ||
            (l->records_max >= 0 && runtime_done_n(l->runtime) >= l->records_max)) {
            l->stopping = true;
            runtime_stop(l->runtime);
        }
        if (!runtime_stopped(l->runtime)) wait_for(l, runtime_fd(l->runtime), runtime_wait_ms(l->runtime));
    }
    if (runtime_fatal(l->runtime)) {
        rk_say("ERROR", "%s", runtime_fatal(l->runtime));
        return 1;
    }
    printf("Bye\n");
    return 0;
}

/* ---- options ---- */
static enum listen_order order_of(const struct cli_option *o)
{
    static const char *const names[] = {"unordered", "partition", "key"};
    const char *v = cli_value(o, "order");
    for (size_t i = 0; v && i < NELEMS(names); i++)
        if (strcmp(v, names[i]) == 0) return (enum listen_order)i;
    if (v) tool_usage_error("--order is unordered, partition or key, not '%s'", v);
    return LISTEN_KEY;
}

static rd_kafka_conf_t *client_conf(const struct properties *props, bool producer)
{
    rd_kafka_conf_t *conf;
    struct strbuf why;
    strbuf_init(&why);
    if (rk_tool_conf(props, producer, &conf, &why)) tool_usage_error("%s", strbuf_cstr(&why));
    strbuf_fini(&why);
    return conf;
}

/* --bootstrap-server, else what the settings say, else the sentence that it is missing. */
static void set_bootstrap(struct properties *p, const struct cli_option *o)
{
    if (cli_given(o, "bootstrap-server") || !properties_get(p, "bootstrap.servers"))
        properties_set(p, "bootstrap.servers", cli_bootstrap(o));
}

static rd_kafka_conf_t *consumer_conf(const struct cli_option *o, const struct spring_settings *s,
                                      const char *group)
{
    struct properties p = {0};
    rk_properties(&p, o, "Option", "command-config", NULL, "command-property", NULL);
    rk_default_properties(&p, &s->consumer);
    const char *reset = properties_get(&p, "auto.offset.reset");
    set_bootstrap(&p, o);
    properties_set(&p, "group.id", group);
    properties_set(&p, "enable.auto.commit", "false");
    if (cli_given(o, "from-beginning")) properties_set(&p, "auto.offset.reset", "earliest");
    else if (!reset) properties_set(&p, "auto.offset.reset", "latest");
    else if (strcmp(reset, "none") == 0) properties_set(&p, "auto.offset.reset", "error");
    if (!properties_get(&p, "client.id")) properties_set(&p, "client.id", "moldau-listen");
    properties_set(&p, "log_level", "2");
    rd_kafka_conf_t *conf = client_conf(&p, false);
    properties_free(&p);
    return conf;
}

static rd_kafka_conf_t *producer_conf(const struct cli_option *o, const struct spring_settings *s)
{
    struct properties p = {0};
    rk_dead_letter_properties(&p, s);
    set_bootstrap(&p, o);
    if (!properties_get(&p, "client.id")) properties_set(&p, "client.id", "moldau-listen-dlt");
    properties_set(&p, "enable.idempotence", "true");
    properties_set(&p, "linger.ms", "0");
    properties_set(&p, "message.max.bytes", "1000000000"); /* the topic says what is too large */
    properties_set(&p, "log_level", "2");
    rd_kafka_conf_t *conf = client_conf(&p, true);
    properties_free(&p);
    return conf;
}

static const struct handlers *handlers_of(const struct cli_option *o)
{
    const char *v = cli_value(o, "workers");
    bool json = v && strcmp(v, "json") == 0;
    if (json && cli_given(o, "post")) tool_usage_error("--post and --workers json cannot be given together");
    return cli_given(o, "post") ? &listen_post : json ? &listen_json : &listen_exec;
}

static int workers_of(const struct cli_option *o, const struct spring_settings *s)
{
    const char *v = cli_value(o, "workers");
    int64_t n = max_i64(s->concurrency, 1);
    if (v && strcmp(v, "json") != 0 && (!parse_i64(v, &n) || n < 1 || n > 1000))
        tool_usage_error("--workers is json, or a whole number from 1 to 1000, not '%s'", v);
    return (int)tool_number(o, "concurrency", n, 1, 1000);
}

static int attempts_of(const struct cli_option *o)
{
    if (cli_given(o, "retry") && cli_given(o, "attempts"))
        tool_usage_error("--retry and --attempts say the same: give one of them");
    if (cli_given(o, "retry")) return 1 + (int)tool_number(o, "retry", 9, 0, INT32_MAX - 1);
    return (int)tool_number(o, "attempts", 10, 1, INT32_MAX);
}

/* A handler's end is its acknowledgement, so Spring's manual modes are the ones that commit when acknowledged
 * records are committed with the others, or at once. */
static const char *ack_mode_said(const struct cli_option *o, const struct spring_settings *s)
{
    static const char *const names[] = {
        [SPRING_ACK_NOT_SAID] = NULL,  [SPRING_ACK_RECORD] = "record",
        [SPRING_ACK_BATCH] = "batch",  [SPRING_ACK_TIME] = "time",
        [SPRING_ACK_COUNT] = "count",  [SPRING_ACK_COUNT_TIME] = "count_time",
        [SPRING_ACK_MANUAL] = "batch", [SPRING_ACK_MANUAL_IMMEDIATE] = "record"};
    const char *v = cli_value(o, "ack-mode");
    return v ? v : names[s->ack_mode];
}

/* When what is done is committed: after so many milliseconds, or so many records (0: their number says
 * nothing). */
static void ack_mode_of(const struct cli_option *o, const struct spring_settings *s,
                        struct runtime_options *r)
{
    const char *v = ack_mode_said(o, s);
    int64_t time = tool_number(o, "ack-time-ms", s->ack_time_ms < 0 ? 5000 : s->ack_time_ms, 0, INT32_MAX),
            count = tool_number(o, "ack-count", max_i64(s->ack_count, 1), 1, INT32_MAX);
    r->commit_ms = tool_number(o, "commit-interval-ms", 500, 0, INT32_MAX);
    if (!v || strcasecmp(v, "batch") == 0) return;
    bool counts = strcasecmp(v, "count") == 0 || strcasecmp(v, "count_time") == 0;
    if (strcasecmp(v, "record") == 0) r->commit_records = 1;
    else if (strcasecmp(v, "time") == 0 || counts) {
        r->commit_ms = strcasecmp(v, "count") == 0 ? INT32_MAX : time;
        r->commit_records = counts ? count : 0;
    } else if (strncasecmp(v, "manual", 6) == 0)
        tool_usage_error(
            "--ack-mode %s: a handler's end is its acknowledgement; choose record, batch, time, count "
            "or count_time",
            v);
    else tool_usage_error("--ack-mode is record, batch, time, count or count_time, not '%s'", v);
}

static int add_topics(const char *list, const char ***names, int n)
{
    char *text = xstrdup(list), *save = NULL; /* lives as long as the process */
    for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
        *names = xrealloc(*names, (size_t)(n + 1) * sizeof **names);
        (*names)[n++] = t;
    }
    return n;
}

/* The names of --topic, which may be given often and with commas between. */
static int topics_of(const struct cli_option *o, const struct spring_settings *s, const char ***out)
{
    int n = 0;
    *out = NULL;
    for (; o->name && strcmp(o->name, "topic") != 0; o++) {
    }
    for (int i = 0; i < o->n; i++) n = add_topics(o->values[i], out, n);
    return n || !s->default_topic ? n : add_topics(s->default_topic, out, n);
}

int listen_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {.name = "bootstrap-server",
         .takes_value = true,
         .help = "REQUIRED: the servers to connect to, HOST1:PORT1,HOST2:PORT2"},
        {.name = "topic",
         .takes_value = true,
         .help = "REQUIRED: topics, with commas between; one that begins with ^ is a regular expression"},
        {.name = "group", .takes_value = true, .help = "REQUIRED: the consumer group"},
        {.name = "post",
         .takes_value = true,
         .help = "instead of a command: an address, http://.., that gets a POST request for each record; the "
                 "status is the acknowledgement"},
        {.name = "concurrency", .takes_value = true, .help = "handlers that run at a time (default: 1)"},
        {.name = "workers",
         .takes_value = true,
         .help =
             "json: long-lived handlers that get a line of JSON for each record and answer with one; or a "
             "number, as --concurrency"},
        {.name = "in-flight",
         .takes_value = true,
         .help = "with --workers json: records that a worker has at a time (default: 1)"},
        {.name = "ack-mode",
         .takes_value = true,
         .help = "when what is done is committed: record (at once), batch (every --commit-interval-ms, the "
                 "default), time (every --ack-time-ms), count (after --ack-count records), count_time"},
        {.name = "ack-time-ms",
         .takes_value = true,
         .help = "of --ack-mode time and count_time (default: 5000)"},
        {.name = "ack-count", .takes_value = true, .help = "of --ack-mode count and count_time (default: 1)"},
        {.name = "order",
         .takes_value = true,
         .help = "which records wait for each other: those of a key (default), of a partition, or unordered"},
        {.name = "attempts",
         .takes_value = true,
         .help = "of each record, before it is given up (default: 10)"},
        {.name = "retry", .takes_value = true, .help = "attempts after the first: one less than --attempts"},
        {.name = "backoff-ms",
         .takes_value = true,
         .help = "pause before the second attempt (default: 1000)"},
        {.name = "backoff-factor",
         .takes_value = true,
         .help = "how much longer each pause is than the one before (default: 2)"},
        {.name = "backoff-max-ms", .takes_value = true, .help = "the longest pause (default: 60000)"},
        {.name = "backoff-jitter",
         .takes_value = true,
         .help = "0 to 1: the part of a pause that is left to chance (default: 0.2)"},
        {.name = "no-dlt",
         .help = "skip records that are given up instead of sending them to a dead-letter topic"},
        {.name = "dlt-suffix",
         .takes_value = true,
         .help = "of the dead-letter topic's name (default: -dlt)"},
        {.name = "dlt",
         .takes_value = true,
         .help = "the dead-letter topic, the same for all; none: as --no-dlt"},
        {.name = "handler-timeout-ms",
         .takes_value = true,
         .help = "how long a handler may take; -1: as long as it likes (default: 60000)"},
        {.name = "commit-interval-ms",
         .takes_value = true,
         .help = "how often what is done is committed (default: 500)"},
        {.name = "max-in-flight",
         .takes_value = true,
         .help = "records of a partition that are held at a time (default: 500)"},
        {.name = "once-file",
         .takes_value = true,
         .help = "a SQLite file that remembers what was done, so that a record is done once: see --once-by"},
        {.name = "once-by",
         .takes_value = true,
         .help = "what makes two records the same: key, or the name of a header"},
        {.name = "max-records", .takes_value = true, .help = "stop after so many records"},
        {.name = "from-beginning", .help = "start with the earliest record if the group has no offset yet"},
        {.name = "quiet", .help = "say nothing of assignments"},
        {.name = "command-property", .takes_value = true, .help = "a property of the consumer, name=value"},
        {.name = "command-config", .takes_value = true, .help = "a file of consumer properties"},
        RK_CONFIG_OPTION,
        {0},
    };
    int at = 1;
    while (at < argc && strcmp(argv[at], "--") != 0) at++;
    cli_parse(
        at, argv,
        "usage: moldau listen --bootstrap-server B --topic T --group G [OPTION]... -- HANDLER [ARG]...\n"
        "Runs HANDLER for each record: its value on standard input; MOLDAU_TOPIC, _PARTITION, _OFFSET, "
        "_KEY,\n"
        "_TIMESTAMP, _ATTEMPT, _HEADER_name and _TOMBSTONE in the environment. Exit code 0: done; 65: dead, "
        "not\n"
        "tried again; any other: tried again. With --workers json HANDLER lives on and gets a line for "
        "each;\n"
        "with --post URL instead of HANDLER an HTTP server gets a request for each: docs/LISTEN.md.",
        o, NULL, NULL);
    struct spring_settings s;
    rk_settings(&s, o);
    const char **topics, *group = cli_value(o, "group"), *suffix = cli_value(o, "dlt-suffix"),
                         *dlt = cli_value(o, "dlt");
    if (!group) group = properties_get(&s.consumer, "group.id");
    struct runtime_options r = {.group = group, .dead_suffix = suffix ? suffix : "-dlt"};
    r.topics_n = topics_of(o, &s, &topics);
    r.topics = topics;
    if (!r.topics_n) tool_usage_error("--topic is required");
    if (!group || !*group) tool_usage_error("--group is required");
    const char *url = cli_value(o, "post");
    if (!url && at + 1 >= argc)
        tool_usage_error("a handler is required: put -- and its command behind the options, or give --post");
    if (url && at < argc) tool_usage_error("--post and a command cannot be given together");
    if (url && strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
        tool_usage_error("--post takes an address that begins with http:// or https://, not '%s'", url);
    struct listener l = {.argv = argv + min_i64(at + 1, argc), .url = url, .quiet = cli_given(o, "quiet")};
    l.workers_n = workers_of(o, &s);
    l.timeout_ms = tool_number(o, "handler-timeout-ms", 60000, -1, INT32_MAX);
    l.records_max = tool_number(o, "max-records", -1, 1, INT64_MAX);
    l.in_flight = (int)tool_number(o, "in-flight", 1, 1, 1000);
    l.handlers = handlers_of(o);
    if (l.handlers != &listen_json && l.in_flight > 1) tool_usage_error("--in-flight is for --workers json");
    l.fds = xcalloc((size_t)(1 + LISTEN_FDS_OF_WORKER * l.workers_n), sizeof *l.fds);
    r.listen =
        (struct listen_config){.order = order_of(o),
                               .workers_max = l.workers_n * l.in_flight,
                               .window_max = (int)tool_number(o, "max-in-flight", 500, 1, 100000),
                               .attempts_max = attempts_of(o),
                               .backoff_ms = tool_number(o, "backoff-ms", 1000, 0, INT32_MAX),
                               .backoff_factor = tool_fraction(o, "backoff-factor", 2, 1, 1000),
                               .backoff_ms_max = tool_number(o, "backoff-max-ms", 60000, 0, INT32_MAX),
                               .jitter = tool_fraction(o, "backoff-jitter", 0.2, 0, 1),
                               .dead_letters = !cli_given(o, "no-dlt") && !(dlt && strcmp(dlt, "none") == 0)};
    if (r.listen.dead_letters) r.dead_topic = dlt;
    ack_mode_of(o, &s, &r);
    r.consumer = consumer_conf(o, &s, group);
    r.producer = r.listen.dead_letters ? producer_conf(o, &s) : NULL;
    r.begin = begin;
    r.ended = ended;
    r.given_up = given_up;
    r.wait = wait_handlers;
    r.say = listener_say;
    r.arg = &l;
    struct strbuf why;
    strbuf_init(&why);
    const char *once = cli_value(o, "once-file");
    l.once_by = cli_value(o, "once-by");
    if (!once != !l.once_by) tool_usage_error("--once-file and --once-by go together");
    rk_catch_signals();
    if (once && !(l.once = once_open(once, &why))) {
        rk_say("ERROR", "%s", strbuf_cstr(&why));
        return 1;
    }
    /* Polls go on while handlers run, so how long they take is no matter to the group. */
    (void)advice_give(&(struct advice){.conf = r.consumer,
                                       .topics = r.topics,
                                       .topics_n = r.topics_n,
                                       .group = group,
                                       .consumers_n = 1,
                                       .warn = rk_warn});
    if (runtime_new(&r, &l.runtime, &why)) {
        rk_say("ERROR", "%s", strbuf_cstr(&why));
        return 1;
    }
    l.state = l.handlers->open(&l);
    int rc = serve(&l);
    runtime_free(l.runtime);
    l.handlers->close(l.state);
    free(l.fds);
    once_close(l.once);
    free(l.deferred);
    spring_settings_free(&s);
    strbuf_fini(&why);
    return rc;
}
