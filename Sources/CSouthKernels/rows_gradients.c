// Reductions of columns, and the backward passes of softmax, cross-entropy and norms.
#include <stdlib.h>

#include "rows.h"

#define SOUTH_BODY "rows_gradients_body.h"
#include "versions.h"

typedef struct {
    ptrdiff_t outer, inner, stride, rows_per_task;
    const float *x, *y, *gradient, *weight, *log_sums;
    const int32_t *targets;
    float epsilon;
    int mode;
    int32_t ignored;
    float *result, *second;
    /// Sums over the rows of each task: of the weight's gradient, then of the bias's.
    float *partial;
} rows;

// MARK: Columns

/// Rows that are added in floats before their sum goes to the double ones, and columns at a time.
enum { ROWS = 64, COLUMNS = SOUTH_BLOCK };

typedef struct {
    ptrdiff_t outer, inner, stride, bands, height;
    const float *x;
    int reduction;
    double *partial;
} columns;

/// A band of rows of some columns.
static void columns_task(void *context, size_t index) {
    const columns *c = context;
    ptrdiff_t band = (ptrdiff_t)index % c->bands;
    ptrdiff_t first = (ptrdiff_t)index / c->bands * COLUMNS;
    ptrdiff_t n = south_min(COLUMNS, c->inner - first);
    ptrdiff_t end = south_min((band + 1) * c->height, c->outer);
    double *total = c->partial + band * c->inner + first;
    float part[COLUMNS];
    for (ptrdiff_t row = band * c->height; row < end;) {
        int opens = row == band * c->height;
        memcpy(part, c->x + row * c->stride + first, (size_t)n * 4);
        ptrdiff_t stop = south_min(row + ROWS, end);
        for (row++; row < stop; row++)
            SOUTH_PICK(combine_rows)(c->reduction, c->x + row * c->stride + first, part, n);
        for (ptrdiff_t j = 0; j < n; j++)
            total[j] = opens ? part[j] : south_combine(c->reduction, total[j], part[j]);
    }
}

void south_reduce_columns(int reduction, ptrdiff_t outer, ptrdiff_t inner, const float *x,
    ptrdiff_t stride, float *y) {
    columns c = {.outer = outer, .inner = inner, .stride = stride, .x = x, .reduction = reduction};
    if (inner == 0) return;
    // Bands such that there are some pieces to share however narrow the rows are.
    c.height = south_max(south_ceil(outer, 32), 4 * ROWS);
    c.bands = south_max(south_ceil(outer, c.height), 1);
    c.partial = malloc(sizeof(double) * (size_t)(c.bands * inner));
    if (!c.partial) abort();
    if (outer > 0)
        south_parallel((size_t)(c.bands * south_ceil(inner, COLUMNS)), columns_task, &c);
    else
        for (ptrdiff_t j = 0; j < inner; j++)
            c.partial[j] = reduction <= SOUTH_MEAN ? 0
                : reduction == SOUTH_GREATEST      ? -(double)INFINITY
                                                   : (double)INFINITY;
    for (ptrdiff_t j = 0; j < inner; j++) {
        double value = c.partial[j];
        for (ptrdiff_t band = 1; band < c.bands; band++)
            value = south_combine(reduction, value, c.partial[band * inner + j]);
        y[j] = (float)(reduction == SOUTH_MEAN ? value / (double)outer : value);
    }
    free(c.partial);
}

// MARK: Softmax and cross-entropy

static void softmax_gradient_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index)
    SOUTH_PICK(softmax_gradient_row)
    (r->y + row * r->inner, r->gradient + row * r->inner, r->inner, r->mode,
        r->result + row * r->inner);
}

void south_softmax_gradient(ptrdiff_t outer, ptrdiff_t inner, const float *y,
    const float *gradient, int logarithm, float *to_x) {
    rows r = {.outer = outer, .inner = inner, .y = y, .gradient = gradient, .mode = logarithm,
        .result = to_x};
    SHARE(&r, softmax_gradient_task);
}

static void cross_entropy_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index) {
        r->result[row] = r->second[row] = 0;
        if (r->targets[row] == r->ignored) continue;
        const float *x = r->x + row * r->stride;
        float greatest = SOUTH_PICK(row_extreme)(x, r->inner, 0);
        float room[SOUTH_BLOCK];
        double total = 0;
        for (ptrdiff_t i = 0; i < r->inner; i += SOUTH_BLOCK)
            total += SOUTH_PICK(row_exponentials)(
                x + i, room, south_min(SOUTH_BLOCK, r->inner - i), 1, greatest);
        // The difference first: a great maximum must not swallow the logarithm.
        r->result[row] = (float)(log(total) + ((double)greatest - x[r->targets[row]]));
        r->second[row] = (float)(log(total) + greatest);
    }
}

void south_cross_entropy(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const int32_t *targets, int32_t ignored, float *losses, float *log_sums) {
    rows r = {.outer = outer, .inner = inner, .x = x, .stride = stride, .targets = targets,
        .ignored = ignored, .result = losses, .second = log_sums};
    SHARE(&r, cross_entropy_task);
}

static void cross_entropy_gradient_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index) {
        float *to_x = r->result + row * r->inner;
        if (r->targets[row] == r->ignored) {
            memset(to_x, 0, (size_t)r->inner * 4);
            continue;
        }
        SOUTH_PICK(row_probabilities)
        (r->x + row * r->stride, r->inner, r->log_sums[row], r->gradient[row], to_x);
        to_x[r->targets[row]] -= r->gradient[row];
    }
}

void south_cross_entropy_gradient(ptrdiff_t outer, ptrdiff_t inner, const float *x,
    ptrdiff_t stride, const int32_t *targets, int32_t ignored, const float *log_sums,
    const float *gradient, float *to_x) {
    rows r = {.outer = outer, .inner = inner, .x = x, .stride = stride, .targets = targets,
        .ignored = ignored, .log_sums = log_sums, .gradient = gradient, .result = to_x};
    SHARE(&r, cross_entropy_gradient_task);
}

// MARK: Norms

static void row_norm_gradient_task(void *context, size_t index) {
    const rows *r = context;
    float *sums = r->partial + (ptrdiff_t)index * 2 * r->inner;
    memset(sums, 0, sizeof(float) * (size_t)(2 * r->inner));
    double n = (double)r->inner;
    SOUTH_EACH_ROW(r, index) {
        const float *x = r->x + row * r->stride, *gradient = r->gradient + row * r->inner;
        float mean = r->mode ? (float)(SOUTH_PICK(row_sum)(x, r->inner) / n) : 0;
        double variance = SOUTH_PICK(row_squares)(x, r->inner, mean) / n, sum, product;
        float scale = (float)(1 / sqrt(variance + r->epsilon));
        SOUTH_PICK(norm_sums)
        (x, gradient, r->weight, r->inner, mean, scale, &sum, &product);
        SOUTH_PICK(norm_gradient_row)
        (x, gradient, r->weight, r->inner, mean, scale, r->mode ? (float)(sum / n) : 0,
            (float)(product / n), r->result + row * r->inner, sums, sums + r->inner);
    }
}

void south_row_norm_gradient(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const float *weight, float epsilon, int centred, const float *gradient, float *to_x,
    float *to_weight, float *to_bias) {
    rows r = {.outer = outer, .inner = inner, .x = x, .stride = stride, .weight = weight,
        .epsilon = epsilon, .mode = centred, .gradient = gradient, .result = to_x};
    if (inner == 0) return;
    // At most 64 tasks, so that their sums stay small beside the operand.
    r.rows_per_task = south_max(south_max(SOUTH_PIECE / inner, 1), south_ceil(outer, 64));
    ptrdiff_t tasks = south_ceil(outer, r.rows_per_task);
    r.partial = malloc(sizeof(float) * (size_t)(tasks * 2 * inner) + 1);
    if (!r.partial) abort();
    south_parallel((size_t)tasks, row_norm_gradient_task, &r);
    if (to_weight) south_reduce_columns(SOUTH_SUM, tasks, inner, r.partial, 2 * inner, to_weight);
    if (to_bias)
        south_reduce_columns(SOUTH_SUM, tasks, inner, r.partial + inner, 2 * inner, to_bias);
    free(r.partial);
}

typedef struct {
    ptrdiff_t channels, inner, groups, batch_stride, channel_stride;
    const float *x, *weight, *bias, *gradient;
    float epsilon, slope;
    int activation;
    float *to_x, *to_weight, *to_bias;
} grouping;

static void group_norm_gradient_task(void *context, size_t index) {
    const grouping *g = context;
    ptrdiff_t batch = (ptrdiff_t)index / g->groups, group = (ptrdiff_t)index % g->groups;
    ptrdiff_t width = g->channels / g->groups, first = group * width;
    const float *x = g->x + batch * g->batch_stride + first * g->channel_stride;
    double n = (double)(width * g->inner), mean = 0, squares = 0;
    for (ptrdiff_t c = 0; c < width; c++)
        mean += SOUTH_PICK(row_sum)(x + c * g->channel_stride, g->inner);
    mean /= n;
    for (ptrdiff_t c = 0; c < width; c++)
        squares += SOUTH_PICK(row_squares)(x + c * g->channel_stride, g->inner, (float)mean);
    float scale = (float)(1 / sqrt(squares / n + g->epsilon));

    // The gradient behind the activation goes to the result's place, and is read there again.
    double sum = 0, product = 0;
    for (ptrdiff_t c = 0; c < width; c++) {
        ptrdiff_t channel = first + c, at = (batch * g->channels + channel) * g->inner;
        const float *row = x + c * g->channel_stride, *arriving = g->gradient + at;
        float *to_x = g->to_x + at;
        float weight = g->weight ? g->weight[channel] : 1, bias = g->bias ? g->bias[channel] : 0;
        float a = scale * weight, b = bias - (float)mean * a;
        double channel_sum = 0, channel_product = 0;
        for (ptrdiff_t i = 0; i < g->inner; i += SOUTH_BLOCK) {
            ptrdiff_t count = south_min(SOUTH_BLOCK, g->inner - i);
            const float *behind = arriving + i;
            if (g->activation != SOUTH_IDENTITY) {
                float room[SOUTH_BLOCK];
                SOUTH_PICK(row_affine)(row + i, room, count, a, b);
                south_unary_gradient_dense(
                    g->activation, g->slope, 0, room, behind, to_x + i, count);
                behind = to_x + i;
            }
            double s, p;
            SOUTH_PICK(norm_sums)(row + i, behind, NULL, count, (float)mean, scale, &s, &p);
            channel_sum += s;
            channel_product += p;
        }
        g->to_bias[batch * g->channels + channel] = (float)channel_sum;
        g->to_weight[batch * g->channels + channel] = (float)channel_product;
        sum += channel_sum * weight;
        product += channel_product * weight;
    }
    for (ptrdiff_t c = 0; c < width; c++) {
        ptrdiff_t channel = first + c, at = (batch * g->channels + channel) * g->inner;
        const float *behind = (g->activation != SOUTH_IDENTITY ? g->to_x : g->gradient) + at;
        const float *row = x + c * g->channel_stride;
        float weight = g->weight ? g->weight[channel] : 1;
        SOUTH_PICK(group_gradient_row)
        (row, behind, g->inner, (float)mean, scale, weight, (float)(sum / n),
            (float)(product / n), g->to_x + at);
    }
}

void south_group_norm_gradient(ptrdiff_t batch, ptrdiff_t channels, ptrdiff_t inner,
    ptrdiff_t groups, const float *x, ptrdiff_t batch_stride, ptrdiff_t channel_stride,
    const float *weight, const float *bias, float epsilon, int activation, float slope,
    const float *gradient, float *to_x, float *to_weight, float *to_bias) {
    grouping g = {channels, inner, groups, batch_stride, channel_stride, x, weight, bias, gradient,
        epsilon, slope, activation, to_x, to_weight, to_bias};
    if (channels > 0) south_parallel((size_t)(batch * groups), group_norm_gradient_task, &g);
}
