// Windows sliding over an image: what a convolution, a phase of a transposed convolution and a
// gradient of the weights have in common.
#ifndef SOUTH_WINDOWS_H
#define SOUTH_WINDOWS_H

#include "internal.h"

/// One spatial axis.
typedef struct {
    /// Input positions, output positions, and input positions from one output to the next.
    ptrdiff_t size, grid, step;
    /// Elements from one input position, and from one output position, to the next.
    ptrdiff_t x_stride, y_stride;
} window_axis;

/// One element of the kernel.
typedef struct {
    /// Where it lies in the weights, and the input position that output position 0 sees.
    ptrdiff_t weight, shift[3];
    /// Output positions of the last axis whose input lies inside: low..<high.
    ptrdiff_t low, high;
} window_tap;

typedef struct {
    window_axis axes[3];
    ptrdiff_t taps;
    window_tap *tap;
    /// Channels of one group.
    ptrdiff_t batch, groups, inputs, outputs;
    const float *x;
    ptrdiff_t x_batch, x_channel;
    const void *weight;
    int type;
    /// Elements from one output or input channel of the weights, and from one group, to the next.
    ptrdiff_t weight_output, weight_input, weight_group;
    /// Whether the taps of the input channels follow each other in the weights in our order.
    int is_dense;
    const float *bias;
    float *y;
    ptrdiff_t y_batch, y_channel;
    /// Whether the positions of an image follow each other in y.
    int is_contiguous;
    /// Output positions of all images, and how tasks share the work.
    ptrdiff_t positions, tile_out, tile_at, out_tiles, at_tiles;
    /// Gradient of the weights: channels of a task, and where it goes.
    ptrdiff_t tile_in, in_tiles;
} windows;

/// Output positions side by side: `count` from column `start` of a line.
typedef struct {
    ptrdiff_t at, count, start;
    /// Input positions of the line along the first two axes, and the image's first element.
    ptrdiff_t line[2];
    const float *image;
    /// Where the first one's result lies in y.
    ptrdiff_t result;
} window_run;

/// Joins axes along which windows only slide, so that runs get long, and finds what each tap sees.
void windows_prepare(windows *w);
/// Splits output positions `from..<from + count` into runs; at most `count` of them.
ptrdiff_t windows_runs(const windows *w, ptrdiff_t from, ptrdiff_t count, window_run *runs);

/// `y = x ∗ weight + bias` over all positions, as a product whose right operand is read from the
/// image: no patch is laid out beyond the panel in the first cache. Scratch memory of a thread:
/// slots 0 and 1, at most 0.5 MB each where a kernel has at most 4096 taps.
void windows_product(windows *w);
/// The same, one output channel after the other, for groups of one input channel.
void windows_depthwise(windows *w);
/// The gradient of the weights, `dw [outputs, inputs, taps]` of each group, from x and the gradient
/// y of the result.
void windows_weight_gradient(windows *w, const float *gradient, float *dw);

/// `dw[i] = Σ sums[part · count + i]` over the parts in order.
void south_sum_parts(const float *sums, ptrdiff_t parts, ptrdiff_t count, float *dw);

#endif
