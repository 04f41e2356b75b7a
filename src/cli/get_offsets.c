/* moldau get-offsets: what kafka-get-offsets.sh of Apache Kafka 4.3 does, with its options and its text. */
#include "cli/tools.h"
#include "kp/list_offsets.h"

#include <stdio.h>
#include <stdlib.h>

/* Partitions of the topics that match: from <= partition < to. */
struct rule {
    struct name_filter *topics;
    int64_t from, to;
};
struct wanted {
    struct slice topic;
    int32_t part, leader;
    int64_t offset; /* -1: none */
};
struct get_offsets {
    struct admin a;
    const struct cli_option *o;
    struct rule *rules;
    int rules_n;
    int64_t *parts; /* --partitions */
    int parts_n;    /* -1: all */
    struct wanted *wanted;
    int wanted_n;
};

static const struct {
    int64_t time;
    const char *name;
    int16_t version; /* of ListOffsets, from which it is known */
} times[] = {{-1, "latest", 1},         {-2, "earliest", 1},      {-3, "max-timestamp", 7},
             {-4, "earliest-local", 8}, {-5, "latest-tiered", 9}, {-6, "earliest-pending-upload", 11}};

static _Noreturn void die(const char *fmt, const char *what)
{
    fprintf(stderr, "Error occurred: ");
    fprintf(stderr, fmt, what);
    fprintf(stderr, "\n");
    exit(1);
}

static int64_t parse_time(const char *s, int16_t *version)
{
    int64_t ms;
    *version = 1;
    for (size_t i = 0; i < NELEMS(times); i++)
        if (strcmp(s, times[i].name) == 0) {
            *version = times[i].version;
            return times[i].time;
        }
    if (!parse_i64(s, &ms))
        die("Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 "
            "or earliest-local / -5 or latest-tiered / "
            "-6 or earliest-pending-upload, or a specified long format timestamp",
            s);
    for (size_t i = 0; i < NELEMS(times); i++)
        if (ms == times[i].time) *version = times[i].version;
    return ms;
}

static void parse_partitions(struct get_offsets *g, const char *text)
{
    g->parts = xcalloc(strlen(text) + 1, sizeof *g->parts);
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        char *word = xstrndup(p, n);
        if (n && !parse_i64(word, &g->parts[g->parts_n++]))
            die("--partitions expects a comma separated list of numeric partition ids, but received: %s",
                text);
        free(word);
        p += n + (p[n] == ',');
    }
}

static void add_rule(struct get_offsets *g, const char *topics, int64_t from, int64_t to)
{
    struct rule *r = &g->rules[g->rules_n++];
    *r = (struct rule){.from = from, .to = to};
    strbuf_reset(&g->a.why);
    if (name_filter_new(&r->topics, topics, &g->a.why)) die("%s", strbuf_cstr(&g->a.why));
}

/* "topics:partition", "topics:from-to" (to is not included), "topics", with commas between. */
static void parse_rules(struct get_offsets *g, const char *text)
{
    g->rules = xcalloc(strlen(text) + 1, sizeof *g->rules);
    for (const char *p = text;;) {
        size_t n = strcspn(p, ",");
        char *rule = xstrndup(p, n), *colon = strchr(rule, ':');
        int64_t from = 0, to = INT64_MAX;
        if (colon && colon[1]) {
            char *dash = strchr(colon + 1, '-');
            if (strspn(colon + 1, "0123456789-") != strlen(colon + 1) || (dash && strchr(dash + 1, '-')))
                die("Invalid rule specification: %s", rule);
            if (dash) *dash = 0;
            if (colon[1] && !parse_i64(colon + 1, &from)) die("Invalid rule specification: %s", rule);
            if (!dash) to = from + 1;
            else if (dash[1] && !parse_i64(dash + 1, &to)) die("Invalid rule specification: %s", rule);
        }
        if (colon) *colon = 0;
        add_rule(g, rule[0] ? rule : ".*", from, to);
        free(rule);
        p += n;
        if (!*p) return;
        p++;
    }
}

static bool is_wanted(const struct get_offsets *g, struct slice topic, int32_t part)
{
    bool ok = g->parts_n < 0;
    for (int i = 0; i < g->parts_n; i++) ok |= g->parts[i] == part;
    if (!ok) return false;
    for (int i = 0; i < g->rules_n; i++)
        if (part >= g->rules[i].from && part < g->rules[i].to && name_filter_match(g->rules[i].topics, topic))
            return true;
    return false;
}

static int wanted_cmp(const void *pa, const void *pb)
{
    const struct wanted *a = pa, *b = pb;
    int c = slice_cmp(a->topic, b->topic);
    return c ? c : (a->part > b->part) - (a->part < b->part);
}

static int find(struct get_offsets *g)
{
    struct kp_metadata_response meta;
    int rc = client_metadata(&g->a.c, NULL, -1, &meta, &g->a.why);
    if (rc) return rc;
    size_t n = 0;
    for (int32_t i = 0; i < meta.topics_n; i++) n += (size_t)meta.topics[i].partitions_n;
    g->wanted = xcalloc(n + 1, sizeof *g->wanted);
    for (int32_t i = 0; i < meta.topics_n; i++) {
        if (cli_given(g->o, "exclude-internal-topics") && topic_name_is_internal(meta.topics[i].name))
            continue;
        for (int32_t k = 0; k < meta.topics[i].partitions_n; k++) {
            const struct kp_metadata_response_metadata_response_partition *p = &meta.topics[i].partitions[k];
            if (is_wanted(g, meta.topics[i].name, p->partition_index))
                g->wanted[g->wanted_n++] =
                    (struct wanted){meta.topics[i].name, p->partition_index, p->leader_id, -1};
        }
    }
    if (!g->wanted_n)
        return admin_fail(&g->a, "", "Could not match any topic-partitions with the specified filters");
    qsort(g->wanted, (size_t)g->wanted_n, sizeof *g->wanted, wanted_cmp);
    return 0;
}

static void skip(const struct wanted *w, const char *why)
{
    fprintf(stderr, "Skip getting offsets for topic-partition %.*s-%d due to error: %s\n", (int)w->topic.n,
            (const char *)w->topic.p, w->part, why);
}

/* Asks one leader for all its partitions. */
static int ask(struct get_offsets *g, int32_t leader, int64_t time, int16_t version)
{
    struct arena *a = &g->a.c.arena;
    struct kp_list_offsets_request req;
    struct kp_list_offsets_response resp;
    kp_list_offsets_request_init(&req);
    req.replica_id = -1;
    req.timeout_ms = g->a.timeout_ms;
    req.topics = arena_zalloc(a, (size_t)g->wanted_n, sizeof *req.topics);
    for (int i = 0; i < g->wanted_n; i++) {
        const struct wanted *w = &g->wanted[i];
        if (w->leader != leader) continue;
        struct kp_list_offsets_request_list_offsets_topic *t =
            req.topics_n ? &req.topics[req.topics_n - 1] : NULL;
        if (!t || !slice_eq(t->name, w->topic)) {
            int n = 0;
            for (int k = i; k < g->wanted_n && slice_eq(g->wanted[k].topic, w->topic); k++) n++;
            t = &req.topics[req.topics_n++];
            t->name = w->topic;
            t->partitions = arena_zalloc(a, (size_t)n, sizeof *t->partitions);
        }
        t->partitions[t->partitions_n++] =
            (struct kp_list_offsets_request_list_offsets_partition){w->part, -1, time};
    }
    int rc = client_call(&g->a.c, leader, KP_API_LIST_OFFSETS, -1, &req, &resp, &g->a.why);
    if (rc) return rc;
    if (g->a.c.version < version)
        return admin_fail(&g->a, "", "The broker does not support the time %lld", (long long)time);
    for (int32_t i = 0; i < resp.topics_n; i++)
        for (int32_t k = 0; k < resp.topics[i].partitions_n; k++) {
            const struct kp_list_offsets_response_list_offsets_partition_response *p =
                &resp.topics[i].partitions[k];
            struct wanted key = {.topic = resp.topics[i].name, .part = p->partition_index};
            struct wanted *w = bsearch(&key, g->wanted, (size_t)g->wanted_n, sizeof key, wanted_cmp);
            if (!w) continue;
            if (p->error_code) skip(w, kafka_error_text(p->error_code));
            else w->offset = p->offset;
        }
    return 0;
}

static int ask_all(struct get_offsets *g, int64_t time, int16_t version)
{
    for (int i = 0; i < g->wanted_n; i++) {
        bool asked = false;
        int32_t leader = g->wanted[i].leader;
        for (int k = 0; k < i && !asked; k++) asked = g->wanted[k].leader == leader;
        if (leader < 0)
            skip(&g->wanted[i], "There is no leader for this topic-partition as we are in the middle of a "
                                "leadership election.");
        if (leader < 0 || asked) continue;
        int rc = ask(g, leader, time, version);
        if (rc) return rc;
    }
    return 0;
}

int get_offsets_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"bootstrap-server", true, "the cluster: host:port,host:port", NULL, 0},
        {"broker-list", true, "the same, older name", NULL, 0},
        {"command-config", true, "properties file of the client", NULL, 0},
        {"topic", true, "a regular expression; all topics if neither this nor --topic-partitions is given",
         NULL, 0},
        {"partitions", true, "partitions with commas between; all if not given", NULL, 0},
        {"topic-partitions", true, "topics:partition or topics:from-to, with commas between", NULL, 0},
        {"time", true,
         "-1 or latest, -2 or earliest, -3 or max-timestamp, -4 or earliest-local, -5 or latest-tiered, or "
         "milliseconds",
         NULL, 0},
        {"exclude-internal-topics", false, "without internal topics", NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    struct get_offsets g = {.o = o, .parts_n = -1};
    int16_t version;
    cli_parse(argc, argv, "moldau get-offsets: tell the offsets of partitions", o, NULL, NULL);
    const char *bootstrap = cli_bootstrap(o), *text = cli_value(o, "topic-partitions"),
               *topic = cli_value(o, "topic"), *at = cli_value(o, "time");
    if (text && (topic || cli_given(o, "partitions")))
        die("%s", "--topic-partitions cannot be used with --topic or --partitions");
    int64_t time = parse_time(at ? at : "latest", &version);
    if (cli_given(o, "partitions")) {
        g.parts_n = 0;
        parse_partitions(&g, cli_value(o, "partitions"));
    }
    if (text) parse_rules(&g, text);
    else {
        g.rules = xcalloc(1, sizeof *g.rules);
        add_rule(&g, topic ? topic : ".*", 0, INT64_MAX);
    }
    int rc = admin_open(&g.a, o, bootstrap, NULL);
    if (rc == 0) rc = find(&g);
    if (rc == 0) rc = ask_all(&g, time, version);
    for (int i = 0; rc == 0 && i < g.wanted_n; i++)
        if (g.wanted[i].offset >= 0)
            printf("%.*s:%d:%lld\n", (int)g.wanted[i].topic.n, (const char *)g.wanted[i].topic.p,
                   g.wanted[i].part, (long long)g.wanted[i].offset);
    if (rc) fprintf(stderr, "Error occurred: %s\n", strbuf_cstr(&g.a.why));
    for (int i = 0; i < g.rules_n; i++) name_filter_free(g.rules[i].topics);
    free(g.rules);
    free(g.parts);
    free(g.wanted);
    admin_close(&g.a);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    return rc ? 1 : 0;
}
