#include "ctl/image.h"
#include "base/test.h"
#include "ctl/ctl.h"
#include "ctl/feature.h"
#include "ctl/snapshot.h"
#include "kp/metadata_records.h"
#include "kp/update_features.h"

TEST_MAIN

#define ID(n) ((struct uuid){{[0] = 9, [15] = (n)}})

struct rig {
    struct image im;
    struct ctl_records rs;
    int64_t offset;
    char why[IMAGE_WHY_BYTES];
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){0};
    image_init(&r->im);
    ctl_records_init(&r->rs);
}
static void rig_fini(struct rig *r)
{
    image_fini(&r->im);
    ctl_records_fini(&r->rs);
}
/* Applies what was put; the first error. */
static int run(struct rig *r)
{
    int rc = 0;
    for (int i = 0; i < r->rs.n && rc == 0; i++)
        rc = image_apply(&r->im, ctl_record(&r->rs, i), r->offset++, r->why);
    ctl_records_cut(&r->rs, 0);
    return rc;
}

#define PUT(r, name, ver, ...)                                                                               \
    do {                                                                                                     \
        struct kp_##name##_record x_;                                                                        \
        kp_##name##_record_init(&x_);                                                                        \
        __VA_ARGS__;                                                                                         \
        ctl_put(&(r)->rs, &kp_##name##_record_message, ver, &x_);                                            \
    } while (0)
#define S(text) slice_cstr(text)

static void put_everything(struct rig *r)
{
    int32_t ids[3] = {1, 2, 3}, two[1] = {2};
    struct uuid dirs[3] = {ID(101), ID(102), DIR_LOST};
    struct slice renewer = S("User:r");
    struct kp_client_quota_record_entity_data entity[2] = {{S("user"), S("bob")}, {S("client-id"), {0}}};
    struct kp_register_broker_record_broker_endpoint e = {S("PLAINTEXT"), S("host"), 9092, 0};
    struct kp_register_broker_record_broker_feature f = {S("metadata.version"), 7, 30};
    ctl_bootstrap_features(MV_LATEST, &r->rs);
    for (int32_t id = 1; id <= 3; id++)
        PUT(r, register_broker, 4, x_.broker_id = id; x_.broker_epoch = 100 + id; x_.rack = S("rack");
            x_.end_points = &e; x_.end_points_n = 1; x_.features = &f; x_.features_n = 1; x_.log_dirs = dirs;
            x_.log_dirs_n = 2; x_.fenced = true);
    PUT(r, broker_registration_change, 3, x_.broker_id = 1; x_.broker_epoch = 101; x_.fenced = -1;
        x_.cordoned_log_dirs = dirs; x_.cordoned_log_dirs_n = 1);
    PUT(r, fence_broker, 0, x_.id = 1);
    PUT(r, unfence_broker, 0, x_.id = 1);
    PUT(r, unregister_broker, 0, x_.broker_id = 3);
    PUT(r, register_controller, 0, x_.controller_id = 1);
    PUT(r, topic, 0, x_.name = S("gone"); x_.topic_id = ID(1));
    PUT(r, topic, 0, x_.name = S("t"); x_.topic_id = ID(2));
    for (int32_t i = 0; i < 3; i++)
        PUT(r, partition, 2, x_.partition_id = i; x_.topic_id = ID(2); x_.replicas = ids; x_.replicas_n = 3;
            x_.isr = ids; x_.isr_n = 3; x_.leader = 1; x_.leader_epoch = 0; x_.directories = dirs;
            x_.directories_n = 3; x_.adding_replicas = two; x_.adding_replicas_n = 1;
            x_.removing_replicas = two; x_.removing_replicas_n = 1);
    PUT(r, partition_change, 2, x_.partition_id = 1; x_.topic_id = ID(2); x_.leader = 2; x_.isr = two;
        x_.isr_n = 1; x_.eligible_leader_replicas = ids; x_.eligible_leader_replicas_n = 1;
        x_.last_known_elr = two; x_.last_known_elr_n = 1; x_.leader_recovery_state = 1);
    ctl_set_config(2, S("gone"), S("retention.ms"), S("1"), &r->rs);
    ctl_set_config(2, S("t"), S("retention.ms"), S("2"), &r->rs);
    ctl_set_config(2, S("t"), S("cleanup.policy"), S("compact"), &r->rs);
    ctl_set_config(4, S(""), S("log.cleaner.threads"), S("3"), &r->rs);
    PUT(r, remove_topic, 0, x_.topic_id = ID(1));
    PUT(r, client_quota, 0, x_.entity = entity; x_.entity_n = 2; x_.key = S("producer_byte_rate");
        x_.value = 1024.5);
    PUT(r, client_quota, 0, x_.entity = entity; x_.entity_n = 1; x_.key = S("consumer_byte_rate");
        x_.value = 1);
    PUT(r, client_quota, 0, x_.entity = entity; x_.entity_n = 1; x_.key = S("consumer_byte_rate");
        x_.remove = true);
    PUT(r, producer_ids, 0, x_.broker_id = 1; x_.next_producer_id = 5000);
    PUT(r, access_control_entry, 0, x_.id = ID(7); x_.resource_name = S("t"); x_.principal = S("User:a");
        x_.host = S("*"));
    PUT(r, access_control_entry, 0, x_.id = ID(8); x_.resource_name = S("t"); x_.principal = S("User:b");
        x_.host = S("*"));
    PUT(r, remove_access_control_entry, 0, x_.id = ID(8));
    PUT(r, user_scram_credential, 0, x_.name = S("alice"); x_.mechanism = 1; x_.salt = S("s");
        x_.iterations = 4096);
    PUT(r, user_scram_credential, 0, x_.name = S("alice"); x_.mechanism = 2; x_.salt = S("s");
        x_.iterations = 4096);
    PUT(r, remove_user_scram_credential, 0, x_.name = S("alice"); x_.mechanism = 2);
    PUT(r, delegation_token, 0, x_.owner = S("User:o"); x_.requester = S("User:o"); x_.renewers = &renewer;
        x_.renewers_n = 1; x_.token_id = S("id1"));
    PUT(r, delegation_token, 0, x_.owner = S("User:o"); x_.requester = S("User:o"); x_.token_id = S("id2"));
    PUT(r, remove_delegation_token, 0, x_.token_id = S("id2"));
    PUT(r, zk_migration_state, 0, (void)x_);
    PUT(r, no_op, 0, (void)x_);
}

static int take(void *arg, struct slice value, int64_t offset, int control)
{
    struct rig *r = arg;
    (void)offset;
    return control >= 0 ? 0 : image_apply(&r->im, value, r->offset++, r->why);
}

static void count_change(void *arg, int8_t type, struct slice resource)
{
    int *n = arg;
    n[type == 2 ? 0 : 1] += resource.n > 0;
}

TEST(changes_of_one_resource_that_follow_each_other_are_told_as_one_in_a_batch)
{
    struct rig r;
    int told[2] = {0, 0};
    rig_init(&r);
    r.im.config_changed = count_change;
    r.im.arg = told;
    ctl_set_config(2, S("t"), S("b"), S("1"), &r.rs);
    ctl_set_config(2, S("t"), S("a"), S("2"), &r.rs);
    ctl_set_config(4, S("1"), S("c"), S("3"), &r.rs);
    image_batch_begin(&r.im);
    CHECK_INT(run(&r), 0);
    CHECK(told[0] == 1 && told[1] == 0);
    image_batch_end(&r.im);
    CHECK(told[0] == 1 && told[1] == 1);
    const struct image_configs *c = image_configs(&r.im, 2, S("t"));
    CHECK(slice_eq_cstr(image_config(c, S("a")), "2") && slice_eq_cstr(image_config(c, S("b")), "1"));
    CHECK(!image_config(c, S("aa")).p && !image_config(c, S("c")).p);
    ctl_set_config(2, S("t"), S("b"), S("3"), &r.rs);
    CHECK_INT(run(&r), 0);
    CHECK_INT(told[0], 2);
    rig_fini(&r);
}

TEST(names_that_share_a_metric_are_found_until_the_topic_goes)
{
    struct rig r;
    rig_init(&r);
    PUT(&r, topic, 0, x_.name = S("a.b_c"), x_.topic_id = ID(1));
    PUT(&r, topic, 0, x_.name = S("plain"), x_.topic_id = ID(2));
    CHECK_INT(run(&r), 0);
    CHECK(image_topic_colliding(&r.im, S("a_b.c")) == image_topic(&r.im, S("a.b_c")));
    CHECK(!image_topic_colliding(&r.im, S("a_bxc")) && !image_topic_colliding(&r.im, S("a-b_c")));
    CHECK(!image_topic_colliding(&r.im, S("plain")));
    PUT(&r, remove_topic, 0, x_.topic_id = ID(1));
    CHECK_INT(run(&r), 0);
    CHECK(!image_topic_colliding(&r.im, S("a_b.c")));
    rig_fini(&r);
}

TEST(an_image_of_every_record_comes_back_whole_from_its_snapshot)
{
    struct rig a, b;
    struct quorum q = {0};
    struct kp_writer bytes;
    int64_t last_ms;
    rig_init(&a);
    rig_init(&b);
    put_everything(&a);
    CHECK_INT(run(&a), 0);
    struct image_topic *t = image_topic(&a.im, S("t"));
    CHECK(t && !image_topic(&a.im, S("gone")));
    CHECK_INT(t->parts[1].leader, 2);
    CHECK_INT(t->parts[1].leader_epoch, 1);
    CHECK_INT(t->parts[1].isr_n, 1);
    CHECK_INT(t->parts[1].elr_n, 1);
    CHECK_INT(t->parts[1].adding_n, 1);
    CHECK(uuid_eq(t->parts[1].dirs[1], ID(102)));
    CHECK_INT(a.im.brokers_n, 2);
    CHECK(!image_broker(&a.im, 1)->fenced && image_broker(&a.im, 2)->fenced);
    CHECK_INT(image_broker(&a.im, 1)->cordoned_n, 1);
    static const int count[IMAGE_KINDS_N] = {1, 1, 1, 1, 1};
    for (int k = 0; k < IMAGE_KINDS_N; k++) {
        int n;
        free(image_facts(&a.im, (enum image_kind)k, &n));
        CHECK_INT(n, count[k]);
    }
    image_write(&a.im, &a.rs);
    quorum_found(&q, 1, ID(3), "CONTROLLER", "localhost", 9093);
    CHECK_INT(quorum_only_voter(&q), 1);
    kp_writer_init(&bytes, 0);
    snapshot_write(&a.rs, &q, 4, 77, 88, &bytes);
    CHECK_INT(snapshot_read(kp_writer_slice(&bytes), &last_ms, take, &b, b.why), 0);
    CHECK_INT(last_ms, 77);
    image_write(&b.im, &b.rs);
    CHECK(slice_eq(kp_writer_slice(&a.rs.w), kp_writer_slice(&b.rs.w)));
    for (size_t n = 0; n < bytes.n; n++) /* cut anywhere, it is no snapshot, and nothing of it is taken */
        CHECK_INT(snapshot_read(slice_of(bytes.p, n), &last_ms, take, NULL, b.why), ERR_FORMAT);
    bytes.p[bytes.n / 2] ^= 1;
    CHECK_INT(snapshot_read(kp_writer_slice(&bytes), &last_ms, take, NULL, b.why), ERR_FORMAT);
    kp_writer_fini(&bytes);
    quorum_fini(&q);
    rig_fini(&a);
    rig_fini(&b);
}

TEST(records_of_a_transaction_count_when_it_ends_and_never_when_it_is_aborted)
{
    struct rig r;
    rig_init(&r);
    PUT(&r, begin_transaction, 0, (void)x_);
    PUT(&r, topic, 0, x_.name = S("a"); x_.topic_id = ID(1));
    CHECK_INT(run(&r), 0);
    CHECK(!image_topic(&r.im, S("a")) && r.im.in_transaction);
    CHECK_INT(r.im.offset, 1);
    PUT(&r, end_transaction, 0, (void)x_);
    CHECK_INT(run(&r), 0);
    CHECK(image_topic(&r.im, S("a")) && !r.im.in_transaction);
    PUT(&r, begin_transaction, 0, (void)x_);
    PUT(&r, topic, 0, x_.name = S("b"); x_.topic_id = ID(2));
    PUT(&r, abort_transaction, 0, (void)x_);
    CHECK_INT(run(&r), 0);
    CHECK(!image_topic(&r.im, S("b")) && !r.im.in_transaction);
    PUT(&r, end_transaction, 0, (void)x_); /* of none */
    CHECK_INT(run(&r), ERR_FORMAT);
    rig_fini(&r);
}

TEST(what_is_not_known_is_refused_by_name)
{
    struct rig r;
    rig_init(&r);
    struct kp_feature_level_record f = {S("metadata.version"), 31}, g = {S("no.such.version"), 2};
    ctl_put(&r.rs, &kp_feature_level_record_message, 0, &f);
    CHECK_INT(run(&r), ERR_UNSUPPORTED_VERSION);
    CHECK(strstr(r.why, "metadata.version has level 31"));
    ctl_put(&r.rs, &kp_feature_level_record_message, 0, &g);
    CHECK_INT(run(&r), ERR_UNSUPPORTED_VERSION);
    CHECK(strstr(r.why, "no.such.version (level 2)"));
    for (int held = 0; held < 2; held++) {
        static const uint8_t type99[] = {1, 99, 0, 0}, version9[] = {1, KP_TOPIC_RECORD_KEY, 9, 0};
        if (held) PUT(&r, begin_transaction, 0, (void)x_);
        CHECK_INT(run(&r), 0);
        CHECK_INT(image_apply(&r.im, slice_of(type99, 4), 1234, r.why), ERR_UNSUPPORTED_VERSION);
        CHECK(strstr(r.why, "record 1234 (type 99, version 0)"));
        CHECK_INT(image_apply(&r.im, slice_of(version9, 4), 1235, r.why), ERR_UNSUPPORTED_VERSION);
    }
    rig_fini(&r);
}

/* The first error of a draft of what was put, and of nothing else. */
static int judge(struct rig *r)
{
    struct image_draft d;
    int rc = 0;
    image_draft_init(&d, &r->im);
    for (int i = 0; i < r->rs.n && rc == 0; i++)
        rc = image_draft_put(&d, ctl_record(&r->rs, i), r->offset + i, r->why);
    image_draft_fini(&d);
    return rc;
}

TEST(a_batch_is_judged_by_what_the_records_before_add)
{
    struct rig r;
    int32_t ids[2] = {1, 2};
    struct uuid dirs[2] = {ID(101), ID(102)};
    rig_init(&r);
    PUT(&r, topic, 0, x_.name = S("t"); x_.topic_id = ID(1));
    CHECK_INT(judge(&r), 0);
    PUT(&r, partition, 2, x_.partition_id = 0; x_.topic_id = ID(1); x_.replicas = ids; x_.replicas_n = 1);
    PUT(&r, partition, 2, x_.topic_id = ID(1); x_.partition_id = 1; x_.replicas = ids; x_.replicas_n = 2);
    PUT(&r, partition_change, 2, x_.topic_id = ID(1); x_.partition_id = 1; x_.directories = dirs;
        x_.directories_n = 2);
    PUT(&r, clear_elr, 0, x_.topic_name = S("t"));
    PUT(&r, register_broker, 4, x_.broker_id = 7);
    PUT(&r, fence_broker, 0, x_.id = 7);
    CHECK_INT(judge(&r), 0);
    CHECK(!image_topic(&r.im, S("t")) && !r.im.brokers_n);
    int n = r.rs.n;
    PUT(&r, partition, 2, x_.topic_id = ID(1); x_.partition_id = 3);
    CHECK_INT(judge(&r), ERR_FORMAT);
    CHECK(strstr(r.why, "metadata record 7 (type 3, version 2, PartitionRecord partition 3 of topic id "));
    ctl_records_cut(&r.rs, n);
    PUT(&r, partition_change, 2, x_.partition_id = 0; x_.topic_id = ID(1); x_.directories = dirs;
        x_.directories_n = 2);
    CHECK_INT(judge(&r), ERR_FORMAT);
    ctl_records_cut(&r.rs, n);
    PUT(&r, topic, 0, x_.name = S("t"); x_.topic_id = ID(2));
    CHECK_INT(judge(&r), ERR_FORMAT);
    ctl_records_cut(&r.rs, n);
    PUT(&r, remove_topic, 0, x_.topic_id = ID(1));
    PUT(&r, unregister_broker, 0, x_.broker_id = 7);
    n = r.rs.n;
    PUT(&r, clear_elr, 0, x_.topic_name = S("t"));
    CHECK_INT(judge(&r), ERR_FORMAT);
    ctl_records_cut(&r.rs, n);
    PUT(&r, unfence_broker, 0, x_.id = 7);
    CHECK_INT(judge(&r), ERR_FORMAT);
    ctl_records_cut(&r.rs, n);
    PUT(&r, topic, 0, x_.name = S("t"); x_.topic_id = ID(2));
    CHECK_INT(judge(&r), 0);
    CHECK_INT(run(&r), 0); /* and so it is applied */
    CHECK(uuid_eq(image_topic(&r.im, S("t"))->id, ID(2)));
    PUT(&r, remove_topic, 0, x_.topic_id = ID(2));
    PUT(&r, partition, 2, x_.partition_id = 0; x_.topic_id = ID(2));
    CHECK_INT(judge(&r), ERR_FORMAT);
    rig_fini(&r);
}

TEST(a_transaction_with_a_record_that_does_not_fit_is_refused_whole)
{
    struct rig r;
    rig_init(&r);
    PUT(&r, begin_transaction, 0, (void)x_);
    PUT(&r, topic, 0, x_.name = S("a"); x_.topic_id = ID(1));
    PUT(&r, fence_broker, 0, x_.id = 9);
    CHECK_INT(judge(&r), 0);
    CHECK_INT(run(&r), 0);
    PUT(&r, end_transaction, 0, (void)x_);
    CHECK_INT(judge(&r), ERR_FORMAT);
    CHECK_INT(run(&r), ERR_FORMAT);
    CHECK(!image_topic(&r.im, S("a")) && r.im.in_transaction && r.im.held_n == 2);
    PUT(&r, abort_transaction, 0, (void)x_);
    PUT(&r, begin_transaction, 0, (void)x_);
    PUT(&r, topic, 0, x_.name = S("a"); x_.topic_id = ID(1));
    PUT(&r, end_transaction, 0, (void)x_);
    PUT(&r, clear_elr, 0, x_.topic_name = S("a"));
    CHECK_INT(judge(&r), 0);
    CHECK_INT(run(&r), 0);
    CHECK(image_topic(&r.im, S("a")) && !r.im.in_transaction);
    rig_fini(&r);
}

TEST(any_byte_in_a_name_or_value_comes_back_from_a_snapshot)
{
    struct rig a, b;
    struct slice zero = slice_of("g\0h", 3), other = slice_of("g\0i", 3), empty = slice_of("", 0);
    rig_init(&a);
    rig_init(&b);
    ctl_set_config(32, zero, zero, slice_of("1\0", 2), &a.rs);
    ctl_set_config(32, other, zero, slice_of("\0", 1), &a.rs);
    ctl_set_config(32, other, other, empty, &a.rs);
    ctl_set_config(32, S("g"), S("g"), S("v"), &a.rs);
    CHECK_INT(run(&a), 0);
    image_write(&a.im, &b.rs);
    CHECK_INT(run(&b), 0);
    CHECK(slice_eq(image_config(image_configs(&b.im, 32, zero), zero), slice_of("1\0", 2)));
    CHECK(slice_eq(image_config(image_configs(&b.im, 32, other), zero), slice_of("\0", 1)));
    CHECK(image_config(image_configs(&b.im, 32, other), other).p);
    CHECK(!image_config(image_configs(&b.im, 32, other), S("g")).p);
    CHECK_INT(image_configs(&b.im, 32, S("g"))->n, 1);
    ctl_set_config(32, other, zero, (struct slice){0}, &b.rs);
    CHECK_INT(run(&b), 0);
    CHECK_INT(image_configs(&b.im, 32, other)->n, 1);
    rig_fini(&a);
    rig_fini(&b);
}

TEST(names_that_would_leave_the_log_directory_are_malformed)
{
    struct rig r;
    static const char *const names[] = {"../x", "a/b", "", ".."};
    rig_init(&r);
    for (size_t i = 0; i < NELEMS(names); i++) {
        PUT(&r, topic, 0, x_.name = S(names[i]); x_.topic_id = ID(1));
        CHECK_INT(run(&r), ERR_FORMAT);
    }
    rig_fini(&r);
}

static struct uuid found(void *arg, const struct image_topic *t, int32_t index, struct uuid told)
{
    (void)arg, (void)t;
    return index == 2 ? (struct uuid){{0}} : index == 0 ? ID(102) : told;
}

TEST(the_only_node_leads_what_it_was_in_sync_with)
{
    struct rig r;
    struct conf conf;
    struct strbuf err;
    rig_init(&r);
    conf_init(&conf);
    strbuf_init(&err);
    CHECK_INT(conf_finish(&conf, &err, &err), 0);
    put_everything(&r);
    CHECK_INT(run(&r), 0);
    struct ctl_now now = {.conf = &conf, .node_id = 1};
    ctl_take_over(&r.im, &now, found, NULL, &r.rs);
    CHECK_INT(run(&r), 0);
    const struct image_part *p = image_topic(&r.im, S("t"))->parts;
    CHECK(image_broker(&r.im, 2)->fenced);
    CHECK_INT(p[0].leader, 1); /* of three in sync it is the one that is there; it lies elsewhere than told */
    CHECK_INT(p[0].isr_n, 1);
    CHECK(uuid_eq(p[0].dirs[0], ID(102)) && uuid_eq(p[0].dirs[1], ID(102)));
    CHECK_INT(p[1].leader, 1); /* eligible */
    CHECK_INT(p[1].elr_n, 0);
    CHECK_INT(p[2].leader, -1); /* its directory is not there */
    CHECK_INT(p[2].isr_n, 3);
    ctl_take_over(&r.im, &now, found, NULL, &r.rs);
    CHECK_INT(r.rs.n, 0); /* nothing is left to change */
    conf_fini(&conf);
    strbuf_fini(&err);
    rig_fini(&r);
}

/* Asks for one feature and applies what comes of it. */
static int update(struct rig *r, const struct ctl_now *now, const char *feature, int16_t level, int8_t type)
{
    struct kp_update_features_request_feature_update_key u = {
        .feature = S(feature), .max_version_level = level, .upgrade_type = type};
    struct kp_update_features_request q = {.feature_updates = &u, .feature_updates_n = 1};
    struct strbuf why;
    strbuf_init(&why);
    int rc = ctl_update_features(&r->im, now, &q, &r->rs, &why);
    if (!rc != !why.n) rc = -1; /* an error has a sentence, nothing else has one */
    strbuf_fini(&why);
    if (rc) ctl_records_cut(&r->rs, 0);
    return rc ? rc : run(r);
}

TEST(features_change_as_far_as_every_broker_goes_along)
{
    struct rig r;
    struct conf conf;
    struct strbuf err;
    struct kp_register_broker_record_broker_feature old[2] = {{S("metadata.version"), 7, 25},
                                                              {S("transaction.version"), 0, 2}};
    rig_init(&r);
    conf_init(&conf);
    strbuf_init(&err);
    CHECK_INT(conf_finish(&conf, &err, &err), 0);
    struct ctl_now now = {.conf = &conf, .node_id = 1};
    ctl_bootstrap_features(17, &r.rs);
    ctl_register_broker(&r.im, &now, ID(1), 1, &r.rs);
    ctl_set_config(4, S("1"), S("min.insync.replicas"), S("2"), &r.rs);
    PUT(&r, register_broker, 3, x_.broker_id = 2; x_.features = old; x_.features_n = 2);
    CHECK_INT(run(&r), 0);
    CHECK_INT(update(&r, &now, "eligible.leader.replicas.version", 1, 1), ERR_INVALID_UPDATE_VERSION);
    CHECK_INT(update(&r, &now, "metadata.version", 30, 1), ERR_INVALID_UPDATE_VERSION); /* broker 2 */
    CHECK_INT(update(&r, &now, "metadata.version", 25, 1), 0);
    CHECK_INT(image_metadata_version(&r.im), 25);
    CHECK_INT(update(&r, &now, "share.version", 1, 1), ERR_INVALID_UPDATE_VERSION); /* broker 2 */
    CHECK_INT(update(&r, &now, "share.version", 0, 1), 0);
    CHECK_INT(update(&r, &now, "transaction.version", 2, 1), 0);
    CHECK_INT(update(&r, &now, "transaction.version", 1, 1), ERR_INVALID_UPDATE_VERSION);
    CHECK_INT(update(&r, &now, "transaction.version", 1, 2), 0);
    CHECK_INT(image_feature(&r.im, "transaction.version"), 1);
    CHECK_INT(ctl_unregister_broker(&r.im, &now, 1, &r.rs, &err), ERR_INVALID_REQUEST); /* itself */
    CHECK_INT(ctl_unregister_broker(&r.im, &now, 3, &r.rs, &err), ERR_BROKER_ID_NOT_REGISTERED);
    CHECK_INT(r.rs.n, 0);
    CHECK_INT(ctl_unregister_broker(&r.im, &now, 2, &r.rs, &err), 0);
    CHECK_INT(run(&r), 0);
    CHECK(!image_broker(&r.im, 2));
    CHECK_INT(update(&r, &now, "metadata.version", 30, 1), 0);
    CHECK_INT(update(&r, &now, "metadata.version", 29, 2),
              ERR_INVALID_UPDATE_VERSION); /* 30 has records of its own */
    CHECK_INT(update(&r, &now, "eligible.leader.replicas.version", 1, 1), 0);
    struct slice name = S("min.insync.replicas");
    CHECK(!image_config(image_configs(&r.im, 4, S("1")), name).p);
    CHECK(slice_eq(image_config(image_configs(&r.im, 4, S("")), name), S("1")));
    CHECK_INT(update(&r, &now, "kraft.version", 1, 1), ERR_INVALID_UPDATE_VERSION);
    CHECK_INT(update(&r, &now, "kraft.version", 0, 1), 0);
    CHECK_INT(update(&r, &now, "group.version", 1, 0), ERR_INVALID_UPDATE_VERSION);
    CHECK_INT(update(&r, &now, "no.such.version", 0, 1), ERR_INVALID_UPDATE_VERSION);
    conf_fini(&conf);
    strbuf_fini(&err);
    rig_fini(&r);
}

TEST(names_of_snapshots_and_quorum_states_are_read_back)
{
    char name[SNAPSHOT_NAME_BYTES];
    int64_t offset;
    int32_t epoch;
    struct strbuf b;
    static const char *const bad[] = {
        "", "00000000000000000000-0000000000.checkpoint.part", "99999999999999999999-0000000000.checkpoint",
        "00000000000000000000-9999999999.checkpoint", "x0000000000000000000-0000000000.checkpoint"};
    snapshot_name(1234567, 42, name);
    CHECK_STR(name, "00000000000001234567-0000000042.checkpoint");
    CHECK(snapshot_name_parse(name, &offset, &epoch));
    CHECK_INT(offset, 1234567);
    CHECK_INT(epoch, 42);
    for (size_t i = 0; i < NELEMS(bad); i++) CHECK(!snapshot_name_parse(bad[i], &offset, &epoch));
    for (int16_t version = 0; version < 2; version++) {
        strbuf_init(&b);
        quorum_state_write(&b, version, 3, 17);
        CHECK_INT(quorum_state_read(strbuf_slice(&b), &epoch), 0);
        CHECK_INT(epoch, 17);
        strbuf_fini(&b);
    }
    CHECK_INT(quorum_state_read(S("{\"leaderEpoch\":}"), &epoch), ERR_FORMAT);
    CHECK_INT(quorum_state_read(S("{\"leaderEpoch\":99999999999}"), &epoch), ERR_FORMAT);
    CHECK_INT(quorum_state_read(S("{\"leaderEpoch\":7"), &epoch), ERR_FORMAT);
}

TEST(new_partitions_go_where_the_fewest_are)
{
    struct rig r;
    struct conf conf;
    struct prng prng;
    struct strbuf err;
    struct ctl_dir dirs[3] = {{ID(101), 0}, {ID(102), 0}, {ID(103), 0}};
    struct uuid id;
    int32_t n;
    rig_init(&r);
    conf_init(&conf);
    strbuf_init(&err);
    CHECK_INT(conf_finish(&conf, &err, &err), 0);
    prng_init(&prng, 1);
    put_everything(&r);
    CHECK_INT(run(&r), 0); /* node 1 has three partitions in the first */
    struct ctl_now now = {.prng = &prng, .conf = &conf, .node_id = 1, .dirs = dirs, .dirs_n = 3};
    ctl_count_dirs(&r.im, &now);
    CHECK_INT(dirs[0].parts_n, 3);
    struct kp_create_topics_request_creatable_topic t = {
        .name = S("u"), .num_partitions = 6, .replication_factor = 1};
    CHECK_INT(ctl_create_topic(&r.im, &now, &t, &r.rs, &id, &n, &err), 0);
    CHECK_INT(run(&r), 0);
    ctl_count_dirs(&r.im, &now);
    for (int i = 0; i < 3; i++) CHECK_INT(dirs[i].parts_n, 3);
    conf_fini(&conf);
    strbuf_fini(&err);
    rig_fini(&r);
}

TEST(a_topic_of_many_partitions_does_not_move_with_each_of_them)
{
    struct rig r;
    const struct image_part *at = NULL;
    int moves = 0;
    rig_init(&r);
    PUT(&r, topic, 0, x_.name = S("wide"); x_.topic_id = ID(1));
    CHECK_INT(run(&r), 0);
    for (int32_t i = 0; i < 4000; i++) {
        int32_t one = 1;
        PUT(&r, partition, 0, x_.partition_id = i; x_.topic_id = ID(1); x_.replicas = &one; x_.replicas_n = 1;
            x_.isr = &one; x_.isr_n = 1; x_.leader = 1);
        CHECK_INT(run(&r), 0);
        const struct image_topic *t = image_topic(&r.im, S("wide"));
        CHECK_INT(t->parts_n, i + 1);
        moves += t->parts != at;
        at = t->parts;
    }
    CHECK(moves <= 13);
    rig_fini(&r);
}
