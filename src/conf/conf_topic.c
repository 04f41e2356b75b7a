/* Settings of one topic, group or client metrics subscription: what was set for it over what the broker says.
 */
#include "conf/conf_int.h"
#include "base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void conf_value_fallback(const struct conf *c, const struct conf_def *d, struct conf_value *out)
{
    int64_t factor;
    const struct conf_def *s;
    for (int i = 0; c && (s = conf_def_synonym(d, i, &factor)) != NULL; i++) {
        const struct conf_value *v = &c->settings[s->id].value;
        if (!v->text) continue;
        *out = (struct conf_value){
            .i = v->i, .d = v->d, .text = xstrndup(v->text, v->text_n), .text_n = v->text_n};
        if (d->type == CONF_TYPE_LIST) {
            out->items = xcalloc(v->items_n + 1, sizeof *out->items);
            out->items_n = conf_split(conf_value_slice(out), out->items);
        }
        if (factor == 1 && d->id != CONF_TOPIC_RETENTION_MS) return;
        if (__builtin_mul_overflow(out->i, factor, &out->i)) out->i = out->i < 0 ? INT64_MIN : INT64_MAX;
        if (d->id == CONF_TOPIC_RETENTION_MS && out->i < 0) out->i = -1;
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)out->i);
        free(out->text);
        out->text = xstrdup(text);
        out->text_n = strlen(text);
        return;
    }
    *out = (struct conf_value){0};
    if (!d->def) return;
    struct strbuf err;
    strbuf_init(&err);
    int rc = conf_value_parse(d, slice_cstr(d->def), out, &err);
    ASSERT(rc == 0);
    strbuf_fini(&err);
}

bool conf_value_effective(const struct conf *c, const struct conf_def *d,
                          const struct conf_override *overrides, size_t n, struct conf_value *out)
{
    struct strbuf err;
    strbuf_init(&err);
    bool found = false;
    for (size_t i = n; i-- > 0 && !found;)
        found = slice_eq_cstr(overrides[i].name, d->name) && overrides[i].value.p &&
                conf_value_parse(d, overrides[i].value, out, &err) == 0;
    strbuf_fini(&err);
    if (!found) conf_value_fallback(c, d, out);
    return found;
}

struct source {
    const struct conf *c;
    const struct conf_override *overrides;
    size_t n;
};

static int64_t get_i64(const struct source *s, enum conf_id id)
{
    struct conf_value v;
    conf_value_effective(s->c, conf_def(id), s->overrides, s->n, &v);
    int64_t i = v.i;
    conf_value_fini(&v);
    return i;
}
static int32_t get_i32(const struct source *s, enum conf_id id)
{
    return (int32_t)get_i64(s, id);
}
static bool get_bool(const struct source *s, enum conf_id id)
{
    return get_i64(s, id) != 0;
}

static bool get_is(const struct source *s, enum conf_id id, const char *text)
{
    struct conf_value v;
    conf_value_effective(s->c, conf_def(id), s->overrides, s->n, &v);
    bool is = strcasecmp(v.text, text) == 0;
    conf_value_fini(&v);
    return is;
}

static bool get_has(const struct source *s, enum conf_id id, const char *item)
{
    struct conf_value v;
    conf_value_effective(s->c, conf_def(id), s->overrides, s->n, &v);
    bool has = false;
    for (size_t i = 0; i < v.items_n; i++) has |= slice_eq_cstr(v.items[i], item);
    conf_value_fini(&v);
    return has;
}

static struct slice get_borrowed(const struct source *s, enum conf_id id)
{
    for (size_t i = s->n; i-- > 0;)
        if (slice_eq_cstr(s->overrides[i].name, conf_def(id)->name)) return conf_trim(s->overrides[i].value);
    return slice_cstr("");
}

static enum conf_compression get_compression(const struct source *s)
{
    static const char *const names[] = {"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"};
    for (size_t i = 1; i < NELEMS(names); i++)
        if (get_is(s, CONF_TOPIC_COMPRESSION_TYPE, names[i])) return (enum conf_compression)i;
    return CONF_COMPRESSION_PRODUCER;
}

void conf_topic_init(struct conf_topic *t, const struct conf *c, const struct conf_override *overrides,
                     size_t n)
{
    const struct source s = {c, overrides, n};
    *t = (struct conf_topic){
        .cleanup_delete = get_has(&s, CONF_TOPIC_CLEANUP_POLICY, "delete"),
        .cleanup_compact = get_has(&s, CONF_TOPIC_CLEANUP_POLICY, "compact"),
        .preallocate = get_bool(&s, CONF_TOPIC_PREALLOCATE),
        .unclean_leader_election_enable = get_bool(&s, CONF_TOPIC_UNCLEAN_LEADER_ELECTION_ENABLE),
        .remote_storage_enable = get_bool(&s, CONF_TOPIC_REMOTE_STORAGE_ENABLE),
        .remote_log_copy_disable = get_bool(&s, CONF_TOPIC_REMOTE_LOG_COPY_DISABLE),
        .remote_log_delete_on_disable = get_bool(&s, CONF_TOPIC_REMOTE_LOG_DELETE_ON_DISABLE),
        .message_timestamp_log_append = get_is(&s, CONF_TOPIC_MESSAGE_TIMESTAMP_TYPE, "LogAppendTime"),
        .compression = get_compression(&s),
        .compression_gzip_level = get_i32(&s, CONF_TOPIC_COMPRESSION_GZIP_LEVEL),
        .compression_lz4_level = get_i32(&s, CONF_TOPIC_COMPRESSION_LZ4_LEVEL),
        .compression_zstd_level = get_i32(&s, CONF_TOPIC_COMPRESSION_ZSTD_LEVEL),
        .segment_bytes = get_i32(&s, CONF_TOPIC_SEGMENT_BYTES),
        .segment_index_bytes = get_i32(&s, CONF_TOPIC_SEGMENT_INDEX_BYTES),
        .index_interval_bytes = get_i32(&s, CONF_TOPIC_INDEX_INTERVAL_BYTES),
        .max_message_bytes = get_i32(&s, CONF_TOPIC_MAX_MESSAGE_BYTES),
        .min_insync_replicas = get_i32(&s, CONF_TOPIC_MIN_INSYNC_REPLICAS),
        .segment_ms = get_i64(&s, CONF_TOPIC_SEGMENT_MS),
        .segment_jitter_ms = get_i64(&s, CONF_TOPIC_SEGMENT_JITTER_MS),
        .retention_ms = get_i64(&s, CONF_TOPIC_RETENTION_MS),
        .retention_bytes = get_i64(&s, CONF_TOPIC_RETENTION_BYTES),
        .local_retention_ms = get_i64(&s, CONF_TOPIC_LOCAL_RETENTION_MS),
        .local_retention_bytes = get_i64(&s, CONF_TOPIC_LOCAL_RETENTION_BYTES),
        .delete_retention_ms = get_i64(&s, CONF_TOPIC_DELETE_RETENTION_MS),
        .file_delete_delay_ms = get_i64(&s, CONF_TOPIC_FILE_DELETE_DELAY_MS),
        .flush_messages = get_i64(&s, CONF_TOPIC_FLUSH_MESSAGES),
        .flush_ms = get_i64(&s, CONF_TOPIC_FLUSH_MS),
        .min_compaction_lag_ms = get_i64(&s, CONF_TOPIC_MIN_COMPACTION_LAG_MS),
        .max_compaction_lag_ms = get_i64(&s, CONF_TOPIC_MAX_COMPACTION_LAG_MS),
        .message_timestamp_before_max_ms = get_i64(&s, CONF_TOPIC_MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
        .message_timestamp_after_max_ms = get_i64(&s, CONF_TOPIC_MESSAGE_TIMESTAMP_AFTER_MAX_MS),
        .leader_throttled_replicas = get_borrowed(&s, CONF_TOPIC_LEADER_REPLICATION_THROTTLED_REPLICAS),
        .follower_throttled_replicas = get_borrowed(&s, CONF_TOPIC_FOLLOWER_REPLICATION_THROTTLED_REPLICAS),
    };
    struct conf_value v;
    conf_value_effective(c, conf_def(CONF_TOPIC_MIN_CLEANABLE_DIRTY_RATIO), overrides, n, &v);
    t->min_cleanable_dirty_ratio = v.d;
    conf_value_fini(&v);
    if (conf_value_effective(c, conf_def(CONF_TOPIC_INTERNAL_SEGMENT_BYTES), overrides, n, &v)) {
        t->segment_bytes = (int32_t)v.i;
        conf_value_fini(&v);
    }
    if (t->local_retention_ms == -2) t->local_retention_ms = t->retention_ms;
    if (t->local_retention_bytes == -2) t->local_retention_bytes = t->retention_bytes;
}

static int one_validate(const struct conf_def *d, const char *what, struct slice name, struct slice value,
                        struct strbuf *err)
{
    if (!d) {
        strbuf_printf(err, "Unknown %s config name: ", what);
        strbuf_add_slice(err, name);
        return ERR_INVALID_CONFIG;
    }
    struct conf_value v;
    int rc = conf_value_parse(d, value, &v, err);
    if (!rc) conf_value_fini(&v);
    return rc;
}

int conf_topic_validate(struct slice name, struct slice value, struct strbuf *err)
{
    return one_validate(conf_def_topic(name), "topic", name, value, err);
}

static int local_retention_check(int64_t local, int64_t total, const char *name, const char *total_name,
                                 struct strbuf *err)
{
    if (local == -2 || total == -1) return 0;
    if (local != -1 && local <= total) return 0;
    strbuf_printf(err,
                  "Invalid value %lld for configuration %s: Value must not be more than %s, which is %lld",
                  (long long)local, name, total_name, (long long)total);
    return ERR_INVALID_CONFIG;
}

static int remote_check(const struct conf *c, const struct source *s, struct strbuf *err)
{
    if (!get_bool(s, CONF_TOPIC_REMOTE_STORAGE_ENABLE)) return 0;
    if (!conf_bool(c, CONF_REMOTE_LOG_STORAGE_SYSTEM_ENABLE)) {
        strbuf_add_cstr(
            err, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with "
                 "remote log storage.");
        return ERR_INVALID_CONFIG;
    }
    if (get_has(s, CONF_TOPIC_CLEANUP_POLICY, "compact")) {
        strbuf_add_cstr(err, "remote.storage.enable needs a cleanup.policy without compact");
        return ERR_INVALID_CONFIG;
    }
    int64_t retention_ms = get_i64(s, CONF_TOPIC_RETENTION_MS),
            local_ms = get_i64(s, CONF_TOPIC_LOCAL_RETENTION_MS);
    int64_t retention_bytes = get_i64(s, CONF_TOPIC_RETENTION_BYTES);
    int64_t local_bytes = get_i64(s, CONF_TOPIC_LOCAL_RETENTION_BYTES);
    int rc =
        local_retention_check(local_bytes, retention_bytes, "local.retention.bytes", "retention.bytes", err);
    if (!rc) rc = local_retention_check(local_ms, retention_ms, "local.retention.ms", "retention.ms", err);
    if (!rc && get_bool(s, CONF_TOPIC_REMOTE_LOG_COPY_DISABLE) &&
        ((local_ms != -2 && local_ms != retention_ms) ||
         (local_bytes != -2 && local_bytes != retention_bytes))) {
        strbuf_add_cstr(err,
                        "remote.log.copy.disable needs local.retention.ms and local.retention.bytes equal to "
                        "retention.ms and retention.bytes: nothing more leaves the local disk");
        rc = ERR_INVALID_CONFIG;
    }
    return rc;
}

int conf_topic_check(const struct conf *c, const struct conf_override *overrides, size_t n,
                     struct strbuf *err)
{
    const struct source s = {c, overrides, n};
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++)
        rc = conf_topic_validate(overrides[i].name, overrides[i].value, err);
    return rc ? rc : remote_check(c, &s, err);
}

/* ---- groups ---- */

int conf_group_validate(struct slice name, struct slice value, struct strbuf *err)
{
    return one_validate(conf_def_group(name), "group", name, value, err);
}

/* A group's setting and the bounds the broker gives it; CONF_COUNT where there is none. */
struct bound {
    enum conf_id id, min, max;
};
static const struct bound bounds[] = {
#define TIMES(g)                                                                                             \
    {CONF_PERGROUP_##g##_HEARTBEAT_INTERVAL_MS, CONF_GROUP_##g##_MIN_HEARTBEAT_INTERVAL_MS,                  \
     CONF_GROUP_##g##_MAX_HEARTBEAT_INTERVAL_MS},                                                            \
        {CONF_PERGROUP_##g##_SESSION_TIMEOUT_MS, CONF_GROUP_##g##_MIN_SESSION_TIMEOUT_MS,                    \
         CONF_GROUP_##g##_MAX_SESSION_TIMEOUT_MS},                                                           \
    {                                                                                                        \
        CONF_PERGROUP_##g##_ASSIGNMENT_INTERVAL_MS, CONF_GROUP_##g##_MIN_ASSIGNMENT_INTERVAL_MS,             \
            CONF_GROUP_##g##_MAX_ASSIGNMENT_INTERVAL_MS                                                      \
    }
    TIMES(CONSUMER),
    TIMES(SHARE),
    TIMES(STREAMS),
#undef TIMES
    {CONF_PERGROUP_SHARE_RECORD_LOCK_DURATION_MS, CONF_GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS,
     CONF_GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS},
    {CONF_PERGROUP_SHARE_DELIVERY_COUNT_LIMIT, CONF_GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT,
     CONF_GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT},
    {CONF_PERGROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, CONF_GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS,
     CONF_GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS},
    {CONF_PERGROUP_STREAMS_NUM_STANDBY_REPLICAS, CONF_COUNT, CONF_GROUP_STREAMS_MAX_STANDBY_REPLICAS},
};

static const struct bound *bound_of(enum conf_id id)
{
    for (size_t i = 0; i < NELEMS(bounds); i++)
        if (bounds[i].id == id) return &bounds[i];
    return NULL;
}

/* The broker's bounds hold also when they came after the group's value. */
static int32_t get_bounded(const struct source *s, enum conf_id id)
{
    const struct bound *b = bound_of(id);
    int64_t v = get_i64(s, id);
    if (b && b->min != CONF_COUNT) v = max_i64(v, conf_i64(s->c, b->min));
    if (b) v = min_i64(v, conf_i64(s->c, b->max));
    return (int32_t)v;
}

void conf_group_init(struct conf_group *g, const struct conf *c, const struct conf_override *overrides,
                     size_t n)
{
    const struct source s = {c, overrides, n};
    *g = (struct conf_group){
        .consumer_session_timeout_ms = get_bounded(&s, CONF_PERGROUP_CONSUMER_SESSION_TIMEOUT_MS),
        .consumer_heartbeat_interval_ms = get_bounded(&s, CONF_PERGROUP_CONSUMER_HEARTBEAT_INTERVAL_MS),
        .consumer_assignment_interval_ms = get_bounded(&s, CONF_PERGROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS),
        .share_session_timeout_ms = get_bounded(&s, CONF_PERGROUP_SHARE_SESSION_TIMEOUT_MS),
        .share_heartbeat_interval_ms = get_bounded(&s, CONF_PERGROUP_SHARE_HEARTBEAT_INTERVAL_MS),
        .share_assignment_interval_ms = get_bounded(&s, CONF_PERGROUP_SHARE_ASSIGNMENT_INTERVAL_MS),
        .share_record_lock_duration_ms = get_bounded(&s, CONF_PERGROUP_SHARE_RECORD_LOCK_DURATION_MS),
        .share_delivery_count_limit = get_bounded(&s, CONF_PERGROUP_SHARE_DELIVERY_COUNT_LIMIT),
        .share_partition_max_record_locks = get_bounded(&s, CONF_PERGROUP_SHARE_PARTITION_MAX_RECORD_LOCKS),
        .streams_session_timeout_ms = get_bounded(&s, CONF_PERGROUP_STREAMS_SESSION_TIMEOUT_MS),
        .streams_heartbeat_interval_ms = get_bounded(&s, CONF_PERGROUP_STREAMS_HEARTBEAT_INTERVAL_MS),
        .streams_assignment_interval_ms = get_bounded(&s, CONF_PERGROUP_STREAMS_ASSIGNMENT_INTERVAL_MS),
        .streams_num_standby_replicas = get_bounded(&s, CONF_PERGROUP_STREAMS_NUM_STANDBY_REPLICAS),
        .streams_initial_rebalance_delay_ms =
            get_bounded(&s, CONF_PERGROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS),
        .share_read_committed = get_is(&s, CONF_PERGROUP_SHARE_ISOLATION_LEVEL, "read_committed"),
        .share_renew_acknowledge_enable = get_bool(&s, CONF_PERGROUP_SHARE_RENEW_ACKNOWLEDGE_ENABLE),
    };
    struct conf_value v;
    conf_value_effective(c, conf_def(CONF_PERGROUP_SHARE_AUTO_OFFSET_RESET), overrides, n, &v);
    g->share_auto_offset_reset =
        strcasecmp(v.text, "earliest") == 0 ? CONF_RESET_EARLIEST : CONF_RESET_LATEST;
    if (v.text_n > 12 &&
        !conf_duration_parse(slice_of(v.text + 12, v.text_n - 12), &g->share_auto_offset_reset_ms))
        g->share_auto_offset_reset = CONF_RESET_BY_DURATION;
    conf_value_fini(&v);
}

static int must_be(struct strbuf *err, enum conf_id a, const char *relation, enum conf_id b)
{
    strbuf_printf(err, "%s must be %s %s", conf_def(a)->name, relation, conf_def(b)->name);
    return ERR_INVALID_CONFIG;
}

int conf_group_check(const struct conf *c, const struct conf_override *overrides, size_t n,
                     struct strbuf *err)
{
    const struct source s = {c, overrides, n};
    for (size_t i = 0; i < n; i++) {
        int rc = conf_group_validate(overrides[i].name, overrides[i].value, err);
        if (rc) return rc;
    }
    for (size_t i = 0; i < NELEMS(bounds); i++) {
        const struct bound *b = &bounds[i];
        int64_t v = get_i64(&s, b->id);
        if (b->min != CONF_COUNT && v < conf_i64(c, b->min))
            return must_be(err, b->id, "greater than or equal to", b->min);
        if (v > conf_i64(c, b->max)) return must_be(err, b->id, "less than or equal to", b->max);
    }
    static const enum conf_id pairs[][2] = {
        {CONF_PERGROUP_CONSUMER_SESSION_TIMEOUT_MS, CONF_PERGROUP_CONSUMER_HEARTBEAT_INTERVAL_MS},
        {CONF_PERGROUP_SHARE_SESSION_TIMEOUT_MS, CONF_PERGROUP_SHARE_HEARTBEAT_INTERVAL_MS},
        {CONF_PERGROUP_STREAMS_SESSION_TIMEOUT_MS, CONF_PERGROUP_STREAMS_HEARTBEAT_INTERVAL_MS},
    };
    for (size_t i = 0; i < NELEMS(pairs); i++)
        if (get_i64(&s, pairs[i][0]) <= get_i64(&s, pairs[i][1]))
            return must_be(err, pairs[i][0], "greater than", pairs[i][1]);
    return 0;
}

int conf_client_metrics_validate(struct slice name, struct slice value, struct strbuf *err)
{
    const struct conf_def *d = conf_def_client_metrics(name);
    if (!d) {
        strbuf_add_cstr(err, "Unknown client metrics configuration: ");
        strbuf_add_slice(err, name);
        return ERR_INVALID_REQUEST;
    }
    int64_t v;
    if (d->id == CONF_CLIENT_METRICS_INTERVAL_MS &&
        !conf_int_parse(conf_trim(value), INT32_MIN, INT32_MAX, &v) &&
        (v < (int64_t)d->rule.min || v > (int64_t)d->rule.max)) {
        strbuf_printf(err,
                      "Invalid value %lld for interval.ms, interval must be between 100 and 3600000 (1 hour)",
                      (long long)v);
        return ERR_INVALID_REQUEST;
    }
    return one_validate(d, "client metrics", name, value, err);
}
