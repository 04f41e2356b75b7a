#include "ctl/image_int.h"
#include "base/hash.h"
#include "ctl/feature.h"

#include <stdlib.h>

void image_init(struct image *im)
{
    *im = (struct image){.offset = -1, .sorted_stale = true};
    map_init(&im->by_name);
    map_init(&im->by_metric);
    map_init(&im->by_id);
    map_init(&im->configs);
    map_init(&im->facts);
    kp_writer_init(&im->held, 0);
}

void image_topic_free(struct image_topic *t)
{
    for (int32_t i = 0; i < t->parts_n; i++) {
        free(t->parts[i].replicas);
        free(t->parts[i].dirs);
    }
    free(t->parts);
    free(t->name);
    free(t);
}

void image_configs_free(struct image_configs *c)
{
    for (int i = 0; i < c->n; i++) {
        slice_drop(&c->v[i].name);
        slice_drop(&c->v[i].value);
    }
    free(c->v);
    slice_drop(&c->resource);
    free(c);
}

void image_broker_clear(struct image_broker *b)
{
    for (int i = 0; i < b->endpoints_n; i++) {
        slice_drop(&b->endpoints[i].listener);
        slice_drop(&b->endpoints[i].host);
    }
    for (int i = 0; i < b->features_n; i++) slice_drop(&b->features[i].name);
    free(b->features);
    free(b->endpoints);
    slice_drop(&b->rack);
    free(b->dirs);
    free(b->cordoned);
    *b = (struct image_broker){.id = b->id};
}

void image_fini(struct image *im)
{
    MAP_FOREACH(it, struct image_topic, t, &im->by_id) image_topic_free(t);
    MAP_FOREACH(it2, struct image_configs, c, &im->configs) image_configs_free(c);
    map_fini(&im->by_name);
    map_fini(&im->by_metric);
    slice_drop(&im->changed_resource);
    map_fini(&im->by_id);
    map_fini(&im->configs);
    MAP_FOREACH(it3, struct image_fact, f, &im->facts) free(f);
    map_fini(&im->facts);
    kp_writer_fini(&im->held);
    free(im->held_ends);
    free(im->sorted);
    for (int i = 0; i < im->brokers_n; i++) image_broker_clear(&im->brokers[i]);
    free(im->brokers);
    for (int i = 0; i < im->features_n; i++) free(im->features[i].name);
    free(im->features);
}

struct image_topic *image_topic(const struct image *im, struct slice name)
{
    return name.p ? map_get(&im->by_name, image_hash_name(name), &name, image_eq_name) : NULL;
}
static uint8_t metric_char(uint8_t c)
{
    return c == '.' ? '_' : c;
}
uint64_t image_hash_metric(struct slice name)
{
    uint64_t h = name.n;
    for (size_t i = 0; i < name.n; i++) h = (h ^ metric_char(name.p[i])) * 0x100000001b3;
    return hash_u64(h);
}
static bool eq_metric(const void *v, const void *k)
{
    const struct slice *a = k, b = slice_cstr(((const struct image_topic *)v)->name);
    bool same = a->n == b.n;
    for (size_t i = 0; same && i < a->n; i++) same = metric_char(a->p[i]) == metric_char(b.p[i]);
    return same;
}
struct image_topic *image_topic_colliding(const struct image *im, struct slice name)
{
    if (!image_in_metrics(name)) return NULL;
    return map_get(&im->by_metric, image_hash_metric(name), &name, eq_metric);
}
struct image_topic *image_topic_by_id(const struct image *im, struct uuid id)
{
    return map_get(&im->by_id, image_hash_id(id), &id, image_eq_id);
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
    struct image_config_key k = {type, resource};
    return map_get(&im->configs, image_hash_config(k), &k, image_eq_config);
}
int image_config_at(const struct image_configs *c, struct slice name)
{
    int from = 0, to = c->n;
    while (from < to) {
        int mid = from + (to - from) / 2;
        if (slice_cmp(c->v[mid].name, name) < 0) from = mid + 1;
        else to = mid;
    }
    return from;
}
struct slice image_config(const struct image_configs *c, struct slice name)
{
    int i = c ? image_config_at(c, name) : 0;
    if (!c || i == c->n || !slice_eq(c->v[i].name, name)) return (struct slice){0};
    return c->v[i].value;
}
const struct image_broker *image_broker(const struct image *im, int32_t id)
{
    for (int i = 0; i < im->brokers_n; i++)
        if (im->brokers[i].id == id) return &im->brokers[i];
    return NULL;
}
int16_t image_feature(const struct image *im, const char *name)
{
    for (int i = 0; i < im->features_n; i++)
        if (strcmp(im->features[i].name, name) == 0) return im->features[i].level;
    return 0;
}
int16_t image_metadata_version(const struct image *im)
{
    int16_t level = image_feature(im, "metadata.version");
    return level ? level : MV_LATEST;
}

/* ---- facts ---- */
struct fact_key {
    enum image_kind kind;
    struct slice key;
};
static bool eq_fact(const void *v, const void *k)
{
    const struct image_fact *f = v;
    const struct fact_key *key = k;
    return f->kind == key->kind && slice_eq(slice_of(f->bytes, f->key_n), key->key);
}
static uint64_t hash_fact(struct fact_key k)
{
    return hash_bytes((uint64_t)k.kind, k.key.p, k.key.n);
}
const struct image_fact *image_fact(const struct image *im, enum image_kind kind, struct slice key)
{
    struct fact_key k = {kind, key};
    return map_get(&im->facts, hash_fact(k), &k, eq_fact);
}
void image_fact_set(struct image *im, enum image_kind kind, struct slice key, struct slice record)
{
    struct fact_key k = {kind, key};
    free(map_del(&im->facts, hash_fact(k), &k, eq_fact));
    if (!record.p) return;
    struct image_fact *f = xmalloc(sizeof *f + key.n + record.n);
    *f = (struct image_fact){.kind = kind, .key_n = key.n, .record_n = record.n};
    if (key.n) memcpy(f->bytes, key.p, key.n);
    memcpy(f->bytes + key.n, record.p, record.n);
    map_put(&im->facts, hash_fact(k), f);
}
static int cmp_fact(const void *a, const void *b)
{
    const struct image_fact *x = *(struct image_fact *const *)a, *y = *(struct image_fact *const *)b;
    return slice_cmp(slice_of(x->bytes, x->key_n), slice_of(y->bytes, y->key_n));
}
struct image_fact **image_facts(const struct image *im, enum image_kind kind, int *n)
{
    struct image_fact **v = xcalloc(im->facts.n, sizeof(struct image_fact *));
    *n = 0;
    MAP_FOREACH(it, struct image_fact, f, &im->facts)
    if (f->kind == kind) v[(*n)++] = f;
    if (*n) qsort(v, (size_t)*n, sizeof(struct image_fact *), cmp_fact);
    return v;
}
