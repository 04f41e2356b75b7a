/* What the applications that serve pages share: their options, their listener, and the headers that keep a
 * page to what comes from here. */
#ifndef MOLDAU_APP_SITE_H
#define MOLDAU_APP_SITE_H

#include "app/pages.h"
#include "cli/rk_tool.h"

/* In an application's table of options. */
#define SITE_OPTIONS(port)                                                                                   \
    {.name = "bootstrap-server",                                                                             \
     .takes_value = true,                                                                                    \
     .help = "the servers to connect to, HOST1:PORT1,HOST2:PORT2 (default: localhost:9092)"},                \
        {.name = "topic", .takes_value = true, .help = "the topic (default: Topic_from_java)"},              \
        {.name = "partitions",                                                                               \
         .takes_value = true,                                                                                \
         .help = "of the topic, where it is missing and therefore made (default: 5)"},                       \
        {.name = "replication-factor", .takes_value = true, .help = "likewise (default: the cluster's)"},    \
        {.name = "host", .takes_value = true, .help = "the address to listen on (default: every address)"},  \
        {.name = "port", .takes_value = true, .help = "its port (default: " port ")"},                       \
        {.name = "command-property", .takes_value = true, .help = "a property of the client, name=value"},   \
        {.name = "command-config", .takes_value = true, .help = "a file of client properties"},              \
        RK_CONFIG_OPTION

#define SITE_TOPIC "Topic_from_java"
#define SITE_PARTITIONS 5

/* s: what rk_settings read, where options do not say it. */
struct web *site_start(const struct cli_option *options, const struct spring_settings *s, uint16_t port,
                       const struct web_route *routes, size_t routes_n);
const char *site_topic(const struct cli_option *options, const struct spring_settings *s);
/* bootstrap.servers, and what the user says; settings: the client's of rk_settings. */
void site_properties(const struct cli_option *options, const struct properties *settings,
                     struct properties *p);
/* Or a sentence and exit code 1. */
rd_kafka_conf_t *site_conf(const struct properties *p, bool producer);
/* Sets a property that the user did not. */
void site_default(struct properties *p, const char *name, const char *value);

/* Answers "Healthy". */
void site_healthy(void *arg, struct web_request *q);

#endif
