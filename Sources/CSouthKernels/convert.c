// Conversions between element types.
#include "internal.h"

#define SOUTH_BODY "convert_body.h"
#include "versions.h"

void south_widen(const void *source, int type, ptrdiff_t count, float *target) {
    if (type == SOUTH_FLOAT32)
        memcpy(target, source, (size_t)count * 4);
    else if (type == SOUTH_FLOAT64)
        for (ptrdiff_t i = 0; i < count; i++) target[i] = (float)((const double *)source)[i];
    else if (south_is_blocks(type))
        SOUTH_PICK(decode)(source, type, 0, count, target);
    else
        SOUTH_PICK(widen)(source, type, count, target);
}

void south_narrow(const float *source, ptrdiff_t count, int type, void *target) {
    if (type == SOUTH_FLOAT32)
        memcpy(target, source, (size_t)count * 4);
    else if (type == SOUTH_FLOAT64)
        for (ptrdiff_t i = 0; i < count; i++) ((double *)target)[i] = source[i];
    else if (type == SOUTH_BFLOAT16)
        SOUTH_PICK(narrow_bfloat16)(source, count, target);
    else
        SOUTH_PICK(narrow_float16)(source, count, target);
}

// MARK: Any type to any other, by way of int64 for integers, double for float64, else float

static void integers_from(const void *source, int type, ptrdiff_t count, int64_t *target) {
#define CASE(code, type)                                                                          \
    case code:                                                                                    \
        for (ptrdiff_t i = 0; i < count; i++) target[i] = (int64_t)((const type *)source)[i];     \
        break;
    switch (type) {
        CASE(SOUTH_INT64, int64_t)
        CASE(SOUTH_INT32, int32_t)
        CASE(SOUTH_INT16, int16_t)
        CASE(SOUTH_INT8, int8_t)
    default:
        for (ptrdiff_t i = 0; i < count; i++) target[i] = ((const uint8_t *)source)[i];
    }
#undef CASE
}

static void integers_to(const int64_t *source, ptrdiff_t count, int type, void *target) {
#define CASE(code, type)                                                                          \
    case code:                                                                                    \
        for (ptrdiff_t i = 0; i < count; i++) ((type *)target)[i] = (type)source[i];              \
        break;
    switch (type) {
        CASE(SOUTH_INT64, int64_t)
        CASE(SOUTH_INT32, int32_t)
        CASE(SOUTH_INT16, int16_t)
        CASE(SOUTH_INT8, int8_t)
        CASE(SOUTH_UINT8, uint8_t)
        CASE(SOUTH_FLOAT32, float)
        CASE(SOUTH_FLOAT64, double)
    case SOUTH_BOOL:
        for (ptrdiff_t i = 0; i < count; i++) ((uint8_t *)target)[i] = source[i] != 0;
        break;
    default: {
        float values[SOUTH_BLOCK];
        for (ptrdiff_t i = 0; i < count; i++) values[i] = (float)source[i];
        south_narrow(values, count, type, target);
    }
    }
#undef CASE
}

static int64_t truncated(double x) {
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

static int is_real(int type) { return type <= SOUTH_FLOAT64; }

static void convert_block(const void *source, int from, ptrdiff_t count, void *target, int to) {
    if (!is_real(from)) {
        int64_t values[SOUTH_BLOCK];
        integers_from(source, from, count, values);
        integers_to(values, count, to, target);
    } else if (is_real(to)) {
        if (from == SOUTH_FLOAT32) {
            south_narrow(source, count, to, target);
        } else if (to == SOUTH_FLOAT32) {
            south_widen(source, from, count, target);
        } else if (from == to) {
            memcpy(target, source, (size_t)(count * south_element_size(to)));
        } else {
            float values[SOUTH_BLOCK];
            south_widen(source, from, count, values);
            south_narrow(values, count, to, target);
        }
    } else {
        float narrow[SOUTH_BLOCK];
        if (from != SOUTH_FLOAT64) south_widen(source, from, count, narrow);
        int64_t values[SOUTH_BLOCK];
        for (ptrdiff_t i = 0; i < count; i++) {
            double x = from == SOUTH_FLOAT64 ? ((const double *)source)[i] : narrow[i];
            values[i] = to == SOUTH_BOOL ? x != 0 : truncated(x);
        }
        integers_to(values, count, to, target);
    }
}

typedef struct {
    south_view view;
    ptrdiff_t count;
    const void *source;
    int from, to;
    char *target;
} casting;

static void cast_task(void *context, size_t index) {
    const casting *c = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE;
    ptrdiff_t end = south_min(first + SOUTH_PIECE, c->count);
    uint64_t room[SOUTH_BLOCK];
    int from_size = south_element_size(c->from), to_size = south_element_size(c->to);
    for (ptrdiff_t i = first; i < end; i += SOUTH_BLOCK) {
        ptrdiff_t n = south_min(SOUTH_BLOCK, end - i);
        const void *block = south_block(&c->view, c->source, i, n, from_size, room);
        convert_block(block, c->from, n, c->target + i * to_size, c->to);
    }
}

void south_cast(int rank, const ptrdiff_t *shape, const void *source,
    const ptrdiff_t *source_strides, int source_type, void *target, int target_type) {
    casting c = {
        .view = south_view_of(rank, shape, source_strides),
        .source = source, .from = source_type, .to = target_type, .target = target,
    };
    c.count = south_view_count(&c.view);
    south_parallel((size_t)south_ceil(c.count, SOUTH_PIECE), cast_task, &c);
}
