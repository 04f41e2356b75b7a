#include "api/spread.h"

void spread_begin(struct spread *s, struct req *r, void (*done)(struct spread *))
{
    *s = (struct spread){.r = r, .waiting = 1, .done = done};
}

void spread_end(struct spread *s)
{
    if (--s->waiting == 0) s->done(s);
}

static void home(struct os_msg *m, void *owner)
{
    (void)owner;
    spread_end(CONTAINER_OF(m, struct spread_part, msg)->s);
}

static void there(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct spread_part *x = CONTAINER_OF(m, struct spread_part, msg);
    struct part *p = x->index < 0 ? NULL : parts_find(&s->broker->parts, x->topic_id, x->index);
    x->visit(x, p && !p->log->faulted ? p : NULL, s->broker);
    m->run = home;
    shard_send(s, x->s->r->net->shard->id, m);
}

static void send(struct spread *s, struct spread_part *x, int shard)
{
    x->msg.run = there;
    x->s = s;
    s->waiting++;
    shard_send(s->r->net->shard, shard, &x->msg);
}

void spread_to(struct spread *s, const struct image_topic *t, int32_t index,
               void (*visit)(struct spread_part *x, struct part *p, struct broker *there), const void *in,
               void *out)
{
    struct spread_part *x = arena_zalloc(&s->r->arena, 1, sizeof *x);
    *x = (struct spread_part){.topic_id = t->id, .index = index, .in = in, .out = out, .visit = visit};
    send(s, x, broker_part_shard(req_broker(s->r), t->id, index));
}

void spread_to_shard(struct spread *s, int shard,
                     void (*visit)(struct spread_part *x, struct part *p, struct broker *there), void *out)
{
    struct spread_part *x = arena_zalloc(&s->r->arena, 1, sizeof *x);
    *x = (struct spread_part){.index = -1, .out = out, .visit = visit};
    send(s, x, shard);
}
