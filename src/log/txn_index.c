#include "log/txn_index.h"
#include "base/grow.h"
#include "log/log_int.h"

#include <stdlib.h>

int aborted_txn_read(const uint8_t in[TXN_INDEX_ENTRY_BYTES], struct aborted_txn *t)
{
    *t = (struct aborted_txn){(int64_t)load_be64(in + 2), (int64_t)load_be64(in + 10),
                              (int64_t)load_be64(in + 18), (int64_t)load_be64(in + 26)};
    return load_be16(in) != 0 || t->producer_id < 0 || t->first_offset < 0 || t->last_offset < t->first_offset
               ? ERR_FORMAT
               : 0;
}

void aborted_txn_write(const struct aborted_txn *t, uint8_t out[TXN_INDEX_ENTRY_BYTES])
{
    store_be16(out, 0);
    store_be64(out + 2, (uint64_t)t->producer_id);
    store_be64(out + 10, (uint64_t)t->first_offset);
    store_be64(out + 18, (uint64_t)t->last_offset);
    store_be64(out + 26, (uint64_t)t->stable_offset);
}

void aborted_txns_push(struct aborted_txns *a, const struct aborted_txn *t)
{
    a->v = grown_z(a->v, a->n, &a->cap, sizeof *a->v);
    a->v[a->n++] = *t;
}

int aborted_txns_add(struct aborted_txns *a, struct slice file)
{
    struct aborted_txn t;
    /* The end may be torn, or about to be written. */
    for (size_t at = 0; at + TXN_INDEX_ENTRY_BYTES <= file.n; at += TXN_INDEX_ENTRY_BYTES) {
        int rc = aborted_txn_read(file.p + at, &t);
        if (rc) return rc;
        aborted_txns_push(a, &t);
    }
    return 0;
}

static int by_first(const void *x, const void *y)
{
    const struct aborted_txn *a = x, *b = y;
    return (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

void aborted_txns_sort(struct aborted_txns *a)
{
    if (a->n) qsort(a->v, a->n, sizeof *a->v, by_first);
}

void aborted_txns_fini(struct aborted_txns *a)
{
    free(a->v);
    *a = (struct aborted_txns){0};
}

/* ---- the file of a segment ---- */
static int open_file(struct log_seg *s, int flags)
{
    char path[LOG_PATH_MAX];
    log_path(s->log, s->base_offset, "txnindex", path, sizeof path);
    return os_open(s->os, path, flags);
}

int txn_index_put(struct log_seg *s, const struct aborted_txn *t)
{
    uint8_t e[TXN_INDEX_ENTRY_BYTES];
    int fd = open_file(s, OS_WRITE | OS_CREATE);
    if (fd < 0) return fd;
    aborted_txn_write(t, e);
    int rc = os_pwrite(s->os, fd, e, sizeof e, (int64_t)s->txn_n * TXN_INDEX_ENTRY_BYTES);
    os_close(s->os, fd);
    if (rc) return rc;
    if (s->txn_n++ == 0) s->log->names_made++;
    s->log->aborts_made++;
    return 0;
}

int txn_index_reset(struct log_seg *s)
{
    char path[LOG_PATH_MAX];
    log_path(s->log, s->base_offset, "txnindex", path, sizeof path);
    s->txn_n = 0;
    int rc = os_unlink(s->os, path);
    return rc == ERR_NOENT ? 0 : rc;
}

/* Calls cb for every entry, in order, until it gives other than 0. */
typedef int each_cb(void *arg, const struct aborted_txn *t);
static int each(struct log_seg *s, int fd, int64_t n, each_cb *cb, void *arg)
{
    uint8_t block[64 * TXN_INDEX_ENTRY_BYTES];
    struct aborted_txn t;
    int rc = 0;
    for (int64_t i = 0; rc == 0 && i < n;) {
        size_t want = (size_t)min_i64(n - i, 64) * TXN_INDEX_ENTRY_BYTES;
        ssize_t got = log_pread(s, "txnindex", fd, block, want, i * TXN_INDEX_ENTRY_BYTES);
        if (got < 0) return (int)got;
        if ((size_t)got < want) return ERR_FORMAT;
        for (size_t at = 0; rc == 0 && at < want; at += TXN_INDEX_ENTRY_BYTES, i++) {
            rc = aborted_txn_read(block + at, &t);
            if (rc == 0) rc = cb(arg, &t);
        }
    }
    return rc;
}

struct check {
    int64_t last, end;
    int32_t n; /* entries below end */
};
static int check_entry(void *arg, const struct aborted_txn *t)
{
    struct check *x = arg;
    if (t->last_offset <= x->last || t->stable_offset > t->last_offset + 1) return ERR_FORMAT;
    x->last = t->last_offset;
    x->n += t->last_offset < x->end;
    return 0;
}

int txn_index_load(struct log_seg *s, int64_t known, int64_t end, bool *damaged)
{
    struct os_stat st;
    struct check x = {s->base_offset - 1, end,
                      0}; /* markers lie in the segment, each behind the one before */
    int fd = open_file(s, OS_READ | OS_WRITE);
    if (fd < 0) return fd;
    int rc = os_fstat(s->os, fd, &st);
    int64_t n = rc ? 0 : st.size / TXN_INDEX_ENTRY_BYTES;
    if (rc == 0 && (st.size % TXN_INDEX_ENTRY_BYTES || n > INT32_MAX || n < known)) rc = ERR_FORMAT;
    if (rc == 0) rc = each(s, fd, n, check_entry, &x);
    if (rc == 0 && x.n < n) rc = os_ftruncate(s->os, fd, (int64_t)x.n * TXN_INDEX_ENTRY_BYTES);
    os_close(s->os, fd);
    if (rc == 0) s->txn_n = x.n;
    if (rc != ERR_FORMAT) return rc;
    *damaged = true;
    return 0;
}

/* ---- the log ---- */
void log_note_abort(struct log *l, const struct aborted_txn *t)
{
    struct log_index_tail *tail = log_active(l)->tail;
    if (tail->aborts_n == tail->aborts_cap)
        tail->aborts = xrealloc(tail->aborts,
                                (size_t)(tail->aborts_cap = tail->aborts_cap * 2 + 2) * sizeof *tail->aborts);
    tail->aborts[tail->aborts_n++] = *t;
}

int txn_index_flush(struct log_seg *s)
{
    struct log_index_tail *t = s->tail;
    int rc = 0, n = 0;
    while (n < t->aborts_n && (rc = txn_index_put(s, &t->aborts[n])) == 0) n++;
    if (n) memmove(t->aborts, t->aborts + n, (size_t)(t->aborts_n -= n) * sizeof *t->aborts);
    return rc;
}

struct collect {
    int64_t from, to;
    struct aborted_txns *out;
    bool complete;
};
static int collect_entry(void *arg, const struct aborted_txn *t)
{
    struct collect *x = arg;
    if (t->last_offset >= x->from && t->first_offset < x->to) aborted_txns_push(x->out, t);
    /* Every transaction that began below this was over by then. */
    x->complete |= t->stable_offset >= x->to;
    return x->complete ? ERR_EOF : 0;
}

int log_aborted(struct log *l, int64_t from, int64_t to, struct aborted_txns *out)
{
    struct collect x = {from, to, out, false};
    int rc = 0;
    for (int i = 0; rc == 0 && !x.complete && i < l->segs_n; i++) {
        struct log_seg *s = l->segs[i];
        if (i + 1 < l->segs_n && l->segs[i + 1]->base_offset <= from) continue;
        int fd = s->txn_n ? open_file(s, OS_READ) : -1;
        if (fd < 0 && s->txn_n) return fd;
        if (s->txn_n) {
            rc = each(s, fd, s->txn_n, collect_entry, &x);
            os_close(s->os, fd);
            if (rc == ERR_EOF) rc = 0;
        }
        for (int k = 0; s->tail && !x.complete && k < s->tail->aborts_n; k++)
            (void)!collect_entry(&x, &s->tail->aborts[k]);
    }
    return rc;
}
