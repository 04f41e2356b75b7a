/* Exact traces of the coordinator: who is answered when, with what, and what the log holds. */
#include "grp/grp_test_rig.h"

TEST_MAIN

#define JOINED(q) (joined_of(q) ? joined_of(q)->error_code : -99)
#define SYNCED(q) (synced_of(q) ? synced_of(q)->error_code : -99)
#define IS(slice, text) slice_eq_cstr(slice, text)

/* Two members in a stable group; a leads. */
struct pair {
    struct rig r;
    struct slice a, b;
    int generation;
};

static void pair_up(struct pair *p, const char *instance_a, const char *instance_b)
{
    rig_init(&p->r);
    struct req *a = rig_join(&p->r, (struct join_args){.client = "a", .instance = instance_a});
    struct req *b = rig_join(&p->r, (struct join_args){.client = "b", .instance = instance_b});
    rig_pass(&p->r, 600);
    ASSERT(joined_of(a) && joined_of(b));
    p->a = grp_own(joined_of(a)->member_id);
    p->b = grp_own(joined_of(b)->member_id);
    p->generation = joined_of(a)->generation_id;
    struct grp_assigned all[] = {{p->a, slice_cstr("A")}, {p->b, slice_cstr("B")}};
    struct req *sb = rig_sync(&p->r, "g", p->generation, p->b, instance_b, NULL, 0);
    struct req *sa = rig_sync(&p->r, "g", p->generation, p->a, instance_a, all, 2);
    ASSERT(SYNCED(sa) == 0 && SYNCED(sb) == 0);
}

static void pair_down(struct pair *p)
{
    grp_disown(&p->a);
    grp_disown(&p->b);
    rig_fini(&p->r);
}

TEST(two_members_join_sync_and_are_stable)
{
    struct rig r;
    rig_init(&r);
    struct req *a = rig_join(&r, (struct join_args){.client = "a", .protocols = "range=ra,sticky=sa"});
    CHECK_INT(r.log_n, 1); /* the group exists in the log before it is told */
    struct req *b = rig_join(
        &r, (struct join_args){.client = "b", .protocols = "sticky=sb,range=rb", .type = "consumer"});
    CHECK(!a->answers && !b->answers);
    CHECK(rig_state_is(&r, "g", "PreparingRebalance"));
    rig_pass(&r, 299);
    CHECK(!a->answers);
    rig_pass(&r, 1); /* a second member came in the first delay: another one */
    CHECK(!a->answers);
    rig_pass(&r, 300);
    CHECK_INT(JOINED(a), 0);
    CHECK_INT(JOINED(b), 0);
    const struct kp_join_group_response *ja = joined_of(a), *jb = joined_of(b);
    CHECK_INT(ja->generation_id, 1);
    CHECK_INT(jb->generation_id, 1);
    CHECK(slice_eq(ja->leader, ja->member_id) && slice_eq(jb->leader, ja->member_id));
    CHECK_INT(ja->members_n, 2);
    CHECK_INT(jb->members_n, 0);
    CHECK(ja->member_id.n == 2 + 36 && memcmp(ja->member_id.p, "a-", 2) == 0);
    CHECK(slice_eq(ja->protocol_name, jb->protocol_name));
    CHECK(IS(ja->protocol_type, "consumer"));
    CHECK(rig_state_is(&r, "g", "CompletingRebalance"));

    struct req *sb = rig_sync(&r, "g", 1, jb->member_id, NULL, NULL, 0);
    CHECK(!sb->answers);
    CHECK_INT(rig_heartbeat(&r, "g", 1, jb->member_id, NULL), 0);
    r.hold = true;
    struct grp_assigned all[] = {{jb->member_id, slice_cstr("for b")}};
    struct req *sa = rig_sync(&r, "g", 1, ja->member_id, NULL, all, 1);
    CHECK(!sa->answers && !sb->answers); /* not before the log has it */
    rig_commit_one(&r, 0);
    r.hold = false;
    CHECK_INT(SYNCED(sa), 0);
    CHECK_INT(SYNCED(sb), 0);
    CHECK(IS(synced_of(sb)->assignment, "for b"));
    CHECK_INT(synced_of(sa)->assignment.n, 0);
    CHECK(IS(synced_of(sb)->protocol_type, "consumer"));
    CHECK(rig_state_is(&r, "g", "Stable"));
    CHECK_INT(rig_heartbeat(&r, "g", 1, ja->member_id, NULL), 0);
    CHECK_INT(rig_heartbeat(&r, "g", 2, ja->member_id, NULL), KERR_ILLEGAL_GENERATION);
    CHECK_INT(rig_heartbeat(&r, "g", 1, slice_cstr("x"), NULL), KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(rig_heartbeat(&r, "nope", 1, slice_cstr("x"), NULL), KERR_UNKNOWN_MEMBER_ID);
    struct req *again = rig_sync(&r, "g", 1, jb->member_id, NULL, NULL, 0);
    CHECK(IS(synced_of(again)->assignment, "for b"));
    const struct kp_describe_groups_response_described_group *d = rig_describe(&r, "g");
    CHECK_INT(d->members_n, 2);
    CHECK(IS(d->members[1].member_assignment, "for b") && IS(d->members[1].client_host, "/127.0.0.1"));
    CHECK(slice_eq(d->protocol_data, ja->protocol_name));
    rig_fini(&r);
}

TEST(the_first_rebalance_waits_no_longer_than_the_rebalance_timeout)
{
    struct rig r;
    rig_init(&r);
    struct req *a = rig_join(&r, (struct join_args){.client = "a", .rebalance = 700});
    for (int i = 0; i < 3; i++) {
        rig_pass(&r, 250);
        rig_join(&r, (struct join_args){.client = "more", .rebalance = 700});
        if (a->answers) break;
    }
    /* 300 + min(300, 400) + min(300, 100) */
    CHECK_INT(JOINED(a), 0);
    CHECK(r.now_ms <= 1000000 + 750);
    rig_fini(&r);
}

TEST(a_third_member_starts_a_rebalance_that_the_others_learn_by_heartbeat)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    struct req *c = rig_join(&p.r, (struct join_args){.client = "c"});
    CHECK(!c->answers && rig_state_is(&p.r, "g", "PreparingRebalance"));
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.a, NULL), KERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(SYNCED(rig_sync(&p.r, "g", 1, p.a, NULL, NULL, 0)), KERR_REBALANCE_IN_PROGRESS);
    struct req *a = rig_join(&p.r, (struct join_args){.member = p.a});
    CHECK(!a->answers);
    struct req *b = rig_join(&p.r, (struct join_args){.member = p.b});
    CHECK_INT(JOINED(a), 0);
    CHECK_INT(JOINED(b), 0);
    CHECK_INT(JOINED(c), 0);
    CHECK_INT(joined_of(a)->generation_id, 2);
    CHECK_INT(joined_of(a)->members_n, 3);
    /* c joins again while syncs are missing: those who wait rejoin */
    struct req *sb = rig_sync(&p.r, "g", 2, p.b, NULL, NULL, 0);
    struct req *c2 =
        rig_join(&p.r, (struct join_args){.member = joined_of(c)->member_id, .protocols = "range=changed"});
    CHECK(!c2->answers);
    CHECK_INT(SYNCED(sb), KERR_REBALANCE_IN_PROGRESS);
    pair_down(&p);
}

TEST(members_that_do_not_rejoin_in_time_are_out)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    struct req *b = rig_join(&p.r, (struct join_args){.member = p.b, .protocols = "range=new"});
    rig_pass(&p.r, 4999);
    CHECK(!b->answers);
    rig_pass(&p.r, 1);
    CHECK_INT(JOINED(b), 0);
    CHECK(slice_eq(joined_of(b)->leader, p.b));
    CHECK_INT(joined_of(b)->members_n, 1);
    CHECK_INT(JOINED(rig_join(&p.r, (struct join_args){.member = p.a})), KERR_UNKNOWN_MEMBER_ID);
    pair_down(&p);
}

TEST(a_silent_member_expires_and_the_group_empties)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    rig_pass(&p.r, 9000);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.a, NULL), 0);
    rig_pass(&p.r, 1000);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.a, NULL), KERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(rig_describe(&p.r, "g")->members_n, 1);
    size_t before = p.r.log_n;
    rig_pass(&p.r, 11000);
    CHECK(rig_state_is(&p.r, "g", "Empty"));
    CHECK_INT(p.r.log_n, before + 1);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.a, NULL), KERR_UNKNOWN_MEMBER_ID);
    struct req *a = rig_join(&p.r, (struct join_args){.client = "a"});
    rig_pass(&p.r, 300);
    CHECK_INT(joined_of(a)->generation_id, 3);
    pair_down(&p);
}

TEST(a_step_of_the_wall_clock_moves_no_session)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    p.r.wall_step_ms = -3600000;
    rig_pass(&p.r, 9000);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.a, NULL), 0);
    p.r.wall_step_ms = 3600000;
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.a, NULL), 0);
    p.r.wall_step_ms = -7200000;
    rig_pass(&p.r, 1000);
    CHECK_INT(rig_describe(&p.r, "g")->members_n, 1);
    pair_down(&p);
}

TEST(a_member_id_is_required_and_expires_when_it_is_not_used)
{
    struct rig r;
    rig_init(&r);
    struct req *a = rig_join(&r, (struct join_args){.client = "a", .version = 5});
    CHECK_INT(JOINED(a), KERR_MEMBER_ID_REQUIRED);
    CHECK_INT(joined_of(a)->generation_id, -1);
    struct req *lost = rig_join(&r, (struct join_args){.client = "lost", .version = 5, .session = 2000});
    CHECK_INT(JOINED(lost), KERR_MEMBER_ID_REQUIRED);
    struct req *a2 = rig_join(&r, (struct join_args){.member = joined_of(a)->member_id, .version = 5});
    rig_pass(&r, 300);
    CHECK_INT(JOINED(a2), 0);
    struct req *a3 = rig_join(
        &r, (struct join_args){.member = joined_of(a)->member_id, .protocols = "range=n", .version = 5});
    CHECK(!a3->answers); /* the pending one may still come */
    rig_pass(&r, 1699);
    CHECK(!a3->answers);
    rig_pass(&r, 1);
    CHECK_INT(JOINED(a3), 0);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.member = joined_of(lost)->member_id, .version = 5})),
              KERR_UNKNOWN_MEMBER_ID);
    /* A pending id may leave. */
    struct req *d = rig_join(&r, (struct join_args){.client = "d", .version = 5});
    CHECK_INT(left_of(rig_leave(&r, "g", joined_of(d)->member_id, NULL, 4)), 0);
    CHECK_INT(left_of(rig_leave(&r, "g", joined_of(d)->member_id, NULL, 4)), KERR_UNKNOWN_MEMBER_ID);
    rig_fini(&r);
}

TEST(leaving_starts_a_rebalance_and_the_last_one_empties_the_group)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    CHECK_INT(left_of(rig_leave(&p.r, "g", p.a, NULL, 1)), 0);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.b, NULL), KERR_REBALANCE_IN_PROGRESS);
    CHECK_INT(left_of(rig_leave(&p.r, "g", p.a, NULL, 1)), KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(left_of(rig_leave(&p.r, "nope", p.a, NULL, 4)), KERR_UNKNOWN_MEMBER_ID);
    p.r.hold = true;
    struct req *last = rig_leave(&p.r, "g", p.b, NULL, 4);
    CHECK(!last->answers && p.r.held_n == 1);
    rig_commit_one(&p.r, 0);
    CHECK_INT(left_of(last), 0);
    CHECK(rig_state_is(&p.r, "g", "Empty"));
    pair_down(&p);
}

TEST(who_waits_in_a_phase_and_leaves_is_told_so)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    struct req *b = rig_join(&p.r, (struct join_args){.member = p.b, .protocols = "range=new"});
    CHECK_INT(left_of(rig_leave(&p.r, "g", p.b, NULL, 4)), 0);
    CHECK_INT(JOINED(b), KERR_UNKNOWN_MEMBER_ID);
    struct req *a = rig_join(&p.r, (struct join_args){.member = p.a});
    CHECK_INT(JOINED(a), 0);
    struct req *c = rig_join(&p.r, (struct join_args){.client = "c"});
    a = rig_join(&p.r, (struct join_args){.member = p.a});
    CHECK_INT(JOINED(c), 0);
    struct req *s = rig_sync(&p.r, "g", joined_of(c)->generation_id, joined_of(c)->member_id, NULL, NULL, 0);
    CHECK_INT(left_of(rig_leave(&p.r, "g", joined_of(c)->member_id, NULL, 4)), 0);
    CHECK_INT(SYNCED(s), KERR_UNKNOWN_MEMBER_ID);
    pair_down(&p);
}

TEST(a_second_join_of_one_member_answers_the_first)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    struct req *b = rig_join(&p.r, (struct join_args){.member = p.b, .protocols = "range=new"});
    struct req *b2 = rig_join(&p.r, (struct join_args){.member = p.b, .protocols = "range=new"});
    CHECK_INT(JOINED(b), KERR_REBALANCE_IN_PROGRESS);
    struct req *a = rig_join(&p.r, (struct join_args){.member = p.a});
    CHECK_INT(JOINED(a), 0);
    CHECK_INT(JOINED(b2), 0);
    pair_down(&p);
}

TEST(a_follower_with_the_same_metadata_gets_the_generation_again_the_leader_a_new_one)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    struct req *b = rig_join(&p.r, (struct join_args){.member = p.b});
    CHECK_INT(JOINED(b), 0);
    CHECK_INT(joined_of(b)->generation_id, 1);
    CHECK_INT(joined_of(b)->members_n, 0);
    struct req *a = rig_join(&p.r, (struct join_args){.member = p.a});
    CHECK(!a->answers && rig_state_is(&p.r, "g", "PreparingRebalance"));
    pair_down(&p);
}

TEST(members_that_never_sync_are_out)
{
    struct rig r;
    rig_init(&r);
    struct req *a = rig_join(&r, (struct join_args){.client = "a"});
    struct req *b = rig_join(&r, (struct join_args){.client = "b"});
    rig_pass(&r, 600);
    struct slice ma = joined_of(a)->member_id, mb = joined_of(b)->member_id;
    struct grp_assigned all[] = {{ma, slice_cstr("A")}};
    CHECK_INT(SYNCED(rig_sync(&r, "g", 1, ma, NULL, all, 1)), 0);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(rig_heartbeat(&r, "g", 1, mb, NULL), 0);
        rig_pass(&r, 1000);
    }
    CHECK_INT(rig_heartbeat(&r, "g", 1, mb, NULL), KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(rig_heartbeat(&r, "g", 1, ma, NULL), KERR_REBALANCE_IN_PROGRESS);
    rig_fini(&r);
}

TEST(a_failed_append_of_the_assignment_makes_all_rejoin)
{
    struct rig r;
    rig_init(&r);
    struct req *a = rig_join(&r, (struct join_args){.client = "a"});
    rig_pass(&r, 300);
    r.hold = true;
    struct slice ma = joined_of(a)->member_id;
    struct req *s = rig_sync(&r, "g", 1, ma, NULL, NULL, 0);
    rig_commit_one(&r, ERR_NOT_ENOUGH_REPLICAS);
    CHECK_INT(SYNCED(s), KERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(rig_heartbeat(&r, "g", 1, ma, NULL), KERR_REBALANCE_IN_PROGRESS);
    struct req *again = rig_join(&r, (struct join_args){.member = ma});
    CHECK_INT(JOINED(again), 0);
    CHECK_INT(joined_of(again)->generation_id, 2);
    /* A rebalance that begins while the append is open wins over it. */
    s = rig_sync(&r, "g", 2, ma, NULL, NULL, 0);
    struct req *b = rig_join(&r, (struct join_args){.client = "b"});
    CHECK_INT(SYNCED(s), KERR_REBALANCE_IN_PROGRESS);
    rig_commit_one(&r, 0);
    CHECK(!b->answers && rig_state_is(&r, "g", "PreparingRebalance"));
    rig_fini(&r);
}

TEST(a_new_group_that_cannot_be_stored_is_gone)
{
    struct rig r;
    rig_init(&r);
    r.hold = true;
    struct req *a = rig_join(&r, (struct join_args){.client = "a"});
    rig_commit_one(&r, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(JOINED(a), KERR_NOT_COORDINATOR);
    CHECK_INT(rig_list(&r)->groups_n, 0);
    CHECK_INT(r.shard.groups.n, 0);
    rig_fini(&r);
}

TEST(protocols_are_chosen_by_votes_among_what_all_support)
{
    struct rig r;
    rig_init(&r);
    struct req *a = rig_join(&r, (struct join_args){.client = "a", .protocols = "x=1,y=2,z=3"});
    struct req *b = rig_join(&r, (struct join_args){.client = "b", .protocols = "w=0,y=2,z=3,x=1"});
    struct req *c = rig_join(&r, (struct join_args){.client = "c", .protocols = "y=2,x=1"});
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.client = "d", .protocols = "z=3"})),
              KERR_INCONSISTENT_GROUP_PROTOCOL);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.client = "d", .protocols = "y=3", .type = "connect"})),
              KERR_INCONSISTENT_GROUP_PROTOCOL);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.group = "h", .protocols = ""})),
              KERR_INCONSISTENT_GROUP_PROTOCOL);
    rig_pass(&r, 900);
    CHECK(IS(joined_of(a)->protocol_name, "y") && IS(joined_of(c)->protocol_name, "y"));
    CHECK(IS(joined_of(a)->members[1].metadata, "2"));
    struct kp_sync_group_request q;
    kp_sync_group_request_init(&q);
    q.group_id = slice_cstr("g");
    q.generation_id = 1;
    q.member_id = joined_of(b)->member_id;
    q.protocol_name = slice_cstr("x");
    struct grp_event ev = {.type = GRP_SYNC, .sync = &q};
    CHECK_INT(SYNCED(rig_req(&r, &ev, 4)), KERR_INCONSISTENT_GROUP_PROTOCOL);
    q.protocol_name = slice_cstr("y");
    CHECK_INT(SYNCED(rig_req(&r, &ev, 5)), KERR_INCONSISTENT_GROUP_PROTOCOL); /* the type is missing */
    rig_fini(&r);
}

TEST(limits_of_groups_hold)
{
    struct rig r;
    rig_init(&r);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.session = 99})), KERR_INVALID_SESSION_TIMEOUT);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.session = 100001})), KERR_INVALID_SESSION_TIMEOUT);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.group = ""})), KERR_INVALID_GROUP_ID);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.member = slice_cstr("x")})), KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(SYNCED(rig_sync(&r, "", 1, slice_cstr("x"), NULL, NULL, 0)), KERR_INVALID_GROUP_ID);
    CHECK_INT(rig_heartbeat(&r, "", 1, slice_cstr("x"), NULL), KERR_INVALID_GROUP_ID);
    struct grp_config two = rig_config;
    two.size_max = 2;
    grp_configure(&r.shard, &two);
    struct req *a = rig_join(&r, (struct join_args){.client = "a"});
    struct req *b = rig_join(&r, (struct join_args){.client = "b"});
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.client = "c"})), KERR_GROUP_MAX_SIZE_REACHED);
    rig_pass(&r, 600);
    CHECK_INT(JOINED(a), 0);
    CHECK_INT(JOINED(b), 0);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){.client = "c"})), KERR_GROUP_MAX_SIZE_REACHED);
    rig_fini(&r);
}

TEST(version_0_uses_the_session_timeout_for_the_rebalance)
{
    struct rig r;
    rig_init(&r);
    struct kp_join_group_request q;
    struct kp_join_group_request_join_group_request_protocol p = {slice_cstr("range"), slice_cstr("m")};
    kp_join_group_request_init(&q);
    q.group_id = slice_cstr("g");
    q.session_timeout_ms = 6000;
    q.protocol_type = slice_cstr("consumer");
    q.protocols = &p;
    q.protocols_n = 1;
    struct grp_event ev = {.type = GRP_JOIN, .join = &q, .client_id = slice_cstr("old")};
    struct req *a = xcalloc(1, sizeof *a);
    arena_init(&a->arena);
    a->w.arena = &a->arena;
    a->next = r.reqs;
    r.reqs = a;
    ev.waiter = &a->w;
    rig_step(&r, &ev);
    rig_pass(&r, 300);
    CHECK_INT(JOINED(a), 0);
    CHECK_INT(grp_rebalance_timeout(grp_find(&r.shard, slice_cstr("g"))), 6000);
    rig_fini(&r);
}

/* ---- static members ---- */

TEST(a_static_member_restarts_without_a_rebalance)
{
    struct pair p;
    pair_up(&p, "ia", "ib");
    p.r.hold = true;
    struct req *b = rig_join(&p.r, (struct join_args){.client = "b2", .instance = "ib", .version = 5});
    CHECK(!b->answers && p.r.held_n == 1); /* the new id is stored first */
    rig_commit(&p.r);
    CHECK_INT(JOINED(b), 0);
    CHECK_INT(joined_of(b)->generation_id, 1);
    CHECK(slice_eq(joined_of(b)->leader, p.a) && !slice_eq(joined_of(b)->member_id, p.b));
    CHECK(memcmp(joined_of(b)->member_id.p, "ib-", 3) == 0);
    CHECK(IS(synced_of(rig_sync(&p.r, "g", 1, joined_of(b)->member_id, "ib", NULL, 0))->assignment, "B"));
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.b, "ib"), KERR_FENCED_INSTANCE_ID);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.b, NULL), KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.b, "other"), KERR_UNKNOWN_MEMBER_ID);
    CHECK(IS(rig_describe(&p.r, "g")->members[1].client_id, "b"));
    pair_down(&p);
}

TEST(a_static_leader_that_restarts_is_told_to_skip_the_assignment)
{
    struct pair p;
    pair_up(&p, "ia", "ib");
    struct req *old = rig_join(&p.r, (struct join_args){.client = "a", .instance = "ia", .version = 8});
    CHECK_INT(JOINED(old), 0);
    CHECK(slice_eq(joined_of(old)->leader, p.a)); /* not itself: it shall not assign */
    CHECK_INT(joined_of(old)->members_n, 0);
    struct req *new = rig_join(&p.r, (struct join_args){.client = "a", .instance = "ia", .version = 9});
    CHECK(slice_eq(joined_of(new)->leader, joined_of(new)->member_id));
    CHECK(joined_of(new)->skip_assignment);
    CHECK_INT(joined_of(new)->members_n, 2);
    CHECK(IS(joined_of(new)->members[0].group_instance_id, "ia"));
    pair_down(&p);
}

TEST(a_static_restart_whose_append_fails_is_undone)
{
    struct pair p;
    pair_up(&p, "ia", "ib");
    p.r.hold = true;
    struct req *b = rig_join(&p.r, (struct join_args){.client = "b2", .instance = "ib", .version = 5});
    rig_commit_one(&p.r, ERR_NOT_ENOUGH_REPLICAS);
    CHECK_INT(JOINED(b), KERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.b, "ib"), 0);
    CHECK(rig_state_is(&p.r, "g", "Stable"));
    pair_down(&p);
}

TEST(a_static_member_that_comes_back_in_a_rebalance_takes_part)
{
    struct pair p;
    pair_up(&p, "ia", "ib");
    struct req *c = rig_join(&p.r, (struct join_args){.client = "c"});
    struct req *a = rig_join(&p.r, (struct join_args){.member = p.a, .instance = "ia", .version = 5});
    struct req *b = rig_join(&p.r, (struct join_args){.client = "b", .instance = "ib", .version = 5});
    CHECK_INT(JOINED(a), 0);
    CHECK_INT(JOINED(b), 0);
    CHECK_INT(JOINED(c), 0);
    CHECK_INT(joined_of(b)->generation_id, 2);
    /* While syncs are awaited its new id starts another one, and fences the old one's wait. */
    struct req *s = rig_sync(&p.r, "g", 2, joined_of(b)->member_id, "ib", NULL, 0);
    struct req *b2 = rig_join(&p.r, (struct join_args){.client = "b", .instance = "ib", .version = 5});
    CHECK_INT(SYNCED(s), KERR_FENCED_INSTANCE_ID);
    CHECK(!b2->answers && rig_state_is(&p.r, "g", "PreparingRebalance"));
    struct req *b3 = rig_join(&p.r, (struct join_args){.client = "b", .instance = "ib", .version = 5});
    CHECK_INT(JOINED(b2), KERR_FENCED_INSTANCE_ID);
    CHECK(!b3->answers);
    pair_down(&p);
}

TEST(absent_static_members_keep_their_place_in_a_rebalance)
{
    struct pair p;
    pair_up(&p, "ia", "ib");
    struct req *b = rig_join(
        &p.r, (struct join_args){.member = p.b, .instance = "ib", .protocols = "range=n", .version = 5});
    rig_pass(&p.r, 5000);
    CHECK_INT(JOINED(b), 0);
    CHECK_INT(joined_of(b)->members_n, 2);
    CHECK(slice_eq(joined_of(b)->leader, p.b)); /* the old leader is away */
    pair_down(&p);
}

TEST(an_administrator_removes_a_static_member_by_its_instance)
{
    struct pair p;
    pair_up(&p, "ia", "ib");
    CHECK_INT(left_of(rig_leave(&p.r, "g", slice_cstr(""), "ix", 4)), KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(left_of(rig_leave(&p.r, "g", p.a, "ib", 4)), KERR_FENCED_INSTANCE_ID);
    CHECK_INT(left_of(rig_leave(&p.r, "g", slice_cstr(""), "ib", 4)), 0);
    CHECK_INT(rig_describe(&p.r, "g")->members_n, 1);
    pair_down(&p);
}

/* ---- offsets ---- */

TEST(offsets_are_seen_once_they_are_committed)
{
    struct rig r;
    rig_init(&r);
    r.hold = true;
    CHECK_INT(rig_offset(&r, "s", "t", 0, false), -1);
    struct req *c = rig_offset_commit(
        &r, (struct commit_args){.group = "s", .generation = -1, .offset = 5, .metadata = "me"});
    CHECK(!c->answers);
    CHECK_INT(rig_offset(&r, "s", "t", 0, false), -1);
    rig_commit_one(&r, 0);
    CHECK_INT(committed_of(c), 0);
    CHECK_INT(rig_offset(&r, "s", "t", 0, true), 5);
    CHECK_INT(rig_offset(&r, "s", "t", 1, false), -1);
    const struct kp_offset_fetch_response_offset_fetch_response_group *f = rig_fetch(&r, "s", "t", 0, false);
    CHECK(IS(f->topics[0].partitions[0].metadata, "me"));
    CHECK_INT(f->topics[0].partitions[0].committed_leader_epoch, 3);
    c = rig_offset_commit(&r, (struct commit_args){.group = "s", .generation = -1, .offset = 9});
    rig_commit_one(&r, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    CHECK_INT(committed_of(c), KERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(rig_offset(&r, "s", "t", 0, false), 5);
    c = rig_offset_commit(&r, (struct commit_args){.group = "s2", .generation = -1, .offset = 9});
    rig_commit_one(&r, ERR_MESSAGE_TOO_LARGE);
    CHECK_INT(committed_of(c), KERR_INVALID_COMMIT_OFFSET_SIZE);
    CHECK_INT(rig_list(&r)->groups_n, 1);
    rig_fini(&r);
}

TEST(commits_are_checked_against_the_generation)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    CHECK_INT(committed_of(
                  rig_offset_commit(&p.r, (struct commit_args){.generation = 1, .member = p.a, .offset = 1})),
              0);
    CHECK_INT(committed_of(rig_offset_commit(&p.r, (struct commit_args){.generation = 2, .member = p.a})),
              KERR_ILLEGAL_GENERATION);
    CHECK_INT(committed_of(
                  rig_offset_commit(&p.r, (struct commit_args){.generation = 1, .member = slice_cstr("x")})),
              KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(committed_of(rig_offset_commit(&p.r, (struct commit_args){.generation = -1})),
              KERR_UNKNOWN_MEMBER_ID);
    CHECK_INT(committed_of(rig_offset_commit(
                  &p.r, (struct commit_args){.group = "new", .generation = 1, .version = 9})),
              KERR_GROUP_ID_NOT_FOUND);
    CHECK_INT(committed_of(rig_offset_commit(
                  &p.r, (struct commit_args){.group = "new", .generation = 1, .version = 8})),
              KERR_ILLEGAL_GENERATION);
    CHECK_INT(committed_of(rig_offset_commit(
                  &p.r, (struct commit_args){.group = "new", .generation = -1, .metadata = "12345678901"})),
              KERR_OFFSET_METADATA_TOO_LARGE);
    CHECK_INT(rig_list(&p.r)->groups_n, 1);
    CHECK_INT(
        committed_of(rig_offset_commit(
            &p.r, (struct commit_args){.generation = 1,
                                       .member = p.a,
                                       .metadata = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"})),
        0);
    /* In a rebalance a member may still commit, until it has joined the next generation. */
    rig_join(&p.r, (struct join_args){.client = "c"});
    CHECK_INT(committed_of(
                  rig_offset_commit(&p.r, (struct commit_args){.generation = 1, .member = p.a, .offset = 2})),
              0);
    rig_join(&p.r, (struct join_args){.member = p.a});
    rig_join(&p.r, (struct join_args){.member = p.b});
    CHECK_INT(committed_of(
                  rig_offset_commit(&p.r, (struct commit_args){.generation = 2, .member = p.a, .offset = 2})),
              KERR_REBALANCE_IN_PROGRESS);
    pair_down(&p);
}

TEST(a_commit_keeps_the_session_alive)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        rig_pass(&p.r, 6000);
        CHECK_INT(committed_of(rig_offset_commit(&p.r, (struct commit_args){.generation = 1, .member = p.a})),
                  0);
        CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.b, NULL), 0);
    }
    CHECK(rig_state_is(&p.r, "g", "Stable"));
    pair_down(&p);
}

static const char subscription[] = "\0\0\0\0\0\1\0\1t\xff\xff\xff\xff"; /* version 0, topic t, no user data */

TEST(offsets_of_topics_that_are_read_cannot_be_deleted)
{
    struct rig r;
    rig_init(&r);
    CHECK_INT(rig_delete_offset(&r, "", "t", 0), KERR_INVALID_GROUP_ID);
    CHECK_INT(rig_delete_offset(&r, "g", "t", 0), KERR_GROUP_ID_NOT_FOUND);
    struct kp_join_group_request q;
    struct kp_join_group_request_join_group_request_protocol p = {
        slice_cstr("range"), slice_of(subscription, sizeof subscription - 1)};
    kp_join_group_request_init(&q);
    q.group_id = slice_cstr("g");
    q.session_timeout_ms = 10000;
    q.rebalance_timeout_ms = 5000;
    q.protocol_type = slice_cstr("consumer");
    q.protocols = &p;
    q.protocols_n = 1;
    struct grp_event ev = {.type = GRP_JOIN, .join = &q, .client_id = slice_cstr("c")};
    struct req *a = rig_req(&r, &ev, 3);
    rig_pass(&r, 300);
    struct slice m = joined_of(a)->member_id;
    CHECK_INT(SYNCED(rig_sync(&r, "g", 1, m, NULL, NULL, 0)), 0);
    CHECK_INT(
        committed_of(rig_offset_commit(&r, (struct commit_args){.generation = 1, .member = m, .offset = 1})),
        0);
    CHECK_INT(committed_of(rig_offset_commit(
                  &r, (struct commit_args){.generation = 1, .member = m, .topic = "u", .offset = 2})),
              0);
    CHECK_INT(rig_delete_offset(&r, "g", "t", 0), KERR_GROUP_SUBSCRIBED_TO_TOPIC);
    CHECK_INT(rig_delete_offset(&r, "g", "u", 0), 0);
    CHECK_INT(rig_offset(&r, "g", "u", 0, false), -1);
    CHECK_INT(rig_offset(&r, "g", "t", 0, false), 1);
    /* Of a stable consumer group only what it no longer reads expires. */
    CHECK_INT(committed_of(rig_offset_commit(
                  &r, (struct commit_args){.generation = 1, .member = m, .topic = "u", .offset = 2})),
              0);
    for (int i = 0; i < 220; i++) {
        rig_pass(&r, 5000);
        CHECK_INT(rig_heartbeat(&r, "g", 1, m, NULL), 0);
    }
    CHECK_INT(rig_offset(&r, "g", "u", 0, false), -1);
    CHECK_INT(rig_offset(&r, "g", "t", 0, false), 1);
    struct req *other = rig_join(&r, (struct join_args){.group = "connect", .type = "connect"});
    rig_pass(&r, 300);
    CHECK_INT(JOINED(other), 0);
    CHECK_INT(rig_delete_offset(&r, "connect", "t", 0), KERR_NON_EMPTY_GROUP);
    rig_fini(&r);
}

TEST(offsets_expire_by_the_rules_of_their_version)
{
    struct rig r;
    rig_init(&r);
    CHECK_INT(committed_of(rig_offset_commit(
                  &r,
                  (struct commit_args){
                      .group = "old", .generation = -1, .offset = 1, .retention_ms = 70000, .version = 3})),
              0);
    CHECK_INT(committed_of(
                  rig_offset_commit(&r, (struct commit_args){.group = "new", .generation = -1, .offset = 1})),
              0);
    rig_pass(&r, 60000);
    CHECK_INT(rig_offset(&r, "old", "t", 0, false), 1);
    rig_pass(&r, 60000);
    CHECK_INT(rig_offset(&r, "old", "t", 0, false), -1);
    CHECK_INT(rig_list(&r)->groups_n, 1); /* with its last offset the group goes too */
    rig_pass(&r, 800000);
    CHECK_INT(rig_offset(&r, "new", "t", 0, false), 1);
    rig_pass(&r, 140000);
    CHECK_INT(rig_offset(&r, "new", "t", 0, false), -1);
    CHECK_INT(rig_list(&r)->groups_n, 0);
    CHECK_INT(r.shard.groups.n, 0);
    rig_fini(&r);
}

TEST(offsets_of_a_group_with_members_expire_from_when_it_became_empty)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    CHECK_INT(committed_of(
                  rig_offset_commit(&p.r, (struct commit_args){.generation = 1, .member = p.a, .offset = 4})),
              0);
    for (int i = 0; i < 200; i++) {
        rig_pass(&p.r, 9000);
        CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.a, NULL), 0);
        CHECK_INT(rig_heartbeat(&p.r, "g", 1, p.b, NULL), 0);
    }
    CHECK_INT(rig_offset(&p.r, "g", "t", 0, false), 4);
    rig_leave(&p.r, "g", p.a, NULL, 4);
    rig_leave(&p.r, "g", p.b, NULL, 4);
    rig_pass(&p.r, 990000);
    CHECK_INT(rig_offset(&p.r, "g", "t", 0, false), 4);
    rig_pass(&p.r, 80000);
    CHECK_INT(rig_offset(&p.r, "g", "t", 0, false), -1);
    CHECK_INT(rig_list(&p.r)->groups_n, 0);
    pair_down(&p);
}

TEST(groups_are_deleted_when_they_are_empty)
{
    struct pair p;
    pair_up(&p, NULL, NULL);
    CHECK_INT(rig_delete(&p.r, "nope"), KERR_GROUP_ID_NOT_FOUND);
    CHECK_INT(rig_delete(&p.r, "g"), KERR_NON_EMPTY_GROUP);
    CHECK_INT(committed_of(
                  rig_offset_commit(&p.r, (struct commit_args){.group = "s", .generation = -1, .offset = 4})),
              0);
    p.r.hold = true;
    CHECK_INT(rig_delete(&p.r, "s"), -99);
    rig_commit_one(&p.r, ERR_NOT_ENOUGH_REPLICAS);
    CHECK_INT(rig_offset(&p.r, "s", "t", 0, false), 4);
    /* A commit that is on its way when the group is deleted goes as well; one after it makes the group anew.
     */
    rig_offset_commit(&p.r,
                      (struct commit_args){.group = "s", .generation = -1, .partition = 1, .offset = 5});
    CHECK_INT(rig_delete(&p.r, "s"), -99);
    rig_offset_commit(&p.r,
                      (struct commit_args){.group = "s", .generation = -1, .partition = 2, .offset = 6});
    rig_commit(&p.r);
    CHECK_INT(rig_offset(&p.r, "s", "t", 0, false), -1);
    CHECK_INT(rig_offset(&p.r, "s", "t", 1, false), -1);
    CHECK_INT(rig_offset(&p.r, "s", "t", 2, false), 6);
    const struct kp_describe_groups_response_described_group *d = rig_describe(&p.r, "nope");
    CHECK_INT(d->error_code, KERR_GROUP_ID_NOT_FOUND);
    CHECK(IS(d->group_state, "Dead") && IS(d->error_message, "Group nope not found."));
    pair_down(&p);
}

TEST(a_deleted_topic_takes_its_offsets_along)
{
    struct rig r;
    rig_init(&r);
    rig_offset_commit(&r, (struct commit_args){.group = "a", .generation = -1, .offset = 1});
    rig_offset_commit(&r, (struct commit_args){.group = "b", .generation = -1, .offset = 2});
    rig_offset_commit(&r, (struct commit_args){.group = "b", .generation = -1, .topic = "u", .offset = 3});
    struct grp_event ev = {.type = GRP_TOPIC_DELETED, .topic = slice_cstr("t")};
    rig_step(&r, &ev);
    CHECK_INT(rig_offset(&r, "a", "t", 0, false), -1);
    CHECK_INT(rig_offset(&r, "b", "t", 0, false), -1);
    CHECK_INT(rig_offset(&r, "b", "u", 0, false), 3);
    rig_fini(&r);
}

TEST(offsets_of_a_transaction_appear_at_its_end)
{
    struct rig r;
    rig_init(&r);
    rig_offset_commit(&r, (struct commit_args){.group = "s", .generation = -1, .offset = 1});
    CHECK_INT(rig_txn_commit(&r, "s", 77, "t", 0, 10)->answers, 1);
    CHECK_INT(rig_txn_commit(&r, "s", 78, "t", 1, 11)->answers, 1);
    CHECK_INT(rig_offset(&r, "s", "t", 0, false), 1);
    CHECK_INT(rig_offset(&r, "s", "t", 0, true), -1000 - KERR_UNSTABLE_OFFSET_COMMIT);
    rig_txn_end(&r, 78, false);
    CHECK_INT(rig_offset(&r, "s", "t", 1, true), -1);
    /* A plain commit after the transactional one stays. */
    rig_txn_commit(&r, "s", 77, "t", 2, 12);
    rig_offset_commit(&r, (struct commit_args){.group = "s", .generation = -1, .partition = 2, .offset = 20});
    rig_txn_end(&r, 77, true);
    CHECK_INT(rig_offset(&r, "s", "t", 0, true), 10);
    CHECK_INT(rig_offset(&r, "s", "t", 2, true), 20);
    rig_txn_end(&r, 77, true);
    rig_fini(&r);
}

/* ---- loading ---- */

TEST(a_replayed_shard_goes_on_where_the_other_was)
{
    struct pair p;
    struct rig to;
    pair_up(&p, NULL, "ib");
    CHECK_INT(committed_of(rig_offset_commit(
                  &p.r, (struct commit_args){.generation = 1, .member = p.a, .offset = 4, .metadata = "x"})),
              0);
    rig_replay(&p.r, &to);
    struct strbuf a, b;
    strbuf_init(&a);
    strbuf_init(&b);
    rig_see_all(&p.r, &a);
    rig_see_all(&to, &b);
    CHECK_STR(strbuf_cstr(&b), strbuf_cstr(&a));
    strbuf_fini(&a);
    strbuf_fini(&b);
    CHECK_INT(rig_heartbeat(&to, "g", 1, p.a, NULL), 0);
    CHECK_INT(rig_heartbeat(&to, "g", 1, p.b, "ib"), 0);
    rig_pass(&to, 10000);
    CHECK_INT(rig_heartbeat(&to, "g", 1, p.a, NULL), KERR_UNKNOWN_MEMBER_ID);
    rig_fini(&to);
    pair_down(&p);
}

TEST(requests_before_and_after_the_time_of_a_shard_are_refused)
{
    struct rig r = {.now_ms = 1};
    grp_init(&r.shard, &rig_config);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){0})), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(rig_heartbeat(&r, "g", 1, slice_cstr("m"), NULL),
              0); /* or the client would look for a coordinator */
    CHECK_INT(committed_of(rig_offset_commit(&r, (struct commit_args){.generation = -1})),
              KERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(rig_offset(&r, "g", "t", 0, false), -1000 - KERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(rig_describe(&r, "g")->error_code, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(rig_list(&r)->error_code, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    CHECK_INT(rig_delete(&r, "g"), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    rig_event(&r, GRP_LOADED);
    struct req *a = rig_join(&r, (struct join_args){0});
    r.hold = true;
    struct req *c = rig_offset_commit(&r, (struct commit_args){.group = "s", .generation = -1});
    rig_event(&r, GRP_UNLOAD);
    CHECK_INT(JOINED(a), KERR_NOT_COORDINATOR);
    CHECK_INT(committed_of(c), KERR_NOT_COORDINATOR);
    CHECK_INT(JOINED(rig_join(&r, (struct join_args){0})), KERR_NOT_COORDINATOR);
    rig_commit(&r); /* too late, and harmless */
    rig_event(&r, GRP_LOADED);
    CHECK_INT(rig_list(&r)->groups_n, 0);
    rig_fini(&r);
}

TEST(records_that_cannot_be_read_are_refused)
{
    struct grp_shard s;
    struct grp_effects e;
    grp_init(&s, &rig_config);
    grp_effects_init(&e);
    struct grp_event ev = {.type = GRP_LOAD_RECORD,
                           .record = {slice_of("\0\2\0\1g", 5), slice_of("\0\3\0", 3), -1}};
    CHECK_INT(grp_step(&s, &ev, &e), ERR_FORMAT);
    ev.record.key = slice_of("\0", 1);
    CHECK_INT(grp_step(&s, &ev, &e), ERR_FORMAT);
    ev.record.key = slice_of("\0\7x", 3); /* of another kind of group */
    CHECK_INT(grp_step(&s, &ev, &e), 0);
    grp_effects_fini(&e);
    grp_fini(&s);
}
