// Weighted sums of pixels and of samples, one version.

#define vb V(octets)
typedef uint8_t vb __attribute__((vector_size(LANES), aligned(1), may_alias));

SOUTH_INLINE vi V(rounded_pixels)(vi sums) {
    sums = (sums + (1 << (PICTURE_BITS - 1))) >> PICTURE_BITS;
    sums = __builtin_elementwise_max(sums, (vi){0});
    return __builtin_elementwise_min(sums, (vi){0} + 255);
}

/// As many pixels as fit side by side, four lanes each: red, green, blue and what comes next.
SOUTH_INLINE vi V(pixels)(const uint8_t *x) {
#if LANES == 16
    typedef uint8_t wide __attribute__((vector_size(16), aligned(1), may_alias));
    wide bytes = *(const wide *)x;
    vb spread = __builtin_shufflevector(
        bytes, bytes, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
#elif LANES == 8
    typedef uint8_t wide __attribute__((vector_size(8), aligned(1), may_alias));
    wide bytes = *(const wide *)x;
    vb spread = __builtin_shufflevector(bytes, bytes, 0, 1, 2, 3, 3, 4, 5, 6);
#else
    vb spread = *(const vb *)x;
#endif
    return __builtin_convertvector(spread, vi);
}

/// Their weights, each in its four lanes.
SOUTH_INLINE vi V(pixel_weights)(const int32_t *w) {
#if LANES == 16
    typedef int32_t four __attribute__((vector_size(16), aligned(4), may_alias));
    four v = *(const four *)w;
    return __builtin_shufflevector(v, v, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
#elif LANES == 8
    typedef int32_t two __attribute__((vector_size(8), aligned(4), may_alias));
    two v = *(const two *)w;
    return __builtin_shufflevector(v, v, 0, 0, 0, 0, 1, 1, 1, 1);
#else
    return (vi){0} + w[0];
#endif
}

/// One row: `y [size, 3]` of `x`, of which some pixels past the last tap are read too.
static void V(pixels_across)(ptrdiff_t size, ptrdiff_t taps, const int32_t *starts,
    const int32_t *weights, const uint8_t *x, uint8_t *y) {
    const ptrdiff_t together = LANES / 4;
    for (ptrdiff_t i = 0; i < size; i++) {
        const uint8_t *from = x + starts[i] * 3;
        const int32_t *w = weights + i * taps;
        vi a = {0}, b = {0};
        ptrdiff_t t = 0;
        for (; t + 2 * together <= taps; t += 2 * together) {
            a += V(pixels)(from + 3 * t) * V(pixel_weights)(w + t);
            b += V(pixels)(from + 3 * (t + together)) * V(pixel_weights)(w + t + together);
        }
        for (; t < taps; t += together)
            a += V(pixels)(from + 3 * t) * V(pixel_weights)(w + t);
        a += b;
#if LANES == 16
        a += __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
        a += __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
#elif LANES == 8
        a += __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3);
#endif
        a = V(rounded_pixels)(a);
        for (int c = 0; c < 3; c++) y[3 * i + c] = (uint8_t)a[c];
    }
}

/// One row of `count` bytes of `taps` rows.
static void V(pixels_down)(ptrdiff_t taps, ptrdiff_t count, const int32_t *w, const uint8_t *x,
    uint8_t *y) {
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        vi sums[4] = {{0}, {0}, {0}, {0}};
        for (ptrdiff_t t = 0; t < taps; t++)
#pragma clang loop unroll(full)
            for (int j = 0; j < 4; j++) {
                vb bytes = *(const vb *)(x + t * count + i + j * LANES);
                sums[j] += __builtin_convertvector(bytes, vi) * w[t];
            }
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++)
            *(vb *)(y + i + j * LANES) =
                __builtin_convertvector(V(rounded_pixels)(sums[j]), vb);
    }
    for (; i < count; i++) {
        int32_t sum = 1 << (PICTURE_BITS - 1);
        for (ptrdiff_t t = 0; t < taps; t++) sum += w[t] * x[t * count + i];
        sum >>= PICTURE_BITS;
        y[i] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

/// Results `first..<first + count` of rational resampling; `taps` is a multiple of 16.
static void V(phases)(ptrdiff_t phases, ptrdiff_t step, ptrdiff_t taps, const int32_t *starts,
    const float *weights, const float *x, ptrdiff_t first, ptrdiff_t count, float *y) {
    ptrdiff_t block = first / phases, phase = first % phases;
    for (ptrdiff_t i = 0; i < count; i++) {
        const float *from = x + block * step + starts[phase], *w = weights + phase * taps;
        vf sum = {0};
        for (ptrdiff_t t = 0; t < taps; t += LANES)
            sum += V(load)(from + t) * V(load)(w + t);
        y[i] = V(sum)(sum);
        if (++phase == phases) {
            phase = 0;
            block++;
        }
    }
}

#undef vb
