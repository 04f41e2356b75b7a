/* Files on their way out.
 *
 *   shard_trash -> items, by due time --timer--> remove (pool) -> freed */
#include "base/logline.h"
#include "shard/shard.h"

#include <stdlib.h>

struct trash_item {
    struct list link;
    struct os_job job;
    struct os *os;
    int64_t due_ns;
    bool tree;
    char *path;
};

static void remove_run(struct os_job *j)
{
    struct trash_item *x = CONTAINER_OF(j, struct trash_item, job);
    int rc = x->tree ? os_remove_tree(x->os, x->path) : os_unlink(x->os, x->path);
    if (rc && rc != ERR_NOENT) logline(LOG_ERROR, x->path, "cannot remove a deleted file: %s", os_why());
}

static void remove_done(struct os_job *j, void *owner)
{
    struct trash_item *x = CONTAINER_OF(j, struct trash_item, job);
    (void)owner;
    free(x->path);
    free(x);
}

static void fire(struct timer *t, struct shard *s)
{
    int64_t now = os_mono_ns(s->os);
    while (!list_empty(&s->trash.items)) {
        struct trash_item *x = LIST_ENTRY(s->trash.items.next, struct trash_item, link);
        if (x->due_ns > now) {
            timer_set(s, t, x->due_ns);
            return;
        }
        list_remove(&x->link);
        os_submit(s->os, &x->job);
    }
}

void shard_trash(struct shard *s, char *path_take, bool tree, int64_t delay_ms)
{
    struct trash_item *x = xcalloc(1, sizeof *x);
    struct list *at = &s->trash.items;
    list_init(&x->link);
    x->os = s->os;
    x->path = path_take;
    x->tree = tree;
    x->due_ns = os_mono_ns(s->os) + min_i64(max_i64(delay_ms, 0), INT64_MAX / 4000000) * 1000000;
    x->job.run = remove_run;
    x->job.done = remove_done;
    /* Delays are mostly the same, so the place is mostly the end. */
    while (at->prev != &s->trash.items && LIST_ENTRY(at->prev, struct trash_item, link)->due_ns > x->due_ns)
        at = at->prev;
    list_insert_before(at, &x->link);
    s->trash.timer.fire = fire;
    timer_set(s, &s->trash.timer, LIST_ENTRY(s->trash.items.next, struct trash_item, link)->due_ns);
}
