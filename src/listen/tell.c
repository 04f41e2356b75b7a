#include "listen/tell.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

void tell_log(const struct moldau_container_options *o, const char *level, const char *fmt, va_list ap)
{
    char text[700], line[800];
    vsnprintf(text, sizeof text, fmt, ap);
    if (o->log) {
        o->log(o->arg, level, text);
        return;
    }
    if (strcmp(level, "INFO") == 0) return;
    int n = snprintf(line, sizeof line, "%s %s\n", level, text);
    os_write_stderr(line, (size_t)min_i64(n, (int64_t)sizeof line - 1));
}

void tell_event(const struct moldau_container_options *o, struct moldau_event_info *info,
                const rd_kafka_topic_partition_list_t *parts)
{
    struct moldau_offset *v = NULL;
    if (!o->on_event) return;
    if (parts && parts->cnt) v = xcalloc((size_t)parts->cnt, sizeof *v);
    for (int i = 0; v && i < parts->cnt; i++)
        v[i] = (struct moldau_offset){parts->elems[i].topic, parts->elems[i].partition,
                                      parts->elems[i].offset >= 0 ? parts->elems[i].offset : -1};
    info->offsets = v;
    info->offsets_n = parts ? (size_t)parts->cnt : 0;
    o->on_event(o->arg, info);
    free(v);
}
