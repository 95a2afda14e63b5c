// The parts of a matrix product, one version: packers that bring panels of both operands into the
// order in which the innermost loop reads them, and that loop, whose tile of the result stays in
// registers.
#include "blocks_body.h"

/// Rows and columns of a register tile: as many sums as there are registers for, less those of a
/// row of b and an element of a.
#if LANES == 16
#define MR 14
#elif defined(__aarch64__)
#define MR 12
#else
#define MR 6
#endif
#define NR (2 * LANES)

/// `a [rows ≤ MR, depth]` → `[depth][MR]`, unused rows unspecified; element (i, l) at `i·rs + l·cs`.
static void V(pack_rows)(const float *a, ptrdiff_t rs, ptrdiff_t cs, ptrdiff_t rows,
    ptrdiff_t depth, float *panel) {
    ptrdiff_t l = 0;
    if (cs == 1) {
        for (; l + LANES <= depth; l += LANES)
#pragma clang loop unroll(full)
            for (ptrdiff_t first = 0; first < MR; first += LANES) {
                const ptrdiff_t some = south_min(LANES, MR - first);
                vf square[LANES];
#pragma clang loop unroll(full)
                for (ptrdiff_t i = 0; i < LANES; i++)
                    square[i] = V(load)(a + south_min(first + i, rows - 1) * rs + l);
                V(transpose)(square);
#pragma clang loop unroll(full)
                for (ptrdiff_t i = 0; i < LANES; i++)
                    memcpy(panel + (l + i) * MR + first, &square[i], (size_t)some * 4);
            }
    }
    for (; l < depth; l++)
        for (ptrdiff_t i = 0; i < rows; i++) panel[l * MR + i] = a[i * rs + l * cs];
}

/// A vector of `count` weights, zeros beyond.
SOUTH_INLINE vf V(load_some)(const void *b, const int type, ptrdiff_t at, ptrdiff_t count) {
    if (count >= LANES) return V(load_weights)(b, at, type);
    return count > 0 ? V(load_weights_part)(b, at, type, count) : (vf){0};
}

/// Columns whose depth is adjacent, LANES of them: `[depth][NR]`, half of a panel.
SOUTH_INLINE void V(turn_columns)(const void *b, const int type, ptrdiff_t first,
    ptrdiff_t cs, ptrdiff_t columns, ptrdiff_t depth, float *panel) {
    for (ptrdiff_t l = 0; l < depth; l += LANES) {
        ptrdiff_t rest = depth - l;
        vf square[LANES];
        if (columns >= LANES && rest >= LANES) {
#pragma clang loop unroll(full)
            for (ptrdiff_t j = 0; j < LANES; j++) {
                const char *from = (const char *)b + south_bytes(type, first + j * cs + l);
                __builtin_prefetch(from + 512);
                square[j] = V(load_weights)(from, 0, type);
            }
        } else {
            for (ptrdiff_t j = 0; j < LANES; j++)
                square[j] = j < columns ? V(load_some)(b, type, first + j * cs + l, rest) : (vf){0};
        }
        V(transpose)(square);
        if (rest >= LANES) {
#pragma clang loop unroll(full)
            for (ptrdiff_t i = 0; i < LANES; i++) V(store)(panel + (l + i) * NR, square[i]);
        } else {
            for (ptrdiff_t i = 0; i < rest; i++) V(store)(panel + (l + i) * NR, square[i]);
        }
    }
}

/// A strip `b [depth, columns]` → panels `[depth][NR]` one after the other, zeros beyond; element
/// (l, j) at `first + l·rs + j·cs`, one of the two strides 1.
SOUTH_INLINE void V(pack_strip_type)(const void *b, const int type, ptrdiff_t first,
    ptrdiff_t rs, ptrdiff_t cs, ptrdiff_t columns, ptrdiff_t depth, float *panels) {
    if (cs == 1) {
        for (ptrdiff_t l = 0; l < depth; l++) {
            for (ptrdiff_t j = 0; j < columns; j += NR)
#pragma clang loop unroll(full)
                for (int half = 0; half < NR; half += LANES)
                    V(store)
                    (panels + j * depth + l * NR + half,
                        V(load_some)(b, type, first + l * rs + j + half, columns - j - half));
        }
        return;
    }
    for (ptrdiff_t j = 0; j < columns; j += LANES)
        V(turn_columns)
        (b, type, first + j * cs, cs, columns - j, depth,
            panels + j / NR * NR * depth + j % NR);
    // The last panel's second half, where no column reaches it.
    if ((columns - 1) % NR < LANES)
        for (ptrdiff_t l = 0; l < depth; l++)
            V(store)(panels + columns / NR * NR * depth + l * NR + LANES, (vf){0});
}

/// The same for blocks, decoded some rows or columns at a time.
static void V(pack_blocks)(const void *b, int type, ptrdiff_t first, ptrdiff_t rs, ptrdiff_t cs,
    ptrdiff_t columns, ptrdiff_t depth, float *panels) {
    float *room = south_scratch(SOUTH_SCRATCH_BLOCKS,
        sizeof(float) * (size_t)(LANES * south_max(columns, depth)));
    ptrdiff_t adjacent = cs == 1 ? columns : depth, others = cs == 1 ? depth : columns;
    ptrdiff_t apart = cs == 1 ? rs : cs;
    for (ptrdiff_t i = 0; i < others; i += LANES) {
        ptrdiff_t some = south_min(LANES, others - i);
        for (ptrdiff_t r = 0; r < some; r++)
            V(decode)(b, type, first + (i + r) * apart, adjacent, room + r * adjacent);
        if (cs == 1) {
            for (ptrdiff_t l = 0; l < some; l++)
                for (ptrdiff_t j = 0; j < columns; j += LANES)
                    V(store)
                    (panels + j / NR * NR * depth + (i + l) * NR + j % NR,
                        V(load)(room + l * columns + j));
        } else {
            V(turn_columns)
            (room, SOUTH_FLOAT32, 0, depth, some, depth, panels + i / NR * NR * depth + i % NR);
        }
    }
}

static void V(pack_strip)(const void *b, int type, ptrdiff_t first, ptrdiff_t rs, ptrdiff_t cs,
    ptrdiff_t columns, ptrdiff_t depth, float *panels) {
    switch (type) {
    case SOUTH_FLOAT32:
        V(pack_strip_type)(b, SOUTH_FLOAT32, first, rs, cs, columns, depth, panels);
        break;
    case SOUTH_BFLOAT16:
        V(pack_strip_type)(b, SOUTH_BFLOAT16, first, rs, cs, columns, depth, panels);
        break;
    case SOUTH_FLOAT16:
        V(pack_strip_type)(b, SOUTH_FLOAT16, first, rs, cs, columns, depth, panels);
        break;
    default: V(pack_blocks)(b, type, first, rs, cs, columns, depth, panels);
    }
}

/// R × C vectors of the result over the whole depth, constants where it is inlined. The order of
/// an element's sum is the same in every tile.
SOUTH_INLINE void V(tile)(const int R, const int C, ptrdiff_t depth, const float *a,
    const float *panel, int adds, float *c, ptrdiff_t ldc) {
    vf s[MR][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < R; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < C; j++) {
            s[i][j] = (vf){0};
            __builtin_prefetch(c + i * ldc + j * LANES);
        }
    for (ptrdiff_t l = 0; l < depth; l++) {
        vf b[2];
#pragma clang loop unroll(full)
        for (int j = 0; j < C; j++) b[j] = V(load)(panel + l * NR + j * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < R; i++)
#pragma clang loop unroll(full)
            for (int j = 0; j < C; j++) s[i][j] += a[l * MR + i] * b[j];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < R; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < C; j++) {
            float *place = c + i * ldc + j * LANES;
            V(store)(place, adds ? V(load)(place) + s[i][j] : s[i][j]);
        }
}

SOUTH_INLINE void V(tile_of_rows)(ptrdiff_t rows, const int C, ptrdiff_t depth,
    const float *a, const float *panel, int adds, float *c, ptrdiff_t ldc) {
#define CASE(R)                                                                                   \
    case R:                                                                                       \
        if (R <= MR) V(tile)(R, C, depth, a, panel, adds, c, ldc);                                \
        break;
    switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
        CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
    }
#undef CASE
}

/// A packed row panel times a packed strip: `c [rows ≤ MR, columns] (+)= a b`.
static void V(multiply_strip)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, const float *a,
    const float *panels, int adds, float *c, ptrdiff_t ldc) {
    for (ptrdiff_t j = 0; j < columns; j += NR, panels += NR * depth) {
        ptrdiff_t width = columns - j;
        if (width >= NR) {
            V(tile_of_rows)(rows, 2, depth, a, panels, adds, c + j, ldc);
            continue;
        }
        float room[MR * NR];
        if (width > LANES)
            V(tile_of_rows)(rows, 2, depth, a, panels, 0, room, NR);
        else
            V(tile_of_rows)(rows, 1, depth, a, panels, 0, room, NR);
        for (ptrdiff_t i = 0; i < rows; i++)
            for (ptrdiff_t l = 0; l < width; l++)
                c[i * ldc + j + l] = room[i * NR + l] + (adds ? c[i * ldc + j + l] : 0);
    }
}

static const south_multiplier V(multiplier) = {
    MR, NR, V(pack_rows), V(pack_strip), V(multiply_strip),
};

#undef MR
#undef NR
