// Indexing, ordering, resampling, copies and casts.
#include "check.h"

static int32_t *indices(ptrdiff_t count, int bound, unsigned seed) {
    float *u = numbers(count, seed);
    int32_t *ids = memory(sizeof(int32_t) * (size_t)count);
    for (ptrdiff_t i = 0; i < count; i++)
        ids[i] = (int32_t)((u[i] + 1) / 2 * (float)bound) % bound;
    return ids;
}

static void check_slices(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, ptrdiff_t count) {
    float *x = numbers(outer * n * inner, 1), *s = numbers(outer * count * inner, 2);
    int32_t *ids = indices(count, (int)n, 3);
    float *y = memory(sizeof(float) * (size_t)(outer * count * inner));
    float *expected = memory(sizeof(float) * (size_t)(outer * count * inner));
    float *sums = memory(sizeof(float) * (size_t)(outer * n * inner));
    double *totals = memory(sizeof(double) * (size_t)(outer * n * inner));
    for (ptrdiff_t o = 0; o < outer; o++)
        for (ptrdiff_t j = 0; j < count; j++)
            for (ptrdiff_t i = 0; i < inner; i++) {
                ptrdiff_t at = (o * count + j) * inner + i, from = (o * n + ids[j]) * inner + i;
                expected[at] = x[from];
                totals[from] += s[at];
            }
    south_select(outer, inner, x, (ptrdiff_t[]){n * inner, inner}, ids, count, 4, y);
    same("select", y, expected, sizeof(float) * (size_t)(outer * count * inner));
    south_add_selected(outer, n, inner, s, (ptrdiff_t[]){count * inner, inner}, ids, count, sums);
    close_to("add_selected", sums, totals, outer * n * inner, 1e-6);
}

static void check_single(void) {
    enum { A = 3, N = 50, C = 20, M = 40 };
    float *x = numbers(A * N * C, 1), *s = numbers(A * M * C, 2);
    int32_t *ids = indices(A * M * C, N, 3);
    float *y = memory(sizeof(float) * A * M * C), *expected = memory(sizeof(float) * A * M * C);
    float *added = memory(sizeof(float) * A * N * C), *wrote = memory(sizeof(float) * A * N * C);
    double *totals = memory(sizeof(double) * A * N * C);
    float *last = memory(sizeof(float) * A * N * C);
    for (int a = 0; a < A; a++)
        for (int m = 0; m < M; m++)
            for (int c = 0; c < C; c++) {
                int at = (a * M + m) * C + c, place = (a * N + ids[at]) * C + c;
                expected[at] = x[place];
                totals[place] += s[at];
                last[place] = s[at];
            }
    ptrdiff_t shape[] = {A, M, C}, of_x[] = {N * C, C, 1}, of_y[] = {M * C, C, 1};
    south_gather(3, 1, shape, x, of_x, ids, of_y, 4, y, of_y);
    same("gather", y, expected, sizeof(float) * A * M * C);
    south_scatter(3, 1, shape, s, of_y, ids, of_y, 4, 1, added, of_x);
    close_to("scatter_add", added, totals, A * N * C, 1e-6);
    south_scatter(3, 1, shape, s, of_y, ids, of_y, 4, 0, wrote, of_x);
    same("scatter", wrote, last, sizeof(float) * A * N * C);
    ids[777] = N;
    if (south_first_outside(A * M * C, ids, N) != 777) close_to("first_outside", x, totals, 1, 0);
}

static void check_order(ptrdiff_t inner, ptrdiff_t k, int type, int descending) {
    enum { OUTER = 3 };
    size_t size = type == SOUTH_INT64 ? 8 : 4;
    float *u = numbers(OUTER * inner, (unsigned)inner);
    void *x = memory(size * (size_t)(OUTER * inner)), *y = memory(size * (size_t)(OUTER * k));
    double *wide = memory(sizeof(double) * (size_t)(OUTER * inner));
    for (ptrdiff_t i = 0; i < OUTER * inner; i++) {
        double value = floor(u[i] * 40);
        if (type == SOUTH_FLOAT32) ((float *)x)[i] = (float)value;
        if (type == SOUTH_INT32) ((int32_t *)x)[i] = (int32_t)value;
        if (type == SOUTH_INT64) ((int64_t *)x)[i] = (int64_t)(value *= 1e11);
        wide[i] = value;
    }
    int32_t *found = memory(sizeof(int32_t) * (size_t)(OUTER * k));
    int32_t *expected = memory(sizeof(int32_t) * (size_t)(OUTER * k));
    char *taken = memory((size_t)inner);
    for (ptrdiff_t row = 0; row < OUTER; row++) {
        memset(taken, 0, (size_t)inner);
        for (ptrdiff_t place = 0; place < k; place++) {
            ptrdiff_t best = -1;
            for (ptrdiff_t i = 0; i < inner; i++) {
                double a = wide[row * inner + i], b = best < 0 ? 0 : wide[row * inner + best];
                if (!taken[i] && (best < 0 || (descending ? a > b : a < b))) best = i;
            }
            taken[best] = 1;
            expected[row * k + place] = (int32_t)best;
        }
    }
    south_order(OUTER, inner, k, x, inner, type, descending, y, found);
    same("order", found, expected, sizeof(int32_t) * (size_t)(OUTER * k));
}

static void check_resample(ptrdiff_t inner) {
    enum { OUTER = 3, N = 30, SIZE = 47, TAPS = 4 };
    float *x = numbers(OUTER * N * inner, 1), *w = numbers(SIZE * TAPS, 2);
    int32_t starts[SIZE];
    double *expected = memory(sizeof(double) * (size_t)(OUTER * SIZE * inner));
    for (int i = 0; i < SIZE; i++) {
        starts[i] = i * N / SIZE;
        for (int t = 0; t < TAPS; t++) {
            if (starts[i] + t >= N) w[i * TAPS + t] = 0;
            for (ptrdiff_t o = 0; o < OUTER && starts[i] + t < N; o++)
                for (ptrdiff_t j = 0; j < inner; j++)
                    expected[(o * SIZE + i) * inner + j] += (double)w[i * TAPS + t]
                        * x[(o * N + starts[i] + t) * inner + j];
        }
    }
    float *y = memory(sizeof(float) * (size_t)(OUTER * SIZE * inner));
    south_resample(OUTER, N, inner, x, (ptrdiff_t[]){N * inner, inner}, SIZE, TAPS, starts, w, y);
    close_to("resample", y, expected, OUTER * SIZE * inner, 1e-6);
}

static void check_copies(void) {
    enum { A = 37, B = 50 };
    float *x = numbers(A * B, 1), *y = memory(sizeof(float) * A * B);
    float *expected = memory(sizeof(float) * A * B), *back = memory(sizeof(float) * A * B);
    for (int i = 0; i < A; i++)
        for (int j = 0; j < B; j++) expected[j * A + i] = x[i * B + j];
    south_copy(2, (ptrdiff_t[]){B, A}, x, (ptrdiff_t[]){1, B}, y, (ptrdiff_t[]){A, 1}, 4);
    same("transpose", y, expected, sizeof(float) * A * B);
    for (int type = SOUTH_FLOAT16; type <= SOUTH_BFLOAT16; type++) {
        uint16_t *narrow = memory(2 * A * B);
        double *rounded = memory(sizeof(double) * A * B);
        // Eleven and eight bits of fraction.
        double unit = type == SOUTH_FLOAT16 ? 0x1p-11 : 0x1p-8;
        for (int i = 0; i < A * B; i++) {
            int exponent;
            double part = frexp(x[i], &exponent);
            rounded[i] = ldexp(nearbyint(part / unit) * unit, exponent);
        }
        ptrdiff_t count = A * B, one = 1;
        south_cast(1, &count, x, &one, SOUTH_FLOAT32, narrow, type);
        south_cast(1, &count, narrow, &one, type, back, SOUTH_FLOAT32);
        close_to(type == SOUTH_FLOAT16 ? "float16" : "bfloat16", back, rounded, count, 3e-8);
    }
}

void check_picking(void) {
    check_slices(2, 30, 1, 500);
    check_slices(1, 40, 33, 100);
    check_slices(2, 9, 1500, 60);
    check_single();
    for (int descending = 0; descending < 2; descending++)
        for (int type = 0; type < 3; type++) {
            int types[] = {SOUTH_FLOAT32, SOUTH_INT32, SOUTH_INT64};
            check_order(1, 1, types[type], descending);
            check_order(100, 100, types[type], descending);
            check_order(700, 700, types[type], descending);
            check_order(700, 9, types[type], descending);
        }
    check_resample(1);
    check_resample(37);
    check_copies();
}
