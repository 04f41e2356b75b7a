/* What the examples share: a container that runs until SIGTERM or SIGINT. */
#ifndef RUN_H
#define RUN_H

#include <moldau/listen.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int run(const struct moldau_container_options *o)
{
    char why[500];
    sigset_t set;
    int sig;
    /* Blocked before the container's threads start, so that only sigwait sees them. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct moldau_container *c = moldau_container_start(o, why, sizeof why);
    if (!c) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    sigwait(&set, &sig);
    moldau_container_free(c); /* what runs ends, all is committed, the group is left */
    printf("Bye\n");
    return 0;
}

static inline void usage(int argc, int want, const char *text)
{
    if (argc >= want) return;
    fprintf(stderr, "usage: %s\n", text);
    exit(2);
}

/* The options that all examples begin with. */
static inline void begin(struct moldau_container_options *o, char **argv, const char **topic)
{
    static const struct moldau_property properties[] = {{"auto.offset.reset", "earliest"}};
    moldau_container_options_init(o);
    *topic = argv[2];
    o->bootstrap_servers = argv[1];
    o->topics = topic;
    o->topics_n = 1;
    o->group = argv[3];
    o->properties = properties;
    o->properties_n = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
}

#endif
