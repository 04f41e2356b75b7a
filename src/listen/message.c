#include "listen/message.h"
#include "base/grow.h"

#include <stdlib.h>

void message_headers_fini(struct message_headers *h)
{
    free(h->v);
    *h = (struct message_headers){0};
}

void message_record(const rd_kafka_message_t *m, const char *topic, struct message_headers *h,
                    struct moldau_record *r)
{
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *headers;
    *r = (struct moldau_record){.topic = topic,
                                .partition = m->partition,
                                .offset = m->offset,
                                .key = m->key,
                                .key_n = m->key_len,
                                .value = m->payload,
                                .value_n = m->len,
                                .attempt = 1};
    r->timestamp_ms = rd_kafka_message_timestamp(m, &type);
    r->timestamp_type = type == RD_KAFKA_TIMESTAMP_CREATE_TIME       ? MOLDAU_TIMESTAMP_CREATE
                        : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? MOLDAU_TIMESTAMP_LOG_APPEND
                                                                     : MOLDAU_TIMESTAMP_NONE;
    if (rd_kafka_message_headers(m, &headers)) return;
    struct moldau_header x;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &x.name, &x.value, &x.value_n) == 0; i++) {
        h->v = grown_z(h->v, h->n, &h->cap, sizeof *h->v);
        h->v[h->n++] = x;
        r->headers_n++;
    }
}

void message_point(struct message_headers *h, struct moldau_record *r, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        r[i].headers = r[i].headers_n ? h->v + at : NULL;
        at += r[i].headers_n;
    }
    h->n = 0;
}

rd_kafka_headers_t *message_headers_of(const struct moldau_record *r)
{
    if (!r->headers_n) return NULL;
    rd_kafka_headers_t *h = rd_kafka_headers_new(r->headers_n);
    for (size_t i = 0; i < r->headers_n; i++)
        rd_kafka_header_add(h, r->headers[i].name, -1, r->headers[i].value, (ssize_t)r->headers[i].value_n);
    return h;
}

const struct moldau_header *moldau_header(const struct moldau_record *r, const char *name)
{
    for (size_t i = r->headers_n; i > 0; i--)
        if (strcmp(r->headers[i - 1].name, name) == 0) return &r->headers[i - 1];
    return NULL;
}
