// Attention by tiles whose lanes are queries, one version. Scores lie turned, `[key][lane]`: keys
// and values are then read where they lie, one number at a time for all lanes, the softmax runs
// down the keys lane by lane, and no head size wastes part of a vector.

#include "turn_body.h"

/// Vectors of queries side by side at most, and keys at a time.
#define MOST (LANES == 16 ? 4 : 2)
enum { V(tile_keys) = 96 };

/// ROWS × WIDTH vectors of `c = a b + factor · c` on `depth`; element (i, l) of a at `i·rs + l·cs`,
/// vector w of row l of b at `l·bs + w·LANES`. `factor`: WIDTH vectors; 0 where null.
SOUTH_INLINE void V(small_tile)(const int ROWS, const int WIDTH, ptrdiff_t depth, const float *a,
    ptrdiff_t rs, ptrdiff_t cs, const float *b, ptrdiff_t bs, const float *factor, float *c,
    ptrdiff_t ldc) {
    vf s[12][4];
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
        for (int w = 0; w < WIDTH; w++) s[i][w] = (vf){0};
    for (ptrdiff_t l = 0; l < depth; l++) {
        vf v[4];
#pragma clang loop unroll(full)
        for (int w = 0; w < WIDTH; w++) v[w] = V(load)(b + l * bs + w * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
            for (int w = 0; w < WIDTH; w++) s[i][w] += a[i * rs + l * cs] * v[w];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
        for (int w = 0; w < WIDTH; w++) {
            float *place = c + i * ldc + w * LANES;
            vf old = {0};
            if (factor) old = V(load)(place) * V(load)(factor + w * LANES);
            V(store)(place, s[i][w] + old);
        }
}

/// The same for any number of rows, some at a time: as many as registers hold.
SOUTH_INLINE void V(small_width)(const int WIDTH, ptrdiff_t rows, ptrdiff_t depth, const float *a,
    ptrdiff_t rs, ptrdiff_t cs, const float *b, ptrdiff_t bs, const float *factor, float *c,
    ptrdiff_t ldc) {
    const int step = LANES == 16 ? (WIDTH == 4 ? 6 : WIDTH == 3 ? 8 : 12) : WIDTH == 1 ? 8 : 6;
    ptrdiff_t i = 0;
    for (; i + step <= rows; i += step)
        V(small_tile)(step, WIDTH, depth, a + i * rs, rs, cs, b, bs, factor, c + i * ldc, ldc);
    for (; i + 3 <= rows; i += 3)
        V(small_tile)(3, WIDTH, depth, a + i * rs, rs, cs, b, bs, factor, c + i * ldc, ldc);
    for (; i < rows; i++)
        V(small_tile)(1, WIDTH, depth, a + i * rs, rs, cs, b, bs, factor, c + i * ldc, ldc);
}

#define SOUTH_WIDTHS(rs, cs)                                                                      \
    switch (width) {                                                                              \
    case 1: V(small_width)(1, rows, depth, a, rs, cs, b, bs, factor, c, ldc); break;              \
    case 2: V(small_width)(2, rows, depth, a, rs, cs, b, bs, factor, c, ldc); break;              \
    case 3: V(small_width)(3, rows, depth, a, rs, cs, b, bs, factor, c, ldc); break;              \
    default: V(small_width)(4, rows, depth, a, rs, cs, b, bs, factor, c, ldc);                    \
    }

/// With adjacent rows of a, each `stride` after the last.
static void V(times_rows)(int width, ptrdiff_t rows, ptrdiff_t depth, const float *a,
    ptrdiff_t stride, const float *b, ptrdiff_t bs, const float *factor, float *c,
    ptrdiff_t ldc) {
    SOUTH_WIDTHS(stride, 1)
}
/// With the rows of a turned: `depth` runs over what is `stride` apart.
static void V(times_turned)(int width, ptrdiff_t rows, ptrdiff_t depth, const float *a,
    ptrdiff_t stride, const float *b, ptrdiff_t bs, const float *factor, float *c,
    ptrdiff_t ldc) {
    SOUTH_WIDTHS(1, stride)
}

/// `c [rows, columns] += a b` where the columns are some vectors: `a [rows, depth]`.
static void V(add_product)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, const float *a,
    ptrdiff_t stride, const float *b, ptrdiff_t bs, float *c, ptrdiff_t ldc) {
    float ones[4 * LANES];
    for (int i = 0; i < 4 * LANES; i++) ones[i] = 1;
    const int most = MOST;
    for (ptrdiff_t j = 0; j < columns; j += most * LANES)
        V(times_rows)
        ((int)south_min(most, (columns - j) / LANES), rows, depth, a, stride, b + j, bs, ones,
            c + j, ldc);
}

/// Rows first..<first + count of what a key head's queries are: head after head, all queries.
/// Turned into `panel [size][width · LANES]` times `scale`, zeros beyond.
static void V(take_rows)(const attending *a, const float *x, const ptrdiff_t *strides,
    ptrdiff_t size, ptrdiff_t batch, ptrdiff_t key_head, ptrdiff_t first, ptrdiff_t count,
    int width, float scale, float *panel) {
    ptrdiff_t lanes = width * LANES;
    for (ptrdiff_t done = 0; done < count;) {
        ptrdiff_t row = first + done, query = row % a->s.queries;
        ptrdiff_t head = key_head * a->group + row / a->s.queries;
        ptrdiff_t n = south_min(count - done, a->s.queries - query);
        V(turn)
        (x + batch * strides[0] + head * strides[1] + query * strides[2], strides[2],
            panel + done, lanes, size, n);
        done += n;
    }
    for (ptrdiff_t l = 0; l < size; l++) {
        float *line = panel + l * lanes;
        for (ptrdiff_t i = count; i < lanes; i++) line[i] = 0;
        for (ptrdiff_t i = 0; i < lanes; i += LANES)
            V(store)(line + i, V(load)(line + i) * scale);
    }
}

/// The way back: `panel [size][lanes]` to rows of `y` with those strides.
static void V(give_rows)(const attending *a, float *y, const ptrdiff_t *strides, ptrdiff_t size,
    ptrdiff_t batch, ptrdiff_t key_head, ptrdiff_t first, ptrdiff_t count, int width,
    const float *panel) {
    for (ptrdiff_t done = 0; done < count;) {
        ptrdiff_t row = first + done, query = row % a->s.queries;
        ptrdiff_t head = key_head * a->group + row / a->s.queries;
        ptrdiff_t n = south_min(count - done, a->s.queries - query);
        V(turn)
        (panel + done, width * LANES,
            y + batch * strides[0] + head * strides[1] + query * strides[2], strides[2], n, size);
        done += n;
    }
}

/// Adds the mask to turned scores `[keys][lanes]`, whose unit is a bit, and hides what causality
/// hides; the extra key is never masked.
static void V(mask_scores)(const attending *a, ptrdiff_t batch, ptrdiff_t key_head,
    ptrdiff_t first, ptrdiff_t count, int width, ptrdiff_t key, ptrdiff_t keys, float *scores) {
    ptrdiff_t lanes = width * LANES;
    if (a->mask) {
        const ptrdiff_t *t = a->s.mask_strides;
        for (ptrdiff_t i = 0; i < count; i++) {
            ptrdiff_t head = key_head * a->group + (first + i) / a->s.queries;
            const float *mask = a->mask + batch * t[0] + head * t[1]
                + (first + i) % a->s.queries * t[2] + key * t[3];
            for (ptrdiff_t j = 0; j < keys; j++)
                scores[j * lanes + i] += mask[j * t[3]] * 1.44269504f;
        }
    }
    if (!a->s.causal) return;
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t visible = (first + i) % a->s.queries + a->s.keys - a->s.queries + 1 - key;
        for (ptrdiff_t j = south_max(visible, 0); j < keys; j++)
            scores[j * lanes + i] = -INFINITY;
    }
}

/// Whether causality or a mask touches keys up to `end` for some of these rows.
static int V(needs_mask)(const attending *a, ptrdiff_t first, ptrdiff_t count, ptrdiff_t end) {
    if (a->mask) return 1;
    if (!a->s.causal) return 0;
    ptrdiff_t query = first % a->s.queries;
    if (query + count > a->s.queries) query = 0;
    return end > query + a->s.keys - a->s.queries + 1;
}

/// The keys that some of these rows see.
static ptrdiff_t V(visible_keys)(const attending *a, ptrdiff_t first, ptrdiff_t count) {
    if (!a->s.causal) return a->s.keys;
    ptrdiff_t last = first % a->s.queries + count;
    last = south_min(last, a->s.queries) + a->s.keys - a->s.queries;
    return south_min(south_max(last, 0), a->s.keys);
}

/// The softmax of a block of scores, carried along: scores become powers, `greatest` and `totals`
/// follow, and `factor` is what sums so far must be multiplied by.
SOUTH_INLINE void V(carry_softmax)(const int width, ptrdiff_t keys, float *scores,
    float *greatest, float *totals, float *factor) {
    ptrdiff_t lanes = width * LANES;
    vf shift[4], sum[4];
    for (int w = 0; w < width; w++) {
        vf most = V(load)(greatest + w * LANES), old = most;
        for (ptrdiff_t j = 0; j < keys; j++) {
            vf s = V(load)(scores + j * lanes + w * LANES);
            most = V(select)(s > most, s, most);
        }
        // Nothing seen so far: any shift does, and −∞ − −∞ would not.
        shift[w] = V(select)(most == -INFINITY, (vf){0}, most);
        sum[w] = (vf){0};
        V(store)(greatest + w * LANES, most);
        V(store)(factor + w * LANES, V(exp2)(old - shift[w]));
    }
    for (ptrdiff_t j = 0; j < keys; j++)
        for (int w = 0; w < width; w++) {
            float *place = scores + j * lanes + w * LANES;
            vf e = V(exp2)(V(load)(place) - shift[w]);
            V(store)(place, e);
            sum[w] += e;
        }
    for (int w = 0; w < width; w++) {
        float *total = totals + w * LANES;
        V(store)(total, V(load)(total) * V(load)(factor + w * LANES) + sum[w]);
    }
}

/// Some rows of one key head: up to MOST vectors of them.
static void V(attend_rows)(const attending *a, ptrdiff_t batch, ptrdiff_t key_head,
    ptrdiff_t first, ptrdiff_t count) {
    const south_attention_shape *s = &a->s;
    int width = (int)south_ceil(count, LANES);
    ptrdiff_t lanes = width * LANES, d = s->size, e = s->value_size;
    float *queries = south_scratch(0, sizeof(float) * (size_t)(lanes * (d + e + V(tile_keys))));
    float *sums = queries + d * lanes, *scores = sums + e * lanes;
    float greatest[4 * LANES], totals[4 * LANES], factor[4 * LANES];
    for (ptrdiff_t i = 0; i < lanes; i++) {
        greatest[i] = -INFINITY;
        totals[i] = 0;
    }
    memset(sums, 0, sizeof(float) * (size_t)(e * lanes));
    V(take_rows)
    (a, a->q, s->q_strides, d, batch, key_head, first, count, width, s->scale * 1.44269504f,
        queries);
    const float *k = a->k + batch * s->k_strides[0] + key_head * s->k_strides[1];
    const float *v = a->v + batch * s->v_strides[0] + key_head * s->v_strides[1];
    ptrdiff_t visible = V(visible_keys)(a, first, count), n;
    for (ptrdiff_t key = 0; key < visible + (a->extra_key != NULL); key += n) {
        int extra = key == visible;
        n = extra ? 1 : south_min(V(tile_keys), visible - key);
        const float *block = extra ? a->extra_key + key_head * d : k + key * s->k_strides[2];
        const float *values = extra ? a->extra_value + key_head * e : v + key * s->v_strides[2];
        V(times_rows)(width, n, d, block, s->k_strides[2], queries, lanes, NULL, scores, lanes);
        if (!extra && V(needs_mask)(a, first, count, key + n))
            V(mask_scores)(a, batch, key_head, first, count, width, key, n, scores);
        switch (width) {
        case 1: V(carry_softmax)(1, n, scores, greatest, totals, factor); break;
        case 2: V(carry_softmax)(2, n, scores, greatest, totals, factor); break;
        case 3: V(carry_softmax)(3, n, scores, greatest, totals, factor); break;
        default: V(carry_softmax)(4, n, scores, greatest, totals, factor);
        }
        V(times_turned)(width, e, n, values, s->v_strides[2], scores, lanes, factor, sums, lanes);
    }
    for (int w = 0; w < width; w++) {
        vf total = V(load)(totals + w * LANES);
        vf share = V(select)(total == 0.0f, (vf){0}, 1.0f / total);
        for (ptrdiff_t l = 0; l < e; l++) {
            float *place = sums + l * lanes + w * LANES;
            V(store)(place, V(load)(place) * share);
        }
    }
    ptrdiff_t y_strides[3] = {s->queries * s->heads * e, e, s->heads * e};
    V(give_rows)(a, a->y, y_strides, e, batch, key_head, first, count, width, sums);
    if (!a->log_sums) return;
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t head = key_head * a->group + (first + i) / s->queries;
        a->log_sums[(batch * s->heads + head) * s->queries + (first + i) % s->queries] =
            totals[i] == 0 ? -INFINITY
                           : (float)(greatest[i] * 0.693147181 + log(totals[i]));
    }
}

/// All rows of a task, some vectors at a time; large heads fewer, so that panels fit the first
/// cache.
static void V(attend)(const attending *a, ptrdiff_t batch, ptrdiff_t key_head, ptrdiff_t first,
    ptrdiff_t count) {
    ptrdiff_t most = a->s.size + a->s.value_size > 160 ? 2 * LANES : MOST * LANES;
    for (ptrdiff_t row = 0; row < count; row += most)
        V(attend_rows)(a, batch, key_head, first + row, south_min(most, count - row));
}

/// Copies of rows as `take_rows` takes them, as they are: `target [count][width]` with zeros
/// beyond `size`.
static void V(copy_rows)(const attending *a, const float *x, const ptrdiff_t *strides,
    ptrdiff_t size, ptrdiff_t batch, ptrdiff_t key_head, ptrdiff_t first, ptrdiff_t count,
    ptrdiff_t width, float *target) {
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t head = key_head * a->group + (first + i) / a->s.queries;
        const float *row = x + batch * strides[0] + head * strides[1]
            + (first + i) % a->s.queries * strides[2];
        memcpy(target + i * width, row, (size_t)size * 4);
        memset(target + i * width + size, 0, (size_t)(width - size) * 4);
    }
}

/// The backward pass of some rows against keys `start..<end`, and the extra key where `extra`:
/// adds to `to_k [keys][dw]` and `to_v [keys][ew]` of those keys and writes the rows' part of
/// `to_q`. Tiles are recomputed from the logarithms of the forward pass's sums.
static void V(attend_rows_back)(const attending_back *b, float *to_q, ptrdiff_t batch,
    ptrdiff_t key_head, ptrdiff_t first, ptrdiff_t count, ptrdiff_t start, ptrdiff_t end,
    int extra, float *to_k, float *to_v) {
    const attending *a = &b->forward;
    const south_attention_shape *s = &a->s;
    int width = (int)south_ceil(count, LANES);
    ptrdiff_t lanes = width * LANES, d = s->size, e = s->value_size;
    ptrdiff_t dw = south_ceil(d, LANES) * LANES, ew = south_ceil(e, LANES) * LANES;
    float *queries =
        south_scratch(1, sizeof(float) * (size_t)(lanes * (2 * d + e + dw + ew + 2 * V(tile_keys))));
    float *arriving = queries + d * lanes, *sums = arriving + e * lanes;
    float *query_rows = sums + d * lanes, *arriving_rows = query_rows + dw * lanes;
    float *powers = arriving_rows + ew * lanes, *slopes = powers + V(tile_keys) * lanes;
    ptrdiff_t y_strides[3] = {s->queries * s->heads * e, e, s->heads * e};
    ptrdiff_t q_strides[3] = {s->queries * s->heads * d, d, s->heads * d};
    V(take_rows)
    (a, a->q, s->q_strides, d, batch, key_head, first, count, width, s->scale * 1.44269504f,
        queries);
    V(take_rows)
    (a, b->gradient, y_strides, e, batch, key_head, first, count, width, 1, arriving);
    V(copy_rows)(a, a->q, s->q_strides, d, batch, key_head, first, count, dw, query_rows);
    V(copy_rows)(a, b->gradient, y_strides, e, batch, key_head, first, count, ew, arriving_rows);
    memset(sums, 0, sizeof(float) * (size_t)(d * lanes));
    float log_sums[4 * LANES], mixed[4 * LANES], ones[4 * LANES];
    for (ptrdiff_t i = 0; i < lanes; i++) {
        // Rows that see nothing, and lanes without a row, have no powers.
        log_sums[i] = INFINITY;
        mixed[i] = 0;
        ones[i] = 1;
        if (i >= count) continue;
        ptrdiff_t head = key_head * a->group + (first + i) / s->queries;
        ptrdiff_t query = (first + i) % s->queries;
        float log_sum = a->log_sums[(batch * s->heads + head) * s->queries + query];
        if (log_sum != -INFINITY) log_sums[i] = log_sum * 1.44269504f;
        const float *y = a->y + batch * y_strides[0] + head * y_strides[1] + query * y_strides[2];
        for (ptrdiff_t l = 0; l < e; l++) mixed[i] += y[l] * arriving_rows[i * ew + l];
    }
    // Lanes without a row take no part in products over lanes.
    memset(query_rows + count * dw, 0, sizeof(float) * (size_t)((lanes - count) * dw));
    memset(arriving_rows + count * ew, 0, sizeof(float) * (size_t)((lanes - count) * ew));

    const float *k = a->k + batch * s->k_strides[0] + key_head * s->k_strides[1];
    const float *v = a->v + batch * s->v_strides[0] + key_head * s->v_strides[1];
    ptrdiff_t stop = south_min(end, V(visible_keys)(a, first, count)), n;
    int done = 0;
    for (ptrdiff_t key = start; key < stop || (extra && !done); key += n) {
        int last = key >= stop;
        n = last ? 1 : south_min(V(tile_keys), stop - key);
        done = last;
        const float *block = last ? a->extra_key + key_head * d : k + key * s->k_strides[2];
        const float *values = last ? a->extra_value + key_head * e : v + key * s->v_strides[2];
        ptrdiff_t place = last ? end - start : key - start;
        V(times_rows)(width, n, d, block, s->k_strides[2], queries, lanes, NULL, powers, lanes);
        if (!last && V(needs_mask)(a, first, count, key + n))
            V(mask_scores)(a, batch, key_head, first, count, width, key, n, powers);
        V(times_rows)(width, n, e, values, s->v_strides[2], arriving, lanes, NULL, slopes, lanes);
        for (ptrdiff_t j = 0; j < n; j++)
            for (ptrdiff_t i = 0; i < lanes; i += LANES) {
                float *power = powers + j * lanes + i, *slope = slopes + j * lanes + i;
                vf p = V(exp2)(V(load)(power) - V(load)(log_sums + i));
                V(store)(power, p);
                V(store)(slope, p * (V(load)(slope) - V(load)(mixed + i)));
            }
        if (b->to_mask && !last) {
            ptrdiff_t plane = s->queries * s->keys;
            ptrdiff_t strides[3] = {s->heads * plane, plane, s->keys};
            V(give_rows)
            (a, b->to_mask + key, strides, n, batch, key_head, first, count, width, slopes);
        }
        V(times_turned)
        (width, d, n, block, s->k_strides[2], slopes, lanes, ones, sums, lanes);
        V(add_product)(n, ew, lanes, powers, lanes, arriving_rows, ew, to_v + place * ew, ew);
        V(add_product)(n, dw, lanes, slopes, lanes, query_rows, dw, to_k + place * dw, dw);
    }
    for (ptrdiff_t l = 0; l < d * lanes; l += LANES)
        V(store)(sums + l, V(load)(sums + l) * s->scale);
    V(give_rows)(a, to_q, q_strides, d, batch, key_head, first, count, width, sums);
}

/// All rows of a key head against some of its keys.
static void V(attend_back)(const attending_back *b, float *to_q, ptrdiff_t batch,
    ptrdiff_t key_head, ptrdiff_t start, ptrdiff_t end, int extra) {
    const south_attention_shape *s = &b->forward.s;
    ptrdiff_t d = s->size, e = s->value_size, keys = end - start + extra;
    ptrdiff_t dw = south_ceil(d, LANES) * LANES, ew = south_ceil(e, LANES) * LANES;
    float *to_k = south_scratch(0, sizeof(float) * (size_t)(keys * (dw + ew) + 1));
    float *to_v = to_k + keys * dw;
    memset(to_k, 0, sizeof(float) * (size_t)(keys * (dw + ew)));
    ptrdiff_t most = (d + e > 160 ? 2 : MOST) * LANES, rows = s->queries * b->forward.group;
    for (ptrdiff_t row = 0; row < rows; row += most)
        V(attend_rows_back)
        (b, to_q, batch, key_head, row, south_min(most, rows - row), start, end, extra, to_k,
            to_v);
    for (ptrdiff_t j = 0; j < keys; j++) {
        int last = j == end - start;
        ptrdiff_t at = (batch * s->keys + start + j) * s->key_heads + key_head;
        if (last) at = batch * s->key_heads + key_head;
        float *k = (last ? b->to_extra_key : b->to_k) + at * d;
        for (ptrdiff_t l = 0; l < d; l++) k[l] = to_k[j * dw + l] * s->scale;
        memcpy((last ? b->to_extra_value : b->to_v) + at * e, to_v + j * ew, (size_t)e * 4);
    }
}

#undef MOST
#undef SOUTH_WIDTHS
