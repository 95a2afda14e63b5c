// Matrix products in tiles that the pool shares; each tile is a product on one thread, by
// OpenBLAS, or by a kernel of ours with AVX-512, where it is faster and packs 16-bit weights as
// they are stored. Products with a few vectors read the weights in order.
#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"

#define SOUTH_BODY "gemm_body.h"
#include "versions.h"

enum {
    /// Rows and columns of a tile at most.
    TILE_M = 384, TILE_N = 384,
    /// Columns of 16-bit weights that are widened at a time.
    TILE_K = 512,
    /// Rows up to which a product counts as a few vectors.
    FEW = 4,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void use_one_thread(void) { openblas_set_num_threads(1); }

static void openblas(int transposed_a, int transposed_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
    const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int adds, float *c,
    ptrdiff_t ldc) {
    pthread_once(&once, use_one_thread);
    if (lda > INT32_MAX || ldb > INT32_MAX || ldc > INT32_MAX) abort();
    cblas_sgemm(CblasRowMajor, transposed_a ? CblasTrans : CblasNoTrans,
        transposed_b ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)lda, b,
        (int)ldb, adds ? 1 : 0, c, (int)ldc);
}

void south_gemm(int transposed_a, int transposed_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
    const float *a, ptrdiff_t lda, const void *b, int b_type, ptrdiff_t ldb, int adds, float *c,
    ptrdiff_t ldc) {
    if (m == 0 || n == 0) return;
    if (k == 0) {
        if (!adds)
            for (ptrdiff_t i = 0; i < m; i++) memset(c + i * ldc, 0, (size_t)n * 4);
        return;
    }
#if defined(__x86_64__)
    if (south_instruction_set() == SOUTH_AVX512) {
        gemm_avx512(m, n, k, a, transposed_a ? 1 : lda, transposed_a ? lda : 1, b, b_type,
            transposed_b ? 1 : ldb, transposed_b ? ldb : 1, adds, c, ldc);
        return;
    }
#endif
    if (b_type == SOUTH_FLOAT32) {
        openblas(transposed_a, transposed_b, m, n, k, a, lda, b, ldb, adds, c, ldc);
        return;
    }
    // Widened some rows or columns of depth at a time.
    for (ptrdiff_t l = 0; l < k; l += TILE_K) {
        ptrdiff_t depth = south_min(TILE_K, k - l);
        ptrdiff_t rows = transposed_b ? n : depth, columns = transposed_b ? depth : n;
        const uint16_t *from = (const uint16_t *)b + (transposed_b ? l : l * ldb);
        float *wide = south_scratch(3, sizeof(float) * (size_t)(rows * columns));
        for (ptrdiff_t row = 0; row < rows; row++)
            south_widen(from + row * ldb, b_type, columns, wide + row * columns);
        openblas(transposed_a, transposed_b, m, n, depth, a + (transposed_a ? l * lda : l), lda,
            wide, columns, adds || l > 0, c, ldc);
    }
}

// MARK: Batched products

typedef struct {
    ptrdiff_t m, n, k, tile_m, tile_n, rows, columns;
    const float *a, *b;
    const ptrdiff_t *a_strides, *b_strides;
    float *y;
} product;

static void matmul_task(void *context, size_t index) {
    const product *p = context;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t j = rest % p->columns * p->tile_n;
    rest /= p->columns;
    ptrdiff_t i = rest % p->rows * p->tile_m, batch = rest / p->rows;
    const ptrdiff_t *s = p->a_strides, *t = p->b_strides;
    // A matrix counts as transposed where its rows, not its columns, are adjacent.
    int a_turned = s[2] != 1, b_turned = t[2] != 1;
    south_gemm(a_turned, b_turned, south_min(p->tile_m, p->m - i),
        south_min(p->tile_n, p->n - j), p->k, p->a + batch * s[0] + i * s[1],
        a_turned ? s[2] : s[1], p->b + batch * t[0] + j * t[2], SOUTH_FLOAT32,
        b_turned ? t[2] : t[1], 0,
        p->y + (batch * p->m + i) * p->n + j, p->n);
}

void south_matmul(ptrdiff_t batch, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a,
    const ptrdiff_t *a_strides, const float *b, const ptrdiff_t *b_strides, float *y) {
    product p = {
        .m = m, .n = n, .k = k, .tile_m = south_part(m, TILE_M, 12),
        .tile_n = south_part(n, TILE_N, 32), .a = a, .b = b, .a_strides = a_strides,
        .b_strides = b_strides, .y = y,
    };
    p.rows = south_ceil(m, p.tile_m);
    p.columns = south_ceil(n, p.tile_n);
    south_parallel((size_t)(batch * p.rows * p.columns), matmul_task, &p);
}

// MARK: Linear layers

typedef struct {
    ptrdiff_t m, n, k, x_stride, residual_stride, tile_m, tile_n, rows, columns;
    const float *x, *bias, *residual;
    const void *weight;
    int type, activation;
    float slope;
    float *y;
} linear;

static void finish_tile(const linear *p, ptrdiff_t i, ptrdiff_t m, ptrdiff_t j, ptrdiff_t n) {
    if (!p->bias && !p->residual && p->activation == SOUTH_IDENTITY) return;
    for (ptrdiff_t row = i; row < i + m; row++)
        south_epilogue(p->y + row * p->n + j, n, p->bias ? p->bias + j : NULL, p->activation,
            p->slope, p->residual ? p->residual + row * p->residual_stride + j : NULL);
}

static void gemm_task(void *context, size_t index) {
    const linear *p = context;
    ptrdiff_t j = (ptrdiff_t)index % p->columns * p->tile_n;
    ptrdiff_t i = (ptrdiff_t)index / p->columns * p->tile_m;
    ptrdiff_t m = south_min(p->tile_m, p->m - i), n = south_min(p->tile_n, p->n - j);
    const float *x = p->x + i * p->x_stride;
    float *y = p->y + i * p->n + j;
    const char *weight = (const char *)p->weight + j * p->k * south_element_size(p->type);
    south_gemm(0, 1, m, n, p->k, x, p->x_stride, weight, p->type, p->k, 0, y, p->n);
    finish_tile(p, i, m, j, n);
}

static void gemv_task(void *context, size_t index) {
    const linear *p = context;
    ptrdiff_t j = (ptrdiff_t)index * p->tile_n, n = south_min(p->tile_n, p->n - j);
    const char *weight = (const char *)p->weight + j * p->k * south_element_size(p->type);
    south_gemv(p->m, n, p->k, p->x, p->x_stride, weight, p->type, p->k, p->y + j, p->n);
    finish_tile(p, 0, p->m, j, n);
}

void south_linear(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int weight_type, const float *bias, int activation, float slope,
    const float *residual, ptrdiff_t residual_stride, float *y) {
    linear p = {
        .m = m, .n = n, .k = k, .x_stride = south_max(x_stride, 1),
        .residual_stride = residual_stride, .x = x, .bias = bias, .residual = residual,
        .weight = weight, .type = weight_type, .activation = activation, .slope = slope, .y = y,
    };
    if (m == 0 || n == 0) return;
    if (m <= FEW) {
        // Some 128 kB of weights at a time.
        ptrdiff_t bytes = south_max(k * south_element_size(weight_type), 1);
        p.tile_n = south_max((ptrdiff_t)(1 << 17) / bytes / 4 * 4, 4);
        south_parallel((size_t)south_ceil(n, p.tile_n), gemv_task, &p);
        return;
    }
    p.tile_m = south_part(m, TILE_M, 12);
    p.tile_n = south_part(n, TILE_N, 32);
    p.rows = south_ceil(m, p.tile_m);
    p.columns = south_ceil(n, p.tile_n);
    south_parallel((size_t)(p.rows * p.columns), gemm_task, &p);
}
