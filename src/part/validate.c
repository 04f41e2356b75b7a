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
#define NOT_ITS_TIME "a producer may not claim log append time"
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

/* The records do not follow their format: none of them is to blame alone. */
static int malformed(struct part_append *a, const char *why)
{
    a->bad_records_n = 0;
    return bad(a, ERR_INVALID_RECORD, why);
}

/* What is wrong with a record's timestamp; NULL: nothing. t: its own, or the batch's append time. */
static const char *time_fault(const struct conf_topic *cfg, const struct batch_head *h, int64_t t,
                              int64_t now_ms)
{
    int64_t age;
    if (cfg->message_timestamp_log_append || t == -1)
        return h->attributes & BATCH_LOG_APPEND_TIME ? NOT_ITS_TIME : NULL;
    if (__builtin_sub_overflow(now_ms, t, &age)) age = INT64_MAX;
    if (cfg->message_timestamp_before_max_ms < INT64_MAX && age > cfg->message_timestamp_before_max_ms)
        return TOO_OLD;
    return age < -cfg->message_timestamp_after_max_ms ? TOO_NEW : NULL;
}

/* 0 or after blame. */
static int check_time(const struct conf_topic *cfg, struct part_append *a, const struct batch_head *h,
                      int32_t record, int64_t t, int64_t now_ms)
{
    const char *why = time_fault(cfg, h, t, now_ms);
    return why ? blame(a, record, ERR_INVALID_TIMESTAMP, why) : 0;
}

/* Of a record with that delta. */
static int64_t time_of(const struct batch_head *h, int64_t delta_ms)
{
    int64_t t;
    if (h->attributes & BATCH_LOG_APPEND_TIME) return h->max_time_ms;
    return __builtin_add_overflow(h->base_time_ms, delta_ms, &t) ? INT64_MAX : t;
}

/* The newest time of the records goes into the head, because retention trusts it; the type of it is the
 * topic's. */
static void settle_time(const struct conf_topic *cfg, struct part_append *a, struct batch_head *h,
                        int64_t newest)
{
    bool claims = h->attributes & BATCH_LOG_APPEND_TIME;
    if (cfg->message_timestamp_log_append || (newest == h->max_time_ms && !claims)) return;
    uint8_t *b = (uint8_t *)(uintptr_t)a->records.p;
    h->attributes &= BATCH_CODEC_MASK | BATCH_TRANSACTIONAL | BATCH_CONTROL | BATCH_DELETE_HORIZON;
    h->max_time_ms = newest;
    store_be16(b + BATCH_AT_ATTRIBUTES, h->attributes);
    batch_set_max_time(b, (size_t)h->bytes, newest);
}

static inline int64_t zigzag(uint64_t x)
{
    return (int64_t)(x >> 1 ^ (0u - (x & 1)));
}

/* Signed varint of at most 10 bytes; false when it does not end in time. */
static bool varlong_long(const uint8_t **p, const uint8_t *end, int64_t *v)
{
    uint64_t x = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t b = *(*p)++;
        x |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *v = zigzag(x);
            return true;
        }
    }
    return false;
}

/* The same; nearly all have one byte or two. */
static inline bool varlong(const uint8_t **p, const uint8_t *end, int64_t *v)
{
    const uint8_t *q = *p;
    if (q < end && q[0] < 0x80) {
        *v = zigzag(q[0]);
        *p = q + 1;
        return true;
    }
    if (end - q > 1 && q[1] < 0x80) {
        *v = zigzag((uint64_t)(q[0] & 0x7f) | (uint64_t)q[1] << 7);
        *p = q + 2;
        return true;
    }
    return varlong_long(p, end, v);
}

/* The same of what is an int32 in Kafka: at most 5 bytes, or other readers refuse it. */
static bool varint(const uint8_t **p, const uint8_t *end, int64_t *v)
{
    const uint8_t *start = *p;
    return varlong(p, end, v) && *p - start <= 5;
}

struct walked {
    int64_t time, offset; /* deltas */
    bool keyless;
    const char *why;
};

/* A varint of one byte or two at *at, without its zigzag; 2 bytes can be read. With a longer one *longer is
 * set. */
static inline uint32_t short_varint(const uint8_t *b, size_t *at, bool *longer)
{
    uint32_t x = b[*at], y = b[*at + 1];
    if (x < 0x80) {
        *at += 1;
        return x;
    }
    *at += 2;
    *longer |= y >= 0x80;
    return (x & 0x7f) | y << 7;
}

/* What records have in common. */
struct walk {
    size_t at;
    int32_t n;              /* so many were walked */
    int64_t oldest, newest; /* time deltas */
    bool keyless;           /* one of them is */
    bool unordered;         /* their offset deltas do not count up */
};
#define PLAIN_BYTES_MIN 16 /* more than the fields of a plain record before its key */

/* The offset delta of a record, as it stands in `bytes` bytes, read as a little-endian number. */
static inline uint32_t offset_bytes(uint32_t i, unsigned bytes)
{
    uint32_t v = 2 * i;
    if (bytes == 1) return v;
    if (bytes == 2) return (v & 0x7f) | 0x80 | v >> 7 << 8;
    return (v & 0x7f) | 0x80 | (v >> 7 & 0x7f) << 8 | 0x8000 | v >> 14 << 16;
}

/* Walks records of b[w->at..end) while they are plain: in order, with short fields and no headers. All up to
 * record n have an offset delta of that many bytes. */
__attribute__((always_inline)) static inline void walk_plain(const uint8_t *b, size_t end, struct walk *w,
                                                             int32_t n, unsigned offset_len)
{
    uint32_t oldest = UINT32_MAX, newest = 0, mask = UINT32_MAX >> (32 - 8 * offset_len);
    bool keyless = false;
    while (w->n < n) {
        bool longer = false;
        size_t at = w->at;
        if (end - at < PLAIN_BYTES_MIN) break;
        uint32_t len = short_varint(b, &at, &longer);
        size_t next = at + len / 2;
        at++; /* attributes, unused */
        uint32_t time = short_varint(b, &at, &longer);
        uint32_t offset = (uint32_t)b[at] | (uint32_t)b[at + 1] << 8 | (uint32_t)b[at + 2] << 16;
        at += offset_len;
        uint32_t key = short_varint(b, &at, &longer);
        bool no_key = key == 1; /* -1; no other length is odd */
        if (!no_key) at += key / 2;
        if (next > end || at + 2 > next) break;
        uint32_t value = short_varint(b, &at, &longer);
        bool no_value = value == 1;
        if (!no_value) at += value / 2;
        if (longer || at + 1 != next || b[at] != 0 ||
            (offset & mask) != offset_bytes((uint32_t)w->n, offset_len) || ((len | time) & 1) ||
            ((key & 1) && !no_key) || ((value & 1) && !no_value))
            break;
        keyless |= no_key;
        if (time < oldest) oldest = time;
        if (time > newest) newest = time;
        w->at = next;
        w->n++;
    }
    w->keyless |= keyless;
    if (oldest == UINT32_MAX) return;
    w->oldest = min_i64(w->oldest, oldest / 2);
    w->newest = max_i64(w->newest, newest / 2);
}

/* The same of every record; NULL: it is malformed, and w->why says why. */
static const uint8_t *any_record(const uint8_t *p, const uint8_t *end, int32_t last_delta, struct walked *w)
{
    int64_t len, key, value, headers;
    w->why = "a record's length does not fit the batch";
    if (!varint(&p, end, &len) || len < 0 || len > end - p) return NULL;
    const uint8_t *next = p + len;
    w->why = "a record is empty";
    if (p == next) return NULL;
    p++; /* attributes, unused */
    w->why = "a record is malformed";
    if (!varlong(&p, next, &w->time) || !varint(&p, next, &w->offset) || !varint(&p, next, &key)) return NULL;
    w->why = "a record's offset lies outside its batch";
    if (w->offset < 0 || w->offset > last_delta) return NULL;
    w->why = "a key's length does not fit its record";
    if (key < -1 || key > next - p) return NULL;
    w->keyless = key < 0;
    if (key > 0) p += key;
    w->why = "a value's length does not fit its record";
    if (!varint(&p, next, &value) || value < -1 || value > next - p) return NULL;
    if (value > 0) p += value;
    w->why = "a record's headers are malformed";
    if (!varint(&p, next, &headers) || headers < 0 || headers > next - p + 1) return NULL;
    for (int64_t k = 0; k < headers; k++) {
        int64_t n;
        if (!varint(&p, next, &n) || n < 0 || n > next - p) return NULL;
        p += n;
        if (!varint(&p, next, &n) || n < -1 || n > next - p) return NULL;
        if (n > 0) p += n;
    }
    w->why = "a record is longer than its fields";
    return p == next ? next : NULL;
}

/* Walks the records of an uncompressed batch: lengths nest, offsets lie within the batch. Some producers let
 * all have the delta 0; Kafka stores that as it came. NULL, or what is wrong. Without `plain` no record is
 * taken for one: slower, and the same. */
static const char *walk(const struct part_append *a, const struct batch_head *h, bool plain, struct walk *w)
{
    const uint8_t *b = a->records.p;
    size_t end = (size_t)h->bytes;
    *w = (struct walk){.at = BATCH_HEAD_BYTES, .oldest = INT64_MAX, .newest = INT64_MIN};
    while (w->n < h->count) {
        struct walked one;
        if (plain) {
            walk_plain(b, end, w, (int32_t)min_i64(h->count, 1 << 6), 1);
            walk_plain(b, end, w, (int32_t)min_i64(h->count, 1 << 13), 2);
            walk_plain(b, end, w, (int32_t)min_i64(h->count, 1 << 20), 3);
            if (w->n == h->count) break;
        }
        const uint8_t *next = any_record(b + w->at, b + end, h->count - 1, &one);
        if (!next) return one.why;
        w->unordered |= one.offset != w->n;
        w->at = (size_t)(next - b);
        w->n++;
        w->keyless |= one.keyless;
        w->oldest = min_i64(w->oldest, one.time);
        w->newest = max_i64(w->newest, one.time);
    }
    return w->at == end ? NULL : "bytes follow the last record";
}

#ifdef MOLDAU_VERIFY
static bool same_walk(const struct part_append *a, const struct batch_head *h, const char *why,
                      const struct walk *w)
{
    struct walk slow;
    if (walk(a, h, false, &slow) != why) return false;
    return why || (slow.at == w->at && slow.n == w->n && slow.oldest == w->oldest &&
                   slow.newest == w->newest && slow.keyless == w->keyless && slow.unordered == w->unordered);
}
#endif

/* Record by record, because one may be to blame. walk has seen them. */
static int check_each(const struct conf_topic *cfg, struct part_append *a, const struct batch_head *h,
                      int64_t now_ms)
{
    const uint8_t *p = a->records.p + BATCH_HEAD_BYTES, *end = a->records.p + h->bytes;
    int rc = 0;
    for (int32_t i = 0; i < h->count; i++) {
        struct walked w;
        p = any_record(p, end, h->count - 1, &w);
        ASSERT(p);
        if (w.keyless && cfg->cleanup_compact) rc = blame(a, i, ERR_INVALID_RECORD, NO_KEY);
        int late = check_time(cfg, a, h, i, time_of(h, w.time), now_ms);
        if (late) rc = late;
    }
    return rc;
}

/* The records of an uncompressed batch, keys where the topic needs them. */
static int walk_records(const struct conf_topic *cfg, struct part_append *a, struct batch_head *h,
                        int64_t now_ms)
{
    struct walk w;
    const char *why = walk(a, h, true, &w);
    VERIFY(same_walk(a, h, why, &w));
    if (why) return malformed(a, why);
    a->unordered = w.unordered;
    int64_t oldest = time_of(h, w.oldest), newest = time_of(h, w.newest);
    /* Below 0 are the records without a time, which may stand between others. */
    bool each = oldest < 0 || time_fault(cfg, h, oldest, now_ms) || time_fault(cfg, h, newest, now_ms);
    int rc = each || (w.keyless && cfg->cleanup_compact) ? check_each(cfg, a, h, now_ms) : 0;
    if (rc == 0) settle_time(cfg, a, h, newest);
    return rc;
}

#define BODY_MAX ((int64_t)128 << 20) /* a compressed batch may not grow beyond this: zip bombs stop here */

/* The records of a compressed batch, without holding them. */
static int scan_records(const struct part *p, struct part_append *a, struct batch_head *h, int64_t now_ms)
{
    struct parts *ps = p->home;
    if (!ps->unpack) {
        ps->unpack = kp_unpack_new();
        ps->scan = xmalloc(sizeof *ps->scan);
    }
    struct record_scan *s = ps->scan;
    struct record_outline o;
    int64_t newest = INT64_MIN;
    bool in_order = true;
    int err = 0, rc = record_scan_init(s, ps->unpack, a->records.p, h, (size_t)BODY_MAX);
    for (int32_t i = 0; rc == 0 && record_scan_next(s, &o); i++) {
        int64_t t = time_of(h, o.time_delta_ms);
        if (o.offset_delta != i) in_order = false;
        if (o.key_bytes < 0 && p->cfg.cleanup_compact) err = blame(a, i, ERR_INVALID_RECORD, NO_KEY);
        int late = check_time(&p->cfg, a, h, i, t, now_ms);
        if (late) err = late;
        newest = max_i64(newest, t);
    }
    if (rc == 0) rc = s->err;
    if (rc) malformed(a, "the records cannot be decompressed");
    if (rc == ERR_MESSAGE_TOO_LARGE) return rc;
    /* Two cases for which Kafka has no error of its own either. */
    if (rc && s->stream_bad) return ERR_UNKNOWN_SERVER_ERROR;
    if (rc) return ERR_INVALID_RECORD;
    if (!in_order) {
        malformed(a, "the offset deltas of the records are not consecutive");
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    if (err == 0) settle_time(&p->cfg, a, h, newest);
    return err;
}

int validate_batch(const struct part *p, struct part_append *a, struct batch_head *h, int64_t now_ms)
{
    const struct conf_topic *cfg = &p->cfg;
    struct slice in = a->records;
    bool head = in.n >= BATCH_HEAD_BYTES;
    a->unordered = false;
    if (head && !a->internal && load_be64(in.p) != 0)
        return bad(a, ERR_INVALID_RECORD, "the base offset of a produced batch is not 0");
    int rc = batch_head_parse(in, h);
    if (rc && head && load_be32(in.p + BATCH_AT_LAST_DELTA) > INT32_MAX && batch_crc_ok(in.p, (int64_t)in.n))
        return bad(a, ERR_INVALID_RECORD, "the last offset of the batch lies below its first");
    if (rc) return bad(a, ERR_CORRUPT_MESSAGE, "the record batch is cut short or malformed");
    a->records.n =
        (size_t)h->bytes; /* the start of another batch may follow: what is not whole does not count */
    if (h->bytes > cfg->max_message_bytes && !a->internal) return bad(a, ERR_MESSAGE_TOO_LARGE, NULL);
    if (!batch_crc_ok(in.p, h->bytes))
        return bad(a, ERR_CORRUPT_MESSAGE, "the record batch fails its checksum");
    if (h->bytes > cfg->segment_bytes) return bad(a, ERR_RECORD_LIST_TOO_LARGE, NULL);
    if (a->internal) return 0;
    unsigned codec = h->attributes & BATCH_CODEC_MASK;
    if (codec >= KP_CODECS_N) return bad(a, ERR_UNKNOWN_SERVER_ERROR, "unknown compression type");
    if (h->attributes & BATCH_CONTROL)
        return bad(a, ERR_INVALID_RECORD, "clients may not write control records");
    if (h->attributes & BATCH_TRANSACTIONAL)
        return bad(a, ERR_INVALID_TXN_STATE, "transactions are not enabled on this broker");
    if (h->count <= 0 || h->count != h->last_offset - h->base_offset + 1)
        return bad(a, ERR_INVALID_RECORD, "the record count and the offsets of the batch disagree");
    if (h->producer_id >= 0 && h->base_sequence < 0)
        return bad(a, ERR_INVALID_RECORD, "an idempotent producer's batch needs a sequence number");
    return codec == 0 ? walk_records(cfg, a, h, now_ms) : scan_records(p, a, h, now_ms);
}

/* The records with offset deltas that count up. They have been validated. */
static void put_in_order(struct slice records, int32_t n, struct kp_writer *out)
{
    struct kp_reader in = kp_reader_of(records);
    for (int32_t i = 0; i < n; i++) {
        int32_t len = kp_read_varint(&in);
        struct kp_reader r = kp_reader_of(kp_read_raw(&in, (size_t)max_i64(len, 0)));
        struct slice head = slice_of(r.p, 0); /* attributes and time */
        kp_read_i8(&r);
        kp_read_varlong(&r);
        head.n = (size_t)(r.p - head.p);
        kp_read_varint(&r);
        kp_write_varint(out, (int32_t)(head.n + kp_uvarint_bytes((uint64_t)i << 1) + kp_left(&r)));
        kp_write_raw(out, head);
        kp_write_varint(out, i);
        kp_write_raw(out, slice_of(r.p, kp_left(&r)));
    }
    ASSERT(!in.err);
}

int recompress_batch(const struct conf_topic *cfg, struct part_append *a, struct batch_head *h)
{
    static const int codecs[] = {[CONF_COMPRESSION_UNCOMPRESSED] = 0,
                                 [CONF_COMPRESSION_GZIP] = 1,
                                 [CONF_COMPRESSION_SNAPPY] = 2,
                                 [CONF_COMPRESSION_LZ4] = 3,
                                 [CONF_COMPRESSION_ZSTD] = 4};
    if (cfg->compression == CONF_COMPRESSION_PRODUCER || codecs[cfg->compression] == batch_codec(h)) return 0;
    int codec = codecs[cfg->compression];
    int32_t level = codec == 1   ? cfg->compression_gzip_level
                    : codec == 3 ? cfg->compression_lz4_level
                    : codec == 4 ? cfg->compression_zstd_level
                                 : KP_LEVEL_DEFAULT;
    struct kp_writer body, ordered, out;
    struct slice plain;
    kp_writer_init(&body, 0);
    kp_writer_init(&ordered, 0);
    kp_writer_init(&out, (size_t)h->bytes);
    int rc = batch_body(a->records.p, h, (size_t)max_i64(BODY_MAX, cfg->max_message_bytes), &body, &plain);
    kp_write_raw(&out, slice_of(a->records.p, BATCH_HEAD_BYTES));
    if (rc == 0 && a->unordered) { /* Kafka numbers the records of a compressed batch */
        put_in_order(plain, h->count, &ordered);
        plain = kp_writer_slice(&ordered);
    }
    if (rc == 0 && codec == 0) kp_write_raw(&out, plain);
    if (rc == 0 && codec) rc = kp_compress(codec, level, plain, &out);
    kp_writer_fini(&body);
    kp_writer_fini(&ordered);
    if (rc) {
        kp_writer_fini(&out);
        return bad(a, rc == ERR_MESSAGE_TOO_LARGE ? rc : ERR_CORRUPT_MESSAGE,
                   "the records cannot be decompressed");
    }
    size_t n;
    a->owned = kp_writer_take(&out, &n);
    store_be32(a->owned + BATCH_AT_LENGTH, (uint32_t)(n - BATCH_PREFIX_BYTES));
    store_be16(a->owned + BATCH_AT_ATTRIBUTES, (uint16_t)((h->attributes & ~BATCH_CODEC_MASK) | codec));
    batch_set_crc(a->owned, n);
    a->records = slice_of(a->owned, n);
    return batch_head_parse(a->records, h);
}
