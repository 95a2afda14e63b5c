// Products of weights with patches that are packed from the image on the way, one version.
#include "patches.h"

/// Depth of a panel: NR columns of it fit the first cache.
#define KC 256

/// Rows `i..<i + rows` of a group's weights, input channels `c..<c + channels`, taps
/// `t..<t + taps`: `panel [channel][tap][MR]`, unused rows unspecified.
SOUTH_INLINE void V(pack_filters)(const windows *w, const int type, ptrdiff_t group, ptrdiff_t i,
    ptrdiff_t rows, ptrdiff_t c, ptrdiff_t channels, ptrdiff_t t, ptrdiff_t taps, float *panel) {
    ptrdiff_t first = group * w->weight_group + i * w->weight_output + c * w->weight_input;
    ptrdiff_t rs = w->weight_output, k = channels * taps, l = 0;
    if (w->is_dense && taps == w->taps) {
        for (; l + LANES <= k; l += LANES) {
            vf square[LANES];
#pragma clang loop unroll(full)
            for (ptrdiff_t j = 0; j < LANES; j++)
                square[j] = V(load_weights)(
                    w->weight, first + south_min(j, rows - 1) * rs + l, type);
            V(transpose)(square);
#if LANES < MR
            vf rest[LANES];
#pragma clang loop unroll(full)
            for (ptrdiff_t j = 0; j < LANES; j++)
                rest[j] = V(load_weights)(
                    w->weight, first + south_min(LANES + j, rows - 1) * rs + l, type);
            V(transpose)(rest);
#endif
            // Each store overruns into the next one's place, the last into spare room.
#pragma clang loop unroll(full)
            for (int j = 0; j < LANES; j++) {
                V(store)(panel + (l + j) * MR, square[j]);
#if LANES < MR
                V(store)(panel + (l + j) * MR + LANES, rest[j]);
#endif
            }
        }
    }
    for (; l < k; l++) {
        ptrdiff_t at = first + l / taps * w->weight_input + w->tap[t + l % taps].weight;
        if (rs == 1)
            for (ptrdiff_t j = 0; j < rows; j += LANES) {
                ptrdiff_t n = south_min(LANES, rows - j);
                V(store)
                (panel + l * MR + j, n == LANES ? V(load_weights)(w->weight, at + j, type)
                                                : V(load_weights_part)(w->weight, at + j, type, n));
            }
        else if (type == SOUTH_FLOAT32)
            for (ptrdiff_t j = 0; j < rows; j++)
                panel[l * MR + j] = ((const float *)w->weight)[at + j * rs];
        else
            for (ptrdiff_t j = 0; j < rows; j++)
                panel[l * MR + j] = V(load_weights_part)(w->weight, at + j * rs, type, 1)[0];
    }
}

/// `rows ≤ MR` channels, the first of which is `channel` of all, at the `columns` positions of
/// `runs`.
static void V(product_tile)(const windows *w, const window_run *runs, ptrdiff_t run_count,
    ptrdiff_t columns, ptrdiff_t channel, ptrdiff_t rows, ptrdiff_t k, const float *a,
    const float *panel, int adds) {
    float bias[MR] = {0};
    if (w->bias) memcpy(bias, w->bias + channel, sizeof(float) * (size_t)rows);
    float *y = w->y + channel * w->y_channel;
    int is_whole = columns % LANES == 0 && rows % (MR / 3) == 0 && w->is_contiguous
        && runs[run_count - 1].image == runs[0].image;
    if (is_whole) {
        V(any_tile)
        (rows, columns == LANES, k, a, 1, MR, panel, adds, bias, y + runs[0].result, w->y_channel);
        return;
    }
    float room[MR * NR];
    V(any_tile)(rows, columns <= LANES, k, a, 1, MR, panel, 0, adds ? NULL : bias, room, NR);
    ptrdiff_t hop = w->axes[2].y_stride;
    for (ptrdiff_t r = 0; r < run_count; r++)
        for (ptrdiff_t i = 0; i < rows; i++) {
            const float *from = room + i * NR + runs[r].at;
            float *to = y + i * w->y_channel + runs[r].result;
            if (adds)
                for (ptrdiff_t j = 0; j < runs[r].count; j++) to[j * hop] += from[j];
            else
                for (ptrdiff_t j = 0; j < runs[r].count; j++) to[j * hop] = from[j];
        }
}

/// Channels `out..<out + m` of a group at positions `at..<at + n`.
static void V(product_block)(const windows *w, ptrdiff_t group, ptrdiff_t out, ptrdiff_t m,
    ptrdiff_t at, ptrdiff_t n) {
    ptrdiff_t row_panels = south_ceil(m, MR);
    ptrdiff_t taps = south_max(south_part(w->taps, KC, 1), 1);
    ptrdiff_t channels = south_part(w->inputs, south_max(KC / taps, 1), 1);
    ptrdiff_t depth = channels * taps, x_group = group * w->inputs;
    float *panel = south_scratch(0, sizeof(float) * (size_t)(NR * depth));
    float *packed =
        south_scratch(1, sizeof(float) * (size_t)(row_panels * MR * depth + 2 * LANES));
    window_run runs[NR];
    int adds = 0;
    // Without input channels or taps there is still one step, which stores the bias.
    for (ptrdiff_t c = 0; c < w->inputs || !adds; c += channels)
        for (ptrdiff_t t = 0; t < w->taps || !adds; t += taps, adds = 1) {
            ptrdiff_t cs = south_max(south_min(channels, w->inputs - c), 0);
            ptrdiff_t ts = south_min(taps, w->taps - t), k = cs * ts;
            for (ptrdiff_t i = 0; i < row_panels && k > 0; i++) {
                ptrdiff_t rows = south_min(MR, m - i * MR);
                float *to = packed + i * MR * depth;
                if (w->type == SOUTH_FLOAT32)
                    V(pack_filters)
                    (w, SOUTH_FLOAT32, group, out + i * MR, rows, c, cs, t, ts, to);
                else if (w->type == SOUTH_BFLOAT16)
                    V(pack_filters)
                    (w, SOUTH_BFLOAT16, group, out + i * MR, rows, c, cs, t, ts, to);
                else
                    V(pack_filters)
                    (w, SOUTH_FLOAT16, group, out + i * MR, rows, c, cs, t, ts, to);
            }
            for (ptrdiff_t j = 0; j < n; j += NR) {
                ptrdiff_t columns = south_min(NR, n - j);
                ptrdiff_t run_count = windows_runs(w, at + j, columns, runs);
                V(pack_patches)(w, runs, run_count, columns, x_group + c, cs, t, ts, NR, panel);
                for (ptrdiff_t i = 0; i < row_panels; i++)
                    V(product_tile)
                    (w, runs, run_count, columns, group * w->outputs + out + i * MR,
                        south_min(MR, m - i * MR), k, packed + i * MR * depth, panel, adds);
            }
        }
}

#undef KC
#undef MR
#undef NR
