/* Intrusive doubly linked list. A node that is in no list points to itself (list_node_init). */
#ifndef MOLDAU_LIST_H
#define MOLDAU_LIST_H

#include "base/base.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}
static inline bool list_linked(const struct list *n)
{
    return n->next != n;
}
static inline void list_insert_before(struct list *at, struct list *n)
{
    n->prev = at->prev;
    n->next = at;
    at->prev->next = n;
    at->prev = n;
}
static inline void list_push_back(struct list *l, struct list *n)
{
    list_insert_before(l, n);
}
static inline void list_push_front(struct list *l, struct list *n)
{
    list_insert_before(l->next, n);
}
/* Leaves the node self-linked, so removing twice is harmless. */
static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}
static inline struct list *list_pop_front(struct list *l)
{
    if (list_empty(l)) return NULL;
    struct list *n = l->next;
    list_remove(n);
    return n;
}
/* Moves all of src to the end of dst. */
static inline void list_splice(struct list *dst, struct list *src)
{
    if (list_empty(src)) return;
    src->next->prev = dst->prev;
    dst->prev->next = src->next;
    src->prev->next = dst;
    dst->prev = src->prev;
    list_init(src);
}

#define LIST_ENTRY(n, type, member) CONTAINER_OF(n, type, member)
/* The body may remove the current node. */
#define LIST_FOREACH(it, l)                                                                                  \
    for (struct list *it = (l)->next, *it##_next = it->next; it != (l); it = it##_next, it##_next = it->next)

#endif
