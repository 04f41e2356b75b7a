/* All records of a poll at once, as one would write them to a database. The first time that it meets "late",
 * the records before it are done and committed, and it comes again with what follows. */
#include "run.h"

static enum moldau_result on_batch(void *arg, const struct moldau_record *r, size_t n,
                                   struct moldau_call *call)
{
    bool *met = arg;
    for (size_t i = 0; i < n; i++)
        if (!*met && r[i].value_n == 4 && memcmp(r[i].value, "late", 4) == 0) {
            *met = true;
            moldau_call_failed_at(call, i);
            moldau_call_why(call, "not there yet");
            printf("%zu of %zu\n", i, n);
            return MOLDAU_RETRY;
        }
    printf("%zu of %zu\n", n, n);
    return MOLDAU_OK;
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    bool met = false;
    const char *topic;
    usage(argc, 4, "batch BOOTSTRAP TOPIC GROUP");
    begin(&o, argv, &topic);
    o.on_batch = on_batch;
    o.arg = &met;
    o.max_poll_records = 100;
    o.backoff_ms = 50;
    return run(&o);
}
