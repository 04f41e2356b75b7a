#include "app/block.h"
#include "base/test.h"

#include <time.h>

TEST(a_value_is_a_number_of_seconds)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } all[] = {{"0", 0},
               {"10", 10000},
               {"+3", 3000},
               {"007", 7000},
               {"1800", 1800000},
               {"2147483647", 2147483647000},
               {"2147483648", -1},
               {"-1", -1},
               {"-0", -1},
               {"", -1},
               {"+", -1},
               {"five", -1},
               {" 5", -1},
               {"5 ", -1},
               {"1.5", -1},
               {"1e3", -1},
               {"99999999999999999999999", -1},
               {"\xff", -1}};
    for (size_t i = 0; i < NELEMS(all); i++) {
        int64_t ms = -1;
        bool is = block_wait_ms(slice_cstr(all[i].text), &ms);
        CHECK(is == (all[i].ms >= 0));
        CHECK_INT(ms, all[i].ms);
    }
    int64_t ms;
    CHECK(!block_wait_ms((struct slice){0}, &ms));
}

TEST(a_block_is_the_tutorial_s)
{
    struct strbuf out;
    strbuf_init(&out);
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    struct block b = {slice_cstr("id-1"), slice_cstr("3"), 4, 17, 3000};
    block_begin(&b, 1700000000999, &out);
    CHECK_STR(strbuf_cstr(&out), "PROCESSING START =======================================================\n"
                                 "START TIME：2023-11-15 07:13:20 & MESSAGE key： id-1\n"
                                 "START TIME：2023-11-15 07:13:20 & MESSAGE Value： 3\n"
                                 "START TIME：2023-11-15 07:13:20 & MESSAGE partition： 4\n"
                                 "START TIME：2023-11-15 07:13:20 & MESSAGE Offset： 17\n"
                                 "wait time: 3000\n");
    strbuf_reset(&out);
    block_end(&b, 1700000003000, &out);
    CHECK_STR(strbuf_cstr(&out), "END TIME： 2023-11-15 07:13:23 & MESSAGE ID： id-1\n"
                                 "PROCESSING END =======================================================\n");
    b.key = (struct slice){0};
    strbuf_reset(&out);
    block_end(&b, 1700000003000, &out);
    CHECK(strstr(strbuf_cstr(&out), "MESSAGE ID： null\n"));
    b.key = slice_cstr("a\nPROCESSING END\x1b[2J");
    strbuf_reset(&out);
    block_end(&b, 1700000003000, &out);
    CHECK(strstr(strbuf_cstr(&out), "MESSAGE ID： a?PROCESSING END?[2J\n"));
    strbuf_fini(&out);
}

TEST_MAIN
