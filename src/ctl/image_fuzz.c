/* First byte 0: any bytes as a snapshot, its checksums made right. 1: any bytes as records, each after its
 * length in two bytes; what the image then is must be the same after a snapshot, and a record is judged as it
 * is applied. 2: a control record. 3:
 * quorum-state, and a name. */
#include "ctl/ctl.h"
#include "ctl/snapshot.h"
#include "kp/batch.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int take(void *arg, struct slice value, int64_t offset, int control)
{
    char why[IMAGE_WHY_BYTES];
    return control >= 0 ? 0 : image_apply(arg, value, offset, why);
}

static void any_snapshot(const uint8_t *data, size_t n)
{
    struct image im;
    char why[IMAGE_WHY_BYTES];
    int64_t last_ms;
    struct batch_head h;
    uint8_t *copy = xmalloc(n);
    if (n) memcpy(copy, data, n);
    for (size_t at = 0; at < n && batch_head_parse(slice_of(copy + at, n - at), &h) == 0;
         at += (size_t)h.bytes)
        batch_set_crc(copy + at, (size_t)h.bytes);
    image_init(&im);
    (void)!snapshot_read(slice_of(copy, n), &last_ms, take, &im, why);
    image_fini(&im);
    free(copy);
}

/* Records that a draft takes one after the other are applied one after the other; of what is refused no trace
 * is left in the image. */
static void judged_as_applied(struct image *im, const uint8_t *data, size_t n)
{
    struct image_draft d;
    struct ctl_records before, after;
    char why[IMAGE_WHY_BYTES];
    image_draft_init(&d, im);
    size_t good = 0, end = 0;
    int rc = 0;
    for (size_t at = 0; at + 2 <= n && rc == 0; at = end) {
        size_t len = min_size(load_be16(data + at), n - at - 2);
        good = at;
        end = at + 2 + len;
        rc = image_draft_put(&d, slice_of(data + at + 2, len), (int64_t)at, why);
    }
    if (rc == 0) good = end;
    image_draft_fini(&d);
    for (size_t at = 0; at + 2 <= good;) {
        size_t len = min_size(load_be16(data + at), n - at - 2);
        int took = image_apply(im, slice_of(data + at + 2, len), (int64_t)at, why);
        ASSERT(took == 0);
        at += 2 + len;
    }
    if (rc == 0) return;
    ctl_records_init(&before);
    ctl_records_init(&after);
    image_write(im, &before);
    bool waiting = im->in_transaction;
    int held = im->held_n, refused = image_apply(im, slice_of(data + good + 2, end - good - 2), 0, why);
    image_write(im, &after);
    ASSERT(refused == rc && waiting == im->in_transaction && held == im->held_n);
    ASSERT(slice_eq(kp_writer_slice(&before.w), kp_writer_slice(&after.w)));
    ctl_records_fini(&before);
    ctl_records_fini(&after);
}

static void any_records(const uint8_t *data, size_t n)
{
    struct image a, b;
    struct ctl_records rs, again;
    struct kp_writer bytes;
    struct quorum q = {0};
    char why[IMAGE_WHY_BYTES];
    int64_t last_ms;
    image_init(&a);
    image_init(&b);
    ctl_records_init(&rs);
    ctl_records_init(&again);
    kp_writer_init(&bytes, 0);
    judged_as_applied(&b, data, n);
    image_fini(&b);
    image_init(&b);
    for (size_t at = 0; at + 2 <= n;) {
        size_t len = min_size(load_be16(data + at), n - at - 2);
        (void)!image_apply(&a, slice_of(data + at + 2, len), (int64_t)at, why);
        at += 2 + len;
    }
    image_write(&a, &rs);
    snapshot_write(&rs, &q, 1, 2, 3, &bytes);
    int rc = snapshot_read(kp_writer_slice(&bytes), &last_ms, take, &b, why);
    ASSERT(rc == 0);
    image_write(&b, &again);
    /* Order is that of arrival for some, so only the size is the same for certain. */
    ASSERT(rs.w.n == again.w.n && rs.n == again.n);
    ctl_records_fini(&rs);
    ctl_records_fini(&again);
    kp_writer_fini(&bytes);
    image_fini(&a);
    image_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) return 0;
    switch (data[0]) {
    case 0:
        any_snapshot(data + 1, n - 1);
        break;
    case 1:
        any_records(data + 1, n - 1);
        break;
    case 2: {
        struct quorum q = {0};
        char why[IMAGE_WHY_BYTES];
        (void)!quorum_apply(&q, data[1], slice_of(data + 2, n - 2), 0, why);
        (void)quorum_only_voter(&q);
        quorum_fini(&q);
        break;
    }
    default: {
        char *name = xstrndup(data + 1, n - 1);
        int64_t offset;
        int32_t epoch;
        (void)!quorum_state_read(slice_of(data + 1, n - 1), &epoch);
        (void)snapshot_name_parse(name, &offset, &epoch);
        free(name);
    }
    }
    return 0;
}
