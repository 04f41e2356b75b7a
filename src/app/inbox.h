/* What other threads hand to a loop: a chain that is pushed to without a lock and taken whole, and an event
 * that wakes the loop. */
#ifndef MOLDAU_APP_INBOX_H
#define MOLDAU_APP_INBOX_H

#include "base/base.h"

#include <stdatomic.h>

struct inbox_item {
    struct inbox_item *next;
};
struct inbox {
    _Atomic(struct inbox_item *) last;
    int event; /* readable when something may be there; not the inbox's */
};

void inbox_init(struct inbox *b, int event);
/* Any thread. false: it is closed, and the item still the caller's. */
bool inbox_push(struct inbox *b, struct inbox_item *item) MUST_USE;
/* The oldest of what was pushed, each with the next behind it; NULL: nothing. */
struct inbox_item *inbox_take(struct inbox *b);
/* The same, and nothing more comes. */
struct inbox_item *inbox_close(struct inbox *b);

#endif
