/* The journal of a log directory: batches of many partitions in one file, so that one sync makes them durable
 * before the partitions' own files are synced (a write-ahead log in the sense of Mohan et al., ARIES, 1992,
 * of which only redo is needed). A file belongs to one run of one shard; a start that finds one puts back
 * what the logs lack and removes it. docs/FORMATS.md has the bytes.
 *
 * Frames begin at multiples of JOURNAL_BLOCK_BYTES, so that writing one never touches a sector of another. A
 * frame that is torn, or partly overwritten by a newer one, fails its checksum and is passed over. */
#ifndef MOLDAU_JOURNAL_H
#define MOLDAU_JOURNAL_H

#include "kp/kp.h"
#include "os/os.h"

#define JOURNAL_PREFIX "journal-" /* then the run in 16 hex digits; Kafka takes no notice of such files */
#define JOURNAL_BLOCK_BYTES 4096

/* ---- writing ---- */
void journal_begin(struct kp_writer *w, uint64_t run, uint64_t sequence);
/* Room for the batches of a partition, to be filled in: whole batches, one behind the other. */
uint8_t *journal_add(struct kp_writer *w, struct uuid topic_id, int32_t partition, size_t bytes);
/* Fills the last block and seals the frame. */
void journal_end(struct kp_writer *w);
/* What entries with so many bytes together take at most. */
size_t journal_frame_bytes(size_t entries, size_t bytes);

/* ---- reading ---- */
struct journal_entry {
    struct uuid topic_id;
    int32_t partition;
    int64_t first_offset; /* what the first batch says */
    struct slice batches; /* not looked at */
};
struct journal {
    struct journal_entry *v;
    size_t n, cap;
    uint8_t **files; /* their bytes, which the entries point into */
    size_t files_n;
};
/* The run that a file's name tells; false: it is no journal's. */
bool journal_name(const char *name, uint64_t *run);
/* Adds what is sound in a file. All zero is an empty journal. Blocking. */
int journal_read(struct os *os, const char *path, uint64_t run, struct journal *j) MUST_USE;
/* The same of bytes, which j takes. */
void journal_take(struct journal *j, uint8_t *bytes, size_t n, uint64_t run);
/* To be called once after the last file. */
void journal_sort(struct journal *j);
/* The entries of a partition by offset; *n of them. */
const struct journal_entry *journal_find(const struct journal *j, struct uuid topic_id, int32_t partition,
                                         size_t *n);
void journal_fini(struct journal *j);

#endif
