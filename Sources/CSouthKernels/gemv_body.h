// Dot products of weight rows with a few vectors, one version.

/// ROWS rows of weights with M vectors; both constants where it is inlined.
SOUTH_INLINE void V(dots)(const int ROWS, const int M, ptrdiff_t k, const float *x,
    ptrdiff_t x_stride, const void *weight, ptrdiff_t first, ptrdiff_t weight_stride,
    const int type, float *y, ptrdiff_t y_stride) {
    vf s[4][4];
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < M; i++) s[r][i] = (vf){0};
    ptrdiff_t l = 0;
    for (; l + LANES <= k; l += LANES) {
        vf v[4];
        for (int i = 0; i < M; i++) v[i] = V(load)(x + i * x_stride + l);
        for (int r = 0; r < ROWS; r++) {
            vf w = V(load_weights)(weight, first + r * weight_stride + l, type);
            for (int i = 0; i < M; i++) s[r][i] += w * v[i];
        }
    }
    if (l < k) {
        vf v[4];
        for (int i = 0; i < M; i++) v[i] = V(load_part)(x + i * x_stride + l, k - l);
        for (int r = 0; r < ROWS; r++) {
            vf w = V(load_weights_part)(weight, first + r * weight_stride + l, type, k - l);
            for (int i = 0; i < M; i++) s[r][i] += w * v[i];
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < M; i++) y[i * y_stride + r] = V(sum)(s[r][i]);
}

SOUTH_INLINE void V(dot_rows)(const int M, ptrdiff_t n, ptrdiff_t k, const float *x,
    ptrdiff_t x_stride, const void *weight, ptrdiff_t weight_stride, const int type, float *y,
    ptrdiff_t y_stride) {
    ptrdiff_t j = 0;
    for (; j + 4 <= n; j += 4)
        V(dots)
        (4, M, k, x, x_stride, weight, j * weight_stride, weight_stride, type, y + j, y_stride);
    for (; j < n; j++)
        V(dots)
        (1, M, k, x, x_stride, weight, j * weight_stride, weight_stride, type, y + j, y_stride);
}

SOUTH_INLINE void V(gemv_type)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x,
    ptrdiff_t x_stride, const void *weight, const int type, ptrdiff_t weight_stride, float *y,
    ptrdiff_t y_stride) {
    switch (m) {
    case 1: V(dot_rows)(1, n, k, x, x_stride, weight, weight_stride, type, y, y_stride); break;
    case 2: V(dot_rows)(2, n, k, x, x_stride, weight, weight_stride, type, y, y_stride); break;
    case 3: V(dot_rows)(3, n, k, x, x_stride, weight, weight_stride, type, y, y_stride); break;
    default: V(dot_rows)(4, n, k, x, x_stride, weight, weight_stride, type, y, y_stride);
    }
}

static void V(gemv)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride) {
    if (type == SOUTH_FLOAT32)
        V(gemv_type)(m, n, k, x, x_stride, weight, SOUTH_FLOAT32, weight_stride, y, y_stride);
    else if (type == SOUTH_BFLOAT16)
        V(gemv_type)(m, n, k, x, x_stride, weight, SOUTH_BFLOAT16, weight_stride, y, y_stride);
    else
        V(gemv_type)(m, n, k, x, x_stride, weight, SOUTH_FLOAT16, weight_stride, y, y_stride);
}

/// `y += Σ_j a[j] · x[j·stride + …]`: weighted rows added to a vector of `count`.
static void V(add_rows)(ptrdiff_t rows, ptrdiff_t count, const float *a, const float *x,
    ptrdiff_t stride, float *y) {
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        vf s[4];
        for (int u = 0; u < 4; u++) s[u] = V(load)(y + i + u * LANES);
        for (ptrdiff_t j = 0; j < rows; j++)
            for (int u = 0; u < 4; u++)
                s[u] += V(load)(x + j * stride + i + u * LANES) * a[j];
        for (int u = 0; u < 4; u++) V(store)(y + i + u * LANES, s[u]);
    }
    for (; i + LANES <= count; i += LANES) {
        vf s = V(load)(y + i);
        for (ptrdiff_t j = 0; j < rows; j++) s += V(load)(x + j * stride + i) * a[j];
        V(store)(y + i, s);
    }
    for (; i < count; i++)
        for (ptrdiff_t j = 0; j < rows; j++) y[i] += x[j * stride + i] * a[j];
}
