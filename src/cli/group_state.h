/* What the group tools ask a cluster: groups, members, committed offsets, the ends of partitions. Everything
 * lives in the client's arena until admin_close. Failures are noted in the admin (exception, why) and
 * returned as ERR_*. */
#ifndef MOLDAU_GROUP_STATE_H
#define MOLDAU_GROUP_STATE_H

#include "cli/tools.h"

struct topic_part {
    struct slice topic;
    int32_t part;
};
struct group_member {
    struct slice id, instance_id, host, client_id; /* instance_id.p NULL: none */
    struct topic_part *parts, *target;             /* by topic and partition */
    int32_t parts_n, target_n, epoch;
    bool classic; /* in a group of the consumer protocol: speaks the older one */
};
struct group_state {
    struct slice id, state, assignor;
    struct group_member *members;
    int32_t members_n, coordinator, epoch, target_epoch;
    bool modern; /* consumer protocol of KIP-848: the epochs mean something */
};
/* A partition and what was found out about it; -1: not known. */
struct group_offset {
    struct topic_part tp;
    int64_t committed, answer; /* answer: of the last offsets_of_partitions */
    int32_t leader_epoch;
    int16_t error; /* of the same */
};
struct group_offsets {
    struct group_offset *v;
    int32_t n;
};

#define TIME_LATEST (-1)
#define TIME_EARLIEST (-2)

int topic_part_cmp(const void *a, const void *b);
/* One request to a node; the failure noted as admin_call does. */
int group_call(struct admin *a, int32_t node, int16_t key, int16_t version_max, const void *req,
               void *resp) MUST_USE;
/* ERR_GROUP_ID_NOT_FOUND if there is no such group. */
int group_describe(struct admin *a, struct slice id, struct group_state *out) MUST_USE;
/* Committed offsets, by topic and partition. coordinator as group_describe found it. */
int group_committed(struct admin *a, struct slice id, int32_t coordinator,
                    struct group_offsets *out) MUST_USE;
/* Looks each partition's offset up at its leader: TIME_* or milliseconds. Partitions without an answer have
 * an error. */
int offsets_of_partitions(struct admin *a, struct group_offsets *o, int64_t time) MUST_USE;
struct group_offset *group_offset_add(struct admin *a, struct group_offsets *o, struct topic_part tp);
/* Of offsets that are by topic and partition, as group_committed gives them. */
struct group_offset *group_offset_find(const struct group_offsets *o, struct topic_part tp);
/* The cluster's groups of consumers, from every broker: those of the states and types given (none: all). */
struct group_listed {
    struct slice id, state, type;
};
int group_list(struct admin *a, const struct slice *states, int32_t states_n, const struct slice *types,
               int32_t types_n, struct group_listed **out, int32_t *n) MUST_USE;
/* Their names, sorted. */
int group_list_ids(struct admin *a, struct slice **out, int *n) MUST_USE;
/* Kafka's sentence for a code where the group tools print it. */
const char *group_error_text(int16_t code);

#endif
