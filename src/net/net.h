/* Connections: framing, request order, replies. A connection lives on one shard.
 *
 * Requests of a connection run one after the other, as in Kafka; produce requests may run together, their
 * replies still leave in order. While a request may not start, the socket is not read. */
#ifndef MOLDAU_NET_H
#define MOLDAU_NET_H

#include "base/arena.h"
#include "base/buf.h"
#include "kp/kp.h"
#include "shard/shard.h"

struct conn;
struct net;

/* A piece of a reply that is a part of a file; kp_writer's ext pointers lead here. */
struct req_file {
    int fd;
    int64_t pos;
};

#define REQ_MAGIC 0x52455153u

struct req {
    struct list in_conn; /* in order of arrival */
    uint32_t magic;
    struct conn *conn;
    struct net *net;
    int16_t key, version;
    int32_t correlation;
    struct slice client_id;
    struct slice body; /* after the header */
    struct buf *frame; /* holds body and client_id; NULL once it is dropped */
    struct arena arena;
    struct kp_writer out;
    int64_t started_ns;
    bool answered; /* out is complete */
    bool no_reply; /* acks=0 */
    bool close_after;
    size_t held_bytes;    /* of it in net->held_bytes */
    size_t out_at, ext_i; /* progress of sending */
    uint32_t ext_at;
    void (*cleanup)(struct req *r); /* after the reply has left or the connection is gone; may be NULL */
    void *cleanup_arg;
    /* Set while the request waits on purpose: the connection is gone, so it shall come to its end; it may
     * call req_reply at once. */
    void (*cancel)(struct req *r);
    void *cancel_arg;
    uint8_t scratch[1024]; /* the arena's first memory */
};

struct conn {
    struct os_sock sock;
    struct list in_net;
    struct net *net;
    char peer[64];
    const struct net_listener *listener;
    uint64_t id;
    struct buf *in;      /* partial frame, or bytes that wait for their turn */
    uint32_t expect;     /* bytes of the frame before: the next one may be like it */
    size_t in_off, in_n; /* unread bytes are in->data[in_off .. in_n) */
    struct list reqs;
    int reqs_n;
    int pins; /* calls under way that need it */
    int64_t reqs_bytes;
    bool dirty, closing, in_dirty_list;
    struct list in_dirty;
    struct list in_more;                    /* frames wait for the next turn */
    struct list in_parked;                  /* not read: the shard holds enough requests */
    char *software_name, *software_version; /* from ApiVersions */
    int64_t active_ns;                      /* when something last came or the last reply left */
};

struct net_listener {
    struct os_sock sock; /* open where the port had to be known early */
    struct net *net;
    const char *name; /* listener name */
    const char *host;
    uint16_t port;
    int64_t send_bytes,
        receive_bytes; /* socket.send.buffer.bytes, socket.receive.buffer.bytes; -1: the kernel's */
    int next_shard;
    struct timer pause; /* armed while no file is left for new connections */
};

struct net {
    struct shard *shard;
    void (*dispatch)(struct req *r); /* body is complete; answer now or later with req_reply */
    size_t frame_max;
    struct buf_pool bufs;
    struct timer trim;            /* armed while bufs has any */
    int64_t held_bytes, held_max; /* requests that are not done, all connections together */
    struct list parked;
    struct list conns; /* the longest silent first */
    struct list dirty, free_reqs;
    int conns_n, free_reqs_n;
    uint64_t next_id;
    bool draining;
    /* One busy connection gets its first answers while its later requests run: few are started in a turn. */
    bool alone;         /* at most one connection had input in the last turn */
    int inputs, starts; /* in this turn */
    size_t turn_bytes;
    struct list more;
    struct os_msg more_msg;
    bool more_posted;
};

/* held_max: while requests of more bytes wait for their end, no new ones are read. Frames that have begun to
 * come are read to their end, or a few slow senders could stop everybody. */
void net_init(struct net *n, struct shard *s, void (*dispatch)(struct req *), size_t frame_max,
              int64_t held_max);
/* Closes every connection; requests that other shards still hold are freed when they come home. */
void net_fini(struct net *n);
/* Listens and hands connections out to all shards in turn. Shard 0. */
int net_listen(struct net *n, struct net_listener *l) MUST_USE;
/* Called by the receiving shard's broker to find its net. */
struct net *net_of(struct shard *s);
/* Closes connections that were silent for max_idle_ms and wait for nothing, and those that read nothing of
 * their answers for so long. */
void net_close_idle(struct net *n, int64_t max_idle_ms);
/* Sends what became ready in this turn. */
void net_end_of_turn(struct net *n);
/* Asserts what must be true between turns, of some connections. For checked builds. */
void net_check(const struct net *n);

/* Everything that is needed of the body was copied: its memory goes, and it does not count any more as one of
 * the requests that the shard holds. What waits on purpose does this first. */
void req_drop_frame(struct req *r);
/* Writes the length placeholder and the response header; the handler appends the body to r->out. */
void req_begin(struct req *r);
/* The reply (or, with no_reply, its absence) is complete. r may be gone afterwards. */
void req_reply(struct req *r);
/* Closes the connection without a reply, with one log line. */
void req_kill(struct req *r, const char *why);

#endif
