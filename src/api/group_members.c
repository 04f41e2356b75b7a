/* JoinGroup, SyncGroup, Heartbeat, LeaveGroup: what members of classic groups send. */
#include "api/group_request.h"

/* A join or sync may wait for other members for long. It is decoded into memory of its own, so that this and
 * the frame go when the coordinator has taken what it needs; and it is cancelled when its connection ends. */
static void taken(struct group_call *c)
{
    struct group_request *g = c->arg;
    req_drop_frame(g->r);
    arena_fini(&g->decoded);
}

static void cancel(struct req *r)
{
    struct group_request *g = r->cancel_arg;
    group_call_cancel(&g->calls[0]);
}

static struct group_request *begin_wait(struct req *r, void (*answer)(struct group_request *))
{
    struct group_request *g = group_request_begin(r, arena_zalloc(&r->arena, 1, sizeof *g), 1, answer);
    g->calls[0].taken = taken;
    r->cancel = cancel;
    r->cancel_arg = g;
    group_request_client(r, &g->calls[0].ev);
    return g;
}

/* An error names no protocol; null has been allowed for that since version 7. */
static void answer_join(struct group_request *g)
{
    struct kp_join_group_response out = *(const struct kp_join_group_response *)g->calls[0].response;
    g->r->cancel = NULL;
    if (out.error_code && g->r->version >= 7) out.protocol_name = (struct slice){0};
    API_REPLY(g->r, join_group, &out);
}

void api_join_group(struct req *r)
{
    struct group_request *g = begin_wait(r, answer_join);
    struct kp_join_group_request *in = arena_alloc(&g->decoded, sizeof *in);
    if (!api_read_done(r, kp_join_group_request_read(api_reader(r), &g->decoded, r->version, in))) return;
    g->calls[0].ev.type = GRP_JOIN;
    g->calls[0].ev.join = in;
    group_request_send(g, 0, in->group_id);
    group_request_sent(g);
}

static void answer_sync(struct group_request *g)
{
    g->r->cancel = NULL;
    API_REPLY(g->r, sync_group, g->calls[0].response);
}

void api_sync_group(struct req *r)
{
    struct group_request *g = begin_wait(r, answer_sync);
    struct kp_sync_group_request *in = arena_alloc(&g->decoded, sizeof *in);
    if (!api_read_done(r, kp_sync_group_request_read(api_reader(r), &g->decoded, r->version, in))) return;
    g->calls[0].ev.type = GRP_SYNC;
    g->calls[0].ev.sync = in;
    group_request_send(g, 0, in->group_id);
    group_request_sent(g);
}

static void answer_heartbeat(struct group_request *g)
{
    API_REPLY(g->r, heartbeat, g->calls[0].response);
}

void api_heartbeat(struct req *r)
{
    struct kp_heartbeat_request *in = arena_alloc(&r->arena, sizeof *in);
    if (!API_READ(r, heartbeat, in)) return;
    struct group_request *g =
        group_request_begin(r, arena_zalloc(&r->arena, 1, sizeof *g), 1, answer_heartbeat);
    g->calls[0].ev.type = GRP_HEARTBEAT;
    g->calls[0].ev.heartbeat = in;
    group_request_send(g, 0, in->group_id);
    group_request_sent(g);
}

static void answer_leave(struct group_request *g)
{
    API_REPLY(g->r, leave_group, g->calls[0].response);
}

void api_leave_group(struct req *r)
{
    struct kp_leave_group_request *in = arena_alloc(&r->arena, sizeof *in);
    if (!API_READ(r, leave_group, in)) return;
    struct group_request *g = group_request_begin(r, arena_zalloc(&r->arena, 1, sizeof *g), 1, answer_leave);
    g->calls[0].ev.type = GRP_LEAVE;
    g->calls[0].ev.leave = in;
    group_request_send(g, 0, in->group_id);
    group_request_sent(g);
}
