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
    /// Output channels and positions of a tile at most and, where there is little work, at least.
    TILE_OUT = 384, TILE_AT = 1024, LEAST_OUT = 96, LEAST_AT = 128,
    /// Output channels at least where patches are gathered one element at a time.
    GATHERED_OUT = 288,
    /// Output channels of a single input channel that are not worth a product.
    SEPARATE_OUT = 4,
    /// Tasks that are wanted. Fewer will do where more would pack the same weights again.
    TASKS = 16, FEW_TASKS = 8,
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
    if (w->inputs == 1 && w->outputs <= SEPARATE_OUT) {
        windows_depthwise(w);
        return;
    }
    ptrdiff_t hop = w->axes[2].step * w->axes[2].x_stride;
    ptrdiff_t least = hop == 1 || hop == 2 ? LEAST_OUT : GATHERED_OUT;
    for (ptrdiff_t most = TILE_OUT, at = TILE_AT;;) {
        w->tile_out = south_part(w->outputs, most, 12);
        w->out_tiles = south_ceil(w->outputs, w->tile_out);
        w->tile_at = south_part(w->positions, at, 32);
        w->at_tiles = south_ceil(w->positions, w->tile_at);
        ptrdiff_t tasks = w->groups * w->out_tiles * w->at_tiles;
        if (tasks < TASKS && w->tile_out > least)
            most = south_max(w->tile_out / 2, least);
        else if (tasks < FEW_TASKS && w->tile_at > LEAST_AT)
            at = south_max(w->tile_at / 2, LEAST_AT);
        else
            break;
    }
    south_parallel((size_t)(w->groups * w->out_tiles * w->at_tiles), product_task, w);
}
