/* The cleaner of a shard: chooses the dirtiest compacted log, has it cleaned slice by slice on the pool, and
 * looks again.
 *
 * A shard cleans one log at a time. How many do so at once in the broker is up to shard 0, which lends out
 * turns: log.cleaner.threads of them, at most CLEANINGS_MAX so that the pool always has a thread for syncs.
 * Memory for keys and the rate of reading and writing are divided among the turns. */
#ifndef MOLDAU_CLEANER_H
#define MOLDAU_CLEANER_H

#include "log/clean.h"
#include "part/part.h"

#define CLEANINGS_MAX 2

struct cleaner_conf {
    bool enable;
    int64_t threads, backoff_ms, dedupe_bytes, io_bytes;
    double load, bytes_per_s;
};

struct cleaner {
    struct shard *shard;
    struct parts *parts;
    struct cleaner_conf conf;
    struct cleaner *(*of)(struct shard *s); /* the cleaner of the shard that asks */
    struct timer timer;
    bool asked, has_turn;
    struct os_msg ask, back;
    struct list waiting_link;
    /* the cleaning under way */
    struct part *part;
    struct log_clean *clean;
    struct os_job job;
    int64_t slice_ns, slice_bytes;
    /* shard 0: */
    int lent;
    struct list waiting; /* cleaners of other shards: only their ask and waiting_link are touched here */
};

void cleaner_init(struct cleaner *c, struct parts *parts, struct cleaner *(*of)(struct shard *s));
void cleaner_configure(struct cleaner *c, const struct cleaner_conf *conf);
/* Looks for work from now on. */
void cleaner_start(struct cleaner *c);
/* Gives up what is under way and removes its files. At a stop, when the pool runs no more. */
void cleaner_stop(struct cleaner *c);

#endif
