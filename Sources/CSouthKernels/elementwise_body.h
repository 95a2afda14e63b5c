// Functions of dense blocks, one version.

#define SOUTH_EACH(expression)                                                                    \
    do {                                                                                          \
        ptrdiff_t i = 0;                                                                          \
        for (; i + LANES <= count; i += LANES) {                                                  \
            vf v = V(load)(x + i);                                                                \
            V(store)(y + i, expression);                                                          \
        }                                                                                         \
        if (i < count) {                                                                          \
            vf v = V(load_part)(x + i, count - i);                                                \
            V(store_part)(y + i, expression, count - i);                                          \
        }                                                                                         \
    } while (0)

static void V(unary)(int operation, float a, float b, const float *x, float *y,
    ptrdiff_t count) {
    switch (operation) {
    case SOUTH_IDENTITY:
        if (x != y) memcpy(y, x, (size_t)count * 4);
        break;
    case SOUTH_RELU: SOUTH_EACH(V(select)(v < 0.0f, (vf){0}, v)); break;
    case SOUTH_SIGMOID: SOUTH_EACH(V(sigmoid)(v)); break;
    case SOUTH_TANH: SOUTH_EACH(V(tanh)(v)); break;
    case SOUTH_SILU: SOUTH_EACH(v / (1.0f + V(exp)(-v))); break;
    case SOUTH_GELU: SOUTH_EACH(V(gelu)(v)); break;
    case SOUTH_GELU_TANH:
        // ½ (1 + tanh u) = σ(2u)
        SOUTH_EACH(v / (1.0f + V(exp)(-1.59576912f * (v + 0.044715f * v * v * v))));
        break;
    case SOUTH_QUICK_GELU: SOUTH_EACH(v / (1.0f + V(exp)(-1.702f * v))); break;
    case SOUTH_LEAKY_RELU: SOUTH_EACH(V(select)(v < 0.0f, v * a, v)); break;
    case SOUTH_NEGATE: SOUTH_EACH(-v); break;
    case SOUTH_ABSOLUTE: SOUTH_EACH(__builtin_elementwise_abs(v)); break;
    case SOUTH_SQUARE: SOUTH_EACH(v * v); break;
    case SOUTH_SQUARE_ROOT: SOUTH_EACH(__builtin_elementwise_sqrt(v)); break;
    case SOUTH_RECIPROCAL_SQUARE_ROOT: SOUTH_EACH(1.0f / __builtin_elementwise_sqrt(v)); break;
    case SOUTH_RECIPROCAL: SOUTH_EACH(1.0f / v); break;
    case SOUTH_EXPONENTIAL: SOUTH_EACH(V(exp)(v)); break;
    case SOUTH_AFFINE: SOUTH_EACH(v * a + b); break;
    case SOUTH_CLAMP:
        SOUTH_EACH(V(select)(v > b, V(splat)(b), V(select)(v < a, V(splat)(a), v)));
        break;
    case SOUTH_LOGARITHM:
        for (ptrdiff_t i = 0; i < count; i++) y[i] = logf(x[i]);
        break;
    case SOUTH_SINE:
        for (ptrdiff_t i = 0; i < count; i++) y[i] = sinf(x[i]);
        break;
    default:
        for (ptrdiff_t i = 0; i < count; i++) y[i] = cosf(x[i]);
    }
}

#define SOUTH_PAIRS(expression)                                                                   \
    do {                                                                                          \
        ptrdiff_t i = 0;                                                                          \
        for (; i + LANES <= count; i += LANES) {                                                  \
            vf v = V(load)(a + i), w = V(load)(b + i);                                            \
            V(store)(y + i, expression);                                                          \
        }                                                                                         \
        if (i < count) {                                                                          \
            vf v = V(load_part)(a + i, count - i), w = V(load_part)(b + i, count - i);            \
            V(store_part)(y + i, expression, count - i);                                          \
        }                                                                                         \
    } while (0)

/// `y` may be `a` or `b`.
static void V(pairs)(int operation, const float *a, const float *b, float *y, ptrdiff_t count) {
    switch (operation) {
    case SOUTH_ADD: SOUTH_PAIRS(v + w); break;
    case SOUTH_SUBTRACT: SOUTH_PAIRS(v - w); break;
    case SOUTH_MULTIPLY: SOUTH_PAIRS(v * w); break;
    case SOUTH_DIVIDE: SOUTH_PAIRS(v / w); break;
    case SOUTH_MAXIMUM: SOUTH_PAIRS(V(greater)(v, w)); break;
    default: SOUTH_PAIRS(V(lesser)(v, w));
    }
}

#undef SOUTH_EACH
#undef SOUTH_PAIRS
