// Functions of one and two elements over strided views: blocks of a thousand elements, gathered
// where they are not adjacent.
#include "internal.h"

#define SOUTH_BODY "elementwise_body.h"
#include "versions.h"

void south_unary_dense(int operation, float a, float b, const float *x, float *y,
    ptrdiff_t count) {
    SOUTH_PICK(unary)(operation, a, b, x, y, count);
}

void south_epilogue(float *y, ptrdiff_t count, const float *bias, int activation, float slope,
    const float *residual) {
    for (ptrdiff_t i = 0; i < count; i += SOUTH_BLOCK) {
        ptrdiff_t n = south_min(SOUTH_BLOCK, count - i);
        if (bias) SOUTH_PICK(pairs)(SOUTH_ADD, y + i, bias + i, y + i, n);
        if (activation != SOUTH_IDENTITY)
            SOUTH_PICK(unary)(activation, slope, 0, y + i, y + i, n);
        if (residual) SOUTH_PICK(pairs)(SOUTH_ADD, y + i, residual + i, y + i, n);
    }
}

#define SOUTH_INTEGER_PAIRS(type, wide)                                                           \
    static void pairs_##type(int operation, const type *a, const type *b, type *y,                \
        ptrdiff_t count) {                                                                        \
        for (ptrdiff_t i = 0; i < count; i++) switch (operation) {                                \
            case SOUTH_ADD: y[i] = (type)((wide)a[i] + (wide)b[i]); break;                        \
            case SOUTH_SUBTRACT: y[i] = (type)((wide)a[i] - (wide)b[i]); break;                   \
            case SOUTH_MULTIPLY: y[i] = (type)((wide)a[i] * (wide)b[i]); break;                   \
            case SOUTH_DIVIDE:                                                                    \
                /* Zero gives zero, −1 the wrapped negative: neither traps. */                    \
                y[i] = b[i] == 0 ? 0 : b[i] == -1 ? (type)(0 - (wide)a[i]) : a[i] / b[i];         \
                break;                                                                            \
            case SOUTH_MAXIMUM: y[i] = a[i] > b[i] ? a[i] : b[i]; break;                          \
            default: y[i] = a[i] < b[i] ? a[i] : b[i];                                            \
            }                                                                                     \
    }
SOUTH_INTEGER_PAIRS(int32_t, uint32_t)
SOUTH_INTEGER_PAIRS(int64_t, uint64_t)

typedef struct {
    int operation, type, is_gated;
    float p, q;
    south_view a_view, b_view;
    const void *a, *b;
    char *y;
    ptrdiff_t count;
} mapping;

static void unary_task(void *context, size_t index) {
    const mapping *m = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE;
    ptrdiff_t end = south_min(first + SOUTH_PIECE, m->count);
    float room[SOUTH_BLOCK];
    for (ptrdiff_t i = first; i < end; i += SOUTH_BLOCK) {
        ptrdiff_t n = south_min(SOUTH_BLOCK, end - i);
        const float *x = south_block(&m->a_view, m->a, i, n, 4, room);
        SOUTH_PICK(unary)(m->operation, m->p, m->q, x, (float *)m->y + i, n);
    }
}

static void binary_task(void *context, size_t index) {
    const mapping *m = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE;
    ptrdiff_t end = south_min(first + SOUTH_PIECE, m->count);
    int64_t room_a[SOUTH_BLOCK], room_b[SOUTH_BLOCK];
    int size = south_element_size(m->type);
    for (ptrdiff_t i = first; i < end; i += SOUTH_BLOCK) {
        ptrdiff_t n = south_min(SOUTH_BLOCK, end - i);
        const void *a = south_block(&m->a_view, m->a, i, n, size, room_a);
        const void *b = south_block(&m->b_view, m->b, i, n, size, room_b);
        void *y = m->y + i * size;
        if (m->is_gated) {
            SOUTH_PICK(unary)(m->operation, m->p, 0, b, y, n);
            SOUTH_PICK(pairs)(SOUTH_MULTIPLY, a, y, y, n);
        } else if (m->type == SOUTH_FLOAT32) {
            SOUTH_PICK(pairs)(m->operation, a, b, y, n);
        } else if (m->type == SOUTH_INT32) {
            pairs_int32_t(m->operation, a, b, y, n);
        } else {
            pairs_int64_t(m->operation, a, b, y, n);
        }
    }
}

void south_unary(int operation, float a, float b, int rank, const ptrdiff_t *shape,
    const float *x, const ptrdiff_t *x_strides, float *y) {
    mapping m = {
        .operation = operation, .p = a, .q = b,
        .a_view = south_view_of(rank, shape, x_strides), .a = x, .y = (char *)y,
    };
    m.count = south_view_count(&m.a_view);
    south_parallel((size_t)south_ceil(m.count, SOUTH_PIECE), unary_task, &m);
}

void south_binary(int operation, int type, int rank, const ptrdiff_t *shape, const void *a,
    const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, void *y) {
    mapping m = {
        .operation = operation, .type = type,
        .a_view = south_view_of(rank, shape, a_strides), .a = a,
        .b_view = south_view_of(rank, shape, b_strides), .b = b, .y = y,
    };
    m.count = south_view_count(&m.a_view);
    south_parallel((size_t)south_ceil(m.count, SOUTH_PIECE), binary_task, &m);
}

void south_gated(int activation, float slope, int rank, const ptrdiff_t *shape,
    const float *value, const ptrdiff_t *value_strides, const float *gate,
    const ptrdiff_t *gate_strides, float *y) {
    mapping m = {
        .operation = activation, .type = SOUTH_FLOAT32, .is_gated = 1, .p = slope,
        .a_view = south_view_of(rank, shape, value_strides), .a = value,
        .b_view = south_view_of(rank, shape, gate_strides), .b = gate, .y = (char *)y,
    };
    m.count = south_view_count(&m.a_view);
    south_parallel((size_t)south_ceil(m.count, SOUTH_PIECE), binary_task, &m);
}
