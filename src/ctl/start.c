/* Records of a start: a new cluster's first ones, the registration of this node, what it takes over. */
#include "ctl/ctl.h"
#include "ctl/feature.h"
#include "kp/metadata_records.h"

#include <stdio.h>
#include <stdlib.h>

int16_t ctl_register_version(int16_t mv)
{
    return mv >= MV_CORDON ? 4 : mv >= MV_DIRECTORIES ? 3 : mv >= MV_MIGRATION ? 2 : 1;
}

int16_t ctl_partition_version(int16_t mv)
{
    return mv >= MV_ELR ? 2 : mv >= MV_DIRECTORIES ? 1 : 0;
}

static void put_feature(const char *name, int16_t level, struct ctl_records *rs)
{
    struct kp_feature_level_record r = {slice_cstr(name), level};
    ctl_put(rs, &kp_feature_level_record_message, 0, &r);
}

void ctl_bootstrap_features(int16_t mv, struct ctl_records *rs)
{
    size_t n;
    const struct feature *f = features_known(&n);
    put_feature("metadata.version", mv, rs);
    for (size_t i = 0; i < n; i++)
        if (f[i].level && f[i].since <= mv) put_feature(f[i].name, f[i].level, rs);
}

struct levels {
    int16_t mv, elr;
};
static void look(struct levels *l, struct slice record)
{
    struct kp_reader in = kp_reader_of(record);
    struct kp_feature_level_record r;
    struct arena a;
    arena_init(&a);
    (void)kp_read_uvarint(&in);
    uint32_t type = kp_read_uvarint(&in);
    int16_t version = (int16_t)kp_read_uvarint(&in);
    if (type == KP_FEATURE_LEVEL_RECORD_KEY && kp_feature_level_record_read(&in, &a, version, &r) == 0) {
        if (slice_eq_cstr(r.name, "metadata.version")) l->mv = r.feature_level;
        if (slice_eq_cstr(r.name, "eligible.leader.replicas.version")) l->elr = r.feature_level;
    }
    arena_fini(&a);
}

void ctl_bootstrap(const struct ctl_records *bootstrap, const struct conf *conf, struct ctl_records *rs)
{
    struct levels l = {0};
    for (int i = 0; i < bootstrap->n; i++) look(&l, ctl_record(bootstrap, i));
    if (l.mv >= MV_TRANSACTIONS) {
        struct kp_begin_transaction_record begin;
        kp_begin_transaction_record_init(&begin);
        begin.name = slice_cstr("Bootstrap records");
        ctl_put(rs, &kp_begin_transaction_record_message, 0, &begin);
    }
    for (int i = 0; i < bootstrap->n; i++) ctl_put_raw(rs, ctl_record(bootstrap, i));
    if (l.elr > 0) { /* eligible replicas hang on this number, so it is the cluster's and not each broker's
                        (KIP-966) */
        char n[24];
        snprintf(n, sizeof n, "%lld", (long long)conf_i64(conf, CONF_MIN_INSYNC_REPLICAS));
        ctl_set_config(4, KP_EMPTY, slice_cstr("min.insync.replicas"), slice_cstr(n), rs);
    }
    if (l.mv >= MV_TRANSACTIONS) {
        struct kp_end_transaction_record end;
        kp_end_transaction_record_init(&end);
        ctl_put(rs, &kp_end_transaction_record_message, 0, &end);
    }
}

/* ---- registration ---- */
void ctl_register_broker(const struct image *im, const struct ctl_now *now, struct uuid incarnation,
                         int64_t epoch, struct ctl_records *rs)
{
    const struct conf *conf = now->conf;
    struct kp_register_broker_record r;
    size_t n;
    const struct feature *f = features_known(&n);
    kp_register_broker_record_init(&r);
    r.broker_id = now->node_id;
    r.incarnation_id = incarnation;
    r.broker_epoch = epoch;
    r.end_points = xcalloc(conf->advertised_n, sizeof *r.end_points);
    for (size_t i = 0; i < conf->advertised_n; i++) {
        const struct conf_listener *l = &conf->advertised[i];
        if (l->controller) continue;
        r.end_points[r.end_points_n++] = (struct kp_register_broker_record_broker_endpoint){
            slice_cstr(l->name), slice_cstr(l->host), (uint16_t)l->port, (int16_t)l->security};
    }
    r.features = xcalloc(n + 1, sizeof *r.features);
    r.features[r.features_n++] = (struct kp_register_broker_record_broker_feature){
        slice_cstr("metadata.version"), MV_FIRST, MV_LATEST};
    for (size_t i = 0; i < n; i++)
        r.features[r.features_n++] =
            (struct kp_register_broker_record_broker_feature){slice_cstr(f[i].name), f[i].min, f[i].max};
    r.rack = slice_cstr(conf_has(conf, CONF_BROKER_RACK) ? conf_str(conf, CONF_BROKER_RACK) : NULL);
    r.fenced = false;
    r.log_dirs = xcalloc((size_t)now->dirs_n, sizeof *r.log_dirs);
    for (int i = 0; i < now->dirs_n; i++) r.log_dirs[r.log_dirs_n++] = now->dirs[i].id;
    ctl_put(rs, &kp_register_broker_record_message, ctl_register_version(image_metadata_version(im)), &r);
    free(r.end_points);
    free(r.features);
    free(r.log_dirs);
}

void ctl_register_controller(const struct image *im, const struct ctl_now *now, struct uuid incarnation,
                             struct ctl_records *rs)
{
    const struct conf *conf = now->conf;
    struct kp_register_controller_record r;
    size_t n;
    const struct feature *f = features_known(&n);
    if (image_metadata_version(im) < MV_CONTROLLERS) return;
    kp_register_controller_record_init(&r);
    r.controller_id = now->node_id;
    r.incarnation_id = incarnation;
    r.end_points = xcalloc(conf->listeners_n, sizeof *r.end_points);
    for (size_t i = 0; i < conf->listeners_n; i++) {
        const struct conf_listener *l = &conf->listeners[i];
        if (!l->controller) continue;
        for (size_t k = 0; k < conf->advertised_n; k++)
            if (strcmp(conf->advertised[k].name, l->name) == 0) l = &conf->advertised[k];
        r.end_points[r.end_points_n++] = (struct kp_register_controller_record_controller_endpoint){
            slice_cstr(l->name), slice_cstr(*l->host ? l->host : "localhost"), (uint16_t)l->port,
            (int16_t)l->security};
    }
    r.features = xcalloc(n + 1, sizeof *r.features);
    r.features[r.features_n++] = (struct kp_register_controller_record_controller_feature){
        slice_cstr("metadata.version"), MV_FIRST, MV_LATEST};
    for (size_t i = 0; i < n; i++)
        r.features[r.features_n++] = (struct kp_register_controller_record_controller_feature){
            slice_cstr(f[i].name), f[i].min, f[i].max};
    if (r.end_points_n) ctl_put(rs, &kp_register_controller_record_message, 0, &r);
    free(r.end_points);
    free(r.features);
}

/* ---- taking over ---- */
static bool has(const int32_t *v, int32_t n, int32_t id)
{
    for (int32_t i = 0; i < n; i++)
        if (v[i] == id) return true;
    return false;
}

static int64_t min_isr(const struct image *im, const struct ctl_now *now, const struct image_topic *t,
                       int32_t replicas_n)
{
    char self[16];
    struct slice name = slice_cstr("min.insync.replicas");
    snprintf(self, sizeof self, "%d", now->node_id);
    struct slice v = image_config(image_configs(im, 2, slice_cstr(t->name)), name);
    if (!v.p) v = image_config(image_configs(im, 4, slice_cstr(self)), name);
    if (!v.p) v = image_config(image_configs(im, 4, KP_EMPTY), name);
    int64_t n = conf_i64(now->conf, CONF_MIN_INSYNC_REPLICAS);
    while (v.n && v.p[0] <= ' ') v.p++, v.n--; /* as Java's trim */
    if (v.n) n = max_i64(strtoll((const char *)v.p, NULL, 10), 1);
    return min_i64(n, replicas_n);
}

/* The replicas that stay eligible when this node alone is in sync; their number. */
static int32_t eligible(const struct image *im, const struct ctl_now *now, const struct image_topic *t,
                        const struct image_part *p, int32_t *out)
{
    int32_t n = 0;
    if (image_feature(im, "eligible.leader.replicas.version") < 1 || min_isr(im, now, t, p->replicas_n) <= 1)
        return 0;
    for (int32_t i = 0; i < p->replicas_n; i++) {
        int32_t id = p->replicas[i];
        if (id != now->node_id && (has(p->isr, p->isr_n, id) || has(p->elr, p->elr_n, id))) out[n++] = id;
    }
    return n;
}

static bool same_ids(const int32_t *a, int32_t a_n, const int32_t *b, int32_t b_n)
{
    return a_n == b_n && (a_n == 0 || memcmp(a, b, (size_t)a_n * sizeof *a) == 0);
}

static void take_partition(const struct image *im, const struct ctl_now *now, const struct image_topic *t,
                           int32_t index, ctl_where_cb *where, void *arg, struct ctl_records *rs)
{
    const struct image_part *p = &t->parts[index];
    struct kp_partition_change_record r;
    int16_t mv = image_metadata_version(im);
    int32_t self = now->node_id, at = 0;
    bool changed = false, online = false;
    while (at < p->replicas_n && p->replicas[at] != self) at++;
    struct uuid *dirs = xcalloc((size_t)p->replicas_n, sizeof *dirs);
    int32_t *elr = xcalloc((size_t)p->replicas_n, sizeof *elr), elr_n = 0;
    kp_partition_change_record_init(&r);
    r.partition_id = index;
    r.topic_id = t->id;
    if (at < p->replicas_n) {
        struct uuid told = p->dirs ? p->dirs[at] : DIR_UNASSIGNED;
        struct uuid lies = where(arg, t, index, told);
        online = !uuid_is_zero(lies);
        if (online && mv >= MV_DIRECTORIES && !(p->dirs && uuid_eq(told, lies))) {
            for (int32_t i = 0; i < p->replicas_n; i++) dirs[i] = p->dirs ? p->dirs[i] : DIR_MIGRATING;
            dirs[at] = lies;
            r.directories = dirs;
            r.directories_n = p->replicas_n;
            changed = true;
        }
    }
    if (online && (has(p->isr, p->isr_n, self) || has(p->elr, p->elr_n, self))) {
        elr_n = eligible(im, now, t, p, elr);
        if (p->leader != self || p->isr_n != 1) {
            r.leader = self;
            r.isr = &self;
            r.isr_n = 1;
            changed = true;
        }
        if (mv >= MV_ELR && (!same_ids(elr, elr_n, p->elr, p->elr_n) || p->last_elr_n)) {
            r.eligible_leader_replicas = elr;
            r.eligible_leader_replicas_n = elr_n;
            r.last_known_elr = elr;
            r.last_known_elr_n = 0;
            changed = true;
        }
    } else if (p->leader != -1) {
        r.leader = -1;
        changed = true;
    }
    if (changed) ctl_put(rs, &kp_partition_change_record_message, ctl_partition_version(mv), &r);
    free(dirs);
    free(elr);
}

void ctl_take_over(const struct image *im, const struct ctl_now *now, ctl_where_cb *where, void *arg,
                   struct ctl_records *rs)
{
    for (int i = 0; i < im->brokers_n; i++) {
        const struct image_broker *b = &im->brokers[i];
        struct kp_broker_registration_change_record r;
        if (b->id == now->node_id || b->fenced) continue;
        kp_broker_registration_change_record_init(&r);
        r.broker_id = b->id;
        r.broker_epoch = b->epoch;
        r.fenced = 1;
        ctl_put(rs, &kp_broker_registration_change_record_message, 0, &r);
    }
    MAP_FOREACH(it, struct image_topic, t, &im->by_id)
    for (int32_t i = 0; i < t->parts_n; i++) take_partition(im, now, t, i, where, arg, rs);
}
