/* The consumer's page: a thread that asks the cluster, which may take its time, when somebody asks for the
 * page, and what the loop tells it of its records.
 *
 *   web thread: request -> inbox --> look thread: cluster -> view -> HTML -> web_reply
 *   loop: look_began, look_ended -^
 *
 * Questions that wait are all answered by one look. */
#ifndef MOLDAU_APP_LOOK_H
#define MOLDAU_APP_LOOK_H

#include "app/pages.h"
#include "app/view.h"

#include <librdkafka/rdkafka.h>

struct look;
/* admin is a client for questions to the cluster alone: behind a fetch that waits they would wait, too. It,
 * texts and pages must outlive the look. */
struct look *look_new(rd_kafka_t *admin, const char *group, const char *topic, const char *settings,
                      const struct pages *pages);
/* Answers what waits; requests that come later are refused. */
void look_end(struct look *l);
/* After look_end, and once no request can come. */
void look_free(struct look *l);
/* Who works on the records; it must outlive look_end. */
void look_consumer(struct look *l, rd_kafka_t *rk);
/* Answers of routes; arg is the look: the whole page, and the part of it that changes. */
void look_page(void *arg, struct web_request *q);
void look_part(void *arg, struct web_request *q);

/* What the loop tells. */
void look_began(struct look *l, const struct view_work *w);
void look_ended(struct look *l, int32_t partition, int64_t offset);
void look_dead(struct look *l);
/* A sentence for the page; "" for none. */
void look_state(struct look *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
