/* Loops, mailboxes, sockets and the pool of simulated machines.
 *
 * A loop runs one turn when it has something to do; which loop is next, how long a message, a job or a byte
 * takes, and how much a socket accepts are drawn from the seed. Order is kept where the real world keeps it:
 * messages between two loops, bytes of a connection. */
#include "world.h"
#include "sim_int.h"
#include "shard/shard.h"

#include <stdio.h>
#include <stdlib.h>

#define WINDOW_MAX ((size_t)256 * 1024) /* bytes a connection's buffers hold */

/* ---- clock, entropy ---- */
int64_t os_wall_ms(struct os *os)
{
    (void)os;
    return SIM_EPOCH_MS + world.now_ns / SIM_MS + world.wall_offset_ms;
}
int64_t os_boot_wall_ms(void)
{
    return os_wall_ms(NULL);
}
int64_t os_mono_ns(struct os *os)
{
    return os ? os->mono_ns : world.now_ns;
}
void os_entropy(struct os *os, void *p, size_t n)
{
    (void)os;
    for (size_t i = 0; i < n; i++) ((uint8_t *)p)[i] = (uint8_t)world_below(256);
}
int os_cpu_count(void)
{
    return 2;
}
int64_t os_resident_bytes(void)
{
    return 0;
}
void os_tune_heap(void) {}
void os_exit(int code)
{
    (void)code;
    ASSERT(world.may_exit);
    longjmp(world.exit_to, 1);
}
void os_write_stderr(const char *p, size_t n)
{
    if (world.line) world.line(p, n);
    if (world.verbose) fwrite(p, 1, n, stderr);
}

/* ---- messages ---- */
void os_post(struct os *from, struct os *to, struct os_msg *m)
{
    int i = 0;
    while (i < from->out_n && from->out[i].to != to) i++;
    if (i == from->out_n) {
        ASSERT(i < LOOPS_MAX);
        from->out[from->out_n++] = (struct chain){.to = to, .tail = NULL};
    }
    struct chain *c = &from->out[i];
    m->next = NULL;
    if (c->tail) c->tail->next = m;
    else c->head = m;
    c->tail = m;
}
static void deliver(struct os *to, struct os_msg *head, struct os_msg *tail)
{
    if (to->inbox_tail) to->inbox_tail->next = head;
    else to->inbox = head;
    to->inbox_tail = tail;
}
void os_post_any(struct os *to, struct os_msg *m)
{
    m->next = NULL;
    deliver(to, m, m);
}
static void drain(struct os *os, void *owner)
{
    struct os_msg *last = os->inbox_tail; /* what comes meanwhile is for the next turn */
    os->cut = false;
    while (last && !os->cut) {
        struct os_msg *m = os->inbox;
        if (!(os->inbox = m->next)) os->inbox_tail = NULL;
        if (m == last) last = NULL;
        m->run(m, owner);
        /* Also while a deadline is due: it then comes before the messages that are left. */
        if (world_below(os->due_ns <= world.now_ns ? 3 : 32) == 0) os->cut = true;
    }
}
static void flush(struct os *os, bool may_visit)
{
    for (int i = 0; i < os->out_n; i++) {
        struct chain c = os->out[i];
        if (!c.head) continue;
        os->out[i].head = os->out[i].tail = NULL;
        deliver(c.to, c.head, c.tail);
        if (!may_visit || c.to == os || !c.to->visit || world_below(2)) continue;
        /* As on Linux: the sender runs the sleeping receiver's messages. */
        c.to->mono_ns = world.now_ns;
        drain(c.to, c.to->visit_owner);
        c.to->due_ns = c.to->visit(c.to->visit_owner);
        flush(c.to, false);
    }
}
void os_flush_posts(struct os *os)
{
    flush(os, true);
}
void os_on_visit(struct os *os, int64_t (*visit)(void *owner), void *owner)
{
    os->visit = visit;
    os->visit_owner = owner;
}

/* ---- pool ---- */
static void job_home(struct os_msg *m, void *owner)
{
    struct os_job *j = CONTAINER_OF(m, struct os_job, msg);
    j->done(j, owner);
}
static void job_due(void *arg, uint64_t tag)
{
    struct os_job *j = arg;
    struct machine *m = machine_of_life(tag);
    if (!m) return; /* the process died with its job */
    world.machine = m;
    j->run(j);
    world_trace(2, (uint64_t)j->home->id);
    j->msg.run = job_home;
    os_post_any(j->home, &j->msg);
}
void os_submit(struct os *os, struct os_job *j)
{
    j->home = os;
    int64_t takes = world_below(20) ? (int64_t)world_below(3 * SIM_MS) : (int64_t)world_below(200 * SIM_MS);
    world_at(world.now_ns + 1000 + takes, job_due, j, os->machine->life);
}

/* ---- sockets ---- */
struct wire {
    struct wire *next;
    int fd; /* the server's end; 0: none any more */
    struct machine *machine;
    uint64_t life;
    struct os_sock *sock; /* NULL: not attached */
    struct os *os;
    struct wire_client client;
    bool client_open, server_open, accepted, hup;
    uint8_t *in; /* towards the server, arrived */
    size_t in_n, in_cap;
    uint64_t turn;     /* the last one that looked at it */
    size_t out_flying; /* towards the client, not yet arrived */
    int64_t last_in_ns, last_out_ns;
};
struct listener {
    struct listener *next;
    struct machine *machine;
    uint64_t life;
    uint16_t port;
    struct os_sock *sock;
    struct os *os;
};
struct packet {
    struct wire *wire;
    size_t n;
    bool end;
    uint8_t data[];
};
static struct wire *wires;
static struct listener *listeners;
static int next_fd = 100000;

static void wire_reap(struct wire *x)
{
    if (x->client_open || x->server_open || x->out_flying) return;
    for (struct wire **at = &wires; *at; at = &(*at)->next)
        if (*at == x) {
            *at = x->next;
            break;
        }
    x->fd = 0; /* the struct stays: packets may point to it; a run's wires are few */
}

static struct wire *wire_of_fd(int fd)
{
    for (struct wire *x = wires; x; x = x->next)
        if (x->fd == fd && x->server_open) return x;
    return NULL;
}

static int64_t flight(int64_t *last)
{
    int64_t at =
        world.now_ns + 20000 + (int64_t)(world_below(50) ? world_below(300000) : world_below(50 * SIM_MS));
    return *last = max_i64(at, *last + 1);
}

static void to_client(void *arg, uint64_t tag)
{
    (void)tag;
    struct packet *p = arg;
    struct wire *x = p->wire;
    x->out_flying -= p->n;
    if (x->client_open) {
        if (p->end) {
            x->client_open = false;
            x->client.closed(x->client.arg);
        } else {
            world_trace(3, p->n);
            x->client.data(x->client.arg, p->data, p->n);
        }
    }
    free(p);
    wire_reap(x);
}
static void to_server(void *arg, uint64_t tag)
{
    (void)tag;
    struct packet *p = arg;
    struct wire *x = p->wire;
    if (x->server_open) {
        if (p->end) x->hup = true;
        else {
            if (x->in_n + p->n > x->in_cap) x->in = xrealloc(x->in, x->in_cap = (x->in_n + p->n) * 2);
            memcpy(x->in + x->in_n, p->data, p->n);
            x->in_n += p->n;
        }
    }
    free(p);
}
static void send_packet(struct wire *x, const void *p, size_t n, bool end, bool client)
{
    struct packet *k = xmalloc(sizeof *k + n);
    *k = (struct packet){.wire = x, .n = n, .end = end};
    if (n) memcpy(k->data, p, n);
    if (client) x->out_flying += n;
    world_at(flight(client ? &x->last_out_ns : &x->last_in_ns), client ? to_client : to_server, k, 0);
}
static void server_end_gone(struct wire *x)
{
    if (!x->server_open) return;
    x->server_open = false;
    x->sock = NULL;
    if (x->client_open) send_packet(x, NULL, 0, true, true);
    else wire_reap(x);
}

struct wire *wire_connect(struct machine *m, uint16_t port, const struct wire_client *c)
{
    for (struct listener *l = listeners; l; l = l->next) {
        if (l->machine != m || l->life != m->life || !m->run || l->port != port) continue;
        struct wire *x = xcalloc(1, sizeof *x);
        *x = (struct wire){.next = wires,
                           .fd = next_fd++,
                           .machine = m,
                           .life = m->life,
                           .client = *c,
                           .client_open = true,
                           .server_open = true};
        wires = x;
        return x;
    }
    return NULL;
}
void wire_send(struct wire *x, const void *p, size_t n)
{
    /* In pieces, so that a reader sees frames cut anywhere. */
    for (size_t at = 0; at < n;) {
        size_t k = world_below(4) ? n - at : 1 + (size_t)world_below(n - at);
        send_packet(x, (const uint8_t *)p + at, k, false, false);
        at += k;
    }
}
void wire_close(struct wire *x)
{
    if (!x->client_open) return;
    x->client_open = false;
    if (x->server_open) send_packet(x, NULL, 0, true, false);
    else wire_reap(x);
}
void wires_cut(struct machine *m)
{
    for (struct wire *x = wires, *next; x; x = next) {
        next = x->next;
        if (x->machine == m) server_end_gone(x);
    }
    for (struct listener **at = &listeners; *at;) {
        if ((*at)->machine == m) *at = (*at)->next;
        else at = &(*at)->next;
    }
}

void wires_cut_clients(struct machine *m)
{
    for (struct wire *x = wires; x; x = x->next) {
        if (x->machine != m || !x->client_open) continue;
        send_packet(x, NULL, 0, true, true);
        if (x->server_open) x->hup = true;
    }
}

int os_listen(struct os *os, struct os_sock *s, const char *host, uint16_t port, uint16_t *port_out)
{
    (void)host;
    struct listener *l = xcalloc(1, sizeof *l);
    *l = (struct listener){.next = listeners,
                           .machine = os->machine,
                           .life = os->machine->life,
                           .port = port,
                           .sock = s,
                           .os = os};
    listeners = l;
    s->fd = next_fd++;
    s->interest = OS_READABLE;
    *port_out = port;
    return 0;
}
void os_listener_buffers(struct os *os, struct os_sock *listener, int64_t send_bytes, int64_t receive_bytes)
{
    (void)os, (void)listener, (void)send_bytes, (void)receive_bytes;
}
void os_host_name(struct os *os, char *out, size_t n)
{
    (void)os;
    snprintf(out, n, "sim");
}
int os_accept(struct os *os, struct os_sock *listener, char *peer, size_t peer_n)
{
    (void)listener;
    for (struct wire *x = wires; x; x = x->next) {
        if (x->machine != os->machine || x->accepted || !x->server_open) continue;
        x->accepted = true;
        snprintf(peer, peer_n, "sim:%d", x->fd);
        return x->fd;
    }
    return ERR_BUSY;
}
int os_sock_attach(struct os *os, struct os_sock *s, int fd, unsigned interest)
{
    struct wire *x = wire_of_fd(fd);
    if (!x) return ERR_IO;
    s->fd = fd;
    s->interest = (uint8_t)interest;
    x->sock = s;
    x->os = os;
    return 0;
}
void os_sock_interest(struct os *os, struct os_sock *s, unsigned interest)
{
    (void)os;
    s->interest = (uint8_t)interest;
}
ssize_t os_recv(struct os *os, struct os_sock *s, void *p, size_t n)
{
    (void)os;
    struct wire *x = wire_of_fd(s->fd);
    if (!x) return ERR_IO;
    if (!x->in_n) return x->hup ? 0 : ERR_BUSY;
    size_t take = min_size(n, x->in_n);
    if (!world_below(3)) take = 1 + (size_t)world_below(take);
    memcpy(p, x->in, take);
    memmove(x->in, x->in + take, x->in_n - take);
    x->in_n -= take;
    return (ssize_t)take;
}
static ssize_t send_some(struct wire *x, const uint8_t *p, size_t n)
{
    if (!x || x->hup) return ERR_IO;
    if (world_chance(world.faults.drop_conn)) return ERR_IO;
    if (x->out_flying >= WINDOW_MAX) return ERR_BUSY;
    size_t take = min_size(n, WINDOW_MAX - x->out_flying);
    if (take && !world_below(4)) take = 1 + (size_t)world_below(take);
    if (take) send_packet(x, p, take, false, true);
    return (ssize_t)take;
}
ssize_t os_sendv(struct os *os, struct os_sock *s, const struct iovec *iov, int iov_n, bool more)
{
    (void)os;
    (void)more;
    struct strbuf b;
    strbuf_init(&b);
    for (int i = 0; i < iov_n; i++) strbuf_add(&b, iov[i].iov_base, iov[i].iov_len);
    ssize_t r = send_some(wire_of_fd(s->fd), (const uint8_t *)b.s, b.n);
    strbuf_fini(&b);
    return r;
}
ssize_t os_sendfile(struct os *os, struct os_sock *s, int fd, int64_t off, size_t n)
{
    uint8_t *p = xmalloc(n ? n : 1);
    ssize_t r = os_pread(os, fd, p, n, off);
    if (r == 0) r = ERR_EOF;
    if (r > 0) r = send_some(wire_of_fd(s->fd), p, (size_t)r);
    free(p);
    return r;
}
void os_sock_close(struct os *os, struct os_sock *s)
{
    (void)os;
    if (s->fd < 0) return;
    struct wire *x = wire_of_fd(s->fd);
    if (x) server_end_gone(x);
    for (struct listener **at = &listeners; *at; at = &(*at)->next)
        if ((*at)->sock == s) {
            *at = (*at)->next;
            break;
        }
    s->fd = -1;
}

/* ---- loops ---- */
static unsigned bits_of(const struct wire *x)
{
    if (!x->sock) return 0;
    unsigned bits =
        (x->in_n || x->hup ? OS_READABLE : 0u) | (x->hup || x->out_flying < WINDOW_MAX ? OS_WRITABLE : 0u);
    return bits & x->sock->interest;
}
static bool waits(const struct listener *l)
{
    if (!(l->sock->interest & OS_READABLE)) return false;
    for (struct wire *x = wires; x; x = x->next)
        if (x->machine == l->machine && !x->accepted && x->server_open) return true;
    return false;
}
bool sim_os_ready(struct os *os)
{
    if (os->inbox || os->due_ns <= world.now_ns) return true;
    for (int i = 0; i < os->out_n; i++)
        if (os->out[i].head) return true;
    for (struct wire *x = wires; x; x = x->next)
        if (x->server_open && x->os == os && bits_of(x)) return true;
    for (struct listener *l = listeners; l; l = l->next)
        if (l->os == os && waits(l)) return true;
    return false;
}
void os_cut_turn(struct os *os)
{
    os->cut = true;
}
void os_turn(struct os *os, int64_t deadline_ns, void *owner)
{
    (void)deadline_ns;
    os_flush_posts(os);
    os->mono_ns = world.now_ns;
    /* A handler may close any socket, so the list is walked anew after each. */
    os->cut = false;
    for (int done = 0; done < 256 && !os->cut; done++) {
        struct wire *ready = NULL;
        int n = 0;
        for (struct wire *x = wires; x; x = x->next)
            if (x->server_open && x->os == os && x->turn != world.steps && bits_of(x) &&
                world_below((uint64_t)++n) == 0)
                ready = x;
        if (!ready) break;
        ready->turn = world.steps;
        struct os_sock *s = ready->sock;
        s->ready(s, bits_of(ready), owner);
    }
    for (struct listener *l = listeners, *next; l; l = next) {
        next = l->next;
        if (l->os == os && waits(l)) l->sock->ready(l->sock, OS_READABLE, owner);
    }
    drain(os, owner);
}
struct os *sim_os_new(struct machine *m, int id)
{
    struct os *os = xcalloc(1, sizeof *os);
    os->machine = m;
    os->id = id;
    os->mono_ns = world.now_ns;
    return os;
}

/* File by file: what a single call does in the real world. */
struct sync_walk {
    struct os *os;
    const char *dir;
};
static int sync_entry(void *arg, const char *name, bool is_dir)
{
    const struct sync_walk *x = arg;
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    if (is_dir) return os_sync_tree(x->os, path);
    int fd = os_open(x->os, path, OS_WRITE);
    if (fd < 0) return fd;
    int rc = os_fdatasync(x->os, fd);
    os_close(x->os, fd);
    return rc;
}
int os_sync_tree(struct os *os, const char *path)
{
    struct sync_walk x = {os, path};
    int rc = os_list_dir(os, path, sync_entry, &x);
    return rc ? rc : os_fsync_dir(os, path);
}
