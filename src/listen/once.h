/* Each record once by an id: a SQLite file remembers what was done. Any thread. */
#ifndef MOLDAU_ONCE_H
#define MOLDAU_ONCE_H

#include "base/err.h"
#include "base/strbuf.h"

struct once;
/* NULL, and a sentence in why. The file is made if it is missing; others may use it at the same time. */
struct once *once_open(const char *path, struct strbuf *why);
void once_close(struct once *o);
/* 1: it was done before. 0: it is the caller's to do, who tells once_end; meanwhile others that ask for it
 * wait. ERR_IO, and why. */
int once_begin(struct once *o, struct slice id, struct strbuf *why) MUST_USE;
/* The same without waiting: ERR_BUSY while somebody else does it. */
int once_try(struct once *o, struct slice id, struct strbuf *why) MUST_USE;
/* done: remember it, before this returns. ERR_IO, and why: it could not be remembered. */
int once_end(struct once *o, struct slice id, bool done, struct strbuf *why) MUST_USE;

#endif
