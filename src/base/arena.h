/* Memory freed whole: one arena per request, one per metadata image build, … Single-threaded; it may travel
 * between shards together with what owns it. Never fails (heap exhaustion ends the process). */
#ifndef MOLDAU_ARENA_H
#define MOLDAU_ARENA_H

#include "base/base.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *head;
    uint8_t *cur, *end;
    size_t total_bytes;
};

void arena_init(struct arena *a);
/* Start with caller-owned memory (e.g. inside the request object) before touching the heap. */
void arena_init_with(struct arena *a, void *mem, size_t n);
void arena_fini(struct arena *a);
/* 16-byte aligned, uninitialised. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
/* Zeroed array; overflow of n * size ends the process (callers check counts against input size first). */
void *arena_zalloc(struct arena *a, size_t n, size_t size) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const void *s, size_t n);
struct slice arena_slice_dup(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
