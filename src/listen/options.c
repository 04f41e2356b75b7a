#include "listen/options.h"
#include "rk/conf.h"

static void unknown(void *arg, const char *name)
{
    struct strbuf *why = arg;
    if (!why->n) strbuf_printf(why, "librdkafka has no property %s", name);
}

static void quiet(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

rd_kafka_conf_t *options_consumer_conf(const struct moldau_container_options *o, int index, int retry_level,
                                       bool *reset_latest, struct strbuf *why)
{
    struct properties p = {0};
    struct strbuf odd = {0}, name = {0};
    rd_kafka_conf_t *conf = NULL;
    properties_set(&p, "bootstrap.servers", o->bootstrap_servers);
    strbuf_add_cstr(&name, o->client_id ? o->client_id : "moldau-listen");
    if (o->concurrency > 1 || retry_level >= 0) strbuf_printf(&name, "-%d", index);
    properties_set(&p, "client.id", strbuf_cstr(&name));
    properties_set(&p, "auto.offset.reset", "latest");
    for (size_t i = 0; i < o->properties_n; i++)
        properties_set(&p, o->properties[i].name, o->properties[i].value);
    strbuf_reset(&name);
    strbuf_add_cstr(&name, o->group);
    if (retry_level >= 0) {
        strbuf_printf(&name, "%s-%d", o->retry_suffix, retry_level);
        properties_set(&p, "auto.offset.reset", "earliest");
    }
    properties_set(&p, "group.id", strbuf_cstr(&name));
    properties_set(&p, "enable.auto.commit", "false");
    properties_set(&p, "enable.auto.offset.store", "false");
    if (o->transactional_id) properties_set(&p, "isolation.level", "read_committed");
    const char *reset = properties_get(&p, "auto.offset.reset");
    if (reset_latest) *reset_latest = strcmp(reset, "latest") == 0;
    if (strcmp(reset, "none") == 0) properties_set(&p, "auto.offset.reset", "error");
    if (rk_conf_new(&p, false, unknown, &odd, &conf, why)) conf = NULL;
    else if (odd.n) {
        strbuf_add(why, odd.s, odd.n);
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    strbuf_fini(&odd);
    strbuf_fini(&name);
    properties_free(&p);
    if (conf) rd_kafka_conf_set_log_cb(conf, quiet);
    return conf;
}

rd_kafka_conf_t *options_producer_conf(const struct moldau_container_options *o, struct strbuf *why)
{
    struct properties p = {0};
    struct strbuf odd = {0};
    rd_kafka_conf_t *conf = NULL;
    properties_set(&p, "bootstrap.servers", o->bootstrap_servers);
    properties_set(&p, "client.id", "moldau-listen-dlt");
    properties_set(&p, "enable.idempotence", "true");
    properties_set(&p, "linger.ms", "0");
    for (size_t i = 0; i < o->producer_properties_n; i++)
        properties_set(&p, o->producer_properties[i].name, o->producer_properties[i].value);
    if (rk_conf_new(&p, true, unknown, &odd, &conf, why)) conf = NULL;
    else if (odd.n) {
        strbuf_add(why, odd.s, odd.n);
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    strbuf_fini(&odd);
    properties_free(&p);
    if (conf) rd_kafka_conf_set_log_cb(conf, quiet);
    return conf;
}
