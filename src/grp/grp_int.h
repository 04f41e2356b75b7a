/* Private to src/grp. */
#ifndef MOLDAU_GRP_INT_H
#define MOLDAU_GRP_INT_H

#include "base/err.h"
#include "grp/grp.h"

/* Strings and bytes of the state are slices on the heap. */
struct slice grp_own(struct slice s);
void grp_disown(struct slice *s);
void grp_replace(struct slice *at, struct slice s);

enum grp_state { GRP_EMPTY, GRP_PREPARING_REBALANCE, GRP_COMPLETING_REBALANCE, GRP_STABLE, GRP_DEAD };

enum grp_timer_kind {
    GRP_TIMER_JOIN,
    GRP_TIMER_SYNC,
    GRP_TIMER_MEMBER,
    GRP_TIMER_PENDING,
    GRP_TIMER_CLEANUP
};
struct grp_timer {
    struct heap_node node; /* its key: when, in ms of the monotonic clock */
    enum grp_timer_kind kind;
    struct grp_group *group;
    void *owner; /* struct grp_member or grp_pending */
};
/* at_ms: by the monotonic clock */
void grp_timer_set(struct grp_shard *s, struct grp_timer *t, int64_t at_ms);
void grp_timer_cancel(struct grp_shard *s, struct grp_timer *t);
/* The first timer that is due, taken out of the heap; NULL if none is. */
struct grp_timer *grp_timer_due(struct grp_shard *s, int64_t mono_ms);

struct grp_protocol {
    struct slice name, metadata;
};
struct grp_member {
    struct list in_group;
    struct slice id, instance_id, client_id, client_host; /* instance_id.p == NULL: dynamic */
    int32_t rebalance_timeout_ms, session_timeout_ms;
    struct grp_protocol *protocols;
    size_t protocols_n;
    struct slice assignment;
    bool is_new;       /* has not got its member id yet */
    bool pending_sync; /* joined this generation and has not sent SyncGroup */
    struct grp_waiter *join, *sync;
    struct grp_timer heartbeat;
    const struct slice *assigned; /* while a SyncGroup's assignments are gone through; else NULL */
};
/* A member id that was given out (KIP-394) and has not joined yet. */
struct grp_pending {
    struct list in_group;
    struct slice id;
    struct grp_timer timer;
};

struct grp_offset_value {
    int64_t offset;
    int32_t leader_epoch; /* -1: none */
    struct slice metadata;
    int64_t commit_ms, expire_ms; /* expire_ms -1: by the group's retention */
    struct uuid topic_id;
    uint64_t order; /* of the record in the log: a transaction's end must not hide a later commit */
};
/* A record of an offset that is on its way to the log. */
struct grp_change {
    struct list of_offset, of_op;
    struct grp_offset *offset;
    int64_t producer_id; /* -1: not transactional */
    bool tombstone;
    struct grp_offset_value value;
};
/* What a transaction has committed and not ended yet. */
struct grp_txn_offset {
    struct list of_offset, of_txn;
    struct grp_offset *offset;
    int64_t producer_id;
    struct grp_offset_value value;
};
struct grp_txn {
    int64_t producer_id;
    struct list offsets;
};
struct grp_offset {
    struct grp_group *group;
    struct slice topic;
    int32_t partition;
    bool committed;
    struct grp_offset_value value; /* if committed */
    struct list changes;           /* struct grp_change, oldest first */
    struct list txn_changes;       /* the same of transactions */
    struct list txns;              /* struct grp_txn_offset */
};

/* A name that many have: a topic that members subscribe to, or a protocol and how many members offer it. */
struct grp_name {
    struct slice name;
    size_t members;
    uint64_t stamp; /* of the count that saw it last: a member counts once, however often it names it */
};
struct grp_names {
    struct map map;
    uint64_t seed, stamp;
};

struct grp_group {
    struct slice id;
    uint64_t seed; /* of its tables */
    enum grp_state state, previous;
    int64_t state_ms; /* since when; -1: an old record did not say */
    bool deleted;     /* its tombstone is on the way or written: nobody sees it */
    bool recorded;    /* the log has, or is about to have, a record of it */
    int32_t generation;
    struct slice protocol_type, protocol, leader; /* p == NULL: none */
    struct list members;                          /* struct grp_member, oldest first */
    size_t members_n;
    struct list pending; /* struct grp_pending */
    size_t pending_n;
    struct map by_id, by_instance, pending_by_id;
    struct grp_names protocols; /* that members offer */
    size_t joins;               /* members that wait for the end of the join phase */
    bool new_member_added;
    bool topics_known; /* of a consumer group: topics is what its members subscribe to */
    struct grp_names topics;
    struct grp_timer join_timer, sync_timer;
    bool initial_delay; /* the join timer is that of an empty group's first rebalance */
    int32_t delay_ms, remaining_ms;
    int32_t sync_generation;
    struct map offsets; /* struct grp_offset by topic and partition */
    size_t refs;        /* struct grp_op */
    uint64_t op_token;  /* of the last op that refers to it */
};

/* The records of one change and what its outcome decides. */
struct grp_op {
    struct list link;
    uint64_t token;
    size_t records_first;
    int64_t producer_id;
    int16_t producer_epoch;
    struct list changes;
    struct grp_group **groups; /* referenced; deleted ones are revived on failure */
    size_t groups_n;
    bool deletes;
    /* One of these, or none: */
    enum { GRP_OP_PLAIN, GRP_OP_NEW_GROUP, GRP_OP_SYNC, GRP_OP_STATIC } kind;
    int32_t generation;            /* of GRP_OP_SYNC */
    struct grp_assigned *assigned; /* of GRP_OP_SYNC */
    size_t assigned_n;
    struct slice member_id, old_member_id,
        leader;                     /* of GRP_OP_STATIC: the new id, the one before, the leader before */
    struct grp_protocol *protocols; /* of GRP_OP_STATIC: the ones before */
    size_t protocols_n;
    int32_t rebalance_timeout_ms, session_timeout_ms;
    int16_t version; /* of GRP_OP_STATIC: of the join */
    /* The reply on success, if any; on failure its errors are filled in. */
    struct grp_waiter *waiter;
    void *response;
    enum grp_event_type request;
};
struct grp_assigned {
    struct slice member_id, assignment;
};

/* All that the functions of one step need. */
struct grp_ctx {
    struct grp_shard *s;
    struct grp_effects *e;
    const struct grp_event *ev;
    int64_t now_ms, mono_ms;
    struct grp_op *op; /* the write that is being put together */
};

/* grp.c */
void grp_reply(struct grp_ctx *c, struct grp_waiter *w, const void *response);
/* The op of this step for group, made when there is none. */
struct grp_op *grp_write(struct grp_ctx *c, struct grp_group *g);
/* Ends the write: sends the reply at once if there are no records, else when they are committed. waiter may
 * be NULL. */
void grp_write_end(struct grp_ctx *c, struct grp_waiter *w, void *response);
/* Answers the step's request with one error, in the shape its type has for that. */
void grp_reject(struct grp_ctx *c, int16_t error);
void grp_join_reject(struct grp_ctx *c, struct grp_waiter *w, struct slice member_id, int16_t error);
void grp_sync_reject(struct grp_ctx *c, struct grp_waiter *w, int16_t error);

/* grp_group.c */
struct grp_group *grp_find_any(const struct grp_shard *s, struct slice id);
/* NULL also for a deleted one. */
struct grp_group *grp_find(const struct grp_shard *s, struct slice id);
struct grp_group *grp_create(struct grp_ctx *c, struct slice id);
/* Frees the group if nothing needs it any more. */
void grp_maybe_free(struct grp_shard *s, struct grp_group *g);
void grp_group_free(struct grp_shard *s, struct grp_group *g);
void grp_clear_members(struct grp_shard *s, struct grp_group *g);
const char *grp_state_name(enum grp_state state);
void grp_move(struct grp_group *g, enum grp_state to, int64_t now_ms);
struct grp_member *grp_member_find(const struct grp_group *g, struct slice id);
struct grp_member *grp_static_find(const struct grp_group *g, struct slice instance_id);
struct grp_pending *grp_pending_find(const struct grp_group *g, struct slice id);
struct grp_member *grp_member_new(struct grp_group *g, struct slice id, struct slice instance_id);
void grp_member_free(struct grp_shard *s, struct grp_member *m);
/* Another id for a member of the group. */
void grp_member_rename(struct grp_group *g, struct grp_member *m, struct slice id);
/* What a member offers; counted once it is in the group. */
void grp_member_protocols(struct grp_group *g, struct grp_member *m, const struct grp_protocol *from,
                          size_t n);
static inline struct grp_member *grp_member_first(const struct grp_group *g)
{
    return g->members_n ? LIST_ENTRY(g->members.next, struct grp_member, in_group) : NULL;
}
void grp_member_add(struct grp_group *g, struct grp_member *m);
/* Also a pending id. Waiters must have been answered. */
void grp_member_remove(struct grp_shard *s, struct grp_group *g, struct slice id);
void grp_pending_add(struct grp_shard *s, struct grp_group *g, struct slice id, int64_t expire_ms);
void grp_protocols_copy(struct grp_protocol **to, const struct grp_protocol *from, size_t n);
void grp_protocols_free(struct grp_protocol *p, size_t n);
const struct grp_protocol *grp_protocol_find(const struct grp_member *m, struct slice name);
int grp_validate_member(const struct grp_group *g, struct slice member_id, struct slice instance_id);
bool grp_supports(const struct grp_group *g, struct slice protocol_type,
                  const struct kp_join_group_request_join_group_request_protocol *p, int32_t n);
/* How many members offer a protocol. */
size_t grp_offers(const struct grp_group *g, struct slice protocol);
/* The protocol with the most votes; borrowed from a member. */
struct slice grp_select_protocol(const struct grp_group *g);
void grp_subscriptions_update(struct grp_group *g);
bool grp_subscribed(const struct grp_group *g, struct slice topic);
int32_t grp_rebalance_timeout(const struct grp_group *g);
static inline bool grp_is_leader(const struct grp_group *g, const struct grp_member *m)
{
    return g->leader.p && slice_eq(g->leader, m->id);
}
static inline bool grp_all_joined(const struct grp_group *g)
{
    return g->members_n == g->joins && g->pending_n == 0;
}
static inline bool grp_uses_consumer_protocol(const struct grp_group *g)
{
    return slice_eq_cstr(g->protocol_type, "consumer");
}

/* grp_join.c */
void grp_on_join(struct grp_ctx *c);
void grp_on_sync(struct grp_ctx *c);
void grp_on_heartbeat(struct grp_ctx *c);
void grp_on_leave(struct grp_ctx *c);
void grp_on_cancel(struct grp_ctx *c);
void grp_on_timer(struct grp_ctx *c, struct grp_timer *t);
void grp_heartbeat_restart(struct grp_ctx *c, struct grp_member *m);
void grp_sync_done(struct grp_ctx *c, struct grp_op *op, int error);
void grp_static_done(struct grp_ctx *c, struct grp_op *op, int error);
void grp_new_group_failed(struct grp_ctx *c, struct grp_op *op, int error);
/* After loading: sessions begin now, and a group that is too large must rebalance. */
void grp_loaded(struct grp_ctx *c, struct grp_group *g);
/* Answers all waiters of the members with NOT_COORDINATOR. */
void grp_dismiss(struct grp_ctx *c, struct grp_group *g);

/* grp_offset.c */
void grp_on_offset_commit(struct grp_ctx *c);
void grp_on_txn_offset_commit(struct grp_ctx *c);
void grp_on_offset_fetch(struct grp_ctx *c);
void grp_on_offset_delete(struct grp_ctx *c);
void grp_on_topic_deleted(struct grp_ctx *c);
void grp_on_cleanup(struct grp_ctx *c);
void grp_txn_end(struct grp_shard *s, int64_t producer_id, bool commit);
void grp_change_done(struct grp_shard *s, struct grp_change *ch, bool success);
struct grp_offset *grp_offset_get(struct grp_shard *s, struct grp_group *g, struct slice topic,
                                  int32_t partition);
struct grp_offset *grp_offset_find(const struct grp_shard *s, const struct grp_group *g, struct slice topic,
                                   int32_t partition);
/* Frees the entry if it holds nothing; it may be gone afterwards. */
void grp_offset_trim(struct grp_shard *s, struct grp_offset *o);
void grp_offset_free(struct grp_shard *s, struct grp_offset *o);
void grp_offset_store(struct grp_shard *s, struct grp_offset *o, int64_t producer_id,
                      const struct grp_offset_value *v);
/* A committed tombstone: also drops what open transactions hold of the partition. */
void grp_offset_drop(struct grp_offset *o);
void grp_delete_all_offsets(struct grp_ctx *c, struct grp_group *g);

/* grp_admin.c */
void grp_on_describe(struct grp_ctx *c);
void grp_on_list(struct grp_ctx *c);
void grp_on_delete(struct grp_ctx *c);

/* grp_record.c */
/* Makes each member's `assigned` lead to its assignment, the last one of its id. */
void grp_assign(struct grp_group *g, const struct grp_assigned *assigned, size_t n);
/* The group as it is, with the members' assignments, or those of assigned. */
void grp_record_group(struct grp_ctx *c, struct grp_group *g, const struct grp_assigned *assigned, size_t n);
/* A group that has nothing yet. */
void grp_record_new_group(struct grp_ctx *c, struct grp_group *g);
void grp_record_group_tombstone(struct grp_ctx *c, struct grp_group *g);
void grp_record_offset(struct grp_ctx *c, struct grp_offset *o, const struct grp_offset_value *v,
                       int64_t producer_id);
void grp_record_offset_tombstone(struct grp_ctx *c, struct grp_offset *o);
int grp_load_record(struct grp_ctx *c);

#endif
