#include "log/clean_txn.h"
#include "kp/batch.h"

#include <stdlib.h>

struct clean_txn_open {
    int64_t producer_id;
    const struct aborted_txn *txn; /* NULL: not aborted */
    bool seen;                     /* a batch of it is still in the log */
};

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
    if (type != CONTROL_ABORT && type != CONTROL_COMMIT) return false;
    struct clean_txn_open *x = map_del(type == CONTROL_ABORT ? &t->open : &t->committed, hash(id), &id, eq);
    if (!x) return true;
    bool gone = type == CONTROL_ABORT && !x->seen;
    if (type == CONTROL_ABORT && x->seen) *keep = x->txn;
    free(x);
    return gone;
}
