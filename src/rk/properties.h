/* Java's properties: files and name=value texts. */
#ifndef MOLDAU_PROPERTIES_H
#define MOLDAU_PROPERTIES_H

#include "base/strbuf.h"

/* A Java .properties file or "k=v" texts as a list of pairs; later ones win. */
struct properties {
    char **names, **values;
    int n;
};
/* ERR_* with a sentence in why. */
int properties_file(struct properties *p, const char *path, struct strbuf *why) MUST_USE;
int properties_add(struct properties *p, const char *text, struct strbuf *why) MUST_USE; /* "k=v" */
const char *properties_get(const struct properties *p, const char *name);
void properties_set(struct properties *p, const char *name, const char *value);
void properties_free(struct properties *p);
/* Java's escapes in a value: \t \n \r \f \\. In place. */
void properties_unescape(char *s);

#endif
