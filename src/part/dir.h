/* The directory of a partition, TOPIC-PARTITION, and whose it is: partition.metadata in it tells the topic's
 * id. */
#ifndef MOLDAU_PART_DIR_H
#define MOLDAU_PART_DIR_H

#include "base/base.h"
#include "os/os.h"

/* Bytes that a name has behind TOPIC-PARTITION while the directory is a copy on its way: ".", 32 hex digits,
 * "-future". */
#define PART_DIR_TAIL_BYTES 40
/* The first n bytes of path, which end in TOPIC-PARTITION, then ".ID-SUFFIX" with a new ID. The topic is cut
 * so that it remains a file's name. Heap. */
char *part_dir_other_name(struct os *os, const char *path, size_t n, const char *suffix);
/* Gives a directory that is in the way a name that nothing looks for (TOPIC-PARTITION.ID-stray, as Kafka
 * does), and says so; its files are for a person to look at. Nothing to do if it is not there. */
int part_dir_set_aside(struct os *os, const char *path) MUST_USE;
/* Whether the directory may be opened as this topic's. A loss of power can bring back that of a deleted
 * topic, whose name a new one has: it is set aside. */
int part_dir_claim(struct os *os, const char *path, struct uuid topic_id) MUST_USE;
/* Writes partition.metadata unless it is there. */
int part_dir_mark(struct os *os, const char *path, struct uuid topic_id) MUST_USE;

#endif
