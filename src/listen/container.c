/* See container.h.
 *
 * Invariants
 * 1. records[at, end) are of the poll that is delivered, records[end, records_n) wait for the next. Between
 * polls at == end.
 * 2. A place's pending offset is never beyond a record of it that is in records, except by an
 * acknowledgement. */
#include "listen/container.h"
#include "base/grow.h"
#include "listen/backoff.h"

#include <stdlib.h>

struct container_part {
    bool held;
    int64_t pending;     /* to be committed; -1: nothing */
    int64_t sent;        /* what the last commit said */
    int64_t fail_offset; /* the record that failed last */
    int fails;           /* and how often */
    struct i64s open; /* async_acks: delivered, ascending: twice the offset, plus 1 if it is acknowledged */
    int open_first;
};

void container_effects_init(struct container_effects *e)
{
    *e = (struct container_effects){.deadline_ms = INT64_MAX};
}

void container_effects_fini(struct container_effects *e)
{
    free(e->v);
    free(e->commits);
    container_effects_init(e);
}

static struct container_effect *effect(struct container_effects *e, enum container_effect_type type)
{
    e->v = grown(e->v, e->n, &e->cap, sizeof *e->v);
    e->v[e->n] = (struct container_effect){.type = type};
    return &e->v[e->n++];
}

void container_init(struct container *c, const struct container_config *config, int poll_max, int64_t now_ms)
{
    ASSERT(poll_max > 0 && config->attempts_max > 0);
    *c = (struct container){
        .config = *config, .poll_max = poll_max, .committed_ms = now_ms, .deadline_ms = INT64_MAX};
}

void container_fini(struct container *c)
{
    for (int i = 0; i < c->parts_n; i++) i64s_fini(&c->parts[i].open);
    free(c->parts);
    free(c->records);
    *c = (struct container){0};
}

static struct container_part *part(struct container *c, int32_t place)
{
    ASSERT(place >= 0);
    if (place >= c->parts_n) {
        c->parts = xrealloc(c->parts, ((size_t)place + 1) * sizeof *c->parts);
        for (; c->parts_n <= place; c->parts_n++)
            c->parts[c->parts_n] = (struct container_part){.pending = -1, .fail_offset = -1};
    }
    return &c->parts[place];
}

static bool is_manual(const struct container *c)
{
    return c->config.ack >= CONTAINER_MANUAL;
}
static bool is_async(const struct container *c)
{
    return is_manual(c) && c->config.async_acks;
}

/* ---- commits ---- */
static void add_commit(struct container_effects *e, int32_t place, int64_t offset)
{
    e->commits = grown(e->commits, e->commits_n, &e->commits_cap, sizeof *e->commits);
    e->commits[e->commits_n++] = (struct container_commit){place, offset};
}

static void end_commit(struct container_effects *e, int from)
{
    if (e->commits_n == from) return;
    struct container_effect *x = effect(e, CONTAINER_COMMIT);
    x->from = from;
    x->n = e->commits_n - from;
}

static void commit_one(struct container *c, int32_t place, struct container_effects *e)
{
    struct container_part *p = part(c, place);
    int from = e->commits_n;
    if (p->pending >= 0) add_commit(e, place, p->sent = p->pending);
    p->pending = -1;
    end_commit(e, from);
}

static void commit_all(struct container *c, struct container_effects *e)
{
    int from = e->commits_n;
    for (int32_t i = 0; i < c->parts_n; i++) {
        struct container_part *p = &c->parts[i];
        if (p->pending >= 0) add_commit(e, i, p->sent = p->pending);
        p->pending = -1;
    }
    end_commit(e, from);
}

/* In front of a retry, and between polls. */
static void commit_due(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    const struct container_config *f = &c->config;
    bool late = ev->now_ms - c->committed_ms > f->ack_time_ms, many = c->count >= f->ack_count;
    bool due = f->ack == CONTAINER_TIME ? late : f->ack == CONTAINER_COUNT ? many : late || many;
    if (f->ack == CONTAINER_TIME || f->ack == CONTAINER_COUNT || f->ack == CONTAINER_COUNT_TIME) {
        if (!due) return;
        c->count = 0;
        c->committed_ms = ev->now_ms;
    }
    commit_all(c, e);
}

/* ---- records ---- */
static void drop_first(struct container *c, struct container_effects *e)
{
    effect(e, CONTAINER_DROPPED)->cookie = c->records[c->at++].cookie;
}

static void take_in(struct container *c, const struct container_record *r, int n)
{
    if (c->at) memmove(c->records, c->records + c->at, (size_t)(c->records_n - c->at) * sizeof *c->records);
    c->records_n -= c->at;
    c->at = 0;
    while (c->records_n + n > c->records_cap)
        c->records = grown(c->records, c->records_cap, &c->records_cap, sizeof *c->records);
    if (n) memcpy(c->records + c->records_n, r, (size_t)n * sizeof *r);
    c->records_n += n;
    c->end = c->records_n < c->poll_max ? c->records_n : c->poll_max;
}

/* ---- acknowledgements in any order ---- */
static int open_n(const struct container_part *p)
{
    return p->open.n - p->open_first;
}

static void open_record(struct container *c, const struct container_record *r)
{
    struct container_part *p = part(c, r->place);
    /* One that comes again takes the place of what was open of it and behind it. */
    while (open_n(p) && p->open.v[p->open.n - 1] >= r->offset * 2) p->open.n--;
    i64s_add(&p->open, r->offset * 2);
}

static void close_from(struct container *c, const struct container_record *r)
{
    struct container_part *p = part(c, r->place);
    while (open_n(p) && p->open.v[p->open.n - 1] >= r->offset * 2) p->open.n--;
}

/* What of the poll is not done with comes again. */
static void close_rest(struct container *c)
{
    for (int i = c->at; i < c->end && is_async(c); i++) close_from(c, &c->records[i]);
}

static bool any_open(const struct container *c)
{
    for (int i = 0; i < c->parts_n; i++)
        if (open_n(&c->parts[i])) return true;
    return false;
}

static void ack_in_order(struct container_part *p, int64_t offset)
{
    int lo = p->open_first, hi = p->open.n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (p->open.v[mid] >> 1 < offset) lo = mid + 1;
        else hi = mid;
    }
    if (lo == p->open.n || p->open.v[lo] >> 1 != offset) return; /* of an assignment or an attempt before */
    p->open.v[lo] |= 1;
    for (; open_n(p) && (p->open.v[p->open_first] & 1); p->open_first++)
        p->pending = (p->open.v[p->open_first] >> 1) + 1;
    if (!open_n(p)) p->open.n = p->open_first = 0;
}

/* The record needs no acknowledgement: it was put aside, or its listener gives none. */
static void done_with(struct container *c, const struct container_record *r)
{
    struct container_part *p = part(c, r->place);
    if (is_async(c)) ack_in_order(p, r->offset);
    else p->pending = r->offset + 1;
    p->fail_offset = -1;
}

static void on_acked(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    struct container_part *p = part(c, ev->place);
    if (!p->held || !is_manual(c)) return;
    if (is_async(c)) ack_in_order(p, ev->offset);
    else if (c->config.ack == CONTAINER_MANUAL_IMMEDIATE) p->pending = ev->offset + 1;
    else p->pending = max_i64(p->pending, ev->offset + 1);
    if (c->config.ack == CONTAINER_MANUAL_IMMEDIATE) commit_one(c, ev->place, e);
}

/* ---- delivering ---- */
static void deliver(struct container *c, struct container_effects *e)
{
    const struct container_record *r = &c->records[c->at];
    const struct container_part *p = part(c, r->place);
    struct container_effect *x = effect(e, CONTAINER_DELIVER);
    c->state = CONTAINER_DELIVERING;
    x->from = c->at;
    x->n = c->config.batch ? c->end - c->at : 1;
    x->attempt = 1 + (c->whole ? c->whole_failed : p->fail_offset == r->offset ? p->fails : 0);
    for (int i = 0; i < x->n && is_async(c); i++) open_record(c, &c->records[c->at + i]);
}

static void drop_all(struct container *c, struct container_effects *e)
{
    while (c->at < c->records_n) drop_first(c, e);
    c->end = c->at;
    c->whole = false;
}

static void poll_again(struct container *c, struct container_effects *e)
{
    bool pause = is_async(c) && any_open(c);
    c->state = CONTAINER_POLLING;
    c->deadline_ms = INT64_MAX;
    c->end = c->at;
    c->whole = false;
    if (c->stopping) {
        commit_all(c, e);
        drop_all(c, e);
        return;
    }
    if (pause != c->paused) effect(e, pause ? CONTAINER_PAUSE : CONTAINER_RESUME);
    c->paused = pause;
    int waiting = c->records_n - c->at;
    effect(e, CONTAINER_POLL)->room = waiting < c->poll_max ? c->poll_max - waiting : 0;
}

static void go_on(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    if (c->at < c->end) {
        deliver(c, e);
        return;
    }
    if (c->config.ack != CONTAINER_MANUAL_IMMEDIATE) commit_due(c, ev, e);
    poll_again(c, e);
}

static int64_t backoff_ms(const struct container *c, const struct container_event *ev, int attempt)
{
    const struct container_config *f = &c->config;
    return backoff_pause_ms(f->backoff_ms, f->backoff_factor, f->backoff_ms_max, f->jitter, attempt,
                            ev->random);
}

/* From records[at] on, behind a pause. */
static void redeliver(struct container *c, const struct container_event *ev, int64_t pause_ms,
                      struct container_effects *e)
{
    close_rest(c);
    if (pause_ms <= 0 || c->stopping) {
        poll_again(c, e);
        return;
    }
    c->state = CONTAINER_BACKOFF;
    c->deadline_ms = ev->now_ms + pause_ms;
    if (!c->whole) c->end = c->at;
}

static void recover(struct container *c, int attempt, struct container_effects *e)
{
    struct container_effect *x = effect(e, CONTAINER_RECOVER);
    c->state = CONTAINER_RECOVERING;
    x->from = c->at;
    x->attempt = attempt;
}

/* The record at the front has failed once more. */
static void failed(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    const struct container_record *r = &c->records[c->at];
    struct container_part *p = part(c, r->place);
    p->fails = p->fail_offset == r->offset ? p->fails + 1 : 1;
    p->fail_offset = r->offset;
    if (ev->result == CONTAINER_DEAD || p->fails >= c->config.attempts_max) recover(c, p->fails, e);
    else redeliver(c, ev, backoff_ms(c, ev, p->fails), e);
}

static void record_returned(struct container *c, const struct container_event *ev,
                            struct container_effects *e)
{
    const struct container_record *r = &c->records[c->at];
    if (ev->result != CONTAINER_OK) {
        if (c->config.ack != CONTAINER_MANUAL_IMMEDIATE) commit_due(c, ev, e);
        failed(c, ev, e);
        return;
    }
    part(c, r->place)->fail_offset = -1;
    if (!is_manual(c)) done_with(c, r);
    c->count++;
    if (c->config.ack == CONTAINER_RECORD) commit_one(c, r->place, e);
    else if (c->config.ack != CONTAINER_BATCH && !is_manual(c)) commit_due(c, ev, e);
    drop_first(c, e);
    go_on(c, ev, e);
}

/* Those in front of records[to] are done with. */
static void batch_done(struct container *c, int to, bool pending, struct container_effects *e)
{
    for (; c->at < to; drop_first(c, e)) {
        const struct container_record *r = &c->records[c->at];
        bool last = true;
        for (int i = c->at + 1; i < to && last; i++) last = c->records[i].place != r->place;
        c->count += last;
        part(c, r->place)->fail_offset = -1;
        if (pending) done_with(c, r);
    }
}

static void whole_batch_failed(struct container *c, const struct container_event *ev,
                               struct container_effects *e)
{
    c->whole_failed++;
    c->whole = true;
    if (ev->result == CONTAINER_DEAD || c->whole_failed >= c->config.attempts_max) {
        recover(c, c->whole_failed, e);
        return;
    }
    int64_t pause_ms = backoff_ms(c, ev, c->whole_failed);
    if (c->stopping) poll_again(c, e);
    else if (pause_ms <= 0) deliver(c, e);
    else redeliver(c, ev, pause_ms, e);
}

static void batch_returned(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    int at = c->at + ev->failed;
    if (ev->result != CONTAINER_OK && ev->failed < 0) {
        whole_batch_failed(c, ev, e);
        return;
    }
    c->whole = false;
    c->whole_failed = 0;
    if (ev->result == CONTAINER_OK) {
        batch_done(c, c->end, !is_manual(c), e);
        go_on(c, ev, e);
        return;
    }
    ASSERT(at < c->end);
    batch_done(c, at, true, e);
    commit_all(c, e);
    failed(c, ev, e);
}

static void on_nacked(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    if (c->config.batch) {
        c->whole = false;
        c->whole_failed = 0;
        ASSERT(ev->failed >= 0 && c->at + ev->failed < c->end);
        batch_done(c, c->at + ev->failed, true, e);
        commit_all(c, e);
    } else if (c->config.ack != CONTAINER_MANUAL_IMMEDIATE) commit_due(c, ev, e);
    redeliver(c, ev, ev->pause_ms, e);
}

/* A dead letter that cannot be sent must not make a busy loop. */
#define RECOVER_PAUSE_MS_MIN 1000

static void on_recovered(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    const struct container_record *r = &c->records[c->at];
    if (!ev->ok) {
        part(c, r->place)->fail_offset = -1;
        c->whole = false;
        redeliver(c, ev, max_i64(backoff_ms(c, ev, 1), RECOVER_PAUSE_MS_MIN), e);
        return;
    }
    bool commits =
        c->config.ack != CONTAINER_MANUAL_IMMEDIATE || c->config.commit_recovered || c->config.batch;
    if (commits || is_async(c)) done_with(c, r);
    else part(c, r->place)->fail_offset = -1;
    c->count++;
    if (c->config.ack == CONTAINER_RECORD || !commits) commit_one(c, r->place, e);
    drop_first(c, e);
    if (c->whole && c->at < c->end) {
        recover(c, c->whole_failed, e);
        return;
    }
    close_rest(c);
    if (c->config.batch || c->config.ack == CONTAINER_MANUAL_IMMEDIATE) commit_all(c, e);
    else commit_due(c, ev, e);
    c->whole_failed = 0;
    poll_again(c, e);
}

static void on_polled(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    ASSERT(c->state == CONTAINER_POLLING);
    take_in(c, ev->records, ev->n);
    if (c->stopping) {
        poll_again(c, e);
        return;
    }
    commit_due(c, ev, e); /* what a failed commit left, too */
    if (!c->end && (c->config.ack == CONTAINER_COUNT || c->config.ack == CONTAINER_COUNT_TIME)) {
        c->count = 0;
        commit_all(c, e);
    }
    if (c->end) deliver(c, e);
    else poll_again(c, e);
}

/* ---- partitions come and go ---- */
static void take_away(struct container *c, const struct container_event *ev, bool commit,
                      struct container_effects *e)
{
    int from = e->commits_n, to = c->at;
    ASSERT(c->state == CONTAINER_POLLING || c->state == CONTAINER_BACKOFF);
    for (int i = 0; i < ev->n; i++) {
        int32_t place = ev->records[i].place;
        struct container_part *p = part(c, place);
        if (commit && p->held && p->pending >= 0) add_commit(e, place, p->pending);
        i64s_fini(&p->open);
        *p = (struct container_part){.pending = -1, .fail_offset = -1};
    }
    end_commit(e, from);
    for (int i = c->at; i < c->records_n; i++)
        if (part(c, c->records[i].place)->held) c->records[to++] = c->records[i];
        else effect(e, CONTAINER_DROPPED)->cookie = c->records[i].cookie;
    if (to != c->records_n) c->whole = false; /* it is another batch now */
    c->records_n = to;
    c->end = c->whole ? c->end : c->at;
}

static void on_tick(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    if (c->state != CONTAINER_BACKOFF || ev->now_ms < c->deadline_ms) return;
    c->deadline_ms = INT64_MAX;
    if (c->whole && c->end > c->at) deliver(c, e);
    else poll_again(c, e);
}

static void on_stop(struct container *c, struct container_effects *e)
{
    c->stopping = true;
    if (c->state == CONTAINER_POLLING || c->state == CONTAINER_BACKOFF) poll_again(c, e);
}

void container_step(struct container *c, const struct container_event *ev, struct container_effects *e)
{
    struct container_part *p;
    switch (ev->type) {
    case CONTAINER_ASSIGNED:
        part(c, ev->place)->held = true;
        break;
    case CONTAINER_REVOKED:
    case CONTAINER_LOST:
        take_away(c, ev, ev->type == CONTAINER_REVOKED, e);
        break;
    case CONTAINER_POLLED:
        on_polled(c, ev, e);
        break;
    case CONTAINER_RETURNED:
        ASSERT(c->state == CONTAINER_DELIVERING);
        if (c->config.batch) batch_returned(c, ev, e);
        else record_returned(c, ev, e);
        break;
    case CONTAINER_ACKED:
        on_acked(c, ev, e);
        break;
    case CONTAINER_NACKED:
        ASSERT(c->state == CONTAINER_DELIVERING);
        on_nacked(c, ev, e);
        break;
    case CONTAINER_RECOVERED:
        ASSERT(c->state == CONTAINER_RECOVERING);
        on_recovered(c, ev, e);
        break;
    case CONTAINER_TICK:
        on_tick(c, ev, e);
        break;
    case CONTAINER_UNCOMMITTED:
        p = part(c, ev->place);
        /* An older one that failed must not undo what was committed after it. */
        if (p->held && p->pending < 0 && p->sent == ev->offset) p->pending = ev->offset;
        break;
    case CONTAINER_STOP:
        on_stop(c, e);
        break;
    }
    e->deadline_ms = c->deadline_ms;
}

void container_check(const struct container *c)
{
    ASSERT(c->at <= c->end && c->end <= c->records_n && c->records_n <= c->records_cap);
    ASSERT((c->state == CONTAINER_BACKOFF) == (c->deadline_ms != INT64_MAX));
    ASSERT(c->state != CONTAINER_POLLING || c->at == c->end);
    ASSERT((c->state != CONTAINER_DELIVERING && c->state != CONTAINER_RECOVERING) || c->at < c->end);
    for (int i = c->at; i < c->records_n; i++) ASSERT(c->parts[c->records[i].place].held);
    for (int i = 0; i < c->parts_n; i++) {
        const struct container_part *p = &c->parts[i];
        ASSERT(p->held || (p->pending < 0 && p->open.n == 0));
        for (int j = p->open_first + 1; j < p->open.n; j++) ASSERT(p->open.v[j - 1] >> 1 < p->open.v[j] >> 1);
        ASSERT(open_n(p) == 0 || (p->open.v[p->open_first] & 1) == 0);
    }
}
