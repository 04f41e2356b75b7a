#include "part/producers.h"
#include "base/grow.h"
#include "kp/batch.h"
#include "kp/producer_snapshot.h"

#include <stdlib.h>

static bool eq_id(const void *v, const void *k)
{
    return ((const struct producer *)v)->id == *(const int64_t *)k;
}

void producers_init(struct producers *p)
{
    *p = (struct producers){0};
    map_init(&p->map);
    list_init(&p->open);
}

void producers_fini(struct producers *p)
{
    MAP_FOREACH(it, struct producer, e, &p->map) free(e);
    map_fini(&p->map);
    free(p->ended);
}

struct producer *producers_find(const struct producers *p, int64_t id)
{
    return map_get(&p->map, hash_u64((uint64_t)id), &id, eq_id);
}

#define NO_EPOCH                                                                                             \
    (-1) /* of a producer not heard of yet; any epoch may follow it, Kafka takes even this one               \
          */

/* Sequences run 0 .. INT32_MAX and wrap to 0. */
static int32_t seq_add(int32_t seq, int32_t n)
{
    int64_t s = (int64_t)seq + n;
    return (int32_t)(s > INT32_MAX ? s - INT32_MAX - 1 : s);
}

static int check_sequence(const struct producer *e, const struct batch_head *h, struct producer_batch *dup)
{
    if (h->producer_epoch < e->epoch) return ERR_INVALID_PRODUCER_EPOCH;
    if (h->producer_epoch != e->epoch)
        return h->base_sequence != 0 && e->epoch != NO_EPOCH ? ERR_OUT_OF_ORDER_SEQUENCE_NUMBER : 0;
    int32_t last = seq_add(h->base_sequence, (int32_t)(h->last_offset - h->base_offset));
    for (int i = 0; i < e->batches_n; i++) {
        const struct producer_batch *b = &e->batches[(e->batches_at + i) % PRODUCER_BATCHES];
        if (b->last_sequence != last) continue;
        int32_t first = b->last_sequence - b->offset_delta;
        if (first < 0) first = (int32_t)((int64_t)first + INT32_MAX + 1);
        if (first != h->base_sequence) continue;
        *dup = *b;
        return 1;
    }
    if (e->batches_n == 0) return 0;
    return seq_add(producer_last_sequence(e), 1) == h->base_sequence ? 0 : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

int producers_check(const struct producers *p, const struct batch_head *h, struct producer_batch *dup)
{
    const struct producer *e = producers_find(p, h->producer_id);
    if (!e) return h->producer_epoch < NO_EPOCH ? ERR_INVALID_PRODUCER_EPOCH : 0;
    int rc = check_sequence(e, h, dup);
    if (rc == 0 && e->txn_first_offset >= 0 && !(h->attributes & BATCH_TRANSACTIONAL))
        rc = ERR_INVALID_TXN_STATE;
    return rc;
}

int producers_check_marker(const struct producers *p, const struct batch_head *h, int32_t coordinator_epoch,
                           int transaction_version)
{
    const struct producer *e = producers_find(p, h->producer_id);
    if (!e) return 0;
    bool old = h->producer_epoch < e->epoch,
         same = h->producer_epoch == e->epoch && transaction_version >= 2 && e->txn_first_offset >= 0;
    if (old || same) return ERR_INVALID_PRODUCER_EPOCH;
    return coordinator_epoch < e->coordinator_epoch ? ERR_TRANSACTION_COORDINATOR_FENCED : 0;
}

static struct producer *entry(struct producers *p, int64_t id)
{
    struct producer *e = producers_find(p, id);
    if (e) return e;
    e = xcalloc(1, sizeof *e);
    e->id = id;
    e->epoch = -1;
    e->coordinator_epoch = -1;
    e->txn_first_offset = -1;
    list_init(&e->open);
    map_put(&p->map, hash_u64((uint64_t)id), e);
    return e;
}

static void push(struct producer *e, struct producer_batch b)
{
    if (e->batches_n == PRODUCER_BATCHES) {
        e->batches[e->batches_at] = b;
        e->batches_at = (uint8_t)((e->batches_at + 1) % PRODUCER_BATCHES);
    } else e->batches[(e->batches_at + e->batches_n++) % PRODUCER_BATCHES] = b;
}

/* ---- transactions ---- */
static void txn_opened(struct producers *p, struct producer *e, int64_t first_offset)
{
    e->txn_first_offset = first_offset;
    struct list *after = p->open.prev; /* mostly the newest; a snapshot has them in any order */
    while (after != &p->open && LIST_ENTRY(after, struct producer, open)->txn_first_offset > first_offset)
        after = after->prev;
    list_push_front(after, &e->open);
}

/* True: it had records and is aborted. */
static bool txn_ended(struct producers *p, struct producer *e, bool abort, int64_t marker,
                      struct aborted_txn *aborted)
{
    int64_t first = e->txn_first_offset;
    if (first < 0) return false;
    e->txn_first_offset = -1;
    list_remove(&e->open);
    p->ended = grown(p->ended, p->ended_n, &p->ended_cap, sizeof *p->ended);
    p->ended[p->ended_n++] = (struct txn_ended){first, marker};
    if (!abort) return false;
    int64_t stable =
        list_empty(&p->open) ? marker + 1 : LIST_ENTRY(p->open.next, struct producer, open)->txn_first_offset;
    *aborted = (struct aborted_txn){e->id, first, marker, stable};
    return true;
}

int64_t producers_first_unstable(const struct producers *p)
{
    int64_t first =
        list_empty(&p->open) ? INT64_MAX : LIST_ENTRY(p->open.next, struct producer, open)->txn_first_offset;
    for (int i = 0; i < p->ended_n; i++) first = min_i64(first, p->ended[i].first_offset);
    return first;
}

void producers_committed(struct producers *p, int64_t high_watermark)
{
    int n = 0;
    while (n < p->ended_n && p->ended[n].marker_offset < high_watermark) n++;
    if (n == 0) return;
    p->ended_n -= n;
    memmove(p->ended, p->ended + n, (size_t)p->ended_n * sizeof *p->ended);
}

/* ---- going back ---- */
void producers_remember(const struct producers *p, int64_t id, struct producer_was *was)
{
    const struct producer *e = producers_find(p, id);
    was->known = e;
    if (e) was->state = *e;
}

void producers_go_back(struct producers *p, int64_t id, int64_t offset, const struct producer_was *was)
{
    struct producer *e = producers_find(p, id);
    if (!e) return;
    while (p->ended_n && p->ended[p->ended_n - 1].marker_offset >= offset) p->ended_n--;
    list_remove(&e->open);
    if (!was->known) {
        map_del(&p->map, hash_u64((uint64_t)id), &id, eq_id);
        free(e);
        return;
    }
    *e = was->state;
    list_init(&e->open);
    if (e->txn_first_offset >= 0) txn_opened(p, e, e->txn_first_offset);
}

/* ---- noting ---- */
static void set_epoch(struct producer *e, const struct batch_head *h)
{
    if (e->epoch != h->producer_epoch) e->batches_n = 0;
    e->epoch = h->producer_epoch;
    e->last_time_ms = max_i64(e->last_time_ms, h->max_time_ms);
}

static bool note_marker(struct producers *p, const uint8_t *batch, const struct batch_head *h,
                        struct aborted_txn *aborted)
{
    int type;
    int32_t coordinator_epoch;
    /* One that compaction emptied, or that cannot be read, decides nothing. */
    if (batch_control(batch, h, &type, &coordinator_epoch) || type < 0 || type > CONTROL_COMMIT) return false;
    struct producer *e = entry(p, h->producer_id);
    set_epoch(e, h);
    e->coordinator_epoch = coordinator_epoch;
    return txn_ended(p, e, type == CONTROL_ABORT, h->last_offset, aborted);
}

bool producers_note(struct producers *p, const uint8_t *batch, const struct batch_head *h,
                    struct aborted_txn *aborted)
{
    if (h->producer_id < 0) return false;
    if (h->attributes & BATCH_CONTROL) return note_marker(p, batch, h, aborted);
    struct producer *e = entry(p, h->producer_id);
    int32_t delta = (int32_t)(h->last_offset - h->base_offset);
    set_epoch(e, h);
    if (h->base_sequence >= 0)
        push(e, (struct producer_batch){h->last_offset, h->max_time_ms, seq_add(h->base_sequence, delta),
                                        delta});
    if ((h->attributes & BATCH_TRANSACTIONAL) && e->txn_first_offset < 0) txn_opened(p, e, h->base_offset);
    return false;
}

void producers_expire(struct producers *p, int64_t now_ms, int64_t expire_ms)
{
    struct producer *old[64];
    int n = 0;
    MAP_FOREACH(it, struct producer, e, &p->map)
    if (n < 64 && e->txn_first_offset < 0 && now_ms - e->last_time_ms > expire_ms) old[n++] = e;
    for (int i = 0; i < n; i++) {
        map_del(&p->map, hash_u64((uint64_t)old[i]->id), &old[i]->id, eq_id);
        free(old[i]);
    }
}

/* version (2), CRC-32C of what follows (4), then the entries: see proto/data/producer_snapshot.kp. */
#define SNAPSHOT_VERSION 1
#define SNAPSHOT_AT_ENTRIES 6

void producers_save(const struct producers *p, struct strbuf *out)
{
    struct arena a;
    struct kp_writer w;
    struct kp_producer_snapshot s;
    arena_init(&a);
    kp_producer_snapshot_init(&s);
    s.producer_entries = arena_zalloc(&a, p->map.n, sizeof *s.producer_entries);
    MAP_FOREACH(it, struct producer, e, &p->map)
    {
        const struct producer_batch *b =
            e->batches_n ? &e->batches[(e->batches_at + e->batches_n - 1) % PRODUCER_BATCHES] : NULL;
        s.producer_entries[s.producer_entries_n++] = (struct kp_producer_snapshot_producer_entry){
            .producer_id = e->id,
            .epoch = e->epoch,
            .last_sequence = b ? b->last_sequence : -1,
            .last_offset = b ? b->last_offset : -1,
            .offset_delta = b ? b->offset_delta : 0,
            .timestamp = e->last_time_ms,
            .coordinator_epoch = e->coordinator_epoch,
            .current_txn_first_offset = e->txn_first_offset,
        };
    }
    kp_writer_init(&w, 256);
    kp_write_i16(&w, SNAPSHOT_VERSION);
    kp_producer_snapshot_write(&w, SNAPSHOT_VERSION, &s);
    kp_writer_patch_i32(&w, 2, (int32_t)crc32c(0, w.p + SNAPSHOT_AT_ENTRIES, w.n - SNAPSHOT_AT_ENTRIES));
    strbuf_add(out, w.p, w.n);
    kp_writer_fini(&w);
    arena_fini(&a);
}

int producers_load(struct producers *p, struct slice file)
{
    struct arena a;
    struct kp_producer_snapshot s;
    struct kp_reader in = kp_reader_of(file);
    arena_init(&a);
    int16_t version = kp_read_i16(&in);
    int rc = in.err;
    if (rc == 0 && version != SNAPSHOT_VERSION) rc = ERR_UNSUPPORTED_VERSION;
    if (rc == 0) rc = kp_producer_snapshot_read(&in, &a, version, &s);
    if (rc == 0 && s.crc != crc32c(0, file.p + SNAPSHOT_AT_ENTRIES, file.n - SNAPSHOT_AT_ENTRIES))
        rc = ERR_CORRUPT_MESSAGE;
    for (int32_t i = 0; rc == 0 && i < s.producer_entries_n; i++) {
        const struct kp_producer_snapshot_producer_entry *x = &s.producer_entries[i];
        struct producer *e = entry(p, x->producer_id);
        e->epoch = x->epoch;
        e->last_time_ms = x->timestamp;
        e->coordinator_epoch = x->coordinator_epoch;
        list_remove(&e->open);
        e->txn_first_offset = -1;
        if (x->current_txn_first_offset >= 0) txn_opened(p, e, x->current_txn_first_offset);
        e->batches_n = 0;
        if (x->last_sequence >= 0)
            push(e, (struct producer_batch){x->last_offset, x->timestamp, x->last_sequence, x->offset_delta});
    }
    arena_fini(&a);
    return rc;
}
