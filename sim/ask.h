/* The requests that several clients of a run make, each for one partition or one topic. done as in client.h.
 */
#ifndef MOLDAU_SIM_ASK_H
#define MOLDAU_SIM_ASK_H

#include "client.h"
#include "kp/batch.h"

typedef void ask_done(struct client *c, const void *resp);

/* Finishes and frees b. */
void ask_produce(struct client *c, const char *topic, int32_t partition, int16_t acks,
                 struct batch_builder *b, ask_done *done);
void ask_fetch(struct client *c, const char *topic, int32_t partition, int64_t offset, int32_t wait_ms,
               int32_t bytes_max, ask_done *done);
void ask_producer_id(struct client *c, ask_done *done);
/* settings: n pairs of name and value */
void ask_create_topic(struct client *c, const char *topic, int32_t partitions,
                      const char *const (*settings)[2], int32_t n, ask_done *done);

/* Who commits, as the group knows it. */
struct ask_member {
    const char *group;
    const char *id;       /* "": no member */
    const char *instance; /* NULL: not static */
    int32_t generation;   /* -1: no member */
};
void ask_commit(struct client *c, const struct ask_member *m, const char *topic, int32_t partition,
                int64_t offset, ask_done *done);
void ask_committed(struct client *c, const char *group, const char *topic, int32_t partition, ask_done *done);

#endif
