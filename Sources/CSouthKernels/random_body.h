// Random numbers, one version. Logarithms, sines and cosines are computed in double, by series
// that are short because only a float comes out, so that results round as the exact ones would.

/// Vectors as wide as `vf` of LANES / 2 elements.
enum { V(HALF) = LANES / 2 };
typedef double V(doubles) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int64_t V(longs) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef uint64_t V(counters) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef float V(half) __attribute__((vector_size(LANES * 2), aligned(4), may_alias));

SOUTH_INLINE V(doubles) V(wide)(const float *x) {
    return __builtin_convertvector(*(const V(half) *)x, V(doubles));
}
SOUTH_INLINE void V(narrow)(float *y, V(doubles) x) {
    *(V(half) *)y = __builtin_convertvector(x, V(half));
}

// MARK: Mersenne Twister

SOUTH_INLINE vi V(twisted)(vi far, vi word, vi following) {
    vi joined = (word & INT32_MIN) | (following & INT32_MAX);
    vi half = (vi)((V(words))joined >> 1);
    return far ^ half ^ (-(joined & 1) & (int32_t)0x9908b0df);
}

SOUTH_INLINE uint32_t V(twisted_word)(uint32_t far, uint32_t word, uint32_t following) {
    uint32_t joined = (word & 0x80000000) | (following & 0x7fffffff);
    return far ^ joined >> 1 ^ (-(joined & 1) & 0x9908b0df);
}

/// The words `first..<end` of the next state, each from the one `far` places further.
SOUTH_INLINE void V(twist_range)(uint32_t *s, int first, int end, int far) {
    int i = first;
    for (; i + LANES <= end; i += LANES)
        *(vi *)(s + i) = V(twisted)(*(vi *)(s + i + far), *(vi *)(s + i), *(vi *)(s + i + 1));
    for (; i < end; i++) s[i] = V(twisted_word)(s[i + far], s[i], s[i + 1]);
}

static void V(twist)(uint32_t *s) {
    V(twist_range)(s, 0, 227, 397);
    V(twist_range)(s, 227, 623, -227);
    s[623] = V(twisted_word)(s[396], s[623], s[0]);
}

SOUTH_INLINE V(words) V(tempered)(V(words) w) {
    w ^= w >> 11;
    w ^= w << 7 & 0x9d2c5680;
    w ^= w << 15 & 0xefc60000;
    return w ^ w >> 18;
}

/// `count` words of a state as they are given out: whole vectors, so that up to LANES − 1 words
/// beyond are read and written.
static void V(temper)(const uint32_t *s, int count, uint32_t *y) {
    for (int i = 0; i < count; i += LANES)
        *(V(words) *)(y + i) = V(tempered)(*(const V(words) *)(s + i));
}

/// `y = (w mod 2²⁴) / 2²⁴ · scale + shift`, rounded once as by a fused multiply-add. `count` is
/// made up to whole vectors in `words`.
static void V(uniform)(const uint32_t *words, ptrdiff_t count, float scale, float shift, float *y) {
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        float room[LANES];
        vi low = (vi)(*(const V(words) *)(words + i) & 0xffffff);
        vf u = __builtin_convertvector(low, vf) * 0x1p-24f;
        if (scale != 1 || shift != 0) {
            V(store)(room, u);
            for (int h = 0; h < LANES; h += V(HALF))
                V(narrow)(room + h, V(wide)(room + h) * (double)scale + (double)shift);
            u = V(load)(room);
        }
        if (i + LANES <= count)
            V(store)(y + i, u);
        else
            V(store_part)(y + i, u, count - i);
    }
}

// MARK: Normal numbers

/// ln x of positive, finite, normal numbers, to 1e-10.
SOUTH_INLINE V(doubles) V(logarithm)(V(doubles) x) {
    const int64_t root = 0x3fe6a09e667f3bcd;  // √½
    V(longs) bits = (V(longs))x;
    // The exponent as a double: its integer set into the low bits of 1.5 · 2⁵².
    V(longs) exponent = (bits - root) & (int64_t)0xfff0000000000000;
    V(longs) whole = (V(longs))((V(counters))exponent >> 52);
    whole = (whole ^ 0x800) - 0x800;
    V(doubles) e = (V(doubles))(whole + 0x4338000000000000) - 0x1.8p52;
    V(doubles) m = (V(doubles))(bits - exponent);
    V(doubles) s = (m - 1) / (m + 1), t = s * s;
    V(doubles) p = t * (2.0 / 13) + 2.0 / 11;
    p = p * t + 2.0 / 9;
    p = p * t + 2.0 / 7;
    p = p * t + 2.0 / 5;
    p = p * t + 2.0 / 3;
    p = p * t + 2.0;
    return e * 0.69314718055994531 + p * s;
}

/// Sine and cosine of angles in [0, 2π], to 1e-10.
SOUTH_INLINE void V(sine_cosine)(V(doubles) angle, V(doubles) *sine, V(doubles) *cosine) {
    V(doubles) magic = angle * 0.63661977236758134 + 0x1.8p52;
    V(longs) quarter = (V(longs))magic;
    V(doubles) r = angle - (magic - 0x1.8p52) * 1.5707963267948966, t = r * r;
    V(doubles) s = t * (-1.0 / 39916800) + 1.0 / 362880;
    s = s * t - 1.0 / 5040;
    s = s * t + 1.0 / 120;
    s = s * t - 1.0 / 6;
    s = s * t * r + r;
    V(doubles) c = t * (1.0 / 479001600) - 1.0 / 3628800;
    c = c * t + 1.0 / 40320;
    c = c * t - 1.0 / 720;
    c = c * t + 1.0 / 24;
    c = c * t - 0.5;
    c = c * t + 1.0;
    V(longs) swaps = -(quarter & 1);
    V(longs) a = ((V(longs))s & ~swaps) | ((V(longs))c & swaps);
    V(longs) b = ((V(longs))c & ~swaps) | ((V(longs))s & swaps);
    *sine = (V(doubles))(a ^ (quarter & 2) << 62);
    *cosine = (V(doubles))(b ^ ((quarter + 1) & 2) << 62);
}

/// `√(−2 ln u) · (cosine, sine)` of the angle.
SOUTH_INLINE void V(normal_pair)(V(doubles) u, V(doubles) angle, V(doubles) *a, V(doubles) *b) {
    V(doubles) radius = __builtin_elementwise_sqrt(-2 * V(logarithm)(u));
    V(doubles) sine, cosine;
    V(sine_cosine)(angle, &sine, &cosine);
    *a = radius * cosine;
    *b = radius * sine;
}

/// Box and Muller's transform of groups of 16 uniform numbers in place: eight radii, eight angles.
static void V(normal_groups)(float *y, ptrdiff_t groups, float mean, float deviation) {
    const float turn = 6.283185307179586f;
    for (ptrdiff_t g = 0; g < groups; g++, y += 16) {
        for (int i = 8; i < 16; i++) y[i] *= turn;
        for (int h = 0; h < 8; h += V(HALF)) {
            V(doubles) a, b;
            V(normal_pair)(1 - V(wide)(y + h), V(wide)(y + 8 + h), &a, &b);
            V(narrow)(y + h, a * (double)deviation + (double)mean);
            V(narrow)(y + 8 + h, b * (double)deviation + (double)mean);
        }
    }
}

// MARK: Philox

/// The upper and lower halves of the products, by even and odd elements.
SOUTH_INLINE void V(full_product)(V(words) a, uint32_t b, V(words) *high, V(words) *low) {
    const uint64_t lower = 0xffffffff;
    V(counters) even = ((V(counters))a & lower) * b, odd = ((V(counters))a >> 32) * b;
    *high = (V(words))(even >> 32 | (odd & ~lower));
    *low = (V(words))((even & lower) | odd << 32);
}

/// Vectors that Philox mixes side by side: a round waits for its products.
enum { V(SIDE) = LANES == 16 ? 4 : 2, V(STEP) = V(SIDE) * LANES };

/// Words 0 and 1 of the counters (call, 0, start…, 0), STEP of each.
SOUTH_INLINE void V(philox)(uint64_t seed, uint32_t call, uint32_t start, V(words) *first,
    V(words) *second) {
    V(words) w0[V(SIDE)], w1[V(SIDE)], w2[V(SIDE)], w3[V(SIDE)], places;
    for (int l = 0; l < LANES; l++) places[l] = start + (uint32_t)l;
#pragma clang loop unroll(full)
    for (int k = 0; k < V(SIDE); k++) {
        w0[k] = (V(words)){0} + call;
        w2[k] = places + (uint32_t)(k * LANES);
        w1[k] = w3[k] = (V(words)){0};
    }
    uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
#pragma clang loop unroll(full)
        for (int k = 0; k < V(SIDE); k++) {
            V(words) h0, l0, h2, l2;
            V(full_product)(w0[k], 0xd2511f53, &h0, &l0);
            V(full_product)(w2[k], 0xcd9e8d57, &h2, &l2);
            w0[k] = h2 ^ w1[k] ^ low;
            w2[k] = h0 ^ w3[k] ^ high;
            w1[k] = l2;
            w3[k] = l0;
        }
        low += 0x9e3779b9;
        high += 0xbb67ae85;
    }
#pragma clang loop unroll(full)
    for (int k = 0; k < V(SIDE); k++) {
        first[k] = w0[k];
        second[k] = w1[k];
    }
}

/// Uniform numbers in [0, 1), or normal ones, of places `start..<start + count`.
static void V(counted)(uint64_t seed, uint32_t call, uint32_t start, ptrdiff_t count,
    int is_normal, float *y) {
    const float turn = 6.283185307179586f;
    for (ptrdiff_t i = 0; i < count; i += V(STEP)) {
        V(words) first[V(SIDE)], second[V(SIDE)];
        V(philox)(seed, call, start + (uint32_t)i, first, second);
        float room[V(STEP)], angles[LANES];
        for (int k = 0; k < V(SIDE); k++) {
            float *part = room + k * LANES;
            if (!is_normal) {
                V(store)(part, __builtin_convertvector((vi)(first[k] >> 8), vf) * 0x1p-24f);
                continue;
            }
            V(store)(part, (__builtin_convertvector(first[k], vf) + 0.5f) * 0x1p-32f);
            V(store)(angles, (__builtin_convertvector(second[k], vf) + 0.5f) * (turn * 0x1p-32f));
            for (int h = 0; h < LANES; h += V(HALF)) {
                V(doubles) cosine, sine;
                V(normal_pair)(V(wide)(part + h), V(wide)(angles + h), &cosine, &sine);
                V(narrow)(part + h, sine);
            }
        }
        memcpy(y + i, room, sizeof(float) * (size_t)south_min(V(STEP), count - i));
    }
}
