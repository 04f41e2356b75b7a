/* The table of settings as data, and finding a setting by its name. */
#include "conf/conf_int.h"

#define ANY                                                                                                  \
    {                                                                                                        \
        .kind = CONF_RULE_ANY                                                                                \
    }
#define MIN(a)                                                                                               \
    {                                                                                                        \
        .kind = CONF_RULE_RANGE, .min = (a), .max = __builtin_inf()                                          \
    }
#define RANGE(a, b)                                                                                          \
    {                                                                                                        \
        .kind = CONF_RULE_RANGE, .min = (a), .max = (b)                                                      \
    }
#define ONE_OF(text)                                                                                         \
    {                                                                                                        \
        .kind = CONF_RULE_ONE_OF, .allowed = text                                                            \
    }
#define ONE_OF_NOCASE(text)                                                                                  \
    {                                                                                                        \
        .kind = CONF_RULE_ONE_OF_NOCASE, .allowed = text                                                     \
    }
#define LIST(text)                                                                                           \
    {                                                                                                        \
        .kind = CONF_RULE_LIST, .empty_allowed = true, .allowed = text                                       \
    }
#define LIST_SOME(text)                                                                                      \
    {                                                                                                        \
        .kind = CONF_RULE_LIST, .allowed = text                                                              \
    }
#define NOT_EMPTY                                                                                            \
    {                                                                                                        \
        .kind = CONF_RULE_NOT_EMPTY                                                                          \
    }
#define GZIP_LEVEL                                                                                           \
    {                                                                                                        \
        .kind = CONF_RULE_GZIP_LEVEL                                                                         \
    }
#define THROTTLED                                                                                            \
    {                                                                                                        \
        .kind = CONF_RULE_THROTTLED                                                                          \
    }
#define OFFSET_RESET                                                                                         \
    {                                                                                                        \
        .kind = CONF_RULE_OFFSET_RESET                                                                       \
    }
#define VOTERS                                                                                               \
    {                                                                                                        \
        .kind = CONF_RULE_VOTERS, .empty_allowed = true                                                      \
    }
#define BOOTSTRAP                                                                                            \
    {                                                                                                        \
        .kind = CONF_RULE_BOOTSTRAP, .empty_allowed = true                                                   \
    }
#define MATCH                                                                                                \
    {                                                                                                        \
        .kind = CONF_RULE_MATCH, .empty_allowed = true                                                       \
    }
#define NO_EFFECT CONF_NO_EFFECT
#define EFFECT CONF_EFFECT
#define HIDDEN CONF_HIDDEN
#define DYNAMIC_ONLY CONF_DYNAMIC_ONLY

static const struct conf_def defs[CONF_COUNT] = {
#define X(xid, xname, xtype, xdef, xrule, xscope, xflags, xdoc)                                              \
    [CONF_##xid] = {.id = CONF_##xid,                                                                        \
                    .name = xname,                                                                           \
                    .name_n = sizeof xname - 1,                                                              \
                    .type = CONF_TYPE_##xtype,                                                               \
                    .def = xdef,                                                                             \
                    .rule = xrule,                                                                           \
                    .scope = CONF_SCOPE_##xscope,                                                            \
                    .flags = xflags,                                                                         \
                    .doc = xdoc},
    CONF_TABLE_BROKER(X) CONF_TABLE_TOPIC(X) CONF_TABLE_PERGROUP(X) CONF_TABLE_CLIENT_METRICS(X)
#undef X
};

static const struct {
    enum conf_id from, to;
    int64_t factor;
} synonyms[] = {
#define Y(a, b, f) {CONF_##a, CONF_##b, f},
    CONF_SYNONYMS(Y)
#undef Y
};

const struct conf_def *conf_def(enum conf_id id)
{
    ASSERT((unsigned)id < CONF_COUNT);
    return &defs[id];
}

static const struct conf_def *find_between(struct slice name, int first, int end)
{
    for (int i = first; i < end; i++)
        if (name.n == defs[i].name_n && memcmp(name.p, defs[i].name, name.n) == 0) return &defs[i];
    return NULL;
}

const struct conf_def *conf_def_broker(struct slice name)
{
    return find_between(name, 0, CONF_BROKER_COUNT);
}
const struct conf_def *conf_def_topic(struct slice name)
{
    return find_between(name, CONF_BROKER_COUNT, CONF_TOPIC_END);
}
const struct conf_def *conf_def_group(struct slice name)
{
    return find_between(name, CONF_TOPIC_END, CONF_PERGROUP_END);
}
const struct conf_def *conf_def_client_metrics(struct slice name)
{
    return find_between(name, CONF_PERGROUP_END, CONF_COUNT);
}
const struct conf_def *conf_def_find(struct slice name)
{
    return find_between(name, 0, CONF_COUNT);
}

const struct conf_def *conf_def_prefixed(struct slice name)
{
    static const char prefix[] = "listener.name.";
    size_t k = sizeof prefix - 1;
    if (name.n <= k || memcmp(name.p, prefix, k) != 0) return NULL;
    /* After the listener's name comes the setting, or a mechanism (no dot in it) and the setting. */
    struct slice rest = slice_of(name.p + k, name.n - k);
    for (int dots = 0; dots < 2; dots++) {
        const uint8_t *dot = memchr(rest.p, '.', rest.n);
        if (!dot) return NULL;
        rest = slice_of(dot + 1, rest.n - (size_t)(dot + 1 - rest.p));
        const struct conf_def *d = conf_def_broker(rest);
        if (d) return d;
    }
    return NULL;
}

/* Levenshtein's distance, or limit when it is not below. */
static size_t distance(struct slice a, const char *b, size_t bn, size_t limit)
{
    size_t row[128];
    if (bn >= NELEMS(row) || (a.n > bn ? a.n - bn : bn - a.n) >= limit) return limit;
    for (size_t j = 0; j <= bn; j++) row[j] = j;
    for (size_t i = 0; i < a.n; i++) {
        size_t diagonal = row[0], best = row[0] = i + 1;
        for (size_t j = 0; j < bn; j++) {
            size_t replace = diagonal + (a.p[i] != (uint8_t)b[j]);
            diagonal = row[j + 1];
            row[j + 1] = min_size(replace, min_size(row[j], row[j + 1]) + 1);
            best = min_size(best, row[j + 1]);
        }
        if (best >= limit) return limit;
    }
    return min_size(row[bn], limit);
}

const struct conf_def *conf_def_nearest(struct slice name)
{
    const struct conf_def *nearest = NULL;
    size_t limit = name.n / 4 + 2;
    for (int i = 0; i < CONF_BROKER_COUNT; i++) {
        size_t d = distance(name, defs[i].name, strlen(defs[i].name), limit);
        if (d < limit) {
            limit = d;
            nearest = &defs[i];
        }
    }
    return nearest;
}

const struct conf_def *conf_def_synonym(const struct conf_def *d, int i, int64_t *factor)
{
    for (size_t k = 0; k < NELEMS(synonyms); k++)
        if (synonyms[k].from == d->id && i-- == 0) {
            if (factor) *factor = synonyms[k].factor;
            return &defs[synonyms[k].to];
        }
    return NULL;
}

const enum conf_id *conf_family(enum conf_id id, int *n)
{
    static const enum conf_id roll[] = {CONF_LOG_ROLL_MS, CONF_LOG_ROLL_HOURS};
    static const enum conf_id jitter[] = {CONF_LOG_ROLL_JITTER_MS, CONF_LOG_ROLL_JITTER_HOURS};
    static const enum conf_id retention[] = {CONF_LOG_RETENTION_MS, CONF_LOG_RETENTION_MINUTES,
                                             CONF_LOG_RETENTION_HOURS};
    static const enum conf_id flush[] = {CONF_LOG_FLUSH_INTERVAL_MS, CONF_LOG_FLUSH_SCHEDULER_INTERVAL_MS};
    switch (id) {
    case CONF_LOG_ROLL_MS:
    case CONF_LOG_ROLL_HOURS:
        *n = NELEMS(roll);
        return roll;
    case CONF_LOG_ROLL_JITTER_MS:
    case CONF_LOG_ROLL_JITTER_HOURS:
        *n = NELEMS(jitter);
        return jitter;
    case CONF_LOG_RETENTION_MS:
    case CONF_LOG_RETENTION_MINUTES:
    case CONF_LOG_RETENTION_HOURS:
        *n = NELEMS(retention);
        return retention;
    case CONF_LOG_FLUSH_INTERVAL_MS:
        *n = NELEMS(flush);
        return flush;
    default:
        *n = 0;
        return NULL;
    }
}
