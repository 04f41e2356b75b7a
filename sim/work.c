/* A run: faults for some time, then none, and by then everything that was begun must end well.
 *
 *   work_traffic.c     producers and readers
 *   work_session.c a consumer with a fetch session
 *   work_group.c   members of a consumer group
 *   work_kept.c    a compacted topic
 *   work_admin.c   topics, plain commits, moves between log directories
 *   work_hostile.c frames that make no sense
 *   work_fate.c    what happens to the machine
 *
 * In some runs bits flip and files vanish. Of indexes, snapshots and checkpoints there must be no sign. Of
 * one partition's records, the victim's, no wrong byte may be served and no record skipped; what is lost must
 * be named in the log. A damaged metadata log is refused at the start, and then restored. */
#include "work.h"
#include "work_int.h"
#include "base/logline.h"

struct run run;

int64_t pause_ns(void)
{
    if (run.pace > 1 && world_below(8) == 0) return (int64_t)world_below((uint64_t)(run.pace * SIM_S));
    /* Mostly busy, sometimes idle for minutes, so that timers of every size get their turn. */
    return world_below(40) ? (int64_t)world_below(20 * SIM_MS)
                           : (int64_t)world_below(world_below(10) ? 10 * SIM_S : 300 * SIM_S);
}
static bool settled(void)
{
    return traffic_settled() && kept_settled() && admin_settled() && group_settled();
}
static void unsettled(void)
{
    char traffic[60], group[200];
    traffic_tell(traffic, sizeof traffic);
    group_tell(group, sizeof group);
    world_fail("work that was begun did not end within 10 minutes without faults: %s keeper %d admin %d %s",
               traffic, kept_settled(), admin_settled(), group);
}
static void run_until(int64_t ns, bool (*enough)(void))
{
    while (world.now_ns < ns && !world.failed && !(enough && enough()))
        if (!world_step()) world_fail("nothing is left to happen");
}

/* False: a setting is refused. */
static bool configure(bool scrub, bool tightly)
{
    static const char *const settings[][2] = {
        {"listeners", "PLAINTEXT://sim:9092"},
        {"log.dirs", "/d1,/d2"},
        {"log.index.size.max.bytes", "256"},
        {"log.index.interval.bytes", "512"},
        {"log.roll.ms", "3600000"},
        {"offsets.topic.num.partitions", "2"},
        {"num.partitions", "1"},
        {"log.retention.ms", "-1"},
        {"log.flush.offset.checkpoint.interval.ms", "20000"},
        {"moldau.ack.journal.bytes", "65536"},
        {"metadata.log.max.record.bytes.between.snapshots", "4000"},
        {"metadata.log.segment.bytes", "8388608"},
        {"file.delete.delay.ms", "5000"},
        {"log.cleaner.backoff.ms", "1000"},
        {"group.initial.rebalance.delay.ms", "1000"},
        {"moldau.scrub.bytes.per.second", "200000"},
    };
    static const char *const tight[][2] = {
        /* a few requests are all that a shard holds */
        {"socket.request.max.bytes", "6000"},
        {"queued.max.request.bytes", "6000"},
    };
    struct strbuf errors, warnings;
    strbuf_init(&errors);
    strbuf_init(&warnings);
    conf_init(&run.conf);
    for (size_t i = 0; i < NELEMS(settings) - !scrub; i++)
        if (conf_set(&run.conf, slice_cstr(settings[i][0]), slice_cstr(settings[i][1]), CONF_LAYER_STATIC,
                     &errors))
            break;
    for (size_t i = 0; tightly && i < NELEMS(tight); i++)
        if (conf_set(&run.conf, slice_cstr(tight[i][0]), slice_cstr(tight[i][1]), CONF_LAYER_STATIC, &errors))
            break;
    if (errors.n || conf_finish(&run.conf, &errors, &warnings))
        world_fail("settings: %s", strbuf_cstr(&errors));
    strbuf_fini(&errors);
    strbuf_fini(&warnings);
    return !world.failed;
}

void work_run(const struct work *w)
{
    damage.on = world_below(3) == 0;
    damage.victim = (int)world_below(PARTITIONS);
    damage.scrub = world_below(2);
    if (!configure(damage.scrub, world_below(4) == 0)) return;
    run.machine = machine_new();
    fate_draw(w->seconds);
    traffic_start();
    session_start();
    hostile_start();
    admin_init();
    if (world_below(2)) mover_start();
    kept_start();
    commits_start();
    admin_start();
    group_start();
    fate_start();
    run_until(world.now_ns + w->seconds * SIM_S, NULL);

    /* Liveness: with a whole machine everything that was begun comes to its end. */
    run.quiet = true;
    fate_end();
    int64_t limit = world.now_ns + 600 * SIM_S;
    hostile_quiet();
    traffic_quiet();
    admin_quiet();
    kept_quiet();
    group_quiet();
    run_until(world.now_ns + 400 * SIM_S, NULL);
    run_until(limit, settled);
    if (!world.failed && !settled()) unsettled();
    if (!world.failed) traffic_read();
    if (!world.failed) run_until(world.now_ns + 600 * SIM_S, traffic_all_read);
    if (!world.failed && !traffic_all_read()) world_fail("the partitions cannot be read to their ends");
    traffic_check();
    if (!world.failed && damage.sealed && damage.scrub && !damage.named)
        world_fail("the scrub did not find the damage of partition %d", damage.victim);
    if (!world.failed && kept_read()) {
        run_until(world.now_ns + 600 * SIM_S, kept_all_read);
        if (!world.failed && !kept_all_read()) world_fail("the compacted topic cannot be read to its end");
        if (!world.failed) kept_check();
    }
    for (int p = 0; p < PARTITIONS; p++) world_trace(40, (uint64_t)traffic_end(p));
}
