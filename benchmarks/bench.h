/* What the clients here share: clocks, the broker's CPU time, key=value arguments, connections, request
 * headers. What goes wrong ends the program with one line. */
#ifndef MOLDAU_BENCH_H
#define MOLDAU_BENCH_H

#include "base/i64s.h"
#include "kp/kp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn static inline void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

static inline int64_t clock_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
static inline int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}
static inline int64_t wall_ms(void)
{
    return clock_ns(CLOCK_REALTIME) / 1000000;
}

/* Seconds of CPU that a process has used; pid 0: none. */
static inline double cpu_of(long pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = pid ? fopen(path, "r") : NULL;
    unsigned long u = 0, s = 0;
    if (!f) return 0;
    if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) != 2) u = s = 0;
    fclose(f);
    return (double)(u + s) / (double)sysconf(_SC_CLK_TCK);
}

/* Of sorted times in nanoseconds; 0 if there are none. */
static inline double quantile_ms(const struct i64s *sorted, double q)
{
    return sorted->n ? (double)sorted->v[(size_t)((double)(sorted->n - 1) * q)] / 1e6 : 0;
}

struct option {
    const char *name;
    long *v;
};
/* key=value arguments: topic is a name, the others are numbers. */
static inline void take_options(char **args, int n, const char **topic, const struct option *options,
                                size_t options_n)
{
    for (int i = 0; i < n; i++) {
        char *eq = strchr(args[i], '=');
        if (!eq) exit(2);
        struct slice name = slice_of(args[i], (size_t)(eq - args[i]));
        if (slice_eq_cstr(name, "topic")) *topic = eq + 1;
        for (size_t k = 0; k < options_n; k++)
            if (slice_eq_cstr(name, options[k].name)) *options[k].v = atol(eq + 1);
    }
}

/* Always to this machine: of HOST:PORT only the port counts. */
static inline int connect_to(const char *address)
{
    const char *colon = strchr(address, ':');
    if (!colon) give_up("write the address as HOST:PORT");
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(colon + 1)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) give_up("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* A frame of a version that is not flexible: its length, to be set by end_frame, and the header. */
static inline void begin_frame(struct kp_writer *w, int16_t key, int16_t version)
{
    kp_write_i32(w, 0);
    kp_write_i16(w, key);
    kp_write_i16(w, version);
    kp_write_i32(w, 1);
    kp_write_string(w, 0, slice_cstr(program_invocation_short_name));
}
static inline void end_frame(struct kp_writer *w)
{
    kp_writer_patch_i32(w, 0, (int32_t)w->n - 4);
}

#endif
