#ifndef MOLDAU_SIM_WORK_H
#define MOLDAU_SIM_WORK_H

#include "base/base.h"

struct work {
    int64_t seconds; /* of the broker's time, under faults */
};
/* One run in a fresh world; world.failed says how it went. */
void work_run(const struct work *w);

#endif
