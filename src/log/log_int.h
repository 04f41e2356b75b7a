#ifndef MOLDAU_LOG_INT_H
#define MOLDAU_LOG_INT_H

#include "log/log.h"

/* Index entries of the active segment not yet in its files. A bounded tail: older entries are read from the
 * files. It grows with its entries and is empty after each flush, because most of many partitions rest. */
#define LOG_TAIL_ENTRIES 128
struct log_tail_entry {
    uint32_t rel, pos; /* relative offset, position */
};
struct log_tail_time {
    int64_t time_ms;
    uint32_t rel;
};
struct log_index_tail {
    struct log_tail_entry *index;
    struct log_tail_time *time;
    struct aborted_txn *aborts; /* of markers not written yet, or whose entries found no room so far */
    int index_n, time_n, index_cap, time_cap, aborts_n, aborts_cap;
    int64_t bytes_since_entry;
    int64_t last_time_ms; /* of the newest time entry */
    /* How things stood before the first batch that is not yet in the file, to go back to if the disk is full.
     */
    struct log_mark {
        int64_t max_time_ms, max_time_offset, first_time_ms, roll_time_ms;
        int64_t bytes_since_entry, last_time_ms;
        int index_n, time_n, epochs_n, aborts_n;
        bool epochs_dirty;
    } mark;
};

/* last_time_ms: of the newest time entry in the file, -1 if there is none. */
struct log_index_tail *log_tail_new(int64_t last_time_ms);
void log_tail_free(struct log_index_tail *t);
void log_path(const struct log *l, int64_t base_offset, const char *suffix, char *out, size_t n);
#define LOG_PATH_MAX 4096
static inline struct log_seg *log_active(const struct log *l)
{
    return l->segs[l->segs_n - 1];
}
/* A segment's struct, in no log yet; and one that is l's last. */
struct log_seg *log_seg_alloc(struct log *l, int64_t base_offset);
struct log_seg *log_seg_new(struct log *l, int64_t base_offset);
void log_seg_free(struct log_seg *s);
/* Gives a file its .deleted name and leaves it to files->dropped; one that is not there is fine. */
int log_drop_file(struct log *l, int64_t base_offset, const char *suffix) MUST_USE;
/* Puts a new segment, whose files have their names already, in the place of n sealed ones. The caller fills
 * it in. */
struct log_seg *log_replace(struct log *l, int at, int n);
/* Drops what reads remember of a segment that goes. */
void log_forget_places(struct log *l, const struct log_seg *s);
/* Before records go for their age: whether the batch that the time index names has the time it tells. If not,
 * the heads of all batches say it; where they cannot be read the segment stays: false. */
bool log_check_max_time(struct log *l, struct log_seg *s);
/* Epochs that ended below a new log start are forgotten, the one that spans it begins there. */
void log_trim_epochs(struct log *l, int64_t start_offset);
/* Writes the epoch checkpoint by one of the seam's whole-file helpers, if it is dirty. */
int log_write_epochs(struct log *l,
                     int (*write)(struct os *os, const char *path, const void *p, size_t n)) MUST_USE;
/* Finishes or drops what an interrupted cleaning left in dir. Blocking. */
int log_finish_swaps(struct os *os, const char *dir) MUST_USE;
/* Entry for a batch about to be appended at s->size. Writes nothing while the tail has room for an entry. */
int log_index_note(struct log_seg *s, const struct batch_head *h) MUST_USE;
int log_index_flush(struct log_seg *s) MUST_USE;
/* On rolling or closing: the last time entry, then the files. */
int log_index_seal(struct log_seg *s) MUST_USE;
/* Position from which a scan for offset begins. */
int log_index_find(struct log_seg *s, int64_t offset, int64_t *pos) MUST_USE;
int log_time_find(struct log_seg *s, int64_t time_ms, int64_t *offset) MUST_USE;
/* The last entry at or before a position: *pos is a batch boundary, 0 if there is none. */
int log_index_floor(struct log_seg *s, int64_t want, int64_t *pos) MUST_USE;
/* For a start after a crash: the newest entry below `from` that can be believed, with everything that the
 * index files say behind it cut off. *pos: where its batch begins; 0: there is none, begin at the segment's
 * start. The scan that follows notes its batches as an append would. */
int log_index_resume(struct log_seg *s, int64_t from, int64_t *pos) MUST_USE;
/* Checks sizes of the index files and reads the last time entry. */
int log_index_load(struct log_seg *s, bool *damaged) MUST_USE;
/* Reads batches from pos; stops at the first that is not sound. *end gets the position after the last good
 * one. */
int log_scan(struct log_seg *s, int64_t pos, bool rebuild, int64_t cb_from, log_scan_cb *cb, void *arg,
             int64_t *end, int64_t *next_offset, const char **why) MUST_USE;

#endif
