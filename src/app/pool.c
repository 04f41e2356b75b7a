/* See pool.h.
 *
 *   first thread: runtime (polls, commits) --begin--> todo --> a worker: prints, works --> done, doorbell
 *                    ^                                                                       |
 *                    +-------------------------- task_done <---------------------------------+
 *
 * The tutorial's pool commits what it has handed out, so that a crash loses what was not worked on yet, and
 * lets the records of a key overtake each other; runtime.h commits what is done, and begins the next record
 * of a key when the one before it has ended. */
#include "app/pool.h"
#include "listen/runtime.h"
#include "os/blocking.h"
#include "os/child.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW_MAX 500 /* records of a partition that are held at a time */
#define COMMIT_MS 500

struct pool;
struct worker {
    struct pool *pool;
    char name[32]; /* as Java names the threads of its pools */
    struct os_thread *thread;
};
struct pool {
    struct pool_options o;
    struct runtime *runtime;
    int64_t rebalance_ms; /* when the one under way began */
    struct worker *workers;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t more;
    struct task **todo, **done; /* the core begins no more than there are workers */
    int todo_n, done_n;
    bool ending;
    int doorbell; /* readable when something is done */
};

static void say(void *arg, const char *level, const char *text)
{
    (void)arg;
    rk_say(level, "%s", text);
}

static void happened(void *arg, enum runtime_event event, const rd_kafka_topic_partition_list_t *parts,
                     const char *why)
{
    struct pool *p = arg;
    bool assigned = event == RUNTIME_ASSIGNED;
    (void)why;
    if (!assigned && event != RUNTIME_LOST && event != RUNTIME_REVOKED_AFTER_COMMIT) return;
    lines_say(p->o.lines, assigned ? "Assigned partitions." : "Lost partitions.");
    if (assigned)
        rk_say("INFO", "the rebalance took %lld ms; %d assigned",
               (long long)(os_now_mono_ms() - p->rebalance_ms), parts->cnt);
    else p->rebalance_ms = os_now_mono_ms();
}

/* ---- workers ---- */
static void work(const struct worker *w, const rd_kafka_message_t *m)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_printf(&b, "thread %s\trecord ", w->name);
    if (m->payload) strbuf_add(&b, m->payload, m->len);
    else strbuf_add_cstr(&b, "null");
    strbuf_add_char(&b, '\n');
    lines_write(w->pool->o.lines, &b);
    strbuf_fini(&b);
    if (w->pool->o.process_ms > 0) os_sleep_ms(w->pool->o.process_ms);
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->todo_n == 0 && !p->ending) pthread_cond_wait(&p->more, &p->lock);
        if (p->todo_n == 0) break;
        struct task *t = p->todo[0];
        memmove(p->todo, p->todo + 1, (size_t)--p->todo_n * sizeof(struct task *));
        pthread_mutex_unlock(&p->lock);
        work(w, t->message);
        pthread_mutex_lock(&p->lock);
        p->done[p->done_n++] = t;
        os_event_set(p->doorbell);
    }
    pthread_mutex_unlock(&p->lock);
}

static void begin(void *arg, struct task *t)
{
    struct pool *p = arg;
    pthread_mutex_lock(&p->lock);
    ASSERT(p->todo_n < p->o.workers_n);
    p->todo[p->todo_n++] = t;
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->lock);
}

static void given_up(void *arg, const struct task *t)
{
    (void)arg; /* no work fails */
    (void)t;
}

/* ---- the first thread ---- */
static struct task *take_done(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct task *t = p->done_n ? p->done[--p->done_n] : NULL;
    pthread_mutex_unlock(&p->lock);
    return t;
}

static void wait_for(struct pool *p, int fd, int64_t ms)
{
    struct pollfd fds[] = {{.fd = p->doorbell, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    struct task *t;
    if (poll(fds, NELEMS(fds), (int)ms) > 0 && fds[0].revents) os_event_clear(p->doorbell);
    while ((t = take_done(p)) != NULL) task_done(t, LISTEN_OK, NULL);
}

static void wait_workers(void *arg, int64_t ms)
{
    wait_for(arg, -1, ms);
}

static int serve(struct pool *p)
{
    int first = 0;
    while (!runtime_stopped(p->runtime)) {
        runtime_step(p->runtime);
        int s = rk_signal;
        if (s && first) os_exit(128 + s);
        if (s) {
            first = s;
            rk_signal = 0;
            lines_say(p->o.lines, "poll() method trigger WakeupException");
            runtime_stop(p->runtime);
        }
        if (runtime_fatal(p->runtime) || p->o.lines->closed ||
            (p->o.records_max >= 0 && runtime_done_n(p->runtime) >= p->o.records_max))
            runtime_stop(p->runtime);
        if (!runtime_stopped(p->runtime)) wait_for(p, runtime_fd(p->runtime), runtime_wait_ms(p->runtime));
    }
    if (runtime_fatal(p->runtime)) rk_say("ERROR", "the consumer ends: %s", runtime_fatal(p->runtime));
    return runtime_fatal(p->runtime) || p->o.lines->closed ? 1 : first ? 128 + first : 0;
}

static bool start(struct pool *p)
{
    struct strbuf why;
    struct runtime_options r = {.consumer = p->o.conf,
                                .topics = &p->o.topic,
                                .topics_n = 1,
                                .group = p->o.group,
                                .listen = {.order = LISTEN_KEY,
                                           .workers_max = p->o.workers_n,
                                           .window_max = WINDOW_MAX,
                                           .attempts_max = 1,
                                           .backoff_factor = 1},
                                .commit_ms = COMMIT_MS,
                                .begin = begin,
                                .given_up = given_up,
                                .wait = wait_workers,
                                .say = say,
                                .event = happened,
                                .arg = p};
    strbuf_init(&why);
    p->rebalance_ms = os_now_mono_ms();
    bool ok = runtime_new(&r, &p->runtime, &why) == 0;
    if (!ok) rk_say("ERROR", "the consumer ends: %s", strbuf_cstr(&why));
    strbuf_fini(&why);
    for (int i = 0; ok && i < p->o.workers_n; i++) {
        p->workers[i].pool = p;
        snprintf(p->workers[i].name, sizeof p->workers[i].name, "pool-1-thread-%d", i + 1);
        p->workers[i].thread = os_thread_start(worker_main, &p->workers[i]);
    }
    return ok;
}

int pool_run(const struct pool_options *o)
{
    struct pool p = {.o = *o, .doorbell = os_event_new()};
    size_t n = (size_t)o->workers_n;
    int rc = 1;
    if (p.doorbell < 0) {
        rk_say("ERROR", "no file descriptor is left");
        rd_kafka_conf_destroy(o->conf);
        return 1;
    }
    p.workers = xcalloc(n, sizeof *p.workers);
    p.todo = xcalloc(n, sizeof(struct task *));
    p.done = xcalloc(n, sizeof(struct task *));
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.more, NULL);
    if (start(&p)) {
        rc = serve(&p);
        pthread_mutex_lock(&p.lock);
        p.ending = true;
        pthread_cond_broadcast(&p.more);
        pthread_mutex_unlock(&p.lock);
        for (size_t i = 0; i < n; i++) os_thread_join(p.workers[i].thread);
        runtime_free(p.runtime);
    }
    pthread_cond_destroy(&p.more);
    pthread_mutex_destroy(&p.lock);
    os_event_free(p.doorbell);
    free(p.workers);
    free(p.todo);
    free(p.done);
    return rc;
}
