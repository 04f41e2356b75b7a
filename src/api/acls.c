/* DescribeAcls, CreateAcls, DeleteAcls of a broker without an authorizer. */
#include "api/handlers.h"
#include "kp/create_acls.h"
#include "kp/delete_acls.h"
#include "kp/describe_acls.h"

static const char NO_AUTHORIZER[] = "No Authorizer is configured.";

/* Kafka takes its own word for "unknown", which is 0, for a broken request. */
static bool words_known(int8_t resource, int8_t pattern, int8_t operation, int8_t permission)
{
    return resource && pattern && operation && permission;
}
static const char UNKNOWN_WORDS[] =
    "a request about ACLs holds an unknown resource type, pattern type, operation "
    "or permission";

void api_describe_acls(struct req *r)
{
    struct kp_describe_acls_request in;
    struct kp_describe_acls_response out;
    if (!API_READ(r, describe_acls, &in)) return;
    if (!words_known(in.resource_type_filter, in.pattern_type_filter, in.operation, in.permission_type)) {
        req_kill(r, UNKNOWN_WORDS);
        return;
    }
    kp_describe_acls_response_init(&out);
    out.error_code = KERR_SECURITY_DISABLED;
    out.error_message = slice_cstr(NO_AUTHORIZER);
    API_REPLY(r, describe_acls, &out);
}

void api_create_acls(struct req *r)
{
    struct kp_create_acls_request in;
    struct kp_create_acls_response out;
    if (!API_READ(r, create_acls, &in)) return;
    kp_create_acls_response_init(&out);
    out.results_n = in.creations_n;
    out.results = arena_zalloc(&r->arena, (size_t)in.creations_n, sizeof *out.results);
    for (int32_t i = 0; i < in.creations_n; i++) {
        const struct kp_create_acls_request_acl_creation *c = &in.creations[i];
        if (!words_known(c->resource_type, c->resource_pattern_type, c->operation, c->permission_type)) {
            req_kill(r, UNKNOWN_WORDS);
            return;
        }
        out.results[i] = (struct kp_create_acls_response_acl_creation_result){KERR_SECURITY_DISABLED,
                                                                              slice_cstr(NO_AUTHORIZER)};
    }
    API_REPLY(r, create_acls, &out);
}

void api_delete_acls(struct req *r)
{
    struct kp_delete_acls_request in;
    struct kp_delete_acls_response out;
    if (!API_READ(r, delete_acls, &in)) return;
    kp_delete_acls_response_init(&out);
    out.filter_results_n = in.filters_n;
    out.filter_results = arena_zalloc(&r->arena, (size_t)in.filters_n, sizeof *out.filter_results);
    for (int32_t i = 0; i < in.filters_n; i++) {
        const struct kp_delete_acls_request_delete_acls_filter *f = &in.filters[i];
        if (!words_known(f->resource_type_filter, f->pattern_type_filter, f->operation, f->permission_type)) {
            req_kill(r, UNKNOWN_WORDS);
            return;
        }
        kp_delete_acls_response_delete_acls_filter_result_init(&out.filter_results[i]);
        out.filter_results[i].error_code = KERR_SECURITY_DISABLED;
        out.filter_results[i].error_message = slice_cstr(NO_AUTHORIZER);
    }
    API_REPLY(r, delete_acls, &out);
}
