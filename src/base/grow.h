/* Arrays on the heap that grow as they fill. */
#ifndef MOLDAU_GROW_H
#define MOLDAU_GROW_H

#include "base/base.h"

/* v, with room for one element more than the n it has; it may move. *cap: what it has room for. */
static inline void *grown_z(void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return v;
    *cap = *cap ? *cap * 2 : 1;
    return xrealloc(v, *cap * size);
}
/* The same where int counts. */
static inline void *grown(void *v, int n, int *cap, size_t size)
{
    size_t z = (size_t)*cap;
    v = grown_z(v, (size_t)n, &z, size);
    *cap = (int)z;
    return v;
}

#endif
