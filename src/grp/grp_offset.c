/* Committed offsets. An entry holds what the log has committed, the records on their way to it (changes), and
 * what open transactions have committed but not ended (txns). Readers see the first, writers decide by the
 * newest.
 *
 * Expiry (KIP-211): an explicit retention of OffsetCommit v2-4 ends at its own time. Else, after the
 * retention since the group became empty; or since the commit, for a group that never had members and for
 * topics that a stable consumer group no longer reads. */
#include "grp/grp_int.h"
#include "base/hash.h"
#include <stdlib.h>

struct offset_key {
    struct slice topic;
    int32_t partition;
};

static bool offset_eq(const void *value, const void *key)
{
    const struct grp_offset *o = value;
    const struct offset_key *k = key;
    return o->partition == k->partition && slice_eq(o->topic, k->topic);
}

static uint64_t offset_hash(const struct grp_shard *s, struct slice topic, int32_t partition)
{
    return hash_bytes(s->config.hash_seed ^ hash_u64((uint64_t)partition + 1), topic.p, topic.n);
}

struct grp_offset *grp_offset_find(const struct grp_shard *s, const struct grp_group *g, struct slice topic,
                                   int32_t partition)
{
    struct offset_key key = {topic, partition};
    return map_get(&g->offsets, offset_hash(s, topic, partition), &key, offset_eq);
}

struct grp_offset *grp_offset_get(struct grp_shard *s, struct grp_group *g, struct slice topic,
                                  int32_t partition)
{
    struct grp_offset *o = grp_offset_find(s, g, topic, partition);
    if (o) return o;
    o = xcalloc(1, sizeof *o);
    o->group = g;
    o->topic = grp_own(topic.p ? topic : slice_cstr(""));
    o->partition = partition;
    list_init(&o->changes);
    list_init(&o->txn_changes);
    list_init(&o->txns);
    map_put(&g->offsets, offset_hash(s, topic, partition), o);
    return o;
}

static void value_set(struct grp_offset_value *at, const struct grp_offset_value *v)
{
    struct slice metadata = grp_own(v->metadata);
    grp_disown(&at->metadata);
    *at = *v;
    at->metadata = metadata;
}

static void commit_value(struct grp_offset *o, const struct grp_offset_value *v)
{
    o->committed = true;
    value_set(&o->value, v);
}

static void txn_offset_free(struct grp_txn_offset *t)
{
    list_remove(&t->of_offset);
    list_remove(&t->of_txn);
    grp_disown(&t->value.metadata);
    free(t);
}

void grp_offset_drop(struct grp_offset *o)
{
    o->committed = false;
    grp_disown(&o->value.metadata);
    LIST_FOREACH(n, &o->txns) txn_offset_free(LIST_ENTRY(n, struct grp_txn_offset, of_offset));
}

void grp_offset_free(struct grp_shard *s, struct grp_offset *o)
{
    struct offset_key key = {o->topic, o->partition};
    ASSERT(list_empty(&o->changes) && list_empty(&o->txn_changes));
    grp_offset_drop(o);
    map_del(&o->group->offsets, offset_hash(s, o->topic, o->partition), &key, offset_eq);
    grp_disown(&o->topic);
    free(o);
}

void grp_offset_trim(struct grp_shard *s, struct grp_offset *o)
{
    if (!o->committed && list_empty(&o->changes) && list_empty(&o->txn_changes) && list_empty(&o->txns))
        grp_offset_free(s, o);
}

/* ---- transactions ---- */

static bool txn_eq(const void *value, const void *key)
{
    return ((const struct grp_txn *)value)->producer_id == *(const int64_t *)key;
}

static void txn_store(struct grp_shard *s, struct grp_offset *o, int64_t producer_id,
                      const struct grp_offset_value *v)
{
    uint64_t hash = hash_u64((uint64_t)producer_id);
    struct grp_txn *txn = map_get(&s->txns, hash, &producer_id, txn_eq);
    if (!txn) {
        txn = xcalloc(1, sizeof *txn);
        txn->producer_id = producer_id;
        list_init(&txn->offsets);
        map_put(&s->txns, hash, txn);
    }
    LIST_FOREACH(n, &o->txns) /* few producers have a transaction with this partition */
    {
        struct grp_txn_offset *t = LIST_ENTRY(n, struct grp_txn_offset, of_offset);
        if (t->producer_id == producer_id) {
            value_set(&t->value, v);
            return;
        }
    }
    struct grp_txn_offset *t = xcalloc(1, sizeof *t);
    t->offset = o;
    t->producer_id = producer_id;
    value_set(&t->value, v);
    list_push_back(&o->txns, &t->of_offset);
    list_push_back(&txn->offsets, &t->of_txn);
}

void grp_txn_end(struct grp_shard *s, int64_t producer_id, bool commit)
{
    struct grp_txn *txn = map_del(&s->txns, hash_u64((uint64_t)producer_id), &producer_id, txn_eq);
    if (!txn) return;
    LIST_FOREACH(n, &txn->offsets)
    {
        struct grp_txn_offset *t = LIST_ENTRY(n, struct grp_txn_offset, of_txn);
        struct grp_offset *o = t->offset;
        struct grp_group *g = o->group;
        if (commit && (!o->committed || o->value.order < t->value.order)) commit_value(o, &t->value);
        txn_offset_free(t);
        grp_offset_trim(s, o);
        grp_maybe_free(s, g);
    }
    free(txn);
}

void grp_offset_store(struct grp_shard *s, struct grp_offset *o, int64_t producer_id,
                      const struct grp_offset_value *v)
{
    if (producer_id >= 0) txn_store(s, o, producer_id, v);
    else commit_value(o, v);
}

void grp_change_done(struct grp_shard *s, struct grp_change *ch, bool success)
{
    struct grp_offset *o = ch->offset;
    list_remove(&ch->of_offset);
    list_remove(&ch->of_op);
    if (success && ch->tombstone) grp_offset_drop(o);
    if (success && !ch->tombstone) {
        grp_offset_store(s, o, ch->producer_id, &ch->value);
        o->group->recorded = true;
    }
    grp_disown(&ch->value.metadata);
    free(ch);
    grp_offset_trim(s, o);
}

/* Transactional offsets, committed to the log or on their way, whose transaction is open. */
static bool has_open_txn(const struct grp_offset *o)
{
    return !list_empty(&o->txns) || !list_empty(&o->txn_changes);
}

/* The offset as it will be when all that was written is committed; NULL if there will be none. */
static const struct grp_offset_value *newest(const struct grp_offset *o)
{
    if (list_empty(&o->changes)) return o->committed ? &o->value : NULL;
    const struct grp_change *last = LIST_ENTRY(o->changes.prev, struct grp_change, of_offset);
    return last->tombstone ? NULL : &last->value;
}

/* ---- OffsetCommit ---- */

/* Java counts UTF-16 units. */
static size_t java_length(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] >= 0xf0 ? 2 : (s.p[i] & 0xc0) != 0x80;
    return n;
}

static int commit_error(const struct grp_group *g, struct slice member_id, struct slice instance_id,
                        int32_t generation, bool transactional)
{
    if (generation < 0 && g->state == GRP_EMPTY) return KERR_NONE;
    if (generation >= 0 || member_id.n || instance_id.p) {
        int error = grp_validate_member(g, member_id, instance_id);
        if (error) return error;
        if (generation != g->generation) return KERR_ILLEGAL_GENERATION;
    } else if (!transactional && g->state != GRP_EMPTY) {
        return KERR_UNKNOWN_MEMBER_ID;
    }
    /* It knows the generation from its JoinGroup, but the assignment of that generation it cannot know. */
    if (!transactional && g->state == GRP_COMPLETING_REBALANCE) return KERR_REBALANCE_IN_PROGRESS;
    return KERR_NONE;
}

void grp_on_offset_commit(struct grp_ctx *c)
{
    const struct kp_offset_commit_request *q = c->ev->offset_commit;
    struct grp_waiter *w = c->ev->waiter;
    int32_t generation = q->generation_id_or_member_epoch;
    struct grp_group *g = grp_find(c->s, q->group_id);
    if (!g && generation >= 0) {
        grp_reject(c, w->version >= 9 ? KERR_GROUP_ID_NOT_FOUND : KERR_ILLEGAL_GENERATION);
        return;
    }
    /* A consumer without group management, or an administrator: the group is only a name for offsets. */
    if (!g) g = grp_create(c, q->group_id);
    int error = commit_error(g, q->member_id, q->group_instance_id, generation, false);
    if (error) {
        grp_reject(c, (int16_t)error);
        return;
    }
    struct grp_member *m = grp_member_find(g, q->member_id);
    if (m && (g->state == GRP_STABLE || g->state == GRP_PREPARING_REBALANCE)) grp_heartbeat_restart(c, m);

    struct kp_offset_commit_response *r = arena_alloc(w->arena, sizeof *r);
    kp_offset_commit_response_init(r);
    r->topics = arena_zalloc(w->arena, (size_t)q->topics_n, sizeof *r->topics);
    r->topics_n = q->topics_n;
    for (int32_t t = 0; t < q->topics_n; t++) {
        const struct kp_offset_commit_request_offset_commit_request_topic *from = &q->topics[t];
        struct kp_offset_commit_response_offset_commit_response_topic *to = &r->topics[t];
        to->name = arena_slice_dup(w->arena, from->name);
        to->topic_id = from->topic_id;
        to->partitions = arena_zalloc(w->arena, (size_t)from->partitions_n, sizeof *to->partitions);
        to->partitions_n = from->partitions_n;
        for (int32_t p = 0; p < from->partitions_n; p++) {
            const struct kp_offset_commit_request_offset_commit_request_partition *part =
                &from->partitions[p];
            to->partitions[p].partition_index = part->partition_index;
            if (java_length(part->committed_metadata) > (size_t)c->s->config.offset_metadata_max) {
                to->partitions[p].error_code = KERR_OFFSET_METADATA_TOO_LARGE;
                continue;
            }
            struct grp_offset_value v = {
                .offset = part->committed_offset,
                .leader_epoch = part->committed_leader_epoch,
                .metadata = part->committed_metadata.p ? part->committed_metadata : slice_cstr(""),
                .commit_ms = c->now_ms,
                .expire_ms = q->retention_time_ms == -1 ? -1 : c->now_ms + q->retention_time_ms,
                .topic_id = from->topic_id};
            grp_record_offset(c, grp_offset_get(c->s, g, from->name, part->partition_index), &v, -1);
        }
    }
    if (!c->op) grp_maybe_free(c->s, g);
    grp_write_end(c, w, r);
}

void grp_on_txn_offset_commit(struct grp_ctx *c)
{
    const struct kp_txn_offset_commit_request *q = c->ev->txn_offset_commit;
    struct grp_waiter *w = c->ev->waiter;
    struct grp_group *g = grp_find(c->s, q->group_id);
    if (!g && q->generation_id >= 0) {
        grp_reject(c, KERR_ILLEGAL_GENERATION);
        return;
    }
    if (!g) g = grp_create(c, q->group_id);
    int error = commit_error(g, q->member_id, q->group_instance_id, q->generation_id, true);
    if (error) {
        grp_reject(c, (int16_t)error);
        return;
    }
    struct kp_txn_offset_commit_response *r = arena_alloc(w->arena, sizeof *r);
    kp_txn_offset_commit_response_init(r);
    r->topics = arena_zalloc(w->arena, (size_t)q->topics_n, sizeof *r->topics);
    r->topics_n = q->topics_n;
    for (int32_t t = 0; t < q->topics_n; t++) {
        const struct kp_txn_offset_commit_request_txn_offset_commit_request_topic *from = &q->topics[t];
        struct kp_txn_offset_commit_response_txn_offset_commit_response_topic *to = &r->topics[t];
        to->name = arena_slice_dup(w->arena, from->name);
        to->partitions = arena_zalloc(w->arena, (size_t)from->partitions_n, sizeof *to->partitions);
        to->partitions_n = from->partitions_n;
        for (int32_t p = 0; p < from->partitions_n; p++) {
            const struct kp_txn_offset_commit_request_txn_offset_commit_request_partition *part =
                &from->partitions[p];
            to->partitions[p].partition_index = part->partition_index;
            if (java_length(part->committed_metadata) > (size_t)c->s->config.offset_metadata_max) {
                to->partitions[p].error_code = KERR_OFFSET_METADATA_TOO_LARGE;
                continue;
            }
            struct grp_offset_value v = {.offset = part->committed_offset,
                                         .leader_epoch = part->committed_leader_epoch,
                                         .metadata = part->committed_metadata.p ? part->committed_metadata
                                                                                : slice_cstr(""),
                                         .commit_ms = c->now_ms,
                                         .expire_ms = -1};
            grp_record_offset(c, grp_offset_get(c->s, g, from->name, part->partition_index), &v,
                              q->producer_id);
        }
    }
    if (c->op) {
        c->op->producer_id = q->producer_id;
        c->op->producer_epoch = q->producer_epoch;
    } else {
        grp_maybe_free(c->s, g);
    }
    grp_write_end(c, w, r);
}

/* ---- OffsetFetch ---- */

typedef struct kp_offset_fetch_response_offset_fetch_response_partitions fetched_partition;
typedef struct kp_offset_fetch_response_offset_fetch_response_group fetched_group;

static void fetch_one(const struct grp_ctx *c, const struct grp_offset *o, int32_t partition,
                      fetched_partition *to)
{
    struct arena *a = c->ev->waiter->arena;
    kp_offset_fetch_response_offset_fetch_response_partitions_init(to);
    to->partition_index = partition;
    to->committed_offset = -1;
    to->committed_leader_epoch = -1;
    to->metadata = KP_EMPTY;
    if (!o) return;
    if (c->ev->offset_fetch.require_stable && has_open_txn(o)) {
        to->error_code = KERR_UNSTABLE_OFFSET_COMMIT;
        return;
    }
    if (!o->committed) return;
    to->committed_offset = o->value.offset;
    to->committed_leader_epoch = o->value.leader_epoch;
    to->metadata = arena_slice_dup(a, o->value.metadata);
}

static int offset_cmp(const void *a, const void *b)
{
    const struct grp_offset *x = *(struct grp_offset *const *)a, *y = *(struct grp_offset *const *)b;
    int topics = slice_cmp(x->topic, y->topic);
    return topics ? topics : (x->partition > y->partition) - (x->partition < y->partition);
}

static void fetch_all(const struct grp_ctx *c, const struct grp_group *g, fetched_group *r)
{
    struct arena *a = c->ev->waiter->arena;
    struct grp_offset **list = xcalloc(g->offsets.n + 1, sizeof(struct grp_offset *));
    size_t n = 0;
    MAP_FOREACH(it, struct grp_offset, o, &g->offsets)
    {
        if (o->committed) list[n++] = o;
    }
    qsort(list, n, sizeof(struct grp_offset *), offset_cmp);
    r->topics = arena_zalloc(a, n, sizeof *r->topics);
    for (size_t i = 0; i < n;) {
        size_t k = i;
        while (k < n && slice_eq(list[k]->topic, list[i]->topic)) k++;
        struct kp_offset_fetch_response_offset_fetch_response_topics *t = &r->topics[r->topics_n++];
        kp_offset_fetch_response_offset_fetch_response_topics_init(t);
        t->name = arena_slice_dup(a, list[i]->topic);
        t->topic_id = list[i]->value.topic_id;
        t->partitions = arena_zalloc(a, k - i, sizeof *t->partitions);
        while (i < k) {
            fetch_one(c, list[i], list[i]->partition, &t->partitions[t->partitions_n++]);
            i++;
        }
    }
    free(list);
}

void grp_on_offset_fetch(struct grp_ctx *c)
{
    const struct kp_offset_fetch_request_offset_fetch_request_group *q = c->ev->offset_fetch.group;
    struct grp_waiter *w = c->ev->waiter;
    const struct grp_group *g = grp_find(c->s, q->group_id);
    fetched_group *r = arena_alloc(w->arena, sizeof *r);
    kp_offset_fetch_response_offset_fetch_response_group_init(r);
    r->group_id = arena_slice_dup(w->arena, q->group_id);
    if (q->topics_n < 0) {
        if (g) fetch_all(c, g, r);
        grp_reply(c, w, r);
        return;
    }
    r->topics = arena_zalloc(w->arena, (size_t)q->topics_n, sizeof *r->topics);
    r->topics_n = q->topics_n;
    for (int32_t t = 0; t < q->topics_n; t++) {
        const struct kp_offset_fetch_request_offset_fetch_request_topics *from = &q->topics[t];
        struct kp_offset_fetch_response_offset_fetch_response_topics *to = &r->topics[t];
        to->name = arena_slice_dup(w->arena, from->name);
        to->topic_id = from->topic_id;
        to->partitions = arena_zalloc(w->arena, (size_t)from->partition_indexes_n, sizeof *to->partitions);
        to->partitions_n = from->partition_indexes_n;
        for (int32_t p = 0; p < from->partition_indexes_n; p++) {
            int32_t partition = from->partition_indexes[p];
            fetch_one(c, g ? grp_offset_find(c->s, g, from->name, partition) : NULL, partition,
                      &to->partitions[p]);
        }
    }
    grp_reply(c, w, r);
}

/* ---- deleting ---- */

static void tombstone(struct grp_ctx *c, struct grp_offset *o)
{
    if (newest(o) || has_open_txn(o)) grp_record_offset_tombstone(c, o);
}

void grp_on_offset_delete(struct grp_ctx *c)
{
    const struct kp_offset_delete_request *q = c->ev->offset_delete;
    struct grp_waiter *w = c->ev->waiter;
    struct grp_group *g = grp_find(c->s, q->group_id);
    int error = KERR_NONE;
    if (q->group_id.n == 0) error = KERR_INVALID_GROUP_ID;
    else if (!g) error = KERR_GROUP_ID_NOT_FOUND;
    else if (g->state != GRP_EMPTY && !grp_uses_consumer_protocol(g)) error = KERR_NON_EMPTY_GROUP;
    if (error) {
        grp_reject(c, (int16_t)error);
        return;
    }
    struct kp_offset_delete_response *r = arena_alloc(w->arena, sizeof *r);
    kp_offset_delete_response_init(r);
    r->topics = arena_zalloc(w->arena, (size_t)q->topics_n, sizeof *r->topics);
    r->topics_n = q->topics_n;
    for (int32_t t = 0; t < q->topics_n; t++) {
        bool subscribed = grp_subscribed(g, q->topics[t].name);
        r->topics[t].name = arena_slice_dup(w->arena, q->topics[t].name);
        r->topics[t].partitions =
            arena_zalloc(w->arena, (size_t)q->topics[t].partitions_n, sizeof *r->topics[t].partitions);
        r->topics[t].partitions_n = q->topics[t].partitions_n;
        for (int32_t p = 0; p < q->topics[t].partitions_n; p++) {
            int32_t partition = q->topics[t].partitions[p].partition_index;
            struct grp_offset *o = grp_offset_find(c->s, g, q->topics[t].name, partition);
            r->topics[t].partitions[p].partition_index = partition;
            r->topics[t].partitions[p].error_code = subscribed ? KERR_GROUP_SUBSCRIBED_TO_TOPIC : KERR_NONE;
            if (o && !subscribed) tombstone(c, o);
        }
    }
    grp_write_end(c, w, r);
}

void grp_delete_all_offsets(struct grp_ctx *c, struct grp_group *g)
{
    MAP_FOREACH(it, struct grp_offset, o, &g->offsets) tombstone(c, o);
}

void grp_on_topic_deleted(struct grp_ctx *c)
{
    MAP_FOREACH(i, struct grp_group, g, &c->s->groups)
    {
        MAP_FOREACH(k, struct grp_offset, o, &g->offsets)
        {
            if (slice_eq(o->topic, c->ev->topic)) tombstone(c, o);
        }
    }
}

/* ---- expiry ---- */

/* Whether the group's offsets may expire at all, and whether their time runs from the commit or from base_ms.
 */
static bool may_expire(const struct grp_group *g, bool *from_commit, int64_t *base_ms)
{
    *from_commit = true;
    if (!g->protocol_type.p) return true;
    if (g->state == GRP_EMPTY) {
        *from_commit = g->state_ms == -1;
        *base_ms = g->state_ms;
        return true;
    }
    return g->topics_known && g->state == GRP_STABLE;
}

static bool expired(const struct grp_ctx *c, const struct grp_offset_value *v, bool from_commit,
                    int64_t base_ms)
{
    if (v->expire_ms != -1) return c->now_ms >= v->expire_ms;
    return (from_commit ? v->commit_ms : base_ms) <= c->now_ms - c->s->config.offsets_retention_ms;
}

/* Returns whether nothing is left. */
static bool expire_offsets(struct grp_ctx *c, struct grp_group *g)
{
    bool from_commit, nothing_left = true;
    int64_t base_ms = 0;
    if (!g->offsets.n) return true;
    if (!may_expire(g, &from_commit, &base_ms)) return false;
    MAP_FOREACH(it, struct grp_offset, o, &g->offsets)
    {
        const struct grp_offset_value *v = newest(o);
        if (has_open_txn(o)) nothing_left = false;
        else if (v && !grp_subscribed(g, o->topic) && expired(c, v, from_commit, base_ms))
            grp_record_offset_tombstone(c, o);
        else if (v) nothing_left = false;
    }
    return nothing_left;
}

void grp_on_cleanup(struct grp_ctx *c)
{
    size_t n = 0;
    struct grp_group **groups = xcalloc(c->s->groups.n + 1, sizeof(struct grp_group *));
    MAP_FOREACH(it, struct grp_group, g, &c->s->groups)
    {
        if (!g->deleted) groups[n++] = g;
    }
    for (size_t i = 0; i < n; i++) {
        struct grp_group *g = groups[i];
        if (expire_offsets(c, g) && g->state == GRP_EMPTY) {
            grp_record_group_tombstone(c, g);
            grp_clear_members(c->s, g);
            g->deleted = true;
            c->op->deletes = true;
        }
        grp_write_end(c, NULL, NULL);
    }
    free(groups);
}
