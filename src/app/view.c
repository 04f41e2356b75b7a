#include "app/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEMBER_CHARS 8

void view_fini(struct view *v)
{
    free(v->works);
    free(v->parts);
}

void view_member(char out[64], const char *client_id, const char *member_id)
{
    size_t n = strlen(client_id);
    const char *rest = member_id;
    if (strncmp(member_id, client_id, n) == 0 && member_id[n] == '-') rest = member_id + n + 1;
    else if (strncmp(member_id, "rdkafka-", 8) == 0) rest = member_id + 8; /* librdkafka's own choice */
    snprintf(out, 64, "%.40s%s%.*s", client_id, *rest ? "-" : "", MEMBER_CHARS, rest);
}

static void add_text(struct strbuf *out, const char *s)
{
    strbuf_add_html(out, slice_cstr(s));
}

static void add_time(struct strbuf *out, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];
    localtime_r(&s, &tm);
    strbuf_add(out, text, strftime(text, sizeof text, "%H:%M:%S", &tm));
}

/* Digits in groups of three. */
static void add_number(struct strbuf *out, int64_t n)
{
    char digits[24];
    if (n == VIEW_UNKNOWN) {
        strbuf_add_cstr(out, "–");
        return;
    }
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < len; i++) {
        strbuf_add_char(out, digits[i]);
        if ((len - i) % 3 == 1 && i + 1 < len && digits[i] != '-') strbuf_add_char(out, ',');
    }
}

static void add_cell(struct strbuf *out, int64_t n)
{
    strbuf_add_cstr(out, "<td class=\"n\">");
    add_number(out, n);
    strbuf_add_cstr(out, "</td>");
}

static void add_fact(struct strbuf *out, const char *name, const char *text)
{
    strbuf_printf(out, "<div><dt>%s</dt><dd>", name);
    add_text(out, text);
    strbuf_add_cstr(out, "</dd></div>\n");
}

static void add_fact_number(struct strbuf *out, const char *name, int64_t n)
{
    strbuf_printf(out, "<div><dt>%s</dt><dd>", name);
    add_number(out, n);
    strbuf_add_cstr(out, "</dd></div>\n");
}

static void facts(const struct view *v, struct strbuf *out)
{
    strbuf_add_cstr(out, "<dl>\n");
    add_fact(out, "Group", v->group);
    add_fact(out, "Topic", v->topic);
    add_fact(out, "This consumer", v->consumer);
    add_fact(out, "Settings", v->settings);
    add_fact_number(out, "Finished here", v->done_n);
    add_fact_number(out, "Dead letters", v->dead_n);
    strbuf_add_cstr(out, "<div><dt>As of</dt><dd>");
    add_time(out, v->now_ms);
    strbuf_add_cstr(out, "</dd></div>\n</dl>\n");
    strbuf_add_cstr(out, "<p class=\"state\">");
    add_text(out, v->state);
    strbuf_add_cstr(out, "</p>\n");
}

/* A member's client id can be left out where there is little room. */
static void add_member(struct strbuf *out, const char *name)
{
    const char *dash = strrchr(name, '-');
    if (!*name) strbuf_add_cstr(out, "–");
    if (dash && dash[1]) {
        strbuf_add_cstr(out, "<span class=\"client\">");
        strbuf_add_html(out, slice_of(name, (size_t)(dash + 1 - name)));
        strbuf_add_cstr(out, "</span>");
        name = dash + 1;
    }
    add_text(out, name);
}

static void work(const struct view *v, const struct view_work *w, struct strbuf *out)
{
    int64_t all = max_i64(w->wait_ms, 1), left = max_i64(w->began_ms + w->wait_ms - v->now_ms, 0);
    strbuf_add_cstr(out, "<li><b>");
    add_text(out, v->consumer);
    strbuf_printf(out, "</b><span>partition %d, offset ", (int)w->partition);
    add_number(out, w->offset);
    strbuf_add_cstr(out, "</span><span class=\"word\">value ");
    add_text(out, w->value);
    strbuf_add_cstr(out, ", key ");
    add_text(out, w->key);
    strbuf_add_cstr(out, "</span><span>since ");
    add_time(out, w->began_ms);
    strbuf_add_cstr(out, ", ");
    add_number(out, (left + 999) / 1000);
    strbuf_printf(out,
                  " s left</span><progress max=\"%lld\" value=\"%lld\" aria-label=\"Time of the record at "
                  "offset %lld of partition %d\"></progress></li>\n",
                  (long long)all, (long long)(all - min_i64(left, all)), (long long)w->offset,
                  (int)w->partition);
}

static void works(const struct view *v, struct strbuf *out)
{
    strbuf_add_cstr(out, "<h2 id=\"works\">Being processed</h2>\n");
    if (!v->works_n) {
        strbuf_add_cstr(out, "<p class=\"faint\">No record just now.</p>\n");
        return;
    }
    strbuf_add_cstr(out, "<ul class=\"works\">\n");
    for (int i = 0; i < v->works_n; i++) work(v, &v->works[i], out);
    strbuf_add_cstr(out, "</ul>\n");
}

/* An empty partition has none, whatever was committed. */
static int64_t lag_of(const struct view_part *p)
{
    if (p->end == 0) return 0;
    if (p->end < 0 || p->committed < 0) return VIEW_UNKNOWN;
    return max_i64(p->end - p->committed, 0);
}

static int64_t lag_of_all(const struct view *v)
{
    int64_t sum = 0;
    for (int i = 0; i < v->parts_n; i++) {
        int64_t lag = lag_of(&v->parts[i]);
        if (lag == VIEW_UNKNOWN) return VIEW_UNKNOWN;
        sum += lag;
    }
    return sum;
}

static void part(const struct view_part *p, struct strbuf *out)
{
    strbuf_printf(out, "<tr><th scope=\"row\" class=\"n\">%d</th>", (int)p->partition);
    add_cell(out, p->end);
    add_cell(out, p->position);
    add_cell(out, p->committed);
    add_cell(out, lag_of(p));
    strbuf_printf(out, "<td%s>", p->ours ? " class=\"ours\"" : "");
    add_member(out, p->owner);
    strbuf_add_cstr(out, "</td></tr>\n");
}

static void parts(const struct view *v, struct strbuf *out)
{
    strbuf_add_cstr(out, "<h2 id=\"parts\">Partitions</h2>\n");
    if (!v->parts_n) {
        strbuf_add_cstr(out, "<p class=\"faint\">Not known yet.</p>\n");
        return;
    }
    strbuf_add_cstr(
        out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"parts\">\n<table "
             "class=\"narrow\">\n"
             "<thead><tr><th scope=\"col\" class=\"n\">Partition</th><th scope=\"col\" class=\"n\">Log "
             "end</th>"
             "<th scope=\"col\" class=\"n\">Read position</th><th scope=\"col\" class=\"n\">Committed</th>"
             "<th scope=\"col\" class=\"n\">Lag</th><th scope=\"col\">Consumer</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < v->parts_n; i++) part(&v->parts[i], out);
    strbuf_add_cstr(out, "</tbody>\n<tfoot><tr><th scope=\"row\" colspan=\"4\">Lag of all</th>");
    add_cell(out, lag_of_all(v));
    strbuf_add_cstr(out, "<td></td></tr></tfoot>\n</table>\n</div>\n");
}

void view_html(const struct view *v, struct strbuf *out)
{
    facts(v, out);
    works(v, out);
    parts(v, out);
}
