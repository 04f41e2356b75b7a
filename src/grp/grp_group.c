/* Groups and members as data: finding, adding, removing, what the members have in common. Nothing here
 * answers a waiter or writes a record.
 *
 * 1. g->joins is the number of members whose join waits.
 * 2. No two members have the same id or the same instance id; an id is a member's or pending, not both.
 * 3. g->leader is a member's id, or NULL without members (a loaded record may name a leader that is gone).
 * 4. State changes go through grp_move. */
#include "grp/grp_int.h"
#include "base/hash.h"
#include <stdlib.h>

struct slice grp_own(struct slice s)
{
    if (!s.p) return s;
    uint8_t *p = xmalloc(s.n + 1);
    if (s.n) memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

void grp_disown(struct slice *s)
{
    free((void *)(uintptr_t)s->p);
    *s = (struct slice){0};
}

void grp_replace(struct slice *at, struct slice s)
{
    struct slice copy = grp_own(s);
    grp_disown(at);
    *at = copy;
}

/* ---- groups ---- */

static bool group_eq(const void *value, const void *key)
{
    return slice_eq(((const struct grp_group *)value)->id, *(const struct slice *)key);
}

static uint64_t group_hash(const struct grp_shard *s, struct slice id)
{
    return hash_bytes(s->config.hash_seed, id.p, id.n);
}

struct grp_group *grp_find_any(const struct grp_shard *s, struct slice id)
{
    return map_get(&s->groups, group_hash(s, id), &id, group_eq);
}

struct grp_group *grp_find(const struct grp_shard *s, struct slice id)
{
    struct grp_group *g = grp_find_any(s, id);
    return g && !g->deleted ? g : NULL;
}

static void reset(struct grp_group *g, int64_t now_ms)
{
    g->state = g->previous = GRP_EMPTY;
    g->state_ms = now_ms;
    g->generation = 0;
    g->deleted = g->recorded = g->new_member_added = g->topics_known = false;
    grp_disown(&g->protocol_type);
    grp_disown(&g->protocol);
    grp_disown(&g->leader);
}

struct grp_group *grp_create(struct grp_ctx *c, struct slice id)
{
    struct grp_group *g = grp_find_any(c->s, id);
    if (g) {
        ASSERT(g->deleted && !g->members_n && !g->pending_n);
        reset(g, c->now_ms);
        return g;
    }
    g = xcalloc(1, sizeof *g);
    g->id = grp_own(id.p ? id : slice_cstr(""));
    map_init(&g->offsets);
    g->join_timer = (struct grp_timer){.kind = GRP_TIMER_JOIN, .group = g};
    g->sync_timer = (struct grp_timer){.kind = GRP_TIMER_SYNC, .group = g};
    reset(g, c->now_ms);
    map_put(&c->s->groups, group_hash(c->s, g->id), g);
    return g;
}

static void topics_free(struct grp_group *g)
{
    for (size_t i = 0; i < g->topics_n; i++) grp_disown(&g->topics[i]);
    free(g->topics);
    g->topics = NULL;
    g->topics_n = 0;
}

void grp_clear_members(struct grp_shard *s, struct grp_group *g)
{
    for (size_t i = 0; i < g->members_n; i++) grp_member_free(s, g->members[i]);
    g->members_n = g->joins = 0;
    while (g->pending_n) grp_member_remove(s, g, g->pending[0]->id);
    grp_timer_cancel(s, &g->join_timer);
    grp_timer_cancel(s, &g->sync_timer);
    grp_disown(&g->leader);
}

void grp_group_free(struct grp_shard *s, struct grp_group *g)
{
    ASSERT(g->refs == 0 && g->offsets.n == 0);
    map_del(&s->groups, group_hash(s, g->id), &g->id, group_eq);
    grp_clear_members(s, g);
    topics_free(g);
    map_fini(&g->offsets);
    free(g->members);
    free(g->pending);
    grp_disown(&g->protocol_type);
    grp_disown(&g->protocol);
    grp_disown(&g->id);
    free(g);
}

void grp_maybe_free(struct grp_shard *s, struct grp_group *g)
{
    if (g->refs || g->offsets.n || g->members_n || g->pending_n) return;
    if (g->deleted || !g->recorded) grp_group_free(s, g);
}

const char *grp_state_name(enum grp_state state)
{
    static const char *const names[] = {"Empty", "PreparingRebalance", "CompletingRebalance", "Stable",
                                        "Dead"};
    return names[state];
}

void grp_move(struct grp_group *g, enum grp_state to, int64_t now_ms)
{
    static const unsigned from[] = {
        [GRP_EMPTY] = 1u << GRP_PREPARING_REBALANCE,
        [GRP_PREPARING_REBALANCE] = 1u << GRP_STABLE | 1u << GRP_COMPLETING_REBALANCE | 1u << GRP_EMPTY,
        [GRP_COMPLETING_REBALANCE] = 1u << GRP_PREPARING_REBALANCE,
        [GRP_STABLE] = 1u << GRP_COMPLETING_REBALANCE,
        [GRP_DEAD] = ~0u,
    };
    ASSERT(from[to] >> g->state & 1);
    g->previous = g->state;
    g->state = to;
    g->state_ms = now_ms;
}

/* ---- members ---- */

struct grp_member *grp_member_find(const struct grp_group *g, struct slice id)
{
    for (size_t i = 0; i < g->members_n; i++)
        if (slice_eq(g->members[i]->id, id)) return g->members[i];
    return NULL;
}

struct grp_member *grp_static_find(const struct grp_group *g, struct slice instance_id)
{
    for (size_t i = 0; i < g->members_n; i++)
        if (g->members[i]->instance_id.p && slice_eq(g->members[i]->instance_id, instance_id))
            return g->members[i];
    return NULL;
}

struct grp_pending *grp_pending_find(const struct grp_group *g, struct slice id)
{
    for (size_t i = 0; i < g->pending_n; i++)
        if (slice_eq(g->pending[i]->id, id)) return g->pending[i];
    return NULL;
}

struct grp_member *grp_member_new(struct grp_group *g, struct slice id, struct slice instance_id)
{
    struct grp_member *m = xcalloc(1, sizeof *m);
    m->id = grp_own(id);
    m->instance_id = grp_own(instance_id);
    m->assignment = grp_own(slice_cstr(""));
    m->heartbeat = (struct grp_timer){.kind = GRP_TIMER_MEMBER, .group = g, .owner = m};
    return m;
}

void grp_member_free(struct grp_shard *s, struct grp_member *m)
{
    grp_timer_cancel(s, &m->heartbeat);
    grp_protocols_free(m->protocols, m->protocols_n);
    grp_disown(&m->id);
    grp_disown(&m->instance_id);
    grp_disown(&m->client_id);
    grp_disown(&m->client_host);
    grp_disown(&m->assignment);
    free(m);
}

void grp_member_add(struct grp_group *g, struct grp_member *m)
{
    if (g->members_n == g->members_cap) {
        g->members_cap = g->members_cap ? g->members_cap * 2 : 4;
        g->members = xrealloc(g->members, g->members_cap * sizeof(struct grp_member *));
    }
    g->members[g->members_n++] = m;
}

void grp_pending_add(struct grp_shard *s, struct grp_group *g, struct slice id, int64_t expire_ms)
{
    struct grp_pending *p = xcalloc(1, sizeof *p);
    p->id = grp_own(id);
    p->timer = (struct grp_timer){.kind = GRP_TIMER_PENDING, .group = g, .owner = p};
    if (g->pending_n == g->pending_cap) {
        g->pending_cap = g->pending_cap ? g->pending_cap * 2 : 4;
        g->pending = xrealloc(g->pending, g->pending_cap * sizeof(struct grp_pending *));
    }
    g->pending[g->pending_n++] = p;
    grp_timer_set(s, &p->timer, expire_ms);
}

static void pending_remove(struct grp_shard *s, struct grp_group *g, struct slice id)
{
    for (size_t i = 0; i < g->pending_n; i++) {
        struct grp_pending *p = g->pending[i];
        if (!slice_eq(p->id, id)) continue;
        memmove(&g->pending[i], &g->pending[i + 1], (g->pending_n - i - 1) * sizeof(struct grp_pending *));
        g->pending_n--;
        grp_timer_cancel(s, &p->timer);
        grp_disown(&p->id);
        free(p);
        return;
    }
}

void grp_member_remove(struct grp_shard *s, struct grp_group *g, struct slice id)
{
    size_t i = 0;
    while (i < g->members_n && !slice_eq(g->members[i]->id, id)) i++;
    if (i == g->members_n) {
        pending_remove(s, g, id);
        return;
    }
    struct grp_member *m = g->members[i];
    bool led = grp_is_leader(g, m);
    ASSERT(!m->join && !m->sync);
    memmove(&g->members[i], &g->members[i + 1], (g->members_n - i - 1) * sizeof(struct grp_member *));
    g->members_n--;
    grp_member_free(s, m);
    if (led) grp_replace(&g->leader, g->members_n ? g->members[0]->id : (struct slice){0});
}

void grp_protocols_free(struct grp_protocol *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        grp_disown(&p[i].name);
        grp_disown(&p[i].metadata);
    }
    free(p);
}

void grp_protocols_set(struct grp_protocol **at, size_t *n, const struct grp_protocol *from, size_t from_n)
{
    struct grp_protocol *copy = xcalloc(from_n + 1, sizeof *copy);
    for (size_t i = 0; i < from_n; i++)
        copy[i] = (struct grp_protocol){grp_own(from[i].name), grp_own(from[i].metadata)};
    grp_protocols_free(*at, *n);
    *at = copy;
    *n = from_n;
}

const struct grp_protocol *grp_protocol_find(const struct grp_member *m, struct slice name)
{
    for (size_t i = 0; i < m->protocols_n; i++)
        if (slice_eq(m->protocols[i].name, name)) return &m->protocols[i];
    return NULL;
}

int grp_validate_member(const struct grp_group *g, struct slice member_id, struct slice instance_id)
{
    if (instance_id.p) {
        const struct grp_member *m = grp_static_find(g, instance_id);
        if (!m) return KERR_UNKNOWN_MEMBER_ID;
        if (!slice_eq(m->id, member_id)) return KERR_FENCED_INSTANCE_ID;
    }
    return grp_member_find(g, member_id) ? KERR_NONE : KERR_UNKNOWN_MEMBER_ID;
}

/* ---- what the members have in common ---- */

static bool supported_by_all(const struct grp_group *g, struct slice name)
{
    for (size_t i = 0; i < g->members_n; i++)
        if (!grp_protocol_find(g->members[i], name)) return false;
    return true;
}

bool grp_supports(const struct grp_group *g, struct slice protocol_type,
                  const struct kp_join_group_request_join_group_request_protocol *p, int32_t n)
{
    if (g->state == GRP_EMPTY) return protocol_type.n > 0 && n > 0;
    if (!g->protocol_type.p || !slice_eq(g->protocol_type, protocol_type)) return false;
    for (int32_t i = 0; i < n; i++)
        if (supported_by_all(g, p[i].name)) return true;
    return false;
}

/* Kafka counts the votes in a Java HashMap and takes the first of the best, so a tie goes to the lower
 * bucket. */
static uint32_t bucket(struct slice name)
{
    uint32_t h = (uint32_t)java_string_hash(name);
    return (h ^ h >> 16) & 15;
}

struct slice grp_select_protocol(const struct grp_group *g)
{
    ASSERT(g->members_n > 0);
    struct slice best = {0};
    size_t best_votes = 0;
    const struct grp_member *first = g->members[0];
    for (size_t k = 0; k < first->protocols_n; k++) {
        struct slice name = first->protocols[k].name;
        if (!supported_by_all(g, name)) continue;
        size_t votes = 0;
        for (size_t i = 0; i < g->members_n; i++) {
            const struct grp_member *m = g->members[i];
            size_t j = 0;
            while (!supported_by_all(g, m->protocols[j].name)) j++;
            votes += slice_eq(m->protocols[j].name, name);
        }
        if (votes > best_votes || (votes && votes == best_votes && bucket(name) < bucket(best))) {
            best = name;
            best_votes = votes;
        }
    }
    ASSERT(best.p);
    return best;
}

/* The topics in a consumer's subscription: int16 version, then an array of strings and nullable bytes, as in
 * version 0. Calls add for each, returns whether all of it could be read. */
static bool subscription_read(struct grp_group *g, struct slice metadata)
{
    struct kp_reader r = kp_reader_of(metadata);
    if (kp_read_i16(&r) < 0) return false;
    int32_t n = kp_read_array_len(&r, 0, 2);
    for (int32_t i = 0; i < n && !r.err; i++) {
        struct slice topic = kp_read_string(&r, 0);
        bool seen = r.err;
        for (size_t k = 0; k < g->topics_n && !seen; k++) seen = slice_eq(g->topics[k], topic);
        if (seen) continue;
        g->topics = xrealloc(g->topics, (g->topics_n + 1) * sizeof *g->topics);
        g->topics[g->topics_n++] = grp_own(topic);
    }
    kp_read_bytes(&r, KP_NULLABLE);
    return !r.err && n >= 0;
}

void grp_subscriptions_update(struct grp_group *g)
{
    topics_free(g);
    g->topics_known = grp_uses_consumer_protocol(g) && (g->members_n == 0 || g->protocol.p);
    for (size_t i = 0; i < g->members_n && g->topics_known; i++) {
        const struct grp_protocol *p = grp_protocol_find(g->members[i], g->protocol);
        g->topics_known = p && subscription_read(g, p->metadata);
    }
    if (!g->topics_known) topics_free(g);
}

bool grp_subscribed(const struct grp_group *g, struct slice topic)
{
    if (!g->topics_known) return grp_uses_consumer_protocol(g);
    for (size_t i = 0; i < g->topics_n; i++)
        if (slice_eq(g->topics[i], topic)) return true;
    return false;
}

int32_t grp_rebalance_timeout(const struct grp_group *g)
{
    int32_t max = 0;
    for (size_t i = 0; i < g->members_n; i++)
        if (g->members[i]->rebalance_timeout_ms > max) max = g->members[i]->rebalance_timeout_ms;
    return max;
}
