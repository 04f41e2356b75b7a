/* DescribeUserScramCredentials: who has credentials, never what they are. */
#include "api/handlers.h"
#include "api/seen.h"
#include "kp/describe_user_scram_credentials.h"
#include "kp/user_scram_credential_record.h"

#include <stdlib.h>

enum { MECHANISMS_N = 2 }; /* SCRAM-SHA-256 is 1, SCRAM-SHA-512 is 2 */

#define RESULT(f) kp_describe_user_scram_credentials_response_describe_user_scram_credentials_result##f

static int scram_read(struct arena *a, struct slice record, struct kp_user_scram_credential_record *c)
{
    struct kp_reader in = kp_reader_of(record);
    (void)kp_read_uvarint(&in), (void)kp_read_uvarint(&in);
    int16_t version = (int16_t)kp_read_uvarint(&in);
    return kp_user_scram_credential_record_read(&in, a, version, c);
}

static void describe_user(struct req *r, struct slice user, bool twice, struct RESULT() * o)
{
    struct broker *b = req_broker(r);
    struct strbuf why;
    RESULT(_init)(o);
    o->user = user;
    o->credential_infos = arena_zalloc(&r->arena, MECHANISMS_N, sizeof *o->credential_infos);
    uint8_t *key = arena_alloc(&r->arena, user.n + 1);
    if (user.n) memcpy(key + 1, user.p, user.n);
    for (int8_t m = 1; m <= MECHANISMS_N && !twice; m++) {
        struct kp_user_scram_credential_record c;
        key[0] = (uint8_t)m;
        const struct image_fact *f = image_fact(&b->image, IMAGE_SCRAM, slice_of(key, user.n + 1));
        if (f && scram_read(&r->arena, image_fact_record(f), &c) == 0)
            o->credential_infos[o->credential_infos_n++] =
                (struct kp_describe_user_scram_credentials_response_credential_info){m, c.iterations};
    }
    if (o->credential_infos_n) return;
    o->error_code = twice ? KERR_DUPLICATE_RESOURCE : KERR_RESOURCE_NOT_FOUND;
    strbuf_init(&why);
    strbuf_add_cstr(&why,
                    twice ? "Cannot describe SCRAM credentials for the same user twice in a single request: "
                          : "Attempt to describe a user credential that does not exist: ");
    strbuf_add(&why, user.p, user.n);
    o->error_message = arena_slice_dup(&r->arena, strbuf_slice(&why));
    strbuf_fini(&why);
}

void api_describe_user_scram_credentials(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_describe_user_scram_credentials_request in;
    struct kp_describe_user_scram_credentials_response out;
    struct image_fact **facts = NULL;
    struct seen seen;
    int n;
    if (!API_READ(r, describe_user_scram_credentials, &in)) return;
    kp_describe_user_scram_credentials_response_init(&out);
    if (in.users_n > 0) n = in.users_n;
    else facts = image_facts(&b->image, IMAGE_SCRAM, &n);
    struct slice *users = arena_zalloc(&r->arena, (size_t)n, sizeof *users);
    bool *twice = arena_zalloc(&r->arena, (size_t)n, sizeof *twice);
    int users_n = 0;
    seen_init(&seen, &r->arena, (size_t)n, prng_next(&b->prng));
    for (int i = 0; i < n; i++) {
        struct slice user = facts ? slice_of(facts[i]->bytes + 1, facts[i]->key_n - 1) : in.users[i].name;
        int32_t first = seen_note(&seen, user, 0, users_n);
        if (first < 0) users[users_n++] = user;
        else twice[first] = !facts;
    }
    out.results = arena_zalloc(&r->arena, (size_t)users_n, sizeof *out.results);
    for (int i = 0; i < users_n; i++) describe_user(r, users[i], twice[i], &out.results[out.results_n++]);
    API_REPLY(r, describe_user_scram_credentials, &out);
    free(facts);
}
