/* Which data a cleaning may drop because its transaction was aborted, and which markers because nothing is
 * left of their transaction. Fed with the batches in log order.
 *
 * .txnindex, an entry for each aborted transaction:
 *   version 0 (2), producer id (8), first offset (8), last offset (8), last stable offset at its end (8) */
#ifndef MOLDAU_CLEAN_TXN_H
#define MOLDAU_CLEAN_TXN_H

#include "base/map.h"
#include "kp/batch_head.h"

#define TXN_INDEX_ENTRY_BYTES 34

struct aborted_txn {
    int64_t producer_id, first_offset, last_offset, stable_offset;
};
/* All aborted transactions of a log, by first offset. */
struct aborted_txns {
    struct aborted_txn *v;
    size_t n, cap;
};
/* Adds the entries of a file's bytes; ERR_FORMAT at one that cannot be. */
int aborted_txns_add(struct aborted_txns *a, struct slice file) MUST_USE;
void aborted_txns_sort(struct aborted_txns *a);
void aborted_txns_fini(struct aborted_txns *a);
void aborted_txn_write(const struct aborted_txn *t, uint8_t out[TXN_INDEX_ENTRY_BYTES]);

struct clean_txns {
    const struct aborted_txns *aborted;
    size_t at;                  /* those before it began at or before the current batch */
    struct map open, committed; /* struct clean_txn_open: aborted ones and others whose data was seen */
};
void clean_txns_init(struct clean_txns *t, const struct aborted_txns *aborted);
void clean_txns_fini(struct clean_txns *t);
/* A batch of data; true if its transaction was aborted. */
bool clean_txns_data(struct clean_txns *t, const struct batch_head *h);
/* A control batch; type: of its record, -1 if it has none. True if nothing of the transaction was seen.
 * *keep: the entry that has to stay in the index, or NULL; its producer_id is meaningful until the next call.
 */
bool clean_txns_marker(struct clean_txns *t, const struct batch_head *h, int type,
                       const struct aborted_txn **keep);

#endif
