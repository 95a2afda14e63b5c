// Winograd's F(4×4, 3×3), one version: filters, products and result of one block of tiles on one
// thread.
#include "winograd_transforms.h"

/// G g: three taps to six values.
SOUTH_INLINE void V(transform_taps)(vf a, vf b, vf c, vf *u) {
    const float third = 1.0f / 3, sixth = 1.0f / 6;
    vf near = (-2 * third) * a - third * c, far = sixth * a + third * c;
    u[0] = a;
    u[1] = near - (third * ROOT) * b;
    u[2] = near + (third * ROOT) * b;
    u[3] = far + (sixth * ROOT) * b;
    u[4] = far - (sixth * ROOT) * b;
    u[5] = c;
}

/// Aᵀ m: six products, `stride` apart, to four results.
SOUTH_INLINE void V(transform_output)(const vf *m, ptrdiff_t stride, vf *y) {
    vf sum = m[stride] + m[2 * stride], difference = m[stride] - m[2 * stride];
    vf sum2 = m[3 * stride] + m[4 * stride], difference2 = m[3 * stride] - m[4 * stride];
    y[0] = (m[0] + sum) + sum2;
    y[1] = (0.5f * ROOT) * difference + ROOT * difference2;
    y[2] = 0.5f * sum + 2.0f * sum2;
    y[3] = ((0.25f * ROOT) * difference + m[5 * stride]) + (2 * ROOT) * difference2;
}

/// Nine taps of LANES filters, one input channel: `u [36]`, parts `u_part` apart.
SOUTH_INLINE void V(winograd_filter)(const vf *g, int is_flipped, ptrdiff_t u_part, float *u) {
    vf t[3][WINOGRAD_IN];
#pragma clang loop unroll(full)
    for (int j = 0; j < 3; j++)
        if (is_flipped)
            V(transform_taps)(g[8 - j], g[5 - j], g[2 - j], t[j]);
        else
            V(transform_taps)(g[j], g[3 + j], g[6 + j], t[j]);
#pragma clang loop unroll(full)
    for (int r = 0; r < WINOGRAD_IN; r++) {
        vf row[WINOGRAD_IN];
        V(transform_taps)(t[0][r], t[1][r], t[2][r], row);
#pragma clang loop unroll(full)
        for (int s = 0; s < WINOGRAD_IN; s++)
            V(store)(u + (r * WINOGRAD_IN + s) * u_part, row[s]);
    }
}

/// The filters from one group's `weight` (element `first`) of `outputs` by `inputs` channels:
/// `u [36][panel of NR outputs][input][NR]`, parts `u_part` apart.
SOUTH_INLINE void V(winograd_filters)(const winograd *w, const int type, ptrdiff_t first,
    ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t u_part, float *u) {
    ptrdiff_t ks = w->output_stride, cs = w->input_stride;
    for (ptrdiff_t k = 0; k < outputs; k += LANES) {
        float *panel = u + k / NR * WINOGRAD_CHANNELS * NR + k % NR;
        // Where input channels follow each other, the taps of LANES of them are turned at once.
        ptrdiff_t step = cs == 9 ? LANES : 1;
        for (ptrdiff_t c = 0; c < inputs; c += step) {
            vf taps[9 * LANES];
            ptrdiff_t channels = south_min(step, inputs - c), elements = channels * 9;
            for (ptrdiff_t e = 0; e < elements; e += LANES) {
                vf *square = taps + e;
                vf turned[LANES];
                ptrdiff_t at = first + k * ks + c * cs + e, n = south_min(elements - e, LANES);
                ptrdiff_t rows = outputs - k - 1;
#pragma clang loop unroll(full)
                for (ptrdiff_t j = 0; j < LANES; j++) {
                    ptrdiff_t place = at + south_min(j, rows) * ks;
                    turned[j] = n == LANES ? V(load_weights)(w->weight, place, type)
                                           : V(load_weights_part)(w->weight, place, type, n);
                }
                V(transpose)(turned);
#pragma clang loop unroll(full)
                for (ptrdiff_t j = 0; j < LANES; j++)
                    if (e + j < 9 * LANES) square[j] = turned[j];
            }
            for (ptrdiff_t i = 0; i < channels; i++)
                V(winograd_filter)(taps + i * 9, w->is_flipped, u_part, panel + (c + i) * NR);
        }
    }
}

/// `m (+)= v u`: `m [36][tile][outputs]`, for `count` tiles and one block of channels.
static void V(winograd_products)(ptrdiff_t count, ptrdiff_t outputs, ptrdiff_t inputs,
    const float *v, ptrdiff_t v_part, const float *u, ptrdiff_t u_part, int adds, float *m,
    ptrdiff_t m_part) {
    for (ptrdiff_t e = 0; e < WINOGRAD_PRODUCTS; e++)
        for (ptrdiff_t k = 0; k < outputs; k += NR)
            for (ptrdiff_t t = 0; t < count; t += MR)
                V(any_tile)
                (south_min(MR, count - t), outputs - k <= LANES, inputs,
                    v + e * v_part + t * WINOGRAD_CHANNELS, WINOGRAD_CHANNELS, 1,
                    u + e * u_part + k * WINOGRAD_CHANNELS, adds, NULL,
                    m + e * m_part + t * WINOGRAD_PANEL + k, WINOGRAD_PANEL);
}

/// The result of `count` tiles and `outputs` channels, the first of which is `channel` of all.
static void V(winograd_output)(const winograd *w, const winograd_tile *tiles, ptrdiff_t count,
    ptrdiff_t channel, ptrdiff_t outputs, const float *m, ptrdiff_t m_part) {
    enum { GROUP = LANES / WINOGRAD_OUT };
    ptrdiff_t height = w->result[0], width = w->result[1];
    for (ptrdiff_t k = 0; k < outputs; k += LANES) {
        ptrdiff_t channels = south_min(LANES, outputs - k);
        vf bias = w->bias ? V(load_some)(w->bias + channel + k, 1, 0, channels) : (vf){0};
        for (ptrdiff_t t = 0; t < count; t += GROUP) {
            vf y[WINOGRAD_OUT][LANES];
            for (ptrdiff_t i = 0; i < GROUP; i++) {
                const float *from = m + south_min(t + i, count - 1) * WINOGRAD_PANEL + k;
                vf half[WINOGRAD_OUT][WINOGRAD_IN];
#pragma clang loop unroll(full)
                for (int s = 0; s < WINOGRAD_IN; s++) {
                    vf column[WINOGRAD_IN], four[WINOGRAD_OUT];
#pragma clang loop unroll(full)
                    for (int r = 0; r < WINOGRAD_IN; r++)
                        column[r] = V(load)(from + (r * WINOGRAD_IN + s) * m_part);
                    V(transform_output)(column, 1, four);
#pragma clang loop unroll(full)
                    for (int r = 0; r < WINOGRAD_OUT; r++) half[r][s] = four[r];
                }
#pragma clang loop unroll(full)
                for (int r = 0; r < WINOGRAD_OUT; r++) {
                    vf four[WINOGRAD_OUT];
                    V(transform_output)(half[r], 1, four);
#pragma clang loop unroll(full)
                    for (int s = 0; s < WINOGRAD_OUT; s++)
                        y[r][i * WINOGRAD_OUT + s] = four[s] + bias;
                }
            }
            const winograd_tile *tile = tiles + t;
            ptrdiff_t last = south_min(t + GROUP, count) - 1 - t;
            // Whether the tiles lie side by side and inside.
            int is_whole = last == GROUP - 1 && tile[last].column == tile->column + last
                && tile[last].row == tile->row
                && tile->column * WINOGRAD_OUT + LANES <= width;
            for (ptrdiff_t r = 0; r < WINOGRAD_OUT; r++) {
                V(transpose)(y[r]);
                for (ptrdiff_t i = 0; i <= (is_whole ? 0 : last); i++) {
                    ptrdiff_t row = tile[i].row * WINOGRAD_OUT + r;
                    ptrdiff_t column = tile[i].column * WINOGRAD_OUT;
                    if (row >= height) continue;
                    float *place = w->y
                        + (((tile[i].batch * w->all_outputs + channel + k) * w->depth
                               + tile[i].depth) * height + row) * width + column;
                    ptrdiff_t plane = w->depth * height * width;
                    ptrdiff_t n = is_whole ? LANES : south_min(WINOGRAD_OUT, width - column);
                    for (ptrdiff_t j = 0; j < channels; j++) {
                        float *to = place + j * plane;
                        const float *pixels = (const float *)&y[r][j] + i * WINOGRAD_OUT;
                        if (is_whole)
                            V(store)(to, y[r][j]);
                        else if (n == WINOGRAD_OUT)
                            memcpy(to, pixels, WINOGRAD_OUT * sizeof(float));
                        else
                            for (ptrdiff_t p = 0; p < n; p++) to[p] = pixels[p];
                    }
                }
            }
        }
    }
}

/// One block of tiles and one part of the output channels of a group.
static void V(winograd_block)(const winograd *w, ptrdiff_t group, const winograd_tile *tiles,
    ptrdiff_t count, ptrdiff_t first, ptrdiff_t outputs, float *v, float *u, float *m) {
    ptrdiff_t rows = south_ceil(count, MR) * MR, inputs = w->x.channels / w->groups;
    ptrdiff_t v_part = rows * WINOGRAD_CHANNELS + WINOGRAD_SPREAD;
    ptrdiff_t u_part = WINOGRAD_PANEL * WINOGRAD_CHANNELS + WINOGRAD_SPREAD;
    ptrdiff_t m_part = rows * WINOGRAD_PANEL + WINOGRAD_SPREAD;
    // The last vector of channels repeats the last channel of all, which is never read.
    V(winograd_input)
    (w, group * inputs, inputs, tiles, count, WINOGRAD_CHANNELS, WINOGRAD_PRODUCTS * v_part,
        v_part, v);
    for (ptrdiff_t k = first; k < first + outputs; k += WINOGRAD_PANEL) {
        ptrdiff_t n = south_min(WINOGRAD_PANEL, first + outputs - k);
        for (ptrdiff_t c = 0; c < inputs; c += WINOGRAD_CHANNELS) {
            ptrdiff_t depth = south_min(WINOGRAD_CHANNELS, inputs - c);
            ptrdiff_t at = group * w->group_stride + k * w->output_stride + c * w->input_stride;
            if (w->type == SOUTH_FLOAT32)
                V(winograd_filters)(w, SOUTH_FLOAT32, at, n, depth, u_part, u);
            else if (w->type == SOUTH_BFLOAT16)
                V(winograd_filters)(w, SOUTH_BFLOAT16, at, n, depth, u_part, u);
            else
                V(winograd_filters)(w, SOUTH_FLOAT16, at, n, depth, u_part, u);
            V(winograd_products)
            (count, n, depth, v + c / WINOGRAD_CHANNELS * WINOGRAD_PRODUCTS * v_part, v_part, u,
                u_part, c > 0, m, m_part);
        }
        V(winograd_output)(w, tiles, count, group * w->outputs + k, n, m, m_part);
    }
}

#undef MR
#undef NR
#undef STRIP
#undef STRIP_TILES
#undef ROOT
