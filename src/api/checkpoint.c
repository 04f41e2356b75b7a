#include "api/checkpoint.h"
#include "base/hash.h"

#include <stdio.h>
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
}

int checkpoint_read(struct os *os, const char *path, struct map *into)
{
    struct strbuf b;
    strbuf_init(&b);
    int rc = os_read_file(os, path, 256 << 20, &b);
    if (rc == ERR_NOENT) rc = 0;
    else if (rc == 0) {
        char *save, *line = strtok_r(b.s ? b.s : (char[]){""}, "\n", &save);
        if (!line || strcmp(line, "0") != 0 || !strtok_r(NULL, "\n", &save)) rc = ERR_FORMAT;
        while (rc == 0 && (line = strtok_r(NULL, "\n", &save)) != NULL) {
            char topic[256];
            int index;
            long long offset;
            if (sscanf(line, "%255s %d %lld", topic, &index, &offset) != 3 || offset < 0) {
                rc = ERR_FORMAT;
                break;
            }
            struct key k = {topic, index};
            free(map_del(into, hash(k), &k, eq));
            struct checkpoint_entry *e = xmalloc(sizeof *e + strlen(topic) + 1);
            e->offset = offset;
            e->index = index;
            memcpy(e->topic, topic, strlen(topic) + 1);
            map_put(into, hash(k), e);
        }
    }
    strbuf_fini(&b);
    return rc;
}

int64_t checkpoint_get(const struct map *m, const char *topic, int32_t index)
{
    struct key k = {topic, index};
    const struct checkpoint_entry *e = map_get(m, hash(k), &k, eq);
    return e ? e->offset : -1;
}
