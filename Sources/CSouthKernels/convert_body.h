// Floating types to and from float32, one version.
#include "blocks_body.h"

static void V(widen)(const void *source, int type, ptrdiff_t count, float *target) {
    ptrdiff_t i = 0;
    if (type == SOUTH_BFLOAT16)
        for (; i + LANES <= count; i += LANES)
            V(store)(target + i, V(load_bfloat16)((const uint16_t *)source + i));
    else
        for (; i + LANES <= count; i += LANES)
            V(store)(target + i, V(load_float16)((const uint16_t *)source + i));
    if (i < count) {
        uint16_t rest[LANES] = {0};
        memcpy(rest, (const uint16_t *)source + i, (size_t)(count - i) * 2);
        vf v = type == SOUTH_BFLOAT16 ? V(load_bfloat16)(rest) : V(load_float16)(rest);
        V(store_part)(target + i, v, count - i);
    }
}

static void V(narrow_bfloat16)(const float *source, ptrdiff_t count, uint16_t *target) {
    for (ptrdiff_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, source + i, 4);
        uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
        int is_nan = (bits & 0x7fffffff) > 0x7f800000;
        target[i] = (uint16_t)(is_nan ? 0x7fc0 | (bits >> 16 & 0x8000) : rounded);
    }
}

static void V(narrow_float16)(const float *source, ptrdiff_t count, uint16_t *target) {
    for (ptrdiff_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, source + i, 4);
        uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff, half;
        if (magnitude >= 0x477ff000) {  // rounds to 65536 or beyond
            half = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
        } else if (magnitude < 0x38800000) {  // subnormal: the sum's last bit is 2⁻²⁴
            float value;
            memcpy(&value, &magnitude, 4);
            value += 0.5f;
            memcpy(&half, &value, 4);
            half -= 0x3f000000;
        } else {
            half = (magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000) >> 13;
        }
        target[i] = (uint16_t)(sign | half);
    }
}
