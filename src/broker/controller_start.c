/* The controller's start on shard 0, before any loop runs. Everything is read and checked first; only a
 * directory that this code understands whole is written to.
 *
 *   controller_open:  newest sound snapshot -> tail of the log -> else bootstrap.checkpoint      (reads only)
 *   controller_start: log for appending -> quorum-state -> LeaderChange -> first records
 *                     -> registration, partitions taken over -> synced */
#include "broker/controller_int.h"
#include "ctl/feature.h"
#include "kp/abort_transaction_record.h"
#include "kp/batch.h"
#include "kp/leader_change_message.h"
#include "kp/metadata_records.h"

#include <stdio.h>
#include <stdlib.h>

/* A start writes its first batches with one sync, so the power may leave any of them; later ones are synced
 * one by one. */
#define UNSYNCED_BATCHES_MAX 8
#define SNAPSHOT_BYTES_MAX ((size_t)1 << 30)

struct load {
    struct controller *c;
    struct image **images;
    int n;
    int64_t from; /* records below are in the snapshot */
    bool snapshot;
    bool misfit; /* a record that the image does not take, of a type that this code knows */
    int64_t misfit_offset;
    char why[IMAGE_WHY_BYTES];
};

static int load_record(void *arg, struct slice value, int64_t offset, int control)
{
    struct load *x = arg;
    if (!x->snapshot && offset < x->from) return 0;
    if (control >= 0) return quorum_apply(&x->c->quorum, control, value, offset, x->why);
    int rc = 0;
    for (int i = 0; i < x->n && rc == 0; i++) rc = image_apply(x->images[i], value, offset, x->why);
    x->misfit = rc && rc != ERR_UNSUPPORTED_VERSION;
    x->misfit_offset = offset;
    return rc;
}

/* How to go on; file: of a snapshot, NULL for the log itself. */
static void advise(const struct load *x, const char *file, struct strbuf *why)
{
    if (!x->misfit) return;
    strbuf_printf(
        why,
        "; no file was changed: see `moldau storage metadata-log -c FILE`, and put in the place of this "
        "directory the copy without the record that `moldau storage metadata-copy -c FILE --leave-out "
        "%lld%s%s --to DIR` writes",
        (long long)x->misfit_offset, file ? " --in " : "", file ? file : "");
}

static int load_batch(void *arg, const uint8_t *batch, const struct batch_head *h)
{
    struct load *x = arg;
    x->c->last_ms = h->max_time_ms;
    x->c->bytes_since_snapshot += h->bytes;
    int rc = ctl_each(slice_of(batch, (size_t)h->bytes), load_record, x);
    if (rc && !x->why[0])
        snprintf(x->why, sizeof x->why, "the batch at offset %lld is malformed", (long long)h->base_offset);
    return rc;
}

/* ---- snapshots ---- */
static int note_snapshot(void *arg, const char *name, bool is_dir)
{
    struct controller *c = arg;
    struct snapshot_file f = {0};
    if (is_dir || !snapshot_name_parse(name, &f.end_offset, &f.epoch)) return 0;
    c->snapshots = xrealloc(c->snapshots, (size_t)(c->snapshots_n + 1) * sizeof *c->snapshots);
    c->snapshots[c->snapshots_n++] = f;
    return 0;
}

static int cmp_snapshot(const void *a, const void *b)
{
    const struct snapshot_file *x = a, *y = b;
    return x->end_offset != y->end_offset ? (x->end_offset > y->end_offset) - (x->end_offset < y->end_offset)
                                          : (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

static int no_record(void *arg, struct slice value, int64_t offset, int control)
{
    (void)arg, (void)value, (void)offset, (void)control;
    return 0;
}

/* Loads the newest sound one; unsound ones are forgotten but stay where they are. */
static int load_snapshot(struct controller *c, struct load *x, struct strbuf *why)
{
    struct os *os = c->zero->shard->os;
    int rc = os_list_dir(os, c->dir, note_snapshot, c), kept = 0;
    bool loaded = false;
    if (rc == ERR_NOENT) return 0;
    if (rc) {
        strbuf_printf(why, "cannot list %s: %s", c->dir, os_why());
        return rc;
    }
    if (c->snapshots_n) qsort(c->snapshots, (size_t)c->snapshots_n, sizeof *c->snapshots, cmp_snapshot);
    for (int i = c->snapshots_n - 1; i >= 0 && rc == 0; i--) {
        struct snapshot_file *f = &c->snapshots[i];
        char name[SNAPSHOT_NAME_BYTES], path[4200];
        struct strbuf b;
        strbuf_init(&b);
        snapshot_name(f->end_offset, f->epoch, name);
        snprintf(path, sizeof path, "%s/%s", c->dir, name);
        rc = os_read_file(os, path, SNAPSHOT_BYTES_MAX, &b);
        if (rc)
            strbuf_printf(why, "cannot read the snapshot %s: %s", path,
                          rc == ERR_FORMAT ? "it is too large" : os_why());
        else {
            f->bytes = (int64_t)b.n;
            x->snapshot = true;
            rc = snapshot_read(strbuf_slice(&b), &f->last_ms, loaded ? no_record : load_record, x, x->why);
            x->snapshot = false;
            if (rc == ERR_FORMAT && !loaded && x->images[0]->offset < 0 && !x->images[0]->features_n) {
                logline(LOG_WARN, path,
                        "the snapshot is not sound: %s; an older one and the log are read instead", x->why);
                x->why[0] = 0;
                f->bytes = -1;
                rc = 0;
            } else if (rc == ERR_FORMAT && loaded) { /* an old one: not needed */
                f->bytes = -1;
                x->why[0] = 0;
                rc = 0;
            } else if (rc) {
                strbuf_printf(why, "%s: %s", path, x->why);
                advise(x, name, why);
            } else if (!loaded) {
                loaded = true;
                x->from = f->end_offset;
                c->last_ms = c->snapshot_ms = f->last_ms;
                for (int k = 0; k < x->n; k++) x->images[k]->offset = f->end_offset - 1;
            }
        }
        strbuf_fini(&b);
    }
    for (int i = 0; i < c->snapshots_n; i++)
        if (c->snapshots[i].bytes >= 0) c->snapshots[kept++] = c->snapshots[i];
    c->snapshots_n = kept;
    return rc;
}

/* ---- the first records of a cluster ---- */
struct bootstrap {
    struct controller *c;
    struct image image; /* to try them on */
    char why[IMAGE_WHY_BYTES];
};
static int bootstrap_record(void *arg, struct slice value, int64_t offset, int control)
{
    struct bootstrap *x = arg;
    if (control >= 0) return quorum_apply(&x->c->quorum, control, value, offset, x->why);
    int rc = image_apply(&x->image, value, offset, x->why);
    if (rc == 0) ctl_put_raw(&x->c->bootstrap, value);
    return rc;
}

static int load_bootstrap(struct controller *c, const char *dir, struct strbuf *why)
{
    struct bootstrap x = {.c = c};
    char path[4200];
    struct strbuf b;
    int64_t last_ms;
    strbuf_init(&b);
    image_init(&x.image);
    snprintf(path, sizeof path, "%s/bootstrap.checkpoint", dir);
    int rc = os_read_file(c->zero->shard->os, path, 64 << 20, &b);
    if (rc == ERR_NOENT) { /* formatted by nobody: what `storage format` would have written */
        ctl_bootstrap_features(MV_LATEST, &c->bootstrap);
        rc = 0;
    } else if (rc) strbuf_printf(why, "cannot read %s: %s", path, os_why());
    else if ((rc = snapshot_read(strbuf_slice(&b), &last_ms, bootstrap_record, &x, x.why)) != 0)
        strbuf_printf(why, "%s: %s", path, x.why);
    else if (!x.image.features_n || x.image.in_transaction) {
        strbuf_printf(why, "%s names no metadata.version", path);
        rc = ERR_FORMAT;
    }
    image_fini(&x.image);
    strbuf_fini(&b);
    return rc;
}

static int read_epoch(struct controller *c, struct strbuf *why)
{
    char path[4200];
    struct strbuf b;
    strbuf_init(&b);
    snprintf(path, sizeof path, "%s/quorum-state", c->dir);
    int rc = os_read_file(c->zero->shard->os, path, 1 << 16, &b);
    if (rc == ERR_NOENT) rc = 0;
    else if (rc == 0 && (rc = quorum_state_read(strbuf_slice(&b), &c->epoch)) !=
                            0) { /* the log and the snapshots know it, too */
        logline(LOG_WARN, path, "it is damaged: it names no leaderEpoch; the log's newest is used");
        rc = 0;
    } else if (rc) strbuf_printf(why, "cannot read %s: %s", path, os_why());
    strbuf_fini(&b);
    return rc;
}

int controller_open(struct broker *zero, struct image **images, int n, const char *dir, struct strbuf *why)
{
    struct os *os = zero->shard->os;
    struct controller *c = xcalloc(1, sizeof *c);
    char path[4096];
    int64_t start, end;
    struct log_peek_bad bad;
    snprintf(path, sizeof path, "%s/__cluster_metadata-0", dir);
    c->zero = zero;
    c->dir = xstrdup(path);
    c->last_ms = -1;
    c->snapshot_ms = os_wall_ms(os);
    list_init(&c->queue);
    kp_writer_init(&c->batch, 4096);
    ctl_records_init(&c->bootstrap);
    zero->ctl = c;
    struct load x = {.c = c, .images = images, .n = n};
    if (zero->conf.voters_n > 1) { /* the others would elect a leader of their own */
        strbuf_printf(why, "controller.quorum.voters names %zu controllers; moldau runs as the only one",
                      zero->conf.voters_n);
        return ERR_INVALID_CONFIG;
    }
    int rc = load_snapshot(c, &x, why);
    if (rc) return rc;
    rc = log_peek(os, path, x.from, load_batch, &x, &start, &end, &bad);
    if (rc) {
        strbuf_printf(why, "%s: %s", path, x.why[0] ? x.why : os_why());
        advise(&x, NULL, why);
        return rc;
    }
    if (start > x.from) {
        strbuf_printf(why,
                      "%s: the log begins at offset %lld, but no sound snapshot reaches beyond offset %lld",
                      path, (long long)start, (long long)x.from);
        return ERR_FORMAT;
    }
    if (bad.why && bad.sound_behind > UNSYNCED_BATCHES_MAX) {
        strbuf_printf(
            why,
            "%s: damage at position %lld of segment %020lld, with sound records behind it: %s; cutting "
            "there would lose what was acknowledged, restore the file or remove it to go on without",
            path, (long long)bad.pos, (long long)bad.base_offset, bad.why);
        return ERR_FORMAT;
    }
    if ((rc = read_epoch(c, why)) != 0) return rc;
    if (!images[0]->features_n && (rc = load_bootstrap(c, dir, why)) != 0) return rc;
    if (c->quorum.kraft_version > 0 && quorum_only_voter(&c->quorum) != zero->node->id) {
        strbuf_printf(
            why,
            "%s: the voters of the metadata quorum are not node %d alone; moldau runs as the only controller",
            path, zero->node->id);
        return ERR_INVALID_CONFIG;
    }
    for (int i = 0; i < n; i++) images[i]->kraft_version = c->quorum.kraft_version;
    return 0;
}

/* ---- writing ---- */
static void log_cfg_of(const struct conf *conf, struct log_cfg *cfg)
{
    *cfg =
        (struct log_cfg){.segment_bytes = conf_i64(conf, CONF_METADATA_LOG_SEGMENT_BYTES),
                         .segment_ms = conf_i64(conf, CONF_METADATA_LOG_SEGMENT_MS),
                         .segment_index_bytes = 10 << 20,
                         .index_interval_bytes = 4096,
                         .retention_ms = -1,
                         .retention_bytes = -1,
                         .file_delete_delay_ms = conf_i64(conf, CONF_INTERNAL_METADATA_DELETE_DELAY_MILLIS)};
    if (conf_has(conf, CONF_INTERNAL_METADATA_LOG_SEGMENT_BYTES))
        cfg->segment_bytes = conf_i64(conf, CONF_INTERNAL_METADATA_LOG_SEGMENT_BYTES);
}

static int open_log(struct controller *c, struct strbuf *why)
{
    struct broker *b = c->zero;
    struct log_cfg cfg;
    int64_t end = c->snapshots_n ? c->snapshots[c->snapshots_n - 1].end_offset : 0;
    struct log_open_opts o = {.start_offset = end, .replay_from = INT64_MAX};
    log_cfg_of(&b->conf, &cfg);
    int rc = log_open(b->shard->os, &b->shard->files, c->dir, &cfg, &o, &c->log);
    if (rc == 0 &&
        c->log->end_offset < end) { /* the snapshot knows more than the log: the log begins anew behind it */
        logline(LOG_WARN, c->dir,
                "the log ends at offset %lld, before the snapshot's %lld; it begins anew there",
                (long long)c->log->end_offset, (long long)end);
        log_free(c->log);
        c->log = NULL;
        rc = log_wipe(b->shard->os, c->dir);
        if (rc == 0) rc = log_open(b->shard->os, &b->shard->files, c->dir, &cfg, &o, &c->log);
    }
    if (rc) strbuf_printf(why, "cannot open the metadata log %s: %s", c->dir, os_why());
    else if (o.cut[0]) logline(LOG_WARN, c->dir, "recovery %s", o.cut);
    return rc;
}

static int write_files(struct controller *c, struct strbuf *why)
{
    struct os *os = c->zero->shard->os;
    char path[4200];
    static const char metadata[] =
        "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ"; /* the metadata log's own id */
    struct strbuf b;
    struct os_stat st;
    strbuf_init(&b);
    snprintf(path, sizeof path, "%s/partition.metadata", c->dir);
    int rc = os_stat(os, path, &st) == 0 ? 0 : os_write_file_atomic(os, path, metadata, sizeof metadata - 1);
    if (rc == 0) {
        snprintf(path, sizeof path, "%s/quorum-state", c->dir);
        quorum_state_write(&b, c->quorum.kraft_version, c->zero->node->id, c->epoch);
        rc = os_write_file_atomic(os, path, b.s, b.n);
    }
    if (rc) strbuf_printf(why, "cannot write %s: %s", path, os_why());
    strbuf_fini(&b);
    return rc;
}

/* A new leader's epoch opens with a control record that names it, on the first one with the quorum itself. */
static int write_leader(struct controller *c, bool first)
{
    struct kp_leader_change_message m;
    struct kp_leader_change_message_voter v = {.voter_id = c->zero->node->id};
    struct batch_builder b;
    struct kp_writer body;
    int64_t now = os_wall_ms(c->zero->shard->os);
    kp_leader_change_message_init(&m);
    m.version = 0;
    m.leader_id = c->zero->node->id;
    m.voters = m.granting_voters = &v;
    m.voters_n = m.granting_voters_n = 1;
    kp_writer_init(&body, 64);
    kp_leader_change_message_write(&body, 0, &m);
    batch_builder_init(&b);
    b.base_offset = c->log->end_offset;
    b.leader_epoch = c->epoch;
    batch_add_control(&b, now, CONTROL_LEADER_CHANGE, kp_writer_slice(&body));
    if (first) quorum_put(&c->quorum, now, &b);
    kp_writer_reset(&c->batch);
    int rc = batch_finish(&b, &c->batch);
    ASSERT(rc == 0); /* nothing is compressed */
    batch_builder_fini(&b);
    kp_writer_fini(&body);
    return controller_append(c);
}

/* Writes records and applies them to all images; rs is empty afterwards. */
static int put_now(struct controller *c, struct load *x, struct ctl_records *rs)
{
    if (rs->n == 0) return 0;
    int rc = controller_write(c, rs, x->why);
    if (rc == 0) rc = ctl_each(kp_writer_slice(&c->batch), load_record, x);
    ctl_records_cut(rs, 0);
    return rc;
}

static int note_move(void *arg, const char *name, bool is_dir)
{
    size_t n;
    int32_t index;
    *(bool *)arg |= is_dir && mover_name(name, &n, &index);
    return 0;
}

/* Whether there are copies of partitions at all that a move may have left. */
static bool any_moves(struct controller *c)
{
    const struct node *node = c->zero->node;
    bool yes = false;
    for (int i = 0; i < node->dirs_n; i++)
        if (node->dirs[i].online && os_list_dir(c->zero->shard->os, node->dirs[i].path, note_move, &yes))
            logline(LOG_WARN, "storage", "cannot list %s: %s", node->dirs[i].path, os_why());
    return yes;
}

/* The record names this directory, which has no such log: perhaps there is the copy that a move made, without
 * its name yet. The log that it was made from is not the partition's any more. False: the copy cannot be
 * taken. */
static bool finish_move(struct controller *c, const struct log_dir *d, const struct image_topic *t,
                        int32_t index, bool *found)
{
    if (mover_finish(c->zero->shard->os, d->path, t->id, t->name, index, found)) {
        logline(LOG_ERROR, t->name, "partition %d stays offline: its move to %s cannot be finished: %s",
                index, d->path, os_why());
        return false;
    }
    if (*found) logline(LOG_INFO, t->name, "finished the move of partition %d to %s", index, d->path);
    return true;
}

static struct uuid where(void *arg, const struct image_topic *t, int32_t index, struct uuid told)
{
    struct controller *c = arg;
    const struct node *node = c->zero->node;
    bool offline = false, known = false, found = false,
         special = uuid_eq(told, DIR_UNASSIGNED) || uuid_is_zero(told);
    char path[4200];
    struct os_stat st;
    for (int i = 0; i < node->dirs_n; i++) {
        offline |= !node->dirs[i].online;
        known |= node->dirs[i].online && uuid_eq(node->dirs[i].id, told);
    }
    if (known && node->dirs_n == 1 && !c->moves) return told;
    /* Where it should be, then anywhere; but while a directory is missing, what lies elsewhere may be an old
     * log that a loss of power brought back. */
    for (int pass = 0; pass < (known || special || !offline ? 2 : 1); pass++)
        for (int i = 0; i < node->dirs_n; i++) {
            const struct log_dir *d = &node->dirs[i];
            if (!d->online || (pass == 0) != uuid_eq(d->id, told)) continue;
            snprintf(path, sizeof path, "%s/%s-%d", d->path, t->name, index);
            if (os_stat(c->zero->shard->os, path, &st) == 0 && st.is_dir) return d->id;
            if (pass == 0 && c->moves && !finish_move(c, d, t, index, &found)) return (struct uuid){{0}};
            if (found) return d->id;
        }
    if (known) return told;    /* a crash came before its directory */
    if (special && !offline) { /* it has no place yet */
        struct ctl_dir *d = c->dirs;
        for (int i = 1; i < c->dirs_n; i++)
            if (c->dirs[i].parts_n < d->parts_n) d = &c->dirs[i];
        d->parts_n++;
        return d->id;
    }
    logline(LOG_ERROR, t->name, "partition %d lies in a log directory that is not there; it stays offline",
            index);
    return (struct uuid){{0}};
}

static int first_records(struct controller *c, struct load *x, struct ctl_records *rs)
{
    if (c->zero->image.in_transaction) { /* the controller that began it ended before it did */
        struct kp_abort_transaction_record r;
        kp_abort_transaction_record_init(&r);
        r.reason = slice_cstr("a new controller began");
        ctl_put(rs, &kp_abort_transaction_record_message, 0, &r);
        int rc = put_now(c, x, rs);
        if (rc) return rc;
    }
    if (c->zero->image.features_n) return 0;
    ctl_bootstrap(&c->bootstrap, &c->zero->conf, rs);
    return put_now(c, x, rs);
}

/* A first start of a directory that nobody formatted is `storage format --standalone` where other nodes could
 * find this controller; a node without a controller listener, or with voters in its configuration, has the
 * static quorum. */
static void found_quorum(struct controller *c, const struct node *node)
{
    const struct conf_listener *l = conf_controller_listener(&c->zero->conf);
    if (c->quorum.kraft_version || c->zero->conf.voters_n || !l || !node->formatted) return;
    quorum_found(&c->quorum, node->id, node->meta_dir_id, l->name, l->host, (uint16_t)l->port);
    for (int i = 0; i < c->zero->shard->n; i++) c->zero->shard->peers[i]->broker->image.kraft_version = 1;
}

int controller_start(struct broker *zero, struct image **images, int n, struct node *node, struct strbuf *why)
{
    struct controller *c = zero->ctl;
    struct load x = {.c = c, .images = images, .n = n};
    struct ctl_records rs;
    c->dirs = xcalloc((size_t)node->dirs_n, sizeof *c->dirs);
    for (int i = 0; i < node->dirs_n; i++)
        if (node->dirs[i].online) c->dirs[c->dirs_n++].id = node->dirs[i].id;
    int rc = open_log(c, why);
    if (rc) return rc;
    bool first = c->log->end_offset == 0;
    c->epoch = (int32_t)max_i64(c->epoch, log_epoch_of(c->log, c->log->end_offset));
    if (c->snapshots_n) c->epoch = (int32_t)max_i64(c->epoch, c->snapshots[c->snapshots_n - 1].epoch);
    if (c->epoch == INT32_MAX) {
        strbuf_printf(why, "%s: no leader epoch is left", c->dir);
        return ERR_FORMAT;
    }
    c->epoch++;
    if (first) found_quorum(c, node);
    if ((rc = write_files(c, why)) != 0) return rc;
    ctl_records_init(&rs);
    struct ctl_now now = controller_now(c);
    rc = write_leader(c, first);
    if (rc == 0) rc = first_records(c, &x, &rs);
    ctl_count_dirs(&zero->image, &now);
    if (rc == 0 && zero->conf.is_controller) {
        ctl_register_controller(&zero->image, &now, node->incarnation, &rs);
        rc = put_now(c, &x, &rs);
    }
    node->broker_epoch = c->log->end_offset;
    if (rc == 0) {
        ctl_register_broker(&zero->image, &now, node->incarnation, node->broker_epoch, &rs);
        rc = put_now(c, &x, &rs);
    }
    if (rc == 0) {
        c->moves = any_moves(c);
        ctl_take_over(&zero->image, &now, where, c, &rs);
        rc = put_now(c, &x, &rs);
    }
    ctl_records_fini(&rs);
    if (rc == 0) rc = log_close(c->log, true);
    if (rc == 0) rc = os_fsync_dir(zero->shard->os, c->dir);
    if (rc == 0) rc = os_fsync_dir(zero->shard->os, node->meta_dir); /* its own name */
    if (rc) {
        strbuf_printf(why, "cannot write the metadata log in %s: %s", c->dir, x.why[0] ? x.why : os_why());
        os_mark_unsettled(zero->shard->os, zero->node->meta_dir);
    }
    if (rc == 0) controller_snapshots_init(c);
    return rc;
}
