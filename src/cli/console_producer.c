/* console-producer: a record for every line of standard input.
 *
 * Lines end as Java's BufferedReader ends them: \n, \r or \r\n. A line is
 *     [h1:v1,h2:v2 <headers.delimiter>] [key <key.separator>] value
 * Delivery runs in librdkafka's threads; this one reads, and serves delivery reports while it waits for
 * input. */
#include "cli/rk_tool.h"
#include "cli/tools.h"
#include "os/blocking.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES 65536
#define SERVE_MS 200

struct reader {
    bool parse_key, parse_headers, ignore_error;
    const char *key_separator, *headers_delimiter, *headers_separator, *headers_key_separator;
    const char *null_marker; /* NULL: nothing stands for null */
    int64_t line;
};

struct console_producer {
    struct reader reader;
    rd_kafka_t *rk;
    const char *topic;
    bool sync, prompt;
    int64_t lost, max_block_ms;
    bool connected; /* some broker answered once */
    /* of --sync: the record in flight */
    bool done;
};

static bool yes(const struct properties *p, const char *name)
{
    const char *v = properties_get(p, name);
    return v && strcasecmp(v, "true") == 0;
}

static const char *text_of(struct properties *p, const char *name, const char *otherwise)
{
    const char *v = properties_get(p, name);
    return v ? v : otherwise;
}

static void reader_check(const char *a, const char *a_name, const char *b, const char *b_name)
{
    if (!a || strcmp(a, b) != 0) return;
    fprintf(stderr, "org.apache.kafka.common.KafkaException: %s and %s may not be equal\n", a_name, b_name);
    exit(1);
}

static void reader_init(struct reader *r, struct properties *p)
{
    *r = (struct reader){
        .parse_key = yes(p, "parse.key"),
        .parse_headers = yes(p, "parse.headers"),
        .ignore_error = yes(p, "ignore.error"),
        .key_separator = text_of(p, "key.separator", "\t"),
        .headers_delimiter = text_of(p, "headers.delimiter", "\t"),
        .headers_separator = text_of(p, "headers.separator", ","),
        .headers_key_separator = text_of(p, "headers.key.separator", ":"),
        .null_marker = properties_get(p, "null.marker"),
    };
    reader_check(r->headers_delimiter, "headers.delimiter", r->headers_separator, "headers.separator");
    reader_check(r->headers_delimiter, "headers.delimiter", r->headers_key_separator,
                 "headers.key.separator");
    reader_check(r->headers_separator, "headers.separator", r->headers_key_separator,
                 "headers.key.separator");
    reader_check(r->null_marker, "null.marker", r->key_separator, "key.separator");
    reader_check(r->null_marker, "null.marker", r->headers_separator, "headers.separator");
    reader_check(r->null_marker, "null.marker", r->headers_delimiter, "headers.delimiter");
    reader_check(r->null_marker, "null.marker", r->headers_key_separator, "headers.key.separator");
}

/* What stands before the separator, and *rest what stands behind it; ERR_FORMAT if there is none. */
static int cut(struct slice *rest, const char *separator, struct slice *before)
{
    const uint8_t *at = memmem(rest->p, rest->n, separator, strlen(separator));
    if (!at) return ERR_FORMAT;
    *before = slice_of(rest->p, (size_t)(at - rest->p));
    size_t used = before->n + strlen(separator);
    *rest = slice_of(rest->p + used, rest->n - used);
    return 0;
}

static struct slice or_null(const struct reader *r, struct slice s)
{
    return r->null_marker && slice_eq_cstr(s, r->null_marker) ? (struct slice){0} : s;
}

static int parse_headers(const struct reader *r, struct slice text, rd_kafka_headers_t *out,
                         struct strbuf *why)
{
    while (text.n) {
        struct slice pair, name;
        if (cut(&text, r->headers_separator, &pair)) {
            pair = text;
            text.n = 0;
        }
        struct slice value = pair;
        bool lacks = cut(&value, r->headers_key_separator, &name) != 0;
        if (lacks && !r->ignore_error) {
            strbuf_printf(why, "No header key separator found in pair '%.*s' on line number %lld",
                          (int)pair.n, (const char *)pair.p, (long long)r->line);
            return ERR_FORMAT;
        }
        if (lacks) {
            name = pair;
            value = (struct slice){0};
        }
        if (r->null_marker && slice_eq_cstr(name, r->null_marker)) {
            strbuf_printf(why,
                          "Header keys should not be equal to the null marker '%s' as they can't be null",
                          r->null_marker);
            return ERR_FORMAT;
        }
        value = or_null(r, value);
        if (rd_kafka_header_add(out, (const char *)name.p, (ssize_t)name.n, value.p, (ssize_t)value.n))
            return ERR_NOMEM;
    }
    return 0;
}

/* The next field in front of a separator. With ignore.error a line without it is left whole. */
static int parse_field(const struct reader *r, struct slice line, struct slice *rest, const char *separator,
                       const char *what, struct slice *out, struct strbuf *why)
{
    if (cut(rest, separator, out) == 0) return 0;
    *out = (struct slice){0};
    if (r->ignore_error) return 0;
    strbuf_printf(why, "No %s found on line number %lld: '%.*s'", what, (long long)r->line, (int)line.n,
                  (const char *)line.p);
    return ERR_FORMAT;
}

static void report(struct console_producer *p, struct slice key, struct slice value, const char *text)
{
    char k[32] = "null", v[32] = "null";
    if (key.p) snprintf(k, sizeof k, "%zu bytes", key.n);
    if (value.p) snprintf(v, sizeof v, "%zu bytes", value.n);
    rk_say("ERROR", "Error when sending message to topic %s with key: %s, value: %s with error: %s", p->topic,
           k, v, text);
    p->lost++;
}

static void delivered_cb(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct console_producer *p = opaque;
    (void)rk;
    if (m->err)
        report(p, slice_of(m->key, m->key_len), slice_of(m->payload, m->len), rd_kafka_err2str(m->err));
    p->done = true;
}

static void error_cb(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return; /* said before, broker by broker */
    rk_say(err == RD_KAFKA_RESP_ERR__FATAL ? "ERROR" : "WARN", "%s", reason);
}

/* Waits for the first answer of any broker, max_block_ms at most. */
static bool connected(struct console_producer *p)
{
    int64_t end = os_now_mono_ms() + p->max_block_ms;
    while (!p->connected && !rk_signal && os_now_mono_ms() < end) {
        const struct rd_kafka_metadata *m;
        if (rd_kafka_metadata(p->rk, 0, NULL, &m, (int)min_i64(SERVE_MS, p->max_block_ms)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(m);
            p->connected = true;
        } else os_sleep_ms(10); /* it may have failed at once */
        rd_kafka_poll(p->rk, 0);
    }
    return p->connected;
}

static void send_record(struct console_producer *p, rd_kafka_headers_t *headers, struct slice key,
                        struct slice value)
{
    rd_kafka_resp_err_t err;
    if (!connected(p)) {
        char text[128];
        snprintf(text, sizeof text, "Topic %.60s not present in metadata after %lld ms.", p->topic,
                 (long long)p->max_block_ms);
        if (headers) rd_kafka_headers_destroy(headers);
        report(p, key, value, text);
        return;
    }
    for (;;) {
        err = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(p->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_KEY(key.p, key.n),
                                RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n),
                                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL) break;
        rd_kafka_poll(p->rk, SERVE_MS);
    }
    if (err) {
        if (headers) rd_kafka_headers_destroy(headers);
        report(p, key, value, rd_kafka_err2str(err));
        return;
    }
    rd_kafka_poll(p->rk, 0);
    if (!p->sync) return;
    rd_kafka_flush(p->rk, 0); /* no lingering: nothing will join this batch */
    for (p->done = false; !p->done && !rk_signal;) rd_kafka_flush(p->rk, SERVE_MS);
}

static int send_line(struct console_producer *p, struct slice line)
{
    struct reader *r = &p->reader;
    struct strbuf why;
    struct slice rest = line, head = {0}, key = {0};
    rd_kafka_headers_t *headers = NULL;
    int rc = 0;
    strbuf_init(&why);
    r->line++;
    if (!line.p) rest = line = slice_of("", 0);
    if (r->parse_headers)
        rc = parse_field(r, line, &rest, r->headers_delimiter, "headers delimiter", &head, &why);
    if (rc == 0 && r->parse_key)
        rc = parse_field(r, line, &rest, r->key_separator, "key separator", &key, &why);
    head = or_null(r, head);
    if (rc == 0 && head.n) {
        headers = rd_kafka_headers_new(4);
        rc = parse_headers(r, head, headers, &why);
    }
    if (rc == 0) send_record(p, headers, or_null(r, key), or_null(r, rest));
    else {
        if (headers) rd_kafka_headers_destroy(headers);
        fprintf(stderr, "org.apache.kafka.common.KafkaException: %s\n", strbuf_cstr(&why));
    }
    strbuf_fini(&why);
    return rc;
}

static void prompt(const struct console_producer *p)
{
    if (!p->prompt) return;
    fputc('>', stdout);
    fflush(stdout);
}

/* Bytes of input, 0 at the end; reports are served meanwhile. */
static size_t read_input(struct console_producer *p, void *buf)
{
    while (!rk_signal) {
        struct pollfd f = {.fd = 0, .events = POLLIN};
        int n = poll(&f, 1, SERVE_MS);
        rd_kafka_poll(p->rk, 0);
        if (n <= 0) continue;
        ssize_t got = read(0, buf, READ_BYTES);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        return got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static int send_all(struct console_producer *p)
{
    struct strbuf line;
    uint8_t *buf = xmalloc(READ_BYTES);
    bool after_cr = false, some = false; /* some: a line has begun */
    int rc = 0;
    size_t n;
    strbuf_init(&line);
    prompt(p);
    while (rc == 0 && (n = read_input(p, buf)) > 0)
        for (size_t i = 0; i < n && rc == 0;) {
            if (after_cr && buf[i] == '\n') {
                after_cr = false;
                i++;
                continue;
            }
            size_t end = i;
            while (end < n && buf[end] != '\n' && buf[end] != '\r') end++;
            after_cr = end < n && buf[end] == '\r';
            some = true;
            if (end == n || line.n) strbuf_add(&line, buf + i, end - i);
            if (end < n) {
                rc = send_line(p, line.n ? strbuf_slice(&line) : slice_of(buf + i, end - i));
                strbuf_reset(&line);
                some = false;
                if (rc == 0) prompt(p);
            }
            i = end + 1;
        }
    if (rc == 0 && some && line.n) rc = send_line(p, strbuf_slice(&line));
    strbuf_fini(&line);
    free(buf);
    return rc;
}

/* Options first as the tool's defaults, then the user's file and properties, then the options that were
 * given: what the user said in so many words wins. */
static void configure(struct properties *p, const struct cli_option *o)
{
    static const struct {
        const char *option, *property, *value;
    } map[] = {
        {"request-required-acks", "acks", "-1"},
        {"request-timeout-ms", "request.timeout.ms", "1500"},
        {"message-send-max-retries", "retries", "3"},
        {"retry-backoff-ms", "retry.backoff.ms", "100"},
        {"metadata-expiry-ms", "metadata.max.age.ms", "300000"},
        {"max-block-ms", "max.block.ms", "60000"},
        {"max-memory-bytes", "buffer.memory", "33554432"},
        {"batch-size", "batch.size", "16384"},
        {"max-partition-memory-bytes", "batch.size", NULL},
        {"timeout", "linger.ms", "1000"},
        {"socket-buffer-size", "send.buffer.bytes", "102400"},
        {"compression-codec", "compression.type", "none"},
    };
    struct properties user = {0};
    rk_properties(&user, o, "Warning:", "command-config", "producer.config", "command-property",
                  "producer-property");
    for (size_t i = 0; i < NELEMS(map); i++)
        if (map[i].value) properties_set(p, map[i].property, map[i].value);
    properties_set(p, "client.id", "console-producer");
    for (int i = 0; i < user.n; i++) properties_set(p, user.names[i], user.values[i]);
    for (size_t i = 0; i < NELEMS(map); i++) {
        const char *v = cli_value(o, map[i].option);
        if (cli_given(o, map[i].option)) properties_set(p, map[i].property, v ? v : "gzip");
    }
    properties_free(&user);
}

/* What the user's settings leave open. */
static void complete(struct properties *p)
{
    const char *acks = properties_get(p, "acks"), *retries = properties_get(p, "retries");
    bool safe = (strcmp(acks, "-1") == 0 || strcmp(acks, "all") == 0) && strcmp(retries, "0") != 0;
    if (!properties_get(p, "enable.idempotence"))
        properties_set(p, "enable.idempotence", safe ? "true" : "false");
    if (!properties_get(p, "delivery.timeout.ms")) properties_set(p, "delivery.timeout.ms", "120000");
    if (!properties_get(p, "topic.metadata.propagation.max.ms"))
        properties_set(p, "topic.metadata.propagation.max.ms", properties_get(p, "max.block.ms"));
    properties_set(p, "partitioner", "murmur2_random"); /* Java's */
    properties_set(p, "topic.metadata.refresh.fast.interval.ms", "50");
    properties_set(p, "log_level", "2");
}

static int run(struct console_producer *p, const struct properties *props)
{
    struct strbuf why;
    rd_kafka_conf_t *conf;
    char error[512];
    strbuf_init(&why);
    int rc = rk_tool_conf(props, true, &conf, &why);
    if (rc == 0) {
        rd_kafka_conf_set_opaque(conf, p);
        rd_kafka_conf_set_dr_msg_cb(conf, delivered_cb);
        rd_kafka_conf_set_error_cb(conf, error_cb);
        p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
        if (!p->rk) {
            rd_kafka_conf_destroy(conf);
            strbuf_add_cstr(&why, error);
            rc = ERR_INVALID_CONFIG;
        }
    }
    if (rc) {
        fprintf(stderr, "org.apache.kafka.common.config.ConfigException: %s\n", why.s);
        strbuf_fini(&why);
        return 1;
    }
    rk_catch_signals();
    rc = send_all(p);
    int signal_at_end = rk_signal;
    rk_signal = 0; /* a second one ends the wait below */
    while (rd_kafka_outq_len(p->rk) > 0 && !rk_signal) rd_kafka_flush(p->rk, SERVE_MS);
    if (rd_kafka_outq_len(p->rk) > 0) p->lost += rd_kafka_outq_len(p->rk);
    rd_kafka_destroy(p->rk);
    strbuf_fini(&why);
    return rc || p->lost ? 1 : signal_at_end ? 128 + signal_at_end : 0;
}

int console_producer_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {.name = "bootstrap-server",
         .takes_value = true,
         .help = "REQUIRED: the servers to connect to, HOST1:PORT1,HOST2:PORT2"},
        {.name = "broker-list", .takes_value = true, .help = "the older name of --bootstrap-server"},
        {.name = "topic", .takes_value = true, .help = "REQUIRED: the topic to produce to"},
        {.name = "sync", .help = "wait for each record's acknowledgement before the next is sent"},
        {.name = "compression-codec",
         .takes_value = true,
         .help = "none, gzip, snappy, lz4 or zstd; gzip if no value is given"},
        {.name = "batch-size", .takes_value = true, .help = "bytes of a batch (default: 16384)"},
        {.name = "message-send-max-retries",
         .takes_value = true,
         .help = "retries before a record is given up (default: 3)"},
        {.name = "retry-backoff-ms", .takes_value = true, .help = "pause before a retry (default: 100)"},
        {.name = "timeout",
         .takes_value = true,
         .help = "how long a record may wait for others of its batch (default: 1000)"},
        {.name = "request-required-acks", .takes_value = true, .help = "0, 1, -1 or all (default: -1)"},
        {.name = "request-timeout-ms",
         .takes_value = true,
         .help = "how long a broker may take to acknowledge (default: 1500)"},
        {.name = "metadata-expiry-ms",
         .takes_value = true,
         .help = "how old metadata may get (default: 300000)"},
        {.name = "max-block-ms",
         .takes_value = true,
         .help = "how long to wait for a topic's metadata (default: 60000)"},
        {.name = "max-memory-bytes",
         .takes_value = true,
         .help = "memory for records that wait (default: 33554432)"},
        {.name = "max-partition-memory-bytes", .takes_value = true, .help = "deprecated: use --batch-size"},
        {.name = "socket-buffer-size",
         .takes_value = true,
         .help = "the socket's send buffer (default: 102400)"},
        {.name = "line-reader", .takes_value = true, .help = "only org.apache.kafka.tools.LineMessageReader"},
        {.name = "reader-property",
         .takes_value = true,
         .help = "parse.key, parse.headers, ignore.error, key.separator, headers.delimiter, "
                 "headers.separator, headers.key.separator, null.marker"},
        {.name = "property", .takes_value = true, .help = "the older name of --reader-property"},
        {.name = "reader-config", .takes_value = true, .help = "a file of reader properties"},
        {.name = "command-property", .takes_value = true, .help = "a property of the producer, name=value"},
        {.name = "producer-property", .takes_value = true, .help = "the older name of --command-property"},
        {.name = "command-config", .takes_value = true, .help = "a file of producer properties"},
        {.name = "producer.config", .takes_value = true, .help = "the older name of --command-config"},
        {0},
    };
    char **args = cli_optional_value(argc, argv, "compression-codec", "gzip");
    cli_parse(argc, args, "This tool helps to read data from standard input and publish it to Kafka.", o,
              NULL, NULL);
    struct console_producer p = {
        .topic = cli_value(o, "topic"), .sync = cli_given(o, "sync"), .prompt = isatty(0)};
    if (!p.topic) tool_usage_error("Missing required argument \"[topic]\"");
    const char *reader_class = cli_value(o, "line-reader");
    if (reader_class && !strstr(reader_class, "LineMessageReader"))
        tool_usage_error("The line reader %s is a Java class; moldau reads lines only", reader_class);
    struct properties props = {0}, reader = {0};
    configure(&props, o);
    properties_set(&props, "bootstrap.servers", cli_bootstrap(o));
    complete(&props);
    p.max_block_ms = strtoll(properties_get(&props, "max.block.ms"), NULL, 10);
    rk_properties(&reader, o, "Warning:", "reader-config", NULL, "reader-property", "property");
    reader_init(&p.reader, &reader);
    int rc = run(&p, &props);
    properties_free(&props);
    properties_free(&reader);
    free(args);
    return rc;
}
