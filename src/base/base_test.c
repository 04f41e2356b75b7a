#include "base/test.h"
#include "base/err.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/i64s.h"
#include "base/map.h"
#include "base/strbuf.h"

TEST_MAIN

TEST(crc32c_agrees_with_the_published_check_value)
{
    CHECK_INT(crc32c(0, "123456789", 9), 0xe3069283u);
}

TEST(crc32c_is_the_same_however_the_input_is_cut)
{
    static uint8_t d[10000];
    for (size_t i = 0; i < sizeof d; i++) d[i] = (uint8_t)(i * 31 + (i >> 8));
    uint32_t whole = crc32c(0, d, sizeof d), bytewise = 0;
    for (size_t i = 0; i < sizeof d; i++) bytewise = crc32c(bytewise, d + i, 1);
    CHECK_INT(whole, bytewise);
    for (size_t cut = 0; cut < sizeof d; cut += 777)
        CHECK_INT(crc32c(crc32c(0, d, cut), d + cut, sizeof d - cut), whole);
}

TEST(murmur2_agrees_with_javas_partitioner)
{
    /* Values printed by Utils.murmur2 of kafka-clients. */
    CHECK_INT((int32_t)murmur2("21", 2), -973932308);
    CHECK_INT((int32_t)murmur2("foobar", 6), -790332482);
    CHECK_INT((int32_t)murmur2("a-little-bit-long-string", 24), -985981536);
    CHECK_INT((int32_t)murmur2("abc", 3), 479470107);
}

TEST(java_string_hash_counts_utf16_units)
{
    CHECK_INT(java_string_hash(slice_cstr("group")), 98629247);
    CHECK_INT(java_string_hash(slice_cstr("\xf0\x9f\x98\x80")), 0xd83d * 31 + 0xde00);
}

TEST(uuid_text_round_trips)
{
    struct uuid u, v;
    char t[UUID_TEXT_BYTES];
    for (size_t i = 0; i < 16; i++) u.b[i] = (uint8_t)(i * 17 + 3);
    uuid_format(u, t);
    CHECK(uuid_parse(slice_cstr(t), &v) == 0);
    CHECK(uuid_eq(u, v));
    CHECK(uuid_parse(slice_cstr("short"), &v) < 0);
}

static bool eq_str(const void *v, const void *k)
{
    return strcmp(v, k) == 0;
}

TEST(map_finds_what_was_put_and_nothing_that_was_deleted)
{
    static char names[1000][16];
    struct map m;
    map_init(&m);
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        map_put(&m, hash_bytes(1, names[i], strlen(names[i])) & 0xff, names[i]); /* crowded on purpose */
    }
    for (int i = 0; i < 1000; i += 2)
        CHECK(map_del(&m, hash_bytes(1, names[i], strlen(names[i])) & 0xff, names[i], eq_str) == names[i]);
    for (int i = 0; i < 1000; i++)
        CHECK((map_get(&m, hash_bytes(1, names[i], strlen(names[i])) & 0xff, names[i], eq_str) != NULL) ==
              (i % 2));
    CHECK_INT(m.n, 500);
    map_fini(&m);
}

TEST(every_kafka_code_comes_back_from_its_err)
{
    CHECK_INT(err_kafka(ERR_UNKNOWN_SERVER_ERROR), -1);
    CHECK_INT(err_kafka(ERR_NOT_COORDINATOR), 16);
    CHECK_INT(err_kafka(ERR_NOSPACE), KERR_KAFKA_STORAGE_ERROR);
    CHECK_STR(kafka_error_name(133), "SHARE_SESSION_LIMIT_REACHED");
    CHECK_STR(kafka_error_name(0), "NONE");
}

TEST(numbers_are_kept_sorted_and_found)
{
    struct i64s l = {0};
    i64s_sort(&l);
    CHECK(!i64s_has(&l, 0));
    for (int64_t i = 0; i < 100; i++) i64s_add(&l, i % 2 ? INT64_MAX - i : INT64_MIN + i);
    i64s_sort(&l);
    CHECK_INT(l.n, 100);
    for (int i = 1; i < l.n; i++) CHECK(l.v[i - 1] < l.v[i]);
    CHECK(i64s_has(&l, INT64_MIN + 2) && !i64s_has(&l, INT64_MIN + 1));
    i64s_fini(&l);
    CHECK_INT(l.n, 0);
}

TEST(json_text_escapes_and_replaces)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_add_json(&b, slice_of("a\"\n\x01\xff\xc3\xa9", 7));
    CHECK_STR(strbuf_cstr(&b), "\"a\\\"\\n\\u0001\\ufffd\xc3\xa9\"");
    strbuf_fini(&b);
}

TEST(text_of_a_page_is_no_markup)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_add_html(&b, slice_of("<a href=\"x\">&'\n\x01\0\x7f\xff\xc3\xa9\xc3", 22));
    CHECK_STR(strbuf_cstr(&b),
              "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\n\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
              "\xc3\xa9\xef\xbf\xbd");
    strbuf_fini(&b);
}

TEST(arena_memory_is_aligned_and_apart)
{
    struct arena a;
    uint8_t start[100];
    arena_init_with(&a, start, sizeof start);
    uint8_t *last = NULL;
    for (size_t i = 1; i < 5000; i += 7) {
        uint8_t *p = arena_alloc(&a, i);
        CHECK_INT((uintptr_t)p % 16, 0);
        memset(p, (int)i, i);
        CHECK(!last || last[0] == (uint8_t)(i - 7));
        last = p;
    }
    arena_fini(&a);
}

TEST(buf_pool_gives_back_what_lies_unused)
{
    struct buf_pool p = {0};
    struct buf *a = buf_pool_new(&p, 1), *b = buf_pool_new(&p, BUF_POOL_MIN + 1);
    CHECK(a->cap == BUF_POOL_MIN && b->cap == 2 * BUF_POOL_MIN);
    struct buf *large = buf_pool_new(&p, (size_t)9 << 20);
    CHECK(large->cap == (size_t)9 << 20 && !large->pool && p.all_n == 2);
    buf_put(large);
    CHECK(buf_pool_trim(&p)); /* both are in use */
    buf_put(buf_get(a));
    buf_put(a);
    buf_put(b);
    CHECK(buf_pool_new(&p, 100) == a && p.all_n == 2);
    buf_put(a);
    CHECK(buf_pool_trim(&p) && p.all_n == 2); /* used since the last trim */
    CHECK(buf_pool_new(&p, 100) == a);
    buf_put(a);
    CHECK(buf_pool_trim(&p) && p.all_n == 1 && p.classes[0].free == a); /* b was not */
    CHECK(!buf_pool_trim(&p) && p.all_n == 0);
    a = buf_pool_new(&p, 100);
    b = buf_pool_new(&p, 100);
    buf_put(b);
    buf_pool_fini(&p);
    CHECK_INT(p.all_n, 1);
    buf_put(a);
    CHECK_INT(p.all_n, 0);
}
