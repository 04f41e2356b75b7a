/* The columns are told in conf_table.h. */
#ifndef MOLDAU_CONF_TABLE_TOPIC_H
#define MOLDAU_CONF_TABLE_TOPIC_H

/* clang-format off */
/* Settings of one topic. */
#define CONF_TABLE_TOPIC(X) \
    X(TOPIC_CLEANUP_POLICY, "cleanup.policy", LIST, "delete", LIST("compact, delete"), TOPIC, EFFECT, "What happens to old segments: delete, compact, both, or nothing when empty.") \
    X(TOPIC_COMPRESSION_TYPE, "compression.type", STRING, "producer", ONE_OF("uncompressed, zstd, lz4, snappy, gzip, producer"), TOPIC, EFFECT, "Compression of the stored batches; producer keeps what came.") \
    X(TOPIC_COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", GZIP_LEVEL, TOPIC, EFFECT, "Level used when the broker compresses with gzip.") \
    X(TOPIC_COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", RANGE(1, 17), TOPIC, EFFECT, "Level used when the broker compresses with lz4.") \
    X(TOPIC_COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", RANGE(-131072, 22), TOPIC, EFFECT, "Level used when the broker compresses with zstd.") \
    X(TOPIC_DELETE_RETENTION_MS, "delete.retention.ms", LONG, "86400000", MIN(0), TOPIC, EFFECT, "How long tombstones and transaction markers stay after compaction.") \
    X(TOPIC_FILE_DELETE_DELAY_MS, "file.delete.delay.ms", LONG, "60000", MIN(0), TOPIC, EFFECT, "Time between taking a segment out and removing its files.") \
    X(TOPIC_FLUSH_MESSAGES, "flush.messages", LONG, "9223372036854775807", MIN(1), TOPIC, NO_EFFECT, "Records after which a partition is synced to disk.") \
    X(TOPIC_FLUSH_MS, "flush.ms", LONG, "9223372036854775807", MIN(0), TOPIC, NO_EFFECT, "Longest time before a record is synced to disk.") \
    X(TOPIC_FOLLOWER_REPLICATION_THROTTLED_REPLICAS, "follower.replication.throttled.replicas", LIST, "", THROTTLED, TOPIC, NO_EFFECT, "Replicas throttled as followers, as partition:broker pairs, or *.") \
    X(TOPIC_INDEX_INTERVAL_BYTES, "index.interval.bytes", INT, "4096", MIN(0), TOPIC, EFFECT, "Bytes of records between two entries of an index.") \
    X(TOPIC_INTERNAL_SEGMENT_BYTES, "internal.segment.bytes", INT, NULL, ANY, TOPIC, EFFECT | HIDDEN, "Segment size without the lower limit, for tests.") \
    X(TOPIC_LEADER_REPLICATION_THROTTLED_REPLICAS, "leader.replication.throttled.replicas", LIST, "", THROTTLED, TOPIC, NO_EFFECT, "Replicas throttled at their leader, as partition:broker pairs, or *.") \
    X(TOPIC_LOCAL_RETENTION_BYTES, "local.retention.bytes", LONG, "-2", MIN(-2), TOPIC, NO_EFFECT, "With tiered storage, how many bytes stay on local disks; -2 follows retention.bytes.") \
    X(TOPIC_LOCAL_RETENTION_MS, "local.retention.ms", LONG, "-2", MIN(-2), TOPIC, NO_EFFECT, "With tiered storage, how long records stay on local disks; -2 follows retention.ms.") \
    X(TOPIC_MAX_COMPACTION_LAG_MS, "max.compaction.lag.ms", LONG, "9223372036854775807", MIN(1), TOPIC, EFFECT, "Records older than this are compacted whatever the ratio says.") \
    X(TOPIC_MAX_MESSAGE_BYTES, "max.message.bytes", INT, "1048588", MIN(0), TOPIC, EFFECT, "Largest record batch a producer may send.") \
    X(TOPIC_MESSAGE_TIMESTAMP_AFTER_MAX_MS, "message.timestamp.after.max.ms", LONG, "3600000", MIN(0), TOPIC, EFFECT, "How far in the future a producer's timestamp may lie.") \
    X(TOPIC_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, "message.timestamp.before.max.ms", LONG, "9223372036854775807", MIN(0), TOPIC, EFFECT, "How far in the past a producer's timestamp may lie.") \
    X(TOPIC_MESSAGE_TIMESTAMP_TYPE, "message.timestamp.type", STRING, "CreateTime", ONE_OF("CreateTime, LogAppendTime"), TOPIC, EFFECT, "Whose clock stamps a record: CreateTime of the producer, or LogAppendTime of the broker.") \
    X(TOPIC_MIN_CLEANABLE_DIRTY_RATIO, "min.cleanable.dirty.ratio", DOUBLE, "0.5", RANGE(0, 1), TOPIC, EFFECT, "Part of a log that must be uncompacted before it is compacted.") \
    X(TOPIC_MIN_COMPACTION_LAG_MS, "min.compaction.lag.ms", LONG, "0", MIN(0), TOPIC, EFFECT, "Records younger than this are not compacted.") \
    X(TOPIC_MIN_INSYNC_REPLICAS, "min.insync.replicas", INT, "1", MIN(1), TOPIC, EFFECT, "Replicas that must be in sync for acks=all to be accepted.") \
    X(TOPIC_PREALLOCATE, "preallocate", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "A new segment file gets its full size at once.") \
    X(TOPIC_REMOTE_LOG_COPY_DISABLE, "remote.log.copy.disable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Nothing more is copied to the tiered storage; what is there stays readable.") \
    X(TOPIC_REMOTE_LOG_DELETE_ON_DISABLE, "remote.log.delete.on.disable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Turning off tiered storage deletes what lies there.") \
    X(TOPIC_REMOTE_STORAGE_ENABLE, "remote.storage.enable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Old segments move to the tiered storage.") \
    X(TOPIC_RETENTION_BYTES, "retention.bytes", LONG, "-1", ANY, TOPIC, EFFECT, "Size to which a partition is trimmed; -1 for no limit.") \
    X(TOPIC_RETENTION_MS, "retention.ms", LONG, "604800000", MIN(-1), TOPIC, EFFECT, "How long records are kept; -1 for ever.") \
    X(TOPIC_SEGMENT_BYTES, "segment.bytes", INT, "1073741824", MIN(1048576), TOPIC, EFFECT, "Size at which a partition starts a new segment.") \
    X(TOPIC_SEGMENT_INDEX_BYTES, "segment.index.bytes", INT, "10485760", MIN(4), TOPIC, EFFECT, "Largest size of an offset or time index.") \
    X(TOPIC_SEGMENT_JITTER_MS, "segment.jitter.ms", LONG, "0", MIN(0), TOPIC, NO_EFFECT, "Largest random time taken off segment.ms.") \
    X(TOPIC_SEGMENT_MS, "segment.ms", LONG, "604800000", MIN(1), TOPIC, EFFECT, "Age at which a partition starts a new segment.") \
    X(TOPIC_UNCLEAN_LEADER_ELECTION_ENABLE, "unclean.leader.election.enable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Without a replica in sync, one that lags may lead, at the cost of acknowledged records.")

/* Settings of one consumer, share or streams group. */
#define CONF_TABLE_PERGROUP(X) \
    X(PERGROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, "consumer.assignment.interval.ms", INT, "1000", MIN(0), GROUP, NO_EFFECT, "Shortest time between two assignments of this consumer group.") \
    X(PERGROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, "consumer.heartbeat.interval.ms", INT, "5000", MIN(1), GROUP, NO_EFFECT, "How often members of this consumer group send a heartbeat.") \
    X(PERGROUP_CONSUMER_SESSION_TIMEOUT_MS, "consumer.session.timeout.ms", INT, "45000", MIN(1), GROUP, NO_EFFECT, "Without a heartbeat for this long, a member of this consumer group is removed.") \
    X(PERGROUP_SHARE_ASSIGNMENT_INTERVAL_MS, "share.assignment.interval.ms", INT, "1000", MIN(0), GROUP, NO_EFFECT, "Shortest time between two assignments of this share group.") \
    X(PERGROUP_SHARE_AUTO_OFFSET_RESET, "share.auto.offset.reset", STRING, "latest", OFFSET_RESET, GROUP, NO_EFFECT, "Where this share group begins: earliest, latest, or by_duration: and an ISO 8601 duration.") \
    X(PERGROUP_SHARE_DELIVERY_COUNT_LIMIT, "share.delivery.count.limit", INT, "5", MIN(2), GROUP, NO_EFFECT, "How often this share group delivers one record before it is given up.") \
    X(PERGROUP_SHARE_HEARTBEAT_INTERVAL_MS, "share.heartbeat.interval.ms", INT, "5000", MIN(1), GROUP, NO_EFFECT, "How often members of this share group send a heartbeat.") \
    X(PERGROUP_SHARE_ISOLATION_LEVEL, "share.isolation.level", STRING, "read_uncommitted", ONE_OF("read_committed, read_uncommitted"), GROUP, NO_EFFECT, "Whether this share group sees open and aborted transactions.") \
    X(PERGROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, "share.partition.max.record.locks", INT, "2000", MIN(100), GROUP, NO_EFFECT, "Records of one partition this share group may have in flight.") \
    X(PERGROUP_SHARE_RECORD_LOCK_DURATION_MS, "share.record.lock.duration.ms", INT, "30000", MIN(1000), GROUP, NO_EFFECT, "How long this share group holds a record for the consumer it was given to.") \
    X(PERGROUP_SHARE_RENEW_ACKNOWLEDGE_ENABLE, "share.renew.acknowledge.enable", BOOLEAN, "true", ANY, GROUP, NO_EFFECT, "Consumers of this share group may renew the lock of a record.") \
    X(PERGROUP_SHARE_SESSION_TIMEOUT_MS, "share.session.timeout.ms", INT, "45000", MIN(1), GROUP, NO_EFFECT, "Without a heartbeat for this long, a member of this share group is removed.") \
    X(PERGROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, "streams.assignment.interval.ms", INT, "1000", MIN(0), GROUP, NO_EFFECT, "Shortest time between two assignments of this streams group.") \
    X(PERGROUP_STREAMS_HEARTBEAT_INTERVAL_MS, "streams.heartbeat.interval.ms", INT, "5000", MIN(1), GROUP, NO_EFFECT, "How often members of this streams group send a heartbeat.") \
    X(PERGROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, "streams.initial.rebalance.delay.ms", INT, "3000", MIN(0), GROUP, NO_EFFECT, "How long the first assignment of this streams group waits for more members.") \
    X(PERGROUP_STREAMS_NUM_STANDBY_REPLICAS, "streams.num.standby.replicas", INT, "0", MIN(0), GROUP, NO_EFFECT, "Standby copies of each stateful task of this streams group.") \
    X(PERGROUP_STREAMS_SESSION_TIMEOUT_MS, "streams.session.timeout.ms", INT, "45000", MIN(1), GROUP, NO_EFFECT, "Without a heartbeat for this long, a member of this streams group is removed.")

/* Settings of one client metrics subscription. */
#define CONF_TABLE_CLIENT_METRICS(X) \
    X(CLIENT_METRICS_INTERVAL_MS, "interval.ms", INT, "300000", RANGE(100, 3600000), CLIENT_METRICS, NO_EFFECT, "How often the matching clients push their metrics.") \
    X(CLIENT_METRICS_MATCH, "match", LIST, "", MATCH, CLIENT_METRICS, NO_EFFECT, "Which clients are asked, as selector=regular expression; empty for all.") \
    X(CLIENT_METRICS_METRICS, "metrics", LIST, "", LIST(NULL), CLIENT_METRICS, NO_EFFECT, "Prefixes of the metrics asked for; * for all, empty for none.")
/* clang-format on */

#endif
