#include "base/heap.h"
#include "base/grow.h"

#include <stdlib.h>

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_fini(struct heap *h)
{
    free(h->v);
    heap_init(h);
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void place(struct heap *h, size_t i, struct heap_node *node)
{
    h->v[i] = node;
    node->at = i + 1;
}

/* The node belongs at i, or above it, or below. */
static void sift(struct heap *h, size_t i, struct heap_node *node)
{
    for (; i && before(node, h->v[(i - 1) / 2]); i = (i - 1) / 2) place(h, i, h->v[(i - 1) / 2]);
    for (size_t c; (c = 2 * i + 1) < h->n; i = c) {
        if (c + 1 < h->n && before(h->v[c + 1], h->v[c])) c++;
        if (!before(h->v[c], node)) break;
        place(h, i, h->v[c]);
    }
    place(h, i, node);
}

void heap_set(struct heap *h, struct heap_node *node, int64_t key)
{
    node->key = key;
    node->order = h->order++;
    if (!node->at) {
        h->v = grown_z(h->v, h->n, &h->cap, sizeof(struct heap_node *));
        node->at = ++h->n;
    }
    sift(h, node->at - 1, node);
}

void heap_cancel(struct heap *h, struct heap_node *node)
{
    if (!node->at) return;
    size_t i = node->at - 1;
    ASSERT(i < h->n && h->v[i] == node);
    node->at = 0;
    struct heap_node *last = h->v[--h->n];
    if (last != node) sift(h, i, last);
}

void heap_check(const struct heap *h)
{
    for (size_t i = 0; i < h->n; i++) {
        ASSERT(h->v[i]->at == i + 1);
        ASSERT(i == 0 || !before(h->v[i], h->v[(i - 1) / 2]));
    }
}
