/* console-consumer: the records of topics on standard output.
 *
 *   start --(--partition)--> assigned to one partition
 *         --(no group, ends by itself: --max-messages or --timeout-ms)--> assigned to all partitions of
 *           the topic: nobody can watch such a group, and joining one costs the broker's initial rebalance
 *           delay
 *         --(else, or the topic is not there yet)--> subscribed, in --group or console-consumer-N
 *   each record --> output buffer --(nothing more at hand)--> standard output
 *   signal, enough records, silence for --timeout-ms, output closed --> closed: a group commits and is left
 */
#include "cli/record_format.h"
#include "cli/rk_tool.h"
#include "cli/tools.h"
#include "os/blocking.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OUT_BYTES 65536
#define WAIT_MS 100
#define CREATE_WAIT_MS 1000 /* for a topic that the question for it creates */

struct console_consumer {
    struct record_format format;
    rd_kafka_t *rk;
    const char *topic, *include;
    int32_t partition; /* -1: not chosen */
    int64_t offset;    /* where to start in it, or RD_KAFKA_OFFSET_* */
    bool has_group, skip_errors, quiet;
    int64_t messages_max, timeout_ms; /* -1: no bound */
    int64_t seen;
    bool closed, denied; /* nobody reads the output; the broker refused the credentials */
    struct strbuf out;
};

static void error_cb(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct console_consumer *c = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return; /* said before, broker by broker */
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION && !c->denied) {
        c->denied = true;
        rk_say("ERROR", "Authentication failed: terminating consumer process: %s", reason);
    } else rk_say("WARN", "%s", reason);
}

static void flush(struct console_consumer *c)
{
    for (size_t done = 0; done < c->out.n && !c->closed;) {
        ssize_t n = write(1, c->out.s + done, c->out.n - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            fprintf(stderr, "Unable to write to standard out, closing consumer.\n");
            c->closed = true;
        } else done += (size_t)n;
    }
    strbuf_reset(&c->out);
}

/* All partitions of the topic, from the start or the end; 0 of them if it is not there. */
static rd_kafka_topic_partition_list_t *all_partitions(struct console_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    rd_kafka_topic_t *t = rd_kafka_topic_new(c->rk, c->topic, NULL);
    const struct rd_kafka_metadata *m;
    if (t && rd_kafka_metadata(c->rk, 0, t, &m, WAIT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < m->topic_cnt; i++)
            for (int k = 0; k < m->topics[i].partition_cnt; k++)
                rd_kafka_topic_partition_list_add(list, c->topic, m->topics[i].partitions[k].id)->offset =
                    c->offset;
        rd_kafka_metadata_destroy(m);
    }
    if (t) rd_kafka_topic_destroy(t);
    return list;
}

static rd_kafka_resp_err_t begin(struct console_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_resp_err_t err;
    bool bounded = c->messages_max >= 0 || c->timeout_ms >= 0;
    if (c->partition >= 0) {
        list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, c->topic, c->partition)->offset = c->offset;
    } else if (c->topic) { /* a topic that comes later would be read from its end then, past what we were
                              asked for */
        int64_t end = os_now_mono_ms() + CREATE_WAIT_MS;
        while ((list = all_partitions(c))->cnt == 0 && os_now_mono_ms() < end && !rk_signal && !c->denied) {
            rd_kafka_topic_partition_list_destroy(list);
            os_sleep_ms(20);
        }
    }
    if (list && list->cnt && (c->partition >= 0 || (!c->has_group && bounded)))
        err = rd_kafka_assign(c->rk, list);
    else {
        struct strbuf name;
        strbuf_init(&name);
        if (c->topic) strbuf_add_cstr(&name, c->topic);
        else strbuf_printf(&name, "^(%s)$", c->include);
        if (list) rd_kafka_topic_partition_list_destroy(list);
        list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, name.s, RD_KAFKA_PARTITION_UA);
        err = rd_kafka_subscribe(c->rk, list);
        strbuf_fini(&name);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

/* Prints a record; ERR_FORMAT if it could not be and that ends the run. */
static int show(struct console_consumer *c, const rd_kafka_message_t *m, struct strbuf *why)
{
    c->seen++;
    if (c->quiet) return 0;
    int rc = record_format_add(&c->format, m, &c->out, why);
    if (rc && c->skip_errors) {
        rk_say("ERROR", "Error processing message, skipping this message: %s", why->s);
        strbuf_reset(why);
        rc = 0;
    }
    if (c->out.n >= OUT_BYTES) flush(c);
    return rc;
}

static int consume(struct console_consumer *c, struct strbuf *why)
{
    int64_t since = os_now_mono_ms();
    int rc = 0;
    while (rc == 0 && !rk_signal && !c->closed && !c->denied &&
           (c->messages_max < 0 || c->seen < c->messages_max)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, 0);
        if (!m) {
            flush(c);
            int64_t wait = WAIT_MS;
            if (c->timeout_ms >= 0) wait = min_i64(wait, since + c->timeout_ms - os_now_mono_ms());
            if (wait <= 0) {
                rk_say("ERROR", "Error processing message, terminating consumer process: "
                                "\norg.apache.kafka.common.errors.TimeoutException");
                break;
            }
            m = rd_kafka_consumer_poll(c->rk, (int)wait);
        }
        if (!m) continue;
        if (m->err == 0) {
            rc = show(c, m, why);
            if (c->timeout_ms >= 0) since = os_now_mono_ms();
        } else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            rk_say("WARN", "%s", rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
    }
    flush(c);
    return rc;
}

static int run(struct console_consumer *c, const struct properties *props)
{
    struct strbuf why;
    rd_kafka_conf_t *conf;
    char error[512];
    strbuf_init(&why);
    int rc = rk_tool_conf(props, false, &conf, &why);
    if (rc == 0) {
        rd_kafka_conf_set_opaque(conf, c);
        rd_kafka_conf_set_error_cb(conf, error_cb);
        c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
        if (!c->rk) {
            rd_kafka_conf_destroy(conf);
            strbuf_add_cstr(&why, error);
            rc = ERR_INVALID_CONFIG;
        }
    }
    if (rc) {
        rk_say("ERROR",
               "Unknown error when running consumer: \norg.apache.kafka.common.config.ConfigException: %s",
               why.s);
        strbuf_fini(&why);
        return 1;
    }
    rd_kafka_poll_set_consumer(c->rk);
    rk_catch_signals();
    rd_kafka_resp_err_t err = begin(c);
    if (err) {
        rc = ERR_INVALID_CONFIG;
        strbuf_add_cstr(&why, rd_kafka_err2str(err));
    } else rc = consume(c, &why);
    int signal_at_end = rk_signal;
    rd_kafka_consumer_close(c->rk);
    fprintf(stderr, "Processed a total of %lld messages\n", (long long)c->seen);
    if (rc)
        rk_say("ERROR",
               "Unknown error when running consumer: "
               "\norg.apache.kafka.common.errors.SerializationException: %s",
               why.s);
    rd_kafka_destroy(c->rk);
    strbuf_fini(&why);
    return rc || c->denied ? 1 : signal_at_end ? 128 + signal_at_end : 0;
}

static int64_t number(const struct cli_option *o, const char *name, int64_t otherwise)
{
    const char *v = cli_value(o, name);
    int64_t n;
    if (!v) return otherwise;
    if (!parse_i64(v, &n)) tool_usage_error("Cannot parse argument '%s' of option %s", v, name);
    return n;
}

/* The group of --group, --consumer-property and --consumer.config, which must agree; NULL if none names one.
 */
static const char *group_of(const struct cli_option *o, const struct properties *p)
{
    const char *said = cli_value(o, "group"), *set = properties_get(p, "group.id");
    if (said && set && strcmp(said, set) != 0)
        tool_usage_error("The group ids provided in different places (directly using '--group', via "
                         "'--consumer-property', or via '--consumer.config') "
                         "do not match. Detected group ids: '%s', '%s'",
                         said, set);
    return said ? said : set;
}

static int64_t start_of(const struct cli_option *o, bool beginning)
{
    const char *v = cli_value(o, "offset");
    int64_t n;
    if (!v) return beginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    if (strcasecmp(v, "earliest") == 0) return RD_KAFKA_OFFSET_BEGINNING;
    if (strcasecmp(v, "latest") == 0) return RD_KAFKA_OFFSET_END;
    if (!parse_i64(v, &n) || n < 0)
        tool_usage_error("The provided offset value '%s' is incorrect. Valid values are 'earliest', "
                         "'latest', or a non-negative long.",
                         v);
    return n;
}

static void configure(struct console_consumer *c, const struct cli_option *o, struct properties *p)
{
    char name[40];
    const char *group = group_of(o, p), *reset = properties_get(p, "auto.offset.reset"),
               *isolation = cli_value(o, "isolation-level");
    bool beginning = cli_given(o, "from-beginning");
    if (group && c->partition >= 0)
        tool_usage_error("Options group and partition cannot be specified together.");
    if (beginning && reset && strcmp(reset, "earliest") != 0)
        tool_usage_error("Can't simultaneously specify --from-beginning and 'auto.offset.reset=%s', please "
                         "remove one option",
                         reset);
    c->has_group = group != NULL;
    c->offset = start_of(o, beginning || (reset && strcmp(reset, "earliest") == 0));
    snprintf(name, sizeof name, "console-consumer-%lld",
             (long long)(((os_now_wall_ms() << 7) ^ getpid()) % 100000));
    properties_set(p, "group.id", group ? group : name);
    if (!group) properties_set(p, "enable.auto.commit", "false");
    if (!reset) properties_set(p, "auto.offset.reset", beginning ? "earliest" : "latest");
    else if (strcmp(reset, "none") == 0) properties_set(p, "auto.offset.reset", "error");
    if (!properties_get(p, "client.id")) properties_set(p, "client.id", "console-consumer");
    if (isolation || !properties_get(p, "isolation.level"))
        properties_set(p, "isolation.level", isolation ? isolation : "read_uncommitted");
    if (!properties_get(p, "allow.auto.create.topics"))
        properties_set(p, "allow.auto.create.topics", c->topic ? "true" : "false");
    const char *internal = properties_get(p, "exclude.internal.topics");
    if (c->include && !(internal && strcmp(internal, "false") == 0))
        properties_set(p, "topic.blacklist",
                       "^__consumer_offsets$,^__transaction_state$,^__share_group_state$");
    properties_set(p, "bootstrap.servers", cli_bootstrap(o));
    properties_set(p, "topic.metadata.refresh.fast.interval.ms", "50");
    properties_set(p, "fetch.error.backoff.ms", "50");
    properties_set(p, "log_level", "2");
}

static void formatter(struct console_consumer *c, const struct cli_option *o, struct properties *p)
{
    const char *class = cli_value(o, "formatter"), *key = cli_value(o, "key-deserializer"),
               *value = cli_value(o, "value-deserializer");
    struct strbuf why;
    strbuf_init(&why);
    rk_properties(p, o, "Option", "formatter-config", NULL, "formatter-property", "property");
    if (key) properties_set(p, "key.deserializer", key);
    if (value) properties_set(p, "value.deserializer", value);
    c->quiet = class && strstr(class, "NoOpMessageFormatter");
    if (class && !c->quiet && !strstr(class, "DefaultMessageFormatter"))
        tool_usage_error("The formatter %s is a Java class that moldau does not have", class);
    if (record_format_init(&c->format, p, &why)) tool_usage_error("%s", why.s);
    strbuf_fini(&why);
}

int console_consumer_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {.name = "bootstrap-server",
         .takes_value = true,
         .help = "REQUIRED: the servers to connect to, HOST1:PORT1,HOST2:PORT2"},
        {.name = "topic", .takes_value = true, .help = "the topic to consume from"},
        {.name = "include", .takes_value = true, .help = "a regular expression of topics to consume from"},
        {.name = "group", .takes_value = true, .help = "the consumer group; without it nothing is committed"},
        {.name = "from-beginning", .help = "start with the earliest record if the group has no offset yet"},
        {.name = "partition",
         .takes_value = true,
         .help = "the partition to consume from, its end unless --offset is given"},
        {.name = "offset",
         .takes_value = true,
         .help = "where to start: a number, earliest or latest (default: latest)"},
        {.name = "max-messages", .takes_value = true, .help = "how many records to consume before the end"},
        {.name = "timeout-ms", .takes_value = true, .help = "end if no record comes for so long"},
        {.name = "isolation-level",
         .takes_value = true,
         .help = "read_committed or read_uncommitted (the default)"},
        {.name = "skip-message-on-error", .help = "skip a record that cannot be shown instead of ending"},
        {.name = "formatter", .takes_value = true, .help = "DefaultMessageFormatter or NoOpMessageFormatter"},
        {.name = "formatter-property",
         .takes_value = true,
         .help = "print.timestamp, print.key, print.offset, print.partition, print.headers, print.value, "
                 "key.separator, line.separator, headers.separator, null.literal, key.deserializer, "
                 "value.deserializer"},
        {.name = "property", .takes_value = true, .help = "the older name of --formatter-property"},
        {.name = "formatter-config", .takes_value = true, .help = "a file of formatter properties"},
        {.name = "key-deserializer",
         .takes_value = true,
         .help = "String, Integer, Long, Short, Float, Double, UUID, Boolean or ByteArray"},
        {.name = "value-deserializer", .takes_value = true, .help = "the same for values"},
        {.name = "command-property", .takes_value = true, .help = "a property of the consumer, name=value"},
        {.name = "consumer-property", .takes_value = true, .help = "the older name of --command-property"},
        {.name = "command-config", .takes_value = true, .help = "a file of consumer properties"},
        {.name = "consumer.config", .takes_value = true, .help = "the older name of --command-config"},
        {.name = "zookeeper",
         .takes_value = true,
         .help = "of releases before 2.0; taken as the bootstrap address"},
        {0},
    };
    cli_parse(argc, argv, "This tool helps to read data from Kafka topics and outputs it to standard output.",
              o, NULL, NULL);
    struct console_consumer c = {.topic = cli_value(o, "topic"),
                                 .include = cli_value(o, "include"),
                                 .skip_errors = cli_given(o, "skip-message-on-error")};
    if (!c.topic == !c.include)
        tool_usage_error("Exactly one of the following arguments is required: [topic], [include]");
    c.partition = (int32_t)number(o, "partition", -1);
    c.messages_max = number(o, "max-messages", -1);
    c.timeout_ms = number(o, "timeout-ms", -1);
    if (c.partition >= 0 && !c.topic) tool_usage_error("The topic is required when partition is specified.");
    if (cli_given(o, "from-beginning") && cli_given(o, "offset"))
        tool_usage_error("Options from-beginning and offset cannot be specified together.");
    if (cli_given(o, "offset") && c.partition < 0)
        tool_usage_error("The partition is required when offset is specified.");
    struct properties props = {0}, shape = {0};
    rk_properties(&props, o, "Option", "command-config", "consumer.config", "command-property",
                  "consumer-property");
    formatter(&c, o, &shape);
    configure(&c, o, &props);
    strbuf_init(&c.out);
    fflush(stdout);
    int rc = run(&c, &props);
    strbuf_fini(&c.out);
    properties_free(&props);
    properties_free(&shape);
    return rc;
}
