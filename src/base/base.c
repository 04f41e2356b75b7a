#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "moldau: bug: assertion `%s` failed at %s:%d\n", cond, file, line);
    abort();
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = min_size(a.n, b.n);
    int r = n ? memcmp(a.p, b.p, n) : 0;
    if (r) return r;
    return (a.n > b.n) - (a.n < b.n);
}

struct slice slice_own(struct slice s)
{
    return s.p ? slice_of(xstrndup(s.p, s.n), s.n) : s;
}

void slice_drop(struct slice *s)
{
    free((void *)(uintptr_t)s->p);
    *s = (struct slice){0};
}

static const char b64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void uuid_format(struct uuid u, char out[UUID_TEXT_BYTES])
{
    size_t o = 0;
    for (size_t i = 0; i < 15; i += 3) {
        uint32_t v = (uint32_t)u.b[i] << 16 | (uint32_t)u.b[i + 1] << 8 | u.b[i + 2];
        out[o++] = b64url[v >> 18];
        out[o++] = b64url[v >> 12 & 63];
        out[o++] = b64url[v >> 6 & 63];
        out[o++] = b64url[v & 63];
    }
    out[o++] = b64url[u.b[15] >> 2];
    out[o++] = b64url[(u.b[15] & 3) << 4];
    out[o] = 0;
}

static int b64url_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    if (c == '_') return 63;
    return -1;
}

int uuid_parse(struct slice text, struct uuid *out)
{
    if (text.n == 24 && text.p[22] == '=' && text.p[23] == '=') text.n = 22;
    if (text.n != 22) return -1;
    struct uuid u = {{0}};
    uint32_t acc = 0;
    int bits = 0;
    size_t o = 0;
    for (size_t i = 0; i < 22; i++) {
        int v = b64url_value(text.p[i]);
        if (v < 0) return -1;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8 && o < 16) {
            bits -= 8;
            u.b[o++] = (uint8_t)(acc >> bits);
        }
    }
    *out = u;
    return 0;
}

static _Noreturn void out_of_memory(size_t n)
{
    fprintf(stderr, "moldau: out of memory: could not get %zu bytes of heap; give the process more memory\n",
            n);
    abort();
}

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p) out_of_memory(n);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p) out_of_memory(n * size);
    return p;
}

void *xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (!q) out_of_memory(n);
    return q;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const void *s, size_t n)
{
    char *d = xmalloc(n + 1);
    if (n) memcpy(d, s, n);
    d[n] = 0;
    return d;
}
