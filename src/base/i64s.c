#include "base/i64s.h"
#include "base/grow.h"

#include <stdlib.h>

void i64s_add(struct i64s *l, int64_t x)
{
    ASSERT(l->cap <= INT32_MAX / 2);
    l->v = grown(l->v, l->n, &l->cap, sizeof *l->v);
    l->v[l->n++] = x;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void i64s_sort(struct i64s *l)
{
    if (l->n) qsort(l->v, (size_t)l->n, sizeof *l->v, by_value);
}

bool i64s_has(const struct i64s *l, int64_t x)
{
    for (int i = 0; i < l->n; i++)
        if (l->v[i] == x) return true;
    return false;
}

void i64s_fini(struct i64s *l)
{
    free(l->v);
    *l = (struct i64s){0};
}
