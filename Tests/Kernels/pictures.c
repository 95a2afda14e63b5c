// Resampling of pictures and sounds against plain loops.
#include "check.h"

static uint8_t clamped(int64_t sum) {
    sum = (sum + (1 << 21)) >> 22;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/// Weights of `size` results whose taps may run over the end of `n` pixels; no sum overflows.
static void prepare(ptrdiff_t n, ptrdiff_t size, ptrdiff_t taps, int32_t *starts,
    int32_t *weights) {
    float *random = numbers(size * taps, (unsigned)(n + size));
    for (ptrdiff_t i = 0; i < size; i++) {
        starts[i] = (int32_t)(i * n / size);
        for (ptrdiff_t t = 0; t < taps; t++)
            weights[i * taps + t] =
                starts[i] + t < n ? (int32_t)(random[i * taps + t] * 8e6f / (float)taps) : 0;
    }
}

static void check_picture(ptrdiff_t rows, ptrdiff_t width, ptrdiff_t size, ptrdiff_t taps) {
    uint8_t *x = memory((size_t)(rows * width * 3));
    float *random = numbers(rows * width * 3, (unsigned)(rows + width));
    for (ptrdiff_t i = 0; i < rows * width * 3; i++) x[i] = (uint8_t)((random[i] + 1) * 127.9f);
    int32_t *starts = memory(4 * (size_t)size), *weights = memory(4 * (size_t)(size * taps));
    uint8_t *found = memory((size_t)(rows * size * 3));
    uint8_t *expected = memory((size_t)(rows * size * 3));
    prepare(width, size, taps, starts, weights);
    for (ptrdiff_t i = 0; i < rows * size * 3; i++) {
        ptrdiff_t row = i / (size * 3), at = i / 3 % size;
        int64_t sum = 0;
        for (ptrdiff_t t = 0; t < taps && starts[at] + t < width; t++)
            sum += (int64_t)weights[at * taps + t] * x[(row * width + starts[at] + t) * 3 + i % 3];
        expected[i] = clamped(sum);
    }
    south_resample_pixels_across(rows, width, x, size, taps, starts, weights, found);
    same("resample_pixels_across", found, expected, (size_t)(rows * size * 3));

    found = memory((size_t)(size * width * 3));
    expected = memory((size_t)(size * width * 3));
    prepare(rows, size, taps, starts, weights);
    for (ptrdiff_t i = 0; i < size * width * 3; i++) {
        ptrdiff_t at = i / (width * 3);
        int64_t sum = 0;
        for (ptrdiff_t t = 0; t < taps && starts[at] + t < rows; t++)
            sum += (int64_t)weights[at * taps + t] * x[(starts[at] + t) * width * 3 + i % (width * 3)];
        expected[i] = clamped(sum);
    }
    south_resample_pixels_down(rows, width, x, size, taps, starts, weights, found);
    same("resample_pixels_down", found, expected, (size_t)(size * width * 3));
}

static void check_phases(ptrdiff_t phases, ptrdiff_t step, ptrdiff_t taps, ptrdiff_t first,
    ptrdiff_t count) {
    ptrdiff_t blocks = (first + count) / phases + 1;
    float *x = numbers(blocks * step + step + taps, 5), *y = memory(4 * (size_t)count);
    float *weights = numbers(phases * taps, 6);
    int32_t *starts = memory(4 * (size_t)phases);
    double *sums = memory(8 * (size_t)count);
    for (ptrdiff_t j = 0; j < phases; j++) starts[j] = (int32_t)(j * step / phases);
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t block = (first + i) / phases, phase = (first + i) % phases;
        for (ptrdiff_t t = 0; t < taps; t++)
            sums[i] += (double)weights[phase * taps + t] * x[block * step + starts[phase] + t];
    }
    south_resample_phases(x, phases, step, taps, starts, weights, first, count, y);
    close_to("resample_phases", y, sums, count, 1e-6);
}

void check_pictures(void) {
    check_picture(1, 1, 1, 4);
    check_picture(3, 2, 9, 4);
    check_picture(33, 61, 17, 8);
    check_picture(70, 43, 20, 12);
    check_picture(18, 150, 40, 16);
    check_phases(1, 3, 48, 0, 1000);
    check_phases(160, 441, 48, 70, 40000);
    check_phases(2, 1, 16, 1, 77);
}
