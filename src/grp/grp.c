/* The step: events to their handlers, effects, and the appends whose outcome is not known yet.
 *
 * Life of a write: grp_write (first record of the step) -> grp_write_end (token, struct grp_append in the
 * effects) -> GRP_APPENDED -> appended(): changes take effect or are dropped, the reply goes out.
 *
 * 1. Every op in s->ops has at least one record and waits for its GRP_APPENDED.
 * 2. A waiter is in exactly one place: a member's join or sync, an op, or a reply of this step. Only nobody,
 *    which stands for those whose clients are gone, may be many members' at once.
 * 3. Committed offsets are what the log has committed; struct grp_change holds what is on its way. */
#include "grp/grp_int.h"
#include "base/grow.h"
#include <stdlib.h>

void grp_effects_init(struct grp_effects *e)
{
    *e = (struct grp_effects){.deadline_ms = INT64_MAX};
    arena_init(&e->arena);
}

void grp_effects_fini(struct grp_effects *e)
{
    free(e->replies);
    free(e->records);
    free(e->appends);
    arena_fini(&e->arena);
    *e = (struct grp_effects){0};
}

void grp_effects_clear(struct grp_effects *e)
{
    e->replies_n = e->records_n = e->appends_n = 0;
    e->deadline_ms = INT64_MAX;
    arena_fini(&e->arena);
    arena_init(&e->arena);
}

void grp_reply(struct grp_ctx *c, struct grp_waiter *w, const void *response)
{
    struct grp_effects *e = c->e;
    if (w == &c->s->nobody) return;
    w->member = NULL;
    e->replies = grown_z(e->replies, e->replies_n, &e->replies_cap, sizeof *e->replies);
    e->replies[e->replies_n++] = (struct grp_reply){w, response};
}

/* ---- writes ---- */

struct grp_op *grp_write(struct grp_ctx *c, struct grp_group *g)
{
    struct grp_op *op = c->op;
    if (!op) {
        op = c->op = xcalloc(1, sizeof *op);
        list_init(&op->link);
        list_init(&op->changes);
        op->records_first = c->e->records_n;
        op->producer_id = -1;
        op->producer_epoch = -1;
    }
    if (g->op_token == c->s->token_next) return op; /* which this op will get */
    g->op_token = c->s->token_next;
    op->groups = xrealloc(op->groups, (op->groups_n + 1) * sizeof(struct grp_group *));
    op->groups[op->groups_n++] = g;
    g->refs++;
    return op;
}

void grp_write_end(struct grp_ctx *c, struct grp_waiter *w, void *response)
{
    struct grp_op *op = c->op;
    if (!op) {
        if (w) grp_reply(c, w, response);
        return;
    }
    struct grp_effects *e = c->e;
    ASSERT(e->records_n > op->records_first);
    c->op = NULL;
    op->token = c->s->token_next++;
    op->waiter = w;
    op->response = response;
    op->request = c->ev->type;
    list_push_back(&c->s->ops, &op->link);
    e->appends = grown_z(e->appends, e->appends_n, &e->appends_cap, sizeof *e->appends);
    e->appends[e->appends_n++] = (struct grp_append){.token = op->token,
                                                     .first = op->records_first,
                                                     .n = e->records_n - op->records_first,
                                                     .producer_id = op->producer_id,
                                                     .producer_epoch = op->producer_epoch};
}

static void op_free(struct grp_shard *s, struct grp_op *op)
{
    list_remove(&op->link);
    LIST_FOREACH(n, &op->changes) grp_change_done(s, LIST_ENTRY(n, struct grp_change, of_op), false);
    for (size_t i = 0; i < op->groups_n; i++) {
        op->groups[i]->refs--;
        grp_maybe_free(s, op->groups[i]);
    }
    for (size_t i = 0; i < op->assigned_n; i++) {
        grp_disown(&op->assigned[i].member_id);
        grp_disown(&op->assigned[i].assignment);
    }
    grp_disown(&op->member_id);
    grp_disown(&op->old_member_id);
    grp_disown(&op->leader);
    grp_protocols_free(op->protocols, op->protocols_n);
    free(op->assigned);
    free(op->groups);
    free(op);
}

int16_t grp_append_error(int err)
{
    switch (err) {
    case 0:
        return KERR_NONE;
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ERR_REQUEST_TIMED_OUT:
        return KERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
        return KERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_INVALID_FETCH_SIZE:
        return KERR_UNKNOWN_SERVER_ERROR;
    default: {
        int16_t code = err_kafka(err);
        return code == KERR_KAFKA_STORAGE_ERROR ? (int16_t)KERR_NOT_COORDINATOR : code;
    }
    }
}

static void first_error(int16_t *at, int16_t error)
{
    if (*at == KERR_NONE) *at = error;
}

/* A response that told of success tells of error instead. */
static void spoil(enum grp_event_type request, void *response, int16_t error)
{
    switch (request) {
    case GRP_LEAVE: {
        struct kp_leave_group_response *r = response;
        r->error_code = error;
        r->members_n = 0;
        break;
    }
    case GRP_OFFSET_COMMIT: {
        struct kp_offset_commit_response *r = response;
        if (error == KERR_UNKNOWN_SERVER_ERROR) error = KERR_INVALID_COMMIT_OFFSET_SIZE;
        for (int32_t t = 0; t < r->topics_n; t++)
            for (int32_t p = 0; p < r->topics[t].partitions_n; p++)
                first_error(&r->topics[t].partitions[p].error_code, error);
        break;
    }
    case GRP_TXN_OFFSET_COMMIT: {
        struct kp_txn_offset_commit_response *r = response;
        if (error == KERR_UNKNOWN_SERVER_ERROR) error = KERR_INVALID_COMMIT_OFFSET_SIZE;
        for (int32_t t = 0; t < r->topics_n; t++)
            for (int32_t p = 0; p < r->topics[t].partitions_n; p++)
                first_error(&r->topics[t].partitions[p].error_code, error);
        break;
    }
    case GRP_OFFSET_DELETE: {
        struct kp_offset_delete_response *r = response;
        r->error_code = error;
        r->topics_n = 0;
        break;
    }
    case GRP_DELETE: {
        struct kp_delete_groups_response *r = response;
        for (int32_t i = 0; i < r->results_n; i++) first_error(&r->results[i].error_code, error);
        break;
    }
    default:
        ASSERT(false);
    }
}

static void appended(struct grp_ctx *c)
{
    struct grp_op *op = NULL;
    int error = c->ev->appended.error;
    LIST_FOREACH(n, &c->s->ops)
    {
        struct grp_op *o = LIST_ENTRY(n, struct grp_op, link);
        if (o->token == c->ev->appended.token) op = o;
        if (op || o->token > c->ev->appended.token) break; /* they are in the order of their tokens */
    }
    if (!op) return; /* from before an unload */
    if (!error)
        LIST_FOREACH(n, &op->changes) grp_change_done(c->s, LIST_ENTRY(n, struct grp_change, of_op), true);
    for (size_t i = 0; error && op->deletes && i < op->groups_n; i++) op->groups[i]->deleted = false;
    if (op->kind == GRP_OP_SYNC) grp_sync_done(c, op, error);
    if (op->kind == GRP_OP_STATIC) grp_static_done(c, op, error);
    if (op->kind == GRP_OP_NEW_GROUP && error) grp_new_group_failed(c, op, error);
    if (op->waiter) {
        if (error) spoil(op->request, op->response, grp_append_error(error));
        grp_reply(c, op->waiter, op->response);
    }
    op_free(c->s, op);
    grp_write_end(c, NULL, NULL);
}

/* ---- refusing whole requests ---- */

void grp_join_reject(struct grp_ctx *c, struct grp_waiter *w, struct slice member_id, int16_t error)
{
    struct kp_join_group_response *r = arena_alloc(w->arena, sizeof *r);
    kp_join_group_response_init(r);
    r->error_code = error;
    r->member_id = arena_slice_dup(w->arena, member_id);
    grp_reply(c, w, r);
}

void grp_sync_reject(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    struct kp_sync_group_response *r = arena_alloc(w->arena, sizeof *r);
    kp_sync_group_response_init(r);
    r->error_code = error;
    grp_reply(c, w, r);
}

static void reject_leave(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    struct kp_leave_group_response *r = arena_alloc(w->arena, sizeof *r);
    kp_leave_group_response_init(r);
    r->error_code = error;
    grp_reply(c, w, r);
}

static void reject_heartbeat(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    struct kp_heartbeat_response *r = arena_alloc(w->arena, sizeof *r);
    kp_heartbeat_response_init(r);
    /* Consumers would take this error for a lost coordinator. */
    r->error_code = error == KERR_COORDINATOR_LOAD_IN_PROGRESS ? (int16_t)KERR_NONE : error;
    grp_reply(c, w, r);
}

static void reject_commit(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    const struct kp_offset_commit_request *q = c->ev->offset_commit;
    struct kp_offset_commit_response *r = arena_alloc(w->arena, sizeof *r);
    kp_offset_commit_response_init(r);
    r->topics = arena_zalloc(w->arena, (size_t)q->topics_n, sizeof *r->topics);
    r->topics_n = q->topics_n;
    for (int32_t t = 0; t < q->topics_n; t++) {
        r->topics[t].name = arena_slice_dup(w->arena, q->topics[t].name);
        r->topics[t].topic_id = q->topics[t].topic_id;
        r->topics[t].partitions_n = q->topics[t].partitions_n;
        r->topics[t].partitions =
            arena_zalloc(w->arena, (size_t)q->topics[t].partitions_n, sizeof *r->topics[t].partitions);
        for (int32_t p = 0; p < q->topics[t].partitions_n; p++) {
            r->topics[t].partitions[p].partition_index = q->topics[t].partitions[p].partition_index;
            r->topics[t].partitions[p].error_code = error;
        }
    }
    grp_reply(c, w, r);
}

static void reject_txn_commit(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    const struct kp_txn_offset_commit_request *q = c->ev->txn_offset_commit;
    struct kp_txn_offset_commit_response *r = arena_alloc(w->arena, sizeof *r);
    kp_txn_offset_commit_response_init(r);
    r->topics = arena_zalloc(w->arena, (size_t)q->topics_n, sizeof *r->topics);
    r->topics_n = q->topics_n;
    for (int32_t t = 0; t < q->topics_n; t++) {
        r->topics[t].name = arena_slice_dup(w->arena, q->topics[t].name);
        r->topics[t].partitions_n = q->topics[t].partitions_n;
        r->topics[t].partitions =
            arena_zalloc(w->arena, (size_t)q->topics[t].partitions_n, sizeof *r->topics[t].partitions);
        for (int32_t p = 0; p < q->topics[t].partitions_n; p++) {
            r->topics[t].partitions[p].partition_index = q->topics[t].partitions[p].partition_index;
            r->topics[t].partitions[p].error_code = error;
        }
    }
    grp_reply(c, w, r);
}

static void reject_fetch(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    const struct kp_offset_fetch_request_offset_fetch_request_group *q = c->ev->offset_fetch.group;
    struct kp_offset_fetch_response_offset_fetch_response_group *r = arena_alloc(w->arena, sizeof *r);
    kp_offset_fetch_response_offset_fetch_response_group_init(r);
    r->group_id = arena_slice_dup(w->arena, q->group_id);
    r->error_code = error;
    /* Version 1 has no place for the error but the partitions. */
    int32_t n = w->version < 2 && q->topics_n > 0 ? q->topics_n : 0;
    r->topics = arena_zalloc(w->arena, (size_t)n, sizeof *r->topics);
    r->topics_n = n;
    for (int32_t t = 0; t < n; t++) {
        r->topics[t].name = arena_slice_dup(w->arena, q->topics[t].name);
        r->topics[t].partitions_n = q->topics[t].partition_indexes_n;
        r->topics[t].partitions =
            arena_zalloc(w->arena, (size_t)q->topics[t].partition_indexes_n, sizeof *r->topics[t].partitions);
        for (int32_t p = 0; p < q->topics[t].partition_indexes_n; p++) {
            kp_offset_fetch_response_offset_fetch_response_partitions_init(&r->topics[t].partitions[p]);
            r->topics[t].partitions[p].partition_index = q->topics[t].partition_indexes[p];
            r->topics[t].partitions[p].committed_offset = -1;
            r->topics[t].partitions[p].metadata = KP_EMPTY;
            r->topics[t].partitions[p].error_code = error;
        }
    }
    grp_reply(c, w, r);
}

static void reject_offset_delete(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    struct kp_offset_delete_response *r = arena_alloc(w->arena, sizeof *r);
    kp_offset_delete_response_init(r);
    r->error_code = error;
    grp_reply(c, w, r);
}

static void reject_describe(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    const struct kp_describe_groups_request *q = c->ev->describe;
    struct kp_describe_groups_response *r = arena_alloc(w->arena, sizeof *r);
    kp_describe_groups_response_init(r);
    r->groups = arena_zalloc(w->arena, (size_t)q->groups_n, sizeof *r->groups);
    r->groups_n = q->groups_n;
    for (int32_t i = 0; i < q->groups_n; i++) {
        kp_describe_groups_response_described_group_init(&r->groups[i]);
        r->groups[i].group_id = arena_slice_dup(w->arena, q->groups[i]);
        r->groups[i].error_code = error;
    }
    grp_reply(c, w, r);
}

static void reject_list(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    struct kp_list_groups_response *r = arena_alloc(w->arena, sizeof *r);
    kp_list_groups_response_init(r);
    r->error_code = error;
    grp_reply(c, w, r);
}

static void reject_delete(struct grp_ctx *c, struct grp_waiter *w, int16_t error)
{
    const struct kp_delete_groups_request *q = c->ev->delete;
    struct kp_delete_groups_response *r = arena_alloc(w->arena, sizeof *r);
    kp_delete_groups_response_init(r);
    r->results = arena_zalloc(w->arena, (size_t)q->groups_names_n, sizeof *r->results);
    r->results_n = q->groups_names_n;
    for (int32_t i = 0; i < q->groups_names_n; i++) {
        r->results[i].group_id = arena_slice_dup(w->arena, q->groups_names[i]);
        r->results[i].error_code = error;
    }
    grp_reply(c, w, r);
}

void grp_reject(struct grp_ctx *c, int16_t error)
{
    struct grp_waiter *w = c->ev->waiter;
    switch (c->ev->type) {
    case GRP_JOIN:
        grp_join_reject(c, w, c->ev->join->member_id, error);
        break;
    case GRP_SYNC:
        grp_sync_reject(c, w, error);
        break;
    case GRP_HEARTBEAT:
        reject_heartbeat(c, w, error);
        break;
    case GRP_LEAVE:
        reject_leave(c, w, error);
        break;
    case GRP_OFFSET_COMMIT:
        reject_commit(c, w, error);
        break;
    case GRP_TXN_OFFSET_COMMIT:
        reject_txn_commit(c, w, error);
        break;
    case GRP_OFFSET_FETCH:
        reject_fetch(c, w, error);
        break;
    case GRP_OFFSET_DELETE:
        reject_offset_delete(c, w, error);
        break;
    case GRP_DESCRIBE:
        reject_describe(c, w, error);
        break;
    case GRP_LIST:
        reject_list(c, w, error);
        break;
    case GRP_DELETE:
        reject_delete(c, w, error);
        break;
    default:
        ASSERT(false);
    }
}

/* ---- loading and unloading ---- */

static struct grp_group **all_groups(const struct grp_shard *s, size_t *n)
{
    struct grp_group **list = xcalloc(s->groups.n + 1, sizeof(struct grp_group *));
    *n = 0;
    MAP_FOREACH(it, struct grp_group, g, &s->groups) list[(*n)++] = g;
    return list;
}

static void loaded(struct grp_ctx *c)
{
    size_t n;
    ASSERT(c->s->state == GRP_LOADING);
    c->s->state = GRP_ACTIVE;
    struct grp_group **groups = all_groups(c->s, &n);
    for (size_t i = 0; i < n; i++)
        if (!groups[i]->deleted) grp_loaded(c, groups[i]);
    free(groups);
    grp_timer_set(c->s, c->s->cleanup, c->mono_ms + c->s->config.offsets_retention_check_ms);
}

static void txns_clear(struct grp_shard *s)
{
    for (;;) {
        size_t it = 0;
        struct grp_txn *t = map_next(&s->txns, &it);
        if (!t) break;
        grp_txn_end(s, t->producer_id, false);
    }
}

static void clear(struct grp_shard *s)
{
    size_t n;
    LIST_FOREACH(link, &s->ops) op_free(s, LIST_ENTRY(link, struct grp_op, link));
    txns_clear(s);
    struct grp_group **groups = all_groups(s, &n);
    for (size_t i = 0; i < n; i++) {
        for (;;) {
            size_t it = 0;
            struct grp_offset *o = map_next(&groups[i]->offsets, &it);
            if (!o) break;
            grp_offset_free(s, o);
        }
        grp_group_free(s, groups[i]);
    }
    free(groups);
    grp_timer_cancel(s, s->cleanup);
}

static void unload(struct grp_ctx *c)
{
    size_t n;
    struct grp_shard *s = c->s;
    LIST_FOREACH(link, &s->ops)
    {
        struct grp_op *op = LIST_ENTRY(link, struct grp_op, link);
        if (!op->waiter) continue;
        spoil(op->request, op->response, KERR_NOT_COORDINATOR);
        grp_reply(c, op->waiter, op->response);
    }
    struct grp_group **groups = all_groups(s, &n);
    for (size_t i = 0; i < n; i++) grp_dismiss(c, groups[i]);
    free(groups);
    clear(s);
    s->state = GRP_UNLOADED;
}

void grp_configure(struct grp_shard *s, const struct grp_config *config)
{
    uint64_t seed = s->config.hash_seed;
    s->config = *config;
    s->config.hash_seed = seed;
}

void grp_init(struct grp_shard *s, const struct grp_config *config)
{
    *s = (struct grp_shard){.config = *config, .state = GRP_LOADING, .token_next = 1};
    map_init(&s->groups);
    map_init(&s->txns);
    list_init(&s->ops);
    s->cleanup = xcalloc(1, sizeof *s->cleanup);
    s->cleanup->kind = GRP_TIMER_CLEANUP;
}

void grp_fini(struct grp_shard *s)
{
    MAP_FOREACH(it, struct grp_group, g, &s->groups)
    {
        LIST_FOREACH(n, &g->members)
        {
            struct grp_member *m = LIST_ENTRY(n, struct grp_member, in_group);
            m->join = m->sync = NULL;
        }
    }
    clear(s);
    map_fini(&s->groups);
    map_fini(&s->txns);
    heap_fini(&s->timers);
    free(s->cleanup);
    *s = (struct grp_shard){0};
}

/* ---- the step ---- */

static void on_request(struct grp_ctx *c)
{
    switch (c->ev->type) {
    case GRP_JOIN:
        grp_on_join(c);
        break;
    case GRP_SYNC:
        grp_on_sync(c);
        break;
    case GRP_HEARTBEAT:
        grp_on_heartbeat(c);
        break;
    case GRP_LEAVE:
        grp_on_leave(c);
        break;
    case GRP_OFFSET_COMMIT:
        grp_on_offset_commit(c);
        break;
    case GRP_TXN_OFFSET_COMMIT:
        grp_on_txn_offset_commit(c);
        break;
    case GRP_OFFSET_FETCH:
        grp_on_offset_fetch(c);
        break;
    case GRP_OFFSET_DELETE:
        grp_on_offset_delete(c);
        break;
    case GRP_DESCRIBE:
        grp_on_describe(c);
        break;
    case GRP_LIST:
        grp_on_list(c);
        break;
    case GRP_DELETE:
        grp_on_delete(c);
        break;
    default:
        ASSERT(false);
    }
}

static void tick(struct grp_ctx *c)
{
    struct grp_timer *t;
    while (c->s->state == GRP_ACTIVE && (t = grp_timer_due(c->s, c->mono_ms)) != NULL) {
        if (t->kind == GRP_TIMER_CLEANUP) {
            grp_timer_set(c->s, t, c->mono_ms + max_i64(c->s->config.offsets_retention_check_ms, 1));
            grp_on_cleanup(c);
        } else {
            grp_on_timer(c, t);
        }
        grp_write_end(c, NULL, NULL);
    }
}

int grp_step(struct grp_shard *s, const struct grp_event *ev, struct grp_effects *effects)
{
    struct grp_ctx c = {.s = s, .e = effects, .ev = ev, .now_ms = ev->now_ms, .mono_ms = ev->mono_ms};
    int rc = 0;
    s->nobody.arena = &effects->arena;
    switch (ev->type) {
    case GRP_TICK:
        tick(&c);
        break;
    case GRP_APPENDED:
        appended(&c);
        break;
    case GRP_CANCEL:
        grp_on_cancel(&c);
        break;
    case GRP_TOPIC_DELETED:
        if (s->state == GRP_ACTIVE) grp_on_topic_deleted(&c);
        break;
    case GRP_TXN_END:
        grp_txn_end(s, ev->txn_end.producer_id, ev->txn_end.commit);
        break;
    case GRP_LOAD_RECORD:
        ASSERT(s->state != GRP_ACTIVE);
        s->state = GRP_LOADING;
        rc = grp_load_record(&c);
        break;
    case GRP_LOADED:
        if (s->state == GRP_UNLOADED) s->state = GRP_LOADING;
        loaded(&c);
        break;
    case GRP_UNLOAD:
        unload(&c);
        break;
    default:
        if (s->state == GRP_ACTIVE) on_request(&c);
        else
            grp_reject(&c,
                       s->state == GRP_LOADING ? KERR_COORDINATOR_LOAD_IN_PROGRESS : KERR_NOT_COORDINATOR);
        break;
    }
    grp_write_end(&c, NULL, NULL);
    effects->deadline_ms = heap_first_key(&s->timers);
    return rc;
}
