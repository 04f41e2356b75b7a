/* See tutorial.h.
 *
 *   poll -> batch of up to max.poll.records -> each: START, wait, END -> commit -> poll
 *                                                                          |-> refused: they come again
 *   Nobody polls meanwhile. That is the point: librdkafka leaves the group once max.poll.interval.ms is over,
 *   as Java's client does. */
#include "app/tutorial.h"
#include "app/work.h"
#include "cli/rk_tool.h"
#include "listen/runtime.h"
#include "os/blocking.h"

#include <stdio.h>
#include <stdlib.h>

#define POLL_MS 200
#define LOOK_MS 100 /* how late a signal may be seen */
#define DEAD_MS 30000

struct tutorial {
    const struct tutorial_options *o;
    rd_kafka_t *rk, *producer;
    rd_kafka_message_t **batch;
    int batch_n, batch_done;
    int64_t polled_ms;
    bool ending;
    const char *fatal;
};

/* The first signal lets the record that runs come to its end, the second does not. */
static void tutorial_signals(struct tutorial *t)
{
    if (!rk_signal) return;
    if (t->ending) {
        fprintf(stderr, "ended at once; records that were worked on come again\n");
        exit(128 + rk_signal);
    }
    t->ending = true;
    rk_signal = 0;
    look_state(t->o->look, "Ending: the record that is being processed comes to its end.");
}

static void tutorial_sleep(struct tutorial *t, int64_t until_ms)
{
    for (int64_t now; (now = os_now_mono_ms()) < until_ms;) {
        os_sleep_ms(min_i64(until_ms - now, LOOK_MS));
        tutorial_signals(t);
    }
}

static void tutorial_state(struct tutorial *t)
{
    if (t->ending) return;
    if (!t->batch_n) look_state(t->o->look, "%s", "");
    else
        look_state(t->o->look, "Record %d of a poll of %d, %lld s after it; no other poll before the last.",
                   t->batch_done + 1, t->batch_n, (long long)(os_now_mono_ms() - t->polled_ms) / 1000);
}

/* ---- dead letters ---- */
struct letter {
    bool ended;
    rd_kafka_resp_err_t err;
};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct letter *l = m->_private;
    (void)rk;
    (void)opaque;
    l->ended = true;
    l->err = m->err;
}

static bool tutorial_send(struct tutorial *t, const rd_kafka_message_t *m, const char *topic)
{
    struct letter l = {false, 0};
    rd_kafka_headers_t *h = runtime_dead_headers(m, t->o->group, WORK_NO_VALUE);
    l.err = rd_kafka_producev(t->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_VALUE(m->payload, m->len),
                              RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(&l), RD_KAFKA_V_END);
    if (l.err) rd_kafka_headers_destroy(h);
    for (l.ended = l.err != 0; !l.ended; tutorial_signals(t)) rd_kafka_poll(t->producer, LOOK_MS);
    if (l.err) rk_say("ERROR", "the dead letter for %s was not taken: %s", topic, rd_kafka_err2str(l.err));
    return l.err == 0;
}

/* Until it is safe, or the application ends; then the record comes again. */
static bool tutorial_bury(struct tutorial *t, const rd_kafka_message_t *m)
{
    struct strbuf topic;
    rk_say("ERROR", "%s-%d at offset %lld is given up: %s", t->o->topic, m->partition, (long long)m->offset,
           WORK_NO_VALUE);
    look_dead(t->o->look);
    if (!t->producer) return true;
    strbuf_init(&topic);
    strbuf_printf(&topic, "%s%s", t->o->topic, t->o->dead_suffix);
    bool sent = tutorial_send(t, m, strbuf_cstr(&topic));
    while (!sent && !t->ending) {
        tutorial_sleep(t, os_now_mono_ms() + 1000);
        sent = tutorial_send(t, m, strbuf_cstr(&topic));
    }
    strbuf_fini(&topic);
    return sent;
}

/* ---- records ---- */
/* false: it is not done with, because the application ends. */
static bool tutorial_record(struct tutorial *t, const rd_kafka_message_t *m)
{
    struct work w;
    double pause_ms = (double)t->o->backoff_ms;
    for (int attempt = 1; !work_begin(&w, m, false, t->o->look); attempt++) {
        rk_say("WARN", "%s-%d at offset %lld, attempt %d: %s", t->o->topic, m->partition,
               (long long)m->offset, attempt, WORK_NO_VALUE);
        if (attempt >= t->o->attempts_max) return tutorial_bury(t, m);
        if (pause_ms > (double)t->o->backoff_ms_max) pause_ms = (double)t->o->backoff_ms_max;
        tutorial_sleep(t, os_now_mono_ms() + (int64_t)pause_ms);
        if (t->ending) return false;
        pause_ms *= t->o->backoff_factor;
    }
    while (os_now_mono_ms() < w.due_ms) {
        tutorial_state(t);
        tutorial_sleep(t, min_i64(w.due_ms, os_now_mono_ms() + 1000));
    }
    work_end(&w, t->o->look);
    return true;
}

static void tutorial_take(struct tutorial *t, rd_kafka_message_t *m)
{
    if (!m->err) {
        t->batch[t->batch_n++] = m;
        return;
    }
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) t->fatal = RUNTIME_NO_OFFSET;
    else if (m->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
        rk_say("WARN",
               "max.poll.interval.ms was over before the next poll: the group gave the partitions away");
    else rk_say("WARN", "%s", rd_kafka_message_errstr(m));
    rd_kafka_message_destroy(m);
}

static void tutorial_poll(struct tutorial *t)
{
    int64_t wait_ms = POLL_MS;
    rd_kafka_message_t *m;
    t->batch_n = t->batch_done = 0;
    while (t->batch_n < t->o->poll_records_max && (m = rd_kafka_consumer_poll(t->rk, (int)wait_ms)) != NULL) {
        tutorial_take(t, m);
        wait_ms = 0;
    }
    t->polled_ms = os_now_mono_ms();
}

static void tutorial_commit(struct tutorial *t)
{
    if (!t->batch_done) return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (int i = 0; i < t->batch_done; i++) {
        const rd_kafka_message_t *m = t->batch[i];
        rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(list, t->o->topic, m->partition);
        if (!p) p = rd_kafka_topic_partition_list_add(list, t->o->topic, m->partition);
        p->offset = m->offset + 1;
    }
    /* One that has left may commit like somebody without a group, as long as nobody else is in it. */
    rd_kafka_resp_err_t err = rd_kafka_assignment_lost(t->rk) ? RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
                                                              : rd_kafka_commit(t->rk, list, 0);
    if (err)
        rk_say("ERROR",
               "CommitFailedException: the group gave the partitions to another member (%s); %d records were "
               "worked on for nothing and come again",
               rd_kafka_err2name(err), t->batch_done);
    rd_kafka_topic_partition_list_destroy(list);
}

static void tutorial_batch(struct tutorial *t)
{
    while (t->batch_done < t->batch_n && !t->ending) {
        tutorial_state(t);
        if (tutorial_record(t, t->batch[t->batch_done])) t->batch_done++;
        tutorial_signals(t);
    }
    tutorial_commit(t);
    for (int i = 0; i < t->batch_n; i++) rd_kafka_message_destroy(t->batch[i]);
    t->batch_n = t->batch_done = 0;
    tutorial_state(t);
}

/* ---- life ---- */
static void rebalanced(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts,
                       void *opaque)
{
    bool assigned = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, lost = rd_kafka_assignment_lost(rk);
    (void)opaque;
    for (int i = 0; i < parts->cnt; i++)
        rk_say(lost ? "WARN" : "INFO", "%s %s-%d",
               assigned ? "assigned"
               : lost   ? "lost"
                        : "revoked",
               parts->elems[i].topic, parts->elems[i].partition);
    rd_kafka_assign(rk, assigned ? parts : NULL);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct tutorial *t = opaque;
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__FATAL)
        t->fatal = "the cluster refuses this client";
    if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) rk_say("WARN", "%s", reason);
}

static rd_kafka_t *client_new(struct tutorial *t, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char error[512];
    rd_kafka_conf_set_opaque(conf, t);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (type == RD_KAFKA_CONSUMER) rd_kafka_conf_set_rebalance_cb(conf, rebalanced);
    else rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof error);
    if (!rk) {
        rk_say("ERROR", "%s", error);
        exit(1);
    }
    return rk;
}

static void tutorial_subscribe(struct tutorial *t)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, t->o->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_poll_set_consumer(t->rk);
    rd_kafka_subscribe(t->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
}

int tutorial_run(const struct tutorial_options *o)
{
    struct tutorial t = {.o = o, .batch = xcalloc((size_t)o->poll_records_max, sizeof *t.batch)};
    t.rk = client_new(&t, RD_KAFKA_CONSUMER, o->consumer);
    if (o->producer) t.producer = client_new(&t, RD_KAFKA_PRODUCER, o->producer);
    tutorial_subscribe(&t);
    look_consumer(o->look, t.rk);
    while (!t.ending && !t.fatal) {
        tutorial_poll(&t);
        if (t.batch_n) tutorial_batch(&t);
        tutorial_signals(&t);
    }
    look_end(o->look);
    rd_kafka_consumer_close(t.rk);
    rd_kafka_destroy(t.rk);
    if (t.producer) rd_kafka_flush(t.producer, DEAD_MS);
    if (t.producer) rd_kafka_destroy(t.producer);
    free(t.batch);
    if (!t.fatal) return 0;
    rk_say("ERROR", "%s", t.fatal);
    return 1;
}
