/* DescribeQuorum: the metadata quorum of one voter, with the offsets of its log. */
#include "api/handlers.h"
#include "kp/describe_quorum.h"
#include "kp/voters_record.h"

#define METADATA_TOPIC "__cluster_metadata"

struct describing_quorum {
    struct ctl_op op;
    struct req *r;
    struct kp_describe_quorum_response out;
    struct kp_describe_quorum_response_topic_data topic;
    struct kp_describe_quorum_response_partition_data part;
    struct kp_describe_quorum_response_replica_state voter;
    struct kp_describe_quorum_response_node node;
};

/* The voter's directory and listeners as the quorum knows them; a static quorum knows what is configured. */
static void put_voter(struct describing_quorum *d, struct slice record, const struct conf *conf)
{
    struct arena *a = &d->r->arena;
    struct kp_reader in = kp_reader_of(record);
    struct kp_voters_record v;
    const struct conf_listener *l = conf_controller_listener(conf);
    bool found = record.p && kp_voters_record_read(&in, a, 0, &v) == 0 && v.voters_n == 1;
    d->node.node_id = d->voter.replica_id;
    d->node.listeners =
        arena_zalloc(a, found ? (size_t)v.voters[0].endpoints_n : 1, sizeof *d->node.listeners);
    if (found) d->voter.replica_directory_id = v.voters[0].voter_directory_id;
    for (int32_t i = 0; found && i < v.voters[0].endpoints_n; i++)
        d->node.listeners[d->node.listeners_n++] = (struct kp_describe_quorum_response_listener){
            arena_slice_dup(a, v.voters[0].endpoints[i].name),
            arena_slice_dup(a, v.voters[0].endpoints[i].host), v.voters[0].endpoints[i].port};
    if (!found && l)
        d->node.listeners[d->node.listeners_n++] = (struct kp_describe_quorum_response_listener){
            arena_slice_dup(a, slice_cstr(l->name)),
            arena_slice_dup(a, slice_cstr(*l->host ? l->host : "localhost")), (uint16_t)l->port};
}

static void quorum_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    struct describing_quorum *d = CONTAINER_OF(op, struct describing_quorum, op);
    struct controller_progress at;
    (void)rs;
    controller_progress(zero, &at);
    d->part.leader_id = d->voter.replica_id = now->node_id;
    d->part.leader_epoch = at.epoch;
    d->part.high_watermark = d->voter.log_end_offset = at.end_offset;
    d->voter.last_fetch_timestamp = d->voter.last_caught_up_timestamp = os_wall_ms(zero->shard->os);
    put_voter(d, at.voters, &zero->conf);
}

static void quorum_done(struct ctl_op *op, struct shard *home)
{
    struct describing_quorum *d = CONTAINER_OF(op, struct describing_quorum, op);
    (void)home;
    API_REPLY(d->r, describe_quorum, &d->out);
}

/* Another partition than that of the metadata log: each one asked for is unknown. */
static void refuse(struct req *r, const struct kp_describe_quorum_request *in)
{
    struct kp_describe_quorum_response out;
    kp_describe_quorum_response_init(&out);
    out.topics = arena_zalloc(&r->arena, (size_t)in->topics_n, sizeof *out.topics);
    for (int32_t i = 0; i < in->topics_n; i++) {
        struct kp_describe_quorum_response_topic_data *t = &out.topics[out.topics_n++];
        kp_describe_quorum_response_topic_data_init(t);
        t->topic_name = in->topics[i].topic_name;
        t->partitions = arena_zalloc(&r->arena, (size_t)in->topics[i].partitions_n, sizeof *t->partitions);
        for (int32_t k = 0; k < in->topics[i].partitions_n; k++) {
            struct kp_describe_quorum_response_partition_data *p = &t->partitions[t->partitions_n++];
            kp_describe_quorum_response_partition_data_init(p);
            p->partition_index = in->topics[i].partitions[k].partition_index;
            p->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
            p->error_message = slice_cstr(kafka_error_text(p->error_code));
        }
    }
    API_REPLY(r, describe_quorum, &out);
}

void api_describe_quorum(struct req *r)
{
    struct kp_describe_quorum_request in;
    if (!API_READ(r, describe_quorum, &in)) return;
    if (in.topics_n != 1 || !slice_eq_cstr(in.topics[0].topic_name, METADATA_TOPIC) ||
        in.topics[0].partitions_n != 1 || in.topics[0].partitions[0].partition_index != 0) {
        refuse(r, &in);
        return;
    }
    struct describing_quorum *d = arena_zalloc(&r->arena, 1, sizeof *d);
    d->r = r;
    d->op.build = quorum_build;
    d->op.done = quorum_done;
    kp_describe_quorum_response_init(&d->out);
    kp_describe_quorum_response_topic_data_init(&d->topic);
    kp_describe_quorum_response_partition_data_init(&d->part);
    kp_describe_quorum_response_replica_state_init(&d->voter);
    kp_describe_quorum_response_node_init(&d->node);
    d->topic.topic_name = slice_cstr(METADATA_TOPIC);
    d->topic.partitions = &d->part, d->topic.partitions_n = 1;
    d->part.current_voters = &d->voter, d->part.current_voters_n = 1;
    d->out.topics = &d->topic, d->out.topics_n = 1;
    d->out.nodes = &d->node, d->out.nodes_n = 1;
    ctl_submit(req_broker(r), &d->op);
}
