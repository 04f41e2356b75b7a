#ifndef MOLDAU_SIM_INT_H
#define MOLDAU_SIM_INT_H

#include "world.h"

#define LOOPS_MAX 16
#define SIM_EPOCH_MS 1767225600000ll /* 2026-01-01 */

struct chain {
    struct os *to;
    struct os_msg *head, *tail;
};
struct os {
    struct machine *machine;
    int id;
    int64_t mono_ns;
    int64_t due_ns; /* the next timer */
    struct chain out[LOOPS_MAX];
    int out_n;
    bool cut; /* the turn that runs */
    struct os_msg *inbox, *inbox_tail;
    int64_t (*visit)(void *owner);
    void *visit_owner;
};
/* The loop has something to do now. */
bool sim_os_ready(struct os *os);
/* NULL if that process is gone. */
struct machine *machine_of_life(uint64_t life);

#endif
