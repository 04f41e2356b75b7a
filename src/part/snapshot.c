#include "part/snapshot.h"
#include "base/i64s.h"

#include <stdio.h>
#include <stdlib.h>

void part_snapshot_path(const char *dir, int64_t offset, char *out, size_t n)
{
    snprintf(out, n, "%s/%020lld.snapshot", dir, (long long)offset);
}

static bool begins_segment(const struct log *l, int64_t offset)
{
    return log_seg_of(l, offset)->base_offset == offset;
}

/* ---- writing ---- */
int64_t part_obsolete_snapshot(const struct part *p)
{
    return p->older_snapshot && !begins_segment(p->log, p->older_snapshot) ? p->older_snapshot : 0;
}

void part_note_snapshot(struct part *p, int64_t at)
{
    p->older_snapshot = p->snapshot_offset;
    p->snapshot_offset = at;
}

int part_snapshot(struct part *p, int64_t at)
{
    struct os *os = p->home->shard->os;
    int64_t obsolete = part_obsolete_snapshot(p);
    char path[4200];
    struct strbuf b;
    if (at == p->snapshot_offset) return 0;
    strbuf_init(&b);
    producers_save(&p->producers, &b);
    part_snapshot_path(p->log->dir, at, path, sizeof path);
    int rc = os_write_file_over(os, path, b.s, b.n);
    strbuf_fini(&b);
    if (rc) return rc;
    part_note_snapshot(p, at);
    if (obsolete == 0) return 0;
    part_snapshot_path(p->log->dir, obsolete, path, sizeof path);
    rc = os_unlink(os, path);
    return rc == ERR_NOENT ? 0 : rc;
}

/* ---- opening ---- */
static bool replay(void *arg, const uint8_t *batch, const struct batch_head *h, struct aborted_txn *aborted)
{
    struct part *p = arg;
    return producers_note(&p->producers, batch, h, aborted);
}

static int note_file(void *arg, const char *name, bool is_dir)
{
    if (!is_dir && strspn(name, "0123456789") == 20 && strcmp(name + 20, ".snapshot") == 0)
        i64s_add(arg, strtoll(name, NULL, 10));
    return 0;
}
static int list_snapshots(struct os *os, const char *dir, struct i64s *out)
{
    *out = (struct i64s){0};
    int rc = os_list_dir(os, dir, note_file, out);
    i64s_sort(out);
    return rc == ERR_NOENT ? 0 : rc;
}

static void forget_producers(struct part *p)
{
    producers_fini(&p->producers);
    producers_init(&p->producers);
    p->snapshot_offset = p->older_snapshot = 0;
}

/* Snapshots let a start read less. One that is not sound gives way to the one before; without any the whole
 * log is read. A segment that is read anew wants one from before it, or its transactions would not be known.
 */
static int load_producers(struct part *p, const char *dir, const struct i64s *files, int64_t latest,
                          int64_t *replay_from)
{
    int rc = 0;
    *replay_from = 0;
    for (int i = files->n - 1; i >= 0 && rc == 0 && *replay_from == 0; i--) {
        char path[4200];
        struct strbuf b;
        if (files->v[i] > latest) continue;
        strbuf_init(&b);
        part_snapshot_path(dir, files->v[i], path, sizeof path);
        rc = os_read_file(p->home->shard->os, path, 256 << 20, &b);
        if (rc == ERR_FORMAT) rc = 0; /* too large to be one */
        else if (rc == 0 && producers_load(&p->producers, strbuf_slice(&b)) == 0) {
            *replay_from = p->snapshot_offset = files->v[i];
            p->older_snapshot = i ? files->v[i - 1] : 0;
        }
        if (*replay_from == 0) forget_producers(p);
        strbuf_fini(&b);
    }
    return rc;
}

/* Kept are the newest two and those where a segment begins. */
static int drop_stray_snapshots(struct part *p, const struct i64s *files)
{
    int rc = 0;
    for (int i = 0; i < files->n && rc == 0; i++) {
        int64_t at = files->v[i];
        char path[4200];
        bool beyond = at > p->log->end_offset; /* it speaks of batches that recovery cut */
        if (!beyond && (i >= files->n - 2 || begins_segment(p->log, at))) continue;
        part_snapshot_path(p->log->dir, at, path, sizeof path);
        rc = os_unlink(p->home->shard->os, path);
        if (rc == ERR_NOENT) rc = 0; /* recovery dropped it with its segment */
    }
    return rc;
}

/* Opens the log and brings the producers to its end. A second turn is needed when recovery cut what the
 * snapshot speaks of, or found that a segment must be read anew after all and transactions in it were not
 * told. */
int part_open_log(struct part *p, const char *dir, const struct log_cfg *cfg, struct log_open_opts *o)
{
    struct os *os = p->home->shard->os;
    o->scan_cb = replay;
    o->scan_arg = p;
    char cut[sizeof o->cut] = "";
    int64_t latest = INT64_MAX;
    for (;;) {
        struct i64s files;
        int rc = list_snapshots(os, dir, &files);
        if (rc == 0)
            rc = load_producers(p, dir, &files, o->clean ? latest : min_i64(latest, o->recovery_point),
                                &o->replay_from);
        if (rc == 0) rc = log_open(os, &p->home->shard->files, dir, cfg, o, &p->log);
        if (o->cut[0]) memcpy(cut, o->cut, sizeof cut);
        bool beyond = rc == 0 && o->replay_from > p->log->end_offset,
             missed = rc == 0 && p->log->txns_missed >= 0;
        if (rc == 0) rc = drop_stray_snapshots(p, &files);
        i64s_fini(&files);
        if (rc || !(beyond || missed)) {
            memcpy(o->cut, cut, sizeof cut);
            return rc;
        }
        if (beyond) latest = p->log->end_offset;
        if (missed) {
            o->recovery_point =
                o->clean ? p->log->txns_missed : min_i64(o->recovery_point, p->log->txns_missed);
            o->clean = false;
        }
        log_free(p->log);
        p->log = NULL;
        forget_producers(p);
    }
}
