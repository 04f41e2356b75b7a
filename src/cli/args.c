#include "cli/args.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_COLUMNS 75

/* One line of words; unless it is the last, blanks are spread over its gaps until it is full, the middle ones
 * first. */
static void print_line(char **words, int n, bool last)
{
    size_t used = 0;
    for (int i = 0; i < n; i++) used += strlen(words[i]);
    int gaps = n - 1, blanks = last || used >= LINE_COLUMNS ? gaps : (int)(LINE_COLUMNS - used);
    int each = gaps ? blanks / gaps : 0, more = gaps ? blanks % gaps : 0, from = (gaps - more + 1) / 2;
    for (int i = 0; i < n; i++) {
        fputs(words[i], stderr);
        if (i < gaps) fprintf(stderr, "%*s", each + (i >= from && i < from + more), "");
    }
    fputc('\n', stderr);
}

static void print_justified(char *text)
{
    char *words[128], *save;
    int n = 0;
    size_t columns = 0;
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (n && (columns + 1 + strlen(w) > LINE_COLUMNS || n == (int)NELEMS(words))) {
            print_line(words, n, false);
            n = 0;
            columns = 0;
        }
        columns += strlen(w) + (n > 0);
        words[n++] = w;
    }
    print_line(words, n, true);
}

static _Noreturn void fail(const char *program, const char *usage, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void fail(const char *program, const char *usage, const char *fmt, ...)
{
    struct strbuf b;
    va_list ap;
    strbuf_init(&b);
    strbuf_printf(&b, "%s: error: ", program);
    va_start(ap, fmt);
    strbuf_vprintf(&b, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s\n", usage);
    print_justified(b.s);
    exit(1);
}

static _Noreturn void help(const struct arg_command *c)
{
    printf("%s\n\n%s\n\noptional arguments:\n  %-34s %s\n", c->usage, c->help, "-h, --help",
           "show this help message and exit");
    for (const struct arg *a = c->args; a && a->name; a++) {
        char left[80];
        snprintf(left, sizeof left, "--%s%s, -%c", a->name, a->takes_value ? " VALUE" : "", a->letter);
        printf("  %-34s %s\n", left, a->help);
    }
    exit(0);
}

static bool is_help(const char *a)
{
    return strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0;
}

const struct arg_command *args_command(const char *program, const char *usage,
                                       const struct arg_command *commands, int argc, char **argv)
{
    if (argc == 0) fail(program, usage, "too few arguments");
    if (is_help(argv[0])) {
        printf("%s\n\n", usage);
        for (const struct arg_command *c = commands; c->name; c++) printf("  %-22s %s\n", c->name, c->help);
        exit(0);
    }
    for (const struct arg_command *c = commands; c->name; c++)
        if (strcmp(c->name, argv[0]) == 0) return c;
    if (argv[0][0] == '-') fail(program, usage, "unrecognized arguments: '%s'", argv[0]);
    struct strbuf b;
    strbuf_init(&b);
    for (const struct arg_command *c = commands; c->name; c++)
        strbuf_printf(&b, "%s'%s'", c == commands ? "" : ", ", c->name);
    fail(program, usage, "invalid choice: '%s' (choose from %s)", argv[0], b.s);
}

/* --name or the beginning of only one name; -letter. NULL: no option of this command. */
static struct arg *match(const struct arg_command *c, const char *text, size_t n)
{
    struct arg *found = NULL;
    int matches = 0;
    for (struct arg *a = c->args; a && a->name; a++) {
        if (text[1] != '-' && text[1] == a->letter) return a;
        if (text[1] != '-' || n < 3 || strncmp(a->name, text + 2, n - 2) != 0) continue;
        if (strlen(a->name) == n - 2) return a;
        found = a;
        matches++;
    }
    return matches == 1 ? found : NULL;
}

/* A dash and anything but a number. */
static bool looks_like_option(const char *s)
{
    char *end;
    if (s[0] != '-' || !s[1]) return false;
    (void)strtod(s, &end);
    return *end != 0;
}

void args_parse(const char *program, const struct arg_command *c, int argc, char **argv)
{
    const struct arg *chosen = NULL;
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i], *eq = strchr(text, '=');
        bool is_long = strncmp(text, "--", 2) == 0;
        if (is_help(text)) help(c);
        struct arg *a = text[0] == '-' && text[1]
                            ? match(c, text, is_long && eq ? (size_t)(eq - text) : strlen(text))
                            : NULL;
        if (!a) fail(program, c->usage, "unrecognized arguments: '%s'", text);
        const char *value = NULL;
        if (a->takes_value) {
            if (is_long && eq) value = eq + 1;
            else if (!is_long && text[2]) value = text + 2;
            else if (i + 1 < argc && !looks_like_option(argv[i + 1])) value = argv[++i];
            else fail(program, c->usage, "argument --%s/-%c: expected one argument", a->name, a->letter);
        } else if (is_long ? eq != NULL : text[2] != 0)
            fail(program, c->usage, "unrecognized arguments: '%s'", text);
        if (a->exclusive && chosen && chosen != a)
            fail(program, c->usage, "argument --%s/-%c: not allowed with argument --%s/-%c", a->name,
                 a->letter, chosen->name, chosen->letter);
        if (a->exclusive) chosen = a;
        a->values = xrealloc(a->values, (size_t)(a->n + 1) * sizeof *a->values);
        a->values[a->n++] = value;
    }
    for (const struct arg *a = c->args; a && a->name; a++)
        if (a->required && !a->n)
            fail(program, c->usage, "argument --%s/-%c is required", a->name, a->letter);
}

void args_free(const struct arg_command *c)
{
    for (struct arg *a = c->args; a && a->name; a++) {
        free(a->values);
        a->values = NULL;
        a->n = 0;
    }
}

const struct arg *args_find(const struct arg_command *c, const char *name)
{
    const struct arg *a = c->args;
    while (a->name && strcmp(a->name, name) != 0) a++;
    ASSERT(a->name);
    return a;
}

const char *args_value(const struct arg_command *c, const char *name)
{
    const struct arg *a = args_find(c, name);
    return a->n ? a->values[a->n - 1] : NULL;
}
