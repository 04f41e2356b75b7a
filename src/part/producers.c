#include "part/producers.h"
#include "kp/producer_snapshot.h"

#include <stdlib.h>

static bool eq_id(const void *v, const void *k)
{
    return ((const struct producer *)v)->id == *(const int64_t *)k;
}

void producers_init(struct producers *p)
{
    map_init(&p->map);
}

void producers_fini(struct producers *p)
{
    MAP_FOREACH(it, struct producer, e, &p->map) free(e);
    map_fini(&p->map);
}

struct producer *producers_find(const struct producers *p, int64_t id)
{
    return map_get(&p->map, hash_u64((uint64_t)id), &id, eq_id);
}

/* Sequences run 0 .. INT32_MAX and wrap to 0. */
static int32_t seq_add(int32_t seq, int32_t n)
{
    int64_t s = (int64_t)seq + n;
    return (int32_t)(s > INT32_MAX ? s - INT32_MAX - 1 : s);
}

int producers_check(const struct producers *p, const struct batch_head *h, struct producer_batch *dup)
{
    const struct producer *e = producers_find(p, h->producer_id);
    if (!e) return 0;
    if (h->producer_epoch < e->epoch) return ERR_INVALID_PRODUCER_EPOCH;
    if (h->producer_epoch != e->epoch)
        return h->base_sequence != 0 && e->epoch != -1 ? ERR_OUT_OF_ORDER_SEQUENCE_NUMBER : 0;
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

static struct producer *entry(struct producers *p, int64_t id)
{
    struct producer *e = producers_find(p, id);
    if (e) return e;
    e = xcalloc(1, sizeof *e);
    e->id = id;
    e->epoch = -1;
    e->coordinator_epoch = -1;
    e->txn_first_offset = -1;
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

void producers_remember(const struct producers *p, int64_t id, struct producer_was *was)
{
    const struct producer *e = producers_find(p, id);
    was->known = e;
    if (e) was->state = *e;
}

void producers_go_back(struct producers *p, int64_t id, const struct producer_was *was)
{
    struct producer *e = producers_find(p, id);
    if (!e) return;
    if (was->known) {
        *e = was->state;
        return;
    }
    map_del(&p->map, hash_u64((uint64_t)id), &id, eq_id);
    free(e);
}

void producers_note(struct producers *p, const struct batch_head *h)
{
    struct producer *e = entry(p, h->producer_id);
    if (e->epoch != h->producer_epoch) e->batches_n = 0;
    e->epoch = h->producer_epoch;
    e->last_time_ms = max_i64(e->last_time_ms, h->max_time_ms);
    int32_t delta = (int32_t)(h->last_offset - h->base_offset);
    if (h->base_sequence >= 0)
        push(e, (struct producer_batch){h->last_offset, h->max_time_ms, seq_add(h->base_sequence, delta),
                                        delta});
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
        e->txn_first_offset = x->current_txn_first_offset;
        e->batches_n = 0;
        if (x->last_sequence >= 0)
            push(e, (struct producer_batch){x->last_offset, x->timestamp, x->last_sequence, x->offset_delta});
    }
    arena_fini(&a);
    return rc;
}
