/* The loop and its timers (a binary heap by due time). */
#include "shard/shard.h"

#include <stdlib.h>

static void segment_dropped(void *arg, char *path_take, int64_t delay_ms)
{
    shard_trash(arg, path_take, false, delay_ms);
}

static int64_t visited(void *owner)
{
    struct shard *s = owner;
    if (s->end_of_turn) s->end_of_turn(s);
    if (s->stopping) return INT64_MIN;
    return s->timers_n ? s->timers[0]->due_ns : INT64_MAX;
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
    free(s->timers);
    s->timers = NULL;
}

static void place(struct shard *s, size_t i, struct timer *t)
{
    s->timers[i] = t;
    t->at = i + 1;
}

static void sift(struct shard *s, size_t i)
{
    struct timer *t = s->timers[i];
    for (; i && s->timers[(i - 1) / 2]->due_ns > t->due_ns; i = (i - 1) / 2)
        place(s, i, s->timers[(i - 1) / 2]);
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= s->timers_n) break;
        if (c + 1 < s->timers_n && s->timers[c + 1]->due_ns < s->timers[c]->due_ns) c++;
        if (s->timers[c]->due_ns >= t->due_ns) break;
        place(s, i, s->timers[c]);
        i = c;
    }
    place(s, i, t);
}

void timer_set(struct shard *s, struct timer *t, int64_t due_ns)
{
    t->due_ns = due_ns;
    if (!t->at) {
        if (s->timers_n == s->timers_cap) {
            s->timers_cap = s->timers_cap ? s->timers_cap * 2 : 16;
            s->timers = xrealloc(s->timers, s->timers_cap * sizeof *s->timers);
        }
        place(s, s->timers_n++, t);
    }
    sift(s, t->at - 1);
}

void timer_cancel(struct shard *s, struct timer *t)
{
    if (!t->at) return;
    size_t i = t->at - 1;
    t->at = 0;
    struct timer *last = s->timers[--s->timers_n];
    if (last == t) return;
    place(s, i, last);
    sift(s, i);
}

void shard_turn(struct shard *s, int64_t deadline_ns)
{
    if (s->timers_n) deadline_ns = min_i64(deadline_ns, s->timers[0]->due_ns);
    os_turn(s->os, deadline_ns, s);
    int64_t now = os_mono_ns(s->os);
    while (s->timers_n && s->timers[0]->due_ns <= now) {
        struct timer *t = s->timers[0];
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
