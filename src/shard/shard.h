/* A shard: one loop that owns its connections, partitions, groups and memory. Shards share nothing; they send
 * messages. This folder knows loops, timers and mailboxes, not what they are used for. */
#ifndef MOLDAU_SHARD_H
#define MOLDAU_SHARD_H

#include "base/heap.h"
#include "log/log.h"
#include "os/os.h"

struct shard;

/* Caller-owned; zero it before the first use. */
struct timer {
    struct heap_node node; /* its key: when it is due, in ns */
    void (*fire)(struct timer *t, struct shard *s);
};

/* Of a turn, what is read from sockets and what is appended: see os_cut_turn. */
#define SHARD_TURN_BYTES (1 << 20)

/* Files whose removal waits for its time, the next one first. */
struct trash {
    struct list items;
    struct timer timer;
};

struct shard {
    int id, n; /* this one, and how many there are */
    struct os *os;
    struct shard **peers;  /* [n], peers[id] is this one; only ->os of others may be used */
    struct broker *broker; /* what lives on this shard */
    struct heap timers;
    struct log_files files;
    void (*end_of_turn)(struct shard *s);
    struct trash trash;
    bool stopping; /* leave shard_run at the end of the turn */
};

void shard_init(struct shard *s, int id, int n, struct shard **peers, struct os *os, int files_max);
void shard_fini(struct shard *s);
/* Turns until stopping. */
void shard_run(struct shard *s);
/* One turn: wait at most until deadline_ns, deliver, fire timers, end_of_turn. */
void shard_turn(struct shard *s, int64_t deadline_ns);

void timer_set(struct shard *s, struct timer *t, int64_t due_ns);
static inline void timer_set_ms(struct shard *s, struct timer *t, int64_t after_ms)
{
    timer_set(s, t, os_mono_ns(s->os) + min_i64(after_ms, INT64_MAX / 4000000) * 1000000);
}
void timer_cancel(struct shard *s, struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
    return heap_has(&t->node);
}

/* Removes a file, or with tree a directory and what is in it, after a delay and on the pool. What is still
 * there when the process ends is for the next start to remove. */
void shard_trash(struct shard *s, char *path_take, bool tree, int64_t delay_ms);

/* Runs m on shard `to`: at once if it is this one. m->run is called with the receiving shard as owner. */
static inline void shard_send(struct shard *from, int to, struct os_msg *m)
{
    if (to == from->id) m->run(m, from);
    else os_post(from->os, from->peers[to]->os, m);
}

#endif
