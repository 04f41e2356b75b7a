/* The consumer as the tutorial had it: a poll of many records, one after the other, a commit behind the last.
 * A poll that takes longer than max.poll.interval.ms loses its partitions, and its records come again. */
#ifndef MOLDAU_APP_TUTORIAL_H
#define MOLDAU_APP_TUTORIAL_H

#include "app/look.h"

struct tutorial_options {
    rd_kafka_conf_t *consumer, *producer; /* taken; producer NULL: no dead letters */
    const char *topic, *group, *dead_suffix;
    int poll_records_max;
    int attempts_max;
    int64_t backoff_ms, backoff_ms_max;
    double backoff_factor;
    struct look *look;
};
/* Until a signal; the exit code. */
int tutorial_run(const struct tutorial_options *o);

#endif
