/* What concerns several settings at once: roles, listeners, voters, and the relations between limits. Kafka
 * checks the same at its start; the sentences name the settings, what they hold and what would do. */
#include "conf/conf_int.h"
#include "base/err.h"
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static const char *const securities[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

const char *conf_security_name(enum conf_security s)
{
    return securities[s];
}

static int security_parse(struct slice s, enum conf_security *out)
{
    for (size_t i = 0; i < NELEMS(securities); i++)
        if (strlen(securities[i]) == s.n && strncasecmp(securities[i], (const char *)s.p, s.n) == 0) {
            *out = (enum conf_security)i;
            return 0;
        }
    return ERR_FORMAT;
}

static bool same_name(struct slice a, const char *b)
{
    return a.n == strlen(b) && strncasecmp((const char *)a.p, b, a.n) == 0;
}

static bool list_has_name(const struct conf *c, enum conf_id id, const char *name)
{
    size_t n;
    const struct slice *items = conf_list(c, id, &n);
    for (size_t i = 0; i < n; i++)
        if (same_name(items[i], name)) return true;
    return false;
}

static bool in_file(const struct conf *c, enum conf_id id)
{
    return c->settings[id].text[CONF_LAYER_STATIC].p != NULL;
}

static void set_default(struct conf *c, enum conf_id id, const char *text)
{
    if (in_file(c, id)) return;
    c->settings[id].text[CONF_LAYER_STATIC] = slice_own(slice_cstr(text));
    conf_refresh(c, id);
}

static bool has_role(const struct conf *c, const char *role)
{
    return list_has_name(c, CONF_PROCESS_ROLES, role);
}

static void solo_defaults(struct conf *c)
{
    set_default(c, CONF_PROCESS_ROLES, "broker,controller");
    set_default(c, CONF_LISTENERS, "PLAINTEXT://localhost:9092");
    if (!in_file(c, CONF_LOG_DIR)) set_default(c, CONF_LOG_DIRS, "./moldau-data");
    set_default(c, CONF_OFFSETS_TOPIC_REPLICATION_FACTOR, "1");
    set_default(c, CONF_TRANSACTION_STATE_LOG_REPLICATION_FACTOR, "1");
    set_default(c, CONF_TRANSACTION_STATE_LOG_MIN_ISR, "1");
    set_default(c, CONF_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR, "1");
    set_default(c, CONF_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR, "1");
    set_default(c, CONF_GROUP_INITIAL_REBALANCE_DELAY_MS, "0");
}

static void node_id_defaults(struct conf *c)
{
    if (in_file(c, CONF_BROKER_ID)) set_default(c, CONF_NODE_ID, conf_str(c, CONF_BROKER_ID));
    if (c->solo) set_default(c, CONF_NODE_ID, "1");
    if (in_file(c, CONF_NODE_ID)) set_default(c, CONF_BROKER_ID, conf_str(c, CONF_NODE_ID));
}

static char *upper(struct slice s)
{
    char *t = xstrndup(s.p, s.n);
    for (char *p = t; *p; p++) *p = (char)toupper((unsigned char)*p);
    return t;
}

/* ---- listeners ---- */

/* Kafka gives a controller listener PLAINTEXT by itself only where nothing speaks of security. */
static bool controller_defaults_to_plaintext(const struct conf *c)
{
    if (conf_source(c, CONF_LISTENER_SECURITY_PROTOCOL_MAP) != CONF_SOURCE_DEFAULT) return false;
    size_t n;
    const struct slice *l = conf_list(c, CONF_LISTENERS, &n);
    for (size_t i = 0; i < n; i++)
        if ((l[i].n > 3 && strncasecmp((const char *)l[i].p, "SSL", 3) == 0) ||
            (l[i].n > 4 && strncasecmp((const char *)l[i].p, "SASL", 4) == 0))
            return false;
    return true;
}

static int security_of(const struct conf *c, const char *name, bool controller, enum conf_security *out)
{
    const char *map = conf_str(c, CONF_LISTENER_SECURITY_PROTOCOL_MAP);
    size_t n = conf_split(slice_cstr(map), NULL);
    struct slice *items = xcalloc(n + 1, sizeof *items);
    int rc = ERR_NOENT;
    conf_split(slice_cstr(map), items);
    for (size_t i = 0; i < n && rc; i++) {
        const uint8_t *colon = items[i].n ? memchr(items[i].p, ':', items[i].n) : NULL;
        if (!colon || !same_name(conf_trim(slice_of(items[i].p, (size_t)(colon - items[i].p))), name))
            continue;
        rc = security_parse(conf_trim(slice_of(colon + 1, (size_t)(items[i].p + items[i].n - colon - 1))),
                            out);
    }
    free(items);
    if (rc && controller && controller_defaults_to_plaintext(c)) {
        *out = CONF_PLAINTEXT;
        rc = 0;
    }
    return rc;
}

static void map_check(const struct conf *c, struct strbuf *errors)
{
    const char *map = conf_str(c, CONF_LISTENER_SECURITY_PROTOCOL_MAP);
    size_t n = conf_split(slice_cstr(map), NULL);
    struct slice *items = xcalloc(n + 1, sizeof *items);
    conf_split(slice_cstr(map), items);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *colon = items[i].n ? memchr(items[i].p, ':', items[i].n) : NULL;
        enum conf_security s;
        if (colon && colon != items[i].p &&
            !security_parse(conf_trim(slice_of(colon + 1, (size_t)(items[i].p + items[i].n - colon - 1))),
                            &s))
            continue;
        strbuf_printf(
            errors,
            "listener.security.protocol.map: \"%.*s\" is not NAME:PROTOCOL with one of PLAINTEXT, SSL, "
            "SASL_PLAINTEXT, SASL_SSL\n",
            (int)items[i].n, (const char *)items[i].p);
    }
    free(items);
}

/* NAME://host:port */
static int listener_parse(const struct conf *c, const char *key, struct slice s, struct conf_listener *out,
                          struct strbuf *errors)
{
    const uint8_t *sep = s.n ? memmem(s.p, s.n, "://", 3) : NULL;
    struct slice host;
    int32_t port;
    if (!sep || sep == s.p ||
        conf_host_port_parse(slice_of(sep + 3, (size_t)(s.p + s.n - sep - 3)), &host, &port)) {
        strbuf_printf(errors, "%s: \"%.*s\" is not NAME://host:port\n", key, (int)s.n, (const char *)s.p);
        return ERR_FORMAT;
    }
    char *name = upper(slice_of(s.p, (size_t)(sep - s.p)));
    bool controller = list_has_name(c, CONF_CONTROLLER_LISTENER_NAMES, name);
    enum conf_security security;
    if (security_of(c, name, controller, &security)) {
        strbuf_printf(
            errors,
            "%s: the listener %s has no security protocol; add %s:PLAINTEXT, or another protocol, to "
            "listener.security.protocol.map\n",
            key, name, name);
        free(name);
        return ERR_FORMAT;
    }
    *out = (struct conf_listener){.name = name,
                                  .host = xstrndup(host.p, host.n),
                                  .port = port,
                                  .security = security,
                                  .controller = controller};
    return 0;
}

static bool one_ipv4_other_ipv6(const char *a, const char *b)
{
    bool a6 = strchr(a, ':') != NULL, b6 = strchr(b, ':') != NULL;
    bool a4 = *a && strspn(a, "0123456789.") == strlen(a), b4 = *b && strspn(b, "0123456789.") == strlen(b);
    return (a6 && b4) || (a4 && b6);
}

static void duplicates_check(const char *key, const struct conf_listener *l, size_t n, bool ports,
                             struct strbuf *errors)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            bool pair = one_ipv4_other_ipv6(l[i].host, l[j].host) && l[i].port == l[j].port;
            if (strcmp(l[i].name, l[j].name) == 0)
                strbuf_printf(errors, "%s: the name %s is used twice; each listener needs its own\n", key,
                              l[i].name);
            else if (ports && l[i].port && l[i].port == l[j].port && !pair)
                strbuf_printf(errors, "%s: the port %d is used twice; each listener needs its own\n", key,
                              l[i].port);
        }
}

static void listeners_parse(const struct conf *c, enum conf_id id, struct conf_listener **out, size_t *out_n,
                            struct strbuf *errors)
{
    size_t n;
    const struct slice *items = conf_list(c, id, &n);
    *out = xcalloc(n + 1, sizeof **out);
    *out_n = 0;
    for (size_t i = 0; i < n; i++)
        *out_n += listener_parse(c, conf_def(id)->name, items[i], &(*out)[*out_n], errors) == 0;
    duplicates_check(conf_def(id)->name, *out, *out_n, id == CONF_LISTENERS, errors);
}

static void listeners_fini(struct conf_listener **l, size_t *n)
{
    for (size_t i = 0; i < *n; i++) {
        free((*l)[i].name);
        free((*l)[i].host);
    }
    free(*l);
    *l = NULL;
    *n = 0;
}

/* Without advertised.listeners: what is listened on, except controllers' listeners. */
static void advertise_listeners(struct conf *c)
{
    c->advertised = xcalloc(c->listeners_n + 1, sizeof *c->advertised);
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct conf_listener *l = &c->listeners[i];
        if (l->controller) continue;
        struct conf_listener *to = &c->advertised[c->advertised_n++];
        *to = *l;
        to->name = xstrdup(l->name);
        to->host = xstrdup(l->host);
    }
}

static const struct conf_listener *listener_named(const struct conf_listener *l, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(l[i].name, name) == 0) return &l[i];
    return NULL;
}

static void inter_broker_check(struct conf *c, struct strbuf *errors)
{
    const char *name = conf_str(c, CONF_INTER_BROKER_LISTENER_NAME);
    if (name && in_file(c, CONF_SECURITY_INTER_BROKER_PROTOCOL))
        strbuf_add_cstr(
            errors, "inter.broker.listener.name and security.inter.broker.protocol exclude each other; give "
                    "only one of them\n");
    if (!name) name = conf_str(c, CONF_SECURITY_INTER_BROKER_PROTOCOL);
    const struct conf_listener *l = listener_named(c->advertised, c->advertised_n, name);
    if (l && !l->controller) {
        c->inter_broker_listener = xstrdup(l->name);
        return;
    }
    /* One listener of another name is a clear enough choice, except to Kafka. */
    if (!l && c->solo && !conf_has(c, CONF_INTER_BROKER_LISTENER_NAME) && c->advertised_n) {
        c->inter_broker_listener = xstrdup(c->advertised[0].name);
        return;
    }
    strbuf_printf(errors,
                  "inter.broker.listener.name: %s must be one of the advertised listeners that are not in "
                  "controller.listener.names\n",
                  name);
}

static void advertised_check(const struct conf *c, struct strbuf *errors)
{
    size_t brokers = 0;
    for (size_t i = 0; i < c->advertised_n; i++) {
        const struct conf_listener *a = &c->advertised[i];
        brokers += !a->controller;
        if (strcmp(a->host, "0.0.0.0") == 0)
            strbuf_printf(
                errors,
                "advertised.listeners: no client can connect to 0.0.0.0 (%s); give an address that clients "
                "can reach\n",
                a->name);
        if (!listener_named(c->listeners, c->listeners_n, a->name))
            strbuf_printf(errors, "advertised.listeners: %s is not one of the listeners\n", a->name);
    }
    if (c->is_broker && !brokers)
        strbuf_add_cstr(errors,
                        "a broker needs at least one listener that is not in controller.listener.names\n");
}

/* ---- the quorum ---- */

static void voters_parse(const struct conf *c, enum conf_id id, struct conf_voter **out, size_t *out_n)
{
    size_t n;
    const struct slice *items = conf_list(c, id, &n);
    *out = xcalloc(n + 1, sizeof **out);
    for (size_t i = 0; i < n; i++) {
        struct slice s = items[i], host;
        struct conf_voter *v = &(*out)[i];
        int64_t node_id = -1;
        if (id == CONF_CONTROLLER_QUORUM_VOTERS) {
            const uint8_t *at = memchr(s.p, '@', s.n);
            int rc = conf_int_parse(slice_of(s.p, (size_t)(at - s.p)), 0, INT32_MAX, &node_id);
            ASSERT(rc == 0);
            s = slice_of(at + 1, (size_t)(s.p + s.n - at - 1));
        }
        int rc = conf_host_port_parse(s, &host, &v->port);
        ASSERT(rc == 0);
        v->node_id = (int32_t)node_id;
        v->host = xstrndup(host.p, host.n);
    }
    *out_n = n;
}

static void voters_fini(struct conf_voter **v, size_t *n)
{
    for (size_t i = 0; i < *n; i++) free((*v)[i].host);
    free(*v);
    *v = NULL;
    *n = 0;
}

static bool is_voter(const struct conf *c, int64_t node_id)
{
    for (size_t i = 0; i < c->voters_n; i++)
        if (c->voters[i].node_id == node_id) return true;
    return false;
}

static void quorum_check(const struct conf *c, struct strbuf *errors)
{
    if (c->solo) return;
    size_t names, on_controllers = 0;
    conf_list(c, CONF_CONTROLLER_LISTENER_NAMES, &names);
    for (size_t i = 0; i < c->listeners_n; i++) on_controllers += c->listeners[i].controller;
    if (!names)
        strbuf_add_cstr(errors, "controller.listener.names is missing; name the controllers' listener\n");
    if (!c->voters_n && !c->bootstrap_n)
        strbuf_add_cstr(errors,
                        "controller.quorum.voters or controller.quorum.bootstrap.servers must tell where the "
                        "controllers are\n");
    if (!conf_has(c, CONF_NODE_ID)) {
        strbuf_add_cstr(errors, "node.id is missing\n");
        return;
    }
    int64_t node_id = conf_i64(c, CONF_NODE_ID);
    if (c->is_controller && names && !on_controllers)
        strbuf_add_cstr(errors, "a controller needs one of controller.listener.names in listeners\n");
    if (!c->is_controller && on_controllers)
        strbuf_add_cstr(errors, "listeners of a node that is only a broker must not hold any of "
                                "controller.listener.names\n");
    if (!c->is_broker && on_controllers < c->listeners_n)
        strbuf_add_cstr(errors, "listeners of a node that is only a controller must all be in "
                                "controller.listener.names\n");
    if (c->voters_n && c->is_controller && !is_voter(c, node_id))
        strbuf_printf(errors, "controller.quorum.voters must hold this controller's node.id %lld\n",
                      (long long)node_id);
    if (c->voters_n && !c->is_controller && is_voter(c, node_id))
        strbuf_printf(errors, "controller.quorum.voters must not hold node.id %lld, which is only a broker\n",
                      (long long)node_id);
}

/* ---- numbers against numbers ---- */

enum relation { AT_LEAST, AT_MOST, BELOW };
static const struct {
    enum conf_id a;
    enum relation is;
    enum conf_id b;
} relations[] = {
#define BETWEEN(g, x)                                                                                        \
    {CONF_GROUP_##g##_MAX_##x, AT_LEAST, CONF_GROUP_##g##_MIN_##x},                                          \
        {CONF_GROUP_##g##_##x, AT_LEAST, CONF_GROUP_##g##_MIN_##x},                                          \
    {                                                                                                        \
        CONF_GROUP_##g##_##x, AT_MOST, CONF_GROUP_##g##_MAX_##x                                              \
    }
#define TIMES(g)                                                                                             \
    BETWEEN(g, HEARTBEAT_INTERVAL_MS), BETWEEN(g, SESSION_TIMEOUT_MS), BETWEEN(g, ASSIGNMENT_INTERVAL_MS),   \
    {                                                                                                        \
        CONF_GROUP_##g##_HEARTBEAT_INTERVAL_MS, BELOW, CONF_GROUP_##g##_SESSION_TIMEOUT_MS                   \
    }
    TIMES(CONSUMER),
    TIMES(SHARE),
    TIMES(STREAMS),
    BETWEEN(SHARE, DELIVERY_COUNT_LIMIT),
    BETWEEN(SHARE, RECORD_LOCK_DURATION_MS),
    BETWEEN(SHARE, PARTITION_MAX_RECORD_LOCKS),
#undef TIMES
#undef BETWEEN
    {CONF_GROUP_SHARE_MAX_SHARE_SESSIONS, AT_LEAST, CONF_GROUP_SHARE_MAX_SIZE},
    {CONF_GROUP_STREAMS_NUM_STANDBY_REPLICAS, AT_MOST, CONF_GROUP_STREAMS_MAX_STANDBY_REPLICAS},
    {CONF_REPLICA_FETCH_WAIT_MAX_MS, AT_MOST, CONF_REPLICA_SOCKET_TIMEOUT_MS},
    {CONF_REPLICA_FETCH_WAIT_MAX_MS, AT_MOST, CONF_REPLICA_LAG_TIME_MAX_MS},
    {CONF_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS, BELOW, CONF_CONNECTIONS_MAX_IDLE_MS},
};

static void relations_check(const struct conf *c, struct strbuf *errors)
{
    static const char *const words[] = {"greater than or equal to", "less than or equal to", "less than"};
    for (size_t i = 0; i < NELEMS(relations); i++) {
        int64_t a = conf_i64(c, relations[i].a), b = conf_i64(c, relations[i].b);
        enum relation is = relations[i].is;
        bool fine = is == AT_LEAST ? a >= b : is == AT_MOST ? a <= b : a < b;
        if (relations[i].a == CONF_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS && b < 0) fine = true;
        if (!fine)
            strbuf_printf(errors, "%s must be %s %s, but they are %lld and %lld\n",
                          conf_def(relations[i].a)->name, words[is], conf_def(relations[i].b)->name,
                          (long long)a, (long long)b);
    }
}

static void overrides_check(const struct conf *c, struct strbuf *errors)
{
    const char *text = conf_str(c, CONF_MAX_CONNECTIONS_PER_IP_OVERRIDES);
    size_t n = conf_split(slice_cstr(text), NULL);
    struct slice *items = xcalloc(n + 1, sizeof *items);
    conf_split(slice_cstr(text), items);
    for (size_t i = 0; i < n; i++) {
        size_t colon = items[i].n;
        int64_t v;
        while (colon && items[i].p[colon - 1] != ':') colon--;
        if (colon > 1 && !conf_int_parse(slice_of(items[i].p + colon, items[i].n - colon), 0, INT32_MAX, &v))
            continue;
        strbuf_printf(errors, "max.connections.per.ip.overrides: \"%.*s\" is not host:count\n",
                      (int)items[i].n, (const char *)items[i].p);
    }
    free(items);
    if (conf_i64(c, CONF_MAX_CONNECTIONS_PER_IP) == 0 && n == 0)
        strbuf_add_cstr(
            errors, "max.connections.per.ip=0 admits only what max.connections.per.ip.overrides lists, and "
                    "that is empty\n");
}

static void cordoned_check(const struct conf *c, struct strbuf *errors)
{
    size_t n, dirs_n;
    const struct slice *cordoned = conf_list(c, CONF_CORDONED_LOG_DIRS, &n),
                       *dirs = conf_log_dirs(c, &dirs_n);
    for (size_t i = 0; i < n; i++) {
        bool found = n == 1 && slice_eq_cstr(cordoned[i], "*");
        for (size_t k = 0; k < dirs_n; k++) found |= slice_eq(cordoned[i], dirs[k]);
        if (!found)
            strbuf_printf(errors, "cordoned.log.dirs: %.*s is not in log.dirs\n", (int)cordoned[i].n,
                          (const char *)cordoned[i].p);
    }
}

void conf_check_cross(const struct conf *c, struct strbuf *errors)
{
    relations_check(c, errors);
    overrides_check(c, errors);
    cordoned_check(c, errors);
    if (conf_has(c, CONF_NODE_ID) && conf_i64(c, CONF_BROKER_ID) >= 0 &&
        conf_i64(c, CONF_BROKER_ID) != conf_i64(c, CONF_NODE_ID))
        strbuf_printf(errors, "broker.id %s and node.id %s must be the same; node.id alone is enough\n",
                      conf_str(c, CONF_BROKER_ID), conf_str(c, CONF_NODE_ID));
    int64_t queued = conf_i64(c, CONF_QUEUED_MAX_REQUEST_BYTES);
    if (queued > 0 && queued < conf_i64(c, CONF_SOCKET_REQUEST_MAX_BYTES))
        strbuf_add_cstr(errors,
                        "queued.max.request.bytes must be at least socket.request.max.bytes, or -1\n");
    if (conf_bool(c, CONF_LOG_CLEANER_ENABLE) &&
        conf_i64(c, CONF_LOG_CLEANER_DEDUPE_BUFFER_SIZE) < conf_i64(c, CONF_LOG_CLEANER_THREADS) << 20)
        strbuf_add_cstr(errors, "log.cleaner.dedupe.buffer.size must be at least 1 MB for each of "
                                "log.cleaner.threads\n");
    static const enum conf_id codecs[] = {CONF_OFFSETS_TOPIC_COMPRESSION_CODEC,
                                          CONF_SHARE_COORDINATOR_STATE_TOPIC_COMPRESSION_CODEC};
    for (size_t i = 0; i < NELEMS(codecs); i++)
        if (conf_i64(c, codecs[i]) < 0 || conf_i64(c, codecs[i]) > 4)
            strbuf_printf(errors, "%s must be 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)\n",
                          conf_def(codecs[i])->name);
    if (!list_has_name(c, CONF_GROUP_COORDINATOR_REBALANCE_PROTOCOLS, "classic"))
        strbuf_add_cstr(errors, "group.coordinator.rebalance.protocols must hold classic\n");
}

static void warn_no_effect(const struct conf *c, struct strbuf *warnings)
{
    for (enum conf_id id = 0; id < CONF_BROKER_COUNT; id++) {
        const struct conf_def *d = conf_def(id);
        struct slice text = c->settings[id].text[CONF_LAYER_STATIC];
        if (!text.p || (d->flags & CONF_EFFECT) || (d->def && slice_eq_cstr(text, d->def))) continue;
        strbuf_printf(warnings, "%s is accepted, but has no effect in this version\n", d->name);
    }
}

static void forget(struct conf *c)
{
    listeners_fini(&c->listeners, &c->listeners_n);
    listeners_fini(&c->advertised, &c->advertised_n);
    voters_fini(&c->voters, &c->voters_n);
    voters_fini(&c->bootstrap, &c->bootstrap_n);
    free(c->inter_broker_listener);
    c->inter_broker_listener = NULL;
}

static void metrics_check(const struct conf *c, struct strbuf *errors)
{
    struct slice host;
    int32_t port;
    if (!conf_has(c, CONF_MOLDAU_METRICS_LISTENER)) return;
    const char *s = conf_str(c, CONF_MOLDAU_METRICS_LISTENER);
    if (conf_host_port_parse(slice_cstr(s), &host, &port))
        strbuf_printf(errors, "moldau.metrics.listener: \"%s\" is not host:port\n", s);
}

int conf_finish(struct conf *c, struct strbuf *errors, struct strbuf *warnings)
{
    size_t before = errors->n, n;
    warn_no_effect(c, warnings);
    forget(c);
    voters_parse(c, CONF_CONTROLLER_QUORUM_VOTERS, &c->voters, &c->voters_n);
    voters_parse(c, CONF_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, &c->bootstrap, &c->bootstrap_n);
    bool roles = conf_has(c, CONF_PROCESS_ROLES);
    c->solo =
        !c->voters_n && !c->bootstrap_n && (!roles || (has_role(c, "broker") && has_role(c, "controller")));
    if (c->solo) solo_defaults(c);
    node_id_defaults(c);
    if (!conf_has(c, CONF_PROCESS_ROLES))
        strbuf_add_cstr(errors, "process.roles is missing; it is broker, controller, or broker,controller\n");
    c->is_broker = has_role(c, "broker");
    c->is_controller = has_role(c, "controller");

    map_check(c, errors);
    /* What follows from an error would only hide it. */
    if (errors->n == before) {
        listeners_parse(c, CONF_LISTENERS, &c->listeners, &c->listeners_n, errors);
        if (conf_has(c, CONF_ADVERTISED_LISTENERS))
            listeners_parse(c, CONF_ADVERTISED_LISTENERS, &c->advertised, &c->advertised_n, errors);
        else advertise_listeners(c);
    }
    if (errors->n == before) {
        advertised_check(c, errors);
        quorum_check(c, errors);
    }
    if (errors->n == before && c->is_broker) inter_broker_check(c, errors);
    const struct slice *early = conf_list(c, CONF_EARLY_START_LISTENERS, &n);
    for (size_t i = 0; i < n && errors->n == before; i++) {
        char *name = upper(early[i]);
        if (!listener_named(c->listeners, c->listeners_n, name) &&
            !list_has_name(c, CONF_CONTROLLER_LISTENER_NAMES, name))
            strbuf_printf(errors, "early.start.listeners: %s is not one of the listeners\n", name);
        free(name);
    }
    metrics_check(c, errors);
    conf_check_cross(c, errors);
    return errors->n > before ? ERR_INVALID_CONFIG : 0;
}
