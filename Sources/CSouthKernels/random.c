// Random numbers in bulk: the Mersenne Twister in order on one thread, the counter-based
// generator in pieces. The formulas of both are in `Sources/TensorCore/Random`.
#include <stdlib.h>

#include "internal.h"

#define SOUTH_BODY "random_body.h"
#include "versions.h"

enum { WORDS = 624, GROUPS = 1024, ROOM = WORDS + 16 };

/// Gives out the next words, up to a state's end; returns how many. `words` has ROOM.
static ptrdiff_t take(uint32_t *state, int *position, ptrdiff_t most, uint32_t *words) {
    if (*position >= WORDS) {
        SOUTH_PICK(twist)(state);
        *position = 0;
    }
    int count = (int)south_min(WORDS - *position, most);
    // Vectors may reach over the end: what they find there is not used, but must be readable.
    uint32_t padded[ROOM];
    memcpy(padded, state + *position, sizeof(uint32_t) * (size_t)count);
    memset(padded + count, 0, sizeof(uint32_t) * 16);
    SOUTH_PICK(temper)(padded, count, words);
    *position += count;
    return count;
}

void south_twister_words(uint32_t *state, int *position, ptrdiff_t count, uint32_t *y) {
    uint32_t words[ROOM];
    for (ptrdiff_t i = 0; i < count;) {
        ptrdiff_t n = take(state, position, count - i, words);
        memcpy(y + i, words, sizeof(uint32_t) * (size_t)n);
        i += n;
    }
}

void south_twister_uniform(uint32_t *state, int *position, ptrdiff_t count, float low, float high,
    float *y) {
    uint32_t words[ROOM];
    for (ptrdiff_t i = 0; i < count;) {
        ptrdiff_t n = take(state, position, count - i, words);
        SOUTH_PICK(uniform)(words, n, high - low, low, y + i);
        i += n;
    }
}

typedef struct {
    float *y, mean, deviation;
    ptrdiff_t groups;
} transforming;

static void normal_task(void *context, size_t index) {
    const transforming *t = context;
    ptrdiff_t first = (ptrdiff_t)index * GROUPS;
    SOUTH_PICK(normal_groups)
    (t->y + first * 16, south_min(GROUPS, t->groups - first), t->mean, t->deviation);
}

void south_twister_normal(uint32_t *state, int *position, ptrdiff_t count, float mean,
    float deviation, float *y) {
    south_twister_uniform(state, position, count, 0, 1, y);
    transforming t = {y, mean, deviation, count / 16};
    south_parallel((size_t)south_ceil(t.groups, GROUPS), normal_task, &t);
    if (count % 16 != 0) {
        // The last 16 are drawn anew, over some that were done.
        float *last = y + count - 16;
        south_twister_uniform(state, position, 16, 0, 1, last);
        SOUTH_PICK(normal_groups)(last, 1, mean, deviation);
    }
}

typedef struct {
    uint64_t seed;
    uint32_t call, start;
    int is_normal;
    ptrdiff_t count;
    float *y;
} counting;

static void count_task(void *context, size_t index) {
    const counting *c = context;
    ptrdiff_t first = (ptrdiff_t)index * SOUTH_PIECE;
    SOUTH_PICK(counted)
    (c->seed, c->call, c->start + (uint32_t)first, south_min(SOUTH_PIECE, c->count - first),
        c->is_normal, c->y + first);
}

void south_counter_numbers(uint64_t seed, uint32_t call, uint32_t start, ptrdiff_t count,
    int is_normal, float *y) {
    counting c = {seed, call, start, is_normal, count, y};
    south_parallel((size_t)south_ceil(count, SOUTH_PIECE), count_task, &c);
}
