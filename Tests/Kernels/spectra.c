// Fourier transforms against their sums.
#include "check.h"

static void check_length(ptrdiff_t rows, ptrdiff_t n) {
    ptrdiff_t bins = n / 2 + 1;
    float *x = numbers(rows * n * 2, (unsigned)n), *y = memory(sizeof(float) * (size_t)(rows * n * 2));
    float *half = memory(sizeof(float) * (size_t)(rows * bins * 2));
    float *back = memory(sizeof(float) * (size_t)(rows * n));
    double *sums = memory(sizeof(double) * (size_t)(rows * n * 2));
    double *reals = memory(sizeof(double) * (size_t)(rows * bins * 2));
    double *scaled = memory(sizeof(double) * (size_t)(rows * n));
    for (int inverse = 0; inverse < 2; inverse++) {
        memset(sums, 0, sizeof(double) * (size_t)(rows * n * 2));
        for (ptrdiff_t row = 0; row < rows; row++)
            for (ptrdiff_t k = 0; k < n; k++)
                for (ptrdiff_t j = 0; j < n; j++) {
                    double angle = (inverse ? 2 : -2) * M_PI * (double)(j * k % n) / (double)n;
                    double c = cos(angle), s = sin(angle);
                    const float *at = x + (row * n + j) * 2;
                    double *to = sums + (row * n + k) * 2;
                    to[0] += at[0] * c - at[1] * s;
                    to[1] += at[0] * s + at[1] * c;
                    if (!inverse && k < bins) {
                        reals[(row * bins + k) * 2] += x[row * n + j] * c;
                        reals[(row * bins + k) * 2 + 1] += x[row * n + j] * s;
                    }
                }
        south_fourier(rows, n, x, inverse, y);
        close_to("fourier", y, sums, rows * n * 2, 1e-6);
    }
    south_real_fourier(rows, n, x, n, half);
    close_to("real_fourier", half, reals, rows * bins * 2, 1e-6);
    south_inverse_real_fourier(rows, n, half, back);
    for (ptrdiff_t i = 0; i < rows * n; i++) scaled[i] = (double)n * x[i];
    close_to("inverse_real_fourier", back, scaled, rows * n, 1e-6);
}

void check_spectra(void) {
    ptrdiff_t lengths[] = {1, 2, 3, 4, 5, 7, 12, 15, 25, 31, 37, 64, 74, 100, 202};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        check_length(1, lengths[i]);
        check_length(19, lengths[i]);
    }
    enum { FRAMES = 30, SIZE = 1000, HOP = 600, LENGTH = 29 * HOP + SIZE };
    float *x = numbers(FRAMES * SIZE, 1), *y = memory(sizeof(float) * LENGTH);
    double *sums = memory(sizeof(double) * LENGTH);
    for (int i = 0; i < FRAMES * SIZE; i++) sums[i / SIZE * HOP + i % SIZE] += x[i];
    south_overlap_add(1, FRAMES, SIZE, HOP, x, LENGTH, y);
    close_to("overlap_add", y, sums, LENGTH, 1e-6);
}
