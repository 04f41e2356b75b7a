#include "app/site.h"
#include "cli/tools.h"

#include <stdio.h>
#include <stdlib.h>

/* Places for connections: whoever holds them without a word loses them after SECONDS. */
#define CONNECTIONS_MAX 500
#define HEAD_BYTES_MAX (8 << 10)
#define SECONDS_MAX 10
#define POLICY                                                                                               \
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "          \
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

struct web *site_start(const struct cli_option *options, const struct spring_settings *s, uint16_t port,
                       const struct web_route *routes, size_t routes_n)
{
    static const char *const headers[] = {
        "Content-Security-Policy", POLICY,        "X-Content-Type-Options", "nosniff",
        "Referrer-Policy",         "no-referrer", "Cache-Control",          "no-cache"};
    const char *host = cli_value(options, "host");
    struct web *web;
    struct strbuf why;
    uint16_t got;
    if (s->server_port >= 0) port = (uint16_t)s->server_port;
    strbuf_init(&why);
    const struct web_config c = {.setting = "--port",
                                 .host = host ? host : "",
                                 .port = (uint16_t)tool_number(options, "port", port, 0, UINT16_MAX),
                                 .routes = routes,
                                 .routes_n = routes_n,
                                 .connections_max = CONNECTIONS_MAX,
                                 .head_bytes_max = HEAD_BYTES_MAX,
                                 .seconds_max = SECONDS_MAX,
                                 .headers = headers,
                                 .headers_n = NELEMS(headers)};
    if (web_start(&c, &got, &web, &why)) {
        rk_say("ERROR", "%s", strbuf_cstr(&why));
        exit(1);
    }
    rk_say("INFO", "listening on port %u", got);
    strbuf_fini(&why);
    return web;
}

const char *site_topic(const struct cli_option *options, const struct spring_settings *s)
{
    const char *topic = cli_value(options, "topic");
    if (topic && !*topic) tool_usage_error("--topic takes a name");
    if (!topic) topic = s->default_topic;
    return topic ? topic : SITE_TOPIC;
}

void site_properties(const struct cli_option *options, const struct properties *settings,
                     struct properties *p)
{
    const char *bootstrap = cli_value(options, "bootstrap-server");
    rk_properties(p, options, "Option", "command-config", NULL, "command-property", NULL);
    rk_default_properties(p, settings);
    if (bootstrap || !properties_get(p, "bootstrap.servers"))
        properties_set(p, "bootstrap.servers", bootstrap ? bootstrap : "localhost:9092");
    const char *reset = properties_get(p, "auto.offset.reset"); /* librdkafka's word for Java's */
    if (reset && strcmp(reset, "none") == 0) properties_set(p, "auto.offset.reset", "error");
    properties_set(p, "log_level", "2");
}

void site_default(struct properties *p, const char *name, const char *value)
{
    if (!properties_get(p, name)) properties_set(p, name, value);
}

rd_kafka_conf_t *site_conf(const struct properties *p, bool producer)
{
    rd_kafka_conf_t *conf;
    struct strbuf why;
    strbuf_init(&why);
    if (rk_tool_conf(p, producer, &conf, &why)) tool_usage_error("%s", strbuf_cstr(&why));
    strbuf_fini(&why);
    return conf;
}

void site_healthy(void *arg, struct web_request *q)
{
    (void)arg;
    strbuf_add_cstr(&q->text, "Healthy");
    web_reply(q);
}
