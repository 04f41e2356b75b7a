/* Segments and their open files: the ground on which index.c, read.c, log.c and the rest of this folder
 * stand.
 *
 * Invariants
 * 1. A segment is in its files' lru while its file is open, the least recently used first.
 * 2. One that is referenced (refs > 0) stays open; one that is doomed is freed when the last reference goes.
 */
#include "log/log_int.h"
#include "base/grow.h"

#include <stdio.h>
#include <stdlib.h>

void log_files_init(struct log_files *f, int open_max)
{
    *f = (struct log_files){.open_max = open_max};
    list_init(&f->lru);
}

void log_path(const struct log *l, int64_t base_offset, const char *suffix, char *out, size_t n)
{
    int len = snprintf(out, n, "%s/%020lld.%s", l->dir, (long long)base_offset, suffix);
    ASSERT(len > 0 && (size_t)len < n);
}

struct log_seg *log_seg_alloc(struct log *l, int64_t base_offset)
{
    struct log_seg *s = xcalloc(1, sizeof *s);
    list_init(&s->lru);
    s->fd = -1;
    s->bad_pos = -1;
    s->base_offset = base_offset;
    s->max_time_ms = -1;
    s->max_time_offset = base_offset;
    s->first_time_ms = -1;
    s->log = l;
    s->os = l->os;
    s->files = l->files;
    return s;
}

struct log_seg *log_seg_new(struct log *l, int64_t base_offset)
{
    struct log_seg *s = log_seg_alloc(l, base_offset);
    l->segs = grown(l->segs, l->segs_n, &l->segs_cap, sizeof(struct log_seg *));
    l->segs[l->segs_n++] = s;
    return s;
}

static void seg_close_fd(struct log_seg *s)
{
    if (s->fd < 0) return;
    os_close(s->os, s->fd);
    s->fd = -1;
    list_remove(&s->lru);
    s->files->open_n--;
}

struct log_index_tail *log_tail_new(int64_t last_time_ms)
{
    struct log_index_tail *t = xcalloc(1, sizeof *t);
    t->last_time_ms = last_time_ms;
    return t;
}

void log_tail_free(struct log_index_tail *t)
{
    if (!t) return;
    free(t->index);
    free(t->time);
    free(t->aborts);
    free(t);
}

void log_seg_free(struct log_seg *s)
{
    ASSERT(s->refs == 0);
    seg_close_fd(s);
    log_tail_free(s->tail);
    free(s);
}

int log_seg_open(struct log_seg *s)
{
    struct log_files *f = s->log->files;
    if (s->fd >= 0) {
        list_remove(&s->lru);
        list_push_back(&f->lru, &s->lru);
        return 0;
    }
    if (f->open_n >= f->open_max) {
        LIST_FOREACH(n, &f->lru)
        {
            struct log_seg *old = LIST_ENTRY(n, struct log_seg, lru);
            if (old->refs) continue;
            seg_close_fd(old);
            break;
        }
    }
    char path[LOG_PATH_MAX];
    log_path(s->log, s->base_offset, "log", path, sizeof path);
    int fd = os_open(s->log->os, path, OS_READ | OS_WRITE);
    if (fd < 0) return fd;
    s->fd = fd;
    f->open_n++;
    list_push_back(&f->lru, &s->lru);
    return 0;
}

int64_t log_seg_first_time(struct log_seg *s)
{
    uint8_t b[BATCH_HEAD_BYTES];
    struct batch_head h = {0};
    if (s->first_time_ms >= 0 || s->size == 0) return s->first_time_ms;
    if (log_seg_open(s) == 0 && os_pread(s->os, s->fd, b, sizeof b, 0) == sizeof b) {
        int rc = batch_head_parse(slice_of(b, sizeof b), &h);
        if (rc == 0 || rc == ERR_EOF) s->first_time_ms = h.max_time_ms;
    }
    return s->first_time_ms;
}

void log_seg_get(struct log_seg *s)
{
    if (s->refs++ == 0) s->files->pinned_n++;
}

void log_seg_put(struct log_seg *s)
{
    ASSERT(s->refs > 0);
    if (--s->refs) return;
    s->files->pinned_n--;
    if (s->doomed) log_seg_free(s);
}

struct log_seg *log_seg_of(const struct log *l, int64_t offset)
{
    int lo = 0, hi = l->segs_n - 1;
    while (lo < hi) {
        int mid = (lo + hi + 1) / 2;
        if (l->segs[mid]->base_offset <= offset) lo = mid;
        else hi = mid - 1;
    }
    return l->segs[lo];
}

void log_forget_places(struct log *l, const struct log_seg *s)
{
    for (size_t i = 0; i < NELEMS(l->hints); i++)
        if (l->hints[i].seg == s) l->hints[i].seg = NULL;
}
