/* Connections.
 *
 * Invariants
 * 1. conn->reqs holds requests in order of arrival; a reply is sent only when it is at the front.
 * 2. A request starts only if no other runs, or if it and all that run are produce requests.
 * 3. A connection with no unread bytes holds no input buffer: an idle one costs its struct only.
 * 4. A closed connection is freed when its last request has come home; what waits on purpose is told to come.
 * 5. held_bytes is the sum over all requests of what they hold of their frames.
 *
 *   OPEN --peer closes, bad frame, net_fini--> CLOSING --last request home--> freed */
#include "net/net.h"
#include "kp/kp_api.h"
#include "base/logline.h"

#include <stdio.h>
#include <stdlib.h>

#define READ_BYTES BUF_POOL_MIN
#define TRIM_MS 1000
#define COPY_BYTES ((size_t)16 << 10)
#define PIPELINE_MAX 64
#define PIPELINE_BYTES ((int64_t)64 << 20)
#define FREE_REQS_MAX 64
#define KEY_PRODUCE 0
#define ALONE_STARTS 2

static void conn_ready(struct os_sock *sock, unsigned events, void *owner);
static void run_more(struct os_msg *m, void *owner);
static void trim_bufs(struct timer *t, struct shard *s);

void net_init(struct net *n, struct shard *s, void (*dispatch)(struct req *), size_t frame_max,
              int64_t held_max)
{
    *n = (struct net){.shard = s, .dispatch = dispatch, .frame_max = frame_max, .held_max = held_max};
    list_init(&n->parked);
    list_init(&n->conns);
    list_init(&n->dirty);
    list_init(&n->free_reqs);
    list_init(&n->more);
    n->more_msg.run = run_more;
    n->trim.fire = trim_bufs;
}

/* ---- requests ---- */
static struct req *req_new(struct net *n)
{
    struct req *r;
    struct list *l = list_pop_front(&n->free_reqs);
    if (l) {
        r = LIST_ENTRY(l, struct req, in_conn);
        n->free_reqs_n--;
    } else r = xmalloc(sizeof *r);
    memset(r, 0, offsetof(struct req, scratch));
    arena_init_with(&r->arena, r->scratch, sizeof r->scratch);
    r->net = n;
    r->magic = REQ_MAGIC;
    return r;
}

void req_drop_frame(struct req *r)
{
    r->net->held_bytes -= (int64_t)r->held_bytes;
    r->held_bytes = 0;
    r->conn->reqs_bytes -= (int64_t)r->body.n;
    r->body = r->client_id = (struct slice){0};
    buf_put(r->frame);
    r->frame = NULL;
}

static void req_free(struct req *r)
{
    struct net *n = r->net;
    ASSERT(r->magic == REQ_MAGIC);
    n->held_bytes -= (int64_t)r->held_bytes;
    r->magic = 0;
    if (r->cleanup) r->cleanup(r);
    kp_writer_fini(&r->out);
    buf_put(r->frame);
    arena_fini(&r->arena);
#ifdef MOLDAU_VERIFY
    memset(r, 0xdb, sizeof *r); /* who still leads here shall notice */
#endif
    if (n->free_reqs_n < FREE_REQS_MAX) {
        list_push_front(&n->free_reqs, &r->in_conn);
        n->free_reqs_n++;
    } else free(r);
}

static void conn_free_if_done(struct conn *c)
{
    if (!c->closing || c->pins || !list_empty(&c->reqs)) return;
    if (c->in_dirty_list) list_remove(&c->in_dirty);
    list_remove(&c->in_more);
    list_remove(&c->in_parked);
    buf_put(c->in);
    free(c->software_name);
    free(c->software_version);
    free(c);
}

static void conn_close(struct conn *c)
{
    if (c->closing) return;
    c->closing = true;
    os_sock_close(c->net->shard->os, &c->sock);
    list_remove(&c->in_net);
    c->net->conns_n--;
    LIST_FOREACH(l, &c->reqs)
    {
        struct req *r = LIST_ENTRY(l, struct req, in_conn);
        if (!r->answered) continue;
        list_remove(l);
        c->reqs_n--;
        req_free(r);
    }
    c->pins++;
    LIST_FOREACH(l, &c->reqs)
    {
        struct req *r = LIST_ENTRY(l, struct req, in_conn);
        if (r->cancel) r->cancel(r);
    }
    c->pins--;
    conn_free_if_done(c);
}

static void mark_dirty(struct conn *c)
{
    if (c->in_dirty_list || c->closing) return;
    c->in_dirty_list = true;
    list_push_back(&c->net->dirty, &c->in_dirty);
}

static void touch(struct conn *c)
{
    c->active_ns = os_mono_ns(c->net->shard->os);
    list_remove(&c->in_net);
    list_push_back(&c->net->conns, &c->in_net);
}

void net_close_idle(struct net *n, int64_t max_idle_ms)
{
    int64_t before = os_mono_ns(n->shard->os) - max_idle_ms * 1000000;
    LIST_FOREACH(l, &n->conns)
    {
        struct conn *c = LIST_ENTRY(l, struct conn, in_net);
        if (c->active_ns > before) return;
        if (c->reqs_n == 0 || LIST_ENTRY(c->reqs.next, struct req, in_conn)->answered) conn_close(c);
    }
}

void req_begin(struct req *r)
{
    kp_writer_init(&r->out, 256);
    kp_write_i32(&r->out, 0); /* length, known at the end */
    kp_write_i32(&r->out, r->correlation);
    if (kp_response_header_version(kp_api_find(r->key), r->version) >= 1) kp_write_uvarint(&r->out, 0);
}

/* Its connection is closing: nobody reads the answer. */
static void req_drop(struct req *r)
{
    struct conn *c = r->conn;
    list_remove(&r->in_conn);
    c->reqs_n--;
    req_free(r);
    conn_free_if_done(c);
}

void req_reply(struct req *r)
{
    struct conn *c = r->conn;
    ASSERT(r->magic == REQ_MAGIC && !r->answered);
    r->answered = true;
    if (c->closing) {
        req_drop(r);
        return;
    }
    size_t n = r->no_reply ? 4 : kp_writer_total(&r->out);
    if (n - 4 > INT32_MAX) {
        logline(LOG_WARN, c->peer,
                "closing the connection: an answer of %zu bytes is more than a frame holds", n);
        r->no_reply = true;
        r->close_after = true;
    } else if (!r->no_reply) kp_writer_patch_i32(&r->out, 0, (int32_t)(n - 4));
    mark_dirty(c);
}

void req_kill(struct req *r, const char *why)
{
    struct conn *c = r->conn;
    if (!c->closing) logline(LOG_WARN, c->peer, "closing the connection: %s", why);
    r->answered = true;
    r->no_reply = true;
    if (c->closing) {
        req_drop(r);
        return;
    }
    r->close_after = true;
    mark_dirty(c);
}

/* ---- input ---- */
static bool may_start(const struct conn *c, int16_t key)
{
    if (c->reqs_n == 0) return true;
    if (key != KEY_PRODUCE || c->reqs_n >= PIPELINE_MAX || c->reqs_bytes > PIPELINE_BYTES) return false;
    return LIST_ENTRY(c->reqs.prev, struct req, in_conn)->key == KEY_PRODUCE;
}

/* Starts the request in frame[0..n) of buffer b. False if it cannot be parsed at all. */
static bool start_request(struct conn *c, struct buf *b, const uint8_t *frame, size_t n)
{
    struct req *r = req_new(c->net);
    r->conn = c;
    if (load_be16(frame) != KEY_PRODUCE && n <= COPY_BYTES) {
        /* It may wait for long: not with a large buffer. */
        r->frame = buf_new(n);
        frame = memcpy(r->frame->data, frame, n);
    } else r->frame = buf_get(b);
    struct kp_reader in = kp_reader_of(slice_of(frame, n));
    r->key = kp_read_i16(&in);
    r->version = kp_read_i16(&in);
    r->correlation = kp_read_i32(&in);
    const struct kp_api *api = kp_api_find(r->key);
    r->client_id = kp_read_string(&in, KP_NULLABLE);
    if (api && kp_request_header_version(api, r->version) >= 2) kp_skip_tags(&in);
    if (in.err) {
        logline(LOG_WARN, c->peer, "closing the connection: a request header is cut short or malformed");
        r->answered = true;
        req_free(r);
        return false;
    }
    r->body = slice_of(in.p, (size_t)(in.end - in.p));
    r->started_ns = os_mono_ns(c->net->shard->os);
    list_push_back(&c->reqs, &r->in_conn);
    c->reqs_n++;
    c->reqs_bytes += (int64_t)r->body.n;
    r->held_bytes = n;
    c->net->held_bytes += (int64_t)n;
    c->net->dispatch(r);
    return true;
}

/* Runs whole frames of b[off..n). Gives the new offset, or SIZE_MAX if the connection must close. */
static size_t run_frames(struct conn *c, struct buf *b, size_t off, size_t n)
{
    while (n - off >= 4 && !c->closing) {
        uint32_t len = load_be32(b->data + off);
        if (len > c->net->frame_max || len < 8) {
            logline(
                LOG_WARN, c->peer,
                "closing the connection: a frame of %u bytes (allowed: 8 to %zu, socket.request.max.bytes)",
                len, c->net->frame_max);
            return SIZE_MAX;
        }
        if (n - off - 4 < len) break;
        if (!may_start(c, (int16_t)load_be16(b->data + off + 4))) break;
        if (c->net->alone && c->net->starts >= ALONE_STARTS) {
            if (!list_linked(&c->in_more)) list_push_back(&c->net->more, &c->in_more);
            break;
        }
        c->net->starts++;
        c->expect = len + 4;
        if (!start_request(c, b, b->data + off + 4, len)) return SIZE_MAX;
        off += 4 + len;
    }
    return off;
}

/* True if a whole frame waits in the input for earlier requests to end. */
static bool frame_waits(const struct conn *c)
{
    size_t n = c->in_n - c->in_off;
    return c->in && n >= 4 && n - 4 >= load_be32(c->in->data + c->in_off);
}

static void trim_bufs(struct timer *t, struct shard *s)
{
    struct net *n = CONTAINER_OF(t, struct net, trim);
    if (buf_pool_trim(&n->bufs)) timer_set_ms(s, t, TRIM_MS);
}

/* Keeps in->data[off..n) for later: where it is, or in a buffer of the frame's size. */
static void keep_rest(struct conn *c, size_t off, size_t n)
{
    struct buf *b = c->in;
    size_t rest = n - off, want = 256;
    if (rest == 0) {
        buf_put(b);
        c->in = NULL;
        c->in_off = c->in_n = 0;
        return;
    }
    if (rest >= 4) want = max_size(rest, (size_t)load_be32(b->data + off) + 4);
    bool fits = b->cap - off >= want && b->cap <= 2 * want;
    if (fits || list_linked(&c->in_more)) { /* in_more: whole frames, which run at once */
        c->in_off = off;
        c->in_n = n;
        return;
    }
    /* A frame's memory is taken when its first bytes came; its length was checked against frame_max. */
    c->in = want < BUF_POOL_MIN ? buf_new(want) : buf_pool_new(&c->net->bufs, want);
    memcpy(c->in->data, b->data + off, rest);
    c->in_off = 0;
    c->in_n = rest;
    buf_put(b);
}

/* How many bytes to ask the socket for. A large frame is read to its end and no further, so that nothing has
 * to be moved; who sends such frames is expected to go on. */
static size_t input_room(const struct conn *c)
{
    size_t n = c->in_n - c->in_off, room = c->in->cap - c->in_n;
    if (n == 0) return c->expect > READ_BYTES ? min_size(room, c->expect) : room;
    if (n < 4) return room;
    size_t whole = (size_t)load_be32(c->in->data + c->in_off) + 4;
    return n < whole ? min_size(room, whole - n) : room;
}

/* One read, and what it completes. True: the socket may have more of a frame that is not whole yet. */
static bool read_some(struct conn *c)
{
    struct net *n = c->net;
    struct os *os = n->shard->os;
    if (!c->in && n->held_bytes >= n->held_max) {
        list_push_back(&n->parked, &c->in_parked);
        os_sock_interest(os, &c->sock, c->sock.interest & ~(unsigned)OS_READABLE);
        return false;
    }
    if (!c->in) {
        c->in = buf_pool_new(&n->bufs, max_size(READ_BYTES, c->expect));
        if (!timer_armed(&n->trim)) timer_set_ms(n->shard, &n->trim, TRIM_MS);
    }
    size_t room = input_room(c), rest = c->in_n - c->in_off;
    if (room == 0) return false; /* full of frames that wait for the next turn */
    ssize_t got = os_recv(os, &c->sock, c->in->data + c->in_n, room);
    if (got == ERR_BUSY) {
        if (rest == 0) keep_rest(c, 0, 0);
        return false;
    }
    if (got == 0 && frame_waits(c)) { /* what came before the end is run first: acks=0 has no other answer */
        if (!list_linked(&c->in_more))
            os_sock_interest(os, &c->sock, c->sock.interest & ~(unsigned)OS_READABLE);
        return false;
    }
    if (got <= 0) {
        conn_close(c);
        return false;
    }
    n->turn_bytes += (size_t)got;
    if (n->turn_bytes >= SHARD_TURN_BYTES) os_cut_turn(os);
    touch(c);
    size_t have = c->in_n + (size_t)got, off = run_frames(c, c->in, c->in_off, have);
    if (c->closing) return false; /* a handler closed it; it may be freed once its requests are home */
    if (off == SIZE_MAX) {
        conn_close(c);
        return false;
    }
    keep_rest(c, off, have);
    if (list_linked(&c->in_more)) return false;
    if (frame_waits(c)) {
        os_sock_interest(os, &c->sock, c->sock.interest & ~(unsigned)OS_READABLE);
        return false;
    }
    return c->in && (size_t)got == room;
}

static void conn_input(struct conn *c)
{
    c->net->inputs++;
    while (read_some(c)) {
    }
}

/* Earlier requests have ended: what waits may run. */
static void conn_resume(struct conn *c)
{
    if (c->in) {
        size_t off = run_frames(c, c->in, c->in_off, c->in_n);
        if (c->closing) return;
        if (off == SIZE_MAX) {
            conn_close(c);
            return;
        }
        keep_rest(c, off, c->in_n);
        if (list_linked(&c->in_more)) return;
    }
    if (frame_waits(c) || list_linked(&c->in_parked)) return;
    os_sock_interest(c->net->shard->os, &c->sock, c->sock.interest | OS_READABLE);
}

/* Reads so many of them again as there is room for, if their next requests are like their last. */
static void read_parked(struct net *n)
{
    int64_t room = n->held_max - n->held_bytes;
    while (room > 0 && !list_empty(&n->parked)) {
        struct conn *c = LIST_ENTRY(list_pop_front(&n->parked), struct conn, in_parked);
        room -= c->expect;
        if (!c->closing) conn_resume(c);
    }
}

/* ---- output ---- */
#define IOV_MAX_TURN 64
#define OUTPUT_TURN_BYTES ((size_t)1 << 20) /* of one connection: the others' turn comes, too */

/* Sends ready replies in order. 1: all sent; 0: the socket is full, or had its share of a turn; negative:
 * gone. */
static int conn_send(struct conn *c)
{
    struct os *os = c->net->shard->os;
    size_t turn = 0;
    for (;;) {
        struct iovec iov[IOV_MAX_TURN];
        int iov_n = 0;
        struct kp_ext *file = NULL;
        struct req *file_req = NULL;
        /* Gather memory up to the first file part. */
        for (struct list *l = c->reqs.next; l != &c->reqs && iov_n < IOV_MAX_TURN && !file; l = l->next) {
            struct req *r = LIST_ENTRY(l, struct req, in_conn);
            if (!r->answered) break;
            if (r->close_after && l == c->reqs.next) return ERR_IO;
            if (r->no_reply) continue;
            size_t at = r->out_at, x = r->ext_i;
            if (x < r->out.exts_n && at == r->out.exts[x].at) {
                if (iov_n == 0) {
                    file = &r->out.exts[x];
                    file_req = r;
                }
                break;
            }
            size_t end = x < r->out.exts_n ? r->out.exts[x].at : r->out.n;
            iov[iov_n++] = (struct iovec){r->out.p + at, end - at};
            if (x < r->out.exts_n) break;
        }
        ssize_t sent = 0;
        if (file) {
            struct req_file *f = file->ext;
            sent = os_sendfile(os, &c->sock, f->fd, f->pos + file_req->ext_at,
                               min_size(file->n - file_req->ext_at, OUTPUT_TURN_BYTES));
            if (sent > 0 && (file_req->ext_at += (uint32_t)sent) == file->n) {
                file_req->ext_at = 0;
                file_req->ext_i++;
            }
        } else if (iov_n) {
            struct req *first = LIST_ENTRY(c->reqs.next, struct req, in_conn);
            sent = os_sendv(os, &c->sock, iov, iov_n, first->ext_i < first->out.exts_n);
        }
        if (sent == ERR_BUSY) return 0;
        if (sent < 0) return (int)sent;
        if (sent > 0) touch(c);
        turn += (size_t)sent;
        /* Book what left, drop replies that are done. */
        size_t left = file ? 0 : (size_t)sent;
        while (!list_empty(&c->reqs)) {
            struct req *r = LIST_ENTRY(c->reqs.next, struct req, in_conn);
            if (!r->answered) return 1;
            if (!r->no_reply) {
                size_t end = r->ext_i < r->out.exts_n ? r->out.exts[r->ext_i].at : r->out.n;
                size_t take = min_size(left, end - r->out_at);
                r->out_at += take;
                left -= take;
                if (r->out_at < r->out.n || r->ext_i < r->out.exts_n) break;
            }
            list_remove(&r->in_conn);
            c->reqs_n--;
            c->reqs_bytes -= (int64_t)r->body.n;
            bool bye = r->close_after;
            req_free(r);
            if (bye) return ERR_IO;
        }
        if (list_empty(&c->reqs)) {
            c->reqs_bytes = 0;
            return 1;
        }
        if (turn >= OUTPUT_TURN_BYTES) return 0;
    }
}

static void conn_flush(struct conn *c)
{
    int rc = conn_send(c);
    if (rc < 0) {
        conn_close(c);
        return;
    }
    unsigned want = c->sock.interest & OS_READABLE;
    os_sock_interest(c->net->shard->os, &c->sock, rc == 0 ? want | OS_WRITABLE : want);
    if (rc == 1) conn_resume(c);
}

void net_end_of_turn(struct net *n)
{
    struct list *l;
    while ((l = list_pop_front(&n->dirty)) != NULL) {
        struct conn *c = LIST_ENTRY(l, struct conn, in_dirty);
        c->in_dirty_list = false;
        conn_flush(c);
    }
    read_parked(n);
    if (n->inputs) n->alone = n->inputs == 1;
    n->inputs = 0;
    n->starts = 0;
    n->turn_bytes = 0;
    if (list_empty(&n->more) || n->more_posted) return;
    n->more_posted = true;
    os_post(n->shard->os, n->shard->os, &n->more_msg);
}

/* The invariants of this file's head. Gives what its requests hold. */
static int64_t conn_check(const struct conn *c)
{
    int64_t held = 0;
    int n = 0, produce = 0;
    ASSERT(!c->closing && c->pins == 0 && c->sock.fd >= 0 && !c->in_dirty_list);
    ASSERT(c->in || (c->in_n == 0 && c->in_off == 0));
    ASSERT(!c->in || (c->in_off < c->in_n && c->in_n <= c->in->cap));
    LIST_FOREACH(l, &c->reqs)
    {
        const struct req *r = LIST_ENTRY(l, struct req, in_conn);
        ASSERT(r->magic == REQ_MAGIC && r->conn == c && r->net == c->net);
        held += (int64_t)r->held_bytes;
        produce += r->key == KEY_PRODUCE;
        n++;
    }
    ASSERT(n == c->reqs_n && (n <= 1 || n == produce));
    return held;
}

#define CHECKS 64

void net_check(const struct net *n)
{
    int64_t held = 0;
    int i = 0;
    for (struct list *l = n->conns.prev; l != &n->conns && i < CHECKS; l = l->prev, i++)
        held += conn_check(LIST_ENTRY(l, struct conn, in_net)); /* the last that were busy */
    ASSERT(list_empty(&n->dirty) && held <= n->held_bytes);
}

static void run_more(struct os_msg *m, void *owner)
{
    (void)m;
    struct net *n = net_of(owner);
    struct list now, *l;
    n->more_posted = false;
    list_init(&now);
    list_splice(&now, &n->more);
    while ((l = list_pop_front(&now)) != NULL) {
        struct conn *c = LIST_ENTRY(l, struct conn, in_more);
        if (!c->closing) conn_resume(c);
    }
}

static void conn_ready(struct os_sock *sock, unsigned events, void *owner)
{
    (void)owner;
    struct conn *c = CONTAINER_OF(sock, struct conn, sock);
    if (events & OS_WRITABLE) mark_dirty(c);
    if (events & OS_READABLE) conn_input(c);
}

/* ---- accepting ---- */
struct handover {
    struct os_msg msg;
    int fd;
    const struct net_listener *listener;
    char peer[64];
};

static void adopt(struct os_msg *m, void *owner)
{
    struct handover *h = CONTAINER_OF(m, struct handover, msg);
    struct shard *s = owner;
    struct net *n = net_of(s);
    struct conn *c = xcalloc(1, sizeof *c);
    c->net = n;
    c->listener = h->listener;
    c->id = n->next_id++;
    memcpy(c->peer, h->peer, sizeof c->peer);
    list_init(&c->reqs);
    list_init(&c->in_dirty);
    list_init(&c->in_more);
    list_init(&c->in_parked);
    c->sock.ready = conn_ready;
    c->active_ns = os_mono_ns(s->os);
    list_push_back(&n->conns, &c->in_net);
    n->conns_n++;
    if (os_sock_attach(s->os, &c->sock, h->fd, OS_READABLE) < 0) {
        c->sock.fd = h->fd;
        conn_close(c);
    }
    free(h);
}

#define ACCEPT_PAUSE_MS 500

static void accept_again(struct timer *t, struct shard *s)
{
    os_sock_interest(s->os, &CONTAINER_OF(t, struct net_listener, pause)->sock, OS_READABLE);
}

static void listener_ready(struct os_sock *sock, unsigned events, void *owner)
{
    (void)events;
    struct net_listener *l = CONTAINER_OF(sock, struct net_listener, sock);
    struct shard *s = owner;
    for (int i = 0; i < 64; i++) {
        char peer[64];
        int fd = os_accept(s->os, sock, peer, sizeof peer);
        if (fd == ERR_BUSY) return;
        if (fd < 0) {
            logline(LOG_ERROR, l->name, "cannot accept a connection: %s; raise the limit of open files",
                    os_why());
            os_sock_interest(s->os, sock, 0);
            timer_set_ms(s, &l->pause, ACCEPT_PAUSE_MS);
            return;
        }
        struct handover *h = xcalloc(1, sizeof *h);
        h->msg.run = adopt;
        h->fd = fd;
        h->listener = l;
        memcpy(h->peer, peer, sizeof peer);
        int to = l->next_shard;
        l->next_shard = (to + 1) % s->n;
        shard_send(s, to, &h->msg);
    }
}

int net_listen(struct net *n, struct net_listener *l)
{
    l->net = n;
    l->sock.ready = listener_ready;
    l->pause.fire = accept_again;
    int rc = 0;
    if (l->sock.fd >= 0) os_sock_interest(n->shard->os, &l->sock, OS_READABLE);
    else rc = os_listen(n->shard->os, &l->sock, l->host, l->port, &l->port);
    if (rc == 0) os_listener_buffers(n->shard->os, &l->sock, l->send_bytes, l->receive_bytes);
    return rc;
}

void net_fini(struct net *n)
{
    LIST_FOREACH(l, &n->conns) conn_close(LIST_ENTRY(l, struct conn, in_net));
    struct list *l;
    while ((l = list_pop_front(&n->free_reqs)) != NULL) free(LIST_ENTRY(l, struct req, in_conn));
    timer_cancel(n->shard, &n->trim);
    buf_pool_fini(&n->bufs);
}
