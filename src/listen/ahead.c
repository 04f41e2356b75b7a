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
    /* Librdkafka does not tell. None were polled: they may have been of an assignment, or a pause, before. */
    int64_t bytes = polled_n ? queued * (polled_bytes / polled_n) : 0;
    if (queued + polled_n >= a->messages_max || bytes + polled_bytes >= a->bytes_max) a->full = true;
    if (!a->full || queued > a->messages_max / 2 || bytes > a->bytes_max / 2 || now_ms < a->not_before_ms)
        return false;
    a->full = false;
    return true;
}

void ahead_wake(struct ahead *a, rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions, int64_t queued,
                int64_t now_ms)
{
    int64_t low, high;
    rd_kafka_position(rk, partitions);
    for (int i = partitions->cnt - 1; i >= 0; i--) {
        rd_kafka_topic_partition_t *p = &partitions->elems[i];
        bool more = rd_kafka_get_watermark_offsets(rk, p->topic, p->partition, &low, &high) == 0 &&
                    p->offset >= 0 && high > p->offset + queued;
        p->offset = RD_KAFKA_OFFSET_END;
        if (!more) rd_kafka_topic_partition_list_del_by_idx(partitions, i);
    }
    if (partitions->cnt && rd_kafka_offsets_for_times(rk, partitions, ANSWER_MS))
        a->not_before_ms = now_ms + ASK_AGAIN_MS;
}
