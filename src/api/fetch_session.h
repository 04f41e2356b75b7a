/* Incremental fetch sessions (KIP-227): the broker remembers what a consumer wants, so that an idle poll
 * names nothing. A session lives on its connection's shard; a client that comes back on another shard starts
 * anew. */
#ifndef MOLDAU_FETCH_SESSION_H
#define MOLDAU_FETCH_SESSION_H

#include "broker/broker.h"
#include "kp/fetch.h"

struct fetch_want {
    struct slice topic; /* names: valid while the session or request lives */
    struct uuid topic_id;
    int32_t index, leader_epoch, last_epoch;
    int64_t offset;
    int32_t max_bytes;
    struct fetch_session_part *in_session; /* NULL without a session */
};
struct fetch_session;
struct fetch_sessions;
/* What this request wants, by its session's memory. *session is NULL for sessionless fetches. */
int fetch_session_open(struct broker *b, struct req *r, const struct kp_fetch_request *in,
                       struct fetch_session **session, bool *incremental, struct fetch_want **wants,
                       int *n) MUST_USE;
int32_t fetch_session_id(const struct fetch_session *s);
/* Whether a partition belongs into the answer; remembers what it said. records: it gets some; diverges: the
 * answer names where its log parts from the fetcher's. */
bool fetch_session_changed(struct fetch_session *s, struct fetch_want *w, int err, int64_t high_watermark,
                           int64_t log_start, bool records, bool diverges, bool incremental);
/* The answer is built; the session may be evicted from now on. Partitions that got records go to the end of
 * its order; the wants' in_session are stale. */
void fetch_session_done(struct fetch_session *s);
void fetch_sessions_free(struct fetch_sessions *s);

#endif
