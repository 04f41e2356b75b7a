/* The real world: Linux. epoll for sockets, an intrusive lock-free chain as mailbox, eventfd only to wake a
 * sleeper, a small pool of threads for calls that may wait for a disk.
 *
 * Invariants
 * 1. A loop's sockets, timers, outgoing chains and whatever its owner keeps are touched under `turn` only.
 *    Its own thread holds it except while it sleeps in epoll_wait, so the lock is never waited for by anyone
 *    else: who has a message for a sleeping loop tries it once and, if that succeeds, runs the message right
 *    there (a visit). Between two cores a wake-up costs more than most messages. No visit begins once the
 *    sleeper is awake, so its sockets get their turn.
 * 2. The inbox is a stack: senders push whole chains with one compare-and-swap, the owner takes all with one
 *    exchange, reverses, and puts them behind what is left from before. Order between a pair of loops is
 *    kept because a sender pushes its chain newest first.
 * 3. `sleeping` is set before the last look at the inbox and read after a push (both sequentially
 *    consistent), so a message is seen or its sender wakes the sleeper.
 * 4. A visit may close sockets for which the sleeper has already fetched events; `stale` makes it drop them.
 *    Sockets are level-triggered, so nothing is lost. */
#include "os/os.h"
#include "base/strbuf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
#define PEERS_MAX 128
#define VISIT_TURNS 4
#define UNHEARD_NS (100 * 1000000ll)

struct outbox {
    struct os *to;
    struct os_msg *newest, *oldest; /* chain as the receiver's stack wants it: newest first */
    bool apart;                     /* one of them wants the receiver's own thread */
};

struct os {
    int epoll_fd, wake_fd;
    int64_t mono_ns;
    struct os_pool *pool;
    struct outbox out[PEERS_MAX];
    int out_n;
    _Atomic(struct os_msg *) inbox;
    struct os_msg *rest, *rest_last; /* older than the inbox: left by a turn that was cut */
    atomic_int sleeping;
    struct epoll_event events[EVENTS_PER_TURN];
    int events_n, events_i; /* events[events_i..events_n) wait: fetched, but not for the turn that was cut */
    bool cut;
    pthread_mutex_t turn;
    bool held;           /* by this loop's own thread; only that one looks */
    bool visited, stale; /* under turn */
    bool skipped_poll;
    struct os_sock *unheard; /* the kernel had no memory to watch them; it is asked again */
    int64_t deadline_ns;     /* of the sleep under way */
    int64_t (*visit)(void *owner);
    void *visit_owner;
};

struct os_queue {
    struct os_job *head, **tail;
};
/* Two lanes. The first thread takes durability's jobs only, every other one has a lane that it prefers, so
 * neither kind waits for ever. */
struct os_pool {
    pthread_mutex_t lock;
    pthread_cond_t more, more_durability; /* the first thread waits for the second */
    struct os_queue durability, rest;
    bool first_idle;
    bool stopping;
    atomic_int conns_n; /* connections of all loops */
    int conns_max;
    int threads_n;
    struct os_pool_thread {
        struct os_pool *pool;
        int i;
        pthread_t t;
    } threads[];
};

/* ---- clock, entropy ---- */
static int64_t clock_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
int64_t os_wall_ms(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_REALTIME) / 1000000;
}
int64_t os_boot_wall_ms(void)
{
    return clock_ns(CLOCK_REALTIME) / 1000000;
}
int64_t os_mono_ns(struct os *os)
{
    return os->mono_ns;
}
void os_entropy(struct os *os, void *p, size_t n)
{
    (void)os;
    for (size_t got = 0; got < n;) {
        ssize_t r = getrandom((char *)p + got, n - got, 0);
        if (r > 0) got += (size_t)r;
        else ASSERT(errno == EINTR);
    }
}

/* ---- files ---- */
static int err_of(int e)
{
    switch (e) {
    case ENOENT:
        return ERR_NOENT;
    case EEXIST:
        return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return ERR_NOFILES;
    default:
        return ERR_IO;
    }
}
static int check(long rc)
{
    return rc < 0 ? err_of(errno) : 0;
}
const char *os_why(void)
{
    return strerror(errno);
}

int os_open(struct os *os, const char *path, int flags)
{
    (void)os;
    int f = O_CLOEXEC;
    f |= flags & OS_WRITE ? O_RDWR : O_RDONLY;
    if (flags & OS_CREATE) f |= O_CREAT;
    if (flags & OS_EXCL) f |= O_EXCL;
    if (flags & OS_TRUNCATE) f |= O_TRUNC;
    int fd = open(path, f, 0644);
    return fd < 0 ? err_of(errno) : fd;
}
void os_close(struct os *os, int fd)
{
    (void)os;
    ASSERT(fd >= 0);
    close(fd);
}
ssize_t os_pread(struct os *os, int fd, void *p, size_t n, int64_t off)
{
    (void)os;
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, (char *)p + got, n - got, off + (int64_t)got);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) return err_of(errno);
        if (r == 0) break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}
ssize_t os_pread_cached(struct os *os, int fd, void *p, size_t n, int64_t off)
{
    (void)os;
    struct iovec v = {p, n};
    ssize_t r = preadv2(fd, &v, 1, off, RWF_NOWAIT);
    if (r >= 0) return r;
    if (errno == EAGAIN) return ERR_BUSY;
    if (errno == EOPNOTSUPP) return os_pread(os, fd, p, n, off);
    return err_of(errno);
}
int os_pwritev(struct os *os, int fd, struct iovec *iov, int iov_n, int64_t off)
{
    (void)os;
    while (iov_n > 0) {
        ssize_t r = pwritev(fd, iov, iov_n > 1024 ? 1024 : iov_n, off);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) return err_of(errno);
        off += r;
        size_t left = (size_t)r;
        while (iov_n > 0 && left >= iov->iov_len) {
            left -= iov->iov_len;
            iov++;
            iov_n--;
        }
        if (iov_n > 0) {
            iov->iov_base = (char *)iov->iov_base + left;
            iov->iov_len -= left;
        }
    }
    return 0;
}
int os_pwrite(struct os *os, int fd, const void *p, size_t n, int64_t off)
{
    struct iovec v = {.iov_len = n};
    memcpy(&v.iov_base, &p, sizeof p); /* iovec has no const */
    return n ? os_pwritev(os, fd, &v, 1, off) : 0;
}
/* Whatever a sync fails with, what it should have written may be gone: never one of those that pass. */
static int synced(int rc)
{
    return rc < 0 ? ERR_IO : 0;
}
int os_fdatasync(struct os *os, int fd)
{
    (void)os;
    return synced(fdatasync(fd));
}
int os_settle(struct os *os, int fd)
{
    (void)os;
    if (fdatasync(fd) < 0) return ERR_IO;
    errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return errno ? ERR_IO : 0;
}
int os_ftruncate(struct os *os, int fd, int64_t size)
{
    (void)os;
    return check(ftruncate(fd, size));
}
static void stat_out(const struct stat *st, struct os_stat *out)
{
    *out = (struct os_stat){.size = st->st_size,
                            .mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000,
                            .is_dir = S_ISDIR(st->st_mode)};
}
int os_fstat(struct os *os, int fd, struct os_stat *out)
{
    (void)os;
    struct stat st;
    if (fstat(fd, &st) < 0) return err_of(errno);
    stat_out(&st, out);
    return 0;
}
int os_stat(struct os *os, const char *path, struct os_stat *out)
{
    (void)os;
    struct stat st;
    if (stat(path, &st) < 0) return err_of(errno);
    stat_out(&st, out);
    return 0;
}
int os_rename(struct os *os, const char *from, const char *to)
{
    (void)os;
    return check(rename(from, to));
}
int os_unlink(struct os *os, const char *path)
{
    (void)os;
    return check(unlink(path));
}
int os_rmdir(struct os *os, const char *path)
{
    (void)os;
    return check(rmdir(path));
}
int os_mkdir(struct os *os, const char *path)
{
    (void)os;
    return check(mkdir(path, 0755));
}
int os_fsync_dir(struct os *os, const char *path)
{
    (void)os;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_of(errno);
    int rc = synced(fsync(fd));
    close(fd);
    return rc;
}
int os_sync_tree(struct os *os, const char *path)
{
    (void)os;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_of(errno);
    int rc = synced(syncfs(fd));
    int e = errno;
    close(fd);
    errno = e;
    return rc;
}
int os_list_dir(struct os *os, const char *path, os_dir_cb *cb, void *arg)
{
    (void)os;
    DIR *d = opendir(path);
    if (!d) return err_of(errno);
    int rc = 0;
    for (struct dirent *e; rc == 0 && (errno = 0, e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        bool is_dir = e->d_type == DT_DIR;
        if (e->d_type == DT_UNKNOWN || e->d_type == DT_LNK) {
            struct stat st;
            is_dir = fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
        }
        rc = cb(arg, e->d_name, is_dir);
    }
    closedir(d);
    return rc;
}
int os_lock(struct os *os, int fd)
{
    (void)os;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) return errno == EWOULDBLOCK ? ERR_BUSY : ERR_IO;
    /* Java locks the same file with POSIX record locks: take that one too, so neither starts beside the
     * other. */
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &fl) < 0) return errno == EACCES || errno == EAGAIN ? ERR_BUSY : ERR_IO;
    return 0;
}
void os_readahead(struct os *os, int fd, int64_t off, int64_t n)
{
    (void)os;
    (void)!readahead(fd, off, (size_t)n);
}
int os_disk_usage(struct os *os, const char *path, int64_t *total, int64_t *usable)
{
    (void)os;
    struct statvfs v;
    if (statvfs(path, &v) < 0) return err_of(errno);
    *total = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
    *usable = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    return 0;
}

/* ---- messages ---- */
static void push(struct os *to, struct os_msg *newest, struct os_msg *oldest)
{
    struct os_msg *head = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    do oldest->next = head;
    while (!atomic_compare_exchange_weak(&to->inbox, &head, newest));
}
static void wake(struct os *to)
{
    if (!atomic_exchange(&to->sleeping, 0)) return;
    uint64_t one = 1;
    (void)!write(to->wake_fd, &one, sizeof one);
}
void os_post(struct os *from, struct os *to, struct os_msg *m)
{
    int i = 0;
    while (i < from->out_n && from->out[i].to != to) i++;
    if (i == from->out_n) {
        ASSERT(i < PEERS_MAX);
        from->out[from->out_n++] = (struct outbox){.to = to};
    }
    struct outbox *o = &from->out[i];
    m->next = o->newest;
    o->newest = m;
    o->apart |= m->apart;
    if (!o->oldest) o->oldest = m;
}
static bool visit(struct os *to);
void os_post_any(struct os *to, struct os_msg *m)
{
    push(to, m, m);
    if (atomic_load(&to->sleeping)) wake(to);
}
/* Sends the outgoing chains; visits of the receivers are not made from within a visit. */
static void flush(struct os *os, bool may_visit)
{
    for (int i = 0; i < os->out_n; i++) {
        struct outbox *o = &os->out[i];
        if (!o->newest) continue;
        bool apart = o->apart;
        push(o->to, o->newest, o->oldest);
        o->newest = o->oldest = NULL;
        o->apart = false;
        if (o->to == os || !atomic_load(&o->to->sleeping)) continue;
        if (!may_visit || apart || !visit(o->to)) wake(o->to);
    }
}
void os_flush_posts(struct os *os)
{
    flush(os, true);
}
static bool mail_waits(struct os *os)
{
    return os->rest || atomic_load(&os->inbox);
}
static bool drain_inbox(struct os *os, void *owner)
{
    if (atomic_load_explicit(&os->inbox, memory_order_relaxed)) {
        struct os_msg *m = atomic_exchange(&os->inbox, NULL), *newest = m, *oldest = NULL;
        while (m) {
            struct os_msg *next = m->next;
            m->next = oldest;
            oldest = m;
            m = next;
        }
        if (os->rest) os->rest_last->next = oldest;
        else os->rest = oldest;
        os->rest_last = newest;
    }
    if (!os->rest) return false;
    os->cut = false;
    while (os->rest && !os->cut) {
        struct os_msg *m = os->rest;
        os->rest = m->next;
        m->run(m, owner);
    }
    return true;
}

void os_on_visit(struct os *os, int64_t (*fn)(void *owner), void *owner)
{
    os->visit = fn;
    os->visit_owner = owner;
}
/* Runs what waits in a sleeping loop's inbox on the caller's thread; false if its own thread has to. */
static bool visit(struct os *to)
{
    if (!to->visit || pthread_mutex_trylock(&to->turn)) return false;
    int64_t due = INT64_MAX;
    to->visited = true;
    to->mono_ns = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < VISIT_TURNS && drain_inbox(to, to->visit_owner); i++) {
        due = to->visit(to->visit_owner);
        flush(to, false);
    }
    to->visited = false;
    bool more = due < to->deadline_ns || mail_waits(to);
    pthread_mutex_unlock(&to->turn);
    if (more) wake(to);
    return true;
}

/* ---- pool ---- */
static void job_done(struct os_msg *m, void *owner)
{
    struct os_job *j = CONTAINER_OF(m, struct os_job, msg);
    j->done(j, owner);
}
static struct os_job *take_job(struct os_queue *q)
{
    struct os_job *j = q->head;
    if (j && !(q->head = j->next)) q->tail = &q->head;
    return j;
}
/* The next job of thread i; NULL when the pool stops and there is none. */
static struct os_job *next_job(struct os_pool *p, int i)
{
    struct os_queue *a = i % 2 ? &p->rest : &p->durability, *b = i % 2 ? &p->durability : &p->rest;
    struct os_job *j = NULL;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        if ((j = take_job(a)) != NULL || (i > 0 && (j = take_job(b)) != NULL) || p->stopping) break;
        if (i == 0) p->first_idle = true;
        pthread_cond_wait(i == 0 ? &p->more_durability : &p->more, &p->lock);
        if (i == 0) p->first_idle = false;
    }
    pthread_mutex_unlock(&p->lock);
    return j;
}
static void *pool_main(void *arg)
{
    struct os_pool_thread *t = arg;
    struct os_job *j;
    while ((j = next_job(t->pool, t->i)) != NULL) {
        j->run(j);
        j->msg.run = job_done;
        os_post_any(j->home, &j->msg);
    }
    return NULL;
}
void os_submit(struct os *os, struct os_job *j)
{
    struct os_pool *p = os->pool;
    struct os_queue *q = j->durability ? &p->durability : &p->rest;
    j->home = os;
    j->next = NULL;
    pthread_mutex_lock(&p->lock);
    *q->tail = j;
    q->tail = &j->next;
    pthread_cond_signal(j->durability && p->first_idle ? &p->more_durability : &p->more);
    pthread_mutex_unlock(&p->lock);
}
static pthread_t start_thread(void *(*run)(void *), void *arg)
{
    pthread_t t;
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 512 * 1024);
    int rc = pthread_create(&t, &a, run, arg);
    pthread_attr_destroy(&a);
    if (rc) {
        fprintf(stderr, "moldau: cannot start a thread: %s\n", strerror(rc));
        exit(1);
    }
    return t;
}
#define LOG_FILES_MAX 800
#define FILES_FOR_A_MOMENT 64
#define CONNS_MIN 16

static int files_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur > INT_MAX) return INT_MAX;
    return (int)r.rlim_cur;
}

int os_log_files_max(void)
{
    int half = files_limit() / 2;
    return half < LOG_FILES_MAX ? half : LOG_FILES_MAX;
}

struct os_pool *os_linux_pool_new(int threads)
{
    ASSERT(threads > 1);
    struct os_pool *p = xcalloc(1, sizeof *p + (size_t)threads * sizeof p->threads[0]);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    pthread_cond_init(&p->more_durability, NULL);
    p->durability.tail = &p->durability.head;
    p->rest.tail = &p->rest.head;
    p->threads_n = threads;
    int left = files_limit() - os_log_files_max() - FILES_FOR_A_MOMENT;
    p->conns_max = left > CONNS_MIN ? left : CONNS_MIN;
    for (int i = 0; i < threads; i++) {
        p->threads[i] = (struct os_pool_thread){.pool = p, .i = i};
        p->threads[i].t = start_thread(pool_main, &p->threads[i]);
    }
    return p;
}
void os_linux_pool_free(struct os_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->more);
    pthread_cond_broadcast(&p->more_durability);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads_n; i++) pthread_join(p->threads[i].t, NULL);
    pthread_cond_destroy(&p->more);
    pthread_cond_destroy(&p->more_durability);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- sockets ---- */
static int resolve(const char *host, uint16_t port, struct addrinfo **out)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    return getaddrinfo(*host ? host : NULL, service, &hints, out);
}
/* As Java's InetAddress.getLocalHost().getCanonicalHostName(): a name that does not lead to the address it
 * was found by is not believed. */
static bool name_leads_to(const char *name, const struct addrinfo *at)
{
    struct addrinfo hints = {.ai_family = at->ai_family, .ai_socktype = SOCK_STREAM}, *list = NULL, *a;
    bool found = false;
    if (getaddrinfo(name, NULL, &hints, &list)) return false;
    for (a = list; a && !found; a = a->ai_next)
        found = a->ai_addrlen == at->ai_addrlen && memcmp(a->ai_addr, at->ai_addr, at->ai_addrlen) == 0;
    freeaddrinfo(list);
    return found;
}
void os_host_name(struct os *os, char *out, size_t n)
{
    char own[HOST_NAME_MAX + 1] = "localhost", name[NI_MAXHOST];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL, *a, *at;
    (void)os;
    gethostname(own, sizeof own);
    own[sizeof own - 1] = 0;
    snprintf(out, n, "%s", own); /* all that can be said of a name without an address */
    if (getaddrinfo(own, NULL, &hints, &list)) return;
    for (a = list, at = list; a; a = a->ai_next)
        if (a->ai_family == AF_INET && at->ai_family != AF_INET) at = a;
    if (getnameinfo(at->ai_addr, at->ai_addrlen, name, sizeof name, NULL, 0, NI_NAMEREQD) == 0 &&
        name_leads_to(name, at))
        snprintf(out, n, "%s", name);
    else if (getnameinfo(at->ai_addr, at->ai_addrlen, name, sizeof name, NULL, 0, NI_NUMERICHOST) == 0)
        snprintf(out, n, "%s", name);
    freeaddrinfo(list);
}
int os_listen_plain(const char *host, uint16_t port, uint16_t *port_out)
{
    struct addrinfo *list, *a, *pick = NULL;
    if (resolve(host, port, &list)) {
        errno = EADDRNOTAVAIL;
        return ERR_NOENT;
    }
    /* localhost names 127.0.0.1 and ::1; clients that resolve it try IPv4 first, so bind that one. Everything
     * else takes the first address; the wildcard prefers IPv6 with IPv4 mapped. */
    for (a = list; a; a = a->ai_next) {
        if (!pick) pick = a;
        if (*host && a->ai_family == AF_INET && pick->ai_family != AF_INET) pick = a;
        if (!*host && a->ai_family == AF_INET6 && pick->ai_family != AF_INET6) pick = a;
    }
    int fd = -1, rc = 0, one = 1, zero = 0, e;
    for (int attempt = 0; attempt < 2; attempt++) {
        fd = socket(pick->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0) break;
        for (a = list; a; a = a->ai_next)
            if (a->ai_family == AF_INET) pick = a; /* no IPv6 here */
    }
    if (fd < 0) rc = ERR_IO;
    if (rc == 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (pick->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
        if (bind(fd, pick->ai_addr, pick->ai_addrlen) < 0 || listen(fd, 1024) < 0) rc = ERR_IO;
    }
    if (rc == 0) {
        struct sockaddr_storage sa;
        socklen_t n = sizeof sa;
        getsockname(fd, (struct sockaddr *)&sa, &n);
        *port_out = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                                   : ((struct sockaddr_in *)&sa)->sin_port);
    }
    e = errno;
    if (rc && fd >= 0) close(fd);
    freeaddrinfo(list);
    errno = e;
    return rc ? rc : fd;
}
int os_listen(struct os *os, struct os_sock *s, const char *host, uint16_t port, uint16_t *port_out)
{
    int fd = os_listen_plain(host, port, port_out);
    if (fd < 0) return fd;
    int rc = os_sock_attach(os, s, fd, OS_READABLE), e = errno;
    if (rc) close(fd);
    errno = e;
    return rc;
}
static void set_buffer(int fd, int which, int64_t bytes)
{
    int n = (int)min_i64(bytes, INT_MAX);
    if (n > 0) setsockopt(fd, SOL_SOCKET, which, &n, sizeof n);
}
void os_listener_buffers(struct os *os, struct os_sock *listener, int64_t send_bytes, int64_t receive_bytes)
{
    (void)os;
    set_buffer(listener->fd, SO_SNDBUF, send_bytes);
    set_buffer(listener->fd, SO_RCVBUF, receive_bytes);
}
int os_accept(struct os *os, struct os_sock *listener, char *peer, size_t peer_n)
{
    struct os_pool *pool = os->pool;
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    if (pool->conns_n >= pool->conns_max) { /* the logs' share of files is not for connections */
        struct pollfd waits = {.fd = listener->fd, .events = POLLIN};
        bool any = poll(&waits, 1, 0) > 0;
        errno = EMFILE;
        return any ? ERR_NOMEM : ERR_BUSY;
    }
    int fd = accept4(listener->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return errno == EMFILE || errno == ENFILE ? ERR_NOMEM : ERR_BUSY;
    int one = 1;
    pool->conns_n++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    getnameinfo((struct sockaddr *)&sa, n, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    const char *h = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host;
    snprintf(peer, peer_n, "%s:%s", h, port);
    return fd;
}
static uint32_t epoll_bits(unsigned interest)
{
    return (interest & OS_READABLE ? (uint32_t)EPOLLIN : 0u) |
           (interest & OS_WRITABLE ? (uint32_t)EPOLLOUT : 0u);
}
int os_sock_attach(struct os *os, struct os_sock *s, int fd, unsigned interest)
{
    struct epoll_event ev = {.events = epoll_bits(interest), .data.ptr = s};
    if (epoll_ctl(os->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) return ERR_IO;
    s->fd = fd;
    s->interest = (uint8_t)interest;
    s->in_poll = true;
    return 0;
}
/* Tells the kernel what s->interest says. Parked sockets leave the set: a hang-up is reported even with no
 * interest and would spin the loop. */
static int watch(struct os *os, struct os_sock *s)
{
    struct epoll_event ev = {.events = epoll_bits(s->interest), .data.ptr = s};
    if (!s->interest && !s->in_poll) return 0;
    int op = !s->interest ? EPOLL_CTL_DEL : s->in_poll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(os->epoll_fd, op, s->fd, &ev) < 0) return ERR_NOMEM;
    s->in_poll = s->interest != 0;
    return 0;
}
void os_sock_interest(struct os *os, struct os_sock *s, unsigned interest)
{
    if (s->interest == interest || s->fd < 0) return;
    s->interest = (uint8_t)interest;
    if (watch(os, s) == 0 || s->unheard) return;
    s->unheard = true;
    s->next_unheard = os->unheard;
    os->unheard = s;
}
static void forget_unheard(struct os *os, struct os_sock *s)
{
    if (!s->unheard) return;
    struct os_sock **at = &os->unheard;
    while (*at != s) at = &(*at)->next_unheard;
    *at = s->next_unheard;
    s->unheard = false;
}
static void watch_unheard(struct os *os)
{
    for (struct os_sock *s = os->unheard, *next; s; s = next) {
        next = s->next_unheard;
        if (watch(os, s) == 0) forget_unheard(os, s);
    }
}
ssize_t os_recv(struct os *os, struct os_sock *s, void *p, size_t n)
{
    (void)os;
    for (;;) {
        ssize_t r = recv(s->fd, p, n, 0);
        if (r >= 0) return r;
        if (errno == EINTR) continue;
        return errno == EAGAIN ? ERR_BUSY : ERR_IO;
    }
}
ssize_t os_sendv(struct os *os, struct os_sock *s, const struct iovec *iov, int iov_n, bool more)
{
    (void)os;
    struct msghdr m = {.msg_iovlen = (size_t)iov_n};
    memcpy(&m.msg_iov, &iov, sizeof iov);
    for (;;) {
        ssize_t r = sendmsg(s->fd, &m, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        if (r >= 0) return r;
        if (errno == EINTR) continue;
        return errno == EAGAIN ? ERR_BUSY : ERR_IO;
    }
}
ssize_t os_sendfile(struct os *os, struct os_sock *s, int fd, int64_t off, size_t n)
{
    (void)os;
    off_t o = off;
    for (;;) {
        ssize_t r = sendfile(s->fd, fd, &o, n);
        if (r > 0) return r;
        if (r == 0) return ERR_EOF; /* the file is shorter than promised */
        if (errno == EINTR) continue;
        return errno == EAGAIN ? ERR_BUSY : ERR_IO;
    }
}
void os_sock_close(struct os *os, struct os_sock *s)
{
    if (s->fd < 0) return;
    /* Events already fetched for this socket in the current turn must not reach freed memory. */
    for (int i = os->events_i; i < os->events_n; i++)
        if (os->events[i].data.ptr == s) os->events[i].data.ptr = NULL;
    if (os->visited) os->stale = true;
    forget_unheard(os, s);
    close(s->fd);
    os->pool->conns_n--;
    s->fd = -1;
    s->in_poll = false;
}

/* ---- loop ---- */
static int sleep_until(struct os *os, int64_t deadline_ns)
{
    int timeout = -1;
    if (deadline_ns != INT64_MAX) {
        int64_t left = deadline_ns - clock_ns(CLOCK_MONOTONIC);
        timeout = left <= 0 ? 0 : (int)min_i64((left + 999999) / 1000000, 1 << 30);
    }
    os->deadline_ns = deadline_ns;
    os->held = false;
    atomic_store(&os->sleeping, 1);
    if (mail_waits(os)) timeout = 0;
    pthread_mutex_unlock(&os->turn);
    int n = epoll_wait(os->epoll_fd, os->events, EVENTS_PER_TURN, timeout);
    /* Before the lock is asked for: while visits went on, it could be missed for seconds. */
    atomic_store(&os->sleeping, 0);
    pthread_mutex_lock(&os->turn);
    os->held = true;
    if (os->stale) n = 0;
    os->stale = false;
    return n < 0 ? 0 : n;
}
void os_cut_turn(struct os *os)
{
    os->cut = true;
}
void os_turn(struct os *os, int64_t deadline_ns, void *owner)
{
    if (!os->held) pthread_mutex_lock(&os->turn);
    os->held = true;
    os_flush_posts(os);
    /* What a visit sent back is taken at once; sockets get their look at least every other turn. */
    os->skipped_poll =
        !os->skipped_poll && !os->rest && atomic_load_explicit(&os->inbox, memory_order_relaxed);
    if (os->skipped_poll) {
        os->mono_ns = clock_ns(CLOCK_MONOTONIC);
        drain_inbox(os, owner);
        return;
    }
    if (os->unheard) {
        watch_unheard(os);
        deadline_ns = min_i64(deadline_ns, clock_ns(CLOCK_MONOTONIC) + UNHEARD_NS);
    }
    if (os->events_i == os->events_n) {
        os->events_i = 0;
        os->events_n = 0;
        os->events_n = sleep_until(os, deadline_ns);
    }
    os->mono_ns = clock_ns(CLOCK_MONOTONIC);
    os->cut = false;
    while (os->events_i < os->events_n && !os->cut) {
        struct epoll_event *e = &os->events[os->events_i++];
        struct os_sock *s = e->data.ptr;
        if (!s) continue; /* the wake-up handle (edge-triggered, needs no read), or closed in this turn */
        unsigned bits = (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? OS_READABLE : 0u) |
                        (e->events & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? OS_WRITABLE : 0u);
        bits &= s->interest;
        if (bits) s->ready(s, bits, owner);
    }
    drain_inbox(os, owner);
}
struct os *os_linux_new(struct os_pool *pool)
{
    struct os *os = xcalloc(1, sizeof *os);
    os->pool = pool;
    os->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    os->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (os->epoll_fd < 0 || os->wake_fd < 0 || epoll_ctl(os->epoll_fd, EPOLL_CTL_ADD, os->wake_fd, &ev) < 0) {
        fprintf(stderr, "moldau: cannot make an event loop: %s\n", strerror(errno));
        exit(1);
    }
    os->mono_ns = clock_ns(CLOCK_MONOTONIC);
    pthread_mutex_init(&os->turn, NULL);
    return os;
}
void os_linux_free(struct os *os)
{
    close(os->epoll_fd);
    close(os->wake_fd);
    free(os);
}

/* ---- threads, process ---- */
struct os_thread {
    pthread_t t;
    void (*run)(void *);
    void *arg;
};
static void *thread_main(void *arg)
{
    struct os_thread *t = arg;
    t->run(t->arg);
    return NULL;
}
struct os_thread *os_thread_start(void (*run)(void *arg), void *arg)
{
    struct os_thread *t = xcalloc(1, sizeof *t);
    t->run = run;
    t->arg = arg;
    t->t = start_thread(thread_main, t);
    return t;
}
void os_thread_join(struct os_thread *t)
{
    pthread_join(t->t, NULL);
    free(t);
}
int os_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return 1;
}
int64_t os_resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%*s %ld", &pages) != 1) pages = 0;
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}
void os_tune_heap(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}
void os_exit(int code)
{
    _exit(code);
}
void os_write_stderr(const char *p, size_t n)
{
    (void)!write(2, p, n);
}

struct stopper {
    sigset_t set;
    struct os *to;
    struct os_msg *m;
};
static void *stopper_main(void *arg)
{
    struct stopper *s = arg;
    int sig;
    sigwait(&s->set, &sig);
    os_post_any(s->to, s->m);
    sigwait(&s->set, &sig); /* a second one means it */
    _exit(1);
}
static void stop_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}
void os_block_stop_signals(void)
{
    sigset_t set;
    stop_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}
void os_on_stop_signal(struct os *to, struct os_msg *m)
{
    struct stopper *s = xcalloc(1, sizeof *s);
    s->to = to;
    s->m = m;
    stop_set(&s->set);
    pthread_detach(start_thread(stopper_main, s));
}
