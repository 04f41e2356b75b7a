/* What a listener does with the records of a group's partitions, as a pure core: which record may be worked
 * on, when it is tried again, when it is given up, and up to where a partition may be committed. No clock, no
 * I/O: listen_step(state, event) -> effects. The shell polls, runs handlers, sends dead letters and commits.
 *
 *   RECORD -> WAITING --its turn, a worker is free--> RUNNING --OK--> DONE
 *               ^                                       | RETRY, attempts are left
 *               +------- its time has come -- BACKOFF <-+
 *                                                       | DEAD, or no attempt is left
 *                                                       +--> DYING --dead letter is safe--> DONE
 *
 * Order: of one partition, of one key, or none. A record waits until the one before it in its order is DONE,
 * however often that is tried. A partition is committed up to its first record that is not DONE; what is DONE
 * beyond goes into the commit's metadata (listen_done.h), so that whoever has the partition next repeats none
 * of it. */
#ifndef MOLDAU_LISTEN_H
#define MOLDAU_LISTEN_H

#include "base/arena.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/strbuf.h"

enum listen_order { LISTEN_UNORDERED, LISTEN_PARTITION, LISTEN_KEY };

struct listen_config {
    enum listen_order order;
    int workers_max;       /* so many records are worked on at a time */
    int window_max;        /* so many records of a partition are held; more pause it */
    int attempts_max;      /* of a record, the first one included; at least 1 */
    int64_t backoff_ms;    /* before the second attempt */
    double backoff_factor; /* of each pause against the one before; 1: always the same */
    int64_t backoff_ms_max;
    double jitter;     /* 0..1: that part of a pause is drawn at random */
    bool dead_letters; /* a record that is given up is sent away; else it counts as done */
};

struct listen_record; /* of the core */

/* AGAIN: it was not the record's fault; at once, and no attempt is counted. */
enum listen_result { LISTEN_OK, LISTEN_RETRY, LISTEN_DEAD, LISTEN_AGAIN };
enum listen_event_type {
    LISTEN_ASSIGNED, /* partition; done: what its commit's metadata says, NULL: nothing */
    LISTEN_REVOKED,  /* partition: nothing of it is begun any more; running records are waited for */
    LISTEN_LOST,     /* partition: somebody else has it already; what runs ends for nothing */
    LISTEN_RECORD,   /* partition, offset, key, cookie */
    LISTEN_RESULT,   /* record, result: its handler has ended */
    LISTEN_SENT,     /* record, ok: its dead letter is safe, or could not be sent */
    LISTEN_TICK,     /* the deadline is here */
    LISTEN_STOP,     /* nothing is begun any more */
};
struct listen_event {
    enum listen_event_type type;
    int64_t now_ms;    /* of a clock that nobody sets */
    double random;     /* 0..1, for jitter */
    int32_t partition; /* the shell's number of a topic's partition */
    int64_t offset;
    struct slice key; /* p == NULL: none */
    void *cookie;     /* the shell's; given back in effects */
    struct slice done;
    struct listen_record *record;
    enum listen_result result;
    int64_t pause_ms; /* with RETRY: not before so much time has passed */
    bool ok;
};

enum listen_effect_type {
    LISTEN_BEGIN,   /* record, cookie, attempt: run the handler */
    LISTEN_BURY,    /* record, cookie, attempt: send the dead letter */
    LISTEN_FORGET,  /* cookie: it is done with, or of a partition that is gone; free it */
    LISTEN_PAUSE,   /* partition */
    LISTEN_RESUME,  /* partition */
    LISTEN_DRAINED, /* partition: it was revoked and nothing of it runs; commit it now */
};
struct listen_effect {
    enum listen_effect_type type;
    int32_t partition;
    struct listen_record *record;
    void *cookie;
    int attempt;
};
struct listen_effects {
    struct listen_effect *v;
    int n, cap;
    int64_t deadline_ms; /* step LISTEN_TICK then; INT64_MAX: never */
};

struct listen {
    struct listen_config config;
    struct map partitions; /* struct listen_partition */
    struct list ready;     /* records whose turn it is */
    struct heap backoffs;
    int running;
    bool stopping;
    uint64_t seed;
};

void listen_init(struct listen *l, const struct listen_config *config, uint64_t seed);
void listen_fini(struct listen *l);
void listen_effects_init(struct listen_effects *e);
void listen_effects_fini(struct listen_effects *e);
/* Appends to the effects. */
void listen_step(struct listen *l, const struct listen_event *ev, struct listen_effects *e);
/* The offset up to which a partition may be committed; -1: nothing was done since listen_committed. */
int64_t listen_commit_offset(const struct listen *l, int32_t partition);
/* The metadata that belongs to it, at most bytes_max long; "" if nothing beyond it is done. */
void listen_commit_metadata(const struct listen *l, int32_t partition, size_t bytes_max, struct strbuf *out);
/* That offset is committed. */
void listen_committed(struct listen *l, int32_t partition, int64_t offset);
/* Calls f for every partition that is held, in no order. */
void listen_each_partition(struct listen *l, void (*f)(void *arg, int32_t partition), void *arg);
/* Records that are being worked on or buried. */
int listen_busy(const struct listen *l);
/* Asserts what must be true between steps. */
void listen_check(const struct listen *l);

#endif
