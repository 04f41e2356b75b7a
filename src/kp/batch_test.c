#include "kp/batch.h"

#include "base/prng.h"
#include "base/test.h"

static struct slice random_slice(struct prng *prng, bool nullable)
{
    static uint8_t bytes[2000];
    if (nullable && prng_below(prng, 4) == 0) return (struct slice){NULL, 0};
    for (int i = 0; i < 20; i++) bytes[prng_below(prng, sizeof bytes)] = (uint8_t)prng_next(prng);
    size_t n = prng_below(prng, prng_below(prng, 10) ? 30 : 1500);
    return slice_of(bytes + prng_below(prng, sizeof bytes - n), n);
}

/* A batch of `count` random records; text gets one line a record. */
static void random_batch(struct prng *prng, int codec, int32_t count, struct kp_writer *out,
                         struct strbuf *text)
{
    struct batch_builder b;
    batch_builder_init(&b);
    b.codec = codec;
    b.base_offset = (int64_t)prng_below(prng, 1ull << 40);
    b.leader_epoch = 5;
    for (int32_t i = 0; i < count; i++) {
        struct record_header headers[3];
        int32_t n = (int32_t)prng_below(prng, 4);
        int64_t time_ms = (int64_t)prng_below(prng, 1ull << 42) - 1;
        struct slice key = random_slice(prng, true), value = random_slice(prng, true);
        strbuf_printf(text, "%lld %lld %d %zu %d %zu %d", (long long)b.base_offset + i, (long long)time_ms,
                      key.p != NULL, key.n, value.p != NULL, value.n, n);
        for (int32_t k = 0; k < n; k++) {
            headers[k] = (struct record_header){random_slice(prng, false), random_slice(prng, true)};
            strbuf_printf(text, " %zu %d %zu", headers[k].name.n, headers[k].value.p != NULL,
                          headers[k].value.n);
        }
        strbuf_add_char(text, '\n');
        batch_add(&b, time_ms, key, value, headers, n);
    }
    ASSERT(batch_finish(&b, out) == 0);
    batch_builder_fini(&b);
}

static int read_batch(struct slice bytes, size_t max_out, struct strbuf *text)
{
    struct batch_head h = {0};
    int rc = batch_head_parse(bytes, &h);
    if (rc) return rc;
    struct kp_writer scratch;
    kp_writer_init(&scratch, 0);
    struct slice body;
    rc = batch_body(bytes.p, &h, max_out, &scratch, &body);
    struct record_iter it;
    struct record r;
    if (rc == 0) {
        record_iter_init(&it, &h, body);
        while (record_next(&it, &r)) {
            strbuf_printf(text, "%lld %lld %d %zu %d %zu %d", (long long)r.offset, (long long)r.time_ms,
                          r.key.p != NULL, r.key.n, r.value.p != NULL, r.value.n, r.headers_n);
            struct slice rest = r.headers, name, value;
            while (record_header_next(&rest, &name, &value))
                strbuf_printf(text, " %zu %d %zu", name.n, value.p != NULL, value.n);
            strbuf_add_char(text, '\n');
        }
        rc = it.err;
    }
    kp_writer_fini(&scratch);
    return rc;
}

TEST(batches_read_back_what_was_added)
{
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 100; i++) {
        struct kp_writer w;
        struct strbuf before, after;
        kp_writer_init(&w, 0);
        strbuf_init(&before);
        strbuf_init(&after);
        random_batch(&prng, i % KP_CODECS_N, 1 + (int32_t)prng_below(&prng, 40), &w, &before);
        struct batch_head h = {0};
        CHECK_INT(batch_head_parse(kp_writer_slice(&w), &h), 0);
        CHECK(batch_crc_ok(w.p, h.bytes));
        CHECK_INT(read_batch(kp_writer_slice(&w), 1 << 20, &after), 0);
        CHECK_STR(strbuf_cstr(&after), strbuf_cstr(&before));
        kp_writer_fini(&w);
        strbuf_fini(&before);
        strbuf_fini(&after);
    }
}

TEST(a_scan_sees_the_outline_of_every_record)
{
    struct prng prng;
    prng_init(&prng, 2);
    struct kp_unpack *u = kp_unpack_new();
    for (int i = 0; i < 100; i++) {
        struct kp_writer w, scratch;
        struct strbuf text;
        kp_writer_init(&w, 0);
        kp_writer_init(&scratch, 0);
        strbuf_init(&text);
        random_batch(&prng, i % KP_CODECS_N, 1 + (int32_t)prng_below(&prng, 100), &w, &text);
        struct batch_head h = {0};
        CHECK_INT(batch_head_parse(kp_writer_slice(&w), &h), 0);
        struct slice body;
        CHECK_INT(batch_body(w.p, &h, 1 << 24, &scratch, &body), 0);
        struct record_iter it;
        struct record r;
        record_iter_init(&it, &h, body);
        struct record_scan s;
        struct record_outline o;
        CHECK_INT(record_scan_init(&s, u, w.p, &h, 1 << 24), 0);
        int32_t n = 0;
        while (record_scan_next(&s, &o)) {
            CHECK(record_next(&it, &r));
            CHECK_INT(o.offset_delta, n++);
            CHECK_INT(o.time_delta_ms + h.base_time_ms, r.time_ms);
            CHECK_INT(o.key_bytes, r.key.p ? (int64_t)r.key.n : -1);
            CHECK_INT(o.value_bytes, r.value.p ? (int64_t)r.value.n : -1);
            CHECK_INT(o.headers_n, r.headers_n);
        }
        CHECK_INT(s.err, 0);
        CHECK_INT(n, h.count);
        kp_writer_fini(&w);
        kp_writer_fini(&scratch);
        strbuf_fini(&text);
    }
    kp_unpack_free(u);
}

TEST(cut_and_damaged_batches_are_refused_or_read_within_bounds)
{
    struct prng prng;
    prng_init(&prng, 3);
    struct kp_unpack *u = kp_unpack_new();
    for (int codec = 0; codec < KP_CODECS_N; codec++) {
        struct kp_writer w;
        struct strbuf text;
        kp_writer_init(&w, 0);
        strbuf_init(&text);
        random_batch(&prng, codec, 5, &w, &text);
        struct batch_head h = {0};
        for (size_t n = 0; n < w.n; n++) CHECK_INT(batch_head_parse(slice_of(w.p, n), &h), ERR_EOF);
        for (int i = 0; i < 3000; i++) {
            uint8_t *copy = xmalloc(w.n);
            memcpy(copy, w.p, w.n);
            copy[prng_below(&prng, w.n)] = (uint8_t)prng_next(&prng);
            strbuf_reset(&text);
            read_batch(slice_of(copy, w.n), 1 << 20, &text);
            struct record_scan s;
            struct record_outline o;
            if (batch_head_parse(slice_of(copy, w.n), &h) == 0 &&
                record_scan_init(&s, u, copy, &h, 1 << 20) == 0)
                while (record_scan_next(&s, &o)) continue;
            free(copy);
        }
        kp_writer_fini(&w);
        strbuf_fini(&text);
    }
    kp_unpack_free(u);
}

/* Heads a body of these bytes and reads it. */
static int read_body(const uint8_t *body, size_t n, int32_t count)
{
    struct batch_head h = {.count = count};
    struct record_iter it;
    struct record r;
    record_iter_init(&it, &h, slice_of(body, n));
    while (record_next(&it, &r)) continue;
    return it.err;
}
#define BODY(count, ...)                                                                                     \
    read_body((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), count)

TEST(record_lengths_must_nest)
{
    /* length 6, attributes, time 0, offset 0, null key, null value, no headers; lengths are zigzag */
    CHECK_INT(BODY(1, 12, 0, 0, 0, 1, 1, 0), 0);
    CHECK_INT(BODY(2, 12, 0, 0, 0, 1, 1, 0), ERR_EOF);
    CHECK_INT(BODY(1, 12, 0, 0, 0, 1, 1, 0, 9), ERR_FORMAT);    /* bytes after the last record */
    CHECK_INT(BODY(1, 14, 0, 0, 0, 1, 1, 0, 0), ERR_FORMAT);    /* a record longer than its fields */
    CHECK_INT(BODY(1, 10, 0, 0, 0, 1, 1, 0), ERR_FORMAT);       /* and one shorter */
    CHECK_INT(BODY(1, 12, 0, 0, 0, 8, 1, 0), ERR_FORMAT);       /* a key past the record */
    CHECK_INT(BODY(1, 12, 0, 0, 0, 3, 1, 0), ERR_FORMAT);       /* a length of -2 */
    CHECK_INT(BODY(1, 12, 0, 0, 2, 1, 1, 0), ERR_FORMAT);       /* an offset past the batch's last */
    CHECK_INT(BODY(1, 12, 0, 0, 1, 1, 1, 0), ERR_FORMAT);       /* an offset before the base */
    CHECK_INT(BODY(1, 12, 0, 0, 0, 1, 1, 1), ERR_FORMAT);       /* -1 headers */
    CHECK_INT(BODY(1, 12, 0, 0, 0, 1, 1, 2), ERR_FORMAT);       /* a header that is not there */
    CHECK_INT(BODY(1, 16, 0, 0, 0, 1, 1, 2, 0, 1), 0);          /* an empty name, a null value */
    CHECK_INT(BODY(1, 16, 0, 0, 0, 1, 1, 2, 1, 1), ERR_FORMAT); /* a null name */
    CHECK_INT(BODY(1, 11), ERR_FORMAT);                         /* a length of -6 */
    CHECK_INT(BODY(0, 0), ERR_FORMAT);
    CHECK_INT(read_body(NULL, 0, 0), 0);
}

TEST(patches_keep_the_checksum_right)
{
    struct batch_builder b;
    batch_builder_init(&b);
    b.attributes = BATCH_TRANSACTIONAL;
    b.producer_id = 77;
    b.producer_epoch = 3;
    b.base_sequence = 9;
    batch_add(&b, 1000, slice_cstr("k"), slice_cstr("v"), NULL, 0);
    batch_add_at(&b, 4, 900, (struct slice){NULL, 0}, (struct slice){NULL, 0}, NULL, 0);
    b.last_delta = 6;
    struct kp_writer w;
    kp_writer_init(&w, 0);
    CHECK_INT(batch_finish(&b, &w), 0);
    batch_set_base_offset(w.p, 100);
    batch_set_leader_epoch(w.p, 8);
    struct batch_head h = {0};
    CHECK_INT(batch_head_parse(kp_writer_slice(&w), &h), 0);
    CHECK(batch_crc_ok(w.p, h.bytes));
    CHECK_INT(h.base_offset, 100);
    CHECK_INT(h.last_offset, 106);
    CHECK_INT(h.leader_epoch, 8);
    CHECK_INT(h.count, 2);
    CHECK_INT(h.base_time_ms, 1000);
    CHECK_INT(h.max_time_ms, 1000);
    CHECK_INT(h.producer_id, 77);
    CHECK_INT(h.producer_epoch, 3);
    CHECK_INT(h.base_sequence, 9);
    CHECK_INT(h.attributes, BATCH_TRANSACTIONAL);
    batch_set_append_time(w.p, w.n, 5000);
    CHECK_INT(batch_head_parse(kp_writer_slice(&w), &h), 0);
    CHECK(batch_crc_ok(w.p, h.bytes));
    CHECK(h.attributes & BATCH_LOG_APPEND_TIME);
    struct record_iter it;
    struct record r;
    record_iter_init(&it, &h, slice_of(w.p + BATCH_HEAD_BYTES, w.n - BATCH_HEAD_BYTES));
    CHECK(record_next(&it, &r));
    CHECK_INT(r.time_ms, 5000);
    CHECK_INT(r.offset, 100);
    CHECK(record_next(&it, &r));
    CHECK_INT(r.offset, 104);
    CHECK(!record_next(&it, &r));

    batch_builder_reset(&b);
    batch_add_control(&b, 1, 1, slice_cstr("x"));
    kp_writer_reset(&w);
    CHECK_INT(batch_finish(&b, &w), 0);
    CHECK_INT(batch_head_parse(kp_writer_slice(&w), &h), 0);
    CHECK_INT(h.attributes, BATCH_CONTROL);
    CHECK_INT(h.producer_id, -1);
    record_iter_init(&it, &h, slice_of(w.p + BATCH_HEAD_BYTES, w.n - BATCH_HEAD_BYTES));
    CHECK(record_next(&it, &r));
    CHECK(slice_eq(r.key, slice_of("\0\0\0\1", 4)));
    kp_writer_fini(&w);
    batch_builder_fini(&b);
}

TEST_MAIN
