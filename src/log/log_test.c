/* The log against a model: a list of batches. */
#include "base/test.h"
#include "base/prng.h"
#include "base/strbuf.h"
#include "kp/batch.h"
#include "log/log.h"

TEST_MAIN

#define BATCHES_MAX 4000

struct model {
    struct {
        int64_t base, last, max_time, bytes;
        uint32_t crc;
    } b[BATCHES_MAX];
    int n;
    int64_t start;
};

static char dir[64];
static struct log_files files;
static struct log_cfg cfg = {.segment_bytes = 20000,
                             .segment_ms = INT64_MAX,
                             .segment_index_bytes = 1 << 20,
                             .index_interval_bytes = 700,
                             .retention_ms = -1,
                             .retention_bytes = -1,
                             .clean_delete = true};

static void fresh_dir(const char *name)
{
    snprintf(dir, sizeof dir, "/tmp/moldau-log-test-%s", name);
    (void)!os_remove_tree(NULL, dir);
    log_files_init(&files, 4);
}

static struct log *reopen(struct log *old, bool clean, int64_t recovery_point, struct log_open_opts *o)
{
    struct log *l = NULL;
    if (old) log_free(old);
    *o = (struct log_open_opts){
        .clean = clean, .recovery_point = recovery_point, .start_offset = -1, .replay_from = INT64_MAX};
    return log_open(NULL, &files, dir, &cfg, o, &l) == 0 ? l : NULL;
}

static bool append(struct log *l, struct model *m, struct prng *r)
{
    struct batch_builder b;
    struct kp_writer w;
    struct batch_head h;
    uint8_t value[2000];
    int records = 1 + (int)prng_below(r, 5);
    batch_builder_init(&b);
    kp_writer_init(&w, 0);
    for (int i = 0; i < records; i++) {
        size_t n = prng_below(r, sizeof value / 4);
        memset(value, (int)prng_next(r), n);
        batch_add(&b, 1000000 + (int64_t)m->n * 10 + (int64_t)prng_below(r, 30), (struct slice){0},
                  slice_of(value, n), NULL, 0);
    }
    b.base_offset = l->end_offset;
    bool ok = batch_finish(&b, &w) == 0 && batch_head_parse(kp_writer_slice(&w), &h) == 0 &&
              log_append(l, w.p, &h, 0) == 0 && log_flush(l) == 0;
    if (ok) {
        m->b[m->n].base = h.base_offset;
        m->b[m->n].last = h.last_offset;
        m->b[m->n].max_time = h.max_time_ms;
        m->b[m->n].bytes = h.bytes;
        m->b[m->n++].crc = h.crc;
    }
    batch_builder_fini(&b);
    kp_writer_fini(&w);
    return ok;
}

/* The batches of a range are those of the model from the one that holds offset on. */
static bool range_is(struct log *l, const struct model *m, const struct log_range *range, int64_t offset,
                     int64_t max)
{
    (void)l;
    int i = 0;
    while (i < m->n && m->b[i].last < offset) i++;
    int64_t at = range->pos, end = range->pos + range->bytes;
    int count = 0;
    while (at < end) {
        uint8_t head[BATCH_HEAD_BYTES];
        struct batch_head h;
        if (os_pread(NULL, range->seg->fd, head, sizeof head, at) != sizeof head) return false;
        int rc = batch_head_parse(slice_of(head, sizeof head), &h);
        if ((rc && rc != ERR_EOF) || i >= m->n || h.base_offset != m->b[i].base || h.crc != m->b[i].crc)
            return false;
        at += h.bytes;
        i++;
        count++;
    }
    return at == end && count > 0 && (range->bytes <= max || count == 1);
}

static bool reads_agree(struct log *l, const struct model *m, struct prng *r, int times)
{
    for (int k = 0; k < times; k++) {
        int64_t span = l->end_offset - m->start,
                offset = m->start + (int64_t)prng_below(r, (uint64_t)span + 1),
                max = 1 + (int64_t)prng_below(r, 30000);
        struct log_range range;
        if (log_read(l, offset, INT64_MAX, max, true, &range)) return false;
        if (offset == l->end_offset) {
            if (range.seg) return false;
            continue;
        }
        if (!range.seg) return false;
        bool ok = range_is(l, m, &range, offset, max);
        log_seg_put(range.seg);
        if (!ok) return false;
    }
    return true;
}

static bool times_agree(struct log *l, const struct model *m, struct prng *r, int times)
{
    for (int k = 0; k < times; k++) {
        int64_t t = 999990 + (int64_t)prng_below(r, (uint64_t)m->n * 10 + 60);
        struct log_range range;
        int i = 0;
        while (i < m->n && (m->b[i].max_time < t || m->b[i].last < m->start)) i++;
        if (log_find_time(l, t, &range)) return false;
        if ((range.seg == NULL) != (i == m->n)) return false;
        if (!range.seg) continue;
        bool ok = range.bytes == m->b[i].bytes && range_is(l, m, &range, m->b[i].base, range.bytes);
        log_seg_put(range.seg);
        if (!ok) return false;
    }
    return true;
}

TEST(random_operations_agree_with_a_list_of_batches)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct prng r;
        struct model m = {.n = 0};
        struct log_open_opts o;
        prng_init(&r, seed);
        fresh_dir("model");
        struct log *l = reopen(NULL, true, 0, &o);
        CHECK(l);
        while (m.n < 1200) {
            uint64_t what = prng_below(&r, 100);
            if (what < 80) CHECK(append(l, &m, &r));
            else if (what < 94) CHECK(reads_agree(l, &m, &r, 5));
            else if (what < 96 && m.n) CHECK(times_agree(l, &m, &r, 3));
            else if (what < 97) CHECK(log_roll(l, 0) == 0);
            else if (what < 98 && m.n) {
                int64_t to = m.start + (int64_t)prng_below(&r, (uint64_t)(l->end_offset - m.start) / 4 + 1);
                CHECK(log_advance_start(l, to, 0) == 0);
                m.start = to;
                CHECK_INT(l->start_offset, to);
            } else if (what < 99) {
                CHECK(log_close(l, true) == 0);
                int64_t end = l->end_offset;
                l = reopen(l, true, 0, &o);
                CHECK(l);
                CHECK_INT(l->end_offset, end);
                CHECK(log_advance_start(l, m.start, 0) == 0);
            } else {
                int64_t end =
                    l->end_offset; /* a crash of the process: files as written, indexes as flushed */
                l = reopen(l, false, (int64_t)prng_below(&r, (uint64_t)end + 1), &o);
                CHECK(l);
                CHECK_INT(l->end_offset, end);
                CHECK(!o.cut[0]);
                CHECK(log_advance_start(l, m.start, 0) == 0);
            }
        }
        CHECK(reads_agree(l, &m, &r, 300));
        CHECK(times_agree(l, &m, &r, 100));
        log_free(l);
        CHECK(os_remove_tree(NULL, dir) == 0);
    }
}

TEST(a_damaged_batch_is_cut_with_all_that_follows)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct prng r;
        struct model m = {.n = 0};
        struct log_open_opts o;
        char path[200];
        prng_init(&r, seed);
        fresh_dir("damage");
        struct log *l = reopen(NULL, true, 0, &o);
        CHECK(l);
        for (int i = 0; i < 60; i++) CHECK(append(l, &m, &r));
        /* Flip one byte of one segment, after the offset and length of its first batch. */
        struct log_seg *s = l->segs[prng_below(&r, (uint64_t)l->segs_n)];
        int64_t at = 12 + (int64_t)prng_below(&r, (uint64_t)s->size - 12), base = s->base_offset, pos = 0;
        int first = 0;
        while (m.b[first].base < base) first++;
        int hit = first;
        while (pos + m.b[hit].bytes <= at) pos += m.b[hit++].bytes;
        int64_t in_batch = at - pos;
        snprintf(path, sizeof path, "%s/%020lld.log", dir, (long long)base);
        int fd = os_open(NULL, path, OS_WRITE);
        uint8_t c;
        CHECK(os_pread(NULL, fd, &c, 1, at) == 1);
        c ^= (uint8_t)(1 + prng_below(&r, 255));
        CHECK(os_pwrite(NULL, fd, &c, 1, at) == 0);
        os_close(NULL, fd);
        l = reopen(l, false, 0, &o);
        CHECK(l);
        /* The leader epoch lies outside the checksum: damage there is not seen, as in Kafka. */
        bool epoch = in_batch >= BATCH_AT_EPOCH && in_batch < BATCH_AT_MAGIC;
        if (!epoch) {
            CHECK(o.cut[0]);
            CHECK(l->end_offset <= m.b[hit].base || in_batch < BATCH_AT_EPOCH);
            CHECK_INT(l->end_offset, in_batch < 8 ? l->end_offset : m.b[hit].base);
        }
        CHECK(append(l, &(struct model){.n = 0}, &r)); /* it goes on from there */
        log_free(l);
        CHECK(os_remove_tree(NULL, dir) == 0);
    }
}

TEST(retention_by_size_keeps_at_least_that_much)
{
    struct prng r;
    static struct model m;
    struct log_open_opts o;
    prng_init(&r, 9);
    fresh_dir("retention");
    struct log *l = reopen(NULL, true, 0, &o);
    CHECK(l);
    for (int i = 0; i < 500; i++) CHECK(append(l, &m, &r));
    l->cfg.retention_bytes = 50000;
    int64_t before = log_bytes(l);
    CHECK(log_retain(l, 0, l->end_offset) > 0);
    CHECK(log_bytes(l) >= 50000 && log_bytes(l) < before && log_bytes(l) < 75000);
    CHECK_INT(l->start_offset, l->segs[0]->base_offset);
    struct log_range range;
    CHECK_INT(log_read(l, l->start_offset - 1, INT64_MAX, 1, true, &range), ERR_OFFSET_OUT_OF_RANGE);
    l->cfg.retention_bytes = -1;
    l->cfg.retention_ms = 1;
    CHECK(log_retain(l, INT64_MAX / 2, l->end_offset) > 0);
    CHECK_INT(l->start_offset, l->end_offset);
    log_free(l);
    CHECK(os_remove_tree(NULL, dir) == 0);
}

TEST(open_files_stay_within_the_limit)
{
    struct prng r;
    static struct model m;
    struct log_open_opts o;
    prng_init(&r, 11);
    fresh_dir("files");
    struct log *l = reopen(NULL, true, 0, &o);
    CHECK(l);
    for (int i = 0; i < 600; i++) CHECK(append(l, &m, &r));
    CHECK(l->segs_n > 8);
    CHECK(reads_agree(l, &m, &r, 500));
    CHECK(files.open_n <= 4);
    log_free(l);
    CHECK_INT(files.open_n, 0);
    CHECK(os_remove_tree(NULL, dir) == 0);
}

TEST(retention_does_not_believe_a_time_index_that_lies)
{
    struct prng r;
    struct model m = {0};
    struct log_open_opts o;
    char path[200];
    fresh_dir("time-lies");
    prng_init(&r, 7);
    struct log *l = reopen(NULL, false, 0, &o);
    CHECK(l != NULL);
    for (int i = 0; i < 200; i++) CHECK(append(l, &m, &r));
    CHECK(l->segs_n > 3);
    CHECK_INT(log_close(l, true), 0);
    int64_t segs = l->segs_n, times = l->segs[1]->time_n;
    CHECK(times > 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%020lld.timeindex", dir, (long long)l->segs[i]->base_offset);
        int fd = os_open(NULL, path, OS_WRITE);
        CHECK(fd >= 0);
        uint8_t zero[8] = {0}; /* the epoch */
        CHECK_INT(os_pwrite(NULL, fd, zero, 8, (int64_t)(l->segs[i]->time_n - 1) * 12), 0);
        os_close(NULL, fd);
    }
    l = reopen(l, true, l->end_offset, &o);
    CHECK(l != NULL && l->segs_n == segs && l->segs[0]->max_time_ms == 0);
    l->cfg.retention_ms = 1000000;
    CHECK_INT(log_retain(l, 1900000, l->end_offset), 0);
    CHECK(l->segs[0]->max_time_ms > 1000000);
    CHECK(log_retain(l, 100000000, l->end_offset) > 0);
    log_free(l);
    CHECK(os_remove_tree(NULL, dir) == 0);
}

TEST(an_index_that_leads_astray_hides_no_record)
{
    struct prng r;
    static struct model m;
    struct log_open_opts o;
    char path[200];
    fresh_dir("index-lies");
    prng_init(&r, 9);
    struct log *l = reopen(NULL, false, 0, &o);
    CHECK(l != NULL);
    for (int i = 0; i < 100; i++) CHECK(append(l, &m, &r));
    CHECK(l->segs_n > 1);
    CHECK_INT(log_close(l, true), 0);
    for (int round = 0; round < 200; round++) {
        struct log_seg *s = l->segs[0];
        uint8_t c, was;
        CHECK(s->index_n > 3);
        snprintf(path, sizeof path, "%s/%020lld.index", dir, (long long)s->base_offset);
        int64_t at = (int64_t)prng_below(&r, (uint64_t)s->index_n * 8);
        int fd = os_open(NULL, path, OS_WRITE);
        CHECK(fd >= 0 && os_pread(NULL, fd, &was, 1, at) == 1);
        c = was ^ (uint8_t)(1 << prng_below(&r, 8));
        CHECK_INT(os_pwrite(NULL, fd, &c, 1, at), 0);
        os_close(NULL, fd);
        l = reopen(l, true, l->end_offset, &o);
        CHECK(l != NULL && reads_agree(l, &m, &r, 50));
        if (l->segs[0]->index_n) {
            fd = os_open(NULL, path, OS_WRITE); /* it was not noticed: put it right */
            CHECK(fd >= 0);
            CHECK_INT(os_pwrite(NULL, fd, &was, 1, at), 0);
            os_close(NULL, fd);
        } else CHECK_INT(os_unlink(NULL, path), ERR_NOENT);
        l = reopen(l, true, l->end_offset, &o);
        CHECK(l != NULL && l->segs[0]->index_n > 3);
    }
    log_free(l);
    CHECK(os_remove_tree(NULL, dir) == 0);
}
