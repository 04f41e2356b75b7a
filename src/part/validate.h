/* What a producer's batch must be before it may enter the log (as Kafka's LogValidator). */
#ifndef MOLDAU_VALIDATE_H
#define MOLDAU_VALIDATE_H

#include "part/part.h"

/* Checks a->records, fills *h. On error a->why and a->bad_records may say more. */
int validate_batch(const struct part *p, struct part_append *a, struct batch_head *h,
                   int64_t now_ms) MUST_USE;
/* compression.type of the topic is another codec than the batch has: a->records becomes a->owned, compressed
 * anew, and *h follows. */
int recompress_batch(const struct conf_topic *cfg, struct part_append *a, struct batch_head *h) MUST_USE;

#endif
