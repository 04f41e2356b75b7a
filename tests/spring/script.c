/* Plays the scripts of SpringScript.java through libmoldau-listen, and prints the same lines for what
 * happens. A script is a line of name=value on standard input. */
#include "moldau/listen.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX 40
#define COUNTS_MAX 16

struct count {
    char *value;
    int n;
};
struct held {
    char *value, *with;
    struct moldau_ack *ack;
};
struct side {
    struct play *p;
    const char *prefix; /* of its lines */
    struct moldau_container *container;
};
struct play {
    struct side first, second;
    char *line, *words[WORDS_MAX];
    int words_n;
    struct count fails[COUNTS_MAX], fails_batch[COUNTS_MAX], nacks[COUNTS_MAX], sleeps[COUNTS_MAX];
    struct held held[COUNTS_MAX];
    pthread_mutex_t lock; /* what follows */
    char *out;
    size_t n;
    int delivered;
    int64_t last_ms;
    bool stopped;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static const char *word(const struct play *p, const char *name, const char *otherwise)
{
    size_t n = strlen(name);
    for (int i = 0; i < p->words_n; i++)
        if (strncmp(p->words[i], name, n) == 0 && p->words[i][n] == '=') return p->words[i] + n + 1;
    return otherwise;
}

static int64_t number(const struct play *p, const char *name, int64_t otherwise)
{
    const char *v = word(p, name, NULL);
    return v ? strtoll(v, NULL, 10) : otherwise;
}

static void say(struct side *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct side *s, const char *fmt, ...)
{
    struct play *p = s->p;
    char text[2000];
    int at = snprintf(text, sizeof text, "%s", s->prefix);
    va_list ap;
    va_start(ap, fmt);
    int n = at + vsnprintf(text + at, sizeof text - (size_t)at, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&p->lock);
    p->out = realloc(p->out, p->n + (size_t)n + 2);
    memcpy(p->out + p->n, text, (size_t)n + 1);
    p->n += (size_t)n;
    p->out[p->n++] = '\n';
    p->out[p->n] = 0;
    p->last_ms = now_ms();
    pthread_mutex_unlock(&p->lock);
}

static void counts(const struct play *p, const char *name, struct count *to)
{
    char *text = strdup(word(p, name, "")), *save = NULL;
    int i = 0;
    for (char *t = strtok_r(text, ",", &save); t && i < COUNTS_MAX; t = strtok_r(NULL, ",", &save), i++) {
        char *colon = strchr(t, ':');
        *colon = 0;
        to[i] = (struct count){strdup(t), atoi(colon + 1)};
    }
    free(text);
}

static bool is(const struct moldau_record *r, const char *value)
{
    return r->value && r->value_n == strlen(value) && memcmp(r->value, value, r->value_n) == 0;
}

static struct count *count_of(struct count *c, const struct moldau_record *r)
{
    for (int i = 0; i < COUNTS_MAX && c[i].value; i++)
        if (is(r, c[i].value)) return &c[i];
    return NULL;
}

static bool uses(struct count *c, const struct moldau_record *r)
{
    struct count *x = count_of(c, r);
    return x && x->n > 0 && x->n--;
}

/* Among words with commas between. */
static bool listed(const struct play *p, const char *name, const struct moldau_record *r)
{
    char *text = strdup(word(p, name, "")), *save = NULL;
    bool found = false;
    for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) found |= is(r, t);
    free(text);
    return found;
}

static void acknowledge(struct play *p, const struct moldau_record *r, struct moldau_call *call)
{
    bool later = false;
    if (strncmp(word(p, "ack", ""), "MANUAL", 6) != 0) return;
    for (int i = 0; i < COUNTS_MAX && p->held[i].value; i++)
        if (is(r, p->held[i].value)) {
            p->held[i].ack = moldau_call_keep_ack(call, 0);
            later = true;
        }
    if (!later && !listed(p, "noack", r)) moldau_call_acknowledge(call);
    for (int i = 0; i < COUNTS_MAX && p->held[i].value; i++)
        if (is(r, p->held[i].with) && p->held[i].ack) {
            moldau_ack_acknowledge(p->held[i].ack);
            p->held[i].ack = NULL;
        }
}

static enum moldau_result one(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    struct side *side = arg;
    struct play *p = side->p;
    p->delivered++;
    say(side, "deliver %d@%lld %.*s", r->partition, (long long)r->offset, (int)r->value_n,
        (const char *)r->value);
    struct count *s = count_of(p->sleeps, r);
    if (s) sleep_ms(s->n);
    if (listed(p, "dead", r)) return MOLDAU_DEAD;
    if (uses(p->fails, r)) return MOLDAU_RETRY;
    if (uses(p->nacks, r)) {
        moldau_call_nack(call, 0, 10);
        return MOLDAU_OK;
    }
    acknowledge(p, r, call);
    return MOLDAU_OK;
}

static enum moldau_result many(void *arg, const struct moldau_record *r, size_t n, struct moldau_call *call)
{
    struct side *side = arg;
    struct play *p = side->p;
    char text[1000];
    int at = 0;
    p->delivered++;
    for (size_t i = 0; i < n; i++)
        at +=
            snprintf(text + at, sizeof text - (size_t)at, " %d@%lld", r[i].partition, (long long)r[i].offset);
    say(side, "batch%s", text);
    for (size_t i = 0; i < n; i++) {
        if (listed(p, "dead", &r[i]) || uses(p->fails, &r[i])) {
            moldau_call_failed_at(call, i);
            return listed(p, "dead", &r[i]) ? MOLDAU_DEAD : MOLDAU_RETRY;
        }
        if (uses(p->fails_batch, &r[i])) return MOLDAU_RETRY;
        if (uses(p->nacks, &r[i])) {
            moldau_call_nack(call, i, 10);
            return MOLDAU_OK;
        }
    }
    if (!listed(p, "noack", &r[0])) moldau_call_acknowledge(call);
    return MOLDAU_OK;
}

static int by_partition(const void *a, const void *b)
{
    return ((const struct moldau_offset *)a)->partition - ((const struct moldau_offset *)b)->partition;
}

static void on_event(void *arg, const struct moldau_event_info *e)
{
    static const char *const names[] = {[MOLDAU_ASSIGNED] = "assigned",
                                        [MOLDAU_REVOKED_BEFORE_COMMIT] = "revoked-before",
                                        [MOLDAU_REVOKED_AFTER_COMMIT] = "revoked-after",
                                        [MOLDAU_LOST] = "lost",
                                        [MOLDAU_COMMITTED] = "commit",
                                        [MOLDAU_COMMIT_FAILED] = "commit-failed",
                                        [MOLDAU_FAILED] = "failed"};
    struct moldau_offset v[100];
    char text[1000] = "";
    int at = 0;
    if (e->event == MOLDAU_GIVEN_UP) {
        say(arg, "given-up %d@%lld", e->record->partition, (long long)e->record->offset);
        return;
    }
    if (e->event == MOLDAU_IDLE || e->event == MOLDAU_NO_LONGER_IDLE) return;
    if (!e->offsets_n && e->event != MOLDAU_FAILED && e->event != MOLDAU_ASSIGNED) return;
    memcpy(v, e->offsets, e->offsets_n * sizeof *v);
    qsort(v, e->offsets_n, sizeof *v, by_partition);
    for (size_t i = 0; i < e->offsets_n; i++)
        at += e->event == MOLDAU_COMMITTED
                  ? snprintf(text + at, sizeof text - (size_t)at, " %d@%lld", v[i].partition,
                             (long long)v[i].offset)
                  : snprintf(text + at, sizeof text - (size_t)at, " %d", v[i].partition);
    say(arg, "%s%s", names[e->event], e->event == MOLDAU_FAILED ? e->why : text);
}

static void start(struct play *p, struct side *side, const char *bootstrap)
{
    static const char *const modes[] = {"RECORD", "BATCH",           "TIME", "COUNT", "COUNT_TIME",
                                        "MANUAL", "MANUAL_IMMEDIATE"};
    struct moldau_container_options o;
    char why[500];
    const char *topic = word(p, "topic", "");
    const struct moldau_property props[] = {{"auto.offset.reset", word(p, "reset", "earliest")}};
    moldau_container_options_init(&o);
    if (!*side->prefix) {
        counts(p, "fail", p->fails);
        counts(p, "failbatch", p->fails_batch);
        counts(p, "nack", p->nacks);
        counts(p, "sleep", p->sleeps);
    }
    char *text = strdup(word(p, "ackwith", "")), *save = NULL;
    int i = 0;
    for (char *t = strtok_r(text, ",", &save); t && i < COUNTS_MAX; t = strtok_r(NULL, ",", &save), i++) {
        p->held[i].value = strdup(t);
        char *colon = strchr(p->held[i].value, ':');
        *colon = 0;
        p->held[i].with = colon + 1;
    }
    free(text);
    o.bootstrap_servers = bootstrap;
    o.group = word(p, "group", "");
    o.topics = &topic;
    o.topics_n = 1;
    o.properties = props;
    o.properties_n = 1;
    o.poll_timeout_ms = 1000;
    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++)
        if (strcmp(word(p, "ack", "BATCH"), modes[m]) == 0) o.ack_mode = (enum moldau_ack_mode)m;
    o.ack_count = number(p, "count", 1);
    o.ack_time_ms = number(p, "time", 5000);
    o.async_acks = word(p, "asyncacks", NULL) != NULL;
    o.commit_recovered = word(p, "commitrecovered", NULL) != NULL;
    o.max_poll_records = (int)number(p, "poll", 500);
    o.attempts = (int)number(p, "attempts", 10);
    o.backoff_ms = number(p, "backoff", 0);
    o.given_up = word(p, "dlt", NULL) ? MOLDAU_DEAD_LETTER : MOLDAU_SKIP;
    if (strcmp(word(p, "type", "record"), "batch") == 0) o.on_batch = many;
    else o.on_record = one;
    o.on_event = on_event;
    o.arg = side;
    o.client_id = *side->prefix ? "b" : "a"; /* its partitions come in this order */
    p->last_ms = now_ms();
    side->container = moldau_container_start(&o, why, sizeof why);
    if (!side->container) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
}

static bool is_quiet(struct play *p, int64_t delivered, int64_t quiet_ms)
{
    pthread_mutex_lock(&p->lock);
    bool over = p->delivered >= delivered && now_ms() > p->last_ms + quiet_ms;
    pthread_mutex_unlock(&p->lock);
    return over;
}

int main(int argc, char **argv)
{
    static struct play plays[300];
    static char line[2000];
    int n = 0, open;
    if (argc < 2) return 1;
    for (; n < 300 && fgets(line, sizeof line, stdin); n++) {
        struct play *p = &plays[n];
        char *save = NULL;
        p->line = strdup(line);
        for (char *t = strtok_r(p->line, " \n", &save); t && p->words_n < WORDS_MAX;
             t = strtok_r(NULL, " \n", &save))
            p->words[p->words_n++] = t;
        pthread_mutex_init(&p->lock, NULL);
        p->first = (struct side){.p = p, .prefix = ""};
        p->second = (struct side){.p = p, .prefix = "2 "};
        start(p, &p->first, argv[1]);
    }
    int64_t deadline = now_ms() + 60000;
    do {
        open = 0;
        for (int i = 0; i < n; i++) {
            if (plays[i].stopped) continue;
            struct play *p = &plays[i];
            int64_t joins = number(p, "second", 0);
            if (joins > 0 && !p->second.container && is_quiet(p, joins, 300)) start(p, &p->second, argv[1]);
            if (is_quiet(p, number(p, "until", 0), number(p, "quiet", 1600)) || now_ms() > deadline) {
                say(&p->first, "stop");
                if (p->second.container) {
                    moldau_container_stop(p->second.container);
                    moldau_container_join(p->second.container, -1);
                }
                moldau_container_stop(p->first.container);
                p->stopped = true;
            } else open++;
        }
        sleep_ms(10);
    } while (open);
    for (int i = 0; i < n; i++) {
        moldau_container_join(plays[i].first.container, -1);
        for (int j = 0; j < COUNTS_MAX; j++)
            if (plays[i].held[j].ack) moldau_ack_drop(plays[i].held[j].ack);
        moldau_container_free(plays[i].first.container);
        moldau_container_free(plays[i].second.container);
        printf("%send\n", plays[i].out);
    }
    return 0;
}
