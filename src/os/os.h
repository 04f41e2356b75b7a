/* The seam to the world: clock, entropy, files, sockets, mailboxes, a pool for blocking work. Everything
 * outside src/os reaches the world through here, so that a simulator can supply another one.
 *
 * One `struct os` belongs to one shard and is used by that shard's thread only, except where a line says "any
 * thread". Functions return 0 or a count, or a negative ERR_*; after an ERR_ from a file call os_why() names
 * the operating system's reason. */
#ifndef MOLDAU_OS_H
#define MOLDAU_OS_H

#include "base/err.h"
#include "base/list.h"

#include <sys/types.h>
#include <sys/uio.h>

struct os;

/* ---- clock and entropy ---- */
/* Milliseconds since the epoch, as records carry. May step. */
int64_t os_wall_ms(struct os *os);
/* Monotonic nanoseconds, as of the start of the loop's turn (cheap). */
int64_t os_mono_ns(struct os *os);
static inline int64_t os_mono_ms(struct os *os)
{
    return os_mono_ns(os) / 1000000;
}
void os_entropy(struct os *os, void *p, size_t n);

/* ---- files: any thread ---- */
enum {
    OS_READ = 1,
    OS_WRITE = 2,
    OS_CREATE = 4, /* create if missing */
    OS_EXCL = 8,   /* fail with ERR_EXISTS if it is there */
    OS_TRUNCATE = 16,
};
struct os_stat {
    int64_t size;
    int64_t mtime_ms;
    bool is_dir;
};
typedef int os_dir_cb(void *arg, const char *name, bool is_dir);

int os_open(struct os *os, const char *path, int flags) MUST_USE; /* a file handle >= 0 */
void os_close(struct os *os, int fd);
/* Reads up to n bytes; fewer only at the end of the file. */
ssize_t os_pread(struct os *os, int fd, void *p, size_t n, int64_t off) MUST_USE;
/* Like os_pread, but gives ERR_BUSY instead of waiting for a disk. */
ssize_t os_pread_cached(struct os *os, int fd, void *p, size_t n, int64_t off) MUST_USE;
/* Writes everything or fails; what a failed call left behind is unknown. */
int os_pwritev(struct os *os, int fd, struct iovec *iov, int iov_n, int64_t off) MUST_USE;
int os_pwrite(struct os *os, int fd, const void *p, size_t n, int64_t off) MUST_USE;
int os_fdatasync(struct os *os, int fd) MUST_USE;
/* Writes back what is dirty and forgets the rest of the page cache: reads then show what the disk has.
 * Blocks. */
int os_settle(struct os *os, int fd) MUST_USE;
int os_ftruncate(struct os *os, int fd, int64_t size) MUST_USE;
int os_fstat(struct os *os, int fd, struct os_stat *out) MUST_USE;
int os_stat(struct os *os, const char *path, struct os_stat *out) MUST_USE;
int os_rename(struct os *os, const char *from, const char *to) MUST_USE;
int os_unlink(struct os *os, const char *path) MUST_USE;
int os_rmdir(struct os *os, const char *path) MUST_USE;
/* One level; an existing directory is ERR_EXISTS. */
int os_mkdir(struct os *os, const char *path) MUST_USE;
/* Makes names in a directory durable. */
int os_fsync_dir(struct os *os, const char *path) MUST_USE;
/* Makes everything durable that was written below a directory, names included, in one go: for a stop, where a
 * sync of each of many thousand files would take minutes. Blocks. */
int os_sync_tree(struct os *os, const char *path) MUST_USE;
int os_list_dir(struct os *os, const char *path, os_dir_cb *cb, void *arg) MUST_USE;
/* Exclusive lock on an open file until it is closed; ERR_BUSY if another process holds it. */
int os_lock(struct os *os, int fd) MUST_USE;
/* Asks the kernel to read ahead; a hint. Blocks: pool only. */
void os_readahead(struct os *os, int fd, int64_t off, int64_t n);
/* Total and free bytes of the file system that holds path. */
int os_disk_usage(struct os *os, const char *path, int64_t *total, int64_t *usable) MUST_USE;
const char *os_why(void);

/* Whole-file helpers built on the calls above. */
struct strbuf;
int os_read_file(struct os *os, const char *path, size_t max, struct strbuf *out) MUST_USE;
/* Writes path.tmp, syncs it, renames it over path, syncs the directory. */
int os_write_file_atomic(struct os *os, const char *path, const void *p, size_t n) MUST_USE;
/* The same without the syncs: for who calls os_sync_tree, or can do without the file. */
int os_write_file_over(struct os *os, const char *path, const void *p, size_t n) MUST_USE;
/* With its parents; their names are durable. */
int os_mkdir_p(struct os *os, const char *path) MUST_USE;
/* After a failed sync the page cache shows records that the disk does not have, and no later sync writes them
 * (Rebello et al., "Can Applications Recover from fsync Failures?", 2020). A mark in the directory lets the
 * next start know; it is in the page cache like them, which is enough: when the power fails they are gone
 * too. */
void os_mark_unsettled(struct os *os, const char *dir);
/* If dir has that mark: settles every file below it, then removes the mark. */
int os_settle_marked(struct os *os, const char *dir, bool *was) MUST_USE;
/* Removes a directory and what is in it (one level of files, or deeper). */
int os_remove_tree(struct os *os, const char *path) MUST_USE;

/* ---- messages between shards ---- */
/* Caller-owned; from os_post until run is called it belongs to the receiver. */
struct os_msg {
    struct os_msg *next;
    void (*run)(struct os_msg *m, void *owner); /* owner: what the receiving loop was given */
    /* Much work: a sleeping receiver is woken for it. Otherwise the sender's thread may run it in the
     * receiver's place. */
    bool apart;
};
/* Queues for `to`; delivered at the end of the sender's turn, in order for a pair of loops. */
void os_post(struct os *from, struct os *to, struct os_msg *m);
/* The same from a thread that is not a loop: delivered at once. */
void os_post_any(struct os *to, struct os_msg *m);
/* What ends a turn of this loop when another thread ran its messages while it slept; gives the time at which
 * the loop must be awake (mono; INT64_MAX: no matter). */
void os_on_visit(struct os *os, int64_t (*visit)(void *owner), void *owner);

/* ---- blocking work ---- */
struct os_job {
    struct os_msg msg;
    struct os *home;
    struct os_job *next;
    /* Somebody's acknowledgement waits for it: it does not stand behind reads, cleaning and copies. */
    bool durability;
    void (*run)(struct os_job *j);               /* on a pool thread */
    void (*done)(struct os_job *j, void *owner); /* back on the loop that submitted */
};
void os_submit(struct os *os, struct os_job *j);

/* ---- sockets: readiness ---- */
struct os_sock {
    int fd; /* -1: closed */
    uint8_t interest;
    bool in_poll, unheard;
    struct os_sock *next_unheard;
    void (*ready)(struct os_sock *s, unsigned events, void *owner);
};
enum { OS_READABLE = 1, OS_WRITABLE = 2 };

/* Binds and listens; host "" is every address. Port 0 picks one; *port_out says which. ERR_NOENT: the host
 * has no address. */
int os_listen(struct os *os, struct os_sock *s, const char *host, uint16_t port, uint16_t *port_out) MUST_USE;
/* What the kernel may hold for each connection that this listener accepts from now on, as SO_SNDBUF and
 * SO_RCVBUF count; below 1: its own choice. */
void os_listener_buffers(struct os *os, struct os_sock *listener, int64_t send_bytes, int64_t receive_bytes);
/* The name by which this machine is known to others: the one that its address leads back to, else its
 * address. */
void os_host_name(struct os *os, char *out, size_t n);
/* A new connection's handle (non-blocking, no delay) or ERR_BUSY when none waits; ERR_NOMEM when no file is
 * left for it. peer gets "ip:port". */
int os_accept(struct os *os, struct os_sock *listener, char *peer, size_t peer_n) MUST_USE;
/* Begins to watch a handle on this loop; interest 0 parks it. */
int os_sock_attach(struct os *os, struct os_sock *s, int fd, unsigned interest) MUST_USE;
/* If the kernel has no memory to watch it, it is asked again until it has. */
void os_sock_interest(struct os *os, struct os_sock *s, unsigned interest);
/* Bytes moved; 0 is end of stream (recv); ERR_BUSY: would wait; ERR_IO: the connection is gone. */
ssize_t os_recv(struct os *os, struct os_sock *s, void *p, size_t n) MUST_USE;
ssize_t os_sendv(struct os *os, struct os_sock *s, const struct iovec *iov, int iov_n, bool more) MUST_USE;
ssize_t os_sendfile(struct os *os, struct os_sock *s, int fd, int64_t off, size_t n) MUST_USE;
void os_sock_close(struct os *os, struct os_sock *s);

/* ---- the loop ---- */
/* Waits for sockets, messages or until deadline_ns (mono; INT64_MAX: none), then delivers what came. */
void os_turn(struct os *os, int64_t deadline_ns, void *owner);
/* Enough of what is being delivered, sockets or messages: those that wait besides the one at hand come in the
 * next turn. So neither kind keeps the other waiting, and a turn's data stays in the processor's cache. */
void os_cut_turn(struct os *os);
/* Sends off the messages posted in this turn; os_turn does it before it waits. */
void os_flush_posts(struct os *os);

/* ---- the real one
 * ------------------------------------------------------------------------------------------ */
struct os_pool;
/* At least two: the first does nothing but what durability waits for. */
struct os_pool *os_linux_pool_new(int threads);
void os_linux_pool_free(struct os_pool *p);
struct os *os_linux_new(struct os_pool *pool);
void os_linux_free(struct os *os);
/* os_listen for who has no loop: the listening handle. */
int os_listen_plain(const char *host, uint16_t port, uint16_t *port_out) MUST_USE;
/* Threads, for those who run loops. */
struct os_thread;
struct os_thread *os_thread_start(void (*run)(void *arg), void *arg);
void os_thread_join(struct os_thread *t);
int os_cpu_count(void);
/* So many files the logs may keep open; the rest of the process's limit is for connections, and some for what
 * is open for a moment. */
int os_log_files_max(void);
int64_t os_resident_bytes(void);
/* SIGTERM and SIGINT become a message. Block them before the first thread starts, then say where they go. */
void os_block_stop_signals(void);
void os_on_stop_signal(struct os *to, struct os_msg *m);
/* Ends the process at once; nothing is written any more. */
_Noreturn void os_exit(int code);
/* One line to the error stream, whole, from any thread. */
void os_write_stderr(const char *p, size_t n);
int64_t os_boot_wall_ms(void);
/* Large blocks go back to the system when they are freed, small ones only when there are megabytes of them.
 */
void os_tune_heap(void);

#endif
