/* One consumer of a group, as the tutorials write it: poll, work, commit, and an orderly end. */
#ifndef MOLDAU_CONSUMER_H
#define MOLDAU_CONSUMER_H

#include "app/fetch_metrics.h"
#include "app/lines.h"
#include "app/save.h"
#include "base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

enum commit_style {
    COMMIT_AUTO,            /* by the client, every auto.commit.interval.ms */
    COMMIT_SYNC_POLL,       /* the positions, after each poll */
    COMMIT_SYNC_RECORD,     /* offset + 1, after each record */
    COMMIT_SYNC_OFFSETS,    /* offset + 1 of the last record of each partition, after each poll */
    COMMIT_ASYNC,           /* the positions, after each poll, without waiting */
    COMMIT_ASYNC_THEN_SYNC, /* the same, and waiting at the end */
};

/* What the consumers of a process share. */
struct consumers {
    struct lines lines;
    atomic_bool stop;       /* each ends after the record it works on */
    _Atomic int64_t left_n; /* records still wanted */
    atomic_int running;
    atomic_bool failed;
};

struct consumer_options {
    rd_kafka_conf_t *conf; /* taken */
    const char *topic;
    const char *name; /* of its thread, in front of each value; NULL: the only one */
    const char *save; /* the file for values; NULL: standard output */
    enum commit_style style;
    bool close;                    /* whether a consumer that commits automatically ends in order */
    int poll_records_max;          /* as max.poll.records */
    int64_t process_ms;            /* how long each record's work takes */
    struct fetch_metrics *metrics; /* NULL: none are kept */
    int64_t metrics_ms;            /* how often they are printed, and at the end; -1: never */
    bool prometheus;               /* in whose form */
    struct consumers *shared;
};

/* false if text names none. */
bool commit_style_of(const char *text, enum commit_style *out);
#define COMMIT_STYLES "auto, sync-poll, sync-record, sync-offsets, async or async-then-sync"

/* Runs until shared->stop or a failure, which it reports on standard error and in shared->failed. What is
 * borrowed must last as long. */
void consumer_run(const struct consumer_options *o);

#endif
