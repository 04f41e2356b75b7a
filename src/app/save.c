#include "app/save.h"
#include "os/os.h"

#include <stdlib.h>

static int failed(const struct save *s, const char *what, struct strbuf *why)
{
    strbuf_printf(why, "cannot %s %s: %s", what, s->path, os_why());
    return ERR_IO;
}

int save_open(struct save *s, const char *path, struct strbuf *why)
{
    struct os_stat st;
    char last = '\n';
    s->path = xstrdup(path);
    s->fd = os_open(NULL, path, OS_READ | OS_WRITE | OS_CREATE);
    if (s->fd < 0) return failed(s, "open", why);
    if (os_fstat(NULL, s->fd, &st)) return failed(s, "look at", why);
    s->end = st.size;
    if (s->end > 0 && os_pread(NULL, s->fd, &last, 1, s->end - 1) != 1) return failed(s, "read", why);
    if (last != '\n') {
        if (os_pwrite(NULL, s->fd, "\n", 1, s->end)) return failed(s, "write to", why);
        s->end++;
    }
    return 0;
}

int save_append(struct save *s, const struct strbuf *b, struct strbuf *why)
{
    if (!b->n) return 0;
    if (os_pwrite(NULL, s->fd, b->s, b->n, s->end)) return failed(s, "write to", why);
    if (os_fdatasync(NULL, s->fd)) return failed(s, "write to", why);
    s->end += (int64_t)b->n;
    return 0;
}

void save_close(struct save *s)
{
    if (s->fd >= 0) os_close(NULL, s->fd);
    free(s->path);
    *s = (struct save){.fd = -1};
}
