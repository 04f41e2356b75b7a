/* OffsetCommit, OffsetFetch, OffsetDelete: names and ids here, the rest is the coordinator's. */
#include "api/group_request.h"
#include "api/seen.h"

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
    struct seen done; /* the last one counts: notes are made from the end */
    size_t n = 0;
    for (int32_t i = 0; i < got->topics_n; i++) n += (size_t)got->topics[i].partitions_n;
    seen_init(&done, &r->arena, n, prng_next(&req_broker(r)->prng));
    for (int32_t i = got->topics_n - 1; i >= 0; i--)
        for (int32_t k = got->topics[i].partitions_n - 1; k >= 0; k--)
            seen_note(&done, got->topics[i].name, got->topics[i].partitions[k].partition_index,
                      got->topics[i].partitions[k].error_code - INT16_MIN);
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
            int32_t error = seen_find(&done, t->name, o->partition_index);
            o->error_code = error < 0 ? KERR_UNKNOWN_TOPIC_OR_PARTITION : (int16_t)(error + INT16_MIN);
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
    group_request_begin(r, &d->g, 1, answer_offset_delete);
    d->g.calls[0].ev.type = GRP_OFFSET_DELETE;
    d->g.calls[0].ev.offset_delete = &d->known;
    group_request_send(&d->g, 0, d->in.group_id);
    group_request_sent(&d->g);
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
    group_request_begin(r, &c->g, ask ? 1 : 0, answer_commit);
    if (ask) {
        c->g.calls[0].ev.type = GRP_OFFSET_COMMIT;
        c->g.calls[0].ev.offset_commit = &c->known;
        group_request_client(r, &c->g.calls[0].ev);
        group_request_send(&c->g, 0, c->in.group_id);
    }
    group_request_sent(&c->g);
}

/* ---- OffsetFetch ---- */
struct fetching {
    struct group_request g;
    struct kp_offset_fetch_request in;
    struct kp_offset_fetch_request_offset_fetch_request_group *groups;
};

/* The core speaks names; from version 10 on requested ids are given back as they came. */
static void name_by_id(struct fetching *f, int32_t group,
                       struct kp_offset_fetch_response_offset_fetch_response_group *o)
{
    struct req *r = f->g.r;
    const struct kp_offset_fetch_request_offset_fetch_request_group *asked = &f->groups[group];
    struct kp_offset_fetch_response_offset_fetch_response_topics *topics =
        arena_zalloc(&r->arena, (size_t)(o->topics_n > 0 ? o->topics_n : 0), sizeof *topics);
    int32_t n = 0;
    for (int32_t k = 0; k < o->topics_n; k++) {
        struct kp_offset_fetch_response_offset_fetch_response_topics *to = &topics[n];
        struct image_topic *t = image_topic(&req_broker(r)->image, o->topics[k].name);
        *to = o->topics[k];
        if (!t && to->name.n > 0 && asked->topics_n < 0)
            continue; /* all topics were asked for, this one is gone */
        if (t) to->topic_id = t->id;
        else if (asked->topics_n > k) {
            to->topic_id = asked->topics[k].topic_id;
            for (int32_t p = 0; p < to->partitions_n; p++)
                to->partitions[p].error_code = KERR_UNKNOWN_TOPIC_ID;
        }
        n++;
    }
    o->topics = topics;
    o->topics_n = n;
}

/* Versions 8 and up: several groups. */
static void answer_fetch_groups(struct group_request *g)
{
    struct req *r = g->r;
    struct kp_offset_fetch_response out;
    kp_offset_fetch_response_init(&out);
    out.groups_n = g->n;
    out.groups = arena_zalloc(&r->arena, (size_t)g->n, sizeof *out.groups);
    for (int32_t i = 0; i < g->n; i++) {
        out.groups[i] =
            *(const struct kp_offset_fetch_response_offset_fetch_response_group *)g->calls[i].response;
        if (r->version >= 10) name_by_id(CONTAINER_OF(g, struct fetching, g), i, &out.groups[i]);
    }
    API_REPLY(r, offset_fetch, &out);
}

/* Version 1 has no error of its own: every partition that was asked for carries it. */
static void refuse_each(struct req *r, const struct kp_offset_fetch_request *in, int16_t error,
                        struct kp_offset_fetch_response *out)
{
    out->topics_n = in->topics_n > 0 ? in->topics_n : 0;
    out->topics = arena_zalloc(&r->arena, (size_t)out->topics_n, sizeof *out->topics);
    for (int32_t i = 0; i < out->topics_n; i++) {
        int32_t n = in->topics[i].partition_indexes_n;
        out->topics[i].name = in->topics[i].name;
        out->topics[i].partitions_n = n;
        out->topics[i].partitions = arena_zalloc(&r->arena, (size_t)n, sizeof *out->topics[i].partitions);
        for (int32_t k = 0; k < n; k++)
            out->topics[i].partitions[k] = (struct kp_offset_fetch_response_offset_fetch_response_partition){
                in->topics[i].partition_indexes[k], -1, -1, KP_EMPTY, error};
    }
}

/* Versions below 8: one group. */
static void answer_fetch_one(struct group_request *g)
{
    struct fetching *f = CONTAINER_OF(g, struct fetching, g);
    struct req *r = g->r;
    struct kp_offset_fetch_response out;
    const struct kp_offset_fetch_response_offset_fetch_response_group *got = g->calls[0].response;
    kp_offset_fetch_response_init(&out);
    out.error_code = got->error_code;
    out.topics_n = got->topics_n > 0 ? got->topics_n : 0;
    out.topics = arena_zalloc(&r->arena, (size_t)out.topics_n, sizeof *out.topics);
    for (int32_t i = 0; i < out.topics_n; i++) {
        int32_t n = got->topics[i].partitions_n;
        out.topics[i].name = got->topics[i].name;
        out.topics[i].partitions_n = n;
        out.topics[i].partitions = arena_zalloc(&r->arena, (size_t)n, sizeof *out.topics[i].partitions);
        for (int32_t k = 0; k < n; k++) {
            const struct kp_offset_fetch_response_offset_fetch_response_partitions *p =
                &got->topics[i].partitions[k];
            out.topics[i].partitions[k] = (struct kp_offset_fetch_response_offset_fetch_response_partition){
                p->partition_index, p->committed_offset, p->committed_leader_epoch, p->metadata,
                p->error_code};
        }
    }
    if (got->error_code && out.topics_n == 0 && r->version < 2) refuse_each(r, &f->in, got->error_code, &out);
    API_REPLY(r, offset_fetch, &out);
}

/* The one group of an old request, in the shape of the newer ones. */
static void one_group(struct fetching *f)
{
    struct req *r = f->g.r;
    int32_t n = f->in.topics_n > 0 ? f->in.topics_n : 0;
    f->groups = arena_zalloc(&r->arena, 1, sizeof *f->groups);
    kp_offset_fetch_request_offset_fetch_request_group_init(f->groups);
    f->groups->group_id = f->in.group_id;
    f->groups->topics_n = f->in.topics_n;
    f->groups->topics = arena_zalloc(&r->arena, (size_t)n, sizeof *f->groups->topics);
    for (int32_t i = 0; i < n; i++)
        f->groups->topics[i] = (struct kp_offset_fetch_request_offset_fetch_request_topics){
            .name = f->in.topics[i].name,
            .partition_indexes = f->in.topics[i].partition_indexes,
            .partition_indexes_n = f->in.topics[i].partition_indexes_n};
}

void api_offset_fetch(struct req *r)
{
    struct broker *b = req_broker(r);
    struct fetching *f = arena_zalloc(&r->arena, 1, sizeof *f);
    if (!API_READ(r, offset_fetch, &f->in)) return;
    int32_t n = r->version >= 8 ? f->in.groups_n : 1;
    f->g.r = r;
    if (r->version >= 8) f->groups = f->in.groups;
    else one_group(f);
    for (int32_t i = 0; i < n && r->version >= 10; i++)
        for (int32_t k = 0; k < f->groups[i].topics_n; k++) {
            struct image_topic *t = image_topic_by_id(&b->image, f->groups[i].topics[k].topic_id);
            f->groups[i].topics[k].name = t ? arena_slice_dup(&r->arena, slice_cstr(t->name)) : KP_EMPTY;
        }
    group_request_begin(r, &f->g, n, r->version >= 8 ? answer_fetch_groups : answer_fetch_one);
    for (int32_t i = 0; i < n; i++) {
        f->g.calls[i].ev.type = GRP_OFFSET_FETCH;
        f->g.calls[i].ev.offset_fetch.group = &f->groups[i];
        f->g.calls[i].ev.offset_fetch.require_stable = f->in.require_stable;
        group_request_send(&f->g, i, f->groups[i].group_id);
    }
    group_request_sent(&f->g);
}
