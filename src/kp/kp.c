/* See kp.h. Invariants:
 * 1. p <= end; after an error p == end and err stays what it was first.
 * 2. No count or length sizes anything before it was held against the bytes that are left.
 */
#include "kp/kp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int kp_fail(struct kp_reader *r, int err)
{
    if (!r->err) r->err = err;
    r->p = r->end;
    return 0;
}

struct uuid kp_read_uuid(struct kp_reader *r)
{
    struct uuid u = {{0}};
    if (kp_left(r) < 16) {
        kp_fail(r, ERR_EOF);
        return u;
    }
    memcpy(u.b, r->p, 16);
    r->p += 16;
    return u;
}

/* Seven bits a byte, low ones first. bits_max is 32 or 64; what does not fit is malformed. */
uint64_t kp_read_uvarlong_slow(struct kp_reader *r, unsigned bits_max)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < bits_max; shift += 7) {
        if (r->p == r->end) {
            kp_fail(r, ERR_EOF);
            return 0;
        }
        uint8_t b = *r->p++;
        if (shift + 7 > bits_max && (b & 0x7f) >> (bits_max - shift) != 0) break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) return v;
    }
    kp_fail(r, ERR_FORMAT);
    return 0;
}

struct slice kp_read_raw(struct kp_reader *r, size_t n)
{
    if (kp_left(r) < n) {
        kp_fail(r, ERR_EOF);
        return KP_EMPTY;
    }
    struct slice s = {r->p, n};
    r->p += n;
    return s;
}

/* A length prefix gave n (negative: null). */
static struct slice body(struct kp_reader *r, unsigned flags, int64_t n)
{
    if (n >= 0) return kp_read_raw(r, (size_t)n);
    if (n == -1 && (flags & KP_NULLABLE) && !r->err) return (struct slice){NULL, 0};
    kp_fail(r, ERR_FORMAT);
    return KP_EMPTY;
}

struct slice kp_read_string(struct kp_reader *r, unsigned flags)
{
    int64_t n = flags & KP_COMPACT ? (int64_t)kp_read_uvarint(r) - 1 : kp_read_i16(r);
    if (n > KP_STRING_BYTES_MAX) kp_fail(r, ERR_FORMAT);
    if (r->err) return KP_EMPTY;
    return body(r, flags, n);
}

struct slice kp_read_bytes(struct kp_reader *r, unsigned flags)
{
    int64_t n = flags & KP_COMPACT ? (int64_t)kp_read_uvarint(r) - 1 : kp_read_i32(r);
    if (r->err) return KP_EMPTY;
    return body(r, flags, n);
}

struct kp_records kp_read_records(struct kp_reader *r, unsigned flags)
{
    return (struct kp_records){.s = kp_read_bytes(r, flags)};
}

int32_t kp_read_array_len(struct kp_reader *r, unsigned flags, size_t bytes_min)
{
    int64_t n = flags & KP_COMPACT ? (int64_t)kp_read_uvarint(r) - 1 : kp_read_i32(r);
    if (r->err) return 0;
    if (n < 0) {
        if (n == -1 && (flags & KP_NULLABLE)) return -1;
        return kp_fail(r, ERR_FORMAT);
    }
    if ((uint64_t)n > kp_left(r) / bytes_min) return kp_fail(r, ERR_EOF);
    if (n > INT32_MAX) return kp_fail(r, ERR_FORMAT);
    return (int32_t)n;
}

void *kp_read_alloc(struct kp_reader *r, struct arena *a, int32_t n, size_t size)
{
    if (n <= 0) return NULL;
    r->mem_used += (size_t)n * size;
    if (r->mem_max && r->mem_used > r->mem_max) {
        kp_fail(r, ERR_MESSAGE_TOO_LARGE);
        return NULL;
    }
    return arena_alloc(a, (size_t)n * size);
}

#define READ_ARRAY(name, type, bytes_min, expr)                                                              \
    int32_t kp_read_##name##_array(struct kp_reader *r, struct arena *a, unsigned flags, type **out)         \
    {                                                                                                        \
        int32_t n = kp_read_array_len(r, flags, bytes_min);                                                  \
        type *v = *out = kp_read_alloc(r, a, n, sizeof(type));                                               \
        if (!v) return r->err ? 0 : n;                                                                       \
        for (int32_t i = 0; i < n; i++) v[i] = expr;                                                         \
        return n;                                                                                            \
    }
READ_ARRAY(i8, int8_t, 1, kp_read_i8(r))
READ_ARRAY(i16, int16_t, 2, kp_read_i16(r))
READ_ARRAY(i32, int32_t, 4, kp_read_i32(r))
READ_ARRAY(i64, int64_t, 8, kp_read_i64(r))
READ_ARRAY(uuid, struct uuid, 16, kp_read_uuid(r))
READ_ARRAY(string, struct slice, flags &KP_COMPACT ? 1 : 2, kp_read_string(r, flags &KP_COMPACT))

uint32_t kp_read_tag(struct kp_reader *r, const uint8_t **after)
{
    uint32_t tag = kp_read_uvarint(r), n = kp_read_uvarint(r);
    if (n > kp_left(r)) {
        kp_fail(r, ERR_EOF);
        n = 0;
    }
    *after = r->p + n;
    return r->err ? UINT32_MAX : tag;
}

void kp_skip_tags(struct kp_reader *r)
{
    const uint8_t *after;
    for (uint32_t left = kp_read_uvarint(r); left > 0 && !r->err; left--) {
        kp_read_tag(r, &after);
        kp_read_tag_skip(r, after);
    }
}

void kp_writer_init(struct kp_writer *w, size_t cap)
{
    *w = (struct kp_writer){.cap = cap};
    if (cap) w->p = xmalloc(cap);
}

void kp_writer_fini(struct kp_writer *w)
{
    free(w->p);
    free(w->exts);
    *w = (struct kp_writer){0};
}

uint8_t *kp_writer_take(struct kp_writer *w, size_t *n)
{
    ASSERT(w->exts_n == 0);
    uint8_t *p = w->p;
    *n = w->n;
    w->p = NULL;
    kp_writer_fini(w);
    return p;
}

void kp_writer_grow(struct kp_writer *w, size_t more)
{
    ASSERT(more < SIZE_MAX / 4);
    w->cap = max_size(max_size(w->cap * 2, w->n + more), 64);
    w->p = xrealloc(w->p, w->cap);
}

void kp_writer_reserve(struct kp_writer *w, size_t more)
{
    ASSERT(more < SIZE_MAX / 4);
    if (w->cap - w->n >= more) return;
    w->cap = w->n + more;
    w->p = xrealloc(w->p, w->cap);
}

void kp_write_uvarlong(struct kp_writer *w, uint64_t v)
{
    uint8_t b[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) b[n++] = (uint8_t)(v | 0x80);
    b[n++] = (uint8_t)v;
    memcpy(kp_put(w, n), b, n);
}

size_t kp_uvarint_bytes(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7) n++;
    return n;
}

void kp_write_raw(struct kp_writer *w, struct slice s)
{
    if (s.n) memcpy(kp_put(w, s.n), s.p, s.n);
}

void kp_write_string(struct kp_writer *w, unsigned flags, struct slice s)
{
    if (s.n > KP_STRING_BYTES_MAX) {
        w->err = ERR_MESSAGE_TOO_LARGE;
        s = KP_EMPTY;
    }
    bool null = !s.p && (flags & KP_NULLABLE);
    if (flags & KP_COMPACT) kp_write_uvarint(w, null ? 0 : (uint32_t)s.n + 1);
    else kp_write_i16(w, null ? -1 : (int16_t)s.n);
    if (!null) kp_write_raw(w, s);
}

static void write_len(struct kp_writer *w, unsigned flags, bool null, size_t n)
{
    ASSERT(n < INT32_MAX);
    null = null && (flags & KP_NULLABLE);
    if (flags & KP_COMPACT) kp_write_uvarint(w, null ? 0 : (uint32_t)n + 1);
    else kp_write_i32(w, null ? -1 : (int32_t)n);
}

void kp_write_bytes(struct kp_writer *w, unsigned flags, struct slice s)
{
    write_len(w, flags, !s.p, s.n);
    kp_write_raw(w, s);
}

void kp_write_records(struct kp_writer *w, unsigned flags, const struct kp_records *v)
{
    if (!v->ext) {
        kp_write_bytes(w, flags, v->s);
        return;
    }
    write_len(w, flags, false, v->ext_n);
    if (w->exts_n == w->exts_cap) {
        w->exts_cap = max_size(8, w->exts_cap * 2);
        w->exts = xrealloc(w->exts, w->exts_cap * sizeof *w->exts);
    }
    w->exts[w->exts_n++] = (struct kp_ext){.at = w->n, .ext = v->ext, .n = v->ext_n};
    w->exts_bytes += v->ext_n;
}

void kp_write_array_len(struct kp_writer *w, unsigned flags, int32_t n)
{
    write_len(w, flags, n < 0, n < 0 ? 0 : (size_t)n);
}

#define WRITE_ARRAY(name, type, write)                                                                       \
    void kp_write_##name##_array(struct kp_writer *w, unsigned flags, const type *v, int32_t n)              \
    {                                                                                                        \
        kp_write_array_len(w, flags, n);                                                                     \
        for (int32_t i = 0; i < n; i++) write;                                                               \
    }
WRITE_ARRAY(i8, int8_t, kp_write_i8(w, v[i]))
WRITE_ARRAY(i16, int16_t, kp_write_i16(w, v[i]))
WRITE_ARRAY(i32, int32_t, kp_write_i32(w, v[i]))
WRITE_ARRAY(i64, int64_t, kp_write_i64(w, v[i]))
WRITE_ARRAY(uuid, struct uuid, kp_write_uuid(w, v[i]))
WRITE_ARRAY(string, struct slice, kp_write_string(w, flags &KP_COMPACT, v[i]))

/* One byte is kept for the size; kp_tag_close makes more room where the value turned out longer than 127
 * bytes. */
size_t kp_tag_open(struct kp_writer *w, uint32_t tag)
{
    kp_write_uvarint(w, tag);
    kp_put(w, 1);
    return w->n;
}

void kp_tag_close(struct kp_writer *w, size_t at)
{
    size_t n = w->n - at, more = kp_uvarint_bytes(n) - 1;
    ASSERT(n <= INT32_MAX);
    if (more) {
        kp_put(w, more);
        memmove(w->p + at + more, w->p + at, n);
    }
    uint8_t *p = w->p + at - 1;
    for (; n >= 0x80; n >>= 7) *p++ = (uint8_t)(n | 0x80);
    *p = (uint8_t)n;
}

static bool has_default(const struct kp_field *f, const void *in);

static bool shape_has_defaults(const struct kp_shape *shape, const void *in)
{
    for (unsigned i = 0; i < shape->fields_n; i++)
        if (!has_default(&shape->fields[i], in)) return false;
    return true;
}

static int64_t integer_at(enum kp_type type, const void *p)
{
    switch (type) {
    case KP_BOOL:
        return *(const bool *)p;
    case KP_I8:
        return *(const int8_t *)p;
    case KP_I16:
        return *(const int16_t *)p;
    case KP_U16:
        return *(const uint16_t *)p;
    case KP_I32:
        return *(const int32_t *)p;
    case KP_U32:
        return *(const uint32_t *)p;
    default:
        return *(const int64_t *)p;
    }
}

static bool has_default(const struct kp_field *f, const void *in)
{
    const uint8_t *at = (const uint8_t *)in + f->offset;
    bool null_default = f->flags & KP_F_NULL_DEFAULT;
    if (f->flags & KP_F_ARRAY) {
        int32_t n = *(const int32_t *)(const void *)((const uint8_t *)in + f->offset_n);
        return n == (null_default ? -1 : 0);
    }
    const struct slice *s = (const void *)at;
    switch (f->type) {
    case KP_STRUCT:
        if (f->flags & KP_F_POINTER) {
            const void *target = *(void *const *)(const void *)at;
            if (!target || null_default) return !target && null_default;
            return shape_has_defaults(f->sub, target);
        }
        return shape_has_defaults(f->sub, at);
    case KP_STRING:
    case KP_BYTES:
    case KP_RECORDS:
        return null_default ? !s->p : s->p && s->n == 0;
    case KP_UUID:
        return uuid_is_zero(*(const struct uuid *)(const void *)at);
    case KP_F64: {
        double d, zero = 0;
        memcpy(&d, at, 8);
        return memcmp(&d, &zero, 8) == 0;
    }
    default:
        return integer_at(f->type, at) == f->def;
    }
}

/* A double as Java writes it: the fewest digits that read back as the same number, at least one behind the
 * point, and an exponent outside 10^-3 .. 10^7. */
static void print_double(struct strbuf *b, double d)
{
    if (isnan(d) || isinf(d)) {
        strbuf_add_cstr(b, isnan(d) ? "\"NaN\"" : d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    char digits[32];
    int precision = 0;
    do snprintf(digits, sizeof digits, "%.*e", precision, d);
    while (strtod(digits, NULL) != d && ++precision < 17);
    /* digits is [-]d[.ddd]e±xx */
    char *e = strchr(digits, 'e'), *p = digits;
    int exponent = atoi(e + 1);
    *e = 0;
    if (*p == '-') {
        strbuf_add_char(b, '-');
        p++;
    }
    size_t n = strlen(p);
    if (n > 1) memmove(p + 1, p + 2, n - 1); /* the point goes */
    n = strlen(p);
    if (d == 0) strbuf_add_cstr(b, "0.0");
    else if (exponent < -3 || exponent >= 7)
        strbuf_printf(b, "%c.%sE%d", p[0], n > 1 ? p + 1 : "0", exponent);
    else if (exponent < 0) strbuf_printf(b, "0.%.*s%s", -exponent - 1, "000", p);
    else {
        for (int i = 0; i <= exponent; i++) strbuf_add_char(b, (size_t)i < n ? p[i] : '0');
        strbuf_printf(b, ".%s", n > (size_t)exponent + 1 ? p + exponent + 1 : "0");
    }
}

static void print_value(struct strbuf *b, int16_t version, const struct kp_field *f, const uint8_t *at)
{
    const struct slice *s = (const void *)at;
    switch (f->type) {
    case KP_BOOL:
        strbuf_add_cstr(b, *(const bool *)at ? "true" : "false");
        break;
    case KP_F64: {
        double d;
        memcpy(&d, at, 8);
        print_double(b, d);
        break;
    }
    case KP_UUID: {
        struct uuid u;
        char text[UUID_TEXT_BYTES];
        memcpy(&u, at, sizeof u);
        uuid_format(u, text);
        strbuf_printf(b, "\"%s\"", text);
        break;
    }
    case KP_STRING:
        if (s->p) strbuf_add_json(b, *s);
        else strbuf_add_cstr(b, "null");
        break;
    case KP_BYTES:
        if (s->p) strbuf_add_base64(b, *s);
        else strbuf_add_cstr(b, "null");
        break;
    case KP_STRUCT:
        kp_print(b, version, f->sub, at);
        break;
    default:
        strbuf_printf(b, "%lld", (long long)integer_at(f->type, at));
        break;
    }
}

static size_t element_bytes(const struct kp_field *f)
{
    static const uint8_t bytes[] = {
        [KP_BOOL] = 1,
        [KP_I8] = 1,
        [KP_I16] = 2,
        [KP_U16] = 2,
        [KP_I32] = 4,
        [KP_U32] = 4,
        [KP_I64] = 8,
        [KP_F64] = 8,
        [KP_UUID] = 16,
        [KP_STRING] = sizeof(struct slice),
        [KP_BYTES] = sizeof(struct slice),
        [KP_RECORDS] = sizeof(struct kp_records),
    };
    return f->type == KP_STRUCT ? f->sub->size : bytes[f->type];
}

static void print_field(struct strbuf *b, int16_t version, const struct kp_field *f, const void *in)
{
    const uint8_t *at = (const uint8_t *)in + f->offset;
    if (f->type == KP_RECORDS) {
        const struct kp_records *v = (const void *)at;
        if (v->ext || v->s.p)
            strbuf_printf(b, "\"%sSizeInBytes\":%zu", f->name, v->ext ? (size_t)v->ext_n : v->s.n);
        else strbuf_printf(b, "\"%s\":null", f->name);
        return;
    }
    strbuf_printf(b, "\"%s\":", f->name);
    if (f->flags & KP_F_ARRAY) {
        const uint8_t *v = *(uint8_t *const *)(const void *)at;
        int32_t n = *(const int32_t *)(const void *)((const uint8_t *)in + f->offset_n);
        if (n < 0) {
            strbuf_add_cstr(b, "null");
            return;
        }
        strbuf_add_char(b, '[');
        for (int32_t i = 0; i < n; i++) {
            if (i) strbuf_add_char(b, ',');
            print_value(b, version, f, v + (size_t)i * element_bytes(f));
        }
        strbuf_add_char(b, ']');
    } else if (f->flags & KP_F_POINTER) {
        const uint8_t *target = *(uint8_t *const *)(const void *)at;
        if (target) print_value(b, version, f, target);
        else strbuf_add_cstr(b, "null");
    } else print_value(b, version, f, at);
}

void kp_print(struct strbuf *b, int16_t version, const struct kp_shape *shape, const void *in)
{
    bool first = true;
    strbuf_add_char(b, '{');
    for (unsigned i = 0; i < shape->fields_n; i++) {
        const struct kp_field *f = &shape->fields[i];
        if (version < f->since || version > f->until) continue;
        if ((f->flags & KP_F_TAGGED) && has_default(f, in)) continue;
        if (!first) strbuf_add_char(b, ',');
        first = false;
        print_field(b, version, f, in);
    }
    strbuf_add_char(b, '}');
}
