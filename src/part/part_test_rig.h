/* What tests that open a partition share. */
#ifndef MOLDAU_PART_TEST_RIG_H
#define MOLDAU_PART_TEST_RIG_H

#include "part/part.h"

#include <stdlib.h>

/* A topic that keeps everything and takes any timestamp. */
static inline struct conf_topic part_test_conf(int32_t segment_bytes, int32_t index_interval_bytes)
{
    return (struct conf_topic){.segment_bytes = segment_bytes,
                               .segment_ms = INT64_MAX,
                               .segment_index_bytes = 1 << 16,
                               .index_interval_bytes = index_interval_bytes,
                               .retention_ms = -1,
                               .retention_bytes = -1,
                               .max_message_bytes = 1 << 20,
                               .message_timestamp_before_max_ms = INT64_MAX,
                               .message_timestamp_after_max_ms = INT64_MAX,
                               .compression = CONF_COMPRESSION_PRODUCER,
                               .cleanup_delete = true};
}

/* For struct part_append: its err is looked at by whoever asked. */
static inline void part_test_appended(struct part_append *a, struct shard *s)
{
    (void)s;
    free(a->bad_records);
    a->bad_records = NULL;
}

#endif
