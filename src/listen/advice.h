/* What is worth a warning before consumers of a group start. */
#ifndef MOLDAU_ADVICE_H
#define MOLDAU_ADVICE_H

#include "base/strbuf.h"

#include <librdkafka/rdkafka.h>

struct advice {
    const rd_kafka_conf_t *conf; /* the consumers'; it is copied */
    const char *const *topics;   /* those that begin with ^ are not looked at */
    int topics_n;
    const char *group;
    int consumers_n; /* that are about to start */
    /* Records that are worked on between two polls, and how long one takes; 0: not known, or polls go on
     * meanwhile. */
    int64_t poll_records, work_ms;
    /* A sentence for the log. */
    void (*warn)(void *arg, const char *text);
    void *arg;
};
/* Asks the cluster, and waits for it about a second at most; says nothing of what it does not tell in time.
 * false: it told nothing. */
bool advice_give(const struct advice *a);

/* The sentences themselves, a line each, from what is known. */
struct advice_facts {
    const int *partitions;    /* of each topic; 0: not known */
    int there_n;              /* consumers that the group has already */
    int64_t poll_interval_ms; /* max.poll.interval.ms */
    bool by_topic;            /* each topic is given out by itself, as the range assignor does */
};
void advice_write(const struct advice *a, const struct advice_facts *f, struct strbuf *out);

#endif
