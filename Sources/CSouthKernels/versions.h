// Compiles the file that SOUTH_BODY names once for each instruction set. In it `V(name)` is that
// version's name, `vf` a vector of LANES floats, and the functions of `vector.h` are at hand.
// Where SOUTH_WITH_VNNI is defined there is also one with the dot products of integers (VNNI).

#define LANES 4
#define V(name) name##_baseline
#include "vector.h"
#include SOUTH_BODY
#undef LANES
#undef V

#if defined(__x86_64__)

#define SOUTH_HAS_F16C 1
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define LANES 8
#define V(name) name##_avx2
#include "vector.h"
#include SOUTH_BODY
#undef LANES
#undef V
#pragma clang attribute pop

#pragma clang attribute push(                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))),                  \
    apply_to = function)
#define LANES 16
#define V(name) name##_avx512
#include "vector.h"
#include SOUTH_BODY
#undef LANES
#undef V
#pragma clang attribute pop

// Only for what multiplies integers.
#ifdef SOUTH_WITH_VNNI
#define SOUTH_HAS_VNNI 1
#pragma clang attribute push(                                                                     \
    __attribute__((target("avx512vnni,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))),       \
    apply_to = function)
#define LANES 16
#define V(name) name##_avx512vnni
#include "vector.h"
#include SOUTH_BODY
#undef LANES
#undef V
#pragma clang attribute pop
#undef SOUTH_HAS_VNNI
#endif
#undef SOUTH_HAS_F16C

#endif
