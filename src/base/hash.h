/* Hashes that clients and Kafka agree on, and one for our own tables. */
#ifndef MOLDAU_HASH_H
#define MOLDAU_HASH_H

#include "base/base.h"

/* CRC-32C (Castagnoli), as in record batches and snapshots. crc is 0 to start, or the value so far. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* Kafka's murmur2 of a record key; the partition is (murmur2 & 0x7fffffff) % partitions. */
uint32_t murmur2(const void *p, size_t n);
/* Java's String.hashCode of UTF-8 text (computed over its UTF-16 units). */
int32_t java_string_hash(struct slice utf8);
/* For tables of our own; keyed, so that clients cannot choose collisions. */
uint64_t hash_bytes(uint64_t seed, const void *p, size_t n);
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

#endif
