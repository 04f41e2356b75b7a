/* The headers in front of requests and responses. Which version of the header stands there follows from the
 * API key and the version of the message. */
#ifndef MOLDAU_KP_HEADER_H
#define MOLDAU_KP_HEADER_H

#include "kp/kp_api.h"
#include "kp/request_header.h"
#include "kp/response_header.h"

/* Reads a request's header. Returns 0, ERR_EOF or ERR_FORMAT; or ERR_UNSUPPORTED_VERSION if the key is
 * unknown or has no such version: then the key, the version and the correlation id of *out are valid all the
 * same and nothing else is (an ApiVersions request of an unknown version wants an answer of version 0). */
int kp_request_header_parse(struct kp_reader *r, struct kp_request_header *out) MUST_USE;

/* Writes the header of a request; in->request_api_key and _version say which header it is. The API must
 * exist. */
void kp_request_header_put(struct kp_writer *w, const struct kp_request_header *in);

/* Writes the header of a response. */
void kp_response_header_put(struct kp_writer *w, const struct kp_api *api, int16_t version,
                            int32_t correlation_id);

/* Reads the header of a response to a request of this key and version. The API must exist. */
int kp_response_header_parse(struct kp_reader *r, const struct kp_api *api, int16_t version,
                             struct kp_response_header *out) MUST_USE;

#endif
