#include "rk/setting.h"
#include "base/err.h"
#include "base/grow.h"

#include <stdlib.h>

#define DISTANCE_NAME_MAX 100 /* bytes; longer names are near to none */

void setting_add(struct setting_list *l, struct slice name, struct slice value, int line, int document)
{
    l->v = grown(l->v, l->n, &l->cap, sizeof *l->v);
    l->v[l->n++] = (struct setting){xstrndup(name.p, name.n), xstrndup(value.p, value.n), line, document};
}

void setting_list_free(struct setting_list *l)
{
    for (int i = 0; i < l->n; i++) {
        free(l->v[i].name);
        free(l->v[i].value);
    }
    free(l->v);
    *l = (struct setting_list){0};
}

int setting_distance(const char *a, const char *b, int most)
{
    size_t an = strlen(a), bn = strlen(b);
    int row[DISTANCE_NAME_MAX + 1];
    if (an > DISTANCE_NAME_MAX || bn > DISTANCE_NAME_MAX) return most + 1;
    for (size_t j = 0; j <= bn; j++) row[j] = (int)j;
    for (size_t i = 1; i <= an; i++) {
        int before = row[0], least = row[0] = (int)i;
        for (size_t j = 1; j <= bn; j++) {
            int above = row[j], best = before + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            before = above;
            row[j] = best;
            if (best < least) least = best;
        }
        if (least > most) return most + 1;
    }
    return row[bn] > most ? most + 1 : row[bn];
}

/* ---- .properties ---- */
struct reader {
    const uint8_t *p, *end;
    int line;
};

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool at_newline(const struct reader *r)
{
    return *r->p == '\n' || *r->p == '\r';
}

static void skip_newline(struct reader *r)
{
    if (r->p < r->end && *r->p == '\r') r->p++;
    if (r->p < r->end && *r->p == '\n') r->p++;
    r->line++;
}

static void skip_blanks(struct reader *r)
{
    while (r->p < r->end && blank(*r->p)) r->p++;
}

static void add_code_point(struct strbuf *b, uint32_t c)
{
    if (c < 0x80) strbuf_add_char(b, (char)c);
    else if (c < 0x800) {
        strbuf_add_char(b, (char)(0xc0 | c >> 6));
        strbuf_add_char(b, (char)(0x80 | (c & 0x3f)));
    } else {
        strbuf_add_char(b, (char)(0xe0 | c >> 12));
        strbuf_add_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
        strbuf_add_char(b, (char)(0x80 | (c & 0x3f)));
    }
}

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Behind the backslash. false: \u without four digits. */
static bool read_escape(struct reader *r, struct strbuf *out)
{
    if (r->p >= r->end) return true;
    if (at_newline(r)) { /* the line goes on */
        skip_newline(r);
        skip_blanks(r);
        return true;
    }
    uint8_t c = *r->p++;
    if (c != 'u') {
        strbuf_add_char(out, c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : (char)c);
        return true;
    }
    uint32_t v = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        if (r->p >= r->end || hex(*r->p) < 0) return false;
        v = v * 16 + (uint32_t)hex(*r->p);
    }
    add_code_point(out, v);
    return true;
}

/* Up to the end of the line, or of the name. */
static bool read_text(struct reader *r, bool name, struct strbuf *out)
{
    strbuf_reset(out);
    while (r->p < r->end && !at_newline(r)) {
        if (name && (*r->p == '=' || *r->p == ':' || blank(*r->p))) break;
        if (*r->p != '\\') strbuf_add_char(out, (char)*r->p++);
        else {
            r->p++;
            if (!read_escape(r, out)) return false;
        }
    }
    while (!name && out->n && blank((uint8_t)out->s[out->n - 1])) out->s[--out->n] = 0;
    return true;
}

static bool skip_comment(struct reader *r, int *document)
{
    if (*r->p != '#' && *r->p != '!') return false;
    if (r->end - r->p >= 4 && memcmp(r->p + 1, "---", 3) == 0) ++*document;
    while (r->p < r->end && !at_newline(r)) r->p++;
    return true;
}

int setting_properties(struct setting_list *l, const char *file, struct slice text, struct strbuf *why)
{
    struct reader r = {text.p, text.p + text.n, 1};
    struct strbuf name, value;
    int rc = 0, document = 0;
    strbuf_init(&name);
    strbuf_init(&value);
    while (r.p < r.end && rc == 0) {
        skip_blanks(&r);
        if (r.p >= r.end) break;
        if (at_newline(&r)) {
            skip_newline(&r);
            continue;
        }
        if (skip_comment(&r, &document)) continue;
        int line = r.line;
        bool ok = read_text(&r, true, &name);
        skip_blanks(&r);
        if (ok && r.p < r.end && (*r.p == '=' || *r.p == ':')) r.p++;
        skip_blanks(&r);
        if (!ok || !read_text(&r, false, &value)) {
            strbuf_printf(why, "%s:%d: four hexadecimal digits were expected behind \\u", file, line);
            rc = ERR_FORMAT;
        } else if (l->n >= SETTINGS_MAX) {
            strbuf_printf(why, "%s:%d: more than %d settings", file, line, SETTINGS_MAX);
            rc = ERR_FORMAT;
        } else
            setting_add(l, slice_cstr(strbuf_cstr(&name)), slice_cstr(strbuf_cstr(&value)), line, document);
    }
    strbuf_fini(&name);
    strbuf_fini(&value);
    return rc;
}
