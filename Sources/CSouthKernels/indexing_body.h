// Sums of runs, one version.

/// `y += x`
static void V(add_run)(const float *x, float *y, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) V(store)(y + i, V(load)(y + i) + V(load)(x + i));
    for (; i < count; i++) y[i] += x[i];
}
