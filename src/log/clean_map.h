/* What a cleaning knows of the newest record of each key: a 128-bit keyed hash of the key and an offset, 24
 * bytes a key. Keys are not kept: that two of them share a hash is less likely than that the disk lies.
 *
 * The table grows up to slots_max; while it is copied to its next size it holds half as much again. */
#ifndef MOLDAU_CLEAN_MAP_H
#define MOLDAU_CLEAN_MAP_H

#include "base/base.h"

struct clean_slot {
    uint64_t hash[2];
    int64_t offset_1; /* offset + 1; 0: empty */
};
struct clean_map {
    struct clean_slot *slots;
    size_t cap, n;
    size_t slots_max;
    double load; /* how full the largest table may get */
    uint64_t seed[2];
};

struct clean_key {
    uint64_t hash[2];
};

/* seed: from os_entropy, so that nobody can choose keys that collide. */
void clean_map_init(struct clean_map *m, size_t slots_max, double load, const uint64_t seed[2]);
void clean_map_fini(struct clean_map *m);
/* Room for this many more keys; false if the bound is in the way, which force disregards. */
bool clean_map_reserve(struct clean_map *m, size_t more, bool force) MUST_USE;
/* Begins to bring the key's place into the cache: the table is larger than that, and a look at it would wait
 * for memory. Ask for some keys before the first of them is used. */
struct clean_key clean_map_key(const struct clean_map *m, struct slice key);
/* Notes that the key occurs at offset. There must be room. */
void clean_map_put(struct clean_map *m, struct clean_key key, int64_t offset);
/* The largest offset noted, -1 if there is none. */
int64_t clean_map_get(const struct clean_map *m, struct clean_key key);

#endif
