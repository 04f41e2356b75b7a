/* Start and stop of a broker.
 *
 *   conf -> directories -> metadata log -> image of every shard -> shards open their partitions -> listeners
 * -> serve SIGTERM -> listeners and connections close -> partitions sync -> checkpoints ->
 * .kafka_cleanshutdown */
#include "server/server.h"
#include "api/broker.h"
#include "api/checkpoint.h"
#include "server/storage.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL_THREADS 3
#define OPEN_FILES_MAX 800 /* of all shards together; the rest of 1,024 is for connections */

struct server {
    struct node node;
    struct conf conf;
    struct os_pool *pool;
    int shards_n;
    struct shard *shards, **peers;
    struct broker *brokers;
    struct checkpoints checkpoints;
    struct net_listener *listeners;
    int listeners_n;
    int opened, failed_parts;
    struct os_msg stop;
    bool stop_asked, failed;
    struct os_msg *stop_shards;
};
struct boot {
    struct os_msg msg;
    struct server *server;
    struct shard *shard;
    int failed;
};

static void complain(const char *text)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_printf(&b, "moldau: %s\n", text);
    os_write_stderr(b.s, b.n);
    strbuf_fini(&b);
}

static void complain_lines(struct strbuf *b)
{
    char *save, *line = strtok_r(b->s ? b->s : (char[]){""}, "\n", &save);
    for (; line; line = strtok_r(NULL, "\n", &save)) complain(line);
}

int server_conf(struct conf *c, const char *file, char **overrides, int overrides_n)
{
    struct strbuf errors, warnings, text;
    strbuf_init(&errors);
    strbuf_init(&warnings);
    strbuf_init(&text);
    conf_init(c);
    int rc = 0;
    if (file) {
        rc = os_read_file(NULL, file, 16 << 20, &text);
        if (rc) strbuf_printf(&errors, "cannot read %s: %s\n", file, os_why());
        else rc = conf_load_file(c, strbuf_cstr(&text), text.n, &errors, &warnings);
    }
    for (int i = 0; i < overrides_n && rc == 0; i++) {
        char *eq = strchr(overrides[i], '=');
        if (!eq) {
            strbuf_printf(&errors, "--override %s: write it as name=value\n", overrides[i]);
            rc = ERR_INVALID_CONFIG;
            break;
        }
        rc = conf_set(c, slice_of(overrides[i], (size_t)(eq - overrides[i])), slice_cstr(eq + 1),
                      CONF_LAYER_STATIC, &errors);
    }
    if (rc == 0) rc = conf_finish(c, &errors, &warnings);
    if (rc) complain_lines(&errors);
    else if (warnings.n) {
        char *save, *line = strtok_r(warnings.s, "\n", &save);
        for (; line; line = strtok_r(NULL, "\n", &save)) logline(LOG_WARN, "config", "%s", line);
    }
    strbuf_fini(&errors);
    strbuf_fini(&warnings);
    strbuf_fini(&text);
    return rc;
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
static void listen_all(struct server *sv)
{
    struct broker *b = &sv->brokers[0];
    for (int i = 0; i < sv->listeners_n; i++) {
        struct net_listener *l = &sv->listeners[i];
        uint16_t asked = l->port;
        if (net_listen(&b->net, l)) {
            char why[300];
            snprintf(why, sizeof why, "cannot listen on %s:%u (listener %s): %s", *l->host ? l->host : "*",
                     asked, l->name, os_why());
            complain(why);
            sv->failed = true;
            stop_asked(&sv->stop, b->shard);
            return;
        }
        logline(LOG_INFO, "server", "listening on %s:%u (%s)", *l->host ? l->host : "*", l->port, l->name);
    }
    logline(LOG_INFO, "server", "node %d of cluster %s is ready: %zu topics, %d shards", sv->node.id,
            sv->node.cluster_id, b->image.by_name.n, sv->shards_n);
}

static void shard_opened(struct os_msg *m, void *owner)
{
    (void)owner;
    struct boot *k = CONTAINER_OF(m, struct boot, msg);
    struct server *sv = k->server;
    sv->failed_parts += k->failed;
    if (++sv->opened < sv->shards_n) return;
    checkpoints_fini(&sv->checkpoints);
    if (!sv->stop_asked) listen_all(sv);
}

static void shard_main(void *arg)
{
    struct boot *k = arg;
    struct broker *b = k->shard->broker;
    k->failed = broker_open_partitions(b, &k->server->checkpoints);
    k->msg.run = shard_opened;
    shard_send(k->shard, 0, &k->msg);
    shard_run(k->shard);
}

static int start_brokers(struct server *sv, struct storage *st, struct prng *prng, struct strbuf *why)
{
    struct image **images = xcalloc((size_t)sv->shards_n, sizeof(struct image *));
    for (int i = 0; i < sv->shards_n; i++) {
        sv->peers[i] = &sv->shards[i];
        struct os *os = os_linux_new(sv->pool);
        shard_init(&sv->shards[i], i, sv->shards_n, sv->peers, os, OPEN_FILES_MAX / sv->shards_n);
    }
    for (int i = 0; i < sv->shards_n; i++) {
        broker_init(&sv->brokers[i], &sv->shards[i], &sv->node, &sv->conf);
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
        snprintf(path, sizeof path, "%s/.kafka_cleanshutdown", d->path);
        /* From here on a crash is a crash. */
        r = rc == 0 && d->clean ? os_unlink(os, path) : 0;
        if (r && rc == 0) {
            rc = r;
            strbuf_printf(why, "cannot remove %s: %s", path, os_why());
        }
    }
    return rc;
}

static int finish_storage(struct server *sv)
{
    int failed = 0;
    struct broker **all = xcalloc((size_t)sv->shards_n, sizeof(struct broker *));
    for (int i = 0; i < sv->shards_n; i++) {
        all[i] = &sv->brokers[i];
        failed += broker_close_partitions(all[i]);
    }
    if (brokers_write_checkpoints_now(all, sv->shards_n)) failed++;
    if (controller_close(sv->brokers[0].ctl)) failed++;
    struct os *os = sv->shards[0].os;
    for (int i = 0; i < sv->node.dirs_n && !failed; i++) {
        char path[4200], text[64];
        if (!sv->node.dirs[i].online) continue;
        snprintf(path, sizeof path, "%s/.kafka_cleanshutdown", sv->node.dirs[i].path);
        int n = snprintf(text, sizeof text, "{\"version\":0,\"brokerEpoch\":%lld}",
                         (long long)sv->node.broker_epoch);
        if (os_write_file_atomic(os, path, text, (size_t)n)) failed++;
    }
    free(all);
    return failed;
}

static void make_listeners(struct server *sv)
{
    sv->listeners = xcalloc(sv->conf.listeners_n, sizeof *sv->listeners);
    for (size_t i = 0; i < sv->conf.listeners_n; i++) {
        const struct conf_listener *l = &sv->conf.listeners[i];
        if (l->controller) continue; /* one node: the controller is reached without a socket */
        sv->listeners[sv->listeners_n++] =
            (struct net_listener){.sock.fd = -1, .name = l->name, .host = l->host, .port = (uint16_t)l->port};
    }
}

static int run(struct server *sv)
{
    struct strbuf why;
    struct prng prng;
    uint64_t seed;
    strbuf_init(&why);
    int64_t shards = conf_i64(&sv->conf, CONF_MOLDAU_SHARDS);
    sv->shards_n = (int)(shards > 0 ? min_i64(shards, 64) : min_i64(os_cpu_count(), 64));
    os_entropy(NULL, &seed, sizeof seed);
    prng_init(&prng, seed);
    struct storage *st = NULL;
    int rc = storage_check(NULL, &sv->conf, &sv->node, &st, &why);
    if (rc) {
        complain(strbuf_cstr(&why));
        strbuf_fini(&why);
        storage_undo(NULL, st);
        return 1;
    }
    sv->node.incarnation = prng_uuid(&prng);
    sv->shards = xcalloc((size_t)sv->shards_n, sizeof *sv->shards);
    sv->peers = xcalloc((size_t)sv->shards_n, sizeof(struct shard *));
    sv->brokers = xcalloc((size_t)sv->shards_n, sizeof *sv->brokers);
    for (size_t i = 0; i < sv->conf.listeners_n; i++) {
        if (sv->conf.listeners[i].controller || sv->conf.listeners[i].security == CONF_PLAINTEXT) continue;
        strbuf_printf(&why, "listener %s: security protocol %s is not supported yet; use PLAINTEXT",
                      sv->conf.listeners[i].name, conf_security_name(sv->conf.listeners[i].security));
        rc = ERR_INVALID_CONFIG;
    }
    make_listeners(sv);
    /* The signal mask is inherited, so it is set before any thread starts. */
    sv->stop.run = stop_asked;
    os_block_stop_signals();
    os_tune_heap();
    sv->pool = os_linux_pool_new(POOL_THREADS);
    if (rc == 0) rc = start_brokers(sv, st, &prng, &why);
    else storage_undo(NULL, st);
    if (rc == 0) rc = read_checkpoints(sv, &why);
    if (rc) {
        complain(strbuf_cstr(&why));
        strbuf_fini(&why);
        return 1;
    }
    strbuf_fini(&why);
    os_on_stop_signal(sv->shards[0].os, &sv->stop);
    struct boot *boots = xcalloc((size_t)sv->shards_n, sizeof *boots);
    struct os_thread **threads = xcalloc((size_t)sv->shards_n, sizeof(struct os_thread *));
    for (int i = 0; i < sv->shards_n; i++) boots[i] = (struct boot){.server = sv, .shard = &sv->shards[i]};
    for (int i = 1; i < sv->shards_n; i++) threads[i] = os_thread_start(shard_main, &boots[i]);
    shard_main(&boots[0]);
    for (int i = 1; i < sv->shards_n; i++) os_thread_join(threads[i]);
    free(boots);
    free(threads);
    os_linux_pool_free(sv->pool); /* syncs that run come to their end */
    if (finish_storage(sv)) {
        logline(LOG_ERROR, "server", "not everything could be written; the next start will recover");
        return 1;
    }
    logline(LOG_INFO, "server", "stopped, all data synced");
    return sv->failed ? 1 : 0;
}

static const char usage[] = "usage: moldau server [FILE] [--override name=value]...\n"
                            "Runs a broker. FILE is a server.properties; without it the broker listens on "
                            "localhost:9092 and keeps its data in\n"
                            "./moldau-data.\n";

int server_main(int argc, char **argv)
{
    static struct server server;
    const char *file = NULL;
    char **overrides = xcalloc((size_t)argc, sizeof(char *));
    int overrides_n = 0;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--override") == 0) {
            if (i + 1 == argc) {
                complain("--override needs name=value");
                return 1;
            }
            overrides[overrides_n++] = argv[++i];
        } else if (strncmp(argv[i], "--override=", 11) == 0) overrides[overrides_n++] = argv[i] + 11;
        else if (argv[i][0] == '-') {
            char why[200];
            snprintf(why, sizeof why, "unknown option %s; see moldau server --help", argv[i]);
            complain(why);
            return 1;
        } else if (file) {
            complain("one configuration file at most; see moldau server --help");
            return 1;
        } else file = argv[i];
    }
    logline_setup(LOG_INFO, os_write_stderr, os_boot_wall_ms);
    int rc = server_conf(&server.conf, file, overrides, overrides_n);
    free(overrides);
    return rc ? 1 : run(&server);
}
