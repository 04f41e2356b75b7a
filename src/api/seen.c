#include "api/seen.h"
#include "base/hash.h"

struct seen_slot {
    struct slice key;
    uint64_t hash;
    int64_t index;
    int32_t value;
    bool used;
};

void seen_init(struct seen *s, struct arena *a, size_t n, uint64_t seed)
{
    s->seed = seed;
    s->cap = 2;
    while (s->cap < n * 2) s->cap *= 2;
    s->slots = arena_zalloc(a, s->cap, sizeof *s->slots);
}

/* Where the entry is, or would be. */
static struct seen_slot *seen_slot(const struct seen *s, struct slice key, int64_t index, uint64_t *hash)
{
    *hash = hash_bytes(s->seed ^ hash_u64((uint64_t)index), key.p, key.n);
    size_t at = *hash & (s->cap - 1);
    for (; s->slots[at].used; at = (at + 1) & (s->cap - 1)) {
        const struct seen_slot *x = &s->slots[at];
        if (x->hash == *hash && x->index == index && slice_eq(x->key, key)) break;
    }
    return &s->slots[at];
}

int32_t seen_note(struct seen *s, struct slice key, int64_t index, int32_t value)
{
    uint64_t hash;
    struct seen_slot *x = seen_slot(s, key, index, &hash);
    if (x->used) return x->value;
    *x = (struct seen_slot){key, hash, index, value, true};
    return -1;
}

int32_t seen_find(const struct seen *s, struct slice key, int64_t index)
{
    uint64_t hash;
    const struct seen_slot *x = seen_slot(s, key, index, &hash);
    return x->used ? x->value : -1;
}

void asked_init(struct asked *q, struct arena *a, size_t topics, size_t parts, uint64_t seed)
{
    *q = (struct asked){0};
    seen_init(&q->seen, a, topics + parts, seed);
    q->parts = arena_zalloc(a, parts, sizeof *q->parts);
    q->topics = arena_zalloc(a, topics, sizeof *q->topics);
}

void asked_add(struct asked *q, struct slice key, int32_t topic, int32_t index, const void *in)
{
    int32_t t = seen_note(&q->seen, key, INT64_MIN, q->topics_n);
    if (t < 0) q->topics[t = q->topics_n++].first = topic;
    int32_t at = seen_note(&q->seen, key, index, q->parts_n);
    if (at < 0) {
        q->parts[q->parts_n++] = (struct asked_part){in, index, t, false};
        q->topics[t].parts_n++;
    } else {
        q->parts[at].in = in;
        q->parts[at].twice = true;
    }
}
