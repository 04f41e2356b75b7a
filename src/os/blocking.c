#include "os/blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
int64_t os_now_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}
int64_t os_now_mono_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

void os_sleep_ms(int64_t ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&ts, &ts) < 0 && errno == EINTR) {
    }
}

/* Waits until fd is ready; ERR_REQUEST_TIMED_OUT when the deadline passes. */
static int wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - os_now_mono_ms();
        struct pollfd p = {.fd = fd, .events = events};
        int n = left <= 0 ? 0 : poll(&p, 1, (int)min_i64(left, 1 << 30));
        if (n > 0) return 0;
        if (n == 0) {
            errno = ETIMEDOUT;
            return ERR_REQUEST_TIMED_OUT;
        }
        if (errno != EINTR) return ERR_IO;
    }
}

static int connect_one(const struct addrinfo *a, int64_t deadline)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, e = 0;
    socklen_t n = sizeof e;
    if (fd < 0) return ERR_IO;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) return fd;
    if (errno == EINPROGRESS && wait_for(fd, POLLOUT, deadline) == 0) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n);
        if (e == 0) return fd;
        errno = e;
    }
    e = errno;
    close(fd);
    errno = e;
    return ERR_IO;
}

int os_connect_wait(const char *host, uint16_t port, int64_t timeout_ms)
{
    char service[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list)) {
        errno = EADDRNOTAVAIL;
        return ERR_IO;
    }
    int64_t deadline = os_now_mono_ms() + timeout_ms;
    int fd = ERR_IO;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) fd = connect_one(a, deadline);
    int e = errno;
    freeaddrinfo(list);
    errno = e;
    return fd;
}

int os_send_wait(int fd, const void *p, size_t n, int64_t timeout_ms)
{
    int64_t deadline = os_now_mono_ms() + timeout_ms;
    for (size_t at = 0; at < n;) {
        ssize_t r = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
        if (r > 0) at += (size_t)r;
        else if (errno == EAGAIN) {
            int rc = wait_for(fd, POLLOUT, deadline);
            if (rc) return rc;
        } else if (errno != EINTR) return ERR_IO;
    }
    return 0;
}

int os_recv_wait(int fd, void *p, size_t n, int64_t timeout_ms)
{
    int64_t deadline = os_now_mono_ms() + timeout_ms;
    for (size_t at = 0; at < n;) {
        ssize_t r = recv(fd, (char *)p + at, n - at, 0);
        if (r > 0) at += (size_t)r;
        else if (r == 0) return ERR_EOF;
        else if (errno == EAGAIN) {
            int rc = wait_for(fd, POLLIN, deadline);
            if (rc) return rc;
        } else if (errno != EINTR) return ERR_IO;
    }
    return 0;
}

void os_close_wait(int fd)
{
    close(fd);
}

bool os_peer_closed(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void os_hang_up(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

int os_event_new(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? ERR_IO : fd;
}

void os_event_set(int fd)
{
    static const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one); /* one that is full is readable all the same */
}

void os_event_clear(int fd)
{
    uint64_t n;
    (void)!read(fd, &n, sizeof n);
}

void os_event_free(int fd)
{
    close(fd);
}

void os_event_wait_two(int one, int other, int64_t ms)
{
    struct pollfd p[2] = {{.fd = one, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    (void)!poll(p, 2, ms < 0 ? -1 : (int)min_i64(ms, INT32_MAX)); /* a signal ends it, too */
}

void os_event_wait(int fd, int64_t ms)
{
    os_event_wait_two(fd, -1, ms);
}
