/* The pause before a record is tried again. */
#ifndef MOLDAU_BACKOFF_H
#define MOLDAU_BACKOFF_H

#include "base/base.h"

/* After `attempt` attempts failed: ms, each time by factor longer, at most ms_max, of which the part jitter
 * (0..1) is left to chance (random, 0..1). */
static inline int64_t backoff_pause_ms(int64_t ms, double factor, int64_t ms_max, double jitter, int attempt,
                                       double random)
{
    double pause = (double)ms, max = (double)ms_max;
    for (int i = 1; i < attempt && pause < max; i++) pause *= factor;
    if (pause > max) pause = max;
    return (int64_t)(pause * (1 - jitter * random));
}

#endif
