/* Reference-counted bytes. Plain counts: a buffer belongs to one shard, and to cross it travels in a message
 * and comes home to be released. */
#ifndef MOLDAU_BUF_H
#define MOLDAU_BUF_H

#include "base/base.h"

struct buf {
    uint32_t refs;
    size_t cap;
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

#endif
