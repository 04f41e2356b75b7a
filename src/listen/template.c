/* See moldau/listen.h.
 *
 * A thread of the template's serves delivery reports. What a transaction holds is sent by whoever runs it,
 * one at a time. */
#include "listen/template.h"
#include "listen/message.h"
#include "listen/partition.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "os/blocking.h"
#include "rk/conf.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CALL_MS 30000 /* of one request of a transaction; they are repeated while they may be */
#define MAX_BLOCK_MS 60000
#define FREE_FLUSH_MS 30000
#define ABORT_FLUSH_MS 5000
#define METADATA_AGE_MS 300000
#define METADATA_PAUSE_MS 100
#define REPORTS_WAIT_MS 1000

struct topic {
    struct list in_template;
    char *name;
    int32_t partitions_n;
    int64_t asked_ms;
    struct partition_sticky sticky;
};
struct moldau_template {
    rd_kafka_t *rk;
    rd_kafka_queue_t *reports;
    struct os_thread *thread;
    pthread_mutex_t lock; /* topics, random */
    struct list topics;
    uint64_t random;
    char *default_topic;
    int32_t (*partitioner)(void *arg, const struct moldau_record *r, int32_t partitions);
    void *partitioner_arg;
    int64_t max_block_ms;
    bool transactional, ready; /* ready: init_transactions went well */
    bool in_transaction;
    atomic_bool stop;
    char fatal[300];
};
struct sending {
    moldau_sent_cb *on_sent;
    void *arg;
    rd_kafka_resp_err_t *err; /* where it goes, before on_sent; NULL: nowhere */
};

/* ---- reports ---- */
static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct sending *s = m->_private;
    struct message_headers headers = {0};
    struct moldau_record r;
    (void)rk, (void)opaque;
    if (!s) return;
    message_record(m, rd_kafka_topic_name(m->rkt), &headers, &r);
    message_point(&headers, &r, 1);
    if (s->err) *s->err = m->err;
    s->on_sent(s->arg, &r, m->err ? rd_kafka_err2str(m->err) : NULL);
    message_headers_fini(&headers);
    free(s);
}

static void serve_reports(void *arg)
{
    struct moldau_template *t = arg;
    while (!t->stop) rd_kafka_poll(t->rk, REPORTS_WAIT_MS);
}

/* ---- partitions ---- */
static struct topic *topic_of(struct moldau_template *t, const char *name)
{
    LIST_FOREACH(n, &t->topics)
    {
        struct topic *x = LIST_ENTRY(n, struct topic, in_template);
        if (strcmp(x->name, name) == 0) return x;
    }
    struct topic *x = xcalloc(1, sizeof *x);
    x->name = xstrdup(name);
    x->asked_ms = INT64_MIN / 2;
    partition_sticky_init(&x->sticky, PARTITION_STICKY_BYTES);
    list_push_back(&t->topics, &x->in_template);
    return x;
}

rd_kafka_resp_err_t template_ask_partitions(struct moldau_template *t, const char *name, int timeout_ms,
                                            int32_t *n)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(t->rk, name, NULL);
    if (!rkt) return rd_kafka_last_error();
    rd_kafka_resp_err_t err = rd_kafka_metadata(t->rk, 0, rkt, &md, timeout_ms);
    if (!err) {
        err = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        *n = err ? 0 : md->topics[0].partition_cnt;
        if (!err && *n <= 0) err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        rd_kafka_metadata_destroy(md);
    }
    rd_kafka_topic_destroy(rkt);
    return err;
}

/* How many partitions the topic has, asked for again now and then; waits for one that is not there yet, as
 * long as max.block.ms says. */
static int partitions_of(struct moldau_template *t, const char *name, int32_t *n, struct strbuf *why)
{
    int64_t now = os_now_mono_ms(), until = now + t->max_block_ms;
    pthread_mutex_lock(&t->lock);
    struct topic *x = topic_of(t, name);
    *n = x->partitions_n;
    bool fresh = now - x->asked_ms < METADATA_AGE_MS;
    if (!fresh && *n) x->asked_ms = now; /* one asks, the others use what is known */
    pthread_mutex_unlock(&t->lock);
    if (fresh) return 0;
    rd_kafka_resp_err_t err;
    int32_t known = *n;
    for (;;) {
        now = os_now_mono_ms();
        err = template_ask_partitions(t, name, (int)min_i64(max_i64(until - now, 1), 5000), n);
        if (!err || known || now >= until || t->fatal[0]) break;
        os_sleep_ms(METADATA_PAUSE_MS);
    }
    if (err && known) *n = known;
    else if (err) {
        strbuf_printf(why, "nothing can be sent to %s: %s", name, rd_kafka_err2str(err));
        return ERR_NOENT;
    }
    pthread_mutex_lock(&t->lock);
    x->partitions_n = *n;
    x->asked_ms = now;
    pthread_mutex_unlock(&t->lock);
    return 0;
}

static int choose(struct moldau_template *t, const struct moldau_record *r, const char *name, int32_t *out,
                  struct strbuf *why)
{
    struct slice key = r->key ? slice_of(r->key, r->key_n) : (struct slice){0};
    struct slice value = r->value ? slice_of(r->value, r->value_n) : (struct slice){0};
    int32_t n;
    int rc = partitions_of(t, name, &n, why);
    if (rc) return rc;
    if (t->partitioner) {
        *out = t->partitioner(t->partitioner_arg, r, n);
        if (*out >= 0 && *out < n) return 0;
        strbuf_printf(why, "the partitioner answered %d for a topic of %d partitions", *out, n);
        return ERR_INVALID_CONFIG;
    }
    if (key.p) *out = partition_of_key(key, n);
    else {
        pthread_mutex_lock(&t->lock);
        t->random = hash_u64(t->random + 1);
        *out = partition_sticky_next(&topic_of(t, name)->sticky, partition_record_bytes(key, value), n, NULL,
                                     0, t->random);
        pthread_mutex_unlock(&t->lock);
    }
    return 0;
}

/* ---- sending ---- */
static int send_record(struct moldau_template *t, const struct moldau_record *r, moldau_sent_cb *on_sent,
                       void *arg, rd_kafka_resp_err_t *sent_err, struct strbuf *why)
{
    const char *topic = r->topic ? r->topic : t->default_topic;
    int32_t partition = r->partition;
    if (!topic) {
        strbuf_add_cstr(why, "the record names no topic, and the template has no default one");
        return ERR_INVALID_CONFIG;
    }
    if (partition < 0) {
        int rc = choose(t, r, topic, &partition, why);
        if (rc) return rc;
    }
    struct sending *s = NULL;
    if (on_sent) {
        s = xmalloc(sizeof *s);
        *s = (struct sending){on_sent, arg, sent_err};
    }
    rd_kafka_headers_t *h = message_headers_of(r);
    const struct moldau_record q = *r; /* librdkafka takes pointers that are not const */
    void *key, *value;
    memcpy(&key, &q.key, sizeof key);
    memcpy(&value, &q.value, sizeof value);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        t->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_KEY(key, q.key_n),
        RD_KAFKA_V_VALUE(value, q.value_n), RD_KAFKA_V_TIMESTAMP(q.timestamp_ms > 0 ? q.timestamp_ms : 0),
        RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
    if (err) {
        if (h) rd_kafka_headers_destroy(h);
        free(s);
        if (sent_err) *sent_err = err;
        strbuf_printf(why, "a record for %s cannot be sent: %s", topic, rd_kafka_err2str(err));
        return ERR_IO;
    }
    return 0;
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
    int32_t partition;
    int64_t offset;
    struct strbuf error;
};

static void sent_sync(void *arg, const struct moldau_record *r, const char *error)
{
    struct waiting *w = arg;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->partition = r->partition;
    w->offset = r->offset;
    if (error) strbuf_add_cstr(&w->error, error);
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

int template_send_sync(struct moldau_template *t, const struct moldau_record *r, int32_t *partition,
                       int64_t *offset, rd_kafka_resp_err_t *err, struct strbuf *why)
{
    struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    int rc = send_record(t, r, sent_sync, &w, err, why);
    pthread_mutex_lock(&w.lock);
    while (rc == 0 && !w.done) pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
    if (rc == 0 && w.error.n) {
        strbuf_add(why, w.error.s, w.error.n);
        rc = ERR_IO;
    }
    if (partition) *partition = w.partition;
    if (offset) *offset = w.offset;
    strbuf_fini(&w.error);
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.lock);
    return rc;
}

/* ---- transactions ---- */
static int tx_error(struct moldau_template *t, rd_kafka_error_t *e, const char *what, struct strbuf *why)
{
    strbuf_printf(why, "%s: %s", what, rd_kafka_error_string(e));
    if (rd_kafka_error_is_fatal(e)) snprintf(t->fatal, sizeof t->fatal, "%s", rd_kafka_error_string(e));
    rd_kafka_error_destroy(e);
    return ERR_IO;
}

/* Not in moldau_template_new: brokers may be away then. */
static int tx_ready(struct moldau_template *t, struct strbuf *why)
{
    if (t->ready) return 0;
    if (!t->transactional) {
        strbuf_add_cstr(why, "the template has no transactional_id");
        return ERR_INVALID_CONFIG;
    }
    int64_t until = os_now_mono_ms() + t->max_block_ms;
    for (;;) {
        rd_kafka_error_t *e =
            rd_kafka_init_transactions(t->rk, (int)min_i64(max_i64(until - os_now_mono_ms(), 1), CALL_MS));
        if (!e) break;
        if (!rd_kafka_error_is_retriable(e) || os_now_mono_ms() >= until)
            return tx_error(t, e, "transactions cannot be begun", why);
        rd_kafka_error_destroy(e);
        os_sleep_ms(METADATA_PAUSE_MS);
    }
    t->ready = true;
    return 0;
}

int template_ready(struct moldau_template *t, struct strbuf *why)
{
    return tx_ready(t, why);
}

int template_begin(struct moldau_template *t, struct strbuf *why)
{
    int rc = tx_ready(t, why);
    rd_kafka_error_t *e = rc ? NULL : rd_kafka_begin_transaction(t->rk);
    if (e) rc = tx_error(t, e, "a transaction cannot be begun", why);
    t->in_transaction = rc == 0;
    return rc;
}

void template_abort(struct moldau_template *t)
{
    rd_kafka_error_t *e;
    t->in_transaction = false;
    /* librdkafka (2.0.2) ends a transaction whose partitions the coordinator was asked to add and has not
     * yet, because the one before was still being completed; that is fatal there. Once its records are sent
     * they are added. */
    rd_kafka_flush(t->rk, ABORT_FLUSH_MS);
    while ((e = rd_kafka_abort_transaction(t->rk, CALL_MS)) != NULL) {
        bool again = rd_kafka_error_is_retriable(e) && !t->stop;
        if (rd_kafka_error_is_fatal(e)) snprintf(t->fatal, sizeof t->fatal, "%s", rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
        if (!again) return;
    }
}

int template_commit(struct moldau_template *t, const rd_kafka_topic_partition_list_t *offsets,
                    rd_kafka_t *consumer, struct strbuf *why)
{
    rd_kafka_error_t *e = NULL;
    if (offsets) {
        rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);
        while ((e = rd_kafka_send_offsets_to_transaction(t->rk, offsets, group, CALL_MS)) != NULL &&
               rd_kafka_error_is_retriable(e) && !t->stop)
            rd_kafka_error_destroy(e);
        rd_kafka_consumer_group_metadata_destroy(group);
    }
    while (!e && (e = rd_kafka_commit_transaction(t->rk, CALL_MS)) != NULL &&
           rd_kafka_error_is_retriable(e) && !t->stop) {
        rd_kafka_error_destroy(e);
        e = NULL;
    }
    if (!e) {
        t->in_transaction = false;
        return 0;
    }
    int rc = tx_error(t, e, "the transaction was not committed", why);
    if (!t->fatal[0]) template_abort(t);
    t->in_transaction = false;
    return rc;
}

bool template_in_transaction(const struct moldau_template *t)
{
    return t->in_transaction;
}

const char *template_fatal(struct moldau_template *t)
{
    return t->fatal[0] ? t->fatal : NULL;
}

rd_kafka_t *template_client(struct moldau_template *t)
{
    return t->rk;
}

/* ---- life ---- */
static void unknown(void *arg, const char *name)
{
    struct strbuf *why = arg;
    if (!why->n) strbuf_printf(why, "librdkafka has no property %s", name);
}

static void quiet(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct moldau_template *t = opaque;
    char text[200];
    (void)reason;
    if (err != RD_KAFKA_RESP_ERR__FATAL) return; /* others pass, or are told by delivery reports */
    if (rd_kafka_fatal_error(rk, text, sizeof text)) snprintf(t->fatal, sizeof t->fatal, "%s", text);
}

static rd_kafka_conf_t *conf_of(const struct moldau_template_options *o, int64_t *max_block_ms,
                                struct strbuf *why)
{
    struct properties p = {0};
    struct strbuf odd;
    rd_kafka_conf_t *conf = NULL;
    strbuf_init(&odd);
    properties_set(&p, "bootstrap.servers", o->bootstrap_servers ? o->bootstrap_servers : "");
    properties_set(&p, "enable.idempotence", "true");
    properties_set(&p, "message.max.bytes", "1000000000"); /* the topic says what is too large */
    properties_set(&p, "linger.ms", "5");                  /* Java's since 4.0, and librdkafka's */
    if (o->client_id) properties_set(&p, "client.id", o->client_id);
    if (o->transactional_id) {
        properties_set(&p, "transactional.id", o->transactional_id);
        /* Each transaction meets the end of the one before, and asks again. */
        properties_set(&p, "retry.backoff.ms", "10");
    }
    for (size_t i = 0; i < o->properties_n; i++)
        properties_set(&p, o->properties[i].name, o->properties[i].value);
    const char *block = properties_get(&p, "max.block.ms");
    *max_block_ms = block ? strtoll(block, NULL, 10) : MAX_BLOCK_MS;
    const char *acks = properties_get(&p, "acks");
    if (acks && strcmp(acks, "all") != 0 && strcmp(acks, "-1") != 0 && !o->transactional_id)
        properties_set(&p, "enable.idempotence", "false");
    if (rk_conf_new(&p, true, unknown, &odd, &conf, why)) conf = NULL;
    else if (odd.n) {
        strbuf_add(why, odd.s, odd.n);
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    properties_free(&p);
    strbuf_fini(&odd);
    return conf;
}

struct moldau_template *template_new(const struct moldau_template_options *o, struct strbuf *why)
{
    char error[512];
    int64_t max_block_ms;
    if (!o->bootstrap_servers || !*o->bootstrap_servers) {
        strbuf_add_cstr(why, "bootstrap_servers is missing");
        return NULL;
    }
    rd_kafka_conf_t *conf = conf_of(o, &max_block_ms, why);
    if (!conf) return NULL;
    struct moldau_template *t = xcalloc(1, sizeof *t);
    rd_kafka_conf_set_opaque(conf, t);
    rd_kafka_conf_set_log_cb(conf, quiet);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    t->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!t->rk) {
        rd_kafka_conf_destroy(conf);
        strbuf_add_cstr(why, error);
        free(t);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    list_init(&t->topics);
    t->random = hash_u64((uint64_t)os_now_wall_ms() ^ (uint64_t)(uintptr_t)t);
    t->default_topic = o->default_topic ? xstrdup(o->default_topic) : NULL;
    t->partitioner = o->partitioner;
    t->partitioner_arg = o->arg;
    t->max_block_ms = max_block_ms;
    t->transactional = o->transactional_id != NULL;
    t->reports = rd_kafka_queue_get_main(t->rk);
    t->thread = os_thread_start(serve_reports, t);
    return t;
}

void moldau_template_free(struct moldau_template *t)
{
    if (!t) return;
    if (!t->fatal[0]) rd_kafka_flush(t->rk, FREE_FLUSH_MS);
    t->stop = true;
    rd_kafka_queue_yield(t->reports);
    os_thread_join(t->thread);
    rd_kafka_queue_destroy(t->reports);
    rd_kafka_purge(t->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(t->rk, 0); /* reports of what was given up */
    rd_kafka_destroy(t->rk);
    LIST_FOREACH(n, &t->topics)
    {
        struct topic *x = LIST_ENTRY(n, struct topic, in_template);
        list_remove(n);
        free(x->name);
        free(x);
    }
    pthread_mutex_destroy(&t->lock);
    free(t->default_topic);
    free(t);
}

/* ---- the public side: sentences into the caller's array ---- */
static int told(int rc, struct strbuf *text, char *why, size_t why_n)
{
    if (rc && why && why_n) snprintf(why, why_n, "%s", strbuf_cstr(text));
    strbuf_fini(text);
    return rc ? -1 : 0;
}

void moldau_template_options_init(struct moldau_template_options *o)
{
    *o = (struct moldau_template_options){.size = sizeof *o};
}

struct moldau_template *moldau_template_new(const struct moldau_template_options *o, char *why, size_t why_n)
{
    struct strbuf text = {0};
    struct moldau_template *t = template_new(o, &text);
    (void)told(t ? 0 : -1, &text, why, why_n);
    return t;
}

int moldau_template_send(struct moldau_template *t, const struct moldau_record *r, moldau_sent_cb *on_sent,
                         void *arg, char *why, size_t why_n)
{
    struct strbuf text = {0};
    return told(send_record(t, r, on_sent, arg, NULL, &text), &text, why, why_n);
}

int moldau_template_send_sync(struct moldau_template *t, const struct moldau_record *r, int32_t *partition,
                              int64_t *offset, char *why, size_t why_n)
{
    struct strbuf text = {0};
    return told(template_send_sync(t, r, partition, offset, NULL, &text), &text, why, why_n);
}

int moldau_template_send_text(struct moldau_template *t, const char *key, const char *value, char *why,
                              size_t why_n)
{
    struct moldau_record r = {.partition = MOLDAU_PARTITION_ANY,
                              .key = key,
                              .key_n = key ? strlen(key) : 0,
                              .value = value,
                              .value_n = value ? strlen(value) : 0};
    return moldau_template_send(t, &r, NULL, NULL, why, why_n);
}

int moldau_template_flush(struct moldau_template *t, int64_t timeout_ms, char *why, size_t why_n)
{
    struct strbuf text = {0};
    rd_kafka_resp_err_t err = rd_kafka_flush(t->rk, (int)min_i64(max_i64(timeout_ms, 0), INT32_MAX));
    if (err) strbuf_printf(&text, "%d records are not acknowledged yet", rd_kafka_outq_len(t->rk));
    return told(err ? -1 : 0, &text, why, why_n);
}

int moldau_template_in_transaction(struct moldau_template *t, int (*f)(struct moldau_template *t, void *arg),
                                   void *arg, char *why, size_t why_n)
{
    struct strbuf text = {0};
    int rc = template_begin(t, &text);
    if (rc == 0 && f(t, arg) != 0) {
        template_abort(t);
        strbuf_add_cstr(&text, "the transaction was aborted, as its function asked");
        rc = -1;
    } else if (rc == 0) rc = template_commit(t, NULL, NULL, &text);
    return told(rc, &text, why, why_n);
}

int32_t moldau_partition_of_key(const void *key, size_t key_n, int32_t partitions)
{
    return partition_of_key(slice_of(key, key_n), partitions);
}
