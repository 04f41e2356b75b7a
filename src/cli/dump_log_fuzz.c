/* Any bytes as a file of a log: the first byte says what kind, the second which options. */
#include "cli/dump_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) return 0;
    struct slice bytes = slice_of(data + 2, n - 2);
    struct dump_file f = {.path = "0.log",
                          .absolute = "/0.log",
                          .name = "0.log",
                          .fd = -1,
                          .memory = bytes,
                          .size = (int64_t)bytes.n};
    struct dump_file index = f;
    struct dump d;
    int rc = 0;
    dump_init(&d);
    d.record_max = 1 << 20;
    d.decoder = (enum dump_decoder)(data[1] % 5);
    d.deep = true;
    d.print = data[1] & 8;
    d.skip_metadata = data[1] & 16;
    d.sanity = data[1] & 32;
    d.key_class = (enum dump_class)(data[1] >> 6) % 3;
    index.size = index.size / 2; /* the first half is an index into all of it */
    switch (data[0] % 5) {
    case 0:
        rc = dump_log_file(&d, &f);
        break;
    case 1:
        rc = dump_index(&d, &index, &f);
        break;
    case 2:
        rc = dump_time_index(&d, &index, &f, &f);
        break;
    case 3:
        rc = dump_producers(&d, &f);
        break;
    default:
        rc = dump_txn_index(&d, &f);
        break;
    }
    if (rc == 0) dump_tell_notes(&d);
    ASSERT((rc == 0) == (d.thrown.n == 0));
    dump_fini(&d);
    return 0;
}
