/* When a poll's records are delivered and committed, as Spring Kafka's listener containers do it: a pure
 * core, container_step(state, event) -> effects. The shell polls, calls the listener, commits, and sends dead
 * letters. (listen.h is the other way to work: many records of a poll at once, in an order of one's choice.)
 *
 *   POLLED -> DELIVER one, or all of a batch listener -> RETURNED ok    -> the next ... the last -> POLL
 *                                                     \- RETURNED retry -> REDELIVER it and what follows,
 * after a |                    pause, with the next POLL
 *                                                     \- no attempt left -> RECOVER (a dead letter) ->
 * REDELIVER what follows, POLL
 *
 * When what is done is committed, each but the first as far as it stands at that time:
 *   RECORD            after each record
 *   BATCH             after the records of a poll, and in front of a retry
 *   TIME              as soon as ack_time_ms have passed since the last one, looked at after each record
 *   COUNT             after ack_count records (of a batch listener: partitions of batches), and at an empty
 * poll COUNT_TIME        whichever of these two comes first MANUAL            as BATCH, what was acknowledged
 *   MANUAL_IMMEDIATE  in the acknowledgement
 * and all that is left of a partition when it is revoked, and at the end. */
#ifndef MOLDAU_CONTAINER_H
#define MOLDAU_CONTAINER_H

#include "base/base.h"
#include "base/i64s.h"

enum container_ack {
    CONTAINER_RECORD,
    CONTAINER_BATCH,
    CONTAINER_TIME,
    CONTAINER_COUNT,
    CONTAINER_COUNT_TIME,
    CONTAINER_MANUAL,
    CONTAINER_MANUAL_IMMEDIATE
};

struct container_config {
    enum container_ack ack;
    bool batch; /* the listener takes all records of a poll at once */
    int64_t ack_count, ack_time_ms;
    bool async_acks; /* acknowledgements come in any order: nothing is committed beyond a gap, and nothing
                        is polled while there is one */
    bool commit_recovered; /* MANUAL_IMMEDIATE: a record that was given up is committed, too */
    int attempts_max;      /* of a record, the first one included; at least 1 */
    int64_t backoff_ms;    /* before the second attempt */
    double backoff_factor; /* of each pause against the one before; 1: always the same */
    int64_t backoff_ms_max;
    double jitter; /* 0..1: that part of a pause is drawn at random */
};

struct container_record {
    int32_t place; /* the shell's number of a topic's partition, small */
    int64_t offset;
    void *cookie; /* the shell's */
};

enum container_result { CONTAINER_OK, CONTAINER_RETRY, CONTAINER_DEAD };
enum container_event_type {
    CONTAINER_ASSIGNED,    /* place */
    CONTAINER_REVOKED,     /* records, n: their places. What is done is committed, what waits is dropped */
    CONTAINER_LOST,        /* the same without the commit */
    CONTAINER_POLLED,      /* records, n; only when a POLL asked for it. They are the core's until DROPPED */
    CONTAINER_RETURNED,    /* result; failed: index in the batch, -1: all of it */
    CONTAINER_ACKED,       /* place, offset: this and, unless async_acks, all before it */
    CONTAINER_NACKED,      /* instead of RETURNED; failed: index, pause_ms: deliver from there on again */
    CONTAINER_RECOVERED,   /* ok: the record is put aside, or could not be */
    CONTAINER_TICK,        /* the deadline is here */
    CONTAINER_UNCOMMITTED, /* place, offset: that commit failed */
    CONTAINER_STOP,        /* after the poll's records; commits what is done */
};
struct container_event {
    enum container_event_type type;
    int64_t
        now_ms; /* of a clock that nobody sets; not looked at in RETURNED with OK, but for TIME, COUNT_TIME */
    double random; /* 0..1, for jitter */
    int32_t place;
    int64_t offset;
    const struct container_record *records;
    int n;
    enum container_result result;
    int failed;
    int64_t pause_ms;
    bool ok;
};

enum container_effect_type {
    CONTAINER_DELIVER, /* from, n of container_record_at, attempt: call the listener, tell RETURNED or NACKED
                        */
    CONTAINER_COMMIT,  /* from, n of effects->commits */
    CONTAINER_RECOVER, /* from, attempt: put it aside, tell RECOVERED */
    CONTAINER_DROPPED, /* cookie: free it */
    CONTAINER_PAUSE,   /* all partitions: polls go on, but bring nothing */
    CONTAINER_RESUME,
    CONTAINER_POLL, /* about room records, tell POLLED; 0: only what keeps the group going */
};
struct container_commit {
    int32_t place;
    int64_t offset; /* the next one to be read, as Kafka commits it */
};
struct container_effect {
    enum container_effect_type type;
    int from, n, attempt, room;
    void *cookie;
};
struct container_effects {
    struct container_effect *v;
    int n, cap;
    struct container_commit *commits;
    int commits_n, commits_cap;
    int64_t deadline_ms; /* a pause: nothing is polled or delivered until then; step CONTAINER_TICK.
                            INT64_MAX: none */
};

enum container_state { CONTAINER_POLLING, CONTAINER_DELIVERING, CONTAINER_RECOVERING, CONTAINER_BACKOFF };
struct container {
    struct container_config config;
    enum container_state state;
    struct container_part *parts; /* by place */
    int parts_n;
    struct container_record *records; /* of the poll, and in front of them what is delivered again */
    int records_n, records_cap;
    int at;           /* the one that is with the listener, or comes next; what is before it is done with */
    int end;          /* of the poll */
    int poll_max;     /* records of a poll */
    int whole_failed; /* attempts of this whole batch that failed */
    bool whole;       /* the batch is delivered again, or put aside, as it was */
    int64_t count, committed_ms;
    int64_t deadline_ms; /* of the pause */
    bool paused, stopping;
};

/* now_ms: TIME counts from here. */
void container_init(struct container *c, const struct container_config *config, int poll_max, int64_t now_ms);
/* Frees its memory; cookies must have been dropped (CONTAINER_LOST). */
void container_fini(struct container *c);
void container_effects_init(struct container_effects *e);
void container_effects_fini(struct container_effects *e);
/* Appends to the effects, which are to be carried out in their order. */
void container_step(struct container *c, const struct container_event *ev, struct container_effects *e);
/* It was stopped, and what was done is in the effects. */
static inline bool container_stopped(const struct container *c)
{
    return c->stopping && c->state == CONTAINER_POLLING;
}
static inline const struct container_record *container_record_at(const struct container *c, int i)
{
    return &c->records[i];
}
/* Asserts what must be true between steps. */
void container_check(const struct container *c);

#endif
