/* A partition on its shard: the log, its producers, its high watermark, and those who wait for it.
 *
 * Everything here runs on the partition's own shard. Appends of one turn are written together by part_flush
 * (called from parts_end_of_turn); replies that need a sync wait for the group's fdatasync on the pool. */
#ifndef MOLDAU_PART_H
#define MOLDAU_PART_H

#include "conf/conf.h"
#include "kp/batch.h"
#include "log/log.h"
#include "part/producers.h"
#include "shard/shard.h"

struct parts; /* of a shard */
struct journal;

enum part_sync { PART_SYNC_NEVER, PART_SYNC_ACKS_ALL, PART_SYNC_ALWAYS };

#define PART_MAGIC 0x50415254u

struct part {
    /* ---- what it is ---- */
    uint32_t magic; /* long-lived things that travel in messages have one: who leads to one that is gone is
                       stopped */
    struct uuid topic_id;
    char *topic; /* name */
    int32_t index;
    int dir;          /* of log.dirs */
    const char *root; /* that directory's path, borrowed for good */
    struct parts *home;
    struct conf_topic cfg;
    bool doomed; /* on its way out */
    int pins;    /* work under way elsewhere that needs it */

    /* ---- the records ---- */
    struct log *log;
    struct producers producers;
    int32_t leader_epoch;
    int64_t high_watermark;

    /* ---- who waits (part.c): struct part_append, in offset order but for held ---- */
    struct list wait_flush, wait_sync;
    struct list watches;
    struct list held; /* while `holding`: a move to another directory is about to end */
    bool holding;
    struct list in_dirty; /* linked while appends wait for part_flush */

    /* ---- syncing its files (sync.c) ---- */
    struct list in_syncs;       /* linked while it waits for its turn */
    struct part_syncer *syncer; /* NULL: no sync runs */
    int64_t root_name;          /* the number of the directory's own name in its root: see parts.roots */
    int64_t names_synced;       /* log->names_made when the directory was last synced */
    int64_t aborts_synced;      /* log->aborts_made, likewise */
    bool upkeep;             /* the next sync also keeps what a start after a crash would have to read anew */
    int64_t snapshot_offset; /* of the newest .snapshot; 0: none */
    int64_t older_snapshot;  /* the one before, kept in case a crash spoils the newest; 0: none */

    /* ---- the journal (commit.c) ---- */
    struct list in_commit;  /* linked while it waits for the next round */
    struct list in_half[2]; /* linked while that half of the journal has what its files may not */
    int64_t half_end[2];    /* up to which offset */
    int64_t durable_offset; /* everything below is on the disk, in the files or in the journal, if it is not
                             * below log->synced_offset */
    int64_t durable_seg, durable_pos; /* where that is; segment -1: not known */
    int64_t owed;    /* a journal of an earlier run has what its files may not, up to here; 0: none has */
    bool committing; /* a round has it */

    /* ---- compaction, moves, scrub (cleaner.h, mover.h, scrub.h) ---- */
    int64_t clean_offset; /* compacted below; -1: not known */
    bool cleaning;        /* the cleaner works on it: retention waits */
    bool uncleanable;     /* damage was found; until the next start */
    bool no_room_to_clean;
    struct move *move;    /* NULL: it stays where it is */
    uint32_t scrub_round; /* of the scrub that last read all of it */

    /* ---- what stands in its way (fault.c) ---- */
    const char *fenced;                 /* what is for good, in snake_case; NULL: nothing. See part_fenced */
    const char *full;                   /* what the last write lacked, likewise; the next one may find it */
    bool full_told;                     /* and the log says so */
    bool read_failed;                   /* the last read */
    bool read_told;                     /* and the log says so */
    int64_t full_told_ns, read_told_ns; /* when it last did; 0: never */
};

struct parts {
    struct shard *shard;
    struct map map;
    struct list dirty;
    enum part_sync sync;
    int64_t producer_expire_ms;
    /* Syncs under way, and partitions that wait for one: first those whose answers need it. */
    int syncs_n, syncs_max;
    struct list syncs_asked, syncs_idle;
    struct timer syncs_again; /* armed while no file is left for them */
    /* Of each log directory: names that this shard knows of, and how many of them are surely on the disk. One
     * sync of the directory does for all that were there before it. */
    struct part_root {
        int64_t names, synced;
        struct commit *commit; /* NULL: nobody has asked for one */
    } * roots;
    int64_t journal_bytes; /* of each, 0: none; set after parts_init */
    int roots_n;
    int owing_n;             /* so many partitions need a journal of an earlier run */
    void (*paid)(void *arg); /* called once, when none does */
    void *paid_arg;
    int64_t messages_in, bytes_in; /* appended since the start */
    int64_t uncut_bytes;           /* of them, since a turn was cut for their sake */
    struct kp_unpack *unpack;      /* these look into compressed batches; made when first needed */
    struct record_scan *scan;
    size_t check_at; /* where parts_check goes on in map */
};

/* Everything below is on the disk. */
static inline int64_t part_durable(const struct part *p)
{
    return max_i64(p->log->synced_offset, p->durable_offset);
}

/* One batch to append; caller-owned until done is called, exactly once. */
struct part_append {
    struct list link;
    struct slice records;    /* writable memory; header fields are patched in place */
    bool acks_all, internal; /* internal: from the broker itself; control batches and no client checks */
    int8_t
        transaction_version; /* of a marker: from 2 on each transaction has an epoch of its own (KIP-890) */
    /* out */
    int err;
    const char *why;      /* static text or NULL */
    int32_t *bad_records; /* heap, the records to blame; whoever is done with the append frees them */
    int bad_records_n;
    bool unordered; /* the offset deltas of an uncompressed batch's records do not count up */
    uint8_t *owned; /* the partition's own copy of a batch it had to compress anew; freed by the partition */
    int64_t producer_id; /* of a batch that waits to be written, -1: none; with what was known before it */
    struct producer_was producer_was;
    int64_t base_offset, last_offset, append_time_ms, log_start_offset;
    void (*done)(struct part_append *a, struct shard *s);
};

/* Fires once when the high watermark passes offset or the partition goes away; unlink with part_unwatch. */
struct part_watch {
    struct list link;
    int64_t offset;
    void (*fire)(struct part_watch *w, struct shard *s);
};

void parts_init(struct parts *ps, struct shard *s, enum part_sync sync, int64_t producer_expire_ms);
struct part *parts_find(const struct parts *ps, struct uuid topic_id, int32_t index);
/* Writes this turn's appends, moves high watermarks, releases those who wait. */
void parts_end_of_turn(struct parts *ps);
bool parts_idle(const struct parts *ps);
/* Asserts what must be true between turns of some partitions, others each time. For checked builds. */
void parts_check(struct parts *ps);
/* To be called after part_open: puts back what the journal of an earlier run has and the log does not.
 * Neither that nor what the log had is synced: the journal has to stay until parts.paid. Blocking. */
int part_restore(struct part *p, const struct journal *j) MUST_USE;
/* Asks for the syncs after which no partition needs those journals. */
void parts_pay(struct parts *ps);

/* Opens or creates the partition's directory under root. Blocking (files); cut gets a sentence if recovery
 * cut. */
int part_open(struct parts *ps, const char *root, int dir, struct uuid topic_id, const char *topic,
              int32_t index, const struct conf_topic *cfg, int32_t leader_epoch, struct log_open_opts *o,
              struct part **out) MUST_USE;
void part_configure(struct part *p, const struct conf_topic *cfg);
void part_append(struct part *p, struct part_append *a);
void part_watch(struct part *p, struct part_watch *w);
void part_unwatch(struct part_watch *w);
/* Below it every transaction is decided: how far readers of committed records may go (KIP-98). */
static inline int64_t part_last_stable_offset(const struct part *p)
{
    return max_i64(min_i64(p->high_watermark, producers_first_unstable(&p->producers)), p->log->start_offset);
}
/* Where an epoch ends in this log, as OffsetForLeaderEpoch tells it: the newest epoch up to the asked one,
 * and the offset after its last record; -1 and -1 if this leader does not know it. */
void part_end_of_epoch(const struct part *p, int32_t epoch, int32_t *epoch_out, int64_t *end_offset);
/* Forgets idle producers and moves the recovery point; with retain also drops segments by retention. */
void part_tick(struct part *p, int64_t now_ms, bool retain);
int part_delete_records(struct part *p, int64_t before_offset) MUST_USE;
/* Writes everything, with a producer snapshot; to be synced by the caller, with the whole log directory. Of a
 * partition whose last sync failed it gives ERR_IO. Blocking: at a stop. */
int part_close(struct part *p) MUST_USE;
/* Takes it offline: what failed and why goes to the log; waiters get a storage error. */
void part_fault(struct part *p, const char *reason, const char *what, const char *why);
/* To be told of what a call on p->log returned: 0 stays 0; ERR_NOSPACE refuses the appends that were taken
 * back, others take the partition offline. Gives ERR_KAFKA_STORAGE_ERROR. */
int part_failed(struct part *p, int rc, const char *what);
/* Why it answers KAFKA_STORAGE_ERROR, in snake_case; NULL: it does not. */
const char *part_fenced(const struct part *p);
/* To be told of what reads of p->log gave: damage is fenced and named in the log, once; so is the first read
 * that fails, and the first that works again. */
void part_read(struct part *p, int rc, const char *why);
/* Damage at a position of a segment: no read passes it any more. */
void part_fence(struct part *p, int64_t base_offset, int64_t pos, int64_t offset, const char *what);
/* Writes what is pending now, before a look at the log that must see it. */
int part_settle(struct part *p) MUST_USE;
/* Keeps the structure while work on it is under way elsewhere, also when it is removed meanwhile. */
void part_pin(struct part *p);
void part_unpin(struct part *p);
/* The same records in another directory: l, whole and synced, becomes its log; the old directory goes. */
void part_take_log(struct part *p, struct log *l, int dir, const char *root);
/* Takes the partition out of its shard; its directory gets Kafka's name for one on its way out and is removed
 * after a delay (below 0: it stays). Waiters get err. */
void part_remove(struct part *p, int err, int64_t delete_delay_ms);
/* The same for the directory of one that is not open. */
void part_discard(struct parts *ps, const char *root, const char *topic, int32_t index,
                  int64_t delete_delay_ms);

#endif
