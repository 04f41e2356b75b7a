/* The core under random records, outcomes, rebalances and stops, against what it promises. */
#include "base/prng.h"
#include "base/test.h"
#include "listen/done.h"
#include "listen/listen.h"

TEST_MAIN

#define PARTITIONS 3
#define RECORDS 400 /* of a partition */
#define KEYS 7

struct item {
    int32_t partition;
    int64_t offset;
    int key; /* -1: none */
};
struct world {
    struct listen core;
    struct prng r;
    enum listen_order order;
    struct item items[PARTITIONS][RECORDS];
    int done[PARTITIONS][RECORDS];  /* how often it was finished */
    bool open[PARTITIONS][RECORDS]; /* its handler runs */
    int64_t committed[PARTITIONS];
    struct strbuf metadata[PARTITIONS];
    int64_t fed[PARTITIONS]; /* -1: not assigned */
    bool paused[PARTITIONS], lost_some;
    struct {
        struct listen_record *record;
        struct item *item;
        bool burying;
    } busy[64];
    int busy_n;
    int64_t now;
};

static uint64_t below(struct world *w, uint64_t n)
{
    return prng_below(&w->r, n);
}

/* Nothing of the same order that came before may be unfinished. */
static void check_order(struct world *w, const struct item *x)
{
    for (int64_t i = 0; i < x->offset && w->order != LISTEN_UNORDERED; i++) {
        const struct item *y = &w->items[x->partition][i];
        if (w->order == LISTEN_KEY && (x->key < 0 || y->key != x->key)) continue;
        ASSERT(w->done[x->partition][i] > 0);
    }
}

static void step(struct world *w, struct listen_event *ev);

static void commit(struct world *w, int32_t p)
{
    int64_t offset = listen_commit_offset(&w->core, p);
    if (offset < 0) return;
    for (int64_t i = 0; i < offset; i++) ASSERT(w->done[p][i] > 0); /* never before the work is done */
    strbuf_reset(&w->metadata[p]);
    listen_commit_metadata(&w->core, p, 4096, &w->metadata[p]);
    w->committed[p] = offset;
    listen_committed(&w->core, p, offset);
}

static void lose(struct world *w, int32_t p)
{
    struct listen_event ev = {.type = LISTEN_LOST, .partition = p};
    w->fed[p] = -1;
    step(w, &ev);
}

static void apply(struct world *w, const struct listen_effect *x)
{
    struct item *item = x->cookie;
    switch (x->type) {
    case LISTEN_BEGIN:
    case LISTEN_BURY:
        ASSERT(w->busy_n < (int)NELEMS(w->busy));
        if (x->type == LISTEN_BEGIN) {
            check_order(w, item);
            ASSERT(w->lost_some ||
                   (!w->open[item->partition][item->offset] && !w->done[item->partition][item->offset]));
        }
        w->open[item->partition][item->offset] = true;
        w->busy[w->busy_n].record = x->record;
        w->busy[w->busy_n].item = item;
        w->busy[w->busy_n++].burying = x->type == LISTEN_BURY;
        break;
    case LISTEN_PAUSE:
    case LISTEN_RESUME:
        ASSERT(w->paused[x->partition] == (x->type == LISTEN_RESUME));
        w->paused[x->partition] = x->type == LISTEN_PAUSE;
        break;
    case LISTEN_DRAINED:
        commit(w, x->partition);
        lose(w, x->partition);
        break;
    case LISTEN_FORGET:
        break;
    }
}

static void step(struct world *w, struct listen_event *ev)
{
    struct listen_effects e;
    listen_effects_init(&e);
    ev->now_ms = w->now;
    ev->random = (double)below(w, 1000) / 1000;
    listen_step(&w->core, ev, &e);
    listen_check(&w->core);
    for (int i = 0; i < e.n; i++) apply(w, &e.v[i]);
    listen_effects_fini(&e);
}

static void assign(struct world *w, int32_t p)
{
    struct listen_event ev = {.type = LISTEN_ASSIGNED,
                              .partition = p,
                              .offset = w->committed[p],
                              .done = slice_of(w->metadata[p].s, w->metadata[p].n)};
    w->fed[p] = w->committed[p];
    w->paused[p] = false;
    step(w, &ev);
}

static void feed(struct world *w, int32_t p)
{
    static const char *const names[KEYS] = {"a", "b", "c", "d", "e", "f", "g"};
    if (w->fed[p] < 0 || w->paused[p] || w->fed[p] >= RECORDS) return;
    struct item *x = &w->items[p][w->fed[p]];
    struct listen_event ev = {.type = LISTEN_RECORD,
                              .partition = p,
                              .offset = x->offset,
                              .key = x->key < 0 ? (struct slice){0} : slice_cstr(names[x->key]),
                              .cookie = x};
    w->fed[p] += 1;
    step(w, &ev);
}

static void end_one(struct world *w)
{
    if (!w->busy_n) return;
    int i = (int)below(w, (uint64_t)w->busy_n);
    struct item *x = w->busy[i].item;
    struct listen_event ev = {.type = w->busy[i].burying ? LISTEN_SENT : LISTEN_RESULT,
                              .record = w->busy[i].record};
    ev.result = below(w, 4)    ? LISTEN_OK
                : !below(w, 3) ? LISTEN_DEAD
                : below(w, 4)  ? LISTEN_RETRY
                               : LISTEN_AGAIN;
    ev.ok = below(w, 3);
    w->open[x->partition][x->offset] = false;
    if (ev.type == LISTEN_SENT ? ev.ok : ev.result == LISTEN_OK) w->done[x->partition][x->offset]++;
    w->busy[i] = w->busy[--w->busy_n];
    step(w, &ev);
}

static void act(struct world *w, bool graceful)
{
    int32_t p = (int32_t)below(w, PARTITIONS);
    struct listen_event ev = {.partition = p};
    switch (below(w, 40)) {
    case 0:
        commit(w, p);
        break;
    case 1:
        if (w->fed[p] < 0) assign(w, p);
        break;
    case 2:
        ev.type = LISTEN_REVOKED;
        if (w->fed[p] >= 0 && below(w, 5) == 0) step(w, &ev);
        break;
    case 3:
        if (graceful || w->fed[p] < 0 || below(w, 20)) break;
        w->lost_some = true;
        lose(w, p);
        break;
    case 4:
    case 5:
        w->now += (int64_t)below(w, 30);
        ev.type = LISTEN_TICK;
        step(w, &ev);
        break;
    default:
        if (below(w, 2)) feed(w, p);
        else end_one(w);
    }
}

static bool all_done(const struct world *w)
{
    for (int p = 0; p < PARTITIONS; p++)
        for (int i = 0; i < RECORDS; i++)
            if (!w->done[p][i]) return false;
    return true;
}

static void play(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);
    prng_init(&w->r, seed);
    w->order = (enum listen_order)(seed % 3);
    bool graceful = below(w, 2);
    struct listen_config config = {.order = w->order,
                                   .workers_max = 1 + (int)below(w, 8),
                                   .window_max = 1 + (int)below(w, 40),
                                   .attempts_max = 1 + (int)below(w, 4),
                                   .backoff_ms = 10,
                                   .backoff_factor = 2,
                                   .backoff_ms_max = 100,
                                   .jitter = 0.5,
                                   .dead_letters = true};
    listen_init(&w->core, &config, seed);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        strbuf_init(&w->metadata[p]);
        w->fed[p] = -1;
        for (int64_t i = 0; i < RECORDS; i++)
            w->items[p][i] = (struct item){p, i, (int)below(w, KEYS + 1) - 1};
    }
    int steps = 0;
    while (!all_done(w) && ++steps < 2000000) act(w, graceful);
    ASSERT(all_done(w)); /* nothing is lost, whatever happened */
    if (graceful)        /* and nothing is repeated when every owner gave its partitions back */
        for (int p = 0; p < PARTITIONS; p++)
            for (int i = 0; i < RECORDS; i++) ASSERT(w->done[p][i] == 1);
    while (w->busy_n) end_one(w);
    listen_fini(&w->core);
    for (int p = 0; p < PARTITIONS; p++) strbuf_fini(&w->metadata[p]);
    free(w);
}

TEST(nothing_is_lost_and_order_is_kept)
{
    for (uint64_t seed = 1; seed <= 60; seed++) play(seed);
}

TEST(what_is_done_beyond_a_commit_fits_its_metadata)
{
    struct i64s some = {0}, got = {0};
    struct strbuf text;
    strbuf_init(&text);
    i64s_add(&some, 101), i64s_add(&some, 107), i64s_add(&some, 5000);
    listen_done_write(100, &some, 4096, &text);
    listen_done_read(100, slice_of(text.s, text.n), &got);
    CHECK(got.n == 3 && got.v[0] == 101 && got.v[1] == 107 && got.v[2] == 5000);
    strbuf_reset(&text);
    listen_done_write(100, &some, 10, &text); /* what has no place is left out */
    CHECK(text.n <= 10);
    got.n = 0;
    listen_done_read(100, slice_of(text.s, text.n), &got);
    CHECK(got.n == 2 && got.v[1] == 107);
    got.n = 0;
    listen_done_read(100, slice_cstr("somebody else's"), &got);
    listen_done_read(INT64_MAX - 3, slice_cstr("done1:////"), &got);
    CHECK_INT(got.n, 4);
    i64s_fini(&some);
    i64s_fini(&got);
    strbuf_fini(&text);
}

TEST(a_retry_comes_no_earlier_than_its_result_says)
{
    struct listen l;
    struct listen_effects e;
    struct listen_config config = {.order = LISTEN_KEY,
                                   .workers_max = 1,
                                   .window_max = 10,
                                   .attempts_max = 9,
                                   .backoff_ms = 100,
                                   .backoff_factor = 1,
                                   .backoff_ms_max = 100};
    listen_init(&l, &config, 1);
    listen_effects_init(&e);
    listen_step(&l, &(struct listen_event){.type = LISTEN_ASSIGNED}, &e);
    listen_step(&l, &(struct listen_event){.type = LISTEN_RECORD, .cookie = &l}, &e);
    CHECK_INT(e.n, 1);
    struct listen_event end = {
        .type = LISTEN_RESULT, .record = e.v[0].record, .result = LISTEN_RETRY, .pause_ms = 5000};
    listen_step(&l, &end, &e);
    CHECK_INT(e.deadline_ms, 5000);
    listen_step(&l, &(struct listen_event){.type = LISTEN_TICK, .now_ms = 5000}, &e);
    CHECK_INT(e.n, 2);
    end.now_ms = 5000, end.pause_ms = 7; /* less than the pause that is due anyway */
    listen_step(&l, &end, &e);
    CHECK_INT(e.deadline_ms, 5100);
    listen_effects_fini(&e);
    listen_fini(&l);
}
