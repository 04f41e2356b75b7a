/* moldau log-dirs: what kafka-log-dirs.sh of Apache Kafka 4.3 does: the log directories of brokers and what
 * lies in them, as one line of JSON, with the fields and entries in the order in which Java's maps give them.
 */
#include "cli/tools.h"
#include "base/hash.h"
#include "kp/describe_log_dirs.h"

#include <stdio.h>
#include <stdlib.h>

struct ids {
    int32_t *v;
    int32_t n;
};
static bool has(const struct ids *s, int32_t id)
{
    for (int32_t i = 0; i < s->n; i++)
        if (s->v[i] == id) return true;
    return false;
}

/* A set of whole numbers, in the order of a Java HashSet. */
static void sort_ids(struct ids *s)
{
    uint32_t *hashes = xcalloc((size_t)s->n + 1, sizeof *hashes);
    int32_t *order = xcalloc((size_t)s->n + 1, sizeof *order), *v = xcalloc((size_t)s->n + 1, sizeof *v);
    for (int32_t i = 0; i < s->n; i++) hashes[i] = (uint32_t)s->v[i];
    java_hash_order(hashes, s->n, java_map_buckets(s->n, 16), order);
    for (int32_t i = 0; i < s->n; i++) v[i] = s->v[order[i]];
    free(s->v);
    s->v = v;
    free(hashes);
    free(order);
}

static void add_id(struct ids *s, int32_t id)
{
    if (has(s, id)) return;
    s->v = xrealloc(s->v, ((size_t)s->n + 1) * sizeof *s->v);
    s->v[s->n++] = id;
}

static void print_ids(FILE *to, const struct ids *s)
{
    for (int32_t i = 0; i < s->n; i++) fprintf(to, "%s%d", i ? "," : "", s->v[i]);
}

static void parse_brokers(const char *text, struct ids *out)
{
    char *list = xstrdup(text), *rest = list;
    for (char *item; (item = strsep(&rest, ",")) != NULL;) {
        int64_t id;
        if (!*item) continue;
        if (!parse_i64(item, &id) || id < INT32_MIN || id > INT32_MAX) {
            fprintf(stderr,
                    "For input string: \"%s\"\njava.lang.NumberFormatException: For input string: \"%s\"\n\n",
                    item, item);
            exit(1);
        }
        add_id(out, (int32_t)id);
    }
    free(list);
}

static bool is_asked(const char *topics, struct slice topic)
{
    if (!topics[strspn(topics, ",")]) return true; /* nothing is asked for: everything is */
    for (const char *p = topics; *p;) {
        size_t n = strcspn(p, ",");
        if (n && slice_eq(slice_of(p, n), topic)) return true;
        p += n + (p[n] == ',');
    }
    return false;
}

struct replica {
    struct slice topic;
    const struct kp_describe_log_dirs_response_describe_log_dirs_partition *p;
};

/* Into the order of a HashMap<TopicPartition, …>. */
static void sort_replicas(struct replica *v, int32_t n)
{
    uint32_t *hashes = xcalloc((size_t)n + 1, sizeof *hashes);
    int32_t *order = xcalloc((size_t)n + 1, sizeof *order);
    struct replica *out = xcalloc((size_t)n + 1, sizeof *out);
    for (int32_t i = 0; i < n; i++)
        hashes[i] = java_topic_partition_hash(v[i].topic, v[i].p->partition_index);
    java_hash_order(hashes, n, java_map_buckets(n, 16), order);
    for (int32_t i = 0; i < n; i++) out[i] = v[order[i]];
    if (n) memcpy(v, out, (size_t)n * sizeof *v);
    free(hashes);
    free(order);
    free(out);
}

static void print_dir(struct strbuf *b,
                      const struct kp_describe_log_dirs_response_describe_log_dirs_result *dir,
                      const char *topics)
{
    size_t all = 0;
    int32_t n = 0, kept = 0;
    char exception[128];
    for (int32_t i = 0; i < dir->topics_n; i++) all += (size_t)dir->topics[i].partitions_n;
    struct replica *v = xcalloc(all + 1, sizeof *v);
    for (int32_t i = 0; i < dir->topics_n && !dir->error_code; i++)
        for (int32_t k = 0; k < dir->topics[i].partitions_n; k++)
            v[n++] = (struct replica){dir->topics[i].name, &dir->topics[i].partitions[k]};
    sort_replicas(v, n);
    for (int32_t i = 0; i < n; i++)
        if (is_asked(topics, v[i].topic)) v[kept++] = v[i];
    sort_replicas(v, kept); /* those that are left are put into another map */
    strbuf_add_cstr(b, "{\"partitions\":[");
    for (int32_t i = 0; i < kept; i++) {
        struct strbuf name;
        strbuf_init(&name);
        strbuf_printf(&name, "%.*s-%d", (int)v[i].topic.n, (const char *)v[i].topic.p,
                      v[i].p->partition_index);
        strbuf_add_cstr(b, i ? ",{\"partition\":" : "{\"partition\":");
        strbuf_add_json(b, strbuf_slice(&name));
        strbuf_printf(b, ",\"size\":%lld,\"offsetLag\":%lld,\"isFuture\":%s}",
                      (long long)v[i].p->partition_size, (long long)v[i].p->offset_lag,
                      v[i].p->is_future_key ? "true" : "false");
        strbuf_fini(&name);
    }
    strbuf_add_cstr(b, "],\"error\":");
    exception_of(dir->error_code, exception);
    if (dir->error_code) strbuf_printf(b, "\"%s\"", exception);
    else strbuf_add_cstr(b, "null");
    strbuf_add_cstr(b, ",\"logDir\":");
    strbuf_add_json(b, dir->log_dir);
    strbuf_add_char(b, '}');
    free(v);
}

static void print_broker(struct strbuf *b, int32_t id, const struct kp_describe_log_dirs_response *r,
                         const char *topics)
{
    int32_t n = r->results_n > 0 ? r->results_n : 0;
    uint32_t *hashes = xcalloc((size_t)n + 1, sizeof *hashes);
    int32_t *order = xcalloc((size_t)n + 1, sizeof *order);
    for (int32_t i = 0; i < n; i++) hashes[i] = (uint32_t)java_string_hash(r->results[i].log_dir);
    java_hash_order(hashes, n, java_map_buckets(n, (uint32_t)n), order);
    strbuf_printf(b, "{\"broker\":%d,\"logDirs\":[", id);
    for (int32_t i = 0; i < n; i++) {
        if (i) strbuf_add_char(b, ',');
        print_dir(b, &r->results[order[i]], topics);
    }
    strbuf_add_cstr(b, "]}");
    free(hashes);
    free(order);
}

static int fail(const struct admin *a)
{
    fprintf(stderr, "%s: %s\njava.util.concurrent.ExecutionException: %s: %s\n\n", a->exception,
            strbuf_cstr(&a->why), a->exception, strbuf_cstr(&a->why));
    return 1;
}

static int describe(struct admin *a, struct ids *asked, const char *topics)
{
    struct kp_metadata_response meta;
    struct ids known = {0}, query = {0}, unknown = {0};
    struct strbuf json;
    strbuf_init(&json);
    int code = 1;
    if (client_metadata(&a->c, NULL, 0, &meta, &a->why)) {
        snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.TimeoutException");
        fail(a);
        goto out;
    }
    for (int32_t i = 0; i < meta.brokers_n; i++) add_id(&known, meta.brokers[i].node_id);
    for (int32_t i = 0; i < asked->n; i++) add_id(has(&known, asked->v[i]) ? &query : &unknown, asked->v[i]);
    for (int32_t i = 0; i < known.n && !asked->n; i++) add_id(&query, known.v[i]);
    sort_ids(&known);
    sort_ids(&query);
    sort_ids(&unknown);
    if (unknown.n) {
        fprintf(stderr, "ERROR: The given brokers do not exist from --broker-list: ");
        print_ids(stderr, &unknown);
        fprintf(stderr, ". Current existent brokers: ");
        print_ids(stderr, &known);
        fprintf(stderr, "\n");
        goto out;
    }
    printf("Querying brokers for log directories information\n");
    strbuf_add_cstr(&json, "{\"brokers\":[");
    for (int32_t i = 0; i < query.n; i++) {
        struct kp_describe_log_dirs_request req;
        struct kp_describe_log_dirs_response resp;
        kp_describe_log_dirs_request_init(&req);
        req.topics_n = -1;
        strbuf_reset(&a->why);
        int rc = client_call(&a->c, query.v[i], KP_API_DESCRIBE_LOG_DIRS, -1, &req, &resp, &a->why);
        if (rc)
            snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.%s",
                     rc == ERR_UNSUPPORTED_VERSION ? "UnsupportedVersionException" : "TimeoutException");
        else if (resp.error_code) rc = admin_fail_code(a, resp.error_code, (struct slice){0});
        if (rc) {
            fail(a);
            goto out;
        }
        if (i) strbuf_add_char(&json, ',');
        print_broker(&json, query.v[i], &resp, topics);
    }
    printf("Received log directory information from brokers ");
    print_ids(stdout, &query);
    printf("\n%s],\"version\":1}\n", strbuf_cstr(&json));
    code = 0;
out:
    strbuf_fini(&json);
    free(known.v);
    free(query.v);
    free(unknown.v);
    return code;
}

int log_dirs_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"bootstrap-server", true, "host:port of a broker", NULL, 0},
        {"command-config", true, "a properties file for the client", NULL, 0},
        {"describe", false, "describe the log directories", NULL, 0},
        {"topic-list", true, "topics, with commas between; all if none are given", NULL, 0},
        {"broker-list", true, "broker ids, with commas between; all if none are given", NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    struct admin a;
    struct ids asked = {0};
    char **rest;
    int rest_n;
    cli_parse(argc, argv, "moldau log-dirs: tell what lies in the log directories of brokers", o, &rest,
              &rest_n);
    const char *bootstrap = cli_value(o, "bootstrap-server"), *topics = cli_value(o, "topic-list");
    if (!bootstrap) tool_usage_error("Missing required argument \"[bootstrap-server]\"");
    if (!cli_given(o, "describe")) tool_usage_error("Missing required argument \"[describe]\"");
    if (cli_value(o, "broker-list")) parse_brokers(cli_value(o, "broker-list"), &asked);
    int code = admin_open(&a, o, bootstrap, NULL) ? fail(&a) : describe(&a, &asked, topics ? topics : "");
    admin_close(&a);
    free(asked.v);
    free(rest);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    return code;
}
