// Convolutions: which way each is computed.
//
// Those 3×3 of stride 1 with enough channels go to Winograd's algorithm; all others are products
// of the weights with patches of the image. A transposed convolution is one such product for each
// residue of the output positions modulo the stride: the positions of one residue all see the same
// taps, and step through the input one by one.
#include <stdlib.h>

#include "winograd.h"
#include "windows.h"

static ptrdiff_t volume(const ptrdiff_t *n) { return n[0] * n[1] * n[2]; }

static window_tap *taps_of(const south_convolution_shape *s) {
    window_tap *taps = malloc(sizeof(window_tap) * (size_t)south_max(volume(s->kernel), 1));
    if (!taps) abort();
    return taps;
}

/// Everything but the taps and the weights.
static windows windows_of(const south_convolution_shape *s, const float *x,
    const ptrdiff_t *x_strides, float *y) {
    windows w = {
        .batch = s->batch, .groups = s->groups, .inputs = s->inputs / s->groups,
        .outputs = s->outputs / s->groups, .x = x, .x_batch = x_strides[0],
        .x_channel = x_strides[1], .y = y, .y_channel = volume(s->result),
    };
    w.y_batch = s->outputs * w.y_channel;
    ptrdiff_t y_stride = 1;
    for (int i = 2; i >= 0; i--) {
        w.axes[i] = (window_axis){
            .size = s->spatial[i], .grid = s->result[i], .step = s->stride[i],
            .x_stride = x_strides[2 + i], .y_stride = y_stride,
        };
        y_stride *= s->result[i];
    }
    return w;
}

/// The taps of a convolution.
static void set_taps(windows *w, const south_convolution_shape *s) {
    const ptrdiff_t *n = s->kernel;
    w->taps = volume(n);
    for (ptrdiff_t t = 0; t < w->taps; t++) {
        ptrdiff_t place[3] = {t / n[2] / n[1], t / n[2] % n[1], t % n[2]};
        w->tap[t].weight = t;
        for (int i = 0; i < 3; i++)
            w->tap[t].shift[i] = place[i] * s->dilation[i] - s->before[i];
    }
}

// MARK: Winograd or not

/// Whether the kernel is 1×3×3 and slides by single steps.
static int is_square(const south_convolution_shape *s) {
    for (int i = 0; i < 3; i++)
        if (s->stride[i] != 1 || s->dilation[i] != 1 || s->kernel[i] != (i == 0 ? 1 : 3)) return 0;
    return s->before[0] == 0 && s->result[0] == s->spatial[0];
}

/// Whether Winograd's algorithm is worth it: its multiplications, and what the transforms take in
/// their place, against those of the direct way with its packing.
static int is_worthwhile(const winograd *p) {
    ptrdiff_t height = south_ceil(p->result[0], 4), width = south_ceil(p->result[1], 4);
    double tiles = (double)(p->batch * p->depth * height * width);
    double places = (double)(p->batch * p->depth * p->result[0] * p->result[1]);
    ptrdiff_t channels = p->x.channels / p->groups;
    double inputs = (double)south_ceil(channels, 16) * 16;
    double outputs = (double)south_ceil(p->outputs, 16) * 16;
    double blocks = tiles / WINOGRAD_TILES < 1 ? 1 : tiles / WINOGRAD_TILES;
    double products = tiles * (36 * inputs * outputs + 400 * inputs + 300 * outputs)
        + 200 * blocks * inputs * outputs;
    double direct = places * 9 * (double)channels * (double)(south_ceil(p->outputs, 12) * 12 + 8);
    return products < direct;
}

static winograd winograd_of(const south_convolution_shape *s, const float *x,
    const ptrdiff_t *x_strides, const void *weight, int type, const float *bias, float *y) {
    winograd p = {
        .x = {x, s->inputs, s->spatial[1], s->spatial[2], {0}}, .outputs = s->outputs / s->groups,
        .all_outputs = s->outputs, .groups = s->groups, .batch = s->batch,
        .depth = s->result[0], .weight = weight, .type = type, .bias = bias, .y = y,
    };
    p.group_stride = s->inputs / s->groups * p.outputs * 9;
    for (int i = 0; i < 2; i++) {
        p.result[i] = s->result[1 + i];
        p.before[i] = s->before[1 + i];
    }
    memcpy(p.x.strides, x_strides, sizeof p.x.strides);
    return p;
}

// MARK: The three products

void south_convolution(const south_convolution_shape *s, const float *x,
    const ptrdiff_t *x_strides, const void *weight, int weight_type, const float *bias,
    float *y) {
    if (s->batch * s->outputs * volume(s->result) == 0) return;
    if (is_square(s)) {
        winograd p = winograd_of(s, x, x_strides, weight, weight_type, bias, y);
        p.output_stride = s->inputs / s->groups * 9;
        p.input_stride = 9;
        if (is_worthwhile(&p)) {
            south_winograd(&p);
            return;
        }
    }
    windows w = windows_of(s, x, x_strides, y);
    w.weight = weight;
    w.type = weight_type;
    w.bias = bias;
    w.weight_input = volume(s->kernel);
    w.weight_output = w.inputs * w.weight_input;
    w.weight_group = w.outputs * w.weight_output;
    w.tap = taps_of(s);
    set_taps(&w, s);
    windows_prepare(&w);
    windows_product(&w);
    free(w.tap);
}

/// The taps of one axis that output positions `residue` modulo the stride see, with the input
/// position that the first of them sees; their count.
static ptrdiff_t taps_of_residue(const south_convolution_shape *s, int axis, ptrdiff_t residue,
    ptrdiff_t tap, ptrdiff_t *shift) {
    ptrdiff_t reach = residue + s->before[axis] - tap * s->dilation[axis];
    *shift = reach / s->stride[axis];
    return reach % s->stride[axis] == 0;
}

/// The output positions whose residues are `r`, from the first on.
static void transposed_phase(
    const south_convolution_shape *s, const windows *whole, const ptrdiff_t *r) {
    windows w = *whole;
    for (int i = 0; i < 3; i++) {
        w.y += r[i] * w.axes[i].y_stride;
        w.axes[i].y_stride *= s->stride[i];
        w.axes[i].grid = south_ceil(s->result[i] - r[i], s->stride[i]);
        w.axes[i].step = 1;
    }
    ptrdiff_t shift[3];
    const ptrdiff_t *n = s->kernel;
    w.taps = 0;
    for (ptrdiff_t a = 0; a < n[0]; a++) {
        if (!taps_of_residue(s, 0, r[0], a, &shift[0])) continue;
        for (ptrdiff_t b = 0; b < n[1]; b++) {
            if (!taps_of_residue(s, 1, r[1], b, &shift[1])) continue;
            for (ptrdiff_t c = 0; c < n[2]; c++) {
                if (!taps_of_residue(s, 2, r[2], c, &shift[2])) continue;
                window_tap *tap = &w.tap[w.taps++];
                tap->weight = (a * n[1] + b) * n[2] + c;
                memcpy(tap->shift, shift, sizeof shift);
            }
        }
    }
    windows_prepare(&w);
    windows_product(&w);
}

void south_transposed_convolution(const south_convolution_shape *s, const float *x,
    const ptrdiff_t *x_strides, const void *weight, int weight_type, const float *bias,
    float *y) {
    if (s->batch * s->outputs * volume(s->result) == 0) return;
    if (is_square(s)) {
        winograd p = winograd_of(s, x, x_strides, weight, weight_type, bias, y);
        // The same as a convolution with the taps in reverse order.
        for (int i = 0; i < 2; i++) p.before[i] = 2 - p.before[i];
        p.is_flipped = 1;
        p.output_stride = 9;
        p.input_stride = p.outputs * 9;
        if (is_worthwhile(&p)) {
            south_winograd(&p);
            return;
        }
    }
    windows w = windows_of(s, x, x_strides, y);
    w.weight = weight;
    w.type = weight_type;
    w.bias = bias;
    w.weight_output = volume(s->kernel);
    w.weight_input = w.outputs * w.weight_output;
    w.weight_group = w.inputs * w.weight_input;
    w.tap = taps_of(s);
    ptrdiff_t r[3];
    for (r[0] = 0; r[0] < south_min(s->stride[0], s->result[0]); r[0]++)
        for (r[1] = 0; r[1] < south_min(s->stride[1], s->result[1]); r[1]++)
            for (r[2] = 0; r[2] < south_min(s->stride[2], s->result[2]); r[2]++)
                transposed_phase(s, &w, r);
    free(w.tap);
}

void south_convolution_weight_gradient(const south_convolution_shape *s, const float *x,
    const ptrdiff_t *x_strides, const float *gradient, float *dw) {
    if (is_square(s)) {
        winograd p = winograd_of(s, x, x_strides, NULL, SOUTH_FLOAT32, NULL, NULL);
        if (is_worthwhile(&p)) {
            south_winograd_weight_gradient(&p, gradient, dw);
            return;
        }
    }
    windows w = windows_of(s, x, x_strides, NULL);
    w.tap = taps_of(s);
    set_taps(&w, s);
    windows_prepare(&w);
    windows_weight_gradient(&w, gradient, dw);
    free(w.tap);
}
