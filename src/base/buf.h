/* Reference-counted bytes. Plain counts: a buffer belongs to one shard, and to cross it travels in a message
 * and comes home to be released. */
#ifndef MOLDAU_BUF_H
#define MOLDAU_BUF_H

#include "base/base.h"

struct buf_pool;
struct buf {
    uint32_t refs;
    int class; /* in pool */
    size_t cap;
    struct buf_pool *pool; /* where it goes when nobody refers to it; NULL: freed */
    struct buf *next;      /* in the pool */
    uint8_t data[];
};

struct buf *buf_new(size_t cap) __attribute__((returns_nonnull));
static inline struct buf *buf_get(struct buf *b)
{
    b->refs++;
    return b;
}
/* NULL is allowed. */
void buf_put(struct buf *b);

/* Large buffers that are used again: their pages are there already, and the last one given back is still in
 * the processor's cache. What a while's work did not need goes back to the system. */
#define BUF_POOL_MIN ((size_t)128 << 10)
#define BUF_POOL_CLASSES 7 /* each twice as large as the one before it: up to 8 MB */
struct buf_pool {
    struct buf_class {
        struct buf *free;
        int n, least; /* least: the smallest n since the last trim */
    } classes[BUF_POOL_CLASSES];
    int all_n; /* in use or not */
    bool closed;
};
/* A buffer for at least cap bytes; beyond the largest class it is like buf_new's. */
struct buf *buf_pool_new(struct buf_pool *p, size_t cap) __attribute__((returns_nonnull));
/* Frees the buffers that lay unused since the last call. False: none is left, nor in use. */
bool buf_pool_trim(struct buf_pool *p);
/* Frees those that are not in use, and each of the others when it is given back; p must live so long. */
void buf_pool_fini(struct buf_pool *p);

#endif
