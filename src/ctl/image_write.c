/* The image as the records that would make it, in the order of Kafka's snapshots: features, brokers,
 * controllers, topics, configs, quotas, producer ids, ACLs, credentials, tokens. */
#include "ctl/ctl.h"
#include "ctl/feature.h"
#include "ctl/image_int.h"
#include "kp/metadata_records.h"

#include <stdlib.h>

static void put_feature(const char *name, int16_t level, struct ctl_records *rs)
{
    struct kp_feature_level_record r = {slice_cstr(name), level};
    ctl_put(rs, &kp_feature_level_record_message, 0, &r);
}

static void put_broker(const struct image_broker *b, int16_t mv, struct ctl_records *rs)
{
    struct kp_register_broker_record r;
    kp_register_broker_record_init(&r);
    r.broker_id = b->id;
    r.is_migrating_zk_broker = b->migrating;
    r.incarnation_id = b->incarnation;
    r.broker_epoch = b->epoch;
    r.rack = b->rack;
    r.fenced = b->fenced;
    r.in_controlled_shutdown = b->shutting_down;
    r.end_points = xcalloc((size_t)b->endpoints_n, sizeof *r.end_points);
    for (int i = 0; i < b->endpoints_n; i++)
        r.end_points[r.end_points_n++] = (struct kp_register_broker_record_broker_endpoint){
            b->endpoints[i].listener, b->endpoints[i].host, b->endpoints[i].port, b->endpoints[i].security};
    r.features = xcalloc((size_t)b->features_n, sizeof *r.features);
    for (int i = 0; i < b->features_n; i++)
        r.features[r.features_n++] = (struct kp_register_broker_record_broker_feature){
            b->features[i].name, b->features[i].min, b->features[i].max};
    r.log_dirs = b->dirs;
    r.log_dirs_n = b->dirs_n;
    if (b->cordoned_n) {
        r.cordoned_log_dirs = b->cordoned;
        r.cordoned_log_dirs_n = b->cordoned_n;
    }
    ctl_put(rs, &kp_register_broker_record_message, ctl_register_version(mv), &r);
    free(r.end_points);
    free(r.features);
}

static void put_topic(const struct image_topic *t, int16_t mv, struct ctl_records *rs)
{
    struct kp_topic_record r = {.name = slice_cstr(t->name), .topic_id = t->id};
    ctl_put(rs, &kp_topic_record_message, 0, &r);
    for (int32_t i = 0; i < t->parts_n; i++) {
        const struct image_part *p = &t->parts[i];
        struct kp_partition_record q;
        kp_partition_record_init(&q);
        q.partition_id = i;
        q.topic_id = t->id;
        q.replicas = p->replicas, q.replicas_n = p->replicas_n;
        q.isr = p->isr, q.isr_n = p->isr_n;
        q.removing_replicas = p->removing, q.removing_replicas_n = p->removing_n;
        q.adding_replicas = p->adding, q.adding_replicas_n = p->adding_n;
        if (p->elr_n) q.eligible_leader_replicas = p->elr, q.eligible_leader_replicas_n = p->elr_n;
        if (p->last_elr_n) q.last_known_elr = p->last_elr, q.last_known_elr_n = p->last_elr_n;
        q.leader = p->leader;
        q.leader_recovery_state = p->recovering;
        q.leader_epoch = p->leader_epoch;
        q.partition_epoch = p->partition_epoch;
        if (p->dirs) q.directories = p->dirs, q.directories_n = p->replicas_n;
        ctl_put(rs, &kp_partition_record_message, ctl_partition_version(mv), &q);
    }
}

static void put_facts(const struct image *im, enum image_kind kind, struct ctl_records *rs)
{
    int n;
    struct image_fact **v = image_facts(im, kind, &n);
    for (int i = 0; i < n; i++) ctl_put_raw(rs, image_fact_record(v[i]));
    free(v);
}

static int cmp_configs(const void *a, const void *b)
{
    const struct image_configs *x = *(struct image_configs *const *)a, *y = *(struct image_configs *const *)b;
    return x->type != y->type ? x->type - y->type : slice_cmp(x->resource, y->resource);
}

static void put_configs(const struct image *im, struct ctl_records *rs)
{
    struct image_configs **v = xcalloc(im->configs.n, sizeof(struct image_configs *));
    size_t n = 0;
    MAP_FOREACH(it, struct image_configs, c, &im->configs) v[n++] = c;
    if (n) qsort(v, n, sizeof(struct image_configs *), cmp_configs);
    for (size_t k = 0; k < n; k++)
        for (int i = 0; i < v[k]->n; i++)
            ctl_set_config(v[k]->type, v[k]->resource, v[k]->v[i].name, v[k]->v[i].value, rs);
    free(v);
}

void image_write(struct image *im, struct ctl_records *rs)
{
    int n;
    int16_t mv = image_metadata_version(im);
    put_feature("metadata.version", mv, rs); /* first: it says how the rest is written */
    for (int i = 0; i < im->features_n; i++)
        if (strcmp(im->features[i].name, "metadata.version") != 0)
            put_feature(im->features[i].name, im->features[i].level, rs);
    for (int i = 0; i < im->brokers_n; i++) put_broker(&im->brokers[i], mv, rs);
    put_facts(im, IMAGE_CONTROLLER, rs);
    struct image_topic **topics = image_sorted(im, &n);
    for (int i = 0; i < n; i++) put_topic(topics[i], mv, rs);
    put_configs(im, rs);
    put_facts(im, IMAGE_QUOTA, rs);
    if (im->next_producer_id) {
        struct kp_producer_ids_record r = {
            .broker_id = -1, .broker_epoch = -1, .next_producer_id = im->next_producer_id};
        ctl_put(rs, &kp_producer_ids_record_message, 0, &r);
    }
    put_facts(im, IMAGE_ACL, rs);
    put_facts(im, IMAGE_SCRAM, rs);
    put_facts(im, IMAGE_TOKEN, rs);
}
