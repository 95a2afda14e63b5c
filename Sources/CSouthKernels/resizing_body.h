// Weighted sums of neighbours, one version.

/// `y = Σ_t w[t] · x[t·stride + …]`, rows of `count` elements.
static void V(weighted_rows)(ptrdiff_t taps, ptrdiff_t count, const float *w, const float *x,
    ptrdiff_t stride, float *y) {
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        vf a = {0}, b = {0};
        for (ptrdiff_t t = 0; t < taps; t++) {
            a += V(load)(x + t * stride + i) * w[t];
            b += V(load)(x + t * stride + i + LANES) * w[t];
        }
        V(store)(y + i, a);
        V(store)(y + i + LANES, b);
    }
    for (; i < count; i++) {
        float sum = 0;
        for (ptrdiff_t t = 0; t < taps; t++) sum += x[t * stride + i] * w[t];
        y[i] = sum;
    }
}

/// `y[i] = Σ_t weights[i, t] · x[(starts[i] + t)·stride]`; taps beyond `n` are passed over.
static void V(weighted_line)(ptrdiff_t taps, ptrdiff_t n, ptrdiff_t size, const float *weights,
    const int32_t *starts, const float *x, ptrdiff_t stride, float *y) {
    if (taps == 2) {
        // Bilinear: the second neighbour of the last place is that place itself.
        for (ptrdiff_t i = 0; i < size; i++) {
            ptrdiff_t a = starts[i], b = south_min(a + 1, n - 1);
            y[i] = x[a * stride] * weights[2 * i] + x[b * stride] * weights[2 * i + 1];
        }
        return;
    }
    for (ptrdiff_t i = 0; i < size; i++) {
        const float *w = weights + i * taps, *from = x + starts[i] * stride;
        ptrdiff_t count = south_min(taps, n - starts[i]);
        float sum = 0;
        for (ptrdiff_t t = 0; t < count; t++) sum += from[t * stride] * w[t];
        y[i] = sum;
    }
}
