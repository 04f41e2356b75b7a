/* Fills a topic: batches to the partitions in turn over one connection, each record with a time of its own.
 *
 *   fill HOST:PORT key=value...
 *   topic=t partitions=1 mb=100 batch=16384 value=100
 *   keys=0 (no keys; N: a random one of N for each record)
 *
 * Prints one JSON object; first_ms and last_ms are the times of the first and the last record, one
 * millisecond apart for each record of a partition's round. */
#include "base/base.h"
#include "base/prng.h"
#include "kp/batch.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 16

static struct {
    const char *topic;
    long partitions, mb, batch, value, keys;
} o = {"t", 1, 100, 16384, 100, 0};

static int64_t clock_ms(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void give_up(const char *what)
{
    fprintf(stderr, "fill: %s\n", what);
    exit(1);
}

static void recv_all(int fd, uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t r = recv(fd, p + at, n - at, 0);
        if (r <= 0) give_up("the broker closed the connection");
        at += (size_t)r;
    }
}

static void read_answer(int fd)
{
    uint8_t b[4096];
    recv_all(fd, b, 4);
    size_t n = load_be32(b);
    if (n > sizeof b) give_up("an answer that is too long");
    recv_all(fd, b, n);
    size_t error = 4 + 4 + 2 + strlen(o.topic) + 4 + 4; /* correlation, topics, name, partitions, index */
    if (error + 2 > n || load_be16(b + error)) give_up("a batch was not accepted");
}

static void send_batch(int fd, struct slice batch, long partition)
{
    struct kp_writer w;
    kp_writer_init(&w, batch.n + 256);
    kp_write_i32(&w, 0);
    kp_write_i16(&w, 0);
    kp_write_i16(&w, 7);
    kp_write_i32(&w, 1);
    kp_write_string(&w, 0, slice_cstr("fill"));
    kp_write_i16(&w, -1);
    kp_write_i16(&w, 1);
    kp_write_i32(&w, 30000);
    kp_write_i32(&w, 1);
    kp_write_string(&w, 0, slice_cstr(o.topic));
    kp_write_i32(&w, 1);
    kp_write_i32(&w, (int32_t)partition);
    kp_write_i32(&w, (int32_t)batch.n);
    kp_write_raw(&w, batch);
    kp_writer_patch_i32(&w, 0, (int32_t)w.n - 4);
    for (size_t at = 0; at < w.n;) {
        ssize_t r = send(fd, w.p + at, w.n - at, MSG_NOSIGNAL);
        if (r <= 0) give_up("the broker closed the connection");
        at += (size_t)r;
    }
    kp_writer_fini(&w);
}

static int connect_to(char *address)
{
    char *colon = strchr(address, ':');
    if (!colon) give_up("write the address as HOST:PORT");
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(colon + 1)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) give_up("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        long *v;
    } keys[] = {{"partitions", &o.partitions},
                {"mb", &o.mb},
                {"batch", &o.batch},
                {"value", &o.value},
                {"keys", &o.keys}};
    if (argc < 2) return 2;
    for (int i = 2; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (!eq) return 2;
        if (strncmp(argv[i], "topic=", 6) == 0) o.topic = eq + 1;
        for (size_t k = 0; k < NELEMS(keys); k++)
            if (strlen(keys[k].name) == (size_t)(eq - argv[i]) &&
                strncmp(argv[i], keys[k].name, strlen(keys[k].name)) == 0)
                *keys[k].v = atol(eq + 1);
    }
    struct prng prng;
    struct batch_builder b;
    struct kp_writer batch;
    uint8_t *value = xcalloc(1, (size_t)o.value);
    int64_t total = o.mb * 1000000, sent = 0, records = 0, first = clock_ms(CLOCK_REALTIME) - 86400000,
            t = first;
    int64_t began = clock_ms(CLOCK_MONOTONIC);
    int fd = connect_to(argv[1]), waiting = 0;
    prng_init(&prng, 1);
    batch_builder_init(&b);
    kp_writer_init(&batch, (size_t)o.batch);
    while (sent < total) {
        batch_builder_reset(&b);
        kp_writer_reset(&batch);
        while (batch_builder_bytes(&b) + (size_t)o.value + 30 < (size_t)o.batch || b.count == 0) {
            char key[24];
            int n = snprintf(key, sizeof key, "key-%010llu",
                             o.keys ? (unsigned long long)(prng_next(&prng) % (uint64_t)o.keys) : 0);
            for (size_t i = 0; i + 8 <= (size_t)o.value; i += 8) store_be64(value + i, prng_next(&prng));
            batch_add(&b, t++, o.keys ? slice_of(key, (size_t)n) : (struct slice){0},
                      slice_of(value, (size_t)o.value), NULL, 0);
        }
        if (batch_finish(&b, &batch)) return 1;
        for (long p = 0; p < o.partitions && sent < total; p++) {
            if (waiting == WINDOW) read_answer(fd), waiting--;
            send_batch(fd, kp_writer_slice(&batch), p);
            waiting++;
            sent += (int64_t)batch.n;
            records += b.count;
        }
    }
    for (; waiting; waiting--) read_answer(fd);
    printf("{\"records\": %lld, \"mb\": %.1f, \"seconds\": %.2f, \"first_ms\": %lld, \"last_ms\": %lld}\n",
           (long long)records, (double)sent / 1e6, (double)(clock_ms(CLOCK_MONOTONIC) - began) / 1e3,
           (long long)first, (long long)(t - 1));
    return 0;
}
