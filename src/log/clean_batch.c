#include "log/clean_batch.h"
#include "base/grow.h"

#include <stdlib.h>

#define BODY_BYTES_MAX ((size_t)512 << 20) /* of one batch, uncompressed */

void clean_filter_init(struct clean_filter *f)
{
    memset(f, 0, sizeof *f);
    kp_writer_init(&f->txn_index, 0);
    kp_writer_init(&f->body, 0);
    kp_writer_init(&f->records, 0);
}

void clean_filter_fini(struct clean_filter *f)
{
    kp_writer_fini(&f->txn_index);
    kp_writer_fini(&f->body);
    kp_writer_fini(&f->records);
    free(f->spans);
}

int clean_body(const uint8_t *batch, const struct batch_head *h, struct kp_writer *scratch, struct slice *out)
{
    kp_writer_reset(scratch);
    *out = KP_EMPTY;
    if (h->count < 0) return ERR_FORMAT;
    return h->count ? batch_body(batch, h, BODY_BYTES_MAX, scratch, out) : 0;
}

static bool last_of_producer(const struct clean_filter *f, const struct batch_head *h)
{
    size_t lo = 0, hi = f->producers_n;
    if (h->producer_id < 0) return false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->producers[mid].id < h->producer_id) lo = mid + 1;
        else hi = mid;
    }
    if (lo == f->producers_n || f->producers[lo].id != h->producer_id) return false;
    const struct clean_producer *p = &f->producers[lo];
    if (p->last_offset >= 0) return h->last_offset == p->last_offset;
    return (h->attributes & BATCH_CONTROL) && h->producer_epoch == p->epoch;
}

/* Records whose keys are on their way into the cache; a power of two. */
#define AHEAD 16

int clean_note_keys(struct clean_map *m, const struct batch_head *h, struct slice body, int64_t from)
{
    struct {
        struct clean_key key;
        int64_t offset;
    } ahead[AHEAD];
    size_t taken = 0, done = 0;
    struct record_iter it;
    struct record r;
    record_iter_init(&it, h, body);
    while (record_next(&it, &r)) {
        if (!r.key.p || r.offset < from) continue;
        if (taken - done == AHEAD) {
            clean_map_put(m, ahead[done % AHEAD].key, ahead[done % AHEAD].offset);
            done++;
        }
        ahead[taken % AHEAD].key = clean_map_key(m, r.key);
        ahead[taken++ % AHEAD].offset = r.offset;
    }
    for (; done < taken; done++) clean_map_put(m, ahead[done % AHEAD].key, ahead[done % AHEAD].offset);
    return it.err;
}

struct candidate {
    struct record r;
    struct clean_key key;
    const uint8_t *p, *end;
};

static bool keeps(const struct clean_filter *f, const struct batch_head *h, const struct candidate *x)
{
    if (x->r.offset > f->latest_offset) return true;
    if (!x->r.key.p) return false;
    if (x->r.offset < clean_map_get(&f->map, x->key)) return false;
    return x->r.value.p || !(h->attributes & BATCH_DELETE_HORIZON) || f->now_ms < h->base_time_ms;
}

/* Head only, as an empty batch. */
static void put_head(const uint8_t *batch, struct kp_writer *out)
{
    uint16_t attributes = load_be16(batch + BATCH_AT_ATTRIBUTES);
    uint8_t *p = kp_put(out, BATCH_HEAD_BYTES);
    memcpy(p, batch, BATCH_HEAD_BYTES);
    store_be32(p + BATCH_AT_LENGTH, BATCH_HEAD_BYTES - BATCH_PREFIX_BYTES);
    store_be16(p + BATCH_AT_ATTRIBUTES,
               attributes & (BATCH_LOG_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL));
    store_be64(p + BATCH_AT_BASE_TIME, UINT64_MAX);
    store_be32(p + BATCH_AT_COUNT, 0);
    batch_set_crc(p, BATCH_HEAD_BYTES);
}

static size_t varint_bytes(int64_t v)
{
    return kp_uvarint_bytes((uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

/* The record again, its time counted from another base. */
static void put_record(struct kp_writer *w, const struct clean_span *s, int64_t base_time_ms)
{
    struct kp_reader r = kp_reader_of(slice_of(s->p, s->n));
    int64_t delta = (int64_t)((uint64_t)s->time_ms - (uint64_t)base_time_ms);
    kp_read_varint(&r);
    int8_t attributes = kp_read_i8(&r);
    kp_read_varlong(&r);
    size_t rest = kp_left(&r);
    kp_write_varint(w, (int32_t)(1 + varint_bytes(delta) + rest));
    kp_write_i8(w, attributes);
    kp_write_varlong(w, delta);
    kp_write_raw(w, slice_of(r.p, rest));
}

/* The batch with only the records in spans. horizon_ms: -1, or the time from which its tombstones may go. */
static int put_batch(struct clean_filter *f, const uint8_t *batch, const struct batch_head *h, size_t n,
                     int64_t horizon_ms, struct kp_writer *out)
{
    size_t start = out->n;
    int64_t newest = f->spans[0].time_ms;
    kp_writer_reset(&f->records);
    for (size_t i = 0; i < n; i++) {
        const struct clean_span *s = &f->spans[i];
        newest = max_i64(newest, s->time_ms);
        if (horizon_ms >= 0) put_record(&f->records, s, horizon_ms);
        else kp_write_raw(&f->records, slice_of(s->p, s->n));
    }
    kp_write_raw(out, slice_of(batch, BATCH_HEAD_BYTES));
    int rc = kp_compress(batch_codec(h), KP_LEVEL_DEFAULT, kp_writer_slice(&f->records), out);
    size_t bytes = out->n - start;
    if (rc == 0 && bytes > INT32_MAX) rc = ERR_MESSAGE_TOO_LARGE;
    if (rc) {
        out->n = start;
        return rc;
    }
    uint8_t *p = out->p + start;
    store_be32(p + BATCH_AT_LENGTH, (uint32_t)(bytes - BATCH_PREFIX_BYTES));
    if (horizon_ms >= 0) {
        store_be16(p + BATCH_AT_ATTRIBUTES, h->attributes | BATCH_DELETE_HORIZON);
        store_be64(p + BATCH_AT_BASE_TIME, (uint64_t)horizon_ms);
    }
    if (!(h->attributes & BATCH_LOG_APPEND_TIME)) store_be64(p + BATCH_AT_MAX_TIME, (uint64_t)newest);
    store_be32(p + BATCH_AT_COUNT, (uint32_t)n);
    batch_set_crc(p, bytes);
    return 0;
}

static void add_span(struct clean_filter *f, size_t n, const uint8_t *p, const uint8_t *end, int64_t time_ms)
{
    f->spans = grown_z(f->spans, n, &f->spans_cap, sizeof *f->spans);
    f->spans[n] = (struct clean_span){p, (size_t)(end - p), time_ms};
}

/* The records to keep, as spans. */
static int choose(struct clean_filter *f, const uint8_t *batch, const struct batch_head *h, size_t *n,
                  bool *tombstones)
{
    struct candidate ahead[AHEAD];
    size_t taken = 0, done = 0;
    struct record_iter it;
    struct slice body;
    bool control = h->attributes & BATCH_CONTROL, more = true;
    int rc = clean_body(batch, h, &f->body, &body);
    if (rc) return rc;
    record_iter_init(&it, h, body);
    while (more || done < taken) {
        struct candidate *x = &ahead[taken % AHEAD];
        if (more && taken - done < AHEAD) {
            x->p = it.r.p;
            more = record_next(&it, &x->r);
            if (!more) continue;
            x->end = it.r.p;
            if (x->r.key.p && !control) x->key = clean_map_key(&f->map, x->r.key);
            taken++;
            continue;
        }
        x = &ahead[done++ % AHEAD];
        if (!control && !keeps(f, h, x)) continue;
        if (!control && !x->r.value.p) *tombstones = true;
        add_span(f, (*n)++, x->p, x->end, x->r.time_ms);
    }
    return it.err;
}

/* Whether the whole transaction, or what the marker closes, is gone. */
static int examine_txn(struct clean_filter *f, const uint8_t *batch, const struct batch_head *h, bool *over)
{
    const struct aborted_txn *keep;
    int32_t epoch;
    int type;
    if (!(h->attributes & BATCH_CONTROL)) {
        *over = clean_txns_data(&f->txns, h);
        return 0;
    }
    int rc = batch_control(batch, h, &type, &epoch);
    if (rc) return rc;
    *over = clean_txns_marker(&f->txns, h, type, &keep);
    if (keep) aborted_txn_write(keep, kp_put(&f->txn_index, TXN_INDEX_ENTRY_BYTES));
    return 0;
}

int clean_batch(struct clean_filter *f, const uint8_t *batch, const struct batch_head *h,
                struct kp_writer *out, bool *same)
{
    bool control = h->attributes & BATCH_CONTROL, horizon = h->attributes & BATCH_DELETE_HORIZON, over,
         tombstones = false;
    size_t n = 0;
    *same = false;
    int rc = examine_txn(f, batch, h, &over);
    if (rc) return rc;
    /* A marker whose transaction is gone waits for its time, so that slow readers still see how it ended. */
    bool discard = over && (!control || (horizon && h->base_time_ms <= f->now_ms));
    bool keep_head = last_of_producer(f, h) || h->last_offset + 1 == f->end_offset;
    if (discard && !keep_head) return 0;
    if (!discard && (rc = choose(f, batch, h, &n, &tombstones)) != 0) return rc;
    if (n == 0) {
        if (keep_head) put_head(batch, out);
        *same = keep_head && h->count == 0 && h->bytes == BATCH_HEAD_BYTES;
        return 0;
    }
    bool set_horizon = !horizon && (tombstones || (control && over));
    *same = n == (size_t)h->count && !set_horizon;
    if (*same) {
        kp_write_raw(out, slice_of(batch, (size_t)h->bytes));
        return 0;
    }
    int64_t at =
        f->now_ms > INT64_MAX - f->delete_retention_ms ? INT64_MAX : f->now_ms + f->delete_retention_ms;
    return put_batch(f, batch, h, n, set_horizon ? at : -1, out);
}
