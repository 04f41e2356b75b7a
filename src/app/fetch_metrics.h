/* Java's consumer-fetch-manager-metrics for a consumer on librdkafka. docs/APPS.md has the formulas.
 *
 * The consumer's thread tells of records, lags and statistics, librdkafka's threads of answers; any thread
 * may print. */
#ifndef MOLDAU_FETCH_METRICS_H
#define MOLDAU_FETCH_METRICS_H

#include "app/window.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <librdkafka/rdkafka.h>

#define FETCH_METRICS_STATISTICS_MS "250" /* statistics.interval.ms that it needs */

struct fetch_metrics;

/* name: of the consumer's thread, NULL: the only one; client_id: its label. */
struct fetch_metrics *fetch_metrics_new(const char *name, const char *client_id);
void fetch_metrics_free(struct fetch_metrics *m);
/* Has the client tell m of answers; m must outlive the client. Statistics are the caller's to pass on. */
void fetch_metrics_watch(struct fetch_metrics *m, rd_kafka_conf_t *conf);
/* A record was taken. */
void fetch_metrics_record(struct fetch_metrics *m, const rd_kafka_message_t *r);
/* After a poll that took records of a partition: how far it is from both ends. */
void fetch_metrics_lag(struct fetch_metrics *m, const char *topic, int32_t partition, int64_t lag,
                       int64_t lead);
void fetch_metrics_revoked(struct fetch_metrics *m, const char *topic, int32_t partition);
/* librdkafka's statistics. ERR_FORMAT: not what was expected; nothing is noted. */
int fetch_metrics_statistics(struct fetch_metrics *m, const char *json, size_t n) MUST_USE;
/* "NAME is VALUE", " for TOPIC" or " for TOPIC-PARTITION" behind it where it is of one; a line each. */
void fetch_metrics_print(struct fetch_metrics *m, struct strbuf *out);
/* The same of several consumers as Prometheus reads it. */
void fetch_metrics_prometheus(struct fetch_metrics *const *m, int n, struct strbuf *out);

#endif
