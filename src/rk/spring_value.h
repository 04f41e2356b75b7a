/* Values as Spring Boot writes them. */
#ifndef MOLDAU_SPRING_VALUE_H
#define MOLDAU_SPRING_VALUE_H

#include "base/base.h"

/* false: it is none. 5s, 500ms, 2m, 1h, 1d, 5 (of the unit, in milliseconds), PT1M30S. Not negative. */
bool spring_duration(const char *text, int64_t unit_ms, int64_t *out_ms);
/* 1MB, 64KB, 100B, 100. Not negative. */
bool spring_data_size(const char *text, int64_t *out_bytes);
/* true, on, yes, 1; false, off, no, 0 */
bool spring_boolean(const char *text, bool *out);
bool spring_integer(const char *text, int64_t *out);
/* Whether two names are the same to Spring: case, dashes and underscores do not matter, dots do. */
bool spring_same(const char *a, size_t an, const char *b, size_t bn);

#endif
