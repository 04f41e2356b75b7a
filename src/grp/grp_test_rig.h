/* For the tests of src/grp: a shard with a log behind it, and requests that remember their answers. */
#ifndef MOLDAU_GRP_TEST_RIG_H
#define MOLDAU_GRP_TEST_RIG_H

#include "base/prng.h"
#include "base/strbuf.h"
#include "base/test.h"
#include "grp/grp_int.h"

struct logged {
    struct slice key, value;
    int64_t producer_id;
    int marker; /* 0: a record; 1: commit, 2: abort of the producer's transaction */
};

struct req {
    struct grp_waiter w;
    struct arena arena;
    enum grp_event_type type;
    const void *response;
    int answers;
    struct req *next;
};

struct held {
    uint64_t token;
    struct logged *records;
    size_t n;
};

struct rig {
    struct grp_shard shard;
    struct prng prng;
    int64_t now_ms, deadline_ms; /* of both clocks, but for wall_step_ms */
    int64_t wall_step_ms;
    bool hold; /* appends stay open until rig_commit_one */
    struct held held[1024];
    size_t held_n;
    struct logged *log;
    size_t log_n, log_cap;
    struct req *reqs;
};

static const struct grp_config rig_config = {
    .hash_seed = 7,
    .session_timeout_ms_min = 100,
    .session_timeout_ms_max = 100000,
    .initial_rebalance_delay_ms = 300,
    .size_max = 100,
    .offset_metadata_max = 10,
    .offsets_retention_ms = 1000000,
    .offsets_retention_check_ms = 60000,
};

static inline void rig_log(struct rig *r, struct logged l)
{
    if (r->log_n == r->log_cap) {
        r->log_cap = r->log_cap ? r->log_cap * 2 : 64;
        r->log = xrealloc(r->log, r->log_cap * sizeof *r->log);
    }
    r->log[r->log_n++] = l;
}

static inline void rig_step(struct rig *r, struct grp_event *ev);

/* Completes the oldest held append. */
static inline void rig_commit_one(struct rig *r, int error)
{
    struct held h = r->held[0];
    ASSERT(r->held_n > 0);
    memmove(r->held, r->held + 1, --r->held_n * sizeof r->held[0]);
    for (size_t i = 0; i < h.n; i++) {
        if (!error) {
            rig_log(r, h.records[i]);
            continue;
        }
        grp_disown(&h.records[i].key);
        grp_disown(&h.records[i].value);
    }
    free(h.records);
    struct grp_event ev = {.type = GRP_APPENDED, .appended = {h.token, error}};
    rig_step(r, &ev);
}

static inline void rig_commit(struct rig *r)
{
    while (r->held_n) rig_commit_one(r, 0);
}

static inline void rig_step(struct rig *r, struct grp_event *ev)
{
    struct grp_effects e;
    grp_effects_init(&e);
    ev->now_ms = r->now_ms + r->wall_step_ms;
    ev->mono_ms = r->now_ms;
    int rc = grp_step(&r->shard, ev, &e);
    ASSERT(rc == 0);
    for (size_t i = 0; i < e.replies_n; i++) {
        struct req *q = CONTAINER_OF(e.replies[i].waiter, struct req, w);
        q->answers++;
        q->response = e.replies[i].response;
        ASSERT(q->answers == 1);
    }
    for (size_t i = 0; i < e.appends_n; i++) {
        struct grp_append *a = &e.appends[i];
        ASSERT(a->n > 0 && a->first + a->n <= e.records_n && r->held_n < NELEMS(r->held));
        struct held *h = &r->held[r->held_n++];
        *h = (struct held){.token = a->token, .n = a->n, .records = xcalloc(a->n, sizeof *h->records)};
        for (size_t k = 0; k < a->n; k++)
            h->records[k] = (struct logged){.key = grp_own(e.records[a->first + k].key),
                                            .value = grp_own(e.records[a->first + k].value),
                                            .producer_id = a->producer_id};
    }
    r->deadline_ms = e.deadline_ms;
    grp_effects_fini(&e);
    if (!r->hold && ev->type != GRP_APPENDED) rig_commit(r);
}

static inline void rig_event(struct rig *r, enum grp_event_type type)
{
    struct grp_event ev = {.type = type};
    rig_step(r, &ev);
}

static inline void rig_init(struct rig *r)
{
    *r = (struct rig){.now_ms = 1000000};
    prng_init(&r->prng, 1);
    grp_init(&r->shard, &rig_config);
    rig_event(r, GRP_LOADED);
}

static inline void rig_fini(struct rig *r)
{
    rig_event(r, GRP_UNLOAD);
    grp_fini(&r->shard);
    while (r->reqs) {
        struct req *q = r->reqs;
        r->reqs = q->next;
        ASSERT(q->answers == 1);
        arena_fini(&q->arena);
        free(q);
    }
    for (size_t i = 0; i < r->held_n; i++) {
        for (size_t k = 0; k < r->held[i].n; k++) {
            grp_disown(&r->held[i].records[k].key);
            grp_disown(&r->held[i].records[k].value);
        }
        free(r->held[i].records);
    }
    for (size_t i = 0; i < r->log_n; i++) {
        grp_disown(&r->log[i].key);
        grp_disown(&r->log[i].value);
    }
    free(r->log);
}

/* Lets time pass, with all that falls due at its time. */
static inline void rig_pass(struct rig *r, int64_t ms)
{
    int64_t end = r->now_ms + ms;
    while (r->deadline_ms <= end) {
        r->now_ms = max_i64(r->now_ms, r->deadline_ms);
        rig_event(r, GRP_TICK);
    }
    r->now_ms = end;
}

static inline void rig_txn_end(struct rig *r, int64_t producer_id, bool commit)
{
    struct grp_event ev = {.type = GRP_TXN_END, .txn_end = {producer_id, commit}};
    rig_log(r, (struct logged){.producer_id = producer_id, .marker = commit ? 1 : 2});
    rig_step(r, &ev);
}

/* A fresh shard from the log of r. */
static inline void rig_replay(const struct rig *r, struct rig *to)
{
    *to = (struct rig){.now_ms = r->now_ms};
    prng_init(&to->prng, 2);
    grp_init(&to->shard, &rig_config);
    for (size_t i = 0; i < r->log_n; i++) {
        const struct logged *l = &r->log[i];
        struct grp_event ev = {.type = GRP_LOAD_RECORD, .record = {l->key, l->value, l->producer_id}};
        if (l->marker)
            ev = (struct grp_event){.type = GRP_TXN_END, .txn_end = {l->producer_id, l->marker == 1}};
        rig_step(to, &ev);
    }
    rig_event(to, GRP_LOADED);
}

static inline struct req *rig_req(struct rig *r, struct grp_event *ev, int version)
{
    struct req *q = xcalloc(1, sizeof *q);
    arena_init(&q->arena);
    q->w = (struct grp_waiter){.arena = &q->arena, .version = (int16_t)version};
    q->type = ev->type;
    q->next = r->reqs;
    r->reqs = q;
    ev->waiter = &q->w;
    rig_step(r, ev);
    return q;
}

struct join_args {
    const char *group, *instance, *client, *type;
    struct slice member;
    const char *protocols; /* "name=metadata,name=metadata" */
    int session, rebalance, version;
};

static inline struct req *rig_join(struct rig *r, struct join_args a)
{
    struct kp_join_group_request q;
    struct kp_join_group_request_join_group_request_protocol p[8];
    kp_join_group_request_init(&q);
    q.group_id = slice_cstr(a.group ? a.group : "g");
    q.member_id = a.member.p ? a.member : slice_cstr("");
    q.group_instance_id = slice_cstr(a.instance);
    q.protocol_type = slice_cstr(a.type ? a.type : "consumer");
    q.session_timeout_ms = a.session ? a.session : 10000;
    q.rebalance_timeout_ms = a.rebalance ? a.rebalance : 5000;
    q.protocols = p;
    for (const char *s = a.protocols ? a.protocols : "range=m"; *s;) {
        size_t n = strcspn(s, "="), m = strcspn(s + n, ",");
        p[q.protocols_n++] = (struct kp_join_group_request_join_group_request_protocol){
            slice_of(s, n), m ? slice_of(s + n + 1, m - 1) : slice_cstr("")};
        s += n + m;
        s += *s == ',';
    }
    struct grp_event ev = {.type = GRP_JOIN,
                           .join = &q,
                           .random = prng_uuid(&r->prng),
                           .client_id = slice_cstr(a.client ? a.client : "c"),
                           .client_host = slice_cstr("/127.0.0.1")};
    return rig_req(r, &ev, a.version ? a.version : 3);
}

static inline const struct kp_join_group_response *joined_of(const struct req *q)
{
    return q->answers == 1 ? q->response : NULL;
}
static inline const struct kp_sync_group_response *synced_of(const struct req *q)
{
    return q->answers == 1 ? q->response : NULL;
}

static inline struct req *rig_sync(struct rig *r, const char *group, int generation, struct slice member,
                                   const char *instance, const struct grp_assigned *assigned, int n)
{
    struct kp_sync_group_request q;
    struct kp_sync_group_request_sync_group_request_assignment a[16];
    kp_sync_group_request_init(&q);
    q.group_id = slice_cstr(group);
    q.generation_id = generation;
    q.member_id = member;
    q.group_instance_id = slice_cstr(instance);
    q.assignments = a;
    q.assignments_n = n;
    for (int i = 0; i < n; i++) {
        a[i].member_id = assigned[i].member_id;
        a[i].assignment = assigned[i].assignment;
    }
    struct grp_event ev = {.type = GRP_SYNC, .sync = &q};
    return rig_req(r, &ev, 4);
}

static inline int rig_heartbeat(struct rig *r, const char *group, int generation, struct slice member,
                                const char *instance)
{
    struct kp_heartbeat_request q;
    kp_heartbeat_request_init(&q);
    q.group_id = slice_cstr(group);
    q.generation_id = generation;
    q.member_id = member;
    q.group_instance_id = slice_cstr(instance);
    struct grp_event ev = {.type = GRP_HEARTBEAT, .heartbeat = &q};
    struct req *req = rig_req(r, &ev, 4);
    return ((const struct kp_heartbeat_response *)req->response)->error_code;
}

static inline struct req *rig_leave(struct rig *r, const char *group, struct slice member,
                                    const char *instance, int version)
{
    struct kp_leave_group_request q;
    struct kp_leave_group_request_member_identity one;
    kp_leave_group_request_init(&q);
    kp_leave_group_request_member_identity_init(&one);
    q.group_id = slice_cstr(group);
    q.member_id = one.member_id = member;
    one.group_instance_id = slice_cstr(instance);
    q.members = &one;
    q.members_n = 1;
    struct grp_event ev = {.type = GRP_LEAVE, .leave = &q};
    return rig_req(r, &ev, version);
}
static inline int left_of(const struct req *q)
{
    const struct kp_leave_group_response *r = q->response;
    return q->answers != 1 ? -99
           : r->error_code ? r->error_code
           : r->members_n  ? r->members[0].error_code
                           : 0;
}

struct commit_args {
    const char *group, *topic, *metadata;
    struct slice member;
    int generation, partition, version;
    int64_t offset, retention_ms; /* retention_ms 0: none */
};

static inline struct req *rig_offset_commit(struct rig *r, struct commit_args a)
{
    struct kp_offset_commit_request q;
    struct kp_offset_commit_request_offset_commit_request_topic t;
    struct kp_offset_commit_request_offset_commit_request_partition p;
    kp_offset_commit_request_init(&q);
    kp_offset_commit_request_offset_commit_request_topic_init(&t);
    kp_offset_commit_request_offset_commit_request_partition_init(&p);
    q.group_id = slice_cstr(a.group ? a.group : "g");
    q.generation_id_or_member_epoch = a.generation;
    q.member_id = a.member.p ? a.member : slice_cstr("");
    if (a.retention_ms) q.retention_time_ms = a.retention_ms;
    q.topics = &t;
    q.topics_n = 1;
    t.name = slice_cstr(a.topic ? a.topic : "t");
    t.partitions = &p;
    t.partitions_n = 1;
    p.partition_index = a.partition;
    p.committed_offset = a.offset;
    p.committed_leader_epoch = a.version && a.version < 6 ? -1 : 3;
    p.committed_metadata = slice_cstr(a.metadata);
    struct grp_event ev = {.type = GRP_OFFSET_COMMIT, .offset_commit = &q};
    return rig_req(r, &ev, a.version ? a.version : 9);
}
static inline int committed_of(const struct req *q)
{
    const struct kp_offset_commit_response *r = q->response;
    return q->answers == 1 ? r->topics[0].partitions[0].error_code : -99;
}

static inline struct req *rig_txn_commit(struct rig *r, const char *group, int64_t producer_id,
                                         const char *topic, int partition, int64_t offset)
{
    struct kp_txn_offset_commit_request q;
    struct kp_txn_offset_commit_request_txn_offset_commit_request_topic t;
    struct kp_txn_offset_commit_request_txn_offset_commit_request_partition p;
    kp_txn_offset_commit_request_init(&q);
    kp_txn_offset_commit_request_txn_offset_commit_request_topic_init(&t);
    kp_txn_offset_commit_request_txn_offset_commit_request_partition_init(&p);
    q.group_id = slice_cstr(group);
    q.producer_id = producer_id;
    q.topics = &t;
    q.topics_n = 1;
    t.name = slice_cstr(topic);
    t.partitions = &p;
    t.partitions_n = 1;
    p.partition_index = partition;
    p.committed_offset = offset;
    struct grp_event ev = {.type = GRP_TXN_OFFSET_COMMIT, .txn_offset_commit = &q};
    return rig_req(r, &ev, 3);
}

static inline const struct kp_offset_fetch_response_offset_fetch_response_group *
rig_fetch(struct rig *r, const char *group, const char *topic, int32_t partition, bool stable)
{
    struct kp_offset_fetch_request_offset_fetch_request_group q;
    struct kp_offset_fetch_request_offset_fetch_request_topics t;
    kp_offset_fetch_request_offset_fetch_request_group_init(&q);
    kp_offset_fetch_request_offset_fetch_request_topics_init(&t);
    q.group_id = slice_cstr(group);
    q.topics = topic ? &t : NULL;
    q.topics_n = topic ? 1 : -1;
    t.name = slice_cstr(topic);
    t.partition_indexes = &partition;
    t.partition_indexes_n = 1;
    struct grp_event ev = {.type = GRP_OFFSET_FETCH, .offset_fetch = {&q, stable}};
    return rig_req(r, &ev, 9)->response;
}
/* The committed offset, or minus the error less 1000. */
static inline int64_t rig_offset(struct rig *r, const char *group, const char *topic, int32_t partition,
                                 bool stable)
{
    const struct kp_offset_fetch_response_offset_fetch_response_group *g =
        rig_fetch(r, group, topic, partition, stable);
    int error = g->error_code ? g->error_code : g->topics[0].partitions[0].error_code;
    return error ? -1000 - error : g->topics[0].partitions[0].committed_offset;
}

static inline int rig_delete(struct rig *r, const char *group)
{
    struct kp_delete_groups_request q;
    struct slice name = slice_cstr(group);
    kp_delete_groups_request_init(&q);
    q.groups_names = &name;
    q.groups_names_n = 1;
    struct grp_event ev = {.type = GRP_DELETE, .delete = &q};
    struct req *req = rig_req(r, &ev, 2);
    return req->answers ? ((const struct kp_delete_groups_response *)req->response)->results[0].error_code
                        : -99;
}

static inline int rig_delete_offset(struct rig *r, const char *group, const char *topic, int partition)
{
    struct kp_offset_delete_request q;
    struct kp_offset_delete_request_offset_delete_request_topic t;
    struct kp_offset_delete_request_offset_delete_request_partition p = {partition};
    kp_offset_delete_request_init(&q);
    kp_offset_delete_request_offset_delete_request_topic_init(&t);
    q.group_id = slice_cstr(group);
    q.topics = &t;
    q.topics_n = 1;
    t.name = slice_cstr(topic);
    t.partitions = &p;
    t.partitions_n = 1;
    struct grp_event ev = {.type = GRP_OFFSET_DELETE, .offset_delete = &q};
    struct req *req = rig_req(r, &ev, 0);
    if (!req->answers) return -99;
    const struct kp_offset_delete_response *a = req->response;
    return a->error_code ? a->error_code : a->topics[0].partitions[0].error_code;
}

static inline const struct kp_describe_groups_response_described_group *rig_describe(struct rig *r,
                                                                                     const char *group)
{
    struct kp_describe_groups_request q;
    struct slice name = slice_cstr(group);
    kp_describe_groups_request_init(&q);
    q.groups = &name;
    q.groups_n = 1;
    struct grp_event ev = {.type = GRP_DESCRIBE, .describe = &q};
    return ((const struct kp_describe_groups_response *)rig_req(r, &ev, 6)->response)->groups;
}
static inline bool rig_state_is(struct rig *r, const char *group, const char *state)
{
    const struct kp_describe_groups_response_described_group *g = rig_describe(r, group);
    if (slice_eq_cstr(g->group_state, state)) return true;
    printf("  the state is %.*s\n", (int)g->group_state.n, (const char *)g->group_state.p);
    return false;
}

static inline const struct kp_list_groups_response *rig_list(struct rig *r)
{
    struct kp_list_groups_request q;
    kp_list_groups_request_init(&q);
    struct grp_event ev = {.type = GRP_LIST, .list = &q};
    return rig_req(r, &ev, 5)->response;
}

static inline int listed_cmp(const void *a, const void *b)
{
    return slice_cmp(((const struct kp_list_groups_response_listed_group *)a)->group_id,
                     ((const struct kp_list_groups_response_listed_group *)b)->group_id);
}

/* Everything a client could see of a group and its offsets, or of the offsets alone. */
static inline void rig_see(struct rig *r, struct slice id, bool members, struct strbuf *out)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)id.n, (const char *)id.p);
    const struct kp_describe_groups_response_described_group *g = rig_describe(r, name);
    strbuf_printf(out, "%s\n", name);
    if (members)
        strbuf_printf(out, "  %.*s %.*s %.*s\n", (int)g->group_state.n, (const char *)g->group_state.p,
                      (int)g->protocol_type.n, (const char *)g->protocol_type.p, (int)g->protocol_data.n,
                      (const char *)g->protocol_data.p);
    for (int32_t m = 0; members && m < g->members_n; m++)
        strbuf_printf(out, "  member %.*s %.*s %.*s %.*s\n", (int)g->members[m].member_id.n,
                      (const char *)g->members[m].member_id.p, (int)g->members[m].group_instance_id.n,
                      (const char *)g->members[m].group_instance_id.p, (int)g->members[m].member_metadata.n,
                      (const char *)g->members[m].member_metadata.p, (int)g->members[m].member_assignment.n,
                      (const char *)g->members[m].member_assignment.p);
    for (int stable = 0; stable < 2; stable++) {
        const struct kp_offset_fetch_response_offset_fetch_response_group *f =
            rig_fetch(r, name, NULL, 0, stable != 0);
        for (int32_t t = 0; t < f->topics_n; t++)
            for (int32_t p = 0; p < f->topics[t].partitions_n; p++)
                strbuf_printf(out, "  %.*s-%d %lld %d %d %.*s\n", (int)f->topics[t].name.n,
                              (const char *)f->topics[t].name.p, f->topics[t].partitions[p].partition_index,
                              (long long)f->topics[t].partitions[p].committed_offset,
                              f->topics[t].partitions[p].committed_leader_epoch,
                              f->topics[t].partitions[p].error_code,
                              (int)f->topics[t].partitions[p].metadata.n,
                              (const char *)f->topics[t].partitions[p].metadata.p);
    }
}

static inline void rig_see_all(struct rig *r, struct strbuf *out)
{
    const struct kp_list_groups_response *l = rig_list(r);
    qsort(l->groups, (size_t)l->groups_n, sizeof *l->groups, listed_cmp);
    for (int32_t i = 0; i < l->groups_n; i++) rig_see(r, l->groups[i].group_id, true, out);
}

#endif
