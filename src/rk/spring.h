/* Settings of applications by Spring Boot's names (spring.kafka.*, server.port) and Java's client names, from
 * a properties or YAML file and the environment. */
#ifndef MOLDAU_SPRING_H
#define MOLDAU_SPRING_H

#include "rk/properties.h"

/* What keys and values are, by the class that reads or writes them. */
enum spring_type {
    SPRING_NOT_SAID,
    SPRING_STRING,
    SPRING_BYTES,
    SPRING_SHORT,
    SPRING_INTEGER,
    SPRING_LONG,
    SPRING_FLOAT,
    SPRING_DOUBLE,
    SPRING_BOOLEAN,
    SPRING_UUID,
    SPRING_VOID,
    SPRING_JSON,
    SPRING_OTHER /* a class that only Java has: bytes */
};
enum spring_ack_mode {
    SPRING_ACK_NOT_SAID,
    SPRING_ACK_RECORD,
    SPRING_ACK_BATCH,
    SPRING_ACK_TIME,
    SPRING_ACK_COUNT,
    SPRING_ACK_COUNT_TIME,
    SPRING_ACK_MANUAL,
    SPRING_ACK_MANUAL_IMMEDIATE
};

/* Texts that are not said are NULL, numbers -1. */
struct spring_settings {
    struct properties consumer, producer; /* by Java's names; bootstrap.servers, group.id, .. are in them */
    enum spring_type consumer_key, consumer_value, producer_key, producer_value;
    char *default_topic, *transaction_id_prefix;
    enum spring_ack_mode ack_mode;
    int64_t ack_count, ack_time_ms, concurrency, poll_timeout_ms, idle_event_ms, idle_between_polls_ms,
        server_port;
    int64_t batch;      /* listener.type: 0 single, 1 batch */
    int64_t async_acks; /* 0, 1 */
    int64_t retry_topic, retry_attempts, retry_delay_ms, retry_delay_ms_max; /* spring.kafka.retry.topic */
    double retry_multiplier;
};

struct spring_source {
    const char *file; /* its name; one that ends with .yml or .yaml is YAML. NULL: the environment alone */
    struct slice text;
    char *const *env; /* NAME=value, ends with NULL; NULL: none */
    /* A sentence about something that has no effect, for the log. */
    void (*warn)(void *arg, const char *text);
    void *arg;
};

/* What the environment says goes before what the file says. ERR_INVALID_CONFIG, or another ERR_, with a
 * sentence in why that names the file and line; then there is nothing to free. */
int spring_settings_read(struct spring_settings *s, const struct spring_source *from,
                         struct strbuf *why) MUST_USE;
void spring_settings_free(struct spring_settings *s);

#endif
