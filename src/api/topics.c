/* CreateTopics, DeleteTopics, CreatePartitions, and topics created by mention. */
#include "api/create.h"
#include "api/handlers.h"
#include "api/seen.h"
#include "kp/create_partitions.h"
#include "kp/create_topics.h"
#include "kp/delete_topics.h"

#include <stdio.h>

/* ---- by mention ---- */
static void internal_settings(const struct conf *c, struct slice name,
                              struct kp_create_topics_request_creatable_topic *t,
                              struct kp_create_topics_request_creatable_topic_config cfg[3], char bytes[24])
{
    enum conf_id parts = CONF_OFFSETS_TOPIC_NUM_PARTITIONS, rf = CONF_OFFSETS_TOPIC_REPLICATION_FACTOR,
                 seg = CONF_OFFSETS_TOPIC_SEGMENT_BYTES;
    if (slice_eq_cstr(name, "__transaction_state")) {
        parts = CONF_TRANSACTION_STATE_LOG_NUM_PARTITIONS;
        rf = CONF_TRANSACTION_STATE_LOG_REPLICATION_FACTOR;
        seg = CONF_TRANSACTION_STATE_LOG_SEGMENT_BYTES;
    } else if (slice_eq_cstr(name, "__share_group_state")) {
        parts = CONF_SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS;
        rf = CONF_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR;
        seg = CONF_SHARE_COORDINATOR_STATE_TOPIC_SEGMENT_BYTES;
    }
    t->num_partitions = (int32_t)conf_i64(c, parts);
    t->replication_factor = (int16_t)conf_i64(c, rf);
    snprintf(bytes, 24, "%lld", (long long)conf_i64(c, seg));
    cfg[0] = (struct kp_create_topics_request_creatable_topic_config){slice_cstr("cleanup.policy"),
                                                                      slice_cstr("compact")};
    cfg[1] = (struct kp_create_topics_request_creatable_topic_config){slice_cstr("compression.type"),
                                                                      slice_cstr("producer")};
    cfg[2] = (struct kp_create_topics_request_creatable_topic_config){slice_cstr("segment.bytes"),
                                                                      slice_cstr(bytes)};
    t->configs = cfg;
    t->configs_n = 3;
}

/* False: it needs no creation. */
static bool auto_one(struct broker *zero, struct ctl_now *now, struct slice name, struct ctl_records *rs,
                     int64_t *parts, struct strbuf *why)
{
    struct kp_create_topics_request_creatable_topic t;
    struct kp_create_topics_request_creatable_topic_config cfg[3];
    char bytes[24];
    struct uuid id;
    int32_t n = 0;
    kp_create_topics_request_creatable_topic_init(&t);
    t.name = name;
    t.num_partitions = -1;
    t.replication_factor = -1;
    if (topic_is_internal(t.name)) internal_settings(&zero->conf, t.name, &t, cfg, bytes);
    int before = rs->n;
    int rc = ctl_create_topic(&zero->image, now, &t, rs, &id, &n, why);
    if (rc) ctl_records_cut(rs, before);
    *parts += n;
    return rc == 0 || rc == ERR_TOPIC_ALREADY_EXISTS;
}

/* All of them or, beyond what one request may create, none, as in Kafka. One line tells of any number that
 * could not be created. */
static void auto_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    struct auto_create *c = CONTAINER_OF(op, struct auto_create, op);
    struct arena a;
    struct seen seen;
    struct strbuf why, first;
    int64_t parts = 0;
    int refused = 0;
    arena_init(&a);
    strbuf_init(&why);
    strbuf_init(&first);
    seen_init(&seen, &a, (size_t)c->names_n, zero->hash_seed);
    for (int i = 0; i < c->names_n && parts <= CTL_PARTITIONS_MAX; i++) {
        if (seen_note(&seen, c->names[i], 0, i) >= 0) continue;
        if (!auto_one(zero, now, c->names[i], rs, &parts, &why) && refused++ == 0)
            strbuf_add_slice(&first, strbuf_slice(&why));
        strbuf_reset(&why);
    }
    if (refused)
        logline(LOG_WARN, "controller", "cannot create %d topics by mention, the first one because: %s",
                refused, strbuf_cstr(&first));
    if (parts > CTL_PARTITIONS_MAX) {
        ctl_records_cut(rs, 0);
        logline(
            LOG_WARN, "controller",
            "no topic is created by mention: a request names so many that are missing that they would have "
            "more than %d partitions",
            CTL_PARTITIONS_MAX);
    }
    strbuf_fini(&why);
    strbuf_fini(&first);
    arena_fini(&a);
}

static void auto_done(struct ctl_op *op, struct shard *home)
{
    struct auto_create *c = CONTAINER_OF(op, struct auto_create, op);
    c->done(c, home);
}

void auto_create_topics(struct broker *b, struct auto_create *c)
{
    c->op.build = auto_build;
    c->op.done = auto_done;
    ctl_submit(b, &c->op);
}

/* ---- CreateTopics ---- */
struct create {
    struct ctl_op op;
    struct req *r;
    struct kp_create_topics_request in;
    struct kp_create_topics_response out;
};

static void set_message(struct req *r, int16_t *code, struct slice *message, int rc, struct strbuf *why)
{
    *code = err_kafka(rc);
    *message = why->n ? slice_of(arena_strndup(&r->arena, why->s, why->n), why->n) : slice_cstr(err_text(rc));
    strbuf_reset(why);
}

struct describe_ctx {
    struct req *r;
    struct kp_create_topics_response_creatable_topic_result *o;
    const struct kp_create_topics_request_creatable_topic *t;
};
static void add_config(void *arg, const struct conf_entry *e)
{
    struct describe_ctx *x = arg;
    struct kp_create_topics_response_creatable_topic_configs *c = &x->o->configs[x->o->configs_n++];
    kp_create_topics_response_creatable_topic_configs_init(c);
    c->name = arena_slice_dup(&x->r->arena, slice_cstr(e->name));
    c->value = arena_slice_dup(&x->r->arena, e->value);
    for (int32_t i = 0; i < x->t->configs_n; i++) /* as it was written, not as it is understood */
        if (slice_eq(x->t->configs[i].name, c->name)) c->value = x->t->configs[i].value;
    c->config_source = (int8_t)e->source;
    c->read_only = e->read_only;
    c->is_sensitive = e->sensitive;
}

/* plain: a topic without settings of its own that was described before; all of them look alike. */
static void describe_created(struct create *c, struct broker *zero,
                             const struct kp_create_topics_request_creatable_topic *t,
                             const struct conf_override *ov,
                             struct kp_create_topics_response_creatable_topic_result *o,
                             const struct kp_create_topics_response_creatable_topic_result **plain)
{
    if (t->configs_n <= 0 && *plain) {
        o->configs = (*plain)->configs;
        o->configs_n = (*plain)->configs_n;
        return;
    }
    o->configs = arena_zalloc(&c->r->arena, CONF_TOPIC_END - CONF_BROKER_COUNT, sizeof *o->configs);
    o->configs_n = 0;
    struct describe_ctx x = {c->r, o, t};
    conf_describe_topic(&zero->conf, ov, (size_t)(t->configs_n > 0 ? t->configs_n : 0), &x, add_config);
    if (t->configs_n <= 0) *plain = o;
}

/* Refused as a whole, as in Kafka; duplicates do not count. */
static bool create_too_many(struct create *c, struct broker *zero)
{
    int64_t n = 0;
    for (int32_t i = 0; i < c->in.topics_n; i++)
        if (!c->out.topics[i].error_code) n += ctl_partitions_asked(&c->in.topics[i], &zero->conf);
    for (int32_t i = 0; n > CTL_PARTITIONS_MAX && i < c->in.topics_n; i++) {
        if (c->out.topics[i].error_code) continue;
        c->out.topics[i].error_code = KERR_POLICY_VIOLATION;
        c->out.topics[i].error_message = slice_cstr("Excessively large number of partitions per request.");
        c->out.topics[i].configs_n = 0;
    }
    return n > CTL_PARTITIONS_MAX;
}

static void create_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    struct create *c = CONTAINER_OF(op, struct create, op);
    struct req *r = c->r;
    struct strbuf why;
    const struct kp_create_topics_response_creatable_topic_result *plain = NULL;
    if (create_too_many(c, zero)) return;
    strbuf_init(&why);
    for (int32_t i = 0; i < c->in.topics_n; i++) {
        const struct kp_create_topics_request_creatable_topic *t = &c->in.topics[i];
        struct kp_create_topics_response_creatable_topic_result *o = &c->out.topics[i];
        if (o->error_code) continue; /* duplicates were refused before */
        int before = rs->n;
        struct uuid id = {{0}};
        int32_t n = -1;
        int rc = ctl_create_topic(&zero->image, now, t, rs, &id, &n, &why);
        struct conf_override *ov =
            arena_zalloc(&r->arena, (size_t)(t->configs_n > 0 ? t->configs_n : 0), sizeof *ov);
        for (int32_t k = 0; k < t->configs_n; k++)
            ov[k] = (struct conf_override){t->configs[k].name, t->configs[k].value};
        if (rc == 0)
            rc = conf_topic_check(&zero->conf, ov, (size_t)(t->configs_n > 0 ? t->configs_n : 0), &why);
        if (rc) {
            ctl_records_cut(rs, before);
            set_message(r, &o->error_code, &o->error_message, rc, &why);
            o->configs_n = 0; /* empty, not null */
            continue;
        }
        o->error_message = (struct slice){0};
        o->topic_id = id;
        o->num_partitions = n;
        o->replication_factor = 1;
        describe_created(c, zero, t, ov, o, &plain);
        if (c->in.validate_only) ctl_records_cut(rs, before);
    }
    strbuf_fini(&why);
}

static void create_done(struct ctl_op *op, struct shard *home)
{
    (void)home;
    struct create *c = CONTAINER_OF(op, struct create, op);
    for (int32_t i = 0; op->err && i < c->out.topics_n; i++) {
        struct kp_create_topics_response_creatable_topic_result *o = &c->out.topics[i];
        if (o->error_code) continue;
        o->error_code = err_kafka(op->err);
        o->error_message = ctl_op_why(op);
        o->topic_id = (struct uuid){{0}};
        o->num_partitions = o->replication_factor = -1;
        o->configs_n = 0;
    }
    API_REPLY(c->r, create_topics, &c->out);
}

void api_create_topics(struct req *r)
{
    struct create *c = arena_zalloc(&r->arena, 1, sizeof *c);
    c->r = r;
    if (!API_READ(r, create_topics, &c->in)) return;
    kp_create_topics_response_init(&c->out);
    struct seen seen;
    seen_init(&seen, &r->arena, (size_t)c->in.topics_n, prng_next(&req_broker(r)->prng));
    c->out.topics = arena_zalloc(&r->arena, (size_t)c->in.topics_n, sizeof *c->out.topics);
    for (int32_t i = 0; i < c->in.topics_n; i++) {
        int32_t first = seen_note(&seen, c->in.topics[i].name, 0, c->out.topics_n);
        if (first >= 0) {
            c->out.topics[first].error_code = KERR_INVALID_REQUEST;
            c->out.topics[first].error_message = slice_cstr("Duplicate topic name.");
            c->out.topics[first].configs_n = 0;
            continue;
        }
        c->in.topics[c->out.topics_n] = c->in.topics[i]; /* entry k of the request is now that of answer k */
        struct kp_create_topics_response_creatable_topic_result *o = &c->out.topics[c->out.topics_n++];
        kp_create_topics_response_creatable_topic_result_init(o);
        o->name = c->in.topics[i].name;
        o->num_partitions = -1;
        o->replication_factor = -1;
        o->configs_n = -1;
    }
    c->in.topics_n = c->out.topics_n;
    c->op.build = create_build;
    c->op.done = create_done;
    ctl_submit(req_broker(r), &c->op);
}

/* ---- DeleteTopics ---- */
struct delete
{
    struct ctl_op op;
    struct req *r;
    struct kp_delete_topics_request in;
    struct kp_delete_topics_response out;
    uint64_t seed;
};

/* A topic that is named by its id and by its name is refused, and answered once, by name. */
static void refuse_both(struct delete *d, struct image_topic **found)
{
    struct seen seen;
    int32_t n = d->out.responses_n, kept = 0;
    bool *drop = arena_zalloc(&d->r->arena, (size_t)n, sizeof *drop);
    seen_init(&seen, &d->r->arena, (size_t)n, d->seed);
    for (int32_t i = 0; i < n; i++) {
        if (!found[i]) continue;
        int32_t first = seen_note(&seen, slice_of(found[i]->id.b, sizeof found[i]->id.b), 0, i);
        if (first < 0) continue;
        int32_t named = d->out.responses[i].name.p ? i : first;
        drop[named == i ? first : i] = true;
        d->out.responses[named].topic_id = found[i]->id;
        d->out.responses[named].error_code = KERR_INVALID_REQUEST;
        d->out.responses[named].error_message =
            slice_cstr("The provided topic name maps to an ID that was already supplied.");
    }
    for (int32_t i = 0; i < n; i++) {
        if (drop[i]) continue;
        found[kept] = found[i];
        d->out.responses[kept++] = d->out.responses[i];
    }
    d->out.responses_n = kept;
}

static void delete_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    (void)now;
    struct delete *d = CONTAINER_OF(op, struct delete, op);
    struct image_topic **found = arena_zalloc(&d->r->arena, (size_t)d->out.responses_n, sizeof *found);
    for (int32_t i = 0; i < d->out.responses_n; i++) {
        struct kp_delete_topics_response_deletable_topic_result *o = &d->out.responses[i];
        if (!o->error_code)
            found[i] =
                o->name.p ? image_topic(&zero->image, o->name) : image_topic_by_id(&zero->image, o->topic_id);
    }
    refuse_both(d, found);
    for (int32_t i = 0; i < d->out.responses_n; i++) {
        struct kp_delete_topics_response_deletable_topic_result *o = &d->out.responses[i];
        if (o->error_code) continue;
        if (!conf_bool(&zero->conf, CONF_DELETE_TOPIC_ENABLE)) {
            o->error_code = d->r->version < 3 ? KERR_INVALID_REQUEST : KERR_TOPIC_DELETION_DISABLED;
        } else if (!found[i])
            o->error_code = o->name.p ? KERR_UNKNOWN_TOPIC_OR_PARTITION : KERR_UNKNOWN_TOPIC_ID;
        else {
            o->topic_id = found[i]->id;
            o->name = arena_slice_dup(&d->r->arena, slice_cstr(found[i]->name));
            o->error_code = err_kafka(ctl_delete_topic(&zero->image, found[i]->id, rs));
        }
        if (o->error_code) o->error_message = slice_cstr(kafka_error_text(o->error_code));
    }
}

static void delete_done(struct ctl_op *op, struct shard *home)
{
    (void)home;
    struct delete *d = CONTAINER_OF(op, struct delete, op);
    for (int32_t i = 0; op->err && i < d->out.responses_n; i++) {
        struct kp_delete_topics_response_deletable_topic_result *o = &d->out.responses[i];
        if (o->error_code) continue;
        o->error_code = err_kafka(op->err);
        o->error_message = ctl_op_why(op);
    }
    API_REPLY(d->r, delete_topics, &d->out);
}

void api_delete_topics(struct req *r)
{
    struct delete *d = arena_zalloc(&r->arena, 1, sizeof *d);
    d->r = r;
    if (!API_READ(r, delete_topics, &d->in)) return;
    kp_delete_topics_response_init(&d->out);
    int32_t n = r->version >= 6 ? d->in.topics_n : d->in.topic_names_n;
    struct seen seen;
    d->seed = prng_next(&req_broker(r)->prng);
    seen_init(&seen, &r->arena, (size_t)n, d->seed);
    d->out.responses = arena_zalloc(&r->arena, (size_t)n, sizeof *d->out.responses);
    for (int32_t i = 0; i < n; i++) {
        struct kp_delete_topics_response_deletable_topic_result *o = &d->out.responses[d->out.responses_n];
        kp_delete_topics_response_deletable_topic_result_init(o);
        o->name = r->version >= 6 ? d->in.topics[i].name : d->in.topic_names[i];
        if (r->version >= 6) o->topic_id = d->in.topics[i].topic_id;
        bool has_id = !uuid_is_zero(o->topic_id);
        if (has_id == (o->name.p != NULL)) {
            o->error_code = KERR_INVALID_REQUEST;
            o->error_message = slice_cstr(has_id ? "You may not specify both topic name and topic id."
                                                 : "Neither topic name nor id were specified.");
            d->out.responses_n++;
            continue;
        }
        const uint8_t *id = r->version >= 6 ? d->in.topics[i].topic_id.b : NULL;
        int32_t first = seen_note(&seen, has_id ? slice_of(id, sizeof o->topic_id.b) : o->name, has_id,
                                  d->out.responses_n);
        if (first < 0) {
            d->out.responses_n++;
            continue;
        }
        d->out.responses[first].error_code = KERR_INVALID_REQUEST;
        d->out.responses[first].error_message =
            slice_cstr(has_id ? "Duplicate topic id." : "Duplicate topic name.");
    }
    d->op.build = delete_build;
    d->op.done = delete_done;
    ctl_submit(req_broker(r), &d->op);
}

/* ---- CreatePartitions ---- */
struct grow {
    struct ctl_op op;
    struct req *r;
    struct kp_create_partitions_request in;
    struct kp_create_partitions_response out;
};

static void grow_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    struct grow *g = CONTAINER_OF(op, struct grow, op);
    struct strbuf why;
    int64_t more = 0; /* of the request */
    strbuf_init(&why);
    for (int32_t i = 0; i < g->in.topics_n; i++) {
        struct kp_create_partitions_response_create_partitions_topic_result *o = &g->out.results[i];
        if (o->error_code) continue;
        int before = rs->n;
        int rc = ctl_create_partitions(&zero->image, now, &g->in.topics[i], rs, &why);
        if (rc == 0 && more + rs->n - before > CTL_PARTITIONS_MAX) {
            strbuf_printf(&why, "One request may create %d partitions.", CTL_PARTITIONS_MAX);
            rc = ERR_POLICY_VIOLATION;
        }
        if (rc == 0) more += rs->n - before;
        if (rc || g->in.validate_only) ctl_records_cut(rs, before);
        if (rc) set_message(g->r, &o->error_code, &o->error_message, rc, &why);
        if (rc == ERR_UNKNOWN_TOPIC_OR_PARTITION) o->error_message = (struct slice){0}; /* as Kafka's */
    }
    strbuf_fini(&why);
}

static void grow_done(struct ctl_op *op, struct shard *home)
{
    (void)home;
    struct grow *g = CONTAINER_OF(op, struct grow, op);
    for (int32_t i = 0; op->err && i < g->out.results_n; i++) {
        struct kp_create_partitions_response_create_partitions_topic_result *o = &g->out.results[i];
        if (o->error_code) continue;
        o->error_code = err_kafka(op->err);
        o->error_message = ctl_op_why(op);
    }
    API_REPLY(g->r, create_partitions, &g->out);
}

void api_create_partitions(struct req *r)
{
    struct grow *g = arena_zalloc(&r->arena, 1, sizeof *g);
    g->r = r;
    if (!API_READ(r, create_partitions, &g->in)) return;
    kp_create_partitions_response_init(&g->out);
    struct seen seen;
    seen_init(&seen, &r->arena, (size_t)g->in.topics_n, prng_next(&req_broker(r)->prng));
    g->out.results = arena_zalloc(&r->arena, (size_t)g->in.topics_n, sizeof *g->out.results);
    for (int32_t i = 0; i < g->in.topics_n; i++) {
        int32_t first = seen_note(&seen, g->in.topics[i].name, 0, g->out.results_n);
        if (first >= 0) {
            g->out.results[first].error_code = KERR_INVALID_REQUEST;
            g->out.results[first].error_message = slice_cstr("Duplicate topic name.");
            continue;
        }
        g->in.topics[g->out.results_n] = g->in.topics[i]; /* as in CreateTopics */
        struct kp_create_partitions_response_create_partitions_topic_result *o =
            &g->out.results[g->out.results_n++];
        kp_create_partitions_response_create_partitions_topic_result_init(o);
        o->name = g->in.topics[i].name;
    }
    g->in.topics_n = g->out.results_n;
    g->op.build = grow_build;
    g->op.done = grow_done;
    ctl_submit(req_broker(r), &g->op);
}
