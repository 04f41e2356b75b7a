/* consumer-groups --reset-offsets. */
#ifndef MOLDAU_GROUP_RESET_H
#define MOLDAU_GROUP_RESET_H

#include "cli/group_state.h"

/* Partitions of "topic" or "topic:0,1,2", which must exist. ERR_* noted in the admin. */
int group_topic_arg(struct admin *a, const char *text, struct group_offsets *out) MUST_USE;
/* Plans, prints and, with --execute, commits. The exit code is *code; ERR_* noted in the admin if the command
 * failed. */
int group_reset(struct admin *a, const struct cli_option *o, int *code) MUST_USE;
/* "YYYY-MM-DDThh:mm:ss.sss", with Z or an offset, UTC without: milliseconds. */
int datetime_parse(const char *s, int64_t *ms) MUST_USE;
/* "PnDTnHnMnS", ISO 8601: milliseconds. */
int duration_parse(const char *s, int64_t *ms) MUST_USE;

#endif
