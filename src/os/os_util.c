/* Whole-file helpers over the seam's calls. */
#include "os/os.h"
#include "base/logline.h"
#include "base/strbuf.h"

#include <errno.h>

#include <stdio.h>
#include <stdlib.h>

int os_read_file(struct os *os, const char *path, size_t max, struct strbuf *out)
{
    int fd = os_open(os, path, OS_READ);
    if (fd < 0) return fd;
    struct os_stat st;
    int rc = os_fstat(os, fd, &st);
    if (rc == 0 && (uint64_t)st.size > max) rc = ERR_FORMAT;
    if (rc == 0) {
        char *p = xmalloc((size_t)st.size + 1);
        ssize_t n = os_pread(os, fd, p, (size_t)st.size, 0);
        if (n < 0) rc = (int)n;
        else strbuf_add(out, p, (size_t)n);
        free(p);
    }
    os_close(os, fd);
    return rc;
}

static int fsync_parent(struct os *os, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return os_fsync_dir(os, ".");
    char *dir = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
    int rc = os_fsync_dir(os, dir);
    free(dir);
    return rc;
}

/* On a full disk what was half written only takes room. It is written over the next time in any case, so the
 * reason to tell remains that of the write. */
static void drop_unwritten(struct os *os, const char *path)
{
    int saved = errno;
    (void)!os_unlink(os, path);
    errno = saved;
}

static int write_over(struct os *os, const char *path, const void *p, size_t n, bool sync)
{
    size_t len = strlen(path);
    char *tmp = xmalloc(len + 5);
    memcpy(tmp, path, len);
    memcpy(tmp + len, ".tmp", 5);
    int fd = os_open(os, tmp, OS_WRITE | OS_CREATE | OS_TRUNCATE);
    int rc = fd;
    if (fd < 0) goto out;
    rc = os_pwrite(os, fd, p, n, 0);
    if (rc == 0 && sync) rc = os_fdatasync(os, fd);
    os_close(os, fd);
    if (rc == 0) rc = os_rename(os, tmp, path);
    if (err_passes(rc)) drop_unwritten(os, tmp);
    if (rc == 0 && sync) rc = fsync_parent(os, path);
out:
    free(tmp);
    return rc;
}

int os_write_file_atomic(struct os *os, const char *path, const void *p, size_t n)
{
    return write_over(os, path, p, n, true);
}

int os_write_file_over(struct os *os, const char *path, const void *p, size_t n)
{
    return write_over(os, path, p, n, false);
}

int os_mkdir_p(struct os *os, const char *path)
{
    char *p = xstrdup(path);
    int rc = 0;
    for (char *s = p + 1;; s++) {
        if (*s && *s != '/') continue;
        char c = *s;
        *s = 0;
        rc = os_mkdir(os, p);
        if (rc == 0) rc = fsync_parent(os, p);
        else if (rc == ERR_EXISTS) {
            /* Perhaps made by a process that died before this: synced again, where the parent may be read at
             * all. */
            if (!c) (void)!fsync_parent(os, p);
            rc = 0;
        }
        *s = c;
        if (!c || rc) break;
    }
    free(p);
    return rc;
}

#define UNSETTLED ".moldau-sync-failed"

void os_mark_unsettled(struct os *os, const char *dir)
{
    struct strbuf path;
    strbuf_init(&path);
    strbuf_printf(&path, "%s/%s", dir, UNSETTLED);
    int fd = os_open(os, strbuf_cstr(&path), OS_WRITE | OS_CREATE);
    if (fd >= 0) os_close(os, fd);
    else
        logline(LOG_ERROR, dir,
                "cannot leave a mark of the failed sync (%s); restart the machine, not only the broker",
                os_why());
    strbuf_fini(&path);
}

struct settle_ctx {
    struct os *os;
    const char *dir;
};
static int settle_one(void *arg, const char *name, bool is_dir)
{
    struct settle_ctx *x = arg;
    struct strbuf path;
    strbuf_init(&path);
    strbuf_printf(&path, "%s/%s", x->dir, name);
    int rc = 0;
    if (is_dir) {
        struct settle_ctx below = {x->os, strbuf_cstr(&path)};
        rc = os_list_dir(x->os, below.dir, settle_one, &below);
        if (rc == 0) rc = os_fsync_dir(x->os, below.dir);
    } else {
        int fd = os_open(x->os, strbuf_cstr(&path), OS_WRITE);
        rc = fd < 0 ? fd : os_settle(x->os, fd);
        if (fd >= 0) os_close(x->os, fd);
    }
    strbuf_fini(&path);
    return rc == ERR_NOENT ? 0 : rc;
}
int os_settle_marked(struct os *os, const char *dir, bool *was)
{
    struct strbuf path;
    struct os_stat st;
    strbuf_init(&path);
    strbuf_printf(&path, "%s/%s", dir, UNSETTLED);
    *was = os_stat(os, strbuf_cstr(&path), &st) == 0;
    struct settle_ctx x = {os, dir};
    int rc = *was ? os_list_dir(os, dir, settle_one, &x) : 0;
    if (*was && rc == 0) rc = os_unlink(os, strbuf_cstr(&path));
    if (*was && rc == 0) rc = os_fsync_dir(os, dir);
    strbuf_fini(&path);
    return rc;
}

struct remove_ctx {
    struct os *os;
    const char *path;
};

static int remove_one(void *arg, const char *name, bool is_dir)
{
    struct remove_ctx *x = arg;
    size_t n = strlen(x->path) + strlen(name) + 2;
    char *p = xmalloc(n);
    snprintf(p, n, "%s/%s", x->path, name);
    int rc = is_dir ? os_remove_tree(x->os, p) : os_unlink(x->os, p);
    free(p);
    return rc == ERR_NOENT ? 0 : rc;
}

int os_remove_tree(struct os *os, const char *path)
{
    struct remove_ctx x = {os, path};
    int rc = os_list_dir(os, path, remove_one, &x);
    return rc ? rc : os_rmdir(os, path);
}
