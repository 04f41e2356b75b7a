/* One batch on its way through a cleaning: kept as it is, kept in part, kept without records, or dropped.
 * Offsets, sequence numbers and the producer's fields never change. The rules are those of KIP-98
 * (transactions, the last sequence of a producer) and KIP-534 (the time from which tombstones and markers may
 * go stands in the batch). */
#ifndef MOLDAU_CLEAN_BATCH_H
#define MOLDAU_CLEAN_BATCH_H

#include "kp/batch.h"
#include "log/clean_map.h"
#include "log/clean_txn.h"

/* A producer the partition still remembers: its last batch has to stay, at least its head. */
struct clean_producer {
    int64_t id;
    int64_t last_offset; /* of its last data, -1 if only markers are known */
    int16_t epoch;
};
struct clean_span {
    const uint8_t *p;
    size_t n;
    int64_t time_ms;
};

struct clean_filter {
    struct clean_map map;
    int64_t latest_offset; /* the map knows every key up to here; what lies above is kept */
    /* The batch that ends just below, where the new segment ends, keeps its head: Kafka wants the end of a
     * cleaning, and at the end of every segment it lets recovery tell a whole log from one whose tail was
     * lost. */
    int64_t end_offset;
    int64_t now_ms, delete_retention_ms;
    const struct clean_producer *producers; /* by id */
    size_t producers_n;
    struct clean_txns txns;
    struct kp_writer txn_index; /* entries that the new segment's index needs */
    /* scratch */
    struct kp_writer body, records;
    struct clean_span *spans;
    size_t spans_cap;
};
/* The fields up to txns are the caller's to set; map and txns to initialise. */
void clean_filter_init(struct clean_filter *f);
void clean_filter_fini(struct clean_filter *f);

/* The records of a sound batch, uncompressed into scratch, which is emptied first. */
int clean_body(const uint8_t *batch, const struct batch_head *h, struct kp_writer *scratch,
               struct slice *out) MUST_USE;
/* Notes the keys of a batch's records from an offset on, for which the map has room. */
int clean_note_keys(struct clean_map *m, const struct batch_head *h, struct slice body,
                    int64_t from) MUST_USE;
/* Appends what remains of a batch to out, nothing if it goes. *same: the very bytes were kept. Batches come
 * in log order, their checksums are good. Errors as batch_body and ERR_FORMAT. */
int clean_batch(struct clean_filter *f, const uint8_t *batch, const struct batch_head *h,
                struct kp_writer *out, bool *same) MUST_USE;

#endif
