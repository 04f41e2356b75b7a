/* Invariants
 * 1. p->move is the newest request for p; a move that p->move is not, is to be given up.
 * 2. p->holding: the first move is p's and between HOLD and its end.
 * 3. Every move pins its part. */
#include "part/mover.h"
#include "base/logline.h"
#include "part/dir.h"

#include <stdio.h>
#include <stdlib.h>

#define HOLD_BYTES ((int64_t)256 << 10) /* appends wait while this much is copied */
#define PATIENCE_MS 5                   /* until a sync or a cleaning of the old log has ended */
#define PAUSE_NS_MIN 1000000

struct move {
    struct list link;
    struct part *part;
    int dir;
    const char *root;
    struct log_copy *copy; /* NULL: not begun */
    bool committing;       /* from here on the metadata log may name the copy */
    struct os_job job;
    struct mover *mover;
    int64_t slice_ns, slice_bytes;
};

static void step(struct mover *m);

static struct move *first(const struct mover *m)
{
    return list_empty(&m->moves) ? NULL : LIST_ENTRY(m->moves.next, struct move, link);
}

static void wake_after(struct mover *m, int64_t ms)
{
    timer_set_ms(m->shard, &m->timer, ms);
}

/* ---- names ---- */
/* With the topic's id: there is one copy at most, and none of an earlier topic of that name is taken for it.
 */
static char *future_name(const char *root, struct uuid topic_id, const char *topic, int32_t index)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_printf(&b, "%s/%s-%d.", root, topic, index);
    for (size_t i = 0; i < sizeof topic_id.b; i++) strbuf_printf(&b, "%02x", topic_id.b[i]);
    strbuf_add_cstr(&b, "-future");
    return b.s;
}

bool mover_name(const char *name, size_t *topic_n, int32_t *index)
{
    size_t n = strlen(name);
    if (n <= PART_DIR_TAIL_BYTES || strcmp(name + n - 7, "-future") != 0) return false;
    const char *dot = name + n - PART_DIR_TAIL_BYTES, *dash = dot;
    if (*dot != '.' || strspn(dot + 1, "0123456789abcdef") != 32) return false;
    while (dash > name && dash[-1] >= '0' && dash[-1] <= '9') dash--;
    if (dash == dot || dot - dash > 9 || dash - name < 2 || dash[-1] != '-') return false;
    *topic_n = (size_t)(dash - 1 - name);
    *index = (int32_t)strtol(dash, NULL, 10);
    return true;
}

int mover_finish(struct os *os, const char *root, struct uuid topic_id, const char *topic, int32_t index,
                 bool *was)
{
    char *from = future_name(root, topic_id, topic, index), to[4200];
    struct os_stat st;
    *was = false;
    snprintf(to, sizeof to, "%s/%s-%d", root, topic, index);
    int rc = os_stat(os, from, &st);
    if (rc == ERR_NOENT) {
        free(from);
        return 0;
    }
    if (rc == 0) rc = os_rename(os, from, to);
    if (rc == 0) rc = os_fsync_dir(os, root);
    *was = rc == 0;
    free(from);
    return rc;
}

/* ---- the end of a move ---- */
static void release(struct part *p)
{
    struct list held, *l;
    list_init(&held);
    list_splice(&held, &p->held);
    p->holding = false;
    while ((l = list_pop_front(&held)) != NULL) part_append(p, LIST_ENTRY(l, struct part_append, link));
}

/* Takes the first move out; its part goes on, with the log it has now. */
static void end(struct mover *m)
{
    struct move *x = first(m);
    struct part *p = x->part;
    list_remove(&x->link);
    log_copy_free(x->copy);
    if (p->move == x) p->move = NULL;
    free(x);
    if (p->holding && !p->doomed) release(p);
    part_unpin(p);
    if (!list_empty(&m->moves)) wake_after(m, 0);
}

/* A name that nothing waits for, before the pool removes what is there. */
static void drop_copy(struct mover *m, const char *dir)
{
    char *name = part_dir_other_name(m->shard->os, dir, strlen(dir) - PART_DIR_TAIL_BYTES, "delete");
    int rc = os_rename(m->shard->os, dir, name);
    if (rc == 0) {
        shard_trash(m->shard, name, true, 0);
        return;
    }
    if (rc != ERR_NOENT) logline(LOG_WARN, "storage", "cannot rename %s: %s", dir, os_why());
    free(name);
}

static void give_up(struct mover *m, const char *why)
{
    struct move *x = first(m);
    if (why) logline(LOG_ERROR, x->part->log->dir, "moving it to %s failed: %s; it stays", x->root, why);
    if (x->copy) drop_copy(m, log_copy_dir(x->copy));
    end(m);
}

static int take_copy(struct mover *m, struct move *x)
{
    struct os *os = m->shard->os;
    struct part *p = x->part;
    struct log *old = p->log, *new;
    struct log_open_opts o = {.clean = true, .start_offset = old->start_offset, .replay_from = INT64_MAX};
    char path[4200];
    snprintf(path, sizeof path, "%s/%s-%d", x->root, p->topic, p->index);
    int rc = os_rename(os, log_copy_dir(x->copy), path);
    if (rc == 0) rc = log_open(os, &m->shard->files, path, &old->cfg, &o, &new);
    if (rc) return rc;
    if (new->end_offset != old->end_offset || new->start_offset != old->start_offset) {
        log_free(new);
        return ERR_FORMAT;
    }
    new->roll_time_ms = old->roll_time_ms;
    logline(LOG_INFO, path, "moved here from %s: %lld bytes", p->root,
            (long long)log_copy_done_bytes(x->copy));
    part_take_log(p, new, x->dir, x->root);
    return 0;
}

static void take_over(struct mover *m)
{
    struct move *x = first(m);
    struct part *p = x->part;
    if (p->doomed) {
        give_up(m, NULL);
        return;
    }
    /* Upkeep may have begun a sync of the old log meanwhile, which has its files. */
    if (p->syncer || p->committing) {
        wake_after(m, PATIENCE_MS);
        return;
    }
    if (!p->log->faulted && take_copy(m, x)) part_fault(p, "move_failed", "taking its copy", os_why());
    end(m);
}

void mover_committed(struct mover *m, int err)
{
    struct move *x = first(m);
    m->away = false;
    if (err) {
        x->committing = false;
        give_up(m, x->part->doomed ? NULL : err_text(err));
        return;
    }
    take_over(m);
}

/* ---- copying ---- */
static void slice_run(struct os_job *j)
{
    log_copy_run(CONTAINER_OF(j, struct move, job)->copy);
}

static void slice_done(struct os_job *j, void *owner)
{
    (void)owner;
    struct move *x = CONTAINER_OF(j, struct move, job);
    struct mover *m = x->mover;
    double bytes = (double)(log_copy_done_bytes(x->copy) - x->slice_bytes);
    double ns = bytes / m->bytes_per_s * 1e9 - (double)(os_mono_ns(m->shard->os) - x->slice_ns);
    m->away = false;
    if (ns < PAUSE_NS_MIN || x->part->holding) step(m);
    else wake_after(m, ns > 1e15 ? 1000000000 : (int64_t)(ns / 1e6));
}

/* What a loss of power brought back after an earlier move must be out of the way, and durably so, before the
 * metadata log names the directory: the copy's last slice syncs the names. */
static int clear_place(const struct mover *m, const struct move *x)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s-%d", x->root, x->part->topic, x->part->index);
    return part_dir_set_aside(m->shard->os, path);
}

static void step(struct mover *m)
{
    struct move *x = first(m);
    if (!x || m->away) return;
    if (x->committing) {
        take_over(m);
        return;
    }
    struct part *p = x->part;
    if (p->doomed || p->move != x || p->dir == x->dir || p->log->faulted) {
        give_up(m, p->doomed || !p->log->faulted ? NULL : "the partition is offline");
        return;
    }
    if (!x->copy && p->cleaning) {
        wake_after(m, PATIENCE_MS);
        return;
    }
    if (!x->copy && clear_place(m, x)) {
        give_up(m, os_why());
        return;
    }
    if (!x->copy) x->copy = log_copy_new(p->log, future_name(x->root, p->topic_id, p->topic, p->index));
    if (log_copy_left(x->copy, p->log) <= HOLD_BYTES) p->holding = true;
    /* What is in this turn's writes will be in the file at its end. */
    int rc = log_copy_next(x->copy, p->log, p->holding && p->log->pending_bytes == 0);
    if (rc == 1) {
        x->slice_ns = os_mono_ns(m->shard->os);
        x->slice_bytes = log_copy_done_bytes(x->copy);
        x->job.run = slice_run;
        x->job.done = slice_done;
        m->away = true;
        os_submit(m->shard->os, &x->job);
    } else if (rc) give_up(m, log_copy_why(x->copy));
    else if (p->log->pending_bytes || p->syncer || p->committing) wake_after(m, PATIENCE_MS);
    else {
        m->away = x->committing = true;
        m->commit(m, p, x->dir);
    }
}

static void fire(struct timer *t, struct shard *s)
{
    (void)s;
    step(CONTAINER_OF(t, struct mover, timer));
}

void mover_init(struct mover *m, struct shard *s, void (*commit)(struct mover *m, struct part *p, int dir))
{
    *m = (struct mover){.shard = s, .bytes_per_s = 1e18, .commit = commit};
    m->timer.fire = fire;
    list_init(&m->moves);
}

void mover_request(struct mover *m, struct part *p, int dir, const char *root)
{
    if (p->move && p->move->dir == dir) return;
    p->move = NULL;
    if (p->dir == dir) return;
    struct move *x = xcalloc(1, sizeof *x);
    *x = (struct move){.part = p, .dir = dir, .root = root, .mover = m};
    p->move = x;
    part_pin(p);
    list_push_back(&m->moves, &x->link);
    step(m);
}

bool mover_progress(const struct part *p, int *dir, int64_t *bytes, int64_t *offset_lag)
{
    const struct move *x = p->move;
    if (!x) return false;
    *dir = x->dir;
    *bytes = x->copy ? log_copy_done_bytes(x->copy) : 0;
    *offset_lag = p->log->end_offset - (x->copy ? log_copy_offset(x->copy, p->log) : p->log->start_offset);
    return true;
}

void mover_stop(struct mover *m)
{
    struct os *os = m->shard->os;
    LIST_FOREACH(l, &m->moves)
    {
        struct move *x = LIST_ENTRY(l, struct move, link);
        struct part *p = x->part;
        if (x->committing || p->doomed || p->move != x) continue;
        char *name =
            x->copy ? xstrdup(log_copy_dir(x->copy)) : future_name(x->root, p->topic_id, p->topic, p->index);
        log_copy_free(x->copy);
        x->copy = NULL;
        int rc = os_remove_tree(os, name);
        if (rc == 0 || rc == ERR_NOENT) rc = os_mkdir(os, name);
        if (rc) logline(LOG_WARN, p->log->dir, "its move to %s is forgotten: %s", x->root, os_why());
        free(name);
    }
}
