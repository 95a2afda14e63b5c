// Resampling of one axis: each result is a short weighted sum of neighbours. Nearest resizing
// takes three axes at once.
#include "internal.h"

#define SOUTH_BODY "resizing_body.h"
#include "versions.h"

typedef struct {
    ptrdiff_t n, inner, size, taps, x_strides[2], parts, pieces;
    const float *x, *weights;
    const int32_t *starts;
    float *y;
} resampling;

static void resample_task(void *context, size_t index) {
    const resampling *r = context;
    ptrdiff_t first = (ptrdiff_t)index % r->pieces * r->parts;
    ptrdiff_t outer = (ptrdiff_t)index / r->pieces, end = south_min(first + r->parts, r->size);
    const float *x = r->x + outer * r->x_strides[0];
    float *y = r->y + outer * r->size * r->inner;
    for (ptrdiff_t i = first; i < end; i++) {
        const float *from = x + r->starts[i] * r->x_strides[1], *w = r->weights + i * r->taps;
        // Taps may reach over the end, where their weights are zero.
        ptrdiff_t taps = south_min(r->taps, r->n - r->starts[i]);
        SOUTH_PICK(weighted_rows)(taps, r->inner, w, from, r->x_strides[1], y + i * r->inner);
    }
}

/// Rows of single elements: all results of a row together.
static void resample_line_task(void *context, size_t index) {
    const resampling *r = context;
    ptrdiff_t first = (ptrdiff_t)index * r->parts;
    ptrdiff_t end = south_min(first + r->parts, r->pieces);
    for (ptrdiff_t row = first; row < end; row++)
        SOUTH_PICK(weighted_line)
        (r->taps, r->n, r->size, r->weights, r->starts, r->x + row * r->x_strides[0],
            r->x_strides[1], r->y + row * r->size);
}

void south_resample(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const float *x,
    const ptrdiff_t *x_strides, ptrdiff_t size, ptrdiff_t taps, const int32_t *starts,
    const float *weights, float *y) {
    resampling r = {
        .n = n, .inner = inner, .size = size, .taps = taps,
        .x_strides = {x_strides[0], x_strides[1]}, .x = x, .weights = weights,
        .starts = starts, .y = y,
    };
    if (outer * size * inner == 0) return;
    if (inner == 1) {
        r.parts = south_max(SOUTH_PIECE / size, 1);
        r.pieces = outer;
        south_parallel((size_t)south_ceil(outer, r.parts), resample_line_task, &r);
        return;
    }
    r.parts = south_max(SOUTH_PIECE / inner, 1);
    r.pieces = south_ceil(size, r.parts);
    south_parallel((size_t)(outer * r.pieces), resample_task, &r);
}

// MARK: Nearest

typedef struct {
    const float *x;
    ptrdiff_t row_stride;
    const ptrdiff_t *spatial, *strides, *sizes;
    float *y;
} resizing;

static void resize_task(void *context, size_t row) {
    const resizing *r = context;
    const float *x = r->x + (ptrdiff_t)row * r->row_stride;
    const ptrdiff_t *n = r->spatial, *s = r->strides, *to = r->sizes;
    float *y = r->y + (ptrdiff_t)row * to[0] * to[1] * to[2];
    for (ptrdiff_t a = 0; a < to[0]; a++)
        for (ptrdiff_t b = 0; b < to[1]; b++) {
            const float *line = x + a * n[0] / to[0] * s[0] + b * n[1] / to[1] * s[1];
            for (ptrdiff_t c = 0; c < to[2]; c++) *y++ = line[c * n[2] / to[2] * s[2]];
        }
}

void south_resize_nearest(ptrdiff_t rows, const float *x, ptrdiff_t row_stride,
    const ptrdiff_t *spatial, const ptrdiff_t *strides, const ptrdiff_t *sizes, float *y) {
    resizing r = {x, row_stride, spatial, strides, sizes, y};
    south_parallel((size_t)rows, resize_task, &r);
}
