/* The clients' end of the protocol. */
#include "client.h"
#include "kp/header.h"

#include <stdlib.h>

#define ANSWER_WITHIN (60 * SIM_S)
#define RESPONSE_STRUCT_MAX 512

static void on_data(void *arg, const uint8_t *p, size_t n);
static void on_closed(void *arg);

void client_init(struct client *c, struct machine *m, void *arg)
{
    *c = (struct client){.machine = m, .arg = arg};
    strbuf_init(&c->in);
    arena_init(&c->arena);
}

static void finish(struct client *c, const void *resp)
{
    c->busy = false;
    c->done(c, resp);
}
static void drop(struct client *c)
{
    if (c->wire) wire_close(c->wire);
    c->wire = NULL;
    strbuf_reset(&c->in);
}
void client_drop(struct client *c)
{
    drop(c);
    if (c->busy) finish(c, NULL);
}
static void late(void *arg, uint64_t tag)
{
    struct client *c = arg;
    if (!c->busy || (uint64_t)c->correlation != tag) return;
    drop(c);
    finish(c, NULL);
}
static void on_closed(void *arg)
{
    struct client *c = arg;
    c->wire = NULL;
    strbuf_reset(&c->in);
    if (c->busy) finish(c, NULL);
}
static void on_data(void *arg, const uint8_t *p, size_t n)
{
    struct client *c = arg;
    strbuf_add(&c->in, p, n);
    if (c->in.n < 4 || c->in.n - 4 < load_be32((uint8_t *)c->in.s)) return;
    if (!c->busy || c->in.n - 4 != load_be32((uint8_t *)c->in.s)) {
        world_fail("a broker sent %zu bytes that nobody asked for", c->in.n);
        return;
    }
    const struct kp_api *api = kp_api_find(c->key);
    struct kp_reader r = kp_reader_of(slice_of(c->in.s + 4, c->in.n - 4));
    struct kp_response_header h;
    void *resp = arena_zalloc(&c->arena, 1, RESPONSE_STRUCT_MAX);
    int rc = kp_response_header_parse(&r, api, c->version, &h);
    if (rc == 0 && h.correlation_id != c->correlation) rc = ERR_FORMAT;
    if (rc == 0) rc = api->response->read(&r, &c->arena, c->version, resp);
    if (rc) {
        world_fail("an answer to %s does not follow the protocol", api->name);
        return;
    }
    struct strbuf keep = c->in; /* resp points into it */
    strbuf_init(&c->in);
    finish(c, resp);
    strbuf_fini(&keep);
}

void client_call(struct client *c, int16_t key, int16_t version, const void *req,
                 void (*done)(struct client *c, const void *resp))
{
    ASSERT(!c->busy);
    c->busy = true;
    c->done = done;
    c->key = key;
    c->version = version;
    c->correlation++;
    arena_fini(&c->arena);
    arena_init(&c->arena);
    struct wire_client ends = {on_data, on_closed, c};
    if (!c->wire) c->wire = wire_connect(c->machine, SIM_PORT, &ends);
    if (!c->wire) {
        world_at(world.now_ns + 50 * SIM_MS, late, c, (uint64_t)c->correlation);
        return;
    }
    const struct kp_api *api = kp_api_find(key);
    struct kp_writer w;
    struct kp_request_header h;
    kp_writer_init(&w, 512);
    kp_write_i32(&w, 0);
    kp_request_header_init(&h);
    h.request_api_key = key;
    h.request_api_version = version;
    h.correlation_id = c->correlation;
    h.client_id = slice_cstr("sim");
    kp_request_header_put(&w, &h);
    api->request->write(&w, version, req);
    store_be32(w.p, (uint32_t)w.n - 4);
    wire_send(c->wire, w.p, w.n);
    kp_writer_fini(&w);
    world_at(world.now_ns + ANSWER_WITHIN, late, c, (uint64_t)c->correlation);
}
