/* See listen.h.
 *
 * Invariants
 * 1. A partition's records stand in the order of their offsets; the first is not DONE (else it is gone).
 * 2. A record is in `ready` if and only if it is WAITING, nothing before it in its order is open, and its
 * partition is neither revoked nor the listener stopping.
 * 3. l->running counts the records that are RUNNING or DYING, those of partitions that are gone included.
 * 4. A record whose partition is gone (LOST) is RUNNING or DYING, and ends unheard. */
#include "listen/listen.h"
#include "listen/done.h"
#include "base/grow.h"
#include "listen/backoff.h"
#include "base/hash.h"

#include <stdlib.h>

enum state { WAITING, RUNNING, BACKOFF, DYING, DYING_BACKOFF, DONE };

struct listen_partition {
    int32_t id;
    struct list records;
    int held;    /* records in the list */
    int running; /* RUNNING or DYING */
    bool paused, revoked;
    int64_t next;     /* after the last record that came; -1: none did */
    bool unsaid;      /* something was done since that the commit, or its metadata, should tell */
    struct i64s done; /* offsets that an earlier owner has done */
    struct map last;  /* the last record of each order, by hash */
};
struct listen_record {
    struct list in_partition, in_ready;
    struct heap_node backoff;
    struct listen_partition *partition; /* NULL: it is gone */
    int64_t offset;
    void *cookie;
    uint64_t hash; /* of its order */
    bool ordered;
    enum state state;
    int attempt;
    struct listen_record *after; /* the next of its order, which waits for it */
    bool blocked;                /* it waits for the one before */
};

/* ---- effects ---- */
void listen_effects_init(struct listen_effects *e)
{
    *e = (struct listen_effects){.deadline_ms = INT64_MAX};
}

void listen_effects_fini(struct listen_effects *e)
{
    free(e->v);
    listen_effects_init(e);
}

static struct listen_effect *effect(struct listen_effects *e, enum listen_effect_type type)
{
    e->v = grown(e->v, e->n, &e->cap, sizeof *e->v);
    e->v[e->n] = (struct listen_effect){.type = type};
    return &e->v[e->n++];
}

static void effect_of(struct listen_effects *e, enum listen_effect_type type, struct listen_record *r)
{
    struct listen_effect *x = effect(e, type);
    x->partition = r->partition ? r->partition->id : -1;
    x->record = type == LISTEN_FORGET ? NULL : r;
    x->cookie = r->cookie;
    x->attempt = r->attempt;
}

/* ---- partitions ---- */
static bool eq_partition(const void *v, const void *k)
{
    return ((const struct listen_partition *)v)->id == *(const int32_t *)k;
}
static struct listen_partition *find(const struct listen *l, int32_t id)
{
    return map_get(&l->partitions, hash_u64((uint64_t)id), &id, eq_partition);
}

static bool eq_last(const void *v, const void *k)
{
    return ((const struct listen_record *)v)->hash == *(const uint64_t *)k;
}

void listen_init(struct listen *l, const struct listen_config *config, uint64_t seed)
{
    *l = (struct listen){.config = *config, .seed = seed};
    ASSERT(config->workers_max > 0 && config->window_max > 0 && config->attempts_max > 0);
    map_init(&l->partitions);
    list_init(&l->ready);
    heap_init(&l->backoffs);
}

static void record_free(struct listen *l, struct listen_record *r)
{
    heap_cancel(&l->backoffs, &r->backoff);
    list_remove(&r->in_ready);
    list_remove(&r->in_partition);
    free(r);
}

static void partition_free(struct listen *l, struct listen_partition *p)
{
    map_del(&l->partitions, hash_u64((uint64_t)p->id), &p->id, eq_partition);
    i64s_fini(&p->done);
    map_fini(&p->last);
    free(p);
}

void listen_fini(struct listen *l)
{
    size_t at = 0;
    for (struct listen_partition *p; (p = map_next(&l->partitions, &at)) != NULL; at = 0) {
        LIST_FOREACH(n, &p->records) record_free(l, LIST_ENTRY(n, struct listen_record, in_partition));
        partition_free(l, p);
    }
    map_fini(&l->partitions);
    heap_fini(&l->backoffs);
}

/* ---- a record's life ---- */
static bool may_begin(const struct listen *l, const struct listen_record *r)
{
    return r->state == WAITING && !r->blocked && !l->stopping && !r->partition->revoked;
}

static void make_ready(struct listen *l, struct listen_record *r)
{
    if (may_begin(l, r) && !list_linked(&r->in_ready)) list_push_back(&l->ready, &r->in_ready);
}

/* Behind those of its order that are open. */
static void put_in_order(struct listen *l, struct listen_partition *p, struct listen_record *r,
                         struct slice key)
{
    r->ordered = l->config.order == LISTEN_PARTITION || (l->config.order == LISTEN_KEY && key.p);
    if (!r->ordered) return;
    r->hash = l->config.order == LISTEN_PARTITION ? 0 : hash_bytes(l->seed, key.p, key.n);
    struct listen_record *before = map_del(&p->last, hash_u64(r->hash), &r->hash, eq_last);
    if (before) {
        before->after = r;
        r->blocked = true;
    }
    map_put(&p->last, hash_u64(r->hash), r);
}

static void leave_order(struct listen *l, struct listen_record *r)
{
    struct listen_partition *p = r->partition;
    if (!r->ordered) return;
    if (r->after) {
        r->after->blocked = false;
        make_ready(l, r->after);
        r->after = NULL;
    } else map_del(&p->last, hash_u64(r->hash), &r->hash, eq_last);
}

static void drop_done(struct listen *l, struct listen_partition *p, struct listen_effects *e)
{
    while (!list_empty(&p->records)) {
        struct listen_record *r = LIST_ENTRY(p->records.next, struct listen_record, in_partition);
        if (r->state != DONE) break;
        p->held--;
        record_free(l, r);
    }
    if (p->paused && !p->revoked && p->held <= l->config.window_max / 2) {
        p->paused = false;
        effect(e, LISTEN_RESUME)->partition = p->id;
    }
}

static void finish(struct listen *l, struct listen_record *r, struct listen_effects *e)
{
    r->state = DONE;
    r->partition->unsaid = true;
    effect_of(e, LISTEN_FORGET, r);
    r->cookie = NULL;
    leave_order(l, r);
    drop_done(l, r->partition, e);
}

static void ended(struct listen *l, struct listen_record *r)
{
    l->running--;
    if (r->partition) r->partition->running--;
}

static int64_t backoff_ms(const struct listen *l, const struct listen_event *ev, int attempt)
{
    const struct listen_config *f = &l->config;
    return backoff_pause_ms(f->backoff_ms, f->backoff_factor, f->backoff_ms_max, f->jitter, attempt,
                            ev->random);
}

/* Nothing is tried again once its partition is on its way out: it is left as it was, for the next owner. */
static bool leaves(const struct listen *l, const struct listen_record *r)
{
    return l->stopping || r->partition->revoked;
}

static void try_later(struct listen *l, struct listen_record *r, const struct listen_event *ev,
                      enum state state)
{
    r->state = leaves(l, r) ? WAITING : state;
    if (r->state == state)
        heap_set(&l->backoffs, &r->backoff,
                 ev->now_ms + max_i64(backoff_ms(l, ev, r->attempt), ev->pause_ms));
}

static void bury(struct listen *l, struct listen_record *r, struct listen_effects *e)
{
    r->state = DYING;
    l->running++;
    r->partition->running++;
    effect_of(e, LISTEN_BURY, r);
}

/* Its partition is gone: somebody else does it again. */
static bool unheard(struct listen *l, struct listen_record *r, struct listen_effects *e)
{
    if (r->partition) return false;
    effect_of(e, LISTEN_FORGET, r);
    record_free(l, r);
    return true;
}

static void on_result(struct listen *l, const struct listen_event *ev, struct listen_effects *e)
{
    struct listen_record *r = ev->record;
    ASSERT(r->state == RUNNING);
    ended(l, r);
    if (unheard(l, r, e)) return;
    if (ev->result == LISTEN_AGAIN) {
        r->attempt--;
        r->state = WAITING;
        make_ready(l, r);
    } else if (ev->result == LISTEN_RETRY && r->attempt < l->config.attempts_max)
        try_later(l, r, ev, BACKOFF);
    else if (ev->result == LISTEN_OK || !l->config.dead_letters) finish(l, r, e);
    else bury(l, r, e);
}

static void on_sent(struct listen *l, const struct listen_event *ev, struct listen_effects *e)
{
    struct listen_record *r = ev->record;
    ASSERT(r->state == DYING);
    ended(l, r);
    if (unheard(l, r, e)) return;
    if (ev->ok) finish(l, r, e);
    else try_later(l, r, ev, DYING_BACKOFF);
}

static void on_tick(struct listen *l, const struct listen_event *ev, struct listen_effects *e)
{
    while (l->backoffs.n && heap_first_key(&l->backoffs) <= ev->now_ms) {
        struct listen_record *r = CONTAINER_OF(heap_first(&l->backoffs), struct listen_record, backoff);
        heap_cancel(&l->backoffs, &r->backoff);
        if (r->state == DYING_BACKOFF) bury(l, r, e);
        else {
            r->state = WAITING;
            make_ready(l, r);
        }
    }
}

/* ---- partitions come and go ---- */
static void on_assigned(struct listen *l, const struct listen_event *ev)
{
    ASSERT(!find(l, ev->partition));
    struct listen_partition *p = xcalloc(1, sizeof *p);
    p->id = ev->partition;
    p->next = -1;
    list_init(&p->records);
    map_init(&p->last);
    map_put(&l->partitions, hash_u64((uint64_t)p->id), p);
    if (ev->done.p) listen_done_read(ev->offset, ev->done, &p->done);
}

static void on_record(struct listen *l, const struct listen_event *ev, struct listen_effects *e)
{
    struct listen_partition *p = find(l, ev->partition);
    struct listen_record *r = xcalloc(1, sizeof *r);
    list_init(&r->in_partition);
    list_init(&r->in_ready);
    r->cookie = ev->cookie;
    r->offset = ev->offset;
    if (!p || p->revoked || (p->next >= 0 && ev->offset < p->next)) { /* of an assignment before, or seen */
        effect_of(e, LISTEN_FORGET, r);
        free(r);
        return;
    }
    r->partition = p;
    p->next = ev->offset + 1;
    list_push_back(&p->records, &r->in_partition);
    p->held++;
    if (i64s_has(&p->done, ev->offset)) {
        r->state = DONE;
        p->unsaid = true;
        effect_of(e, LISTEN_FORGET, r);
        r->cookie = NULL;
        drop_done(l, p, e);
    } else {
        put_in_order(l, p, r, ev->key);
        make_ready(l, r);
    }
    if (p->held >= l->config.window_max && !p->paused) {
        p->paused = true;
        effect(e, LISTEN_PAUSE)->partition = p->id;
    }
}

/* What waits stays where it is: it says up to where the partition may be committed. */
static void hold_back(struct listen *l, struct listen_partition *p)
{
    LIST_FOREACH(n, &p->records)
    {
        struct listen_record *r = LIST_ENTRY(n, struct listen_record, in_partition);
        list_remove(&r->in_ready);
        heap_cancel(&l->backoffs, &r->backoff);
        if (r->state == BACKOFF || r->state == DYING_BACKOFF) r->state = WAITING;
    }
}

static void tell_drained(struct listen *l, struct listen_effects *e)
{
    MAP_FOREACH(it, struct listen_partition, p, &l->partitions)
    {
        if (!p->revoked || p->running || p->paused) continue;
        p->paused = true; /* told once */
        effect(e, LISTEN_DRAINED)->partition = p->id;
    }
}

static void on_revoked(struct listen *l, const struct listen_event *ev)
{
    struct listen_partition *p = find(l, ev->partition);
    if (!p) return;
    p->revoked = true;
    p->paused = false;
    hold_back(l, p);
}

static void on_lost(struct listen *l, const struct listen_event *ev, struct listen_effects *e)
{
    struct listen_partition *p = find(l, ev->partition);
    if (!p) return;
    LIST_FOREACH(n, &p->records)
    {
        struct listen_record *r = LIST_ENTRY(n, struct listen_record, in_partition);
        list_remove(n);
        r->after = NULL;
        if (r->state == RUNNING || r->state == DYING) {
            r->partition = NULL;
            continue;
        }
        if (r->state != DONE) effect_of(e, LISTEN_FORGET, r);
        record_free(l, r);
    }
    partition_free(l, p);
}

static void on_stop(struct listen *l)
{
    l->stopping = true;
    MAP_FOREACH(it, struct listen_partition, p, &l->partitions) hold_back(l, p);
}

static void begin_ready(struct listen *l, struct listen_effects *e)
{
    struct list *n;
    while (l->running < l->config.workers_max && (n = list_pop_front(&l->ready)) != NULL) {
        struct listen_record *r = LIST_ENTRY(n, struct listen_record, in_ready);
        r->state = RUNNING;
        r->attempt++;
        l->running++;
        r->partition->running++;
        effect_of(e, LISTEN_BEGIN, r);
    }
}

void listen_step(struct listen *l, const struct listen_event *ev, struct listen_effects *e)
{
    switch (ev->type) {
    case LISTEN_ASSIGNED:
        on_assigned(l, ev);
        break;
    case LISTEN_REVOKED:
        on_revoked(l, ev);
        break;
    case LISTEN_LOST:
        on_lost(l, ev, e);
        break;
    case LISTEN_RECORD:
        on_record(l, ev, e);
        break;
    case LISTEN_RESULT:
        on_result(l, ev, e);
        break;
    case LISTEN_SENT:
        on_sent(l, ev, e);
        break;
    case LISTEN_TICK:
        on_tick(l, ev, e);
        break;
    case LISTEN_STOP:
        on_stop(l);
        break;
    }
    begin_ready(l, e);
    tell_drained(l, e);
    e->deadline_ms = heap_first_key(&l->backoffs);
}

/* ---- commits ---- */
static int64_t first_open(const struct listen_partition *p)
{
    if (list_empty(&p->records)) return p->next;
    return LIST_ENTRY(p->records.next, struct listen_record, in_partition)->offset;
}

int64_t listen_commit_offset(const struct listen *l, int32_t partition)
{
    const struct listen_partition *p = find(l, partition);
    return p && p->unsaid ? first_open(p) : -1;
}

void listen_commit_metadata(const struct listen *l, int32_t partition, size_t bytes_max, struct strbuf *out)
{
    const struct listen_partition *p = find(l, partition);
    struct i64s done = {0};
    if (!p) return;
    LIST_FOREACH(n, &p->records)
    {
        const struct listen_record *r = LIST_ENTRY(n, struct listen_record, in_partition);
        if (r->state == DONE) i64s_add(&done, r->offset);
    }
    for (int i = 0; i < p->done.n; i++) /* of the owner before, where we have not come yet */
        if (p->done.v[i] >= p->next) i64s_add(&done, p->done.v[i]);
    i64s_sort(&done);
    listen_done_write(first_open(p), &done, bytes_max, out);
    i64s_fini(&done);
}

void listen_committed(struct listen *l, int32_t partition, int64_t offset)
{
    struct listen_partition *p = find(l, partition);
    if (p && offset == first_open(p)) p->unsaid = false;
}

void listen_each_partition(struct listen *l, void (*f)(void *arg, int32_t partition), void *arg)
{
    MAP_FOREACH(it, struct listen_partition, p, &l->partitions) f(arg, p->id);
}

int listen_busy(const struct listen *l)
{
    return l->running;
}

void listen_check(const struct listen *l)
{
    int running = 0;
    heap_check(&l->backoffs);
    MAP_FOREACH(it, struct listen_partition, p, &l->partitions)
    {
        int held = 0, busy = 0;
        int64_t last = -1;
        LIST_FOREACH(n, &p->records)
        {
            const struct listen_record *r = LIST_ENTRY(n, struct listen_record, in_partition);
            ASSERT(r->partition == p && r->offset > last && r->offset < p->next);
            ASSERT(held > 0 || r->state != DONE);
            ASSERT(list_linked(&r->in_ready) == may_begin(l, r));
            ASSERT(heap_has(&r->backoff) == (r->state == BACKOFF || r->state == DYING_BACKOFF));
            ASSERT(!r->blocked || r->state == WAITING);
            ASSERT(!r->after || (r->after->blocked && r->after->offset > r->offset && r->state != DONE));
            last = r->offset;
            busy += r->state == RUNNING || r->state == DYING;
            held++;
        }
        ASSERT(held == p->held && busy == p->running);
        running += busy;
    }
    ASSERT(running <= l->running);
    ASSERT(list_empty(&l->ready) || l->running >= l->config.workers_max);
}
