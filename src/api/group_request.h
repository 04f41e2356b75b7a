/* One request of a client, one or several calls to coordinators; it is answered when all have answered. */
#ifndef MOLDAU_GROUP_REQUEST_H
#define MOLDAU_GROUP_REQUEST_H

#include "api/handlers.h"
#include "broker/groups.h"

struct group_request {
    struct req *r;
    struct arena decoded; /* what a join or sync was decoded into; gone while it waits for others */
    int waiting;
    struct group_call *calls; /* [n] */
    int32_t n;
    void (*answer)(struct group_request *g);
};
/* g lives in r's arena. The caller fills calls[i].ev, sends each, then calls group_request_sent; answer runs
 * once for that, perhaps in there. */
struct group_request *group_request_begin(struct req *r, struct group_request *g, int32_t n,
                                          void (*answer)(struct group_request *));
/* After an answer: n calls, at most as many as at first, begin anew. What they had answered is gone. */
void group_request_again(struct group_request *g, int32_t n);
void group_request_send(struct group_request *g, int32_t i, struct slice group);
/* To a partition of __consumer_offsets itself. */
void group_request_send_to(struct group_request *g, int32_t i, int32_t partition);
void group_request_sent(struct group_request *g);
/* Who sent it, as descriptions of groups show it. */
void group_request_client(struct req *r, struct grp_event *ev);

#endif
