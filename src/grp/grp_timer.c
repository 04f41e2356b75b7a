/* Deadlines: a heartbeat moves its timer in place. */
#include "grp/grp_int.h"

void grp_timer_cancel(struct grp_shard *s, struct grp_timer *t)
{
    heap_cancel(&s->timers, &t->node);
}

void grp_timer_set(struct grp_shard *s, struct grp_timer *t, int64_t at_ms)
{
    heap_set(&s->timers, &t->node, at_ms);
}

struct grp_timer *grp_timer_due(struct grp_shard *s, int64_t mono_ms)
{
    if (heap_first_key(&s->timers) > mono_ms || !s->timers.n) return NULL;
    struct grp_timer *t = CONTAINER_OF(heap_first(&s->timers), struct grp_timer, node);
    grp_timer_cancel(s, t);
    return t;
}
