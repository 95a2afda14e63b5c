// Reductions, softmax and norms against their formulas.
#include "check.h"

static void check_width(ptrdiff_t outer, ptrdiff_t inner) {
    float *x = numbers(outer * inner, (unsigned)inner), *y = memory(sizeof(float) * (size_t)(outer * inner));
    float *w = numbers(inner, 2), *b = numbers(inner, 3);
    double *expected = memory(sizeof(double) * (size_t)(outer * inner));
    for (ptrdiff_t i = 0; i < outer * inner; i++) x[i] = x[i] * 3 + 0.5f;
    for (int code = SOUTH_SUM; code <= SOUTH_LEAST; code++) {
        for (ptrdiff_t row = 0; row < outer; row++) {
            double sum = 0, most = -INFINITY, least = INFINITY;
            for (ptrdiff_t i = 0; i < inner; i++) {
                double v = x[row * inner + i];
                sum += v;
                most = fmax(most, v);
                least = fmin(least, v);
            }
            expected[row] = code == SOUTH_SUM ? sum
                : code == SOUTH_MEAN ? sum / (double)inner : code == SOUTH_GREATEST ? most : least;
        }
        south_reduce(code, outer, inner, x, inner, y);
        close_to("reduce", y, expected, outer, 2e-6);
    }
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        for (ptrdiff_t row = 0; row < outer; row++) {
            double sum = 0;
            for (ptrdiff_t i = 0; i < inner; i++) sum += exp(x[row * inner + i]);
            for (ptrdiff_t i = 0; i < inner; i++) {
                double v = x[row * inner + i];
                expected[row * inner + i] = logarithm ? v - log(sum) : exp(v) / sum;
            }
        }
        south_softmax(outer, inner, x, inner, logarithm, y);
        close_to("softmax", y, expected, outer * inner, 2e-6);
    }
    for (int root = 0; root < 2; root++) {
        for (ptrdiff_t row = 0; row < outer; row++) {
            double mean = 0, square = 0;
            for (ptrdiff_t i = 0; i < inner && !root; i++) mean += x[row * inner + i] / (double)inner;
            for (ptrdiff_t i = 0; i < inner; i++)
                square += pow(x[row * inner + i] - mean, 2) / (double)inner;
            for (ptrdiff_t i = 0; i < inner; i++)
                expected[row * inner + i] = (x[row * inner + i] - mean) / sqrt(square + 1e-5) * w[i]
                    + (root ? 0 : b[i]);
        }
        if (root)
            south_rms_norm(outer, inner, x, inner, w, 1e-5f, y);
        else
            south_layer_norm(outer, inner, x, inner, w, b, 1e-5f, y);
        close_to(root ? "rms_norm" : "layer_norm", y, expected, outer * inner, 5e-6);
    }
}

void check_rows(void) {
    check_width(5, 7);
    check_width(33, 128);
    check_width(3, 1027);
    check_width(2, 70000);
}
