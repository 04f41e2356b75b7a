#include "part/producers.h"
#include "base/prng.h"
#include "base/test.h"
#include "kp/batch.h"

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

static void note(struct producers *p, const struct batch_head *h)
{
    struct aborted_txn aborted;
    CHECK(!producers_note(p, NULL, h, &aborted));
}

static void data(struct producers *p, int64_t id, int64_t base, int32_t n)
{
    struct batch_head h = head(id, 0, -1, base, n);
    h.attributes = BATCH_TRANSACTIONAL;
    note(p, &h);
}

static bool marker(struct producers *p, int64_t id, int16_t epoch, int64_t offset, bool abort,
                   int32_t coordinator_epoch, struct aborted_txn *aborted)
{
    struct batch_builder b;
    struct kp_writer w;
    struct batch_head h;
    uint8_t value[6] = {0};
    store_be32(value + 2, (uint32_t)coordinator_epoch);
    batch_builder_init(&b);
    kp_writer_init(&w, 0);
    b.producer_id = id;
    b.producer_epoch = epoch;
    b.attributes = BATCH_TRANSACTIONAL;
    b.base_offset = offset;
    batch_add_control(&b, 1000, abort ? CONTROL_ABORT : CONTROL_COMMIT, slice_of(value, sizeof value));
    int rc = batch_finish(&b, &w);
    if (rc == 0) rc = batch_head_parse(kp_writer_slice(&w), &h);
    if (rc == 0) rc = producers_check_marker(p, &h, coordinator_epoch, 0);
    ASSERT(rc == 0);
    bool yes = producers_note(p, w.p, &h, aborted);
    kp_writer_fini(&w);
    batch_builder_fini(&b);
    return yes;
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
        note(&p, &h);
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
    note(&p, &h);
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
    note(&p, &h);
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
        note(&p, &h);
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
        note(&p, &h);
    }
    for (int i = 0; i < 10; i++) producers_expire(&p, 1000 + 100 + 50, 50);
    CHECK_INT(p.map.n, 100);
    producers_fini(&p);
}

TEST(records_are_stable_when_every_transaction_before_them_is_decided_and_its_marker_committed)
{
    struct producers p, q;
    struct producer_batch dup;
    struct aborted_txn a;
    struct strbuf b;
    producers_init(&p);
    CHECK_INT(producers_first_unstable(&p), INT64_MAX);
    data(&p, 1, 10, 5);
    data(&p, 2, 15, 5);
    data(&p, 1, 20, 5);
    CHECK_INT(producers_first_unstable(&p), 10);
    struct batch_head plain = head(1, 0, -1, 25, 1);
    CHECK_INT(producers_check(&p, &plain, &dup), ERR_INVALID_TXN_STATE);
    CHECK(marker(&p, 1, 0, 25, true, 3, &a));
    CHECK_INT(a.producer_id, 1);
    CHECK_INT(a.first_offset, 10);
    CHECK_INT(a.last_offset, 25);
    CHECK_INT(a.stable_offset, 15);
    producers_committed(&p, 25);
    CHECK_INT(producers_first_unstable(&p), 10); /* the marker itself is not committed */
    producers_committed(&p, 26);
    CHECK_INT(producers_first_unstable(&p), 15);
    CHECK(!marker(&p, 1, 0, 26, true, 3, &a)); /* a second marker ends nothing */
    /* A snapshot keeps what is open, in the order of the log. */
    data(&p, 0, 27, 1);
    strbuf_init(&b);
    producers_save(&p, &b);
    producers_init(&q);
    CHECK_INT(producers_load(&q, strbuf_slice(&b)), 0);
    CHECK_INT(producers_first_unstable(&q), 15);
    CHECK(!marker(&q, 2, 1, 28, false, 3, &a));
    producers_committed(&q, 29);
    CHECK_INT(producers_first_unstable(&q), 27);
    CHECK(marker(&q, 0, 0, 29, true, 3, &a));
    CHECK_INT(a.stable_offset, 30);
    producers_committed(&q, 30);
    CHECK_INT(producers_first_unstable(&q), INT64_MAX);
    /* Who is fenced: an old epoch, an old coordinator. */
    struct batch_head h = head(2, 0, -1, 30, 1);
    CHECK_INT(producers_check_marker(&q, &h, 3, 0), ERR_INVALID_PRODUCER_EPOCH);
    h.producer_epoch = 1;
    CHECK_INT(producers_check_marker(&q, &h, 2, 0), ERR_TRANSACTION_COORDINATOR_FENCED);
    CHECK_INT(producers_check_marker(&q, &h, 3, 0), 0);
    strbuf_fini(&b);
    producers_fini(&p);
    producers_fini(&q);
}
