/* The log of a partition: segments, appends, removal, closing. See log.h for the contract, read.c for
 * readers, epoch.c for leader epochs, index.c for the index files, recover.c for start-up.
 *
 * Invariants
 * 1. segs is never empty once open; base offsets grow; the last is active and the only one written to.
 * 2. flushed_offset <= end_offset; between them lie exactly the batches in iov. Readers see only flushed
 *    bytes.
 * 3. synced_offset <= flushed_offset and never falls.
 * 4. faulted is sticky: no file is touched after it is set.
 * 5. Index files speak only of batches below flushed_offset; entries of later ones are in the tail.
 *
 *   OPEN --log_append--> PENDING --log_flush--> OPEN        any --failed write or fsync--> FAULTED
 *                           \--no room: take_back--> OPEN */
#include "log/log_int.h"
#include "base/grow.h"
#include "base/logline.h"
#include "log/txn_index.h"

#include <stdio.h>
#include <stdlib.h>

/* A full disk or a lack of files is not for good; whoever calls has left things as they were. */
static int fault(struct log *l, int rc)
{
    if (err_passes(rc)) return rc;
    l->faulted = true;
    l->iov_n = 0;
    return ERR_IO;
}

static void set_mark(struct log *l)
{
    const struct log_seg *s = log_active(l);
    struct log_index_tail *t = s->tail;
    t->mark = (struct log_mark){
        .max_time_ms = s->max_time_ms,
        .max_time_offset = s->max_time_offset,
        .first_time_ms = s->first_time_ms,
        .roll_time_ms = l->roll_time_ms,
        .bytes_since_entry = t->bytes_since_entry,
        .last_time_ms = t->last_time_ms,
        .index_n = t->index_n,
        .time_n = t->time_n,
        .epochs_n = l->epochs_n,
        .aborts_n = t->aborts_n,
        .epochs_dirty = l->epochs_dirty,
    };
}

/* Forgets the pending batches, and with wrote cuts off what a failed write left of them. */
static int take_back(struct log *l, bool wrote)
{
    struct log_seg *s = log_active(l);
    struct log_index_tail *t = s->tail;
    const struct log_mark *m = &t->mark;
    s->size -= l->pending_bytes;
    s->max_time_ms = m->max_time_ms;
    s->max_time_offset = m->max_time_offset;
    s->first_time_ms = m->first_time_ms;
    l->roll_time_ms = m->roll_time_ms;
    t->bytes_since_entry = m->bytes_since_entry;
    t->last_time_ms = m->last_time_ms;
    t->index_n = m->index_n;
    t->time_n = m->time_n;
    t->aborts_n = m->aborts_n;
    l->epochs_n = m->epochs_n;
    l->epochs_dirty = m->epochs_dirty;
    l->iov_n = 0;
    l->pending_bytes = 0;
    l->end_offset = l->flushed_offset;
    return wrote ? os_ftruncate(l->os, s->fd, s->size) : 0;
}

int log_flush(struct log *l)
{
    if (l->faulted) return ERR_IO;
    if (!l->iov_n) return 0;
    struct log_seg *s = log_active(l);
    int rc = log_seg_open(s);
    bool open = rc == 0;
    if (open) rc = os_pwritev(l->os, s->fd, l->iov, l->iov_n, s->size - l->pending_bytes);
    if (err_passes(rc) && take_back(l, open)) rc = ERR_IO;
    if (rc) return fault(l, rc);
    l->iov_n = 0;
    l->pending_bytes = 0;
    l->flushed_offset = l->end_offset;
    rc = txn_index_flush(s);
    return rc && !err_passes(rc) ? fault(l, rc) : 0; /* without room they wait in memory */
}

/* All of a new segment's files, or none: an empty .log that stayed would hide what the segment before it
 * still gets. */
static int make_files(struct log *l, int64_t base_offset)
{
    char path[LOG_PATH_MAX];
    static const char *const suffixes[] = {"log", "index", "timeindex"};
    size_t n = 0;
    int rc = 0;
    for (; n < NELEMS(suffixes) && rc == 0; n++) {
        log_path(l, base_offset, suffixes[n], path, sizeof path);
        int fd = os_open(l->os, path, OS_WRITE | OS_CREATE | OS_TRUNCATE);
        if (fd < 0) rc = fd;
        else os_close(l->os, fd);
    }
    l->names_made++; /* also when they are gone again: the disk may remember the first half only */
    for (size_t i = 0; err_passes(rc) && i < n; i++) {
        log_path(l, base_offset, suffixes[i], path, sizeof path);
        int r = os_unlink(l->os, path);
        if (r && r != ERR_NOENT) rc = r;
    }
    return rc;
}

static void new_active(struct log *l, int64_t base_offset)
{
    struct log_seg *s = log_seg_new(l, base_offset);
    s->tail = log_tail_new(-1);
}

int log_roll(struct log *l, int64_t now_ms)
{
    (void)now_ms;
    int rc = log_flush(l);
    if (rc) return rc;
    struct log_seg *s = log_active(l);
    if (s->size == 0 && s->base_offset == l->end_offset) return 0;
    rc = txn_index_flush(s);
    if (rc == 0) rc = log_index_seal(s);
    if (rc == 0) rc = make_files(l, l->end_offset);
    if (rc) return fault(l, rc);
    log_tail_free(s->tail);
    s->tail = NULL;
    new_active(l, l->end_offset);
    return 0;
}

static bool roll_due(const struct log *l, const struct log_seg *s, const struct batch_head *h, int64_t now_ms)
{
    if (s->size == 0) return false;
    if (s->size + h->bytes > l->cfg.segment_bytes || s->size + h->bytes > INT32_MAX) return true;
    if (h->last_offset - s->base_offset > INT32_MAX) return true;
    /* By time, measured from the first batch's timestamp where there is one, as Kafka does. */
    int64_t since = s->first_time_ms >= 0 ? h->max_time_ms - s->first_time_ms : now_ms - l->roll_time_ms;
    if (since > l->cfg.segment_ms) return true;
    int64_t room = l->cfg.segment_index_bytes;
    return (int64_t)(s->index_n + s->tail->index_n + 1) * 8 > room ||
           (int64_t)(s->time_n + s->tail->time_n + 1) * 12 > room;
}

int log_append(struct log *l, const uint8_t *batch, const struct batch_head *h, int64_t now_ms)
{
    if (l->faulted) return ERR_IO;
    ASSERT(h->base_offset >= l->end_offset);
    int rc = 0;
    if (roll_due(l, log_active(l), h, now_ms) && (rc = log_roll(l, now_ms)) != 0) return rc;
    struct log_seg *s = log_active(l);
    if (s->tail->index_n == LOG_TAIL_ENTRIES || s->tail->time_n == LOG_TAIL_ENTRIES) {
        if ((rc = log_flush(l)) != 0) return rc;
        if ((rc = log_index_flush(s)) != 0) return fault(l, rc);
    }
    if (l->iov_n == 0) set_mark(l);
    if (s->size == 0) l->roll_time_ms = now_ms;
    if ((rc = log_index_note(s, h)) != 0) return fault(l, rc);
    if (l->epochs_n == 0 || l->epochs[l->epochs_n - 1].epoch < h->leader_epoch)
        log_note_epoch(l, h->leader_epoch, h->base_offset);
    l->iov = grown(l->iov, l->iov_n, &l->iov_cap, sizeof *l->iov);
    struct iovec *v = &l->iov[l->iov_n++];
    memcpy(&v->iov_base, &batch, sizeof batch);
    v->iov_len = (size_t)h->bytes;
    s->size += h->bytes;
    l->pending_bytes += h->bytes;
    l->end_offset = h->last_offset + 1;
    return 0;
}

/* ---- removing ---- */
int log_drop_file(struct log *l, int64_t base_offset, const char *suffix)
{
    char path[LOG_PATH_MAX], gone[LOG_PATH_MAX + 16];
    log_path(l, base_offset, suffix, path, sizeof path);
    if (!l->files->dropped) {
        int rc = os_unlink(l->os, path);
        return rc == ERR_NOENT ? 0 : rc;
    }
    snprintf(gone, sizeof gone, "%s.deleted", path);
    int rc = os_rename(l->os, path, gone);
    if (rc == ERR_NOSPACE) rc = os_unlink(l->os, path); /* not even for a name: then there is room at once */
    else if (rc == 0) {
        l->files->dropped(l->files->dropped_arg, xstrdup(gone), l->cfg.file_delete_delay_ms);
        return 0;
    }
    return rc == ERR_NOENT ? 0 : rc;
}

static int drop_segs(struct log *l, int n)
{
    static const char *const suffixes[] = {"log", "index", "timeindex", "txnindex", "snapshot"};
    int rc = 0;
    for (int i = 0; i < n; i++) {
        struct log_seg *s = l->segs[i];
        log_forget_places(l, s);
        for (size_t k = 0; k < NELEMS(suffixes); k++) {
            int r = log_drop_file(l, s->base_offset, suffixes[k]);
            if (r) rc = r;
        }
        s->doomed = true; /* readers that hold it go on with the unlinked file */
        log_seg_get(s);
        log_seg_put(s);
    }
    memmove(l->segs, l->segs + n, (size_t)(l->segs_n - n) * sizeof(struct log_seg *));
    l->segs_n -= n;
    return rc ? fault(l, rc) : 0;
}

struct log_seg *log_replace(struct log *l, int at, int n)
{
    ASSERT(n > 0 && at >= 0 && at + n < l->segs_n);
    int64_t base = l->segs[at]->base_offset;
    for (int i = at; i < at + n; i++) {
        struct log_seg *s = l->segs[i];
        log_forget_places(l, s);
        s->doomed = true;
        log_seg_get(s);
        log_seg_put(s);
    }
    memmove(l->segs + at + 1, l->segs + at + n, (size_t)(l->segs_n - at - n) * sizeof(struct log_seg *));
    l->segs_n -= n - 1;
    return l->segs[at] = log_seg_alloc(l, base);
}

int log_advance_start(struct log *l, int64_t offset, int64_t now_ms)
{
    ASSERT(offset <= l->end_offset);
    int rc = log_flush(l);
    if (rc || offset <= l->start_offset) return rc;
    if (offset == l->end_offset && (rc = log_roll(l, now_ms)) != 0) return rc;
    l->start_offset = offset;
    int n = 0;
    while (n + 1 < l->segs_n && l->segs[n + 1]->base_offset <= offset) n++;
    log_trim_epochs(l, offset);
    return n ? drop_segs(l, n) : 0;
}

int64_t log_bytes(const struct log *l)
{
    int64_t n = 0;
    for (int i = 0; i < l->segs_n; i++) n += l->segs[i]->size;
    return n;
}

/* The time of the newest record of a segment, the file's own where it is not known. */
static int64_t newest_time(struct log *l, const struct log_seg *s, int64_t now_ms)
{
    struct os_stat st;
    char path[LOG_PATH_MAX];
    if (s->max_time_ms >= 0) return s->max_time_ms;
    log_path(l, s->base_offset, "log", path, sizeof path);
    return os_stat(l->os, path, &st) == 0 ? st.mtime_ms : now_ms;
}

static bool is_old(struct log *l, struct log_seg *s, int64_t now_ms)
{
    if (l->cfg.retention_ms < 0 || now_ms - newest_time(l, s, now_ms) <= l->cfg.retention_ms) return false;
    return log_check_max_time(l, s) && now_ms - newest_time(l, s, now_ms) > l->cfg.retention_ms;
}

int log_retain(struct log *l, int64_t now_ms, int64_t high_watermark)
{
    if (l->faulted || !l->cfg.clean_delete) return 0;
    int n = 0;
    int64_t bytes = log_bytes(l);
    for (; n < l->segs_n; n++) {
        struct log_seg *s = l->segs[n];
        int64_t end = n + 1 < l->segs_n ? l->segs[n + 1]->base_offset : l->end_offset;
        if ((s->size == 0 && s == log_active(l)) || end > high_watermark) break;
        bool old = is_old(l, s, now_ms);
        bool big = l->cfg.retention_bytes >= 0 && bytes - s->size >= l->cfg.retention_bytes;
        if (!old && !big) break;
        bytes -= s->size;
    }
    if (n == 0) return 0;
    int64_t to = n < l->segs_n ? l->segs[n]->base_offset : l->end_offset;
    int rc = log_advance_start(l, to, now_ms);
    if (rc == ERR_NOSPACE && n == l->segs_n &&
        n > 1) { /* no room for a new segment: the old ones make some */
        n--;
        rc = log_advance_start(l, log_active(l)->base_offset, now_ms);
    }
    return rc ? rc : n;
}

int log_sync_beside(struct os *os, const char *dir, int64_t base_offset, const char *suffix)
{
    char path[LOG_PATH_MAX];
    snprintf(path, sizeof path, "%s/%020lld.%s", dir, (long long)base_offset, suffix);
    int fd = os_open(os, path, OS_WRITE);
    if (fd < 0) return fd == ERR_NOENT ? 0 : fd; /* none, or retention was faster */
    int rc = os_fdatasync(os, fd) ? ERR_IO : 0;  /* whatever the reason, this sync is not to be tried again */
    os_close(os, fd);
    return rc;
}

int log_sync_index(struct os *os, const char *dir, int64_t base_offset)
{
    static const char *const suffixes[] = {"index", "timeindex", "txnindex", "snapshot"};
    int rc = 0;
    for (size_t i = 0; i < NELEMS(suffixes) && rc == 0; i++)
        rc = log_sync_beside(os, dir, base_offset, suffixes[i]);
    return rc;
}

int64_t log_recovery_point(const struct log *l)
{
    int i = l->epochs_n;
    while (i > 0 && l->epochs[i - 1].epoch > l->epoch_kept) i--;
    int64_t at = i < l->epochs_n ? min_i64(l->synced_offset, l->epochs[i].start_offset) : l->synced_offset;
    const struct log_index_tail *t = log_active(l)->tail;
    return t->aborts_n ? min_i64(at, t->aborts[0].last_offset) : at;
}

int log_note_progress(struct log *l)
{
    return l->faulted ? ERR_IO : log_index_flush(log_active(l));
}

int log_close(struct log *l, bool sync)
{
    if (l->faulted) return ERR_IO;
    int rc = log_flush(l);
    if (rc == 0) rc = txn_index_flush(log_active(l));
    if (rc == 0) rc = log_index_flush(log_active(l));
    if (rc == 0) rc = log_write_epochs(l, sync ? os_write_file_atomic : os_write_file_over);
    for (int i = 0; rc == 0 && sync && i < l->segs_n; i++) {
        struct log_seg *s = l->segs[i];
        int64_t end = i + 1 < l->segs_n ? l->segs[i + 1]->base_offset : l->end_offset;
        if (end < l->synced_offset) continue;
        if ((rc = log_seg_open(s)) == 0) rc = os_fdatasync(l->os, s->fd) ? ERR_IO : 0;
        if (rc == 0) rc = log_sync_index(l->os, l->dir, s->base_offset);
    }
    if (rc) return fault(l, rc);
    if (sync) l->synced_offset = l->end_offset;
    return 0;
}

void log_check(const struct log *l)
{
    ASSERT(l->segs_n > 0 && log_active(l)->tail);
    ASSERT(l->start_offset <= l->end_offset && l->flushed_offset <= l->end_offset);
    ASSERT(l->synced_offset <= l->end_offset);
    ASSERT(l->pending_bytes >= 0 && l->pending_bytes <= log_active(l)->size);
    if (l->faulted) return;
    ASSERT((l->pending_bytes > 0) == (l->flushed_offset < l->end_offset) &&
           (l->pending_bytes > 0) == (l->iov_n > 0));
    ASSERT(l->segs[0]->base_offset <= l->start_offset && log_active(l)->base_offset <= l->end_offset);
    for (int i = 0; i < l->segs_n; i++) {
        const struct log_seg *s = l->segs[i];
        ASSERT(!s->doomed && s->log == l && s->refs >= 0 && (s->fd >= 0) == list_linked(&s->lru));
        ASSERT(i == 0 || l->segs[i - 1]->base_offset < s->base_offset);
    }
    for (int i = 1; i < l->epochs_n; i++)
        ASSERT(l->epochs[i - 1].epoch < l->epochs[i].epoch &&
               l->epochs[i - 1].start_offset <= l->epochs[i].start_offset);
}

void log_free(struct log *l)
{
    if (!l) return;
    for (int i = 0; i < l->segs_n; i++) {
        l->segs[i]->doomed = true;
        log_seg_get(l->segs[i]);
        log_seg_put(l->segs[i]);
    }
    free(l->segs);
    free(l->epochs);
    free(l->iov);
    free(l->dir);
    free(l);
}
