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
    south_linear(m, n, k, x, k, weight, type, bias, SOUTH_SILU, 0, residual, n, y);
    close_to("linear", y, expected, m * n, 3e-6);
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
    }
    check_attention(1, 40, 0);
    check_attention(150, 150, 1);
    check_attention(20, 600, 0);
}
