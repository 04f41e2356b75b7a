#include "app/fetch_metrics.h"
#include "base/grow.h"
#include "os/blocking.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define FETCH_KEY 1 /* of the protocol */
#define PREFIX "kafka_consumer_fetch_manager_metrics_"

enum { W_SIZE, W_PER_REQUEST, W_BYTES, W_RECORDS, W_LATENCY, W_LAG, W_LEAD, W_THROTTLE, WINDOWS };
enum op { AVG, MAX, MIN, RATE, COUNT_RATE, TOTAL, TOTAL_COUNT, LAST };
enum { OF_CONSUMER = 1, OF_TOPIC = 2, OF_PARTITION = 4 };

static const struct row {
    const char *name;
    int of;
    int window;
    enum op op;
} rows[] = {
    {"bytes-consumed-rate", OF_CONSUMER | OF_TOPIC, W_BYTES, RATE},
    {"bytes-consumed-total", OF_CONSUMER | OF_TOPIC, W_BYTES, TOTAL},
    {"fetch-latency-avg", OF_CONSUMER, W_LATENCY, AVG},
    {"fetch-latency-max", OF_CONSUMER, W_LATENCY, MAX},
    {"fetch-rate", OF_CONSUMER, W_LATENCY, COUNT_RATE},
    {"fetch-size-avg", OF_CONSUMER | OF_TOPIC, W_SIZE, AVG},
    {"fetch-size-max", OF_CONSUMER | OF_TOPIC, W_SIZE, MAX},
    {"fetch-throttle-time-avg", OF_CONSUMER, W_THROTTLE, AVG},
    {"fetch-throttle-time-max", OF_CONSUMER, W_THROTTLE, MAX},
    {"fetch-total", OF_CONSUMER, W_LATENCY, TOTAL_COUNT},
    {"records-consumed-rate", OF_CONSUMER | OF_TOPIC, W_RECORDS, RATE},
    {"records-consumed-total", OF_CONSUMER | OF_TOPIC, W_RECORDS, TOTAL},
    {"records-lag", OF_PARTITION, W_LAG, LAST},
    {"records-lag-avg", OF_PARTITION, W_LAG, AVG},
    {"records-lag-max", OF_CONSUMER | OF_PARTITION, W_LAG, MAX},
    {"records-lead", OF_PARTITION, W_LEAD, LAST},
    {"records-lead-avg", OF_PARTITION, W_LEAD, AVG},
    {"records-lead-min", OF_CONSUMER | OF_PARTITION, W_LEAD, MIN},
    {"records-per-request-avg", OF_CONSUMER | OF_TOPIC, W_PER_REQUEST, AVG},
};

/* What is measured of the consumer, of a topic or of a partition. */
struct set {
    int of;
    char *topic;
    int32_t partition;
    struct window w[WINDOWS];
    double received_n, received_bytes; /* of a topic: as of the last statistics */
};
struct fetch_metrics {
    pthread_mutex_t lock; /* of all that follows */
    char *name, *client_id;
    struct set *sets; /* the first is the consumer's */
    int sets_n, sets_cap;
    int64_t answers_n;            /* fetches that were answered since the last statistics */
    double taken_n, overhead_sum; /* records, and what they take beside key and value */
};

/* ---- sets ---- */
static struct set *set_of(struct fetch_metrics *m, int of, const char *topic, int32_t partition)
{
    for (int i = 1; i < m->sets_n; i++)
        if (m->sets[i].of == of && m->sets[i].partition == partition && strcmp(m->sets[i].topic, topic) == 0)
            return &m->sets[i];
    m->sets = grown(m->sets, m->sets_n, &m->sets_cap, sizeof *m->sets);
    struct set *s = &m->sets[m->sets_n++];
    *s = (struct set){.of = of, .topic = xstrdup(topic), .partition = partition};
    return s;
}

static struct set *topic_set(struct fetch_metrics *m, const char *topic)
{
    return set_of(m, OF_TOPIC, topic, -1);
}

struct fetch_metrics *fetch_metrics_new(const char *name, const char *client_id)
{
    struct fetch_metrics *m = xcalloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    m->name = name ? xstrdup(name) : NULL;
    m->client_id = xstrdup(client_id);
    m->sets = grown(m->sets, 0, &m->sets_cap, sizeof *m->sets);
    m->sets[m->sets_n++] = (struct set){.of = OF_CONSUMER, .partition = -1};
    return m;
}

void fetch_metrics_free(struct fetch_metrics *m)
{
    for (int i = 0; i < m->sets_n; i++) free(m->sets[i].topic);
    free(m->sets);
    free(m->name);
    free(m->client_id);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* ---- answers ---- */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int fd, const char *broker, int32_t id, int16_t key,
                                       int16_t version, int32_t correlation, size_t size, int64_t rtt_us,
                                       rd_kafka_resp_err_t err, void *opaque)
{
    struct fetch_metrics *m = opaque;
    (void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)correlation, (void)size;
    if (key != FETCH_KEY || err || rtt_us < 0) return RD_KAFKA_RESP_ERR_NO_ERROR;
    pthread_mutex_lock(&m->lock);
    m->answers_n++;
    window_add(&m->sets[0].w[W_LATENCY], os_now_mono_ms(), (double)(rtt_us / 1000));
    pthread_mutex_unlock(&m->lock);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why,
                                  size_t why_n)
{
    (void)conf, (void)why, (void)why_n;
    return rd_kafka_interceptor_add_on_response_received(rk, "fetch_metrics", on_response, opaque);
}

void fetch_metrics_watch(struct fetch_metrics *m, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_interceptor_add_on_new(conf, "fetch_metrics", on_new, m);
}

/* ---- records ---- */
static size_t varint_bytes(size_t v)
{
    size_t n = 1;
    for (v = v << 1; v >= 0x80; v >>= 7) n++;
    return n;
}

/* Bytes of a record in its batch beside key and value. Its place and time in the batch are not known here and
 * are taken as a byte each. */
static size_t overhead(const rd_kafka_message_t *r)
{
    rd_kafka_headers_t *h;
    const char *name;
    const void *value;
    size_t n, count = 0, headers = 0;
    if (!rd_kafka_message_headers(r, &h))
        for (; !rd_kafka_header_get_all(h, count, &name, &value, &n); count++)
            headers += varint_bytes(strlen(name)) + strlen(name) + varint_bytes(n) + n;
    size_t rest =
        3 + varint_bytes(r->key_len) + varint_bytes(r->len) + varint_bytes(count) + headers; /* attributes */
    return rest + varint_bytes(rest + r->key_len + r->len);
}

void fetch_metrics_record(struct fetch_metrics *m, const rd_kafka_message_t *r)
{
    int64_t now = os_now_mono_ms();
    size_t more = overhead(r);
    double bytes = (double)(more + r->key_len + r->len);
    pthread_mutex_lock(&m->lock);
    struct set *t = topic_set(m, rd_kafka_topic_name(r->rkt)), *both[] = {&m->sets[0], t};
    for (size_t i = 0; i < NELEMS(both); i++) {
        window_add(&both[i]->w[W_BYTES], now, bytes);
        window_add(&both[i]->w[W_RECORDS], now, 1);
    }
    m->taken_n++;
    m->overhead_sum += (double)more;
    pthread_mutex_unlock(&m->lock);
}

void fetch_metrics_lag(struct fetch_metrics *m, const char *topic, int32_t partition, int64_t lag,
                       int64_t lead)
{
    int64_t now = os_now_mono_ms();
    pthread_mutex_lock(&m->lock);
    struct set *p = set_of(m, OF_PARTITION, topic, partition), *both[] = {&m->sets[0], p};
    for (size_t i = 0; i < NELEMS(both); i++) {
        window_add(&both[i]->w[W_LAG], now, (double)lag);
        window_add(&both[i]->w[W_LEAD], now, (double)lead);
    }
    pthread_mutex_unlock(&m->lock);
}

void fetch_metrics_revoked(struct fetch_metrics *m, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&m->lock);
    for (int i = 1; i < m->sets_n; i++) {
        struct set *s = &m->sets[i];
        if (s->of != OF_PARTITION || s->partition != partition || strcmp(s->topic, topic) != 0) continue;
        free(s->topic);
        *s = m->sets[--m->sets_n];
        break;
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- statistics ---- */
static double field(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name)); /* 0 where there is none */
}

static void note_size(struct set *s, int64_t now, double responses, double records, double bytes)
{
    for (int i = 0; i < (int)responses; i++) {
        window_add(&s->w[W_SIZE], now, bytes / responses);
        window_add(&s->w[W_PER_REQUEST], now, records / responses);
    }
}

#define RESPONSES_MAX 100000 /* of one interval */

/* How many of the answers had records: each has at most one set of a partition. */
static double responses_of(double record_sets, int64_t answers)
{
    double n = smaller(record_sets, (double)max_i64(answers, 1));
    return n > RESPONSES_MAX ? RESPONSES_MAX : n;
}

struct received {
    double sets, records, bytes;
};

/* What came of a topic since the last statistics. */
static struct received topic_received(struct fetch_metrics *m, struct set *t, json_t *topic)
{
    struct received r = {.sets = field(json_object_get(topic, "batchcnt"), "cnt")};
    double n = 0, bytes = 0, per = m->taken_n > 0 ? m->overhead_sum / m->taken_n : 0;
    const char *name;
    json_t *p;
    json_object_foreach(json_object_get(topic, "partitions"), name, p)
    {
        n += field(p, "rxmsgs");
        bytes += field(p, "rxbytes");
    }
    r.records = larger(n - t->received_n, 0);
    r.bytes = larger(bytes - t->received_bytes, 0) + r.records * per;
    t->received_n = n;
    t->received_bytes = bytes;
    return r;
}

/* The client counts only answers that were held back; the others count with nothing. */
static void note_throttles(struct fetch_metrics *m, json_t *brokers, int64_t now)
{
    struct window *w = &m->sets[0].w[W_THROTTLE];
    int64_t plain = m->answers_n;
    const char *name;
    json_t *o;
    json_object_foreach(brokers, name, o)
    {
        const json_t *t = json_object_get(o, "throttle");
        if (!(field(t, "cnt") > 0)) continue;
        window_add(w, now, field(t, "avg"));
        plain--;
    }
    for (int64_t i = 0; i < plain; i++) window_add(w, now, 0);
}

int fetch_metrics_statistics(struct fetch_metrics *m, const char *json, size_t n)
{
    json_error_t e;
    json_t *all = json_loadb(json, n, 0, &e), *o;
    int64_t now = os_now_mono_ms();
    struct received sum = {0};
    const char *name;
    if (!json_is_object(all)) {
        json_decref(all);
        return ERR_FORMAT;
    }
    pthread_mutex_lock(&m->lock);
    json_object_foreach(json_object_get(all, "topics"), name, o)
    {
        struct set *t = topic_set(m, name);
        struct received r = topic_received(m, t, o);
        if (r.records > 0)
            note_size(t, now, responses_of(larger(r.sets, 1), m->answers_n), r.records, r.bytes);
        sum.sets += r.sets;
        sum.records += r.records;
        sum.bytes += r.bytes;
    }
    if (sum.records > 0)
        note_size(&m->sets[0], now, responses_of(larger(sum.sets, 1), m->answers_n), sum.records, sum.bytes);
    note_throttles(m, json_object_get(all, "brokers"), now);
    m->answers_n = 0;
    pthread_mutex_unlock(&m->lock);
    json_decref(all);
    return 0;
}

/* ---- printing ---- */
static double value_of(struct window *w, enum op op, int64_t now)
{
    switch (op) {
    case AVG:
        return window_avg(w, now);
    case MAX:
        return window_max(w, now);
    case MIN:
        return window_min(w, now);
    case RATE:
        return window_rate(w, now);
    case COUNT_RATE:
        return window_count_rate(w, now);
    case TOTAL:
        return w->total;
    case TOTAL_COUNT:
        return (double)w->total_n;
    case LAST:
        return w->total_n ? w->last : (double)NAN;
    }
    return (double)NAN;
}

/* As Java prints a double: 5.0, 0.25, NaN. */
static void add_double(struct strbuf *out, double v)
{
    char text[40];
    if (isnan(v)) {
        strbuf_add_cstr(out, "NaN");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    strbuf_add_cstr(out, text);
    if (!strpbrk(text, ".en")) strbuf_add_cstr(out, ".0");
}

void fetch_metrics_print(struct fetch_metrics *m, struct strbuf *out)
{
    int64_t now = os_now_mono_ms();
    pthread_mutex_lock(&m->lock);
    for (size_t k = 0; k < NELEMS(rows); k++)
        for (int i = 0; i < m->sets_n; i++) {
            struct set *s = &m->sets[i];
            if (!(rows[k].of & s->of)) continue;
            strbuf_printf(out, "%s is ", rows[k].name);
            add_double(out, value_of(&s->w[rows[k].window], rows[k].op, now));
            if (m->name || s->topic) strbuf_add_cstr(out, " for");
            if (m->name) strbuf_printf(out, " %s", m->name);
            if (s->topic) strbuf_printf(out, " %s", s->topic);
            if (s->partition >= 0) strbuf_printf(out, "-%d", s->partition);
            strbuf_add_char(out, '\n');
        }
    pthread_mutex_unlock(&m->lock);
}

static void add_label(struct strbuf *out, const char *name, const char *value)
{
    strbuf_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\') strbuf_add_char(out, '\\');
        if (*value == '\n') strbuf_add_cstr(out, "\\n");
        else strbuf_add_char(out, *value);
    }
    strbuf_add_char(out, '"');
}

static void add_name(struct strbuf *out, const char *name)
{
    strbuf_add_cstr(out, PREFIX);
    for (; *name; name++) strbuf_add_char(out, *name == '-' ? '_' : *name);
}

static void prometheus_row(struct fetch_metrics *m, const struct row *r, struct strbuf *out, int64_t now)
{
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->sets_n; i++) {
        struct set *s = &m->sets[i];
        char number[16];
        if (!(r->of & s->of)) continue;
        add_name(out, r->name);
        strbuf_add_char(out, '{');
        add_label(out, "client_id", m->client_id);
        if (s->topic) {
            strbuf_add_char(out, ',');
            add_label(out, "topic", s->topic);
        }
        if (s->partition >= 0) {
            snprintf(number, sizeof number, "%d", s->partition);
            strbuf_add_char(out, ',');
            add_label(out, "partition", number);
        }
        strbuf_add_cstr(out, "} ");
        add_double(out, value_of(&s->w[r->window], r->op, now));
        strbuf_add_char(out, '\n');
    }
    pthread_mutex_unlock(&m->lock);
}

void fetch_metrics_prometheus(struct fetch_metrics *const *m, int n, struct strbuf *out)
{
    int64_t now = os_now_mono_ms();
    for (size_t k = 0; k < NELEMS(rows); k++) {
        bool counts = rows[k].op == TOTAL || rows[k].op == TOTAL_COUNT;
        strbuf_add_cstr(out, "# TYPE ");
        add_name(out, rows[k].name);
        strbuf_printf(out, " %s\n", counts ? "counter" : "gauge");
        for (int i = 0; i < n; i++) prometheus_row(m[i], &rows[k], out, now);
    }
}
