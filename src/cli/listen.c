/* moldau listen: a program for each record of a group's topics, with its exit code as the acknowledgement.
 *
 *   task --place--> child: value on standard input, the rest in the environment
 *     ^               | exits 0                            -> done
 *     |               | exits 65 (EX_DATAERR)              -> dead: no other attempt
 *     |               | exits otherwise, dies, or is ended
 *     |               |   after --handler-timeout-ms       -> tried again, in its place in the order
 *     +-- listen.c, runtime.c decide which task is next
 *
 * SIGTERM: what runs comes to its end, what is done is committed, the group is left, "Bye". A second one ends
 * the handlers and the program at once. */
#include "cli/rk_tool.h"
#include "cli/tools.h"
#include "listen/runtime.h"
#include "os/blocking.h"
#include "os/child.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_DEAD 65 /* EX_DATAERR of sysexits.h */
#define KILL_AFTER_MS 5000
#define HEADERS_MAX 256

extern char **environ;

struct worker {
    struct os_child child;
    struct task *task;         /* NULL: the place is free */
    size_t written;            /* of its value */
    int64_t since_ms, ends_ms; /* ends_ms: when it is ended; -1: never */
    bool told_to_end;
};
struct listener {
    char *const *argv;
    struct worker *workers;
    int workers_n;
    int64_t timeout_ms; /* of a handler; -1: none */
    int64_t records_max;
    bool quiet;
    struct runtime *runtime;
    struct pollfd *fds; /* room for all that is waited for */
};

static void listener_say(void *arg, const char *level, const char *text)
{
    const struct listener *l = arg;
    if (!l->quiet || strcmp(level, "INFO") != 0) rk_say(level, "%s", text);
}

/* ---- a handler's environment ---- */
struct env {
    char **v; /* ends with NULL */
    int n;
};

static void env_add(struct env *e, const char *name, const void *p, size_t n)
{
    size_t name_n = strlen(name);
    char *s = xmalloc(name_n + n + 2);
    memcpy(s, name, name_n);
    s[name_n] = '=';
    if (n) memcpy(s + name_n + 1, p, n);
    s[name_n + 1 + n] = 0;
    e->v = xrealloc(e->v, (size_t)(e->n + 2) * sizeof *e->v);
    e->v[e->n++] = s;
    e->v[e->n] = NULL;
}

static void env_int(struct env *e, const char *name, int64_t v)
{
    char text[24];
    env_add(e, name, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v));
}

/* MOLDAU_HEADER_ and the header's name, in which all but letters and digits are underscores. */
static void env_headers(struct env *e, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *h;
    const char *name;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(m, &h)) return;
    for (size_t i = 0; i < HEADERS_MAX && rd_kafka_header_get_all(h, i, &name, &value, &n) == 0; i++) {
        struct strbuf full;
        strbuf_init(&full);
        strbuf_add_cstr(&full, "MOLDAU_HEADER_");
        for (const char *c = name; *c; c++) {
            char x = isalnum((unsigned char)*c) ? *c : '_';
            strbuf_add(&full, &x, 1);
        }
        if (value && !memchr(value, 0, n)) env_add(e, strbuf_cstr(&full), value, n);
        strbuf_fini(&full);
    }
}

static void env_of(struct env *e, const struct task *t)
{
    const rd_kafka_message_t *m = t->message;
    rd_kafka_timestamp_type_t type;
    for (char **v = environ; *v; v++)
        if (strncmp(*v, "MOLDAU_", 7) != 0 || strncmp(*v, "MOLDAU_HANDLER_", 15) == 0) {
            e->v = xrealloc(e->v, (size_t)(e->n + 2) * sizeof *e->v);
            e->v[e->n++] = xstrdup(*v);
            e->v[e->n] = NULL;
        }
    env_add(e, "MOLDAU_TOPIC", rd_kafka_topic_name(m->rkt), strlen(rd_kafka_topic_name(m->rkt)));
    env_int(e, "MOLDAU_PARTITION", m->partition);
    env_int(e, "MOLDAU_OFFSET", m->offset);
    env_int(e, "MOLDAU_TIMESTAMP", rd_kafka_message_timestamp(m, &type));
    env_int(e, "MOLDAU_ATTEMPT", t->attempt);
    if (m->key && !memchr(m->key, 0, m->key_len)) env_add(e, "MOLDAU_KEY", m->key, m->key_len);
    if (!m->payload) env_add(e, "MOLDAU_TOMBSTONE", "1", 1);
    env_headers(e, m);
}

static void env_fini(struct env *e)
{
    for (int i = 0; i < e->n; i++) free(e->v[i]);
    free(e->v);
}

/* ---- workers ---- */
static struct worker *free_worker(struct listener *l)
{
    for (int i = 0; i < l->workers_n; i++)
        if (!l->workers[i].task) return &l->workers[i];
    return NULL;
}

static void begin(void *arg, struct task *t)
{
    struct listener *l = arg;
    struct worker *w = free_worker(l);
    struct env e = {0};
    ASSERT(w); /* the core begins no more than there are places */
    env_of(&e, t);
    int rc = os_child_start(&w->child, l->argv, e.v);
    env_fini(&e);
    if (rc) {
        char why[300];
        snprintf(why, sizeof why, "cannot run %.200s: %s", l->argv[0], os_why());
        rk_say("ERROR", "%s", why);
        task_done(t, LISTEN_RETRY, why);
        return;
    }
    w->task = t;
    w->written = 0;
    w->told_to_end = false;
    w->since_ms = os_now_mono_ms();
    w->ends_ms = l->timeout_ms < 0 ? -1 : w->since_ms + l->timeout_ms;
}

static void feed(struct worker *w)
{
    const rd_kafka_message_t *m = w->task->message;
    while (w->child.in_fd >= 0) {
        ssize_t n = w->written < m->len ? os_child_write(&w->child, (const char *)m->payload + w->written,
                                                         m->len - w->written)
                                        : 0;
        if (n == ERR_BUSY) return;
        if (n <= 0) { /* all of it, or it reads no more: its exit code says what that means */
            os_child_close_input(&w->child);
            return;
        }
        w->written += (size_t)n;
    }
}

static void reap(struct worker *w)
{
    struct task *t = w->task;
    bool timed_out = w->told_to_end;
    int status = os_child_ended(&w->child);
    char why[160];
    t->status = status;
    w->task = NULL;
    if (status == 0 && !timed_out) {
        task_done(t, LISTEN_OK, NULL);
        return;
    }
    if (timed_out) snprintf(why, sizeof why, "the handler did not end in time");
    else if (status > 128) snprintf(why, sizeof why, "the handler was ended by signal %d", status - 128);
    else snprintf(why, sizeof why, "the handler's exit code is %d", status);
    rk_say("WARN", "%s-%d at offset %lld, attempt %d: %s", rd_kafka_topic_name(t->message->rkt),
           t->message->partition, (long long)t->message->offset, t->attempt, why);
    task_done(t, status == EXIT_DEAD && !timed_out ? LISTEN_DEAD : LISTEN_RETRY, why);
}

static void given_up(void *arg, const struct task *t)
{
    const struct listener *l = arg;
    (void)l;
    rk_say("ERROR", "%s-%d at offset %lld is given up after %d attempt%s: %s",
           rd_kafka_topic_name(t->message->rkt), t->message->partition, (long long)t->message->offset,
           t->attempt, t->attempt == 1 ? "" : "s", t->why.n ? t->why.s : "");
}

/* Those whose time is over: asked first, then made to. */
static void end_late(struct listener *l, int64_t now)
{
    for (int i = 0; i < l->workers_n; i++) {
        struct worker *w = &l->workers[i];
        if (!w->task || w->ends_ms < 0 || now < w->ends_ms) continue;
        os_child_signal(&w->child, w->told_to_end ? SIGKILL : SIGTERM);
        w->told_to_end = true;
        w->ends_ms = now + KILL_AFTER_MS;
    }
}

static int64_t next_end(const struct listener *l, int64_t now, int64_t wait)
{
    for (int i = 0; i < l->workers_n; i++)
        if (l->workers[i].task && l->workers[i].ends_ms >= 0)
            wait = min_i64(wait, l->workers[i].ends_ms - now);
    return max_i64(wait, 0);
}

/* Waits for handlers, and for fd, unless that is -1. */
static void wait_for(struct listener *l, int fd, int64_t ms)
{
    struct pollfd *fds = l->fds;
    int n = 0;
    fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
    for (int i = 0; i < l->workers_n; i++) {
        struct worker *w = &l->workers[i];
        fds[n++] = (struct pollfd){.fd = w->task ? w->child.pid_fd : -1, .events = POLLIN};
        fds[n++] = (struct pollfd){.fd = w->task ? w->child.in_fd : -1, .events = POLLOUT};
    }
    if (poll(fds, (nfds_t)n, (int)next_end(l, os_now_mono_ms(), ms)) < 0) return; /* a signal */
    for (int i = 0; i < l->workers_n; i++) {
        struct worker *w = &l->workers[i];
        if (fds[2 + 2 * i].revents && w->task) feed(w);
        if (fds[1 + 2 * i].revents && w->task) reap(w);
    }
    end_late(l, os_now_mono_ms());
}

static void wait_handlers(void *arg, int64_t ms)
{
    wait_for(arg, -1, ms);
}

static void hurry(struct listener *l)
{
    for (int i = 0; i < l->workers_n; i++)
        if (l->workers[i].task) os_child_signal(&l->workers[i].child, SIGKILL);
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
            runtime_stop(l->runtime);
        } else if (rk_signal) hurry(l);
        if (runtime_fatal(l->runtime) ||
            (l->records_max >= 0 && runtime_done_n(l->runtime) >= l->records_max))
            runtime_stop(l->runtime);
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

static rd_kafka_conf_t *consumer_conf(const struct cli_option *o, const char *group)
{
    struct properties p = {0};
    rk_properties(&p, o, "Option", "command-config", NULL, "command-property", NULL);
    const char *reset = properties_get(&p, "auto.offset.reset");
    properties_set(&p, "bootstrap.servers", cli_bootstrap(o));
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

static rd_kafka_conf_t *producer_conf(const struct cli_option *o)
{
    struct properties p = {0};
    properties_set(&p, "bootstrap.servers", cli_bootstrap(o));
    properties_set(&p, "client.id", "moldau-listen-dlt");
    properties_set(&p, "enable.idempotence", "true");
    properties_set(&p, "linger.ms", "0");
    properties_set(&p, "log_level", "2");
    rd_kafka_conf_t *conf = client_conf(&p, true);
    properties_free(&p);
    return conf;
}

/* The names of --topic, which may be given often and with commas between. */
static int topics_of(const struct cli_option *o, const char ***out)
{
    const char **names = NULL;
    int n = 0;
    for (; o->name && strcmp(o->name, "topic") != 0; o++) {
    }
    for (int i = 0; i < o->n; i++) {
        char *text = xstrdup(o->values[i]), *save = NULL;
        for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
            names = xrealloc(names, (size_t)(n + 1) * sizeof *names);
            names[n++] = t;
        }
    }
    *out = names;
    return n;
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
        {.name = "workers", .takes_value = true, .help = "handlers that run at a time (default: 1)"},
        {.name = "order",
         .takes_value = true,
         .help = "which records wait for each other: those of a key (default), of a partition, or unordered"},
        {.name = "attempts",
         .takes_value = true,
         .help = "of each record, before it is given up (default: 10)"},
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
        {.name = "handler-timeout-ms",
         .takes_value = true,
         .help = "how long a handler may take; -1: as long as it likes (default: 60000)"},
        {.name = "commit-interval-ms",
         .takes_value = true,
         .help = "how often what is done is committed (default: 500)"},
        {.name = "max-in-flight",
         .takes_value = true,
         .help = "records of a partition that are held at a time (default: 500)"},
        {.name = "max-records", .takes_value = true, .help = "stop after so many records"},
        {.name = "from-beginning", .help = "start with the earliest record if the group has no offset yet"},
        {.name = "quiet", .help = "say nothing of assignments"},
        {.name = "command-property", .takes_value = true, .help = "a property of the consumer, name=value"},
        {.name = "command-config", .takes_value = true, .help = "a file of consumer properties"},
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
        "tried again; any other: tried again.",
        o, NULL, NULL);
    const char **topics, *group = cli_value(o, "group"), *suffix = cli_value(o, "dlt-suffix");
    struct runtime_options r = {.group = group, .dead_suffix = suffix ? suffix : "-dlt"};
    r.topics_n = topics_of(o, &topics);
    r.topics = topics;
    if (!r.topics_n) tool_usage_error("--topic is required");
    if (!group || !*group) tool_usage_error("--group is required");
    if (at + 1 >= argc) tool_usage_error("a handler is required: put -- and its command behind the options");
    struct listener l = {.argv = argv + at + 1, .quiet = cli_given(o, "quiet")};
    l.workers_n = (int)tool_number(o, "workers", 1, 1, 1000);
    l.timeout_ms = tool_number(o, "handler-timeout-ms", 60000, -1, INT32_MAX);
    l.records_max = tool_number(o, "max-records", -1, 1, INT64_MAX);
    l.workers = xcalloc((size_t)l.workers_n, sizeof *l.workers);
    l.fds = xcalloc((size_t)(1 + 2 * l.workers_n), sizeof *l.fds);
    r.listen = (struct listen_config){.order = order_of(o),
                                      .workers_max = l.workers_n,
                                      .window_max = (int)tool_number(o, "max-in-flight", 500, 1, 100000),
                                      .attempts_max = (int)tool_number(o, "attempts", 10, 1, INT32_MAX),
                                      .backoff_ms = tool_number(o, "backoff-ms", 1000, 0, INT32_MAX),
                                      .backoff_factor = tool_fraction(o, "backoff-factor", 2, 1, 1000),
                                      .backoff_ms_max = tool_number(o, "backoff-max-ms", 60000, 0, INT32_MAX),
                                      .jitter = tool_fraction(o, "backoff-jitter", 0.2, 0, 1),
                                      .dead_letters = !cli_given(o, "no-dlt")};
    r.commit_ms = tool_number(o, "commit-interval-ms", 500, 0, INT32_MAX);
    r.consumer = consumer_conf(o, group);
    r.producer = r.listen.dead_letters ? producer_conf(o) : NULL;
    r.begin = begin;
    r.given_up = given_up;
    r.wait = wait_handlers;
    r.say = listener_say;
    r.arg = &l;
    struct strbuf why;
    strbuf_init(&why);
    rk_catch_signals();
    if (runtime_new(&r, &l.runtime, &why)) {
        rk_say("ERROR", "%s", strbuf_cstr(&why));
        return 1;
    }
    int rc = serve(&l);
    runtime_free(l.runtime);
    free(l.workers);
    free(l.fds);
    strbuf_fini(&why);
    return rc;
}
