/* Private to the dump-log tool: what kafka-dump-log.sh of Apache Kafka 4.3 prints of the files of a log.
 * Every function takes any bytes: where Java would end with an exception, it returns ERR_FORMAT and the
 * exception is in `thrown`. */
#ifndef MOLDAU_DUMP_LOG_H
#define MOLDAU_DUMP_LOG_H

#include "kp/batch.h"
#include "kp/kp_api.h"

enum dump_decoder { DUMP_TEXT, DUMP_OFFSETS, DUMP_TRANSACTIONS, DUMP_METADATA, DUMP_SHARE };
enum dump_class { DUMP_STRING, DUMP_INTEGER, DUMP_LONG };

/* A pair of numbers to tell at the end, under the file's absolute path. */
struct dump_note {
    char *path;
    int64_t a, b;
};
struct dump_notes {
    struct dump_note *v;
    size_t n;
};
struct dump {
    bool deep, print, skip_metadata, verify_only, sanity;
    enum dump_decoder decoder;
    enum dump_class key_class, value_class;
    int64_t message_max, bytes_max;
    int64_t record_max;     /* bytes of one record in a compressed batch */
    struct strbuf out, err; /* emptied by flush, if that is not NULL */
    struct strbuf thrown;   /* "java.lang.X: why" */
    void (*flush)(struct dump *d);
    struct dump_notes mismatches, gaps, time_mismatches, time_disorder, not_found;
    struct kp_unpack *unpack;
};
void dump_init(struct dump *d);
void dump_fini(struct dump *d);
/* Puts the notes into err. */
void dump_tell_notes(struct dump *d);
int dump_throw(struct dump *d, const char *exception, const char *fmt, ...) PRINTF_LIKE(3, 4);
void dump_note(struct dump_notes *notes, const char *path, int64_t a, int64_t b);

/* An open file, or bytes in memory. */
struct dump_file {
    const char *path;     /* as it was given */
    const char *absolute; /* what Java's File.getAbsolutePath gives */
    const char *name;     /* its last part */
    int fd;               /* -1: memory */
    struct slice memory;
    int64_t size;
};
/* n bytes at off or ERR_EOF. */
int dump_read(const struct dump_file *f, int64_t off, void *p, size_t n) MUST_USE;
/* The number in front of the first dot of a name; NumberFormatException. */
int dump_base_offset(struct dump *d, const char *name, int64_t *out) MUST_USE;

/* A batch of any magic, as its head says: nothing of it was checked but that its bytes are there. */
struct dump_batch {
    int64_t at, bytes;
    int64_t base_offset, last_offset;
    int64_t base_time_ms, max_time_ms;
    uint32_t crc;
    int8_t magic;
    uint16_t attributes;
    int32_t last_delta, count, leader_epoch, base_sequence;
    int64_t producer_id;
    int16_t producer_epoch;
};
/* The batch at `at` of a file that ends at `end`. 1: there it is; 0: no whole batch is left; negative:
 * thrown. */
int dump_batch_at(struct dump *d, const struct dump_file *f, int64_t at, int64_t end,
                  struct dump_batch *b) MUST_USE;

bool dump_batch_valid(const struct dump_file *f, const struct dump_batch *b);
/* Sequences run 0 .. INT32_MAX and wrap to 0. */
int32_t dump_sequence(int32_t base, int32_t more);

struct dump_record {
    int64_t offset, time_ms;
    struct slice key, value; /* p NULL: null */
    int32_t sequence;
    struct slice header_names; /* "a,b" */
    bool legacy_valid;         /* magic 0 and 1 */
    uint32_t legacy_crc;
};
/* Calls cb for each record of a batch. */
typedef int dump_record_cb(struct dump *d, const struct dump_batch *b, const struct dump_record *r,
                           void *arg);
int dump_records(struct dump *d, const struct dump_file *f, const struct dump_batch *b, dump_record_cb *cb,
                 void *arg) MUST_USE;

/* The line that tells from a file's name where it begins, and then all of its batches. */
int dump_log_title(struct dump *d, const char *name) MUST_USE;
int dump_log_file(struct dump *d, const struct dump_file *f) MUST_USE;
/* log: the .log beside it; index: the .index beside it, NULL for dump_index itself. */
int dump_index(struct dump *d, const struct dump_file *f, const struct dump_file *log) MUST_USE;
int dump_time_index(struct dump *d, const struct dump_file *f, const struct dump_file *index,
                    const struct dump_file *log) MUST_USE;
int dump_producers(struct dump *d, const struct dump_file *f) MUST_USE;
int dump_txn_index(struct dump *d, const struct dump_file *f) MUST_USE;

/* " key: …", " payload: …" as the chosen decoder reads them. */
int dump_contents(struct dump *d, const struct dump_record *r) MUST_USE;
/* " SnapshotHeader {…}" and the like. */
int dump_control(struct dump *d, const struct dump_record *r) MUST_USE;
/* Bytes as Java's String takes UTF-8: what is not becomes U+FFFD. */
void dump_utf8(struct strbuf *out, struct slice s);

#endif
