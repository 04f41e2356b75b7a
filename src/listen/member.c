/* See member.h.
 *
 *   inbox (any thread) -> orders, acknowledgements, stop
 *   loop: inbox -> effects of the core, in their order -> poll, or a pause -> loop
 *
 * Invariants
 * 1. Everything but the inbox and the atomics belongs to the member's thread.
 * 2. A rebalance is answered in librdkafka's callback, which comes only out of a poll: then no effect is
 * open.
 * 3. m->polled holds what was polled and not yet told to the core. A message of a partition that leaves is
 * dropped from it. */
#include "listen/member_int.h"
#include "listen/options.h"
#include "listen/runtime.h"
#include "listen/tell.h"
#include "base/err.h"
#include "base/grow.h"
#include "base/hash.h"
#include "os/blocking.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define AWAKE_PAUSE_MS 250 /* a longer pause polls meanwhile, with everything paused */
#define PAUSED_POLL_MS 100

/* ---- telling ---- */
void member_log(struct member *m, const char *level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell_log(m->o, level, fmt, ap);
    va_end(ap);
}

void member_fatal(struct member *m, const char *why)
{
    if (!m->fatal) m->fatal = xstrdup(why);
}

void member_tell(struct member *m, enum moldau_event event, const rd_kafka_topic_partition_list_t *parts,
                 const struct moldau_record *r, const char *why)
{
    struct moldau_event_info info = {
        .event = event, .consumer = m->c.index, .record = r, .why = why, .client = m->rk};
    tell_event(m->o, &info, parts);
}

/* ---- the core ---- */
void member_step(struct member *m, struct container_event *ev)
{
    enum container_ack ack = m->core.config.ack;
    bool times = ack == CONTAINER_TIME || ack == CONTAINER_COUNT_TIME;
    /* Nothing looks at the time of what went well, and reading it is much beside a small record's way. */
    if (ev->type != CONTAINER_RETURNED || ev->result != CONTAINER_OK || times) {
        m->random = hash_u64(m->random + 1);
        ev->now_ms = os_now_mono_ms();
        ev->random = (double)(m->random >> 11) / (double)(1ull << 53);
    }
    container_step(&m->core, ev, &m->effects);
}

int32_t member_place(struct member *m, const char *topic, int32_t partition)
{
    if (m->last_place < m->places_n && m->places[m->last_place].partition == partition &&
        strcmp(m->places[m->last_place].topic, topic) == 0)
        return m->last_place;
    for (int32_t i = 0; i < m->places_n; i++)
        if (m->places[i].partition == partition && strcmp(m->places[i].topic, topic) == 0)
            return m->last_place = i;
    m->places = grown(m->places, m->places_n, &m->places_cap, sizeof *m->places);
    m->places[m->places_n] = (struct place){.topic = xstrdup(topic), .partition = partition};
    return m->places_n++;
}

/* ---- the inbox ---- */
void member_order(struct member *m, enum member_order what, const char *topic, int32_t partition,
                  enum moldau_start_at start, int64_t value)
{
    struct order *o = xcalloc(1, sizeof *o);
    list_init(&o->in_inbox);
    o->what = what == MEMBER_PAUSE ? ORDER_PAUSE : what == MEMBER_RESUME ? ORDER_RESUME : ORDER_SEEK;
    o->topic = xstrdup(topic);
    o->partition = partition;
    o->start = start;
    o->value = value;
    member_post(m, o);
}

static void read_inbox(struct member *m)
{
    struct list orders;
    if (!m->full) return;
    list_init(&orders);
    pthread_mutex_lock(&m->lock);
    list_splice(&orders, &m->inbox);
    m->full = false;
    pthread_mutex_unlock(&m->lock);
    LIST_FOREACH(n, &orders)
    {
        struct order *o = LIST_ENTRY(n, struct order, in_inbox);
        list_remove(n);
        member_apply_order(m, o);
        if (o->what == ORDER_ACK) member_free_ack(o);
        else {
            free(o->topic);
            free(o);
        }
    }
}

/* ---- effects ---- */
static void carry_out_one(struct member *m, const struct container_effect *x, bool wait)
{
    switch (x->type) {
    case CONTAINER_DELIVER:
        member_deliver(m, x);
        break;
    case CONTAINER_COMMIT:
        member_commit(m, m->effects.commits + x->from, x->n, wait);
        break;
    case CONTAINER_RECOVER:
        member_give_up(m, x);
        break;
    case CONTAINER_DROPPED:
        rd_kafka_message_destroy(x->cookie);
        break;
    case CONTAINER_PAUSE:
    case CONTAINER_RESUME:
        m->core_paused = x->type == CONTAINER_PAUSE;
        break;
    case CONTAINER_POLL:
        m->want_poll = true;
        m->room = x->room;
        break;
    }
}

/* Until none is left. Within a call of the listener, and a rebalance: what an acknowledgement has led to. */
void member_carry_out(struct member *m, bool wait)
{
    while (m->effect_at < m->effects.n) {
        struct container_effect x = m->effects.v[m->effect_at++];
        carry_out_one(m, &x, wait);
        if (m->effect_at == m->effects.n) m->effect_at = m->effects.n = m->effects.commits_n = 0;
    }
}

/* ---- polling ---- */
static void take(struct member *m, rd_kafka_message_t *x)
{
    if (!x->err) {
        m->polled = grown(m->polled, m->polled_n, &m->polled_cap, sizeof *m->polled);
        if (x->rkt != m->polled_rkt || x->partition != m->places[m->polled_place].partition) {
            m->polled_place = member_place(m, rd_kafka_topic_name(x->rkt), x->partition);
            m->polled_rkt = x->rkt;
        }
        if (m->places[m->polled_place].held) {
            m->polled[m->polled_n++] = (struct container_record){m->polled_place, x->offset, x};
            m->polled_bytes += (int64_t)x->len;
            return;
        }
    } else if (x->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        member_fatal(m, "a partition has no committed offset and auto.offset.reset is none: commit one "
                        "(consumer-groups --reset-offsets) or choose earliest or latest");
    else if (x->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
             x->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        member_fatal(m, rd_kafka_message_errstr(x));
    else if (x->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        member_log(m, "WARN", "%s", rd_kafka_message_errstr(x));
    rd_kafka_message_destroy(x);
}

/* Waits for the first only. */
static void collect(struct member *m, int room, int64_t timeout_ms)
{
    int before = m->polled_n;
    m->polled_bytes = 0;
    rd_kafka_message_t *x = rd_kafka_consumer_poll(m->rk, (int)timeout_ms);
    if (x) take(m, x);
    while (m->polled_n < room && (x = rd_kafka_consumer_poll(m->rk, 0)) != NULL) take(m, x);
    if (ahead_is_low(&m->ahead, (int64_t)rd_kafka_queue_length(m->queue), m->polled_n - before,
                     m->polled_bytes, os_now_mono_ms()))
        member_wake(m);
}

static int by_place(const void *a, const void *b)
{
    const struct container_record *x = a, *y = b;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void check_idle(struct member *m, bool came)
{
    int64_t now = os_now_mono_ms();
    if (came) {
        if (m->idle) member_tell(m, MOLDAU_NO_LONGER_IDLE, NULL, NULL, NULL);
        m->idle = false;
        m->told_idle_ms = now;
    } else if (m->o->idle_event_ms > 0 && now - m->told_idle_ms >= m->o->idle_event_ms) {
        m->idle = true;
        m->told_idle_ms = now;
        member_tell(m, MOLDAU_IDLE, NULL, NULL, NULL);
    }
}

static int64_t poll_timeout_ms(const struct member *m)
{
    int64_t ms = m->o->poll_timeout_ms, now = os_now_mono_ms();
    if (m->room < m->core.poll_max || m->polled_n) return 0; /* something waits here already */
    if (m->core_paused || m->paused) ms = min_i64(ms, PAUSED_POLL_MS);
    if (m->o->idle_event_ms > 0) ms = min_i64(ms, max_i64(m->told_idle_ms + m->o->idle_event_ms - now, 0));
    if (m->o->ack_mode == MOLDAU_ACK_TIME || m->o->ack_mode == MOLDAU_ACK_COUNT_TIME)
        ms = min_i64(ms, max_i64(m->core.committed_ms + m->o->ack_time_ms + 1 - now, 1));
    return ms;
}

static void poll_round(struct member *m)
{
    if (m->rewind) member_rewind(m);
    member_pauses_changed(m);
    collect(m, m->room > 0 ? m->room : 1, poll_timeout_ms(m));
    check_idle(m, m->polled_n > 0);
    read_inbox(m);
    /* What comes again waits here while the container is paused. */
    if (m->stop || m->fatal || (m->paused && m->room < m->core.poll_max && !m->polled_n)) {
        if (!m->stop && !m->fatal) os_sleep_ms(PAUSED_POLL_MS);
        return;
    }
    bool sorted = true; /* librdkafka gives each partition's in order, mostly one after the other */
    for (int i = 1; i < m->polled_n && sorted; i++) sorted = by_place(&m->polled[i - 1], &m->polled[i]) < 0;
    if (!sorted) qsort(m->polled, (size_t)m->polled_n, sizeof *m->polled, by_place);
    struct container_event ev = {.type = CONTAINER_POLLED, .records = m->polled, .n = m->polled_n};
    m->want_poll = false;
    m->polled_n = 0;
    member_step(m, &ev);
}

/* A pause of the core's. A long one polls meanwhile, or the group would take the partitions away. */
static void wait_round(struct member *m)
{
    int64_t left = m->core.deadline_ms - os_now_mono_ms();
    struct container_event ev = {.type = CONTAINER_TICK};
    if (left <= 0) {
        m->waiting_paused = false;
        member_step(m, &ev);
    } else if (left <= AWAKE_PAUSE_MS && !m->waiting_paused) os_sleep_ms(min_i64(left, 20));
    else {
        m->waiting_paused = true;
        member_pauses_changed(m);
        collect(m, 0, min_i64(left, PAUSED_POLL_MS));
    }
}

static void stop_core(struct member *m)
{
    struct container_event ev = {.type = CONTAINER_STOP};
    if (m->core.stopping) return;
    for (int i = 0; i < m->polled_n; i++) rd_kafka_message_destroy(m->polled[i].cookie);
    m->polled_n = 0;
    member_step(m, &ev);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct member *m = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__FATAL ||
        err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        member_fatal(m, reason);
    else if (runtime_away(err)) { /* librdkafka tells each attempt */
        if (os_now_mono_ms() < m->away_ms) return;
        m->away_ms = os_now_mono_ms() + RUNTIME_AWAY_MS;
        member_log(m, "WARN", "%s; trying again", reason);
    } else if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) member_log(m, "WARN", "%s", reason);
}

/* ---- the thread ---- */
static bool subscribe(struct member *m)
{
    int n = m->c.topics ? m->c.topics_n : (int)m->o->topics_n;
    const char *const *topics = m->c.topics ? m->c.topics : m->o->topics;
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n; i++) rd_kafka_topic_partition_list_add(l, topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(m->rk, l);
    rd_kafka_topic_partition_list_destroy(l);
    if (err) member_fatal(m, rd_kafka_err2str(err));
    return !err;
}

/* Brokers that are away may come back; such as answer, and know no coordinator, never will have one. */
static void begin_transactions(struct member *m)
{
    struct strbuf why = {0};
    const struct rd_kafka_metadata *md;
    while (!m->stop && !m->fatal && template_ready(m->dead_letters, &why)) {
        rd_kafka_resp_err_t err = rd_kafka_metadata(m->rk, 0, NULL, &md, MEMBER_CALL_MS);
        if (!err) rd_kafka_metadata_destroy(md);
        if (!err || template_fatal(m->dead_letters)) {
            strbuf_add_cstr(&why, "; has this cluster a transaction coordinator?");
            member_fatal(m, strbuf_cstr(&why));
        } else member_log(m, "WARN", "%s; trying again", strbuf_cstr(&why));
        strbuf_reset(&why);
    }
    strbuf_fini(&why);
}

static void close_member(struct member *m)
{
    if (m->o->transactional_id && template_in_transaction(m->dead_letters)) template_abort(m->dead_letters);
    if (m->o->partitions_n && !m->c.topics) rd_kafka_unsubscribe(m->rk);
    rd_kafka_consumer_close(m->rk); /* rebalanced is called for what is held */
    if (m->fatal) {
        m->c.failed(m->c.arg, m->fatal);
        member_log(m, "ERROR", "%s", m->fatal);
        member_tell(m, MOLDAU_FAILED, NULL, NULL, m->fatal);
    }
    m->c.ended(m->c.arg);
}

static void run(void *arg)
{
    struct member *m = arg;
    member_self = m;
    m->told_idle_ms = os_now_mono_ms();
    m->want_poll = true;
    m->room = m->core.poll_max;
    if (m->o->transactional_id) begin_transactions(m);
    if (m->fatal) m->stop = true;
    else if (m->o->partitions_n && !m->c.topics) member_assign_given(m);
    else subscribe(m);
    for (;;) {
        read_inbox(m);
        member_carry_out(m, !m->o->async_commits);
        if ((m->stop || m->fatal) && !m->core.stopping) {
            stop_core(m);
            member_carry_out(m, true);
        }
        if (container_stopped(&m->core)) break;
        if (m->core.state == CONTAINER_BACKOFF) wait_round(m);
        else if (m->want_poll) poll_round(m);
    }
    close_member(m);
}

/* ---- life ---- */
static bool open_transactions(struct member *m, struct strbuf *why)
{
    struct moldau_template_options o;
    struct strbuf id = {0};
    if (!m->o->transactional_id) return true;
    moldau_template_options_init(&o);
    strbuf_printf(&id, "%s%d", m->o->transactional_id, m->c.index);
    o.bootstrap_servers = m->o->bootstrap_servers;
    o.properties = m->o->producer_properties;
    o.properties_n = m->o->producer_properties_n;
    o.transactional_id = id.s;
    m->dead_letters = template_new(&o, why);
    strbuf_fini(&id);
    return m->dead_letters != NULL;
}

struct member *member_new(const struct member_config *c, struct strbuf *why)
{
    const struct moldau_container_options *o = c->o;
    char error[512];
    struct member *m = xcalloc(1, sizeof *m);
    bool tx = o->transactional_id != NULL, retries = o->retry_topics > 0;
    struct container_config core = {.ack = (enum container_ack)o->ack_mode,
                                    .batch = o->on_batch != NULL,
                                    .ack_count = o->ack_count,
                                    .ack_time_ms = o->ack_time_ms,
                                    .async_acks = o->async_acks,
                                    .commit_recovered = o->commit_recovered || retries,
                                    .attempts_max = retries ? 1 : o->attempts,
                                    .backoff_ms = o->backoff_ms,
                                    .backoff_factor = o->backoff_factor,
                                    .backoff_ms_max = o->backoff_max_ms,
                                    .jitter = o->backoff_jitter};
    if (tx) core.ack = o->on_batch ? CONTAINER_BATCH : CONTAINER_RECORD;
    m->c = *c;
    m->o = o;
    m->random = hash_u64((uint64_t)os_now_wall_ms() ^ (uint64_t)(uintptr_t)m);
    pthread_mutex_init(&m->lock, NULL);
    list_init(&m->inbox);
    container_effects_init(&m->effects);
    container_init(&m->core, &core, o->max_poll_records, os_now_mono_ms());
    rd_kafka_conf_t *conf = options_consumer_conf(m->o, m->c.index, m->c.retry_level, &m->reset_latest, why);
    if (conf) {
        rd_kafka_conf_set_opaque(conf, m);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_rebalance_cb(conf, member_rebalanced);
        m->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
        if (!m->rk) {
            rd_kafka_conf_destroy(conf);
            strbuf_add_cstr(why, error);
        }
    }
    if (!m->rk || !open_transactions(m, why)) {
        member_free(m);
        return NULL;
    }
    rd_kafka_poll_set_consumer(m->rk);
    m->queue = rd_kafka_queue_get_consumer(m->rk);
    ahead_init(&m->ahead, rd_kafka_conf(m->rk));
    return m;
}

void member_start(struct member *m)
{
    m->thread = os_thread_start(run, m);
}

void member_stop(struct member *m)
{
    m->stop = true;
    if (m->queue) rd_kafka_queue_yield(m->queue);
}

void member_set_paused(struct member *m, bool paused)
{
    m->paused = paused;
    rd_kafka_queue_yield(m->queue);
}

void member_free(struct member *m)
{
    if (m->thread) os_thread_join(m->thread);
    read_inbox(m);
    member_carry_out(m, true);
    for (int i = 0; i < m->polled_n; i++) rd_kafka_message_destroy(m->polled[i].cookie);
    moldau_template_free(m->dead_letters);
    if (m->queue) rd_kafka_queue_destroy(m->queue);
    if (m->rk) rd_kafka_destroy(m->rk);
    container_fini(&m->core);
    container_effects_fini(&m->effects);
    for (int i = 0; i < m->places_n; i++) free(m->places[i].topic);
    free(m->places);
    free(m->polled);
    free(m->records);
    message_headers_fini(&m->headers);
    pthread_mutex_destroy(&m->lock);
    free(m->why);
    free(m->fatal);
    free(m);
}
