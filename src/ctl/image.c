#include "ctl/image.h"
#include "base/hash.h"
#include "kp/metadata_records.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t hash_name(struct slice s)
{
    return hash_bytes(0x6d6f6c64, s.p, s.n);
}
static uint64_t hash_id(struct uuid u)
{
    return hash_bytes(0x75756964, u.b, 16);
}
static bool eq_name(const void *v, const void *k)
{
    return slice_eq_cstr(*(const struct slice *)k, ((const struct image_topic *)v)->name);
}
static bool eq_id(const void *v, const void *k)
{
    return uuid_eq(((const struct image_topic *)v)->id, *(const struct uuid *)k);
}
struct config_key {
    int8_t type;
    struct slice resource;
};
static uint64_t hash_config(struct config_key k)
{
    return hash_name(k.resource) + (uint64_t)k.type;
}
static bool eq_config(const void *v, const void *k)
{
    const struct image_configs *c = v;
    const struct config_key *key = k;
    return c->type == key->type && slice_eq_cstr(key->resource, c->resource);
}

void image_init(struct image *im)
{
    *im = (struct image){.offset = -1, .sorted_stale = true};
    map_init(&im->by_name);
    map_init(&im->by_id);
    map_init(&im->configs);
}

static void topic_free(struct image_topic *t)
{
    for (int32_t i = 0; i < t->parts_n; i++) free(t->parts[i].replicas);
    free(t->parts);
    free(t->name);
    free(t);
}

static void configs_free(struct image_configs *c)
{
    for (int i = 0; i < c->n; i++) {
        free(c->v[i].name);
        free(c->v[i].value);
    }
    free(c->v);
    free(c->resource);
    free(c);
}

static void broker_clear(struct image_broker *b)
{
    for (int i = 0; i < b->endpoints_n; i++) {
        free(b->endpoints[i].listener);
        free(b->endpoints[i].host);
    }
    free(b->endpoints);
    free(b->rack);
    *b = (struct image_broker){.id = b->id};
}

void image_fini(struct image *im)
{
    MAP_FOREACH(it, struct image_topic, t, &im->by_id) topic_free(t);
    MAP_FOREACH(it2, struct image_configs, c, &im->configs) configs_free(c);
    map_fini(&im->by_name);
    map_fini(&im->by_id);
    map_fini(&im->configs);
    free(im->sorted);
    for (int i = 0; i < im->brokers_n; i++) broker_clear(&im->brokers[i]);
    free(im->brokers);
    for (int i = 0; i < im->features_n; i++) free(im->features[i].name);
    free(im->features);
}

struct image_topic *image_topic(const struct image *im, struct slice name)
{
    return name.p ? map_get(&im->by_name, hash_name(name), &name, eq_name) : NULL;
}
struct image_topic *image_topic_by_id(const struct image *im, struct uuid id)
{
    return map_get(&im->by_id, hash_id(id), &id, eq_id);
}
static int cmp_topic(const void *a, const void *b)
{
    return strcmp((*(struct image_topic *const *)a)->name, (*(struct image_topic *const *)b)->name);
}
struct image_topic **image_sorted(struct image *im, int *n)
{
    if (im->sorted_stale) {
        im->sorted = xrealloc(im->sorted, im->by_name.n * sizeof(struct image_topic *));
        im->sorted_n = 0;
        MAP_FOREACH(it, struct image_topic, t, &im->by_name) im->sorted[im->sorted_n++] = t;
        qsort(im->sorted, (size_t)im->sorted_n, sizeof(struct image_topic *), cmp_topic);
        im->sorted_stale = false;
    }
    *n = im->sorted_n;
    return im->sorted;
}
const struct image_configs *image_configs(const struct image *im, int8_t type, struct slice resource)
{
    struct config_key k = {type, resource};
    return map_get(&im->configs, hash_config(k), &k, eq_config);
}
const char *image_config(const struct image_configs *c, const char *name)
{
    for (int i = 0; c && i < c->n; i++)
        if (strcmp(c->v[i].name, name) == 0) return c->v[i].value;
    return NULL;
}
const struct image_broker *image_broker(const struct image *im, int32_t id)
{
    for (int i = 0; i < im->brokers_n; i++)
        if (im->brokers[i].id == id) return &im->brokers[i];
    return NULL;
}

/* ---- applying ---- */
static void set_replicas(struct image_part *p, const int32_t *replicas, int32_t replicas_n,
                         const int32_t *isr, int32_t isr_n)
{
    int32_t *all = xmalloc((size_t)(replicas_n + isr_n) * sizeof *all);
    if (replicas_n) memcpy(all, replicas, (size_t)replicas_n * sizeof *all);
    if (isr_n) memcpy(all + replicas_n, isr, (size_t)isr_n * sizeof *all);
    free(p->replicas);
    p->replicas = all;
    p->isr = all + replicas_n;
    p->replicas_n = replicas_n;
    p->isr_n = isr_n;
}

static void apply_topic(struct image *im, const struct kp_topic_record *r)
{
    if (image_topic_by_id(im, r->topic_id)) return;
    struct image_topic *t = xcalloc(1, sizeof *t);
    t->id = r->topic_id;
    t->name = xstrndup(r->name.p, r->name.n);
    map_put(&im->by_id, hash_id(t->id), t);
    map_put(&im->by_name, hash_name(r->name), t);
    im->sorted_stale = true;
    if (im->topic_added) im->topic_added(im->arg, t);
}

static int apply_partition(struct image *im, const struct kp_partition_record *r)
{
    struct image_topic *t = image_topic_by_id(im, r->topic_id);
    if (!t || r->partition_id < 0 || r->partition_id > t->parts_n) return ERR_FORMAT;
    int32_t old_n = t->parts_n;
    if (r->partition_id == t->parts_n) {
        t->parts = xrealloc(t->parts, (size_t)(t->parts_n + 1) * sizeof *t->parts);
        t->parts[t->parts_n++] = (struct image_part){0};
    }
    struct image_part *p = &t->parts[r->partition_id];
    p->leader = r->leader;
    p->leader_epoch = r->leader_epoch;
    p->partition_epoch = r->partition_epoch;
    set_replicas(p, r->replicas, max_i64(r->replicas_n, 0) > 0 ? r->replicas_n : 0, r->isr,
                 r->isr_n > 0 ? r->isr_n : 0);
    if (t->parts_n > old_n && im->topic_grew) im->topic_grew(im->arg, t, old_n);
    return 0;
}

static int apply_partition_change(struct image *im, const struct kp_partition_change_record *r)
{
    struct image_topic *t = image_topic_by_id(im, r->topic_id);
    if (!t || r->partition_id < 0 || r->partition_id >= t->parts_n) return ERR_FORMAT;
    struct image_part *p = &t->parts[r->partition_id];
    if (r->leader != -2) {
        p->leader = r->leader;
        p->leader_epoch++;
    }
    p->partition_epoch++;
    if (r->isr_n >= 0 || r->replicas_n >= 0) {
        int32_t *old = p->replicas;
        p->replicas = NULL;
        set_replicas(p, r->replicas_n >= 0 ? r->replicas : old,
                     r->replicas_n >= 0 ? r->replicas_n : p->replicas_n, r->isr_n >= 0 ? r->isr : p->isr,
                     r->isr_n >= 0 ? r->isr_n : p->isr_n);
        free(old);
    }
    return 0;
}

static void apply_remove_topic(struct image *im, const struct kp_remove_topic_record *r)
{
    struct image_topic *t = image_topic_by_id(im, r->topic_id);
    if (!t) return;
    if (im->topic_removed) im->topic_removed(im->arg, t);
    struct slice name = slice_cstr(t->name);
    map_del(&im->by_id, hash_id(t->id), &t->id, eq_id);
    map_del(&im->by_name, hash_name(name), &name, eq_name);
    struct config_key k = {2, name};
    struct image_configs *c = map_del(&im->configs, hash_config(k), &k, eq_config);
    if (c) configs_free(c);
    im->sorted_stale = true;
    topic_free(t);
}

static void apply_config(struct image *im, const struct kp_config_record *r)
{
    struct config_key k = {r->resource_type, r->resource_name};
    struct image_configs *c = map_get(&im->configs, hash_config(k), &k, eq_config);
    if (!c) {
        if (!r->value.p) return;
        c = xcalloc(1, sizeof *c);
        c->type = r->resource_type;
        c->resource = xstrndup(r->resource_name.p, r->resource_name.n);
        map_put(&im->configs, hash_config(k), c);
    }
    int i = 0;
    while (i < c->n && slice_cmp(slice_cstr(c->v[i].name), r->name) < 0) i++;
    bool there = i < c->n && slice_eq_cstr(r->name, c->v[i].name);
    if (there) {
        free(c->v[i].value);
        if (r->value.p) c->v[i].value = xstrndup(r->value.p, r->value.n);
        else {
            free(c->v[i].name);
            memmove(c->v + i, c->v + i + 1, (size_t)(--c->n - i) * sizeof *c->v);
        }
    } else if (r->value.p) {
        c->v = xrealloc(c->v, (size_t)(c->n + 1) * sizeof *c->v);
        memmove(c->v + i + 1, c->v + i, (size_t)(c->n++ - i) * sizeof *c->v);
        c->v[i] = (struct image_config){xstrndup(r->name.p, r->name.n), xstrndup(r->value.p, r->value.n)};
    }
    struct image_topic *t = r->resource_type == 2 ? image_topic(im, r->resource_name) : NULL;
    if (t) t->config_version++;
    if (im->config_changed) im->config_changed(im->arg, r->resource_type, r->resource_name);
    if (c->n == 0) configs_free(map_del(&im->configs, hash_config(k), &k, eq_config));
}

static struct image_broker *broker_slot(struct image *im, int32_t id)
{
    for (int i = 0; i < im->brokers_n; i++)
        if (im->brokers[i].id == id) return &im->brokers[i];
    im->brokers = xrealloc(im->brokers, (size_t)(im->brokers_n + 1) * sizeof *im->brokers);
    im->brokers[im->brokers_n] = (struct image_broker){.id = id};
    return &im->brokers[im->brokers_n++];
}

static void apply_register(struct image *im, const struct kp_register_broker_record *r)
{
    struct image_broker *b = broker_slot(im, r->broker_id);
    broker_clear(b);
    b->epoch = r->broker_epoch;
    b->incarnation = r->incarnation_id;
    b->rack = r->rack.p ? xstrndup(r->rack.p, r->rack.n) : NULL;
    b->fenced = r->fenced;
    b->endpoints_n = r->end_points_n;
    b->endpoints = xcalloc((size_t)r->end_points_n, sizeof *b->endpoints);
    for (int32_t i = 0; i < r->end_points_n; i++)
        b->endpoints[i] = (struct image_endpoint){
            .listener = xstrndup(r->end_points[i].name.p, r->end_points[i].name.n),
            .host = xstrndup(r->end_points[i].host.p, r->end_points[i].host.n),
            .port = r->end_points[i].port,
            .security = r->end_points[i].security_protocol,
        };
}

static void apply_feature(struct image *im, const struct kp_feature_level_record *r)
{
    int i = 0;
    while (i < im->features_n && !slice_eq_cstr(r->name, im->features[i].name)) i++;
    if (i == im->features_n) {
        im->features = xrealloc(im->features, (size_t)(i + 1) * sizeof *im->features);
        im->features[im->features_n++].name = xstrndup(r->name.p, r->name.n);
    }
    im->features[i].level = r->feature_level;
}

static void apply_broker_change(struct image *im, const struct kp_broker_registration_change_record *r)
{
    struct image_broker *b = broker_slot(im, r->broker_id);
    if (r->fenced) b->fenced = r->fenced > 0;
    if (r->in_controlled_shutdown) b->shutting_down = r->in_controlled_shutdown > 0;
}

int image_apply(struct image *im, struct slice record, int64_t offset, char why[160])
{
    struct kp_reader in = kp_reader_of(record);
    struct arena a;
    uint8_t mem[1024];
    uint32_t frame = kp_read_uvarint(&in), type = kp_read_uvarint(&in), version = kp_read_uvarint(&in);
    if (in.err || frame != 1) {
        snprintf(why, 160, "metadata record %lld has frame version %u", (long long)offset, frame);
        return ERR_FORMAT;
    }
    int rc = 0;
    arena_init_with(&a, mem, sizeof mem);
#define READ(name, X)                                                                                        \
    struct kp_##name r;                                                                                      \
    if (version > X##_VERSION_MAX) {                                                                         \
        rc = ERR_UNSUPPORTED_VERSION;                                                                        \
        break;                                                                                               \
    }                                                                                                        \
    if ((rc = kp_##name##_read(&in, &a, (int16_t)version, &r)) != 0) break
    switch (type) {
    case KP_TOPIC_RECORD_KEY: {
        READ(topic_record, KP_TOPIC_RECORD);
        apply_topic(im, &r);
        break;
    }
    case KP_PARTITION_RECORD_KEY: {
        READ(partition_record, KP_PARTITION_RECORD);
        rc = apply_partition(im, &r);
        break;
    }
    case KP_PARTITION_CHANGE_RECORD_KEY: {
        READ(partition_change_record, KP_PARTITION_CHANGE_RECORD);
        rc = apply_partition_change(im, &r);
        break;
    }
    case KP_REMOVE_TOPIC_RECORD_KEY: {
        READ(remove_topic_record, KP_REMOVE_TOPIC_RECORD);
        apply_remove_topic(im, &r);
        break;
    }
    case KP_CONFIG_RECORD_KEY: {
        READ(config_record, KP_CONFIG_RECORD);
        apply_config(im, &r);
        break;
    }
    case KP_REGISTER_BROKER_RECORD_KEY: {
        READ(register_broker_record, KP_REGISTER_BROKER_RECORD);
        apply_register(im, &r);
        break;
    }
    case KP_BROKER_REGISTRATION_CHANGE_RECORD_KEY: {
        READ(broker_registration_change_record, KP_BROKER_REGISTRATION_CHANGE_RECORD);
        apply_broker_change(im, &r);
        break;
    }
    case KP_FEATURE_LEVEL_RECORD_KEY: {
        READ(feature_level_record, KP_FEATURE_LEVEL_RECORD);
        apply_feature(im, &r);
        break;
    }
    case KP_PRODUCER_IDS_RECORD_KEY: {
        READ(producer_ids_record, KP_PRODUCER_IDS_RECORD);
        im->next_producer_id = r.next_producer_id;
        break;
    }
    case KP_NO_OP_RECORD_KEY:
    case KP_BEGIN_TRANSACTION_RECORD_KEY:
    case KP_END_TRANSACTION_RECORD_KEY:
    case KP_REGISTER_CONTROLLER_RECORD_KEY:
        break;
    default:
        rc = ERR_UNSUPPORTED_VERSION;
    }
#undef READ
    arena_fini(&a);
    if (rc)
        snprintf(why, 160, "metadata record %lld (type %u, version %u): %s", (long long)offset, type, version,
                 rc == ERR_UNSUPPORTED_VERSION ? "moldau does not know this type or version" : err_text(rc));
    else im->offset = offset;
    return rc;
}
