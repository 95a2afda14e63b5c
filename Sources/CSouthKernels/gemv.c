// Products with a few vectors, straight from the weights as they are stored.
#include "internal.h"

#define SOUTH_BODY "gemv_body.h"
#include "versions.h"

void south_gemv(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride) {
    SOUTH_PICK(gemv)(m, n, k, x, x_stride, weight, type, weight_stride, y, y_stride);
}

void south_add_rows(ptrdiff_t rows, ptrdiff_t count, const float *a, const float *x,
    ptrdiff_t stride, float *y) {
    SOUTH_PICK(add_rows)(rows, count, a, x, stride, y);
}
