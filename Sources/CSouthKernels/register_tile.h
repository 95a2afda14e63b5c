// The innermost loop of the convolutions: a small tile of a product that stays in registers.
// Included by bodies that `versions.h` compiles several times: there is no include guard.

/// Rows of a register tile; its columns are two vectors. Parts of a third serve what is left over.
#define MR (LANES == 16 ? 12 : 6)
#define NR (2 * LANES)

/// ROWS × VECTORS of `c (+)= a b` over k, constants where it is inlined: element (i, l) of a at
/// `i·rs + l·cs`, row l of b at `l·NR`. Adds to c where `adds`, else to `bias [ROWS]` (null for
/// zero).
SOUTH_INLINE void V(register_tile)(const int ROWS, const int VECTORS, ptrdiff_t k,
    const float *a, const ptrdiff_t rs, const ptrdiff_t cs, const float *b, int adds,
    const float *bias, float *c, ptrdiff_t ldc) {
    vf s[12][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < VECTORS; j++) {
            s[i][j] = (vf){0};
            // The lines of the result arrive while the products are summed.
            __builtin_prefetch(c + i * ldc + j * LANES, 1);
        }
    for (ptrdiff_t l = 0; l < k; l++) {
        vf row[2];
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) row[j] = V(load)(b + l * NR + j * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
            for (int j = 0; j < VECTORS; j++) s[i][j] += a[i * rs + l * cs] * row[j];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) {
            float *place = c + i * ldc + j * LANES;
            vf start = adds ? V(load)(place) : V(splat)(bias ? bias[i] : 0);
            V(store)(place, start + s[i][j]);
        }
}

/// The same for `rows ≤ MR`, rounded up to a third of MR, and one or two vectors of columns.
SOUTH_INLINE void V(any_tile)(ptrdiff_t rows, int is_narrow, ptrdiff_t k, const float *a,
    const ptrdiff_t rs, const ptrdiff_t cs, const float *b, int adds, const float *bias, float *c,
    ptrdiff_t ldc) {
    switch (2 * (int)((rows - 1) / (MR / 3)) + is_narrow) {
    case 0: V(register_tile)(MR / 3, 2, k, a, rs, cs, b, adds, bias, c, ldc); break;
    case 1: V(register_tile)(MR / 3, 1, k, a, rs, cs, b, adds, bias, c, ldc); break;
    case 2: V(register_tile)(MR / 3 * 2, 2, k, a, rs, cs, b, adds, bias, c, ldc); break;
    case 3: V(register_tile)(MR / 3 * 2, 1, k, a, rs, cs, b, adds, bias, c, ldc); break;
    case 4: V(register_tile)(MR, 2, k, a, rs, cs, b, adds, bias, c, ldc); break;
    default: V(register_tile)(MR, 1, k, a, rs, cs, b, adds, bias, c, ldc);
    }
}

/// Lanes `first..<end` from `p[lane · hop]`, zeros elsewhere; other elements are not touched.
SOUTH_INLINE vf V(load_some)(const float *p, ptrdiff_t hop, ptrdiff_t first, ptrdiff_t end) {
    if (hop == 1 && first == 0 && end == LANES) return V(load)(p);
#if LANES == 16 && defined(__x86_64__)
    if (hop == 1) {
        uint32_t mask = end <= first ? 0 : (((uint32_t)1 << (end - first)) - 1) << first;
        return (vf)_mm512_maskz_loadu_ps((__mmask16)mask, p);
    }
#elif LANES == 8 && defined(__x86_64__)
    if (hop == 1) {
        vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
        vi mask = (lane >= (int)first) & (lane < (int)end);
        return (vf)_mm256_maskload_ps(p, (__m256i)mask);
    }
#endif
    float lanes[LANES] = {0};
    for (ptrdiff_t i = first; i < end; i++) lanes[i] = p[i * hop];
    return V(load)(lanes);
}
