/* libyaml makes a tree of nodes of each document; a walk over it makes settings of them. Aliases make a graph
 * of the tree, which may have cycles and may unfold to far more than the file: the walk is bounded in depth
 * and in steps. */
#include "rk/yaml.h"
#include "base/err.h"
#include "os/library.h"

#include <yaml.h>

#define LIBRARY "libyaml-0.so.2"
#define DEPTH_MAX 32
#define STEPS_MAX 100000
#define NAME_MAX_BYTES 1024
#define PAIRS_MAX 10000 /* of a map: each name is held against the others */

#define YAML_CALLS(X)                                                                                        \
    X(parser_initialize)                                                                                     \
    X(parser_set_input_string)                                                                               \
    X(parser_load)                                                                                           \
    X(parser_delete)                                                                                         \
    X(document_get_root_node)                                                                                \
    X(document_get_node)                                                                                     \
    X(document_delete)
struct yaml {
#define X(call) __typeof__(&yaml_##call) call;
    YAML_CALLS(X)
#undef X
};

/* Tools that read no YAML do not pay for the library. */
static int yaml_load(struct yaml *y, struct strbuf *why)
{
    static const char *const names[] = {
#define X(call) "yaml_" #call,
        YAML_CALLS(X)
#undef X
    };
    _Static_assert(sizeof *y == NELEMS(names) * sizeof(void *), "nothing but pointers to functions");
    return os_library(LIBRARY, "libyaml", names, NELEMS(names), y, why);
}

struct walk {
    const struct yaml *y;
    yaml_document_t *doc;
    struct setting_list *out;
    const char *file;
    struct strbuf name, *why;
    int document, steps;
};

static int refuse(struct walk *w, const yaml_node_t *n, const char *text)
{
    strbuf_printf(w->why, "%s:%zu: %s", w->file, n->start_mark.line + 1, text);
    return ERR_FORMAT;
}

static bool is_null(const yaml_node_t *n)
{
    const char *v = (const char *)n->data.scalar.value;
    return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (strcmp(v, "~") == 0 || strcmp(v, "null") == 0 || strcmp(v, "Null") == 0 ||
            strcmp(v, "NULL") == 0);
}

static int add(struct walk *w, const yaml_node_t *at, struct slice value)
{
    if (w->out->n >= SETTINGS_MAX) return refuse(w, at, "too many settings");
    if (!w->name.n || memchr(w->name.s, 0, w->name.n)) return refuse(w, at, "a name was expected");
    if (value.n && memchr(value.p, 0, value.n))
        return refuse(w, at, "a text without zero bytes was expected");
    setting_add(w->out, strbuf_slice(&w->name), value, (int)at->start_mark.line + 1, w->document);
    return 0;
}

static int walk_node(struct walk *w, const yaml_node_t *n, int depth);

static int walk_scalar(struct walk *w, const yaml_node_t *n)
{
    return add(w, n, is_null(n) ? (struct slice){0} : slice_of(n->data.scalar.value, n->data.scalar.length));
}

/* Texts with commas between; what else a list has is nobody's setting here: NAME[0].NAME. */
static int walk_list(struct walk *w, const yaml_node_t *n, int depth)
{
    struct strbuf all;
    size_t before = w->name.n;
    int rc = 0, i = 0, texts = 0;
    strbuf_init(&all);
    for (const yaml_node_item_t *e = n->data.sequence.items.start; rc == 0 && e < n->data.sequence.items.top;
         e++, i++) {
        const yaml_node_t *item = w->y->document_get_node(w->doc, *e);
        if (++w->steps > STEPS_MAX) rc = refuse(w, n, "too much in one file");
        else if (item->type == YAML_SCALAR_NODE) {
            if (texts++) strbuf_add_char(&all, ',');
            strbuf_add(&all, item->data.scalar.value, item->data.scalar.length);
        } else {
            strbuf_printf(&w->name, "[%d]", i);
            rc = walk_node(w, item, depth + 1);
            w->name.n = before;
            w->name.s[before] = 0;
        }
    }
    if (rc == 0 && (texts || i == 0)) rc = add(w, n, strbuf_slice(&all));
    strbuf_fini(&all);
    return rc;
}

/* [a.name] is a name as it stands, for Spring's maps. */
static void add_name(struct walk *w, const yaml_node_t *key)
{
    const char *k = (const char *)key->data.scalar.value;
    size_t n = key->data.scalar.length;
    if (n > 2 && k[0] == '[' && k[n - 1] == ']') {
        k++;
        n -= 2;
    }
    if (w->name.n) strbuf_add_char(&w->name, '.');
    strbuf_add(&w->name, k, n);
}

static bool is_merge(const yaml_node_t *key)
{
    return key->type == YAML_SCALAR_NODE && strcmp((const char *)key->data.scalar.value, "<<") == 0;
}

/* What << brings: one map or a list of them, under the same name. The first one's values count, so it comes
 * last. */
static int walk_merge(struct walk *w, const yaml_node_t *n, int depth)
{
    if (n->type == YAML_MAPPING_NODE) return walk_node(w, n, depth + 1);
    if (n->type != YAML_SEQUENCE_NODE) return refuse(w, n, "a map was expected for <<");
    int rc = 0;
    for (const yaml_node_item_t *e = n->data.sequence.items.top; rc == 0 && e > n->data.sequence.items.start;
         e--) {
        const yaml_node_t *item = w->y->document_get_node(w->doc, e[-1]);
        rc = item->type == YAML_MAPPING_NODE ? walk_node(w, item, depth + 1)
                                             : refuse(w, item, "a map was expected for <<");
    }
    return rc;
}

static int walk_pair(struct walk *w, const yaml_node_pair_t *p, int depth)
{
    const yaml_node_t *key = w->y->document_get_node(w->doc, p->key);
    size_t before = w->name.n;
    if (key->type != YAML_SCALAR_NODE) return refuse(w, key, "a text was expected as a name");
    add_name(w, key);
    if (w->name.n > NAME_MAX_BYTES) return refuse(w, key, "a name is too long");
    int rc = walk_node(w, w->y->document_get_node(w->doc, p->value), depth + 1);
    w->name.n = before;
    if (w->name.s) w->name.s[before] = 0;
    return rc;
}

/* Spring refuses a name that a map has twice: one of the two would be lost without a word. */
static int check_names(struct walk *w, const yaml_node_pair_t *first, const yaml_node_pair_t *end)
{
    for (const yaml_node_pair_t *p = first; p < end; p++) {
        const yaml_node_t *a = w->y->document_get_node(w->doc, p->key);
        for (const yaml_node_pair_t *q = first; a->type == YAML_SCALAR_NODE && q < p; q++) {
            const yaml_node_t *b = w->y->document_get_node(w->doc, q->key);
            if (b->type == YAML_SCALAR_NODE && b->data.scalar.length == a->data.scalar.length &&
                memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0) {
                strbuf_printf(w->why, "%s:%zu: %.200s stands here and at line %zu", w->file,
                              a->start_mark.line + 1, (const char *)a->data.scalar.value,
                              b->start_mark.line + 1);
                return ERR_FORMAT;
            }
        }
    }
    return 0;
}

static int walk_map(struct walk *w, const yaml_node_t *n, int depth)
{
    const yaml_node_pair_t *first = n->data.mapping.pairs.start, *end = n->data.mapping.pairs.top;
    if (end - first > PAIRS_MAX) return refuse(w, n, "too much in one map");
    int rc = check_names(w, first, end);
    for (const yaml_node_pair_t *p = first; rc == 0 && p < end; p++)
        if (is_merge(w->y->document_get_node(w->doc, p->key)))
            rc = walk_merge(w, w->y->document_get_node(w->doc, p->value), depth);
    for (const yaml_node_pair_t *p = first; rc == 0 && p < end; p++)
        if (!is_merge(w->y->document_get_node(w->doc, p->key))) rc = walk_pair(w, p, depth);
    return rc;
}

static int walk_node(struct walk *w, const yaml_node_t *n, int depth)
{
    if (depth > DEPTH_MAX) return refuse(w, n, "maps lie too deep in each other");
    if (++w->steps > STEPS_MAX) return refuse(w, n, "too much in one file");
    if (n->type == YAML_SCALAR_NODE) return walk_scalar(w, n);
    return n->type == YAML_SEQUENCE_NODE ? walk_list(w, n, depth) : walk_map(w, n, depth);
}

static int walk_document(struct walk *w)
{
    const yaml_node_t *root = w->y->document_get_root_node(w->doc);
    if (!root || (root->type == YAML_SCALAR_NODE && (!root->data.scalar.length || is_null(root)))) return 0;
    if (root->type != YAML_MAPPING_NODE) return refuse(w, root, "a map of names and values was expected");
    return walk_node(w, root, 0);
}

int yaml_settings(struct setting_list *l, const char *file, struct slice text, struct strbuf *why)
{
    struct yaml y;
    yaml_parser_t parser;
    yaml_document_t doc;
    int rc = yaml_load(&y, why);
    if (rc) return rc;
    if (!y.parser_initialize(&parser)) return ERR_NOENT;
    struct walk w = {.y = &y, .doc = &doc, .out = l, .file = file, .why = why};
    strbuf_init(&w.name);
    y.parser_set_input_string(&parser, text.n ? text.p : (const uint8_t *)"", text.n);
    for (bool more = true; more && rc == 0; w.document++) {
        if (!y.parser_load(&parser, &doc)) {
            strbuf_printf(why, "%s:%zu: this is not YAML: %s%s%s", file, parser.problem_mark.line + 1,
                          parser.context ? parser.context : "", parser.context ? ", " : "",
                          parser.problem ? parser.problem : "no memory is left");
            rc = ERR_FORMAT;
            break;
        }
        more = y.document_get_root_node(&doc) != NULL;
        rc = walk_document(&w);
        y.document_delete(&doc);
    }
    strbuf_fini(&w.name);
    y.parser_delete(&parser);
    return rc;
}
