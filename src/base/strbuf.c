#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

void strbuf_init(struct strbuf *b)
{
    *b = (struct strbuf){0};
}

void strbuf_fini(struct strbuf *b)
{
    free(b->s);
    *b = (struct strbuf){0};
}

static void reserve(struct strbuf *b, size_t more)
{
    if (b->cap - b->n > more) return;
    size_t cap = max_size(b->cap * 2, b->n + more + 1);
    b->cap = max_size(cap, 64);
    b->s = xrealloc(b->s, b->cap);
}

void strbuf_add(struct strbuf *b, const void *p, size_t n)
{
    reserve(b, n);
    if (n) memcpy(b->s + b->n, p, n);
    b->n += n;
    b->s[b->n] = 0;
}

void strbuf_add_cstr(struct strbuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}
void strbuf_add_char(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
    va_list ap2;
    va_copy(ap2, ap);
    int n = vsnprintf(NULL, 0, fmt, ap2);
    va_end(ap2);
    ASSERT(n >= 0);
    reserve(b, (size_t)n);
    vsnprintf(b->s + b->n, (size_t)n + 1, fmt, ap);
    b->n += (size_t)n;
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(b, fmt, ap);
    va_end(ap);
}

/* Length of the well-formed UTF-8 sequence at p, 0 if there is none. */
static size_t utf8_len(const uint8_t *p, size_t n)
{
    if (p[0] < 0x80) return 1;
    size_t want = p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
    if (p[0] > 0xf4 || want == 0 || want > n) return 0;
    for (size_t i = 1; i < want; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0;
    if (p[0] == 0xed && p[1] > 0x9f) return 0;
    if (p[0] == 0xf0 && p[1] < 0x90) return 0;
    if (p[0] == 0xf4 && p[1] > 0x8f) return 0;
    return want;
}

void strbuf_add_json(struct strbuf *b, struct slice s)
{
    strbuf_add_char(b, '"');
    for (size_t i = 0; i < s.n;) {
        uint8_t c = s.p[i];
        size_t len = utf8_len(s.p + i, s.n - i);
        if (c == '"' || c == '\\') {
            strbuf_add_char(b, '\\');
            strbuf_add_char(b, (char)c);
        } else if (c == '\n') strbuf_add_cstr(b, "\\n");
        else if (c == '\t') strbuf_add_cstr(b, "\\t");
        else if (c == '\r') strbuf_add_cstr(b, "\\r");
        else if (c == '\b') strbuf_add_cstr(b, "\\b");
        else if (c == '\f') strbuf_add_cstr(b, "\\f");
        else if (c < 0x20) strbuf_printf(b, "\\u%04X", c);
        else if (len == 0) strbuf_add_cstr(b, "\\ufffd");
        else strbuf_add(b, s.p + i, len);
        i += len ? len : 1;
    }
    strbuf_add_char(b, '"');
}

void strbuf_add_html(struct strbuf *b, struct slice s)
{
    for (size_t i = 0; i < s.n;) {
        uint8_t c = s.p[i];
        size_t len = utf8_len(s.p + i, s.n - i);
        bool blank = c == '\n' || c == '\t' || c == '\r';
        if (c == '&') strbuf_add_cstr(b, "&amp;");
        else if (c == '<') strbuf_add_cstr(b, "&lt;");
        else if (c == '>') strbuf_add_cstr(b, "&gt;");
        else if (c == '"') strbuf_add_cstr(b, "&quot;");
        else if (c == '\'') strbuf_add_cstr(b, "&#39;");
        else if (len == 0 || (c < 0x20 && !blank) || c == 0x7f) strbuf_add_cstr(b, "\xef\xbf\xbd");
        else strbuf_add(b, s.p + i, len);
        i += len ? len : 1;
    }
}

void strbuf_add_base64(struct strbuf *b, struct slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    strbuf_add_char(b, '"');
    for (size_t i = 0; i < s.n; i += 3) {
        size_t n = min_size(3, s.n - i);
        uint32_t v = (uint32_t)s.p[i] << 16;
        if (n > 1) v |= (uint32_t)s.p[i + 1] << 8;
        if (n > 2) v |= s.p[i + 2];
        char out[4] = {digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
                       n > 2 ? digits[v & 63] : '='};
        strbuf_add(b, out, 4);
    }
    strbuf_add_char(b, '"');
}
