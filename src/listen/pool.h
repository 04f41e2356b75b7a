/* One consumer of a container with workers: the runtime (runtime.h) on a thread, and so many threads that
 * call the listener. */
#ifndef MOLDAU_POOL_H
#define MOLDAU_POOL_H

#include "base/strbuf.h"
#include "listen/once.h"
#include "moldau/listen.h"

struct pool;
struct pool_config {
    const struct moldau_container_options *o; /* borrowed for its life */
    int index;
    struct once *once;                          /* NULL: none. Of all pools */
    void (*failed)(void *arg, const char *why); /* these two as member_config's */
    void (*ended)(void *arg);
    void *arg;
};
/* NULL, and a sentence in why. Nothing is started yet. */
struct pool *pool_new(const struct pool_config *c, struct strbuf *why);
void pool_start(struct pool *p);
/* Any thread. */
void pool_stop(struct pool *p);
void pool_set_paused(struct pool *p, bool paused);
/* Waits for its threads, frees it. */
void pool_free(struct pool *p);

#endif
