#include "rk/properties.h"
#include "base/err.h"
#include "os/os.h"

#include <stdlib.h>
#include <string.h>

void properties_set(struct properties *p, const char *name, const char *value)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->names[i], name) == 0) {
            free(p->values[i]);
            p->values[i] = xstrdup(value);
            return;
        }
    p->names = xrealloc(p->names, (size_t)(p->n + 1) * sizeof(char *));
    p->values = xrealloc(p->values, (size_t)(p->n + 1) * sizeof(char *));
    p->names[p->n] = xstrdup(name);
    p->values[p->n++] = xstrdup(value);
}

const char *properties_get(const struct properties *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->names[i], name) == 0) return p->values[i];
    return NULL;
}

int properties_add(struct properties *p, const char *text, struct strbuf *why)
{
    const char *eq = strchr(text, '=');
    if (!eq || eq == text) {
        strbuf_printf(why, "%s: write it as name=value", text);
        return ERR_INVALID_CONFIG;
    }
    char *name = xstrndup(text, (size_t)(eq - text));
    properties_set(p, name, eq + 1);
    free(name);
    return 0;
}

static char *skip_blank(char *s)
{
    return s + strspn(s, " \t\f");
}

int properties_file(struct properties *p, const char *path, struct strbuf *why)
{
    struct strbuf b;
    strbuf_init(&b);
    int rc = os_read_file(NULL, path, 16 << 20, &b);
    if (rc) strbuf_printf(why, "cannot read %s: %s", path, os_why());
    char *save, *line = rc == 0 && b.s ? strtok_r(b.s, "\r\n", &save) : NULL;
    for (; line; line = strtok_r(NULL, "\r\n", &save)) {
        line = skip_blank(line);
        if (*line == '#' || *line == '!' || !*line) continue;
        for (size_t n = strlen(line); n && line[n - 1] == '\\';
             n = strlen(line)) { /* the next line goes on */
            char *next = strtok_r(NULL, "\r\n", &save);
            if (!next) break;
            next = skip_blank(next);
            memmove(line + n - 1, next, strlen(next) + 1);
        }
        char *sep = line + strcspn(line, "=: \t"), c = *sep, *value = skip_blank(sep + (c != 0));
        if ((c == ' ' || c == '\t') && (*value == '=' || *value == ':')) value = skip_blank(value + 1);
        *sep = 0;
        properties_set(p, line, value);
    }
    strbuf_fini(&b);
    return rc;
}

void properties_free(struct properties *p)
{
    for (int i = 0; i < p->n; i++) {
        free(p->names[i]);
        free(p->values[i]);
    }
    free(p->names);
    free(p->values);
    *p = (struct properties){0};
}

void properties_unescape(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (*s != '\\' || !s[1]) {
            *out++ = *s;
            continue;
        }
        s++;
        *out++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s == 'f' ? '\f' : *s;
    }
    *out = 0;
}
