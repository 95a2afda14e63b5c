// Resampling of 8-bit pictures and of sounds: each result is a short weighted sum of neighbours.
#include "internal.h"

/// Fractional bits of a picture's weights.
enum { PICTURE_BITS = 22 };

#define SOUTH_BODY "pictures_body.h"
#include "versions.h"

/// Rows of a piece of shared work.
enum { PICTURE_ROWS = 16 };

typedef struct {
    ptrdiff_t rows, width, size, taps;
    const uint8_t *x;
    const int32_t *starts, *weights;
    uint8_t *y;
} picture;

static void across_task(void *context, size_t index) {
    const picture *p = context;
    ptrdiff_t first = (ptrdiff_t)index * PICTURE_ROWS;
    ptrdiff_t end = south_min(first + PICTURE_ROWS, p->rows), stride = p->width * 3;
    for (ptrdiff_t row = first; row < end; row++) {
        const uint8_t *x = p->x + row * stride;
        // The kernel reads on for some pixels, whose weights are zero.
        ptrdiff_t room = (p->taps + 2) * 3;
        if ((p->rows - row - 1) * stride < room) {
            uint8_t *last = south_scratch(0, (size_t)(stride + room));
            memcpy(last, x, (size_t)stride);
            memset(last + stride, 0, (size_t)room);
            x = last;
        }
        SOUTH_PICK(pixels_across)(p->size, p->taps, p->starts, p->weights, x,
            p->y + row * p->size * 3);
    }
}

void south_resample_pixels_across(ptrdiff_t rows, ptrdiff_t width, const uint8_t *x,
    ptrdiff_t size, ptrdiff_t taps, const int32_t *starts, const int32_t *weights, uint8_t *y) {
    picture p = {rows, width, size, taps, x, starts, weights, y};
    south_parallel((size_t)south_ceil(rows, PICTURE_ROWS), across_task, &p);
}

static void down_task(void *context, size_t index) {
    const picture *p = context;
    ptrdiff_t first = (ptrdiff_t)index * PICTURE_ROWS;
    ptrdiff_t end = south_min(first + PICTURE_ROWS, p->size), stride = p->width * 3;
    for (ptrdiff_t row = first; row < end; row++) {
        // Weights that fill up a group may stand for rows that are not there.
        ptrdiff_t taps = south_min(p->taps, p->rows - p->starts[row]);
        SOUTH_PICK(pixels_down)(taps, stride, p->weights + row * p->taps,
            p->x + p->starts[row] * stride, p->y + row * stride);
    }
}

void south_resample_pixels_down(ptrdiff_t rows, ptrdiff_t width, const uint8_t *x,
    ptrdiff_t size, ptrdiff_t taps, const int32_t *starts, const int32_t *weights, uint8_t *y) {
    picture p = {rows, width, size, taps, x, starts, weights, y};
    south_parallel((size_t)south_ceil(size, PICTURE_ROWS), down_task, &p);
}

// MARK: Sounds

typedef struct {
    ptrdiff_t phases, step, taps, first, count;
    const float *x, *weights;
    const int32_t *starts;
    float *y;
} sound;

static void sound_task(void *context, size_t index) {
    const sound *s = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE;
    ptrdiff_t end = south_min(first + SOUTH_PIECE, s->count);
    SOUTH_PICK(phases)(s->phases, s->step, s->taps, s->starts, s->weights, s->x,
        s->first + first, end - first, s->y + first);
}

void south_resample_phases(const float *x, ptrdiff_t phases, ptrdiff_t step, ptrdiff_t taps,
    const int32_t *starts, const float *weights, ptrdiff_t first, ptrdiff_t count, float *y) {
    sound s = {phases, step, taps, first, count, x, weights, starts, y};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), sound_task, &s);
}
