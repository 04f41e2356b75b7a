/* A file that says which groups to run, as JSON: an array of objects, or one object:
 *
 *   [{"topic": "click_log", "group.id": "hadoop-consumers", "consumer.no": 20}, ...] */
#ifndef MOLDAU_PLAN_H
#define MOLDAU_PLAN_H

#include "base/err.h"
#include "base/strbuf.h"

#define PLAN_THREADS_MAX 1000 /* of all groups together */

struct plan_group {
    char *topic, *group;
    int consumers_n;
};
struct plan {
    struct plan_group *groups;
    int groups_n, consumers_n;
};

/* text[0..n) is what the file `path` has. ERR_FORMAT, and why: the file, the line, the field, what was
 * expected. */
int plan_read(struct plan *p, const char *path, const char *text, size_t n, struct strbuf *why) MUST_USE;
void plan_free(struct plan *p);
/* "21 threads: 20 of hadoop-consumers on click_log, ..." */
void plan_tell(const struct plan *p, struct strbuf *out);

#endif
