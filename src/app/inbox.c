#include "app/inbox.h"
#include "os/blocking.h"

static struct inbox_item closed; /* stands in `last` once nothing more may come; never written to */

void inbox_init(struct inbox *b, int event)
{
    atomic_init(&b->last, NULL);
    b->event = event;
}

bool inbox_push(struct inbox *b, struct inbox_item *item)
{
    struct inbox_item *last = atomic_load(&b->last);
    do {
        if (last == &closed) return false;
        item->next = last;
    } while (!atomic_compare_exchange_weak(&b->last, &last, item));
    if (!last) os_event_set(b->event);
    return true;
}

static struct inbox_item *reversed(struct inbox_item *last)
{
    struct inbox_item *first = NULL;
    while (last) {
        struct inbox_item *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    return first;
}

struct inbox_item *inbox_take(struct inbox *b)
{
    struct inbox_item *last = atomic_load(&b->last);
    if (!last || last == &closed) return NULL;
    return reversed(atomic_exchange(&b->last, NULL)); /* only this thread closes */
}

struct inbox_item *inbox_close(struct inbox *b)
{
    struct inbox_item *last = atomic_exchange(&b->last, &closed);
    return last == &closed ? NULL : reversed(last);
}
