/* .txnindex of a segment: an entry for each aborted transaction whose marker lies in the segment, in the
 * order of the markers. A segment without one has no such file.
 *
 *   version 0 (2), producer id (8), first offset (8), last offset: the marker's (8),
 *   last stable offset after it (8) */
#ifndef MOLDAU_TXN_INDEX_H
#define MOLDAU_TXN_INDEX_H

#include "log/log.h"

#define TXN_INDEX_ENTRY_BYTES 34

/* By first offset after aborted_txns_sort. */
struct aborted_txns {
    struct aborted_txn *v;
    size_t n, cap;
};
void aborted_txns_push(struct aborted_txns *a, const struct aborted_txn *t);
/* Adds the entries of a file's bytes; ERR_FORMAT at one that cannot be. */
int aborted_txns_add(struct aborted_txns *a, struct slice file) MUST_USE;
void aborted_txns_sort(struct aborted_txns *a);
void aborted_txns_fini(struct aborted_txns *a);
int aborted_txn_read(const uint8_t in[TXN_INDEX_ENTRY_BYTES], struct aborted_txn *t) MUST_USE;
void aborted_txn_write(const struct aborted_txn *t, uint8_t out[TXN_INDEX_ENTRY_BYTES]);

/* An entry for the marker that was appended last; the file gets it once the marker is written. */
void log_note_abort(struct log *l, const struct aborted_txn *t);
/* Adds those of which a reader must know who gets the records of from..to - 1 and wants committed ones only.
 */
int log_aborted(struct log *l, int64_t from, int64_t to, struct aborted_txns *out) MUST_USE;

/* ---- for the log itself ---- */
/* Writes the noted entries of the active segment. */
int txn_index_flush(struct log_seg *s) MUST_USE;
int txn_index_put(struct log_seg *s, const struct aborted_txn *t) MUST_USE;
/* Checks and counts the entries of a file that is there, and cuts off those of markers at or above `end`.
 * With less than `known` entries it is damaged. */
int txn_index_load(struct log_seg *s, int64_t known, int64_t end, bool *damaged) MUST_USE;
/* Removes the file: the segment will be read anew. */
int txn_index_reset(struct log_seg *s) MUST_USE;

#endif
