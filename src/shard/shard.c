/* The loop and its timers. */
#include "shard/shard.h"

static void segment_dropped(void *arg, char *path_take, int64_t delay_ms)
{
    shard_trash(arg, path_take, false, delay_ms);
}

static int64_t visited(void *owner)
{
    struct shard *s = owner;
    if (s->end_of_turn) s->end_of_turn(s);
    if (s->stopping) return INT64_MIN;
    return heap_first_key(&s->timers);
}

void shard_init(struct shard *s, int id, int n, struct shard **peers, struct os *os, int files_max)
{
    *s = (struct shard){.id = id, .n = n, .os = os, .peers = peers};
    log_files_init(&s->files, files_max);
    s->files.dropped = segment_dropped;
    s->files.dropped_arg = s;
    list_init(&s->trash.items);
    os_on_visit(os, visited, s);
}

void shard_fini(struct shard *s)
{
    heap_fini(&s->timers);
}

void timer_set(struct shard *s, struct timer *t, int64_t due_ns)
{
    heap_set(&s->timers, &t->node, due_ns);
}

void timer_cancel(struct shard *s, struct timer *t)
{
    heap_cancel(&s->timers, &t->node);
}

void shard_turn(struct shard *s, int64_t deadline_ns)
{
    os_turn(s->os, min_i64(deadline_ns, heap_first_key(&s->timers)), s);
    int64_t now = os_mono_ns(s->os);
    while (heap_first_key(&s->timers) <= now) {
        struct timer *t = CONTAINER_OF(heap_first(&s->timers), struct timer, node);
        timer_cancel(s, t);
        t->fire(t, s);
    }
    if (s->end_of_turn) s->end_of_turn(s);
}

void shard_run(struct shard *s)
{
    while (!s->stopping) shard_turn(s, INT64_MAX);
    os_flush_posts(s->os);
}
