/* The directory of a partition, TOPIC-PARTITION, and whose it is: partition.metadata in it tells the topic's
 * id. */
#ifndef MOLDAU_PART_DIR_H
#define MOLDAU_PART_DIR_H

#include "base/base.h"
#include "os/os.h"

/* Gives a directory that is in the way a name that nothing looks for (TOPIC-PARTITION.ID-stray, as Kafka
 * does), and says so; its files are for a person to look at. Nothing to do if it is not there. */
int part_dir_set_aside(struct os *os, const char *path) MUST_USE;
/* Whether the directory may be opened as this topic's. A loss of power can bring back that of a deleted
 * topic, whose name a new one has: it is set aside. */
int part_dir_claim(struct os *os, const char *path, struct uuid topic_id) MUST_USE;
/* Writes partition.metadata unless it is there. */
int part_dir_mark(struct os *os, const char *path, struct uuid topic_id) MUST_USE;

#endif
