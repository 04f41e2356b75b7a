#include "app/send.h"
#include "base/test.h"

TEST(only_positive_whole_numbers_count)
{
    static const struct {
        const char *text;
        int32_t n;
    } all[] = {{"1", 1},          {"+7", 7},
               {"007", 7},        {"2147483647", 2147483647},
               {"2147483648", 0}, {"0", 0},
               {"-1", 0},         {"", 0},
               {"+", 0},          {" 5", 0},
               {"5 ", 0},         {"1.0", 0},
               {"1e3", 0},        {"five", 0},
               {"0x10", 0},       {"１", 0},
               {"--1", 0},        {"+-1", 0},
               {"1,000", 0},      {"99999999999999999999999999", 0},
               {"NaN", 0},        {"18446744073709551617", 0}};
    for (size_t i = 0; i < NELEMS(all); i++) CHECK_INT(send_count_parse(slice_cstr(all[i].text)), all[i].n);
    CHECK_INT(send_count_parse(slice_of("5\0", 2)), 0);
}

static const char *form(const char *text, struct strbuf *b)
{
    return send_form_value(slice_cstr(text), "message", b) ? strbuf_cstr(b) : "(none)";
}

TEST(a_form_is_decoded)
{
    struct strbuf b;
    strbuf_init(&b);
    CHECK_STR(form("message=5", &b), "5");
    CHECK_STR(form("a=b&message=5&c", &b), "5");
    CHECK_STR(form("message=", &b), "");
    CHECK_STR(form("message", &b), "");
    CHECK_STR(form("m%65ssage=%2b5", &b), "+5");
    CHECK_STR(form("message=+5", &b), " 5");
    CHECK_STR(form("message=%", &b), "%");
    CHECK_STR(form("message=%4", &b), "%4");
    CHECK_STR(form("message=%zz", &b), "%zz");
    CHECK_STR(form("message=1&message=2", &b), "(none)");
    CHECK_STR(form("", &b), "(none)");
    CHECK_STR(form("&&&==&", &b), "(none)");
    CHECK_STR(form("messages=5", &b), "(none)");
    strbuf_fini(&b);
}

static void put(void *arg, const char *text, size_t n)
{
    strbuf_add(arg, text, n);
}

TEST(the_line_gives_the_values_that_were_produced)
{
    struct send s;
    struct strbuf line, expected;
    strbuf_init(&line);
    strbuf_init(&expected);
    send_init(&s, 20000, 42);
    strbuf_add_cstr(&expected, "Messages: 20000 values:");
    int seen[SEND_VALUE_MAX + 1] = {0};
    for (int i = 0; i < 15000; i++) {
        int v = send_next_value(&s);
        CHECK_INT(send_next_value(&s), v);
        CHECK(v >= 0 && v <= SEND_VALUE_MAX);
        seen[v]++;
        send_produced(&s);
        strbuf_printf(&expected, " %d", v);
    }
    strbuf_add_char(&expected, '\n');
    send_line(&s, put, &line);
    CHECK_STR(strbuf_cstr(&line), strbuf_cstr(&expected));
    for (int v = 0; v <= SEND_VALUE_MAX; v++) CHECK(seen[v] > 1200 && seen[v] < 1530);
    send_fini(&s);
    strbuf_fini(&line);
    strbuf_fini(&expected);
}

TEST(what_became_of_the_records_is_told)
{
    struct send s;
    struct strbuf b;
    strbuf_init(&b);
    send_init(&s, 4, 1);
    for (int i = 0; i < 4; i++) send_produced(&s);
    send_delivered(&s, 3, 17);
    send_delivered(&s, 0, 5);
    send_delivered(&s, 3, 16);
    CHECK_INT(send_outstanding(&s), 1);
    CHECK_INT(send_status(&s), 503);
    send_sentence(&s, &b);
    CHECK_STR(strbuf_cstr(&b), "Messages sent: 3 of 4. The others were not acknowledged in time.");
    send_delivered(&s, -1, -1);
    CHECK_INT(send_outstanding(&s), 0);
    CHECK_INT(send_status(&s), 503);
    send_fini(&s);
    send_init(&s, 2, 1);
    send_produced(&s);
    send_produced(&s);
    send_delivered(&s, 1, 0);
    send_delivered(&s, 0, 9);
    CHECK_INT(send_status(&s), 200);
    strbuf_reset(&b);
    send_json(&s, "a\"b", 5, &b);
    CHECK_STR(strbuf_cstr(&b),
              "{\"text\":\"Messages sent: 2\",\"asked\":2,\"acknowledged\":2,\"topic\":\"a\\\"b\","
              "\"topicPartitions\":5,\"partitions\":[{\"partition\":0,\"records\":1,\"first\":9,\"last\":9},"
              "{\"partition\":1,\"records\":1,\"first\":0,\"last\":0}]}");
    send_fini(&s);
    strbuf_fini(&b);
}

TEST_MAIN
