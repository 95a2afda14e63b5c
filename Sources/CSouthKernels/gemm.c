// Matrix products: one driver for every type of the right operand and every instruction set.
//
// The rows of a are packed first, once, for all threads. Then the result is shared out in tiles:
// strips of columns, and parts of the rows where there are too few strips for the threads. A
// strip's part of b is packed by the task that multiplies it, some depth at a time, and stays in
// the second cache; where several tasks need it, it is packed first as well. How the tiles lie
// depends on the threads, what an element is does not: its sum runs over depths of DEPTH in order,
// whatever tile it is in.
#include "internal.h"

enum {
    /// Depth of a panel, a multiple of every block: a row panel of it fits the first cache.
    DEPTH = 512,
    /// Columns of a strip at most, a multiple of every block.
    STRIP = 256,
    /// Floats of packed rows at most, and of packed columns that several tasks share.
    PACKED = 1 << 22,
    /// Depth that is packed at a time where the rows would pass that limit.
    SLAB = 1024,
    /// Strips for each thread that even out; with fewer, the rows are shared out too.
    ENOUGH = 4,
    /// Multiplications that are not worth a second thread.
    SMALL = 1 << 15,
    /// Rows up to which a product reads the weights in order instead of packing them.
    FEW = 16,
    /// The same for weights in blocks that are packed as integers.
    FEW_FIXED = 8,
    /// Multiplications from which the matrices of a batch are shared out one by one.
    LARGE = 1 << 20,
};

#define SOUTH_BODY "gemm_body.h"
#include "versions.h"

/// Part of a product: some rows, some depth, all columns.
typedef struct {
    const south_product *p;
    south_multiplier with;
    ptrdiff_t row, rows, from, depth;
    /// Panels of rows, evenly long; strips of columns; parts that the panels are shared out in.
    ptrdiff_t panels, strip, strips, parts;
    float *a, *b;
} slab;

static ptrdiff_t padded(const slab *s, ptrdiff_t columns) {
    return south_ceil(columns, s->with.columns) * s->with.columns;
}
static ptrdiff_t panel_row(const slab *s, ptrdiff_t panel) { return panel * s->rows / s->panels; }
/// The packed panel at a depth, which is a multiple of DEPTH from the slab's first.
static float *packed_rows(const slab *s, ptrdiff_t panel, ptrdiff_t l, ptrdiff_t depth) {
    return s->a + s->with.rows * (s->panels * l + panel * depth);
}

static void pack_columns(const slab *s, ptrdiff_t strip, ptrdiff_t l, ptrdiff_t depth,
    float *panels) {
    const south_product *p = s->p;
    ptrdiff_t j = strip * s->strip, columns = south_min(s->strip, p->n - j);
    s->with.pack_strip(p->b, p->b_type, (s->from + l) * p->b_strides[0] + j * p->b_strides[1],
        p->b_strides[0], p->b_strides[1], columns, depth, panels);
}
/// A strip's packed columns in the shared room.
static float *shared_columns(const slab *s, ptrdiff_t strip, ptrdiff_t l) {
    ptrdiff_t j = strip * s->strip, columns = padded(s, south_min(s->strip, s->p->n - j));
    return s->b + j * s->depth + columns * l;
}

static void pack_task(void *context, size_t index) {
    const slab *s = context;
    const south_product *p = s->p;
    ptrdiff_t panel = (ptrdiff_t)index;
    for (ptrdiff_t l = 0; l < s->depth; l += DEPTH) {
        ptrdiff_t depth = south_min(DEPTH, s->depth - l);
        if (panel < s->panels) {
            ptrdiff_t row = panel_row(s, panel);
            s->with.pack_rows(p->a + (s->row + row) * p->a_strides[0]
                    + (s->from + l) * p->a_strides[1],
                p->a_strides[0], p->a_strides[1], panel_row(s, panel + 1) - row, depth,
                packed_rows(s, panel, l, depth));
        } else {
            ptrdiff_t strip = panel - s->panels;
            pack_columns(s, strip, l, depth, shared_columns(s, strip, l));
        }
    }
}

void south_finish(const south_product *p, ptrdiff_t i, ptrdiff_t rows, ptrdiff_t j,
    ptrdiff_t columns) {
    if (!p->bias && !p->residual && p->activation == SOUTH_IDENTITY) return;
    for (ptrdiff_t row = i; row < i + rows; row++)
        south_epilogue(p->c + row * p->c_stride + j, columns, p->bias ? p->bias + j : NULL,
            p->activation, p->slope,
            p->residual ? p->residual + row * p->residual_stride + j : NULL);
}

static void multiply_task(void *context, size_t index) {
    const slab *s = context;
    const south_product *p = s->p;
    ptrdiff_t strip = (ptrdiff_t)index / s->parts, part = (ptrdiff_t)index % s->parts;
    ptrdiff_t j = strip * s->strip, columns = south_min(s->strip, p->n - j);
    float *own = s->b ? NULL
                      : south_scratch(SOUTH_SCRATCH_COLUMNS,
                          sizeof(float) * (size_t)(padded(s, columns) * DEPTH));
    for (ptrdiff_t l = 0; l < s->depth; l += DEPTH) {
        ptrdiff_t depth = south_min(DEPTH, s->depth - l);
        if (own) pack_columns(s, strip, l, depth, own);
        const float *b = own ? own : shared_columns(s, strip, l);
        int adds = p->adds || s->from + l > 0, last = s->from + l + depth == p->k;
        for (ptrdiff_t panel = part * s->panels / s->parts;
             panel < (part + 1) * s->panels / s->parts; panel++) {
            ptrdiff_t row = panel_row(s, panel), rows = panel_row(s, panel + 1) - row;
            float *c = p->c + (s->row + row) * p->c_stride + j;
            s->with.multiply_strip(rows, columns, depth, packed_rows(s, panel, l, depth), b, adds,
                c, p->c_stride);
            // The rows are still in the first cache.
            if (last) south_finish(p, s->row + row, rows, j, columns);
        }
    }
}

static void share(size_t count, void (*task)(void *, size_t), slab *s) {
    if (s->rows * s->depth * s->p->n > SMALL) {
        south_parallel(count, task, s);
        return;
    }
    for (size_t i = 0; i < count; i++) task(s, i);
}

static void multiply_slab(slab *s, int shares_columns) {
    const south_product *p = s->p;
    s->panels = south_ceil(s->rows, s->with.rows);
    s->a = south_scratch(SOUTH_SCRATCH_ROWS,
        sizeof(float) * (size_t)(s->panels * s->with.rows * s->depth));
    s->parts = 1;
    s->b = NULL;
    if (shares_columns) {
        s->parts = south_min(south_ceil(ENOUGH * south_thread_count(), s->strips), s->panels);
        s->b = south_scratch(SOUTH_SCRATCH_SHARED,
            sizeof(float) * (size_t)(padded(s, p->n) * s->depth));
    }
    share((size_t)(s->panels + (s->b ? s->strips : 0)), pack_task, s);
    share((size_t)(s->strips * s->parts), multiply_task, s);
}

static void multiply_many_rows(const south_product *p) {
    slab s = {.p = p, .with = SOUTH_PICK(multiplier)};
    const south_multiplier *fixed = p->b_strides[0] == 1 ? south_fixed_multiplier(p->b_type) : NULL;
    if (fixed) s.with = *fixed;
    s.strip = south_is_blocks(p->b_type) ? STRIP : south_part(p->n, STRIP, s.with.columns);
    s.strips = south_ceil(p->n, s.strip);
    int threads = south_thread_count();
    int shares_columns = threads > 1 && s.strips < ENOUGH * threads && p->m > s.with.rows;
    ptrdiff_t widest = south_max(p->m, shares_columns ? p->n : 1);
    ptrdiff_t depth = widest * p->k <= PACKED ? p->k : south_min(SLAB, p->k);
    ptrdiff_t rows = south_max(PACKED / depth, s.with.rows);
    for (s.from = 0; s.from < p->k; s.from += depth) {
        s.depth = south_min(depth, p->k - s.from);
        for (s.row = 0; s.row < p->m; s.row += rows) {
            s.rows = south_min(rows, p->m - s.row);
            multiply_slab(&s, shares_columns);
        }
    }
}

void south_multiply(const south_product *p) {
    if (p->m == 0 || p->n == 0) return;
    if (p->k == 0) {
        for (ptrdiff_t i = 0; i < p->m && !p->adds; i++)
            memset(p->c + i * p->c_stride, 0, (size_t)p->n * 4);
        south_finish(p, 0, p->m, 0, p->n);
    } else if (p->m <= (south_fixed_multiplier(p->b_type) ? FEW_FIXED : FEW) && p->a_strides[1] == 1 && p->b_strides[0] == 1 && !p->adds) {
        south_multiply_few(p);
    } else {
        multiply_many_rows(p);
    }
}

// MARK: Batches and linear layers

typedef struct {
    south_product first;
    ptrdiff_t a_stride, b_stride;
} batch_of_products;

static void batch_task(void *context, size_t index) {
    const batch_of_products *b = context;
    ptrdiff_t i = (ptrdiff_t)index;
    south_product p = b->first;
    p.a += i * b->a_stride;
    p.b = (const char *)p.b + south_bytes(p.b_type, i * b->b_stride);
    p.c += i * p.m * p.n;
    south_multiply(&p);
}

void south_matmul(ptrdiff_t batch, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a,
    const ptrdiff_t *a_strides, const void *b, int b_type, const ptrdiff_t *b_strides, float *y) {
    batch_of_products all = {
        .first = {
            .m = m, .n = n, .k = k, .a = a, .b = b, .b_type = b_type, .c = y, .c_stride = n,
            .a_strides = {a_strides[1], a_strides[2]},
            .b_strides = {b_strides[1], b_strides[2]},
        },
        .a_stride = a_strides[0], .b_stride = b_strides[0],
    };
    // A large product is shared by all threads; small ones are shared out.
    if (m * n * k >= LARGE)
        for (ptrdiff_t i = 0; i < batch; i++) batch_task(&all, (size_t)i);
    else
        south_parallel((size_t)batch, batch_task, &all);
}

void south_linear(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int weight_type, const float *bias, int activation, float slope,
    const float *residual, ptrdiff_t residual_stride, float *y) {
    south_multiply(&(south_product){
        .m = m, .n = n, .k = k, .a = x, .a_strides = {x_stride, 1}, .b = weight,
        .b_type = weight_type, .b_strides = {1, k}, .c = y, .c_stride = n, .bias = bias,
        .activation = activation, .slope = slope, .residual = residual,
        .residual_stride = residual_stride,
    });
}
