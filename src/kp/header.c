/* See header.h. The first eight bytes of a request are the same in every version of its header:
 *   0  int16  API key
 *   2  int16  version of the request
 *   4  int32  correlation id
 *   8  string client id (int16 length, -1: null), in the flexible version followed by tagged fields
 */
#include "kp/header.h"

int kp_request_header_parse(struct kp_reader *r, struct kp_request_header *out)
{
    struct kp_reader peek = *r;
    struct kp_request_header h;
    kp_request_header_init(&h);
    h.request_api_key = kp_read_i16(&peek);
    h.request_api_version = kp_read_i16(&peek);
    h.correlation_id = kp_read_i32(&peek);
    if (peek.err) return peek.err;
    const struct kp_api *api = kp_api_find(h.request_api_key);
    if (!api || !kp_api_supports(api, h.request_api_version)) {
        *out = h;
        return ERR_UNSUPPORTED_VERSION;
    }
    int err = kp_request_header_read(r, NULL, kp_request_header_version(api, h.request_api_version), &h);
    if (!err) *out = h;
    return err;
}

void kp_request_header_put(struct kp_writer *w, const struct kp_request_header *in)
{
    const struct kp_api *api = kp_api_find(in->request_api_key);
    ASSERT(api);
    kp_request_header_write(w, kp_request_header_version(api, in->request_api_version), in);
}

void kp_response_header_put(struct kp_writer *w, const struct kp_api *api, int16_t version,
                            int32_t correlation_id)
{
    struct kp_response_header h;
    kp_response_header_init(&h);
    h.correlation_id = correlation_id;
    kp_response_header_write(w, kp_response_header_version(api, version), &h);
}

int kp_response_header_parse(struct kp_reader *r, const struct kp_api *api, int16_t version,
                             struct kp_response_header *out)
{
    return kp_response_header_read(r, NULL, kp_response_header_version(api, version), out);
}
