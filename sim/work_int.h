/* What the clients of a run have in common. */
#ifndef MOLDAU_SIM_WORK_INT_H
#define MOLDAU_SIM_WORK_INT_H

#include "ask.h"
#include "conf/conf.h"

#define PARTITIONS 3
#define TOPIC "log"
#define KEPT "kept" /* the compacted topic */

struct run {
    struct machine *machine;
    struct conf conf;
    bool quiet; /* the end: no faults, no new work */
    bool topic_made;
    bool apart;     /* acks=1 has a partition of its own */
    int32_t losses; /* of power, so far */
    int64_t pace;   /* a run of weeks has the same number of events as one of minutes */
};
extern struct run run;
/* Mostly short, sometimes minutes. */
int64_t pause_ns(void);
static inline bool may_retry(int code)
{
    return kafka_error_retriable(code);
}

/* ---- work_fate.c ---- */
struct struck {
    bool on;
    int victim;  /* the partition whose records it may strike */
    bool done;   /* it has */
    bool sealed; /* and a segment that is closed, which the scrub reads */
    bool scrub;
    bool named;   /* and the log says so */
    bool refused; /* a client's checksum did */
    bool offsets; /* the records of committed offsets were struck */
    struct damage metadata;
};
extern struct struck damage;
static inline bool struck(int partition)
{
    return damage.done && partition == damage.victim;
}
void fate_draw(int64_t seconds);
/* The machine starts, and what happens to it begins. */
void fate_start(void);
/* To be told of the first acknowledged change. */
void fate_topic_made(void);
/* No faults any more. */
void fate_end(void);

/* ---- work_session.c: a consumer with a fetch session ---- */
void session_start(void);

/* ---- work_hostile.c: frames that make no sense, in some runs ---- */
void hostile_start(void);
void hostile_quiet(void);

/* ---- work_traffic.c: producers and readers of TOPIC ---- */
void traffic_start(void);
/* What was begun goes on to its end. */
void traffic_quiet(void);
bool traffic_settled(void);
void traffic_tell(char *to, size_t n); /* what has not */
/* Reads all of it, once everything has settled. */
void traffic_read(void);
bool traffic_all_read(void);
void traffic_check(void);
/* Below it everything was acknowledged with acks=all, or is known to be synced. */
int64_t traffic_end(int partition); /* as it was read last */
int64_t traffic_durable_end(int partition);

/* ---- work_group.c ---- */
void group_start(void);
void group_quiet(void);
bool group_settled(void);
void group_tell(char *to, size_t n); /* who is where */

/* ---- work_kept.c ---- */
void kept_start(void);
void kept_quiet(void);
bool kept_settled(void);
/* False: the topic was never made. */
bool kept_read(void);
bool kept_all_read(void);
void kept_check(void);

/* ---- work_admin.c ---- */
void admin_init(void);
void mover_start(void);
void commits_start(void);
void admin_start(void);
void admin_quiet(void);
bool admin_settled(void);

#endif
