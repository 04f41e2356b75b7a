/* One request, many partitions: visits each on its shard, then answers at home. */
#ifndef MOLDAU_SPREAD_H
#define MOLDAU_SPREAD_H

#include "broker/broker.h"

struct spread {
    struct req *r;
    int waiting;
    void (*done)(struct spread *s);
};
struct spread_part {
    struct os_msg msg;
    struct spread *s;
    struct uuid topic_id;
    int32_t index;
    const void *in;
    void *out;
    /* On the partition's shard; p is NULL when the partition is not there or its log has failed. May take
     * memory only from the heap, not from the request's arena. */
    void (*visit)(struct spread_part *x, struct part *p, struct broker *there);
};
void spread_begin(struct spread *s, struct req *r, void (*done)(struct spread *));
/* t and index exist in the image. */
void spread_to(struct spread *s, const struct image_topic *t, int32_t index,
               void (*visit)(struct spread_part *x, struct part *p, struct broker *there), const void *in,
               void *out);
/* Visits a shard itself: p is always NULL. */
void spread_to_shard(struct spread *s, int shard,
                     void (*visit)(struct spread_part *x, struct part *p, struct broker *there), void *out);
void spread_end(struct spread *s);

#endif
