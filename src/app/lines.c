#include "app/lines.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

void lines_init(struct lines *l)
{
    pthread_mutex_init(&l->lock, NULL);
    l->closed = false;
}

void lines_fini(struct lines *l)
{
    pthread_mutex_destroy(&l->lock);
}

bool lines_write(struct lines *l, struct strbuf *b)
{
    pthread_mutex_lock(&l->lock);
    for (size_t done = 0; done < b->n && !l->closed;) {
        ssize_t n = write(1, b->s + done, b->n - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            fprintf(stderr, "Unable to write to standard out, closing.\n");
            l->closed = true;
        } else done += (size_t)n;
    }
    bool open = !l->closed;
    pthread_mutex_unlock(&l->lock);
    strbuf_reset(b);
    return open;
}

bool lines_say(struct lines *l, const char *fmt, ...)
{
    struct strbuf b;
    va_list ap;
    strbuf_init(&b);
    va_start(ap, fmt);
    strbuf_vprintf(&b, fmt, ap);
    va_end(ap);
    strbuf_add_char(&b, '\n');
    bool open = lines_write(l, &b);
    strbuf_fini(&b);
    return open;
}
