#include "app/plan.h"
#include "base/test.h"

TEST_MAIN

static int read(const char *text, struct plan *p, struct strbuf *why)
{
    strbuf_init(why);
    return plan_read(p, "f.json", text, strlen(text), why);
}

TEST(groups_of_an_array_and_of_one_object)
{
    struct plan p;
    struct strbuf why, told;
    strbuf_init(&told);
    CHECK_INT(read("[{\"topic\":\"click_log\",\"group.id\":\"hadoop-consumers\",\"consumer.no\":20},"
                   "{\"topic\":\"click_log\",\"group.id\":\"elasticsearch-consumers\",\"consumer.no\":1}]",
                   &p, &why),
              0);
    plan_tell(&p, &told);
    CHECK_STR(told.s,
              "21 threads: 20 of hadoop-consumers on click_log, 1 of elasticsearch-consumers on click_log");
    plan_free(&p);
    strbuf_reset(&told);
    CHECK_INT(read("{\"topic\":\"t\",\"group.id\":\"g\",\"consumer.no\":1}", &p, &why), 0);
    plan_tell(&p, &told);
    CHECK_STR(told.s, "1 thread: 1 of g on t");
    plan_free(&p);
    strbuf_fini(&told);
    strbuf_fini(&why);
}

TEST(what_is_wrong_is_told_with_its_line_and_field)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"[\n{\"topic\":\"t\",\n\"group.id\" \"g\"}]", "f.json:3: JSON was expected: "},
        {"", "f.json:1: JSON was expected: "},
        {"[]", "f.json:1: at least one group was expected"},
        {"7", "f.json:1: an object {\"topic\", \"group.id\", \"consumer.no\"} was expected"},
        {"[{\"topic\":\"t\",\"group.id\":\"g\",\"consumer.no\":1},\n\n{\"topic\":\"t\",\"consumer.no\":1}]",
         "f.json:3: group.id: a text was expected, but the field is missing"},
        {"[{\"topic\":\"t\",\"group.id\":\"g\",\"consumer.no\":1},\n{\"topic\":\"t\",\n\"group.id\":7,\n"
         "\"consumer.no\":1}]",
         "f.json:3: group.id: a text was expected"},
        {"{\"topic\":\"a\\\"\\n{[\",\n\"group.id\":\"g\",\n\n\"consumer.no\":\"2\"}",
         "f.json:4: consumer.no: a whole number from 1 to 1000 was expected"},
        {"{\"topic\":\"t\",\"group.id\":\"g\",\"consumer.no\":0}",
         "f.json:1: consumer.no: a whole number from 1 to 1000 was expected"},
        {"{\"topic\":\"t\",\"group.id\":\"\",\"consumer.no\":1}",
         "f.json:1: group.id: a text of 1 to 249 bytes was expected"},
        {"{\"topic\":\"group.id\",\n\"consumer.no\":1,\n\"group.id\" :1}",
         "f.json:3: group.id: a text was expected"},
        {"{\"topic\":\"t\",\n\"group\":\"g\",\"consumer.no\":1}",
         "f.json:2: group: topic, group.id and consumer.no were expected, not this field"},
        {"[{\"topic\":\"t\",\"group.id\":\"g\",\"consumer.no\":1000},\n"
         "{\"topic\":\"t\",\"group.id\":\"h\",\"consumer.no\":1}]",
         "f.json:2: consumer.no: at most 1000 threads were expected, and this makes 1001"},
    };
    for (size_t i = 0; i < NELEMS(cases); i++) {
        struct plan p;
        struct strbuf why;
        CHECK_INT(read(cases[i].text, &p, &why), ERR_FORMAT);
        why.s[min_size(why.n, strlen(cases[i].why))] = 0; /* the JSON library's own words may follow */
        CHECK_STR(why.s, cases[i].why);
        strbuf_fini(&why);
    }
}
