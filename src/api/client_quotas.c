/* DescribeClientQuotas: the image's quota records whose entities fit a filter. */
#include "api/handlers.h"
#include "kp/client_quota_record.h"
#include "kp/describe_client_quotas.h"

#include <stdlib.h>

enum { MATCH_EXACT = 0, MATCH_DEFAULT = 1, MATCH_ANY = 2 };
enum { TYPE_CLIENT_ID, TYPE_IP, TYPE_USER, TYPES_N };
static const char *const types[TYPES_N] = {"client-id", "ip", "user"};

struct filter {
    struct {
        bool asked, any;
        struct slice name; /* null: the default entity */
    } of[TYPES_N];
    int asked_n;
    bool strict;
};

static int type_of(struct slice s)
{
    for (int i = 0; i < TYPES_N; i++)
        if (slice_eq_cstr(s, types[i])) return i;
    return TYPES_N;
}

/* Kafka's error code, 0 if the filter makes sense. A type asked for twice is refused, so this looks at four
 * components at most. */
static int16_t filter_read(struct filter *f, const struct kp_describe_client_quotas_request *in,
                           const char **why)
{
    *f = (struct filter){.strict = in->strict};
    for (int32_t i = 0; i < in->components_n; i++) {
        const struct kp_describe_client_quotas_request_component_data *c = &in->components[i];
        int t = type_of(c->entity_type);
        *why = NULL;
        if (c->entity_type.n == 0) *why = "Invalid empty entity type.";
        else if (t < TYPES_N && f->of[t].asked)
            *why = "An entity type cannot appear more than once in the filter.";
        if (*why) return KERR_INVALID_REQUEST;
        if (t == TYPES_N) {
            *why = "Unsupported entity type";
            return KERR_UNSUPPORTED_VERSION;
        }
        if (c->match_type < MATCH_EXACT || c->match_type > MATCH_ANY) *why = "Unknown match type";
        else if (c->match_type == MATCH_EXACT && !c->match.p)
            *why = "Request specified MATCH_TYPE_EXACT, but set match string to null.";
        else if (c->match_type != MATCH_EXACT && c->match.p)
            *why = "Request specified a match string for a match type that takes none.";
        if (*why) return KERR_INVALID_REQUEST;
        f->of[t].asked = true;
        f->of[t].any = c->match_type == MATCH_ANY;
        f->of[t].name = c->match;
        f->asked_n++;
    }
    if (f->of[TYPE_IP].asked && f->asked_n > 1) {
        *why =
            "Invalid entity filter component combination; IP filter component should not be used with user "
            "or clientId filter component.";
        return KERR_INVALID_REQUEST;
    }
    return 0;
}

static bool fits(const struct filter *f, const struct kp_client_quota_record *q)
{
    if (f->strict && q->entity_n != f->asked_n) return false;
    for (int t = 0; t < TYPES_N; t++) {
        bool there = !f->of[t].asked;
        for (int32_t i = 0; i < q->entity_n && !there; i++) {
            struct slice name = q->entity[i].entity_name;
            if (!slice_eq_cstr(q->entity[i].entity_type, types[t])) continue;
            there = f->of[t].any || (!name.p == !f->of[t].name.p && slice_eq(name, f->of[t].name));
        }
        if (!there) return false;
    }
    return true;
}

static bool same_entity(const struct kp_client_quota_record *q,
                        const struct kp_describe_client_quotas_response_entry_data *e)
{
    bool same = q->entity_n == e->entity_n;
    for (int32_t i = 0; same && i < q->entity_n; i++)
        same = slice_eq(q->entity[i].entity_type, e->entity[i].entity_type) &&
               !q->entity[i].entity_name.p == !e->entity[i].entity_name.p &&
               slice_eq(q->entity[i].entity_name, e->entity[i].entity_name);
    return same;
}

static int cmp_entity(const void *a, const void *b)
{
    const struct kp_client_quota_record_entity_data *x = a, *y = b;
    return slice_cmp(x->entity_type, y->entity_type);
}

static int quota_read(struct arena *a, struct slice record, struct kp_client_quota_record *q)
{
    struct kp_reader in = kp_reader_of(record);
    (void)kp_read_uvarint(&in), (void)kp_read_uvarint(&in);
    int16_t version = (int16_t)kp_read_uvarint(&in);
    int rc = kp_client_quota_record_read(&in, a, version, q);
    if (rc == 0 && q->entity_n > 1) qsort(q->entity, (size_t)q->entity_n, sizeof *q->entity, cmp_entity);
    return rc;
}

/* A quota more of an entity. Facts come in the order of their entities, so it is the last one or a new one.
 */
static void add_quota(struct req *r, struct kp_describe_client_quotas_response *out,
                      const struct kp_client_quota_record *q)
{
    struct kp_describe_client_quotas_response_entry_data *e =
        out->entries_n ? &out->entries[out->entries_n - 1] : NULL;
    if (!e || !same_entity(q, e)) {
        e = &out->entries[out->entries_n++];
        kp_describe_client_quotas_response_entry_data_init(e);
        e->entity = arena_zalloc(&r->arena, (size_t)q->entity_n, sizeof *e->entity);
        for (int32_t i = 0; i < q->entity_n; i++)
            e->entity[e->entity_n++] = (struct kp_describe_client_quotas_response_entity_data){
                q->entity[i].entity_type, q->entity[i].entity_name};
    }
    struct kp_describe_client_quotas_response_value_data *grown =
        arena_zalloc(&r->arena, (size_t)e->values_n + 1, sizeof *grown);
    if (e->values_n) memcpy(grown, e->values, (size_t)e->values_n * sizeof *grown);
    grown[e->values_n++] = (struct kp_describe_client_quotas_response_value_data){q->key, q->value};
    e->values = grown;
}

void api_describe_client_quotas(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_describe_client_quotas_request in;
    struct kp_describe_client_quotas_response out;
    struct filter f;
    const char *why = NULL;
    int n = 0;
    if (!API_READ(r, describe_client_quotas, &in)) return;
    kp_describe_client_quotas_response_init(&out);
    out.error_code = filter_read(&f, &in, &why);
    if (out.error_code) {
        out.error_message = slice_cstr(why);
        out.entries = NULL;
        out.entries_n = -1;
        API_REPLY(r, describe_client_quotas, &out);
        return;
    }
    struct image_fact **facts = image_facts(&b->image, IMAGE_QUOTA, &n);
    out.entries = arena_zalloc(&r->arena, (size_t)n, sizeof *out.entries);
    out.entries_n = 0;
    for (int i = 0; i < n; i++) {
        struct kp_client_quota_record q;
        if (quota_read(&r->arena, image_fact_record(facts[i]), &q) == 0 && fits(&f, &q))
            add_quota(r, &out, &q);
    }
    free(facts);
    API_REPLY(r, describe_client_quotas, &out);
}
