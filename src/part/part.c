/* A partition: appends, who waits for them, opening, closing and deletion. See sync.c for what makes records
 * durable, fault.c for what stands in its way, snapshot.c for the producers' state on the disk.
 *
 * Invariants
 * 1. high_watermark <= log->flushed_offset (this node is the only replica).
 * 2. wait_flush holds appends of this turn; wait_sync those whose offsets lie at or above part_durable.
 * 3. producers knows exactly the batches below log->end_offset: no room on the disk takes batches out of
 *    both.
 *
 *   part_append -> wait_flush --part_flush--> done (acks=1)
 *                                         \-> wait_sync --part_release_synced--> done (acks=all)
 *
 * commit.c and sync.c are between wait_sync and its release. */
#include "part/part_int.h"
#include "base/logline.h"
#include "kp/batch.h"
#include "log/txn_index.h"
#include "part/dir.h"
#include "part/snapshot.h"
#include "part/validate.h"

#include <stdio.h>
#include <stdlib.h>

struct part_key {
    struct uuid id;
    int32_t index;
};
static uint64_t hash_part(struct uuid id, int32_t index)
{
    return hash_bytes((uint64_t)index, id.b, 16);
}
static bool eq_part(const void *v, const void *k)
{
    const struct part *p = v;
    const struct part_key *key = k;
    return p->index == key->index && uuid_eq(p->topic_id, key->id);
}

void parts_init(struct parts *ps, struct shard *s, enum part_sync sync, int64_t producer_expire_ms)
{
    *ps = (struct parts){.shard = s, .sync = sync, .producer_expire_ms = producer_expire_ms};
    map_init(&ps->map);
    list_init(&ps->dirty);
    parts_init_syncs(ps);
}

struct part *parts_find(const struct parts *ps, struct uuid topic_id, int32_t index)
{
    struct part_key k = {topic_id, index};
    return map_get(&ps->map, hash_part(topic_id, index), &k, eq_part);
}

bool parts_idle(const struct parts *ps)
{
    return list_empty(&ps->dirty);
}

static void log_cfg_of(const struct conf_topic *t, struct log_cfg *c)
{
    *c = (struct log_cfg){
        .segment_bytes = t->segment_bytes,
        /* What max.compaction.lag.ms makes due must not stay in the active segment. */
        .segment_ms = t->cleanup_compact && t->max_compaction_lag_ms > 0
                          ? min_i64(t->segment_ms, t->max_compaction_lag_ms)
                          : t->segment_ms,
        .segment_index_bytes = t->segment_index_bytes,
        .index_interval_bytes = t->index_interval_bytes,
        .retention_ms = t->retention_ms,
        .retention_bytes = t->retention_bytes,
        .clean_delete = t->cleanup_delete,
        .clean_compact = t->cleanup_compact,
        .file_delete_delay_ms = t->file_delete_delay_ms,
    };
}

int part_open(struct parts *ps, const char *root, int dir, struct uuid topic_id, const char *topic,
              int32_t index, const struct conf_topic *cfg, int32_t leader_epoch, struct log_open_opts *o,
              struct part **out)
{
    char path[4096];
    struct part *p = xcalloc(1, sizeof *p);
    struct log_cfg lc;
    p->magic = PART_MAGIC;
    p->topic_id = topic_id;
    p->topic = xstrdup(topic);
    p->index = index;
    p->dir = dir;
    p->root = root;
    p->home = ps;
    p->cfg = *cfg;
    p->leader_epoch = leader_epoch;
    p->clean_offset = -1;
    producers_init(&p->producers);
    list_init(&p->in_dirty);
    list_init(&p->in_syncs);
    list_init(&p->in_commit);
    list_init(&p->in_half[0]);
    list_init(&p->in_half[1]);
    p->durable_seg = -1;
    list_init(&p->wait_flush);
    list_init(&p->wait_sync);
    list_init(&p->watches);
    list_init(&p->held);
    snprintf(path, sizeof path, "%s/%s-%d", root, topic, index);
    log_cfg_of(cfg, &lc);
    int rc = part_dir_claim(ps->shard->os, path, topic_id);
    if (rc == 0) rc = part_open_log(p, path, &lc, o);
    if (rc == 0) rc = part_dir_mark(ps->shard->os, path, topic_id);
    if (rc) {
        log_free(p->log);
        producers_fini(&p->producers);
        free(p->topic);
        free(p);
        return rc;
    }
    if (o->cut[0]) logline(LOG_WARN, path, "recovery %s", o->cut);
    if (o->recovery_point > p->log->end_offset)
        logline(LOG_ERROR, path,
                "records are missing: the log ends at offset %lld, but was synced up to %lld",
                (long long)p->log->end_offset, (long long)o->recovery_point);
    p->high_watermark = p->log->flushed_offset;
    producers_committed(&p->producers, p->high_watermark);
    part_name_in_root(p);
    map_put(&ps->map, hash_part(topic_id, index), p);
    *out = p;
    return 0;
}

void part_configure(struct part *p, const struct conf_topic *cfg)
{
    p->cfg = *cfg;
    log_cfg_of(cfg, &p->log->cfg);
}

static void part_free(struct part *p)
{
    p->magic = 0;
    log_free(p->log);
    producers_fini(&p->producers);
    free(p->topic);
    free(p);
}

void part_pin(struct part *p)
{
    p->pins++;
}
void part_unpin(struct part *p)
{
    ASSERT(p->magic == PART_MAGIC && p->pins > 0);
    if (--p->pins == 0 && p->doomed) part_free(p);
}

void part_complete(struct part *p, struct part_append *a, int err)
{
    list_remove(&a->link);
    a->err = err;
    free(a->owned);
    a->owned = NULL;
    a->done(a, p->home->shard);
}

void part_fail_all(struct part *p, int err)
{
    struct list *l;
    while (!list_empty(&p->wait_flush) && (l = p->wait_flush.next))
        part_complete(p, LIST_ENTRY(l, struct part_append, link), err);
    while (!list_empty(&p->wait_sync) && (l = p->wait_sync.next))
        part_complete(p, LIST_ENTRY(l, struct part_append, link), err);
    while (!list_empty(&p->held) && (l = p->held.next))
        part_complete(p, LIST_ENTRY(l, struct part_append, link), err);
}

void part_fire_watches(struct part *p)
{
    LIST_FOREACH(l, &p->watches)
    {
        struct part_watch *w = LIST_ENTRY(l, struct part_watch, link);
        if (w->offset >= p->high_watermark && !p->doomed && !p->log->faulted) continue;
        list_remove(l);
        w->fire(w, p->home->shard);
    }
}

int part_settle(struct part *p)
{
    return part_failed(p, log_flush(p->log), "a write");
}

/* ---- appending ---- */
static int check_marker(const struct part *p, const struct part_append *a, const struct batch_head *h)
{
    int type;
    int32_t coordinator_epoch;
    int rc = batch_control(a->records.p, h, &type, &coordinator_epoch);
    return rc ? rc : producers_check_marker(&p->producers, h, coordinator_epoch, a->transaction_version);
}

/* Both lists are in the order of offsets; a batch that is sent again comes after others have. */
static void wait_in_order(struct list *l, struct part_append *a)
{
    struct list *at = l;
    while (at->prev != l && LIST_ENTRY(at->prev, struct part_append, link)->last_offset > a->last_offset)
        at = at->prev;
    list_insert_before(at, &a->link);
}

static void append_ends(struct part *p, struct part_append *a, int err)
{
    a->err = err;
    free(a->owned);
    a->owned = NULL;
    a->done(a, p->home->shard);
}

/* Seen before: the first answer again, once that batch is as safe as asked. */
static void answer_again(struct part *p, struct part_append *a, const struct producer_batch *dup)
{
    a->base_offset = dup->last_offset - dup->offset_delta;
    a->last_offset = dup->last_offset;
    a->append_time_ms = dup->time_ms;
    if (dup->last_offset >= p->log->flushed_offset) wait_in_order(&p->wait_flush, a);
    else if (a->acks_all && p->home->sync != PART_SYNC_NEVER && dup->last_offset >= part_durable(p)) {
        wait_in_order(&p->wait_sync, a);
        part_make_durable(p);
    } else append_ends(p, a, 0);
}

/* Whether the batch may follow what its producer sent. 1: it did so before, and dup tells what became of it.
 */
static int check_producer(struct part *p, const struct part_append *a, const struct batch_head *h,
                          struct producer_batch *dup)
{
    if (h->producer_id < 0) return 0;
    return h->attributes & BATCH_CONTROL ? check_marker(p, a, h) : producers_check(&p->producers, h, dup);
}

/* Its place in the log, in the batch itself and in h. */
static void stamp(struct part *p, struct part_append *a, struct batch_head *h, int64_t now)
{
    uint8_t *b = (uint8_t *)(uintptr_t)a->records.p;
    int64_t delta = h->last_offset - h->base_offset;
    h->base_offset = p->log->end_offset;
    h->last_offset = h->base_offset + delta;
    h->leader_epoch = p->leader_epoch;
    store_be64(b, (uint64_t)h->base_offset);
    store_be32(b + BATCH_AT_EPOCH, (uint32_t)h->leader_epoch);
    if (p->cfg.message_timestamp_log_append && !a->internal) {
        store_be16(b + BATCH_AT_ATTRIBUTES, (uint16_t)(h->attributes | BATCH_LOG_APPEND_TIME));
        store_be64(b + BATCH_AT_MAX_TIME, (uint64_t)now);
        store_be32(b + BATCH_AT_CRC,
                   crc32c(0, b + BATCH_AT_ATTRIBUTES, (size_t)h->bytes - BATCH_AT_ATTRIBUTES));
        a->append_time_ms = now;
    }
    h->max_time_ms = (int64_t)load_be64(b + BATCH_AT_MAX_TIME);
}

/* Hands it to the log, with a snapshot of the producers where that rolls. */
static int append_to_log(struct part *p, const uint8_t *batch, const struct batch_head *h, int64_t now)
{
    struct log *l = p->log;
    const struct log_seg *before = l->segs[l->segs_n - 1];
    int rc = log_append(l, batch, h, now);
    if (rc == 0 && l->segs[l->segs_n - 1] != before && part_snapshot(p, l->segs[l->segs_n - 1]->base_offset))
        logline(LOG_WARN, l->dir,
                "cannot write a snapshot of producers: %s; a start after a crash will read more", os_why());
    return rc;
}

static void append_failed(struct part *p, struct part_append *a, int rc)
{
    char why[96];
    snprintf(why, sizeof why, "%s", os_why());
    if (err_passes(rc)) part_no_room(p, rc, why);
    append_ends(p, a, ERR_KAFKA_STORAGE_ERROR);
    if (!err_passes(rc)) part_fault(p, "write_error", "a write", why);
}

/* It is in the log: what follows from that, and who waits for the flush. */
static void appended(struct part *p, struct part_append *a, const struct batch_head *h)
{
    struct aborted_txn aborted;
    if (h->producer_id >= 0) {
        a->producer_id = h->producer_id;
        producers_remember(&p->producers, h->producer_id, &a->producer_was);
        if (producers_note(&p->producers, a->records.p, h, &aborted)) log_note_abort(p->log, &aborted);
    }
    p->home->messages_in += h->last_offset - h->base_offset + 1;
    p->home->bytes_in += h->bytes;
    if ((p->home->uncut_bytes += h->bytes) >= SHARD_TURN_BYTES) {
        p->home->uncut_bytes = 0;
        os_cut_turn(p->home->shard->os); /* what is written at its end shall not have left the cache */
    }
    a->base_offset = h->base_offset;
    a->last_offset = h->last_offset;
    list_push_back(&p->wait_flush, &a->link);
    if (!list_linked(&p->in_dirty)) list_push_back(&p->home->dirty, &p->in_dirty);
}

void part_append(struct part *p, struct part_append *a)
{
    struct batch_head h;
    struct producer_batch dup;
    ASSERT(p->magic == PART_MAGIC);
    int64_t now = os_wall_ms(p->home->shard->os);
    list_init(&a->link);
    if (p->holding && !p->log->faulted) {
        list_push_back(&p->held, &a->link);
        return;
    }
    a->base_offset = -1;
    a->append_time_ms = -1;
    a->producer_id = -1;
    a->log_start_offset = p->log->start_offset;
    int rc = p->log->faulted ? ERR_KAFKA_STORAGE_ERROR : validate_batch(p, a, &h, now);
    if (rc == 0 && (rc = check_producer(p, a, &h, &dup)) == 1) {
        answer_again(p, a, &dup);
        return;
    }
    if (rc == 0 && !a->internal) rc = recompress_batch(&p->cfg, a, &h);
    if (rc) {
        append_ends(p, a, rc);
        return;
    }
    stamp(p, a, &h, now);
    rc = append_to_log(p, a->records.p, &h, now);
    if (rc) append_failed(p, a, rc);
    else appended(p, a, &h);
}

static void part_flush(struct part *p)
{
    bool more = p->log->pending_bytes > 0;
    int rc = log_flush(p->log);
    if (rc) (void)part_failed(p, rc, "a write");
    else if (more && p->full) part_room_again(p);
    if (p->log->faulted) return;
    p->high_watermark = p->log->flushed_offset; /* no room for the last does not undo those before */
    producers_committed(&p->producers, p->high_watermark);
    bool sync = p->home->sync == PART_SYNC_ALWAYS;
    /* Those who are told may append anew, which is for the next flush; and so is what was appended by those
     * who were refused. */
    int64_t written = p->log->flushed_offset;
    while (!list_empty(&p->wait_flush)) {
        struct part_append *a = LIST_ENTRY(p->wait_flush.next, struct part_append, link);
        if (a->last_offset >= written) break;
        if (p->home->sync == PART_SYNC_ALWAYS || (a->acks_all && p->home->sync == PART_SYNC_ACKS_ALL)) {
            list_remove(&a->link);
            wait_in_order(&p->wait_sync, a);
            sync = true;
        } else part_complete(p, a, 0);
    }
    if (sync) part_make_durable(p);
    part_fire_watches(p);
}

void parts_end_of_turn(struct parts *ps)
{
    struct list *l;
    while ((l = list_pop_front(&ps->dirty)) != NULL) part_flush(LIST_ENTRY(l, struct part, in_dirty));
    parts_commit(ps);
}

/* The invariants of this file's head, and those of commit.c and sync.c, between turns. */
static void part_check(const struct part *p)
{
    const struct log *l = p->log;
    int64_t last = INT64_MIN;
    ASSERT(p->magic == PART_MAGIC);
    log_check(l);
    ASSERT(!p->doomed && p->pins >= 0);
    ASSERT(list_empty(&p->wait_flush) && !list_linked(&p->in_dirty));
    ASSERT(p->holding || list_empty(&p->held));
    ASSERT(!p->syncer || !list_linked(&p->in_syncs));
    if (l->faulted) {
        ASSERT(list_empty(&p->wait_sync) && list_empty(&p->watches));
        return;
    }
    ASSERT(p->high_watermark <= l->flushed_offset && part_last_stable_offset(p) <= l->end_offset);
    LIST_FOREACH(n, &p->wait_sync)
    {
        const struct part_append *a = LIST_ENTRY(n, struct part_append, link);
        ASSERT(a->last_offset >= last && a->last_offset >= part_durable(p) &&
               a->last_offset < l->flushed_offset);
        last = a->last_offset;
    }
    LIST_FOREACH(n, &p->watches)
    ASSERT(LIST_ENTRY(n, struct part_watch, link)->offset >= p->high_watermark);
    /* Who waits has something to wait for. */
    ASSERT(list_empty(&p->wait_sync) || p->syncer || p->committing || list_linked(&p->in_commit) ||
           list_linked(&p->in_syncs));
    part_commit_check(p);
}

#define CHECKS 64 /* a turn */

void parts_check(struct parts *ps)
{
    struct part *p;
    for (int i = 0; i < CHECKS && (p = map_next(&ps->map, &ps->check_at)) != NULL; i++) part_check(p);
    if (ps->check_at >= ps->map.cap) ps->check_at = 0;
    parts_commit_check(ps);
}

void part_watch(struct part *p, struct part_watch *w)
{
    list_init(&w->link);
    list_push_back(&p->watches, &w->link);
}
void part_unwatch(struct part_watch *w)
{
    list_remove(&w->link);
}

/* ---- upkeep ---- */
void part_tick(struct part *p, int64_t now_ms, bool retain)
{
    if (p->log->faulted) return;
    if (part_settle(p) && p->log->faulted) return;
    producers_expire(&p->producers, now_ms, p->home->producer_expire_ms);
    int n = retain && !p->cleaning && !p->move ? log_retain(p->log, now_ms, p->high_watermark) : 0;
    if (n > 0)
        logline(LOG_INFO, p->log->dir, "retention removed %d segment%s, the log starts at offset %lld", n,
                n == 1 ? "" : "s", (long long)p->log->start_offset);
    if (n < 0) {
        (void)part_failed(p, n, "retention");
        if (p->log->faulted) return;
    }
    if (p->snapshot_offset >= p->log->flushed_offset && p->log->synced_offset >= p->log->flushed_offset)
        return;
    if (log_note_progress(p->log))
        logline(LOG_WARN, p->log->dir, "cannot write its index: %s; a start after a crash will read more",
                os_why());
    p->upkeep = true;
    part_start_sync(p); /* the recovery point follows, so that a restart reads little */
}

void part_end_of_epoch(const struct part *p, int32_t epoch, int32_t *epoch_out, int64_t *end_offset)
{
    const struct log *l = p->log;
    int32_t newest = l->epochs_n ? l->epochs[l->epochs_n - 1].epoch : -1;
    *epoch_out = -1;
    *end_offset = -1;
    if (epoch == -1 || epoch > p->leader_epoch) return;
    if (newest < 0 ||
        epoch >= newest) { /* the leader's own epoch begins, at the latest, where the log ends now */
        *epoch_out = epoch == p->leader_epoch || newest < 0 ? epoch : newest;
        *end_offset = l->end_offset;
    } else log_end_of_epoch(l, epoch, epoch_out, end_offset);
}

int part_delete_records(struct part *p, int64_t before_offset)
{
    if (p->log->faulted) return ERR_KAFKA_STORAGE_ERROR;
    if (before_offset == -1) before_offset = p->high_watermark;
    if (before_offset < 0 || before_offset > p->high_watermark) return ERR_OFFSET_OUT_OF_RANGE;
    int rc = part_settle(p);
    if (rc) return rc;
    return part_failed(p, log_advance_start(p->log, before_offset, os_wall_ms(p->home->shard->os)),
                       "deleting records");
}

int part_close(struct part *p)
{
    /* The pool is at rest, but nobody took its last answer: after a failed sync another one proves nothing.
     */
    if (part_sync_failed(p)) p->log->faulted = true;
    if (p->log->faulted) return ERR_IO;
    int rc = log_close(p->log, false);
    if (rc == 0) rc = part_snapshot(p, p->log->end_offset);
    if (rc) {
        logline(LOG_ERROR, p->log->dir, "closing failed: %s", os_why());
        if (!err_passes(rc)) os_mark_unsettled(p->home->shard->os, p->root);
    }
    return rc;
}

static void discard_dir(struct shard *s, const char *dir, int64_t delay_ms)
{
    char *name = part_dir_other_name(s->os, dir, strlen(dir), "delete");
    int rc = os_rename(s->os, dir, name);
    if (rc && rc != ERR_NOENT)
        logline(LOG_ERROR, dir, "cannot rename a deleted partition's directory: %s", os_why());
    if (rc) free(name);
    else shard_trash(s, name, true, delay_ms);
}

void part_discard(struct parts *ps, const char *root, const char *topic, int32_t index,
                  int64_t delete_delay_ms)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-%d", root, topic, index);
    discard_dir(ps->shard, path, delete_delay_ms);
}

void part_take_log(struct part *p, struct log *l, int dir, const char *root)
{
    struct log *old = p->log;
    ASSERT(!p->syncer && !p->committing && list_empty(&p->wait_flush) && old->pending_bytes == 0);
    part_leave_journal(p); /* the new log is synced to its end */
    part_pay(p, true);
    discard_dir(p->home->shard, old->dir, p->cfg.file_delete_delay_ms);
    p->log = l;
    p->dir = dir;
    p->root = root;
    part_name_in_root(p); /* it was another when it was synced */
    p->names_synced = l->names_made;
    p->aborts_synced = l->aborts_made;
    p->snapshot_offset = p->older_snapshot = 0; /* not all of them are in the copy */
    log_free(old);
    part_release_synced(p);
}

void part_remove(struct part *p, int err, int64_t delete_delay_ms)
{
    struct part_key k = {p->topic_id, p->index};
    map_del(&p->home->map, hash_part(p->topic_id, p->index), &k, eq_part);
    list_remove(&p->in_dirty);
    list_remove(&p->in_syncs);
    part_leave_journal(p);
    part_pay(p, true);
    p->doomed = true;
    part_fail_all(p, err);
    part_fire_watches(p);
    /* Also after a fault: a new topic of this name must not find these records. */
    if (delete_delay_ms >= 0) discard_dir(p->home->shard, p->log->dir, delete_delay_ms);
    if (!p->pins) part_free(p);
}
