/* Random clients under many seeds: whatever they do, the invariants hold, every waiter is answered exactly
 * once (the rig asserts it), and the log alone gives the same groups again. GRP_SEEDS=n runs n seeds. */
#include "grp/grp_test_rig.h"

TEST_MAIN

#define ACTORS 12
#define GROUPS 3

struct actor {
    char group[8];
    char instance[8]; /* "" for a dynamic member */
    struct slice member;
    int generation;
    bool leads;
    struct slice members[ACTORS * 4];
    int members_n;
    struct req *join, *sync;
    char protocols[64];
};

struct world {
    struct rig r;
    struct actor actors[ACTORS];
    bool failing;
};

static uint64_t below(struct world *w, uint64_t n)
{
    return prng_below(&w->r.prng, n);
}

/* One generation's members all get the same protocol: the group's. */
static void told(struct world *w, const struct actor *a, const struct kp_join_group_response *j)
{
    const struct grp_group *g = grp_find(&w->r.shard, slice_cstr(a->group));
    if (!g || g->generation != j->generation_id) return;
    if (g->state == GRP_STABLE || g->state == GRP_COMPLETING_REBALANCE)
        ASSERT(slice_eq(g->protocol, j->protocol_name));
}

static void actor_forget(struct actor *a)
{
    grp_disown(&a->member);
    for (int i = 0; i < a->members_n; i++) grp_disown(&a->members[i]);
    a->members_n = 0;
    a->leads = false;
}

static void see_join(struct world *w, struct actor *a)
{
    const struct kp_join_group_response *j = a->join ? joined_of(a->join) : NULL;
    if (!j) return;
    a->join = NULL;
    if (j->error_code == KERR_NONE) {
        struct slice member = grp_own(j->member_id);
        actor_forget(a);
        a->member = member;
        a->generation = j->generation_id;
        a->leads = slice_eq(j->leader, j->member_id) && !j->skip_assignment;
        ASSERT(!a->leads || j->members_n > 0);
        for (int32_t i = 0; i < j->members_n && i < ACTORS * 4; i++)
            a->members[a->members_n++] = grp_own(j->members[i].member_id);
        told(w, a, j);
    } else if (j->error_code == KERR_MEMBER_ID_REQUIRED) {
        grp_replace(&a->member, j->member_id);
    } else if (j->error_code != KERR_REBALANCE_IN_PROGRESS) {
        actor_forget(a);
    }
}

static void act_join(struct world *w, struct actor *a)
{
    static const char *const choices[] = {"range=1,rr=2", "rr=2", "rr=x,range=y", "coop=1,rr=3"};
    static const int versions[] = {1, 3, 4, 5, 8, 9};
    if (a->join && below(w, 4)) return;
    if (below(w, 3) == 0) strcpy(a->protocols, choices[below(w, NELEMS(choices))]);
    bool fresh = *a->instance ? below(w, 2) : below(w, 20) == 0;
    a->join = rig_join(&w->r, (struct join_args){.group = a->group,
                                                 .instance = *a->instance ? a->instance : NULL,
                                                 .member = fresh ? (struct slice){0} : a->member,
                                                 .protocols = a->protocols,
                                                 .session = 3000 + (int)below(w, 5000),
                                                 .rebalance = 1000 + (int)below(w, 3000),
                                                 .version = versions[below(w, NELEMS(versions))]});
    see_join(w, a);
}

static void act_sync(struct world *w, struct actor *a)
{
    if (!a->member.p || (a->sync && !a->sync->answers)) return;
    struct grp_assigned all[16];
    int n = 0;
    for (int i = 0; a->leads && i < a->members_n && n < 16; i++)
        all[n++] = (struct grp_assigned){a->members[i], slice_cstr("assigned")};
    a->sync = rig_sync(&w->r, a->group, a->generation, a->member, *a->instance ? a->instance : NULL, all, n);
}

static void act_offsets(struct world *w, struct actor *a)
{
    static const char *const topics[] = {"t", "u"};
    const char *topic = topics[below(w, 2)];
    int partition = (int)below(w, 3);
    switch (below(w, 6)) {
    case 0:
        rig_offset_commit(&w->r, (struct commit_args){.group = a->group,
                                                      .topic = topic,
                                                      .partition = partition,
                                                      .generation = -1,
                                                      .offset = (int64_t)below(w, 100)});
        break;
    case 1:
        rig_offset_commit(&w->r, (struct commit_args){.group = "simple",
                                                      .topic = topic,
                                                      .partition = partition,
                                                      .generation = -1,
                                                      .offset = (int64_t)below(w, 100),
                                                      .metadata = "m",
                                                      .version = 3,
                                                      .retention_ms = below(w, 2) ? 5000 : 0});
        break;
    case 2:
        rig_txn_commit(&w->r, below(w, 2) ? "simple" : a->group, (int64_t)below(w, 2), topic, partition,
                       (int64_t)below(w, 100));
        break;
    case 3:
        rig_delete_offset(&w->r, below(w, 2) ? "simple" : a->group, topic, partition);
        break;
    case 4:
        rig_fetch(&w->r, a->group, topic, partition, below(w, 2));
        break;
    default:
        if (!a->member.p) break;
        rig_offset_commit(&w->r, (struct commit_args){.group = a->group,
                                                      .topic = topic,
                                                      .partition = partition,
                                                      .generation = a->generation,
                                                      .member = a->member,
                                                      .offset = (int64_t)below(w, 100)});
    }
}

static void act_rarely(struct world *w, struct actor *a)
{
    struct grp_event ev = {.type = GRP_TOPIC_DELETED, .topic = slice_cstr("u")};
    switch (below(w, 5)) {
    case 0:
        rig_step(&w->r, &ev);
        break;
    case 1:
        rig_delete(&w->r, below(w, 2) ? "simple" : a->group);
        break;
    case 2:
        rig_commit(&w->r);
        rig_txn_end(&w->r, (int64_t)below(w, 2), below(w, 2));
        break;
    case 3:
        rig_pass(&w->r, 100000);
        break;
    default: {
        struct strbuf out;
        strbuf_init(&out);
        rig_see_all(&w->r, &out);
        strbuf_fini(&out);
    }
    }
}

static void act(struct world *w)
{
    struct actor *a = &w->actors[below(w, ACTORS)];
    const char *instance = *a->instance ? a->instance : NULL;
    see_join(w, a);
    switch (below(w, 12)) {
    case 0:
    case 1:
    case 2:
        act_join(w, a);
        break;
    case 3:
    case 4:
        act_sync(w, a);
        break;
    case 5:
        if (a->member.p) rig_heartbeat(&w->r, a->group, a->generation, a->member, instance);
        break;
    case 6:
        if (a->member.p && below(w, 4) == 0)
            rig_leave(&w->r, a->group, a->member, instance, (int)below(w, 6));
        break;
    case 7:
    case 8:
        act_offsets(w, a);
        break;
    case 9:
        rig_pass(&w->r, (int64_t)below(w, 1500));
        break;
    case 10:
        w->r.hold = !w->r.hold;
        break;
    default:
        if (w->r.held_n && below(w, 2))
            rig_commit_one(&w->r, w->failing && below(w, 4) == 0 ? ERR_NOT_ENOUGH_REPLICAS : 0);
        if (below(w, 10) == 0) act_rarely(w, a);
    }
    if (w->r.held_n > 100) rig_commit(&w->r);
}

/* ---- invariants ---- */

static void check_group(const struct grp_group *g)
{
    size_t joins = 0;
    size_t n = 0;
    LIST_FOREACH(l, &g->members)
    {
        const struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        n++;
        joins += m->join != NULL;
        ASSERT(!m->sync || g->state == GRP_COMPLETING_REBALANCE);
        ASSERT(!grp_pending_find(g, m->id));
        /* Somebody who does not wait for an answer is watched. */
        ASSERT(heap_has(&m->heartbeat.node) || m->join || m->sync);
        /* The tables lead to it, so no other one has its ids. */
        ASSERT(grp_member_find(g, m->id) == m && !m->assigned);
        ASSERT(!m->instance_id.p || grp_static_find(g, m->instance_id) == m);
        for (size_t k = 0; k < m->protocols_n; k++) {
            size_t offer = 0;
            LIST_FOREACH(o, &g->members)
            offer +=
                grp_protocol_find(LIST_ENTRY(o, struct grp_member, in_group), m->protocols[k].name) != NULL;
            ASSERT(grp_offers(g, m->protocols[k].name) == offer);
        }
        if (g->state == GRP_STABLE || g->state == GRP_COMPLETING_REBALANCE)
            ASSERT(grp_protocol_find(m, g->protocol));
    }
    ASSERT(joins == g->joins && n == g->members_n && n == g->by_id.n);
    if (g->state == GRP_EMPTY) ASSERT(g->members_n == 0 && !g->leader.p);
    if (g->state == GRP_STABLE || g->state == GRP_COMPLETING_REBALANCE)
        ASSERT(g->members_n > 0 && grp_member_find(g, g->leader));
    if (g->state == GRP_PREPARING_REBALANCE) ASSERT(heap_has(&g->join_timer.node));
}

static void check_shard(const struct grp_shard *s)
{
    heap_check(&s->timers);
    MAP_FOREACH(it, struct grp_group, g, &s->groups) check_group(g);
}

/* What of the live shard must be in the log: all offsets, and the members of groups that are not in a
 * rebalance. */
static void see_settled(struct rig *r, struct rig *live, struct strbuf *out)
{
    const struct kp_list_groups_response *l = rig_list(r);
    qsort(l->groups, (size_t)l->groups_n, sizeof *l->groups, listed_cmp);
    for (int32_t i = 0; i < l->groups_n; i++) {
        struct slice id = l->groups[i].group_id;
        const struct grp_group *g = grp_find(&live->shard, id);
        bool settled = g && (g->state == GRP_STABLE || g->state == GRP_EMPTY);
        rig_see(r, id, settled, out);
    }
}

static void run(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);
    rig_init(&w->r);
    prng_init(&w->r.prng, seed);
    w->failing = seed % 2;
    for (int i = 0; i < ACTORS; i++) {
        struct actor *a = &w->actors[i];
        snprintf(a->group, sizeof a->group, "g%d", i % GROUPS);
        if (i % 4 == 0) snprintf(a->instance, sizeof a->instance, "i%d", i % 8);
        strcpy(a->protocols, "range=1,rr=2");
    }
    for (int i = 0; i < 1500; i++) {
        act(w);
        for (int k = 0; k < ACTORS; k++) see_join(w, &w->actors[k]);
        check_shard(&w->r.shard);
    }
    w->r.hold = false;
    rig_commit(&w->r);
    check_shard(&w->r.shard);
    if (!w->failing) {
        struct rig to;
        struct strbuf a, b;
        strbuf_init(&a);
        strbuf_init(&b);
        rig_replay(&w->r, &to);
        check_shard(&to.shard);
        see_settled(&w->r, &w->r, &a);
        see_settled(&to, &w->r, &b);
        if (strcmp(strbuf_cstr(&a), strbuf_cstr(&b)) != 0)
            printf("  seed %llu, live:\n%s  replayed:\n%s", (unsigned long long)seed, strbuf_cstr(&a),
                   strbuf_cstr(&b));
        ASSERT(strcmp(strbuf_cstr(&a), strbuf_cstr(&b)) == 0);
        strbuf_fini(&a);
        strbuf_fini(&b);
        rig_fini(&to);
    }
    for (int i = 0; i < ACTORS; i++) actor_forget(&w->actors[i]);
    rig_fini(&w->r);
    free(w);
}

TEST(random_clients_meet_the_invariants)
{
    const char *seeds = getenv("GRP_SEEDS");
    uint64_t n = seeds ? strtoull(seeds, NULL, 10) : 60;
    for (uint64_t seed = 1; seed <= n; seed++) run(seed);
}
