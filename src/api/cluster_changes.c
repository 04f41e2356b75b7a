/* UnregisterBroker and UpdateFeatures: decided by the controller (ctl/cluster.c). */
#include "api/handlers.h"
#include "kp/unregister_broker.h"
#include "kp/update_features.h"

struct cluster_change {
    struct ctl_op op;
    struct req *r;
    int16_t error;
    struct slice message;
    struct kp_unregister_broker_request unregister;
    struct kp_update_features_request update;
};

static void change_result(struct cluster_change *x, int rc, struct strbuf *why)
{
    x->error = err_kafka(rc);
    if (rc) x->message = why->n ? arena_slice_dup(&x->r->arena, strbuf_slice(why)) : slice_cstr(err_text(rc));
    strbuf_fini(why);
}

static struct cluster_change *change_new(struct req *r)
{
    struct cluster_change *x = arena_zalloc(&r->arena, 1, sizeof *x);
    x->r = r;
    return x;
}

static void change_done(struct cluster_change *x)
{
    if (!x->op.err) return;
    x->error = err_kafka(x->op.err);
    x->message = ctl_op_why(&x->op);
}

/* ---- UnregisterBroker ---- */
static void unregister_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now,
                             struct ctl_records *rs)
{
    struct cluster_change *x = CONTAINER_OF(op, struct cluster_change, op);
    struct strbuf why;
    strbuf_init(&why);
    change_result(x, ctl_unregister_broker(&zero->image, now, x->unregister.broker_id, rs, &why), &why);
}

static void unregister_done(struct ctl_op *op, struct shard *home)
{
    struct cluster_change *x = CONTAINER_OF(op, struct cluster_change, op);
    struct kp_unregister_broker_response out;
    (void)home;
    change_done(x);
    kp_unregister_broker_response_init(&out);
    out.error_code = x->error;
    out.error_message = x->message;
    API_REPLY(x->r, unregister_broker, &out);
}

void api_unregister_broker(struct req *r)
{
    struct cluster_change *x = change_new(r);
    if (!API_READ(r, unregister_broker, &x->unregister)) return;
    x->op.build = unregister_build;
    x->op.done = unregister_done;
    ctl_submit(req_broker(r), &x->op);
}

/* ---- UpdateFeatures ---- */
static void features_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now,
                           struct ctl_records *rs)
{
    struct cluster_change *x = CONTAINER_OF(op, struct cluster_change, op);
    struct strbuf why;
    strbuf_init(&why);
    int rc = ctl_update_features(&zero->image, now, &x->update, rs, &why);
    if (rc || x->update.validate_only) ctl_records_cut(rs, 0);
    change_result(x, rc, &why);
}

static void features_done(struct ctl_op *op, struct shard *home)
{
    struct cluster_change *x = CONTAINER_OF(op, struct cluster_change, op);
    struct kp_update_features_response out;
    struct req *r = x->r;
    (void)home;
    change_done(x);
    kp_update_features_response_init(&out);
    out.error_code = x->error;
    out.error_message = x->message;
    if (r->version < 2 && !x->error) { /* all features fare alike; an error is told once */
        out.results = arena_zalloc(&r->arena, (size_t)x->update.feature_updates_n, sizeof *out.results);
        for (int32_t i = 0; i < x->update.feature_updates_n; i++)
            out.results[out.results_n++] = (struct kp_update_features_response_updatable_feature_result){
                x->update.feature_updates[i].feature, 0, slice_cstr("NONE")};
    }
    API_REPLY(r, update_features, &out);
}

void api_update_features(struct req *r)
{
    struct cluster_change *x = change_new(r);
    if (!API_READ(r, update_features, &x->update)) return;
    x->op.build = features_build;
    x->op.done = features_done;
    ctl_submit(req_broker(r), &x->op);
}
