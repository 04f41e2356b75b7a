#include "ctl/ctl.h"
#include "base/strbuf.h"
#include "kp/metadata_records.h"

#include <stdlib.h>

#define TOPIC_NAME_MAX 249 /* told below */

int ctl_topic_name_check(struct slice name, struct strbuf *why)
{
    const char *p = (const char *)name.p, *wrong = NULL;
    if (name.n == 0) {
        strbuf_add_cstr(why, "Topic name is invalid: the empty string is not allowed");
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
            c == '_' || c == '-')
            continue;
        wrong = "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
        break;
    }
    if (name.n > TOPIC_NAME_MAX) wrong = "' is longer than the max allowed length 249";
    if (slice_eq_cstr(name, ".") || slice_eq_cstr(name, "..")) wrong = "' is not allowed";
    if (!wrong) return 0;
    strbuf_add_cstr(why, "Topic name is invalid: '");
    strbuf_add_slice(why, name); /* any bytes: no printf */
    strbuf_add_cstr(why, wrong);
    return ERR_INVALID_TOPIC_EXCEPTION;
}

void ctl_set_config(int8_t type, struct slice resource, struct slice name, struct slice value,
                    struct ctl_records *rs)
{
    struct kp_config_record r = {
        .resource_type = type, .resource_name = resource, .name = name, .value = value};
    ctl_put(rs, &kp_config_record_message, 0, &r);
}

void ctl_count_dirs(const struct image *im, struct ctl_now *now)
{
    for (int i = 0; i < now->dirs_n; i++) now->dirs[i].parts_n = 0;
    if (now->dirs_n < 2) return; /* no choice, no need */
    MAP_FOREACH(it, struct image_topic, t, &im->by_id)
    for (int32_t i = 0; i < t->parts_n; i++)
        for (int32_t k = 0; t->parts[i].dirs && k < t->parts[i].replicas_n; k++)
            for (int d = 0; t->parts[i].replicas[k] == now->node_id && d < now->dirs_n; d++)
                now->dirs[d].parts_n += uuid_eq(now->dirs[d].id, t->parts[i].dirs[k]);
}

static void put_partition(const struct image *im, struct ctl_now *now, struct uuid topic, int32_t index,
                          struct ctl_records *rs)
{
    struct kp_partition_record r;
    int32_t self = now->node_id;
    struct ctl_dir *dir = now->dirs;
    for (int i = 1; i < now->dirs_n; i++)
        if (now->dirs[i].parts_n < dir->parts_n) dir = &now->dirs[i];
    dir->parts_n++;
    kp_partition_record_init(&r);
    r.partition_id = index;
    r.topic_id = topic;
    r.replicas = r.isr = &self;
    r.replicas_n = r.isr_n = 1;
    r.leader = self;
    r.leader_epoch = 0;
    r.partition_epoch = 0;
    r.directories = &dir->id;
    r.directories_n = 1;
    ctl_put(rs, &kp_partition_record_message, ctl_partition_version(image_metadata_version(im)), &r);
}

int ctl_assign_dir(const struct image *im, const struct ctl_now *now, struct uuid topic_id, int32_t index,
                   struct uuid dir, struct ctl_records *rs)
{
    const struct image_topic *t = image_topic_by_id(im, topic_id);
    struct kp_partition_change_record r;
    if (!t || index >= t->parts_n) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    const struct image_part *p = &t->parts[index];
    struct uuid *dirs = xcalloc((size_t)p->replicas_n, sizeof *dirs);
    for (int32_t i = 0; i < p->replicas_n; i++)
        dirs[i] = p->replicas[i] == now->node_id ? dir : p->dirs ? p->dirs[i] : DIR_MIGRATING;
    kp_partition_change_record_init(&r);
    r.partition_id = index;
    r.topic_id = topic_id;
    r.directories = dirs;
    r.directories_n = p->replicas_n;
    ctl_put(rs, &kp_partition_change_record_message, ctl_partition_version(image_metadata_version(im)), &r);
    free(dirs);
    return 0;
}

static int check_assignment(struct ctl_now *now, const int32_t *ids, int32_t n, struct strbuf *why)
{
    if (n == 0) {
        strbuf_add_cstr(why, "The manual partition assignment includes an empty replica list.");
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    for (int32_t i = 0; i < n; i++) {
        if (i > 0 && ids[i] == ids[0]) { /* all before are this node */
            strbuf_printf(why, "The manual partition assignment includes the broker %d more than once.",
                          ids[i]);
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
        if (ids[i] != now->node_id) {
            strbuf_printf(
                why, "The manual partition assignment includes broker %d, but no such broker is registered.",
                ids[i]);
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
    }
    return 0;
}

/* Each of n indexes below n: then none is there twice. The first one that is missing is told after what is
 * wrong with the assignments before it. */
static int check_assignments(struct ctl_now *now, const struct kp_create_topics_request_creatable_topic *t,
                             struct strbuf *why)
{
    int32_t n = t->assignments_n;
    bool *found = xcalloc((size_t)n, sizeof *found);
    int rc = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t index = t->assignments[i].partition_index;
        if (index >= 0 && index < n) found[index] = true;
    }
    for (int32_t i = 0; i < n && !rc; i++) {
        if (!found[i]) {
            strbuf_add_cstr(why, "partitions should be a consecutive 0-based integer sequence");
            rc = ERR_INVALID_REPLICA_ASSIGNMENT;
        } else rc = check_assignment(now, t->assignments[i].broker_ids, t->assignments[i].broker_ids_n, why);
    }
    free(found);
    return rc;
}

int64_t ctl_partitions_asked(const struct kp_create_topics_request_creatable_topic *t,
                             const struct conf *conf)
{
    if (t->assignments_n > 0) return t->assignments_n;
    return t->num_partitions == -1 ? conf_i64(conf, CONF_NUM_PARTITIONS) : max_i64(t->num_partitions, 0);
}

static int check_new_name(const struct image *im, struct slice name, struct strbuf *why)
{
    int rc = ctl_topic_name_check(name, why);
    if (rc) return rc;
    if (slice_eq_cstr(name, "__cluster_metadata")) {
        strbuf_add_cstr(why, "Creation of internal topic __cluster_metadata is prohibited.");
        return ERR_INVALID_REQUEST;
    }
    if (image_topic(im, name)) {
        strbuf_printf(why, "Topic '%.*s' already exists.", (int)name.n, (const char *)name.p);
        return ERR_TOPIC_ALREADY_EXISTS;
    }
    const struct image_topic *other = image_topic_colliding(im, name);
    if (!other) return 0;
    strbuf_printf(why, "Topic '%.*s' collides with existing topic: %s", (int)name.n, (const char *)name.p,
                  other->name);
    return ERR_INVALID_TOPIC_EXCEPTION;
}

/* How many partitions a topic gets that names its replicas. */
static int count_assigned(struct ctl_now *now, const struct kp_create_topics_request_creatable_topic *t,
                          int32_t *n, struct strbuf *why)
{
    if (t->num_partitions != -1 || t->replication_factor != -1) {
        strbuf_add_cstr(
            why, t->num_partitions != -1
                     ? "A manual partition assignment was specified, but numPartitions was not set to -1."
                     : "A manual partition assignment was specified, but replication factor was not set "
                       "to -1.");
        return ERR_INVALID_REQUEST;
    }
    *n = t->assignments_n;
    return check_assignments(now, t, why);
}

/* The same for one that leaves them to us; -1 is the broker's default. */
static int count_asked(struct ctl_now *now, const struct kp_create_topics_request_creatable_topic *t,
                       int32_t *n, struct strbuf *why)
{
    int32_t rf = t->replication_factor;
    if (rf < -1 || rf == 0) {
        strbuf_add_cstr(why, "Replication factor must be larger than 0, or -1 to use the default value.");
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    if (t->num_partitions < -1 || t->num_partitions == 0) {
        strbuf_add_cstr(why, "Number of partitions was set to an invalid non-positive value.");
        return ERR_INVALID_PARTITIONS;
    }
    *n = t->num_partitions == -1 ? (int32_t)conf_i64(now->conf, CONF_NUM_PARTITIONS) : t->num_partitions;
    if (rf == -1) rf = (int32_t)conf_i64(now->conf, CONF_DEFAULT_REPLICATION_FACTOR);
    if (rf == 1) return 0;
    strbuf_printf(why,
                  "Unable to replicate the partition %d time(s): The target replication factor of %d "
                  "cannot be reached because only 1 broker(s) are registered.",
                  rf, rf);
    return ERR_INVALID_REPLICATION_FACTOR;
}

static int check_new_configs(const struct kp_create_topics_request_creatable_topic *t, struct strbuf *why)
{
    for (int32_t i = 0; i < t->configs_n; i++) {
        if (t->configs[i].value.p) continue;
        strbuf_printf(why, "Null value not supported for topic configs: %.*s", (int)t->configs[i].name.n,
                      (const char *)t->configs[i].name.p);
        return ERR_INVALID_CONFIG;
    }
    return 0;
}

int ctl_create_topic(const struct image *im, struct ctl_now *now,
                     const struct kp_create_topics_request_creatable_topic *t, struct ctl_records *rs,
                     struct uuid *id_out, int32_t *parts_out, struct strbuf *why)
{
    int32_t n = 0;
    int rc = check_new_name(im, t->name, why);
    if (rc == 0) rc = t->assignments_n > 0 ? count_assigned(now, t, &n, why) : count_asked(now, t, &n, why);
    if (rc == 0 && n > CTL_PARTITIONS_MAX) {
        strbuf_add_cstr(why, "Excessively large number of partitions per request.");
        rc = ERR_POLICY_VIOLATION;
    }
    if (rc == 0) rc = check_new_configs(t, why);
    if (rc) return rc;
    struct uuid id = prng_uuid(now->prng);
    struct kp_topic_record r = {.name = t->name, .topic_id = id};
    ctl_put(rs, &kp_topic_record_message, 0, &r);
    for (int32_t i = 0; i < t->configs_n; i++)
        ctl_set_config(2, t->name, t->configs[i].name, t->configs[i].value, rs);
    for (int32_t i = 0; i < n; i++) put_partition(im, now, id, i, rs);
    *id_out = id;
    *parts_out = n;
    return 0;
}

int ctl_delete_topic(const struct image *im, struct uuid id, struct ctl_records *rs)
{
    if (!image_topic_by_id(im, id)) return ERR_UNKNOWN_TOPIC_ID;
    struct kp_remove_topic_record r = {.topic_id = id};
    ctl_put(rs, &kp_remove_topic_record_message, 0, &r);
    return 0;
}

int ctl_create_partitions(const struct image *im, struct ctl_now *now,
                          const struct kp_create_partitions_request_create_partitions_topic *t,
                          struct ctl_records *rs, struct strbuf *why)
{
    struct image_topic *topic = image_topic(im, t->name);
    if (!topic) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (t->count == topic->parts_n) {
        strbuf_printf(why, "Topic already has %d partition(s).", topic->parts_n);
        return ERR_INVALID_PARTITIONS;
    }
    if (t->count < topic->parts_n) {
        strbuf_printf(why, "The topic %s currently has %d partition(s); %d would not be an increase.",
                      topic->name, topic->parts_n, t->count);
        return ERR_INVALID_PARTITIONS;
    }
    int32_t more = t->count - topic->parts_n;
    if (more > CTL_PARTITIONS_MAX) {
        strbuf_printf(why, "%d partitions are more than the %d that one request may create.", more,
                      CTL_PARTITIONS_MAX);
        return ERR_POLICY_VIOLATION;
    }
    if (t->assignments_n >= 0 && t->assignments_n != more) {
        strbuf_printf(
            why, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.",
            more, t->assignments_n);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    for (int32_t i = 0; i < t->assignments_n; i++) {
        int rc = check_assignment(now, t->assignments[i].broker_ids, t->assignments[i].broker_ids_n, why);
        if (rc) return rc;
    }
    for (int32_t i = topic->parts_n; i < t->count; i++) put_partition(im, now, topic->id, i, rs);
    return 0;
}

void ctl_producer_ids(const struct image *im, struct ctl_now *now, int64_t broker_epoch,
                      struct ctl_records *rs, int64_t *first)
{
    *first = im->next_producer_id;
    struct kp_producer_ids_record r = {.broker_id = now->node_id,
                                       .broker_epoch = broker_epoch,
                                       .next_producer_id = *first + CTL_PRODUCER_IDS};
    ctl_put(rs, &kp_producer_ids_record_message, 0, &r);
}
