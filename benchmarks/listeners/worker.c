/* A handler for moldau listen --workers json that does nothing but answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_BYTES (1 << 20)

static char in[IN_BYTES], out[IN_BYTES];

static void answer(const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t w = write(1, bytes + at, n - at);
        if (w <= 0) exit(1);
        at += (size_t)w;
    }
}

int main(void)
{
    size_t n = 0;
    for (ssize_t r; n < sizeof in && (r = read(0, in + n, sizeof in - n)) > 0;) {
        size_t at = 0, to = 0;
        n += (size_t)r;
        for (char *end; (end = memchr(in + at, '\n', n - at)) != NULL; at = (size_t)(end - in) + 1) {
            if (to + 40 > sizeof out) answer(out, to), to = 0;
            /* {"id":17,... */
            to += (size_t)snprintf(out + to, 40, "ok %lld\n", strtoll(in + at + 6, NULL, 10));
        }
        answer(out, to);
        memmove(in, in + at, n - at);
        n -= at;
    }
    return 0;
}
