/* A listener with workers that writes a line for each record, and does as its arguments say:
 * log BOOTSTRAP TOPIC GROUP FILE [name=value]... */
#include "moldau/listen.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int fd;
static long work_us, fail_every;
static const char *dead_value = "";

static enum moldau_result handle(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    char line[400];
    (void)arg;
    if (work_us) {
        struct timespec t = {work_us / 1000000, work_us % 1000000 * 1000};
        nanosleep(&t, NULL);
    }
    if (r->value_n == strlen(dead_value) && r->value && memcmp(r->value, dead_value, r->value_n) == 0) {
        moldau_call_why(call, "this one is dead");
        return MOLDAU_DEAD;
    }
    if (fail_every && r->attempt == 1 && r->offset % fail_every == 0) return MOLDAU_RETRY;
    int n = snprintf(line, sizeof line, "%.*s %.*s %d\n", (int)r->key_n, r->key ? (const char *)r->key : "",
                     (int)r->value_n, r->value ? (const char *)r->value : "", r->attempt);
    return write(fd, line, (size_t)n) == n ? MOLDAU_OK : MOLDAU_RETRY;
}

static void on_event(void *arg, const struct moldau_event_info *e)
{
    (void)arg;
    if (e->event == MOLDAU_ASSIGNED || e->event == MOLDAU_REVOKED_AFTER_COMMIT || e->event == MOLDAU_LOST) {
        printf("%s %zu\n",
               e->event == MOLDAU_ASSIGNED ? "assigned"
               : e->event == MOLDAU_LOST   ? "lost"
                                           : "revoked",
               e->offsets_n);
        fflush(stdout);
    }
    if (e->event == MOLDAU_GIVEN_UP)
        printf("given up %.*s: %s\n", (int)e->record->value_n, (const char *)e->record->value, e->why);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    struct moldau_property props[20] = {{"auto.offset.reset", "earliest"}};
    const char *topic;
    char why[500];
    sigset_t set;
    int sig;
    if (argc < 5) return 2;
    topic = argv[2];
    moldau_container_options_init(&o);
    o.bootstrap_servers = argv[1];
    o.topics = &topic;
    o.topics_n = 1;
    o.group = argv[3];
    o.properties = props;
    o.properties_n = 1;
    o.on_record = handle;
    o.on_event = on_event;
    o.workers = 8;
    o.backoff_ms = 1;
    for (int i = 5; i < argc; i++) {
        char *v = strchr(argv[i], '=');
        *v++ = 0;
        if (strcmp(argv[i], "workers") == 0) o.workers = atoi(v);
        else if (strcmp(argv[i], "concurrency") == 0) o.concurrency = atoi(v);
        else if (strcmp(argv[i], "work-us") == 0) work_us = atol(v);
        else if (strcmp(argv[i], "fail-every") == 0) fail_every = atol(v);
        else if (strcmp(argv[i], "dead") == 0) dead_value = v;
        else if (strcmp(argv[i], "dlt") == 0) o.given_up = MOLDAU_DEAD_LETTER;
        else if (strcmp(argv[i], "attempts") == 0) o.attempts = atoi(v);
        else if (strcmp(argv[i], "retry-topics") == 0) o.retry_topics = atoi(v);
        else if (strcmp(argv[i], "backoff-ms") == 0) o.backoff_ms = atol(v);
        else if (strcmp(argv[i], "once-file") == 0) o.once_file = v;
        else if (strcmp(argv[i], "once-by") == 0) o.once_by = v;
        else if (strcmp(argv[i], "order") == 0)
            o.order = strcmp(v, "key") == 0         ? MOLDAU_ORDER_KEY
                      : strcmp(v, "partition") == 0 ? MOLDAU_ORDER_PARTITION
                                                    : MOLDAU_ORDER_UNORDERED;
        else if (o.properties_n < 20) props[o.properties_n++] = (struct moldau_property){argv[i], v};
    }
    fd = open(argv[4], O_WRONLY | O_CREAT | O_APPEND, 0644);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct moldau_container *c = moldau_container_start(&o, why, sizeof why);
    if (!c) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    sigwait(&set, &sig);
    moldau_container_free(c);
    printf("Bye\n");
    return 0;
}
