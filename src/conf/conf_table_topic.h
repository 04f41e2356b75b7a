/* The columns are told in conf_table.h. */
#ifndef MOLDAU_CONF_TABLE_TOPIC_H
#define MOLDAU_CONF_TABLE_TOPIC_H

/* clang-format off */
/* Settings of one topic. */
#define CONF_TABLE_TOPIC(X) \
    X(TOPIC_CLEANUP_POLICY, "cleanup.policy", LIST, "delete", LIST("compact, delete"), TOPIC, EFFECT, "What becomes of old segments: delete drops them when retention says so, compact keeps the newest record of each key; both may be given, and an empty list keeps everything.") \
    X(TOPIC_COMPRESSION_TYPE, "compression.type", STRING, "producer", ONE_OF("uncompressed, zstd, lz4, snappy, gzip, producer"), TOPIC, EFFECT, "Codec in which batches are stored, whatever a producer chose: gzip, snappy, lz4, zstd or uncompressed; producer leaves them as they were sent.") \
    X(TOPIC_COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", GZIP_LEVEL, TOPIC, EFFECT, "Compression level where the broker compresses with gzip; -1 is the library's own.") \
    X(TOPIC_COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", RANGE(1, 17), TOPIC, EFFECT, "Compression level where the broker compresses with lz4.") \
    X(TOPIC_COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", RANGE(-131072, 22), TOPIC, EFFECT, "Compression level where the broker compresses with zstd.") \
    X(TOPIC_DELETE_RETENTION_MS, "delete.retention.ms", LONG, "86400000", MIN(0), TOPIC, EFFECT, "How long compaction retains delete markers (tombstones) and transaction markers, so that a slow consumer still sees them.") \
    X(TOPIC_FILE_DELETE_DELAY_MS, "file.delete.delay.ms", LONG, "60000", MIN(0), TOPIC, EFFECT, "How long the files of a deleted segment wait before they leave the disk.") \
    X(TOPIC_FLUSH_MESSAGES, "flush.messages", LONG, "9223372036854775807", MIN(1), TOPIC, NO_EFFECT, "Number of messages after which a partition's log is flushed to disk (fsync).") \
    X(TOPIC_FLUSH_MS, "flush.ms", LONG, "9223372036854775807", MIN(0), TOPIC, NO_EFFECT, "Longest time until a message is flushed to disk (fsync).") \
    X(TOPIC_FOLLOWER_REPLICATION_THROTTLED_REPLICAS, "follower.replication.throttled.replicas", LIST, "", THROTTLED, TOPIC, NO_EFFECT, "Replicas whose replication is throttled on the side of the follower, as partition:broker pairs, or * for all.") \
    X(TOPIC_INDEX_INTERVAL_BYTES, "index.interval.bytes", INT, "4096", MIN(0), TOPIC, EFFECT, "Bytes of messages between two entries of the offset index; fewer find an offset sooner and make the index larger.") \
    X(TOPIC_INTERNAL_SEGMENT_BYTES, "internal.segment.bytes", INT, NULL, ANY, TOPIC, EFFECT | HIDDEN, "Segment size without the lower limit, for tests.") \
    X(TOPIC_LEADER_REPLICATION_THROTTLED_REPLICAS, "leader.replication.throttled.replicas", LIST, "", THROTTLED, TOPIC, NO_EFFECT, "Replicas whose replication is throttled on the side of the leader, as partition:broker pairs, or * for all.") \
    X(TOPIC_LOCAL_RETENTION_BYTES, "local.retention.bytes", LONG, "-2", MIN(-2), TOPIC, NO_EFFECT, "With tiered storage, size to which a partition is retained on local disks before its segments are deleted there; -2 follows retention.bytes.") \
    X(TOPIC_LOCAL_RETENTION_MS, "local.retention.ms", LONG, "-2", MIN(-2), TOPIC, NO_EFFECT, "With tiered storage, how long segments are retained on local disks before they are deleted there; -2 follows retention.ms.") \
    X(TOPIC_MAX_COMPACTION_LAG_MS, "max.compaction.lag.ms", LONG, "9223372036854775807", MIN(1), TOPIC, EFFECT, "Longest time a message may stay uncompacted; older ones are compacted whatever min.cleanable.dirty.ratio says.") \
    X(TOPIC_MAX_MESSAGE_BYTES, "max.message.bytes", INT, "1048588", MIN(0), TOPIC, EFFECT, "Largest record batch that a producer may send, in bytes as it is on the wire, after compression; larger ones are rejected.") \
    X(TOPIC_MESSAGE_TIMESTAMP_AFTER_MAX_MS, "message.timestamp.after.max.ms", LONG, "3600000", MIN(0), TOPIC, EFFECT, "How far in the future, by the broker's clock, the timestamp of a message may lie before it is rejected.") \
    X(TOPIC_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, "message.timestamp.before.max.ms", LONG, "9223372036854775807", MIN(0), TOPIC, EFFECT, "How far in the past, by the broker's clock, the timestamp of a message may lie before it is rejected.") \
    X(TOPIC_MESSAGE_TIMESTAMP_TYPE, "message.timestamp.type", STRING, "CreateTime", ONE_OF("CreateTime, LogAppendTime"), TOPIC, EFFECT, "Whose clock gives a message its timestamp: CreateTime is the producer's, LogAppendTime the broker's at the append.") \
    X(TOPIC_MIN_CLEANABLE_DIRTY_RATIO, "min.cleanable.dirty.ratio", DOUBLE, "0.5", RANGE(0, 1), TOPIC, EFFECT, "Part of a log that must be dirty (not compacted yet) before the log cleaner compacts it; a lower ratio wastes less disk and cleans more often.") \
    X(TOPIC_MIN_COMPACTION_LAG_MS, "min.compaction.lag.ms", LONG, "0", MIN(0), TOPIC, EFFECT, "Shortest time a message stays uncompacted.") \
    X(TOPIC_MIN_INSYNC_REPLICAS, "min.insync.replicas", INT, "1", MIN(1), TOPIC, EFFECT, "How many replicas must be in sync (ISR), the leader among them, for a write with acks=all to be accepted.") \
    X(TOPIC_PREALLOCATE, "preallocate", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Preallocates the file of a new segment on disk, at its full size.") \
    X(TOPIC_REMOTE_LOG_COPY_DISABLE, "remote.log.copy.disable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Copies no more segments to remote (tiered) storage; what lies there stays readable.") \
    X(TOPIC_REMOTE_LOG_DELETE_ON_DISABLE, "remote.log.delete.on.disable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "When remote (tiered) storage is disabled for the topic, deletes what lies there.") \
    X(TOPIC_REMOTE_STORAGE_ENABLE, "remote.storage.enable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Enables remote (tiered) storage: closed segments are copied there.") \
    X(TOPIC_RETENTION_BYTES, "retention.bytes", LONG, "-1", ANY, TOPIC, EFFECT, "Size to which each partition is retained: beyond it the oldest segments are deleted; -1 for no limit.") \
    X(TOPIC_RETENTION_MS, "retention.ms", LONG, "604800000", MIN(-1), TOPIC, EFFECT, "How long messages are retained: older segments are deleted; -1 keeps them for ever.") \
    X(TOPIC_SEGMENT_BYTES, "segment.bytes", INT, "1073741824", MIN(1048576), TOPIC, EFFECT, "Size of a segment file at which a partition's log rolls to a new one; retention and compaction take whole, closed segments.") \
    X(TOPIC_SEGMENT_INDEX_BYTES, "segment.index.bytes", INT, "10485760", MIN(4), TOPIC, EFFECT, "Largest size of the index files that lead from offsets and timestamps to positions in a segment.") \
    X(TOPIC_SEGMENT_JITTER_MS, "segment.jitter.ms", LONG, "0", MIN(0), TOPIC, NO_EFFECT, "Largest random jitter taken off segment.ms, so that not all partitions roll at once.") \
    X(TOPIC_SEGMENT_MS, "segment.ms", LONG, "604800000", MIN(1), TOPIC, EFFECT, "Age at which a partition's log rolls to a new segment though the old one is not full, so that retention can delete or compact it.") \
    X(TOPIC_UNCLEAN_LEADER_ELECTION_ENABLE, "unclean.leader.election.enable", BOOLEAN, "false", ANY, TOPIC, NO_EFFECT, "Without a replica in sync (ISR), one that lags may be elected leader, at the cost of data that was acknowledged.")

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
