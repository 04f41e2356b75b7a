#include "app/send.h"
#include "base/grow.h"

#include <stdio.h>
#include <stdlib.h>

int32_t send_count_parse(struct slice text)
{
    int64_t n = 0;
    size_t i = text.n && text.p[0] == '+';
    if (i == text.n) return 0;
    for (; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') return 0;
        n = n * 10 + (text.p[i] - '0');
        if (n > INT32_MAX) return 0;
    }
    return (int32_t)n;
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void form_decode(struct slice s, struct strbuf *out)
{
    strbuf_reset(out);
    for (size_t i = 0; i < s.n; i++) {
        int high = -1, low = -1;
        if (s.p[i] == '%' && i + 2 < s.n) {
            high = hex(s.p[i + 1]);
            low = hex(s.p[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            strbuf_add_char(out, (char)(high << 4 | low));
            i += 2;
        } else strbuf_add_char(out, s.p[i] == '+' ? ' ' : (char)s.p[i]);
    }
}

static struct slice cut(struct slice *rest, char at)
{
    const uint8_t *end = rest->n ? memchr(rest->p, at, rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct slice before = slice_of(rest->p, n);
    *rest = end ? slice_of(end + 1, rest->n - n - 1) : slice_of(rest->p + n, 0);
    return before;
}

bool send_form_value(struct slice form, const char *name, struct strbuf *out)
{
    struct strbuf key;
    int found = 0;
    strbuf_init(&key);
    while (form.n) {
        struct slice value = cut(&form, '&'), k = cut(&value, '=');
        form_decode(k, &key);
        if (!slice_eq_cstr(strbuf_slice(&key), name)) continue;
        found++;
        form_decode(value, out);
    }
    strbuf_fini(&key);
    return found == 1;
}

void send_init(struct send *s, int32_t asked, uint64_t seed)
{
    *s = (struct send){.asked = asked, .seed = seed};
    prng_init(&s->values, seed);
}

void send_fini(struct send *s)
{
    free(s->parts);
}

static int value_of(struct prng *r)
{
    return (int)prng_below(r, SEND_VALUE_MAX + 1);
}

int send_next_value(struct send *s)
{
    struct prng ahead = s->values; /* it may have to be asked for again */
    return value_of(&ahead);
}

void send_produced(struct send *s)
{
    ASSERT(s->produced < s->asked);
    s->produced++;
    (void)value_of(&s->values);
}

static struct send_part *part_of(struct send *s, int32_t partition)
{
    int from = 0, to = s->parts_n;
    while (from < to) {
        int mid = from + (to - from) / 2;
        if (s->parts[mid].partition < partition) from = mid + 1;
        else to = mid;
    }
    if (from < s->parts_n && s->parts[from].partition == partition) return &s->parts[from];
    s->parts = grown(s->parts, s->parts_n, &s->parts_cap, sizeof *s->parts);
    memmove(&s->parts[from + 1], &s->parts[from], (size_t)(s->parts_n - from) * sizeof *s->parts);
    s->parts[from] = (struct send_part){.partition = partition, .first = INT64_MAX, .last = -1};
    s->parts_n++;
    return &s->parts[from];
}

void send_delivered(struct send *s, int32_t partition, int64_t offset)
{
    ASSERT(send_outstanding(s) > 0);
    if (offset < 0) {
        s->failed++;
        return;
    }
    struct send_part *p = part_of(s, partition);
    s->acknowledged++;
    p->records++;
    p->first = min_i64(p->first, offset);
    p->last = max_i64(p->last, offset);
}

int send_status(const struct send *s)
{
    return s->acknowledged == s->asked ? 200 : 503;
}

void send_sentence(const struct send *s, struct strbuf *out)
{
    strbuf_printf(out, "Messages sent: %d", (int)s->acknowledged);
    if (s->acknowledged < s->asked)
        strbuf_printf(out, " of %d. The others were not acknowledged in time.", (int)s->asked);
}

void send_json(struct send *s, const char *topic, int32_t topic_parts, struct strbuf *out)
{
    struct strbuf text;
    strbuf_init(&text);
    send_sentence(s, &text);
    strbuf_add_cstr(out, "{\"text\":");
    strbuf_add_json(out, strbuf_slice(&text));
    strbuf_printf(out, ",\"asked\":%d,\"acknowledged\":%d,\"topic\":", (int)s->asked, (int)s->acknowledged);
    strbuf_add_json(out, slice_cstr(topic));
    strbuf_printf(out, ",\"topicPartitions\":%d,\"partitions\":[", (int)topic_parts);
    for (int i = 0; i < s->parts_n; i++)
        strbuf_printf(out, "%s{\"partition\":%d,\"records\":%lld,\"first\":%lld,\"last\":%lld}", i ? "," : "",
                      (int)s->parts[i].partition, (long long)s->parts[i].records,
                      (long long)s->parts[i].first, (long long)s->parts[i].last);
    strbuf_add_cstr(out, "]}");
    strbuf_fini(&text);
}

void send_line(const struct send *s, void (*put)(void *arg, const char *text, size_t n), void *arg)
{
    char text[4096];
    struct prng r;
    int n = snprintf(text, sizeof text, "Messages: %d values:", (int)s->asked);
    prng_init(&r, s->seed);
    for (int32_t i = 0; i < s->produced; i++) {
        n += snprintf(text + n, sizeof text - (size_t)n, " %d", value_of(&r));
        if ((size_t)n < sizeof text - 16) continue;
        put(arg, text, (size_t)n);
        n = 0;
    }
    text[n++] = '\n';
    put(arg, text, (size_t)n);
}
