/* The ways in which moldau listen has records handled, and what they share. */
#ifndef MOLDAU_CLI_LISTEN_INT_H
#define MOLDAU_CLI_LISTEN_INT_H

#include "cli/cli.h"
#include "listen/once.h"
#include "listen/runtime.h"

#include <poll.h>

struct listener {
    char *const *argv;  /* the handler's command, ends with NULL */
    const char *url;    /* the handler's, of --post */
    int workers_n;      /* processes, or requests, at a time */
    int in_flight;      /* records that a worker has at a time */
    int64_t timeout_ms; /* of a record; -1: none */
    bool quiet, stopping;
    const struct handlers *handlers;
    void *state; /* theirs */
    int64_t records_max;
    struct once *once; /* NULL: records are done as often as they come */
    const char *once_by;
    struct task **deferred; /* somebody else does their id just now */
    int deferred_n, deferred_cap;
    struct runtime *runtime;
    struct pollfd *fds;
};

/* Single-threaded: nothing here waits. */
struct handlers {
    void *(*open)(struct listener *l);
    /* Tells its end with task_done, in here or later. There are never more than workers_n * in_flight. */
    void (*begin)(void *state, struct task *t);
    /* What to wait for: fills fds (fds_max(l) of them at most), and says how many. */
    int (*fds)(void *state, struct pollfd *fds);
    void (*ready)(void *state, const struct pollfd *fds);
    /* The time at which `ready` is wanted even if no descriptor is; INT64_MAX: never. */
    int64_t (*due_ms)(const void *state);
    /* At once, without an answer. */
    void (*kill)(void *state);
    void (*close)(void *state); /* nothing runs */
};
extern const struct handlers listen_exec; /* a process for each record */
extern const struct handlers listen_json; /* long-lived ones, which get a line for each */
extern const struct handlers listen_post; /* an HTTP request for each record */

#define LISTEN_FDS_OF_WORKER 3
#define LISTEN_KILL_AFTER_MS 5000 /* SIGTERM before SIGKILL */

/* A failure of a task, in the log, and told to the runtime. */
void listen_failed(struct task *t, enum listen_result result, const char *why);
/* Bytes that are text for JSON and HTTP. */
bool listen_is_utf8(const void *p, size_t n);
/* Our environment without MOLDAU_ variables, but for those of the handler's own. Ends with NULL, on the heap.
 */
struct listen_env {
    char **v;
    int n;
};
void listen_env_init(struct listen_env *e);
void listen_env_add(struct listen_env *e, const char *name, const void *p, size_t n);
void listen_env_fini(struct listen_env *e);

#endif
