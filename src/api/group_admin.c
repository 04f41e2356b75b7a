/* DescribeGroups, DeleteGroups, ListGroups. */
#include "api/group_request.h"
#include "api/seen.h"

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
    struct group_request *g =
        group_request_begin(r, arena_zalloc(&r->arena, 1, sizeof *g), in.groups_n, answer_describe);
    g->tell_operations = in.include_authorized_operations;
    for (int32_t i = 0; i < in.groups_n; i++) {
        struct kp_describe_groups_request *one = arena_zalloc(&r->arena, 1, sizeof *one);
        *one = in;
        one->groups = &in.groups[i];
        one->groups_n = 1;
        g->calls[i].ev.type = GRP_DESCRIBE;
        g->calls[i].ev.describe = one;
        group_request_send(g, i, in.groups[i]);
    }
    group_request_sent(g);
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
        group_request_begin(r, arena_zalloc(&r->arena, 1, sizeof *g), in.groups_names_n, answer_delete);
    for (int32_t i = 0; i < in.groups_names_n; i++) {
        struct kp_delete_groups_request *one = arena_zalloc(&r->arena, 1, sizeof *one);
        *one = in;
        one->groups_names = &in.groups_names[i];
        one->groups_names_n = 1;
        g->calls[i].ev.type = GRP_DELETE;
        g->calls[i].ev.delete = one;
        group_request_send(g, i, in.groups_names[i]);
    }
    group_request_sent(g);
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
        group_request_begin(r, arena_zalloc(&r->arena, 1, sizeof *g), t ? t->parts_n : 0, answer_list);
    for (int32_t i = 0; i < g->n; i++) {
        g->calls[i].ev.type = GRP_LIST;
        g->calls[i].ev.list = in;
        group_request_send_to(g, i, i);
    }
    group_request_sent(g);
}
