/* The shell around the group cores: routes calls, appends what they decide, tells them what became of it.
 *
 * Invariants
 * 1. A core's effects are consumed before it is stepped again.
 * 2. Appends of one core complete in the order they were made (the partition's log is one line). */
#include "broker/groups.h"
#include "kp/batch.h"

#include <stdlib.h>

struct coord {
    struct list link;
    struct groups *groups;
    struct part *part;
    struct grp_shard core;
    struct timer timer;
    int appends; /* under way */
    bool gone;
};
struct groups {
    struct broker *b;
    struct list coords;
    struct coord nobody; /* a core that never loads: it answers NOT_COORDINATOR in every shape */
    /* The call whose request is being stepped; NULL once it is answered, when its memory may be gone. */
    struct group_call *stepping;
};
struct coord_append {
    struct part_append append;
    struct coord *coord;
    uint64_t token;
    uint8_t *bytes;
    struct coord_append *next;
};

static void config_of(const struct broker *b, struct grp_config *c)
{
    const struct conf *f = &b->conf;
    *c = (struct grp_config){
        .hash_seed = b->hash_seed,
        .session_timeout_ms_min = (int32_t)conf_i64(f, CONF_GROUP_MIN_SESSION_TIMEOUT_MS),
        .session_timeout_ms_max = (int32_t)conf_i64(f, CONF_GROUP_MAX_SESSION_TIMEOUT_MS),
        .initial_rebalance_delay_ms = (int32_t)conf_i64(f, CONF_GROUP_INITIAL_REBALANCE_DELAY_MS),
        .size_max = (int32_t)conf_i64(f, CONF_GROUP_MAX_SIZE),
        .offset_metadata_max = (int32_t)conf_i64(f, CONF_OFFSET_METADATA_MAX_BYTES),
        .offsets_retention_ms = conf_i64(f, CONF_OFFSETS_RETENTION_MINUTES) * 60000,
        .offsets_retention_check_ms = conf_i64(f, CONF_OFFSETS_RETENTION_CHECK_INTERVAL_MS),
    };
}

int32_t group_partition(const struct broker *b, struct slice group)
{
    struct image_topic *t = image_topic(&b->image, slice_cstr(GROUPS_TOPIC));
    if (!t || t->parts_n == 0) return -1;
    int32_t h = java_string_hash(group);
    return (h == INT32_MIN ? 0 : h < 0 ? -h : h) % t->parts_n;
}

static void coord_step(struct coord *c, struct grp_event *ev);

static void append_done(struct part_append *a, struct shard *s)
{
    struct coord_append *x = CONTAINER_OF(a, struct coord_append, append);
    struct coord *c = x->coord;
    struct grp_event ev = {.type = GRP_APPENDED, .now_ms = os_wall_ms(s->os), .appended = {x->token, a->err}};
    free(x->bytes);
    free(x);
    c->appends--;
    if (!c->gone) coord_step(c, &ev);
    else if (c->appends == 0) free(c);
}

/* ---- calls ----
 *
 *   group_call_send -> call_there --answered in that step, or later--> call_home -> done
 *                          \--not yet--> taken_home                       ^
 *   group_call_cancel -> cancel_there -> cancel_home ----------------------+
 *
 * A message that is under way leads to the call, so done waits until cancel_msg is home. taken_msg was sent
 * before the answer and comes before it. */
static void call_ended(struct group_call *c)
{
    if (!c->answered || c->cancelling) return;
    c->magic = 0;
    c->done(c);
}

static void call_home(struct os_msg *m, void *owner)
{
    (void)owner;
    struct group_call *c = CONTAINER_OF(m, struct group_call, msg);
    ASSERT(c->magic == GROUP_CALL_MAGIC);
    c->answered = true;
    call_ended(c);
}

static void taken_home(struct os_msg *m, void *owner)
{
    (void)owner;
    struct group_call *c = CONTAINER_OF(m, struct group_call, taken_msg);
    ASSERT(c->magic == GROUP_CALL_MAGIC);
    c->taken(c);
}

static void reply(struct shard *s, const struct grp_reply *r)
{
    struct group_call *c = CONTAINER_OF(r->waiter, struct group_call, waiter);
    if (s->broker->groups && s->broker->groups->stepping == c) s->broker->groups->stepping = NULL;
    c->response = r->response;
    c->msg.run = call_home;
    shard_send(s, c->r->net->shard->id, &c->msg);
}

static struct coord_append *seal(struct coord *c, const struct grp_effects *fx, const struct grp_append *a,
                                 int64_t now_ms)
{
    struct coord_append *x = xcalloc(1, sizeof *x);
    struct batch_builder b;
    struct kp_writer w;
    size_t n;
    batch_builder_init(&b);
    kp_writer_init(&w, 256);
    for (size_t i = a->first; i < a->first + a->n; i++)
        batch_add(&b, now_ms, fx->records[i].key, fx->records[i].value, NULL, 0);
    int rc = batch_finish(&b, &w);
    ASSERT(rc == 0); /* nothing is compressed */
    batch_builder_fini(&b);
    x->bytes = kp_writer_take(&w, &n);
    x->append.records = slice_of(x->bytes, n);
    x->append.acks_all = true;
    x->append.internal = true;
    x->append.done = append_done;
    x->coord = c;
    x->token = a->token;
    return x;
}

static void coord_step(struct coord *c, struct grp_event *ev)
{
    struct groups *g = c->groups;
    struct shard *s = g->b->shard;
    ev->mono_ms = os_mono_ns(s->os) / 1000000;
    struct grp_effects fx;
    struct coord_append *first = NULL, **tail = &first;
    grp_effects_init(&fx);
    if (grp_step(&c->core, ev, &fx))
        logline(LOG_ERROR, GROUPS_TOPIC, "partition %d: a group record cannot be read",
                c->part ? c->part->index : -1);
    for (size_t i = 0; i < fx.appends_n; i++) {
        *tail = seal(c, &fx, &fx.appends[i], ev->now_ms);
        tail = &(*tail)->next;
    }
    for (size_t i = 0; i < fx.replies_n; i++) reply(s, &fx.replies[i]);
    if (c->part && !c->gone) {
        if (fx.deadline_ms == INT64_MAX) timer_cancel(s, &c->timer);
        else timer_set_ms(s, &c->timer, max_i64(fx.deadline_ms - ev->mono_ms, 0));
    }
    grp_effects_fini(&fx);
    while (first) {
        struct coord_append *x = first;
        first = x->next;
        c->appends++;
        part_append(c->part, &x->append);
    }
}

static void deadline(struct timer *t, struct shard *s)
{
    struct coord *c = CONTAINER_OF(t, struct coord, timer);
    struct grp_event ev = {.type = GRP_TICK, .now_ms = os_wall_ms(s->os)};
    coord_step(c, &ev);
}

/* ---- loading ---- */
#define LOAD_BODY_MAX ((size_t)256 << 20) /* a compressed batch of offsets may grow to this */

/* Offsets of a transaction count, or are forgotten, from its marker on. */
static int load_marker(struct coord *c, struct slice bytes, const struct batch_head *h, int64_t now_ms)
{
    int type;
    int32_t epoch;
    int rc = batch_control(bytes.p, h, &type, &epoch);
    if (rc || (type != CONTROL_COMMIT && type != CONTROL_ABORT)) return rc;
    struct grp_event ev = {
        .type = GRP_TXN_END, .now_ms = now_ms, .txn_end = {h->producer_id, type == CONTROL_COMMIT}};
    coord_step(c, &ev);
    return 0;
}

static int load_batch(struct coord *c, struct slice bytes, const struct batch_head *h, int64_t now_ms)
{
    struct record_iter it;
    struct record rec;
    struct kp_writer scratch;
    struct slice body;
    if (h->attributes & BATCH_CONTROL) return load_marker(c, bytes, h, now_ms);
    kp_writer_init(&scratch, 0);
    int rc = batch_body(bytes.p, h, LOAD_BODY_MAX, &scratch, &body);
    if (rc == 0) record_iter_init(&it, h, body);
    while (rc == 0 && record_next(&it, &rec)) {
        struct grp_event ev = {
            .type = GRP_LOAD_RECORD,
            .now_ms = now_ms,
            .record = {rec.key, rec.value, h->attributes & BATCH_TRANSACTIONAL ? h->producer_id : -1}};
        if (rec.key.p) coord_step(c, &ev);
    }
    if (rc == 0) rc = it.err;
    kp_writer_fini(&scratch);
    return rc;
}

static void load(struct coord *c)
{
    struct part *p = c->part;
    struct os *os = c->groups->b->shard->os;
    int64_t now = os_wall_ms(os), offset = p->log->start_offset;
    int rc = 0;
    while (rc == 0 && offset < p->high_watermark) {
        struct log_range range;
        rc = log_read(p->log, offset, p->high_watermark, 1 << 20, true, &range);
        if (rc || !range.seg) break;
        uint8_t *b = xmalloc((size_t)range.bytes);
        ssize_t n = os_pread(os, range.seg->fd, b, (size_t)range.bytes, range.pos);
        log_seg_put(range.seg);
        struct slice left = slice_of(b, n < 0 ? 0 : (size_t)n);
        struct batch_head h;
        int64_t before = offset;
        if (n < 0) rc = (int)n;
        while (rc == 0 && left.n && batch_head_parse(left, &h) == 0) {
            if (!batch_crc_ok(left.p, h.bytes)) rc = ERR_CORRUPT_MESSAGE;
            else if (h.last_offset >= offset) rc = load_batch(c, slice_of(left.p, (size_t)h.bytes), &h, now);
            if (rc) break;
            offset = h.last_offset + 1;
            left = slice_of(left.p + h.bytes, left.n - (size_t)h.bytes);
        }
        free(b);
        if (rc == 0 && offset == before) rc = ERR_CORRUPT_MESSAGE; /* no batch there, or not all of it */
    }
    if (rc) p->fenced = "damaged";
    if (rc)
        logline(LOG_ERROR, GROUPS_TOPIC,
                "partition %d: reading groups and offsets stopped at offset %lld: %s; its groups have no "
                "coordinator, or they would go back to older offsets",
                p->index, (long long)offset, err_text(rc));
    struct grp_event ev = {.type = rc ? GRP_UNLOAD : GRP_LOADED, .now_ms = now};
    coord_step(c, &ev);
}

/* ---- life ---- */
struct groups *groups_new(struct broker *b)
{
    struct groups *g = xcalloc(1, sizeof *g);
    struct grp_config cfg;
    g->b = b;
    list_init(&g->coords);
    config_of(b, &cfg);
    g->nobody.groups = g;
    grp_init(&g->nobody.core, &cfg);
    struct grp_event ev = {.type = GRP_UNLOAD, .now_ms = os_wall_ms(b->shard->os)};
    coord_step(&g->nobody, &ev);
    return g;
}

void groups_free(struct groups *g)
{
    LIST_FOREACH(l, &g->coords)
    {
        struct coord *c = LIST_ENTRY(l, struct coord, link);
        timer_cancel(g->b->shard, &c->timer);
        grp_fini(&c->core);
        free(c);
    }
    grp_fini(&g->nobody.core);
    free(g);
}

void groups_partition_opened(struct groups *g, struct part *p)
{
    struct coord *c = xcalloc(1, sizeof *c);
    struct grp_config cfg;
    config_of(g->b, &cfg);
    c->groups = g;
    c->part = p;
    c->timer.fire = deadline;
    grp_init(&c->core, &cfg);
    list_push_back(&g->coords, &c->link);
    load(c);
}

void groups_partition_closing(struct groups *g, struct part *p)
{
    LIST_FOREACH(l, &g->coords)
    {
        struct coord *c = LIST_ENTRY(l, struct coord, link);
        if (c->part != p) continue;
        struct grp_event ev = {.type = GRP_UNLOAD, .now_ms = os_wall_ms(g->b->shard->os)};
        coord_step(c, &ev);
        timer_cancel(g->b->shard, &c->timer);
        grp_fini(&c->core);
        list_remove(&c->link);
        c->gone = true;
        if (c->appends == 0) free(c); /* else the last append's end frees it */
    }
}

void groups_transaction_ended(struct groups *g, struct uuid topic_id, int32_t partition, int64_t producer_id,
                              bool commit)
{
    LIST_FOREACH(l, &g->coords)
    {
        struct coord *c = LIST_ENTRY(l, struct coord, link);
        if (c->gone || !c->part || c->part->index != partition || !uuid_eq(c->part->topic_id, topic_id))
            continue;
        struct grp_event ev = {
            .type = GRP_TXN_END, .now_ms = os_wall_ms(g->b->shard->os), .txn_end = {producer_id, commit}};
        coord_step(c, &ev);
    }
}

void groups_topic_removed(struct groups *g, struct image_topic *t)
{
    struct grp_event ev = {
        .type = GRP_TOPIC_DELETED, .now_ms = os_wall_ms(g->b->shard->os), .topic = slice_cstr(t->name)};
    LIST_FOREACH(l, &g->coords) coord_step(LIST_ENTRY(l, struct coord, link), &ev);
}

void groups_configure(struct groups *g)
{
    struct grp_config cfg;
    config_of(g->b, &cfg);
    LIST_FOREACH(l, &g->coords) grp_configure(&LIST_ENTRY(l, struct coord, link)->core, &cfg);
}

/* ---- calls ---- */
static struct coord *coord_at(struct groups *g, int32_t partition)
{
    LIST_FOREACH(l, &g->coords)
    {
        struct coord *c = LIST_ENTRY(l, struct coord, link);
        if (c->part->index == partition) return c;
    }
    return &g->nobody;
}

static void call_there(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct group_call *call = CONTAINER_OF(m, struct group_call, msg);
    ASSERT(call->magic == GROUP_CALL_MAGIC);
    struct groups *g = s->broker->groups;
    call->ev.now_ms = os_wall_ms(s->os);
    if (call->ev.type == GRP_JOIN) call->ev.random = prng_uuid(&s->broker->prng);
    struct group_call *before = g->stepping;
    g->stepping = call->taken ? call : NULL;
    coord_step(coord_at(g, call->partition), &call->ev);
    struct group_call *waits = g->stepping;
    g->stepping = before;
    if (!waits) return;
    waits->taken_msg.run = taken_home;
    shard_send(s, waits->r->net->shard->id, &waits->taken_msg);
}

static void cancel_home(struct os_msg *m, void *owner)
{
    (void)owner;
    struct group_call *c = CONTAINER_OF(m, struct group_call, cancel_msg);
    ASSERT(c->magic == GROUP_CALL_MAGIC);
    c->cancelling = false;
    call_ended(c);
}

static void cancel_there(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct group_call *call = CONTAINER_OF(m, struct group_call, cancel_msg);
    ASSERT(call->magic == GROUP_CALL_MAGIC);
    struct grp_event ev = {.type = GRP_CANCEL, .now_ms = os_wall_ms(s->os), .waiter = &call->waiter};
    /* If the coordinator is gone by now it has answered. */
    coord_step(coord_at(s->broker->groups, call->partition), &ev);
    m->run = cancel_home;
    shard_send(s, call->r->net->shard->id, m);
}

void group_call_cancel(struct group_call *c)
{
    if (c->answered || c->cancelling) return;
    c->cancelling = true;
    c->cancel_msg.run = cancel_there;
    shard_send(req_broker(c->r)->shard, c->shard, &c->cancel_msg);
}

void group_call_send_to(struct group_call *c, int32_t partition)
{
    struct broker *b = req_broker(c->r);
    struct image_topic *t = image_topic(&b->image, slice_cstr(GROUPS_TOPIC));
    c->magic = GROUP_CALL_MAGIC;
    c->partition = partition;
    arena_init(&c->arena);
    c->waiter.arena = &c->arena;
    c->waiter.version = c->r->version;
    c->ev.waiter = &c->waiter;
    c->msg.run = call_there;
    c->shard = t ? broker_part_shard(b, t->id, partition) : b->shard->id;
    shard_send(b->shard, c->shard, &c->msg);
}

void group_call_send(struct group_call *c, struct slice group)
{
    group_call_send_to(c, group_partition(req_broker(c->r), group));
}
