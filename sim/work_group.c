/* Members of a consumer group that read TOPIC together, and what they hold the coordinator to.
 *
 * A member joins, the leader deals out the partitions, each reads its own from the committed offset on and
 * commits what it has read. At times one leaves, falls silent and comes back, begins anew (a static member
 * under the same instance id), or sends a commit that belongs to the past. One may die for good before the
 * end.
 *
 *              joined                 synced
 *      OUT -------------> JOINED ---------------> IN
 *       ^                   |                      |  refused: another generation, an id that is unknown;
 *       +-------------------+----------------------+  leave, silence, a new start
 *
 * 1. In a generation a partition belongs to one member.
 * 2. Nothing of a member is accepted once it, or anybody, knows of a newer generation.
 * 3. A committed offset that was answered is not forgotten, and none comes from nowhere.
 * 4. Up to every position that a member starts at somebody has read every record.
 * 5. Without faults the living come into one generation, own all partitions and read and commit all there is.
 */
#include "work_group.h"
#include "base/logline.h"
#include "kp/consumer_protocol_assignment.h"
#include "kp/consumer_protocol_subscription.h"
#include "kp/find_coordinator.h"
#include "kp/heartbeat.h"
#include "kp/join_group.h"
#include "kp/leave_group.h"
#include "kp/sync_group.h"

#include <stdio.h>

struct group group;

/* A generation that is not in the log yet goes with the broker that made it. */
static int32_t newest_generation(void)
{
    bool same = run.machine->life == group.joined_life;
    return same && group.joined > group.synced ? group.joined : group.synced;
}

/* ---- leaving a generation ---- */
void member_go_out(struct member *m, bool forget_id)
{
    if (m->place == IN) {
        int p = (int)world_below(PARTITIONS);
        m->past = (struct past){.any = true,
                                .generation = m->generation,
                                .position = m->share[p].owned ? max_i64(0, m->share[p].position) : 0};
        memcpy(m->past.id, m->id, sizeof m->past.id);
    }
    memset(m->share, 0, sizeof m->share);
    m->place = OUT;
    if (forget_id) m->id[0] = 0;
}
void member_heard(struct member *m, int err, const char *what)
{
    if (err == 0) {
        m->heard_ns = world.now_ns;
        if (m->asked_generation < m->newest && !group_lost())
            world_fail("%s of generation %d was accepted, but generation %d was there", what,
                       m->asked_generation, m->newest);
    } else if (err == KERR_UNKNOWN_MEMBER_ID || err == KERR_FENCED_INSTANCE_ID) member_go_out(m, true);
    else if (err == KERR_ILLEGAL_GENERATION || err == KERR_REBALANCE_IN_PROGRESS) member_go_out(m, false);
    else if (err == KERR_NOT_COORDINATOR || err == KERR_COORDINATOR_NOT_AVAILABLE) m->coordinated = false;
    else if (!may_retry(err)) world_fail("%s: error %d", what, err);
    world_trace(50 + (uint64_t)m->at, (uint64_t)err);
}
void member_note(struct member *m)
{
    m->life = run.machine->life;
    m->asked_generation = m->generation;
    m->newest = newest_generation();
}
static void ask(struct member *m, int16_t key, int16_t version, const void *q, ask_done *done)
{
    member_note(m);
    client_call(&m->client, key, version, q, done);
}
static struct slice instance_of(const struct member *m)
{
    return m->instance ? slice_cstr(m->instance) : (struct slice){0};
}
static void set_id(char *at, struct slice id)
{
    if (id.n >= ID_MAX) world_fail("a member id of %zu bytes", id.n);
    else snprintf(at, ID_MAX, "%.*s", (int)id.n, (const char *)id.p);
}

/* ---- finding the coordinator ---- */
static void found(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_find_coordinator_response *r = resp;
    if (r && r->error_code == 0) {
        m->coordinated = true;
        if (r->port != SIM_PORT || !slice_eq_cstr(r->host, "sim"))
            world_fail("FindCoordinator names another broker");
    } else if (r && !may_retry(r->error_code)) world_fail("FindCoordinator: error %d", r->error_code);
    member_soon(m, 100 * SIM_MS);
}
void member_find(struct member *m)
{
    struct kp_find_coordinator_request q;
    kp_find_coordinator_request_init(&q);
    q.key = slice_cstr(GROUP);
    ask(m, 10, 3, &q, found);
}

/* ---- joining ---- */
static void joined(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_join_group_response *r = resp;
    if (!r) {
        member_soon(m, 100 * SIM_MS + (int64_t)world_below(SIM_S));
        return;
    }
    if (r->error_code == KERR_MEMBER_ID_REQUIRED && !m->instance) set_id(m->id, r->member_id);
    else if (r->error_code) member_heard(m, r->error_code, "JoinGroup");
    else {
        if (r->generation_id < m->newest && !group_lost())
            world_fail("a member joined generation %d, but generation %d was there", r->generation_id,
                       m->newest);
        m->place = JOINED;
        m->heard_ns = world.now_ns;
        m->generation = r->generation_id;
        set_id(m->id, r->member_id);
        m->leads = slice_eq(r->leader, r->member_id);
        m->plan_n = 0;
        for (int i = 0; m->leads && !r->skip_assignment && i < r->members_n && i < PLAN_MAX; i++)
            set_id(m->plan[m->plan_n++], r->members[i].member_id);
        if (m->life != group.joined_life) group.joined = 0;
        if (m->life >= group.joined_life) {
            group.joined_life = m->life;
            group.joined = r->generation_id > group.joined ? r->generation_id : group.joined;
        }
        world_trace(60 + (uint64_t)m->at, (uint64_t)m->generation);
    }
    member_soon(m, (int64_t)world_below(r->error_code ? SIM_S : 300 * SIM_MS));
}
void member_join(struct member *m)
{
    struct kp_consumer_protocol_subscription s;
    struct kp_join_group_request q;
    struct kp_join_group_request_join_group_request_protocol p;
    struct kp_writer w;
    struct slice topic = slice_cstr(TOPIC);
    kp_consumer_protocol_subscription_init(&s);
    s.topics = &topic;
    s.topics_n = 1;
    kp_writer_init(&w, 64);
    kp_write_i16(&w, 0);
    kp_consumer_protocol_subscription_write(&w, 0, &s);
    kp_join_group_request_init(&q);
    q.group_id = slice_cstr(GROUP);
    q.session_timeout_ms = m->session_ms;
    q.rebalance_timeout_ms = m->rebalance_ms;
    q.member_id = slice_cstr(m->id);
    q.group_instance_id = instance_of(m);
    q.protocol_type = slice_cstr("consumer");
    q.protocols = &p;
    q.protocols_n = 1;
    p.name = slice_cstr("range");
    p.metadata = kp_writer_slice(&w);
    ask(m, 11, m->join_version, &q, joined);
    kp_writer_fini(&w);
}

/* ---- the assignment ---- */
static void take_share(struct member *m, struct slice bytes)
{
    struct kp_consumer_protocol_assignment a;
    struct kp_reader r = kp_reader_of(bytes);
    memset(m->share, 0, sizeof m->share);
    kp_read_i16(&r);
    if (kp_consumer_protocol_assignment_read(&r, &m->client.arena, 0, &a)) {
        world_fail("generation %d: an assignment of %zu bytes that nobody made", m->generation, bytes.n);
        return;
    }
    for (int i = 0; i < (a.assigned_partitions_n ? a.assigned_partitions[0].partitions_n : 0); i++) {
        int p = a.assigned_partitions[0].partitions[i];
        if (p < 0 || p >= PARTITIONS) {
            world_fail("generation %d: partition %d was not assigned by anybody", m->generation, p);
            return;
        }
        if (group.owner[p].generation == m->generation && group.owner[p].member != m->at && !group_lost())
            world_fail("generation %d: partition %d belongs to members %d and %d", m->generation, p,
                       group.owner[p].member, m->at);
        group.owner[p].generation = m->generation;
        group.owner[p].member = m->at;
        m->share[p] = (struct share){.owned = true, .position = -1, .committed = -1};
    }
}
static void synced(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_sync_group_response *r = resp;
    if (r) member_heard(m, r->error_code, "SyncGroup");
    if (r && r->error_code == 0) {
        m->place = IN;
        group.synced = m->generation > group.synced ? m->generation : group.synced;
        if (m->past.generation == m->generation && strcmp(m->past.id, m->id) == 0) m->past.any = false;
        take_share(m, r->assignment);
        logline(LOG_INFO, "sim", "member %d, %s, is in generation %d", m->at, m->id, m->generation);
    }
    member_later(m);
}
/* Partition p of generation g goes to the member at p + g: the same bytes whoever asks again. */
static void plan_for(const struct member *m, int k, struct kp_writer *w)
{
    struct kp_consumer_protocol_assignment a;
    struct kp_consumer_protocol_assignment_topic_partition t;
    int32_t list[PARTITIONS], n = 0;
    for (int32_t p = 0; p < PARTITIONS; p++)
        if ((p + m->generation) % m->plan_n == k) list[n++] = p;
    kp_consumer_protocol_assignment_init(&a);
    kp_consumer_protocol_assignment_topic_partition_init(&t);
    t.topic = slice_cstr(TOPIC);
    t.partitions = list;
    t.partitions_n = n;
    a.assigned_partitions = &t;
    a.assigned_partitions_n = n ? 1 : 0;
    kp_writer_init(w, 32);
    kp_write_i16(w, 0);
    kp_consumer_protocol_assignment_write(w, 0, &a);
}
void member_sync(struct member *m)
{
    struct kp_sync_group_request q;
    struct kp_sync_group_request_sync_group_request_assignment assignments[PLAN_MAX];
    struct kp_writer w[PLAN_MAX];
    kp_sync_group_request_init(&q);
    q.group_id = slice_cstr(GROUP);
    q.generation_id = m->generation;
    q.member_id = slice_cstr(m->id);
    q.group_instance_id = instance_of(m);
    q.protocol_type = slice_cstr("consumer");
    q.protocol_name = slice_cstr("range");
    for (int i = 0; i < m->plan_n; i++) {
        plan_for(m, i, &w[i]);
        assignments[i].member_id = slice_cstr(m->plan[i]);
        assignments[i].assignment = kp_writer_slice(&w[i]);
    }
    q.assignments = assignments;
    q.assignments_n = m->plan_n;
    ask(m, 14, m->sync_version, &q, synced);
    for (int i = 0; i < m->plan_n; i++) kp_writer_fini(&w[i]);
}

/* ---- staying, leaving ---- */
static void beaten(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_heartbeat_response *r = resp;
    if (r) member_heard(m, r->error_code, "Heartbeat");
    member_later(m);
}
void member_beat(struct member *m)
{
    struct kp_heartbeat_request q;
    kp_heartbeat_request_init(&q);
    q.group_id = slice_cstr(GROUP);
    q.generation_id = m->generation;
    q.member_id = slice_cstr(m->id);
    q.group_instance_id = instance_of(m);
    ask(m, 12, 4, &q, beaten);
}
static void left(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_leave_group_response *r = resp;
    int err = !r ? 0 : r->error_code ? r->error_code : r->members_n == 1 ? r->members[0].error_code : 0;
    if (err && err != KERR_UNKNOWN_MEMBER_ID && err != KERR_FENCED_INSTANCE_ID && !may_retry(err))
        world_fail("LeaveGroup: error %d", err);
    member_soon(m, (int64_t)world_below(5 * SIM_S));
}
void member_leave(struct member *m)
{
    struct kp_leave_group_request q;
    struct kp_leave_group_request_member_identity who;
    char id[ID_MAX];
    memcpy(id, m->id, sizeof id);
    member_go_out(m, true);
    kp_leave_group_request_init(&q);
    kp_leave_group_request_member_identity_init(&who);
    who.member_id = slice_cstr(id);
    who.group_instance_id = instance_of(m);
    q.group_id = slice_cstr(GROUP);
    q.members = &who;
    q.members_n = 1;
    ask(m, 13, 4, &q, left);
}
