// Views with any strides: blocks of their elements in row-major order, copies, fills.
#include "internal.h"

#define SOUTH_BODY "turn_body.h"
#include "versions.h"

south_view south_view_of(int rank, const ptrdiff_t *shape, const ptrdiff_t *strides) {
    south_view view = {.rank = rank};
    for (int i = 0; i < rank; i++) {
        view.shape[i] = shape[i];
        view.strides[i] = strides[i];
    }
    return view;
}

ptrdiff_t south_view_count(const south_view *view) {
    ptrdiff_t count = 1;
    for (int i = 0; i < view->rank; i++) count *= view->shape[i];
    return count;
}

// MARK: Runs along one axis, by element size

#define SOUTH_RUNS(type)                                                                          \
    static void run_##type(const type *source, ptrdiff_t source_stride, type *target,             \
        ptrdiff_t target_stride, ptrdiff_t count) {                                               \
        if (target_stride == 1 && source_stride == 0) {                                           \
            type value = source[0];                                                               \
            for (ptrdiff_t i = 0; i < count; i++) target[i] = value;                              \
        } else if (target_stride == 1) {                                                          \
            for (ptrdiff_t i = 0; i < count; i++) target[i] = source[i * source_stride];          \
        } else {                                                                                  \
            for (ptrdiff_t i = 0; i < count; i++)                                                 \
                target[i * target_stride] = source[i * source_stride];                            \
        }                                                                                         \
    }
SOUTH_RUNS(uint8_t)
SOUTH_RUNS(uint16_t)
SOUTH_RUNS(uint32_t)
SOUTH_RUNS(uint64_t)

/// `count` elements of `size` bytes from one run to another.
static void run(const void *source, ptrdiff_t source_stride, void *target,
    ptrdiff_t target_stride, ptrdiff_t count, int size) {
    if (count == 0) return;
    if (source_stride == 1 && target_stride == 1) {
        memcpy(target, source, (size_t)(count * size));
        return;
    }
    switch (size) {
    case 1: run_uint8_t(source, source_stride, target, target_stride, count); break;
    case 2: run_uint16_t(source, source_stride, target, target_stride, count); break;
    case 4: run_uint32_t(source, source_stride, target, target_stride, count); break;
    default: run_uint64_t(source, source_stride, target, target_stride, count); break;
    }
}

const void *south_block(const south_view *view, const void *base, ptrdiff_t start,
    ptrdiff_t count, int size, void *room) {
    if (view->rank == 0) return base;
    int last = view->rank - 1;
    ptrdiff_t index[SOUTH_MAX_AXES];
    ptrdiff_t rest = start, offset = 0;
    for (int axis = last; axis >= 0; axis--) {
        index[axis] = rest % view->shape[axis];
        rest /= view->shape[axis];
        offset += index[axis] * view->strides[axis];
    }
    ptrdiff_t length = view->shape[last], stride = view->strides[last];
    const char *bytes = base;
    if (stride == 1 && index[last] + count <= length) return bytes + offset * size;
    char *target = room;
    while (count > 0) {
        ptrdiff_t taken = south_min(length - index[last], count);
        run(bytes + offset * size, stride, target, 1, taken, size);
        target += taken * size;
        count -= taken;
        offset -= index[last] * stride;
        index[last] = 0;
        for (int axis = last - 1; axis >= 0; axis--) {
            offset += view->strides[axis];
            if (++index[axis] < view->shape[axis]) break;
            offset -= view->shape[axis] * view->strides[axis];
            index[axis] = 0;
        }
    }
    return room;
}

// MARK: Copies

typedef struct {
    south_view source, target;
    const char *from;
    char *to;
    int size;
    /// The two axes that a piece spans, their lengths and the piece's part of each.
    ptrdiff_t lengths[2], parts[2], from_strides[2], to_strides[2];
    ptrdiff_t pieces[2];
} copying;

/// One piece `a × b`; where both sides are adjacent along different axes, in square tiles so that
/// each line of memory is used whole.
static void copy_piece(const copying *c, const char *from, char *to, ptrdiff_t a, ptrdiff_t b) {
    enum { TILE = 16 };
    ptrdiff_t fa = c->from_strides[0], fb = c->from_strides[1];
    ptrdiff_t ta = c->to_strides[0], tb = c->to_strides[1];
    int size = c->size;
    if (fb == 1 || fb == 0 || fa > fb) {
        for (ptrdiff_t i = 0; i < a; i++)
            run(from + i * fa * size, fb, to + i * ta * size, tb, b, size);
        return;
    }
    if (size == 4 && fa == 1 && tb == 1) {
        SOUTH_PICK(turn)((const float *)from, fb, (float *)to, ta, a, b);
        return;
    }
    for (ptrdiff_t i = 0; i < a; i += TILE)
        for (ptrdiff_t j = 0; j < b; j += TILE) {
            ptrdiff_t width = south_min(TILE, b - j), end = south_min(i + TILE, a);
            for (ptrdiff_t row = i; row < end; row++)
                run(from + (row * fa + j * fb) * size, fb, to + (row * ta + j * tb) * size, tb,
                    width, size);
        }
}

static void copy_task(void *context, size_t index) {
    const copying *c = context;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t j = rest % c->pieces[1] * c->parts[1];
    rest /= c->pieces[1];
    ptrdiff_t i = rest % c->pieces[0] * c->parts[0];
    rest /= c->pieces[0];
    ptrdiff_t from = i * c->from_strides[0] + j * c->from_strides[1];
    ptrdiff_t to = i * c->to_strides[0] + j * c->to_strides[1];
    for (int axis = c->source.rank - 1; axis >= 0; axis--) {
        ptrdiff_t place = rest % c->source.shape[axis];
        rest /= c->source.shape[axis];
        from += place * c->source.strides[axis];
        to += place * c->target.strides[axis];
    }
    copy_piece(c, c->from + from * c->size, c->to + to * c->size,
        south_min(c->parts[0], c->lengths[0] - i), south_min(c->parts[1], c->lengths[1] - j));
}

/// Moves an axis out of both views to one of the two that a piece spans.
static void take_axis(copying *c, int axis, int place) {
    c->lengths[place] = c->source.shape[axis];
    c->from_strides[place] = c->source.strides[axis];
    c->to_strides[place] = c->target.strides[axis];
    for (int i = axis; i + 1 < c->source.rank; i++) {
        c->source.shape[i] = c->source.shape[i + 1];
        c->source.strides[i] = c->source.strides[i + 1];
        c->target.strides[i] = c->target.strides[i + 1];
    }
    c->source.rank--;
}

void south_copy(int rank, const ptrdiff_t *shape, const void *source,
    const ptrdiff_t *source_strides, void *target, const ptrdiff_t *target_strides, int size) {
    copying c = {
        .source = south_view_of(rank, shape, source_strides),
        .target = south_view_of(rank, shape, target_strides),
        .from = source, .to = target, .size = size,
        .lengths = {1, 1},
    };
    if (south_view_count(&c.source) == 0) return;
    if (c.source.rank > 0) take_axis(&c, c.source.rank - 1, 1);
    if (c.source.rank > 0) {
        // The axis along which the source is adjacent, or the next one.
        int other = c.source.rank - 1;
        for (int axis = 0; axis < c.source.rank; axis++)
            if (c.source.strides[axis] == 1 && c.source.shape[axis] > 1) other = axis;
        take_axis(&c, other, 0);
    }
    c.parts[1] = south_min(c.lengths[1], 4 * SOUTH_PIECE);
    c.parts[0] = south_min(c.lengths[0], south_max(SOUTH_PIECE / c.parts[1] / 16 * 16, 16));
    size_t outer = (size_t)south_view_count(&c.source);
    for (int i = 0; i < 2; i++) c.pieces[i] = south_ceil(c.lengths[i], c.parts[i]);
    south_parallel(outer * (size_t)(c.pieces[0] * c.pieces[1]), copy_task, &c);
}

typedef struct {
    char *target;
    ptrdiff_t count;
    const void *value;
    int size;
} filling;

static void fill_task(void *context, size_t index) {
    const filling *f = context;
    ptrdiff_t start = (ptrdiff_t)index * SOUTH_PIECE;
    run(f->value, 0, f->target + start * f->size, 1, south_min(SOUTH_PIECE, f->count - start),
        f->size);
}

void south_fill(void *target, ptrdiff_t count, const void *value, int size) {
    filling f = {target, count, value, size};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), fill_task, &f);
}
