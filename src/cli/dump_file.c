/* What all of dump-log stands on: bytes of a file, batches, records, and what is told at the end. */
#include "cli/dump_log.h"
#include "cli/tools.h"
#include "os/os.h"

#include <stdlib.h>
#include <zlib.h>

#define INVALID_RECORD "org.apache.kafka.common.InvalidRecordException"
#define RECORD_BYTES_MAX ((int64_t)1 << 30)
#define HEADER_TO_MAGIC_BYTES 17
#define LEGACY_OVERHEAD_MIN 14

void dump_init(struct dump *d)
{
    *d =
        (struct dump){.message_max = 5 * 1024 * 1024, .bytes_max = INT32_MAX, .record_max = RECORD_BYTES_MAX};
    strbuf_init(&d->out);
    strbuf_init(&d->err);
    strbuf_init(&d->thrown);
    d->unpack = kp_unpack_new();
}

static void notes_fini(struct dump_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++) free(notes->v[i].path);
    free(notes->v);
}

void dump_fini(struct dump *d)
{
    notes_fini(&d->mismatches);
    notes_fini(&d->gaps);
    notes_fini(&d->time_mismatches);
    notes_fini(&d->time_disorder);
    notes_fini(&d->not_found);
    strbuf_fini(&d->out);
    strbuf_fini(&d->err);
    strbuf_fini(&d->thrown);
    kp_unpack_free(d->unpack);
}

int dump_throw(struct dump *d, const char *exception, const char *fmt, ...)
{
    va_list ap;
    strbuf_reset(&d->thrown);
    strbuf_printf(&d->thrown, "%s: ", exception);
    size_t bare = d->thrown.n;
    va_start(ap, fmt);
    strbuf_vprintf(&d->thrown, fmt, ap);
    va_end(ap);
    if (d->thrown.n == bare) d->thrown.s[d->thrown.n -= 2] = 0; /* nothing to say: no colon */
    return ERR_FORMAT;
}

/* ---- what is told at the end ---- */
void dump_note(struct dump_notes *notes, const char *path, int64_t a, int64_t b)
{
    if ((notes->n & (notes->n + 1)) == 0)
        notes->v = xrealloc(notes->v, (notes->n * 2 + 1) * sizeof *notes->v);
    notes->v[notes->n++] = (struct dump_note){xstrdup(path), a, b};
}

/* The notes of each path under its title; the paths in the order of Java's HashMap. Where by_a says so (1:
 * ascending, -1: descending) those of a path are ordered by a, and only the last of each a counts: a TreeMap.
 */
struct order {
    size_t at;
    const struct dump_note *note;
    int by_a;
};
static int order_cmp(const void *pa, const void *pb)
{
    const struct order *x = pa, *y = pb;
    if (x->by_a && x->note->a != y->note->a) return (x->note->a > y->note->a ? 1 : -1) * x->by_a;
    return (x->at > y->at) - (x->at < y->at);
}

static void tell(struct strbuf *out, const struct dump_notes *notes, const char *title, const char *fmt_a,
                 const char *fmt_b, int by_a)
{
    struct slice *paths = xcalloc(notes->n + 1, sizeof *paths);
    struct order *v = xcalloc(notes->n + 1, sizeof *v);
    int32_t paths_n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        bool known = false;
        for (int32_t k = 0; k < paths_n; k++) known |= slice_eq_cstr(paths[k], notes->v[i].path);
        if (!known) paths[paths_n++] = slice_cstr(notes->v[i].path);
    }
    for (int32_t k = 0; k < paths_n / 2;
         k++) { /* Java's computeIfAbsent puts a path in front of its bucket */
        struct slice first = paths[k];
        paths[k] = paths[paths_n - 1 - k];
        paths[paths_n - 1 - k] = first;
    }
    java_map_sort(paths, paths_n, 16);
    for (int32_t k = 0; k < paths_n; k++) {
        size_t n = 0;
        for (size_t i = 0; i < notes->n; i++)
            if (slice_eq_cstr(paths[k], notes->v[i].path)) {
                v[n] = (struct order){n, &notes->v[i], by_a};
                n++;
            }
        qsort(v, n, sizeof *v, order_cmp);
        strbuf_printf(out, "%s%s\n", title, (const char *)paths[k].p);
        for (size_t i = 0; i < n; i++) {
            if (by_a && i + 1 < n && v[i + 1].note->a == v[i].note->a) continue;
            strbuf_printf(out, "%s%lld%s%lld\n", fmt_a, (long long)v[i].note->a, fmt_b,
                          (long long)v[i].note->b);
        }
    }
    free(paths);
    free(v);
}

void dump_tell_notes(struct dump *d)
{
    tell(&d->err, &d->mismatches, "Mismatches in :", "  Index offset: ", ", log offset: ", -1);
    tell(&d->err, &d->time_mismatches,
         "Found timestamp mismatch in :", "  Index timestamp: ", ", log timestamp: ", 0);
    tell(&d->err, &d->time_disorder,
         "Found out of order timestamp in :", "  Index timestamp: ", ", Previously indexed timestamp: ", 0);
    tell(&d->err, &d->not_found,
         "The following indexed offsets are not found in :", "Indexed offset: ", ", found log offset: ", 0);
    tell(&d->err, &d->gaps, "Non-consecutive offsets in ", "  ", " is followed by ", 1);
}

/* ---- files ---- */
int dump_read(const struct dump_file *f, int64_t off, void *p, size_t n)
{
    if (off < 0 || off > f->size || (uint64_t)(f->size - off) < n) return ERR_EOF;
    if (f->fd < 0) {
        memcpy(p, f->memory.p + off, n);
        return 0;
    }
    ssize_t got = os_pread(NULL, f->fd, p, n, off);
    return got < 0 ? (int)got : (size_t)got < n ? ERR_EOF : 0;
}

int dump_base_offset(struct dump *d, const char *name, int64_t *out)
{
    size_t n = strcspn(name, ".");
    char *text = xstrndup(name, n);
    bool ok = parse_i64(text, out) && text[strspn(text, "+-0123456789")] == 0;
    int rc = ok ? 0 : dump_throw(d, "java.lang.NumberFormatException", "For input string: \"%s\"", text);
    free(text);
    return rc;
}

/* ---- batches ---- */
static int read_legacy(struct dump *d, const struct dump_file *f, struct dump_batch *b)
{
    uint8_t h[26] = {0};
    size_t n = b->magic == 1 ? 26 : 18;
    if (dump_read(f, b->at, h, n))
        return dump_throw(d, "org.apache.kafka.common.KafkaException",
                          "Failed to load record batch at position %lld from %s", (long long)b->at, f->path);
    b->crc = load_be32(h + 12);
    b->attributes = h[17];
    b->max_time_ms = b->magic == 1 ? (int64_t)load_be64(h + 18) : -1;
    b->last_offset = b->base_offset;
    b->base_sequence = -1;
    return 1;
}

int dump_batch_at(struct dump *d, const struct dump_file *f, int64_t at, int64_t end, struct dump_batch *b)
{
    uint8_t h[BATCH_HEAD_BYTES];
    *b = (struct dump_batch){.at = at};
    if (at >= end - HEADER_TO_MAGIC_BYTES || dump_read(f, at, h, HEADER_TO_MAGIC_BYTES)) return 0;
    int32_t size = (int32_t)load_be32(h + BATCH_AT_LENGTH);
    b->base_offset = (int64_t)load_be64(h);
    b->magic = (int8_t)h[BATCH_AT_MAGIC];
    b->bytes = (int64_t)size + BATCH_PREFIX_BYTES;
    if (size < LEGACY_OVERHEAD_MIN)
        return dump_throw(d, "org.apache.kafka.common.errors.CorruptRecordException",
                          "Found record size %d smaller than minimum record overhead (%d) in file %s.", size,
                          LEGACY_OVERHEAD_MIN, f->path);
    if (at > end - b->bytes) return 0;
    if (b->magic < 2) return read_legacy(d, f, b);
    if (dump_read(f, at, h, sizeof h))
        return dump_throw(d, "org.apache.kafka.common.KafkaException",
                          "Failed to load record batch at position %lld from %s", (long long)at, f->path);
    b->leader_epoch = (int32_t)load_be32(h + BATCH_AT_EPOCH);
    b->crc = load_be32(h + BATCH_AT_CRC);
    b->attributes = load_be16(h + BATCH_AT_ATTRIBUTES);
    b->last_delta = (int32_t)load_be32(h + BATCH_AT_LAST_DELTA);
    b->last_offset = (int64_t)((uint64_t)b->base_offset + (uint64_t)(int64_t)b->last_delta);
    b->base_time_ms = (int64_t)load_be64(h + BATCH_AT_BASE_TIME);
    b->max_time_ms = (int64_t)load_be64(h + BATCH_AT_MAX_TIME);
    b->producer_id = (int64_t)load_be64(h + BATCH_AT_PRODUCER_ID);
    b->producer_epoch = (int16_t)load_be16(h + BATCH_AT_PRODUCER_EPOCH);
    b->base_sequence = (int32_t)load_be32(h + BATCH_AT_BASE_SEQUENCE);
    b->count = (int32_t)load_be32(h + BATCH_AT_COUNT);
    return 1;
}

bool dump_batch_valid(const struct dump_file *f, const struct dump_batch *b)
{
    uint8_t part[16384];
    int64_t at = b->magic < 2 ? 16 : BATCH_AT_ATTRIBUTES;
    uint32_t crc = 0;
    if (b->magic >= 2 && b->bytes < BATCH_HEAD_BYTES) return false;
    while (at < b->bytes) {
        size_t n = (size_t)min_i64((int64_t)sizeof part, b->bytes - at);
        if (dump_read(f, b->at + at, part, n)) return false;
        crc = b->magic < 2 ? (uint32_t)crc32(crc, part, (uInt)n) : crc32c(crc, part, n);
        at += (int64_t)n;
    }
    return crc == b->crc;
}

/* As Java's int arithmetic does it, for any numbers. */
int32_t dump_sequence(int32_t base, int32_t more)
{
    uint32_t b = (uint32_t)base, m = (uint32_t)more;
    if (base > (int32_t)(INT32_MAX - m)) return (int32_t)(m - (INT32_MAX - b) - 1);
    return (int32_t)(b + m);
}

/* ---- records ---- */
/* Reads one record's body. `r` holds what Java's buffer would: the rest of the batch, or one record of a
 * compressed one. */
static int parse_record(struct dump *d, const struct dump_batch *b, struct kp_reader *r, int64_t body_bytes,
                        struct strbuf *names, struct dump_record *out)
{
    static const char structure[] = "Found invalid record structure";
    const uint8_t *start = r->p;
    if (body_bytes > (int64_t)kp_left(r))
        return dump_throw(d, INVALID_RECORD,
                          "Invalid record size: expected %lld bytes in record payload, but instead the "
                          "buffer has only %zu remaining bytes.",
                          (long long)body_bytes, kp_left(r));
    struct slice part[2];
    (void)kp_read_i8(r);
    int64_t time = (int64_t)((uint64_t)b->base_time_ms + (uint64_t)kp_read_varlong(r));
    int32_t delta = kp_read_varint(r);
    for (int i = 0; i < 2; i++) {
        int32_t n = kp_read_varint(r);
        part[i] = n < 0 ? (struct slice){0} : n == 0 ? KP_EMPTY : kp_read_raw(r, (size_t)n);
    }
    int32_t headers = kp_read_varint(r);
    if (r->err) return dump_throw(d, INVALID_RECORD, structure);
    if (headers < 0)
        return dump_throw(d, INVALID_RECORD, "Found invalid number of record headers %d", headers);
    if ((size_t)headers > kp_left(r))
        return dump_throw(
            d, INVALID_RECORD,
            "Found invalid number of record headers. %d is larger than the remaining size of the buffer",
            headers);
    strbuf_reset(names);
    for (int32_t i = 0; i < headers && !r->err; i++) {
        int32_t n = kp_read_varint(r);
        if (n < 0 && !r->err) return dump_throw(d, INVALID_RECORD, "Invalid negative header key size %d", n);
        struct slice name = kp_read_raw(r, n > 0 ? (size_t)n : 0);
        int32_t value = kp_read_varint(r);
        if (value > 0) (void)kp_read_raw(r, (size_t)value);
        if (i) strbuf_add_char(names, ',');
        dump_utf8(names, name);
    }
    if (r->err) return dump_throw(d, INVALID_RECORD, structure);
    if (r->p - start != body_bytes)
        return dump_throw(
            d, INVALID_RECORD,
            "Invalid record size: expected to read %lld bytes in record payload, but instead read %lld",
            (long long)body_bytes, (long long)(r->p - start));
    *out = (struct dump_record){
        .offset = (int64_t)((uint64_t)b->base_offset + (uint64_t)(int64_t)delta),
        .time_ms = b->attributes & BATCH_LOG_APPEND_TIME ? b->max_time_ms : time,
        .key = part[0],
        .value = part[1],
        .sequence = b->base_sequence >= 0 ? dump_sequence(b->base_sequence, delta) : -1,
        .header_names = strbuf_slice(names),
    };
    return 0;
}

static int plain_records(struct dump *d, const struct dump_batch *b, struct slice body, dump_record_cb *cb,
                         void *arg)
{
    struct kp_reader r = kp_reader_of(body);
    struct strbuf names;
    int rc = 0;
    strbuf_init(&names);
    for (int32_t i = 0; i < b->count && rc == 0; i++) {
        struct dump_record rec;
        int32_t n = kp_read_varint(&r);
        if (r.err) rc = dump_throw(d, INVALID_RECORD, "Incorrect declared batch size, premature EOF reached");
        else rc = parse_record(d, b, &r, n, &names, &rec);
        if (rc == 0 && i + 1 == b->count && kp_left(&r))
            rc = dump_throw(d, INVALID_RECORD,
                            "Incorrect declared batch size, records still remaining in file");
        if (rc == 0) rc = cb(d, b, &rec, arg);
    }
    strbuf_fini(&names);
    return rc;
}

/* A compressed batch, record by record: only one of them is in memory, and it grows with the bytes that are
 * really there. */
static int unpack_some(struct dump *d, struct strbuf *out, size_t n)
{
    uint8_t part[16384];
    while (n) {
        int64_t got = kp_unpack_read(d->unpack, part, min_size(n, sizeof part));
        if (got < 0)
            return dump_throw(d, "org.apache.kafka.common.KafkaException",
                              "Failed to decompress record stream");
        if (got == 0) return ERR_EOF;
        strbuf_add(out, part, (size_t)got);
        n -= (size_t)got;
    }
    return 0;
}

static int unpack_varint(struct dump *d, int32_t *out)
{
    uint8_t byte = 0x80;
    uint32_t v = 0;
    for (unsigned shift = 0; byte & 0x80; shift += 7) {
        int64_t got = shift < 35 ? kp_unpack_read(d->unpack, &byte, 1) : -1;
        if (got < 0)
            return dump_throw(d, "org.apache.kafka.common.KafkaException",
                              "Failed to decompress record stream");
        if (got == 0)
            return dump_throw(d, INVALID_RECORD, "Incorrect declared batch size, premature EOF reached");
        v |= (uint32_t)(byte & 0x7f) << shift;
    }
    *out = (int32_t)(v >> 1 ^ (0u - (v & 1)));
    return 0;
}

static int packed_records(struct dump *d, const struct dump_batch *b, struct slice body, dump_record_cb *cb,
                          void *arg)
{
    struct strbuf names, bytes;
    int rc = kp_unpack_start(d->unpack, b->attributes & BATCH_CODEC_MASK, body, SIZE_MAX);
    if (rc)
        return dump_throw(d, "org.apache.kafka.common.KafkaException", "Failed to decompress record stream");
    strbuf_init(&names);
    strbuf_init(&bytes);
    for (int32_t i = 0; i < b->count && rc == 0; i++) {
        struct dump_record rec;
        int32_t n = 0;
        strbuf_reset(&bytes);
        if ((rc = unpack_varint(d, &n)) != 0) break;
        if (n > d->record_max)
            rc = dump_throw(d, INVALID_RECORD, "a record of %d bytes is more than this tool takes", n);
        else rc = unpack_some(d, &bytes, n > 0 ? (size_t)n : 0);
        if (rc == ERR_EOF)
            rc = dump_throw(d, INVALID_RECORD,
                            "Invalid record size: expected %d bytes in record payload, but the record "
                            "payload reached EOF.",
                            n);
        struct kp_reader r = kp_reader_of(strbuf_slice(&bytes));
        if (rc == 0) rc = parse_record(d, b, &r, n, &names, &rec);
        uint8_t more;
        if (rc == 0 && i + 1 == b->count && kp_unpack_read(d->unpack, &more, 1) > 0)
            rc = dump_throw(d, INVALID_RECORD,
                            "Incorrect declared batch size, records still remaining in file");
        if (rc == 0) rc = cb(d, b, &rec, arg);
    }
    strbuf_fini(&names);
    strbuf_fini(&bytes);
    return rc;
}

/* One message of magic 0 or 1: `in` begins at its CRC. */
static bool legacy_record(struct slice in, int64_t offset, struct dump_record *out, uint8_t *attributes)
{
    struct kp_reader r = kp_reader_of(in);
    out->offset = offset;
    out->sequence = -1;
    out->legacy_crc = kp_read_u32(&r);
    out->legacy_valid =
        in.n >= LEGACY_OVERHEAD_MIN && (uint32_t)crc32(0, in.p + 4, (uInt)(in.n - 4)) == out->legacy_crc;
    int8_t magic = kp_read_i8(&r);
    *attributes = (uint8_t)kp_read_i8(&r);
    out->time_ms = magic == 1 ? kp_read_i64(&r) : -1;
    out->key = kp_read_bytes(&r, KP_NULLABLE);
    out->value = kp_read_bytes(&r, KP_NULLABLE);
    return !r.err;
}

static int legacy_inner(struct dump *d, const struct dump_batch *b, struct slice body, int64_t wrapper_time,
                        dump_record_cb *cb, void *arg)
{
    struct kp_writer w;
    int64_t last = -1;
    int rc = 0;
    kp_writer_init(&w, 0);
    if (kp_decompress(b->attributes & BATCH_CODEC_MASK, body, (size_t)d->record_max, &w))
        rc = dump_throw(d, "org.apache.kafka.common.KafkaException", "Failed to decompress record stream");
    for (int pass = 0; pass < 2 && rc == 0;
         pass++) { /* first the last offset, from which magic 1 counts back */
        struct kp_reader r = kp_reader_of(kp_writer_slice(&w));
        while (kp_left(&r) && rc == 0) {
            int64_t offset = kp_read_i64(&r);
            int32_t n = kp_read_i32(&r);
            struct slice in = kp_read_raw(&r, n > 0 ? (size_t)n : 0);
            struct dump_record rec = {0};
            uint8_t attributes;
            if (r.err || !legacy_record(in, offset, &rec, &attributes))
                rc = dump_throw(d, INVALID_RECORD, "Found invalid record structure");
            else if (pass == 0) last = offset;
            else {
                if (b->magic == 1)
                    rec.offset = (int64_t)((uint64_t)b->last_offset - (uint64_t)last + (uint64_t)offset);
                if (b->attributes & BATCH_LOG_APPEND_TIME) rec.time_ms = wrapper_time;
                rc = cb(d, b, &rec, arg);
            }
        }
    }
    kp_writer_fini(&w);
    return rc;
}

static int legacy_records(struct dump *d, const struct dump_batch *b, struct slice message,
                          dump_record_cb *cb, void *arg)
{
    struct dump_record rec = {0};
    uint8_t attributes;
    if (!legacy_record(message, b->base_offset, &rec, &attributes))
        return dump_throw(d, INVALID_RECORD, "Found invalid record structure");
    if (!(b->attributes & BATCH_CODEC_MASK)) return cb(d, b, &rec, arg);
    if (!rec.value.p)
        return dump_throw(d, INVALID_RECORD,
                          "Found invalid compressed record set with null value (magic = %d)", b->magic);
    return legacy_inner(d, b, rec.value, rec.time_ms, cb, arg);
}

int dump_records(struct dump *d, const struct dump_file *f, const struct dump_batch *b, dump_record_cb *cb,
                 void *arg)
{
    int64_t head = b->magic < 2 ? BATCH_PREFIX_BYTES : BATCH_HEAD_BYTES;
    if (b->bytes < head) return dump_throw(d, "java.lang.IndexOutOfBoundsException", "%s", "");
    if (b->magic >= 2 && b->count == 0) return 0;
    if (b->magic >= 2 && b->count < 0)
        return dump_throw(d, INVALID_RECORD, "Found invalid record count %d in magic v%d batch", b->count,
                          b->magic);
    size_t n = (size_t)(b->bytes - head);
    uint8_t *p = xmalloc(n + 1);
    int rc;
    if (dump_read(f, b->at + head, p, n))
        rc = dump_throw(d, "org.apache.kafka.common.KafkaException",
                        "Failed to load record batch at position %lld from %s", (long long)b->at, f->path);
    else if (b->magic < 2) rc = legacy_records(d, b, slice_of(p, n), cb, arg);
    else if (b->attributes & BATCH_CODEC_MASK) rc = packed_records(d, b, slice_of(p, n), cb, arg);
    else rc = plain_records(d, b, slice_of(p, n), cb, arg);
    free(p);
    return rc;
}
