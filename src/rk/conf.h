/* Java client properties for librdkafka: names, values and defaults that the two spell differently. */
#ifndef MOLDAU_RK_CONF_H
#define MOLDAU_RK_CONF_H

#include "rk/properties.h"

#include <librdkafka/rdkafka.h>

/* A configuration from properties in the order given. Java-only names (serializers, metric reporters, key
 * stores in a format of Java's own, ...) are skipped; a name nobody knows is skipped, too, and told to
 * `unknown`. ERR_INVALID_CONFIG with a sentence in why for values that cannot be used. *out is the caller's
 * unless an error is returned. */
int rk_conf_new(const struct properties *p, bool producer, void (*unknown)(void *arg, const char *name),
                void *arg, rd_kafka_conf_t **out, struct strbuf *why) MUST_USE;

#endif
