// Convolutions as matrix products: a tile of output channels and positions takes some input
// channels at a time, whose patches are laid out in scratch memory (im2col) that stays in the
// second cache.
#include "internal.h"

enum {
    /// Output channels and positions of a tile at most.
    TILE_OUT = 384, TILE_AT = 512,
    /// Rows of patches (input channels × kernel) that are laid out at a time.
    PATCH_ROWS = 384,
};

typedef struct {
    south_convolution_shape s;
    const float *x, *bias;
    const ptrdiff_t *x_strides;
    const void *weight;
    int type;
    float *y;
    /// Products of the sizes: positions in, out and of the kernel.
    ptrdiff_t places, results, taps;
    ptrdiff_t inputs, outputs;  // of one group
    ptrdiff_t tile_out, tile_at, out_tiles, at_tiles;
    int is_pointwise;
} convolving;

static ptrdiff_t volume(const ptrdiff_t *n) { return n[0] * n[1] * n[2]; }

static convolving convolving_of(const south_convolution_shape *s, const float *x,
    const void *weight, int type, const float *bias, float *y) {
    return (convolving){
        .s = *s, .x = x, .bias = bias, .weight = weight, .type = type, .y = y,
        .places = volume(s->spatial), .results = volume(s->result), .taps = volume(s->kernel),
        .inputs = s->inputs / s->groups, .outputs = s->outputs / s->groups,
    };
}

/// A block of the weights `[rows, columns]` at `first`, `stride` apart: in place where they are
/// float32, else widened into scratch memory; sets the stride of what it returns.
static const float *weights_block(const convolving *c, ptrdiff_t first, ptrdiff_t rows,
    ptrdiff_t columns, ptrdiff_t *stride) {
    if (c->type == SOUTH_FLOAT32) return (const float *)c->weight + first;
    float *wide = south_scratch(1, sizeof(float) * (size_t)(rows * columns));
    for (ptrdiff_t row = 0; row < rows; row++)
        south_widen((const uint16_t *)c->weight + first + row * *stride, c->type, columns,
            wide + row * columns);
    *stride = columns;
    return wide;
}

/// One row of patches: input channel `x` seen through one tap, at output positions
/// `at..<at + count`.
static void patch_row(const convolving *c, const float *x, ptrdiff_t tap, ptrdiff_t at,
    ptrdiff_t count, float *row) {
    const south_convolution_shape *s = &c->s;
    const ptrdiff_t *xs = c->x_strides + 2;
    ptrdiff_t k2 = tap % s->kernel[2], k1 = tap / s->kernel[2] % s->kernel[1];
    ptrdiff_t k0 = tap / s->kernel[2] / s->kernel[1];
    ptrdiff_t shift = k2 * s->dilation[2] - s->before[2], step = s->stride[2];
    // Output columns whose input lies inside: low..<high.
    ptrdiff_t low = shift >= 0 ? 0 : south_ceil(-shift, step);
    ptrdiff_t high = s->spatial[2] - shift <= 0 ? 0 : south_ceil(s->spatial[2] - shift, step);
    while (count > 0) {
        ptrdiff_t o2 = at % s->result[2], o1 = at / s->result[2] % s->result[1];
        ptrdiff_t o0 = at / s->result[2] / s->result[1];
        ptrdiff_t n = south_min(s->result[2] - o2, count);
        ptrdiff_t i0 = o0 * s->stride[0] + k0 * s->dilation[0] - s->before[0];
        ptrdiff_t i1 = o1 * s->stride[1] + k1 * s->dilation[1] - s->before[1];
        ptrdiff_t start = south_min(south_max(low - o2, 0), n);
        ptrdiff_t end = south_max(south_min(high - o2, n), start);
        if (i0 < 0 || i0 >= s->spatial[0] || i1 < 0 || i1 >= s->spatial[1]) start = end = n;
        for (ptrdiff_t i = 0; i < start; i++) row[i] = 0;
        if (start < end) {
            const float *line =
                x + i0 * xs[0] + i1 * xs[1] + ((o2 + start) * step + shift) * xs[2];
            ptrdiff_t hop = step * xs[2];
            if (hop == 1)
                memcpy(row + start, line, (size_t)(end - start) * 4);
            else
                for (ptrdiff_t i = start; i < end; i++) row[i] = line[(i - start) * hop];
        }
        for (ptrdiff_t i = end; i < n; i++) row[i] = 0;
        row += n;
        at += n;
        count -= n;
    }
}

static void convolution_task(void *context, size_t index) {
    const convolving *c = context;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t out = rest % c->out_tiles * c->tile_out;
    rest /= c->out_tiles;
    ptrdiff_t at = rest % c->at_tiles * c->tile_at;
    rest /= c->at_tiles;
    ptrdiff_t group = rest % c->s.groups, batch = rest / c->s.groups;
    ptrdiff_t m = south_min(c->tile_out, c->outputs - out);
    ptrdiff_t n = south_min(c->tile_at, c->results - at);
    ptrdiff_t channel = group * c->outputs + out;
    float *y = c->y + (batch * c->s.outputs + channel) * c->results + at;
    for (ptrdiff_t row = 0; row < m; row++) {
        float value = c->bias ? c->bias[channel + row] : 0;
        for (ptrdiff_t i = 0; i < n; i++) y[row * c->results + i] = value;
    }
    ptrdiff_t step = south_max(PATCH_ROWS / c->taps, 1), width = c->inputs * c->taps;
    const float *x = c->x + batch * c->x_strides[0] + group * c->inputs * c->x_strides[1];
    for (ptrdiff_t in = 0; in < c->inputs; in += step) {
        ptrdiff_t k = south_min(step, c->inputs - in) * c->taps, stride = width;
        const float *weight =
            weights_block(c, channel * width + in * c->taps, m, k, &stride);
        const float *patches = x + in * c->x_strides[1] + at;
        ptrdiff_t apart = c->x_strides[1];
        if (!c->is_pointwise) {
            float *room = south_scratch(0, sizeof(float) * (size_t)(k * n));
            for (ptrdiff_t row = 0; row < k; row++)
                patch_row(c, x + (in + row / c->taps) * c->x_strides[1], row % c->taps, at, n,
                    room + row * n);
            patches = room;
            apart = n;
        }
        south_gemm(0, 0, m, n, k, weight, stride, patches, SOUTH_FLOAT32, apart, 1, y, c->results);
    }
}

void south_convolution(const south_convolution_shape *shape, const float *x,
    const ptrdiff_t *x_strides, const void *weight, int weight_type, const float *bias,
    float *y) {
    convolving c = convolving_of(shape, x, weight, weight_type, bias, y);
    c.x_strides = x_strides;
    if (shape->batch * shape->outputs * c.results == 0) return;
    c.tile_out = south_part(c.outputs, TILE_OUT, 16);
    c.tile_at = south_part(c.results, TILE_AT, 16);
    c.out_tiles = south_ceil(c.outputs, c.tile_out);
    c.at_tiles = south_ceil(c.results, c.tile_at);
    c.is_pointwise = c.taps == 1 && x_strides[4] == 1 && x_strides[3] == shape->spatial[2]
        && x_strides[2] == shape->spatial[1] * shape->spatial[2] && x_strides[1] >= c.places;
    for (int i = 0; i < 3; i++)
        if (shape->stride[i] != 1 || shape->before[i] != 0 || shape->result[i] != shape->spatial[i])
            c.is_pointwise = 0;
    south_parallel((size_t)(shape->batch * shape->groups * c.at_tiles * c.out_tiles),
        convolution_task, &c);
}

// MARK: Transposed

/// Adds what one output channel gets through one tap from input positions `at..<at + count`.
static void scatter_row(const convolving *c, const float *row, ptrdiff_t tap, ptrdiff_t at,
    ptrdiff_t count, float *y) {
    const south_convolution_shape *s = &c->s;
    ptrdiff_t k2 = tap % s->kernel[2], k1 = tap / s->kernel[2] % s->kernel[1];
    ptrdiff_t k0 = tap / s->kernel[2] / s->kernel[1];
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t place = at + i;
        ptrdiff_t i2 = place % s->spatial[2], i1 = place / s->spatial[2] % s->spatial[1];
        ptrdiff_t i0 = place / s->spatial[2] / s->spatial[1];
        ptrdiff_t o0 = i0 * s->stride[0] + k0 * s->dilation[0] - s->before[0];
        ptrdiff_t o1 = i1 * s->stride[1] + k1 * s->dilation[1] - s->before[1];
        ptrdiff_t n = south_min(s->spatial[2] - i2, count - i), step = s->stride[2];
        ptrdiff_t shift = i2 * step + k2 * s->dilation[2] - s->before[2];
        if (o0 >= 0 && o0 < s->result[0] && o1 >= 0 && o1 < s->result[1]) {
            float *line = y + (o0 * s->result[1] + o1) * s->result[2];
            ptrdiff_t low = shift >= 0 ? 0 : south_ceil(-shift, step);
            ptrdiff_t high = s->result[2] - shift <= 0 ? 0 : south_ceil(s->result[2] - shift, step);
            for (ptrdiff_t j = low; j < south_min(high, n); j++)
                line[j * step + shift] += row[i + j];
        }
        i += n - 1;
    }
}

static void transposed_task(void *context, size_t index) {
    const convolving *c = context;
    ptrdiff_t rest = (ptrdiff_t)index;
    ptrdiff_t out = rest % c->out_tiles * c->tile_out;
    rest /= c->out_tiles;
    ptrdiff_t group = rest % c->s.groups, batch = rest / c->s.groups;
    ptrdiff_t outputs = south_min(c->tile_out, c->outputs - out);
    ptrdiff_t channel = group * c->outputs + out;
    float *y = c->y + (batch * c->s.outputs + channel) * c->results;
    for (ptrdiff_t o = 0; o < outputs; o++) {
        float value = c->bias ? c->bias[channel + o] : 0;
        for (ptrdiff_t i = 0; i < c->results; i++) y[o * c->results + i] = value;
    }
    ptrdiff_t m = outputs * c->taps, width = c->outputs * c->taps;
    const float *x = c->x + (batch * c->s.inputs + group * c->inputs) * c->places;
    for (ptrdiff_t at = 0; at < c->places; at += c->tile_at) {
        ptrdiff_t n = south_min(c->tile_at, c->places - at);
        float *room = south_scratch(0, sizeof(float) * (size_t)(m * n));
        for (ptrdiff_t in = 0; in < c->inputs; in += PATCH_ROWS) {
            ptrdiff_t k = south_min(PATCH_ROWS, c->inputs - in), stride = width;
            const float *weight = weights_block(
                c, (group * c->inputs + in) * width + out * c->taps, k, m, &stride);
            south_gemm(1, 0, m, n, k, weight, stride, x + in * c->places + at, SOUTH_FLOAT32,
                c->places, in > 0, room, n);
        }
        for (ptrdiff_t row = 0; row < m; row++)
            scatter_row(c, room + row * n, row % c->taps, at, n, y + row / c->taps * c->results);
    }
}

void south_transposed_convolution(const south_convolution_shape *shape, const float *x,
    const void *weight, int weight_type, const float *bias, float *y) {
    convolving c = convolving_of(shape, x, weight, weight_type, bias, y);
    if (shape->batch * shape->outputs * c.results == 0) return;
    c.tile_out = south_part(c.outputs, south_max(PATCH_ROWS / c.taps, 1), 1);
    c.tile_at = south_part(c.places, TILE_AT, 16);
    c.out_tiles = south_ceil(c.outputs, c.tile_out);
    if (c.inputs == 0) c.places = 0;
    south_parallel(
        (size_t)(shape->batch * shape->groups * c.out_tiles), transposed_task, &c);
}
