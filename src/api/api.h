/* The handlers' common ground: from a request's key to its handler, reading and answering. */
#ifndef MOLDAU_API_H
#define MOLDAU_API_H

#include "broker/broker.h"

struct api_handler {
    int16_t key;
    int16_t min, max; /* advertised and accepted */
    void (*handle)(struct req *r);
};
const struct api_handler *api_handlers(int *n);
void api_dispatch(struct req *r);
/* Decodes r->body; on failure closes the connection with a log line and gives false. */
#define API_READ(r, name, out)                                                                               \
    api_read_done((r), kp_##name##_request_read(api_reader(r), &(r)->arena, (r)->version, (out)))
struct kp_reader *api_reader(struct req *r);
bool api_read_done(struct req *r, int rc);
/* Begins, writes and sends a response. */
#define API_REPLY(r, name, resp)                                                                             \
    do {                                                                                                     \
        req_begin(r);                                                                                        \
        kp_##name##_response_write(&(r)->out, (r)->version, (resp));                                         \
        req_reply(r);                                                                                        \
    } while (0)

#endif
