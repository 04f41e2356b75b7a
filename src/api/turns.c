#include "api/turns.h"

static void turns_run(struct os_msg *m, void *owner)
{
    (void)owner;
    struct turns *t = CONTAINER_OF(m, struct turns, msg);
    if (t->step(t)) turns_go_on(t); /* else it may be gone */
}

void turns_begin(struct turns *t, struct req *r, bool (*step)(struct turns *t))
{
    *t = (struct turns){.msg.run = turns_run, .r = r, .step = step};
    turns_run(&t->msg, NULL);
}

void turns_go_on(struct turns *t)
{
    struct os *os = t->r->net->shard->os;
    os_post(os, os, &t->msg);
}
