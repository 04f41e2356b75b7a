/* Kafka's offset checkpoint files: "0", count, then "topic partition offset" a line, one file for a log
 * directory. */
#ifndef MOLDAU_CHECKPOINT_H
#define MOLDAU_CHECKPOINT_H

#include "base/map.h"
#include "base/strbuf.h"
#include "os/os.h"

struct checkpoints {
    struct map recovery, start, clean; /* struct checkpoint_entry */
};
void checkpoints_init(struct checkpoints *c);
void checkpoints_fini(struct checkpoints *c);
/* Missing files are fine; an unreadable line ends the reading with ERR_FORMAT. */
int checkpoint_read(struct os *os, const char *path, struct map *into) MUST_USE;
/* The same of a file's text, which is cut up. */
int checkpoint_parse(char *text, struct map *into) MUST_USE;
/* -1: not there. */
int64_t checkpoint_get(const struct map *m, const char *topic, int32_t index);

#endif
