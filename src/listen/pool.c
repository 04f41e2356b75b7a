/* See pool.h.
 *
 *   loop: runtime_step -> begin(task) -> waiting -> a worker: the listener -> ended -> task_done
 *
 * Invariants
 * 1. The runtime and its tasks belong to the loop's thread, but for the message of a task between waiting and
 * ended, which a worker reads.
 * 2. There are as many workers as the core begins tasks at a time: none waits for a worker. */
#include "listen/pool.h"
#include "listen/call.h"
#include "listen/message.h"
#include "listen/options.h"
#include "listen/runtime.h"
#include "listen/tell.h"
#include "os/blocking.h"
#include "os/child.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct job {
    struct list in_queue;
    struct task *task;
    int attempt;
    enum listen_result result;
    char *why;
};
struct pool {
    struct pool_config c;
    const struct moldau_container_options *o;
    struct runtime *runtime;
    int fd; /* of the runtime; workers set it, too */
    struct os_thread *loop, **workers;
    pthread_mutex_t lock; /* waiting, ended, closing */
    pthread_cond_t more;
    struct list waiting, ended;
    bool closing;
    atomic_bool stop, paused;
};

static void pool_log(struct pool *p, const char *level, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void pool_log(struct pool *p, const char *level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell_log(p->o, level, fmt, ap);
    va_end(ap);
}

/* ---- a worker ---- */
static void call_listener(struct pool *p, struct job *j, const struct moldau_record *r)
{
    struct moldau_call call = {.why = &j->why, .n = 1, .failed_at = -1, .nack_at = -1};
    struct strbuf why = {0};
    struct slice id;
    bool once = p->c.once && once_id(j->task->message, p->o->once_by, &id);
    int rc = once ? once_begin(p->c.once, id, &why) : 0;
    j->result = LISTEN_OK;
    if (rc == 0 && !(p->o->filter && p->o->filter(p->o->arg, r))) {
        enum moldau_result result = p->o->on_record(p->o->arg, r, &call);
        if (result == MOLDAU_OK && call.nack_at >= 0) result = MOLDAU_RETRY;
        j->result = result == MOLDAU_OK ? LISTEN_OK : result == MOLDAU_RETRY ? LISTEN_RETRY : LISTEN_DEAD;
    }
    if (rc == 0 && once) rc = once_end(p->c.once, id, j->result == LISTEN_OK, &why);
    if (rc < 0) { /* not remembered is not done */
        j->result = LISTEN_RETRY;
        free(j->why);
        j->why = xstrdup(strbuf_cstr(&why));
    }
    strbuf_fini(&why);
}

static struct job *next_job(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (list_empty(&p->waiting) && !p->closing) pthread_cond_wait(&p->more, &p->lock);
    struct list *n = list_pop_front(&p->waiting);
    pthread_mutex_unlock(&p->lock);
    return n ? LIST_ENTRY(n, struct job, in_queue) : NULL;
}

static void work(void *arg)
{
    struct pool *p = arg;
    struct message_headers headers = {0};
    struct moldau_record r;
    for (struct job *j; (j = next_job(p)) != NULL;) {
        message_record(j->task->message, rd_kafka_topic_name(j->task->message->rkt), &headers, &r);
        message_point(&headers, &r, 1);
        r.attempt = j->attempt;
        call_listener(p, j, &r);
        pthread_mutex_lock(&p->lock);
        bool first = list_empty(&p->ended);
        list_push_back(&p->ended, &j->in_queue);
        pthread_mutex_unlock(&p->lock);
        if (first) os_event_set(p->fd);
    }
    message_headers_fini(&headers);
}

/* ---- the loop ---- */
static void begin(void *arg, struct task *t)
{
    struct pool *p = arg;
    struct job *j = xcalloc(1, sizeof *j);
    list_init(&j->in_queue);
    j->task = t;
    j->attempt = t->attempt;
    pthread_mutex_lock(&p->lock);
    list_push_back(&p->waiting, &j->in_queue);
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->lock);
}

static void tell_ended(struct pool *p)
{
    struct list ended;
    list_init(&ended);
    pthread_mutex_lock(&p->lock);
    list_splice(&ended, &p->ended);
    pthread_mutex_unlock(&p->lock);
    LIST_FOREACH(n, &ended)
    {
        struct job *j = LIST_ENTRY(n, struct job, in_queue);
        const rd_kafka_message_t *m = j->task->message;
        list_remove(n);
        if (j->result != LISTEN_OK)
            pool_log(p, "WARN", "%s-%d at offset %lld, attempt %d: %s", rd_kafka_topic_name(m->rkt),
                     m->partition, (long long)m->offset, j->attempt, j->why ? j->why : "the listener failed");
        task_done(j->task, j->result,
                  j->result == LISTEN_OK ? NULL
                  : j->why               ? j->why
                                         : "the listener failed");
        free(j->why);
        free(j);
    }
}

static void wait_for_workers(void *arg, int64_t ms)
{
    struct pool *p = arg;
    os_event_wait(p->fd, ms);
    os_event_clear(p->fd);
    tell_ended(p);
}

static void given_up(void *arg, const struct task *t)
{
    struct pool *p = arg;
    struct message_headers headers = {0};
    struct moldau_record r;
    message_record(t->message, rd_kafka_topic_name(t->message->rkt), &headers, &r);
    message_point(&headers, &r, 1);
    r.attempt = t->attempt;
    pool_log(p, "ERROR", "%s-%d at offset %lld is given up after %d attempt%s: %s", r.topic, r.partition,
             (long long)r.offset, t->attempt, t->attempt == 1 ? "" : "s", strbuf_cstr(&t->why));
    struct moldau_event_info info = {.event = MOLDAU_GIVEN_UP,
                                     .consumer = p->c.index,
                                     .record = &r,
                                     .why = strbuf_cstr(&t->why),
                                     .client = runtime_consumer(p->runtime)};
    tell_event(p->o, &info, NULL);
    message_headers_fini(&headers);
}

static void said(void *arg, const char *level, const char *text)
{
    struct pool *p = arg;
    if (strcmp(level, "INFO") != 0 || !p->o->on_event) pool_log(p, level, "%s", text);
}

static void happened(void *arg, enum runtime_event event, const rd_kafka_topic_partition_list_t *parts,
                     const char *why)
{
    static const enum moldau_event events[] = {[RUNTIME_ASSIGNED] = MOLDAU_ASSIGNED,
                                               [RUNTIME_REVOKED_BEFORE_COMMIT] = MOLDAU_REVOKED_BEFORE_COMMIT,
                                               [RUNTIME_REVOKED_AFTER_COMMIT] = MOLDAU_REVOKED_AFTER_COMMIT,
                                               [RUNTIME_LOST] = MOLDAU_LOST,
                                               [RUNTIME_COMMITTED] = MOLDAU_COMMITTED,
                                               [RUNTIME_COMMIT_FAILED] = MOLDAU_COMMIT_FAILED};
    struct pool *p = arg;
    struct moldau_event_info info = {
        .event = events[event], .consumer = p->c.index, .why = why, .client = runtime_consumer(p->runtime)};
    tell_event(p->o, &info, parts);
}

static void run(void *arg)
{
    struct pool *p = arg;
    while (!runtime_stopped(p->runtime)) {
        runtime_step(p->runtime);
        tell_ended(p);
        runtime_set_paused(p->runtime, p->paused);
        if (p->stop || runtime_fatal(p->runtime)) runtime_stop(p->runtime);
        if (!runtime_stopped(p->runtime)) os_event_wait(p->fd, runtime_wait_ms(p->runtime));
    }
    const char *why = runtime_fatal(p->runtime);
    if (why) {
        struct moldau_event_info info = {.event = MOLDAU_FAILED,
                                         .consumer = p->c.index,
                                         .why = why,
                                         .client = runtime_consumer(p->runtime)};
        p->c.failed(p->c.arg, why);
        pool_log(p, "ERROR", "%s", why);
        tell_event(p->o, &info, NULL);
    }
    p->c.ended(p->c.arg);
}

/* ---- life ---- */
struct pool *pool_new(const struct pool_config *c, struct strbuf *why)
{
    const struct moldau_container_options *o = c->o;
    struct pool *p = xcalloc(1, sizeof *p);
    p->c = *c;
    p->o = o;
    p->fd = -1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    list_init(&p->waiting);
    list_init(&p->ended);
    struct runtime_options r = {.topics = o->topics,
                                .topics_n = (int)o->topics_n,
                                .group = o->group,
                                .dead_suffix = o->dead_letter_suffix,
                                .commit_ms = o->commit_interval_ms,
                                .begin = begin,
                                .given_up = given_up,
                                .wait = wait_for_workers,
                                .say = said,
                                .event = happened,
                                .arg = p};
    r.listen = (struct listen_config){.order = o->order == MOLDAU_ORDER_KEY         ? LISTEN_KEY
                                               : o->order == MOLDAU_ORDER_PARTITION ? LISTEN_PARTITION
                                                                                    : LISTEN_UNORDERED,
                                      .workers_max = o->workers,
                                      .window_max = o->max_in_flight,
                                      .attempts_max = o->attempts,
                                      .backoff_ms = o->backoff_ms,
                                      .backoff_factor = o->backoff_factor,
                                      .backoff_ms_max = o->backoff_max_ms,
                                      .jitter = o->backoff_jitter,
                                      .dead_letters = o->given_up == MOLDAU_DEAD_LETTER};
    r.consumer = options_consumer_conf(o, c->index, -1, NULL, why);
    if (r.consumer && r.listen.dead_letters) r.producer = options_producer_conf(o, why);
    if (!r.consumer || (r.listen.dead_letters && !r.producer)) {
        if (r.consumer) rd_kafka_conf_destroy(r.consumer);
        pool_free(p);
        return NULL;
    }
    if (runtime_new(&r, &p->runtime, why)) {
        pool_free(p);
        return NULL;
    }
    p->fd = runtime_fd(p->runtime);
    return p;
}

void pool_start(struct pool *p)
{
    p->workers = xcalloc((size_t)p->o->workers, sizeof(struct os_thread *));
    for (int i = 0; i < p->o->workers; i++) p->workers[i] = os_thread_start(work, p);
    p->loop = os_thread_start(run, p);
}

void pool_stop(struct pool *p)
{
    p->stop = true;
    os_event_set(p->fd);
}

void pool_set_paused(struct pool *p, bool paused)
{
    p->paused = paused;
    os_event_set(p->fd);
}

void pool_free(struct pool *p)
{
    if (p->loop) os_thread_join(p->loop);
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; p->workers && i < p->o->workers; i++) os_thread_join(p->workers[i]);
    free(p->workers);
    if (p->runtime) runtime_free(p->runtime);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
