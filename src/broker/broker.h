/* What lives on one shard of a broker. */
#ifndef MOLDAU_BROKER_H
#define MOLDAU_BROKER_H

#include "base/logline.h"
#include "conf/conf.h"
#include "ctl/ctl.h"
#include "ctl/image.h"
#include "net/net.h"
#include "part/cleaner.h"
#include "part/mover.h"
#include "part/scrub.h"

/* Facts fixed at start; shared by all shards, never written again. */
struct node {
    int32_t id;
    char cluster_id[64];
    struct log_dir {
        char *path;
        struct uuid id;
        bool clean;
        bool online; /* false: it could not be used at the start; its partitions stay offline */
    } * dirs;
    int dirs_n;
    char *meta_dir; /* of the metadata log: one of dirs, or a directory of its own */
    struct uuid meta_dir_id;
    bool formatted; /* by this start, and not by `storage format` */
    int64_t broker_epoch;
    struct uuid incarnation;
};

struct checkpoints;
struct controller;
struct groups;
struct fetch_sessions;

struct broker {
    struct shard *shard;
    const struct node *node;
    struct conf conf; /* this shard's copy, dynamic layers included */
    struct image image;
    struct parts parts;
    struct cleaner cleaner;
    struct mover mover;
    struct scrub scrub;
    struct net net;
    struct controller *ctl; /* shard 0 only */
    struct groups *groups;
    struct fetch_sessions *sessions;
    struct prng prng;
    uint64_t hash_seed; /* of tables whose keys clients choose */
    uint64_t next_member;
    int64_t pid_next, pid_end; /* block of producer ids to hand out */
    struct list pid_waiters;
    bool pid_asked;
    struct timer tick;
    int64_t bytes_out; /* of records, in answers to fetches */
    int64_t retain_ns; /* when retention is due next */
    bool retaining;    /* the round of upkeep under way looks at retention too */
    size_t tick_at;    /* where the round under way goes on in the map of partitions; 0: none is */
    const struct journal *journal; /* what an earlier run left; empty once every partition is open */
    struct list unopened;
    struct list changes; /* of partitions, that the image has and this shard is about to have */
    struct os_msg changes_msg, *after_changes;
    struct timer reopen; /* armed while one of them waits for room */
    struct timer checkpoint_soon;
    bool checkpoint_failed; /* shard 0: the last one could not be written */
    bool serving;
};

static inline struct broker *req_broker(struct req *r)
{
    return r->net->shard->broker;
}
/* The shard a partition lives on. */
int broker_part_shard(const struct broker *b, struct uuid topic_id, int32_t index);
/* dispatch: what is done with a request of a connection that lives here. */
void broker_init(struct broker *b, struct shard *s, const struct node *node, const struct conf *conf,
                 void (*dispatch)(struct req *r));
void broker_fini(struct broker *b);
/* From here on image changes open and remove partitions. Opens those the image has; blocking. */
int broker_open_partitions(struct broker *b, const struct checkpoints *cp) MUST_USE;
/* home goes to shard 0 when this shard has what its image says: partitions are opened and removed, a few a
 * turn. One at a time. */
void broker_after_changes(struct broker *b, struct os_msg *home);
/* Writes everything on this shard. Blocking, at a stop; brokers_sync makes it durable. */
int broker_close_partitions(struct broker *b);
/* Takes the image's overrides of a broker (resource: its id, or "" for all) into conf's dynamic layer. */
void broker_apply_dynamic(struct broker *b, struct slice resource);
/* Gathers offsets from all shards and writes the checkpoint files on the pool; only shard 0 acts. */
void broker_write_checkpoints(struct broker *b);
/* At a stop, when no loop runs any more: syncs the log directories, then nothing of any partition is ahead of
 * the disk; the number of those that failed. */
int brokers_sync(struct broker **all, int n) MUST_USE;
/* The same as broker_write_checkpoints at a stop, after the sync. */
int brokers_write_checkpoints_now(struct broker **all, int n) MUST_USE;
void broker_topic_conf(struct broker *b, const struct image_topic *t, struct conf_topic *out);

/* ---- partitions.c, for broker.c ---- */
void broker_init_partitions(struct broker *b);
/* Opens what the image has; the number of those that could not be. Blocking. */
int broker_open_all(struct broker *b, const struct checkpoints *cp);

/* ---- moves between log directories (moves.c) ---- */
/* The mover's commit: the metadata log says where p lies. */
void moves_commit(struct mover *m, struct part *p, int dir);
/* Begins moves anew that were under way when the broker ended. */
void moves_resume(struct broker *b);

/* ---- the controller's shell (controller.c) ---- */
/* A change of metadata, from any shard. Caller-owned until done, which runs on the shard that submitted.
 * build runs on shard 0 and may only look at c and what the op carries. */
#define CTL_OP_MAGIC 0x43544c31u
struct ctl_op {
    uint32_t magic;
    struct os_msg msg;
    int home;
    struct list link;
    int err; /* when done: nothing of it came about. 0, ERR_KAFKA_STORAGE_ERROR: no room on the disk, or
              * ERR_UNKNOWN_SERVER_ERROR: the image would not take the records */
    void (*build)(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs);
    void (*done)(struct ctl_op *op, struct shard *home);
};
void ctl_submit(struct broker *b, struct ctl_op *op);
/* The sentence that goes with op->err. */
struct slice ctl_op_why(const struct ctl_op *op);
/* Reads the metadata log and its snapshots in dir and applies them to all n images. Changes no file: a
 * directory that this code does not understand is refused with a sentence as it was. Before the shards run.
 */
int controller_open(struct broker *zero, struct image **images, int n, const char *dir,
                    struct strbuf *why) MUST_USE;
/* The first writes: records of a new cluster, this broker's registration, partitions taken over. */
int controller_start(struct broker *zero, struct image **images, int n, struct node *node,
                     struct strbuf *why) MUST_USE;
int controller_close(struct controller *c);
/* How far the metadata log has come: all of it is on the disk while no change is under way. Shard 0. */
struct controller_progress {
    int64_t end_offset;
    int32_t epoch;
    struct slice voters; /* a VotersRecord, borrowed; null: the quorum is static */
};
void controller_progress(const struct broker *zero, struct controller_progress *out);

/* ---- what clients are told ---- */
/* host and port that a broker advertises for this connection's listener. NULL: none, and those of another
 * listener are no help: they may be out of reach for who came by this one. */
const struct image_endpoint *broker_endpoint(const struct broker *b, const struct conn *c, int32_t node_id);
/* Creates topics that are missing and may be created by mention (Metadata, internal topics); then on home
 * shard. */
bool topic_is_internal(struct slice name);

#endif
