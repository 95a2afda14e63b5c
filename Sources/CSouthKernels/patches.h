// Rows of patches, one version. Included by bodies that `versions.h` compiles several times:
// there is no include guard.
#include "register_tile.h"

/// The first `count ≤ LANES` lanes of v; other elements are not touched.
SOUTH_INLINE void V(store_some)(float *p, vf v, ptrdiff_t count) {
#if LANES == 16 && defined(__x86_64__)
    _mm512_mask_storeu_ps(p, (__mmask16)(((uint32_t)1 << count) - 1), (__m512)v);
#elif LANES == 8 && defined(__x86_64__)
    vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
    _mm256_maskstore_ps(p, (__m256i)(lane < (int)count), (__m256)v);
#else
    for (ptrdiff_t i = 0; i < count; i++) p[i] = v[i];
#endif
}

#if LANES == 16
#define SOUTH_EVEN 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31
#elif LANES == 8
#define SOUTH_EVEN 0, 2, 4, 6, 9, 11, 13, 15
#else
#define SOUTH_EVEN 0, 2, 5, 7
#endif
/// `count` elements `hop` apart to adjacent ones.
SOUTH_INLINE void V(gather)(const float *from, ptrdiff_t hop, ptrdiff_t count, float *to) {
    ptrdiff_t i = 0;
    if (hop == 1) {
        for (; i + LANES <= count; i += LANES) V(store)(to + i, V(load)(from + i));
        if (i < count) V(store_some)(to + i, V(load_some)(from + i, 1, 0, count - i), count - i);
        return;
    }
    if (hop == 2)
        for (; i + LANES <= count; i += LANES) {
            // The second vector starts one early and so ends with the last element.
            vf a = V(load)(from + 2 * i), b = V(load)(from + 2 * i + LANES - 1);
            V(store)(to + i, __builtin_shufflevector(a, b, SOUTH_EVEN));
        }
    for (; i < count; i++) to[i] = from[i * hop];
}
#undef SOUTH_EVEN

/// What `runs`, `columns` positions in all, see through taps `t..<t + taps` of channels
/// `c..<c + channels`: `rows [channel][tap]`, `row` apart.
static void V(pack_patches)(const windows *w, const window_run *runs, ptrdiff_t run_count,
    ptrdiff_t columns, ptrdiff_t c, ptrdiff_t channels, ptrdiff_t t, ptrdiff_t taps,
    ptrdiff_t row, float *rows) {
    const window_axis *a = w->axes;
    ptrdiff_t hop = a[2].step * a[2].x_stride;
    for (ptrdiff_t i = 0; i < taps; i++, rows += row) {
        const window_tap *tap = &w->tap[t + i];
        ptrdiff_t seen = 0;
        for (int clears = 0; clears < 2; clears++) {
            // The first time only what is seen is counted; then rows with gaps get zeros first.
            for (ptrdiff_t r = 0; r < run_count; r++) {
                const window_run *run = &runs[r];
                ptrdiff_t i0 = run->line[0] + tap->shift[0], i1 = run->line[1] + tap->shift[1];
                ptrdiff_t start = south_max(tap->low, run->start);
                ptrdiff_t n = south_min(tap->high, run->start + run->count) - start;
                if (i0 < 0 || i0 >= a[0].size || i1 < 0 || i1 >= a[1].size || n <= 0) continue;
                if (!clears) {
                    seen += n;
                    continue;
                }
                const float *from = run->image + c * w->x_channel + i0 * a[0].x_stride
                    + i1 * a[1].x_stride + (start * a[2].step + tap->shift[2]) * a[2].x_stride;
                float *to = rows + run->at + start - run->start;
                for (ptrdiff_t j = 0; j < channels; j++)
                    V(gather)(from + j * w->x_channel, hop, n, to + j * taps * row);
            }
            if (!clears && seen < columns)
                for (ptrdiff_t j = 0; j < channels; j++)
                    memset(rows + j * taps * row, 0, sizeof(float) * (size_t)columns);
        }
    }
}
