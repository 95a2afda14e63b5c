// Matrix products: OpenBLAS on one thread for each tile, tiles shared by the pool. Products with
// a few vectors read the weights as they are stored.
#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"

#define SOUTH_BODY "gemv_body.h"
#include "versions.h"

enum {
    /// Rows and columns of a tile at most.
    TILE_M = 512, TILE_N = 256,
    /// Columns of 16-bit weights that are widened at a time.
    TILE_K = 512,
    /// Rows up to which a product counts as a few vectors.
    FEW = 4,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void use_one_thread(void) { openblas_set_num_threads(1); }

void south_sgemm(int transposed_a, int transposed_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
    const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, float beta, float *c,
    ptrdiff_t ldc) {
    pthread_once(&once, use_one_thread);
    if (m == 0 || n == 0) return;
    if (k == 0) {
        if (beta == 0)
            for (ptrdiff_t i = 0; i < m; i++) memset(c + i * ldc, 0, (size_t)n * 4);
        return;
    }
    if (lda > INT32_MAX || ldb > INT32_MAX || ldc > INT32_MAX) abort();
    cblas_sgemm(CblasRowMajor, transposed_a ? CblasTrans : CblasNoTrans,
        transposed_b ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)lda, b,
        (int)ldb, beta, c, (int)ldc);
}

void south_gemv(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride) {
    SOUTH_PICK(gemv)(m, n, k, x, x_stride, weight, type, weight_stride, y, y_stride);
}

void south_add_rows(ptrdiff_t rows, ptrdiff_t count, const float *a, const float *x,
    ptrdiff_t stride, float *y) {
    SOUTH_PICK(add_rows)(rows, count, a, x, stride, y);
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
    south_sgemm(a_turned, b_turned, south_min(p->tile_m, p->m - i),
        south_min(p->tile_n, p->n - j), p->k, p->a + batch * s[0] + i * s[1],
        a_turned ? s[2] : s[1], p->b + batch * t[0] + j * t[2], b_turned ? t[2] : t[1], 0,
        p->y + (batch * p->m + i) * p->n + j, p->n);
}

void south_matmul(ptrdiff_t batch, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a,
    const ptrdiff_t *a_strides, const float *b, const ptrdiff_t *b_strides, float *y) {
    product p = {
        .m = m, .n = n, .k = k, .tile_m = south_part(m, TILE_M, 16),
        .tile_n = south_part(n, TILE_N, 16), .a = a, .b = b, .a_strides = a_strides,
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
    if (p->type == SOUTH_FLOAT32) {
        south_sgemm(0, 1, m, n, p->k, x, p->x_stride, (const float *)p->weight + j * p->k, p->k,
            0, y, p->n);
    } else {
        float *wide = south_scratch(0, sizeof(float) * TILE_N * TILE_K);
        for (ptrdiff_t l = 0; l < p->k; l += TILE_K) {
            ptrdiff_t k = south_min(TILE_K, p->k - l);
            for (ptrdiff_t row = 0; row < n; row++)
                south_widen((const uint16_t *)p->weight + (j + row) * p->k + l, p->type, k,
                    wide + row * k);
            south_sgemm(0, 1, m, n, k, x + l, p->x_stride, wide, k, l > 0, y, p->n);
        }
    }
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
    p.tile_m = south_part(m, TILE_M, 16);
    p.tile_n = south_part(n, TILE_N, 16);
    p.rows = south_ceil(m, p.tile_m);
    p.columns = south_ceil(n, p.tile_n);
    if (p.type != SOUTH_FLOAT32 && k == 0) memset(y, 0, (size_t)(m * n) * 4);
    south_parallel((size_t)(p.rows * p.columns), gemm_task, &p);
}
