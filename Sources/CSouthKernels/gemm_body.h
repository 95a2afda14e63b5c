// A matrix product on one thread, one version: panels of both operands are packed so that the
// innermost loop reads them in order, and a small tile of the result stays in registers.

/// Rows of a register tile; its columns are two vectors. Parts of a third serve what is left over.
#define MR (LANES == 16 ? 12 : 6)
#define NR (2 * LANES)
/// Depth of a panel: NR columns of it fit the first cache.
#define KC 256

/// `a [rows ≤ MR, k]` → `[k][MR]`, unused rows unspecified; element (i, l) at `i·rs + l·cs`.
static void V(pack_rows)(const float *a, ptrdiff_t rs, ptrdiff_t cs, ptrdiff_t rows, ptrdiff_t k,
    float *panel) {
    ptrdiff_t l = 0;
    if (cs == 1) {
        for (; l + LANES <= k; l += LANES) {
            vf square[LANES];
#pragma clang loop unroll(full)
            for (ptrdiff_t i = 0; i < LANES; i++)
                square[i] = V(load)(a + south_min(i, rows - 1) * rs + l);
            V(transpose)(square);
            // Each store overruns into the next one's place, the last into spare room.
#pragma clang loop unroll(full)
            for (int i = 0; i < LANES; i++) V(store)(panel + (l + i) * MR, square[i]);
        }
    }
    for (; l < k; l++)
        for (ptrdiff_t i = 0; i < rows; i++) panel[l * MR + i] = a[i * rs + l * cs];
}

/// `b [k, columns ≤ NR]` → `[k][NR]`, zeros beyond; element (l, j) at `l·rs + j·cs`.
SOUTH_INLINE void V(pack_columns)(const void *b, const int type, ptrdiff_t first, ptrdiff_t rs,
    ptrdiff_t cs, ptrdiff_t columns, ptrdiff_t k, float *panel) {
    if (cs == 1) {
        for (ptrdiff_t l = 0; l < k; l++)
            for (int half = 0; half < NR; half += LANES) {
                ptrdiff_t n = columns - half, at = first + l * rs + half;
                vf v = {0};
                if (n >= LANES)
                    v = V(load_weights)(b, at, type);
                else if (n > 0)
                    v = V(load_weights_part)(b, at, type, n);
                V(store)(panel + l * NR + half, v);
            }
        return;
    }
    for (ptrdiff_t l = 0; l < k; l += LANES) {
        ptrdiff_t depth = south_min(LANES, k - l);
        for (int half = 0; half < NR; half += LANES) {
            vf square[LANES];
            if (depth == LANES && half + LANES <= columns) {
#pragma clang loop unroll(full)
                for (ptrdiff_t j = 0; j < LANES; j++)
                    square[j] = V(load_weights)(b, first + (half + j) * cs + l, type);
                V(transpose)(square);
#pragma clang loop unroll(full)
                for (ptrdiff_t i = 0; i < LANES; i++)
                    V(store)(panel + (l + i) * NR + half, square[i]);
                continue;
            }
            for (ptrdiff_t j = 0; j < LANES; j++) {
                ptrdiff_t at = first + (half + j) * cs + l;
                square[j] = half + j < columns ? V(load_weights_part)(b, at, type, depth)
                                               : (vf){0};
            }
            V(transpose)(square);
            for (ptrdiff_t i = 0; i < depth; i++)
                V(store)(panel + (l + i) * NR + half, square[i]);
        }
    }
}

/// ROWS × VECTORS of the result: `c (+)= a b` over k; constants where it is inlined. Element (i, l)
/// of a at `i·rs + l·cs`.
SOUTH_INLINE void V(tile)(const int ROWS, const int VECTORS, ptrdiff_t k, const float *a,
    const ptrdiff_t rs, const ptrdiff_t cs, const float *panel, int adds, float *c,
    ptrdiff_t ldc) {
    vf s[12][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) s[i][j] = (vf){0};
    for (ptrdiff_t l = 0; l < k; l++) {
        vf b[2];
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) b[j] = V(load)(panel + l * NR + j * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
            for (int j = 0; j < VECTORS; j++) s[i][j] += a[i * rs + l * cs] * b[j];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) {
            float *place = c + i * ldc + j * LANES;
            V(store)(place, adds ? V(load)(place) + s[i][j] : s[i][j]);
        }
}

/// A tile of `rows ≤ MR` by `columns ≤ NR`; packed rows lie MR apart in depth.
static void V(edge_or_tile)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t k, const float *a,
    const float *panel, int adds, float *c, ptrdiff_t ldc) {
    if (rows == MR && columns == NR) {
        V(tile)(MR, 2, k, a, 1, MR, panel, adds, c, ldc);
        return;
    }
    float room[MR * NR];
    int narrow = columns <= LANES, third = (int)((rows - 1) / (MR / 3));
    switch (2 * third + narrow) {
    case 0: V(tile)(MR / 3, 2, k, a, 1, MR, panel, 0, room, NR); break;
    case 1: V(tile)(MR / 3, 1, k, a, 1, MR, panel, 0, room, NR); break;
    case 2: V(tile)(MR / 3 * 2, 2, k, a, 1, MR, panel, 0, room, NR); break;
    case 3: V(tile)(MR / 3 * 2, 1, k, a, 1, MR, panel, 0, room, NR); break;
    case 4: V(tile)(MR, 2, k, a, 1, MR, panel, 0, room, NR); break;
    default: V(tile)(MR, 1, k, a, 1, MR, panel, 0, room, NR);
    }
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++)
            c[i * ldc + j] = room[i * NR + j] + (adds ? c[i * ldc + j] : 0);
}

/// `c = a b + beta c`, beta 0 or 1. Element (i, l) of a at `i·ars + l·acs`, (l, j) of b at
/// `l·brs + j·bcs`; one stride of each is 1.
static void V(gemm)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t ars,
    ptrdiff_t acs, const void *b, int type, ptrdiff_t brs, ptrdiff_t bcs, int adds, float *c,
    ptrdiff_t ldc) {
    ptrdiff_t row_panels = south_ceil(m, MR);
    float *packed = south_scratch(2, sizeof(float) * (size_t)(row_panels * MR * KC + LANES));
    float *panel = south_scratch(3, sizeof(float) * NR * KC);
    for (ptrdiff_t l = 0; l < k; l += KC) {
        ptrdiff_t depth = south_min(KC, k - l);
        for (ptrdiff_t i = 0; i < row_panels; i++)
            V(pack_rows)
            (a + i * MR * ars + l * acs, ars, acs, south_min(MR, m - i * MR), depth,
                packed + i * MR * KC);
        for (ptrdiff_t j = 0; j < n; j += NR) {
            ptrdiff_t columns = south_min(NR, n - j), first = l * brs + j * bcs;
            if (type == SOUTH_FLOAT32)
                V(pack_columns)(b, SOUTH_FLOAT32, first, brs, bcs, columns, depth, panel);
            else if (type == SOUTH_BFLOAT16)
                V(pack_columns)(b, SOUTH_BFLOAT16, first, brs, bcs, columns, depth, panel);
            else
                V(pack_columns)(b, SOUTH_FLOAT16, first, brs, bcs, columns, depth, panel);
            for (ptrdiff_t i = 0; i < row_panels; i++)
                V(edge_or_tile)
                (south_min(MR, m - i * MR), columns, depth, packed + i * MR * KC, panel,
                    adds || l > 0, c + i * MR * ldc + j, ldc);
        }
    }
}

#undef MR
#undef NR
#undef KC
