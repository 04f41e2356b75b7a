/* A load generator that costs little: batches are encoded once, answers are looked at just enough.
 *
 *   load HOST:PORT MODE key=value...
 *   MODE    produce   closed loop: `depth` requests in flight on each connection
 *           rate      open loop: mb=N megabytes a second; latencies from the planned sending time
 *           fetch     reads partition i from the start, again and again (floor=1: positions are bytes)
 *   keys    topic=t partitions=8 conns=4 batch=16384 acks=1 depth=5 seconds=5 mb=20 fetch=1048576 floor=0
 *           pid=N (broker, for its CPU) limit=N (ends after so many MB; 0: none)
 *
 * Prints one JSON object. */
#include "bench.h"
#include "kp/batch.h"

#include <fcntl.h>
#include <sys/epoll.h>

struct conn {
    int fd;
    uint8_t *in;
    size_t have, skip;
    int partition;
    int in_flight;
    int64_t sent_at[4096];
    unsigned head, tail;
    size_t out_at; /* of the frame being sent; 0: none */
    int64_t offset;
    size_t got_records;
};

static struct {
    const char *topic;
    long partitions, conns, batch, acks, depth, seconds, pid, mb, fetch, floor, limit;
} o = {"t", 8, 4, 16384, 1, 5, 5, 0, 20, 1 << 20, 0, 0};
static struct kp_writer frame;
static size_t frame_partition_at;
static int32_t records_per_batch;
static size_t batch_bytes;
static struct i64s lat; /* ns */

static void make_produce(void)
{
    struct batch_builder b;
    struct kp_writer w;
    uint8_t value[100];
    int64_t now = wall_ms();
    uint64_t x = 88172645463325252u;
    batch_builder_init(&b);
    while (batch_builder_bytes(&b) + 110 < (size_t)o.batch || b.count == 0) {
        for (size_t i = 0; i < sizeof value; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            value[i] = (uint8_t)x;
        }
        batch_add(&b, now, (struct slice){0}, slice_of(value, sizeof value), NULL, 0);
    }
    kp_writer_init(&w, (size_t)o.batch);
    if (batch_finish(&b, &w)) give_up("a batch could not be made");
    records_per_batch = b.count;
    batch_bytes = w.n;
    kp_writer_init(&frame, w.n + 256);
    begin_frame(&frame, 0, 7);
    kp_write_i16(&frame, -1);
    kp_write_i16(&frame, (int16_t)o.acks);
    kp_write_i32(&frame, 30000);
    kp_write_i32(&frame, 1);
    kp_write_string(&frame, 0, slice_cstr(o.topic));
    kp_write_i32(&frame, 1);
    frame_partition_at = frame.n;
    kp_write_i32(&frame, 0);
    kp_write_i32(&frame, (int32_t)w.n);
    kp_write_raw(&frame, kp_writer_slice(&w));
    end_frame(&frame);
    batch_builder_fini(&b);
    kp_writer_fini(&w);
}

static void send_fetch(struct conn *c)
{
    struct kp_writer w;
    kp_writer_init(&w, 256);
    begin_frame(&w, 1, 11);
    kp_write_i32(&w, -1);
    kp_write_i32(&w, 0); /* no waiting at the end, from where it begins anew: that would measure the wait */
    kp_write_i32(&w, 1);
    kp_write_i32(&w, (int32_t)o.fetch);
    kp_write_i8(&w, 0);
    kp_write_i32(&w, 0);
    kp_write_i32(&w, -1);
    kp_write_i32(&w, 1);
    kp_write_string(&w, 0, slice_cstr(o.topic));
    kp_write_i32(&w, 1);
    kp_write_i32(&w, c->partition);
    kp_write_i32(&w, -1);
    kp_write_i64(&w, c->offset);
    kp_write_i64(&w, -1);
    kp_write_i32(&w, (int32_t)o.fetch);
    kp_write_i32(&w, 0);
    kp_write_string(&w, 0, slice_cstr(""));
    end_frame(&w);
    if (send(c->fd, w.p, w.n, MSG_NOSIGNAL) != (ssize_t)w.n) give_up("a fetch could not be sent");
    kp_writer_fini(&w);
}

/* Pushes frames while the window has room; true when the socket is full. */
static bool push(struct conn *c, int64_t planned)
{
    while (c->out_at || c->in_flight < o.depth) {
        if (!c->out_at) {
            c->sent_at[c->head++ % 4096] = planned ? planned : now_ns();
            c->in_flight++;
        }
        kp_writer_patch_i32(&frame, frame_partition_at, c->partition);
        ssize_t r = send(c->fd, frame.p + c->out_at, frame.n - c->out_at, MSG_NOSIGNAL);
        if (r < 0) {
            if (errno != EAGAIN) give_up(strerror(errno));
            if (!c->out_at) {
                c->head--;
                c->in_flight--;
            }
            return true;
        }
        c->out_at += (size_t)r;
        if (c->out_at < frame.n) return true;
        c->out_at = 0;
        c->partition = (int)((c->partition + o.conns) % o.partitions);
        if (planned) return false;
    }
    return false;
}

static int64_t done_bytes, done_requests, empty_fetches;

static void answered(struct conn *c, const uint8_t *f)
{
    size_t name = load_be16(f + 8);
    if (load_be16(f + 8 + 2 + name + 8)) {
        fprintf(stderr, "load: produce error %d\n", load_be16(f + 8 + 2 + name + 8));
        exit(1);
    }
    i64s_add(&lat, now_ns() - c->sent_at[c->tail++ % 4096]);
    c->in_flight--;
    done_requests++;
    done_bytes += (int64_t)batch_bytes;
}

/* One recv; complete produce answers are counted. */
static bool drain_produce(struct conn *c)
{
    bool any = false;
    ssize_t r = recv(c->fd, c->in + c->have, 65536 - c->have, 0);
    if (r == 0 || (r < 0 && errno != EAGAIN)) give_up("the broker closed a connection");
    if (r > 0) c->have += (size_t)r;
    size_t at = 0;
    while (c->have - at >= 4 && c->have - at - 4 >= load_be32(c->in + at)) {
        answered(c, c->in + at + 4);
        at += 4 + load_be32(c->in + at);
        any = true;
    }
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
    return any;
}

/* Fetch answers: the head is parsed, record bytes are thrown away in the kernel. */
static void drain_fetch(struct conn *c)
{
    for (;;) {
        if (c->skip) {
            ssize_t r = recv(c->fd, NULL, c->skip, MSG_TRUNC);
            if (r <= 0) return;
            c->skip -= (size_t)r;
            if (c->skip) continue;
            send_fetch(c);
            return;
        }
        size_t name = strlen(o.topic),
               head = 4 + 4 + 4 + 2 + 4 + 4 + 2 + name + 4 + 4 + 2 + 8 + 8 + 8 + 4 + 4 + 4;
        ssize_t r = recv(c->fd, c->in + c->have, head - c->have, 0);
        if (r <= 0) return;
        c->have += (size_t)r;
        if (c->have < head) continue;
        uint32_t bytes = load_be32(c->in + head - 4);
        if (load_be16(c->in + 4 + 4 + 4 + 2 + 4 + 4 + 2 + name + 4 + 4)) give_up("fetch error");
        c->have = 0;
        done_bytes += bytes;
        done_requests++;
        if (bytes == 0) {
            empty_fetches++;
            c->offset = 0;
        } else if (o.floor) c->offset += bytes;
        else c->offset += (int64_t)(bytes / batch_bytes) * records_per_batch;
        c->skip = bytes;
        if (!bytes) {
            send_fetch(c);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    const struct option options[] = {
        {"partitions", &o.partitions}, {"conns", &o.conns},     {"batch", &o.batch}, {"acks", &o.acks},
        {"depth", &o.depth},           {"seconds", &o.seconds}, {"pid", &o.pid},     {"mb", &o.mb},
        {"fetch", &o.fetch},           {"floor", &o.floor},     {"limit", &o.limit}};
    take_options(argv + 3, argc - 3, &o.topic, options, NELEMS(options));
    bool rate = strcmp(argv[2], "rate") == 0, fetching = strcmp(argv[2], "fetch") == 0;
    if (rate) o.depth = 4000;
    make_produce();
    struct conn *conns = xcalloc((size_t)o.conns, sizeof *conns);
    int ep = epoll_create1(0);
    for (long i = 0; i < o.conns; i++) {
        struct conn *c = &conns[i];
        c->fd = connect_to(argv[1]);
        c->in = xmalloc(65536);
        c->partition = (int)(i % o.partitions);
    }
    usleep(100000); /* connections settle before the CPU clock starts */
    double cpu = cpu_of(o.pid);
    int64_t start = now_ns(), end = start + o.seconds * 1000000000, last = start;
    for (long i = 0; i < o.conns; i++) {
        if (fetching) send_fetch(&conns[i]);
        fcntl(conns[i].fd, F_SETFL, O_NONBLOCK);
        struct epoll_event ev = {.events = EPOLLIN | (fetching || rate ? 0u : (uint32_t)EPOLLOUT) |
                                           (uint32_t)EPOLLET,
                                 .data.ptr = &conns[i]};
        epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &ev);
    }
    int64_t next = start, interval = rate ? (int64_t)(1e9 * (double)batch_bytes / ((double)o.mb * 1e6)) : 0;
    long turn = 0;
    while ((last = now_ns()) < end && (o.limit == 0 || done_bytes < o.limit * 1000000)) {
        int64_t wait = end - last;
        if (rate) {
            while (next <= last) {
                struct conn *c = &conns[turn++ % o.conns];
                push(c, next);
                next += interval;
            }
            wait = next - now_ns();
        }
        struct epoll_event evs[64];
        struct timespec ts = {wait > 0 ? wait / 1000000000 : 0, wait > 0 ? wait % 1000000000 : 0};
        int n = epoll_pwait2(ep, evs, 64, &ts, NULL);
        for (int i = 0; i < n; i++) {
            struct conn *c = evs[i].data.ptr;
            if (fetching) {
                drain_fetch(c);
                continue;
            }
            while (drain_produce(c)) {
            }
            if (!rate) push(c, 0);
            else if (c->out_at) push(c, now_ns());
        }
    }
    double secs = (double)(last - start) / 1e9;
    cpu = cpu_of(o.pid) - cpu;
    i64s_sort(&lat);
    printf("{\"mb_s\": %.1f, \"requests_s\": %.0f, \"cpu_s_gb\": %.3f, \"cores\": %.2f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"p999_ms\": %.3f, \"empty\": %lld}\n",
           (double)done_bytes / 1e6 / secs, (double)done_requests / secs,
           done_bytes ? cpu / ((double)done_bytes / 1e9) : 0.0, cpu / secs, quantile_ms(&lat, 0.5),
           quantile_ms(&lat, 0.99), quantile_ms(&lat, 0.999), (long long)empty_fetches);
    return 0;
}
