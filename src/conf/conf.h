/* Configuration: one table of every setting (conf_table.h), and what follows from it: files, validation,
 * effective values with their sources, descriptions for DescribeConfigs, the reference page. No I/O: the
 * caller reads files. A struct conf belongs to one shard; give each shard its own copy (conf_copy). */
#ifndef MOLDAU_CONF_H
#define MOLDAU_CONF_H

#include "base/base.h"
#include "base/strbuf.h"
#include "conf/conf_table.h"

/* Topic settings begin at CONF_BROKER_COUNT, group settings at CONF_TOPIC_END, client metrics settings at
 * CONF_PERGROUP_END. */
enum conf_id {
#define X(id, ...) CONF_##id,
    CONF_TABLE_BROKER(X) CONF_TABLE_TOPIC(X) CONF_TABLE_PERGROUP(X) CONF_TABLE_CLIENT_METRICS(X) CONF_COUNT,
#undef X
#define X(...) +1
    CONF_BROKER_COUNT = CONF_TABLE_BROKER(X),
    CONF_TOPIC_END = CONF_BROKER_COUNT CONF_TABLE_TOPIC(X),
    CONF_PERGROUP_END = CONF_TOPIC_END CONF_TABLE_PERGROUP(X),
#undef X
};

/* The numbers are those of DescribeConfigs. */
enum conf_type {
    CONF_TYPE_UNKNOWN,
    CONF_TYPE_BOOLEAN,
    CONF_TYPE_STRING,
    CONF_TYPE_INT,
    CONF_TYPE_SHORT,
    CONF_TYPE_LONG,
    CONF_TYPE_DOUBLE,
    CONF_TYPE_LIST,
    CONF_TYPE_CLASS,
    CONF_TYPE_PASSWORD,
};

enum conf_scope {
    CONF_SCOPE_READ_ONLY,  /* the file only */
    CONF_SCOPE_PER_BROKER, /* changes at run time, for one broker */
    CONF_SCOPE_CLUSTER,    /* changes at run time, for one broker or all */
    CONF_SCOPE_TOPIC,
    CONF_SCOPE_GROUP,
    CONF_SCOPE_CLIENT_METRICS,
};

/* Where a value comes from; the numbers are those of DescribeConfigs. */
enum conf_source {
    CONF_SOURCE_TOPIC = 1,
    CONF_SOURCE_DYNAMIC_BROKER = 2,
    CONF_SOURCE_DYNAMIC_DEFAULT = 3,
    CONF_SOURCE_STATIC = 4,
    CONF_SOURCE_DEFAULT = 5,
    CONF_SOURCE_CLIENT_METRICS = 7,
    CONF_SOURCE_GROUP = 8,
};

/* What a value may be. Ranges hold for numbers; allowed is the text "a, b, c". */
enum conf_rule_kind {
    CONF_RULE_ANY,
    CONF_RULE_RANGE,
    CONF_RULE_ONE_OF,
    CONF_RULE_ONE_OF_NOCASE,
    CONF_RULE_LIST,
    CONF_RULE_NOT_EMPTY,
    CONF_RULE_GZIP_LEVEL,
    CONF_RULE_THROTTLED,
    CONF_RULE_OFFSET_RESET,
    CONF_RULE_VOTERS,
    CONF_RULE_BOOTSTRAP,
    CONF_RULE_MATCH,
};
struct conf_rule {
    enum conf_rule_kind kind;
    bool empty_allowed; /* of a list */
    double min, max;
    const char *allowed; /* NULL: anything */
};

enum conf_flag {
    CONF_NO_EFFECT = 0,
    CONF_EFFECT = 1,
    CONF_HIDDEN = 2,
    CONF_DYNAMIC_ONLY = 4,
};

struct conf_def {
    enum conf_id id;
    const char *name;
    size_t name_n;
    enum conf_type type;
    const char *def; /* NULL: no value */
    struct conf_rule rule;
    enum conf_scope scope;
    unsigned flags;
    const char *doc;
};

const struct conf_def *conf_def(enum conf_id id);
/* A broker, topic, group or client metrics setting by its name; NULL if there is none. */
const struct conf_def *conf_def_broker(struct slice name);
const struct conf_def *conf_def_topic(struct slice name);
const struct conf_def *conf_def_group(struct slice name);
const struct conf_def *conf_def_client_metrics(struct slice name);
/* Any of the above, in that order. */
const struct conf_def *conf_def_find(struct slice name);
/* The broker setting with the most similar name, NULL when nothing is near. */
const struct conf_def *conf_def_nearest(struct slice name);
static inline bool conf_def_sensitive(const struct conf_def *d)
{
    return d->type == CONF_TYPE_PASSWORD;
}
/* The i-th broker setting a topic or group setting falls back to and the factor between the units; NULL past
 * the last. */
const struct conf_def *conf_def_synonym(const struct conf_def *d, int i, int64_t *factor);

/* A parsed value. text is canonical: trimmed, numbers as Java prints them, lists without blanks. */
struct conf_value {
    char *text;    /* NULL: no value */
    size_t text_n; /* a string may hold zero bytes */
    int64_t i;     /* boolean, int, short, long */
    double d;
    struct slice *items; /* of a list; they point into text */
    size_t items_n;
};

enum conf_layer {
    CONF_LAYER_STATIC,          /* file and command line */
    CONF_LAYER_DYNAMIC_DEFAULT, /* set at run time for all brokers */
    CONF_LAYER_DYNAMIC_BROKER,  /* set at run time for this broker */
    CONF_LAYERS,
};

enum conf_security { CONF_PLAINTEXT, CONF_SSL, CONF_SASL_PLAINTEXT, CONF_SASL_SSL };
/* The numbers are those of Kafka's SecurityProtocol. */
const char *conf_security_name(enum conf_security s);

struct conf_listener {
    char *name; /* upper case */
    char *host; /* "" is every interface; IPv6 without brackets */
    int32_t port;
    enum conf_security security;
    bool controller; /* named in controller.listener.names */
};
struct conf_voter {
    int32_t node_id; /* -1 for a bootstrap server */
    char *host;
    int32_t port;
};

/* A key that is no setting of the table: a listener's or a plugin's, or one nobody knows. */
struct conf_extra {
    char *name;
    struct slice text[CONF_LAYERS]; /* as below */
};

struct conf {
    struct {
        struct slice text[CONF_LAYERS]; /* as it was written, by slice_own; null: not set in this layer */
        struct conf_value value;        /* in force */
    } settings[CONF_BROKER_COUNT];
    struct conf_extra *extras;
    size_t extras_n;

    /* Set by conf_finish. */
    struct conf_listener *listeners, *advertised;
    size_t listeners_n, advertised_n;
    struct conf_voter *voters, *bootstrap;
    size_t voters_n, bootstrap_n;
    char *inter_broker_listener; /* upper case; NULL without the broker role */
    bool is_broker, is_controller;
    bool solo; /* the only node, by moldau's defaults: see conf_finish */
};

void conf_init(struct conf *c);
void conf_fini(struct conf *c);
/* to is uninitialised. */
void conf_copy(struct conf *to, const struct conf *from);

/* Reads Java .properties text into the static layer; later keys win. Problems are appended to errors, one
 * sentence a line, unknown names with the nearest known one to warnings. Returns 0 or ERR_INVALID_CONFIG. */
int conf_load_file(struct conf *c, const char *text, size_t n, struct strbuf *errors,
                   struct strbuf *warnings) MUST_USE;
/* Sets one key; value.p == NULL takes it back. A bad value, or a name that this layer does not admit, is told
 * in one sentence in err and changes nothing: ERR_INVALID_CONFIG for the static layer, ERR_INVALID_REQUEST
 * for the dynamic ones, with the text Kafka gives. Unknown names are kept. */
int conf_set(struct conf *c, struct slice name, struct slice value, enum conf_layer layer,
             struct strbuf *err) MUST_USE;
/* The same without the change: what AlterConfigs with validate_only asks. */
int conf_set_check(const struct conf *c, struct slice name, struct slice value, enum conf_layer layer,
                   struct strbuf *err) MUST_USE;
/* "" or a sentence for a name that is no setting and of no known family. */
void conf_warn_unknown(struct slice name, struct strbuf *warnings);
/* Fills in moldau's defaults, checks what concerns several settings, and parses listeners and voters. To be
 * called after loading, and again after a dynamic change of listeners. Without controller.quorum.voters and
 * controller.quorum.bootstrap.servers, and with process.roles absent or both roles, the node is solo: node.id
 * 1, no controller listener needed, listeners=PLAINTEXT://localhost:9092, log.dirs=./moldau-data, internal
 * topics with one replica, group.initial.rebalance.delay.ms=0; each only where not set. Warnings name the
 * settings that were set but have no effect yet. Returns 0 or ERR_INVALID_CONFIG with sentences in errors. */
int conf_finish(struct conf *c, struct strbuf *errors, struct strbuf *warnings) MUST_USE;

/* The address at which this node's controller can be found: the advertised one where there is one. NULL: it
 * has no listener for controllers. */
const struct conf_listener *conf_controller_listener(const struct conf *c);

/* The value in force. The getters assert the setting's type and that it has a value; conf_has tells. */
bool conf_has(const struct conf *c, enum conf_id id);
int64_t conf_i64(const struct conf *c, enum conf_id id);
bool conf_bool(const struct conf *c, enum conf_id id);
double conf_double(const struct conf *c, enum conf_id id);
/* Strings, classes, passwords; NULL without a value. Never print a password. */
const char *conf_str(const struct conf *c, enum conf_id id);
const struct slice *conf_list(const struct conf *c, enum conf_id id, size_t *n);
enum conf_source conf_source(const struct conf *c, enum conf_id id);
/* A key that is not in the table, NULL if absent; the highest layer wins. */
const char *conf_extra(const struct conf *c, const char *name);
/* The text of a setting for a listener: listener.name.<listener>.<mechanism>.<name>, else
 * listener.name.<listener>.<name>, else the setting itself. mechanism may be NULL. */
const char *conf_listener_str(const struct conf *c, const char *listener, const char *mechanism,
                              enum conf_id id);
/* log.dirs, or log.dir. */
const struct slice *conf_log_dirs(const struct conf *c, size_t *n);

/* ---- topics, groups, client metrics: the broker's values and what was set for one of them ---- */

struct conf_override {
    struct slice name, value;
};

enum conf_compression {
    CONF_COMPRESSION_PRODUCER,
    CONF_COMPRESSION_UNCOMPRESSED,
    CONF_COMPRESSION_GZIP,
    CONF_COMPRESSION_SNAPPY,
    CONF_COMPRESSION_LZ4,
    CONF_COMPRESSION_ZSTD,
};

/* Effective settings of one topic. Plain data, except the two slices, which borrow from the overrides. */
struct conf_topic {
    bool cleanup_delete, cleanup_compact;
    bool preallocate, unclean_leader_election_enable;
    bool remote_storage_enable, remote_log_copy_disable, remote_log_delete_on_disable;
    bool message_timestamp_log_append; /* message.timestamp.type */
    enum conf_compression compression;
    int32_t compression_gzip_level, compression_lz4_level, compression_zstd_level;
    int32_t segment_bytes; /* internal.segment.bytes where that is set */
    int32_t segment_index_bytes, index_interval_bytes, max_message_bytes, min_insync_replicas;
    int64_t segment_ms, segment_jitter_ms, retention_ms, retention_bytes;
    int64_t local_retention_ms, local_retention_bytes; /* -2 already replaced by the retention */
    int64_t delete_retention_ms, file_delete_delay_ms, flush_messages, flush_ms;
    int64_t min_compaction_lag_ms, max_compaction_lag_ms;
    int64_t message_timestamp_before_max_ms, message_timestamp_after_max_ms;
    double min_cleanable_dirty_ratio;
    struct slice leader_throttled_replicas, follower_throttled_replicas;
};
/* Overrides that are unknown or invalid are passed over: they were refused when they came. */
void conf_topic_init(struct conf_topic *t, const struct conf *c, const struct conf_override *overrides,
                     size_t n);
/* One key and value of a topic; err gets what Kafka says. Returns 0 or ERR_INVALID_CONFIG. */
int conf_topic_validate(struct slice name, struct slice value, struct strbuf *err) MUST_USE;
/* All overrides of a topic as they would be after a change: each one, and what concerns several. */
int conf_topic_check(const struct conf *c, const struct conf_override *overrides, size_t n,
                     struct strbuf *err) MUST_USE;

/* Effective settings of one consumer, share or streams group. */
struct conf_group {
    int32_t consumer_session_timeout_ms, consumer_heartbeat_interval_ms, consumer_assignment_interval_ms;
    int32_t share_session_timeout_ms, share_heartbeat_interval_ms, share_assignment_interval_ms;
    int32_t share_record_lock_duration_ms, share_delivery_count_limit, share_partition_max_record_locks;
    int32_t streams_session_timeout_ms, streams_heartbeat_interval_ms, streams_assignment_interval_ms;
    int32_t streams_num_standby_replicas, streams_initial_rebalance_delay_ms;
    bool share_read_committed, share_renew_acknowledge_enable;
    enum { CONF_RESET_LATEST, CONF_RESET_EARLIEST, CONF_RESET_BY_DURATION } share_auto_offset_reset;
    int64_t share_auto_offset_reset_ms; /* of CONF_RESET_BY_DURATION */
};
void conf_group_init(struct conf_group *g, const struct conf *c, const struct conf_override *overrides,
                     size_t n);
int conf_group_validate(struct slice name, struct slice value, struct strbuf *err) MUST_USE;
int conf_group_check(const struct conf *c, const struct conf_override *overrides, size_t n,
                     struct strbuf *err) MUST_USE;
/* Returns 0, ERR_INVALID_REQUEST or ERR_INVALID_CONFIG, as Kafka does. */
int conf_client_metrics_validate(struct slice name, struct slice value, struct strbuf *err) MUST_USE;

/* The list that APPEND or SUBTRACT of IncrementalAlterConfigs leaves, in out. old is the value it starts from
 * (the override, or the default when there is none). ERR_INVALID_CONFIG if the setting is no list. */
int conf_list_append(const struct conf_def *d, struct slice old, struct slice add, struct strbuf *out,
                     struct strbuf *err) MUST_USE;
int conf_list_subtract(const struct conf_def *d, struct slice old, struct slice take, struct strbuf *out,
                       struct strbuf *err) MUST_USE;

/* ---- DescribeConfigs ---- */

struct conf_synonym {
    const char *name;
    struct slice value; /* null: none, or sensitive */
    enum conf_source source;
};
#define CONF_SYNONYMS_MAX 16
struct conf_entry {
    const char *name;
    struct slice value; /* null: none, or sensitive */
    enum conf_source source;
    bool is_default, read_only, sensitive;
    enum conf_type type;
    const char *doc; /* NULL for names that are not in the table */
    struct conf_synonym synonyms[CONF_SYNONYMS_MAX];
    int synonyms_n;
};
/* The entry and all it points to are valid for the call. */
typedef void conf_describe_cb(void *ctx, const struct conf_entry *e);
void conf_describe_broker(const struct conf *c, void *ctx, conf_describe_cb *cb);
/* What is set for all brokers (the resource "" of brokers). */
void conf_describe_cluster(const struct conf *c, void *ctx, conf_describe_cb *cb);
void conf_describe_topic(const struct conf *c, const struct conf_override *overrides, size_t n, void *ctx,
                         conf_describe_cb *cb);
void conf_describe_group(const struct conf *c, const struct conf_override *overrides, size_t n, void *ctx,
                         conf_describe_cb *cb);
void conf_describe_client_metrics(const struct conf_override *overrides, size_t n, void *ctx,
                                  conf_describe_cb *cb);

/* The reference page of all settings, as Markdown. */
void conf_print_reference(struct strbuf *out);

/* host:port, the host perhaps empty or in brackets; host borrows from s. ERR_FORMAT. */
int conf_host_port_parse(struct slice s, struct slice *host, int32_t *port) MUST_USE;

#endif
