/* What a partition remembers of its idempotent producers (KIP-98): the last five batches of each, so that a
 * repeated batch is recognised and answered with its first offset. Rebuilt from the log and from .snapshot
 * files. */
#ifndef MOLDAU_PRODUCERS_H
#define MOLDAU_PRODUCERS_H

#include "base/map.h"
#include "kp/batch_head.h"
#include "base/strbuf.h"

#define PRODUCER_BATCHES 5

struct producer_batch {
    int64_t last_offset;
    int64_t time_ms;
    int32_t last_sequence;
    int32_t offset_delta; /* last_offset - this is the batch's base offset */
};
struct producer {
    int64_t id;
    int64_t last_time_ms;
    int64_t txn_first_offset; /* -1: no transaction is open */
    int32_t coordinator_epoch;
    int16_t epoch;                 /* -1: known, but has no epoch yet */
    uint8_t batches_n, batches_at; /* a ring; batches_at is the oldest */
    struct producer_batch batches[PRODUCER_BATCHES];
};
struct producers {
    struct map map;
};

void producers_init(struct producers *p);
void producers_fini(struct producers *p);
struct producer *producers_find(const struct producers *p, int64_t id);
/* Whether a batch may be appended. 0: yes; 1: it is a repetition of *dup; ERR_INVALID_PRODUCER_EPOCH,
 * ERR_OUT_OF_ORDER_SEQUENCE_NUMBER. */
int producers_check(const struct producers *p, const struct batch_head *h,
                    struct producer_batch *dup) MUST_USE;
/* What was known of a producer before an append, to go back to if the append fails. */
struct producer_was {
    bool known;
    struct producer state;
};
void producers_remember(const struct producers *p, int64_t id, struct producer_was *was);
void producers_go_back(struct producers *p, int64_t id, const struct producer_was *was);
/* After the append: h has its offsets. */
void producers_note(struct producers *p, const struct batch_head *h);
/* Forgets producers whose last batch is older than expire_ms and that have no open transaction. */
void producers_expire(struct producers *p, int64_t now_ms, int64_t expire_ms);
/* The .snapshot file's bytes. */
void producers_save(const struct producers *p, struct strbuf *out);
int producers_load(struct producers *p, struct slice file) MUST_USE;
static inline int32_t producer_last_sequence(const struct producer *p)
{
    if (!p->batches_n) return -1;
    return p->batches[(p->batches_at + p->batches_n - 1) % PRODUCER_BATCHES].last_sequence;
}

#endif
