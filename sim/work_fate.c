/* What happens to the machine: kills, power losses, clean stops, clock steps, broken connections, a full
 * disk, damage, and who starts it again. */
#include "work_int.h"
#include "base/logline.h"

#include <stdio.h>

/* ---- damage ---- */
struct struck damage;

static void see_line(const char *p, size_t n)
{
    char line[1100], dir[40], open[60];
    snprintf(line, sizeof line, "%.*s", (int)n, p);
    snprintf(dir, sizeof dir, "/log-%d: ", damage.victim);
    snprintf(open, sizeof open, " log: cannot open partition %d ", damage.victim);
    bool told = strstr(line, "damage") || strstr(line, "recovery cut") || strstr(line, "recovery removed") ||
                strstr(line, "records are missing");
    /* Reads do without it, so nothing else would show that it was not synced when the power went. */
    if (!damage.on && strstr(line, "index of segment") && strstr(line, "is damaged"))
        world_fail("nobody damaged it, but %s", strstr(line, "the "));
    if ((strstr(line, dir) && told) || (strstr(line, open) && strstr(line, "damage"))) damage.named = true;
}

/* ---- fate ---- */
static int64_t mean_fault_ns;
static void fate(void *arg, uint64_t tag);
static void rise_soon(void);
static void strike(void)
{
    struct disk *d = run.machine->disk;
    struct damage x;
    char folder[32];
    bool hit = false;
    snprintf(folder, sizeof folder, "log-%d", (int)world_below(PARTITIONS));
    switch (world_below(12)) {
    case 0:
        hit = disk_flip(d, folder, ".index", FLIP_ANY, &x);
        break;
    case 1:
        hit = disk_flip(d, folder, ".timeindex", FLIP_ANY, &x);
        break;
    case 2:
        hit = disk_flip(d, folder, ".snapshot", FLIP_ANY, &x);
        break;
    case 3:
        hit = disk_flip(d, NULL, "-offset-checkpoint", FLIP_TEXT, &x);
        break;
    case 4:
        hit = disk_lose_file(d, folder, world_below(2) ? ".index" : ".timeindex", true, &x);
        break;
    case 5:
        hit = disk_lose_file(d, folder, ".snapshot", true, &x);
        break;
    case 6:
        hit = disk_lose_file(d, NULL, "-offset-checkpoint", true, &x);
        break;
    case 7:
        if (damage.metadata.file) break;
        hit = disk_flip(d, "__cluster_metadata-0", ".log", FLIP_OLD, &x);
        if (hit) damage.metadata = x;
        break;
    case 8:
        if (damage.metadata.file) break;
        hit = disk_flip(d, "__cluster_metadata-0", ".checkpoint", FLIP_ANY, &x);
        if (hit) damage.metadata = x;
        break;
    case 9:
        hit = disk_flip(d, world_below(2) ? "__consumer_offsets-0" : "__consumer_offsets-1", ".log", FLIP_LOG,
                        &x);
        damage.offsets |= hit;
        break;
    default:
        if (damage.done) break;
        snprintf(folder, sizeof folder, "log-%d", damage.victim);
        hit = world_below(4) ? disk_flip(d, folder, ".log", FLIP_LOG, &x)
                             : disk_lose_file(d, folder, ".log", false, &x);
        damage.done = hit;
        break;
    }
    if (hit) logline(LOG_INFO, "sim", "damage: %s, byte %lld", x.path, (long long)x.pos);
}
/* The same to old records of a broker that runs. */
static void strike_running(void)
{
    struct damage x;
    char folder[32];
    snprintf(folder, sizeof folder, "log-%d", damage.victim);
    if (damage.done || !disk_flip(run.machine->disk, folder, ".log", FLIP_SEALED, &x)) return;
    damage.done = damage.sealed = true;
    logline(LOG_INFO, "sim", "damage to a running broker: %s, byte %lld", x.path, (long long)x.pos);
}
static void rise(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (run.machine->run || world.failed) return;
    static uint64_t sync_errors;
    if (world.sync_errors != sync_errors)
        run.losses++; /* what a failed sync left in the page cache may go now */
    sync_errors = world.sync_errors;
    if (damage.on && !run.quiet) strike();
    if (machine_start(run.machine, &run.conf)) return;
    if (damage.metadata.file && strstr(run.machine->why, "__cluster_metadata-0")) {
        disk_flip_back(&damage.metadata); /* it was refused, and somebody restores it */
        damage.metadata.file = NULL;
        rise_soon();
        return;
    }
    if (world.faults.sync_error || world.faults.write_error || world.faults.read_error ||
        world.faults.short_disk || world.now_ns < world.full_until_ns)
        rise_soon(); /* it was told that the disk fails */
    else world_fail("the broker does not start: %s", run.machine->why);
}
static void rise_soon(void)
{
    world_at(world.now_ns + (int64_t)world_below(3 * SIM_S), rise, NULL, 0);
}
static void fate_soon(void)
{
    world_at(world.now_ns + (int64_t)world_below((uint64_t)(2 * mean_fault_ns)), fate, NULL, 0);
}
static void watch(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (!run.machine->run) rise(NULL, 0); /* it went down by itself: a clean stop came to its end */
    world_at(world.now_ns + 5 * SIM_S, watch, NULL, 0);
}
static void step_clock(void)
{
    world.wall_offset_ms += (int64_t)world_below(7200000) - 3600000;
}
static void lose_power(void)
{
    machine_kill(run.machine, true);
    run.losses++;
    rise_soon();
}
/* A first start makes what no later one makes, and other syncs soon do for it. */
static void lose_power_early(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    logline(LOG_INFO, "sim", "%.3f s: early power loss", (double)world.now_ns / 1e9);
    lose_power();
}
static void fate(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (run.quiet) return;
    static const char *const names[] = {
        "kill -9",    "kill -9", "kill -9",    "power loss",         "power loss", "power loss",
        "power loss", "stop",    "clock step", "broken connections", "a full disk"};
    uint64_t what = world_below(world.faults.short_disk ? 11 : 10);
    if (damage.on && world_below(8) == 0) strike_running();
    logline(LOG_INFO, "sim", "%.3f s: %s", (double)world.now_ns / 1e9, names[what]);
    switch (what) {
    case 0:
    case 1:
    case 2:
        machine_kill(run.machine, false);
        rise_soon();
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        lose_power();
        break;
    case 7:
        machine_stop(run.machine);
        break;
    case 8:
        step_clock();
        break;
    case 9:
        wires_cut_clients(run.machine);
        break;
    case 10:
        world.full_until_ns = world.now_ns + (int64_t)world_below(30 * SIM_S);
        break;
    }
    fate_soon();
}

/* ---- its part of a run ---- */
void fate_draw(int64_t seconds)
{
    world.faults.cold_read = world_below(2) ? 50000 : 0;
    world.faults.drop_conn = world_below(2) ? 2000 : 0;
    world.faults.sync_error = world_below(3) ? 0 : 1000;
    world.faults.write_error = world_below(4) ? 0 : 300;
    world.faults.read_error = world_below(5) ? 0 : 300;
    world.faults.short_disk = world_below(3) ? 0 : world_below(2) ? 300 : 20000;
    run.apart = world_below(3) == 0;
    world.line = see_line;
    run.pace = max_i64(1, seconds / 600);
    mean_fault_ns = (int64_t)(2 * SIM_S << world_below(6)) * run.pace;
}
void fate_start(void)
{
    rise(NULL, 0);
    watch(NULL, 0);
    fate_soon();
}
void fate_topic_made(void)
{
    if (world_below(4) == 0)
        world_at(world.now_ns + (int64_t)world_below(100 * SIM_MS), lose_power_early, NULL, 0);
}
void fate_end(void)
{
    if (world.faults.sync_error || world.faults.write_error || world.faults.read_error)
        machine_kill(run.machine, false); /* partitions that met it come back with the next start */
    world.faults = (struct faults){0};
    /* What waits for a time must not wait until the clock is there again. */
    if (world_below(2)) step_clock();
    world.full_until_ns = 0; /* room comes back to a broker that runs */
}
