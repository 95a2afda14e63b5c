// The gradient of the weights by the transpose of Winograd's F(4×4, 3×3), one version:
// `Gᵀ [Σ (A dy Aᵀ) ⊙ (Bᵀ d B)] G` over the tiles.
#include "winograd_transforms.h"

/// A y: four gradients of results to six values.
SOUTH_INLINE void V(transform_result)(vf y0, vf y1, vf y2, vf y3, vf *z) {
    vf even = y0 + 0.5f * y2, odd = (0.5f * ROOT) * y1 + (0.25f * ROOT) * y3;
    vf even2 = y0 + 2.0f * y2, odd2 = ROOT * y1 + (2 * ROOT) * y3;
    z[0] = y0;
    z[1] = even + odd;
    z[2] = even - odd;
    z[3] = even2 + odd2;
    z[4] = even2 - odd2;
    z[5] = y3;
}

/// Gᵀ u: six values to three taps.
SOUTH_INLINE void V(transform_sums)(const vf *u, vf *g) {
    const float third = 1.0f / 3, sixth = 1.0f / 6;
    vf near = u[1] + u[2], far = u[3] + u[4];
    g[0] = (u[0] - (2 * third) * near) + sixth * far;
    g[1] = (third * ROOT) * (u[2] - u[1]) + (sixth * ROOT) * (u[3] - u[4]);
    g[2] = (u[5] - third * near) + third * far;
}

/// The result's gradient at `count` tiles, `channels` channels from `first`:
/// `z [36][tile][GRADIENT_OUTPUTS]`, parts `z_part` apart.
static void V(winograd_result)(const winograd *w, const winograd_image *image, ptrdiff_t first,
    ptrdiff_t channels, const winograd_tile *tiles, ptrdiff_t count, ptrdiff_t z_part, float *z) {
    vf strip[WINOGRAD_OUT * STRIP];
    for (ptrdiff_t k = 0; k < channels; k += LANES)
        for (ptrdiff_t t = 0, n; t < count; t += n) {
            const winograd_tile *tile = tiles + t;
            n = south_min(south_min(w->columns - tile->column, count - t), STRIP_TILES);
            V(winograd_strip)
            (image,
                image->data + tile->batch * image->strides[0] + tile->depth * image->strides[2],
                first + k, tile->row * WINOGRAD_OUT, WINOGRAD_OUT, tile->column * WINOGRAD_OUT,
                n * WINOGRAD_OUT, strip);
            for (ptrdiff_t i = 0; i < n; i++) {
                const vf *from = strip + i * WINOGRAD_OUT;
                float *place = z + (t + i) * GRADIENT_OUTPUTS + k;
                vf columns[WINOGRAD_OUT][WINOGRAD_IN];
#pragma clang loop unroll(full)
                for (int s = 0; s < WINOGRAD_OUT; s++)
                    V(transform_result)
                    (from[s], from[STRIP + s], from[2 * STRIP + s], from[3 * STRIP + s],
                        columns[s]);
#pragma clang loop unroll(full)
                for (int r = 0; r < WINOGRAD_IN; r++) {
                    vf row[WINOGRAD_IN];
                    V(transform_result)
                    (columns[0][r], columns[1][r], columns[2][r], columns[3][r], row);
#pragma clang loop unroll(full)
                    for (int s = 0; s < WINOGRAD_IN; s++)
                        V(store)(place + (r * WINOGRAD_IN + s) * z_part, row[s]);
                }
            }
        }
}

/// Output channels `out..<out + m` and input channels `c..<c + channels` of a group, over tiles
/// `from..<end`, into `dw`.
static void V(winograd_gradient_block)(const winograd *w, const winograd_image *gradient,
    ptrdiff_t group, ptrdiff_t out, ptrdiff_t m, ptrdiff_t c, ptrdiff_t channels, ptrdiff_t from,
    ptrdiff_t end, float *dw) {
    ptrdiff_t inputs = w->x.channels / w->groups;
    const ptrdiff_t v_part = GRADIENT_TILES * GRADIENT_INPUTS + WINOGRAD_SPREAD;
    const ptrdiff_t z_part = GRADIENT_TILES * GRADIENT_OUTPUTS + WINOGRAD_SPREAD;
    const ptrdiff_t u_part = GRADIENT_OUTPUTS * GRADIENT_INPUTS + WINOGRAD_SPREAD;
    const size_t floats = sizeof(float) * WINOGRAD_PRODUCTS;
    float *v = south_scratch(0, floats * (size_t)v_part);
    // A register tile may read some rows beyond the last.
    float *z = south_scratch(1, floats * (size_t)z_part + sizeof(float) * MR);
    float *u = south_scratch(2, floats * (size_t)u_part);
    winograd_tile tiles[GRADIENT_TILES];
    for (ptrdiff_t start = from; start < end; start += GRADIENT_TILES) {
        ptrdiff_t count = south_min(GRADIENT_TILES, end - start);
        winograd_tiles(w, start, count, tiles);
        V(winograd_input)
        (w, group * inputs + c, channels, tiles, count, NR, GRADIENT_TILES * NR, v_part, v);
        V(winograd_result)
        (w, gradient, group * w->outputs + out, m, tiles, count, z_part, z);
        for (ptrdiff_t e = 0; e < WINOGRAD_PRODUCTS; e++)
            for (ptrdiff_t j = 0; j < channels; j += NR)
                for (ptrdiff_t i = 0; i < m; i += MR)
                    V(any_tile)
                    (south_min(MR, m - i), channels - j <= LANES, count, z + e * z_part + i, 1,
                        GRADIENT_OUTPUTS, v + e * v_part + j * GRADIENT_TILES, start > from, NULL,
                        u + e * u_part + i * GRADIENT_INPUTS + j, GRADIENT_INPUTS);
    }
    for (ptrdiff_t k = 0; k < m; k++)
        for (ptrdiff_t j = 0; j < channels; j += LANES) {
            const float *sums = u + k * GRADIENT_INPUTS + j;
            vf half[3][WINOGRAD_IN];
#pragma clang loop unroll(full)
            for (int s = 0; s < WINOGRAD_IN; s++) {
                vf column[WINOGRAD_IN], taps[3];
#pragma clang loop unroll(full)
                for (int r = 0; r < WINOGRAD_IN; r++)
                    column[r] = V(load)(sums + (r * WINOGRAD_IN + s) * u_part);
                V(transform_sums)(column, taps);
#pragma clang loop unroll(full)
                for (int r = 0; r < 3; r++) half[r][s] = taps[r];
            }
            float *to = dw + (((group * w->outputs + out + k) * inputs) + c + j) * 9;
            for (int r = 0; r < 3; r++) {
                vf taps[3];
                V(transform_sums)(half[r], taps);
                for (ptrdiff_t lane = 0; lane < south_min(LANES, channels - j); lane++)
                    for (int s = 0; s < 3; s++) to[lane * 9 + r * 3 + s] = taps[s][lane];
            }
        }
}

#undef MR
#undef NR
#undef STRIP
#undef STRIP_TILES
#undef ROOT
