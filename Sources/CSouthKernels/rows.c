// Reductions, softmax, norms, rotary embedding, look-ups: one row at a time.
#include <stdlib.h>

#include "rows.h"

#define SOUTH_BODY "rows_body.h"
#include "versions.h"

/// Elements of one piece of a long row's reduction.
enum { LONG_PIECE = 4 * SOUTH_PIECE };

typedef struct {
    ptrdiff_t outer, inner, stride, rows_per_task, pieces;
    const float *x, *weight, *bias;
    float epsilon;
    int mode;
    float *y;
    double *partial;
    int32_t *indices;
} rows;

static rows rows_of(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride) {
    return (rows){.outer = outer, .inner = inner, .stride = stride, .x = x};
}

// MARK: Reductions

static double piece_of(const rows *r, const float *x, ptrdiff_t count) {
    return r->mode <= SOUTH_MEAN ? SOUTH_PICK(row_sum)(x, count)
                                 : SOUTH_PICK(row_extreme)(x, count, r->mode == SOUTH_LEAST);
}

static void reduce_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index) {
        double value = piece_of(r, r->x + row * r->stride, r->inner);
        r->y[row] = (float)(r->mode == SOUTH_MEAN ? value / (double)r->inner : value);
    }
}

static void reduce_piece_task(void *context, size_t index) {
    const rows *r = context;
    ptrdiff_t row = (ptrdiff_t)index / r->pieces, piece = (ptrdiff_t)index % r->pieces;
    ptrdiff_t start = piece * LONG_PIECE;
    r->partial[index] = piece_of(
        r, r->x + row * r->stride + start, south_min(LONG_PIECE, r->inner - start));
}

void south_reduce(int reduction, ptrdiff_t outer, ptrdiff_t inner, const float *x,
    ptrdiff_t stride, float *y) {
    rows r = rows_of(outer, inner, x, stride);
    r.mode = reduction;
    r.y = y;
    if (inner <= LONG_PIECE) {
        SHARE(&r, reduce_task);
        return;
    }
    r.pieces = south_ceil(inner, LONG_PIECE);
    r.partial = malloc(sizeof(double) * (size_t)(outer * r.pieces) + 1);
    if (!r.partial) abort();
    south_parallel((size_t)(outer * r.pieces), reduce_piece_task, &r);
    for (ptrdiff_t row = 0; row < outer; row++) {
        const double *partial = r.partial + row * r.pieces;
        double value = partial[0];
        for (ptrdiff_t i = 1; i < r.pieces; i++)
            value = south_combine(reduction, value, partial[i]);
        y[row] = (float)(reduction == SOUTH_MEAN ? value / (double)inner : value);
    }
    free(r.partial);
}

static void arg_max_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index) {
        const float *x = r->x + row * r->stride;
        float greatest = SOUTH_PICK(row_extreme)(x, r->inner, 0);
        ptrdiff_t i = 0;
        while (i < r->inner && !(x[i] == greatest || x[i] != x[i])) i++;
        r->indices[row] = (int32_t)i;
    }
}

void south_arg_max(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    int32_t *y) {
    rows r = rows_of(outer, inner, x, stride);
    r.indices = y;
    SHARE(&r, arg_max_task);
}

static void cumulative_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index) {
        double sum = 0;
        for (ptrdiff_t i = 0; i < r->inner; i++)
            r->y[row * r->inner + i] = (float)(sum += r->x[row * r->stride + i]);
    }
}

void south_cumulative_sum(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    float *y) {
    rows r = rows_of(outer, inner, x, stride);
    r.y = y;
    SHARE(&r, cumulative_task);
}

// MARK: Softmax and norms

static void softmax_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index)
    SOUTH_PICK(softmax_row)(r->x + row * r->stride, r->y + row * r->inner, r->inner, r->mode);
}

void south_softmax(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    int logarithm, float *y) {
    rows r = rows_of(outer, inner, x, stride);
    r.mode = logarithm;
    r.y = y;
    SHARE(&r, softmax_task);
}

static void layer_norm_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index)
    SOUTH_PICK(layer_norm_row)
    (r->x + row * r->stride, r->y + row * r->inner, r->inner, r->weight, r->bias, r->epsilon);
}

void south_layer_norm(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const float *weight, const float *bias, float epsilon, float *y) {
    rows r = rows_of(outer, inner, x, stride);
    r.weight = weight;
    r.bias = bias;
    r.epsilon = epsilon;
    r.y = y;
    SHARE(&r, layer_norm_task);
}

static void rms_norm_task(void *context, size_t index) {
    const rows *r = context;
    SOUTH_EACH_ROW(r, index)
    SOUTH_PICK(rms_norm_row)
    (r->x + row * r->stride, r->y + row * r->inner, r->inner, r->weight, r->epsilon);
}

void south_rms_norm(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const float *weight, float epsilon, float *y) {
    rows r = rows_of(outer, inner, x, stride);
    r.weight = weight;
    r.epsilon = epsilon;
    r.y = y;
    SHARE(&r, rms_norm_task);
}

typedef struct {
    ptrdiff_t channels, inner, groups, batch_stride, channel_stride;
    const float *x, *weight, *bias;
    float epsilon, slope;
    int activation;
    float *y;
} grouping;

static void group_norm_task(void *context, size_t index) {
    const grouping *g = context;
    enum { PART = 4 * SOUTH_BLOCK };
    ptrdiff_t batch = (ptrdiff_t)index / g->groups, group = (ptrdiff_t)index % g->groups;
    ptrdiff_t width = g->channels / g->groups, first = group * width;
    const float *x = g->x + batch * g->batch_stride + first * g->channel_stride;
    // Means and squared deviations of parts that fit the first cache, merged: memory is read once.
    double mean = 0, squares = 0, count = 0;
    for (ptrdiff_t c = 0; c < width; c++)
        for (ptrdiff_t i = 0; i < g->inner; i += PART) {
            const float *part = x + c * g->channel_stride + i;
            ptrdiff_t n = south_min(PART, g->inner - i);
            float part_mean = (float)(SOUTH_PICK(row_sum)(part, n) / (double)n);
            double part_squares = SOUTH_PICK(row_squares)(part, n, part_mean);
            double delta = part_mean - mean, total = count + (double)n;
            squares += part_squares + delta * delta * count * (double)n / total;
            mean += delta * (double)n / total;
            count = total;
        }
    float scale = (float)(1 / sqrt(squares / count + g->epsilon));
    for (ptrdiff_t c = 0; c < width; c++) {
        ptrdiff_t channel = first + c;
        float a = scale * (g->weight ? g->weight[channel] : 1);
        float b = (g->bias ? g->bias[channel] : 0) - (float)mean * a;
        float *y = g->y + (batch * g->channels + channel) * g->inner;
        for (ptrdiff_t i = 0; i < g->inner; i += SOUTH_BLOCK) {
            ptrdiff_t n = south_min(SOUTH_BLOCK, g->inner - i);
            south_affine_activation(
                g->activation, g->slope, a, b, x + c * g->channel_stride + i, y + i, n);
        }
    }
}

void south_group_norm(ptrdiff_t batch, ptrdiff_t channels, ptrdiff_t inner, ptrdiff_t groups,
    const float *x, ptrdiff_t batch_stride, ptrdiff_t channel_stride, const float *weight,
    const float *bias, float epsilon, int activation, float slope, float *y) {
    grouping g = {channels, inner, groups, batch_stride, channel_stride, x, weight, bias, epsilon,
        slope, activation, y};
    if (inner > 0) south_parallel((size_t)(batch * groups), group_norm_task, &g);
}

// MARK: Rotary embedding and look-ups

typedef struct {
    ptrdiff_t time, heads, size;
    const float *x, *cosines, *sines;
    const ptrdiff_t *strides;
    int interleaved;
    float *y;
} rotating;

static void rotary_task(void *context, size_t index) {
    const rotating *r = context;
    ptrdiff_t batch = (ptrdiff_t)index / r->time, time = (ptrdiff_t)index % r->time;
    ptrdiff_t half = r->size / 2;
    const float *c = r->cosines + time * half, *s = r->sines + time * half;
    for (ptrdiff_t head = 0; head < r->heads; head++) {
        const float *x =
            r->x + batch * r->strides[0] + time * r->strides[1] + head * r->strides[2];
        float *y = r->y + ((ptrdiff_t)index * r->heads + head) * r->size;
        if (!r->interleaved) {
            SOUTH_PICK(rotate_halves)(x, y, half, c, s);
            continue;
        }
        for (ptrdiff_t i = 0; i < half; i++) {
            y[2 * i] = x[2 * i] * c[i] - x[2 * i + 1] * s[i];
            y[2 * i + 1] = x[2 * i + 1] * c[i] + x[2 * i] * s[i];
        }
    }
}

void south_rotary(ptrdiff_t batch, ptrdiff_t time, ptrdiff_t heads, ptrdiff_t size,
    const float *x, const ptrdiff_t *x_strides, const float *cosines, const float *sines,
    int interleaved, float *y) {
    rotating r = {time, heads, size, x, cosines, sines, x_strides, interleaved, y};
    south_parallel((size_t)(batch * time), rotary_task, &r);
}

typedef struct {
    ptrdiff_t width;
    const char *table;
    int type;
    const int32_t *ids;
    float *y;
} looking_up;

static void embedding_task(void *context, size_t index) {
    const looking_up *l = context;
    const char *row = l->table + south_bytes(l->type, l->ids[index] * l->width);
    south_widen(row, l->type, l->width, l->y + (ptrdiff_t)index * l->width);
}

void south_embedding(ptrdiff_t count, ptrdiff_t width, const void *table, int type,
    const int32_t *ids, float *y) {
    looking_up l = {width, table, type, ids, y};
    south_parallel((size_t)count, embedding_task, &l);
}
