/* Which entries of a request name the same thing. The table lies in the request's arena. */
#ifndef MOLDAU_SEEN_H
#define MOLDAU_SEEN_H

#include "base/arena.h"

struct seen {
    struct seen_slot *slots;
    size_t cap; /* a power of two above the number of entries */
    uint64_t seed;
};

/* For at most n entries. seed: anything that clients do not know. */
void seen_init(struct seen *s, struct arena *a, size_t n, uint64_t seed);
/* The value of the entry that was noted first under (key, index); -1 if there was none, and now this one is.
 * key's bytes are borrowed. */
int32_t seen_note(struct seen *s, struct slice key, int64_t index, int32_t value);

#endif
