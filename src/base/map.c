#include "base/map.h"

#include <stdlib.h>

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

void *map_get(const struct map *m, uint64_t hash, const void *key, map_eq_cb *eq)
{
    if (!m->cap) return NULL;
    for (size_t i = hash & (m->cap - 1); m->slots[i].value; i = (i + 1) & (m->cap - 1))
        if (m->slots[i].hash == hash && eq(m->slots[i].value, key)) return m->slots[i].value;
    return NULL;
}

static void place(struct map *m, uint64_t hash, void *value)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].value) i = (i + 1) & (m->cap - 1);
    m->slots[i] = (struct map_slot){hash, value};
}

void map_put(struct map *m, uint64_t hash, void *value)
{
    ASSERT(value);
    if (m->n * 4 >= m->cap * 3) {
        struct map old = *m;
        m->cap = old.cap ? old.cap * 2 : 8;
        m->slots = xcalloc(m->cap, sizeof *m->slots);
        for (size_t i = 0; i < old.cap; i++)
            if (old.slots[i].value) place(m, old.slots[i].hash, old.slots[i].value);
        free(old.slots);
    }
    place(m, hash, value);
    m->n++;
}

void *map_del(struct map *m, uint64_t hash, const void *key, map_eq_cb *eq)
{
    if (!m->cap) return NULL;
    size_t mask = m->cap - 1, i = hash & mask;
    for (;; i = (i + 1) & mask) {
        if (!m->slots[i].value) return NULL;
        if (m->slots[i].hash == hash && eq(m->slots[i].value, key)) break;
    }
    void *value = m->slots[i].value;
    /* Backward-shift deletion keeps probe runs unbroken without tombstones. */
    for (size_t j = (i + 1) & mask; m->slots[j].value; j = (j + 1) & mask) {
        size_t home = m->slots[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    m->slots[i].value = NULL;
    m->n--;
    return value;
}

void *map_next(const struct map *m, size_t *it)
{
    while (*it < m->cap) {
        void *v = m->slots[(*it)++].value;
        if (v) return v;
    }
    return NULL;
}
