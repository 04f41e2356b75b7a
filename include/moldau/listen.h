/* libmoldau-listen: what happens to a record is yours; commits, retries, dead letters, order and shutdown are
 * its. Works with any Kafka cluster, through librdkafka. docs/LISTEN.md tells it from the beginning.
 *
 * A container has N consumers of a group, each with a thread, and calls a listener with their records, in one
 * of two ways:
 *  - as Spring Kafka's containers do: one record, or one poll's batch, after the other on each consumer's
 * thread, with seven acknowledgement modes. The next poll waits for the listener.
 *  - with `workers`: many records of a consumer at once, in an order of your choice (key, partition, none),
 * and polls go on meanwhile. Work may take as long as it likes.
 *
 * Strings and arrays that are handed in are copied, or say otherwise. Records live until the call that brings
 * them returns. Functions may be called from any thread unless they say otherwise; callbacks come on the
 * container's threads. Names, defaults and commit points are those of Spring Kafka 4. */
#ifndef MOLDAU_PUBLIC_LISTEN_H
#define MOLDAU_PUBLIC_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(MOLDAU_BUILD) && defined(__GNUC__)
#define MOLDAU_API __attribute__((visibility("default")))
#else
#define MOLDAU_API
#endif

struct rd_kafka_s; /* librdkafka's rd_kafka_t */

/* ---- records ---- */
struct moldau_header {
    const char *name;
    const void *value; /* NULL: null */
    size_t value_n;
};
enum { MOLDAU_TIMESTAMP_NONE, MOLDAU_TIMESTAMP_CREATE, MOLDAU_TIMESTAMP_LOG_APPEND };
struct moldau_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    const void *key; /* NULL: none */
    size_t key_n;
    const void *value; /* NULL: none (a tombstone) */
    size_t value_n;
    int64_t timestamp_ms; /* since 1970; -1: none */
    int timestamp_type;
    const struct moldau_header *headers;
    size_t headers_n;
    int attempt; /* 1 for the first; those on retry topics are counted on */
};
/* The last header of that name, NULL if there is none. */
MOLDAU_API const struct moldau_header *moldau_header(const struct moldau_record *r, const char *name);

/* ---- listeners ---- */
enum moldau_result {
    MOLDAU_OK,    /* done */
    MOLDAU_RETRY, /* failed: again after a pause, as often as `attempts` says, then given up */
    MOLDAU_DEAD   /* will never succeed: given up at once */
};
/* One call of a listener; valid until it returns, on its thread. */
struct moldau_call;
typedef enum moldau_result moldau_record_cb(void *arg, const struct moldau_record *r,
                                            struct moldau_call *call);
/* The records of a poll (at most max_poll_records), grouped by partition. A failure without
 * moldau_call_failed_at repeats, and in the end gives up, all of them. */
typedef enum moldau_result moldau_batch_cb(void *arg, const struct moldau_record *records, size_t n,
                                           struct moldau_call *call);
/* Why it failed, for the log and the dead letter. */
MOLDAU_API void moldau_call_why(struct moldau_call *call, const char *sentence);
/* Batch: records[index] failed. Those before it are done and committed, it and what follows come again. */
MOLDAU_API void moldau_call_failed_at(struct moldau_call *call, size_t index);
/* MANUAL and MANUAL_IMMEDIATE: the record, or all records of the batch, are done. */
MOLDAU_API void moldau_call_acknowledge(struct moldau_call *call);
/* Not now: records[index] (0 for a record listener) and what follows come again, no earlier than after
 * pause_ms, and count no attempt. Return MOLDAU_OK after it. With workers it is a MOLDAU_RETRY. */
MOLDAU_API void moldau_call_nack(struct moldau_call *call, size_t index, int64_t pause_ms);
/* The consumer that brought the record: to commit, pause or seek by oneself. Not with `workers`. Do not poll
 * it. */
MOLDAU_API struct rd_kafka_s *moldau_call_consumer(struct moldau_call *call);
/* The transaction that this call is in, to send with; NULL unless the container is transactional. */
struct moldau_template;
MOLDAU_API struct moldau_template *moldau_call_template(struct moldau_call *call);

/* MANUAL, MANUAL_IMMEDIATE: an acknowledgement for later, from any thread; exactly one of the two functions
 * ends it. One that comes after its partition was given away does nothing. NULL if the index is none of the
 * call's, and with workers. All must have ended before the container is freed. */
struct moldau_ack;
MOLDAU_API struct moldau_ack *moldau_call_keep_ack(struct moldau_call *call, size_t index);
MOLDAU_API void moldau_ack_acknowledge(struct moldau_ack *a);
MOLDAU_API void moldau_ack_drop(struct moldau_ack *a);

/* ---- containers ---- */
enum moldau_ack_mode {
    MOLDAU_ACK_RECORD,          /* after each record */
    MOLDAU_ACK_BATCH,           /* after a poll's records; the default */
    MOLDAU_ACK_TIME,            /* once more than ack_time_ms have passed since the last commit */
    MOLDAU_ACK_COUNT,           /* after ack_count records, and when a poll brings none */
    MOLDAU_ACK_COUNT_TIME,      /* either */
    MOLDAU_ACK_MANUAL,          /* what is acknowledged, as BATCH */
    MOLDAU_ACK_MANUAL_IMMEDIATE /* in the acknowledgement */
};
enum moldau_order { MOLDAU_ORDER_KEY, MOLDAU_ORDER_PARTITION, MOLDAU_ORDER_UNORDERED };
enum moldau_given_up {
    MOLDAU_SKIP,       /* a line in the log, on to the next; the default, as Spring's */
    MOLDAU_DEAD_LETTER /* to the dead-letter topic first */
};
enum moldau_start_at {
    MOLDAU_START_COMMITTED, /* else auto.offset.reset */
    MOLDAU_START_OFFSET,    /* value: the offset; negative: so many before the end */
    MOLDAU_START_BEGINNING,
    MOLDAU_START_END,
    MOLDAU_START_TIME /* value: milliseconds since 1970 */
};
struct moldau_partition {
    const char *topic;
    int32_t partition;
    enum moldau_start_at start;
    int64_t value;
};
struct moldau_property {
    const char *name, *value;
};
struct moldau_offset {
    const char *topic;
    int32_t partition;
    int64_t offset; /* the next one to be read, as it is committed; -1 in rebalance hooks */
};
enum moldau_event {
    MOLDAU_ASSIGNED,
    MOLDAU_REVOKED_BEFORE_COMMIT,
    MOLDAU_REVOKED_AFTER_COMMIT,
    MOLDAU_LOST, /* others have them already; nothing is committed */
    MOLDAU_COMMITTED,
    MOLDAU_COMMIT_FAILED, /* why; offsets stay due unless the partition is gone */
    MOLDAU_IDLE,          /* nothing came for idle_event_ms; again after each such time */
    MOLDAU_NO_LONGER_IDLE,
    MOLDAU_GIVEN_UP, /* record, why */
    MOLDAU_FAILED    /* why: this consumer ended, it cannot go on */
};
struct moldau_event_info {
    enum moldau_event event;
    int consumer; /* 0 .. concurrency - 1 */
    const struct moldau_offset *offsets;
    size_t offsets_n;
    const struct moldau_record *record;
    const char *why;
    struct rd_kafka_s *client; /* its consumer */
};

struct moldau_container_options {
    size_t size; /* set by moldau_container_options_init */

    const char *bootstrap_servers, *group;
    /* Either names, or regular expressions that begin with ^; or partitions, without a group's protocol. */
    const char *const *topics;
    size_t topics_n;
    const struct moldau_partition *partitions;
    size_t partitions_n;
    /* More of the consumer, and of the producer for dead letters and transactions, by Java's names. */
    const struct moldau_property *properties, *producer_properties;
    size_t properties_n, producer_properties_n;
    const char *client_id; /* gets -0, -1 .. when concurrency is more than 1 */

    moldau_record_cb *on_record; /* one of the two */
    moldau_batch_cb *on_batch;
    /* true: the record is skipped as if it were done. */
    bool (*filter)(void *arg, const struct moldau_record *r);
    void (*on_event)(void *arg, const struct moldau_event_info *info);
    /* A line for the log: level is INFO, WARN or ERROR. NULL: WARN and ERROR go to the standard
     * error stream. */
    void (*log)(void *arg, const char *level, const char *text);
    void *arg; /* of all of these; borrowed */

    int concurrency; /* consumers; 1 */
    enum moldau_ack_mode ack_mode;
    int64_t ack_count, ack_time_ms; /* 1, 5000 */
    bool async_acks;                /* acknowledgements come in any order; see moldau_call_keep_ack */
    bool async_commits;             /* the listener does not wait for commits to be answered */
    bool commit_recovered;          /* MANUAL_IMMEDIATE: commit what was given up */
    int max_poll_records;           /* 500 */
    int64_t poll_timeout_ms;        /* 5000 */
    int64_t idle_event_ms;          /* 0: no such events */

    int attempts;       /* of a record, the first included; 10 */
    int64_t backoff_ms; /* 0 */
    double backoff_factor;
    int64_t backoff_max_ms; /* 30000 */
    double backoff_jitter;  /* 0 to 1: the part of a pause that is left to chance */
    enum moldau_given_up given_up;
    const char *dead_letter_suffix; /* "-dlt" */
    /* Instead of pausing the partition for retries: how many topics TOPIC-retry-0, -1 .. a failed record goes
     * through, each after the next of the pauses above, while others go on. attempts is then 1 + this. */
    int retry_topics;
    const char *retry_suffix; /* "-retry" */

    /* More than 0: so many threads a consumer work on records at once. ack_mode is not used then: every
     * commit_interval_ms is committed what is done up to the first record that is not, with what is done
     * beyond it in the commit's metadata, so that nothing finished is done again. */
    int workers;
    enum moldau_order order;
    int64_t commit_interval_ms; /* 500 */
    int max_in_flight;          /* records of a partition that are held at a time; 500 */
    /* With workers: each record once, by its key ("key") or a header (its name), remembered in this SQLite
     * file; a record whose id is there counts as done. A record without one is always handled. */
    const char *once_file, *once_by;

    /* Exactly once: each call of the listener, what it sends with moldau_call_template, and the offsets are
     * one transaction. The prefix of the transactional ids; one for each consumer. Not with workers. */
    const char *transactional_id;
};
/* The defaults. */
MOLDAU_API void moldau_container_options_init(struct moldau_container_options *o);

struct moldau_container;
/* Starts it. NULL, and why not in why (always a sentence, cut at why_n), if the options or the client's
 * configuration do not allow it. That brokers cannot be reached is no error here: it goes on trying. */
MOLDAU_API struct moldau_container *moldau_container_start(const struct moldau_container_options *o,
                                                           char *why, size_t why_n);
/* Asks it to stop: the listener's call that runs, and the records of its poll, come to their end, all is
 * committed, the group is left. */
MOLDAU_API void moldau_container_stop(struct moldau_container *c);
/* Waits until all consumers have ended, at most timeout_ms (-1: for ever). True: they have. */
MOLDAU_API bool moldau_container_join(struct moldau_container *c, int64_t timeout_ms);
/* Why a consumer ended by itself; NULL: none did. Lives as long as the container. */
MOLDAU_API const char *moldau_container_failure(struct moldau_container *c);
/* Stops, waits, frees. */
MOLDAU_API void moldau_container_free(struct moldau_container *c);
/* Takes effect at the next poll: the group is kept. */
MOLDAU_API void moldau_container_pause(struct moldau_container *c);
MOLDAU_API void moldau_container_resume(struct moldau_container *c);
MOLDAU_API bool moldau_container_is_paused(const struct moldau_container *c);
/* One partition, by the consumer that has it. These three are not for containers with workers. */
MOLDAU_API void moldau_container_pause_partition(struct moldau_container *c, const char *topic,
                                                 int32_t partition);
MOLDAU_API void moldau_container_resume_partition(struct moldau_container *c, const char *topic,
                                                  int32_t partition);
/* At the next poll, by the consumer that has the partition then: go on there. */
MOLDAU_API void moldau_container_seek(struct moldau_container *c, const char *topic, int32_t partition,
                                      enum moldau_start_at start, int64_t value);

/* ---- sending ---- */
struct moldau_template_options {
    size_t size; /* set by moldau_template_options_init */
    const char *bootstrap_servers;
    const struct moldau_property *properties; /* of the producer, by Java's names */
    size_t properties_n;
    const char *client_id;
    const char *default_topic;
    const char *transactional_id; /* NULL: no transactions */
    /* The partition of a record that names none; NULL: Java's default partitioner. Must answer 0 ..
     * partitions - 1. */
    int32_t (*partitioner)(void *arg, const struct moldau_record *r, int32_t partitions);
    void *arg;
};
MOLDAU_API void moldau_template_options_init(struct moldau_template_options *o);
MOLDAU_API struct moldau_template *moldau_template_new(const struct moldau_template_options *o, char *why,
                                                       size_t why_n);
/* Waits for what is under way, at most 30 s. */
MOLDAU_API void moldau_template_free(struct moldau_template *t);

#define MOLDAU_PARTITION_ANY (-1)
/* What became of a record that was sent: error is NULL, or a sentence. On the template's thread. */
typedef void moldau_sent_cb(void *arg, const struct moldau_record *r, const char *error);
/* Sends a whole record: topic (NULL: the default one), partition or MOLDAU_PARTITION_ANY, key, value,
 * headers, timestamp_ms (0: now); offset and attempt are not looked at. Everything is copied. on_sent may be
 * NULL. Waits while the producer's buffer is full. 0, or -1 and why: then on_sent is not called. */
MOLDAU_API int moldau_template_send(struct moldau_template *t, const struct moldau_record *r,
                                    moldau_sent_cb *on_sent, void *arg, char *why, size_t why_n);
/* Waits for the acknowledgement; *partition and *offset may be NULL. */
MOLDAU_API int moldau_template_send_sync(struct moldau_template *t, const struct moldau_record *r,
                                         int32_t *partition, int64_t *offset, char *why, size_t why_n);
/* Text to the default topic, without and with a key (NULL: none). */
MOLDAU_API int moldau_template_send_text(struct moldau_template *t, const char *key, const char *value,
                                         char *why, size_t why_n);
MOLDAU_API int moldau_template_flush(struct moldau_template *t, int64_t timeout_ms, char *why, size_t why_n);
/* Runs f in a transaction: committed if it returns 0, aborted otherwise. 0, or -1 and why. */
MOLDAU_API int moldau_template_in_transaction(struct moldau_template *t,
                                              int (*f)(struct moldau_template *t, void *arg), void *arg,
                                              char *why, size_t why_n);
/* Java's partition of a key. */
MOLDAU_API int32_t moldau_partition_of_key(const void *key, size_t key_n, int32_t partitions);

#ifdef __cplusplus
}
#endif
#endif
