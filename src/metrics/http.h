/* A page of text over HTTP: GET /metrics, made anew for every request by somebody else's thread. The
 * connection is suspended meanwhile, so the one thread here waits for nobody. */
#ifndef MOLDAU_METRICS_HTTP_H
#define MOLDAU_METRICS_HTTP_H

#include "base/err.h"
#include "base/strbuf.h"

/* One request. The maker fills text and calls metrics_page_ready, once, from any thread. */
struct metrics_page {
    struct strbuf text;
    void *connection; /* http.c's own */
};
typedef void metrics_page_cb(void *arg,
                             struct metrics_page *p); /* called on the HTTP thread; must not wait */
void metrics_page_ready(struct metrics_page *p);

struct metrics_http;
/* Listens; port 0 picks one, *port_out says which. An error leaves one sentence in why. */
int metrics_http_start(const char *host, uint16_t port, metrics_page_cb *make, void *arg, uint16_t *port_out,
                       struct metrics_http **out, struct strbuf *why) MUST_USE;
/* Takes no more connections. Requests under way are left to the end of the process: who should answer them
 * may run no more. */
void metrics_http_stop(struct metrics_http *h);

#endif
