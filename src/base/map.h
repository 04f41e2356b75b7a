/* Open-addressing hash map from 64-bit hash to void*, the caller supplies equality. Used for names, ids,
 * members: control state, not the data path. Iteration order is that of the table; sort where order is
 * visible. */
#ifndef MOLDAU_MAP_H
#define MOLDAU_MAP_H

#include "base/base.h"

typedef bool map_eq_cb(const void *value, const void *key);

struct map_slot {
    uint64_t hash;
    void *value; /* NULL: empty */
};
struct map {
    struct map_slot *slots;
    size_t cap, n; /* cap is 0 or a power of two */
};

void map_init(struct map *m);
/* Frees the table, not the values. */
void map_fini(struct map *m);
void *map_get(const struct map *m, uint64_t hash, const void *key, map_eq_cb *eq);
/* The key must not be present. value is not NULL. */
void map_put(struct map *m, uint64_t hash, void *value);
/* Removes and returns the value, NULL if there is none. */
void *map_del(struct map *m, uint64_t hash, const void *key, map_eq_cb *eq);
/* it starts at 0; returns NULL at the end. Do not put or delete while iterating. */
void *map_next(const struct map *m, size_t *it);

#define MAP_FOREACH(it, type, v, m)                                                                          \
    for (size_t it = 0, it##_once = 1; it##_once; it##_once = 0)                                             \
        for (type * v; (v = map_next((m), &it)) != NULL;)

#endif
