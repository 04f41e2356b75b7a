/* dump-log of what stands beside a .log: .index, .timeindex, .txnindex and the producers' .snapshot. */
#include "cli/dump_log.h"
#include "kp/producer_snapshot.h"

#include <stdlib.h>

#define CORRUPT_INDEX "org.apache.kafka.storage.internals.log.CorruptIndexException"
#define INDEX_ENTRY 8
#define TIME_ENTRY 12
#define TXN_ENTRY 34

struct offset_index {
    const struct dump_file *f;
    int64_t base, n;
};
struct offset_entry {
    int64_t offset;
    int32_t position;
};

static int index_open(struct dump *d, const struct dump_file *f, struct offset_index *ix)
{
    *ix = (struct offset_index){.f = f, .n = f->size / INDEX_ENTRY};
    return dump_base_offset(d, f->name, &ix->base);
}

static int index_entry(const struct offset_index *ix, int64_t i, struct offset_entry *e)
{
    uint8_t b[INDEX_ENTRY];
    int rc = dump_read(ix->f, i * INDEX_ENTRY, b, sizeof b);
    if (rc) return rc;
    e->offset = (int64_t)((uint64_t)ix->base + (uint64_t)(int64_t)(int32_t)load_be32(b));
    e->position = (int32_t)load_be32(b + 4);
    return 0;
}

static int index_sane(struct dump *d, const struct offset_index *ix)
{
    struct offset_entry last;
    if (ix->n && index_entry(ix, ix->n - 1, &last) == 0 && last.offset < ix->base)
        return dump_throw(d, CORRUPT_INDEX,
                          "Corrupt index found, index file %s has non-zero size but the last offset is %lld "
                          "which is less than the base offset %lld",
                          ix->f->absolute, (long long)last.offset, (long long)ix->base);
    if (ix->f->size % INDEX_ENTRY)
        return dump_throw(
            d, CORRUPT_INDEX,
            "Index file %s is corrupt, found %lld bytes which is neither positive nor a multiple of %d",
            ix->f->absolute, (long long)ix->f->size, INDEX_ENTRY);
    strbuf_printf(&d->out, "%s passed sanity check.\n", ix->f->path);
    return 0;
}

/* Where FileRecords.slice would begin; thrown if that is outside the log. */
static int slice_at(struct dump *d, const struct dump_file *log, int64_t position)
{
    if (position < 0)
        return dump_throw(
            d, "java.lang.IllegalArgumentException",
            "Invalid position: %lld in read from FileRecords(size=%lld, file=%s, start=0, end=2147483647)",
            (long long)position, (long long)log->size, log->absolute);
    if (position > log->size)
        return dump_throw(d, "java.lang.IllegalArgumentException",
                          "Slice from position %lld exceeds end position of FileRecords(size=%lld, file=%s, "
                          "start=0, end=2147483647)",
                          (long long)position, (long long)log->size, log->absolute);
    return 0;
}

static void flush(struct dump *d)
{
    if (d->flush && d->out.n > 65536) d->flush(d);
}

int dump_index(struct dump *d, const struct dump_file *f, const struct dump_file *log)
{
    struct offset_index ix;
    int rc = index_open(d, f, &ix);
    if (rc) return rc;
    if (!ix.n) {
        strbuf_printf(&d->out, "%s is empty.\n", f->path);
        return 0;
    }
    if (d->sanity) return index_sane(d, &ix);
    for (int64_t i = 0; i < ix.n; i++) {
        struct offset_entry e;
        struct dump_batch b;
        if (index_entry(&ix, i, &e)) return dump_throw(d, "java.io.IOException", "cannot read %s", f->path);
        if (e.offset == ix.base && i > 0) return 0; /* zeros behind the entries, as a crash leaves them */
        if ((rc = slice_at(d, log, e.position)) != 0) return rc;
        rc = dump_batch_at(d, log, e.position, e.position + min_i64(d->message_max, log->size - e.position),
                           &b);
        if (rc < 0) return rc;
        if (rc == 0) return dump_throw(d, "java.util.NoSuchElementException", "%s", "");
        if (b.last_offset != e.offset) dump_note(&d->mismatches, f->absolute, e.offset, b.last_offset);
        if (!d->verify_only)
            strbuf_printf(&d->out, "offset: %lld position: %d\n", (long long)e.offset, e.position);
        flush(d);
    }
    return 0;
}

/* ---- time index ---- */
struct time_entry {
    int64_t time_ms, offset;
};
static int time_entry(const struct dump_file *f, int64_t base, int64_t i, struct time_entry *e)
{
    uint8_t b[TIME_ENTRY];
    int rc = dump_read(f, i * TIME_ENTRY, b, sizeof b);
    if (rc) return rc;
    e->time_ms = (int64_t)load_be64(b);
    e->offset = (int64_t)((uint64_t)base + (uint64_t)(int64_t)(int32_t)load_be32(b + 8));
    return 0;
}

static int time_sane(struct dump *d, const struct dump_file *f, int64_t base)
{
    struct time_entry first, last;
    int64_t n = f->size / TIME_ENTRY;
    if (n && time_entry(f, base, 0, &first) == 0 && time_entry(f, base, n - 1, &last) == 0) {
        if (last.time_ms < first.time_ms)
            return dump_throw(d, CORRUPT_INDEX,
                              "Corrupt time index found, time index file (%s) has non-zero size but the last "
                              "timestamp is %lld which is less than the first timestamp %lld",
                              f->absolute, (long long)last.time_ms, (long long)first.time_ms);
        if (last.offset < base)
            return dump_throw(d, CORRUPT_INDEX,
                              "Corrupt time index found, time index file (%s) has non-zero size but the last "
                              "offset is %lld which is less than the first offset %lld",
                              f->absolute, (long long)last.offset, (long long)base);
    }
    if (f->size % TIME_ENTRY)
        return dump_throw(
            d, CORRUPT_INDEX,
            "Time index file %s is corrupt, found %lld bytes which is neither positive nor a multiple of %d",
            f->absolute, (long long)f->size, TIME_ENTRY);
    strbuf_printf(&d->out, "%s passed sanity check.\n", f->path);
    return 0;
}

/* The position of the last entry that is not above offset. */
static int64_t lookup(const struct offset_index *ix, int64_t offset)
{
    int64_t lo = 0, hi = ix->n, position = 0;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        struct offset_entry e;
        if (index_entry(ix, mid, &e)) return 0;
        if (e.offset <= offset) {
            position = e.position;
            lo = mid + 1;
        } else hi = mid;
    }
    return position;
}

static int max_time_cb(struct dump *d, const struct dump_batch *b, const struct dump_record *r, void *arg)
{
    int64_t *max = arg;
    (void)d;
    (void)b;
    *max = max_i64(*max, r->time_ms);
    return 0;
}

/* What the log says of an entry. */
static int check_entry(struct dump *d, const struct dump_file *f, const struct dump_file *log,
                       const struct offset_index *ix, struct time_entry e, int64_t before_ms)
{
    struct dump_batch b;
    int64_t at = lookup(ix, e.offset), max = -1;
    int rc = slice_at(d, log, at);
    if (rc) return rc;
    while ((rc = dump_batch_at(d, log, at, log->size, &b)) > 0 && b.last_offset < e.offset) at += b.bytes;
    if (rc < 0) return rc;
    if (rc == 0) dump_note(&d->not_found, f->absolute, e.offset, -1);
    else if (b.last_offset != e.offset) dump_note(&d->not_found, f->absolute, e.offset, b.last_offset);
    else {
        if ((rc = dump_records(d, log, &b, max_time_cb, &max)) != 0) return rc;
        if (max != e.time_ms) dump_note(&d->time_mismatches, f->absolute, e.time_ms, max);
        if (before_ms >= e.time_ms) dump_note(&d->time_disorder, f->absolute, e.time_ms, before_ms);
    }
    return 0;
}

int dump_time_index(struct dump *d, const struct dump_file *f, const struct dump_file *index,
                    const struct dump_file *log)
{
    struct offset_index ix;
    int64_t base, before_ms = -1;
    int rc = dump_base_offset(d, f->name, &base);
    if (rc == 0) rc = index_open(d, index, &ix);
    if (rc) return rc;
    if (d->sanity) return time_sane(d, f, base);
    for (int64_t i = 0; i < f->size / TIME_ENTRY; i++) {
        struct time_entry e;
        if (time_entry(f, base, i, &e))
            return dump_throw(d, "java.io.IOException", "cannot read %s", f->path);
        if (e.offset == base && i > 0) return 0;
        if ((rc = check_entry(d, f, log, &ix, e, before_ms)) != 0) return rc;
        if (!d->verify_only)
            strbuf_printf(&d->out, "timestamp: %lld offset: %lld\n", (long long)e.time_ms,
                          (long long)e.offset);
        before_ms = e.time_ms;
        flush(d);
    }
    return 0;
}

/* ---- producers ---- */
/* version (2), CRC-32C of what follows (4), entries */
static bool read_producers(struct dump *d, struct slice file, struct arena *a, struct kp_producer_snapshot *s)
{
    struct kp_reader in = kp_reader_of(file);
    int16_t version = kp_read_i16(&in);
    in.mem_max = 64 * file.n + 65536;
    if (!in.err && version != 1) {
        strbuf_printf(&d->err,
                      "Snapshot failed schema validation: Snapshot contained an unknown file version %d\n",
                      version);
        return false;
    }
    int32_t n = file.n >= 10 ? (int32_t)load_be32(file.p + 6) : 0;
    if (in.err || kp_producer_snapshot_read(&in, a, version, s)) {
        strbuf_add_cstr(&d->err, "Snapshot failed schema validation: ");
        if (n < 0) strbuf_add_cstr(&d->err, "non-nullable field producerEntries was serialized as null\n");
        else if ((size_t)n > file.n - min_size(file.n, 10))
            strbuf_printf(
                &d->err,
                "Tried to allocate a collection of size %d, but there are only %zu bytes remaining.\n", n,
                file.n - 10);
        else strbuf_add_cstr(&d->err, "null\n");
        return false;
    }
    uint32_t crc = crc32c(0, file.p + 6, file.n - 6);
    if (s->crc != crc)
        strbuf_printf(&d->err,
                      "Snapshot is corrupt (CRC is no longer valid). Stored crc: %u. Computed crc: %u\n",
                      s->crc, crc);
    return s->crc == crc;
}

int dump_producers(struct dump *d, const struct dump_file *f)
{
    struct arena a;
    struct kp_producer_snapshot s;
    uint8_t *p = xmalloc((size_t)f->size + 1);
    arena_init(&a);
    int rc = dump_read(f, 0, p, (size_t)f->size);
    if (rc) rc = dump_throw(d, "java.io.IOException", "cannot read %s", f->path);
    else if (read_producers(d, slice_of(p, (size_t)f->size), &a, &s))
        for (int32_t i = 0; i < s.producer_entries_n; i++) {
            const struct kp_producer_snapshot_producer_entry *e = &s.producer_entries[i];
            strbuf_printf(&d->out,
                          "producerId: %lld producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: ",
                          (long long)e->producer_id, e->epoch, e->coordinator_epoch);
            if (e->current_txn_first_offset >= 0)
                strbuf_printf(&d->out, "OptionalLong[%lld]", (long long)e->current_txn_first_offset);
            else strbuf_add_cstr(&d->out, "OptionalLong.empty");
            strbuf_printf(&d->out, " lastTimestamp: %lld", (long long)e->timestamp);
            int64_t first = (int64_t)e->last_sequence - e->offset_delta;
            if (first < 0) first += (int64_t)INT32_MAX + 1;
            if (e->last_offset >= 0)
                strbuf_printf(
                    &d->out,
                    " firstSequence: %d lastSequence: %d lastOffset: %lld offsetDelta: %d timestamp: %lld",
                    (int32_t)first, e->last_sequence, (long long)e->last_offset, e->offset_delta,
                    (long long)e->timestamp);
            strbuf_add_char(&d->out, '\n');
            flush(d);
        }
    arena_fini(&a);
    free(p);
    return rc;
}

/* ---- aborted transactions: version (2), producer id, first offset, last offset, last stable offset (8 each)
 * ---- */
int dump_txn_index(struct dump *d, const struct dump_file *f)
{
    int64_t base;
    int rc = dump_base_offset(d, f->name, &base);
    for (int64_t at = 0; rc == 0 && f->size - at >= TXN_ENTRY; at += TXN_ENTRY) {
        uint8_t e[TXN_ENTRY];
        if (dump_read(f, at, e, sizeof e))
            return dump_throw(d, "java.io.IOException", "cannot read %s", f->path);
        int16_t version = (int16_t)load_be16(e);
        if (version > 0) version = 0; /* read as the newest that is known */
        strbuf_printf(
            &d->out,
            "version: %d producerId: %lld firstOffset: %lld lastOffset: %lld lastStableOffset: %lld\n",
            version, (long long)load_be64(e + 2), (long long)load_be64(e + 10), (long long)load_be64(e + 18),
            (long long)load_be64(e + 26));
        flush(d);
    }
    return rc;
}
