// The transforms of Winograd's F(4×4, 3×3), and how tiles are read, one version. Included by
// bodies that `versions.h` compiles several times: there is no include guard.
//
// The polynomials are evaluated at 0, ±√½, ±√2 and ∞, which keeps the numbers of all transforms
// near one: the error is half of that with 0, ±1, ±2, ∞. Lavin and Gray 2016, arXiv:1509.09308,
// for the method.
#include "register_tile.h"

/// Pixels of a strip: 16 tiles, their halo, and the rest of the last vector.
#define STRIP 80
#define STRIP_TILES 16
#define ROOT 1.41421356f

/// Bᵀ d: six input values in place.
SOUTH_INLINE void V(transform_input)(vf *d, ptrdiff_t stride) {
    vf d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride], d4 = d[4 * stride];
    vf d5 = d[5 * stride];
    vf even = d4 - 2.0f * d2, odd = d3 - 2.0f * d1;
    vf even2 = d4 - 0.5f * d2, odd2 = d3 - 0.5f * d1;
    d[0] = (d0 + d4) - 2.5f * d2;
    d[stride] = even + (0.5f * ROOT) * odd;
    d[2 * stride] = even - (0.5f * ROOT) * odd;
    d[3 * stride] = even2 + ROOT * odd2;
    d[4 * stride] = even2 - ROOT * odd2;
    d[5 * stride] = (d1 + d5) - 2.5f * d3;
}

/// `rows` rows of pixels of LANES channels from `first`, channels innermost: `strip [rows][STRIP]`.
/// `count` columns from `column` of the plane at `x`; zeros outside the image.
static void V(winograd_strip)(const winograd_image *image, const float *x, ptrdiff_t first,
    ptrdiff_t row, ptrdiff_t rows, ptrdiff_t column, ptrdiff_t count, vf *strip) {
    const ptrdiff_t *xs = image->strides;
    for (ptrdiff_t r = 0; r < rows; r++) {
        vf *line = strip + r * STRIP;
        if (row + r < 0 || row + r >= image->height) {
            for (ptrdiff_t i = 0; i < count; i++) line[i] = (vf){0};
            continue;
        }
        const float *base = x + (row + r) * xs[3];
        for (ptrdiff_t i = 0; i < count; i += LANES) {
            ptrdiff_t start = column + i;
            ptrdiff_t low = south_min(south_max(-start, 0), LANES);
            ptrdiff_t high = south_max(south_min(image->width - start, LANES), low);
            vf square[LANES];
#pragma clang loop unroll(full)
            for (ptrdiff_t j = 0; j < LANES; j++) {
                const float *channel = base + south_min(first + j, image->channels - 1) * xs[1];
                square[j] = V(load_some)(channel + start * xs[4], xs[4], low, high);
            }
            V(transpose)(square);
#pragma clang loop unroll(full)
            for (ptrdiff_t j = 0; j < LANES; j++) line[i + j] = square[j];
        }
    }
}

/// The input of `count` tiles, `channels` channels from `first`: element (product, tile, channel)
/// at `channel / width · part + product · v_part + tile · width + channel % width`.
static void V(winograd_input)(const winograd *w, ptrdiff_t first, ptrdiff_t channels,
    const winograd_tile *tiles, ptrdiff_t count, ptrdiff_t width, ptrdiff_t part, ptrdiff_t v_part,
    float *v) {
    const winograd_image *image = &w->x;
    vf strip[WINOGRAD_IN * STRIP];
    for (ptrdiff_t c = 0; c < channels; c += LANES) {
        float *block = v + c / width * part + c % width;
        for (ptrdiff_t t = 0, n; t < count; t += n) {
            // Tiles side by side.
            const winograd_tile *tile = tiles + t;
            n = south_min(south_min(w->columns - tile->column, count - t), STRIP_TILES);
            ptrdiff_t columns = n * WINOGRAD_OUT + 2;
            V(winograd_strip)
            (image,
                image->data + tile->batch * image->strides[0] + tile->depth * image->strides[2],
                first + c, tile->row * WINOGRAD_OUT - w->before[0], WINOGRAD_IN,
                tile->column * WINOGRAD_OUT - w->before[1], columns, strip);
            for (ptrdiff_t i = 0; i < columns; i++) V(transform_input)(strip + i, STRIP);
            for (ptrdiff_t i = 0; i < n; i++) {
                float *place = block + (t + i) * width;
                for (int r = 0; r < WINOGRAD_IN; r++) {
                    vf d[WINOGRAD_IN];
#pragma clang loop unroll(full)
                    for (int s = 0; s < WINOGRAD_IN; s++)
                        d[s] = strip[r * STRIP + i * WINOGRAD_OUT + s];
                    V(transform_input)(d, 1);
#pragma clang loop unroll(full)
                    for (int s = 0; s < WINOGRAD_IN; s++)
                        V(store)(place + (r * WINOGRAD_IN + s) * v_part, d[s]);
                }
            }
        }
    }
}
