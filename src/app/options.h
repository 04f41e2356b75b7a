/* Options and settings, as both programs of the family take them. */
#ifndef MOLDAU_OPTIONS_H
#define MOLDAU_OPTIONS_H

#include "cli/cli.h"

/* The whole number of an option, `otherwise` if it was not given; a value that is none, or outside min to
 * max, ends the program with a sentence. */
int64_t options_number(const struct cli_option *o, const char *name, int64_t otherwise, int64_t min,
                       int64_t max);
/* Sets a property that the user has not set. */
void options_default(struct properties *p, const char *name, const char *value);
/* bootstrap.servers, by --bootstrap-server, else by the user's properties, else localhost:9092. */
void options_bootstrap(struct properties *p, const struct cli_option *o);

#endif
