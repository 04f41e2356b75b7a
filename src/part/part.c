/* A partition.
 *
 * Invariants
 * 1. high_watermark <= log->flushed_offset (this node is the only replica).
 * 2. wait_flush holds appends of this turn; wait_sync those whose offsets lie at or above log->synced_offset.
 * 3. At most one sync runs for a partition; what comes meanwhile waits for the next one (group commit). A
 * partition in syncs_asked or syncs_idle has none.
 *
 * 4. producers knows exactly the batches below log->end_offset: no room on the disk takes batches out of
 * both.
 *
 *   part_append -> wait_flush --part_flush--> done (acks=1)
 *                                         \-> wait_sync --sync_done--> done (acks=all) */
#include "part/part.h"
#include "base/logline.h"
#include "kp/batch.h"
#include "log/txn_index.h"
#include "part/dir.h"
#include "part/snapshot.h"
#include "part/validate.h"

#include <stdio.h>
#include <stdlib.h>

#define SYNC_SEGS_MAX 8
/* Syncs of a shard at a time: each holds files open and a place in the pool's queue. Where nobody waits for
 * an answer fewer do, so that those who do find the disk free. */
#define SYNCS_MAX 16
#define SYNCS_IDLE_MAX 2
struct part_syncer {
    struct os_job job;
    struct part *part;
    struct os *os;
    struct log_seg *segs[SYNC_SEGS_MAX];
    int segs_n;
    int64_t target;
    int sealed_n; /* so many of segs get no more records: their index files are synced too */
    char *dir;
    const char *root;       /* the log directory; lives as long as the broker */
    bool name_made, parent; /* names in dir, dir's own name */
    int64_t names, root_names;
    int64_t aborts; /* log->aborts_made; their entries are synced, too */
    bool txns;
    /* upkeep: a producer snapshot at target, and the epochs, to be written once everything below is synced */
    struct strbuf producers, epochs;
    int32_t epoch;    /* the newest of them */
    int64_t obsolete; /* the snapshot that goes then; 0: none */
    bool upkeep, kept, epochs_kept;
    int rc;
    char why[96];
};

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
    ps->syncs_max = (int)min_i64(SYNCS_MAX, max_i64(SYNCS_IDLE_MAX, s->files.open_max / 8));
    map_init(&ps->map);
    list_init(&ps->dirty);
    list_init(&ps->syncs_asked);
    list_init(&ps->syncs_idle);
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

/* Its directory's name is one that the root has to have on the disk; also when it was there, because a crash
 * may have come before its sync. */
static void name_in_root(struct part *p)
{
    struct parts *ps = p->home;
    for (; ps->roots_n <= p->dir; ps->roots_n++) {
        ps->roots = xrealloc(ps->roots, (size_t)(ps->roots_n + 1) * sizeof *ps->roots);
        ps->roots[ps->roots_n] = (struct part_root){0};
    }
    p->root_name = ++ps->roots[p->dir].names;
}

int part_open(struct parts *ps, const char *root, int dir, struct uuid topic_id, const char *topic,
              int32_t index, const struct conf_topic *cfg, int32_t leader_epoch, struct log_open_opts *o,
              struct part **out)
{
    char path[4096];
    struct part *p = xcalloc(1, sizeof *p);
    struct log_cfg lc;
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
    name_in_root(p);
    map_put(&ps->map, hash_part(topic_id, index), p);
    *out = p;
    return 0;
}

void part_configure(struct part *p, const struct conf_topic *cfg)
{
    p->cfg = *cfg;
    log_cfg_of(cfg, &p->log->cfg);
}

/* ---- syncing ---- */
static bool root_unsynced(const struct part *p)
{
    return p->root_name > p->home->roots[p->dir].synced;
}

/* Makes the names in dir durable, and dir's own. dir is cut up for it. */
static int sync_names(struct os *os, char *dir, bool parent)
{
    int rc = os_fsync_dir(os, dir);
    char *slash = strrchr(dir, '/');
    if (rc || !parent || !slash) return rc;
    *slash = 0;
    return os_fsync_dir(os, dir);
}

static int write_beside(const struct part_syncer *y, int64_t offset, const struct strbuf *b)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%020lld.snapshot", y->dir, (long long)offset);
    return os_write_file_over(y->os, path, b->s, b->n);
}

/* What spares a start after a crash some reading. */
static void keep_state(struct part_syncer *y)
{
    char path[4200];
    int rc = 0;
    snprintf(path, sizeof path, "%s/" LOG_EPOCHS_FILE, y->dir);
    if (y->epochs.n) rc = os_write_file_atomic(y->os, path, y->epochs.s, y->epochs.n);
    y->epochs_kept = y->epochs.n && rc == 0;
    /* Not synced: one that is spoiled gives way to the one before. */
    if (rc == 0) rc = write_beside(y, y->target, &y->producers);
    y->kept = rc == 0;
    if (y->kept && y->obsolete) {
        snprintf(path, sizeof path, "%s/%020lld.snapshot", y->dir, (long long)y->obsolete);
        rc = os_unlink(y->os, path);
    }
    if (rc && rc != ERR_NOENT) /* its directory may be on its way out */
        logline(LOG_WARN, path, "%s; a start after a crash will read more", os_why());
}

/* Entries of the active segment: a recovery that begins in the middle of it believes what is there. */
static int sync_txns(const struct part_syncer *y)
{
    return log_sync_beside(y->os, y->dir, y->segs[y->segs_n - 1]->base_offset, "txnindex");
}

static void sync_run(struct os_job *j)
{
    struct part_syncer *y = CONTAINER_OF(j, struct part_syncer, job);
    for (int i = 0; i < y->segs_n && y->rc == 0; i++) y->rc = os_fdatasync(y->os, y->segs[i]->fd);
    for (int i = 0; i < y->sealed_n && y->rc == 0; i++)
        y->rc = log_sync_index(y->os, y->dir, y->segs[i]->base_offset);
    if (y->rc == 0 && y->txns) y->rc = sync_txns(y);
    if (y->rc == 0 && y->upkeep) keep_state(y);
    if (y->rc == 0 && y->name_made) y->rc = sync_names(y->os, y->dir, y->parent);
    if (y->rc) {
        snprintf(y->why, sizeof y->why, "%s", os_why());
        os_mark_unsettled(y->os, y->root);
    }
}

static void part_free(struct part *p)
{
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
    ASSERT(p->pins > 0);
    if (--p->pins == 0 && p->doomed) part_free(p);
}

static void complete(struct part *p, struct part_append *a, int err)
{
    list_remove(&a->link);
    a->err = err;
    free(a->owned);
    a->owned = NULL;
    a->done(a, p->home->shard);
}

static void fail_all(struct part *p, int err)
{
    struct list *l;
    while (!list_empty(&p->wait_flush) && (l = p->wait_flush.next))
        complete(p, LIST_ENTRY(l, struct part_append, link), err);
    while (!list_empty(&p->wait_sync) && (l = p->wait_sync.next))
        complete(p, LIST_ENTRY(l, struct part_append, link), err);
    while (!list_empty(&p->held) && (l = p->held.next))
        complete(p, LIST_ENTRY(l, struct part_append, link), err);
}

static void fire_watches(struct part *p)
{
    LIST_FOREACH(l, &p->watches)
    {
        struct part_watch *w = LIST_ENTRY(l, struct part_watch, link);
        if (w->offset >= p->high_watermark && !p->doomed && !p->log->faulted) continue;
        list_remove(l);
        w->fire(w, p->home->shard);
    }
}

void part_fault(struct part *p, const char *reason, const char *what, const char *why)
{
    logline(LOG_ERROR, p->log->dir,
            "%s failed (%s); the partition is offline until the broker restarts on a sound disk", what, why);
    p->log->faulted = true;
    p->fenced = reason;
    fail_all(p, ERR_KAFKA_STORAGE_ERROR);
    fire_watches(p);
}

static void release_synced(struct part *p)
{
    while (!list_empty(&p->wait_sync)) {
        struct part_append *a = LIST_ENTRY(p->wait_sync.next, struct part_append, link);
        if (a->last_offset >= p->log->synced_offset) break;
        complete(p, a, 0);
    }
}

/* Moves those at or beyond the end of what is written. */
static void take_unwritten(struct part *p, struct list *from, struct list *to)
{
    LIST_FOREACH(n, from)
    {
        struct part_append *a = LIST_ENTRY(n, struct part_append, link);
        if (a->last_offset < p->log->flushed_offset) continue;
        list_remove(n);
        list_push_back(to, n);
    }
}

#define TOLD_NS (60ll * 1000000000)

/* What comes and goes, like the room on a disk that is almost full, is told once a minute. */
static bool may_tell(const struct part *p, int64_t *told_ns)
{
    int64_t now = os_mono_ns(p->home->shard->os);
    if (*told_ns && now - *told_ns < TOLD_NS) return false;
    *told_ns = now;
    return true;
}

static void no_room(struct part *p, const char *why)
{
    struct list refused;
    if (!p->full && may_tell(p, &p->full_told_ns)) {
        logline(LOG_ERROR, p->log->dir,
                "no room to write (%s); appends are refused until there is, what is there can be read", why);
        p->full_told = true;
    }
    p->full = true;
    if (!p->fenced) p->fenced = "disk_full";
    list_init(&refused);
    take_unwritten(p, &p->wait_flush, &refused);
    for (struct list *l = refused.prev; l != &refused; l = l->prev) {
        const struct part_append *a = LIST_ENTRY(l, struct part_append, link);
        if (a->producer_id >= 0)
            producers_go_back(&p->producers, a->producer_id, a->base_offset, &a->producer_was);
    }
    take_unwritten(p, &p->wait_sync, &refused); /* repetitions of those */
    while (!list_empty(&refused))
        complete(p, LIST_ENTRY(refused.next, struct part_append, link), ERR_KAFKA_STORAGE_ERROR);
}

static void room_again(struct part *p)
{
    p->full = false;
    if (strcmp(p->fenced, "disk_full") == 0) p->fenced = NULL;
    if (p->full_told) logline(LOG_INFO, p->log->dir, "there is room again; appends go on");
    p->full_told = false;
}

int part_failed(struct part *p, int rc, const char *what)
{
    if (rc == 0) return 0;
    if (rc == ERR_NOSPACE) no_room(p, os_why());
    else part_fault(p, "write_error", what, os_why());
    return ERR_KAFKA_STORAGE_ERROR;
}

void part_fence(struct part *p, int64_t base_offset, int64_t pos, int64_t offset, const char *what)
{
    if (!log_fence(p->log, base_offset, pos)) return;
    p->fenced = "damaged";
    logline(LOG_ERROR, p->log->dir,
            "damage at position %lld of segment %020lld, offset %lld: %s; reads of it are refused, the rest "
            "of the "
            "partition goes on",
            (long long)pos, (long long)base_offset, (long long)offset, what);
}

void part_read(struct part *p, int rc, const char *why)
{
    if (rc == ERR_CORRUPT_MESSAGE) {
        const struct log_damage *d = &p->log->damage;
        part_fence(p, d->base_offset, d->pos, d->offset, d->why);
    } else if (rc == ERR_IO && !p->read_failed) {
        if (may_tell(p, &p->read_told_ns)) {
            logline(LOG_ERROR, p->log->dir, "a read failed (%s); the consumer is told, the rest goes on",
                    why);
            p->read_told = true;
        }
        p->read_failed = true;
        if (!p->fenced) p->fenced = "read_error";
    } else if (rc == 0 && p->read_failed) {
        if (p->read_told) logline(LOG_INFO, p->log->dir, "reads work again");
        p->read_failed = p->read_told = false;
        if (p->fenced && strcmp(p->fenced, "read_error") == 0) p->fenced = NULL;
    }
}

int part_settle(struct part *p)
{
    return part_failed(p, log_flush(p->log), "a write");
}

static void start_sync(struct part *p);

static void next_syncs(struct parts *ps)
{
    struct list *l;
    while (ps->syncs_n < ps->syncs_max && (l = list_pop_front(&ps->syncs_asked)) != NULL)
        start_sync(LIST_ENTRY(l, struct part, in_syncs));
    while (ps->syncs_n < SYNCS_IDLE_MAX && (l = list_pop_front(&ps->syncs_idle)) != NULL)
        start_sync(LIST_ENTRY(l, struct part, in_syncs));
}

static void sync_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct part_syncer *y = CONTAINER_OF(j, struct part_syncer, job);
    struct part *p = y->part;
    struct parts *ps = p->home;
    ps->syncs_n--;
    for (int i = 0; i < y->segs_n; i++) log_seg_put(y->segs[i]);
    p->syncer = NULL;
    if (y->epochs.n && !y->epochs_kept) p->log->epochs_dirty = true;
    if (p->doomed) {
        /* nobody waits any more */
    } else if (y->rc) {
        part_fault(p, "sync_error", "a sync to disk", y->why);
    } else {
        if (y->name_made) p->names_synced = y->names;
        struct part_root *root = &ps->roots[p->dir];
        if (y->parent) root->synced = max_i64(root->synced, y->root_names);
        p->log->synced_offset = max_i64(p->log->synced_offset, y->target);
        p->aborts_synced = max_i64(p->aborts_synced, y->aborts);
        if (y->kept) part_note_snapshot(p, y->target);
        if (y->epochs_kept) p->log->epoch_kept = y->epoch;
        release_synced(p);
        if (!list_empty(&p->wait_sync)) start_sync(p);
    }
    part_unpin(p);
    strbuf_fini(&y->producers);
    strbuf_fini(&y->epochs);
    free(y->dir);
    free(y);
    next_syncs(ps);
}

static void start_sync(struct part *p)
{
    struct log *l = p->log;
    struct parts *ps = p->home;
    bool asked = ps->sync == PART_SYNC_ALWAYS || !list_empty(&p->wait_sync);
    bool behind =
        l->synced_offset < l->flushed_offset || (p->upkeep && p->snapshot_offset < l->flushed_offset);
    if (p->syncer || l->faulted || !behind) return;
    list_remove(&p->in_syncs);
    if (ps->syncs_n >= (asked ? ps->syncs_max : SYNCS_IDLE_MAX)) {
        list_push_back(asked ? &ps->syncs_asked : &ps->syncs_idle, &p->in_syncs);
        return;
    }
    struct part_syncer *y = xcalloc(1, sizeof *y);
    y->part = p;
    y->os = p->home->shard->os;
    y->root = p->root;
    y->target = l->flushed_offset;
    strbuf_init(&y->producers);
    strbuf_init(&y->epochs);
    /* Oldest unsynced segments first; with more than fit, the target is where the last of them ends. */
    int i = l->segs_n - 1;
    while (i > 0 && l->segs[i]->base_offset >= l->synced_offset)
        i--; /* a roll right there left its indexes to be synced */
    int rc = 0;
    for (; i < l->segs_n && rc == 0; i++) {
        if (y->segs_n == SYNC_SEGS_MAX) {
            y->target = l->segs[i]->base_offset;
            break;
        }
        struct log_seg *s = l->segs[i];
        if ((rc = log_seg_open(s)) != 0) break;
        log_seg_get(s);
        y->segs[y->segs_n++] = s;
        if (i < l->segs_n - 1) y->sealed_n++;
    }
    if (rc) {
        for (i = 0; i < y->segs_n; i++) log_seg_put(y->segs[i]);
        free(y);
        part_fault(p, "open_error", "opening a segment", os_why());
        return;
    }
    y->parent = root_unsynced(p);
    y->root_names = ps->roots[p->dir].names;
    y->name_made = p->names_synced < l->names_made;
    y->aborts = l->aborts_made;
    y->txns = p->aborts_synced < y->aborts;
    /* The producers' state is that of the log's end, so it must be what this sync makes durable. */
    y->upkeep = p->upkeep && y->target == l->end_offset && p->snapshot_offset < y->target;
    if (y->upkeep) {
        producers_save(&p->producers, &y->producers);
        y->epoch = l->epochs_n ? l->epochs[l->epochs_n - 1].epoch : -1;
        if (l->epochs_dirty) log_epochs_take(l, &y->epochs);
        y->obsolete = part_obsolete_snapshot(p);
        p->upkeep = false;
    }
    if (y->name_made || y->sealed_n || y->parent || y->upkeep || y->txns) y->dir = xstrdup(l->dir);
    y->names = l->names_made;
    y->job.run = sync_run;
    y->job.done = sync_done;
    p->syncer = y;
    ps->syncs_n++;
    part_pin(p);
    os_submit(y->os, &y->job);
}

/* ---- appending ---- */
static int check_marker(const struct part *p, const struct part_append *a, const struct batch_head *h)
{
    int type;
    int32_t coordinator_epoch;
    int rc = batch_control(a->records.p, h, &type, &coordinator_epoch);
    return rc ? rc : producers_check_marker(&p->producers, h, coordinator_epoch, a->transaction_version);
}

void part_append(struct part *p, struct part_append *a)
{
    struct log *l = p->log;
    struct batch_head h;
    struct producer_batch dup;
    struct aborted_txn aborted;
    int64_t now = os_wall_ms(p->home->shard->os);
    list_init(&a->link);
    if (p->holding && !l->faulted) {
        list_push_back(&p->held, &a->link);
        return;
    }
    a->base_offset = -1;
    a->append_time_ms = -1;
    a->producer_id = -1;
    a->log_start_offset = l->start_offset;
    if (l->faulted) {
        a->err = ERR_KAFKA_STORAGE_ERROR;
        a->done(a, p->home->shard);
        return;
    }
    int rc = validate_batch(p, a, &h, now);
    if (rc == 0 && h.producer_id >= 0 && (h.attributes & BATCH_CONTROL)) rc = check_marker(p, a, &h);
    else if (rc == 0 && h.producer_id >= 0) {
        rc = producers_check(&p->producers, &h, &dup);
        if (rc == 1) { /* seen before: the first answer again, once that batch is as safe as asked */
            a->base_offset = dup.last_offset - dup.offset_delta;
            a->last_offset = dup.last_offset;
            a->append_time_ms = dup.time_ms;
            bool wait =
                a->acks_all && p->home->sync != PART_SYNC_NEVER && dup.last_offset >= l->synced_offset;
            if (wait) {
                /* keeps wait_sync in offset order: it is at or below everything that comes later */
                list_push_front(&p->wait_sync, &a->link);
                start_sync(p);
            } else if (dup.last_offset >= l->flushed_offset) list_push_back(&p->wait_flush, &a->link);
            else {
                a->err = 0;
                a->done(a, p->home->shard);
            }
            return;
        }
    }
    if (rc == 0 && !a->internal) rc = recompress_batch(&p->cfg, a, &h);
    if (rc) {
        a->err = rc;
        a->done(a, p->home->shard);
        return;
    }
    uint8_t *b = (uint8_t *)(uintptr_t)a->records.p;
    int64_t delta = h.last_offset - h.base_offset;
    h.base_offset = l->end_offset;
    h.last_offset = h.base_offset + delta;
    h.leader_epoch = p->leader_epoch;
    store_be64(b, (uint64_t)h.base_offset);
    store_be32(b + BATCH_AT_EPOCH, (uint32_t)h.leader_epoch);
    if (p->cfg.message_timestamp_log_append && !a->internal) {
        store_be16(b + BATCH_AT_ATTRIBUTES, (uint16_t)(h.attributes | BATCH_LOG_APPEND_TIME));
        store_be64(b + BATCH_AT_MAX_TIME, (uint64_t)now);
        store_be32(b + BATCH_AT_CRC,
                   crc32c(0, b + BATCH_AT_ATTRIBUTES, (size_t)h.bytes - BATCH_AT_ATTRIBUTES));
        a->append_time_ms = now;
    }
    h.max_time_ms = (int64_t)load_be64(b + BATCH_AT_MAX_TIME);
    const struct log_seg *before = l->segs[l->segs_n - 1];
    rc = log_append(l, b, &h, now);
    if (rc == 0 && l->segs[l->segs_n - 1] != before && part_snapshot(p, l->segs[l->segs_n - 1]->base_offset))
        logline(LOG_WARN, l->dir,
                "cannot write a snapshot of producers: %s; a start after a crash will read more", os_why());
    if (rc) {
        a->err = ERR_KAFKA_STORAGE_ERROR;
        free(a->owned);
        a->owned = NULL;
        char why[96];
        snprintf(why, sizeof why, "%s", os_why());
        if (rc == ERR_NOSPACE) no_room(p, why);
        a->done(a, p->home->shard);
        if (rc != ERR_NOSPACE) part_fault(p, "write_error", "a write", why);
        return;
    }
    if (h.producer_id >= 0) {
        a->producer_id = h.producer_id;
        producers_remember(&p->producers, h.producer_id, &a->producer_was);
        if (producers_note(&p->producers, b, &h, &aborted)) log_note_abort(l, &aborted);
    }
    p->home->messages_in += delta + 1;
    p->home->bytes_in += h.bytes;
    a->base_offset = h.base_offset;
    a->last_offset = h.last_offset;
    list_push_back(&p->wait_flush, &a->link);
    if (!list_linked(&p->in_dirty)) list_push_back(&p->home->dirty, &p->in_dirty);
}

static void part_flush(struct part *p)
{
    bool more = p->log->pending_bytes > 0;
    int rc = log_flush(p->log);
    if (rc) (void)part_failed(p, rc, "a write");
    else if (more && p->full) room_again(p);
    if (p->log->faulted) return;
    p->high_watermark = p->log->flushed_offset; /* no room for the last does not undo those before */
    producers_committed(&p->producers, p->high_watermark);
    bool sync = p->home->sync == PART_SYNC_ALWAYS;
    struct list ready;
    list_init(&ready);
    list_splice(&ready, &p->wait_flush);
    while (!list_empty(&ready)) {
        struct part_append *a = LIST_ENTRY(ready.next, struct part_append, link);
        if (p->home->sync == PART_SYNC_ALWAYS || (a->acks_all && p->home->sync == PART_SYNC_ACKS_ALL)) {
            list_remove(&a->link);
            list_push_back(&p->wait_sync, &a->link);
            sync = true;
        } else complete(p, a, 0);
    }
    if (sync) start_sync(p);
    fire_watches(p);
}

void parts_end_of_turn(struct parts *ps)
{
    struct list *l;
    while ((l = list_pop_front(&ps->dirty)) != NULL) part_flush(LIST_ENTRY(l, struct part, in_dirty));
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
    start_sync(p); /* the recovery point follows, so that a restart reads little */
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
    if (p->syncer && p->syncer->rc) p->log->faulted = true;
    if (p->log->faulted) return ERR_IO;
    int rc = log_close(p->log, false);
    if (rc == 0) rc = part_snapshot(p, p->log->end_offset);
    if (rc) {
        logline(LOG_ERROR, p->log->dir, "closing failed: %s", os_why());
        if (rc != ERR_NOSPACE) os_mark_unsettled(p->home->shard->os, p->root);
    }
    return rc;
}

#define NAME_BYTES_MAX 255

/* Gives a partition's directory the name <root>/<topic>-<partition>.<32 hex digits>-delete, the topic cut so
 * that it remains a name, and has it removed. */
static void discard_dir(struct shard *s, const char *dir, const char *topic, int32_t index, int64_t delay_ms)
{
    struct strbuf b;
    uint64_t tag[2];
    char tail[80];
    const char *slash = strrchr(dir, '/');
    os_entropy(s->os, tag, sizeof tag);
    int n = snprintf(tail, sizeof tail, "-%d.%016llx%016llx-delete", index, (unsigned long long)tag[0],
                     (unsigned long long)tag[1]);
    strbuf_init(&b);
    strbuf_add(&b, dir, (size_t)(slash + 1 - dir));
    strbuf_add(&b, topic, min_size(strlen(topic), NAME_BYTES_MAX - (size_t)n));
    strbuf_add_cstr(&b, tail);
    int rc = os_rename(s->os, dir, b.s);
    if (rc && rc != ERR_NOENT)
        logline(LOG_ERROR, dir, "cannot rename a deleted partition's directory: %s", os_why());
    if (rc) strbuf_fini(&b);
    else shard_trash(s, b.s, true, delay_ms);
}

void part_discard(struct parts *ps, const char *root, const char *topic, int32_t index,
                  int64_t delete_delay_ms)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-%d", root, topic, index);
    discard_dir(ps->shard, path, topic, index, delete_delay_ms);
}

void part_take_log(struct part *p, struct log *l, int dir, const char *root)
{
    struct log *old = p->log;
    ASSERT(!p->syncer && list_empty(&p->wait_flush) && old->pending_bytes == 0);
    discard_dir(p->home->shard, old->dir, p->topic, p->index, p->cfg.file_delete_delay_ms);
    p->log = l;
    p->dir = dir;
    p->root = root;
    name_in_root(p); /* it was another when it was synced */
    p->names_synced = l->names_made;
    p->aborts_synced = l->aborts_made;
    p->snapshot_offset = p->older_snapshot = 0; /* not all of them are in the copy */
    log_free(old);
    release_synced(p);
}

void part_remove(struct part *p, int err, int64_t delete_delay_ms)
{
    struct part_key k = {p->topic_id, p->index};
    map_del(&p->home->map, hash_part(p->topic_id, p->index), &k, eq_part);
    list_remove(&p->in_dirty);
    list_remove(&p->in_syncs);
    p->doomed = true;
    fail_all(p, err);
    fire_watches(p);
    /* Also after a fault: a new topic of this name must not find these records. */
    if (delete_delay_ms >= 0) discard_dir(p->home->shard, p->log->dir, p->topic, p->index, delete_delay_ms);
    if (!p->pins) part_free(p);
}
