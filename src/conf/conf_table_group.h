/* The columns are told in conf_table.h. */
#ifndef MOLDAU_CONF_TABLE_GROUP_H
#define MOLDAU_CONF_TABLE_GROUP_H

/* clang-format off */
/* Settings of groups, committed offsets, share groups, transactions. */
#define CONF_TABLE_GROUP(X) \
    X(GROUP_COORDINATOR_REBALANCE_PROTOCOLS, "group.coordinator.rebalance.protocols", LIST, "classic,consumer,streams", LIST_SOME("consumer, classic, share, streams"), READ_ONLY, NO_EFFECT, "Group protocols this broker serves.") \
    X(GROUP_COORDINATOR_THREADS, "group.coordinator.threads", INT, "4", MIN(1), READ_ONLY, NO_EFFECT, "Threads of the group coordinator. moldau runs groups on its shards instead.") \
    X(GROUP_COORDINATOR_BACKGROUND_THREADS, "group.coordinator.background.threads", INT, "2", MIN(1), READ_ONLY, NO_EFFECT, "Threads of the group coordinator for slow work.") \
    X(GROUP_COORDINATOR_APPEND_LINGER_MS, "group.coordinator.append.linger.ms", INT, "-1", MIN(-1), READ_ONLY, NO_EFFECT, "How long the group coordinator gathers records; -1 lets it choose, 0 writes at once.") \
    X(GROUP_COORDINATOR_CACHED_BUFFER_MAX_BYTES, "group.coordinator.cached.buffer.max.bytes", INT, "1048588", MIN(524288), CLUSTER, NO_EFFECT, "Largest write buffer the group coordinator keeps for later.") \
    X(GROUP_INITIAL_REBALANCE_DELAY_MS, "group.initial.rebalance.delay.ms", INT, "3000", ANY, READ_ONLY, EFFECT, "How long the first rebalance of an empty classic group waits for more members.") \
    X(GROUP_MIN_SESSION_TIMEOUT_MS, "group.min.session.timeout.ms", INT, "6000", ANY, READ_ONLY, EFFECT, "Shortest session timeout a classic member may ask for.") \
    X(GROUP_MAX_SESSION_TIMEOUT_MS, "group.max.session.timeout.ms", INT, "1800000", ANY, READ_ONLY, EFFECT, "Longest session timeout a classic member may ask for.") \
    X(GROUP_MAX_SIZE, "group.max.size", INT, "2147483647", MIN(1), READ_ONLY, EFFECT, "Most members of a classic group.") \
    X(GROUP_CONSUMER_SESSION_TIMEOUT_MS, "group.consumer.session.timeout.ms", INT, "45000", MIN(1), READ_ONLY, NO_EFFECT, "Without a heartbeat for this long, a member of a consumer group is removed.") \
    X(GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, "group.consumer.min.session.timeout.ms", INT, "45000", MIN(1), READ_ONLY, NO_EFFECT, "Smallest session timeout a consumer group may be given.") \
    X(GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, "group.consumer.max.session.timeout.ms", INT, "60000", MIN(1), READ_ONLY, NO_EFFECT, "Largest session timeout a consumer group may be given.") \
    X(GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, "group.consumer.heartbeat.interval.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "How often members of consumer groups send a heartbeat.") \
    X(GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS, "group.consumer.min.heartbeat.interval.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "Smallest heartbeat interval a consumer group may be given.") \
    X(GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS, "group.consumer.max.heartbeat.interval.ms", INT, "15000", MIN(1), READ_ONLY, NO_EFFECT, "Largest heartbeat interval a consumer group may be given.") \
    X(GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, "group.consumer.assignment.interval.ms", INT, "1000", MIN(0), CLUSTER, NO_EFFECT, "Shortest time between two assignments of a consumer group.") \
    X(GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, "group.consumer.min.assignment.interval.ms", INT, "0", MIN(0), READ_ONLY, NO_EFFECT, "Smallest assignment interval a consumer group may be given.") \
    X(GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS, "group.consumer.max.assignment.interval.ms", INT, "15000", MIN(0), READ_ONLY, NO_EFFECT, "Largest assignment interval a consumer group may be given.") \
    X(GROUP_CONSUMER_MAX_SIZE, "group.consumer.max.size", INT, "2147483647", MIN(1), READ_ONLY, NO_EFFECT, "Most members of a consumer group.") \
    X(GROUP_CONSUMER_ASSIGNORS, "group.consumer.assignors", LIST, "uniform,range", LIST_SOME(NULL), READ_ONLY, NO_EFFECT, "Assignors of consumer groups; the first is the default.") \
    X(GROUP_CONSUMER_MIGRATION_POLICY, "group.consumer.migration.policy", STRING, "bidirectional", ONE_OF_NOCASE("DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL"), READ_ONLY, NO_EFFECT, "Whether groups may move between the classic and the consumer protocol.") \
    X(GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS, "group.consumer.regex.refresh.interval.ms", INT, "600000", MIN(10000), READ_ONLY, NO_EFFECT | HIDDEN, "How often the regular expressions of consumer groups are matched again.") \
    X(GROUP_SHARE_SESSION_TIMEOUT_MS, "group.share.session.timeout.ms", INT, "45000", MIN(1), READ_ONLY, NO_EFFECT, "Without a heartbeat for this long, a member of a share group is removed.") \
    X(GROUP_SHARE_MIN_SESSION_TIMEOUT_MS, "group.share.min.session.timeout.ms", INT, "45000", MIN(1), READ_ONLY, NO_EFFECT, "Smallest session timeout a share group may be given.") \
    X(GROUP_SHARE_MAX_SESSION_TIMEOUT_MS, "group.share.max.session.timeout.ms", INT, "60000", MIN(1), READ_ONLY, NO_EFFECT, "Largest session timeout a share group may be given.") \
    X(GROUP_SHARE_HEARTBEAT_INTERVAL_MS, "group.share.heartbeat.interval.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "How often members of share groups send a heartbeat.") \
    X(GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS, "group.share.min.heartbeat.interval.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "Smallest heartbeat interval a share group may be given.") \
    X(GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS, "group.share.max.heartbeat.interval.ms", INT, "15000", MIN(1), READ_ONLY, NO_EFFECT, "Largest heartbeat interval a share group may be given.") \
    X(GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, "group.share.assignment.interval.ms", INT, "1000", MIN(0), CLUSTER, NO_EFFECT, "Shortest time between two assignments of a share group.") \
    X(GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS, "group.share.min.assignment.interval.ms", INT, "0", MIN(0), READ_ONLY, NO_EFFECT, "Smallest assignment interval a share group may be given.") \
    X(GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS, "group.share.max.assignment.interval.ms", INT, "15000", MIN(0), READ_ONLY, NO_EFFECT, "Largest assignment interval a share group may be given.") \
    X(GROUP_SHARE_MAX_SIZE, "group.share.max.size", INT, "200", RANGE(1, 1000), READ_ONLY, NO_EFFECT, "Most members of a share group.") \
    X(GROUP_SHARE_MAX_SHARE_SESSIONS, "group.share.max.share.sessions", INT, "2000", MIN(1), READ_ONLY, NO_EFFECT, "Share sessions the broker remembers.") \
    X(GROUP_SHARE_ASSIGNORS, "group.share.assignors", LIST, "simple", LIST_SOME(NULL), READ_ONLY, NO_EFFECT, "Assignors of share groups; the first is the default.") \
    X(GROUP_SHARE_DELIVERY_COUNT_LIMIT, "group.share.delivery.count.limit", INT, "5", RANGE(2, 10), READ_ONLY, NO_EFFECT, "How often a share group delivers one record before it is given up.") \
    X(GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT, "group.share.min.delivery.count.limit", INT, "2", RANGE(2, 5), READ_ONLY, NO_EFFECT, "Smallest delivery count limit a share group may be given.") \
    X(GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT, "group.share.max.delivery.count.limit", INT, "10", RANGE(5, 25), READ_ONLY, NO_EFFECT, "Largest delivery count limit a share group may be given.") \
    X(GROUP_SHARE_RECORD_LOCK_DURATION_MS, "group.share.record.lock.duration.ms", INT, "30000", RANGE(1000, 3600000), READ_ONLY, NO_EFFECT, "How long a share group holds a record for the consumer it was given to.") \
    X(GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS, "group.share.min.record.lock.duration.ms", INT, "15000", RANGE(1000, 30000), READ_ONLY, NO_EFFECT, "Smallest lock duration a share group may be given.") \
    X(GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS, "group.share.max.record.lock.duration.ms", INT, "60000", RANGE(30000, 3600000), READ_ONLY, NO_EFFECT, "Largest lock duration a share group may be given.") \
    X(GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, "group.share.partition.max.record.locks", INT, "2000", RANGE(100, 10000), READ_ONLY, NO_EFFECT, "Records of one partition a share group may have in flight.") \
    X(GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS, "group.share.min.partition.max.record.locks", INT, "100", RANGE(100, 2000), READ_ONLY, NO_EFFECT, "Smallest limit of records in flight a share group may be given.") \
    X(GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS, "group.share.max.partition.max.record.locks", INT, "4000", RANGE(2000, 10000), READ_ONLY, NO_EFFECT, "Largest limit of records in flight a share group may be given.") \
    X(GROUP_SHARE_INITIALIZE_RETRY_INTERVAL_MS, "group.share.initialize.retry.interval.ms", INT, "30000", MIN(1), READ_ONLY, NO_EFFECT | HIDDEN, "Pause before share state that could not be initialised is tried again.") \
    X(GROUP_SHARE_PERSISTER_CLASS_NAME, "group.share.persister.class.name", STRING, "org.apache.kafka.server.share.persister.DefaultStatePersister", ANY, READ_ONLY, NO_EFFECT | HIDDEN, "Java class that stores the state of share groups. moldau loads no Java classes.") \
    X(GROUP_STREAMS_SESSION_TIMEOUT_MS, "group.streams.session.timeout.ms", INT, "45000", MIN(1), READ_ONLY, NO_EFFECT, "Without a heartbeat for this long, a member of a streams group is removed.") \
    X(GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS, "group.streams.min.session.timeout.ms", INT, "45000", MIN(1), READ_ONLY, NO_EFFECT, "Smallest session timeout a streams group may be given.") \
    X(GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS, "group.streams.max.session.timeout.ms", INT, "60000", MIN(1), READ_ONLY, NO_EFFECT, "Largest session timeout a streams group may be given.") \
    X(GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, "group.streams.heartbeat.interval.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "How often members of streams groups send a heartbeat.") \
    X(GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS, "group.streams.min.heartbeat.interval.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "Smallest heartbeat interval a streams group may be given.") \
    X(GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS, "group.streams.max.heartbeat.interval.ms", INT, "15000", MIN(1), READ_ONLY, NO_EFFECT, "Largest heartbeat interval a streams group may be given.") \
    X(GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, "group.streams.assignment.interval.ms", INT, "1000", MIN(0), CLUSTER, NO_EFFECT, "Shortest time between two assignments of a streams group.") \
    X(GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS, "group.streams.min.assignment.interval.ms", INT, "0", MIN(0), READ_ONLY, NO_EFFECT, "Smallest assignment interval a streams group may be given.") \
    X(GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS, "group.streams.max.assignment.interval.ms", INT, "15000", MIN(0), READ_ONLY, NO_EFFECT, "Largest assignment interval a streams group may be given.") \
    X(GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, "group.streams.initial.rebalance.delay.ms", INT, "3000", MIN(0), READ_ONLY, NO_EFFECT, "How long the first assignment of an empty streams group waits for more members.") \
    X(GROUP_STREAMS_MAX_SIZE, "group.streams.max.size", INT, "2147483647", MIN(1), READ_ONLY, NO_EFFECT, "Most members of a streams group.") \
    X(GROUP_STREAMS_NUM_STANDBY_REPLICAS, "group.streams.num.standby.replicas", INT, "0", MIN(0), READ_ONLY, NO_EFFECT, "Standby copies of each stateful task of a streams group.") \
    X(GROUP_STREAMS_MAX_STANDBY_REPLICAS, "group.streams.max.standby.replicas", INT, "2", MIN(0), READ_ONLY, NO_EFFECT, "Most standby copies a streams group may be given.") \
    X(OFFSET_METADATA_MAX_BYTES, "offset.metadata.max.bytes", INT, "4096", ANY, READ_ONLY, EFFECT, "Longest text a client may store beside a committed offset.") \
    X(OFFSETS_COMMIT_TIMEOUT_MS, "offsets.commit.timeout.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "How long an offset commit may take until it is replicated.") \
    X(OFFSETS_LOAD_BUFFER_SIZE, "offsets.load.buffer.size", INT, "5242880", MIN(1), READ_ONLY, NO_EFFECT, "Bytes read at once when committed offsets are loaded.") \
    X(OFFSETS_RETENTION_MINUTES, "offsets.retention.minutes", INT, "10080", MIN(1), READ_ONLY, EFFECT, "How long the offsets of an empty group, or of a topic it no longer reads, are kept.") \
    X(OFFSETS_RETENTION_CHECK_INTERVAL_MS, "offsets.retention.check.interval.ms", LONG, "600000", MIN(1), READ_ONLY, EFFECT, "How often the coordinator looks for offsets to expire.") \
    X(OFFSETS_TOPIC_COMPRESSION_CODEC, "offsets.topic.compression.codec", INT, "0", ANY, READ_ONLY, NO_EFFECT, "Compression of the offsets topic: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.") \
    X(OFFSETS_TOPIC_NUM_PARTITIONS, "offsets.topic.num.partitions", INT, "50", MIN(1), READ_ONLY, EFFECT, "Partitions of the offsets topic, when it is created.") \
    X(OFFSETS_TOPIC_REPLICATION_FACTOR, "offsets.topic.replication.factor", SHORT, "3", MIN(1), READ_ONLY, EFFECT, "Replicas of the offsets topic, when it is created.") \
    X(OFFSETS_TOPIC_SEGMENT_BYTES, "offsets.topic.segment.bytes", INT, "104857600", MIN(1), READ_ONLY, EFFECT, "Segment size of the offsets topic.") \
    X(SHARE_COORDINATOR_THREADS, "share.coordinator.threads", INT, "1", MIN(1), READ_ONLY, NO_EFFECT, "Threads of the share coordinator. moldau runs it on its shards instead.") \
    X(SHARE_COORDINATOR_APPEND_LINGER_MS, "share.coordinator.append.linger.ms", INT, "-1", MIN(-1), READ_ONLY, NO_EFFECT, "How long the share coordinator gathers records; -1 lets it choose, 0 writes at once.") \
    X(SHARE_COORDINATOR_CACHED_BUFFER_MAX_BYTES, "share.coordinator.cached.buffer.max.bytes", INT, "1048588", MIN(524288), CLUSTER, NO_EFFECT, "Largest write buffer the share coordinator keeps for later.") \
    X(SHARE_COORDINATOR_LOAD_BUFFER_SIZE, "share.coordinator.load.buffer.size", INT, "5242880", MIN(1), READ_ONLY, NO_EFFECT, "Bytes read at once when share state is loaded.") \
    X(SHARE_COORDINATOR_SNAPSHOT_UPDATE_RECORDS_PER_SNAPSHOT, "share.coordinator.snapshot.update.records.per.snapshot", INT, "500", RANGE(0, 500), READ_ONLY, NO_EFFECT, "Updates of a share partition between two snapshots.") \
    X(SHARE_COORDINATOR_COLD_PARTITION_SNAPSHOT_INTERVAL_MS, "share.coordinator.cold.partition.snapshot.interval.ms", INT, "300000", MIN(1), READ_ONLY, NO_EFFECT | HIDDEN, "How often share partitions without traffic are written as a snapshot.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_COMPRESSION_CODEC, "share.coordinator.state.topic.compression.codec", INT, "0", ANY, READ_ONLY, NO_EFFECT, "Compression of the share state topic: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR, "share.coordinator.state.topic.min.isr", SHORT, "2", MIN(1), READ_ONLY, NO_EFFECT, "min.insync.replicas of the share state topic.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS, "share.coordinator.state.topic.num.partitions", INT, "50", MIN(1), READ_ONLY, EFFECT, "Partitions of the share state topic, when it is created.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_PRUNE_INTERVAL_MS, "share.coordinator.state.topic.prune.interval.ms", INT, "300000", MIN(1), READ_ONLY, NO_EFFECT | HIDDEN, "How often the share state topic is trimmed.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR, "share.coordinator.state.topic.replication.factor", SHORT, "3", MIN(1), READ_ONLY, EFFECT, "Replicas of the share state topic, when it is created.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_SEGMENT_BYTES, "share.coordinator.state.topic.segment.bytes", INT, "104857600", MIN(1), READ_ONLY, EFFECT, "Segment size of the share state topic.") \
    X(SHARE_COORDINATOR_WRITE_TIMEOUT_MS, "share.coordinator.write.timeout.ms", INT, "5000", MIN(1), READ_ONLY, NO_EFFECT, "How long a write of the share coordinator may take until it is replicated.") \
    X(TRANSACTION_MAX_TIMEOUT_MS, "transaction.max.timeout.ms", INT, "900000", MIN(1), READ_ONLY, NO_EFFECT, "Longest transaction timeout a producer may ask for.") \
    X(TRANSACTIONAL_ID_EXPIRATION_MS, "transactional.id.expiration.ms", INT, "604800000", MIN(1), READ_ONLY, NO_EFFECT, "Idle time after which a transactional id is forgotten.") \
    X(TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS, "transaction.abort.timed.out.transaction.cleanup.interval.ms", INT, "10000", MIN(1), READ_ONLY, NO_EFFECT, "How often the coordinator looks for transactions to abort.") \
    X(TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS, "transaction.remove.expired.transaction.cleanup.interval.ms", INT, "3600000", MIN(1), READ_ONLY, NO_EFFECT, "How often the coordinator looks for transactional ids to forget.") \
    X(TRANSACTION_PARTITION_VERIFICATION_ENABLE, "transaction.partition.verification.enable", BOOLEAN, "true", ANY, CLUSTER, NO_EFFECT, "A partition asks the coordinator before it takes a transaction's first record.") \
    X(TRANSACTION_TWO_PHASE_COMMIT_ENABLE, "transaction.two.phase.commit.enable", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "Producers may hold prepared transactions open as long as they need.") \
    X(TRANSACTION_STATE_LOG_LOAD_BUFFER_SIZE, "transaction.state.log.load.buffer.size", INT, "5242880", MIN(1), READ_ONLY, NO_EFFECT, "Bytes read at once when transactions are loaded.") \
    X(TRANSACTION_STATE_LOG_MIN_ISR, "transaction.state.log.min.isr", INT, "2", MIN(1), READ_ONLY, NO_EFFECT, "min.insync.replicas of the transaction topic.") \
    X(TRANSACTION_STATE_LOG_NUM_PARTITIONS, "transaction.state.log.num.partitions", INT, "50", MIN(1), READ_ONLY, EFFECT, "Partitions of the transaction topic, when it is created.") \
    X(TRANSACTION_STATE_LOG_REPLICATION_FACTOR, "transaction.state.log.replication.factor", SHORT, "3", MIN(1), READ_ONLY, EFFECT, "Replicas of the transaction topic, when it is created.") \
    X(TRANSACTION_STATE_LOG_SEGMENT_BYTES, "transaction.state.log.segment.bytes", INT, "104857600", MIN(1), READ_ONLY, EFFECT, "Segment size of the transaction topic.") \
    X(ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS, "add.partitions.to.txn.retry.backoff.ms", INT, "20", MIN(1), READ_ONLY, NO_EFFECT, "First pause before a broker asks the transaction coordinator again.") \
    X(ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS, "add.partitions.to.txn.retry.backoff.max.ms", INT, "100", MIN(0), READ_ONLY, NO_EFFECT, "Longest time a broker goes on asking the transaction coordinator before it tells the producer.")
/* clang-format on */

#endif
