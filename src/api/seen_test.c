#include "api/seen.h"
#include "base/test.h"

#include <stdio.h>

TEST_MAIN

TEST(what_was_noted_is_found_and_a_look_notes_nothing)
{
    struct arena a;
    struct seen s;
    arena_init(&a);
    seen_init(&s, &a, 2, 1);
    CHECK(seen_find(&s, slice_cstr("a"), 0) == -1);
    CHECK(seen_note(&s, slice_cstr("a"), 0, 7) == -1);
    CHECK(seen_find(&s, slice_cstr("a"), 0) == 7);
    CHECK(seen_find(&s, slice_cstr("a"), 1) == -1);
    CHECK(seen_find(&s, slice_cstr("b"), 0) == -1);
    CHECK(seen_note(&s, slice_cstr("b"), 0, 8) == -1);
    arena_fini(&a);
}

TEST(an_entry_is_found_under_its_key_and_index_only)
{
    struct arena a;
    struct seen s;
    char keys[500][8];
    arena_init(&a);
    seen_init(&s, &a, 1000, 7);
    for (int i = 0; i < 500; i++) {
        struct slice key = slice_of(keys[i], (size_t)snprintf(keys[i], sizeof keys[i], "t%d", i));
        CHECK_INT(seen_note(&s, key, 0, i), -1);
        CHECK_INT(seen_note(&s, key, -1, i + 1000), -1);
    }
    for (int i = 0; i < 500; i++) {
        CHECK_INT(seen_note(&s, slice_cstr(keys[i]), 0, 5), i);
        CHECK_INT(seen_note(&s, slice_cstr(keys[i]), -1, 5), i + 1000);
    }
    arena_fini(&a);
}

TEST(nothing_and_an_empty_key_are_the_same_key)
{
    struct arena a;
    struct seen s;
    arena_init(&a);
    seen_init(&s, &a, 1, 7);
    CHECK_INT(seen_note(&s, (struct slice){0}, 0, 3), -1);
    CHECK_INT(seen_note(&s, slice_cstr(""), 0, 4), 3);
    arena_fini(&a);
}

TEST(partitions_named_twice_are_asked_once_for_what_came_last)
{
    struct arena a;
    struct asked q;
    int said[5];
    arena_init(&a);
    asked_init(&q, &a, 3, 5, 7);
    asked_add(&q, slice_cstr("x"), 0, 0, &said[0]);
    asked_add(&q, slice_cstr("y"), 1, 0, &said[1]);
    asked_add(&q, slice_cstr("x"), 2, 1, &said[2]);
    asked_add(&q, slice_cstr("x"), 2, 0, &said[3]);
    asked_add(&q, slice_cstr("y"), 1, -1, &said[4]);
    CHECK_INT(q.topics_n, 2);
    CHECK_INT(q.topics[0].parts_n, 2);
    CHECK_INT(q.topics[1].first, 1);
    CHECK_INT(q.parts_n, 4);
    CHECK(q.parts[0].in == &said[3] && q.parts[0].twice);
    CHECK(q.parts[1].in == &said[1] && !q.parts[1].twice);
    CHECK_INT(q.parts[2].topic, 0);
    CHECK_INT(q.parts[3].index, -1);
    arena_fini(&a);
}
