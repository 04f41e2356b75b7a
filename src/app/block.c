#include "app/block.h"

#include <time.h>

#define RULE "======================================================="
#define SECOND_MS 1000

bool block_wait_ms(struct slice value, int64_t *out)
{
    int64_t n = 0;
    size_t i = value.n && value.p[0] == '+';
    if (i == value.n) return false;
    for (; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9') return false;
        n = n * 10 + (value.p[i] - '0');
        if (n > INT32_MAX) return false;
    }
    *out = n * SECOND_MS;
    return true;
}

static void add_time(struct strbuf *out, int64_t at_ms)
{
    time_t s = (time_t)(at_ms / SECOND_MS);
    struct tm tm;
    char text[32];
    localtime_r(&s, &tm);
    strbuf_add(out, text, strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm));
}

/* A line stays one, and a terminal is told nothing, whatever a record has in it. */
static void add_text(struct strbuf *out, struct slice s)
{
    if (!s.p) strbuf_add_cstr(out, "null");
    for (size_t i = 0; s.p && i < s.n; i++)
        strbuf_add_char(out, s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : (char)s.p[i]);
}

static void add_start(struct strbuf *out, int64_t at_ms, const char *what)
{
    strbuf_add_cstr(out, "START TIME：");
    add_time(out, at_ms);
    strbuf_printf(out, " & MESSAGE %s： ", what);
}

void block_begin(const struct block *b, int64_t at_ms, struct strbuf *out)
{
    strbuf_add_cstr(out, "PROCESSING START " RULE "\n");
    add_start(out, at_ms, "key");
    add_text(out, b->key);
    strbuf_add_char(out, '\n');
    add_start(out, at_ms, "Value");
    add_text(out, b->value);
    strbuf_add_char(out, '\n');
    add_start(out, at_ms, "partition");
    strbuf_printf(out, "%d\n", (int)b->partition);
    add_start(out, at_ms, "Offset");
    strbuf_printf(out, "%lld\n", (long long)b->offset);
    strbuf_printf(out, "wait time: %lld\n", (long long)b->wait_ms);
}

void block_end(const struct block *b, int64_t at_ms, struct strbuf *out)
{
    strbuf_add_cstr(out, "END TIME： ");
    add_time(out, at_ms);
    strbuf_add_cstr(out, " & MESSAGE ID： ");
    add_text(out, b->key);
    strbuf_add_cstr(out, "\nPROCESSING END " RULE "\n");
}
