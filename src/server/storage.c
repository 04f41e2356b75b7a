#include "server/storage.h"

#include <stdio.h>
#include <stdlib.h>

/* -1: not a number of 0 to 2147483647. */
static int32_t number(const char *s)
{
    size_t n = strspn(s, "0123456789");
    if (n == 0 || n > 10 || s[n]) return -1;
    long long v = strtoll(s, NULL, 10);
    return v > INT32_MAX ? -1 : (int32_t)v;
}

int meta_parse(char *text, struct meta *m)
{
    int version = -1, rc = 0;
    char *save, *line = strtok_r(text, "\r\n", &save);
    *m = (struct meta){.node_id = -1, .found = true};
    for (; line; line = strtok_r(NULL, "\r\n", &save)) {
        if (strncmp(line, "version=", 8) == 0) version = number(line + 8);
        else if (strncmp(line, "node.id=", 8) == 0) m->node_id = number(line + 8);
        else if (strncmp(line, "cluster.id=", 11) == 0) {
            if (strlen(line + 11) >= sizeof m->cluster_id) return ERR_FORMAT;
            memcpy(m->cluster_id, line + 11, strlen(line + 11) + 1);
        } else if (strncmp(line, "directory.id=", 13) == 0 && uuid_parse(slice_cstr(line + 13), &m->dir_id))
            rc = ERR_FORMAT;
    }
    return version != 1 || m->node_id < 0 || !m->cluster_id[0] ? ERR_FORMAT : rc;
}

int storage_meta_read(struct os *os, const char *dir, struct meta *m, struct strbuf *why)
{
    char path[4200];
    struct strbuf b;
    *m = (struct meta){.node_id = -1};
    snprintf(path, sizeof path, "%s/meta.properties", dir);
    strbuf_init(&b);
    int rc = os_read_file(os, path, 1 << 16, &b);
    if (rc == ERR_NOENT) {
        strbuf_fini(&b);
        return 0;
    }
    if (rc) strbuf_printf(why, "cannot read %s: %s", path, os_why());
    else {
        rc = meta_parse(b.s ? b.s : (char[]){""}, m);
        if (rc)
            strbuf_printf(why, "%s is not a meta.properties of version 1 with node.id and cluster.id", path);
    }
    strbuf_fini(&b);
    return rc;
}

int storage_meta_write(struct os *os, const char *dir, const struct meta *m)
{
    char path[4200], text[256], id[UUID_TEXT_BYTES];
    uuid_format(m->dir_id, id);
    int n = snprintf(text, sizeof text, "version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n",
                     m->cluster_id, m->node_id, id);
    snprintf(path, sizeof path, "%s/meta.properties", dir);
    return os_write_file_atomic(os, path, text, (size_t)n);
}

struct place {
    struct log_dir *dir; /* of node->dirs; NULL: the metadata log's own */
    char *path;
    struct meta meta;
    bool made_lock, online;
};
struct storage {
    struct place *places;
    int n;
};

static int lock(struct os *os, struct place *p, struct strbuf *why)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/.lock", p->path);
    int fd = os_open(os, path, OS_WRITE | OS_CREATE | OS_EXCL);
    p->made_lock = fd >= 0;
    if (fd == ERR_EXISTS) fd = os_open(os, path, OS_WRITE);
    if (fd < 0) {
        strbuf_printf(why, "cannot write into the log directory %s: %s", p->path, os_why());
        return fd;
    }
    int rc = os_lock(os, fd); /* held until the process ends */
    if (rc == ERR_BUSY)
        strbuf_printf(why, "the log directory %s is in use by another broker; stop that one first", p->path);
    else if (rc) strbuf_printf(why, "cannot lock %s: %s", path, os_why());
    return rc;
}

static int check_place(struct os *os, struct place *p, struct node *n, struct strbuf *why)
{
    int rc = os_mkdir_p(os, p->path);
    if (rc) {
        strbuf_printf(why, "cannot make the log directory %s: %s", p->path, os_why());
        return rc;
    }
    if ((rc = lock(os, p, why)) != 0 || (rc = storage_meta_read(os, p->path, &p->meta, why)) != 0) return rc;
    const struct meta *m = &p->meta;
    if (m->found && m->node_id != n->id) {
        strbuf_printf(why, "the log directory %s belongs to node %d, but node.id is %d", p->path, m->node_id,
                      n->id);
        return ERR_INVALID_CONFIG;
    }
    if (m->found && n->cluster_id[0] && strcmp(n->cluster_id, m->cluster_id) != 0) {
        strbuf_printf(why, "the log directory %s belongs to cluster %s, another one to %s", p->path,
                      m->cluster_id, n->cluster_id);
        return ERR_INVALID_CONFIG;
    }
    if (m->found) memcpy(n->cluster_id, m->cluster_id, sizeof n->cluster_id);
    return 0;
}

/* A disk's refusal takes one directory out; everything else is for the operator to put right. */
static bool disk_failed(int rc)
{
    return rc == ERR_IO || rc == ERR_NOSPACE || rc == ERR_NOENT || rc == ERR_EXISTS;
}

int storage_check(struct os *os, const struct conf *c, struct node *n, struct storage **out,
                  struct strbuf *why)
{
    size_t dirs_n;
    const struct slice *dirs = conf_log_dirs(c, &dirs_n);
    const char *meta = conf_has(c, CONF_METADATA_LOG_DIR) ? conf_str(c, CONF_METADATA_LOG_DIR) : NULL;
    struct storage *st = xcalloc(1, sizeof *st);
    int rc = 0, online = 0;
    n->id = (int32_t)conf_i64(c, CONF_NODE_ID);
    n->dirs = xcalloc(dirs_n, sizeof *n->dirs);
    n->meta_dir = meta ? xstrdup(meta) : xstrndup(dirs[0].p, dirs[0].n);
    st->places = xcalloc(dirs_n + 1, sizeof *st->places);
    *out = st;
    bool own = true;
    for (size_t i = 0; i < dirs_n; i++) {
        struct log_dir *d = &n->dirs[n->dirs_n++];
        d->path = xstrndup(dirs[i].p, dirs[i].n);
        own &= strcmp(d->path, n->meta_dir) != 0;
        st->places[st->n++] = (struct place){.dir = d, .path = d->path};
    }
    if (own) st->places[st->n++] = (struct place){.path = n->meta_dir};
    for (int i = 0; i < st->n && rc == 0; i++) {
        struct place *p = &st->places[i];
        struct os_stat s;
        char path[4200];
        rc = check_place(os, p, n, why);
        bool unsettled;
        if (rc == 0 && (rc = os_settle_marked(os, p->path, &unsettled)) != 0)
            strbuf_printf(why, "cannot settle the files of %s, where a sync failed: %s", p->path, os_why());
        else if (rc == 0 && unsettled)
            logline(LOG_WARN, "storage",
                    "a sync to %s failed before this start; its files were read again from the disk",
                    p->path);
        p->online = rc == 0;
        if (p->online && p->dir) {
            online++;
            p->dir->online = true;
            snprintf(path, sizeof path, "%s/.kafka_cleanshutdown", p->path);
            p->dir->clean = os_stat(os, path, &s) == 0;
        }
        bool last = i + 1 == st->n && !online;
        if (disk_failed(rc) && !last && strcmp(p->path, n->meta_dir) != 0) {
            logline(LOG_ERROR, "storage", "%s; its partitions stay offline", strbuf_cstr(why));
            strbuf_reset(why);
            rc = 0;
        }
    }
    if (rc == 0 && !online) {
        strbuf_add_cstr(why, "none of the log directories can be used");
        rc = ERR_IO;
    }
    return rc;
}

static void storage_free(struct storage *st)
{
    free(st->places);
    free(st);
}

void storage_undo(struct os *os, struct storage *st)
{
    for (int i = 0; i < st->n; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/.lock", st->places[i].path);
        if (st->places[i].made_lock && os_unlink(os, path))
            logline(LOG_WARN, "storage", "cannot remove %s: %s", path, os_why());
    }
    storage_free(st);
}

int storage_format(struct os *os, struct storage *st, struct node *n, struct prng *prng, struct strbuf *why)
{
    int rc = 0;
    if (!n->cluster_id[0]) {
        uuid_format(prng_uuid(prng), n->cluster_id);
        n->formatted = true;
        logline(LOG_INFO, "storage", "a first start: formatting %s for the new cluster %s", n->dirs[0].path,
                n->cluster_id);
    }
    for (int i = 0; i < st->n && rc == 0; i++) {
        struct meta *m = &st->places[i].meta;
        const char *path = st->places[i].path;
        if (!st->places[i].online) continue;
        if (!m->found || uuid_is_zero(m->dir_id)) {
            m->node_id = n->id;
            memcpy(m->cluster_id, n->cluster_id, sizeof m->cluster_id);
            m->dir_id = prng_uuid(prng);
            if ((rc = storage_meta_write(os, path, m)) != 0)
                strbuf_printf(why, "cannot write %s/meta.properties: %s", path, os_why());
        }
        if (st->places[i].dir) st->places[i].dir->id = m->dir_id;
        if (strcmp(path, n->meta_dir) == 0) n->meta_dir_id = m->dir_id;
    }
    storage_free(st);
    return rc;
}
