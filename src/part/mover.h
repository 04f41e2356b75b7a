/* The mover of a shard: takes partitions from one log directory to another while they work (KIP-113).
 *
 *   COPY: the log is copied beside, as TOPIC-PARTITION.TOPICID-future
 *     -> HOLD: little is left, appends wait
 *     -> COMMIT: the metadata log says where the partition lies from here on
 *     -> SWAP: the names change, the copy is the log
 *
 * What a crash interrupts after COMMIT the next start finishes; before it, the move begins anew. One move at
 * a time. */
#ifndef MOLDAU_MOVER_H
#define MOLDAU_MOVER_H

#include "log/copy.h"
#include "part/part.h"

struct move;
struct mover {
    struct shard *shard;
    double bytes_per_s;
    struct list moves; /* the first one is under way */
    struct timer timer;
    bool away; /* a slice is on the pool, or the metadata log is being written */
    /* Makes it known that p lies in dir, and calls mover_committed then. */
    void (*commit)(struct mover *m, struct part *p, int dir);
};

void mover_init(struct mover *m, struct shard *s, void (*commit)(struct mover *m, struct part *p, int dir));
/* root: path of dir, borrowed for good. A move of p to another directory is given up; to where it lies
 * already: only that. */
void mover_request(struct mover *m, struct part *p, int dir, const char *root);
/* err: 0, or what kept the metadata log from saying it. */
void mover_committed(struct mover *m, int err);
/* At a stop, when the pool is at rest: an empty directory stays, so that the next start begins anew. */
void mover_stop(struct mover *m);

/* What a move that is under way has copied; false if p is not being moved. */
bool mover_progress(const struct part *p, int *dir, int64_t *bytes, int64_t *offset_lag);

/* ---- at a start ---- */
/* Takes a directory's name apart; false if it is not that of a move. *index, *topic_n: of the partition. */
bool mover_name(const char *name, size_t *topic_n, int32_t *index);
/* The metadata log says that the partition lies in root. If a copy of it lies there that has not got its name
 * yet, it is whole: it gets it, and *was is set. */
int mover_finish(struct os *os, const char *root, struct uuid topic_id, const char *topic, int32_t index,
                 bool *was) MUST_USE;

#endif
