/* Groups and members as data: finding, adding, removing, what the members have in common. Nothing here
 * answers a waiter or writes a record.
 *
 * 1. g->joins is the number of members whose join waits.
 * 2. No two members have the same id or the same instance id; an id is a member's or pending, not both.
 * 3. g->leader is a member's id, or NULL without members (a loaded record may name a leader that is gone).
 * 4. State changes go through grp_move.
 * 5. by_id, by_instance and pending_by_id lead to the members and the pending ids, protocols counts what the
 * members offer: groups may be large, so nothing here goes through all of them to find one. */
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
    g->seed = group_hash(c->s, g->id);
    g->protocols.seed = g->topics.seed = g->seed;
    list_init(&g->members);
    list_init(&g->pending);
    map_init(&g->by_id);
    map_init(&g->by_instance);
    map_init(&g->pending_by_id);
    map_init(&g->protocols.map);
    map_init(&g->topics.map);
    map_init(&g->offsets);
    g->join_timer = (struct grp_timer){.kind = GRP_TIMER_JOIN, .group = g};
    g->sync_timer = (struct grp_timer){.kind = GRP_TIMER_SYNC, .group = g};
    reset(g, c->now_ms);
    map_put(&c->s->groups, group_hash(c->s, g->id), g);
    return g;
}

/* ---- names that are counted ---- */

static bool name_eq(const void *value, const void *key)
{
    return slice_eq(((const struct grp_name *)value)->name, *(const struct slice *)key);
}

static struct grp_name *name_find(const struct grp_names *t, struct slice name)
{
    return map_get(&t->map, hash_bytes(t->seed, name.p, name.n), &name, name_eq);
}

/* The name for another member; the stamp is that of the member's count. */
static void name_count(struct grp_names *t, struct slice name)
{
    struct grp_name *x = name_find(t, name);
    if (!x) {
        x = xcalloc(1, sizeof *x);
        x->name = grp_own(name.p ? name : slice_cstr(""));
        map_put(&t->map, hash_bytes(t->seed, name.p, name.n), x);
    }
    if (x->stamp == t->stamp) return;
    x->stamp = t->stamp;
    x->members++;
}

static void name_uncount(struct grp_names *t, struct slice name)
{
    struct grp_name *x = name_find(t, name);
    if (!x || x->stamp == t->stamp) return; /* gone, or seen: named twice */
    x->stamp = t->stamp;
    if (--x->members) return;
    map_del(&t->map, hash_bytes(t->seed, name.p, name.n), &name, name_eq);
    grp_disown(&x->name);
    free(x);
}

static void names_clear(struct grp_names *t)
{
    MAP_FOREACH(it, struct grp_name, x, &t->map)
    {
        grp_disown(&x->name);
        free(x);
    }
    map_fini(&t->map);
    map_init(&t->map);
}

void grp_clear_members(struct grp_shard *s, struct grp_group *g)
{
    LIST_FOREACH(n, &g->members) grp_member_free(s, LIST_ENTRY(n, struct grp_member, in_group));
    list_init(&g->members);
    map_fini(&g->by_id);
    map_fini(&g->by_instance);
    map_init(&g->by_id);
    map_init(&g->by_instance);
    names_clear(&g->protocols);
    g->members_n = g->joins = 0;
    while (g->pending_n)
        grp_member_remove(s, g, LIST_ENTRY(g->pending.next, struct grp_pending, in_group)->id);
    grp_timer_cancel(s, &g->join_timer);
    grp_timer_cancel(s, &g->sync_timer);
    grp_disown(&g->leader);
}

void grp_group_free(struct grp_shard *s, struct grp_group *g)
{
    ASSERT(g->refs == 0 && g->offsets.n == 0);
    map_del(&s->groups, group_hash(s, g->id), &g->id, group_eq);
    grp_clear_members(s, g);
    names_clear(&g->topics);
    map_fini(&g->offsets);
    map_fini(&g->by_id);
    map_fini(&g->by_instance);
    map_fini(&g->pending_by_id);
    map_fini(&g->protocols.map);
    map_fini(&g->topics.map);
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

static bool member_eq(const void *value, const void *key)
{
    return slice_eq(((const struct grp_member *)value)->id, *(const struct slice *)key);
}
static bool instance_eq(const void *value, const void *key)
{
    return slice_eq(((const struct grp_member *)value)->instance_id, *(const struct slice *)key);
}
static bool pending_eq(const void *value, const void *key)
{
    return slice_eq(((const struct grp_pending *)value)->id, *(const struct slice *)key);
}
static uint64_t hash_of(const struct grp_group *g, struct slice id)
{
    return hash_bytes(g->seed, id.p, id.n);
}

struct grp_member *grp_member_find(const struct grp_group *g, struct slice id)
{
    return map_get(&g->by_id, hash_of(g, id), &id, member_eq);
}

struct grp_member *grp_static_find(const struct grp_group *g, struct slice instance_id)
{
    return map_get(&g->by_instance, hash_of(g, instance_id), &instance_id, instance_eq);
}

struct grp_pending *grp_pending_find(const struct grp_group *g, struct slice id)
{
    return map_get(&g->pending_by_id, hash_of(g, id), &id, pending_eq);
}

struct grp_member *grp_member_new(struct grp_group *g, struct slice id, struct slice instance_id)
{
    struct grp_member *m = xcalloc(1, sizeof *m);
    list_init(&m->in_group);
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

static void protocols_count(struct grp_group *g, const struct grp_member *m, bool add)
{
    g->protocols.stamp++;
    for (size_t i = 0; i < m->protocols_n; i++)
        if (add) name_count(&g->protocols, m->protocols[i].name);
        else name_uncount(&g->protocols, m->protocols[i].name);
}

void grp_member_add(struct grp_group *g, struct grp_member *m)
{
    list_push_back(&g->members, &m->in_group);
    g->members_n++;
    map_put(&g->by_id, hash_of(g, m->id), m);
    if (m->instance_id.p && !grp_static_find(g, m->instance_id))
        map_put(&g->by_instance, hash_of(g, m->instance_id), m);
    protocols_count(g, m, true);
}

void grp_member_rename(struct grp_group *g, struct grp_member *m, struct slice id)
{
    map_del(&g->by_id, hash_of(g, m->id), &m->id, member_eq);
    grp_replace(&m->id, id);
    map_put(&g->by_id, hash_of(g, m->id), m);
}

void grp_pending_add(struct grp_shard *s, struct grp_group *g, struct slice id, int64_t expire_ms)
{
    struct grp_pending *p = xcalloc(1, sizeof *p);
    p->id = grp_own(id);
    p->timer = (struct grp_timer){.kind = GRP_TIMER_PENDING, .group = g, .owner = p};
    list_push_back(&g->pending, &p->in_group);
    g->pending_n++;
    map_put(&g->pending_by_id, hash_of(g, id), p);
    grp_timer_set(s, &p->timer, expire_ms);
}

static void pending_remove(struct grp_shard *s, struct grp_group *g, struct slice id)
{
    struct grp_pending *p = map_del(&g->pending_by_id, hash_of(g, id), &id, pending_eq);
    if (!p) return;
    list_remove(&p->in_group);
    g->pending_n--;
    grp_timer_cancel(s, &p->timer);
    grp_disown(&p->id);
    free(p);
}

void grp_member_remove(struct grp_shard *s, struct grp_group *g, struct slice id)
{
    struct grp_member *m = grp_member_find(g, id);
    if (!m) {
        pending_remove(s, g, id);
        return;
    }
    bool led = grp_is_leader(g, m);
    ASSERT(!m->join && !m->sync);
    protocols_count(g, m, false);
    map_del(&g->by_id, hash_of(g, m->id), &m->id, member_eq);
    if (m->instance_id.p && grp_static_find(g, m->instance_id) == m)
        map_del(&g->by_instance, hash_of(g, m->instance_id), &m->instance_id, instance_eq);
    list_remove(&m->in_group);
    g->members_n--;
    grp_member_free(s, m);
    if (led) grp_replace(&g->leader, g->members_n ? grp_member_first(g)->id : (struct slice){0});
}

void grp_protocols_free(struct grp_protocol *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        grp_disown(&p[i].name);
        grp_disown(&p[i].metadata);
    }
    free(p);
}

void grp_protocols_copy(struct grp_protocol **to, const struct grp_protocol *from, size_t n)
{
    struct grp_protocol *copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct grp_protocol){grp_own(from[i].name), grp_own(from[i].metadata)};
    *to = copy;
}

void grp_member_protocols(struct grp_group *g, struct grp_member *m, const struct grp_protocol *from,
                          size_t n)
{
    struct grp_protocol *copy;
    grp_protocols_copy(&copy, from, n);
    bool counted = list_linked(&m->in_group);
    if (counted) protocols_count(g, m, false);
    grp_protocols_free(m->protocols, m->protocols_n);
    m->protocols = copy;
    m->protocols_n = n;
    if (counted) protocols_count(g, m, true);
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

size_t grp_offers(const struct grp_group *g, struct slice protocol)
{
    const struct grp_name *x = name_find(&g->protocols, protocol);
    return x ? x->members : 0;
}

static bool supported_by_all(const struct grp_group *g, struct slice name)
{
    return grp_offers(g, name) == g->members_n;
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
    struct grp_names votes = {.seed = g->seed};
    struct slice best = {0};
    size_t best_votes = 0;
    ASSERT(g->members_n > 0);
    map_init(&votes.map);
    LIST_FOREACH(l, &g->members)
    {
        const struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        size_t k = 0;
        while (!supported_by_all(g, m->protocols[k].name)) k++;
        votes.stamp++;
        name_count(&votes, m->protocols[k].name);
    }
    MAP_FOREACH(it, struct grp_name, x, &votes.map)
    {
        if (x->members > best_votes || (x->members == best_votes && bucket(x->name) < bucket(best))) {
            best = name_find(&g->protocols, x->name)->name;
            best_votes = x->members;
        }
    }
    names_clear(&votes);
    map_fini(&votes.map);
    ASSERT(best.p);
    return best;
}

/* The topics in a consumer's subscription: int16 version, then an array of strings and nullable bytes, as in
 * version 0. Adds each, returns whether all of it could be read. */
static bool subscription_read(struct grp_group *g, struct slice metadata)
{
    struct kp_reader r = kp_reader_of(metadata);
    if (kp_read_i16(&r) < 0) return false;
    int32_t n = kp_read_array_len(&r, 0, 2);
    g->topics.stamp++;
    for (int32_t i = 0; i < n && !r.err; i++) {
        struct slice topic = kp_read_string(&r, 0);
        if (!r.err) name_count(&g->topics, topic);
    }
    kp_read_bytes(&r, KP_NULLABLE);
    return !r.err && n >= 0;
}

void grp_subscriptions_update(struct grp_group *g)
{
    names_clear(&g->topics);
    g->topics_known = grp_uses_consumer_protocol(g) && (g->members_n == 0 || g->protocol.p);
    LIST_FOREACH(l, &g->members)
    {
        const struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        const struct grp_protocol *p = g->topics_known ? grp_protocol_find(m, g->protocol) : NULL;
        if (g->topics_known) g->topics_known = p && subscription_read(g, p->metadata);
    }
    if (!g->topics_known) names_clear(&g->topics);
}

bool grp_subscribed(const struct grp_group *g, struct slice topic)
{
    if (!g->topics_known) return grp_uses_consumer_protocol(g);
    return name_find(&g->topics, topic) != NULL;
}

int32_t grp_rebalance_timeout(const struct grp_group *g)
{
    int32_t max = 0;
    LIST_FOREACH(l, &g->members)
    {
        int32_t ms = LIST_ENTRY(l, struct grp_member, in_group)->rebalance_timeout_ms;
        if (ms > max) max = ms;
    }
    return max;
}
