#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGN 16u
#define CHUNK_MIN 2048u

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes;
};
_Static_assert(sizeof(struct arena_chunk) == 16, "chunk data must stay aligned");

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_init_with(struct arena *a, void *mem, size_t n)
{
    uintptr_t p = ((uintptr_t)mem + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
    *a = (struct arena){.cur = (uint8_t *)p, .end = (uint8_t *)mem + n};
    if (a->cur > a->end) a->cur = a->end;
}

void arena_fini(struct arena *a)
{
    for (struct arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
#ifdef MOLDAU_VERIFY
        memset(c + 1, 0xdb, c->bytes); /* who still reads it shall notice */
#endif
        free(c);
    }
    *a = (struct arena){0};
}

void *arena_alloc(struct arena *a, size_t n)
{
    ASSERT(n < SIZE_MAX / 2);
    n = (max_size(n, 1) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if ((size_t)(a->end - a->cur) < n) {
        size_t want = max_size(n, min_size(max_size(CHUNK_MIN, a->total_bytes), 1u << 20));
        struct arena_chunk *c = xmalloc(sizeof *c + want);
        c->next = a->head;
        c->bytes = want;
        a->head = c;
        a->total_bytes += want;
        a->cur = (uint8_t *)(c + 1);
        a->end = a->cur + want;
    }
    void *p = a->cur;
    a->cur += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n, size_t size)
{
    ASSERT(size == 0 || n <= SIZE_MAX / 4 / size);
    void *p = arena_alloc(a, n * size);
    memset(p, 0, n * size);
    return p;
}

char *arena_strndup(struct arena *a, const void *s, size_t n)
{
    char *d = arena_alloc(a, n + 1);
    if (n) memcpy(d, s, n);
    d[n] = 0;
    return d;
}

struct slice arena_slice_dup(struct arena *a, struct slice s)
{
    if (!s.p) return s;
    return slice_of(arena_strndup(a, s.p, s.n), s.n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, ap2;
    va_start(ap, fmt);
    va_copy(ap2, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, ap2);
    va_end(ap2);
    return s;
}
