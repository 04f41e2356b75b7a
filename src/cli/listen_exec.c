/* A process for each record: its value on standard input, the rest in the environment.
 *
 *   exits 0                                                 -> done
 *   exits 65 (EX_DATAERR)                                   -> dead: no other attempt
 *   exits otherwise, dies, or is ended after its time limit -> tried again, in its place in the order */
#include "cli/listen_int.h"
#include "cli/rk_tool.h"
#include "os/blocking.h"
#include "os/child.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_DEAD 65 /* EX_DATAERR of sysexits.h */
#define HEADERS_MAX 256

extern char **environ;

struct worker {
    struct os_child child;
    struct task *task; /* NULL: the place is free */
    size_t written;    /* of its value */
    int64_t ends_ms;   /* when it is ended; -1: never */
    bool told_to_end;
};
struct exec {
    struct listener *l;
    struct worker *workers;
};

/* ---- a handler's environment ---- */
void listen_env_init(struct listen_env *e)
{
    *e = (struct listen_env){0};
    for (char **v = environ; *v; v++)
        if (strncmp(*v, "MOLDAU_", 7) != 0 || strncmp(*v, "MOLDAU_HANDLER_", 15) == 0) {
            e->v = xrealloc(e->v, (size_t)(e->n + 2) * sizeof *e->v);
            e->v[e->n++] = xstrdup(*v);
            e->v[e->n] = NULL;
        }
}

void listen_env_add(struct listen_env *e, const char *name, const void *p, size_t n)
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

static void env_int(struct listen_env *e, const char *name, int64_t v)
{
    char text[24];
    listen_env_add(e, name, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v));
}

/* MOLDAU_HEADER_ and the header's name, in which all but letters and digits are underscores. */
static void env_headers(struct listen_env *e, const rd_kafka_message_t *m)
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
        if (value && !memchr(value, 0, n)) listen_env_add(e, strbuf_cstr(&full), value, n);
        strbuf_fini(&full);
    }
}

static void env_of(struct listen_env *e, const struct task *t)
{
    const rd_kafka_message_t *m = t->message;
    rd_kafka_timestamp_type_t type;
    listen_env_init(e);
    listen_env_add(e, "MOLDAU_TOPIC", rd_kafka_topic_name(m->rkt), strlen(rd_kafka_topic_name(m->rkt)));
    env_int(e, "MOLDAU_PARTITION", m->partition);
    env_int(e, "MOLDAU_OFFSET", m->offset);
    env_int(e, "MOLDAU_TIMESTAMP", rd_kafka_message_timestamp(m, &type));
    env_int(e, "MOLDAU_ATTEMPT", t->attempt);
    if (m->key && !memchr(m->key, 0, m->key_len)) listen_env_add(e, "MOLDAU_KEY", m->key, m->key_len);
    if (!m->payload) listen_env_add(e, "MOLDAU_TOMBSTONE", "1", 1);
    env_headers(e, m);
}

void listen_env_fini(struct listen_env *e)
{
    for (int i = 0; i < e->n; i++) free(e->v[i]);
    free(e->v);
}

/* ---- workers ---- */
static struct worker *free_worker(struct exec *x)
{
    for (int i = 0; i < x->l->workers_n; i++)
        if (!x->workers[i].task) return &x->workers[i];
    return NULL;
}

static void begin(void *state, struct task *t)
{
    struct exec *x = state;
    struct listener *l = x->l;
    struct worker *w = free_worker(x);
    struct listen_env e;
    ASSERT(w); /* the core begins no more than there are places */
    env_of(&e, t);
    int rc = os_child_start(&w->child, l->argv, e.v, false);
    listen_env_fini(&e);
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
    w->ends_ms = l->timeout_ms < 0 ? -1 : os_now_mono_ms() + l->timeout_ms;
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
    listen_failed(t, status == EXIT_DEAD && !timed_out ? LISTEN_DEAD : LISTEN_RETRY, why);
}

/* Those whose time is over: asked first, then made to. */
static void end_late(struct exec *x, int64_t now)
{
    for (int i = 0; i < x->l->workers_n; i++) {
        struct worker *w = &x->workers[i];
        if (!w->task || w->ends_ms < 0 || now < w->ends_ms) continue;
        os_child_signal(&w->child, w->told_to_end ? SIGKILL : SIGTERM);
        w->told_to_end = true;
        w->ends_ms = now + LISTEN_KILL_AFTER_MS;
    }
}

static int fds(void *state, struct pollfd *v)
{
    const struct exec *x = state;
    for (int i = 0; i < x->l->workers_n; i++) {
        const struct worker *w = &x->workers[i];
        v[2 * i] = (struct pollfd){.fd = w->task ? w->child.pid_fd : -1, .events = POLLIN};
        v[2 * i + 1] = (struct pollfd){.fd = w->task ? w->child.in_fd : -1, .events = POLLOUT};
    }
    return 2 * x->l->workers_n;
}

static void ready(void *state, const struct pollfd *v)
{
    struct exec *x = state;
    for (int i = 0; i < x->l->workers_n; i++) {
        struct worker *w = &x->workers[i];
        if (v[2 * i + 1].revents && w->task) feed(w);
        if (v[2 * i].revents && w->task) reap(w);
    }
    end_late(x, os_now_mono_ms());
}

static int64_t due_ms(const void *state)
{
    const struct exec *x = state;
    int64_t due = INT64_MAX;
    for (int i = 0; i < x->l->workers_n; i++)
        if (x->workers[i].task && x->workers[i].ends_ms >= 0) due = min_i64(due, x->workers[i].ends_ms);
    return due;
}

static void kill_all(void *state)
{
    struct exec *x = state;
    for (int i = 0; i < x->l->workers_n; i++)
        if (x->workers[i].task) os_child_signal(&x->workers[i].child, SIGKILL);
}

static void *open_exec(struct listener *l)
{
    struct exec *x = xcalloc(1, sizeof *x);
    x->l = l;
    x->workers = xcalloc((size_t)l->workers_n, sizeof *x->workers);
    return x;
}

static void close_exec(void *state)
{
    struct exec *x = state;
    free(x->workers);
    free(x);
}

const struct handlers listen_exec = {open_exec, begin, fds, ready, due_ms, kill_all, close_exec};
