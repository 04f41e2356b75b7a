#include "rk/spring.h"
#include "base/err.h"
#include "base/test.h"
#include "rk/setting.h"
#include "rk/spring_value.h"

TEST_MAIN

static void keep(void *arg, const char *text)
{
    struct strbuf *b = arg;
    strbuf_printf(b, "%s\n", text);
}

struct read {
    struct spring_settings s;
    struct strbuf why, said;
    int rc;
};

static void read_env(struct read *r, const char *file, const char *text, char *const *env)
{
    *r = (struct read){0};
    struct spring_source from = {file, slice_cstr(text), env, keep, &r->said};
    r->rc = spring_settings_read(&r->s, &from, &r->why);
}

static void read_text(struct read *r, const char *file, const char *text)
{
    read_env(r, file, text, NULL);
}

static void read_fini(struct read *r)
{
    if (r->rc == 0) spring_settings_free(&r->s);
    strbuf_fini(&r->why);
    strbuf_fini(&r->said);
}

static const char *consumer(const struct read *r, const char *name)
{
    const char *v = properties_get(&r->s.consumer, name);
    return v ? v : "(none)";
}

static const char *producer(const struct read *r, const char *name)
{
    const char *v = properties_get(&r->s.producer, name);
    return v ? v : "(none)";
}

static const char tutorial[] =
    "server:\n"
    "  port: 8081\n"
    "spring:\n"
    "  application:\n"
    "    name: demo\n"
    "  kafka:\n"
    "    bootstrap-servers: localhost:9092\n"
    "    consumer:\n"
    "      group-id: group_id\n"
    "      auto-offset-reset: earliest\n"
    "      enable-auto-commit: false\n"
    "      max-poll-records: 500\n"
    "      key-deserializer: org.apache.kafka.common.serialization.StringDeserializer\n"
    "      value-deserializer: org.apache.kafka.common.serialization.LongDeserializer\n"
    "      properties:\n"
    "        max.poll.interval.ms: 300000\n"
    "    producer:\n"
    "      key-serializer: org.apache.kafka.common.serialization.StringSerializer\n"
    "      value-serializer: org.springframework.kafka.support.serializer.JsonSerializer\n"
    "      acks: all\n"
    "      retries: 3\n"
    "    listener:\n"
    "      ack-mode: batch\n"
    "      concurrency: 3\n"
    "    properties:\n"
    "      session.timeout.ms: 10000\n"
    "logging:\n"
    "  level:\n"
    "    root: ${LEVEL}\n";

TEST(a_tutorials_yaml_as_it_stands)
{
    struct read r;
    read_text(&r, "application.yml", tutorial);
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_INT(r.rc, 0);
    CHECK_STR(strbuf_cstr(&r.said), "");
    CHECK_INT(r.s.server_port, 8081);
    CHECK_STR(consumer(&r, "bootstrap.servers"), "localhost:9092");
    CHECK_STR(producer(&r, "bootstrap.servers"), "localhost:9092");
    CHECK_STR(consumer(&r, "group.id"), "group_id");
    CHECK_STR(producer(&r, "group.id"), "(none)");
    CHECK_STR(consumer(&r, "auto.offset.reset"), "earliest");
    CHECK_STR(consumer(&r, "enable.auto.commit"), "false");
    CHECK_STR(consumer(&r, "max.poll.interval.ms"), "300000");
    CHECK_STR(consumer(&r, "session.timeout.ms"), "10000");
    CHECK_STR(producer(&r, "acks"), "all");
    CHECK_STR(producer(&r, "retries"), "3");
    CHECK_STR(producer(&r, "session.timeout.ms"), "(none)");
    CHECK_INT(r.s.ack_mode, SPRING_ACK_BATCH);
    CHECK_INT(r.s.concurrency, 3);
    CHECK_INT(r.s.consumer_key, SPRING_STRING);
    CHECK_INT(r.s.consumer_value, SPRING_LONG);
    CHECK_INT(r.s.producer_key, SPRING_STRING);
    CHECK_INT(r.s.producer_value, SPRING_JSON);
    read_fini(&r);
}

TEST(the_same_by_properties_and_in_camel_case)
{
    struct read r;
    read_text(&r, "application.properties",
              "# a comment\n"
              "server.port = 0\n"
              "spring.kafka.bootstrapServers[0]=a:1\n"
              "spring.kafka.bootstrapServers[1]=b:2\n"
              "spring.kafka.consumer.GROUP_ID: g\\u00e9\n"
              "spring.kafka.listener.ackMode=manual-immediate\n"
              "spring.kafka.listener.ack-time=5s\n"
              "spring.kafka.listener.type=batch\n"
              "spring.kafka.consumer.fetch-min-size=1KB\n"
              "spring.kafka.consumer.isolation-level=read-committed\n"
              "spring.kafka.consumer.fetch-max-wait=PT0.25S\n"
              "spring.kafka.producer.batch-size=64KB\n"
              "spring.kafka.properties[max.poll.interval.ms]=77\n"
              "spring.kafka.consumer.properties.linger.ms=1\n"
              "spring.kafka.template.default-topic=a\\\n   b\n");
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_STR(consumer(&r, "bootstrap.servers"), "a:1,b:2");
    CHECK_STR(consumer(&r, "group.id"), "g\xc3\xa9");
    CHECK_INT(r.s.ack_mode, SPRING_ACK_MANUAL_IMMEDIATE);
    CHECK_INT(r.s.ack_time_ms, 5000);
    CHECK_INT(r.s.batch, 1);
    CHECK_INT(r.s.server_port, 0);
    CHECK_STR(consumer(&r, "fetch.min.bytes"), "1024");
    CHECK_STR(consumer(&r, "isolation.level"), "read_committed");
    CHECK_STR(consumer(&r, "fetch.max.wait.ms"), "250");
    CHECK_STR(producer(&r, "batch.size"), "65536");
    CHECK_STR(consumer(&r, "max.poll.interval.ms"), "77");
    CHECK_STR(r.s.default_topic, "ab");
    read_fini(&r);
}

TEST(javas_names_alone)
{
    struct read r;
    read_text(&r, "client.properties",
              "bootstrap.servers=a:1\ngroup.id=g\nacks=1\nqueued.min.messages=7\nmax.pol.records=1\n");
    CHECK_INT(r.rc, 0);
    CHECK_STR(consumer(&r, "bootstrap.servers"), "a:1");
    CHECK_STR(consumer(&r, "group.id"), "g");
    CHECK_STR(consumer(&r, "acks"), "(none)");
    CHECK_STR(producer(&r, "acks"), "1");
    CHECK_STR(consumer(&r, "queued.min.messages"), "7");
    CHECK_STR(strbuf_cstr(&r.said),
              "client.properties:5: max.pol.records is no setting; the nearest is max.poll.records\n");
    read_fini(&r);
}

TEST(the_environment_goes_before_the_file)
{
    static char *const env[] = {"SPRING_KAFKA_BOOTSTRAPSERVERS=e:1",
                                "SPRING_KAFKA_CONSUMER_GROUP_ID=",
                                "SPRING_KAFKA_PROPERTIES_SESSION_TIMEOUT_MS=9",
                                "SERVER_PORT=99",
                                "SPRING_KAFKA_LISTENER_ACKMODE=RECORD",
                                "spring.kafka.client-id=me",
                                "SPRING_KAFKA_CONSUMER_GROUPS=x",
                                "SPRING_KAFKA=1",
                                "OTHER=1",
                                "odd",
                                NULL};
    struct read r;
    read_env(&r, "application.yaml", tutorial, env);
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_STR(consumer(&r, "bootstrap.servers"), "e:1");
    CHECK_STR(consumer(&r, "group.id"), "(none)");
    CHECK_STR(consumer(&r, "session.timeout.ms"), "9");
    CHECK_STR(consumer(&r, "client.id"), "me");
    CHECK_INT(r.s.server_port, 99);
    CHECK_INT(r.s.ack_mode, SPRING_ACK_RECORD);
    CHECK_STR(strbuf_cstr(&r.said),
              "the environment: SPRING_KAFKA_CONSUMER_GROUPS is no setting; the nearest is "
              "spring.kafka.consumer.group-id\n");
    read_fini(&r);
    read_env(&r, NULL, "", env);
    CHECK_INT(r.s.server_port, 99);
    read_fini(&r);
}

TEST(what_is_more_special_goes_before_what_is_general)
{
    struct read r;
    read_text(&r, "f.yml",
              "spring.kafka:\n"
              "  client-id: a\n"
              "  consumer.properties: {client.id: d, session.timeout.ms: 4}\n"
              "  consumer: {client-id: c, max-poll-records: 1}\n"
              "  properties: {client.id: b, max.poll.records: 2, session.timeout.ms: 3}\n");
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_STR(consumer(&r, "client.id"), "d");
    CHECK_STR(producer(&r, "client.id"), "b");
    CHECK_STR(consumer(&r, "max.poll.records"), "1");
    CHECK_STR(consumer(&r, "session.timeout.ms"), "4");
    read_fini(&r);
}

TEST(placeholders_profiles_and_documents)
{
    static char *const env[] = {"HOST=h", "SPRING_PROFILES_ACTIVE=dev,eu", "MY_TOPIC=t1", NULL};
    struct read r;
    read_env(&r, "f.yml",
             "port: 77\n"
             "spring:\n"
             "  kafka:\n"
             "    bootstrap-servers: ${HOST}:${port:1},${OTHER:${HOST}2:9}\n"
             "    template:\n      default-topic: ${my.topic}\n"
             "---\n"
             "spring.config.activate.on-profile: prod\n"
             "spring.kafka.consumer.group-id: prod\n"
             "---\n"
             "spring.config.activate.on-profile: [dev, test]\n"
             "spring.kafka.consumer.group-id: dev\n"
             "---\n",
             env);
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_STR(consumer(&r, "bootstrap.servers"), "h:77,h2:9");
    CHECK_STR(r.s.default_topic, "t1");
    CHECK_STR(consumer(&r, "group.id"), "dev");
    read_fini(&r);
    read_text(&r, "f.properties",
              "spring.kafka.consumer.group-id=a\n#---\nspring.config.activate.on-profile=x\n"
              "spring.kafka.consumer.group-id=b\n#---\nspring.config.activate.on-profile=!x\n"
              "spring.kafka.client-id=c\n");
    CHECK_STR(consumer(&r, "group.id"), "a");
    CHECK_STR(consumer(&r, "client.id"), "c");
    read_fini(&r);
}

TEST(anchors_and_merges)
{
    struct read r;
    read_text(&r, "f.yml",
              "base: &base {group-id: a, max-poll-records: 3}\n"
              "spring:\n  kafka:\n    consumer:\n      <<: *base\n      group-id: b\n");
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_STR(consumer(&r, "group.id"), "b");
    CHECK_STR(consumer(&r, "max.poll.records"), "3");
    read_fini(&r);
}

TEST(an_empty_value_is_unset)
{
    struct read r;
    read_text(&r, "f.yml",
              "spring.kafka:\n  client-id: ''\n  security.protocol:\n  ssl: {key-password: ''}\n"
              "  consumer:\n    group-id: ~\n    isolation-level: null\n  listener: {ack-mode: '', "
              "concurrency: ' '}\n"
              "  properties: {sasl.mechanism: '', max.poll.records: ''}\n");
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_INT(r.s.consumer.n, 0);
    CHECK_INT(r.s.ack_mode, SPRING_ACK_NOT_SAID);
    CHECK_INT(r.s.concurrency, -1);
    read_fini(&r);
}

TEST(what_is_wrong_is_told_with_its_line)
{
    static const struct {
        const char *file, *text, *why;
    } cases[] = {
        {"f.yml", "spring:\n  kafka:\n    listener:\n      ack-mode: all\n",
         "f.yml:4: spring.kafka.listener.ack-mode: 'all' is none of RECORD, BATCH, TIME, COUNT, COUNT_TIME, "
         "MANUAL, MANUAL_IMMEDIATE"},
        {"f.properties", "\n\nspring.kafka.producer.acks=2\n",
         "f.properties:3: spring.kafka.producer.acks: '2' is none of all, -1, 0, 1"},
        {"f.properties", "auto.offset.reset=newest",
         "f.properties:1: auto.offset.reset: 'newest' is none of latest, earliest, none"},
        {"f.properties", "spring.kafka.producer.acks=1\\\n1",
         "f.properties:1: spring.kafka.producer.acks: '11' is none of all, -1, 0, 1"},
        {"f.yml", "spring.kafka.listener.concurrency: many",
         "f.yml:1: spring.kafka.listener.concurrency: a whole number was expected, not 'many'"},
        {"f.yml", "spring.kafka.listener.concurrency: 0",
         "f.yml:1: spring.kafka.listener.concurrency: a whole number from 1 to 1000 was expected, not 0"},
        {"f.yml", "server:\n  port: 65536",
         "f.yml:2: server.port: a whole number from 0 to 65535 was expected, not 65536"},
        {"f.yml", "spring.kafka.consumer.enable-auto-commit: maybe",
         "f.yml:1: spring.kafka.consumer.enable-auto-commit: true or false was expected, not 'maybe'"},
        {"f.yml", "spring.kafka.listener.ack-time: 5 parsecs",
         "f.yml:1: spring.kafka.listener.ack-time: a duration such as 500ms, 5s or PT5S was expected, not '5 "
         "parsecs'"},
        {"f.yml", "spring.kafka.producer.batch-size: 1XB",
         "f.yml:1: spring.kafka.producer.batch-size: a size such as 16384, 64KB or 1MB was expected, not "
         "'1XB'"},
        {"f.yml", "spring.kafka.client-id: ${NOBODY}",
         "f.yml:1: spring.kafka.client-id: ${NOBODY} has no value: neither the environment nor the file says "
         "it, and it has no default"},
        {"f.yml", "spring.kafka.client-id: ${a}\na: ${b}\nb: ${a}\n",
         "f.yml:1: spring.kafka.client-id: too many placeholders in each other"},
        {"f.yml",
         "spring:\n  kafka:\n    consumer:\n      key-deserializer: "
         "org.apache.kafka.common.serialization.StringSerializer\n",
         "f.yml:4: spring.kafka.consumer.key-deserializer: a deserializer was expected, and "
         "org.apache.kafka.common.serialization.StringSerializer is none"},
        {"f.yml", "spring.kafka:\n  security:\n    protocol: SASL_SSL\n",
         "f.yml:3: spring.kafka.security.protocol needs SASL or TLS, which these programs do not have yet"},
        {"f.yml", "spring.kafka.ssl.trust-store-location: classpath:x.jks\n",
         "f.yml:1: spring.kafka.ssl.trust-store-location needs SASL or TLS, which these programs do not have "
         "yet"},
        {"f.yml", "spring.kafka.jaas.enabled: true\n",
         "f.yml:1: spring.kafka.jaas.enabled needs SASL or TLS, which these programs do not have yet"},
        {"f.yml", "spring.kafka.properties:\n  sasl.jaas.config: x\n",
         "f.yml:2: spring.kafka.properties.sasl.jaas.config needs SASL or TLS, which these programs do not "
         "have "
         "yet"},
        {"f.yml", "a: 1\na: 2\n", "f.yml:2: a stands here and at line 1"},
        {"f.yml", "a: [1\n",
         "f.yml:2: this is not YAML: while parsing a flow sequence, did not find expected ',' or ']'"},
        {"f.yml", "- a\n", "f.yml:1: a map of names and values was expected"},
        {"f.yml", "a: &a [*a]\n", "f.yml:1: maps lie too deep in each other"},
        {"f.properties", "a=\\u12x", "f.properties:1: four hexadecimal digits were expected behind \\u"},
    };
    for (size_t i = 0; i < NELEMS(cases); i++) {
        struct read r;
        read_text(&r, cases[i].file, cases[i].text);
        CHECK_STR(strbuf_cstr(&r.why), cases[i].why);
        CHECK(r.rc < 0);
        read_fini(&r);
    }
}

TEST(what_has_no_effect_is_told)
{
    static const struct {
        const char *file, *text, *said;
    } cases[] = {
        {"f.yml", "spring:\n  kafka:\n    consumer:\n      groupid: g\n", ""},
        {"f.yml", "spring:\n  kafka:\n    consumer:\n      group: g\n",
         "f.yml:4: spring.kafka.consumer.group is no setting; the nearest is "
         "spring.kafka.consumer.group-id\n"},
        {"f.yml", "spring:\n  kafak:\n    client-id: g\n",
         "f.yml:3: spring.kafak.client-id is no setting; the nearest is spring.kafka.client-id\n"},
        {"f.yml", "spring.kafka.properties.max.poll.intervall.ms: 1\n",
         "f.yml:1: spring.kafka.properties.max.poll.intervall.ms is no setting; the nearest is "
         "spring.kafka.properties.max.poll.interval.ms\n"},
        {"f.yml", "spring.datasource.url: x\nmanagement.port: 1\nserver.servlet.context-path: /\n", ""},
        {"f.yml", "spring.kafka.consumer.properties.spring.json.trusted.packages: '*'\n", ""},
        {"f.yml", "spring.kafka.consumer.value-deserializer: com.example.OrderDeserializer\n",
         "f.yml:1: spring.kafka.consumer.value-deserializer: the class com.example.OrderDeserializer is not "
         "known "
         "here: its bytes are taken as they are\n"},
        {"f.properties", "what.is.this=1\ngroup.id=g\n",
         "f.properties:1: what.is.this is no setting; the nearest is "},
    };
    for (size_t i = 0; i < NELEMS(cases); i++) {
        struct read r;
        read_text(&r, cases[i].file, cases[i].text);
        CHECK_STR(strbuf_cstr(&r.why), "");
        if (cases[i].said[0] && r.said.s) r.said.s[min_size(r.said.n, strlen(cases[i].said))] = 0;
        CHECK_STR(strbuf_cstr(&r.said), cases[i].said);
        read_fini(&r);
    }
}

TEST(files_that_unfold_without_end_are_refused)
{
    struct strbuf b;
    struct read r;
    strbuf_init(&b);
    strbuf_add_cstr(&b, "a0: &a0 [x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++)
        strbuf_printf(&b, "a%d: &a%d {a: *a%d, b: *a%d, c: *a%d, d: *a%d}\n", i, i, i - 1, i - 1, i - 1,
                      i - 1);
    read_text(&r, "f.yml", b.s);
    CHECK(r.rc < 0);
    CHECK(strstr(r.why.s, "too m"));
    read_fini(&r);
    strbuf_reset(&b);
    strbuf_add_cstr(&b, "spring.kafka.client-id: ${a0}\n");
    for (int i = 0; i < 7; i++)
        strbuf_printf(&b, "a%d: ${a%d}${a%d}${a%d}${a%d}${a%d}${a%d}\n", i, i + 1, i + 1, i + 1, i + 1, i + 1,
                      i + 1);
    strbuf_add_cstr(&b, "a7: ''\n");
    read_text(&r, "f.yml", b.s);
    CHECK(r.rc < 0);
    CHECK(strstr(r.why.s, "too many placeholders"));
    read_fini(&r);
    strbuf_fini(&b);
}

/* Each of Spring Boot 4's, with a value of its form: known, and of no effect on others. */
TEST(every_name_of_spring_boot_is_known)
{
    struct read r;
    read_text(
        &r, "f.yml",
        "spring.kafka:\n"
        "  bootstrap-servers: [a:1]\n  client-id: c\n  properties: {}\n  security: {protocol: PLAINTEXT}\n"
        "  consumer: {auto-commit-interval: 5s, auto-offset-reset: latest, bootstrap-servers: a, client-id: "
        "c, "
        "enable-auto-commit: true, fetch-max-wait: 1, fetch-min-size: 1B, group-id: g, heartbeat-interval: "
        "3s, "
        "isolation-level: READ_COMMITTED, max-poll-records: 1, max-poll-interval: 5m, properties: {}, "
        "security.protocol: plaintext}\n"
        "  producer: {acks: -1, batch-size: 1KB, bootstrap-servers: a, buffer-memory: 32MB, client-id: c, "
        "compression-type: lz4, retries: 1, transaction-id-prefix: tx-, properties: {}}\n"
        "  listener: {type: single, ack-mode: COUNT_TIME, async-acks: true, client-id: l, concurrency: 2, "
        "poll-timeout: 1s, no-poll-threshold: 3.5, ack-count: 1, ack-time: 1s, idle-between-polls: 1s, "
        "idle-event-interval: 1m, idle-partition-event-interval: 1m, monitor-interval: 30, "
        "log-container-config: "
        "true, missing-topics-fatal: false, immediate-stop: false, auto-startup: true, "
        "change-consumer-thread-name: true, observation-enabled: true, auth-exception-retry-interval: 10s}\n"
        "  admin: {auto-create: true, client-id: a, close-timeout: 1s, fail-fast: true, "
        "modify-topic-configs: true, "
        "operation-timeout: 1s, properties: {a: b}, ssl: {bundle: x}}\n"
        "  streams: {application-id: a, auto-startup: false, bootstrap-servers: a, client-id: c, "
        "cleanup: {on-startup: true}, replication-factor: 1, state-dir: /x, state-store-cache-max-size: 1MB, "
        "properties: {a: b}}\n"
        "  template: {default-topic: t, transaction-id-prefix: tx-, close-timeout: 5s, "
        "allow-non-transactional: "
        "true, observation-enabled: true}\n"
        "  jaas: {enabled: false, login-module: x, control-flag: required, options: {a: b}}\n"
        "  retry.topic: {enabled: true, attempts: 4, backoff: {delay: 2s, multiplier: 1.5, max-delay: 1m, "
        "random: "
        "true, jitter: 1s}}\n");
    CHECK_STR(strbuf_cstr(&r.why), "");
    CHECK_STR(strbuf_cstr(&r.said), "");
    CHECK_STR(consumer(&r, "auto.commit.interval.ms"), "5000");
    CHECK_STR(consumer(&r, "client.id"), "l");
    CHECK_STR(consumer(&r, "max.poll.interval.ms"), "300000");
    CHECK_STR(consumer(&r, "security.protocol"), "PLAINTEXT");
    CHECK_STR(producer(&r, "buffer.memory"), "33554432");
    CHECK_STR(producer(&r, "compression.type"), "lz4");
    CHECK_STR(r.s.transaction_id_prefix, "tx-");
    CHECK_INT(r.s.ack_mode, SPRING_ACK_COUNT_TIME);
    CHECK_INT(r.s.idle_event_ms, 60000);
    CHECK_INT(r.s.retry_topic, 1);
    CHECK_INT(r.s.retry_attempts, 4);
    CHECK_INT(r.s.retry_delay_ms, 2000);
    CHECK(r.s.retry_multiplier == 1.5);
    read_fini(&r);
}

TEST(durations_and_sizes)
{
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = {{"5", 5},
                     {"5s", 5000},
                     {"500ms", 500},
                     {"2m", 120000},
                     {"1h", 3600000},
                     {"1D", 86400000},
                     {"PT1M30S", 90000},
                     {"PT0.5S", 500},
                     {"P1DT1H", 90000000},
                     {"pt2s", 2000},
                     {"", -1},
                     {"s", -1},
                     {"-5s", -1},
                     {"5 s", -1},
                     {"PT", -1},
                     {"P", -1},
                     {"PT1S1M", -1},
                     {"P1D1D", -1},
                     {"PT1.5M", -1},
                     {"99999999999999999999", -1},
                     {"9223372036854775807h", -1}};
    int64_t n;
    for (size_t i = 0; i < NELEMS(durations); i++) {
        n = -1;
        if (!spring_duration(durations[i].text, 1, &n)) n = -1;
        CHECK_INT(n, durations[i].ms);
    }
    CHECK(spring_data_size("1MB", &n));
    CHECK_INT(n, 1048576);
    CHECK(spring_data_size("12", &n));
    CHECK_INT(n, 12);
    CHECK(!spring_data_size("1M", &n));
}

TEST(distances)
{
    CHECK_INT(setting_distance("kitten", "sitting", 9), 3);
    CHECK_INT(setting_distance("kitten", "sitting", 2), 3);
    CHECK_INT(setting_distance("", "abc", 9), 3);
    CHECK_INT(setting_distance("abc", "abc", 0), 0);
}
