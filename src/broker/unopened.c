#include "broker/unopened.h"

#include <stdlib.h>

struct unopened *unopened_find(const struct list *l, struct uuid topic_id, int32_t index)
{
    LIST_FOREACH(n, l)
    {
        struct unopened *u = LIST_ENTRY(n, struct unopened, link);
        if (u->index == index && uuid_eq(u->topic_id, topic_id)) return u;
    }
    return NULL;
}

void unopened_put(struct list *l, const struct unopened *u)
{
    struct unopened *old = unopened_find(l, u->topic_id, u->index);
    struct unopened *x = xcalloc(1, sizeof *x);
    *x = *u;
    x->topic = xstrdup(u->topic);
    x->txns = (struct i64s){0};
    for (int i = 0; i < u->txns.n; i++) i64s_add(&x->txns, u->txns.v[i]);
    if (old) unopened_free(old);
    list_init(&x->link);
    list_push_back(l, &x->link);
}

void unopened_free(struct unopened *u)
{
    list_remove(&u->link);
    free(u->topic);
    i64s_fini(&u->txns);
    free(u);
}
