/* See spring.h.
 *
 *   text --(yaml.c, setting.c)--> names and values --(profiles)--> those that count --(placeholders)-->
 *   known name: checked, kept in its slot, the last one counts --(the environment, likewise)-->
 *   properties of the consumer and the producer, fields
 *
 * What Spring puts into a client's properties it puts there in this order, later ones winning:
 * spring.kafka.X, spring.kafka.properties, spring.kafka.consumer.X, spring.kafka.consumer.properties. A
 * client's own names without a prefix count as spring.kafka.properties. */
#include "rk/spring.h"
#include "base/err.h"
#include "rk/setting.h"
#include "rk/spring_table.h"
#include "rk/spring_value.h"
#include "rk/yaml.h"

#include <ctype.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPANSIONS_MAX 2000 /* placeholders looked up, in all */
#define EXPANDED_MAX 65536  /* bytes of a value */
#define NESTED_MAX 8        /* placeholders in placeholders */
#define NAME_MAX_BYTES 256

struct reading {
    struct spring_settings *s;
    const struct spring_source *from;
    struct strbuf *why;
    struct setting_list list; /* of the file */
    char *slots[NELEMS(known)];
    struct properties maps[MAPS];
    rd_kafka_conf_t *rk; /* asked for names */
    bool application;    /* the file has settings of more than a client */
    int expansions;
};

/* ---- what is wrong ---- */
static void add_place(const struct reading *r, const struct setting *t, struct strbuf *out)
{
    if (t->line) strbuf_printf(out, "%s:%d: %.*s", r->from->file, t->line, NAME_MAX_BYTES, t->name);
    else strbuf_printf(out, "the environment: %.*s", NAME_MAX_BYTES, t->name);
}

static int refuse(struct reading *r, const struct setting *t, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int refuse(struct reading *r, const struct setting *t, const char *fmt, ...)
{
    va_list ap;
    add_place(r, t, r->why);
    va_start(ap, fmt);
    strbuf_vprintf(r->why, fmt, ap);
    va_end(ap);
    return ERR_INVALID_CONFIG;
}

static void warn(struct reading *r, const struct setting *t, const char *text)
{
    struct strbuf b;
    strbuf_init(&b);
    add_place(r, t, &b);
    strbuf_add_cstr(&b, text);
    if (r->from->warn) r->from->warn(r->from->arg, b.s);
    strbuf_fini(&b);
}

static int refuse_secured(struct reading *r, const struct setting *t)
{
    return refuse(r, t, " needs SASL or TLS, which these programs do not have yet");
}

/* ---- names ---- */
/* Without what does not matter to Spring. */
static void plain_name(const char *name, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    for (; *name && n < NAME_MAX_BYTES - 1; name++)
        if (*name != '-' && *name != '_') out[n++] = (char)tolower((unsigned char)*name);
    out[n] = 0;
}

struct nearest {
    char name[NAME_MAX_BYTES];
    const char *best, *prefix;
    int distance; /* more than this is no nearer */
};

static void nearest_look(struct nearest *n, const char *prefix, const char *name)
{
    char full[NAME_MAX_BYTES], b[NAME_MAX_BYTES];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    plain_name(full, b);
    int d = setting_distance(n->name, b, n->distance);
    if (d > n->distance || (n->best && d == n->distance)) return;
    n->best = name;
    n->prefix = prefix;
    n->distance = d;
}

/* A sentence's end for a name that is not known; false: none is so near. */
static bool nearest_tell(const char *name, const char *prefix, bool java, int most, struct strbuf *out)
{
    struct nearest n = {.distance = most};
    plain_name(name, n.name);
    for (size_t i = 0; i < NELEMS(known); i++) nearest_look(&n, "", known[i].name);
    for (size_t i = 0; java && i < NELEMS(java_names); i++) nearest_look(&n, prefix, java_names[i].name);
    if (!n.best) return false;
    strbuf_printf(out, " is no setting; the nearest is %s%s", n.prefix, n.best);
    return true;
}

static void warn_unknown(struct reading *r, const struct setting *t, const char *prefix, bool java,
                         bool always)
{
    struct strbuf b;
    strbuf_init(&b);
    bool near = nearest_tell(t->name, prefix, java, always ? NAME_MAX_BYTES : 2, &b);
    if (near || always) warn(r, t, near ? b.s : " is no setting");
    strbuf_fini(&b);
}

/* ---- values ---- */
static bool choose(const char *choices, const char *text, struct strbuf *out, int *index)
{
    size_t n = strlen(text);
    *index = 0;
    for (const char *at = choices; *at; ++*index) {
        size_t len = strcspn(at, ",");
        if (spring_same(at, len, text, n) && (*at == '-') == (*text == '-')) {
            strbuf_add(out, at, len);
            return true;
        }
        at += len + strspn(at + len, ", ");
    }
    return false;
}

static void add_list(const char *text, struct strbuf *out)
{
    while (*text) {
        text += strspn(text, " \t,");
        size_t n = strcspn(text, ",");
        const char *next = text + n;
        while (n && isspace((unsigned char)text[n - 1])) n--;
        if (out->n && n) strbuf_add_char(out, ',');
        strbuf_add(out, text, n);
        text = next;
    }
}

/* The value as the client's property has it. */
static int convert(struct reading *r, const struct setting *t, enum form form, const char *choices,
                   const char *text, struct strbuf *out)
{
    int64_t n;
    bool yes;
    int index;
    switch (form) {
    case TEXT:
    case CLASS:
        strbuf_add_cstr(out, text);
        return 0;
    case LIST:
        add_list(text, out);
        return 0;
    case INTEGER:
        if (!spring_integer(text, &n)) return refuse(r, t, ": a whole number was expected, not '%s'", text);
        strbuf_printf(out, "%lld", (long long)n);
        return 0;
    case FLOAT: {
        char *end;
        strtod(text, &end);
        if (*end || end == text) return refuse(r, t, ": a number was expected, not '%s'", text);
        strbuf_add_cstr(out, text);
        return 0;
    }
    case BOOLEAN:
        if (!spring_boolean(text, &yes)) return refuse(r, t, ": true or false was expected, not '%s'", text);
        strbuf_add_cstr(out, yes ? "true" : "false");
        return 0;
    case DURATION:
    case SECONDS:
        if (!spring_duration(text, form == SECONDS ? 1000 : 1, &n))
            return refuse(r, t, ": a duration such as 500ms, 5s or PT5S was expected, not '%s'", text);
        strbuf_printf(out, "%lld", (long long)n);
        return 0;
    case SIZE:
        if (!spring_data_size(text, &n))
            return refuse(r, t, ": a size such as 16384, 64KB or 1MB was expected, not '%s'", text);
        strbuf_printf(out, "%lld", (long long)n);
        return 0;
    case CHOICE:
        if (choose(choices, text, out, &index)) return 0;
        return refuse(r, t, ": '%s' is none of %s", text, choices);
    case SECURED:
        return refuse_secured(r, t);
    }
    return 0;
}

/* ---- placeholders ---- */
static const char *env_value(const struct reading *r, const char *name, size_t n)
{
    for (char *const *e = r->from->env; e && *e; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=') return *e + n + 1;
    return NULL;
}

static const char *lookup(const struct reading *r, const char *name, size_t n)
{
    char upper[NAME_MAX_BYTES];
    const char *v = env_value(r, name, n);
    for (size_t i = 0; i < n && n < sizeof upper; i++)
        upper[i] = (char)(isalnum((unsigned char)name[i]) ? toupper((unsigned char)name[i]) : '_');
    if (!v && n < sizeof upper) v = env_value(r, upper, n);
    for (int i = r->list.n - 1; !v && i >= 0; i--)
        if (spring_same(r->list.v[i].name, strlen(r->list.v[i].name), name, n)) v = r->list.v[i].value;
    return v;
}

/* The brace that ends what begins before p; NULL: none does. */
static const char *brace_end(const char *p)
{
    for (int open = 1; *p; p++) {
        if (p[0] == '$' && p[1] == '{') open++;
        if (*p == '}' && --open == 0) return p;
    }
    return NULL;
}

static int expand(struct reading *r, const struct setting *t, const char *text, size_t n, int depth,
                  struct strbuf *out);

static int expand_one(struct reading *r, const struct setting *t, const char *name, const char *end,
                      int depth, struct strbuf *out)
{
    const char *colon = memchr(name, ':', (size_t)(end - name)), *name_end = colon ? colon : end;
    if (depth > NESTED_MAX) return refuse(r, t, ": too many placeholders in each other");
    const char *v = lookup(r, name, (size_t)(name_end - name));
    if (v) return expand(r, t, v, strlen(v), depth + 1, out);
    if (colon) return expand(r, t, colon + 1, (size_t)(end - colon - 1), depth + 1, out);
    return refuse(
        r, t, ": ${%.*s} has no value: neither the environment nor the file says it, and it has no default",
        (int)min_size((size_t)(name_end - name), NAME_MAX_BYTES), name);
}

static int expand(struct reading *r, const struct setting *t, const char *text, size_t n, int depth,
                  struct strbuf *out)
{
    int rc = 0;
    if (n > EXPANDED_MAX) return refuse(r, t, " is too long");
    for (const char *p = text, *end = text + n; p < end && rc == 0;) {
        bool opens = end - p > 2 && p[0] == '$' && p[1] == '{';
        if (opens && ++r->expansions > EXPANSIONS_MAX) return refuse(r, t, ": too many placeholders");
        const char *close = opens ? brace_end(p + 2) : NULL;
        if (close && close < end) {
            rc = expand_one(r, t, p + 2, close, depth, out);
            p = close + 1;
        } else strbuf_add_char(out, *p++);
        if (out->n > EXPANDED_MAX) return refuse(r, t, " is too long");
    }
    return rc;
}

/* ---- one setting ---- */
static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void warn_class(struct reading *r, const struct setting *t, const char *class)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_printf(&b, ": the class %.200s is not known here: its bytes are taken as they are", class);
    warn(r, t, b.s);
    strbuf_fini(&b);
}

static enum spring_type type_of(const char *class, bool reads)
{
    const char *suffix = reads ? "Deserializer" : "Serializer";
    if (reads && strcmp(class, ERROR_HANDLING) == 0) return SPRING_NOT_SAID; /* its delegate says it */
    for (size_t i = 0; i < NELEMS(known_classes); i++) {
        const struct known_class *k = &known_classes[i];
        size_t n = strlen(k->package), m = strlen(k->stem);
        if (strncmp(class, k->package, n) == 0 && strncmp(class + n, k->stem, m) == 0 &&
            strcmp(class + n + m, suffix) == 0)
            return k->type;
    }
    return SPRING_OTHER;
}

static int check_class(struct reading *r, const struct setting *t, const char *java, const char *class)
{
    bool reads = ends_with(java, ".deserializer");
    if (type_of(class, reads) != SPRING_OTHER) return 0;
    if (type_of(class, !reads) != SPRING_OTHER)
        return refuse(r, t, ": a %s was expected, and %.200s is none", reads ? "deserializer" : "serializer",
                      class);
    warn_class(r, t, class);
    return 0;
}

/* NULL for a value that unsets it. */
static int value_of(struct reading *r, const struct setting *t, enum form form, const char *choices,
                    const char *java, const char *text, struct strbuf *out)
{
    int rc = 0;
    text += strspn(text, " \t");
    if (*text) rc = convert(r, t, form, choices, text, out);
    if (rc == 0 && out->n && form == CLASS) rc = check_class(r, t, java, out->s);
    if (rc == 0 && out->n && java && strcmp(java, "security.protocol") == 0 &&
        strcmp(out->s, "PLAINTEXT") != 0)
        rc = refuse_secured(r, t);
    return rc;
}

static int check_range(struct reading *r, const struct setting *t, const char *name, const char *text)
{
    static const struct {
        const char *name;
        int64_t min, max;
    } ranges[] = {{"spring.kafka.listener.concurrency", 1, 1000},
                  {"spring.kafka.listener.ack-count", 1, INT32_MAX},
                  {"spring.kafka.listener.ack-time", 1, INT32_MAX},
                  {"spring.kafka.retry.topic.attempts", 1, INT32_MAX},
                  {"server.port", 0, UINT16_MAX}};
    int64_t v;
    for (size_t i = 0; i < NELEMS(ranges); i++)
        if (strcmp(name, ranges[i].name) == 0 && spring_integer(text, &v) &&
            (v < ranges[i].min || v > ranges[i].max))
            return refuse(r, t, ": a whole number from %lld to %lld was expected, not %lld",
                          (long long)ranges[i].min, (long long)ranges[i].max, (long long)v);
    return 0;
}

static int set_known(struct reading *r, const struct setting *t, size_t k, const char *text, int index)
{
    struct strbuf out;
    strbuf_init(&out);
    int rc = value_of(r, t, known[k].form, known[k].choices, known[k].java, text, &out);
    if (rc == 0 && out.n && strcmp(known[k].name, "spring.kafka.jaas.enabled") == 0 &&
        strcmp(out.s, "true") == 0)
        rc = refuse_secured(r, t);
    if (rc == 0 && out.n) rc = check_range(r, t, known[k].name, out.s);
    if (rc == 0) {
        if (index > 0 && r->slots[k] && out.n) { /* one more of a list */
            struct strbuf all = {0};
            strbuf_printf(&all, "%s,%s", r->slots[k], out.s);
            strbuf_fini(&out);
            out = all;
        }
        free(r->slots[k]);
        r->slots[k] = out.n ? xstrdup(out.s) : NULL;
    }
    strbuf_fini(&out);
    return rc;
}

static const struct java_name *java_find(const char *name)
{
    for (size_t i = 0; i < NELEMS(java_names); i++)
        if (strcmp(java_names[i].name, name) == 0) return &java_names[i];
    return NULL;
}

static bool secured_name(const char *name)
{
    return strncmp(name, "ssl.", 4) == 0 || strncmp(name, "sasl.", 5) == 0;
}

/* Whether anybody knows it; those of Spring's and the registries' (de)serializers mean nothing here. */
static bool client_knows(struct reading *r, const char *name)
{
    size_t n = 0;
    return java_find(name) || secured_name(name) || strncmp(name, "spring.json.", 12) == 0 ||
           strncmp(name, "spring.deserializer.", 20) == 0 ||
           rd_kafka_conf_get(r->rk, name, NULL, &n) == RD_KAFKA_CONF_OK;
}

static int set_client(struct reading *r, const struct setting *t, enum map map, const char *name,
                      const char *text)
{
    static const struct java_name any = {"", TEXT, BOTH, NULL}, secured = {"", SECURED, BOTH, NULL};
    const struct java_name *j = java_find(name);
    struct strbuf out;
    if (!j) j = secured_name(name) ? &secured : &any;
    strbuf_init(&out);
    int rc = value_of(r, t, j->form, j->choices, name, text, &out);
    if (rc == 0) properties_set(&r->maps[map], name, strbuf_cstr(&out));
    strbuf_fini(&out);
    return rc;
}

/* The map that a name lies in; *rest: its name there. */
static const struct known_map *map_of(const char *name, const char **rest)
{
    for (size_t i = 0; i < NELEMS(known_maps); i++) {
        size_t dots = 0, n = 0;
        for (const char *p = known_maps[i].prefix; *p; p++) dots += *p == '.';
        for (; name[n] && dots; n++) dots -= name[n] == '.';
        if (dots || !spring_same(name, n, known_maps[i].prefix, strlen(known_maps[i].prefix))) continue;
        *rest = name + n;
        return &known_maps[i];
    }
    return NULL;
}

/* NAME[0]: an element of a list, whose number it takes from the name; NAME[a.b] is NAME.a.b. */
static int take_brackets(char *name)
{
    char *open = strchr(name, '['), *close = open ? strchr(open, ']') : NULL;
    if (!close || close[1]) return -1;
    int64_t n;
    *close = 0;
    if (isdigit((unsigned char)open[1]) && spring_integer(open + 1, &n)) {
        *open = 0;
        return n > 0;
    }
    if (open == name || open[-1] == '.') memmove(open, open + 1, strlen(open));
    else *open = '.';
    return -1;
}

static int set_named(struct reading *r, const struct setting *t, char *name, const char *text)
{
    int index = take_brackets(name);
    const char *rest;
    for (size_t i = 0; i < NELEMS(known); i++)
        if (spring_same(known[i].name, strlen(known[i].name), name, strlen(name)))
            return set_known(r, t, i, text, index);
    const struct known_map *m = map_of(name, &rest);
    if (m && m->map == MAP_NONE) return 0;
    if (m && m->map == MAP_SECURED) return *text ? refuse_secured(r, t) : 0;
    if (m && client_knows(r, rest)) return set_client(r, t, m->map, rest, text);
    if (m) warn_unknown(r, t, m->prefix, true, true);
    else if (client_knows(r, name)) return set_client(r, t, MAP_COMMON, name, text);
    else warn_unknown(r, t, "", true, !r->application || strncasecmp(name, "spring.kafka.", 13) == 0);
    return 0;
}

static int set_one(struct reading *r, const struct setting *t, const char *as)
{
    struct strbuf text;
    char *name = xstrdup(as);
    int rc = 0;
    strbuf_init(&text);
    /* What is not ours is not looked at closely: its placeholders may be for others. */
    bool ours = !r->application || strncasecmp(name, "spring.kafka.", 13) == 0 ||
                strncasecmp(name, "server.", 7) == 0 || client_knows(r, name);
    if (ours) rc = expand(r, t, t->value, strlen(t->value), 0, &text);
    if (rc == 0) rc = set_named(r, t, name, strbuf_cstr(&text));
    strbuf_fini(&text);
    free(name);
    return rc;
}

/* ---- profiles ---- */
static bool is(const char *name, const char *what)
{
    return spring_same(name, strlen(name), what, strlen(what));
}

static bool profile_active(const char *active, const char *name, size_t n)
{
    for (const char *p = active; *p;) {
        p += strspn(p, " ,");
        size_t m = strcspn(p, ", ");
        if (m && m == n && memcmp(p, name, n) == 0) return true;
        p += m;
    }
    return false;
}

/* "a, !b": any of them. Without one that is active there is "default". */
static bool profiles_match(const char *active, const char *wanted)
{
    for (const char *p = wanted; *p;) {
        p += strspn(p, " ,");
        bool not = *p == '!';
        p += not ;
        size_t m = strcspn(p, ", ");
        if (m && profile_active(*active ? active : "default", p, m) != not ) return true;
        p += m;
    }
    return false;
}

/* Documents for other profiles go. */
static void drop_inactive(struct reading *r)
{
    struct setting_list *l = &r->list;
    const char *given = env_value(r, "SPRING_PROFILES_ACTIVE", 22);
    for (int i = 0; i < l->n && !given; i++)
        if (is(l->v[i].name, "spring.profiles.active")) given = l->v[i].value;
    char *active = xstrdup(given ? given : "");
    int kept = 0;
    for (int i = 0, end; i < l->n; i = end) {
        bool on = true;
        for (end = i; end < l->n && l->v[end].document == l->v[i].document; end++)
            if (is(l->v[end].name, "spring.config.activate.on-profile") ||
                is(l->v[end].name, "spring.profiles"))
                on = profiles_match(active, l->v[end].value);
        for (int j = i; j < end; j++)
            if (on) l->v[kept++] = l->v[j];
            else {
                free(l->v[j].name);
                free(l->v[j].value);
            }
    }
    l->n = kept;
    free(active);
}

/* ---- the file and the environment ---- */
static int read_file(struct reading *r)
{
    const char *file = r->from->file;
    bool yaml = file && (ends_with(file, ".yml") || ends_with(file, ".yaml"));
    int rc = !file  ? 0
             : yaml ? yaml_settings(&r->list, file, r->from->text, r->why)
                    : setting_properties(&r->list, file, r->from->text, r->why);
    r->application = yaml;
    for (int i = 0; i < r->list.n; i++)
        if (strncasecmp(r->list.v[i].name, "spring.", 7) == 0 ||
            strncasecmp(r->list.v[i].name, "server.", 7) == 0)
            r->application = true;
    if (rc == 0) drop_inactive(r);
    for (int i = 0; i < r->list.n && rc == 0; i++) rc = set_one(r, &r->list.v[i], r->list.v[i].name);
    return rc;
}

/* Whether a variable's name begins with a setting's: SPRING_KAFKA_GROUPID or SPRING_KAFKA_GROUP_ID. How much
 * of it that is; 0: it does not. */
static size_t env_prefix(const char *variable, const char *name, bool dashes)
{
    size_t n = 0;
    for (; *name; name++) {
        if (*name == '-' && !dashes) continue;
        char c = *name == '.' || *name == '-' ? '_' : (char)toupper((unsigned char)*name);
        if (variable[n++] != c) return 0;
    }
    return n;
}

/* The setting that a variable means, in its own spelling. */
static bool env_setting(const char *variable, struct strbuf *name)
{
    for (size_t i = 0; i < NELEMS(known); i++)
        for (int dashes = 0; dashes < 2; dashes++) {
            size_t n = env_prefix(variable, known[i].name, dashes);
            if (!n || variable[n]) continue;
            strbuf_add_cstr(name, known[i].name);
            return true;
        }
    for (size_t i = 0; i < NELEMS(known_maps); i++) {
        size_t n = env_prefix(variable, known_maps[i].prefix, false);
        if (!n) continue;
        strbuf_add_cstr(name, known_maps[i].prefix);
        for (const char *p = variable + n; *p; p++)
            strbuf_add_char(name, *p == '_' ? '.' : (char)tolower((unsigned char)*p));
        return true;
    }
    return false;
}

static int read_variable(struct reading *r, const char *entry)
{
    struct strbuf name;
    const char *eq = strchr(entry, '=');
    int rc = 0;
    if (!eq) return 0;
    char *variable = xstrndup(entry, (size_t)(eq - entry)), *value = xstrdup(eq + 1);
    struct setting t = {variable, value, 0, 0};
    strbuf_init(&name);
    if (strncmp(variable, "spring.kafka.", 13) == 0) rc = set_one(r, &t, variable);
    else if (env_setting(variable, &name)) rc = set_one(r, &t, name.s);
    else if (strncmp(variable, "SPRING_KAFKA_", 13) == 0) {
        for (const char *p = variable; *p; p++) strbuf_add_char(&name, *p == '_' ? '.' : *p);
        struct strbuf b;
        strbuf_init(&b);
        warn(r, &t, nearest_tell(name.s, "", false, NAME_MAX_BYTES, &b) ? b.s : " is no setting");
        strbuf_fini(&b);
    }
    strbuf_fini(&name);
    free(variable);
    free(value);
    return rc;
}

/* ---- what it comes to ---- */
static void put(struct properties *p, const char *name, const char *value)
{
    if (value && *value) properties_set(p, name, value);
}

static void put_map(struct properties *p, const struct properties *map, enum side side)
{
    for (int i = 0; i < map->n; i++) {
        const struct java_name *j = java_find(map->names[i]);
        if (!j || (j->side & side)) put(p, map->names[i], map->values[i]);
    }
}

static void put_slots(const struct reading *r, struct properties *p, enum side side)
{
    for (size_t i = 0; i < NELEMS(known); i++)
        if (known[i].java && known[i].side == side) put(p, known[i].java, r->slots[i]);
}

static void put_client(const struct reading *r, struct properties *p, enum side side, enum map map)
{
    put_slots(r, p, BOTH);
    put_map(p, &r->maps[MAP_COMMON], side);
    put_slots(r, p, side);
    put_map(p, &r->maps[map], side);
}

static void put_field(struct spring_settings *s, const struct known *k, const char *value)
{
    void *at = (char *)s + k->field;
    int index;
    struct strbuf chosen = {0};
    switch (k->form) {
    case TEXT:
        free(*(char **)at);
        *(char **)at = xstrdup(value);
        return;
    case FLOAT:
        *(double *)at = strtod(value, NULL);
        return;
    case BOOLEAN:
        *(int64_t *)at = strcmp(value, "true") == 0;
        return;
    case CHOICE:
        choose(k->choices, value, &chosen, &index);
        strbuf_fini(&chosen);
        if (at == &s->ack_mode) s->ack_mode = (enum spring_ack_mode)(index + 1);
        else *(int64_t *)at = index;
        return;
    default:
        *(int64_t *)at = strtoll(value, NULL, 10);
    }
}

/* The class, or what the one that it wraps is. */
static enum spring_type type_in(const struct properties *p, const char *name, const char *delegate)
{
    const char *class = properties_get(p, name);
    bool reads = ends_with(name, ".deserializer");
    if (class && reads && strcmp(class, ERROR_HANDLING) == 0) class = properties_get(p, delegate);
    return class ? type_of(class, reads) : SPRING_NOT_SAID;
}

static void drop_foreign(struct properties *p)
{
    int kept = 0;
    for (int i = 0; i < p->n; i++)
        if (strncmp(p->names[i], "spring.", 7) == 0) {
            free(p->names[i]);
            free(p->values[i]);
        } else {
            p->names[kept] = p->names[i];
            p->values[kept++] = p->values[i];
        }
    p->n = kept;
}

static void finish(const struct reading *r)
{
    struct spring_settings *s = r->s;
    put_client(r, &s->consumer, CONSUMER, MAP_CONSUMER);
    put_client(r, &s->producer, PRODUCER, MAP_PRODUCER);
    for (size_t i = 0; i < NELEMS(known); i++)
        if (known[i].field && r->slots[i]) put_field(s, &known[i], r->slots[i]);
    s->consumer_key = type_in(&s->consumer, "key.deserializer", "spring.deserializer.key.delegate.class");
    s->consumer_value =
        type_in(&s->consumer, "value.deserializer", "spring.deserializer.value.delegate.class");
    s->producer_key = type_in(&s->producer, "key.serializer", NULL);
    s->producer_value = type_in(&s->producer, "value.serializer", NULL);
    drop_foreign(&s->consumer);
    drop_foreign(&s->producer);
}

int spring_settings_read(struct spring_settings *s, const struct spring_source *from, struct strbuf *why)
{
    struct reading r = {.s = s, .from = from, .why = why, .rk = rd_kafka_conf_new()};
    *s = (struct spring_settings){.ack_count = -1,
                                  .ack_time_ms = -1,
                                  .concurrency = -1,
                                  .poll_timeout_ms = -1,
                                  .idle_event_ms = -1,
                                  .idle_between_polls_ms = -1,
                                  .server_port = -1,
                                  .batch = -1,
                                  .async_acks = -1,
                                  .retry_topic = -1,
                                  .retry_attempts = -1,
                                  .retry_delay_ms = -1,
                                  .retry_delay_ms_max = -1,
                                  .retry_multiplier = -1};
    int rc = read_file(&r);
    for (char *const *e = from->env; e && *e && rc == 0; e++) rc = read_variable(&r, *e);
    if (rc == 0) finish(&r);
    for (size_t i = 0; i < NELEMS(known); i++) free(r.slots[i]);
    for (int i = 0; i < MAPS; i++) properties_free(&r.maps[i]);
    rd_kafka_conf_destroy(r.rk);
    setting_list_free(&r.list);
    return rc;
}

void spring_settings_free(struct spring_settings *s)
{
    properties_free(&s->consumer);
    properties_free(&s->producer);
    free(s->default_topic);
    free(s->transaction_id_prefix);
}
