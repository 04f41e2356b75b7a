/* A file that values are appended to, a line each. */
#ifndef MOLDAU_SAVE_H
#define MOLDAU_SAVE_H

#include "base/err.h"
#include "base/strbuf.h"

struct save {
    char *path;
    int fd; /* -1: none */
    int64_t end;
};

/* A last line without an end, which a crash may have left, gets one. ERR_* with a sentence in why. */
int save_open(struct save *s, const char *path, struct strbuf *why) MUST_USE;
/* Appends and waits for the disk, so that what is committed afterwards is in the file. */
int save_append(struct save *s, const struct strbuf *b, struct strbuf *why) MUST_USE;
void save_close(struct save *s);

#endif
