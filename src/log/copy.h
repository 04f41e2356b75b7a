/* A copy of a log in another directory, made while records are appended to it: segment by segment, then what
 * came meanwhile, until nothing is left. The copy has every file that a start needs, synced, and the log's
 * own bytes: what the log drops while it is copied may stay in the copy below the log's start.
 *
 * The loop decides (log_copy_next) what the pool then does (log_copy_run), slice by slice. Compaction must
 * not replace segments meanwhile. */
#ifndef MOLDAU_LOG_COPY_H
#define MOLDAU_LOG_COPY_H

#include "log/log.h"

struct log_copy;
/* to_take: the directory; the first slice removes what is there and makes it; heap. */
struct log_copy *log_copy_new(struct log *l, char *to_take);
/* Closes what is open. The directory stays. */
void log_copy_free(struct log_copy *c);
/* 1: run a slice; 0: nothing is left; else the error that ended it (log_copy_why). last: nothing is appended
 * from here on, so the files that change with every append may be copied. */
int log_copy_next(struct log_copy *c, struct log *l, bool last) MUST_USE;
void log_copy_run(struct log_copy *c);
/* Bytes of records that are written and not copied yet. */
int64_t log_copy_left(const struct log_copy *c, const struct log *l);
/* Records below this offset are copied. */
int64_t log_copy_offset(const struct log_copy *c, const struct log *l);
int64_t log_copy_done_bytes(const struct log_copy *c);
const char *log_copy_dir(const struct log_copy *c);
const char *log_copy_why(const struct log_copy *c);

#endif
