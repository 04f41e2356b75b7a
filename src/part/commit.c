/* Commits: the batches of many partitions made durable by one sync of a journal (log/journal.h), which is
 * what acks=all waits for. The partitions' own files are synced behind it, in their time.
 *
 * Invariants
 * 1. At most one round runs for a log directory of a shard; who comes meanwhile waits for the next one.
 * 2. What a partition has between log->synced_offset and durable_offset is in the journal, whole and in
 *    order: a round takes what lies above durable_offset, and the first one begins where a sync of the files
 *    ended.
 * 3. The journal has two halves. One is written to anew only when no partition is held in it: each was synced
 *    beyond what the half has of it. When a half is left, those syncs are asked for.
 * 4. After any failure nothing is written to the journal any more: it is kept as it is for the next start.
 * 5. The journals of earlier runs stay until each partition that they name was synced by itself beyond what
 *    they have of it. One sync of the whole directory would be faster, but who is told of its failure? The
 *    partition's next sync succeeds, and the records are not there.
 *
 *   NONE --enough have asked--> MAKING --made--> ON --any failure--> OFF
 *     ^---no room, or no file left---+
 *
 * A partition whose files have unsynced names, or more bytes than a round takes, is synced by itself
 * (sync.c), and so is everybody while there is no journal or no room in it. */
#include "part/part_int.h"
#include "base/logline.h"
#include "kp/batch.h"
#include "log/journal.h"
#include "log/txn_index.h"

#include <stdio.h>
#include <stdlib.h>

#define ASKED_MIN 16 /* a broker that is hardly used needs no journal */
#define ROUND_PARTS_MAX 256
#define ROUND_BYTES_MAX ((size_t)512 << 10)
#define PART_BYTES_MAX ((int64_t)64 << 10) /* more are written twice for too little */
#define ROUNDS_IN_HALF 4
#define FILL_BYTES ((size_t)256 << 10)

struct round {
    struct os_job job;
    struct commit *c;
    struct kp_writer frame;
    int64_t pos;
    int rc;
    char why[96];
    int n;
    struct round_part {
        struct part *p;
        struct log_seg *seg;
        int64_t from, to, target;
    } v[ROUND_PARTS_MAX];
};

struct commit {
    struct parts *home;
    const char *root;
    enum { NONE, MAKING, ON, OFF } state;
    int asked_n;
    char *path;
    int fd;
    uint64_t run, sequence;
    int64_t half_bytes, at; /* at: in the half that is written to */
    int half;
    struct list asked, held[2]; /* struct part */
    struct round *round;        /* kept from one to the next */
    bool busy;                  /* a round runs */
    struct os_job job;          /* makes the file */
    int rc;
    char why[96];
};

static size_t round_bytes_max(const struct commit *c)
{
    return min_size(ROUND_BYTES_MAX, (size_t)c->half_bytes / ROUNDS_IN_HALF);
}

/* Each holds a segment open meanwhile. */
static int round_parts_max(const struct commit *c)
{
    return (int)min_i64(ROUND_PARTS_MAX, max_i64(1, c->home->shard->files.open_max / 16));
}

/* ---- the file ---- */
static void make_run(struct os_job *j)
{
    struct commit *c = CONTAINER_OF(j, struct commit, job);
    struct os *os = c->home->shard->os;
    uint8_t *zeros = xcalloc(1, FILL_BYTES);
    c->fd = os_open(os, c->path, OS_READ | OS_WRITE | OS_CREATE | OS_EXCL);
    c->rc = c->fd < 0 ? c->fd : 0;
    /* Blocks that are there already: a sync then has only data to write. */
    for (int64_t at = 0; c->rc == 0 && at < 2 * c->half_bytes; at += (int64_t)FILL_BYTES)
        c->rc = os_pwrite(os, c->fd, zeros, (size_t)min_i64((int64_t)FILL_BYTES, 2 * c->half_bytes - at), at);
    if (c->rc == 0) c->rc = os_fdatasync(os, c->fd);
    if (c->rc == 0) c->rc = os_fsync_dir(os, c->root);
    if (c->rc) {
        snprintf(c->why, sizeof c->why, "%s", os_why());
        if (c->fd >= 0) {
            os_close(os, c->fd);
            (void)!os_unlink(os, c->path); /* if it stays, the next start removes it */
        }
        c->fd = -1;
    }
    free(zeros);
}

static void off(struct commit *c, const char *why)
{
    c->state = OFF;
    logline(LOG_WARN, c->path, "no journal from here on (%s); every partition is synced by itself", why);
}

static void make_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct commit *c = CONTAINER_OF(j, struct commit, job);
    c->state = ON;
    if (err_passes(c->rc)) { /* another time */
        c->state = NONE;
        c->asked_n = 0;
        free(c->path);
    } else if (c->rc) off(c, c->why);
}

static void make(struct commit *c)
{
    struct strbuf b;
    os_entropy(c->home->shard->os, &c->run, sizeof c->run);
    strbuf_init(&b);
    strbuf_printf(&b, "%s/" JOURNAL_PREFIX "%016llx", c->root, (unsigned long long)c->run);
    c->path = b.s;
    c->state = MAKING;
    c->job.run = make_run;
    c->job.done = make_done;
    os_submit(c->home->shard->os, &c->job);
}

static struct commit *commit_of(const struct part *p)
{
    struct part_root *r = &p->home->roots[p->dir];
    if (r->commit || p->home->journal_bytes == 0) return r->commit;
    struct commit *c = r->commit = xcalloc(1, sizeof *c);
    c->home = p->home;
    c->root = p->root;
    c->fd = -1;
    c->half_bytes = p->home->journal_bytes / 2 / JOURNAL_BLOCK_BYTES * JOURNAL_BLOCK_BYTES;
    list_init(&c->asked);
    list_init(&c->held[0]);
    list_init(&c->held[1]);
    return c;
}

/* ---- rounds ---- */
static int64_t unsafe_bytes(const struct part *p)
{
    return p->log->segs[p->log->segs_n - 1]->size - p->durable_pos;
}

static bool fits(const struct part *p)
{
    const struct log *l = p->log;
    return !l->faulted && p->durable_seg == l->segs[l->segs_n - 1]->base_offset && part_names_synced(p) &&
           unsafe_bytes(p) > 0 && unsafe_bytes(p) <= PART_BYTES_MAX;
}

void part_make_durable(struct part *p)
{
    struct commit *c = p->log->faulted ? NULL : commit_of(p);
    if (p->committing || list_linked(&p->in_commit)) return;
    if (c && c->state == ON && fits(p)) {
        list_push_back(&c->asked, &p->in_commit);
        return;
    }
    if (c && c->state == NONE && ++c->asked_n >= ASKED_MIN) make(c);
    part_start_sync(p);
}

void part_note_durable(struct part *p, int64_t offset, int64_t seg, int64_t pos)
{
    if (offset < p->durable_offset) return;
    p->durable_offset = offset;
    p->durable_seg = seg;
    p->durable_pos = pos;
}

bool part_held_back(struct part *p)
{
    const struct commit *c = p->home->roots[p->dir].commit;
    bool more = false;
    for (int h = 0; h < 2; h++) {
        if (!list_linked(&p->in_half[h])) continue;
        if (c->state == ON && p->log->synced_offset >= p->half_end[h]) list_remove(&p->in_half[h]);
        else more |= c->state == ON && h != c->half;
    }
    return more;
}

void part_leave_journal(struct part *p)
{
    list_remove(&p->in_commit);
    for (int h = 0; h < 2; h++) list_remove(&p->in_half[h]);
    p->durable_seg = -1;
}

void part_stop_journal(struct part *p)
{
    struct commit *c = p->home->roots_n > p->dir ? p->home->roots[p->dir].commit : NULL;
    if (c && c->state == ON) off(c, "a partition failed");
}

static void round_run(struct os_job *j)
{
    struct round *r = CONTAINER_OF(j, struct round, job);
    struct commit *c = r->c;
    struct os *os = c->home->shard->os;
    journal_begin(&r->frame, c->run, c->sequence);
    for (int i = 0; i < r->n && r->rc == 0; i++) {
        struct round_part *x = &r->v[i];
        size_t n = (size_t)(x->to - x->from);
        uint8_t *room = journal_add(&r->frame, x->p->topic_id, x->p->index, n);
        ssize_t got = os_pread(os, x->seg->fd, room, n, x->from);
        if (got != (ssize_t)n) r->rc = got < 0 ? (int)got : ERR_IO;
    }
    if (r->rc == 0) {
        journal_end(&r->frame);
        r->rc = os_pwrite(os, c->fd, r->frame.p, r->frame.n, r->pos);
    }
    if (r->rc == 0) r->rc = os_fdatasync(os, c->fd);
    if (r->rc) snprintf(r->why, sizeof r->why, "%s", os_why());
}

static void round_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct round *r = CONTAINER_OF(j, struct round, job);
    struct commit *c = r->c;
    c->busy = false;
    if (r->rc && c->state == ON) off(c, r->why);
    for (int i = 0; i < r->n; i++) {
        struct part *p = r->v[i].p;
        ASSERT(p->magic == PART_MAGIC && p->committing);
        p->committing = false;
        if (!p->doomed && r->rc == 0) {
            int64_t seg = r->v[i].seg->base_offset;
            part_note_durable(p, r->v[i].target, seg, r->v[i].to);
            p->half_end[c->half] = r->v[i].target;
            list_remove(&p->in_half[c->half]);
            if (p->log->synced_offset < r->v[i].target)
                list_push_back(&c->held[c->half], &p->in_half[c->half]);
            part_release_synced(p);
        }
        log_seg_put(r->v[i].seg);
        if (!p->doomed && !list_empty(&p->wait_sync)) part_make_durable(p);
        part_unpin(p);
    }
}

/* To the other half, if nobody needs what it has; those in the half that is left shall not need it soon. */
static void change_halves(struct commit *c)
{
    if (!list_empty(&c->held[!c->half])) return;
    int left = c->half;
    c->half = !left;
    c->at = 0;
    LIST_FOREACH(l, &c->held[left]) part_start_sync(CONTAINER_OF(l, struct part, in_half[left]));
}

/* A partition failed while the round was gathered, so the journal is kept as it is. */
static void give_up_round(struct round *r)
{
    for (int i = 0; i < r->n; i++) {
        struct part *p = r->v[i].p;
        p->committing = false;
        log_seg_put(r->v[i].seg);
        if (!p->doomed) part_start_sync(p);
        part_unpin(p);
    }
    r->n = 0;
}

static void start_round(struct commit *c)
{
    struct round *r = c->round;
    size_t bytes = 0, max = round_bytes_max(c);
    int parts_max = round_parts_max(c);
    if (c->half_bytes - c->at < (int64_t)journal_frame_bytes((size_t)parts_max, max)) {
        change_halves(c);
        if (c->state != ON) return; /* a sync that was asked for could not begin */
    }
    if (!r) {
        r = c->round = xcalloc(1, sizeof *r);
        kp_writer_init(&r->frame, 0);
        r->c = c;
    }
    r->n = r->rc = 0;
    while (!list_empty(&c->asked)) {
        struct part *p = LIST_ENTRY(c->asked.next, struct part, in_commit);
        struct log_seg *s = p->log->segs[p->log->segs_n - 1];
        size_t n = fits(p) && p->log->pending_bytes == 0 ? (size_t)unsafe_bytes(p) : 0;
        size_t with = journal_frame_bytes((size_t)r->n + 1, bytes + n);
        bool room = bytes + n <= max && (int64_t)with <= c->half_bytes - c->at;
        if (r->n && n && (!room || r->n == parts_max)) break;
        list_remove(&p->in_commit);
        if (n == 0 || !room || log_seg_open(s)) {
            part_start_sync(p);
            continue;
        }
        log_seg_get(s);
        part_pin(p);
        p->committing = true;
        r->v[r->n++] = (struct round_part){p, s, p->durable_pos, s->size, p->log->flushed_offset};
        bytes += n;
    }
    if (c->state != ON) give_up_round(r);
    if (!r->n) return;
    r->pos = c->half * c->half_bytes + c->at;
    c->at += (int64_t)journal_frame_bytes((size_t)r->n, bytes);
    c->sequence++;
    c->busy = true;
    r->job.run = round_run;
    r->job.durability = true;
    r->job.done = round_done;
    os_submit(c->home->shard->os, &r->job);
}

void part_commit_check(const struct part *p)
{
    const struct commit *c = p->home->roots_n > p->dir ? p->home->roots[p->dir].commit : NULL;
    ASSERT(p->durable_offset <= p->log->flushed_offset);
    ASSERT(!p->committing || (c && c->busy));
    for (int h = 0; h < 2; h++)
        ASSERT(!list_linked(&p->in_half[h]) || (c && p->half_end[h] <= p->log->flushed_offset));
}

void parts_commit_check(const struct parts *ps)
{
    for (int i = 0; i < ps->roots_n; i++) {
        const struct commit *c = ps->roots[i].commit;
        if (!c) continue;
        ASSERT(c->at >= 0 && c->at <= c->half_bytes);
        ASSERT(!c->busy || (c->round && c->round->n > 0));
        ASSERT(c->busy || list_empty(&c->asked)); /* a turn's end begins a round for them */
    }
}

void parts_commit(struct parts *ps)
{
    for (int i = 0; i < ps->roots_n; i++) {
        struct commit *c = ps->roots[i].commit;
        if (!c || c->busy || list_empty(&c->asked)) continue;
        if (c->state == ON) start_round(c);
        struct list *l;
        while (c->state != ON && (l = list_pop_front(&c->asked)) != NULL)
            part_start_sync(CONTAINER_OF(l, struct part, in_commit));
    }
}

/* ---- what a start puts back ---- */
static int restore_batch(struct part *p, struct slice in, int64_t now_ms, int64_t *bytes)
{
    struct log *l = p->log;
    struct batch_head h;
    struct aborted_txn aborted;
    int rc = batch_head_parse(in, &h);
    *bytes = rc ? 0 : h.bytes;
    if (rc) return ERR_FORMAT;
    if (h.base_offset < l->end_offset) return 0;
    if (h.base_offset > l->end_offset || !batch_crc_ok(in.p, h.bytes)) return ERR_FORMAT;
    /* Another broker had the directory meanwhile, and wrote other records there. */
    if (l->epochs_n && h.leader_epoch < l->epochs[l->epochs_n - 1].epoch) return ERR_FORMAT;
    if ((rc = log_append(l, in.p, &h, now_ms)) != 0) return rc;
    if (h.producer_id >= 0 && producers_note(&p->producers, in.p, &h, &aborted)) log_note_abort(l, &aborted);
    return 0;
}

int part_restore(struct part *p, const struct journal *j)
{
    size_t n;
    const struct journal_entry *e = journal_find(j, p->topic_id, p->index, &n);
    struct log *l = p->log;
    int64_t from = l->end_offset, now_ms = os_wall_ms(p->home->shard->os), bytes;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        for (struct slice in = e[i].batches; in.n && rc == 0;
             in = slice_of(in.p + bytes, in.n - (size_t)bytes))
            rc = restore_batch(p, in, now_ms, &bytes);
    if (rc == ERR_FORMAT) {
        logline(LOG_WARN, l->dir, "the journal does not go on at offset %lld", (long long)l->end_offset);
        rc = 0;
    }
    if (rc == 0 && n && l->synced_offset < l->end_offset) {
        p->owed = l->end_offset;
        p->home->owing_n++;
    }
    if (rc || l->end_offset == from) return rc;
    if ((rc = log_flush(l)) != 0) return rc;
    logline(LOG_INFO, l->dir, "offsets %lld to %lld are back, out of the journal", (long long)from,
            (long long)l->end_offset - 1);
    p->high_watermark = l->flushed_offset;
    producers_committed(&p->producers, p->high_watermark);
    return 0;
}

static void tell_paid(struct parts *ps)
{
    void (*paid)(void *) = ps->paid;
    if (ps->owing_n || !paid) return;
    ps->paid = NULL;
    paid(ps->paid_arg);
}

void part_pay(struct part *p, bool gone)
{
    struct parts *ps = p->home;
    if (!p->owed || (!gone && p->log->synced_offset < p->owed)) return;
    p->owed = 0;
    ps->owing_n--;
    tell_paid(ps);
}

void parts_pay(struct parts *ps)
{
    size_t at = 0;
    for (struct part *p; ps->owing_n && (p = map_next(&ps->map, &at)) != NULL;)
        if (p->owed) part_start_sync(p);
    tell_paid(ps);
}
