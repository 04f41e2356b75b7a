/* Input: a record batch. The iterator and the scan must agree on it, and a batch built from its records must
 * read the same. */
#include "kp/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void rebuild(struct batch_builder *b, const struct record *r, const struct batch_head *h)
{
    struct record_header headers[64];
    int32_t k = 0;
    struct slice rest = r->headers;
    while (k < (int32_t)NELEMS(headers) && record_header_next(&rest, &headers[k].name, &headers[k].value))
        k++;
    int64_t delta = r->offset - h->base_offset;
    if (delta > b->last_delta && delta <= INT32_MAX)
        batch_add_at(b, (int32_t)delta, r->time_ms, r->key, r->value, headers, k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct batch_head h = {0};
    if (batch_head_parse(slice_of(data, n), &h) != 0) return 0;
    batch_crc_ok(data, h.bytes);
    struct kp_unpack *u = kp_unpack_new();
    struct record_scan s;
    struct record_outline o;
    int32_t outlines = 0, records = 0;
    if (record_scan_init(&s, u, data, &h, 1 << 16) == 0)
        while (record_scan_next(&s, &o)) outlines++;
    kp_unpack_free(u);

    struct kp_writer scratch, built;
    kp_writer_init(&scratch, 0);
    kp_writer_init(&built, 0);
    struct batch_builder b;
    batch_builder_init(&b);
    b.base_offset = h.base_offset;
    struct slice body;
    struct record_iter it;
    struct record r;
    int rc = batch_body(data, &h, 1 << 16, &scratch, &body);
    if (rc == 0) {
        record_iter_init(&it, &h, body);
        while (record_next(&it, &r)) {
            records++;
            rebuild(&b, &r, &h);
        }
        rc = it.err;
    }
    /* The scan is laxer in one thing: it leaves offset deltas to the caller. */
    if (rc == 0) ASSERT(s.err == 0 && outlines == records);
    if (b.count > 0) {
        int32_t n_built = 0;
        ASSERT(batch_finish(&b, &built) == 0);
        ASSERT(batch_head_parse(kp_writer_slice(&built), &h) == 0 && batch_crc_ok(built.p, h.bytes));
        ASSERT(batch_body(built.p, &h, SIZE_MAX, &scratch, &body) == 0);
        record_iter_init(&it, &h, body);
        while (record_next(&it, &r)) n_built++;
        ASSERT(it.err == 0 && n_built == b.count);
    }
    batch_builder_fini(&b);
    kp_writer_fini(&scratch);
    kp_writer_fini(&built);
    return 0;
}
