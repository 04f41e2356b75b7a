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

/* ---- DescribeTopicPartitions (KIP-966) ---- */
typedef struct kp_describe_topic_partitions_response_describe_topic_partitions_response_topic described_topic;
typedef struct kp_describe_topic_partitions_response_describe_topic_partitions_response_partition
    described_partition;

static int cmp_slice(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* A cursor that this request cannot have got: every topic is told so. */
static bool cursor_fits(const struct kp_describe_topic_partitions_request *in)
{
    bool listed = in->topics_n == 0;
    for (int32_t i = 0; in->cursor && i < in->topics_n; i++)
        listed |= slice_eq(in->topics[i].name, in->cursor->topic_name);
    return !in->cursor || (in->cursor->partition_index >= 0 && listed);
}

static void refuse_cursor(struct req *r, const struct kp_describe_topic_partitions_request *in,
                          struct kp_describe_topic_partitions_response *out)
{
    out->topics = arena_zalloc(&r->arena, (size_t)in->topics_n, sizeof *out->topics);
    for (; out->topics_n < in->topics_n; out->topics_n++) {
        described_topic *o = &out->topics[out->topics_n];
        kp_describe_topic_partitions_response_describe_topic_partitions_response_topic_init(o);
        o->name = in->topics[out->topics_n].name;
        o->error_code = KERR_INVALID_REQUEST;
    }
}

/* The topics that are asked for, in the order of their names; all there are if none is named. */
static struct slice *names_of(struct req *r, const struct kp_describe_topic_partitions_request *in, int *n)
{
    struct slice *names;
    *n = in->topics_n;
    if (*n) {
        names = arena_zalloc(&r->arena, (size_t)*n, sizeof *names);
        for (int i = 0; i < *n; i++) names[i] = in->topics[i].name;
        qsort(names, (size_t)*n, sizeof *names, cmp_slice);
        return names;
    }
    struct image_topic **t = image_sorted(&req_broker(r)->image, n);
    names = arena_zalloc(&r->arena, (size_t)*n, sizeof *names);
    for (int i = 0; i < *n; i++) names[i] = slice_cstr(t[i]->name);
    return names;
}

static int16_t unknown_topic(struct slice name)
{
    struct strbuf why;
    strbuf_init(&why);
    int rc = ctl_topic_name_check(name, &why);
    strbuf_fini(&why);
    return rc ? KERR_INVALID_TOPIC_EXCEPTION : KERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void describe_partition(const struct image_part *p, int32_t index, described_partition *q)
{
    kp_describe_topic_partitions_response_describe_topic_partitions_response_partition_init(q);
    q->partition_index = index;
    q->leader_id = p->leader;
    q->leader_epoch = p->leader_epoch;
    q->replica_nodes = p->replicas;
    q->replica_nodes_n = p->replicas_n;
    q->isr_nodes = p->isr;
    q->isr_nodes_n = p->isr_n;
    q->eligible_leader_replicas_n = 0;
    q->last_known_elr_n = 0;
}

/* At most max partitions of a topic from `from` on. Gives the first that is not told, -1 if all are. */
static int32_t describe_topic(struct req *r, struct slice name, int32_t from, int64_t max, described_topic *o)
{
    kp_describe_topic_partitions_response_describe_topic_partitions_response_topic_init(o);
    o->name = name;
    o->topic_authorized_operations = OPERATIONS_TOPIC;
    struct image_topic *t = image_topic(&req_broker(r)->image, name);
    if (!t) {
        o->error_code = unknown_topic(name);
        return -1;
    }
    o->topic_id = t->id;
    o->is_internal = topic_is_internal(name);
    int32_t to = (int32_t)min_i64(t->parts_n, from + max);
    o->partitions = arena_zalloc(&r->arena, (size_t)max_i64(to - from, 0), sizeof *o->partitions);
    for (int32_t k = from; k < to; k++)
        describe_partition(&t->parts[k], k, &o->partitions[o->partitions_n++]);
    return to < t->parts_n ? to : -1;
}

static void set_cursor(struct req *r, struct slice name, int32_t index,
                       struct kp_describe_topic_partitions_response *out)
{
    out->next_cursor = arena_zalloc(&r->arena, 1, sizeof *out->next_cursor);
    *out->next_cursor = (struct kp_describe_topic_partitions_response_cursor){name, index};
}

void api_describe_topic_partitions(struct req *r)
{
    struct kp_describe_topic_partitions_request in;
    struct kp_describe_topic_partitions_response out;
    int n;
    if (!API_READ(r, describe_topic_partitions, &in)) return;
    kp_describe_topic_partitions_response_init(&out);
    if (!cursor_fits(&in)) {
        refuse_cursor(r, &in, &out);
        API_REPLY(r, describe_topic_partitions, &out);
        return;
    }
    struct slice *names = names_of(r, &in, &n);
    int64_t left = max_i64(1, min_i64(in.response_partition_limit,
                                      conf_i64(&req_broker(r)->conf, CONF_MAX_REQUEST_PARTITION_SIZE_LIMIT)));
    out.topics = arena_zalloc(&r->arena, (size_t)n, sizeof *out.topics);
    for (int i = 0; i < n && !out.next_cursor; i++) {
        int d = in.cursor ? slice_cmp(names[i], in.cursor->topic_name) : 1;
        int32_t from = d == 0 ? in.cursor->partition_index : 0;
        if (d < 0 || (i && slice_eq(names[i], names[i - 1]))) continue;
        if (left == 0) {
            set_cursor(r, names[i], from, &out);
            break;
        }
        described_topic *o = &out.topics[out.topics_n++];
        int32_t next = describe_topic(r, names[i], from, left, o);
        left -= o->partitions_n;
        if (next >= 0) set_cursor(r, names[i], next, &out);
    }
    API_REPLY(r, describe_topic_partitions, &out);
}
