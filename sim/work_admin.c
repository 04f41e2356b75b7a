/* Administrators.
 *
 *   committer   commits growing offsets; a commit that was answered is never forgotten
 *   admin       creates and deletes topics; what was answered stays so, over every crash
 *   mover       moves partitions between log directories */
#include "work_int.h"
#include "kp/alter_replica_log_dirs.h"
#include "kp/create_topics.h"
#include "kp/delete_topics.h"
#include "kp/metadata.h"
#include "kp/offset_commit.h"
#include "kp/offset_fetch.h"

#include <stdio.h>

/* ---- the committer ---- */
static struct {
    struct client client;
    int64_t tried, acked;
    bool looking;
} committer;
static void commit_go(void *arg, uint64_t tag);
static void commit_soon(void)
{
    if (!run.quiet) world_at(world.now_ns + pause_ns() + 10 * SIM_MS, commit_go, NULL, 0);
}
static void committed(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_offset_commit_response *r = resp;
    if (r) {
        int err = r->topics[0].partitions[0].error_code;
        if (err == 0) committer.acked = committer.tried;
        else if (!may_retry(err)) world_fail("OffsetCommit: error %d", r->topics[0].partitions[0].error_code);
    }
    commit_soon();
}
static void looked(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_offset_fetch_response *r = resp;
    if (r && r->error_code == 0 && r->topics_n == 1) {
        int64_t got = r->topics[0].partitions[0].committed_offset;
        if ((got < committer.acked && !damage.offsets) || got > committer.tried)
            world_fail(
                "the group's offset is %lld, but %lld was acknowledged and %lld the last that was sent",
                (long long)got, (long long)committer.acked, (long long)committer.tried);
    } else if (r && r->error_code && !may_retry(r->error_code))
        world_fail("OffsetFetch: error %d", r->error_code);
    commit_soon();
}
static void commit_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (committer.client.busy || world.failed || run.quiet) return;
    if (!run.topic_made) {
        commit_soon();
        return;
    }
    if (committer.acked && world_below(3) == 0) {
        ask_committed(&committer.client, "g", TOPIC, 0, looked);
        return;
    }
    struct ask_member nobody = {.group = "g", .id = "", .generation = -1};
    ask_commit(&committer.client, &nobody, TOPIC, 0, ++committer.tried, committed);
}

/* ---- the admin ---- */
#define NAMES 6
enum known { UNKNOWN, THERE, GONE };
static struct {
    struct client client;
    enum known state[NAMES];
    int64_t doubt_ns[NAMES]; /* until then a request without an answer may still take effect */
    int at;
    bool deleting;
} admin;
static void admin_go(void *arg, uint64_t tag);
static void admin_soon(int64_t ns)
{
    if (!run.quiet || !run.topic_made) world_at(world.now_ns + ns, admin_go, NULL, 0);
}
static const char *name_of(int i)
{
    static char name[32];
    snprintf(name, sizeof name, "topic-%d", i);
    return name;
}
static void topic_answer(struct client *c, const void *resp)
{
    int err = 0, code = 0;
    (void)c;
    if (!resp) {
        if (admin.at >= 0) {
            admin.state[admin.at] = UNKNOWN;
            admin.doubt_ns[admin.at] = world.now_ns + 30 * SIM_S;
        }
    } else {
        if (admin.deleting) code = ((const struct kp_delete_topics_response *)resp)->responses[0].error_code;
        else code = ((const struct kp_create_topics_response *)resp)->topics[0].error_code;
        err = code;
        world_trace(30, (uint64_t)code);
        bool there_already = !admin.deleting && err == KERR_TOPIC_ALREADY_EXISTS,
             gone_already = admin.deleting && err == KERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (admin.at < 0) {
            run.topic_made = err == 0 || there_already;
            if (err == 0) fate_topic_made();
        }
        else if (err == 0 || there_already || gone_already) {
            enum known now = admin.deleting ? GONE : THERE;
            if ((there_already && admin.state[admin.at] == GONE) ||
                (gone_already && admin.state[admin.at] == THERE))
                world_fail("%s: the broker says that it is %s, but it was %s", name_of(admin.at),
                           admin.deleting ? "not there" : "there", admin.deleting ? "created" : "deleted");
            if (world.now_ns > admin.doubt_ns[admin.at]) admin.state[admin.at] = now;
        } else if (!may_retry(err))
            world_fail("%s: error %d", admin.deleting ? "DeleteTopics" : "CreateTopics", code);
    }
    admin_soon(100 * SIM_MS + pause_ns());
}
static void listed(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_metadata_response *m = resp;
    for (int i = 0; m && i < NAMES; i++) {
        bool there = false;
        for (int k = 0; k < m->topics_n; k++) there |= slice_eq_cstr(m->topics[k].name, name_of(i));
        if (admin.state[i] == THERE && !there) world_fail("%s was created and is not there", name_of(i));
        if (admin.state[i] == GONE && there) world_fail("%s was deleted and is there", name_of(i));
        if (world.now_ns > admin.doubt_ns[i]) admin.state[i] = there ? THERE : GONE;
    }
    admin_soon(100 * SIM_MS + pause_ns());
}
static void admin_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (admin.client.busy || world.failed || (run.quiet && run.topic_made)) return;
    admin.at = run.topic_made ? (int)world_below(NAMES) : -1;
    if (run.topic_made && world_below(3) == 0) {
        struct kp_metadata_request q;
        kp_metadata_request_init(&q);
        q.topics = NULL;
        q.topics_n = -1;
        client_call(&admin.client, 3, 8, &q, listed);
        return;
    }
    admin.deleting = run.topic_made && admin.state[admin.at] == THERE;
    if (admin.deleting) {
        struct kp_delete_topics_request q;
        struct slice name = slice_cstr(name_of(admin.at));
        kp_delete_topics_request_init(&q);
        q.topic_names = &name;
        q.topic_names_n = 1;
        q.timeout_ms = 10000;
        client_call(&admin.client, 20, 5, &q, topic_answer);
        return;
    }
    ask_create_topic(&admin.client, run.topic_made ? name_of(admin.at) : TOPIC, PARTITIONS, NULL, 0,
                     topic_answer);
}

/* ---- the mover: takes partitions from one log directory to the other ---- */
static struct {
    struct client client;
} mover;
static void mover_go(void *arg, uint64_t tag);
static void mover_soon(void)
{
    if (!run.quiet) world_at(world.now_ns + 500 * SIM_MS + 4 * pause_ns(), mover_go, NULL, 0);
}
static void moved(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_alter_replica_log_dirs_response *m = resp;
    for (int i = 0; m && i < m->results_n; i++) {
        int err = m->results[i].partitions[0].error_code;
        world_trace(31, (uint64_t)err);
        if (err && err != KERR_REPLICA_NOT_AVAILABLE && !may_retry(err))
            world_fail("AlterReplicaLogDirs: error %d", err);
    }
    mover_soon();
}
static void mover_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    static const char *const dirs[] = {"/d1", "/d2"}, *const topics[] = {TOPIC, KEPT, "__consumer_offsets"};
    if (mover.client.busy || world.failed || run.quiet) return;
    struct kp_alter_replica_log_dirs_request q;
    struct kp_alter_replica_log_dirs_request_alter_replica_log_dir d;
    struct kp_alter_replica_log_dirs_request_alter_replica_log_dir_topic t;
    int32_t partition = (int32_t)world_below(PARTITIONS);
    kp_alter_replica_log_dirs_request_init(&q);
    memset(&d, 0, sizeof d);
    memset(&t, 0, sizeof t);
    t.name = slice_cstr(topics[world_below(NELEMS(topics))]);
    t.partitions = &partition;
    t.partitions_n = 1;
    d.path = slice_cstr(dirs[world_below(NELEMS(dirs))]);
    d.topics = &t;
    d.topics_n = 1;
    q.dirs = &d;
    q.dirs_n = 1;
    client_call(&mover.client, 34, 2, &q, moved);
}

/* ---- their part of a run ---- */
void admin_init(void)
{
    client_init(&committer.client, run.machine, NULL);
    client_init(&admin.client, run.machine, NULL);
    client_init(&mover.client, run.machine, NULL);
}
void mover_start(void)
{
    mover_soon();
}
void commits_start(void)
{
    commit_soon();
}
void admin_start(void)
{
    admin_soon(SIM_S);
}
void admin_quiet(void)
{
    admin_soon(SIM_S);
}
bool admin_settled(void)
{
    return !committer.client.busy && !admin.client.busy && !mover.client.busy && run.topic_made;
}
