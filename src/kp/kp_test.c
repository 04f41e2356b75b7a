#include "kp/kp.h"

#include "base/test.h"
#include "kp/header.h"
#include "kp/fetch.h"
#include "kp/group_records.h"
#include "kp/metadata.h"
#include "kp/metadata_records.h"
#include "kp/random.h"

#define ROUNDS 12

/* Random instances of every message and version, as bytes: calls back with each. */
static void each_sample(void (*cb)(const struct kp_message *m, int16_t version, const void *value,
                                   struct slice bytes))
{
    struct prng prng;
    prng_init(&prng, 1);
    for (const struct kp_message *const *m = kp_messages; *m; m++)
        for (int16_t version = (*m)->version_min; version <= (*m)->version_max; version++)
            for (int i = 0; i < ROUNDS; i++) {
                struct arena a;
                arena_init(&a);
                void *value = arena_zalloc(&a, 1, (*m)->shape->size);
                kp_random(&prng, &a, version, (*m)->shape, value);
                struct kp_writer w;
                kp_writer_init(&w, 0);
                (*m)->write(&w, version, value);
                /* an exact copy, so that the sanitizer sees every byte read too far */
                uint8_t *exact = xmalloc(w.n + 1);
                if (w.n) memcpy(exact, w.p, w.n);
                exact = xrealloc(exact, w.n ? w.n : 1);
                cb(*m, version, value, slice_of(exact, w.n));
                free(exact);
                kp_writer_fini(&w);
                arena_fini(&a);
            }
}

static void round_trip_cb(const struct kp_message *m, int16_t version, const void *value, struct slice bytes)
{
    struct arena a;
    arena_init(&a);
    void *copy = arena_zalloc(&a, 1, m->shape->size);
    struct kp_reader r = kp_reader_of(bytes);
    int err = m->read(&r, &a, version, copy);
    struct kp_writer w;
    kp_writer_init(&w, 0);
    if (!err) m->write(&w, version, copy);
    struct strbuf before, after;
    strbuf_init(&before);
    strbuf_init(&after);
    kp_print(&before, version, m->shape, value);
    if (!err) kp_print(&after, version, m->shape, copy);
    if (err || kp_left(&r) || !slice_eq(bytes, kp_writer_slice(&w)) || strcmp(before.s, after.s) != 0) {
        printf("  %s version %d: error %d, %zu bytes left\n  wrote %s\n  read  %s\n", m->name, version, err,
               kp_left(&r), before.s, strbuf_cstr(&after));
        test_failures++;
    }
    strbuf_fini(&before);
    strbuf_fini(&after);
    kp_writer_fini(&w);
    arena_fini(&a);
}

TEST(every_message_and_version_reads_back_what_was_written)
{
    each_sample(round_trip_cb);
}

/* A cut message is an error. Only where the bytes end in things that count as absent may it still be
 * accepted: nowhere today, as every field of every version takes at least a byte. */
static void truncate_cb(const struct kp_message *m, int16_t version, const void *value, struct slice bytes)
{
    (void)value;
    size_t step = bytes.n > 300 ? 7 : 1;
    for (size_t n = 0; n < bytes.n; n += step) {
        uint8_t *cut = xmalloc(n ? n : 1);
        memcpy(cut, bytes.p, n);
        struct arena a;
        arena_init(&a);
        void *out = arena_zalloc(&a, 1, m->shape->size);
        struct kp_reader r = kp_reader_of(slice_of(cut, n));
        int err = m->read(&r, &a, version, out);
        if (err != ERR_EOF) {
            printf("  %s version %d cut to %zu of %zu bytes: %d\n", m->name, version, n, bytes.n, err);
            test_failures++;
        }
        arena_fini(&a);
        free(cut);
    }
}

TEST(every_truncated_message_is_refused)
{
    each_sample(truncate_cb);
}

/* Every byte in turn gets other values: accepted or refused, but read within bounds, printed and written
 * again. */
static void damage_cb(const struct kp_message *m, int16_t version, const void *value, struct slice bytes)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    (void)value;
    uint8_t *copy = xmalloc(bytes.n + 1);
    for (size_t i = 0; i<bytes.n; i += bytes.n> 200 ? 13 : 3) {
        memcpy(copy, bytes.p, bytes.n);
        copy[i] = values[i % NELEMS(values)];
        struct arena a;
        arena_init(&a);
        void *out = arena_zalloc(&a, 1, m->shape->size);
        struct kp_reader r = kp_reader_of(slice_of(copy, bytes.n));
        if (m->read(&r, &a, version, out) == 0) {
            struct kp_writer w;
            struct strbuf b;
            kp_writer_init(&w, 0);
            strbuf_init(&b);
            m->write(&w, version, out);
            kp_print(&b, version, m->shape, out);
            if (w.err) test_failures++;
            strbuf_fini(&b);
            kp_writer_fini(&w);
        }
        arena_fini(&a);
    }
    free(copy);
}

TEST(damaged_messages_are_read_within_bounds)
{
    each_sample(damage_cb);
}

#define READER(...)                                                                                          \
    kp_reader_of(slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})))

TEST(reads_past_the_end_give_zeros_and_a_sticky_error)
{
    struct kp_reader r = READER(1, 2, 3);
    CHECK_INT(kp_read_i16(&r), 0x0102);
    CHECK_INT(kp_read_i32(&r), 0);
    CHECK_INT(r.err, ERR_EOF);
    CHECK_INT(kp_read_i8(&r), 0);
    CHECK_INT(kp_fail(&r, ERR_FORMAT), 0);
    CHECK_INT(r.err, ERR_EOF);
    CHECK(kp_read_string(&r, KP_NULLABLE).p != NULL);
    CHECK_INT(kp_read_array_len(&r, KP_NULLABLE, 1), 0);
    CHECK_INT(kp_left(&r), 0);
    r = kp_reader_of(slice_of(NULL, 0));
    CHECK_INT(kp_read_i64(&r), 0);
    CHECK_INT(r.err, ERR_EOF);
}

TEST(varints_have_five_or_ten_bytes_at_most)
{
    struct kp_reader r = READER(0xff, 0xff, 0xff, 0xff, 0x0f);
    CHECK_INT(kp_read_uvarint(&r), UINT32_MAX);
    CHECK_INT(r.err, 0);
    r = READER(0xff, 0xff, 0xff, 0xff, 0x1f);
    CHECK_INT(kp_read_uvarint(&r), 0);
    CHECK_INT(r.err, ERR_FORMAT);
    r = READER(0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
    CHECK_INT(kp_read_uvarint(&r), 0);
    CHECK_INT(r.err, ERR_FORMAT);
    r = READER(0x80, 0x80);
    CHECK_INT(kp_read_uvarint(&r), 0);
    CHECK_INT(r.err, ERR_EOF);
    r = READER(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    CHECK_INT(kp_read_varlong(&r), INT64_MIN);
    CHECK_INT(r.err, 0);
    r = READER(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02);
    CHECK_INT(kp_read_varlong(&r), 0);
    CHECK_INT(r.err, ERR_FORMAT);
}

TEST(varints_read_back)
{
    static const int64_t values[] = {0,         -1,        1,         63,        64,        -64,
                                     -65,       8191,      8192,      INT16_MIN, INT32_MAX, INT32_MIN,
                                     INT64_MAX, INT64_MIN, 1ll << 35, -300};
    struct kp_writer w;
    kp_writer_init(&w, 0);
    for (size_t i = 0; i < NELEMS(values); i++) {
        kp_write_varlong(&w, values[i]);
        kp_write_varint(&w, (int32_t)values[i]);
        size_t before = w.n;
        kp_write_uvarint(&w, (uint32_t)values[i]);
        CHECK_INT(w.n - before, kp_uvarint_bytes((uint32_t)values[i]));
    }
    struct kp_reader r = kp_reader_of(kp_writer_slice(&w));
    for (size_t i = 0; i < NELEMS(values); i++) {
        CHECK_INT(kp_read_varlong(&r), values[i]);
        CHECK_INT(kp_read_varint(&r), (int32_t)values[i]);
        CHECK_INT(kp_read_uvarint(&r), (uint32_t)values[i]);
    }
    CHECK_INT(r.err, 0);
    CHECK_INT(kp_left(&r), 0);
    kp_writer_fini(&w);
}

TEST(null_is_refused_where_it_is_not_allowed)
{
    struct kp_reader r = READER(0xff, 0xff);
    kp_read_string(&r, 0);
    CHECK_INT(r.err, ERR_FORMAT);
    r = READER(0xff, 0xff);
    CHECK(kp_read_string(&r, KP_NULLABLE).p == NULL);
    CHECK_INT(r.err, 0);
    r = READER(0);
    kp_read_bytes(&r, KP_COMPACT);
    CHECK_INT(r.err, ERR_FORMAT);
    r = READER(0);
    CHECK_INT(kp_read_array_len(&r, KP_COMPACT | KP_NULLABLE, 1), -1);
    CHECK_INT(r.err, 0);
    r = READER(0);
    kp_read_array_len(&r, KP_COMPACT, 1);
    CHECK_INT(r.err, ERR_FORMAT);
    r = READER(0xff, 0xff, 0xff, 0xfe); /* -2 is no length at all */
    kp_read_bytes(&r, KP_NULLABLE);
    CHECK_INT(r.err, ERR_FORMAT);
}

TEST(counts_are_held_against_what_is_left)
{
    struct kp_reader r = READER(0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0);
    CHECK_INT(kp_read_array_len(&r, 0, 1), 0);
    CHECK_INT(r.err, ERR_EOF);
    r = READER(0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0);
    CHECK_INT(kp_read_array_len(&r, 0, 4), 0);
    CHECK_INT(r.err, ERR_EOF);
    r = READER(0xff, 0xff, 0xff, 0xff, 0x0f, 1);
    CHECK_INT(kp_read_array_len(&r, KP_COMPACT, 1), 0);
    CHECK_INT(r.err, ERR_EOF);
    r = READER(0x81, 0x80, 0x02, 'a'); /* a compact string of 32768 bytes */
    kp_read_string(&r, KP_COMPACT);
    CHECK_INT(r.err, ERR_FORMAT);
}

TEST(arrays_stop_at_the_memory_bound)
{
    uint8_t bytes[4 + 1000] = {0, 0, 3, 0xe8};
    struct arena a;
    arena_init(&a);
    int8_t *out;
    struct kp_reader r = kp_reader_of(slice_of(bytes, sizeof bytes));
    r.mem_max = 1000;
    CHECK_INT(kp_read_i8_array(&r, &a, 0, &out), 1000);
    r = kp_reader_of(slice_of(bytes, sizeof bytes));
    r.mem_max = 999;
    CHECK_INT(kp_read_i8_array(&r, &a, 0, &out), 0);
    CHECK_INT(r.err, ERR_MESSAGE_TOO_LARGE);
    arena_fini(&a);
}

TEST(unknown_tagged_fields_are_skipped_and_known_ones_found_among_them)
{
    struct kp_writer w;
    kp_writer_init(&w, 0);
    kp_write_i32(&w, 7);
    kp_write_uvarint(&w, 2);
    for (uint32_t tag = 5; tag < 300; tag += 290) {
        size_t at = kp_tag_open(&w, tag);
        for (int i = 0; i < 200; i++) kp_write_i8(&w, 1);
        kp_tag_close(&w, at);
    }
    struct kp_response_header h;
    struct kp_reader r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_response_header_read(&r, NULL, 1, &h), 0);
    CHECK_INT(h.correlation_id, 7);
    CHECK_INT(kp_left(&r), 0);
    for (size_t n = 0; n < w.n; n++) {
        r = kp_reader_of(slice_of(w.p, n));
        CHECK_INT(kp_response_header_read(&r, NULL, 1, &h), ERR_EOF);
    }
    kp_writer_fini(&w);

    struct kp_fetch_request fetch;
    kp_fetch_request_init(&fetch);
    fetch.cluster_id = slice_cstr("c");
    kp_writer_init(&w, 0);
    kp_fetch_request_write(&w, 13, &fetch);
    /* …, 1 tagged field: tag 0, 2 bytes, "c" becomes 3 of them: one unknown before, the same tag twice */
    static const uint8_t tail[] = {1, 0, 2, 2, 'c'}, longer[] = {3, 90, 1, 9, 0, 2, 2, 'x', 0, 2, 2, 'd'};
    CHECK(w.n > sizeof tail && memcmp(w.p + w.n - sizeof tail, tail, sizeof tail) == 0);
    w.n -= sizeof tail;
    kp_write_raw(&w, slice_of(longer, sizeof longer));
    struct arena a;
    arena_init(&a);
    r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_fetch_request_read(&r, &a, 13, &fetch), 0);
    CHECK(slice_eq_cstr(fetch.cluster_id, "d"));
    CHECK_INT(kp_left(&r), 0);
    w.p[w.n - 3]++; /* the last field claims a byte more than it has */
    kp_write_i8(&w, 0);
    r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_fetch_request_read(&r, &a, 13, &fetch), ERR_FORMAT);
    arena_fini(&a);
    kp_writer_fini(&w);
}

TEST(records_elsewhere_leave_a_note_in_the_writer)
{
    int file;
    struct kp_fetch_response_partition_data p[2];
    for (int i = 0; i < 2; i++) kp_fetch_response_partition_data_init(&p[i]);
    p[0].records = (struct kp_records){.ext = &file, .ext_n = 300};
    p[1].records = (struct kp_records){.s = slice_cstr("inline")};
    struct kp_fetch_response_fetchable_topic_response t;
    kp_fetch_response_fetchable_topic_response_init(&t);
    t.partitions = p;
    t.partitions_n = 2;
    struct kp_fetch_response in, out;
    kp_fetch_response_init(&in);
    in.responses = &t;
    in.responses_n = 1;
    struct kp_writer w;
    kp_writer_init(&w, 0);
    kp_fetch_response_write(&w, 17, &in);
    CHECK_INT(w.exts_n, 1);
    CHECK(w.exts[0].ext == &file);
    CHECK_INT(w.exts[0].n, 300);
    CHECK_INT(kp_writer_total(&w), w.n + 300);

    uint8_t *whole = xcalloc(1, kp_writer_total(&w));
    memcpy(whole, w.p, w.exts[0].at);
    memset(whole + w.exts[0].at, 'r', 300);
    memcpy(whole + w.exts[0].at + 300, w.p + w.exts[0].at, w.n - w.exts[0].at);
    struct arena a;
    arena_init(&a);
    struct kp_reader r = kp_reader_of(slice_of(whole, kp_writer_total(&w)));
    CHECK_INT(kp_fetch_response_read(&r, &a, 17, &out), 0);
    CHECK_INT(kp_left(&r), 0);
    CHECK_INT(out.responses[0].partitions[0].records.s.n, 300);
    CHECK(out.responses[0].partitions[0].records.s.p[299] == 'r');
    CHECK(slice_eq_cstr(out.responses[0].partitions[1].records.s, "inline"));
    arena_fini(&a);
    free(whole);
    kp_writer_fini(&w);
}

TEST(a_string_too_long_for_the_protocol_is_left_empty)
{
    static uint8_t big[KP_STRING_BYTES_MAX + 1];
    struct kp_writer w;
    kp_writer_init(&w, 0);
    kp_write_string(&w, 0, slice_of(big, KP_STRING_BYTES_MAX));
    CHECK_INT(w.err, 0);
    CHECK_INT(w.n, 2 + KP_STRING_BYTES_MAX);
    kp_writer_reset(&w);
    kp_write_string(&w, KP_COMPACT, slice_of(big, sizeof big));
    CHECK_INT(w.err, ERR_MESSAGE_TOO_LARGE);
    CHECK_INT(w.n, 1);
    kp_writer_fini(&w);
}

TEST(a_value_a_version_lacks_is_left_out)
{
    struct kp_metadata_request in, out;
    kp_metadata_request_init(&in);
    in.allow_auto_topic_creation = false;
    in.topics_n = -1; /* version 0 has no null: it becomes empty */
    struct arena a;
    arena_init(&a);
    struct kp_writer w;
    kp_writer_init(&w, 0);
    kp_metadata_request_write(&w, 0, &in);
    CHECK_INT(w.n, 4);
    struct kp_reader r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_metadata_request_read(&r, &a, 0, &out), 0);
    CHECK_INT(out.topics_n, 0);
    CHECK(out.allow_auto_topic_creation);
    r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_metadata_request_read(&r, &a, 99, &out), ERR_UNSUPPORTED_VERSION);
    kp_writer_fini(&w);
    arena_fini(&a);
}

TEST(headers_follow_key_and_version)
{
    struct kp_request_header in, out;
    kp_request_header_init(&in);
    in.request_api_key = KP_API_API_VERSIONS;
    in.request_api_version = 3;
    in.correlation_id = 42;
    in.client_id = slice_cstr("me");
    struct kp_writer w;
    kp_writer_init(&w, 0);
    kp_request_header_put(&w, &in);
    CHECK_INT(w.n, 2 + 2 + 4 + 2 + 2 + 1);
    struct kp_reader r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_request_header_parse(&r, &out), 0);
    CHECK(slice_eq_cstr(out.client_id, "me"));
    CHECK_INT(kp_left(&r), 0);

    store_be16(w.p + 2, 99);
    r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_request_header_parse(&r, &out), ERR_UNSUPPORTED_VERSION);
    CHECK_INT(out.request_api_key, KP_API_API_VERSIONS);
    CHECK_INT(out.request_api_version, 99);
    CHECK_INT(out.correlation_id, 42);
    r = kp_reader_of(slice_of(w.p, 7));
    CHECK_INT(kp_request_header_parse(&r, &out), ERR_EOF);

    kp_writer_reset(&w);
    kp_response_header_put(&w, kp_api_find(KP_API_API_VERSIONS), 4, 1);
    CHECK_INT(w.n, 4);
    kp_writer_reset(&w);
    kp_response_header_put(&w, kp_api_find(KP_API_METADATA), 9, 1);
    CHECK_INT(w.n, 5);
    struct kp_response_header h;
    r = kp_reader_of(kp_writer_slice(&w));
    CHECK_INT(kp_response_header_parse(&r, kp_api_find(KP_API_METADATA), 9, &h), 0);
    CHECK_INT(h.correlation_id, 1);
    kp_writer_fini(&w);
}

TEST(produce_announces_versions_it_does_not_take)
{
    const struct kp_api *produce = kp_api_find(KP_API_PRODUCE);
    CHECK_INT(produce->advertise_min, 0);
    CHECK_INT(produce->version_min, 3);
    CHECK(!kp_api_supports(produce, 2));
    CHECK(kp_api_find(4) == NULL);
    CHECK(kp_api_find(-1) == NULL);
    CHECK(kp_api_find(INT16_MAX) == NULL);
    CHECK_INT(kp_api_find(KP_API_INIT_PRODUCER_ID)->version_max_stable, 5);
    CHECK_INT(kp_api_find(KP_API_INIT_PRODUCER_ID)->version_max, 6);
    CHECK_STR(kp_record_find(KP_LOG_METADATA, KP_TOPIC_RECORD_KEY)->name, "TopicRecord");
    CHECK(kp_record_find(KP_LOG_GROUP, KP_OFFSET_COMMIT_KEY_TYPE)->key == &kp_offset_commit_key_message);
    CHECK(kp_record_find(KP_LOG_GROUP, 999) == NULL);
}

TEST_MAIN
