/* ElectLeaders. A start has made this node the leader of all it may lead, so what is left to say is who has
 * the leader that was asked for, and who cannot have it. */
#include "api/handlers.h"
#include "kp/elect_leaders.h"

enum { ELECT_PREFERRED = 0, ELECT_UNCLEAN = 1 };

#define ELECTED(f) kp_elect_leaders_response_replica_election_result##f
#define ELECTED_PART kp_elect_leaders_response_partition_result

static struct ELECTED_PART elect(struct req *r, const struct image_topic *t, struct slice name, int32_t index,
                                 int8_t type)
{
    struct ELECTED_PART o = {.partition_id = index};
    struct strbuf why;
    strbuf_init(&why);
    if (type != ELECT_PREFERRED && type != ELECT_UNCLEAN) {
        o.error_code = KERR_INVALID_REQUEST;
        strbuf_printf(&why, "Unknown election type %d", type);
    } else if (!t || index < 0 || index >= t->parts_n) {
        o.error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        strbuf_add_cstr(&why, t ? "No such partition as " : "No such topic as ");
        strbuf_add(&why, name.p, name.n);
        if (t) strbuf_printf(&why, "-%d", index);
    } else {
        const struct image_part *p = &t->parts[index];
        bool there = type == ELECT_UNCLEAN ? p->leader >= 0 : p->replicas_n && p->leader == p->replicas[0];
        o.error_code = there                   ? KERR_ELECTION_NOT_NEEDED
                       : type == ELECT_UNCLEAN ? KERR_ELIGIBLE_LEADERS_NOT_AVAILABLE
                                               : KERR_PREFERRED_LEADER_NOT_AVAILABLE;
        strbuf_add_cstr(&why, kafka_error_text(o.error_code));
    }
    o.error_message = arena_slice_dup(&r->arena, strbuf_slice(&why));
    strbuf_fini(&why);
    return o;
}

static void elect_all(struct req *r, int8_t type, struct kp_elect_leaders_response *out)
{
    int n;
    struct image_topic **t = image_sorted(&req_broker(r)->image, &n);
    out->replica_election_results = arena_zalloc(&r->arena, (size_t)n, sizeof *out->replica_election_results);
    for (int i = 0; i < n; i++) {
        struct ELECTED() *to = &out->replica_election_results[out->replica_election_results_n++];
        ELECTED(_init)(to);
        to->topic = slice_cstr(t[i]->name);
        to->partition_result = arena_zalloc(&r->arena, (size_t)t[i]->parts_n, sizeof *to->partition_result);
        for (int32_t k = 0; k < t[i]->parts_n; k++) {
            struct ELECTED_PART o = elect(r, t[i], to->topic, k, type);
            if (o.error_code != KERR_ELECTION_NOT_NEEDED) to->partition_result[to->partition_result_n++] = o;
        }
    }
}

void api_elect_leaders(struct req *r)
{
    struct kp_elect_leaders_request in;
    struct kp_elect_leaders_response out;
    if (!API_READ(r, elect_leaders, &in)) return;
    kp_elect_leaders_response_init(&out);
    int8_t type = r->version == 0 ? ELECT_PREFERRED : in.election_type;
    bool known = type == ELECT_PREFERRED || type == ELECT_UNCLEAN;
    if (!known && in.topic_partitions_n != 0) out.error_code = KERR_INVALID_REQUEST;
    if (in.topic_partitions_n < 0) {
        if (known) elect_all(r, type, &out);
    } else {
        out.replica_election_results =
            arena_zalloc(&r->arena, (size_t)in.topic_partitions_n, sizeof *out.replica_election_results);
        for (int32_t i = 0; i < in.topic_partitions_n; i++) {
            const struct kp_elect_leaders_request_topic_partitions *q = &in.topic_partitions[i];
            const struct image_topic *t = image_topic(&req_broker(r)->image, q->topic);
            struct ELECTED() *to = &out.replica_election_results[out.replica_election_results_n++];
            ELECTED(_init)(to);
            to->topic = q->topic;
            to->partition_result =
                arena_zalloc(&r->arena, (size_t)q->partitions_n, sizeof *to->partition_result);
            for (int32_t k = 0; k < q->partitions_n; k++)
                to->partition_result[to->partition_result_n++] =
                    elect(r, t, q->topic, q->partitions[k], type);
        }
    }
    API_REPLY(r, elect_leaders, &out);
}
