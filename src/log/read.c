/* Reading a log: offsets and times to ranges of segment files. See index.c for the index files, warm.c for
 * what is not in the page cache.
 *
 * Invariants
 * 1. Nothing at or beyond flushed_offset is read, nor at or beyond a segment's bad_pos.
 * 2. A hint's position is that of a batch, or the end of what is flushed of its segment; a hint goes before
 *    its segment does.
 * 3. An index is only a shorter way: where it leads astray the segment's batches decide. */
#include "log/log_int.h"
#include "base/logline.h"

static int seg_index(const struct log *l, const struct log_seg *s)
{
    for (int i = l->segs_n - 1; i >= 0; i--)
        if (l->segs[i] == s) return i;
    return -1;
}

static int64_t flushed_size(const struct log *l, const struct log_seg *s)
{
    return s == log_active(l) ? s->size - l->pending_bytes : s->size;
}

static int damaged(struct log *l, const struct log_seg *s, int64_t pos, const char *why)
{
    l->damage = (struct log_damage){.base_offset = s->base_offset, .pos = pos, .why = why};
    return ERR_CORRUPT_MESSAGE;
}

static bool is_fenced(const struct log_seg *s, int64_t pos)
{
    return s->bad_pos >= 0 && pos >= s->bad_pos;
}

bool log_fence(struct log *l, int64_t base_offset, int64_t pos)
{
    struct log_seg *s = log_seg_of(l, base_offset);
    if (s->base_offset != base_offset || is_fenced(s, pos)) return false;
    s->bad_pos = pos;
    log_forget_places(l, s);
    return true;
}

/* Reads the head at pos; ERR_EOF at the end of the segment. */
static int head_at(struct log *l, struct log_seg *s, int64_t pos, struct batch_head *h)
{
    uint8_t b[BATCH_HEAD_BYTES];
    int64_t size = flushed_size(l, s);
    if (pos >= size) return ERR_EOF;
    if (is_fenced(s, pos)) return damaged(l, s, s->bad_pos, "a batch that was found damaged before");
    ssize_t n = log_pread(s, "log", s->fd, b, sizeof b, pos);
    if (n < 0) return (int)n;
    int rc = batch_head_parse(slice_of(b, (size_t)n), h);
    if (n < BATCH_HEAD_BYTES || (rc == 0 || rc == ERR_EOF ? pos + h->bytes > size : false))
        return damaged(l, s, pos, "a batch that is cut short");
    if ((rc && rc != ERR_EOF) || h->base_offset < s->base_offset)
        return damaged(l, s, pos, "bytes that are no record batch");
    return 0;
}

/* An index that leads astray is as good as none: it is forgotten, and the next start makes a new one. */
static void distrust_index(struct log *l, struct log_seg *s)
{
    char path[LOG_PATH_MAX];
    logline(LOG_WARN, l->dir, "the index of segment %020lld is damaged and not used any more",
            (long long)s->base_offset);
    log_path(l, s->base_offset, "index", path, sizeof path);
    if (os_unlink(l->os, path)) logline(LOG_WARN, path, "cannot remove it: %s", os_why());
    s->index_n = 0;
    if (s->tail) s->tail->index_n = s->tail->mark.index_n = 0;
}

/* Position and head of the first batch with last offset >= offset. */
static int locate(struct log *l, struct log_seg *s, int64_t offset, int64_t *pos, struct batch_head *h)
{
    int rc = log_index_find(s, offset, pos);
    if (rc) return rc;
    rc = head_at(l, s, *pos, h);
    /* A batch that an index entry at or before the offset leads to begins at or before it, too. */
    if (*pos > 0 && !is_fenced(s, *pos) && rc != ERR_BUSY && rc != ERR_IO &&
        (rc || h->base_offset > offset)) {
        distrust_index(l, s);
        *pos = 0;
        rc = head_at(l, s, 0, h);
    }
    for (; rc == 0 && h->last_offset < offset; rc = head_at(l, s, *pos, h)) *pos += h->bytes;
    return rc;
}

static void remember(struct log *l, int64_t offset, struct log_seg *s, int64_t pos)
{
    l->hints[l->hint_next] = (struct log_hint){offset, pos, s};
    l->hint_next = (l->hint_next + 1) % (int)NELEMS(l->hints);
}

int log_read(struct log *l, int64_t offset, int64_t limit, int64_t max_bytes, bool at_least_one,
             struct log_range *out)
{
    *out = (struct log_range){0};
    if (offset < l->start_offset || offset > l->end_offset) return ERR_OFFSET_OUT_OF_RANGE;
    limit = min_i64(limit, l->flushed_offset);
    if (offset >= limit || (max_bytes <= 0 && !at_least_one)) return 0;
    struct log_seg *s = NULL;
    struct batch_head h;
    int64_t pos = 0, size;
    int rc;
    for (size_t i = 0; i < NELEMS(l->hints) && !s; i++)
        if (l->hints[i].seg && l->hints[i].offset == offset) {
            s = l->hints[i].seg;
            pos = l->hints[i].pos;
        }
    if (s && is_fenced(s, pos)) s = NULL;
    if (s && s != log_active(l) && pos >= s->size)
        s = NULL; /* compaction left nothing there: look further on */
    if (s) {
        if ((rc = log_seg_open(s)) != 0) return rc;
    } else {
        s = log_seg_of(l, offset);
        for (;;) {
            if ((rc = log_seg_open(s)) != 0) return rc;
            rc = locate(l, s, offset, &pos, &h);
            if (rc == 0) break;
            int i = seg_index(l, s);
            if (rc == ERR_CORRUPT_MESSAGE) l->damage.offset = offset;
            if (rc != ERR_EOF || i + 1 >= l->segs_n) return rc == ERR_EOF ? 0 : rc;
            if (!l->cfg.clean_compact && offset >= l->compacted_below) {
                rc = damaged(l, s, s->size, "records are missing");
                l->damage.offset = offset;
                return rc;
            }
            s = l->segs[i + 1]; /* a gap that compaction left at a segment's end */
        }
    }
    size = flushed_size(l, s);
    bool fenced = s->bad_pos >= 0;
    if (fenced) size = min_i64(size, s->bad_pos);
    int64_t end = pos, next = -1;
    bool capped = limit < l->flushed_offset;
    if (!capped && size - pos <= max_bytes) {
        end = size; /* everything to the end of the segment: whole batches by construction */
        next = fenced               ? -1
               : s == log_active(l) ? l->flushed_offset
                                    : l->segs[seg_index(l, s) + 1]->base_offset;
    } else {
        /* Cut at a batch's end: jump close by the index, then step over heads. A partial last batch would be
         * legal but wastes the client's bandwidth. */
        if (!capped && max_bytes > 0) {
            int64_t jump;
            if ((rc = log_index_floor(s, pos + max_bytes, &jump)) != 0) return rc;
            if (jump > pos && (rc = head_at(l, s, jump, &h)) == 0) {
                end = jump;
                next = h.base_offset;
            }
        }
        while (end < size && (rc = head_at(l, s, end, &h)) == 0 && h.base_offset < limit &&
               (end + h.bytes - pos <= max_bytes || (at_least_one && end == pos))) {
            end += h.bytes;
            next = h.last_offset + 1;
        }
        if (rc && rc != ERR_EOF && (rc != ERR_CORRUPT_MESSAGE || end == pos)) return rc;
    }
    if (end == pos) return 0;
    if (next >= 0 && !fenced) {
        if (end == size && s != log_active(l)) remember(l, next, l->segs[seg_index(l, s) + 1], 0);
        else remember(l, next, s, end);
    }
    *out = (struct log_range){.seg = s, .pos = pos, .bytes = end - pos, .next_offset = next};
    log_seg_get(s);
    return 0;
}

int log_find_time(struct log *l, int64_t time_ms, struct log_range *out)
{
    *out = (struct log_range){0};
    int rc = 0;
    for (int i = 0; rc == 0 && i < l->segs_n; i++) {
        struct log_seg *s = l->segs[i];
        if (s->max_time_ms < time_ms) continue;
        int64_t offset, pos;
        struct batch_head h;
        if ((rc = log_seg_open(s)) != 0 || (rc = log_time_find(s, time_ms - 1, &offset)) != 0) return rc;
        int64_t seg_end = i + 1 < l->segs_n ? l->segs[i + 1]->base_offset : l->end_offset;
        if (offset >= seg_end) offset = s->base_offset; /* a time index that lies */
        offset = max_i64(offset, l->start_offset);
        for (rc = locate(l, s, offset, &pos, &h); rc == 0; pos += h.bytes, rc = head_at(l, s, pos, &h)) {
            if (h.max_time_ms < time_ms || h.last_offset < l->start_offset) continue;
            *out = (struct log_range){.seg = s, .pos = pos, .bytes = h.bytes};
            log_seg_get(s);
            return 0;
        }
        if (rc == ERR_EOF) rc = 0;
    }
    return rc;
}

int log_find_max_time(struct log *l, int64_t *time_ms, struct log_range *out)
{
    int64_t best = -1;
    for (int i = 0; i < l->segs_n; i++) best = max_i64(best, l->segs[i]->size ? l->segs[i]->max_time_ms : -1);
    *time_ms = best;
    *out = (struct log_range){0};
    return best < 0 ? 0 : log_find_time(l, best, out);
}

bool log_check_max_time(struct log *l, struct log_seg *s)
{
    struct batch_head h;
    int64_t pos, found = -1, at = s->base_offset;
    if (s->max_time_ms < 0) return true;
    int rc = log_seg_open(s);
    if (rc == 0) rc = locate(l, s, s->max_time_offset, &pos, &h);
    if (rc == 0 && h.max_time_ms == s->max_time_ms) return true;
    logline(LOG_WARN, l->dir, "the time index of segment %020lld is damaged; its records tell their age",
            (long long)s->base_offset);
    rc = log_seg_open(s);
    for (pos = 0; rc == 0 && (rc = head_at(l, s, pos, &h)) == 0; pos += h.bytes) {
        if (h.max_time_ms <= found) continue;
        found = h.max_time_ms;
        at = h.last_offset;
    }
    if (rc != ERR_EOF) return false;
    s->max_time_ms = found;
    s->max_time_offset = at;
    return true;
}
