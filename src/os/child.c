#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn(int *pid, int in, int out, char *const argv[], char *const env[])
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
    if (out >= 0) posix_spawn_file_actions_adddup2(&files, out, 1);
    int rc = posix_spawnp(pid, argv[0], &files, &attr, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = rc;
    return rc ? ERR_IO : 0;
}

static void close_both(int ends[2])
{
    if (ends[0] >= 0) close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
}

int os_child_start(struct os_child *c, char *const argv[], char *const env[], bool answers)
{
    int in[2], out[2] = {-1, -1}, e;
    if (pipe2(in, O_CLOEXEC) < 0) return ERR_IO;
    int rc = answers && pipe2(out, O_CLOEXEC) < 0 ? ERR_IO : spawn(&c->pid, in[0], out[1], argv, env);
    e = errno;
    c->pid_fd = rc ? -1 : (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (!rc && c->pid_fd < 0) { /* it cannot be watched */
        e = errno;
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        rc = ERR_IO;
    }
    if (rc) {
        close_both(in);
        close_both(out);
        errno = e;
        return rc;
    }
    close(in[0]);
    if (out[1] >= 0) close(out[1]);
    c->in_fd = in[1];
    c->out_fd = out[0];
    fcntl(c->in_fd, F_SETFL, O_NONBLOCK);
    if (c->out_fd >= 0) fcntl(c->out_fd, F_SETFL, O_NONBLOCK);
    fcntl(c->pid_fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

ssize_t os_child_read(struct os_child *c, void *p, size_t n)
{
    for (;;) {
        ssize_t r = read(c->out_fd, p, n);
        if (r >= 0) return r;
        if (errno != EINTR) return errno == EAGAIN ? ERR_BUSY : ERR_IO;
    }
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
    if (c->out_fd >= 0) close(c->out_fd);
    c->out_fd = -1;
    close(c->pid_fd);
    c->pid_fd = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
