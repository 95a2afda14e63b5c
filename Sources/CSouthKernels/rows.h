// What the kernels of rows share: how rows go to tasks, and how partial results become one.
#ifndef SOUTH_ROWS_H
#define SOUTH_ROWS_H

#include "internal.h"

/// Shares rows among tasks of about SOUTH_PIECE elements. `r` has `outer`, `inner` and
/// `rows_per_task`, which this sets.
#define SHARE(r, task)                                                                            \
    ((r)->rows_per_task = south_max(SOUTH_PIECE / south_max((r)->inner, 1), 1),                   \
        south_parallel((size_t)south_ceil((r)->outer, (r)->rows_per_task), task, r))

/// Runs what follows for each `row` of a task.
#define SOUTH_EACH_ROW(r, index)                                                                  \
    for (ptrdiff_t row = (ptrdiff_t)index * r->rows_per_task,                                     \
                   end = south_min(row + r->rows_per_task, r->outer);                             \
         row < end; row++)

/// Two partial results of a reduction as one; NaN stays.
static inline double south_combine(int reduction, double a, double b) {
    if (reduction <= SOUTH_MEAN) return a + b;
    if (a != a || b != b) return a != a ? a : b;
    return (reduction == SOUTH_LEAST ? b < a : b > a) ? b : a;
}

#endif
