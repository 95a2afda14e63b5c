// What the kernels' files share.
#ifndef SOUTH_INTERNAL_H
#define SOUTH_INTERNAL_H

#include <math.h>
#include <string.h>

#include "southkernels.h"

/// Elements that elementwise kernels take at a time: operands and result stay in the first cache.
enum { SOUTH_BLOCK = 1024 };
/// Elements of one piece of shared elementwise work.
enum { SOUTH_PIECE = 16 * SOUTH_BLOCK };

/// Picks one of the versions that `versions.h` made of a function.
#if defined(__x86_64__)
#define SOUTH_PICK(name)                                                                          \
    (south_instruction_set() == SOUTH_AVX512                                                      \
            ? name##_avx512                                                                       \
            : south_instruction_set() == SOUTH_AVX2 ? name##_avx2 : name##_baseline)
#else
#define SOUTH_PICK(name) name##_baseline
#endif

/// A strided view.
typedef struct {
    int rank;
    ptrdiff_t shape[SOUTH_MAX_AXES], strides[SOUTH_MAX_AXES];
} south_view;

south_view south_view_of(int rank, const ptrdiff_t *shape, const ptrdiff_t *strides);
ptrdiff_t south_view_count(const south_view *view);

/// Elements `start..<start + count` of a view in row-major order: a pointer into it where they are
/// adjacent, else a copy in `room`. `size` is that of an element in bytes: 1, 2, 4 or 8.
const void *south_block(const south_view *view, const void *base, ptrdiff_t start,
    ptrdiff_t count, int size, void *room);

/// Scratch memory of the calling thread, kept until it ends; `slot` below 4 keeps several apart.
void *south_scratch(int slot, size_t bytes);

static inline ptrdiff_t south_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t south_max(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
static inline ptrdiff_t south_ceil(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
/// The size of even parts of `n`, multiples of `step`, none above `most`.
static inline ptrdiff_t south_part(ptrdiff_t n, ptrdiff_t most, ptrdiff_t step) {
    ptrdiff_t parts = south_max(south_ceil(n, most), 1);
    return south_min(most, south_max(south_ceil(south_ceil(n, parts), step) * step, step));
}

int south_element_size(int type);
/// Dense elements to and from float32 for the types that weights have.
void south_widen(const void *source, int type, ptrdiff_t count, float *target);
void south_narrow(const float *source, ptrdiff_t count, int type, void *target);

/// `y = activation(y + bias) + residual` over `count` elements; `bias`, `residual` may be null.
void south_epilogue(float *y, ptrdiff_t count, const float *bias, int activation, float slope,
    const float *residual);
/// A function of dense elements; `y` may be `x`.
void south_unary_dense(int operation, float a, float b, const float *x, float *y,
    ptrdiff_t count);

/// `y = gradient · f′(x)` of dense elements; `y` may be `gradient`.
void south_unary_gradient_dense(int operation, float a, float b, const float *x,
    const float *gradient, float *y, ptrdiff_t count);

/// Rows of a product with a few vectors: `y[i·y_stride + j] = Σ x[i·x_stride + l] w[j·w_stride + l]`
/// for i below m ≤ 4 and j below n, with weights of `type`.
void south_gemv(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride);

/// `y += Σ_j a[j] · x[j·stride + …]`: weighted rows added to a vector of `count`.
void south_add_rows(ptrdiff_t rows, ptrdiff_t count, const float *a, const float *x,
    ptrdiff_t stride, float *y);

/// `c = a b`, added to c where `adds`, for row-major matrices on this thread; b of a weight's type.
/// Uses the scratch slots 2 and 3.
void south_gemm(int transposed_a, int transposed_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
    const float *a, ptrdiff_t lda, const void *b, int b_type, ptrdiff_t ldb, int adds, float *c,
    ptrdiff_t ldc);

#endif
