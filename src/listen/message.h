/* librdkafka's messages as records of the public header. */
#ifndef MOLDAU_MESSAGE_H
#define MOLDAU_MESSAGE_H

#include "moldau/listen.h"

#include <librdkafka/rdkafka.h>

/* Room for the headers of a record, used again for the next. All zero is an empty one. */
struct message_headers {
    struct moldau_header *v;
    size_t n, cap;
};
void message_headers_fini(struct message_headers *h);
/* Everything points into the message, but the topic, which is its name. Headers are appended to h, whose
 * array may move: with several records, message_point sets their pointers once all are there. */
void message_record(const rd_kafka_message_t *m, const char *topic, struct message_headers *h,
                    struct moldau_record *r);
void message_point(struct message_headers *h, struct moldau_record *r, size_t n);
/* librdkafka's list; the caller's. NULL if there are none. */
rd_kafka_headers_t *message_headers_of(const struct moldau_record *r);

#endif
