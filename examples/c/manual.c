/* The listener hands its records to a thread of its own and returns; that one acknowledges them, here the
 * newest first. Nothing is committed beyond one that is not acknowledged yet. */
#include "run.h"

#include <pthread.h>

#define ROOM 1000

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct moldau_ack *acks[ROOM];
    int n;
    bool end;
} desk = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static enum moldau_result on_record(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    (void)arg;
    pthread_mutex_lock(&desk.lock);
    bool room = desk.n < ROOM;
    if (room) desk.acks[desk.n++] = moldau_call_keep_ack(call, 0);
    pthread_cond_signal(&desk.more);
    pthread_mutex_unlock(&desk.lock);
    if (!room) moldau_call_nack(call, 0, 100); /* later, please */
    else printf("took %.*s\n", (int)r->value_n, (const char *)r->value);
    return MOLDAU_OK;
}

static void *work(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&desk.lock);
    while (!desk.end || desk.n) {
        if (desk.n) moldau_ack_acknowledge(desk.acks[--desk.n]);
        else pthread_cond_wait(&desk.more, &desk.lock);
    }
    pthread_mutex_unlock(&desk.lock);
    return NULL;
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    const char *topic;
    char why[500];
    sigset_t set;
    int sig;
    pthread_t thread;
    usage(argc, 4, "manual BOOTSTRAP TOPIC GROUP");
    begin(&o, argv, &topic);
    o.on_record = on_record;
    o.ack_mode = MOLDAU_ACK_MANUAL;
    o.async_acks = true;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct moldau_container *c = moldau_container_start(&o, why, sizeof why);
    if (!c) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    pthread_create(&thread, NULL, work, NULL);
    sigwait(&set, &sig);
    /* First the desk is cleared, then the container ends: acknowledgements are its. */
    pthread_mutex_lock(&desk.lock);
    desk.end = true;
    pthread_cond_signal(&desk.more);
    pthread_mutex_unlock(&desk.lock);
    pthread_join(thread, NULL);
    moldau_container_stop(c);
    moldau_container_join(c, -1);
    while (desk.n) moldau_ack_drop(desk.acks[--desk.n]);
    moldau_container_free(c);
    printf("Bye\n");
    return 0;
}
