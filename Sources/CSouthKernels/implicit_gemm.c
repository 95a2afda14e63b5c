// Convolutions as products whose right operand is packed from the image, panel by panel: each
// task takes a tile of output channels and positions, its weights in the second cache and one
// panel of patches in the first.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "windows.h"

#define SOUTH_BODY "implicit_gemm_body.h"
#include "versions.h"

enum {
    /// Output channels and positions of a tile at most, and positions at least.
    TILE_OUT = 384, TILE_AT = 1024, LEAST_AT = 128,
    /// Tasks that are wanted.
    TASKS = 16,
};

static void product_task(void *context, size_t index) {
    const windows *w = context;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t out = rest % w->out_tiles * w->tile_out;
    rest /= w->out_tiles;
    ptrdiff_t at = rest % w->at_tiles * w->tile_at, group = rest / w->at_tiles;
    SOUTH_PICK(product_block)
    (w, group, out, south_min(w->tile_out, w->outputs - out), at,
        south_min(w->tile_at, w->positions - at));
}

void windows_product(windows *w) {
    if (w->positions * w->outputs == 0) return;
    ptrdiff_t most = TILE_AT;
    w->tile_out = south_part(w->outputs, TILE_OUT, 12);
    w->out_tiles = south_ceil(w->outputs, w->tile_out);
    while (most > LEAST_AT && w->groups * w->out_tiles * south_ceil(w->positions, most) < TASKS)
        most /= 2;
    w->tile_at = south_part(w->positions, most, 32);
    w->at_tiles = south_ceil(w->positions, w->tile_at);
    while (w->tile_out > 96 && w->groups * w->out_tiles * w->at_tiles < TASKS) {
        w->tile_out = south_part(w->outputs, w->tile_out / 2, 12);
        w->out_tiles = south_ceil(w->outputs, w->tile_out);
    }
    south_parallel((size_t)(w->groups * w->out_tiles * w->at_tiles), product_task, w);
}
