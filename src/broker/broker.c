/* One shard's share of the broker: what it is made of, its settings, its turns, its end. */
#include "broker/broker.h"
#include "broker/checkpoint.h"
#include "broker/groups.h"
#include "broker/unopened.h"
#include "base/hash.h"
#include "ctl/feature.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUEST_BYTES ((int64_t)16 << 20) /* of queued.max.request.bytes=-1, for each shard */

void broker_topic_conf(struct broker *b, const struct image_topic *t, struct conf_topic *out)
{
    const struct image_configs *c = image_configs(&b->image, 2, slice_cstr(t->name));
    struct conf_override *o = xcalloc(c ? (size_t)c->n : 0, sizeof *o);
    for (int i = 0; c && i < c->n; i++) o[i] = (struct conf_override){c->v[i].name, c->v[i].value};
    conf_topic_init(out, &b->conf, o, c ? (size_t)c->n : 0);
    free(o);
}

static void checkpoint_now(struct timer *t, struct shard *s)
{
    (void)t;
    broker_write_checkpoints(s->broker);
}

static void config_changed(void *arg, int8_t type, struct slice resource)
{
    struct broker *b = arg;
    if (type == 4) {
        broker_apply_dynamic(b, resource);
        return;
    }
    struct image_topic *t = type == 2 ? image_topic(&b->image, resource) : NULL;
    if (!t || !b->serving) return;
    struct conf_topic cfg;
    broker_topic_conf(b, t, &cfg);
    for (int32_t i = 0; i < t->parts_n; i++) {
        struct part *p = parts_find(&b->parts, t->id, i);
        if (p) part_configure(p, &cfg);
    }
}

/* The cleaner and the mover. */
static void configure_background(struct broker *b)
{
    const struct conf *c = &b->conf;
    struct cleaner_conf cc = {
        .enable = conf_bool(c, CONF_LOG_CLEANER_ENABLE),
        .threads = conf_i64(c, CONF_LOG_CLEANER_THREADS),
        .backoff_ms = conf_i64(c, CONF_LOG_CLEANER_BACKOFF_MS),
        .dedupe_bytes = conf_i64(c, CONF_LOG_CLEANER_DEDUPE_BUFFER_SIZE),
        .io_bytes = conf_i64(c, CONF_LOG_CLEANER_IO_BUFFER_SIZE),
        .load = conf_double(c, CONF_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR),
        .bytes_per_s = conf_double(c, CONF_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND),
    };
    cleaner_configure(&b->cleaner, &cc);
    b->mover.bytes_per_s =
        (double)max_i64(conf_i64(c, CONF_REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND), 1);
    scrub_configure(&b->scrub, conf_i64(c, CONF_MOLDAU_SCRUB_BYTES_PER_SECOND));
}

static struct cleaner *cleaner_of(struct shard *s)
{
    return &s->broker->cleaner;
}

/* Dynamic broker settings: the image's overrides become this shard's layer. */
void broker_apply_dynamic(struct broker *b, struct slice resource)
{
    char self[16];
    snprintf(self, sizeof self, "%d", b->node->id);
    if (resource.n && !slice_eq_cstr(resource, self)) return;
    enum conf_layer layer = resource.n ? CONF_LAYER_DYNAMIC_BROKER : CONF_LAYER_DYNAMIC_DEFAULT;
    const struct image_configs *c = image_configs(&b->image, 4, resource);
    struct strbuf err;
    strbuf_init(&err);
    for (int id = 0; id < CONF_BROKER_COUNT; id++) {
        const struct conf_def *d = conf_def((enum conf_id)id);
        struct slice name = slice_cstr(d->name), v = image_config(c, name),
                     now = b->conf.settings[id].text[layer];
        if (!v.p && !now.p) continue;
        if (v.p && now.p && slice_eq(v, now)) continue;
        if (conf_set(&b->conf, name, v, layer, &err))
            logline(LOG_WARN, "config", "a stored dynamic setting is not accepted: %s", strbuf_cstr(&err));
        strbuf_reset(&err);
    }
    strbuf_fini(&err);
    if (!b->serving) return;
    groups_configure(b->groups);
    configure_background(b);
    MAP_FOREACH(it, struct part, p, &b->parts.map)
    {
        struct conf_topic cfg;
        struct image_topic *t = image_topic_by_id(&b->image, p->topic_id);
        if (!t) continue;
        broker_topic_conf(b, t, &cfg);
        part_configure(p, &cfg);
    }
}

#define TICK_PARTS 128 /* in one turn */
/* Kafka waits this long before its first look. */
#define RETENTION_FIRST_MS 30000

static void tick(struct timer *t, struct shard *s)
{
    struct broker *b = s->broker;
    int64_t now = os_wall_ms(s->os);
    struct part *p = NULL;
    if (b->tick_at == 0) {
        b->retaining = os_mono_ns(s->os) >= b->retain_ns;
        if (b->retaining)
            b->retain_ns =
                os_mono_ns(s->os) + conf_i64(&b->conf, CONF_LOG_RETENTION_CHECK_INTERVAL_MS) * 1000000;
    }
    parts_end_of_turn(&b->parts); /* upkeep is of what is in the files */
    /* In slices: between them requests are served, and the map may change, so that one partition or another
     * waits for the next round. */
    for (int i = 0; i < TICK_PARTS && (p = map_next(&b->parts.map, &b->tick_at)) != NULL; i++)
        part_tick(p, now, b->retaining);
    if (p) {
        timer_set_ms(s, t, 1);
        return;
    }
    b->tick_at = 0;
    broker_write_checkpoints(b);
    if (conf_i64(&b->conf, CONF_CONNECTIONS_MAX_IDLE_MS) >= 0)
        net_close_idle(&b->net, conf_i64(&b->conf, CONF_CONNECTIONS_MAX_IDLE_MS));
    timer_set_ms(s, t,
                 min_i64(conf_i64(&b->conf, CONF_LOG_RETENTION_CHECK_INTERVAL_MS),
                         conf_i64(&b->conf, CONF_LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS)));
}

static void end_of_turn(struct shard *s)
{
    struct broker *b = s->broker;
    do {
        parts_end_of_turn(&b->parts);
        net_end_of_turn(&b->net);
    } while (!parts_idle(&b->parts));
#ifdef MOLDAU_VERIFY
    parts_check(&b->parts);
    net_check(&b->net);
#endif
}

struct net *net_of(struct shard *s)
{
    return &s->broker->net;
}

void broker_init(struct broker *b, struct shard *s, const struct node *node, const struct conf *conf,
                 void (*dispatch)(struct req *r))
{
    memset(b, 0, sizeof *b);
    b->shard = s;
    b->node = node;
    s->broker = b;
    s->end_of_turn = end_of_turn;
    conf_copy(&b->conf, conf);
    image_init(&b->image);
    b->image.arg = b;
    broker_init_partitions(b);
    b->image.config_changed = config_changed;
    uint64_t seed;
    os_entropy(s->os, &seed, sizeof seed);
    prng_init(&b->prng, seed);
    b->hash_seed = prng_next(&b->prng);
    const char *sync = conf_str(conf, CONF_MOLDAU_ACK_SYNC);
    parts_init(&b->parts, s,
               strcmp(sync, "never") == 0    ? PART_SYNC_NEVER
               : strcmp(sync, "always") == 0 ? PART_SYNC_ALWAYS
                                             : PART_SYNC_ACKS_ALL,
               conf_i64(conf, CONF_PRODUCER_ID_EXPIRATION_MS));
    b->parts.journal_bytes = conf_i64(conf, CONF_MOLDAU_ACK_JOURNAL_BYTES);
    cleaner_init(&b->cleaner, &b->parts, cleaner_of);
    mover_init(&b->mover, s, moves_commit);
    scrub_init(&b->scrub, &b->parts);
    int64_t held = conf_i64(conf, CONF_QUEUED_MAX_REQUEST_BYTES);
    net_init(&b->net, s, dispatch, (size_t)conf_i64(conf, CONF_SOCKET_REQUEST_MAX_BYTES),
             held > 0 ? max_i64(1, held / s->n) : REQUEST_BYTES);
    list_init(&b->pid_waiters);
    b->tick.fire = tick;
    b->checkpoint_soon.fire = checkpoint_now;
}

int broker_open_partitions(struct broker *b, const struct checkpoints *cp)
{
    b->groups = groups_new(b);
    int failed = broker_open_all(b, cp);
    b->serving = true;
    timer_set_ms(b->shard, &b->tick, 1000);
    configure_background(b);
    cleaner_start(&b->cleaner);
    moves_resume(b);
    b->retain_ns =
        os_mono_ns(b->shard->os) +
        min_i64(RETENTION_FIRST_MS, conf_i64(&b->conf, CONF_LOG_RETENTION_CHECK_INTERVAL_MS)) * 1000000;
    return failed;
}

int broker_close_partitions(struct broker *b)
{
    int failed = 0;
    cleaner_stop(&b->cleaner);
    mover_stop(&b->mover);
    scrub_stop(&b->scrub);
    MAP_FOREACH(it, struct part, p, &b->parts.map)
    if (part_close(p)) failed++;
    return failed;
}

int brokers_sync(struct broker **all, int n)
{
    const struct node *node = all[0]->node;
    struct os *os = all[0]->shard->os;
    int failed = 0;
    for (int d = 0; d < node->dirs_n; d++) {
        if (!node->dirs[d].online) continue;
        if (os_sync_tree(os, node->dirs[d].path)) {
            logline(LOG_ERROR, node->dirs[d].path, "a sync to disk failed (%s)", os_why());
            os_mark_unsettled(os, node->dirs[d].path);
            failed++;
            continue;
        }
        for (int i = 0; i < n; i++) MAP_FOREACH(it, struct part, p, &all[i]->parts.map)
        if (p->dir == d && !p->log->faulted) {
            p->log->synced_offset = p->log->flushed_offset;
            p->aborts_synced = p->log->aborts_made;
        }
    }
    return failed;
}

void broker_fini(struct broker *b)
{
    net_fini(&b->net);
    groups_free(b->groups);
    b->serving = false;
    MAP_FOREACH(it, struct part, p, &b->parts.map)
    p->doomed = true; /* files stay; memory goes with the process */
    image_fini(&b->image);
    conf_fini(&b->conf);
}

const struct image_endpoint *broker_endpoint(const struct broker *b, const struct conn *c, int32_t node_id)
{
    const struct image_broker *ib = image_broker(&b->image, node_id);
    for (int i = 0; ib && i < ib->endpoints_n; i++)
        if (slice_eq_cstr(ib->endpoints[i].listener, c->listener->name)) return &ib->endpoints[i];
    return NULL;
}

bool topic_is_internal(struct slice name)
{
    return slice_eq_cstr(name, "__consumer_offsets") || slice_eq_cstr(name, "__transaction_state") ||
           slice_eq_cstr(name, "__share_group_state");
}
