/* What DescribeConfigs answers: every setting with its value, where that comes from, and what lies below it.
 * The list of synonyms runs through this broker's dynamic values, those for all brokers, the file, and the
 * defaults, for every name of the family; it starts at the first entry that carries the described name
 * itself, as Kafka's does. */
#include "conf/conf_int.h"
#include <stdio.h>

static const struct {
    enum conf_layer layer;
    enum conf_source source;
} order[] = {
    {CONF_LAYER_DYNAMIC_BROKER, CONF_SOURCE_DYNAMIC_BROKER},
    {CONF_LAYER_DYNAMIC_DEFAULT, CONF_SOURCE_DYNAMIC_DEFAULT},
    {CONF_LAYER_STATIC, CONF_SOURCE_STATIC},
};

static void add(struct conf_entry *e, const char *name, struct slice value, enum conf_source source)
{
    if (!value.p || (e->synonyms_n == 0 && source != CONF_SOURCE_TOPIC && source != CONF_SOURCE_GROUP &&
                     strcmp(name, e->name) != 0))
        return;
    if (e->synonyms_n == CONF_SYNONYMS_MAX) return;
    e->synonyms[e->synonyms_n++] =
        (struct conf_synonym){name, e->sensitive ? (struct slice){0} : value, source};
}

/* All that is known of one broker setting. The entry's name decides where the list starts. */
static void add_broker_synonyms(const struct conf *c, enum conf_id id, struct conf_entry *e)
{
    int n;
    const enum conf_id *family = conf_family(id, &n);
    if (!family) {
        family = &id;
        n = 1;
    }
    for (size_t k = 0; k < NELEMS(order); k++)
        for (int i = 0; i < n; i++)
            add(e, conf_def(family[i])->name, c->settings[family[i]].text[order[k].layer], order[k].source);
    for (int i = 0; i < n; i++)
        if (!(conf_def(family[i])->flags & CONF_DYNAMIC_ONLY))
            add(e, conf_def(family[i])->name, slice_cstr(conf_def(family[i])->def), CONF_SOURCE_DEFAULT);
}

static void finish(struct conf_entry *e, struct slice value, void *ctx, conf_describe_cb *cb)
{
    e->value = e->sensitive ? (struct slice){0} : value;
    e->source = e->synonyms_n ? e->synonyms[0].source : CONF_SOURCE_DEFAULT;
    e->is_default = e->source == CONF_SOURCE_DEFAULT;
    cb(ctx, e);
}

static struct conf_entry entry_of(const struct conf_def *d, bool read_only)
{
    return (struct conf_entry){.name = d->name,
                               .type = d->type,
                               .sensitive = conf_def_sensitive(d),
                               .read_only = read_only,
                               .doc = d->doc};
}

/* A name that is not in the table; what nobody knows might be a secret. */
static void describe_extra(const struct conf *c, const struct conf_extra *x, void *ctx, conf_describe_cb *cb)
{
    const struct conf_def *d = conf_def_prefixed(slice_cstr(x->name));
    struct conf_entry e = {.name = x->name,
                           .type = d ? d->type : CONF_TYPE_UNKNOWN,
                           .sensitive = !d || conf_def_sensitive(d),
                           .read_only = true,
                           .doc = d ? d->doc : NULL};
    struct slice value = {0};
    for (size_t k = 0; k < NELEMS(order); k++) {
        if (!value.p) value = x->text[order[k].layer];
        add(&e, x->name, x->text[order[k].layer], order[k].source);
        if (d) add(&e, d->name, c->settings[d->id].text[order[k].layer], order[k].source);
    }
    if (d) add(&e, d->name, slice_cstr(d->def), CONF_SOURCE_DEFAULT);
    if (value.p) finish(&e, value, ctx, cb);
}

void conf_describe_broker(const struct conf *c, void *ctx, conf_describe_cb *cb)
{
    for (enum conf_id id = 0; id < CONF_BROKER_COUNT; id++) {
        const struct conf_def *d = conf_def(id);
        if ((d->flags & (CONF_HIDDEN | CONF_DYNAMIC_ONLY)) && conf_source(c, id) == CONF_SOURCE_DEFAULT)
            continue;
        struct conf_entry e = entry_of(d, d->scope == CONF_SCOPE_READ_ONLY);
        add_broker_synonyms(c, id, &e);
        finish(&e, conf_value_slice(&c->settings[id].value), ctx, cb);
    }
    for (size_t i = 0; i < c->extras_n; i++) describe_extra(c, &c->extras[i], ctx, cb);
}

void conf_describe_cluster(const struct conf *c, void *ctx, conf_describe_cb *cb)
{
    for (enum conf_id id = 0; id < CONF_BROKER_COUNT; id++) {
        const struct conf_def *d = conf_def(id);
        struct slice text = c->settings[id].text[CONF_LAYER_DYNAMIC_DEFAULT];
        if (!text.p) continue;
        struct conf_entry e = entry_of(d, d->scope == CONF_SCOPE_READ_ONLY);
        add(&e, d->name, text, CONF_SOURCE_DYNAMIC_DEFAULT);
        finish(&e, text, ctx, cb);
    }
    for (size_t i = 0; i < c->extras_n; i++) {
        const struct conf_extra *x = &c->extras[i];
        const struct conf_def *d = conf_def_prefixed(slice_cstr(x->name));
        struct slice text = x->text[CONF_LAYER_DYNAMIC_DEFAULT];
        if (!text.p) continue;
        struct conf_entry e = {.name = x->name,
                               .type = d ? d->type : CONF_TYPE_UNKNOWN,
                               .sensitive = !d || conf_def_sensitive(d),
                               .read_only = true,
                               .doc = d ? d->doc : NULL};
        add(&e, x->name, text, CONF_SOURCE_DYNAMIC_DEFAULT);
        finish(&e, text, ctx, cb);
    }
}

/* A setting of a topic or group: its own value first, then the broker's under the broker's name. */
static void describe_one(const struct conf *c, const struct conf_def *d,
                         const struct conf_override *overrides, size_t n, enum conf_source own, void *ctx,
                         conf_describe_cb *cb)
{
    struct conf_value v;
    bool set = conf_value_effective(c, d, overrides, n, &v);
    if (!set && (d->flags & CONF_HIDDEN)) {
        conf_value_fini(&v);
        return;
    }
    const struct conf_def *s = conf_def_synonym(d, 0, NULL);
    /* The broker's list starts at the broker's name of the setting. */
    struct conf_entry below = {.name = s ? s->name : d->name}, e = entry_of(d, false);
    if (s) add_broker_synonyms(c, s->id, &below);
    else if (own == CONF_SOURCE_GROUP) add(&below, d->name, slice_cstr(d->def), CONF_SOURCE_DEFAULT);
    if (set) e.synonyms[e.synonyms_n++] = (struct conf_synonym){d->name, conf_value_slice(&v), own};
    for (int i = 0; i < below.synonyms_n && e.synonyms_n < CONF_SYNONYMS_MAX; i++)
        e.synonyms[e.synonyms_n++] = below.synonyms[i];
    finish(&e, conf_value_slice(&v), ctx, cb);
    conf_value_fini(&v);
}

void conf_describe_topic(const struct conf *c, const struct conf_override *overrides, size_t n, void *ctx,
                         conf_describe_cb *cb)
{
    for (int id = CONF_BROKER_COUNT; id < CONF_TOPIC_END; id++)
        describe_one(c, conf_def((enum conf_id)id), overrides, n, CONF_SOURCE_TOPIC, ctx, cb);
}

void conf_describe_group(const struct conf *c, const struct conf_override *overrides, size_t n, void *ctx,
                         conf_describe_cb *cb)
{
    for (int id = CONF_TOPIC_END; id < CONF_PERGROUP_END; id++)
        describe_one(c, conf_def((enum conf_id)id), overrides, n, CONF_SOURCE_GROUP, ctx, cb);
}

void conf_describe_client_metrics(const struct conf_override *overrides, size_t n, void *ctx,
                                  conf_describe_cb *cb)
{
    for (int id = CONF_PERGROUP_END; id < CONF_COUNT; id++)
        describe_one(NULL, conf_def((enum conf_id)id), overrides, n, CONF_SOURCE_CLIENT_METRICS, ctx, cb);
}

/* ---- the reference page ---- */

static void print_rule(struct strbuf *out, const struct conf_rule *r)
{
    switch (r->kind) {
    case CONF_RULE_RANGE:
        if (r->max > 1e300) strbuf_printf(out, "%.15g or more", r->min);
        else strbuf_printf(out, "%.15g to %.15g", r->min, r->max);
        break;
    case CONF_RULE_ONE_OF:
    case CONF_RULE_ONE_OF_NOCASE:
        strbuf_add_cstr(out, r->allowed);
        break;
    case CONF_RULE_LIST:
        if (r->allowed) strbuf_printf(out, "of %s", r->allowed);
        if (!r->empty_allowed) strbuf_printf(out, "%snot empty", r->allowed ? "; " : "");
        break;
    case CONF_RULE_NOT_EMPTY:
        strbuf_add_cstr(out, "not empty");
        break;
    case CONF_RULE_GZIP_LEVEL:
        strbuf_add_cstr(out, "1 to 9, or -1");
        break;
    case CONF_RULE_THROTTLED:
        strbuf_add_cstr(out, "partition:broker, ..., or *");
        break;
    case CONF_RULE_OFFSET_RESET:
        strbuf_add_cstr(out, "earliest, latest, by_duration:PnDTnHnMn.nS");
        break;
    case CONF_RULE_VOTERS:
        strbuf_add_cstr(out, "id@host:port, ...");
        break;
    case CONF_RULE_BOOTSTRAP:
        strbuf_add_cstr(out, "host:port, ...");
        break;
    case CONF_RULE_MATCH:
        strbuf_add_cstr(out, "selector=expression, ...");
        break;
    case CONF_RULE_ANY:
        break;
    }
}

static void print_section(struct strbuf *out, const char *title, int first, int end)
{
    static const char *const types[] = {"",     "boolean", "string", "int",   "short",
                                        "long", "double",  "list",   "class", "password"};
    static const char *const scopes[] = {"file", "per broker", "cluster", "topic", "group", "client metrics"};
    strbuf_printf(
        out,
        "\n## %s\n\n| name | type | default | values | set in | what it does |\n|---|---|---|---|---|---|\n",
        title);
    for (int i = first; i < end; i++) {
        const struct conf_def *d = conf_def((enum conf_id)i);
        if (d->flags & CONF_HIDDEN) continue;
        strbuf_printf(out, "| %s | %s | %s | ", d->name, types[d->type], d->def ? d->def : "");
        print_rule(out, &d->rule);
        strbuf_printf(out, " | %s | %s%s", scopes[d->scope], d->doc,
                      d->flags & CONF_EFFECT ? "" : " *Accepted without effect.*");
        const struct conf_def *s;
        for (int k = 0; (s = conf_def_synonym(d, k, NULL)) != NULL; k++)
            strbuf_printf(out, "%s%s", k ? ", then " : " Default from ", s->name);
        strbuf_printf(out, "%s |\n", conf_def_synonym(d, 0, NULL) ? "." : "");
    }
}

void conf_print_reference(struct strbuf *out)
{
    strbuf_add_cstr(out, "# Settings\n\nWritten by `moldau settings` from the table in src/conf.\n"
                         "\"per broker\" and \"cluster\" settings can also be changed at run time.\n");
    print_section(out, "Broker", 0, CONF_BROKER_COUNT);
    print_section(out, "Topic", CONF_BROKER_COUNT, CONF_TOPIC_END);
    print_section(out, "Group", CONF_TOPIC_END, CONF_PERGROUP_END);
    print_section(out, "Client metrics", CONF_PERGROUP_END, CONF_COUNT);
}
