/* The columns are told in conf_table.h. */
#ifndef MOLDAU_CONF_TABLE_SERVER_H
#define MOLDAU_CONF_TABLE_SERVER_H

/* clang-format off */
/* Settings of the node, its listeners and limits, the quorum, metadata, metrics. */
#define CONF_TABLE_SERVER(X) \
    X(PROCESS_ROLES, "process.roles", LIST, NULL, LIST_SOME("broker, controller"), READ_ONLY, EFFECT, "What this node is: broker, controller, or both.") \
    X(NODE_ID, "node.id", INT, NULL, MIN(0), READ_ONLY, EFFECT, "Number of this node in the cluster; no two nodes share one.") \
    X(BROKER_ID, "broker.id", INT, "-1", ANY, READ_ONLY, NO_EFFECT, "Old name of node.id; when both are given they must agree.") \
    X(BROKER_RACK, "broker.rack", STRING, NULL, ANY, READ_ONLY, EFFECT, "Rack or zone of this broker; replicas of a partition are spread over racks, and consumers may read from their own.") \
    X(LISTENERS, "listeners", LIST, "PLAINTEXT://:9092", LIST_SOME(NULL), PER_BROKER, EFFECT, "Addresses to accept connections on: NAME://host:port, separated by commas. An empty host means every interface.") \
    X(ADVERTISED_LISTENERS, "advertised.listeners", LIST, NULL, LIST_SOME(NULL), READ_ONLY, EFFECT, "Addresses clients are told to connect to, when they differ from listeners.") \
    X(LISTENER_SECURITY_PROTOCOL_MAP, "listener.security.protocol.map", STRING, "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", ANY, PER_BROKER, EFFECT, "Security protocol of each listener name, as NAME:PROTOCOL pairs.") \
    X(EARLY_START_LISTENERS, "early.start.listeners", LIST, NULL, LIST(NULL), READ_ONLY, NO_EFFECT, "Listeners that open before the authorizer has finished loading.") \
    X(INTER_BROKER_LISTENER_NAME, "inter.broker.listener.name", STRING, NULL, ANY, READ_ONLY, EFFECT, "Listener the brokers use between themselves.") \
    X(SECURITY_INTER_BROKER_PROTOCOL, "security.inter.broker.protocol", STRING, "PLAINTEXT", ONE_OF("PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"), READ_ONLY, NO_EFFECT, "Security protocol between brokers, when inter.broker.listener.name is not given.") \
    X(CONTROLLER_LISTENER_NAMES, "controller.listener.names", LIST, NULL, LIST_SOME(NULL), READ_ONLY, EFFECT, "Listeners the controllers use; brokers connect to the first one.") \
    X(CONTROLLER_QUORUM_VOTERS, "controller.quorum.voters", LIST, "", VOTERS, READ_ONLY, EFFECT, "Controllers of a fixed quorum, as id@host:port. Leave empty for a quorum that changes at run time.") \
    X(CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, "controller.quorum.bootstrap.servers", LIST, "", BOOTSTRAP, READ_ONLY, NO_EFFECT, "Controllers to ask first when the quorum may change at run time, as host:port.") \
    X(CONTROLLER_QUORUM_AUTO_JOIN_ENABLE, "controller.quorum.auto.join.enable", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "A controller that starts adds itself to the voters by itself.") \
    X(CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS, "controller.quorum.election.timeout.ms", INT, "1000", MIN(0), READ_ONLY, NO_EFFECT, "Time without contact to the leader before a voter starts an election.") \
    X(CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS, "controller.quorum.election.backoff.max.ms", INT, "1000", MIN(0), READ_ONLY, NO_EFFECT, "Longest random wait between two elections, so that ties end.") \
    X(CONTROLLER_QUORUM_FETCH_TIMEOUT_MS, "controller.quorum.fetch.timeout.ms", INT, "2000", MIN(0), READ_ONLY, NO_EFFECT, "Time without a successful fetch before a follower becomes a candidate, or a leader steps down.") \
    X(CONTROLLER_QUORUM_FETCH_MAX_BYTES, "controller.quorum.fetch.max.bytes", INT, "1048576", MIN(1), READ_ONLY, NO_EFFECT, "Most bytes in one fetch of the metadata log.") \
    X(CONTROLLER_QUORUM_FETCH_SNAPSHOT_MAX_BYTES, "controller.quorum.fetch.snapshot.max.bytes", INT, "1048576", MIN(1), READ_ONLY, NO_EFFECT, "Most bytes in one fetch of a metadata snapshot.") \
    X(CONTROLLER_QUORUM_APPEND_LINGER_MS, "controller.quorum.append.linger.ms", INT, "25", MIN(0), READ_ONLY, NO_EFFECT, "How long the quorum leader gathers records before it writes them.") \
    X(CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS, "controller.quorum.request.timeout.ms", INT, "2000", MIN(0), READ_ONLY, NO_EFFECT, "How long a quorum request waits for its answer.") \
    X(CONTROLLER_QUORUM_RETRY_BACKOFF_MS, "controller.quorum.retry.backoff.ms", INT, "20", MIN(0), READ_ONLY, NO_EFFECT, "Pause before a failed quorum request is sent again.") \
    X(CONTROLLER_SOCKET_TIMEOUT_MS, "controller.socket.timeout.ms", INT, "30000", ANY, READ_ONLY, NO_EFFECT, "How long a request from the broker to the controller may take.") \
    X(CONTROLLER_PERFORMANCE_SAMPLE_PERIOD_MS, "controller.performance.sample.period.ms", LONG, "60000", MIN(100), READ_ONLY, NO_EFFECT | HIDDEN, "How often the controller sums up the time its events took.") \
    X(CONTROLLER_PERFORMANCE_ALWAYS_LOG_THRESHOLD_MS, "controller.performance.always.log.threshold.ms", LONG, "2000", MIN(0), READ_ONLY, NO_EFFECT | HIDDEN, "A controller event slower than this is logged at once.") \
    X(BROKER_HEARTBEAT_INTERVAL_MS, "broker.heartbeat.interval.ms", INT, "2000", ANY, READ_ONLY, NO_EFFECT, "How often a broker tells the controller that it lives.") \
    X(BROKER_SESSION_TIMEOUT_MS, "broker.session.timeout.ms", INT, "9000", ANY, READ_ONLY, NO_EFFECT, "Without a heartbeat for this long, the controller fences the broker.") \
    X(INITIAL_BROKER_REGISTRATION_TIMEOUT_MS, "initial.broker.registration.timeout.ms", INT, "60000", ANY, READ_ONLY, NO_EFFECT, "How long a starting broker tries to register before it gives up.") \
    X(CONTROLLED_SHUTDOWN_ENABLE, "controlled.shutdown.enable", BOOLEAN, "true", ANY, READ_ONLY, NO_EFFECT, "A stopping broker hands over its leaderships first.") \
    X(SERVER_MAX_STARTUP_TIME_MS, "server.max.startup.time.ms", LONG, "9223372036854775807", MIN(0), READ_ONLY, NO_EFFECT | HIDDEN, "Longest time the start may take before the process gives up.") \
    X(BACKGROUND_THREADS, "background.threads", INT, "10", MIN(1), CLUSTER, NO_EFFECT, "Threads for background work such as file deletion.") \
    X(NUM_IO_THREADS, "num.io.threads", INT, "8", MIN(1), CLUSTER, NO_EFFECT, "Threads that handle requests. moldau runs moldau.shards threads instead.") \
    X(NUM_NETWORK_THREADS, "num.network.threads", INT, "3", MIN(1), CLUSTER, NO_EFFECT, "Threads that read and write sockets, per listener. moldau runs moldau.shards threads instead.") \
    X(QUEUED_MAX_REQUESTS, "queued.max.requests", INT, "500", MIN(1), READ_ONLY, NO_EFFECT, "Requests that may wait in line before the sockets are no longer read.") \
    X(QUEUED_MAX_REQUEST_BYTES, "queued.max.request.bytes", LONG, "-1", ANY, READ_ONLY, EFFECT, "Bytes of requests that may wait in line before the sockets are no longer read, divided among the shards; -1 is 16 MiB for each.") \
    X(REQUEST_TIMEOUT_MS, "request.timeout.ms", INT, "30000", ANY, READ_ONLY, NO_EFFECT, "How long this node waits for the answer to a request it sent.") \
    X(SOCKET_SEND_BUFFER_BYTES, "socket.send.buffer.bytes", INT, "102400", ANY, READ_ONLY, EFFECT, "SO_SNDBUF of accepted sockets; -1 leaves the system's choice. Where it is not set, moldau takes 262144, which measured best.") \
    X(SOCKET_RECEIVE_BUFFER_BYTES, "socket.receive.buffer.bytes", INT, "102400", ANY, READ_ONLY, EFFECT, "SO_RCVBUF of accepted sockets; -1 leaves the system's choice, and so does not setting it, which measured best.") \
    X(SOCKET_REQUEST_MAX_BYTES, "socket.request.max.bytes", INT, "104857600", MIN(1), READ_ONLY, EFFECT, "Largest request a client may send.") \
    X(SOCKET_LISTEN_BACKLOG_SIZE, "socket.listen.backlog.size", INT, "50", MIN(1), READ_ONLY, NO_EFFECT, "Connections that may wait to be accepted.") \
    X(SOCKET_CONNECTION_SETUP_TIMEOUT_MS, "socket.connection.setup.timeout.ms", LONG, "10000", ANY, READ_ONLY, NO_EFFECT, "How long an outgoing connection may take to be made; doubles with every failure.") \
    X(SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS, "socket.connection.setup.timeout.max.ms", LONG, "30000", ANY, READ_ONLY, NO_EFFECT, "Upper end of the doubling of socket.connection.setup.timeout.ms.") \
    X(CONNECTIONS_MAX_IDLE_MS, "connections.max.idle.ms", LONG, "600000", ANY, READ_ONLY, EFFECT, "A connection without traffic for this long is closed.") \
    X(CONNECTION_FAILED_AUTHENTICATION_DELAY_MS, "connection.failed.authentication.delay.ms", INT, "100", MIN(0), READ_ONLY, NO_EFFECT, "Delay before the answer to a failed authentication, against guessing.") \
    X(MAX_CONNECTIONS, "max.connections", INT, "2147483647", MIN(0), CLUSTER, NO_EFFECT, "Most open connections of this broker; may be set per listener.") \
    X(MAX_CONNECTIONS_PER_IP, "max.connections.per.ip", INT, "2147483647", MIN(0), CLUSTER, NO_EFFECT, "Most open connections from one address.") \
    X(MAX_CONNECTIONS_PER_IP_OVERRIDES, "max.connections.per.ip.overrides", STRING, "", ANY, CLUSTER, NO_EFFECT, "Exceptions to max.connections.per.ip, as host:count pairs.") \
    X(MAX_CONNECTION_CREATION_RATE, "max.connection.creation.rate", INT, "2147483647", MIN(0), CLUSTER, NO_EFFECT, "Most new connections a second; may be set per listener.") \
    X(MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS, "max.incremental.fetch.session.cache.slots", INT, "1000", MIN(0), READ_ONLY, EFFECT, "Incremental fetch sessions the broker remembers.") \
    X(MAX_REQUEST_PARTITION_SIZE_LIMIT, "max.request.partition.size.limit", INT, "2000", MIN(1), READ_ONLY, EFFECT, "Most partitions in one DescribeTopicPartitions answer.") \
    X(FETCH_MAX_BYTES, "fetch.max.bytes", INT, "57671680", MIN(1024), READ_ONLY, EFFECT, "Most bytes a fetch may ask for; the first batch is returned whole even if larger.") \
    X(QUOTA_WINDOW_NUM, "quota.window.num", INT, "11", MIN(1), READ_ONLY, NO_EFFECT, "Windows kept in memory to measure client quotas.") \
    X(QUOTA_WINDOW_SIZE_SECONDS, "quota.window.size.seconds", INT, "1", MIN(1), READ_ONLY, NO_EFFECT, "Length of one window of client quotas.") \
    X(CONTROLLER_QUOTA_WINDOW_NUM, "controller.quota.window.num", INT, "11", MIN(1), READ_ONLY, NO_EFFECT, "Windows kept in memory to measure the quota on controller mutations.") \
    X(CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS, "controller.quota.window.size.seconds", INT, "1", MIN(1), READ_ONLY, NO_EFFECT, "Length of one window of the quota on controller mutations.") \
    X(REPLICATION_QUOTA_WINDOW_NUM, "replication.quota.window.num", INT, "11", MIN(1), READ_ONLY, NO_EFFECT, "Windows kept in memory to measure replication quotas.") \
    X(REPLICATION_QUOTA_WINDOW_SIZE_SECONDS, "replication.quota.window.size.seconds", INT, "1", MIN(1), READ_ONLY, NO_EFFECT, "Length of one window of replication quotas.") \
    X(ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_NUM, "alter.log.dirs.replication.quota.window.num", INT, "11", MIN(1), READ_ONLY, NO_EFFECT, "Windows kept in memory to measure the quota on moves between log directories.") \
    X(ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS, "alter.log.dirs.replication.quota.window.size.seconds", INT, "1", MIN(1), READ_ONLY, NO_EFFECT, "Length of one window of the quota on moves between log directories.") \
    X(CLIENT_QUOTA_CALLBACK_CLASS, "client.quota.callback.class", CLASS, NULL, ANY, READ_ONLY, NO_EFFECT, "Java class that decides quotas. moldau loads no Java classes.") \
    X(LEADER_REPLICATION_THROTTLED_RATE, "leader.replication.throttled.rate", LONG, "9223372036854775807", MIN(0), CLUSTER, NO_EFFECT | DYNAMIC_ONLY, "Bytes a second a leader may send for throttled replicas.") \
    X(FOLLOWER_REPLICATION_THROTTLED_RATE, "follower.replication.throttled.rate", LONG, "9223372036854775807", MIN(0), CLUSTER, NO_EFFECT | DYNAMIC_ONLY, "Bytes a second a follower may receive for throttled replicas.") \
    X(REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND, "replica.alter.log.dirs.io.max.bytes.per.second", LONG, "9223372036854775807", MIN(0), CLUSTER, EFFECT | DYNAMIC_ONLY, "Bytes a second that moves between log directories may use.") \
    X(AUTO_CREATE_TOPICS_ENABLE, "auto.create.topics.enable", BOOLEAN, "true", ANY, READ_ONLY, EFFECT, "A request for an unknown topic creates it.") \
    X(DELETE_TOPIC_ENABLE, "delete.topic.enable", BOOLEAN, "true", ANY, READ_ONLY, EFFECT, "Topics may be deleted.") \
    X(NUM_PARTITIONS, "num.partitions", INT, "1", MIN(1), READ_ONLY, EFFECT, "Partitions of a topic created without saying how many.") \
    X(DEFAULT_REPLICATION_FACTOR, "default.replication.factor", INT, "1", ANY, READ_ONLY, EFFECT, "Replicas of a topic created without saying how many.") \
    X(CREATE_TOPIC_POLICY_CLASS_NAME, "create.topic.policy.class.name", CLASS, NULL, ANY, READ_ONLY, NO_EFFECT, "Java class that may refuse new topics. moldau loads no Java classes.") \
    X(ALTER_CONFIG_POLICY_CLASS_NAME, "alter.config.policy.class.name", CLASS, NULL, ANY, READ_ONLY, NO_EFFECT, "Java class that may refuse changes of settings. moldau loads no Java classes.") \
    X(AUTO_LEADER_REBALANCE_ENABLE, "auto.leader.rebalance.enable", BOOLEAN, "true", ANY, READ_ONLY, NO_EFFECT, "Leaderships move back to the preferred replica by themselves.") \
    X(LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS, "leader.imbalance.check.interval.seconds", LONG, "300", MIN(1), READ_ONLY, NO_EFFECT, "How often the controller looks for leaderships to move back.") \
    X(UNCLEAN_LEADER_ELECTION_ENABLE, "unclean.leader.election.enable", BOOLEAN, "false", ANY, CLUSTER, NO_EFFECT, "Without a replica in sync, one that lags may lead, at the cost of acknowledged records.") \
    X(UNCLEAN_LEADER_ELECTION_INTERVAL_MS, "unclean.leader.election.interval.ms", LONG, "300000", MIN(1), READ_ONLY, NO_EFFECT | HIDDEN, "How often the controller looks for partitions that need an unclean election.") \
    X(METADATA_LOG_DIR, "metadata.log.dir", STRING, NULL, ANY, READ_ONLY, EFFECT, "Directory of the metadata log; the first of log.dirs when not given.") \
    X(METADATA_LOG_SEGMENT_BYTES, "metadata.log.segment.bytes", INT, "1073741824", MIN(8388608), READ_ONLY, EFFECT, "Size at which the metadata log starts a new segment.") \
    X(METADATA_LOG_SEGMENT_MS, "metadata.log.segment.ms", LONG, "604800000", ANY, READ_ONLY, EFFECT, "Age at which the metadata log starts a new segment.") \
    X(METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS, "metadata.log.max.record.bytes.between.snapshots", LONG, "20971520", MIN(1), READ_ONLY, EFFECT, "Bytes of metadata records after which a snapshot is written.") \
    X(METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS, "metadata.log.max.snapshot.interval.ms", LONG, "3600000", MIN(0), READ_ONLY, EFFECT, "Longest time between metadata snapshots when there is something new; 0 for no limit.") \
    X(METADATA_MAX_IDLE_INTERVAL_MS, "metadata.max.idle.interval.ms", INT, "500", MIN(0), READ_ONLY, NO_EFFECT, "How often the active controller writes a no-op record when nothing happens; 0 never.") \
    X(METADATA_MAX_RETENTION_BYTES, "metadata.max.retention.bytes", LONG, "104857600", ANY, READ_ONLY, EFFECT, "Size to which the metadata log and its snapshots are trimmed.") \
    X(METADATA_MAX_RETENTION_MS, "metadata.max.retention.ms", LONG, "604800000", ANY, READ_ONLY, EFFECT, "Age to which the metadata log and its snapshots are trimmed.") \
    X(INTERNAL_METADATA_LOG_SEGMENT_BYTES, "internal.metadata.log.segment.bytes", INT, NULL, ANY, READ_ONLY, EFFECT | HIDDEN, "Segment size of the metadata log, for tests.") \
    X(INTERNAL_METADATA_MAX_BATCH_SIZE_IN_BYTES, "internal.metadata.max.batch.size.in.bytes", INT, "8388608", ANY, READ_ONLY, NO_EFFECT | HIDDEN, "Largest batch the metadata log accepts, for tests.") \
    X(INTERNAL_METADATA_DELETE_DELAY_MILLIS, "internal.metadata.delete.delay.millis", LONG, "60000", ANY, READ_ONLY, EFFECT | HIDDEN, "Delay before trimmed metadata files are removed, for tests.") \
    X(METRIC_REPORTERS, "metric.reporters", LIST, "org.apache.kafka.common.metrics.JmxReporter", LIST(NULL), CLUSTER, NO_EFFECT, "Java classes that report metrics. moldau loads no Java classes.") \
    X(METRICS_NUM_SAMPLES, "metrics.num.samples", INT, "2", MIN(1), READ_ONLY, NO_EFFECT, "Samples kept to compute a metric.") \
    X(METRICS_RECORDING_LEVEL, "metrics.recording.level", STRING, "INFO", ANY, READ_ONLY, NO_EFFECT, "How detailed metrics are: INFO, DEBUG or TRACE.") \
    X(METRICS_SAMPLE_WINDOW_MS, "metrics.sample.window.ms", LONG, "30000", MIN(1), READ_ONLY, NO_EFFECT, "Time over which one sample of a metric is taken.") \
    X(KAFKA_METRICS_POLLING_INTERVAL_SECS, "kafka.metrics.polling.interval.secs", INT, "10", MIN(1), READ_ONLY, NO_EFFECT, "How often the old metrics reporters are polled.") \
    X(KAFKA_METRICS_REPORTERS, "kafka.metrics.reporters", LIST, "", LIST(NULL), READ_ONLY, NO_EFFECT, "Java classes of the old metrics reporters. moldau loads no Java classes.") \
    X(TELEMETRY_MAX_BYTES, "telemetry.max.bytes", INT, "1048576", MIN(1), READ_ONLY, NO_EFFECT, "Largest compressed telemetry push a client may send.") \
    X(CONFIG_PROVIDERS, "config.providers", LIST, "", LIST(NULL), CLUSTER, NO_EFFECT, "Names of providers that resolve ${provider:path:key} in values.") \
    X(UNSTABLE_API_VERSIONS_ENABLE, "unstable.api.versions.enable", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT | HIDDEN, "Offer versions of requests that are not final yet.") \
    X(UNSTABLE_FEATURE_VERSIONS_ENABLE, "unstable.feature.versions.enable", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT | HIDDEN, "Allow feature levels that are not final yet.")

/* Settings of moldau's own. */
#define CONF_TABLE_MOLDAU(X) \
    X(MOLDAU_METRICS_LISTENER, "moldau.metrics.listener", STRING, NULL, ANY, READ_ONLY, EFFECT, "host:port on which GET /metrics gives metrics in Prometheus' text format; none when not given.") \
    X(MOLDAU_ACK_SYNC, "moldau.ack.sync", STRING, "auto", ONE_OF("auto, always, never"), READ_ONLY, EFFECT, "When acks=all waits for the disk: auto where a partition has one replica, always, or never.") \
    X(MOLDAU_ACK_JOURNAL_BYTES, "moldau.ack.journal.bytes", LONG, "16777216", RANGE(0, 268435456), READ_ONLY, EFFECT, "Size of the journal that each shard keeps in each log directory, so that one sync answers acks=all for many partitions; 0 for none.") \
    X(MOLDAU_SHARDS, "moldau.shards", INT, "0", RANGE(0, 1024), READ_ONLY, EFFECT, "Threads of the server, each with its own connections and partitions; 0 for one a core.") \
    X(MOLDAU_SCRUB_BYTES_PER_SECOND, "moldau.scrub.bytes.per.second", LONG, "0", MIN(0), CLUSTER, EFFECT, "Bytes a second that the scrub reads of closed segments to check them; 0 for none.")
/* clang-format on */

#endif
