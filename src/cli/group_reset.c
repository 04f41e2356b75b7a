/* A reset has three steps: the partitions (--topic, --all-topics, --from-file), their new offsets (one of the
 * scenarios), and the commit. Rows come in the order of the reference's hash map, so that scripts see no
 * difference. */
#include "cli/group_reset.h"
#include "base/hash.h"
#include "cli/rk_tool.h"
#include "kp/offset_commit.h"
#include "os/blocking.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define UNKNOWN_TOPIC "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"

/* Years 0..9999 to days since 1970 (proleptic Gregorian; H. Hinnant's civil-days arithmetic). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int datetime_parse(const char *s, int64_t *ms)
{
    int y, mo, d, h, mi, sec = 0, n = 0;
    int64_t fraction = 0, shift = 0;
    if (sscanf(s, "%4d-%2d-%2dT%2d:%2d%n", &y, &mo, &d, &h, &mi, &n) != 5 || n < 16) return ERR_FORMAT;
    s += n;
    if (sscanf(s, ":%2d%n", &sec, &n) == 1) s += n;
    if (*s == '.') {
        int64_t scale = 100;
        for (s++; isdigit((unsigned char)*s); s++, scale /= 10) fraction += (*s - '0') * scale;
    }
    if (*s == 'Z') s++;
    else if (*s == '+' || *s == '-') {
        int oh, om = 0, sign = *s++ == '-' ? -1 : 1;
        if (sscanf(s, "%2d%n", &oh, &n) != 1) return ERR_FORMAT;
        s += n;
        if (*s == ':') s++;
        if (sscanf(s, "%2d%n", &om, &n) == 1) s += n;
        shift = sign * (oh * 60 + om) * 60000;
    }
    if (*s || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 59) return ERR_FORMAT;
    *ms = ((days_of(y, mo, d) * 24 + h) * 60 + mi) * 60000 + sec * 1000 + fraction - shift;
    return 0;
}

int duration_parse(const char *s, int64_t *ms)
{
    bool minus = *s == '-', in_time = false;
    int64_t total = 0;
    if (*s == '-' || *s == '+') s++;
    if (toupper((unsigned char)*s++) != 'P' || !*s) return ERR_FORMAT;
    while (*s) {
        if (toupper((unsigned char)*s) == 'T' && !in_time) {
            in_time = true;
            s++;
            if (!*s) return ERR_FORMAT;
            continue;
        }
        char *end;
        double v = strtod(s, &end);
        if (end == s) return ERR_FORMAT;
        int64_t unit;
        switch (toupper((unsigned char)*end)) {
        case 'D':
            unit = in_time ? 0 : 86400000;
            break;
        case 'H':
            unit = in_time ? 3600000 : 0;
            break;
        case 'M':
            unit = in_time ? 60000 : 0;
            break;
        case 'S':
            unit = in_time ? 1000 : 0;
            break;
        default:
            unit = 0;
        }
        if (!unit) return ERR_FORMAT;
        total += (int64_t)(v * (double)unit);
        s = end + 1;
    }
    *ms = minus ? -total : total;
    return 0;
}

/* ---- partitions ---- */

static int add_whole_topic(struct admin *a, struct slice topic, struct group_offsets *out)
{
    struct kp_metadata_response m;
    strbuf_reset(&a->why);
    int rc = client_metadata(&a->c, &topic, 1, &m, &a->why);
    if (rc)
        return admin_fail(a, "org.apache.kafka.common.errors.TimeoutException", "%s", strbuf_cstr(&a->why));
    int16_t code = m.topics_n == 1 ? m.topics[0].error_code : (int16_t)KERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (code) return admin_fail_code(a, code, slice_cstr(group_error_text(code)));
    for (int32_t p = 0; p < m.topics[0].partitions_n; p++)
        (void)group_offset_add(a, out, (struct topic_part){topic, p});
    return 0;
}

int group_topic_arg(struct admin *a, const char *text, struct group_offsets *out)
{
    const char *colon = strchr(text, ':');
    if (!colon) return add_whole_topic(a, slice_cstr(text), out);
    struct slice topic = slice_of(text, (size_t)(colon - text));
    if (!topic.n || !colon[1])
        tool_usage_error("Invalid topic arg '%s', expected topic name and partitions", text);
    for (const char *p = colon + 1; *p;) {
        char *end;
        long part = strtol(p, &end, 10);
        if (end == p || (*end && *end != ',') || part < 0 || part > INT32_MAX)
            tool_usage_error("Invalid partition '%.*s' specified in topic arg '%s''", (int)strcspn(p, ","), p,
                             text);
        (void)group_offset_add(a, out, (struct topic_part){topic, (int32_t)part});
        p = end + (*end == ',');
    }
    return 0;
}

/* Those whose leader did not answer with an offset do not exist, as far as a reset goes. */
static int check_exist(struct admin *a, const struct group_offsets *o)
{
    struct strbuf list;
    strbuf_init(&list);
    for (int32_t i = 0; i < o->n; i++)
        if (o->v[i].error == KERR_UNKNOWN_TOPIC_OR_PARTITION)
            strbuf_printf(&list, "%s%.*s-%d", list.n ? "," : "", (int)o->v[i].tp.topic.n,
                          (const char *)o->v[i].tp.topic.p, o->v[i].tp.part);
    int rc = list.n ? admin_fail(a, UNKNOWN_TOPIC, "The partitions \"%s\" do not exist", list.s) : 0;
    strbuf_fini(&list);
    return rc;
}

static int scope(struct admin *a, const struct cli_option *o, const struct group_offsets *committed,
                 struct group_offsets *out)
{
    const struct cli_option *topics = o;
    int rc = 0;
    if (cli_given(o, "all-topics")) {
        for (int32_t i = 0; i < committed->n; i++) (void)group_offset_add(a, out, committed->v[i].tp);
        return 0;
    }
    while (strcmp(topics->name, "topic") != 0) topics++;
    if (!topics->n) tool_usage_error("One of the reset scopes should be defined: --all-topics, --topic.");
    for (int i = 0; i < topics->n && rc == 0; i++) rc = group_topic_arg(a, topics->values[i], out);
    return rc;
}

static uint32_t bucket(struct topic_part tp, uint32_t buckets)
{
    uint32_t h = 31 * (31 + (uint32_t)tp.part) + (uint32_t)java_string_hash(tp.topic);
    return (h ^ h >> 16) & (buckets - 1);
}

/* Into the order of a hash map of topic partitions; stable. */
static void map_order(struct group_offsets *plan)
{
    uint32_t buckets = java_map_buckets(plan->n, 16);
    struct group_offset *out = xcalloc((size_t)plan->n + 1, sizeof *out);
    size_t *at = xcalloc((size_t)buckets + 1, sizeof *at);
    for (int32_t i = 0; i < plan->n; i++) at[bucket(plan->v[i].tp, buckets) + 1]++;
    for (uint32_t i = 0; i < buckets; i++) at[i + 1] += at[i];
    for (int32_t i = 0; i < plan->n; i++) out[at[bucket(plan->v[i].tp, buckets)]++] = plan->v[i];
    if (plan->n) memcpy(plan->v, out, (size_t)plan->n * sizeof *out);
    free(out);
    free(at);
}

/* ---- new offsets: group_offset.committed becomes the offset to set ---- */

static int64_t bounded(int64_t want, int64_t earliest, int64_t latest, struct topic_part tp)
{
    int64_t use = want > latest ? latest : want < earliest ? earliest : want;
    if (use != want)
        rk_say("WARN",
               "New offset (%lld) is %s offset for topic partition %.*s-%d. Value will be set to %lld "
               "(org.apache.kafka.tools.OffsetsUtils)",
               (long long)want, want > latest ? "higher than latest" : "lower than earliest", (int)tp.topic.n,
               (const char *)tp.topic.p, tp.part, (long long)use);
    return use;
}

/* The wanted offsets stand in committed; cuts them to what the partitions hold. */
static int bound_all(struct admin *a, struct group_offsets *plan)
{
    int64_t *earliest = xcalloc((size_t)plan->n + 1, sizeof *earliest);
    int rc = offsets_of_partitions(a, plan, TIME_EARLIEST);
    for (int32_t i = 0; i < plan->n; i++) earliest[i] = plan->v[i].answer;
    if (rc == 0) rc = offsets_of_partitions(a, plan, TIME_LATEST);
    if (rc == 0) rc = check_exist(a, plan);
    for (int32_t i = 0; i < plan->n && rc == 0; i++)
        plan->v[i].committed = bounded(plan->v[i].committed, earliest[i], plan->v[i].answer, plan->v[i].tp);
    free(earliest);
    return rc;
}

static int set_answers(struct admin *a, struct group_offsets *plan, int64_t time)
{
    int rc = offsets_of_partitions(a, plan, time);
    if (rc == 0) rc = check_exist(a, plan);
    for (int32_t i = 0; i < plan->n && rc == 0; i++) plan->v[i].committed = plan->v[i].answer;
    return rc;
}

static int to_time(struct admin *a, struct group_offsets *plan, int64_t ms)
{
    int64_t *latest = xcalloc((size_t)plan->n + 1, sizeof *latest);
    int rc = offsets_of_partitions(a, plan, TIME_LATEST);
    for (int32_t i = 0; i < plan->n; i++) latest[i] = plan->v[i].answer;
    if (rc == 0) rc = check_exist(a, plan);
    if (rc == 0) rc = offsets_of_partitions(a, plan, ms);
    for (int32_t i = 0; i < plan->n && rc == 0; i++) {
        struct group_offset *g = &plan->v[i];
        if (g->answer < 0)
            printf("\nWarn: Partition %d from topic %.*s is empty. Falling back to latest known offset.\n",
                   g->tp.part, (int)g->tp.topic.n, (const char *)g->tp.topic.p);
        g->committed = g->answer < 0 ? latest[i] : g->answer;
    }
    free(latest);
    return rc;
}

static int shift(struct admin *a, struct group_offsets *plan, const struct group_offsets *committed,
                 int64_t by)
{
    for (int32_t i = 0; i < plan->n; i++) {
        const struct group_offset *c = group_offset_find(committed, plan->v[i].tp);
        if (!c)
            tool_usage_error(
                "Cannot shift offset for partition %.*s-%d since there is no current committed offset",
                (int)plan->v[i].tp.topic.n, (const char *)plan->v[i].tp.topic.p, plan->v[i].tp.part);
        plan->v[i].committed = c->committed + by;
    }
    return bound_all(a, plan);
}

static int to_current(struct admin *a, struct group_offsets *plan, const struct group_offsets *committed)
{
    int rc = set_answers(a, plan, TIME_LATEST);
    for (int32_t i = 0; i < plan->n && rc == 0; i++) {
        const struct group_offset *c = group_offset_find(committed, plan->v[i].tp);
        if (c) plan->v[i].committed = c->committed;
    }
    return rc;
}

/* Cuts a line of CSV at its commas; how many fields there were, more than max if too many. */
static int csv_fields(char *line, char **field, int max)
{
    char *save, *p = strtok_r(line, ",\r\n", &save);
    int n = 0;
    for (; p && n < max; p = strtok_r(NULL, ",\r\n", &save)) {
        while (*p == ' ' || *p == '"') p++;
        for (size_t len = strlen(p); len && (p[len - 1] == ' ' || p[len - 1] == '"'); len--) p[len - 1] = 0;
        field[n++] = p;
    }
    return p ? max + 1 : n;
}

/* topic,partition,offset or, with a group before them, group,topic,partition,offset: what an export of
 * several groups looks like. The first line tells which; without groups the file is the one group's. */
static int from_file(struct admin *a, const char *path, struct slice group, bool several,
                     struct group_offsets *plan)
{
    char line[1024];
    int rc = 0, first = several ? 1 : -1;
    FILE *f = fopen(path, "r");
    if (!f) return admin_fail(a, "java.nio.file.NoSuchFileException", "%s", path);
    while (rc == 0 && fgets(line, sizeof line, f)) {
        char *field[4];
        int n = csv_fields(line, field, 4);
        int64_t part, offset;
        if (!n) continue;
        if (first < 0) first = n == 3 ? 0 : 1;
        if (n != first + 3 || !parse_i64(field[first + 1], &part) || !parse_i64(field[first + 2], &offset) ||
            part < 0 || part > INT32_MAX)
            rc = admin_fail(a, "java.lang.IllegalArgumentException",
                            "%s: a line is not %stopic,partition,offset", path, first ? "group," : "");
        else if (!first || slice_eq_cstr(group, field[0])) {
            size_t len = strlen(field[first]);
            char *topic = arena_alloc(&a->c.arena, len + 1);
            memcpy(topic, field[first], len + 1);
            group_offset_add(a, plan, (struct topic_part){slice_of(topic, len), (int32_t)part})->committed =
                offset;
        }
    }
    fclose(f);
    if (rc == 0 && !plan->n)
        printf("\nError: No reset plan for group %.*s found\n", (int)group.n, (const char *)group.p);
    return rc ? rc : bound_all(a, plan);
}

static const char *const scenarios[] = {"to-datetime", "by-duration", "to-latest", "to-current",
                                        "to-earliest", "to-offset",   "shift-by",  "from-file"};

static int64_t number(const struct cli_option *o, const char *name)
{
    int64_t n;
    if (!parse_i64(cli_value(o, name), &n))
        tool_usage_error("Cannot parse argument '%s' of option %s", cli_value(o, name), name);
    return n;
}

static int plan_group(struct admin *a, const struct cli_option *o, struct slice group, bool several,
                      const struct group_offsets *committed, struct group_offsets *plan)
{
    int64_t ms;
    if (cli_given(o, "from-file")) return from_file(a, cli_value(o, "from-file"), group, several, plan);
    int rc = scope(a, o, committed, plan);
    if (rc || !plan->n) return rc;
    map_order(plan); /* warnings come in this order, too */
    if (cli_given(o, "to-earliest")) return set_answers(a, plan, TIME_EARLIEST);
    if (cli_given(o, "to-latest")) return set_answers(a, plan, TIME_LATEST);
    if (cli_given(o, "to-current")) return to_current(a, plan, committed);
    if (cli_given(o, "shift-by")) return shift(a, plan, committed, number(o, "shift-by"));
    if (cli_given(o, "to-offset")) {
        for (int32_t i = 0; i < plan->n; i++) plan->v[i].committed = number(o, "to-offset");
        return bound_all(a, plan);
    }
    if (cli_given(o, "to-datetime")) {
        if (datetime_parse(cli_value(o, "to-datetime"), &ms))
            return admin_fail(a, "java.text.ParseException",
                              "Error parsing timestamp. It does not match any expected format: %s",
                              cli_value(o, "to-datetime"));
        return to_time(a, plan, ms);
    }
    if (duration_parse(cli_value(o, "by-duration"), &ms))
        return admin_fail(a, "java.time.format.DateTimeParseException",
                          "Text cannot be parsed to a Duration");
    return to_time(a, plan, os_now_wall_ms() - ms);
}

/* ---- commit and rows ---- */

static int commit(struct admin *a, const struct group_state *g, const struct group_offsets *plan)
{
    struct kp_offset_commit_request req;
    struct kp_offset_commit_response resp;
    kp_offset_commit_request_init(&req);
    req.group_id = g->id;
    req.generation_id_or_member_epoch = -1;
    req.member_id = KP_EMPTY;
    req.retention_time_ms = -1;
    req.topics = arena_zalloc(&a->c.arena, (size_t)plan->n + 1, sizeof *req.topics);
    struct kp_offset_commit_request_offset_commit_request_partition *next =
        arena_zalloc(&a->c.arena, (size_t)plan->n + 1, sizeof *next);
    struct group_offset *v = arena_zalloc(&a->c.arena, (size_t)plan->n + 1, sizeof *v);
    memcpy(v, plan->v, (size_t)plan->n * sizeof *v);
    qsort(v, (size_t)plan->n, sizeof *v, topic_part_cmp); /* one entry a topic */
    for (int32_t i = 0; i < plan->n; i++) {
        if (!i || !slice_eq(v[i].tp.topic, v[i - 1].tp.topic)) {
            req.topics[req.topics_n].name = v[i].tp.topic;
            req.topics[req.topics_n++].partitions = next;
        }
        req.topics[req.topics_n - 1].partitions_n++;
        *next++ = (struct kp_offset_commit_request_offset_commit_request_partition){
            .partition_index = v[i].tp.part,
            .committed_offset = v[i].committed,
            .committed_leader_epoch = -1,
            .committed_metadata = KP_EMPTY};
    }
    int rc = group_call(a, g->coordinator, KP_API_OFFSET_COMMIT, 9, &req, &resp);
    for (int32_t i = 0; rc == 0 && i < resp.topics_n; i++)
        for (int32_t k = 0; rc == 0 && k < resp.topics[i].partitions_n; k++)
            if (resp.topics[i].partitions[k].error_code)
                rc = admin_fail_code(a, resp.topics[i].partitions[k].error_code,
                                     slice_cstr(group_error_text(resp.topics[i].partitions[k].error_code)));
    return rc;
}

static void print_rows(const struct slice *groups, const struct group_offsets *plans, int n)
{
    int group_w = 15, topic_w = 15;
    for (int i = 0; i < n; i++)
        for (int32_t k = 0; k < plans[i].n; k++) {
            if ((int)groups[i].n > group_w) group_w = (int)groups[i].n;
            if ((int)plans[i].v[k].tp.topic.n > topic_w) topic_w = (int)plans[i].v[k].tp.topic.n;
        }
    printf("\n%-*s %-*s %-10s %s", group_w, "GROUP", topic_w, "TOPIC", "PARTITION", "NEW-OFFSET");
    for (int i = 0; i < n; i++)
        for (int32_t k = 0; k < plans[i].n; k++) {
            const struct group_offset *g = &plans[i].v[k];
            printf("\n%-*.*s %-*.*s %-10d %lld", group_w, (int)groups[i].n, (const char *)groups[i].p,
                   topic_w, (int)g->tp.topic.n, (const char *)g->tp.topic.p, g->tp.part,
                   (long long)g->committed);
        }
    printf("\n");
}

/* The reference's CSV writer quotes what needs it and, without looking, whatever is longer than 24
 * characters. */
static void print_field(struct slice s)
{
    bool quote = s.n > 24;
    for (size_t i = 0; i < s.n; i++)
        quote = quote || s.p[i] == ',' || s.p[i] == '"' || s.p[i] < ' ' ||
                (s.p[i] == ' ' && (i == 0 || i + 1 == s.n));
    if (quote) putchar('"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') putchar('"');
        putchar(s.p[i]);
    }
    if (quote) putchar('"');
    putchar(',');
}

static void print_csv(const struct slice *groups, const struct group_offsets *plans, int n)
{
    for (int i = 0; i < n; i++)
        for (int32_t k = 0; k < plans[i].n; k++) {
            const struct group_offset *g = &plans[i].v[k];
            if (n > 1) print_field(groups[i]);
            print_field(g->tp.topic);
            printf("%d,%lld\n", g->tp.part, (long long)g->committed);
        }
    printf("\n");
}

static int reset_one(struct admin *a, const struct cli_option *o, struct slice group, bool several,
                     struct group_offsets *plan, int *code)
{
    struct group_state g;
    struct group_offsets committed;
    int rc = group_describe(a, group, &g);
    if (rc == ERR_GROUP_ID_NOT_FOUND) g.state = slice_cstr("Dead"); /* a commit makes it */
    else if (rc) return rc;
    if (!slice_eq_cstr(g.state, "Empty") && !slice_eq_cstr(g.state, "Dead")) {
        printf("\nError: Assignments can only be reset if the group '%.*s' is inactive, but the current "
               "state is %.*s.\n",
               (int)group.n, (const char *)group.p, (int)g.state.n, (const char *)g.state.p);
        *code = 1;
        return 0;
    }
    rc = group_committed(a, group, g.coordinator, &committed);
    if (rc == ERR_GROUP_ID_NOT_FOUND) rc = 0;
    if (rc == 0) rc = plan_group(a, o, group, several, &committed, plan);
    if (rc) return rc;
    map_order(plan);
    return cli_given(o, "execute") && plan->n ? commit(a, &g, plan) : 0;
}

int group_reset(struct admin *a, const struct cli_option *o, int *code)
{
    const struct cli_option *g = o;
    int given = 0, rc = 0;
    while (strcmp(g->name, "group") != 0) g++;
    for (size_t i = 0; i < NELEMS(scenarios); i++) given += cli_given(o, scenarios[i]);
    if (!given)
        tool_usage_error("Option '[reset-offsets]' requires one of the following scenarios: [[to-datetime], "
                         "[by-duration], [to-latest], [to-current], [to-earliest], "
                         "[to-offset], [shift-by], [from-file]]");
    if (given > 1) tool_usage_error("Only one of the reset scenarios may be given");
    if (cli_given(o, "execute") && cli_given(o, "dry-run"))
        tool_usage_error("Option [reset-offsets] only accepts one of [execute] and [dry-run]");
    if (!cli_given(o, "execute") && !cli_given(o, "dry-run"))
        fprintf(stderr, "WARN: No action will be performed as the --execute option is missing. In version "
                        "5.0, this command will require either --dry-run or --execute to be "
                        "specified. You should add the --dry-run option explicitly if you are scripting this "
                        "command and want to keep the current default behavior without "
                        "prompting.\n");
    int n = g->n;
    struct slice *groups = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *groups);
    for (int i = 0; i < n; i++) groups[i] = slice_cstr(g->values[i]);
    if (cli_given(o, "all-groups")) {
        rc = group_list_ids(a, &groups, &n);
        if (rc) return rc;
    }
    java_map_sort(groups, n, 16);
    struct group_offsets *plans = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *plans);
    for (int i = 0; i < n && rc == 0; i++) rc = reset_one(a, o, groups[i], n > 1, &plans[i], code);
    if (rc) return rc;
    if (cli_given(o, "export")) print_csv(groups, plans, n);
    else print_rows(groups, plans, n);
    return 0;
}
