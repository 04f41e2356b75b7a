#include "conf/conf_int.h"
#include "base/err.h"
#include "base/test.h"

/* Who knows Kafka searches for its words. */
TEST(the_docs_of_topic_settings_hold_the_words_people_search_for)
{
    static const struct {
        enum conf_id id;
        const char *words[3];
    } want[] = {
        {CONF_TOPIC_RETENTION_MS, {"retained", "deleted", "messages"}},
        {CONF_TOPIC_RETENTION_BYTES, {"retained", "deleted", "partition"}},
        {CONF_TOPIC_DELETE_RETENTION_MS, {"tombstones", "delete markers", "retains"}},
        {CONF_TOPIC_MIN_CLEANABLE_DIRTY_RATIO, {"log cleaner", "dirty", "ratio"}},
        {CONF_TOPIC_FLUSH_MS, {"flushed", "fsync", "disk"}},
        {CONF_TOPIC_SEGMENT_MS, {"rolls", "segment", "retention"}},
        {CONF_TOPIC_SEGMENT_BYTES, {"rolls", "segment file", "retention"}},
        {CONF_TOPIC_SEGMENT_JITTER_MS, {"jitter", "random", "roll"}},
        {CONF_TOPIC_MIN_INSYNC_REPLICAS, {"ISR", "acks=all", "in sync"}},
        {CONF_TOPIC_UNCLEAN_LEADER_ELECTION_ENABLE, {"ISR", "elected leader", "in sync"}},
        {CONF_TOPIC_MAX_MESSAGE_BYTES, {"record batch", "compression", "rejected"}},
        {CONF_TOPIC_MESSAGE_TIMESTAMP_TYPE, {"timestamp", "LogAppendTime", "CreateTime"}},
        {CONF_TOPIC_REMOTE_STORAGE_ENABLE, {"remote", "tiered", "segments"}},
        {CONF_TOPIC_LOCAL_RETENTION_MS, {"tiered", "retained", "local"}},
        {CONF_TOPIC_FOLLOWER_REPLICATION_THROTTLED_REPLICAS, {"throttled", "follower", "replication"}},
        {CONF_TOPIC_CLEANUP_POLICY, {"retention", "compact", "delete"}},
        {CONF_TOPIC_INDEX_INTERVAL_BYTES, {"index", "offset", "messages"}},
        {CONF_TOPIC_PREALLOCATE, {"Preallocates", "segment", "disk"}},
    };
    for (size_t i = 0; i < NELEMS(want); i++)
        for (size_t k = 0; k < NELEMS(want[i].words); k++)
            CHECK(strstr(conf_def(want[i].id)->doc, want[i].words[k]));
}

TEST_MAIN

/* What a test needs all the time: a configuration and the sentences it gave. */
struct fixture {
    struct conf c;
    struct strbuf errors, warnings;
};

static void setup(struct fixture *f)
{
    conf_init(&f->c);
    strbuf_init(&f->errors);
    strbuf_init(&f->warnings);
}

static void teardown(struct fixture *f)
{
    conf_fini(&f->c);
    strbuf_fini(&f->errors);
    strbuf_fini(&f->warnings);
}

static int load(struct fixture *f, const char *text)
{
    return conf_load_file(&f->c, text, strlen(text), &f->errors, &f->warnings);
}

static int finish(struct fixture *f)
{
    return conf_finish(&f->c, &f->errors, &f->warnings);
}

static int set(struct fixture *f, const char *name, const char *value, enum conf_layer layer)
{
    strbuf_reset(&f->errors);
    return conf_set(&f->c, slice_cstr(name), slice_cstr(value), layer, &f->errors);
}

TEST(every_setting_has_a_doc_and_a_default_that_passes_its_own_rule)
{
    struct strbuf err;
    strbuf_init(&err);
    for (int i = 0; i < CONF_COUNT; i++) {
        const struct conf_def *d = conf_def((enum conf_id)i);
        CHECK(d->id == (enum conf_id)i && d->name && strlen(d->doc) > 10 &&
              d->doc[strlen(d->doc) - 1] == '.');
        struct conf_value v;
        if (!d->def) continue;
        strbuf_reset(&err);
        int rc = conf_value_parse(d, slice_cstr(d->def), &v, &err);
        if (rc) printf("  %s\n", strbuf_cstr(&err));
        CHECK_INT(rc, 0);
        CHECK_STR(v.text, d->def);
        conf_value_fini(&v);
    }
    strbuf_fini(&err);
    CHECK_INT(CONF_TOPIC_END - CONF_BROKER_COUNT, 34);
    CHECK_INT(CONF_PERGROUP_END - CONF_TOPIC_END, 17);
}

TEST(properties_syntax_follows_java)
{
    struct fixture f;
    setup(&f);
    CHECK_INT(load(&f, "# comment\n! another = comment\n   \n"
                       "a=1\n"
                       "b : 2\r\n"
                       "c 3\r"
                       "  d\t=\t4  \n"
                       "e\n"
                       "f = one, \\\n    two,\\\r\n\tthree\n"
                       "g\\ h\\:i\\=j = k\\\\l\\tm\n"
                       "u = \\u0041\\u00e4\\ud83d\\ude00\n"
                       "#x = \\\n"
                       "z==:x\n"
                       "a=again"),
              0);
    CHECK_STR(conf_extra(&f.c, "a"), "again");
    CHECK_STR(conf_extra(&f.c, "b"), "2");
    CHECK_STR(conf_extra(&f.c, "c"), "3");
    CHECK_STR(conf_extra(&f.c, "d"), "4  ");
    CHECK_STR(conf_extra(&f.c, "e"), "");
    CHECK_STR(conf_extra(&f.c, "f"), "one, two,three");
    CHECK_STR(conf_extra(&f.c, "g h:i=j"), "k\\l\tm");
    CHECK_STR(conf_extra(&f.c, "u"), "A\xc3\xa4\xf0\x9f\x98\x80");
    CHECK_STR(conf_extra(&f.c, "z"), "=:x");
    CHECK(conf_extra(&f.c, "#x") == NULL);
    CHECK_INT(load(&f, "q=\\u00g1\n"), ERR_INVALID_CONFIG);
    CHECK(strstr(strbuf_cstr(&f.errors), "the setting q") != NULL);
    teardown(&f);
}

TEST(values_are_typed_trimmed_and_canonical)
{
    struct fixture f;
    size_t n;
    setup(&f);
    CHECK_INT(
        load(&f, "num.io.threads = +5 \nauto.create.topics.enable= FALSE\nlog.cleaner.min.cleanable.ratio=1\n"
                 "log.cleanup.policy= compact , delete,delete\nbroker.rack=  a b \n"
                 "log.cleaner.io.max.bytes.per.second=1e3\n"),
        0);
    CHECK_INT(conf_i64(&f.c, CONF_NUM_IO_THREADS), 5);
    CHECK_STR(conf_str(&f.c, CONF_NUM_IO_THREADS), "5");
    CHECK(!conf_bool(&f.c, CONF_AUTO_CREATE_TOPICS_ENABLE));
    CHECK_STR(conf_str(&f.c, CONF_LOG_CLEANER_MIN_CLEANABLE_RATIO), "1.0");
    CHECK(conf_double(&f.c, CONF_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND) == 1000);
    CHECK_STR(conf_str(&f.c, CONF_BROKER_RACK), "a b");
    const struct slice *l = conf_list(&f.c, CONF_LOG_CLEANUP_POLICY, &n);
    CHECK_INT(n, 2);
    CHECK(slice_eq_cstr(l[0], "compact") && slice_eq_cstr(l[1], "delete"));
    CHECK_STR(conf_str(&f.c, CONF_LOG_CLEANUP_POLICY), "compact,delete");
    CHECK(!conf_has(&f.c, CONF_LOG_ROLL_MS));
    teardown(&f);
}

TEST(doubles_print_as_in_java)
{
    static const struct {
        double d;
        const char *text;
    } cases[] = {{0.5, "0.5"},
                 {1, "1.0"},
                 {0, "0.0"},
                 {1e7, "1.0E7"},
                 {123456.75, "123456.75"},
                 {0.001, "0.001"},
                 {0.0001, "1.0E-4"},
                 {0.00123, "0.00123"},
                 {-2.5e10, "-2.5E10"},
                 {9999999, "9999999.0"},
                 {1.7976931348623157e308, "1.7976931348623157E308"}};
    char out[40];
    for (size_t i = 0; i < NELEMS(cases); i++) {
        conf_double_format(cases[i].d, out);
        CHECK_STR(out, cases[i].text);
    }
}

/* The sentences of Apache Kafka 4.3.1 for the same values, which clients show. */
TEST(refused_topic_values_are_told_as_kafka_tells_them)
{
    static const char *const cases[][3] = {
        {"foo", "1", "Unknown topic config name: foo"},
        {"retention.ms", "abc",
         "Invalid value abc for configuration retention.ms: Not a number of type LONG"},
        {"retention.ms", "-5", "Invalid value -5 for configuration retention.ms: Value must be at least -1"},
        {"retention.ms", "99999999999999999999",
         "Invalid value 99999999999999999999 for configuration retention.ms: Not a number of type LONG"},
        {"segment.bytes", "10",
         "Invalid value 10 for configuration segment.bytes: Value must be at least 1048576"},
        {"segment.bytes", "1.5",
         "Invalid value 1.5 for configuration segment.bytes: Not a number of type INT"},
        {"cleanup.policy", "bad",
         "Invalid value bad for configuration cleanup.policy: String must be one of: compact, delete"},
        {"cleanup.policy", "delete,,compact", "Configuration 'cleanup.policy' values must not be empty."},
        {"compression.type", "foo",
         "Invalid value foo for configuration compression.type: String must be one of: uncompressed, zstd, "
         "lz4, snappy, "
         "gzip, producer"},
        {"preallocate", "yes",
         "Invalid value yes for configuration preallocate: Expected value to be either true or false"},
        {"min.cleanable.dirty.ratio", "2",
         "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"},
        {"min.cleanable.dirty.ratio", "x",
         "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"},
        {"compression.gzip.level", "0",
         "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal "
         "to -1"},
        {"compression.zstd.level", "50",
         "Invalid value 50 for configuration compression.zstd.level: Value must be no more than 22"},
        {"min.insync.replicas", "2147483648",
         "Invalid value 2147483648 for configuration min.insync.replicas: Not a number of type INT"},
        {"retention.bytes", "",
         "Invalid value  for configuration retention.bytes: Not a number of type LONG"},
    };
    static const char *const fine[][2] = {{"cleanup.policy", ""},
                                          {"preallocate", " TRUE "},
                                          {"retention.ms", " 77 "},
                                          {"leader.replication.throttled.replicas", "*"},
                                          {"leader.replication.throttled.replicas", "0:1,1:2"},
                                          {"internal.segment.bytes", "100"},
                                          {"retention.ms", "9223372036854775807"}};
    struct strbuf err;
    strbuf_init(&err);
    for (size_t i = 0; i < NELEMS(cases); i++) {
        strbuf_reset(&err);
        CHECK_INT(conf_topic_validate(slice_cstr(cases[i][0]), slice_cstr(cases[i][1]), &err),
                  ERR_INVALID_CONFIG);
        CHECK_STR(strbuf_cstr(&err), cases[i][2]);
    }
    for (size_t i = 0; i < NELEMS(fine); i++)
        CHECK_INT(conf_topic_validate(slice_cstr(fine[i][0]), slice_cstr(fine[i][1]), &err), 0);
    CHECK_INT(conf_topic_validate(slice_cstr("leader.replication.throttled.replicas"), slice_cstr("x"), &err),
              ERR_INVALID_CONFIG);
    strbuf_fini(&err);
}

TEST(groups_keep_within_the_brokers_bounds)
{
    struct fixture f;
    struct conf_group g;
    setup(&f);
    static const char *const cases[][3] = {
        {"foo", "1", "Unknown group config name: foo"},
        {"consumer.session.timeout.ms", "1",
         "consumer.session.timeout.ms must be greater than or equal to "
         "group.consumer.min.session.timeout.ms"},
        {"consumer.heartbeat.interval.ms", "60000",
         "consumer.heartbeat.interval.ms must be less than or equal to "
         "group.consumer.max.heartbeat.interval.ms"},
        {"share.delivery.count.limit", "1",
         "Invalid value 1 for configuration share.delivery.count.limit: Value must be at least 2"},
        {"share.delivery.count.limit", "100",
         "share.delivery.count.limit must be less than or equal to group.share.max.delivery.count.limit"},
        {"streams.num.standby.replicas", "5",
         "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas"},
        {"share.isolation.level", "x",
         "Invalid value x for configuration share.isolation.level: String must be one of: read_committed, "
         "read_uncommitted"},
        {"consumer.assignment.interval.ms", "99999999",
         "consumer.assignment.interval.ms must be less than or equal to "
         "group.consumer.max.assignment.interval.ms"},
    };
    for (size_t i = 0; i < NELEMS(cases); i++) {
        struct conf_override o = {slice_cstr(cases[i][0]), slice_cstr(cases[i][1])};
        strbuf_reset(&f.errors);
        CHECK_INT(conf_group_check(&f.c, &o, 1, &f.errors), ERR_INVALID_CONFIG);
        CHECK_STR(strbuf_cstr(&f.errors), cases[i][2]);
    }
    struct conf_override own[] = {{slice_cstr("share.auto.offset.reset"), slice_cstr("by_duration:PT1H30M")},
                                  {slice_cstr("consumer.session.timeout.ms"), slice_cstr("50000")}};
    CHECK_INT(conf_group_check(&f.c, own, 2, &f.errors), 0);
    conf_group_init(&g, &f.c, own, 2);
    CHECK_INT(g.share_auto_offset_reset, CONF_RESET_BY_DURATION);
    CHECK_INT(g.share_auto_offset_reset_ms, 5400000);
    CHECK_INT(g.consumer_session_timeout_ms, 50000);
    CHECK_INT(g.share_session_timeout_ms, 45000);
    own[0].value = slice_cstr("by_duration:-PT1H");
    CHECK_INT(conf_group_check(&f.c, own, 1, &f.errors), ERR_INVALID_CONFIG);
    /* The broker lowers its bound afterwards. */
    CHECK_INT(set(&f, "group.consumer.max.session.timeout.ms", "46000", CONF_LAYER_STATIC), 0);
    conf_group_init(&g, &f.c, own, 2);
    CHECK_INT(g.consumer_session_timeout_ms, 46000);
    teardown(&f);
}

TEST(client_metrics_are_checked)
{
    struct strbuf err;
    strbuf_init(&err);
    CHECK_INT(conf_client_metrics_validate(slice_cstr("foo"), slice_cstr("1"), &err), ERR_INVALID_REQUEST);
    CHECK_INT(conf_client_metrics_validate(slice_cstr("interval.ms"), slice_cstr("1"), &err),
              ERR_INVALID_REQUEST);
    CHECK_INT(conf_client_metrics_validate(slice_cstr("interval.ms"), slice_cstr("x"), &err),
              ERR_INVALID_CONFIG);
    CHECK_INT(conf_client_metrics_validate(slice_cstr("match"), slice_cstr("foo"), &err), ERR_INVALID_CONFIG);
    CHECK_INT(conf_client_metrics_validate(slice_cstr("match"), slice_cstr("client_id=["), &err),
              ERR_INVALID_CONFIG);
    CHECK_INT(conf_client_metrics_validate(slice_cstr("match"),
                                           slice_cstr("client_id=a.*,client_source_port=9"), &err),
              0);
    CHECK_INT(conf_client_metrics_validate(slice_cstr("metrics"), slice_cstr("a.b,c"), &err), 0);
    strbuf_fini(&err);
}

TEST(dynamic_changes_obey_the_scope)
{
    struct fixture f;
    setup(&f);
    static const struct {
        const char *name, *value;
        enum conf_layer layer;
        const char *text;
    } cases[] = {
        {"node.id", "3", CONF_LAYER_DYNAMIC_BROKER, "Cannot update these configs dynamically: [node.id]"},
        {"log.roll.hours", "7", CONF_LAYER_DYNAMIC_DEFAULT,
         "Cannot update these configs dynamically: [log.roll.hours]"},
        {"listeners", "PLAINTEXT://:1", CONF_LAYER_DYNAMIC_DEFAULT,
         "Cannot update these configs at default cluster level, broker id must be specified: [listeners]"},
        {"ssl.keystore.location", "/x", CONF_LAYER_DYNAMIC_BROKER,
         "These security configs can be dynamically updated only per-listener using the listener prefix: "
         "[ssl.keystore.location]"},
        {"num.io.threads", "0", CONF_LAYER_DYNAMIC_BROKER,
         "Invalid value 0 for configuration num.io.threads: Value must be at least 1"},
    };
    for (size_t i = 0; i < NELEMS(cases); i++) {
        CHECK_INT(set(&f, cases[i].name, cases[i].value, cases[i].layer), ERR_INVALID_REQUEST);
        CHECK_STR(strbuf_cstr(&f.errors), cases[i].text);
    }
    CHECK_INT(set(&f, "foo", "1", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "log.retention.ms", "0", CONF_LAYER_DYNAMIC_BROKER), ERR_INVALID_REQUEST);
    CHECK_INT(set(&f, "listener.name.x.ssl.keystore.location", "/x", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "listener.name.x.ssl.keystore.location", "/x", CONF_LAYER_DYNAMIC_DEFAULT),
              ERR_INVALID_REQUEST);
    CHECK_INT(set(&f, "listener.name.x.max.connections", "9", CONF_LAYER_DYNAMIC_DEFAULT), 0);
    CHECK_INT(set(&f, "leader.replication.throttled.rate", "9", CONF_LAYER_STATIC), ERR_INVALID_CONFIG);
    CHECK_INT(set(&f, "leader.replication.throttled.rate", "9", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(conf_i64(&f.c, CONF_LEADER_REPLICATION_THROTTLED_RATE), 9);
    CHECK_INT(set(&f, "leader.replication.throttled.rate", NULL, CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(conf_source(&f.c, CONF_LEADER_REPLICATION_THROTTLED_RATE), CONF_SOURCE_DEFAULT);
    teardown(&f);
}

/* Describes one resource as lines "name=value@source(synonym=value@source ...)". */
static void line_cb(void *ctx, const struct conf_entry *e)
{
    struct strbuf *out = ctx;
    strbuf_printf(out, "%s=%s@%d%s%s(", e->name, e->value.p ? (const char *)e->value.p : "null", e->source,
                  e->read_only ? " ro" : "", e->sensitive ? " secret" : "");
    for (int i = 0; i < e->synonyms_n; i++)
        strbuf_printf(out, "%s%s=%s@%d", i ? " " : "", e->synonyms[i].name,
                      e->synonyms[i].value.p ? (const char *)e->synonyms[i].value.p : "null",
                      e->synonyms[i].source);
    strbuf_add_cstr(out, ")\n");
}

static bool has_line(const struct strbuf *out, const char *line)
{
    const char *at = strbuf_cstr(out);
    size_t n = strlen(line);
    while ((at = strstr(at, line)) != NULL) {
        if ((at == out->s || at[-1] == '\n') && at[n] == '\n') return true;
        at++;
    }
    printf("  no line %s\n", line);
    return false;
}

/* The same settings were made at Apache Kafka 4.3.1; these are its answers. */
TEST(descriptions_match_those_of_kafka)
{
    struct fixture f;
    struct strbuf out;
    setup(&f);
    strbuf_init(&out);
    CHECK_INT(load(&f, "log.retention.hours=48\nlog.cleaner.threads=2\nnode.id=1\nlog.dirs=/d\n"), 0);
    CHECK_INT(finish(&f), 0);
    CHECK_INT(set(&f, "log.cleaner.threads", "3", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "log.cleaner.threads", "4", CONF_LAYER_DYNAMIC_DEFAULT), 0);
    CHECK_INT(set(&f, "log.retention.ms", "700000", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "log.retention.ms", "9", CONF_LAYER_DYNAMIC_DEFAULT), 0);
    CHECK_INT(set(&f, "log.segment.bytes", "3000000", CONF_LAYER_DYNAMIC_DEFAULT), 0);
    CHECK_INT(set(&f, "log.cleanup.policy", "", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "leader.replication.throttled.rate", "1000", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "sasl.jaas.config", "x", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "listener.name.plaintext.sasl.jaas.config", "x", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "foo", "1", CONF_LAYER_DYNAMIC_BROKER), 0);
    CHECK_INT(set(&f, "foo", "1", CONF_LAYER_DYNAMIC_DEFAULT), 0);

    conf_describe_broker(&f.c, &out, line_cb);
    CHECK(has_line(&out, "log.cleaner.threads=3@2(log.cleaner.threads=3@2 log.cleaner.threads=4@3 "
                         "log.cleaner.threads=2@4 log.cleaner.threads=1@5)"));
    CHECK(has_line(&out, "log.retention.hours=168@4 ro(log.retention.hours=48@4 log.retention.hours=168@5)"));
    CHECK(has_line(&out, "log.retention.ms=700000@2(log.retention.ms=700000@2 log.retention.ms=9@3 "
                         "log.retention.hours=48@4 log.retention.hours=168@5)"));
    CHECK(has_line(&out, "log.retention.minutes=null@5 ro()"));
    CHECK(has_line(&out, "log.roll.ms=null@5()"));
    CHECK(has_line(&out, "log.roll.hours=168@5 ro(log.roll.hours=168@5)"));
    CHECK(has_line(&out, "log.flush.interval.ms=null@5()"));
    CHECK(has_line(&out, "broker.id=1@4 ro(broker.id=1@4 broker.id=-1@5)"));
    CHECK(has_line(&out, "node.id=1@4 ro(node.id=1@4)"));
    CHECK(
        has_line(&out, "leader.replication.throttled.rate=1000@2(leader.replication.throttled.rate=1000@2)"));
    CHECK(has_line(&out, "sasl.jaas.config=null@2 secret(sasl.jaas.config=null@2)"));
    CHECK(has_line(&out, "listener.name.plaintext.sasl.jaas.config=null@2 ro "
                         "secret(listener.name.plaintext.sasl.jaas.config=null@2 sasl.jaas.config=null@2)"));
    CHECK(has_line(&out, "foo=null@2 ro secret(foo=null@2 foo=null@3)"));
    CHECK(strstr(strbuf_cstr(&out), "unstable.api.versions.enable") == NULL);

    strbuf_reset(&out);
    conf_describe_cluster(&f.c, &out, line_cb);
    CHECK_STR(strbuf_cstr(&out), "log.segment.bytes=3000000@3(log.segment.bytes=3000000@3)\n"
                                 "log.retention.ms=9@3(log.retention.ms=9@3)\n"
                                 "log.cleaner.threads=4@3(log.cleaner.threads=4@3)\n"
                                 "foo=null@3 ro secret(foo=null@3)\n");

    strbuf_reset(&out);
    struct conf_override o[] = {{slice_cstr("retention.ms"), slice_cstr(" 77 ")},
                                {slice_cstr("segment.bytes"), slice_cstr("2000000")},
                                {slice_cstr("cleanup.policy"), slice_cstr("compact , delete")},
                                {slice_cstr("remote.log.copy.disable"), slice_cstr("true")}};
    conf_describe_topic(&f.c, o, NELEMS(o), &out, line_cb);
    CHECK(has_line(&out, "retention.ms=77@1(retention.ms=77@1 log.retention.ms=700000@2 log.retention.ms=9@3 "
                         "log.retention.hours=48@4 log.retention.hours=168@5)"));
    CHECK(has_line(&out, "segment.bytes=2000000@1(segment.bytes=2000000@1 log.segment.bytes=3000000@3 "
                         "log.segment.bytes=1073741824@5)"));
    CHECK(has_line(&out,
                   "cleanup.policy=compact,delete@1(cleanup.policy=compact,delete@1 log.cleanup.policy=@2 "
                   "log.cleanup.policy=delete@5)"));
    CHECK(has_line(&out, "segment.ms=604800000@5()"));
    CHECK(has_line(&out, "flush.ms=9223372036854775807@5()"));
    CHECK(has_line(&out, "remote.log.copy.disable=true@1(remote.log.copy.disable=true@1)"));
    CHECK(has_line(&out, "remote.storage.enable=false@5()"));
    CHECK(has_line(&out, "compression.type=producer@5(compression.type=producer@5)"));
    CHECK(has_line(&out, "min.cleanable.dirty.ratio=0.5@5(log.cleaner.min.cleanable.ratio=0.5@5)"));
    CHECK(strstr(strbuf_cstr(&out), "internal.segment.bytes") == NULL);

    strbuf_reset(&out);
    struct conf_override g[] = {{slice_cstr("consumer.session.timeout.ms"), slice_cstr("50000")}};
    conf_describe_group(&f.c, g, 1, &out, line_cb);
    CHECK(has_line(&out, "consumer.session.timeout.ms=50000@8(consumer.session.timeout.ms=50000@8 "
                         "group.consumer.session.timeout.ms=45000@5)"));
    CHECK(has_line(&out, "share.auto.offset.reset=latest@5(share.auto.offset.reset=latest@5)"));

    strbuf_reset(&out);
    struct conf_override m[] = {{slice_cstr("metrics"), slice_cstr("a.b,c.d")}};
    conf_describe_client_metrics(m, 1, &out, line_cb);
    CHECK_STR(strbuf_cstr(&out),
              "interval.ms=300000@5()\nmatch=@5()\nmetrics=a.b,c.d@7(metrics=a.b,c.d@7)\n");
    strbuf_fini(&out);
    teardown(&f);
}

TEST(a_topic_takes_the_brokers_values_in_kafkas_order)
{
    struct fixture f;
    struct conf_topic t;
    setup(&f);
    conf_topic_init(&t, &f.c, NULL, 0);
    CHECK_INT(t.retention_ms, 604800000);
    CHECK_INT(t.segment_ms, 604800000);
    CHECK_INT(t.segment_bytes, 1 << 30);
    CHECK_INT(t.local_retention_ms, 604800000);
    CHECK_INT(t.flush_ms, INT64_MAX);
    CHECK(t.cleanup_delete && !t.cleanup_compact && t.compression == CONF_COMPRESSION_PRODUCER);
    CHECK_INT(
        load(&f,
             "log.retention.hours=1\nlog.retention.minutes=30\nlog.roll.hours=2\nlog.roll.jitter.hours=1\n"
             "log.flush.scheduler.interval.ms=7\nlog.cleanup.policy=compact\ncompression.type=zstd\n"),
        0);
    conf_topic_init(&t, &f.c, NULL, 0);
    CHECK_INT(t.retention_ms, 1800000);
    CHECK_INT(t.segment_ms, 7200000);
    CHECK_INT(t.segment_jitter_ms, 3600000);
    CHECK_INT(t.flush_ms, 7);
    CHECK(!t.cleanup_delete && t.cleanup_compact && t.compression == CONF_COMPRESSION_ZSTD);
    CHECK_INT(load(&f, "log.retention.ms=-2\nlog.roll.ms=5\nlog.flush.interval.ms=8\n"), 0);
    struct conf_override o[] = {{slice_cstr("message.timestamp.type"), slice_cstr("LogAppendTime")},
                                {slice_cstr("internal.segment.bytes"), slice_cstr("100")},
                                {slice_cstr("retention.ms"), slice_cstr("not a number")},
                                {slice_cstr("leader.replication.throttled.replicas"), slice_cstr("0:1")}};
    conf_topic_init(&t, &f.c, o, NELEMS(o));
    CHECK_INT(t.retention_ms, -1);
    CHECK_INT(t.segment_ms, 5);
    CHECK_INT(t.flush_ms, 8);
    CHECK_INT(t.segment_bytes, 100);
    CHECK(t.message_timestamp_log_append && slice_eq_cstr(t.leader_throttled_replicas, "0:1"));
    /* Tiered storage is off. */
    struct conf_override remote = {slice_cstr("remote.storage.enable"), slice_cstr("true")};
    CHECK_INT(conf_topic_check(&f.c, &remote, 1, &f.errors), ERR_INVALID_CONFIG);
    CHECK_INT(conf_topic_check(&f.c, o, 2, &f.errors), 0);
    teardown(&f);
}

TEST(without_a_file_the_node_is_solo)
{
    struct fixture f;
    size_t n;
    setup(&f);
    CHECK_INT(finish(&f), 0);
    CHECK_STR(strbuf_cstr(&f.warnings), "");
    CHECK(f.c.solo && f.c.is_broker && f.c.is_controller);
    CHECK_INT(conf_i64(&f.c, CONF_NODE_ID), 1);
    CHECK_INT(conf_i64(&f.c, CONF_BROKER_ID), 1);
    CHECK_INT(conf_i64(&f.c, CONF_OFFSETS_TOPIC_REPLICATION_FACTOR), 1);
    CHECK(slice_eq_cstr(conf_log_dirs(&f.c, &n)[0], "./moldau-data"));
    CHECK_INT(f.c.listeners_n, 1);
    CHECK_STR(f.c.listeners[0].name, "PLAINTEXT");
    CHECK_STR(f.c.listeners[0].host, "localhost");
    CHECK_INT(f.c.listeners[0].port, 9092);
    CHECK_STR(f.c.inter_broker_listener, "PLAINTEXT");
    CHECK_STR(conf_str(&f.c, CONF_MOLDAU_ACK_SYNC), "auto");
    /* A second time, as after a dynamic change, nothing is different. */
    CHECK_INT(finish(&f), 0);
    CHECK(f.c.solo && f.c.listeners_n == 1);
    struct conf copy;
    conf_copy(&copy, &f.c);
    CHECK_STR(copy.listeners[0].host, "localhost");
    CHECK_INT(conf_i64(&copy, CONF_NODE_ID), 1);
    conf_fini(&copy);
    teardown(&f);
}

#define KAFKA_FILE                                                                                           \
    "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093\n"                \
    "listeners=PLAINTEXT://:9092,CONTROLLER://[::1]:9093\ncontroller.listener.names=CONTROLLER\n"

TEST(kafkas_own_file_is_taken_as_it_is)
{
    struct fixture f;
    setup(&f);
    CHECK_INT(load(&f, KAFKA_FILE
                   "inter.broker.listener.name=PLAINTEXT\n"
                   "advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n"
                   "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL\n"
                   "log.dirs=/tmp/kraft-combined-logs\n"),
              0);
    CHECK_INT(finish(&f), 0);
    CHECK(!f.c.solo);
    CHECK_INT(f.c.listeners_n, 2);
    CHECK(f.c.listeners[1].controller && !f.c.listeners[0].controller);
    CHECK_STR(f.c.listeners[1].host, "::1");
    CHECK_STR(f.c.listeners[0].host, "");
    CHECK_INT(f.c.advertised_n, 2);
    CHECK_INT(f.c.voters_n, 1);
    CHECK_INT(f.c.voters[0].port, 9093);
    CHECK_INT(conf_i64(&f.c, CONF_OFFSETS_TOPIC_REPLICATION_FACTOR), 3);
    teardown(&f);
}

TEST(contradictions_are_found_at_the_start)
{
    static const char *const cases[][2] = {
        {"node.id=2\n", "controller.quorum.voters must hold this controller's node.id 2"},
        {"broker.id=2\n", "broker.id 2 and node.id 1 must be the same"},
        {"process.roles=broker\n", "must not hold node.id 1"},
        {"process.roles=controller\n", "must all be in controller.listener.names"},
        {"controller.listener.names=X\n", "the listener CONTROLLER has no security protocol"},
        {"listeners=foo\n", "\"foo\" is not NAME://host:port"},
        {"listeners=PLAINTEXT://h:99999\n", "is not NAME://host:port"},
        {"listeners=PLAINTEXT://:9092,PLAINTEXT://:9094,CONTROLLER://:9093\n", "PLAINTEXT is used twice"},
        {"listeners=PLAINTEXT://127.0.0.1:9092,PLAINTEXT://[::1]:9092,CONTROLLER://:9093\n",
         "PLAINTEXT is used twice"},
        {"listeners=PLAINTEXT://:9092,CONTROLLER://:9092\n", "port 9092 is used twice"},
        {"listeners=PLAINTEXT://:9092,SSL://:9094,CONTROLLER://:9093\n",
         "CONTROLLER has no security protocol"},
        {"advertised.listeners=PLAINTEXT://0.0.0.0:9092\n", "no client can connect to 0.0.0.0"},
        {"listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093\n", "no client can connect to 0.0.0.0"},
        {"advertised.listeners=CONTROLLER://h:9093\n", "a broker needs at least one listener"},
        {"advertised.listeners=SSL://h:9092\n", "SSL is not one of the listeners"},
        {"listener.security.protocol.map=PLAINTEXT:FOO\n", "\"PLAINTEXT:FOO\" is not NAME:PROTOCOL"},
        {"inter.broker.listener.name=FOO\n", "FOO must be one of the advertised listeners"},
        {"inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT\n",
         "exclude each other"},
        {"early.start.listeners=FOO\n", "FOO is not one of the listeners"},
        {"queued.max.request.bytes=5\n", "queued.max.request.bytes must be at least"},
        {"max.connections.per.ip=0\n", "max.connections.per.ip=0 admits only"},
        {"max.connections.per.ip.overrides=a:b\n", "\"a:b\" is not host:count"},
        {"log.cleaner.threads=2\nlog.cleaner.dedupe.buffer.size=1000\n", "at least 1 MB"},
        {"offsets.topic.compression.codec=9\n", "must be 0 (none)"},
        {"group.consumer.min.session.timeout.ms=50000\n",
         "group.consumer.session.timeout.ms must be greater than or equal to "
         "group.consumer.min.session.timeout.ms"},
        {"group.coordinator.rebalance.protocols=consumer\n", "must hold classic"},
        {"replica.fetch.wait.max.ms=40000\n", "replica.fetch.wait.max.ms must be less than or equal to"},
        {"cordoned.log.dirs=/zzz\n", "/zzz is not in log.dirs"},
        {"controller.quorum.voters=\n", ""}, /* solo */
    };
    for (size_t i = 0; i < NELEMS(cases); i++) {
        struct fixture f;
        setup(&f);
        int rc = load(&f, KAFKA_FILE);
        if (!rc) rc = load(&f, cases[i][0]);
        if (!rc) rc = finish(&f);
        CHECK_INT(rc, *cases[i][1] ? ERR_INVALID_CONFIG : 0);
        if (!strstr(strbuf_cstr(&f.errors), cases[i][1])) {
            printf("  %s  gives %s", cases[i][0], strbuf_cstr(&f.errors));
            CHECK(false);
        }
        teardown(&f);
    }
}

TEST(bad_values_in_a_file_name_the_key)
{
    static const char *const cases[][2] = {
        {"process.roles=x",
         "Invalid value x for configuration process.roles: String must be one of: broker, controller"},
        {"process.roles=",
         "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]"},
        {"log.dirs=",
         "Configuration 'log.dirs' must not be empty. Valid values include: any non-empty value"},
        {"node.id=-1", "Invalid value -1 for configuration node.id: Value must be at least 0"},
        {"offsets.topic.replication.factor=40000",
         "Invalid value 40000 for configuration offsets.topic.replication.factor: Not a number of type "
         "SHORT"},
        {"group.consumer.migration.policy=x",
         "Invalid value x for configuration group.consumer.migration.policy: String must be one of (case "
         "insensitive): "
         "DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL"},
        {"controller.quorum.voters=1@h",
         "Invalid value 1@h for configuration controller.quorum.voters: a voter is written id@host:port"},
        {"log.roll.ms=0", "log.roll.ms must be greater than or equal to 1"},
    };
    for (size_t i = 0; i < NELEMS(cases); i++) {
        struct fixture f;
        setup(&f);
        CHECK_INT(load(&f, cases[i][0]), ERR_INVALID_CONFIG);
        CHECK(f.errors.n > 0 && f.errors.s[f.errors.n - 1] == '\n');
        f.errors.s[f.errors.n - 1] = 0;
        CHECK_STR(f.errors.s, cases[i][1]);
        teardown(&f);
    }
}

TEST(unknown_keys_are_kept_and_the_nearest_name_is_told)
{
    struct fixture f;
    setup(&f);
    CHECK_INT(
        load(&f,
             "log.retension.ms=1\nzookeeper.connect=x\nlistener.name.sasl_ssl.plain.sasl.jaas.config=secret\n"
             "super.users=User:a\nsasl.jaas.config=other\n"),
        0);
    CHECK_STR(strbuf_cstr(&f.warnings),
              "log.retension.ms is not a setting of a broker; did you mean log.retention.ms?\n"
              "zookeeper.connect is not a setting of a broker\n");
    CHECK_STR(conf_extra(&f.c, "super.users"), "User:a");
    CHECK_STR(conf_listener_str(&f.c, "SASL_SSL", "PLAIN", CONF_SASL_JAAS_CONFIG), "secret");
    CHECK_STR(conf_listener_str(&f.c, "SASL_SSL", "SCRAM-SHA-256", CONF_SASL_JAAS_CONFIG), "other");
    teardown(&f);
}

TEST(lists_append_and_subtract)
{
    struct strbuf out, err;
    strbuf_init(&out);
    strbuf_init(&err);
    const struct conf_def *d = conf_def(CONF_TOPIC_CLEANUP_POLICY);
    CHECK_INT(conf_list_append(d, slice_cstr("compact"), slice_cstr("delete, compact"), &out, &err), 0);
    CHECK_STR(strbuf_cstr(&out), "compact,delete");
    strbuf_reset(&out);
    CHECK_INT(conf_list_subtract(d, slice_cstr("compact,delete"), slice_cstr("delete"), &out, &err), 0);
    CHECK_STR(strbuf_cstr(&out), "compact");
    CHECK_INT(
        conf_list_append(conf_def(CONF_TOPIC_RETENTION_MS), slice_cstr("1"), slice_cstr("1"), &out, &err),
        ERR_INVALID_CONFIG);
    CHECK_STR(strbuf_cstr(&err), "Can't APPEND to key retention.ms because its type is not LIST.");
    strbuf_fini(&out);
    strbuf_fini(&err);
}

TEST(settings_without_effect_are_named)
{
    struct fixture f;
    setup(&f);
    CHECK_INT(load(&f, "ssl.provider=x\n"), 0);
    CHECK_INT(finish(&f), 0);
    CHECK_STR(strbuf_cstr(&f.warnings), "ssl.provider is accepted, but has no effect in this version\n");
    teardown(&f);
}

TEST(the_reference_page_lists_every_setting)
{
    struct strbuf out;
    strbuf_init(&out);
    conf_print_reference(&out);
    int lines = 0;
    for (const char *p = strbuf_cstr(&out); *p; p++) lines += *p == '\n';
    CHECK(lines > 400);
    CHECK(strstr(out.s, "| retention.ms | long | 604800000 | -1 or more | topic | How long messages are "
                        "retained: older segments are deleted; -1 keeps them for ever. "
                        "Default from log.retention.ms, then log.retention.minutes, then "
                        "log.retention.hours. |"));
    strbuf_fini(&out);
}
