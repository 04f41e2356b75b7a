/* The requests of groups and their offsets: decode, route to the coordinators, answer. */
#include "api/create.h"
#include "broker/groups.h"
#include "api/handlers.h"
#include "api/seen.h"
#include "api/spread.h"
#include "kp/find_coordinator.h"

#include <stdlib.h>

/* ---- calls of one request ---- */
/* A request asks one or several coordinators; the answer is built when all have answered. */
struct group_request {
    struct req *r;
    int waiting;
    struct group_call *calls; /* [n] */
    int32_t n;
    bool tell_operations; /* DescribeGroups */
    void (*answer)(struct group_request *g);
};

static void cleanup(struct req *r)
{
    struct group_request *g = r->cleanup_arg;
    for (int32_t i = 0; i < g->n; i++) arena_fini(&g->calls[i].arena);
}

static struct group_request *begin(struct req *r, struct group_request *g, int32_t n,
                                   void (*answer)(struct group_request *))
{
    g->r = r;
    g->n = n;
    g->calls = arena_zalloc(&r->arena, (size_t)n, sizeof *g->calls);
    g->answer = answer;
    g->waiting = 1;
    r->cleanup = cleanup;
    r->cleanup_arg = g;
    return g;
}

static void finish(struct group_request *g)
{
    if (--g->waiting == 0) g->answer(g);
}

static void call_done(struct group_call *c)
{
    finish(c->arg);
}

/* The caller has filled calls[i].ev. */
static void send(struct group_request *g, int32_t i, struct slice group)
{
    struct group_call *c = &g->calls[i];
    c->r = g->r;
    c->arg = g;
    c->done = call_done;
    g->waiting++;
    group_call_send(c, group);
}

/* ---- one group, one answer ---- */
#define ANSWER(name)                                                                                         \
    static void answer_##name(struct group_request *g)                                                       \
    {                                                                                                        \
        API_REPLY(g->r, name, g->calls[0].response);                                                         \
    }
#define SIMPLE(name, TYPE, field, answer)                                                                    \
    void api_##name(struct req *r)                                                                           \
    {                                                                                                        \
        struct kp_##name##_request *in = arena_zalloc(&r->arena, 1, sizeof *in);                             \
        if (!API_READ(r, name, in)) return;                                                                  \
        struct group_request *g = begin(r, arena_zalloc(&r->arena, 1, sizeof *g), 1, answer);                \
        g->calls[0].ev.type = TYPE;                                                                          \
        g->calls[0].ev.field = in;                                                                           \
        client_of(r, &g->calls[0].ev);                                                                       \
        send(g, 0, in->group_id);                                                                            \
        finish(g);                                                                                           \
    }

static void client_of(struct req *r, struct grp_event *ev)
{
    const char *colon = strrchr(r->conn->peer, ':');
    ev->client_id = r->client_id.p ? r->client_id : slice_cstr("");
    ev->client_host =
        slice_cstr(arena_printf(&r->arena, "/%.*s", (int)(colon ? colon - r->conn->peer : 0), r->conn->peer));
}

/* An error names no protocol; null has been allowed for that since version 7. */
static void answer_join(struct group_request *g)
{
    struct kp_join_group_response out = *(const struct kp_join_group_response *)g->calls[0].response;
    if (out.error_code && g->r->version >= 7) out.protocol_name = (struct slice){0};
    API_REPLY(g->r, join_group, &out);
}

SIMPLE(join_group, GRP_JOIN, join, answer_join)
ANSWER(sync_group)
SIMPLE(sync_group, GRP_SYNC, sync, answer_sync_group)
ANSWER(heartbeat)
SIMPLE(heartbeat, GRP_HEARTBEAT, heartbeat, answer_heartbeat)
ANSWER(leave_group)
SIMPLE(leave_group, GRP_LEAVE, leave, answer_leave_group)

/* ---- OffsetDelete: partitions that do not exist are refused here, the rest is the coordinator's ---- */
struct offset_deletion {
    struct group_request g;
    struct kp_offset_delete_request in, known;
};

static bool partition_exists(struct req *r, struct slice topic, int32_t index)
{
    struct image_topic *t = image_topic(&req_broker(r)->image, topic);
    return t && index >= 0 && index < t->parts_n;
}

static void answer_offset_delete(struct group_request *g)
{
    struct offset_deletion *d = CONTAINER_OF(g, struct offset_deletion, g);
    struct req *r = g->r;
    const struct kp_offset_delete_response *got = g->calls[0].response;
    struct kp_offset_delete_response out;
    kp_offset_delete_response_init(&out);
    out.error_code = got->error_code;
    out.topics_n = got->error_code ? 0 : d->in.topics_n;
    out.topics = arena_zalloc(&r->arena, (size_t)out.topics_n, sizeof *out.topics);
    for (int32_t i = 0; i < out.topics_n; i++) {
        const struct kp_offset_delete_request_offset_delete_request_topic *t = &d->in.topics[i];
        out.topics[i].name = t->name;
        out.topics[i].partitions_n = t->partitions_n;
        out.topics[i].partitions =
            arena_zalloc(&r->arena, (size_t)t->partitions_n, sizeof *out.topics[i].partitions);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            struct kp_offset_delete_response_offset_delete_response_partition *o =
                &out.topics[i].partitions[k];
            o->partition_index = t->partitions[k].partition_index;
            o->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
            for (int32_t a = 0; a < got->topics_n; a++)
                for (int32_t b = 0; slice_eq(got->topics[a].name, t->name) && b < got->topics[a].partitions_n;
                     b++)
                    if (got->topics[a].partitions[b].partition_index == o->partition_index)
                        o->error_code = got->topics[a].partitions[b].error_code;
        }
    }
    API_REPLY(r, offset_delete, &out);
}

void api_offset_delete(struct req *r)
{
    struct offset_deletion *d = arena_zalloc(&r->arena, 1, sizeof *d);
    if (!API_READ(r, offset_delete, &d->in)) return;
    d->known = d->in;
    d->known.topics = arena_zalloc(&r->arena, (size_t)d->in.topics_n, sizeof *d->known.topics);
    for (int32_t i = 0; i < d->in.topics_n; i++) {
        const struct kp_offset_delete_request_offset_delete_request_topic *t = &d->in.topics[i];
        struct kp_offset_delete_request_offset_delete_request_topic *k = &d->known.topics[i];
        k->name = t->name;
        k->partitions = arena_zalloc(&r->arena, (size_t)t->partitions_n, sizeof *k->partitions);
        for (int32_t p = 0; p < t->partitions_n; p++)
            if (partition_exists(r, t->name, t->partitions[p].partition_index))
                k->partitions[k->partitions_n++] = t->partitions[p];
    }
    begin(r, &d->g, 1, answer_offset_delete);
    d->g.calls[0].ev.type = GRP_OFFSET_DELETE;
    d->g.calls[0].ev.offset_delete = &d->known;
    send(&d->g, 0, d->in.group_id);
    finish(&d->g);
}

/* ---- OffsetCommit ---- */
struct commit {
    struct group_request g;
    struct kp_offset_commit_request in, known;
    int32_t *place; /* of known.topics[i] in in.topics */
};

static void answer_commit(struct group_request *g)
{
    struct commit *c = CONTAINER_OF(g, struct commit, g);
    struct req *r = g->r;
    struct kp_offset_commit_response out;
    kp_offset_commit_response_init(&out);
    out.topics_n = c->in.topics_n;
    out.topics = arena_zalloc(&r->arena, (size_t)c->in.topics_n, sizeof *out.topics);
    const struct kp_offset_commit_response *got = g->n ? g->calls[0].response : NULL;
    for (int32_t i = 0, k = 0; i < c->in.topics_n; i++) {
        struct kp_offset_commit_response_offset_commit_response_topic *o = &out.topics[i];
        o->name = c->in.topics[i].name;
        o->topic_id = c->in.topics[i].topic_id;
        const struct kp_offset_commit_response_offset_commit_response_topic *known = NULL;
        int32_t n = 0; /* of known's partitions, which are those of the request that exist, in order */
        if (got && k < c->known.topics_n && c->place[k] == i) {
            ASSERT(k < got->topics_n);
            known = &got->topics[k++];
        }
        o->partitions_n = c->in.topics[i].partitions_n;
        o->partitions = arena_zalloc(&r->arena, (size_t)o->partitions_n, sizeof *o->partitions);
        for (int32_t p = 0; p < o->partitions_n; p++) {
            o->partitions[p].partition_index = c->in.topics[i].partitions[p].partition_index;
            if (known && n < known->partitions_n &&
                known->partitions[n].partition_index == o->partitions[p].partition_index)
                o->partitions[p].error_code = known->partitions[n++].error_code;
            else
                o->partitions[p].error_code =
                    r->version >= 10 && !known ? KERR_UNKNOWN_TOPIC_ID : KERR_UNKNOWN_TOPIC_OR_PARTITION;
        }
    }
    API_REPLY(r, offset_commit, &out);
}

void api_offset_commit(struct req *r)
{
    struct broker *b = req_broker(r);
    struct commit *c = arena_zalloc(&r->arena, 1, sizeof *c);
    if (!API_READ(r, offset_commit, &c->in)) return;
    c->known = c->in;
    c->known.topics = arena_zalloc(&r->arena, (size_t)c->in.topics_n, sizeof *c->known.topics);
    c->place = arena_zalloc(&r->arena, (size_t)c->in.topics_n, sizeof *c->place);
    c->known.topics_n = 0;
    for (int32_t i = 0; i < c->in.topics_n; i++) {
        struct kp_offset_commit_request_offset_commit_request_topic *t = &c->in.topics[i];
        struct image_topic *it =
            r->version >= 10 ? image_topic_by_id(&b->image, t->topic_id) : image_topic(&b->image, t->name);
        if (!it) continue;
        t->name = arena_slice_dup(&r->arena, slice_cstr(it->name));
        c->place[c->known.topics_n] = i;
        struct kp_offset_commit_request_offset_commit_request_topic *k =
            &c->known.topics[c->known.topics_n++];
        *k = *t;
        k->topic_id = it->id;
        k->partitions = arena_zalloc(&r->arena, (size_t)t->partitions_n, sizeof *k->partitions);
        k->partitions_n = 0;
        for (int32_t p = 0; p < t->partitions_n; p++)
            if (partition_exists(r, t->name, t->partitions[p].partition_index))
                k->partitions[k->partitions_n++] = t->partitions[p];
    }
    bool ask = c->known.topics_n > 0 || c->in.topics_n == 0;
    begin(r, &c->g, ask ? 1 : 0, answer_commit);
    if (ask) {
        c->g.calls[0].ev.type = GRP_OFFSET_COMMIT;
        c->g.calls[0].ev.offset_commit = &c->known;
        client_of(r, &c->g.calls[0].ev);
        send(&c->g, 0, c->in.group_id);
    }
    finish(&c->g);
}

/* ---- OffsetFetch ---- */
struct fetching {
    struct group_request g;
    struct kp_offset_fetch_request in;
    struct kp_offset_fetch_request_offset_fetch_request_group *groups;
};

static void answer_fetch(struct group_request *g)
{
    struct fetching *f = CONTAINER_OF(g, struct fetching, g);
    struct req *r = g->r;
    struct broker *b = req_broker(r);
    struct kp_offset_fetch_response out;
    kp_offset_fetch_response_init(&out);
    if (r->version >= 8) {
        out.groups_n = g->n;
        out.groups = arena_zalloc(&r->arena, (size_t)g->n, sizeof *out.groups);
        for (int32_t i = 0; i < g->n; i++) {
            out.groups[i] =
                *(const struct kp_offset_fetch_response_offset_fetch_response_group *)g->calls[i].response;
            struct kp_offset_fetch_response_offset_fetch_response_group *o = &out.groups[i];
            if (r->version < 10) continue;
            /* The core speaks names; requested ids are given back as they came. */
            struct kp_offset_fetch_response_offset_fetch_response_topics *topics =
                arena_zalloc(&r->arena, (size_t)(o->topics_n > 0 ? o->topics_n : 0), sizeof *topics);
            int32_t n = 0;
            for (int32_t k = 0; k < o->topics_n; k++) {
                topics[n] = o->topics[k];
                struct image_topic *t = image_topic(&b->image, o->topics[k].name);
                bool unknown = o->topics[k].name.n > 0 && !t;
                if (unknown && f->groups[i].topics_n < 0)
                    continue; /* all topics were asked for, this one is gone */
                if (t) topics[n].topic_id = t->id;
                else if (f->groups[i].topics_n > k) {
                    topics[n].topic_id = f->groups[i].topics[k].topic_id;
                    for (int32_t p = 0; p < topics[n].partitions_n; p++)
                        topics[n].partitions[p].error_code = KERR_UNKNOWN_TOPIC_ID;
                }
                n++;
            }
            o->topics = topics;
            o->topics_n = n;
        }
    } else {
        const struct kp_offset_fetch_response_offset_fetch_response_group *got = g->calls[0].response;
        out.error_code = got->error_code;
        out.topics_n = got->topics_n > 0 ? got->topics_n : 0;
        out.topics = arena_zalloc(&r->arena, (size_t)out.topics_n, sizeof *out.topics);
        for (int32_t i = 0; i < out.topics_n; i++) {
            out.topics[i].name = got->topics[i].name;
            out.topics[i].partitions_n = got->topics[i].partitions_n;
            out.topics[i].partitions = arena_zalloc(&r->arena, (size_t)got->topics[i].partitions_n,
                                                    sizeof *out.topics[i].partitions);
            for (int32_t k = 0; k < got->topics[i].partitions_n; k++) {
                const struct kp_offset_fetch_response_offset_fetch_response_partitions *p =
                    &got->topics[i].partitions[k];
                out.topics[i].partitions[k] =
                    (struct kp_offset_fetch_response_offset_fetch_response_partition){
                        p->partition_index, p->committed_offset, p->committed_leader_epoch, p->metadata,
                        p->error_code};
            }
        }
        if (got->error_code && out.topics_n == 0 && r->version < 2) {
            /* v1 has no error of its own: every partition carries it. */
            out.topics_n = f->in.topics_n > 0 ? f->in.topics_n : 0;
            out.topics = arena_zalloc(&r->arena, (size_t)out.topics_n, sizeof *out.topics);
            for (int32_t i = 0; i < out.topics_n; i++) {
                out.topics[i].name = f->in.topics[i].name;
                out.topics[i].partitions_n = f->in.topics[i].partition_indexes_n;
                out.topics[i].partitions = arena_zalloc(&r->arena, (size_t)out.topics[i].partitions_n,
                                                        sizeof *out.topics[i].partitions);
                for (int32_t k = 0; k < out.topics[i].partitions_n; k++)
                    out.topics[i].partitions[k] =
                        (struct kp_offset_fetch_response_offset_fetch_response_partition){
                            f->in.topics[i].partition_indexes[k], -1, -1, KP_EMPTY, got->error_code};
            }
        }
    }
    API_REPLY(r, offset_fetch, &out);
}

void api_offset_fetch(struct req *r)
{
    struct broker *b = req_broker(r);
    struct fetching *f = arena_zalloc(&r->arena, 1, sizeof *f);
    if (!API_READ(r, offset_fetch, &f->in)) return;
    int32_t n = r->version >= 8 ? f->in.groups_n : 1;
    f->groups = f->in.groups;
    if (r->version < 8) {
        f->groups = arena_zalloc(&r->arena, 1, sizeof *f->groups);
        kp_offset_fetch_request_offset_fetch_request_group_init(f->groups);
        f->groups->group_id = f->in.group_id;
        f->groups->topics_n = f->in.topics_n;
        f->groups->topics = arena_zalloc(&r->arena, (size_t)(f->in.topics_n > 0 ? f->in.topics_n : 0),
                                         sizeof *f->groups->topics);
        for (int32_t i = 0; i < f->in.topics_n; i++)
            f->groups->topics[i] = (struct kp_offset_fetch_request_offset_fetch_request_topics){
                .name = f->in.topics[i].name,
                .partition_indexes = f->in.topics[i].partition_indexes,
                .partition_indexes_n = f->in.topics[i].partition_indexes_n};
    }
    for (int32_t i = 0; i < n && r->version >= 10; i++)
        for (int32_t k = 0; k < f->groups[i].topics_n; k++) {
            struct image_topic *t = image_topic_by_id(&b->image, f->groups[i].topics[k].topic_id);
            f->groups[i].topics[k].name = t ? arena_slice_dup(&r->arena, slice_cstr(t->name)) : KP_EMPTY;
        }
    begin(r, &f->g, n, answer_fetch);
    for (int32_t i = 0; i < n; i++) {
        f->g.calls[i].ev.type = GRP_OFFSET_FETCH;
        f->g.calls[i].ev.offset_fetch.group = &f->groups[i];
        f->g.calls[i].ev.offset_fetch.require_stable = f->in.require_stable;
        send(&f->g, i, f->groups[i].group_id);
    }
    finish(&f->g);
}

/* ---- DescribeGroups, DeleteGroups: one call a group ---- */
static void answer_describe(struct group_request *g)
{
    struct req *r = g->r;
    struct kp_describe_groups_response out;
    kp_describe_groups_response_init(&out);
    out.groups = arena_zalloc(&r->arena, (size_t)g->n, sizeof *out.groups);
    for (int32_t i = 0; i < g->n; i++) {
        const struct kp_describe_groups_response *got = g->calls[i].response;
        if (got->groups_n == 0) continue;
        out.groups[out.groups_n] = got->groups[0];
        if (g->tell_operations && !got->groups[0].error_code)
            out.groups[out.groups_n].authorized_operations = OPERATIONS_GROUP;
        out.groups_n++;
    }
    API_REPLY(r, describe_groups, &out);
}

void api_describe_groups(struct req *r)
{
    struct kp_describe_groups_request in;
    if (!API_READ(r, describe_groups, &in)) return;
    struct group_request *g = begin(r, arena_zalloc(&r->arena, 1, sizeof *g), in.groups_n, answer_describe);
    g->tell_operations = in.include_authorized_operations;
    for (int32_t i = 0; i < in.groups_n; i++) {
        struct kp_describe_groups_request *one = arena_zalloc(&r->arena, 1, sizeof *one);
        *one = in;
        one->groups = &in.groups[i];
        one->groups_n = 1;
        g->calls[i].ev.type = GRP_DESCRIBE;
        g->calls[i].ev.describe = one;
        send(g, i, in.groups[i]);
    }
    finish(g);
}

static void answer_delete(struct group_request *g)
{
    struct req *r = g->r;
    struct kp_delete_groups_response out;
    kp_delete_groups_response_init(&out);
    out.results = arena_zalloc(&r->arena, (size_t)g->n, sizeof *out.results);
    for (int32_t i = 0; i < g->n; i++) {
        const struct kp_delete_groups_response *got = g->calls[i].response;
        if (got->results_n > 0) out.results[out.results_n++] = got->results[0];
    }
    API_REPLY(r, delete_groups, &out);
}

void api_delete_groups(struct req *r)
{
    struct kp_delete_groups_request in;
    struct seen seen;
    int32_t n = 0;
    if (!API_READ(r, delete_groups, &in)) return;
    seen_init(&seen, &r->arena, (size_t)in.groups_names_n, prng_next(&req_broker(r)->prng));
    for (int32_t i = 0; i < in.groups_names_n; i++)
        if (seen_note(&seen, in.groups_names[i], 0, i) < 0) in.groups_names[n++] = in.groups_names[i];
    in.groups_names_n = n;
    struct group_request *g =
        begin(r, arena_zalloc(&r->arena, 1, sizeof *g), in.groups_names_n, answer_delete);
    for (int32_t i = 0; i < in.groups_names_n; i++) {
        struct kp_delete_groups_request *one = arena_zalloc(&r->arena, 1, sizeof *one);
        *one = in;
        one->groups_names = &in.groups_names[i];
        one->groups_names_n = 1;
        g->calls[i].ev.type = GRP_DELETE;
        g->calls[i].ev.delete = one;
        send(g, i, in.groups_names[i]);
    }
    finish(g);
}

/* ---- ListGroups: every coordinator ---- */
static void answer_list(struct group_request *g)
{
    struct req *r = g->r;
    struct kp_list_groups_response out;
    int32_t n = 0;
    kp_list_groups_response_init(&out);
    for (int32_t i = 0; i < g->n; i++)
        n += ((const struct kp_list_groups_response *)g->calls[i].response)->groups_n;
    out.groups = arena_zalloc(&r->arena, (size_t)n, sizeof *out.groups);
    for (int32_t i = 0; i < g->n; i++) {
        const struct kp_list_groups_response *got = g->calls[i].response;
        if (got->error_code) out.error_code = got->error_code;
        for (int32_t k = 0; k < got->groups_n; k++) out.groups[out.groups_n++] = got->groups[k];
    }
    API_REPLY(r, list_groups, &out);
}

void api_list_groups(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_list_groups_request *in = arena_zalloc(&r->arena, 1, sizeof *in);
    if (!API_READ(r, list_groups, in)) return;
    struct image_topic *t = image_topic(&b->image, slice_cstr(GROUPS_TOPIC));
    struct group_request *g =
        begin(r, arena_zalloc(&r->arena, 1, sizeof *g), t ? t->parts_n : 0, answer_list);
    for (int32_t i = 0; i < g->n; i++) {
        g->calls[i].ev.type = GRP_LIST;
        g->calls[i].ev.list = in;
        g->calls[i].r = r;
        g->calls[i].arg = g;
        g->calls[i].done = call_done;
        g->waiting++;
        group_call_send_to(&g->calls[i], i);
    }
    finish(g);
}

/* ---- FindCoordinator ---- */
struct finding {
    struct req *r;
    struct kp_find_coordinator_request in;
    struct auto_create create;
    struct slice name;
};

enum { KEY_GROUP, KEY_TRANSACTION, KEY_SHARE };

/* group:topic id:partition */
static bool is_share_key(struct slice key)
{
    struct slice rest = key, part[3];
    for (int i = 0; i < 3; i++) {
        const uint8_t *colon = rest.n ? memchr(rest.p, ':', rest.n) : NULL;
        if ((colon != NULL) != (i < 2)) return false;
        part[i] = slice_of(rest.p, colon ? (size_t)(colon - rest.p) : rest.n);
        if (colon) rest = slice_of(colon + 1, rest.n - part[i].n - 1);
    }
    struct uuid id;
    bool digits = part[2].n > 0 && part[2].n < 10;
    for (size_t i = 0; i < part[2].n; i++) digits &= part[2].p[i] >= '0' && part[2].p[i] <= '9';
    return part[0].n > 0 && digits && uuid_parse(part[1], &id) == 0;
}

static void find_one(struct finding *f, struct slice key, struct kp_find_coordinator_response_coordinator *o)
{
    struct broker *b = req_broker(f->r);
    kp_find_coordinator_response_coordinator_init(o);
    o->key = key;
    o->node_id = -1;
    o->port = -1;
    if (f->in.key_type == KEY_SHARE && !is_share_key(key)) {
        o->error_code = KERR_INVALID_REQUEST;
        return;
    }
    if (f->in.key_type != KEY_GROUP) {
        bool known = f->in.key_type == KEY_TRANSACTION || f->in.key_type == KEY_SHARE;
        o->error_code = known ? KERR_COORDINATOR_NOT_AVAILABLE : KERR_INVALID_REQUEST;
        o->error_message = slice_cstr(kafka_error_text(o->error_code));
        return;
    }
    const struct image_endpoint *e = broker_endpoint(b, f->r->conn, b->node->id);
    if (group_partition(b, key) < 0 || !e) {
        o->error_code = KERR_COORDINATOR_NOT_AVAILABLE;
        o->error_message = slice_cstr(kafka_error_text(o->error_code));
        return;
    }
    o->node_id = b->node->id;
    o->host = slice_cstr(e->host);
    o->port = e->port;
}

static void answer_find(struct finding *f)
{
    struct req *r = f->r;
    struct kp_find_coordinator_response out;
    kp_find_coordinator_response_init(&out);
    if (r->version >= 4) {
        out.coordinators_n = f->in.coordinator_keys_n;
        out.coordinators = arena_zalloc(&r->arena, (size_t)out.coordinators_n, sizeof *out.coordinators);
        for (int32_t i = 0; i < out.coordinators_n; i++)
            find_one(f, f->in.coordinator_keys[i], &out.coordinators[i]);
    } else {
        struct kp_find_coordinator_response_coordinator o;
        find_one(f, f->in.key, &o);
        out.error_code = o.error_code;
        out.error_message = o.error_code ? o.error_message : slice_cstr("NONE");
        out.node_id = o.node_id;
        out.host = o.host;
        out.port = o.port;
    }
    API_REPLY(r, find_coordinator, &out);
}

static void found(struct auto_create *c, struct shard *home)
{
    (void)home;
    answer_find(CONTAINER_OF(c, struct finding, create));
}

void api_find_coordinator(struct req *r)
{
    struct broker *b = req_broker(r);
    struct finding *f = arena_zalloc(&r->arena, 1, sizeof *f);
    f->r = r;
    if (!API_READ(r, find_coordinator, &f->in)) return;
    if (f->in.key_type != 0 || image_topic(&b->image, slice_cstr(GROUPS_TOPIC))) {
        answer_find(f);
        return;
    }
    f->name = slice_cstr(GROUPS_TOPIC);
    f->create.names = &f->name;
    f->create.names_n = 1;
    f->create.done = found;
    auto_create_topics(b, &f->create);
}
