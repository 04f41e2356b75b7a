/* One consumer with a pool of workers. Records of a key keep their order, and a record is committed when its
 * work is done: src/listen decides. */
#ifndef MOLDAU_POOL_H
#define MOLDAU_POOL_H

#include "app/lines.h"
#include "cli/rk_tool.h"

struct pool_options {
    rd_kafka_conf_t *conf; /* taken */
    const char *topic, *group;
    int workers_n;
    int64_t process_ms;  /* how long each record's work takes */
    int64_t records_max; /* ends after so many; -1: never */
    struct lines *lines;
};

/* Until a signal, enough records or a failure; the exit code. A second signal ends the process at once. */
int pool_run(const struct pool_options *o);

#endif
