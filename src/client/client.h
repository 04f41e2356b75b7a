/* A small client over the generated codecs, for tools: blocking, one request at a time, any node of a
 * cluster. Errors are told in one sentence in `why`. Versions are the newest that both sides know (KIP-35).
 */
#ifndef MOLDAU_CLIENT_H
#define MOLDAU_CLIENT_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "kp/api_versions.h"
#include "kp/kp_api.h"
#include "kp/metadata.h"

#define CLIENT_ANY_NODE (-1)

struct client_conf {
    const char *bootstrap; /* host:port,host:port */
    const char *client_id;
    int64_t timeout_ms; /* of one request, connecting included */
};
struct client_node;
struct client {
    struct client_conf conf;
    struct client_node *nodes;
    int nodes_n;
    int32_t correlation;
    struct arena arena; /* responses live here until client_close */
    int16_t version;    /* of the last call */
};

/* Connects to the first bootstrap server that answers. */
int client_open(struct client *c, const struct client_conf *conf, struct strbuf *why) MUST_USE;
void client_close(struct client *c);
/* Sends a request to a node (CLIENT_ANY_NODE: the bootstrap one) and reads its response into resp, a struct
 * of this key. version_max bounds the version, -1 does not. ERR_UNSUPPORTED_VERSION if the node does not
 * offer the API. Error codes inside the response are the caller's to look at. */
int client_call(struct client *c, int32_t node, int16_t key, int16_t version_max, const void *req, void *resp,
                struct strbuf *why) MUST_USE;
/* Learns the nodes' addresses; topics_n < 0 asks for all topics, 0 for none. Does not create topics. */
int client_metadata(struct client *c, const struct slice *topics, int32_t topics_n,
                    struct kp_metadata_response *out, struct strbuf *why) MUST_USE;
/* The node that coordinates a group; retried while the coordinator is not available and time is left. */
int client_group_coordinator(struct client *c, struct slice group, int32_t *node,
                             struct strbuf *why) MUST_USE;
/* What a node said it supports. */
int client_api_versions(struct client *c, int32_t node, const struct kp_api_versions_response **out,
                        struct strbuf *why) MUST_USE;
/* Address of a known node, NULL if unknown. */
const char *client_node_host(const struct client *c, int32_t node, int *port);

#endif
