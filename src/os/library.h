/* Libraries that are loaded when they are needed: who does not need them does not pay for them. */
#ifndef MOLDAU_LIBRARY_H
#define MOLDAU_LIBRARY_H

#include "base/err.h"
#include "base/strbuf.h"

/* calls: a struct of n pointers to functions, in the order of their names. ERR_NOENT, and why behind the text
 * that is there: the library, or a call of it, is not to be had. what: its name for people. */
int os_library(const char *file, const char *what, const char *const *names, size_t n, void *calls,
               struct strbuf *why) MUST_USE;

#endif
