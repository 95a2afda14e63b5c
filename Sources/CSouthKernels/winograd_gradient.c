// Gradients of 3×3 filters by the transpose of Winograd's algorithm: a task takes some output and
// input channels and sums 36 products over its tiles, which stay in the second cache. Scratch
// memory of a thread: 0.3 MB of input, 0.3 MB of gradients, 0.6 MB of sums.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <stdlib.h>

#include "winograd.h"
#include "windows.h"

enum {
    /// Tiles at a time, and output and input channels of a task at most.
    GRADIENT_TILES = 32, GRADIENT_OUTPUTS = 64, GRADIENT_INPUTS = 64,
    /// Tasks that are wanted, and tiles that are worth a sum of their own.
    TASKS = 16, LEAST_TILES = 128,
};

#define SOUTH_BODY "winograd_gradient_body.h"
#include "versions.h"

typedef struct {
    const winograd *w;
    winograd_image gradient;
    ptrdiff_t inputs, tile_out, out_tiles, tile_in, in_tiles, parts, part, count;
    float *sums;
} weighing;

static void gradient_task(void *context, size_t index) {
    const weighing *g = context;
    const winograd *w = g->w;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t out = rest % g->out_tiles * g->tile_out;
    rest /= g->out_tiles;
    ptrdiff_t c = rest % g->in_tiles * g->tile_in;
    rest /= g->in_tiles;
    ptrdiff_t part = rest % g->parts, group = rest / g->parts;
    ptrdiff_t from = part * g->part;
    SOUTH_PICK(winograd_gradient_block)
    (w, &g->gradient, group, out, south_min(g->tile_out, w->outputs - out), c,
        south_min(g->tile_in, g->inputs - c), from, south_min(from + g->part, w->tiles),
        g->sums + part * g->count);
}

void south_winograd_weight_gradient(winograd *w, const float *gradient, float *dw) {
    winograd_count(w);
    ptrdiff_t plane = w->result[0] * w->result[1];
    weighing g = {
        .w = w, .sums = dw, .inputs = w->x.channels / w->groups,
        .gradient = {
            gradient, w->all_outputs, w->result[0], w->result[1],
            {w->all_outputs * w->depth * plane, w->depth * plane, plane, w->result[1], 1}},
    };
    g.count = w->all_outputs * g.inputs * 9;
    g.tile_out = south_part(w->outputs, GRADIENT_OUTPUTS, 4);
    g.out_tiles = south_ceil(w->outputs, g.tile_out);
    g.tile_in = south_part(g.inputs, GRADIENT_INPUTS, 16);
    g.in_tiles = south_ceil(g.inputs, g.tile_in);
    ptrdiff_t tasks = w->groups * g.out_tiles * g.in_tiles;
    ptrdiff_t parts = south_min(south_ceil(TASKS, tasks), w->tiles / LEAST_TILES);
    g.part = south_ceil(w->tiles, south_max(parts, 1));
    g.parts = south_ceil(w->tiles, g.part);
    if (g.parts > 1) {
        g.sums = malloc(sizeof(float) * (size_t)(g.parts * g.count));
        if (!g.sums) abort();
    }
    south_parallel((size_t)(tasks * g.parts), gradient_task, &g);
    if (g.parts == 1) return;
    south_sum_parts(g.sums, g.parts, g.count, dw);
    free(g.sums);
}
