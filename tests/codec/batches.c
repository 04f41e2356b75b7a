/* Record batches for, and from, tests/codec/Batches.java. A line is a batch in hex, a tab and its text:
 *   base, last, epoch, codec, append time, transactional, control, delete horizon or -, producer id, producer
 * epoch, base sequence, count, max timestamp; then each record behind a |: offset, time, key, value, headers
 * batches emit ROUNDS SEED writes lines; batches check reads them and compares, rebuilds what is not
 * compressed, and ends with "N passed, N failed". */
#include "base/prng.h"
#include "kp/batch.h"

#include <stdio.h>
#include <stdlib.h>

static void add_hex(struct strbuf *b, struct slice s)
{
    if (!s.p) strbuf_add_cstr(b, "null");
    for (size_t i = 0; i < s.n; i++) {
        static const char digits[] = "0123456789abcdef";
        char two[2] = {digits[s.p[i] >> 4], digits[s.p[i] & 15]};
        strbuf_add(b, two, 2);
    }
}

/* The text of a batch; with it, if rebuilt is not NULL, the same batch built anew. */
static int describe(struct slice batch, struct strbuf *b, struct batch_builder *rebuilt)
{
    struct batch_head h = {0};
    int rc = batch_head_parse(batch, &h);
    if (rc) return rc;
    if ((size_t)h.bytes != batch.n) return ERR_FORMAT;
    if (!batch_crc_ok(batch.p, h.bytes)) return ERR_CORRUPT_MESSAGE;
    strbuf_printf(b, "%lld,%lld,%d,%s,%d,%d,%d,", (long long)h.base_offset, (long long)h.last_offset,
                  h.leader_epoch, kp_codec_name(batch_codec(&h)), (h.attributes & BATCH_LOG_APPEND_TIME) != 0,
                  (h.attributes & BATCH_TRANSACTIONAL) != 0, (h.attributes & BATCH_CONTROL) != 0);
    if (h.attributes & BATCH_DELETE_HORIZON) strbuf_printf(b, "%lld", (long long)h.base_time_ms);
    else strbuf_add_char(b, '-');
    strbuf_printf(b, ",%lld,%d,%d,%d,%lld", (long long)h.producer_id, h.producer_epoch, h.base_sequence,
                  h.count, (long long)h.max_time_ms);
    struct kp_writer scratch;
    kp_writer_init(&scratch, 0);
    struct slice body;
    rc = batch_body(batch.p, &h, 64 << 20, &scratch, &body);
    struct record_iter it = {0};
    struct record r;
    if (rc == 0) {
        rebuilt->attributes = h.attributes & (uint16_t)~BATCH_CODEC_MASK;
        rebuilt->base_offset = h.base_offset;
        rebuilt->leader_epoch = h.leader_epoch;
        rebuilt->producer_id = h.producer_id;
        rebuilt->producer_epoch = h.producer_epoch;
        rebuilt->base_sequence = h.base_sequence;
        rebuilt->base_time_ms = h.base_time_ms;
        record_iter_init(&it, &h, body);
        while (record_next(&it, &r)) {
            struct record_header headers[8];
            int32_t n = 0;
            struct slice rest = r.headers;
            strbuf_printf(b, "|%lld,%lld,", (long long)r.offset, (long long)r.time_ms);
            add_hex(b, r.key);
            strbuf_add_char(b, ',');
            add_hex(b, r.value);
            strbuf_add_char(b, ',');
            while (n < 8 && record_header_next(&rest, &headers[n].name, &headers[n].value)) {
                add_hex(b, headers[n].name);
                strbuf_add_char(b, ':');
                add_hex(b, headers[n].value);
                strbuf_add_char(b, ';');
                n++;
            }
            batch_add_at(rebuilt, (int32_t)(r.offset - h.base_offset), r.time_ms, r.key, r.value, headers, n);
        }
        rebuilt->last_delta = (int32_t)(h.last_offset - h.base_offset);
        rc = it.err;
    }
    kp_writer_fini(&scratch);
    return rc;
}

static struct slice random_slice(struct prng *prng, struct arena *a, size_t max, bool nullable)
{
    if (nullable && prng_below(prng, 5) == 0) return (struct slice){NULL, 0};
    size_t n = prng_below(prng, max);
    uint8_t *p = arena_alloc(a, n + 1);
    uint64_t v = prng_next(prng);
    bool flat = prng_below(prng, 2);
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)((flat ? v : prng_next(prng)) >> 8 * (i % 7) & 0x7f);
    return slice_of(p, n);
}

static void emit_one(struct prng *prng, int codec)
{
    struct arena a;
    struct batch_builder b, unused;
    struct kp_writer w;
    struct strbuf text;
    arena_init(&a);
    kp_writer_init(&w, 0);
    strbuf_init(&text);
    batch_builder_init(&b);
    batch_builder_init(&unused);
    b.codec = codec;
    if (prng_below(prng, 3) == 0) b.level = (int32_t)prng_below(prng, 20);
    b.base_offset = (int64_t)prng_below(prng, 1ull << 50);
    b.leader_epoch = (int32_t)prng_below(prng, 1000) - 1;
    if (prng_below(prng, 2)) {
        b.producer_id = (int64_t)prng_below(prng, 1ull << 40);
        b.producer_epoch = (int16_t)prng_below(prng, 30000);
        b.base_sequence = (int32_t)prng_below(prng, INT32_MAX);
        if (prng_below(prng, 2)) b.attributes |= BATCH_TRANSACTIONAL;
    }
    int64_t time_ms = (int64_t)prng_below(prng, 1ull << 41);
    if (prng_below(prng, 10) == 0) {
        b.attributes |= BATCH_DELETE_HORIZON;
        b.base_time_ms = time_ms + 1000;
    }
    int32_t n = 1 + (int32_t)prng_below(prng, prng_below(prng, 10) ? 20 : 500);
    if (codec == 0 && prng_below(prng, 20) == 0)
        batch_add_control(&b, time_ms, 1, random_slice(prng, &a, 10, false));
    else
        for (int32_t i = 0; i < n; i++) {
            struct record_header headers[3];
            int32_t headers_n = (int32_t)prng_below(prng, 3);
            for (int32_t k = 0; k < headers_n; k++)
                headers[k] = (struct record_header){random_slice(prng, &a, 20, false),
                                                    random_slice(prng, &a, 20, true)};
            struct slice key = random_slice(prng, &a, 100, true),
                         value = random_slice(prng, &a, prng_below(prng, 50) ? 500 : 90000, true);
            batch_add_at(&b, b.last_delta + 1 + (int32_t)(prng_below(prng, 5) == 0), time_ms, key, value,
                         headers, headers_n);
            time_ms += (int64_t)prng_below(prng, 2000) - 500;
        }
    b.last_delta += (int32_t)prng_below(prng, 2);
    if (batch_finish(&b, &w)) abort();
    if (prng_below(prng, 10) == 0) batch_set_append_time(w.p, w.n, time_ms + 5);
    if (describe(kp_writer_slice(&w), &text, &unused)) abort();
    for (size_t i = 0; i < w.n; i++) printf("%02x", w.p[i]);
    printf("\t%s\n", strbuf_cstr(&text));
    batch_builder_fini(&b);
    batch_builder_fini(&unused);
    kp_writer_fini(&w);
    strbuf_fini(&text);
    arena_fini(&a);
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static const char *check_one(const char *hex, size_t hex_n, const char *expected)
{
    const char *failure = NULL;
    size_t n = hex_n / 2;
    uint8_t *bytes = xmalloc(n + 1);
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    struct strbuf text;
    struct batch_builder rebuilt;
    struct kp_writer w;
    strbuf_init(&text);
    batch_builder_init(&rebuilt);
    kp_writer_init(&w, 0);
    int rc = describe(slice_of(bytes, n), &text, &rebuilt);
    if (rc) failure = err_name(rc);
    else if (strcmp(strbuf_cstr(&text), expected) != 0) failure = "the text differs";
    else if (batch_finish(&rebuilt, &w)) failure = "it cannot be built again";
    else if ((bytes[BATCH_AT_ATTRIBUTES + 1] & (BATCH_CODEC_MASK | BATCH_LOG_APPEND_TIME)) == 0 &&
             !slice_eq(kp_writer_slice(&w), slice_of(bytes, n)))
        failure = "built again, it has other bytes";
    if (failure)
        printf("FAIL batch: %s\n  ours  %.300s\n  Kafka %.300s\n", failure, strbuf_cstr(&text), expected);
    free(bytes);
    strbuf_fini(&text);
    batch_builder_fini(&rebuilt);
    kp_writer_fini(&w);
    return failure;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "emit") == 0) {
        struct prng prng;
        prng_init(&prng, strtoull(argv[3], NULL, 10));
        for (int i = 0; i < atoi(argv[2]); i++)
            for (int codec = 0; codec < KP_CODECS_N; codec++) emit_one(&prng, codec);
        return 0;
    }
    if (argc != 2 || strcmp(argv[1], "check") != 0) return 2;
    int passed = 0, failed = 0;
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        char *tab = strchr(line, '\t');
        if (!tab) break;
        line[strcspn(line, "\n")] = 0;
        *tab = 0;
        *(check_one(line, (size_t)(tab - line), tab + 1) ? &failed : &passed) += 1;
    }
    free(line);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
