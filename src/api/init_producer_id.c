/* InitProducerId for idempotent producers: ids come in blocks from the controller, so that most calls cost
 * nothing. */
#include "api/handlers.h"
#include "kp/init_producer_id.h"

#include <stdlib.h>

struct waiter {
    struct list link;
    struct req *r;
};
struct block {
    struct ctl_op op;
    struct broker *b;
    int64_t first;
};

static void answer(struct req *r, int16_t error, int64_t id)
{
    struct kp_init_producer_id_response out;
    kp_init_producer_id_response_init(&out);
    out.error_code = error;
    out.producer_id = id;
    out.producer_epoch = error ? -1 : 0;
    API_REPLY(r, init_producer_id, &out);
}

static void build(struct ctl_op *op, struct broker *zero, struct ctl_now *now, struct ctl_records *rs)
{
    ctl_producer_ids(&zero->image, now, zero->node->broker_epoch, rs,
                     &CONTAINER_OF(op, struct block, op)->first);
}

static void done(struct ctl_op *op, struct shard *home)
{
    (void)home;
    struct block *k = CONTAINER_OF(op, struct block, op);
    struct broker *b = k->b;
    struct list *l;
    int err = k->op.err;
    if (!err) {
        b->pid_next = k->first;
        b->pid_end = k->first + CTL_PRODUCER_IDS;
    }
    b->pid_asked = false;
    free(k);
    if (err) { /* as Kafka while no block of ids comes */
        struct list waiting;
        list_init(&waiting);
        list_splice(&waiting, &b->pid_waiters);
        while ((l = list_pop_front(&waiting)) != NULL)
            answer(LIST_ENTRY(l, struct waiter, link)->r, KERR_COORDINATOR_LOAD_IN_PROGRESS, -1);
        return;
    }
    while ((l = list_pop_front(&b->pid_waiters)) != NULL) {
        struct req *r = LIST_ENTRY(l, struct waiter, link)->r;
        ASSERT(b->pid_next < b->pid_end); /* fewer can wait than a block has: see the limit below */
        answer(r, 0, b->pid_next++);
    }
}

void api_init_producer_id(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_init_producer_id_request in;
    if (!API_READ(r, init_producer_id, &in)) return;
    if (in.transactional_id.p) {
        answer(r, in.transactional_id.n ? KERR_COORDINATOR_NOT_AVAILABLE : KERR_INVALID_REQUEST, -1);
        return;
    }
    if ((in.producer_id == -1) != (in.producer_epoch == -1)) {
        answer(r, KERR_INVALID_REQUEST, -1);
        return;
    }
    if (b->pid_next < b->pid_end) {
        answer(r, 0, b->pid_next++);
        return;
    }
    int waiting = 0;
    LIST_FOREACH(l, &b->pid_waiters) waiting++;
    if (waiting >= CTL_PRODUCER_IDS) {
        answer(r, KERR_COORDINATOR_LOAD_IN_PROGRESS, -1);
        return;
    }
    struct waiter *w = arena_zalloc(&r->arena, 1, sizeof *w);
    w->r = r;
    list_init(&w->link);
    list_push_back(&b->pid_waiters, &w->link);
    if (b->pid_asked) return;
    b->pid_asked = true;
    struct block *k = xcalloc(1, sizeof *k);
    k->b = b;
    k->op.build = build;
    k->op.done = done;
    ctl_submit(b, &k->op);
}
