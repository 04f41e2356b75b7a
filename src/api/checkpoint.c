#include "api/checkpoint.h"
#include "base/hash.h"

#include <stdlib.h>

struct checkpoint_entry {
    int64_t offset;
    int32_t index;
    char topic[];
};
struct key {
    const char *topic;
    int32_t index;
};
static uint64_t hash(struct key k)
{
    return hash_bytes((uint64_t)k.index, k.topic, strlen(k.topic));
}
static bool eq(const void *v, const void *kv)
{
    const struct checkpoint_entry *e = v;
    const struct key *k = kv;
    return e->index == k->index && strcmp(e->topic, k->topic) == 0;
}

void checkpoints_init(struct checkpoints *c)
{
    map_init(&c->recovery);
    map_init(&c->start);
    map_init(&c->clean);
}

static void clear(struct map *m)
{
    MAP_FOREACH(it, struct checkpoint_entry, e, m) free(e);
    map_fini(m);
}

void checkpoints_fini(struct checkpoints *c)
{
    clear(&c->recovery);
    clear(&c->start);
    clear(&c->clean);
}

/* "topic partition offset", with single blanks. */
static int parse_line(char *line, struct key *k, int64_t *offset)
{
    char *index = strchr(line, ' '), *value = index ? strchr(index + 1, ' ') : NULL;
    if (!value || index == line) return ERR_FORMAT;
    *index++ = *value++ = 0;
    size_t index_n = strspn(index, "0123456789"), value_n = strspn(value, "0123456789");
    if (!index_n || index_n > 9 || index[index_n] || !value_n || value_n > 18 || value[value_n])
        return ERR_FORMAT;
    *k = (struct key){line, (int32_t)strtol(index, NULL, 10)};
    *offset = strtoll(value, NULL, 10);
    return 0;
}

int checkpoint_parse(char *text, struct map *into)
{
    if (!*text) return 0; /* Apache Kafka makes the file before it has anything to write */
    char *save, *line = strtok_r(text, "\n", &save);
    if (!line || strcmp(line, "0") != 0 || !strtok_r(NULL, "\n", &save)) return ERR_FORMAT;
    while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
        struct key k;
        int64_t offset;
        int rc = parse_line(line, &k, &offset);
        if (rc) return rc;
        free(map_del(into, hash(k), &k, eq));
        struct checkpoint_entry *e = xmalloc(sizeof *e + strlen(k.topic) + 1);
        e->offset = offset;
        e->index = k.index;
        memcpy(e->topic, k.topic, strlen(k.topic) + 1);
        map_put(into, hash(k), e);
    }
    return 0;
}

int checkpoint_read(struct os *os, const char *path, struct map *into)
{
    struct strbuf b;
    strbuf_init(&b);
    int rc = os_read_file(os, path, 256 << 20, &b);
    if (rc == ERR_NOENT) rc = 0;
    else if (rc == 0) rc = checkpoint_parse(b.s ? b.s : (char[]){""}, into);
    strbuf_fini(&b);
    return rc;
}

int64_t checkpoint_get(const struct map *m, const char *topic, int32_t index)
{
    struct key k = {topic, index};
    const struct checkpoint_entry *e = map_get(m, hash(k), &k, eq);
    return e ? e->offset : -1;
}
