/* Every setting of Apache Kafka 4.3 and moldau's own, one line each:
 *   X(id, name, type, default as text or NULL, rule, scope, flags, what it does)
 * The id becomes CONF_<id>. Flags: EFFECT where moldau acts on the setting, NO_EFFECT where it only accepts
 * it, HIDDEN where Kafka leaves it out of descriptions unless it is set, DYNAMIC_ONLY where a file cannot set
 * it. A new setting is one more line; everything else (parsing, validation, descriptions, the reference page)
 * follows. */
#ifndef MOLDAU_CONF_TABLE_H
#define MOLDAU_CONF_TABLE_H

#include "conf/conf_table_group.h"
#include "conf/conf_table_log.h"
#include "conf/conf_table_security.h"
#include "conf/conf_table_server.h"
#include "conf/conf_table_topic.h"

/* What a broker is configured with. */
#define CONF_TABLE_BROKER(X)                                                                                 \
    CONF_TABLE_SERVER(X)                                                                                     \
    CONF_TABLE_LOG(X)                                                                                        \
    CONF_TABLE_GROUP(X)                                                                                      \
    CONF_TABLE_SECURITY(X)                                                                                   \
    CONF_TABLE_MOLDAU(X)

/* Y(topic or group setting, the broker's setting it falls back to, factor from the broker's unit), in the
 * order in which they are tried. The first one of a setting is the name that descriptions start from. */
#define CONF_SYNONYMS(Y)                                                                                     \
    Y(TOPIC_CLEANUP_POLICY, LOG_CLEANUP_POLICY, 1)                                                           \
    Y(TOPIC_COMPRESSION_GZIP_LEVEL, COMPRESSION_GZIP_LEVEL, 1)                                               \
    Y(TOPIC_COMPRESSION_LZ4_LEVEL, COMPRESSION_LZ4_LEVEL, 1)                                                 \
    Y(TOPIC_COMPRESSION_TYPE, COMPRESSION_TYPE, 1)                                                           \
    Y(TOPIC_COMPRESSION_ZSTD_LEVEL, COMPRESSION_ZSTD_LEVEL, 1)                                               \
    Y(TOPIC_DELETE_RETENTION_MS, LOG_CLEANER_DELETE_RETENTION_MS, 1)                                         \
    Y(TOPIC_FILE_DELETE_DELAY_MS, LOG_SEGMENT_DELETE_DELAY_MS, 1)                                            \
    Y(TOPIC_FLUSH_MESSAGES, LOG_FLUSH_INTERVAL_MESSAGES, 1)                                                  \
    Y(TOPIC_FLUSH_MS, LOG_FLUSH_INTERVAL_MS, 1)                                                              \
    Y(TOPIC_FLUSH_MS, LOG_FLUSH_SCHEDULER_INTERVAL_MS, 1)                                                    \
    Y(TOPIC_INDEX_INTERVAL_BYTES, LOG_INDEX_INTERVAL_BYTES, 1)                                               \
    Y(TOPIC_LOCAL_RETENTION_BYTES, LOG_LOCAL_RETENTION_BYTES, 1)                                             \
    Y(TOPIC_LOCAL_RETENTION_MS, LOG_LOCAL_RETENTION_MS, 1)                                                   \
    Y(TOPIC_MAX_COMPACTION_LAG_MS, LOG_CLEANER_MAX_COMPACTION_LAG_MS, 1)                                     \
    Y(TOPIC_MAX_MESSAGE_BYTES, MESSAGE_MAX_BYTES, 1)                                                         \
    Y(TOPIC_MESSAGE_TIMESTAMP_AFTER_MAX_MS, LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS, 1)                           \
    Y(TOPIC_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, 1)                         \
    Y(TOPIC_MESSAGE_TIMESTAMP_TYPE, LOG_MESSAGE_TIMESTAMP_TYPE, 1)                                           \
    Y(TOPIC_MIN_CLEANABLE_DIRTY_RATIO, LOG_CLEANER_MIN_CLEANABLE_RATIO, 1)                                   \
    Y(TOPIC_MIN_COMPACTION_LAG_MS, LOG_CLEANER_MIN_COMPACTION_LAG_MS, 1)                                     \
    Y(TOPIC_MIN_INSYNC_REPLICAS, MIN_INSYNC_REPLICAS, 1)                                                     \
    Y(TOPIC_PREALLOCATE, LOG_PREALLOCATE, 1)                                                                 \
    Y(TOPIC_RETENTION_BYTES, LOG_RETENTION_BYTES, 1)                                                         \
    Y(TOPIC_RETENTION_MS, LOG_RETENTION_MS, 1)                                                               \
    Y(TOPIC_RETENTION_MS, LOG_RETENTION_MINUTES, 60000)                                                      \
    Y(TOPIC_RETENTION_MS, LOG_RETENTION_HOURS, 3600000)                                                      \
    Y(TOPIC_SEGMENT_BYTES, LOG_SEGMENT_BYTES, 1)                                                             \
    Y(TOPIC_SEGMENT_INDEX_BYTES, LOG_INDEX_SIZE_MAX_BYTES, 1)                                                \
    Y(TOPIC_SEGMENT_JITTER_MS, LOG_ROLL_JITTER_MS, 1)                                                        \
    Y(TOPIC_SEGMENT_JITTER_MS, LOG_ROLL_JITTER_HOURS, 3600000)                                               \
    Y(TOPIC_SEGMENT_MS, LOG_ROLL_MS, 1)                                                                      \
    Y(TOPIC_SEGMENT_MS, LOG_ROLL_HOURS, 3600000)                                                             \
    Y(TOPIC_UNCLEAN_LEADER_ELECTION_ENABLE, UNCLEAN_LEADER_ELECTION_ENABLE, 1)                               \
    Y(PERGROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, 1)                    \
    Y(PERGROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, 1)                      \
    Y(PERGROUP_CONSUMER_SESSION_TIMEOUT_MS, GROUP_CONSUMER_SESSION_TIMEOUT_MS, 1)                            \
    Y(PERGROUP_SHARE_ASSIGNMENT_INTERVAL_MS, GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, 1)                          \
    Y(PERGROUP_SHARE_DELIVERY_COUNT_LIMIT, GROUP_SHARE_DELIVERY_COUNT_LIMIT, 1)                              \
    Y(PERGROUP_SHARE_HEARTBEAT_INTERVAL_MS, GROUP_SHARE_HEARTBEAT_INTERVAL_MS, 1)                            \
    Y(PERGROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, 1)                  \
    Y(PERGROUP_SHARE_RECORD_LOCK_DURATION_MS, GROUP_SHARE_RECORD_LOCK_DURATION_MS, 1)                        \
    Y(PERGROUP_SHARE_SESSION_TIMEOUT_MS, GROUP_SHARE_SESSION_TIMEOUT_MS, 1)                                  \
    Y(PERGROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, 1)                      \
    Y(PERGROUP_STREAMS_HEARTBEAT_INTERVAL_MS, GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, 1)                        \
    Y(PERGROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, 1)              \
    Y(PERGROUP_STREAMS_NUM_STANDBY_REPLICAS, GROUP_STREAMS_NUM_STANDBY_REPLICAS, 1)                          \
    Y(PERGROUP_STREAMS_SESSION_TIMEOUT_MS, GROUP_STREAMS_SESSION_TIMEOUT_MS, 1)

#endif
