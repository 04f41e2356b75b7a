/* Any bytes as a journal: as they are, and as what one sound frame says. */
#include "base/hash.h"
#include "log/journal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define RUN 7

static void look(uint8_t *bytes, size_t n)
{
    struct journal j = {0};
    size_t found;
    journal_take(&j, bytes, n, RUN);
    journal_sort(&j);
    for (size_t i = 0; i < j.n; i++) {
        const struct journal_entry *e = &j.v[i];
        ASSERT(e->batches.p >= bytes && e->batches.p + e->batches.n <= bytes + n);
        const struct journal_entry *first = journal_find(&j, e->topic_id, e->partition, &found);
        ASSERT(first <= e && e < first + found);
    }
    journal_fini(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kp_writer w;
    uint8_t *copy = xmalloc(n + 1);
    memcpy(copy, data, n);
    look(copy, n);
    if (n < 4) return 0;
    /* The frame's own writer, then other numbers of bytes and entries under a right checksum. */
    kp_writer_init(&w, 0);
    journal_begin(&w, RUN, 1);
    memcpy(journal_add(&w, (struct uuid){{1}}, 0, n), data, n);
    journal_end(&w);
    size_t used = 32 + 24 + n;
    memcpy(w.p + 32, data, min_size(n, 24));
    store_be32(w.p + 28, load_be32(data) % 300);
    store_be32(w.p + 4, crc32c(0, w.p + 8, used - 8));
    size_t whole;
    uint8_t *frame = kp_writer_take(&w, &whole);
    look(frame, whole);
    kp_writer_fini(&w);
    return 0;
}
