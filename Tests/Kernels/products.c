// Products and attention against their sums.
#include "check.h"

static void check_matmul(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k) {
    float *a = numbers(2 * m * k, 1), *b = numbers(2 * k * n, 2), *y = memory(8 * (size_t)(m * n));
    float *turned = memory(8 * (size_t)(k * n));
    double *expected = memory(16 * (size_t)(m * n));
    for (ptrdiff_t batch = 0; batch < 2; batch++)
        for (ptrdiff_t l = 0; l < k; l++)
            for (ptrdiff_t j = 0; j < n; j++) {
                float value = b[(batch * k + l) * n + j];
                turned[(batch * n + j) * k + l] = value;
                for (ptrdiff_t i = 0; i < m; i++)
                    expected[(batch * m + i) * n + j] += (double)a[(batch * m + i) * k + l] * value;
            }
    ptrdiff_t of_a[] = {m * k, k, 1};
    south_matmul(2, m, n, k, a, of_a, b, SOUTH_FLOAT32, (ptrdiff_t[]){k * n, n, 1}, y);
    close_to("matmul", y, expected, 2 * m * n, 3e-6);
    south_matmul(2, m, n, k, a, of_a, turned, SOUTH_FLOAT32, (ptrdiff_t[]){n * k, 1, k}, y);
    close_to("matmul, transposed", y, expected, 2 * m * n, 3e-6);
}

static void check_linear(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, int type) {
    float *x = numbers(m * k, 1), *wide = numbers(n * k, 2), *bias = numbers(n, 3);
    float *residual = numbers(m * n, 4), *y = memory(4 * (size_t)(m * n));
    double *expected = memory(8 * (size_t)(m * n));
    void *weight = memory(4 * (size_t)(n * k));
    ptrdiff_t count = n * k, one = 1;
    if (type > SOUTH_BOOL) {
        south_quantize(count, wide, type, weight);
        south_dequantize(count, weight, type, wide);
    } else {
        south_cast(1, &count, wide, &one, SOUTH_FLOAT32, weight, type);
        south_cast(1, &count, weight, &one, type, wide, SOUTH_FLOAT32);
    }
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            double sum = bias[j];
            for (ptrdiff_t l = 0; l < k; l++) sum += (double)x[i * k + l] * wide[j * k + l];
            expected[i * n + j] = sum / (1 + exp(-sum)) + residual[i * n + j];
        }
    south_use_exact_blocks(1);
    south_linear(m, n, k, x, k, weight, type, bias, SOUTH_SILU, 0, residual, n, y);
    close_to("linear", y, expected, m * n, 3e-6);
    south_use_exact_blocks(0);
    south_linear(m, n, k, x, k, weight, type, bias, SOUTH_SILU, 0, residual, n, y);
    close_to("linear, rounded", y, expected, m * n, type > SOUTH_BOOL ? 5e-5 : 3e-6);
}

/// The rounded product is no further off than its contract says: by group of 32, half a step of
/// 1/32767 of the greatest activation for each weight, and what float sums add.
static void check_rounding(ptrdiff_t m, int type) {
    enum { N = 5, K = 512 };
    float *x = numbers(m * K, 1), *wide = numbers(N * K, 2), *y = memory(4 * (size_t)(m * N));
    void *weight = memory(4 * N * K);
    south_quantize(N * K, wide, type, weight);
    south_dequantize(N * K, weight, type, wide);
    // Groups of very different sizes, zeros, and what is next to nothing.
    for (ptrdiff_t i = 0; i < m * K; i++) x[i] *= powf(10, (float)(i / 32 % 13) - 6);
    memset(x, 0, 4 * 32);
    for (int i = 0; i < 32; i++) x[32 + i] *= 1e-33f;
    south_linear(m, N, K, x, K, weight, type, NULL, SOUTH_IDENTITY, 0, NULL, 0, y);
    double *excess = memory(8 * (size_t)(m * N));
    float *found = memory(4 * (size_t)(m * N));
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < N; j++) {
            double sum = 0, bound = 0, size = 0;
            for (ptrdiff_t g = 0; g < K / 32; g++) {
                double most = 0, weights = 0;
                for (ptrdiff_t l = g * 32; l < g * 32 + 32; l++) {
                    sum += (double)x[i * K + l] * wide[j * K + l];
                    size += fabs((double)x[i * K + l] * wide[j * K + l]);
                    most = fmax(most, fabs(x[i * K + l]));
                    weights += fabs(wide[j * K + l]);
                }
                bound += most / 65534 * weights;
            }
            found[i * N + j] = (float)(fabs(y[i * N + j] - sum) <= bound + 1e-5 * size);
            excess[i * N + j] = 1;
        }
    close_to("rounding of activations", found, excess, m * N, 0);
    // What is not finite reaches its row, and no other.
    x[70] = INFINITY;
    south_linear(m, N, K, x, K, weight, type, NULL, SOUTH_IDENTITY, 0, NULL, 0, y);
    for (ptrdiff_t i = 0; i < m * N; i++) {
        found[i] = (float)!!isfinite(y[i]);
        excess[i] = i >= N;
    }
    close_to("infinite activations", found, excess, m * N, 0);
}

static void check_attention(ptrdiff_t queries, ptrdiff_t keys, int causal) {
    enum { HEADS = 4, KEY_HEADS = 2, SIZE = 24 };
    float *q = numbers(HEADS * queries * SIZE, 1), *k = numbers(KEY_HEADS * keys * SIZE, 2);
    float *v = numbers(KEY_HEADS * keys * SIZE, 3), *y = memory(4 * (size_t)(HEADS * queries * SIZE));
    double *expected = memory(8 * (size_t)(HEADS * queries * SIZE));
    double *scores = memory(8 * (size_t)keys);
    for (ptrdiff_t h = 0; h < HEADS; h++)
        for (ptrdiff_t i = 0; i < queries; i++) {
            double total = 0;
            for (ptrdiff_t j = 0; j < keys; j++) {
                double sum = 0;
                for (int d = 0; d < SIZE; d++)
                    sum += (double)q[(h * queries + i) * SIZE + d] * k[(h / 2 * keys + j) * SIZE + d];
                scores[j] = causal && j > i + keys - queries ? 0 : exp(0.3 * sum);
                total += scores[j];
            }
            for (ptrdiff_t j = 0; j < keys; j++)
                for (int d = 0; d < SIZE; d++)
                    expected[(i * HEADS + h) * SIZE + d]
                        += scores[j] / total * v[(h / 2 * keys + j) * SIZE + d];
        }
    south_attention_shape shape = {
        .batch = 1, .heads = HEADS, .key_heads = KEY_HEADS, .queries = queries, .keys = keys,
        .size = SIZE, .value_size = SIZE, .scale = 0.3f, .causal = causal,
        .q_strides = {HEADS * queries * SIZE, queries * SIZE, SIZE},
        .k_strides = {KEY_HEADS * keys * SIZE, keys * SIZE, SIZE},
        .v_strides = {KEY_HEADS * keys * SIZE, keys * SIZE, SIZE},
    };
    south_attention(&shape, q, k, v, &(south_attention_extras){0}, y, NULL);
    close_to("attention", y, expected, HEADS * queries * SIZE, 5e-6);
}

void check_products(void) {
    check_matmul(1, 1, 1);
    check_matmul(7, 13, 21);
    check_matmul(65, 130, 90);
    int types[] = {SOUTH_FLOAT32, SOUTH_FLOAT16, SOUTH_BFLOAT16};
    for (int type = 0; type < 3; type++) {
        check_linear(1, 37, 70, types[type]);
        check_linear(3, 130, 515, types[type]);
        check_linear(40, 70, 600, types[type]);
    }
    for (int type = SOUTH_Q8_0; type <= SOUTH_Q6_K; type++) {
        check_linear(1, 37, 256, type);
        check_linear(7, 130, 512, type);
        check_linear(40, 70, 768, type);
        // Both sides of the edges of tiles, panels and strips.
        for (ptrdiff_t m = 1; m <= 27; m++) check_linear(m, m % 2 ? 33 : 16, 256, type);
        check_linear(25, 1, 1280, type);
        check_linear(61, 300, 2304, type);
        forget();
        if (type <= SOUTH_Q4_0) {
            check_linear(1, 7, 32, type);
            check_linear(3, 18, 2080, type);
            check_linear(13, 49, 544, type);
            check_linear(30, 31, 1120, type);
        }
        unsigned state = 7;
        for (int turn = 0; turn < 20; turn++) {
            ptrdiff_t sizes[3];
            for (int i = 0; i < 3; i++)
                sizes[i] = 1 + (ptrdiff_t)((state = state * 1664525u + 1013904223u) >> 16) % 70;
            ptrdiff_t unit = type <= SOUTH_Q4_0 ? 32 : 256;
            check_linear(sizes[0], sizes[1], (1 + sizes[2] % 12) * unit, type);
        }
        forget();
        check_rounding(1, type);
        check_rounding(6, type);
        check_rounding(20, type);
    }
    check_attention(1, 40, 0);
    check_attention(150, 150, 1);
    check_attention(20, 600, 0);
}
