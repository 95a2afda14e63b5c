// Fourier transforms of rows of any length: stages of radix 4, 2, 3, 5 and other small primes in
// Stockham's order, which needs no reordering; lengths with a large prime by Bluestein's
// convolution. As many rows as a vector has lanes go through side by side.
#include <stdlib.h>

#include "internal.h"

enum { MAX_STAGES = 64, LARGEST_RADIX = 31 };
enum { SOUTH_COMPLEX, SOUTH_REAL };

/// What all rows share.
typedef struct {
    /// Elements of the complex transform, and of the one that its stages do: larger for Bluestein.
    ptrdiff_t count, length;
    int stages, radices[MAX_STAGES];
    /// Of each stage `[m, radix − 1]`, one after the other; and its roots, if it is a plain one.
    float *twiddles, *roots[MAX_STAGES];
    /// `e^(−iπk²/n)`, and the spectrum of its inverse over `length`; else null.
    float *chirp, *chirp_spectrum;
    /// `e^(−2πik/n)` for k up to n/2, for real rows of even length; else null.
    float *turns;
} south_plan;

typedef struct {
    const south_plan *plan;
    int kind, inverse;
    ptrdiff_t rows, n, stride;
    const float *x;
    float *y;
} south_spectra;

#define SOUTH_BODY "spectra_body.h"
#include "versions.h"

static float *floats(ptrdiff_t count) {
    float *memory = malloc(sizeof(float) * (size_t)(count + 1));
    if (!memory) abort();
    return memory;
}

/// `e^(−2πi·k/n)`
static void write_root(ptrdiff_t k, ptrdiff_t n, float *to) {
    double angle = -2 * M_PI * (double)(k % n) / (double)n;
    to[0] = (float)cos(angle);
    to[1] = (float)sin(angle);
}

static float *roots_of(ptrdiff_t n, ptrdiff_t count) {
    float *roots = floats(2 * count);
    for (ptrdiff_t k = 0; k < count; k++) write_root(k, n, roots + 2 * k);
    return roots;
}

/// Splits `n` into radices; 0 where a prime is too large.
static int factor(south_plan *plan, ptrdiff_t n) {
    plan->length = n;
    plan->stages = 0;
    while (n % 4 == 0) {
        plan->radices[plan->stages++] = 4;
        n /= 4;
    }
    for (int radix = 2; n > 1; radix++) {
        if (radix > LARGEST_RADIX) return 0;
        while (n % radix == 0) {
            plan->radices[plan->stages++] = radix;
            n /= radix;
        }
    }
    return 1;
}

static void write_twiddles(south_plan *plan) {
    ptrdiff_t total = 0, rest = plan->length;
    for (int i = 0; i < plan->stages; i++) {
        rest /= plan->radices[i];
        total += rest * (plan->radices[i] - 1);
    }
    float *w = plan->twiddles = floats(2 * total);
    rest = plan->length;
    for (int i = 0; i < plan->stages; i++) {
        int radix = plan->radices[i];
        for (ptrdiff_t p = 0; p < rest / radix; p++)
            for (int j = 1; j < radix; j++, w += 2) write_root(p * j, rest, w);
        plan->roots[i] = radix > 5 ? roots_of(radix, radix) : NULL;
        rest /= radix;
    }
}

/// The chirp and its spectrum: the inverse chirp, wrapped around, through the stages themselves
/// in the first lane.
static void write_chirp(south_plan *plan) {
    ptrdiff_t n = plan->count, length = 1;
    while (length < 2 * n - 1) length *= 2;
    factor(plan, length);
    write_twiddles(plan);
    plan->chirp = floats(2 * n);
    plan->chirp_spectrum = floats(2 * length);
    const int lanes = 16;  // the widest vectors
    float *a = calloc((size_t)(4 * length * lanes), sizeof(float));
    if (!a) abort();
    float *b = a + 2 * length * lanes;
    int width = SOUTH_PICK(lane_count)();
    ptrdiff_t square = 0;  // k² mod 2n
    for (ptrdiff_t k = 0; k < n; k++) {
        write_root(square, 2 * n, plan->chirp + 2 * k);
        for (int side = 0; side < 2; side++) {
            ptrdiff_t at = side == 0 ? k : (length - k) % length;
            a[2 * at * width] = plan->chirp[2 * k];
            a[(2 * at + 1) * width] = -plan->chirp[2 * k + 1];
        }
        square = (square + 2 * k + 1) % (2 * n);
    }
    const float *spectrum = SOUTH_PICK(stages)(plan, a, b);
    for (ptrdiff_t k = 0; k < 2 * length; k++)
        plan->chirp_spectrum[k] = spectrum[k * width] / (float)length;
    free(a);
}

static south_plan plan_of(ptrdiff_t n, int kind) {
    int halves = kind == SOUTH_REAL && n % 2 == 0;
    south_plan plan = {.count = halves ? n / 2 : n};
    if (factor(&plan, plan.count))
        write_twiddles(&plan);
    else
        write_chirp(&plan);
    if (halves) plan.turns = roots_of(n, n / 2 + 1);
    return plan;
}

static void free_plan(south_plan *plan) {
    free(plan->twiddles);
    free(plan->chirp);
    free(plan->chirp_spectrum);
    free(plan->turns);
    for (int i = 0; i < plan->stages; i++) free(plan->roots[i]);
}

static void fourier_task(void *context, size_t index) {
    const south_spectra *s = context;
    ptrdiff_t lanes = SOUTH_PICK(lane_count)(), first = (ptrdiff_t)index * lanes;
    SOUTH_PICK(fourier)(s, first, south_min(lanes, s->rows - first));
}

static void transform(int kind, int inverse, ptrdiff_t rows, ptrdiff_t n, const float *x,
    ptrdiff_t stride, float *y) {
    if (rows == 0 || n == 0) return;
    south_plan plan = plan_of(n, kind);
    south_spectra s = {&plan, kind, inverse, rows, n, stride, x, y};
    south_parallel((size_t)south_ceil(rows, SOUTH_PICK(lane_count)()), fourier_task, &s);
    free_plan(&plan);
}

void south_fourier(ptrdiff_t rows, ptrdiff_t n, const float *x, int inverse, float *y) {
    transform(SOUTH_COMPLEX, inverse, rows, n, x, 2 * n, y);
}

void south_real_fourier(ptrdiff_t rows, ptrdiff_t n, const float *x, ptrdiff_t stride, float *y) {
    transform(SOUTH_REAL, 0, rows, n, x, stride, y);
}

void south_inverse_real_fourier(ptrdiff_t rows, ptrdiff_t n, const float *x, float *y) {
    transform(SOUTH_REAL, 1, rows, n, x, 2 * (n / 2 + 1), y);
}

// MARK: Frames

typedef struct {
    ptrdiff_t frames, size, hop, length, pieces;
    const float *x;
    float *y;
} overlapping;

static void overlap_task(void *context, size_t index) {
    const overlapping *o = context;
    ptrdiff_t row = (ptrdiff_t)index / o->pieces;
    ptrdiff_t first = (ptrdiff_t)index % o->pieces * SOUTH_PIECE;
    ptrdiff_t end = south_min(first + SOUTH_PIECE, o->length);
    const float *x = o->x + row * o->frames * o->size;
    float *y = o->y + row * o->length;
    memset(y + first, 0, sizeof(float) * (size_t)(end - first));
    ptrdiff_t frame = south_max(south_ceil(first - o->size + 1, o->hop), 0);
    for (; frame < o->frames && frame * o->hop < end; frame++) {
        ptrdiff_t at = frame * o->hop, from = south_max(first, at);
        for (ptrdiff_t i = from; i < south_min(end, at + o->size); i++)
            y[i] += x[frame * o->size + i - at];
    }
}

void south_overlap_add(ptrdiff_t rows, ptrdiff_t frames, ptrdiff_t size, ptrdiff_t hop,
    const float *x, ptrdiff_t length, float *y) {
    overlapping o = {frames, size, hop, length, south_ceil(length, SOUTH_PIECE), x, y};
    south_parallel((size_t)(rows * o.pieces), overlap_task, &o);
}
