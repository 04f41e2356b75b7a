/* The vocabulary every other folder speaks: asserts, slices, checked allocation, small helpers.
 * No I/O, no time, no randomness here. */
#ifndef MOLDAU_BASE_H
#define MOLDAU_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A broken invariant of our own making. Stays on in every build; outside input is checked, never asserted. */
#define ASSERT(c) ((c) ? (void)0 : assert_failed(#c, __FILE__, __LINE__))
/* Like ASSERT but too costly for production; on in the sanitizer and simulator builds. */
#ifdef MOLDAU_VERIFY
#define VERIFY(c) ASSERT(c)
#else
#define VERIFY(c) ((void)0)
#endif
_Noreturn void assert_failed(const char *cond, const char *file, int line);

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Borrowed bytes: valid for the call unless a function's name says _take. p == NULL means "null", which
 * differs from empty (p != NULL, n == 0). */
struct slice {
    const uint8_t *p;
    size_t n;
};

static inline struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){.p = p, .n = n};
}
static inline struct slice slice_cstr(const char *s)
{
    return (struct slice){.p = (const uint8_t *)s, .n = s ? strlen(s) : 0};
}
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool slice_eq_cstr(struct slice a, const char *s)
{
    return a.p && a.n == strlen(s) && memcmp(a.p, s, a.n) == 0;
}
/* Byte order as memcmp; a prefix sorts first. */
int slice_cmp(struct slice a, struct slice b);
/* A copy on the heap, a zero byte behind it; null stays null. slice_drop frees it and makes it null. */
struct slice slice_own(struct slice s);
void slice_drop(struct slice *s);

/* Sixteen bytes, printed as Kafka prints ids (unpadded URL-safe base64, 22 characters). */
struct uuid {
    uint8_t b[16];
};
#define UUID_TEXT_BYTES 23 /* with the terminating zero */
void uuid_format(struct uuid u, char out[UUID_TEXT_BYTES]);
int uuid_parse(struct slice text, struct uuid *out) MUST_USE;
static inline bool uuid_is_zero(struct uuid u)
{
    static const struct uuid zero;
    return memcmp(&u, &zero, sizeof u) == 0;
}
static inline bool uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Heap for control state. Never returns NULL: exhaustion ends the process with a sentence. */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((returns_nonnull));
char *xstrndup(const void *s, size_t n) __attribute__((returns_nonnull));

static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}
static inline size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Big-endian loads and stores; Kafka's wire and disk order. Pointers need no alignment. */
static inline uint16_t load_be16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return __builtin_bswap16(v);
}
static inline uint32_t load_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}
static inline uint64_t load_be64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}
static inline void store_be16(void *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, 2);
}
static inline void store_be32(void *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
}
static inline void store_be64(void *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
}

#endif
