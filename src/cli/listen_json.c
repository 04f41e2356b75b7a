/* Long-lived handlers: each gets a JSON object a line for each record, and answers a line.
 *
 *   {"id":17,"topic":"t","partition":0,"offset":42,"key":"k","value":"v","headers":[["n","v"]],"timestamp":1,
 *    "timestampType":"CreateTime","attempt":1}
 *   ok | retry | dead   [ID]   [REASON]
 *
 * What is no UTF-8 comes as base64, under key_base64, value_base64, or as {"base64": ..} in a header. Answers
 * may come in any order; without an ID, an answer is for the only record that is open. One that belongs to no
 * open record ends the worker: nobody knows what it means by it. So does a record whose time is over. A
 * worker that ends is started anew, at once if it had answered since it was started, else after a pause. */
#include "cli/listen_int.h"
#include "cli/rk_tool.h"
#include "os/blocking.h"
#include "os/child.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 65536 /* of an answer */
#define START_PAUSE_MS 1000
#define READ_BYTES 65536

struct open_task {
    struct task *task;
    int64_t id, ends_ms; /* -1: never */
};
struct worker {
    struct os_child child; /* pid_fd -1: it does not run */
    struct strbuf out;     /* not written yet, from out_at on */
    size_t out_at;
    struct strbuf in; /* an answer's beginning */
    struct open_task *open;
    int open_n;
    bool answered, told_to_end;
    int64_t start_ms; /* not before; of the time to make it end, if it runs and was told to */
};
struct json {
    struct listener *l;
    struct worker *workers;
    struct task **waiting; /* no worker has room: all are being started */
    int waiting_n;
    int64_t next_id;
};

/* ---- a record as a line ---- */
bool listen_is_utf8(const void *p, size_t n)
{
    json_t *s = n ? json_stringn(p, n) : NULL; /* NULL for what is none */
    json_decref(s);
    return s || !n;
}

static void add_bytes(struct strbuf *b, const char *name, const void *p, size_t n)
{
    strbuf_printf(b, ",\"%s", name);
    if (!p) strbuf_add_cstr(b, "\":null");
    else if (listen_is_utf8(p, n)) {
        strbuf_add_cstr(b, "\":");
        strbuf_add_json(b, slice_of(p, n));
    } else {
        strbuf_add_cstr(b, "_base64\":");
        strbuf_add_base64(b, slice_of(p, n));
    }
}

static void add_headers(struct strbuf *b, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *h;
    const char *name;
    const void *value;
    size_t n;
    strbuf_add_cstr(b, ",\"headers\":[");
    if (!rd_kafka_message_headers(m, &h))
        for (size_t i = 0; rd_kafka_header_get_all(h, i, &name, &value, &n) == 0; i++) {
            strbuf_add_cstr(b, i ? ",[" : "[");
            strbuf_add_json(b, slice_cstr(name));
            strbuf_add_char(b, ',');
            if (!value) strbuf_add_cstr(b, "null");
            else if (listen_is_utf8(value, n)) strbuf_add_json(b, slice_of(value, n));
            else {
                strbuf_add_cstr(b, "{\"base64\":");
                strbuf_add_base64(b, slice_of(value, n));
                strbuf_add_char(b, '}');
            }
            strbuf_add_char(b, ']');
        }
    strbuf_add_char(b, ']');
}

static void add_line(struct strbuf *b, const struct task *t, int64_t id)
{
    const rd_kafka_message_t *m = t->message;
    rd_kafka_timestamp_type_t type;
    int64_t time = rd_kafka_message_timestamp(m, &type);
    strbuf_printf(b, "{\"id\":%lld,\"topic\":", (long long)id);
    strbuf_add_json(b, slice_cstr(rd_kafka_topic_name(m->rkt)));
    strbuf_printf(b, ",\"partition\":%d,\"offset\":%lld", m->partition, (long long)m->offset);
    add_bytes(b, "key", m->key, m->key_len);
    add_bytes(b, "value", m->payload, m->len);
    add_headers(b, m);
    strbuf_printf(b, ",\"timestamp\":%lld,\"timestampType\":\"%s\",\"attempt\":%d}\n", (long long)time,
                  type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime", t->attempt);
}

/* ---- workers ---- */
static bool runs(const struct worker *w)
{
    return w->child.pid_fd >= 0;
}

static void start(struct json *j, struct worker *w)
{
    struct listen_env e;
    listen_env_init(&e);
    int rc = os_child_start(&w->child, j->l->argv, e.v, true);
    listen_env_fini(&e);
    w->answered = w->told_to_end = false;
    w->out_at = 0;
    strbuf_reset(&w->out);
    strbuf_reset(&w->in);
    if (rc == 0) return;
    rk_say("ERROR", "cannot run %.200s: %s; trying again", j->l->argv[0], os_why());
    w->child.pid_fd = w->child.in_fd = w->child.out_fd = -1;
    w->start_ms = os_now_mono_ms() + START_PAUSE_MS;
}

static void write_out(struct worker *w)
{
    while (w->child.in_fd >= 0 && w->out_at < w->out.n) {
        ssize_t n = os_child_write(&w->child, w->out.s + w->out_at, w->out.n - w->out_at);
        if (n == ERR_BUSY) return;
        if (n <= 0) { /* it reads no more; its end will tell */
            os_child_close_input(&w->child);
            return;
        }
        w->out_at += (size_t)n;
    }
    w->out_at = 0;
    strbuf_reset(&w->out);
}

static void give(struct json *j, struct worker *w, struct task *t)
{
    struct open_task *o = &w->open[w->open_n++];
    *o = (struct open_task){t, ++j->next_id, j->l->timeout_ms < 0 ? -1 : os_now_mono_ms() + j->l->timeout_ms};
    add_line(&w->out, t, o->id); /* written before the next wait, with what else there is */
}

/* The one with the fewest open, so that none is idle while others queue. */
static struct worker *roomy(struct json *j)
{
    struct worker *best = NULL;
    for (int i = 0; i < j->l->workers_n; i++) {
        struct worker *w = &j->workers[i];
        if (runs(w) && !w->told_to_end && w->child.in_fd >= 0 && w->open_n < j->l->in_flight &&
            (!best || w->open_n < best->open_n))
            best = w;
    }
    return best;
}

static void hand_out(struct json *j)
{
    struct worker *w;
    int at = 0;
    while (j->l->stopping && j->waiting_n) task_done(j->waiting[--j->waiting_n], LISTEN_AGAIN, NULL);
    while (at < j->waiting_n && (w = roomy(j)) != NULL) give(j, w, j->waiting[at++]);
    j->waiting_n -= at;
    memmove(j->waiting, j->waiting + at, (size_t)j->waiting_n * sizeof(struct task *));
}

static void begin(void *state, struct task *t)
{
    struct json *j = state;
    j->waiting[j->waiting_n++] = t;
    hand_out(j);
}

static void tell_to_end(struct worker *w)
{
    if (!runs(w)) return;
    os_child_signal(&w->child, w->told_to_end ? SIGKILL : SIGTERM);
    w->told_to_end = true;
    w->start_ms = os_now_mono_ms() + LISTEN_KILL_AFTER_MS;
}

/* What a worker that ends had open: tried again. Which of them was too much for it nobody knows. */
static void fail_open(struct worker *w, const char *why)
{
    while (w->open_n) listen_failed(w->open[--w->open_n].task, LISTEN_RETRY, why);
}

static void take_back(struct worker *w, int i)
{
    memmove(w->open + i, w->open + i + 1, (size_t)(w->open_n - i - 1) * sizeof *w->open);
    w->open_n--;
}

/* False: it is no answer to anything that is open. */
static bool answer(struct worker *w, char *line)
{
    char *word = strtok_r(line, " \t\r", &line), *rest = line ? line + strspn(line, " \t") : NULL;
    enum listen_result result;
    int i = w->open_n == 1 ? 0 : -1;
    if (!word) return false;
    if (strcmp(word, "ok") == 0) result = LISTEN_OK;
    else if (strcmp(word, "retry") == 0) result = LISTEN_RETRY;
    else if (strcmp(word, "dead") == 0) result = LISTEN_DEAD;
    else return false;
    char *end;
    long long id = rest ? strtoll(rest, &end, 10) : 0;
    if (rest && end != rest && (!*end || *end == ' ' || *end == '\t' || *end == '\r')) {
        for (i = w->open_n - 1; i >= 0 && w->open[i].id != id; i--) {
        }
        rest = end + strspn(end, " \t");
    }
    if (i < 0) return false;
    struct task *t = w->open[i].task;
    take_back(w, i);
    w->answered = true;
    if (rest) rest[strcspn(rest, "\r")] = 0;
    if (result == LISTEN_OK) task_done(t, LISTEN_OK, NULL);
    else listen_failed(t, result, rest && *rest ? rest : "the worker says no more");
    return true;
}

/* An answer that nobody waits for, or none at all. */
static void bad_answer(struct worker *w, const char *what, const char *line)
{
    rk_say("ERROR", "a worker %s: '%.80s'; it is ended", what, line);
    tell_to_end(w);
    fail_open(w, "its worker gave an answer that means nothing");
}

static void read_answers(struct worker *w)
{
    char bytes[READ_BYTES];
    ssize_t n = os_child_read(&w->child, bytes, sizeof bytes);
    if (n <= 0) return;
    strbuf_add(&w->in, bytes, (size_t)n);
    size_t at = 0;
    for (char *end; !w->told_to_end && (end = memchr(w->in.s + at, '\n', w->in.n - at)) != NULL;) {
        char *line = w->in.s + at;
        *end = 0;
        char shown[81];
        snprintf(shown, sizeof shown, "%s", line);
        at = (size_t)(end - w->in.s) + 1;
        if (!answer(w, line)) bad_answer(w, "answered what belongs to no open record", shown);
    }
    memmove(w->in.s, w->in.s + at, w->in.n - at);
    w->in.n -= at;
    w->in.s[w->in.n] = 0;
    if (w->in.n > LINE_MAX_BYTES && !w->told_to_end) bad_answer(w, "began an answer without an end", w->in.s);
    if (w->told_to_end) strbuf_reset(&w->in);
}

static void reap(struct worker *w)
{
    char why[120];
    bool told = w->told_to_end;
    while (!told && w->child.out_fd >= 0) { /* what it said before it went */
        size_t before = w->in.n;
        int open = w->open_n;
        read_answers(w);
        if (w->in.n == before && w->open_n == open) break;
    }
    int status = os_child_ended(&w->child);
    if (status > 128) snprintf(why, sizeof why, "its worker was ended by signal %d", status - 128);
    else snprintf(why, sizeof why, "its worker ended with exit code %d", status);
    if (!told && !w->open_n) rk_say("WARN", "a worker ended by itself: exit code or signal %d", status);
    fail_open(w, why);
    w->start_ms = w->answered ? 0 : os_now_mono_ms() + START_PAUSE_MS;
}

/* A record that takes too long ends its worker; the others that it had are not to blame. */
static void end_late(struct worker *w, int64_t now)
{
    if (runs(w) && w->told_to_end && now >= w->start_ms) tell_to_end(w);
    if (!runs(w) || w->told_to_end) return;
    for (int i = 0; i < w->open_n; i++) {
        if (w->open[i].ends_ms < 0 || now < w->open[i].ends_ms) continue;
        struct task *t = w->open[i].task;
        take_back(w, i);
        tell_to_end(w);
        listen_failed(t, LISTEN_RETRY, "the handler did not end in time");
        while (w->open_n) task_done(w->open[--w->open_n].task, LISTEN_AGAIN, NULL);
    }
}

/* ---- the listener's side ---- */
static int fds(void *state, struct pollfd *v)
{
    struct json *j = state;
    for (int i = 0; i < j->l->workers_n; i++) {
        struct worker *w = &j->workers[i];
        if (runs(w)) write_out(w);
        bool more = runs(w) && w->out_at < w->out.n;
        v[3 * i] = (struct pollfd){.fd = w->child.pid_fd, .events = POLLIN};
        v[3 * i + 1] = (struct pollfd){.fd = more ? w->child.in_fd : -1, .events = POLLOUT};
        v[3 * i + 2] =
            (struct pollfd){.fd = runs(w) && !w->told_to_end ? w->child.out_fd : -1, .events = POLLIN};
    }
    return 3 * j->l->workers_n;
}

static void ready(void *state, const struct pollfd *v)
{
    struct json *j = state;
    int64_t now = os_now_mono_ms();
    for (int i = 0; i < j->l->workers_n; i++) {
        struct worker *w = &j->workers[i];
        if (v[3 * i + 1].revents && runs(w)) write_out(w);
        if ((v[3 * i + 2].revents & POLLIN) && runs(w) && !w->told_to_end) read_answers(w);
        if (v[3 * i].revents && runs(w)) reap(w);
        end_late(w, now);
        if (!runs(w) && now >= w->start_ms) start(j, w);
    }
    hand_out(j);
}

static int64_t due_ms(const void *state)
{
    const struct json *j = state;
    int64_t due = INT64_MAX;
    for (int i = 0; i < j->l->workers_n; i++) {
        const struct worker *w = &j->workers[i];
        if (!runs(w) || w->told_to_end) due = min_i64(due, w->start_ms);
        for (int k = 0; k < w->open_n; k++)
            if (w->open[k].ends_ms >= 0) due = min_i64(due, w->open[k].ends_ms);
    }
    return due;
}

static void kill_all(void *state)
{
    struct json *j = state;
    for (int i = 0; i < j->l->workers_n; i++)
        if (runs(&j->workers[i])) os_child_signal(&j->workers[i].child, SIGKILL);
}

static void *open_json(struct listener *l)
{
    struct json *j = xcalloc(1, sizeof *j);
    j->l = l;
    j->workers = xcalloc((size_t)l->workers_n, sizeof *j->workers);
    j->waiting = xcalloc((size_t)(l->workers_n * l->in_flight), sizeof(struct task *));
    for (int i = 0; i < l->workers_n; i++) {
        j->workers[i].open = xcalloc((size_t)l->in_flight, sizeof *j->workers[i].open);
        start(j, &j->workers[i]);
    }
    return j;
}

/* An end of input is a worker's sign to go; one that does not is made to. */
static void close_json(void *state)
{
    struct json *j = state;
    int64_t until = os_now_mono_ms() + LISTEN_KILL_AFTER_MS;
    for (int i = 0; i < j->l->workers_n; i++)
        if (runs(&j->workers[i])) os_child_close_input(&j->workers[i].child);
    for (int i = 0; i < j->l->workers_n; i++) {
        struct worker *w = &j->workers[i];
        if (!runs(w)) continue;
        struct pollfd p = {.fd = w->child.pid_fd, .events = POLLIN};
        if (poll(&p, 1, (int)max_i64(until - os_now_mono_ms(), 0)) <= 0) os_child_signal(&w->child, SIGKILL);
        os_child_ended(&w->child);
    }
    for (int i = 0; i < j->l->workers_n; i++) {
        strbuf_fini(&j->workers[i].out);
        strbuf_fini(&j->workers[i].in);
        free(j->workers[i].open);
    }
    free(j->workers);
    free(j->waiting);
    free(j);
}

const struct handlers listen_json = {open_json, begin, fds, ready, due_ms, kill_all, close_json};
