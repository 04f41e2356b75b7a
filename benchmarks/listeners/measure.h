/* What the consumers here share: arguments, and how much time and CPU a number of records took. Without
 * `warm` the time begins with the first record and the CPU with the program, or what a client fetches ahead
 * of the first record would cost nothing. Each prints one JSON object. */
#ifndef MOLDAU_BENCH_MEASURE_H
#define MOLDAU_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct measure {
    long records, warm; /* how many in all, and before the clocks start */
    double seconds, cpu_s;
};

static inline double seconds_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* name=value among the arguments. */
static inline const char *argument(int argc, char **argv, const char *name, const char *otherwise)
{
    size_t n = strlen(name);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=') return argv[i] + n + 1;
    return otherwise;
}
static inline long number(int argc, char **argv, const char *name, long otherwise)
{
    const char *v = argument(argc, argv, name, NULL);
    return v ? atol(v) : otherwise;
}

/* The done-th record is done. True: it was the last. */
static inline int measure_done(struct measure *m, long done)
{
    if (done == (m->warm ? m->warm : 1)) {
        m->seconds = seconds_of(CLOCK_MONOTONIC);
        m->cpu_s = m->warm ? seconds_of(CLOCK_PROCESS_CPUTIME_ID) : 0;
    }
    if (done != m->records) return 0;
    printf("{\"records\": %ld, \"seconds\": %.6f, \"cpu_s\": %.6f}\n", m->records - m->warm,
           seconds_of(CLOCK_MONOTONIC) - m->seconds, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - m->cpu_s);
    fflush(stdout);
    return 1;
}

#endif
