#include "app/plan.h"

#include <jansson.h>
#include <stdlib.h>

#define NAME_BYTES_MAX 249 /* of a topic, as brokers have it; groups get the same */

/* ---- lines ---- */
/* The line of a field of the entry-th object, or of that object if it has no such field: the JSON library
 * keeps no positions. The text is JSON. */
struct place {
    const char *at, *end;
    int line, depth, entry;
};

/* To the end of a text that begins at p->at; the length of what stands in it. */
static size_t skip_text(struct place *p)
{
    const char *begin = ++p->at;
    while (p->at < p->end && *p->at != '"') p->at += *p->at == '\\' ? 2 : 1;
    if (p->at > p->end) p->at = p->end;
    return (size_t)(p->at - begin);
}

/* Whether the text whose end is p->at is a field's name. */
static bool is_name(const struct place *p)
{
    const char *c = p->at + (p->at < p->end);
    while (c < p->end && strchr(" \t\r\n", *c)) c++;
    return c < p->end && *c == ':';
}

static int line_of(const char *text, size_t n, bool array, int entry, const char *field)
{
    struct place p = {text, text + n, 1, array ? 0 : 1, -1};
    int line = 1;
    for (; p.at < p.end; p.at++) {
        if (*p.at == '\n') p.line++;
        else if (*p.at == '{' || *p.at == '[') {
            if (*p.at == '{' && p.depth == 1 && ++p.entry == entry) line = p.line;
            p.depth++;
        } else if (*p.at == '}' || *p.at == ']') p.depth--;
        else if (*p.at == '"') {
            const char *begin = p.at + 1;
            size_t len = skip_text(&p);
            bool found = p.entry == entry && p.depth == 2 && field && len == strlen(field) &&
                         memcmp(begin, field, len) == 0;
            if (found && is_name(&p)) return p.line;
        }
    }
    return line;
}

/* ---- fields ---- */
struct reading {
    const char *path, *text;
    size_t n;
    bool array;
    int entry;
    struct strbuf *why;
};

static int wrong(const struct reading *r, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int wrong(const struct reading *r, const char *field, const char *fmt, ...)
{
    va_list ap;
    strbuf_printf(r->why, "%s:%d: ", r->path, line_of(r->text, r->n, r->array, r->entry, field));
    if (field) strbuf_printf(r->why, "%s: ", field);
    va_start(ap, fmt);
    strbuf_vprintf(r->why, fmt, ap);
    va_end(ap);
    return ERR_FORMAT;
}

static int read_text(const struct reading *r, const json_t *entry, const char *field, char **out)
{
    const json_t *v = json_object_get(entry, field);
    if (!v) return wrong(r, field, "a text was expected, but the field is missing");
    if (!json_is_string(v)) return wrong(r, field, "a text was expected");
    size_t n = json_string_length(v);
    if (n == 0 || n > NAME_BYTES_MAX || strlen(json_string_value(v)) != n)
        return wrong(r, field, "a text of 1 to %d bytes was expected", NAME_BYTES_MAX);
    *out = xstrdup(json_string_value(v));
    return 0;
}

static int read_count(const struct reading *r, const json_t *entry, const char *field, int *out)
{
    const json_t *v = json_object_get(entry, field);
    if (!v)
        return wrong(r, field, "a whole number from 1 to %d was expected, but the field is missing",
                     PLAN_THREADS_MAX);
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > PLAN_THREADS_MAX)
        return wrong(r, field, "a whole number from 1 to %d was expected", PLAN_THREADS_MAX);
    *out = (int)json_integer_value(v);
    return 0;
}

static int read_entry(struct plan *p, const struct reading *r, json_t *entry)
{
    const char *name;
    json_t *v;
    if (!json_is_object(entry))
        return wrong(r, NULL, "an object {\"topic\", \"group.id\", \"consumer.no\"} was expected");
    json_object_foreach(entry, name, v)
    {
        if (strcmp(name, "topic") != 0 && strcmp(name, "group.id") != 0 && strcmp(name, "consumer.no") != 0)
            return wrong(r, name, "topic, group.id and consumer.no were expected, not this field");
    }
    p->groups = xrealloc(p->groups, (size_t)(p->groups_n + 1) * sizeof *p->groups);
    struct plan_group *g = &p->groups[p->groups_n++];
    *g = (struct plan_group){0};
    int rc = read_text(r, entry, "topic", &g->topic);
    if (rc == 0) rc = read_text(r, entry, "group.id", &g->group);
    if (rc == 0) rc = read_count(r, entry, "consumer.no", &g->consumers_n);
    if (rc) return rc;
    p->consumers_n += g->consumers_n;
    if (p->consumers_n > PLAN_THREADS_MAX)
        return wrong(r, "consumer.no", "at most %d threads were expected, and this makes %d",
                     PLAN_THREADS_MAX, p->consumers_n);
    return 0;
}

int plan_read(struct plan *p, const char *path, const char *text, size_t n, struct strbuf *why)
{
    json_error_t e;
    json_t *all = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    struct reading r = {path, text, n, json_is_array(all), 0, why};
    int rc = 0;
    *p = (struct plan){0};
    if (!all) {
        strbuf_printf(why, "%s:%d: JSON was expected: %s", path, e.line > 0 ? e.line : 1, e.text);
        return ERR_FORMAT;
    }
    if (json_is_array(all)) {
        for (size_t i = 0; i < json_array_size(all) && rc == 0; i++) {
            r.entry = (int)i;
            rc = read_entry(p, &r, json_array_get(all, i));
        }
        if (rc == 0 && p->groups_n == 0) rc = wrong(&r, NULL, "at least one group was expected");
    } else rc = read_entry(p, &r, all);
    json_decref(all);
    if (rc) plan_free(p);
    return rc;
}

void plan_free(struct plan *p)
{
    for (int i = 0; i < p->groups_n; i++) {
        free(p->groups[i].topic);
        free(p->groups[i].group);
    }
    free(p->groups);
    *p = (struct plan){0};
}

void plan_tell(const struct plan *p, struct strbuf *out)
{
    strbuf_printf(out, "%d thread%s:", p->consumers_n, p->consumers_n == 1 ? "" : "s");
    for (int i = 0; i < p->groups_n; i++)
        strbuf_printf(out, "%s %d of %s on %s", i ? "," : "", p->groups[i].consumers_n, p->groups[i].group,
                      p->groups[i].topic);
}
