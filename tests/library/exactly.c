/* Exactly once: each record of IN goes to OUT with its value in brackets, in one transaction with its offset.
 * exactly BOOTSTRAP GROUP [batch] [fail-every=N] */
#include "moldau/listen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long fail_every;

static int copy(struct moldau_template *t, const struct moldau_record *r)
{
    char value[100], why[300];
    int n = snprintf(value, sizeof value, "[%.*s]", (int)r->value_n, (const char *)r->value);
    struct moldau_record out = {.topic = "out",
                                .partition = r->partition,
                                .key = r->key,
                                .key_n = r->key_n,
                                .value = value,
                                .value_n = (size_t)n};
    return moldau_template_send(t, &out, NULL, NULL, why, sizeof why);
}

static enum moldau_result one(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    (void)arg;
    if (copy(moldau_call_template(call), r)) return MOLDAU_RETRY;
    /* What was sent goes with it. */
    return fail_every && r->attempt == 1 && r->offset % fail_every == 0 ? MOLDAU_RETRY : MOLDAU_OK;
}

static enum moldau_result many(void *arg, const struct moldau_record *r, size_t n, struct moldau_call *call)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        if (copy(moldau_call_template(call), &r[i])) return MOLDAU_RETRY;
    return fail_every && r->attempt == 1 && r->offset % fail_every == 0 ? MOLDAU_RETRY : MOLDAU_OK;
}

static void on_event(void *arg, const struct moldau_event_info *e)
{
    (void)arg;
    if (e->event != MOLDAU_FAILED) return;
    printf("failed: %s\n", e->why);
    fflush(stdout);
    kill(getpid(), SIGTERM);
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    const struct moldau_property props[] = {
        {"auto.offset.reset", "earliest"}, {"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"}};
    const struct moldau_property producer[] = {{"max.block.ms", "20000"},
                                               {"transaction.timeout.ms", "10000"}};
    const char *topic = "in";
    char why[500], id[200];
    sigset_t set;
    int sig;
    if (argc < 3) return 2;
    moldau_container_options_init(&o);
    snprintf(id, sizeof id, "%s-", argc > 3 ? argv[3] : "exactly");
    o.bootstrap_servers = argv[1];
    o.topics = &topic;
    o.topics_n = 1;
    o.group = argv[2];
    o.properties = props;
    o.properties_n = 3;
    o.producer_properties = producer;
    o.producer_properties_n = 2;
    o.on_record = one;
    o.on_event = on_event;
    o.transactional_id = id;
    o.max_poll_records = 50;
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "batch") == 0) {
            o.on_record = NULL;
            o.on_batch = many;
        } else if (strncmp(argv[i], "fail-every=", 11) == 0) fail_every = atol(argv[i] + 11);
    }
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct moldau_container *c = moldau_container_start(&o, why, sizeof why);
    if (!c) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    sigwait(&set, &sig);
    int rc = moldau_container_failure(c) != NULL;
    moldau_container_free(c);
    return rc;
}
