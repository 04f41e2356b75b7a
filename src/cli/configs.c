/* moldau configs: what kafka-configs.sh of Apache Kafka 4.3 does for topics, brokers, groups and client
 * metrics, with its options and its text. */
#include "cli/tools.h"
#include "conf/conf.h"
#include "kp/describe_configs.h"
#include "kp/incremental_alter_configs.h"
#include "kp/list_config_resources.h"
#include "kp/list_groups.h"

#include <stdio.h>
#include <stdlib.h>

enum { OP_SET = 0, OP_DELETE = 1 };

static const struct entity {
    const char *type, *one;
    int8_t resource; /* 0: not offered by this tool */
    int8_t source;   /* of what is set for such an entity itself */
    const char *flag, *default_flag;
} entities[] = {
    {"topics", "topic", 2, CONF_SOURCE_TOPIC, "topic", NULL},
    {"clients", "client", 0, 0, "client", "client-defaults"},
    {"users", "user", 0, 0, "user", "user-defaults"},
    {"brokers", "broker", 4, CONF_SOURCE_DYNAMIC_BROKER, "broker", "broker-defaults"},
    {"ips", "ip", 0, 0, "ip", "ip-defaults"},
    {"client-metrics", "client-metric", 16, CONF_SOURCE_CLIENT_METRICS, "client-metrics", NULL},
    {"groups", "group", 32, CONF_SOURCE_GROUP, "group", NULL},
    {"broker-loggers", "broker-logger", 8, 6, "broker-logger", NULL},
};
enum { TOPICS = 0, BROKERS = 3, CLIENT_METRICS = 5, GROUPS = 6, LOGGERS = 7 };

struct change {
    char *name, *value; /* value NULL: take it back */
};
struct configs {
    struct admin a;
    const struct cli_option *o;
    const struct entity *entity;
    const char *name; /* NULL: all; "": the default */
    struct change *changes;
    int changes_n;
};

static _Noreturn void die(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* The node to ask: a broker answers for itself. */
static int node_of(struct configs *c, const char *name, const char *call, int32_t *node)
{
    int64_t id;
    int port;
    *node = CLIENT_ANY_NODE;
    if ((c->entity != &entities[BROKERS] && c->entity != &entities[LOGGERS]) || !name[0]) return 0;
    struct kp_metadata_response meta;
    int rc = client_metadata(&c->a.c, NULL, 0, &meta, &c->a.why);
    if (rc) return rc;
    if (!parse_i64(name, &id) || id < 0 || id > INT32_MAX || !client_node_host(&c->a.c, (int32_t)id, &port))
        return admin_fail(&c->a, "org.apache.kafka.common.errors.TimeoutException",
                          "Timed out waiting for a node assignment. Call: %s", call);
    *node = (int32_t)id;
    return 0;
}

/* ---- describe ---- */
static int entry_cmp(const void *pa, const void *pb)
{
    const struct kp_describe_configs_response_describe_configs_resource_result *a = pa, *b = pb;
    return slice_cmp(a->name, b->name);
}

static void print_pair(struct slice name, struct slice value)
{
    printf("%.*s=%.*s", (int)name.n, (const char *)name.p, value.p ? (int)value.n : 4,
           value.p ? (const char *)value.p : "null");
}

static int describe_one(struct configs *c, const char *name)
{
    struct kp_describe_configs_request req;
    struct kp_describe_configs_request_describe_configs_resource r = {
        .resource_type = c->entity->resource, .resource_name = slice_cstr(name), .configuration_keys_n = -1};
    struct kp_describe_configs_response resp;
    bool all = cli_given(c->o, "all"), is_default = c->entity == &entities[BROKERS] && !name[0];
    int32_t node;
    kp_describe_configs_request_init(&req);
    req.resources = &r;
    req.resources_n = 1;
    req.include_synonyms = true;
    if (is_default) printf("Default configs for %s in the cluster are:\n", c->entity->type);
    else printf("%s configs for %s %s are:\n", all ? "All" : "Dynamic", c->entity->one, name);
    int rc = node_of(c, name, "describeConfigs", &node);
    if (rc == 0) rc = client_call(&c->a.c, node, KP_API_DESCRIBE_CONFIGS, -1, &req, &resp, &c->a.why);
    if (rc) return rc;
    if (resp.results_n != 1)
        return admin_fail(&c->a, "java.lang.IllegalStateException",
                          "the broker did not describe what it was asked for");
    if (resp.results[0].error_code)
        return admin_fail_code(&c->a, resp.results[0].error_code, resp.results[0].error_message);
    if (resp.results[0].configs_n > 0)
        qsort(resp.results[0].configs, (size_t)resp.results[0].configs_n, sizeof *resp.results[0].configs,
              entry_cmp);
    for (int32_t i = 0; i < resp.results[0].configs_n; i++) {
        const struct kp_describe_configs_response_describe_configs_resource_result *e =
            &resp.results[0].configs[i];
        if (!all && e->config_source != (is_default ? CONF_SOURCE_DYNAMIC_DEFAULT : c->entity->source))
            continue;
        printf("  ");
        print_pair(e->name, e->value);
        printf(" sensitive=%s synonyms={", e->is_sensitive ? "true" : "false");
        for (int32_t k = 0; k < e->synonyms_n; k++) {
            printf("%s%s:", k ? ", " : "", config_source_name(e->synonyms[k].source));
            print_pair(e->synonyms[k].name, e->synonyms[k].value);
        }
        printf("}\n");
    }
    return 0;
}

/* Names of the resources that have settings of their own. */
static int list_resources(struct configs *c, struct slice *names, int32_t *n, int32_t max)
{
    struct kp_list_config_resources_request req;
    struct kp_list_config_resources_response resp;
    int8_t type = c->entity->resource;
    kp_list_config_resources_request_init(&req);
    req.resource_types = &type;
    req.resource_types_n = 1;
    int rc = admin_call(&c->a, KP_API_LIST_CONFIG_RESOURCES, -1, &req, &resp);
    if (rc == 0 && resp.error_code) rc = admin_fail_code(&c->a, resp.error_code, (struct slice){0});
    for (int32_t i = 0; rc == 0 && i < resp.config_resources_n && *n < max; i++)
        names[(*n)++] = resp.config_resources[i].resource_name;
    return rc;
}

#define NAMES_MAX (1 << 20)

static int find_names(struct configs *c, struct slice **out, int32_t *n)
{
    struct kp_metadata_response meta;
    struct arena *a = &c->a.c.arena;
    struct slice *names = *out =
        arena_alloc(a, NAMES_MAX * sizeof *names); /* address space; pages come when they are written */
    int rc;
    *n = 0;
    if (c->entity == &entities[TOPICS]) {
        rc = client_metadata(&c->a.c, NULL, -1, &meta, &c->a.why);
        for (int32_t i = 0; rc == 0 && i < meta.topics_n && *n < NAMES_MAX; i++)
            names[(*n)++] = meta.topics[i].name;
        if (rc == 0) java_map_sort(names, *n, 16);
        return rc;
    }
    if (c->entity == &entities[BROKERS] || c->entity == &entities[LOGGERS]) {
        rc = client_metadata(&c->a.c, NULL, 0, &meta, &c->a.why);
        for (int32_t i = 0; rc == 0 && i < meta.brokers_n && *n < NAMES_MAX; i++)
            names[(*n)++] = slice_cstr(arena_printf(a, "%d", meta.brokers[i].node_id));
        if (rc == 0 && c->entity == &entities[BROKERS]) names[(*n)++] = slice_cstr("");
        return rc;
    }
    rc = list_resources(c, names, n, NAMES_MAX);
    if (rc || c->entity != &entities[GROUPS]) return rc;
    struct kp_metadata_response nodes;
    rc = client_metadata(&c->a.c, NULL, 0, &nodes, &c->a.why);
    for (int32_t i = 0; rc == 0 && i < nodes.brokers_n; i++) {
        struct kp_list_groups_request req;
        struct kp_list_groups_response resp;
        kp_list_groups_request_init(&req);
        rc = client_call(&c->a.c, nodes.brokers[i].node_id, KP_API_LIST_GROUPS, -1, &req, &resp, &c->a.why);
        for (int32_t k = 0; rc == 0 && k < resp.groups_n && *n < NAMES_MAX; k++)
            names[(*n)++] = resp.groups[k].group_id;
    }
    qsort(names, (size_t)*n, sizeof *names, slice_qsort_cmp);
    int32_t kept = 0;
    for (int32_t i = 0; i < *n; i++)
        if (!kept || !slice_eq(names[kept - 1], names[i])) names[kept++] = names[i];
    *n = kept;
    return rc;
}

static int describe(struct configs *c)
{
    struct slice *names;
    int32_t n;
    bool all = cli_given(c->o, "all");
    if (c->name && (all || (c->entity == &entities[BROKERS] && !c->name[0]))) return describe_one(c, c->name);
    int rc = find_names(c, &names, &n);
    if (rc) return rc;
    if (c->name) {
        bool found = false;
        for (int32_t i = 0; i < n; i++) found |= slice_eq_cstr(names[i], c->name);
        if (found) return describe_one(c, c->name);
        printf("The %s '%s' doesn't exist and doesn't have dynamic config.\n", c->entity->one, c->name);
        return 0;
    }
    for (int32_t i = 0; rc == 0 && i < n; i++)
        rc = describe_one(c, arena_strndup(&c->a.c.arena, names[i].p, names[i].n));
    return rc;
}

/* ---- alter ---- */
static int alter(struct configs *c)
{
    struct arena *a = &c->a.c.arena;
    struct kp_incremental_alter_configs_request req;
    struct kp_incremental_alter_configs_request_alter_configs_resource r;
    struct kp_incremental_alter_configs_response resp;
    int32_t node;
    kp_incremental_alter_configs_request_init(&req);
    kp_incremental_alter_configs_request_alter_configs_resource_init(&r);
    r.resource_type = c->entity->resource;
    r.resource_name = slice_cstr(c->name);
    r.configs = arena_zalloc(a, (size_t)c->changes_n, sizeof *r.configs);
    r.configs_n = c->changes_n;
    for (int i = 0; i < c->changes_n; i++) {
        r.configs[i].name = slice_cstr(c->changes[i].name);
        r.configs[i].config_operation = c->changes[i].value ? OP_SET : OP_DELETE;
        r.configs[i].value = slice_cstr(c->changes[i].value ? c->changes[i].value : "");
    }
    req.resources = &r;
    req.resources_n = 1;
    int rc = node_of(c, c->name, "incrementalAlterConfigs", &node);
    if (rc == 0)
        rc = client_call(&c->a.c, node, KP_API_INCREMENTAL_ALTER_CONFIGS, -1, &req, &resp, &c->a.why);
    for (int32_t i = 0; rc == 0 && i < resp.responses_n; i++)
        if (resp.responses[i].error_code)
            rc = admin_fail_code(&c->a, resp.responses[i].error_code, resp.responses[i].error_message);
    if (rc) return rc;
    if (c->name[0]) printf("Completed updating config for %s %s.\n", c->entity->one, c->name);
    else printf("Completed updating default config for %s in the cluster.\n", c->entity->type);
    return 0;
}

static char *trimmed(const char *p, size_t n)
{
    while (n && strchr(" \t", *p)) p++, n--;
    while (n && strchr(" \t", p[n - 1])) n--;
    return xstrndup(p, n);
}

/* The last change of a name counts. */
static void add_change(struct configs *c, char *name, char *value)
{
    for (int i = 0; i < c->changes_n; i++)
        if (strcmp(c->changes[i].name, name) == 0) {
            free(c->changes[i].value);
            free(name);
            c->changes[i].value = value;
            return;
        }
    c->changes = xrealloc(c->changes, (size_t)(c->changes_n + 1) * sizeof *c->changes);
    c->changes[c->changes_n++] = (struct change){name, value};
}

/* "k=v,k=[a,b]": brackets hold commas together and are dropped. */
static void parse_added(struct configs *c, const char *text)
{
    for (const char *p = text; *p;) {
        size_t n = 0, eq = 0, eqs = 0, kept = 0;
        bool inside = false;
        for (; p[n] && (inside || p[n] != ','); n++) {
            if (p[n] == '[') inside = true;
            else if (p[n] == ']') inside = false;
            else if (p[n] == '=' && !inside && eqs++ == 0) eq = n;
        }
        if (eqs != 1)
            die("requirement failed: Invalid entity config: all configs to be added must be in the format "
                "\"key=val\" or  "
                "\"key=[val1,val2]\" to group values which contain commas.");
        char *value = trimmed(p + eq + 1, n - eq - 1);
        for (char *q = value; *q; q++)
            if (*q != '[' && *q != ']') value[kept++] = *q;
        value[kept] = 0;
        add_change(c, trimmed(p, eq), value);
        p += n + (p[n] == ',');
    }
}

static void parse_deleted(struct configs *c, const char *text)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        char *name = trimmed(p, n);
        if (*name) add_change(c, name, NULL);
        else free(name);
        p += n + (p[n] == ',');
    }
}

static void parse_changes(struct configs *c)
{
    const char *add = cli_value(c->o, "add-config"), *file = cli_value(c->o, "add-config-file");
    if (file) {
        struct properties p = {0};
        struct strbuf why;
        strbuf_init(&why);
        if (properties_file(&p, file, &why)) die(strbuf_cstr(&why));
        for (int i = 0; i < p.n; i++) add_change(c, xstrdup(p.names[i]), xstrdup(p.values[i]));
        properties_free(&p);
        strbuf_fini(&why);
    }
    if (add) parse_added(c, add);
    for (const struct cli_option *o = c->o; o->name; o++)
        for (int i = 0; strcmp(o->name, "delete-config") == 0 && i < o->n; i++)
            parse_deleted(c, o->values[i]);
}

/* ---- options ---- */
static const struct cli_option *option(const struct cli_option *o, const char *name)
{
    while (strcmp(o->name, name) != 0) o++;
    return o;
}

static void find_entity(struct configs *c)
{
    const struct cli_option *types = option(c->o, "entity-type");
    int seen[NELEMS(entities)] = {0}, n = 0;
    bool flags = false;
    for (int i = 0; i < types->n; i++) {
        size_t k = 0;
        while (k < NELEMS(entities) && strcmp(entities[k].type, types->values[i]) != 0) k++;
        if (k == NELEMS(entities)) {
            fprintf(stderr,
                    "Invalid entity type %s, the entity type must be one of topics, clients, users, brokers, "
                    "ips, client-metrics, groups, broker-loggers with a "
                    "--bootstrap-server or --bootstrap-controller argument\n",
                    types->values[i]);
            exit(1);
        }
        seen[k]++;
        n++;
        c->entity = &entities[k];
        if (cli_given(c->o, "entity-name")) c->name = cli_value(c->o, "entity-name");
        else if (cli_given(c->o, "entity-default")) c->name = "";
    }
    for (size_t k = 0; k < NELEMS(entities); k++) {
        bool one = cli_given(c->o, entities[k].flag),
             def = entities[k].default_flag && cli_given(c->o, entities[k].default_flag);
        if (!one && !def) continue;
        seen[k] += one + def;
        n++;
        flags = true;
        c->entity = &entities[k];
        c->name = one ? cli_value(c->o, entities[k].flag) : "";
    }
    for (size_t k = 0; k < NELEMS(entities); k++)
        if (seen[k] > 1) {
            fprintf(stderr, "Duplicate entity type(s) specified: %s\n", entities[k].type);
            exit(1);
        }
    if (!n) die("At least one entity type must be specified");
    if (flags && (cli_given(c->o, "entity-name") || cli_given(c->o, "entity-default") || types->n))
        die("--entity-{type,name,default} should not be used in conjunction with specific entity flags");
    if (n > 1 || !c->entity->resource) {
        fprintf(stderr, "moldau configs does not describe or set quotas and credentials of %s yet.\n",
                n > 1 ? "several entity types" : c->entity->type);
        exit(1);
    }
}

static void check_options(struct configs *c)
{
    const struct cli_option *o = c->o;
    if (cli_given(o, "alter") + cli_given(o, "describe") != 1)
        tool_usage_error("Command must include exactly one action: --describe, --alter");
    if (!cli_given(o, "bootstrap-server") && !cli_given(o, "zookeeper") &&
        !cli_given(o, "bootstrap-controller"))
        die("Either --bootstrap-server or --bootstrap-controller must be specified.");
    if (cli_given(o, "bootstrap-server") && cli_given(o, "bootstrap-controller"))
        die("Only one of --bootstrap-server or --bootstrap-controller can be specified");
    find_entity(c);
    int64_t id;
    bool is_broker = c->entity == &entities[BROKERS] || c->entity == &entities[LOGGERS];
    if (is_broker && c->name && c->name[0] && !parse_i64(c->name, &id)) {
        fprintf(stderr, "The entity name for %s must be a valid integer broker id, but it is: %s\n",
                c->entity->type, c->name);
        exit(1);
    }
    if (cli_given(o, "describe")) {
        if (c->entity == &entities[LOGGERS] && !c->name)
            die("An entity name must be specified with --describe of broker-loggers");
        if (c->name && !c->name[0] && c->entity != &entities[BROKERS]) {
            fprintf(stderr, "--entity-default must not be specified with --describe of %s\n",
                    c->entity->type);
            exit(1);
        }
        return;
    }
    if (c->entity == &entities[BROKERS] && !c->name)
        die("An entity-name or default entity must be specified with --alter of users, clients, brokers or "
            "ips");
    if (c->entity != &entities[BROKERS] && (!c->name || !c->name[0])) {
        fprintf(stderr, "An entity name must be specified with --alter of %s\n", c->entity->type);
        exit(1);
    }
    if (!cli_given(o, "add-config") && !cli_given(o, "add-config-file") && !cli_given(o, "delete-config"))
        die("At least one of --add-config, --add-config-file, or --delete-config must be specified with "
            "--alter");
    if (cli_given(o, "add-config") && cli_given(o, "add-config-file"))
        die("Only one of --add-config or --add-config-file must be specified");
    parse_changes(c);
}

int configs_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"bootstrap-server", true, "the cluster: host:port,host:port", NULL, 0},
        {"bootstrap-controller", true, "the same, of controllers", NULL, 0},
        {"zookeeper", true, "taken as the bootstrap address", NULL, 0},
        {"command-config", true, "properties file of the client", NULL, 0},
        {"describe", false, "tell the settings", NULL, 0},
        {"alter", false, "change settings", NULL, 0},
        {"all", false, "describe also what was not set for the entity itself", NULL, 0},
        {"entity-type", true, "topics, brokers, groups, client-metrics or broker-loggers", NULL, 0},
        {"entity-name", true, "its name or id", NULL, 0},
        {"entity-default", false, "the default of all brokers", NULL, 0},
        {"topic", true, "a topic", NULL, 0},
        {"broker", true, "a broker's id", NULL, 0},
        {"broker-defaults", false, "the default of all brokers", NULL, 0},
        {"broker-logger", true, "a broker's id, for its loggers", NULL, 0},
        {"group", true, "a group", NULL, 0},
        {"client-metrics", true, "a client metrics subscription", NULL, 0},
        {"client", true, NULL, NULL, 0},
        {"client-defaults", false, NULL, NULL, 0},
        {"user", true, NULL, NULL, 0},
        {"user-defaults", false, NULL, NULL, 0},
        {"ip", true, NULL, NULL, 0},
        {"ip-defaults", false, NULL, NULL, 0},
        {"add-config", true, "k=v,k=[a,b]", NULL, 0},
        {"add-config-file", true, "properties file with what to set", NULL, 0},
        {"delete-config", true, "k,k: what to take back", NULL, 0},
        {"force", false, "accepted, without effect", NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    struct configs c = {.o = o};
    cli_parse(argc, argv, "moldau configs: describe and change settings", o, NULL, NULL);
    check_options(&c);
    const char *bootstrap = cli_value(o, "bootstrap-controller");
    int rc = admin_open(&c.a, o, bootstrap ? bootstrap : cli_bootstrap(o), NULL);
    if (rc == 0) rc = cli_given(o, "describe") ? describe(&c) : alter(&c);
    if (rc) {
        fflush(stdout);
        fprintf(stderr, "Error while executing config command with args '");
        for (int i = 0; i < argc; i++) fprintf(stderr, "%s%s", i ? " " : "", argv[i]);
        fprintf(stderr, "'\njava.util.concurrent.ExecutionException: %s: %s\n",
                c.a.exception[0] ? c.a.exception : "org.apache.kafka.common.errors.TimeoutException",
                strbuf_cstr(&c.a.why));
    }
    for (int i = 0; i < c.changes_n; i++) {
        free(c.changes[i].name);
        free(c.changes[i].value);
    }
    free(c.changes);
    admin_close(&c.a);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    return rc ? 1 : 0;
}
