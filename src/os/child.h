/* Programs that a tool runs beside itself. Not for shards. */
#ifndef MOLDAU_CHILD_H
#define MOLDAU_CHILD_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* A program with its standard input on a pipe, in a process group of its own: what it starts goes with it. */
struct os_child {
    int pid;
    int pid_fd; /* readable once it has ended */
    int in_fd;  /* -1: closed. Writes do not wait */
    int out_fd; /* its standard output; -1: it is ours */
};
/* argv[0] is looked for in the search path; env is the whole environment. answers: its standard output comes
 * to out_fd. ERR_IO, and os_why. */
int os_child_start(struct os_child *c, char *const argv[], char *const env[], bool answers) MUST_USE;
/* Bytes taken; ERR_BUSY: it reads them later; ERR_IO: it reads no more. */
ssize_t os_child_write(struct os_child *c, const void *p, size_t n) MUST_USE;
/* Bytes read, 0: its end; ERR_BUSY: nothing yet; ERR_IO. */
ssize_t os_child_read(struct os_child *c, void *p, size_t n) MUST_USE;
void os_child_close_input(struct os_child *c);
/* To all of its group. */
void os_child_signal(const struct os_child *c, int signal);
/* After pid_fd became readable: how it ended, as a shell tells it: its exit code, or 128 and the signal. */
int os_child_ended(struct os_child *c);

#endif
