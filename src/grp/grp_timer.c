/* Deadlines in a binary heap that knows where each timer stands, so that a heartbeat moves its timer in
 * place. Invariant: timers[t->place - 1] == t for every timer that is set. */
#include "grp/grp_int.h"
#include <stdlib.h>

static bool before(const struct grp_timer *a, const struct grp_timer *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void put(struct grp_shard *s, size_t place, struct grp_timer *t)
{
    s->timers[place - 1] = t;
    t->place = place;
}

static void up(struct grp_shard *s, struct grp_timer *t, size_t place)
{
    while (place > 1 && before(t, s->timers[place / 2 - 1])) {
        put(s, place, s->timers[place / 2 - 1]);
        place /= 2;
    }
    put(s, place, t);
}

static void down(struct grp_shard *s, struct grp_timer *t, size_t place)
{
    for (;;) {
        size_t child = place * 2;
        if (child > s->timers_n) break;
        if (child < s->timers_n && before(s->timers[child], s->timers[child - 1])) child++;
        if (!before(s->timers[child - 1], t)) break;
        put(s, place, s->timers[child - 1]);
        place = child;
    }
    put(s, place, t);
}

void grp_timer_cancel(struct grp_shard *s, struct grp_timer *t)
{
    size_t place = t->place;
    if (!place) return;
    ASSERT(s->timers[place - 1] == t);
    t->place = 0;
    struct grp_timer *last = s->timers[--s->timers_n];
    if (last == t) return;
    if (place > 1 && before(last, s->timers[place / 2 - 1])) up(s, last, place);
    else down(s, last, place);
}

void grp_timer_set(struct grp_shard *s, struct grp_timer *t, int64_t at_ms)
{
    grp_timer_cancel(s, t);
    t->at_ms = at_ms;
    t->order = s->timer_order++;
    if (s->timers_n == s->timers_cap) {
        s->timers_cap = s->timers_cap ? s->timers_cap * 2 : 16;
        s->timers = xrealloc(s->timers, s->timers_cap * sizeof *s->timers);
    }
    s->timers_n++;
    up(s, t, s->timers_n);
}

struct grp_timer *grp_timer_due(struct grp_shard *s, int64_t mono_ms)
{
    if (!s->timers_n || s->timers[0]->at_ms > mono_ms) return NULL;
    struct grp_timer *t = s->timers[0];
    grp_timer_cancel(s, t);
    return t;
}
