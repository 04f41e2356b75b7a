/* The ways to send. */
#include <moldau/listen.h>

#include <stdio.h>
#include <string.h>

static void on_sent(void *arg, const struct moldau_record *r, const char *error)
{
    (void)arg;
    if (error) printf("not sent: %s\n", error);
    else printf("callback: partition %d, offset %lld\n", r->partition, (long long)r->offset);
}

int main(int argc, char **argv)
{
    struct moldau_template_options o;
    char why[300];
    int32_t partition;
    int64_t offset;
    if (argc < 3) return 2;
    moldau_template_options_init(&o);
    o.bootstrap_servers = argv[1];
    o.default_topic = argv[2];
    struct moldau_template *t = moldau_template_new(&o, why, sizeof why);
    if (!t) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct moldau_header header = {"trace", "1234", 4};
    struct moldau_record r = {.partition = 0,
                              .key = "k",
                              .key_n = 1,
                              .value = "to partition 0",
                              .headers = &header,
                              .headers_n = 1};
    r.value_n = strlen(r.value);
    int rc = moldau_template_send_text(t, NULL, "a value", why, sizeof why);
    if (!rc) rc = moldau_template_send_text(t, "a key", "and a value", why, sizeof why);
    if (!rc) rc = moldau_template_send(t, &r, on_sent, NULL, why, sizeof why);
    if (!rc) rc = moldau_template_flush(t, 30000, why, sizeof why);
    r.partition = MOLDAU_PARTITION_ANY;
    if (!rc) rc = moldau_template_send_sync(t, &r, &partition, &offset, why, sizeof why);
    if (rc) fprintf(stderr, "%s\n", why);
    else printf("in step: partition %d, offset %lld\n", partition, (long long)offset);
    moldau_template_free(t);
    return rc ? 1 : 0;
}
