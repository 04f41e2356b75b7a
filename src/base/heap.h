/* A binary heap of deadlines that knows where each node stands, so that a node moves in place. Of equal keys
 * the one set first comes first. Nodes are the caller's. */
#ifndef MOLDAU_HEAP_H
#define MOLDAU_HEAP_H

#include "base/base.h"

/* Zero it before the first use. */
struct heap_node {
    int64_t key;
    uint64_t order;
    size_t at; /* place in the heap + 1; 0: not in one */
};
struct heap {
    struct heap_node **v;
    size_t n, cap;
    uint64_t order;
};

void heap_init(struct heap *h);
/* The nodes stay as they are. */
void heap_fini(struct heap *h);
/* Puts a node in, or moves the one that is in. */
void heap_set(struct heap *h, struct heap_node *node, int64_t key);
/* Takes it out, if it is in. */
void heap_cancel(struct heap *h, struct heap_node *node);
/* The one with the smallest key; NULL: the heap is empty. */
static inline struct heap_node *heap_first(const struct heap *h)
{
    return h->n ? h->v[0] : NULL;
}
/* Of heap_first; INT64_MAX if there is none. */
static inline int64_t heap_first_key(const struct heap *h)
{
    return h->n ? h->v[0]->key : INT64_MAX;
}
static inline bool heap_has(const struct heap_node *node)
{
    return node->at != 0;
}
/* Asserts that every node stands where it should. */
void heap_check(const struct heap *h);

#endif
