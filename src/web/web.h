/* HTTP: a listener with routes, limits, and a say about who may ask. The only room that knows the HTTP
 * library, which is loaded when a listener is started: who has none does not pay for it.
 *
 *   a request is read (limits: bytes, seconds) -> allow -> route -> answer -> web_reply -> sent
 *
 * One thread of its own serves all connections and waits for nobody: an answer is made by whoever calls
 * web_reply, on any thread, and its connection rests meanwhile. */
#ifndef MOLDAU_WEB_H
#define MOLDAU_WEB_H

#include "base/err.h"
#include "base/strbuf.h"

/* One request. path, body, headers and query parameters may be read, on one thread at a time, until
 * web_reply. */
struct web_request {
    const char *path; /* without the query, decoded */
    struct slice body;
    /* The answer, to be filled in before web_reply. */
    int status;               /* 200 if left alone */
    const char *content_type; /* text/plain if left alone; must outlive the request */
    struct strbuf text;
};
/* Called on the HTTP thread, must not wait. It, or who it hands the request to, calls web_reply once. */
typedef void web_answer_cb(void *arg, struct web_request *q);
/* Looks at a request before its body is read, on the HTTP thread: 0 lets it pass, else the status to refuse
 * it with (401 or 403; text and headers may be set). */
typedef int web_allow_cb(void *arg, struct web_request *q);

/* An answer that never changes: web_page's arg. */
struct web_page {
    const char *content_type;
    struct slice bytes;
};
struct web_route {
    const char *method, *path; /* exact; a route for GET answers HEAD too */
    size_t body_bytes_max;     /* a longer body is refused with 413; 0: none is taken */
    web_answer_cb *answer;
    void *arg;
};
struct web_config {
    const char *setting; /* whose listener it is, for error sentences */
    const char *host;    /* "": every address */
    uint16_t port;       /* 0 picks one */
    const struct web_route *routes;
    size_t routes_n;
    web_allow_cb *allow; /* NULL: everybody may */
    void *allow_arg;
    /* 0: the default beside it */
    unsigned connections_max; /* 32; more wait until one of these ends */
    size_t head_bytes_max;    /* 16 KiB: request line, headers and cookies */
    unsigned seconds_max; /* 30: for a request to come, and for an answer to be taken; then it is cut off */
    const char *const *headers; /* of every answer: name, value, name, value, …; must outlive the listener */
    size_t headers_n;           /* texts in there */
};

struct web;
/* Listens and serves. config and its routes are copied; the routes' texts and what args point to must outlive
 * the listener. An error leaves one sentence in why. */
int web_start(const struct web_config *config, uint16_t *port_out, struct web **out,
              struct strbuf *why) MUST_USE;
/* Takes no more connections. Requests under way are left alone: who should answer them may run no more. */
void web_stop(struct web *w);
/* Ends everything; answers that are on their way get a moment. Every request has been replied to, and none is
 * being replied to. */
void web_free(struct web *w);

/* A header's value, a query parameter's value (decoded); NULL if it was not sent or has none. */
const char *web_header(const struct web_request *q, const char *name);
const char *web_query(const struct web_request *q, const char *name);
/* Adds a header to the answer; both are copied. */
void web_reply_header(struct web_request *q, const char *name, const char *value);
/* Sends the answer; the request is gone. Any thread. */
void web_reply(struct web_request *q);
/* Its client has closed the connection, so nobody waits for the answer, which must be made all the same. Any
 * thread; seen within a moment. */
bool web_gone(const struct web_request *q);

/* Answers of routes. arg: a struct web_page; where to look instead (a path, status 302). */
void web_page(void *arg, struct web_request *q);
void web_redirect(void *arg, struct web_request *q);

#endif
