/* HTTP on libmicrohttpd.
 *
 *   first call (the head is read): screen -> refused: answered at once, what follows is not read
 *     `-> body, piece by piece -> whole: suspended, route's answer -> web_reply (any thread): resumed
 *     -> called again: the answer is sent -> finished: freed
 *
 * Invariants:
 * 1. Everything but struct web_request, while it is at a route's, belongs to the HTTP thread.
 * 2. A connection whose request is not at a route's has a deadline. The library's own timeout only sees
 * silence; who sends a byte now and then is cut off by look_after.
 * 3. While a request is at a route's the library does not look at its connection: look_after sees that the
 * client has gone. */
#include "web/web.h"
#include "base/list.h"
#include "os/blocking.h"
#include "web/mhd.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 1000     /* how late a deadline may be noticed */
#define AWAY_LOOK_MS 100 /* and that a client who waits for an answer has gone */
#define LEAVE_MS 2000    /* so long answers may take to leave at the end */

struct web {
    struct web_config c;
    struct web_route *routes; /* the copy that c leads to */
    struct mhd mhd;
    struct MHD_Daemon *daemon;
    struct os_thread *thread;
    int wake;        /* an event: an answer is there */
    int quiesced_fd; /* the listening socket after web_stop, -1 before */
    struct list conns;
    int away_n, requests_n;
    atomic_bool ending;
};
struct request;
struct conn {
    struct list in_web;
    int fd;
    struct request *away; /* its request that is at a route's */
    int64_t deadline_ms;
};
struct request {
    struct web_request pub;
    struct web *web;
    struct conn *conn;
    struct MHD_Connection *mhd;
    const struct web_route *route;
    struct strbuf body;
    bool too_long, replied;
    atomic_bool gone;
    char **headers; /* name, value, name, value, … */
    size_t headers_n;
};

static struct request *request_of(const struct web_request *q)
{
    return CONTAINER_OF(q, struct request, pub);
}

/* ---- connections ---- */

static void conn_wait(struct web *w, struct conn *c)
{
    w->away_n -= c->away != NULL;
    c->away = NULL;
    c->deadline_ms = os_now_mono_ms() + (int64_t)w->c.seconds_max * 1000;
}

static void conn_changed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_ConnectionNotificationCode what)
{
    struct web *w = cls;
    struct conn *c = *context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (!c) return;
        w->away_n -= c->away != NULL;
        list_remove(&c->in_web);
        free(c);
        *context = NULL;
        return;
    }
    c = xcalloc(1, sizeof *c);
    c->fd = w->mhd.get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    list_push_back(&w->conns, &c->in_web);
    conn_wait(w, c);
    *context = c;
}

static void look_after(struct web *w)
{
    int64_t now = os_now_mono_ms();
    for (struct list *l = w->conns.next; l != &w->conns; l = l->next) {
        struct conn *c = CONTAINER_OF(l, struct conn, in_web);
        if (c->away) {
            if (os_peer_closed(c->fd)) atomic_store(&c->away->gone, true);
        } else if (now >= c->deadline_ms) os_hang_up(c->fd);
    }
}

/* The library's own wait does not see that an answer is there. */
static void web_wait(struct web *w)
{
    unsigned long long ms;
    int64_t wait = w->away_n ? AWAY_LOOK_MS : LOOK_MS;
    if (w->mhd.get_timeout(w->daemon, &ms) == MHD_YES && ms < (unsigned long long)wait) wait = (int64_t)ms;
    int sockets = w->mhd.get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    os_event_wait_two(w->wake, sockets, wait);
    os_event_clear(w->wake);
}

static void serve(void *arg)
{
    struct web *w = arg;
    int64_t end = -1;
    while (end < 0 || (w->requests_n && os_now_mono_ms() < end)) {
        web_wait(w);
        if (w->mhd.run(w->daemon) != MHD_YES) os_sleep_ms(LOOK_MS);
        look_after(w);
        if (end < 0 && atomic_load(&w->ending)) end = os_now_mono_ms() + LEAVE_MS;
    }
}

/* ---- answers ---- */

static enum MHD_Result request_send(struct request *q)
{
    const struct mhd *m = &q->web->mhd;
    const char *type = q->pub.content_type ? q->pub.content_type : "text/plain; charset=utf-8";
    struct MHD_Response *r =
        m->create_response_from_buffer(q->pub.text.n, q->pub.text.s, MHD_RESPMEM_PERSISTENT);
    if (!r) return MHD_NO;
    enum MHD_Result rc = m->add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    for (size_t i = 0; i < q->headers_n && rc == MHD_YES; i += 2)
        rc = m->add_response_header(r, q->headers[i], q->headers[i + 1]);
    const struct web_config *c = &q->web->c;
    for (size_t i = 0; i < c->headers_n && rc == MHD_YES; i += 2)
        rc = m->add_response_header(r, c->headers[i], c->headers[i + 1]);
    if (rc == MHD_YES) rc = m->queue_response(q->mhd, (unsigned)q->pub.status, r);
    m->destroy_response(r);
    return rc;
}

static enum MHD_Result request_refuse(struct request *q, int status, const char *text)
{
    q->pub.status = status;
    if (!q->pub.text.n) strbuf_add_cstr(&q->pub.text, text);
    return request_send(q);
}

static void request_free(struct request *q)
{
    for (size_t i = 0; i < q->headers_n; i++) free(q->headers[i]);
    free(q->headers);
    strbuf_fini(&q->pub.text);
    strbuf_fini(&q->body);
    free(q);
}

/* ---- requests ---- */

static struct request *request_new(struct web *w, struct MHD_Connection *mhd, const char *path)
{
    struct request *q = xcalloc(1, sizeof *q);
    q->pub.path = path;
    q->pub.status = MHD_HTTP_OK;
    q->web = w;
    q->mhd = mhd;
    q->conn = w->mhd.get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    strbuf_init(&q->pub.text);
    strbuf_init(&q->body);
    return q;
}

static const struct web_route *route_find(const struct web *w, const char *path, const char *method)
{
    for (size_t i = 0; i < w->c.routes_n; i++) {
        const struct web_route *r = &w->c.routes[i];
        if (strcmp(r->path, path) == 0 && (!method || strcmp(r->method, method) == 0)) return r;
    }
    return NULL;
}

static void allowed_methods(struct request *q)
{
    struct strbuf b;
    strbuf_init(&b);
    for (size_t i = 0; i < q->web->c.routes_n; i++)
        if (strcmp(q->web->c.routes[i].path, q->pub.path) == 0)
            strbuf_printf(&b, "%s%s", b.n ? ", " : "", q->web->c.routes[i].method);
    web_reply_header(&q->pub, MHD_HTTP_HEADER_ALLOW, strbuf_cstr(&b));
    strbuf_fini(&b);
}

/* Finds the route, or refuses on what the head says. */
static enum MHD_Result request_screen(struct request *q, const char *method)
{
    const struct web_config *c = &q->web->c;
    int status = c->allow ? c->allow(c->allow_arg, &q->pub) : 0;
    if (status) return request_refuse(q, status, "not allowed\n");
    if (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) method = MHD_HTTP_METHOD_GET;
    q->route = route_find(q->web, q->pub.path, method);
    if (!q->route && route_find(q->web, q->pub.path, NULL)) {
        allowed_methods(q);
        return request_refuse(q, MHD_HTTP_METHOD_NOT_ALLOWED, "not by this method\n");
    }
    if (!q->route) return request_refuse(q, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
    const char *length = web_header(&q->pub, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length && strtoull(length, NULL, 10) > q->route->body_bytes_max)
        return request_refuse(q, MHD_HTTP_CONTENT_TOO_LARGE, "too long\n");
    return MHD_YES;
}

static void request_body(struct request *q, const char *p, size_t n)
{
    if (n > q->route->body_bytes_max - q->body.n) q->too_long = true;
    else if (!q->too_long) strbuf_add(&q->body, p, n);
}

static enum MHD_Result asked(void *cls, struct MHD_Connection *mhd, const char *path, const char *method,
                             const char *version, const char *data, size_t *data_n, void **context)
{
    struct web *w = cls;
    struct request *q = *context;
    (void)version;
    if (!q) {
        *context = q = request_new(w, mhd, path);
        w->requests_n++;
        return request_screen(q, method);
    }
    if (q->replied) {
        conn_wait(w, q->conn);
        return request_send(q);
    }
    if (*data_n) {
        request_body(q, data, *data_n);
        *data_n = 0;
        return MHD_YES;
    }
    if (q->too_long) return request_refuse(q, MHD_HTTP_CONTENT_TOO_LARGE, "too long\n");
    q->pub.body = strbuf_slice(&q->body);
    q->conn->away = q;
    w->away_n++;
    w->mhd.suspend_connection(mhd);
    q->route->answer(q->route->arg, &q->pub);
    return MHD_YES;
}

static void finished(void *cls, struct MHD_Connection *mhd, void **context,
                     enum MHD_RequestTerminationCode how)
{
    struct request *q = *context;
    (void)mhd;
    (void)how;
    if (!q) return;
    struct web *w = cls;
    w->requests_n--;
    conn_wait(w, q->conn);
    request_free(q);
    *context = NULL;
}

/* ---- what others call ---- */

const char *web_header(const struct web_request *q, const char *name)
{
    struct request *r = request_of(q);
    return r->web->mhd.lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

const char *web_query(const struct web_request *q, const char *name)
{
    struct request *r = request_of(q);
    return r->web->mhd.lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, name);
}

void web_reply_header(struct web_request *q, const char *name, const char *value)
{
    struct request *r = request_of(q);
    r->headers = xrealloc(r->headers, (r->headers_n + 2) * sizeof(char *));
    r->headers[r->headers_n++] = xstrdup(name);
    r->headers[r->headers_n++] = xstrdup(value);
}

void web_reply(struct web_request *q)
{
    struct request *r = request_of(q);
    const struct mhd *m = &r->web->mhd;
    ASSERT(!r->replied);
    r->replied = true;
    struct web *w = r->web; /* r is the HTTP thread's from here on */
    m->resume_connection(r->mhd);
    os_event_set(w->wake);
}

bool web_gone(const struct web_request *q)
{
    return atomic_load(&request_of(q)->gone);
}

void web_page(void *arg, struct web_request *q)
{
    const struct web_page *p = arg;
    q->content_type = p->content_type;
    strbuf_add_slice(&q->text, p->bytes);
    web_reply(q);
}

void web_redirect(void *arg, struct web_request *q)
{
    q->status = MHD_HTTP_FOUND;
    web_reply_header(q, MHD_HTTP_HEADER_LOCATION, arg);
    web_reply(q);
}

int web_start(const struct web_config *config, uint16_t *port_out, struct web **out, struct strbuf *why)
{
    struct web *w = xcalloc(1, sizeof *w);
    w->c = *config;
    if (!w->c.connections_max) w->c.connections_max = 32;
    if (!w->c.head_bytes_max) w->c.head_bytes_max = 16 << 10;
    if (!w->c.seconds_max) w->c.seconds_max = 30;
    w->routes = xcalloc(w->c.routes_n, sizeof *w->routes);
    for (size_t i = 0; i < w->c.routes_n; i++) w->routes[i] = w->c.routes[i];
    w->c.routes = w->routes;
    w->quiesced_fd = -1;
    list_init(&w->conns);
    strbuf_printf(why, "%s: ", w->c.setting);
    uint16_t port = 0;
    int fd = -1, rc = mhd_load(&w->mhd, why);
    if (rc == 0) {
        fd = os_listen_plain(w->c.host, w->c.port, &port);
        if (fd == ERR_NOENT) strbuf_printf(why, "cannot find the address of %s", w->c.host);
        else if (fd < 0)
            strbuf_printf(why, "cannot listen on %s:%u: %s", *w->c.host ? w->c.host : "*", w->c.port,
                          os_why());
        rc = fd < 0 ? fd : 0;
    }
    w->wake = rc == 0 ? os_event_new() : -1;
    if (rc == 0) {
        w->daemon = w->mhd.start_daemon(
            MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, asked, w, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_NOTIFY_COMPLETED, finished, w, MHD_OPTION_NOTIFY_CONNECTION, conn_changed, w,
            MHD_OPTION_CONNECTION_LIMIT, w->c.connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            w->c.head_bytes_max, MHD_OPTION_CONNECTION_TIMEOUT, w->c.seconds_max, MHD_OPTION_END);
        if (!w->daemon) {
            os_close_wait(fd);
            strbuf_add_cstr(why, "libmicrohttpd does not start and gives no reason");
            rc = ERR_IO;
        }
    }
    if (rc) {
        if (w->wake >= 0) os_event_free(w->wake);
        free(w->routes);
        free(w);
        return rc;
    }
    strbuf_reset(why);
    w->thread = os_thread_start(serve, w);
    w->c.host = NULL; /* the caller's */
    *port_out = port;
    *out = w;
    return 0;
}

void web_stop(struct web *w)
{
    if (w && w->quiesced_fd < 0) w->quiesced_fd = w->mhd.quiesce_daemon(w->daemon);
}

void web_free(struct web *w)
{
    if (!w) return;
    atomic_store(&w->ending, true);
    os_event_set(w->wake);
    os_thread_join(w->thread);
    os_event_free(w->wake);
    w->mhd.stop_daemon(w->daemon);
    if (w->quiesced_fd >= 0)
        os_close_wait(w->quiesced_fd); /* the library closes it only if it still has it */
    free(w->routes);
    free(w);
}
