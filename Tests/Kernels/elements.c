// Functions of one and two elements against libm.
#include "check.h"

static double activation(int code, double x) {
    switch (code) {
    case SOUTH_IDENTITY: return x;
    case SOUTH_RELU: return x > 0 ? x : 0;
    case SOUTH_SIGMOID: return 1 / (1 + exp(-x));
    case SOUTH_TANH: return tanh(x);
    case SOUTH_SILU: return x / (1 + exp(-x));
    case SOUTH_GELU: return x * erfc(-x / sqrt(2)) / 2;
    case SOUTH_GELU_TANH: return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case SOUTH_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    default: return x > 0 ? x : 0.1 * x;
    }
}

static double function(int code, double x) {
    switch (code) {
    case SOUTH_NEGATE: return -x;
    case SOUTH_ABSOLUTE: return fabs(x);
    case SOUTH_SQUARE: return x * x;
    case SOUTH_SQUARE_ROOT: return sqrt(x);
    case SOUTH_RECIPROCAL_SQUARE_ROOT: return 1 / sqrt(x);
    case SOUTH_RECIPROCAL: return 1 / x;
    case SOUTH_EXPONENTIAL: return exp(x);
    case SOUTH_LOGARITHM: return log(x);
    case SOUTH_SINE: return sin(x);
    case SOUTH_COSINE: return cos(x);
    default: return activation(code, x);
    }
}

static double pair(int code, double a, double b) {
    switch (code) {
    case SOUTH_ADD: return a + b;
    case SOUTH_SUBTRACT: return a - b;
    case SOUTH_MULTIPLY: return a * b;
    case SOUTH_DIVIDE: return a / b;
    case SOUTH_MAXIMUM: return fmax(a, b);
    default: return fmin(a, b);
    }
}

void check_elements(void) {
    enum { A = 61, B = 83, COUNT = A * B };
    float *x = numbers(COUNT, 1), *z = numbers(COUNT, 2), *y = memory(sizeof(float) * COUNT);
    double *expected = memory(sizeof(double) * COUNT);
    char name[40];
    for (int i = 0; i < COUNT; i++) x[i] *= 6;
    for (int code = SOUTH_IDENTITY; code <= SOUTH_COSINE; code++) {
        int positive = code == SOUTH_SQUARE_ROOT || code == SOUTH_RECIPROCAL_SQUARE_ROOT
            || code == SOUTH_LOGARITHM || code == SOUTH_RECIPROCAL;
        for (int i = 0; i < COUNT; i++) y[i] = positive ? fabsf(x[i]) + 0.1f : x[i];
        float *from = memory(sizeof(float) * COUNT);
        memcpy(from, y, sizeof(float) * COUNT);
        // Transposed, so that blocks are gathered.
        for (int i = 0; i < COUNT; i++) expected[i] = function(code, from[i % A * B + i / A]);
        south_unary(code, 0.1f, 0, 2, (ptrdiff_t[]){B, A}, from, (ptrdiff_t[]){1, B}, y);
        snprintf(name, sizeof name, "unary %d", code);
        close_to(name, y, expected, COUNT, 1e-6);
    }
    for (int code = SOUTH_ADD; code <= SOUTH_MINIMUM; code++) {
        for (int i = 0; i < COUNT; i++) {
            if (code == SOUTH_DIVIDE) z[i] = copysignf(fabsf(z[i]) + 0.1f, z[i]);
            expected[i] = pair(code, x[i], z[i % B]);
        }
        south_binary(code, SOUTH_FLOAT32, 2, (ptrdiff_t[]){A, B}, x, (ptrdiff_t[]){B, 1}, z,
            (ptrdiff_t[]){0, 1}, y);
        snprintf(name, sizeof name, "binary %d", code);
        close_to(name, y, expected, COUNT, 1e-6);
    }
    for (int i = 0; i < COUNT; i++) expected[i] = x[i] * activation(SOUTH_GELU, z[i]);
    ptrdiff_t count = COUNT, one = 1;
    south_gated(SOUTH_GELU, 0, 1, &count, x, &one, z, &one, y);
    close_to("gated", y, expected, COUNT, 1e-6);
}
