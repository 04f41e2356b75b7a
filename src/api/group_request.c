#include "api/group_request.h"

#include <stdlib.h>

static void cleanup(struct req *r)
{
    struct group_request *g = r->cleanup_arg;
    for (int32_t i = 0; i < g->n; i++) arena_fini(&g->calls[i].arena);
    arena_fini(&g->decoded);
}

struct group_request *group_request_begin(struct req *r, struct group_request *g, int32_t n,
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

void group_request_again(struct group_request *g, int32_t n)
{
    for (int32_t i = 0; i < g->n; i++) arena_fini(&g->calls[i].arena);
    if (n) memset(g->calls, 0, (size_t)n * sizeof *g->calls);
    g->n = n;
    g->waiting = 1;
}

void group_request_sent(struct group_request *g)
{
    if (--g->waiting == 0) g->answer(g);
}

static void call_done(struct group_call *c)
{
    group_request_sent(c->arg);
}

static struct group_call *call_of(struct group_request *g, int32_t i)
{
    struct group_call *c = &g->calls[i];
    c->r = g->r;
    c->arg = g;
    c->done = call_done;
    g->waiting++;
    return c;
}

void group_request_send(struct group_request *g, int32_t i, struct slice group)
{
    group_call_send(call_of(g, i), group);
}

void group_request_send_to(struct group_request *g, int32_t i, int32_t partition)
{
    group_call_send_to(call_of(g, i), partition);
}

void group_request_client(struct req *r, struct grp_event *ev)
{
    const char *colon = strrchr(r->conn->peer, ':');
    ev->client_id = r->client_id.p ? r->client_id : slice_cstr("");
    ev->client_host =
        slice_cstr(arena_printf(&r->arena, "/%.*s", (int)(colon ? colon - r->conn->peer : 0), r->conn->peer));
}
