// Windows over single channels, one version: too little work for a product.
#include "patches.h"

/// What a tap sees of a line of the image.
typedef struct {
    const float *from;
    ptrdiff_t low, high;
    float weight;
} V(line_tap);

/// Output channel `channel` of image `batch`.
static void V(depthwise_plane)(const windows *w, ptrdiff_t batch, ptrdiff_t channel) {
    const window_axis *a = w->axes;
    ptrdiff_t group = channel / w->outputs, hop = a[2].step * a[2].x_stride;
    const float *x = w->x + batch * w->x_batch + group * w->x_channel;
    ptrdiff_t first = group * w->weight_group + channel % w->outputs * w->weight_output;
    float bias = w->bias ? w->bias[channel] : 0;
    V(line_tap) *seen = south_scratch(0, sizeof(V(line_tap)) * (size_t)(w->taps + 1));
    for (ptrdiff_t o0 = 0; o0 < a[0].grid; o0++)
        for (ptrdiff_t o1 = 0; o1 < a[1].grid; o1++) {
            ptrdiff_t count = 0;
            for (ptrdiff_t t = 0; t < w->taps; t++) {
                const window_tap *tap = &w->tap[t];
                ptrdiff_t i0 = o0 * a[0].step + tap->shift[0];
                ptrdiff_t i1 = o1 * a[1].step + tap->shift[1];
                if (i0 < 0 || i0 >= a[0].size || i1 < 0 || i1 >= a[1].size) continue;
                seen[count++] = (V(line_tap)){
                    x + i0 * a[0].x_stride + i1 * a[1].x_stride + tap->shift[2] * a[2].x_stride,
                    tap->low, tap->high,
                    V(load_weights_part)(w->weight, first + tap->weight, w->type, 1)[0],
                };
            }
            float *y = w->y + batch * w->y_batch + channel * w->y_channel + o0 * a[0].y_stride
                + o1 * a[1].y_stride;
            for (ptrdiff_t j = 0; j < a[2].grid; j += LANES) {
                vf sum = V(splat)(bias);
                ptrdiff_t n = south_min(LANES, a[2].grid - j);
                for (ptrdiff_t t = 0; t < count; t++) {
                    const V(line_tap) *tap = &seen[t];
                    ptrdiff_t low = south_min(south_max(tap->low - j, 0), n);
                    ptrdiff_t high = south_max(south_min(tap->high - j, n), low);
                    sum += tap->weight * V(load_some)(tap->from + j * hop, hop, low, high);
                }
                if (a[2].y_stride == 1)
                    V(store_some)(y + j, sum, n);
                else
                    for (ptrdiff_t i = 0; i < n; i++) y[(j + i) * a[2].y_stride] = sum[i];
            }
        }
}

#undef MR
#undef NR
