/* The metadata image: what the KRaft records of __cluster_metadata say, held by every shard for itself.
 * Changed only by image_apply, in the order of the records; reads never leave the shard. */
#ifndef MOLDAU_IMAGE_H
#define MOLDAU_IMAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "kp/kp.h"

struct image_part {
    int32_t leader; /* -1: none */
    int32_t leader_epoch, partition_epoch;
    int32_t replicas_n, isr_n, removing_n, adding_n, elr_n, last_elr_n;
    int32_t *replicas; /* then the others in this order, in one piece */
    int32_t *isr, *removing, *adding;
    int32_t *elr, *last_elr; /* eligible leader replicas (KIP-966), and those known last */
    struct uuid *dirs;       /* [replicas_n] log directory of each replica, or NULL: not told */
    bool recovering;
};
/* Values of image_part.dirs that are no directory (KIP-858). */
#define DIR_MIGRATING ((struct uuid){{0}})
#define DIR_UNASSIGNED ((struct uuid){{[15] = 1}})
#define DIR_LOST ((struct uuid){{[15] = 2}})
/* What came from outside may hold any bytes, zero too: every slice here was made by slice_own. */
struct image_config {
    struct slice name, value;
};
/* Overrides of one resource, in order of name. */
struct image_configs {
    int8_t type; /* Kafka's ConfigResource type: 2 topic, 4 broker, 16 client metrics, 32 group */
    struct slice resource;
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
    struct slice listener, host;
    uint16_t port;
    int16_t security;
};
struct image_broker {
    int32_t id;
    int64_t epoch;
    struct slice rack; /* null: none */
    bool fenced, shutting_down, migrating;
    struct uuid incarnation;
    struct image_endpoint *endpoints;
    int endpoints_n;
    struct image_range {
        struct slice name;
        int16_t min, max;
    } * features;
    int features_n;
    struct uuid *dirs, *cordoned;
    int dirs_n, cordoned_n;
};
struct image_feature {
    char *name;
    int16_t level;
};
/* Facts that stand for themselves, kept as the record that said them. */
enum image_kind {
    IMAGE_CONTROLLER, /* RegisterController, by id */
    IMAGE_QUOTA,      /* ClientQuota, by entity and key */
    IMAGE_ACL,        /* AccessControlEntry, by id */
    IMAGE_SCRAM,      /* UserScramCredential, by mechanism and user */
    IMAGE_TOKEN,      /* DelegationToken, by token id */
    IMAGE_KINDS_N,
};
struct image_fact {
    enum image_kind kind;
    size_t key_n, record_n;
    uint8_t bytes[]; /* the key, then the whole record: frame version, type, version, body */
};
static inline struct slice image_fact_record(const struct image_fact *f)
{
    return slice_of(f->bytes + f->key_n, f->record_n);
}

struct image {
    struct map by_name, by_id;
    struct map by_metric; /* those with '.' or '_' in their names, which are alike there */
    struct map configs;
    struct image_topic **sorted; /* by name; rebuilt when stale */
    int sorted_n;
    bool sorted_stale;
    struct image_broker *brokers;
    int brokers_n;
    struct image_feature *features;
    int features_n;
    int16_t kraft_version; /* from the control records: set by the shell */
    struct map facts;      /* struct image_fact */
    int64_t next_producer_id;
    int64_t offset; /* of the last record seen, -1 at first */
    /* Records between BeginTransaction and EndTransaction wait here; Abort drops them. */
    bool in_transaction;
    struct kp_writer held;
    size_t *held_ends;
    int held_n, held_cap;
    /* told after the change, before the next record; NULL: nobody listens. old parts_n tells a growth. */
    void (*topic_added)(void *arg, struct image_topic *t);
    void (*topic_grew)(void *arg, struct image_topic *t, int32_t old_n);
    void (*topic_removed)(void *arg, struct image_topic *t);
    void (*config_changed)(void *arg, int8_t type, struct slice resource);
    void *arg;
    /* Between image_batch_begin and _end: the resource whose change is told when that of another one comes,
     * or the batch ends. */
    bool in_batch, changed;
    int8_t changed_type;
    struct slice changed_resource; /* slice_own */
};

void image_init(struct image *im);
void image_fini(struct image *im);
/* One metadata record (frame version, type, version, body). ERR_UNSUPPORTED_VERSION: its type or version, or
 * a feature's level, is beyond this code; other errors: it does not fit what went before. why[] names it and
 * what it is about. Nothing is changed then. */
#define IMAGE_WHY_BYTES 400
int image_apply(struct image *im, struct slice record, int64_t offset, char why[IMAGE_WHY_BYTES]) MUST_USE;

/* Around the records of one batch: changes of one resource's settings that follow each other are told as one.
 */
void image_batch_begin(struct image *im);
void image_batch_end(struct image *im);

/* Whether image_apply would take a record, without the change: by the same checks. Records put before count
 * as applied; they must stay where they are until the draft's end, and so must the image. */
struct image_draft {
    const struct image *im;
    struct map by_id, by_name, parts;
    struct draft_broker *brokers;
    int brokers_n;
    bool in_transaction;
    bool image_held_over; /* the image's own transaction has ended in this draft */
    struct slice *held;
    int held_n, held_cap;
    struct arena arena;
};
void image_draft_init(struct image_draft *d, const struct image *im);
void image_draft_fini(struct image_draft *d);
/* 0 or image_apply's errors; after an error the draft is of no more use. */
int image_draft_put(struct image_draft *d, struct slice record, int64_t offset,
                    char why[IMAGE_WHY_BYTES]) MUST_USE;
/* The type and what a record is about, such as: TopicRecord "t". Never a value: it may be a secret. */
void image_subject(struct slice record, struct strbuf *out);
struct image_topic *image_topic(const struct image *im, struct slice name);
/* A topic whose name differs from this one at most in '.' and '_': they would share one metric name. */
struct image_topic *image_topic_colliding(const struct image *im, struct slice name);
struct image_topic *image_topic_by_id(const struct image *im, struct uuid id);
struct image_topic **image_sorted(struct image *im, int *n);
const struct image_configs *image_configs(const struct image *im, int8_t type, struct slice resource);
/* Null: it is not set. */
struct slice image_config(const struct image_configs *c, struct slice name);
int16_t image_feature(const struct image *im, const char *name); /* 0: not there */
/* The metadata.version; before the first record what a new cluster begins with. */
int16_t image_metadata_version(const struct image *im);
/* Every fact of a kind, in order of its key; the caller frees the array. */
struct image_fact **image_facts(const struct image *im, enum image_kind kind, int *n);
/* One fact by its key; NULL: there is none. The key of a credential: its mechanism in a byte, the user. */
const struct image_fact *image_fact(const struct image *im, enum image_kind kind, struct slice key);
const struct image_broker *image_broker(const struct image *im, int32_t id);

/* The whole image as records, for a snapshot (image_write.c). */
struct ctl_records;
void image_write(struct image *im, struct ctl_records *rs);

#endif
