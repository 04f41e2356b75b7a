/* Options of the tools that Kafka builds on argparse4j: a command first, then its options, each with a long
 * name and a letter. Errors are told as that library tells them: the usage, then one justified sentence, on
 * stderr; exit code 1. */
#ifndef MOLDAU_ARGS_H
#define MOLDAU_ARGS_H

#include "base/base.h"

/* The table ends with a NULL name. */
struct arg {
    const char *name; /* without the dashes */
    char letter;
    bool takes_value, required;
    bool exclusive; /* at most one of these */
    const char *help;
    const char **values; /* in the order given; NULLs for an option without value */
    int n;
};
struct arg_command {
    const char *name, *usage, *help;
    struct arg *args;
};

/* Which command argv[0] names; the table ends with a NULL name. --help prints what there is and exits 0. */
const struct arg_command *args_command(const char *program, const char *usage,
                                       const struct arg_command *commands, int argc, char **argv);
/* argv: what follows the command. */
void args_parse(const char *program, const struct arg_command *c, int argc, char **argv);
void args_free(const struct arg_command *c);
/* The last value, NULL if it was not given. */
const char *args_value(const struct arg_command *c, const char *name);
const struct arg *args_find(const struct arg_command *c, const char *name);
static inline bool args_given(const struct arg_command *c, const char *name)
{
    return args_find(c, name)->n > 0;
}

#endif
