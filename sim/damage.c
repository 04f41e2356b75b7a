/* Damage on a disk: a flipped bit, a missing file. Where it may strike and what must become of it is told in
 * work.c. */
#include "disk_int.h"
#include "kp/batch_head.h"

#include <stdio.h>
#include <stdlib.h>

struct found {
    struct inode *dir, *file;
    char path[200];
};
struct search {
    const char *folder; /* the last part of the path of the directories to look into, NULL: any */
    const char *suffix;
    struct found v[512];
    int n;
};

static void look(struct search *s, struct inode *dir, const char *path)
{
    const char *slash = strrchr(path, '/');
    bool here = !s->folder || strcmp(slash ? slash + 1 : path, s->folder) == 0;
    for (int i = 0; i < dir->names.n; i++) {
        const struct name *x = &dir->names.v[i];
        size_t n = strlen(x->name), k = strlen(s->suffix);
        char below[200];
        snprintf(below, sizeof below, "%s/%s", path, x->name);
        if (x->inode->is_dir) look(s, x->inode, below);
        else if (here && n >= k && strcmp(x->name + n - k, s->suffix) == 0 && s->n < (int)NELEMS(s->v)) {
            s->v[s->n] = (struct found){.dir = dir, .file = x->inode};
            memcpy(s->v[s->n++].path, below, sizeof below);
        }
    }
}

/* The start of the batch that holds pos, -1 if pos lies in none; *behind: how many whole ones follow. */
static int64_t batch_of(const struct inode *f, int64_t pos, int *behind)
{
    int64_t mine = -1;
    *behind = 0;
    for (int64_t at = 0; at < f->size;) {
        struct batch_head h;
        if (batch_head_parse(slice_of(f->data + at, (size_t)(f->size - at)), &h)) break;
        if (mine >= 0) (*behind)++;
        if (pos >= at && pos < at + h.bytes) mine = at;
        at += h.bytes;
    }
    return mine;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static void choose(struct disk *d, struct search *s, struct damage *out)
{
    look(s, d->root, "");
    if (s->n) qsort(s->v, (size_t)s->n, sizeof s->v[0], by_path);
    *out = (struct damage){0};
}

bool disk_flip(struct disk *d, const char *folder, const char *suffix, enum flip_where where,
               struct damage *out)
{
    struct search s = {.folder = folder, .suffix = suffix};
    choose(d, &s, out);
    int n = where == FLIP_SEALED ? s.n - 1 : s.n; /* the last by name is the active one */
    if (n <= 0) return false;
    struct found *x = &s.v[world_below((uint64_t)n)];
    struct inode *f = x->file;
    if (f->size == 0) return false;
    int64_t pos = (int64_t)world_below((uint64_t)f->size);
    int bit = where == FLIP_TEXT ? 7 : (int)world_below(8), behind;
    if (where == FLIP_SEALED || where == FLIP_LOG || where == FLIP_OLD) {
        /* Base offset and epoch lie outside a batch's checksum: only a look at its neighbours tells. */
        int64_t at = batch_of(f, pos, &behind);
        if (at < 0 || pos - at < BATCH_AT_LENGTH || (pos - at >= BATCH_AT_EPOCH && pos - at < BATCH_AT_MAGIC))
            return false;
        if (where == FLIP_OLD && behind < 12) return false; /* it could be a torn end */
    }
    out->file = f;
    out->pos = pos;
    out->bit = bit;
    memcpy(out->path, x->path, sizeof x->path);
    disk_flip_back(out);
    return true;
}

void disk_flip_back(const struct damage *x)
{
    struct inode *f = x->file;
    uint8_t mask = (uint8_t)(1 << x->bit);
    if (x->pos < f->size) f->data[x->pos] ^= mask;
    if (x->pos < f->kept_size) f->kept[x->pos] ^= mask;
}

bool disk_lose_file(struct disk *d, const char *folder, const char *suffix, bool first_too,
                    struct damage *out)
{
    struct search s = {.folder = folder, .suffix = suffix};
    choose(d, &s, out);
    int from = first_too ? 0 : 1;
    if (s.n <= from) return false;
    struct found *x = &s.v[(uint64_t)from + world_below((uint64_t)(s.n - from))];
    memcpy(out->path, x->path, sizeof x->path);
    const char *name = strrchr(x->path, '/') + 1;
    disk_forget_name(x->dir, name);
    return true;
}
