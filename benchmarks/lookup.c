/* Reads by time: ListOffsets for a time, then one Fetch from the offset it gave, again and again over one
 * connection, until so many records were read.
 *
 *   lookup HOST:PORT key=value...
 *   topic=t records=1000000 fetch=16384 first_ms= last_ms= pid=N (broker, for its CPU)      partition 0
 *
 * Prints one JSON object. */
#include "base/base.h"
#include "base/prng.h"
#include "kp/batch_head.h"
#include "kp/kp.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *topic;
    long records, fetch, first_ms, last_ms, pid;
} o = {"t", 1000000, 16384, 0, 0, 0};
static int fd;
static uint8_t answer[4 << 20];

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static double cpu_of(long pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = pid ? fopen(path, "r") : NULL;
    unsigned long u = 0, s = 0;
    if (!f) return 0;
    if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) != 2) u = s = 0;
    fclose(f);
    return (double)(u + s) / (double)sysconf(_SC_CLK_TCK);
}

static void give_up(const char *what)
{
    fprintf(stderr, "lookup: %s\n", what);
    exit(1);
}

static void begin(struct kp_writer *w, int16_t key, int16_t version)
{
    kp_writer_reset(w);
    kp_write_i32(w, 0);
    kp_write_i16(w, key);
    kp_write_i16(w, version);
    kp_write_i32(w, 1);
    kp_write_string(w, 0, slice_cstr("lookup"));
}

/* Sends what is in w and reads the whole answer; gives what follows the correlation id. */
static struct slice ask(struct kp_writer *w)
{
    size_t have = 0, n = 4;
    kp_writer_patch_i32(w, 0, (int32_t)w->n - 4);
    if (send(fd, w->p, w->n, MSG_NOSIGNAL) != (ssize_t)w->n) give_up("the broker closed the connection");
    while (have < n) {
        ssize_t r = recv(fd, answer + have, sizeof answer - have, 0);
        if (r <= 0) give_up("the broker closed the connection");
        have += (size_t)r;
        if (have >= 4) n = 4 + (size_t)load_be32(answer);
        if (n > sizeof answer) give_up("an answer that is too long");
    }
    return slice_of(answer + 8, n - 8);
}

static int64_t offset_of(struct kp_writer *w, int64_t time_ms)
{
    begin(w, 2, 1);
    kp_write_i32(w, -1);
    kp_write_i32(w, 1);
    kp_write_string(w, 0, slice_cstr(o.topic));
    kp_write_i32(w, 1);
    kp_write_i32(w, 0);
    kp_write_i64(w, time_ms);
    struct slice a = ask(w);
    size_t at = 4 + 2 + strlen(o.topic) + 4 + 4; /* topics, name, partitions, index */
    if (a.n < at + 2 + 8 + 8 || load_be16(a.p + at)) give_up("a look-up gave an error");
    return (int64_t)load_be64(a.p + at + 2 + 8);
}

/* The number of records from offset on that one fetch brings. */
static int64_t fetch_from(struct kp_writer *w, int64_t offset)
{
    begin(w, 1, 4);
    kp_write_i32(w, -1);
    kp_write_i32(w, 500);
    kp_write_i32(w, 1);
    kp_write_i32(w, (int32_t)o.fetch);
    kp_write_i8(w, 0);
    kp_write_i32(w, 1);
    kp_write_string(w, 0, slice_cstr(o.topic));
    kp_write_i32(w, 1);
    kp_write_i32(w, 0);
    kp_write_i64(w, offset);
    kp_write_i32(w, (int32_t)o.fetch);
    struct slice a = ask(w);
    size_t at = 4 + 4 + 2 + strlen(o.topic) + 4 + 4; /* throttle, topics, name, partitions, index */
    if (a.n < at + 26 || load_be16(a.p + at)) give_up("a fetch gave an error");
    int32_t aborted = (int32_t)load_be32(a.p + at + 2 + 8 + 8);
    at += 2 + 8 + 8 + 4 + (aborted > 0 ? (size_t)aborted * 16 : 0);
    if (a.n < at + 4) give_up("a fetch that is cut short");
    int64_t n = 0;
    struct batch_head h = {0};
    for (at += 4; at < a.n && batch_head_parse(slice_of(a.p + at, a.n - at), &h) == 0; at += (size_t)h.bytes)
        n += h.last_offset + 1 - max_i64(h.base_offset, offset);
    return n;
}

static int cmp(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        long *v;
    } keys[] = {{"records", &o.records},
                {"fetch", &o.fetch},
                {"first_ms", &o.first_ms},
                {"last_ms", &o.last_ms},
                {"pid", &o.pid}};
    char *colon = argc > 1 ? strchr(argv[1], ':') : NULL;
    if (!colon) return 2;
    for (int i = 2; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (!eq) return 2;
        if (strncmp(argv[i], "topic=", 6) == 0) o.topic = eq + 1;
        for (size_t k = 0; k < NELEMS(keys); k++)
            if (strlen(keys[k].name) == (size_t)(eq - argv[i]) &&
                strncmp(argv[i], keys[k].name, strlen(keys[k].name)) == 0)
                *keys[k].v = atol(eq + 1);
    }
    if (o.last_ms < o.first_ms) give_up("last_ms is before first_ms");
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(colon + 1)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) give_up("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct prng prng;
    struct kp_writer w;
    prng_init(&prng, 1);
    kp_writer_init(&w, 256);
    size_t n = 0, cap = 1024;
    int64_t *lat = xmalloc(cap * sizeof *lat), records = 0;
    double cpu = cpu_of(o.pid);
    int64_t start = now_ns();
    while (records < o.records) {
        int64_t t = o.first_ms + (int64_t)(prng_next(&prng) % (uint64_t)(o.last_ms - o.first_ms + 1));
        int64_t began = now_ns();
        int64_t offset = offset_of(&w, t), got = offset < 0 ? 0 : fetch_from(&w, offset);
        if (got <= 0) give_up("a look-up found no record");
        if (n == cap) lat = xrealloc(lat, (cap *= 2) * sizeof *lat);
        lat[n++] = now_ns() - began;
        records += got;
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    cpu = cpu_of(o.pid) - cpu;
    qsort(lat, n, sizeof *lat, cmp);
    printf("{\"records\": %lld, \"lookups\": %zu, \"seconds\": %.3f, \"cpu_s\": %.2f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f}\n",
           (long long)records, n, seconds, cpu, (double)lat[(n - 1) / 2] / 1e6,
           (double)lat[(size_t)((double)(n - 1) * 0.99)] / 1e6);
    return 0;
}
