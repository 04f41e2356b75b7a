/* Records of the metadata log become the image. Whatever a record says is judged (image_check.c) before
 * anything changes; the changes themselves cannot fail.
 *
 *   OUTSIDE --BeginTransaction--> HELD --EndTransaction--> every held record is applied --> OUTSIDE
 *                                      \--AbortTransaction--> dropped --> OUTSIDE */
#include "ctl/ctl.h"
#include "base/grow.h"
#include "ctl/feature.h"
#include "ctl/image_int.h"
#include "kp/metadata_records.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- topics ---- */
struct ids {
    const int32_t *v;
    int32_t n;
};
enum { REPLICAS, ISR, REMOVING, ADDING, ELR, LAST_ELR, LISTS_N };

static void get_lists(const struct image_part *p, struct ids v[LISTS_N])
{
    v[REPLICAS] = (struct ids){p->replicas, p->replicas_n};
    v[ISR] = (struct ids){p->isr, p->isr_n};
    v[REMOVING] = (struct ids){p->removing, p->removing_n};
    v[ADDING] = (struct ids){p->adding, p->adding_n};
    v[ELR] = (struct ids){p->elr, p->elr_n};
    v[LAST_ELR] = (struct ids){p->last_elr, p->last_elr_n};
}

/* The lists may be those of p. A count below 0 (null) is an empty list. */
static void set_lists(struct image_part *p, const struct ids v[LISTS_N])
{
    size_t total = 0;
    int32_t *at[LISTS_N], n[LISTS_N];
    for (int i = 0; i < LISTS_N; i++) total += (size_t)(n[i] = v[i].n > 0 ? v[i].n : 0);
    int32_t *all = xmalloc(total * sizeof *all), *to = all;
    for (int i = 0; i < LISTS_N; to += n[i++]) {
        at[i] = to;
        if (n[i]) memcpy(to, v[i].v, (size_t)n[i] * sizeof *to);
    }
    free(p->replicas);
    p->replicas = at[REPLICAS], p->replicas_n = n[REPLICAS];
    p->isr = at[ISR], p->isr_n = n[ISR];
    p->removing = at[REMOVING], p->removing_n = n[REMOVING];
    p->adding = at[ADDING], p->adding_n = n[ADDING];
    p->elr = at[ELR], p->elr_n = n[ELR];
    p->last_elr = at[LAST_ELR], p->last_elr_n = n[LAST_ELR];
}

static void set_dirs(struct image_part *p, const struct uuid *dirs, int32_t n)
{
    free(p->dirs);
    p->dirs = NULL;
    if (n <= 0) return;
    p->dirs = xmalloc((size_t)n * sizeof *dirs);
    memcpy(p->dirs, dirs, (size_t)n * sizeof *dirs);
}

static void apply_topic(struct image *im, const struct kp_topic_record *r)
{
    if (image_topic_by_id(im, r->topic_id)) return;
    struct image_topic *t = xcalloc(1, sizeof *t);
    t->id = r->topic_id;
    t->name = xstrndup(r->name.p, r->name.n);
    map_put(&im->by_id, image_hash_id(t->id), t);
    map_put(&im->by_name, image_hash_name(r->name), t);
    if (image_in_metrics(r->name)) map_put(&im->by_metric, image_hash_metric(r->name), t);
    im->sorted_stale = true;
    if (im->topic_added) im->topic_added(im->arg, t);
}

static void apply_partition(struct image *im, const struct kp_partition_record *r)
{
    struct image_topic *t = image_topic_by_id(im, r->topic_id);
    int32_t old_n = t->parts_n;
    if (r->partition_id == t->parts_n) {
        /* By doubling: a topic of many partitions comes one record at a time. */
        if ((t->parts_n & (t->parts_n - 1)) == 0)
            t->parts = xrealloc(t->parts, (size_t)max_i64(1, 2 * (int64_t)t->parts_n) * sizeof *t->parts);
        t->parts[t->parts_n++] = (struct image_part){0};
    }
    struct image_part *p = &t->parts[r->partition_id];
    p->leader = r->leader;
    p->leader_epoch = r->leader_epoch;
    p->partition_epoch = r->partition_epoch;
    p->recovering = r->leader_recovery_state == 1;
    set_lists(p, (struct ids[LISTS_N]){{r->replicas, r->replicas_n},
                                       {r->isr, r->isr_n},
                                       {r->removing_replicas, r->removing_replicas_n},
                                       {r->adding_replicas, r->adding_replicas_n},
                                       {r->eligible_leader_replicas, r->eligible_leader_replicas_n},
                                       {r->last_known_elr, r->last_known_elr_n}});
    set_dirs(p, r->directories, r->directories_n);
    if (t->parts_n > old_n && im->topic_grew) im->topic_grew(im->arg, t, old_n);
}

static void apply_partition_change(struct image *im, const struct kp_partition_change_record *r)
{
    struct image_part *p = &image_topic_by_id(im, r->topic_id)->parts[r->partition_id];
    int32_t replicas_n = r->replicas_n >= 0 ? r->replicas_n : p->replicas_n;
    if (r->leader != -2) {
        p->leader = r->leader;
        p->leader_epoch = (int32_t)((uint32_t)p->leader_epoch + 1);
    }
    p->partition_epoch = (int32_t)((uint32_t)p->partition_epoch + 1);
    if (r->leader_recovery_state != -1) p->recovering = r->leader_recovery_state == 1;
    struct ids v[LISTS_N];
    get_lists(p, v);
    if (r->replicas_n >= 0) v[REPLICAS] = (struct ids){r->replicas, r->replicas_n};
    if (r->isr_n >= 0) v[ISR] = (struct ids){r->isr, r->isr_n};
    if (r->removing_replicas_n >= 0) v[REMOVING] = (struct ids){r->removing_replicas, r->removing_replicas_n};
    if (r->adding_replicas_n >= 0) v[ADDING] = (struct ids){r->adding_replicas, r->adding_replicas_n};
    if (r->eligible_leader_replicas_n >= 0)
        v[ELR] = (struct ids){r->eligible_leader_replicas, r->eligible_leader_replicas_n};
    if (r->last_known_elr_n >= 0) v[LAST_ELR] = (struct ids){r->last_known_elr, r->last_known_elr_n};
    if (r->directories_n > 0) set_dirs(p, r->directories, r->directories_n);
    else if (replicas_n != p->replicas_n) set_dirs(p, NULL, 0);
    set_lists(p, v);
}

static void clear_elr(struct image_topic *t)
{
    for (int32_t i = 0; i < t->parts_n; i++) t->parts[i].elr_n = t->parts[i].last_elr_n = 0;
}

static void apply_clear_elr(struct image *im, const struct kp_clear_elr_record *r)
{
    if (r->topic_name.n) clear_elr(image_topic(im, r->topic_name));
    else MAP_FOREACH(it, struct image_topic, t, &im->by_id) clear_elr(t);
}

static void apply_remove_topic(struct image *im, const struct kp_remove_topic_record *r)
{
    struct image_topic *t = image_topic_by_id(im, r->topic_id);
    if (!t) return;
    if (im->topic_removed) im->topic_removed(im->arg, t);
    struct slice name = slice_cstr(t->name);
    map_del(&im->by_id, image_hash_id(t->id), &t->id, image_eq_id);
    map_del(&im->by_name, image_hash_name(name), &name, image_eq_name);
    map_del(&im->by_metric, image_hash_metric(name), t, image_eq_itself);
    struct image_config_key k = {2, name};
    struct image_configs *c = map_del(&im->configs, image_hash_config(k), &k, image_eq_config);
    if (c) image_configs_free(c);
    im->sorted_stale = true;
    image_topic_free(t);
}

static void tell_changed(struct image *im)
{
    if (!im->changed) return;
    im->changed = false;
    if (im->config_changed) im->config_changed(im->arg, im->changed_type, im->changed_resource);
}

static void config_changed(struct image *im, int8_t type, struct slice resource)
{
    if (!im->config_changed) return;
    if (!im->in_batch) {
        im->config_changed(im->arg, type, resource);
        return;
    }
    if (im->changed && im->changed_type == type && slice_eq(im->changed_resource, resource)) return;
    tell_changed(im);
    slice_drop(&im->changed_resource);
    im->changed_resource = slice_own(resource);
    im->changed_type = type;
    im->changed = true;
}

void image_batch_begin(struct image *im)
{
    im->in_batch = true;
}

void image_batch_end(struct image *im)
{
    tell_changed(im);
    im->in_batch = false;
}

static void apply_config(struct image *im, const struct kp_config_record *r)
{
    struct image_config_key k = {r->resource_type, r->resource_name};
    struct image_configs *c = map_get(&im->configs, image_hash_config(k), &k, image_eq_config);
    if (!c) {
        if (!r->value.p) return;
        c = xcalloc(1, sizeof *c);
        c->type = r->resource_type;
        c->resource = slice_own(r->resource_name);
        map_put(&im->configs, image_hash_config(k), c);
    }
    int i = image_config_at(c, r->name);
    bool there = i < c->n && slice_eq(r->name, c->v[i].name);
    if (there) {
        slice_drop(&c->v[i].value);
        if (r->value.p) c->v[i].value = slice_own(r->value);
        else {
            slice_drop(&c->v[i].name);
            memmove(c->v + i, c->v + i + 1, (size_t)(--c->n - i) * sizeof *c->v);
        }
    } else if (r->value.p) {
        c->v = xrealloc(c->v, (size_t)(c->n + 1) * sizeof *c->v);
        memmove(c->v + i + 1, c->v + i, (size_t)(c->n++ - i) * sizeof *c->v);
        c->v[i] = (struct image_config){slice_own(r->name), slice_own(r->value)};
    }
    struct image_topic *t = r->resource_type == 2 ? image_topic(im, r->resource_name) : NULL;
    if (t) t->config_version++;
    config_changed(im, r->resource_type, r->resource_name);
    if (c->n == 0) image_configs_free(map_del(&im->configs, image_hash_config(k), &k, image_eq_config));
}

/* ---- brokers ---- */
static struct image_broker *broker_slot(struct image *im, int32_t id)
{
    for (int i = 0; i < im->brokers_n; i++)
        if (im->brokers[i].id == id) return &im->brokers[i];
    return NULL;
}

static void set_ids(struct uuid **to, int *to_n, const struct uuid *from, int32_t n)
{
    free(*to);
    *to_n = n > 0 ? n : 0;
    *to = xcalloc((size_t)*to_n, sizeof **to);
    if (n > 0) memcpy(*to, from, (size_t)n * sizeof **to);
}

static void apply_register(struct image *im, const struct kp_register_broker_record *r)
{
    struct image_broker *b = broker_slot(im, r->broker_id);
    if (!b) {
        im->brokers = xrealloc(im->brokers, (size_t)(im->brokers_n + 1) * sizeof *im->brokers);
        b = &im->brokers[im->brokers_n++];
        *b = (struct image_broker){.id = r->broker_id};
    }
    image_broker_clear(b);
    b->epoch = r->broker_epoch;
    b->incarnation = r->incarnation_id;
    b->rack = slice_own(r->rack);
    b->fenced = r->fenced;
    b->shutting_down = r->in_controlled_shutdown;
    b->migrating = r->is_migrating_zk_broker;
    b->endpoints_n = r->end_points_n;
    b->endpoints = xcalloc((size_t)r->end_points_n, sizeof *b->endpoints);
    for (int32_t i = 0; i < r->end_points_n; i++)
        b->endpoints[i] = (struct image_endpoint){
            .listener = slice_own(r->end_points[i].name),
            .host = slice_own(r->end_points[i].host),
            .port = r->end_points[i].port,
            .security = r->end_points[i].security_protocol,
        };
    b->features_n = r->features_n;
    b->features = xcalloc((size_t)r->features_n, sizeof *b->features);
    for (int32_t i = 0; i < r->features_n; i++)
        b->features[i] =
            (struct image_range){slice_own(r->features[i].name), r->features[i].min_supported_version,
                                 r->features[i].max_supported_version};
    set_ids(&b->dirs, &b->dirs_n, r->log_dirs, r->log_dirs_n);
    set_ids(&b->cordoned, &b->cordoned_n, r->cordoned_log_dirs, r->cordoned_log_dirs_n);
}

static void apply_unregister(struct image *im, const struct kp_unregister_broker_record *r)
{
    struct image_broker *b = broker_slot(im, r->broker_id);
    if (!b) return;
    image_broker_clear(b);
    *b = im->brokers[--im->brokers_n];
}

static void apply_broker_change(struct image *im, const struct kp_broker_registration_change_record *r)
{
    struct image_broker *b = broker_slot(im, r->broker_id);
    if (r->fenced) b->fenced = r->fenced > 0;
    if (r->in_controlled_shutdown) b->shutting_down = r->in_controlled_shutdown > 0;
    if (r->log_dirs_n > 0) set_ids(&b->dirs, &b->dirs_n, r->log_dirs, r->log_dirs_n);
    if (r->cordoned_log_dirs_n >= 0)
        set_ids(&b->cordoned, &b->cordoned_n, r->cordoned_log_dirs, r->cordoned_log_dirs_n);
}

/* ---- features and facts ---- */
static void apply_feature(struct image *im, const struct kp_feature_level_record *r)
{
    int i = 0;
    while (i < im->features_n && !slice_eq_cstr(r->name, im->features[i].name)) i++;
    if (i < im->features_n && r->feature_level == 0) {
        free(im->features[i].name);
        memmove(im->features + i, im->features + i + 1,
                (size_t)(--im->features_n - i) * sizeof *im->features);
        return;
    }
    if (r->feature_level == 0) return;
    if (i == im->features_n) {
        im->features = xrealloc(im->features, (size_t)(i + 1) * sizeof *im->features);
        im->features[im->features_n++].name = xstrndup(r->name.p, r->name.n);
    }
    im->features[i].level = r->feature_level;
}

static int cmp_entity(const void *a, const void *b)
{
    const struct kp_client_quota_record_entity_data *x = a, *y = b;
    return slice_cmp(x->entity_type, y->entity_type);
}

static void apply_quota(struct image *im, const struct kp_client_quota_record *r, struct slice record)
{
    struct kp_writer key;
    kp_writer_init(&key, 64);
    if (r->entity_n > 1) qsort(r->entity, (size_t)r->entity_n, sizeof *r->entity, cmp_entity);
    for (int32_t i = 0; i < r->entity_n; i++) {
        kp_write_i32(&key, (int32_t)r->entity[i].entity_type.n);
        kp_write_raw(&key, r->entity[i].entity_type);
        kp_write_i32(&key, r->entity[i].entity_name.p ? (int32_t)r->entity[i].entity_name.n : -1);
        if (r->entity[i].entity_name.n) kp_write_raw(&key, r->entity[i].entity_name);
    }
    kp_write_raw(&key, r->key);
    image_fact_set(im, IMAGE_QUOTA, kp_writer_slice(&key), r->remove ? (struct slice){0} : record);
    kp_writer_fini(&key);
}

static void scram_fact(struct image *im, int8_t mechanism, struct slice name, struct slice record)
{
    struct kp_writer key;
    kp_writer_init(&key, 64);
    kp_write_i8(&key, mechanism);
    kp_write_raw(&key, name);
    image_fact_set(im, IMAGE_SCRAM, kp_writer_slice(&key), record);
    kp_writer_fini(&key);
}

static void controller_fact(struct image *im, int32_t id, struct slice record)
{
    uint8_t key[4];
    store_be32(key, (uint32_t)id);
    image_fact_set(im, IMAGE_CONTROLLER, slice_of(key, sizeof key), record);
}

/* ---- transactions ---- */
static void hold(struct image *im, struct slice record)
{
    im->held_ends = grown(im->held_ends, im->held_n, &im->held_cap, sizeof *im->held_ends);
    kp_write_raw(&im->held, record);
    im->held_ends[im->held_n++] = im->held.n;
}

static struct slice held_record(const struct image *im, int i)
{
    size_t from = i ? im->held_ends[i - 1] : 0;
    return slice_of(im->held.p + from, im->held_ends[i] - from);
}

static int begin(struct image_draft *d, struct image *im)
{
    if (d->in_transaction) return ERR_FORMAT;
    d->in_transaction = true;
    if (im) im->in_transaction = true;
    return 0;
}

static int judge(struct image_draft *d, struct image *im, struct slice record, char why[160]);

/* Every record that waits is judged before the first is applied. */
static int end(struct image_draft *d, struct image *im, bool commit, char why[160])
{
    const struct image *of = d->im;
    int rc = d->in_transaction ? 0 : ERR_FORMAT, n = d->held_n;
    if (rc) return rc;
    d->in_transaction = false;
    d->held_n = 0;
    for (int i = 0; i < of->held_n && commit && rc == 0 && !d->image_held_over; i++)
        rc = judge(d, NULL, held_record(of, i), why);
    for (int i = 0; i < n && commit && rc == 0; i++) rc = judge(d, NULL, d->held[i], why);
    d->image_held_over = true;
    if (rc || !im) return rc;
    im->in_transaction = false;
    for (int i = 0; i < im->held_n && commit; i++) {
        struct image_draft each;
        image_draft_init(&each, im);
        rc = judge(&each, im, held_record(im, i), why);
        ASSERT(rc == 0); /* by the same checks as above */
        image_draft_fini(&each);
    }
    im->held_n = 0;
    kp_writer_reset(&im->held);
    return 0;
}

#define READ(name, X)                                                                                        \
    struct kp_##name r;                                                                                      \
    if (version > X##_VERSION_MAX) {                                                                         \
        rc = ERR_UNSUPPORTED_VERSION;                                                                        \
        break;                                                                                               \
    }                                                                                                        \
    if ((rc = kp_##name##_read(in, a, (int16_t)version, &r)) != 0) break
/* check judges; note tells the draft what later records may depend on; change is done to the image, and
 * cannot fail. */
#define RECORD(name, X, check, note, change)                                                                 \
    case X##_KEY: {                                                                                          \
        READ(name, X);                                                                                       \
        if ((rc = (check)) != 0) break;                                                                      \
        if (!im) note;                                                                                       \
        else change;                                                                                         \
        break;                                                                                               \
    }
#define NOTHING (void)r

/* Every type of record there is in Kafka 4.3. im NULL: it is only judged. */
static int judge_type(struct image_draft *d, struct image *im, uint32_t type, uint32_t version,
                      struct kp_reader *in, struct arena *a, struct slice record, char why[160])
{
    static const struct slice gone = {0};
    int rc = 0;
    switch (type) {
        RECORD(topic_record, KP_TOPIC_RECORD, image_check_topic(d, &r), image_note_topic(d, &r),
               apply_topic(im, &r))
        RECORD(partition_record, KP_PARTITION_RECORD, image_check_partition(d, &r),
               image_note_partition(d, &r), apply_partition(im, &r))
        RECORD(partition_change_record, KP_PARTITION_CHANGE_RECORD, image_check_partition_change(d, &r),
               image_note_partition_change(d, &r), apply_partition_change(im, &r))
        RECORD(remove_topic_record, KP_REMOVE_TOPIC_RECORD, 0, image_note_remove_topic(d, &r),
               apply_remove_topic(im, &r))
        RECORD(clear_elr_record, KP_CLEAR_ELR_RECORD, image_check_clear_elr(d, &r), NOTHING,
               apply_clear_elr(im, &r))
        RECORD(config_record, KP_CONFIG_RECORD, 0, NOTHING, apply_config(im, &r))
        RECORD(register_broker_record, KP_REGISTER_BROKER_RECORD, 0, image_note_broker(d, r.broker_id, false),
               apply_register(im, &r))
        RECORD(unregister_broker_record, KP_UNREGISTER_BROKER_RECORD, 0,
               image_note_broker(d, r.broker_id, true), apply_unregister(im, &r))
        RECORD(broker_registration_change_record, KP_BROKER_REGISTRATION_CHANGE_RECORD,
               image_check_broker(d, r.broker_id), NOTHING, apply_broker_change(im, &r))
        RECORD(fence_broker_record, KP_FENCE_BROKER_RECORD, image_check_broker(d, r.id), NOTHING,
               broker_slot(im, r.id)->fenced = true)
        RECORD(unfence_broker_record, KP_UNFENCE_BROKER_RECORD, image_check_broker(d, r.id), NOTHING,
               broker_slot(im, r.id)->fenced = false)
        RECORD(register_controller_record, KP_REGISTER_CONTROLLER_RECORD, 0, NOTHING,
               controller_fact(im, r.controller_id, record))
        RECORD(feature_level_record, KP_FEATURE_LEVEL_RECORD, feature_check(r.name, r.feature_level, why),
               NOTHING, apply_feature(im, &r))
        RECORD(producer_ids_record, KP_PRODUCER_IDS_RECORD, 0, NOTHING,
               im->next_producer_id = r.next_producer_id)
        RECORD(client_quota_record, KP_CLIENT_QUOTA_RECORD, 0, NOTHING, apply_quota(im, &r, record))
        RECORD(access_control_entry_record, KP_ACCESS_CONTROL_ENTRY_RECORD, 0, NOTHING,
               image_fact_set(im, IMAGE_ACL, slice_of(r.id.b, 16), record))
        RECORD(remove_access_control_entry_record, KP_REMOVE_ACCESS_CONTROL_ENTRY_RECORD, 0, NOTHING,
               image_fact_set(im, IMAGE_ACL, slice_of(r.id.b, 16), gone))
        RECORD(user_scram_credential_record, KP_USER_SCRAM_CREDENTIAL_RECORD, 0, NOTHING,
               scram_fact(im, r.mechanism, r.name, record))
        RECORD(remove_user_scram_credential_record, KP_REMOVE_USER_SCRAM_CREDENTIAL_RECORD, 0, NOTHING,
               scram_fact(im, r.mechanism, r.name, gone))
        RECORD(delegation_token_record, KP_DELEGATION_TOKEN_RECORD, 0, NOTHING,
               image_fact_set(im, IMAGE_TOKEN, r.token_id, record))
        RECORD(remove_delegation_token_record, KP_REMOVE_DELEGATION_TOKEN_RECORD, 0, NOTHING,
               image_fact_set(im, IMAGE_TOKEN, r.token_id, gone))
        RECORD(begin_transaction_record, KP_BEGIN_TRANSACTION_RECORD, begin(d, im), NOTHING, NOTHING)
        RECORD(end_transaction_record, KP_END_TRANSACTION_RECORD, end(d, im, true, why), NOTHING, NOTHING)
        RECORD(abort_transaction_record, KP_ABORT_TRANSACTION_RECORD, end(d, im, false, why), NOTHING,
               NOTHING)
        /* Nothing for the image: time passing, and a migration that was over before Kafka 4. */
        RECORD(no_op_record, KP_NO_OP_RECORD, 0, NOTHING, NOTHING)
        RECORD(zk_migration_state_record, KP_ZK_MIGRATION_STATE_RECORD, 0, NOTHING, NOTHING)
    default:
        rc = ERR_UNSUPPORTED_VERSION;
    }
    return rc;
}

/* A record that does not wait. The reason is left empty where the error's own text tells it. */
static int judge(struct image_draft *d, struct image *im, struct slice record, char why[160])
{
    struct kp_reader in = kp_reader_of(record);
    struct arena a;
    uint8_t mem[1024];
    (void)kp_read_uvarint(&in);
    uint32_t type = kp_read_uvarint(&in), version = kp_read_uvarint(&in);
    in.mem_max = 64 * record.n + 65536;
    arena_init_with(&a, mem, sizeof mem);
    int rc = judge_type(d, im, type, version, &in, &a, record, why);
    arena_fini(&a);
    return rc;
}

static bool known(uint32_t type, uint32_t version)
{
    static const struct kp_message *const all[] = {
        &kp_topic_record_message,
        &kp_partition_record_message,
        &kp_partition_change_record_message,
        &kp_remove_topic_record_message,
        &kp_clear_elr_record_message,
        &kp_config_record_message,
        &kp_register_broker_record_message,
        &kp_unregister_broker_record_message,
        &kp_broker_registration_change_record_message,
        &kp_fence_broker_record_message,
        &kp_unfence_broker_record_message,
        &kp_register_controller_record_message,
        &kp_feature_level_record_message,
        &kp_producer_ids_record_message,
        &kp_client_quota_record_message,
        &kp_access_control_entry_record_message,
        &kp_remove_access_control_entry_record_message,
        &kp_user_scram_credential_record_message,
        &kp_remove_user_scram_credential_record_message,
        &kp_delegation_token_record_message,
        &kp_remove_delegation_token_record_message,
        &kp_no_op_record_message,
        &kp_zk_migration_state_record_message,
    };
    for (size_t i = 0; i < NELEMS(all); i++)
        if ((uint32_t)all[i]->key == type) return version <= (uint32_t)all[i]->version_max;
    return false;
}

static int put(struct image_draft *d, struct image *im, struct slice record, int64_t offset,
               char why[IMAGE_WHY_BYTES])
{
    struct kp_reader in = kp_reader_of(record);
    uint32_t frame = kp_read_uvarint(&in), type = kp_read_uvarint(&in), version = kp_read_uvarint(&in);
    if (in.err || frame != 1) {
        snprintf(why, IMAGE_WHY_BYTES, "metadata record %lld has frame version %u", (long long)offset, frame);
        return ERR_FORMAT;
    }
    bool limit = type == KP_BEGIN_TRANSACTION_RECORD_KEY || type == KP_END_TRANSACTION_RECORD_KEY ||
                 type == KP_ABORT_TRANSACTION_RECORD_KEY;
    char reason[160] = "";
    int rc = 0;
    if (!d->in_transaction || limit) rc = judge(d, im, record, reason);
    else if (!known(type, version)) rc = ERR_UNSUPPORTED_VERSION;
    else if (im) hold(im, record);
    else image_draft_hold(d, record);
    if (rc == 0) return 0;
    struct strbuf about;
    strbuf_init(&about);
    image_subject(record, &about);
    snprintf(why, IMAGE_WHY_BYTES, "metadata record %lld (type %u, version %u%s%.180s): %.100s",
             (long long)offset, type, version, about.n ? ", " : "", strbuf_cstr(&about),
             reason[0]                       ? reason
             : rc == ERR_UNSUPPORTED_VERSION ? "moldau does not know this type or version"
                                             : err_text(rc));
    strbuf_fini(&about);
    return rc;
}

int image_draft_put(struct image_draft *d, struct slice record, int64_t offset, char why[IMAGE_WHY_BYTES])
{
    return put(d, NULL, record, offset, why);
}

int image_apply(struct image *im, struct slice record, int64_t offset, char why[IMAGE_WHY_BYTES])
{
    struct image_draft d;
    image_draft_init(&d, im);
    int rc = put(&d, im, record, offset, why);
    image_draft_fini(&d);
    if (rc == 0) im->offset = offset;
    return rc;
}
