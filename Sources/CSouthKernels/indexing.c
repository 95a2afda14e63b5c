// Elements picked, written and added by index. Every element of a result belongs to one piece of
// work, which takes what is added to it in order: sums do not depend on the threads.
#include "internal.h"

#define SOUTH_BODY "indexing_body.h"
#include "versions.h"

ptrdiff_t south_first_outside(ptrdiff_t count, const int32_t *ids, ptrdiff_t bound) {
    uint32_t limit = (uint32_t)south_min(bound, INT32_MAX);
    for (ptrdiff_t i = 0; i < count; i += SOUTH_BLOCK) {
        ptrdiff_t end = south_min(i + SOUTH_BLOCK, count);
        uint32_t greatest = 0;
        for (ptrdiff_t j = i; j < end; j++)
            greatest = (uint32_t)ids[j] > greatest ? (uint32_t)ids[j] : greatest;
        if (greatest < limit) continue;
        for (ptrdiff_t j = i; j < end; j++)
            if ((uint32_t)ids[j] >= limit) return j;
    }
    return -1;
}

// MARK: Whole slices of one axis

/// Elements of a slice that one piece of work adds to.
enum { STRIPE = 1024 };

typedef struct {
    ptrdiff_t count, inner, n, parts, pieces, x_strides[2];
    const char *x;
    const int32_t *ids;
    int size;
    char *y;
} slices;

#define SOUTH_PICK_RUN(type)                                                                      \
    for (ptrdiff_t j = first; j < end; j++) ((type *)y)[j] = ((const type *)x)[s->ids[j] * step];

static void select_task(void *context, size_t index) {
    const slices *s = context;
    ptrdiff_t first = (ptrdiff_t)index % s->pieces * s->parts;
    ptrdiff_t outer = (ptrdiff_t)index / s->pieces, end = south_min(first + s->parts, s->count);
    const char *x = s->x + outer * s->x_strides[0] * s->size;
    char *y = s->y + outer * s->count * s->inner * s->size;
    ptrdiff_t step = s->x_strides[1];
    if (s->inner == 1) {
        switch (s->size) {
        case 1: SOUTH_PICK_RUN(uint8_t) break;
        case 2: SOUTH_PICK_RUN(uint16_t) break;
        case 4: SOUTH_PICK_RUN(uint32_t) break;
        default: SOUTH_PICK_RUN(uint64_t)
        }
        return;
    }
    size_t bytes = (size_t)(s->inner * s->size);
    for (ptrdiff_t j = first; j < end; j++)
        memcpy(y + (size_t)j * bytes, x + s->ids[j] * step * s->size, bytes);
}

void south_select(ptrdiff_t outer, ptrdiff_t inner, const void *x, const ptrdiff_t *x_strides,
    const int32_t *ids, ptrdiff_t count, int size, void *y) {
    slices s = {
        .count = count, .inner = inner, .x_strides = {x_strides[0], x_strides[1]}, .x = x,
        .ids = ids, .size = size, .y = y,
    };
    if (outer * count * inner == 0) return;
    s.parts = south_max(SOUTH_PIECE / inner, 1);
    s.pieces = south_ceil(count, s.parts);
    south_parallel((size_t)(outer * s.pieces), select_task, &s);
}

static void add_selected_task(void *context, size_t index) {
    const slices *s = context;
    ptrdiff_t first = (ptrdiff_t)index % s->pieces * s->parts;
    ptrdiff_t outer = (ptrdiff_t)index / s->pieces, width = south_min(s->parts, s->inner - first);
    const float *x = (const float *)s->x + outer * s->x_strides[0] + first;
    float *y = (float *)s->y + outer * s->n * s->inner + first;
    for (ptrdiff_t j = 0; j < s->count; j++)
        SOUTH_PICK(add_run)(x + j * s->x_strides[1], y + s->ids[j] * s->inner, width);
}

void south_add_selected(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const float *x,
    const ptrdiff_t *x_strides, const int32_t *ids, ptrdiff_t count, float *y) {
    slices s = {
        .count = count, .inner = inner, .n = n, .x_strides = {x_strides[0], x_strides[1]},
        .x = (const char *)x, .ids = ids, .y = (char *)y,
    };
    if (outer * count * inner == 0) return;
    s.parts = south_part(inner, STRIPE, 16);
    s.pieces = south_ceil(inner, s.parts);
    south_parallel((size_t)(outer * s.pieces), add_selected_task, &s);
}

// MARK: Single elements along one axis

typedef struct {
    /// The axes but the one of the indices: neighbouring lines along the last of them.
    south_view lines;
    ptrdiff_t x_lines[SOUTH_MAX_AXES], y_lines[SOUTH_MAX_AXES];
    ptrdiff_t length, x_step, id_step, y_step;
    ptrdiff_t count, lines_per_task;
    const char *x;
    const int32_t *ids;
    char *y;
    int size, mode;
} picking;

enum { GATHER, WRITE, ADD };

/// Two nested loops over some lines and their elements, and the steps of each: the loop with the
/// closer indices is the inner one.
typedef struct {
    ptrdiff_t count[2], ids[2], x[2], y[2];
    /// What an index counts, in the operand that it points into.
    ptrdiff_t far;
} loops;

#define SOUTH_PICK_LOOPS(statement)                                                               \
    for (ptrdiff_t a = 0; a < l->count[0]; a++)                                                   \
        for (ptrdiff_t b = 0; b < l->count[1]; b++) {                                             \
            ptrdiff_t place = ids[a * l->ids[0] + b * l->ids[1]] * l->far;                        \
            ptrdiff_t from = a * l->x[0] + b * l->x[1], to = a * l->y[0] + b * l->y[1];           \
            statement;                                                                            \
        }
#define SOUTH_GATHER(type) SOUTH_PICK_LOOPS(((type *)y)[to] = ((const type *)x)[from + place])
#define SOUTH_WRITE(type) SOUTH_PICK_LOOPS(((type *)y)[to + place] = ((const type *)x)[from])
#define SOUTH_BY_SIZE(size, loop)                                                                 \
    switch (size) {                                                                               \
    case 1: loop(uint8_t) break;                                                                  \
    case 2: loop(uint16_t) break;                                                                 \
    case 4: loop(uint32_t) break;                                                                 \
    default: loop(uint64_t)                                                                       \
    }

static void pick_loops(const loops *l, int mode, int size, const void *x, const int32_t *ids,
    void *y) {
    if (mode == GATHER) {
        SOUTH_BY_SIZE(size, SOUTH_GATHER)
    } else if (mode == WRITE) {
        SOUTH_BY_SIZE(size, SOUTH_WRITE)
    } else {
        SOUTH_PICK_LOOPS(((float *)y)[to + place] += ((const float *)x)[from])
    }
}

static void pick_task(void *context, size_t index) {
    const picking *p = context;
    ptrdiff_t line = (ptrdiff_t)index * p->lines_per_task;
    ptrdiff_t end = south_min(line + p->lines_per_task, p->count);
    int last = p->lines.rank - 1;
    while (line < end) {
        ptrdiff_t rest = line, x_at = 0, id_at = 0, y_at = 0, neighbours = 1;
        for (int axis = last; axis >= 0; axis--) {
            ptrdiff_t place = rest % p->lines.shape[axis];
            rest /= p->lines.shape[axis];
            if (axis == last) neighbours = south_min(p->lines.shape[axis] - place, end - line);
            id_at += place * p->lines.strides[axis];
            x_at += place * p->x_lines[axis];
            y_at += place * p->y_lines[axis];
        }
        ptrdiff_t id_line = last < 0 ? 0 : p->lines.strides[last];
        int inner = id_line < p->id_step;  // which loop the lines are
        loops l = {.far = p->mode == GATHER ? p->x_step : p->y_step};
        l.count[inner] = neighbours;
        l.ids[inner] = id_line;
        l.x[inner] = last < 0 ? 0 : p->x_lines[last];
        l.y[inner] = last < 0 ? 0 : p->y_lines[last];
        l.count[!inner] = p->length;
        l.ids[!inner] = p->id_step;
        l.x[!inner] = p->mode == GATHER ? 0 : p->x_step;
        l.y[!inner] = p->mode == GATHER ? p->y_step : 0;
        pick_loops(&l, p->mode, p->size, p->x + x_at * p->size, p->ids + id_at,
            p->y + y_at * p->size);
        line += neighbours;
    }
}

static void pick(int rank, int axis, const ptrdiff_t *shape, const void *x,
    const ptrdiff_t *x_strides, const int32_t *ids, const ptrdiff_t *id_strides, int size,
    int mode, void *y, const ptrdiff_t *y_strides) {
    picking p = {
        .length = shape[axis], .x_step = x_strides[axis], .id_step = id_strides[axis],
        .y_step = y_strides[axis], .count = 1, .x = x, .ids = ids, .y = y, .size = size,
        .mode = mode,
    };
    for (int i = 0; i < rank; i++) {
        if (i == axis) continue;
        int last = p.lines.rank++;
        p.lines.shape[last] = shape[i];
        p.lines.strides[last] = id_strides[i];
        p.x_lines[last] = x_strides[i];
        p.y_lines[last] = y_strides[i];
        p.count *= shape[i];
    }
    if (p.count * p.length == 0) return;
    p.lines_per_task = south_max(SOUTH_PIECE / p.length, 1);
    south_parallel((size_t)south_ceil(p.count, p.lines_per_task), pick_task, &p);
}

void south_gather(int rank, int axis, const ptrdiff_t *shape, const void *x,
    const ptrdiff_t *x_strides, const int32_t *ids, const ptrdiff_t *id_strides, int size,
    void *y, const ptrdiff_t *y_strides) {
    pick(rank, axis, shape, x, x_strides, ids, id_strides, size, GATHER, y, y_strides);
}

void south_scatter(int rank, int axis, const ptrdiff_t *shape, const void *x,
    const ptrdiff_t *x_strides, const int32_t *ids, const ptrdiff_t *id_strides, int size,
    int adds, void *y, const ptrdiff_t *y_strides) {
    pick(rank, axis, shape, x, x_strides, ids, id_strides, size, adds ? ADD : WRITE, y, y_strides);
}
