#include "server/storage.h"

#include <stdio.h>
#include <stdlib.h>

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
        m->found = true;
        int version = -1;
        char *save, *line = strtok_r(b.s ? b.s : (char[]){""}, "\r\n", &save);
        for (; line; line = strtok_r(NULL, "\r\n", &save)) {
            if (strncmp(line, "version=", 8) == 0) version = atoi(line + 8);
            else if (strncmp(line, "node.id=", 8) == 0) m->node_id = atoi(line + 8);
            else if (strncmp(line, "cluster.id=", 11) == 0)
                snprintf(m->cluster_id, sizeof m->cluster_id, "%s", line + 11);
            else if (strncmp(line, "directory.id=", 13) == 0 && uuid_parse(slice_cstr(line + 13), &m->dir_id))
                rc = ERR_FORMAT;
        }
        if (version != 1 || m->node_id < 0 || !m->cluster_id[0]) rc = ERR_FORMAT;
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

static int lock(struct os *os, const char *dir, struct strbuf *why)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/.lock", dir);
    int fd = os_open(os, path, OS_WRITE | OS_CREATE);
    if (fd < 0) {
        strbuf_printf(why, "cannot write into the log directory %s: %s", dir, os_why());
        return fd;
    }
    int rc = os_lock(os, fd); /* held until the process ends */
    if (rc == ERR_BUSY)
        strbuf_printf(why, "the log directory %s is in use by another broker; stop that one first", dir);
    else if (rc) strbuf_printf(why, "cannot lock %s: %s", path, os_why());
    return rc;
}

int storage_prepare(struct os *os, const struct conf *c, struct node *n, struct prng *prng,
                    struct strbuf *why)
{
    size_t dirs_n;
    const struct slice *dirs = conf_log_dirs(c, &dirs_n);
    n->id = (int32_t)conf_i64(c, CONF_NODE_ID);
    n->dirs = xcalloc(dirs_n, sizeof *n->dirs);
    struct meta *metas = xcalloc(dirs_n, sizeof *metas);
    int rc = 0;
    for (size_t i = 0; i < dirs_n && rc == 0; i++) {
        struct log_dir *d = &n->dirs[n->dirs_n++];
        char path[4200];
        struct os_stat st;
        d->path = xstrndup(dirs[i].p, dirs[i].n);
        rc = os_mkdir_p(os, d->path);
        if (rc) {
            strbuf_printf(why, "cannot make the log directory %s: %s", d->path, os_why());
            break;
        }
        if ((rc = lock(os, d->path, why)) != 0 || (rc = storage_meta_read(os, d->path, &metas[i], why)) != 0)
            break;
        if (metas[i].found && metas[i].node_id != n->id) {
            strbuf_printf(why, "the log directory %s belongs to node %d, but node.id is %d", d->path,
                          metas[i].node_id, n->id);
            rc = ERR_INVALID_CONFIG;
        }
        if (metas[i].found && n->cluster_id[0] && strcmp(n->cluster_id, metas[i].cluster_id) != 0) {
            strbuf_printf(why, "the log directory %s belongs to cluster %s, another one to %s", d->path,
                          metas[i].cluster_id, n->cluster_id);
            rc = ERR_INVALID_CONFIG;
        }
        if (metas[i].found) memcpy(n->cluster_id, metas[i].cluster_id, sizeof n->cluster_id);
        snprintf(path, sizeof path, "%s/.kafka_cleanshutdown", d->path);
        d->clean = os_stat(os, path, &st) == 0;
    }
    if (rc == 0 && !n->cluster_id[0]) {
        uuid_format(prng_uuid(prng), n->cluster_id);
        logline(LOG_INFO, "storage", "a first start: formatting %s for the new cluster %s", n->dirs[0].path,
                n->cluster_id);
    }
    for (int i = 0; i < n->dirs_n && rc == 0; i++) {
        struct meta *m = &metas[i];
        if (!m->found || uuid_is_zero(m->dir_id)) {
            m->node_id = n->id;
            memcpy(m->cluster_id, n->cluster_id, sizeof m->cluster_id);
            m->dir_id = prng_uuid(prng);
            if ((rc = storage_meta_write(os, n->dirs[i].path, m)) != 0)
                strbuf_printf(why, "cannot write %s/meta.properties: %s", n->dirs[i].path, os_why());
        }
        n->dirs[i].id = m->dir_id;
    }
    free(metas);
    return rc;
}
