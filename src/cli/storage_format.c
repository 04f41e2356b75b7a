/* moldau storage format: what Apache Kafka 4.3's formatter does. Into each directory of the server that has
 * none go
 *
 *   bootstrap.checkpoint   the records a new cluster starts with, as a snapshot: feature levels, SCRAM
 *                          credentials
 *   __cluster_metadata-0/00000000000000000000-0000000000.checkpoint
 *                          the metadata directory's, with --standalone and --initial-controllers: the first
 *                          voters, as a snapshot of control records (KIP-853)
 *   meta.properties        cluster, node and directory id; written last, so that a directory without it is
 *                          not formatted
 *
 * Nothing is written before everything was checked. */
#include "cli/storage_int.h"
#include "cli/tools.h"
#include "ctl/snapshot.h"
#include "kp/feature_level_record.h"
#include "kp/voters_record.h"
#include "os/blocking.h"
#include "os/os.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define FEATURES_MAX 16
#define VOTERS_MAX 64
#define METADATA_VERSION "metadata.version"
#define KRAFT_VERSION "kraft.version"

struct format {
    struct storage_dirs dirs;
    const char *cluster;
    bool ignore_formatted;
    const struct feature_release *release;
    struct {
        char *name;
        int16_t level;
    } asked[FEATURES_MAX]; /* --feature; a later one of the same name took the place of the earlier */
    int asked_n;
    int16_t levels[FEATURES_MAX]; /* in the order of features_known */
    bool initial;                 /* the first voters are known */
    struct kp_voters_record_endpoint endpoints[VOTERS_MAX];
    struct kp_voters_record_voter voters[VOTERS_MAX];
    int voters_n;
    char ipv6[VOTERS_MAX][INET6_ADDRSTRLEN]; /* hosts as Java writes such addresses */
    char listener[256];                      /* of the controllers */
    struct ctl_records records;
    struct strbuf records_text; /* as Java prints them */
};

/* ---- options ---- */
static void parse_features(struct format *f, const struct arg *a)
{
    for (int i = 0; i < a->n; i++) {
        const char *eq = strchr(a->values[i], '=');
        int64_t level;
        if (!eq)
            storage_throw("java.lang.RuntimeException",
                          "Can't parse feature=level string %s: equals sign not found.", a->values[i]);
        if (!storage_parse_int(eq + 1, INT16_MIN, INT16_MAX, &level))
            storage_throw("java.lang.RuntimeException",
                          "Can't parse feature=level string %s: unable to parse %s as a short.", a->values[i],
                          eq + 1);
        char *name = xstrndup(a->values[i], (size_t)(eq - a->values[i]));
        int k = 0;
        while (k < f->asked_n && strcmp(f->asked[k].name, name) != 0) k++;
        if (k == FEATURES_MAX)
            storage_die("there are only %d features, but --feature names more", FEATURES_MAX);
        if (k < f->asked_n) free(name);
        else f->asked[f->asked_n++].name = name;
        f->asked[k].level = (int16_t)level;
    }
}

static int asked(const struct format *f, const char *name)
{
    for (int i = 0; i < f->asked_n; i++)
        if (strcmp(f->asked[i].name, name) == 0) return i;
    return -1;
}

/* Nothing is localhost, and an IPv6 address gets Java's form, which leaves no zeros out. */
static struct slice voter_host(struct format *f, struct slice host)
{
    struct in6_addr in;
    char text[INET6_ADDRSTRLEN], *out = f->ipv6[f->voters_n];
    if (!host.n) return slice_cstr("localhost");
    if (host.n >= sizeof text) return host;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    if (inet_pton(AF_INET6, text, &in) != 1) return host;
    for (int i = 0, at = 0; i < 8; i++)
        at += snprintf(out + at, sizeof text - (size_t)at, "%s%x", i ? ":" : "",
                       (unsigned)(in.s6_addr[2 * i] << 8 | in.s6_addr[2 * i + 1]));
    return slice_cstr(out);
}

/* One "id@host:port:directory". Errors are those of Java's parser, in its order. */
static void parse_voter(struct format *f, const char *text)
{
    static const char wrong[] = "java.lang.IllegalArgumentException";
    struct kp_voters_record_voter *v = &f->voters[f->voters_n];
    const char *at = strchr(text, '@');
    int64_t id, port;
    if (!at) storage_throw(wrong, "No @ found in dynamic voter string.");
    char *number = xstrndup(text, (size_t)(at - text));
    if (!storage_parse_int(number, INT32_MIN, INT32_MAX, &id))
        storage_throw(wrong, "Failed to parse node id in dynamic voter string.");
    if (id < 0) storage_throw(wrong, "Invalid negative node id %lld in dynamic voter string.", (long long)id);
    free(number);
    const char *host = at + 1, *host_end;
    if (*host == '[') {
        host_end = strchr(++host, ']');
        if (!host_end)
            storage_throw(wrong, "Hostname began with left bracket, but no right bracket was found.");
    } else host_end = strchr(host, ':');
    const char *colon = host_end && *host_end == ']' ? host_end + 1 : host_end;
    if (!colon || *colon != ':') storage_throw(wrong, "No colon following hostname could be found.");
    const char *dir = strchr(colon + 1, ':');
    if (!dir) storage_throw(wrong, "No colon following port could be found.");
    number = xstrndup(colon + 1, (size_t)(dir - colon - 1));
    if (!storage_parse_int(number, INT32_MIN, INT32_MAX, &port))
        storage_throw(wrong, "Failed to parse port in dynamic voter string.");
    if (port < 0 || port > 65535)
        storage_throw(wrong, "Invalid port %lld in dynamic voter string.", (long long)port);
    free(number);
    if (uuid_parse(slice_cstr(dir + 1), &v->voter_directory_id))
        storage_throw(wrong, "Failed to parse directory ID in dynamic voter string.");
    for (int i = 0; i < f->voters_n; i++)
        if (f->voters[i].voter_id == id)
            storage_throw(wrong, "Node id %lld was specified more than once.", (long long)id);
    v->voter_id = (int32_t)id;
    f->endpoints[f->voters_n].host = voter_host(f, slice_of(host, (size_t)(host_end - host)));
    f->endpoints[f->voters_n++].port = (uint16_t)port;
}

static int voter_cmp(const void *a, const void *b)
{
    const struct kp_voters_record_voter *x = a, *y = b;
    return (x->voter_id > y->voter_id) - (x->voter_id < y->voter_id);
}

/* The slices of the voters point into `list`, which stays. */
static void parse_voters(struct format *f, char *list)
{
    for (char *rest = list, *item; (item = strsep(&rest, ",")) != NULL;) {
        item += strspn(item, " ");
        for (size_t n = strlen(item); n && item[n - 1] == ' '; n--) item[n - 1] = 0;
        if (!*item) continue;
        if (f->voters_n == VOTERS_MAX)
            storage_die("--initial-controllers takes up to %d controllers", VOTERS_MAX);
        parse_voter(f, item);
    }
    if (!f->voters_n) storage_throw("java.lang.IllegalArgumentException", "No voters given.");
    qsort(f->voters, (size_t)f->voters_n, sizeof *f->voters, voter_cmp); /* each still knows its endpoint */
    f->initial = true;
}

static void stand_alone(struct format *f)
{
    const struct conf_listener *l = conf_controller_listener(&f->dirs.conf);
    if (!f->dirs.conf.is_controller) storage_die("You can only use --standalone on a controller.");
    if (!l) return; /* a solo broker: it has no controller listener to be found at */
    f->endpoints[0].host = slice_cstr(l->host[0] ? l->host : "localhost");
    f->endpoints[0].port = (uint16_t)l->port;
    f->voters[0].voter_id = f->dirs.node_id;
    f->voters[0].voter_directory_id = storage_random_uuid();
    f->voters_n = 1;
    f->initial = true;
}

static void find_listener(struct format *f)
{
    const struct conf_listener *l = conf_controller_listener(&f->dirs.conf);
    size_t n = 0;
    const struct slice *names = conf_has(&f->dirs.conf, CONF_CONTROLLER_LISTENER_NAMES)
                                    ? conf_list(&f->dirs.conf, CONF_CONTROLLER_LISTENER_NAMES, &n)
                                    : NULL;
    struct slice name = l ? slice_cstr(l->name) : n ? names[0] : slice_cstr("CONTROLLER");
    snprintf(f->listener, sizeof f->listener, "%.*s", (int)name.n, (const char *)name.p);
}

static char *parse_quorum(struct format *f, const struct arg_command *c)
{
    const char *list = args_value(c, "initial-controllers");
    bool alone = args_given(c, "standalone"), none = args_given(c, "no-initial-controllers");
    const struct conf *conf = &f->dirs.conf;
    char *text = list ? xstrdup(list) : NULL;
    find_listener(f);
    for (int i = 0; i < VOTERS_MAX; i++) {
        f->endpoints[i].name = slice_cstr(f->listener);
        f->voters[i].endpoints = &f->endpoints[i];
        f->voters[i].endpoints_n = 1;
        f->voters[i].k_raft_version_feature.max_supported_version = 1;
    }
    if (conf->voters_n && (alone || list))
        storage_die("You cannot specify controller.quorum.voters and format the node with "
                    "--initial-controllers or --standalone. If you want to use "
                    "dynamic quorum, please remove controller.quorum.voters and specify "
                    "controller.quorum.bootstrap.servers instead.");
    if (text) parse_voters(f, text);
    if (alone) stand_alone(f);
    if (conf->is_controller && !conf->voters_n && !conf->solo && !f->initial && !none)
        storage_die("Because controller.quorum.voters is not set on this controller, you must specify one of "
                    "the following: --standalone, "
                    "--initial-controllers, or --no-initial-controllers.");
    return text;
}

/* ---- feature levels ---- */
static const struct feature_release *effective_release(const struct format *f, const char *version)
{
    int i = asked(f, METADATA_VERSION);
    size_t n;
    const struct feature_release *all = feature_releases(&n);
    if (i < 0) return version ? storage_release(version, MV_LATEST) : &all[n - 1];
    if (version)
        storage_die("Use --release-version instead of --feature " METADATA_VERSION "=X to avoid ambiguity.");
    int level = f->asked[i].level;
    if (level == MV_LATEST + 1) storage_die("metadata.version %s is not yet stable.", FEATURE_NEXT_RELEASE);
    for (size_t k = 0; k < n; k++)
        if (all[k].level == level) return &all[k];
    storage_throw("java.lang.IllegalArgumentException",
                  "No MetadataVersion with feature level %d. Valid feature levels are from %d to %d.", level,
                  MV_FIRST, MV_LATEST + 1);
}

static int16_t kraft_level(const struct format *f, bool dynamic)
{
    int i = asked(f, KRAFT_VERSION);
    if (i < 0) return dynamic;
    int16_t level = f->asked[i].level;
    if (level == 0 && dynamic)
        storage_die("Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of the flags "
                    "--standalone, --initial-controllers, or "
                    "--no-initial-controllers is used. For dynamic controllers support, try removing the "
                    "--feature flag for kraft.version.");
    if (level != 0 && !dynamic)
        storage_die("Cannot set kraft.version to %d unless controller.quorum.voters is empty and one of the "
                    "flags --standalone, --initial-controllers, or "
                    "--no-initial-controllers is used. For dynamic controllers support, try using one of "
                    "--standalone, --initial-controllers, or "
                    "--no-initial-controllers and removing controller.quorum.voters.",
                    level);
    return level;
}

static void find_levels(struct format *f, bool dynamic)
{
    size_t n;
    const struct feature *all = features_known(&n);
    ASSERT(n <= FEATURES_MAX);
    for (int k = 0; k < f->asked_n; k++) {
        bool known = strcmp(f->asked[k].name, METADATA_VERSION) == 0;
        for (size_t i = 0; i < n; i++) known |= strcmp(f->asked[k].name, all[i].name) == 0;
        if (known) continue;
        fprintf(stderr, "Unsupported feature: %s. Supported features are: ", f->asked[k].name);
        for (size_t i = 0; i < n; i++) fprintf(stderr, "%s%s", i ? ", " : "", all[i].name);
        storage_die("%s", "");
    }
    for (size_t i = 0; i < n; i++) {
        int k = asked(f, all[i].name);
        f->levels[i] = feature_default(&all[i], f->release->level);
        if (strcmp(all[i].name, KRAFT_VERSION) == 0) f->levels[i] = kraft_level(f, dynamic);
        else if (k >= 0) f->levels[i] = f->asked[k].level;
    }
    for (size_t i = 0; i < n; i++) {
        if (f->levels[i] < all[i].min || f->levels[i] > all[i].max)
            storage_throw("java.lang.IllegalArgumentException", "No feature:%s with feature level %d",
                          all[i].name, f->levels[i]);
        int16_t needs = feature_needs(&all[i], f->levels[i]);
        if (needs > f->release->level)
            storage_throw("java.lang.IllegalArgumentException",
                          "%s could not be set to %d because it depends on metadata.version level %d",
                          all[i].name, f->levels[i], needs);
    }
}

static void put_level(struct format *f, const char *name, int16_t level)
{
    struct kp_feature_level_record r = {.name = slice_cstr(name), .feature_level = level};
    ctl_put(&f->records, &kp_feature_level_record_message, 0, &r);
    strbuf_printf(&f->records_text,
                  "%sApiMessageAndVersion(FeatureLevelRecord(name='%s', featureLevel=%d) at version 0)",
                  f->records_text.n ? ", " : "", name, level);
}

static void find_records(struct format *f, const struct arg *scram)
{
    size_t n;
    const struct feature *all = features_known(&n);
    put_level(f, METADATA_VERSION, f->release->level);
    for (size_t i = 0; i < n; i++)
        if (f->levels[i] && strcmp(all[i].name, KRAFT_VERSION) != 0) put_level(f, all[i].name, f->levels[i]);
    if (scram->n && f->release->level < MV_SCRAM)
        storage_die("SCRAM is only supported in metadata.version 3.5-IV2 or later.");
    storage_scram(scram, &f->records, &f->records_text);
}

/* ---- writing ---- */
static int write_snapshot(const char *path, const struct ctl_records *rs, const struct quorum *q,
                          int64_t last_ms)
{
    struct kp_writer out;
    kp_writer_init(&out, 512);
    snapshot_write(rs, q, 0, last_ms, os_now_wall_ms(), &out);
    int rc = os_write_file_atomic(NULL, path, out.p, out.n);
    kp_writer_fini(&out);
    return rc;
}

static int write_bootstrap(const struct format *f, const char *dir)
{
    struct quorum none = {0};
    char path[4200];
    snprintf(path, sizeof path, "%s/bootstrap.checkpoint", dir);
    return write_snapshot(path, &f->records, &none, 0);
}

static int write_voters(struct format *f, const char *dir)
{
    struct kp_voters_record voters = {.voters = f->voters, .voters_n = f->voters_n};
    struct quorum q = {0};
    struct ctl_records none;
    char path[4200];
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

static const struct kp_voters_record_voter *self(const struct format *f)
{
    for (int i = 0; i < f->voters_n; i++)
        if (f->voters[i].voter_id == f->dirs.node_id) return &f->voters[i];
    return NULL;
}

static bool is_metadata_dir(const struct format *f, const char *path)
{
    size_t n;
    if (conf_has(&f->dirs.conf, CONF_METADATA_LOG_DIR))
        return strcmp(conf_str(&f->dirs.conf, CONF_METADATA_LOG_DIR), path) == 0;
    return slice_eq_cstr(conf_log_dirs(&f->dirs.conf, &n)[0], path);
}

static void format_dir(struct format *f, const char *path)
{
    struct meta m = {.node_id = f->dirs.node_id, .dir_id = storage_random_uuid()};
    const char *kind = "data directory";
    bool is_meta = is_metadata_dir(f, path);
    snprintf(m.cluster_id, sizeof m.cluster_id, "%s", f->cluster);
    if (is_meta && f->initial && self(f)) {
        kind = "dynamic metadata voter directory";
        m.dir_id = self(f)->voter_directory_id; /* the others were told this id */
    } else if (is_meta) kind = f->initial ? "dynamic metadata directory" : "metadata directory";
    printf("Formatting %s %s with metadata.version %s.\n", kind, path, f->release->name);
    fflush(stdout);
    if (os_mkdir_p(NULL, path) || write_bootstrap(f, path) ||
        (is_meta && f->initial && write_voters(f, path)) || storage_meta_write(NULL, path, &m))
        storage_die("Error while writing meta.properties file %s: %s", path, os_why());
}

/* What the directories say must be of this cluster and node. */
static void verify(const struct format *f)
{
    for (size_t i = 0; i < f->dirs.n; i++) {
        const struct storage_dir *d = &f->dirs.v[i];
        if (d->state != STORAGE_DIR_FORMATTED) continue;
        if (strcmp(d->meta.cluster_id, f->cluster) != 0)
            storage_throw("java.lang.RuntimeException",
                          "Invalid cluster.id in: %s/meta.properties. Expected %s, but read %s", d->path,
                          f->cluster, d->meta.cluster_id);
        if (d->meta.node_id != f->dirs.node_id)
            storage_throw("java.lang.RuntimeException",
                          "Stored node id %d doesn't match previous node id %d in %s/meta.properties. If you "
                          "moved your data, make sure your configured node "
                          "id matches. If you intend to create a new node, you should remove all data in "
                          "your data directories.",
                          d->meta.node_id, f->dirs.node_id, d->path);
    }
}

/* The directories in one state, in the order of a Java HashMap of them; the caller frees the array. Kafka
 * keeps those that are formatted in a copy of the map, which has less room. */
static struct slice *in_state(const struct format *f, enum storage_dir_state state, size_t *n)
{
    struct slice *v = xcalloc(f->dirs.n + 1, sizeof *v);
    *n = 0;
    for (size_t i = 0; i < f->dirs.n; i++)
        if (f->dirs.v[i].state == state) v[(*n)++] = slice_cstr(f->dirs.v[i].path);
    java_map_sort(v, (int32_t)*n, 16);
    uint32_t copy = 1;
    while (copy < *n * 4 / 3 + 1) copy *= 2;
    if (state == STORAGE_DIR_FORMATTED) java_map_sort(v, (int32_t)*n, copy);
    return v;
}

static void format_all(struct format *f)
{
    size_t done_n, failed_n, empty_n;
    struct slice *done = in_state(f, STORAGE_DIR_FORMATTED, &done_n),
                 *failed = in_state(f, STORAGE_DIR_FAILED, &failed_n);
    struct slice *empty = in_state(f, STORAGE_DIR_EMPTY, &empty_n);
    if (done_n && !f->ignore_formatted)
        storage_die("Log directory %s is already formatted. Use --ignore-formatted to ignore this directory "
                    "and format the others.",
                    (const char *)done[0].p);
    for (size_t i = 0; i < failed_n; i++)
        printf("I/O error trying to read log directory %s. Ignoring...\n", (const char *)failed[i].p);
    fflush(stdout);
    if (failed_n && !empty_n && !done_n) storage_die("No available log directories to format.");
    if (empty_n)
        printf("Bootstrap metadata: BootstrapMetadata(records=[%s], metadataVersionLevel=%d, source=format "
               "command)\n",
               strbuf_cstr(&f->records_text), f->release->level);
    else printf("All of the log directories are already formatted.\n");
    for (size_t i = 0; i < empty_n; i++) format_dir(f, (const char *)empty[i].p);
    free(done);
    free(failed);
    free(empty);
}

int storage_format_dirs(const struct arg_command *c)
{
    struct format *f = xcalloc(1, sizeof *f);
    f->cluster = args_value(c, "cluster-id");
    f->ignore_formatted = args_given(c, "ignore-formatted");
    if (strlen(f->cluster) >= sizeof f->dirs.v->meta.cluster_id)
        storage_die("%s is too long for a cluster id", f->cluster);
    ctl_records_init(&f->records);
    strbuf_init(&f->records_text);
    storage_dirs_load(&f->dirs, args_value(c, "config"));
    const char *version = args_value(c, "release-version");
    if (version) storage_release(version, MV_LATEST);
    parse_features(f, args_find(c, "feature"));
    char *voters = parse_quorum(f, c);
    f->release = effective_release(f, version);
    find_levels(f, !f->dirs.conf.voters_n && (f->initial || args_given(c, "no-initial-controllers")));
    find_records(f, args_find(c, "add-scram"));
    verify(f);
    format_all(f);
    for (int i = 0; i < f->asked_n; i++) free(f->asked[i].name);
    ctl_records_fini(&f->records);
    strbuf_fini(&f->records_text);
    storage_dirs_free(&f->dirs);
    free(voters);
    free(f);
    return 0;
}
