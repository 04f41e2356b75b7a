#include "listen/done.h"

#include <stdlib.h>

#define PREFIX "done1:"
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Six bits a character, the first offset in the lowest bit of the first. */
void listen_done_write(int64_t committed, const struct i64s *offsets, size_t bytes_max, struct strbuf *out)
{
    size_t head = sizeof PREFIX - 1;
    if (offsets->n == 0 || bytes_max <= head) return;
    size_t places = bytes_max - head, used = 0;
    uint8_t *bits = xcalloc(places, 1);
    for (int i = 0; i < offsets->n; i++) {
        uint64_t at = (uint64_t)(offsets->v[i] - committed);
        if (at / 6 >= places) break;
        bits[at / 6] |= (uint8_t)(1u << (at % 6));
        used = (size_t)(at / 6) + 1;
    }
    if (used) strbuf_add_cstr(out, PREFIX);
    for (size_t i = 0; i < used; i++) strbuf_add(out, &digits[bits[i]], 1);
    free(bits);
}

void listen_done_read(int64_t committed, struct slice text, struct i64s *offsets)
{
    size_t head = sizeof PREFIX - 1;
    if (text.n < head || memcmp(text.p, PREFIX, head) != 0) return;
    for (size_t i = head; i < text.n; i++) {
        const char *d = text.p[i] ? strchr(digits, text.p[i]) : NULL;
        for (int bit = 0; d && bit < 6; bit++) {
            int64_t at = (int64_t)(i - head) * 6 + bit;
            if (((d - digits) >> bit & 1) && committed <= INT64_MAX - at) i64s_add(offsets, committed + at);
        }
    }
}
