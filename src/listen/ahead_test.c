#include "listen/ahead.h"
#include "base/test.h"

static struct ahead of(const char *messages, const char *kbytes)
{
    struct ahead a;
    char why[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "queued.min.messages", messages, why, sizeof why);
    rd_kafka_conf_set(conf, "queued.max.messages.kbytes", kbytes, why, sizeof why);
    ahead_init(&a, conf);
    rd_kafka_conf_destroy(conf);
    return a;
}

TEST(it_is_low_once_when_half_of_what_filled_it_is_polled)
{
    struct ahead a = of("1000", "65536");
    CHECK(!ahead_is_low(&a, 400, 100, 10000, 0)); /* it was not full */
    CHECK(!ahead_is_low(&a, 950, 100, 10000, 0)); /* with those that were polled it was */
    CHECK(!ahead_is_low(&a, 501, 449, 44900, 0));
    CHECK(ahead_is_low(&a, 500, 1, 100, 0));
    CHECK(!ahead_is_low(&a, 400, 100, 10000, 0));
    CHECK(!ahead_is_low(&a, 0, 400, 40000, 0));
}

TEST(what_is_dropped_unread_makes_it_low_too)
{
    struct ahead a = of("1000", "65536");
    CHECK(!ahead_is_low(&a, 0, 0, 0, 0));
    CHECK(!ahead_is_low(&a, 2000, 0, 0, 0));
    CHECK(ahead_is_low(&a, 0, 0, 0, 0));
    CHECK(!ahead_is_low(&a, 0, 0, 0, 0));
}

TEST(bytes_fill_it_as_well_as_messages)
{
    struct ahead a = of("100000", "1000");
    CHECK(!ahead_is_low(&a, 9, 2, 200000, 0)); /* about 1,100,000 */
    CHECK(!ahead_is_low(&a, 6, 3, 300000, 0));
    CHECK(ahead_is_low(&a, 5, 1, 100000, 0));
    CHECK(!ahead_is_low(&a, 9000, 500, 0, 0)); /* tombstones take no room */
}

TEST(where_nothing_is_known_to_be_left_nobody_is_asked)
{
    char why[200];
    struct ahead a = of("1000", "65536");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, "t", 0);
    ahead_wake(&a, rk, l, 0, 5000); /* no answer would come from anywhere */
    CHECK_INT(l->cnt, 0);
    CHECK_INT(a.not_before_ms, 0);
    rd_kafka_topic_partition_list_destroy(l);
    rd_kafka_destroy(rk);
}

TEST(one_that_gets_no_answer_is_not_asked_again_soon)
{
    struct ahead a = of("1000", "65536");
    a.not_before_ms = 7000;
    CHECK(!ahead_is_low(&a, 900, 100, 0, 5001));
    CHECK(!ahead_is_low(&a, 0, 900, 0, 6999));
    CHECK(ahead_is_low(&a, 0, 1, 0, 7000));
}

TEST_MAIN
