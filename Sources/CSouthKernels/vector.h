// Vectors of LANES floats and functions of them. Included by `versions.h` several times on
// purpose: there is no include guard.

#define vf V(floats)
#define vi V(ints)
typedef float vf __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef uint16_t V(shorts) __attribute__((vector_size(LANES * 2), aligned(2), may_alias));
typedef uint32_t V(words) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef _Float16 V(halves) __attribute__((vector_size(LANES * 2), aligned(2), may_alias));

#define SOUTH_INLINE static inline __attribute__((always_inline))

/// The first `count < LANES` elements, zeros after.
SOUTH_INLINE vf V(load_part)(const float *p, ptrdiff_t count) {
    vf v = {0};
    memcpy(&v, p, (size_t)count * 4);
    return v;
}
SOUTH_INLINE void V(store_part)(float *p, vf v, ptrdiff_t count) {
    memcpy(p, &v, (size_t)count * 4);
}
SOUTH_INLINE vf V(load)(const float *p) { return *(const vf *)p; }
SOUTH_INLINE void V(store)(float *p, vf v) { *(vf *)p = v; }
SOUTH_INLINE vf V(splat)(float x) { return (vf){0} + x; }
SOUTH_INLINE vf V(select)(vi mask, vf a, vf b) {
    return (vf)(((vi)a & mask) | ((vi)b & ~mask));
}
SOUTH_INLINE float V(sum)(vf v) {
#if LANES == 16
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
#elif LANES == 8
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
#else
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1);
#endif
    return v[0] + v[1];
}
/// The greater; NaN where either is.
SOUTH_INLINE vf V(greater)(vf a, vf b) { return V(select)((a > b) | (a != a), a, b); }
/// The lesser; NaN where either is.
SOUTH_INLINE vf V(lesser)(vf a, vf b) { return V(select)((a < b) | (a != a), a, b); }

/// `x` between two bounds; NaN where it is.
SOUTH_INLINE vf V(within)(vf x, float least, float most) {
#if LANES == 16 && defined(__x86_64__)
    // Where one operand is NaN, these give the second.
    __m512 low = _mm512_max_ps(_mm512_set1_ps(least), (__m512)x);
    return (vf)_mm512_min_ps(_mm512_set1_ps(most), low);
#else
    x = V(select)(x > most, V(splat)(most), x);
    return V(select)(x < least, V(splat)(least), x);
#endif
}
/// `p · 2ⁿ` for whole n, subnormals and overflow included.
SOUTH_INLINE vf V(times_power)(vf p, vf n, vi k) {
#if LANES == 16 && defined(__x86_64__)
    (void)k;
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    (void)n;
    vi half = k >> 1;
    return p * (vf)((half + 127) << 23) * (vf)((k - half + 127) << 23);
#endif
}
/// eˣ: x = n ln 2 + r, a polynomial in r (fitted, 3e-9), times 2ⁿ.
SOUTH_INLINE vf V(exp)(vf x) {
    x = V(within)(x, -104.0f, 89.0f);
    const float magic = 12582912.0f;  // 1.5 · 2²³: the low bits of the sum are the integer
    vf t = x * 1.44269504f + magic;
    vi k = (vi)t - 0x4b400000;
    vf n = t - magic;
    vf r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    vf p = r * 1.381314445e-03f + 8.369418841e-03f;
    p = p * r + 4.166845679e-02f;
    p = p * r + 1.666651479e-01f;
    p = p * r + 4.999999305e-01f;
    p = p * (r * r) + r;
    return V(times_power)(p + 1.0f, n, k);
}
/// 1/x for x of 1 to 1e30, NaN where it is, to the last bit or next to it.
SOUTH_INLINE vf V(reciprocal)(vf x) {
#if LANES == 16 && defined(__x86_64__)
    // One step of Newton's from 14 bits: a division takes twice as long.
    vf y = (vf)_mm512_rcp14_ps((__m512)x);
    return y + y * (1.0f - x * y);
#else
    return 1.0f / x;
#endif
}
SOUTH_INLINE vf V(sigmoid)(vf x) { return 1.0f / (1.0f + V(exp)(-x)); }
/// tanh: an odd polynomial (fitted, 5e-9) near zero, by the exponential elsewhere.
SOUTH_INLINE vf V(tanh)(vf x) {
    vf a = __builtin_elementwise_abs(x);
    vf s = x * x;
    vf p = s * -5.603914042e-03f + 2.055171946e-02f;
    p = p * s - 5.371410737e-02f;
    p = p * s + 1.333115281e-01f;
    p = p * s - 3.333327208e-01f;
    vf small = p * s * x + x;
    vf large = 1.0f - 2.0f / (V(exp)(a + a) + 1.0f);
    vi sign = (vi)x & INT32_MIN;
    return V(select)(a < 0.625f, small, (vf)((vi)large | sign));
}
/// 2ˣ for x ≤ 127: a polynomial (fitted, 9e-8) times a power of two; 0 for −∞, and maybe where
/// that would be subnormal.
SOUTH_INLINE vf V(exp2)(vf x) {
#if LANES == 16 && defined(__x86_64__)
    x = (vf)_mm512_max_ps(_mm512_set1_ps(-200), (__m512)x);
    vf n = (vf)_mm512_roundscale_ps((__m512)x, 8);
    vf r = x - n;
#else
    const float magic = 12582912.0f;  // as in `exp`
    vf t = x + magic;
    vf r = x - (t - magic);
#endif
    vf p = r * 1.326472768e-03f + 9.671513412e-03f;
    p = p * r + 5.550733749e-02f;
    p = p * r + 2.402224207e-01f;
    p = p * r + 6.931469776e-01f;
    p = p * r + 1.0f;
#if LANES == 16 && defined(__x86_64__)
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    vf y = (vf)((vi)p + ((vi)t << 23));
    return V(select)(x < -125.0f, (vf){0}, V(select)(x != x, x, y));
#endif
}
/// The normal distribution function Φ(x) by e^{−x²/2} times a polynomial (fitted, 1.3e-8), so that
/// its left tail keeps its relative accuracy; also that exponential.
SOUTH_INLINE vf V(normal)(vf x, vf *bell) {
    // From 20 on the exponential is zero.
    vf z = V(within)(__builtin_elementwise_abs(x) * 0.707106781f, 0, 20);
    vf t = V(reciprocal)(z * 0.45f + 1.0f);
    vf q = t * -3.275508857e-02f + 1.445656806e-01f;
    q = q * t - 1.945863444e-01f;
    q = q * t + 5.259600217e-03f;
    q = q * t + 8.735388495e-02f;
    q = q * t + 6.387304556e-02f;
    q = q * t + 1.935013458e-01f;
    q = q * t + 2.246369021e-01f;
    q = q * t + 2.542843213e-01f;
    q = q * t + 2.538666405e-01f;
    *bell = V(exp)(z * -z);
    vf half = *bell * (q * t) * 0.5f;
    return V(select)(x < 0.0f, half, 1.0f - half);
}
/// Exact GELU.
SOUTH_INLINE vf V(gelu)(vf x) {
    vf bell;
    vf phi = V(normal)(x, &bell);
    return x * phi;
}

/// The first halves of two vectors, or the second ones, element by element in turn.
#if LANES == 16
#define SOUTH_FIRST 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SOUTH_SECOND 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define SOUTH_FIRST 0, 8, 1, 9, 2, 10, 3, 11
#define SOUTH_SECOND 4, 12, 5, 13, 6, 14, 7, 15
#else
#define SOUTH_FIRST 0, 4, 1, 5
#define SOUTH_SECOND 2, 6, 3, 7
#endif
/// Turns a square of vectors: each round shuffles all elements perfectly, which rotates the bits
/// of their index, and after log₂ LANES rounds row and column have changed places.
SOUTH_INLINE void V(transpose)(vf *rows) {
#pragma clang loop unroll(full)
    for (int round = 1; round < LANES; round *= 2) {
        vf old[LANES];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) old[i] = rows[i];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES / 2; i++) {
            rows[2 * i] = __builtin_shufflevector(old[i], old[i + LANES / 2], SOUTH_FIRST);
            rows[2 * i + 1] = __builtin_shufflevector(old[i], old[i + LANES / 2], SOUTH_SECOND);
        }
    }
}
#undef SOUTH_FIRST
#undef SOUTH_SECOND

/// LANES weights of a type as floats.
SOUTH_INLINE vf V(load_bfloat16)(const uint16_t *p) {
    return (vf)(__builtin_convertvector(*(const V(shorts) *)p, V(words)) << 16);
}
SOUTH_INLINE vf V(load_float16)(const uint16_t *p) {
#if defined(SOUTH_HAS_F16C) || defined(__aarch64__)
    return __builtin_convertvector(*(const V(halves) *)p, vf);
#else
    V(words) bits = __builtin_convertvector(*(const V(shorts) *)p, V(words));
    V(words) magnitude = bits & 0x7fff;
    // Moving the exponent by a multiplication makes subnormals exact; infinities need it set.
    vf value = (vf)(magnitude << 13) * 0x1p112f;
    V(words) special = (V(words))(magnitude >= 0x7c00) & 0x7f800000;
    return (vf)((V(words))value | special | ((bits & 0x8000) << 16));
#endif
}
SOUTH_INLINE vf V(load_weights)(const void *base, ptrdiff_t index, int type) {
    if (type == SOUTH_FLOAT32) return V(load)((const float *)base + index);
    const uint16_t *p = (const uint16_t *)base + index;
    return type == SOUTH_BFLOAT16 ? V(load_bfloat16)(p) : V(load_float16)(p);
}
/// The first `count < LANES` of them, zeros after.
SOUTH_INLINE vf V(load_weights_part)(
    const void *base, ptrdiff_t index, int type, ptrdiff_t count) {
    float rest[LANES] = {0};
    if (type == SOUTH_FLOAT32)
        memcpy(rest, (const float *)base + index, (size_t)count * 4);
    else
        memcpy(rest, (const uint16_t *)base + index, (size_t)count * 2);
    return V(load_weights)(rest, 0, type);
}
