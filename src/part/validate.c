#include "part/validate.h"

static int bad(struct part_append *a, int err, const char *why)
{
    a->why = why;
    return err;
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
    for (int32_t i = 0; i < h->count; i++) {
        int64_t len, time, delta, key, value, headers;
        a->bad_record = i;
        if (!varlong(&p, end, &len) || len < 0 || len > end - p) return bad(a, ERR_CORRUPT_MESSAGE, "a record's length does not fit the batch");
        const uint8_t *next = p + len;
        if (p == next) return bad(a, ERR_CORRUPT_MESSAGE, "a record is empty");
        p++; /* attributes, unused */
        if (!varlong(&p, next, &time) || !varlong(&p, next, &delta) || !varlong(&p, next, &key)) return bad(a, ERR_CORRUPT_MESSAGE, "a record is malformed");
        if (delta != i) return bad(a, ERR_INVALID_RECORD, "the offset deltas of the records are not consecutive");
        if (key > next - p) return bad(a, ERR_CORRUPT_MESSAGE, "a key's length does not fit its record");
        if (key < 0 && cfg->cleanup_compact) return bad(a, ERR_INVALID_RECORD, "Compacted topic cannot accept message without key.");
        if (key > 0) p += key;
        if (!varlong(&p, next, &value) || value > next - p) return bad(a, ERR_CORRUPT_MESSAGE, "a value's length does not fit its record");
        if (value > 0) p += value;
        if (!varlong(&p, next, &headers) || headers < 0 || headers > next - p + 1) return bad(a, ERR_CORRUPT_MESSAGE, "a record's headers are malformed");
        for (int64_t k = 0; k < headers; k++) {
            int64_t n;
            if (!varlong(&p, next, &n) || n < 0 || n > next - p) return bad(a, ERR_CORRUPT_MESSAGE, "a record's headers are malformed");
            p += n;
            if (!varlong(&p, next, &n) || n > next - p) return bad(a, ERR_CORRUPT_MESSAGE, "a record's headers are malformed");
            if (n > 0) p += n;
        }
        if (p != next) return bad(a, ERR_CORRUPT_MESSAGE, "a record is longer than its fields");
        int64_t t;
        if (__builtin_add_overflow(h->base_time_ms, time, &t)) t = INT64_MAX;
        if (!cfg->message_timestamp_log_append && t != -1) {
            if (cfg->message_timestamp_before_max_ms < INT64_MAX && now_ms - t > cfg->message_timestamp_before_max_ms)
                return bad(a, ERR_INVALID_TIMESTAMP, "a timestamp is older than message.timestamp.before.max.ms allows");
            if (t - now_ms > cfg->message_timestamp_after_max_ms)
                return bad(a, ERR_INVALID_TIMESTAMP, "a timestamp is later than message.timestamp.after.max.ms allows");
        }
        newest = max_i64(newest, t);
    }
    a->bad_record = -1;
    if (p != end) return bad(a, ERR_CORRUPT_MESSAGE, "bytes follow the last record");
    if (newest != h->max_time_ms && h->count) {
        /* Retention trusts this field, so it must be right. */
        uint8_t *b = (uint8_t *)(uintptr_t)a->records.p;
        store_be64(b + BATCH_AT_MAX_TIME, (uint64_t)newest);
        store_be32(b + BATCH_AT_CRC, crc32c(0, b + BATCH_AT_ATTRIBUTES, (size_t)h->bytes - BATCH_AT_ATTRIBUTES));
    }
    return 0;
}

int validate_batch(const struct conf_topic *cfg, struct part_append *a, struct batch_head *h, int64_t now_ms)
{
    a->bad_record = -1;
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
        return bad(a, ERR_INVALID_TIMESTAMP, "a timestamp is later than message.timestamp.after.max.ms allows");
    return 0;
}
