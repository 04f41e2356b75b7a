/* A response whose one array, its last field, is written element by element: over many turns, and without all
 * of them in memory besides what is written. */
#ifndef MOLDAU_PIECES_H
#define MOLDAU_PIECES_H

#include "broker/broker.h"

/* An answer that has come this far has an error in place of each further element: a short question must not
 * make a broker take any amount of memory. */
#define PIECES_BYTES_MAX (64u << 20)

struct pieces {
    struct req *r;
    const struct kp_message *message;
    bool flexible;
    size_t head; /* bytes in front of the first element of a message with one */
};
/* empty: the response without elements, of which n will come. */
void pieces_begin(struct pieces *p, struct req *r, const struct kp_message *m, const void *empty, int32_t n);
/* one: the same with one element. */
void pieces_add(struct pieces *p, const void *one);
static inline bool pieces_full(const struct pieces *p)
{
    return p->r->out.n > PIECES_BYTES_MAX;
}
/* Sends it. */
void pieces_end(struct pieces *p);

#endif
