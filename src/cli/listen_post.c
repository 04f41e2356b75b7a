/* An HTTP request for each record: its value is the body, the rest stands in headers, the status is the
 * acknowledgement.
 *
 *   2xx                                                    -> done
 *   4xx but 408, 425, 429                                  -> dead: no other attempt
 *   any other, no connection, no answer in time or in HTTP -> tried again, in its place in the order, and not
 *                                                             before the time that Retry-After says
 *
 *   begin --> curl_multi --(sockets: fds, ready; its timer: due_ms, ready)--> finish_all --> task_done
 *
 * libcurl keeps connections and does all of HTTP. It tells the sockets it waits for by on_socket, and the
 * time by on_timer; in these callbacks nothing else happens. */
#include "base/grow.h"
#include "cli/curl.h"
#include "cli/listen_int.h"
#include "cli/rk_tool.h"
#include "cli/tools.h"
#include "os/blocking.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BYTES 200           /* of the body, for the log */
#define ANSWER_BYTES_MAX (1 << 20) /* more of it is not read */
#define HEADERS_MAX 256            /* of a record */
#define PAUSE_S_MAX 86400          /* of Retry-After */
#define LOOK_MS 10                 /* when there are more sockets than places to wait for them */

struct request {
    CURL *easy;
    struct task *task; /* NULL: free */
    struct curl_slist *headers;
    char answer[ANSWER_BYTES];
    size_t answer_n, read_n; /* kept; seen */
    char error[CURL_ERROR_SIZE];
};
struct post {
    struct listener *l;
    struct curl curl;
    CURLM *multi;
    struct request *requests;
    struct pollfd *sockets; /* what libcurl waits for */
    int sockets_n, sockets_cap;
    int waited_n;   /* of them, in the last poll */
    int64_t due_ms; /* libcurl's timer; INT64_MAX: none */
};

/* ---- libcurl's callbacks ---- */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    struct post *p = arg;
    int i = 0;
    (void)easy, (void)of_socket;
    while (i < p->sockets_n && p->sockets[i].fd != fd) i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < p->sockets_n) p->sockets[i] = p->sockets[--p->sockets_n];
        return 0;
    }
    if (i == p->sockets_n) {
        p->sockets = grown(p->sockets, p->sockets_n, &p->sockets_cap, sizeof *p->sockets);
        p->sockets_n++;
    }
    p->sockets[i] = (struct pollfd){
        fd, (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0)), 0};
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct post *p = arg;
    (void)multi;
    p->due_ms = ms < 0 ? INT64_MAX : os_now_mono_ms() + ms;
    return 0;
}

/* An answer's body: its beginning may say why. One without end is not read to its end. */
static size_t on_answer(char *s, size_t size, size_t n, void *arg)
{
    struct request *q = arg;
    n *= size;
    size_t keep = min_size(n, sizeof q->answer - q->answer_n);
    memcpy(q->answer + q->answer_n, s, keep);
    q->answer_n += keep;
    q->read_n += n;
    return q->read_n > ANSWER_BYTES_MAX ? 0 : n;
}

/* ---- a record as a request ---- */
static const char *content_type(const rd_kafka_message_t *m)
{
    if (!m->payload) return "application/octet-stream";
    json_t *v = json_loadb(m->payload, m->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(v);
    return v                                    ? "application/json"
           : listen_is_utf8(m->payload, m->len) ? "text/plain; charset=utf-8"
                                                : "application/octet-stream";
}

/* What a header cannot hold comes as %XX, and so does the percent sign. */
static void add_escaped(struct strbuf *b, const uint8_t *p, size_t n, bool name)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t c = p[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        bool plain = name ? alnum || (c && strchr("!#$&'*+-.^_`|~", c))
                          : c != '%' && ((c > ' ' && c < 127) || (c == ' ' && i && i + 1 < n));
        if (plain) strbuf_add_char(b, (char)c);
        else strbuf_printf(b, "%%%02X", c);
    }
}

static void add_header(struct post *p, struct request *q, const char *name, const char *of_record,
                       const void *value, size_t n)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_add_cstr(&b, name);
    if (of_record) add_escaped(&b, (const uint8_t *)of_record, strlen(of_record), true);
    if (n) {
        strbuf_add_cstr(&b, ": ");
        add_escaped(&b, value, n, false);
    } else strbuf_add_char(&b, ';'); /* libcurl's way to say a header without a value */
    struct curl_slist *more = p->curl.slist_append(q->headers, b.s);
    if (more) q->headers = more;
    strbuf_fini(&b);
}

static void add_int(struct post *p, struct request *q, const char *name, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)v);
    add_header(p, q, name, NULL, text, (size_t)n);
}

static void add_record_headers(struct post *p, struct request *q, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *h;
    const char *name;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(m, &h)) return;
    for (size_t i = 0; i < HEADERS_MAX && rd_kafka_header_get_all(h, i, &name, &value, &n) == 0; i++)
        add_header(p, q, "X-Moldau-Header-", name, value, value ? n : 0);
}

static void add_headers(struct post *p, struct request *q, const struct task *t)
{
    const rd_kafka_message_t *m = t->message;
    const char *topic = rd_kafka_topic_name(m->rkt), *type = content_type(m);
    rd_kafka_timestamp_type_t time_type;
    q->headers = p->curl.slist_append(NULL, "Expect:"); /* do not ask before sending a large value */
    add_header(p, q, "Content-Type", NULL, type, strlen(type));
    add_header(p, q, "X-Moldau-Topic", NULL, topic, strlen(topic));
    add_int(p, q, "X-Moldau-Partition", m->partition);
    add_int(p, q, "X-Moldau-Offset", m->offset);
    if (m->key) add_header(p, q, "X-Moldau-Key", NULL, m->key, m->key_len);
    if (!m->payload) add_header(p, q, "X-Moldau-Tombstone", NULL, "1", 1);
    add_int(p, q, "X-Moldau-Timestamp", rd_kafka_message_timestamp(m, &time_type));
    add_int(p, q, "X-Moldau-Attempt", t->attempt);
    add_record_headers(p, q, m);
}

static void begin(void *state, struct task *t)
{
    struct post *p = state;
    struct request *q = p->requests;
    while (q < p->requests + p->l->workers_n && q->task) q++;
    ASSERT(q < p->requests + p->l->workers_n); /* the core begins no more than there are places */
    q->task = t;
    q->answer_n = q->read_n = 0;
    q->error[0] = 0;
    add_headers(p, q, t);
    p->curl.easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers);
    p->curl.easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->message->len);
    p->curl.easy_setopt(q->easy, CURLOPT_POSTFIELDS, t->message->payload ? t->message->payload : "");
    p->curl.multi_add_handle(p->multi, q->easy);
}

/* ---- its end ---- */
/* The first line of the answer's body, if it has one that can be shown. */
static void add_answer(const struct request *q, struct strbuf *why)
{
    size_t n = 0;
    while (n < q->answer_n && (uint8_t)q->answer[n] >= ' ' && q->answer[n] != 127) n++;
    while (n && !listen_is_utf8(q->answer, n)) n--;
    if (n) strbuf_printf(why, ": %.*s", (int)n, q->answer);
}

static void finish(struct post *p, struct request *q, CURLcode code)
{
    struct task *t = q->task;
    struct strbuf why;
    long status = 0, system = 0;
    curl_off_t pause = 0;
    strbuf_init(&why);
    p->curl.easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
    p->curl.easy_getinfo(q->easy, CURLINFO_OS_ERRNO, &system);
    p->curl.easy_getinfo(q->easy, CURLINFO_RETRY_AFTER, &pause);
    p->curl.multi_remove_handle(p->multi, q->easy);
    p->curl.slist_free_all(q->headers);
    q->headers = NULL;
    q->task = NULL;
    bool answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && q->read_n > ANSWER_BYTES_MAX);
    bool later = status == 408 || status == 425 || status == 429;
    t->status = (int)status;
    if (answered && status >= 200 && status < 300) task_done(t, LISTEN_OK, NULL);
    else if (answered) {
        strbuf_printf(&why, "the handler answered %ld", status);
        add_answer(q, &why);
        if (pause > 0) t->pause_ms = 1000 * min_i64(pause, PAUSE_S_MAX);
        listen_failed(t, status >= 400 && status < 500 && !later ? LISTEN_DEAD : LISTEN_RETRY, why.s);
    } else {
        if (code == CURLE_OPERATION_TIMEDOUT) strbuf_add_cstr(&why, "the handler did not end in time");
        else
            strbuf_printf(&why, "no answer from the handler: %s",
                          q->error[0] ? q->error : p->curl.easy_strerror(code));
        if (code == CURLE_COULDNT_CONNECT && system) strbuf_printf(&why, ": %s", strerror((int)system));
        listen_failed(t, LISTEN_RETRY, why.s);
    }
    strbuf_fini(&why);
}

static void finish_all(struct post *p)
{
    CURLMsg *m;
    int left;
    while ((m = p->curl.multi_info_read(p->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) continue;
        CURLcode code = m->data.result;
        for (int i = 0; i < p->l->workers_n; i++)
            if (p->requests[i].easy == m->easy_handle) {
                finish(p, &p->requests[i], code); /* m is gone */
                break;
            }
    }
}

/* ---- the listener's side ---- */
static int fds(void *state, struct pollfd *v)
{
    struct post *p = state;
    p->waited_n = (int)min_i64(p->sockets_n, LISTEN_FDS_OF_WORKER * p->l->workers_n);
    memcpy(v, p->sockets, (size_t)p->waited_n * sizeof *v);
    return p->waited_n;
}

static void ready(void *state, const struct pollfd *v)
{
    struct post *p = state;
    int running;
    for (int i = 0; i < p->waited_n; i++) {
        short r = v[i].revents;
        int events = (r & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) | (r & POLLOUT ? CURL_CSELECT_OUT : 0) |
                     (r & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);
        if (events) p->curl.multi_socket_action(p->multi, v[i].fd, events, &running);
    }
    if (p->due_ms <= os_now_mono_ms() || p->sockets_n > p->waited_n) {
        p->due_ms = INT64_MAX; /* libcurl sets it again */
        p->curl.multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    finish_all(p);
}

static int64_t due_ms(const void *state)
{
    const struct post *p = state;
    bool crowded = p->sockets_n > LISTEN_FDS_OF_WORKER * p->l->workers_n;
    return crowded ? min_i64(p->due_ms, os_now_mono_ms() + LOOK_MS) : p->due_ms;
}

static void kill_all(void *state)
{
    (void)state; /* the end of the process ends its connections */
}

static void open_request(struct post *p, struct request *q)
{
    const struct curl *c = &p->curl;
    const struct listener *l = p->l;
    q->easy = c->easy_init();
    if (!q->easy) tool_usage_error("libcurl does not start");
    if (c->easy_setopt(q->easy, CURLOPT_PROTOCOLS_STR, "http,https") ||
        c->easy_setopt(q->easy, CURLOPT_URL, l->url))
        tool_usage_error("--post: libcurl does not take %s", l->url);
    c->easy_setopt(q->easy, CURLOPT_POST, 1L);
    c->easy_setopt(q->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    c->easy_setopt(q->easy, CURLOPT_USERAGENT, "moldau-listen/" MOLDAU_VERSION);
    c->easy_setopt(q->easy, CURLOPT_FOLLOWLOCATION, 0L);
    c->easy_setopt(q->easy, CURLOPT_NOSIGNAL, 1L);
    c->easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->error);
    c->easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, on_answer);
    c->easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
    if (l->timeout_ms >= 0) c->easy_setopt(q->easy, CURLOPT_TIMEOUT_MS, (long)max_i64(l->timeout_ms, 1));
}

static void *open_post(struct listener *l)
{
    struct post *p = xcalloc(1, sizeof *p);
    struct strbuf why;
    strbuf_init(&why);
    if (curl_load(&p->curl, &why)) tool_usage_error("--post: %s", why.s);
    p->l = l;
    p->due_ms = INT64_MAX;
    p->sockets = grown(NULL, 0, &p->sockets_cap, sizeof *p->sockets);
    p->requests = xcalloc((size_t)l->workers_n, sizeof *p->requests);
    p->curl.global_init(CURL_GLOBAL_DEFAULT);
    p->multi = p->curl.multi_init();
    if (!p->multi) tool_usage_error("--post: libcurl does not start");
    p->curl.multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    p->curl.multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
    p->curl.multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    p->curl.multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
    p->curl.multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)l->workers_n);
    for (int i = 0; i < l->workers_n; i++) open_request(p, &p->requests[i]);
    strbuf_fini(&why);
    return p;
}

static void close_post(void *state)
{
    struct post *p = state;
    for (int i = 0; i < p->l->workers_n; i++) p->curl.easy_cleanup(p->requests[i].easy);
    p->curl.multi_cleanup(p->multi);
    free(p->requests);
    free(p->sockets);
    free(p);
}

const struct handlers listen_post = {open_post, begin, fds, ready, due_ms, kill_all, close_post};
