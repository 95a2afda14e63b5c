// Products of weight rows with a few vectors, one version.
#include "blocks_body.h"

/// Rows of weights that are read side by side.
#define ROWS (LANES == 16 ? 4 : 2)
/// Bytes that the prefetch, to the second cache, is ahead of the reading: the first has room for
/// fewer lines on their way.
#define AHEAD 2048

/// R rows of weights with M vectors; constants where it is inlined.
SOUTH_INLINE void V(dots)(const int R, const int M, const int type, ptrdiff_t k,
    const float *x, ptrdiff_t x_stride, const uint8_t *weight, ptrdiff_t row_bytes, float *y,
    ptrdiff_t y_stride) {
    const ptrdiff_t unit = south_unit(type);
    const ptrdiff_t group_bytes = south_bytes(type, unit) / (unit / SOUTH_GROUP);
    // With one vector there are too few sums for none to wait for its last step: two each.
    const int chains = M == 1 ? 2 : 1;
    vf s[4][4][2] = {0};
    ptrdiff_t l = 0;
    for (; l + SOUTH_GROUP <= k; l += unit) {
        ptrdiff_t groups = south_min(unit, k - l) / SOUTH_GROUP;
        // Beyond a row's end its neighbour's are on their way already: on to the next R.
        ptrdiff_t ahead = AHEAD;
        if (south_bytes(type, l) + AHEAD >= row_bytes) ahead += (R - 1) * row_bytes;
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++) {
            const uint8_t *block = weight + r * row_bytes + south_bytes(type, l);
            V(scales) scales;
            V(read_scales)(block, type, groups, &scales);
#pragma clang loop unroll_count(4)
            for (int g = 0; g < groups; g++) {
                for (ptrdiff_t line = 0; line < group_bytes; line += 64)
                    __builtin_prefetch(block + g * group_bytes + line + ahead, 0, 2);
                vf w[32 / LANES];
                V(load_group)(block, type, g, &scales, w);
#pragma clang loop unroll(full)
                for (int v = 0; v < 32 / LANES; v++)
#pragma clang loop unroll(full)
                    for (int i = 0; i < M; i++)
                        s[r][i][v % chains] +=
                            w[v] * V(load)(x + i * x_stride + l + g * 32 + v * LANES);
            }
        }
    }
    // Types of blocks have none left.
    for (; l < k; l += LANES) {
        ptrdiff_t count = south_min(LANES, k - l);
        for (int r = 0; r < R; r++) {
            const uint8_t *place = weight + r * row_bytes;
            vf w = count == LANES ? V(load_weights)(place, l, type)
                                  : V(load_weights_part)(place, l, type, count);
            for (int i = 0; i < M; i++) {
                const float *from = x + i * x_stride + l;
                s[r][i][0] += w * (count == LANES ? V(load)(from) : V(load_part)(from, count));
            }
        }
    }
    for (int r = 0; r < R; r++)
        for (int i = 0; i < M; i++) y[i * y_stride + r] = V(sum)(s[r][i][0] + s[r][i][1]);
}

/// At most four vectors; three are two and one.
SOUTH_INLINE void V(dot_vectors)(const int R, const int type, ptrdiff_t m, ptrdiff_t k,
    const float *x, ptrdiff_t x_stride, const uint8_t *w, ptrdiff_t row_bytes, float *y,
    ptrdiff_t y_stride) {
    if (m == 4) {
        V(dots)(R, 4, type, k, x, x_stride, w, row_bytes, y, y_stride);
        return;
    }
    if (m >= 2) V(dots)(R, 2, type, k, x, x_stride, w, row_bytes, y, y_stride);
    ptrdiff_t last = m - 1;
    if (m != 2)
        V(dots)(R, 1, type, k, x + last * x_stride, x_stride, w, row_bytes, y + last * y_stride,
            y_stride);
}

/// Rows side by side for as long as there are so many, then one by one.
SOUTH_INLINE void V(gemv_floats)(const int type, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
    const float *x, ptrdiff_t x_stride, const uint8_t *w, ptrdiff_t row_bytes, float *y,
    ptrdiff_t y_stride) {
    ptrdiff_t j = 0;
    for (; j + ROWS <= n; j += ROWS)
        for (ptrdiff_t i = 0; i < m; i += 4)
            V(dot_vectors)
            (ROWS, type, south_min(4, m - i), k, x + i * x_stride, x_stride, w + j * row_bytes,
                row_bytes, y + i * y_stride + j, y_stride);
    for (; j < n; j++)
        for (ptrdiff_t i = 0; i < m; i += 4)
            V(dot_vectors)
            (1, type, south_min(4, m - i), k, x + i * x_stride, x_stride, w + j * row_bytes,
                row_bytes, y + i * y_stride + j, y_stride);
}

/// One vector and weights in blocks, a row at a time.
SOUTH_INLINE void V(gemv_blocks)(const int type, ptrdiff_t n, ptrdiff_t k, const float *x,
    const uint8_t *w, ptrdiff_t row_bytes, float *y) {
    for (ptrdiff_t j = 0; j < n; j++)
        V(dots)(1, 1, type, k, x, 0, w + j * row_bytes, row_bytes, y + j, 0);
}

static void V(gemv)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride) {
    const uint8_t *w = weight;
    ptrdiff_t row_bytes = south_bytes(type, weight_stride);
    if (m > 1 && south_is_blocks(type)) {
        // Decoded once for all vectors.
        float *room = south_scratch(SOUTH_SCRATCH_BLOCKS, sizeof(float) * (size_t)(ROWS * k));
        for (ptrdiff_t j = 0; j < n; j += ROWS) {
            ptrdiff_t rows = south_min(ROWS, n - j);
            for (ptrdiff_t r = 0; r < rows; r++)
                V(decode)(w + (j + r) * row_bytes, type, 0, k, room + r * k);
            V(gemv_floats)
            (SOUTH_FLOAT32, m, rows, k, x, x_stride, (const uint8_t *)room, k * 4, y + j,
                y_stride);
        }
        return;
    }
    switch (type) {
    case SOUTH_FLOAT32:
        V(gemv_floats)(SOUTH_FLOAT32, m, n, k, x, x_stride, w, row_bytes, y, y_stride);
        break;
    case SOUTH_BFLOAT16:
        V(gemv_floats)(SOUTH_BFLOAT16, m, n, k, x, x_stride, w, row_bytes, y, y_stride);
        break;
    case SOUTH_FLOAT16:
        V(gemv_floats)(SOUTH_FLOAT16, m, n, k, x, x_stride, w, row_bytes, y, y_stride);
        break;
    case SOUTH_Q8_0: V(gemv_blocks)(SOUTH_Q8_0, n, k, x, w, row_bytes, y); break;
    case SOUTH_Q4_0: V(gemv_blocks)(SOUTH_Q4_0, n, k, x, w, row_bytes, y); break;
    case SOUTH_Q4_K: V(gemv_blocks)(SOUTH_Q4_K, n, k, x, w, row_bytes, y); break;
    case SOUTH_Q6_K: V(gemv_blocks)(SOUTH_Q6_K, n, k, x, w, row_bytes, y); break;
    }
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

#undef ROWS
#undef AHEAD
