// Products of many rows in fixed point, the version with VNNI: what `gemm.c` drives, for weights in
// blocks. Panels hold 16-bit integers, pairs along the depth side by side, then the scales of
// groups; a tile of 32-bit sums stays in registers for the length of a group.

/// Rows and columns of a register tile.
#define MR 12
#define NR (2 * LANES)
/// Elements that share a scale in both operands, of the whole depth of a group of activations.
#define SOUTH_SHARE (type == SOUTH_Q6_K ? 16 : 32)

/// Adds products of pairs of words. The compiler would take the intrinsic apart into a product and
/// a sum, for the sake of a chain of sums that is not the limit here.
SOUTH_INLINE void V(add_products)(__m512i *sums, __m512i a, __m512i b) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(*sums) : "v"(a), "v"(b));
}

/// `a [rows ≤ MR, depth]` → integers `[depth / 2][MR][2]`, scales and sums `[depth / 32][MR]`.
static void V(fixed_pack_rows)(const float *a, ptrdiff_t rs, ptrdiff_t cs, ptrdiff_t rows,
    ptrdiff_t depth, float *panel) {
    ptrdiff_t groups = depth / SOUTH_GROUP;
    float *scales = panel + MR * depth / 2, *sums = scales + MR * groups;
    // A row as it comes, where it is not adjacent, and sixteen in fixed point.
    float *row = south_scratch(SOUTH_SCRATCH_BLOCKS, (size_t)(depth * 4 + groups * 8 + LANES * depth * 2));
    float *row_scales = row + depth, *row_sums = row_scales + groups;
    int16_t *words = (int16_t *)(row_sums + groups);
    for (ptrdiff_t i = 0; i < rows; i++) {
        const float *x = a + i * rs;
        if (cs != 1) {
            for (ptrdiff_t l = 0; l < depth; l++) row[l] = x[l * cs];
            x = row;
        }
        V(fix_row)(x, depth, SOUTH_Q4_K, words + i * depth, row_scales, row_sums);
        for (ptrdiff_t g = 0; g < groups; g++) {
            scales[g * MR + i] = row_scales[g];
            sums[g * MR + i] = row_sums[g];
        }
    }
    for (ptrdiff_t g = 0; g < groups; g++) {
        vf square[LANES];
#pragma clang loop unroll(full)
        for (ptrdiff_t i = 0; i < LANES; i++)
            memcpy(&square[i], words + south_min(i, rows - 1) * depth + g * 32, 64);
        V(transpose)(square);
#pragma clang loop unroll(full)
        for (ptrdiff_t i = 0; i < LANES; i++)
            memcpy(panel + (g * LANES + i) * MR, &square[i], MR * 4);
    }
}

/// The integers of group g of a row of weights as the product takes them, offsets included.
SOUTH_INLINE __m512i V(whole_words)(const uint8_t *row, const int type, ptrdiff_t g,
    const int within) {
    if (type == SOUTH_Q4_0) {
        __m256i bytes =
            _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(row + g * 18 + 2)));
        // Shifts are of 32 bits: what comes from the neighbour byte is masked away.
        bytes = _mm256_srlv_epi32(bytes, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4));
        bytes = _mm256_and_si256(bytes, _mm256_set1_epi8(15));
        return _mm512_sub_epi16(_mm512_cvtepu8_epi16(bytes), _mm512_set1_epi16(8));
    }
    __m512i w = V(wide_words)(row, type, g, within);
    return type == SOUTH_Q6_K ? _mm512_sub_epi16(w, _mm512_set1_epi16(32)) : w;
}

/// A strip of columns, whose depth is adjacent → panels of integers `[depth / 2][NR][2]`, scales
/// `[depth / SOUTH_SHARE][NR]` and, of `q4_K`, offsets `[depth / 32][NR]`.
SOUTH_INLINE void V(fixed_pack_type)(const void *b, const int type, ptrdiff_t first, ptrdiff_t cs,
    ptrdiff_t columns, ptrdiff_t depth, float *panels) {
    const int is_simple = type == SOUTH_Q8_0 || type == SOUTH_Q4_0;
    const ptrdiff_t row_bytes = south_bytes(type, cs);
    for (ptrdiff_t j = 0; j < columns; j += LANES) {
        float *panel = panels + j / NR * NR * depth, *scales = panel + NR * depth / 2;
        float *offsets = scales + NR * depth / SOUTH_SHARE;
        const uint8_t *rows = (const uint8_t *)b + south_bytes(type, first + j * cs);
        ptrdiff_t side = j % NR, some = south_min(LANES, columns - j);
        for (ptrdiff_t l = 0; l < depth; l += 256)
#pragma clang loop unroll(full)
            for (int within = 0; within < 8; within++) {
                ptrdiff_t g = l / 32 + within;
                if (g >= depth / 32) break;
                vf square[LANES];
                for (ptrdiff_t i = 0; i < LANES; i++) {
                    const uint8_t *row = rows + south_min(i, some - 1) * row_bytes;
                    square[i] = (vf)V(whole_words)(row, type, g, within);
                }
                V(transpose)(square);
#pragma clang loop unroll(full)
                for (ptrdiff_t i = 0; i < LANES; i++)
                    V(store)(panel + (g * LANES + i) * NR + side, square[i]);
            }
        for (ptrdiff_t i = 0; i < LANES; i++) {
            // Columns beyond the last are zeros.
            const uint8_t *row = rows + south_min(i, some - 1) * row_bytes;
            float mine = i < some, *to = scales + side + i;
            if (is_simple) {
                for (ptrdiff_t g = 0; g < depth / 32; g++)
                    to[g * NR] = mine * V(half)(row + g * SOUTH_GROUP_BYTES);
                continue;
            }
            for (ptrdiff_t u = 0; u < depth / 256; u++) {
                V(scales) s;
                V(read_scales)(row + u * south_bytes(type, 256), type, 8, &s);
                for (ptrdiff_t g = 0; g < 256 / SOUTH_SHARE; g++)
                    to[(u * (256 / SOUTH_SHARE) + g) * NR] = mine * s.scale[g];
                if (type == SOUTH_Q4_K)
                    for (ptrdiff_t g = 0; g < 8; g++)
                        offsets[(u * 8 + g) * NR + side + i] = mine * s.offset[g];
            }
        }
    }
}

static void V(fixed_pack_strip)(const void *b, int type, ptrdiff_t first, ptrdiff_t rs,
    ptrdiff_t cs, ptrdiff_t columns, ptrdiff_t depth, float *panels) {
    (void)rs;
    switch (type) {
    case SOUTH_Q8_0: V(fixed_pack_type)(b, SOUTH_Q8_0, first, cs, columns, depth, panels); break;
    case SOUTH_Q4_0: V(fixed_pack_type)(b, SOUTH_Q4_0, first, cs, columns, depth, panels); break;
    case SOUTH_Q4_K: V(fixed_pack_type)(b, SOUTH_Q4_K, first, cs, columns, depth, panels); break;
    default: V(fixed_pack_type)(b, SOUTH_Q6_K, first, cs, columns, depth, panels);
    }
}

/// R rows × C vectors of `sums [R][NR] = a b` over the whole depth, constants where it is inlined as
/// the type is.
SOUTH_INLINE void V(fixed_tile)(const int R, const int C, const int type, ptrdiff_t depth,
    const float *a, const float *panel, float *sums) {
    const ptrdiff_t share = SOUTH_SHARE;
    const float *a_scales = a + MR * depth / 2, *a_sums = a_scales + MR * depth / 32;
    const float *scales = panel + NR * depth / 2, *offsets = scales + NR * depth / share;
#pragma clang loop unroll(full)
    for (int i = 0; i < R * NR; i += LANES) V(store)(sums + i, (vf){0});
    for (ptrdiff_t l = 0; l < depth; l += share) {
        // There are registers for one kind of sums alone: the floats stay in memory.
        __asm__ volatile("" : : "r"(sums) : "memory");
        __m512i s[MR][2];
#pragma clang loop unroll(full)
        for (int i = 0; i < R; i++)
#pragma clang loop unroll(full)
            for (int j = 0; j < C; j++) s[i][j] = _mm512_setzero_si512();
        const float *pairs = a + l / 2 * MR, *words = panel + l / 2 * NR;
#pragma clang loop unroll_count(2)
        for (ptrdiff_t p = 0; p < share / 2; p++) {
            __m512i b[2];
#pragma clang loop unroll(full)
            for (int j = 0; j < C; j++) b[j] = _mm512_loadu_si512(words + p * NR + j * LANES);
#pragma clang loop unroll(full)
            for (int i = 0; i < R; i++) {
                __m512i x = _mm512_set1_epi32(((const int *)pairs)[p * MR + i]);
#pragma clang loop unroll(full)
                for (int j = 0; j < C; j++) V(add_products)(&s[i][j], x, b[j]);
            }
        }
#pragma clang loop unroll(full)
        for (int j = 0; j < C; j++) {
            vf scale = V(load)(scales + l / share * NR + j * LANES);
            vf offset = {0};
            if (type == SOUTH_Q4_K) offset = V(load)(offsets + l / 32 * NR + j * LANES);
#pragma clang loop unroll(full)
            for (int i = 0; i < R; i++) {
                vf sum = (vf)_mm512_cvtepi32_ps(s[i][j]) * scale;
                float *place = sums + i * NR + j * LANES;
                vf total = V(load)(place) + sum * a_scales[l / 32 * MR + i];
                if (type == SOUTH_Q4_K) total += offset * a_sums[l / 32 * MR + i];
                V(store)(place, total);
            }
        }
    }
}

/// A packed row panel times a packed strip: `c [rows ≤ MR, columns] (+)= a b`. Tiles are summed
/// apart, for rows of c may be in each other's way in the first cache.
SOUTH_INLINE void V(fixed_multiply_type)(const int type, ptrdiff_t rows, ptrdiff_t columns,
    ptrdiff_t depth, const float *a, const float *panels, int adds, float *c, ptrdiff_t ldc) {
    float sums[MR * NR] __attribute__((aligned(64)));
    for (ptrdiff_t j = 0; j < columns; j += NR, panels += NR * depth) {
        ptrdiff_t width = south_min(columns - j, NR);
        for (ptrdiff_t i = 0; i < rows; i++) {
            __builtin_prefetch(c + i * ldc + j, 1);
            __builtin_prefetch(c + i * ldc + j + LANES, 1);
        }
        // A third of the rows, two, or all of them.
        if (width <= LANES)
            V(fixed_tile)(MR, 1, type, depth, a, panels, sums);
        else if (rows > MR / 3 * 2)
            V(fixed_tile)(MR, 2, type, depth, a, panels, sums);
        else if (rows > MR / 3)
            V(fixed_tile)(MR / 3 * 2, 2, type, depth, a, panels, sums);
        else
            V(fixed_tile)(MR / 3, 2, type, depth, a, panels, sums);
        for (ptrdiff_t i = 0; i < rows; i++) {
            float *row = c + i * ldc + j;
            if (width == NR) {
#pragma clang loop unroll(full)
                for (int l = 0; l < NR; l += LANES) {
                    vf sum = V(load)(sums + i * NR + l);
                    V(store)(row + l, adds ? V(load)(row + l) + sum : sum);
                }
            } else {
                for (ptrdiff_t l = 0; l < width; l++)
                    row[l] = sums[i * NR + l] + (adds ? row[l] : 0);
            }
        }
    }
}

static void V(fixed_multiply_simple)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth,
    const float *a, const float *panels, int adds, float *c, ptrdiff_t ldc) {
    V(fixed_multiply_type)(SOUTH_Q8_0, rows, columns, depth, a, panels, adds, c, ldc);
}
static void V(fixed_multiply_q4_K)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth,
    const float *a, const float *panels, int adds, float *c, ptrdiff_t ldc) {
    V(fixed_multiply_type)(SOUTH_Q4_K, rows, columns, depth, a, panels, adds, c, ldc);
}
static void V(fixed_multiply_q6_K)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth,
    const float *a, const float *panels, int adds, float *c, ptrdiff_t ldc) {
    V(fixed_multiply_type)(SOUTH_Q6_K, rows, columns, depth, a, panels, adds, c, ldc);
}

static const south_multiplier V(fixed_simple) = {
    MR, NR, V(fixed_pack_rows), V(fixed_pack_strip), V(fixed_multiply_simple),
};
static const south_multiplier V(fixed_q4_K) = {
    MR, NR, V(fixed_pack_rows), V(fixed_pack_strip), V(fixed_multiply_q4_K),
};
static const south_multiplier V(fixed_q6_K) = {
    MR, NR, V(fixed_pack_rows), V(fixed_pack_strip), V(fixed_multiply_q6_K),
};

#undef MR
#undef NR
#undef SOUTH_SHARE
