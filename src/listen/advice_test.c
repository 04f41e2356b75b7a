#include "listen/advice.h"
#include "base/test.h"

TEST_MAIN

static const char *const names[] = {"t", "u"};

static void said(struct strbuf *b, int topics_n, int p0, int p1, int consumers_n, int there_n, bool by_topic)
{
    int partitions[] = {p0, p1};
    struct advice a = {.topics = names, .topics_n = topics_n, .group = "g", .consumers_n = consumers_n};
    struct advice_facts f = {
        .partitions = partitions, .there_n = there_n, .poll_interval_ms = 300000, .by_topic = by_topic};
    strbuf_init(b);
    advice_write(&a, &f, b);
}

static void work(struct strbuf *b, int64_t records, int64_t ms)
{
    struct advice a = {.poll_records = records, .work_ms = ms};
    struct advice_facts f = {.poll_interval_ms = 300000};
    strbuf_init(b);
    advice_write(&a, &f, b);
}

TEST(nothing_to_say)
{
    struct strbuf b;
    said(&b, 1, 3, 0, 3, 0, true);
    CHECK_STR(strbuf_cstr(&b), "");
    said(&b, 2, 3, 0, 9, 0, true); /* a topic that is not known */
    CHECK_STR(strbuf_cstr(&b), "");
    said(&b, 2, 3, 4, 7, 0, false);
    CHECK_STR(strbuf_cstr(&b), "");
    work(&b, 500, 600);
    CHECK_STR(strbuf_cstr(&b), "");
    work(&b, 0, 1000000);
    CHECK_STR(strbuf_cstr(&b), "");
}

TEST(work_that_takes_longer_than_a_poll_may)
{
    struct strbuf b;
    work(&b, 500, 601);
    CHECK_STR(b.s, "max.poll.records (500) of 601 ms each take 300500 ms, more than max.poll.interval.ms "
                   "(300000), and a "
                   "consumer that works off each poll before the next is put out of its group for that: set "
                   "max.poll.records to 499, or max.poll.interval.ms to more than 300500\n");
    strbuf_fini(&b);
    work(&b, INT64_MAX, 400000);
    CHECK(strstr(b.s, "that: set max.poll.interval.ms to more than 9223372036854775807\n"));
    strbuf_fini(&b);
}

TEST(more_consumers_than_partitions)
{
    struct strbuf b;
    said(&b, 1, 3, 0, 4, 0, true);
    CHECK_STR(b.s, "group g will have 4 consumers and topic t 3 partitions, so 1 of them will get nothing: "
                   "start fewer, or "
                   "give it more partitions (moldau topics --alter --topic t --partitions 4)\n");
    strbuf_fini(&b);
    said(&b, 1, 2, 0, 1, 4, true);
    CHECK_STR(
        b.s,
        "group g will have 5 consumers (4 of them there already) and topic t 2 partitions, so 3 of them will "
        "get "
        "nothing: start fewer, or give it more partitions (moldau topics --alter --topic t --partitions "
        "5)\n");
    strbuf_fini(&b);
    said(&b, 2, 3, 4, 5, 0, true);
    CHECK(strstr(b.s, "5 consumers and the largest of its topics 4 partitions, so 1 of them"));
    strbuf_fini(&b);
    said(&b, 2, 3, 4, 8, 0, false);
    CHECK(strstr(b.s, "8 consumers and its topics together 7 partitions, so 1 of them"));
    strbuf_fini(&b);
}

TEST(a_topic_with_one_partition)
{
    struct strbuf b;
    said(&b, 2, 2, 1, 1, 0, true);
    CHECK_STR(b.s, "topic u has one partition, so only one consumer of a group can work on it at a time: "
                   "give it more (moldau "
                   "topics --alter --topic u --partitions N) if others are to share the work\n");
    strbuf_fini(&b);
}
