/* What a partition remembers of its producers (KIP-98): the last five batches of each, so that a repeated
 * batch is recognised and answered with its first offset, and which transactions are not decided yet. Rebuilt
 * from the log and from .snapshot files. */
#ifndef MOLDAU_PRODUCERS_H
#define MOLDAU_PRODUCERS_H

#include "base/map.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "kp/batch_head.h"
#include "log/log.h"

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
    struct list open;         /* linked while one is */
    int32_t coordinator_epoch;
    int16_t epoch;                 /* -1: known, but has no epoch yet */
    uint8_t batches_n, batches_at; /* a ring; batches_at is the oldest */
    struct producer_batch batches[PRODUCER_BATCHES];
};
struct producers {
    struct map map;
    struct list open; /* struct producer, by txn_first_offset */
    /* Transactions whose marker was appended and is not committed yet, by marker. */
    struct txn_ended {
        int64_t first_offset, marker_offset;
    } * ended;
    int ended_n, ended_cap;
};

void producers_init(struct producers *p);
void producers_fini(struct producers *p);
struct producer *producers_find(const struct producers *p, int64_t id);
/* Whether a batch of data may be appended. 0: yes; 1: it is a repetition of *dup; ERR_INVALID_PRODUCER_EPOCH,
 * ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ERR_INVALID_TXN_STATE: its producer has a transaction open and the batch
 * is none of it. */
int producers_check(const struct producers *p, const struct batch_head *h,
                    struct producer_batch *dup) MUST_USE;
/* Whether a transaction's marker may be appended: 0, ERR_INVALID_PRODUCER_EPOCH,
 * ERR_TRANSACTION_COORDINATOR_FENCED. From transaction version 2 on its epoch must be a new one (KIP-890,
 * KIP-1228). */
int producers_check_marker(const struct producers *p, const struct batch_head *h, int32_t coordinator_epoch,
                           int transaction_version) MUST_USE;
/* After the append of a whole batch, or when it is read again at a start: h has its offsets. True: it is a
 * marker that aborts the records of *aborted. */
bool producers_note(struct producers *p, const uint8_t *batch, const struct batch_head *h,
                    struct aborted_txn *aborted);
/* Below this offset every transaction is decided, and its marker committed; INT64_MAX: all of them are. */
int64_t producers_first_unstable(const struct producers *p);
/* Markers below the high watermark are committed. */
void producers_committed(struct producers *p, int64_t high_watermark);
/* What was known of a producer before an append, to go back to if the append fails; the last append first.
 * offset: of the batch. */
struct producer_was {
    bool known;
    struct producer state;
};
void producers_remember(const struct producers *p, int64_t id, struct producer_was *was);
void producers_go_back(struct producers *p, int64_t id, int64_t offset, const struct producer_was *was);
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
