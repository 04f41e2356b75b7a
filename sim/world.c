/* Events in order of time, and machines whose loops take turns. */
#include "world.h"
#include "sim_int.h"
#include "base/logline.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct world world;
static struct machine *machines[8];
static int machines_n;
static uint64_t lives;

void world_init(uint64_t seed)
{
    world.seed = seed;
    world.now_ns = SIM_S;
    prng_init(&world.prng, seed);
    /* The number of steps before the first wall-clock second must not matter. */
    world.wall_offset_ms = (int64_t)world_below(1000000);
}
uint64_t world_below(uint64_t n)
{
    return prng_below(&world.prng, n);
}
bool world_chance(uint32_t in_a_million)
{
    return in_a_million && world_below(1000000) < in_a_million;
}
void world_trace(uint64_t a, uint64_t b)
{
    uint64_t x = world.trace ^ a * 0x9e3779b97f4a7c15u ^ b * 0xc2b2ae3d27d4eb4fu ^ (uint64_t)world.now_ns;
    world.trace = prng_split(&x);
}
void world_fail(const char *fmt, ...)
{
    if (world.failed) return;
    world.failed = true;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(world.failure, sizeof world.failure, fmt, ap);
    va_end(ap);
}

/* ---- events: a binary heap by time, then by age ---- */
static bool before(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}
void world_at(int64_t at_ns, void (*run)(void *arg, uint64_t tag), void *arg, uint64_t tag)
{
    if (world.heap_n == world.heap_cap)
        world.heap = xrealloc(world.heap, (world.heap_cap = world.heap_cap ? world.heap_cap * 2 : 256) *
                                              sizeof *world.heap);
    size_t i = world.heap_n++;
    struct event e = {at_ns, world.seq++, run, arg, tag};
    for (; i && before(&e, &world.heap[(i - 1) / 2]); i = (i - 1) / 2)
        world.heap[i] = world.heap[(i - 1) / 2];
    world.heap[i] = e;
}
static struct event pop(void)
{
    struct event top = world.heap[0], last = world.heap[--world.heap_n];
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= world.heap_n) break;
        if (c + 1 < world.heap_n && before(&world.heap[c + 1], &world.heap[c])) c++;
        if (!before(&world.heap[c], &last)) break;
        world.heap[i] = world.heap[c];
        i = c;
    }
    world.heap[i] = last;
    return top;
}

/* ---- machines ---- */
struct machine *machine_new(void)
{
    struct machine *m = xcalloc(1, sizeof *m);
    m->disk = disk_new();
    ASSERT(machines_n < (int)NELEMS(machines));
    machines[machines_n++] = m;
    return m;
}
struct machine *machine_of_life(uint64_t life)
{
    for (int i = 0; i < machines_n; i++)
        if (machines[i]->run && machines[i]->life == life) return machines[i];
    return NULL;
}
static void note_due(struct machine *m, int i)
{
    struct shard *s = &m->run->shards[i];
    m->loops[i]->due_ns = heap_first_key(&s->timers);
}
bool machine_start(struct machine *m, const struct conf *conf)
{
    struct strbuf why;
    strbuf_init(&why);
    m->life = ++lives;
    m->loops_n = 1 + (int)world_below(3);
    m->loops = xcalloc((size_t)m->loops_n, sizeof(struct os *));
    for (int i = 0; i < m->loops_n; i++) m->loops[i] = sim_os_new(m, i);
    struct server *sv = xcalloc(1, sizeof *sv);
    conf_copy(&sv->conf, conf);
    world.machine = m;
    sv->log_files_max = 64;
    int rc = server_open(sv, m->loops, m->loops_n, &why);
    if (rc) {
        logline(LOG_ERROR, "sim", "the broker did not start: %s", strbuf_cstr(&why));
        snprintf(m->why, sizeof m->why, "%s", strbuf_cstr(&why));
        disk_close_all(m->disk);
    } else {
        m->run = sv;
        for (int i = 0; i < m->loops_n; i++) {
            server_open_shard(sv, i);
            note_due(m, i);
        }
    }
    strbuf_fini(&why);
    return rc == 0;
}
/* What the process had allocated is left behind: it died. */
static void gone(struct machine *m)
{
    m->run = NULL;
    wires_cut(m);
    disk_close_all(m->disk);
}
void machine_kill(struct machine *m, bool power)
{
    world_trace(5, power);
    if (m->run) gone(m);
    if (power) disk_lose_power(m->disk);
}
void machine_stop(struct machine *m)
{
    if (m->run) os_post_any(m->loops[0], &m->run->stop);
}
static void stopped(struct machine *m)
{
    world.machine = m;
    if (server_close(m->run)) logline(LOG_ERROR, "sim", "not everything could be written at the stop");
    gone(m);
}

/* One turn of one loop that has something to do, any of them. */
static bool turn(void)
{
    struct machine *m = NULL;
    int loop = 0, n = 0;
    for (int i = 0; i < machines_n; i++)
        for (int k = 0; machines[i]->run && k < machines[i]->loops_n; k++)
            if (!machines[i]->run->shards[k].stopping && sim_os_ready(machines[i]->loops[k]) &&
                world_below((uint64_t)++n) == 0) {
                m = machines[i];
                loop = k;
            }
    if (!m) return false;
    /* Now and then the machine has other things to do first. */
    world.now_ns += 1000 + (int64_t)(world_below(40) ? world_below(20000) : world_below(4 * SIM_MS));
    world.machine = m;
    world_trace(1, (uint64_t)loop);
    shard_turn(&m->run->shards[loop], world.now_ns);
    os_flush_posts(m->loops[loop]);
    bool down = true;
    for (int k = 0; k < m->loops_n; k++) {
        note_due(m, k);
        down &= m->run->shards[k].stopping;
    }
    if (down) stopped(m);
    return true;
}

static bool step(void)
{
    world.steps++;
    int64_t next = world.heap_n ? world.heap[0].at_ns : INT64_MAX;
    if (next > world.now_ns && turn()) return true;
    for (int i = 0; i < machines_n; i++)
        for (int k = 0; machines[i]->run && k < machines[i]->loops_n; k++)
            if (!machines[i]->run->shards[k].stopping) next = min_i64(next, machines[i]->loops[k]->due_ns);
    if (next == INT64_MAX) return false;
    world.now_ns = max_i64(world.now_ns, next);
    if (world.heap_n && world.heap[0].at_ns <= world.now_ns) {
        struct event e = pop();
        e.run(e.arg, e.tag);
        return true;
    }
    return turn();
}

bool world_step(void)
{
    world.may_exit = true;
    if (setjmp(world.exit_to) == 0) {
        bool any = step();
        world.may_exit = false;
        return any;
    }
    world.may_exit = false;
    world_trace(6, 0);
    gone(world.machine);
    return true;
}
