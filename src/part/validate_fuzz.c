/* What a producer may send for a partition: a batch whose head and CRC are right, and any bytes as its
 * records; or records that were sound until some of their bits were changed.
 *   byte 0: attributes, and how the records are made; 1: the topic; 2, 3: so many records; then the records
 */
#include "part/validate.h"
#include "part/part.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHANGES_BYTES 8

/* Where record i stands in the batch, if those before it are sound. */
static size_t record_at(const struct kp_writer *w, int i)
{
    size_t at = BATCH_HEAD_BYTES;
    for (; i > 0 && at + 2 < w->n; i--) {
        size_t len = w->p[at] < 0x80 ? w->p[at] : (w->p[at] & 0x7fu) | (size_t)w->p[at + 1] << 7;
        at += (w->p[at] < 0x80 ? 1 : 2) + len / 2;
    }
    return at;
}

/* Records of the lengths that the bytes tell, then some changes to them. */
static void make_batch(const uint8_t *p, size_t n, struct kp_writer *out)
{
    static const uint8_t text[300];
    struct batch_builder b;
    batch_builder_init(&b);
    const uint8_t *changes = p + n - CHANGES_BYTES;
    for (; p + 1 < changes; p += 2) {
        struct slice key = slice_of(text, p[0] & 0x7f), value = slice_of(text, (size_t)p[1] + (p[0] & 7));
        batch_add(&b, 1000 + p[1] % 9, p[0] & 0x80 ? (struct slice){0} : key, value, NULL, 0);
        for (int i = 0; (p[1] & 3) == 3 && i < p[0]; i++) /* thousands, for long offset deltas */
            batch_add(&b, 1000, key, (struct slice){0}, NULL, 0);
    }
    if (b.count == 0) batch_add(&b, 1000, (struct slice){0}, (struct slice){0}, NULL, 0);
    int rc = batch_finish(&b, out);
    ASSERT(rc == 0);
    for (int i = 0; i < CHANGES_BYTES; i += 4) {
        /* a bit in the first bytes of a record, or of the last byte of the one before it */
        size_t at = record_at(out, load_be16(changes + i) % b.count) + (changes[i + 3] & 15) - 1;
        if (at < out->n && changes[i + 3] & 16) out->p[at] ^= (uint8_t)(1u << (changes[i + 2] & 7));
    }
    batch_builder_fini(&b);
}

/* What was accepted can be read; the records of a batch that was compressed here count up. */
static void check_accepted(const struct part_append *a, const struct batch_head *h)
{
    struct kp_writer body;
    struct slice records;
    struct record_iter it;
    struct record r;
    int64_t i = 0;
    kp_writer_init(&body, 0);
    int rc = batch_body(a->records.p, h, (size_t)1 << 28, &body, &records);
    ASSERT(rc == 0);
    record_iter_init(&it, h, records);
    for (; record_next(&it, &r); i++)
        ASSERT(a->unordered && !a->owned ? true : r.offset == h->base_offset + i);
    ASSERT(it.err == 0 && i == h->count);
    kp_writer_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct parts parts;
    static struct part part;
    struct kp_writer w;
    struct batch_head h;
    if (n < 4 + CHANGES_BYTES) return 0;
    part.home = &parts;
    part.cfg =
        (struct conf_topic){.max_message_bytes = INT32_MAX,
                            .segment_bytes = INT32_MAX,
                            .cleanup_compact = data[1] & 1,
                            .compression = data[1] & 64 ? CONF_COMPRESSION_GZIP : CONF_COMPRESSION_PRODUCER,
                            .message_timestamp_log_append = data[1] & 2,
                            .message_timestamp_before_max_ms = data[1] & 4 ? 100 : INT64_MAX,
                            .message_timestamp_after_max_ms = data[1] & 8 ? 1 : 3600000};
    kp_writer_init(&w, 0);
    if (data[0] & 0x80) make_batch(data + 4, n - 4, &w);
    else {
        uint8_t head[BATCH_HEAD_BYTES] = {0};
        head[BATCH_AT_MAGIC] = 2;
        store_be32(head + BATCH_AT_LENGTH, (uint32_t)(n - 4 + BATCH_HEAD_BYTES - BATCH_PREFIX_BYTES));
        store_be16(head + BATCH_AT_ATTRIBUTES, data[0] & 0xf);
        store_be32(head + BATCH_AT_LAST_DELTA, load_be16(data + 2) - 1u);
        store_be64(head + BATCH_AT_BASE_TIME, data[1] & 16 ? (uint64_t)INT64_MAX - 5 : 1000);
        store_be64(head + BATCH_AT_MAX_TIME, 1000);
        store_be64(head + BATCH_AT_PRODUCER_ID, UINT64_MAX);
        store_be32(head + BATCH_AT_COUNT, load_be16(data + 2));
        kp_write_raw(&w, slice_of(head, sizeof head));
        kp_write_raw(&w, slice_of(data + 4, n - 4));
    }
    batch_set_crc(w.p, w.n);
    struct part_append a = {.records = kp_writer_slice(&w)};
    int rc = validate_batch(&part, &a, &h, 1010);
    if (rc == 0 && data[1] & 32) rc = recompress_batch(&part.cfg, &a, &h);
    ASSERT(rc != 0 || h.count > 0);
    if (rc == 0) check_accepted(&a, &h);
    free(a.owned);
    free(a.bad_records);
    kp_writer_fini(&w);
    return 0;
}
