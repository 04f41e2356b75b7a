/* The log of one partition: Kafka's segment, index and checkpoint files, byte for byte.
 *
 * A log belongs to one shard. log_open and log_close may wait for disks (start, pool); appends, flushes and
 * reads stay in the page cache. A failed write or fsync makes the log FAULTED for good: every later call
 * gives ERR_IO. A full disk does not, nor a lack of files: the call gives ERR_NOSPACE or
 * ERR_NOFILES and everything is as it was after the last log_flush that succeeded, so the next call may find
 * room. */
#ifndef MOLDAU_LOG_H
#define MOLDAU_LOG_H

#include "kp/batch_head.h"
#include "os/os.h"

struct log_cfg {
    int64_t segment_bytes, segment_ms, segment_index_bytes, index_interval_bytes;
    int64_t retention_ms, retention_bytes;
    bool clean_delete, clean_compact;
    int64_t file_delete_delay_ms;
};

/* Open files of one shard, least recently used closed first. */
struct log_files {
    struct list lru;
    int open_n, open_max;
    int pinned_n; /* segments that are referenced: they cannot be closed */
    /* Takes a file that has got its .deleted name and is to be removed after a while. NULL: removed at once.
     */
    void (*dropped)(void *arg, char *path_take, int64_t delay_ms);
    void *dropped_arg;
};
void log_files_init(struct log_files *f, int open_max);
/* Half of them may be held by those who can do with less; the rest stays free for appends and syncs. */
static inline bool log_files_scarce(const struct log_files *f)
{
    return f->pinned_n >= f->open_max / 2;
}

struct log_index_tail;
struct strbuf;
struct log_seg {
    struct list lru; /* linked while fd >= 0 */
    int64_t base_offset;
    int64_t size;                         /* bytes written */
    int64_t max_time_ms, max_time_offset; /* of the largest timestamp, -1 if empty */
    int64_t first_time_ms;                /* of the first batch, -1 if empty or not known */
    int32_t index_n, time_n, txn_n;       /* entries in the files */
    int fd;
    int refs;                    /* readers and syncs that use fd */
    int64_t bad_pos;             /* damage: nothing from here on is read. -1: none is known */
    struct log_index_tail *tail; /* only the active segment has one */
    struct log *log;             /* not to be used when doomed */
    struct os *os;
    struct log_files *files;
    bool doomed; /* deleted: freed when refs drop to 0 */
};

struct log_epoch {
    int32_t epoch;
    int64_t start_offset;
};

struct log {
    struct os *os;
    struct log_files *files;
    char *dir; /* <log.dir>/<topic>-<partition> */
    struct log_cfg cfg;
    struct log_seg **segs; /* by base offset; the last is active */
    int segs_n, segs_cap;
    int64_t start_offset, end_offset;
    int64_t flushed_offset; /* everything below is in the files (page cache) */
    int64_t synced_offset;  /* everything below is on the disk: the recovery point */
    int64_t roll_time_ms;   /* wall time at which the active segment got its first record */
    struct log_epoch *epochs;
    int epochs_n, epochs_cap;
    bool epochs_dirty;
    int32_t epoch_kept; /* up to it the file has their lines, durably */
    bool faulted;
    /* appends of this turn, written by log_flush */
    struct iovec *iov;
    int iov_n, iov_cap;
    int64_t pending_bytes;
    /* where the last reads ended, so that a tailing reader needs no index look-up */
    struct log_hint {
        int64_t offset, pos;
        struct log_seg *seg;
    } hints[4];
    int hint_next;
    /* While set, a look-up that would wait for the disk gives ERR_BUSY and leaves the place in `cold`. */
    bool nowait;
    /* Where a read met damage (ERR_CORRUPT_MESSAGE). */
    struct log_damage {
        int64_t base_offset, pos; /* segment, and position in it */
        int64_t offset;           /* that was looked for */
        const char *why;
    } damage;
    int64_t compacted_below; /* offsets below may be missing although compaction is off */
    int64_t names_made;      /* files made so far: the directory wants a sync after each */
    int64_t aborts_made; /* entries of transaction indexes written so far: the file wants a sync after each */
    /* The first segment that was read anew while the scan's callback missed transactions in it; -1: none. */
    int64_t txns_missed;
    struct {
        int64_t base_offset;
        const char *suffix;
        int64_t pos, n;
    } cold;
};

/* A transaction and how far records are decided once its marker, at last_offset, is there. */
struct aborted_txn {
    int64_t producer_id, first_offset, last_offset, stable_offset;
};
/* Called for every batch that a scan passes; batch bytes are complete and their CRC is good. True: it is a
 * marker that aborts, and *aborted tells what. */
typedef bool log_scan_cb(void *arg, const uint8_t *batch, const struct batch_head *h,
                         struct aborted_txn *aborted);

struct log_open_opts {
    bool clean;             /* stopped cleanly: trust sizes and indexes */
    int64_t recovery_point; /* unclean: everything below is sound */
    int64_t start_offset;   /* from log-start-offset-checkpoint, or -1 */
    /* Pairs of a segment's base offset and how many entries its transaction index has at least; NULL: nothing
     * is known. One that lacks entries is made anew. Borrowed. */
    const struct i64s *txns;
    int64_t replay_from;  /* call scan_cb for batches from this offset on; INT64_MAX: for none */
    log_scan_cb *scan_cb; /* NULL: nobody follows transactions, and their indexes stay as they are */
    void *scan_arg;
    char cut[160]; /* out: one sentence if recovery cut something */
};
/* Opens or creates dir; the names of what it made are for the caller to sync. Blocking. */
int log_open(struct os *os, struct log_files *files, const char *dir, const struct log_cfg *cfg,
             struct log_open_opts *o, struct log **out) MUST_USE;
/* Where a reading ended early, and how many sound batches stand behind that: a torn end has none or few. */
struct log_peek_bad {
    const char *why; /* NULL: it came to the end */
    int64_t base_offset, pos;
    int sound_behind;
};
/* Reads a directory without changing it: cb for every batch that ends at or above from, up to the first that
 * is not sound. Gives the base offset of the first segment and the offset after the last batch; both -1 if
 * there is no segment. cb returns 0 or an error that ends the reading. Blocking. */
typedef int log_peek_cb(void *arg, const uint8_t *batch, const struct batch_head *h);
int log_peek(struct os *os, const char *dir, int64_t from, log_peek_cb *cb, void *arg, int64_t *start_offset,
             int64_t *end_offset, struct log_peek_bad *bad) MUST_USE;
/* Removes every segment of a directory, so that log_open begins at start_offset. Blocking. */
int log_wipe(struct os *os, const char *dir) MUST_USE;
/* Writes the index entries of the active segment, without syncing: a start after a crash begins there. The
 * log goes on if it cannot. */
int log_note_progress(struct log *l) MUST_USE;
/* The epoch checkpoint's bytes, and where they belong. The caller sets epochs_dirty again if it cannot write
 * them. */
void log_epochs_take(struct log *l, struct strbuf *out);
/* Asserts what must be true between calls. For checked builds. */
void log_check(const struct log *l);
#define LOG_EPOCHS_FILE "leader-epoch-checkpoint"
/* Writes what is pending, indexes and the epoch checkpoint; syncs if asked. Blocking. */
int log_close(struct log *l, bool sync) MUST_USE;
/* Syncs the index files of a segment that is sealed, so that a start may trust them. Any thread. */
int log_sync_index(struct os *os, const char *dir, int64_t base_offset) MUST_USE;
int log_sync_beside(struct os *os, const char *dir, int64_t base_offset, const char *suffix) MUST_USE;
/* Removes the directory's files as well. */
void log_free(struct log *l);

/* Appends one batch whose base offset is l->end_offset; bytes stay borrowed until log_flush. May roll.
 * ERR_NOSPACE, here and from log_flush and whatever calls it: the batches at or above flushed_offset are
 * taken back as if they had never come. */
int log_append(struct log *l, const uint8_t *batch, const struct batch_head *h, int64_t now_ms) MUST_USE;
int log_flush(struct log *l) MUST_USE;

struct log_range {
    struct log_seg *seg; /* referenced; give back with log_seg_put. NULL: nothing there */
    int64_t pos;
    int64_t bytes;
    int64_t next_offset; /* after its last record; log_read only */
};
/* Whole batches from the one that holds `offset`, below `limit`, at most max_bytes (the first one even if
 * larger when at_least_one). offset == end gives an empty range, and so does a max_bytes of 0 without
 * at_least_one, for which no file is opened. ERR_OFFSET_OUT_OF_RANGE outside start..end; ERR_CORRUPT_MESSAGE
 * where the log is damaged: see l->damage, log_fence. */
int log_read(struct log *l, int64_t offset, int64_t limit, int64_t max_bytes, bool at_least_one,
             struct log_range *out) MUST_USE;
/* Brings what a look-up found cold into the page cache, on the pool, then calls again() on the same loop. The
 * log may be gone by then. After LOG_WARM_TRIES the caller should do without nowait: memory is short, and
 * waiting is better than never answering. */
#define LOG_WARM_TRIES 16
struct log_warm {
    struct os_job job;
    struct os *os;
    char *path;
    int64_t pos, n;
    int tries;
    void (*again)(struct log_warm *w, void *owner);
};
void log_warm(struct log *l, struct log_warm *w);
/* Reads as os_pread does, under the rule of nowait. Suffix: which of the segment's files fd is. */
ssize_t log_pread(struct log_seg *s, const char *suffix, int fd, void *p, size_t n, int64_t pos) MUST_USE;

/* The segment in which an offset lies or would lie: the first one, if it is below that. */
struct log_seg *log_seg_of(const struct log *l, int64_t offset);
int log_seg_open(struct log_seg *s) MUST_USE; /* makes s->fd usable; hold a reference while using it */
/* Lets no read pass a position in a segment any more. False: it was so before, or the segment is gone. */
bool log_fence(struct log *l, int64_t base_offset, int64_t pos);
/* The timestamp of its first batch, read when it is not known; -1 if there is none. */
int64_t log_seg_first_time(struct log_seg *s);
void log_seg_get(struct log_seg *s);
void log_seg_put(struct log_seg *s);
/* The batch with the first record at or after time; *out range covers that one batch. Empty if there is none.
 * What is not flushed is not looked at. */
int log_find_time(struct log *l, int64_t time_ms, struct log_range *out) MUST_USE;
/* The largest timestamp and the batch that holds it. */
int log_find_max_time(struct log *l, int64_t *time_ms, struct log_range *out) MUST_USE;

/* New log start; whole segments below it are removed (the active one rolls if all of it is below). */
int log_advance_start(struct log *l, int64_t offset, int64_t now_ms) MUST_USE;
/* Applies retention.ms and retention.bytes; gives the number of segments dropped. */
int log_retain(struct log *l, int64_t now_ms, int64_t high_watermark) MUST_USE;
int log_roll(struct log *l, int64_t now_ms) MUST_USE;
int64_t log_bytes(const struct log *l);
/* Epoch of a new batch: remembered when it grows. */
void log_note_epoch(struct log *l, int32_t epoch, int64_t start_offset);
/* What may be remembered as the recovery point: below it everything is on the disk, the lines of epochs, too.
 */
int64_t log_recovery_point(const struct log *l);
/* End offset of an epoch (KIP-101/279): *epoch_out is the largest known epoch <= epoch, -1/-1 if unknown. */
void log_end_of_epoch(const struct log *l, int32_t epoch, int32_t *epoch_out, int64_t *end_offset);
int32_t log_epoch_of(const struct log *l, int64_t offset);

#endif
