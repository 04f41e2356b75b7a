/* What the consumers here share: arguments, and how much time and CPU a number of records took, from when
 * `warm` others were done. Each prints one JSON object. */
#ifndef MOLDAU_BENCH_MEASURE_H
#define MOLDAU_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct measure {
    long records, warm; /* how many in all, and before the clock starts */
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
    if (done != m->warm && done != m->records) return 0;
    double s = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    if (done == m->warm) {
        m->seconds = s;
        m->cpu_s = cpu;
        return 0;
    }
    printf("{\"records\": %ld, \"seconds\": %.6f, \"cpu_s\": %.6f}\n", m->records - m->warm, s - m->seconds,
           cpu - m->cpu_s);
    fflush(stdout);
    return 1;
}

#endif
