/* A whole partition directory with damage: four bytes an act, on files that were sound.
 *   byte 0: file and act; 1, 2: position; 3: value
 * Then the partition is opened, read from end to end, written to, closed and opened again. The first byte of
 * the input tells whether the stop was clean and from where recovery reads. */
#include "base/strbuf.h"
#include "kp/batch.h"
#include "log/txn_index.h"
#include "part/part_test_rig.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct shard shard;
static struct shard *peers[1] = {&shard};
static struct parts parts;
static char root[64], dir[80];
static const struct uuid id = {{7}};

/* Two segments of idempotent batches, an aborted transaction at the end, everything beside them. */
static struct file {
    const char *name;
    uint8_t *p;
    size_t n;
} files[] = {{"00000000000000000000.log", 0, 0},       {"00000000000000000000.index", 0, 0},
             {"00000000000000000000.timeindex", 0, 0}, {"00000000000000000040.log", 0, 0},
             {"00000000000000000040.index", 0, 0},     {"00000000000000000040.timeindex", 0, 0},
             {"00000000000000000085.snapshot", 0, 0},  {"leader-epoch-checkpoint", 0, 0},
             {"00000000000000000040.txnindex", 0, 0}};
#define FILES_FIRST 8 /* the others are meant when the position has its highest bit set */

static int open_part(bool clean, int64_t from, struct part **out)
{
    struct conf_topic cfg = part_test_conf(1 << 20, 1);
    struct log_open_opts o = {.clean = clean, .recovery_point = from, .start_offset = -1};
    return part_open(&parts, root, 0, id, "t", 0, &cfg, 0, &o, out);
}

static void finish(struct part *p, struct batch_builder *b, bool internal)
{
    struct kp_writer w;
    kp_writer_init(&w, 0);
    int rc = batch_finish(b, &w);
    ASSERT(rc == 0);
    struct part_append a = {.records = kp_writer_slice(&w), .done = part_test_appended, .internal = internal};
    part_append(p, &a);
    parts_end_of_turn(&parts);
    kp_writer_fini(&w);
    batch_builder_fini(b);
}

static void append(struct part *p, int64_t base)
{
    struct batch_builder b;
    batch_builder_init(&b);
    b.producer_id = 5;
    b.producer_epoch = 0;
    b.base_sequence = (int32_t)base;
    for (int i = 0; i < 4; i++)
        batch_add(&b, 1000 + base + i, slice_cstr("key"), slice_cstr("value"), NULL, 0);
    finish(p, &b, false);
}

static void append_aborted(struct part *p)
{
    static const uint8_t end[6];
    for (int i = 0; i < 2; i++) {
        struct batch_builder b;
        batch_builder_init(&b);
        b.attributes = BATCH_TRANSACTIONAL;
        b.producer_id = 6;
        b.producer_epoch = 0;
        b.base_sequence = i ? -1 : 0;
        for (int k = 0; k < 4 && i == 0; k++) batch_add(&b, 1080, slice_cstr("k"), slice_cstr("v"), NULL, 0);
        if (i) batch_add_control(&b, 1081, CONTROL_ABORT, slice_of(end, sizeof end));
        finish(p, &b, true);
    }
}

static void setup(void)
{
    struct part *p;
    snprintf(root, sizeof root, "/dev/shm/moldau-recover-fuzz-%llx",
             (unsigned long long)(uintptr_t)&parts ^ (uint64_t)os_boot_wall_ms());
    if (os_mkdir(NULL, root)) {
        snprintf(root, sizeof root, "/tmp/moldau-recover-fuzz-%llx", (unsigned long long)os_boot_wall_ms());
        int rc = os_mkdir_p(NULL, root);
        ASSERT(rc == 0);
    }
    snprintf(dir, sizeof dir, "%s/t-0", root);
    shard_init(&shard, 0, 1, peers, os_linux_new(NULL), 16);
    parts_init(&parts, &shard, PART_SYNC_NEVER, INT64_MAX);
    int rc = open_part(true, 0, &p);
    ASSERT(rc == 0);
    for (int64_t at = 0; at < 80; at += 4) {
        if (at == 40) rc = log_roll(p->log, 0);
        append(p, at);
    }
    append_aborted(p);
    ASSERT(rc == 0 && p->log->end_offset == 85 && part_last_stable_offset(p) == 85);
    rc = part_close(p);
    ASSERT(rc == 0);
    part_remove(p, 0, -1);
    for (size_t i = 0; i < NELEMS(files); i++) {
        struct strbuf b;
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        strbuf_init(&b);
        rc = os_read_file(NULL, path, 1 << 20, &b);
        ASSERT(rc == 0);
        files[i].p = (uint8_t *)b.s;
        files[i].n = b.n;
    }
}

static bool forged; /* checksums were mended: other records, soundly written */

/* Writes the directory anew with the damage done to it. */
static void damage(const uint8_t *data, size_t n)
{
    int rc = os_remove_tree(NULL, dir);
    if (rc == ERR_NOENT) rc = 0;
    if (rc == 0) rc = os_mkdir(NULL, dir);
    ASSERT(rc == 0);
    forged = false;
    for (size_t i = 0; i < NELEMS(files); i++) {
        size_t len = files[i].n, at = 0;
        uint8_t *copy = xmalloc(len + 4096);
        bool gone = false, crc = false;
        char path[128];
        memcpy(copy, files[i].p, len);
        for (; at + 4 <= n; at += 4) {
            size_t pos = load_be16(data + at + 1);
            size_t file = pos & 0x8000 ? FILES_FIRST + data[at] % (NELEMS(files) - FILES_FIRST)
                                       : data[at] % FILES_FIRST;
            if (file != i) continue;
            pos &= 0x7fff;
            switch (data[at] / 8 % 8) {
            case 0:
                gone = true;
                break;
            case 1:
                len = min_size(len, pos);
                break;
            case 2: /* a tail of something */
                for (size_t k = 0; k < pos % 64 && len < files[i].n + 4000; k++) copy[len++] = data[at + 3];
                break;
            case 3:
                crc = true; /* fall through */
            default:
                if (len) copy[pos % len] = data[at + 3];
            }
        }
        struct batch_head h;
        forged |= crc;
        for (size_t k = 0; crc && k < len && batch_head_parse(slice_of(copy + k, len - k), &h) == 0;
             k += (size_t)h.bytes)
            batch_set_crc(copy + k, (size_t)h.bytes);
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        int fd = gone ? -1 : os_open(NULL, path, OS_WRITE | OS_CREATE | OS_TRUNCATE);
        if (fd >= 0) {
            rc = os_pwrite(NULL, fd, copy, len, 0);
            ASSERT(rc == 0);
            os_close(NULL, fd);
        }
        free(copy);
    }
}

/* verified: recovery read every byte, so what is left is sound. After a clean stop the bytes are trusted, and
 * what a disk did to them since shows as bad checksums at the client. */
static void use(struct part *p, bool verified)
{
    struct log_range r;
    struct log *l = p->log;
    int32_t epoch;
    int64_t at = l->start_offset, end, time_ms;
    ASSERT(l->start_offset <= l->end_offset && p->high_watermark <= l->end_offset);
    for (int i = 0; i < 100 && at < l->end_offset; i++) {
        if (log_read(l, at, INT64_MAX, 300, true, &r) || !r.seg) break;
        uint8_t b[BATCH_HEAD_BYTES];
        struct batch_head h;
        ssize_t n = os_pread(l->os, r.seg->fd, b, sizeof b, r.pos);
        int rc = n < 0 ? (int)n : batch_head_parse(slice_of(b, (size_t)n), &h);
        log_seg_put(r.seg);
        bool sound = n == sizeof b && (rc == 0 || rc == ERR_EOF) && h.last_offset >= at;
        ASSERT(sound || !verified);
        if (!sound) break;
        at = h.last_offset + 1;
    }
    for (int64_t t = 990; t < 1100; t += 7)
        if (log_find_time(l, t, &r) == 0 && r.seg) log_seg_put(r.seg);
    if (log_find_max_time(l, &time_ms, &r) == 0 && r.seg) log_seg_put(r.seg);
    log_end_of_epoch(l, 0, &epoch, &end);
    ASSERT(part_last_stable_offset(p) >= l->start_offset && part_last_stable_offset(p) <= p->high_watermark);
    struct aborted_txns aborted = {0};
    if (log_aborted(l, 0, l->end_offset, &aborted) == 0 && verified && !forged && at == 85 &&
        (size_t)log_bytes(l) == files[0].n + files[3].n)
        ASSERT(aborted.n == 1 && aborted.v[0].first_offset == 80 && aborted.v[0].last_offset == 84);
    aborted_txns_fini(&aborted);
    append(p, 80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool ready;
    if (!ready) setup();
    ready = true;
    if (n < 2) return 0;
    damage(data + 1, n - 1);
    for (int round = 0; round < 2; round++) {
        struct part *p;
        if (open_part(data[0] & 1, round ? 0 : data[0] / 2, &p)) break;
        use(p, !(data[0] & 1) && (round || data[0] / 2 == 0));
        (void)!part_close(p);
        part_remove(p, 0, -1);
    }
    return 0;
}

__attribute__((destructor)) static void clean(void)
{
    if (root[0]) (void)!os_remove_tree(NULL, root);
}
