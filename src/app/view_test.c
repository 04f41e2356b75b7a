#include "app/view.h"
#include "base/test.h"

static bool holds(const struct view *v, const char *text)
{
    struct strbuf b;
    strbuf_init(&b);
    view_html(v, &b);
    bool found = strstr(strbuf_cstr(&b), text) != NULL;
    if (!found) fprintf(stderr, "%s\nis not in %s\n", text, strbuf_cstr(&b));
    strbuf_fini(&b);
    return found;
}

TEST(each_partition_has_its_offsets_side_by_side)
{
    struct view_part parts[] = {{0, 1234567, 1000, 999, "msk-consumer-1a2b3c4d", true},
                                {1, 5, VIEW_UNKNOWN, VIEW_UNKNOWN, "", false}};
    struct view v = {.group = "g", .topic = "t", .settings = "default", .parts = parts, .parts_n = 2};
    CHECK(holds(&v,
                "<th scope=\"row\" class=\"n\">0</th><td class=\"n\">1,234,567</td><td class=\"n\">1,000</td>"
                "<td class=\"n\">999</td><td class=\"n\">1,233,568</td>"
                "<td class=\"ours\"><span class=\"client\">msk-consumer-</span>1a2b3c4d</td>"));
    CHECK(holds(&v, "<th scope=\"row\" class=\"n\">1</th><td class=\"n\">5</td><td class=\"n\">–</td>"
                    "<td class=\"n\">–</td><td class=\"n\">–</td><td>–</td>"));
    CHECK(holds(&v, "Lag of all</th><td class=\"n\">–</td>")); /* as long as one is not known */
    parts[1].committed = 3;
    CHECK(holds(&v, "Lag of all</th><td class=\"n\">1,233,570</td>"));
    parts[1] = (struct view_part){1, 0, 0, VIEW_UNKNOWN, "", false};
    CHECK(holds(&v, "Lag of all</th><td class=\"n\">1,233,568</td>"));
}

TEST(what_is_being_processed_is_shown_as_text)
{
    struct view_work w = {3, 77, "<script>alert(1)</script>", "10", 0, 10000};
    struct view v = {
        .group = "g&h", .topic = "t", .settings = "default", .now_ms = 4000, .works = &w, .works_n = 1};
    snprintf(v.consumer, sizeof v.consumer, "c-1");
    CHECK(holds(&v, "<li><b>c-1</b><span>partition 3, offset 77</span><span class=\"word\">value 10, key "
                    "&lt;script&gt;alert(1)&lt;/script&gt;</span>"));
    CHECK(holds(&v, ", 6 s left</span><progress max=\"10000\" value=\"4000\""));
    CHECK(holds(&v, "<dd>g&amp;h</dd>"));
    v.now_ms = 99000; /* late: not beyond its end */
    CHECK(holds(&v, ", 0 s left</span><progress max=\"10000\" value=\"10000\""));
    v.works_n = 0;
    CHECK(holds(&v, "No record just now."));
}

TEST(members_are_told_apart)
{
    char out[64];
    view_member(out, "msk-consumer", "msk-consumer-1a2b3c4d-0000-0000-0000-000000000000");
    CHECK_STR(out, "msk-consumer-1a2b3c4d");
    view_member(out, "c", "somebody");
    CHECK_STR(out, "c-somebody");
    view_member(out, "c", "");
    CHECK_STR(out, "c");
    view_member(out, "a-client-id-that-is-longer-than-anybody-would-like-it-to-be", "x");
    CHECK(strlen(out) < 64);
}

TEST_MAIN
