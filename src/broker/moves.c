/* Moves of partitions between log directories: what the mover asks of the controller, and those that were
 * under way when the broker ended. */
#include "broker/broker.h"

#include <stdio.h>
#include <stdlib.h>

struct assign {
    struct ctl_op op;
    struct mover *mover;
    struct uuid topic_id, dir;
    int32_t index;
};

static void assign_build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    struct assign *a = CONTAINER_OF(op, struct assign, op);
    op->err = ctl_assign_dir(&zero->image, now, a->topic_id, a->index, a->dir, rs);
}

static void assigned(struct ctl_op *op, struct shard *home)
{
    (void)home;
    struct assign *a = CONTAINER_OF(op, struct assign, op);
    struct mover *m = a->mover;
    int err = op->err;
    free(a);
    mover_committed(m, err);
}

void moves_commit(struct mover *m, struct part *p, int dir)
{
    struct broker *b = m->shard->broker;
    struct assign *a = xcalloc(1, sizeof *a);
    *a = (struct assign){.op = {.build = assign_build, .done = assigned},
                         .mover = m,
                         .topic_id = p->topic_id,
                         .index = p->index,
                         .dir = b->node->dirs[dir].id};
    ctl_submit(b, &a->op);
}

struct resume {
    struct broker *b;
    int dir;
};
static int resume_move(void *arg, const char *name, bool is_dir)
{
    struct resume *x = arg;
    struct broker *b = x->b;
    const struct log_dir *d = &b->node->dirs[x->dir];
    char path[4200];
    size_t topic_n;
    int32_t index;
    if (!is_dir || !mover_name(name, &topic_n, &index)) return 0;
    struct image_topic *t = image_topic(&b->image, slice_of(name, topic_n));
    bool known = t && index < t->parts_n;
    if ((known ? broker_part_shard(b, t->id, index) : 0) != b->shard->id) return 0;
    struct part *p = known ? parts_find(&b->parts, t->id, index) : NULL;
    snprintf(path, sizeof path, "%s/%s", d->path, name);
    if (os_remove_tree(b->shard->os, path))
        logline(LOG_WARN, "storage", "cannot remove %s: %s", path, os_why());
    else if (p) mover_request(&b->mover, p, x->dir, d->path);
    return 0;
}

void moves_resume(struct broker *b)
{
    for (int i = 0; i < b->node->dirs_n && b->node->dirs_n > 1; i++) {
        struct resume x = {b, i};
        if (b->node->dirs[i].online && os_list_dir(b->shard->os, b->node->dirs[i].path, resume_move, &x))
            logline(LOG_WARN, "storage", "cannot list %s: %s", b->node->dirs[i].path, os_why());
    }
}
