#include "listen/ahead.h"

#include <stdlib.h>

#define ANSWER_MS 200
#define ASK_AGAIN_MS 2000

static int64_t setting(const rd_kafka_conf_t *conf, const char *name)
{
    char text[32];
    size_t n = sizeof text;
    return rd_kafka_conf_get(conf, name, text, &n) == RD_KAFKA_CONF_OK ? strtoll(text, NULL, 10) : 0;
}

void ahead_init(struct ahead *a, const rd_kafka_conf_t *conf)
{
    *a = (struct ahead){.messages_max = setting(conf, "queued.min.messages"),
                        .bytes_max = setting(conf, "queued.max.messages.kbytes") * 1024};
}

bool ahead_is_low(struct ahead *a, int64_t queued, int64_t polled_n, int64_t polled_bytes, int64_t now_ms)
{
    if (!polled_n) return false;
    int64_t bytes = queued * (polled_bytes / polled_n); /* about: librdkafka does not tell */
    if (queued + polled_n >= a->messages_max || bytes + polled_bytes >= a->bytes_max) a->full = true;
    if (!a->full || queued > a->messages_max / 2 || bytes > a->bytes_max / 2 || now_ms < a->not_before_ms)
        return false;
    a->full = false;
    return true;
}

void ahead_wake(struct ahead *a, rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions, int64_t now_ms)
{
    for (int i = 0; i < partitions->cnt; i++) partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
    if (partitions->cnt && rd_kafka_offsets_for_times(rk, partitions, ANSWER_MS))
        a->not_before_ms = now_ms + ASK_AGAIN_MS;
}
