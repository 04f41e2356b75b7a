/* The fixed head of a record batch, magic 2, as it stands on the wire and on disk (KIP-98).
 *
 *   at  bytes  field                          at  bytes  field
 *    0      8  base offset                    27      8  base timestamp
 *    8      4  length of what follows         35      8  max timestamp
 *   12      4  partition leader epoch         43      8  producer id
 *   16      1  magic (2)                      51      2  producer epoch
 *   17      4  CRC-32C of 21..end             53      4  base sequence
 *   21      2  attributes                     57      4  record count
 *   23      4  last offset delta              61         records
 *
 * Base offset and leader epoch lie outside the CRC, so the broker sets them without touching it. */
#ifndef MOLDAU_BATCH_HEAD_H
#define MOLDAU_BATCH_HEAD_H

#include "base/err.h"
#include "base/hash.h"

#define BATCH_HEAD_BYTES 61
#define BATCH_PREFIX_BYTES 12 /* offset and length: the length counts from here */
enum {
    BATCH_AT_LENGTH = 8,
    BATCH_AT_EPOCH = 12,
    BATCH_AT_MAGIC = 16,
    BATCH_AT_CRC = 17,
    BATCH_AT_ATTRIBUTES = 21,
    BATCH_AT_LAST_DELTA = 23,
    BATCH_AT_BASE_TIME = 27,
    BATCH_AT_MAX_TIME = 35,
    BATCH_AT_PRODUCER_ID = 43,
    BATCH_AT_PRODUCER_EPOCH = 51,
    BATCH_AT_BASE_SEQUENCE = 53,
    BATCH_AT_COUNT = 57,
};
enum {
    BATCH_CODEC_MASK = 7,
    BATCH_LOG_APPEND_TIME = 8,
    BATCH_TRANSACTIONAL = 16,
    BATCH_CONTROL = 32,
    BATCH_DELETE_HORIZON = 64,
};

struct batch_head {
    int64_t base_offset, last_offset;
    int64_t bytes; /* the whole batch, prefix included */
    int32_t leader_epoch;
    uint16_t attributes;
    int64_t base_time_ms, max_time_ms;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t count;
    uint32_t crc;
};

/* ERR_EOF: fewer than a head or than the length says; ERR_FORMAT: not a batch of magic 2. The CRC is not
 * looked at. */
MUST_USE static inline int batch_head_parse(struct slice in, struct batch_head *h)
{
    if (in.n < BATCH_HEAD_BYTES) return ERR_EOF;
    const uint8_t *p = in.p;
    int32_t len = (int32_t)load_be32(p + BATCH_AT_LENGTH);
    if (len < BATCH_HEAD_BYTES - BATCH_PREFIX_BYTES || p[BATCH_AT_MAGIC] != 2) return ERR_FORMAT;
    int32_t last_delta = (int32_t)load_be32(p + BATCH_AT_LAST_DELTA);
    if (last_delta < 0) return ERR_FORMAT;
    *h = (struct batch_head){
        .base_offset = (int64_t)load_be64(p),
        .bytes = (int64_t)len + BATCH_PREFIX_BYTES,
        .leader_epoch = (int32_t)load_be32(p + BATCH_AT_EPOCH),
        .crc = load_be32(p + BATCH_AT_CRC),
        .attributes = load_be16(p + BATCH_AT_ATTRIBUTES),
        .base_time_ms = (int64_t)load_be64(p + BATCH_AT_BASE_TIME),
        .max_time_ms = (int64_t)load_be64(p + BATCH_AT_MAX_TIME),
        .producer_id = (int64_t)load_be64(p + BATCH_AT_PRODUCER_ID),
        .producer_epoch = (int16_t)load_be16(p + BATCH_AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)load_be32(p + BATCH_AT_BASE_SEQUENCE),
        .count = (int32_t)load_be32(p + BATCH_AT_COUNT),
    };
    if (h->base_offset < 0 || h->base_offset > INT64_MAX - last_delta) return ERR_FORMAT;
    h->last_offset = h->base_offset + last_delta;
    return (uint64_t)h->bytes > in.n ? ERR_EOF : 0;
}
static inline bool batch_crc_ok(const uint8_t *batch, int64_t bytes)
{
    return crc32c(0, batch + BATCH_AT_ATTRIBUTES, (size_t)bytes - BATCH_AT_ATTRIBUTES) ==
           load_be32(batch + BATCH_AT_CRC);
}

#endif
