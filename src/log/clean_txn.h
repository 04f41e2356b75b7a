/* Which data a cleaning may drop because its transaction was aborted, and which markers because nothing is
 * left of their transaction. Fed with the batches in log order.
 */
#ifndef MOLDAU_CLEAN_TXN_H
#define MOLDAU_CLEAN_TXN_H

#include "base/map.h"
#include "log/txn_index.h"

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
