// Reductions, softmax and normalisations of single rows, one version.

/// Σx in floats over a thousand elements at a time, in double over those.
static double V(row_sum)(const float *x, ptrdiff_t count) {
    double total = 0;
    for (ptrdiff_t start = 0; start < count; start += SOUTH_BLOCK) {
        ptrdiff_t end = south_min(start + SOUTH_BLOCK, count), i = start;
        vf s = {0}, t = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            s += V(load)(x + i);
            t += V(load)(x + i + LANES);
        }
        for (; i + LANES <= end; i += LANES) s += V(load)(x + i);
        if (i < end) t += V(load_part)(x + i, end - i);
        total += V(sum)(s + t);
    }
    return total;
}

/// Σ(x − mean)²
static double V(row_squares)(const float *x, ptrdiff_t count, float mean) {
    double total = 0;
    for (ptrdiff_t start = 0; start < count; start += SOUTH_BLOCK) {
        ptrdiff_t end = south_min(start + SOUTH_BLOCK, count), i = start;
        vf s = {0}, t = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            vf a = V(load)(x + i) - mean, b = V(load)(x + i + LANES) - mean;
            s += a * a;
            t += b * b;
        }
        for (; i < end; i++) {
            float a = x[i] - mean;
            s[0] += a * a;
        }
        total += V(sum)(s + t);
    }
    return total;
}

/// The greatest (or least) element; NaN where there is one, ∓∞ for none.
static float V(row_extreme)(const float *x, ptrdiff_t count, int least) {
    float result = least ? INFINITY : -INFINITY;
    ptrdiff_t i = 0;
    if (count >= LANES) {
        vf m = V(load)(x);
        for (i = LANES; i + LANES <= count; i += LANES) {
            vf v = V(load)(x + i);
            m = least ? V(lesser)(v, m) : V(greater)(v, m);
        }
        for (int lane = 0; lane < LANES; lane++) {
            float v = m[lane];
            if (v != v || (least ? v < result : v > result)) result = v;
            if (result != result) return result;
        }
    }
    for (; i < count; i++) {
        if (x[i] != x[i]) return x[i];
        if (least ? x[i] < result : x[i] > result) result = x[i];
    }
    return result;
}

/// The greatest element but NaN, −∞ for none.
static float V(row_greatest)(const float *x, ptrdiff_t count) {
    vf m[2] = {V(splat)(-INFINITY), V(splat)(-INFINITY)};
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES)
#pragma clang loop unroll(full)
        for (int u = 0; u < 2; u++) {
            vf v = V(load)(x + i + u * LANES);
            m[u] = V(select)(v > m[u], v, m[u]);
        }
    float result = __builtin_reduce_max(V(select)(m[0] > m[1], m[0], m[1]));
    for (; i < count; i++) result = x[i] > result ? x[i] : result;
    return result;
}

/// `y = exp(x · scale − shift)`; returns Σy. `y` may be `x`.
static float V(row_exponentials)(const float *x, float *y, ptrdiff_t count, float scale,
    float shift) {
    double total = 0;
    for (ptrdiff_t start = 0; start < count; start += SOUTH_BLOCK) {
        ptrdiff_t end = south_min(start + SOUTH_BLOCK, count), i = start;
        vf s = {0};
        for (; i + LANES <= end; i += LANES) {
            vf e = V(exp)(V(load)(x + i) * scale - shift);
            V(store)(y + i, e);
            s += e;
        }
        float rest = V(sum)(s);
        if (i < end) {
            vf e = V(exp)(V(load_part)(x + i, end - i) * scale - shift);
            V(store_part)(y + i, e, end - i);
            for (ptrdiff_t lane = 0; lane < end - i; lane++) rest += e[lane];
        }
        total += rest;
    }
    return (float)total;
}

/// `y = x · scale + shift`; `y` may be `x`.
static void V(row_affine)(const float *x, float *y, ptrdiff_t count, float scale, float shift) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) V(store)(y + i, V(load)(x + i) * scale + shift);
    if (i < count)
        V(store_part)(y + i, V(load_part)(x + i, count - i) * scale + shift, count - i);
}

static void V(softmax_row)(const float *x, float *y, ptrdiff_t count, int logarithm) {
    // NaN reaches all by way of the sum.
    float greatest = V(row_greatest)(x, count);
    float total = V(row_exponentials)(x, y, count, 1, greatest);
    if (logarithm) {
        // Taken apart so that a great maximum does not swallow the logarithm.
        V(row_affine)(x, y, count, 1, -greatest);
        V(row_affine)(y, y, count, 1, -logf(total));
    } else {
        V(row_affine)(y, y, count, 1 / total, 0);
    }
}

/// `(x − mean) · scale · weight + bias`, weight and bias by element; either may be null.
static void V(row_scaled)(const float *x, float *y, ptrdiff_t count, float mean, float scale,
    const float *weight, const float *bias) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vf v = (V(load)(x + i) - mean) * scale;
        if (weight) v *= V(load)(weight + i);
        if (bias) v += V(load)(bias + i);
        V(store)(y + i, v);
    }
    for (; i < count; i++) {
        float v = (x[i] - mean) * scale;
        if (weight) v *= weight[i];
        if (bias) v += bias[i];
        y[i] = v;
    }
}

static void V(layer_norm_row)(const float *x, float *y, ptrdiff_t count, const float *weight,
    const float *bias, float epsilon) {
    float mean = (float)(V(row_sum)(x, count) / (double)count);
    double variance = V(row_squares)(x, count, mean) / (double)count;
    V(row_scaled)(x, y, count, mean, (float)(1 / sqrt(variance + epsilon)), weight, bias);
}

static void V(rms_norm_row)(const float *x, float *y, ptrdiff_t count, const float *weight,
    float epsilon) {
    double square = V(row_squares)(x, count, 0) / (double)count;
    V(row_scaled)(x, y, count, 0, (float)(1 / sqrt(square + epsilon)), weight, NULL);
}

/// Pairs (i, i + half) of one vector turned.
static void V(rotate_halves)(const float *x, float *y, ptrdiff_t half, const float *c,
    const float *s) {
    ptrdiff_t i = 0;
    for (; i + LANES <= half; i += LANES) {
        vf a = V(load)(x + i), b = V(load)(x + half + i), cs = V(load)(c + i), sn = V(load)(s + i);
        V(store)(y + i, a * cs - b * sn);
        V(store)(y + half + i, b * cs + a * sn);
    }
    for (; i < half; i++) {
        float a = x[i], b = x[half + i];
        y[i] = a * c[i] - b * s[i];
        y[half + i] = b * c[i] + a * s[i];
    }
}
