/* Files in memory with the memory of a disk: what was synced, and what was only written.
 *
 * Invariants
 * 1. A file's `data` is what reads see (the page cache); `kept` is what the platter has. They differ only in
 * sectors marked dirty, and in size.
 * 2. A directory's `names` are what look-ups see; `kept` are the synced ones; `ops` leads from one to the
 * other, in order. A new file's name is not durable because the file was synced: POSIX does not say so.
 * 3. A failed sync drops the dirty marks without writing, as Linux does: the next sync succeeds and has saved
 * nothing. */
#include "disk_int.h"

#include <stdio.h>
#include <stdlib.h>

#define SECTOR 512
static const char *why = "no error";
const char *os_why(void)
{
    return why;
}
static int err(int e)
{
    why = e == ERR_NOENT     ? "No such file or directory"
          : e == ERR_EXISTS  ? "File exists"
          : e == ERR_NOSPACE ? "No space left on device"
          : e == ERR_BUSY    ? "Resource temporarily unavailable"
                             : "Input/output error";
    return e;
}

static struct inode *inode_new(struct disk *d, bool is_dir)
{
    struct inode *i = xcalloc(1, sizeof *i);
    i->is_dir = is_dir;
    i->next = d->all;
    d->all = i;
    return i;
}
struct disk *disk_new(void)
{
    struct disk *d = xcalloc(1, sizeof *d);
    d->root = inode_new(d, true);
    return d;
}

/* ---- names ---- */
static int names_find(const struct names *x, const char *name, size_t n)
{
    for (int i = 0; i < x->n; i++)
        if (strncmp(x->v[i].name, name, n) == 0 && x->v[i].name[n] == 0) return i;
    return -1;
}
static void names_remove(struct names *x, const char *name)
{
    int i = names_find(x, name, strlen(name));
    if (i < 0) return;
    free(x->v[i].name);
    memmove(&x->v[i], &x->v[i + 1], (size_t)(x->n - i - 1) * sizeof x->v[0]);
    x->n--;
}
static void names_add(struct names *x, const char *name, struct inode *inode)
{
    names_remove(x, name);
    if (x->n == x->cap) x->v = xrealloc(x->v, (size_t)(x->cap = x->cap ? x->cap * 2 : 8) * sizeof x->v[0]);
    x->v[x->n++] = (struct name){xstrdup(name), inode};
}
static void names_copy(struct names *to, const struct names *from)
{
    while (to->n) names_remove(to, to->v[0].name);
    for (int i = 0; i < from->n; i++) names_add(to, from->v[i].name, from->v[i].inode);
}
static void apply(struct names *x, const struct op *o)
{
    if (o->kind == OP_ADD) names_add(x, o->name, o->inode);
    else if (o->kind == OP_REMOVE) names_remove(x, o->name);
    else {
        names_remove(x, o->name);
        names_add(x, o->to, o->inode);
    }
}
static void note(struct inode *dir, enum op_kind kind, const char *name, const char *to, struct inode *inode)
{
    if (dir->ops_n == dir->ops_cap)
        dir->ops = xrealloc(dir->ops, (size_t)(dir->ops_cap = dir->ops_cap ? dir->ops_cap * 2 : 8) *
                                          sizeof dir->ops[0]);
    struct op *o = &dir->ops[dir->ops_n++];
    *o = (struct op){kind, xstrdup(name), to ? xstrdup(to) : NULL, inode};
    apply(&dir->names, o);
}
static void forget_ops(struct inode *dir)
{
    for (int i = 0; i < dir->ops_n; i++) {
        free(dir->ops[i].name);
        free(dir->ops[i].to);
    }
    dir->ops_n = 0;
}

/* The file is gone from the disk, not only from the page cache. */
void disk_forget_name(struct inode *dir, const char *name)
{
    char *copy = xstrdup(name);
    for (int i = 0; i < dir->ops_n; i++) apply(&dir->kept_names, &dir->ops[i]);
    forget_ops(dir);
    names_remove(&dir->names, copy);
    names_remove(&dir->kept_names, copy);
    free(copy);
}

/* The inode at path, or NULL; *dir and *leaf tell where it is or would be (dir NULL: no such folder). */
static struct inode *walk(struct disk *d, const char *path, struct inode **dir, const char **leaf)
{
    struct inode *at = d->root;
    *dir = NULL;
    *leaf = "";
    for (;;) {
        while (*path == '/') path++;
        if (path[0] == '.' && (path[1] == '/' || path[1] == 0)) {
            path++;
            continue;
        }
        if (!*path) return at;
        size_t n = strcspn(path, "/");
        if (!at || !at->is_dir) {
            *dir = NULL;
            return NULL;
        }
        int i = names_find(&at->names, path, n);
        *dir = at;
        *leaf = path;
        at = i < 0 ? NULL : at->names.v[i].inode;
        path += n;
        if (!at && *path) {
            *dir = NULL;
            return NULL;
        }
    }
}
static struct disk *here(void)
{
    ASSERT(world.machine);
    return world.machine->disk;
}

/* ---- contents ---- */
static void reserve(uint8_t **p, int64_t *cap, int64_t n)
{
    if (n <= *cap) return;
    int64_t to = max_i64(n, *cap * 2);
    *p = xrealloc(*p, (size_t)to);
    memset(*p + *cap, 0, (size_t)(to - *cap));
    *cap = to;
}
static void mark(struct inode *f, int64_t from, int64_t to)
{
    if (from >= to) return;
    reserve(&f->dirty, &f->dirty_cap, (to - 1) / SECTOR + 1);
    memset(f->dirty + from / SECTOR, 1, (size_t)((to - 1) / SECTOR - from / SECTOR + 1));
}
static void set_size(struct inode *f, int64_t size)
{
    reserve(&f->data, &f->data_cap, size);
    if (size < f->size) memset(f->data + size, 0, (size_t)(f->size - size));
    f->size = size;
}
static void keep(struct inode *f)
{
    reserve(&f->kept, &f->kept_cap, f->size);
    if (f->size > f->kept_size) memset(f->kept + f->kept_size, 0, (size_t)(f->size - f->kept_size));
    for (int64_t s = 0; s < f->dirty_cap; s++) {
        int64_t from = s * SECTOR, to = min_i64(from + SECTOR, f->size);
        if (f->dirty[s] && from < to) memcpy(f->kept + from, f->data + from, (size_t)(to - from));
    }
    f->kept_size = f->size;
    if (f->dirty_cap) memset(f->dirty, 0, (size_t)f->dirty_cap);
}

static void file_power_loss(struct inode *f)
{
    /* All of it, nothing, or any sectors of it: a disk orders nothing between two syncs. */
    unsigned mode = (unsigned)world_below(4);
    int64_t old = f->kept_size, size = old;
    if (mode == 0) size = f->size;
    else if (mode >= 2 && f->size != old) {
        int64_t lo = min_i64(old, f->size), hi = max_i64(old, f->size);
        size = lo + (int64_t)world_below((uint64_t)(hi - lo) + 1);
    }
    reserve(&f->kept, &f->kept_cap, max_i64(size, f->size));
    if (size > old) memset(f->kept + old, 0, (size_t)(size - old));
    for (int64_t s = 0; s < f->dirty_cap; s++) {
        if (!f->dirty[s] || mode == 1 || (mode >= 2 && world_below(2))) continue;
        int64_t from = s * SECTOR, to = min_i64(min_i64(from + SECTOR, f->size), size);
        if (from < to) memcpy(f->kept + from, f->data + from, (size_t)(to - from));
    }
    f->kept_size = size;
    set_size(f, size);
    reserve(&f->data, &f->data_cap, size);
    if (size) memcpy(f->data, f->kept, (size_t)size);
    if (f->dirty_cap) memset(f->dirty, 0, (size_t)f->dirty_cap);
}

void disk_lose_power(struct disk *d)
{
    for (struct inode *i = d->all; i; i = i->next) {
        if (!i->is_dir) {
            file_power_loss(i);
            continue;
        }
        unsigned mode = (unsigned)world_below(3);
        int n = mode == 0 ? i->ops_n : mode == 1 ? 0 : (int)world_below((uint64_t)i->ops_n + 1);
        for (int k = 0; k < n; k++) apply(&i->kept_names, &i->ops[k]);
        forget_ops(i);
        names_copy(&i->names, &i->kept_names);
    }
}

void disk_close_all(struct disk *d)
{
    memset(d->fds, 0, sizeof d->fds);
    for (struct inode *i = d->all; i; i = i->next) i->locked = false;
}

static int64_t tree_bytes(const struct inode *i)
{
    int64_t n = i->size;
    for (int k = 0; k < i->names.n; k++) n += tree_bytes(i->names.v[k].inode);
    return n;
}
int64_t disk_bytes(const struct disk *d)
{
    return tree_bytes(d->root);
}

/* ---- the seam ---- */
static bool no_room(void)
{
    return world.now_ns < world.full_until_ns || world_chance(world.faults.short_disk);
}
static struct inode *file_of(int fd)
{
    ASSERT(fd >= 0 && fd < FDS_MAX && here()->fds[fd].inode);
    return here()->fds[fd].inode;
}
int os_open(struct os *os, const char *path, int flags)
{
    (void)os;
    struct disk *d = here();
    struct inode *dir;
    const char *leaf;
    struct inode *i = walk(d, path, &dir, &leaf);
    if (i && (flags & OS_CREATE) && (flags & OS_EXCL)) return err(ERR_EXISTS);
    if (!i && (!(flags & OS_CREATE) || !dir)) return err(ERR_NOENT);
    if (i && i->is_dir) return err(ERR_IO);
    if (!i && no_room()) return err(ERR_NOSPACE);
    if (!i) {
        i = inode_new(d, false);
        note(dir, OP_ADD, leaf, NULL, i);
    } else if (flags & OS_TRUNCATE) {
        mark(i, 0, i->size);
        set_size(i, 0);
    }
    int fd = 3;
    while (fd < FDS_MAX && d->fds[fd].inode) fd++;
    ASSERT(fd < FDS_MAX);
    d->fds[fd].inode = i;
    d->fds[fd].write = flags & OS_WRITE;
    return fd;
}
void os_close(struct os *os, int fd)
{
    (void)os;
    file_of(fd);
    here()->fds[fd].inode = NULL;
}
ssize_t os_pread(struct os *os, int fd, void *p, size_t n, int64_t off)
{
    (void)os;
    struct inode *f = file_of(fd);
    if (world_chance(world.faults.read_error)) return err(ERR_IO);
    if (off >= f->size) return 0;
    size_t take = (size_t)min_i64((int64_t)n, f->size - off);
    if (take) memcpy(p, f->data + off, take);
    return (ssize_t)take;
}
ssize_t os_pread_cached(struct os *os, int fd, void *p, size_t n, int64_t off)
{
    if (world_chance(world.faults.cold_read)) return err(ERR_BUSY);
    return os_pread(os, fd, p, n, off);
}
int os_pwritev(struct os *os, int fd, struct iovec *iov, int iov_n, int64_t off)
{
    (void)os;
    struct inode *f = file_of(fd);
    ASSERT(here()->fds[fd].write);
    bool fail = world_chance(world.faults.write_error), full = no_room();
    for (int i = 0; i < iov_n; i++) {
        int64_t n = (int64_t)iov[i].iov_len;
        if (fail || full)
            n = (int64_t)world_below((uint64_t)n + 1); /* a failing write leaves anything behind */
        int64_t end = off + n, from = min_i64(off, f->size);
        if (end > f->size) set_size(f, end);
        if (n) memcpy(f->data + off, iov[i].iov_base, (size_t)n);
        mark(f, from, end);
        off = end;
        if (fail || full) return err(full ? ERR_NOSPACE : ERR_IO);
    }
    f->mtime_ms = os_wall_ms(NULL);
    return 0;
}
int os_pwrite(struct os *os, int fd, const void *p, size_t n, int64_t off)
{
    struct iovec v = {.iov_len = n};
    memcpy(&v.iov_base, &p, sizeof p);
    return n ? os_pwritev(os, fd, &v, 1, off) : 0;
}
int os_fdatasync(struct os *os, int fd)
{
    (void)os;
    struct inode *f = file_of(fd);
    if (world_chance(world.faults.sync_error)) {
        if (f->dirty_cap) memset(f->dirty, 0, (size_t)f->dirty_cap);
        world.sync_errors++;
        return err(ERR_IO);
    }
    keep(f);
    return 0;
}
int os_settle(struct os *os, int fd)
{
    struct inode *f = file_of(fd);
    int rc = os_fdatasync(os, fd);
    if (rc == 0 && f->size) memcpy(f->data, f->kept, (size_t)f->size);
    return rc;
}
int os_ftruncate(struct os *os, int fd, int64_t size)
{
    (void)os;
    struct inode *f = file_of(fd);
    mark(f, min_i64(size, f->size), max_i64(size, f->size));
    set_size(f, size);
    return 0;
}
static void stat_of(const struct inode *i, struct os_stat *out)
{
    *out = (struct os_stat){.size = i->size, .mtime_ms = i->mtime_ms, .is_dir = i->is_dir};
}
int os_fstat(struct os *os, int fd, struct os_stat *out)
{
    (void)os;
    stat_of(file_of(fd), out);
    return 0;
}
int os_stat(struct os *os, const char *path, struct os_stat *out)
{
    (void)os;
    struct inode *dir;
    const char *leaf;
    struct inode *i = walk(here(), path, &dir, &leaf);
    if (!i) return err(ERR_NOENT);
    stat_of(i, out);
    return 0;
}
int os_rename(struct os *os, const char *from, const char *to)
{
    (void)os;
    struct inode *dir, *dir2;
    const char *leaf, *leaf2;
    struct inode *i = walk(here(), from, &dir, &leaf), *t = walk(here(), to, &dir2, &leaf2);
    if (!i || !dir || !dir2) return err(ERR_NOENT);
    if (t && t->is_dir) return err(ERR_EXISTS);
    char *name = xstrdup(leaf), *name2 = xstrdup(leaf2);
    name[strcspn(name, "/")] = name2[strcspn(name2, "/")] = 0;
    if (dir == dir2) note(dir, OP_RENAME, name, name2, i);
    else {
        note(dir2, OP_ADD, name2, NULL, i);
        note(dir, OP_REMOVE, name, NULL, i);
    }
    free(name);
    free(name2);
    return 0;
}
static int remove_name(const char *path, bool want_dir)
{
    struct inode *dir;
    const char *leaf;
    struct inode *i = walk(here(), path, &dir, &leaf);
    if (!i || !dir) return err(ERR_NOENT);
    if (i->is_dir != want_dir) return err(ERR_IO);
    if (want_dir && i->names.n) return err(ERR_EXISTS);
    note(dir, OP_REMOVE, leaf, NULL, i);
    return 0;
}
int os_unlink(struct os *os, const char *path)
{
    (void)os;
    return remove_name(path, false);
}
int os_rmdir(struct os *os, const char *path)
{
    (void)os;
    return remove_name(path, true);
}
int os_mkdir(struct os *os, const char *path)
{
    (void)os;
    struct inode *dir;
    const char *leaf;
    if (walk(here(), path, &dir, &leaf)) return err(ERR_EXISTS);
    if (!dir) return err(ERR_NOENT);
    if (no_room()) return err(ERR_NOSPACE);
    note(dir, OP_ADD, leaf, NULL, inode_new(here(), true));
    return 0;
}
int os_fsync_dir(struct os *os, const char *path)
{
    (void)os;
    struct inode *dir;
    const char *leaf;
    struct inode *i = walk(here(), path, &dir, &leaf);
    if (!i) return err(ERR_NOENT);
    ASSERT(i->is_dir);
    if (world_chance(world.faults.sync_error)) return err(ERR_IO);
    for (int k = 0; k < i->ops_n; k++) apply(&i->kept_names, &i->ops[k]);
    forget_ops(i);
    return 0;
}
int os_list_dir(struct os *os, const char *path, os_dir_cb *cb, void *arg)
{
    (void)os;
    struct inode *dir;
    const char *leaf;
    struct inode *i = walk(here(), path, &dir, &leaf);
    if (!i || !i->is_dir) return err(ERR_NOENT);
    struct names copy = {0}; /* cb may remove what it is shown */
    names_copy(&copy, &i->names);
    int rc = 0;
    for (int k = 0; k < copy.n && rc == 0; k++) rc = cb(arg, copy.v[k].name, copy.v[k].inode->is_dir);
    while (copy.n) names_remove(&copy, copy.v[0].name);
    free(copy.v);
    return rc;
}
int os_lock(struct os *os, int fd)
{
    (void)os;
    struct inode *f = file_of(fd);
    if (f->locked) return err(ERR_BUSY);
    f->locked = true;
    return 0;
}
void os_readahead(struct os *os, int fd, int64_t off, int64_t n)
{
    (void)os;
    (void)fd;
    (void)off;
    (void)n;
}
int os_disk_usage(struct os *os, const char *path, int64_t *total, int64_t *usable)
{
    (void)os;
    (void)path;
    *total = 1ll << 40;
    *usable = 1ll << 39;
    return 0;
}
