/* The classic group coordinator as a pure core: one struct grp_shard is the state of one partition of
 * __consumer_offsets. grp_step(state, event) gives effects: replies to send, records to append, the next
 * deadline. No clock, no I/O, no randomness but what rides in the event.
 *
 * What survives is records (key and value of __consumer_offsets). The caller appends the records of one
 * struct grp_append as one batch, in the order of the tokens, and answers each with GRP_APPENDED, in the same
 * order, once the batch is committed (high watermark) or has failed. A reply that depends on records comes
 * out of that later step, so every reply in the effects may be sent at once. A shard is loaded by stepping
 * GRP_LOAD_RECORD over the log, then GRP_LOADED; before that every request is answered
 * COORDINATOR_LOAD_IN_PROGRESS. */
#ifndef MOLDAU_GRP_H
#define MOLDAU_GRP_H

#include "base/arena.h"
#include "base/base.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "kp/delete_groups.h"
#include "kp/describe_groups.h"
#include "kp/heartbeat.h"
#include "kp/join_group.h"
#include "kp/leave_group.h"
#include "kp/list_groups.h"
#include "kp/offset_commit.h"
#include "kp/offset_delete.h"
#include "kp/offset_fetch.h"
#include "kp/sync_group.h"
#include "kp/txn_offset_commit.h"

struct grp_config {
    uint64_t hash_seed;
    int32_t session_timeout_ms_min, session_timeout_ms_max; /* group.min/max.session.timeout.ms */
    int32_t initial_rebalance_delay_ms;                     /* group.initial.rebalance.delay.ms */
    int32_t size_max;                                       /* group.max.size */
    int32_t offset_metadata_max;                            /* offset.metadata.max.bytes */
    int64_t offsets_retention_ms;                           /* offsets.retention.minutes */
    int64_t offsets_retention_check_ms;                     /* offsets.retention.check.interval.ms */
};

/* Part of the caller's request; it and its arena live until its reply came out of a step. */
struct grp_waiter {
    struct arena *arena;       /* the response is built here */
    int16_t version;           /* of the request */
    struct grp_member *member; /* the core's: whose join or sync it is while it waits; zero it */
};

enum grp_event_type {
    /* Requests. Each waiter is answered exactly once. The response's type is named beside. */
    GRP_JOIN,              /* kp_join_group_response */
    GRP_SYNC,              /* kp_sync_group_response */
    GRP_HEARTBEAT,         /* kp_heartbeat_response */
    GRP_LEAVE,             /* kp_leave_group_response */
    GRP_OFFSET_COMMIT,     /* kp_offset_commit_response */
    GRP_TXN_OFFSET_COMMIT, /* kp_txn_offset_commit_response */
    GRP_OFFSET_FETCH,      /* kp_offset_fetch_response_offset_fetch_response_group */
    GRP_OFFSET_DELETE,     /* kp_offset_delete_response */
    GRP_DESCRIBE,          /* kp_describe_groups_response */
    GRP_LIST,              /* kp_list_groups_response */
    GRP_DELETE,            /* kp_delete_groups_response */
    /* Nobody will hear the answer: a join or sync that waits is answered at once with an error, and its
     * member goes on as if it waited still, as Kafka has it. Others are answered in their time. */
    GRP_CANCEL, /* waiter: of an earlier event */
    /* No waiter. */
    GRP_TICK,          /* mono_ms reached the deadline */
    GRP_APPENDED,      /* appended */
    GRP_TOPIC_DELETED, /* topic */
    GRP_TXN_END,       /* txn_end: a transaction marker was committed to this partition */
    GRP_LOAD_RECORD,   /* record; while loading only */
    GRP_LOADED,        /* the log was read to its end */
    GRP_UNLOAD,        /* this broker no longer leads the partition; only GRP_LOAD_* may follow */
};

struct grp_event {
    enum grp_event_type type;
    int64_t now_ms;  /* of the wall clock: what records say, and how old offsets are */
    int64_t mono_ms; /* of a clock that nobody sets: sessions and all other deadlines */
    struct grp_waiter *waiter;
    /* Of GRP_JOIN: becomes part of a new member's id. */
    struct uuid random;
    /* Of GRP_JOIN: what descriptions show. The host is written as Kafka does, with a slash: "/127.0.0.1". */
    struct slice client_id, client_host;
    union {
        const struct kp_join_group_request *join;
        const struct kp_sync_group_request *sync;
        const struct kp_heartbeat_request *heartbeat;
        const struct kp_leave_group_request *leave;
        /* Topic names are filled in, in newer versions from the id; topic_id too where it is known. */
        const struct kp_offset_commit_request *offset_commit;
        const struct kp_txn_offset_commit_request *txn_offset_commit;
        struct {
            const struct kp_offset_fetch_request_offset_fetch_request_group
                *group; /* of old versions: made by the caller */
            bool require_stable;
        } offset_fetch;
        const struct kp_offset_delete_request *offset_delete;
        const struct kp_describe_groups_request *describe; /* only groups of this shard */
        const struct kp_list_groups_request *list;
        const struct kp_delete_groups_request *delete; /* only groups of this shard */
        struct {
            uint64_t token;
            int error; /* 0 or ERR_* */
        } appended;
        struct slice topic;
        struct {
            int64_t producer_id;
            bool commit;
        } txn_end;
        struct {
            struct slice key, value; /* value.p == NULL: tombstone */
            int64_t producer_id;     /* of a transactional batch, else -1 */
        } record;
    };
};

struct grp_reply {
    struct grp_waiter *waiter;
    const void *response; /* in the waiter's arena */
};
struct grp_record {
    struct slice key, value; /* value.p == NULL: tombstone; both in the effects' arena */
};
/* One batch. */
struct grp_append {
    uint64_t token;
    size_t first, n;     /* in records */
    int64_t producer_id; /* -1: not transactional */
    int16_t producer_epoch;
};
struct grp_effects {
    struct grp_reply *replies;
    size_t replies_n, replies_cap;
    struct grp_record *records;
    size_t records_n, records_cap;
    struct grp_append *appends;
    size_t appends_n, appends_cap;
    int64_t deadline_ms; /* of mono_ms: step GRP_TICK then; INT64_MAX: never */
    struct arena arena;
};

void grp_effects_init(struct grp_effects *e);
void grp_effects_fini(struct grp_effects *e);
/* Forget what an earlier step gave; the next step then starts afresh. */
void grp_effects_clear(struct grp_effects *e);

struct grp_shard {
    struct grp_config config;
    enum { GRP_LOADING, GRP_ACTIVE, GRP_UNLOADED } state;
    struct map groups;  /* struct grp_group by id */
    struct map txns;    /* struct grp_txn by producer id */
    struct heap timers; /* struct grp_timer */
    struct grp_timer *cleanup;
    struct grp_waiter nobody; /* stands for waiters that were cancelled; what it is told goes nowhere */
    uint64_t token_next, offset_order;
    struct list ops; /* struct grp_op: appends whose outcome is not known yet */
};

void grp_init(struct grp_shard *s, const struct grp_config *config);
/* Waiters that were not answered are forgotten: step GRP_UNLOAD before. */
void grp_fini(struct grp_shard *s);
/* Settings that changed at run time. */
void grp_configure(struct grp_shard *s, const struct grp_config *config);
/* Appends to the effects. Returns 0; ERR_FORMAT for a record that cannot be read (GRP_LOAD_RECORD). */
int grp_step(struct grp_shard *s, const struct grp_event *ev, struct grp_effects *effects) MUST_USE;

/* The error a client is given when an append failed with err. */
int16_t grp_append_error(int err);

#endif
