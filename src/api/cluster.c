/* DescribeCluster and DescribeTopicPartitions: the image, page by page. */
#include "api/handlers.h"
#include "kp/describe_cluster.h"
#include "kp/describe_topic_partitions.h"

#include <stdlib.h>

void api_describe_cluster(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_describe_cluster_request in;
    struct kp_describe_cluster_response out;
    if (!API_READ(r, describe_cluster, &in)) return;
    kp_describe_cluster_response_init(&out);
    if (in.endpoint_type != 1) {
        out.error_code =
            in.endpoint_type == 2 ? KERR_MISMATCHED_ENDPOINT_TYPE : KERR_UNSUPPORTED_ENDPOINT_TYPE;
        out.error_message = slice_cstr("this listener belongs to a broker, not to a controller");
    } else {
        if (in.include_cluster_authorized_operations) out.cluster_authorized_operations = OPERATIONS_CLUSTER;
        out.cluster_id = slice_cstr(b->node->cluster_id);
        out.controller_id = b->node->id;
        out.brokers = arena_zalloc(&r->arena, (size_t)b->image.brokers_n, sizeof *out.brokers);
        for (int i = 0; i < b->image.brokers_n; i++) {
            const struct image_broker *ib = &b->image.brokers[i];
            const struct image_endpoint *e = broker_endpoint(b, r->conn, ib->id);
            if (!e || (ib->fenced && !in.include_fenced_brokers)) continue;
            out.brokers[out.brokers_n++] = (struct kp_describe_cluster_response_describe_cluster_broker){
                ib->id, e->host, e->port, ib->rack, ib->fenced};
        }
    }
    API_REPLY(r, describe_cluster, &out);
}

static int cmp_slice(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

void api_describe_topic_partitions(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_describe_topic_partitions_request in;
    struct kp_describe_topic_partitions_response out;
    if (!API_READ(r, describe_topic_partitions, &in)) return;
    kp_describe_topic_partitions_response_init(&out);
    bool listed = in.topics_n == 0;
    for (int32_t i = 0; in.cursor && i < in.topics_n; i++)
        listed |= slice_eq(in.topics[i].name, in.cursor->topic_name);
    if (in.cursor && (in.cursor->partition_index < 0 || !listed)) {
        out.topics = arena_zalloc(&r->arena, (size_t)in.topics_n, sizeof *out.topics);
        for (; out.topics_n < in.topics_n; out.topics_n++) {
            kp_describe_topic_partitions_response_describe_topic_partitions_response_topic_init(
                &out.topics[out.topics_n]);
            out.topics[out.topics_n].name = in.topics[out.topics_n].name;
            out.topics[out.topics_n].error_code = KERR_INVALID_REQUEST;
        }
        API_REPLY(r, describe_topic_partitions, &out);
        return;
    }
    int n = in.topics_n;
    struct slice *names;
    bool all = n == 0;
    if (all) {
        struct image_topic **t = image_sorted(&b->image, &n);
        names = arena_zalloc(&r->arena, (size_t)n, sizeof *names);
        for (int i = 0; i < n; i++) names[i] = slice_cstr(t[i]->name);
    } else {
        names = arena_zalloc(&r->arena, (size_t)n, sizeof *names);
        for (int i = 0; i < n; i++) names[i] = in.topics[i].name;
        qsort(names, (size_t)n, sizeof *names, cmp_slice);
    }
    int64_t left =
        min_i64(in.response_partition_limit, conf_i64(&b->conf, CONF_MAX_REQUEST_PARTITION_SIZE_LIMIT));
    if (left < 1) left = 1;
    out.topics = arena_zalloc(&r->arena, (size_t)n, sizeof *out.topics);
    for (int i = 0; i < n; i++) {
        int32_t from = 0;
        if (i && slice_eq(names[i], names[i - 1])) continue;
        if (in.cursor) {
            int d = slice_cmp(names[i], in.cursor->topic_name);
            if (d < 0) continue;
            if (d == 0) from = in.cursor->partition_index;
        }
        if (left == 0) {
            out.next_cursor = arena_zalloc(&r->arena, 1, sizeof *out.next_cursor);
            *out.next_cursor = (struct kp_describe_topic_partitions_response_cursor){names[i], from};
            break;
        }
        struct kp_describe_topic_partitions_response_describe_topic_partitions_response_topic *o =
            &out.topics[out.topics_n++];
        kp_describe_topic_partitions_response_describe_topic_partitions_response_topic_init(o);
        o->name = names[i];
        o->topic_authorized_operations = OPERATIONS_TOPIC;
        struct image_topic *t = image_topic(&b->image, names[i]);
        if (!t) {
            struct strbuf why;
            strbuf_init(&why);
            o->error_code = ctl_topic_name_check(names[i], &why) ? KERR_INVALID_TOPIC_EXCEPTION
                                                                 : KERR_UNKNOWN_TOPIC_OR_PARTITION;
            strbuf_fini(&why);
            continue;
        }
        o->topic_id = t->id;
        o->is_internal = topic_is_internal(names[i]);
        int32_t to = (int32_t)min_i64(t->parts_n, from + left);
        o->partitions = arena_zalloc(&r->arena, (size_t)max_i64(to - from, 0), sizeof *o->partitions);
        for (int32_t k = from; k < to; k++) {
            struct image_part *p = &t->parts[k];
            struct kp_describe_topic_partitions_response_describe_topic_partitions_response_partition *q =
                &o->partitions[o->partitions_n++];
            kp_describe_topic_partitions_response_describe_topic_partitions_response_partition_init(q);
            q->partition_index = k;
            q->leader_id = p->leader;
            q->leader_epoch = p->leader_epoch;
            q->replica_nodes = p->replicas;
            q->replica_nodes_n = p->replicas_n;
            q->isr_nodes = p->isr;
            q->isr_nodes_n = p->isr_n;
            q->eligible_leader_replicas_n = 0;
            q->last_known_elr_n = 0;
            left--;
        }
        if (to < t->parts_n) {
            out.next_cursor = arena_zalloc(&r->arena, 1, sizeof *out.next_cursor);
            *out.next_cursor = (struct kp_describe_topic_partitions_response_cursor){names[i], to};
            break;
        }
    }
    API_REPLY(r, describe_topic_partitions, &out);
}
