// Weights in blocks of small integers that share scales, laid out as in GGUF: writing and reading
// whole tensors of them. What kernels do with single blocks is in `blocks_body.h`.
//
// Nothing here may be fused into one rounding: the bytes are the same on every machine.
#include "internal.h"

#pragma clang fp contract(off)

enum { Q4_K_GROUPS = 8, Q6_K_GROUPS = 16 };

static int within(int value, int least, int most) {
    return value < least ? least : value > most ? most : value;
}
/// The nearest integer, zero for NaN.
static int nearest(float x) {
    if (!(x > -1e6f && x < 1e6f)) return x > 0 ? 1000000 : x < 0 ? -1000000 : 0;
    int whole = (int)x;
    return whole + (x - (float)whole >= 0.5f) - (x - (float)whole <= -0.5f);
}
/// Rounds a scale to half precision, the greatest one where it is greater, and writes it.
static float write_half(float x, uint8_t *place) {
    uint16_t half;
    if (fabsf(x) > 65504 && fabsf(x) < INFINITY) x = copysignf(65504, x);
    south_narrow(&x, 1, SOUTH_FLOAT16, &half);
    memcpy(place, &half, 2);
    south_widen(&half, SOUTH_FLOAT16, 1, &x);
    return x;
}

/// `d · q`, the greatest magnitude 127. Agrees with ggml to the bit.
static void write_q8_0(const float *x, uint8_t *block) {
    float most = 0;
    for (int i = 0; i < 32; i++) most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    float d = most / 127, inverse = d == 0 ? 0 : 1 / d;
    uint16_t half;
    south_narrow(&d, 1, SOUTH_FLOAT16, &half);
    memcpy(block, &half, 2);
    for (int i = 0; i < 32; i++) {
        int q = within(nearest(x[i] * inverse), -127, 127);
        block[2 + i] = (uint8_t)q;
    }
}

/// `d · (q − 8)`, the greatest magnitude −8. Agrees with ggml to the bit.
static void write_q4_0(const float *x, uint8_t *block) {
    float most = 0;
    for (int i = 0; i < 32; i++) most = fabsf(x[i]) > fabsf(most) ? x[i] : most;
    float d = most / -8, inverse = d == 0 ? 0 : 1 / d;
    uint16_t half;
    south_narrow(&d, 1, SOUTH_FLOAT16, &half);
    memcpy(block, &half, 2);
    for (int i = 0; i < 16; i++) {
        int q[2];
        for (int j = 0; j < 2; j++) {
            float shifted = x[i + 16 * j] * inverse + 8.5f;
            q[j] = shifted >= 15 ? 15 : shifted > 0 ? (int)shifted : shifted == shifted ? 0 : 8;
        }
        block[2 + i] = (uint8_t)(q[0] | q[1] << 4);
    }
}

/// The scale and the least value ≤ 0 with which `scale · q + least` comes nearest to the 32 numbers
/// for q of 0…15: rounds with several steps, and for each takes the line that fits best.
static void fit_line(const float *x, float *scale, float *least) {
    float low = 0, high = x[0];
    for (int i = 0; i < 32; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *scale = 0;
    *least = low;
    if (!(high > low && high - low < INFINITY)) return;
    float best = INFINITY;
    for (int step = -10; step <= 10; step++) {
        float inverse = (15 + 0.1f * (float)step) / (high - low);
        float q[32], sum_q = 0, sum_qq = 0, sum_x = 0, sum_xq = 0;
        for (int i = 0; i < 32; i++) {
            int whole = (int)((x[i] - low) * inverse + 0.5f);
            q[i] = (float)(whole > 15 ? 15 : whole);
            sum_q += q[i];
            sum_qq += q[i] * q[i];
            sum_x += x[i];
            sum_xq += x[i] * q[i];
        }
        float determinant = 32 * sum_qq - sum_q * sum_q;
        float slope = 0, start = 1;
        if (determinant > 0) {
            slope = (32 * sum_xq - sum_q * sum_x) / determinant;
            start = (sum_qq * sum_x - sum_q * sum_xq) / determinant;
        }
        if (start > 0) {  // also where all are rounded alike
            start = 0;
            slope = sum_xq / sum_qq;
        }
        float error = 0;
        for (int i = 0; i < 32; i++) {
            float miss = slope * q[i] + start - x[i];
            error += miss * miss;
        }
        if (slope > 0 && error < best) {
            best = error;
            *scale = slope;
            *least = start;
        }
    }
}

/// A search needs numbers whose squares are some too: zero for NaN, and for what is greater than
/// any that these blocks hold, infinity included, one that is.
static void clean(const float *source, float *x) {
    const float most = 1e9f;
    for (int i = 0; i < 256; i++) {
        float value = source[i] == source[i] ? source[i] : 0;
        x[i] = value > most ? most : value < -most ? -most : value;
    }
}

static void write_q4_K(const float *source, uint8_t *block) {
    float x[256];
    clean(source, x);
    float scale[Q4_K_GROUPS], least[Q4_K_GROUPS], most_scale = 0, most_least = 0;
    for (int g = 0; g < Q4_K_GROUPS; g++) {
        fit_line(x + 32 * g, scale + g, least + g);
        most_scale = scale[g] > most_scale ? scale[g] : most_scale;
        most_least = -least[g] > most_least ? -least[g] : most_least;
    }
    float d = write_half(most_scale / 63, block), m = write_half(most_least / 63, block + 2);
    memset(block + 4, 0, 140);
    for (int g = 0; g < Q4_K_GROUPS; g++) {
        int six = d > 0 ? within(nearest(scale[g] / d), 0, 63) : 0;
        int under = m > 0 ? within(nearest(-least[g] / m), 0, 63) : 0;
        uint8_t *s = block + 4;
        if (g < 4) {
            s[g] |= (uint8_t)six;
            s[g + 4] |= (uint8_t)under;
        } else {
            s[g + 4] = (uint8_t)((six & 15) | (under & 15) << 4);
            s[g - 4] |= (uint8_t)(six >> 4 << 6);
            s[g] |= (uint8_t)(under >> 4 << 6);
        }
        float step = d * (float)six, start = m * (float)under;
        for (int i = 0; i < 32 && step > 0; i++) {
            int q = within(nearest((x[32 * g + i] + start) / step), 0, 15);
            block[16 + g / 2 * 32 + i] |= (uint8_t)(g % 2 ? q << 4 : q);
        }
    }
}

/// The scale with which `scale · q` comes nearest to the 16 numbers for q of −32…31.
static float fit_scale(const float *x) {
    float most = 0;
    for (int i = 0; i < 16; i++) most = fabsf(x[i]) > fabsf(most) ? x[i] : most;
    if (!(fabsf(most) > 1e-30f)) return 0;
    float best = 0, scale = 0;
    for (int step = -9; step <= 9; step++) {
        float inverse = -(32 + 0.1f * (float)step) / most, sum_xq = 0, sum_qq = 0;
        for (int i = 0; i < 16; i++) {
            float q = (float)within((int)(x[i] * inverse + 64.5f) - 64, -32, 31);
            sum_xq += x[i] * q;
            sum_qq += q * q;
        }
        // What the best scale leaves is Σx² less this.
        if (sum_qq > 0 && sum_xq * sum_xq > best * sum_qq) {
            best = sum_xq * sum_xq / sum_qq;
            scale = sum_xq / sum_qq;
        }
    }
    return scale;
}

static void write_q6_K(const float *source, uint8_t *block) {
    float x[256];
    clean(source, x);
    float scale[Q6_K_GROUPS], most = 0;
    for (int g = 0; g < Q6_K_GROUPS; g++) {
        scale[g] = fit_scale(x + 16 * g);
        most = fabsf(scale[g]) > fabsf(most) ? scale[g] : most;
    }
    memset(block, 0, 208);
    float d = write_half(most / -128, block + 208);
    for (int g = 0; g < Q6_K_GROUPS; g++) {
        int whole = d != 0 ? within(nearest(scale[g] / d), -128, 127) : 0;
        block[192 + g] = (uint8_t)whole;
        float step = d * (float)whole;
        for (int i = 0; i < 16; i++) {
            int q = step != 0 ? within(nearest(x[16 * g + i] / step), -32, 31) + 32 : 32;
            int half = g / 8, row = g % 8 / 2, column = g % 2 * 16 + i;
            block[half * 64 + row % 2 * 32 + column] |= (uint8_t)((q & 15) << (row / 2 * 4));
            block[128 + half * 32 + column] |= (uint8_t)(q >> 4 << (2 * row));
        }
    }
}

typedef struct {
    ptrdiff_t count;
    const char *source;
    int type;
    char *target;
} pieces;

static void quantize_task(void *context, size_t index) {
    const pieces *p = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE, size = south_block_size(p->type);
    ptrdiff_t end = south_min(first + SOUTH_PIECE, p->count);
    for (ptrdiff_t i = first; i < end; i += size) {
        const float *x = (const float *)p->source + i;
        uint8_t *block = (uint8_t *)p->target + south_bytes(p->type, i);
        switch (p->type) {
        case SOUTH_Q8_0: write_q8_0(x, block); break;
        case SOUTH_Q4_0: write_q4_0(x, block); break;
        case SOUTH_Q4_K: write_q4_K(x, block); break;
        default: write_q6_K(x, block);
        }
    }
}

void south_quantize(ptrdiff_t count, const float *source, int type, void *target) {
    pieces p = {count, (const char *)source, type, target};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), quantize_task, &p);
}

static void dequantize_task(void *context, size_t index) {
    const pieces *p = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE;
    south_widen(p->source + south_bytes(p->type, first), p->type,
        south_min(SOUTH_PIECE, p->count - first), (float *)p->target + first);
}

void south_dequantize(ptrdiff_t count, const void *source, int type, float *target) {
    pieces p = {count, source, type, (char *)target};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), dequantize_task, &p);
}
