/* A growing list of numbers: offsets, times. All zero is an empty one. */
#ifndef MOLDAU_I64S_H
#define MOLDAU_I64S_H

#include "base/base.h"

struct i64s {
    int64_t *v;
    int n, cap;
};

void i64s_add(struct i64s *l, int64_t x);
void i64s_sort(struct i64s *l); /* smallest first */
bool i64s_has(const struct i64s *l, int64_t x);
void i64s_fini(struct i64s *l);

#endif
