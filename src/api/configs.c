/* DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources. */
#include "api/handlers.h"
#include "api/pieces.h"
#include "api/seen.h"
#include "api/turns.h"
#include "kp/alter_configs.h"
#include "kp/describe_configs.h"
#include "kp/incremental_alter_configs.h"
#include "kp/list_config_resources.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RESOURCE_TOPIC = 2,
    RESOURCE_BROKER = 4,
    RESOURCE_BROKER_LOGGER = 8,
    RESOURCE_CLIENT_METRICS = 16,
    RESOURCE_GROUP = 32
};
enum { OP_SET = 0, OP_DELETE = 1, OP_APPEND = 2, OP_SUBTRACT = 3 };
#define CHANGES_MAX 10000 /* of one request, as in Kafka */

static struct slice keep(struct arena *a, struct strbuf *b)
{
    struct slice s = slice_of(arena_strndup(a, strbuf_cstr(b), b->n), b->n);
    strbuf_reset(b);
    return s;
}

static struct conf_override *overrides_of(struct arena *a, const struct image_configs *c, size_t *n)
{
    *n = c ? (size_t)c->n : 0;
    struct conf_override *o = arena_zalloc(a, *n, sizeof *o);
    for (size_t i = 0; i < *n; i++) o[i] = (struct conf_override){c->v[i].name, c->v[i].value};
    return o;
}

/* ---- describing ----
 * A short question has a long answer, so it is made and written some resources at a time, and has an end. */
#define DESCRIBE_TURN_ENTRIES 2000
#define DESCRIBE_KEYS_FEW 8 /* so many are compared with each setting */

struct describing {
    struct turns turns;
    struct pieces pieces;
    struct req *r;
    struct kp_describe_configs_request in;
    int32_t at;         /* the resource that is next */
    int32_t entries_n;  /* looked at in this turn */
    struct arena arena; /* of one resource */
    struct seen keys;   /* of q, if there are more than few */
    const struct kp_describe_configs_request_describe_configs_resource *q;
    struct kp_describe_configs_response_describe_configs_result *o;
    int32_t configs_cap;
};

static bool describe_asks_for(const struct describing *x, const char *name)
{
    if (x->q->configuration_keys_n <= 0) return true;
    if (x->q->configuration_keys_n > DESCRIBE_KEYS_FEW) return seen_find(&x->keys, slice_cstr(name), 0) >= 0;
    for (int32_t i = 0; i < x->q->configuration_keys_n; i++)
        if (slice_eq_cstr(x->q->configuration_keys[i], name)) return true;
    return false;
}

static struct kp_describe_configs_response_describe_configs_resource_result *
describe_room(struct describing *x)
{
    struct kp_describe_configs_response_describe_configs_result *o = x->o;
    if (o->configs_n == x->configs_cap) {
        x->configs_cap = x->configs_cap ? x->configs_cap * 2 : 8;
        void *more = arena_alloc(&x->arena, (size_t)x->configs_cap * sizeof *o->configs);
        if (o->configs_n) memcpy(more, o->configs, (size_t)o->configs_n * sizeof *o->configs);
        o->configs = more;
    }
    return &o->configs[o->configs_n++];
}

static void describe_entry(void *ctx, const struct conf_entry *e)
{
    struct describing *x = ctx;
    struct arena *a = &x->arena;
    x->entries_n++;
    if (!describe_asks_for(x, e->name)) return;
    struct kp_describe_configs_response_describe_configs_resource_result *c = describe_room(x);
    kp_describe_configs_response_describe_configs_resource_result_init(c);
    c->name = arena_slice_dup(a, slice_cstr(e->name));
    c->value = arena_slice_dup(a, e->value);
    c->read_only = e->read_only;
    c->config_source = (int8_t)e->source;
    c->is_sensitive = e->sensitive;
    c->config_type = (int8_t)e->type;
    c->documentation = x->in.include_documentation ? slice_cstr(e->doc) : (struct slice){0};
    if (!x->in.include_synonyms) return;
    c->synonyms = arena_zalloc(a, (size_t)e->synonyms_n, sizeof *c->synonyms);
    for (int i = 0; i < e->synonyms_n; i++)
        c->synonyms[c->synonyms_n++] = (struct kp_describe_configs_response_describe_configs_synonym){
            arena_slice_dup(a, slice_cstr(e->synonyms[i].name)), arena_slice_dup(a, e->synonyms[i].value),
            (int8_t)e->synonyms[i].source};
}

static void describe_one(struct describing *x, struct strbuf *why)
{
    struct broker *b = req_broker(x->r);
    struct slice name = x->q->resource_name;
    struct arena *a = &x->arena;
    size_t n;
    char self[16];
    snprintf(self, sizeof self, "%d", b->node->id);
    switch (x->q->resource_type) {
    case RESOURCE_TOPIC: {
        if (ctl_topic_name_check(name, why)) {
            x->o->error_code = KERR_INVALID_TOPIC_EXCEPTION;
            break;
        }
        if (!image_topic(&b->image, name)) {
            x->o->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
            return;
        }
        struct conf_override *o = overrides_of(a, image_configs(&b->image, RESOURCE_TOPIC, name), &n);
        conf_describe_topic(&b->conf, o, n, x, describe_entry);
        return;
    }
    case RESOURCE_BROKER: {
        if (name.n == 0) conf_describe_cluster(&b->conf, x, describe_entry);
        else if (slice_eq_cstr(name, self)) conf_describe_broker(&b->conf, x, describe_entry);
        else {
            x->o->error_code = KERR_INVALID_REQUEST;
            strbuf_printf(why, "Unexpected broker id, expected %s or empty string, but received %.*s", self,
                          (int)name.n, (const char *)name.p);
            break;
        }
        return;
    }
    case RESOURCE_BROKER_LOGGER: /* there are none here */
        if (slice_eq_cstr(name, self)) return;
        x->o->error_code = KERR_INVALID_REQUEST;
        strbuf_printf(why, "Unexpected broker id, expected %s, but received %.*s", self, (int)name.n,
                      (const char *)name.p);
        break;
    case RESOURCE_GROUP: {
        struct conf_override *o = overrides_of(a, image_configs(&b->image, RESOURCE_GROUP, name), &n);
        if (name.n == 0) {
            x->o->error_code = KERR_INVALID_REQUEST;
            strbuf_add_cstr(why, "a group's configuration needs a group id");
            break;
        }
        conf_describe_group(&b->conf, o, n, x, describe_entry);
        return;
    }
    case RESOURCE_CLIENT_METRICS: {
        struct conf_override *o =
            overrides_of(a, image_configs(&b->image, RESOURCE_CLIENT_METRICS, name), &n);
        if (name.n == 0) {
            x->o->error_code = KERR_INVALID_REQUEST;
            strbuf_add_cstr(why, "a subscription to client metrics needs a name");
            break;
        }
        conf_describe_client_metrics(o, n, x, describe_entry);
        return;
    }
    default:
        x->o->error_code = KERR_INVALID_REQUEST;
        strbuf_printf(why, "Unsupported resource type: %d", x->q->resource_type);
    }
    x->o->error_message = why->n ? keep(a, why) : slice_cstr(kafka_error_text(x->o->error_code));
}

static void describe_next(struct describing *x, struct strbuf *why)
{
    struct kp_describe_configs_response_describe_configs_result o;
    kp_describe_configs_response_describe_configs_result_init(&o);
    x->q = &x->in.resources[x->at++];
    x->o = &o;
    x->configs_cap = 0;
    x->entries_n += 1 + x->q->configuration_keys_n / 16;
    o.resource_type = x->q->resource_type;
    o.resource_name = x->q->resource_name;
    arena_init(&x->arena);
    if (x->q->configuration_keys_n > DESCRIBE_KEYS_FEW) {
        seen_init(&x->keys, &x->arena, (size_t)x->q->configuration_keys_n,
                  prng_next(&req_broker(x->r)->prng));
        for (int32_t i = 0; i < x->q->configuration_keys_n; i++)
            seen_note(&x->keys, x->q->configuration_keys[i], 0, i);
    }
    if (pieces_full(&x->pieces)) {
        o.error_code = KERR_POLICY_VIOLATION;
        o.error_message = slice_cstr("The answer would be too large: ask for fewer resources at a time.");
    } else describe_one(x, why);
    struct kp_describe_configs_response one;
    kp_describe_configs_response_init(&one);
    one.results = &o;
    one.results_n = 1;
    pieces_add(&x->pieces, &one);
    arena_fini(&x->arena);
}

static bool describe_step(struct turns *t)
{
    struct describing *x = CONTAINER_OF(t, struct describing, turns);
    struct strbuf why;
    strbuf_init(&why);
    x->entries_n = 0;
    while (x->at < x->in.resources_n && x->entries_n < DESCRIBE_TURN_ENTRIES) describe_next(x, &why);
    strbuf_fini(&why);
    if (x->at < x->in.resources_n) return true;
    pieces_end(&x->pieces);
    return false;
}

void api_describe_configs(struct req *r)
{
    struct describing *x = arena_zalloc(&r->arena, 1, sizeof *x);
    x->r = r;
    if (!API_READ(r, describe_configs, &x->in)) return;
    struct kp_describe_configs_response empty;
    kp_describe_configs_response_init(&empty);
    pieces_begin(&x->pieces, r, &kp_describe_configs_response_message, &empty, x->in.resources_n);
    turns_begin(&x->turns, r, describe_step);
}

/* ---- altering ---- */
struct change {
    struct slice name, value;
    int8_t op;
};
struct alter_resource {
    int8_t type;
    struct slice name;
    struct change *changes;
    int32_t n;
    bool twice;   /* named by another entry, too */
    bool replace; /* AlterConfigs: what is not named goes back to its default */
    int16_t error;
    struct slice message;
};
struct altering {
    struct ctl_op op;
    struct req *r;
    struct alter_resource *v;
    int32_t n;
    bool validate_only, incremental;
};

static int refuse(struct strbuf *why, int err, const char *fmt, struct slice s)
{
    const char *gap = strstr(fmt, "%s"); /* filled here, because s may hold zero bytes */
    ASSERT(gap);
    strbuf_add(why, fmt, (size_t)(gap - fmt));
    strbuf_add_slice(why, s);
    strbuf_add_cstr(why, gap + 2);
    return err;
}

/* The value that a change leaves: null takes the override back. */
static int resolve(struct altering *al, struct alter_resource *x, const struct change *c,
                   const struct image_configs *now, struct slice *value, struct strbuf *why)
{
    const struct conf_def *d = x->type == RESOURCE_TOPIC   ? conf_def_topic(c->name)
                               : x->type == RESOURCE_GROUP ? conf_def_group(c->name)
                                                           : conf_def_broker(c->name);
    if (c->op == OP_DELETE) {
        *value = (struct slice){0};
        return 0;
    }
    if (c->op < OP_SET || c->op > OP_SUBTRACT)
        return ERR_UNKNOWN_SERVER_ERROR; /* Kafka has no error of its own for it */
    if (!c->value.p) return refuse(why, ERR_INVALID_REQUEST, "Null value not supported for : %s", c->name);
    *value = c->value;
    if (c->op == OP_SET) return 0;
    if (!d) return refuse(why, ERR_INVALID_CONFIG, "Can't append or subtract: no such setting: %s", c->name);
    struct slice old = image_config(now, c->name);
    if (!old.p) old = slice_cstr(d->def ? d->def : "");
    struct strbuf out;
    strbuf_init(&out);
    int rc = c->op == OP_APPEND ? conf_list_append(d, old, c->value, &out, why)
                                : conf_list_subtract(d, old, c->value, &out, why);
    if (rc == 0) *value = keep(&al->r->arena, &out);
    strbuf_fini(&out);
    return rc;
}

static int check_all(struct broker *zero, struct altering *al, struct alter_resource *x,
                     struct conf_override *o, size_t n, struct strbuf *why)
{
    (void)al;
    int rc = 0;
    switch (x->type) {
    case RESOURCE_TOPIC:
        return conf_topic_check(&zero->conf, o, n, why);
    case RESOURCE_GROUP:
        return conf_group_check(&zero->conf, o, n, why);
    case RESOURCE_CLIENT_METRICS:
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = conf_client_metrics_validate(o[i].name, o[i].value, why);
        return rc;
    default:
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = conf_set_check(&zero->conf, o[i].name, o[i].value,
                                x->name.n ? CONF_LAYER_DYNAMIC_BROKER : CONF_LAYER_DYNAMIC_DEFAULT, why);
        return rc;
    }
}

static int alter_one(struct broker *zero, struct altering *al, struct alter_resource *x,
                     struct ctl_records *rs, struct strbuf *why)
{
    char self[16];
    snprintf(self, sizeof self, "%d", zero->node->id);
    switch (x->type) {
    case RESOURCE_TOPIC:
        if (x->name.n == 0)
            return refuse(why, ERR_INVALID_REQUEST, "A topic's configuration needs a topic name%s", x->name);
        if (ctl_topic_name_check(x->name, why)) return ERR_INVALID_TOPIC_EXCEPTION;
        if (!image_topic(&zero->image, x->name))
            return refuse(why, ERR_UNKNOWN_TOPIC_OR_PARTITION, "The topic '%s' does not exist.", x->name);
        break;
    case RESOURCE_BROKER:
        if (x->name.n && !slice_eq_cstr(x->name, self))
            return refuse(why, ERR_INVALID_REQUEST, "There is no broker %s in this cluster", x->name);
        /* Only here Kafka wants to know the names. */
        for (int32_t i = 0; x->replace && x->name.n == 0 && i < x->n; i++)
            if (!conf_def_broker(x->changes[i].name))
                return refuse(why, ERR_INVALID_CONFIG, "There is no setting %s for all brokers",
                              x->changes[i].name);
        break;
    case RESOURCE_BROKER_LOGGER:
        if (!slice_eq_cstr(x->name, self))
            return refuse(why, ERR_INVALID_REQUEST, "There is no broker %s in this cluster", x->name);
        if (x->replace)
            return refuse(why, ERR_INVALID_REQUEST, "Loggers cannot be replaced as a whole%s",
                          (struct slice){0});
        if (x->n) return refuse(why, ERR_INVALID_CONFIG, "There is no logger %s", x->changes[0].name);
        return 0;
    case RESOURCE_GROUP:
    case RESOURCE_CLIENT_METRICS:
        if (x->name.n == 0) return refuse(why, ERR_INVALID_REQUEST, "the resource needs a name%s", x->name);
        break;
    default:
        strbuf_printf(why, "Unsupported resource type: %d", x->type);
        return ERR_INVALID_REQUEST;
    }
    const struct image_configs *now = image_configs(&zero->image, x->type, x->name);
    size_t old_n, n = 0;
    struct conf_override *old = overrides_of(&al->r->arena, now, &old_n);
    struct conf_override *after = arena_zalloc(&al->r->arena, old_n + (size_t)x->n, sizeof *after);
    struct conf_override *set = arena_zalloc(&al->r->arena, (size_t)x->n, sizeof *set);
    struct seen seen;
    seen_init(&seen, &al->r->arena, (size_t)x->n, prng_next(&zero->prng));
    for (int32_t i = 0; i < x->n; i++) {
        if (seen_note(&seen, x->changes[i].name, 0, i) >= 0)
            return refuse(why, ERR_INVALID_REQUEST, "Error due to duplicate config keys: %s",
                          x->changes[i].name);
        set[i].name = x->changes[i].name;
        int rc = resolve(al, x, &x->changes[i], now, &set[i].value, why);
        if (rc) return rc;
        if (set[i].value.p) after[n++] = set[i];
    }
    for (size_t i = 0; i < old_n && !x->replace; i++)
        if (seen_find(&seen, old[i].name, 0) < 0) after[n++] = old[i];
    int rc = check_all(zero, al, x, after, n, why);
    if (rc || al->validate_only) return rc;
    for (int32_t i = 0; i < x->n; i++) {
        struct slice had = image_config(now, set[i].name);
        if (set[i].value.p ? had.p && slice_eq(set[i].value, had) : !had.p) continue; /* nothing changes */
        ctl_set_config(x->type, x->name, set[i].name, set[i].value, rs);
    }
    for (size_t i = 0; x->replace && i < old_n; i++)
        if (seen_find(&seen, old[i].name, 0) < 0)
            ctl_set_config(x->type, x->name, old[i].name, (struct slice){0}, rs);
    return 0;
}

/* Sends it to the controller. */
static void alter(struct altering *al)
{
    struct broker *b = req_broker(al->r);
    struct seen seen;
    seen_init(&seen, &al->r->arena, (size_t)al->n, prng_next(&b->prng));
    for (int32_t i = 0; i < al->n; i++) {
        int32_t first = seen_note(&seen, al->v[i].name, al->v[i].type, i);
        if (first >= 0) al->v[i].twice = al->v[first].twice = true;
    }
    ctl_submit(b, &al->op);
}

static bool alter_too_many(struct altering *al)
{
    int64_t n = 0;
    for (int32_t i = 0; i < al->n; i++) n += al->v[i].twice ? 0 : al->v[i].n;
    for (int32_t i = 0; n > CHANGES_MAX && i < al->n; i++) {
        al->v[i].error = KERR_POLICY_VIOLATION;
        al->v[i].message = slice_cstr("Unable to perform excessively large batch operation.");
    }
    return n > CHANGES_MAX;
}

static void alter_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    (void)now;
    struct altering *al = CONTAINER_OF(op, struct altering, op);
    if (alter_too_many(al)) return;
    struct strbuf why;
    strbuf_init(&why);
    for (int32_t i = 0; i < al->n; i++) {
        struct alter_resource *x = &al->v[i];
        int rc = x->twice ? ERR_INVALID_REQUEST : 0;
        if (rc) strbuf_add_cstr(&why, "Each resource must appear at most once.");
        else rc = alter_one(zero, al, x, rs, &why);
        if (rc) {
            x->error = err_kafka(rc);
            x->message = why.n                            ? keep(&al->r->arena, &why)
                         : rc == ERR_UNKNOWN_SERVER_ERROR ? (struct slice){0}
                                                          : slice_cstr(err_text(rc));
        }
        strbuf_reset(&why);
    }
    strbuf_fini(&why);
}

static void alter_done(struct ctl_op *op, struct shard *home)
{
    (void)home;
    struct altering *al = CONTAINER_OF(op, struct altering, op);
    struct req *r = al->r;
    for (int32_t i = 0; op->err && i < al->n; i++) {
        if (al->v[i].error) continue;
        al->v[i].error = err_kafka(op->err);
        al->v[i].message = ctl_op_why(op);
    }
    if (al->incremental) {
        struct kp_incremental_alter_configs_response out;
        kp_incremental_alter_configs_response_init(&out);
        out.responses = arena_zalloc(&r->arena, (size_t)al->n, sizeof *out.responses);
        out.responses_n = al->n;
        for (int32_t i = 0; i < al->n; i++)
            out.responses[i] = (struct kp_incremental_alter_configs_response_alter_configs_resource_response){
                al->v[i].error, al->v[i].message, al->v[i].type, al->v[i].name};
        API_REPLY(r, incremental_alter_configs, &out);
        return;
    }
    struct kp_alter_configs_response out;
    kp_alter_configs_response_init(&out);
    out.responses = arena_zalloc(&r->arena, (size_t)al->n, sizeof *out.responses);
    out.responses_n = al->n;
    for (int32_t i = 0; i < al->n; i++)
        out.responses[i] = (struct kp_alter_configs_response_alter_configs_resource_response){
            al->v[i].error, al->v[i].message, al->v[i].type, al->v[i].name};
    API_REPLY(r, alter_configs, &out);
}

static struct altering *altering_new(struct req *r, int32_t n, bool validate_only, bool incremental)
{
    struct altering *al = arena_zalloc(&r->arena, 1, sizeof *al);
    *al = (struct altering){.r = r, .n = n, .validate_only = validate_only, .incremental = incremental};
    al->v = arena_zalloc(&r->arena, (size_t)n, sizeof *al->v);
    al->op.build = alter_build;
    al->op.done = alter_done;
    return al;
}

void api_incremental_alter_configs(struct req *r)
{
    struct kp_incremental_alter_configs_request in;
    if (!API_READ(r, incremental_alter_configs, &in)) return;
    struct altering *al = altering_new(r, in.resources_n, in.validate_only, true);
    for (int32_t i = 0; i < in.resources_n; i++) {
        struct alter_resource *x = &al->v[i];
        x->type = in.resources[i].resource_type;
        x->name = in.resources[i].resource_name;
        x->n = in.resources[i].configs_n;
        x->changes = arena_zalloc(&r->arena, (size_t)x->n, sizeof *x->changes);
        for (int32_t k = 0; k < x->n; k++)
            x->changes[k] = (struct change){in.resources[i].configs[k].name, in.resources[i].configs[k].value,
                                            in.resources[i].configs[k].config_operation};
    }
    alter(al);
}

void api_alter_configs(struct req *r)
{
    struct kp_alter_configs_request in;
    if (!API_READ(r, alter_configs, &in)) return;
    struct altering *al = altering_new(r, in.resources_n, in.validate_only, false);
    for (int32_t i = 0; i < in.resources_n; i++) {
        struct alter_resource *x = &al->v[i];
        x->type = in.resources[i].resource_type;
        x->name = in.resources[i].resource_name;
        x->n = in.resources[i].configs_n;
        x->replace = true;
        x->changes = arena_zalloc(&r->arena, (size_t)x->n, sizeof *x->changes);
        for (int32_t k = 0; k < x->n; k++)
            x->changes[k] =
                (struct change){in.resources[i].configs[k].name, in.resources[i].configs[k].value, OP_SET};
    }
    alter(al);
}

/* ---- listing ---- */
void api_list_config_resources(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_list_config_resources_request in;
    struct kp_list_config_resources_response out;
    static const int8_t all[] = {RESOURCE_TOPIC, RESOURCE_BROKER, RESOURCE_BROKER_LOGGER,
                                 RESOURCE_CLIENT_METRICS, RESOURCE_GROUP};
    if (!API_READ(r, list_config_resources, &in)) return;
    kp_list_config_resources_response_init(&out);
    size_t cap = b->image.by_id.n + b->image.configs.n + (size_t)b->image.brokers_n * 2;
    out.config_resources = arena_zalloc(&r->arena, cap, sizeof *out.config_resources);
    for (size_t k = 0; k < NELEMS(all); k++) {
        bool asked = r->version == 0 ? all[k] == RESOURCE_CLIENT_METRICS : in.resource_types_n <= 0;
        for (int32_t i = 0; r->version > 0 && i < in.resource_types_n; i++)
            asked |= in.resource_types[i] == all[k];
        if (!asked) continue;
        if (all[k] == RESOURCE_TOPIC) {
            int n;
            struct image_topic **t = image_sorted(&b->image, &n);
            for (int i = 0; i < n; i++)
                out.config_resources[out.config_resources_n++] =
                    (struct kp_list_config_resources_response_config_resource){slice_cstr(t[i]->name),
                                                                               all[k]};
        } else if (all[k] == RESOURCE_BROKER || all[k] == RESOURCE_BROKER_LOGGER) {
            for (int i = 0; i < b->image.brokers_n; i++)
                out.config_resources[out.config_resources_n++] =
                    (struct kp_list_config_resources_response_config_resource){
                        slice_cstr(arena_printf(&r->arena, "%d", b->image.brokers[i].id)), all[k]};
        } else MAP_FOREACH(it, struct image_configs, c, &b->image.configs)
        if (c->type == all[k])
            out.config_resources[out.config_resources_n++] =
                (struct kp_list_config_resources_response_config_resource){c->resource, all[k]};
    }
    for (int32_t i = 0; i < in.resource_types_n && r->version > 0; i++) {
        bool known = false;
        for (size_t k = 0; k < NELEMS(all); k++) known |= all[k] == in.resource_types[i];
        if (!known) {
            out.error_code = KERR_UNSUPPORTED_VERSION;
            out.config_resources_n = 0;
        }
    }
    API_REPLY(r, list_config_resources, &out);
}
