/* A growing text or byte buffer on the heap, always zero-terminated once written to. */
#ifndef MOLDAU_STRBUF_H
#define MOLDAU_STRBUF_H

#include "base/base.h"
#include <stdarg.h>

struct strbuf {
    char *s; /* NULL until the first write */
    size_t n, cap;
};

void strbuf_init(struct strbuf *b);
void strbuf_fini(struct strbuf *b);
void strbuf_add(struct strbuf *b, const void *p, size_t n);
void strbuf_add_cstr(struct strbuf *b, const char *s);
void strbuf_add_char(struct strbuf *b, char c);
static inline void strbuf_add_slice(struct strbuf *b, struct slice s)
{
    if (s.n) strbuf_add(b, s.p, s.n);
}
void strbuf_printf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Standard base64 with padding, in quotes, for bytes that JSON has no text for. */
void strbuf_add_base64(struct strbuf *b, struct slice s);
/* JSON string with quotes; bytes that are not UTF-8 come out as \ufffd. */
void strbuf_add_json(struct strbuf *b, struct slice s);
/* Text of an HTML page or of an attribute in quotes. Bytes that are not UTF-8 come out as U+FFFD, as do
 * control characters other than blanks. */
void strbuf_add_html(struct strbuf *b, struct slice s);
static inline void strbuf_reset(struct strbuf *b)
{
    b->n = 0;
    if (b->s) b->s[0] = 0;
}
/* The text, "" when nothing was written. */
static inline const char *strbuf_cstr(const struct strbuf *b)
{
    return b->s ? b->s : "";
}
static inline struct slice strbuf_slice(const struct strbuf *b)
{
    return slice_of(strbuf_cstr(b), b->n);
}

#endif
