/* consumer-groups: list, describe, delete groups, their offsets, and set them (group_reset.c).
 *
 * Tables go to standard output with a blank line before each; what is said about a group's state goes to
 * standard error, as in the reference. Unlike there, a command that failed ends with exit code 1. */
#include "cli/group_reset.h"
#include "kp/delete_groups.h"
#include "kp/offset_delete.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT(s) (int)(s).n, (const char *)(s).p /* for %.*s */
#define WIDER(w, s) ((int)(s).n > (w) ? (int)(s).n : (w))

static const struct cli_option *option(const struct cli_option *o, const char *name)
{
    while (strcmp(o->name, name) != 0) o++;
    return o;
}

static int failed(const struct admin *a, bool with_class)
{
    printf("\nError: Executing consumer group command failed due to %s%s%s\n", with_class ? a->exception : "",
           with_class ? ": " : "", strbuf_cstr(&a->why));
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", a->exception, strbuf_cstr(&a->why));
    return 1;
}

/* ---- list ---- */

/* "stable,empty" into Kafka's spelling; names ends with NULL. */
static int32_t filter(const char *text, const char *const *names, const char *what, struct slice *out)
{
    int32_t n = 0;
    for (const char *p = text; p && *p && n < 16;) {
        size_t len = strcspn(p, ",");
        const char *const *k = names;
        while (*k && (strlen(*k) != len || strncasecmp(*k, p, len) != 0)) k++;
        if (!*k) {
            struct strbuf all;
            strbuf_init(&all);
            for (k = names; *k; k++) strbuf_printf(&all, "%s%s", k == names ? "" : ", ", *k);
            tool_usage_error("Invalid %s list '%s'. Valid %s are: %s", what, text,
                             what[0] == 's' ? "states" : "types", all.s);
        }
        out[n++] = slice_cstr(*k);
        p += len + (p[len] == ',');
    }
    return n;
}

static int list(struct admin *a, const struct cli_option *o)
{
    static const char *const states[] = {
        "Dead",  "Assigning", "Stable", "Reconciling", "PreparingRebalance", "CompletingRebalance",
        "Empty", NULL};
    static const char *const types[] = {"Consumer", "Classic", NULL};
    struct slice in_states[16], of_types[16];
    bool state = cli_given(o, "state"), type = cli_given(o, "type");
    struct group_listed *v;
    int32_t n;
    int32_t states_n = filter(cli_value(o, "state"), states, "state", in_states),
            types_n = filter(cli_value(o, "type"), types, "types", of_types);
    int rc = group_list(a, in_states, states_n, of_types, types_n, &v, &n);
    if (rc) return failed(a, true);
    int w = 15;
    for (int32_t i = 0; i < n; i++) w = WIDER(w, v[i].id);
    w += 10;
    if (state || type) {
        printf("%-*s", w, "GROUP");
        if (type) printf(" %-20s", "TYPE");
        if (state) printf(" %-20s", "STATE");
        printf("\n");
    }
    for (int32_t i = 0; i < n; i++) {
        if (!state && !type) {
            printf("%.*s\n", TEXT(v[i].id));
            continue;
        }
        const char *shown = slice_eq_cstr(v[i].type, "consumer") ? "Consumer" : "Classic";
        printf("%-*.*s", w, TEXT(v[i].id));
        if (type) printf(" %-20s", shown);
        if (state) printf(" %-20.*s", TEXT(v[i].state));
        printf("\n");
    }
    return 0;
}

/* ---- describe ---- */

/* On standard error, whether the group is empty or moving. */
static void say_state(const struct group_state *g)
{
    fflush(stdout);
    if (slice_eq_cstr(g->state, "Empty"))
        fprintf(stderr, "\nConsumer group '%.*s' has no active members.\n", TEXT(g->id));
    else if (!slice_eq_cstr(g->state, "Stable"))
        fprintf(stderr, "\nWarning: Consumer group '%.*s' is rebalancing.\n", TEXT(g->id));
}

static const char *number_or_dash(int64_t n, char buf[24])
{
    if (n < 0) return "-";
    snprintf(buf, 24, "%lld", (long long)n);
    return buf;
}

struct row {
    struct topic_part tp;
    const struct group_member *member; /* NULL: nobody has the partition */
};

static int more_parts_first(const void *a, const void *b)
{
    const struct group_member *x = *(const struct group_member *const *)a,
                              *y = *(const struct group_member *const *)b;
    return (x->parts_n < y->parts_n) - (x->parts_n > y->parts_n);
}

/* Partitions of members, those with most of them first, then partitions with an offset and no member. */
static struct row *rows_of(struct admin *a, const struct group_state *g,
                           const struct group_offsets *committed, struct group_offsets *all, int32_t *n)
{
    int32_t max = committed->n;
    const struct group_member **order = arena_zalloc(&a->c.arena, (size_t)g->members_n + 1, sizeof *order);
    for (int32_t i = 0; i < g->members_n; i++) {
        order[i] = &g->members[i];
        max += g->members[i].parts_n;
    }
    qsort(order, (size_t)g->members_n, sizeof *order, more_parts_first);
    struct row *rows = arena_zalloc(&a->c.arena, (size_t)max + 1, sizeof *rows);
    *n = 0;
    for (int32_t i = 0; i < g->members_n; i++)
        for (int32_t k = 0; k < order[i]->parts_n; k++)
            rows[(*n)++] = (struct row){order[i]->parts[k], order[i]};
    size_t owned_n = (size_t)*n;
    struct topic_part *owned = arena_zalloc(&a->c.arena, owned_n + 1, sizeof *owned);
    for (size_t i = 0; i < owned_n; i++) owned[i] = rows[i].tp;
    qsort(owned, owned_n, sizeof *owned, topic_part_cmp);
    for (int32_t i = 0; i < committed->n; i++)
        if (!bsearch(&committed->v[i].tp, owned, owned_n, sizeof *owned, topic_part_cmp))
            rows[(*n)++] = (struct row){committed->v[i].tp, NULL};
    for (int32_t i = 0; i < *n; i++) (void)group_offset_add(a, all, rows[i].tp);
    return rows;
}

static int describe_offsets(struct admin *a, const struct group_state *g, bool verbose)
{
    struct group_offsets committed, ends = {0};
    int32_t n;
    int rc = group_committed(a, g->id, g->coordinator, &committed);
    if (rc) return rc;
    struct row *rows = rows_of(a, g, &committed, &ends, &n);
    rc = offsets_of_partitions(a, &ends, TIME_LATEST);
    if (rc) return rc;
    int gw = WIDER(15, g->id), tw = 15, cw = 15, hw = 15;
    for (int32_t i = 0; i < n; i++) {
        tw = WIDER(tw, rows[i].tp.topic);
        if (!rows[i].member) continue;
        cw = WIDER(cw, rows[i].member->id);
        hw = WIDER(hw, rows[i].member->host);
    }
    say_state(g);
    if (!n) return 0;
    printf("\n%-*s %-*s %-10s ", gw, "GROUP", tw, "TOPIC", "PARTITION");
    if (verbose) printf("%-15s ", "LEADER-EPOCH");
    printf("%-15s %-15s %-15s %-*s %-*s %s", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", cw, "CONSUMER-ID", hw,
           "HOST", "CLIENT-ID");
    for (int32_t i = 0; i < n; i++) {
        const struct group_offset *c = group_offset_find(&committed, rows[i].tp);
        const struct group_member *m = rows[i].member;
        const struct slice dash = slice_cstr("-");
        struct slice id = m ? m->id : dash, host = m ? m->host : dash, client = m ? m->client_id : dash;
        int64_t end = ends.v[i].answer;
        char b1[24], b2[24], b3[24], b4[24];
        printf("\n%-*.*s %-*.*s %-10d ", gw, TEXT(g->id), tw, TEXT(rows[i].tp.topic), rows[i].tp.part);
        if (verbose) printf("%-15s ", number_or_dash(c ? c->leader_epoch : -1, b4));
        printf("%-15s %-15s %-15s %-*.*s %-*.*s %.*s", number_or_dash(c ? c->committed : -1, b1),
               number_or_dash(end, b2),
               number_or_dash(c && end >= 0 ? max_i64(end - c->committed, 0) : -1, b3), cw, TEXT(id), hw,
               TEXT(host), TEXT(client));
    }
    printf("\n");
    return 0;
}

/* "t:0,1;u:2", "-" for none. */
static void assignment_text(struct strbuf *b, const struct topic_part *v, int32_t n)
{
    strbuf_reset(b);
    for (int32_t i = 0; i < n; i++) {
        bool same = i && slice_eq(v[i].topic, v[i - 1].topic);
        if (!same) strbuf_printf(b, "%s%.*s:", i ? ";" : "", TEXT(v[i].topic));
        strbuf_printf(b, "%s%d", same ? "," : "", v[i].part);
    }
    if (!n) strbuf_add_char(b, '-');
}

static int describe_members(const struct group_state *g, bool verbose)
{
    int gw = WIDER(15, g->id), iw = 15, nw = 17, hw = 15, cw = 15, aw = 20, tw = 20;
    bool instance = false, upgraded = false;
    struct strbuf now, target;
    strbuf_init(&now);
    strbuf_init(&target);
    for (int32_t i = 0; i < g->members_n; i++) {
        const struct group_member *m = &g->members[i];
        iw = WIDER(iw, m->id);
        nw = WIDER(nw, m->instance_id);
        hw = WIDER(hw, m->host);
        cw = WIDER(cw, m->client_id);
        instance = instance || m->instance_id.n;
        upgraded = upgraded || (g->modern && m->classic);
        assignment_text(&now, m->parts, m->parts_n);
        assignment_text(&target, m->target, m->target_n);
        aw = WIDER(aw, now);
        tw = WIDER(tw, target);
    }
    say_state(g);
    printf("\n%-*s %-*s ", gw, "GROUP", iw, "CONSUMER-ID");
    if (instance) printf("%-*s ", nw, "GROUP-INSTANCE-ID");
    printf("%-*s %-*s %-15s ", hw, "HOST", cw, "CLIENT-ID", "#PARTITIONS");
    if (verbose)
        printf("%-15s %-*s %-15s %-*s%s", "CURRENT-EPOCH", aw, "CURRENT-ASSIGNMENT", "TARGET-EPOCH", tw,
               "TARGET-ASSIGNMENT", upgraded ? " UPGRADED" : "");
    printf("\n");
    for (int32_t i = 0; i < g->members_n; i++) {
        const struct group_member *m = &g->members[i];
        char b1[24], b2[24];
        assignment_text(&now, m->parts, m->parts_n);
        assignment_text(&target, m->target, m->target_n);
        printf("%-*.*s %-*.*s ", gw, TEXT(g->id), iw, TEXT(m->id));
        if (instance) printf("%-*.*s ", nw, TEXT(m->instance_id));
        printf("%-*.*s %-*.*s %-15d ", hw, TEXT(m->host), cw, TEXT(m->client_id), m->parts_n);
        if (verbose)
            printf("%-15s %-*s %-15s %-*s%s", number_or_dash(g->modern ? m->epoch : -1, b1), aw, now.s,
                   number_or_dash(g->modern ? g->target_epoch : -1, b2), tw, target.s,
                   !upgraded    ? ""
                   : m->classic ? " false"
                                : " true");
        printf("\n");
    }
    strbuf_fini(&now);
    strbuf_fini(&target);
    return 0;
}

static int describe_state(const struct admin *a, const struct group_state *g, bool verbose)
{
    char coordinator[300], b1[24], b2[24];
    int port = 0;
    const char *host = client_node_host(&a->c, g->coordinator, &port);
    snprintf(coordinator, sizeof coordinator, "%s:%d  (%d)", host ? host : "-", port, g->coordinator);
    int gw = WIDER(15, g->id), cw = WIDER(25, slice_cstr(coordinator));
    struct slice assignor = g->assignor.n ? g->assignor : slice_cstr("-");
    say_state(g);
    printf("\n%-*s %-*s %-20s %-20s ", gw, "GROUP", cw, "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE");
    if (verbose) printf("%-15s %-25s ", "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH");
    printf("#MEMBERS\n%-*.*s %-*s %-20.*s %-20.*s ", gw, TEXT(g->id), cw, coordinator, TEXT(assignor),
           TEXT(g->state));
    if (verbose)
        printf("%-15s %-25s ", number_or_dash(g->modern ? g->epoch : -1, b1),
               number_or_dash(g->modern ? g->target_epoch : -1, b2));
    printf("%d\n", g->members_n);
    return 0;
}

static int describe(struct admin *a, const struct cli_option *o)
{
    const struct cli_option *given = option(o, "group");
    int n = given->n, rc = 0,
        kinds = cli_given(o, "members") + cli_given(o, "offsets") + cli_given(o, "state");
    bool verbose = cli_given(o, "verbose");
    if (!n && !cli_given(o, "all-groups"))
        tool_usage_error("Option [describe] takes one of these options: [group], [all-groups]");
    if (kinds > 1)
        tool_usage_error(
            "Option [describe] takes at most one of these options: [members], [offsets], [state]");
    if (cli_value(o, "state") && cli_value(o, "state")[0])
        tool_usage_error("Option [describe] does not take a value for [state]");
    struct slice *ids = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *ids);
    for (int i = 0; i < n; i++) ids[i] = slice_cstr(given->values[i]);
    if (cli_given(o, "all-groups") && group_list_ids(a, &ids, &n)) return failed(a, true);
    qsort(ids, (size_t)n, sizeof *ids, slice_qsort_cmp);
    struct group_state *groups = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *groups);
    for (int i = 0; i < n; i++)
        if (group_describe(a, ids[i], &groups[i])) return failed(a, true);
    for (int i = 0; i < n && rc == 0; i++) {
        if (i && slice_eq(ids[i], ids[i - 1])) continue;
        if (cli_given(o, "members")) rc = describe_members(&groups[i], verbose);
        else if (cli_given(o, "state")) rc = describe_state(a, &groups[i], verbose);
        else rc = describe_offsets(a, &groups[i], verbose);
    }
    return rc ? failed(a, true) : 0;
}

/* ---- delete ---- */

static int16_t delete_one(struct admin *a, struct slice id)
{
    struct kp_delete_groups_request req;
    struct kp_delete_groups_response resp;
    int32_t node;
    strbuf_reset(&a->why);
    if (client_group_coordinator(&a->c, id, &node, &a->why)) return KERR_COORDINATOR_NOT_AVAILABLE;
    kp_delete_groups_request_init(&req);
    req.groups_names = &id;
    req.groups_names_n = 1;
    if (group_call(a, node, KP_API_DELETE_GROUPS, -1, &req, &resp)) return KERR_REQUEST_TIMED_OUT;
    return resp.results_n == 1 ? resp.results[0].error_code : (int16_t)KERR_UNKNOWN_SERVER_ERROR;
}

static int delete (struct admin *a, const struct cli_option *o)
{
    const struct cli_option *given = option(o, "group");
    int n = given->n, bad = 0;
    if (!n && !cli_given(o, "all-groups"))
        tool_usage_error("Option [delete] takes one of these options: [group], [all-groups]");
    if (cli_given(o, "topic"))
        tool_usage_error(
            "The consumer does not support topic-specific offset deletion from a consumer group.");
    struct slice *ids = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *ids);
    for (int i = 0; i < n; i++) ids[i] = slice_cstr(given->values[i]);
    if (cli_given(o, "all-groups") && group_list_ids(a, &ids, &n)) return failed(a, true);
    java_map_sort(ids, n, 16);
    int16_t *codes = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *codes);
    struct strbuf good;
    strbuf_init(&good);
    for (int i = 0; i < n; i++) {
        codes[i] = delete_one(a, ids[i]);
        if (codes[i]) bad++;
        else strbuf_printf(&good, "%s'%.*s'", good.n ? ", " : "", TEXT(ids[i]));
    }
    if (!bad) printf("Deletion of requested consumer groups (%s) was successful.\n", strbuf_cstr(&good));
    else {
        printf("\nError: Deletion of some consumer groups failed:\n");
        for (int i = 0; i < n; i++) {
            if (!codes[i]) continue;
            (void)admin_fail_code(a, codes[i], slice_cstr(group_error_text(codes[i])));
            printf("* Group '%.*s' could not be deleted due to: %s: %s\n", TEXT(ids[i]), a->exception,
                   a->why.s);
        }
        if (good.n) printf("\nThese consumer groups were deleted successfully: %s\n", good.s);
    }
    strbuf_fini(&good);
    return bad ? 1 : 0;
}

struct deletion {
    struct slice topic;
    int32_t part; /* -1: the topic is not there */
    int16_t code;
};

/* Topic, then the partition's digits as text. */
static int deletion_cmp(const void *a, const void *b)
{
    const struct deletion *x = a, *y = b;
    char p[12], q[12];
    int c = slice_cmp(x->topic, y->topic);
    snprintf(p, sizeof p, "%d", x->part);
    snprintf(q, sizeof q, "%d", y->part);
    return c ? c : strcmp(p, q);
}

/* One request for all partitions; the code of the whole answer. */
static int16_t delete_parts(struct admin *a, struct slice group, struct deletion *v, int32_t n)
{
    struct kp_offset_delete_request req;
    struct kp_offset_delete_response resp;
    int32_t node;
    strbuf_reset(&a->why);
    if (client_group_coordinator(&a->c, group, &node, &a->why)) return KERR_COORDINATOR_NOT_AVAILABLE;
    kp_offset_delete_request_init(&req);
    req.group_id = group;
    req.topics = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *req.topics);
    for (int32_t i = 0; i < n; i++) {
        if (v[i].part < 0) continue;
        if (!req.topics_n || !slice_eq(req.topics[req.topics_n - 1].name, v[i].topic)) {
            req.topics[req.topics_n].name = v[i].topic;
            req.topics[req.topics_n++].partitions =
                arena_zalloc(&a->c.arena, (size_t)n, sizeof *req.topics->partitions);
        }
        struct kp_offset_delete_request_offset_delete_request_topic *t = &req.topics[req.topics_n - 1];
        t->partitions[t->partitions_n++].partition_index = v[i].part;
    }
    if (group_call(a, node, KP_API_OFFSET_DELETE, -1, &req, &resp)) return KERR_REQUEST_TIMED_OUT;
    for (int32_t i = 0; i < resp.topics_n; i++)
        for (int32_t k = 0; k < resp.topics[i].partitions_n; k++)
            for (int32_t j = 0; j < n; j++)
                if (v[j].part == resp.topics[i].partitions[k].partition_index &&
                    slice_eq(v[j].topic, resp.topics[i].name))
                    v[j].code = resp.topics[i].partitions[k].error_code;
    return resp.error_code;
}

static int delete_offsets(struct admin *a, const struct cli_option *o)
{
    const struct cli_option *groups = option(o, "group"), *topics = option(o, "topic");
    if (groups->n != 1 || !topics->n)
        tool_usage_error("Option [delete-offsets] takes the following options: [group], [topic]");
    struct group_offsets parts = {0}, missing = {0};
    for (int i = 0; i < topics->n; i++) {
        int rc = group_topic_arg(a, topics->values[i], &parts);
        if (rc == ERR_UNKNOWN_TOPIC_OR_PARTITION)
            (void)group_offset_add(a, &missing, (struct topic_part){slice_cstr(topics->values[i]), -1});
        else if (rc) return failed(a, false);
    }
    int32_t n = parts.n + missing.n;
    int w = 15;
    struct deletion *v = arena_zalloc(&a->c.arena, (size_t)n + 1, sizeof *v);
    for (int32_t i = 0; i < parts.n; i++)
        v[i] = (struct deletion){parts.v[i].tp.topic, parts.v[i].tp.part, 0};
    for (int32_t i = 0; i < missing.n; i++)
        v[parts.n + i] = (struct deletion){missing.v[i].tp.topic, -1, KERR_UNKNOWN_TOPIC_OR_PARTITION};
    qsort(v, (size_t)n, sizeof *v, deletion_cmp);
    int16_t code = delete_parts(a, slice_cstr(groups->values[0]), v, n);
    bool partly = false;
    for (int32_t i = 0; i < n; i++) {
        if (code && v[i].part >= 0) v[i].code = code;
        partly = partly || (v[i].code && v[i].part >= 0);
        w = WIDER(w, v[i].topic);
    }
    switch (code) {
    case 0:
        if (partly) printf("\nError: Encountered some partition-level error, see the follow-up details.\n");
        else printf("Request succeeded for deleting offsets from group %s.\n", groups->values[0]);
        break;
    case KERR_INVALID_GROUP_ID:
    case KERR_GROUP_ID_NOT_FOUND:
    case KERR_GROUP_AUTHORIZATION_FAILED:
    case KERR_NON_EMPTY_GROUP:
        printf("\nError: %s\n", group_error_text(code));
        break;
    default:
        printf("\nError: Encountered some unknown error: %s\n", group_error_text(code));
    }
    printf("\n%-*s %-10s %-15s\n", w, "TOPIC", "PARTITION", "STATUS");
    for (int32_t i = 0; i < n; i++) {
        char p[24];
        printf("%-*.*s %-10s ", w, TEXT(v[i].topic), number_or_dash(v[i].part, p));
        if (v[i].code) {
            (void)admin_fail_code(a, v[i].code, slice_cstr(group_error_text(v[i].code)));
            printf("Error: %s: %s\n", a->exception, a->why.s);
        } else printf("%-15s\n", "Successful");
    }
    return code || partly ? 1 : 0;
}

/* ---- options ---- */

static int validate_regex(const char *text)
{
    regex_t re;
    int rc = regcomp(&re, text, REG_EXTENDED | REG_NOSUB);
    if (rc) {
        char why[128];
        regerror(rc, NULL, why, sizeof why);
        printf("The regular expression `%s` is invalid: %s.\n", text, why);
        return 1;
    }
    regfree(&re);
    printf("The regular expression `%s` is valid.\n", text);
    return 0;
}

static int run(struct admin *a, const struct cli_option *o)
{
    if (cli_given(o, "list")) return list(a, o);
    if (cli_given(o, "describe")) return describe(a, o);
    if (cli_given(o, "delete")) return delete (a, o);
    if (cli_given(o, "delete-offsets")) return delete_offsets(a, o);
    if (!cli_given(o, "group") && !cli_given(o, "all-groups"))
        tool_usage_error("Option [reset-offsets] takes one of these options: [all-groups], [group]");
    int code = 0;
    return group_reset(a, o, &code) ? failed(a, false) : code;
}

int consumer_groups_main(int argc, char **argv)
{
    static const char *const actions[] = {"list", "describe", "delete", "reset-offsets", "delete-offsets"};
    struct cli_option o[] = {
        {.name = "bootstrap-server", .takes_value = true, .help = "REQUIRED: the servers to connect to"},
        {.name = "zookeeper",
         .takes_value = true,
         .help = "of releases before 2.0; taken as the bootstrap address"},
        {.name = "command-config", .takes_value = true, .help = "a file of client properties"},
        {.name = "list", .help = "list all consumer groups; with --state and --type more about them"},
        {.name = "describe", .help = "offsets and lag of groups; with --members or --state those instead"},
        {.name = "delete", .help = "delete groups"},
        {.name = "delete-offsets", .help = "delete a group's offsets of --topic"},
        {.name = "reset-offsets", .help = "set a group's offsets; shows the plan unless --execute is given"},
        {.name = "group", .takes_value = true, .help = "a consumer group; may be given several times"},
        {.name = "all-groups", .help = "all consumer groups"},
        {.name = "topic", .takes_value = true, .help = "a topic, or topic:0,1,2; may be given several times"},
        {.name = "all-topics", .help = "all topics the group has offsets of"},
        {.name = "members", .help = "with --describe: the members"},
        {.name = "offsets", .help = "with --describe: offsets and lag (the default)"},
        {.name = "state",
         .takes_value = true,
         .help = "with --describe: the state; with --list: states to show, stable,empty,..."},
        {.name = "type", .takes_value = true, .help = "with --list: types to show, classic,consumer"},
        {.name = "verbose", .help = "with --describe: more"},
        {.name = "timeout",
         .takes_value = true,
         .help = "milliseconds to wait for an answer (default: 30000)"},
        {.name = "dry-run", .help = "with --reset-offsets: only show the plan"},
        {.name = "execute", .help = "with --reset-offsets: do it"},
        {.name = "export", .help = "with --reset-offsets: print the plan as CSV"},
        {.name = "to-earliest", .help = "to the earliest offset"},
        {.name = "to-latest", .help = "to the latest offset"},
        {.name = "to-current", .help = "to the committed offset"},
        {.name = "to-offset", .takes_value = true, .help = "to this offset"},
        {.name = "to-datetime",
         .takes_value = true,
         .help = "to the first record since YYYY-MM-DDThh:mm:ss.sss"},
        {.name = "by-duration", .takes_value = true, .help = "to the first record of the last PnDTnHnMnS"},
        {.name = "shift-by", .takes_value = true, .help = "by so many records, forward or (negative) back"},
        {.name = "from-file",
         .takes_value = true,
         .help = "to the offsets of a CSV file: topic,partition,offset"},
        {.name = "validate-regex", .takes_value = true, .help = "tell whether a regular expression is valid"},
        {0},
    };
    char **states = cli_optional_value(argc, argv, "state", ""),
         **args = cli_optional_value(argc, states, "type", "");
    cli_parse(argc, args,
              "This tool helps to list all consumer groups, describe a consumer group, delete consumer group "
              "info, or reset consumer group offsets.",
              o, NULL, NULL);
    free(states);
    free(args);
    if (cli_given(o, "validate-regex")) return validate_regex(cli_value(o, "validate-regex"));
    int n = 0;
    for (size_t i = 0; i < NELEMS(actions); i++) n += cli_given(o, actions[i]);
    if (n != 1)
        tool_usage_error("Command must include exactly one action: --list, --describe, --delete, "
                         "--reset-offsets, --delete-offsets, --validate-regex");
    struct admin a;
    int64_t ms = 0;
    if (cli_given(o, "timeout") && (!parse_i64(cli_value(o, "timeout"), &ms) || ms <= 0))
        tool_usage_error("Cannot parse argument '%s' of option timeout", cli_value(o, "timeout"));
    int rc = admin_open(&a, o, cli_bootstrap(o), NULL);
    if (ms) a.c.conf.timeout_ms = ms;
    int code = rc ? failed(&a, true) : run(&a, o);
    fflush(stdout);
    admin_close(&a);
    return code;
}
