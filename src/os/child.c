#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn(int *pid, int in, char *const argv[], char *const env[])
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t files;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_init(&files);
    /* Signals as a program expects them: what we ignore or catch is not for it. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    int rc = posix_spawnp(pid, argv[0], &files, &attr, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = rc;
    return rc ? ERR_IO : 0;
}

int os_child_start(struct os_child *c, char *const argv[], char *const env[])
{
    int ends[2], e;
    if (pipe2(ends, O_CLOEXEC) < 0) return ERR_IO;
    int rc = spawn(&c->pid, ends[0], argv, env);
    e = errno;
    close(ends[0]);
    c->in_fd = ends[1];
    c->pid_fd = rc ? -1 : (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (!rc && c->pid_fd < 0) { /* it cannot be watched */
        e = errno;
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        rc = ERR_IO;
    }
    if (rc) close(ends[1]);
    else {
        fcntl(c->in_fd, F_SETFL, O_NONBLOCK);
        fcntl(c->pid_fd, F_SETFD, FD_CLOEXEC);
    }
    errno = e;
    return rc;
}

ssize_t os_child_write(struct os_child *c, const void *p, size_t n)
{
    for (;;) {
        ssize_t r = write(c->in_fd, p, n);
        if (r >= 0) return r;
        if (errno != EINTR) return errno == EAGAIN ? ERR_BUSY : ERR_IO;
    }
}

void os_child_close_input(struct os_child *c)
{
    if (c->in_fd >= 0) close(c->in_fd);
    c->in_fd = -1;
}

void os_child_signal(const struct os_child *c, int signal)
{
    kill(-c->pid, signal);
}

int os_child_ended(struct os_child *c)
{
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    os_child_close_input(c);
    close(c->pid_fd);
    c->pid_fd = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
