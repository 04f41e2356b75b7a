/* The life of a broker between its threads' start and end. */
#include "server/life.h"
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>

void server_complain(const char *text)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_printf(&b, "moldau: %s\n", text);
    os_write_stderr(b.s, b.n);
    strbuf_fini(&b);
}

/* ---- stop ---- */
static void stop_shard(struct os_msg *m, void *owner)
{
    (void)m;
    ((struct shard *)owner)->stopping = true;
}

static void stop_asked(struct os_msg *m, void *owner)
{
    struct server *sv = CONTAINER_OF(m, struct server, stop);
    struct shard *zero = owner;
    if (sv->stop_asked) return;
    sv->stop_asked = true;
    logline(LOG_INFO, "server", "stopping");
    sv->stop_shards = xcalloc((size_t)sv->shards_n, sizeof *sv->stop_shards);
    for (int i = sv->shards_n - 1; i >= 0; i--) {
        sv->stop_shards[i].run = stop_shard;
        shard_send(zero, i, &sv->stop_shards[i]);
    }
}

/* ---- start ---- */
static void why_not_listening(const struct net_listener *l, int rc, struct strbuf *why)
{
    if (rc == ERR_NOENT)
        strbuf_printf(why, "cannot listen: %s has no address here (listener %s)", l->host, l->name);
    else
        strbuf_printf(why, "cannot listen on %s:%u (listener %s): %s", *l->host ? l->host : "*", l->port,
                      l->name, os_why());
}

static void listen_all(struct server *sv)
{
    struct broker *b = &sv->brokers[0];
    for (int i = 0; i < sv->listeners_n; i++) {
        struct net_listener *l = &sv->listeners[i];
        int rc = net_listen(&b->net, l);
        if (rc) {
            struct strbuf why;
            strbuf_init(&why);
            why_not_listening(l, rc, &why);
            server_complain(strbuf_cstr(&why));
            strbuf_fini(&why);
            sv->failed = true;
            stop_asked(&sv->stop, b->shard);
            return;
        }
        logline(LOG_INFO, "server", "listening on %s:%u (%s)", *l->host ? l->host : "*", l->port, l->name);
    }
    logline(LOG_INFO, "server", "node %d of cluster %s is ready: %zu topics, %d shards", sv->node.id,
            sv->node.cluster_id, b->image.by_name.n, sv->shards_n);
}

static void end_journals_run(struct os_job *j)
{
    struct server *sv = CONTAINER_OF(j, struct server, end_journals);
    for (int i = 0; i < sv->journal_files.n; i++)
        if (os_unlink(sv->shards[0].os, sv->journal_files.v[i]))
            logline(LOG_WARN, sv->journal_files.v[i], "cannot remove this old journal: %s", os_why());
}

static void end_journals_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct server *sv = CONTAINER_OF(j, struct server, end_journals);
    for (int i = 0; i < sv->journal_files.n; i++) free(sv->journal_files.v[i]);
    sv->journal_files.n = 0;
}

static void shard_paid(struct os_msg *m, void *owner)
{
    (void)owner;
    struct server *sv = CONTAINER_OF(m, struct boot, paid)->server;
    if (++sv->paid < sv->shards_n || sv->failed_parts || sv->journal_files.n == 0) return;
    sv->end_journals.run = end_journals_run;
    sv->end_journals.done = end_journals_done;
    os_submit(sv->shards[0].os, &sv->end_journals);
}

static void parts_paid(void *arg)
{
    struct boot *k = arg;
    k->paid.run = shard_paid;
    shard_send(k->shard, 0, &k->paid);
}

static void shard_opened(struct os_msg *m, void *owner)
{
    (void)owner;
    struct boot *k = CONTAINER_OF(m, struct boot, msg);
    struct server *sv = k->server;
    sv->failed_parts += k->failed;
    if (++sv->opened < sv->shards_n) return;
    checkpoints_fini(&sv->checkpoints);
    if (sv->failed_parts == 0) journal_fini(&sv->journal);
    if (!sv->stop_asked) listen_all(sv);
}

void server_open_shard(struct server *sv, int i)
{
    struct boot *k = &sv->boots[i];
    k->failed = broker_open_partitions(k->shard->broker, &sv->checkpoints);
    k->msg.run = shard_opened;
    shard_send(k->shard, 0, &k->msg);
    struct parts *ps = &k->shard->broker->parts;
    ps->paid = parts_paid;
    ps->paid_arg = k;
    parts_pay(ps);
}

static int start_brokers(struct server *sv, struct os **loops, struct storage *st, struct prng *prng,
                         struct strbuf *why)
{
    struct image **images = xcalloc((size_t)sv->shards_n, sizeof(struct image *));
    for (int i = 0; i < sv->shards_n; i++) {
        sv->peers[i] = &sv->shards[i];
        shard_init(&sv->shards[i], i, sv->shards_n, sv->peers, loops[i], sv->log_files_max / sv->shards_n);
    }
    for (int i = 0; i < sv->shards_n; i++) {
        broker_init(&sv->brokers[i], &sv->shards[i], &sv->node, &sv->conf, api_dispatch);
        images[i] = &sv->brokers[i].image;
    }
    int rc = controller_open(&sv->brokers[0], images, sv->shards_n, sv->node.meta_dir, why);
    if (rc) {
        storage_undo(sv->shards[0].os, st);
        free(images);
        return rc;
    }
    rc = storage_format(sv->shards[0].os, st, &sv->node, prng, why);
    if (rc == 0) rc = controller_start(&sv->brokers[0], images, sv->shards_n, &sv->node, why);
    for (int i = 0; i < sv->shards_n && rc == 0; i++) broker_apply_dynamic(&sv->brokers[i], slice_cstr(""));
    free(images);
    return rc;
}

struct leftover {
    struct os *os;
    const char *dir;
};
/* Directories of deleted partitions that a crash left behind. */
static int remove_leftover(void *arg, const char *name, bool is_dir)
{
    struct leftover *x = arg;
    size_t n = strlen(name);
    if (!is_dir || n < 8 || strcmp(name + n - 7, "-delete") != 0) return 0;
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    if (os_remove_tree(x->os, path)) logline(LOG_WARN, "storage", "cannot remove %s: %s", path, os_why());
    return 0;
}

/* ---- journals ---- */
struct journals {
    const char *dir;
    struct strs files;
};
static int note_journal(void *arg, const char *name, bool is_dir)
{
    struct journals *x = arg;
    uint64_t run;
    struct strbuf b;
    if (is_dir || !journal_name(name, &run)) return 0;
    strbuf_init(&b);
    strbuf_printf(&b, "%s/%s", x->dir, name);
    x->files.v = xrealloc(x->files.v, (size_t)(x->files.n + 1) * sizeof(char *));
    x->files.v[x->files.n++] = b.s;
    return 0;
}

/* Also of a stop that was clean: what the logs have is passed over. */
static int read_journals(struct server *sv, struct strbuf *why)
{
    struct os *os = sv->shards[0].os;
    struct journals x = {0};
    int rc = 0;
    for (int i = 0; i < sv->node.dirs_n && rc == 0; i++) {
        x.dir = sv->node.dirs[i].path;
        if (sv->node.dirs[i].online) rc = os_list_dir(os, x.dir, note_journal, &x);
    }
    sv->journal_files = x.files;
    for (int i = 0; i < x.files.n && rc == 0; i++) {
        uint64_t run;
        bool named = journal_name(strrchr(x.files.v[i], '/') + 1, &run);
        ASSERT(named);
        if ((rc = journal_read(os, x.files.v[i], run, &sv->journal)) != 0)
            strbuf_printf(why, "cannot read %s: %s", x.files.v[i], os_why());
    }
    journal_sort(&sv->journal);
    for (int i = 0; i < sv->shards_n; i++) sv->brokers[i].journal = &sv->journal;
    return rc;
}

/* Everything is in the logs and synced; but what partitions need that could not be opened stays. */
static int remove_journals(struct server *sv, const char *dir)
{
    struct journals x = {.dir = dir};
    int rc = os_list_dir(sv->shards[0].os, dir, note_journal, &x);
    for (int i = 0; i < x.files.n; i++) {
        bool needed = false;
        for (int k = 0; k < sv->journal_files.n && sv->failed_parts; k++)
            needed |= strcmp(x.files.v[i], sv->journal_files.v[k]) == 0;
        int r = needed ? 0 : os_unlink(sv->shards[0].os, x.files.v[i]);
        if (r != ERR_NOENT && rc == 0) rc = r;
        free(x.files.v[i]);
    }
    free(x.files.v);
    if (rc) logline(LOG_ERROR, "storage", "cannot remove the journals in %s: %s", dir, os_why());
    return rc;
}

static int read_checkpoints(struct server *sv, struct strbuf *why)
{
    int rc = 0;
    struct os *os = sv->shards[0].os;
    checkpoints_init(&sv->checkpoints);
    for (int i = 0; i < sv->node.dirs_n && rc == 0; i++) {
        char path[4200];
        struct log_dir *d = &sv->node.dirs[i];
        if (!d->online) continue;
        struct leftover left = {os, d->path};
        if (os_list_dir(os, d->path, remove_leftover, &left))
            logline(LOG_WARN, "storage", "cannot list %s: %s", d->path, os_why());
        snprintf(path, sizeof path, "%s/recovery-point-offset-checkpoint", d->path);
        rc = checkpoint_read(os, path, &sv->checkpoints.recovery);
        if (rc == ERR_FORMAT) { /* without recovery points every segment is read: slower, never wrong */
            logline(LOG_WARN, "storage", "%s is damaged and ignored; recovery reads all segments", path);
            d->clean = false;
            rc = 0;
        }
        snprintf(path, sizeof path, "%s/log-start-offset-checkpoint", d->path);
        int r = checkpoint_read(os, path, &sv->checkpoints.start);
        if (r == ERR_FORMAT) {
            logline(LOG_WARN, "storage", "%s is damaged; log starts fall back to the first segments", path);
            r = 0;
        }
        if (rc == 0) rc = r;
        if (rc) strbuf_printf(why, "cannot read %s: %s", path, os_why());
        snprintf(path, sizeof path, "%s/cleaner-offset-checkpoint", d->path);
        if (checkpoint_read(os, path, &sv->checkpoints.clean)) /* compaction does some of its work again */
            logline(LOG_WARN, "storage", "%s is damaged and ignored; compaction begins anew", path);
        snprintf(path, sizeof path, "%s/txn-index-checkpoint", d->path);
        if (checkpoint_read_txns(os, path, &sv->checkpoints.txns))
            logline(LOG_WARN, "storage",
                    "%s is damaged and ignored; transaction indexes that are missing will not be noticed",
                    path);
        snprintf(path, sizeof path, "%s/.kafka_cleanshutdown", d->path);
        /* From here on a crash is a crash. */
        r = rc == 0 && d->clean ? os_unlink(os, path) : 0;
        if (r == 0 && rc == 0 && d->clean) r = os_fsync_dir(os, d->path);
        if (r && rc == 0) {
            rc = r;
            strbuf_printf(why, "cannot remove %s: %s", path, os_why());
        }
    }
    return rc;
}

int server_close(struct server *sv)
{
    int failed = 0;
    struct broker **all = xcalloc((size_t)sv->shards_n, sizeof(struct broker *));
    for (int i = 0; i < sv->shards_n; i++) {
        all[i] = &sv->brokers[i];
        failed += broker_close_partitions(all[i]);
    }
    failed += brokers_sync(all, sv->shards_n);
    if (brokers_write_checkpoints_now(all, sv->shards_n)) failed++;
    if (controller_close(sv->brokers[0].ctl)) failed++;
    struct os *os = sv->shards[0].os;
    for (int i = 0; i < sv->node.dirs_n && !failed; i++) {
        char path[4200], text[64];
        if (!sv->node.dirs[i].online) continue;
        if (remove_journals(sv, sv->node.dirs[i].path)) {
            failed++;
            break;
        }
        snprintf(path, sizeof path, "%s/.kafka_cleanshutdown", sv->node.dirs[i].path);
        int n = snprintf(text, sizeof text, "{\"version\":0,\"brokerEpoch\":%lld}",
                         (long long)sv->node.broker_epoch);
        if (os_write_file_atomic(os, path, text, (size_t)n)) failed++;
    }
    free(all);
    return failed;
}

/* Of cached records to 4 and 64 connections: the kernel's own growth puts megabytes between sendfile and the
 * reader, which have left the processor's cache by then (0.25 CPU seconds a GB; 0.16 with this). For what
 * comes in no fixed size was faster than the kernel's choice. */
#define SEND_BYTES 262144

/* What was set, else what is best here. */
static int64_t chosen(const struct conf *c, enum conf_id id, int64_t best)
{
    return conf_source(c, id) == CONF_SOURCE_DEFAULT ? best : conf_i64(c, id);
}

static void make_listeners(struct server *sv)
{
    sv->listeners = xcalloc(sv->conf.listeners_n, sizeof *sv->listeners);
    for (size_t i = 0; i < sv->conf.listeners_n; i++) {
        const struct conf_listener *l = &sv->conf.listeners[i];
        if (l->controller) continue; /* one node: the controller is reached without a socket */
        struct net_listener *n = &sv->listeners[sv->listeners_n++];
        *n =
            (struct net_listener){.sock.fd = -1, .name = l->name, .host = l->host, .port = (uint16_t)l->port};
        n->send_bytes = chosen(&sv->conf, CONF_SOCKET_SEND_BUFFER_BYTES, SEND_BYTES);
        n->receive_bytes = chosen(&sv->conf, CONF_SOCKET_RECEIVE_BUFFER_BYTES, -1);
    }
}

/* What clients are told, settled before it is written down: a port that the system picks is picked now, and a
 * listener without a host has the machine's name. */
static int settle_advertised(struct server *sv, struct os *os, struct strbuf *why)
{
    for (int i = 0; i < sv->listeners_n; i++) {
        struct net_listener *l = &sv->listeners[i];
        if (l->port) continue;
        int rc = os_listen(os, &l->sock, l->host, 0, &l->port);
        if (rc) {
            why_not_listening(l, rc, why);
            return rc;
        }
        os_sock_interest(os, &l->sock, 0);
    }
    for (size_t k = 0; k < sv->conf.advertised_n; k++) {
        struct conf_listener *a = &sv->conf.advertised[k];
        if (!*a->host) {
            char name[256];
            os_host_name(os, name, sizeof name);
            free(a->host);
            a->host = xstrdup(name);
        }
        for (int i = 0; i < sv->listeners_n && !a->port; i++)
            if (strcmp(sv->listeners[i].name, a->name) == 0) a->port = sv->listeners[i].port;
    }
    return 0;
}

int server_open(struct server *sv, struct os **loops, int n, struct strbuf *why)
{
    struct prng prng;
    uint64_t seed;
    struct storage *st = NULL;
    sv->shards_n = n;
    os_entropy(loops[0], &seed, sizeof seed);
    prng_init(&prng, seed);
    for (size_t i = 0; i < sv->conf.listeners_n; i++) {
        if (sv->conf.listeners[i].controller || sv->conf.listeners[i].security == CONF_PLAINTEXT) continue;
        strbuf_printf(why, "listener %s: security protocol %s is not supported yet; use PLAINTEXT",
                      sv->conf.listeners[i].name, conf_security_name(sv->conf.listeners[i].security));
        return ERR_INVALID_CONFIG;
    }
    make_listeners(sv);
    int rc = settle_advertised(sv, loops[0], why);
    if (rc) return rc;
    rc = storage_check(loops[0], &sv->conf, &sv->node, &st, why);
    if (rc) {
        storage_undo(loops[0], st);
        return rc;
    }
    sv->node.incarnation = prng_uuid(&prng);
    sv->shards = xcalloc((size_t)n, sizeof *sv->shards);
    sv->peers = xcalloc((size_t)n, sizeof(struct shard *));
    sv->brokers = xcalloc((size_t)n, sizeof *sv->brokers);
    sv->boots = xcalloc((size_t)n, sizeof *sv->boots);
    sv->stop.run = stop_asked;
    rc = start_brokers(sv, loops, st, &prng, why);
    if (rc == 0) rc = read_checkpoints(sv, why);
    if (rc == 0) rc = read_journals(sv, why);
    for (int i = 0; i < n; i++) sv->boots[i] = (struct boot){.server = sv, .shard = &sv->shards[i]};
    return rc;
}
