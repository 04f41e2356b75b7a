/* A cleaning of damaged segments: four bytes an act, on segments that were sound.
 *   byte 0: file (3 of them) and act; 1, 2: position; 3: value
 * The first byte of the input tells whether checksums are put right afterwards and how much the map holds. */
#include "base/strbuf.h"
#include "log/clean.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SECOND 60
static struct log_files files;
static char dir[64];
/* Batches of every codec and of transactions; an index of those that were aborted. */
static struct file {
    const char *name;
    uint8_t *p;
    size_t n;
} images[] = {{"00000000000000000000.log", 0, 0},
              {"00000000000000000060.log", 0, 0},
              {"00000000000000000000.txnindex", 0, 0}};

static void add_batch(struct kp_writer *w, int64_t base, int i)
{
    struct batch_builder b;
    batch_builder_init(&b);
    b.base_offset = base;
    if (i % 3) {
        b.producer_id = i % 3;
        b.producer_epoch = 0;
        b.base_sequence = i;
        b.attributes = BATCH_TRANSACTIONAL;
    }
    if (i % 6 == 5) batch_add_control(&b, 1000 + i, i % 4 == 1, slice_cstr("marker"));
    else
        for (int k = 0; k < 4; k++) {
            uint8_t key = (uint8_t)('a' + (i * 7 + k) % 9);
            batch_add(&b, 1000 + i, slice_of(&key, 1),
                      k == 2 ? (struct slice){0} : slice_cstr("value value value"), NULL, 0);
        }
    b.codec = i % 6 == 5 ? 0 : i % KP_CODECS_N;
    b.last_delta = 3;
    int rc = batch_finish(&b, w);
    ASSERT(rc == 0);
    batch_builder_fini(&b);
}

static void setup(void)
{
    struct kp_writer w;
    struct aborted_txn t = {1, 4, 31, 32};
    log_files_init(&files, 8);
    struct os_stat st;
    uint32_t tag;
    os_entropy(NULL, &tag, sizeof tag);
    /* In memory where there is such a place: every run syncs. */
    snprintf(dir, sizeof dir, "%s/moldau-clean-fuzz-%08x",
             os_stat(NULL, "/dev/shm", &st) == 0 && st.is_dir ? "/dev/shm" : "/tmp", tag);
    for (int s = 0; s < 2; s++) {
        kp_writer_init(&w, 4096);
        for (int i = 0; i < 15; i++) add_batch(&w, s * SECOND + i * 4, i + s);
        images[s].p = kp_writer_take(&w, &images[s].n);
    }
    images[2].p = xmalloc(TXN_INDEX_ENTRY_BYTES);
    images[2].n = TXN_INDEX_ENTRY_BYTES;
    aborted_txn_write(&t, images[2].p);
}

static void write_file(const char *name, const uint8_t *p, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = os_open(NULL, path, OS_WRITE | OS_CREATE | OS_TRUNCATE);
    int rc = fd < 0 ? fd : os_pwrite(NULL, fd, p, n, 0);
    ASSERT(rc == 0);
    os_close(NULL, fd);
}

static void damage(const uint8_t *data, size_t n, bool crc)
{
    int rc = os_remove_tree(NULL, dir);
    if (rc == ERR_NOENT) rc = 0;
    if (rc == 0) rc = os_mkdir(NULL, dir);
    ASSERT(rc == 0);
    for (size_t i = 0; i < NELEMS(images); i++) {
        size_t len = images[i].n;
        uint8_t *copy = xmalloc(len + 256);
        memcpy(copy, images[i].p, len);
        for (size_t at = 0; at + 4 <= n; at += 4) {
            size_t pos = load_be16(data + at + 1);
            if (data[at] % NELEMS(images) != i) continue;
            if (data[at] / 8 % 8 == 0) len = min_size(len, pos);
            else if (data[at] / 8 % 8 == 1)
                while (len < images[i].n + pos % 200) copy[len++] = data[at + 3];
            else if (len) copy[pos % len] = data[at + 3];
        }
        struct batch_head h;
        for (size_t k = 0; crc && i < 2 && k < len && batch_head_parse(slice_of(copy + k, len - k), &h) == 0;
             k += (size_t)h.bytes)
            batch_set_crc(copy + k, (size_t)h.bytes);
        write_file(images[i].name, copy, len);
        free(copy);
    }
    /* The active one; and with indexes, be they empty, a clean start trusts the others. */
    static const char *const empty[] = {"000.index", "000.timeindex", "060.index", "060.timeindex",
                                        "120.index", "120.timeindex", "120.log"};
    for (size_t i = 0; i < NELEMS(empty); i++) {
        char name[64];
        snprintf(name, sizeof name, "00000000000000000%s", empty[i]);
        write_file(name, NULL, 0);
    }
}

/* What a cleaning wrote, it can read. */
static bool check(void *arg, const uint8_t *batch, const struct batch_head *h, struct aborted_txn *aborted)
{
    struct kp_writer body;
    struct slice s;
    struct record_iter it;
    struct record r;
    (void)arg;
    (void)aborted;
    kp_writer_init(&body, 0);
    int rc = clean_body(batch, h, &body, &s);
    ASSERT(rc == 0);
    record_iter_init(&it, h, s);
    while (record_next(&it, &r)) ASSERT(r.offset <= h->last_offset);
    ASSERT(it.err == 0);
    kp_writer_fini(&body);
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct log_cfg cfg = {.segment_bytes = 1 << 20,
                                       .segment_ms = INT64_MAX,
                                       .segment_index_bytes = 1 << 16,
                                       .index_interval_bytes = 100,
                                       .retention_ms = -1,
                                       .retention_bytes = -1,
                                       .clean_compact = true};
    struct log *l;
    if (n < 1) return 0;
    if (!dir[0]) setup();
    damage(data + 1, n - 1, data[0] & 1);
    struct log_open_opts o = {.clean = true, .start_offset = -1, .replay_from = INT64_MAX};
    if (log_open(NULL, &files, dir, &cfg, &o, &l)) return 0;
    int rc = 0;
    for (int round = 0; round < 2 && rc == 0; round++) {
        struct clean_producer *ps = xcalloc(1, sizeof *ps);
        *ps = (struct clean_producer){1, 39, 0};
        struct log_clean_opts co = {.now_ms = 5000 + round * 2000,
                                    .upper_offset = l->segs[l->segs_n - 1]->base_offset,
                                    .delete_retention_ms = 1000,
                                    .map_slots = data[0] & 2 ? 1 : 1000,
                                    .map_load = 0.9,
                                    .io_bytes = 4096,
                                    .producers_take = ps,
                                    .producers_n = 1};
        struct log_clean *c = log_clean_new(l, &co);
        while ((rc = log_clean_next(c, l)) == 1) log_clean_run(c);
        ASSERT(rc != ERR_BUSY && !l->faulted);
        log_clean_free(c, l);
    }
    log_free(l);
    o = (struct log_open_opts){.recovery_point = 0, .start_offset = -1, .scan_cb = rc ? NULL : check};
    if (log_open(NULL, &files, dir, &cfg, &o, &l) == 0) {
        ASSERT(rc || !o.cut[0]);
        log_free(l);
    }
    return 0;
}

__attribute__((destructor)) static void clean(void)
{
    if (dir[0]) (void)!os_remove_tree(NULL, dir);
}
