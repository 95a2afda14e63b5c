// The roof that kernels are measured against: arithmetic of all threads, and reads of memory.
#include "internal.h"

#define SOUTH_BODY "machine_body.h"
#include "versions.h"

enum { ROUNDS = 200000, READ_PIECE = 1 << 20 };

typedef struct {
    const float *x;
    ptrdiff_t count;
    /// Where results go, so that no loop is left out.
    volatile float sink;
} measuring;

static void multiply_task(void *context, size_t index) {
    (void)index;
    ((measuring *)context)->sink = SOUTH_PICK(multiply_adds)(ROUNDS);
}

double south_multiply_adds(void) {
    measuring m = {0};
    size_t tasks = (size_t)south_thread_count() * 8;
    south_parallel(tasks, multiply_task, &m);
    return (double)tasks * ROUNDS * 12 * 2 * SOUTH_PICK(lanes)();
}

static void read_task(void *context, size_t index) {
    measuring *m = context;
    ptrdiff_t start = (ptrdiff_t)index * READ_PIECE;
    m->sink = SOUTH_PICK(read_through)(m->x + start, south_min(READ_PIECE, m->count - start));
}

void south_read_through(const float *x, ptrdiff_t count) {
    measuring m = {.x = x, .count = count};
    south_parallel((size_t)south_ceil(count, READ_PIECE), read_task, &m);
}
