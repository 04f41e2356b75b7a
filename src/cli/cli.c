#include "cli/cli.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

static const struct cli_option *find(const struct cli_option *o, const char *name, size_t n)
{
    for (; o->name; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0) return o;
    return NULL;
}

const char *cli_value(const struct cli_option *options, const char *name)
{
    const struct cli_option *o = find(options, name, strlen(name));
    return o && o->n ? o->values[o->n - 1] : NULL;
}

bool cli_given(const struct cli_option *options, const char *name)
{
    const struct cli_option *o = find(options, name, strlen(name));
    return o && o->n > 0;
}

static void print_help(const char *usage, const struct cli_option *o)
{
    printf("%s\n\n", usage);
    for (; o->name; o++) {
        char left[80];
        snprintf(left, sizeof left, "--%s%s", o->name, o->takes_value ? " VALUE" : "");
        printf("  %-34s %s\n", left, o->help ? o->help : "");
    }
    printf("  %-34s %s\n  %-34s %s\n", "--help", "this text", "--version", "the version");
}

static _Noreturn void die(const char *before, const char *what, const char *after)
{
    fprintf(stderr, "%s%s%s\n", before, what, after);
    exit(1);
}

void cli_parse(int argc, char **argv, const char *usage, struct cli_option *options, char ***rest,
               int *rest_n)
{
    if (rest) {
        *rest = xcalloc((size_t)argc + 1, sizeof(char *));
        *rest_n = 0;
    }
    for (int i = 0; i < argc; i++) {
        char *a = argv[i];
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            print_help(usage, options);
            exit(0);
        }
        if (strcmp(a, "--version") == 0) {
            printf("%s\n", MOLDAU_VERSION);
            exit(0);
        }
        if (a[0] != '-' || a[1] == 0) {
            if (!rest) die("unexpected argument ", a, "; see --help");
            (*rest)[(*rest_n)++] = a;
            continue;
        }
        char *name = a + (a[1] == '-' ? 2 : 1), *eq = strchr(name, '=');
        size_t n = eq ? (size_t)(eq - name) : strlen(name);
        struct cli_option *o = options;
        while (o->name && (strlen(o->name) != n || strncmp(o->name, name, n) != 0)) o++;
        if (!o->name) die("", a, " is not a recognized option; see --help");
        const char *value = NULL;
        if (o->takes_value) {
            if (eq) value = eq + 1;
            else if (i + 1 < argc) value = argv[++i];
            else die("Option ", a, " requires an argument");
        } else if (eq) die("Option ", a, " takes no argument");
        o->values = xrealloc(o->values, (size_t)(o->n + 1) * sizeof(const char *));
        o->values[o->n++] = value;
    }
}

void cli_options_free(struct cli_option *o)
{
    for (; o->name; o++) free(o->values);
}

char **cli_optional_value(int argc, char **argv, const char *name, const char *otherwise)
{
    char **out = xcalloc((size_t)argc + 1, sizeof *out);
    for (int i = 0; i < argc; i++) {
        out[i] = argv[i];
        if (strncmp(argv[i], "--", 2) != 0 || strcmp(argv[i] + 2, name) != 0 ||
            (i + 1 < argc && argv[i + 1][0] != '-'))
            continue;
        struct strbuf b;
        strbuf_init(&b);
        strbuf_printf(&b, "--%s=%s", name, otherwise);
        out[i] = b.s; /* lives as long as the process, as argv does */
    }
    return out;
}

const char *cli_bootstrap(const struct cli_option *options)
{
    const char *b = cli_value(options, "bootstrap-server"), *z = cli_value(options, "zookeeper");
    if (!b) b = cli_value(options, "broker-list");
    if (!b && z) {
        fprintf(stderr,
                "WARNING: there is no ZooKeeper any more; %s is taken as the bootstrap address. Use "
                "--bootstrap-server.\n",
                z);
        b = z;
    }
    if (!b) die("Missing required argument \"[", "bootstrap-server", "]\"");
    return b;
}
