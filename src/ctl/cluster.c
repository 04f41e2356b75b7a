/* Decisions about the cluster itself: which brokers are registered, at which levels its features stand. */
#include "ctl/ctl.h"
#include "ctl/feature.h"
#include "kp/metadata_records.h"
#include "kp/update_features.h"

#include <stdio.h>

int ctl_unregister_broker(const struct image *im, const struct ctl_now *now, int32_t id,
                          struct ctl_records *rs, struct strbuf *why)
{
    const struct image_broker *b = image_broker(im, id);
    if (!b) {
        strbuf_printf(why, "Broker ID %d is not currently registered", id);
        return ERR_BROKER_ID_NOT_REGISTERED;
    }
    if (id == now->node_id) { /* it would have no leader for any partition, itself included */
        strbuf_printf(why, "Broker %d is the one that answers; it stays registered while it runs.", id);
        return ERR_INVALID_REQUEST;
    }
    struct kp_unregister_broker_record r = {.broker_id = id, .broker_epoch = b->epoch};
    ctl_put(rs, &kp_unregister_broker_record_message, 0, &r);
    return 0;
}

/* ---- features ---- */
enum { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };
#define METADATA_VERSION "metadata.version"
#define KRAFT_VERSION "kraft.version"
#define ELR_VERSION "eligible.leader.replicas.version"

typedef const struct kp_update_features_request_feature_update_key update;

static int invalid(struct strbuf *why, update *u, const char *reason)
{
    strbuf_add_cstr(why, "Invalid update version ");
    strbuf_printf(why, "%d for feature ", u->max_version_level);
    strbuf_add(why, u->feature.p, u->feature.n);
    strbuf_printf(why, ". %s", reason);
    return ERR_INVALID_UPDATE_VERSION;
}

/* NULL: neither this code nor a registered broker has anything against it. */
static const char *not_supported(const struct image *im, update *u, char text[160])
{
    size_t n;
    int16_t min = MV_FIRST, max = MV_LATEST;
    const struct feature *f = features_known(&n);
    for (size_t i = 0; i < n; i++)
        if (slice_eq_cstr(u->feature, f[i].name)) min = f[i].min, max = f[i].max;
    snprintf(text, 160, "The controller only supports versions %d-%d", min, max);
    if (u->max_version_level < min || u->max_version_level > max) return text;
    for (int i = 0; i < im->brokers_n; i++) {
        const struct image_range *r = NULL;
        for (int k = 0; k < im->brokers[i].features_n; k++)
            if (slice_eq(im->brokers[i].features[k].name, u->feature)) r = &im->brokers[i].features[k];
        snprintf(text, 160, "Broker %d does not support this feature.", im->brokers[i].id);
        if (!r && u->max_version_level) return text;
        if (!r || (u->max_version_level >= r->min && u->max_version_level <= r->max)) continue;
        snprintf(text, 160, "Broker %d only supports versions %d-%d", im->brokers[i].id, r->min, r->max);
        return text;
    }
    return NULL;
}

static int16_t level_now(const struct image *im, struct slice name)
{
    if (slice_eq_cstr(name, METADATA_VERSION)) return image_metadata_version(im);
    if (slice_eq_cstr(name, KRAFT_VERSION)) return im->kraft_version;
    for (int i = 0; i < im->features_n; i++)
        if (slice_eq_cstr(name, im->features[i].name)) return im->features[i].level;
    return 0;
}

/* What is asked of each feature that this code knows, metadata.version first; of one named twice, what is
 * said last. */
#define SLOTS_MAX 16
struct updates {
    update *of[SLOTS_MAX];
    int16_t mv; /* once the whole request is done */
};

static int updates_gather(struct updates *x, const struct image *im,
                          const struct kp_update_features_request *q, struct strbuf *why)
{
    size_t n;
    const struct feature *f = features_known(&n);
    *x = (struct updates){.mv = image_metadata_version(im)};
    ASSERT(n < SLOTS_MAX);
    for (int32_t i = 0; i < q->feature_updates_n; i++) {
        update *u = &q->feature_updates[i];
        size_t k = 0;
        if (!slice_eq_cstr(u->feature, METADATA_VERSION))
            for (k = 1; k <= n && !slice_eq_cstr(u->feature, f[k - 1].name);) k++;
        if (k > n) return invalid(why, u, "The controller does not support this feature.");
        x->of[k] = u;
    }
    if (x->of[0]) x->mv = x->of[0]->max_version_level;
    return 0;
}

static int check_dependencies(update *u, int16_t mv, struct strbuf *why)
{
    size_t n;
    const struct feature *f = features_known(&n);
    for (size_t i = 0; i < n; i++) {
        char text[160];
        if (!slice_eq_cstr(u->feature, f[i].name)) continue;
        int16_t needs = feature_needs(&f[i], u->max_version_level);
        if (mv >= needs) return 0;
        snprintf(text, sizeof text, "%s could not be set to %d because it depends on %s level %d", f[i].name,
                 u->max_version_level, METADATA_VERSION, needs);
        return invalid(why, u, text);
    }
    return 0;
}

static int check_update(const struct image *im, int16_t mv, update *u, struct strbuf *why)
{
    char text[160];
    int16_t now = level_now(im, u->feature), to = u->max_version_level;
    if (u->upgrade_type < UPGRADE || u->upgrade_type > UNSAFE_DOWNGRADE)
        return invalid(why, u, "The controller does not support the given upgrade type.");
    if (to < 0) return invalid(why, u, "A feature version cannot be less than 0.");
    const char *reason = not_supported(im, u, text);
    if (reason) return invalid(why, u, reason);
    if (to < now && u->upgrade_type == UPGRADE)
        return invalid(
            why, u,
            "Can't downgrade the version of this feature without setting the upgrade type to either "
            "safe or unsafe downgrade.");
    if (to > now && u->upgrade_type != UPGRADE) return invalid(why, u, "Can't downgrade to a newer version.");
    if (slice_eq_cstr(u->feature, METADATA_VERSION)) {
        if (to >= now || !feature_changes_metadata(now, to)) return 0;
        return invalid(why, u,
                       u->upgrade_type == UNSAFE_DOWNGRADE
                           ? "Unsafe metadata downgrade is not supported in this version."
                           : "Refusing to perform the requested downgrade because it might delete metadata "
                             "information.");
    }
    if (slice_eq_cstr(u->feature, KRAFT_VERSION) && to != now)
        return invalid(
            why, u,
            "The form of the quorum is chosen at the format; the other features can be named one by one.");
    return check_dependencies(u, mv, why);
}

/* Where eligible replicas begin to count, min.insync.replicas is one number for the whole cluster (KIP-966).
 */
static void put_elr(const struct image *im, const struct ctl_now *now, struct ctl_records *rs)
{
    struct slice name = slice_cstr("min.insync.replicas");
    MAP_FOREACH(it, struct image_configs, c, &im->configs)
    if (c->type == 4 && c->resource.n && image_config(c, name).p)
        ctl_set_config(4, c->resource, name, (struct slice){0}, rs);
    if (image_config(image_configs(im, 4, KP_EMPTY), name).p) return;
    char n[24];
    snprintf(n, sizeof n, "%lld", (long long)conf_i64(now->conf, CONF_MIN_INSYNC_REPLICAS));
    ctl_set_config(4, KP_EMPTY, name, slice_cstr(n), rs);
}

int ctl_update_features(const struct image *im, const struct ctl_now *now,
                        const struct kp_update_features_request *q, struct ctl_records *rs,
                        struct strbuf *why)
{
    struct updates x;
    int rc = updates_gather(&x, im, q, why);
    for (int i = 0; i < SLOTS_MAX && rc == 0; i++) {
        update *u = x.of[i];
        if (!u || (rc = check_update(im, x.mv, u, why)) != 0) continue;
        if (slice_eq_cstr(u->feature, KRAFT_VERSION)) continue; /* a control record says its level */
        struct kp_feature_level_record r = {u->feature, u->max_version_level};
        ctl_put(rs, &kp_feature_level_record_message, 0, &r);
        if (slice_eq_cstr(u->feature, ELR_VERSION) && u->max_version_level && !level_now(im, u->feature))
            put_elr(im, now, rs);
    }
    return rc;
}
