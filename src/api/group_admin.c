/* DescribeGroups, DeleteGroups, ListGroups. */
#include "api/group_request.h"
#include "api/pieces.h"
#include "api/seen.h"
#include "api/turns.h"

#include <strings.h>

#define GROUPS_TURN 500              /* asked for at a time */
#define GROUPS_TURN_BYTES (1u << 20) /* and written of the answer */

/* ---- DescribeGroups, DeleteGroups: one call a group, some groups at a time ----
 *
 *   many_step -> [calls under way] -> many_answered -> many_step, until all are asked for and written */
struct many {
    struct group_request g;
    struct turns turns;
    struct pieces pieces;
    union {
        struct kp_describe_groups_request describe;
        struct kp_delete_groups_request delete;
    } in;
    const struct slice *groups; /* what the request names */
    int32_t groups_n;
    int32_t from, n;              /* of them, those at hand */
    int32_t written;              /* of those */
    int32_t call_of[GROUPS_TURN]; /* an entry that names the same group as one before it has the same call */
    void (*fill)(struct many *m, struct group_call *c, const struct slice *group);
    void (*write)(struct many *m, const struct slice *group,
                  const void *response); /* NULL: it was too much */
};

static void many_answered(struct group_request *g)
{
    turns_go_on(&CONTAINER_OF(g, struct many, g)->turns);
}

/* Calls for the entries at hand. */
static void many_send(struct many *m)
{
    struct arena a;
    struct seen seen;
    int32_t calls = 0, first[GROUPS_TURN];
    arena_init(&a);
    seen_init(&seen, &a, (size_t)m->n, prng_next(&req_broker(m->g.r)->prng));
    for (int32_t i = 0; i < m->n; i++) {
        m->call_of[i] = seen_note(&seen, m->groups[m->from + i], 0, calls);
        if (m->call_of[i] >= 0) continue;
        first[calls] = m->from + i;
        m->call_of[i] = calls++;
    }
    arena_fini(&a);
    group_request_again(&m->g, calls);
    for (int32_t i = 0; i < calls; i++) {
        m->fill(m, &m->g.calls[i], &m->groups[first[i]]);
        group_request_send(&m->g, i, m->groups[first[i]]);
    }
    group_request_sent(&m->g);
}

static bool many_step(struct turns *t)
{
    struct many *m = CONTAINER_OF(t, struct many, turns);
    size_t from = t->r->out.n;
    for (; m->written < m->n && t->r->out.n - from < GROUPS_TURN_BYTES; m->written++)
        m->write(m, &m->groups[m->from + m->written],
                 pieces_full(&m->pieces) ? NULL : m->g.calls[m->call_of[m->written]].response);
    if (m->written < m->n) return true;
    m->from += m->n;
    m->written = 0;
    m->n = m->groups_n - m->from < GROUPS_TURN ? m->groups_n - m->from : GROUPS_TURN;
    if (m->n == 0) {
        pieces_end(&m->pieces);
        return false;
    }
    if (pieces_full(&m->pieces)) return true;
    many_send(m);
    return false;
}

static void many_begin(struct many *m, struct req *r, const struct slice *groups, int32_t n,
                       const struct kp_message *message, const void *empty)
{
    m->groups = groups;
    m->groups_n = n;
    group_request_begin(r, &m->g, n < GROUPS_TURN ? n : GROUPS_TURN, many_answered);
    pieces_begin(&m->pieces, r, message, empty, n);
    turns_begin(&m->turns, r, many_step);
}

static void describe_fill(struct many *m, struct group_call *c, const struct slice *group)
{
    struct kp_describe_groups_request *one = arena_zalloc(&m->g.r->arena, 1, sizeof *one);
    *one = m->in.describe;
    one->groups = (struct slice *)group;
    one->groups_n = 1;
    c->ev.type = GRP_DESCRIBE;
    c->ev.describe = one;
}

static void describe_write(struct many *m, const struct slice *group, const void *response)
{
    const struct kp_describe_groups_response *got = response;
    struct kp_describe_groups_response one;
    struct kp_describe_groups_response_described_group described;
    kp_describe_groups_response_init(&one);
    kp_describe_groups_response_described_group_init(&described);
    if (!got) {
        described.group_id = *group;
        described.error_code = KERR_POLICY_VIOLATION;
    } else described = got->groups[0];
    if (m->in.describe.include_authorized_operations && !described.error_code)
        described.authorized_operations = OPERATIONS_GROUP;
    one.groups = &described;
    one.groups_n = 1;
    pieces_add(&m->pieces, &one);
}

void api_describe_groups(struct req *r)
{
    struct many *m = arena_zalloc(&r->arena, 1, sizeof *m);
    struct kp_describe_groups_response empty;
    if (!API_READ(r, describe_groups, &m->in.describe)) return;
    m->fill = describe_fill;
    m->write = describe_write;
    kp_describe_groups_response_init(&empty);
    many_begin(m, r, m->in.describe.groups, m->in.describe.groups_n, &kp_describe_groups_response_message,
               &empty);
}

static void delete_fill(struct many *m, struct group_call *c, const struct slice *group)
{
    struct kp_delete_groups_request *one = arena_zalloc(&m->g.r->arena, 1, sizeof *one);
    *one = m->in.delete;
    one->groups_names = (struct slice *)group;
    one->groups_names_n = 1;
    c->ev.type = GRP_DELETE;
    c->ev.delete = one;
}

static void delete_write(struct many *m, const struct slice *group, const void *response)
{
    const struct kp_delete_groups_response *got = response;
    struct kp_delete_groups_response one;
    struct kp_delete_groups_response_deletable_group_result result = {
        .group_id = *group, .error_code = got ? got->results[0].error_code : KERR_POLICY_VIOLATION};
    kp_delete_groups_response_init(&one);
    one.results = &result;
    one.results_n = 1;
    pieces_add(&m->pieces, &one);
}

/* A group that is named twice is deleted, and answered, once. */
void api_delete_groups(struct req *r)
{
    struct many *m = arena_zalloc(&r->arena, 1, sizeof *m);
    struct kp_delete_groups_response empty;
    struct kp_delete_groups_request *in = &m->in.delete;
    struct seen seen;
    int32_t n = 0;
    if (!API_READ(r, delete_groups, in)) return;
    seen_init(&seen, &r->arena, (size_t)in->groups_names_n, prng_next(&req_broker(r)->prng));
    for (int32_t i = 0; i < in->groups_names_n; i++)
        if (seen_note(&seen, in->groups_names[i], 0, i) < 0) in->groups_names[n++] = in->groups_names[i];
    m->fill = delete_fill;
    m->write = delete_write;
    kp_delete_groups_response_init(&empty);
    many_begin(m, r, in->groups_names, n, &kp_delete_groups_response_message, &empty);
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

/* Every coordinator and group is held against the filters: each is kept once, and of those that no group can
 * pass one, so that there is a filter. */
static int32_t filter_keep(struct slice *v, int32_t n, const char *const *known, int known_n)
{
    uint32_t kept = 0;
    int32_t out = 0;
    for (int32_t i = 0; i < n; i++) {
        int k = 0;
        while (k < known_n &&
               (v[i].n != strlen(known[k]) || strncasecmp((const char *)v[i].p, known[k], v[i].n) != 0))
            k++;
        if (kept & 1u << k) continue;
        kept |= 1u << k;
        v[out++] = v[i];
    }
    return n < 0 ? n : out;
}

void api_list_groups(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_list_groups_request *in = arena_zalloc(&r->arena, 1, sizeof *in);
    if (!API_READ(r, list_groups, in)) return;
    static const char *const states[] =
        {"PreparingRebalance", "CompletingRebalance", "Stable",  "Dead", "Empty",
         "Assigning",          "Reconciling",         "NotReady"},
                             *const types[] = {"classic", "consumer", "share", "streams"};
    in->states_filter_n = filter_keep(in->states_filter, in->states_filter_n, states, NELEMS(states));
    in->types_filter_n = filter_keep(in->types_filter, in->types_filter_n, types, NELEMS(types));
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
