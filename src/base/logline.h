/* Log lines: level, time, subject, sentence. One line, one write; safe from any thread. The sink is set once
 * at start, before threads run. */
#ifndef MOLDAU_LOGLINE_H
#define MOLDAU_LOGLINE_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NONE };
/* subject: what it is about ("topic-0", "conn 127.0.0.1:5000", "server"). */
void logline(enum log_level level, const char *subject, const char *fmt, ...) PRINTF_LIKE(3, 4);
void logline_setup(enum log_level least, void (*sink)(const char *p, size_t n), int64_t (*wall_ms)(void));

#endif
