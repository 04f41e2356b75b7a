/* A record that fails moves to TOPIC-retry-0, waits there, moves on to TOPIC-retry-1, and in the end to
 * TOPIC-dlt; the records behind it need not wait. */
#include "run.h"

static enum moldau_result on_record(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    (void)arg;
    printf("%s %.*s, attempt %d\n", r->topic, (int)r->value_n, (const char *)r->value, r->attempt);
    if (r->value_n != 3 || memcmp(r->value, "bad", 3) != 0) return MOLDAU_OK;
    moldau_call_why(call, "still bad");
    return MOLDAU_RETRY;
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    const char *topic;
    usage(argc, 4, "retry-topics BOOTSTRAP TOPIC GROUP");
    begin(&o, argv, &topic);
    o.on_record = on_record;
    o.retry_topics = 2;
    o.backoff_ms = 200;
    o.backoff_factor = 2;
    o.given_up = MOLDAU_DEAD_LETTER;
    return run(&o);
}
