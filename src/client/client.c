#include "client/client.h"
#include "kp/find_coordinator.h"
#include "kp/header.h"
#include "os/blocking.h"

#include <stdio.h>
#include <stdlib.h>

#define RESPONSE_MAX ((size_t)1 << 30)
#define RETRY_MS 100

struct client_node {
    int32_t id; /* CLIENT_ANY_NODE: the bootstrap server */
    char *host;
    int port;
    int fd; /* -1: not connected */
    struct kp_api_versions_response versions;
};

static struct client_node *node_of(const struct client *c, int32_t id)
{
    for (int i = 0; i < c->nodes_n; i++)
        if (c->nodes[i].id == id) return &c->nodes[i];
    return NULL;
}

static struct client_node *node_add(struct client *c, int32_t id, struct slice host, int port)
{
    struct client_node *n = node_of(c, id);
    if (n) return n;
    c->nodes = xrealloc(c->nodes, (size_t)(c->nodes_n + 1) * sizeof *c->nodes);
    n = &c->nodes[c->nodes_n++];
    *n = (struct client_node){.id = id, .host = xstrndup(host.p, host.n), .port = port, .fd = -1};
    return n;
}

const char *client_node_host(const struct client *c, int32_t node, int *port)
{
    const struct client_node *n = node_of(c, node);
    if (!n) return NULL;
    *port = n->port;
    return n->host;
}

static void disconnect(struct client_node *n)
{
    if (n->fd >= 0) os_close_wait(n->fd);
    n->fd = -1;
}

static int exchange(struct client *c, struct client_node *n, const struct kp_api *api, int16_t version,
                    const void *req, void *resp, struct strbuf *why)
{
    struct kp_writer w;
    struct kp_request_header h;
    int64_t ms = c->conf.timeout_ms;
    kp_writer_init(&w, 512);
    kp_write_i32(&w, 0);
    kp_request_header_init(&h);
    h.request_api_key = api->key;
    h.request_api_version = version;
    h.correlation_id = ++c->correlation;
    h.client_id = slice_cstr(c->conf.client_id);
    kp_request_header_put(&w, &h);
    api->request->write(&w, version, req);
    kp_writer_patch_i32(&w, 0, (int32_t)w.n - 4);
    int rc = os_send_wait(n->fd, w.p, w.n, ms);
    kp_writer_fini(&w);
    uint8_t len[4];
    if (rc == 0) rc = os_recv_wait(n->fd, len, 4, ms);
    size_t bytes = rc == 0 ? load_be32(len) : 0;
    if (rc == 0 && bytes > RESPONSE_MAX) rc = ERR_FORMAT;
    uint8_t *p = rc == 0 ? arena_alloc(&c->arena, bytes) : NULL;
    if (rc == 0) rc = os_recv_wait(n->fd, p, bytes, ms);
    if (rc) {
        strbuf_printf(why, "%s:%d did not answer %s: %s", n->host, n->port, api->name,
                      rc == ERR_EOF                 ? "it closed the connection"
                      : rc == ERR_REQUEST_TIMED_OUT ? "timed out"
                                                    : os_why());
        disconnect(n);
        return rc;
    }
    struct kp_reader in = kp_reader_of(slice_of(p, bytes));
    struct kp_response_header rh;
    rc = kp_response_header_parse(&in, api, version, &rh);
    if (rc == 0 && rh.correlation_id != c->correlation) rc = ERR_FORMAT;
    /* An ApiVersions error comes in version 0, whatever was asked (KIP-511). */
    if (rc == 0 && api->key == KP_API_API_VERSIONS && bytes >= 6 &&
        load_be16(p + 4) == KERR_UNSUPPORTED_VERSION)
        version = 0;
    if (rc == 0) rc = api->response->read(&in, &c->arena, version, resp);
    c->version = version;
    if (rc) {
        strbuf_printf(why, "%s:%d answered %s with bytes that do not follow the protocol", n->host, n->port,
                      api->name);
        disconnect(n);
    }
    return rc;
}

static int connect_node(struct client *c, struct client_node *n, struct strbuf *why)
{
    if (n->fd >= 0) return 0;
    n->fd = os_connect_wait(n->host, (uint16_t)n->port, c->conf.timeout_ms);
    if (n->fd < 0) {
        strbuf_printf(why, "cannot connect to %s:%d: %s", n->host, n->port, os_why());
        n->fd = -1;
        return ERR_IO;
    }
    struct kp_api_versions_request req;
    kp_api_versions_request_init(&req);
    req.client_software_name = slice_cstr("moldau");
    req.client_software_version = slice_cstr(MOLDAU_VERSION);
    const struct kp_api *api = kp_api_find(KP_API_API_VERSIONS);
    int rc = exchange(c, n, api, api->version_max_stable, &req, &n->versions, why);
    if (rc == 0 && n->versions.error_code == KERR_UNSUPPORTED_VERSION)
        rc = exchange(c, n, api, 0, &req, &n->versions, why);
    return rc;
}

int client_open(struct client *c, const struct client_conf *conf, struct strbuf *why)
{
    *c = (struct client){.conf = *conf};
    arena_init(&c->arena);
    if (!c->conf.client_id) c->conf.client_id = "moldau-tool";
    if (c->conf.timeout_ms <= 0) c->conf.timeout_ms = 30000;
    for (const char *p = conf->bootstrap; *p;) {
        size_t n = strcspn(p, ",");
        const char *colon = NULL;
        for (size_t i = 0; i < n; i++)
            if (p[i] == ':') colon = p + i;
        long port = colon ? strtol(colon + 1, NULL, 10) : 0;
        if (!colon || port < 1 || port > 65535) {
            strbuf_printf(why, "Invalid url in bootstrap.servers: %.*s", (int)n, p);
            return ERR_INVALID_CONFIG;
        }
        struct slice host = slice_of(p, (size_t)(colon - p));
        if (host.n > 1 && host.p[0] == '[') host = slice_of(host.p + 1, host.n - 2);
        struct client_node *node = node_add(c, CLIENT_ANY_NODE, host, (int)port);
        strbuf_reset(why);
        if (connect_node(c, node, why) == 0) return 0;
        free(node->host);
        c->nodes_n--;
        p += n + (p[n] == ',');
    }
    if (!why->n) strbuf_add_cstr(why, "no bootstrap server is given");
    return ERR_IO;
}

void client_close(struct client *c)
{
    for (int i = 0; i < c->nodes_n; i++) {
        disconnect(&c->nodes[i]);
        free(c->nodes[i].host);
    }
    free(c->nodes);
    arena_fini(&c->arena);
    *c = (struct client){0};
}

int client_call(struct client *c, int32_t node, int16_t key, int16_t version_max, const void *req, void *resp,
                struct strbuf *why)
{
    const struct kp_api *api = kp_api_find(key);
    struct client_node *n = node_of(c, node);
    ASSERT(api);
    if (!n) {
        strbuf_printf(why, "node %d is not known", node);
        return ERR_BROKER_NOT_AVAILABLE;
    }
    int rc = connect_node(c, n, why);
    if (rc) return rc;
    int16_t top =
        version_max >= 0 && version_max < api->version_max_stable ? version_max : api->version_max_stable;
    for (int32_t i = 0; i < n->versions.api_keys_n; i++) {
        const struct kp_api_versions_response_api_version *v = &n->versions.api_keys[i];
        if (v->api_key != key) continue;
        int16_t use = v->max_version < top ? v->max_version : top;
        if (use < v->min_version || use < api->version_min) break;
        return exchange(c, n, api, use, req, resp, why);
    }
    strbuf_printf(why, "The node does not support %s", api->name);
    return ERR_UNSUPPORTED_VERSION;
}

int client_metadata(struct client *c, const struct slice *topics, int32_t topics_n,
                    struct kp_metadata_response *out, struct strbuf *why)
{
    struct kp_metadata_request req;
    kp_metadata_request_init(&req);
    req.allow_auto_topic_creation = false;
    req.topics_n = topics_n < 0 ? -1 : topics_n;
    req.topics = arena_zalloc(&c->arena, (size_t)(topics_n > 0 ? topics_n : 0), sizeof *req.topics);
    for (int32_t i = 0; i < topics_n; i++) req.topics[i].name = topics[i];
    int rc = client_call(c, CLIENT_ANY_NODE, KP_API_METADATA, -1, &req, out, why);
    for (int32_t i = 0; rc == 0 && i < out->brokers_n; i++)
        node_add(c, out->brokers[i].node_id, out->brokers[i].host, out->brokers[i].port);
    return rc;
}

int client_group_coordinator(struct client *c, struct slice group, int32_t *node, struct strbuf *why)
{
    int64_t deadline = os_now_mono_ms() + c->conf.timeout_ms;
    for (;;) {
        struct kp_find_coordinator_request req;
        struct kp_find_coordinator_response resp;
        kp_find_coordinator_request_init(&req);
        req.key = group;
        int rc = client_call(c, CLIENT_ANY_NODE, KP_API_FIND_COORDINATOR, 3, &req, &resp, why);
        if (rc) return rc;
        if (resp.error_code == 0) {
            node_add(c, resp.node_id, resp.host, resp.port);
            *node = resp.node_id;
            return 0;
        }
        if (!kafka_error_retriable(resp.error_code) || os_now_mono_ms() >= deadline) {
            strbuf_printf(why, "%s", kafka_error_text(resp.error_code));
            return -1000 - resp.error_code;
        }
        os_sleep_ms(RETRY_MS);
    }
}

int client_api_versions(struct client *c, int32_t node, const struct kp_api_versions_response **out,
                        struct strbuf *why)
{
    struct client_node *n = node_of(c, node);
    if (!n) return ERR_BROKER_NOT_AVAILABLE;
    int rc = connect_node(c, n, why);
    *out = &n->versions;
    return rc;
}
