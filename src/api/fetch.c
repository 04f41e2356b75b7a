/* Fetch: reads from the partitions' shards, long poll, sessions (KIP-227).
 *
 *   READ on every shard concerned --enough----> answer
 *     ^                           \--not yet--> WATCH on every shard
 *     +-------- something new, or time is up -------+
 *
 * Ranges that are not in the page cache are read once on the pool before the answer goes home, and so are the
 * index pages that lead to them.
 *
 * Invariants
 * 1. While a message of a fetch is on its way to a shard, the home shard does not touch what the message
 *    leads to.
 * 2. Before the answer is built no watch is linked: READ unlinks them, and WATCH is only sent after a READ
 *    came home.
 * 3. File ranges are referenced on the partition's shard and given back there after the reply has left. */
#include "api/fetch_session.h"
#include "api/handlers.h"
#include "broker/unopened.h"
#include "kp/fetch.h"
#include "log/txn_index.h"

#include <stdio.h>
#include <stdlib.h>

struct fetch;
struct fpart {
    struct fetch_want *want;
    struct uuid topic_id;
    int shard; /* -1: decided at home */
    int err;
    int64_t high_watermark, last_stable, log_start;
    struct kp_fetch_response_epoch_end_offset diverging; /* epoch -1: it does not */
    struct log_range range;
    struct aborted_txns
        aborted; /* of the range, for readers of committed records; made there, freed at home */
    struct req_file file;
    struct part_watch watch;
    bool watching;
    struct os_msg notify;
    bool notify_out; /* on its way home */
    struct fetch *fetch;
};
struct fshard {
    struct os_msg read, watch;
    struct log_warm lookup;
    struct os_job warm; /* brings cold ranges into the page cache, so that sendfile does not wait in a loop */
    struct os *os;
    struct shard *shard;
    char why[96]; /* the last read of warm that failed */
    struct fetch *fetch;
    bool used;
    int id;
};
struct fetch {
    struct req *r;
    struct kp_fetch_request in;
    struct fetch_session *session; /* NULL: none */
    bool incremental;
    int32_t session_id;
    struct fpart *parts;
    int parts_n;
    struct fshard *shards;
    int waiting;
    enum { READING, WATCHING } state;
    struct timer timer;
    int64_t deadline_ns;
    bool read_again;
};

static void read_all(struct fetch *f);

/* ---- on the partition's shard ---- */
/* Where the log of a fetcher whose last record has this epoch parts from ours (KIP-595); 0 or
 * ERR_OFFSET_OUT_OF_RANGE. */
static int check_last_epoch(struct fpart *x, struct part *p)
{
    int32_t epoch;
    int64_t end;
    if (x->want->last_epoch < 0) return 0;
    part_end_of_epoch(p, x->want->last_epoch, &epoch, &end);
    if (epoch < 0) return ERR_OFFSET_OUT_OF_RANGE;
    if (epoch < x->want->last_epoch || end < x->want->offset) {
        x->diverging.epoch = epoch;
        x->diverging.end_offset = end;
    }
    return 0;
}

static void drop_range(struct fpart *x)
{
    if (x->range.seg) log_seg_put(x->range.seg);
    x->range = (struct log_range){0};
    x->aborted.n = 0;
}

/* The first partition with records gives at least one batch, however large; the others what room there is
 * (KIP-74). */
static void read_part(struct broker *b, struct fetch *f, struct fpart *x, int64_t *budget, bool *first,
                      bool nowait)
{
    struct part *p = parts_find(&b->parts, x->topic_id, x->want->index);
    x->err = 0;
    x->range = (struct log_range){0};
    x->aborted.n = 0;
    x->diverging.epoch = -1;
    x->diverging.end_offset = -1;
    x->high_watermark = x->last_stable = x->log_start = -1;
    if (!p || p->log->faulted) {
        bool known = p || unopened_find(&b->unopened, x->topic_id, x->want->index);
        x->err = known ? ERR_KAFKA_STORAGE_ERROR : ERR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    if (x->want->leader_epoch >= 0 && x->want->leader_epoch != p->leader_epoch) {
        x->err = x->want->leader_epoch < p->leader_epoch ? ERR_FENCED_LEADER_EPOCH : ERR_UNKNOWN_LEADER_EPOCH;
        return;
    }
    int64_t limit = f->in.isolation_level ? part_last_stable_offset(p) : p->high_watermark;
    /* Each range holds a file open until it has left. */
    int64_t max = !*first && log_files_scarce(&b->shard->files) ? 0 : min_i64(x->want->max_bytes, *budget);
    x->err = check_last_epoch(x, p);
    if (x->err) return;
    if (x->diverging.epoch == -1) {
        p->log->nowait = nowait;
        x->err = log_read(p->log, x->want->offset, limit, max_i64(max, 0), *first, &x->range);
        if (x->err == 0 && x->range.seg && f->in.isolation_level)
            x->err = log_aborted(p->log, x->want->offset, x->range.next_offset, &x->aborted);
        p->log->nowait = false;
        if (x->err == ERR_BUSY) {
            drop_range(x);
            return;
        }
        if (x->err || x->range.seg) part_read(p, x->err, os_why());
        if (x->err == 0 && x->want->offset > p->high_watermark) x->err = ERR_OFFSET_OUT_OF_RANGE;
        if (x->err && x->err != ERR_OFFSET_OUT_OF_RANGE) x->err = ERR_KAFKA_STORAGE_ERROR;
        if (x->err == 0 && x->range.seg && max < 0)
            x->err = ERR_UNKNOWN_SERVER_ERROR; /* Kafka has no error of its own for it */
    }
    if (x->err) {
        drop_range(x);
        return;
    }
    x->high_watermark = p->high_watermark;
    x->last_stable = part_last_stable_offset(p);
    x->log_start = p->log->start_offset;
    if (!x->range.seg) return;
    *first = false;
    *budget = max_i64(*budget - x->range.bytes, 0);
    x->file = (struct req_file){.fd = x->range.seg->fd, .pos = x->range.pos};
}

static void read_home(struct os_msg *m, void *owner);

#define WARM_STEP ((size_t)64 * 1024)

/* Or refused: then the pool meets the error, and the answer tells it. A byte at each step tells; the kernel
 * reads ahead, so a gap between two cached steps is rare and only slow.
 */
static bool is_cold(struct os *os, const struct log_range *r)
{
    uint8_t c;
    for (int64_t at = 0; at < r->bytes; at += 4 * (int64_t)WARM_STEP)
        if (os_pread_cached(os, r->seg->fd, &c, 1, r->pos + at) < 0) return true;
    return os_pread_cached(os, r->seg->fd, &c, 1, r->pos + r->bytes - 1) < 0;
}

static void warm_run(struct os_job *j)
{
    struct fshard *fs = CONTAINER_OF(j, struct fshard, warm);
    struct fetch *f = fs->fetch;
    uint8_t *scratch = xmalloc(WARM_STEP);
    for (int i = 0; i < f->parts_n; i++) {
        struct fpart *x = &f->parts[i];
        if (x->shard != fs->id || !x->range.seg) continue;
        for (int64_t at = 0; at < x->range.bytes; at += (int64_t)WARM_STEP)
            if (os_pread(fs->os, x->range.seg->fd, scratch,
                         (size_t)min_i64((int64_t)WARM_STEP, x->range.bytes - at),
                         x->range.pos + at) < 0) { /* told in the answer instead of a broken connection */
                x->err = ERR_KAFKA_STORAGE_ERROR;
                snprintf(fs->why, sizeof fs->why, "%s", os_why());
            }
    }
    free(scratch);
}

static void warm_done(struct os_job *j, void *owner)
{
    struct fshard *fs = CONTAINER_OF(j, struct fshard, warm);
    struct fetch *f = fs->fetch;
    for (int i = 0; i < f->parts_n; i++) {
        struct fpart *x = &f->parts[i];
        if (x->shard != fs->id || !x->range.seg) continue;
        struct part *p = parts_find(&fs->shard->broker->parts, x->topic_id, x->want->index);
        if (p) part_read(p, x->err ? ERR_IO : 0, fs->why);
        if (x->err) drop_range(x);
    }
    fs->read.run = read_home;
    shard_send(owner, f->r->net->shard->id, &fs->read);
}

static void on_read(struct os_msg *m, void *owner);
static void read_again(struct log_warm *w, void *owner)
{
    on_read(&CONTAINER_OF(w, struct fshard, lookup)->read, owner);
}

static void on_read(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct fshard *fs = CONTAINER_OF(m, struct fshard, read);
    struct fetch *f = fs->fetch;
    int64_t budget = f->in.max_bytes;
    bool cold = false, first = true;
    for (int i = 0; i < f->parts_n; i++) {
        struct fpart *x = &f->parts[i];
        if (x->shard != s->id) continue;
        if (x->watching) part_unwatch(&x->watch);
        x->watching = false;
        read_part(s->broker, f, x, &budget, &first, fs->lookup.tries < LOG_WARM_TRIES + f->parts_n);
        if (x->err == ERR_BUSY) {
            for (int k = 0; k < i; k++)
                if (f->parts[k].shard == s->id) drop_range(&f->parts[k]);
            fs->lookup.again = read_again;
            log_warm(parts_find(&s->broker->parts, x->topic_id, x->want->index)->log, &fs->lookup);
            return;
        }
        cold |= x->range.seg && is_cold(s->os, &x->range);
    }
    if (cold) {
        fs->id = s->id;
        fs->os = s->os;
        fs->shard = s;
        fs->warm.run = warm_run;
        fs->warm.done = warm_done;
        os_submit(s->os, &fs->warm);
        return;
    }
    m->run = read_home;
    shard_send(s, f->r->net->shard->id, m);
}

static void on_notify(struct os_msg *m, void *owner);

static void watch_fired(struct part_watch *w, struct shard *s)
{
    struct fpart *x = CONTAINER_OF(w, struct fpart, watch);
    x->watching = false;
    x->notify.run = on_notify;
    if (s->id == x->fetch->r->net->shard->id) {
        /* At home the message would run inside part_flush, whose lists must not change under it: queue it. */
        os_post(s->os, s->os, &x->notify);
    } else shard_send(s, x->fetch->r->net->shard->id, &x->notify);
}

static void on_watch(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct fshard *fs = CONTAINER_OF(m, struct fshard, watch);
    struct fetch *f = fs->fetch;
    for (int i = 0; i < f->parts_n; i++) {
        struct fpart *x = &f->parts[i];
        if (x->shard != s->id) continue;
        struct part *p = parts_find(&s->broker->parts, x->topic_id, x->want->index);
        x->watch.fire = watch_fired;
        x->watch.offset = x->high_watermark; /* anything beyond what the read saw */
        x->notify_out = true;
        if (!p || p->log->faulted || p->high_watermark > x->high_watermark) watch_fired(&x->watch, s);
        else {
            x->watching = true;
            part_watch(p, &x->watch);
        }
    }
}

/* ---- at home ---- */
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
            struct fpart *x = &f->parts[i];
            if (x->shard != s || !x->range.seg) continue;
            if (!rel) rel = xcalloc(1, sizeof *rel + (size_t)f->parts_n * sizeof rel->segs[0]);
            rel->segs[rel->n++] = x->range.seg;
        }
        if (!rel) continue;
        rel->msg.run = on_release;
        shard_send(home, s, &rel->msg);
    }
}

static void tell_aborted(struct req *r, const struct fpart *x, struct kp_fetch_response_partition_data *o)
{
    o->aborted_transactions_n = (int32_t)x->aborted.n;
    o->aborted_transactions = arena_zalloc(&r->arena, x->aborted.n, sizeof *o->aborted_transactions);
    for (size_t i = 0; i < x->aborted.n; i++) {
        o->aborted_transactions[i].producer_id = x->aborted.v[i].producer_id;
        o->aborted_transactions[i].first_offset = x->aborted.v[i].first_offset;
    }
}

static void answer(struct fetch *f)
{
    struct req *r = f->r;
    struct kp_fetch_response out;
    timer_cancel(r->net->shard, &f->timer);
    kp_fetch_response_init(&out);
    out.session_id = f->session_id;
    out.responses = arena_zalloc(&r->arena, (size_t)f->parts_n, sizeof *out.responses);
    struct kp_fetch_response_partition_data *pd = arena_zalloc(&r->arena, (size_t)f->parts_n, sizeof *pd);
    int64_t left = f->in.max_bytes;
    bool first = true;
    for (int i = 0; i < f->parts_n; i++) {
        struct fpart *x = &f->parts[i];
        bool fits = x->range.bytes <= min_i64(left, x->want->max_bytes);
        int64_t bytes = x->range.seg && (first || fits) ? x->range.bytes : 0;
        if (bytes) first = false;
        left -= bytes;
        req_broker(r)->bytes_out += bytes;
        if (f->session && !fetch_session_changed(f->session, x->want, x->err, x->high_watermark, x->log_start,
                                                 bytes > 0, x->diverging.epoch != -1, f->incremental))
            continue;
        struct kp_fetch_response_fetchable_topic_response *t =
            out.responses_n ? &out.responses[out.responses_n - 1] : NULL;
        bool same = t && (r->version >= 13 ? uuid_eq(t->topic_id, x->want->topic_id)
                                           : slice_eq(t->topic, x->want->topic));
        struct kp_fetch_response_partition_data *o = pd++;
        if (!same) {
            t = &out.responses[out.responses_n++];
            t->topic = x->want->topic;
            t->topic_id = x->want->topic_id;
            t->partitions = o;
        }
        t->partitions_n++;
        kp_fetch_response_partition_data_init(o);
        o->partition_index = x->want->index;
        o->error_code = err_kafka(x->err);
        o->high_watermark = x->high_watermark;
        o->last_stable_offset = x->last_stable;
        o->log_start_offset = x->log_start;
        o->diverging_epoch = x->diverging;
        o->aborted_transactions_n = x->shard < 0 || (f->in.isolation_level && x->err == 0) ? 0 : -1;
        if (bytes && x->aborted.n) tell_aborted(r, x, o);
        o->preferred_read_replica = -1;
        o->records.s = KP_EMPTY;
        if (bytes) {
            o->records.ext = &x->file;
            o->records.ext_n = (uint32_t)bytes;
        }
    }
    r->cleanup = give_back;
    r->cleanup_arg = f;
    if (f->session) fetch_session_done(f->session);
    for (int i = 0; i < f->parts_n; i++) aborted_txns_fini(&f->parts[i].aborted);
    API_REPLY(r, fetch, &out);
}

static void wait_more(struct fetch *f)
{
    struct shard *home = f->r->net->shard;
    f->state = WATCHING;
    f->read_again = false;
    for (int s = 0; s < home->n; s++) {
        if (!f->shards[s].used) continue;
        f->shards[s].watch.run = on_watch;
        shard_send(home, s, &f->shards[s].watch);
    }
    timer_set(home, &f->timer, f->deadline_ns);
}

static void all_read(struct fetch *f)
{
    int64_t total = 0;
    bool now = f->in.max_wait_ms <= 0 || f->r->conn->closing || f->parts_n == 0;
    for (int i = 0; i < f->parts_n; i++) {
        struct fpart *x = &f->parts[i];
        total += x->range.bytes;
        if (x->err || (x->shard >= 0 && x->diverging.epoch != -1)) now = true;
        /* A changed log start or high watermark is news for an incremental session only with data: as Kafka,
         * wait. */
    }
    if (now || total >= f->in.min_bytes || os_mono_ns(f->r->net->shard->os) >= f->deadline_ns) {
        answer(f);
        return;
    }
    /* Not enough: hold no files while waiting. */
    give_back(&(struct req){.net = f->r->net, .cleanup_arg = f});
    for (int i = 0; i < f->parts_n; i++) f->parts[i].range = (struct log_range){0};
    wait_more(f);
}

static void read_home(struct os_msg *m, void *owner)
{
    (void)owner;
    struct fetch *f = CONTAINER_OF(m, struct fshard, read)->fetch;
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
        f->shards[s].read.run = on_read;
        shard_send(home, s, &f->shards[s].read);
    }
    if (--f->waiting == 0) all_read(f);
}

static void on_notify(struct os_msg *m, void *owner)
{
    (void)owner;
    struct fpart *x = CONTAINER_OF(m, struct fpart, notify);
    struct fetch *f = x->fetch;
    if (f->state == WATCHING) read_all(f);
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
static void fail_parts(struct fetch *f, int err)
{
    struct req *r = f->r;
    struct kp_fetch_response out;
    kp_fetch_response_init(&out);
    out.error_code = err_kafka(err);
    out.session_id = f->in.session_id;
    out.responses = arena_zalloc(&r->arena, (size_t)f->in.topics_n, sizeof *out.responses);
    for (int32_t i = 0; i < f->in.topics_n && r->version < 13; i++) {
        const struct kp_fetch_request_fetch_topic *t = &f->in.topics[i];
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

void api_fetch(struct req *r)
{
    struct broker *b = req_broker(r);
    struct shard *home = b->shard;
    struct fetch *f = arena_zalloc(&r->arena, 1, sizeof *f);
    struct fetch_want *wants;
    int n;
    f->r = r;
    if (!API_READ(r, fetch, &f->in)) return;
    if (f->in.isolation_level < 0 || f->in.isolation_level > 1) {
        fail_parts(f, ERR_UNKNOWN_SERVER_ERROR);
        return;
    }
    f->timer.fire = time_up;
    f->deadline_ns = os_mono_ns(home->os) + min_i64(max_i64(f->in.max_wait_ms, 0), 3600000) * 1000000;
    int rc = fetch_session_open(b, r, &f->in, &f->session, &f->incremental, &wants, &n);
    if (rc) {
        fail(r, rc);
        return;
    }
    f->session_id = f->session ? fetch_session_id(f->session) : 0;
    f->parts = arena_zalloc(&r->arena, (size_t)n, sizeof *f->parts);
    f->parts_n = n;
    f->shards = arena_zalloc(&r->arena, (size_t)home->n, sizeof *f->shards);
    for (int i = 0; i < n; i++) {
        struct fpart *x = &f->parts[i];
        x->want = &wants[i];
        x->fetch = f;
        x->shard = -1;
        x->high_watermark = x->last_stable = x->log_start = -1;
        x->diverging.epoch = -1;
        x->diverging.end_offset = -1;
        struct image_topic *t = r->version >= 13 ? image_topic_by_id(&b->image, wants[i].topic_id)
                                                 : image_topic(&b->image, wants[i].topic);
        if (!t) x->err = r->version >= 13 ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
        else if (wants[i].index < 0 || wants[i].index >= t->parts_n) x->err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
        else {
            x->topic_id = t->id;
            x->shard = broker_part_shard(b, t->id, wants[i].index);
            f->shards[x->shard].used = true;
            f->shards[x->shard].fetch = f;
        }
    }
    read_all(f);
}
