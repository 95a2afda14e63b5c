// Fourier transforms of LANES rows side by side, one version. Element i of the rows is a complex
// number whose parts are the vectors 2i and 2i + 1 of a buffer.

#include "turn_body.h"

#define vc V(complex)
typedef struct {
    vf re, im;
} vc;

SOUTH_INLINE vc V(get)(const float *buffer, ptrdiff_t i) {
    return (vc){V(load)(buffer + 2 * i * LANES), V(load)(buffer + (2 * i + 1) * LANES)};
}
SOUTH_INLINE void V(put)(float *buffer, ptrdiff_t i, vc value) {
    V(store)(buffer + 2 * i * LANES, value.re);
    V(store)(buffer + (2 * i + 1) * LANES, value.im);
}
SOUTH_INLINE vc V(plus)(vc a, vc b) { return (vc){a.re + b.re, a.im + b.im}; }
SOUTH_INLINE vc V(minus)(vc a, vc b) { return (vc){a.re - b.re, a.im - b.im}; }
/// Times a number that all rows share.
SOUTH_INLINE vc V(turned)(vc a, float re, float im) {
    return (vc){a.re * re - a.im * im, a.re * im + a.im * re};
}
/// Times −i.
SOUTH_INLINE vc V(quarter)(vc a) { return (vc){a.im, -a.re}; }
/// `b − c` and `b + c` scaled: the parts of a symmetric pair of a small transform.
SOUTH_INLINE void V(pair)(vc even, vc odd, vc *first, vc *second) {
    vc turned = V(quarter)(odd);
    *first = V(plus)(even, turned);
    *second = V(minus)(even, turned);
}

/// Transforms of 2 to 5 elements in place.
SOUTH_INLINE void V(small)(const int radix, vc *u) {
    if (radix == 2) {
        vc a = u[0];
        u[0] = V(plus)(a, u[1]);
        u[1] = V(minus)(a, u[1]);
    } else if (radix == 3) {
        vc sum = V(plus)(u[1], u[2]), difference = V(minus)(u[1], u[2]), a = u[0];
        vc even = {a.re - sum.re * 0.5f, a.im - sum.im * 0.5f};
        vc odd = {difference.re * 0.866025404f, difference.im * 0.866025404f};
        u[0] = V(plus)(a, sum);
        V(pair)(even, odd, &u[1], &u[2]);
    } else if (radix == 4) {
        vc a = V(plus)(u[0], u[2]), b = V(minus)(u[0], u[2]);
        vc c = V(plus)(u[1], u[3]), d = V(minus)(u[1], u[3]);
        u[0] = V(plus)(a, c);
        u[2] = V(minus)(a, c);
        V(pair)(b, d, &u[1], &u[3]);
    } else {
        const float c1 = 0.309016994f, c2 = -0.809016994f, s1 = 0.951056516f, s2 = 0.587785252f;
        vc a = u[0], p = V(plus)(u[1], u[4]), q = V(plus)(u[2], u[3]);
        vc v = V(minus)(u[1], u[4]), w = V(minus)(u[2], u[3]);
        u[0] = V(plus)(a, V(plus)(p, q));
        vc even1 = {a.re + p.re * c1 + q.re * c2, a.im + p.im * c1 + q.im * c2};
        vc even2 = {a.re + p.re * c2 + q.re * c1, a.im + p.im * c2 + q.im * c1};
        vc odd1 = {v.re * s1 + w.re * s2, v.im * s1 + w.im * s2};
        vc odd2 = {v.re * s2 - w.re * s1, v.im * s2 - w.im * s1};
        V(pair)(even1, odd1, &u[1], &u[4]);
        V(pair)(even2, odd2, &u[2], &u[3]);
    }
}

/// One stage by a radix of 2 to 5: `m` turns of `run` adjacent elements.
SOUTH_INLINE void V(stage)(const int radix, ptrdiff_t m, ptrdiff_t run, const float *twiddles,
    const float *from, float *to) {
    for (ptrdiff_t p = 0; p < m; p++) {
        const float *w = twiddles + p * (radix - 1) * 2;
        for (ptrdiff_t q = 0; q < run; q++) {
            vc u[5];
            for (int k = 0; k < radix; k++) u[k] = V(get)(from, q + run * (p + m * k));
            V(small)(radix, u);
            V(put)(to, q + run * radix * p, u[0]);
            for (int j = 1; j < radix; j++)
                V(put)(to, q + run * (radix * p + j),
                    V(turned)(u[j], w[2 * j - 2], w[2 * j - 1]));
        }
    }
}

/// One stage by any radix, from its `roots` of unity.
static void V(plain_stage)(int radix, ptrdiff_t m, ptrdiff_t run, const float *twiddles,
    const float *roots, const float *from, float *to) {
    for (ptrdiff_t p = 0; p < m; p++)
        for (ptrdiff_t q = 0; q < run; q++)
            for (int j = 0; j < radix; j++) {
                vc sum = V(get)(from, q + run * p);
                for (int k = 1; k < radix; k++) {
                    const float *root = roots + j * k % radix * 2;
                    vc x = V(get)(from, q + run * (p + m * k));
                    sum = V(plus)(sum, V(turned)(x, root[0], root[1]));
                }
                const float *w = twiddles + (p * (radix - 1) + j - 1) * 2;
                if (j > 0) sum = V(turned)(sum, w[0], w[1]);
                V(put)(to, q + run * (radix * p + j), sum);
            }
}

/// Transforms `a` with the help of `b` of the same size; returns the one that holds the result.
static float *V(stages)(const south_plan *plan, float *a, float *b) {
    ptrdiff_t rest = plan->length, run = 1;
    const float *twiddles = plan->twiddles;
    for (int i = 0; i < plan->stages; i++) {
        int radix = plan->radices[i];
        ptrdiff_t m = rest / radix;
        switch (radix) {
        case 2: V(stage)(2, m, run, twiddles, a, b); break;
        case 3: V(stage)(3, m, run, twiddles, a, b); break;
        case 4: V(stage)(4, m, run, twiddles, a, b); break;
        case 5: V(stage)(5, m, run, twiddles, a, b); break;
        default: V(plain_stage)(radix, m, run, twiddles, plan->roots[i], a, b);
        }
        twiddles += m * (radix - 1) * 2;
        float *swapped = a;
        a = b;
        b = swapped;
        rest = m;
        run *= radix;
    }
    return a;
}

/// Exchanges real and imaginary parts: a transform of what is exchanged, exchanged, is the inverse.
static void V(exchange)(float *a, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        vc x = V(get)(a, i);
        V(put)(a, i, (vc){x.im, x.re});
    }
}

static void V(multiply)(float *a, const float *factors, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++)
        V(put)(a, i, V(turned)(V(get)(a, i), factors[2 * i], factors[2 * i + 1]));
}

/// A complex transform of any length; as `stages`.
static float *V(transform)(const south_plan *plan, float *a, float *b, int inverse) {
    if (inverse) V(exchange)(a, plan->count);
    if (plan->chirp) {
        // Bluestein: a convolution with a chirp, by two transforms of a handy length.
        V(multiply)(a, plan->chirp, plan->count);
        memset(a + plan->count * 2 * LANES, 0,
            sizeof(float) * (size_t)((plan->length - plan->count) * 2 * LANES));
        float *spectrum = V(stages)(plan, a, b), *other = spectrum == a ? b : a;
        V(multiply)(spectrum, plan->chirp_spectrum, plan->length);
        V(exchange)(spectrum, plan->length);
        a = V(stages)(plan, spectrum, other);
        b = a == spectrum ? other : spectrum;
        V(exchange)(a, plan->count);
        V(multiply)(a, plan->chirp, plan->count);
    } else {
        float *result = V(stages)(plan, a, b);
        b = result == a ? b : a;
        a = result;
    }
    if (inverse) V(exchange)(a, plan->count);
    return a;
}

/// `floats` of each of `rows` rows into the lanes of a buffer, zeros into the lanes left over.
static void V(load_rows)(const float *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t floats,
    float *a) {
    if (rows < LANES) memset(a, 0, sizeof(float) * (size_t)(floats * LANES));
    V(turn)(x, stride, a, LANES, floats, rows);
}
static void V(store_rows)(const float *a, ptrdiff_t rows, ptrdiff_t floats, float *y,
    ptrdiff_t stride) {
    V(turn)(a, LANES, y, stride, rows, floats);
}

/// Spectrum of real rows of even length from the transform of their pairs as complex numbers.
static void V(split_halves)(const float *a, const float *turns, ptrdiff_t half, float *y) {
    for (ptrdiff_t k = 0; k <= half; k++) {
        vc x = V(get)(a, k % half), m = V(get)(a, (half - k) % half);
        vc even = {(x.re + m.re) * 0.5f, (x.im - m.im) * 0.5f};
        vc odd = {(x.im + m.im) * 0.5f, (m.re - x.re) * 0.5f};
        V(put)(y, k, V(plus)(even, V(turned)(odd, turns[2 * k], turns[2 * k + 1])));
    }
}
/// The way back, twice as large.
static void V(join_halves)(const float *x, const float *turns, ptrdiff_t half, float *a) {
    for (ptrdiff_t k = 0; k < half; k++) {
        vc s = V(get)(x, k), m = V(get)(x, half - k);
        // The imaginary parts of the first and last bin do not count.
        if (k == 0) s.im = m.im = (vf){0};
        vc even = {s.re + m.re, s.im - m.im};
        vc odd = V(turned)((vc){s.re - m.re, s.im + m.im}, turns[2 * k], -turns[2 * k + 1]);
        V(put)(a, k, (vc){even.re - odd.im, even.im + odd.re});
    }
}

static void V(fourier)(const south_spectra *s, ptrdiff_t first, ptrdiff_t rows) {
    const south_plan *plan = s->plan;
    ptrdiff_t n = s->n, bins = n / 2 + 1;
    size_t bytes = sizeof(float) * (size_t)(south_max(plan->length, bins + 1) * 2 * LANES);
    float *a = south_scratch(0, bytes), *b = south_scratch(1, bytes);
    const float *x = s->x + first * s->stride;
    if (s->kind == SOUTH_COMPLEX) {
        V(load_rows)(x, s->stride, rows, 2 * n, a);
        V(store_rows)(V(transform)(plan, a, b, s->inverse), rows, 2 * n, s->y + first * 2 * n, 2 * n);
        return;
    }
    if (!s->inverse) {
        float *y = s->y + first * 2 * bins;
        float *result;
        if (n % 2 == 0) {
            V(load_rows)(x, s->stride, rows, n, a);
            float *z = V(transform)(plan, a, b, 0);
            result = z == a ? b : a;
            V(split_halves)(z, plan->turns, n / 2, result);
        } else {
            V(load_rows)(x, s->stride, rows, n, b);
            for (ptrdiff_t i = 0; i < n; i++)
                V(put)(a, i, (vc){V(load)(b + i * LANES), (vf){0}});
            result = V(transform)(plan, a, b, 0);
        }
        V(store_rows)(result, rows, 2 * bins, y, 2 * bins);
        return;
    }
    float *y = s->y + first * n;
    V(load_rows)(x, s->stride, rows, 2 * bins, b);
    if (n % 2 == 0) {
        V(join_halves)(b, plan->turns, n / 2, a);
        V(store_rows)(V(transform)(plan, a, b, 1), rows, n, y, n);
        return;
    }
    for (ptrdiff_t k = 0; k < bins; k++) {
        vc bin = V(get)(b, k);
        if (k == 0) bin.im = (vf){0};
        V(put)(a, k, bin);
        if (k > 0) V(put)(a, n - k, (vc){bin.re, -bin.im});
    }
    float *z = V(transform)(plan, a, b, 1), *other = z == a ? b : a;
    for (ptrdiff_t i = 0; i < n; i++) V(store)(other + i * LANES, V(get)(z, i).re);
    V(store_rows)(other, rows, n, y, n);
}

#undef vc

static ptrdiff_t V(lane_count)(void) { return LANES; }
