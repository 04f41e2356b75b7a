#include "listen/advice.h"
#include "os/blocking.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 1000   /* for all answers */
#define TOPICS_MAX 100 /* asked for */

/* ---- sentences ---- */
static void write_poll(const struct advice *a, const struct advice_facts *f, struct strbuf *out)
{
    int64_t all;
    if (a->poll_records <= 0 || a->work_ms <= 0 || f->poll_interval_ms <= 0) return;
    if (__builtin_mul_overflow(a->poll_records, a->work_ms, &all)) all = INT64_MAX;
    if (all <= f->poll_interval_ms) return;
    strbuf_printf(
        out,
        "max.poll.records (%lld) of %lld ms each take %lld ms, more than max.poll.interval.ms (%lld), "
        "and a consumer that works off each poll before the next is put out of its group for that: ",
        (long long)a->poll_records, (long long)a->work_ms, (long long)all, (long long)f->poll_interval_ms);
    if (a->work_ms <= f->poll_interval_ms)
        strbuf_printf(out, "set max.poll.records to %lld, or max.poll.interval.ms to more than %lld\n",
                      (long long)(f->poll_interval_ms / a->work_ms), (long long)all);
    else strbuf_printf(out, "set max.poll.interval.ms to more than %lld\n", (long long)all);
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void write_idle(const struct advice *a, const struct advice_facts *f, struct strbuf *out)
{
    int64_t places = 0, consumers = (int64_t)a->consumers_n + f->there_n;
    for (int i = 0; i < a->topics_n; i++) {
        if (!f->partitions[i]) return; /* who knows how many */
        places = f->by_topic ? max_i64(places, f->partitions[i]) : places + f->partitions[i];
    }
    if (a->topics_n == 0 || consumers <= places) return;
    strbuf_printf(out, "group %s will have %lld consumer%s", a->group, (long long)consumers,
                  plural(consumers));
    if (f->there_n) strbuf_printf(out, " (%d of them there already)", f->there_n);
    strbuf_printf(out, " and %s%s %lld partition%s, so %lld of them will get nothing: ",
                  a->topics_n == 1 ? "topic "
                  : f->by_topic    ? "the largest of its topics"
                                   : "its topics together",
                  a->topics_n == 1 ? a->topics[0] : "", (long long)places, plural(places),
                  (long long)(consumers - places));
    strbuf_add_cstr(out, "start fewer, or give it more partitions (moldau topics --alter --topic ");
    strbuf_printf(out, "%s --partitions %lld)\n", a->topics_n == 1 ? a->topics[0] : "T",
                  (long long)consumers);
}

static void write_single(const struct advice *a, const struct advice_facts *f, struct strbuf *out)
{
    for (int i = 0; i < a->topics_n; i++)
        if (f->partitions[i] == 1)
            strbuf_printf(
                out,
                "topic %s has one partition, so only one consumer of a group can work on it at a time: "
                "give it more (moldau topics --alter --topic %s --partitions N) if others are to share "
                "the work\n",
                a->topics[i], a->topics[i]);
}

void advice_write(const struct advice *a, const struct advice_facts *f, struct strbuf *out)
{
    write_poll(a, f, out);
    write_idle(a, f, out);
    write_single(a, f, out);
}

/* ---- facts ---- */
static int left_ms(int64_t end)
{
    return (int)max_i64(end - os_now_mono_ms(), 1);
}

static int partitions_of(rd_kafka_t *rk, const char *topic, int64_t end)
{
    const struct rd_kafka_metadata *m;
    int n = 0;
    rd_kafka_topic_t *t = topic[0] == '^' ? NULL : rd_kafka_topic_new(rk, topic, NULL);
    if (t && rd_kafka_metadata(rk, 0, t, &m, left_ms(end)) == 0) {
        if (m->topic_cnt == 1 && !m->topics[0].err) n = m->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(m);
    }
    if (t) rd_kafka_topic_destroy(t);
    return n;
}

static int members_of(rd_kafka_t *rk, const char *group, int64_t end)
{
    const struct rd_kafka_group_list *l;
    int n = 0;
    if (rd_kafka_list_groups(rk, group, &l, left_ms(end))) return 0;
    for (int i = 0; i < l->group_cnt; i++) n += l->groups[i].member_cnt;
    rd_kafka_group_list_destroy(l);
    return n;
}

static void quiet(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

static void no_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk, (void)err, (void)reason, (void)opaque;
}

/* A client of its own: the consumers' are not there yet, and would join. */
static rd_kafka_t *client_of(const struct advice *a)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(a->conf);
    rd_kafka_conf_set_log_cb(conf, quiet);
    rd_kafka_conf_set_error_cb(conf, no_error);
    if (rd_kafka_conf_set(conf, "statistics.interval.ms", "0", error, sizeof error)) return NULL;
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (!rk) rd_kafka_conf_destroy(conf);
    return rk;
}

static void ask(const struct advice *a, struct advice_facts *f, int *partitions)
{
    rd_kafka_t *rk = client_of(a);
    if (!rk) return;
    int64_t end = os_now_mono_ms() + WAIT_MS;
    for (int i = 0; i < a->topics_n && os_now_mono_ms() < end; i++)
        partitions[i] = partitions_of(rk, a->topics[i], end);
    if (a->topics_n && partitions[0]) f->there_n = members_of(rk, a->group, end);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void setting(const rd_kafka_conf_t *conf, const char *name, char *out, size_t n)
{
    size_t len = n;
    if (rd_kafka_conf_get(conf, name, out, &len) != RD_KAFKA_CONF_OK) out[0] = 0;
}

bool advice_give(const struct advice *a)
{
    char text[256], *line, *save = NULL;
    struct strbuf out;
    if (a->topics_n > TOPICS_MAX) return true;
    int *partitions = xcalloc((size_t)a->topics_n + 1, sizeof *partitions);
    struct advice_facts f = {.partitions = partitions};
    strbuf_init(&out);
    setting(a->conf, "max.poll.interval.ms", text, sizeof text);
    f.poll_interval_ms = strtoll(text, NULL, 10);
    setting(a->conf, "partition.assignment.strategy", text, sizeof text);
    f.by_topic = strncmp(text, "range", 5) == 0;
    ask(a, &f, partitions);
    advice_write(a, &f, &out);
    for (line = out.n ? strtok_r(out.s, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
        a->warn(a->arg, line);
    bool told = a->topics_n > 0 && partitions[0] > 0;
    strbuf_fini(&out);
    free(partitions);
    return told;
}
