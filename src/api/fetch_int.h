/* Private to fetch: fetch.c runs at home, fetch_read.c on the shards of the partitions. */
#ifndef MOLDAU_FETCH_INT_H
#define MOLDAU_FETCH_INT_H

#include "api/fetch_session.h"
#include "api/handlers.h"
#include "log/txn_index.h"

#define FETCH_MAGIC 0x46455443u

struct fetch;
/* A partition that exists. While READ or WATCH is on its way it belongs to the shard of the partition. */
struct fetch_part {
    uint32_t magic;
    struct fetch_want *want;
    struct fetch *fetch;
    struct uuid topic_id;
    int shard;
    int err;
    int64_t high_watermark, last_stable, log_start;
    struct kp_fetch_response_epoch_end_offset diverging; /* epoch -1: it does not */
    struct log_range range;
    struct aborted_txns
        aborted; /* of the range, for readers of committed records; made there, freed at home */
    struct req_file file;
    struct part_watch watch;
    bool watching;
    struct os_msg notify;
    bool notify_out; /* on its way home */
};
struct fetch_shard {
    struct os_msg read, watch;
    struct log_warm lookup;
    struct os_job warm; /* brings cold ranges into the page cache, so that sendfile does not wait in a loop */
    struct os *os;
    struct shard *shard;
    char why[96]; /* the last read of warm that failed */
    struct fetch *fetch;
    bool used;
    int id;
    /* READ under way: the next partition, what may still be taken, and whether nobody has taken yet. */
    int at;
    int64_t budget;
    bool first;
};
struct fetch {
    uint32_t magic;
    struct req *r;
    int32_t max_wait_ms, min_bytes;
    int64_t max_bytes;
    int64_t room;                  /* for records in a reply, whatever was asked for */
    bool committed;                /* readers of committed records */
    struct fetch_session *session; /* NULL: none */
    bool incremental;
    int32_t session_id;
    struct fetch_want *wants;
    int wants_n;
    struct fetch_part *parts;
    int parts_n;
    struct fetch_shard *shards;
    int waiting;
    enum { READING, WATCHING, DRAINING } state;
    struct timer timer;
    int64_t deadline_ns;
    bool cancelled; /* its connection is gone: READ only takes the watches back */
    void (*fired)(struct os_msg *m, void *owner); /* of notify, at home */
    void (*read_done)(struct os_msg *m, void *owner);
};

/* Messages to the shard of partitions. READ takes back the watches and fills range, err and the offsets;
 * read_done runs at home. WATCH makes every partition of that shard tell, by fired, that there is more than
 * READ saw. */
void fetch_on_read(struct os_msg *m, void *owner);
void fetch_on_watch(struct os_msg *m, void *owner);

#endif
