/* Calls that wait, for tools: one connection, one request at a time. Not for shards. */
#ifndef MOLDAU_BLOCKING_H
#define MOLDAU_BLOCKING_H

#include "os/os.h"

/* A connected handle or ERR_IO (os_why tells). */
int os_connect_wait(const char *host, uint16_t port, int64_t timeout_ms) MUST_USE;
int os_send_wait(int fd, const void *p, size_t n, int64_t timeout_ms) MUST_USE;
/* Exactly n bytes; ERR_EOF if the peer closed, ERR_REQUEST_TIMED_OUT if nothing came in time. */
int os_recv_wait(int fd, void *p, size_t n, int64_t timeout_ms) MUST_USE;
void os_close_wait(int fd);
/* Ends a connection that somebody else owns, who sees its end and closes it. */
void os_hang_up(int fd);
/* The other side has closed it, or at least says no more. */
bool os_peer_closed(int fd);
/* A descriptor that becomes readable when eight bytes, the number 1, are written to it. */
int os_event_new(void) MUST_USE;
void os_event_set(int fd);
void os_event_clear(int fd);
void os_event_free(int fd);
/* Until it is readable, at most so long; -1: for ever. */
void os_event_wait(int fd, int64_t ms);
/* Until one of two is. */
void os_event_wait_two(int one, int other, int64_t ms);
void os_sleep_ms(int64_t ms);
int64_t os_now_wall_ms(void);
int64_t os_now_mono_ms(void);

#endif
