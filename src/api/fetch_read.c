/* Fetch on the shard of the partitions: reading, warming and watching them.
 *
 *   READ -> read_on --cold index pages--> log_warm (pool) -> read_on
 *                  \--cold records--> warm_run (pool) -> home
 *                   \-> home */
#include "api/fetch_int.h"
#include "broker/unopened.h"

#include <stdio.h>
#include <stdlib.h>

/* Where the log of a fetcher whose last record has this epoch parts from ours (KIP-595); 0 or
 * ERR_OFFSET_OUT_OF_RANGE. */
static int check_last_epoch(struct fetch_part *x, struct part *p)
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

static void drop_range(struct fetch_part *x)
{
    if (x->range.seg) log_seg_put(x->range.seg);
    x->range = (struct log_range){0};
    x->aborted.n = 0;
}

/* The first partition with records gives at least one batch, however large; the others what room there is
 * (KIP-74). */
static void read_part(struct broker *b, const struct fetch *f, struct fetch_part *x, struct fetch_shard *fs,
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
    int64_t limit = f->committed ? part_last_stable_offset(p) : p->high_watermark;
    /* Each range holds a file open until it has left. */
    int64_t max =
        !fs->first && log_files_scarce(&b->shard->files) ? 0 : min_i64(x->want->max_bytes, fs->budget);
    x->err = check_last_epoch(x, p);
    if (x->err) return;
    if (x->diverging.epoch == -1) {
        p->log->nowait = nowait;
        x->err = log_read(p->log, x->want->offset, limit, max_i64(max, 0), fs->first, &x->range);
        if (x->err == 0 && x->range.seg && f->committed)
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
        if (x->err == 0 && x->range.bytes > f->room) x->err = ERR_MESSAGE_TOO_LARGE;
    }
    if (x->err) {
        drop_range(x);
        return;
    }
    x->high_watermark = p->high_watermark;
    x->last_stable = part_last_stable_offset(p);
    x->log_start = p->log->start_offset;
    if (!x->range.seg) return;
    fs->first = false;
    fs->budget = max_i64(fs->budget - x->range.bytes, 0);
    x->file = (struct req_file){.fd = x->range.seg->fd, .pos = x->range.pos};
}

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
    struct fetch_shard *fs = CONTAINER_OF(j, struct fetch_shard, warm);
    struct fetch *f = fs->fetch;
    uint8_t *scratch = xmalloc(WARM_STEP);
    for (int i = 0; i < f->parts_n; i++) {
        struct fetch_part *x = &f->parts[i];
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

static void send_home(struct fetch_shard *fs, struct shard *s)
{
    fs->read.run = fs->fetch->read_done;
    shard_send(s, fs->fetch->r->net->shard->id, &fs->read);
}

static void warm_done(struct os_job *j, void *owner)
{
    struct fetch_shard *fs = CONTAINER_OF(j, struct fetch_shard, warm);
    struct fetch *f = fs->fetch;
    for (int i = 0; i < f->parts_n; i++) {
        struct fetch_part *x = &f->parts[i];
        if (x->shard != fs->id || !x->range.seg) continue;
        struct part *p = parts_find(&fs->shard->broker->parts, x->topic_id, x->want->index);
        if (p) part_read(p, x->err ? ERR_IO : 0, fs->why);
        if (x->err) drop_range(x);
    }
    send_home(fs, owner);
}

static void take_back_watches(struct fetch *f, int shard)
{
    for (int i = 0; i < f->parts_n; i++) {
        struct fetch_part *x = &f->parts[i];
        if (x->shard != shard || !x->watching) continue;
        part_unwatch(&x->watch);
        x->watching = false;
    }
}

static void read_on(struct fetch_shard *fs, struct shard *s);
static void looked_up(struct log_warm *w, void *owner)
{
    read_on(CONTAINER_OF(w, struct fetch_shard, lookup), owner);
}

static void read_on(struct fetch_shard *fs, struct shard *s)
{
    struct fetch *f = fs->fetch;
    bool cold = false;
    for (; fs->at < f->parts_n; fs->at++) {
        struct fetch_part *x = &f->parts[fs->at];
        if (x->shard != s->id) continue;
        read_part(s->broker, f, x, fs, fs->lookup.tries < LOG_WARM_TRIES + f->parts_n);
        if (x->err != ERR_BUSY) continue;
        fs->lookup.again = looked_up;
        log_warm(parts_find(&s->broker->parts, x->topic_id, x->want->index)->log, &fs->lookup);
        return;
    }
    for (int i = 0; i < f->parts_n && !cold; i++)
        if (f->parts[i].shard == s->id && f->parts[i].range.seg) cold = is_cold(s->os, &f->parts[i].range);
    if (!cold) {
        send_home(fs, s);
        return;
    }
    fs->id = s->id;
    fs->os = s->os;
    fs->shard = s;
    fs->warm.run = warm_run;
    fs->warm.done = warm_done;
    os_submit(s->os, &fs->warm);
}

void fetch_on_read(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct fetch_shard *fs = CONTAINER_OF(m, struct fetch_shard, read);
    struct fetch *f = fs->fetch;
    ASSERT(f->magic == FETCH_MAGIC);
    take_back_watches(f, s->id);
    fs->at = f->cancelled ? f->parts_n : 0;
    fs->budget = f->max_bytes;
    fs->first = true;
    if (f->cancelled) send_home(fs, s);
    else read_on(fs, s);
}

static void watch_fired(struct part_watch *w, struct shard *s)
{
    struct fetch_part *x = CONTAINER_OF(w, struct fetch_part, watch);
    x->watching = false;
    x->notify_out = true;
    x->notify.run = x->fetch->fired;
    if (s->id == x->fetch->r->net->shard->id) {
        /* At home the message would run inside part_flush, whose lists must not change under it: queue it. */
        os_post(s->os, s->os, &x->notify);
    } else shard_send(s, x->fetch->r->net->shard->id, &x->notify);
}

void fetch_on_watch(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct fetch_shard *fs = CONTAINER_OF(m, struct fetch_shard, watch);
    struct fetch *f = fs->fetch;
    ASSERT(f->magic == FETCH_MAGIC);
    for (int i = 0; i < f->parts_n; i++) {
        struct fetch_part *x = &f->parts[i];
        if (x->shard != s->id) continue;
        struct part *p = parts_find(&s->broker->parts, x->topic_id, x->want->index);
        x->watch.fire = watch_fired;
        x->watch.offset = x->high_watermark; /* anything beyond what the read saw */
        if (!p || p->log->faulted || p->high_watermark > x->high_watermark) watch_fired(&x->watch, s);
        else {
            x->watching = true;
            part_watch(p, &x->watch);
        }
    }
}
