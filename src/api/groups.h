/* Group coordinators of one shard: one pure core (src/grp) for each partition of __consumer_offsets that lives here. */
#ifndef MOLDAU_GROUPS_H
#define MOLDAU_GROUPS_H

#include "api/broker.h"

#define GROUPS_TOPIC "__consumer_offsets"

struct groups;
struct groups *groups_new(struct broker *b);
void groups_free(struct groups *g);
void groups_partition_opened(struct groups *g, struct part *p);
void groups_topic_removed(struct groups *g, struct image_topic *t);

#endif
