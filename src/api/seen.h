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
/* The same without a note. */
int32_t seen_find(const struct seen *s, struct slice key, int64_t index);

/* The partitions that a request names, each once, by topic. Kafka keeps them in hash maps, so what it does
 * with a topic or a partition that is named twice follows from that: it is answered once. */
struct asked_part {
    const void *in; /* what the request says of it, last */
    int32_t index;
    int32_t topic; /* of asked.topics */
    bool twice;
};
struct asked {
    struct seen seen;
    struct asked_part *parts;
    struct asked_topic {
        int32_t first; /* the topic of the request that names it first */
        int32_t parts_n;
    } * topics;
    int32_t parts_n, topics_n;
};
/* For at most this many; they do not change later. */
void asked_init(struct asked *q, struct arena *a, size_t topics, size_t parts, uint64_t seed);
/* key: the topic's name or id. */
void asked_add(struct asked *q, struct slice key, int32_t topic, int32_t index, const void *in);

#endif
