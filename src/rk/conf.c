/* Java's client configuration in librdkafka's terms.
 *
 * The table names what differs. `to` is librdkafka's name; NULL drops the property because librdkafka has
 * nothing it could mean. What the table does not list goes through under its own name, which is the same for
 * most. */
#include "rk/conf.h"
#include "base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum form { PLAIN, KIB, BUFFER, ASSIGNORS, JAAS, ENDPOINT };
static const struct rule {
    const char *from, *to;
    enum form form;
} rules[] = {
    {"buffer.memory", "queue.buffering.max.kbytes", KIB},
    {"send.buffer.bytes", "socket.send.buffer.bytes", BUFFER},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes", BUFFER},
    {"max.request.size", "message.max.bytes", PLAIN},
    {"fetch.max.wait.ms", "fetch.wait.max.ms", PLAIN},
    {"socket.connection.setup.timeout.max.ms", "socket.connection.setup.timeout.ms", PLAIN},
    {"partition.assignment.strategy", "partition.assignment.strategy", ASSIGNORS},
    {"sasl.jaas.config", NULL, JAAS},
    {"ssl.endpoint.identification.algorithm", "ssl.endpoint.identification.algorithm", ENDPOINT},
    {"ssl.truststore.certificates", "ssl.ca.pem", PLAIN},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem", PLAIN},
    {"ssl.keystore.key", "ssl.key.pem", PLAIN},
    {"max.block.ms", NULL, PLAIN},
    {"max.poll.records", NULL, PLAIN},
    {"key.serializer", NULL, PLAIN},
    {"value.serializer", NULL, PLAIN},
    {"key.deserializer", NULL, PLAIN},
    {"value.deserializer", NULL, PLAIN},
    {"partitioner.class", NULL, PLAIN},
    {"partitioner.adaptive.partitioning.enable", NULL, PLAIN},
    {"partitioner.availability.timeout.ms", NULL, PLAIN},
    {"partitioner.ignore.keys", NULL, PLAIN},
    {"interceptor.classes", NULL, PLAIN},
    {"metric.reporters", NULL, PLAIN},
    {"metrics.num.samples", NULL, PLAIN},
    {"metrics.recording.level", NULL, PLAIN},
    {"metrics.sample.window.ms", NULL, PLAIN},
    {"auto.include.jmx.reporter", NULL, PLAIN},
    {"enable.metrics.push", NULL, PLAIN},
    {"client.dns.lookup", NULL, PLAIN},
    {"default.api.timeout.ms", NULL, PLAIN},
    {"exclude.internal.topics", NULL, PLAIN},
    {"group.protocol", NULL, PLAIN},
    {"group.remote.assignor", NULL, PLAIN},
    {"metadata.max.idle.ms", NULL, PLAIN},
    {"metadata.recovery.strategy", NULL, PLAIN},
    {"metadata.recovery.rebootstrap.trigger.ms", NULL, PLAIN},
    {"sasl.client.callback.handler.class", NULL, PLAIN},
    {"sasl.login.callback.handler.class", NULL, PLAIN},
    {"sasl.login.class", NULL, PLAIN},
    {"security.providers", NULL, PLAIN},
    {"ssl.protocol", NULL, PLAIN},
    {"ssl.provider", NULL, PLAIN},
    {"ssl.enabled.protocols", NULL, PLAIN},
    {"ssl.keymanager.algorithm", NULL, PLAIN},
    {"ssl.trustmanager.algorithm", NULL, PLAIN},
    {"ssl.secure.random.implementation", NULL, PLAIN},
    {"ssl.engine.factory.class", NULL, PLAIN},
    {"ssl.truststore.type", NULL, PLAIN},
    {"ssl.keystore.type", NULL, PLAIN},
    {"ssl.truststore.password", NULL, PLAIN},
};
/* Set by the section below, which looks at several properties at once. */
static const char *const stores[] = {"ssl.truststore.location", "ssl.keystore.location",
                                     "ssl.keystore.password"};

/* name="value" or name=value inside a JAAS line; the caller frees it, NULL if absent. */
static char *jaas_value(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += n) {
        if (at != text && !isspace((unsigned char)at[-1])) continue;
        const char *p = at + n + strspn(at + n, " ");
        if (*p++ != '=') continue;
        p += strspn(p, " ");
        char quote = *p == '"' || *p == '\'' ? *p++ : 0;
        struct strbuf b;
        strbuf_init(&b);
        for (; *p && (quote ? *p != quote : *p != ';' && !isspace((unsigned char)*p)); p++) {
            if (*p == '\\' && p[1]) p++;
            strbuf_add_char(&b, *p);
        }
        return b.s ? b.s : xstrdup("");
    }
    return NULL;
}

struct rk_conf {
    rd_kafka_conf_t *conf;
    void (*unknown)(void *arg, const char *name);
    void *arg;
};

static int set(struct rk_conf *c, const char *name, const char *value, struct strbuf *why)
{
    char error[512];
    switch (rd_kafka_conf_set(c->conf, name, value, error, sizeof error)) {
    case RD_KAFKA_CONF_OK:
        return 0;
    case RD_KAFKA_CONF_UNKNOWN:
        c->unknown(c->arg, name);
        return 0;
    default:
        strbuf_printf(why, "Invalid value %s for configuration %s: %s", value, name, error);
        return ERR_INVALID_CONFIG;
    }
}

static int set_jaas(struct rk_conf *c, const char *jaas, struct strbuf *why)
{
    char *user = jaas_value(jaas, "username"), *password = jaas_value(jaas, "password");
    int rc = user ? set(c, "sasl.username", user, why) : 0;
    if (rc == 0 && password) rc = set(c, "sasl.password", password, why);
    free(user);
    free(password);
    return rc;
}

static int set_assignors(struct rk_conf *c, const char *classes, struct strbuf *why)
{
    struct strbuf b;
    strbuf_init(&b);
    bool sticky = strstr(classes, "CooperativeSticky") || strstr(classes, "cooperative-sticky");
    if (sticky)
        strbuf_add_cstr(&b, "cooperative-sticky"); /* librdkafka does not mix it with the eager ones */
    else {
        if (strstr(classes, "Range") || strstr(classes, "range")) strbuf_add_cstr(&b, "range,");
        if (strstr(classes, "RoundRobin") || strstr(classes, "roundrobin") ||
            strstr(classes, ".StickyAssignor"))
            strbuf_add_cstr(&b, "roundrobin,");
        if (b.n) b.s[--b.n] = 0;
    }
    int rc = b.n ? set(c, "partition.assignment.strategy", b.s, why) : 0;
    strbuf_fini(&b);
    return rc;
}

/* Trust and key stores: PEM files and PKCS#12; Java's own JKS is refused with a way out. */
static int set_stores(struct rk_conf *c, const struct properties *p, struct strbuf *why)
{
    const char *trust = properties_get(p, "ssl.truststore.location"),
               *trust_type = properties_get(p, "ssl.truststore.type");
    const char *keys = properties_get(p, "ssl.keystore.location"),
               *keys_type = properties_get(p, "ssl.keystore.type");
    const char *password = properties_get(p, "ssl.keystore.password");
    int rc = 0;
    if (trust) {
        size_t n = strlen(trust);
        bool java = trust_type ? strcasecmp(trust_type, "PEM") != 0
                               : n > 4 && (strcasecmp(trust + n - 4, ".jks") == 0 ||
                                           strcasecmp(trust + n - 4, ".p12") == 0);
        if (java) {
            strbuf_printf(why,
                          "%s: the trust store must be PEM; export it with keytool -exportcert -rfc and set "
                          "ssl.truststore.type=PEM",
                          trust);
            return ERR_INVALID_CONFIG;
        }
        rc = set(c, "ssl.ca.location", trust, why);
    }
    if (rc == 0 && keys && keys_type && strcasecmp(keys_type, "PEM") == 0) {
        rc = set(c, "ssl.certificate.location", keys, why);
        if (rc == 0) rc = set(c, "ssl.key.location", keys, why);
    } else if (rc == 0 && keys) {
        rc = set(c, "ssl.keystore.location", keys, why);
        if (rc == 0 && password) rc = set(c, "ssl.keystore.password", password, why);
    }
    return rc;
}

static int apply(struct rk_conf *c, const char *name, const char *value, struct strbuf *why)
{
    for (size_t i = 0; i < NELEMS(stores); i++)
        if (strcmp(stores[i], name) == 0) return 0;
    for (size_t i = 0; i < NELEMS(rules); i++) {
        const struct rule *r = &rules[i];
        if (strcmp(r->from, name) != 0) continue;
        char text[32];
        switch (r->form) {
        case PLAIN:
            return r->to ? set(c, r->to, value, why) : 0;
        case KIB: {
            int64_t kib = strtoll(value, NULL, 10) / 1024;
            snprintf(text, sizeof text, "%lld", (long long)(kib < 1 ? 1 : kib));
            return set(c, r->to, text, why);
        }
        case BUFFER:
            return set(c, r->to, strcmp(value, "-1") == 0 ? "0" : value, why);
        case ASSIGNORS:
            return set_assignors(c, value, why);
        case JAAS:
            return set_jaas(c, value, why);
        case ENDPOINT:
            return set(c, r->to, *value ? value : "none", why);
        }
    }
    return set(c, name, value, why);
}

/* Names that only the other kind of client has; librdkafka would log a line for each. */
static bool foreign(const char *name, bool producer)
{
    static const char *const of_consumer[] = {"auto.offset.reset", "enable.auto.commit", "isolation.level",
                                              "fetch.min.bytes",   "check.crcs",         "group.id"};
    static const char *const of_producer[] = {
        "acks",    "linger.ms",     "batch.size",      "compression.type", "enable.idempotence",
        "retries", "buffer.memory", "transactional.id"};
    if (producer) {
        for (size_t i = 0; i < NELEMS(of_consumer); i++)
            if (strcmp(of_consumer[i], name) == 0) return true;
    } else {
        for (size_t i = 0; i < NELEMS(of_producer); i++)
            if (strcmp(of_producer[i], name) == 0) return true;
    }
    return false;
}

int rk_conf_new(const struct properties *p, bool producer, void (*unknown)(void *arg, const char *name),
                void *arg, rd_kafka_conf_t **out, struct strbuf *why)
{
    struct rk_conf c = {rd_kafka_conf_new(), unknown, arg};
    int rc = set_stores(&c, p, why);
    for (int i = 0; i < p->n && rc == 0; i++)
        if (!foreign(p->names[i], producer)) rc = apply(&c, p->names[i], p->values[i], why);
    if (rc) {
        rd_kafka_conf_destroy(c.conf);
        return rc;
    }
    *out = c.conf;
    return 0;
}
