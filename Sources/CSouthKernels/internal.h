// What the kernels' files share.
#ifndef SOUTH_INTERNAL_H
#define SOUTH_INTERNAL_H

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "southkernels.h"

/// Elements that elementwise kernels take at a time: operands and result stay in the first cache.
enum { SOUTH_BLOCK = 1024 };
/// Elements of one piece of shared elementwise work.
enum { SOUTH_PIECE = 16 * SOUTH_BLOCK };

/// Picks one of the versions that `versions.h` made of a function.
#if defined(__x86_64__)
#define SOUTH_PICK(name)                                                                          \
    (south_instruction_set() >= SOUTH_AVX512                                                      \
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

/// Scratch memory of the calling thread, kept until it ends; `slot` below 12 keeps several apart.
void *south_scratch(int slot, size_t bytes);
/// The slots of matrix products; others use the ones below.
enum {
    SOUTH_SCRATCH_ROWS = 8, SOUTH_SCRATCH_SHARED, SOUTH_SCRATCH_COLUMNS, SOUTH_SCRATCH_BLOCKS
};

static inline ptrdiff_t south_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t south_max(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
static inline ptrdiff_t south_ceil(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
/// The size of even parts of `n`, multiples of `step`, none above `most`.
static inline ptrdiff_t south_part(ptrdiff_t n, ptrdiff_t most, ptrdiff_t step) {
    ptrdiff_t parts = south_max(south_ceil(n, most), 1);
    return south_min(most, south_max(south_ceil(south_ceil(n, parts), step) * step, step));
}

/// Groups of weights that kernels decode at a time.
enum { SOUTH_GROUP = 32 };
typedef int8_t south_quants __attribute__((vector_size(SOUTH_GROUP), aligned(1), may_alias));
/// Whether elements of the type come in blocks that share scales.
static inline int south_is_blocks(int type) { return type > SOUTH_BOOL; }
/// Elements of a block, one of other types.
static inline ptrdiff_t south_block_size(int type) {
    return type == SOUTH_Q4_K || type == SOUTH_Q6_K ? 256 : south_is_blocks(type) ? 32 : 1;
}
/// Elements that kernels decode together, at most.
static inline ptrdiff_t south_unit(int type) {
    return south_is_blocks(type) ? south_block_size(type) == 256 ? 256 : 2048 : SOUTH_GROUP;
}
/// Bytes of `count` elements, whole blocks.
static inline ptrdiff_t south_bytes(int type, ptrdiff_t count) {
    switch (type) {
    case SOUTH_Q8_0: return count / 32 * 34;
    case SOUTH_Q4_0: return count / 32 * 18;
    case SOUTH_Q4_K: return count / 256 * 144;
    case SOUTH_Q6_K: return count / 256 * 210;
    case SOUTH_FLOAT64: case SOUTH_INT64: return count * 8;
    case SOUTH_FLOAT32: case SOUTH_INT32: return count * 4;
    case SOUTH_FLOAT16: case SOUTH_BFLOAT16: case SOUTH_INT16: return count * 2;
    default: return count;
    }
}
/// Bytes of an element that is not in blocks.
static inline int south_element_size(int type) { return (int)south_bytes(type, 1); }

/// Dense elements to and from float32 for the types that weights have.
void south_widen(const void *source, int type, ptrdiff_t count, float *target);
void south_narrow(const float *source, ptrdiff_t count, int type, void *target);

/// `y = activation(x · scale + shift)` of dense elements; `y` may be `x`.
void south_affine_activation(int activation, float slope, float scale, float shift, const float *x,
    float *y, ptrdiff_t count);
/// `y = activation(y + bias) + residual` over `count` elements; `bias`, `residual` may be null.
void south_epilogue(float *y, ptrdiff_t count, const float *bias, int activation, float slope,
    const float *residual);
/// A function of dense elements; `y` may be `x`.
void south_unary_dense(int operation, float a, float b, const float *x, float *y,
    ptrdiff_t count);

/// `y = gradient · f′(x)` of dense elements; `y` may be `gradient`.
void south_unary_gradient_dense(int operation, float a, float b, const float *x,
    const float *gradient, float *y, ptrdiff_t count);

/// `c = activation(a b + bias) + residual`, or `c += …` where `adds`: a `[m, k]`, b `[k, n]` of a
/// type of weights, c `[m, n]` with rows `c_stride` apart. Of the two strides of each operand one
/// is 1; blocks lie along it. `bias [n]` and `residual [m, n]` may be null.
typedef struct {
    ptrdiff_t m, n, k;
    const float *a;
    ptrdiff_t a_strides[2];
    const void *b;
    int b_type;
    ptrdiff_t b_strides[2];
    int adds;
    float *c;
    ptrdiff_t c_stride;
    const float *bias, *residual;
    ptrdiff_t residual_stride;
    int activation;
    float slope;
} south_product;

void south_multiply(const south_product *product);
/// The same where m is small, and the rows of a and the columns of b are adjacent; c is not added.
void south_multiply_few(const south_product *product);
/// Bias, activation and residual for a part of c.
void south_finish(const south_product *product, ptrdiff_t i, ptrdiff_t rows, ptrdiff_t j,
    ptrdiff_t columns);

/// Whether products with weights in blocks have their activations in fixed point.
int south_fixed_point(void);
/// Rows of activations in fixed point, in groups of 32: integers, and of each group the scale and
/// what its integers add up to (halves of the group for `q6_K`). Strides are from row to row.
typedef struct {
    int16_t *words;
    float *scales, *sums;
    ptrdiff_t word_stride, scale_stride, sum_stride;
} south_fixed;
/// Fixes rows of `x [m, k]` for products with weights of `type`, in scratch memory of this thread.
void south_fix_rows(ptrdiff_t m, ptrdiff_t k, const float *x, ptrdiff_t x_stride, int type,
    south_fixed *fixed);
/// The same for weights in blocks, whose rows are adjacent, and activations in fixed point.
void south_fixed_gemv(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const south_fixed *x,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride);

/// How a product of packed operands is made: rows and columns of a tile, what packs a panel of rows
/// and a strip of columns in at most the room that their floats take, and what multiplies them.
typedef struct {
    ptrdiff_t rows, columns;
    void (*pack_rows)(const float *a, ptrdiff_t rs, ptrdiff_t cs, ptrdiff_t rows,
        ptrdiff_t depth, float *panel);
    void (*pack_strip)(const void *b, int type, ptrdiff_t first, ptrdiff_t rs, ptrdiff_t cs,
        ptrdiff_t columns, ptrdiff_t depth, float *panels);
    void (*multiply_strip)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, const float *a,
        const float *panels, int adds, float *c, ptrdiff_t ldc);
} south_multiplier;
/// The one in fixed point for weights of `type` whose depth is adjacent; null where there is none.
#if defined(__x86_64__)
const south_multiplier *south_fixed_multiplier(int type);
#else
static inline const south_multiplier *south_fixed_multiplier(int type) {
    (void)type;
    return NULL;
}
#endif

/// Dot products: `y[i·y_stride + j] = Σ x[i·x_stride + l] w[j·w_stride + l]` for i below m and j
/// below n, on this thread, with weights of `type`.
void south_gemv(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride);

/// `y += Σ_j a[j] · x[j·stride + …]`: weighted rows added to a vector of `count`.
void south_add_rows(ptrdiff_t rows, ptrdiff_t count, const float *a, const float *x,
    ptrdiff_t stride, float *y);

#endif
