/* Every number here was printed by kafka-clients 4.3.1: BuiltInPartitioner and DefaultRecord. */
#include "listen/partition.h"
#include "base/test.h"

TEST(a_key_goes_where_java_sends_it)
{
    static const struct {
        const char *key;
        int32_t of_1, of_5, of_12, of_1000;
    } keys[] = {{"", 0, 1, 9, 681},
                {"a", 0, 4, 4, 524},
                {"ab", 0, 4, 2, 434},
                {"abc", 0, 2, 3, 107},
                {"abcd", 0, 0, 8, 100},
                {"abcde", 0, 1, 1, 741},
                {"21", 0, 0, 0, 340},
                {"foobar", 0, 1, 6, 166},
                {"k1", 0, 2, 5, 97},
                {"日本", 0, 2, 3, 627},
                {"550e8400-e29b-41d4-a716-446655440000", 0, 1, 11, 391}};
    for (size_t i = 0; i < NELEMS(keys); i++) {
        struct slice key = slice_cstr(keys[i].key);
        CHECK_INT(partition_of_key(key, 1), keys[i].of_1);
        CHECK_INT(partition_of_key(key, 5), keys[i].of_5);
        CHECK_INT(partition_of_key(key, 12), keys[i].of_12);
        CHECK_INT(partition_of_key(key, 1000), keys[i].of_1000);
    }
    CHECK_INT(partition_of_key(slice_of("\xff\0\x80\x7f\xfe", 5), 1000), 894);
}

/* The random numbers that Java was given, too; it takes one for each partition it chooses. */
static bool goes_to(size_t bytes, int32_t partitions_n, const int32_t *available, int32_t available_n,
                    const int32_t *expected, size_t n)
{
    static const uint32_t random[] = {7, 13, 2147483647, 4, 9, 100};
    struct partition_sticky s;
    size_t at = 0;
    partition_sticky_init(&s, PARTITION_STICKY_BYTES);
    for (size_t i = 0; i < n; i++) {
        uint32_t r = random[at % NELEMS(random)];
        at += s.partition < 0;
        if (partition_sticky_next(&s, bytes, partitions_n, available, available_n, r) != expected[i])
            return false;
    }
    return true;
}

#define GOES_TO(bytes, partitions_n, available, available_n, ...)                                            \
    CHECK(goes_to(bytes, partitions_n, available, available_n, (const int32_t[]){__VA_ARGS__},               \
                  sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)))

TEST(records_without_a_key_stay_for_a_batch)
{
    static const int32_t of_five[] = {0, 2, 4};
    GOES_TO(6000, 5, NULL, 0, 2, 2, 2, 3, 3, 3, 2, 2, 2, 4, 4, 4, 4, 4, 4, 0);
    GOES_TO(6000, 5, of_five, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 2);
    GOES_TO(9000, 3, NULL, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1);
    GOES_TO(16383, 5, NULL, 0, 2, 2, 3, 3, 2, 2, 4, 4);
    GOES_TO(16384, 5, NULL, 0, 2, 3, 2, 4, 4, 0, 2, 3);
    GOES_TO(1000000, 5, NULL, 0, 2, 3, 2, 4, 4, 0, 2, 3);
    GOES_TO(1000000, 1, NULL, 0, 0, 0, 0);
}

TEST(a_topic_may_come_back_with_fewer_partitions)
{
    struct partition_sticky s;
    partition_sticky_init(&s, PARTITION_STICKY_BYTES);
    CHECK_INT(partition_sticky_next(&s, 10, 5, NULL, 0, 4), 4);
    CHECK_INT(partition_sticky_next(&s, 10, 3, NULL, 0, 4), 1);
    CHECK_INT(partition_sticky_next(&s, 10, 3, NULL, 0, 2), 1);
}

TEST(a_record_has_the_size_that_java_counts)
{
    static const struct {
        int key_n, value_n; /* -1: null */
        size_t bytes;
    } records[] = {{-1, 1, 8},    {-1, 2, 9},    {36, 1, 44},         {0, 0, 7},
                   {63, 64, 136}, {64, 63, 136}, {200, 10000, 10212}, {-1, -1, 7}};
    static const uint8_t bytes[10000];
    for (size_t i = 0; i < NELEMS(records); i++) {
        struct slice key = {0}, value = {0};
        if (records[i].key_n >= 0) key = slice_of(bytes, (size_t)records[i].key_n);
        if (records[i].value_n >= 0) value = slice_of(bytes, (size_t)records[i].value_n);
        CHECK_INT(partition_record_bytes(key, value), records[i].bytes);
    }
}

TEST_MAIN
