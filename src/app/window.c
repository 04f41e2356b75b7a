#include "app/window.h"

#include <math.h>

static void reset(struct window_sample *s, int64_t now)
{
    *s = (struct window_sample){.since_ms = now, .max = -INFINITY, .min = INFINITY};
}

static struct window_sample *current(struct window *w, int64_t now)
{
    if (w->used == 0) reset(&w->v[w->used++], now);
    return &w->v[w->current];
}

void window_add(struct window *w, int64_t now_ms, double value)
{
    struct window_sample *s = current(w, now_ms);
    if (now_ms - s->since_ms >= WINDOW_SAMPLE_MS) {
        w->current = (w->current + 1) % WINDOW_SAMPLES;
        if (w->current >= w->used) w->used++;
        s = &w->v[w->current];
        reset(s, now_ms);
    }
    s->n++;
    s->sum += value;
    s->max = larger(s->max, value);
    s->min = smaller(s->min, value);
    w->total_n++;
    w->total += value;
    w->last = value;
}

/* All samples as one; since_ms: when the oldest began. */
static struct window_sample whole(struct window *w, int64_t now)
{
    struct window_sample all;
    reset(&all, now);
    current(w, now);
    for (int i = 0; i < w->used; i++) {
        struct window_sample *s = &w->v[i];
        if (now - s->since_ms >= WINDOW_SAMPLES * WINDOW_SAMPLE_MS) reset(s, now);
        if (s->since_ms < all.since_ms) all.since_ms = s->since_ms;
        all.n += s->n;
        all.sum += s->sum;
        all.max = larger(all.max, s->max);
        all.min = smaller(all.min, s->min);
    }
    return all;
}

double window_avg(struct window *w, int64_t now_ms)
{
    struct window_sample s = whole(w, now_ms);
    return s.n ? s.sum / (double)s.n : (double)NAN;
}

double window_max(struct window *w, int64_t now_ms)
{
    struct window_sample s = whole(w, now_ms);
    return s.n ? s.max : (double)NAN;
}

double window_min(struct window *w, int64_t now_ms)
{
    struct window_sample s = whole(w, now_ms);
    return s.n ? s.min : (double)NAN;
}

/* Seconds that a rate is over: a sample that has not been filled yet counts as one, so that the first values
 * do not make a high rate. */
static double seconds(const struct window_sample *s, int64_t now)
{
    int64_t ms = now - s->since_ms, full = ms / WINDOW_SAMPLE_MS;
    if (full < WINDOW_SAMPLES - 1) ms += (WINDOW_SAMPLES - 1 - full) * WINDOW_SAMPLE_MS;
    return (double)ms / 1000;
}

double window_rate(struct window *w, int64_t now_ms)
{
    struct window_sample s = whole(w, now_ms);
    return s.sum / seconds(&s, now_ms);
}

double window_count_rate(struct window *w, int64_t now_ms)
{
    struct window_sample s = whole(w, now_ms);
    return (double)s.n / seconds(&s, now_ms);
}
