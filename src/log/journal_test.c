#include "log/journal.h"
#include "base/prng.h"
#include "base/test.h"

#include <stdlib.h>

TEST_MAIN

#define RUN 0x123456789abcdef0u
#define FILE_BYTES ((size_t)16 * JOURNAL_BLOCK_BYTES)

static struct uuid id_of(int topic)
{
    return (struct uuid){{(uint8_t)(topic + 1)}};
}

/* A frame of entries whose "batches" are an offset and letters. */
static void frame(struct kp_writer *w, uint64_t run, int64_t sequence, int entries, size_t bytes)
{
    journal_begin(w, run, (uint64_t)sequence);
    for (int i = 0; i < entries; i++) {
        uint8_t *p = journal_add(w, id_of(i % 3), i / 3, bytes);
        memset(p, 'a' + i, bytes);
        store_be64(p, (uint64_t)(sequence * 100));
    }
    journal_end(w);
}

static void take(struct journal *j, const uint8_t *file, uint64_t run)
{
    uint8_t *copy = xmalloc(FILE_BYTES);
    memcpy(copy, file, FILE_BYTES);
    *j = (struct journal){0};
    journal_take(j, copy, FILE_BYTES, run);
    journal_sort(j);
}

TEST(entries_come_back_by_partition_and_offset)
{
    static uint8_t file[FILE_BYTES];
    struct kp_writer w;
    struct journal j;
    size_t at = 0, n;
    kp_writer_init(&w, 0);
    for (int64_t sequence = 5; sequence > 0; sequence--) {
        frame(&w, RUN, sequence, 6, 900);
        CHECK_INT((int64_t)w.n, (int64_t)journal_frame_bytes(6, 6 * 900));
        CHECK_INT((int64_t)(w.n % JOURNAL_BLOCK_BYTES), 0);
        memcpy(file + at, w.p, w.n);
        at += w.n;
    }
    take(&j, file, RUN);
    CHECK_INT((int64_t)j.n, 30);
    for (int i = 0; i < 6; i++) {
        const struct journal_entry *e = journal_find(&j, id_of(i % 3), i / 3, &n);
        CHECK_INT((int64_t)n, 5);
        for (size_t k = 0; k < n; k++) {
            CHECK_INT(e[k].first_offset, (int64_t)(k + 1) * 100);
            CHECK_INT((int64_t)e[k].batches.n, 900);
            CHECK_INT(e[k].batches.p[8], 'a' + i);
        }
    }
    CHECK(journal_find(&j, id_of(0), 2, &n) == NULL && n == 0);
    CHECK(journal_find(&j, id_of(9), 0, &n) == NULL && n == 0);
    journal_fini(&j);
    take(&j, file, RUN + 1); /* another run's */
    CHECK_INT((int64_t)j.n, 0);
    CHECK(journal_find(&j, id_of(0), 0, &n) == NULL && n == 0);
    journal_fini(&j);
    kp_writer_fini(&w);
}

/* Sectors of a frame that was being written when the power went are new or old, in any combination. */
TEST(a_torn_frame_is_whole_or_not_there)
{
    static uint8_t file[FILE_BYTES], old[FILE_BYTES];
    struct kp_writer w;
    struct prng r;
    kp_writer_init(&w, 0);
    prng_init(&r, 1);
    /* Small frames everywhere, then a large one over the middle of them. */
    for (int i = 0; i < 16; i++) {
        frame(&w, RUN, 1 + i, 1, 1000);
        ASSERT(w.n == JOURNAL_BLOCK_BYTES);
        memcpy(old + (size_t)i * w.n, w.p, w.n);
    }
    frame(&w, RUN, 100, 4, 5000);
    size_t at = 3 * JOURNAL_BLOCK_BYTES, blocks = w.n / JOURNAL_BLOCK_BYTES;
    int wholes = 0;
    for (int turn = 0; turn < 3000; turn++) {
        struct journal j;
        size_t n, olds = 0;
        bool whole = true;
        memcpy(file, old, FILE_BYTES);
        for (size_t s = 0; s < w.n; s += 512) {
            bool written = prng_below(&r, 1 + (uint64_t)turn % 60) > 0;
            if (written) memcpy(file + at + s, w.p + s, 512);
            else whole = whole && memcmp(old + at + s, w.p + s, 512) == 0;
        }
        take(&j, file, RUN);
        const struct journal_entry *e = journal_find(&j, id_of(0), 0, &n);
        for (size_t k = 0; k < n; k++) olds += e[k].first_offset < 10000;
        CHECK(whole ? j.n == 16 - blocks + 4 && olds == 16 - blocks : olds >= 16 - blocks && j.n == olds);
        for (size_t k = 0; k < n; k++)
            if (e[k].first_offset == 10000)
                CHECK(whole && e[k].batches.n == 5000 && e[k].batches.p[4999] == 'a');
        wholes += whole;
        journal_fini(&j);
    }
    CHECK(wholes > 100 && wholes < 2900);
    kp_writer_fini(&w);
}

TEST(names)
{
    uint64_t run;
    CHECK(journal_name("journal-00000000000000ff", &run) && run == 255);
    CHECK(!journal_name("journal-00000000000000ff.tmp", &run));
    CHECK(!journal_name("journal-00000000000000f", &run));
    CHECK(!journal_name("journal-00000000000000FF", &run));
    CHECK(!journal_name("journal-0", &run));
    CHECK(!journal_name("meta.properties", &run));
}
