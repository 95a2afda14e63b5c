// Steps of optimisers: parameter, gradient and moments are read and written once.
#include "internal.h"

#define SOUTH_BODY "optimizing_body.h"
#include "versions.h"

typedef struct {
    const south_adamw_step *step;
    ptrdiff_t count;
    const float *x, *gradient;
    float *first, *second, *y;
} stepping;

static void adamw_task(void *context, size_t index) {
    const stepping *s = context;
    ptrdiff_t i = (ptrdiff_t)index * SOUTH_PIECE;
    SOUTH_PICK(adamw)
    (s->step, south_min(SOUTH_PIECE, s->count - i), s->x + i, s->gradient + i, s->first + i,
        s->second + i, s->y + i);
}

void south_adamw(const south_adamw_step *step, ptrdiff_t count, const float *x,
    const float *gradient, float *first, float *second, float *y) {
    stepping s = {step, count, x, gradient, first, second, y};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), adamw_task, &s);
}
