/* A client in the simulated world: one connection, one request at a time, every answer decoded by the
 * generated code. */
#ifndef MOLDAU_SIM_CLIENT_H
#define MOLDAU_SIM_CLIENT_H

#include "world.h"
#include "base/arena.h"
#include "kp/kp_api.h"

struct client {
    struct machine *machine;
    struct wire *wire;
    struct strbuf in;
    struct arena arena; /* of the last response */
    int32_t correlation;
    int16_t key, version;
    bool busy;
    /* resp: a struct of this key's response, NULL if the connection broke or no answer came in time */
    void (*done)(struct client *c, const void *resp);
    void *arg;
};
void client_init(struct client *c, struct machine *m, void *arg);
void client_call(struct client *c, int16_t key, int16_t version, const void *req,
                 void (*done)(struct client *c, const void *resp));

/* Breaks its connection; what is under way ends without an answer. */
void client_drop(struct client *c);

#define SIM_PORT 9092

#endif
