#include "log/journal.h"
#include "base/grow.h"
#include "base/hash.h"

#include <stdlib.h>

#define MAGIC 0x6d6a6e6cu /* "mjnl" */
#define HEAD_BYTES 32
#define ENTRY_BYTES 24
#define FILE_BYTES_MAX ((size_t)256 << 20)
enum { AT_MAGIC = 0, AT_CRC = 4, AT_RUN = 8, AT_SEQUENCE = 16, AT_BYTES = 24, AT_ENTRIES = 28 };

static size_t padded(size_t n)
{
    return (n + JOURNAL_BLOCK_BYTES - 1) / JOURNAL_BLOCK_BYTES * JOURNAL_BLOCK_BYTES;
}

void journal_begin(struct kp_writer *w, uint64_t run, uint64_t sequence)
{
    kp_writer_reset(w);
    uint8_t *p = kp_put(w, HEAD_BYTES);
    store_be32(p + AT_MAGIC, MAGIC);
    store_be64(p + AT_RUN, run);
    store_be64(p + AT_SEQUENCE, sequence);
    store_be32(p + AT_ENTRIES, 0);
}

uint8_t *journal_add(struct kp_writer *w, struct uuid topic_id, int32_t partition, size_t bytes)
{
    ASSERT(bytes <= UINT32_MAX);
    uint8_t *p = kp_put(w, ENTRY_BYTES + bytes);
    memcpy(p, topic_id.b, sizeof topic_id.b);
    store_be32(p + 16, (uint32_t)partition);
    store_be32(p + 20, (uint32_t)bytes);
    store_be32(w->p + AT_ENTRIES, load_be32(w->p + AT_ENTRIES) + 1);
    return p + ENTRY_BYTES;
}

void journal_end(struct kp_writer *w)
{
    size_t n = w->n, fill = padded(n) - n;
    memset(kp_put(w, fill), 0, fill);
    store_be32(w->p + AT_BYTES, (uint32_t)(n - HEAD_BYTES));
    store_be32(w->p + AT_CRC, crc32c(0, w->p + AT_RUN, n - AT_RUN));
}

size_t journal_frame_bytes(size_t entries, size_t bytes)
{
    return padded(HEAD_BYTES + entries * ENTRY_BYTES + bytes);
}

bool journal_name(const char *name, uint64_t *run)
{
    size_t n = strlen(JOURNAL_PREFIX);
    if (strncmp(name, JOURNAL_PREFIX, n) != 0 || strspn(name + n, "0123456789abcdef") != 16 || name[n + 16])
        return false;
    *run = strtoull(name + n, NULL, 16);
    return true;
}

static void add_frame(struct journal *j, const uint8_t *p, size_t bytes)
{
    size_t at = HEAD_BYTES, end = HEAD_BYTES + bytes;
    for (uint32_t left = load_be32(p + AT_ENTRIES); left && end - at >= ENTRY_BYTES; left--) {
        struct journal_entry e = {.partition = (int32_t)load_be32(p + at + 16)};
        size_t n = load_be32(p + at + 20);
        memcpy(e.topic_id.b, p + at, sizeof e.topic_id.b);
        at += ENTRY_BYTES;
        if (n > end - at || n < sizeof e.first_offset) return;
        e.first_offset = (int64_t)load_be64(p + at);
        e.batches = slice_of(p + at, n);
        at += n;
        j->v = grown_z(j->v, j->n, &j->cap, sizeof *j->v);
        j->v[j->n++] = e;
    }
}

/* The payload of a sound frame that begins here; 0: there is none. */
static size_t sound(const uint8_t *p, size_t n, uint64_t run)
{
    if (n < HEAD_BYTES || load_be32(p + AT_MAGIC) != MAGIC || load_be64(p + AT_RUN) != run) return 0;
    size_t bytes = load_be32(p + AT_BYTES);
    if (bytes > n - HEAD_BYTES) return 0;
    return crc32c(0, p + AT_RUN, HEAD_BYTES - AT_RUN + bytes) == load_be32(p + AT_CRC) ? bytes : 0;
}

void journal_take(struct journal *j, uint8_t *bytes, size_t n, uint64_t run)
{
    j->files = xrealloc(j->files, (j->files_n + 1) * sizeof *j->files);
    j->files[j->files_n++] = bytes;
    for (size_t at = 0; at < n;) {
        size_t payload = sound(bytes + at, n - at, run);
        if (payload) add_frame(j, bytes + at, payload);
        at += payload ? padded(HEAD_BYTES + payload) : JOURNAL_BLOCK_BYTES;
    }
}

int journal_read(struct os *os, const char *path, uint64_t run, struct journal *j)
{
    struct os_stat st;
    int fd = os_open(os, path, OS_READ);
    if (fd < 0) return fd;
    int rc = os_fstat(os, fd, &st);
    if (rc == 0) {
        /* Of what is longer than any journal, somebody else may know what it is. */
        size_t n = min_size((size_t)st.size, FILE_BYTES_MAX);
        uint8_t *bytes = xmalloc(n + 1);
        ssize_t got = os_pread(os, fd, bytes, n, 0);
        if (got < 0) {
            rc = (int)got;
            free(bytes);
        } else journal_take(j, bytes, (size_t)got, run);
    }
    os_close(os, fd);
    return rc;
}

static int by_partition(const void *x, const void *y)
{
    const struct journal_entry *a = x, *b = y;
    int c = memcmp(a->topic_id.b, b->topic_id.b, sizeof a->topic_id.b);
    if (c == 0) c = (a->partition > b->partition) - (a->partition < b->partition);
    return c;
}
static int by_offset(const void *x, const void *y)
{
    const struct journal_entry *a = x, *b = y;
    int c = by_partition(x, y);
    return c ? c : (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

void journal_sort(struct journal *j)
{
    if (j->n) qsort(j->v, j->n, sizeof *j->v, by_offset);
}

const struct journal_entry *journal_find(const struct journal *j, struct uuid topic_id, int32_t partition,
                                         size_t *n)
{
    struct journal_entry key = {.topic_id = topic_id, .partition = partition};
    const struct journal_entry *e = j->n ? bsearch(&key, j->v, j->n, sizeof *j->v, by_partition) : NULL;
    *n = 0;
    if (!e) return NULL;
    while (e > j->v && by_partition(&key, e - 1) == 0) e--;
    while (e + *n < j->v + j->n && by_partition(&key, e + *n) == 0) ++*n;
    return e;
}

void journal_fini(struct journal *j)
{
    for (size_t i = 0; i < j->files_n; i++) free(j->files[i]);
    free(j->files);
    free(j->v);
    *j = (struct journal){0};
}
