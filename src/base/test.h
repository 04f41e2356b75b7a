/* Unit tests: a program of TEST blocks, each registered by itself. One line a test, "ok NAME" or "FAIL NAME:
 * why". */
#ifndef MOLDAU_TEST_H
#define MOLDAU_TEST_H

#include "base/base.h"
#include <stdio.h>
#include <stdlib.h>

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};
extern struct test_case *test_cases;
extern int test_failures;

/* TEST(segment_rolls_when_full) { CHECK(...); } */
#define TEST(id)                                                                                             \
    static void test_##id(void);                                                                             \
    static struct test_case case_##id = {#id, test_##id, NULL};                                              \
    __attribute__((constructor)) static void reg_##id(void)                                                  \
    {                                                                                                        \
        struct test_case **at = &test_cases;                                                                 \
        while (*at) at = &(*at)->next;                                                                       \
        *at = &case_##id;                                                                                    \
    }                                                                                                        \
    static void test_##id(void)

#define CHECK(c)                                                                                             \
    do {                                                                                                     \
        if (!(c)) {                                                                                          \
            printf("  %s:%d: CHECK(%s)\n", __FILE__, __LINE__, #c);                                          \
            test_failures++;                                                                                 \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)
#define CHECK_INT(a, b)                                                                                      \
    do {                                                                                                     \
        long long a_ = (long long)(a), b_ = (long long)(b);                                                  \
        if (a_ != b_) {                                                                                      \
            printf("  %s:%d: %s is %lld, expected %s = %lld\n", __FILE__, __LINE__, #a, a_, #b, b_);         \
            test_failures++;                                                                                 \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)
#define CHECK_STR(a, b)                                                                                      \
    do {                                                                                                     \
        const char *a_ = (a), *b_ = (b);                                                                     \
        if (strcmp(a_, b_) != 0) {                                                                           \
            printf("  %s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #a, a_, b_);              \
            test_failures++;                                                                                 \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

/* Put TEST_MAIN once in each test program. Arguments: names of tests to run; none runs all. */
#define TEST_MAIN                                                                                            \
    struct test_case *test_cases;                                                                            \
    int test_failures;                                                                                       \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        int passed = 0, failed = 0;                                                                          \
        setvbuf(stdout, NULL, _IOLBF, 0);                                                                    \
        for (struct test_case *t = test_cases; t; t = t->next) {                                             \
            bool wanted = argc < 2;                                                                          \
            for (int i = 1; i < argc; i++) wanted |= strcmp(argv[i], t->name) == 0;                          \
            if (!wanted) continue;                                                                           \
            int before = test_failures;                                                                      \
            t->run();                                                                                        \
            bool ok = test_failures == before;                                                               \
            printf("%s %s\n", ok ? "ok" : "FAIL", t->name);                                                  \
            *(ok ? &passed : &failed) += 1;                                                                  \
        }                                                                                                    \
        printf("%d passed, %d failed\n", passed, failed);                                                    \
        return failed != 0;                                                                                  \
    }

#endif
