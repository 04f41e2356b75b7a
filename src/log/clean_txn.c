#include "log/clean_txn.h"

#include <stdlib.h>

enum { MARKER_ABORT = 0, MARKER_COMMIT = 1 };

struct clean_txn_open {
    int64_t producer_id;
    const struct aborted_txn *txn; /* NULL: not aborted */
    bool seen;                     /* a batch of it is still in the log */
};

int aborted_txns_add(struct aborted_txns *a, struct slice file)
{
    /* The end may be torn, or about to be written. */
    for (size_t at = 0; at + TXN_INDEX_ENTRY_BYTES <= file.n; at += TXN_INDEX_ENTRY_BYTES) {
        const uint8_t *p = file.p + at;
        struct aborted_txn t = {(int64_t)load_be64(p + 2), (int64_t)load_be64(p + 10),
                                (int64_t)load_be64(p + 18), (int64_t)load_be64(p + 26)};
        if (load_be16(p) != 0 || t.producer_id < 0 || t.first_offset < 0 || t.last_offset < t.first_offset)
            return ERR_FORMAT;
        if (a->n == a->cap) a->v = xrealloc(a->v, (a->cap = a->cap ? a->cap * 2 : 16) * sizeof *a->v);
        a->v[a->n++] = t;
    }
    return 0;
}

static int by_first(const void *x, const void *y)
{
    const struct aborted_txn *a = x, *b = y;
    return (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

void aborted_txns_sort(struct aborted_txns *a)
{
    if (a->n) qsort(a->v, a->n, sizeof *a->v, by_first);
}

void aborted_txns_fini(struct aborted_txns *a)
{
    free(a->v);
    *a = (struct aborted_txns){0};
}

void aborted_txn_write(const struct aborted_txn *t, uint8_t out[TXN_INDEX_ENTRY_BYTES])
{
    store_be16(out, 0);
    store_be64(out + 2, (uint64_t)t->producer_id);
    store_be64(out + 10, (uint64_t)t->first_offset);
    store_be64(out + 18, (uint64_t)t->last_offset);
    store_be64(out + 26, (uint64_t)t->stable_offset);
}

void clean_txns_init(struct clean_txns *t, const struct aborted_txns *aborted)
{
    *t = (struct clean_txns){.aborted = aborted};
    map_init(&t->open);
    map_init(&t->committed);
}

static void clear(struct map *m)
{
    MAP_FOREACH(it, struct clean_txn_open, x, m) free(x);
    map_fini(m);
}

void clean_txns_fini(struct clean_txns *t)
{
    clear(&t->open);
    clear(&t->committed);
}

static bool eq(const void *v, const void *k)
{
    return ((const struct clean_txn_open *)v)->producer_id == *(const int64_t *)k;
}
static uint64_t hash(int64_t producer_id)
{
    return hash_u64((uint64_t)producer_id);
}

static struct clean_txn_open *entry(struct map *m, int64_t id)
{
    struct clean_txn_open *x = map_get(m, hash(id), &id, eq);
    if (x) return x;
    x = xcalloc(1, sizeof *x);
    x->producer_id = id;
    map_put(m, hash(id), x);
    return x;
}

/* Aborted transactions that begin at or before offset are open from here on. */
static void begin_up_to(struct clean_txns *t, int64_t offset)
{
    for (; t->at < t->aborted->n && t->aborted->v[t->at].first_offset <= offset; t->at++) {
        const struct aborted_txn *txn = &t->aborted->v[t->at];
        struct clean_txn_open *x = entry(&t->open, txn->producer_id);
        /* One whose marker never came is over when the producer's next one begins. */
        if (x->txn && x->txn->last_offset >= txn->first_offset) continue;
        x->txn = txn;
        x->seen = false;
    }
}

bool clean_txns_data(struct clean_txns *t, const struct batch_head *h)
{
    int64_t id = h->producer_id;
    begin_up_to(t, h->last_offset);
    if (!(h->attributes & BATCH_TRANSACTIONAL)) return false;
    struct clean_txn_open *x = map_get(&t->open, hash(id), &id, eq);
    /* Only what lies within the aborted transaction: a stale entry must not take later data with it. */
    if (x && h->base_offset >= x->txn->first_offset && h->last_offset <= x->txn->last_offset) {
        x->seen = true;
        return true;
    }
    entry(&t->committed, id);
    return false;
}

bool clean_txns_marker(struct clean_txns *t, const struct batch_head *h, int type,
                       const struct aborted_txn **keep)
{
    int64_t id = h->producer_id;
    *keep = NULL;
    begin_up_to(t, h->last_offset);
    if (type < 0) return true;
    if (type != MARKER_ABORT && type != MARKER_COMMIT) return false;
    struct clean_txn_open *x = map_del(type == MARKER_ABORT ? &t->open : &t->committed, hash(id), &id, eq);
    if (!x) return true;
    bool gone = type == MARKER_ABORT && !x->seen;
    if (type == MARKER_ABORT && x->seen) *keep = x->txn;
    free(x);
    return gone;
}
