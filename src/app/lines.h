/* Lines on standard output from several threads: each comes out whole. */
#ifndef MOLDAU_LINES_H
#define MOLDAU_LINES_H

#include "base/strbuf.h"

#include <pthread.h>
#include <stdatomic.h>

struct lines {
    pthread_mutex_t lock;
    atomic_bool closed; /* nobody reads them */
};

void lines_init(struct lines *l);
void lines_fini(struct lines *l);
/* Writes what b has, which ends with a line's end, and empties it. Any thread. false: nobody reads it; the
 * first one to find that out says so. */
bool lines_write(struct lines *l, struct strbuf *b);
bool lines_say(struct lines *l, const char *fmt, ...) PRINTF_LIKE(2, 3); /* one line, without its end */

#endif
