/* The scrub of a shard: reads the sealed segments of one partition after the other, slowly and on the pool,
 * and checks every batch's checksum and the order of offsets. Damage is fenced and named in the log
 * (part_fence); a read that fails is told and the segment left for the next round. Off while bytes_per_s is
 * 0. */
#ifndef MOLDAU_SCRUB_H
#define MOLDAU_SCRUB_H

#include "part/part.h"

struct scrub_slice;
struct scrub {
    struct shard *shard;
    struct parts *parts;
    int64_t bytes_per_s;
    struct timer timer;
    uint32_t round;
    struct scrub_slice *slice; /* the part and the segment it works on; NULL: between two */
};

void scrub_init(struct scrub *s, struct parts *parts);
/* 0: off. Takes effect with the next slice. */
void scrub_configure(struct scrub *s, int64_t bytes_per_s);
/* Gives up what is under way. At a stop, when the pool runs no more. */
void scrub_stop(struct scrub *s);

#endif
