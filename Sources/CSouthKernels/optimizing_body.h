// Steps of optimisers, one version.

static void V(adamw)(const south_adamw_step *step, ptrdiff_t count, const float *x,
    const float *gradient, float *first, float *second, float *y) {
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        ptrdiff_t n = south_min(LANES, count - i);
        vf g, m, v, w;
        if (n == LANES) {
            g = V(load)(gradient + i);
            m = V(load)(first + i);
            v = V(load)(second + i);
            w = V(load)(x + i);
        } else {
            g = V(load_part)(gradient + i, n);
            m = V(load_part)(first + i, n);
            v = V(load_part)(second + i, n);
            w = V(load_part)(x + i, n);
        }
        m += (g - m) * (1 - step->beta1);
        v = v * step->beta2 + g * g * (1 - step->beta2);
        vf root = __builtin_elementwise_sqrt(v) / step->second_correction + step->epsilon;
        w = w * step->decay - m / root * step->step_size;
        V(store_part)(first + i, m, n);
        V(store_part)(second + i, v, n);
        V(store_part)(y + i, w, n);
    }
}
