/* Each record is printed. One whose value is "bad" fails: it is tried five times, then goes to TOPIC-dlt. */
#include "run.h"

static enum moldau_result on_record(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    (void)arg;
    if (r->value_n == 3 && memcmp(r->value, "bad", 3) == 0) {
        moldau_call_why(call, "nobody can read that");
        return MOLDAU_RETRY;
    }
    printf("%s-%d@%lld %.*s\n", r->topic, r->partition, (long long)r->offset, (int)r->value_n,
           (const char *)r->value);
    return MOLDAU_OK;
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    const char *topic;
    usage(argc, 4, "record BOOTSTRAP TOPIC GROUP");
    begin(&o, argv, &topic);
    o.on_record = on_record;
    o.ack_mode = MOLDAU_ACK_RECORD;
    o.attempts = 5;
    o.backoff_ms = 100; /* 100, 200, 400, 800 */
    o.backoff_factor = 2;
    o.given_up = MOLDAU_DEAD_LETTER;
    return run(&o);
}
