#include "part/dir.h"
#include "base/logline.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

#define MARK_BYTES_MAX 4096
#define DAMAGED_LETTERS 2 /* ids that differ in so few are one id and a damaged file */

#define NAME_BYTES_MAX 255

char *part_dir_other_name(struct os *os, const char *path, size_t n, const char *suffix)
{
    struct strbuf b;
    uint64_t id[2];
    char tail[64];
    size_t name = n, dash = n;
    while (name && path[name - 1] != '/') name--;
    while (dash > name && path[dash - 1] != '-') dash--;
    if (dash > name) dash--; /* where "-PARTITION" begins */
    os_entropy(os, id, sizeof id);
    int tail_n = snprintf(tail, sizeof tail, ".%016llx%016llx-%s", (unsigned long long)id[0],
                          (unsigned long long)id[1], suffix);
    strbuf_init(&b);
    strbuf_add(&b, path, min_size(dash, name + NAME_BYTES_MAX - (size_t)tail_n - (n - dash)));
    strbuf_add(&b, path + dash, n - dash);
    strbuf_add(&b, tail, (size_t)tail_n);
    return b.s;
}

int part_dir_set_aside(struct os *os, const char *path)
{
    struct os_stat st;
    if (os_stat(os, path, &st) == ERR_NOENT) return 0;
    char *name = part_dir_other_name(os, path, strlen(path), "stray");
    int rc = os_rename(os, path, name);
    if (rc == 0)
        logline(LOG_WARN, path,
                "another log of this name was in the way; it is %s now, look at it and remove it", name);
    free(name);
    return rc;
}

static void text_of(struct uuid topic_id, char out[64])
{
    char id[UUID_TEXT_BYTES];
    uuid_format(topic_id, id);
    snprintf(out, 64, "version: 0\ntopic_id: %s", id);
}

int part_dir_claim(struct os *os, const char *path, struct uuid topic_id)
{
    char file[4200], want[64];
    struct strbuf b;
    snprintf(file, sizeof file, "%s/partition.metadata", path);
    strbuf_init(&b);
    int rc = os_read_file(os, file, MARK_BYTES_MAX, &b);
    if (rc == ERR_NOENT) {
        strbuf_fini(&b);
        return 0;
    }
    text_of(topic_id, want);
    size_t n = strlen(want), id_at = n - (UUID_TEXT_BYTES - 1), other = 0;
    for (size_t i = id_at; rc == 0 && i < n && b.n == n; i++) other += b.s[i] != want[i];
    bool whole = rc == 0 && b.n == n && memcmp(b.s, want, id_at) == 0;
    strbuf_fini(&b);
    if (whole && other == 0) return 0;
    if (whole && other > DAMAGED_LETTERS) return part_dir_set_aside(os, path);
    if (rc && rc != ERR_FORMAT) return rc;
    logline(LOG_WARN, path, "partition.metadata is damaged and is written anew");
    return os_unlink(os, file);
}

int part_dir_mark(struct os *os, const char *path, struct uuid topic_id)
{
    char file[4200], text[64];
    struct os_stat st;
    snprintf(file, sizeof file, "%s/partition.metadata", path);
    if (os_stat(os, file, &st) == 0) return 0;
    text_of(topic_id, text);
    int fd = os_open(os, file, OS_WRITE | OS_CREATE | OS_TRUNCATE);
    if (fd < 0) return fd;
    int rc = os_pwrite(os, fd, text, strlen(text), 0);
    os_close(os, fd);
    if (err_passes(rc) && os_unlink(os, file)) rc = ERR_IO; /* not a half one */
    return rc;
}
