// The hot loops of TensorCore.
//
// Conventions of every kernel here: sizes and strides count elements and are `ptrdiff_t`; results
// are dense, row-major and do not overlap any operand unless a comment says otherwise; empty
// results are fine. Work is shared with the pool of `threads.c` in pieces whose bounds depend on
// the shapes alone, so results do not depend on the number of threads.
#ifndef SOUTHKERNELS_H
#define SOUTHKERNELS_H

#include <stddef.h>
#include <stdint.h>

// MARK: Dispatch and threads

/// Axes that a strided operand may have.
enum { SOUTH_MAX_AXES = 8 };

/// The instruction sets that kernels are compiled for.
enum { SOUTH_BASELINE = 0, SOUTH_AVX2 = 1, SOUTH_AVX512 = 2, SOUTH_AVX512_VNNI = 3 };

/// The instruction set in use: the best the machine has, or the one `SOUTHGPT_KERNELS`
/// (`baseline`, `avx2`, `avx512`, `avx512vnni`) names where the machine has it.
int south_instruction_set(void);
/// Uses another instruction set from now on, for tests; returns the one in use afterwards, which
/// is the best available one not above `level`.
int south_use_instruction_set(int level);
/// Weights in blocks times activations: by default, from AVX2 on, the activations are rounded to
/// 16 bits, in groups of 32 that share a scale, at most 1/65534 of the group's greatest magnitude
/// off. Where `wish`, or where `SOUTHGPT_BLOCKS` is `exact`, everything is in float32.
void south_use_exact_blocks(int wish);

/// Threads that share a kernel's work, the caller included: `SOUTHGPT_THREADS` or the cores that
/// the process may use.
int south_thread_count(void);
/// Lets at most `count` of them take part from now on, for tests.
void south_limit_threads(int count);
/// Calls `task(context, i)` once for each i below `count`, on the pool and the caller, and returns
/// when all are done. Nested calls run on the thread that makes them; several threads may call.
void south_parallel(size_t count, void (*task)(void *context, size_t index), void *context);

// MARK: The machine's limits, for benchmarks

/// Multiplies and adds in the registers of every thread; returns how many operations that were.
double south_multiply_adds(void);
/// Reads `count` floats once, on every thread.
void south_read_through(const float *x, ptrdiff_t count);

// MARK: Element types

/// Element types.
enum {
    SOUTH_FLOAT32, SOUTH_FLOAT16, SOUTH_BFLOAT16, SOUTH_FLOAT64,
    SOUTH_INT64, SOUTH_INT32, SOUTH_INT16, SOUTH_INT8, SOUTH_UINT8, SOUTH_BOOL,
    /// Blocks of 32 (`_0`) or 256 (`_K`) elements that share scales, laid out as in GGUF.
    SOUTH_Q8_0, SOUTH_Q4_0, SOUTH_Q4_K, SOUTH_Q6_K
};

/// Copies elements of `size` bytes (1, 2, 4 or 8) from one strided view to another.
void south_copy(int rank, const ptrdiff_t *shape, const void *source,
    const ptrdiff_t *source_strides, void *target, const ptrdiff_t *target_strides, int size);
/// Writes the `size` bytes at `value` over each of `count` dense elements.
void south_fill(void *target, ptrdiff_t count, const void *value, int size);
/// A strided view of one type to dense elements of another. Rounds to nearest even, truncates
/// towards zero, and takes `x ≠ 0` for bool; what no int64 holds, NaN included, becomes the least.
void south_cast(int rank, const ptrdiff_t *shape, const void *source,
    const ptrdiff_t *source_strides, int source_type, void *target, int target_type);

/// Dense numbers to blocks of `type`, and back; `count` is a multiple of a block. Blocks of 32 are
/// written as ggml does; those of 256 by a search for the least squared error. NaN counts as
/// zero. An infinity makes a block of 32 infinite or NaN, and is the greatest number in one of 256.
void south_quantize(ptrdiff_t count, const float *source, int type, void *target);
void south_dequantize(ptrdiff_t count, const void *source, int type, float *target);

// MARK: Elementwise

/// Functions of one element; the first nine are the activations.
enum {
    SOUTH_IDENTITY, SOUTH_RELU, SOUTH_SIGMOID, SOUTH_TANH, SOUTH_SILU, SOUTH_GELU,
    SOUTH_GELU_TANH, SOUTH_QUICK_GELU, SOUTH_LEAKY_RELU,
    SOUTH_NEGATE, SOUTH_ABSOLUTE, SOUTH_SQUARE, SOUTH_SQUARE_ROOT, SOUTH_RECIPROCAL_SQUARE_ROOT,
    SOUTH_RECIPROCAL, SOUTH_EXPONENTIAL, SOUTH_LOGARITHM, SOUTH_SINE, SOUTH_COSINE,
    SOUTH_AFFINE, SOUTH_CLAMP, SOUTH_POWER
};
/// Functions of two elements.
enum {
    SOUTH_ADD, SOUTH_SUBTRACT, SOUTH_MULTIPLY, SOUTH_DIVIDE, SOUTH_MAXIMUM, SOUTH_MINIMUM
};

/// Comparisons of two elements; false where either is NaN.
enum { SOUTH_EQUAL, SOUTH_LESS, SOUTH_AT_MOST };

/// `y = f(x)` of a strided view. `a`, `b`: slope of leaky ReLU, scale and shift, bounds, or
/// exponent.
void south_unary(int operation, float a, float b, int rank, const ptrdiff_t *shape,
    const float *x, const ptrdiff_t *x_strides, float *y);
/// `y = f(a, b)` of two strided views of `type` float32, int32 or int64.
void south_binary(int operation, int type, int rank, const ptrdiff_t *shape, const void *a,
    const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, void *y);
/// `y = value · activation(gate)` of two strided views.
void south_gated(int activation, float slope, int rank, const ptrdiff_t *shape,
    const float *value, const ptrdiff_t *value_strides, const float *gate,
    const ptrdiff_t *gate_strides, float *y);

/// `y = gradient · f′(x)` of two strided views; `operation` neither a negation nor affine.
/// Kinks: PyTorch's choice (0 for ReLU and the absolute value, 1 on the bounds of a clamp).
void south_unary_gradient(int operation, float a, float b, int rank, const ptrdiff_t *shape,
    const float *x, const ptrdiff_t *x_strides, const float *gradient,
    const ptrdiff_t *gradient_strides, float *y);
/// The gradients of both operands of `value · activation(gate)`.
void south_gated_gradient(int activation, float slope, int rank, const ptrdiff_t *shape,
    const float *value, const ptrdiff_t *value_strides, const float *gate,
    const ptrdiff_t *gate_strides, const float *gradient, const ptrdiff_t *gradient_strides,
    float *to_value, float *to_gate);
/// A comparison of two strided views of `type` float32, int32 or int64; 0 or 1.
void south_compare(int operation, int type, int rank, const ptrdiff_t *shape, const void *a,
    const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, uint8_t *y);
/// `y = mask ? a : b` of three strided views.
void south_choose(int rank, const ptrdiff_t *shape, const uint8_t *mask,
    const ptrdiff_t *mask_strides, const float *a, const ptrdiff_t *a_strides, const float *b,
    const ptrdiff_t *b_strides, float *y);

// MARK: Optimising

/// The factors of one AdamW step, in the order in which they are used: of the gradient, of what
/// the first moment takes of it, what the second one keeps and takes, the square root of the
/// second's bias correction, ε, what weight decay leaves, and the step over the first's correction.
typedef struct {
    float gradient_scale, first_rate, second_decay, second_rate, second_correction, epsilon,
        decay, step_size;
} south_adamw;

/// `y`: the weights `x` after a step along `gradient`; the moments are updated in place. All
/// dense; `y` may be `x`.
void south_adamw_step(const south_adamw *step, ptrdiff_t count, const float *x,
    const float *gradient, float *first, float *second, float *y);
/// Σx² of dense elements, in double: finite exactly where every element is.
double south_sum_of_squares(ptrdiff_t count, const float *x);

// MARK: Rows. `x [outer, inner]`: rows `stride` apart, elements adjacent.

/// Reductions of rows.
enum { SOUTH_SUM, SOUTH_MEAN, SOUTH_GREATEST, SOUTH_LEAST };

/// Each row to one number, `y [outer]`.
void south_reduce(int reduction, ptrdiff_t outer, ptrdiff_t inner, const float *x,
    ptrdiff_t stride, float *y);
/// The first index of each row's greatest element (NaN counts as greatest), `y [outer]`.
void south_arg_max(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    int32_t *y);
/// Running sums of each row, in double, `y [outer, inner]`.
void south_cumulative_sum(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    float *y);
/// Softmax of each row, or its logarithm.
void south_softmax(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    int logarithm, float *y);
/// Layer normalisation; `weight`, `bias` `[inner]` or null.
void south_layer_norm(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const float *weight, const float *bias, float epsilon, float *y);
/// Division by the root mean square; `weight [inner]`.
void south_rms_norm(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const float *weight, float epsilon, float *y);
/// Group normalisation and activation of `x [batch, channels, inner]` with adjacent `inner`;
/// `weight`, `bias` `[channels]` or null.
void south_group_norm(ptrdiff_t batch, ptrdiff_t channels, ptrdiff_t inner, ptrdiff_t groups,
    const float *x, ptrdiff_t batch_stride, ptrdiff_t channel_stride, const float *weight,
    const float *bias, float epsilon, int activation, float slope, float *y);
/// Reduces the rows of `x [outer, inner]` to one, `y [inner]`.
void south_reduce_columns(int reduction, ptrdiff_t outer, ptrdiff_t inner, const float *x,
    ptrdiff_t stride, float *y);
/// The gradient of a softmax, or of its logarithm, from its dense result `y [outer, inner]` and
/// the dense gradient of that.
void south_softmax_gradient(ptrdiff_t outer, ptrdiff_t inner, const float *y,
    const float *gradient, int logarithm, float *to_x);
/// `losses[i] = logsumexp(row) − row[target]`, also `log_sums [outer]`; both 0 where the target is
/// `ignored`. Every other target is an index of the row.
void south_cross_entropy(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const int32_t *targets, int32_t ignored, float *losses, float *log_sums);
/// `(softmax(row) − one at the target) · gradient[i]`; 0 where the target is `ignored`.
void south_cross_entropy_gradient(ptrdiff_t outer, ptrdiff_t inner, const float *x,
    ptrdiff_t stride, const int32_t *targets, int32_t ignored, const float *log_sums,
    const float *gradient, float *to_x);
/// Gradients of layer normalisation, or where not `centred` of the division by the root mean
/// square: `gradient`, `to_x` dense `[outer, inner]`; `weight [inner]` or null; `to_weight`,
/// `to_bias` `[inner]`, either may be null.
void south_row_norm_gradient(ptrdiff_t outer, ptrdiff_t inner, const float *x, ptrdiff_t stride,
    const float *weight, float epsilon, int centred, const float *gradient, float *to_x,
    float *to_weight, float *to_bias);
/// Gradients of group normalisation with activation: `gradient`, `to_x` dense
/// `[batch, channels, inner]`; `to_weight`, `to_bias` `[batch, channels]`, one row a sample.
void south_group_norm_gradient(ptrdiff_t batch, ptrdiff_t channels, ptrdiff_t inner,
    ptrdiff_t groups, const float *x, ptrdiff_t batch_stride, ptrdiff_t channel_stride,
    const float *weight, const float *bias, float epsilon, int activation, float slope,
    const float *gradient, float *to_x, float *to_weight, float *to_bias);
/// Rotary embedding of `x [batch, time, heads, size]` with three outer strides and adjacent
/// elements; `cosines`, `sines` `[time, size / 2]`.
void south_rotary(ptrdiff_t batch, ptrdiff_t time, ptrdiff_t heads, ptrdiff_t size,
    const float *x, const ptrdiff_t *x_strides, const float *cosines, const float *sines,
    int interleaved, float *y);
/// Rows `ids [count]` of a dense `table [·, width]` of a floating `type` or of blocks.
void south_embedding(ptrdiff_t count, ptrdiff_t width, const void *table, int type,
    const int32_t *ids, float *y);
/// `x [rows, spatial…]`, three spatial axes with strides, to `sizes` by the nearest element:
/// output i reads `⌊i · n / size⌋`.
void south_resize_nearest(ptrdiff_t rows, const float *x, ptrdiff_t row_stride,
    const ptrdiff_t *spatial, const ptrdiff_t *strides, const ptrdiff_t *sizes, float *y);

// MARK: Products

/// `a [batch, m, k]` times `b [batch, k, n]`, b of a floating type or of blocks. Strides of three
/// axes; of the last two of each operand one must be 1 and the other at least the length of the
/// axis with stride 1, along which blocks lie.
void south_matmul(ptrdiff_t batch, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a,
    const ptrdiff_t *a_strides, const void *b, int b_type, const ptrdiff_t *b_strides, float *y);
/// `activation(x weightᵀ + bias) + residual`: `x [m, k]` and `residual [m, n]` with rows
/// `x_stride` and `residual_stride` apart, `weight [n, k]` dense in float32, bfloat16, float16 or
/// blocks, `bias [n]`; bias and residual may be null.
void south_linear(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *x, ptrdiff_t x_stride,
    const void *weight, int weight_type, const float *bias, int activation, float slope,
    const float *residual, ptrdiff_t residual_stride, float *y);

/// A convolution over three spatial axes (leading ones of length 1 where there are fewer).
typedef struct {
    ptrdiff_t batch, inputs, outputs, groups;
    ptrdiff_t spatial[3], kernel[3], result[3];
    ptrdiff_t stride[3], before[3], dilation[3];
} south_convolution_shape;

/// `x [batch, inputs, spatial]` with five strides, `weight [outputs, inputs / groups, kernel]`
/// dense in float32, bfloat16 or float16, `bias [outputs]` or null → `y [batch, outputs, result]`.
void south_convolution(const south_convolution_shape *shape, const float *x,
    const ptrdiff_t *x_strides, const void *weight, int weight_type, const float *bias, float *y);
/// The transpose: `x [batch, inputs, spatial]` with five strides, `weight [inputs, outputs / groups,
/// kernel]`; `result` may be any size, positions that no input reaches get the bias alone.
void south_transposed_convolution(const south_convolution_shape *shape, const float *x,
    const ptrdiff_t *x_strides, const void *weight, int weight_type, const float *bias, float *y);
/// The gradient of a convolution's weights, `dw [outputs, inputs / groups, kernel]`, from `x` with
/// five strides and the dense `gradient [batch, outputs, result]`.
void south_convolution_weight_gradient(const south_convolution_shape *shape, const float *x,
    const ptrdiff_t *x_strides, const float *gradient, float *dw);

/// Sizes and strides of an attention; queries, keys and values have adjacent last axes.
typedef struct {
    ptrdiff_t batch, heads, key_heads, queries, keys, size, value_size;
    /// Of batch, head and position.
    ptrdiff_t q_strides[3], k_strides[3], v_strides[3];
    /// Of batch, head, query and key.
    ptrdiff_t mask_strides[4];
    float scale;
    int causal;
} south_attention_shape;

/// What an attention may have besides, each null where it has not: an additive mask, and one key
/// `[key_heads, size]` and value `[key_heads, value_size]` after those of every sample, which all
/// queries see.
typedef struct {
    const float *mask, *key, *value;
} south_attention_extras;

/// `softmax(scale · q kᵀ + mask) v` → `y [batch, queries, heads, value_size]`, 0 where a query
/// sees no key. `log_sums [batch, heads, queries]`, or null, gets `log Σ exp` of the scores.
void south_attention(const south_attention_shape *shape, const float *q, const float *k,
    const float *v, const south_attention_extras *extras, float *y, float *log_sums);

/// Where gradients go: `q [batch, queries, heads, size]`, `k [batch, keys, key_heads, size]`,
/// `v [batch, keys, key_heads, value_size]`, `mask [batch, heads, queries, keys]` or null, and
/// with an extra key `key [batch, key_heads, size]`, `value [batch, key_heads, value_size]`.
typedef struct {
    float *q, *k, *v, *mask, *key, *value;
} south_attention_gradients;

/// The gradients from the result, its sums' logarithms and the dense gradient of the result.
void south_attention_gradient(const south_attention_shape *shape, const float *q, const float *k,
    const float *v, const south_attention_extras *extras, const float *y, const float *log_sums,
    const float *gradient, const south_attention_gradients *results);


// MARK: Indices

/// The first of `count` ids outside `0..<bound`, or −1.
ptrdiff_t south_first_outside(ptrdiff_t count, const int32_t *ids, ptrdiff_t bound);
/// `y[o, j, :] = x[o, ids[j], :]` of elements of `size` bytes: `x [outer, ·, inner]` with two outer
/// strides and adjacent `inner`.
void south_select(ptrdiff_t outer, ptrdiff_t inner, const void *x, const ptrdiff_t *x_strides,
    const int32_t *ids, ptrdiff_t count, int size, void *y);
/// `y[o, ids[j], :] += x[o, j, :]`, j in order: `x [outer, count, inner]` with two outer strides
/// and adjacent `inner`, `y [outer, n, inner]` dense, with what is added to.
void south_add_selected(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const float *x,
    const ptrdiff_t *x_strides, const int32_t *ids, ptrdiff_t count, float *y);
/// `y[…, j, …] = x[…, ids[…, j, …], …]` along `axis`, for indices of `shape`; views of one rank,
/// elements of `size` bytes.
void south_gather(int rank, int axis, const ptrdiff_t *shape, const void *x,
    const ptrdiff_t *x_strides, const int32_t *ids, const ptrdiff_t *id_strides, int size,
    void *y, const ptrdiff_t *y_strides);
/// `y[…, ids[…, j, …], …] = x[…, j, …]`, or `+=` for float32 where it `adds`, j in order, over what
/// y holds.
void south_scatter(int rank, int axis, const ptrdiff_t *shape, const void *x,
    const ptrdiff_t *x_strides, const int32_t *ids, const ptrdiff_t *id_strides, int size,
    int adds, void *y, const ptrdiff_t *y_strides);

// MARK: Order

/// The `k` first elements of each row of `x [outer, inner]` in ascending or descending order, and
/// their indices: `[outer, k]`. float32, int32 or int64; equal elements keep their order; NaN is
/// the greatest.
void south_order(ptrdiff_t outer, ptrdiff_t inner, ptrdiff_t k, const void *x, ptrdiff_t stride,
    int type, int descending, void *values, int32_t *indices);

// MARK: Resampling

/// `y[o, i, :] = Σ_t weights[i, t] · x[o, starts[i] + t, :]`: `x [outer, n, inner]` with two outer
/// strides and adjacent `inner`, `weights [size, taps]`; taps beyond n have weight zero.
void south_resample(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const float *x,
    const ptrdiff_t *x_strides, ptrdiff_t size, ptrdiff_t taps, const int32_t *starts,
    const float *weights, float *y);

// MARK: Pictures and sounds

/// Pillow's resampling of `x [rows, width, 3]` along its rows, on bytes: `y [rows, size, 3]`. Result
/// i is `Σ_t weights[i, t] · x[starts[i] + t]` of 22 fractional bits, rounded and clamped. `taps` is
/// a multiple of 4; weights of pixels past a row's end are zero.
void south_resample_pixels_across(ptrdiff_t rows, ptrdiff_t width, const uint8_t *x,
    ptrdiff_t size, ptrdiff_t taps, const int32_t *starts, const int32_t *weights, uint8_t *y);
/// The same along the columns: `y [size, width, 3]`.
void south_resample_pixels_down(ptrdiff_t rows, ptrdiff_t width, const uint8_t *x,
    ptrdiff_t size, ptrdiff_t taps, const int32_t *starts, const int32_t *weights, uint8_t *y);
/// Results `first..<first + count` of a change of rate: number `q·phases + j` is
/// `Σ_t weights[j, t] · x[q·step + starts[j] + t]`. `taps` is a multiple of 16; all that weights
/// stand for, zero or not, can be read.
void south_resample_phases(const float *x, ptrdiff_t phases, ptrdiff_t step, ptrdiff_t taps,
    const int32_t *starts, const float *weights, ptrdiff_t first, ptrdiff_t count, float *y);

// MARK: Spectra. Complex numbers are pairs of floats; no transform is scaled.

/// `y[k] = Σ x[j] e^(∓2πi·jk/n)`, the upper sign forwards, of `rows` dense rows of n numbers.
void south_fourier(ptrdiff_t rows, ptrdiff_t n, const float *x, int inverse, float *y);
/// Of real rows, `stride` apart and possibly overlapping: `[rows, n]` → `[rows, n/2 + 1, 2]`.
void south_real_fourier(ptrdiff_t rows, ptrdiff_t n, const float *x, ptrdiff_t stride, float *y);
/// Real rows from half their spectra: `[rows, n/2 + 1, 2]` → `[rows, n]`, n times what went in.
void south_inverse_real_fourier(ptrdiff_t rows, ptrdiff_t n, const float *x, float *y);
/// Frames `[rows, frames, size]` added up `hop` apart → `[rows, length]`.
void south_overlap_add(ptrdiff_t rows, ptrdiff_t frames, ptrdiff_t size, ptrdiff_t hop,
    const float *x, ptrdiff_t length, float *y);

// MARK: Random numbers

/// The next `count` words of a Mersenne Twister: `state [624]`, of which the first `position`
/// (up to 624) have been given out; both move on.
void south_twister_words(uint32_t *state, int *position, ptrdiff_t count, uint32_t *y);
/// `count` numbers `u · (high − low) + low`, u the low 24 bits of a word over 2²⁴.
void south_twister_uniform(uint32_t *state, int *position, ptrdiff_t count, float low, float high,
    float *y);
/// `count ≥ 16` normal numbers as PyTorch fills a tensor: in groups of 16, the last of which is
/// drawn anew where they do not come out even.
void south_twister_normal(uint32_t *state, int *position, ptrdiff_t count, float mean,
    float deviation, float *y);
/// Numbers `start..<start + count` of a draw of Philox 4×32-10: counter (call, 0, place, 0),
/// uniform in [0, 1) by the upper 24 bits of its first word, or normal by its first two.
void south_counter_numbers(uint64_t seed, uint32_t call, uint32_t start, ptrdiff_t count,
    int is_normal, float *y);

#endif
