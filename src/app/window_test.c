#include "app/window.h"
#include "base/test.h"

#include <math.h>

TEST_MAIN

TEST(nothing_is_not_a_number_and_no_rate)
{
    struct window w = {0};
    CHECK(isnan(window_avg(&w, 5)) && isnan(window_max(&w, 5)) && isnan(window_min(&w, 5)));
    CHECK(window_rate(&w, 5) == 0 && window_count_rate(&w, 5) == 0);
}

TEST(values_of_one_sample)
{
    struct window w = {0};
    window_add(&w, 1000, 4);
    window_add(&w, 2000, 8);
    CHECK(window_avg(&w, 2000) == 6 && window_max(&w, 2000) == 8 && window_min(&w, 2000) == 4);
    CHECK(w.last == 8 && w.total == 12 && w.total_n == 2);
    /* a second has passed, and a full sample is added: Rate.windowSize */
    CHECK(fabs(window_rate(&w, 2000) - 12.0 / 31) < 1e-9);
    CHECK(fabs(window_count_rate(&w, 2000) - 2.0 / 31) < 1e-9);
}

TEST(the_rate_is_over_what_the_samples_cover)
{
    struct window w = {0};
    for (int i = 0; i < 600; i++) window_add(&w, i * 100, 1); /* 10 a second for a minute */
    CHECK(fabs(window_rate(&w, 59900) - 600.0 / 59.9) < 1e-9);
    for (int i = 600; i < 700; i++) window_add(&w, i * 100, 1); /* the first half minute is gone now */
    CHECK(fabs(window_rate(&w, 69900) - 400.0 / 39.9) < 1e-9);
}

TEST(what_is_old_is_forgotten)
{
    struct window w = {0};
    window_add(&w, 0, 100);
    window_add(&w, 30000, 1);
    CHECK(window_max(&w, 59999) == 100);
    CHECK(window_max(&w, 60000) == 1);
    CHECK(isnan(window_max(&w, 90000)));
    CHECK(w.total == 101);
}
