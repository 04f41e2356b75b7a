#include "cli/group_state.h"
#include "kp/consumer_group_describe.h"
#include "kp/consumer_protocol_assignment.h"
#include "kp/describe_groups.h"
#include "kp/list_groups.h"
#include "kp/list_offsets.h"
#include "kp/offset_fetch.h"

#include <stdio.h>
#include <stdlib.h>

int topic_part_cmp(const void *a, const void *b)
{
    const struct topic_part *x = a, *y = b;
    int c = slice_cmp(x->topic, y->topic);
    return c ? c : (x->part > y->part) - (x->part < y->part);
}

const char *group_error_text(int16_t code)
{
    switch (code) {
    case KERR_GROUP_ID_NOT_FOUND:
        return "The group id does not exist.";
    case KERR_NON_EMPTY_GROUP:
        return "The group is not empty.";
    case KERR_GROUP_SUBSCRIBED_TO_TOPIC:
        return "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to "
               "it.";
    case KERR_UNKNOWN_TOPIC_OR_PARTITION:
        return "This server does not host this topic-partition.";
    case KERR_INVALID_GROUP_ID:
        return "The configured groupId is invalid.";
    case KERR_GROUP_AUTHORIZATION_FAILED:
        return "Not authorized to access group: Group authorization failed.";
    case KERR_UNKNOWN_MEMBER_ID:
        return "The coordinator is not aware of this member.";
    default:
        return kafka_error_text(code);
    }
}

int group_call(struct admin *a, int32_t node, int16_t key, int16_t version_max, const void *req, void *resp)
{
    strbuf_reset(&a->why);
    int rc = client_call(&a->c, node, key, version_max, req, resp, &a->why);
    if (rc)
        snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.%s",
                 rc == ERR_UNSUPPORTED_VERSION ? "UnsupportedVersionException" : "TimeoutException");
    return rc;
}

static void *take(struct admin *a, int32_t n, size_t size)
{
    return arena_zalloc(&a->c.arena, (size_t)(n > 0 ? n : 0) + 1, size);
}

/* ---- members ---- */

static void modern_parts(struct admin *a, const struct kp_consumer_group_describe_response_assignment *in,
                         struct topic_part **out, int32_t *out_n)
{
    int32_t n = 0, at = 0;
    for (int32_t i = 0; i < in->topic_partitions_n; i++) n += in->topic_partitions[i].partitions_n;
    struct topic_part *v = take(a, n, sizeof *v);
    for (int32_t i = 0; i < in->topic_partitions_n; i++)
        for (int32_t k = 0; k < in->topic_partitions[i].partitions_n; k++)
            v[at++] = (struct topic_part){in->topic_partitions[i].topic_name,
                                          in->topic_partitions[i].partitions[k]};
    qsort(v, (size_t)n, sizeof *v, topic_part_cmp);
    *out = v;
    *out_n = n;
}

/* An assignment's bytes: int16 version, then the message. Bytes that are none leave the member without
 * partitions. */
static void classic_parts(struct admin *a, struct slice bytes, struct group_member *m)
{
    struct kp_consumer_protocol_assignment in;
    m->parts = take(a, 0, sizeof *m->parts);
    if (bytes.n < 2) return;
    struct kp_reader r = kp_reader_of(slice_of(bytes.p + 2, bytes.n - 2));
    int16_t version = (int16_t)load_be16(bytes.p);
    if (version < 0 || kp_consumer_protocol_assignment_read(&r, &a->c.arena, version > 3 ? 3 : version, &in))
        return;
    int32_t n = 0;
    for (int32_t i = 0; i < in.assigned_partitions_n; i++) n += in.assigned_partitions[i].partitions_n;
    m->parts = take(a, n, sizeof *m->parts);
    for (int32_t i = 0; i < in.assigned_partitions_n; i++)
        for (int32_t k = 0; k < in.assigned_partitions[i].partitions_n; k++)
            m->parts[m->parts_n++] =
                (struct topic_part){in.assigned_partitions[i].topic, in.assigned_partitions[i].partitions[k]};
    qsort(m->parts, (size_t)m->parts_n, sizeof *m->parts, topic_part_cmp);
}

static void from_modern(struct admin *a, const struct kp_consumer_group_describe_response_described_group *g,
                        struct group_state *out)
{
    out->state = g->group_state;
    out->assignor = g->assignor_name;
    out->epoch = g->group_epoch;
    out->target_epoch = g->assignment_epoch;
    out->modern = true;
    out->members_n = g->members_n;
    out->members = take(a, g->members_n, sizeof *out->members);
    for (int32_t i = 0; i < g->members_n; i++) {
        const struct kp_consumer_group_describe_response_member *in = &g->members[i];
        struct group_member *m = &out->members[i];
        *m = (struct group_member){.id = in->member_id,
                                   .instance_id = in->instance_id,
                                   .host = in->client_host,
                                   .client_id = in->client_id,
                                   .epoch = in->member_epoch,
                                   .classic = in->member_type == 0};
        modern_parts(a, &in->assignment, &m->parts, &m->parts_n);
        modern_parts(a, &in->target_assignment, &m->target, &m->target_n);
    }
}

static void from_classic(struct admin *a, const struct kp_describe_groups_response_described_group *g,
                         struct group_state *out)
{
    out->state = g->group_state;
    out->assignor = g->protocol_data;
    out->members_n = g->members_n;
    out->members = take(a, g->members_n, sizeof *out->members);
    for (int32_t i = 0; i < g->members_n; i++) {
        const struct kp_describe_groups_response_described_group_member *in = &g->members[i];
        out->members[i] = (struct group_member){.id = in->member_id,
                                                .instance_id = in->group_instance_id,
                                                .host = in->client_host,
                                                .client_id = in->client_id};
        classic_parts(a, in->member_assignment, &out->members[i]);
    }
}

int group_describe(struct admin *a, struct slice id, struct group_state *out)
{
    *out = (struct group_state){.id = id};
    strbuf_reset(&a->why);
    int rc = client_group_coordinator(&a->c, id, &out->coordinator, &a->why);
    if (rc) {
        snprintf(a->exception, sizeof a->exception, "org.apache.kafka.common.errors.TimeoutException");
        return rc;
    }
    struct kp_consumer_group_describe_request modern;
    struct kp_consumer_group_describe_response modern_resp;
    kp_consumer_group_describe_request_init(&modern);
    modern.group_ids = &id;
    modern.group_ids_n = 1;
    rc = group_call(a, out->coordinator, KP_API_CONSUMER_GROUP_DESCRIBE, -1, &modern, &modern_resp);
    if (rc && rc != ERR_UNSUPPORTED_VERSION) return rc;
    if (rc == 0 && modern_resp.groups_n == 1 && modern_resp.groups[0].error_code == 0) {
        from_modern(a, &modern_resp.groups[0], out);
        return 0;
    }
    struct kp_describe_groups_request req;
    struct kp_describe_groups_response resp;
    kp_describe_groups_request_init(&req);
    req.groups = &id;
    req.groups_n = 1;
    rc = group_call(a, out->coordinator, KP_API_DESCRIBE_GROUPS, -1, &req, &resp);
    if (rc) return rc;
    if (resp.groups_n != 1) return admin_fail_code(a, KERR_UNKNOWN_SERVER_ERROR, KP_EMPTY);
    const struct kp_describe_groups_response_described_group *g = &resp.groups[0];
    if (g->error_code || slice_eq_cstr(g->group_state, "Dead")) {
        int16_t code = g->error_code ? g->error_code : (int16_t)KERR_GROUP_ID_NOT_FOUND;
        struct strbuf text;
        strbuf_init(&text);
        if (g->error_message.n) strbuf_add(&text, g->error_message.p, g->error_message.n);
        else if (code == KERR_GROUP_ID_NOT_FOUND)
            strbuf_printf(&text, "Group %.*s not found.", (int)id.n, (const char *)id.p);
        else strbuf_add_cstr(&text, group_error_text(code));
        rc = admin_fail_code(a, code, strbuf_slice(&text));
        strbuf_fini(&text);
        return rc;
    }
    from_classic(a, g, out);
    return 0;
}

/* ---- offsets ---- */

struct group_offset *group_offset_find(const struct group_offsets *o, struct topic_part tp)
{
    return o->n ? bsearch(&tp, o->v, (size_t)o->n, sizeof *o->v, topic_part_cmp) : NULL; /* tp comes first */
}

struct group_offset *group_offset_add(struct admin *a, struct group_offsets *o, struct topic_part tp)
{
    if ((o->n & (o->n - 1)) == 0) { /* full at each power of two */
        struct group_offset *v = take(a, o->n ? 2 * o->n : 1, sizeof *v);
        if (o->n) memcpy(v, o->v, (size_t)o->n * sizeof *v);
        o->v = v;
    }
    o->v[o->n] = (struct group_offset){.tp = tp, .committed = -1, .answer = -1, .leader_epoch = -1};
    return &o->v[o->n++];
}

static void add_committed(struct admin *a, struct group_offsets *o, struct slice topic, int32_t part,
                          int64_t offset, int32_t epoch, int16_t error)
{
    if (error || offset < 0) return;
    struct group_offset *g = group_offset_add(a, o, (struct topic_part){topic, part});
    g->committed = offset;
    g->leader_epoch = epoch;
}

int group_committed(struct admin *a, struct slice id, int32_t coordinator, struct group_offsets *out)
{
    struct kp_offset_fetch_request req;
    struct kp_offset_fetch_response resp;
    struct kp_offset_fetch_request_offset_fetch_request_group group = {
        .group_id = id, .member_epoch = -1, .topics_n = -1};
    *out = (struct group_offsets){0};
    kp_offset_fetch_request_init(&req);
    req.group_id = id;
    req.topics_n = -1;
    req.groups = &group;
    req.groups_n = 1;
    int rc = group_call(a, coordinator, KP_API_OFFSET_FETCH, 9, &req, &resp);
    if (rc) return rc;
    if (a->c.version < 8) {
        if (resp.error_code)
            return admin_fail_code(a, resp.error_code, slice_cstr(group_error_text(resp.error_code)));
        for (int32_t i = 0; i < resp.topics_n; i++)
            for (int32_t k = 0; k < resp.topics[i].partitions_n; k++) {
                const struct kp_offset_fetch_response_offset_fetch_response_partition *p =
                    &resp.topics[i].partitions[k];
                add_committed(a, out, resp.topics[i].name, p->partition_index, p->committed_offset,
                              p->committed_leader_epoch, p->error_code);
            }
    } else if (resp.groups_n == 1) {
        const struct kp_offset_fetch_response_offset_fetch_response_group *g = &resp.groups[0];
        if (g->error_code)
            return admin_fail_code(a, g->error_code, slice_cstr(group_error_text(g->error_code)));
        for (int32_t i = 0; i < g->topics_n; i++)
            for (int32_t k = 0; k < g->topics[i].partitions_n; k++) {
                const struct kp_offset_fetch_response_offset_fetch_response_partitions *p =
                    &g->topics[i].partitions[k];
                add_committed(a, out, g->topics[i].name, p->partition_index, p->committed_offset,
                              p->committed_leader_epoch, p->error_code);
            }
    }
    if (out->n) qsort(out->v, (size_t)out->n, sizeof *out->v, topic_part_cmp); /* tp comes first in it */
    return 0;
}

static int topic_cmp(const void *a, const void *b)
{
    const struct kp_metadata_response_metadata_response_topic *x = a, *y = b;
    return slice_cmp(x->name, y->name);
}

/* Topics are sorted. */
static int32_t leader_of(const struct kp_metadata_response *m, struct topic_part tp)
{
    const struct kp_metadata_response_metadata_response_topic key = {.name = tp.topic}, *t;
    t = m->topics_n ? bsearch(&key, m->topics, (size_t)m->topics_n, sizeof key, topic_cmp) : NULL;
    if (!t) return -1;
    /* brokers tell them in order */
    if (tp.part >= 0 && tp.part < t->partitions_n && t->partitions[tp.part].partition_index == tp.part)
        return t->partitions[tp.part].leader_id;
    for (int32_t k = 0; k < t->partitions_n; k++)
        if (t->partitions[k].partition_index == tp.part) return t->partitions[k].leader_id;
    return -1;
}

static int by_partition(const void *a, const void *b)
{
    return topic_part_cmp(*(struct group_offset *const *)a, *(struct group_offset *const *)b);
}

/* The answer for one partition, which may stand there more than once. */
static void take_answer(struct group_offset **v, int32_t n, struct topic_part tp, int64_t answer,
                        int16_t error)
{
    struct group_offset key = {.tp = tp}, *k = &key,
                        **at = bsearch(&k, v, (size_t)n, sizeof *v, by_partition);
    while (at && at > v && topic_part_cmp(at[-1], &tp) == 0) at--;
    for (; at && at < v + n && topic_part_cmp(*at, &tp) == 0; at++) {
        (*at)->answer = answer;
        (*at)->error = error;
    }
}

/* One ListOffsets request to a leader, for those of the sorted partitions that it leads. */
static int ask_leader(struct admin *a, int32_t leader, const int32_t *leaders, struct group_offset **v,
                      int32_t n, int64_t time)
{
    struct kp_list_offsets_request req;
    struct kp_list_offsets_response resp;
    kp_list_offsets_request_init(&req);
    req.replica_id = -1;
    req.timeout_ms = a->timeout_ms;
    req.topics = take(a, n, sizeof *req.topics);
    struct kp_list_offsets_request_list_offsets_partition *next = take(a, n, sizeof *next);
    for (int32_t i = 0; i < n; i++) {
        if (leaders[i] != leader) continue;
        if (!req.topics_n || !slice_eq(req.topics[req.topics_n - 1].name, v[i]->tp.topic)) {
            req.topics[req.topics_n].name = v[i]->tp.topic;
            req.topics[req.topics_n++].partitions = next;
        }
        req.topics[req.topics_n - 1].partitions_n++;
        *next++ = (struct kp_list_offsets_request_list_offsets_partition){
            .partition_index = v[i]->tp.part, .current_leader_epoch = -1, .timestamp = time};
    }
    int rc = group_call(a, leader, KP_API_LIST_OFFSETS, -1, &req, &resp);
    for (int32_t i = 0; rc == 0 && i < resp.topics_n; i++)
        for (int32_t k = 0; k < resp.topics[i].partitions_n; k++) {
            const struct kp_list_offsets_response_list_offsets_partition_response *p =
                &resp.topics[i].partitions[k];
            take_answer(v, n, (struct topic_part){resp.topics[i].name, p->partition_index},
                        p->error_code ? -1 : p->offset, p->error_code);
        }
    return rc;
}

int offsets_of_partitions(struct admin *a, struct group_offsets *o, int64_t time)
{
    struct kp_metadata_response m;
    struct slice *names = take(a, o->n, sizeof *names);
    struct group_offset **v = take(a, o->n, sizeof *v);
    int32_t *leaders = take(a, o->n, sizeof *leaders), names_n = 0;
    if (!o->n) return 0;
    for (int32_t i = 0; i < o->n; i++) {
        v[i] = &o->v[i];
        v[i]->answer = -1;
        v[i]->error = KERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    qsort(v, (size_t)o->n, sizeof *v, by_partition);
    for (int32_t i = 0; i < o->n; i++)
        if (!i || !slice_eq(v[i]->tp.topic, v[i - 1]->tp.topic)) names[names_n++] = v[i]->tp.topic;
    strbuf_reset(&a->why);
    int rc = client_metadata(&a->c, names, names_n, &m, &a->why);
    if (rc == 0 && m.topics_n) qsort(m.topics, (size_t)m.topics_n, sizeof *m.topics, topic_cmp);
    for (int32_t i = 0; i < o->n && rc == 0; i++) leaders[i] = leader_of(&m, v[i]->tp);
    for (int32_t i = 0; rc == 0 && i < m.brokers_n; i++) {
        int32_t id = m.brokers[i].node_id;
        bool leads = false;
        for (int32_t k = 0; k < o->n; k++) leads = leads || leaders[k] == id;
        if (leads) rc = ask_leader(a, id, leaders, v, o->n, time);
    }
    return rc;
}

/* ---- names ---- */

int group_list(struct admin *a, const struct slice *states, int32_t states_n, const struct slice *types,
               int32_t types_n, struct group_listed **out, int32_t *n)
{
    struct kp_metadata_response m;
    struct kp_list_groups_response *resp;
    struct kp_list_groups_request req;
    int32_t total = 0;
    kp_list_groups_request_init(&req);
    req.states_filter = take(a, states_n, sizeof *req.states_filter);
    req.types_filter = take(a, types_n, sizeof *req.types_filter);
    for (int32_t i = 0; i < states_n; i++) req.states_filter[req.states_filter_n++] = states[i];
    for (int32_t i = 0; i < types_n; i++) req.types_filter[req.types_filter_n++] = types[i];
    strbuf_reset(&a->why);
    int rc = client_metadata(&a->c, NULL, 0, &m, &a->why);
    if (rc)
        return admin_fail(a, "org.apache.kafka.common.errors.TimeoutException", "%s", strbuf_cstr(&a->why));
    resp = take(a, m.brokers_n, sizeof *resp);
    for (int32_t i = 0; i < m.brokers_n && rc == 0; i++) {
        rc = group_call(a, m.brokers[i].node_id, KP_API_LIST_GROUPS, -1, &req, &resp[i]);
        if (rc == 0 && resp[i].error_code)
            rc = admin_fail_code(a, resp[i].error_code, slice_cstr(group_error_text(resp[i].error_code)));
        total += resp[i].groups_n;
    }
    if (rc) return rc;
    struct group_listed *v = take(a, total, sizeof *v);
    *out = v;
    *n = 0;
    for (int32_t i = 0; i < m.brokers_n; i++)
        for (int32_t k = 0; k < resp[i].groups_n; k++) {
            const struct kp_list_groups_response_listed_group *g = &resp[i].groups[k];
            if (g->protocol_type.n && !slice_eq_cstr(g->protocol_type, "consumer"))
                continue; /* share, streams, connect */
            if (slice_eq_cstr(g->group_type, "share") || slice_eq_cstr(g->group_type, "streams")) continue;
            v[(*n)++] = (struct group_listed){g->group_id, g->group_state, g->group_type};
        }
    return 0;
}

int group_list_ids(struct admin *a, struct slice **out, int *n)
{
    struct group_listed *v;
    int32_t count;
    int rc = group_list(a, NULL, 0, NULL, 0, &v, &count);
    if (rc) return rc;
    *out = take(a, count, sizeof **out);
    for (int32_t i = 0; i < count; i++) (*out)[i] = v[i].id;
    qsort(*out, (size_t)count, sizeof **out, slice_qsort_cmp);
    *n = count;
    return 0;
}
