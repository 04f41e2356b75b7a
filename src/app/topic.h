/* A topic that is made where it is missing, without waiting: asked for again and again until it is there. */
#ifndef MOLDAU_APP_TOPIC_H
#define MOLDAU_APP_TOPIC_H

#include "base/strbuf.h"

#include <librdkafka/rdkafka.h>

struct topic {
    rd_kafka_t *rk;
    const char *name;
    int32_t partitions, replication; /* replication -1: the cluster's */
    rd_kafka_queue_t *queue;
    bool asked;
    int64_t again_ms;
    struct strbuf told; /* the last failure */
};
/* name must outlive it. event: becomes readable when there is something to do, -1: nobody waits. */
void topic_init(struct topic *t, rd_kafka_t *rk, const char *name, int32_t partitions, int32_t replication,
                int event);
void topic_fini(struct topic *t);
/* Whether it is there, as far as we can know: who may not create topics is told that it is. */
bool topic_ready(struct topic *t);

#endif
