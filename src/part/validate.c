#include "part/validate.h"
#include "kp/batch.h"

#include <stdlib.h>

static int bad(struct part_append *a, int err, const char *why)
{
    a->why = why;
    return err;
}

#define NO_KEY "Compacted topic cannot accept message without key."
#define TOO_OLD "a timestamp is older than message.timestamp.before.max.ms allows"
#define TOO_NEW "a timestamp is later than message.timestamp.after.max.ms allows"
#define BLAMED_MAX 1000 /* of one batch; more would only repeat */

/* One record is wrong; the walk may go on to find the others. */
static int blame(struct part_append *a, int32_t record, int err, const char *why)
{
    if (a->bad_records_n < BLAMED_MAX) {
        a->bad_records = xrealloc(a->bad_records, (size_t)(a->bad_records_n + 1) * sizeof *a->bad_records);
        a->bad_records[a->bad_records_n++] = record;
    }
    return bad(a, err, why);
}

/* Signed zigzag varint of at most 10 bytes; false when it does not end in time. */
static inline bool varlong(const uint8_t **p, const uint8_t *end, int64_t *v)
{
    uint64_t x = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t b = *(*p)++;
        x |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *v = (int64_t)(x >> 1 ^ (0u - (x & 1)));
            return true;
        }
    }
    return false;
}

/* Walks the records of an uncompressed batch: lengths nest, offset deltas count up, keys where the topic needs them. */
static int walk_records(const struct conf_topic *cfg, struct part_append *a, const struct batch_head *h, int64_t now_ms)
{
    const uint8_t *p = a->records.p + BATCH_HEAD_BYTES, *end = a->records.p + h->bytes;
    int64_t newest = INT64_MIN;
    int32_t at = 0;
    int rc = 0;
    for (int32_t i = 0; i < h->count; i++) {
        int64_t len, time, delta, key, value, headers;
        at = i;
        if (!varlong(&p, end, &len) || len < 0 || len > end - p) return blame(a, at, ERR_CORRUPT_MESSAGE, "a record's length does not fit the batch");
        const uint8_t *next = p + len;
        if (p == next) return blame(a, at, ERR_CORRUPT_MESSAGE, "a record is empty");
        p++; /* attributes, unused */
        if (!varlong(&p, next, &time) || !varlong(&p, next, &delta) || !varlong(&p, next, &key)) return blame(a, at, ERR_CORRUPT_MESSAGE, "a record is malformed");
        if (delta != i) return blame(a, at, ERR_INVALID_RECORD, "the offset deltas of the records are not consecutive");
        if (key > next - p) return blame(a, at, ERR_CORRUPT_MESSAGE, "a key's length does not fit its record");
        if (key < 0 && cfg->cleanup_compact) rc = blame(a, at, ERR_INVALID_RECORD, NO_KEY);
        if (key > 0) p += key;
        if (!varlong(&p, next, &value) || value > next - p) return blame(a, at, ERR_CORRUPT_MESSAGE, "a value's length does not fit its record");
        if (value > 0) p += value;
        if (!varlong(&p, next, &headers) || headers < 0 || headers > next - p + 1) return blame(a, at, ERR_CORRUPT_MESSAGE, "a record's headers are malformed");
        for (int64_t k = 0; k < headers; k++) {
            int64_t n;
            if (!varlong(&p, next, &n) || n < 0 || n > next - p) return blame(a, at, ERR_CORRUPT_MESSAGE, "a record's headers are malformed");
            p += n;
            if (!varlong(&p, next, &n) || n > next - p) return blame(a, at, ERR_CORRUPT_MESSAGE, "a record's headers are malformed");
            if (n > 0) p += n;
        }
        if (p != next) return blame(a, at, ERR_CORRUPT_MESSAGE, "a record is longer than its fields");
        int64_t t;
        if (__builtin_add_overflow(h->base_time_ms, time, &t)) t = INT64_MAX;
        if (!cfg->message_timestamp_log_append && t != -1) {
            if (cfg->message_timestamp_before_max_ms < INT64_MAX && now_ms - t > cfg->message_timestamp_before_max_ms)
                rc = blame(a, at, ERR_INVALID_TIMESTAMP, TOO_OLD);
            if (t - now_ms > cfg->message_timestamp_after_max_ms)
                rc = blame(a, at, ERR_INVALID_TIMESTAMP, TOO_NEW);
        }
        newest = max_i64(newest, t);
    }
    if (rc) return rc;
    if (p != end) return bad(a, ERR_CORRUPT_MESSAGE, "bytes follow the last record");
    if (newest != h->max_time_ms && h->count) {
        /* Retention trusts this field, so it must be right. */
        uint8_t *b = (uint8_t *)(uintptr_t)a->records.p;
        store_be64(b + BATCH_AT_MAX_TIME, (uint64_t)newest);
        store_be32(b + BATCH_AT_CRC, crc32c(0, b + BATCH_AT_ATTRIBUTES, (size_t)h->bytes - BATCH_AT_ATTRIBUTES));
    }
    return 0;
}

#define BODY_MAX ((int64_t)128 << 20) /* a compressed batch may not grow beyond this: zip bombs stop here */

/* The records of a compressed batch, without holding them. */
static int scan_records(const struct part *p, struct part_append *a, const struct batch_head *h, int64_t now_ms)
{
    struct parts *ps = p->home;
    struct record_scan *s = xmalloc(sizeof *s);
    struct record_outline o;
    int err = 0;
    if (!ps->unpack) ps->unpack = kp_unpack_new();
    int rc = record_scan_init(s, ps->unpack, a->records.p, h, (size_t)BODY_MAX);
    for (int32_t i = 0; rc == 0 && record_scan_next(s, &o); i++) {
        if (o.key_bytes < 0 && p->cfg.cleanup_compact) err = blame(a, i, ERR_INVALID_RECORD, NO_KEY);
        if (now_ms - (h->base_time_ms + o.time_delta_ms) > p->cfg.message_timestamp_before_max_ms) err = blame(a, i, ERR_INVALID_TIMESTAMP, TOO_OLD);
    }
    if (rc == 0) rc = s->err;
    free(s);
    if (rc) return bad(a, rc == ERR_MESSAGE_TOO_LARGE ? rc : ERR_CORRUPT_MESSAGE, "the records cannot be decompressed");
    if (!a->bad_records_n) return 0;
    return err;
}

int validate_batch(const struct part *p, struct part_append *a, struct batch_head *h, int64_t now_ms)
{
    const struct conf_topic *cfg = &p->cfg;
    struct slice in = a->records;
    if (in.n > BATCH_AT_MAGIC && in.p[BATCH_AT_MAGIC] < 2)
        return bad(a, ERR_INVALID_RECORD, "records of the formats before version 2 (Kafka 0.11) are not accepted");
    int rc = batch_head_parse(in, h);
    if (rc) return bad(a, ERR_CORRUPT_MESSAGE, "the record batch is cut short or malformed");
    if ((size_t)h->bytes != in.n) return bad(a, ERR_INVALID_RECORD, "a produce request carries exactly one record batch for a partition");
    if (h->bytes > cfg->max_message_bytes && !a->internal) return bad(a, ERR_MESSAGE_TOO_LARGE, NULL);
    if (h->bytes > cfg->segment_bytes) return bad(a, ERR_RECORD_LIST_TOO_LARGE, NULL);
    if (!batch_crc_ok(in.p, h->bytes)) return bad(a, ERR_CORRUPT_MESSAGE, "the record batch fails its checksum");
    if (a->internal) return 0;
    if (h->attributes & BATCH_CONTROL) return bad(a, ERR_INVALID_RECORD, "clients may not write control records");
    if (h->attributes & BATCH_TRANSACTIONAL) return bad(a, ERR_INVALID_TXN_STATE, "transactions are not enabled on this broker");
    if (h->count <= 0 || h->count != h->last_offset - h->base_offset + 1)
        return bad(a, ERR_INVALID_RECORD, "the record count and the offsets of the batch disagree");
    if (h->producer_id >= 0 && (h->base_sequence < 0 || h->producer_epoch < 0))
        return bad(a, ERR_INVALID_RECORD, "an idempotent producer's batch needs an epoch and a sequence number");
    unsigned codec = h->attributes & BATCH_CODEC_MASK;
    if (codec > 4) return bad(a, ERR_INVALID_RECORD, "unknown compression type");
    if (codec == 4 && a->produce_version < 7) return bad(a, ERR_UNSUPPORTED_COMPRESSION_TYPE, "zstd needs produce requests of version 7 or newer");
    if (!cfg->message_timestamp_log_append && h->attributes & BATCH_LOG_APPEND_TIME)
        return bad(a, ERR_INVALID_TIMESTAMP, "a producer may not claim log append time");
    if (codec == 0) return walk_records(cfg, a, h, now_ms);
    if (!cfg->message_timestamp_log_append && h->max_time_ms != -1 && h->max_time_ms - now_ms > cfg->message_timestamp_after_max_ms)
        return bad(a, ERR_INVALID_TIMESTAMP, TOO_NEW);
    /* A compressed batch is opened only where its records decide: keys on a compacted topic, old timestamps. */
    if (cfg->cleanup_compact || cfg->message_timestamp_before_max_ms < INT64_MAX) return scan_records(p, a, h, now_ms);
    return 0;
}

int recompress_batch(const struct conf_topic *cfg, struct part_append *a, struct batch_head *h)
{
    static const int codecs[] = {[CONF_COMPRESSION_UNCOMPRESSED] = 0, [CONF_COMPRESSION_GZIP] = 1, [CONF_COMPRESSION_SNAPPY] = 2,
                                 [CONF_COMPRESSION_LZ4] = 3, [CONF_COMPRESSION_ZSTD] = 4};
    if (cfg->compression == CONF_COMPRESSION_PRODUCER || codecs[cfg->compression] == batch_codec(h)) return 0;
    int codec = codecs[cfg->compression];
    int32_t level = codec == 1 ? cfg->compression_gzip_level : codec == 3 ? cfg->compression_lz4_level : codec == 4 ? cfg->compression_zstd_level : KP_LEVEL_DEFAULT;
    struct kp_writer body, out;
    struct slice plain;
    kp_writer_init(&body, 0);
    kp_writer_init(&out, (size_t)h->bytes);
    int rc = batch_body(a->records.p, h, (size_t)max_i64(BODY_MAX, cfg->max_message_bytes), &body, &plain);
    kp_write_raw(&out, slice_of(a->records.p, BATCH_HEAD_BYTES));
    if (rc == 0 && codec == 0) kp_write_raw(&out, plain);
    if (rc == 0 && codec) rc = kp_compress(codec, level, plain, &out);
    kp_writer_fini(&body);
    if (rc) {
        kp_writer_fini(&out);
        return bad(a, rc == ERR_MESSAGE_TOO_LARGE ? rc : ERR_CORRUPT_MESSAGE, "the records cannot be decompressed");
    }
    size_t n;
    a->owned = kp_writer_take(&out, &n);
    store_be32(a->owned + BATCH_AT_LENGTH, (uint32_t)(n - BATCH_PREFIX_BYTES));
    store_be16(a->owned + BATCH_AT_ATTRIBUTES, (uint16_t)((h->attributes & ~BATCH_CODEC_MASK) | codec));
    batch_set_crc(a->owned, n);
    a->records = slice_of(a->owned, n);
    return batch_head_parse(a->records, h);
}
