/* A container's options as its consumers' configuration. */
#ifndef MOLDAU_LISTEN_OPTIONS_H
#define MOLDAU_LISTEN_OPTIONS_H

#include "base/strbuf.h"
#include "moldau/listen.h"

#include <librdkafka/rdkafka.h>

/* NULL, and a sentence in why. retry_level: -1 for the main topics. *reset_latest (may be NULL): what has no
 * committed offset begins at its end. */
rd_kafka_conf_t *options_consumer_conf(const struct moldau_container_options *o, int index, int retry_level,
                                       bool *reset_latest, struct strbuf *why);

/* Of the producer for dead letters. */
rd_kafka_conf_t *options_producer_conf(const struct moldau_container_options *o, struct strbuf *why);

#endif
