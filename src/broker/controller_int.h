/* Private to the controller's shell: controller.c decides, controller_start.c loads and registers,
 * controller_snapshot.c writes snapshots and trims the log. */
#ifndef MOLDAU_CONTROLLER_INT_H
#define MOLDAU_CONTROLLER_INT_H

#include "broker/broker.h"
#include "ctl/snapshot.h"
#include "kp/batch_head.h"

struct snapshot_file {
    int64_t end_offset, last_ms, bytes; /* last_ms: time of the newest record in it */
    int32_t epoch;
};
struct snapshotter;

struct controller {
    struct broker *zero;
    struct log *log;
    struct list queue; /* struct ctl_op; the first may be under way */
    bool busy;
    bool full; /* the last change found no room */
    struct os_job sync;
    int sync_rc, sync_fd;
    bool sync_names;                     /* those in dir */
    int64_t names_syncing, names_synced; /* log->names_made, as of the sync under way and of the last one */
    char sync_why[96];
    struct log_seg *sync_seg; /* held while it is synced */
    struct timer sync_again;  /* armed while no file is left to sync names with */
    int32_t epoch;
    struct kp_writer batch;
    int applying; /* shards that have not answered */
    char *dir;    /* <metadata.log.dir>/__cluster_metadata-0 */
    struct ctl_dir *dirs;
    int dirs_n;
    struct quorum quorum;
    int64_t last_ms;                 /* time of the newest batch */
    struct ctl_records bootstrap;    /* of a new cluster; empty otherwise */
    struct snapshot_file *snapshots; /* ascending */
    int snapshots_n;
    int64_t bytes_since_snapshot, snapshot_ms;
    struct timer snapshot_timer;
    struct snapshotter *snapshotter; /* NULL: none is being written */
    bool moves;                      /* at a start: copies of partitions lie there (mover.h) */
};

_Noreturn void controller_die(const char *what, const char *why);
/* One batch of these records at the end of the log, written but not synced. Records that the image would not
 * take are not written; then why[] says so, and stays as it is otherwise. */
int controller_write(struct controller *c, const struct ctl_records *rs, char why[IMAGE_WHY_BYTES]) MUST_USE;
int controller_append(struct controller *c) MUST_USE; /* the same of what is in c->batch */
struct ctl_now controller_now(struct controller *c);

void controller_snapshots_init(struct controller *c);
/* To be called when every shard has applied everything that is in the log. */
void controller_snapshot_maybe(struct controller *c);
void controller_snapshots_fini(struct controller *c);

#endif
