/* moldau app consume: the consumers of the tutorials. Each runs on a thread of its own; the first thread
 * waits for signals:
 *
 *   SIGTERM, SIGINT --(auto without --close)--> the process ends at once, as the tutorial's program does
 *                   \-(else)--> "Bye" if there are threads --> stop --> each commits, leaves its group, ends
 *   another signal  ---------> the process ends at once */
#include "app/consume.h"
#include "app/consumer.h"
#include "app/options.h"
#include "app/plan.h"
#include "app/pool.h"
#include "cli/rk_tool.h"
#include "cli/tools.h"
#include "listen/advice.h"
#include "os/blocking.h"
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 20 /* how late a signal may be noticed */
#define WORKERS_MAX 1000
#define PLAN_BYTES_MAX (1 << 20)

struct member {
    struct consumer_options o;
    char *name, *path, *client_id;
    struct os_thread *thread;
};
struct consume {
    struct consumers shared;
    struct plan plan;
    struct member *members;
    int members_n;
    struct fetch_metrics **metrics; /* of the members, where they are kept */
    int metrics_n;
    struct web *web;
    bool unreached; /* the cluster did not answer when it was asked for advice */
    bool named;     /* values are told with their thread's name */
    bool at_once;   /* a signal ends the process without more */
};

static bool wants_metrics(const struct cli_option *o)
{
    return cli_given(o, "print-metrics") || cli_given(o, "metrics-port");
}

/* As Java's client names the n-th consumer of a group. The caller frees it. */
static char *client_id_of(const struct properties *user, const char *group, int n)
{
    const char *given = properties_get(user, "client.id");
    struct strbuf b;
    strbuf_init(&b);
    if (given) strbuf_add_cstr(&b, given);
    else strbuf_printf(&b, "consumer-%s-%d", group, n);
    return b.s ? b.s : xstrdup("");
}

/* What the user set, then the tutorial's settings, then what differs between the clients. */
static rd_kafka_conf_t *conf_of(const struct cli_option *o, struct properties *user, const char *group, int n,
                                enum commit_style style)
{
    struct properties p = {0};
    struct strbuf text;
    rd_kafka_conf_t *conf;
    const char *interval = cli_value(o, "auto-commit-interval-ms");
    strbuf_init(&text);
    for (int i = 0; i < user->n; i++) properties_set(&p, user->names[i], user->values[i]);
    options_bootstrap(&p, o);
    properties_set(&p, "group.id", group);
    properties_set(&p, "enable.auto.commit", style == COMMIT_AUTO ? "true" : "false");
    if (interval) properties_set(&p, "auto.commit.interval.ms", interval);
    options_default(&p, "auto.commit.interval.ms", "60000");
    properties_set(&p, "enable.auto.offset.store", "false");
    properties_set(&p, "enable.partition.eof", "true");
    options_default(&p, "session.timeout.ms", "10000");
    options_default(&p, "heartbeat.interval.ms", "3000");
    options_default(&p, "auto.offset.reset", "earliest");
    if (strcmp(properties_get(&p, "auto.offset.reset"), "none") == 0)
        properties_set(&p, "auto.offset.reset", "error");
    options_default(&p, "isolation.level", "read_uncommitted");
    options_default(&p, "reconnect.backoff.max.ms", "1000");
    options_default(&p, "topic.metadata.refresh.interval.ms", "5000"); /* a topic may come later */
    char *id = client_id_of(user, group, n);
    properties_set(&p, "client.id", id);
    free(id);
    options_default(&p, "log_level", "2");
    if (wants_metrics(o)) options_default(&p, "statistics.interval.ms", FETCH_METRICS_STATISTICS_MS);
    if (rk_tool_conf(&p, false, &conf, &text)) tool_usage_error("%s", strbuf_cstr(&text));
    properties_free(&p);
    strbuf_fini(&text);
    return conf;
}

static void run_member(void *arg)
{
    const struct member *m = arg;
    consumer_run(&m->o);
}

static void start(struct consume *c)
{
    atomic_store(&c->shared.running, c->members_n);
    for (int i = 0; i < c->members_n; i++) c->members[i].thread = os_thread_start(run_member, &c->members[i]);
}

static int wait_for_end(struct consume *c)
{
    int first = 0;
    while (atomic_load(&c->shared.running) > 0) {
        int s = rk_signal;
        if (s && (first || c->at_once)) os_exit(128 + s);
        if (s) {
            first = s;
            rk_signal = 0;
            if (c->named) lines_say(&c->shared.lines, "Bye");
            atomic_store(&c->shared.stop, true);
        }
        os_sleep_ms(LOOK_MS);
    }
    for (int i = 0; i < c->members_n; i++) os_thread_join(c->members[i].thread);
    return atomic_load(&c->shared.failed) ? 1 : first ? 128 + first : 0;
}

static struct member *member_add(struct consume *c, const struct consumer_options *o, bool named)
{
    struct strbuf name;
    strbuf_init(&name);
    strbuf_printf(&name, "consumer-thread-%d", c->members_n);
    c->members = xrealloc(c->members, (size_t)(c->members_n + 1) * sizeof *c->members);
    struct member *m = &c->members[c->members_n++];
    *m = (struct member){.o = *o, .name = name.s};
    if (named) m->o.name = m->name;
    return m;
}

static int poll_records_max(const struct properties *user)
{
    const char *v = properties_get(user, "max.poll.records");
    int64_t n = 500;
    if (v && (!parse_i64(v, &n) || n < 1 || n > INT32_MAX))
        tool_usage_error("max.poll.records takes a whole number from 1 on, not '%s'", v);
    return (int)n;
}

/* ---- who consumes ---- */
/* poll_records: that are worked on between two polls, as in Java; 0: polls go on beside the work. */
static void advise(struct consume *c, const struct consumer_options *base, const rd_kafka_conf_t *conf,
                   const char *group, int n, int poll_records)
{
    const struct advice a = {.conf = conf,
                             .topics = &base->topic,
                             .topics_n = 1,
                             .group = group,
                             .consumers_n = n,
                             .poll_records = poll_records,
                             .work_ms = base->process_ms,
                             .warn = rk_warn};
    if (!c->unreached) c->unreached = !advice_give(&a);
}

static void add_members(struct consume *c, const struct consumer_options *base, const struct cli_option *o,
                        struct properties *user, const char *group, int n)
{
    const char *folder = cli_value(o, "save");
    int rc = folder ? os_mkdir(NULL, folder) : 0;
    if (rc && rc != ERR_EXISTS) tool_usage_error("cannot make %s: %s", folder, os_why());
    for (int i = 0; i < n; i++) {
        struct member *m = member_add(c, base, c->named);
        m->o.conf = conf_of(o, user, group, i + 1, base->style);
        m->client_id = client_id_of(user, group, i + 1);
        if (!folder) continue;
        struct strbuf path;
        strbuf_init(&path);
        strbuf_printf(&path, "%s/%s.csv", folder, m->name);
        m->o.save = m->path = path.s;
    }
    advise(c, base, c->members[c->members_n - 1].o.conf, group, n, base->poll_records_max);
}

static void read_plan(struct plan *plan, const char *path)
{
    struct strbuf text, why;
    strbuf_init(&text);
    strbuf_init(&why);
    if (os_read_file(NULL, path, PLAN_BYTES_MAX, &text))
        tool_usage_error("cannot read %s: %s", path, os_why());
    if (plan_read(plan, path, strbuf_cstr(&text), text.n, &why)) tool_usage_error("%s", why.s);
    strbuf_fini(&text);
    strbuf_fini(&why);
}

static void add_plan(struct consume *c, const struct consumer_options *base, const struct cli_option *o,
                     struct properties *user, const char *path)
{
    struct strbuf told;
    strbuf_init(&told);
    read_plan(&c->plan, path);
    c->named = true;
    for (int i = 0; i < c->plan.groups_n; i++) {
        struct consumer_options group = *base;
        group.topic = c->plan.groups[i].topic;
        add_members(c, &group, o, user, c->plan.groups[i].group, c->plan.groups[i].consumers_n);
    }
    plan_tell(&c->plan, &told);
    lines_say(&c->shared.lines, "%s", told.s);
    strbuf_fini(&told);
}

static int run_pool(struct consume *c, const struct consumer_options *base, const struct cli_option *o,
                    struct properties *user, const char *group)
{
    struct pool_options p = {.conf = conf_of(o, user, group, 1, COMMIT_SYNC_POLL),
                             .topic = base->topic,
                             .group = group,
                             .workers_n = (int)options_number(o, "workers", 1, 1, WORKERS_MAX),
                             .process_ms = base->process_ms,
                             .records_max = options_number(o, "max-messages", -1, 1, INT64_MAX),
                             .lines = &c->shared.lines};
    advise(c, base, p.conf, group, 1, 0);
    return pool_run(&p);
}

/* Options of which each says by itself who consumes. */
static void check_alone(const struct cli_option *o, const char *name, const char *const *others, size_t n)
{
    for (size_t i = 0; cli_given(o, name) && i < n; i++)
        if (cli_given(o, others[i]))
            tool_usage_error("--%s and --%s cannot be given together", name, others[i]);
}

static void check_options(const struct cli_option *o)
{
    static const char *const plan[] = {"topic", "group", "threads", "workers"},
                             *const workers[] = {"threads",
                                                 "commit",
                                                 "save",
                                                 "close",
                                                 "print-metrics",
                                                 "metrics-port",
                                                 "auto-commit-interval-ms"};
    check_alone(o, "plan", plan, NELEMS(plan));
    check_alone(o, "path", plan, NELEMS(plan));
    check_alone(o, "workers", workers, NELEMS(workers));
    options_number(o, "auto-commit-interval-ms", 60000, 1, 86400000);
    const char *form = cli_given(o, "print-metrics") ? cli_value(o, "print-metrics") : "java";
    if (strcmp(form, "java") != 0 && strcmp(form, "prometheus") != 0)
        tool_usage_error("--print-metrics is java or prometheus, not '%s'", form);
}

/* ---- metrics ---- */
static void keep_metrics(struct consume *c, const struct cli_option *o)
{
    c->metrics_n = c->members_n;
    c->metrics = xcalloc((size_t)c->members_n, sizeof(struct fetch_metrics *));
    for (int i = 0; i < c->members_n; i++) {
        struct member *m = &c->members[i];
        c->metrics[i] = m->o.metrics = fetch_metrics_new(m->o.name, m->client_id);
        m->o.metrics_ms =
            cli_given(o, "print-metrics") ? options_number(o, "metrics-interval-ms", 5000, 1, INT32_MAX) : -1;
        m->o.prometheus =
            strcmp(cli_given(o, "print-metrics") ? cli_value(o, "print-metrics") : "", "prometheus") == 0;
    }
}

static void answer_metrics(void *arg, struct web_request *q)
{
    const struct consume *c = arg;
    fetch_metrics_prometheus(c->metrics, c->metrics_n, &q->text);
    q->content_type = "text/plain; version=0.0.4; charset=utf-8";
    web_reply(q);
}

static void serve_metrics(struct consume *c, uint16_t port)
{
    struct web_route route = {.method = "GET", .path = "/metrics", .answer = answer_metrics, .arg = c};
    struct web_config config = {
        .setting = "--metrics-port", .host = "127.0.0.1", .port = port, .routes = &route, .routes_n = 1};
    struct strbuf why;
    strbuf_init(&why);
    if (web_start(&config, &port, &c->web, &why)) tool_usage_error("%s", why.s);
    rk_say("INFO", "metrics at http://127.0.0.1:%d/metrics", port);
    strbuf_fini(&why);
}

static int run_members(struct consume *c, const struct cli_option *o)
{
    if (wants_metrics(o)) keep_metrics(c, o);
    if (cli_given(o, "metrics-port"))
        serve_metrics(c, (uint16_t)options_number(o, "metrics-port", 0, 0, UINT16_MAX));
    start(c);
    int rc = wait_for_end(c);
    if (c->web) {
        web_stop(c->web);
        web_free(c->web);
    }
    for (int i = 0; i < c->metrics_n; i++) fetch_metrics_free(c->metrics[i]);
    free(c->metrics);
    for (int i = 0; i < c->members_n; i++) {
        free(c->members[i].name);
        free(c->members[i].path);
        free(c->members[i].client_id);
    }
    free(c->members);
    return rc;
}

/* Spring's acknowledgement modes that there are here; a record's work is its acknowledgement. */
static enum commit_style style_said(const struct spring_settings *s)
{
    const char *automatic = properties_get(&s->consumer, "enable.auto.commit");
    if (s->ack_mode == SPRING_ACK_RECORD || s->ack_mode == SPRING_ACK_MANUAL_IMMEDIATE)
        return COMMIT_SYNC_RECORD;
    bool not_said = s->ack_mode == SPRING_ACK_NOT_SAID;
    return not_said && automatic && strcmp(automatic, "true") == 0 ? COMMIT_AUTO : COMMIT_SYNC_POLL;
}

int consume_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {.name = "bootstrap-server",
         .takes_value = true,
         .help = "the servers to connect to, HOST1:PORT1,HOST2:PORT2 (default: localhost:9092)"},
        {.name = "topic", .takes_value = true, .help = "the topic to consume from (default: test)"},
        {.name = "group", .takes_value = true, .help = "the consumer group (default: test-group)"},
        {.name = "commit", .takes_value = true, .help = COMMIT_STYLES " (default: sync-poll)"},
        {.name = "auto-commit-interval-ms",
         .takes_value = true,
         .help = "how often --commit auto commits (default: 60000)"},
        {.name = "close", .help = "with --commit auto: commit and leave the group at the end"},
        {.name = "threads",
         .takes_value = true,
         .help = "consumers of the group, each on a thread of its own; values are told with its name"},
        {.name = "plan",
         .takes_value = true,
         .help = "a JSON file of groups, [{\"topic\", \"group.id\", \"consumer.no\"}, ...]: so many threads "
                 "each"},
        {.name = "path", .takes_value = true, .help = "the same as --plan"},
        {.name = "workers",
         .takes_value = true,
         .help = "one consumer with a pool of so many threads; records of a key keep their order"},
        {.name = "save",
         .takes_value = true,
         .help = "a folder: values are appended to consumer-thread-N.csv in it, then committed"},
        {.name = "print-metrics",
         .takes_value = true,
         .help = "print what Java's consumer measures of its fetches, as NAME is VALUE; with the value "
                 "prometheus, as Prometheus reads it"},
        {.name = "metrics-interval-ms",
         .takes_value = true,
         .help = "how often they are printed, and at the end (default: 5000)"},
        {.name = "metrics-port",
         .takes_value = true,
         .help = "serve them at http://127.0.0.1:PORT/metrics; 0 picks a port"},
        {.name = "process-ms", .takes_value = true, .help = "how long each record's work takes (default: 0)"},
        {.name = "max-messages", .takes_value = true, .help = "end after so many records"},
        {.name = "command-property", .takes_value = true, .help = "a property of the consumer, name=value"},
        {.name = "command-config", .takes_value = true, .help = "a file of consumer properties"},
        RK_CONFIG_OPTION,
        {0},
    };
    char **args = cli_optional_value(argc, argv, "print-metrics", "java");
    cli_parse(argc, args,
              "usage: moldau app consume [OPTION]...\n"
              "Prints the values of a topic's records and commits them, in the way that --commit names.",
              o, NULL, NULL);
    struct properties user = {0};
    struct spring_settings s;
    rk_properties(&user, o, "Option", "command-config", NULL, "command-property", NULL);
    rk_settings(&s, o);
    rk_default_properties(&user, &s.consumer);
    const char *topic = cli_value(o, "topic"), *group = cli_value(o, "group"),
               *style = cli_value(o, "commit"), *path = cli_value(o, cli_given(o, "plan") ? "plan" : "path");
    if (!group) group = properties_get(&user, "group.id");
    if (!group) group = "test-group";
    if (!topic) topic = s.default_topic;
    struct consume c = {0};
    struct consumer_options base = {.topic = topic ? topic : "test",
                                    .style = style_said(&s),
                                    .close = cli_given(o, "close"),
                                    .poll_records_max = poll_records_max(&user),
                                    .process_ms = options_number(o, "process-ms", 0, 0, INT32_MAX),
                                    .shared = &c.shared};
    check_options(o);
    if (style && !commit_style_of(style, &base.style))
        tool_usage_error("--commit is " COMMIT_STYLES ", not '%s'", style);
    atomic_store(&c.shared.left_n, options_number(o, "max-messages", INT64_MAX, 1, INT64_MAX));
    lines_init(&c.shared.lines);
    c.named = cli_given(o, "threads") || s.concurrency > 1;
    c.at_once = base.style == COMMIT_AUTO && !base.close;
    int rc, n = (int)options_number(o, "threads", max_i64(s.concurrency, 1), 1, PLAN_THREADS_MAX);
    rk_catch_signals();
    if (cli_given(o, "workers")) rc = run_pool(&c, &base, o, &user, group);
    else {
        if (path) add_plan(&c, &base, o, &user, path);
        else add_members(&c, &base, o, &user, group, n);
        rc = run_members(&c, o);
    }
    properties_free(&user);
    spring_settings_free(&s);
    plan_free(&c.plan);
    free(args);
    lines_fini(&c.shared.lines);
    return rc;
}
