/* Fills a topic: batches to the partitions in turn over one connection, each record with a time of its own.
 *
 *   fill HOST:PORT key=value...
 *   topic=t partitions=1 mb=100 batch=16384 value=100
 *   keys=0 (no keys; N: a random one of N for each record)
 *
 * Prints one JSON object; first_ms and last_ms are the times of the first and the last record, one
 * millisecond apart for each record of a partition's round. */
#include "bench.h"
#include "base/prng.h"
#include "kp/batch.h"

#define WINDOW 16

static struct {
    const char *topic;
    long partitions, mb, batch, value, keys;
} o = {"t", 1, 100, 16384, 100, 0};

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
    begin_frame(&w, 0, 7);
    kp_write_i16(&w, -1);
    kp_write_i16(&w, 1);
    kp_write_i32(&w, 30000);
    kp_write_i32(&w, 1);
    kp_write_string(&w, 0, slice_cstr(o.topic));
    kp_write_i32(&w, 1);
    kp_write_i32(&w, (int32_t)partition);
    kp_write_i32(&w, (int32_t)batch.n);
    kp_write_raw(&w, batch);
    end_frame(&w);
    for (size_t at = 0; at < w.n;) {
        ssize_t r = send(fd, w.p + at, w.n - at, MSG_NOSIGNAL);
        if (r <= 0) give_up("the broker closed the connection");
        at += (size_t)r;
    }
    kp_writer_fini(&w);
}

int main(int argc, char **argv)
{
    const struct option options[] = {{"partitions", &o.partitions},
                                     {"mb", &o.mb},
                                     {"batch", &o.batch},
                                     {"value", &o.value},
                                     {"keys", &o.keys}};
    if (argc < 2) return 2;
    take_options(argv + 2, argc - 2, &o.topic, options, NELEMS(options));
    struct prng prng;
    struct batch_builder b;
    struct kp_writer batch;
    uint8_t *value = xcalloc(1, (size_t)o.value);
    int64_t total = o.mb * 1000000, sent = 0, records = 0, first = wall_ms() - 86400000, t = first;
    int64_t began = now_ns();
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
           (long long)records, (double)sent / 1e6, (double)(now_ns() - began) / 1e9, (long long)first,
           (long long)(t - 1));
    return 0;
}
