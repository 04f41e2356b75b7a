/* A topic had OLD partitions and has more now. With Java's partitioner most keys would move, and a key's
 * records would lie in two places. Here keys that existed stay where they were, and only new ones use the new
 * partitions: those whose name begins with "new-". Lines of standard input: key, a blank, value. */
#include <moldau/listen.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t keep(void *arg, const struct moldau_record *r, int32_t partitions)
{
    const int32_t *old = arg;
    bool is_new = r->key_n >= 4 && memcmp(r->key, "new-", 4) == 0;
    return moldau_partition_of_key(r->key, r->key_n, is_new || *old > partitions ? partitions : *old);
}

int main(int argc, char **argv)
{
    struct moldau_template_options o;
    char why[300], line[1000];
    if (argc < 4) return 2;
    int32_t old = atoi(argv[3]), partition;
    moldau_template_options_init(&o);
    o.bootstrap_servers = argv[1];
    o.default_topic = argv[2];
    o.partitioner = keep;
    o.arg = &old;
    struct moldau_template *t = moldau_template_new(&o, why, sizeof why);
    int rc = t ? 0 : -1;
    while (!rc && fgets(line, sizeof line, stdin)) {
        char *save, *key = strtok_r(line, " \n", &save), *value = strtok_r(NULL, "\n", &save);
        if (!key || !value) continue;
        struct moldau_record r = {.partition = MOLDAU_PARTITION_ANY,
                                  .key = key,
                                  .key_n = strlen(key),
                                  .value = value,
                                  .value_n = strlen(value)};
        rc = moldau_template_send_sync(t, &r, &partition, NULL, why, sizeof why);
        if (!rc) printf("%s %d\n", key, partition);
    }
    if (rc) fprintf(stderr, "%s\n", why);
    if (t) moldau_template_free(t);
    return rc ? 1 : 0;
}
