/* .index and .timeindex of a segment.
 *
 *   .index      relative offset (4), position (4): a batch that ends at base + relative starts at position
 *   .timeindex  timestamp (8), relative offset (4): no record up to that offset has a larger timestamp
 *
 * An entry is due when more than index.interval.bytes were appended since the last one. */
#include "log/log_int.h"
#include "base/grow.h"

#include <stdlib.h>

static int open_index(struct log_seg *s, const char *suffix, int flags)
{
    char path[LOG_PATH_MAX];
    log_path(s->log, s->base_offset, suffix, path, sizeof path);
    return os_open(s->log->os, path, flags);
}

int log_index_flush(struct log_seg *s)
{
    struct log_index_tail *t = s->tail;
    struct os *os = s->log->os;
    uint8_t out[LOG_TAIL_ENTRIES * 12];
    int rc = 0;
    if (t->index_n) {
        for (int i = 0; i < t->index_n; i++) {
            store_be32(out + i * 8, t->index[i].rel);
            store_be32(out + i * 8 + 4, t->index[i].pos);
        }
        int fd = open_index(s, "index", OS_WRITE | OS_CREATE);
        if (fd < 0) return fd;
        rc = os_pwrite(os, fd, out, (size_t)t->index_n * 8, (int64_t)s->index_n * 8);
        os_close(os, fd);
        if (rc) return rc;
        s->index_n += t->index_n;
        free(t->index);
        t->index = NULL;
        t->index_n = t->index_cap = 0;
    }
    if (t->time_n) {
        for (int i = 0; i < t->time_n; i++) {
            store_be64(out + i * 12, (uint64_t)t->time[i].time_ms);
            store_be32(out + i * 12 + 8, t->time[i].rel);
        }
        int fd = open_index(s, "timeindex", OS_WRITE | OS_CREATE);
        if (fd < 0) return fd;
        rc = os_pwrite(os, fd, out, (size_t)t->time_n * 12, (int64_t)s->time_n * 12);
        os_close(os, fd);
        if (rc) return rc;
        s->time_n += t->time_n;
        free(t->time);
        t->time = NULL;
        t->time_n = t->time_cap = 0;
    }
    return rc;
}

static int note_time(struct log_seg *s)
{
    struct log_index_tail *t = s->tail;
    if (s->max_time_ms <= t->last_time_ms || s->max_time_ms < 0) return 0;
    if (t->time_n == LOG_TAIL_ENTRIES) {
        int rc = log_index_flush(s);
        if (rc) return rc;
    }
    t->time = grown(t->time, t->time_n, &t->time_cap, sizeof *t->time);
    t->time[t->time_n++] =
        (struct log_tail_time){s->max_time_ms, (uint32_t)(s->max_time_offset - s->base_offset)};
    t->last_time_ms = s->max_time_ms;
    return 0;
}

int log_index_note(struct log_seg *s, const struct batch_head *h)
{
    struct log_index_tail *t = s->tail;
    int rc = 0;
    if (h->max_time_ms > s->max_time_ms) {
        s->max_time_ms = h->max_time_ms;
        s->max_time_offset = h->last_offset;
    }
    if (s->first_time_ms < 0) s->first_time_ms = h->max_time_ms;
    if (t->bytes_since_entry > s->log->cfg.index_interval_bytes) {
        if (t->index_n == LOG_TAIL_ENTRIES) rc = log_index_flush(s);
        if (rc) return rc;
        t->index = grown(t->index, t->index_n, &t->index_cap, sizeof *t->index);
        t->index[t->index_n++] =
            (struct log_tail_entry){(uint32_t)(h->last_offset - s->base_offset), (uint32_t)s->size};
        rc = note_time(s);
        t->bytes_since_entry = 0;
    }
    t->bytes_since_entry += h->bytes;
    return rc;
}

int log_index_seal(struct log_seg *s)
{
    int rc = note_time(s);
    return rc ? rc : log_index_flush(s);
}

int log_index_find(struct log_seg *s, int64_t offset, int64_t *pos)
{
    struct log_index_tail *t = s->tail;
    *pos = 0;
    if (offset <= s->base_offset) return 0;
    uint64_t rel = (uint64_t)(offset - s->base_offset);
    if (t && t->index_n && t->index[0].rel <= rel) {
        int lo = 0, hi = t->index_n - 1; /* the last entry <= rel */
        while (lo < hi) {
            int mid = (lo + hi + 1) / 2;
            if (t->index[mid].rel <= rel) lo = mid;
            else hi = mid - 1;
        }
        *pos = t->index[lo].pos;
        return 0;
    }
    if (s->index_n == 0) return 0;
    int fd = open_index(s, "index", OS_READ);
    if (fd == ERR_NOENT) return 0; /* a scan from the start finds everything */
    if (fd < 0) return fd;
    int32_t lo = 0, hi = s->index_n; /* first entry > rel */
    int rc = 0;
    while (lo < hi) {
        int32_t mid = lo + (hi - lo) / 2;
        uint8_t e[8];
        ssize_t n = log_pread(s, "index", fd, e, 8, (int64_t)mid * 8);
        if (n != 8) {
            rc = n < 0 ? (int)n : 0;
            *pos = 0;
            break;
        }
        if (load_be32(e) <= rel) {
            lo = mid + 1;
            *pos = load_be32(e + 4);
        } else hi = mid;
    }
    os_close(s->log->os, fd);
    if (*pos > s->size) *pos = 0; /* an index that lies is as good as none */
    return rc;
}

#define FLOOR_BLOCK 64

int log_index_floor(struct log_seg *s, int64_t want, int64_t *pos)
{
    struct log_index_tail *t = s->tail;
    *pos = 0;
    if (t && t->index_n && t->index[0].pos <= want) {
        for (int i = 0; i < t->index_n && t->index[i].pos <= want; i++) *pos = t->index[i].pos;
        return 0;
    }
    if (s->index_n == 0) return 0;
    int fd = open_index(s, "index", OS_READ);
    if (fd == ERR_NOENT) return 0;
    if (fd < 0) return fd;
    /* Entries are about evenly spaced, so the first guess is mostly right; lo..hi holds the answer. */
    int32_t lo = 0, hi = s->index_n;
    int64_t covered = max_i64(s->size, 1);
    int rc = 0;
    for (int step = 0; lo < hi; step++) {
        int64_t guess = step < 2 ? want * s->index_n / covered : lo + (hi - lo) / 2;
        int32_t from = (int32_t)max_i64(lo, min_i64(guess - FLOOR_BLOCK / 2, hi - FLOOR_BLOCK));
        int32_t n = (int32_t)min_i64(FLOOR_BLOCK, hi - from);
        uint8_t e[FLOOR_BLOCK * 8];
        ssize_t got = log_pread(s, "index", fd, e, (size_t)n * 8, (int64_t)from * 8);
        if (got != n * 8) {
            rc = got < 0 ? (int)got : 0;
            *pos = 0;
            break;
        }
        if (load_be32(e + 4) > want) {
            hi = from;
            continue;
        }
        int32_t k = 0;
        while (k + 1 < n && load_be32(e + (k + 1) * 8 + 4) <= want) k++;
        *pos = load_be32(e + k * 8 + 4);
        if (k + 1 < n) break;
        lo = from + n;
    }
    os_close(s->log->os, fd);
    if (*pos > s->size) *pos = 0;
    return rc;
}

int log_time_find(struct log_seg *s, int64_t time_ms, int64_t *offset)
{
    struct log_index_tail *t = s->tail;
    *offset = s->base_offset;
    if (t && t->time_n && t->time[0].time_ms <= time_ms) {
        int lo = 0;
        for (int i = 0; i < t->time_n && t->time[i].time_ms <= time_ms; i++) lo = i;
        *offset = s->base_offset + t->time[lo].rel;
        return 0;
    }
    if (s->time_n == 0) return 0;
    int fd = open_index(s, "timeindex", OS_READ);
    if (fd == ERR_NOENT) return 0;
    if (fd < 0) return fd;
    int32_t lo = 0, hi = s->time_n;
    int rc = 0;
    while (lo < hi) {
        int32_t mid = lo + (hi - lo) / 2;
        uint8_t e[12];
        ssize_t n = log_pread(s, "timeindex", fd, e, 12, (int64_t)mid * 12);
        if (n != 12) {
            rc = n < 0 ? (int)n : 0;
            *offset = s->base_offset;
            break;
        }
        if ((int64_t)load_be64(e) <= time_ms) {
            lo = mid + 1;
            *offset = s->base_offset + load_be32(e + 8);
        } else hi = mid;
    }
    os_close(s->log->os, fd);
    return rc;
}

/* Counts the used entries of a file of fixed-size entries: Kafka preallocates and may leave zeros at the end.
 */
static int count_entries(struct os *os, int fd, int entry, int64_t *n, uint8_t *last)
{
    struct os_stat st;
    int rc = os_fstat(os, fd, &st);
    if (rc) return rc;
    *n = st.size / entry;
    while (*n > 0) {
        ssize_t r = os_pread(os, fd, last, (size_t)entry, (*n - 1) * entry);
        if (r < 0) return (int)r;
        bool zero = true;
        for (int i = 0; i < entry; i++) zero &= last[i] == 0;
        if (!zero) return 0;
        (*n)--;
    }
    return 0;
}

int log_index_load(struct log_seg *s, bool *damaged)
{
    struct os *os = s->log->os;
    uint8_t e[12];
    int64_t n = 0;
    *damaged = false;
    int fd = open_index(s, "index", OS_READ);
    if (fd < 0 && fd != ERR_NOENT) return fd;
    if (fd < 0) *damaged = s->size > 0;
    else {
        int rc = count_entries(os, fd, 8, &n, e);
        os_close(os, fd);
        if (rc) return rc;
        s->index_n = (int32_t)n;
        if (n && load_be32(e + 4) >= s->size) *damaged = true;
    }
    fd = open_index(s, "timeindex", OS_READ);
    if (fd < 0 && fd != ERR_NOENT) return fd;
    if (fd < 0) *damaged |= s->size > 0;
    else {
        int rc = count_entries(os, fd, 12, &n, e);
        os_close(os, fd);
        if (rc) return rc;
        s->time_n = (int32_t)n;
        if (n) {
            s->max_time_ms = (int64_t)load_be64(e);
            s->max_time_offset = s->base_offset + load_be32(e + 8);
        }
    }
    return 0;
}

/* ---- after a crash ---- */
/* Reads a whole index file; *n is the number of its entries. The caller frees *out. */
static int read_entries(struct log_seg *s, const char *suffix, size_t entry, uint8_t **out, int64_t *n)
{
    struct os *os = s->log->os;
    struct os_stat st;
    *out = NULL;
    *n = 0;
    int fd = open_index(s, suffix, OS_READ);
    if (fd < 0) return fd == ERR_NOENT ? 0 : fd;
    int rc = os_fstat(os, fd, &st);
    if (rc == 0 && st.size > s->log->cfg.segment_index_bytes + (int64_t)entry) rc = ERR_NOENT; /* not ours */
    if (rc == 0) {
        *out = xmalloc((size_t)st.size);
        ssize_t got = os_pread(os, fd, *out, (size_t)st.size, 0);
        if (got < 0) rc = (int)got;
        else *n = got / (ssize_t)entry;
    }
    os_close(os, fd);
    return rc == ERR_NOENT ? 0 : rc;
}

static int cut_entries(struct log_seg *s, const char *suffix, int64_t bytes)
{
    int fd = open_index(s, suffix, OS_WRITE);
    if (fd < 0) return fd;
    int rc = os_ftruncate(s->log->os, fd, bytes);
    os_close(s->log->os, fd);
    return rc;
}

/* Entries were not synced: what a loss of power left of them does not grow, or does not fit the batch. */
int log_index_resume(struct log_seg *s, int64_t from, int64_t *pos)
{
    uint8_t *index = NULL, *time = NULL, b[BATCH_HEAD_BYTES];
    int64_t n, times, k = 0, t = 0;
    struct batch_head h = {0};
    *pos = 0;
    int rc = read_entries(s, "index", 8, &index, &n);
    if (rc == 0) rc = read_entries(s, "timeindex", 12, &time, &times);
    if (rc) goto out;
    for (; k < n; k++) {
        uint32_t rel = load_be32(index + k * 8), at = load_be32(index + k * 8 + 4);
        if (at == 0 || at >= s->size || s->base_offset + rel >= from) break;
        if (k && (rel <= load_be32(index + k * 8 - 8) || at <= load_be32(index + k * 8 - 4))) break;
    }
    if (k == 0) goto out;
    uint32_t last = load_be32(index + k * 8 - 8);
    for (; t < times && load_be32(time + t * 12 + 8) <= last; t++)
        if ((int64_t)load_be64(time + t * 12) <= (t ? (int64_t)load_be64(time + t * 12 - 12) : -1) ||
            (t && load_be32(time + t * 12 + 8) <= load_be32(time + t * 12 - 4)))
            break;
    int64_t at = load_be32(index + k * 8 - 4), newest = t ? (int64_t)load_be64(time + t * 12 - 12) : -1;
    if ((rc = log_seg_open(s)) != 0) goto out;
    ssize_t got = os_pread(s->os, s->fd, b, sizeof b, at);
    if (got < 0) rc = (int)got;
    if (got != sizeof b) goto out;
    int parsed = batch_head_parse(slice_of(b, sizeof b), &h);
    const struct log *l = s->log;
    bool believed = (parsed == 0 || parsed == ERR_EOF) && h.last_offset == s->base_offset + last &&
                    h.max_time_ms <= newest && l->epochs_n &&
                    l->epochs[l->epochs_n - 1].epoch >= h.leader_epoch;
    if (!believed) goto out;
    if ((rc = cut_entries(s, "index", k * 8)) != 0 || (rc = cut_entries(s, "timeindex", t * 12)) != 0)
        goto out;
    s->index_n = (int32_t)k;
    s->time_n = (int32_t)t;
    s->max_time_ms = newest;
    if (t) s->max_time_offset = s->base_offset + load_be32(time + t * 12 - 4);
    *pos = at;
out:
    free(index);
    free(time);
    return rc;
}
