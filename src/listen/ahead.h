/* Goes on fetching in time. librdkafka 2.0 fetches ahead until queued.min.messages or
 * queued.max.messages.kbytes are here, and then looks whether it should go on once a second, or when anything
 * else wakes its broker's thread: who is faster than that waits for it most of the time. */
#ifndef MOLDAU_AHEAD_H
#define MOLDAU_AHEAD_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct ahead {
    int64_t messages_max, bytes_max; /* of librdkafka's configuration */
    bool full;                       /* there was as much, and nobody was woken since */
    int64_t not_before_ms;           /* of the next question */
};
void ahead_init(struct ahead *a, const rd_kafka_conf_t *conf);
/* polled_n messages of so many bytes were polled, queued are left. True: there was as much as librdkafka
 * wants, now there is no more than half of it; wake it. */
bool ahead_is_low(struct ahead *a, int64_t queued, int64_t polled_n, int64_t polled_bytes, int64_t now_ms);
/* Asks the brokers of the partitions where these end, which wakes their threads. Waits for the answers; where
 * there are none it does not ask again soon. Partitions whose end may be queued already are left out: behind
 * a fetch that waits for records to come an answer would wait, too. */
void ahead_wake(struct ahead *a, rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions, int64_t queued,
                int64_t now_ms);

#endif
