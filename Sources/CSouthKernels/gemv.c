// Products with a few rows, straight from the weights as they are stored: each weight is read
// once, in order.
#include "internal.h"

#define SOUTH_BODY "gemv_body.h"
#include "versions.h"

/// Bytes of weights that a task reads: what it fetches ahead of its end is another's.
enum { LEAST_BYTES = 1 << 17, MOST_BYTES = 1 << 20, TASKS = 16 };

typedef struct {
    const south_product *p;
    ptrdiff_t part;
    /// The rows in fixed point, or null.
    const south_fixed *fixed;
} few_rows;

static void few_task(void *context, size_t index) {
    const few_rows *f = context;
    const south_product *p = f->p;
    ptrdiff_t j = (ptrdiff_t)index * f->part, columns = south_min(f->part, p->n - j);
    const char *weight = (const char *)p->b + south_bytes(p->b_type, j * p->b_strides[1]);
#if defined(__x86_64__)
    if (f->fixed)
        south_fixed_gemv(p->m, columns, p->k, f->fixed, weight, p->b_type, p->b_strides[1],
            p->c + j, p->c_stride);
    else
#endif
        south_gemv(p->m, columns, p->k, p->a, p->a_strides[0], weight, p->b_type,
            p->b_strides[1], p->c + j, p->c_stride);
    south_finish(p, 0, p->m, j, columns);
}

void south_multiply_few(const south_product *p) {
    ptrdiff_t bytes = south_max(south_bytes(p->b_type, p->k), 1);
    ptrdiff_t share = south_min(south_max(p->n * bytes / TASKS, LEAST_BYTES), MOST_BYTES);
    few_rows f = {.p = p, .part = south_max(share / bytes / 4 * 4, 4)};
#if defined(__x86_64__)
    south_fixed fixed;
    if (south_is_blocks(p->b_type) && south_fixed_point()) {
        south_fix_rows(p->m, p->k, p->a, p->a_strides[0], p->b_type, &fixed);
        f.fixed = &fixed;
    }
#endif
    south_parallel((size_t)south_ceil(p->n, f.part), few_task, &f);
}

void south_gemv(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride) {
    SOUTH_PICK(gemv)(m, n, k, x, x_stride, weight, type, weight_stride, y, y_stride);
}

void south_add_rows(ptrdiff_t rows, ptrdiff_t count, const float *a, const float *x,
    ptrdiff_t stride, float *y) {
    SOUTH_PICK(add_rows)(rows, count, a, x, stride, y);
}
