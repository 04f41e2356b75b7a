/* See web_consumer.h.
 *
 *   runtime (listen/runtime.h): a record's turn -> begin -> a value that is no number: retried, then a dead
 * letter
 *                                                    `-> a place with its time -> due: END, done -> committed
 *
 * A record that takes half an hour is a number in the loop, which goes on polling, so its partition stays.
 * What takes partitions away waits for it (runtime.c), and so does a stop. */
#include "app/web_consumer.h"
#include "app/site.h"
#include "app/topic.h"
#include "app/tutorial.h"
#include "app/work.h"
#include "cli/tools.h"
#include "listen/advice.h"
#include "listen/runtime.h"
#include "os/blocking.h"

#include <stdio.h>
#include <stdlib.h>

#define PORT 8081
#define IDLE_MS 100 /* how late a signal may be seen */
#define DAY_MS "86400000"
#define POLL_RECORDS 500
#define TUTORIAL_POLL_MS 300000
#define TUTORIAL_SESSION_MS 10000
#define TUTORIAL_WORK_MS 5000 /* of a record, on the average: its value is 0 to 10 seconds */

struct place {
    struct task *task; /* NULL: free */
    struct work work;
};
struct app {
    struct spring_settings settings;
    const char *group, *topic, *dead_suffix;
    int32_t partitions, replication;
    struct place *places;
    int places_n;
    rd_kafka_t *admin; /* makes topics, and asks for the page */
    struct runtime *runtime;
    struct look *look;
    struct topic dead_topic; /* made once it looks as if there will be a dead letter */
    char *dead_name;
    bool dead_letters, ending;
    int event; /* for the wait in a rebalance: nothing sets it */
};

static void app_say(void *arg, const char *level, const char *text)
{
    (void)arg;
    rk_say(level, "%s", text);
}

/* ---- records ---- */
static void want_dead_topic(struct app *a)
{
    if (!a->dead_letters || a->dead_name) return;
    struct strbuf name;
    strbuf_init(&name);
    strbuf_printf(&name, "%s%s", a->topic, a->dead_suffix);
    a->dead_name = name.s;
    topic_init(&a->dead_topic, a->admin, a->dead_name, a->partitions, a->replication, -1);
    (void)topic_ready(&a->dead_topic);
}

static struct place *free_place(struct app *a)
{
    for (int i = 0; i < a->places_n; i++)
        if (!a->places[i].task) return &a->places[i];
    return NULL;
}

static void begin(void *arg, struct task *t)
{
    struct app *a = arg;
    struct place *p = free_place(a);
    ASSERT(p); /* the core begins no more than there are places */
    if (work_begin(&p->work, t->message, a->places_n > 1, a->look)) {
        p->task = t;
        return;
    }
    want_dead_topic(a);
    rk_say("WARN", "%s-%d at offset %lld, attempt %d: %s", a->topic, t->message->partition,
           (long long)t->message->offset, t->attempt, WORK_NO_VALUE);
    task_done(t, LISTEN_RETRY, WORK_NO_VALUE);
}

static void given_up(void *arg, const struct task *t)
{
    struct app *a = arg;
    look_dead(a->look);
    rk_say("ERROR", "%s-%d at offset %lld is given up after %d attempt%s: %s", a->topic,
           t->message->partition, (long long)t->message->offset, t->attempt, t->attempt == 1 ? "" : "s",
           strbuf_cstr(&t->why));
}

static void finish_due(struct app *a)
{
    int64_t now = os_now_mono_ms();
    for (int i = 0; i < a->places_n; i++) {
        struct task *t = a->places[i].task;
        if (!t || a->places[i].work.due_ms > now) continue;
        work_end(&a->places[i].work, a->look);
        a->places[i].task = NULL;
        task_done(t, LISTEN_OK, NULL);
    }
}

static int64_t next_due(const struct app *a, int64_t wait)
{
    int64_t now = os_now_mono_ms();
    for (int i = 0; i < a->places_n; i++)
        if (a->places[i].task) wait = min_i64(wait, a->places[i].work.due_ms - now);
    return max_i64(wait, 0);
}

/* The first signal lets what runs come to its end, the second does not. */
static void app_signals(struct app *a)
{
    if (!rk_signal) return;
    if (a->ending) {
        fprintf(stderr, "ended at once; records that were worked on come again\n");
        exit(128 + rk_signal);
    }
    a->ending = true;
    rk_signal = 0;
    look_state(a->look, "Ending: what is being processed comes to its end.");
}

/* For a rebalance. */
static void wait_due(void *arg, int64_t ms)
{
    struct app *a = arg;
    os_event_wait(a->event, next_due(a, min_i64(ms, IDLE_MS)));
    finish_due(a);
    app_signals(a);
}

/* ---- life ---- */
static int serve(struct app *a)
{
    while (!runtime_stopped(a->runtime)) {
        runtime_step(a->runtime);
        finish_due(a);
        app_signals(a);
        if (a->dead_name) (void)topic_ready(&a->dead_topic);
        if (a->ending || runtime_fatal(a->runtime)) runtime_stop(a->runtime);
        if (!runtime_stopped(a->runtime))
            os_event_wait(runtime_fd(a->runtime), next_due(a, min_i64(runtime_wait_ms(a->runtime), IDLE_MS)));
    }
    if (!runtime_fatal(a->runtime)) return 0;
    rk_say("ERROR", "%s", runtime_fatal(a->runtime));
    return 1;
}

static int run(struct app *a, struct runtime_options *r)
{
    struct strbuf why;
    strbuf_init(&why);
    r->begin = begin;
    r->given_up = given_up;
    r->wait = wait_due;
    r->say = app_say;
    r->arg = a;
    if (runtime_new(r, &a->runtime, &why)) {
        rk_say("ERROR", "%s", strbuf_cstr(&why));
        exit(1);
    }
    strbuf_fini(&why);
    look_consumer(a->look, runtime_consumer(a->runtime));
    int rc = serve(a);
    look_end(a->look);
    if (a->dead_name) topic_fini(&a->dead_topic);
    free(a->dead_name);
    runtime_free(a->runtime);
    return rc;
}

/* A consumer, because a producer's questions make topics that are missing. */
static rd_kafka_t *admin_new(const struct cli_option *o, const struct spring_settings *s)
{
    struct properties p = {0};
    char error[512];
    site_properties(o, &s->consumer, &p);
    properties_set(&p, "client.id", "msk-consumer-page");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, site_conf(&p, false), error, sizeof error);
    if (!rk) tool_usage_error("%s", error);
    properties_free(&p);
    return rk;
}

/* false: a signal came before it was there. */
static bool make_topic(struct app *a)
{
    struct topic t;
    topic_init(&t, a->admin, a->topic, a->partitions, a->replication, a->event);
    look_state(a->look, "Waiting for the cluster.");
    while (!topic_ready(&t) && !rk_signal) {
        os_event_wait(a->event, IDLE_MS);
        os_event_clear(a->event);
    }
    look_state(a->look, "%s", "");
    topic_fini(&t);
    return !rk_signal;
}

/* ---- options ---- */
static rd_kafka_conf_t *consumer_conf(const struct cli_option *o, const struct spring_settings *s,
                                      const char *group, bool tutorial, int *poll_records)
{
    struct properties p = {0};
    char text[24];
    int64_t poll_ms, n;
    site_properties(o, &s->consumer, &p);
    properties_set(&p, "group.id", group);
    properties_set(&p, "enable.auto.commit", "false");
    site_default(&p, "client.id", "msk-consumer");
    site_default(&p, "auto.offset.reset", "earliest");
    /* A rebalance waits so long for a record that runs. */
    site_default(&p, "max.poll.interval.ms", tutorial ? "300000" : DAY_MS);
    if (!parse_i64(properties_get(&p, "max.poll.interval.ms"), &poll_ms)) poll_ms = TUTORIAL_POLL_MS;
    snprintf(text, sizeof text, "%lld", (long long)min_i64(poll_ms, TUTORIAL_SESSION_MS));
    site_default(&p, "session.timeout.ms", text);
    /* Records that take seconds need not lie here by the thousand. */
    site_default(&p, "max.partition.fetch.bytes", "65536");
    site_default(&p, "queued.min.messages", "1000");
    site_default(&p, "queued.max.messages.kbytes", "2048");
    *poll_records = POLL_RECORDS;
    if (properties_get(&p, "max.poll.records")) {
        if (!parse_i64(properties_get(&p, "max.poll.records"), &n) || n < 1 || n > 1000000)
            tool_usage_error("max.poll.records is a whole number from 1 to 1000000, not '%s'",
                             properties_get(&p, "max.poll.records"));
        *poll_records = (int)n;
    }
    rd_kafka_conf_t *conf = site_conf(&p, false);
    properties_free(&p);
    return conf;
}

static rd_kafka_conf_t *producer_conf(const struct cli_option *o, const struct spring_settings *s)
{
    struct properties p = {0}, safe = {0};
    rk_dead_letter_properties(&safe, s);
    site_properties(o, &safe, &p);
    properties_free(&safe);
    properties_set(&p, "client.id", "msk-consumer-dlt");
    properties_set(&p, "enable.idempotence", "true");
    properties_set(&p, "linger.ms", "0");
    rd_kafka_conf_t *conf = site_conf(&p, true);
    properties_free(&p);
    return conf;
}

static bool tutorial_of(const struct cli_option *o)
{
    const char *v = cli_value(o, "settings");
    if (v && strcmp(v, "default") != 0 && strcmp(v, "tutorial") != 0)
        tool_usage_error("--settings is default or tutorial, not '%s'", v);
    return v && strcmp(v, "tutorial") == 0;
}

/* What a user may set of how failures are handled. */
static struct listen_config listen_of(const struct cli_option *o, int workers)
{
    return (struct listen_config){.order = LISTEN_KEY,
                                  .workers_max = workers,
                                  .window_max = POLL_RECORDS,
                                  .attempts_max = (int)tool_number(o, "attempts", 3, 1, INT32_MAX),
                                  .backoff_ms = tool_number(o, "backoff-ms", 1000, 0, INT32_MAX),
                                  .backoff_factor = tool_fraction(o, "backoff-factor", 2, 1, 1000),
                                  .backoff_ms_max = tool_number(o, "backoff-max-ms", 60000, 0, INT32_MAX),
                                  .jitter = 0.2,
                                  .dead_letters = !cli_given(o, "no-dlt")};
}

static int consume(struct app *a, const struct cli_option *o, bool tutorial)
{
    int poll_records;
    struct runtime_options r = {.group = a->group,
                                .topics = &a->topic,
                                .topics_n = 1,
                                .dead_suffix = a->dead_suffix,
                                .listen = listen_of(o, a->places_n),
                                .commit_ms = 100};
    a->dead_letters = r.listen.dead_letters;
    r.consumer = consumer_conf(o, &a->settings, a->group, tutorial, &poll_records);
    r.producer = a->dead_letters ? producer_conf(o, &a->settings) : NULL;
    if (!make_topic(a)) {
        rd_kafka_conf_destroy(r.consumer);
        if (r.producer) rd_kafka_conf_destroy(r.producer);
        look_end(a->look);
        return 0;
    }
    /* The tutorial's settings work off each poll before the next. */
    (void)advice_give(&(struct advice){.conf = r.consumer,
                                       .topics = &a->topic,
                                       .topics_n = 1,
                                       .group = a->group,
                                       .consumers_n = 1,
                                       .poll_records = tutorial ? poll_records : 0,
                                       .work_ms = TUTORIAL_WORK_MS,
                                       .warn = rk_warn});
    if (!tutorial) return run(a, &r);
    const struct tutorial_options t = {.consumer = r.consumer,
                                       .producer = r.producer,
                                       .topic = a->topic,
                                       .group = a->group,
                                       .dead_suffix = a->dead_suffix,
                                       .poll_records_max = poll_records,
                                       .attempts_max = r.listen.attempts_max,
                                       .backoff_ms = r.listen.backoff_ms,
                                       .backoff_ms_max = r.listen.backoff_ms_max,
                                       .backoff_factor = r.listen.backoff_factor,
                                       .look = a->look};
    return tutorial_run(&t);
}

int consumer_main(int argc, char **argv)
{
    struct cli_option o[] = {
        SITE_OPTIONS("8081"),
        {.name = "group", .takes_value = true, .help = "the consumer group (default: group_id)"},
        {.name = "workers",
         .takes_value = true,
         .help = "records that run at the same time, never two of one key (default: 1)"},
        {.name = "settings",
         .takes_value = true,
         .help = "default, or tutorial: polls of 500 records, committed behind the last"},
        {.name = "attempts",
         .takes_value = true,
         .help = "for a value that is no number, before it is given up (default: 3)"},
        {.name = "backoff-ms",
         .takes_value = true,
         .help = "pause before the second attempt (default: 1000)"},
        {.name = "backoff-factor",
         .takes_value = true,
         .help = "how much longer each pause is than the one before (default: 2)"},
        {.name = "backoff-max-ms", .takes_value = true, .help = "the longest pause (default: 60000)"},
        {.name = "no-dlt",
         .help = "skip records that are given up instead of sending them to a dead-letter topic"},
        {.name = "dlt-suffix",
         .takes_value = true,
         .help = "of the dead-letter topic's name (default: -dlt)"},
        {0}};
    cli_parse(argc, argv,
              "usage: moldau app consumer [OPTION]...\n"
              "Works on each record for as many seconds as its value says, and serves a page, /msk-consumer.",
              o, NULL, NULL);
    struct spring_settings s;
    rk_settings(&s, o);
    const char *group = cli_value(o, "group"), *suffix = cli_value(o, "dlt-suffix");
    if (!group) group = properties_get(&s.consumer, "group.id");
    bool tutorial = tutorial_of(o);
    int64_t workers = tutorial ? 1 : max_i64(s.concurrency, 1);
    struct pages pages;
    struct app a = {.settings = s,
                    .group = group ? group : "group_id",
                    .topic = site_topic(o, &s),
                    .dead_suffix = suffix ? suffix : "-dlt",
                    .partitions = (int32_t)tool_number(o, "partitions", SITE_PARTITIONS, 1, INT32_MAX),
                    .replication = (int32_t)tool_number(o, "replication-factor", -1, -1, INT16_MAX),
                    .places_n = (int)tool_number(o, "workers", workers, 1, 1000),
                    .event = os_event_new()};
    if (!*a.group) tool_usage_error("--group takes a name");
    if (tutorial && a.places_n > 1) tool_usage_error("--settings tutorial has one worker");
    pages_init(&pages);
    a.places = xcalloc((size_t)a.places_n, sizeof *a.places);
    rk_catch_signals();
    a.admin = admin_new(o, &s);
    a.look = look_new(a.admin, a.group, a.topic, tutorial ? "tutorial" : "default", &pages);
    const struct web_route routes[] = {{"GET", "/msk-consumer-healthCheck", 0, site_healthy, NULL},
                                       {"GET", "/msk-consumer", 0, look_page, a.look},
                                       {"GET", "/msk-consumer-state", 0, look_part, a.look},
                                       {"GET", "/msk-consumer.js", 0, web_page, &pages.consumer_js},
                                       {"GET", "/msk-consumer.css", 0, web_page, &pages.app_css},
                                       {"GET", "/msk-consumer-icon.svg", 0, web_page, &pages.icon_svg}};
    struct web *web = site_start(o, &s, PORT, routes, NELEMS(routes));
    int rc = consume(&a, o, tutorial);
    web_stop(web);
    web_free(web);
    look_free(a.look);
    rd_kafka_destroy(a.admin);
    free(a.places);
    os_event_free(a.event);
    spring_settings_free(&s);
    cli_options_free(o);
    if (rc == 0) printf("Bye\n");
    return rc;
}
