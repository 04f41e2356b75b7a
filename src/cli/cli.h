/* What the tools share: options as Kafka's tools take them, properties files, output. */
#ifndef MOLDAU_CLI_H
#define MOLDAU_CLI_H

#include "base/strbuf.h"
#include "client/client.h"
#include "rk/properties.h"

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
/* Frees what cli_parse put into the table; values lie in argv and stay. */
void cli_options_free(struct cli_option *options);
/* argv in which --name without a value got one; for options whose value may be left out. The caller frees the
 * array. */
char **cli_optional_value(int argc, char **argv, const char *name, const char *otherwise);
/* The last value of an option, NULL if it was not given. */
const char *cli_value(const struct cli_option *options, const char *name);
bool cli_given(const struct cli_option *options, const char *name);

/* --bootstrap-server (or the older names, where the tool has them) or exits 1 with a sentence. --zookeeper is
 * taken as the bootstrap address with a warning. */
const char *cli_bootstrap(const struct cli_option *options);

#endif
