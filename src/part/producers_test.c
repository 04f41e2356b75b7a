#include "part/producers.h"
#include "base/prng.h"
#include "base/test.h"

TEST_MAIN

static struct batch_head head(int64_t id, int16_t epoch, int32_t seq, int64_t base, int32_t n)
{
    return (struct batch_head){.producer_id = id,
                               .producer_epoch = epoch,
                               .base_sequence = seq,
                               .base_offset = base,
                               .last_offset = base + n - 1,
                               .count = n,
                               .max_time_ms = 1000 + base};
}

TEST(a_repeated_batch_gets_its_first_offset_and_a_gap_is_refused)
{
    struct producers p;
    struct producer_batch dup;
    producers_init(&p);
    int64_t offset = 0;
    for (int i = 0; i < 8; i++) {
        struct batch_head h = head(7, 0, i * 10, offset, 10);
        CHECK_INT(producers_check(&p, &h, &dup), 0);
        producers_note(&p, &h);
        offset += 10;
    }
    for (int i = 3; i < 8; i++) {
        struct batch_head h = head(7, 0, i * 10, 0, 10);
        CHECK_INT(producers_check(&p, &h, &dup), 1);
        CHECK_INT(dup.last_offset - dup.offset_delta, i * 10);
    }
    struct batch_head old = head(7, 0, 20, 0, 10), gap = head(7, 0, 90, 0, 10), next = head(7, 0, 80, 0, 1);
    CHECK_INT(producers_check(&p, &old, &dup),
              ERR_OUT_OF_ORDER_SEQUENCE_NUMBER); /* the sixth last is forgotten */
    CHECK_INT(producers_check(&p, &gap, &dup), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(producers_check(&p, &next, &dup), 0);
    producers_fini(&p);
}

TEST(epochs_only_grow_and_begin_at_sequence_0)
{
    struct producers p;
    struct producer_batch dup;
    producers_init(&p);
    struct batch_head h = head(1, 3, 0, 0, 5), older = head(1, 2, 5, 5, 1), newer = head(1, 4, 0, 5, 1),
                      newer_gap = head(1, 4, 5, 5, 1);
    producers_note(&p, &h);
    CHECK_INT(producers_check(&p, &older, &dup), ERR_INVALID_PRODUCER_EPOCH);
    CHECK_INT(producers_check(&p, &newer_gap, &dup), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(producers_check(&p, &newer, &dup), 0);
    producers_fini(&p);
}

TEST(sequences_wrap_to_0_after_the_largest)
{
    struct producers p;
    struct producer_batch dup;
    producers_init(&p);
    struct batch_head h = head(1, 0, INT32_MAX - 1, 0, 4), again = h, next = head(1, 0, 2, 4, 1);
    producers_note(&p, &h);
    CHECK_INT(producers_check(&p, &next, &dup), 0);
    CHECK_INT(producers_check(&p, &again, &dup), 1);
    producers_fini(&p);
}

TEST(a_snapshot_brings_back_the_last_batch_and_a_flipped_byte_is_noticed)
{
    struct producers p, q;
    struct producer_batch dup;
    struct strbuf b;
    producers_init(&p);
    for (int64_t id = 0; id < 50; id++) {
        struct batch_head h = head(id, 1, 0, id * 10, 10);
        producers_note(&p, &h);
    }
    strbuf_init(&b);
    producers_save(&p, &b);
    producers_init(&q);
    CHECK_INT(producers_load(&q, strbuf_slice(&b)), 0);
    CHECK_INT(q.map.n, 50);
    struct batch_head again = head(33, 1, 0, 0, 10);
    CHECK_INT(producers_check(&q, &again, &dup), 1);
    CHECK_INT(dup.last_offset, 339);
    producers_fini(&q);
    for (size_t i = 0; i < b.n; i++) {
        b.s[i] = (char)(b.s[i] ^ 1);
        producers_init(&q);
        CHECK(producers_load(&q, strbuf_slice(&b)) != 0);
        producers_fini(&q);
        b.s[i] = (char)(b.s[i] ^ 1);
    }
    for (size_t n = 0; n < b.n; n++) {
        producers_init(&q);
        CHECK(producers_load(&q, slice_of(b.s, n)) != 0);
        producers_fini(&q);
    }
    strbuf_fini(&b);
    producers_fini(&p);
}

TEST(idle_producers_are_forgotten_in_the_end)
{
    struct producers p;
    producers_init(&p);
    for (int64_t id = 0; id < 200; id++) {
        struct batch_head h = head(id, 0, 0, id, 1);
        producers_note(&p, &h);
    }
    for (int i = 0; i < 10; i++) producers_expire(&p, 1000 + 100 + 50, 50);
    CHECK_INT(p.map.n, 100);
    producers_fini(&p);
}
