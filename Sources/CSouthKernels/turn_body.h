// Transposition of 4-byte elements, one version.

/// `to[i·rows_apart + j] = from[i + j·columns_apart]` for i below `rows`, j below `columns`.
static void V(turn)(const float *from, ptrdiff_t columns_apart, float *to, ptrdiff_t rows_apart,
    ptrdiff_t rows, ptrdiff_t columns) {
    ptrdiff_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        ptrdiff_t i = 0;
        for (; i + LANES <= rows; i += LANES) {
            vf square[LANES];
#pragma clang loop unroll(full)
            for (int l = 0; l < LANES; l++)
                square[l] = V(load)(from + (j + l) * columns_apart + i);
            V(transpose)(square);
#pragma clang loop unroll(full)
            for (int l = 0; l < LANES; l++) V(store)(to + (i + l) * rows_apart + j, square[l]);
        }
        for (; i < rows; i++)
            for (int l = 0; l < LANES; l++)
                to[i * rows_apart + j + l] = from[(j + l) * columns_apart + i];
    }
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t l = j; l < columns; l++)
            to[i * rows_apart + l] = from[l * columns_apart + i];
}
