// Convolutions 3×3 of stride 1 by Winograd's algorithm F(4×4, 3×3): 36 products in place of 144.
//
// A task takes a block of tiles and a part of the output channels. Its transformed input lies in
// scratch memory, channels innermost; filters are transformed panel by panel into a part of the
// second cache, multiplied with all tiles of the block, and forgotten: no transformed copy of the
// weights outlives its panel. Scratch memory of a thread: 12 MB of input (more above 6900
// channels), 0.3 MB of filters and 0.5 MB of products at most.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "winograd.h"

#define SOUTH_BODY "winograd_body.h"
#include "versions.h"

enum {
    /// Rows of the register tile that every version's divides.
    TILE_STEP = 12,
    /// Floats of transformed input that a thread holds at most.
    INPUT_ROOM = 3 << 20,
    /// Tasks that are wanted, and output channels that are worth a transform of the input.
    TASKS = 16, LEAST_PART = 128,
};

void winograd_count(winograd *w) {
    w->rows = south_ceil(w->result[0], WINOGRAD_OUT);
    w->columns = south_ceil(w->result[1], WINOGRAD_OUT);
    w->tiles = w->batch * w->depth * w->rows * w->columns;
}

void winograd_tiles(const winograd *w, ptrdiff_t start, ptrdiff_t count, winograd_tile *tiles) {
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t at = start + i;
        tiles[i].column = at % w->columns;
        at /= w->columns;
        tiles[i].row = at % w->rows;
        at /= w->rows;
        tiles[i].depth = at % w->depth;
        tiles[i].batch = at / w->depth;
    }
}

static void winograd_task(void *context, size_t index) {
    const winograd *w = context;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t first = rest % w->parts * w->part;
    rest /= w->parts;
    ptrdiff_t start = rest % w->blocks * w->block, group = rest / w->blocks;
    ptrdiff_t count = south_min(w->block, w->tiles - start);
    winograd_tile tiles[WINOGRAD_TILES];
    winograd_tiles(w, start, count, tiles);
    ptrdiff_t rows = south_ceil(count, TILE_STEP) * TILE_STEP;
    ptrdiff_t channel_blocks = south_ceil(w->x.channels / w->groups, WINOGRAD_CHANNELS);
    size_t part = sizeof(float) * WINOGRAD_PRODUCTS;
    float *v = south_scratch(
        0, part * (size_t)(channel_blocks * (rows * WINOGRAD_CHANNELS + WINOGRAD_SPREAD)));
    float *u = south_scratch(
        1, part * (WINOGRAD_PANEL * WINOGRAD_CHANNELS + WINOGRAD_SPREAD));
    float *m = south_scratch(2, part * (size_t)(rows * WINOGRAD_PANEL + WINOGRAD_SPREAD));
    SOUTH_PICK(winograd_block)
    (w, group, tiles, count, first, south_min(w->part, w->outputs - first), v, u, m);
}

void south_winograd(winograd *w) {
    winograd_count(w);
    if (w->tiles == 0) return;
    ptrdiff_t channels = south_ceil(w->x.channels / w->groups, WINOGRAD_CHANNELS) * WINOGRAD_CHANNELS;
    ptrdiff_t fitting = INPUT_ROOM / (WINOGRAD_PRODUCTS * channels) / TILE_STEP * TILE_STEP;
    w->block = south_part(
        w->tiles, south_min(WINOGRAD_TILES, south_max(fitting, TILE_STEP)), TILE_STEP);
    w->blocks = south_ceil(w->tiles, w->block);
    ptrdiff_t wanted = south_ceil(TASKS, w->blocks * w->groups);
    wanted = south_max(south_min(wanted, w->outputs / LEAST_PART), 1);
    w->part = south_ceil(south_ceil(w->outputs, wanted), WINOGRAD_PANEL) * WINOGRAD_PANEL;
    w->parts = south_ceil(w->outputs, w->part);
    south_parallel((size_t)(w->groups * w->blocks * w->parts), winograd_task, w);
}
