/* Eight workers on however few partitions there are. Records of a key keep their order; a record may take as
 * long as it likes; what is done is not done again after a restart. With a FILE, a record whose header "id"
 * was seen before is not done again either, whoever sends it twice. */
#include "run.h"

static enum moldau_result on_record(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    (void)arg, (void)call;
    usleep(10000); /* the work */
    printf("%.*s %.*s\n", (int)r->key_n, r->key ? (const char *)r->key : "", (int)r->value_n,
           r->value ? (const char *)r->value : "");
    return MOLDAU_OK;
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    const char *topic;
    usage(argc, 4, "workers BOOTSTRAP TOPIC GROUP [FILE]");
    begin(&o, argv, &topic);
    o.on_record = on_record;
    o.workers = 8;
    o.order = MOLDAU_ORDER_KEY;
    if (argc > 4) {
        o.once_file = argv[4];
        o.once_by = "id";
    }
    return run(&o);
}
