// One step of an optimiser over dense elements, one version.

#define SOUTH_STEP(LOAD, STORE)                                                                   \
    do {                                                                                          \
        vf g = LOAD(gradient) * s->gradient_scale, m = LOAD(first), v = LOAD(second);             \
        m = m + (g - m) * s->first_rate;                                                          \
        v = v * s->second_decay + g * g * s->second_rate;                                         \
        STORE(first, m);                                                                          \
        STORE(second, v);                                                                         \
        vf root = __builtin_elementwise_sqrt(v) / s->second_correction + s->epsilon;              \
        STORE(y, LOAD(x) * s->decay - s->step_size * (m / root));                                 \
    } while (0)
#define SOUTH_LOAD(p) V(load)(p + i)
#define SOUTH_STORE(p, v) V(store)(p + i, v)
#define SOUTH_LOAD_PART(p) V(load_part)(p + i, count - i)
#define SOUTH_STORE_PART(p, v) V(store_part)(p + i, v, count - i)

static void V(adamw)(const south_adamw *s, const float *x, const float *gradient, float *first,
    float *second, float *y, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) SOUTH_STEP(SOUTH_LOAD, SOUTH_STORE);
    if (i < count) SOUTH_STEP(SOUTH_LOAD_PART, SOUTH_STORE_PART);
}

/// Σx², each product and sum in double: squares of large gradients must not overflow.
static double V(squares)(const float *x, ptrdiff_t count) {
    double sums[LANES] = {0}, total = 0;
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += (double)x[i + lane] * (double)x[i + lane];
    for (; i < count; i++) total += (double)x[i] * (double)x[i];
    for (int lane = 0; lane < LANES; lane++) total += sums[lane];
    return total;
}

#undef SOUTH_STEP
#undef SOUTH_LOAD
#undef SOUTH_STORE
#undef SOUTH_LOAD_PART
#undef SOUTH_STORE_PART
