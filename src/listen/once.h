/* Each record once by an id: a SQLite file remembers what was done. Any thread. */
#ifndef MOLDAU_ONCE_H
#define MOLDAU_ONCE_H

#include "base/err.h"
#include "base/strbuf.h"

#include <librdkafka/rdkafka.h>

/* What makes the record the one it is: its key, if by is "key", else the last header of that name. False: it
 * has none. */
bool once_id(const rd_kafka_message_t *m, const char *by, struct slice *id);

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
