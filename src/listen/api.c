/* Containers of the public header: what is asked for is checked and copied, then members (member.h), or
 * pools of workers (pool.h), do it. */
#include "listen/member.h"
#include "listen/pool.h"
#include "listen/template.h"
#include "base/err.h"
#include "os/blocking.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TOPICS_WAIT_MS 10000

struct moldau_container {
    struct moldau_container_options o; /* its pointers are ours */
    struct member **members;           /* or, with workers, */
    struct pool **pools;
    int consumers_n; /* of the one or the other */
    struct once *once;
    const char ***retry_names; /* by level */
    pthread_mutex_t lock;      /* failure, ended_n */
    pthread_cond_t changed;
    int ended_n;
    char *failure;
    atomic_bool paused;
};

void moldau_container_options_init(struct moldau_container_options *o)
{
    *o = (struct moldau_container_options){.size = sizeof *o,
                                           .concurrency = 1,
                                           .ack_mode = MOLDAU_ACK_BATCH,
                                           .ack_count = 1,
                                           .ack_time_ms = 5000,
                                           .max_poll_records = 500,
                                           .poll_timeout_ms = 5000,
                                           .attempts = 10,
                                           .backoff_factor = 1,
                                           .backoff_max_ms = 30000,
                                           .dead_letter_suffix = "-dlt",
                                           .retry_suffix = "-retry",
                                           .commit_interval_ms = 500,
                                           .max_in_flight = 500};
}

/* ---- copies ---- */
static const char *copy_text(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

static void free_text(const char *s)
{
    char *p;
    memcpy(&p, &s, sizeof p);
    free(p);
}

static struct moldau_property *copy_properties(const struct moldau_property *p, size_t n)
{
    struct moldau_property *v = n ? xcalloc(n, sizeof *v) : NULL;
    for (size_t i = 0; i < n; i++) v[i] = (struct moldau_property){xstrdup(p[i].name), xstrdup(p[i].value)};
    return v;
}

static void free_properties(const struct moldau_property *p, size_t n)
{
    struct moldau_property *v;
    memcpy(&v, &p, sizeof v);
    for (size_t i = 0; i < n; i++) {
        free_text(v[i].name);
        free_text(v[i].value);
    }
    free(v);
}

static void copy_options(struct moldau_container_options *to, const struct moldau_container_options *from)
{
    *to = *from;
    to->bootstrap_servers = copy_text(from->bootstrap_servers);
    to->group = copy_text(from->group);
    to->client_id = copy_text(from->client_id);
    to->dead_letter_suffix = copy_text(from->dead_letter_suffix);
    to->retry_suffix = copy_text(from->retry_suffix);
    to->once_file = copy_text(from->once_file);
    to->once_by = copy_text(from->once_by);
    to->transactional_id = copy_text(from->transactional_id);
    to->properties = copy_properties(from->properties, from->properties_n);
    to->producer_properties = copy_properties(from->producer_properties, from->producer_properties_n);
    const char **topics = from->topics_n ? xcalloc(from->topics_n, sizeof *topics) : NULL;
    for (size_t i = 0; i < from->topics_n; i++) topics[i] = xstrdup(from->topics[i]);
    to->topics = topics;
    struct moldau_partition *parts = from->partitions_n ? xcalloc(from->partitions_n, sizeof *parts) : NULL;
    for (size_t i = 0; i < from->partitions_n; i++) {
        parts[i] = from->partitions[i];
        parts[i].topic = xstrdup(parts[i].topic);
    }
    to->partitions = parts;
}

static void free_options(struct moldau_container_options *o)
{
    const char *const texts[] = {o->bootstrap_servers, o->group,     o->client_id, o->dead_letter_suffix,
                                 o->retry_suffix,      o->once_file, o->once_by,   o->transactional_id};
    for (size_t i = 0; i < NELEMS(texts); i++) free_text(texts[i]);
    free_properties(o->properties, o->properties_n);
    free_properties(o->producer_properties, o->producer_properties_n);
    for (size_t i = 0; i < o->topics_n; i++) free_text(o->topics[i]);
    for (size_t i = 0; i < o->partitions_n; i++) free_text(o->partitions[i].topic);
    void *p;
    memcpy(&p, &o->topics, sizeof p);
    free(p);
    memcpy(&p, &o->partitions, sizeof p);
    free(p);
}

/* ---- what is allowed ---- */
static bool has(const struct moldau_container_options *o, const char *name, const char **value)
{
    for (size_t i = 0; i < o->properties_n; i++)
        if (strcmp(o->properties[i].name, name) == 0) {
            *value = o->properties[i].value;
            return true;
        }
    return false;
}

/* A sentence, or NULL. */
static const char *wrong(const struct moldau_container_options *o)
{
    const char *v;
    bool patterns = false;
    for (size_t i = 0; i < o->topics_n; i++) patterns |= o->topics[i] && o->topics[i][0] == '^';
    if (o->size != sizeof *o)
        return "the options were not made by moldau_container_options_init of this version of the library";
    if (!o->bootstrap_servers || !*o->bootstrap_servers) return "bootstrap_servers is missing";
    if (!o->group || !*o->group) return "group is missing";
    if (!o->topics_n == !o->partitions_n) return "either topics or partitions must be given";
    for (size_t i = 0; i < o->topics_n; i++)
        if (!o->topics[i] || !*o->topics[i]) return "a topic's name is empty";
    for (size_t i = 0; i < o->partitions_n; i++)
        if (!o->partitions[i].topic || !*o->partitions[i].topic || o->partitions[i].partition < 0)
            return "a given partition needs a topic and a number of at least 0";
    if (!o->on_record == !o->on_batch) return "either on_record or on_batch must be given";
    if (o->concurrency < 1 || o->concurrency > 1000) return "concurrency must be 1 to 1000";
    if (o->partitions_n && (size_t)o->concurrency > o->partitions_n)
        return "concurrency is more than there are partitions given";
    if ((int)o->ack_mode < 0 || o->ack_mode > MOLDAU_ACK_MANUAL_IMMEDIATE)
        return "ack_mode is none of MOLDAU_ACK_*";
    if (o->on_batch && o->ack_mode == MOLDAU_ACK_RECORD && !o->workers)
        return "a batch listener cannot have ack_mode RECORD: its batch is one unit";
    if (o->ack_count < 1) return "ack_count must be at least 1";
    if (o->ack_time_ms < 0) return "ack_time_ms must not be negative";
    if (o->async_acks && o->ack_mode < MOLDAU_ACK_MANUAL)
        return "async_acks needs ack_mode MANUAL or MANUAL_IMMEDIATE";
    if (o->max_poll_records < 1 || o->max_poll_records > 1000000)
        return "max_poll_records must be 1 to 1000000";
    if (o->poll_timeout_ms < 0 || o->poll_timeout_ms > INT32_MAX)
        return "poll_timeout_ms must be 0 to 2147483647";
    if (o->attempts < 1) return "attempts must be at least 1";
    if (o->backoff_ms < 0 || o->backoff_max_ms < 0 || !(o->backoff_factor >= 1) ||
        !(o->backoff_jitter >= 0) || o->backoff_jitter > 1)
        return "a back-off must not be negative, its factor at least 1, its jitter 0 to 1";
    if (!o->dead_letter_suffix || !*o->dead_letter_suffix || !o->retry_suffix || !*o->retry_suffix)
        return "dead_letter_suffix and retry_suffix must not be empty";
    if (o->retry_topics < 0 || o->retry_topics > 100) return "retry_topics must be 0 to 100";
    if (o->retry_topics && (patterns || o->partitions_n || o->on_batch || o->workers))
        return "retry_topics go with named topics and a record listener on its consumer's thread";
    if (o->workers < 0 || o->workers > 1000) return "workers must be 0 to 1000";
    if (o->workers && (o->on_batch || o->partitions_n || o->transactional_id))
        return "workers take single records of a group's topics, and no transactions";
    if (o->workers && (o->commit_interval_ms < 0 || o->max_in_flight < 1 || o->max_in_flight > 100000))
        return "commit_interval_ms must not be negative, max_in_flight 1 to 100000";
    if (o->workers && ((int)o->order < 0 || o->order > MOLDAU_ORDER_UNORDERED))
        return "order is none of MOLDAU_ORDER_*";
    if (!o->once_file != !o->once_by || (o->once_file && !o->workers))
        return "once_file and once_by go together, and with workers";
    if (o->transactional_id && o->ack_mode >= MOLDAU_ACK_MANUAL)
        return "with a transactional_id offsets are committed with the transaction: ack_mode cannot be "
               "MANUAL";
    if (has(o, "enable.auto.commit", &v) && strcmp(v, "false") != 0)
        return "enable.auto.commit is the container's to decide: leave it out, and choose an ack_mode";
    if (has(o, "group.id", &v)) return "the group goes into `group`, not among the properties";
    return NULL;
}

/* ---- retry topics ---- */
static int create(rd_kafka_t *rk, const char *name, int partitions, struct strbuf *why)
{
    char error[256];
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(name, partitions, -1, error, sizeof error);
    if (!t) {
        strbuf_printf(why, "topic %s cannot be made: %s", name, error);
        return ERR_INVALID_CONFIG;
    }
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
    rd_kafka_event_t *e = rd_kafka_queue_poll(q, TOPICS_WAIT_MS * 2);
    rd_kafka_resp_err_t err = e ? rd_kafka_event_error(e) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!err) {
        size_t n;
        const rd_kafka_topic_result_t **v =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(e), &n);
        err = rd_kafka_topic_result_error(v[0]);
    }
    if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) err = 0;
    if (err) strbuf_printf(why, "topic %s cannot be made: %s", name, rd_kafka_err2str(err));
    if (e) rd_kafka_event_destroy(e);
    rd_kafka_queue_destroy(q);
    rd_kafka_NewTopic_destroy(t);
    return err ? ERR_IO : 0;
}

/* The retry topics of each topic, and its dead-letter topic, with as many partitions as it has. */
static int make_retry_topics(struct moldau_container *c, struct strbuf *why)
{
    struct moldau_template_options to;
    const struct moldau_container_options *o = &c->o;
    int rc = 0;
    moldau_template_options_init(&to);
    to.bootstrap_servers = o->bootstrap_servers;
    to.properties = o->producer_properties;
    to.properties_n = o->producer_properties_n;
    struct moldau_template *t = template_new(&to, why);
    if (!t) return ERR_INVALID_CONFIG;
    for (size_t i = 0; i < o->topics_n && rc == 0; i++) {
        int32_t n = 0;
        struct strbuf dead = {0};
        rd_kafka_resp_err_t err = template_ask_partitions(t, o->topics[i], TOPICS_WAIT_MS, &n);
        if (err) {
            strbuf_printf(why, "retry topics need to know the partitions of %s: %s", o->topics[i],
                          rd_kafka_err2str(err));
            rc = ERR_IO;
        }
        for (int level = 0; level < o->retry_topics && rc == 0; level++)
            rc = create(template_client(t), c->retry_names[level][i], n, why);
        strbuf_printf(&dead, "%s%s", o->topics[i], o->dead_letter_suffix);
        if (rc == 0 && o->given_up == MOLDAU_DEAD_LETTER) rc = create(template_client(t), dead.s, n, why);
        strbuf_fini(&dead);
    }
    moldau_template_free(t);
    return rc;
}

static void name_retry_topics(struct moldau_container *c)
{
    c->retry_names = c->o.retry_topics ? xcalloc((size_t)c->o.retry_topics, sizeof *c->retry_names) : NULL;
    for (int level = 0; level < c->o.retry_topics; level++) {
        const char **names = xcalloc(c->o.topics_n, sizeof *names);
        for (size_t i = 0; i < c->o.topics_n; i++) {
            struct strbuf b = {0};
            strbuf_printf(&b, "%s%s-%d", c->o.topics[i], c->o.retry_suffix, level);
            names[i] = b.s;
        }
        c->retry_names[level] = names;
    }
}

/* ---- life ---- */
static void consumer_failed(void *arg, const char *why)
{
    struct moldau_container *c = arg;
    pthread_mutex_lock(&c->lock);
    if (!c->failure) c->failure = xstrdup(why);
    pthread_mutex_unlock(&c->lock);
}

static void consumer_ended(void *arg)
{
    struct moldau_container *c = arg;
    pthread_mutex_lock(&c->lock);
    c->ended_n++;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static int start_members(struct moldau_container *c, struct strbuf *why)
{
    int n = c->o.concurrency + c->o.retry_topics;
    name_retry_topics(c);
    if (c->o.retry_topics && make_retry_topics(c, why)) return ERR_INVALID_CONFIG;
    c->members = xcalloc((size_t)n, sizeof(struct member *));
    for (int i = 0; i < n; i++) {
        int level = i < c->o.concurrency ? -1 : i - c->o.concurrency;
        struct member_config m = {.o = &c->o,
                                  .index = i,
                                  .topics = level < 0 ? NULL : c->retry_names[level],
                                  .topics_n = level < 0 ? 0 : (int)c->o.topics_n,
                                  .retry_level = level,
                                  .failed = consumer_failed,
                                  .ended = consumer_ended,
                                  .arg = c};
        c->members[i] = member_new(&m, why);
        if (!c->members[i]) return ERR_INVALID_CONFIG;
        c->consumers_n++;
    }
    for (int i = 0; i < n; i++) member_start(c->members[i]);
    return 0;
}

static int start_pools(struct moldau_container *c, struct strbuf *why)
{
    if (c->o.once_file && !(c->once = once_open(c->o.once_file, why))) return ERR_INVALID_CONFIG;
    c->pools = xcalloc((size_t)c->o.concurrency, sizeof(struct pool *));
    for (int i = 0; i < c->o.concurrency; i++) {
        struct pool_config p = {.o = &c->o,
                                .index = i,
                                .once = c->once,
                                .failed = consumer_failed,
                                .ended = consumer_ended,
                                .arg = c};
        c->pools[i] = pool_new(&p, why);
        if (!c->pools[i]) return ERR_INVALID_CONFIG;
        c->consumers_n++;
    }
    for (int i = 0; i < c->o.concurrency; i++) pool_start(c->pools[i]);
    return 0;
}

struct moldau_container *moldau_container_start(const struct moldau_container_options *o, char *why,
                                                size_t why_n)
{
    const char *bad = wrong(o);
    struct strbuf text = {0};
    if (bad) {
        if (why && why_n) snprintf(why, why_n, "%s", bad);
        return NULL;
    }
    struct moldau_container *c = xcalloc(1, sizeof *c);
    copy_options(&c->o, o);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    if (c->o.workers ? start_pools(c, &text) : start_members(c, &text)) {
        if (why && why_n) snprintf(why, why_n, "%s", strbuf_cstr(&text));
        moldau_container_free(c);
        c = NULL;
    }
    strbuf_fini(&text);
    return c;
}

void moldau_container_stop(struct moldau_container *c)
{
    for (int i = 0; i < c->consumers_n; i++)
        if (c->pools) pool_stop(c->pools[i]);
        else member_stop(c->members[i]);
}

bool moldau_container_join(struct moldau_container *c, int64_t timeout_ms)
{
    int64_t until = os_now_wall_ms() + (timeout_ms < 0 ? 0 : timeout_ms);
    struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    int rc = 0;
    pthread_mutex_lock(&c->lock);
    while (c->ended_n < c->consumers_n && rc == 0)
        rc = timeout_ms < 0 ? pthread_cond_wait(&c->changed, &c->lock)
                            : pthread_cond_timedwait(&c->changed, &c->lock, &at);
    bool ended = c->ended_n == c->consumers_n;
    pthread_mutex_unlock(&c->lock);
    return ended;
}

const char *moldau_container_failure(struct moldau_container *c)
{
    pthread_mutex_lock(&c->lock);
    const char *failure = c->failure; /* set once */
    pthread_mutex_unlock(&c->lock);
    return failure;
}

void moldau_container_free(struct moldau_container *c)
{
    if (!c) return;
    moldau_container_stop(c);
    for (int i = 0; i < c->consumers_n; i++)
        if (c->pools) pool_free(c->pools[i]);
        else member_free(c->members[i]);
    once_close(c->once);
    free(c->pools);
    for (int level = 0; c->retry_names && level < c->o.retry_topics; level++) {
        for (size_t i = 0; i < c->o.topics_n; i++) free_text(c->retry_names[level][i]);
        free(c->retry_names[level]);
    }
    free(c->retry_names);
    free(c->members);
    free_options(&c->o);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->failure);
    free(c);
}

/* ---- while it runs ---- */
static void set_paused(struct moldau_container *c, bool paused)
{
    c->paused = paused;
    for (int i = 0; i < c->consumers_n; i++)
        if (c->pools) pool_set_paused(c->pools[i], paused);
        else member_set_paused(c->members[i], paused);
}

void moldau_container_pause(struct moldau_container *c)
{
    set_paused(c, true);
}

void moldau_container_resume(struct moldau_container *c)
{
    set_paused(c, false);
}

bool moldau_container_is_paused(const struct moldau_container *c)
{
    return c->paused;
}

static void order_all(struct moldau_container *c, enum member_order what, const char *topic,
                      int32_t partition, enum moldau_start_at start_at, int64_t value)
{
    for (int i = 0; i < c->consumers_n; i++)
        member_order(c->members[i], what, topic, partition, start_at, value);
}

void moldau_container_pause_partition(struct moldau_container *c, const char *topic, int32_t partition)
{
    order_all(c, MEMBER_PAUSE, topic, partition, MOLDAU_START_COMMITTED, 0);
}

void moldau_container_resume_partition(struct moldau_container *c, const char *topic, int32_t partition)
{
    order_all(c, MEMBER_RESUME, topic, partition, MOLDAU_START_COMMITTED, 0);
}

void moldau_container_seek(struct moldau_container *c, const char *topic, int32_t partition,
                           enum moldau_start_at start_at, int64_t value)
{
    order_all(c, MEMBER_SEEK, topic, partition, start_at, value);
}
