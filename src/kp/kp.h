/* The Kafka wire format: a reader and a writer of its primitive types, and the shape tables with which
 * messages are printed, compared and made up without code of their own. The codecs that build/gen/kp holds
 * (made from proto/ by tools/kpgen.py) stand on this file.
 *
 * Types on the wire (big-endian):
 *   int8..int64, uint16, uint32, float64   1..8 bytes
 *   bool                                   1 byte, 0 is false, anything else true
 *   uuid                                   16 bytes
 *   string          int16 length  (-1: null), bytes   | compact: uvarint length + 1 (0: null), bytes
 *                   up to 32767 bytes
 *   bytes, records  int32 length  (-1: null), bytes   | compact: uvarint length + 1 (0: null), bytes
 *   array           int32 count   (-1: null), elements| compact: uvarint count + 1  (0: null), elements
 *   struct          its fields, and in flexible versions then its tagged fields
 *   nullable struct int8 -1 for null, else 1 and the struct (as a tagged field: uvarint 0 or 1)
 *   tagged fields   uvarint count, then for each: uvarint tag, uvarint size, the value in compact form
 */
#ifndef MOLDAU_KP_H
#define MOLDAU_KP_H

#include "base/arena.h"
#include "base/base.h"
#include "base/err.h"
#include "base/strbuf.h"

/* Longest string of the protocol, in bytes. */
#define KP_STRING_BYTES_MAX 32767

/* Flags of reads and writes of strings, bytes, records and arrays. */
#define KP_COMPACT 1u
#define KP_NULLABLE 2u

/* The empty string: present, of length 0. */
#define KP_EMPTY ((struct slice){.p = (const uint8_t *)"", .n = 0})

/* Record batches inside a message. In responses ext (if not NULL) stands for ext_n bytes that lie elsewhere,
 * usually in a log file: the writer only notes where they belong (struct kp_ext). Reading fills s and nothing
 * else. */
struct kp_records {
    struct slice s;
    void *ext;
    uint32_t ext_n;
};

/* ---- Reader ----
 * The error is sticky: the first read past the end sets err and moves p to the end, and every later read
 * gives zeros. Look at err once per message. Slices point into the input and live as long as it does. */
struct kp_reader {
    const uint8_t *p, *end;
    int err;         /* 0, ERR_EOF, ERR_FORMAT, ERR_MESSAGE_TOO_LARGE or ERR_UNSUPPORTED_VERSION */
    size_t mem_used; /* bytes of arrays taken from the arena */
    size_t
        mem_max; /* reading fails with ERR_MESSAGE_TOO_LARGE beyond this; 0: no bound but the input's size */
};

static inline struct kp_reader kp_reader_of(struct slice s)
{
    return (struct kp_reader){.p = s.p, .end = s.p ? s.p + s.n : s.p};
}
static inline size_t kp_left(const struct kp_reader *r)
{
    return (size_t)(r->end - r->p);
}
/* Always returns 0, so that reads can return through it. The first error stays. */
int kp_fail(struct kp_reader *r, int err) __attribute__((cold));

static inline int8_t kp_read_i8(struct kp_reader *r)
{
    if (r->p == r->end) return (int8_t)kp_fail(r, ERR_EOF);
    return (int8_t)*r->p++;
}
static inline bool kp_read_bool(struct kp_reader *r)
{
    return kp_read_i8(r) != 0;
}
static inline uint16_t kp_read_u16(struct kp_reader *r)
{
    if (kp_left(r) < 2) return (uint16_t)kp_fail(r, ERR_EOF);
    uint16_t v = load_be16(r->p);
    r->p += 2;
    return v;
}
static inline int16_t kp_read_i16(struct kp_reader *r)
{
    return (int16_t)kp_read_u16(r);
}
static inline uint32_t kp_read_u32(struct kp_reader *r)
{
    if (kp_left(r) < 4) return (uint32_t)kp_fail(r, ERR_EOF);
    uint32_t v = load_be32(r->p);
    r->p += 4;
    return v;
}
static inline int32_t kp_read_i32(struct kp_reader *r)
{
    return (int32_t)kp_read_u32(r);
}
static inline uint64_t kp_read_u64(struct kp_reader *r)
{
    if (kp_left(r) < 8) return (uint64_t)kp_fail(r, ERR_EOF);
    uint64_t v = load_be64(r->p);
    r->p += 8;
    return v;
}
static inline int64_t kp_read_i64(struct kp_reader *r)
{
    return (int64_t)kp_read_u64(r);
}
static inline double kp_read_f64(struct kp_reader *r)
{
    uint64_t bits = kp_read_u64(r);
    double d;
    memcpy(&d, &bits, 8);
    return d;
}
struct uuid kp_read_uuid(struct kp_reader *r);
uint64_t kp_read_uvarlong_slow(struct kp_reader *r, unsigned bits_max);
static inline uint32_t kp_read_uvarint(struct kp_reader *r)
{
    if (r->p != r->end && *r->p < 0x80) return *r->p++;
    return (uint32_t)kp_read_uvarlong_slow(r, 32);
}
/* Zigzag: 0, -1, 1, -2, … are 0, 1, 2, 3, … */
static inline int32_t kp_read_varint(struct kp_reader *r)
{
    uint32_t v = kp_read_uvarint(r);
    return (int32_t)(v >> 1 ^ (0u - (v & 1)));
}
static inline int64_t kp_read_varlong(struct kp_reader *r)
{
    uint64_t v = r->p != r->end && *r->p < 0x80 ? *r->p++ : kp_read_uvarlong_slow(r, 64);
    return (int64_t)(v >> 1 ^ (0u - (v & 1)));
}
/* The next n bytes. */
struct slice kp_read_raw(struct kp_reader *r, size_t n);
/* flags: KP_COMPACT, KP_NULLABLE. Null without KP_NULLABLE is ERR_FORMAT. */
struct slice kp_read_string(struct kp_reader *r, unsigned flags);
struct slice kp_read_bytes(struct kp_reader *r, unsigned flags);
struct kp_records kp_read_records(struct kp_reader *r, unsigned flags);
/* A count that the rest of the input can hold, elements being at least bytes_min long; -1 for null, 0 on
 * error. */
int32_t kp_read_array_len(struct kp_reader *r, unsigned flags, size_t bytes_min);
/* Room for n elements, uninitialised; NULL if n <= 0 or mem_max is passed (then err is set). */
void *kp_read_alloc(struct kp_reader *r, struct arena *a, int32_t n, size_t size);
int32_t kp_read_i8_array(struct kp_reader *r, struct arena *a, unsigned flags, int8_t **out);
int32_t kp_read_i16_array(struct kp_reader *r, struct arena *a, unsigned flags, int16_t **out);
int32_t kp_read_i32_array(struct kp_reader *r, struct arena *a, unsigned flags, int32_t **out);
int32_t kp_read_i64_array(struct kp_reader *r, struct arena *a, unsigned flags, int64_t **out);
int32_t kp_read_uuid_array(struct kp_reader *r, struct arena *a, unsigned flags, struct uuid **out);
int32_t kp_read_string_array(struct kp_reader *r, struct arena *a, unsigned flags, struct slice **out);
/* A tagged field's tag and size; *after receives where it ends, inside the input. */
uint32_t kp_read_tag(struct kp_reader *r, const uint8_t **after);
/* The field was read: it must have ended where its size said. */
static inline void kp_read_tag_end(struct kp_reader *r, const uint8_t *after)
{
    if (r->p != after) kp_fail(r, ERR_FORMAT);
}
static inline void kp_read_tag_skip(struct kp_reader *r, const uint8_t *after)
{
    if (!r->err) r->p = after;
}
/* A section of tagged fields of which none is known. */
void kp_skip_tags(struct kp_reader *r);

/* ---- Writer ----
 * Appends to a buffer on the heap that grows by itself. */
struct kp_ext {
    size_t at; /* the bytes belong in front of w->p[at] */
    void *ext;
    uint32_t n;
};
struct kp_writer {
    uint8_t *p;
    size_t n, cap;
    int err; /* sticky; ERR_MESSAGE_TOO_LARGE: a string was longer than the protocol can say, an empty one
                stands there */
    struct kp_ext *exts; /* in order of at */
    size_t exts_n, exts_cap;
    size_t exts_bytes; /* sum of their n */
};

void kp_writer_init(struct kp_writer *w, size_t cap);
void kp_writer_fini(struct kp_writer *w);
/* Forgets what was written and keeps the room. */
static inline void kp_writer_reset(struct kp_writer *w)
{
    w->n = 0;
    w->exts_n = w->exts_bytes = 0;
    w->err = 0;
}
/* Moves the buffer (heap, the caller frees it) out; w is as after kp_writer_init(w, 0). exts must be empty.
 */
uint8_t *kp_writer_take(struct kp_writer *w, size_t *n);
/* What was written; empty, not null, if that is nothing. */
static inline struct slice kp_writer_slice(const struct kp_writer *w)
{
    return w->p ? slice_of(w->p, w->n) : KP_EMPTY;
}
/* Bytes on the wire: those in the buffer and those noted. */
static inline size_t kp_writer_total(const struct kp_writer *w)
{
    return w->n + w->exts_bytes;
}

/* Room for exactly `more` bytes at least, which do not count as written. */
void kp_writer_reserve(struct kp_writer *w, size_t more);
void kp_writer_grow(struct kp_writer *w, size_t more) __attribute__((cold));
/* Room for k bytes, which count as written. */
static inline uint8_t *kp_put(struct kp_writer *w, size_t k)
{
    if (w->cap - w->n < k) kp_writer_grow(w, k);
    uint8_t *p = w->p + w->n;
    w->n += k;
    return p;
}
static inline void kp_write_i8(struct kp_writer *w, int8_t v)
{
    *kp_put(w, 1) = (uint8_t)v;
}
static inline void kp_write_bool(struct kp_writer *w, bool v)
{
    *kp_put(w, 1) = v;
}
static inline void kp_write_u16(struct kp_writer *w, uint16_t v)
{
    store_be16(kp_put(w, 2), v);
}
static inline void kp_write_i16(struct kp_writer *w, int16_t v)
{
    store_be16(kp_put(w, 2), (uint16_t)v);
}
static inline void kp_write_u32(struct kp_writer *w, uint32_t v)
{
    store_be32(kp_put(w, 4), v);
}
static inline void kp_write_i32(struct kp_writer *w, int32_t v)
{
    store_be32(kp_put(w, 4), (uint32_t)v);
}
static inline void kp_write_i64(struct kp_writer *w, int64_t v)
{
    store_be64(kp_put(w, 8), (uint64_t)v);
}
static inline void kp_write_f64(struct kp_writer *w, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, 8);
    store_be64(kp_put(w, 8), bits);
}
static inline void kp_write_uuid(struct kp_writer *w, struct uuid v)
{
    memcpy(kp_put(w, 16), v.b, 16);
}
void kp_write_uvarlong(struct kp_writer *w, uint64_t v);
static inline void kp_write_uvarint(struct kp_writer *w, uint32_t v)
{
    if (v < 0x80) *kp_put(w, 1) = (uint8_t)v;
    else kp_write_uvarlong(w, v);
}
static inline void kp_write_varint(struct kp_writer *w, int32_t v)
{
    kp_write_uvarint(w, (uint32_t)v << 1 ^ (v < 0 ? UINT32_MAX : 0));
}
static inline void kp_write_varlong(struct kp_writer *w, int64_t v)
{
    kp_write_uvarlong(w, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}
size_t kp_uvarint_bytes(uint64_t v);
void kp_write_raw(struct kp_writer *w, struct slice s);
/* Null without KP_NULLABLE is written as empty. */
void kp_write_string(struct kp_writer *w, unsigned flags, struct slice s);
void kp_write_bytes(struct kp_writer *w, unsigned flags, struct slice s);
void kp_write_records(struct kp_writer *w, unsigned flags, const struct kp_records *v);
/* n < 0 is null. The caller writes the elements. */
void kp_write_array_len(struct kp_writer *w, unsigned flags, int32_t n);
void kp_write_i8_array(struct kp_writer *w, unsigned flags, const int8_t *v, int32_t n);
void kp_write_i16_array(struct kp_writer *w, unsigned flags, const int16_t *v, int32_t n);
void kp_write_i32_array(struct kp_writer *w, unsigned flags, const int32_t *v, int32_t n);
void kp_write_i64_array(struct kp_writer *w, unsigned flags, const int64_t *v, int32_t n);
void kp_write_uuid_array(struct kp_writer *w, unsigned flags, const struct uuid *v, int32_t n);
void kp_write_string_array(struct kp_writer *w, unsigned flags, const struct slice *v, int32_t n);
/* Begins a tagged field; hand the result to kp_tag_close when its value is written. */
size_t kp_tag_open(struct kp_writer *w, uint32_t tag);
void kp_tag_close(struct kp_writer *w, size_t at);
/* Overwrites four bytes at an earlier position, such as a frame's length. */
static inline void kp_writer_patch_i32(struct kp_writer *w, size_t at, int32_t v)
{
    ASSERT(at + 4 <= w->n);
    store_be32(w->p + at, (uint32_t)v);
}

/* ---- Shapes ---- */
enum kp_type {
    KP_BOOL,
    KP_I8,
    KP_I16,
    KP_U16,
    KP_I32,
    KP_U32,
    KP_I64,
    KP_F64,
    KP_UUID,
    KP_STRING,
    KP_BYTES,
    KP_RECORDS,
    KP_STRUCT,
};
#define KP_F_ARRAY 1u        /* a pointer and, at offset_n, an int32_t count (-1: null) */
#define KP_F_POINTER 2u      /* a struct behind a pointer (NULL: null) */
#define KP_F_TAGGED 4u       /* optional on the wire: left out when it has its default */
#define KP_F_NULL_DEFAULT 8u /* the default is null */

struct kp_shape;
struct kp_field {
    const char *name;           /* Kafka's name, as in JSON */
    const struct kp_shape *sub; /* of KP_STRUCT */
    int64_t def;                /* the default of numbers and bool */
    uint16_t offset, offset_n;
    uint8_t type, flags;
    int16_t since, until;           /* versions that have the field */
    int16_t null_since, null_until; /* versions in which it may be null */
};
struct kp_shape {
    const char *name;
    const struct kp_field *fields;
    uint32_t size;
    uint16_t fields_n;
    void (*init)(void *);
};
/* One message kind: everything a program needs to treat messages it does not know one by one. */
struct kp_message {
    const char *name; /* Kafka's name, such as ProduceRequest */
    const struct kp_shape *shape;
    int16_t key; /* API key or record type; -1 if it has none */
    int16_t version_min;
    int16_t version_max; /* the newest, stable or not */
    int16_t version_max_stable;
    int16_t flexible_since; /* INT16_MAX: never */
    int (*read)(struct kp_reader *r, struct arena *a, int16_t version, void *out);
    void (*write)(struct kp_writer *w, int16_t version, const void *in);
};

/* JSON as Kafka's own converters print a message, in one line; record batches show as their size. */
void kp_print(struct strbuf *b, int16_t version, const struct kp_shape *shape, const void *in);

#endif
