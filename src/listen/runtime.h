/* A listener on a group's partitions: the core (listen.h) with librdkafka around it. Single-threaded: the
 * caller waits on runtime_fd for at most runtime_wait_ms and then calls runtime_step; handlers run wherever
 * the caller likes and tell their end by task_done. */
#ifndef MOLDAU_RUNTIME_H
#define MOLDAU_RUNTIME_H

#include "listen/listen.h"

#include <librdkafka/rdkafka.h>

/* Of a dead letter without its value: that was larger than the topic takes. Its bytes, as a Java long. */
#define RUNTIME_TOO_LARGE_HEADER "moldau_dlt-value-too-large"

/* Brokers that cannot be reached are told once in this time. */
#define RUNTIME_AWAY_MS 60000
/* An error of librdkafka's callback that says so. */
bool runtime_away(int err);

struct runtime;
/* One attempt to handle a record; the runtime's until task_done. */
struct task {
    const rd_kafka_message_t *message;
    int attempt;   /* 1 for the first */
    void *handler; /* the caller's */
    struct runtime *runtime;
    struct listen_record *record;
    struct strbuf why; /* of the last failure */
    int status;        /* likewise; the caller's */
    int64_t pause_ms;  /* the caller's, before task_done: with RETRY, not before so much time has passed */
    bool is_repeat;    /* the caller's */
    bool too_large;    /* for the dead letters' topic: its value stays where it is */
};

enum runtime_event {
    RUNTIME_ASSIGNED,
    RUNTIME_REVOKED_BEFORE_COMMIT, /* nothing of them runs any more */
    RUNTIME_REVOKED_AFTER_COMMIT,
    RUNTIME_LOST,
    RUNTIME_COMMITTED,
    RUNTIME_COMMIT_FAILED, /* why */
};
struct runtime_options {
    rd_kafka_conf_t *consumer, *producer; /* taken; producer NULL: no dead letters */
    const char *const *topics;            /* names, or regular expressions that begin with ^ */
    int topics_n;
    const char *group;
    const char *dead_suffix; /* of the name of a dead letter's topic */
    const char *dead_topic;  /* NULL; or one topic for all */
    struct listen_config listen;
    int64_t commit_ms;      /* between commits */
    int64_t commit_records; /* a commit comes earlier after so many are done; 0: their number says nothing */
    /* Handle it; task_done may be called in here. */
    void (*begin)(void *arg, struct task *t);
    /* May be NULL. Its handler has ended, by task_done; the result may be changed. */
    void (*ended)(void *arg, struct task *t, enum listen_result *result);
    /* It is given up: sent away, or skipped where there are no dead letters. */
    void (*given_up)(void *arg, const struct task *t);
    /* Waits for handlers that run, at most so long; their ends are told in here. For a rebalance, which waits
     * for what runs. */
    void (*wait)(void *arg, int64_t ms);
    void (*say)(void *arg, const char *level, const char *text);
    /* May be NULL. In a rebalance, on the runtime's thread. offsets: of commits; else only partitions. */
    void (*event)(void *arg, enum runtime_event event, const rd_kafka_topic_partition_list_t *parts,
                  const char *why);
    void *arg;
};

/* Why it cannot go on where auto.offset.reset is none. */
#define RUNTIME_NO_OFFSET                                                                                    \
    "a partition has no committed offset and auto.offset.reset is none: commit one "                         \
    "(consumer-groups --reset-offsets) or choose earliest or latest"

/* Everything in o but the configurations is borrowed for the life of the runtime. ERR_INVALID_CONFIG with a
 * sentence in why. */
int runtime_new(const struct runtime_options *o, struct runtime **out, struct strbuf *why) MUST_USE;
void runtime_free(struct runtime *r);
/* Readable when there may be something to do. */
int runtime_fd(const struct runtime *r);
/* Until something is due; -1: nothing is. */
int64_t runtime_wait_ms(const struct runtime *r);
void runtime_step(struct runtime *r);
/* How a task ended. why: for the log and the dead letter, may be NULL. The task is the runtime's again. */
void task_done(struct task *t, enum listen_result result, const char *why);
/* Nothing is fetched while it is paused; what is here is worked on. */
void runtime_set_paused(struct runtime *r, bool paused);
/* The consumer: to be asked, not to be polled. */
rd_kafka_t *runtime_consumer(const struct runtime *r);
/* Begins nothing any more. */
void runtime_stop(struct runtime *r);
/* It was stopped and nothing runs: everything that is done is committed and the group is left. */
bool runtime_stopped(struct runtime *r);
/* It cannot go on: authentication, no offset and no reset policy, a fenced instance. A sentence, or NULL. */
const char *runtime_fatal(const struct runtime *r);
int64_t runtime_done_n(const struct runtime *r);
/* A dead letter's headers: the record's own, and Spring's. The caller's, or librdkafka's once it is sent. */
rd_kafka_headers_t *runtime_dead_headers(const rd_kafka_message_t *m, const char *group, const char *why);

#endif
