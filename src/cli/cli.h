/* What the tools share: options as Kafka's tools take them, properties files, output. */
#ifndef MOLDAU_CLI_H
#define MOLDAU_CLI_H

#include "base/strbuf.h"
#include "client/client.h"

/* One option. Values are collected in order; an option without a value has NULLs. */
struct cli_option {
    const char *name; /* without the dashes */
    bool takes_value;
    const char *help; /* one line */
    const char **values;
    int n; /* how often it was given */
};
/* Parses --name value and --name=value. On --help prints `usage` and the options and exits 0; on --version
 * prints the version and exits 0. An unknown option or a missing value prints one sentence to stderr and
 * exits 1. The table ends with a NULL name. Positional arguments are refused unless rest is not NULL. */
void cli_parse(int argc, char **argv, const char *usage, struct cli_option *options, char ***rest,
               int *rest_n);
/* argv in which --name without a value got one; for options whose value may be left out. The caller frees the
 * array. */
char **cli_optional_value(int argc, char **argv, const char *name, const char *otherwise);
/* The last value of an option, NULL if it was not given. */
const char *cli_value(const struct cli_option *options, const char *name);
bool cli_given(const struct cli_option *options, const char *name);

/* A Java .properties file or "k=v" texts as a list of pairs; later ones win. */
struct cli_properties {
    char **names, **values;
    int n;
};
/* ERR_* with a sentence in why. */
int cli_properties_file(struct cli_properties *p, const char *path, struct strbuf *why) MUST_USE;
int cli_properties_add(struct cli_properties *p, const char *text, struct strbuf *why) MUST_USE; /* "k=v" */
const char *cli_properties_get(const struct cli_properties *p, const char *name);
void cli_properties_set(struct cli_properties *p, const char *name, const char *value);
void cli_properties_free(struct cli_properties *p);

/* --bootstrap-server (or the older names, where the tool has them) or exits 1 with a sentence. --zookeeper is
 * taken as the bootstrap address with a warning. */
const char *cli_bootstrap(const struct cli_option *options);

#endif
