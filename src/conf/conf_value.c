/* Text to values: Kafka's rules of parsing, ranges and lists, and the sentences that go with a refusal. The
 * sentences of topic and broker settings keep the form that clients show: "Invalid value V for configuration
 * K: why". */
#include "conf/conf_int.h"
#include "base/err.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct slice conf_trim(struct slice s)
{
    while (s.n && s.p[0] <= ' ') s.p++, s.n--;
    while (s.n && s.p[s.n - 1] <= ' ') s.n--;
    return s;
}

static bool blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t conf_split(struct slice text, struct slice *items)
{
    text = conf_trim(text);
    if (!text.n) return 0;
    size_t n = 0;
    const uint8_t *p = text.p, *end = text.p + text.n;
    for (;;) {
        const uint8_t *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
        const uint8_t *a = p, *z = stop;
        while (n && a < z && blank(*a)) a++;
        while (comma && z > a && blank(z[-1])) z--;
        if (items) items[n] = slice_of(a, (size_t)(z - a));
        n++;
        if (!comma) return n;
        p = comma + 1;
    }
}

int conf_int_parse(struct slice s, int64_t min, int64_t max, int64_t *out)
{
    bool negative = false;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
        negative = s.p[0] == '-';
        s.p++, s.n--;
    }
    if (!s.n) return ERR_FORMAT;
    int64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return ERR_FORMAT;
        int64_t digit = s.p[i] - '0';
        if (__builtin_mul_overflow(v, (int64_t)10, &v) || __builtin_sub_overflow(v, digit, &v))
            return ERR_FORMAT;
    }
    if (!negative && v == INT64_MIN) return ERR_FORMAT;
    if (!negative) v = -v;
    if (v < min || v > max) return ERR_FORMAT;
    *out = v;
    return 0;
}

static int double_parse(struct slice s, double *out)
{
    char text[64];
    if (s.n && s.n < sizeof text && strchr("fFdD", s.p[s.n - 1])) s.n--;
    if (!s.n || s.n >= sizeof text) return ERR_FORMAT;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    const char *body = text + (text[0] == '-' || text[0] == '+');
    if (strcmp(body, "NaN") != 0 && strcmp(body, "Infinity") != 0 && strspn(text, "0123456789+-.eE") != s.n)
        return ERR_FORMAT;
    char *end;
    double d = strtod(text, &end);
    if (*end || end == text) return ERR_FORMAT;
    *out = d;
    return 0;
}

void conf_double_format(double d, char out[40])
{
    if (isnan(d) || isinf(d)) {
        snprintf(out, 40, "%s", isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
        return;
    }
    char text[32];
    for (int digits = 0; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits, d);
        if (strtod(text, NULL) == d) break;
    }
    /* text is [-]D[.DDD]e[+-]XX */
    char digits[24];
    int n = 0;
    const char *e = strchr(text, 'e');
    for (const char *p = text; p < e; p++)
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    int exponent = atoi(e + 1), at = 0;
    if (d < 0 || signbit(d)) out[at++] = '-';
    if (d == 0) {
        memcpy(out + at, "0.0", 4);
    } else if (exponent >= 7 || exponent < -3) {
        at += snprintf(out + at, 4, "%c.", digits[0]);
        snprintf(out + at, 34, "%.*sE%d", n > 1 ? n - 1 : 1, n > 1 ? digits + 1 : "0", exponent);
    } else if (exponent < 0) {
        snprintf(out + at, 36, "0.%.*s%.*s", -exponent - 1, "000", n, digits);
    } else {
        for (int i = 0; i <= exponent; i++) out[at++] = i < n ? digits[i] : '0';
        out[at++] = '.';
        if (n <= exponent + 1) out[at++] = '0';
        else
            for (int i = exponent + 1; i < n; i++) out[at++] = digits[i];
        out[at] = 0;
    }
}

/* One part of a duration: digits (with a fraction where allowed) and its unit; 0 if the unit is another one.
 */
static int duration_part(struct slice *s, char unit, double factor, bool fraction, double *ms, bool *any)
{
    size_t i = 0;
    while (i < s->n && ((s->p[i] >= '0' && s->p[i] <= '9') || (fraction && s->p[i] == '.'))) i++;
    if (i == 0 || i == s->n || (s->p[i] | 0x20) != (unit | 0x20)) return 0;
    double v;
    if (double_parse(slice_of(s->p, i), &v)) return ERR_FORMAT;
    *ms += v * factor;
    *any = true;
    s->p += i + 1;
    s->n -= i + 1;
    return 0;
}

int conf_duration_parse(struct slice s, int64_t *out)
{
    double ms = 0;
    bool any = false, time = false;
    if (s.n < 3 || (s.p[0] | 0x20) != 'p') return ERR_FORMAT;
    s.p++, s.n--;
    if (duration_part(&s, 'D', 86400e3, false, &ms, &any)) return ERR_FORMAT;
    if (s.n && (s.p[0] | 0x20) == 't') {
        s.p++, s.n--;
        if (duration_part(&s, 'H', 3600e3, false, &ms, &time) ||
            duration_part(&s, 'M', 60e3, false, &ms, &time) ||
            duration_part(&s, 'S', 1e3, true, &ms, &time) || !time)
            return ERR_FORMAT;
        any = true;
    }
    if (s.n || !any || ms > 9e18) return ERR_FORMAT;
    *out = (int64_t)ms;
    return 0;
}

int conf_host_port_parse(struct slice s, struct slice *host, int32_t *port)
{
    size_t colon = s.n;
    while (colon && s.p[colon - 1] != ':') colon--;
    if (!colon) return ERR_FORMAT;
    int64_t v;
    struct slice h = slice_of(s.p, colon - 1);
    if (conf_int_parse(slice_of(s.p + colon, s.n - colon), 0, 65535, &v)) return ERR_FORMAT;
    if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']') h = slice_of(h.p + 1, h.n - 2);
    for (size_t i = 0; i < h.n; i++) {
        uint8_t c = h.p[i];
        bool fine = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-%._:", c);
        if (!c || !fine) return ERR_FORMAT;
    }
    *host = h;
    *port = (int32_t)v;
    return 0;
}

/* Whether item is one of "a, b, c". */
static bool allowed_has(const char *allowed, struct slice item, bool nocase)
{
    for (const char *p = allowed; *p;) {
        size_t n = strcspn(p, ",");
        if (n == item.n && (nocase ? strncasecmp(p, (const char *)item.p, n) : memcmp(p, item.p, n)) == 0)
            return true;
        p += n;
        p += strspn(p, ", ");
    }
    return false;
}

static int refuse(struct strbuf *err, const struct conf_def *d, struct slice value, const char *why)
{
    bool secret = conf_def_sensitive(d);
    strbuf_add_cstr(err, "Invalid value ");
    strbuf_add_slice(err, secret ? slice_cstr("[hidden]") : value);
    strbuf_printf(err, " for configuration %s: %s", d->name, why);
    return ERR_INVALID_CONFIG;
}

static bool number_pair(struct slice s)
{
    const uint8_t *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
    int64_t v;
    return colon && s.p[0] != '-' && colon + 1 < s.p + s.n && colon[1] != '-' &&
           !conf_int_parse(slice_of(s.p, (size_t)(colon - s.p)), 0, INT64_MAX, &v) &&
           !conf_int_parse(slice_of(colon + 1, (size_t)(s.p + s.n - colon - 1)), 0, INT64_MAX, &v);
}

/* selector=regular expression. The expression is Java's: only what no dialect allows is refused here. */
static bool match_item(struct slice s)
{
    const uint8_t *eq = s.n ? memchr(s.p, '=', s.n) : NULL;
    if (!eq || memchr(eq + 1, '=', (size_t)(s.p + s.n - eq - 1))) return false;
    static const char selectors[] = "client_instance_id, client_id, client_software_name, "
                                    "client_software_version, client_source_address, "
                                    "client_source_port";
    if (!allowed_has(selectors, conf_trim(slice_of(s.p, (size_t)(eq - s.p))), false)) return false;
    int round = 0, square = 0;
    for (const uint8_t *p = eq + 1; p < s.p + s.n; p++) {
        if (*p == '\\') p++;
        else if (*p == '[') square = 1;
        else if (*p == ']') square = 0;
        else if (!square && *p == '(') round++;
        else if (!square && *p == ')' && --round < 0) return false;
    }
    return round == 0 && square == 0;
}

static int list_item_check(const struct conf_def *d, struct slice all, struct slice item, struct strbuf *err)
{
    const struct conf_rule *r = &d->rule;
    struct slice host;
    int32_t port;
    int64_t id;
    switch (r->kind) {
    case CONF_RULE_THROTTLED:
        if (number_pair(item) || slice_eq_cstr(all, "*")) return 0;
        strbuf_printf(err,
                      "Invalid value [%.*s] for configuration %s: %s must be '*' or pairs such as "
                      "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                      (int)all.n, (const char *)all.p, d->name, d->name);
        return ERR_INVALID_CONFIG;
    case CONF_RULE_MATCH:
        if (match_item(item)) return 0;
        strbuf_printf(err, "Illegal client matching pattern: %.*s", (int)item.n, (const char *)item.p);
        return ERR_INVALID_CONFIG;
    case CONF_RULE_VOTERS: {
        const uint8_t *at = memchr(item.p, '@', item.n);
        if (at && !conf_int_parse(slice_of(item.p, (size_t)(at - item.p)), 0, INT32_MAX, &id) &&
            !conf_host_port_parse(slice_of(at + 1, (size_t)(item.p + item.n - at - 1)), &host, &port) &&
            host.n)
            return 0;
        return refuse(err, d, item, "a voter is written id@host:port");
    }
    case CONF_RULE_BOOTSTRAP:
        if (!conf_host_port_parse(item, &host, &port) && host.n) return 0;
        return refuse(err, d, item, "a server is written host:port");
    default:
        if (!r->allowed || allowed_has(r->allowed, item, false)) return 0;
        char why[256];
        snprintf(why, sizeof why, "String must be one of: %s", r->allowed);
        return refuse(err, d, item, why);
    }
}

static int list_parse(const struct conf_def *d, struct slice text, struct conf_value *v, struct strbuf *err)
{
    const struct conf_rule *r = &d->rule;
    size_t n = conf_split(text, NULL);
    struct slice *in = n ? xcalloc(n, sizeof *in) : NULL;
    int rc = 0;
    conf_split(text, in);
    if (n == 0 && r->kind == CONF_RULE_LIST && !r->empty_allowed) {
        strbuf_printf(err, "Configuration '%s' must not be empty. Valid values include: %s%s%s", d->name,
                      r->allowed ? "[" : "any non-empty value", r->allowed ? r->allowed : "",
                      r->allowed ? "]" : "");
        rc = ERR_INVALID_CONFIG;
    }
    for (size_t i = 0; i < n && !rc; i++)
        if (!in[i].n && r->kind != CONF_RULE_ANY) {
            strbuf_printf(err, "Configuration '%s' values must not be empty.", d->name);
            rc = ERR_INVALID_CONFIG;
        }
    for (size_t i = 0; i < n && !rc; i++) rc = list_item_check(d, text, in[i], err);
    if (!rc) {
        /* The canonical text is never longer than what was read. */
        v->text = xmalloc(text.n + 1);
        v->items = n ? xcalloc(n, sizeof *v->items) : NULL;
        size_t at = 0;
        for (size_t i = 0; i < n; i++) {
            bool seen = false;
            for (size_t k = 0; k < v->items_n; k++) seen |= slice_eq(v->items[k], in[i]);
            if (seen) continue;
            if (v->items_n) v->text[at++] = ',';
            v->items[v->items_n++] = slice_of(v->text + at, in[i].n);
            memcpy(v->text + at, in[i].p, in[i].n);
            at += in[i].n;
        }
        v->text[at] = 0;
        v->text_n = at;
    }
    free(in);
    return rc;
}

static int range_check(const struct conf_def *d, double v, const char *shown, struct strbuf *err)
{
    char why[96];
    const struct conf_rule *r = &d->rule;
    if (r->kind == CONF_RULE_GZIP_LEVEL && !((v >= 1 && v <= 9) || v == -1))
        return refuse(err, d, slice_cstr(shown), "Value must be between 1 and 9 or equal to -1");
    if (r->kind != CONF_RULE_RANGE) return 0;
    if (v >= r->min && v <= r->max) return 0;
    if (v > r->max) snprintf(why, sizeof why, "Value must be no more than %.15g", r->max);
    else snprintf(why, sizeof why, "Value must be at least %.15g", r->min);
    return refuse(err, d, slice_cstr(shown), why);
}

static int integer_parse(const struct conf_def *d, struct slice text, struct conf_value *v,
                         struct strbuf *err)
{
    int64_t min = INT64_MIN, max = INT64_MAX;
    const char *why = "Not a number of type LONG";
    if (d->type == CONF_TYPE_INT) min = INT32_MIN, max = INT32_MAX, why = "Not a number of type INT";
    if (d->type == CONF_TYPE_SHORT) min = INT16_MIN, max = INT16_MAX, why = "Not a number of type SHORT";
    if (conf_int_parse(text, min, max, &v->i)) return refuse(err, d, text, why);
    char shown[24];
    snprintf(shown, sizeof shown, "%lld", (long long)v->i);
    int rc = range_check(d, (double)v->i, shown, err);
    if (!rc) v->text = xstrdup(shown);
    return rc;
}

static int string_check(const struct conf_def *d, struct slice text, struct strbuf *err)
{
    char why[256];
    int64_t ms;
    const struct conf_rule *r = &d->rule;
    switch (r->kind) {
    case CONF_RULE_NOT_EMPTY:
        return text.n ? 0 : refuse(err, d, text, "String must be non-empty");
    case CONF_RULE_ONE_OF:
    case CONF_RULE_ONE_OF_NOCASE: {
        bool nocase = r->kind == CONF_RULE_ONE_OF_NOCASE;
        if (allowed_has(r->allowed, text, nocase)) return 0;
        snprintf(why, sizeof why, "String must be one of%s: %s", nocase ? " (case insensitive)" : "",
                 r->allowed);
        return refuse(err, d, text, why);
    }
    case CONF_RULE_OFFSET_RESET:
        if (allowed_has("latest, earliest", text, true)) return 0;
        if (text.n > 12 && strncasecmp((const char *)text.p, "by_duration:", 12) == 0 &&
            !conf_duration_parse(slice_of(text.p + 12, text.n - 12), &ms))
            return 0;
        return refuse(err, d, text,
                      "the value must be earliest, latest, or by_duration: and a duration PnDTnHnMn.nS");
    default:
        return 0;
    }
}

int conf_value_parse(const struct conf_def *d, struct slice text, struct conf_value *out, struct strbuf *err)
{
    struct conf_value v = {0};
    char shown[40];
    int rc = 0;
    text = conf_trim(text);
    switch (d->type) {
    case CONF_TYPE_BOOLEAN:
        if (text.n == 4 && strncasecmp((const char *)text.p, "true", 4) == 0) v.i = 1;
        else if (text.n != 5 || strncasecmp((const char *)text.p, "false", 5) != 0)
            rc = refuse(err, d, text, "Expected value to be either true or false");
        if (!rc) v.text = xstrdup(v.i ? "true" : "false");
        break;
    case CONF_TYPE_INT:
    case CONF_TYPE_SHORT:
    case CONF_TYPE_LONG:
        rc = integer_parse(d, text, &v, err);
        break;
    case CONF_TYPE_DOUBLE:
        if (double_parse(text, &v.d)) {
            rc = refuse(err, d, text, "Not a number of type DOUBLE");
            break;
        }
        conf_double_format(v.d, shown);
        rc = range_check(d, v.d, shown, err);
        if (!rc) v.text = xstrdup(shown);
        break;
    case CONF_TYPE_LIST:
        rc = list_parse(d, text, &v, err);
        break;
    default:
        rc = string_check(d, text, err);
        if (!rc) {
            v.text = xstrndup(text.p, text.n);
            v.text_n = text.n;
        }
        break;
    }
    if (!rc && !v.text_n) v.text_n = strlen(v.text);
    if (!rc) *out = v;
    return rc;
}

void conf_value_fini(struct conf_value *v)
{
    free(v->text);
    free(v->items);
    *v = (struct conf_value){0};
}

/* ---- lists of IncrementalAlterConfigs ---- */

static int list_only(const struct conf_def *d, const char *op, struct strbuf *err)
{
    if (d->type == CONF_TYPE_LIST) return 0;
    strbuf_printf(err, "Can't %s to key %s because its type is not LIST.", op, d->name);
    return ERR_INVALID_CONFIG;
}

static bool has_item(const struct slice *items, size_t n, struct slice item)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(items[i], item)) return true;
    return false;
}

/* The items of a, and those of b as well (keep) or without them (!keep). */
static void list_combine(struct slice a, struct slice b, bool keep, struct strbuf *out)
{
    size_t an = conf_split(a, NULL), bn = conf_split(b, NULL), start = out->n;
    struct slice *as = an ? xcalloc(an, sizeof *as) : NULL, *bs = bn ? xcalloc(bn, sizeof *bs) : NULL;
    conf_split(a, as);
    conf_split(b, bs);
    strbuf_add(out, "", 0);
    for (size_t i = 0; i < an; i++) {
        if (!keep && has_item(bs, bn, as[i])) continue;
        if (out->n > start) strbuf_add_char(out, ',');
        strbuf_add(out, as[i].p, as[i].n);
    }
    for (size_t i = 0; keep && i < bn; i++) {
        if (has_item(as, an, bs[i]) || has_item(bs, i, bs[i])) continue;
        if (out->n > start) strbuf_add_char(out, ',');
        strbuf_add(out, bs[i].p, bs[i].n);
    }
    free(as);
    free(bs);
}

int conf_list_append(const struct conf_def *d, struct slice old, struct slice add, struct strbuf *out,
                     struct strbuf *err)
{
    int rc = list_only(d, "APPEND", err);
    if (!rc) list_combine(old, add, true, out);
    return rc;
}

int conf_list_subtract(const struct conf_def *d, struct slice old, struct slice take, struct strbuf *out,
                       struct strbuf *err)
{
    int rc = list_only(d, "SUBTRACT", err);
    if (!rc) list_combine(old, take, false, out);
    return rc;
}
