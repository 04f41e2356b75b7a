/* The executables that belong to this one, for its main only. */
#ifndef MOLDAU_EXEC_H
#define MOLDAU_EXEC_H

#include "base/strbuf.h"

/* Becomes the executable `name` that lies in the folder of this one or, where that is PREFIX/bin, in
 * PREFIX/libexec. The folder is that of the file itself, whatever name, link or search path it was called by.
 * argv ends with NULL and begins with the name to go by. Returns only on failure, with one sentence in why
 * that says what is missing and where it was looked for. */
void os_exec_beside(const char *name, char **argv, struct strbuf *why);

#endif
