/* From a request's key to its handler. */
#include "api/api.h"
#include "api/handlers.h"
#include "kp/kp_api.h"

#include <stdio.h>

static const struct api_handler handlers[] = {
#define X(KEY, fn, min, max) {KP_API_##KEY, min, max, fn},
    API_HANDLERS(X)
#undef X
};

const struct api_handler *api_handlers(int *n)
{
    *n = (int)NELEMS(handlers);
    return handlers;
}

struct kp_reader *api_reader(struct req *r)
{
    struct kp_reader *in = arena_alloc(&r->arena, sizeof *in);
    *in = kp_reader_of(r->body);
    /* Arrays of a request may take this much beyond its own size; a frame cannot make us take more. */
    in->mem_max = 64 * r->body.n + 65536;
    return in;
}

bool api_read_done(struct req *r, int rc)
{
    if (rc == 0) return true;
    req_kill(r, rc == ERR_MESSAGE_TOO_LARGE ? "a request asks for more memory than its size justifies"
                                            : "a request is cut short or malformed");
    return false;
}

static void kill_unsupported(struct req *r)
{
    const struct kp_api *known = kp_api_find(r->key);
    char why[160], here[48] = "no version is";
    for (size_t i = 0; i < NELEMS(handlers); i++)
        if (handlers[i].key == r->key)
            snprintf(here, sizeof here, "%d to %d are", handlers[i].min, handlers[i].max);
    snprintf(why, sizeof why, "version %d of API key %d (%s) is not supported: %s", r->version, r->key,
             known ? known->name : "unknown", known ? here : "Kafka has no such key");
    req_kill(r, why);
}

void api_dispatch(struct req *r)
{
    for (size_t i = 0; i < NELEMS(handlers); i++) {
        const struct api_handler *h = &handlers[i];
        if (h->key != r->key) continue;
        if (r->key == KP_API_API_VERSIONS) { /* any version gets an answer (KIP-511) */
            h->handle(r);
            return;
        }
        /* Produce lists 0 because librdkafka looks for it, and refuses what has no schema any more. */
        int16_t least = r->key == KP_API_PRODUCE ? KP_PRODUCE_FIRST : h->min;
        if (r->version >= least && r->version <= h->max) {
            h->handle(r);
            return;
        }
        if (r->key == KP_API_PRODUCE && r->version >= 0 && r->version < KP_PRODUCE_FIRST) {
            produce_refuse_old(r);
            return;
        }
        break;
    }
    kill_unsupported(r);
}
