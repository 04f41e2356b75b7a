/* Requests as clients send them, good and bad, over real sockets. */
#include "web/web.h"
#include "base/test.h"
#include "os/blocking.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 20000

static void echo(void *arg, struct web_request *q)
{
    const char *who = web_query(q, "who"), *agent = web_header(q, "x-agent");
    (void)arg;
    strbuf_printf(&q->text, "%s who=%s agent=%s body=%.*s\n", q->path, who ? who : "-", agent ? agent : "-",
                  (int)q->body.n, (const char *)q->body.p);
    q->content_type = "text/test";
    web_reply_header(q, "X-Answer", "yes");
    if (q->body.n) q->status = 201;
    web_reply(q);
}

/* Answers come from another thread, a moment later. */
static void later_run(void *arg)
{
    struct web_request *q = arg;
    os_sleep_ms(20);
    strbuf_add_cstr(&q->text, "later\n");
    web_reply(q);
}
static void later(void *arg, struct web_request *q)
{
    struct os_thread **thread = arg;
    if (*thread) os_thread_join(*thread);
    *thread = os_thread_start(later_run, q);
}

static int allow(void *arg, struct web_request *q)
{
    const char *word = web_header(q, "Authorization");
    (void)arg;
    if (strncmp(q->path, "/secret", 7) != 0 || (word && strcmp(word, "Open sesame") == 0)) return 0;
    web_reply_header(q, "WWW-Authenticate", "Open");
    strbuf_add_cstr(&q->text, "say the word\n");
    return 401;
}

static struct os_thread *later_thread;
static const struct web_route routes[] = {{"GET", "/echo", 0, echo, NULL},
                                          {"POST", "/echo", 10, echo, NULL},
                                          {"GET", "/secret", 0, echo, NULL},
                                          {"POST", "/secret", 1 << 30, echo, NULL},
                                          {"GET", "/later", 0, later, &later_thread}};

static uint16_t begin(struct web **w)
{
    uint16_t port;
    struct strbuf why;
    strbuf_init(&why);
    const struct web_config c = {.setting = "test",
                                 .host = "127.0.0.1",
                                 .routes = routes,
                                 .routes_n = NELEMS(routes),
                                 .allow = allow,
                                 .connections_max = 4,
                                 .head_bytes_max = 4096,
                                 .seconds_max = 1};
    int rc = web_start(&c, &port, w, &why);
    ASSERT(rc == 0 && why.n == 0);
    strbuf_fini(&why);
    return port;
}

static int hello(uint16_t port, const char *text)
{
    int fd = os_connect_wait("127.0.0.1", port, WAIT_MS);
    ASSERT(fd >= 0);
    (void)!os_send_wait(fd, text, strlen(text), WAIT_MS); /* it may be refused before it was read */
    return fd;
}

/* What comes until the other side closes; says whether it did in time. */
static bool goodbye(int fd, struct strbuf *b)
{
    char c;
    int rc;
    strbuf_reset(b);
    while ((rc = os_recv_wait(fd, &c, 1, WAIT_MS)) == 0) strbuf_add_char(b, c);
    os_close_wait(fd);
    return rc != ERR_REQUEST_TIMED_OUT;
}

static bool answers(uint16_t port, const char *text, const char *status, const char *holds)
{
    struct strbuf b;
    strbuf_init(&b);
    bool closed = goodbye(hello(port, text), &b);
    bool good = closed && strncmp(strbuf_cstr(&b), "HTTP/1.1 ", 9) == 0 &&
                strncmp(strbuf_cstr(&b) + 9, status, 3) == 0 && strstr(strbuf_cstr(&b), holds);
    if (!good) fprintf(stderr, "%s\ngave %s\n", text, strbuf_cstr(&b));
    strbuf_fini(&b);
    return good;
}

#define H " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

TEST(routes_get_what_was_sent)
{
    struct web *w;
    uint16_t port = begin(&w);
    CHECK(answers(port, "GET /echo" H "\r\n", "200", "/echo who=- agent=- body=\n"));
    CHECK(answers(port, "GET /echo?a=1&who=a%20b" H "X-Agent: me\r\n\r\n", "200", "who=a b agent=me"));
    CHECK(answers(port, "GET /echo?who" H "\r\n", "200", "who=-"));
    CHECK(answers(port, "GET /echo" H "\r\n", "200", "X-Answer: yes\r\n"));
    CHECK(answers(port, "GET /echo" H "\r\n", "200", "Content-Type: text/test\r\n"));
    CHECK(answers(port, "HEAD /echo" H "\r\n", "200", "Content-Length: 26\r\n"));
    CHECK(answers(port, "POST /echo" H "Content-Length: 10\r\n\r\n0123456789", "201", "body=0123456789\n"));
    CHECK(answers(port, "POST /echo" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                  "201", "body=abcde\n"));
    CHECK(answers(port, "GET /later" H "\r\n", "200", "later\n"));
    web_free(w);
    os_thread_join(later_thread);
    later_thread = NULL;
}

TEST(an_answer_from_another_thread_leaves_at_once)
{
    struct web *w;
    uint16_t port = begin(&w);
    int64_t best = WAIT_MS;
    for (int i = 0; i < 10; i++) {
        int64_t begun = os_now_mono_ms();
        CHECK(answers(port, "GET /later" H "\r\n", "200", "later\n"));
        best = min_i64(best, os_now_mono_ms() - begun);
    }
    CHECK(best < 70); /* it takes 20; who only looks now and then would take 100 */
    web_free(w);
    os_thread_join(later_thread);
    later_thread = NULL;
}

TEST(other_requests_are_refused)
{
    struct web *w;
    uint16_t port = begin(&w);
    CHECK(answers(port, "GET /" H "\r\n", "404", ""));
    CHECK(answers(port, "GET /echo/" H "\r\n", "404", ""));
    CHECK(answers(port, "DELETE /echo" H "\r\n", "405", "Allow: GET, POST\r\n"));
    CHECK(answers(port, "POST /later" H "Content-Length: 3\r\n\r\nabc", "405", "Allow: GET\r\n"));
    CHECK(answers(port, "GET /secret" H "\r\n", "401", "WWW-Authenticate: Open\r\n"));
    CHECK(answers(port, "GET /secret/nowhere" H "\r\n", "401", "say the word\n"));
    CHECK(answers(port, "GET /secret" H "Authorization: Open sesame\r\n\r\n", "200", "/secret"));
    /* refused on its head: the body never comes */
    CHECK(answers(port, "POST /secret" H "Content-Length: 1000000\r\n\r\n", "401", ""));
    web_free(w);
}

TEST(a_body_is_bounded_whatever_its_head_says)
{
    struct web *w;
    uint16_t port = begin(&w);
    CHECK(answers(port, "POST /echo" H "Content-Length: 11\r\n\r\n", "413", ""));
    CHECK(answers(port, "POST /echo" H "Content-Length: 18446744073709551615\r\n\r\n", "413", ""));
    CHECK(answers(port, "GET /echo" H "Content-Length: 1\r\n\r\nx", "413", ""));
    CHECK(answers(port,
                  "POST /echo" H "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n",
                  "413", ""));
    web_free(w);
}

TEST(a_malformed_request_ends_its_connection_only)
{
    static const char *const bad[] = {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n",
                                      "\r\n\r\n\r\n\r\nGET\r\n\r\n",
                                      "GET /echo\r\n\r\n",
                                      "POST /echo" H "Content-Length: -1\r\n\r\n",
                                      "POST /echo" H "Content-Length: 1x\r\n\r\n",
                                      "POST /echo" H "Content-Length: 99999999999999999999999\r\n\r\n",
                                      "POST /echo" H
                                      "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
                                      "POST /echo" H "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
                                      "GET /echo" H "no colon here\r\n\r\n",
                                      "GET /%00%ff%zz%2e%2e/echo?%=%&&&==" H "\r\n"};
    struct web *w;
    struct strbuf b;
    strbuf_init(&b);
    uint16_t port = begin(&w);
    for (size_t i = 0; i < NELEMS(bad); i++) {
        CHECK(goodbye(hello(port, bad[i]), &b));
        CHECK(!strstr(strbuf_cstr(&b), " 200 ") && !strstr(strbuf_cstr(&b), " 201 "));
    }
    char *big = xcalloc(1, 100001);
    memset(big, 'x', 100000);
    memcpy(big, "GET /echo?", 10);
    int fd = os_connect_wait("127.0.0.1", port, WAIT_MS);
    (void)!os_send_wait(fd, big, 100000, WAIT_MS); /* it may be cut off before the end */
    CHECK(goodbye(fd, &b));
    CHECK(!strstr(strbuf_cstr(&b), " 200 "));
    CHECK(answers(port, "GET /echo" H "\r\n", "200", "/echo"));
    free(big);
    strbuf_fini(&b);
    web_free(w);
}

TEST(who_sends_nothing_or_a_byte_now_and_then_is_cut_off)
{
    struct web *w;
    struct strbuf b;
    strbuf_init(&b);
    uint16_t port = begin(&w);
    CHECK(goodbye(hello(port, ""), &b)); /* silence */
    CHECK(goodbye(hello(port, "POST /echo" H "Content-Length: 10\r\n\r\n12345"), &b));
    CHECK(!strstr(strbuf_cstr(&b), " 201 "));
    int fd = hello(port, "GET /echo" H), rc = 0;
    int64_t end = os_now_mono_ms() + WAIT_MS;
    for (; rc == 0 && os_now_mono_ms() < end; os_sleep_ms(50)) rc = os_send_wait(fd, "X: y\r\n", 6, WAIT_MS);
    CHECK(rc != 0);
    os_close_wait(fd);
    strbuf_fini(&b);
    web_free(w);
}

/* An answer that takes its time is no reason to cut somebody off. */
static void slow_run(void *arg)
{
    os_sleep_ms(3000);
    later_run(arg);
}
static void slow(void *arg, struct web_request *q)
{
    *(struct os_thread **)arg = os_thread_start(slow_run, q);
}

TEST(a_request_being_answered_has_no_deadline)
{
    struct web *w;
    struct os_thread *t = NULL;
    struct strbuf why;
    uint16_t port;
    strbuf_init(&why);
    const struct web_route r = {"GET", "/slow", 0, slow, &t};
    const struct web_config c = {
        .setting = "test", .host = "127.0.0.1", .routes = &r, .routes_n = 1, .seconds_max = 1};
    CHECK_INT(web_start(&c, &port, &w, &why), 0);
    CHECK(answers(port, "GET /slow" H "\r\n", "200", "later\n"));
    os_thread_join(t);
    web_free(w);
    strbuf_fini(&why);
}

/* Answers once its client has gone, and tells that it saw that. */
struct patient {
    struct os_thread *thread;
    struct web_request *q;
    atomic_bool begun;
    bool gone;
};
static void patient_run(void *arg)
{
    struct patient *p = arg;
    int64_t end = os_now_mono_ms() + WAIT_MS;
    while (!web_gone(p->q) && os_now_mono_ms() < end) os_sleep_ms(5);
    p->gone = web_gone(p->q);
    strbuf_add_cstr(&p->q->text, "too late\n");
    web_reply(p->q);
}
static void patient(void *arg, struct web_request *q)
{
    struct patient *p = arg;
    p->q = q;
    p->thread = os_thread_start(patient_run, p);
    atomic_store(&p->begun, true);
}

/* Keeps the request. */
static void keep(void *arg, struct web_request *q)
{
    atomic_store((_Atomic(struct web_request *) *)arg, q);
}

TEST(an_answer_given_at_the_end_still_leaves)
{
    for (int i = 0; i < 20; i++) {
        struct web *w;
        struct strbuf text;
        uint16_t port;
        _Atomic(struct web_request *) q = NULL;
        strbuf_init(&text);
        const struct web_route r = {"GET", "/keep", 0, keep, &q};
        const struct web_config c = {.setting = "test", .host = "127.0.0.1", .routes = &r, .routes_n = 1};
        CHECK_INT(web_start(&c, &port, &w, &text), 0);
        int fd = hello(port, "GET /keep" H "\r\n");
        while (!atomic_load(&q)) os_sleep_ms(1);
        strbuf_add_cstr(&atomic_load(&q)->text, "just in time");
        web_stop(w);
        web_reply(atomic_load(&q));
        web_free(w);
        CHECK(goodbye(fd, &text));
        CHECK(strstr(strbuf_cstr(&text), "just in time"));
        strbuf_fini(&text);
    }
}

static struct web_page fixed = {"text/html; charset=utf-8", {(const uint8_t *)"<p>hello</p>", 12}};
static char elsewhere[] = "/fixed.html";

TEST(a_client_that_goes_is_missed)
{
    struct web *w;
    struct patient p = {0};
    struct strbuf why;
    uint16_t port;
    strbuf_init(&why);
    const struct web_route r[] = {{"GET", "/patient", 0, patient, &p},
                                  {"GET", "/fixed", 0, web_page, &fixed}};
    const struct web_config c = {.setting = "test", .host = "127.0.0.1", .routes = r, .routes_n = 2};
    CHECK_INT(web_start(&c, &port, &w, &why), 0);
    int64_t end = os_now_mono_ms() + WAIT_MS;
    int fd = hello(port, "GET /patient HTTP/1.1\r\nHost: x\r\n\r\nGET /fixed" H "\r\n");
    CHECK(answers(port, "GET /fixed" H "\r\n", "200", "hello"));
    while (!atomic_load(&p.begun) && os_now_mono_ms() < end) os_sleep_ms(5);
    os_close_wait(fd);
    os_thread_join(p.thread);
    CHECK(p.gone);
    web_free(w);
    strbuf_fini(&why);
}

TEST(fixed_pages_and_redirects_carry_the_headers_of_all)
{
    static const char *const headers[] = {"X-Of-All", "1", "Content-Security-Policy", "default-src 'none'"};
    struct web *w;
    struct strbuf why;
    uint16_t port;
    strbuf_init(&why);
    const struct web_route r[] = {{"GET", "/fixed.html", 0, web_page, &fixed},
                                  {"GET", "/fixed", 0, web_redirect, elsewhere}};
    const struct web_config c = {.setting = "test",
                                 .host = "127.0.0.1",
                                 .routes = r,
                                 .routes_n = NELEMS(r),
                                 .headers = headers,
                                 .headers_n = NELEMS(headers)};
    CHECK_INT(web_start(&c, &port, &w, &why), 0);
    CHECK(answers(port, "GET /fixed.html" H "\r\n", "200", "\r\n\r\n<p>hello</p>"));
    CHECK(answers(port, "GET /fixed.html" H "\r\n", "200", "Content-Type: text/html; charset=utf-8\r\n"));
    CHECK(answers(port, "GET /fixed.html" H "\r\n", "200", "default-src 'none'\r\n"));
    CHECK(answers(port, "HEAD /fixed.html" H "\r\n", "200", "Content-Length: 12\r\n"));
    CHECK(answers(port, "GET /fixed" H "\r\n", "302", "Location: /fixed.html\r\n"));
    CHECK(answers(port, "GET /fixed" H "\r\n", "302", "X-Of-All: 1\r\n"));
    CHECK(answers(port, "GET /nowhere" H "\r\n", "404", "X-Of-All: 1\r\n"));
    web_free(w);
    strbuf_fini(&why);
}

TEST(who_comes_when_all_places_are_taken_is_served_when_one_is_free)
{
    struct web *w;
    struct strbuf b;
    int fds[10];
    strbuf_init(&b);
    uint16_t port = begin(&w);
    for (size_t i = 0; i < NELEMS(fds); i++) fds[i] = hello(port, "GET /ec");
    /* the four places are free again when these were cut off; until then a new connection waits or is refused
     */
    int64_t end = os_now_mono_ms() + WAIT_MS;
    bool served = false;
    while (!served && os_now_mono_ms() < end) {
        (void)goodbye(hello(port, "GET /echo" H "\r\n"), &b);
        served = strstr(strbuf_cstr(&b), " 200 ");
    }
    CHECK(served);
    for (size_t i = 0; i < NELEMS(fds); i++) CHECK(goodbye(fds[i], &b));
    strbuf_fini(&b);
    web_free(w);
}

TEST(after_a_stop_nobody_is_let_in)
{
    struct web *w;
    uint16_t port = begin(&w);
    CHECK(answers(port, "GET /echo" H "\r\n", "200", "/echo"));
    web_stop(w);
    web_stop(w);
    web_free(w);
    CHECK(os_connect_wait("127.0.0.1", port, WAIT_MS) < 0);
    struct strbuf why;
    strbuf_init(&why);
    const struct web_config c = {.setting = "test", .host = "no-such-host.invalid", .port = 1};
    CHECK(web_start(&c, &port, &w, &why) != 0);
    CHECK(strcmp(strbuf_cstr(&why), "test: cannot find the address of no-such-host.invalid") == 0);
    strbuf_fini(&why);
}

TEST_MAIN
