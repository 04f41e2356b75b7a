/* Incremental fetch sessions (KIP-227): the broker remembers what a consumer wants, so that an idle poll
 * names nothing.
 *
 * A session is the broker's, whichever connection its client comes over. It lives on the shard where it was
 * made, which its id names, and is lent to the shard of a connection that fetches with it. */
#ifndef MOLDAU_FETCH_SESSION_H
#define MOLDAU_FETCH_SESSION_H

#include "broker/broker.h"
#include "kp/fetch.h"

struct fetch_part;
struct fetch_want {
    struct slice topic; /* names: valid while the session or request lives */
    struct uuid topic_id;
    int32_t index, leader_epoch, last_epoch;
    int64_t offset;
    int32_t max_bytes;
    struct fetch_session_part *in_session; /* NULL without a session */
    /* for fetch.c: */
    int err; /* there is no such partition */
    struct fetch_part *part;
};
struct fetch_session;
struct fetch_sessions;

/* Caller-owned until done, which runs on the shard of r, perhaps before fetch_session_borrow returns. */
struct fetch_loan {
    struct os_msg msg;
    struct list in_session; /* while another fetch has the session */
    struct req *r;
    int32_t id;
    struct fetch_session *session; /* NULL: there is none */
    void (*done)(struct fetch_loan *l);
};
void fetch_session_borrow(struct broker *b, struct fetch_loan *l);
/* What this request wants. lent: the session that it continues, NULL if it is none; on an error it is given
 * back. *session is NULL for sessionless fetches. What the wants lead to lives in r's arena or the session,
 * not in the request. */
int fetch_session_open(struct broker *b, struct req *r, const struct kp_fetch_request *in,
                       struct fetch_session *lent, struct fetch_session **session, bool *incremental,
                       struct fetch_want **wants, int *n) MUST_USE;
int32_t fetch_session_id(const struct fetch_session *s);
/* Whether a partition belongs into the answer; remembers what it said. records: it gets some; diverges: the
 * answer names where its log parts from the fetcher's. */
bool fetch_session_changed(struct fetch_want *w, int err, int64_t high_watermark, int64_t log_start,
                           bool records, bool diverges, bool incremental);
/* The answer is built. Partitions that got records go to the end of the session's order; it goes back to its
 * shard, and may be evicted from now on. */
void fetch_session_done(struct broker *b, struct fetch_session *s);
void fetch_sessions_free(struct fetch_sessions *s);

#endif
