// Attention by tiles: some queries of one head against some keys at a time, with the softmax
// carried along (its running maximum and sum), so that memory does not grow with the sequence.
#include "internal.h"

#define SOUTH_BODY "rows_body.h"
#include "versions.h"

enum { TILE_QUERIES = 128, TILE_KEYS = 512, FEW = 4 };

typedef struct {
    south_attention_shape s;
    const float *q, *k, *v, *mask;
    float *y;
    ptrdiff_t tile, tiles;
} attending;

/// Adds the mask to one row of scaled scores.
static void mask_row(const attending *a, ptrdiff_t batch, ptrdiff_t head, ptrdiff_t query,
    ptrdiff_t key, ptrdiff_t count, float *scores) {
    const ptrdiff_t *s = a->s.mask_strides;
    if (a->mask) {
        const float *mask = a->mask + batch * s[0] + head * s[1] + query * s[2] + key * s[3];
        for (ptrdiff_t j = 0; j < count; j++) scores[j] += mask[j * s[3]];
    }
    if (a->s.causal) {
        ptrdiff_t visible = query + a->s.keys - a->s.queries + 1 - key;
        for (ptrdiff_t j = south_max(visible, 0); j < count; j++) scores[j] = -INFINITY;
    }
}

static void attention_task(void *context, size_t index) {
    const attending *a = context;
    const south_attention_shape *s = &a->s;
    ptrdiff_t first = (ptrdiff_t)index % a->tiles * a->tile;
    ptrdiff_t head = (ptrdiff_t)index / a->tiles % s->heads;
    ptrdiff_t batch = (ptrdiff_t)index / a->tiles / s->heads;
    ptrdiff_t key_head = head / (s->heads / s->key_heads);
    ptrdiff_t m = south_min(a->tile, s->queries - first), e = s->value_size;
    const float *q = a->q + batch * s->q_strides[0] + head * s->q_strides[1]
        + first * s->q_strides[2];
    const float *k = a->k + batch * s->k_strides[0] + key_head * s->k_strides[1];
    const float *v = a->v + batch * s->v_strides[0] + key_head * s->v_strides[1];

    float *scores = south_scratch(0, sizeof(float) * TILE_QUERIES * TILE_KEYS);
    float *sums = south_scratch(1, sizeof(float) * (size_t)(TILE_QUERIES * e + 1));
    float greatest[TILE_QUERIES], totals[TILE_QUERIES];
    for (ptrdiff_t i = 0; i < m; i++) {
        greatest[i] = -INFINITY;
        totals[i] = 0;
    }
    memset(sums, 0, sizeof(float) * (size_t)(m * e));
    ptrdiff_t keys = s->keys;
    if (s->causal) keys = south_min(keys, south_max(first + m + s->keys - s->queries, 0));
    for (ptrdiff_t key = 0; key < keys; key += TILE_KEYS) {
        ptrdiff_t n = south_min(TILE_KEYS, keys - key);
        const float *block = k + key * s->k_strides[2];
        if (m <= FEW)
            south_gemv(m, n, s->size, q, s->q_strides[2], block, SOUTH_FLOAT32, s->k_strides[2],
                scores, n);
        else
            south_gemm(0, 1, m, n, s->size, q, s->q_strides[2], block, SOUTH_FLOAT32,
                s->k_strides[2], 0, scores, n);
        for (ptrdiff_t i = 0; i < m; i++) {
            float *row = scores + i * n;
            // A mask is added to scaled scores; else the exponentials scale them on the way.
            float scale = a->mask || s->scale <= 0 ? 1 : s->scale;
            if (scale == 1) SOUTH_PICK(row_affine)(row, row, n, s->scale, 0);
            mask_row(a, batch, head, first + i, key, n, row);
            float most = SOUTH_PICK(row_extreme)(row, n, 0) * scale;
            if (most == most && most < greatest[i]) most = greatest[i];
            if (greatest[i] != greatest[i]) most = greatest[i];
            // Nothing seen so far: any shift does, and −∞ − −∞ would not.
            float shift = most == -INFINITY ? 0 : most;
            float rescale = expf(greatest[i] - shift);
            totals[i] = totals[i] * rescale
                + SOUTH_PICK(row_exponentials)(row, row, n, scale, shift);
            if (rescale != 1) SOUTH_PICK(row_affine)(sums + i * e, sums + i * e, e, rescale, 0);
            greatest[i] = most;
        }
        const float *values = v + key * s->v_strides[2];
        if (m <= FEW)
            for (ptrdiff_t i = 0; i < m; i++)
                south_add_rows(n, e, scores + i * n, values, s->v_strides[2], sums + i * e);
        else
            south_gemm(0, 0, m, e, n, scores, n, values, SOUTH_FLOAT32, s->v_strides[2], 1, sums, e);
    }
    for (ptrdiff_t i = 0; i < m; i++) {
        float *y = a->y + ((batch * s->queries + first + i) * s->heads + head) * e;
        SOUTH_PICK(row_affine)(sums + i * e, y, e, totals[i] == 0 ? 0 : 1 / totals[i], 0);
    }
}

void south_attention(const south_attention_shape *shape, const float *q, const float *k,
    const float *v, const float *mask, float *y) {
    attending a = {.s = *shape, .q = q, .k = k, .v = v, .mask = mask, .y = y};
    if (shape->batch * shape->heads * shape->queries * shape->value_size == 0) return;
    a.tile = south_part(shape->queries, TILE_QUERIES, 16);
    a.tiles = south_ceil(shape->queries, a.tile);
    south_parallel((size_t)(shape->batch * shape->heads * a.tiles), attention_task, &a);
}
