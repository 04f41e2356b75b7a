/* Start and stop of a broker.
 *
 *   conf -> directories -> metadata log -> image of every shard -> shards open their partitions
 *     -> listeners -> serve
 *   SIGTERM -> listeners and connections close -> partitions sync -> checkpoints -> .kafka_cleanshutdown */
#include "server/server.h"
#include "broker/gauges.h"
#include "server/life.h"
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL_THREADS 4

static void complain_lines(struct strbuf *b)
{
    char *save, *line = strtok_r(b->s ? b->s : (char[]){""}, "\n", &save);
    for (; line; line = strtok_r(NULL, "\n", &save)) server_complain(line);
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

/* ---- metrics ---- */
struct page {
    struct gauges gauges;
    struct web_request *request;
};
static void page_made(struct gauges *g)
{
    struct page *p = CONTAINER_OF(g, struct page, gauges);
    web_reply(p->request);
    free(p);
}
static void make_page(void *arg, struct web_request *q)
{
    struct page *p = xcalloc(1, sizeof *p);
    q->content_type = "text/plain; version=0.0.4; charset=utf-8";
    p->request = q;
    p->gauges.text = &q->text;
    p->gauges.done = page_made;
    gauges_ask(arg, &p->gauges);
}
/* After the directories are known to be good, before the shards run: their loops take what is posted. */
static int start_metrics(const struct conf *c, struct os *zero, struct web **out, struct strbuf *why)
{
    struct slice host;
    int32_t port;
    uint16_t got;
    if (!conf_has(c, CONF_MOLDAU_METRICS_LISTENER)) return 0;
    int rc = conf_host_port_parse(slice_cstr(conf_str(c, CONF_MOLDAU_METRICS_LISTENER)), &host, &port);
    ASSERT(rc == 0); /* conf_finish has looked */
    char *name = xstrndup(host.p, host.n);
    const struct web_route page = {"GET", "/metrics", 0, make_page, zero};
    const struct web_config at = {.setting = "moldau.metrics.listener",
                                  .host = name,
                                  .port = (uint16_t)port,
                                  .routes = &page,
                                  .routes_n = 1};
    rc = web_start(&at, &got, out, why);
    if (rc == 0) logline(LOG_INFO, "server", "metrics on http://%s:%u/metrics", *name ? name : "*", got);
    free(name);
    return rc;
}

static void shard_main(void *arg)
{
    struct boot *k = arg;
    server_open_shard(k->server, k->shard->id);
    shard_run(k->shard);
}

static int run(struct server *sv)
{
    struct strbuf why;
    strbuf_init(&why);
    int64_t shards = conf_i64(&sv->conf, CONF_MOLDAU_SHARDS);
    int n = (int)(shards > 0 ? min_i64(shards, 64) : min_i64(os_cpu_count(), 64));
    /* The signal mask is inherited, so it is set before any thread starts. */
    os_block_stop_signals();
    os_tune_heap();
    struct os_pool *pool = os_linux_pool_new(POOL_THREADS);
    struct os **loops = xcalloc((size_t)n, sizeof(struct os *));
    for (int i = 0; i < n; i++) loops[i] = os_linux_new(pool);
    sv->log_files_max = os_log_files_max();
    if (server_open(sv, loops, n, &why)) {
        server_complain(strbuf_cstr(&why));
        strbuf_fini(&why);
        return 1;
    }
    struct web *web = NULL;
    if (start_metrics(&sv->conf, loops[0], &web, &why)) {
        server_complain(strbuf_cstr(&why));
        strbuf_fini(&why);
        return 1;
    }
    strbuf_fini(&why);
    os_on_stop_signal(loops[0], &sv->stop);
    struct os_thread **threads = xcalloc((size_t)n, sizeof(struct os_thread *));
    for (int i = 1; i < n; i++) threads[i] = os_thread_start(shard_main, &sv->boots[i]);
    shard_main(&sv->boots[0]);
    for (int i = 1; i < n; i++) os_thread_join(threads[i]);
    web_stop(web);
    free(threads);
    free(loops);
    os_linux_pool_free(pool); /* syncs that run come to their end */
    if (server_close(sv)) {
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
                server_complain("--override needs name=value");
                return 1;
            }
            overrides[overrides_n++] = argv[++i];
        } else if (strncmp(argv[i], "--override=", 11) == 0) overrides[overrides_n++] = argv[i] + 11;
        else if (argv[i][0] == '-') {
            char why[200];
            snprintf(why, sizeof why, "unknown option %s; see moldau server --help", argv[i]);
            server_complain(why);
            return 1;
        } else if (file) {
            server_complain("one configuration file at most; see moldau server --help");
            return 1;
        } else file = argv[i];
    }
    logline_setup(LOG_INFO, os_write_stderr, os_boot_wall_ms);
    int rc = server_conf(&server.conf, file, overrides, overrides_n);
    free(overrides);
    return rc ? 1 : run(&server);
}
