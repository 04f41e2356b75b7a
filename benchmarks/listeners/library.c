/* A listener of libmoldau-listen that does nothing, or sleeps.
 *
 *   library BOOTSTRAP topic=t group=g records=N warm=N ack=0..6 ack-count=100 ack-time-ms=1000
 *   work-us=0 workers=0 (its own polls) order=0
 *
 * Ends after so many records; with records=0 on SIGTERM, and says "began" for each record. */
#include "measure.h"
#include "moldau/listen.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static struct measure measure;
static atomic_long done;
static long work_us;
static bool acknowledges;

static enum moldau_result handle(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    (void)arg, (void)r;
    if (!measure.records && write(1, "began\n", 6) != 6) return MOLDAU_DEAD;
    if (work_us) {
        struct timespec t = {work_us / 1000000, work_us % 1000000 * 1000};
        nanosleep(&t, NULL);
    }
    if (acknowledges) moldau_call_acknowledge(call);
    if (measure_done(&measure, ++done) && measure.records) kill(getpid(), SIGTERM);
    return MOLDAU_OK;
}

static void on_event(void *arg, const struct moldau_event_info *e)
{
    (void)arg;
    if (e->event == MOLDAU_ASSIGNED && !measure.records && write(1, "assigned\n", 9) != 9) _exit(1);
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    const struct moldau_property props[] = {{"auto.offset.reset", "earliest"}};
    const char *topic = argument(argc, argv, "topic", "t");
    char why[500];
    sigset_t set;
    int sig;
    if (argc < 2) return 2;
    measure.records = number(argc, argv, "records", 0);
    measure.warm = number(argc, argv, "warm", 0);
    work_us = number(argc, argv, "work-us", 0);
    moldau_container_options_init(&o);
    o.bootstrap_servers = argv[1];
    o.topics = &topic;
    o.topics_n = 1;
    o.group = argument(argc, argv, "group", "g");
    o.properties = props;
    o.properties_n = 1;
    o.on_record = handle;
    o.on_event = on_event;
    o.ack_mode = (enum moldau_ack_mode)number(argc, argv, "ack", MOLDAU_ACK_BATCH);
    o.ack_count = number(argc, argv, "ack-count", 100);
    o.ack_time_ms = number(argc, argv, "ack-time-ms", 1000);
    o.workers = (int)number(argc, argv, "workers", 0);
    o.order = (enum moldau_order)number(argc, argv, "order", MOLDAU_ORDER_KEY);
    acknowledges = o.ack_mode >= MOLDAU_ACK_MANUAL && !o.workers;
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
    return 0;
}
