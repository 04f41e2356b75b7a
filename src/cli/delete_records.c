/* moldau delete-records: what kafka-delete-records.sh of Apache Kafka 4.3 does: moves the log start offsets
 * of partitions to those of a JSON file. A partition that does not exist is told at once; Kafka's tool asks
 * for it for a minute first. */
#include "cli/tools.h"
#include "kp/delete_records.h"
#include "os/os.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define MAPPING "com.fasterxml.jackson.databind.JsonMappingException"
#define OPERATION "org.apache.kafka.tools.AdminOperationException"
#define FILE_BYTES_MAX ((size_t)64 << 20)

struct target {
    struct slice topic;
    int32_t part, leader; /* leader -1: error_code says why */
    int64_t offset;
    int64_t low_watermark;
    int16_t error_code;
    char *failed; /* heap; the exception and its sentence */
};
struct targets {
    struct target *v;
    int32_t n;
};

static _Noreturn void die(const char *exception, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void die(const char *exception, const char *fmt, ...)
{
    struct strbuf b;
    va_list ap;
    strbuf_init(&b);
    va_start(ap, fmt);
    strbuf_vprintf(&b, fmt, ap);
    va_end(ap);
    fflush(stdout);
    fprintf(stderr, "%s\n%s: %s\n\n", strbuf_cstr(&b), exception, strbuf_cstr(&b));
    exit(1);
}

/* ---- the file ---- */
static _Noreturn void die_expected(const char *what, const json_t *got)
{
    char *text = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    die(MAPPING, "Expected %s, received %s", what, text ? text : "");
}

static const json_t *field(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);
    if (!v) die(MAPPING, "No such field exists: `%s`", name);
    return v;
}

static int32_t to_int(const json_t *v)
{
    if (!json_is_integer(v) || json_integer_value(v) < INT32_MIN || json_integer_value(v) > INT32_MAX)
        die_expected("`Integer` value", v);
    return (int32_t)json_integer_value(v);
}

static int target_cmp(const void *pa, const void *pb)
{
    const struct target *a = pa, *b = pb;
    int c = slice_cmp(a->topic, b->topic);
    return c ? c : (a->part > b->part) - (a->part < b->part);
}

/* Into the order of a HashMap<TopicPartition, …>. */
static void sort_targets(struct targets *t)
{
    uint32_t *hashes = xcalloc((size_t)t->n + 1, sizeof *hashes);
    int32_t *order = xcalloc((size_t)t->n + 1, sizeof *order);
    struct target *out = xcalloc((size_t)t->n + 1, sizeof *out);
    for (int32_t i = 0; i < t->n; i++) hashes[i] = java_topic_partition_hash(t->v[i].topic, t->v[i].part);
    java_hash_order(hashes, t->n, java_map_buckets(t->n, 16), order);
    for (int32_t i = 0; i < t->n; i++) out[i] = t->v[order[i]];
    free(t->v);
    free(hashes);
    free(order);
    t->v = out;
}

static void refuse_duplicates(const struct targets *t)
{
    struct targets sorted = {xcalloc((size_t)t->n + 1, sizeof *t->v), t->n},
                   twice = {xcalloc((size_t)t->n + 1, sizeof *t->v), 0};
    struct strbuf b;
    strbuf_init(&b);
    if (t->n) memcpy(sorted.v, t->v, (size_t)t->n * sizeof *t->v);
    qsort(sorted.v, (size_t)t->n, sizeof *sorted.v, target_cmp);
    for (int32_t i = 1; i < t->n; i++) {
        bool told = twice.n && target_cmp(&twice.v[twice.n - 1], &sorted.v[i]) == 0;
        if (target_cmp(&sorted.v[i - 1], &sorted.v[i]) == 0 && !told) twice.v[twice.n++] = sorted.v[i];
    }
    sort_targets(&twice);
    for (int32_t i = 0; i < twice.n; i++)
        strbuf_printf(&b, "%s%.*s-%d", i ? "," : "", (int)twice.v[i].topic.n,
                      (const char *)twice.v[i].topic.p, twice.v[i].part);
    if (b.n)
        die("org.apache.kafka.tools.AdminCommandFailedException",
            "Offset json file contains duplicate topic partitions: %s", b.s);
    strbuf_fini(&b);
    free(sorted.v);
    free(twice.v);
}

/* The slices of the targets lie in *root. */
static void parse(const char *path, json_t **root, struct targets *out)
{
    struct strbuf text;
    strbuf_init(&text);
    if (os_read_file(NULL, path, FILE_BYTES_MAX, &text))
        die("java.io.IOException", "Unable to read file %s", path);
    bool blank = text.n && strspn(strbuf_cstr(&text), " \t\r\n") ==
                               text.n; /* to Jackson a document that is missing, not a wrong one */
    *root = json_loadb(strbuf_cstr(&text), text.n, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL,
                       NULL);
    strbuf_fini(&text);
    if (!*root && !blank) die(OPERATION, "The input string is not a valid JSON");
    if (!json_is_object(*root)) die_expected("JSON object", *root);
    const json_t *version = json_object_get(*root, "version"),
                 *partitions = json_object_get(*root, "partitions");
    int32_t v = version ? to_int(version) : 1;
    if (v != 1) die(OPERATION, "Not supported version field value %d", v);
    if (!partitions) die(OPERATION, "Missing partitions field");
    if (!json_is_array(partitions)) die_expected("JSON array", partitions);
    size_t n = json_array_size(partitions);
    out->v = xcalloc(n + 1, sizeof *out->v);
    for (size_t i = 0; i < n; i++) {
        const json_t *p = json_array_get(partitions, i);
        if (!json_is_object(p)) die_expected("JSON object", p);
        const json_t *topic = field(p, "topic");
        if (!json_is_string(topic)) die_expected("`String` value", topic);
        int32_t part = to_int(field(p, "partition"));
        const json_t *offset = field(p, "offset");
        if (!json_is_integer(offset)) die_expected("`Long` value", offset);
        out->v[out->n++] =
            (struct target){.topic = slice_of(json_string_value(topic), json_string_length(topic)),
                            .part = part,
                            .leader = -1,
                            .offset = json_integer_value(offset),
                            .low_watermark = -1};
    }
    refuse_duplicates(out);
    sort_targets(out);
}

/* ---- the cluster ---- */
static void fail_target(struct admin *a, struct target *t)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_printf(&b, "%s: %s", a->exception, strbuf_cstr(&a->why));
    free(t->failed);
    t->failed = xstrdup(strbuf_cstr(&b));
    strbuf_fini(&b);
}

static int find_leaders(struct admin *a, struct targets *t)
{
    struct kp_metadata_response meta;
    struct slice *names = xcalloc((size_t)t->n + 1, sizeof *names);
    int32_t names_n = 0;
    for (int32_t i = 0; i < t->n; i++) {
        bool known = false;
        for (int32_t k = 0; k < names_n; k++) known |= slice_eq(names[k], t->v[i].topic);
        if (!known) names[names_n++] = t->v[i].topic;
    }
    strbuf_reset(&a->why);
    int rc = client_metadata(&a->c, names, names_n, &meta, &a->why);
    free(names);
    if (rc) {
        snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.TimeoutException");
        return rc;
    }
    for (int32_t i = 0; i < t->n; i++) {
        struct target *x = &t->v[i];
        x->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        for (int32_t k = 0; k < meta.topics_n; k++) {
            if (!slice_eq(meta.topics[k].name, x->topic)) continue;
            if (meta.topics[k].error_code) x->error_code = meta.topics[k].error_code;
            for (int32_t j = 0; j < meta.topics[k].partitions_n; j++) {
                if (meta.topics[k].partitions[j].partition_index != x->part) continue;
                x->leader = meta.topics[k].partitions[j].leader_id;
                x->error_code = x->leader < 0 ? KERR_LEADER_NOT_AVAILABLE : 0;
            }
        }
    }
    return 0;
}

/* One request to a leader with all that it leads. */
static void ask_leader(struct admin *a, struct targets *t, int32_t leader)
{
    struct kp_delete_records_request req;
    struct kp_delete_records_response resp;
    kp_delete_records_request_init(&req);
    req.timeout_ms = a->timeout_ms;
    req.topics = xcalloc((size_t)t->n + 1, sizeof *req.topics);
    struct kp_delete_records_request_delete_records_partition *parts =
        xcalloc((size_t)t->n + 1, sizeof *parts);
    for (int32_t i = 0; i < t->n; i++) {
        if (t->v[i].leader != leader) continue;
        parts[req.topics_n] = (struct kp_delete_records_request_delete_records_partition){
            .partition_index = t->v[i].part, .offset = t->v[i].offset};
        req.topics[req.topics_n] = (struct kp_delete_records_request_delete_records_topic){
            .name = t->v[i].topic, .partitions = &parts[req.topics_n], .partitions_n = 1};
        req.topics_n++;
    }
    strbuf_reset(&a->why);
    int rc = client_call(&a->c, leader, KP_API_DELETE_RECORDS, -1, &req, &resp, &a->why);
    if (rc)
        snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.%s",
                 rc == ERR_UNSUPPORTED_VERSION ? "UnsupportedVersionException" : "TimeoutException");
    for (int32_t i = 0; i < t->n; i++) {
        struct target *x = &t->v[i];
        if (x->leader != leader) continue;
        if (rc) fail_target(a, x);
        else x->error_code = KERR_UNKNOWN_SERVER_ERROR; /* unless the answer tells of it */
        for (int32_t k = 0; rc == 0 && k < resp.topics_n; k++)
            for (int32_t j = 0; j < resp.topics[k].partitions_n; j++) {
                if (!slice_eq(resp.topics[k].name, x->topic) ||
                    resp.topics[k].partitions[j].partition_index != x->part)
                    continue;
                x->error_code = resp.topics[k].partitions[j].error_code;
                x->low_watermark = resp.topics[k].partitions[j].low_watermark;
            }
    }
    free(req.topics);
    free(parts);
}

static void delete_all(struct admin *a, struct targets *t)
{
    int rc = t->n ? find_leaders(a, t) : 0;
    for (int32_t i = 0; i < t->n; i++) {
        bool asked = t->v[i].leader < 0;
        for (int32_t k = 0; k < i; k++) asked |= t->v[k].leader == t->v[i].leader;
        if (rc) fail_target(a, &t->v[i]);
        else if (!asked) ask_leader(a, t, t->v[i].leader);
    }
}

/* Kafka's own sentence, which a Java client adds to a code that came without one. */
static struct slice sentence(int16_t code)
{
    static const struct {
        int16_t code;
        const char *text;
    } known[] = {
        {KERR_OFFSET_OUT_OF_RANGE,
         "The requested offset is not within the range of offsets maintained by the server."},
        {KERR_UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition."},
        {KERR_LEADER_NOT_AVAILABLE,
         "There is no leader for this topic-partition as we are in the middle of a leadership election."},
        {KERR_NOT_LEADER_OR_FOLLOWER, "For requests intended only for the leader, this error indicates that "
                                      "the broker is not the current leader. For requests "
                                      "intended for any replica, this error indicates that the broker is not "
                                      "a replica of the topic partition."},
        {KERR_POLICY_VIOLATION, "Request parameters do not satisfy the configured policy."},
        {KERR_TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed."},
        {KERR_REQUEST_TIMED_OUT, "The request timed out."},
    };
    for (size_t i = 0; i < NELEMS(known); i++)
        if (known[i].code == code) return slice_cstr(known[i].text);
    return (struct slice){0};
}

static void print(struct admin *a, struct targets *t)
{
    for (int32_t i = 0; i < t->n; i++) {
        struct target *x = &t->v[i];
        if (x->error_code && !x->failed) {
            (void)admin_fail_code(a, x->error_code, sentence(x->error_code));
            fail_target(a, x);
        }
        printf("partition: %.*s-%d\t", (int)x->topic.n, (const char *)x->topic.p, x->part);
        if (x->failed) printf("error: %s\n", x->failed);
        else printf("low_watermark: %lld\n", (long long)x->low_watermark);
        free(x->failed);
    }
}

int delete_records_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"bootstrap-server", true, "host:port of a broker", NULL, 0},
        {"offset-json-file", true,
         "{\"partitions\": [{\"topic\": \"foo\", \"partition\": 1, \"offset\": 1}], \"version\": 1}", NULL,
         0},
        {"command-config", true, "a properties file for the client", NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    struct admin a;
    struct targets targets = {0};
    json_t *root;
    char **rest;
    int rest_n;
    cli_parse(argc, argv, "moldau delete-records: delete the records of partitions before an offset", o,
              &rest, &rest_n);
    const char *bootstrap = cli_value(o, "bootstrap-server"), *file = cli_value(o, "offset-json-file");
    if (!bootstrap) tool_usage_error("Missing required argument \"[bootstrap-server]\"");
    if (!file) tool_usage_error("Missing required argument \"[offset-json-file]\"");
    parse(file, &root, &targets);
    printf("Executing records delete operation\n");
    if (admin_open(&a, o, bootstrap, NULL) == 0) delete_all(&a, &targets);
    else
        for (int32_t i = 0; i < targets.n; i++) fail_target(&a, &targets.v[i]);
    printf("Records delete operation completed:\n");
    print(&a, &targets);
    admin_close(&a);
    json_decref(root);
    free(targets.v);
    free(rest);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    return 0;
}
