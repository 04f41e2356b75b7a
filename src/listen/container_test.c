/* The core of containers under random results, acknowledgements, rebalances and failing commits, against what
 * it promises. What Spring does with the same events is in tests/spring.test. */
#include "base/prng.h"
#include "base/test.h"
#include "listen/container.h"

TEST_MAIN

#define PLACES 3
#define RECORDS 300 /* of a place */

struct world {
    struct container core;
    struct container_effects effects;
    struct container_config config;
    struct prng r;
    bool done[PLACES][RECORDS]; /* returned well, or was put aside */
    bool acked[PLACES][RECORDS];
    int64_t fed[PLACES], committed[PLACES], last[PLACES]; /* last: delivered; -1: none of this assignment */
    bool held[PLACES], graceful, calm;                    /* calm: once it has all places, it keeps them */
    int room, held_cookies;
    bool want_poll;
    int64_t now;
    struct {
        int32_t place;
        int64_t offset;
    } later[1000]; /* acknowledgements that come later */
    int later_n;
};

static uint64_t below(struct world *w, uint64_t n)
{
    return prng_below(&w->r, n);
}

static void step(struct world *w, struct container_event *ev)
{
    ev->now_ms = w->now;
    ev->random = 0.5;
    container_step(&w->core, ev, &w->effects);
    container_check(&w->core);
}

static bool manual(const struct world *w)
{
    return w->config.ack >= CONTAINER_MANUAL;
}

static void acknowledge(struct world *w, int32_t place, int64_t offset)
{
    struct container_event ev = {.type = CONTAINER_ACKED, .place = place, .offset = offset};
    w->acked[place][offset] = true;
    step(w, &ev);
}

static void deliver(struct world *w, const struct container_effect *x)
{
    struct container_event ev = {.type = CONTAINER_RETURNED, .failed = -1};
    int dice = (int)below(w, 20);
    CHECK(x->n >= 1 && (w->config.batch || x->n == 1));
    for (int i = 0; i < x->n; i++) {
        const struct container_record *r = container_record_at(&w->core, x->from + i);
        CHECK(w->held[r->place]);
        /* In order: what comes is done with up to it, or is a retry. */
        CHECK(r->offset <= w->last[r->place] + 1);
        w->last[r->place] = r->offset;
    }
    if (dice < 3) {
        ev.result = dice == 0 ? CONTAINER_DEAD : CONTAINER_RETRY;
        ev.failed = w->config.batch && below(w, 2) ? (int)below(w, (uint64_t)x->n) : -1;
    } else if (dice == 3) {
        ev.type = CONTAINER_NACKED;
        ev.failed = (int)below(w, (uint64_t)x->n);
        ev.pause_ms = (int64_t)below(w, 30);
    }
    int good =
        ev.type == CONTAINER_NACKED || ev.result != CONTAINER_OK ? (ev.failed > 0 ? ev.failed : 0) : x->n;
    for (int i = 0; i < good; i++) {
        const struct container_record *r = container_record_at(&w->core, x->from + i);
        w->done[r->place][r->offset] = true;
        if (good < x->n) w->acked[r->place][r->offset] = true; /* by saying which one failed */
        if (!manual(w)) continue;
        if (w->config.async_acks && below(w, 3) == 0 && w->later_n < 1000) {
            w->later[w->later_n].place = r->place;
            w->later[w->later_n++].offset = r->offset;
        } else acknowledge(w, r->place, r->offset);
    }
    step(w, &ev);
}

static void commit(struct world *w, const struct container_effect *x)
{
    bool fails = below(w, 10) == 0 && !w->graceful;
    for (int i = 0; i < x->n; i++) {
        struct container_commit c = w->effects.commits[x->from + i];
        /* Never beyond what is done; acknowledged, where that is asked for in order. */
        for (int64_t o = 0; o < c.offset; o++) CHECK(w->done[c.place][o]);
        for (int64_t o = 0; o < c.offset && w->config.async_acks; o++) CHECK(w->acked[c.place][o]);
        if (!fails) w->committed[c.place] = c.offset;
        else {
            struct container_event ev = {.type = CONTAINER_UNCOMMITTED, .place = c.place, .offset = c.offset};
            step(w, &ev);
        }
    }
}

static void carry_out(struct world *w)
{
    for (int at = 0; at < w->effects.n; at++) {
        struct container_effect x = w->effects.v[at];
        switch (x.type) {
        case CONTAINER_DELIVER:
            deliver(w, &x);
            break;
        case CONTAINER_COMMIT:
            commit(w, &x);
            break;
        case CONTAINER_RECOVER: {
            const struct container_record *r = container_record_at(&w->core, x.from);
            struct container_event ev = {.type = CONTAINER_RECOVERED, .ok = below(w, 5) > 0};
            if (ev.ok) w->done[r->place][r->offset] = w->acked[r->place][r->offset] = true;
            step(w, &ev);
            break;
        }
        case CONTAINER_DROPPED:
            w->held_cookies--;
            break;
        case CONTAINER_POLL:
            w->want_poll = true;
            w->room = x.room;
            break;
        case CONTAINER_PAUSE:
        case CONTAINER_RESUME:
            break;
        }
    }
    w->effects.n = w->effects.commits_n = 0;
}

static void poll_some(struct world *w)
{
    struct container_record v[16];
    struct container_event ev = {.type = CONTAINER_POLLED, .records = v};
    for (int32_t p = 0; p < PLACES && !w->core.paused; p++)
        for (int n = (int)below(w, 4); n > 0 && w->held[p] && w->fed[p] < RECORDS && ev.n < w->room; n--) {
            v[ev.n++] = (struct container_record){p, w->fed[p]++, NULL};
            w->held_cookies++;
        }
    w->want_poll = false;
    step(w, &ev);
    carry_out(w);
}

static void rebalance(struct world *w)
{
    int32_t p = (int32_t)below(w, PLACES);
    struct container_record v[1] = {{.place = p}};
    bool lost = below(w, 3) == 0 && !w->graceful;
    struct container_event ev = {.type = CONTAINER_ASSIGNED, .place = p};
    if (w->held[p]) {
        ev =
            (struct container_event){.type = lost ? CONTAINER_LOST : CONTAINER_REVOKED, .records = v, .n = 1};
        w->held[p] = false;
        int keep = 0;
        for (int i = 0; i < w->later_n; i++)
            if (w->later[i].place != p) w->later[keep++] = w->later[i];
        w->later_n = keep;
    } else {
        w->held[p] = true;
        w->fed[p] = w->committed[p]; /* whoever has it next begins there */
        w->last[p] = w->committed[p] - 1;
    }
    step(w, &ev);
    carry_out(w);
}

static bool holds_all(const struct world *w)
{
    for (int p = 0; p < PLACES; p++)
        if (!w->held[p]) return false;
    return true;
}

static void act(struct world *w)
{
    int dice = (int)below(w, 100);
    w->now += (int64_t)below(w, 5);
    if (dice < 4 && !(w->calm && holds_all(w))) rebalance(w);
    else if (dice < 30 && w->later_n) {
        int i = (int)below(w, (uint64_t)w->later_n);
        acknowledge(w, w->later[i].place, w->later[i].offset);
        w->later[i] = w->later[--w->later_n];
        carry_out(w);
    } else if (w->core.state == CONTAINER_BACKOFF) {
        struct container_event ev = {.type = CONTAINER_TICK};
        w->now += 10;
        step(w, &ev);
        carry_out(w);
    } else if (w->want_poll) poll_some(w);
}

static bool all_committed(const struct world *w)
{
    for (int p = 0; p < PLACES; p++)
        if (w->committed[p] < RECORDS) return false;
    return true;
}

static void play(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);
    prng_init(&w->r, seed);
    w->graceful = below(w, 3) == 0;
    w->calm = below(w, 2);
    w->config = (struct container_config){.ack = (enum container_ack)below(w, CONTAINER_MANUAL_IMMEDIATE + 1),
                                          .batch = below(w, 2),
                                          .ack_count = 1 + (int64_t)below(w, 9),
                                          .ack_time_ms = (int64_t)below(w, 50),
                                          .commit_recovered = true,
                                          .attempts_max = 1 + (int)below(w, 4),
                                          .backoff_ms = (int64_t)below(w, 2) * 20,
                                          .backoff_factor = 2,
                                          .backoff_ms_max = 100};
    w->config.async_acks = manual(w) && below(w, 2);
    if (w->config.batch && w->config.ack == CONTAINER_RECORD) w->config.ack = CONTAINER_BATCH;
    container_effects_init(&w->effects);
    container_init(&w->core, &w->config, 1 + (int)below(w, 9), 0);
    w->want_poll = true;
    w->room = w->core.poll_max;
    int steps = 0;
    while (!all_committed(w) && ++steps < 400000) act(w);
    CHECK(all_committed(w)); /* nothing is stuck, and nothing passed over */
    struct container_event ev = {.type = CONTAINER_STOP};
    step(w, &ev);
    carry_out(w);
    CHECK(container_stopped(&w->core));
    CHECK_INT(w->held_cookies, 0);
    container_fini(&w->core);
    container_effects_fini(&w->effects);
    free(w);
}

TEST(nothing_is_committed_before_it_is_done_and_nothing_is_passed_over)
{
    for (uint64_t seed = 1; seed <= 300; seed++) play(seed);
}

/* A stop in the middle of a poll: its records come to their end, all is committed. */
TEST(a_stop_ends_the_poll_and_commits_it)
{
    struct container c;
    struct container_effects e;
    struct container_config config = {.ack = CONTAINER_TIME,
                                      .ack_count = 1,
                                      .ack_time_ms = 1000000,
                                      .attempts_max = 1,
                                      .backoff_factor = 1};
    struct container_record v[2] = {{0, 7, NULL}, {0, 8, NULL}};
    struct container_event assigned = {.type = CONTAINER_ASSIGNED}, stop = {.type = CONTAINER_STOP},
                           polled = {.type = CONTAINER_POLLED, .records = v, .n = 2},
                           ok = {.type = CONTAINER_RETURNED, .failed = -1};
    container_effects_init(&e);
    container_init(&c, &config, 10, 0);
    container_step(&c, &assigned, &e);
    container_step(&c, &polled, &e);
    CHECK_INT(e.n, 1);
    CHECK_INT(e.v[0].type, CONTAINER_DELIVER);
    container_step(&c, &stop, &e);
    CHECK(!container_stopped(&c));
    container_step(&c, &ok, &e);
    CHECK(!container_stopped(&c));
    container_step(&c, &ok, &e);
    CHECK(container_stopped(&c));
    CHECK_INT(e.commits_n, 1);
    CHECK_INT(e.commits[0].offset, 9);
    container_fini(&c);
    container_effects_fini(&e);
}
