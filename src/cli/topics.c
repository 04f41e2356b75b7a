/* moldau topics: what kafka-topics.sh of Apache Kafka 4.3 does, with its options and its text. */
#include "cli/tools.h"
#include "conf/conf.h"
#include "kp/create_partitions.h"
#include "kp/create_topics.h"
#include "kp/delete_topics.h"
#include "kp/describe_configs.h"
#include "kp/describe_topic_partitions.h"
#include "kp/list_partition_reassignments.h"

#include <stdio.h>
#include <stdlib.h>

#define LOGGER "org.apache.kafka.tools.TopicCommand"
#define ILLEGAL_ARGUMENT "java.lang.IllegalArgumentException"
#define RESOURCE_TOPIC 2

enum action { LIST = 1, DESCRIBE = 2, CREATE = 4, ALTER = 8, DELETE = 16 };
static const struct {
    enum action action;
    const char *name;
} actions[] = {
    {LIST, "list"}, {DESCRIBE, "describe"}, {CREATE, "create"}, {ALTER, "alter"}, {DELETE, "delete"}};

struct int_list {
    const int32_t *v;
    int32_t n; /* -1: not known */
};
struct part_desc {
    int32_t index, leader; /* leader -1: none */
    struct int_list replicas, isr, elr, last_elr, adding, removing;
    bool reassigning;
};
struct topic_desc {
    struct slice name;
    struct uuid id;
    struct part_desc *parts;
    int32_t parts_n, parts_cap;
};
struct topics {
    struct admin a;
    const struct cli_option *o;
    struct kp_metadata_response meta;
    struct slice *names; /* those that match, ascending */
    int32_t names_n;
};

static int arg_i64(struct topics *t, const char *name, int64_t *out)
{
    const char *s = cli_value(t->o, name);
    if (parse_i64(s, out) && *out >= INT32_MIN && *out <= INT32_MAX) return 0;
    return admin_fail(&t->a, "joptsimple.OptionArgumentConversionException",
                      "Cannot parse argument '%s' of option %s", s, name);
}

/* Only plain names: the broker is asked for these and not for all. */
static int32_t plain_names(struct arena *a, const char *text, struct slice **out)
{
    int32_t n = 0;
    if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-,")]) return -1;
    *out = arena_zalloc(a, strlen(text) + 1, sizeof **out);
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        if (len) (*out)[n++] = slice_of(p, len);
        p += len + (p[len] == ',');
    }
    if (!n) return -1;
    qsort(*out, (size_t)n, sizeof **out, slice_qsort_cmp);
    int32_t once = 1;
    for (int32_t i = 1; i < n; i++)
        if (!slice_eq((*out)[i], (*out)[once - 1])) (*out)[once++] = (*out)[i];
    return once;
}

/* Fills in the names that match --topic. */
static int find_topics(struct topics *t, bool exclude_internal)
{
    const char *text = cli_value(t->o, "topic");
    struct name_filter *f = NULL;
    struct slice *asked = NULL;
    strbuf_reset(&t->a.why);
    int rc = text ? name_filter_new(&f, text, &t->a.why) : 0;
    if (rc) {
        snprintf(t->a.exception, sizeof t->a.exception, "java.lang.RuntimeException");
        return rc;
    }
    int32_t asked_n = text ? plain_names(&t->a.c.arena, text, &asked) : -1;
    rc = client_metadata(&t->a.c, asked, asked_n, &t->meta, &t->a.why);
    if (rc)
        snprintf(t->a.exception, sizeof t->a.exception, "org.apache.kafka.common.errors.TimeoutException");
    t->names = arena_zalloc(&t->a.c.arena, (size_t)(rc ? 0 : t->meta.topics_n), sizeof *t->names);
    for (int32_t i = 0; rc == 0 && i < t->meta.topics_n; i++) {
        const struct kp_metadata_response_metadata_response_topic *m = &t->meta.topics[i];
        if (!m->name.n || m->error_code == KERR_UNKNOWN_TOPIC_OR_PARTITION ||
            m->error_code == KERR_INVALID_TOPIC_EXCEPTION)
            continue;
        if (!name_filter_match(f, m->name) || (exclude_internal && topic_name_is_internal(m->name))) continue;
        t->names[t->names_n++] = m->name;
    }
    if (t->names_n) qsort(t->names, (size_t)t->names_n, sizeof *t->names, slice_qsort_cmp);
    name_filter_free(f);
    return rc;
}

static int ensure_found(struct topics *t)
{
    if (t->names_n || cli_given(t->o, "if-exists")) return 0;
    return admin_fail(&t->a, ILLEGAL_ARGUMENT, "Topic '%s' does not exist as expected",
                      cli_value(t->o, "topic"));
}

/* ---- create, alter, delete, list ---- */
/* "1:2,3:4": replicas with colons, partitions with commas. Each list is returned as given. */
static int parse_assignment(struct topics *t, const char *text, struct int_list **out, int32_t *out_n)
{
    struct arena *a = &t->a.c.arena;
    *out = arena_zalloc(a, strlen(text) + 1, sizeof **out);
    *out_n = 0;
    for (const char *p = text;;) {
        int32_t *v = arena_zalloc(a, strlen(p) + 1, sizeof *v), n = 0;
        for (;;) {
            size_t len = strcspn(p, ":,");
            int64_t id;
            char *word = arena_strndup(a, p, len);
            if (!parse_i64(word, &id) || id < INT32_MIN || id > INT32_MAX)
                return admin_fail(&t->a, "java.lang.NumberFormatException", "For input string: \"%s\"", word);
            v[n++] = (int32_t)id;
            p += len;
            if (*p != ':') break;
            p++;
        }
        for (int32_t i = 0; i < n; i++)
            for (int32_t k = 0; k < i; k++)
                if (v[i] == v[k])
                    return admin_fail(&t->a, "org.apache.kafka.tools.AdminCommandFailedException",
                                      "Partition replica lists may not contain duplicate entries: %d", v[i]);
        if (*out_n && (*out)[0].n != n) {
            int rc = admin_fail(&t->a, "org.apache.kafka.tools.AdminOperationException",
                                "Partition %d has different replication factor: [", *out_n);
            for (int32_t i = 0; i < n; i++) strbuf_printf(&t->a.why, "%s%d", i ? ", " : "", v[i]);
            strbuf_add_char(&t->a.why, ']');
            return rc;
        }
        (*out)[(*out_n)++] = (struct int_list){v, n};
        if (!*p) return 0;
        p++;
    }
}

static int create_configs(struct topics *t, struct kp_create_topics_request_creatable_topic *topic)
{
    const struct cli_option *o = t->o;
    while (strcmp(o->name, "config") != 0) o++;
    topic->configs = arena_zalloc(&t->a.c.arena, (size_t)o->n, sizeof *topic->configs);
    for (int i = 0; i < o->n; i++) {
        const char *s = o->values[i], *eq = strchr(s, '=');
        if (!eq)
            return admin_fail(&t->a, ILLEGAL_ARGUMENT,
                              "requirement failed: Invalid topic config: all configs to be added must be in "
                              "the format \"key=val\".");
        const char *name = s + strspn(s, " ");
        size_t name_n = (size_t)(eq - name), at = 0;
        while (name_n && name[name_n - 1] == ' ') name_n--;
        const char *value = eq + 1 + strspn(eq + 1, " ");
        size_t value_n = strlen(value);
        while (value_n && value[value_n - 1] == ' ') value_n--;
        struct slice key = slice_of(name, name_n);
        while (at < (size_t)topic->configs_n && !slice_eq(topic->configs[at].name, key)) at++;
        if (at == (size_t)topic->configs_n) topic->configs_n++;
        topic->configs[at].name = key;
        topic->configs[at].value = slice_of(value, value_n);
    }
    for (int32_t i = 0; i < topic->configs_n; i++) {
        struct slice name = topic->configs[i].name;
        struct strbuf why;
        strbuf_init(&why);
        int rc = conf_def_topic(name) ? conf_topic_validate(name, topic->configs[i].value, &why)
                                      : ERR_INVALID_CONFIG;
        if (rc && !conf_def_topic(name))
            strbuf_printf(&why, "Unknown topic config name: %.*s", (int)name.n, (const char *)name.p);
        if (rc)
            rc = admin_fail(&t->a,
                            conf_def_topic(name)
                                ? "org.apache.kafka.common.config.ConfigException"
                                : "org.apache.kafka.common.errors.InvalidConfigurationException",
                            "%s", strbuf_cstr(&why));
        strbuf_fini(&why);
        if (rc) return rc;
    }
    return 0;
}

static int create(struct topics *t)
{
    const char *name = cli_value(t->o, "topic"), *assignment = cli_value(t->o, "replica-assignment");
    struct kp_create_topics_request_creatable_topic topic;
    struct kp_create_topics_request req;
    struct kp_create_topics_response resp;
    int64_t n;
    int rc = 0;
    kp_create_topics_request_creatable_topic_init(&topic);
    topic.name = slice_cstr(name);
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    if (cli_given(t->o, "partitions")) {
        if ((rc = arg_i64(t, "partitions", &n)) != 0) return rc;
        topic.num_partitions = (int32_t)n;
    }
    int64_t factor = -1;
    if (cli_given(t->o, "replication-factor") && (rc = arg_i64(t, "replication-factor", &factor)) != 0)
        return rc;
    if (assignment) {
        struct int_list *v;
        int32_t v_n;
        if ((rc = parse_assignment(t, assignment, &v, &v_n)) != 0) return rc;
        topic.assignments = arena_zalloc(&t->a.c.arena, (size_t)v_n, sizeof *topic.assignments);
        topic.assignments_n = v_n;
        for (int32_t i = 0; i < v_n; i++) {
            topic.assignments[i].partition_index = i;
            topic.assignments[i].broker_ids = arena_alloc(&t->a.c.arena, (size_t)v[i].n * sizeof(int32_t));
            memcpy(topic.assignments[i].broker_ids, v[i].v, (size_t)v[i].n * sizeof(int32_t));
            topic.assignments[i].broker_ids_n = v[i].n;
        }
    }
    if ((rc = create_configs(t, &topic)) != 0) return rc;
    if (strpbrk(name, "._"))
        printf("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') "
               "could collide. "
               "To avoid issues it is best to use either, but not both.\n");
    if (cli_given(t->o, "replication-factor") && (factor < 1 || factor > INT16_MAX))
        return admin_fail(&t->a, ILLEGAL_ARGUMENT,
                          "The replication factor must be between 1 and %d inclusive", INT16_MAX);
    if (cli_given(t->o, "partitions") && topic.num_partitions < 1)
        return admin_fail(&t->a, ILLEGAL_ARGUMENT, "The partitions must be greater than 0");
    topic.replication_factor = (int16_t)factor;
    kp_create_topics_request_init(&req);
    req.topics = &topic;
    req.topics_n = 1;
    req.timeout_ms = t->a.timeout_ms;
    rc = admin_call(&t->a, KP_API_CREATE_TOPICS, -1, &req, &resp);
    if (rc) return rc;
    int16_t code = resp.topics_n == 1 ? resp.topics[0].error_code : (int16_t)KERR_UNKNOWN_SERVER_ERROR;
    if (code == KERR_TOPIC_ALREADY_EXISTS && cli_given(t->o, "if-not-exists")) return 0;
    if (code)
        return admin_fail_code(&t->a, code,
                               resp.topics_n == 1 ? resp.topics[0].error_message : (struct slice){0});
    printf("Created topic %s.\n", name);
    return 0;
}

static int alter(struct topics *t)
{
    const char *assignment = cli_value(t->o, "replica-assignment");
    struct kp_create_partitions_request req;
    struct kp_create_partitions_response resp;
    struct arena *a = &t->a.c.arena;
    struct int_list *lists = NULL;
    int32_t lists_n = 0;
    int64_t count = 0;
    int rc = find_topics(t, cli_given(t->o, "exclude-internal"));
    if (rc || (rc = ensure_found(t)) != 0 || !t->names_n) return rc;
    if ((rc = arg_i64(t, "partitions", &count)) != 0) return rc;
    if (assignment && (rc = parse_assignment(t, assignment, &lists, &lists_n)) != 0) return rc;
    kp_create_partitions_request_init(&req);
    req.timeout_ms = t->a.timeout_ms;
    req.topics = arena_zalloc(a, (size_t)t->names_n, sizeof *req.topics);
    for (int32_t i = 0; i < t->names_n; i++) {
        struct kp_create_partitions_request_create_partitions_topic *q = &req.topics[req.topics_n++];
        kp_create_partitions_request_create_partitions_topic_init(q);
        q->name = t->names[i];
        q->count = (int32_t)count;
        q->assignments_n = -1;
        int32_t have = 0;
        for (int32_t k = 0; k < t->meta.topics_n; k++)
            if (slice_eq(t->meta.topics[k].name, q->name)) have = t->meta.topics[k].partitions_n;
        if (!assignment) continue;
        /* The lists are those of all partitions; the new ones are sent. */
        q->assignments_n = lists_n > have ? lists_n - have : 0;
        q->assignments = arena_zalloc(a, (size_t)q->assignments_n, sizeof *q->assignments);
        for (int32_t k = 0; k < q->assignments_n; k++) {
            const struct int_list *l = &lists[have + k];
            q->assignments[k].broker_ids = arena_alloc(a, (size_t)l->n * sizeof(int32_t));
            memcpy(q->assignments[k].broker_ids, l->v, (size_t)l->n * sizeof(int32_t));
            q->assignments[k].broker_ids_n = l->n;
        }
    }
    rc = admin_call(&t->a, KP_API_CREATE_PARTITIONS, -1, &req, &resp);
    for (int32_t i = 0; rc == 0 && i < resp.results_n; i++)
        if (resp.results[i].error_code)
            rc = admin_fail_code(&t->a, resp.results[i].error_code, resp.results[i].error_message);
    return rc;
}

static int delete (struct topics *t)
{
    struct kp_delete_topics_request req;
    struct kp_delete_topics_response resp;
    int rc = find_topics(t, cli_given(t->o, "exclude-internal"));
    if (rc || (rc = ensure_found(t)) != 0 || !t->names_n) return rc;
    kp_delete_topics_request_init(&req);
    req.timeout_ms = t->a.timeout_ms;
    req.topic_names = t->names;
    req.topic_names_n = t->names_n;
    req.topics = arena_zalloc(&t->a.c.arena, (size_t)t->names_n, sizeof *req.topics);
    req.topics_n = t->names_n;
    for (int32_t i = 0; i < t->names_n; i++) req.topics[i].name = t->names[i];
    rc = admin_call(&t->a, KP_API_DELETE_TOPICS, -1, &req, &resp);
    for (int32_t i = 0; rc == 0 && i < resp.responses_n; i++)
        if (resp.responses[i].error_code)
            rc = admin_fail_code(&t->a, resp.responses[i].error_code, resp.responses[i].error_message);
    return rc;
}

static int list(struct topics *t)
{
    int rc = find_topics(t, cli_given(t->o, "exclude-internal"));
    for (int32_t i = 0; rc == 0 && i < t->names_n; i++)
        printf("%.*s\n", (int)t->names[i].n, (const char *)t->names[i].p);
    if (rc == 0 && !t->names_n) printf("\n"); /* as the reference: the names, joined, are one text */
    return rc;
}

/* ---- describe ---- */
static void describe_by_metadata(struct topics *t, struct topic_desc *out, int32_t *n)
{
    for (int32_t k = 0; k < t->meta.topics_n; k++) {
        const struct kp_metadata_response_metadata_response_topic *m = &t->meta.topics[k];
        if (*n == t->names_n ||
            !bsearch(&m->name, t->names, (size_t)t->names_n, sizeof *t->names, slice_qsort_cmp))
            continue;
        struct topic_desc *d = &out[(*n)++];
        *d = (struct topic_desc){.name = m->name, .id = m->topic_id, .parts_n = m->partitions_n};
        d->parts = arena_zalloc(&t->a.c.arena, (size_t)m->partitions_n, sizeof *d->parts);
        for (int32_t p = 0; p < m->partitions_n; p++) {
            const struct kp_metadata_response_metadata_response_partition *q = &m->partitions[p];
            d->parts[p] = (struct part_desc){.index = q->partition_index, .leader = q->leader_id};
            d->parts[p].replicas = (struct int_list){q->replica_nodes, q->replica_nodes_n};
            d->parts[p].isr = (struct int_list){q->isr_nodes, q->isr_nodes_n};
        }
    }
}

static void make_room(struct arena *a, struct topic_desc *d, int32_t more)
{
    if (d->parts_n + more <= d->parts_cap) return;
    d->parts_cap = d->parts_n + (more > d->parts_n ? more : d->parts_n);
    struct part_desc *parts = arena_zalloc(a, (size_t)d->parts_cap, sizeof *parts);
    if (d->parts_n) memcpy(parts, d->parts, (size_t)d->parts_n * sizeof *parts);
    d->parts = parts;
}

/* In pages, as large topics need (KIP-966). A topic may go on in the next page. */
static int describe_by_pages(struct topics *t, struct topic_desc *out, int32_t *n)
{
    struct kp_describe_topic_partitions_request req;
    struct kp_describe_topic_partitions_request_cursor cursor;
    struct kp_describe_topic_partitions_response resp;
    struct arena *a = &t->a.c.arena;
    int64_t limit = 2000;
    int rc;
    if (cli_given(t->o, "partition-size-limit-per-response") &&
        (rc = arg_i64(t, "partition-size-limit-per-response", &limit)) != 0)
        return rc;
    kp_describe_topic_partitions_request_init(&req);
    req.topics = arena_zalloc(a, (size_t)t->names_n, sizeof *req.topics);
    req.topics_n = t->names_n;
    for (int32_t i = 0; i < t->names_n; i++) req.topics[i].name = t->names[i];
    req.response_partition_limit = (int32_t)limit;
    for (;;) {
        rc = admin_call(&t->a, KP_API_DESCRIBE_TOPIC_PARTITIONS, -1, &req, &resp);
        if (rc) return rc;
        for (int32_t i = 0; i < resp.topics_n; i++) {
            if (resp.topics[i].error_code)
                return admin_fail_code(&t->a, resp.topics[i].error_code, (struct slice){0});
            struct topic_desc *d = *n ? &out[*n - 1] : NULL;
            if (!d || !slice_eq(d->name, resp.topics[i].name)) {
                if (*n == t->names_n)
                    return admin_fail(&t->a, "java.lang.IllegalStateException",
                                      "the broker described topics that were not asked for");
                d = &out[(*n)++];
                *d = (struct topic_desc){.name = resp.topics[i].name, .id = resp.topics[i].topic_id};
            }
            make_room(a, d, resp.topics[i].partitions_n);
            for (int32_t p = 0; p < resp.topics[i].partitions_n; p++) {
                const struct
                    kp_describe_topic_partitions_response_describe_topic_partitions_response_partition *q =
                        &resp.topics[i].partitions[p];
                struct part_desc *o = &d->parts[d->parts_n++];
                o->index = q->partition_index;
                o->leader = q->leader_id;
                o->replicas = (struct int_list){q->replica_nodes, q->replica_nodes_n};
                o->isr = (struct int_list){q->isr_nodes, q->isr_nodes_n};
                o->elr = (struct int_list){q->eligible_leader_replicas, q->eligible_leader_replicas_n};
                o->last_elr = (struct int_list){q->last_known_elr, q->last_known_elr_n};
            }
        }
        if (!resp.next_cursor) return 0;
        cursor = (struct kp_describe_topic_partitions_request_cursor){resp.next_cursor->topic_name,
                                                                      resp.next_cursor->partition_index};
        req.cursor = &cursor;
    }
}

static int desc_cmp(const void *a, const void *b)
{
    const struct topic_desc *x = a, *y = b;
    return slice_cmp(x->name, y->name);
}

/* v is sorted. */
static struct topic_desc *desc_find(struct topic_desc *v, int32_t n, struct slice name)
{
    struct topic_desc key = {.name = name};
    return n ? bsearch(&key, v, (size_t)n, sizeof *v, desc_cmp) : NULL;
}

static struct part_desc *part_find(const struct topic_desc *d, int32_t index)
{
    if (index >= 0 && index < d->parts_n && d->parts[index].index == index) return &d->parts[index];
    for (int32_t i = 0; i < d->parts_n; i++)
        if (d->parts[i].index == index) return &d->parts[i];
    return NULL;
}

/* What is being moved; a broker without the API moves nothing. */
static int add_reassignments(struct topics *t, struct topic_desc *v, int32_t n)
{
    struct kp_list_partition_reassignments_request req;
    struct kp_list_partition_reassignments_response resp;
    kp_list_partition_reassignments_request_init(&req);
    req.timeout_ms = t->a.timeout_ms;
    req.topics_n = -1;
    int rc = admin_call(&t->a, KP_API_LIST_PARTITION_REASSIGNMENTS, -1, &req, &resp);
    if (rc == ERR_UNSUPPORTED_VERSION) return 0;
    if (rc || resp.error_code) return rc; /* not permitted: shown without */
    for (int32_t i = 0; i < resp.topics_n; i++) {
        const struct topic_desc *d = desc_find(v, n, resp.topics[i].name);
        for (int32_t p = 0; d && p < resp.topics[i].partitions_n; p++) {
            const struct kp_list_partition_reassignments_response_ongoing_partition_reassignment *r =
                &resp.topics[i].partitions[p];
            struct part_desc *q = part_find(d, r->partition_index);
            if (!q) continue;
            q->reassigning = true;
            q->adding = (struct int_list){r->adding_replicas, r->adding_replicas_n};
            q->removing = (struct int_list){r->removing_replicas, r->removing_replicas_n};
        }
    }
    return 0;
}

static void print_ints(const char *label, const struct int_list *l)
{
    printf("\t%s: %s", label, l->n < 0 ? "N/A" : "");
    for (int32_t i = 0; i < l->n; i++) printf("%s%d", i ? "," : "", l->v[i]);
}

/* A move counts as under-replicated only by the replicas that were there before it. */
static int32_t replication_factor(const struct part_desc *p)
{
    return p->replicas.n - (p->reassigning ? p->adding.n : 0);
}

static void print_part(const struct topic_desc *d, const struct part_desc *p)
{
    printf("\tTopic: %.*s\tPartition: %d\tLeader: ", (int)d->name.n, (const char *)d->name.p, p->index);
    if (p->leader < 0) printf("none");
    else printf("%d", p->leader);
    print_ints("Replicas", &p->replicas);
    print_ints("Isr", &p->isr);
    if (p->reassigning) {
        print_ints("Adding Replicas", &p->adding);
        print_ints("Removing Replicas", &p->removing);
    }
    print_ints("Elr", &p->elr);
    print_ints("LastKnownElr", &p->last_elr);
    printf("\n");
}

static void print_topic(const struct topic_desc *d,
                        const struct kp_describe_configs_response_describe_configs_result *c)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(d->id, id);
    printf("Topic: %.*s", (int)d->name.n, (const char *)d->name.p);
    if (!uuid_is_zero(d->id)) printf("\tTopicId: %s", id);
    printf("\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: ", d->parts_n,
           d->parts_n ? replication_factor(&d->parts[0]) : 0);
    uint32_t buckets = java_map_buckets(c->configs_n, 16);
    const char *comma = "";
    for (uint32_t b = 0; b < buckets; b++)
        for (int32_t i = 0; i < c->configs_n; i++) {
            const struct kp_describe_configs_response_describe_configs_resource_result *e = &c->configs[i];
            if (e->config_source == CONF_SOURCE_DEFAULT || java_map_bucket(e->name, buckets) != b) continue;
            printf("%s%.*s=%.*s", comma, (int)e->name.n, (const char *)e->name.p, (int)e->value.n,
                   (const char *)e->value.p);
            comma = ",";
        }
    printf("\n");
}

static bool is_alive(const struct topics *t, int32_t node)
{
    for (int32_t i = 0; i < t->meta.brokers_n; i++)
        if (t->meta.brokers[i].node_id == node) return true;
    return false;
}

static int configs_cmp(const void *a, const void *b)
{
    const struct kp_describe_configs_response_describe_configs_result *x = a, *y = b;
    return slice_cmp(x->resource_name, y->resource_name);
}

/* The results come sorted by name. */
static int describe_configs(struct topics *t, const struct topic_desc *v, int32_t n,
                            struct kp_describe_configs_response *resp)
{
    struct kp_describe_configs_request req;
    kp_describe_configs_request_init(&req);
    req.resources = arena_zalloc(&t->a.c.arena, (size_t)n, sizeof *req.resources);
    req.resources_n = n;
    for (int32_t i = 0; i < n; i++) {
        req.resources[i].resource_type = RESOURCE_TOPIC;
        req.resources[i].resource_name = v[i].name;
        req.resources[i].configuration_keys_n = -1;
    }
    int rc = n ? admin_call(&t->a, KP_API_DESCRIBE_CONFIGS, -1, &req, resp) : 0;
    for (int32_t i = 0; rc == 0 && n && i < resp->results_n; i++)
        if (resp->results[i].error_code)
            rc = admin_fail_code(&t->a, resp->results[i].error_code, resp->results[i].error_message);
    if (rc == 0 && n && resp->results_n)
        qsort(resp->results, (size_t)resp->results_n, sizeof *resp->results, configs_cmp);
    return rc;
}

static int describe_find(struct topics *t)
{
    const char *text = cli_value(t->o, "topic-id");
    struct uuid id = {0};
    size_t len = text ? strlen(text) : 0;
    if (len > 24)
        return admin_fail(&t->a, ILLEGAL_ARGUMENT,
                          "Input string with prefix `%.24s` is too long to be decoded as a base64 UUID",
                          text);
    if (text && uuid_parse(slice_cstr(text), &id))
        return admin_fail(&t->a, ILLEGAL_ARGUMENT,
                          "Input string `%s` decoded as %zu bytes, which is not equal to the expected 16 "
                          "bytes of a base64-encoded UUID",
                          text, len * 3 / 4);
    int rc = find_topics(t, cli_given(t->o, "exclude-internal"));
    if (rc) return rc;
    if (uuid_is_zero(id)) return cli_given(t->o, "topic") ? ensure_found(t) : 0;
    struct slice found = {0};
    for (int32_t i = 0; i < t->meta.topics_n; i++)
        if (uuid_eq(t->meta.topics[i].topic_id, id)) found = t->meta.topics[i].name;
    t->names_n = 0;
    if (found.p) t->names[t->names_n++] = found;
    char canonical[UUID_TEXT_BYTES];
    uuid_format(id, canonical);
    if (!found.p && !cli_given(t->o, "if-exists"))
        return admin_fail(&t->a, ILLEGAL_ARGUMENT, "TopicId '%s' does not exist as expected", canonical);
    return 0;
}

static int describe(struct topics *t)
{
    bool under_replicated = cli_given(t->o, "under-replicated-partitions"),
         unavailable = cli_given(t->o, "unavailable-partitions");
    bool under_min = cli_given(t->o, "under-min-isr-partitions"),
         at_min = cli_given(t->o, "at-min-isr-partitions");
    bool overrides = cli_given(t->o, "topics-with-overrides"),
         parts_only = under_replicated || unavailable || under_min || at_min;
    int rc = describe_find(t);
    if (rc || !t->names_n) return rc;
    struct topic_desc *v = arena_zalloc(&t->a.c.arena, (size_t)t->names_n, sizeof *v);
    int32_t n = 0;
    rc = describe_by_pages(t, v, &n);
    if (rc == ERR_UNSUPPORTED_VERSION) {
        n = 0;
        describe_by_metadata(t, v, &n);
        rc = 0;
    }
    if (n) qsort(v, (size_t)n, sizeof *v, desc_cmp);
    struct kp_describe_configs_response configs = {0};
    if (rc || (rc = add_reassignments(t, v, n)) != 0 || (rc = describe_configs(t, v, n, &configs)) != 0)
        return rc;
    /* Kafka's tool fills two maps one after the other, and prints the second. */
    java_map_sort(t->names, t->names_n, 16);
    java_map_sort(t->names, t->names_n, (uint32_t)t->names_n);
    for (int32_t order = 0; order < t->names_n; order++) {
        static const struct kp_describe_configs_response_describe_configs_result none;
        const struct topic_desc *d = desc_find(v, n, t->names[order]);
        if (!d) continue; /* deleted meanwhile */
        const struct kp_describe_configs_response_describe_configs_result key = {.resource_name = d->name},
                                                                          *c = NULL;
        if (configs.results_n)
            c = bsearch(&key, configs.results, (size_t)configs.results_n, sizeof key, configs_cmp);
        if (!c) c = &none;
        int64_t min_isr = 1;
        bool has_override = false;
        for (int32_t k = 0; k < c->configs_n; k++) {
            has_override |= c->configs[k].config_source != CONF_SOURCE_DEFAULT;
            if (slice_eq_cstr(c->configs[k].name, "min.insync.replicas"))
                min_isr = strtoll(arena_strndup(&t->a.c.arena, c->configs[k].value.p, c->configs[k].value.n),
                                  NULL, 10);
        }
        if (!parts_only && (!overrides || has_override)) print_topic(d, c);
        for (int32_t p = 0; !overrides && p < d->parts_n; p++) {
            const struct part_desc *q = &d->parts[p];
            if (!parts_only || (under_replicated && q->isr.n < replication_factor(q)) ||
                (unavailable && !is_alive(t, q->leader)) || (under_min && q->isr.n < min_isr) ||
                (at_min && q->isr.n == min_isr))
                print_part(d, q);
        }
    }
    return 0;
}

/* ---- options ---- */
static void check_options(const struct cli_option *o, enum action *action)
{
    static const struct {
        const char *option;
        unsigned allowed;
    } rules[] = {{"config", CREATE},
                 {"partitions", CREATE | ALTER},
                 {"replication-factor", CREATE},
                 {"replica-assignment", CREATE | ALTER},
                 {"under-replicated-partitions", DESCRIBE},
                 {"under-min-isr-partitions", DESCRIBE},
                 {"at-min-isr-partitions", DESCRIBE},
                 {"unavailable-partitions", DESCRIBE},
                 {"topics-with-overrides", DESCRIBE},
                 {"if-exists", ALTER | DELETE | DESCRIBE},
                 {"if-not-exists", CREATE},
                 {"exclude-internal", LIST | DESCRIBE},
                 {"topic-id", DESCRIBE}};
    static const char *const kinds[] = {"under-replicated-partitions", "under-min-isr-partitions",
                                        "at-min-isr-partitions", "unavailable-partitions",
                                        "topics-with-overrides"};
    int n = 0;
    const char *name = NULL;
    for (size_t i = 0; i < NELEMS(actions); i++)
        if (cli_given(o, actions[i].name)) {
            *action = actions[i].action;
            name = actions[i].name;
            n++;
        }
    if (n != 1)
        tool_usage_error(
            "Command must include exactly one action: --list, --describe, --create, --alter or --delete");
    if (!cli_given(o, "bootstrap-server") && !cli_given(o, "broker-list") && !cli_given(o, "zookeeper")) {
        fprintf(stderr, "--bootstrap-server must be specified\n");
        exit(1);
    }
    if (*action != LIST && *action != DESCRIBE && !cli_given(o, "topic"))
        tool_usage_error("Missing required argument \"[topic]\"");
    if (*action == ALTER && !cli_given(o, "partitions"))
        tool_usage_error("Missing required argument \"[partitions]\"");
    for (size_t i = 0; i < NELEMS(rules); i++)
        if (cli_given(o, rules[i].option) && !(rules[i].allowed & *action))
            tool_usage_error("Option \"[%s]\" can't be used with option \"[%s]\"", rules[i].option, name);
    if (cli_given(o, "replica-assignment") && cli_given(o, "replication-factor"))
        tool_usage_error(
            "Option \"[replica-assignment]\" can't be used with option \"[replication-factor]\"");
    if (*action == CREATE && cli_given(o, "replica-assignment") && cli_given(o, "partitions"))
        tool_usage_error("Option \"[replica-assignment]\" can't be used with option \"[partitions]\"");
    for (size_t i = 0; i < NELEMS(kinds); i++)
        for (size_t k = 0; k < NELEMS(kinds); k++)
            if (i != k && cli_given(o, kinds[i]) && cli_given(o, kinds[k]))
                tool_usage_error("Option \"[%s]\" can't be used with option \"[%s]\"", kinds[i], kinds[k]);
}

int topics_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"bootstrap-server", true, "the cluster: host:port,host:port", NULL, 0},
        {"broker-list", true, "the same, older name", NULL, 0},
        {"zookeeper", true, "taken as the bootstrap address", NULL, 0},
        {"command-config", true, "properties file of the client", NULL, 0},
        {"list", false, "list the topics", NULL, 0},
        {"describe", false, "tell partitions, replicas and settings", NULL, 0},
        {"create", false, "create a topic", NULL, 0},
        {"alter", false, "add partitions", NULL, 0},
        {"delete", false, "delete topics", NULL, 0},
        {"topic", true, "a topic; except for --create a regular expression or several with commas", NULL, 0},
        {"topic-id", true, "a topic's id, for --describe", NULL, 0},
        {"config", true, "name=value of a topic to create; may come more than once", NULL, 0},
        {"partitions", true, "how many partitions", NULL, 0},
        {"replication-factor", true, "how many replicas", NULL, 0},
        {"replica-assignment", true, "brokers of each partition: 1:2,2:3", NULL, 0},
        {"under-replicated-partitions", false, "describe only these", NULL, 0},
        {"unavailable-partitions", false, "describe only these", NULL, 0},
        {"under-min-isr-partitions", false, "describe only these", NULL, 0},
        {"at-min-isr-partitions", false, "describe only these", NULL, 0},
        {"topics-with-overrides", false, "describe only topics with settings of their own", NULL, 0},
        {"if-exists", false, "no error if the topic is missing", NULL, 0},
        {"if-not-exists", false, "no error if the topic is there", NULL, 0},
        {"exclude-internal", false, "without internal topics", NULL, 0},
        {"partition-size-limit-per-response", true, "partitions in one answer, 2000", NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    struct topics t = {.o = o};
    enum action action = LIST;
    cli_parse(argc, argv, "moldau topics: create, delete, describe, or change a topic", o, NULL, NULL);
    check_options(o, &action);
    int rc = admin_open(&t.a, o, cli_bootstrap(o), NULL);
    if (rc == 0) {
        switch (action) {
        case LIST:
            rc = list(&t);
            break;
        case DESCRIBE:
            rc = describe(&t);
            break;
        case CREATE:
            rc = create(&t);
            break;
        case ALTER:
            rc = alter(&t);
            break;
        case DELETE:
            rc = delete (&t);
            break;
        }
    }
    if (rc) {
        printf("Error while executing topic command : %s\n", strbuf_cstr(&t.a.why));
        fflush(stdout);
        admin_log_error(&t.a, LOGGER);
    }
    admin_close(&t.a);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    return rc ? 1 : 0;
}
