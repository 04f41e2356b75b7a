/* What a listener costs at least: librdkafka alone, polled for up to 500 records, which are handed to a
 * function that does nothing, and committed as often, and as synchronously, as an acknowledgement mode says.
 *
 *   bare BOOTSTRAP topic=t group=g records=N warm=N ack=0..6 ack-count=100 ack-time-ms=1000 */
#include "measure.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#define POLL_MAX 500

enum { RECORD, BATCH, TIME, COUNT, COUNT_TIME, MANUAL, MANUAL_IMMEDIATE };

static volatile long sum;

static void __attribute__((noinline)) handle(const rd_kafka_message_t *m)
{
    sum += m->offset;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[500];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void commit(rd_kafka_t *rk, const char *topic, int64_t offset)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, topic, 0)->offset = offset;
    if (rd_kafka_commit(rk, l, 0)) exit(1);
    rd_kafka_topic_partition_list_destroy(l);
}

static int poll_some(rd_kafka_t *rk, rd_kafka_message_t **v)
{
    int n = 0;
    while (n < POLL_MAX && (v[n] = rd_kafka_consumer_poll(rk, n ? 0 : 5000)) != NULL) {
        if (!v[n]->err) n++;
        else rd_kafka_message_destroy(v[n]);
    }
    return n;
}

int main(int argc, char **argv)
{
    struct measure m = {number(argc, argv, "records", 0), number(argc, argv, "warm", 0), 0, 0};
    long ack = number(argc, argv, "ack", BATCH), every = number(argc, argv, "ack-count", 100), count = 0;
    double pause = (double)number(argc, argv, "ack-time-ms", 1000) / 1000, last = 0;
    const char *topic = argument(argc, argv, "topic", "t");
    rd_kafka_message_t *v[POLL_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (argc < 2) return 2;
    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "group.id", argument(argc, argv, "group", "g"));
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.auto.offset.store", "false");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_subscribe(rk, l);
    rd_kafka_topic_partition_list_destroy(l);
    for (long done = 0; done < m.records;) {
        int n = poll_some(rk, v);
        for (int i = 0; i < n; i++) {
            int64_t next = v[i]->offset + 1;
            handle(v[i]);
            rd_kafka_message_destroy(v[i]);
            count++;
            bool each = ack == RECORD || ack == MANUAL_IMMEDIATE;
            bool many = (ack == COUNT || ack == COUNT_TIME) && count >= every;
            bool whole = (ack == BATCH || ack == MANUAL) && i == n - 1;
            if ((ack == TIME || ack == COUNT_TIME) && i == n - 1)
                many = many || seconds_of(CLOCK_MONOTONIC) - last > pause;
            if (each || many || whole) commit(rk, topic, next);
            if (many) {
                count = 0;
                last = seconds_of(CLOCK_MONOTONIC);
            }
            measure_done(&m, ++done);
        }
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}
