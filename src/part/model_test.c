/* A partition against a model: a list of batches, what was sent by whom, how transactions ended. Random
 * operations, with stops and kills between them. OPERATIONS=N in the environment makes it longer than the
 * short turn of ./test. */
#include "base/prng.h"
#include "base/test.h"
#include "kp/batch.h"
#include "log/txn_index.h"
#include "part/part_test_rig.h"

TEST_MAIN

#define IDEMPOTENT 4    /* producers 1.. */
#define TRANSACTIONAL 4 /* producers 101.. */
#define BATCHES_MAX 3000

struct entry {
    int64_t base, last, max_time, pid, bytes;
    int32_t leader_epoch, sequence;
    uint32_t crc;
    bool transactional, control, decided, aborted;
};
static struct {
    struct entry *b;
    int n;
    int64_t start;
    struct sender {
        int32_t next; /* sequence */
        int last;     /* index of the last batch in b, -1: none; sequences before it may be forgotten */
        int16_t epoch;
        int64_t open_first; /* -1: no transaction */
    } who[TRANSACTIONAL + IDEMPOTENT];
    int32_t leader_epoch;
} m;

static struct shard shard;
static struct shard *peers[1] = {&shard};
static struct parts parts;
static struct part *part;
static char root[64];
static struct prng r;
static const struct uuid id = {{9}};

static uint64_t below(uint64_t n)
{
    return prng_below(&r, n);
}

static bool open_part(bool clean, int64_t recovery_point)
{
    struct conf_topic cfg = part_test_conf(3000, 400);
    struct log_open_opts o = {.clean = clean, .recovery_point = recovery_point, .start_offset = m.start};
    return part_open(&parts, root, 0, id, "t", 0, &cfg, m.leader_epoch, &o, &part) == 0 && !o.cut[0];
}

/* err of the append; a new batch is noted in the model, all but its sender. */
static int append(struct batch_builder *b, bool internal, int64_t *base)
{
    struct kp_writer w;
    struct batch_head h;
    kp_writer_init(&w, 0);
    int64_t end = part->log->end_offset;
    int rc = batch_finish(b, &w);
    ASSERT(rc == 0);
    struct part_append a = {.records = kp_writer_slice(&w), .done = part_test_appended, .internal = internal};
    part_append(part, &a);
    parts_end_of_turn(&parts);
    rc = batch_head_parse(kp_writer_slice(&w), &h);
    ASSERT(rc == 0);
    *base = a.base_offset;
    if (a.err == 0 && a.base_offset == end)
        m.b[m.n++] = (struct entry){.base = h.base_offset,
                                    .last = h.last_offset,
                                    .max_time = h.max_time_ms,
                                    .pid = h.producer_id,
                                    .bytes = h.bytes,
                                    .leader_epoch = h.leader_epoch,
                                    .sequence = h.base_sequence,
                                    .crc = h.crc,
                                    .transactional = h.attributes & BATCH_TRANSACTIONAL,
                                    .control = h.attributes & BATCH_CONTROL};
    kp_writer_fini(&w);
    return a.err;
}

static void fill(struct batch_builder *b)
{
    static const uint8_t value[300];
    int n = 1 + (int)below(4);
    for (int i = 0; i < n; i++)
        batch_add(b, 1000000 + m.n * 10 + (int64_t)below(40), slice_cstr("key"),
                  slice_of(value, below(sizeof value)), NULL, 0);
}

static bool plain(void)
{
    struct batch_builder b;
    int64_t base;
    batch_builder_init(&b);
    b.producer_id = -1;
    fill(&b);
    int rc = append(&b, false, &base);
    batch_builder_fini(&b);
    return rc == 0;
}

/* A batch of an idempotent or transactional producer: the next, the last again, or one too far. */
static bool sent(int w)
{
    struct sender *s = &m.who[w];
    bool txn = w >= IDEMPOTENT, known = s->last >= 0 && m.b[s->last].base >= m.start;
    uint64_t how = known ? below(10) : 9;
    struct batch_builder b;
    int64_t base;
    batch_builder_init(&b);
    b.producer_id = txn ? 101 + w : 1 + w;
    b.producer_epoch = s->epoch;
    b.attributes = txn ? BATCH_TRANSACTIONAL : 0;
    if (how == 0) { /* again: as many records as it had */
        const struct entry *e = &m.b[s->last];
        b.base_sequence = e->sequence;
        for (int64_t i = e->base; i <= e->last; i++)
            batch_add(&b, 1, slice_cstr("k"), slice_cstr("v"), NULL, 0);
        int rc = append(&b, txn, &base);
        batch_builder_fini(&b);
        return rc == 0 && base == e->base;
    }
    b.base_sequence = s->next + (how == 1);
    fill(&b);
    int n = m.n, rc = append(&b, txn, &base), records = b.count;
    batch_builder_fini(&b);
    if (how == 1) return rc == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && m.n == n;
    if (rc || m.n != n + 1) return false;
    s->next += records;
    s->last = n;
    if (txn && s->open_first < 0) s->open_first = m.b[n].base;
    return true;
}

static bool ended(int w, bool abort)
{
    struct sender *s = &m.who[w];
    struct batch_builder b;
    static const uint8_t value[6];
    int64_t base;
    batch_builder_init(&b);
    b.producer_id = 101 + w;
    b.producer_epoch = s->epoch;
    b.base_sequence = -1;
    b.attributes = BATCH_TRANSACTIONAL;
    batch_add_control(&b, 1000000, abort ? CONTROL_ABORT : CONTROL_COMMIT, slice_of(value, sizeof value));
    int n = m.n, rc = append(&b, true, &base);
    batch_builder_fini(&b);
    if (rc || m.n != n + 1) return false;
    for (int i = n - 1; i >= 0 && s->open_first >= 0 && m.b[i].base >= s->open_first; i--) {
        struct entry *e = &m.b[i];
        if (e->pid != 101 + w || e->control) continue;
        e->decided = true;
        e->aborted = abort;
    }
    s->open_first = -1;
    return true;
}

static int64_t stable(void)
{
    int64_t at = part->log->end_offset;
    for (int w = IDEMPOTENT; w < IDEMPOTENT + TRANSACTIONAL; w++)
        if (m.who[w].open_first >= 0) at = min_i64(at, m.who[w].open_first);
    return max_i64(at, m.start);
}

static int find(int64_t offset)
{
    int lo = 0, hi = m.n;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (m.b[mid].last < offset) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* Whether a client that reads committed records skips the batch, from what the answer tells it. */
static bool skipped(const struct aborted_txns *a, const struct entry *e, const bool *over)
{
    for (size_t i = 0; i < a->n; i++)
        if (!over[i] && a->v[i].producer_id == e->pid && a->v[i].first_offset <= e->base) return true;
    return false;
}

static bool read_some(bool committed)
{
    struct log *l = part->log;
    int64_t offset = m.start + (int64_t)below((uint64_t)(l->end_offset - m.start) + 1),
            max = 1 + (int64_t)below(6000), limit = committed ? stable() : l->end_offset;
    struct log_range range;
    struct aborted_txns aborted = {0};
    if (log_read(l, offset, limit, max, true, &range)) return false;
    if (offset >= limit) return !range.seg;
    if (!range.seg) return false;
    if (committed && log_aborted(l, offset, range.next_offset, &aborted)) return false;
    bool ok = true, *over = xcalloc(aborted.n + 1, sizeof *over);
    int64_t at = range.pos, end = range.pos + range.bytes;
    int i = find(offset), count = 0;
    for (; ok && at < end; i++, count++) {
        uint8_t head[BATCH_HEAD_BYTES];
        struct batch_head h = {0};
        const struct entry *e = &m.b[i];
        ok = i < m.n && os_pread(NULL, range.seg->fd, head, sizeof head, at) == sizeof head;
        int rc = ok ? batch_head_parse(slice_of(head, sizeof head), &h) : 0;
        ok = ok && (rc == 0 || rc == ERR_EOF) && h.base_offset == e->base && h.crc == e->crc &&
             e->last < limit;
        if (ok && committed && e->transactional && e->control)
            for (size_t k = 0; k < aborted.n; k++)
                over[k] |= aborted.v[k].producer_id == e->pid && aborted.v[k].last_offset == e->base;
        else if (ok && committed)
            ok = e->pid < 100 || (e->decided && skipped(&aborted, e, over) == e->aborted);
        at += h.bytes;
    }
    ok = ok && at == end && count > 0 && (range.bytes <= max || count == 1) &&
         range.next_offset > m.b[i - 1].last;
    log_seg_put(range.seg);
    aborted_txns_fini(&aborted);
    free(over);
    return ok;
}

static bool find_time(void)
{
    int64_t t = 999990 + (int64_t)below((uint64_t)m.n * 10 + 60);
    struct log_range range;
    int i = 0;
    while (i < m.n && (m.b[i].max_time < t || m.b[i].last < m.start)) i++;
    if (log_find_time(part->log, t, &range)) return false;
    if ((range.seg == NULL) != (i == m.n)) return false;
    if (!range.seg) return true;
    uint8_t head[BATCH_HEAD_BYTES];
    bool ok = os_pread(NULL, range.seg->fd, head, sizeof head, range.pos) == sizeof head &&
              (int64_t)load_be64(head) == m.b[i].base;
    log_seg_put(range.seg);
    return ok;
}

static bool end_of_epoch(void)
{
    int32_t asked = (int32_t)below((uint64_t)m.leader_epoch + 2), epoch, want = -1;
    int64_t end, want_end = -1;
    int first = find(m.start), i = first;
    part_end_of_epoch(part, asked, &epoch, &end);
    if (asked > m.leader_epoch) return epoch == -1 && end == -1;
    if (first == m.n || asked < m.b[first].leader_epoch) return true; /* gone with the records */
    for (; i < m.n && m.b[i].leader_epoch <= asked; i++) want = m.b[i].leader_epoch;
    want_end = i < m.n ? m.b[i].base : part->log->end_offset;
    if (asked == m.leader_epoch) want = asked;
    return epoch == want && end == want_end;
}

static bool reopen(void)
{
    bool clean = below(2);
    int64_t end = part->log->end_offset, synced = log_recovery_point(part->log);
    if (clean && part_close(part)) return false;
    part_remove(part, 0, -1);
    if (below(2)) m.leader_epoch++;
    if (!open_part(clean, clean ? end : (int64_t)below((uint64_t)synced + 1))) return false;
    return part->log->end_offset == end && part->log->start_offset == m.start;
}

static bool sync_all(void)
{
    part_tick(part, 0, false);
    while (part->syncer) shard_turn(&shard, INT64_MAX);
    return part->log->synced_offset > 0 || part->log->end_offset == 0;
}

static bool delete_records(void)
{
    int64_t to = m.start + (int64_t)below((uint64_t)(stable() - m.start) / 3 + 1);
    if (part_delete_records(part, to)) return false;
    m.start = to;
    return part->log->start_offset == to;
}

static uint64_t chosen; /* the last operation, for the message */

static bool operate(void)
{
    uint64_t what = chosen = below(1000);
    if (what < 150) return plain();
    if (what < 350) return sent((int)below(IDEMPOTENT));
    if (what < 550) return sent(IDEMPOTENT + (int)below(TRANSACTIONAL));
    if (what < 620) return ended(IDEMPOTENT + (int)below(TRANSACTIONAL), below(2));
    if (what < 780) return read_some(false);
    if (what < 940) return read_some(true);
    if (what < 960) return find_time();
    if (what < 980) return end_of_epoch();
    if (what < 988) return log_roll(part->log, 0) == 0;
    if (what < 992) return delete_records();
    if (what < 995) return sync_all();
    return reopen();
}

static void begin(void)
{
    memset(&m.who, 0, sizeof m.who);
    m.n = 0;
    m.start = 0;
    m.leader_epoch = 0;
    for (int w = 0; w < IDEMPOTENT + TRANSACTIONAL; w++) {
        m.who[w].last = -1;
        m.who[w].open_first = -1;
    }
}

TEST(random_operations_agree_with_a_list_of_batches)
{
    const char *env = getenv("OPERATIONS");
    long long left = env ? strtoll(env, NULL, 10) : 60000;
    struct os_stat st; /* memory where there is some: stops sync */
    snprintf(root, sizeof root, "%s/moldau-model-test-%llx",
             os_stat(NULL, "/dev/shm", &st) ? "/tmp" : "/dev/shm", (unsigned long long)os_boot_wall_ms());
    m.b = xcalloc(BATCHES_MAX + 1, sizeof *m.b);
    struct os_pool *pool = os_linux_pool_new(2);
    shard_init(&shard, 0, 1, peers, os_linux_new(pool), 8);
    parts_init(&parts, &shard, PART_SYNC_NEVER, INT64_MAX);
    for (uint64_t seed = 1; left > 0; seed++) {
        prng_init(&r, seed);
        begin();
        int rc = os_remove_tree(NULL, root);
        CHECK(rc == 0 || rc == ERR_NOENT);
        CHECK(os_mkdir(NULL, root) == 0);
        CHECK(open_part(true, 0));
        for (int i = 0; m.n < BATCHES_MAX && left > 0; i++, left--) {
            bool ok = operate();
            if (!ok) printf("  seed %llu, operation %d (%d)\n", (unsigned long long)seed, i, (int)chosen);
            CHECK(ok);
            CHECK_INT(part_last_stable_offset(part), stable());
        }
        CHECK(part_close(part) == 0);
        part_remove(part, 0, -1);
    }
    CHECK(os_remove_tree(NULL, root) == 0);
    free(m.b);
    os_linux_pool_free(pool);
}
