/* The controller's decisions: from a request and the image to metadata records. Pure: no clock, no I/O; time
 * and new ids ride in struct ctl_now. The shell (src/api/controller.c) writes the records, syncs, and has
 * every shard apply them before the request is answered. */
#ifndef MOLDAU_CTL_H
#define MOLDAU_CTL_H

#include "base/prng.h"
#include "conf/conf.h"
#include "ctl/image.h"
#include "kp/create_partitions.h"
#include "kp/create_topics.h"
#include "kp/kp.h"

/* Records of one decision, ready for one batch. */
struct ctl_records {
    struct kp_writer w;
    size_t *ends;
    int n, cap;
};
void ctl_records_init(struct ctl_records *rs);
void ctl_records_fini(struct ctl_records *rs);
/* Appends one metadata record (frame version 1). */
void ctl_put(struct ctl_records *rs, const struct kp_message *m, int16_t version, const void *record);
/* Drops what came after the first n records. */
void ctl_records_cut(struct ctl_records *rs, int n);
/* One uncompressed batch of magic 2 with these values. control_type < 0: ordinary records. */
void ctl_seal(const struct ctl_records *rs, int64_t base_offset, int32_t epoch, int64_t now_ms,
              int control_type, struct kp_writer *out);
/* Calls cb for each value of a batch made by ctl_seal or by Kafka's controller; stops at its first error. */
int ctl_each(struct slice batch, int (*cb)(void *arg, struct slice value, int64_t offset),
             void *arg) MUST_USE;

struct ctl_now {
    struct prng *prng;
    const struct conf *conf;
    int32_t node_id;
    struct uuid dir_id; /* of the log directory that new partitions go to */
};

/* Each appends records and gives 0, or a negative ERR_ with a sentence in why. The image
 * does not show what earlier parts of the same request put into rs: the caller refuses duplicates. */
int ctl_create_topic(const struct image *im, struct ctl_now *now,
                     const struct kp_create_topics_request_creatable_topic *t, struct ctl_records *rs,
                     struct uuid *id_out, int32_t *parts_out, struct strbuf *why) MUST_USE;
int ctl_delete_topic(const struct image *im, struct uuid id, struct ctl_records *rs) MUST_USE;
int ctl_create_partitions(const struct image *im, struct ctl_now *now,
                          const struct kp_create_partitions_request_create_partitions_topic *t,
                          struct ctl_records *rs, struct strbuf *why) MUST_USE;
/* value.p == NULL takes the override back. */
void ctl_set_config(int8_t type, struct slice resource, struct slice name, struct slice value,
                    struct ctl_records *rs);
int ctl_topic_name_check(struct slice name, struct strbuf *why) MUST_USE;
/* A block of CTL_PRODUCER_IDS ids that starts at *first. */
#define CTL_PRODUCER_IDS 1000
void ctl_producer_ids(const struct image *im, struct ctl_now *now, int64_t broker_epoch,
                      struct ctl_records *rs, int64_t *first);

#endif
