/* Settings as files write them: names with dots between, each with the place where it stands. */
#ifndef MOLDAU_SETTING_H
#define MOLDAU_SETTING_H

#include "base/strbuf.h"

struct setting {
    char *name, *value;
    int line;     /* 0: of the environment */
    int document; /* of a file with several, from 0 on */
};
struct setting_list {
    struct setting *v;
    int n, cap;
};
#define SETTINGS_MAX 10000 /* of a file */

/* Copies; a name that is there already is added again: the last one counts. */
void setting_add(struct setting_list *l, struct slice name, struct slice value, int line, int document);
void setting_list_free(struct setting_list *l);
/* Java's .properties text: ERR_FORMAT with a sentence that begins with the file and the line. A line "#---"
 * or "!---" begins another document. */
int setting_properties(struct setting_list *l, const char *file, struct slice text,
                       struct strbuf *why) MUST_USE;

/* How far two texts are from each other, in letters put in, taken out or changed; counts to `most` + 1. */
int setting_distance(const char *a, const char *b, int most);

#endif
