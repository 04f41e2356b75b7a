/* A consumer group in the simulation: what its members know, and what is known of it. */
#ifndef MOLDAU_SIM_WORK_GROUP_H
#define MOLDAU_SIM_WORK_GROUP_H

#include "work_int.h"

#define GROUP "together"
#define MEMBERS_MAX 4
#define ID_MAX 64
#define PLAN_MAX 16 /* members that a leader may meet: ours, and ids that have not expired */
#define SESSION_MS_MAX 12000

enum place { OUT, JOINED, IN };
struct share {
    bool owned;
    int64_t position, committed; /* -1: to be asked for */
    bool confirmed, read;        /* at the end: the broker says so, and there is no more */
};
/* What a member was, for a commit that comes too late. */
struct past {
    bool any;
    char id[ID_MAX];
    int32_t generation;
    int64_t position;
};
struct member {
    struct client client;
    int at;
    uint64_t turn;        /* only the last one that was arranged counts */
    const char *instance; /* NULL: a dynamic member */
    char id[ID_MAX];
    enum place place;
    int32_t generation;
    bool leads, coordinated, dead;
    int32_t session_ms, rebalance_ms;
    int16_t join_version, sync_version;
    int64_t heard_ns; /* when the coordinator last knew that it lives */
    struct share share[PARTITIONS];
    struct past past;
    char plan[PLAN_MAX][ID_MAX];
    int plan_n;
    /* the request under way */
    uint64_t life;
    int32_t asked_generation, newest;
    int partition;
    int64_t offset, floor;
};
struct group {
    struct member members[MEMBERS_MAX];
    int n;
    bool done;
    int32_t joined, synced; /* the newest generation that was answered; only the latter is in the log */
    uint64_t joined_life;
    struct {
        int32_t generation;
        int member;
    } owner[PARTITIONS];
    int64_t floor[PARTITIONS]; /* what was acknowledged last */
    int64_t tried[PARTITIONS]; /* the highest that was sent */
    int64_t read[PARTITIONS];  /* one past what somebody has read */
};
extern struct group group;

/* Of the group's records some may be damaged: then nothing is known of it. */
static inline bool group_lost(void)
{
    return damage.offsets;
}

/* ---- work_member.c ---- */
void member_soon(struct member *m, int64_t ns);
/* In the pace of a member at work. */
void member_later(struct member *m);

/* ---- work_group.c: each makes one request, after whose answer the member goes on ---- */
void member_find(struct member *m);
void member_join(struct member *m);
void member_sync(struct member *m);
void member_beat(struct member *m);
void member_leave(struct member *m);
/* Notes for a request of m's generation what is known when it is sent; member_heard judges the answer by it.
 */
void member_note(struct member *m);
/* What an answer says of the member itself. */
void member_heard(struct member *m, int err, const char *what);
void member_go_out(struct member *m, bool forget_id);

#endif
