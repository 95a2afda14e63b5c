// Functions of dense blocks, one version.

/// One of the activations; `operation` is a constant where this is inlined.
SOUTH_INLINE vf V(activate)(const int operation, float slope, vf v) {
    switch (operation) {
    case SOUTH_IDENTITY: return v;
    case SOUTH_RELU: return V(select)(v < 0.0f, (vf){0}, v);
    case SOUTH_SIGMOID: return V(sigmoid)(v);
    case SOUTH_TANH: return V(tanh)(v);
    case SOUTH_SILU: return v / (1.0f + V(exp)(-v));
    case SOUTH_GELU: return V(gelu)(v);
    case SOUTH_GELU_TANH:
        // ½ (1 + tanh u) = σ(2u)
        return v / (1.0f + V(exp)(-1.59576912f * (v + 0.044715f * v * v * v)));
    case SOUTH_QUICK_GELU: return v / (1.0f + V(exp)(-1.702f * v));
    default: return V(select)(v < 0.0f, v * slope, v);
    }
}

/// Its derivative.
SOUTH_INLINE vf V(derive)(const int operation, float slope, vf v) {
    vf s, bell;
    switch (operation) {
    case SOUTH_IDENTITY: return V(splat)(1);
    case SOUTH_RELU: return V(select)(v <= 0.0f, (vf){0}, V(splat)(1));
    case SOUTH_SIGMOID: s = V(sigmoid)(v); return s * (1.0f - s);
    case SOUTH_TANH:
        // 1 − tanh² without its cancellation.
        bell = V(exp)(-2.0f * __builtin_elementwise_abs(v));
        s = 1.0f / (1.0f + bell);
        return 4.0f * bell * s * s;
    case SOUTH_SILU: s = V(sigmoid)(v); return s + s * v * (1.0f - s);
    case SOUTH_GELU:
        s = V(normal)(v, &bell);
        return s + v * bell * 0.398942280f;
    case SOUTH_GELU_TANH:
        s = V(sigmoid)(1.59576912f * (v + 0.044715f * v * v * v));
        return s + v * s * (1.0f - s) * (1.59576912f + 0.214070928f * v * v);
    case SOUTH_QUICK_GELU:
        s = V(sigmoid)(1.702f * v);
        return s + 1.702f * v * s * (1.0f - s);
    default: return V(select)(v > 0.0f, V(splat)(1), V(splat)(slope));
    }
}

/// `body` with ACTIVATION a constant, whichever it is.
#define SOUTH_WITH_ACTIVATION(activation, body)                                                   \
    switch (activation) {                                                                         \
    case SOUTH_IDENTITY: { enum { ACTIVATION = SOUTH_IDENTITY }; body; } break;                   \
    case SOUTH_RELU: { enum { ACTIVATION = SOUTH_RELU }; body; } break;                           \
    case SOUTH_SIGMOID: { enum { ACTIVATION = SOUTH_SIGMOID }; body; } break;                     \
    case SOUTH_TANH: { enum { ACTIVATION = SOUTH_TANH }; body; } break;                           \
    case SOUTH_SILU: { enum { ACTIVATION = SOUTH_SILU }; body; } break;                           \
    case SOUTH_GELU: { enum { ACTIVATION = SOUTH_GELU }; body; } break;                           \
    case SOUTH_GELU_TANH: { enum { ACTIVATION = SOUTH_GELU_TANH }; body; } break;                 \
    case SOUTH_QUICK_GELU: { enum { ACTIVATION = SOUTH_QUICK_GELU }; body; } break;               \
    default: { enum { ACTIVATION = SOUTH_LEAKY_RELU }; body; } break;                             \
    }

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
    case SOUTH_COSINE:
        for (ptrdiff_t i = 0; i < count; i++) y[i] = cosf(x[i]);
        break;
    case SOUTH_POWER:
        for (ptrdiff_t i = 0; i < count; i++) y[i] = powf(x[i], a);
        break;
    default: SOUTH_WITH_ACTIVATION(operation, SOUTH_EACH(V(activate)(ACTIVATION, a, v)));
    }
}

/// `y = activation(x · scale + shift)`; `y` may be `x`.
static void V(affine_activation)(int activation, float slope, float scale, float shift,
    const float *x, float *y, ptrdiff_t count) {
    SOUTH_WITH_ACTIVATION(
        activation, SOUTH_EACH(V(activate)(ACTIVATION, slope, v * scale + shift)));
}

#define SOUTH_EACH_PAIR(expression)                                                               \
    do {                                                                                          \
        ptrdiff_t i = 0;                                                                          \
        for (; i + LANES <= count; i += LANES) {                                                  \
            vf v = V(load)(x + i), g = V(load)(gradient + i);                                     \
            V(store)(y + i, expression);                                                          \
        }                                                                                         \
        if (i < count) {                                                                          \
            vf v = V(load_part)(x + i, count - i), g = V(load_part)(gradient + i, count - i);     \
            V(store_part)(y + i, expression, count - i);                                          \
        }                                                                                         \
    } while (0)

/// `y = gradient · f′(x)`; `y` may be `gradient`.
static void V(unary_gradient)(int operation, float a, float b, const float *x,
    const float *gradient, float *y, ptrdiff_t count) {
    switch (operation) {
    case SOUTH_ABSOLUTE:
        SOUTH_EACH_PAIR(V(select)(v > 0.0f, g, V(select)(v < 0.0f, -g, (vf){0})));
        break;
    case SOUTH_SQUARE: SOUTH_EACH_PAIR(g * (v + v)); break;
    case SOUTH_SQUARE_ROOT: SOUTH_EACH_PAIR(g * (0.5f / __builtin_elementwise_sqrt(v))); break;
    case SOUTH_RECIPROCAL_SQUARE_ROOT:
        SOUTH_EACH_PAIR(g * (-0.5f / (v * __builtin_elementwise_sqrt(v))));
        break;
    case SOUTH_RECIPROCAL: SOUTH_EACH_PAIR(-g / (v * v)); break;
    case SOUTH_EXPONENTIAL: SOUTH_EACH_PAIR(g * V(exp)(v)); break;
    case SOUTH_LOGARITHM: SOUTH_EACH_PAIR(g / v); break;
    case SOUTH_CLAMP:
        SOUTH_EACH_PAIR(V(select)((v < a) | (v > b), (vf){0}, g));
        break;
    case SOUTH_SINE:
        for (ptrdiff_t i = 0; i < count; i++) y[i] = gradient[i] * cosf(x[i]);
        break;
    case SOUTH_COSINE:
        for (ptrdiff_t i = 0; i < count; i++) y[i] = gradient[i] * -sinf(x[i]);
        break;
    case SOUTH_POWER:
        for (ptrdiff_t i = 0; i < count; i++)
            y[i] = a == 0 ? 0 : gradient[i] * (a * powf(x[i], a - 1));
        break;
    default: SOUTH_WITH_ACTIVATION(operation, SOUTH_EACH_PAIR(g * V(derive)(ACTIVATION, a, v)));
    }
}

/// `y = value · activation(gate)`
static void V(gated)(int activation, float slope, const float *x, const float *gradient, float *y,
    ptrdiff_t count) {
    SOUTH_WITH_ACTIVATION(activation, SOUTH_EACH_PAIR(v * V(activate)(ACTIVATION, slope, g)));
}

#define SOUTH_GATED_GRADIENT(LOAD, STORE)                                                         \
    do {                                                                                          \
        vf v = LOAD(value), t = LOAD(gate), g = LOAD(gradient);                                   \
        STORE(to_value, g * V(activate)(ACTIVATION, slope, t));                                   \
        STORE(to_gate, g * v * V(derive)(ACTIVATION, slope, t));                                  \
    } while (0)
#define SOUTH_LOAD(p) V(load)(p + i)
#define SOUTH_STORE(p, v) V(store)(p + i, v)
#define SOUTH_LOAD_PART(p) V(load_part)(p + i, count - i)
#define SOUTH_STORE_PART(p, v) V(store_part)(p + i, v, count - i)

/// The gradients of both operands of `value · activation(gate)`.
static void V(gated_gradient)(int activation, float slope, const float *value, const float *gate,
    const float *gradient, float *to_value, float *to_gate, ptrdiff_t count) {
    SOUTH_WITH_ACTIVATION(activation, {
        ptrdiff_t i = 0;
        for (; i + LANES <= count; i += LANES) SOUTH_GATED_GRADIENT(SOUTH_LOAD, SOUTH_STORE);
        if (i < count) SOUTH_GATED_GRADIENT(SOUTH_LOAD_PART, SOUTH_STORE_PART);
    });
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
#undef SOUTH_EACH_PAIR
#undef SOUTH_PAIRS
#undef SOUTH_GATED_GRADIENT
#undef SOUTH_LOAD
#undef SOUTH_STORE
#undef SOUTH_LOAD_PART
#undef SOUTH_STORE_PART
#undef SOUTH_WITH_ACTIVATION
