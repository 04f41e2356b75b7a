/* The floor: the least a broker must do, in one thread and without a broker. Receive a produce frame, check
 * the CRC of its batch, write it to a file, answer; or answer a fetch with sendfile from that file. What
 * moldau costs is told as a multiple of this.
 *
 *   floor PORT FILE         speaks just enough of Produce v7 and Fetch v11 for benchmarks/load
 *   floor PORT FILE sync    the same, and what came in one turn is synced with one fdatasync before the
 *                           answers
 *   floor PORT FILE files   the same with a file for each partition, as Kafka's format has it: every one that
 *                           was written in the turn is synced
 *   floor scan FILE...      reads logs and checks the CRC of each batch, as the least recovery has to do */
#include "base/base.h"
#include "base/hash.h"
#include "kp/batch_head.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES ((size_t)1 << 20)

struct conn {
    int fd;
    uint8_t *in;
    size_t have;
    /* a fetch answer under way */
    off_t file_at;
    size_t file_left;
    /* answers that wait for the sync at the end of the turn */
    uint8_t held[65536];
    size_t held_n;
};

#define FILES_MAX 64

static bool syncing, many; /* many: a file for each partition, else all in the first */
static const char *file_name;
static struct file {
    int fd;
    off_t end;
    bool dirty;
} files[FILES_MAX];
static int ep;

static void fail(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_all(int fd, const void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t r = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
        if (r > 0) at += (size_t)r;
        else if (errno != EAGAIN) return;
    }
}

/* Offset of the topic name's length in a request: header with a client id, then fixed fields. */
static const uint8_t *after_header(const uint8_t *f)
{
    return f + 8 + 2 + load_be16(f + 8);
}

static struct file *file_of(uint32_t partition)
{
    struct file *x = &files[many ? partition % FILES_MAX : 0];
    char name[4096];
    if (x->fd) return x;
    snprintf(name, sizeof name, many ? "%s.%u" : "%s", file_name, partition);
    x->fd = open(name, O_RDWR | O_CREAT, 0644);
    if (x->fd < 0) fail(name);
    x->end = lseek(x->fd, 0, SEEK_END);
    return x;
}

static void sync_files(void)
{
    for (int i = 0; i < FILES_MAX; i++) {
        if (files[i].dirty && fdatasync(files[i].fd)) fail("sync");
        files[i].dirty = false;
    }
}

static void produce(struct conn *c, const uint8_t *f, size_t n)
{
    const uint8_t *p = after_header(f) + 2 + 2 + 4 + 4; /* transactional id, acks, timeout, topic count */
    size_t name = load_be16(p);
    const uint8_t *q = p + 2 + name + 4; /* partition count */
    uint32_t len = load_be32(q + 4);
    const uint8_t *batch = q + 8;
    if (batch + len > f + n || !batch_crc_ok(batch, len)) {
        fprintf(stderr, "floor: a bad batch\n");
        exit(1);
    }
    struct file *x = file_of(load_be32(q));
    if (pwrite(x->fd, batch, len, x->end) != (ssize_t)len) fail("write");
    x->dirty = true;
    uint8_t out[512], *o = out + 4;
    store_be32(o, load_be32(f + 4));
    store_be32(o + 4, 1);
    memcpy(o + 8, p, 2 + name);
    o += 8 + 2 + name;
    store_be32(o, 1);
    memcpy(o + 4, q, 4);
    store_be16(o + 8, 0);
    store_be64(o + 10, (uint64_t)x->end);
    store_be64(o + 18, UINT64_MAX);
    store_be64(o + 26, 0);
    store_be32(o + 34, 0);
    o += 38;
    store_be32(out, (uint32_t)(o - out - 4));
    x->end += len;
    size_t bytes = (size_t)(o - out);
    if (syncing && c->held_n + bytes <= sizeof c->held) {
        memcpy(c->held + c->held_n, out, bytes);
        c->held_n += bytes;
        return;
    }
    if (syncing) sync_files();
    send_all(c->fd, out, bytes);
}

static void fetch(struct conn *c, const uint8_t *f)
{
    const uint8_t *p = after_header(f) + 4 + 4 + 4 + 4 + 1 + 4 + 4 + 4;
    size_t name = load_be16(p);
    const uint8_t *q = p + 2 + name + 4;
    /* The load asks by byte position here; whole batches are its own business. */
    off_t at = (off_t)load_be64(q + 8);
    size_t want = load_be32(q + 24);
    off_t file_end = file_of(0)->end;
    size_t n = at >= file_end ? 0 : min_size((size_t)(file_end - at), want);
    uint8_t out[512], *o = out + 4;
    store_be32(o, load_be32(f + 4));
    memset(o + 4, 0, 10);
    store_be32(o + 14, 1);
    memcpy(o + 18, p, 2 + name);
    o += 20 + name;
    store_be32(o, 1);
    memcpy(o + 4, q, 4);
    store_be16(o + 8, 0);
    store_be64(o + 10, (uint64_t)file_end);
    store_be64(o + 18, (uint64_t)file_end);
    store_be64(o + 26, 0);
    store_be32(o + 34, UINT32_MAX);
    store_be32(o + 38, UINT32_MAX);
    store_be32(o + 42, (uint32_t)n);
    o += 46;
    store_be32(out, (uint32_t)((size_t)(o - out) - 4 + n));
    send(c->fd, out, (size_t)(o - out), MSG_NOSIGNAL | MSG_MORE);
    c->file_at = at;
    c->file_left = n;
}

static void drain(struct conn *c)
{
    while (c->file_left) {
        ssize_t r = sendfile(c->fd, files[0].fd, &c->file_at, c->file_left);
        if (r <= 0) break;
        c->file_left -= (size_t)r;
    }
    struct epoll_event ev = {.events = c->file_left ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
}

/* False: the connection is gone. */
static bool input(struct conn *c)
{
    ssize_t r = recv(c->fd, c->in + c->have, IN_BYTES - c->have, 0);
    if (r <= 0) {
        if (r < 0 && errno == EAGAIN) return true;
        close(c->fd);
        free(c->in);
        free(c);
        return false;
    }
    c->have += (size_t)r;
    size_t at = 0;
    bool asked = false;
    while (c->have - at >= 4 && c->have - at - 4 >= load_be32(c->in + at)) {
        uint32_t n = load_be32(c->in + at);
        if (load_be16(c->in + at + 4) == 0) produce(c, c->in + at + 4, n);
        else {
            fetch(c, c->in + at + 4);
            asked = true;
        }
        at += 4 + n;
    }
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
    if (asked) drain(c);
    return true;
}

#define SCAN_BYTES ((size_t)4 << 20)

static void scan(const char *path, uint8_t *b)
{
    int fd = open(path, O_RDONLY);
    if (fd < 0) fail(path);
    size_t have = 0, at = 0;
    for (ssize_t r; (r = read(fd, b + have, SCAN_BYTES - have)) > 0;) {
        struct batch_head h = {0};
        have += (size_t)r;
        for (at = 0; batch_head_parse(slice_of(b + at, have - at), &h) == 0; at += (size_t)h.bytes)
            if (!batch_crc_ok(b + at, h.bytes)) fail("a batch's CRC");
        memmove(b, b + at, have -= at);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    if (strcmp(argv[1], "scan") == 0) {
        uint8_t *b = xmalloc(SCAN_BYTES);
        for (int i = 2; i < argc; i++) scan(argv[i], b);
        return 0;
    }
    syncing = argc > 3;
    many = syncing && strcmp(argv[3], "files") == 0;
    file_name = argv[2];
    signal(SIGPIPE, SIG_IGN);
    int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(argv[1])),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int send_bytes = 262144; /* left to itself the kernel buffers more than a processor's cache holds */
    setsockopt(l, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    if (bind(l, (struct sockaddr *)&a, sizeof a) || listen(l, 512)) fail("listen");
    ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev);
    for (;;) {
        struct epoll_event evs[64];
        int n = epoll_wait(ep, evs, 64, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = evs[i].data.ptr;
            if (!c) {
                c = xcalloc(1, sizeof *c);
                c->fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
                setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c->in = xmalloc(IN_BYTES);
                ev = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
            } else if (evs[i].events & EPOLLOUT) drain(c);
            else if (!input(c)) evs[i].data.ptr = NULL;
        }
        bool owed = false;
        for (int i = 0; i < n && syncing; i++)
            owed |= evs[i].data.ptr && ((struct conn *)evs[i].data.ptr)->held_n;
        if (owed) sync_files();
        for (int i = 0; i < n && owed; i++) {
            struct conn *c = evs[i].data.ptr;
            if (!c) continue;
            send_all(c->fd, c->held, c->held_n);
            c->held_n = 0;
        }
    }
}
