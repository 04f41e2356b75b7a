/* Reads by time: ListOffsets for a time, then one Fetch from the offset it gave, again and again over one
 * connection, until so many records were read.
 *
 *   lookup HOST:PORT key=value...
 *   topic=t records=1000000 fetch=16384 first_ms= last_ms= pid=N (broker, for its CPU)      partition 0
 *
 * Prints one JSON object. */
#include "bench.h"
#include "base/prng.h"
#include "kp/batch_head.h"

static struct {
    const char *topic;
    long records, fetch, first_ms, last_ms, pid;
} o = {"t", 1000000, 16384, 0, 0, 0};
static int fd;
static uint8_t answer[4 << 20];

/* Sends what is in w and reads the whole answer; gives what follows the correlation id. */
static struct slice ask(struct kp_writer *w)
{
    size_t have = 0, n = 4;
    end_frame(w);
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
    kp_writer_reset(w);
    begin_frame(w, 2, 1);
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
    kp_writer_reset(w);
    begin_frame(w, 1, 4);
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

int main(int argc, char **argv)
{
    const struct option options[] = {{"records", &o.records},
                                     {"fetch", &o.fetch},
                                     {"first_ms", &o.first_ms},
                                     {"last_ms", &o.last_ms},
                                     {"pid", &o.pid}};
    if (argc < 2) return 2;
    take_options(argv + 2, argc - 2, &o.topic, options, NELEMS(options));
    if (o.last_ms < o.first_ms) give_up("last_ms is before first_ms");
    fd = connect_to(argv[1]);
    struct prng prng;
    struct kp_writer w;
    prng_init(&prng, 1);
    kp_writer_init(&w, 256);
    struct i64s lat = {0};
    int64_t records = 0;
    double cpu = cpu_of(o.pid);
    int64_t start = now_ns();
    while (records < o.records) {
        int64_t t = o.first_ms + (int64_t)(prng_next(&prng) % (uint64_t)(o.last_ms - o.first_ms + 1));
        int64_t began = now_ns();
        int64_t offset = offset_of(&w, t), got = offset < 0 ? 0 : fetch_from(&w, offset);
        if (got <= 0) give_up("a look-up found no record");
        i64s_add(&lat, now_ns() - began);
        records += got;
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    cpu = cpu_of(o.pid) - cpu;
    i64s_sort(&lat);
    printf("{\"records\": %lld, \"lookups\": %d, \"seconds\": %.3f, \"cpu_s\": %.2f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f}\n",
           (long long)records, lat.n, seconds, cpu, quantile_ms(&lat, 0.5), quantile_ms(&lat, 0.99));
    return 0;
}
