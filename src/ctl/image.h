/* The metadata image: what the KRaft records of __cluster_metadata say, held by every shard for itself.
 * Changed only by image_apply, in the order of the records; reads never leave the shard. */
#ifndef MOLDAU_IMAGE_H
#define MOLDAU_IMAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"

struct image_part {
    int32_t leader; /* -1: none */
    int32_t leader_epoch, partition_epoch;
    int32_t replicas_n, isr_n;
    int32_t *replicas; /* replicas, then isr, in one piece */
    int32_t *isr;
};
struct image_config {
    char *name, *value;
};
/* Overrides of one resource, in order of name. */
struct image_configs {
    int8_t type; /* Kafka's ConfigResource type: 2 topic, 4 broker, 16 client metrics, 32 group */
    char *resource;
    struct image_config *v;
    int n;
};
struct image_topic {
    struct uuid id;
    char *name;
    struct image_part *parts;
    int32_t parts_n;
    uint32_t config_version; /* grows with every change of its overrides */
    void *local;             /* what this shard's broker keeps beside it */
};
struct image_endpoint {
    char *listener, *host;
    uint16_t port;
    int16_t security;
};
struct image_broker {
    int32_t id;
    int64_t epoch;
    char *rack; /* NULL: none */
    bool fenced, shutting_down;
    struct uuid incarnation;
    struct image_endpoint *endpoints;
    int endpoints_n;
};
struct image_feature {
    char *name;
    int16_t level;
};

struct image {
    struct map by_name, by_id;
    struct map configs;
    struct image_topic **sorted; /* by name; rebuilt when stale */
    int sorted_n;
    bool sorted_stale;
    struct image_broker *brokers;
    int brokers_n;
    struct image_feature *features;
    int features_n;
    int64_t next_producer_id;
    int64_t offset; /* of the last applied record, -1 at first */
    int32_t epoch;
    /* told after the change, before the next record; NULL: nobody listens. old parts_n tells a growth. */
    void (*topic_added)(void *arg, struct image_topic *t);
    void (*topic_grew)(void *arg, struct image_topic *t, int32_t old_n);
    void (*topic_removed)(void *arg, struct image_topic *t);
    void (*config_changed)(void *arg, int8_t type, struct slice resource);
    void *arg;
};

void image_init(struct image *im);
void image_fini(struct image *im);
/* One metadata record (frame version, type, version, body). ERR_UNSUPPORTED_VERSION names an unknown type or
 * version in why[]. */
int image_apply(struct image *im, struct slice record, int64_t offset, char why[160]) MUST_USE;
struct image_topic *image_topic(const struct image *im, struct slice name);
struct image_topic *image_topic_by_id(const struct image *im, struct uuid id);
struct image_topic **image_sorted(struct image *im, int *n);
const struct image_configs *image_configs(const struct image *im, int8_t type, struct slice resource);
const char *image_config(const struct image_configs *c, const char *name);
const struct image_broker *image_broker(const struct image *im, int32_t id);

#endif
