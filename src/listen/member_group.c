/* A member's partitions: rebalances, commits, pauses, where to begin and to go on. */
#include "listen/member_int.h"
#include "base/err.h"
#include "os/blocking.h"

#include <stdlib.h>

#define COMMIT_RETRIES 3 /* Spring's */
#define ASK_AGAIN_MS 1000

/* ---- commits ---- */
static rd_kafka_topic_partition_list_t *list_of_commits(struct member *m, const struct container_commit *c,
                                                        int n)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n; i++) {
        const struct place *p = &m->places[c[i].place];
        rd_kafka_topic_partition_list_add(l, p->topic, p->partition)->offset = c[i].offset;
    }
    return l;
}

static void not_committed(struct member *m, const rd_kafka_topic_partition_list_t *l, const char *why)
{
    member_log(m, "WARN", "commit failed: %s", why);
    member_tell(m, MOLDAU_COMMIT_FAILED, l, NULL, why);
    for (int i = 0; i < l->cnt; i++) {
        struct container_event ev = {.type = CONTAINER_UNCOMMITTED,
                                     .place = member_place(m, l->elems[i].topic, l->elems[i].partition),
                                     .offset = l->elems[i].offset};
        member_step(m, &ev);
    }
}

static void committed_later(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *l,
                            void *opaque)
{
    struct member *m = opaque;
    (void)rk;
    if (!l) return;
    if (err) not_committed(m, l, rd_kafka_err2str(err));
    else member_tell(m, MOLDAU_COMMITTED, l, NULL, NULL);
}

static bool passes(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           err == RD_KAFKA_RESP_ERR_NOT_COORDINATOR || err == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__TRANSPORT ||
           err == RD_KAFKA_RESP_ERR__WAIT_COORD || err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

static void commit_in_transaction(struct member *m, rd_kafka_topic_partition_list_t *l)
{
    struct strbuf why = {0};
    int rc = template_in_transaction(m->dead_letters) ? 0 : template_begin(m->dead_letters, &why);
    if (rc == 0) rc = template_commit(m->dead_letters, l, m->rk, &why);
    if (rc) {
        member_log(m, "WARN", "%s; the records come again", strbuf_cstr(&why));
        member_tell(m, MOLDAU_COMMIT_FAILED, l, NULL, strbuf_cstr(&why));
        if (template_fatal(m->dead_letters)) member_fatal(m, strbuf_cstr(&why));
        m->rewind = true;
    } else member_tell(m, MOLDAU_COMMITTED, l, NULL, NULL);
    strbuf_fini(&why);
}

void member_commit(struct member *m, const struct container_commit *c, int n, bool wait)
{
    rd_kafka_topic_partition_list_t *l = list_of_commits(m, c, n);
    if (m->o->transactional_id) commit_in_transaction(m, l);
    else if (!wait) {
        rd_kafka_resp_err_t err = rd_kafka_commit_queue(m->rk, l, m->queue, committed_later, m);
        if (err) not_committed(m, l, rd_kafka_err2str(err));
    } else {
        rd_kafka_resp_err_t err = 0;
        for (int i = 0; i <= COMMIT_RETRIES; i++)
            if (!(err = rd_kafka_commit(m->rk, l, 0)) || !passes(err)) break;
        if (err) not_committed(m, l, rd_kafka_err2str(err));
        else member_tell(m, MOLDAU_COMMITTED, l, NULL, NULL);
    }
    rd_kafka_topic_partition_list_destroy(l);
}

/* ---- pauses ---- */
static void apply_pauses(struct member *m)
{
    bool all = m->core_paused || m->waiting_paused || m->paused;
    rd_kafka_topic_partition_list_t *stop = rd_kafka_topic_partition_list_new(m->places_n),
                                    *go = rd_kafka_topic_partition_list_new(m->places_n);
    for (int i = 0; i < m->places_n; i++)
        if (m->places[i].held)
            rd_kafka_topic_partition_list_add(all || m->places[i].paused ? stop : go, m->places[i].topic,
                                              m->places[i].partition);
    if (stop->cnt) rd_kafka_pause_partitions(m->rk, stop);
    if (go->cnt) rd_kafka_resume_partitions(m->rk, go);
    rd_kafka_topic_partition_list_destroy(stop);
    rd_kafka_topic_partition_list_destroy(go);
    m->is_paused = all;
}

void member_pauses_changed(struct member *m)
{
    bool all = m->core_paused || m->waiting_paused || m->paused;
    if (all != m->is_paused) apply_pauses(m);
}

/* ---- what leaves ---- */
static void drop_polled(struct member *m)
{
    int to = 0;
    for (int i = 0; i < m->polled_n; i++)
        if (m->places[m->polled[i].place].held) m->polled[to++] = m->polled[i];
        else rd_kafka_message_destroy(m->polled[i].cookie);
    m->polled_n = to;
}

static void take_away(struct member *m, const int32_t *places, int n, bool lost)
{
    struct container_record *v = xcalloc((size_t)n + 1, sizeof *v);
    struct container_event ev = {.type = lost ? CONTAINER_LOST : CONTAINER_REVOKED, .records = v, .n = n};
    m->polled_rkt = NULL;
    for (int i = 0; i < n; i++) v[i].place = places[i];
    for (int i = 0; i < n; i++) m->places[places[i]].held = false;
    member_step(m, &ev);
    member_carry_out(m, true);
    free(v);
    drop_polled(m);
}

/* ---- where to begin ---- */
/* An absolute offset in *out; 0, or librdkafka's error. RD_KAFKA_OFFSET_STORED stays as it is. */
static rd_kafka_resp_err_t start_offset(struct member *m, const char *topic, int32_t partition,
                                        enum moldau_start_at start, int64_t value, int64_t *out)
{
    int64_t low, high;
    rd_kafka_resp_err_t err = 0;
    switch (start) {
    case MOLDAU_START_COMMITTED:
        *out = RD_KAFKA_OFFSET_STORED;
        break;
    case MOLDAU_START_BEGINNING:
        *out = RD_KAFKA_OFFSET_BEGINNING;
        break;
    case MOLDAU_START_END:
        *out = RD_KAFKA_OFFSET_END;
        break;
    case MOLDAU_START_OFFSET:
        *out = value;
        if (value >= 0) break;
        err = rd_kafka_query_watermark_offsets(m->rk, topic, partition, &low, &high, MEMBER_CALL_MS);
        if (!err) *out = max_i64(low, high + value);
        break;
    case MOLDAU_START_TIME: {
        rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(l, topic, partition)->offset = value;
        err = rd_kafka_offsets_for_times(m->rk, l, MEMBER_CALL_MS);
        if (!err) err = l->elems[0].err;
        if (!err) *out = l->elems[0].offset;
        rd_kafka_topic_partition_list_destroy(l);
        break;
    }
    }
    return err;
}

static void seek_to(struct member *m, int32_t place, int64_t offset)
{
    struct place *p = &m->places[place];
    int epoch = p->epoch;
    take_away(m, &place, 1, false);
    struct container_event ev = {.type = CONTAINER_ASSIGNED, .place = place};
    p->held = true;
    p->epoch = epoch + 1;
    member_step(m, &ev);
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, p->topic, p->partition)->offset = offset;
    rd_kafka_error_t *e = rd_kafka_seek_partitions(m->rk, l, MEMBER_CALL_MS);
    if (e)
        member_log(m, "WARN", "%s-%d: the seek failed: %s", p->topic, p->partition, rd_kafka_error_string(e));
    rd_kafka_error_destroy(e);
    rd_kafka_topic_partition_list_destroy(l);
}

void member_apply_order(struct member *m, const struct order *o)
{
    int64_t offset;
    if (o->what == ORDER_ACK) {
        member_apply_ack(m, o);
        return;
    }
    int32_t place = member_place(m, o->topic, o->partition);
    if (!m->places[place].held) return;
    if (o->what != ORDER_SEEK) {
        m->places[place].paused = o->what == ORDER_PAUSE;
        apply_pauses(m);
        return;
    }
    rd_kafka_resp_err_t err = start_offset(m, o->topic, o->partition, o->start, o->value, &offset);
    if (!err && offset == RD_KAFKA_OFFSET_STORED) offset = RD_KAFKA_OFFSET_BEGINNING;
    if (err)
        member_log(m, "WARN", "%s-%d: the seek failed: %s", o->topic, o->partition, rd_kafka_err2str(err));
    else seek_to(m, place, offset);
}

/* ---- rebalances ---- */
static bool cooperative(struct member *m)
{
    const char *p = rd_kafka_rebalance_protocol(m->rk);
    return p && strcmp(p, "COOPERATIVE") == 0;
}

/* A partition without a commit that begins at its end: the end is committed, so that what comes before the
 * first commit is not passed over after a restart (Spring's AssignmentCommitOption). */
static void commit_beginnings(struct member *m, rd_kafka_topic_partition_list_t *parts)
{
    if (!m->reset_latest || m->o->transactional_id || !parts->cnt) return;
    rd_kafka_topic_partition_list_t *known = rd_kafka_topic_partition_list_copy(parts),
                                    *begin = rd_kafka_topic_partition_list_new(parts->cnt);
    rd_kafka_resp_err_t err = rd_kafka_committed(m->rk, known, MEMBER_CALL_MS);
    for (int i = 0; !err && i < known->cnt; i++) {
        int64_t low, high;
        const rd_kafka_topic_partition_t *p = &known->elems[i];
        if (p->err || p->offset >= 0 ||
            rd_kafka_query_watermark_offsets(m->rk, p->topic, p->partition, &low, &high, MEMBER_CALL_MS))
            continue;
        rd_kafka_topic_partition_list_add(begin, p->topic, p->partition)->offset = high;
        rd_kafka_topic_partition_list_set_offset(parts, p->topic, p->partition, high);
    }
    if (begin->cnt) {
        err = rd_kafka_commit(m->rk, begin, 0);
        if (err) member_log(m, "WARN", "commit failed: %s", rd_kafka_err2str(err));
        else member_tell(m, MOLDAU_COMMITTED, begin, NULL, NULL);
    }
    rd_kafka_topic_partition_list_destroy(known);
    rd_kafka_topic_partition_list_destroy(begin);
}

static void hold(struct member *m, const rd_kafka_topic_partition_list_t *parts)
{
    m->polled_rkt = NULL;
    for (int i = 0; i < parts->cnt; i++) {
        int32_t place = member_place(m, parts->elems[i].topic, parts->elems[i].partition);
        struct container_event ev = {.type = CONTAINER_ASSIGNED, .place = place};
        m->places[place].held = true;
        m->places[place].epoch++;
        member_step(m, &ev);
    }
}

static void assigned(struct member *m, rd_kafka_topic_partition_list_t *parts)
{
    commit_beginnings(m, parts);
    hold(m, parts);
    if (!cooperative(m)) rd_kafka_assign(m->rk, parts);
    else {
        rd_kafka_error_t *e = rd_kafka_incremental_assign(m->rk, parts);
        if (e) member_log(m, "ERROR", "assigning failed: %s", rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
    }
    member_tell(m, MOLDAU_ASSIGNED, parts, NULL, NULL);
    apply_pauses(m);
}

static void revoked(struct member *m, rd_kafka_topic_partition_list_t *parts, bool lost)
{
    int32_t *places = xcalloc((size_t)parts->cnt + 1, sizeof *places);
    for (int i = 0; i < parts->cnt; i++)
        places[i] = member_place(m, parts->elems[i].topic, parts->elems[i].partition);
    member_tell(m, lost ? MOLDAU_LOST : MOLDAU_REVOKED_BEFORE_COMMIT, parts, NULL, NULL);
    take_away(m, places, parts->cnt, lost);
    if (!lost) member_tell(m, MOLDAU_REVOKED_AFTER_COMMIT, parts, NULL, NULL);
    for (int i = 0; i < parts->cnt; i++) m->places[places[i]].paused = false;
    rd_kafka_resume_partitions(m->rk, parts); /* a pause would outlive the assignment */
    if (!cooperative(m)) rd_kafka_assign(m->rk, NULL);
    else {
        rd_kafka_error_t *e = rd_kafka_incremental_unassign(m->rk, parts);
        if (e) member_log(m, "ERROR", "giving partitions back failed: %s", rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
    }
    free(places);
}

void member_rebalanced(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts,
                       void *opaque)
{
    struct member *m = opaque;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) assigned(m, parts);
    else revoked(m, parts, rd_kafka_assignment_lost(rk));
}

/* After a transaction that was not committed: everything from the committed offsets on comes again. */
void member_rewind(struct member *m)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(m->places_n);
    for (int i = 0; i < m->places_n; i++)
        if (m->places[i].held)
            rd_kafka_topic_partition_list_add(l, m->places[i].topic, m->places[i].partition);
    rd_kafka_resp_err_t err = l->cnt ? rd_kafka_committed(m->rk, l, MEMBER_CALL_MS) : 0;
    if (!err) m->rewind = false; /* else with the next poll */
    for (int i = 0; !err && i < l->cnt; i++) {
        int64_t to = l->elems[i].offset;
        if (to < 0) to = m->reset_latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
        seek_to(m, member_place(m, l->elems[i].topic, l->elems[i].partition), to);
    }
    rd_kafka_topic_partition_list_destroy(l);
}

void member_wake(struct member *m)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(m->places_n);
    for (int i = 0; i < m->places_n; i++)
        if (m->places[i].held)
            rd_kafka_topic_partition_list_add(l, m->places[i].topic, m->places[i].partition);
    ahead_wake(&m->ahead, m->rk, l, (int64_t)rd_kafka_queue_length(m->queue), os_now_mono_ms());
    rd_kafka_topic_partition_list_destroy(l);
}

/* Partitions that are given: those of this member, from where they say. Waits for brokers. */
void member_assign_given(struct member *m)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new((int)m->o->partitions_n);
    for (size_t i = 0; i < m->o->partitions_n; i++) {
        const struct moldau_partition *p = &m->o->partitions[i];
        int64_t offset;
        rd_kafka_resp_err_t err;
        if ((int)(i % (size_t)m->o->concurrency) != m->c.index) continue;
        while ((err = start_offset(m, p->topic, p->partition, p->start, p->value, &offset)) != 0 &&
               !m->stop) {
            member_log(m, "WARN", "%s-%d: where to begin is not known: %s; asking again", p->topic,
                       p->partition, rd_kafka_err2str(err));
            os_sleep_ms(ASK_AGAIN_MS);
        }
        rd_kafka_topic_partition_list_add(l, p->topic, p->partition)->offset = offset;
    }
    hold(m, l);
    rd_kafka_assign(m->rk, l);
    rd_kafka_topic_partition_list_destroy(l);
}
