/* What a container tells its owner. */
#ifndef MOLDAU_TELL_H
#define MOLDAU_TELL_H

#include "base/base.h"
#include "moldau/listen.h"

#include <librdkafka/rdkafka.h>
#include <stdarg.h>

/* A line for the log; to the standard error stream where the owner takes none. */
void tell_log(const struct moldau_container_options *o, const char *level, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);
/* info with the partitions of a list (may be NULL) in it, to on_event. */
void tell_event(const struct moldau_container_options *o, struct moldau_event_info *info,
                const rd_kafka_topic_partition_list_t *parts);

#endif
