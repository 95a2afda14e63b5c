// What one core can do at most, one version.

/// `rounds` · 12 fused multiply-adds of vectors that depend on nothing but themselves.
static float V(multiply_adds)(ptrdiff_t rounds) {
    vf s[12], x = V(splat)(0.999999f), y = V(splat)(1e-9f);
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) s[i] = x + (float)i;
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) s[i] = s[i] * x + y;
        __asm__ volatile("" ::: "memory");
    }
#pragma clang loop unroll(full)
    for (int i = 1; i < 12; i++) s[0] += s[i];
    return V(sum)(s[0]);
}

/// Reads `count` floats in order.
static float V(read_through)(const float *x, ptrdiff_t count) {
    vf s[8];
    for (int i = 0; i < 8; i++) s[i] = (vf){0};
    for (ptrdiff_t i = 0; i + 8 * LANES <= count; i += 8 * LANES) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 8; j++) s[j] += V(load)(x + i + j * LANES);
    }
    for (int i = 1; i < 8; i++) s[0] += s[i];
    return V(sum)(s[0]);
}

static int V(lanes)(void) { return LANES; }
