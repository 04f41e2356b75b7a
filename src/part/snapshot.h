/* The .snapshot files of a partition: its producers as of an offset, so that a start need not read the log
 * before it. One is written at each roll, as of the new segment's base offset, and lives as long as the
 * segment; one more at a clean stop. */
#ifndef MOLDAU_PART_SNAPSHOT_H
#define MOLDAU_PART_SNAPSHOT_H

#include "part/part.h"

/* Opens p->log and brings p->producers to its end. Blocking. */
int part_open_log(struct part *p, const char *dir, const struct log_cfg *cfg,
                  struct log_open_opts *o) MUST_USE;
/* Writes the producers as they are now, which must be as of offset `at`. Not synced: its checksum tells when
 * a crash spoiled it, and the one before will do then. */
int part_snapshot(struct part *p, int64_t at) MUST_USE;
void part_snapshot_path(const char *dir, int64_t offset, char *out, size_t n);
/* The one to remove when the next is written; 0: none. */
int64_t part_obsolete_snapshot(const struct part *p);
/* The next one was written, as of offset `at`, and the obsolete one removed. */
void part_note_snapshot(struct part *p, int64_t at);

#endif
