// What the two halves of the Winograd convolution share.
#ifndef SOUTH_WINOGRAD_H
#define SOUTH_WINOGRAD_H

#include "internal.h"

enum {
    /// Output pixels along an edge of a tile, the input pixels that they see, and the products.
    WINOGRAD_OUT = 4, WINOGRAD_IN = 6, WINOGRAD_PRODUCTS = 36,
    /// Tiles of a block, channels of a block of filters, and output channels of a panel at most.
    WINOGRAD_TILES = 96, WINOGRAD_CHANNELS = 64, WINOGRAD_PANEL = 32,
    /// Added between the parts of one product, which would else fall on the same cache lines.
    WINOGRAD_SPREAD = 16,
};

/// Where a tile of the result lies.
typedef struct {
    ptrdiff_t batch, depth, row, column;
} winograd_tile;

/// Planes that are read in tiles.
typedef struct {
    const float *data;
    /// Channels of all groups, rows and columns.
    ptrdiff_t channels, height, width;
    /// Of batch, channel, depth, row and column.
    ptrdiff_t strides[5];
} winograd_image;

/// A convolution 1×3×3 of stride 1 in tiles.
typedef struct {
    winograd_image x;
    /// Output channels of one group and of all.
    ptrdiff_t outputs, all_outputs, groups;
    ptrdiff_t batch, depth, result[2], before[2];
    const void *weight;
    int type;
    /// Of output and input channel, in elements; taps are adjacent.
    ptrdiff_t output_stride, input_stride, group_stride;
    /// Whether taps are read in reverse order.
    int is_flipped;
    const float *bias;
    float *y;
    /// Tiles along a row and a column, in all, and of a block.
    ptrdiff_t columns, rows, tiles, block;
    /// Output channels of a task, and tasks along each axis.
    ptrdiff_t part, parts, blocks;
} winograd;

/// Counts rows, columns and tiles.
void winograd_count(winograd *w);
/// Tiles `start..<start + count`.
void winograd_tiles(const winograd *w, ptrdiff_t start, ptrdiff_t count, winograd_tile *tiles);

/// Computes it; sets the tiling.
void south_winograd(winograd *w);
/// The gradient of the weights, `dw [outputs, inputs, 3, 3]` of each group, from the dense
/// `gradient [batch, outputs, depth, result]`; weights and result of w are not used.
void south_winograd_weight_gradient(winograd *w, const float *gradient, float *dw);

#endif
