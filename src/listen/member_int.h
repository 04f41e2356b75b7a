/* The files of a member share these. Everything belongs to the member's thread but the inbox and the atomics.
 */
#ifndef MOLDAU_MEMBER_INT_H
#define MOLDAU_MEMBER_INT_H

#include "base/list.h"
#include "listen/ahead.h"
#include "listen/member.h"
#include "listen/message.h"
#include "listen/template.h"

#include <pthread.h>
#include <stdatomic.h>

#define MEMBER_CALL_MS 10000 /* of a question to the brokers */

struct place {
    char *topic;
    int32_t partition;
    bool held, paused; /* paused: by its owner */
    int epoch;         /* of the assignment; acknowledgements of others are void */
};
struct order {
    struct list in_inbox;
    enum { ORDER_ACK, ORDER_PAUSE, ORDER_RESUME, ORDER_SEEK } what;
    int32_t place; /* of ACK */
    int epoch;
    char *topic; /* of the others */
    int32_t partition;
    enum moldau_start_at start;
    int64_t value; /* of ACK: its offset */
};
struct member {
    struct member_config c;
    const struct moldau_container_options *o;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct moldau_template *dead_letters; /* NULL until one is sent; the transactional one if there is one */
    struct container core;
    struct container_effects effects;
    int effect_at;
    bool want_poll;
    int room;
    struct place *places; /* by the core's number */
    int places_n, places_cap;
    int32_t last_place;
    /* Of the last record that was polled: rkt is NULL where librdkafka may have let it go since. */
    const rd_kafka_topic_t *polled_rkt;
    int32_t polled_place;
    struct container_record *polled;
    int polled_n, polled_cap;
    int64_t polled_bytes;
    struct ahead ahead;
    struct moldau_record *records; /* of the call that runs */
    size_t records_cap;
    struct message_headers headers;
    int64_t told_idle_ms;
    int64_t away_ms;                                   /* no other word of brokers that are away before */
    bool idle, core_paused, waiting_paused, is_paused; /* is_paused: librdkafka was told so */
    bool reset_latest, rewind;
    uint64_t random;
    char *why; /* of the last failure */
    char *fatal;

    struct os_thread *thread;
    pthread_mutex_t lock; /* inbox */
    struct list inbox;
    atomic_bool stop, paused, full; /* full: there is something in the inbox */
};

/* ---- member.c ---- */
void member_log(struct member *m, const char *level, const char *fmt, ...) PRINTF_LIKE(3, 4);
void member_fatal(struct member *m, const char *why);
void member_tell(struct member *m, enum moldau_event event, const rd_kafka_topic_partition_list_t *parts,
                 const struct moldau_record *r, const char *why);
void member_step(struct member *m, struct container_event *ev);
int32_t member_place(struct member *m, const char *topic, int32_t partition);
/* Effects, until none is left. Within a call of the listener, and a rebalance: what an acknowledgement has
 * led to. wait: for commits. */
void member_carry_out(struct member *m, bool wait);

/* ---- member_call.c: the listener, acknowledgements, what is given up ---- */
void member_deliver(struct member *m, const struct container_effect *x);
void member_give_up(struct member *m, const struct container_effect *x);
void member_post(struct member *m, struct order *o);
void member_apply_ack(struct member *m, const struct order *o);
void member_free_ack(struct order *o);
extern _Thread_local struct member *member_self; /* whose thread this is */

/* ---- member_group.c: partitions come and go, commits, pauses, seeks ---- */
void member_commit(struct member *m, const struct container_commit *c, int n, bool wait);
void member_rebalanced(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts,
                       void *opaque);
void member_assign_given(struct member *m);
void member_pauses_changed(struct member *m);
void member_apply_order(struct member *m, const struct order *o);
void member_rewind(struct member *m);
/* Librdkafka is to fetch again. */
void member_wake(struct member *m);

#endif
