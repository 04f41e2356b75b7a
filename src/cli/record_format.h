/* Records as text, the way Kafka's DefaultMessageFormatter prints them. */
#ifndef MOLDAU_RECORD_FORMAT_H
#define MOLDAU_RECORD_FORMAT_H

#include "cli/cli.h"

#include <librdkafka/rdkafka.h>

enum record_type {
    TYPE_TEXT,
    TYPE_SHORT,
    TYPE_INTEGER,
    TYPE_LONG,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_UUID,
    TYPE_BOOLEAN,
    TYPE_VOID
};
struct record_format {
    bool timestamp, key, offset, delivery, epoch, partition, headers, value;
    const char *separator, *line_separator, *headers_separator, *null_text;
    enum record_type key_type, value_type, headers_type;
};
/* Texts are borrowed from p. ERR_INVALID_CONFIG with a sentence in why for a deserializer that is not known.
 */
int record_format_init(struct record_format *f, const struct properties *p, struct strbuf *why) MUST_USE;
/* Adds a line. ERR_FORMAT with a sentence in why if the bytes do not fit the deserializer. */
int record_format_add(const struct record_format *f, const rd_kafka_message_t *m, struct strbuf *out,
                      struct strbuf *why) MUST_USE;

#endif
