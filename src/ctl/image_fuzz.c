/* First byte 0: any bytes as a snapshot, its checksums made right. 1: any bytes as records, each after its
 * length in two bytes; what the image then is must be the same after a snapshot. 2: a control record. 3:
 * quorum-state, and a name. */
#include "ctl/ctl.h"
#include "ctl/snapshot.h"
#include "kp/batch.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int take(void *arg, struct slice value, int64_t offset, int control)
{
    char why[160];
    return control >= 0 ? 0 : image_apply(arg, value, offset, why);
}

static void any_snapshot(const uint8_t *data, size_t n)
{
    struct image im;
    char why[160];
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

static void any_records(const uint8_t *data, size_t n)
{
    struct image a, b;
    struct ctl_records rs, again;
    struct kp_writer bytes;
    struct quorum q = {0};
    char why[160];
    int64_t last_ms;
    image_init(&a);
    image_init(&b);
    ctl_records_init(&rs);
    ctl_records_init(&again);
    kp_writer_init(&bytes, 0);
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
        char why[160];
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
