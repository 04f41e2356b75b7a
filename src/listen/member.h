/* One consumer of a container (moldau/listen.h): its thread, librdkafka, and the core (container.h) between.
 */
#ifndef MOLDAU_MEMBER_H
#define MOLDAU_MEMBER_H

#include "base/strbuf.h"
#include "listen/container.h"
#include "moldau/listen.h"

#include <librdkafka/rdkafka.h>

struct member;
struct member_config {
    const struct moldau_container_options *o; /* borrowed for its life */
    int index;                                /* 0 .. concurrency - 1; those of retry topics go on behind */
    const char *const *topics;                /* instead of o's; for retry topics */
    int topics_n;
    int retry_level; /* -1: of the main topics; else which retry topic this is of */
    /* On its thread. failed: it ends by itself, this is why. ended: it has left the group, the last thing it
     * does. */
    void (*failed)(void *arg, const char *why);
    void (*ended)(void *arg);
    void *arg;
};

/* NULL, and a sentence in why. Nothing is started yet. */
struct member *member_new(const struct member_config *c, struct strbuf *why);
void member_start(struct member *m);
/* Any thread. */
void member_stop(struct member *m);
void member_set_paused(struct member *m, bool paused);
/* Any thread; ignored where the partition is not held when it comes to it. offset: as MOLDAU_START_* wants
 * it. */
enum member_order { MEMBER_PAUSE, MEMBER_RESUME, MEMBER_SEEK };
void member_order(struct member *m, enum member_order what, const char *topic, int32_t partition,
                  enum moldau_start_at start, int64_t value);
/* Waits for its thread, frees it. */
void member_free(struct member *m);

#endif
