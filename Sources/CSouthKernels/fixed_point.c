// Products of weights in blocks with activations in fixed point: x86 only; Arm multiplies floats.
#include "internal.h"

#if defined(__x86_64__)

#define SOUTH_WITH_VNNI
#define SOUTH_BODY "fixed_point_body.h"
#include "versions.h"

/// There is none for the baseline.
#define PICK(name)                                                                                \
    (south_instruction_set() == SOUTH_AVX512_VNNI                                                 \
            ? name##_avx512vnni                                                                   \
            : south_instruction_set() == SOUTH_AVX512 ? name##_avx512 : name##_avx2)

void south_fix_rows(ptrdiff_t m, ptrdiff_t k, const float *x, ptrdiff_t x_stride, int type,
    south_fixed *fixed) {
    // Kernels read whole vectors of scales: zeros beyond the last.
    ptrdiff_t groups = south_ceil(k / SOUTH_GROUP, 16) * 16;
    ptrdiff_t sums = type == SOUTH_Q6_K ? 2 * groups : groups;
    float *room = south_scratch(SOUTH_SCRATCH_ROWS,
        (size_t)m * ((size_t)(groups + sums) * sizeof(float) + (size_t)k * sizeof(int16_t)));
    *fixed = (south_fixed){
        .scales = room, .sums = room + m * groups, .words = (int16_t *)(room + m * (groups + sums)),
        .scale_stride = groups, .sum_stride = sums, .word_stride = k,
    };
    memset(room, 0, (size_t)(m * (groups + sums)) * sizeof(float));
    for (ptrdiff_t i = 0; i < m; i++)
        PICK(fix_row)
        (x + i * x_stride, k, type, fixed->words + i * k, fixed->scales + i * groups,
            fixed->sums + i * sums);
}

void south_fixed_gemv(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const south_fixed *x,
    const void *weight, int type, ptrdiff_t weight_stride, float *y, ptrdiff_t y_stride) {
    PICK(fixed_gemv)(m, n, k, x, weight, type, south_bytes(type, weight_stride), y, y_stride);
}

const south_multiplier *south_fixed_multiplier(int type) {
    // Without the one instruction for pairs of words there is nothing to win over floats.
    if (south_is_blocks(type) && south_fixed_point()
        && south_instruction_set() == SOUTH_AVX512_VNNI)
        return type == SOUTH_Q4_K ? &fixed_q4_K_avx512vnni
            : type == SOUTH_Q6_K  ? &fixed_q6_K_avx512vnni
                                  : &fixed_simple_avx512vnni;
    return NULL;
}

#endif
