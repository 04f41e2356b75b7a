/* What containers and templates can be asked for, each against a broker with topics that library.test has
 * made: "f", one partition, values 0 .. 9 with times 1000, 2000 ..; "g", two partitions, empty. Prints "ok
 * NAME" or "FAIL NAME: why". */
#include "moldau/listen.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *bootstrap;
static int failures;
static const struct moldau_property earliest[] = {{"auto.offset.reset", "earliest"}};

struct seen {
    pthread_mutex_t lock;
    char values[2000]; /* with blanks between */
    int n, commits, idle, busy_again, failed;
    int64_t committed;
    char why[300];
    bool self_commit;
};

static void seen_init(struct seen *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->committed = -1;
}

static enum moldau_result see(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    struct seen *s = arg;
    pthread_mutex_lock(&s->lock);
    snprintf(s->values + strlen(s->values), sizeof s->values - strlen(s->values), "%.*s ", (int)r->value_n,
             r->value ? (const char *)r->value : "");
    s->n++;
    pthread_mutex_unlock(&s->lock);
    if (s->self_commit) {
        rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(l, r->topic, r->partition)->offset = r->offset + 1;
        if (rd_kafka_commit(moldau_call_consumer(call), l, 0)) s->failed++;
        rd_kafka_topic_partition_list_destroy(l);
    }
    return MOLDAU_OK;
}

static void on_event(void *arg, const struct moldau_event_info *e)
{
    struct seen *s = arg;
    pthread_mutex_lock(&s->lock);
    s->commits += e->event == MOLDAU_COMMITTED;
    if (e->event == MOLDAU_COMMITTED && e->offsets_n) s->committed = e->offsets[0].offset;
    s->idle += e->event == MOLDAU_IDLE;
    s->busy_again += e->event == MOLDAU_NO_LONGER_IDLE;
    if (e->event == MOLDAU_FAILED) {
        s->failed++;
        snprintf(s->why, sizeof s->why, "%s", e->why);
    }
    pthread_mutex_unlock(&s->lock);
}

static void check(const char *name, bool good, const char *what)
{
    if (good) printf("ok %s\n", name);
    else printf("FAIL %s: %s\n", name, what);
    failures += !good;
    fflush(stdout);
}

#define UNTIL(condition)                                                                                     \
    for (int until_i = 0; until_i < 3000 && !(condition); until_i++) usleep(10000)

static void options(struct moldau_container_options *o, struct seen *s, const char *group)
{
    moldau_container_options_init(o);
    seen_init(s);
    o->bootstrap_servers = bootstrap;
    o->group = group;
    o->on_record = see;
    o->on_event = on_event;
    o->arg = s;
    o->properties = earliest;
    o->properties_n = 1;
    o->poll_timeout_ms = 100;
}

static struct moldau_container *start(const struct moldau_container_options *o)
{
    char why[300];
    struct moldau_container *c = moldau_container_start(o, why, sizeof why);
    if (!c) {
        printf("FAIL start: %s\n", why);
        exit(1);
    }
    return c;
}

static void given_partitions(void)
{
    static const struct {
        const char *name, *want;
        enum moldau_start_at at;
        int64_t value;
        int n;
    } cases[] = {
        {"from an offset", "5 6 7 8 9 ", MOLDAU_START_OFFSET, 5, 5},
        {"so many before the end", "8 9 ", MOLDAU_START_OFFSET, -2, 2},
        {"more before the end than there are", "0 1 2 3 4 5 6 7 8 9 ", MOLDAU_START_OFFSET, -100, 10},
        {"from the beginning", "0 1 2 3 4 5 6 7 8 9 ", MOLDAU_START_BEGINNING, 0, 10},
        {"by time", "3 4 5 6 7 8 9 ", MOLDAU_START_TIME, 3500, 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct moldau_container_options o;
        struct seen s;
        const struct moldau_partition p = {"f", 0, cases[i].at, cases[i].value};
        options(&o, &s, "given");
        o.partitions = &p;
        o.partitions_n = 1;
        struct moldau_container *c = start(&o);
        UNTIL(s.n >= cases[i].n && s.committed == 10);
        moldau_container_free(c);
        check(cases[i].name, strcmp(s.values, cases[i].want) == 0, s.values);
    }
    struct moldau_container_options o;
    struct seen s;
    const struct moldau_partition p = {"f", 0, MOLDAU_START_COMMITTED, 0};
    options(&o, &s, "given");
    o.partitions = &p;
    o.partitions_n = 1;
    o.idle_event_ms = 300;
    struct moldau_container *c = start(&o);
    UNTIL(s.idle);
    moldau_container_free(c);
    check("from what is committed", s.n == 0, s.values);
}

static bool odd(void *arg, const struct moldau_record *r)
{
    (void)arg;
    return (((const char *)r->value)[0] - '0') % 2 == 1;
}

static void filter(void)
{
    struct moldau_container_options o;
    struct seen s;
    const char *topic = "f";
    options(&o, &s, "filter");
    o.topics = &topic;
    o.topics_n = 1;
    o.filter = odd;
    struct moldau_container *c = start(&o);
    UNTIL(s.committed == 10);
    moldau_container_free(c);
    check("a filter skips and commits", strcmp(s.values, "0 2 4 6 8 ") == 0 && s.committed == 10, s.values);
}

static void pattern_and_two_containers(void)
{
    struct moldau_container_options a, b;
    struct seen sa, sb;
    const char *pattern = "^f$", *topic = "f";
    options(&a, &sa, "pattern");
    a.topics = &pattern;
    a.topics_n = 1;
    options(&b, &sb, "other");
    b.topics = &topic;
    b.topics_n = 1;
    b.ack_mode = MOLDAU_ACK_RECORD;
    b.async_commits = true;
    struct moldau_container *ca = start(&a), *cb = start(&b);
    UNTIL(sa.n == 10 && sb.n == 10 && sb.commits >= 10 && sa.commits);
    moldau_container_free(ca);
    moldau_container_free(cb);
    check("a pattern", sa.n == 10 && sa.commits >= 1 && sa.commits < 10, sa.values);
    check("another container with settings of its own", sb.n == 10 && sb.commits == 10, sb.values);
}

static void pause_seek_idle(void)
{
    struct moldau_container_options o;
    struct seen s;
    const char *topic = "f";
    options(&o, &s, "pause");
    o.topics = &topic;
    o.topics_n = 1;
    o.idle_event_ms = 200;
    struct moldau_container *c = start(&o);
    UNTIL(s.n == 10 && s.idle >= 2);
    check("idle events come again and again", s.idle >= 2, "none");
    moldau_container_seek(c, "f", 0, MOLDAU_START_OFFSET, 7);
    UNTIL(s.n == 13);
    check("seek to an offset", s.n == 13 && s.busy_again >= 1, s.values);
    moldau_container_seek(c, "f", 0, MOLDAU_START_TIME, 9500);
    UNTIL(s.n == 14);
    check("seek by time", s.n == 14, s.values);
    moldau_container_pause(c);
    moldau_container_seek(c, "f", 0, MOLDAU_START_BEGINNING, 0);
    for (int idle = s.idle, once = 1; once; once = 0) UNTIL(s.idle >= idle + 2);
    bool paused = moldau_container_is_paused(c) && s.n == 14;
    moldau_container_resume(c);
    UNTIL(s.n == 24);
    check("pause and resume", paused && s.n == 24, s.values);
    moldau_container_pause_partition(c, "f", 0);
    moldau_container_seek(c, "f", 0, MOLDAU_START_BEGINNING, 0);
    for (int idle = s.idle, once = 1; once; once = 0) UNTIL(s.idle >= idle + 2);
    paused = s.n == 24;
    moldau_container_resume_partition(c, "f", 0);
    UNTIL(s.n == 34);
    check("pause and resume of a partition", paused && s.n == 34, s.values);
    moldau_container_free(c);
}

static void own_commits(void)
{
    struct moldau_container_options o;
    struct seen s;
    const char *topic = "f";
    options(&o, &s, "own");
    o.topics = &topic;
    o.topics_n = 1;
    o.ack_mode = MOLDAU_ACK_MANUAL;
    s.self_commit = true;
    struct moldau_container *c = start(&o);
    UNTIL(s.n == 10);
    moldau_container_free(c);
    s.n = 0;
    s.values[0] = 0;
    o.arg = &s;
    o.idle_event_ms = 300;
    c = start(&o);
    UNTIL(s.idle);
    moldau_container_free(c);
    check("a listener that commits itself", s.n == 0 && !s.failed && s.commits == 0, s.values);
}

static void no_offset(void)
{
    static const struct moldau_property none[] = {{"auto.offset.reset", "none"}};
    struct moldau_container_options o;
    struct seen s;
    const char *topic = "f";
    for (int workers = 0; workers <= 2; workers += 2) {
        options(&o, &s, "nothing");
        o.topics = &topic;
        o.topics_n = 1;
        o.properties = none;
        o.workers = workers;
        o.log = (void (*)(void *, const char *, const char *))NULL;
        struct moldau_container *c = start(&o);
        bool ended = moldau_container_join(c, 30000);
        const char *why = moldau_container_failure(c);
        check(workers ? "no offset and none to begin with, workers" : "no offset and none to begin with",
              ended && why && strstr(why, "auto.offset.reset is none") && s.failed == 1,
              why ? why : "it went on");
        moldau_container_free(c);
    }
}

static int abort_it(struct moldau_template *t, void *arg)
{
    (void)t, (void)arg;
    return 1;
}

static void on_sent(void *arg, const struct moldau_record *r, const char *error)
{
    int64_t *offset = arg;
    *offset = error ? -2 : r->offset;
}

static int32_t last_one(void *arg, const struct moldau_record *r, int32_t partitions)
{
    (void)r;
    return arg ? 99 : partitions - 1;
}

static void templates(void)
{
    struct moldau_template_options o;
    char why[300] = "";
    int32_t partition = -1;
    int64_t offset = -1, told = -1;
    moldau_template_options_init(&o);
    o.bootstrap_servers = bootstrap;
    o.default_topic = "g";
    struct moldau_template *t = moldau_template_new(&o, why, sizeof why);
    struct moldau_record r = {
        .partition = MOLDAU_PARTITION_ANY, .key = "k", .key_n = 1, .value = "v", .value_n = 1};
    check("send in step",
          moldau_template_send_sync(t, &r, &partition, &offset, why, sizeof why) == 0 &&
              partition == moldau_partition_of_key("k", 1, 2) && offset == 0,
          why);
    check("send with a callback",
          moldau_template_send(t, &r, on_sent, &told, why, sizeof why) == 0 &&
              moldau_template_flush(t, 10000, why, sizeof why) == 0 && told == 1,
          why);
    r.partition = 7;
    check("a partition that is not there",
          moldau_template_send_sync(t, &r, NULL, NULL, why, sizeof why) == -1 &&
              strstr(why, "nknown partition"),
          why);
    check("no transactions without an id",
          moldau_template_in_transaction(t, abort_it, NULL, why, sizeof why) == -1 &&
              strstr(why, "transactional_id"),
          why);
    moldau_template_free(t);
    o.partitioner = last_one;
    t = moldau_template_new(&o, why, sizeof why);
    r.partition = MOLDAU_PARTITION_ANY;
    check("a partitioner of one's own",
          moldau_template_send_sync(t, &r, &partition, &offset, why, sizeof why) == 0 && partition == 1, why);
    moldau_template_free(t);
    o.arg = &o;
    t = moldau_template_new(&o, why, sizeof why);
    check("a partitioner that is wrong",
          moldau_template_send_sync(t, &r, &partition, &offset, why, sizeof why) == -1 &&
              strcmp(why, "the partitioner answered 99 for a topic of 2 partitions") == 0,
          why);
    moldau_template_free(t);
    const struct moldau_property odd_name[] = {{"acks.all", "yes"}};
    o.properties = odd_name;
    o.properties_n = 1;
    t = moldau_template_new(&o, why, sizeof why);
    check("a property that nobody knows", !t && strcmp(why, "librdkafka has no property acks.all") == 0, why);
}

static int send_two(struct moldau_template *t, void *arg)
{
    char why[300];
    if (moldau_template_send_text(t, "k", arg, why, sizeof why)) return 1;
    if (moldau_template_send_text(t, "k", arg, why, sizeof why)) return 1;
    return strcmp(arg, "no") == 0;
}

/* Against a cluster with a coordinator; "tx" has "yes yes fine fine" for who reads what was committed. */
static void transactions(void)
{
    static const struct moldau_property quick[] = {{"max.block.ms", "20000"}};
    struct moldau_template_options o;
    char why[300] = "", yes[] = "yes", no[] = "no", fine[] = "fine";
    moldau_template_options_init(&o);
    o.bootstrap_servers = bootstrap;
    o.default_topic = "tx";
    o.transactional_id = "features";
    o.properties = quick;
    o.properties_n = 1;
    struct moldau_template *t = moldau_template_new(&o, why, sizeof why);
    check("a transaction is committed",
          moldau_template_in_transaction(t, send_two, yes, why, sizeof why) == 0, why);
    check("a transaction is aborted",
          moldau_template_in_transaction(t, send_two, no, why, sizeof why) == -1 && strstr(why, "aborted"),
          why);
    check("and another goes on", moldau_template_in_transaction(t, send_two, fine, why, sizeof why) == 0,
          why);
    struct moldau_template *newer = moldau_template_new(&o, why, sizeof why);
    check("a newer one takes the id over",
          moldau_template_in_transaction(newer, send_two, no, why, sizeof why) == -1, why);
    why[0] = 0;
    check("the older one is told that it is fenced",
          moldau_template_in_transaction(t, send_two, yes, why, sizeof why) == -1 && strstr(why, "fenced"),
          why);
    moldau_template_free(t);
    moldau_template_free(newer);
}

static void wrong_options(void)
{
    static const struct moldau_property autocommit[] = {{"enable.auto.commit", "true"}};
    const char *topic = "f";
    char why[300];
#define WRONG(change, words)                                                                                 \
    do {                                                                                                     \
        struct moldau_container_options o;                                                                   \
        struct seen s;                                                                                       \
        options(&o, &s, "wrong");                                                                            \
        o.topics = &topic;                                                                                   \
        o.topics_n = 1;                                                                                      \
        change;                                                                                              \
        why[0] = 0;                                                                                          \
        struct moldau_container *c = moldau_container_start(&o, why, sizeof why);                            \
        check("refused: " #change, !c && strstr(why, words), why);                                           \
    } while (0)
    WRONG(o.bootstrap_servers = "", "bootstrap_servers is missing");
    WRONG(o.group = NULL, "group is missing");
    WRONG(o.topics_n = 0, "either topics or partitions");
    WRONG(o.on_record = NULL, "either on_record or on_batch");
    WRONG(o.concurrency = 0, "concurrency");
    WRONG(o.ack_count = 0, "ack_count");
    WRONG(o.async_acks = true, "async_acks needs");
    WRONG(o.attempts = 0, "attempts");
    WRONG(o.backoff_jitter = 2, "back-off");
    WRONG(o.retry_topics = -1, "retry_topics");
    WRONG(o.once_file = "x", "once_by");
    WRONG(o.size = 3, "of this version");
    WRONG(o.properties = autocommit, "enable.auto.commit");
    WRONG((o.workers = 2, o.transactional_id = "x"), "no transactions");
#undef WRONG
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    bootstrap = argv[1];
    if (argc > 2) {
        transactions();
        return failures > 0;
    }
    given_partitions();
    filter();
    pattern_and_two_containers();
    pause_seek_idle();
    own_commits();
    no_offset();
    templates();
    wrong_options();
    return failures > 0;
}
