/* See partition.h. Java's names: BuiltInPartitioner.partitionForKey, nextPartition and updatePartitionInfo;
 * DefaultRecord.sizeInBytes. Not taken over: the weights of adaptive partitioning, which favour brokers whose
 * queues are short. */
#include "listen/partition.h"
#include "base/hash.h"

#define POSITIVE 0x7fffffffu

int32_t partition_of_key(struct slice key, int32_t partitions_n)
{
    ASSERT(partitions_n > 0);
    return (int32_t)((murmur2(key.p, key.n) & POSITIVE) % (uint32_t)partitions_n);
}

void partition_sticky_init(struct partition_sticky *s, int64_t bytes_max)
{
    *s = (struct partition_sticky){.bytes_max = bytes_max, .partition = -1};
}

int32_t partition_sticky_next(struct partition_sticky *s, size_t bytes, int32_t partitions_n,
                              const int32_t *available, int32_t available_n, uint64_t random)
{
    ASSERT(partitions_n > 0);
    if (s->partition < 0 || s->partition >= partitions_n) { /* a topic made anew may have fewer */
        uint32_t at = (uint32_t)random & POSITIVE;
        s->partition =
            available_n > 0 ? available[at % (uint32_t)available_n] : (int32_t)(at % (uint32_t)partitions_n);
        s->bytes = 0;
    }
    int32_t chosen = s->partition;
    s->bytes += (int64_t)bytes;
    if (s->bytes >= s->bytes_max) s->partition = -1;
    return chosen;
}

/* Zigzag: a length takes twice its value. */
static size_t varint_bytes(size_t length)
{
    size_t n = 1;
    for (length *= 2; length >= 0x80; length >>= 7) n++;
    return n;
}

static size_t field_bytes(struct slice s)
{
    return s.p ? varint_bytes(s.n) + s.n : 1;
}

size_t partition_record_bytes(struct slice key, struct slice value)
{
    size_t body = 3 + field_bytes(key) + field_bytes(value) + 1; /* attributes, two deltas; no headers */
    return varint_bytes(body) + body;
}
