/* Kafka's offset checkpoint files: "0", count, then "topic partition offset" a line, one file for a log
 * directory; and one of our own in that shape, "topic partition offset entries", which tells the segments
 * that have a transaction index: nothing else would tell that one is missing. */
#ifndef MOLDAU_CHECKPOINT_H
#define MOLDAU_CHECKPOINT_H

#include "base/i64s.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "os/os.h"

struct checkpoints {
    struct map recovery, start, clean; /* struct checkpoint_entry */
    struct map txns;                   /* likewise */
};
void checkpoints_init(struct checkpoints *c);
void checkpoints_fini(struct checkpoints *c);
/* Missing files are fine; an unreadable line ends the reading with ERR_FORMAT. */
int checkpoint_read(struct os *os, const char *path, struct map *into) MUST_USE;
/* The same of a file's text, which is cut up. */
int checkpoint_parse(char *text, struct map *into) MUST_USE;
/* The same of the file with transaction indexes. Kafka leaves it as it is when it has the directory, so it
 * may tell segments that are gone, and too many entries, but never too few. */
int checkpoint_read_txns(struct os *os, const char *path, struct map *into) MUST_USE;
int checkpoint_parse_txns(char *text, struct map *into) MUST_USE;
/* Pairs of a base offset and a number of entries; NULL: none. */
const struct i64s *checkpoint_txns(const struct map *m, const char *topic, int32_t index);
/* -1: not there. */
int64_t checkpoint_get(const struct map *m, const char *topic, int32_t index);

#endif
