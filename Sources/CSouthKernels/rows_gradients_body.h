// Backward passes of softmax and norms, one row at a time, one version. Sums run in floats over
// a thousand elements at a time, in double over those.
#include "rows_body.h"

/// Σa, Σab
static void V(row_products)(const float *a, const float *b, ptrdiff_t count, double *sum,
    double *product) {
    *sum = *product = 0;
    for (ptrdiff_t start = 0; start < count; start += SOUTH_BLOCK) {
        ptrdiff_t end = south_min(start + SOUTH_BLOCK, count), i = start;
        vf s = {0}, p = {0};
        for (; i + LANES <= end; i += LANES) {
            vf v = V(load)(a + i);
            s += v;
            p += v * V(load)(b + i);
        }
        if (i < end) {
            vf v = V(load_part)(a + i, end - i);
            s += v;
            p += v * V(load_part)(b + i, end - i);
        }
        *sum += V(sum)(s);
        *product += V(sum)(p);
    }
}

static void V(softmax_gradient_row)(const float *y, const float *gradient, ptrdiff_t count,
    int logarithm, float *to_x) {
    double sum, product;
    V(row_products)(gradient, y, count, &sum, &product);
    float total = (float)sum, mixed = (float)product;
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vf v = V(load)(y + i), g = V(load)(gradient + i);
        V(store)(to_x + i, logarithm ? g - V(exp)(v) * total : v * (g - mixed));
    }
    if (i < count) {
        vf v = V(load_part)(y + i, count - i), g = V(load_part)(gradient + i, count - i);
        V(store_part)
        (to_x + i, logarithm ? g - V(exp)(v) * total : v * (g - mixed), count - i);
    }
}

/// `y = exp(x − shift) · scale`
static void V(row_probabilities)(const float *x, ptrdiff_t count, float shift, float scale,
    float *y) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        V(store)(y + i, V(exp)(V(load)(x + i) - shift) * scale);
    if (i < count)
        V(store_part)
        (y + i, V(exp)(V(load_part)(x + i, count - i) - shift) * scale, count - i);
}

/// Of a row standardised as `t = (x − mean) · scale`: Σgw and Σgwt.
static void V(norm_sums)(const float *x, const float *gradient, const float *weight,
    ptrdiff_t count, float mean, float scale, double *sum, double *product) {
    *sum = *product = 0;
    for (ptrdiff_t start = 0; start < count; start += SOUTH_BLOCK) {
        ptrdiff_t end = south_min(start + SOUTH_BLOCK, count), i = start;
        vf s = {0}, p = {0};
        for (; i + LANES <= end; i += LANES) {
            vf g = V(load)(gradient + i);
            if (weight) g *= V(load)(weight + i);
            s += g;
            p += g * ((V(load)(x + i) - mean) * scale);
        }
        if (i < end) {
            vf g = V(load_part)(gradient + i, end - i);
            if (weight) g *= V(load_part)(weight + i, end - i);
            s += g;
            p += g * ((V(load_part)(x + i, end - i) - mean) * scale);
        }
        *sum += V(sum)(s);
        *product += V(sum)(p);
    }
}

/// `to_x = (gw − offset − t · slope) · scale`; adds gt and g to the sums of weight and bias, which
/// may be null.
static void V(norm_gradient_row)(const float *x, const float *gradient, const float *weight,
    ptrdiff_t count, float mean, float scale, float offset, float slope, float *to_x,
    float *to_weight, float *to_bias) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vf g = V(load)(gradient + i), t = (V(load)(x + i) - mean) * scale;
        if (to_weight) V(store)(to_weight + i, V(load)(to_weight + i) + g * t);
        if (to_bias) V(store)(to_bias + i, V(load)(to_bias + i) + g);
        if (weight) g *= V(load)(weight + i);
        V(store)(to_x + i, (g - offset - t * slope) * scale);
    }
    for (; i < count; i++) {
        float g = gradient[i], t = (x[i] - mean) * scale;
        if (to_weight) to_weight[i] += g * t;
        if (to_bias) to_bias[i] += g;
        if (weight) g *= weight[i];
        to_x[i] = (g - offset - t * slope) * scale;
    }
}

/// One row taken into a reduction of rows.
static void V(combine_rows)(int reduction, const float *x, float *y, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vf v = V(load)(x + i), w = V(load)(y + i);
        V(store)(y + i, reduction <= SOUTH_MEAN  ? v + w
                : reduction == SOUTH_GREATEST ? V(greater)(v, w)
                                              : V(lesser)(v, w));
    }
    if (i < count) {
        vf v = V(load_part)(x + i, count - i), w = V(load_part)(y + i, count - i);
        V(store_part)
        (y + i, reduction <= SOUTH_MEAN ? v + w
                : reduction == SOUTH_GREATEST ? V(greater)(v, w) : V(lesser)(v, w), count - i);
    }
}

/// `to_x = (g · weight − offset − t · slope) · scale` with one weight; `to_x` may be `gradient`.
static void V(group_gradient_row)(const float *x, const float *gradient, ptrdiff_t count,
    float mean, float scale, float weight, float offset, float slope, float *to_x) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vf t = (V(load)(x + i) - mean) * scale;
        V(store)(to_x + i, (V(load)(gradient + i) * weight - offset - t * slope) * scale);
    }
    for (; i < count; i++) {
        float t = (x[i] - mean) * scale;
        to_x[i] = (gradient[i] * weight - offset - t * slope) * scale;
    }
}
