/* Metadata records and the batches that carry them. */
#include "ctl/ctl.h"
#include "base/grow.h"
#include "kp/batch.h"

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
    rs->ends = grown(rs->ends, rs->n, &rs->cap, sizeof *rs->ends);
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

void ctl_put_raw(struct ctl_records *rs, struct slice record)
{
    kp_write_raw(&rs->w, record);
    end_record(rs);
}

void ctl_records_cut(struct ctl_records *rs, int n)
{
    ASSERT(n <= rs->n);
    rs->n = n;
    rs->w.n = n ? rs->ends[n - 1] : 0;
}

void ctl_seal(const struct ctl_records *rs, int64_t base_offset, int32_t epoch, int64_t now_ms,
              int control_type, struct kp_writer *out)
{
    struct batch_builder b;
    batch_builder_init(&b);
    b.base_offset = base_offset;
    b.leader_epoch = epoch;
    for (int i = 0; i < rs->n; i++) {
        struct slice value = ctl_record(rs, i);
        if (control_type < 0) batch_add(&b, now_ms, (struct slice){0}, value, NULL, 0);
        else batch_add_control(&b, now_ms, (int16_t)control_type, value);
    }
    int rc = batch_finish(&b, out);
    ASSERT(rc == 0); /* nothing is compressed */
    batch_builder_fini(&b);
}

#define BODY_MAX ((size_t)64 << 20)

int ctl_each(struct slice batch, ctl_record_cb *cb, void *arg)
{
    struct batch_head h;
    struct record_iter it;
    struct record rec;
    struct kp_writer scratch;
    struct slice body;
    int rc = batch_head_parse(batch, &h);
    if (rc) return rc;
    kp_writer_init(&scratch, 0);
    rc = batch_body(batch.p, &h, BODY_MAX, &scratch, &body);
    if (rc == 0) {
        record_iter_init(&it, &h, body);
        while (rc == 0 && record_next(&it, &rec)) {
            int control = -1;
            if (h.attributes & BATCH_CONTROL) {
                if (rec.key.n < 4) rc = ERR_FORMAT;
                else control = load_be16(rec.key.p + 2);
            }
            if (rc == 0 && !rec.value.p) rc = ERR_FORMAT;
            if (rc == 0) rc = cb(arg, rec.value, rec.offset, control);
        }
        if (rc == 0) rc = it.err;
    }
    kp_writer_fini(&scratch);
    return rc;
}
