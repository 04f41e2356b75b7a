/* The scrub of a shard.
 *
 *                                      +--timer, by the rate--+
 *                                      v                      |
 *   IDLE --timer--> next segment -> slice on the pool -> checked
 *     ^                  |  ^                                 |
 *     |                  |  +---- the segment was read -------+
 *     +-- every partition was read: a pause, then the next round
 *
 * Invariants
 * 1. While slice is set its partition is pinned and its segment referenced.
 * 2. The job is out only between run_slice and checked; the timer then is not armed. */
#include "part/scrub.h"
#include "base/logline.h"

#include <stdio.h>
#include <stdlib.h>

#define SLICE_BYTES ((int64_t)1 << 20)
#define ROUND_PAUSE_MS 60000
#define PAUSE_MS_MAX 3600000

struct scrub_slice {
    struct os_job job;
    struct scrub *scrub;
    struct part *part;
    struct log_seg *seg;
    int64_t pos, size; /* of the segment; read so far, and whole */
    int64_t next_offset, end_offset;
    int64_t bytes; /* of this slice */
    uint8_t *buf;
    size_t cap;
    int rc;
    char why[96];
};

/* ---- on the pool ---- */
static int damaged(struct scrub_slice *x, const char *why)
{
    snprintf(x->why, sizeof x->why, "%s", why);
    return ERR_CORRUPT_MESSAGE;
}

static int check_batch(struct scrub_slice *x, const uint8_t *p, const struct batch_head *h)
{
    if (!batch_crc_ok(p, h->bytes)) return damaged(x, "a batch fails its checksum");
    if (h->base_offset < x->next_offset || h->last_offset < h->base_offset || h->last_offset >= x->end_offset)
        return damaged(x, "offsets are out of order");
    x->next_offset = h->last_offset + 1;
    x->pos += h->bytes;
    return 0;
}

/* Reads and checks one buffer's worth of whole batches; a larger batch gets a larger buffer. */
static int check_some(struct scrub_slice *x)
{
    int64_t want = min_i64((int64_t)x->cap, x->size - x->pos);
    ssize_t n = os_pread(x->seg->os, x->seg->fd, x->buf, (size_t)want, x->pos);
    if (n < 0) {
        snprintf(x->why, sizeof x->why, "%s", os_why());
        return (int)n;
    }
    if (n < want) return damaged(x, "the file is shorter than it was");
    x->bytes += n;
    for (size_t at = 0; at < (size_t)n;) {
        struct batch_head h = {0};
        int rc = batch_head_parse(slice_of(x->buf + at, (size_t)n - at), &h);
        if (rc == ERR_EOF) {
            bool head = (size_t)n - at >= BATCH_HEAD_BYTES;
            if (head ? h.bytes > x->size - x->pos : x->size - x->pos < BATCH_HEAD_BYTES)
                return damaged(x, "a batch is cut short");
            if (head && at == 0) x->buf = xrealloc(x->buf, x->cap = (size_t)h.bytes);
            return 0; /* the rest of it with the next read */
        }
        if (rc) return damaged(x, "bytes that are no record batch");
        if ((rc = check_batch(x, x->buf + at, &h)) != 0) return rc;
        at += (size_t)h.bytes;
    }
    return 0;
}

static void run(struct os_job *j)
{
    struct scrub_slice *x = CONTAINER_OF(j, struct scrub_slice, job);
    while (x->rc == 0 && x->bytes < SLICE_BYTES && x->pos < x->size) x->rc = check_some(x);
}

/* ---- on the loop ---- */
static void release(struct scrub_slice *x)
{
    log_seg_put(x->seg);
    part_unpin(x->part);
    free(x->buf);
    free(x);
}

/* The next sealed segment of a partition at or above an offset that is not known to be damaged. */
static struct log_seg *next_seg(struct log *l, int64_t from, int *at)
{
    for (int i = 0; i + 1 < l->segs_n; i++) {
        struct log_seg *s = l->segs[i];
        if (s->base_offset < from || s->size == 0 || s->bad_pos >= 0) continue;
        *at = i;
        return s;
    }
    return NULL;
}

static struct part *next_part(struct scrub *s)
{
    MAP_FOREACH(it, struct part, p, &s->parts->map)
    if (p->scrub_round != s->round && !p->log->faulted) return p;
    return NULL;
}

static bool begin(struct scrub *s, struct part *p, int64_t from)
{
    int at;
    struct log_seg *seg = next_seg(p->log, from, &at);
    if (!seg) return false;
    int rc = log_seg_open(seg);
    if (rc) {
        if (!err_passes(rc)) part_read(p, ERR_IO, os_why());
        return false;
    }
    struct scrub_slice *x = xcalloc(1, sizeof *x);
    *x = (struct scrub_slice){.scrub = s, .part = p, .seg = seg, .size = seg->size};
    x->next_offset = seg->base_offset;
    x->end_offset = p->log->segs[at + 1]->base_offset;
    x->buf = xmalloc(x->cap = (size_t)min_i64(SLICE_BYTES, seg->size));
    log_seg_get(seg);
    part_pin(p);
    s->slice = x;
    return true;
}

static void checked(struct os_job *j, void *owner);

static void run_slice(struct scrub_slice *x)
{
    x->bytes = 0;
    x->job.run = run;
    x->job.done = checked;
    os_submit(x->scrub->shard->os, &x->job);
}

/* Goes on after a segment of p, or anywhere. */
static void go_on(struct scrub *s, struct part *p, int64_t from)
{
    while (s->bytes_per_s > 0) {
        if (!p && (p = next_part(s)) == NULL) break;
        if (begin(s, p, from)) {
            run_slice(s->slice);
            return;
        }
        p->scrub_round = s->round;
        p = NULL;
        from = 0;
    }
    if (s->bytes_per_s <= 0) return;
    s->round++;
    timer_set_ms(s->shard, &s->timer, ROUND_PAUSE_MS);
}

static void wait_after(struct scrub *s, int64_t bytes)
{
    double ms = (double)bytes * 1000 * s->shard->n / (double)max_i64(s->bytes_per_s, 1);
    timer_set_ms(s->shard, &s->timer, ms > PAUSE_MS_MAX ? PAUSE_MS_MAX : (int64_t)ms + 1);
}

static void checked(struct os_job *j, void *owner)
{
    (void)owner;
    struct scrub_slice *x = CONTAINER_OF(j, struct scrub_slice, job);
    struct part *p = x->part;
    bool here = !p->doomed && !x->seg->doomed; /* else compaction or retention took it away meanwhile */
    if (here && x->rc == ERR_CORRUPT_MESSAGE)
        part_fence(p, x->seg->base_offset, x->pos, x->next_offset, x->why);
    else if (here && x->rc) part_read(p, ERR_IO, x->why);
    wait_after(x->scrub, x->bytes);
}

static void fire(struct timer *t, struct shard *shard)
{
    struct scrub *s = CONTAINER_OF(t, struct scrub, timer);
    struct scrub_slice *x = s->slice;
    (void)shard;
    if (!x) {
        go_on(s, NULL, 0);
        return;
    }
    if (s->bytes_per_s > 0 && x->rc == 0 && x->pos < x->size && !x->part->doomed && !x->seg->doomed) {
        run_slice(x);
        return;
    }
    struct part *p = x->part->doomed ? NULL : x->part;
    int64_t from = x->seg->base_offset + 1;
    s->slice = NULL;
    release(x);
    go_on(s, p, p ? from : 0);
}

void scrub_init(struct scrub *s, struct parts *parts)
{
    *s = (struct scrub){.shard = parts->shard, .parts = parts, .round = 1};
    s->timer.fire = fire;
}

void scrub_configure(struct scrub *s, int64_t bytes_per_s)
{
    bool was = s->bytes_per_s > 0;
    s->bytes_per_s = bytes_per_s;
    if (bytes_per_s > 0 && !was && !s->slice) timer_set_ms(s->shard, &s->timer, 1);
}

void scrub_stop(struct scrub *s)
{
    if (s->slice) release(s->slice);
    s->slice = NULL;
}
