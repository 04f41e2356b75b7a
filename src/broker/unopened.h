/* Partitions of this shard that could not be opened: what the files need to be opened later, so that the
 * checkpoints keep it, and why they answer KAFKA_STORAGE_ERROR. Those that only lacked room are tried again.
 */
#ifndef MOLDAU_UNOPENED_H
#define MOLDAU_UNOPENED_H

#include "base/base.h"
#include "base/i64s.h"
#include "base/list.h"

struct unopened {
    struct list link;
    struct uuid topic_id;
    char *topic;
    int32_t index;
    int dir;
    const char *reason; /* static, in snake_case */
    bool no_room;
    int64_t recovery_point, start_offset, clean_offset; /* -1: not known */
    struct i64s txns;                                   /* see log_open_opts */
};

struct unopened *unopened_find(const struct list *l, struct uuid topic_id, int32_t index);
/* Notes it with the values of u, whose topic and list are copied, or changes the entry there is. */
void unopened_put(struct list *l, const struct unopened *u);
void unopened_free(struct unopened *u);

#endif
