/* Invariants
 * 1. Everything of the copy below segment `base` is whole and synced; of `base` itself the first pos bytes
 * are there.
 * 2. seg is referenced from log_copy_next, which chose it, to the next one. */
#include "log/copy.h"
#include "base/strbuf.h"
#include "log/log_int.h"

#include <stdio.h>
#include <stdlib.h>

#define SLICE_BYTES ((int64_t)4 << 20)
#define BLOCK_BYTES ((size_t)256 << 10)

struct log_copy {
    struct os *os;
    char *from, *to;
    int64_t base, pos;
    int to_fd; /* the copy of segment base */
    bool made; /* the directory */
    bool beside_done;
    int64_t copied;
    int rc;
    char why[160];
    /* the slice */
    enum { SLICE_RECORDS, SLICE_BESIDE } slice;
    struct log_seg *seg;
    int64_t n;
    bool ends; /* the last one: files of the whole log, and the directory's name */
    struct strbuf epochs;
};

struct log_copy *log_copy_new(struct log *l, char *to_take)
{
    struct log_copy *c = xcalloc(1, sizeof *c);
    c->os = l->os;
    c->from = xstrdup(l->dir);
    c->to = to_take;
    c->base = -1;
    c->to_fd = -1;
    strbuf_init(&c->epochs);
    return c;
}

static void unpin(struct log_copy *c)
{
    if (c->seg) log_seg_put(c->seg);
    c->seg = NULL;
}

void log_copy_free(struct log_copy *c)
{
    if (!c) return;
    unpin(c);
    if (c->to_fd >= 0) os_close(c->os, c->to_fd);
    strbuf_fini(&c->epochs);
    free(c->from);
    free(c->to);
    free(c);
}

int64_t log_copy_done_bytes(const struct log_copy *c)
{
    return c->copied;
}
const char *log_copy_dir(const struct log_copy *c)
{
    return c->to;
}
const char *log_copy_why(const struct log_copy *c)
{
    return c->why;
}

/* The first segment that is not copied whole; it may not be the one that was under way, which retention can
 * take. */
static int place(const struct log_copy *c, const struct log *l)
{
    int i = 0;
    while (i + 1 < l->segs_n && l->segs[i]->base_offset < c->base) i++;
    return i;
}

static int64_t written(const struct log *l, int i)
{
    return l->segs[i]->size - (i + 1 == l->segs_n ? l->pending_bytes : 0);
}

int64_t log_copy_left(const struct log_copy *c, const struct log *l)
{
    int64_t n = 0;
    for (int i = place(c, l); i < l->segs_n; i++)
        n += written(l, i) - (l->segs[i]->base_offset == c->base ? c->pos : 0);
    return n;
}

int64_t log_copy_offset(const struct log_copy *c, const struct log *l)
{
    if (log_copy_left(c, l) == 0) return l->flushed_offset;
    return max_i64(c->base, l->start_offset);
}

static int fail(struct log_copy *c, int rc, const char *what)
{
    snprintf(c->why, sizeof c->why, "%s: %s", what, os_why());
    return c->rc = rc;
}

static void begin_seg(struct log_copy *c, int64_t base)
{
    if (c->to_fd >= 0) os_close(c->os, c->to_fd);
    c->to_fd = -1;
    c->base = base;
    c->pos = 0;
    c->beside_done = false;
}

/* The copy's own file of them; what the log itself has still to write is not changed by that. */
static void take_epochs(struct log_copy *c, struct log *l)
{
    bool dirty = l->epochs_dirty;
    strbuf_reset(&c->epochs);
    log_epochs_take(l, &c->epochs);
    l->epochs_dirty = dirty;
}

int log_copy_next(struct log_copy *c, struct log *l, bool last)
{
    unpin(c);
    if (c->rc) return c->rc;
    if (l->faulted) return ERR_IO;
    for (;;) {
        int i = place(c, l), rc;
        struct log_seg *s = l->segs[i];
        bool sealed = i + 1 < l->segs_n;
        if (s->base_offset != c->base) begin_seg(c, s->base_offset);
        c->n = min_i64(written(l, i) - c->pos, SLICE_BYTES);
        if (c->n > 0) c->slice = SLICE_RECORDS;
        else if (!c->beside_done && (sealed || last)) {
            c->slice = SLICE_BESIDE;
            c->ends = !sealed;
            if (!sealed && (rc = log_index_flush(s)) != 0) return fail(c, rc, "cannot write an index");
            if (!sealed) take_epochs(c, l);
        } else if (sealed) {
            begin_seg(c, l->segs[i + 1]->base_offset);
            continue;
        } else return 0;
        if ((rc = log_seg_open(s)) != 0) return fail(c, rc, "cannot open a segment");
        log_seg_get(s);
        c->seg = s;
        return 1;
    }
}

/* ---- on the pool ---- */
static void path_of(const char *dir, int64_t base, const char *suffix, char out[LOG_PATH_MAX])
{
    snprintf(out, LOG_PATH_MAX, "%s/%020lld.%s", dir, (long long)base, suffix);
}

static int copy_bytes(struct os *os, int from, int to, int64_t pos, int64_t n)
{
    uint8_t *b = xmalloc(BLOCK_BYTES);
    int rc = 0;
    while (rc == 0 && n > 0) {
        ssize_t got = os_pread(os, from, b, (size_t)min_i64(n, (int64_t)BLOCK_BYTES), pos);
        rc = got < 0 ? (int)got : got == 0 ? ERR_IO : os_pwrite(os, to, b, (size_t)got, pos);
        pos += got;
        n -= got;
    }
    free(b);
    return rc;
}

/* A file that may be missing, with its sync. */
static int copy_file(struct os *os, const char *from, const char *to)
{
    struct os_stat st;
    int in = os_open(os, from, OS_READ);
    if (in == ERR_NOENT) return 0;
    if (in < 0) return in;
    int out = os_open(os, to, OS_WRITE | OS_CREATE | OS_TRUNCATE);
    int rc = out < 0 ? out : os_fstat(os, in, &st);
    if (rc == 0) rc = copy_bytes(os, in, out, 0, st.size);
    if (rc == 0) rc = os_fdatasync(os, out);
    if (out >= 0) os_close(os, out);
    os_close(os, in);
    return rc;
}

static int copy_records(struct log_copy *c)
{
    int rc = 0;
    if (!c->made) {
        rc = os_remove_tree(c->os, c->to);
        if (rc == 0 || rc == ERR_NOENT) rc = os_mkdir(c->os, c->to);
        c->made = rc == 0;
    }
    if (rc == 0 && c->to_fd < 0) {
        char path[LOG_PATH_MAX];
        path_of(c->to, c->base, "log", path);
        c->to_fd = os_open(c->os, path, OS_WRITE | OS_CREATE | OS_TRUNCATE);
        if (c->to_fd < 0) rc = c->to_fd;
    }
    if (rc == 0 && c->n > 0) rc = copy_bytes(c->os, c->seg->fd, c->to_fd, c->pos, c->n);
    return rc;
}

static int sync_names(struct log_copy *c)
{
    char root[LOG_PATH_MAX];
    int rc = os_fsync_dir(c->os, c->to);
    snprintf(root, sizeof root, "%s", c->to);
    *strrchr(root, '/') = 0;
    if (rc == 0) rc = os_fsync_dir(c->os, root);
    if (rc) os_mark_unsettled(c->os, root); /* names of others may be lost with these */
    return rc;
}

static int copy_beside(struct log_copy *c)
{
    static const char *const suffixes[] = {"index", "timeindex", "txnindex", "snapshot"};
    char from[LOG_PATH_MAX], to[LOG_PATH_MAX];
    int rc = copy_records(c); /* an empty segment has a file, too */
    if (rc == 0) rc = os_fdatasync(c->os, c->to_fd);
    for (size_t i = 0; i < NELEMS(suffixes) && rc == 0; i++) {
        path_of(c->from, c->base, suffixes[i], from);
        path_of(c->to, c->base, suffixes[i], to);
        rc = copy_file(c->os, from, to);
    }
    if (rc || !c->ends) return rc;
    snprintf(from, sizeof from, "%s/partition.metadata", c->from);
    snprintf(to, sizeof to, "%s/partition.metadata", c->to);
    rc = copy_file(c->os, from, to);
    snprintf(to, sizeof to, "%s/" LOG_EPOCHS_FILE, c->to);
    if (rc == 0) rc = os_write_file_atomic(c->os, to, c->epochs.s, c->epochs.n);
    return rc ? rc : sync_names(c);
}

void log_copy_run(struct log_copy *c)
{
    int rc = c->slice == SLICE_RECORDS ? copy_records(c) : copy_beside(c);
    if (rc) {
        (void)!fail(c, rc, "copying failed");
        return;
    }
    if (c->slice == SLICE_BESIDE) c->beside_done = true;
    else {
        c->pos += c->n;
        c->copied += c->n;
    }
}
