/* What a member of the group does next, where it reads and what it commits: work_group.c tells the whole. */
#include "work_group.h"
#include "kp/fetch.h"
#include "kp/offset_commit.h"
#include "kp/offset_fetch.h"

#include <stdio.h>

static void member_go(void *arg, uint64_t tag);
void member_soon(struct member *m, int64_t ns)
{
    world_at(world.now_ns + ns, member_go, m, ++m->turn);
}
void member_later(struct member *m)
{
    member_soon(m, (int64_t)world_below(world_below(20) ? 200 * SIM_MS : 2 * SIM_S));
}

/* ---- offsets ---- */
static void committed(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_offset_commit_response *r = resp;
    if (r) {
        member_heard(m, r->topics[0].partitions[0].error_code, "OffsetCommit");
        if (r->topics[0].partitions[0].error_code == 0) {
            group.floor[m->partition] = m->offset;
            m->share[m->partition].committed = m->offset;
        }
    }
    if (r) member_later(m);
    else member_soon(m, 200 * SIM_MS);
}
static void commit(struct member *m, int p)
{
    struct ask_member who = {GROUP, m->id, m->instance, m->generation};
    member_note(m);
    m->partition = p;
    m->offset = m->share[p].position;
    if (m->generation >= m->newest) {
        group.floor[p] = min_i64(group.floor[p], m->offset); /* after a loss it may have begun further back */
        group.tried[p] = max_i64(group.tried[p], m->offset);
    }
    ask_commit(&m->client, &who, TOPIC, p, m->offset, committed);
}
static void too_late(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_offset_commit_response *r = resp;
    int err = r ? r->topics[0].partitions[0].error_code : KERR_REQUEST_TIMED_OUT;
    if (err == 0 && !group_lost())
        world_fail("a commit of member %s in generation %d was accepted, but it is %s in generation %d",
                   m->past.id, m->past.generation, m->id, m->generation);
    m->past.any &= !r || may_retry(err);
    member_later(m);
}
/* The member is known to the log under another id or in another generation. */
static void commit_too_late(struct member *m)
{
    struct ask_member who = {GROUP, m->past.id, m->instance, m->past.generation};
    ask_commit(&m->client, &who, TOPIC, (int32_t)world_below(PARTITIONS), m->past.position, too_late);
}
static void looked_up(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_offset_fetch_response *r = resp;
    int p = m->partition;
    struct share *s = &m->share[p];
    if (r && r->error_code == 0 && r->topics[0].partitions[0].error_code == 0) {
        int64_t got = r->topics[0].partitions[0].committed_offset, floor = min_i64(m->floor, group.floor[p]);
        if ((got < floor || got > group.tried[p]) && !group_lost())
            world_fail("partition %d: the group's offset is %lld, but %lld was acknowledged and %lld the "
                       "highest that was sent",
                       p, (long long)got, (long long)floor, (long long)group.tried[p]);
        if (got > group.read[p] && !group_lost())
            world_fail("partition %d: the group goes on at %lld, but nobody has read from %lld on", p,
                       (long long)got, (long long)group.read[p]);
        if (s->position < 0) {
            s->committed = got;
            s->position = max_i64(0, got);
        } else if (run.quiet) {
            s->confirmed = got == s->committed;
            s->committed = got;
        }
    } else if (r && r->error_code) member_heard(m, r->error_code, "OffsetFetch");
    member_later(m);
}
static void look_up(struct member *m, int p)
{
    m->partition = p;
    m->floor = group.floor[p];
    ask_committed(&m->client, GROUP, TOPIC, p, looked_up);
}

/* ---- reading ---- */
/* The batches follow one another; what is in them the readers look at. */
static void take_records(struct member *m, struct slice s)
{
    struct share *x = &m->share[m->partition];
    struct batch_head h;
    while (s.n && batch_head_parse(s, &h) == 0 && (int64_t)s.n >= h.bytes) {
        if (struck(m->partition) && !batch_crc_ok(s.p, h.bytes)) break;
        if (h.base_offset > x->position && !struck(m->partition)) {
            world_fail("partition %d: a group's member got offset %lld, but %lld was due", m->partition,
                       (long long)h.base_offset, (long long)x->position);
            return;
        }
        x->position = max_i64(x->position, h.last_offset + 1);
        s = slice_of((const uint8_t *)s.p + h.bytes, s.n - (size_t)h.bytes);
    }
    group.read[m->partition] = max_i64(group.read[m->partition], x->position);
}
static void member_fetched(struct client *c, const void *resp)
{
    struct member *m = c->arg;
    const struct kp_fetch_response *f = resp;
    struct share *x = &m->share[m->partition];
    if (f && f->error_code == 0 && f->responses_n == 1 && f->responses[0].partitions_n == 1) {
        const struct kp_fetch_response_partition_data *d = &f->responses[0].partitions[0];
        int err = d->error_code;
        if (err == 0) {
            take_records(m, d->records.s);
            x->read = x->position >= d->high_watermark && run.quiet && traffic_settled();
        } else if (err == KERR_OFFSET_OUT_OF_RANGE) {
            /* Power was lost, and with it what nobody had synced. */
            if (x->position <= traffic_durable_end(m->partition) && !struck(m->partition))
                world_fail("partition %d: the group's offset %lld is out of range, but %lld records were "
                           "acknowledged",
                           m->partition, (long long)x->position,
                           (long long)traffic_durable_end(m->partition));
            x->position = struck(m->partition) ? 0 : traffic_durable_end(m->partition);
        } else if (!may_retry(err)) world_fail("Fetch of partition %d: error %d", m->partition, err);
    }
    member_later(m);
}
static void read_on(struct member *m, int p)
{
    int32_t wait_ms = (int32_t)world_below(500);
    int32_t bytes_max = world_below(2) ? 1 << 20 : 1 + (int32_t)world_below(5000);
    m->partition = p;
    ask_fetch(&m->client, TOPIC, p, m->share[p].position, wait_ms, bytes_max, member_fetched);
}

/* ---- what a member does next ---- */
/* True if it does something else than its work. */
static bool strays(struct member *m)
{
    if (run.quiet) return false;
    switch (world_below(300)) {
    case 0:
        member_leave(m);
        return true;
    case 1:
    case 2: /* it keeps its generation, and does not know what comes to pass meanwhile */
        member_soon(m, (int64_t)world_below((uint64_t)(3 * m->session_ms) * (uint64_t)SIM_MS));
        return true;
    case 3: /* another process takes its place */
        member_go_out(m, true);
        member_soon(m, (int64_t)world_below(5 * SIM_S));
        return true;
    }
    return false;
}
static bool at_rest(int p)
{
    int owners = 0;
    bool rest = true;
    for (int i = 0; i < group.n; i++) {
        const struct member *m = &group.members[i];
        if (m->dead || !m->share[p].owned) continue;
        owners++;
        rest &= struck(p) || (m->share[p].read && m->share[p].confirmed &&
                              m->share[p].position == max_i64(0, m->share[p].committed));
    }
    return owners == 1 && rest;
}
static bool all_at_rest(void)
{
    int32_t generation = -1;
    for (int i = 0; i < group.n; i++) {
        const struct member *m = &group.members[i];
        if (m->dead) continue;
        if (m->place != IN || (generation >= 0 && m->generation != generation)) return false;
        generation = m->generation;
    }
    for (int p = 0; p < PARTITIONS; p++)
        if (!at_rest(p)) return false;
    return true;
}
static void work(struct member *m)
{
    if (strays(m)) return;
    if (m->past.any && world_below(3) == 0) {
        commit_too_late(m);
        return;
    }
    if (world.now_ns - m->heard_ns > m->session_ms * SIM_MS / 4) {
        member_beat(m);
        return;
    }
    int p = (int)world_below(PARTITIONS);
    struct share *x = &m->share[p];
    if (!x->owned) member_later(m);
    else if (x->position < 0) look_up(m, p);
    else if (x->position != max_i64(0, x->committed) && (world_below(3) == 0 || x->read)) commit(m, p);
    else if (x->read && !x->confirmed) look_up(m, p);
    else read_on(m, p);
}
static void member_go(void *arg, uint64_t tag)
{
    struct member *m = arg;
    if (tag != m->turn || m->client.busy || world.failed || m->dead || group.done) return;
    if (run.quiet && (group_lost() || all_at_rest())) {
        group.done = true;
        return;
    }
    /* In a run of weeks the members work for a minute, and are silent until the next time. */
    int64_t every = run.pace * 60 * SIM_S, in = world.now_ns % every;
    if (!run.quiet && in > 60 * SIM_S) member_soon(m, every - in + (int64_t)world_below(SIM_S));
    else if (!run.topic_made) member_soon(m, 100 * SIM_MS);
    else if (!m->coordinated) member_find(m);
    else if (m->place == OUT) member_join(m);
    else if (m->place == JOINED) member_sync(m);
    else work(m);
}

/* ---- their part of a run ---- */
void group_start(void)
{
    static const char *const instances[MEMBERS_MAX] = {"first", "second", "third", "fourth"};
    group.n = 2 + (int)world_below(MEMBERS_MAX - 1);
    for (int p = 0; p < PARTITIONS; p++) group.floor[p] = group.tried[p] = -1;
    for (int i = 0; i < group.n; i++) {
        struct member *m = &group.members[i];
        *m = (struct member){.at = i};
        client_init(&m->client, run.machine, m);
        if (world_below(3) == 0) m->instance = instances[i];
        m->session_ms = 6000 + (int32_t)world_below(SESSION_MS_MAX - 6000);
        m->rebalance_ms = 4000 + (int32_t)world_below(8000);
        m->join_version = (int16_t)(5 + world_below(5));
        m->sync_version = (int16_t)(3 + world_below(3));
        member_soon(m, SIM_S + (int64_t)world_below(5 * SIM_S));
    }
}
void group_quiet(void)
{
    if (world_below(3) == 0) group.members[world_below((uint64_t)group.n)].dead = true;
    for (int i = 0; i < group.n; i++) member_soon(&group.members[i], SIM_S);
}
bool group_settled(void)
{
    for (int i = 0; i < group.n; i++)
        if (group.members[i].client.busy) return false;
    return group.done || group_lost();
}
void group_tell(char *to, size_t n)
{
    size_t at = (size_t)snprintf(to, n, "group");
    for (int i = 0; i < group.n && at < n; i++) {
        const struct member *m = &group.members[i];
        at += (size_t)snprintf(to + at, n - at, " %s%s/%d", m->dead ? "dead " : "",
                               m->place == IN       ? "in"
                               : m->place == JOINED ? "joined"
                                                    : "out",
                               m->generation);
        for (int p = 0; p < PARTITIONS && at < n; p++)
            if (m->share[p].owned)
                at += (size_t)snprintf(to + at, n - at, " %d:%lld,%lld", p, (long long)m->share[p].position,
                                       (long long)m->share[p].committed);
    }
}
