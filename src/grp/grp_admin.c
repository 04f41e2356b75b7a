/* What administrators ask: describe, list and delete groups. */
#include "grp/grp_int.h"
#include <strings.h>

static void describe_member(const struct grp_group *g, const struct grp_member *m, struct arena *a,
                            struct kp_describe_groups_response_described_group_member *to)
{
    const struct grp_protocol *p = g->state == GRP_STABLE ? grp_protocol_find(m, g->protocol) : NULL;
    to->member_id = arena_slice_dup(a, m->id);
    to->group_instance_id = m->instance_id.p ? arena_slice_dup(a, m->instance_id) : m->instance_id;
    to->client_id = arena_slice_dup(a, m->client_id);
    to->client_host = arena_slice_dup(a, m->client_host);
    to->member_metadata = p ? arena_slice_dup(a, p->metadata) : KP_EMPTY;
    to->member_assignment = arena_slice_dup(a, m->assignment);
}

static void describe_one(const struct grp_ctx *c, struct slice id,
                         struct kp_describe_groups_response_described_group *to)
{
    struct arena *a = c->ev->waiter->arena;
    const struct grp_group *g = grp_find(c->s, id);
    kp_describe_groups_response_described_group_init(to);
    to->group_id = arena_slice_dup(a, id.p ? id : slice_cstr(""));
    if (!g) {
        to->group_state = slice_cstr(grp_state_name(GRP_DEAD));
        if (c->ev->waiter->version < 6) return;
        to->error_code = KERR_GROUP_ID_NOT_FOUND;
        static const char before[] = "Group ", after[] = " not found.";
        size_t n = sizeof before - 1, more = sizeof after - 1;
        uint8_t *text = arena_alloc(a, n + id.n + more);
        memcpy(text, before, n);
        if (id.n) memcpy(text + n, id.p, id.n);
        memcpy(text + n + id.n, after, more);
        to->error_message = slice_of(text, n + id.n + more);
        return;
    }
    to->group_state = slice_cstr(grp_state_name(g->state));
    if (g->protocol_type.p) to->protocol_type = arena_slice_dup(a, g->protocol_type);
    if (g->state == GRP_STABLE && g->protocol.p) to->protocol_data = arena_slice_dup(a, g->protocol);
    to->members = arena_zalloc(a, g->members_n, sizeof *to->members);
    LIST_FOREACH(n, &g->members)
    describe_member(g, LIST_ENTRY(n, struct grp_member, in_group), a, &to->members[to->members_n++]);
}

void grp_on_describe(struct grp_ctx *c)
{
    const struct kp_describe_groups_request *q = c->ev->describe;
    struct grp_waiter *w = c->ev->waiter;
    struct kp_describe_groups_response *r = arena_alloc(w->arena, sizeof *r);
    kp_describe_groups_response_init(r);
    r->groups = arena_zalloc(w->arena, (size_t)q->groups_n, sizeof *r->groups);
    r->groups_n = q->groups_n;
    for (int32_t i = 0; i < q->groups_n; i++) describe_one(c, q->groups[i], &r->groups[i]);
    grp_reply(c, w, r);
}

static bool passes(const struct slice *filter, int32_t n, const char *name)
{
    for (int32_t i = 0; i < n; i++)
        if (filter[i].n == strlen(name) && strncasecmp((const char *)filter[i].p, name, filter[i].n) == 0)
            return true;
    return n <= 0;
}

void grp_on_list(struct grp_ctx *c)
{
    const struct kp_list_groups_request *q = c->ev->list;
    struct grp_waiter *w = c->ev->waiter;
    struct kp_list_groups_response *r = arena_alloc(w->arena, sizeof *r);
    kp_list_groups_response_init(r);
    r->groups = arena_zalloc(w->arena, c->s->groups.n, sizeof *r->groups);
    MAP_FOREACH(it, struct grp_group, g, &c->s->groups)
    {
        const char *state = grp_state_name(g->state);
        if (g->deleted || !passes(q->states_filter, q->states_filter_n, state) ||
            !passes(q->types_filter, q->types_filter_n, "classic"))
            continue;
        struct kp_list_groups_response_listed_group *to = &r->groups[r->groups_n++];
        to->group_id = arena_slice_dup(w->arena, g->id);
        to->protocol_type = g->protocol_type.p ? arena_slice_dup(w->arena, g->protocol_type) : KP_EMPTY;
        to->group_state = slice_cstr(state);
        to->group_type = slice_cstr("classic");
    }
    grp_reply(c, w, r);
}

void grp_on_delete(struct grp_ctx *c)
{
    const struct kp_delete_groups_request *q = c->ev->delete;
    struct grp_waiter *w = c->ev->waiter;
    struct kp_delete_groups_response *r = arena_alloc(w->arena, sizeof *r);
    kp_delete_groups_response_init(r);
    r->results = arena_zalloc(w->arena, (size_t)q->groups_names_n, sizeof *r->results);
    r->results_n = q->groups_names_n;
    for (int32_t i = 0; i < q->groups_names_n; i++) {
        struct grp_group *g = grp_find(c->s, q->groups_names[i]);
        r->results[i].group_id = arena_slice_dup(w->arena, q->groups_names[i]);
        if (!g) {
            r->results[i].error_code = KERR_GROUP_ID_NOT_FOUND;
        } else if (g->state != GRP_EMPTY) {
            r->results[i].error_code = KERR_NON_EMPTY_GROUP;
        } else {
            grp_delete_all_offsets(c, g);
            grp_record_group_tombstone(c, g);
            grp_clear_members(c->s, g);
            g->deleted = true;
            c->op->deletes = true;
        }
    }
    grp_write_end(c, w, r);
}
