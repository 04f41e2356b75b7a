/* The controller's decisions: from a request and the image to metadata records. Pure: no clock, no I/O; time
 * and new ids ride in struct ctl_now. The shell (src/broker/controller.c) writes the records, syncs, and has
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
/* The same of a whole record: frame version, type, version, body. */
void ctl_put_raw(struct ctl_records *rs, struct slice record);
static inline struct slice ctl_record(const struct ctl_records *rs, int i)
{
    size_t from = i ? rs->ends[i - 1] : 0;
    return slice_of(rs->w.p + from, rs->ends[i] - from);
}
/* Drops what came after the first n records. */
void ctl_records_cut(struct ctl_records *rs, int n);
/* One uncompressed batch of magic 2 with these values. control_type < 0: ordinary records. */
void ctl_seal(const struct ctl_records *rs, int64_t base_offset, int32_t epoch, int64_t now_ms,
              int control_type, struct kp_writer *out);
/* Calls cb for each record of a batch made by ctl_seal or by Kafka's controller; stops at its first error.
 * control is the type of a control record, -1 for an ordinary one. */
typedef int ctl_record_cb(void *arg, struct slice value, int64_t offset, int control);
int ctl_each(struct slice batch, ctl_record_cb *cb, void *arg) MUST_USE;
/* Control records of the metadata log. */
enum { CONTROL_LEADER_CHANGE = 2, CONTROL_HEADER, CONTROL_FOOTER, CONTROL_KRAFT_VERSION, CONTROL_VOTERS };
/* Versions in which records are written at a metadata.version. */
int16_t ctl_register_version(int16_t mv);
int16_t ctl_partition_version(int16_t mv);

struct ctl_dir { /* a log directory that takes partitions, and how many it has */
    struct uuid id;
    int32_t parts_n;
};
struct ctl_now {
    struct prng *prng;
    const struct conf *conf;
    int32_t node_id;
    struct ctl_dir *dirs; /* a new partition goes where the fewest are */
    int dirs_n;
};
/* Counts this node's partitions in the directories of now. */
void ctl_count_dirs(const struct image *im, struct ctl_now *now);

/* Each appends records and gives 0, or a negative ERR_ with a sentence in why. The image
 * does not show what earlier parts of the same request put into rs: the caller refuses duplicates. */
int ctl_create_topic(const struct image *im, struct ctl_now *now,
                     const struct kp_create_topics_request_creatable_topic *t, struct ctl_records *rs,
                     struct uuid *id_out, int32_t *parts_out, struct strbuf *why) MUST_USE;
/* What one request may create; and how many partitions a creation comes to. */
#define CTL_PARTITIONS_MAX 10000
int64_t ctl_partitions_asked(const struct kp_create_topics_request_creatable_topic *t,
                             const struct conf *conf);
int ctl_delete_topic(const struct image *im, struct uuid id, struct ctl_records *rs) MUST_USE;
int ctl_create_partitions(const struct image *im, struct ctl_now *now,
                          const struct kp_create_partitions_request_create_partitions_topic *t,
                          struct ctl_records *rs, struct strbuf *why) MUST_USE;
/* value.p == NULL takes the override back. */
void ctl_set_config(int8_t type, struct slice resource, struct slice name, struct slice value,
                    struct ctl_records *rs);
/* The partition lies in this log directory of this node from here on. */
int ctl_assign_dir(const struct image *im, const struct ctl_now *now, struct uuid topic_id, int32_t index,
                   struct uuid dir, struct ctl_records *rs) MUST_USE;
int ctl_topic_name_check(struct slice name, struct strbuf *why) MUST_USE;
/* A block of CTL_PRODUCER_IDS ids that starts at *first. */
#define CTL_PRODUCER_IDS 1000
void ctl_producer_ids(const struct image *im, struct ctl_now *now, int64_t broker_epoch,
                      struct ctl_records *rs, int64_t *first);

struct kp_update_features_request;
/* All of the features asked for; after an error the caller drops what was put. */
int ctl_update_features(const struct image *im, const struct ctl_now *now,
                        const struct kp_update_features_request *q, struct ctl_records *rs,
                        struct strbuf *why) MUST_USE;
/* A broker that will not come back; never this one. */
int ctl_unregister_broker(const struct image *im, const struct ctl_now *now, int32_t id,
                          struct ctl_records *rs, struct strbuf *why) MUST_USE;

/* ---- start ---- */
/* The first records of a cluster, as one transaction where the metadata.version has them: `bootstrap` and
 * what Kafka's controller adds to it. */
void ctl_bootstrap(const struct ctl_records *bootstrap, const struct conf *conf, struct ctl_records *rs);
/* The features of a new cluster at a metadata.version. */
void ctl_bootstrap_features(int16_t mv, struct ctl_records *rs);
/* Where a partition of this node lies: the id of an online directory; zero: in none of them. */
typedef struct uuid ctl_where_cb(void *arg, const struct image_topic *t, int32_t index, struct uuid told);
/* What a node that starts as the only one changes: other brokers are fenced, it leads every partition of
 * which it is in sync (or was last), and tells where partitions lie. A partition without an online directory
 * has no leader. */
void ctl_take_over(const struct image *im, const struct ctl_now *now, ctl_where_cb *where, void *arg,
                   struct ctl_records *rs);
void ctl_register_broker(const struct image *im, const struct ctl_now *now, struct uuid incarnation,
                         int64_t epoch, struct ctl_records *rs);
/* Nothing if the node has no controller listener or the metadata.version knows no such record. */
void ctl_register_controller(const struct image *im, const struct ctl_now *now, struct uuid incarnation,
                             struct ctl_records *rs);

#endif
