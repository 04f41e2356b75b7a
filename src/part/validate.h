/* What a producer's batch must be before it may enter the log (as Kafka's LogValidator). */
#ifndef MOLDAU_VALIDATE_H
#define MOLDAU_VALIDATE_H

#include "part/part.h"

/* Checks a->records, fills *h. On error a->why and a->bad_record may say more. */
int validate_batch(const struct conf_topic *cfg, struct part_append *a, struct batch_head *h, int64_t now_ms) MUST_USE;

#endif
