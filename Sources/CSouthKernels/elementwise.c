// Functions of one and two elements over strided views: blocks of a thousand elements, gathered
// where they are not adjacent.
#include <stdlib.h>

#include "internal.h"

#define SOUTH_BODY "elementwise_body.h"
#include "versions.h"

void south_unary_dense(int operation, float a, float b, const float *x, float *y,
    ptrdiff_t count) {
    SOUTH_PICK(unary)(operation, a, b, x, y, count);
}

void south_affine_activation(int activation, float slope, float scale, float shift, const float *x,
    float *y, ptrdiff_t count) {
    SOUTH_PICK(affine_activation)(activation, slope, scale, shift, x, y, count);
}

void south_unary_gradient_dense(int operation, float a, float b, const float *x,
    const float *gradient, float *y, ptrdiff_t count) {
    SOUTH_PICK(unary_gradient)(operation, a, b, x, gradient, y, count);
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

/// One function over views: its kind, operands and results.
typedef struct {
    int operation, type, kind;
    float p, q;
    south_view views[3];
    const void *operands[3];
    char *y, *z;
    ptrdiff_t count;
} mapping;

enum { UNARY, BINARY, GATED, UNARY_GRADIENT, GATED_GRADIENT, COMPARE, CHOOSE };

/// How many elements from `i` on to take at a time: where rows are long, none across their end,
/// so that most blocks need no copy.
static ptrdiff_t block_length(const south_view *view, ptrdiff_t i, ptrdiff_t end) {
    ptrdiff_t n = south_min(SOUTH_BLOCK, end - i);
    if (view->rank == 0 || view->shape[view->rank - 1] < SOUTH_BLOCK / 8) return n;
    ptrdiff_t length = view->shape[view->rank - 1];
    return south_min(n, length - i % length);
}

static void binary_block(const mapping *m, const void *a, const void *b, void *y, ptrdiff_t n) {
    switch (m->type) {
    case SOUTH_FLOAT32: SOUTH_PICK(pairs)(m->operation, a, b, y, n); break;
    case SOUTH_INT32: pairs_int32_t(m->operation, a, b, y, n); break;
    case SOUTH_INT64: pairs_int64_t(m->operation, a, b, y, n); break;
    default: abort();
    }
}

#define SOUTH_COMPARISONS(type)                                                                   \
    static void compare_##type(int operation, const type *a, const type *b, uint8_t *y,           \
        ptrdiff_t count) {                                                                        \
        switch (operation) {                                                                      \
        case SOUTH_EQUAL:                                                                         \
            for (ptrdiff_t i = 0; i < count; i++) y[i] = a[i] == b[i];                            \
            break;                                                                                \
        case SOUTH_LESS:                                                                          \
            for (ptrdiff_t i = 0; i < count; i++) y[i] = a[i] < b[i];                             \
            break;                                                                                \
        default:                                                                                  \
            for (ptrdiff_t i = 0; i < count; i++) y[i] = a[i] <= b[i];                            \
        }                                                                                         \
    }
SOUTH_COMPARISONS(float)
SOUTH_COMPARISONS(int32_t)
SOUTH_COMPARISONS(int64_t)

static void compare_block(const mapping *m, const void *a, const void *b, void *y, ptrdiff_t n) {
    switch (m->type) {
    case SOUTH_FLOAT32: compare_float(m->operation, a, b, y, n); break;
    case SOUTH_INT32: compare_int32_t(m->operation, a, b, y, n); break;
    case SOUTH_INT64: compare_int64_t(m->operation, a, b, y, n); break;
    default: abort();
    }
}

static void mapping_task(void *context, size_t index) {
    const mapping *m = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE;
    ptrdiff_t end = south_min(first + SOUTH_PIECE, m->count), n;
    int64_t rooms[3][SOUTH_BLOCK];
    int size = south_element_size(m->type);
    int inputs = m->kind == UNARY ? 1 : m->kind == GATED_GRADIENT || m->kind == CHOOSE ? 3 : 2;
    for (ptrdiff_t i = first; i < end; i += n) {
        n = block_length(&m->views[0], i, end);
        const void *x[3];
        for (int j = 0; j < inputs; j++)
            x[j] = south_block(&m->views[j], m->operands[j], i, n,
                m->kind == CHOOSE && j == 2 ? 1 : size, rooms[j]);
        char *y = m->y + i * (m->kind == COMPARE ? 1 : size);
        switch (m->kind) {
        case UNARY: SOUTH_PICK(unary)(m->operation, m->p, m->q, x[0], (float *)y, n); break;
        case BINARY: binary_block(m, x[0], x[1], y, n); break;
        case GATED: SOUTH_PICK(gated)(m->operation, m->p, x[0], x[1], (float *)y, n); break;
        case UNARY_GRADIENT:
            SOUTH_PICK(unary_gradient)(m->operation, m->p, m->q, x[0], x[1], (float *)y, n);
            break;
        case GATED_GRADIENT:
            SOUTH_PICK(gated_gradient)
            (m->operation, m->p, x[0], x[1], x[2], (float *)y, (float *)m->z + i, n);
            break;
        case COMPARE: compare_block(m, x[0], x[1], y, n); break;
        default: {
            const float *a = x[0], *b = x[1];
            const uint8_t *mask = x[2];
            for (ptrdiff_t j = 0; j < n; j++) ((float *)y)[j] = mask[j] ? a[j] : b[j];
        }
        }
    }
}

static void map(mapping *m, int rank, const ptrdiff_t *shape, const ptrdiff_t *const *strides) {
    for (int i = 0; i < 3 && strides[i]; i++) m->views[i] = south_view_of(rank, shape, strides[i]);
    m->count = south_view_count(&m->views[0]);
    south_parallel((size_t)south_ceil(m->count, SOUTH_PIECE), mapping_task, m);
}

void south_unary(int operation, float a, float b, int rank, const ptrdiff_t *shape,
    const float *x, const ptrdiff_t *x_strides, float *y) {
    mapping m = {.operation = operation, .kind = UNARY, .p = a, .q = b, .operands = {x},
        .y = (char *)y};
    map(&m, rank, shape, (const ptrdiff_t *const[3]){x_strides});
}

void south_binary(int operation, int type, int rank, const ptrdiff_t *shape, const void *a,
    const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, void *y) {
    mapping m = {.operation = operation, .type = type, .kind = BINARY, .operands = {a, b}, .y = y};
    map(&m, rank, shape, (const ptrdiff_t *const[3]){a_strides, b_strides});
}

void south_compare(int operation, int type, int rank, const ptrdiff_t *shape, const void *a,
    const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, uint8_t *y) {
    mapping m = {.operation = operation, .type = type, .kind = COMPARE, .operands = {a, b},
        .y = (char *)y};
    map(&m, rank, shape, (const ptrdiff_t *const[3]){a_strides, b_strides});
}

void south_choose(int rank, const ptrdiff_t *shape, const uint8_t *mask,
    const ptrdiff_t *mask_strides, const float *a, const ptrdiff_t *a_strides, const float *b,
    const ptrdiff_t *b_strides, float *y) {
    mapping m = {.kind = CHOOSE, .operands = {a, b, mask}, .y = (char *)y};
    map(&m, rank, shape, (const ptrdiff_t *const[3]){a_strides, b_strides, mask_strides});
}

void south_gated(int activation, float slope, int rank, const ptrdiff_t *shape,
    const float *value, const ptrdiff_t *value_strides, const float *gate,
    const ptrdiff_t *gate_strides, float *y) {
    mapping m = {.operation = activation, .kind = GATED, .p = slope, .operands = {value, gate},
        .y = (char *)y};
    map(&m, rank, shape, (const ptrdiff_t *const[3]){value_strides, gate_strides});
}

void south_unary_gradient(int operation, float a, float b, int rank, const ptrdiff_t *shape,
    const float *x, const ptrdiff_t *x_strides, const float *gradient,
    const ptrdiff_t *gradient_strides, float *y) {
    mapping m = {.operation = operation, .kind = UNARY_GRADIENT, .p = a, .q = b,
        .operands = {x, gradient}, .y = (char *)y};
    map(&m, rank, shape, (const ptrdiff_t *const[3]){x_strides, gradient_strides});
}

void south_gated_gradient(int activation, float slope, int rank, const ptrdiff_t *shape,
    const float *value, const ptrdiff_t *value_strides, const float *gate,
    const ptrdiff_t *gate_strides, const float *gradient, const ptrdiff_t *gradient_strides,
    float *to_value, float *to_gate) {
    mapping m = {.operation = activation, .kind = GATED_GRADIENT, .p = slope,
        .operands = {value, gate, gradient}, .y = (char *)to_value, .z = (char *)to_gate};
    map(&m, rank, shape,
        (const ptrdiff_t *const[3]){value_strides, gate_strides, gradient_strides});
}
