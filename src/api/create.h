/* Topics that come into being because somebody mentioned them: auto.create.topics.enable and internal topics.
 */
#ifndef MOLDAU_CREATE_H
#define MOLDAU_CREATE_H

#include "broker/broker.h"

struct auto_create {
    struct ctl_op op;
    struct slice *names; /* invalid and existing ones are passed over */
    int names_n;
    void (*done)(struct auto_create *c, struct shard *home);
};
/* Creates with the broker's defaults (internal topics with theirs); done runs on this shard when all shards
 * know. */
void auto_create_topics(struct broker *b, struct auto_create *c);

#endif
