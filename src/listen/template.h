/* The template's side for containers: dead letters, retry topics, and transactions that a consumer's offsets
 * are part of. */
#ifndef MOLDAU_TEMPLATE_H
#define MOLDAU_TEMPLATE_H

#include "base/strbuf.h"
#include "moldau/listen.h"

#include <librdkafka/rdkafka.h>

/* As moldau_template_new. */
struct moldau_template *template_new(const struct moldau_template_options *o, struct strbuf *why);
/* Waits until it is on the brokers (in a transaction: in the producer's hands). *err, partition and offset
 * may be NULL; *err is left alone if librdkafka did not say why it failed. */
int template_send_sync(struct moldau_template *t, const struct moldau_record *r, int32_t *partition,
                       int64_t *offset, rd_kafka_resp_err_t *err, struct strbuf *why) MUST_USE;
/* Takes the transactional id over from whoever had it; waits for max.block.ms at most. */
int template_ready(struct moldau_template *t, struct strbuf *why) MUST_USE;
int template_begin(struct moldau_template *t, struct strbuf *why) MUST_USE;
/* offsets: of consumer's partitions; NULL: none. After an error the transaction is aborted. */
int template_commit(struct moldau_template *t, const rd_kafka_topic_partition_list_t *offsets,
                    rd_kafka_t *consumer, struct strbuf *why) MUST_USE;
void template_abort(struct moldau_template *t);
bool template_in_transaction(const struct moldau_template *t);
/* Why it can do nothing any more (a newer producer has its transactional id); NULL: it can. */
const char *template_fatal(struct moldau_template *t);
/* How many partitions a topic has, asked now. 0 and *n > 0, or why not. */
rd_kafka_resp_err_t template_ask_partitions(struct moldau_template *t, const char *name, int timeout_ms,
                                            int32_t *n);
/* librdkafka's producer. */
rd_kafka_t *template_client(struct moldau_template *t);

#endif
