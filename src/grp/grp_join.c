/* The rebalance of a classic group.
 *
 *            first join: prepare_rebalance            all joined, or time is up: complete_join
 *   Empty ----------------------------> Preparing --------------------------------------> Completing
 *     ^                                   | ^ ^                                             |   |
 *     |  complete_join, nobody is left    | | |  a member joins, leaves or expires          |   |
 *     +-----------------------------------+ | +---------------------------------------------+   |
 *                                           |                                                   |
 *                                           |  a member joins,           grp_sync_done:         |
 *                                           |  leaves or expires         assignments stored     |
 *                                           +------------------ Stable <------------------------+
 *
 * The leader's SyncGroup leads to Stable only when the assignments are committed to the log. KIP-394 (member
 * id required), KIP-345 (static members), KIP-134 (delay of the first rebalance), KIP-814 (static leader). */
#include "grp/grp_int.h"
#include <stdio.h>
#include <stdlib.h>

#define NEW_MEMBER_JOIN_TIMEOUT_MS (5 * 60 * 1000)

static void complete_join(struct grp_ctx *c, struct grp_group *g);

void grp_heartbeat_restart(struct grp_ctx *c, struct grp_member *m)
{
    grp_timer_set(c->s, &m->heartbeat, c->mono_ms + m->session_timeout_ms);
}

/* ---- answering members that wait ---- */

static void joined_members(const struct grp_group *g, struct arena *a, struct kp_join_group_response *r)
{
    r->members = arena_zalloc(a, g->members_n, sizeof *r->members);
    LIST_FOREACH(l, &g->members)
    {
        const struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        const struct grp_protocol *p = grp_protocol_find(m, g->protocol);
        struct kp_join_group_response_join_group_response_member *to = &r->members[r->members_n++];
        to->member_id = arena_slice_dup(a, m->id);
        to->group_instance_id = m->instance_id.p ? arena_slice_dup(a, m->instance_id) : m->instance_id;
        to->metadata = p ? arena_slice_dup(a, p->metadata) : KP_EMPTY;
    }
}

static struct slice dup_nullable(struct arena *a, struct slice s)
{
    return s.p ? arena_slice_dup(a, s) : s;
}

static struct kp_join_group_response *joined(const struct grp_group *g, struct arena *a,
                                             struct slice member_id, struct slice leader)
{
    struct kp_join_group_response *r = arena_alloc(a, sizeof *r);
    kp_join_group_response_init(r);
    r->generation_id = g->generation;
    r->protocol_type = dup_nullable(a, g->protocol_type);
    r->protocol_name = dup_nullable(a, g->protocol);
    r->leader = leader.p ? arena_slice_dup(a, leader) : KP_EMPTY;
    r->member_id = arena_slice_dup(a, member_id);
    return r;
}

/* The state of this generation, with the members for the leader. */
static void reply_joined(struct grp_ctx *c, const struct grp_group *g, const struct grp_member *m,
                         struct grp_waiter *w)
{
    struct kp_join_group_response *r = joined(g, w->arena, m->id, g->leader);
    if (grp_is_leader(g, m)) joined_members(g, w->arena, r);
    grp_reply(c, w, r);
}

static struct grp_waiter *take_join(struct grp_group *g, struct grp_member *m)
{
    struct grp_waiter *w = m->join;
    if (w) g->joins--;
    m->join = NULL;
    return w;
}

static void reject_join_of(struct grp_ctx *c, struct grp_group *g, struct grp_member *m, struct slice id,
                           int16_t error)
{
    struct grp_waiter *w = take_join(g, m);
    if (w) grp_join_reject(c, w, id, error);
}

static void reject_sync_of(struct grp_ctx *c, struct grp_member *m, int16_t error)
{
    if (m->sync) grp_sync_reject(c, m->sync, error);
    m->sync = NULL;
}

static void reply_assignment(struct grp_ctx *c, const struct grp_group *g, const struct grp_member *m,
                             struct grp_waiter *w)
{
    struct kp_sync_group_response *r = arena_alloc(w->arena, sizeof *r);
    kp_sync_group_response_init(r);
    r->protocol_type = dup_nullable(w->arena, g->protocol_type);
    r->protocol_name = dup_nullable(w->arena, g->protocol);
    r->assignment = arena_slice_dup(w->arena, m->assignment);
    grp_reply(c, w, r);
}

/* Sessions restart: they may have run out unheeded while the member waited. */
static void propagate(struct grp_ctx *c, struct grp_group *g, int16_t error)
{
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        struct grp_waiter *w = m->sync;
        if (!w) continue;
        m->sync = NULL;
        if (error) grp_sync_reject(c, w, error);
        else reply_assignment(c, g, m, w);
        grp_heartbeat_restart(c, m);
    }
}

static void reset_and_propagate(struct grp_ctx *c, struct grp_group *g, int16_t error)
{
    LIST_FOREACH(l, &g->members)
    grp_replace(&LIST_ENTRY(l, struct grp_member, in_group)->assignment, slice_cstr(""));
    propagate(c, g, error);
}

/* A member goes: what waits for it is told so. */
static void remove_member(struct grp_ctx *c, struct grp_group *g, struct grp_member *m)
{
    reject_join_of(c, g, m, slice_cstr(""), KERR_UNKNOWN_MEMBER_ID);
    reject_sync_of(c, m, KERR_UNKNOWN_MEMBER_ID);
    grp_member_remove(c->s, g, m->id);
}

/* ---- the join phase ---- */

static void complete_join_or_schedule(struct grp_ctx *c, struct grp_group *g)
{
    if (grp_all_joined(g)) {
        complete_join(c, g);
        return;
    }
    g->initial_delay = false;
    grp_timer_set(c->s, &g->join_timer, c->mono_ms + grp_rebalance_timeout(g));
}

static void prepare_rebalance(struct grp_ctx *c, struct grp_group *g)
{
    if (g->state == GRP_COMPLETING_REBALANCE) reset_and_propagate(c, g, KERR_REBALANCE_IN_PROGRESS);
    grp_timer_cancel(c->s, &g->sync_timer);
    bool initial = g->state == GRP_EMPTY;
    grp_move(g, GRP_PREPARING_REBALANCE, c->now_ms);
    if (!initial) {
        complete_join_or_schedule(c, g);
        return;
    }
    /* The group is new: give more members the time to come. */
    int32_t delay_ms = c->s->config.initial_rebalance_delay_ms, timeout_ms = grp_rebalance_timeout(g);
    g->initial_delay = true;
    g->delay_ms = delay_ms;
    g->remaining_ms = timeout_ms > delay_ms ? timeout_ms - delay_ms : 0;
    grp_timer_set(c->s, &g->join_timer, c->mono_ms + delay_ms);
}

static void complete_join_if_all(struct grp_ctx *c, struct grp_group *g)
{
    if (g->state == GRP_PREPARING_REBALANCE && grp_all_joined(g) && g->previous != GRP_EMPTY)
        complete_join(c, g);
}

static void rebalance(struct grp_ctx *c, struct grp_group *g)
{
    if (g->state == GRP_STABLE || g->state == GRP_COMPLETING_REBALANCE || g->state == GRP_EMPTY)
        prepare_rebalance(c, g);
    else complete_join_if_all(c, g);
}

/* If the leader did not come back, another member that did leads. */
static bool elect_leader(struct grp_group *g)
{
    if (!g->leader.p) return false;
    const struct grp_member *leader = grp_member_find(g, g->leader);
    if (leader && leader->join) return true;
    LIST_FOREACH(l, &g->members)
    {
        const struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        if (!m->join) continue;
        grp_replace(&g->leader, m->id);
        return true;
    }
    return false;
}

static void next_generation(struct grp_ctx *c, struct grp_group *g)
{
    g->generation++;
    grp_replace(&g->protocol, g->members_n ? grp_select_protocol(g) : (struct slice){0});
    grp_subscriptions_update(g);
    if (g->members_n) {
        grp_move(g, GRP_COMPLETING_REBALANCE, c->now_ms);
    } else {
        grp_move(g, GRP_EMPTY, c->now_ms);
    }
}

static void complete_join(struct grp_ctx *c, struct grp_group *g)
{
    grp_timer_cancel(c->s, &g->join_timer);
    /* Dynamic members that have not joined are out; static ones keep their place until their session ends. */
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        if (!m->join && !m->instance_id.p) remove_member(c, g, m);
    }
    if (!elect_leader(g) && g->members_n) {
        g->initial_delay = false;
        grp_timer_set(c->s, &g->join_timer, c->mono_ms + grp_rebalance_timeout(g));
        return;
    }
    next_generation(c, g);
    if (g->state == GRP_EMPTY) {
        grp_record_group(c, g, NULL, 0);
        return;
    }
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        struct grp_waiter *w = take_join(g, m);
        if (w) reply_joined(c, g, m, w);
        grp_heartbeat_restart(c, m);
        m->is_new = false;
        m->pending_sync = true;
    }
    g->sync_generation = g->generation;
    grp_timer_set(c->s, &g->sync_timer, c->mono_ms + grp_rebalance_timeout(g));
}

static void initial_delay_over(struct grp_ctx *c, struct grp_group *g)
{
    if (!g->new_member_added || g->remaining_ms == 0) {
        complete_join(c, g);
        return;
    }
    g->new_member_added = false;
    int32_t delay_ms = c->s->config.initial_rebalance_delay_ms;
    if (delay_ms > g->remaining_ms) delay_ms = g->remaining_ms;
    g->remaining_ms = g->remaining_ms > g->delay_ms ? g->remaining_ms - g->delay_ms : 0;
    g->delay_ms = delay_ms;
    grp_timer_set(c->s, &g->join_timer, c->mono_ms + delay_ms);
}

/* ---- JoinGroup ---- */

static int32_t rebalance_timeout_of(const struct grp_ctx *c)
{
    return c->ev->waiter->version == 0 ? c->ev->join->session_timeout_ms : c->ev->join->rebalance_timeout_ms;
}

static void protocols_set(struct grp_group *g, struct grp_member *m, const struct kp_join_group_request *q)
{
    struct grp_protocol *p = xcalloc((size_t)q->protocols_n + 1, sizeof *p);
    for (int32_t i = 0; i < q->protocols_n; i++)
        p[i] = (struct grp_protocol){q->protocols[i].name, q->protocols[i].metadata};
    grp_member_protocols(g, m, p, (size_t)q->protocols_n);
    free(p);
}

static bool protocols_same(const struct grp_member *m, const struct kp_join_group_request *q)
{
    bool same = m->protocols_n == (size_t)q->protocols_n;
    for (size_t i = 0; same && i < m->protocols_n; i++)
        same = slice_eq(m->protocols[i].name, q->protocols[i].name) &&
               slice_eq(m->protocols[i].metadata, q->protocols[i].metadata);
    return same;
}

static void wait_for_join(struct grp_ctx *c, struct grp_group *g, struct grp_member *m)
{
    /* Only a client that gave up on its earlier request sends a second one. */
    reject_join_of(c, g, m, m->id, KERR_REBALANCE_IN_PROGRESS);
    m->join = c->ev->waiter;
    m->join->member = m;
    g->joins++;
}

static void update_member(struct grp_ctx *c, struct grp_group *g, struct grp_member *m)
{
    protocols_set(g, m, c->ev->join);
    m->rebalance_timeout_ms = rebalance_timeout_of(c);
    m->session_timeout_ms = c->ev->join->session_timeout_ms;
    wait_for_join(c, g, m);
}

static void add_member(struct grp_ctx *c, struct grp_group *g, struct slice id)
{
    const struct kp_join_group_request *q = c->ev->join;
    struct grp_member *m = grp_member_new(g, id, q->group_instance_id);
    m->client_id = grp_own(c->ev->client_id.p ? c->ev->client_id : slice_cstr(""));
    m->client_host = grp_own(c->ev->client_host.p ? c->ev->client_host : slice_cstr(""));
    m->rebalance_timeout_ms = rebalance_timeout_of(c);
    m->session_timeout_ms = q->session_timeout_ms;
    m->is_new = true;
    protocols_set(g, m, q);
    if (g->state == GRP_PREPARING_REBALANCE && g->previous == GRP_EMPTY) g->new_member_added = true;
    grp_member_remove(c->s, g, id); /* as a pending one */
    if (!g->members_n) grp_replace(&g->protocol_type, q->protocol_type);
    if (!g->leader.p || !grp_member_find(g, g->leader)) grp_replace(&g->leader, m->id);
    grp_member_add(g, m);
    wait_for_join(c, g, m);
    /* It has no id yet with which to send heartbeats, and its connection may be gone: it cannot wait for
     * ever. */
    grp_timer_set(c->s, &m->heartbeat, c->mono_ms + NEW_MEMBER_JOIN_TIMEOUT_MS);
    rebalance(c, g);
}

static struct slice new_member_id(const struct grp_ctx *c)
{
    const struct kp_join_group_request *q = c->ev->join;
    struct slice prefix = q->group_instance_id.p ? q->group_instance_id : c->ev->client_id;
    const uint8_t *b = c->ev->random.b;
    char tail[48];
    int n = snprintf(
        tail, sizeof tail, "-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
        b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    uint8_t *id = arena_alloc(&c->e->arena, prefix.n + (size_t)n);
    if (prefix.n) memcpy(id, prefix.p, prefix.n);
    memcpy(id + prefix.n, tail, (size_t)n);
    return slice_of(id, prefix.n + (size_t)n);
}

/* The same static member under a new id; whoever waits under the old one is fenced. */
static void replace_static(struct grp_ctx *c, struct grp_group *g, struct grp_member *m, struct slice new_id)
{
    reject_join_of(c, g, m, m->id, KERR_FENCED_INSTANCE_ID);
    reject_sync_of(c, m, KERR_FENCED_INSTANCE_ID);
    if (grp_is_leader(g, m)) grp_replace(&g->leader, new_id);
    grp_member_rename(g, m, new_id);
    m->is_new = false;
}

static void rejoin_static(struct grp_ctx *c, struct grp_group *g, struct grp_member *m, struct slice new_id)
{
    struct arena *a = &c->e->arena;
    struct slice old_leader = dup_nullable(a, g->leader), old_id = arena_slice_dup(a, m->id);
    int32_t old_rebalance_ms = m->rebalance_timeout_ms, old_session_ms = m->session_timeout_ms;
    struct grp_protocol *old_protocols;
    size_t old_protocols_n = m->protocols_n;
    grp_protocols_copy(&old_protocols, m->protocols, m->protocols_n);
    replace_static(c, g, m, new_id);
    grp_heartbeat_restart(c, m);
    update_member(c, g, m);

    if (g->state == GRP_STABLE && g->protocol.p && slice_eq(g->protocol, grp_select_protocol(g))) {
        /* The generation stays; the new id is stored before it is told. */
        grp_record_group(c, g, NULL, 0);
        struct grp_op *op = grp_write(c, g);
        op->kind = GRP_OP_STATIC;
        op->generation = g->generation;
        op->member_id = grp_own(new_id);
        op->old_member_id = grp_own(old_id);
        op->leader = grp_own(old_leader);
        op->protocols = old_protocols;
        op->protocols_n = old_protocols_n;
        op->rebalance_timeout_ms = old_rebalance_ms;
        op->session_timeout_ms = old_session_ms;
        op->version = c->ev->waiter->version;
        return;
    }
    grp_protocols_free(old_protocols, old_protocols_n);
    rebalance(c, g);
}

void grp_static_done(struct grp_ctx *c, struct grp_op *op, int error)
{
    struct grp_group *g = op->groups[0];
    struct grp_member *m = grp_member_find(g, op->member_id);
    /* Replaced again, gone, or in a rebalance by now, whose end answers it. */
    if (!m || g->state != GRP_STABLE || g->generation != op->generation) return;
    struct grp_waiter *w = take_join(g, m);
    /* The session may have run out unheeded while the member waited for the log. */
    grp_heartbeat_restart(c, m);
    if (error) {
        grp_member_protocols(g, m, op->protocols, op->protocols_n);
        m->rebalance_timeout_ms = op->rebalance_timeout_ms;
        m->session_timeout_ms = op->session_timeout_ms;
        if (grp_is_leader(g, m)) grp_replace(&g->leader, op->old_member_id);
        grp_member_rename(g, m, op->old_member_id);
        if (!w) return;
        struct kp_join_group_response *r = joined(g, w->arena, slice_cstr(""), op->leader);
        r->error_code = grp_append_error(error);
        grp_reply(c, w, r);
        return;
    }
    if (!w) return;
    bool skips = op->version >= 9;
    struct kp_join_group_response *r = joined(g, w->arena, m->id, skips ? g->leader : op->leader);
    if (skips && grp_is_leader(g, m)) {
        /* It may watch over the assignment as a leader does, but must not compute another. */
        joined_members(g, w->arena, r);
        r->skip_assignment = true;
    }
    grp_reply(c, w, r);
}

static void join_new(struct grp_ctx *c, struct grp_group *g)
{
    const struct kp_join_group_request *q = c->ev->join;
    struct grp_waiter *w = c->ev->waiter;
    if (!grp_supports(g, q->protocol_type, q->protocols, q->protocols_n)) {
        grp_join_reject(c, w, slice_cstr(""), KERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    struct slice id = new_member_id(c);
    struct grp_member *m = q->group_instance_id.p ? grp_static_find(g, q->group_instance_id) : NULL;
    if (m) {
        rejoin_static(c, g, m, id);
    } else if (!q->group_instance_id.p && w->version >= 4) {
        grp_pending_add(c->s, g, id, c->mono_ms + q->session_timeout_ms);
        grp_join_reject(c, w, id, KERR_MEMBER_ID_REQUIRED);
    } else {
        add_member(c, g, id);
    }
}

static void join_known(struct grp_ctx *c, struct grp_group *g)
{
    const struct kp_join_group_request *q = c->ev->join;
    struct grp_waiter *w = c->ev->waiter;
    if (!grp_supports(g, q->protocol_type, q->protocols, q->protocols_n)) {
        grp_join_reject(c, w, q->member_id, KERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    if (grp_pending_find(g, q->member_id) && !q->group_instance_id.p) {
        add_member(c, g, q->member_id);
        return;
    }
    int error = grp_validate_member(g, q->member_id, q->group_instance_id);
    if (error) {
        grp_join_reject(c, w, q->member_id, (int16_t)error);
        return;
    }
    struct grp_member *m = grp_member_find(g, q->member_id);
    bool same = protocols_same(m, q);
    if (g->state == GRP_EMPTY) {
        grp_join_reject(c, w, q->member_id, KERR_UNKNOWN_MEMBER_ID);
    } else if ((g->state == GRP_COMPLETING_REBALANCE && same) ||
               (g->state == GRP_STABLE && same && !grp_is_leader(g, m))) {
        /* It may have missed the answer: the generation goes on. A stable group's leader, though, may have
         * seen topics change, which no metadata shows. */
        reply_joined(c, g, m, w);
    } else {
        update_member(c, g, m);
        rebalance(c, g);
    }
}

static bool accepts(const struct grp_ctx *c, const struct grp_group *g, struct slice member_id)
{
    size_t max = (size_t)c->s->config.size_max;
    const struct grp_member *m = grp_member_find(g, member_id);
    switch (g->state) {
    case GRP_PREPARING_REBALANCE:
        return (m && m->join) || g->joins < max;
    case GRP_COMPLETING_REBALANCE:
    case GRP_STABLE:
        return m || g->members_n < max;
    default:
        return true;
    }
}

void grp_on_join(struct grp_ctx *c)
{
    const struct kp_join_group_request *q = c->ev->join;
    if (q->group_id.n == 0) {
        grp_reject(c, KERR_INVALID_GROUP_ID);
        return;
    }
    if (q->session_timeout_ms < c->s->config.session_timeout_ms_min ||
        q->session_timeout_ms > c->s->config.session_timeout_ms_max) {
        grp_reject(c, KERR_INVALID_SESSION_TIMEOUT);
        return;
    }
    bool unknown = q->member_id.n == 0;
    struct grp_group *g = grp_find(c->s, q->group_id);
    bool is_new = !g;
    if (!g && !unknown) {
        grp_reject(c, KERR_UNKNOWN_MEMBER_ID);
        return;
    }
    if (!g) g = grp_create(c, q->group_id);
    if (!accepts(c, g, q->member_id)) {
        struct grp_member *m = grp_member_find(g, q->member_id);
        if (m) remove_member(c, g, m);
        else grp_member_remove(c->s, g, q->member_id);
        grp_join_reject(c, c->ev->waiter, slice_cstr(""), KERR_GROUP_MAX_SIZE_REACHED);
    } else if (unknown) {
        join_new(c, g);
    } else {
        join_known(c, g);
    }
    if (is_new && !c->op) {
        grp_record_new_group(c, g);
        c->op->kind = GRP_OP_NEW_GROUP;
    }
}

/* The log has no group: neither have we. */
void grp_new_group_failed(struct grp_ctx *c, struct grp_op *op, int error)
{
    struct grp_group *g = op->groups[0];
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        reject_join_of(c, g, m, slice_cstr(""), grp_append_error(error));
        reject_sync_of(c, m, grp_append_error(error));
    }
    grp_clear_members(c->s, g);
    g->state = g->previous = GRP_EMPTY;
    g->recorded = false;
}

/* ---- SyncGroup ---- */

static bool differs(struct slice asked, struct slice is)
{
    return asked.p && !(is.p && slice_eq(asked, is));
}

static int sync_error(const struct grp_group *g, const struct kp_sync_group_request *q)
{
    if (!g) return KERR_UNKNOWN_MEMBER_ID;
    int error = grp_validate_member(g, q->member_id, q->group_instance_id);
    if (error) return error;
    if (q->generation_id != g->generation) return KERR_ILLEGAL_GENERATION;
    if (differs(q->protocol_type, g->protocol_type) || differs(q->protocol_name, g->protocol))
        return KERR_INCONSISTENT_GROUP_PROTOCOL;
    if (g->state == GRP_EMPTY) return KERR_UNKNOWN_MEMBER_ID;
    if (g->state == GRP_PREPARING_REBALANCE) return KERR_REBALANCE_IN_PROGRESS;
    return KERR_NONE;
}

static void sync_received(struct grp_ctx *c, struct grp_group *g, struct grp_member *m)
{
    bool all = true;
    m->pending_sync = false;
    LIST_FOREACH(l, &g->members) all &= !LIST_ENTRY(l, struct grp_member, in_group)->pending_sync;
    if (all) grp_timer_cancel(c->s, &g->sync_timer);
}

static void store_assignments(struct grp_ctx *c, struct grp_group *g)
{
    const struct kp_sync_group_request *q = c->ev->sync;
    struct grp_assigned *assigned = xcalloc((size_t)q->assignments_n + 1, sizeof *assigned);
    for (int32_t i = 0; i < q->assignments_n; i++)
        assigned[i] = (struct grp_assigned){grp_own(q->assignments[i].member_id),
                                            grp_own(q->assignments[i].assignment)};
    grp_record_group(c, g, assigned, (size_t)q->assignments_n);
    c->op->kind = GRP_OP_SYNC;
    c->op->generation = g->generation;
    c->op->assigned = assigned;
    c->op->assigned_n = (size_t)q->assignments_n;
}

void grp_on_sync(struct grp_ctx *c)
{
    const struct kp_sync_group_request *q = c->ev->sync;
    struct grp_waiter *w = c->ev->waiter;
    struct grp_group *g = grp_find(c->s, q->group_id);
    int error;
    if (w->version >= 5 && (!q->protocol_type.p || !q->protocol_name.p))
        error = KERR_INCONSISTENT_GROUP_PROTOCOL; /* KIP-559: no longer optional */
    else if (q->group_id.n == 0) error = KERR_INVALID_GROUP_ID;
    else error = sync_error(g, q);
    if (error) {
        grp_sync_reject(c, w, (int16_t)error);
        return;
    }
    struct grp_member *m = grp_member_find(g, q->member_id);
    sync_received(c, g, m);
    if (g->state == GRP_STABLE) {
        reply_assignment(c, g, m, w);
        return;
    }
    reject_sync_of(c, m, KERR_REBALANCE_IN_PROGRESS);
    m->sync = w;
    w->member = m;
    if (grp_is_leader(g, m)) store_assignments(c, g);
}

void grp_sync_done(struct grp_ctx *c, struct grp_op *op, int error)
{
    struct grp_group *g = op->groups[0];
    if (g->state != GRP_COMPLETING_REBALANCE || g->generation != op->generation) return;
    if (error) {
        reset_and_propagate(c, g, grp_append_error(error));
        rebalance(c, g);
        return;
    }
    grp_assign(g, op->assigned, op->assigned_n);
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        grp_replace(&m->assignment, m->assigned ? *m->assigned : slice_cstr(""));
        m->assigned = NULL;
    }
    propagate(c, g, KERR_NONE);
    grp_move(g, GRP_STABLE, c->now_ms);
}

/* ---- Heartbeat ---- */

static int heartbeat(struct grp_ctx *c, struct grp_group *g, const struct kp_heartbeat_request *q)
{
    if (q->group_id.n == 0) return KERR_INVALID_GROUP_ID;
    if (!g) return KERR_UNKNOWN_MEMBER_ID;
    int error = grp_validate_member(g, q->member_id, q->group_instance_id);
    if (error) return error;
    if (q->generation_id != g->generation) return KERR_ILLEGAL_GENERATION;
    if (g->state == GRP_EMPTY) return KERR_UNKNOWN_MEMBER_ID;
    grp_heartbeat_restart(c, grp_member_find(g, q->member_id));
    return g->state == GRP_PREPARING_REBALANCE ? KERR_REBALANCE_IN_PROGRESS : KERR_NONE;
}

void grp_on_heartbeat(struct grp_ctx *c)
{
    struct grp_waiter *w = c->ev->waiter;
    const struct kp_heartbeat_request *q = c->ev->heartbeat;
    struct kp_heartbeat_response *r = arena_alloc(w->arena, sizeof *r);
    kp_heartbeat_response_init(r);
    r->error_code = (int16_t)heartbeat(c, grp_find(c->s, q->group_id), q);
    grp_reply(c, w, r);
}

/* ---- LeaveGroup ---- */

static int leave_one(struct grp_ctx *c, struct grp_group *g,
                     const struct kp_leave_group_request_member_identity *q)
{
    if (!g) return KERR_UNKNOWN_MEMBER_ID;
    struct grp_member *m;
    if (q->member_id.n == 0) {
        /* An administrator removes a static member by its instance id alone. */
        m = q->group_instance_id.p ? grp_static_find(g, q->group_instance_id) : NULL;
        if (!m) return KERR_UNKNOWN_MEMBER_ID;
    } else if (grp_pending_find(g, q->member_id)) {
        grp_member_remove(c->s, g, q->member_id);
        return KERR_NONE;
    } else {
        int error = grp_validate_member(g, q->member_id, q->group_instance_id);
        if (error) return error;
        m = grp_member_find(g, q->member_id);
    }
    remove_member(c, g, m);
    return KERR_NONE;
}

void grp_on_leave(struct grp_ctx *c)
{
    const struct kp_leave_group_request *q = c->ev->leave;
    struct grp_waiter *w = c->ev->waiter;
    bool batch = w->version >= 3, any = false;
    struct kp_leave_group_request_member_identity one;
    kp_leave_group_request_member_identity_init(&one);
    one.member_id = q->member_id;
    const struct kp_leave_group_request_member_identity *list = batch ? q->members : &one;
    int32_t n = batch ? q->members_n : 1;
    if (q->group_id.n == 0) {
        grp_reject(c, KERR_INVALID_GROUP_ID);
        return;
    }
    struct grp_group *g = grp_find(c->s, q->group_id);
    struct kp_leave_group_response *r = arena_alloc(w->arena, sizeof *r);
    kp_leave_group_response_init(r);
    r->members = arena_zalloc(w->arena, (size_t)n, sizeof *r->members);
    for (int32_t i = 0; i < n; i++) {
        int error = leave_one(c, g, &list[i]);
        any |= !error;
        r->members[i].member_id = arena_slice_dup(w->arena, list[i].member_id);
        r->members[i].group_instance_id = dup_nullable(w->arena, list[i].group_instance_id);
        r->members[i].error_code = (int16_t)error;
        if (!batch) r->error_code = (int16_t)error;
    }
    if (batch) r->members_n = n;
    if (any && (g->state == GRP_STABLE || g->state == GRP_COMPLETING_REBALANCE)) rebalance(c, g);
    else if (any) complete_join_if_all(c, g);
    grp_write_end(c, w, r);
}

/* ---- clients that are gone ---- */

void grp_on_cancel(struct grp_ctx *c)
{
    struct grp_waiter *w = c->ev->waiter;
    struct grp_member *m = w->member;
    if (!m) return; /* it was answered, or waits for the log */
    ASSERT(m->join == w || m->sync == w);
    if (m->join == w) {
        m->join = &c->s->nobody;
        grp_join_reject(c, w, m->id, KERR_UNKNOWN_MEMBER_ID);
    } else {
        m->sync = &c->s->nobody;
        grp_sync_reject(c, w, KERR_UNKNOWN_MEMBER_ID);
    }
}

/* ---- deadlines ---- */

static void sync_expired(struct grp_ctx *c, struct grp_group *g)
{
    if (g->generation != g->sync_generation) return;
    if (g->state != GRP_COMPLETING_REBALANCE && g->state != GRP_STABLE) return;
    bool any = false;
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        if (!m->pending_sync) continue;
        any = true;
        remove_member(c, g, m);
    }
    if (any) prepare_rebalance(c, g);
}

static void member_expired(struct grp_ctx *c, struct grp_group *g, struct grp_member *m)
{
    /* One that waits for the others is alive, except a new one that may have gone without a word. */
    if (!m->is_new && (m->join || m->sync)) return;
    remove_member(c, g, m);
    if (g->state == GRP_STABLE || g->state == GRP_COMPLETING_REBALANCE) rebalance(c, g);
    else if (g->state == GRP_PREPARING_REBALANCE && grp_all_joined(g)) complete_join(c, g);
}

void grp_on_timer(struct grp_ctx *c, struct grp_timer *t)
{
    struct grp_group *g = t->group;
    switch (t->kind) {
    case GRP_TIMER_JOIN:
        if (g->state != GRP_PREPARING_REBALANCE) break;
        if (g->initial_delay) initial_delay_over(c, g);
        else complete_join(c, g);
        break;
    case GRP_TIMER_SYNC:
        sync_expired(c, g);
        break;
    case GRP_TIMER_MEMBER:
        member_expired(c, g, t->owner);
        break;
    case GRP_TIMER_PENDING: {
        struct grp_pending *p = t->owner;
        grp_member_remove(c->s, g, p->id);
        if (g->state == GRP_PREPARING_REBALANCE && grp_all_joined(g)) complete_join(c, g);
        break;
    }
    case GRP_TIMER_CLEANUP:
        ASSERT(false);
    }
}

void grp_loaded(struct grp_ctx *c, struct grp_group *g)
{
    LIST_FOREACH(l, &g->members) grp_heartbeat_restart(c, LIST_ENTRY(l, struct grp_member, in_group));
    if (g->members_n > (size_t)c->s->config.size_max) prepare_rebalance(c, g);
    grp_write_end(c, NULL, NULL);
}

void grp_dismiss(struct grp_ctx *c, struct grp_group *g)
{
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        reject_join_of(c, g, m, m->id, KERR_NOT_COORDINATOR);
        reject_sync_of(c, m, KERR_NOT_COORDINATOR);
    }
}
