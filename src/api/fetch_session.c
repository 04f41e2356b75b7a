#include "api/fetch_session.h"
#include "api/seen.h"
#include "base/hash.h"

#include <stdlib.h>

/* A slot may be taken from a session that nobody used for this long (Kafka: two minutes). */
#define EVICT_AFTER_MS 120000

struct fetch_session_part {
    struct uuid topic_id;
    char *topic; /* "" when the session speaks ids */
    int32_t index, leader_epoch, last_epoch, max_bytes;
    int64_t offset, high_watermark, log_start;
    bool served; /* got records from the fetch under way */
};
struct fetch_session {
    struct list lru;
    struct fetch_sessions *home;
    int32_t id, epoch;
    bool by_id, busy;
    struct fetch_session_part *parts;
    int parts_n, parts_cap;
    int64_t used_ns;
};
struct fetch_sessions {
    struct list lru; /* least recently used first */
    struct map map;
    int max;
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

static void session_free(struct fetch_session *s)
{
    map_del(&s->home->map, hash_u64((uint64_t)s->id), &s->id, eq_session);
    list_remove(&s->lru);
    for (int i = 0; i < s->parts_n; i++) free(s->parts[i].topic);
    free(s->parts);
    free(s);
}

void fetch_sessions_free(struct fetch_sessions *s)
{
    if (!s) return;
    LIST_FOREACH(l, &s->lru) session_free(LIST_ENTRY(l, struct fetch_session, lru));
    map_fini(&s->map);
    free(s);
}

static struct fetch_session *find(struct fetch_sessions *fs, int32_t id)
{
    return map_get(&fs->map, hash_u64((uint64_t)id), &id, eq_session);
}

static int part_at(const struct fetch_session *s, struct slice topic, struct uuid id, int32_t index)
{
    for (int i = 0; i < s->parts_n; i++) {
        const struct fetch_session_part *p = &s->parts[i];
        if (p->index == index && (s->by_id ? uuid_eq(p->topic_id, id) : slice_eq_cstr(topic, p->topic)))
            return i;
    }
    return -1;
}

static void add_part(struct fetch_session *s, const struct kp_fetch_request_fetch_topic *t,
                     const struct kp_fetch_request_fetch_partition *q)
{
    int i = part_at(s, t->topic, t->topic_id, q->partition);
    if (i < 0) {
        if (s->parts_n == s->parts_cap)
            s->parts = xrealloc(s->parts, (size_t)(s->parts_cap = s->parts_cap ? s->parts_cap * 2 : 4) *
                                              sizeof *s->parts);
        i = s->parts_n++;
        s->parts[i] = (struct fetch_session_part){.topic_id = t->topic_id,
                                                  .topic = xstrndup(t->topic.p, s->by_id ? 0 : t->topic.n),
                                                  .index = q->partition,
                                                  .high_watermark = -1,
                                                  .log_start = -1};
    }
    s->parts[i].offset = q->fetch_offset;
    s->parts[i].max_bytes = q->partition_max_bytes;
    s->parts[i].leader_epoch = q->current_leader_epoch;
    s->parts[i].last_epoch = q->last_fetched_epoch;
}

/* A fresh session, or NULL when every slot is in use. */
static struct fetch_session *session_new(struct broker *b, bool by_id)
{
    struct fetch_sessions *fs = sessions(b);
    if ((int)fs->map.n >= fs->max) {
        struct fetch_session *old = LIST_ENTRY(fs->lru.next, struct fetch_session, lru);
        int64_t idle_ms = (os_mono_ns(b->shard->os) - old->used_ns) / 1000000;
        if (old->busy || idle_ms < EVICT_AFTER_MS) return NULL;
        session_free(old);
    }
    struct fetch_session *s = xcalloc(1, sizeof *s);
    s->home = fs;
    s->by_id = by_id;
    do s->id = (int32_t)(prng_next(&b->prng) & INT32_MAX);
    while (s->id == 0 || find(fs, s->id));
    list_push_back(&fs->lru, &s->lru);
    map_put(&fs->map, hash_u64((uint64_t)s->id), s);
    return s;
}

static void wants_of_request(struct req *r, const struct kp_fetch_request *in, struct fetch_want **wants,
                             int *n)
{
    struct asked asked;
    size_t total = 0;
    for (int32_t i = 0; i < in->topics_n; i++) total += (size_t)in->topics[i].partitions_n;
    asked_init(&asked, &r->arena, (size_t)in->topics_n, total, prng_next(&req_broker(r)->prng));
    for (int32_t i = 0; i < in->topics_n; i++) {
        const struct kp_fetch_request_fetch_topic *t = &in->topics[i];
        struct slice key = r->version >= 13 ? slice_of(t->topic_id.b, sizeof t->topic_id.b) : t->topic;
        for (int32_t k = 0; k < t->partitions_n; k++)
            asked_add(&asked, key, i, t->partitions[k].partition, &t->partitions[k]);
    }
    *wants = arena_zalloc(&r->arena, total, sizeof **wants);
    *n = asked.parts_n;
    for (int32_t i = 0; i < asked.parts_n; i++) {
        const struct kp_fetch_request_fetch_partition *q = asked.parts[i].in;
        const struct kp_fetch_request_fetch_topic *t = &in->topics[asked.topics[asked.parts[i].topic].first];
        (*wants)[i] = (struct fetch_want){t->topic,
                                          t->topic_id,
                                          q->partition,
                                          q->current_leader_epoch,
                                          q->last_fetched_epoch,
                                          q->fetch_offset,
                                          q->partition_max_bytes,
                                          NULL};
    }
}

/* MIN_BUSY: the session's memory must not change while its fetch runs; the session stays until
 * fetch_session_done. */
static void wants_of_session(struct req *r, struct fetch_session *s, struct fetch_want **wants, int *n)
{
    *wants = arena_zalloc(&r->arena, (size_t)s->parts_n, sizeof **wants);
    *n = s->parts_n;
    for (int i = 0; i < s->parts_n; i++) {
        struct fetch_session_part *p = &s->parts[i];
        (*wants)[i] = (struct fetch_want){slice_cstr(p->topic), p->topic_id, p->index,     p->leader_epoch,
                                          p->last_epoch,        p->offset,   p->max_bytes, p};
    }
}

int fetch_session_open(struct broker *b, struct req *r, const struct kp_fetch_request *in,
                       struct fetch_session **session, bool *incremental, struct fetch_want **wants, int *n)
{
    struct fetch_sessions *fs = sessions(b);
    bool by_id = r->version >= 13;
    *session = NULL;
    *incremental = false;
    if (r->version < 7 || in->session_epoch == -1 || in->session_epoch == 0) {
        if (r->version >= 7 && in->session_id) { /* a full fetch ends the old session */
            struct fetch_session *old = find(fs, in->session_id);
            if (old && !old->busy) session_free(old);
        }
        wants_of_request(r, in, wants, n);
        if (r->version < 7 || in->session_epoch == -1) return 0;
        struct fetch_session *s = session_new(b, by_id);
        if (!s) return 0;
        for (int32_t i = 0; i < in->topics_n; i++)
            for (int32_t k = 0; k < in->topics[i].partitions_n; k++)
                add_part(s, &in->topics[i], &in->topics[i].partitions[k]);
        s->epoch = 1;
        *session = s;
    } else {
        struct fetch_session *s = find(fs, in->session_id);
        if (!s || s->busy) return ERR_FETCH_SESSION_ID_NOT_FOUND;
        if (s->epoch != in->session_epoch) return ERR_INVALID_FETCH_SESSION_EPOCH;
        if (s->by_id != by_id) return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
        for (int32_t i = 0; i < in->topics_n; i++)
            for (int32_t k = 0; k < in->topics[i].partitions_n; k++)
                add_part(s, &in->topics[i], &in->topics[i].partitions[k]);
        for (int32_t i = 0; i < in->forgotten_topics_data_n; i++)
            for (int32_t k = 0; k < in->forgotten_topics_data[i].partitions_n; k++) {
                int at = part_at(s, in->forgotten_topics_data[i].topic, in->forgotten_topics_data[i].topic_id,
                                 in->forgotten_topics_data[i].partitions[k]);
                if (at < 0) continue;
                free(s->parts[at].topic);
                memmove(s->parts + at, s->parts + at + 1, (size_t)(--s->parts_n - at) * sizeof *s->parts);
            }
        s->epoch = s->epoch == INT32_MAX ? 1 : s->epoch + 1;
        *incremental = true;
        *session = s;
    }
    (*session)->busy = true;
    (*session)->used_ns = os_mono_ns(b->shard->os);
    list_remove(&(*session)->lru);
    list_push_back(&fs->lru, &(*session)->lru);
    wants_of_session(r, *session, wants, n);
    return 0;
}

int32_t fetch_session_id(const struct fetch_session *s)
{
    return s->id;
}

bool fetch_session_changed(struct fetch_session *s, struct fetch_want *w, int err, int64_t high_watermark,
                           int64_t log_start, bool records, bool diverges, bool incremental)
{
    (void)s;
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
static void serve_next(struct fetch_session *s)
{
    struct fetch_session_part *served = xcalloc((size_t)s->parts_n + 1, sizeof *served);
    int kept = 0, n = 0;
    for (int i = 0; i < s->parts_n; i++) {
        struct fetch_session_part p = s->parts[i];
        if (p.served) served[n++] = p;
        else s->parts[kept++] = p;
    }
    for (int i = 0; i < n; i++) {
        served[i].served = false;
        s->parts[kept++] = served[i];
    }
    free(served);
}

void fetch_session_done(struct fetch_session *s)
{
    bool any = false;
    for (int i = 0; i < s->parts_n; i++) any |= s->parts[i].served;
    if (any) serve_next(s);
    s->busy = false;
}
