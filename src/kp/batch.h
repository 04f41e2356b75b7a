/* Record batches: walking their records, building them, changing their head. batch_head.h has the head
 * itself.
 *
 * After the head come `count` records, one stream, compressed or not:
 *   varint   length of what follows in this record
 *   int8     attributes, unused
 *   varlong  timestamp, less the base timestamp
 *   varint   offset, less the base offset
 *   varint   key length (-1: null), key
 *   varint   value length (-1: null), value
 *   varint   header count; each: varint length, name, varint length (-1: null), value
 */
#ifndef MOLDAU_BATCH_H
#define MOLDAU_BATCH_H

#include "kp/batch_head.h"
#include "kp/compress.h"
#include "kp/kp.h"

static inline int batch_codec(const struct batch_head *h)
{
    return h->attributes & BATCH_CODEC_MASK;
}

/* ---- Changing a batch in place; p points at a whole batch of `bytes` ---- */

/* Outside the checksum. */
static inline void batch_set_base_offset(uint8_t *p, int64_t offset)
{
    store_be64(p, (uint64_t)offset);
}
static inline void batch_set_leader_epoch(uint8_t *p, int32_t epoch)
{
    store_be32(p + BATCH_AT_EPOCH, (uint32_t)epoch);
}
/* Inside: these compute it anew. */
void batch_set_crc(uint8_t *p, size_t bytes);
void batch_set_max_time(uint8_t *p, size_t bytes, int64_t time_ms);
/* Log append time: every record counts as written at time_ms. */
void batch_set_append_time(uint8_t *p, size_t bytes, int64_t time_ms);

/* ---- Reading records ---- */

struct record {
    int64_t offset;          /* absolute */
    int64_t time_ms;         /* create time, or the batch's append time where that counts */
    struct slice key, value; /* p NULL: null */
    int32_t headers_n;
    struct slice headers; /* their bytes, for record_header_next */
};
struct record_iter {
    struct kp_reader r;
    int32_t left;
    int err; /* 0, ERR_EOF or ERR_FORMAT once record_next said false */
    int64_t base_offset, last_delta, base_time_ms, append_time_ms;
    bool append_time;
};
/* body: the records, uncompressed (batch_body). Slices of the records point into it. */
void record_iter_init(struct record_iter *it, const struct batch_head *h, struct slice body);
/* False at the end and on error: lengths must nest and use up the body, offsets must lie within the batch. */
bool record_next(struct record_iter *it, struct record *out);
/* Walks rec->headers; start with rest = rec->headers. False at the end. The bytes were checked by
 * record_next. */
bool record_header_next(struct slice *rest, struct slice *name, struct slice *value);

/* The records of a batch, uncompressed: bytes of the batch itself or, where it is compressed, of scratch, to
 * which they are appended. Errors as kp_decompress. */
int batch_body(const uint8_t *batch, const struct batch_head *h, size_t max_out, struct kp_writer *scratch,
               struct slice *out) MUST_USE;

/* The outline of records in a compressed batch, without ever holding them whole: for checking what producers
 * send. */
struct record_outline {
    int64_t offset_delta, time_delta_ms;
    int64_t key_bytes, value_bytes; /* -1: null */
    int32_t headers_n;
};
struct record_scan {
    struct kp_unpack *u; /* borrowed */
    int32_t left;
    int err;
    bool stream_bad; /* err is that of the compressed stream, not of the records in it */
    size_t at, have;
    uint8_t buf[8192];
};
int record_scan_init(struct record_scan *s, struct kp_unpack *u, const uint8_t *batch,
                     const struct batch_head *h, size_t max_out) MUST_USE;
/* As record_next. */
bool record_scan_next(struct record_scan *s, struct record_outline *out);

/* ---- Building ---- */

struct record_header {
    struct slice name, value;
};
/* Set the fields you need between batch_builder_init (or _reset) and batch_finish. */
struct batch_builder {
    int codec;
    int32_t level;
    uint16_t attributes; /* BATCH_TRANSACTIONAL, BATCH_CONTROL, …; the codec is added */
    int64_t base_offset;
    int32_t leader_epoch;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t last_delta; /* of the last record, or more where compaction took records off the end */
    /* With BATCH_DELETE_HORIZON the base timestamp is the time from which compaction may drop tombstones
     * (KIP-534): then set it before the first record. Otherwise that record's time becomes it. */
    int64_t base_time_ms;
    /* kept by batch_add */
    int32_t count;
    int64_t max_time_ms;
    struct kp_writer records;
};
void batch_builder_init(struct batch_builder *b);
void batch_builder_fini(struct batch_builder *b);
/* No records and the settings of batch_builder_init; keeps the room. */
void batch_builder_reset(struct batch_builder *b);
/* A record at the offset after the last one. p NULL is null. */
void batch_add(struct batch_builder *b, int64_t time_ms, struct slice key, struct slice value,
               const struct record_header *headers, int32_t headers_n);
/* The same at base_offset + delta, which must be above all before. */
void batch_add_at(struct batch_builder *b, int32_t delta, int64_t time_ms, struct slice key,
                  struct slice value, const struct record_header *headers, int32_t headers_n);
/* Types of control records that end a transaction; ctl.h has those of the metadata log. */
enum { CONTROL_ABORT = 0, CONTROL_COMMIT = 1 };
/* What a whole control batch says: its record's type, -1 if compaction left none, and of a transaction's
 * marker the coordinator's epoch, else -1. ERR_FORMAT if it is no control record. */
int batch_control(const uint8_t *batch, const struct batch_head *h, int *type,
                  int32_t *coordinator_epoch) MUST_USE;
/* A control record of this type (0 abort, 1 commit, 2 leader change, …); BATCH_CONTROL is set. */
void batch_add_control(struct batch_builder *b, int64_t time_ms, int16_t type, struct slice value);
/* Bytes the batch would have without compression. */
static inline size_t batch_builder_bytes(const struct batch_builder *b)
{
    return BATCH_HEAD_BYTES + b->records.n;
}
/* Appends the finished batch to out. Errors as kp_compress; out is then as it was. The builder
 * stays as it is. Without records (as compaction leaves a batch) last_delta must be set. */
int batch_finish(const struct batch_builder *b, struct kp_writer *out) MUST_USE;

#endif
