/* Cleanings against a model: a list of every record ever appended. */
#include "base/test.h"
#include "base/prng.h"
#include "base/strbuf.h"
#include "log/clean.h"

TEST_MAIN

#define RECORDS_MAX 6000
#define KEYS 40
#define PRODUCERS 4

enum fate { PLAIN, OPEN, COMMITTED, ABORTED };
struct rec {
    int16_t key;
    bool tombstone, marker;
    uint8_t producer; /* 0: none */
    enum fate fate;
    int64_t time_ms;
    uint32_t value;
};
struct model {
    struct rec r[RECORDS_MAX];
    int64_t n, start;
    int64_t txn_first[PRODUCERS + 1]; /* -1: none */
    int64_t last_data[PRODUCERS + 1]; /* offset of the last data batch's last record */
    int32_t sequence[PRODUCERS + 1];
    int64_t now_ms;
    int64_t clean_to; /* cleaned without a crash up to here */
    struct prng rnd;
};

static char dir[64];
static struct log_files files;
static struct log_cfg cfg;
static struct model m;

static struct log *reopen(struct log *old, bool clean)
{
    struct log *l = NULL;
    struct log_open_opts o = {.clean = clean, .start_offset = m.start, .replay_from = INT64_MAX};
    if (old) log_free(old);
    return log_open(NULL, &files, dir, &cfg, &o, &l) == 0 && !o.cut[0] ? l : NULL;
}

static struct log *fresh(uint64_t seed)
{
    memset(&m, 0, sizeof m);
    prng_init(&m.rnd, seed);
    for (int i = 0; i <= PRODUCERS; i++) m.txn_first[i] = m.last_data[i] = -1;
    m.now_ms = 1000000;
    cfg = (struct log_cfg){.segment_bytes = 2000 + (int64_t)prng_below(&m.rnd, 6000),
                           .segment_ms = INT64_MAX,
                           .segment_index_bytes = 1 << 16,
                           .index_interval_bytes = (int64_t)prng_below(&m.rnd, 900),
                           .retention_ms = -1,
                           .retention_bytes = -1,
                           .clean_compact = true};
    struct os_stat st;
    /* Thousands of syncs: in memory where there is such a place. */
    snprintf(dir, sizeof dir, "%s/moldau-clean-test",
             os_stat(NULL, "/dev/shm", &st) == 0 && st.is_dir ? "/dev/shm" : "/tmp");
    (void)!os_remove_tree(NULL, dir);
    log_files_init(&files, 4);
    return reopen(NULL, true);
}

static bool put(struct log *l, struct batch_builder *b)
{
    struct kp_writer w;
    struct batch_head h;
    kp_writer_init(&w, 0);
    b->base_offset = l->end_offset;
    bool ok = batch_finish(b, &w) == 0 && batch_head_parse(kp_writer_slice(&w), &h) == 0 &&
              log_append(l, w.p, &h, 0) == 0 && log_flush(l) == 0;
    kp_writer_fini(&w);
    batch_builder_fini(b);
    return ok;
}

static size_t make_value(const struct rec *r, uint8_t out[64])
{
    memset(out, (int)(r->value & 15), 64);
    store_be32(out, r->value);
    return 4 + r->value % 60;
}

static void settle(int p, enum fate fate)
{
    for (int64_t i = m.txn_first[p]; i < m.n; i++)
        if (m.r[i].producer == p && m.r[i].fate == OPEN) m.r[i].fate = fate;
    m.txn_first[p] = -1;
}

static int64_t first_undecided(void)
{
    int64_t first = m.n;
    for (int p = 1; p <= PRODUCERS; p++)
        if (m.txn_first[p] >= 0) first = min_i64(first, m.txn_first[p]);
    return first;
}

/* A marker; the index entry of an aborted transaction goes where Apache Kafka puts it. */
static bool end_txn(struct log *l, int p)
{
    struct batch_builder b;
    bool commit = prng_below(&m.rnd, 2);
    uint8_t value[6] = {0};
    int64_t at = m.n, first = m.txn_first[p];
    batch_builder_init(&b);
    b.attributes = BATCH_TRANSACTIONAL;
    b.producer_id = 100 + p;
    b.producer_epoch = 1;
    batch_add_control(&b, m.now_ms, commit ? 1 : 0, slice_of(value, sizeof value));
    if (!put(l, &b)) return false;
    m.r[m.n++] = (struct rec){.marker = true, .producer = (uint8_t)p, .time_ms = m.now_ms};
    settle(p, commit ? COMMITTED : ABORTED);
    if (commit) return true;
    char path[200];
    struct os_stat st = {0};
    uint8_t e[TXN_INDEX_ENTRY_BYTES];
    struct aborted_txn t = {100 + p, first, at, first_undecided()};
    aborted_txn_write(&t, e);
    snprintf(path, sizeof path, "%s/%020lld.txnindex", dir, (long long)l->segs[l->segs_n - 1]->base_offset);
    int fd = os_open(NULL, path, OS_WRITE | OS_CREATE);
    bool ok = fd >= 0 && os_fstat(NULL, fd, &st) == 0 && os_pwrite(NULL, fd, e, sizeof e, st.size) == 0;
    if (fd >= 0) os_close(NULL, fd);
    return ok;
}

static bool append(struct log *l)
{
    struct batch_builder b;
    int p = (int)prng_below(&m.rnd, PRODUCERS + 1), n = 1 + (int)prng_below(&m.rnd, 6);
    bool txn = p > 2;
    if (m.n + n + 1 >= RECORDS_MAX) return true;
    m.now_ms += (int64_t)prng_below(&m.rnd, 20);
    if (txn && m.txn_first[p] >= 0 && prng_below(&m.rnd, 3) == 0) return end_txn(l, p);
    batch_builder_init(&b);
    b.codec = (int)prng_below(&m.rnd, KP_CODECS_N);
    if (p) {
        b.producer_id = 100 + p;
        b.producer_epoch = 1;
        b.base_sequence = m.sequence[p];
        m.sequence[p] += n;
        if (txn) b.attributes = BATCH_TRANSACTIONAL;
        if (txn && m.txn_first[p] < 0) m.txn_first[p] = m.n;
    }
    for (int i = 0; i < n; i++) {
        struct rec r = {.key = (int16_t)prng_below(&m.rnd, KEYS),
                        .tombstone = prng_below(&m.rnd, 5) == 0,
                        .producer = (uint8_t)p,
                        .fate = txn ? OPEN : PLAIN,
                        .time_ms = m.now_ms - (int64_t)prng_below(&m.rnd, 30),
                        .value = (uint32_t)prng_next(&m.rnd)};
        uint8_t key[8], value[64];
        size_t value_n = make_value(&r, value);
        int key_n = snprintf((char *)key, sizeof key, "k%d", r.key);
        struct record_header header = {slice_cstr("h"), slice_of(key, 1)};
        batch_add(&b, r.time_ms, slice_of(key, (size_t)key_n),
                  r.tombstone ? (struct slice){0} : slice_of(value, value_n), &header, i & 1);
        m.r[m.n++] = r;
    }
    if (p) m.last_data[p] = m.n - 1;
    return put(l, &b);
}

static struct log_clean *start(struct log *l, size_t slots)
{
    struct clean_producer *ps = xcalloc(PRODUCERS, sizeof *ps);
    int64_t upper = first_undecided(), clean, dirty;
    for (int p = 1; p <= PRODUCERS; p++) ps[p - 1] = (struct clean_producer){100 + p, m.last_data[p], 1};
    upper = log_clean_extent(l, m.clean_to, upper, &clean, &dirty);
    struct log_clean_opts o = {.now_ms = m.now_ms,
                               .first_dirty_offset = m.clean_to,
                               .upper_offset = upper,
                               .delete_retention_ms = 500,
                               .map_slots = slots,
                               .map_load = 0.9,
                               .io_bytes = 4096,
                               .seed = {1, 2},
                               .producers_take = ps,
                               .producers_n = PRODUCERS};
    return log_clean_new(l, &o);
}

static int work(struct log_clean *c, struct log *l)
{
    int rc;
    while ((rc = log_clean_next(c, l)) == 1) log_clean_run(c);
    return rc;
}

#define FAIL(...) return printf("  offset %lld: ", (long long)o), printf(__VA_ARGS__), printf("\n"), false

/* What is in the log is what the model allows there; with to > 0 everything below was cleaned up to now. */
static bool agrees(struct log *l, int64_t to)
{
    static bool there[RECORDS_MAX], head[RECORDS_MAX];
    struct kp_writer body;
    memset(there, 0, sizeof there);
    memset(head, 0, sizeof head);
    kp_writer_init(&body, 0);
    int64_t o = l->start_offset, next = o;
    if (l->end_offset != m.n) FAIL("the end is %lld, not %lld", (long long)l->end_offset, (long long)m.n);
    while (o < l->end_offset) {
        struct log_range r;
        struct batch_head h;
        if (log_read(l, o, INT64_MAX, 1, true, &r)) FAIL("cannot be read");
        if (!r.seg) FAIL("nothing to read, though the log ends at %lld", (long long)l->end_offset);
        uint8_t *b = xmalloc((size_t)r.bytes);
        bool ok = os_pread(NULL, r.seg->fd, b, (size_t)r.bytes, r.pos) == r.bytes &&
                  batch_head_parse(slice_of(b, (size_t)r.bytes), &h) == 0;
        log_seg_put(r.seg);
        if (!ok || !batch_crc_ok(b, h.bytes) || h.base_offset < next || h.last_offset < o ||
            h.last_offset >= m.n)
            FAIL("an unsound batch");
        head[h.last_offset] = true;
        struct record_iter it;
        struct record rec;
        struct slice s;
        if (clean_body(b, &h, &body, &s)) FAIL("an unsound body");
        record_iter_init(&it, &h, s);
        while (record_next(&it, &rec)) {
            struct rec *x = &m.r[rec.offset];
            uint8_t value[64];
            size_t value_n = make_value(x, value);
            there[rec.offset] = true;
            if (x->marker != !!(h.attributes & BATCH_CONTROL)) FAIL("a marker that is none");
            if (x->marker) continue;
            if (rec.time_ms != x->time_ms)
                FAIL("time %lld, not %lld", (long long)rec.time_ms, (long long)x->time_ms);
            char key[8];
            snprintf(key, sizeof key, "k%d", x->key);
            if (!slice_eq_cstr(rec.key, key)) FAIL("another key");
            if (!rec.value.p != x->tombstone ||
                (rec.value.p && !slice_eq(rec.value, slice_of(value, value_n))))
                FAIL("another value");
            if (h.producer_id != (x->producer ? 100 + x->producer : -1)) FAIL("another producer");
        }
        if (it.err) FAIL("an unsound record");
        next = o = h.last_offset + 1;
        free(b);
    }
    kp_writer_fini(&body);
    for (int i = 0; i + 1 < l->segs_n; i++) {
        o = l->segs[i + 1]->base_offset;
        if (o > m.start && !head[o - 1]) FAIL("the segment before does not end here");
    }
    int64_t newest[KEYS], newest_clean[KEYS];
    for (int k = 0; k < KEYS; k++) newest[k] = newest_clean[k] = -1;
    for (o = m.start; o < m.n; o++) {
        if (m.r[o].marker || m.r[o].fate == ABORTED) continue;
        if (m.r[o].fate != OPEN) newest[m.r[o].key] = o;
        if (o < to) newest_clean[m.r[o].key] = o;
        if (m.r[o].fate == OPEN && !there[o]) FAIL("an open transaction lost a record");
    }
    for (int k = 0; k < KEYS; k++) {
        o = newest[k];
        if (o >= 0 && !there[o] && !m.r[o].tombstone) FAIL("the newest record of key %d is gone", k);
        if (o >= 0 && !there[o] && m.now_ms < m.r[o].time_ms + 500)
            FAIL("the tombstone of key %d went too early", k);
    }
    for (o = m.start; o < to; o++) {
        if (m.r[o].marker || !there[o]) continue;
        if (m.r[o].fate == ABORTED) FAIL("aborted, and still there");
        if (newest_clean[m.r[o].key] != o) FAIL("superseded, and still there");
    }
    for (int p = 1; p <= PRODUCERS; p++)
        if ((o = m.last_data[p]) >= m.start && !head[o]) FAIL("the last batch of producer %d is gone", p);
    /* A transaction of which anything is left has its marker. */
    for (int p = 3; p <= PRODUCERS; p++) {
        bool left = false;
        for (o = m.start; o < m.n; o++) {
            if (m.r[o].producer != p) continue;
            if (m.r[o].marker && left && !there[o]) FAIL("a marker is gone before its data");
            left = m.r[o].marker ? false : left || there[o];
        }
    }
    return true;
}

static int find_orphan(void *arg, const char *name, bool is_dir)
{
    char path[200];
    struct os_stat st;
    (void)is_dir;
    if (!strstr(name, "index") || strstr(name, ".deleted")) return 0;
    snprintf(path, sizeof path, "%s/%.20s.log", dir, name);
    if (os_stat(NULL, path, &st) == 0) return 0;
    printf("  %s has no log\n", name);
    *(bool *)arg = true;
    return 0;
}

static bool orphans(void)
{
    bool found = false;
    return os_list_dir(NULL, dir, find_orphan, &found) || found;
}

TEST(random_cleanings_keep_the_newest_of_each_key)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct log *l = fresh(seed);
        CHECK(l);
        for (int round = 0; round < 12; round++) {
            for (int i = 0; i < 30; i++) CHECK(append(l));
            if (prng_below(&m.rnd, 3) == 0) CHECK_INT(log_roll(l, 0), 0);
            if (prng_below(&m.rnd, 4) == 0) m.now_ms += 600;
            struct log_clean *c = start(l, prng_below(&m.rnd, 2) ? 1000 : 1);
            int rc = work(c, l);
            if (rc) printf("  seed %d round %d: %s\n", (int)seed, round, log_clean_why(c));
            CHECK_INT(rc, 0);
            m.clean_to = log_clean_end_offset(c);
            log_clean_free(c, l);
            if (!agrees(l, m.clean_to)) printf("  seed %d, round %d\n", (int)seed, round), m.n = -1;
            CHECK(m.n >= 0);
            if (prng_below(&m.rnd, 3) == 0) {
                bool clean = prng_below(&m.rnd, 2);
                CHECK_INT(log_close(l, true), 0);
                l = reopen(l, clean);
                CHECK(l);
                CHECK(agrees(l, m.clean_to));
            }
        }
        log_free(l);
    }
    (void)!os_remove_tree(NULL, dir);
}

TEST(a_crash_at_any_change_of_a_file_loses_nothing)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        for (int64_t ops = 0;; ops++) {
            struct log *l = fresh(seed);
            CHECK(l);
            int rc = 0;
            for (int round = 0; round < 3 && rc == 0; round++) {
                for (int i = 0; i < 40; i++) CHECK(append(l));
                struct log_clean *c = start(l, 1000);
                if (round == 2) log_clean_die_after(c, ops);
                rc = work(c, l);
                if (rc == 0) m.clean_to = log_clean_end_offset(c);
                log_clean_free(c, rc ? NULL : l);
            }
            CHECK(rc == 0 || rc == ERR_IO);
            if (rc == 0) {
                log_free(l);
                break;
            }
            l = reopen(l, prng_below(&m.rnd, 2));
            CHECK(l);
            if (!agrees(l, 0)) printf("  seed %d, dead after %d\n", (int)seed, (int)ops), m.n = -1;
            CHECK(m.n >= 0 && !orphans());
            struct log_clean *c = start(l, 1000);
            CHECK_INT(work(c, l), 0);
            m.clean_to = log_clean_end_offset(c);
            log_clean_free(c, l);
            CHECK(agrees(l, m.clean_to));
            log_free(l);
        }
    }
    (void)!os_remove_tree(NULL, dir);
}

TEST(a_log_that_changes_under_a_cleaning_ends_it_without_a_trace)
{
    for (int slices = 0; slices < 40; slices++) {
        struct log *l = fresh(7);
        CHECK(l);
        for (int i = 0; i < 200; i++) CHECK(append(l));
        struct log_clean *c = start(l, 1000);
        int rc = 1;
        for (int i = 0; i < slices && rc == 1; i++)
            if ((rc = log_clean_next(c, l)) == 1) log_clean_run(c);
        CHECK_INT(log_advance_start(l, first_undecided() / 2, 0), 0);
        m.start = l->start_offset;
        if (rc == 1) rc = work(c, l);
        CHECK(rc == 0 || rc == ERR_BUSY);
        log_clean_free(c, l);
        CHECK(agrees(l, 0));
        l = reopen(l, true);
        CHECK(l && agrees(l, 0));
        log_free(l);
    }
    (void)!os_remove_tree(NULL, dir);
}

TEST(damage_is_told_and_nothing_changes)
{
    struct log *l = fresh(3);
    CHECK(l);
    for (int i = 0; i < 100; i++) CHECK(append(l));
    CHECK(l->segs_n > 2 && log_seg_open(l->segs[1]) == 0);
    CHECK_INT(os_pwrite(NULL, l->segs[1]->fd, "x", 1, l->segs[1]->size / 2), 0);
    for (int p = 1; p <= PRODUCERS; p++) m.txn_first[p] = -1;
    int segs = l->segs_n;
    struct log_clean *c = start(l, 1000);
    CHECK_INT(work(c, l), ERR_CORRUPT_MESSAGE);
    CHECK(strstr(log_clean_why(c), "segment 0000"));
    CHECK_INT(l->segs_n, segs);
    log_clean_free(c, l);
    log_free(l);
    (void)!os_remove_tree(NULL, dir);
}

TEST(the_map_holds_what_it_was_given)
{
    struct clean_map map;
    uint64_t seed[2] = {5, 6};
    clean_map_init(&map, 5000, 0.9, seed);
    for (int64_t i = 0; i < 4000; i++) {
        int64_t key = i % 2000;
        CHECK(clean_map_reserve(&map, 1, false));
        clean_map_put(&map, clean_map_key(&map, slice_of(&key, 8)), i);
    }
    for (int64_t key = 0; key < 2000; key++)
        CHECK_INT(clean_map_get(&map, clean_map_key(&map, slice_of(&key, 8))), key + 2000);
    int64_t other = 9999;
    CHECK_INT(clean_map_get(&map, clean_map_key(&map, slice_of(&other, 8))), -1);
    CHECK(!clean_map_reserve(&map, 2501, false) && clean_map_reserve(&map, 2500, false));
    CHECK_INT(map.cap, 5000);
    CHECK(clean_map_reserve(&map, 10000, true));
    clean_map_fini(&map);
}

/* One batch with a value of key a and a tombstone of key b, through clean_batch. */
static bool pass(struct clean_filter *f, struct slice in, struct kp_writer *out, struct batch_head *h)
{
    bool same;
    kp_writer_reset(out);
    if (batch_head_parse(in, h) || clean_batch(f, in.p, h, out, &same)) return false;
    return out->n == 0 || batch_head_parse(kp_writer_slice(out), h) == 0;
}

TEST(a_tombstone_gets_its_time_and_goes_when_it_has_come)
{
    struct clean_filter f;
    struct clean_producer producer = {7, 11, 2};
    struct aborted_txns none = {0};
    struct batch_builder b;
    struct kp_writer first, second, third;
    struct batch_head h;
    uint64_t seed[2] = {1, 2};
    kp_writer_init(&first, 0);
    kp_writer_init(&second, 0);
    kp_writer_init(&third, 0);
    batch_builder_init(&b);
    b.base_offset = 10;
    b.producer_id = 7;
    b.producer_epoch = 2;
    b.base_sequence = 40;
    batch_add(&b, 900, slice_cstr("a"), slice_cstr("1"), NULL, 0);
    batch_add(&b, 950, slice_cstr("b"), (struct slice){0}, NULL, 0);
    CHECK_INT(batch_finish(&b, &first), 0);
    batch_builder_fini(&b);
    clean_filter_init(&f);
    clean_map_init(&f.map, 100, 0.9, seed);
    clean_txns_init(&f.txns, &none);
    CHECK(clean_map_reserve(&f.map, 2, false));
    clean_map_put(&f.map, clean_map_key(&f.map, slice_cstr("a")), 20); /* written again later */
    clean_map_put(&f.map, clean_map_key(&f.map, slice_cstr("b")), 11);
    f.latest_offset = 20;
    f.now_ms = 1000;
    f.delete_retention_ms = 500;
    f.producers = &producer;
    f.producers_n = 1;
    CHECK(pass(&f, kp_writer_slice(&first), &second, &h));
    CHECK_INT(h.count, 1);
    CHECK(h.attributes & BATCH_DELETE_HORIZON);
    CHECK_INT(h.base_time_ms, 1500);
    CHECK_INT(h.max_time_ms, 950);
    CHECK_INT(h.base_offset, 10);
    CHECK_INT(h.last_offset, 11);
    f.now_ms = 1499;
    CHECK(pass(&f, kp_writer_slice(&second), &third, &h));
    CHECK(slice_eq(kp_writer_slice(&second), kp_writer_slice(&third)));
    f.now_ms = 1500;
    CHECK(pass(&f, kp_writer_slice(&second), &third, &h));
    /* The producer is still known: the head with its last sequence stays. */
    CHECK_INT(h.count, 0);
    CHECK_INT(h.bytes, BATCH_HEAD_BYTES);
    CHECK_INT(h.base_sequence, 40);
    CHECK_INT(h.last_offset, 11);
    CHECK_INT(h.producer_epoch, 2);
    CHECK(!(h.attributes & BATCH_DELETE_HORIZON) && batch_crc_ok(third.p, h.bytes));
    f.producers_n = 0;
    CHECK(pass(&f, kp_writer_slice(&second), &third, &h));
    CHECK_INT(third.n, 0);
    clean_txns_fini(&f.txns);
    clean_map_fini(&f.map);
    clean_filter_fini(&f);
    kp_writer_fini(&first);
    kp_writer_fini(&second);
    kp_writer_fini(&third);
}
