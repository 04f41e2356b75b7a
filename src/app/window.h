/* A measured quantity over the last one or two half minutes, as Java's client metrics keep it
 * (org.apache.kafka.common.metrics.stats.SampledStat with metrics.num.samples=2 and
 * metrics.sample.window.ms=30000), so that averages, extremes and rates come out as Java's. */
#ifndef MOLDAU_WINDOW_H
#define MOLDAU_WINDOW_H

#include "base/base.h"

#define WINDOW_SAMPLES 2
#define WINDOW_SAMPLE_MS 30000

struct window_sample {
    int64_t since_ms, n;
    double sum, max, min;
};
struct window {
    struct window_sample v[WINDOW_SAMPLES];
    int used, current;
    int64_t total_n; /* since the beginning, like total */
    double total, last;
};

static inline double larger(double a, double b)
{
    return a > b ? a : b;
}
static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* now_ms: of a clock that nobody sets. */
void window_add(struct window *w, int64_t now_ms, double value);
/* NaN where nothing was added in the time that is looked at. */
double window_avg(struct window *w, int64_t now_ms);
double window_max(struct window *w, int64_t now_ms);
double window_min(struct window *w, int64_t now_ms);
/* A second: of the values' sum, and of how many there were. */
double window_rate(struct window *w, int64_t now_ms);
double window_count_rate(struct window *w, int64_t now_ms);

#endif
