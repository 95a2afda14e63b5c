// What the kernels' tests share. Each compares a kernel with a plain loop in the same file.
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "southkernels.h"

extern int checks, failures;

/// Numbers in [−1, 1) that depend on the seed alone; freed by `forget`.
float *numbers(ptrdiff_t count, unsigned seed);
/// Memory of zeros that `forget` frees.
void *memory(size_t bytes);
void forget(void);

/// Holds `found` against `expected`, relative to the largest of those; NaN stands for NaN.
void close_to(const char *name, const float *found, const double *expected, ptrdiff_t count,
    double tolerance);
/// Holds bytes against bytes.
void same(const char *name, const void *found, const void *expected, size_t bytes);

void check_elements(void);
void check_rows(void);
void check_products(void);
void check_convolutions(void);
void check_picking(void);
void check_spectra(void);
void check_pictures(void);
void check_numbers(void);

#endif
