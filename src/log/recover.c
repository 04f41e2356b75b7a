/* Opening a log: after a clean stop trust the files, after a crash read from the recovery point and cut at
 * the first batch that is not sound.
 *
 * Invariants
 * 1. Below the recovery point nothing is cut but what cannot be a batch at all; above it the first batch that
 * is not sound, and everything behind it, was never acknowledged as synced.
 * 2. Index entries are believed only up to a batch that fits them; the scan that follows makes the rest.
 * 3. Whatever is cut is said in o->cut, and is not there any more when log_open returns.
 *
 *   log_open -> log_finish_swaps -> list_file (each name) -> open_listed -> open_segs -> open_seg -> log_scan
 *                                                    \--no segment--> create */
#include "log/log_int.h"
#include "log/txn_index.h"
#include "base/i64s.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

#define SCAN_BYTES ((size_t)1 << 18)

int log_scan(struct log_seg *s, int64_t pos, bool rebuild, int64_t cb_from, log_scan_cb *cb, void *arg,
             int64_t *end, int64_t *next_offset, const char **why)
{
    struct log *l = s->log;
    struct os_stat st;
    bool whole = rebuild && pos == 0;
    *why = NULL;
    int rc = log_seg_open(s);
    if (rc || (rc = os_fstat(l->os, s->fd, &st)) != 0) return rc;
    size_t cap = SCAN_BYTES, have = 0, at = 0;
    uint8_t *b = xmalloc(cap);
    int64_t read_pos = pos;
    while (pos < st.size) {
        struct batch_head h = {0};
        rc = batch_head_parse(slice_of(b + at, have - at), &h);
        if (rc == ERR_EOF && read_pos < st.size) {
            /* Need more. A length that lies is bounded by the file's size. */
            size_t need = have - at >= BATCH_HEAD_BYTES ? (size_t)h.bytes : BATCH_HEAD_BYTES;
            if (have - at >= BATCH_HEAD_BYTES && pos + h.bytes > st.size) {
                *why = "the last batch is cut short";
                rc = 0;
                break;
            }
            memmove(b, b + at, have - at);
            have -= at;
            at = 0;
            if (need > cap) b = xrealloc(b, cap = need + SCAN_BYTES);
            ssize_t n = os_pread(l->os, s->fd, b + have,
                                 (size_t)min_i64((int64_t)(cap - have), st.size - read_pos), read_pos);
            if (n <= 0) {
                rc = n < 0 ? (int)n : ERR_IO;
                break;
            }
            have += (size_t)n;
            read_pos += n;
            continue;
        }
        if (rc) *why = rc == ERR_EOF ? "the last batch is cut short" : "bytes that are no record batch";
        else if (!batch_crc_ok(b + at, h.bytes)) *why = "a batch fails its checksum";
        else if (h.base_offset < *next_offset) *why = "offsets go backwards";
        rc = 0;
        if (*why) break;
        if (rebuild) {
            s->size = pos;
            if ((rc = log_index_note(s, &h)) != 0) break;
        }
        if (rebuild && (l->epochs_n == 0 || l->epochs[l->epochs_n - 1].epoch < h.leader_epoch))
            log_note_epoch(l, h.leader_epoch, h.base_offset);
        struct aborted_txn aborted;
        bool told = cb && h.last_offset >= cb_from;
        if (told && cb(arg, b + at, &h, &aborted) && rebuild && (rc = txn_index_put(s, &aborted)) != 0) break;
        if (whole && !told && (h.attributes & BATCH_TRANSACTIONAL) && l->txns_missed < 0)
            l->txns_missed = s->base_offset;
        *next_offset = h.last_offset + 1;
        at += (size_t)h.bytes;
        pos += h.bytes;
    }
    free(b);
    *end = pos;
    return rc;
}

struct listing {
    struct i64s logs, txns; /* segments; those with a transaction index */
    struct log *l;
    bool sweep; /* remove what was dropped before */
};

static int list_file(void *arg, const char *name, bool is_dir)
{
    struct listing *x = arg;
    size_t n = strlen(name);
    if (is_dir) return 0;
    if (x->sweep && n > 8 && strcmp(name + n - 8, ".deleted") == 0 && strspn(name, "0123456789") == 20) {
        char path[LOG_PATH_MAX]; /* its time had not come when the broker ended */
        snprintf(path, sizeof path, "%s/%s", x->l->dir, name);
        int rc = os_unlink(x->l->os, path);
        return rc == ERR_NOENT ? 0 : rc;
    }
    if (strspn(name, "0123456789") != 20) return 0;
    struct i64s *to = strcmp(name + 20, ".log") == 0        ? &x->logs
                      : strcmp(name + 20, ".txnindex") == 0 ? &x->txns
                                                            : NULL;
    if (to) i64s_add(to, strtoll(name, NULL, 10));
    return 0;
}

static int read_epochs(struct log *l)
{
    char path[LOG_PATH_MAX];
    struct strbuf b;
    strbuf_init(&b);
    snprintf(path, sizeof path, "%s/" LOG_EPOCHS_FILE, l->dir);
    int rc = os_read_file(l->os, path, 16 << 20, &b);
    /* "0", the count, then "epoch start" a line; what does not grow was not written by a broker and ends the
     * reading. */
    char *save, *line = rc == 0 ? strtok_r(b.s ? b.s : (char[]){""}, "\n", &save) : NULL;
    if (line && strcmp(line, "0") == 0 && strtok_r(NULL, "\n", &save))
        while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
            char *rest;
            long long epoch = strtoll(line, &rest, 10),
                      start = *rest == ' ' ? strtoll(rest + 1, NULL, 10) : -1;
            const struct log_epoch *last = l->epochs_n ? &l->epochs[l->epochs_n - 1] : NULL;
            if (epoch < 0 || epoch > INT32_MAX || start < 0 || start == INT64_MAX) break;
            if (last && (epoch <= last->epoch || start < last->start_offset)) break;
            log_note_epoch(l, (int32_t)epoch, start);
        }
    l->epochs_dirty = false;
    strbuf_fini(&b);
    return rc == ERR_NOENT || rc == ERR_FORMAT ? 0 : rc;
}

/* Empties the index files and prepares the segment for a rebuild from its first byte. */
static int reset_index(struct log_seg *s, const struct log_open_opts *o)
{
    static const char *const suffixes[] = {"index", "timeindex"};
    for (size_t i = 0; i < NELEMS(suffixes); i++) {
        char path[LOG_PATH_MAX];
        log_path(s->log, s->base_offset, suffixes[i], path, sizeof path);
        int fd = os_open(s->log->os, path, OS_WRITE | OS_CREATE | OS_TRUNCATE);
        if (fd < 0) return fd;
        os_close(s->log->os, fd);
    }
    int rc = o->scan_cb ? txn_index_reset(s) : 0;
    if (rc) return rc;
    log_tail_free(s->tail);
    s->tail = log_tail_new(-1);
    s->index_n = s->time_n = 0;
    s->max_time_ms = s->first_time_ms = -1;
    s->max_time_offset = s->base_offset;
    return 0;
}

static int remove_files(struct log *l, int64_t base_offset)
{
    static const char *const suffixes[] = {"log", "index", "timeindex", "txnindex", "snapshot"};
    int rc = 0;
    for (size_t k = 0; k < NELEMS(suffixes); k++) {
        char path[LOG_PATH_MAX];
        log_path(l, base_offset, suffixes[k], path, sizeof path);
        int r = os_unlink(l->os, path);
        if (r && r != ERR_NOENT) rc = r;
    }
    return rc;
}

/* Removes the segments from index i on. */
static int drop_from(struct log *l, int i)
{
    int rc = 0;
    while (rc == 0 && l->segs_n > i) {
        struct log_seg *last = l->segs[--l->segs_n];
        rc = remove_files(l, last->base_offset);
        log_seg_free(last);
    }
    return rc;
}

/* A segment that a full disk did not let begin and that came back with the power: empty, and the one before
 * it got more records. 1: it was one and is gone. */
static int drop_unbegun(struct log *l, int i, int64_t *bases)
{
    char path[LOG_PATH_MAX];
    struct os_stat st;
    log_path(l, bases[i], "log", path, sizeof path);
    int rc = os_stat(l->os, path, &st);
    if (rc || st.size) return rc;
    rc = remove_files(l, bases[i]);
    log_seg_free(l->segs[i]);
    l->segs_n--;
    memmove(l->segs + i, l->segs + i + 1, (size_t)(l->segs_n - i) * sizeof(struct log_seg *));
    memmove(bases + i, bases + i + 1, (size_t)(l->segs_n - i) * sizeof *bases);
    return rc ? rc : 1;
}

static int truncate_files(struct log *l, int from_seg, int64_t size, struct log_open_opts *o, const char *why)
{
    struct log_seg *s = l->segs[from_seg];
    struct os_stat st;
    int rc = log_seg_open(s);
    if (rc || (rc = os_fstat(l->os, s->fd, &st)) != 0) return rc;
    if (st.size > size) {
        snprintf(o->cut, sizeof o->cut, "cut %lld bytes at position %lld of segment %020lld: %s",
                 (long long)(st.size - size), (long long)size, (long long)s->base_offset,
                 why ? why : "unsound");
        rc = os_ftruncate(l->os, s->fd, size);
    }
    return rc ? rc : drop_from(l, from_seg + 1);
}

/* Looks at a segment's transaction index, and keeps of it what lies below end. */
static int load_txns(struct log_seg *s, bool there, const struct log_open_opts *o, int64_t end, bool *damaged)
{
    int64_t known = 0;
    for (int i = 0; o->txns && i + 1 < o->txns->n; i += 2)
        if (o->txns->v[i] == s->base_offset) known = o->txns->v[i + 1];
    if (there) return txn_index_load(s, known, end, damaged);
    if (known) *damaged = true;
    return 0;
}

/* Verifies and rebuilds from the last index entry below `from`, up to which all was synced and is known. *end
 * stays 0 where there is none, or where the entry leads to no batch. */
static int resume(struct log_seg *s, int64_t from, bool has_txns, struct log_open_opts *o, int64_t *end,
                  int64_t *next, const char **why)
{
    int64_t pos, from_here = *next;
    bool damaged = false;
    /* Markers from there on will be told again. */
    int rc = o->scan_cb ? load_txns(s, has_txns, o, o->replay_from, &damaged) : 0;
    if (rc == 0 && !damaged) rc = log_index_resume(s, from, &pos);
    if (rc || damaged || pos == 0) return rc;
    log_tail_free(s->tail);
    s->tail = log_tail_new(s->max_time_ms);
    (void)log_seg_first_time(s);
    rc = log_scan(s, pos, true, o->replay_from, o->scan_cb, o->scan_arg, end, next, why);
    if (rc == 0 && *end == pos) {
        *end = 0;
        *next = from_here;
    }
    return rc;
}

/* What was synced must not be cut. */
static int below_recovery_point(const struct log_seg *s, int64_t pos, const char *why,
                                struct log_open_opts *o)
{
    snprintf(o->cut, sizeof o->cut,
             "found damage at position %lld of segment %020lld, which was synced long ago: %s",
             (long long)pos, (long long)s->base_offset, why);
    return ERR_FORMAT;
}

/* Reads one segment (unclean: verifies and rebuilds). *stop says that later segments must go. */
static int open_seg(struct log *l, int i, bool verify, bool has_txns, struct log_open_opts *o, int64_t *next,
                    bool *stop)
{
    struct log_seg *s = l->segs[i];
    bool last = i == l->segs_n - 1, damaged = false;
    const char *why = NULL;
    char path[LOG_PATH_MAX];
    struct os_stat st;
    int64_t end = 0;
    log_path(l, s->base_offset, "log", path, sizeof path);
    int rc = os_stat(l->os, path, &st);
    if (rc) return rc;
    s->size = st.size;
    if (!verify && (rc = log_index_load(s, &damaged)) != 0) return rc;
    if ((!verify || !o->scan_cb) && (rc = load_txns(s, has_txns, o, INT64_MAX, &damaged)) != 0) return rc;
    if (!verify && !damaged && !last && o->replay_from >= l->segs[i + 1]->base_offset) return 0;
    if (verify || damaged) {
        rc =
            verify ? resume(s, min_i64(o->recovery_point, o->replay_from), has_txns, o, &end, next, &why) : 0;
        if (rc == 0 && end == 0) {
            why = NULL;
            if ((rc = reset_index(s, o)) != 0) return rc;
            rc = log_scan(s, 0, true, o->replay_from, o->scan_cb, o->scan_arg, &end, next, &why);
        }
        if (rc) return rc;
        s->size = end;
        if (why && *next < o->recovery_point) return below_recovery_point(s, end, why, o);
        if (why) {
            *stop = true;
            if ((rc = truncate_files(l, i, end, o, why)) != 0) return rc;
            last = true;
        }
        return last ? log_index_flush(s) : log_index_seal(s);
    }
    /* Sound by its clean stop: read from the last index entry on to find the end, or from where replay
     * begins. */
    int64_t pos = 0, from = o->scan_cb ? min_i64(o->replay_from, INT64_MAX - 1) : INT64_MAX - 1;
    if ((rc = log_index_find(s, from, &pos)) != 0) return rc;
    *next = s->base_offset;
    int64_t tail_max = s->max_time_ms, tail_off = s->max_time_offset;
    if (last) s->tail = log_tail_new(s->max_time_ms);
    rc = log_scan(s, pos, false, o->replay_from, o->scan_cb, o->scan_arg, &end, next, &why);
    if (rc) return rc;
    if (why) {
        /* Below the recovery point nothing may be cut: it was acknowledged. The index that led here may be at
         * fault; records that cannot be read from the start of the file either are for a person to look at.
         */
        if ((rc = reset_index(s, o)) != 0) return rc;
        *next = s->base_offset;
        rc = log_scan(s, 0, true, o->replay_from, o->scan_cb, o->scan_arg, &end, next, &why);
        if (rc == 0 && why) rc = below_recovery_point(s, end, why, o);
        if (rc) return rc;
        s->size = end;
        return last ? log_index_flush(s) : log_index_seal(s);
    }
    if (last) {
        /* The newest timestamp may lie behind the last time entry. */
        struct batch_head h = {0};
        for (int64_t p = pos; p < end; p += h.bytes) {
            uint8_t b[BATCH_HEAD_BYTES];
            ssize_t n = os_pread(l->os, s->fd, b, sizeof b, p);
            if (n < 0) return (int)n;
            rc = batch_head_parse(slice_of(b, (size_t)n), &h);
            if (rc && rc != ERR_EOF) return rc;
            rc = 0;
            if (h.max_time_ms > tail_max) tail_max = h.max_time_ms, tail_off = h.last_offset;
            s->tail->bytes_since_entry += h.bytes;
        }
        s->max_time_ms = tail_max;
        s->max_time_offset = tail_off;
    }
    return 0;
}

static int create(struct log *l, int64_t base_offset)
{
    char path[LOG_PATH_MAX];
    static const char *const suffixes[] = {"log", "index", "timeindex"};
    for (size_t i = 0; i < NELEMS(suffixes); i++) {
        log_path(l, base_offset, suffixes[i], path, sizeof path);
        int fd = os_open(l->os, path, OS_WRITE | OS_CREATE);
        if (fd < 0) return fd;
        os_close(l->os, fd);
    }
    struct log_seg *s = log_seg_new(l, base_offset);
    s->tail = log_tail_new(-1);
    l->start_offset = l->end_offset = base_offset;
    return 0;
}

/* The end of the segment before was lost with the power while this one was kept: neither was synced, and
 * offsets have no gaps. Where compaction makes gaps, they cannot be told apart. */
static bool lost_before(const struct log *l, const struct log_open_opts *o, int64_t base, int64_t next)
{
    return !o->clean && !l->cfg.clean_compact && base > next && base > o->recovery_point;
}

/* Opens each segment of the listing; *next becomes the offset after the last record. */
static int open_segs(struct log *l, struct listing *x, struct log_open_opts *o, int64_t *next)
{
    int rc = 0;
    bool stop = false;
    for (int i = 0; i < x->logs.n; i++) log_seg_new(l, x->logs.v[i]);
    for (int i = 0; rc == 0 && !stop && i < l->segs_n; i++) {
        if (x->logs.v[i] < *next && (rc = drop_unbegun(l, i, x->logs.v)) != 0) {
            if (rc < 0) return rc;
            rc = 0;
            i--;
            continue;
        }
        int64_t base = x->logs.v[i], end = i + 1 < l->segs_n ? x->logs.v[i + 1] : INT64_MAX;
        if (lost_before(l, o, base, *next)) {
            snprintf(o->cut, sizeof o->cut,
                     "removed segments from %020lld on: the log before them ends at offset %lld",
                     (long long)base, (long long)*next);
            return drop_from(l, i);
        }
        *next = max_i64(*next, base);
        rc = open_seg(l, i, !o->clean && end >= o->recovery_point, i64s_has(&x->txns, base), o, next, &stop);
        *next = max_i64(*next, l->segs[i]->base_offset);
        if (rc == 0 && i == l->segs_n - 1) (void)log_seg_first_time(l->segs[i]);
    }
    return rc;
}

/* The last segment is the active one, and the only one with a tail. */
static void settle_tails(struct log *l)
{
    struct log_seg *a = log_active(l);
    if (!a->tail) a->tail = log_tail_new(a->max_time_ms);
    for (int i = 0; i + 1 < l->segs_n; i++) {
        log_tail_free(l->segs[i]->tail);
        l->segs[i]->tail = NULL;
    }
}

static int open_listed(struct log *l, struct listing *x, struct log_open_opts *o)
{
    i64s_sort(&x->logs);
    int64_t next = x->logs.v[0];
    int rc = read_epochs(l);
    if (rc) return rc;
    if (l->epochs_n) l->epoch_kept = l->epochs[l->epochs_n - 1].epoch;
    if ((rc = open_segs(l, x, o, &next)) != 0) return rc;
    settle_tails(l);
    l->end_offset = next;
    l->start_offset = max_i64(x->logs.v[0], min_i64(o->start_offset, next));
    while (l->epochs_n && l->epochs[l->epochs_n - 1].start_offset > next)
        l->epochs_n--, l->epochs_dirty = true;
    return 0;
}

int log_open(struct os *os, struct log_files *files, const char *dir, const struct log_cfg *cfg,
             struct log_open_opts *o, struct log **out)
{
    struct log *l = xcalloc(1, sizeof *l);
    struct listing x = {.l = l, .sweep = true};
    l->os = os;
    l->files = files;
    l->dir = xstrdup(dir);
    l->cfg = *cfg;
    l->txns_missed = -1;
    l->epoch_kept = -1;
    o->cut[0] = 0;
    int rc = os_mkdir(os, dir);
    if (rc == ERR_EXISTS) rc = 0;
    if (rc == 0) rc = log_finish_swaps(os, dir);
    if (rc == 0) rc = os_list_dir(os, dir, list_file, &x);
    if (rc == 0) rc = x.logs.n ? open_listed(l, &x, o) : create(l, max_i64(o->start_offset, 0));
    i64s_fini(&x.logs);
    i64s_fini(&x.txns);
    if (rc) {
        log_free(l);
        return rc;
    }
    l->flushed_offset = l->end_offset;
    l->synced_offset =
        o->clean ? l->end_offset : min_i64(max_i64(o->recovery_point, l->start_offset), l->end_offset);
    l->roll_time_ms = os_wall_ms(os);
    l->names_made = 1; /* also of names that were there: a crash may have come before their sync */
    *out = l;
    return 0;
}

/* ---- reading without opening ---- */
struct peek {
    log_peek_cb *cb;
    void *arg;
    int rc;
};
static bool peek_batch(void *arg, const uint8_t *batch, const struct batch_head *h,
                       struct aborted_txn *aborted)
{
    struct peek *x = arg;
    (void)aborted;
    if (x->rc == 0) x->rc = x->cb(x->arg, batch, h);
    return false;
}

#define PEEK_BYTES_MAX ((int64_t)64 << 20)

/* Sound batches anywhere behind a position. */
static int count_sound(struct log_seg *s, int64_t from, int64_t offset, int *n)
{
    struct os_stat st;
    int rc = log_seg_open(s);
    if (rc || (rc = os_fstat(s->os, s->fd, &st)) != 0) return rc;
    size_t bytes = (size_t)min_i64(max_i64(st.size - from, 0), PEEK_BYTES_MAX);
    uint8_t *b = xmalloc(bytes + 1);
    ssize_t got = os_pread(s->os, s->fd, b, bytes, from);
    for (size_t at = 0; got > 0 && at + BATCH_HEAD_BYTES <= (size_t)got;) {
        struct batch_head h;
        bool sound = b[at + BATCH_AT_MAGIC] == 2 &&
                     !batch_head_parse(slice_of(b + at, (size_t)got - at), &h) && h.base_offset >= offset &&
                     batch_crc_ok(b + at, h.bytes);
        at += sound ? (size_t)h.bytes : 1;
        *n += sound;
    }
    free(b);
    return got < 0 ? (int)got : 0;
}

int log_peek(struct os *os, const char *dir, int64_t from, log_peek_cb *cb, void *arg, int64_t *start_offset,
             int64_t *end_offset, struct log_peek_bad *bad)
{
    struct log_files files;
    struct log *l = xcalloc(1, sizeof *l);
    struct listing x = {.l = l};
    struct peek peek = {cb, arg, 0};
    const char *why = NULL;
    log_files_init(&files, 4);
    l->os = os;
    l->files = &files;
    l->dir = xstrdup(dir);
    *start_offset = *end_offset = -1;
    *bad = (struct log_peek_bad){0};
    int rc = os_list_dir(os, dir, list_file, &x);
    if (rc == ERR_NOENT) rc = 0;
    if (x.logs.n) {
        i64s_sort(&x.logs);
        *start_offset = *end_offset = x.logs.v[0];
    }
    for (int i = 0; rc == 0 && peek.rc == 0 && !why && i < x.logs.n; i++) {
        int64_t end, next = max_i64(*end_offset, x.logs.v[i]);
        struct log_seg *s = log_seg_new(l, x.logs.v[i]);
        if (i + 1 < x.logs.n && x.logs.v[i + 1] <= from) continue;
        rc = log_scan(s, 0, false, from, peek_batch, &peek, &end, &next, &why);
        *end_offset = next;
        if (why) *bad = (struct log_peek_bad){why, x.logs.v[i], end, 0};
        for (int k = i; why && rc == 0 && k < x.logs.n; k++)
            rc = count_sound(k == i ? s : log_seg_new(l, x.logs.v[k]), k == i ? end + 1 : 0, next,
                             &bad->sound_behind);
    }
    i64s_fini(&x.logs);
    i64s_fini(&x.txns);
    log_free(l);
    return rc ? rc : peek.rc;
}

static int wipe_file(void *arg, const char *name, bool is_dir)
{
    struct log *l = arg;
    char path[LOG_PATH_MAX];
    if (is_dir || strspn(name, "0123456789") != 20 || name[20] != '.') return 0;
    snprintf(path, sizeof path, "%s/%s", l->dir, name);
    return os_unlink(l->os, path);
}

int log_wipe(struct os *os, const char *dir)
{
    struct log l = {.os = os, .dir = xstrdup(dir)};
    int rc = os_list_dir(os, dir, wipe_file, &l);
    free(l.dir);
    return rc;
}
