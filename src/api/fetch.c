/* Fetch: reads from the partitions' shards, long poll, sessions (KIP-227).
 *
 *   READ on every shard concerned --enough----> answer
 *     ^                           \--not yet--> WATCH on every shard
 *     +-- something new, time is up, or the connection is gone --+
 *
 * Ranges that are not in the page cache are read once on the pool before the answer goes home, and so are the
 * index pages that lead to them.
 *
 * Invariants
 * 1. While a message of a fetch is on its way to a shard, the home shard does not touch what the message
 *    leads to.
 * 2. Before the answer is built no watch is linked and no notice of one is on its way: READ takes the watches
 *    back, and an answer waits for the notices (DRAINING). Those of other shards came before READ did, one of
 *    the home shard may lie in its own queue.
 * 3. File ranges are referenced on the partition's shard and given back there after the reply has left.
 * 4. Nothing of a fetch points into the request's frame, which is gone once it is decoded: a fetch may wait
 *    for long. */
#include "api/fetch_int.h"
#include "kp/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS_MAX 3600000
#define REPLY_BYTES_MAX ((int64_t)INT32_MAX - 65536)
#define REPLY_PART_BYTES 192 /* at most of what a reply says of a partition, but for records and names */

static void read_all(struct fetch *f);

struct release {
    struct os_msg msg;
    int n;
    struct log_seg *segs[];
};
static void on_release(struct os_msg *m, void *owner)
{
    (void)owner;
    struct release *rel = CONTAINER_OF(m, struct release, msg);
    for (int i = 0; i < rel->n; i++) log_seg_put(rel->segs[i]);
    free(rel);
}

static void give_back(struct req *r)
{
    struct fetch *f = r->cleanup_arg;
    struct shard *home = r->net->shard;
    for (int s = 0; s < home->n; s++) {
        struct release *rel = NULL;
        for (int i = 0; i < f->parts_n; i++) {
            struct fetch_part *x = &f->parts[i];
            if (x->shard != s || !x->range.seg) continue;
            if (!rel) rel = xcalloc(1, sizeof *rel + (size_t)f->parts_n * sizeof rel->segs[0]);
            rel->segs[rel->n++] = x->range.seg;
        }
        if (!rel) continue;
        rel->msg.run = on_release;
        shard_send(home, s, &rel->msg);
    }
}

static void tell_aborted(struct req *r, const struct fetch_part *x,
                         struct kp_fetch_response_partition_data *o)
{
    o->aborted_transactions_n = (int32_t)x->aborted.n;
    o->aborted_transactions = arena_zalloc(&r->arena, x->aborted.n, sizeof *o->aborted_transactions);
    for (size_t i = 0; i < x->aborted.n; i++) {
        o->aborted_transactions[i].producer_id = x->aborted.v[i].producer_id;
        o->aborted_transactions[i].first_offset = x->aborted.v[i].first_offset;
    }
}

/* What a reply says of one want; it has room in pd. */
static void tell_part(struct fetch *f, struct fetch_want *w, int64_t bytes,
                      struct kp_fetch_response_partition_data *o)
{
    struct fetch_part *x = w->part;
    kp_fetch_response_partition_data_init(o);
    o->partition_index = w->index;
    o->error_code = err_kafka(x ? x->err : w->err);
    o->high_watermark = x ? x->high_watermark : -1;
    o->last_stable_offset = x ? x->last_stable : -1;
    o->log_start_offset = x ? x->log_start : -1;
    o->diverging_epoch = x ? x->diverging : (struct kp_fetch_response_epoch_end_offset){-1, -1};
    o->aborted_transactions_n = !x || (f->committed && x->err == 0) ? 0 : -1;
    if (bytes && x->aborted.n) tell_aborted(f->r, x, o);
    o->preferred_read_replica = -1;
    o->records.s = KP_EMPTY;
    if (bytes) {
        o->records.ext = &x->file;
        o->records.ext_n = (uint32_t)bytes;
    }
}

static bool belongs(struct fetch *f, struct fetch_want *w, int64_t bytes)
{
    const struct fetch_part *x = w->part;
    if (!f->session) return true;
    return fetch_session_changed(w, x ? x->err : w->err, x ? x->high_watermark : -1, x ? x->log_start : -1,
                                 bytes > 0, x && x->diverging.epoch != -1, f->incremental);
}

static void fill(struct fetch *f, struct kp_fetch_response *out)
{
    struct req *r = f->r;
    out->session_id = f->session_id;
    out->responses = arena_zalloc(&r->arena, (size_t)f->wants_n, sizeof *out->responses);
    struct kp_fetch_response_partition_data *pd = arena_zalloc(&r->arena, (size_t)f->wants_n, sizeof *pd);
    int64_t left = f->max_bytes;
    bool first = true;
    for (int i = 0; i < f->wants_n; i++) {
        struct fetch_want *w = &f->wants[i];
        const struct fetch_part *x = w->part;
        bool fits = x && x->range.bytes <= min_i64(left, w->max_bytes);
        int64_t bytes = x && x->range.seg && (first || fits) ? x->range.bytes : 0;
        if (bytes) first = false;
        left -= bytes;
        req_broker(r)->bytes_out += bytes;
        if (!belongs(f, w, bytes)) continue;
        struct kp_fetch_response_fetchable_topic_response *t =
            out->responses_n ? &out->responses[out->responses_n - 1] : NULL;
        bool same =
            t && (r->version >= 13 ? uuid_eq(t->topic_id, w->topic_id) : slice_eq(t->topic, w->topic));
        if (!same) {
            t = &out->responses[out->responses_n++];
            t->topic = w->topic;
            t->topic_id = w->topic_id;
            t->partitions = pd;
        }
        t->partitions_n++;
        tell_part(f, w, bytes, pd++);
    }
}

static void answer(struct fetch *f)
{
    struct req *r = f->r;
    struct kp_fetch_response out;
    bool heard = !r->conn->closing;
    timer_cancel(r->net->shard, &f->timer);
    kp_fetch_response_init(&out);
    if (heard) fill(f, &out);
    r->cancel = NULL;
    r->cleanup = give_back;
    r->cleanup_arg = f;
    if (heard) {
        req_begin(r);
        kp_fetch_response_write(&r->out, r->version, &out);
    }
    if (f->session) fetch_session_done(req_broker(r), f->session);
    for (int i = 0; i < f->parts_n; i++) aborted_txns_fini(&f->parts[i].aborted);
    req_reply(r);
}

static void cancel(struct req *r)
{
    struct fetch *f = r->cancel_arg;
    if (f->state != WATCHING) return; /* it is on its way to an answer */
    f->cancelled = true;
    read_all(f);
}

static void wait_more(struct fetch *f)
{
    struct shard *home = f->r->net->shard;
    f->state = WATCHING;
    f->r->cancel = cancel;
    f->r->cancel_arg = f;
    timer_set(home, &f->timer, f->deadline_ns);
    for (int s = 0; s < home->n; s++) {
        if (!f->shards[s].used) continue;
        f->shards[s].watch.run = fetch_on_watch;
        shard_send(home, s, &f->shards[s].watch);
    }
}

static bool enough(const struct fetch *f)
{
    int64_t total = 0;
    if (f->max_wait_ms <= 0 || f->r->conn->closing || f->wants_n == 0) return true;
    if (f->parts_n < f->wants_n) return true; /* there are errors to tell */
    for (int i = 0; i < f->parts_n; i++) {
        const struct fetch_part *x = &f->parts[i];
        total += x->range.bytes;
        /* A changed log start or high watermark is news for an incremental session only with data: as Kafka,
         * wait. */
        if (x->err || x->diverging.epoch != -1) return true;
    }
    return total >= f->min_bytes || os_mono_ns(f->r->net->shard->os) >= f->deadline_ns;
}

static void all_read(struct fetch *f)
{
    f->state = DRAINING;
    for (int i = 0; i < f->parts_n; i++)
        if (f->parts[i].notify_out) return; /* the last of them comes back here */
    if (enough(f)) {
        answer(f);
        return;
    }
    /* Not enough: hold no files while waiting. */
    give_back(&(struct req){.net = f->r->net, .cleanup_arg = f});
    for (int i = 0; i < f->parts_n; i++) f->parts[i].range = (struct log_range){0};
    wait_more(f);
}

static void on_read_done(struct os_msg *m, void *owner)
{
    (void)owner;
    struct fetch *f = CONTAINER_OF(m, struct fetch_shard, read)->fetch;
    ASSERT(f->magic == FETCH_MAGIC);
    if (--f->waiting == 0) all_read(f);
}

static void read_all(struct fetch *f)
{
    struct shard *home = f->r->net->shard;
    f->state = READING;
    f->waiting = 1;
    for (int s = 0; s < home->n; s++) {
        if (!f->shards[s].used) continue;
        f->waiting++;
        f->shards[s].read.run = fetch_on_read;
        shard_send(home, s, &f->shards[s].read);
    }
    if (--f->waiting == 0) all_read(f);
}

static void on_fired(struct os_msg *m, void *owner)
{
    (void)owner;
    struct fetch_part *x = CONTAINER_OF(m, struct fetch_part, notify);
    struct fetch *f = x->fetch;
    ASSERT(x->magic == FETCH_MAGIC && f->magic == FETCH_MAGIC && x->notify_out);
    x->notify_out = false;
    if (f->state == WATCHING) read_all(f);
    else if (f->state == DRAINING) all_read(f);
}

static void time_up(struct timer *t, struct shard *s)
{
    (void)s;
    struct fetch *f = CONTAINER_OF(t, struct fetch, timer);
    if (f->state == WATCHING) read_all(f);
}

static void fail(struct req *r, int err)
{
    struct kp_fetch_response out;
    kp_fetch_response_init(&out);
    out.error_code = err_kafka(err);
    API_REPLY(r, fetch, &out);
}

/* Before version 13 an error of the request is told for each partition, too. */
static void fail_parts(struct req *r, const struct kp_fetch_request *in, int err)
{
    struct kp_fetch_response out;
    kp_fetch_response_init(&out);
    out.error_code = err_kafka(err);
    out.session_id = in->session_id;
    out.responses = arena_zalloc(&r->arena, (size_t)in->topics_n, sizeof *out.responses);
    for (int32_t i = 0; i < in->topics_n && r->version < 13; i++) {
        const struct kp_fetch_request_fetch_topic *t = &in->topics[i];
        struct kp_fetch_response_fetchable_topic_response *o = &out.responses[out.responses_n++];
        o->topic = t->topic;
        o->partitions_n = t->partitions_n;
        o->partitions = arena_zalloc(&r->arena, (size_t)t->partitions_n, sizeof *o->partitions);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            kp_fetch_response_partition_data_init(&o->partitions[k]);
            o->partitions[k].partition_index = t->partitions[k].partition;
            o->partitions[k].error_code = err_kafka(err);
            o->partitions[k].high_watermark = -1;
            o->partitions[k].preferred_read_replica = -1;
            o->partitions[k].records.s = KP_EMPTY;
        }
    }
    API_REPLY(r, fetch, &out);
}

/* Which of the wants exist, and where. Their order is that of the answer. */
static void find_parts(struct fetch *f)
{
    struct req *r = f->r;
    struct broker *b = req_broker(r);
    int n = 0;
    for (int i = 0; i < f->wants_n; i++) {
        struct fetch_want *w = &f->wants[i];
        struct image_topic *t =
            r->version >= 13 ? image_topic_by_id(&b->image, w->topic_id) : image_topic(&b->image, w->topic);
        w->part = NULL;
        w->err = 0;
        if (!t) w->err = r->version >= 13 ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
        else if (w->index < 0 || w->index >= t->parts_n) w->err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
        else w->topic_id = t->id;
        n += w->err == 0;
        f->room -= REPLY_PART_BYTES + (int64_t)w->topic.n;
    }
    f->parts = arena_zalloc(&r->arena, (size_t)n, sizeof *f->parts);
    f->shards = arena_zalloc(&r->arena, (size_t)b->shard->n, sizeof *f->shards);
    for (int i = 0; i < f->wants_n; i++) {
        struct fetch_want *w = &f->wants[i];
        if (w->err) continue;
        struct fetch_part *x = w->part = &f->parts[f->parts_n++];
        x->magic = FETCH_MAGIC;
        x->want = w;
        x->fetch = f;
        x->topic_id = w->topic_id;
        x->shard = broker_part_shard(b, x->topic_id, w->index);
        f->shards[x->shard].used = true;
        f->shards[x->shard].fetch = f;
    }
}

/* in goes with this call. */
static void begin(struct req *r, const struct kp_fetch_request *in, struct fetch_session *session)
{
    struct broker *b = req_broker(r);
    struct fetch *f = arena_zalloc(&r->arena, 1, sizeof *f);
    f->magic = FETCH_MAGIC;
    f->r = r;
    f->timer.fire = time_up;
    f->fired = on_fired;
    f->read_done = on_read_done;
    f->committed = in->isolation_level == 1;
    f->max_wait_ms = in->max_wait_ms;
    f->max_bytes = min_i64(in->max_bytes, conf_i64(&b->conf, CONF_FETCH_MAX_BYTES));
    f->min_bytes = (int32_t)min_i64(in->min_bytes, f->max_bytes);
    f->room = REPLY_BYTES_MAX;
    f->deadline_ns = os_mono_ns(b->shard->os) + min_i64(max_i64(in->max_wait_ms, 0), WAIT_MS_MAX) * 1000000;
    int rc = fetch_session_open(b, r, in, session, &f->session, &f->incremental, &f->wants, &f->wants_n);
    if (rc) {
        fail(r, rc);
        return;
    }
    f->session_id = f->session ? fetch_session_id(f->session) : 0;
    find_parts(f);
    f->max_bytes = min_i64(f->max_bytes, max_i64(f->room, 0));
    req_drop_frame(r);
    read_all(f);
}

/* A request is decoded into memory of its own, most of which is on the stack: what has to wait keeps less. */
struct decoded {
    struct arena arena;
    struct kp_fetch_request in;
    uint8_t memory[4096];
};

static bool decode(struct req *r, struct decoded *d)
{
    arena_init_with(&d->arena, d->memory, sizeof d->memory);
    if (api_read_done(r, kp_fetch_request_read(api_reader(r), &d->arena, r->version, &d->in))) return true;
    arena_fini(&d->arena);
    return false;
}

/* The session was found, or not, on its own shard. */
static void lent(struct fetch_loan *l)
{
    struct req *r = l->r;
    struct decoded d;
    if (!decode(r, &d)) ASSERT(false); /* it was decoded before */
    if (l->session) begin(r, &d.in, l->session);
    else fail(r, ERR_FETCH_SESSION_ID_NOT_FOUND);
    arena_fini(&d.arena);
}

void api_fetch(struct req *r)
{
    struct broker *b = req_broker(r);
    struct decoded d;
    if (!decode(r, &d)) return;
    if (d.in.isolation_level < 0 || d.in.isolation_level > 1) fail_parts(r, &d.in, ERR_UNKNOWN_SERVER_ERROR);
    else if (r->version >= 7 && d.in.session_epoch > 0) {
        struct fetch_loan *l = arena_zalloc(&r->arena, 1, sizeof *l);
        *l = (struct fetch_loan){.r = r, .id = d.in.session_id, .done = lent};
        fetch_session_borrow(b, l);
    } else begin(r, &d.in, NULL);
    arena_fini(&d.arena);
}
