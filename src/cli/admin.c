#include "cli/tools.h"
#include "base/hash.h"
#include "os/blocking.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int admin_open(struct admin *a, const struct cli_option *options, const char *bootstrap,
               const char *config_option)
{
    *a = (struct admin){.timeout_ms = 30000};
    strbuf_init(&a->why);
    const char *file = cli_value(options, "command-config");
    if (!file && config_option) file = cli_value(options, config_option);
    if (file && properties_file(&a->props, file, &a->why)) {
        fprintf(stderr, "%s\n", strbuf_cstr(&a->why));
        exit(1);
    }
    const char *protocol = properties_get(&a->props, "security.protocol");
    if (protocol && strcmp(protocol, "PLAINTEXT") != 0) {
        fprintf(stderr, "%s asks for security.protocol=%s, but this tool speaks PLAINTEXT only.\n", file,
                protocol);
        exit(1);
    }
    int64_t ms;
    const char *timeout = properties_get(&a->props, "request.timeout.ms");
    if (!timeout) timeout = properties_get(&a->props, "default.api.timeout.ms");
    if (timeout && parse_i64(timeout, &ms) && ms > 0) a->timeout_ms = (int32_t)min_i64(ms, INT32_MAX);
    struct client_conf conf = {.bootstrap = bootstrap,
                               .client_id = properties_get(&a->props, "client.id"),
                               .timeout_ms = a->timeout_ms};
    int rc = client_open(&a->c, &conf, &a->why);
    if (rc) snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.TimeoutException");
    return rc;
}

void admin_close(struct admin *a)
{
    client_close(&a->c);
    properties_free(&a->props);
    strbuf_fini(&a->why);
}

int admin_call(struct admin *a, int16_t key, int16_t version_max, const void *req, void *resp)
{
    strbuf_reset(&a->why);
    int rc = client_call(&a->c, CLIENT_ANY_NODE, key, version_max, req, resp, &a->why);
    if (rc)
        snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.%s",
                 rc == ERR_UNSUPPORTED_VERSION ? "UnsupportedVersionException" : "TimeoutException");
    return rc;
}

int admin_fail(struct admin *a, const char *exception, const char *fmt, ...)
{
    va_list ap;
    strbuf_reset(&a->why);
    va_start(ap, fmt);
    strbuf_vprintf(&a->why, fmt, ap);
    va_end(ap);
    snprintf(a->exception, sizeof a->exception, "%s", exception);
    return ERR_INVALID_REQUEST;
}

/* TOPIC_AUTHORIZATION_FAILED is TopicAuthorizationException; the few that do not follow the pattern are
 * listed. */
void exception_of(int16_t code, char out[128])
{
    static const struct {
        int16_t code;
        const char *name;
    } odd[] = {
        {KERR_TOPIC_ALREADY_EXISTS, "TopicExists"},     {KERR_INVALID_CONFIG, "InvalidConfiguration"},
        {KERR_INVALID_TOPIC_EXCEPTION, "InvalidTopic"}, {KERR_REQUEST_TIMED_OUT, "Timeout"},
        {KERR_UNKNOWN_SERVER_ERROR, "UnknownServer"},   {KERR_RECORD_LIST_TOO_LARGE, "RecordBatchTooLarge"},
        {KERR_MESSAGE_TOO_LARGE, "RecordTooLarge"},     {KERR_NON_EMPTY_GROUP, "GroupNotEmpty"}};
    char name[64];
    size_t at = 0;
    bool upper = true;
    for (size_t i = 0; i < NELEMS(odd); i++)
        if (odd[i].code == code) {
            snprintf(out, 128, "org.apache.kafka.common.errors.%sException", odd[i].name);
            return;
        }
    const char *s = kafka_error_name(code);
    size_t len = strlen(s);
    if (len > 7 && strcmp(s + len - 7, "_FAILED") == 0 && strstr(s, "AUTHORIZATION")) len -= 7;
    for (size_t i = 0; i < len && at < sizeof name - 1; i++) {
        char c = s[i];
        if (c != '_') name[at++] = (char)(upper || c < 'A' || c > 'Z' ? c : c + 32);
        upper = c == '_';
    }
    name[at] = 0;
    snprintf(out, 128, "org.apache.kafka.common.errors.%.63sException", name);
}

int admin_fail_code(struct admin *a, int16_t code, struct slice message)
{
    strbuf_reset(&a->why);
    if (message.n) strbuf_add(&a->why, message.p, message.n);
    else strbuf_add_cstr(&a->why, kafka_error_text(code));
    exception_of(code, a->exception);
    return -1000 - code;
}

void admin_log_error(const struct admin *a, const char *logger)
{
    int64_t ms = os_now_wall_ms();
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];
    localtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    fprintf(stderr, "[%s,%03d] ERROR %s: %s\n (%s)\n", text, (int)(ms % 1000), a->exception,
            strbuf_cstr(&a->why), logger);
}

void tool_usage_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n--help tells the options.\n");
    exit(1);
}

/* ---- names ---- */
struct name_filter {
    regex_t re;
};

int name_filter_new(struct name_filter **out, const char *text, struct strbuf *why)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_add_cstr(&b, "^(");
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == ' ') continue;
        if (*p == ',') strbuf_add_char(&b, '|');
        else if (p[0] == '\\' && p[1] == 'd') {
            strbuf_add_cstr(&b, "[0-9]");
            p++;
        } else if (p[0] == '(' && p[1] == '?' && p[2] == ':') {
            strbuf_add_char(&b, '(');
            p += 2;
        } else if (p[0] == '\\' && p[1]) {
            strbuf_add(&b, p, 2);
            p++;
        } else strbuf_add_char(&b, *p);
    }
    strbuf_add_cstr(&b, ")$");
    struct name_filter *f = xcalloc(1, sizeof *f);
    int rc = regcomp(&f->re, b.s, REG_EXTENDED | REG_NOSUB);
    strbuf_fini(&b);
    if (rc) {
        strbuf_printf(why, "%s is an invalid regex.", text);
        free(f);
        return ERR_INVALID_REGULAR_EXPRESSION;
    }
    *out = f;
    return 0;
}

void name_filter_free(struct name_filter *f)
{
    if (f) regfree(&f->re);
    free(f);
}

bool name_filter_match(const struct name_filter *f, struct slice name)
{
    char text[512];
    if (!f) return true;
    if (name.n >= sizeof text) return false;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    return regexec(&f->re, text, 0, NULL, 0) == 0;
}

bool topic_name_is_internal(struct slice name)
{
    return slice_eq_cstr(name, "__consumer_offsets") || slice_eq_cstr(name, "__transaction_state") ||
           slice_eq_cstr(name, "__share_group_state");
}

bool parse_i64(const char *s, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (end == s || *end || errno || s[0] == ' ') return false;
    *out = v;
    return true;
}

int64_t tool_number(const struct cli_option *o, const char *name, int64_t otherwise, int64_t min, int64_t max)
{
    const char *v = cli_value(o, name);
    int64_t n;
    if (!v) return otherwise;
    if (!parse_i64(v, &n) || n < min || n > max)
        tool_usage_error("--%s takes a whole number from %lld to %lld, not '%s'", name, (long long)min,
                         (long long)max, v);
    return n;
}

double tool_fraction(const struct cli_option *o, const char *name, double otherwise, double min, double max)
{
    const char *v = cli_value(o, name);
    char *end;
    if (!v) return otherwise;
    double x = strtod(v, &end);
    if (end == v || *end || !(x >= min && x <= max))
        tool_usage_error("--%s takes a number from %g to %g, not '%s'", name, min, max, v);
    return x;
}

uint32_t java_map_bucket(struct slice name, uint32_t buckets)
{
    uint32_t h = 0;
    for (size_t i = 0; i < name.n; i++) h = 31 * h + name.p[i];
    return (h ^ h >> 16) & (buckets - 1);
}

uint32_t java_map_buckets(int32_t entries, uint32_t start)
{
    uint32_t n = 1;
    while (n < start) n *= 2;
    while ((int64_t)entries * 4 > (int64_t)n * 3) n *= 2;
    return n;
}

void java_map_sort(struct slice *names, int32_t n, uint32_t start)
{
    uint32_t buckets = java_map_buckets(n, start);
    struct slice *out = xcalloc((size_t)n + 1, sizeof *out);
    size_t *at = xcalloc(buckets + 1, sizeof *at);
    for (int32_t i = 0; i < n; i++) at[java_map_bucket(names[i], buckets) + 1]++;
    for (uint32_t i = 0; i < buckets; i++) at[i + 1] += at[i];
    for (int32_t i = 0; i < n; i++) out[at[java_map_bucket(names[i], buckets)]++] = names[i];
    if (n) memcpy(names, out, (size_t)n * sizeof *names);
    free(out);
    free(at);
}

void java_hash_order(const uint32_t *hashes, int32_t n, uint32_t buckets, int32_t *order)
{
    size_t *at = xcalloc(buckets + 1, sizeof *at);
    for (int32_t i = 0; i < n; i++) at[((hashes[i] ^ hashes[i] >> 16) & (buckets - 1)) + 1]++;
    for (uint32_t i = 0; i < buckets; i++) at[i + 1] += at[i];
    for (int32_t i = 0; i < n; i++) order[at[(hashes[i] ^ hashes[i] >> 16) & (buckets - 1)]++] = i;
    free(at);
}

uint32_t java_topic_partition_hash(struct slice topic, int32_t part)
{
    return 31 * (31 + (uint32_t)part) + (uint32_t)java_string_hash(topic);
}

int slice_qsort_cmp(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

const char *config_source_name(int8_t source)
{
    static const char *const names[] = {"UNKNOWN",
                                        "DYNAMIC_TOPIC_CONFIG",
                                        "DYNAMIC_BROKER_CONFIG",
                                        "DYNAMIC_DEFAULT_BROKER_CONFIG",
                                        "STATIC_BROKER_CONFIG",
                                        "DEFAULT_CONFIG",
                                        "DYNAMIC_BROKER_LOGGER_CONFIG",
                                        "DYNAMIC_CLIENT_METRICS_CONFIG",
                                        "DYNAMIC_GROUP_CONFIG"};
    return source > 0 && (size_t)source < NELEMS(names) ? names[source] : names[0];
}
