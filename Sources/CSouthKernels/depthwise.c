// Convolutions of single channels: each line of the result from the lines that its taps see.
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "windows.h"

#define SOUTH_BODY "depthwise_body.h"
#include "versions.h"

static ptrdiff_t planes_of_task(const windows *w) {
    ptrdiff_t plane = south_max(w->positions / w->batch * w->taps, 1);
    return south_max(2 * SOUTH_PIECE / plane, 1);
}

static void depthwise_task(void *context, size_t index) {
    const windows *w = context;
    ptrdiff_t channels = w->groups * w->outputs, step = planes_of_task(w);
    ptrdiff_t end = south_min(((ptrdiff_t)index + 1) * step, w->batch * channels);
    for (ptrdiff_t plane = (ptrdiff_t)index * step; plane < end; plane++)
        SOUTH_PICK(depthwise_plane)(w, plane / channels, plane % channels);
}

void windows_depthwise(windows *w) {
    ptrdiff_t planes = w->batch * w->groups * w->outputs;
    south_parallel((size_t)south_ceil(planes, planes_of_task(w)), depthwise_task, w);
}
