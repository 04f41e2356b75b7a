/* Group coordinators of one shard: one pure core (src/grp) for each partition of __consumer_offsets that
 * lives here. */
#ifndef MOLDAU_GROUPS_H
#define MOLDAU_GROUPS_H

#include "broker/broker.h"
#include "grp/grp.h"

#define GROUPS_TOPIC "__consumer_offsets"

struct groups;
struct groups *groups_new(struct broker *b);
void groups_free(struct groups *g);
/* Reads the partition's log into a fresh core. Blocking. */
void groups_partition_opened(struct groups *g, struct part *p);
/* The partition goes away: its waiters are answered NOT_COORDINATOR. */
void groups_partition_closing(struct groups *g, struct part *p);
/* A transaction's marker is in the log of this partition of __consumer_offsets. */
void groups_transaction_ended(struct groups *g, struct uuid topic_id, int32_t partition, int64_t producer_id,
                              bool commit);
void groups_topic_removed(struct groups *g, struct image_topic *t);
/* Settings changed at run time. */
void groups_configure(struct groups *g);

/* One request to the coordinator of one group; lives in the request's arena. */
#define GROUP_CALL_MAGIC 0x47435031u
struct group_call {
    uint32_t magic;
    struct os_msg msg;
    struct grp_waiter waiter;
    struct grp_event ev;
    struct arena arena; /* of this call: several may run on several shards at once */
    struct req *r;
    int32_t partition; /* of __consumer_offsets */
    const void *response;
    void (*done)(struct group_call *c); /* at home */
    /* At home, at most once and before done: the coordinator has what it needs of the request and keeps it
     * waiting. NULL: nobody wants to know. */
    void (*taken)(struct group_call *c);
    void *arg;
    int shard; /* where it was sent */
    struct os_msg taken_msg, cancel_msg;
    bool answered;   /* the response is at home */
    bool cancelling; /* cancel_msg is under way */
};
/* Sends the call to the shard of group; done runs at home exactly once. */
void group_call_send(struct group_call *c, struct slice group);
void group_call_send_to(struct group_call *c, int32_t partition);
/* At home: nobody waits for the answer any more, so done shall run soon. A join or sync does not wait for
 * others then; the member is still there. */
void group_call_cancel(struct group_call *c);
/* The partition of __consumer_offsets that keeps a group; -1 while the topic does not exist. */
int32_t group_partition(const struct broker *b, struct slice group);

#endif
