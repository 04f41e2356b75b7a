/* The columns are told in conf_table.h. */
#ifndef MOLDAU_CONF_TABLE_LOG_H
#define MOLDAU_CONF_TABLE_LOG_H

/* clang-format off */
/* Settings of logs, retention, compaction, replication, tiered storage. */
#define CONF_TABLE_LOG(X) \
    X(LOG_DIR, "log.dir", LIST, "/tmp/kafka-logs", LIST_SOME(NULL), READ_ONLY, EFFECT, "Directory of the data; log.dirs goes first.") \
    X(LOG_DIRS, "log.dirs", LIST, NULL, LIST_SOME(NULL), READ_ONLY, EFFECT, "Directories of the data, separated by commas.") \
    X(CORDONED_LOG_DIRS, "cordoned.log.dirs", LIST, "", LIST(NULL), PER_BROKER, NO_EFFECT, "Directories that take no new replicas; * for all.") \
    X(LOG_DIR_FAILURE_TIMEOUT_MS, "log.dir.failure.timeout.ms", LONG, "30000", MIN(1), READ_ONLY, NO_EFFECT, "A broker that cannot tell the controller of a failed directory in this time stops.") \
    X(LOG_SEGMENT_BYTES, "log.segment.bytes", INT, "1073741824", MIN(1048576), CLUSTER, EFFECT, "Size at which a partition starts a new segment.") \
    X(LOG_ROLL_MS, "log.roll.ms", LONG, NULL, ANY, CLUSTER, EFFECT, "Age at which a partition starts a new segment; log.roll.hours when not given.") \
    X(LOG_ROLL_HOURS, "log.roll.hours", INT, "168", MIN(1), READ_ONLY, EFFECT, "Age in hours at which a partition starts a new segment.") \
    X(LOG_ROLL_JITTER_MS, "log.roll.jitter.ms", LONG, NULL, ANY, CLUSTER, NO_EFFECT, "Largest random time taken off log.roll.ms; log.roll.jitter.hours when not given.") \
    X(LOG_ROLL_JITTER_HOURS, "log.roll.jitter.hours", INT, "0", MIN(0), READ_ONLY, NO_EFFECT, "Largest random time in hours taken off the roll time.") \
    X(LOG_RETENTION_MS, "log.retention.ms", LONG, NULL, ANY, CLUSTER, EFFECT, "How long records are kept, -1 for ever; log.retention.minutes when not given.") \
    X(LOG_RETENTION_MINUTES, "log.retention.minutes", INT, NULL, ANY, READ_ONLY, EFFECT, "How long records are kept, in minutes; log.retention.hours when not given.") \
    X(LOG_RETENTION_HOURS, "log.retention.hours", INT, "168", ANY, READ_ONLY, EFFECT, "How long records are kept, in hours.") \
    X(LOG_RETENTION_BYTES, "log.retention.bytes", LONG, "-1", ANY, CLUSTER, EFFECT, "Size to which a partition is trimmed; -1 for no limit.") \
    X(LOG_RETENTION_CHECK_INTERVAL_MS, "log.retention.check.interval.ms", LONG, "300000", MIN(1), READ_ONLY, EFFECT, "How often partitions are checked for segments to delete.") \
    X(LOG_SEGMENT_DELETE_DELAY_MS, "log.segment.delete.delay.ms", LONG, "60000", MIN(0), CLUSTER, EFFECT, "Time between taking a segment out and removing its files.") \
    X(LOG_CLEANUP_POLICY, "log.cleanup.policy", LIST, "delete", LIST("compact, delete"), CLUSTER, EFFECT, "What happens to old segments: delete, compact, or both.") \
    X(LOG_CLEANER_ENABLE, "log.cleaner.enable", BOOLEAN, "true", ANY, READ_ONLY, EFFECT, "Compaction runs. Topics with cleanup.policy=compact need it.") \
    X(LOG_CLEANER_THREADS, "log.cleaner.threads", INT, "1", MIN(0), CLUSTER, EFFECT, "Threads that compact.") \
    X(LOG_CLEANER_BACKOFF_MS, "log.cleaner.backoff.ms", LONG, "15000", MIN(0), CLUSTER, EFFECT, "Pause of the compaction when there is nothing to do.") \
    X(LOG_CLEANER_DEDUPE_BUFFER_SIZE, "log.cleaner.dedupe.buffer.size", LONG, "134217728", ANY, CLUSTER, EFFECT, "Memory for the keys seen during compaction, all threads together.") \
    X(LOG_CLEANER_IO_BUFFER_SIZE, "log.cleaner.io.buffer.size", INT, "524288", MIN(0), CLUSTER, EFFECT, "Memory for reading and writing during compaction, all threads together.") \
    X(LOG_CLEANER_IO_BUFFER_LOAD_FACTOR, "log.cleaner.io.buffer.load.factor", DOUBLE, "0.9", ANY, CLUSTER, EFFECT, "How full the table of keys may get; fuller compacts more at once and collides more.") \
    X(LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "log.cleaner.io.max.bytes.per.second", DOUBLE, "1.7976931348623157E308", ANY, CLUSTER, EFFECT, "Bytes a second that compaction may read and write.") \
    X(LOG_CLEANER_MIN_CLEANABLE_RATIO, "log.cleaner.min.cleanable.ratio", DOUBLE, "0.5", RANGE(0, 1), CLUSTER, EFFECT, "Part of a log that must be uncompacted before it is compacted.") \
    X(LOG_CLEANER_MIN_COMPACTION_LAG_MS, "log.cleaner.min.compaction.lag.ms", LONG, "0", MIN(0), CLUSTER, EFFECT, "Records younger than this are not compacted.") \
    X(LOG_CLEANER_MAX_COMPACTION_LAG_MS, "log.cleaner.max.compaction.lag.ms", LONG, "9223372036854775807", MIN(1), CLUSTER, EFFECT, "Records older than this are compacted whatever the ratio says.") \
    X(LOG_CLEANER_DELETE_RETENTION_MS, "log.cleaner.delete.retention.ms", LONG, "86400000", MIN(0), CLUSTER, EFFECT, "How long tombstones and transaction markers stay after compaction.") \
    X(LOG_INDEX_SIZE_MAX_BYTES, "log.index.size.max.bytes", INT, "10485760", MIN(4), CLUSTER, EFFECT, "Largest size of an offset or time index.") \
    X(LOG_INDEX_INTERVAL_BYTES, "log.index.interval.bytes", INT, "4096", MIN(0), CLUSTER, EFFECT, "Bytes of records between two entries of an index.") \
    X(LOG_FLUSH_INTERVAL_MESSAGES, "log.flush.interval.messages", LONG, "9223372036854775807", MIN(1), CLUSTER, NO_EFFECT, "Records after which a partition is synced to disk.") \
    X(LOG_FLUSH_INTERVAL_MS, "log.flush.interval.ms", LONG, NULL, ANY, CLUSTER, NO_EFFECT, "Longest time before a record is synced to disk; log.flush.scheduler.interval.ms when not given.") \
    X(LOG_FLUSH_SCHEDULER_INTERVAL_MS, "log.flush.scheduler.interval.ms", LONG, "9223372036854775807", ANY, READ_ONLY, NO_EFFECT, "How often partitions are checked for a sync that is due.") \
    X(LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS, "log.flush.offset.checkpoint.interval.ms", INT, "60000", MIN(0), READ_ONLY, EFFECT, "How often the recovery points are written.") \
    X(LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS, "log.flush.start.offset.checkpoint.interval.ms", INT, "60000", MIN(0), READ_ONLY, NO_EFFECT, "How often the log start offsets are written.") \
    X(LOG_INITIAL_TASK_DELAY_MS, "log.initial.task.delay.ms", LONG, "30000", MIN(0), READ_ONLY, NO_EFFECT | HIDDEN, "Delay of the first background task after the start.") \
    X(LOG_PREALLOCATE, "log.preallocate", BOOLEAN, "false", ANY, CLUSTER, NO_EFFECT, "A new segment file gets its full size at once.") \
    X(LOG_MESSAGE_TIMESTAMP_TYPE, "log.message.timestamp.type", STRING, "CreateTime", ONE_OF("CreateTime, LogAppendTime"), CLUSTER, EFFECT, "Whose clock stamps a record: CreateTime of the producer, or LogAppendTime of the broker.") \
    X(LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, "log.message.timestamp.before.max.ms", LONG, "9223372036854775807", MIN(0), CLUSTER, EFFECT, "How far in the past a producer's timestamp may lie.") \
    X(LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS, "log.message.timestamp.after.max.ms", LONG, "3600000", MIN(0), CLUSTER, EFFECT, "How far in the future a producer's timestamp may lie.") \
    X(LOG_LOCAL_RETENTION_MS, "log.local.retention.ms", LONG, "-2", MIN(-2), CLUSTER, NO_EFFECT, "With tiered storage, how long records stay on this disk; -2 follows the retention.") \
    X(LOG_LOCAL_RETENTION_BYTES, "log.local.retention.bytes", LONG, "-2", MIN(-2), CLUSTER, NO_EFFECT, "With tiered storage, how many bytes stay on this disk; -2 follows the retention.") \
    X(MESSAGE_MAX_BYTES, "message.max.bytes", INT, "1048588", MIN(0), CLUSTER, EFFECT, "Largest record batch a producer may send.") \
    X(COMPRESSION_TYPE, "compression.type", STRING, "producer", ONE_OF("uncompressed, zstd, lz4, snappy, gzip, producer"), CLUSTER, EFFECT, "Compression of the stored batches; producer keeps what came.") \
    X(COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", GZIP_LEVEL, CLUSTER, EFFECT, "Level used when the broker compresses with gzip.") \
    X(COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", RANGE(1, 17), CLUSTER, EFFECT, "Level used when the broker compresses with lz4.") \
    X(COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", RANGE(-131072, 22), CLUSTER, EFFECT, "Level used when the broker compresses with zstd.") \
    X(MIN_INSYNC_REPLICAS, "min.insync.replicas", INT, "1", MIN(1), CLUSTER, EFFECT, "Replicas that must be in sync for acks=all to be accepted.") \
    X(NUM_RECOVERY_THREADS_PER_DATA_DIR, "num.recovery.threads.per.data.dir", INT, "2", MIN(1), CLUSTER, NO_EFFECT, "Threads that recover one data directory at the start and sync it at the stop.") \
    X(PRODUCER_ID_EXPIRATION_MS, "producer.id.expiration.ms", INT, "86400000", MIN(1), CLUSTER, EFFECT, "Idle time after which a partition forgets an idempotent producer.") \
    X(PRODUCER_ID_EXPIRATION_CHECK_INTERVAL_MS, "producer.id.expiration.check.interval.ms", INT, "600000", MIN(1), READ_ONLY, NO_EFFECT | HIDDEN, "How often partitions look for producers to forget.") \
    X(NUM_REPLICA_FETCHERS, "num.replica.fetchers", INT, "1", MIN(1), CLUSTER, NO_EFFECT, "Threads that copy from one other broker.") \
    X(NUM_REPLICA_ALTER_LOG_DIRS_THREADS, "num.replica.alter.log.dirs.threads", INT, NULL, ANY, READ_ONLY, NO_EFFECT, "Threads that move replicas between log directories.") \
    X(REPLICA_FETCH_BACKOFF_MS, "replica.fetch.backoff.ms", INT, "1000", MIN(0), READ_ONLY, NO_EFFECT, "Pause after a failed fetch of a follower.") \
    X(REPLICA_FETCH_MAX_BYTES, "replica.fetch.max.bytes", INT, "1048576", MIN(0), READ_ONLY, NO_EFFECT, "Bytes of one partition a follower asks for.") \
    X(REPLICA_FETCH_MIN_BYTES, "replica.fetch.min.bytes", INT, "1", ANY, READ_ONLY, NO_EFFECT, "Bytes a follower's fetch waits for.") \
    X(REPLICA_FETCH_RESPONSE_MAX_BYTES, "replica.fetch.response.max.bytes", INT, "10485760", MIN(0), READ_ONLY, NO_EFFECT, "Bytes of all partitions a follower asks for.") \
    X(REPLICA_FETCH_WAIT_MAX_MS, "replica.fetch.wait.max.ms", INT, "500", ANY, READ_ONLY, NO_EFFECT, "Longest time a follower's fetch waits at the leader.") \
    X(REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS, "replica.high.watermark.checkpoint.interval.ms", LONG, "5000", ANY, READ_ONLY, NO_EFFECT, "How often the high watermarks are written.") \
    X(REPLICA_LAG_TIME_MAX_MS, "replica.lag.time.max.ms", LONG, "30000", ANY, READ_ONLY, NO_EFFECT, "A follower that has not caught up for this long is no longer in sync.") \
    X(REPLICA_SELECTOR_CLASS, "replica.selector.class", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "How consumers are sent to a replica near them; the rack aware selector is known.") \
    X(REPLICA_SOCKET_RECEIVE_BUFFER_BYTES, "replica.socket.receive.buffer.bytes", INT, "65536", ANY, READ_ONLY, NO_EFFECT, "SO_RCVBUF of a follower's sockets.") \
    X(REPLICA_SOCKET_TIMEOUT_MS, "replica.socket.timeout.ms", INT, "30000", ANY, READ_ONLY, NO_EFFECT, "How long a follower's request may take.") \
    X(FETCH_PURGATORY_PURGE_INTERVAL_REQUESTS, "fetch.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, NO_EFFECT, "Finished fetches that wait before they are swept out.") \
    X(PRODUCER_PURGATORY_PURGE_INTERVAL_REQUESTS, "producer.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, NO_EFFECT, "Finished produce requests that wait before they are swept out.") \
    X(DELETE_RECORDS_PURGATORY_PURGE_INTERVAL_REQUESTS, "delete.records.purgatory.purge.interval.requests", INT, "1", ANY, READ_ONLY, NO_EFFECT, "Finished DeleteRecords requests that wait before they are swept out.") \
    X(SHARE_FETCH_PURGATORY_PURGE_INTERVAL_REQUESTS, "share.fetch.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, NO_EFFECT, "Finished share fetches that wait before they are swept out.") \
    X(FOLLOWER_FETCH_LAST_TIERED_OFFSET_ENABLE, "follower.fetch.last.tiered.offset.enable", BOOLEAN, "false", ANY, CLUSTER, NO_EFFECT, "A new follower begins after what is in tiered storage.") \
    X(REMOTE_LOG_STORAGE_SYSTEM_ENABLE, "remote.log.storage.system.enable", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "Tiered storage is on.") \
    X(REMOTE_LOG_STORAGE_MANAGER_CLASS_NAME, "remote.log.storage.manager.class.name", STRING, NULL, NOT_EMPTY, READ_ONLY, NO_EFFECT, "Java class of the tiered storage. moldau loads no Java classes.") \
    X(REMOTE_LOG_STORAGE_MANAGER_CLASS_PATH, "remote.log.storage.manager.class.path", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Where the class of the tiered storage lies.") \
    X(REMOTE_LOG_STORAGE_MANAGER_IMPL_PREFIX, "remote.log.storage.manager.impl.prefix", STRING, "rsm.config.", NOT_EMPTY, READ_ONLY, NO_EFFECT, "Prefix of the settings handed to the tiered storage.") \
    X(REMOTE_LOG_METADATA_MANAGER_CLASS_NAME, "remote.log.metadata.manager.class.name", STRING, "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", NOT_EMPTY, READ_ONLY, NO_EFFECT, "Java class that keeps the metadata of the tiered storage. moldau loads no Java classes.") \
    X(REMOTE_LOG_METADATA_MANAGER_CLASS_PATH, "remote.log.metadata.manager.class.path", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Where the class of the tiered storage's metadata lies.") \
    X(REMOTE_LOG_METADATA_MANAGER_IMPL_PREFIX, "remote.log.metadata.manager.impl.prefix", STRING, "rlmm.config.", NOT_EMPTY, READ_ONLY, NO_EFFECT, "Prefix of the settings handed to the metadata of the tiered storage.") \
    X(REMOTE_LOG_METADATA_MANAGER_LISTENER_NAME, "remote.log.metadata.manager.listener.name", STRING, NULL, NOT_EMPTY, READ_ONLY, NO_EFFECT, "Listener through which the metadata of the tiered storage is reached.") \
    X(REMOTE_LOG_METADATA_CUSTOM_METADATA_MAX_BYTES, "remote.log.metadata.custom.metadata.max.bytes", INT, "128", MIN(0), READ_ONLY, NO_EFFECT, "Largest custom metadata of one tiered segment.") \
    X(REMOTE_LOG_INDEX_FILE_CACHE_TOTAL_SIZE_BYTES, "remote.log.index.file.cache.total.size.bytes", LONG, "1073741824", MIN(1), CLUSTER, NO_EFFECT, "Disk space for cached indexes of tiered segments.") \
    X(REMOTE_LOG_INDEX_FILE_CACHE_TTL_MS, "remote.log.index.file.cache.ttl.ms", LONG, "900000", MIN(-1), READ_ONLY, NO_EFFECT | HIDDEN, "How long an unused cached index of a tiered segment stays; -1 for ever.") \
    X(REMOTE_LOG_MANAGER_THREAD_POOL_SIZE, "remote.log.manager.thread.pool.size", INT, "2", MIN(1), READ_ONLY, NO_EFFECT, "Threads of the tiered storage for all other work.") \
    X(REMOTE_LOG_MANAGER_COPIER_THREAD_POOL_SIZE, "remote.log.manager.copier.thread.pool.size", INT, "10", MIN(1), CLUSTER, NO_EFFECT, "Threads that copy segments to the tiered storage.") \
    X(REMOTE_LOG_MANAGER_EXPIRATION_THREAD_POOL_SIZE, "remote.log.manager.expiration.thread.pool.size", INT, "10", MIN(1), CLUSTER, NO_EFFECT, "Threads that delete expired tiered segments.") \
    X(REMOTE_LOG_MANAGER_FOLLOWER_THREAD_POOL_SIZE, "remote.log.manager.follower.thread.pool.size", INT, "2", MIN(1), CLUSTER, NO_EFFECT, "Threads that do a follower's part of the tiered storage.") \
    X(REMOTE_LOG_MANAGER_TASK_INTERVAL_MS, "remote.log.manager.task.interval.ms", LONG, "30000", MIN(1), READ_ONLY, NO_EFFECT, "How often the work of the tiered storage runs.") \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MS, "remote.log.manager.task.retry.backoff.ms", LONG, "500", MIN(1), READ_ONLY, NO_EFFECT | HIDDEN, "First pause after a failed task of the tiered storage.") \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MAX_MS, "remote.log.manager.task.retry.backoff.max.ms", LONG, "30000", MIN(1), READ_ONLY, NO_EFFECT | HIDDEN, "Longest pause after failed tasks of the tiered storage.") \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_JITTER, "remote.log.manager.task.retry.jitter", DOUBLE, "0.2", RANGE(0, 0.5), READ_ONLY, NO_EFFECT | HIDDEN, "Random part of the pauses after failed tasks of the tiered storage.") \
    X(REMOTE_LOG_MANAGER_COPY_MAX_BYTES_PER_SECOND, "remote.log.manager.copy.max.bytes.per.second", LONG, "9223372036854775807", MIN(1), CLUSTER, NO_EFFECT, "Bytes a second that copies to the tiered storage may use.") \
    X(REMOTE_LOG_MANAGER_COPY_QUOTA_WINDOW_NUM, "remote.log.manager.copy.quota.window.num", INT, "11", MIN(1), READ_ONLY, NO_EFFECT, "Windows kept to measure the copies to the tiered storage.") \
    X(REMOTE_LOG_MANAGER_COPY_QUOTA_WINDOW_SIZE_SECONDS, "remote.log.manager.copy.quota.window.size.seconds", INT, "1", MIN(1), READ_ONLY, NO_EFFECT, "Length of one window of the copies to the tiered storage.") \
    X(REMOTE_LOG_MANAGER_FETCH_MAX_BYTES_PER_SECOND, "remote.log.manager.fetch.max.bytes.per.second", LONG, "9223372036854775807", MIN(1), CLUSTER, NO_EFFECT, "Bytes a second that reads from the tiered storage may use.") \
    X(REMOTE_LOG_MANAGER_FETCH_QUOTA_WINDOW_NUM, "remote.log.manager.fetch.quota.window.num", INT, "11", MIN(1), READ_ONLY, NO_EFFECT, "Windows kept to measure the reads from the tiered storage.") \
    X(REMOTE_LOG_MANAGER_FETCH_QUOTA_WINDOW_SIZE_SECONDS, "remote.log.manager.fetch.quota.window.size.seconds", INT, "1", MIN(1), READ_ONLY, NO_EFFECT, "Length of one window of the reads from the tiered storage.") \
    X(REMOTE_LOG_READER_THREADS, "remote.log.reader.threads", INT, "10", MIN(1), CLUSTER, NO_EFFECT, "Threads that read from the tiered storage.") \
    X(REMOTE_LOG_READER_MAX_PENDING_TASKS, "remote.log.reader.max.pending.tasks", INT, "100", MIN(1), READ_ONLY, NO_EFFECT, "Reads from the tiered storage that may wait.") \
    X(REMOTE_FETCH_MAX_WAIT_MS, "remote.fetch.max.wait.ms", INT, "500", MIN(1), CLUSTER, NO_EFFECT, "Longest time a fetch waits for the tiered storage.") \
    X(REMOTE_LIST_OFFSETS_REQUEST_TIMEOUT_MS, "remote.list.offsets.request.timeout.ms", LONG, "30000", MIN(1), CLUSTER, NO_EFFECT, "Longest time a ListOffsets request waits for the tiered storage.")
/* clang-format on */

#endif
