// Weights of every stored type as floats, one version. Types of blocks keep, for each group of 32
// weights, small integers q and what turns them into numbers, `scale · q + offset`; the layouts
// are GGUF's.

/// Scales of a unit's groups, of `q6_K` two a group, and offsets, which only `q4_K` has.
typedef struct {
    float scale[64], offset[8];
} V(scales);

typedef int8_t V(chars) __attribute__((vector_size(LANES), aligned(1), may_alias));

/// A half-precision number; by way of a whole register, so that none waits for the last one.
SOUTH_INLINE float V(half)(const void *p) {
    uint16_t bits;
    memcpy(&bits, p, 2);
#if defined(SOUTH_HAS_F16C) || defined(__aarch64__)
    typedef _Float16 halves __attribute__((vector_size(8)));
    typedef float floats __attribute__((vector_size(16)));
    uint64_t word = bits;
    halves v;
    memcpy(&v, &word, 8);
    return __builtin_convertvector(v, floats)[0];
#else
    return V(load_float16)((const uint16_t[LANES]){bits})[0];
#endif
}

/// The six-bit scales and least values of a block of `q4_K`, from the twelve bytes they share.
SOUTH_INLINE void V(read_sixes)(const uint8_t *block, V(scales) *s) {
    uint32_t words[3];
    memcpy(words, block + 4, 12);
    uint32_t six[4] = {
        words[0] & 0x3f3f3f3f, (words[2] & 0x0f0f0f0f) | (words[0] >> 2 & 0x30303030),
        words[1] & 0x3f3f3f3f, (words[2] >> 4 & 0x0f0f0f0f) | (words[1] >> 2 & 0x30303030),
    };
    uint8_t bytes[16];
    memcpy(bytes, six, 16);
    float d = V(half)(block), least = -V(half)(block + 2);
    for (int g = 0; g < 8; g++) s->scale[g] = d * bytes[g];
    for (int g = 0; g < 8; g++) s->offset[g] = least * bytes[8 + g];
}

/// Of the unit at `block`, which has `groups` groups.
SOUTH_INLINE void V(read_scales)(const uint8_t *block, const int type, ptrdiff_t groups,
    V(scales) *s) {
    if (type == SOUTH_Q4_K) {
        V(read_sixes)(block, s);
    } else if (type == SOUTH_Q6_K) {
        float d = V(half)(block + 208);
        for (int i = 0; i < 16; i++) s->scale[i] = d * ((const int8_t *)block)[192 + i];
    } else if (type == SOUTH_Q8_0 || type == SOUTH_Q4_0) {
        // Collected, so that one instruction widens many; many at a time, for a load of what was
        // just stored in parts has to wait.
        uint16_t halves[64] = {0};
        // As a gather of registers this would take longer than all else.
#pragma clang loop vectorize(disable)
        for (ptrdiff_t g = 0; g < groups; g++)
            memcpy(halves + g, block + g * south_bytes(type, SOUTH_GROUP), 2);
        for (ptrdiff_t g = 0; g < groups; g += LANES)
            V(store)(s->scale + g, V(load_float16)(halves + g));
    }
}

/// The integers of group g of a unit.
SOUTH_INLINE void V(read_quants)(const uint8_t *block, const int type, int g, south_quants *q) {
    typedef uint8_t bytes __attribute__((vector_size(32), aligned(1), may_alias));
    typedef uint8_t half_bytes __attribute__((vector_size(16), aligned(1), may_alias));
    if (type == SOUTH_Q8_0) {
        *q = *(const south_quants *)(block + g * 34 + 2);
        return;
    }
    if (type == SOUTH_Q4_0) {
        half_bytes both = *(const half_bytes *)(block + g * 18 + 2), low = both & 15, high = both >> 4;
        *q = (south_quants)__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
            11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31) - 8;
        return;
    }
    if (type == SOUTH_Q4_K) {
        bytes both = *(const bytes *)(block + 16 + g / 2 * 32);
        *q = (south_quants)(g % 2 ? both >> 4 : both & 15);
        return;
    }
    // q6_K: two halves of four groups; a group's low nibbles lie in one of two rows of bytes.
    int half = g / 4, row = g % 4;
    bytes low = *(const bytes *)(block + half * 64 + row % 2 * 32);
    bytes high = *(const bytes *)(block + 128 + half * 32);
    low = row / 2 ? low >> 4 : low & 15;
    *q = (south_quants)(low | (high >> (2 * row) & 3) << 4) - 32;
}

/// Group g of the unit at `block` as 32 / LANES vectors.
SOUTH_INLINE void V(load_group)(const uint8_t *block, const int type, int g, const V(scales) *s,
    vf *w) {
    if (type == SOUTH_FLOAT32 || type == SOUTH_BFLOAT16 || type == SOUTH_FLOAT16) {
#pragma clang loop unroll(full)
        for (int v = 0; v < 32 / LANES; v++)
            w[v] = V(load_weights)(block, v * LANES, type);
        return;
    }
#if LANES == 16
    if (type == SOUTH_Q4_0 || type == SOUTH_Q4_K) {
        // All sixteen values that a nibble can mean are in one register, from which a shuffle picks
        // by the low four bits of each lane.
        const vf whole = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        __m512 values = (__m512)(type == SOUTH_Q4_0 ? (whole - 8) * s->scale[g]
                                                    : whole * s->scale[g] + s->offset[g]);
        const uint8_t *from = block + (type == SOUTH_Q4_0 ? g * 18 + 2 : 16 + g / 2 * 32);
        for (int v = 0; v < 2; v++) {
            int high = type == SOUTH_Q4_0 ? v : g % 2;
            const uint8_t *bytes = from + (type == SOUTH_Q4_0 ? 0 : 16 * v);
            __m512i nibbles = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)bytes));
            if (high) nibbles = _mm512_srli_epi32(nibbles, 4);
            w[v] = (vf)_mm512_permutexvar_ps(nibbles, values);
        }
        return;
    }
#endif
    south_quants q;
    V(read_quants)(block, type, g, &q);
#pragma clang loop unroll(full)
    for (int v = 0; v < 32 / LANES; v++) {
        V(chars) part;
        memcpy(&part, (const char *)&q + v * LANES, LANES);
        float scale = s->scale[type == SOUTH_Q6_K ? 2 * g + v * LANES / 16 : g];
        if (type == SOUTH_Q4_K)
            w[v] = __builtin_convertvector(part, vf) * scale + s->offset[g];
        else
            w[v] = __builtin_convertvector(part, vf) * scale;
    }
}

/// `count` weights of a row from index `first` on, whole units of block types.
SOUTH_INLINE void V(decode_type)(const uint8_t *row, const int type, ptrdiff_t first,
    ptrdiff_t count, float *target) {
    const ptrdiff_t unit = south_unit(type);
    for (ptrdiff_t l = 0; l < count; l += unit) {
        const uint8_t *block = row + south_bytes(type, first + l);
        ptrdiff_t groups = south_min(unit, count - l) / SOUTH_GROUP;
        V(scales) s;
        V(read_scales)(block, type, groups, &s);
#pragma clang loop unroll_count(4)
        for (int g = 0; g < groups; g++) {
            vf w[32 / LANES];
            V(load_group)(block, type, g, &s, w);
#pragma clang loop unroll(full)
            for (int v = 0; v < 32 / LANES; v++)
                V(store)(target + l + g * 32 + v * LANES, w[v]);
        }
    }
}

/// The same for the block types alone.
static inline void V(decode)(const void *row, int type, ptrdiff_t first, ptrdiff_t count,
    float *target) {
    switch (type) {
    case SOUTH_Q8_0: V(decode_type)(row, SOUTH_Q8_0, first, count, target); break;
    case SOUTH_Q4_0: V(decode_type)(row, SOUTH_Q4_0, first, count, target); break;
    case SOUTH_Q4_K: V(decode_type)(row, SOUTH_Q4_K, first, count, target); break;
    default: V(decode_type)(row, SOUTH_Q6_K, first, count, target);
    }
}
