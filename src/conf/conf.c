/* A node's configuration in three layers: the file, what was set at run time for all brokers, what was set
 * for this one.
 *
 * 1. settings[i].value is always the value in force for the texts of the layers (conf_refresh).
 * 2. Every text in a layer was valid when it came in.
 * 3. Setting one of a family (log.retention.ms, .minutes, .hours) in a layer hides what lower layers say of
 * the whole family, as in Kafka. */
#include "conf/conf_int.h"
#include "base/err.h"
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static int top_layer(const struct conf *c, enum conf_id id)
{
    for (int l = CONF_LAYERS - 1; l >= 0; l--)
        if (c->settings[id].text[l].p) return l;
    return -1;
}

/* The highest layer in which a member of the family other than id is set and in whose name it hides id. */
static int hiding_layer(const struct conf *c, enum conf_id id)
{
    int hiding = -1;
    for (enum conf_id other = 0; other < CONF_BROKER_COUNT; other++) {
        int n, top = top_layer(c, other);
        if (other == id || top < 0) continue;
        const enum conf_id *family = conf_family(other, &n);
        for (int i = 0; i < n; i++)
            if (family[i] == id && top > hiding) hiding = top;
    }
    return hiding;
}

static bool in_a_family(enum conf_id id)
{
    int n;
    return conf_family(id, &n) || id == CONF_LOG_FLUSH_SCHEDULER_INTERVAL_MS;
}

void conf_refresh(struct conf *c, enum conf_id id)
{
    const struct conf_def *d = conf_def(id);
    int top = top_layer(c, id);
    struct slice text = top < 0 ? slice_cstr(d->def) : c->settings[id].text[top];
    if (top >= 0 && in_a_family(id) && hiding_layer(c, id) > top) text = slice_cstr(d->def);
    struct conf_value *v = &c->settings[id].value;
    conf_value_fini(v);
    if (!text.p) return;
    struct strbuf err;
    strbuf_init(&err);
    int rc = conf_value_parse(d, text, v, &err);
    ASSERT(rc == 0);
    strbuf_fini(&err);
}

static void refresh_family(struct conf *c, enum conf_id id)
{
    int n;
    const enum conf_id *family = conf_family(id, &n);
    conf_refresh(c, id);
    for (int i = 0; i < n; i++)
        if (family[i] != id) conf_refresh(c, family[i]);
}

void conf_init(struct conf *c)
{
    *c = (struct conf){0};
    for (enum conf_id id = 0; id < CONF_BROKER_COUNT; id++) conf_refresh(c, id);
}

static void listeners_free(struct conf_listener *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(l[i].name);
        free(l[i].host);
    }
    free(l);
}

static void voters_free(struct conf_voter *v, size_t n)
{
    for (size_t i = 0; i < n; i++) free(v[i].host);
    free(v);
}

void conf_fini(struct conf *c)
{
    for (enum conf_id id = 0; id < CONF_BROKER_COUNT; id++) {
        for (int l = 0; l < CONF_LAYERS; l++) slice_drop(&c->settings[id].text[l]);
        conf_value_fini(&c->settings[id].value);
    }
    for (size_t i = 0; i < c->extras_n; i++) {
        free(c->extras[i].name);
        for (int l = 0; l < CONF_LAYERS; l++) slice_drop(&c->extras[i].text[l]);
    }
    free(c->extras);
    listeners_free(c->listeners, c->listeners_n);
    listeners_free(c->advertised, c->advertised_n);
    voters_free(c->voters, c->voters_n);
    voters_free(c->bootstrap, c->bootstrap_n);
    free(c->inter_broker_listener);
    *c = (struct conf){0};
}

static char *dup_or_null(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

static struct conf_listener *listeners_copy(const struct conf_listener *l, size_t n)
{
    struct conf_listener *to = n ? xcalloc(n, sizeof *to) : NULL;
    for (size_t i = 0; i < n; i++) {
        to[i] = l[i];
        to[i].name = xstrdup(l[i].name);
        to[i].host = xstrdup(l[i].host);
    }
    return to;
}

static struct conf_voter *voters_copy(const struct conf_voter *v, size_t n)
{
    struct conf_voter *to = n ? xcalloc(n, sizeof *to) : NULL;
    for (size_t i = 0; i < n; i++) {
        to[i] = v[i];
        to[i].host = xstrdup(v[i].host);
    }
    return to;
}

void conf_copy(struct conf *to, const struct conf *from)
{
    *to = *from;
    for (enum conf_id id = 0; id < CONF_BROKER_COUNT; id++) {
        for (int l = 0; l < CONF_LAYERS; l++)
            to->settings[id].text[l] = slice_own(from->settings[id].text[l]);
        to->settings[id].value = (struct conf_value){0};
    }
    for (enum conf_id id = 0; id < CONF_BROKER_COUNT; id++) conf_refresh(to, id);
    to->extras = from->extras_n ? xcalloc(from->extras_n, sizeof *to->extras) : NULL;
    for (size_t i = 0; i < from->extras_n; i++) {
        to->extras[i].name = xstrdup(from->extras[i].name);
        for (int l = 0; l < CONF_LAYERS; l++) to->extras[i].text[l] = slice_own(from->extras[i].text[l]);
    }
    to->listeners = listeners_copy(from->listeners, from->listeners_n);
    to->advertised = listeners_copy(from->advertised, from->advertised_n);
    to->voters = voters_copy(from->voters, from->voters_n);
    to->bootstrap = voters_copy(from->bootstrap, from->bootstrap_n);
    to->inter_broker_listener = dup_or_null(from->inter_broker_listener);
}

struct conf_extra *conf_extra_find(const struct conf *c, struct slice name)
{
    for (size_t i = 0; i < c->extras_n; i++)
        if (slice_eq_cstr(name, c->extras[i].name)) return &c->extras[i];
    return NULL;
}

static bool starts_with(struct slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/* What Kafka refuses of a change at run time because of its name. */
static int dynamic_name_check(struct slice name, const struct conf_def *d, bool prefixed,
                              enum conf_layer layer, struct strbuf *err)
{
    const char *why = NULL;
    if (!prefixed && d->scope == CONF_SCOPE_READ_ONLY) why = "Cannot update these configs dynamically";
    else if (!prefixed && (starts_with(name, "ssl.keystore.") || starts_with(name, "ssl.truststore.") ||
                           slice_eq_cstr(name, "ssl.key.password")))
        why = "These security configs can be dynamically updated only per-listener using the listener prefix";
    else if (layer == CONF_LAYER_DYNAMIC_DEFAULT &&
             (prefixed ? d->id != CONF_MAX_CONNECTIONS && d->id != CONF_MAX_CONNECTION_CREATION_RATE &&
                             d->id != CONF_NUM_NETWORK_THREADS
                       : d->scope == CONF_SCOPE_PER_BROKER))
        why = "Cannot update these configs at default cluster level, broker id must be specified";
    if (!why) return 0;
    strbuf_printf(err, "%s: [%.*s]", why, (int)name.n, (const char *)name.p);
    return ERR_INVALID_REQUEST;
}

/* Ranges that Kafka keeps outside its table. */
static int hidden_range_check(const struct conf_def *d, const struct conf_value *v, struct strbuf *err)
{
    const char *why = NULL;
    switch (d->id) {
    case CONF_LOG_ROLL_MS:
        if (v->i < 1) why = "must be greater than or equal to 1";
        break;
    case CONF_LOG_ROLL_JITTER_MS:
    case CONF_LOG_ROLL_JITTER_HOURS:
        if (v->i < 0) why = "must be greater than or equal to 0";
        break;
    case CONF_LOG_RETENTION_MS:
    case CONF_LOG_RETENTION_MINUTES:
    case CONF_LOG_RETENTION_HOURS:
        if (v->i == 0) why = "must be unlimited (-1) or at least 1";
        break;
    default:
        break;
    }
    if (!why) return 0;
    strbuf_printf(err, "%s %s", d->name, why);
    return ERR_INVALID_CONFIG;
}

int conf_set_check(const struct conf *c, struct slice name, struct slice value, enum conf_layer layer,
                   struct strbuf *err)
{
    (void)c;
    const struct conf_def *d = conf_def_broker(name), *base = d ? d : conf_def_prefixed(name);
    if (!base) return 0;
    int rc = 0;
    if (layer != CONF_LAYER_STATIC) rc = dynamic_name_check(name, base, !d, layer, err);
    if (rc) return rc;
    if (layer == CONF_LAYER_STATIC && d && (d->flags & CONF_DYNAMIC_ONLY)) {
        strbuf_printf(err, "%s cannot be set in the file; set it at run time with kafka-configs", d->name);
        return ERR_INVALID_CONFIG;
    }
    if (!value.p) return 0;
    struct conf_value v;
    rc = conf_value_parse(base, value, &v, err);
    if (!rc) {
        rc = hidden_range_check(base, &v, err);
        conf_value_fini(&v);
    }
    return rc && layer != CONF_LAYER_STATIC ? ERR_INVALID_REQUEST : rc;
}

static void text_replace(struct slice *at, struct slice value)
{
    slice_drop(at);
    *at = slice_own(value);
}

int conf_set(struct conf *c, struct slice name, struct slice value, enum conf_layer layer, struct strbuf *err)
{
    int rc = conf_set_check(c, name, value, layer, err);
    if (rc) return rc;
    const struct conf_def *d = conf_def_broker(name);
    if (d) {
        text_replace(&c->settings[d->id].text[layer], value);
        refresh_family(c, d->id);
        return 0;
    }
    struct conf_extra *e = conf_extra_find(c, name);
    if (!e) {
        if (!value.p) return 0;
        c->extras = xrealloc(c->extras, (c->extras_n + 1) * sizeof *c->extras);
        e = &c->extras[c->extras_n++];
        *e = (struct conf_extra){.name = xstrndup(name.p, name.n)};
    }
    text_replace(&e->text[layer], value);
    return 0;
}

void conf_warn_unknown(struct slice name, struct strbuf *warnings)
{
    static const char *const families[] = {"rsm.config.", "rlmm.config.", "metrics.context.",
                                           "config.providers."};
    static const char *const known[] = {"super.users", "allow.everyone.if.no.acl.found"};
    if (conf_def_broker(name) || conf_def_prefixed(name)) return;
    for (size_t i = 0; i < NELEMS(families); i++)
        if (starts_with(name, families[i])) return;
    for (size_t i = 0; i < NELEMS(known); i++)
        if (slice_eq_cstr(name, known[i])) return;
    const struct conf_def *near = conf_def_nearest(name);
    strbuf_printf(warnings, "%.*s is not a setting of a broker", (int)name.n, (const char *)name.p);
    if (near) strbuf_printf(warnings, "; did you mean %s?", near->name);
    strbuf_add_char(warnings, '\n');
}

bool conf_has(const struct conf *c, enum conf_id id)
{
    ASSERT(id < CONF_BROKER_COUNT);
    return c->settings[id].value.text != NULL;
}

int64_t conf_i64(const struct conf *c, enum conf_id id)
{
    ASSERT(conf_has(c, id));
    VERIFY(conf_def(id)->type == CONF_TYPE_INT || conf_def(id)->type == CONF_TYPE_LONG ||
           conf_def(id)->type == CONF_TYPE_SHORT);
    return c->settings[id].value.i;
}

bool conf_bool(const struct conf *c, enum conf_id id)
{
    ASSERT(conf_has(c, id));
    VERIFY(conf_def(id)->type == CONF_TYPE_BOOLEAN);
    return c->settings[id].value.i != 0;
}

double conf_double(const struct conf *c, enum conf_id id)
{
    ASSERT(conf_has(c, id));
    VERIFY(conf_def(id)->type == CONF_TYPE_DOUBLE);
    return c->settings[id].value.d;
}

const char *conf_str(const struct conf *c, enum conf_id id)
{
    ASSERT(id < CONF_BROKER_COUNT);
    return c->settings[id].value.text;
}

const struct slice *conf_list(const struct conf *c, enum conf_id id, size_t *n)
{
    ASSERT(id < CONF_BROKER_COUNT && conf_def(id)->type == CONF_TYPE_LIST);
    *n = c->settings[id].value.items_n;
    return c->settings[id].value.items;
}

enum conf_source conf_source(const struct conf *c, enum conf_id id)
{
    static const enum conf_source sources[CONF_LAYERS] = {CONF_SOURCE_STATIC, CONF_SOURCE_DYNAMIC_DEFAULT,
                                                          CONF_SOURCE_DYNAMIC_BROKER};
    int top = top_layer(c, id);
    return top < 0 ? CONF_SOURCE_DEFAULT : sources[top];
}

static const char *extra_text(const struct conf_extra *e)
{
    for (int l = CONF_LAYERS - 1; e && l >= 0; l--)
        if (e->text[l].p) return (const char *)e->text[l].p;
    return NULL;
}

const char *conf_extra(const struct conf *c, const char *name)
{
    return extra_text(conf_extra_find(c, slice_cstr(name)));
}

const char *conf_listener_str(const struct conf *c, const char *listener, const char *mechanism,
                              enum conf_id id)
{
    const char *text = NULL;
    struct strbuf name;
    strbuf_init(&name);
    for (int with_mechanism = mechanism != NULL; with_mechanism >= 0 && !text; with_mechanism--) {
        strbuf_reset(&name);
        strbuf_printf(&name, "listener.name.%s", listener);
        if (with_mechanism) strbuf_printf(&name, ".%s", mechanism);
        for (size_t i = 0; i < name.n; i++) name.s[i] = (char)tolower((unsigned char)name.s[i]);
        strbuf_printf(&name, ".%s", conf_def(id)->name);
        text = extra_text(conf_extra_find(c, strbuf_slice(&name)));
    }
    strbuf_fini(&name);
    return text ? text : conf_str(c, id);
}

const struct slice *conf_log_dirs(const struct conf *c, size_t *n)
{
    return conf_list(c, conf_has(c, CONF_LOG_DIRS) ? CONF_LOG_DIRS : CONF_LOG_DIR, n);
}

const struct conf_listener *conf_controller_listener(const struct conf *c)
{
    const struct conf_listener *l = NULL;
    for (size_t i = 0; i < c->listeners_n && !l; i++)
        if (c->listeners[i].controller) l = &c->listeners[i];
    for (size_t i = 0; l && i < c->advertised_n; i++)
        if (strcmp(c->advertised[i].name, l->name) == 0) return &c->advertised[i];
    return l;
}
