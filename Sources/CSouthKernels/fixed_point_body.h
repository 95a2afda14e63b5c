// Weights in blocks times activations in fixed point, one version. The integers of a group of 32
// weights are multiplied by those of 32 activations in 16 bits, pairs of products added in 32,
// and the sum of a group becomes a float times the scales of both.
#include "blocks_body.h"

#if defined(__x86_64__) && LANES > 4

/// Bytes that the prefetch is ahead of the reading. Scales that are collected are read two rows
/// ahead of the rest, and their lines have to be there by then. So many rows do not fit the first
/// cache: they are fetched to the second.
#define AHEAD(row_bytes) (8 * (row_bytes))

/// Products of words, adjacent ones added to 32-bit sums.
SOUTH_INLINE __m256i V(add_pairs)(__m256i sums, __m256i a, __m256i b) {
#ifdef SOUTH_HAS_VNNI
    return _mm256_dpwssd_epi32(sums, a, b);
#else
    return _mm256_add_epi32(sums, _mm256_madd_epi16(a, b));
#endif
}
/// Activations `x [k]` in fixed point: `words [k]`, of each group `scales` and the sums that they
/// stand for, `sums`, of 16 elements for `q6_K`, else of 32. A group with an element that is not
/// finite gets the scale NaN, one below 1e-30 becomes zeros.
static void V(fix_row)(const float *x, ptrdiff_t k, int type, int16_t *words, float *scales,
    float *sums) {
    typedef int16_t part __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
    for (ptrdiff_t g = 0; g < k / 32; g++) {
        vf v[32 / LANES];
        vi most = {0};
#pragma clang loop unroll(full)
        for (int i = 0; i < 32 / LANES; i++) {
            v[i] = V(load)(x + g * 32 + i * LANES);
            // The order of magnitudes is that of their bits, and what is not finite comes last.
            most = __builtin_elementwise_max(most, (vi)v[i] & INT32_MAX);
        }
        int32_t bits = __builtin_reduce_max(most);
        float greatest;
        memcpy(&greatest, &bits, 4);
        int is_finite = bits < 0x7f800000, is_some = is_finite && greatest >= 1e-30f;
        float inverse = is_some ? 32767 / greatest : 0;
        scales[g] = !is_finite ? NAN : is_some ? greatest / 32767 : 0;
        vi whole[2] = {0};
#pragma clang loop unroll(full)
        for (int i = 0; i < 32 / LANES; i++) {
            if (!is_finite) v[i] = (vf){0};
            // As in `exp`: the low bits of the sum are the nearest integer.
            vi q = (vi)(v[i] * inverse + 12582912.0f) - 0x4b400000;
            *(part *)(words + g * 32 + i * LANES) = __builtin_convertvector(q, part);
            whole[i * LANES / 16] += q;
        }
        if (type == SOUTH_Q6_K) {
            sums[2 * g] = scales[g] * (float)__builtin_reduce_add(whole[0]);
            sums[2 * g + 1] = scales[g] * (float)__builtin_reduce_add(whole[1]);
        } else {
            sums[g] = scales[g] * (float)__builtin_reduce_add(whole[0] + whole[1]);
        }
    }
}

/// Group g of a unit of `q6_K` as bytes 0…63: 32 more than the weights' integers.
SOUTH_INLINE __m256i V(sixes)(const uint8_t *block, int g) {
    const __m256i fifteen = _mm256_set1_epi8(15), top = _mm256_set1_epi8(48);
    int half = g / 4, row = g % 4;
    __m256i low = _mm256_loadu_si256((const __m256i *)(block + half * 64 + row % 2 * 32));
    __m256i high = _mm256_loadu_si256((const __m256i *)(block + 128 + half * 32));
    // Shifts are of words: what comes from the neighbour byte is masked away.
    if (row / 2) low = _mm256_srli_epi16(low, 4);
    if (row == 0) high = _mm256_slli_epi16(high, 4);
    if (row == 1) high = _mm256_slli_epi16(high, 2);
    if (row == 3) high = _mm256_srli_epi16(high, 2);
    return _mm256_or_si256(_mm256_and_si256(low, fifteen), _mm256_and_si256(high, top));
}

/// Bytes of a group of 32, of `q6_K` less a quarter.
#define SOUTH_GROUP_BYTES (south_bytes(type, 256) / 8)

/// The scales in front of a row's groups, still in half precision. What is stored in parts has to
/// reach the cache before it can be loaded whole: this is done a row ahead.
SOUTH_INLINE void V(collect_halves)(const uint8_t *weight, const int type, ptrdiff_t groups,
    uint16_t *halves) {
#pragma clang loop vectorize(disable) unroll_count(4)
    for (ptrdiff_t g = 0; g < groups; g++) memcpy(halves + g, weight + g * SOUTH_GROUP_BYTES, 2);
}

/// The eight scales of a block of `q4_K`, and the eight least values, in `scales`.
SOUTH_INLINE void V(read_sixes_at_once)(const uint8_t *block, float *scales) {
    __m128i words = _mm_loadu_si128((const __m128i *)(block + 4));
    __m128i low = _mm_and_si128(
        _mm_srlv_epi32(_mm_shuffle_epi32(words, 0x98), _mm_setr_epi32(0, 0, 0, 4)),
        _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    __m128i high = _mm_and_si128(_mm_srli_epi32(_mm_shuffle_epi32(words, 0x50), 2),
        _mm_setr_epi32(0, 0x30303030, 0, 0x30303030));
    __m128i six = _mm_or_si128(low, high);
    int both;
    memcpy(&both, block, 4);
    __m128 factors = _mm_cvtph_ps(_mm_cvtsi32_si128(both));
    __m256 d = _mm256_broadcastss_ps(factors);
    __m256 least = _mm256_broadcastss_ps(_mm_movehdup_ps(factors));
    _mm256_storeu_ps(scales, _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(six))));
    _mm256_storeu_ps(scales + 8, _mm256_mul_ps(least,
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(six, six)))));
}

/// The products of a row's scales with those of a row of activations, `both` by group (of `q6_K`,
/// by half a group); returns what the weights' offsets add to the row's product.
SOUTH_INLINE float V(scale_row)(const uint8_t *weight, const int type, ptrdiff_t k,
    const uint16_t *halves, const float *scales, const float *sums, float *both) {
    typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
    vf offset = {0};
    eight offset_8 = {0};
    if (type == SOUTH_Q8_0 || type == SOUTH_Q4_0) {
        for (ptrdiff_t g = 0; g < k / 32; g += LANES) {
            vf scale = V(load_float16)(halves + g);
            V(store)(both + g, scale * V(load)(scales + g));
            if (type == SOUTH_Q4_0) offset -= 8 * scale * V(load)(sums + g);
        }
        return type == SOUTH_Q4_0 ? V(sum)(offset) : 0;
    }
    for (ptrdiff_t u = 0; u < k / 256; u++) {
        const uint8_t *block = weight + south_bytes(type, u * 256);
        if (type == SOUTH_Q4_K) {
            float read[16];
            V(read_sixes_at_once)(block, read);
            *(eight *)(both + u * 8) = *(eight *)read * *(const eight *)(scales + u * 8);
            offset_8 -= *(eight *)(read + 8) * *(const eight *)(sums + u * 8);
            continue;
        }
        float d = V(half)(block + 208);
#pragma clang loop unroll(full)
        for (int h = 0; h < 2; h++) {
            __m128i eights = _mm_loadl_epi64((const __m128i *)(block + 192 + 8 * h));
            eight scale = d * (eight)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eights));
            __m256 of_x = (__m256)_mm256_permutevar8x32_ps(
                _mm256_broadcast_ps((const __m128 *)(scales + u * 8 + 4 * h)),
                _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
            *(eight *)(both + u * 16 + 8 * h) = scale * (eight)of_x;
            offset_8 -= 32 * scale * *(const eight *)(sums + u * 16 + 8 * h);
        }
    }
    float total = 0;
    for (int i = 0; i < 4; i++) total += offset_8[i] + offset_8[i + 4];
    return total;
}

#if LANES == 16
/// The integers of group g, of a longer block's group `within`.
SOUTH_INLINE __m512i V(wide_words)(const uint8_t *weight, const int type, ptrdiff_t g,
    const int within) {
    const uint8_t *block = weight + g / 8 * south_bytes(type, 256);
    if (type == SOUTH_Q8_0)
        return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(weight + g * 34 + 2)));
    if (type == SOUTH_Q6_K) return _mm512_cvtepu8_epi16(V(sixes)(block, within));
    __m512i w = _mm512_cvtepu8_epi16(
        _mm256_loadu_si256((const __m256i *)(block + 16 + within / 2 * 32)));
    return within % 2 ? _mm512_srli_epi16(w, 4) : _mm512_and_si512(w, _mm512_set1_epi16(15));
}
#endif
/// The same in halves.
SOUTH_INLINE void V(narrow_words)(const uint8_t *weight, const int type, ptrdiff_t g,
    const int within, __m256i *w) {
    const __m256i fifteen = _mm256_set1_epi16(15);
    const uint8_t *block = weight + g / 8 * south_bytes(type, 256);
    if (type == SOUTH_Q4_0) {
        __m256i bytes =
            _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(weight + g * 18 + 2)));
        w[0] = _mm256_and_si256(bytes, fifteen);
        w[1] = _mm256_srli_epi16(bytes, 4);
        return;
    }
    if (type == SOUTH_Q6_K) {
        __m256i bytes = V(sixes)(block, within);
        w[0] = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(bytes));
        w[1] = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(bytes, 1));
        return;
    }
#pragma clang loop unroll(full)
    for (int h = 0; h < 2; h++) {
        if (type == SOUTH_Q8_0) {
            w[h] = _mm256_cvtepi8_epi16(
                _mm_loadu_si128((const __m128i *)(weight + g * 34 + 2 + 16 * h)));
        } else {
            w[h] = _mm256_cvtepu8_epi16(
                _mm_loadu_si128((const __m128i *)(block + 16 + within / 2 * 32 + 16 * h)));
            w[h] = within % 2 ? _mm256_srli_epi16(w[h], 4) : _mm256_and_si256(w[h], fifteen);
        }
    }
}

/// Adds the products of R rows of weights, `row_bytes` apart, and M rows of activations in group g;
/// `both` are their scales.
SOUTH_INLINE void V(add_group)(const int R, const int M, const int type, const uint8_t *weight,
    ptrdiff_t row_bytes, ptrdiff_t g, const int within, const int16_t *words,
    ptrdiff_t word_stride, const float *both, ptrdiff_t groups, vf (*sums)[4],
    __m256 (*narrow)[4]) {
    words += g * 32;
    (void)sums;
#if LANES == 16
    if (type != SOUTH_Q4_0) {
        __m512i w[2];
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++)
            w[r] = V(wide_words)(weight + r * row_bytes, type, g, within);
#pragma clang loop unroll(full)
        for (int i = 0; i < M; i++) {
            __m512i x = _mm512_loadu_si512(words + i * word_stride);
#pragma clang loop unroll(full)
            for (int r = 0; r < R; r++) {
                const float *scale = both + (r * M + i) * groups;
                __m512 scales = type == SOUTH_Q6_K
                    ? _mm512_mask_broadcastss_ps(_mm512_set1_ps(scale[2 * g]), 0xff00,
                          _mm_load_ss(scale + 2 * g + 1))
                    : _mm512_set1_ps(scale[g]);
                sums[r][i] = (vf)_mm512_fmadd_ps(
                    _mm512_cvtepi32_ps(_mm512_madd_epi16(w[r], x)), scales, (__m512)sums[r][i]);
            }
        }
        return;
    }
#endif
    __m256i w[2][2];
#pragma clang loop unroll(full)
    for (int r = 0; r < R; r++)
        V(narrow_words)(weight + r * row_bytes, type, g, within, w[r]);
#pragma clang loop unroll(full)
    for (int i = 0; i < M; i++) {
        const int16_t *from = words + i * word_stride;
        __m256i first = _mm256_loadu_si256((const __m256i *)from);
        __m256i second = _mm256_loadu_si256((const __m256i *)(from + 16));
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++) {
            const float *scale = both + (r * M + i) * groups;
            __m256i a = _mm256_madd_epi16(w[r][0], first);
            if (type == SOUTH_Q6_K) {
                narrow[r][i] = _mm256_fmadd_ps(
                    _mm256_cvtepi32_ps(a), _mm256_set1_ps(scale[2 * g]), narrow[r][i]);
                narrow[r][i] =
                    _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_madd_epi16(w[r][1], second)),
                        _mm256_set1_ps(scale[2 * g + 1]), narrow[r][i]);
            } else {
                narrow[r][i] =
                    _mm256_fmadd_ps(_mm256_cvtepi32_ps(V(add_pairs)(a, w[r][1], second)),
                        _mm256_set1_ps(scale[g]), narrow[r][i]);
            }
        }
    }
}

/// R rows of weights times M rows of activations from row `row` on; R, M and the type are
/// constants where it is inlined. `halves` of the rows are `half_stride` apart.
SOUTH_INLINE void V(fixed_dots)(const int R, const int M, const int type, ptrdiff_t k,
    const south_fixed *x, ptrdiff_t row, const uint8_t *weight, ptrdiff_t row_bytes,
    const uint16_t *halves, ptrdiff_t half_stride, float *both, float *y, ptrdiff_t y_stride) {
    const ptrdiff_t groups = x->sum_stride, word_stride = x->word_stride;
    const int16_t *words = x->words + row * word_stride;
    float offsets[2][4];
    vf sums[2][4];
    __m256 narrow[2][4];
#pragma clang loop unroll(full)
    for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < M; i++) {
            sums[r][i] = (vf){0};
            narrow[r][i] = _mm256_setzero_ps();
            offsets[r][i] = V(scale_row)(weight + r * row_bytes, type, k,
                halves + r * half_stride, x->scales + (row + i) * x->scale_stride,
                x->sums + (row + i) * x->sum_stride, both + (r * M + i) * groups);
        }
    // Blocks are unrolled, so that where a group's bits lie is known; of short ones, as many.
    ptrdiff_t g = 0;
    for (; g + 8 <= k / 32; g += 8) {
        // In the order of memory, whatever rows are read side by side.
        const uint8_t *next = weight + R * g * SOUTH_GROUP_BYTES + AHEAD(row_bytes);
#pragma clang loop unroll(full)
        for (ptrdiff_t line = 0; line < R * 8 * SOUTH_GROUP_BYTES; line += 64)
            __builtin_prefetch(next + line, 0, 2);
#pragma clang loop unroll(full)
        for (int within = 0; within < 8; within++)
            V(add_group)
            (R, M, type, weight, row_bytes, g + within, within, words, word_stride, both, groups,
                sums, narrow);
    }
    // None where blocks are of 256.
    if (type == SOUTH_Q8_0 || type == SOUTH_Q4_0)
        for (; g < k / 32; g++)
            V(add_group)
            (R, M, type, weight, row_bytes, g, 0, words, word_stride, both, groups, sums, narrow);
#pragma clang loop unroll(full)
    for (int i = 0; i < M; i++)
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++) {
#if LANES == 16
            vf all = sums[r][i] + (vf)_mm512_zextps256_ps512(narrow[r][i]);
#else
            vf all = sums[r][i] + (vf)narrow[r][i];
#endif
            y[i * y_stride + r] = V(sum)(all) + offsets[r][i];
        }
}

/// R rows of weights with all rows of activations, some at a time.
SOUTH_INLINE void V(fixed_vectors)(const int R, const int type, ptrdiff_t m, ptrdiff_t k,
    const south_fixed *x, const uint8_t *w, ptrdiff_t row_bytes, const uint16_t *halves,
    ptrdiff_t half_stride, float *both, float *y, ptrdiff_t y_stride) {
    ptrdiff_t i = 0;
#define SOUTH_TAKE(M)                                                                             \
    for (; i + M <= m; i += M)                                                                    \
        V(fixed_dots)                                                                             \
    (R, M, type, k, x, i, w, row_bytes, halves, half_stride, both, y + i * y_stride, y_stride)
    SOUTH_TAKE(4);
    SOUTH_TAKE(2);
    SOUTH_TAKE(1);
#undef SOUTH_TAKE
}

SOUTH_INLINE void V(fixed_rows)(const int type, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
    const south_fixed *x, const uint8_t *w, ptrdiff_t row_bytes, float *y, ptrdiff_t y_stride) {
    ptrdiff_t groups = x->scale_stride;
    float *both = south_scratch(
        SOUTH_SCRATCH_BLOCKS, sizeof(float) * (size_t)(8 * x->sum_stride + 2 * groups));
    // Halves of these two rows and the next two.
    uint16_t *halves = (uint16_t *)(both + 8 * x->sum_stride);
    const int is_simple = type == SOUTH_Q8_0 || type == SOUTH_Q4_0;
    if (is_simple) {
        memset(halves, 0, sizeof(float) * (size_t)(2 * groups));
        for (ptrdiff_t j = 0; j < south_min(2, n); j++)
            V(collect_halves)(w + j * row_bytes, type, k / 32, halves + j * groups);
    }
    for (ptrdiff_t j = 0; j < n; j += 2, w += 2 * row_bytes) {
        const uint16_t *mine = halves + j % 4 * groups;
        if (is_simple)
            for (ptrdiff_t next = j + 2; next < south_min(j + 4, n); next++)
                V(collect_halves)
                (w + (next - j) * row_bytes, type, k / 32, halves + next % 4 * groups);
        if (j + 2 <= n)
            V(fixed_vectors)
            (2, type, m, k, x, w, row_bytes, mine, groups, both, y + j, y_stride);
        else
            V(fixed_vectors)
            (1, type, m, k, x, w, row_bytes, mine, groups, both, y + j, y_stride);
    }
}

static void V(fixed_gemv)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const south_fixed *x,
    const uint8_t *w, int type, ptrdiff_t row_bytes, float *y, ptrdiff_t y_stride) {
    switch (type) {
    case SOUTH_Q8_0: V(fixed_rows)(SOUTH_Q8_0, m, n, k, x, w, row_bytes, y, y_stride); break;
    case SOUTH_Q4_0: V(fixed_rows)(SOUTH_Q4_0, m, n, k, x, w, row_bytes, y, y_stride); break;
    case SOUTH_Q4_K: V(fixed_rows)(SOUTH_Q4_K, m, n, k, x, w, row_bytes, y, y_stride); break;
    default: V(fixed_rows)(SOUTH_Q6_K, m, n, k, x, w, row_bytes, y, y_stride);
    }
}

#ifdef SOUTH_HAS_VNNI
#include "fixed_gemm_body.h"
#endif

#undef AHEAD
#undef SOUTH_GROUP_BYTES
#endif
