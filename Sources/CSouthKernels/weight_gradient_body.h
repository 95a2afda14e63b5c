// Products of gradients with patches, summed over positions, one version.
#include "patches.h"

/// Rows `out..<out + m` of the gradient at positions `at..<at + n`, turned:
/// `panels [NR outputs][position][NR]`, POSITIONS · NR apart, zeros beyond m.
static void V(turn_gradient)(const windows *w, const float *gradient, ptrdiff_t out, ptrdiff_t m,
    ptrdiff_t at, ptrdiff_t n, float *panels) {
    ptrdiff_t image = w->positions / w->batch;
    for (ptrdiff_t l = 0, count; l < n; l += count) {
        // Positions of one image follow each other.
        ptrdiff_t place = (at + l) % image;
        count = south_min(south_min(n - l, image - place), LANES);
        const float *from = gradient + (at + l) / image * w->y_batch + out * w->y_channel + place;
        for (ptrdiff_t o = 0; o < m; o += LANES) {
            vf square[LANES];
            if (count == LANES && o + LANES <= m) {
#pragma clang loop unroll(full)
                for (ptrdiff_t j = 0; j < LANES; j++)
                    square[j] = V(load)(from + (o + j) * w->y_channel);
            } else {
                for (ptrdiff_t j = 0; j < LANES; j++)
                    square[j] = o + j < m
                        ? V(load_some)(from + (o + j) * w->y_channel, 1, 0, count) : (vf){0};
            }
            V(transpose)(square);
            float *to = panels + o / NR * (WEIGHT_POSITIONS * NR) + l * NR + o % NR;
            for (ptrdiff_t i = 0; i < count; i++) V(store)(to + i * NR, square[i]);
        }
    }
}

/// Input channels `c..<c + channels` and output channels `out..<out + m` of a group, over
/// positions `from..<end`, into `dw`.
static void V(weight_gradient_block)(const windows *w, const float *gradient, ptrdiff_t group,
    ptrdiff_t c, ptrdiff_t channels, ptrdiff_t out, ptrdiff_t m, ptrdiff_t from, ptrdiff_t end,
    float *dw) {
    ptrdiff_t rows = channels * w->taps, padded = south_ceil(rows, MR) * MR;
    ptrdiff_t width = south_ceil(m, NR) * NR;
    float *patches = south_scratch(0, sizeof(float) * (size_t)(padded * WEIGHT_ROW));
    float *panels = south_scratch(1, sizeof(float) * (size_t)(width * WEIGHT_POSITIONS));
    float *sums = south_scratch(2, sizeof(float) * (size_t)(padded * width));
    window_run runs[WEIGHT_POSITIONS];
    ptrdiff_t channel = group * w->outputs + out;
    for (ptrdiff_t at = from; at < end; at += WEIGHT_POSITIONS) {
        ptrdiff_t n = south_min(WEIGHT_POSITIONS, end - at);
        V(turn_gradient)(w, gradient, channel, m, at, n, panels);
        ptrdiff_t run_count = windows_runs(w, at, n, runs);
        V(pack_patches)
        (w, runs, run_count, n, group * w->inputs + c, channels, 0, w->taps, WEIGHT_ROW, patches);
        for (ptrdiff_t j = 0; j < m; j += NR)
            for (ptrdiff_t i = 0; i < rows; i += MR)
                V(any_tile)
                (south_min(MR, rows - i), m - j <= LANES, n, patches + i * WEIGHT_ROW, WEIGHT_ROW,
                    1, panels + j * WEIGHT_POSITIONS, at > from, NULL, sums + i * width + j,
                    width);
    }
    for (ptrdiff_t o = 0; o < m; o++) {
        float *to = dw + ((channel + o) * w->inputs + c) * w->taps;
        for (ptrdiff_t i = 0; i < rows; i++) to[i] = from < end ? sums[i * width + o] : 0;
    }
}

#undef MR
#undef NR
