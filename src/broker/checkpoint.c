#include "broker/checkpoint.h"
#include "base/hash.h"

#include <stdlib.h>

/* What lines tell of a partition: an offset, or pairs of a segment and its entries. */
struct checkpoint_entry {
    int64_t offset;
    struct i64s pairs;
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
    map_init(&c->txns);
}

static void clear(struct map *m)
{
    MAP_FOREACH(it, struct checkpoint_entry, e, m)
    {
        i64s_fini(&e->pairs);
        free(e);
    }
    map_fini(m);
}

void checkpoints_fini(struct checkpoints *c)
{
    clear(&c->recovery);
    clear(&c->start);
    clear(&c->clean);
    clear(&c->txns);
}

static bool number(const char *s, size_t digits_max, int64_t *v)
{
    size_t n = strspn(s, "0123456789");
    if (!n || n > digits_max || s[n]) return false;
    *v = strtoll(s, NULL, 10);
    return true;
}

/* "topic partition number" or "topic partition number number", with single blanks. */
static int parse_line(char *line, struct key *k, int64_t *numbers, int numbers_n)
{
    char *at = strchr(line, ' ');
    int64_t index = 0;
    if (!at || at == line) return ERR_FORMAT;
    *at++ = 0;
    for (int i = -1; i < numbers_n; i++) {
        char *next = i + 1 < numbers_n ? strchr(at, ' ') : at + strlen(at);
        if (!next) return ERR_FORMAT;
        if (i + 1 < numbers_n) *next++ = 0;
        if (!(i < 0 ? number(at, 9, &index) : number(at, 18, &numbers[i]))) return ERR_FORMAT;
        at = next;
    }
    *k = (struct key){line, (int32_t)index};
    return 0;
}

static struct checkpoint_entry *entry_of(struct map *m, struct key k)
{
    struct checkpoint_entry *e = map_get(m, hash(k), &k, eq);
    if (e) return e;
    e = xcalloc(1, sizeof *e + strlen(k.topic) + 1);
    e->index = k.index;
    memcpy(e->topic, k.topic, strlen(k.topic) + 1);
    map_put(m, hash(k), e);
    return e;
}

static int parse(char *text, struct map *into, bool pairs)
{
    if (!*text) return 0; /* Apache Kafka makes the file before it has anything to write */
    char *save, *line = strtok_r(text, "\n", &save);
    if (!line || strcmp(line, "0") != 0 || !strtok_r(NULL, "\n", &save)) return ERR_FORMAT;
    while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
        struct key k;
        int64_t numbers[2];
        int rc = parse_line(line, &k, numbers, pairs ? 2 : 1);
        if (rc) return rc;
        struct checkpoint_entry *e = entry_of(into, k);
        e->offset = numbers[0];
        for (int i = 0; pairs && i < 2; i++) i64s_add(&e->pairs, numbers[i]);
    }
    return 0;
}

int checkpoint_parse(char *text, struct map *into)
{
    return parse(text, into, false);
}

int checkpoint_parse_txns(char *text, struct map *into)
{
    return parse(text, into, true);
}

static int read_file(struct os *os, const char *path, struct map *into, bool pairs)
{
    struct strbuf b;
    strbuf_init(&b);
    int rc = os_read_file(os, path, 256 << 20, &b);
    if (rc == ERR_NOENT) rc = 0;
    else if (rc == 0) rc = parse(b.s ? b.s : (char[]){""}, into, pairs);
    strbuf_fini(&b);
    return rc;
}

int checkpoint_read(struct os *os, const char *path, struct map *into)
{
    return read_file(os, path, into, false);
}

int checkpoint_read_txns(struct os *os, const char *path, struct map *into)
{
    return read_file(os, path, into, true);
}

static const struct checkpoint_entry *find(const struct map *m, const char *topic, int32_t index)
{
    struct key k = {topic, index};
    return map_get(m, hash(k), &k, eq);
}

int64_t checkpoint_get(const struct map *m, const char *topic, int32_t index)
{
    const struct checkpoint_entry *e = find(m, topic, index);
    return e ? e->offset : -1;
}

const struct i64s *checkpoint_txns(const struct map *m, const char *topic, int32_t index)
{
    const struct checkpoint_entry *e = find(m, topic, index);
    return e ? &e->pairs : NULL;
}
