// Attention without the matrix of scores, forward and backward: some queries against some keys at
// a time, with the softmax carried along, so that memory does not grow with the sequence.
#include <stdlib.h>

#include "internal.h"

typedef struct {
    south_attention_shape s;
    const float *q, *k, *v, *mask, *extra_key, *extra_value;
    float *y, *log_sums;
    /// Query heads of a key head; a task's rows are those of all of them, one after the other.
    ptrdiff_t group, tasks;
} attending;

typedef struct {
    attending forward;
    const float *gradient;
    float *to_q, *to_k, *to_v, *to_mask, *to_extra_key, *to_extra_value;
    /// Keys of a task, tasks of a head, and the queries' gradients by each task but the first.
    ptrdiff_t part, parts, count;
    float *partial;
} attending_back;

/// Few rows: `found` holds `width` numbers of each task's every row.
typedef struct {
    attending forward;
    ptrdiff_t width;
    float *found;
} attending_few;

#define SOUTH_BODY "attention_body.h"
#include "versions.h"

enum {
    /// Rows of a task.
    TASK_ROWS = 64,
    /// Rows up to which they are taken one by one, and keys of a task and of a step then.
    FEW = 4, TASK_KEYS = 1024, STEP_KEYS = 64,
    /// Tasks that a backward pass should have, and the fewest keys of one.
    TASKS = 16, PART_KEYS = 256,
};

static attending attending_of(const south_attention_shape *shape, const float *q, const float *k,
    const float *v, const south_attention_extras *extras) {
    attending a = {.s = *shape, .q = q, .k = k, .v = v, .mask = extras->mask,
        .extra_key = extras->key, .extra_value = extras->value};
    a.group = shape->heads / south_max(shape->key_heads, 1);
    return a;
}

static void attention_task(void *context, size_t index) {
    const attending *a = context;
    ptrdiff_t rows = a->s.queries * a->group;
    ptrdiff_t first = (ptrdiff_t)index % a->tasks * TASK_ROWS, head = (ptrdiff_t)index / a->tasks;
    SOUTH_PICK(attend)
    (a, head / a->s.key_heads, head % a->s.key_heads, first, south_min(TASK_ROWS, rows - first));
}

// MARK: Few rows

/// What one task finds for one row: its greatest score, the sum of powers, and weighted values.
static float *found_by(const attending_few *f, ptrdiff_t task, ptrdiff_t row) {
    return f->found + (task * f->forward.group * f->forward.s.queries + row) * f->width;
}

static void few_task(void *context, size_t index) {
    const attending_few *f = context;
    const attending *a = &f->forward;
    const south_attention_shape *s = &a->s;
    ptrdiff_t piece = (ptrdiff_t)index % a->tasks, head = (ptrdiff_t)index / a->tasks;
    ptrdiff_t batch = head / s->key_heads, key_head = head % s->key_heads;
    ptrdiff_t rows = s->queries * a->group, d = s->size, e = s->value_size;
    ptrdiff_t start = piece * TASK_KEYS, end = south_min(start + TASK_KEYS, s->keys), n;
    int extra = a->extra_key && piece == a->tasks - 1;
    const float *k = a->k + batch * s->k_strides[0] + key_head * s->k_strides[1];
    const float *v = a->v + batch * s->v_strides[0] + key_head * s->v_strides[1];
    float *queries = south_scratch(0, sizeof(float) * (size_t)(rows * d + 1));
    for (ptrdiff_t i = 0; i < rows; i++) {
        float *mine = found_by(f, (ptrdiff_t)index, i);
        memset(mine, 0, sizeof(float) * (size_t)f->width);
        mine[0] = -INFINITY;
        const float *q = a->q + batch * s->q_strides[0]
            + (key_head * a->group + i / s->queries) * s->q_strides[1]
            + i % s->queries * s->q_strides[2];
        for (ptrdiff_t l = 0; l < d; l++) queries[i * d + l] = q[l] * s->scale;
    }
    for (ptrdiff_t key = start; key < end + extra; key += n) {
        int last = key == end;
        n = last ? 1 : south_min(STEP_KEYS, end - key);
        const float *block = last ? a->extra_key + key_head * d : k + key * s->k_strides[2];
        const float *values = last ? a->extra_value + key_head * e : v + key * s->v_strides[2];
        float scores[FEW * STEP_KEYS];
        south_gemv(rows, n, d, queries, d, block, SOUTH_FLOAT32, s->k_strides[2], scores, n);
        for (ptrdiff_t i = 0; i < rows; i++) {
            float *row = scores + i * n, *mine = found_by(f, (ptrdiff_t)index, i);
            ptrdiff_t query = i % s->queries, h = key_head * a->group + i / s->queries;
            const ptrdiff_t *t = s->mask_strides;
            if (a->mask && !last)
                for (ptrdiff_t j = 0; j < n; j++)
                    row[j] += a->mask[batch * t[0] + h * t[1] + query * t[2] + (key + j) * t[3]];
            if (s->causal && !last)
                for (ptrdiff_t j = south_max(query + s->keys - s->queries + 1 - key, 0); j < n; j++)
                    row[j] = -INFINITY;
            float most = mine[0], old = most, sum = 0;
            for (ptrdiff_t j = 0; j < n; j++) most = row[j] > most ? row[j] : most;
            float shift = most == -INFINITY ? 0 : most, factor = expf(old - shift);
            south_unary_dense(SOUTH_AFFINE, 1, -shift, row, row, n);
            south_unary_dense(SOUTH_EXPONENTIAL, 0, 0, row, row, n);
            for (ptrdiff_t j = 0; j < n; j++) sum += row[j];
            mine[0] = most;
            mine[1] = mine[1] * factor + sum;
            if (factor != 1) south_unary_dense(SOUTH_AFFINE, factor, 0, mine + 2, mine + 2, e);
            south_add_rows(n, e, row, values, last ? e : s->v_strides[2], mine + 2);
        }
    }
}

/// Puts together what the tasks of each row found.
static void merge_few(const attending_few *f) {
    const attending *a = &f->forward;
    const south_attention_shape *s = &a->s;
    ptrdiff_t rows = s->queries * a->group, e = s->value_size;
    for (ptrdiff_t head = 0; head < s->batch * s->key_heads; head++)
        for (ptrdiff_t i = 0; i < rows; i++) {
            ptrdiff_t batch = head / s->key_heads, query = i % s->queries;
            ptrdiff_t h = head % s->key_heads * a->group + i / s->queries;
            float *y = a->y + ((batch * s->queries + query) * s->heads + h) * e;
            float most = -INFINITY, total = 0;
            for (ptrdiff_t task = 0; task < a->tasks; task++)
                most = fmaxf(most, found_by(f, head * a->tasks + task, i)[0]);
            float shift = most == -INFINITY ? 0 : most;
            memset(y, 0, (size_t)e * 4);
            for (ptrdiff_t task = 0; task < a->tasks; task++) {
                const float *found = found_by(f, head * a->tasks + task, i);
                float factor = expf(found[0] - shift);
                total += found[1] * factor;
                for (ptrdiff_t l = 0; l < e; l++) y[l] += found[2 + l] * factor;
            }
            for (ptrdiff_t l = 0; l < e; l++) y[l] = total == 0 ? 0 : y[l] / total;
            if (a->log_sums)
                a->log_sums[(batch * s->heads + h) * s->queries + query] =
                    total == 0 ? -INFINITY : shift + logf(total);
        }
}

void south_attention(const south_attention_shape *shape, const float *q, const float *k,
    const float *v, const south_attention_extras *extras, float *y, float *log_sums) {
    attending a = attending_of(shape, q, k, v, extras);
    a.y = y;
    a.log_sums = log_sums;
    ptrdiff_t rows = shape->queries * a.group, heads = shape->batch * shape->key_heads;
    if (heads * rows == 0) return;
    if (rows > FEW) {
        a.tasks = south_ceil(rows, TASK_ROWS);
        south_parallel((size_t)(heads * a.tasks), attention_task, &a);
        return;
    }
    a.tasks = south_max(south_ceil(shape->keys, TASK_KEYS), 1);
    attending_few few = {.forward = a, .width = shape->value_size + 2};
    few.found = malloc(sizeof(float) * (size_t)(heads * a.tasks * rows * few.width));
    if (!few.found) abort();
    south_parallel((size_t)(heads * a.tasks), few_task, &few);
    merge_few(&few);
    free(few.found);
}

// MARK: Backward

static void attention_back_task(void *context, size_t index) {
    const attending_back *b = context;
    const south_attention_shape *s = &b->forward.s;
    ptrdiff_t part = (ptrdiff_t)index % b->parts, head = (ptrdiff_t)index / b->parts;
    ptrdiff_t start = part * b->part, end = south_min(start + b->part, s->keys);
    float *to_q = part == 0 ? b->to_q : b->partial + (part - 1) * b->count;
    SOUTH_PICK(attend_back)
    (b, to_q, head / s->key_heads, head % s->key_heads, start, end,
        b->forward.extra_key && part == b->parts - 1);
}

void south_attention_gradient(const south_attention_shape *shape, const float *q, const float *k,
    const float *v, const south_attention_extras *extras, const float *y, const float *log_sums,
    const float *gradient, const south_attention_gradients *results) {
    attending_back b = {.forward = attending_of(shape, q, k, v, extras), .gradient = gradient,
        .to_q = results->q, .to_k = results->k, .to_v = results->v, .to_mask = results->mask,
        .to_extra_key = results->key, .to_extra_value = results->value};
    // Only read on the way back.
    b.forward.y = (float *)y;
    b.forward.log_sums = (float *)log_sums;
    ptrdiff_t heads = shape->batch * shape->key_heads;
    if (heads == 0) return;
    // Few heads share their keys out, each part with a gradient of the queries of its own.
    ptrdiff_t wanted = south_ceil(TASKS, heads);
    b.part = south_max(south_ceil(shape->keys, wanted), PART_KEYS);
    b.parts = south_max(south_ceil(shape->keys, b.part), 1);
    b.count = shape->batch * shape->heads * shape->queries * shape->size;
    b.partial = malloc(sizeof(float) * (size_t)((b.parts - 1) * b.count) + 1);
    if (!b.partial) abort();
    south_parallel((size_t)(heads * b.parts), attention_back_task, &b);
    for (ptrdiff_t part = 1; part < b.parts; part++) {
        const ptrdiff_t one = 1;
        const float *more = b.partial + (part - 1) * b.count;
        south_binary(SOUTH_ADD, SOUTH_FLOAT32, 1, &b.count, b.to_q, &one, more, &one, b.to_q);
    }
    free(b.partial);
}
