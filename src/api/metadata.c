/* Metadata, ApiVersions, DescribeCluster and what else describes the cluster from the image alone. */
#include "api/create.h"
#include "api/handlers.h"
#include "ctl/feature.h"
#include "api/seen.h"
#include "kp/api_versions.h"
#include "kp/kp_api.h"
#include "kp/metadata.h"

void api_api_versions(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_api_versions_request in;
    struct kp_api_versions_response out;
    int n;
    const struct api_handler *h = api_handlers(&n);
    kp_api_versions_response_init(&out);
    bool known = r->version >= 0 && r->version <= 4;
    if (!known) {
        out.error_code = KERR_UNSUPPORTED_VERSION;
        r->version = 0;
    } else if (!API_READ(r, api_versions, &in)) return;
    else if (r->version >= 3) {
        for (int i = 0; i < 2; i++) {
            struct slice s = i ? in.client_software_version : in.client_software_name;
            bool ok = s.n > 0;
            for (size_t k = 0; k < s.n; k++) {
                uint8_t c = s.p[k];
                bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                ok &= alnum || ((c == '-' || c == '.') && k > 0 && k + 1 < s.n);
            }
            if (!ok) out.error_code = KERR_INVALID_REQUEST;
        }
    }
    out.api_keys = arena_zalloc(&r->arena, (size_t)n, sizeof *out.api_keys);
    if (known && out.error_code) n = 0;
    for (int key = 0, at = 0; at < n && key < 1000; key++)
        for (int i = 0; i < n; i++) {
            if (h[i].key != key) continue;
            if (!known && key != KP_API_API_VERSIONS) {
                at++;
                continue;
            }
            out.api_keys[out.api_keys_n++] =
                (struct kp_api_versions_response_api_version){h[i].key, h[i].min, h[i].max};
            at++;
        }
    if (known && out.error_code == 0 && r->version >= 3) {
        const struct image *im = &b->image;
        size_t known_n;
        const struct feature *f = features_known(&known_n);
        out.supported_features = arena_zalloc(&r->arena, known_n + 1, sizeof *out.supported_features);
        out.supported_features[out.supported_features_n++] =
            (struct kp_api_versions_response_supported_feature_key){slice_cstr("metadata.version"), MV_FIRST,
                                                                    MV_LATEST};
        for (size_t i = 0; i < known_n; i++)
            if (f[i].min > 0 ||
                r->version >= 4) /* before, a client takes a least level of 0 for malformed (KIP-1022) */
                out.supported_features[out.supported_features_n++] =
                    (struct kp_api_versions_response_supported_feature_key){slice_cstr(f[i].name), f[i].min,
                                                                            f[i].max};
        out.finalized_features =
            arena_zalloc(&r->arena, (size_t)im->features_n + 1, sizeof *out.finalized_features);
        for (int i = 0; i < im->features_n; i++)
            out.finalized_features[out.finalized_features_n++] =
                (struct kp_api_versions_response_finalized_feature_key){
                    slice_cstr(im->features[i].name), im->features[i].level, im->features[i].level};
        if (im->kraft_version > 0)
            out.finalized_features[out.finalized_features_n++] =
                (struct kp_api_versions_response_finalized_feature_key){slice_cstr("kraft.version"),
                                                                        im->kraft_version, im->kraft_version};
        out.finalized_features_epoch = im->offset;
    }
    API_REPLY(r, api_versions, &out);
}

struct metadata {
    struct req *r;
    struct kp_metadata_request in;
    struct auto_create create;
    int16_t create_error;
};

static void fill_topic(struct broker *b, struct req *r, struct image_topic *t,
                       struct kp_metadata_response_metadata_response_topic *o)
{
    o->name = slice_cstr(t->name);
    o->topic_id = t->id;
    o->is_internal = topic_is_internal(o->name);
    o->partitions = arena_zalloc(&r->arena, (size_t)t->parts_n, sizeof *o->partitions);
    o->partitions_n = t->parts_n;
    for (int32_t i = 0; i < t->parts_n; i++) {
        struct image_part *p = &t->parts[i];
        kp_metadata_response_metadata_response_partition_init(&o->partitions[i]);
        o->partitions[i].partition_index = i;
        o->partitions[i].leader_id = p->leader;
        o->partitions[i].leader_epoch = p->leader_epoch;
        o->partitions[i].replica_nodes = p->replicas;
        o->partitions[i].replica_nodes_n = p->replicas_n;
        o->partitions[i].isr_nodes = p->isr;
        o->partitions[i].isr_nodes_n = p->isr_n;
        if (p->leader < 0) o->partitions[i].error_code = KERR_LEADER_NOT_AVAILABLE;
    }
    (void)b;
}

static void answer(struct metadata *m)
{
    struct req *r = m->r;
    struct broker *b = req_broker(r);
    struct kp_metadata_response out;
    kp_metadata_response_init(&out);
    out.brokers = arena_zalloc(&r->arena, (size_t)b->image.brokers_n, sizeof *out.brokers);
    for (int i = 0; i < b->image.brokers_n; i++) {
        const struct image_broker *ib = &b->image.brokers[i];
        const struct image_endpoint *e = broker_endpoint(b, r->conn, ib->id);
        if (ib->fenced || !e) continue;
        kp_metadata_response_metadata_response_broker_init(&out.brokers[out.brokers_n]);
        out.brokers[out.brokers_n].node_id = ib->id;
        out.brokers[out.brokers_n].host = e->host;
        out.brokers[out.brokers_n].port = e->port;
        out.brokers[out.brokers_n++].rack = ib->rack;
    }
    out.cluster_id = slice_cstr(b->node->cluster_id);
    out.controller_id = b->node->id;
    bool all = m->in.topics_n < 0 || (r->version == 0 && m->in.topics_n == 0);
    if (all) {
        int n;
        struct image_topic **topics = image_sorted(&b->image, &n);
        out.topics = arena_zalloc(&r->arena, (size_t)n, sizeof *out.topics);
        for (int i = 0; i < n; i++) {
            kp_metadata_response_metadata_response_topic_init(&out.topics[out.topics_n]);
            fill_topic(b, r, topics[i], &out.topics[out.topics_n++]);
        }
    } else {
        struct seen seen;
        bool by_ids = false; /* one id makes all of them count, and only them */
        for (int32_t i = 0; i < m->in.topics_n; i++) by_ids |= !uuid_is_zero(m->in.topics[i].topic_id);
        seen_init(&seen, &r->arena, (size_t)m->in.topics_n, prng_next(&b->prng));
        out.topics = arena_zalloc(&r->arena, (size_t)m->in.topics_n, sizeof *out.topics);
        for (int32_t i = 0; i < m->in.topics_n; i++) {
            const struct kp_metadata_request_metadata_request_topic *q = &m->in.topics[i];
            bool by_id = by_ids || !q->name.p;
            if (by_ids && uuid_is_zero(q->topic_id)) continue;
            if (seen_note(&seen, by_id ? slice_of(q->topic_id.b, sizeof q->topic_id.b) : q->name, by_id, i) >=
                0)
                continue;
            struct kp_metadata_response_metadata_response_topic *o = &out.topics[out.topics_n++];
            kp_metadata_response_metadata_response_topic_init(o);
            struct image_topic *t =
                by_id ? image_topic_by_id(&b->image, q->topic_id) : image_topic(&b->image, q->name);
            if (t) {
                fill_topic(b, r, t, o);
                continue;
            }
            struct strbuf why;
            strbuf_init(&why);
            o->name = by_id ? (struct slice){0} : q->name;
            o->topic_id = q->topic_id;
            o->error_code = by_id ? KERR_UNKNOWN_TOPIC_ID : KERR_UNKNOWN_TOPIC_OR_PARTITION;
            if (!by_id && ctl_topic_name_check(q->name, &why)) o->error_code = KERR_INVALID_TOPIC_EXCEPTION;
            strbuf_fini(&why);
        }
    }
    for (int32_t i = 0; i < out.topics_n && m->in.include_topic_authorized_operations; i++)
        if (out.topics[i].name.p) out.topics[i].topic_authorized_operations = OPERATIONS_TOPIC;
    if (m->in.include_cluster_authorized_operations) out.cluster_authorized_operations = OPERATIONS_CLUSTER;
    API_REPLY(r, metadata, &out);
}

/* Ids of topics have their field since version 10 and count since version 12; an entry with neither id nor
 * name is one for which Kafka has no error of its own. */
static bool refuse_ids(struct metadata *m)
{
    struct req *r = m->r;
    struct kp_metadata_response out;
    bool ids = false, nameless = false;
    for (int32_t i = 0; i < m->in.topics_n; i++) {
        ids |= !uuid_is_zero(m->in.topics[i].topic_id);
        nameless |= !m->in.topics[i].name.p;
    }
    int16_t error = r->version < 12 && (ids || nameless) ? KERR_INVALID_REQUEST
                    : !ids && nameless                   ? KERR_UNKNOWN_SERVER_ERROR
                                                         : 0;
    if (!error) return false;
    kp_metadata_response_init(&out);
    out.error_code = error;
    out.topics = arena_zalloc(&r->arena, (size_t)m->in.topics_n, sizeof *out.topics);
    out.topics_n = m->in.topics_n;
    for (int32_t i = 0; i < m->in.topics_n; i++) {
        kp_metadata_response_metadata_response_topic_init(&out.topics[i]);
        out.topics[i].name = m->in.topics[i].name.p ? m->in.topics[i].name : slice_cstr("");
        out.topics[i].topic_id = m->in.topics[i].topic_id;
        out.topics[i].error_code = error;
    }
    API_REPLY(r, metadata, &out);
    return true;
}

static void created(struct auto_create *c, struct shard *home)
{
    (void)home;
    answer(CONTAINER_OF(c, struct metadata, create));
}

void api_metadata(struct req *r)
{
    struct broker *b = req_broker(r);
    struct metadata *m = arena_zalloc(&r->arena, 1, sizeof *m);
    m->r = r;
    if (!API_READ(r, metadata, &m->in) || refuse_ids(m)) return;
    bool may_create = r->version < 4 || m->in.allow_auto_topic_creation;
    int missing = 0;
    if (may_create && m->in.topics_n > 0) {
        m->create.names = arena_zalloc(&r->arena, (size_t)m->in.topics_n, sizeof *m->create.names);
        for (int32_t i = 0; i < m->in.topics_n; i++) {
            struct slice name = m->in.topics[i].name;
            if (!name.p || image_topic(&b->image, name)) continue;
            if (!conf_bool(&b->conf, CONF_AUTO_CREATE_TOPICS_ENABLE) && !topic_is_internal(name)) continue;
            m->create.names[missing++] = name;
        }
    }
    if (missing == 0) {
        answer(m);
        return;
    }
    m->create.names_n = missing;
    m->create.done = created;
    auto_create_topics(b, &m->create);
}
