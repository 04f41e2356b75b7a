#include "rk/spring_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

bool spring_integer(const char *text, int64_t *out)
{
    char *end;
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits)) return false;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || *end) return false;
    *out = v;
    return true;
}

bool spring_boolean(const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};
    for (size_t i = 0; i < NELEMS(words); i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2;
            return true;
        }
    return false;
}

struct unit {
    const char *name;
    int64_t times;
};

/* Digits, and one of the units or nothing. */
static bool with_unit(const char *text, const struct unit *units, size_t n, int64_t otherwise, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text)) return false;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno) return false;
    int64_t times = *end ? 0 : otherwise;
    for (size_t i = 0; i < n && *end; i++)
        if (strcasecmp(end, units[i].name) == 0) times = units[i].times;
    return times && !__builtin_mul_overflow(v, times, out);
}

/* PnDTnHnMnS, as java.time.Duration writes itself; of a second's fraction, milliseconds. */
static bool iso_duration(const char *text, int64_t *out)
{
    static const struct unit days = {"D", 86400000}, times[] = {{"H", 3600000}, {"M", 60000}, {"S", 1000}};
    int64_t sum = 0, part;
    bool time = false, any = false;
    size_t next = 0;
    const char *p = text + 1;
    while (*p) {
        if (toupper((unsigned char)*p) == 'T' && !time) {
            time = true;
            any = false;
            p++;
            continue;
        }
        if (!isdigit((unsigned char)*p)) return false;
        char *end;
        errno = 0;
        long long v = strtoll(p, &end, 10);
        int64_t ms = 0, scale = 100;
        bool fraction = *end == '.';
        for (end += fraction; fraction && isdigit((unsigned char)*end); end++, scale /= 10)
            ms += (*end - '0') * scale;
        const struct unit *u = time ? NULL : &days;
        while (time && !u && next < NELEMS(times))
            if (toupper((unsigned char)*end) == times[next++].name[0]) u = &times[next - 1];
        if (errno || !u || toupper((unsigned char)*end) != u->name[0] || (fraction && u->name[0] != 'S') ||
            (!time && any) || __builtin_mul_overflow(v, u->times, &part) ||
            __builtin_add_overflow(part, ms, &part) || __builtin_add_overflow(sum, part, &sum))
            return false;
        any = true;
        p = end + 1;
    }
    *out = sum;
    return any;
}

bool spring_duration(const char *text, int64_t unit_ms, int64_t *out_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    if (*text == 'P' || *text == 'p') return iso_duration(text, out_ms);
    return with_unit(text, units, NELEMS(units), unit_ms, out_ms);
}

bool spring_data_size(const char *text, int64_t *out_bytes)
{
    static const struct unit units[] = {
        {"B", 1}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1LL << 40}};
    return with_unit(text, units, NELEMS(units), 1, out_bytes);
}

bool spring_same(const char *a, size_t an, const char *b, size_t bn)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < an && (a[i] == '-' || a[i] == '_')) i++;
        while (j < bn && (b[j] == '-' || b[j] == '_')) j++;
        if (i == an || j == bn) return i == an && j == bn;
        if (tolower((unsigned char)a[i++]) != tolower((unsigned char)b[j++])) return false;
    }
}
