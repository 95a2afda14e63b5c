// Convolutions of all kinds against their sums, over random geometries.
#include "check.h"

enum { GEOMETRIES = 160 };

static unsigned state;
/// A number below n.
static ptrdiff_t below(ptrdiff_t n) {
    state = state * 1664525u + 1013904223u;
    return (ptrdiff_t)(state >> 10) % n;
}

static ptrdiff_t volume(const ptrdiff_t *n) { return n[0] * n[1] * n[2]; }

/// A shape without its result; every third is a 3×3 of stride 1 with enough channels for Winograd.
static south_convolution_shape shape_of(int number) {
    int is_square = number % 3 == 0, is_wide = number % 4 == 0;
    south_convolution_shape s = {.batch = below(8) ? 1 + below(3) : 0, .groups = 1};
    if (below(3) == 0) s.groups += below(4);
    s.inputs = s.groups * (is_square ? 16 + below(40) : is_wide ? 1 + below(70) : 1 + below(6));
    s.outputs = s.groups * (is_square ? 16 + below(60) : is_wide ? 1 + below(70) : 1 + below(6));
    ptrdiff_t first = is_square ? below(2) : below(3), longest[] = {7, 20, 120};
    for (int i = 0; i < 3; i++) {
        s.spatial[i] = s.kernel[i] = s.stride[i] = s.dilation[i] = 1;
        if (i < first) continue;
        if (is_square) {
            s.spatial[i] = i == 0 ? 1 + below(3) : 1 + below(18);
            s.kernel[i] = i == 0 ? 1 : 3;
            s.before[i] = i == 0 ? 0 : below(4);
            continue;
        }
        s.spatial[i] = 1 + below(longest[first]);
        s.kernel[i] = 1 + below(5);
        s.stride[i] = below(2) ? 1 : 1 + below(4);
        s.before[i] = below(2) ? 0 : below(7);
        s.dilation[i] = below(2) ? 1 : 1 + below(3);
    }
    return s;
}

/// Dense strides, channels innermost, or with gaps; returns the elements that they span.
static ptrdiff_t lay_out(const south_convolution_shape *s, ptrdiff_t *strides) {
    ptrdiff_t kind = below(3), step = kind == 0 ? 1 : kind == 1 ? s->inputs : 2;
    strides[4] = step;
    strides[3] = step * s->spatial[2] + (kind == 2 ? 3 : 0);
    strides[2] = strides[3] * s->spatial[1];
    strides[1] = kind == 1 ? 1 : strides[2] * s->spatial[0] + (kind == 2 ? 1 : 0);
    strides[0] = kind == 1 ? strides[2] * s->spatial[0] : strides[1] * s->inputs;
    return strides[0] * s->batch + 1;
}

/// The element of an image that a place of the grid sees at a tap, or −1.
static ptrdiff_t seen(const south_convolution_shape *s, const ptrdiff_t *image,
    const ptrdiff_t *grid, ptrdiff_t place, ptrdiff_t tap, const ptrdiff_t *strides) {
    const ptrdiff_t *k = s->kernel;
    ptrdiff_t at[] = {place / grid[2] / grid[1], place / grid[2] % grid[1], place % grid[2]};
    ptrdiff_t of[] = {tap / k[2] / k[1], tap / k[2] % k[1], tap % k[2]}, element = 0;
    for (int i = 0; i < 3; i++) {
        ptrdiff_t index = at[i] * s->stride[i] + of[i] * s->dilation[i] - s->before[i];
        if (index < 0 || index >= image[i]) return -1;
        element += index * strides[i];
    }
    return element;
}

/// Weights in a type, and as the type rounds them in `wide`.
static const void *stored(float *wide, ptrdiff_t count, int type) {
    void *weight = memory(4 * (size_t)count);
    ptrdiff_t one = 1;
    south_cast(1, &count, wide, &one, SOUTH_FLOAT32, weight, type);
    south_cast(1, &count, weight, &one, type, wide, SOUTH_FLOAT32);
    return weight;
}

static void check_geometry(south_convolution_shape s, int is_transposed) {
    ptrdiff_t strides[5], elements = lay_out(&s, strides);
    ptrdiff_t places = volume(s.spatial), results = volume(s.result), taps = volume(s.kernel);
    ptrdiff_t inputs = s.inputs / s.groups, outputs = s.outputs / s.groups;
    ptrdiff_t count = s.inputs * outputs * taps, all = s.batch * s.outputs * results;
    int type = (int)below(3);
    float *x = numbers(elements, 1), *w = numbers(count, 2), *bias = below(2) ? numbers(s.outputs, 3) : NULL;
    float *arriving = numbers(all, 4), *y = memory(4 * (size_t)all), *dw = memory(4 * (size_t)count);
    double *expected = memory(8 * (size_t)all), *sums = memory(8 * (size_t)count);
    const void *weight = stored(w, count, type);
    for (ptrdiff_t i = 0; i < all && bias; i++) expected[i] = bias[i / results % s.outputs];
    ptrdiff_t dense[] = {s.result[1] * s.result[2], s.result[2], 1};
    const ptrdiff_t *grid = is_transposed ? s.spatial : s.result;
    for (ptrdiff_t b = 0; b < s.batch; b++)
        for (ptrdiff_t pair = 0; pair < s.inputs * outputs; pair++) {
            ptrdiff_t o = is_transposed ? pair / outputs / inputs * outputs + pair % outputs
                                        : pair / inputs;
            ptrdiff_t c = is_transposed ? pair / outputs
                                        : pair / inputs / outputs * inputs + pair % inputs;
            const float *from = x + b * strides[0] + c * strides[1];
            for (ptrdiff_t place = 0; place < (is_transposed ? places : results); place++)
                for (ptrdiff_t tap = 0; tap < taps; tap++) {
                    ptrdiff_t at = seen(&s, is_transposed ? s.result : s.spatial, grid, place, tap,
                        is_transposed ? dense : strides + 2);
                    if (at < 0) continue;
                    ptrdiff_t to = (b * s.outputs + o) * results + (is_transposed ? at : place);
                    ptrdiff_t i0 = place / s.spatial[2] / s.spatial[1];
                    ptrdiff_t i1 = place / s.spatial[2] % s.spatial[1], i2 = place % s.spatial[2];
                    double value = is_transposed
                        ? from[i0 * strides[2] + i1 * strides[3] + i2 * strides[4]] : from[at];
                    expected[to] += value * w[pair * taps + tap];
                    if (!is_transposed) sums[pair * taps + tap] += value * arriving[to];
                }
        }
    if (is_transposed) {
        south_transposed_convolution(&s, x, strides, weight, type, bias, y);
        close_to("transposed convolution", y, expected, all, 1e-5);
    } else {
        south_convolution(&s, x, strides, weight, type, bias, y);
        close_to("convolution", y, expected, all, 1e-5);
        south_convolution_weight_gradient(&s, x, strides, arriving, dw);
        close_to("weight gradient", dw, sums, count, 1e-5);
    }
}

void check_convolutions(void) {
    for (int number = 0; number < GEOMETRIES; number++) {
        state = (unsigned)number * 7919 + 13;
        south_convolution_shape s = shape_of(number);
        for (int is_transposed = 0; is_transposed < 2; is_transposed++) {
            for (int i = 0; i < 3; i++) {
                ptrdiff_t reach = s.dilation[i] * (s.kernel[i] - 1) + 1;
                ptrdiff_t after = s.kernel[i] == 1 ? s.before[i] : below(4);
                ptrdiff_t padded = s.spatial[i] + s.before[i] + after;
                s.result[i] = is_transposed
                    ? (s.spatial[i] - 1) * s.stride[i] + reach - s.before[i] - after + below(2)
                    : padded < reach ? 0 : (padded - reach) / s.stride[i] + 1;
            }
            if (s.result[0] > 0 && s.result[1] > 0 && s.result[2] > 0)
                check_geometry(s, is_transposed);
            forget();
        }
    }
}
