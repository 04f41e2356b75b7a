/* FindCoordinator. */
#include "api/create.h"
#include "api/handlers.h"
#include "broker/groups.h"
#include "kp/find_coordinator.h"

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
    o->host = e->host;
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
