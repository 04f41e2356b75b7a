/* moldau storage: what kafka-storage.sh of Apache Kafka 4.3 does: formats the log directories of a server.properties and
 * tells their state. Kafka's own nodes accept what it writes:
 *
 *   meta.properties        cluster, node and directory id
 *   bootstrap.checkpoint   the feature levels a new cluster starts with, as a snapshot of metadata records
 *   __cluster_metadata-0/00000000000000000000-0000000000.checkpoint   with --standalone and --initial-controllers: the
 *                          first voters, as a snapshot of control records (KIP-853) */
#include "cli/tools.h"
#include "ctl/feature.h"
#include "ctl/snapshot.h"
#include "kp/voters_record.h"
#include "os/blocking.h"
#include "server/server.h"
#include "server/storage.h"

#include <stdio.h>
#include <stdlib.h>

struct format {
    struct conf conf;
    struct strbuf why;
    const struct slice *dirs;
    size_t dirs_n;
    char **paths; /* ascending */
    struct meta *metas;
    bool *missing;
    int node_id;
};

static _Noreturn void die(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

/* "4.3" is the last version of that release. */
static const struct feature_release *release_find(const char *name)
{
    size_t all_n, n = name ? strlen(name) : 0;
    const struct feature_release *all = feature_releases(&all_n), *found = NULL;
    if (!name) return &all[all_n - 1];
    for (size_t i = 0; i < all_n; i++)
        if (strcmp(all[i].name, name) == 0 || (strncmp(all[i].name, name, n) == 0 && all[i].name[n] == '-')) found = &all[i];
    if (found) return found;
    fprintf(stderr, "Unknown metadata.version '%s'. Supported metadata.version are: ", name);
    for (size_t i = 0; i < all_n; i++) fprintf(stderr, "%s%s", i ? ", " : "", all[i].name);
    die("%s", "");
}

static struct uuid random_uuid(void)
{
    struct prng r;
    uint64_t seed;
    char text[UUID_TEXT_BYTES];
    struct uuid u;
    os_entropy(NULL, &seed, sizeof seed);
    prng_init(&r, seed);
    do { /* a leading dash looks like an option */
        u = prng_uuid(&r);
        os_entropy(NULL, u.b, 6);
        uuid_format(u, text);
    } while (text[0] == '-');
    return u;
}

static int path_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads the properties file and every directory's meta.properties. */
static void load(struct format *f, const char *file)
{
    struct os_stat st;
    if (server_conf(&f->conf, file, NULL, 0)) exit(1);
    f->node_id = (int)conf_i64(&f->conf, CONF_NODE_ID);
    f->dirs = conf_log_dirs(&f->conf, &f->dirs_n);
    const char *meta_dir = conf_has(&f->conf, CONF_METADATA_LOG_DIR) ? conf_str(&f->conf, CONF_METADATA_LOG_DIR) : NULL;
    f->paths = xcalloc(f->dirs_n + 1, sizeof *f->paths);
    bool known = !meta_dir;
    for (size_t i = 0; i < f->dirs_n; i++) {
        f->paths[i] = xstrndup(f->dirs[i].p, f->dirs[i].n);
        known |= meta_dir && strcmp(meta_dir, f->paths[i]) == 0;
    }
    if (!known) f->paths[f->dirs_n++] = xstrdup(meta_dir);
    qsort(f->paths, f->dirs_n, sizeof *f->paths, path_cmp);
    f->metas = xcalloc(f->dirs_n, sizeof *f->metas);
    f->missing = xcalloc(f->dirs_n, sizeof *f->missing);
    for (size_t i = 0; i < f->dirs_n; i++) {
        f->missing[i] = os_stat(NULL, f->paths[i], &st) != 0 || !st.is_dir;
        if (!f->missing[i] && storage_meta_read(NULL, f->paths[i], &f->metas[i], &f->why)) die("%s", strbuf_cstr(&f->why));
    }
}

static void unload(struct format *f)
{
    for (size_t i = 0; i < f->dirs_n; i++) free(f->paths[i]);
    free(f->paths);
    free(f->metas);
    free(f->missing);
    conf_fini(&f->conf);
    strbuf_fini(&f->why);
}

static bool is_metadata_dir(const struct format *f, const char *path)
{
    if (conf_has(&f->conf, CONF_METADATA_LOG_DIR)) return strcmp(conf_str(&f->conf, CONF_METADATA_LOG_DIR), path) == 0;
    return slice_eq_cstr(f->dirs[0], path);
}

/* ---- snapshots ---- */
static int write_snapshot(const char *path, const struct ctl_records *rs, const struct quorum *q, int64_t last_ms)
{
    struct kp_writer out;
    kp_writer_init(&out, 512);
    snapshot_write(rs, q, 0, last_ms, os_now_wall_ms(), &out);
    int rc = os_write_file_atomic(NULL, path, out.p, out.n);
    kp_writer_fini(&out);
    return rc;
}

static int write_bootstrap(const char *dir, const struct feature_release *release)
{
    struct ctl_records rs;
    struct quorum none = {0};
    char path[4200];
    ctl_records_init(&rs);
    ctl_bootstrap_features(release->level, &rs);
    snprintf(path, sizeof path, "%s/bootstrap.checkpoint", dir);
    int rc = write_snapshot(path, &rs, &none, 0);
    ctl_records_fini(&rs);
    return rc;
}

/* "id@host:port:directory,…" of --initial-controllers; v[i].endpoints point to one endpoint each. */
static int parse_voters(const char *text, struct kp_voters_record_voter *v, int max)
{
    int n = 0;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        const char *at = memchr(p, '@', len), *end = p + len, *dir = NULL, *port = NULL;
        for (const char *q = end; at && q > at && !port; q--)
            if (*q == ':' && q != end) {
                if (!dir) dir = q;
                else port = q;
            }
        int64_t id, number;
        char *id_text = xstrndup(p, at ? (size_t)(at - p) : 0), *port_text = port ? xstrndup(port + 1, (size_t)(dir - port - 1)) : xstrdup("");
        if (n == max || !port || !parse_i64(id_text, &id) || id < 0 || id > INT32_MAX || !parse_i64(port_text, &number) || number < 1 || number > 65535 ||
            uuid_parse(slice_of(dir + 1, (size_t)(end - dir - 1)), &v[n].voter_directory_id))
            die("Failed to parse the initial controllers: write each as id@host:port:directory-id, not %.*s", (int)len, p);
        v[n].voter_id = (int32_t)id;
        v[n].endpoints->host = slice_of(at + 1, (size_t)(port - at - 1));
        v[n].endpoints->port = (uint16_t)number;
        free(id_text);
        free(port_text);
        n++;
        p = end + (*end == ',');
    }
    return n;
}

#define VOTERS_MAX 64

static int write_voters(struct format *f, const char *dir, struct uuid dir_id, const char *initial)
{
    struct kp_voters_record_endpoint endpoints[VOTERS_MAX];
    struct kp_voters_record_voter v[VOTERS_MAX];
    struct kp_voters_record voters = {.voters = v};
    struct quorum q = {0};
    struct ctl_records none;
    char path[4200];
    const struct conf_listener *listener = conf_controller_listener(&f->conf);
    if (!listener) return 0; /* a solo broker: it has no controller listener to be found at */
    for (int i = 0; i < VOTERS_MAX; i++) {
        endpoints[i] = (struct kp_voters_record_endpoint){slice_cstr(listener->name), slice_cstr(listener->host), (uint16_t)listener->port};
        v[i] = (struct kp_voters_record_voter){.voter_id = f->node_id, .voter_directory_id = dir_id, .endpoints = &endpoints[i], .endpoints_n = 1};
        v[i].k_raft_version_feature.max_supported_version = 1;
    }
    voters.voters_n = initial ? parse_voters(initial, v, VOTERS_MAX) : 1;
    quorum_found_voters(&q, &voters);
    snprintf(path, sizeof path, "%s/__cluster_metadata-0", dir);
    int rc = os_mkdir_p(NULL, path);
    snprintf(path, sizeof path, "%s/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint", dir);
    ctl_records_init(&none);
    if (rc == 0) rc = write_snapshot(path, &none, &q, os_now_wall_ms());
    ctl_records_fini(&none);
    quorum_fini(&q);
    return rc;
}

/* ---- format ---- */
static void print_bootstrap(const struct feature_release *r)
{
    size_t n;
    const struct feature *f = features_known(&n);
    printf("Bootstrap metadata: BootstrapMetadata(records=[ApiMessageAndVersion(FeatureLevelRecord(name='metadata.version', featureLevel=%d) at version 0)", r->level);
    for (size_t i = 0; i < n; i++)
        if (f[i].level && f[i].since <= r->level)
            printf(", ApiMessageAndVersion(FeatureLevelRecord(name='%s', featureLevel=%d) at version 0)", f[i].name, f[i].level);
    printf("], metadataVersionLevel=%d, source=format command)\n", r->level);
}

static void format_dir(struct format *f, size_t i, const char *cluster, const struct feature_release *release, bool voters, const char *initial)
{
    const char *path = f->paths[i];
    bool is_meta = is_metadata_dir(f, path);
    struct meta m = {.node_id = f->node_id, .dir_id = random_uuid()};
    struct kp_voters_record_voter v[VOTERS_MAX];
    struct kp_voters_record_endpoint e[VOTERS_MAX];
    snprintf(m.cluster_id, sizeof m.cluster_id, "%s", cluster);
    for (int k = 0; k < VOTERS_MAX; k++) v[k].endpoints = &e[k];
    int n = is_meta && initial ? parse_voters(initial, v, VOTERS_MAX) : 0;
    for (int k = 0; k < n; k++) /* the others were told this directory's id */
        if (v[k].voter_id == f->node_id) m.dir_id = v[k].voter_directory_id;
    const char *kind = !is_meta ? "data directory" : voters ? "dynamic metadata voter directory" : "metadata directory";
    printf("Formatting %s %s with metadata.version %s.\n", kind, path, release->name);
    fflush(stdout);
    if (os_mkdir_p(NULL, path)) die("Unable to create storage directory %s: %s", path, os_why());
    if (write_bootstrap(path, release) || (is_meta && voters && write_voters(f, path, m.dir_id, initial)) || storage_meta_write(NULL, path, &m))
        die("Unable to write into storage directory %s: %s", path, os_why());
}

/* What the tool will not do, before anything is written. */
static void check_voters(const struct format *f, const struct cli_option *o)
{
    bool alone = cli_given(o, "standalone") || cli_given(o, "s"), initial = cli_given(o, "initial-controllers") || cli_given(o, "I");
    bool none = cli_given(o, "no-initial-controllers") || cli_given(o, "N");
    if (alone + initial + none > 1) die("kafka-storage: error: --standalone, --initial-controllers and --no-initial-controllers exclude each other");
    if (!f->conf.is_controller && alone) die("You can only use --standalone on a controller.");
    if (!f->conf.is_controller && initial) die("You can only use --initial-controllers on a controller.");
    if (f->conf.voters_n && (alone || initial))
        die("You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. If you want to use dynamic quorum, "
            "please remove controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.");
    if (f->conf.is_controller && !f->conf.voters_n && !f->conf.solo && !alone && !initial && !none)
        die("Because controller.quorum.voters is not set on this controller, you must specify one of the following: --standalone, --initial-controllers, or "
            "--no-initial-controllers.");
}

static const char *either(const struct cli_option *o, const char *name, const char *letter)
{
    const char *v = cli_value(o, name);
    return v ? v : cli_value(o, letter);
}

static int format(const struct cli_option *o)
{
    struct format f = {0};
    const char *file = either(o, "config", "c"), *cluster = either(o, "cluster-id", "t"), *version = either(o, "release-version", "r");
    const char *initial = either(o, "initial-controllers", "I");
    bool ignore = cli_given(o, "ignore-formatted") || cli_given(o, "g");
    if (!cluster) die("kafka-storage: error: argument --cluster-id/-t is required");
    if (!file) die("kafka-storage: error: argument --config/-c is required");
    if (strlen(cluster) >= sizeof f.metas->cluster_id) die("%s is too long for a cluster id", cluster);
    if (either(o, "add-scram", "S") || either(o, "feature", "f")) die("moldau storage does not take --add-scram and --feature yet.");
    const struct feature_release *release = release_find(version);
    strbuf_init(&f.why);
    load(&f, file);
    check_voters(&f, o);
    struct slice *order = xcalloc(f.dirs_n, sizeof *order);
    size_t left = 0;
    for (size_t i = 0; i < f.dirs_n; i++) {
        const struct meta *m = &f.metas[i];
        if (m->found && strcmp(m->cluster_id, cluster) != 0)
            die("Invalid cluster.id in: %s/meta.properties. Expected %s, but read %s", f.paths[i], cluster, m->cluster_id);
        if (m->found && m->node_id != f.node_id) die("Stored node id %d doesn't match previous node id %d in %s/meta.properties.", m->node_id, f.node_id, f.paths[i]);
        left += !m->found;
        order[i] = slice_cstr(f.paths[i]);
    }
    java_map_sort(order, (int32_t)f.dirs_n, 16);
    if (left) {
        for (size_t k = 0; k < f.dirs_n; k++)
            for (size_t i = 0; i < f.dirs_n; i++)
                if (f.metas[i].found && !ignore && order[k].p == (const uint8_t *)f.paths[i])
                    die("Log directory %s is already formatted. Use --ignore-formatted to ignore this directory and format the others.", f.paths[i]);
        print_bootstrap(release);
        bool voters = initial || cli_given(o, "standalone") || cli_given(o, "s");
        for (size_t k = 0; k < f.dirs_n; k++)
            for (size_t i = 0; i < f.dirs_n; i++)
                if (!f.metas[i].found && order[k].p == (const uint8_t *)f.paths[i]) format_dir(&f, i, cluster, release, voters, initial);
    } else if (ignore) printf("All of the log directories are already formatted.\n");
    else die("Log directory %.*s is already formatted. Use --ignore-formatted to ignore this directory and format the others.", (int)order[0].n, (const char *)order[0].p);
    free(order);
    unload(&f);
    return 0;
}

/* ---- info ---- */
static void print_list(const char *one, const char *many, char **v, size_t n)
{
    if (!n) return;
    printf("%s:\n", n == 1 ? one : many);
    for (size_t i = 0; i < n; i++) printf("  %s\n", v[i]);
    printf("\n");
}

static int info(const struct cli_option *o)
{
    struct format f = {0};
    const char *file = either(o, "config", "c");
    char id[UUID_TEXT_BYTES];
    const struct meta *first = NULL;
    if (!file) die("kafka-storage: error: argument --config/-c is required");
    strbuf_init(&f.why);
    load(&f, file);
    char **found = xcalloc(f.dirs_n, sizeof *found), **problems = xcalloc(f.dirs_n * 2, sizeof *problems);
    size_t found_n = 0, problems_n = 0;
    struct strbuf b;
    for (size_t i = 0; i < f.dirs_n; i++) {
        strbuf_init(&b);
        if (f.missing[i]) strbuf_printf(&b, "%s does not exist", f.paths[i]);
        else {
            found[found_n++] = f.paths[i];
            if (!f.metas[i].found) strbuf_printf(&b, "%s is not formatted.", f.paths[i]);
            else if (!first) first = &f.metas[i];
            else if (strcmp(first->cluster_id, f.metas[i].cluster_id) != 0 || first->node_id != f.metas[i].node_id)
                strbuf_printf(&b, "Metadata for %s does not match that of the other directories.", f.paths[i]);
        }
        if (b.n) problems[problems_n++] = xstrdup(strbuf_cstr(&b));
        strbuf_fini(&b);
    }
    print_list("Found log directory", "Found log directories", found, found_n);
    if (first) {
        uuid_format(first->dir_id, id);
        printf("Found metadata: {cluster.id=%s, directory.id=%s, node.id=%d, version=1}\n\n", first->cluster_id, id, first->node_id);
    }
    print_list("Found problem", "Found problems", problems, problems_n);
    for (size_t i = 0; i < problems_n; i++) free(problems[i]);
    free(problems);
    free(found);
    unload(&f);
    return problems_n ? 1 : 0;
}

static int version_mapping(const struct cli_option *o)
{
    const char *version = either(o, "release-version", "r");
    const struct feature_release *r = release_find(version);
    static const char *const order[] = {"transaction.version", "group.version", "eligible.leader.replicas.version", "share.version", "streams.version"};
    printf("metadata.version=%d (%s)\nkraft.version=%d\n", r->level, version ? version : r->name, r->level >= 21);
    size_t n;
    const struct feature *f = features_known(&n);
    for (size_t k = 0; k < NELEMS(order); k++)
        for (size_t i = 0; i < n; i++)
            if (strcmp(order[k], f[i].name) == 0) printf("%s=%d\n", order[k], f[i].since <= r->level ? f[i].level : 0);
    return 0;
}

int storage_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"config", true, "server.properties; also -c", NULL, 0},
        {"c", true, NULL, NULL, 0},
        {"cluster-id", true, "the cluster's id; also -t", NULL, 0},
        {"t", true, NULL, NULL, 0},
        {"ignore-formatted", false, "leave formatted directories alone; also -g", NULL, 0},
        {"g", false, NULL, NULL, 0},
        {"standalone", false, "this controller is the only voter; also -s", NULL, 0},
        {"s", false, NULL, NULL, 0},
        {"no-initial-controllers", false, "the voters are known elsewhere; also -N", NULL, 0},
        {"N", false, NULL, NULL, 0},
        {"initial-controllers", true, "id@host:port:directory-id of the voters, with commas; also -I", NULL, 0},
        {"I", true, NULL, NULL, 0},
        {"release-version", true, "metadata.version; also -r", NULL, 0},
        {"r", true, NULL, NULL, 0},
        {"feature", true, NULL, NULL, 0},
        {"f", true, NULL, NULL, 0},
        {"add-scram", true, NULL, NULL, 0},
        {"S", true, NULL, NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    char **rest, text[UUID_TEXT_BYTES];
    int rest_n;
    cli_parse(argc, argv, "moldau storage format|info|random-uuid|version-mapping: prepare and inspect log directories", o, &rest, &rest_n);
    if (!rest_n) die("kafka-storage: error: too few arguments");
    int code = 0;
    if (strcmp(rest[0], "format") == 0) code = format(o);
    else if (strcmp(rest[0], "info") == 0) code = info(o);
    else if (strcmp(rest[0], "version-mapping") == 0) code = version_mapping(o);
    else if (strcmp(rest[0], "random-uuid") == 0) {
        uuid_format(random_uuid(), text);
        printf("%s\n", text);
    } else die("kafka-storage: error: invalid choice: '%s' (choose from 'info', 'format', 'version-mapping', 'random-uuid')", rest[0]);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    free(rest);
    return code;
}
