/* See batch.h. */
#include "kp/batch.h"

_Static_assert(BATCH_AT_COUNT + 4 == BATCH_HEAD_BYTES, "the records follow the count");
_Static_assert(BATCH_AT_LENGTH + 4 == BATCH_PREFIX_BYTES, "the length counts what follows it");
_Static_assert(BATCH_AT_CRC + 4 == BATCH_AT_ATTRIBUTES, "the checksum covers what follows it");

void batch_set_crc(uint8_t *p, size_t bytes)
{
    ASSERT(bytes >= BATCH_HEAD_BYTES);
    store_be32(p + BATCH_AT_CRC, crc32c(0, p + BATCH_AT_ATTRIBUTES, bytes - BATCH_AT_ATTRIBUTES));
}

void batch_set_max_time(uint8_t *p, size_t bytes, int64_t time_ms)
{
    store_be64(p + BATCH_AT_MAX_TIME, (uint64_t)time_ms);
    batch_set_crc(p, bytes);
}

void batch_set_append_time(uint8_t *p, size_t bytes, int64_t time_ms)
{
    store_be16(p + BATCH_AT_ATTRIBUTES, load_be16(p + BATCH_AT_ATTRIBUTES) | BATCH_LOG_APPEND_TIME);
    batch_set_max_time(p, bytes, time_ms);
}

/* ---- Reading ---- */

void record_iter_init(struct record_iter *it, const struct batch_head *h, struct slice body)
{
    *it = (struct record_iter){
        .r = kp_reader_of(body),
        .left = h->count,
        .base_offset = h->base_offset,
        .last_delta = h->last_offset - h->base_offset,
        .base_time_ms = h->base_time_ms,
        .append_time = h->attributes & BATCH_LOG_APPEND_TIME,
        .append_time_ms = h->max_time_ms,
    };
}

/* Sums of what a client chose may wrap; as in Java they do, without being an error. */
static int64_t wrapping_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static struct slice varbytes(struct kp_reader *r)
{
    int32_t n = kp_read_varint(r);
    if (n >= 0) return kp_read_raw(r, (size_t)n);
    if (n < -1) kp_fail(r, ERR_FORMAT);
    return (struct slice){NULL, 0};
}

bool record_next(struct record_iter *it, struct record *out)
{
    if (it->err) return false;
    if (it->left <= 0) {
        if (kp_left(&it->r)) it->err = ERR_FORMAT;
        return false;
    }
    int32_t len = kp_read_varint(&it->r);
    if (len < 0) kp_fail(&it->r, ERR_FORMAT);
    struct slice bytes = kp_read_raw(&it->r, len < 0 ? 0 : (size_t)len);
    struct kp_reader r = kp_reader_of(bytes);
    kp_read_i8(&r);
    int64_t time_delta = kp_read_varlong(&r);
    int32_t delta = kp_read_varint(&r);
    out->key = varbytes(&r);
    out->value = varbytes(&r);
    out->headers_n = kp_read_varint(&r);
    out->headers = slice_of(r.p, kp_left(&r));
    if (out->headers_n < 0 || delta < 0 || delta > it->last_delta) kp_fail(&r, ERR_FORMAT);
    for (int32_t i = 0; i < out->headers_n && !r.err; i++) {
        if (!varbytes(&r).p) kp_fail(&r, ERR_FORMAT);
        varbytes(&r);
    }
    if (!r.err && kp_left(&r)) r.err = ERR_FORMAT;
    if (it->r.err || r.err) {
        /* What ends within a record's own length is not cut but malformed. */
        it->err = it->r.err ? it->r.err : ERR_FORMAT;
        return false;
    }
    it->left--;
    out->offset = it->base_offset + delta;
    out->time_ms = it->append_time ? it->append_time_ms : wrapping_add(it->base_time_ms, time_delta);
    return true;
}

bool record_header_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct kp_reader r = kp_reader_of(*rest);
    if (rest->n == 0) return false;
    *name = varbytes(&r);
    *value = varbytes(&r);
    *rest = slice_of(r.p, kp_left(&r));
    return r.err == 0;
}

static struct slice packed(const uint8_t *batch, const struct batch_head *h)
{
    return slice_of(batch + BATCH_HEAD_BYTES, (size_t)h->bytes - BATCH_HEAD_BYTES);
}

int batch_body(const uint8_t *batch, const struct batch_head *h, size_t max_out, struct kp_writer *scratch,
               struct slice *out)
{
    if (batch_codec(h) == KP_CODEC_NONE) {
        *out = packed(batch, h);
        return 0;
    }
    size_t start = scratch->n;
    int rc = kp_decompress(batch_codec(h), packed(batch, h), max_out, scratch);
    if (rc == 0) *out = slice_of(scratch->p + start, scratch->n - start);
    return rc;
}

int record_scan_init(struct record_scan *s, struct kp_unpack *u, const uint8_t *batch,
                     const struct batch_head *h, size_t max_out)
{
    s->u = u;
    s->left = h->count;
    s->at = s->have = 0;
    s->err = kp_unpack_start(u, batch_codec(h), packed(batch, h), max_out);
    /* Zstd may consist of no frame at all: then it is the records that are missing. */
    s->stream_bad = s->err && !(batch_codec(h) == KP_CODEC_ZSTD && h->bytes == BATCH_HEAD_BYTES);
    return s->err;
}

/* The next byte, -1 at the end and on error. */
static int scan_byte(struct record_scan *s)
{
    if (s->at == s->have) {
        int64_t n = s->err ? 0 : kp_unpack_read(s->u, s->buf, sizeof s->buf);
        if (n < 0) {
            s->err = (int)n;
            s->stream_bad = true;
        }
        s->at = 0;
        s->have = n > 0 ? (size_t)n : 0;
        if (n <= 0) return -1;
    }
    return s->buf[s->at++];
}

/* Reads within a record, of which *left bytes remain, a number of at most so many bytes. */
static int64_t scan_number(struct record_scan *s, int64_t *left, unsigned bytes_max)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift<7 * bytes_max && * left> 0; shift += 7) {
        int b = scan_byte(s);
        if (b < 0) {
            if (!s->err) s->err = ERR_EOF;
            return 0;
        }
        --*left;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) return (int64_t)(v >> 1 ^ (0u - (v & 1)));
    }
    if (!s->err) s->err = ERR_FORMAT;
    return 0;
}

static int64_t scan_varlong(struct record_scan *s, int64_t *left)
{
    return scan_number(s, left, 10);
}

static int64_t scan_varint(struct record_scan *s, int64_t *left)
{
    return scan_number(s, left, 5);
}

static void scan_skip(struct record_scan *s, int64_t *left, int64_t n)
{
    if (n < 0) return; /* null */
    if (n > *left) {
        if (!s->err) s->err = ERR_FORMAT;
        return;
    }
    *left -= n;
    while (n > 0 && !s->err) {
        if (s->at == s->have) {
            if (scan_byte(s) < 0) {
                if (!s->err) s->err = ERR_EOF;
                return;
            }
            s->at--;
        }
        size_t k = min_size(s->have - s->at, (size_t)n);
        s->at += k;
        n -= (int64_t)k;
    }
}

bool record_scan_next(struct record_scan *s, struct record_outline *out)
{
    if (s->err) return false;
    if (s->left <= 0) {
        if (scan_byte(s) >= 0) s->err = ERR_FORMAT;
        return false;
    }
    int64_t any = 10, left = scan_varint(s, &any);
    if (left < 0 || left > INT32_MAX) s->err = ERR_FORMAT;
    scan_skip(s, &left, 1);
    out->time_delta_ms = scan_varlong(s, &left);
    out->offset_delta = scan_varint(s, &left);
    out->key_bytes = scan_varint(s, &left);
    scan_skip(s, &left, out->key_bytes);
    out->value_bytes = scan_varint(s, &left);
    scan_skip(s, &left, out->value_bytes);
    int64_t headers = scan_varint(s, &left);
    if (!s->err && (out->key_bytes < -1 || out->value_bytes < -1 || headers < 0 || headers > left))
        s->err = ERR_FORMAT;
    for (int64_t i = 0; i < headers && !s->err; i++) {
        int64_t n = scan_varint(s, &left);
        if (!s->err && n < 0) s->err = ERR_FORMAT;
        scan_skip(s, &left, n);
        n = scan_varint(s, &left);
        if (!s->err && n < -1) s->err = ERR_FORMAT;
        scan_skip(s, &left, n);
    }
    if (!s->err && left) s->err = ERR_FORMAT;
    if (s->err) return false;
    out->headers_n = (int32_t)headers;
    s->left--;
    return true;
}

/* ---- Building ---- */

void batch_builder_reset(struct batch_builder *b)
{
    struct kp_writer records = b->records;
    kp_writer_reset(&records);
    *b = (struct batch_builder){
        .level = KP_LEVEL_DEFAULT,
        .producer_id = -1,
        .producer_epoch = -1,
        .base_sequence = -1,
        .last_delta = -1,
        .base_time_ms = -1,
        .max_time_ms = -1,
        .records = records,
    };
}

void batch_builder_init(struct batch_builder *b)
{
    kp_writer_init(&b->records, 0);
    batch_builder_reset(b);
}

void batch_builder_fini(struct batch_builder *b)
{
    kp_writer_fini(&b->records);
}

static size_t varint_bytes(int64_t v)
{
    return kp_uvarint_bytes((uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}
static size_t varbytes_bytes(struct slice s)
{
    return s.p ? varint_bytes((int64_t)s.n) + s.n : 1;
}

static void put_varbytes(struct kp_writer *w, struct slice s)
{
    kp_write_varint(w, s.p ? (int32_t)s.n : -1);
    if (s.p) kp_write_raw(w, s);
}

void batch_add_at(struct batch_builder *b, int32_t delta, int64_t time_ms, struct slice key,
                  struct slice value, const struct record_header *headers, int32_t headers_n)
{
    ASSERT(delta > b->last_delta);
    if (b->count == 0) b->max_time_ms = time_ms;
    if (b->count == 0 && !(b->attributes & BATCH_DELETE_HORIZON)) b->base_time_ms = time_ms;
    int64_t time_delta = (int64_t)((uint64_t)time_ms - (uint64_t)b->base_time_ms); /* any two times */
    size_t n = 1 + varint_bytes(time_delta) + varint_bytes(delta) + varbytes_bytes(key) +
               varbytes_bytes(value) + varint_bytes(headers_n);
    for (int32_t i = 0; i < headers_n; i++)
        n += varbytes_bytes(headers[i].name) + varbytes_bytes(headers[i].value);
    ASSERT(n <= INT32_MAX);
    struct kp_writer *w = &b->records;
    kp_write_varint(w, (int32_t)n);
    size_t start = w->n;
    kp_write_i8(w, 0);
    kp_write_varlong(w, time_delta);
    kp_write_varint(w, delta);
    put_varbytes(w, key);
    put_varbytes(w, value);
    kp_write_varint(w, headers_n);
    for (int32_t i = 0; i < headers_n; i++) {
        ASSERT(headers[i].name.p);
        put_varbytes(w, headers[i].name);
        put_varbytes(w, headers[i].value);
    }
    VERIFY(w->n - start == n);
    (void)start;
    b->max_time_ms = max_i64(b->max_time_ms, time_ms);
    b->last_delta = delta;
    b->count++;
}

void batch_add(struct batch_builder *b, int64_t time_ms, struct slice key, struct slice value,
               const struct record_header *headers, int32_t headers_n)
{
    ASSERT(b->last_delta < INT32_MAX);
    batch_add_at(b, b->last_delta + 1, time_ms, key, value, headers, headers_n);
}

int batch_control(const uint8_t *batch, const struct batch_head *h, int *type, int32_t *coordinator_epoch)
{
    struct record_iter it;
    struct record r;
    *type = *coordinator_epoch = -1;
    if (h->count == 0) return 0;
    if (batch_codec(h) != KP_CODEC_NONE) return ERR_FORMAT;
    record_iter_init(&it, h, slice_of(batch + BATCH_HEAD_BYTES, (size_t)h->bytes - BATCH_HEAD_BYTES));
    if (!record_next(&it, &r) || !r.key.p || r.key.n < 4) return ERR_FORMAT;
    *type = load_be16(r.key.p + 2);
    if (*type <= CONTROL_COMMIT && r.value.n >= 6) *coordinator_epoch = (int32_t)load_be32(r.value.p + 2);
    return 0;
}

void batch_add_control(struct batch_builder *b, int64_t time_ms, int16_t type, struct slice value)
{
    uint8_t key[4] = {0}; /* version 0, then the type */
    store_be16(key + 2, (uint16_t)type);
    b->attributes |= BATCH_CONTROL;
    batch_add(b, time_ms, slice_of(key, sizeof key), value, NULL, 0);
}

int batch_finish(const struct batch_builder *b, struct kp_writer *out)
{
    ASSERT(b->last_delta >= 0);
    size_t start = out->n;
    kp_put(out, BATCH_HEAD_BYTES);
    int rc = kp_compress(b->codec, b->level, kp_writer_slice(&b->records), out);
    if (rc) {
        out->n = start;
        return rc;
    }
    uint8_t *p = out->p + start;
    size_t bytes = out->n - start;
    ASSERT(bytes <= INT32_MAX);
    store_be64(p, (uint64_t)b->base_offset);
    store_be32(p + BATCH_AT_LENGTH, (uint32_t)(bytes - BATCH_PREFIX_BYTES));
    store_be32(p + BATCH_AT_EPOCH, (uint32_t)b->leader_epoch);
    p[BATCH_AT_MAGIC] = 2;
    store_be16(p + BATCH_AT_ATTRIBUTES, (uint16_t)(b->attributes | b->codec));
    store_be32(p + BATCH_AT_LAST_DELTA, (uint32_t)b->last_delta);
    store_be64(p + BATCH_AT_BASE_TIME, (uint64_t)b->base_time_ms);
    store_be64(p + BATCH_AT_MAX_TIME, (uint64_t)b->max_time_ms);
    store_be64(p + BATCH_AT_PRODUCER_ID, (uint64_t)b->producer_id);
    store_be16(p + BATCH_AT_PRODUCER_EPOCH, (uint16_t)b->producer_epoch);
    store_be32(p + BATCH_AT_BASE_SEQUENCE, (uint32_t)b->base_sequence);
    store_be32(p + BATCH_AT_COUNT, (uint32_t)b->count);
    batch_set_crc(p, bytes);
    return 0;
}
