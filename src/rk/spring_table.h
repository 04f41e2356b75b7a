/* The names, for spring.c alone. */
#ifndef MOLDAU_SPRING_TABLE_H
#define MOLDAU_SPRING_TABLE_H

#include "rk/spring.h"

enum form {
    TEXT,
    LIST,
    INTEGER,
    FLOAT,
    BOOLEAN,
    DURATION, /* milliseconds if it has no unit */
    SECONDS,  /* a duration in seconds if it has no unit */
    SIZE,
    CHOICE,
    CLASS,   /* of a serializer or a deserializer */
    SECURED, /* refused unless it is empty */
};
enum side { CONSUMER = 1, PRODUCER = 2, BOTH = 3 };

#define ACK_MODES                                                                                            \
    "RECORD, BATCH, TIME, COUNT, COUNT_TIME, MANUAL, MANUAL_IMMEDIATE" /* as spring_ack_mode                 \
                                                                        */
#define ACKS "all, -1, 0, 1"
#define RESETS "latest, earliest, none"
#define CODECS "none, gzip, snappy, lz4, zstd"
#define ISOLATIONS "read_uncommitted, read_committed"
#define PROTOCOLS "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"

/* Spring Boot's. java: the property it becomes, of `side`; field: where else it goes (its offset); neither:
 * it is Spring's own affair, has a right value, and no effect here. */
#define FIELD(name) 0, NULL, offsetof(struct spring_settings, name)
#define CLIENT(side, java) side, java, 0
#define NOTHING 0, NULL, 0
static const struct known {
    const char *name;
    enum form form;
    enum side side;
    const char *java;
    size_t field;
    const char *choices;
} known[] = {
    {"spring.kafka.bootstrap-servers", LIST, CLIENT(BOTH, "bootstrap.servers"), NULL},
    {"spring.kafka.client-id", TEXT, CLIENT(BOTH, "client.id"), NULL},
    {"spring.kafka.security.protocol", CHOICE, CLIENT(BOTH, "security.protocol"), PROTOCOLS},
    {"spring.kafka.consumer.auto-commit-interval", DURATION, CLIENT(CONSUMER, "auto.commit.interval.ms"),
     NULL},
    {"spring.kafka.consumer.auto-offset-reset", CHOICE, CLIENT(CONSUMER, "auto.offset.reset"), RESETS},
    {"spring.kafka.consumer.bootstrap-servers", LIST, CLIENT(CONSUMER, "bootstrap.servers"), NULL},
    {"spring.kafka.consumer.client-id", TEXT, CLIENT(CONSUMER, "client.id"), NULL},
    {"spring.kafka.consumer.enable-auto-commit", BOOLEAN, CLIENT(CONSUMER, "enable.auto.commit"), NULL},
    {"spring.kafka.consumer.fetch-max-wait", DURATION, CLIENT(CONSUMER, "fetch.max.wait.ms"), NULL},
    {"spring.kafka.consumer.fetch-min-size", SIZE, CLIENT(CONSUMER, "fetch.min.bytes"), NULL},
    {"spring.kafka.consumer.group-id", TEXT, CLIENT(CONSUMER, "group.id"), NULL},
    {"spring.kafka.consumer.heartbeat-interval", DURATION, CLIENT(CONSUMER, "heartbeat.interval.ms"), NULL},
    {"spring.kafka.consumer.isolation-level", CHOICE, CLIENT(CONSUMER, "isolation.level"), ISOLATIONS},
    {"spring.kafka.consumer.key-deserializer", CLASS, CLIENT(CONSUMER, "key.deserializer"), NULL},
    {"spring.kafka.consumer.value-deserializer", CLASS, CLIENT(CONSUMER, "value.deserializer"), NULL},
    {"spring.kafka.consumer.max-poll-records", INTEGER, CLIENT(CONSUMER, "max.poll.records"), NULL},
    {"spring.kafka.consumer.max-poll-interval", DURATION, CLIENT(CONSUMER, "max.poll.interval.ms"), NULL},
    {"spring.kafka.consumer.security.protocol", CHOICE, CLIENT(CONSUMER, "security.protocol"), PROTOCOLS},
    {"spring.kafka.producer.acks", CHOICE, CLIENT(PRODUCER, "acks"), ACKS},
    {"spring.kafka.producer.batch-size", SIZE, CLIENT(PRODUCER, "batch.size"), NULL},
    {"spring.kafka.producer.bootstrap-servers", LIST, CLIENT(PRODUCER, "bootstrap.servers"), NULL},
    {"spring.kafka.producer.buffer-memory", SIZE, CLIENT(PRODUCER, "buffer.memory"), NULL},
    {"spring.kafka.producer.client-id", TEXT, CLIENT(PRODUCER, "client.id"), NULL},
    {"spring.kafka.producer.compression-type", CHOICE, CLIENT(PRODUCER, "compression.type"), CODECS},
    {"spring.kafka.producer.key-serializer", CLASS, CLIENT(PRODUCER, "key.serializer"), NULL},
    {"spring.kafka.producer.value-serializer", CLASS, CLIENT(PRODUCER, "value.serializer"), NULL},
    {"spring.kafka.producer.retries", INTEGER, CLIENT(PRODUCER, "retries"), NULL},
    {"spring.kafka.producer.security.protocol", CHOICE, CLIENT(PRODUCER, "security.protocol"), PROTOCOLS},
    {"spring.kafka.producer.transaction-id-prefix", TEXT, FIELD(transaction_id_prefix), NULL},
    {"spring.kafka.template.transaction-id-prefix", TEXT, FIELD(transaction_id_prefix), NULL},
    {"spring.kafka.template.default-topic", TEXT, FIELD(default_topic), NULL},
    {"spring.kafka.template.allow-non-transactional", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.template.close-timeout", DURATION, NOTHING, NULL},
    {"spring.kafka.template.observation-enabled", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.ack-mode", CHOICE, FIELD(ack_mode), ACK_MODES},
    {"spring.kafka.listener.ack-count", INTEGER, FIELD(ack_count), NULL},
    {"spring.kafka.listener.ack-time", DURATION, FIELD(ack_time_ms), NULL},
    {"spring.kafka.listener.async-acks", BOOLEAN, FIELD(async_acks), NULL},
    {"spring.kafka.listener.auth-exception-retry-interval", DURATION, NOTHING, NULL},
    {"spring.kafka.listener.auto-startup", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.change-consumer-thread-name", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.client-id", TEXT, CLIENT(CONSUMER, "client.id"), NULL},
    {"spring.kafka.listener.concurrency", INTEGER, FIELD(concurrency), NULL},
    {"spring.kafka.listener.idle-between-polls", DURATION, FIELD(idle_between_polls_ms), NULL},
    {"spring.kafka.listener.idle-event-interval", DURATION, FIELD(idle_event_ms), NULL},
    {"spring.kafka.listener.idle-partition-event-interval", DURATION, NOTHING, NULL},
    {"spring.kafka.listener.immediate-stop", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.log-container-config", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.missing-topics-fatal", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.monitor-interval", SECONDS, NOTHING, NULL},
    {"spring.kafka.listener.no-poll-threshold", FLOAT, NOTHING, NULL},
    {"spring.kafka.listener.observation-enabled", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.only-log-record-metadata", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.listener.poll-timeout", DURATION, FIELD(poll_timeout_ms), NULL},
    {"spring.kafka.listener.type", CHOICE, FIELD(batch), "SINGLE, BATCH"},
    {"spring.kafka.retry.topic.enabled", BOOLEAN, FIELD(retry_topic), NULL},
    {"spring.kafka.retry.topic.attempts", INTEGER, FIELD(retry_attempts), NULL},
    {"spring.kafka.retry.topic.delay", DURATION, FIELD(retry_delay_ms), NULL},
    {"spring.kafka.retry.topic.max-delay", DURATION, FIELD(retry_delay_ms_max), NULL},
    {"spring.kafka.retry.topic.multiplier", FLOAT, FIELD(retry_multiplier), NULL},
    {"spring.kafka.retry.topic.random-back-off", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.retry.topic.backoff.delay", DURATION, FIELD(retry_delay_ms), NULL},
    {"spring.kafka.retry.topic.backoff.max-delay", DURATION, FIELD(retry_delay_ms_max), NULL},
    {"spring.kafka.retry.topic.backoff.multiplier", FLOAT, FIELD(retry_multiplier), NULL},
    {"spring.kafka.retry.topic.backoff.jitter", DURATION, NOTHING, NULL},
    {"spring.kafka.retry.topic.backoff.random", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.admin.auto-create", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.admin.client-id", TEXT, NOTHING, NULL},
    {"spring.kafka.admin.close-timeout", DURATION, NOTHING, NULL},
    {"spring.kafka.admin.fail-fast", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.admin.modify-topic-configs", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.admin.operation-timeout", DURATION, NOTHING, NULL},
    {"spring.kafka.admin.security.protocol", TEXT, NOTHING, NULL},
    {"spring.kafka.streams.application-id", TEXT, NOTHING, NULL},
    {"spring.kafka.streams.auto-startup", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.streams.bootstrap-servers", LIST, NOTHING, NULL},
    {"spring.kafka.streams.client-id", TEXT, NOTHING, NULL},
    {"spring.kafka.streams.replication-factor", INTEGER, NOTHING, NULL},
    {"spring.kafka.streams.state-dir", TEXT, NOTHING, NULL},
    {"spring.kafka.streams.state-store-cache-max-size", SIZE, NOTHING, NULL},
    {"spring.kafka.streams.security.protocol", TEXT, NOTHING, NULL},
    {"spring.kafka.jaas.enabled", BOOLEAN, NOTHING, NULL},
    {"spring.kafka.jaas.login-module", TEXT, NOTHING, NULL},
    {"spring.kafka.jaas.control-flag", TEXT, NOTHING, NULL},
    {"server.port", INTEGER, FIELD(server_port), NULL},
};

/* Those behind which a name of somebody else stands. */
enum map { MAP_COMMON, MAP_CONSUMER, MAP_PRODUCER, MAPS, MAP_NONE, MAP_SECURED };
static const struct known_map {
    const char *prefix;
    enum map map;
} known_maps[] = {
    {"spring.kafka.properties.", MAP_COMMON},
    {"spring.kafka.consumer.properties.", MAP_CONSUMER},
    {"spring.kafka.producer.properties.", MAP_PRODUCER},
    {"spring.kafka.admin.properties.", MAP_NONE},
    {"spring.kafka.streams.properties.", MAP_NONE},
    {"spring.kafka.admin.ssl.", MAP_NONE},
    {"spring.kafka.streams.ssl.", MAP_NONE},
    {"spring.kafka.streams.cleanup.", MAP_NONE},
    {"spring.kafka.jaas.options.", MAP_NONE},
    {"spring.kafka.ssl.", MAP_SECURED},
    {"spring.kafka.consumer.ssl.", MAP_SECURED},
    {"spring.kafka.producer.ssl.", MAP_SECURED},
};

/* Java's clients', of kafka-clients 4.3; what is not here librdkafka may know. */
static const struct java_name {
    const char *name;
    enum form form;
    enum side side;
    const char *choices;
} java_names[] = {
    {"bootstrap.servers", LIST, BOTH, NULL},
    {"client.id", TEXT, BOTH, NULL},
    {"client.rack", TEXT, BOTH, NULL},
    {"client.dns.lookup", CHOICE, BOTH, "use_all_dns_ips, resolve_canonical_bootstrap_servers_only"},
    {"connections.max.idle.ms", INTEGER, BOTH, NULL},
    {"enable.metrics.push", BOOLEAN, BOTH, NULL},
    {"interceptor.classes", LIST, BOTH, NULL},
    {"metadata.max.age.ms", INTEGER, BOTH, NULL},
    {"metadata.max.idle.ms", INTEGER, BOTH, NULL},
    {"metadata.recovery.strategy", CHOICE, BOTH, "none, rebootstrap"},
    {"metadata.recovery.rebootstrap.trigger.ms", INTEGER, BOTH, NULL},
    {"metric.reporters", LIST, BOTH, NULL},
    {"metrics.num.samples", INTEGER, BOTH, NULL},
    {"metrics.recording.level", CHOICE, BOTH, "INFO, DEBUG, TRACE"},
    {"metrics.sample.window.ms", INTEGER, BOTH, NULL},
    {"receive.buffer.bytes", INTEGER, BOTH, NULL},
    {"reconnect.backoff.max.ms", INTEGER, BOTH, NULL},
    {"reconnect.backoff.ms", INTEGER, BOTH, NULL},
    {"request.timeout.ms", INTEGER, BOTH, NULL},
    {"retry.backoff.max.ms", INTEGER, BOTH, NULL},
    {"retry.backoff.ms", INTEGER, BOTH, NULL},
    {"security.protocol", CHOICE, BOTH, PROTOCOLS},
    {"security.providers", TEXT, BOTH, NULL},
    {"send.buffer.bytes", INTEGER, BOTH, NULL},
    {"socket.connection.setup.timeout.max.ms", INTEGER, BOTH, NULL},
    {"socket.connection.setup.timeout.ms", INTEGER, BOTH, NULL},
    {"sasl.client.callback.handler.class", SECURED, BOTH, NULL},
    {"sasl.jaas.config", SECURED, BOTH, NULL},
    {"sasl.kerberos.service.name", SECURED, BOTH, NULL},
    {"sasl.login.callback.handler.class", SECURED, BOTH, NULL},
    {"sasl.login.class", SECURED, BOTH, NULL},
    {"sasl.mechanism", SECURED, BOTH, NULL},
    {"sasl.oauthbearer.token.endpoint.url", SECURED, BOTH, NULL},
    {"sasl.username", SECURED, BOTH, NULL},
    {"sasl.password", SECURED, BOTH, NULL},
    {"ssl.cipher.suites", SECURED, BOTH, NULL},
    {"ssl.enabled.protocols", SECURED, BOTH, NULL},
    {"ssl.endpoint.identification.algorithm", SECURED, BOTH, NULL},
    {"ssl.key.password", SECURED, BOTH, NULL},
    {"ssl.keystore.certificate.chain", SECURED, BOTH, NULL},
    {"ssl.keystore.key", SECURED, BOTH, NULL},
    {"ssl.keystore.location", SECURED, BOTH, NULL},
    {"ssl.keystore.password", SECURED, BOTH, NULL},
    {"ssl.keystore.type", SECURED, BOTH, NULL},
    {"ssl.protocol", SECURED, BOTH, NULL},
    {"ssl.truststore.certificates", SECURED, BOTH, NULL},
    {"ssl.truststore.location", SECURED, BOTH, NULL},
    {"ssl.truststore.password", SECURED, BOTH, NULL},
    {"ssl.truststore.type", SECURED, BOTH, NULL},
    {"allow.auto.create.topics", BOOLEAN, CONSUMER, NULL},
    {"auto.commit.interval.ms", INTEGER, CONSUMER, NULL},
    {"auto.offset.reset", CHOICE, CONSUMER, RESETS},
    {"check.crcs", BOOLEAN, CONSUMER, NULL},
    {"default.api.timeout.ms", INTEGER, CONSUMER, NULL},
    {"enable.auto.commit", BOOLEAN, CONSUMER, NULL},
    {"exclude.internal.topics", BOOLEAN, CONSUMER, NULL},
    {"fetch.max.bytes", INTEGER, CONSUMER, NULL},
    {"fetch.max.wait.ms", INTEGER, CONSUMER, NULL},
    {"fetch.min.bytes", INTEGER, CONSUMER, NULL},
    {"group.id", TEXT, CONSUMER, NULL},
    {"group.instance.id", TEXT, CONSUMER, NULL},
    {"group.protocol", CHOICE, CONSUMER, "classic, consumer"},
    {"group.remote.assignor", TEXT, CONSUMER, NULL},
    {"heartbeat.interval.ms", INTEGER, CONSUMER, NULL},
    {"isolation.level", CHOICE, CONSUMER, ISOLATIONS},
    {"key.deserializer", CLASS, CONSUMER, NULL},
    {"value.deserializer", CLASS, CONSUMER, NULL},
    {"max.partition.fetch.bytes", INTEGER, CONSUMER, NULL},
    {"max.poll.interval.ms", INTEGER, CONSUMER, NULL},
    {"max.poll.records", INTEGER, CONSUMER, NULL},
    {"partition.assignment.strategy", LIST, CONSUMER, NULL},
    {"session.timeout.ms", INTEGER, CONSUMER, NULL},
    {"acks", CHOICE, PRODUCER, ACKS},
    {"batch.size", INTEGER, PRODUCER, NULL},
    {"buffer.memory", INTEGER, PRODUCER, NULL},
    {"compression.type", CHOICE, PRODUCER, CODECS},
    {"compression.gzip.level", INTEGER, PRODUCER, NULL},
    {"compression.lz4.level", INTEGER, PRODUCER, NULL},
    {"compression.zstd.level", INTEGER, PRODUCER, NULL},
    {"delivery.timeout.ms", INTEGER, PRODUCER, NULL},
    {"enable.idempotence", BOOLEAN, PRODUCER, NULL},
    {"key.serializer", CLASS, PRODUCER, NULL},
    {"value.serializer", CLASS, PRODUCER, NULL},
    {"linger.ms", INTEGER, PRODUCER, NULL},
    {"max.block.ms", INTEGER, PRODUCER, NULL},
    {"max.in.flight.requests.per.connection", INTEGER, PRODUCER, NULL},
    {"max.request.size", INTEGER, PRODUCER, NULL},
    {"partitioner.adaptive.partitioning.enable", BOOLEAN, PRODUCER, NULL},
    {"partitioner.availability.timeout.ms", INTEGER, PRODUCER, NULL},
    {"partitioner.class", TEXT, PRODUCER, NULL},
    {"partitioner.ignore.keys", BOOLEAN, PRODUCER, NULL},
    {"retries", INTEGER, PRODUCER, NULL},
    {"transaction.timeout.ms", INTEGER, PRODUCER, NULL},
    {"transaction.two.phase.commit.enable", BOOLEAN, PRODUCER, NULL},
    {"transactional.id", TEXT, PRODUCER, NULL},
};

/* Of Kafka's and Spring Kafka's classes, without "Serializer" or "Deserializer". */
static const struct known_class {
    const char *package, *stem;
    enum spring_type type;
} known_classes[] = {
    {"org.apache.kafka.common.serialization.", "String", SPRING_STRING},
    {"org.apache.kafka.common.serialization.", "ByteArray", SPRING_BYTES},
    {"org.apache.kafka.common.serialization.", "ByteBuffer", SPRING_BYTES},
    {"org.apache.kafka.common.serialization.", "Bytes", SPRING_BYTES},
    {"org.apache.kafka.common.serialization.", "Short", SPRING_SHORT},
    {"org.apache.kafka.common.serialization.", "Integer", SPRING_INTEGER},
    {"org.apache.kafka.common.serialization.", "Long", SPRING_LONG},
    {"org.apache.kafka.common.serialization.", "Float", SPRING_FLOAT},
    {"org.apache.kafka.common.serialization.", "Double", SPRING_DOUBLE},
    {"org.apache.kafka.common.serialization.", "Boolean", SPRING_BOOLEAN},
    {"org.apache.kafka.common.serialization.", "UUID", SPRING_UUID},
    {"org.apache.kafka.common.serialization.", "Void", SPRING_VOID},
    {"org.springframework.kafka.support.serializer.", "Json", SPRING_JSON},
    {"org.springframework.kafka.support.serializer.", "JacksonJson", SPRING_JSON},
    {"org.springframework.kafka.support.serializer.", "StringOrBytes", SPRING_STRING},
    {"org.springframework.kafka.support.serializer.", "ParseString", SPRING_STRING},
    {"org.springframework.kafka.support.serializer.", "ToString", SPRING_STRING},
};
#define ERROR_HANDLING "org.springframework.kafka.support.serializer.ErrorHandlingDeserializer"

#endif
