/* One cleaning of a log (compaction): the newest record of each key stays, offsets never change.
 *
 * The work is cut in slices. log_clean_next, on the log's own loop, prepares the next slice: it opens what
 * the slice needs and makes the changes of names; log_clean_run, on the pool, reads, packs and writes.
 * Between two slices the log may have changed: segments appended, dropped by retention, the topic deleted. A
 * cleaning only ever reads sealed segments and looks before each slice and each swap whether those it works
 * on are still there. */
#ifndef MOLDAU_CLEAN_H
#define MOLDAU_CLEAN_H

#include "log/clean_batch.h"
#include "log/log.h"

struct log_clean_opts {
    int64_t now_ms;
    int64_t first_dirty_offset; /* everything below was cleaned before */
    int64_t upper_offset;       /* a segment's base: from here on nothing is touched */
    int64_t delete_retention_ms;
    size_t map_slots;
    double map_load;
    size_t io_bytes;                             /* of one read and one write */
    uint64_t seed[2];                            /* from os_entropy */
    const struct clean_producer *producers_take; /* by id, heap */
    size_t producers_n;
};

struct log_clean_stats {
    int64_t bytes_read, bytes_written; /* both passes */
    int64_t before, after; /* bytes of the segments that were replaced, and of those that replace them */
    int segments_before, segments_after;
};

struct log_clean;
/* Which segments a cleaning up to upper_offset would take; bytes below and from first_dirty_offset on. The
 * active one never counts. Gives the base offset of the first segment that stays as it is. */
int64_t log_clean_extent(const struct log *l, int64_t first_dirty_offset, int64_t upper_offset,
                         int64_t *clean_bytes, int64_t *dirty_bytes);
struct log_clean *log_clean_new(struct log *l, const struct log_clean_opts *o);
/* 1: have log_clean_run called; 0: done; ERR_BUSY: the log has changed, give up and try again later;
 * ERR_CORRUPT_MESSAGE: log_clean_why says what is damaged; others: a file could not be read or written. */
int log_clean_next(struct log_clean *c, struct log *l) MUST_USE;
void log_clean_run(struct log_clean *c);
/* After 0: the log is clean below this offset. */
int64_t log_clean_end_offset(const struct log_clean *c);
const char *log_clean_why(const struct log_clean *c);
const struct log_clean_stats *log_clean_stats(const struct log_clean *c);
/* l: to remove the files of an unfinished cleaning; NULL if the directory is no longer the log's. Not while a
 * slice runs. */
void log_clean_free(struct log_clean *c, struct log *l);
/* For tests: let n changes of files happen and no more, as if the process had died there. */
void log_clean_die_after(struct log_clean *c, int64_t n);

#endif
