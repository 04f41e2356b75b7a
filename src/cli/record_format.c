/* The columns stand in this order, each only if asked for, with the key separator between them:
 *     CreateTime:ms  Partition:n  Offset:n  Delivery:n  Epoch:n  h1:v1,h2:v2  key  value
 * Delivery counts and leader epochs never reach a console consumer's formatter, the reference's neither. */
#include "cli/record_format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool flag(const struct properties *p, const char *name, bool otherwise)
{
    const char *v = properties_get(p, name);
    if (!v) return otherwise;
    while (*v == ' ') v++;
    return strncasecmp(v, "true", 4) == 0;
}

static const char *text(const struct properties *p, const char *name, const char *otherwise)
{
    const char *v = properties_get(p, name);
    return v ? v : otherwise;
}

static int type_of(const struct properties *p, const char *name, enum record_type *out, struct strbuf *why)
{
    static const struct {
        const char *class;
        enum record_type type;
    } known[] = {{"String", TYPE_TEXT},     {"ByteArray", TYPE_TEXT},  {"Bytes", TYPE_TEXT},
                 {"ByteBuffer", TYPE_TEXT}, {"Short", TYPE_SHORT},     {"Integer", TYPE_INTEGER},
                 {"Long", TYPE_LONG},       {"Float", TYPE_FLOAT},     {"Double", TYPE_DOUBLE},
                 {"UUID", TYPE_UUID},       {"Boolean", TYPE_BOOLEAN}, {"Void", TYPE_VOID}};
    const char *v = properties_get(p, name);
    *out = TYPE_TEXT;
    if (!v || !*v) return 0;
    const char *dot = strrchr(v, '.'), *last = dot ? dot + 1 : v, *end = strstr(last, "Deserializer");
    for (size_t i = 0; i < NELEMS(known); i++) {
        size_t n = strlen(known[i].class);
        if (strncmp(last, known[i].class, n) != 0 || (end ? last + n != end : last[n] != 0)) continue;
        *out = known[i].type;
        return 0;
    }
    strbuf_printf(why, "Unable to instantiate a deserializer from %s", v);
    return ERR_INVALID_CONFIG;
}

int record_format_init(struct record_format *f, const struct properties *p, struct strbuf *why)
{
    *f = (struct record_format){
        .timestamp = flag(p, "print.timestamp", false),
        .key = flag(p, "print.key", false),
        .offset = flag(p, "print.offset", false),
        .delivery = flag(p, "print.delivery", false),
        .epoch = flag(p, "print.epoch", false),
        .partition = flag(p, "print.partition", false),
        .headers = flag(p, "print.headers", false),
        .value = flag(p, "print.value", true),
        .separator = text(p, "key.separator", "\t"),
        .line_separator = text(p, "line.separator", "\n"),
        .headers_separator = text(p, "headers.separator", ","),
        .null_text = text(p, "null.literal", "null"),
    };
    int rc = type_of(p, "key.deserializer", &f->key_type, why);
    if (rc == 0) rc = type_of(p, "value.deserializer", &f->value_type, why);
    if (rc == 0) rc = type_of(p, "headers.deserializer", &f->headers_type, why);
    return rc;
}

/* Double.toString and Float.toString since JDK 19: the shortest digits that give the number back, at least
 * one on each side of the point, an exponent outside 10^-3 .. 10^7. digits is that of %e: 16 for a double, 8
 * for a float. */
static void add_real(struct strbuf *out, double d, bool single)
{
    if (isnan(d) || isinf(d)) {
        strbuf_add_cstr(out, isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
        return;
    }
    if (d == 0) {
        strbuf_add_cstr(out, signbit(d) ? "-0.0" : "0.0");
        return;
    }
    char s[40];
    for (int digits = 0; digits <= 16; digits++) {
        snprintf(s, sizeof s, "%.*e", digits, fabs(d));
        if (single ? strtof(s, NULL) == (float)fabs(d)
                   : strtod(s, NULL) >= fabs(d) && strtod(s, NULL) <= fabs(d))
            break;
    }
    char figures[24];
    int n = 0, e = atoi(strchr(s, 'e') + 1);
    for (const char *p = s; *p != 'e'; p++)
        if (*p != '.') figures[n++] = *p;
    while (n > 1 && figures[n - 1] == '0') n--;
    if (d < 0) strbuf_add_char(out, '-');
    if (e < -3 || e >= 7) {
        strbuf_printf(out, "%c.%.*sE%d", figures[0], n > 1 ? n - 1 : 1, n > 1 ? figures + 1 : "0", e);
        return;
    }
    if (e < 0) {
        strbuf_add_cstr(out, "0.");
        for (int i = -1; i > e; i--) strbuf_add_char(out, '0');
        strbuf_add(out, figures, (size_t)n);
        return;
    }
    for (int i = 0; i <= e; i++) strbuf_add_char(out, i < n ? figures[i] : '0');
    strbuf_add_char(out, '.');
    if (n > e + 1) strbuf_add(out, figures + e + 1, (size_t)(n - e - 1));
    else strbuf_add_char(out, '0');
}

static int wrong_size(struct strbuf *why, const char *class, int bytes)
{
    strbuf_printf(why, "Size of data received by %sDeserializer is not %d", class, bytes);
    return ERR_FORMAT;
}

static int add_field(const struct record_format *f, enum record_type type, struct slice s, struct strbuf *out,
                     struct strbuf *why)
{
    if (!s.p) {
        strbuf_add_cstr(out, f->null_text);
        return 0;
    }
    switch (type) {
    case TYPE_TEXT:
        strbuf_add(out, s.p, s.n);
        return 0;
    case TYPE_SHORT:
        if (s.n != 2) return wrong_size(why, "Short", 2);
        strbuf_printf(out, "%d", (int16_t)load_be16(s.p));
        return 0;
    case TYPE_INTEGER:
        if (s.n != 4) return wrong_size(why, "Integer", 4);
        strbuf_printf(out, "%d", (int32_t)load_be32(s.p));
        return 0;
    case TYPE_LONG:
        if (s.n != 8) return wrong_size(why, "Long", 8);
        strbuf_printf(out, "%" PRId64, (int64_t)load_be64(s.p));
        return 0;
    case TYPE_FLOAT: {
        if (s.n != 4) return wrong_size(why, "Float", 4);
        uint32_t bits = load_be32(s.p);
        float v;
        memcpy(&v, &bits, 4);
        add_real(out, (double)v, true);
        return 0;
    }
    case TYPE_DOUBLE: {
        if (s.n != 8) return wrong_size(why, "Double", 8);
        uint64_t bits = load_be64(s.p);
        double v;
        memcpy(&v, &bits, 8);
        add_real(out, v, false);
        return 0;
    }
    case TYPE_BOOLEAN:
        if (s.n != 1) return wrong_size(why, "Boolean", 1);
        strbuf_add_cstr(out, s.p[0] ? "true" : "false");
        return 0;
    case TYPE_UUID:
        strbuf_add(out, s.p, s.n);
        return 0; /* Java sends it as text */
    case TYPE_VOID:
        strbuf_add_cstr(why, "Data should be null for a VoidDeserializer.");
        return ERR_FORMAT;
    }
    return 0;
}

static int add_headers(const struct record_format *f, const rd_kafka_message_t *m, struct strbuf *out,
                       struct strbuf *why)
{
    rd_kafka_headers_t *h;
    if (rd_kafka_message_headers(m, &h) || rd_kafka_header_cnt(h) == 0) {
        strbuf_add_cstr(out, "NO_HEADERS");
        return 0;
    }
    const char *name;
    const void *value;
    size_t n;
    int rc = 0;
    for (size_t i = 0; rc == 0 && rd_kafka_header_get_all(h, i, &name, &value, &n) == 0; i++) {
        if (i) strbuf_add_cstr(out, f->headers_separator);
        strbuf_printf(out, "%s:", name);
        rc = add_field(f, f->headers_type, slice_of(value, n), out, why);
    }
    return rc;
}

int record_format_add(const struct record_format *f, const rd_kafka_message_t *m, struct strbuf *out,
                      struct strbuf *why)
{
    const char *sep = "";
    int rc = 0;
    if (f->timestamp) {
        rd_kafka_timestamp_type_t type;
        int64_t ms = rd_kafka_message_timestamp(m, &type);
        if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) strbuf_add_cstr(out, "NO_TIMESTAMP");
        else
            strbuf_printf(out, "%s:%" PRId64,
                          type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? "CreateTime" : "LogAppendTime", ms);
        sep = f->separator;
    }
    if (f->partition) strbuf_printf(out, "%sPartition:%" PRId32, sep, m->partition), sep = f->separator;
    if (f->offset) strbuf_printf(out, "%sOffset:%" PRId64, sep, m->offset), sep = f->separator;
    if (f->delivery) strbuf_printf(out, "%sDelivery:NOT_PRESENT", sep), sep = f->separator;
    if (f->epoch) strbuf_printf(out, "%sEpoch:NOT_PRESENT", sep), sep = f->separator;
    if (f->headers) {
        strbuf_add_cstr(out, sep);
        rc = add_headers(f, m, out, why);
        sep = f->separator;
    }
    if (rc == 0 && f->key) {
        strbuf_add_cstr(out, sep);
        rc = add_field(f, f->key_type, slice_of(m->key, m->key_len), out, why);
        sep = f->separator;
    }
    if (rc == 0 && f->value) {
        strbuf_add_cstr(out, sep);
        rc = add_field(f, f->value_type, slice_of(m->payload, m->len), out, why);
    }
    strbuf_add_cstr(out, f->line_separator);
    return rc;
}
