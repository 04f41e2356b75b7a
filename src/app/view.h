/* What the consumer's page shows, and its HTML. Pure. */
#ifndef MOLDAU_APP_VIEW_H
#define MOLDAU_APP_VIEW_H

#include "base/strbuf.h"

#define VIEW_UNKNOWN (-1) /* an offset that nobody knows, or that there is none */

/* A record that is being worked on. Texts are cut where they are long. */
struct view_work {
    int32_t partition;
    int64_t offset;
    char key[64], value[24];
    int64_t began_ms, wait_ms;
};
struct view_part {
    int32_t partition;
    int64_t end, position, committed;
    char owner[64]; /* "": nobody */
    bool ours;
};
struct view {
    const char *group, *topic, *settings;
    char consumer[64];
    char state[160]; /* a sentence, "" if there is nothing to say */
    int64_t now_ms;
    int64_t done_n, dead_n;
    struct view_work *works;
    int works_n, works_cap;
    struct view_part *parts; /* by number, all of the topic */
    int parts_n, parts_cap;
};
void view_fini(struct view *v);
/* What a page shows of a member: its client id and the beginning of what makes its id unique. */
void view_member(char out[64], const char *client_id, const char *member_id);
void view_html(const struct view *v, struct strbuf *out);

#endif
