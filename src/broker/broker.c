/* One shard's share of the broker: the image's topics become partitions here. */
#include "broker/broker.h"
#include "broker/checkpoint.h"
#include "broker/groups.h"
#include "broker/unopened.h"
#include "base/hash.h"
#include "ctl/feature.h"

#include <stdio.h>
#include <stdlib.h>

int broker_part_shard(const struct broker *b, struct uuid topic_id, int32_t index)
{
    return (int)((hash_bytes(0, topic_id.b, 16) + (uint64_t)index) % (uint64_t)b->shard->n);
}

void broker_topic_conf(struct broker *b, const struct image_topic *t, struct conf_topic *out)
{
    const struct image_configs *c = image_configs(&b->image, 2, slice_cstr(t->name));
    struct conf_override *o = xcalloc(c ? (size_t)c->n : 0, sizeof *o);
    for (int i = 0; c && i < c->n; i++) o[i] = (struct conf_override){c->v[i].name, c->v[i].value};
    conf_topic_init(out, &b->conf, o, c ? (size_t)c->n : 0);
    free(o);
}

/* The log directory that the partition's record names; where it names none (before metadata.version 17), the
 * one that has the partition, else one by its hash. -1: it is not there. */
static int choose_dir(struct broker *b, const struct image_topic *t, int32_t index)
{
    const struct node *node = b->node;
    const struct image_part *p = &t->parts[index];
    char path[4096];
    struct os_stat st;
    for (int32_t k = 0; p->dirs && k < p->replicas_n; k++)
        for (int i = 0; p->replicas[k] == node->id && i < node->dirs_n; i++)
            if (node->dirs[i].online && uuid_eq(node->dirs[i].id, p->dirs[k])) return i;
    if (p->dirs && image_metadata_version(&b->image) >= MV_DIRECTORIES) return -1;
    for (int i = 0; node->dirs_n > 1 && i < node->dirs_n; i++) {
        snprintf(path, sizeof path, "%s/%s-%d", node->dirs[i].path, t->name, index);
        if (node->dirs[i].online && os_stat(b->shard->os, path, &st) == 0) return i;
    }
    uint64_t h = hash_bytes(1, t->name, strlen(t->name)) + (uint64_t)index;
    for (int i = 0; i < node->dirs_n; i++) {
        int k = (int)((h + (uint64_t)i) % (uint64_t)node->dirs_n);
        if (node->dirs[k].online) return k;
    }
    return -1;
}

#define REOPEN_MS 2000
#define REQUEST_BYTES ((int64_t)16 << 20) /* of queued.max.request.bytes=-1, for each shard */

static int open_part(struct broker *b, struct image_topic *t, int32_t index, const struct checkpoints *cp)
{
    struct conf_topic cfg;
    struct part *p;
    struct unopened *before = unopened_find(&b->unopened, t->id, index);
    struct unopened u = {
        .topic_id = t->id, .topic = t->name, .index = index, .start_offset = -1, .clean_offset = -1};
    if (t->parts[index].leader != b->node->id) return 0; /* another broker's, or offline */
    int dir = choose_dir(b, t, index);
    u.dir = dir;
    u.reason = "directory_missing";
    if (dir < 0) {
        unopened_put(&b->unopened, &u);
        logline(LOG_ERROR, t->name,
                "partition %d lies in a log directory that is not there; it stays offline", index);
        return ERR_IO;
    }
    broker_topic_conf(b, t, &cfg);
    if (cp) {
        u.recovery_point = max_i64(checkpoint_get(&cp->recovery, t->name, index), 0);
        u.start_offset = checkpoint_get(&cp->start, t->name, index);
        u.clean_offset = checkpoint_get(&cp->clean, t->name, index);
        const struct i64s *txns = checkpoint_txns(&cp->txns, t->name, index);
        if (txns) u.txns = *txns;
    } else if (before) {
        u.recovery_point = before->recovery_point;
        u.start_offset = before->start_offset;
        u.clean_offset = before->clean_offset;
        u.txns = before->txns;
    }
    struct log_open_opts o = {.clean = b->node->dirs[dir].clean,
                              .recovery_point = u.recovery_point,
                              .start_offset = u.start_offset,
                              .txns = &u.txns};
    int rc = part_open(&b->parts, b->node->dirs[dir].path, dir, t->id, t->name, index, &cfg,
                       t->parts[index].leader_epoch, &o, &p);
    if (rc == 0 && (cp || before) && (rc = part_restore(p, b->journal)) != 0) part_remove(p, 0, -1);
    if (rc == 0 && u.clean_offset >= 0) p->clean_offset = p->log->compacted_below = u.clean_offset;
    if (rc) {
        u.no_room = err_passes(rc);
        u.reason = rc == ERR_NOFILES  ? "no_files"
                   : u.no_room        ? "disk_full"
                   : rc == ERR_FORMAT ? "damaged"
                                      : "open_error";
        if (!before || before->no_room != u.no_room)
            logline(LOG_ERROR, t->name, "cannot open partition %d in %s: %s; it stays offline%s", index,
                    b->node->dirs[dir].path, rc == ERR_FORMAT && o.cut[0] ? o.cut : os_why(),
                    u.no_room ? " until there is room" : "");
        unopened_put(&b->unopened, &u);
        if (u.no_room) timer_set_ms(b->shard, &b->reopen, REOPEN_MS);
        return rc;
    }
    if (before) {
        unopened_free(before);
        logline(LOG_INFO, t->name, "partition %d is open: there is room again", index);
    }
    if (b->groups && strcmp(t->name, GROUPS_TOPIC) == 0) groups_partition_opened(b->groups, p);
    return rc;
}

static void reopen(struct timer *timer, struct shard *s)
{
    struct broker *b = s->broker;
    int n = 0;
    LIST_FOREACH(l, &b->unopened) n++;
    for (int i = 0; i < n; i++) { /* what fails again goes to the end */
        struct unopened *u = LIST_ENTRY(b->unopened.next, struct unopened, link);
        struct image_topic *t = u->no_room ? image_topic_by_id(&b->image, u->topic_id) : NULL;
        list_remove(&u->link);
        list_push_back(&b->unopened, &u->link);
        if (t) (void)!open_part(b, t, u->index, NULL);
    }
    LIST_FOREACH(l, &b->unopened)
    if (LIST_ENTRY(l, struct unopened, link)->no_room) timer_set_ms(s, timer, REOPEN_MS);
}

static void topic_grew(void *arg, struct image_topic *t, int32_t old_n)
{
    struct broker *b = arg;
    if (!b->serving) return;
    for (int32_t i = old_n; i < t->parts_n; i++)
        if (broker_part_shard(b, t->id, i) == b->shard->id) (void)!open_part(b, t, i, NULL);
}

#define CHECKPOINT_SOON_MS 100 /* once for many topics */

static void topic_removed(void *arg, struct image_topic *t)
{
    struct broker *b = arg;
    if (!b->serving) return;
    for (int32_t i = 0; i < t->parts_n; i++) {
        struct part *p = parts_find(&b->parts, t->id, i);
        struct unopened *u = unopened_find(&b->unopened, t->id, i);
        if (u && u->dir >= 0)
            part_discard(&b->parts, b->node->dirs[u->dir].path, u->topic, u->index,
                         conf_i64(&b->conf, CONF_LOG_SEGMENT_DELETE_DELAY_MS));
        if (u) unopened_free(u);
        if (!p) continue;
        groups_partition_closing(b->groups, p);
        part_remove(p, ERR_UNKNOWN_TOPIC_OR_PARTITION, conf_i64(&b->conf, CONF_LOG_SEGMENT_DELETE_DELAY_MS));
    }
    groups_topic_removed(b->groups, t);
    /* A new topic of this name must not meet the old one's offsets at the next start. */
    if (!timer_armed(&b->checkpoint_soon)) timer_set_ms(b->shard, &b->checkpoint_soon, CHECKPOINT_SOON_MS);
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
    b->image.topic_grew = topic_grew;
    b->image.topic_removed = topic_removed;
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
    list_init(&b->unopened);
    b->tick.fire = tick;
    b->reopen.fire = reopen;
    b->checkpoint_soon.fire = checkpoint_now;
}

int broker_open_partitions(struct broker *b, const struct checkpoints *cp)
{
    int n, failed = 0;
    b->groups = groups_new(b);
    struct image_topic **topics = image_sorted(&b->image, &n);
    for (int i = 0; i < n; i++)
        for (int32_t k = 0; k < topics[i]->parts_n; k++)
            if (broker_part_shard(b, topics[i]->id, k) == b->shard->id && open_part(b, topics[i], k, cp))
                failed++;
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
