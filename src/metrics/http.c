/* The metrics endpoint, on libmicrohttpd.
 *
 *   asked (HTTP thread): page made, connection suspended -> make -> metrics_page_ready (any thread): resumed
 *   -> asked again: the page is sent -> finished: freed */
#include "metrics/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS_MAX 32
#define IDLE_SECONDS 30

struct metrics_http {
    struct MHD_Daemon *daemon;
    metrics_page_cb *make;
    void *arg;
};

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status, const void *p, size_t n)
{
    void *bytes;
    memcpy(&bytes, &p, sizeof bytes); /* libmicrohttpd's buffers have no const; it copies them here */
    struct MHD_Response *r = MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_COPY);
    if (!r) return MHD_NO;
    enum MHD_Result rc =
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    if (rc == MHD_YES) rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result asked(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                             const char *version, const char *data, size_t *data_n, void **con)
{
    struct metrics_http *h = cls;
    struct metrics_page *p = *con;
    (void)version;
    (void)data;
    *data_n = 0; /* what a client sends along is not looked at */
    if (p) return send_text(c, MHD_HTTP_OK, strbuf_cstr(&p->text), p->text.n);
    static const char only_get[] = "only GET\n", elsewhere[] = "the metrics are at /metrics\n";
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return send_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, only_get, sizeof only_get - 1);
    if (strcmp(url, "/metrics") != 0)
        return send_text(c, MHD_HTTP_NOT_FOUND, elsewhere, sizeof elsewhere - 1);
    p = xcalloc(1, sizeof *p);
    strbuf_init(&p->text);
    p->connection = c;
    *con = p;
    MHD_suspend_connection(c);
    h->make(h->arg, p);
    return MHD_YES;
}

static void finished(void *cls, struct MHD_Connection *c, void **con, enum MHD_RequestTerminationCode how)
{
    struct metrics_page *p = *con;
    (void)cls;
    (void)c;
    (void)how;
    if (!p) return;
    strbuf_fini(&p->text);
    free(p);
    *con = NULL;
}

void metrics_page_ready(struct metrics_page *p)
{
    MHD_resume_connection(p->connection);
}

static int resolve(const char *host, uint16_t port, struct addrinfo **out, struct strbuf *why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int rc = getaddrinfo(*host ? host : NULL, service, &hints, out);
    if (rc == 0) return 0;
    strbuf_printf(why, "moldau.metrics.listener: cannot find the address of %s: %s", host, gai_strerror(rc));
    return ERR_IO;
}

int metrics_http_start(const char *host, uint16_t port, metrics_page_cb *make, void *arg, uint16_t *port_out,
                       struct metrics_http **out, struct strbuf *why)
{
    struct addrinfo *at;
    int rc = resolve(host, port, &at, why);
    if (rc) return rc;
    struct metrics_http *h = xcalloc(1, sizeof *h);
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    h->make = make;
    h->arg = arg;
    if (at->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
    errno = 0;
    h->daemon = MHD_start_daemon(flags, port, NULL, NULL, asked, h, MHD_OPTION_SOCK_ADDR, at->ai_addr,
                                 MHD_OPTION_NOTIFY_COMPLETED, finished, NULL, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    int e = errno;
    freeaddrinfo(at);
    if (!h->daemon) {
        strbuf_printf(why, "moldau.metrics.listener: cannot listen on %s:%u: %s", *host ? host : "*", port,
                      e ? strerror(e) : "libmicrohttpd gives no reason");
        free(h);
        return ERR_IO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *port_out = info ? info->port : port;
    *out = h;
    return 0;
}

void metrics_http_stop(struct metrics_http *h)
{
    if (h) (void)MHD_quiesce_daemon(h->daemon);
}
