#include "api/pieces.h"

void pieces_begin(struct pieces *p, struct req *r, const struct kp_message *m, const void *empty, int32_t n)
{
    *p = (struct pieces){r, m, r->version >= m->flexible_since, 0};
    req_begin(r);
    struct kp_writer *w = &r->out;
    size_t from = w->n;
    m->write(w, r->version, empty);
    /* It ends with the count, in one byte or four, and then no tagged fields. */
    w->n -= p->flexible ? 1 : 0;
    p->head = w->n - from;
    w->n -= p->flexible ? 1 : 4;
    kp_write_array_len(w, p->flexible ? KP_COMPACT : 0, n);
}

void pieces_add(struct pieces *p, const void *one)
{
    struct kp_writer *w = &p->r->out;
    size_t from = w->n;
    p->message->write(w, p->r->version, one);
    w->n -= p->head + (p->flexible ? 1 : 0);
    memmove(w->p + from, w->p + from + p->head, w->n - from);
}

void pieces_end(struct pieces *p)
{
    if (p->flexible) kp_write_uvarint(&p->r->out, 0);
    req_reply(p->r);
}
