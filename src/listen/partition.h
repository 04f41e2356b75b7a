/* The partition of a record as Java's default partitioner chooses it (since Kafka 3.3, KIP-794): by the hash
 * of its key, or, without one, the same for a whole batch's worth of bytes and then another at random. Pure:
 * randomness comes with the call. */
#ifndef MOLDAU_LISTEN_PARTITION_H
#define MOLDAU_LISTEN_PARTITION_H

#include "base/base.h"

#define PARTITION_STICKY_BYTES 16384 /* Java's batch.size */

/* partitions_n > 0. An empty key is one, too. */
int32_t partition_of_key(struct slice key, int32_t partitions_n);

/* Where a topic's records without a key go just now. */
struct partition_sticky {
    int64_t bytes_max, bytes; /* of records that went to it */
    int32_t partition;        /* -1: the next record chooses one */
};
void partition_sticky_init(struct partition_sticky *s, int64_t bytes_max);
/* For a record of so many bytes. available: the partitions that have a leader, of which one is chosen if
 * there are any; available_n 0: of all partitions_n > 0. */
int32_t partition_sticky_next(struct partition_sticky *s, size_t bytes, int32_t partitions_n,
                              const int32_t *available, int32_t available_n, uint64_t random);

/* The bytes of a record without headers in a batch, where its deltas take one byte each. p == NULL: none. */
size_t partition_record_bytes(struct slice key, struct slice value);

#endif
