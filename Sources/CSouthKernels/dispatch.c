// Which version of each kernel runs.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "southkernels.h"

static _Atomic int chosen = SOUTH_BASELINE;
static _Atomic int exact;

static int best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")
        || !__builtin_cpu_supports("f16c"))
        return SOUTH_BASELINE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return __builtin_cpu_supports("avx512vnni") ? SOUTH_AVX512_VNNI : SOUTH_AVX512;
    return SOUTH_AVX2;
#else
    return SOUTH_BASELINE;
#endif
}

int south_use_instruction_set(int level) {
    int most = best();
    level = level > most ? most : level < SOUTH_BASELINE ? SOUTH_BASELINE : level;
    atomic_store_explicit(&chosen, level, memory_order_relaxed);
    return level;
}

int south_instruction_set(void) { return atomic_load_explicit(&chosen, memory_order_relaxed); }

void south_use_exact_blocks(int wish) { atomic_store_explicit(&exact, wish, memory_order_relaxed); }

int south_fixed_point(void) {
    return south_instruction_set() >= SOUTH_AVX2
        && !atomic_load_explicit(&exact, memory_order_relaxed);
}

__attribute__((constructor)) static void choose(void) {
    const char *names[] = {"baseline", "avx2", "avx512", "avx512vnni"};
    const char *wish = getenv("SOUTHGPT_KERNELS");
    int level = SOUTH_AVX512_VNNI, known = !wish || !*wish;
    for (int i = SOUTH_BASELINE; i <= SOUTH_AVX512_VNNI && !known; i++)
        if (strcmp(wish, names[i]) == 0) known = 1, level = i;
    if (!known)
        fprintf(stderr,
            "SOUTHGPT_KERNELS is '%s', expected baseline, avx2, avx512 or avx512vnni; the best "
            "that this machine has are used.\n", wish);
    south_use_instruction_set(level);
    const char *blocks = getenv("SOUTHGPT_BLOCKS");
    south_use_exact_blocks(blocks && strcmp(blocks, "exact") == 0);
}
