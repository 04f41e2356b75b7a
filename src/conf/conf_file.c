/* Java .properties text: keys and values separated by = or : or blanks, # and ! comments, a backslash that
 * continues a line or escapes a character, \uXXXX. Bytes above 127 are kept as they are, so UTF-8 works (Java
 * reads Latin-1). */
#include "conf/conf_int.h"
#include "base/err.h"

struct reader {
    const char *p, *end;
};

static bool at_blank(const struct reader *r)
{
    return r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\f');
}
static bool at_newline(const struct reader *r)
{
    return r->p < r->end && (*r->p == '\n' || *r->p == '\r');
}

static void skip_newline(struct reader *r)
{
    if (r->p < r->end && *r->p++ == '\r' && r->p < r->end && *r->p == '\n') r->p++;
}

static void add_utf8(struct strbuf *out, uint32_t c)
{
    if (c < 0x80) {
        strbuf_add_char(out, (char)c);
    } else if (c < 0x800) {
        strbuf_add_char(out, (char)(0xc0 | c >> 6));
        strbuf_add_char(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        strbuf_add_char(out, (char)(0xe0 | c >> 12));
        strbuf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        strbuf_add_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        strbuf_add_char(out, (char)(0xf0 | c >> 18));
        strbuf_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        strbuf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        strbuf_add_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* Four hexadecimal digits; -1 if they are not. */
static int32_t hex4(struct reader *r)
{
    if (r->end - r->p < 4) return -1;
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = r->p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        v = v * 16 + digit;
    }
    r->p += 4;
    return v;
}

static int unicode_escape(struct reader *r, struct strbuf *out)
{
    int32_t unit = hex4(r);
    if (unit < 0) return ERR_FORMAT;
    uint32_t c = (uint32_t)unit;
    if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
        struct reader ahead = {r->p + 2, r->end};
        int32_t low = hex4(&ahead);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
            *r = ahead;
        }
    }
    add_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return 0;
}

/* After a backslash. A continued line goes on at its first character that is not blank. */
static int escape(struct reader *r, struct strbuf *out)
{
    if (r->p == r->end) return 0;
    if (at_newline(r)) {
        skip_newline(r);
        while (at_blank(r)) r->p++;
        return 0;
    }
    char c = *r->p++;
    switch (c) {
    case 'u':
        return unicode_escape(r, out);
    case 't':
        strbuf_add_char(out, '\t');
        return 0;
    case 'n':
        strbuf_add_char(out, '\n');
        return 0;
    case 'r':
        strbuf_add_char(out, '\r');
        return 0;
    case 'f':
        strbuf_add_char(out, '\f');
        return 0;
    default:
        strbuf_add_char(out, c);
        return 0;
    }
}

/* Up to the end of the line, or for a key up to its separator. */
static int read_part(struct reader *r, bool key, struct strbuf *out)
{
    while (r->p < r->end && !at_newline(r)) {
        if (key && (at_blank(r) || *r->p == '=' || *r->p == ':')) return 0;
        if (*r->p == '\\') {
            r->p++;
            if (escape(r, out)) return ERR_FORMAT;
        } else {
            strbuf_add_char(out, *r->p++);
        }
    }
    return 0;
}

static void skip_separator(struct reader *r)
{
    while (at_blank(r)) r->p++;
    if (r->p < r->end && (*r->p == '=' || *r->p == ':')) r->p++;
    while (at_blank(r)) r->p++;
}

int conf_load_file(struct conf *c, const char *text, size_t n, struct strbuf *errors, struct strbuf *warnings)
{
    struct reader r = {text, text + n};
    struct strbuf key, value, err;
    strbuf_init(&key);
    strbuf_init(&value);
    strbuf_init(&err);
    size_t before = errors->n;
    while (r.p < r.end) {
        if (at_blank(&r) || at_newline(&r)) {
            r.p++;
            continue;
        }
        if (*r.p == '#' || *r.p == '!') {
            while (r.p < r.end && !at_newline(&r)) r.p++;
            continue;
        }
        strbuf_reset(&key);
        strbuf_reset(&value);
        strbuf_reset(&err);
        int rc = read_part(&r, true, &key);
        if (!rc) {
            skip_separator(&r);
            rc = read_part(&r, false, &value);
        }
        if (rc)
            strbuf_printf(&err, "\\u in the setting %s is not followed by four hexadecimal digits",
                          strbuf_cstr(&key));
        else rc = conf_set(c, strbuf_slice(&key), strbuf_slice(&value), CONF_LAYER_STATIC, &err);
        if (rc) strbuf_printf(errors, "%s\n", strbuf_cstr(&err));
        else conf_warn_unknown(strbuf_slice(&key), warnings);
    }
    strbuf_fini(&key);
    strbuf_fini(&value);
    strbuf_fini(&err);
    return errors->n > before ? ERR_INVALID_CONFIG : 0;
}
