/* Requests that are made in more than one place. */
#include "ask.h"
#include "kp/create_topics.h"
#include "kp/fetch.h"
#include "kp/init_producer_id.h"
#include "kp/offset_commit.h"
#include "kp/offset_fetch.h"
#include "kp/produce.h"

void ask_produce(struct client *c, const char *topic, int32_t partition, int16_t acks,
                 struct batch_builder *b, ask_done *done)
{
    struct kp_writer w;
    struct kp_produce_request q;
    struct kp_produce_request_topic_produce_data t;
    struct kp_produce_request_partition_produce_data d;
    kp_writer_init(&w, 1024);
    ASSERT(batch_finish(b, &w) == 0);
    kp_produce_request_init(&q);
    kp_produce_request_topic_produce_data_init(&t);
    kp_produce_request_partition_produce_data_init(&d);
    q.transactional_id = (struct slice){0};
    q.acks = acks;
    q.timeout_ms = 30000;
    q.topic_data = &t;
    q.topic_data_n = 1;
    t.name = slice_cstr(topic);
    t.partition_data = &d;
    t.partition_data_n = 1;
    d.index = partition;
    d.records.s = kp_writer_slice(&w);
    client_call(c, 0, 8, &q, done);
    kp_writer_fini(&w);
    batch_builder_fini(b);
}

void ask_fetch(struct client *c, const char *topic, int32_t partition, int64_t offset, int32_t wait_ms,
               int32_t bytes_max, ask_done *done)
{
    struct kp_fetch_request q;
    struct kp_fetch_request_fetch_topic t;
    struct kp_fetch_request_fetch_partition p;
    kp_fetch_request_init(&q);
    memset(&t, 0, sizeof t);
    memset(&p, 0, sizeof p);
    q.replica_id = -1;
    q.max_wait_ms = wait_ms;
    q.min_bytes = 1;
    q.max_bytes = bytes_max;
    q.session_epoch = -1;
    q.topics = &t;
    q.topics_n = 1;
    t.topic = slice_cstr(topic);
    t.partitions = &p;
    t.partitions_n = 1;
    p.partition = partition;
    p.current_leader_epoch = -1;
    p.fetch_offset = offset;
    p.log_start_offset = -1;
    p.partition_max_bytes = bytes_max;
    client_call(c, 1, 11, &q, done);
}

void ask_producer_id(struct client *c, ask_done *done)
{
    struct kp_init_producer_id_request q;
    kp_init_producer_id_request_init(&q);
    q.transactional_id = (struct slice){0};
    q.producer_id = -1;
    q.producer_epoch = -1;
    client_call(c, 22, 4, &q, done);
}

#define SETTINGS_MAX 4
void ask_create_topic(struct client *c, const char *topic, int32_t partitions,
                      const char *const (*settings)[2], int32_t n, ask_done *done)
{
    struct kp_create_topics_request_creatable_topic_config configs[SETTINGS_MAX];
    struct kp_create_topics_request_creatable_topic t;
    struct kp_create_topics_request q;
    ASSERT(n <= SETTINGS_MAX);
    kp_create_topics_request_init(&q);
    memset(&t, 0, sizeof t);
    for (int32_t i = 0; i < n; i++) {
        configs[i].name = slice_cstr(settings[i][0]);
        configs[i].value = slice_cstr(settings[i][1]);
    }
    t.name = slice_cstr(topic);
    t.num_partitions = partitions;
    t.replication_factor = 1;
    t.configs = configs;
    t.configs_n = n;
    q.topics = &t;
    q.topics_n = 1;
    q.timeout_ms = 10000;
    client_call(c, 19, 4, &q, done);
}

void ask_commit(struct client *c, const struct ask_member *m, const char *topic, int32_t partition,
                int64_t offset, ask_done *done)
{
    struct kp_offset_commit_request q;
    struct kp_offset_commit_request_offset_commit_request_topic t;
    struct kp_offset_commit_request_offset_commit_request_partition p;
    kp_offset_commit_request_init(&q);
    memset(&t, 0, sizeof t);
    memset(&p, 0, sizeof p);
    q.group_id = slice_cstr(m->group);
    q.generation_id_or_member_epoch = m->generation;
    q.member_id = slice_cstr(m->id);
    q.group_instance_id = m->instance ? slice_cstr(m->instance) : (struct slice){0};
    q.topics = &t;
    q.topics_n = 1;
    t.name = slice_cstr(topic);
    t.partitions = &p;
    t.partitions_n = 1;
    p.partition_index = partition;
    p.committed_offset = offset;
    p.committed_leader_epoch = -1;
    p.committed_metadata = slice_cstr("");
    client_call(c, 8, 7, &q, done);
}

void ask_committed(struct client *c, const char *group, const char *topic, int32_t partition, ask_done *done)
{
    struct kp_offset_fetch_request q;
    struct kp_offset_fetch_request_offset_fetch_request_topic t;
    kp_offset_fetch_request_init(&q);
    memset(&t, 0, sizeof t);
    q.group_id = slice_cstr(group);
    q.topics = &t;
    q.topics_n = 1;
    t.name = slice_cstr(topic);
    t.partition_indexes = &partition;
    t.partition_indexes_n = 1;
    client_call(c, 9, 5, &q, done);
}
