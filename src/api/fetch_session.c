/* Fetch sessions of a shard.
 *
 * Invariants
 * 1. A session that is busy belongs to the fetch that has it, on whatever shard that runs: its home neither
 *    reads nor frees it before it is back, but for `waiting` and `ending`, which are the home's alone.
 * 2. A session's partitions are in its map, and in `order` as answers serve them.
 * 3. Who asks for a session that is lent gets it when it is back: an answer may be with its client before the
 *    session is at home.
 *
 *   session_new --> busy --fetch_session_done--> idle --fetch_session_borrow--> busy
 *                                                 \--session_free (a full fetch, eviction)--> gone */
#include "api/fetch_session.h"
#include "api/seen.h"
#include "base/hash.h"

#include <stdlib.h>

/* A slot may be taken from a session that nobody used for this long (Kafka: two minutes). */
#define EVICT_AFTER_MS 120000
/* Of all sessions of a shard, and of one: what a client asks for is remembered for it, so it has an end. */
#define PARTS_MAX 500000
#define PARTS_OF_ONE_MAX 100000

struct fetch_session_part {
    struct list in_order;
    struct uuid topic_id;
    struct slice topic; /* heap; null when the session speaks ids */
    int32_t index, leader_epoch, last_epoch, max_bytes;
    int64_t offset, high_watermark, log_start;
    bool served; /* got records from the fetch under way */
};
struct fetch_session {
    struct os_msg back; /* on its way home */
    struct list lru;
    int32_t id, epoch;
    uint64_t seed; /* of the map */
    bool by_id, busy;
    bool ending;         /* it goes when it is back */
    struct list waiting; /* struct fetch_loan */
    struct map parts;
    struct list order;
    int counted; /* of home's parts_n */
    int64_t used_ns;
};
struct fetch_sessions {
    struct list lru; /* least recently used first */
    struct map map;
    int max;
    int parts_n;
};

static bool eq_session(const void *v, const void *k)
{
    return ((const struct fetch_session *)v)->id == *(const int32_t *)k;
}

static struct fetch_sessions *sessions(struct broker *b)
{
    if (b->sessions) return b->sessions;
    struct fetch_sessions *s = b->sessions = xcalloc(1, sizeof *s);
    list_init(&s->lru);
    map_init(&s->map);
    s->max =
        (int)max_i64(conf_i64(&b->conf, CONF_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS) / b->shard->n, 1);
    return s;
}

static void part_free(struct fetch_session_part *p)
{
    slice_drop(&p->topic);
    free(p);
}

static void session_free(struct fetch_sessions *fs, struct fetch_session *s)
{
    map_del(&fs->map, hash_u64((uint64_t)s->id), &s->id, eq_session);
    fs->parts_n -= s->counted;
    list_remove(&s->lru);
    LIST_FOREACH(l, &s->order) part_free(LIST_ENTRY(l, struct fetch_session_part, in_order));
    map_fini(&s->parts);
    free(s);
}

void fetch_sessions_free(struct fetch_sessions *s)
{
    if (!s) return;
    LIST_FOREACH(l, &s->lru) session_free(s, LIST_ENTRY(l, struct fetch_session, lru));
    map_fini(&s->map);
    free(s);
}

static struct fetch_session *find(struct fetch_sessions *fs, int32_t id)
{
    return map_get(&fs->map, hash_u64((uint64_t)id), &id, eq_session);
}

/* ---- partitions of a session ---- */
struct part_key {
    bool by_id;
    struct slice topic;
    struct uuid id;
    int32_t index;
};

static bool eq_part(const void *v, const void *k)
{
    const struct fetch_session_part *p = v;
    const struct part_key *key = k;
    return p->index == key->index &&
           (key->by_id ? uuid_eq(p->topic_id, key->id) : slice_eq(key->topic, p->topic));
}

static uint64_t hash_key(const struct fetch_session *s, const struct part_key *k)
{
    uint64_t seed = s->seed ^ hash_u64((uint64_t)k->index);
    return k->by_id ? hash_bytes(seed, k->id.b, sizeof k->id.b) : hash_bytes(seed, k->topic.p, k->topic.n);
}

/* False: it remembers as much as one may. */
static bool add_part(struct fetch_session *s, const struct kp_fetch_request_fetch_topic *t,
                     const struct kp_fetch_request_fetch_partition *q)
{
    struct part_key key = {s->by_id, t->topic, t->topic_id, q->partition};
    uint64_t hash = hash_key(s, &key);
    struct fetch_session_part *p = map_get(&s->parts, hash, &key, eq_part);
    if (!p) {
        if (s->parts.n >= PARTS_OF_ONE_MAX) return false;
        p = xcalloc(1, sizeof *p);
        *p = (struct fetch_session_part){
            .topic_id = t->topic_id, .index = q->partition, .high_watermark = -1, .log_start = -1};
        if (!s->by_id) p->topic = slice_own(t->topic);
        list_push_back(&s->order, &p->in_order);
        map_put(&s->parts, hash, p);
    }
    p->offset = q->fetch_offset;
    p->max_bytes = q->partition_max_bytes;
    p->leader_epoch = q->current_leader_epoch;
    p->last_epoch = q->last_fetched_epoch;
    return true;
}

static bool add_parts(struct fetch_session *s, const struct kp_fetch_request *in)
{
    for (int32_t i = 0; i < in->topics_n; i++)
        for (int32_t k = 0; k < in->topics[i].partitions_n; k++)
            if (!add_part(s, &in->topics[i], &in->topics[i].partitions[k])) return false;
    return true;
}

static void forget_parts(struct fetch_session *s, const struct kp_fetch_request *in)
{
    for (int32_t i = 0; i < in->forgotten_topics_data_n; i++)
        for (int32_t k = 0; k < in->forgotten_topics_data[i].partitions_n; k++) {
            const struct kp_fetch_request_forgotten_topic *t = &in->forgotten_topics_data[i];
            struct part_key key = {s->by_id, t->topic, t->topic_id, t->partitions[k]};
            struct fetch_session_part *p = map_del(&s->parts, hash_key(s, &key), &key, eq_part);
            if (!p) continue;
            list_remove(&p->in_order);
            part_free(p);
        }
}

/* ---- life ---- */
static int64_t parts_of(const struct kp_fetch_request *in)
{
    int64_t n = 0;
    for (int32_t i = 0; i < in->topics_n; i++) n += in->topics[i].partitions_n;
    return n;
}

/* A fresh session, or NULL when every slot is in use. */
static struct fetch_session *session_new(struct broker *b, const struct kp_fetch_request *in, bool by_id)
{
    struct fetch_sessions *fs = sessions(b);
    int32_t n = b->shard->n;
    if ((int)fs->map.n >= fs->max) {
        struct fetch_session *old = LIST_ENTRY(fs->lru.next, struct fetch_session, lru);
        if (old->busy || (os_mono_ns(b->shard->os) - old->used_ns) / 1000000 < EVICT_AFTER_MS) return NULL;
        session_free(fs, old);
    }
    int64_t parts = parts_of(in);
    if (parts > PARTS_OF_ONE_MAX || parts > PARTS_MAX - fs->parts_n) return NULL;
    struct fetch_session *s = xcalloc(1, sizeof *s);
    s->by_id = by_id;
    s->seed = prng_next(&b->prng);
    list_init(&s->order);
    list_init(&s->waiting);
    map_init(&s->parts);
    do s->id = (int32_t)(1 + prng_below(&b->prng, (uint64_t)(INT32_MAX / n - 1))) * n + b->shard->id;
    while (find(fs, s->id));
    list_push_back(&fs->lru, &s->lru);
    map_put(&fs->map, hash_u64((uint64_t)s->id), s);
    if (!add_parts(s, in)) ASSERT(false); /* counted above */
    s->counted = (int)s->parts.n;
    fs->parts_n += s->counted;
    s->epoch = 1;
    s->busy = true;
    return s;
}

static int home_of(const struct broker *b, int32_t id)
{
    return (int)((uint32_t)id % (uint32_t)b->shard->n);
}

static void loan_home(struct os_msg *m, void *owner)
{
    (void)owner;
    struct fetch_loan *l = CONTAINER_OF(m, struct fetch_loan, msg);
    l->done(l);
}

static void lend_to(struct shard *s, struct fetch_loan *l, struct fetch_session *x)
{
    if (x) x->busy = true;
    l->session = x;
    l->msg.run = loan_home;
    os_post(s->os, s->peers[l->r->net->shard->id]->os, &l->msg);
}

static void lend(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct fetch_loan *l = CONTAINER_OF(m, struct fetch_loan, msg);
    struct fetch_session *x = find(sessions(s->broker), l->id);
    if (x && x->ending) x = NULL;
    if (x && x->busy) list_push_back(&x->waiting, &l->in_session);
    else {
        if (x) x->busy = true;
        l->session = x;
        m->run = loan_home;
        shard_send(s, l->r->net->shard->id, m);
    }
}

void fetch_session_borrow(struct broker *b, struct fetch_loan *l)
{
    l->session = NULL;
    list_init(&l->in_session);
    l->msg.run = lend;
    shard_send(b->shard, home_of(b, l->id), &l->msg);
}

static void came_back(struct os_msg *m, void *owner)
{
    struct shard *shard = owner;
    struct fetch_session *s = CONTAINER_OF(m, struct fetch_session, back);
    struct fetch_sessions *fs = sessions(shard->broker);
    s->busy = false;
    s->used_ns = os_mono_ns(shard->os);
    fs->parts_n += (int)s->parts.n - s->counted;
    s->counted = (int)s->parts.n;
    list_remove(&s->lru);
    list_push_back(&fs->lru, &s->lru);
    struct list *l;
    bool gone = s->ending || fs->parts_n > PARTS_MAX;
    /* The first who waits has it next; if it is gone all are told so. Posted: their fetches may end at once.
     */
    while ((l = list_pop_front(&s->waiting)) != NULL) {
        lend_to(shard, LIST_ENTRY(l, struct fetch_loan, in_session), gone ? NULL : s);
        if (!gone) return;
    }
    if (gone) session_free(fs, s);
}

static void give_back(struct broker *b, struct fetch_session *s)
{
    s->back.run = came_back;
    shard_send(b->shard, home_of(b, s->id), &s->back);
}

struct ending {
    struct os_msg msg;
    int32_t id;
};
static void end_there(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct ending *e = CONTAINER_OF(m, struct ending, msg);
    struct fetch_sessions *fs = sessions(s->broker);
    struct fetch_session *old = find(fs, e->id);
    if (old && old->busy) old->ending = true;
    else if (old) session_free(fs, old);
    free(e);
}

/* A full fetch ends the session before. */
static void end_session(struct broker *b, int32_t id)
{
    struct ending *e = xcalloc(1, sizeof *e);
    e->id = id;
    e->msg.run = end_there;
    shard_send(b->shard, home_of(b, id), &e->msg);
}

/* ---- requests ---- */
static void wants_of_request(struct req *r, const struct kp_fetch_request *in, struct fetch_want **wants,
                             int *n)
{
    struct asked asked;
    struct arena tmp;
    size_t total = (size_t)parts_of(in);
    uint8_t memory[4096];
    arena_init_with(&tmp, memory, sizeof memory);
    asked_init(&asked, &tmp, (size_t)in->topics_n, total, prng_next(&req_broker(r)->prng));
    for (int32_t i = 0; i < in->topics_n; i++) {
        const struct kp_fetch_request_fetch_topic *t = &in->topics[i];
        struct slice key = r->version >= 13 ? slice_of(t->topic_id.b, sizeof t->topic_id.b) : t->topic;
        for (int32_t k = 0; k < t->partitions_n; k++)
            asked_add(&asked, key, i, t->partitions[k].partition, &t->partitions[k]);
    }
    struct slice *names = arena_zalloc(&tmp, (size_t)asked.topics_n, sizeof *names);
    for (int32_t i = 0; i < asked.topics_n; i++)
        names[i] = arena_slice_dup(&r->arena, in->topics[asked.topics[i].first].topic);
    *wants = arena_zalloc(&r->arena, (size_t)asked.parts_n, sizeof **wants);
    *n = asked.parts_n;
    for (int32_t i = 0; i < asked.parts_n; i++) {
        const struct kp_fetch_request_fetch_partition *q = asked.parts[i].in;
        int32_t topic = asked.parts[i].topic;
        (*wants)[i] = (struct fetch_want){.topic = names[topic],
                                          .topic_id = in->topics[asked.topics[topic].first].topic_id,
                                          .index = q->partition,
                                          .leader_epoch = q->current_leader_epoch,
                                          .last_epoch = q->last_fetched_epoch,
                                          .offset = q->fetch_offset,
                                          .max_bytes = q->partition_max_bytes};
    }
    arena_fini(&tmp);
}

static void wants_of_session(struct req *r, struct fetch_session *s, struct fetch_want **wants, int *n)
{
    struct fetch_want *w = *wants = arena_zalloc(&r->arena, s->parts.n, sizeof *w);
    *n = (int)s->parts.n;
    LIST_FOREACH(l, &s->order)
    {
        struct fetch_session_part *p = LIST_ENTRY(l, struct fetch_session_part, in_order);
        *w++ = (struct fetch_want){.topic = p->topic,
                                   .topic_id = p->topic_id,
                                   .index = p->index,
                                   .leader_epoch = p->leader_epoch,
                                   .last_epoch = p->last_epoch,
                                   .offset = p->offset,
                                   .max_bytes = p->max_bytes,
                                   .in_session = p};
    }
}

static int go_on(struct fetch_session *s, const struct kp_fetch_request *in, bool by_id)
{
    if (s->epoch != in->session_epoch) return ERR_INVALID_FETCH_SESSION_EPOCH;
    if (s->by_id != by_id) return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
    if (!add_parts(s, in)) return ERR_FETCH_SESSION_ID_NOT_FOUND; /* it begins anew, without a session */
    forget_parts(s, in);
    s->epoch = s->epoch == INT32_MAX ? 1 : s->epoch + 1;
    return 0;
}

int fetch_session_open(struct broker *b, struct req *r, const struct kp_fetch_request *in,
                       struct fetch_session *lent, struct fetch_session **session, bool *incremental,
                       struct fetch_want **wants, int *n)
{
    bool by_id = r->version >= 13;
    *session = NULL;
    *incremental = lent != NULL;
    if (lent) {
        int rc = go_on(lent, in, by_id);
        if (rc) {
            give_back(b, lent);
            return rc;
        }
        *session = lent;
    } else {
        if (r->version >= 7 && in->session_id) end_session(b, in->session_id);
        if (r->version >= 7 && in->session_epoch == 0) *session = session_new(b, in, by_id);
    }
    if (*session) wants_of_session(r, *session, wants, n);
    else wants_of_request(r, in, wants, n);
    return 0;
}

int32_t fetch_session_id(const struct fetch_session *s)
{
    return s->id;
}

bool fetch_session_changed(struct fetch_want *w, int err, int64_t high_watermark, int64_t log_start,
                           bool records, bool diverges, bool incremental)
{
    struct fetch_session_part *p = w->in_session;
    bool changed =
        err || records || diverges || p->high_watermark != high_watermark || p->log_start != log_start;
    p->high_watermark = err ? -1 : high_watermark;
    p->log_start = err ? -1 : log_start;
    p->served = records && incremental;
    return changed || !incremental;
}

/* Those that were served go behind the others, both keeping their order: when an answer has room for a few
 * partitions only, the next one begins with those that waited. */
void fetch_session_done(struct broker *b, struct fetch_session *s)
{
    struct list served;
    list_init(&served);
    LIST_FOREACH(l, &s->order)
    {
        struct fetch_session_part *p = LIST_ENTRY(l, struct fetch_session_part, in_order);
        if (!p->served) continue;
        p->served = false;
        list_remove(l);
        list_push_back(&served, l);
    }
    list_splice(&s->order, &served);
    give_back(b, s);
}
