// What an optimiser does with dense elements, in one pass over memory.
#include <stdlib.h>

#include "internal.h"

#define SOUTH_BODY "optimizing_body.h"
#include "versions.h"

typedef struct {
    const south_adamw *step;
    const float *x, *gradient;
    float *first, *second, *y;
    ptrdiff_t count;
    double *partial;
} updating;

static void adamw_task(void *context, size_t index) {
    const updating *u = context;
    ptrdiff_t i = (ptrdiff_t)index * SOUTH_PIECE;
    SOUTH_PICK(adamw)
    (u->step, u->x + i, u->gradient + i, u->first + i, u->second + i, u->y + i,
        south_min(SOUTH_PIECE, u->count - i));
}

void south_adamw_step(const south_adamw *step, ptrdiff_t count, const float *x,
    const float *gradient, float *first, float *second, float *y) {
    updating u = {.step = step, .x = x, .gradient = gradient, .first = first, .second = second,
        .y = y, .count = count};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), adamw_task, &u);
}

static void squares_task(void *context, size_t index) {
    const updating *u = context;
    ptrdiff_t i = (ptrdiff_t)index * SOUTH_PIECE;
    u->partial[index] = SOUTH_PICK(squares)(u->x + i, south_min(SOUTH_PIECE, u->count - i));
}

double south_sum_of_squares(ptrdiff_t count, const float *x) {
    size_t pieces = (size_t)south_ceil(count, SOUTH_PIECE);
    updating u = {.x = x, .count = count, .partial = malloc(sizeof(double) * pieces + 1)};
    if (!u.partial) abort();
    south_parallel(pieces, squares_task, &u);
    double total = 0;
    for (size_t i = 0; i < pieces; i++) total += u.partial[i];
    free(u.partial);
    return total;
}
