/* Each record of one topic goes to another in capitals; what is sent and the offset are one transaction.
 * Whoever reads with isolation.level=read_committed sees each record once, whatever dies when. */
#include "run.h"

#include <ctype.h>

static enum moldau_result on_record(void *arg, const struct moldau_record *r, struct moldau_call *call)
{
    char *text = malloc(r->value_n + 1), why[300];
    for (size_t i = 0; i < r->value_n; i++) text[i] = (char)toupper(((const unsigned char *)r->value)[i]);
    struct moldau_record out = {.topic = arg,
                                .partition = MOLDAU_PARTITION_ANY,
                                .key = r->key,
                                .key_n = r->key_n,
                                .value = text,
                                .value_n = r->value_n};
    int rc = moldau_template_send(moldau_call_template(call), &out, NULL, NULL, why, sizeof why);
    if (rc) moldau_call_why(call, why);
    free(text);
    return rc ? MOLDAU_RETRY : MOLDAU_OK;
}

int main(int argc, char **argv)
{
    struct moldau_container_options o;
    const char *topic;
    usage(argc, 5, "exactly-once BOOTSTRAP FROM TO GROUP");
    char *args[] = {argv[0], argv[1], argv[2], argv[4]};
    begin(&o, args, &topic);
    o.on_record = on_record;
    o.arg = argv[3];
    o.transactional_id = "capitals-"; /* and the consumer's number: the same after a restart */
    return run(&o);
}
