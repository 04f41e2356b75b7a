/* What a cleaning leaves behind when the process ends in the middle, and what a start makes of it, as Apache
 * Kafka does:
 *
 *   .cleaned  not finished: dropped, together with .swap files at or above it, whose renaming was not
 *             finished either
 *   .swap     whole and on the disk: the segments it stands for are removed, it gets its final name */
#include "log/log_int.h"
#include "base/grow.h"
#include "base/i64s.h"
#include "base/logline.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const suffixes[] = {"log", "index", "timeindex", "txnindex"};

struct leftover {
    int64_t base_offset;
    const char *suffix;
    bool swap;
};
struct leftovers {
    struct leftover *v;
    size_t n, cap;
    struct i64s bases; /* of the segments */
};

static int note_file(void *arg, const char *name, bool is_dir)
{
    struct leftovers *x = arg;
    size_t n = strlen(name);
    if (is_dir || n < 24 || strspn(name, "0123456789") != 20 || name[20] != '.') return 0;
    int64_t base = strtoll(name, NULL, 10);
    if (strcmp(name + 20, ".log") == 0) i64s_add(&x->bases, base);
    for (size_t i = 0; i < NELEMS(suffixes); i++) {
        size_t k = strlen(suffixes[i]);
        if (strncmp(name + 21, suffixes[i], k) != 0) continue;
        bool swap = strcmp(name + 21 + k, ".swap") == 0;
        if (!swap && strcmp(name + 21 + k, ".cleaned") != 0) continue;
        x->v = grown_z(x->v, x->n, &x->cap, sizeof *x->v);
        x->v[x->n++] = (struct leftover){base, suffixes[i], swap};
    }
    return 0;
}

static void path_of(const char *dir, int64_t base, const char *suffix, const char *more, char *out)
{
    int n = snprintf(out, LOG_PATH_MAX, "%s/%020lld.%s%s", dir, (long long)base, suffix, more);
    ASSERT(n > 0 && n < LOG_PATH_MAX);
}

static int unlink_if_there(struct os *os, const char *path)
{
    int rc = os_unlink(os, path);
    return rc == ERR_NOENT ? 0 : rc;
}

/* The offset after the last batch of a file. */
static int end_of(struct os *os, const char *path, int64_t base, int64_t *end)
{
    struct os_stat st;
    int fd = os_open(os, path, OS_READ);
    if (fd < 0) return fd;
    int rc = os_fstat(os, fd, &st);
    *end = base;
    for (int64_t pos = 0; rc == 0 && pos + BATCH_HEAD_BYTES <= st.size;) {
        uint8_t b[BATCH_HEAD_BYTES];
        struct batch_head h = {0};
        ssize_t n = os_pread(os, fd, b, sizeof b, pos);
        if (n < 0) rc = (int)n;
        int r = n < 0 ? 0 : batch_head_parse(slice_of(b, (size_t)n), &h);
        if (rc || n < BATCH_HEAD_BYTES || (r && r != ERR_EOF) || h.last_offset < *end ||
            h.bytes > st.size - pos)
            break;
        *end = h.last_offset + 1;
        pos += h.bytes;
    }
    os_close(os, fd);
    return rc;
}

/* Removes the segments that a .log.swap stands for; the one with the same base is replaced in any case. */
static int remove_replaced(struct os *os, const char *dir, const struct leftovers *x, int64_t base)
{
    char path[LOG_PATH_MAX];
    int64_t end;
    path_of(dir, base, "log", ".swap", path);
    int rc = end_of(os, path, base, &end);
    for (int i = 0; rc == 0 && i < x->bases.n; i++) {
        int64_t at = x->bases.v[i];
        if (at != base && (at < base || at >= end)) continue;
        for (size_t k = NELEMS(suffixes);
             rc == 0 && k-- > 0;) { /* .log last, or this could not go on after a crash */
            path_of(dir, at, suffixes[k], "", path);
            rc = unlink_if_there(os, path);
        }
    }
    return rc;
}

int log_finish_swaps(struct os *os, const char *dir)
{
    struct leftovers x = {0};
    char path[LOG_PATH_MAX], to[LOG_PATH_MAX];
    int64_t unfinished = INT64_MAX;
    size_t finished = 0;
    int rc = os_list_dir(os, dir, note_file, &x);
    for (size_t i = 0; i < x.n; i++)
        if (!x.v[i].swap) unfinished = min_i64(unfinished, x.v[i].base_offset);
    /* .swap before .cleaned: should this be interrupted, the .cleaned file still tells that they are not
     * whole. */
    for (int swap = 1; swap >= 0; swap--)
        for (size_t i = 0; i < x.n && rc == 0; i++) {
            if (x.v[i].swap != swap || (swap && x.v[i].base_offset < unfinished)) continue;
            path_of(dir, x.v[i].base_offset, x.v[i].suffix, swap ? ".swap" : ".cleaned", path);
            rc = unlink_if_there(os, path);
        }
    for (size_t i = 0; i < x.n && rc == 0; i++)
        if (x.v[i].swap && x.v[i].base_offset < unfinished && strcmp(x.v[i].suffix, "log") == 0)
            rc = remove_replaced(os, dir, &x, x.v[i].base_offset);
    for (size_t i = 0; i < x.n && rc == 0; i++) {
        if (!x.v[i].swap || x.v[i].base_offset >= unfinished) continue;
        path_of(dir, x.v[i].base_offset, x.v[i].suffix, ".swap", path);
        path_of(dir, x.v[i].base_offset, x.v[i].suffix, "", to);
        rc = os_rename(os, path, to);
        finished++;
    }
    if (x.n && rc == 0) {
        rc = os_fsync_dir(os, dir);
        logline(LOG_INFO, dir, "%s a compaction that was interrupted", finished ? "finished" : "dropped");
    }
    free(x.v);
    i64s_fini(&x.bases);
    return rc;
}
