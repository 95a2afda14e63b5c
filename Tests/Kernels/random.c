// Random numbers against the generators' definitions.
#include "check.h"

static void seed(uint32_t *state, uint32_t value) {
    state[0] = value;
    for (uint32_t i = 1; i < 624; i++)
        state[i] = 1812433253u * (state[i - 1] ^ state[i - 1] >> 30) + i;
}

static uint32_t next(uint32_t *state, int *position) {
    if (*position == 624) {
        for (int i = 0; i < 624; i++) {
            uint32_t y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
            state[i] = state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908b0df : 0);
        }
        *position = 0;
    }
    uint32_t y = state[(*position)++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >> 18;
}

void check_numbers(void) {
    enum { COUNT = 5000 };
    uint32_t a[624], b[624];
    int here = 624, there = 624;
    seed(a, 5489);
    seed(b, 5489);
    uint32_t *words = memory(4 * COUNT), *expected = memory(4 * COUNT);
    // In parts that start anywhere in a block.
    for (int i = 0, part = 1; i < COUNT; i += part, part = part * 2 + 1) {
        if (part > COUNT - i) part = COUNT - i;
        south_twister_words(a, &here, part, words + i);
    }
    for (int i = 0; i < COUNT; i++) expected[i] = next(b, &there);
    same("twister_words", words, expected, 4 * COUNT);

    float *u = memory(4 * COUNT);
    double *exact = memory(8 * COUNT);
    south_twister_uniform(a, &here, COUNT, -1, 3, u);
    for (int i = 0; i < COUNT; i++)
        exact[i] = (double)(next(b, &there) & 0xffffff) * 0x1p-24 * 4 - 1;
    close_to("twister_uniform", u, exact, COUNT, 1e-7);

    enum { NORMAL = 1600 };
    south_twister_normal(a, &here, NORMAL, 1, 2, u);
    for (int i = 0; i < NORMAL; i++) exact[i] = (double)(next(b, &there) & 0xffffff) * 0x1p-24;
    for (int i = 0; i < NORMAL; i++) {
        if (i % 16 >= 8) continue;
        double radius = sqrt(-2 * log(1 - exact[i])), angle = 2 * M_PI * exact[i + 8];
        exact[i] = radius * cos(angle) * 2 + 1;
        exact[i + 8] = radius * sin(angle) * 2 + 1;
    }
    close_to("twister_normal", u, exact, NORMAL, 3e-7);

    for (int is_normal = 0; is_normal < 2; is_normal++) {
        south_counter_numbers(0x123456789abcdef, 3, 1000, COUNT, is_normal, u);
        for (uint32_t i = 0; i < COUNT; i++) {
            uint32_t w[4] = {3, 0, 1000 + i, 0}, low = 0x89abcdef, high = 0x1234567;
            for (int round = 0; round < 10; round++) {
                uint64_t p = (uint64_t)w[0] * 0xd2511f53, q = (uint64_t)w[2] * 0xcd9e8d57;
                uint32_t mixed[4] = {(uint32_t)(q >> 32) ^ w[1] ^ low, (uint32_t)q,
                    (uint32_t)(p >> 32) ^ w[3] ^ high, (uint32_t)p};
                memcpy(w, mixed, sizeof w);
                low += 0x9e3779b9;
                high += 0xbb67ae85;
            }
            // Rounded to floats as CUDA devices do it.
            float first = ((float)w[0] + 0.5f) * 0x1p-32f;
            float angle = ((float)w[1] + 0.5f) * (6.283185307179586f * 0x1p-32f);
            exact[i] = is_normal ? sqrt(-2 * log((double)first)) * sin((double)angle) : (w[0] >> 8) * 0x1p-24;
        }
        close_to("counter_numbers", u, exact, COUNT, 3e-7);
    }
}
