/* A cleaning.
 *
 *   TXNS -> MAP (once over the dirty part) -> for each group of segments: COPY -> SEAL -> SWAP -> DONE
 *
 * Invariants
 * 1. Only the loop opens files for writing and renames, and only after it has seen that the log's directory
 *    is still the log's; so no file of another topic with the same name is touched.
 * 2. The segments of the current group are, whenever names change, in the log as they were when the cleaning
 *    began.
 * 3. Until all of a group's new files have .swap names and that is on the disk, the old ones keep theirs.
 *
 * A crash leaves .cleaned files (dropped at the next start) or .swap files (finished at the next start): see
 * swap.c. */
#include "log/clean.h"
#include "log/log_int.h"

#include <stdio.h>
#include <stdlib.h>

#define SLICE_BYTES ((int64_t)4 << 20)

enum stage { STAGE_TXNS, STAGE_MAP, STAGE_COPY, STAGE_SEAL, STAGE_SWAP, STAGE_LAST_SYNC, STAGE_DONE };

struct clean_seg {
    int64_t base_offset, size;
    int64_t index_bytes, time_bytes;
};

struct log_clean {
    struct os *os;
    char *dir;
    enum stage stage;
    struct log_clean_opts o;
    int64_t segment_bytes, segment_index_bytes, index_interval_bytes;
    struct clean_seg *segs; /* all below upper_offset */
    int segs_n;
    int64_t *later; /* base offsets of segments behind those: their .txnindex matters too */
    int later_n;
    struct aborted_txns aborted;
    struct clean_filter f;
    bool map_full;
    int64_t end_offset;

    /* reading */
    int seg_i; /* of segs */
    struct log_seg *pinned;
    int64_t pos, next_offset;
    uint8_t *in;
    size_t in_cap, in_at, in_have;

    /* writing */
    int group_from, group_to; /* segs[from..to) become one */
    int fd;                   /* of .log.cleaned, -1 */
    int index_fds[3];         /* .index, .timeindex, .txnindex, only in SEAL */
    bool swapped_names;       /* the new files are called .swap */
    bool changed;             /* something differs from the old files */
    struct kp_writer out, index, time_index;
    int64_t out_size; /* written to the file; what is in out comes on top */
    int64_t since_entry, max_time_ms, max_time_offset, entry_time_ms, first_time_ms;

    struct log_clean_stats stats;
    int rc;
    char why[160];
    int64_t ops_left;
};

static const char *const suffixes[] = {"log", "index", "timeindex", "txnindex"};

/* ---- choosing ---- */
int64_t log_clean_extent(const struct log *l, int64_t first_dirty_offset, int64_t upper_offset,
                         int64_t *clean_bytes, int64_t *dirty_bytes)
{
    int n = 0;
    *clean_bytes = *dirty_bytes = 0;
    for (; n + 1 < l->segs_n && l->segs[n + 1]->base_offset <= upper_offset; n++)
        *(l->segs[n + 1]->base_offset <= first_dirty_offset ? clean_bytes : dirty_bytes) += l->segs[n]->size;
    return l->segs[n]->base_offset;
}

struct log_clean *log_clean_new(struct log *l, const struct log_clean_opts *o)
{
    struct log_clean *c = xcalloc(1, sizeof *c);
    c->os = l->os;
    c->dir = xstrdup(l->dir);
    c->o = *o;
    c->o.io_bytes = o->io_bytes < 4096 ? 4096 : o->io_bytes;
    c->segment_bytes = l->cfg.segment_bytes;
    c->segment_index_bytes = l->cfg.segment_index_bytes;
    c->index_interval_bytes = l->cfg.index_interval_bytes;
    c->segs = xcalloc((size_t)l->segs_n, sizeof *c->segs);
    c->later = xcalloc((size_t)l->segs_n, sizeof *c->later);
    for (int i = 0; i < l->segs_n; i++) {
        struct log_seg *s = l->segs[i];
        if (i + 1 < l->segs_n && s->base_offset < o->upper_offset)
            c->segs[c->segs_n++] =
                (struct clean_seg){s->base_offset, s->size, (int64_t)s->index_n * 8, (int64_t)s->time_n * 12};
        else c->later[c->later_n++] = s->base_offset;
    }
    clean_filter_init(&c->f);
    clean_map_init(&c->f.map, o->map_slots, o->map_load, o->seed);
    clean_txns_init(&c->f.txns, &c->aborted);
    c->f.latest_offset = -1;
    c->f.now_ms = o->now_ms;
    c->f.delete_retention_ms = o->delete_retention_ms;
    c->f.producers = o->producers_take;
    c->f.producers_n = o->producers_n;
    c->fd = -1;
    for (int i = 0; i < 3; i++) c->index_fds[i] = -1;
    c->in = xmalloc(c->in_cap = c->o.io_bytes);
    kp_writer_init(&c->out, 0);
    kp_writer_init(&c->index, 0);
    kp_writer_init(&c->time_index, 0);
    c->ops_left = INT64_MAX;
    return c;
}

int64_t log_clean_end_offset(const struct log_clean *c)
{
    return c->end_offset;
}
const char *log_clean_why(const struct log_clean *c)
{
    return c->why;
}
const struct log_clean_stats *log_clean_stats(const struct log_clean *c)
{
    return &c->stats;
}
void log_clean_die_after(struct log_clean *c, int64_t n)
{
    c->ops_left = n;
}

/* ---- files ---- */

/* Every change of a file asks here first. */
static int may(struct log_clean *c)
{
    return c->ops_left-- > 0 ? 0 : ERR_IO;
}

static void path_of(const struct log_clean *c, int64_t base_offset, const char *suffix, const char *more,
                    char *out)
{
    int n = snprintf(out, LOG_PATH_MAX, "%s/%020lld.%s%s", c->dir, (long long)base_offset, suffix, more);
    ASSERT(n > 0 && n < LOG_PATH_MAX);
}

static int create(struct log_clean *c, const char *suffix)
{
    char path[LOG_PATH_MAX];
    path_of(c, c->segs[c->group_from].base_offset, suffix, ".cleaned", path);
    return may(c) ? ERR_IO : os_open(c->os, path, OS_READ | OS_WRITE | OS_CREATE | OS_TRUNCATE);
}

static int rename_new(struct log_clean *c, const char *suffix, const char *from, const char *to)
{
    char a[LOG_PATH_MAX], b[LOG_PATH_MAX];
    path_of(c, c->segs[c->group_from].base_offset, suffix, from, a);
    path_of(c, c->segs[c->group_from].base_offset, suffix, to, b);
    return may(c) ? ERR_IO : os_rename(c->os, a, b);
}

static bool has_txn_index(const struct log_clean *c)
{
    return c->f.txn_index.n > 0;
}

static void close_files(struct log_clean *c)
{
    if (c->fd >= 0) os_close(c->os, c->fd);
    c->fd = -1;
    for (int i = 0; i < 3; i++) {
        if (c->index_fds[i] >= 0) os_close(c->os, c->index_fds[i]);
        c->index_fds[i] = -1;
    }
}

/* Takes the current group's new files away. */
static void discard(struct log_clean *c)
{
    /* The .log goes last: a start takes an .index.swap alone for good. */
    for (int swap = c->swapped_names; swap >= 0; swap--)
        for (size_t i = NELEMS(suffixes); i-- > 0;) {
            char path[LOG_PATH_MAX];
            path_of(c, c->segs[c->group_from].base_offset, suffixes[i], swap ? ".swap" : ".cleaned", path);
            if (may(c) == 0) (void)!os_unlink(c->os, path); /* what stays is for the next start */
        }
    c->swapped_names = false;
}

static void unpin(struct log_clean *c)
{
    if (c->pinned) log_seg_put(c->pinned);
    c->pinned = NULL;
}

void log_clean_free(struct log_clean *c, struct log *l)
{
    bool open = c->fd >= 0 || c->swapped_names;
    unpin(c);
    close_files(c);
    if (open && l) discard(c);
    clean_txns_fini(&c->f.txns);
    clean_map_fini(&c->f.map);
    clean_filter_fini(&c->f);
    aborted_txns_fini(&c->aborted);
    kp_writer_fini(&c->out);
    kp_writer_fini(&c->index);
    kp_writer_fini(&c->time_index);
    free((void *)(uintptr_t)c->o.producers_take);
    free(c->in);
    free(c->segs);
    free(c->later);
    free(c->dir);
    free(c);
}

/* ---- reading, on the pool ---- */
static int damaged(struct log_clean *c, const char *what)
{
    const struct clean_seg *s = &c->segs[c->seg_i];
    snprintf(c->why, sizeof c->why, "%s at position %lld of segment %020lld", what, (long long)c->pos,
             (long long)s->base_offset);
    return ERR_CORRUPT_MESSAGE;
}

static int disk(struct log_clean *c, int rc)
{
    snprintf(c->why, sizeof c->why, "%s", os_why());
    return rc;
}

/* The batch at pos, whole and with a good checksum; *p NULL at the segment's end. */
static int next_batch(struct log_clean *c, const uint8_t **p, struct batch_head *h)
{
    int64_t size = c->segs[c->seg_i].size;
    *p = NULL;
    for (;;) {
        if (c->pos >= size) return 0;
        *h = (struct batch_head){0};
        int rc = batch_head_parse(slice_of(c->in + c->in_at, c->in_have - c->in_at), h);
        if (rc == 0) break;
        if (rc != ERR_EOF) return damaged(c, "bytes that are no record batch");
        size_t have = c->in_have - c->in_at,
               need = have >= BATCH_HEAD_BYTES ? (size_t)h->bytes : BATCH_HEAD_BYTES;
        if ((int64_t)need > size - c->pos) return damaged(c, "a batch that is cut short");
        if (have) memmove(c->in, c->in + c->in_at, have);
        c->in_at = 0;
        c->in_have = have;
        if (need > c->in_cap) c->in = xrealloc(c->in, c->in_cap = need);
        int64_t from = c->pos + (int64_t)have;
        ssize_t n = os_pread(c->os, c->pinned->fd, c->in + have,
                             (size_t)min_i64((int64_t)(c->in_cap - have), size - from), from);
        if (n < 0) return disk(c, (int)n);
        if (n == 0) return damaged(c, "a file that is shorter than it was");
        c->in_have += (size_t)n;
        c->stats.bytes_read += n;
    }
    *p = c->in + c->in_at;
    if (!batch_crc_ok(*p, h->bytes)) return damaged(c, "a batch that fails its checksum");
    int64_t base = c->segs[c->seg_i].base_offset;
    int64_t end = c->seg_i + 1 < c->segs_n ? c->segs[c->seg_i + 1].base_offset : c->o.upper_offset;
    if (h->base_offset < c->next_offset || h->base_offset < base || h->last_offset >= end)
        return damaged(c, "a batch whose offsets are out of order");
    return 0;
}

static void past(struct log_clean *c, const struct batch_head *h)
{
    c->in_at += (size_t)h->bytes;
    c->pos += h->bytes;
    c->next_offset = h->last_offset + 1;
}

static void start_seg(struct log_clean *c, int i)
{
    c->seg_i = i;
    c->pos = 0;
    c->next_offset = i < c->segs_n ? c->segs[i].base_offset : 0;
    c->in_at = c->in_have = 0;
}

static int unreadable(struct log_clean *c, int rc)
{
    return rc == ERR_NOMEM ? disk(c, rc) : damaged(c, "records that cannot be read");
}

/* ---- the stages, on the pool ---- */
static int read_txns(struct log_clean *c)
{
    int rc = 0;
    for (int i = 0; i < c->segs_n + c->later_n && rc == 0; i++) {
        char path[LOG_PATH_MAX];
        struct strbuf b;
        int64_t base = i < c->segs_n ? c->segs[i].base_offset : c->later[i - c->segs_n];
        path_of(c, base, "txnindex", "", path);
        strbuf_init(&b);
        rc = os_read_file(c->os, path, 64 << 20, &b);
        if (rc == 0 && aborted_txns_add(&c->aborted, strbuf_slice(&b))) {
            snprintf(c->why, sizeof c->why, "the transaction index of segment %020lld", (long long)base);
            rc = ERR_CORRUPT_MESSAGE;
        } else if (rc == ERR_NOENT) rc = 0;
        else if (rc) disk(c, rc);
        strbuf_fini(&b);
    }
    aborted_txns_sort(&c->aborted);
    return rc;
}

/* Notes the keys of one batch. *full: it has more than there is room for, and was not begun. */
static int map_batch(struct log_clean *c, const uint8_t *p, const struct batch_head *h, bool *full)
{
    struct clean_filter *f = &c->f;
    const struct aborted_txn *keep;
    struct slice body;
    int32_t epoch;
    int type, rc;
    if (h->attributes & BATCH_CONTROL) {
        if ((rc = batch_control(p, h, &type, &epoch)) != 0) return rc;
        clean_txns_marker(&f->txns, h, type, &keep);
        return 0;
    }
    if (h->count < 0) return ERR_FORMAT;
    /* Each record takes at least 7 bytes, so the count is bounded before it sizes anything. */
    if (clean_txns_data(&f->txns, h) || h->count == 0 || h->last_offset < c->o.first_dirty_offset) return 0;
    if ((rc = clean_body(p, h, &f->body, &body)) != 0) return rc;
    if ((size_t)h->count > body.n) return ERR_FORMAT;
    *full = !clean_map_reserve(&f->map, (size_t)h->count, f->latest_offset < 0);
    if (*full) return 0;
    return clean_note_keys(&f->map, h, body, c->o.first_dirty_offset);
}

static int run_map(struct log_clean *c)
{
    for (int64_t until = c->pos + SLICE_BYTES; c->pos < until && !c->map_full;) {
        const uint8_t *p;
        struct batch_head h;
        int rc = next_batch(c, &p, &h);
        if (rc) return rc;
        if (!p) break;
        if ((rc = map_batch(c, p, &h, &c->map_full)) != 0) return unreadable(c, rc);
        if (c->map_full) break;
        if (h.last_offset >= c->o.first_dirty_offset) c->f.latest_offset = h.last_offset;
        past(c, &h);
    }
    return 0;
}

static int write_out(struct log_clean *c)
{
    if (c->out.n == 0) return 0;
    int rc = may(c);
    if (rc == 0) rc = os_pwrite(c->os, c->fd, c->out.p, c->out.n, c->out_size);
    if (rc) return disk(c, rc);
    c->out_size += (int64_t)c->out.n;
    c->stats.bytes_written += (int64_t)c->out.n;
    kp_writer_reset(&c->out);
    return 0;
}

static void note_time(struct log_clean *c, int64_t base)
{
    if (c->max_time_ms <= c->entry_time_ms || c->max_time_ms < 0) return;
    kp_write_i64(&c->time_index, c->max_time_ms);
    kp_write_u32(&c->time_index, (uint32_t)(c->max_time_offset - base));
    c->entry_time_ms = c->max_time_ms;
}

/* Index entries for a batch about to stand at pos, as an append would make them. */
static void note_batch(struct log_clean *c, const struct batch_head *h, int64_t pos)
{
    int64_t base = c->segs[c->group_from].base_offset;
    if (h->max_time_ms > c->max_time_ms) {
        c->max_time_ms = h->max_time_ms;
        c->max_time_offset = h->last_offset;
    }
    if (c->first_time_ms < 0) c->first_time_ms = h->max_time_ms;
    if (c->since_entry > c->index_interval_bytes) {
        kp_write_u32(&c->index, (uint32_t)(h->last_offset - base));
        kp_write_u32(&c->index, (uint32_t)pos);
        note_time(c, base);
        c->since_entry = 0;
    }
    c->since_entry += h->bytes;
}

static int copy_batch(struct log_clean *c, const uint8_t *p, const struct batch_head *h)
{
    size_t start = c->out.n;
    struct batch_head made;
    bool same;
    int rc = clean_batch(&c->f, p, h, &c->out, &same);
    if (rc) return unreadable(c, rc);
    /* Packed anew it can be larger than it was; a segment's positions end at 2^31. */
    if (!same && c->out.n > start && c->out_size + (int64_t)c->out.n > INT32_MAX) {
        c->out.n = start;
        kp_write_raw(&c->out, slice_of(p, (size_t)h->bytes));
        same = true;
    }
    if (!same) c->changed = true;
    if (c->out.n == start) return 0;
    int64_t pos = c->out_size + (int64_t)start;
    if (pos + (int64_t)(c->out.n - start) > INT32_MAX)
        return damaged(c, "more bytes than a segment may have");
    rc = batch_head_parse(slice_of(c->out.p + start, c->out.n - start), &made);
    ASSERT(rc == 0 && made.last_offset == h->last_offset);
    note_batch(c, &made, pos);
    return c->out.n >= c->o.io_bytes ? write_out(c) : 0;
}

static int run_copy(struct log_clean *c)
{
    for (int64_t until = c->pos + SLICE_BYTES; c->pos < until;) {
        const uint8_t *p;
        struct batch_head h;
        int rc = next_batch(c, &p, &h);
        if (rc) return rc;
        if (!p) break;
        if ((rc = copy_batch(c, p, &h)) != 0) return rc;
        past(c, &h);
    }
    return 0;
}

static int run_seal(struct log_clean *c)
{
    const struct kp_writer *w[3] = {&c->index, &c->time_index, &c->f.txn_index};
    int rc = write_out(c);
    note_time(c, c->segs[c->group_from].base_offset);
    if (rc == 0) rc = may(c);
    if (rc == 0) rc = os_fdatasync(c->os, c->fd);
    for (int i = 0; i < 3 && rc == 0; i++) {
        if (c->index_fds[i] < 0) continue;
        rc = may(c);
        if (rc == 0 && w[i]->n) rc = os_pwrite(c->os, c->index_fds[i], w[i]->p, w[i]->n, 0);
        if (rc == 0) rc = os_fdatasync(c->os, c->index_fds[i]);
        c->stats.bytes_written += (int64_t)w[i]->n;
    }
    return rc ? disk(c, rc) : 0;
}

static int sync_dir(struct log_clean *c)
{
    int rc = may(c);
    if (rc == 0) rc = os_fsync_dir(c->os, c->dir);
    return rc ? disk(c, rc) : 0;
}

void log_clean_run(struct log_clean *c)
{
    switch (c->stage) {
    case STAGE_TXNS:
        c->rc = read_txns(c);
        break;
    case STAGE_MAP:
        c->rc = run_map(c);
        break;
    case STAGE_COPY:
        c->rc = run_copy(c);
        break;
    case STAGE_SEAL:
        c->rc = run_seal(c);
        break;
    case STAGE_SWAP:
    case STAGE_LAST_SYNC:
        c->rc = sync_dir(c);
        break;
    case STAGE_DONE:
        c->rc = 0;
        break;
    }
}

/* ---- between slices, on the loop ---- */

/* Where segment i of the plan stands in the log, -1 if it is no longer there as it was. */
static int place(const struct log_clean *c, const struct log *l, int i)
{
    int lo = 0, hi = l->segs_n - 1; /* sealed ones only */
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (l->segs[mid]->base_offset < c->segs[i].base_offset) lo = mid + 1;
        else hi = mid;
    }
    if (lo >= l->segs_n - 1) return -1;
    return l->segs[lo]->base_offset == c->segs[i].base_offset && l->segs[lo]->size == c->segs[i].size ? lo
                                                                                                      : -1;
}

/* Pins the segment the next slice reads. */
static int pin(struct log_clean *c, struct log *l)
{
    int at = place(c, l, c->seg_i);
    if (at < 0) return ERR_BUSY;
    int rc = log_seg_open(l->segs[at]);
    if (rc) return disk(c, rc);
    log_seg_get(l->segs[at]);
    c->pinned = l->segs[at];
    return 1;
}

static bool at_seg_end(const struct log_clean *c)
{
    return c->pos >= c->segs[c->seg_i].size;
}

/* As many segments as together stay within what one may be. */
static int group_end(const struct log_clean *c, int from)
{
    struct clean_seg sum = c->segs[from];
    int to = from + 1;
    for (; to < c->segs_n && c->segs[to].base_offset < c->end_offset; to++) {
        const struct clean_seg *s = &c->segs[to];
        int64_t end = to + 1 < c->segs_n ? c->segs[to + 1].base_offset : c->o.upper_offset;
        if (sum.size + s->size > c->segment_bytes ||
            sum.index_bytes + s->index_bytes > c->segment_index_bytes ||
            sum.time_bytes + s->time_bytes > c->segment_index_bytes)
            break;
        /* An empty segment has no offsets to tell apart. */
        if (s->size && end - 1 - c->segs[from].base_offset > INT32_MAX) break;
        sum.size += s->size;
        sum.index_bytes += s->index_bytes;
        sum.time_bytes += s->time_bytes;
    }
    return to;
}

static int begin_group(struct log_clean *c, struct log *l)
{
    int from = c->group_to;
    if (from == c->segs_n || c->segs[from].base_offset >= c->end_offset) {
        c->stage = STAGE_LAST_SYNC;
        return c->stats.segments_before ? 1 : 0;
    }
    c->group_from = from;
    c->group_to = group_end(c, from);
    c->f.end_offset = c->group_to < c->segs_n ? c->segs[c->group_to].base_offset : c->o.upper_offset;
    c->stage = STAGE_COPY;
    c->changed = c->group_to - from > 1;
    c->out_size = c->since_entry = 0;
    c->max_time_ms = c->entry_time_ms = c->first_time_ms = -1;
    c->max_time_offset = c->segs[from].base_offset;
    kp_writer_reset(&c->out);
    kp_writer_reset(&c->index);
    kp_writer_reset(&c->time_index);
    kp_writer_reset(&c->f.txn_index);
    if (place(c, l, from) < 0) return ERR_BUSY;
    c->fd = create(c, "log");
    if (c->fd < 0) return disk(c, c->fd);
    start_seg(c, from);
    return pin(c, l);
}

static int begin_copying(struct log_clean *c, struct log *l)
{
    clean_txns_fini(&c->f.txns);
    clean_txns_init(&c->f.txns, &c->aborted);
    c->end_offset = c->f.latest_offset + 1;
    c->group_to = 0;
    if (c->end_offset <= c->o.first_dirty_offset) { /* nothing there */
        c->end_offset = c->o.first_dirty_offset;
        c->stage = STAGE_DONE;
        return 0;
    }
    return begin_group(c, l);
}

static int next_map(struct log_clean *c, struct log *l)
{
    if (c->map_full) return begin_copying(c, l);
    while (at_seg_end(c)) {
        int64_t end = c->seg_i + 1 < c->segs_n ? c->segs[c->seg_i + 1].base_offset : c->o.upper_offset;
        /* Offsets that are no longer there count as seen. */
        c->f.latest_offset = max_i64(c->f.latest_offset, end - 1);
        if (c->seg_i + 1 == c->segs_n) return begin_copying(c, l);
        start_seg(c, c->seg_i + 1);
    }
    return pin(c, l);
}

static int begin_map(struct log_clean *c, struct log *l)
{
    int i = 0;
    if (c->segs_n == 0) {
        c->end_offset = c->o.first_dirty_offset;
        c->stage = STAGE_DONE;
        return 0;
    }
    while (i + 1 < c->segs_n && c->segs[i + 1].base_offset <= c->o.first_dirty_offset) i++;
    c->stage = STAGE_MAP;
    start_seg(c, i);
    return next_map(c, l);
}

static int begin_seal(struct log_clean *c)
{
    c->stage = STAGE_SEAL;
    for (int i = 0; i < 3; i++) {
        if (i == 2 && !has_txn_index(c)) continue;
        c->index_fds[i] = create(c, suffixes[i + 1]);
        if (c->index_fds[i] < 0) return disk(c, c->index_fds[i]);
    }
    return 1;
}

static int next_copy(struct log_clean *c, struct log *l)
{
    while (at_seg_end(c)) {
        if (c->seg_i + 1 == c->group_to) {
            if (c->changed) return begin_seal(c);
            discard(c);
            close_files(c);
            return begin_group(c, l);
        }
        start_seg(c, c->seg_i + 1);
    }
    return pin(c, l);
}

static int group_place(const struct log_clean *c, const struct log *l)
{
    int at = place(c, l, c->group_from);
    for (int i = c->group_from; at >= 0 && i < c->group_to; i++)
        if (place(c, l, i) != at + i - c->group_from) at = -1;
    return at;
}

static int begin_swap(struct log_clean *c, const struct log *l)
{
    if (group_place(c, l) < 0) return ERR_BUSY;
    close_files(c);
    c->swapped_names = true;
    for (size_t i = 0; i < NELEMS(suffixes); i++) {
        if (i == 3 && !has_txn_index(c)) continue;
        int rc = rename_new(c, suffixes[i], ".cleaned", ".swap");
        if (rc) return disk(c, rc);
    }
    c->stage = STAGE_SWAP;
    return 1;
}

static int finish_swap(struct log_clean *c, struct log *l)
{
    int n = c->group_to - c->group_from, at = group_place(c, l), rc = 0;
    if (at < 0) return ERR_BUSY;
    /* From here on only a start can finish what fails: the files lie there under two names. */
    c->swapped_names = false;
    for (int i = 0; i < n && rc == 0; i++)
        for (size_t k = NELEMS(suffixes);
             k-- > 0 && rc == 0;) { /* .log last: without it the others are orphans */
            rc = may(c);
            if (rc == 0) rc = log_drop_file(l, c->segs[c->group_from + i].base_offset, suffixes[k]);
        }
    for (size_t i = 0; i < NELEMS(suffixes) && rc == 0; i++) {
        if (i == 3 && !has_txn_index(c)) continue;
        rc = rename_new(c, suffixes[i], ".swap", "");
    }
    for (int i = 1; i < n && rc == 0; i++) /* no segment begins there any more */
        rc = log_drop_file(l, c->segs[c->group_from + i].base_offset, "snapshot");
    if (rc) {
        l->faulted = true;
        return disk(c, rc);
    }
    struct log_seg *s = log_replace(l, at, n);
    s->size = c->out_size;
    s->max_time_ms = c->max_time_ms;
    s->max_time_offset = c->max_time_offset;
    s->first_time_ms = c->first_time_ms;
    s->index_n = (int32_t)(c->index.n / 8);
    s->time_n = (int32_t)(c->time_index.n / 12);
    s->txn_n = (int32_t)(c->f.txn_index.n / TXN_INDEX_ENTRY_BYTES);
    for (int i = c->group_from; i < c->group_to; i++) c->stats.before += c->segs[i].size;
    c->stats.after += c->out_size;
    c->stats.segments_before += n;
    c->stats.segments_after++;
    return begin_group(c, l);
}

int log_clean_next(struct log_clean *c, struct log *l)
{
    unpin(c);
    if (c->rc) return c->rc;
    if (l->faulted) return ERR_IO;
    switch (c->stage) {
    case STAGE_TXNS:
        if (c->seg_i < 0) return begin_map(c, l);
        c->seg_i = -1;
        return 1;
    case STAGE_MAP:
        return next_map(c, l);
    case STAGE_COPY:
        return next_copy(c, l);
    case STAGE_SEAL:
        return begin_swap(c, l);
    case STAGE_SWAP:
        return finish_swap(c, l);
    case STAGE_LAST_SYNC:
        c->stage = STAGE_DONE;
        return 0;
    case STAGE_DONE:
        return 0;
    }
    return 0;
}
