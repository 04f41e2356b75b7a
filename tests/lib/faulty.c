/* Preloaded into a broker: its files fail as the first byte of $FAULTY_CONTROL says, those below $FAULTY_DIR only.
 *
 *   f  full: writes give half of what was asked and then ENOSPC, no file or directory can be made
 *   r  read-only: everything that changes a file or a name gives EROFS
 *   w  writes give EIO          s  syncs give EIO          e  reads give EIO
 *   n  no file can be opened (EMFILE), and epoll has no memory for another socket or interest
 *   anything else: no fault */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const volatile char *control;
static const char *dir;

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))(unsigned long)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTY_CONTROL");
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))(unsigned long)dlsym(RTLD_NEXT, "open");
    int fd = path ? real(path, O_RDONLY) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    dir = getenv("FAULTY_DIR");
    if (p == MAP_FAILED || !dir) abort();
    control = p;
}

static bool below(const char *path)
{
    return path && strncmp(path, dir, strlen(dir)) == 0;
}
static char mode_of(const char *path)
{
    return control && below(path) ? *control : '-';
}
static char mode_of_fd(int fd)
{
    char link[64], path[PATH_MAX];
    if (!control || strchr("frwse", *control) == NULL) return '-';
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return '-';
    path[n] = 0;
    return mode_of(path);
}
static int refuse(char mode)
{
    errno = mode == 'f' ? ENOSPC : mode == 'r' ? EROFS : EIO;
    return -1;
}

static int open_any(const char *path, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))(unsigned long)dlsym(RTLD_NEXT, "open");
    char m = mode_of(path);
    bool makes = (flags & O_CREAT) && access(path, F_OK) != 0;
    if (m == 'n') {
        errno = EMFILE;
        return -1;
    }
    if (m == 'f' && makes) return refuse(m);
    if (m == 'r' && (makes || (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))) return refuse(m);
    return real(path, flags, mode);
}
int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_any(path, flags, mode);
}
int epoll_ctl(int ep, int op, int fd, struct epoll_event *ev)
{
    REAL(epoll_ctl);
    if (control && *control == 'n' && op == EPOLL_CTL_MOD) {
        errno = ENOMEM;
        return -1;
    }
    return real(ep, op, fd, ev);
}
ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
    REAL(pwritev);
    static _Thread_local bool half;
    char m = mode_of_fd(fd);
    if (m == 'r' || m == 'w') return refuse(m);
    if (m != 'f') return real(fd, iov, n, off);
    half = !half; /* first a short write, then the refusal */
    struct iovec v = {iov->iov_base, iov->iov_len / 2};
    if (half && v.iov_len) return real(fd, &v, 1, off);
    half = false;
    return refuse(m);
}
ssize_t pread(int fd, void *p, size_t n, off_t off)
{
    REAL(pread);
    char m = mode_of_fd(fd);
    return m == 'e' ? refuse(m) : real(fd, p, n, off);
}
ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
    REAL(preadv2);
    char m = mode_of_fd(fd);
    return m == 'e' ? refuse(m) : real(fd, iov, n, off, flags);
}
ssize_t sendfile(int to, int fd, off_t *off, size_t n)
{
    REAL(sendfile);
    char m = mode_of_fd(fd);
    return m == 'e' ? refuse(m) : real(to, fd, off, n);
}
int fdatasync(int fd)
{
    REAL(fdatasync);
    char m = mode_of_fd(fd);
    return m == 's' ? refuse(m) : real(fd);
}
int fsync(int fd)
{
    REAL(fsync);
    char m = mode_of_fd(fd);
    return m == 's' ? refuse(m) : real(fd);
}
int ftruncate(int fd, off_t n)
{
    REAL(ftruncate);
    char m = mode_of_fd(fd);
    return m == 'r' ? refuse(m) : real(fd, n);
}
int rename(const char *from, const char *to)
{
    REAL(rename);
    char m = mode_of(to);
    return m == 'r' ? refuse(m) : real(from, to);
}
int unlink(const char *path)
{
    REAL(unlink);
    char m = mode_of(path);
    return m == 'r' ? refuse(m) : real(path);
}
int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    char m = mode_of(path);
    return (m == 'r' || m == 'f') && access(path, F_OK) != 0 ? refuse(m) : real(path, mode);
}
