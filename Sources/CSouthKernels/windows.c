// Windows over images: geometry.
#include "windows.h"

/// Whether windows only slide along an axis: each output position sees the input at its place.
static int is_plain(const windows *w, int axis) {
    const window_axis *a = &w->axes[axis];
    if (a->size != a->grid || (a->step != 1 && a->grid > 1)) return 0;
    for (ptrdiff_t t = 0; t < w->taps; t++)
        if (w->tap[t].shift[axis] != 0) return 0;
    return 1;
}

void windows_prepare(windows *w) {
    for (int pass = 0; pass < 2; pass++) {
        window_axis *outer = &w->axes[1], *inner = &w->axes[2];
        if (outer->step != 1 || !is_plain(w, 2) || inner->size == 0
            || outer->x_stride != inner->size * inner->x_stride
            || outer->y_stride != inner->size * inner->y_stride)
            break;
        inner->grid *= outer->grid;
        for (ptrdiff_t t = 0; t < w->taps; t++) {
            w->tap[t].shift[2] = w->tap[t].shift[1] * inner->size;
            w->tap[t].shift[1] = w->tap[t].shift[0];
            w->tap[t].shift[0] = 0;
        }
        inner->size *= outer->size;
        inner->step = 1;
        *outer = w->axes[0];
        w->axes[0] = (window_axis){.size = 1, .grid = 1, .step = 1};
        w->axes[0].x_stride = outer->x_stride * outer->size;
        w->axes[0].y_stride = outer->y_stride * outer->grid;
    }
    const window_axis *last = &w->axes[2];
    w->is_dense = w->weight_input == w->taps;
    for (ptrdiff_t t = 0; t < w->taps; t++) {
        window_tap *tap = &w->tap[t];
        tap->low = south_max(south_ceil(south_max(-tap->shift[2], 0), last->step), 0);
        tap->high = south_ceil(south_max(last->size - tap->shift[2], 0), last->step);
        if (tap->weight != t) w->is_dense = 0;
    }
    w->is_contiguous = last->y_stride == 1
        && (w->axes[1].y_stride == last->grid || w->axes[1].grid == 1)
        && (w->axes[0].y_stride == last->grid * w->axes[1].grid || w->axes[0].grid == 1);
    w->positions = w->batch * w->axes[0].grid * w->axes[1].grid * w->axes[2].grid;
}

ptrdiff_t windows_runs(const windows *w, ptrdiff_t from, ptrdiff_t count, window_run *runs) {
    const window_axis *a = w->axes;
    ptrdiff_t place[3];
    place[2] = from % a[2].grid;
    from /= a[2].grid;
    place[1] = from % a[1].grid;
    from /= a[1].grid;
    place[0] = from % a[0].grid;
    ptrdiff_t batch = from / a[0].grid, made = 0;
    for (ptrdiff_t at = 0; at < count; made++) {
        ptrdiff_t n = south_min(a[2].grid - place[2], count - at);
        runs[made] = (window_run){
            .at = at, .count = n, .start = place[2],
            .line = {place[0] * a[0].step, place[1] * a[1].step},
            .image = w->x + batch * w->x_batch,
            .result = batch * w->y_batch + place[0] * a[0].y_stride + place[1] * a[1].y_stride
                + place[2] * a[2].y_stride,
        };
        at += n;
        place[2] = 0;
        if (++place[1] < a[1].grid) continue;
        place[1] = 0;
        if (++place[0] < a[0].grid) continue;
        place[0] = 0;
        batch++;
    }
    return made;
}
