/* Look-ups that do not wait for a disk: what is not in the page cache is read on the pool first. */
#include "log/log_int.h"

#include <stdlib.h>

#define WARM_BYTES (64 << 10)

ssize_t log_pread(struct log_seg *s, const char *suffix, int fd, void *p, size_t n, int64_t pos)
{
    struct log *l = s->log;
    if (!l->nowait) return os_pread(l->os, fd, p, n, pos);
    size_t got = 0;
    /* A short answer is the end of the file or of what is cached; the next look tells which. */
    while (got < n) {
        ssize_t r = os_pread_cached(l->os, fd, (char *)p + got, n - got, pos + (int64_t)got);
        if (r == 0) break;
        if (r == ERR_BUSY) {
            l->cold.base_offset = s->base_offset;
            l->cold.suffix = suffix;
            l->cold.pos = pos + (int64_t)got;
            l->cold.n = (int64_t)(n - got);
        }
        if (r < 0) return r;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

static void warm_run(struct os_job *j)
{
    struct log_warm *w = CONTAINER_OF(j, struct log_warm, job);
    int fd = os_open(w->os, w->path, OS_READ);
    if (fd < 0) return; /* removed meanwhile, or out of files: the next try says so */
    void *scratch = xmalloc(WARM_BYTES);
    ssize_t r = 1;
    for (int64_t at = 0; r > 0 && at < max_i64(w->n, 1); at += WARM_BYTES)
        r = os_pread(w->os, fd, scratch, WARM_BYTES, w->pos + at);
    if (r < 0) w->tries = INT16_MAX; /* the look-up meets the error itself */
    free(scratch);
    os_close(w->os, fd);
}

static void warm_done(struct os_job *j, void *owner)
{
    struct log_warm *w = CONTAINER_OF(j, struct log_warm, job);
    free(w->path);
    w->path = NULL;
    w->again(w, owner);
}

void log_warm(struct log *l, struct log_warm *w)
{
    char path[LOG_PATH_MAX];
    log_path(l, l->cold.base_offset, l->cold.suffix, path, sizeof path);
    w->os = l->os;
    w->path = xstrdup(path);
    w->pos = l->cold.pos;
    w->n = l->cold.n;
    w->tries++;
    w->job.run = warm_run;
    w->job.done = warm_done;
    os_submit(l->os, &w->job);
}
