/* Private to the image's files. */
#ifndef MOLDAU_IMAGE_INT_H
#define MOLDAU_IMAGE_INT_H

#include "ctl/image.h"
#include "base/hash.h"
#include "kp/metadata_records.h"

static inline uint64_t image_hash_name(struct slice s)
{
    return hash_bytes(0x6d6f6c64, s.p, s.n);
}
static inline uint64_t image_hash_id(struct uuid u)
{
    return hash_bytes(0x75756964, u.b, 16);
}
static inline bool image_eq_name(const void *v, const void *k)
{
    return slice_eq_cstr(*(const struct slice *)k, ((const struct image_topic *)v)->name);
}
static inline bool image_eq_id(const void *v, const void *k)
{
    return uuid_eq(((const struct image_topic *)v)->id, *(const struct uuid *)k);
}
/* Whether a name has one of the characters that metrics do not tell apart. */
static inline bool image_in_metrics(struct slice s)
{
    return s.n && (memchr(s.p, '.', s.n) || memchr(s.p, '_', s.n));
}
uint64_t image_hash_metric(struct slice name);
static inline bool image_eq_itself(const void *v, const void *k)
{
    return v == k;
}
/* The place of a setting, or where it belongs. */
int image_config_at(const struct image_configs *c, struct slice name);
struct image_config_key {
    int8_t type;
    struct slice resource;
};
static inline uint64_t image_hash_config(struct image_config_key k)
{
    return image_hash_name(k.resource) + (uint64_t)k.type;
}
static inline bool image_eq_config(const void *v, const void *k)
{
    const struct image_configs *c = v;
    const struct image_config_key *key = k;
    return c->type == key->type && slice_eq(key->resource, c->resource);
}

/* ---- judging and noting (image_check.c) ---- */
void image_draft_hold(struct image_draft *d, struct slice record);
int image_check_topic(const struct image_draft *d, const struct kp_topic_record *r) MUST_USE;
int image_check_partition(const struct image_draft *d, const struct kp_partition_record *r) MUST_USE;
int image_check_partition_change(const struct image_draft *d,
                                 const struct kp_partition_change_record *r) MUST_USE;
int image_check_clear_elr(const struct image_draft *d, const struct kp_clear_elr_record *r) MUST_USE;
int image_check_broker(const struct image_draft *d, int32_t id) MUST_USE;
void image_note_topic(struct image_draft *d, const struct kp_topic_record *r);
void image_note_partition(struct image_draft *d, const struct kp_partition_record *r);
void image_note_partition_change(struct image_draft *d, const struct kp_partition_change_record *r);
void image_note_remove_topic(struct image_draft *d, const struct kp_remove_topic_record *r);
void image_note_broker(struct image_draft *d, int32_t id, bool gone);

void image_topic_free(struct image_topic *t);
void image_configs_free(struct image_configs *c);
void image_broker_clear(struct image_broker *b);
/* record.p == NULL: the fact is no more. */
void image_fact_set(struct image *im, enum image_kind kind, struct slice key, struct slice record);

#endif
