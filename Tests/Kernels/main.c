// Tests of the C kernels without Swift, for machines that are only emulated: `Scripts/test-kernels`.
#include "check.h"

int checks, failures;

static void *held[4096];
static int holding;

void *memory(size_t bytes) {
    void *fresh = calloc(bytes + 64, 1);
    if (!fresh || holding == 4096) abort();
    return held[holding++] = fresh;
}

void forget(void) {
    while (holding > 0) free(held[--holding]);
}

float *numbers(ptrdiff_t count, unsigned seed) {
    float *values = memory(sizeof(float) * (size_t)count);
    unsigned state = seed * 2654435761u + 12345;
    for (ptrdiff_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    return values;
}

static void report(const char *name, int passed, const char *what, double value) {
    checks++;
    if (passed) return;
    failures++;
    printf("FAILED %s: %s %g\n", name, what, value);
}

void close_to(const char *name, const float *found, const double *expected, ptrdiff_t count,
    double tolerance) {
    double largest = 1e-30, error = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        if (isfinite(expected[i])) largest = fmax(largest, fabs(expected[i]));
    for (ptrdiff_t i = 0; i < count; i++) {
        if (isnan(expected[i]) ? isnan(found[i]) : found[i] == expected[i]) continue;
        double difference = fabs(found[i] - expected[i]);
        error = isfinite(difference) ? fmax(error, difference) : INFINITY;
    }
    report(name, error <= tolerance * largest, "relative error", error / largest);
}

void same(const char *name, const void *found, const void *expected, size_t bytes) {
    size_t i = 0;
    while (i < bytes && ((const char *)found)[i] == ((const char *)expected)[i]) i++;
    report(name, i == bytes, "differs at byte", (double)i);
}

int main(void) {
    void (*all[])(void) = {check_elements, check_rows, check_products, check_convolutions,
        check_picking, check_spectra, check_pictures, check_numbers};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        all[i]();
        forget();
    }
    const char *sets[] = {"baseline", "avx2", "avx512", "avx512vnni"};
    printf("%d checks, %d failed, %s kernels, %d threads\n", checks, failures,
        sets[south_instruction_set()], south_thread_count());
    return failures > 0;
}
