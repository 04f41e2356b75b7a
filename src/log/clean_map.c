#include "log/clean_map.h"
#include "base/hash.h"

#include <stdlib.h>

#define SLOTS_MIN 16
#define LOAD_MAX 0.95 /* beyond it a search for a key that is not there takes too long */
#define LOAD_GROWING 0.75
#define CACHE_LINE_BYTES 64

void clean_map_init(struct clean_map *m, size_t slots_max, double load, const uint64_t seed[2])
{
    *m = (struct clean_map){.slots_max = slots_max < SLOTS_MIN ? SLOTS_MIN : slots_max,
                            .load = load > LOAD_MAX || !(load > 0) ? LOAD_MAX : load,
                            .seed = {seed[0], seed[1]}};
}

void clean_map_fini(struct clean_map *m)
{
    free(m->slots);
    m->slots = NULL;
    m->cap = m->n = 0;
}

/* Where a hash belongs; the table need not be a power of two. */
static size_t home_of(const struct clean_map *m, uint64_t hash)
{
    return (size_t)((unsigned __int128)hash * m->cap >> 64);
}

/* The slot that holds this hash, or the empty one where it would stand. */
static struct clean_slot *find(const struct clean_map *m, const uint64_t hash[2])
{
    size_t i = home_of(m, hash[0]);
    for (;;) {
        struct clean_slot *s = &m->slots[i];
        if (s->offset_1 == 0 || (s->hash[0] == hash[0] && s->hash[1] == hash[1])) return s;
        if (++i == m->cap) i = 0;
    }
}

static void resize(struct clean_map *m, size_t cap)
{
    struct clean_slot *old = m->slots;
    size_t old_cap = m->cap;
    m->slots = xcalloc(cap, sizeof *m->slots);
    m->cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].offset_1) *find(m, old[i].hash) = old[i];
    free(old);
}

bool clean_map_reserve(struct clean_map *m, size_t more, bool force)
{
    size_t want = m->n + more, cap = m->cap;
    if (cap && (double)want <= (double)cap * (cap >= m->slots_max ? m->load : LOAD_GROWING)) return true;
    if ((double)want > (double)m->slots_max * m->load) {
        if (!force) return false;
        cap = (size_t)((double)want / LOAD_GROWING) + 1;
    } else {
        if (cap < SLOTS_MIN) cap = SLOTS_MIN;
        while (cap < m->slots_max && (double)want > (double)cap * LOAD_GROWING) cap *= 2;
        if (cap > m->slots_max) cap = m->slots_max;
    }
    if (cap > m->cap) resize(m, cap);
    return true;
}

struct clean_key clean_map_key(const struct clean_map *m, struct slice key)
{
    struct clean_key k = {{hash_bytes(m->seed[0], key.p, key.n), hash_bytes(m->seed[1], key.p, key.n)}};
    if (m->cap) {
        const struct clean_slot *s = &m->slots[home_of(m, k.hash[0])];
        __builtin_prefetch(s, 1);
        __builtin_prefetch((const char *)s + CACHE_LINE_BYTES, 1); /* where the search goes on */
    }
    return k;
}

void clean_map_put(struct clean_map *m, struct clean_key key, int64_t offset)
{
    ASSERT(m->n < m->cap && offset >= 0);
    struct clean_slot *s = find(m, key.hash);
    if (s->offset_1 == 0) m->n++;
    s->hash[0] = key.hash[0];
    s->hash[1] = key.hash[1];
    s->offset_1 = max_i64(s->offset_1, offset + 1);
}

int64_t clean_map_get(const struct clean_map *m, struct clean_key key)
{
    return m->n ? find(m, key.hash)->offset_1 - 1 : -1;
}
