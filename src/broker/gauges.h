/* What the metrics page says, gathered from every shard by one message that goes around. */
#ifndef MOLDAU_GAUGES_H
#define MOLDAU_GAUGES_H

#include "broker/broker.h"

/* Caller-owned until done, which runs on shard 0. */
struct gauges {
    struct os_msg msg;
    struct strbuf *text; /* Prometheus' text format is appended */
    void (*done)(struct gauges *g);
    /* sums */
    int64_t partitions, leaders, offline, messages_in, bytes_in, bytes_out;
    struct strbuf fenced;
};
/* Posts itself to shard 0, from any thread. */
void gauges_ask(struct os *zero, struct gauges *g);

#endif
