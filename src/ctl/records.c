/* Metadata records and the batches that carry them. */
#include "ctl/ctl.h"
#include "kp/batch_head.h"

#include <stdlib.h>

void ctl_records_init(struct ctl_records *rs)
{
    *rs = (struct ctl_records){0};
    kp_writer_init(&rs->w, 256);
}

void ctl_records_fini(struct ctl_records *rs)
{
    kp_writer_fini(&rs->w);
    free(rs->ends);
}

static void end_record(struct ctl_records *rs)
{
    if (rs->n == rs->cap) rs->ends = xrealloc(rs->ends, (size_t)(rs->cap = rs->cap ? rs->cap * 2 : 8) * sizeof *rs->ends);
    rs->ends[rs->n++] = rs->w.n;
}

void ctl_put(struct ctl_records *rs, const struct kp_message *m, int16_t version, const void *record)
{
    kp_write_uvarint(&rs->w, 1);
    kp_write_uvarint(&rs->w, (uint32_t)m->key);
    kp_write_uvarint(&rs->w, (uint32_t)version);
    m->write(&rs->w, version, record);
    end_record(rs);
}

void ctl_records_cut(struct ctl_records *rs, int n)
{
    ASSERT(n <= rs->n);
    rs->n = n;
    rs->w.n = n ? rs->ends[n - 1] : 0;
}

void ctl_seal(const struct ctl_records *rs, int64_t base_offset, int32_t epoch, int64_t now_ms, int control_type,
              struct kp_writer *out)
{
    size_t start = out->n;
    uint8_t *head = kp_put(out, BATCH_HEAD_BYTES);
    memset(head, 0, BATCH_HEAD_BYTES);
    for (int i = 0; i < rs->n; i++) {
        size_t from = i ? rs->ends[i - 1] : 0;
        struct slice value = slice_of(rs->w.p + from, rs->ends[i] - from);
        int32_t key_bytes = control_type < 0 ? 1 : 1 + 4;
        size_t vlen = kp_uvarint_bytes((uint64_t)value.n << 1), dlen = kp_uvarint_bytes((uint64_t)i << 1);
        kp_write_varint(out, (int32_t)(2 + dlen + (size_t)key_bytes + vlen + value.n + 1));
        kp_write_i8(out, 0);
        kp_write_varint(out, 0);
        kp_write_varint(out, i);
        if (control_type < 0) kp_write_varint(out, -1);
        else {
            kp_write_varint(out, 4);
            kp_write_i16(out, 0); /* version of the control key */
            kp_write_i16(out, (int16_t)control_type);
        }
        kp_write_varint(out, (int32_t)value.n);
        kp_write_raw(out, value);
        kp_write_varint(out, 0);
    }
    uint8_t *b = out->p + start;
    size_t bytes = out->n - start;
    store_be64(b, (uint64_t)base_offset);
    store_be32(b + BATCH_AT_LENGTH, (uint32_t)(bytes - BATCH_PREFIX_BYTES));
    store_be32(b + BATCH_AT_EPOCH, (uint32_t)epoch);
    b[BATCH_AT_MAGIC] = 2;
    store_be16(b + BATCH_AT_ATTRIBUTES, control_type < 0 ? 0 : BATCH_CONTROL);
    store_be32(b + BATCH_AT_LAST_DELTA, (uint32_t)(rs->n - 1));
    store_be64(b + BATCH_AT_BASE_TIME, (uint64_t)now_ms);
    store_be64(b + BATCH_AT_MAX_TIME, (uint64_t)now_ms);
    store_be64(b + BATCH_AT_PRODUCER_ID, UINT64_MAX);
    store_be16(b + BATCH_AT_PRODUCER_EPOCH, UINT16_MAX);
    store_be32(b + BATCH_AT_BASE_SEQUENCE, UINT32_MAX);
    store_be32(b + BATCH_AT_COUNT, (uint32_t)rs->n);
    store_be32(b + BATCH_AT_CRC, crc32c(0, b + BATCH_AT_ATTRIBUTES, bytes - BATCH_AT_ATTRIBUTES));
}

int ctl_each(struct slice batch, int (*cb)(void *arg, struct slice value, int64_t offset), void *arg)
{
    struct batch_head h;
    int rc = batch_head_parse(batch, &h);
    if (rc) return rc;
    if (h.attributes & BATCH_CONTROL) return 0;
    if (h.attributes & BATCH_CODEC_MASK) return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    struct kp_reader in = kp_reader_of(slice_of(batch.p + BATCH_HEAD_BYTES, (size_t)h.bytes - BATCH_HEAD_BYTES));
    for (int32_t i = 0; i < h.count && rc == 0; i++) {
        int32_t len = kp_read_varint(&in);
        if (len < 0) return ERR_FORMAT;
        struct kp_reader r = kp_reader_of(kp_read_raw(&in, (size_t)len));
        if (in.err) return in.err;
        kp_read_i8(&r);
        kp_read_varlong(&r);
        int32_t delta = kp_read_varint(&r), key = kp_read_varint(&r);
        if (key > 0) kp_read_raw(&r, (size_t)key);
        int32_t n = kp_read_varint(&r);
        if (n < 0) return ERR_FORMAT;
        struct slice value = kp_read_raw(&r, (size_t)n);
        if (r.err) return r.err;
        rc = cb(arg, value, h.base_offset + delta);
    }
    return rc;
}
