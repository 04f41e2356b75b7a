#include "base/logline.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static struct {
    enum log_level least;
    void (*sink)(const char *p, size_t n);
    int64_t (*wall_ms)(void);
} setup = {.least = LOG_NONE};

void logline_setup(enum log_level least, void (*sink)(const char *p, size_t n), int64_t (*wall_ms)(void))
{
    setup.least = least;
    setup.sink = sink;
    setup.wall_ms = wall_ms;
}

void logline(enum log_level level, const char *subject, const char *fmt, ...)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    if (level < setup.least || !setup.sink) return;
    char line[1024];
    int64_t ms = setup.wall_ms();
    time_t sec = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&sec, &tm);
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03dZ %-5s %s: ", (int)(ms % 1000), names[level],
                          subject);
    n = min_size(n, sizeof line - 2);
    va_list ap;
    va_start(ap, fmt);
    int k = vsnprintf(line + n, sizeof line - 1 - n, fmt, ap);
    va_end(ap);
    if (k > 0) n = min_size(n + (size_t)k, sizeof line - 2);
    for (size_t i = 0; i < n; i++) /* outside bytes must not forge lines */
        if ((unsigned char)line[i] < 0x20) line[i] = '?';
    line[n++] = '\n';
    setup.sink(line, n);
}
