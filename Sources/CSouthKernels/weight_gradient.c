// Gradients of a convolution's weights: products of the result's gradient, turned so that output
// channels are innermost, with patches of the image, some positions at a time. Each task takes
// some input and output channels and adds up its positions in order.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <stdlib.h>

#include "windows.h"

enum {
    /// Positions at a time, and the length of a row of patches, off the cache's period.
    WEIGHT_POSITIONS = 192, WEIGHT_ROW = WEIGHT_POSITIONS + 16,
    /// Rows of patches and output channels of a task at most.
    WEIGHT_PATCHES = 192, WEIGHT_OUTPUTS = 128,
    /// Tasks that are wanted, and positions that are worth a sum of their own.
    TASKS = 16, LEAST_POSITIONS = 4096,
};

#define SOUTH_BODY "weight_gradient_body.h"
#include "versions.h"

typedef struct {
    windows *w;
    const float *gradient;
    float *sums;
    ptrdiff_t parts, part, count;
} weighing;

static void weight_task(void *context, size_t index) {
    const weighing *g = context;
    const windows *w = g->w;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t out = rest % w->out_tiles * w->tile_out;
    rest /= w->out_tiles;
    ptrdiff_t c = rest % w->in_tiles * w->tile_in;
    rest /= w->in_tiles;
    ptrdiff_t part = rest % g->parts, group = rest / g->parts;
    ptrdiff_t from = south_min(part * g->part, w->positions);
    SOUTH_PICK(weight_gradient_block)
    (w, g->gradient, group, c, south_min(w->tile_in, w->inputs - c), out,
        south_min(w->tile_out, w->outputs - out), from, south_min(from + g->part, w->positions),
        g->sums + part * g->count);
}

typedef struct {
    const float *sums;
    ptrdiff_t parts, count;
    float *dw;
} summing;

static void sum_task(void *context, size_t index) {
    const summing *s = context;
    ptrdiff_t end = south_min((ptrdiff_t)(index + 1) * SOUTH_PIECE, s->count);
    for (ptrdiff_t i = (ptrdiff_t)index * SOUTH_PIECE; i < end; i++) {
        float sum = s->sums[i];
        for (ptrdiff_t part = 1; part < s->parts; part++) sum += s->sums[part * s->count + i];
        s->dw[i] = sum;
    }
}

void south_sum_parts(const float *sums, ptrdiff_t parts, ptrdiff_t count, float *dw) {
    summing s = {sums, parts, count, dw};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), sum_task, &s);
}

void windows_weight_gradient(windows *w, const float *gradient, float *dw) {
    weighing g = {.w = w, .gradient = gradient, .sums = dw, .parts = 1};
    g.count = w->groups * w->outputs * w->inputs * w->taps;
    if (g.count == 0) return;
    w->tile_out = south_part(w->outputs, WEIGHT_OUTPUTS, 32);
    w->out_tiles = south_ceil(w->outputs, w->tile_out);
    w->tile_in = south_part(w->inputs, south_max(WEIGHT_PATCHES / w->taps, 1), 1);
    w->in_tiles = south_ceil(w->inputs, w->tile_in);
    ptrdiff_t tasks = w->groups * w->out_tiles * w->in_tiles;
    g.parts = south_min(south_ceil(TASKS, tasks), w->positions / LEAST_POSITIONS);
    g.parts = south_max(g.parts, 1);
    g.part = south_ceil(w->positions, g.parts);
    if (g.parts > 1) {
        g.sums = malloc(sizeof(float) * (size_t)(g.parts * g.count));
        if (!g.sums) abort();
    }
    south_parallel((size_t)(tasks * g.parts), weight_task, &g);
    if (g.parts == 1) return;
    south_sum_parts(g.sums, g.parts, g.count, dw);
    free(g.sums);
}
