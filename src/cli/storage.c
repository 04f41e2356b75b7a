/* moldau storage: what kafka-storage.sh of Apache Kafka 4.3 does: formats the log directories of a
 * server.properties and tells their state. Kafka's own nodes accept what it writes. */
#include "cli/storage_int.h"
#include "cli/tools.h"
#include "os/os.h"
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void storage_die(const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

void storage_throw_(const char *exception, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "Exception in thread \"main\" %s: ", exception);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

bool storage_parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
    const char *digits = s + (*s == '+' || *s == '-');
    if (!*digits || digits[strspn(digits, "0123456789")]) return false;
    errno = 0;
    long long v = strtoll(s, NULL, 10);
    if (errno || v < min || v > max) return false;
    *out = v;
    return true;
}

const struct feature_release *storage_release(const char *name, int16_t max)
{
    size_t all_n, n = strlen(name);
    const struct feature_release *all = feature_releases(&all_n), *found = NULL;
    for (size_t i = 0; i < all_n; i++)
        if (strcmp(all[i].name, name) == 0 || (strncmp(all[i].name, name, n) == 0 && all[i].name[n] == '-'))
            found = &all[i];
    if (found) return found;
    fprintf(stderr, "Unknown metadata.version '%s'. Supported metadata.version are: ", name);
    for (size_t i = 0; i < all_n; i++) fprintf(stderr, "%s%s", i ? ", " : "", all[i].name);
    if (max > MV_LATEST) fprintf(stderr, ", %s", FEATURE_NEXT_RELEASE);
    storage_die("%s", "");
}

struct uuid storage_random_uuid(void)
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

/* ---- directories ---- */
static int dir_cmp(const void *a, const void *b)
{
    return strcmp(((const struct storage_dir *)a)->path, ((const struct storage_dir *)b)->path);
}

static void look_at(struct storage_dir *d)
{
    struct os_stat st;
    int rc = os_stat(NULL, d->path, &st);
    d->missing = rc == ERR_NOENT;
    d->is_dir = rc == 0 && st.is_dir;
    strbuf_init(&d->why);
    if (d->missing) return;
    if (!d->is_dir || storage_meta_read(NULL, d->path, &d->meta, &d->why)) d->state = STORAGE_DIR_FAILED;
    else if (d->meta.found) d->state = STORAGE_DIR_FORMATTED;
}

void storage_dirs_load(struct storage_dirs *d, const char *file)
{
    size_t n;
    if (server_conf(&d->conf, file, NULL, 0)) exit(1);
    d->node_id = (int)conf_i64(&d->conf, CONF_NODE_ID);
    const struct slice *dirs = conf_log_dirs(&d->conf, &n);
    const char *own =
        conf_has(&d->conf, CONF_METADATA_LOG_DIR) ? conf_str(&d->conf, CONF_METADATA_LOG_DIR) : NULL;
    d->v = xcalloc(n + 1, sizeof *d->v);
    for (size_t i = 0; i <= n; i++) {
        const char *path = i < n ? (const char *)dirs[i].p : own;
        size_t len = i < n ? dirs[i].n : own ? strlen(own) : 0;
        bool known = !path;
        for (size_t k = 0; k < d->n; k++) known |= slice_eq_cstr(slice_of(path, len), d->v[k].path);
        if (!known) d->v[d->n++].path = xstrndup(path, len);
    }
    qsort(d->v, d->n, sizeof *d->v, dir_cmp);
    for (size_t i = 0; i < d->n; i++) look_at(&d->v[i]);
}

void storage_dirs_free(struct storage_dirs *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->v[i].path);
        strbuf_fini(&d->v[i].why);
    }
    free(d->v);
    conf_fini(&d->conf);
}

/* ---- info ---- */
static void problem(struct strbuf *b, int *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void problem(struct strbuf *b, int *n, const char *fmt, ...)
{
    va_list ap;
    strbuf_add_cstr(b, "  ");
    va_start(ap, fmt);
    strbuf_vprintf(b, fmt, ap);
    va_end(ap);
    strbuf_add_char(b, '\n');
    ++*n;
}

static int info(const struct arg_command *c)
{
    struct storage_dirs dirs = {0};
    struct strbuf problems;
    char id[UUID_TEXT_BYTES];
    const struct meta *first = NULL;
    int problems_n = 0, found_n = 0;
    strbuf_init(&problems);
    storage_dirs_load(&dirs, args_value(c, "config"));
    for (size_t i = 0; i < dirs.n; i++) {
        const struct storage_dir *d = &dirs.v[i];
        found_n += d->is_dir;
        if (d->missing) problem(&problems, &problems_n, "%s does not exist", d->path);
        else if (!d->is_dir) problem(&problems, &problems_n, "%s is not a directory", d->path);
        else if (d->state == STORAGE_DIR_EMPTY)
            problem(&problems, &problems_n, "%s is not formatted.", d->path);
        else if (d->state == STORAGE_DIR_FAILED)
            problem(&problems, &problems_n, "Error loading %s/meta.properties: %s", d->path,
                    strbuf_cstr(&d->why));
        else if (!first) first = &d->meta;
        else if (strcmp(first->cluster_id, d->meta.cluster_id) != 0)
            problem(&problems, &problems_n, "Mismatched cluster IDs between storage directories.");
        else if (first->node_id != d->meta.node_id)
            problem(&problems, &problems_n, "Mismatched node IDs between storage directories.");
    }
    if (found_n) printf("Found log %s:\n", found_n == 1 ? "directory" : "directories");
    for (size_t i = 0; i < dirs.n; i++)
        if (dirs.v[i].is_dir) printf("  %s\n", dirs.v[i].path);
    if (found_n) printf("\n");
    if (first) {
        uuid_format(first->dir_id, id);
        printf("Found metadata: {cluster.id=%s, directory.id=%s, node.id=%d, version=1}\n\n",
               first->cluster_id, id, first->node_id);
    }
    if (problems_n)
        printf("Found %s:\n%s\n", problems_n == 1 ? "problem" : "problems", strbuf_cstr(&problems));
    strbuf_fini(&problems);
    storage_dirs_free(&dirs);
    return problems_n ? 1 : 0;
}

/* ---- versions ---- */
static int version_mapping(const struct arg_command *c)
{
    static const char *const order[] = {"kraft.version", "transaction.version",
                                        "group.version", "eligible.leader.replicas.version",
                                        "share.version", "streams.version"};
    size_t n, releases_n;
    const struct feature *f = features_known(&n);
    const struct feature_release *r = &feature_releases(&releases_n)[releases_n - 1];
    const char *version = args_value(c, "release-version");
    if (version) r = storage_release(version, MV_LATEST + 1);
    printf("metadata.version=%d (%s)\n", r->level, version ? version : r->name);
    for (size_t k = 0; k < NELEMS(order); k++)
        for (size_t i = 0; i < n; i++)
            if (strcmp(order[k], f[i].name) == 0)
                printf("%s=%d\n", order[k], feature_default(&f[i], r->level));
    return 0;
}

static const char *release_name(int64_t level)
{
    size_t n;
    const struct feature_release *all = feature_releases(&n);
    for (size_t i = 0; i < n; i++)
        if (all[i].level == level) return all[i].name;
    return level == MV_LATEST + 1 ? FEATURE_NEXT_RELEASE : NULL;
}

static void print_dependencies(const char *name, int64_t level)
{
    size_t n;
    const struct feature *all = features_known(&n);
    if (strcmp(name, "metadata.version") == 0) {
        if (!release_name(level)) storage_die("Unknown metadata.version %lld", (long long)level);
        printf("%s=%lld (%s) has no dependencies.\n", name, (long long)level, release_name(level));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, all[i].name) != 0) continue;
        if (level < all[i].min || level > all[i].max)
            storage_die("Feature level %lld is not supported for feature %s", (long long)level, name);
        int16_t needs = feature_needs(&all[i], (int16_t)level);
        if (needs)
            printf("%s=%lld requires:\n    metadata.version=%d (%s)\n", name, (long long)level, needs,
                   release_name(needs));
        else printf("%s=%lld has no dependencies.\n", name, (long long)level);
        return;
    }
    storage_die("Unknown feature: %s", name);
}

static int feature_dependencies(const struct arg_command *c)
{
    const struct arg *a = args_find(c, "feature");
    for (int i = 0; i < a->n; i++) {
        const char *eq = strchr(a->values[i], '=');
        int64_t level;
        if (!eq)
            storage_die(
                "Invalid feature format: %s. Expected format: 'feature=version' (e.g. 'group.version=1')",
                a->values[i]);
        char *name = xstrndup(a->values[i], (size_t)(eq - a->values[i]));
        if (!storage_parse_int(eq + 1, INT16_MIN, INT16_MAX, &level))
            storage_die("Invalid version format: %s for feature %s", eq + 1, name);
        print_dependencies(name, level);
        free(name);
    }
    return 0;
}

static int random_uuid(const struct arg_command *c)
{
    char text[UUID_TEXT_BYTES];
    (void)c;
    uuid_format(storage_random_uuid(), text);
    printf("%s\n", text);
    return 0;
}

/* ---- options ---- */
#define CONFIG_ARG                                                                                           \
    {                                                                                                        \
        "config", 'c', true, true, false, "The Kafka configuration file to use.", NULL, 0                    \
    }
#define END_ARG                                                                                              \
    {                                                                                                        \
        NULL, 0, false, false, false, NULL, NULL, 0                                                          \
    }

/* The commands that Kafka's tool has not; its usage and refusals stay as they are. */
static bool own_command(int argc, char **argv, int *code)
{
    struct arg log[] = {
        CONFIG_ARG,
        {"from", 'o', true, false, false, "Show records of the log from this offset on", NULL, 0},
        END_ARG};
    struct arg copy[] = {
        CONFIG_ARG,
        {"leave-out", 'x', true, true, false, "The offset of the record to leave out", NULL, 0},
        {"to", 't', true, true, false, "The directory to make", NULL, 0},
        {"in", 'i', true, false, false,
         "The file that holds the record; the default is the segment with this offset", NULL, 0},
        END_ARG};
    const struct arg_command commands[] = {
        {"metadata-log", "usage: kafka-storage metadata-log [-h] --config CONFIG [--from FROM]",
         "Show every record of the metadata log and its snapshots.", log},
        {"metadata-copy",
         "usage: kafka-storage metadata-copy [-h] --config CONFIG --leave-out LEAVE_OUT\n"
         "                     --to TO [--in IN]",
         "Copy the metadata log's directory, leaving one record out.", copy},
        {NULL, NULL, NULL, NULL},
    };
    static int (*const runs[])(const struct arg_command *) = {storage_metadata_log, storage_metadata_copy};
    const struct arg_command *c = commands;
    while (argc > 0 && c->name && strcmp(c->name, argv[0]) != 0) c++;
    if (argc == 0 || !c->name) return false;
    args_parse("kafka-storage", c, argc - 1, argv + 1);
    *code = runs[c - commands](c);
    args_free(c);
    return true;
}

int storage_main(int argc, char **argv)
{
    int own;
    if (own_command(argc, argv, &own)) return own;
    struct arg config[] = {CONFIG_ARG, END_ARG};
    struct arg none[] = {END_ARG};
    struct arg release[] = {{"release-version", 'r', true, false, false,
                             "The release version; the default is the latest", NULL, 0},
                            END_ARG};
    struct arg feature[] = {
        {"feature", 'f', true, true, false, "A feature and its level, as feature=version", NULL, 0}, END_ARG};
    struct arg format[] = {
        CONFIG_ARG,
        {"cluster-id", 't', true, true, false, "The cluster ID to use.", NULL, 0},
        {"add-scram", 'S', true, false, false,
         "A SCRAM credential, as 'SCRAM-SHA-256=[name=alice,password=secret]'", NULL, 0},
        {"ignore-formatted", 'g', false, false, false, "Leave formatted directories alone", NULL, 0},
        {"release-version", 'r', true, false, false,
         "The release version that gives the features their levels", NULL, 0},
        {"feature", 'f', true, false, false, "The level of one feature, as feature=level", NULL, 0},
        {"standalone", 's', false, false, true, "This controller is the only voter of a dynamic quorum", NULL,
         0},
        {"no-initial-controllers", 'N', false, false, true,
         "A dynamic quorum whose voters are known elsewhere", NULL, 0},
        {"initial-controllers", 'I', true, false, true,
         "The voters, as id@host:port:directory-id with commas between", NULL, 0},
        END_ARG,
    };
    const struct arg_command commands[] = {
        {"info", "usage: kafka-storage info [-h] --config CONFIG",
         "Get information about the Kafka log directories on this node.", config},
        {"format",
         "usage: kafka-storage format [-h] --config CONFIG --cluster-id CLUSTER_ID\n"
         "                     [--add-scram ADD_SCRAM] [--ignore-formatted]\n"
         "                     [--release-version RELEASE_VERSION]\n"
         "                     [--feature FEATURE] [--standalone |\n"
         "                     --no-initial-controllers |\n"
         "                     --initial-controllers INITIAL_CONTROLLERS]",
         "Format the Kafka log directories on this node.", format},
        {"version-mapping",
         "usage: kafka-storage version-mapping [-h]\n                     [--release-version "
         "RELEASE_VERSION]",
         "Look up the features that come with a metadata version.", release},
        {"feature-dependencies", "usage: kafka-storage feature-dependencies [-h] --feature FEATURE",
         "Look up what a feature version depends on.", feature},
        {"random-uuid", "usage: kafka-storage random-uuid [-h]", "Print a random UUID.", none},
        {NULL, NULL, NULL, NULL},
    };
    static int (*const runs[])(const struct arg_command *) = {info, storage_format_dirs, version_mapping,
                                                              feature_dependencies, random_uuid};
    const struct arg_command *c =
        args_command("kafka-storage",
                     "usage: kafka-storage [-h]\n"
                     "                     {info,format,version-mapping,feature-dependencies,random-uuid}\n"
                     "                     ...",
                     commands, argc, argv);
    args_parse("kafka-storage", c, argc - 1, argv + 1);
    int code = runs[c - commands](c);
    args_free(c);
    return code;
}
