#include "base/buf.h"

#include <stdlib.h>

struct buf *buf_new(size_t cap)
{
    struct buf *b = xmalloc(sizeof *b + cap);
    b->refs = 1;
    b->cap = cap;
    return b;
}

void buf_put(struct buf *b)
{
    if (!b) return;
    ASSERT(b->refs > 0);
    if (--b->refs == 0) free(b);
}
