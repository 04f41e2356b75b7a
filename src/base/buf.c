#include "base/buf.h"

#include <stdlib.h>

struct buf *buf_new(size_t cap)
{
    struct buf *b = xmalloc(sizeof *b + cap);
    b->refs = 1;
    b->cap = cap;
    b->pool = NULL;
    return b;
}

struct buf *buf_pool_new(struct buf_pool *p, size_t cap)
{
    int i = 0;
    while (i < BUF_POOL_CLASSES && BUF_POOL_MIN << i < cap) i++;
    if (i == BUF_POOL_CLASSES) return buf_new(cap);
    struct buf_class *c = &p->classes[i];
    struct buf *b = c->free;
    if (b) {
        c->free = b->next;
        if (--c->n < c->least) c->least = c->n;
        b->refs = 1;
        return b;
    }
    b = buf_new(BUF_POOL_MIN << i);
    b->pool = p;
    b->class = i;
    p->all_n++;
    return b;
}

static void drop(struct buf *b)
{
    b->pool->all_n--;
    free(b);
}

void buf_put(struct buf *b)
{
    if (!b) return;
    ASSERT(b->refs > 0);
    if (--b->refs) return;
    if (!b->pool) {
        free(b);
        return;
    }
    if (b->pool->closed) {
        drop(b);
        return;
    }
#ifdef MOLDAU_VERIFY
    memset(b->data, 0xdb, b->cap); /* who still reads it shall notice */
#endif
    struct buf_class *c = &b->pool->classes[b->class];
    b->next = c->free;
    c->free = b;
    c->n++;
}

bool buf_pool_trim(struct buf_pool *p)
{
    for (int i = 0; i < BUF_POOL_CLASSES; i++) {
        struct buf_class *c = &p->classes[i];
        for (; c->least > 0; c->least--) {
            struct buf *b = c->free;
            c->free = b->next;
            c->n--;
            drop(b);
        }
        c->least = c->n;
    }
    return p->all_n > 0;
}

void buf_pool_fini(struct buf_pool *p)
{
    p->closed = true;
    buf_pool_trim(p); /* what was in use since the last one stays for the second */
    buf_pool_trim(p);
}
