/* The cleaner of a shard.
 *
 *   WAITING --timer, something dirty--> ASKED --turn_granted--> CLEANING: step -> slice on the pool
 *      ^                                                           |        ^             |
 *      +------------------------- finish --------------------------+        +- slice_done-+
 *
 * Invariants
 * 1. part and clean are set together, and only while this shard has a turn; part is pinned meanwhile.
 * 2. The job is out only between step and slice_done; the timer then is not armed. */
#include "part/cleaner.h"
#include "base/logline.h"

#include <stdlib.h>

#define IO_BYTES_MAX ((int64_t)8 << 20)
#define MAP_BYTES_MAX ((int64_t)INT32_MAX)
#define PAUSE_NS_MIN 1000000

static void look(struct cleaner *c);

static int turns(const struct cleaner *c)
{
    return (int)min_i64(c->conf.threads, CLEANINGS_MAX);
}

/* ---- turns: on shard 0, where not said otherwise ---- */
static void turn_granted(struct os_msg *m, void *owner); /* on the shard that asked */

static void lend(struct cleaner *zero)
{
    while (zero->lent < turns(zero) && !list_empty(&zero->waiting)) {
        struct cleaner *c = LIST_ENTRY(list_pop_front(&zero->waiting), struct cleaner, waiting_link);
        zero->lent++;
        c->ask.run = turn_granted;
        shard_send(zero->shard, c->shard->id, &c->ask);
    }
}

static void turn_asked(struct os_msg *m, void *owner)
{
    struct cleaner *c = CONTAINER_OF(m, struct cleaner, ask), *zero = c->of(owner);
    list_push_back(&zero->waiting, &c->waiting_link);
    lend(zero);
}

static void turn_returned(struct os_msg *m, void *owner)
{
    struct cleaner *zero = CONTAINER_OF(m, struct cleaner, back)->of(owner);
    zero->lent--;
    lend(zero);
}

static void ask(struct cleaner *c)
{
    if (c->asked) return;
    c->asked = true;
    c->ask.run = turn_asked;
    shard_send(c->shard, 0, &c->ask);
}

static void give_back(struct cleaner *c)
{
    c->has_turn = false;
    c->back.run = turn_returned;
    shard_send(c->shard, 0, &c->back);
}

/* ---- choosing ---- */
struct candidate {
    struct part *part;
    double ratio;
    int64_t first_dirty, upper;
};

/* Nothing from here on may be cleaned: not committed, not decided, or too young. */
static int64_t bound(const struct part *p, int64_t first_dirty, int64_t now_ms)
{
    const struct log *l = p->log;
    int64_t upper = part_last_stable_offset(p), lag = p->cfg.min_compaction_lag_ms;
    for (int i = 0; lag > 0 && i + 1 < l->segs_n && l->segs[i]->base_offset < upper; i++) {
        if (l->segs[i + 1]->base_offset <= first_dirty || l->segs[i]->max_time_ms <= now_ms - lag) continue;
        upper = min_i64(upper, l->segs[i]->base_offset);
    }
    return upper;
}

static bool examine(struct part *p, int64_t now_ms, struct candidate *x)
{
    struct log *l = p->log;
    int64_t clean_bytes, dirty_bytes, lag = p->cfg.max_compaction_lag_ms;
    bool due = false;
    if (!p->cfg.cleanup_compact || p->uncleanable || p->move || l->faulted) return false;
    bool known = p->clean_offset >= l->start_offset && p->clean_offset <= l->end_offset;
    x->part = p;
    x->first_dirty = known ? p->clean_offset : l->start_offset;
    x->upper =
        log_clean_extent(l, x->first_dirty, bound(p, x->first_dirty, now_ms), &clean_bytes, &dirty_bytes);
    if (x->upper <= x->first_dirty || dirty_bytes == 0) return false;
    for (int i = 0; lag < INT64_MAX && !due && i + 1 < l->segs_n && l->segs[i]->base_offset < x->upper; i++) {
        if (l->segs[i + 1]->base_offset <= x->first_dirty) continue;
        int64_t first = log_seg_first_time(l->segs[i]);
        due = first > 0 && first < now_ms - lag;
    }
    x->ratio = (double)dirty_bytes / (double)(clean_bytes + dirty_bytes);
    return due || x->ratio > p->cfg.min_cleanable_dirty_ratio;
}

/* max.compaction.lag.ms also holds for records that no append ever moves out of the active segment. */
static void roll_if_due(struct part *p, int64_t now_ms)
{
    int64_t lag = p->cfg.max_compaction_lag_ms;
    struct log *l = p->log;
    if (!p->cfg.cleanup_compact || lag == INT64_MAX || p->uncleanable || l->faulted) return;
    struct log_seg *s = l->segs[l->segs_n - 1];
    if (s->size == 0 || s->first_time_ms <= 0 || s->first_time_ms >= now_ms - lag) return;
    if (part_settle(p) == 0) (void)part_failed(p, log_roll(l, now_ms), "rolling a segment");
}

static bool choose(struct cleaner *c, int64_t now_ms, struct candidate *best)
{
    struct candidate x = {0};
    best->part = NULL;
    MAP_FOREACH(it, struct part, p, &c->parts->map)
    {
        roll_if_due(p, now_ms);
        if (examine(p, now_ms, &x) && (!best->part || x.ratio > best->ratio)) *best = x;
    }
    return best->part;
}

/* ---- one cleaning ---- */
static int by_id(const void *a, const void *b)
{
    const struct clean_producer *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static struct clean_producer *producers_of(const struct part *p, size_t *n)
{
    struct clean_producer *v = xcalloc(p->producers.map.n, sizeof *v);
    *n = 0;
    MAP_FOREACH(it, struct producer, e, &p->producers.map)
    {
        int64_t last = -1;
        for (int i = 0; i < e->batches_n; i++) last = max_i64(last, e->batches[i].last_offset);
        v[(*n)++] = (struct clean_producer){e->id, last, e->epoch};
    }
    if (*n) qsort(v, *n, sizeof *v, by_id);
    return v;
}

static void wake_after(struct cleaner *c, int64_t ms)
{
    timer_set_ms(c->shard, &c->timer, ms);
}

static void tell(const struct part *p, const struct log_clean *clean)
{
    const struct log_clean_stats *s = log_clean_stats(clean);
    if (!s->segments_before) return;
    logline(LOG_INFO, p->log->dir, "compacted %d segments of %lld bytes into %d of %lld, up to offset %lld",
            s->segments_before, (long long)s->before, s->segments_after, (long long)s->after,
            (long long)p->clean_offset);
}

static void finish(struct cleaner *c, int rc)
{
    struct part *p = c->part;
    const char *why = log_clean_why(c->clean);
    int64_t before = p->clean_offset;
    if (p->doomed || rc == ERR_BUSY) {
        /* it changed under our hands; another time */
    } else if (rc == 0) {
        p->clean_offset = p->log->compacted_below = log_clean_end_offset(c->clean);
        tell(p, c->clean);
        if (p->no_room_to_clean) logline(LOG_INFO, p->log->dir, "there is room to compact again");
        p->no_room_to_clean = false;
    } else if (p->log->faulted) part_fault(p, "write_error", "compaction", why);
    else if (err_passes(rc)) {
        if (!p->no_room_to_clean)
            logline(LOG_WARN, p->log->dir, "no room to compact (%s); trying again later", why);
        p->no_room_to_clean = true;
    } else {
        p->uncleanable = true;
        logline(LOG_ERROR, p->log->dir, "compaction stops for this partition until the next start: %s", why);
    }
    log_clean_free(c->clean, p->doomed ? NULL : p->log);
    c->clean = NULL;
    c->part = NULL;
    bool moved = p->clean_offset > before;
    p->cleaning = false;
    part_unpin(p);
    give_back(c);
    wake_after(c, moved ? 0 : c->conf.backoff_ms);
}

static int64_t bytes_so_far(const struct cleaner *c)
{
    const struct log_clean_stats *s = log_clean_stats(c->clean);
    return s->bytes_read + s->bytes_written;
}

static void slice_run(struct os_job *j)
{
    log_clean_run(CONTAINER_OF(j, struct cleaner, job)->clean);
}

static void slice_done(struct os_job *j, void *owner);

static void step(struct cleaner *c)
{
    struct part *p = c->part;
    bool wanted = !p->doomed && p->cfg.cleanup_compact && c->conf.enable;
    int rc = wanted ? log_clean_next(c->clean, p->log) : ERR_BUSY;
    if (rc != 1) {
        finish(c, rc);
        return;
    }
    c->slice_ns = os_mono_ns(c->shard->os);
    c->slice_bytes = bytes_so_far(c);
    c->job.run = slice_run;
    c->job.done = slice_done;
    os_submit(c->shard->os, &c->job);
}

static void slice_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct cleaner *c = CONTAINER_OF(j, struct cleaner, job);
    double bytes = (double)(bytes_so_far(c) - c->slice_bytes) * turns(c);
    double ns = bytes / c->conf.bytes_per_s * 1e9 - (double)(os_mono_ns(c->shard->os) - c->slice_ns);
    if (ns < PAUSE_NS_MIN) step(c);
    else wake_after(c, ns > 1e15 ? 1000000000 : (int64_t)(ns / 1e6));
}

static void begin(struct cleaner *c, const struct candidate *x, int64_t now_ms)
{
    struct part *p = x->part;
    struct log_clean_opts o = {
        .now_ms = now_ms,
        .first_dirty_offset = x->first_dirty,
        .upper_offset = x->upper,
        .delete_retention_ms = p->cfg.delete_retention_ms,
        .map_slots = (size_t)(min_i64(c->conf.dedupe_bytes / turns(c), MAP_BYTES_MAX) /
                              (int64_t)sizeof(struct clean_slot)),
        .map_load = c->conf.load,
        .io_bytes = (size_t)min_i64(c->conf.io_bytes / turns(c) / 2, IO_BYTES_MAX),
    };
    os_entropy(c->shard->os, o.seed, sizeof o.seed);
    o.producers_take = producers_of(p, &o.producers_n);
    c->part = p;
    c->clean = log_clean_new(p->log, &o);
    p->cleaning = true;
    part_pin(p);
    step(c);
}

static void look(struct cleaner *c)
{
    struct candidate x = {0};
    int64_t now = os_wall_ms(c->shard->os);
    bool found = c->conf.enable && turns(c) > 0 && choose(c, now, &x);
    if (found && !c->has_turn) {
        ask(c);
        return;
    }
    if (found) {
        begin(c, &x, now);
        return;
    }
    if (c->has_turn) give_back(c);
    wake_after(c, c->conf.backoff_ms);
}

static void turn_granted(struct os_msg *m, void *owner)
{
    (void)owner;
    struct cleaner *c = CONTAINER_OF(m, struct cleaner, ask);
    c->asked = false;
    c->has_turn = true;
    look(c); /* what was dirty may be gone by now */
}

static void fire(struct timer *t, struct shard *s)
{
    (void)s;
    struct cleaner *c = CONTAINER_OF(t, struct cleaner, timer);
    if (c->clean) step(c);
    else look(c);
}

void cleaner_init(struct cleaner *c, struct parts *parts, struct cleaner *(*of)(struct shard *s))
{
    *c = (struct cleaner){.shard = parts->shard, .parts = parts, .of = of};
    c->timer.fire = fire;
    list_init(&c->waiting);
    list_init(&c->waiting_link);
}

void cleaner_configure(struct cleaner *c, const struct cleaner_conf *conf)
{
    c->conf = *conf;
    if (c->shard->id == 0) lend(c);
    /* A shorter pause counts at once. */
    if (timer_armed(&c->timer) && !c->clean) wake_after(c, conf->backoff_ms);
}

void cleaner_start(struct cleaner *c)
{
    wake_after(c, c->conf.backoff_ms);
}

void cleaner_stop(struct cleaner *c)
{
    if (!c->clean) return;
    log_clean_free(c->clean, c->part->doomed ? NULL : c->part->log);
    c->clean = NULL;
    c->part->cleaning = false;
}
