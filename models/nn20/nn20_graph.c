/* The network of nn20.h, traced with the public calls. Every weight is the function of a seed. */
#include "models/nn20/nn20.h"

#include <math.h>

#define FILTER     ((size_t)3)
#define CALIBRATED 64 /* images of the inputset */

const nn20_shape nn20_ternary = {
    .name = "nn20", .side = 28, .white = 7, .layers = 18, .width = 92, .nonzero = 36};
const nn20_shape nn20_dense = {.name = "nn20_dense",
                               .side = 28,
                               .white = 7,
                               .layers = 18,
                               .width = 92,
                               .nonzero = 92,
                               .is_rounded = true};

const nn20_shape nn20_small = {
    .name = "nn20_small", .side = 3, .white = 1, .layers = 2, .width = 4, .nonzero = 3};

/* --- random numbers --- */

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void shuffle(int64_t *values, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        const size_t j = next_random(state) % i;
        const int64_t kept = values[i - 1];
        values[i - 1] = values[j];
        values[j] = kept;
    }
}

/* --- weights and images --- */

torc_status nn20_weights(torc_ctx *ctx, torc_tensor *out, const nn20_shape *shape, uint32_t layer)
{
    const size_t rows = layer == shape->layers ? NN20_SCORES : shape->width;
    const size_t columns = layer == 0 ? (size_t)shape->side * shape->side : shape->width;
    const size_t sizes[] = {rows, columns};
    uint64_t state = 0x4e4e3230u + layer;
    const torc_status s = torc_tensor_create(ctx, out, TORC_I64, 2, sizes);
    for (size_t r = 0; s == TORC_OK && r < rows; r++) {
        int64_t *row = out->i64 + r * columns;
        for (size_t i = 0; i < shape->nonzero; i++) {
            row[i] = next_random(&state) >> 63 == 0 ? 1 : -1;
        }
        shuffle(row, columns, &state);
    }
    return s;
}

torc_status nn20_filter(torc_ctx *ctx, torc_tensor *out)
{
    static const int64_t weights[FILTER * FILTER] = {1, -1, 1, -1, 0, 1, -1, 1, -1};
    const size_t sizes[] = {FILTER, FILTER};
    uint64_t state = 0x66696c74u;
    const torc_status s = torc_tensor_create(ctx, out, TORC_I64, 2, sizes);
    for (size_t i = 0; s == TORC_OK && i < FILTER * FILTER; i++) {
        out->i64[i] = weights[i];
    }
    if (s == TORC_OK) {
        shuffle(out->i64, FILTER * FILTER, &state);
    }
    return s;
}

torc_status nn20_images(torc_ctx *ctx, torc_tensor *out, const nn20_shape *shape, size_t samples,
                        uint64_t seed)
{
    const size_t sizes[] = {samples, shape->side, shape->side};
    const torc_dtype dtype = shape->is_rounded ? TORC_F64 : TORC_I64;
    uint64_t state = seed;
    const torc_status s = torc_tensor_create(ctx, out, dtype, 3, sizes);
    for (size_t i = 0; s == TORC_OK && i < torc_tensor_count(out); i++) {
        const int64_t pixel = (int64_t)(next_random(&state) % (shape->white + 1));
        if (shape->is_rounded) {
            out->f64[i] = (double)pixel / shape->white;
        } else {
            out->i64[i] = pixel;
        }
    }
    return s;
}

/* --- the graph --- */

static double sign_of(double x, void *user)
{
    (void)user;
    return x < 0 ? -1 : 1;
}

/* variance: of what it is applied to, so that a tanh sees all of its curve. */
static torc_value activate(torc_graph *g, torc_value sum, const nn20_shape *shape, double variance)
{
    if (shape->is_rounded) {
        return torc_function(g, torc_mul(g, sum, torc_scalar_f64(g, 1 / sqrt(variance))), "tanh");
    }
    return torc_cast(g, torc_univariate(g, sum, sign_of, NULL, "sign"), TORC_I64);
}

/* A constant of these integers, as floats in a float graph; the tensor is used up. */
static torc_value constant_of(torc_graph *g, torc_tensor *integers, const nn20_shape *shape,
                              uint32_t rank, const size_t *sizes)
{
    torc_value value;
    if (shape->is_rounded) {
        for (size_t i = 0; i < torc_tensor_count(integers); i++) {
            integers->f64[i] = (double)integers->i64[i];
        }
        value = torc_constant_f64(g, integers->f64, rank, sizes);
    } else {
        value = torc_constant_i64(g, integers->i64, rank, sizes);
    }
    torc_tensor_free(integers);
    return value;
}

static torc_value convolve(torc_graph *g, torc_value x, torc_tensor *filter,
                           const nn20_shape *shape)
{
    const torc_conv2d_args args = {
        .stride = {1, 1}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}, .groups = 1};
    const size_t image[] = {1, 1, shape->side, shape->side};
    const size_t sizes[] = {1, 1, FILTER, FILTER};
    const size_t flat[] = {(size_t)shape->side * shape->side};
    const torc_value w = constant_of(g, filter, shape, 4, sizes);
    const torc_value sum = torc_conv2d(g, torc_reshape(g, x, 4, image), w, TORC_NO_VALUE, &args);
    return torc_reshape(g, sum, 1, flat);
}

/* The matrix of the same convolution, [side^2][side^2]. */
static torc_status spread_filter(torc_ctx *ctx, torc_tensor *out, const torc_tensor *filter,
                                 uint32_t side)
{
    const size_t pixels = (size_t)side * side;
    const size_t sizes[] = {pixels, pixels};
    const torc_status s = torc_tensor_create(ctx, out, TORC_I64, 2, sizes);
    for (size_t p = 0; s == TORC_OK && p < pixels; p++) {
        for (size_t f = 0; f < FILTER * FILTER; f++) {
            const size_t row = p / side + f / FILTER; /* one more than the image's: padding */
            const size_t column = p % side + f % FILTER;
            if (row >= 1 && row <= side && column >= 1 && column <= side) {
                out->i64[p * pixels + (row - 1) * side + column - 1] = filter->i64[f];
            }
        }
    }
    return s;
}

/* As a matrix where it is float: the compiler quantises dense layers alone. */
static torc_status add_convolution(torc_ctx *ctx, torc_value *x, torc_graph *g,
                                   const nn20_shape *shape)
{
    const size_t flat[] = {(size_t)shape->side * shape->side};
    const size_t square[] = {flat[0], flat[0]};
    torc_tensor filter = {0};
    torc_tensor matrix = {0};
    torc_status s = nn20_filter(ctx, &filter);
    if (s == TORC_OK && shape->is_rounded) {
        s = spread_filter(ctx, &matrix, &filter, shape->side);
    }
    if (s == TORC_OK) {
        torc_tag_push(g, "convolution");
        const torc_value sum = shape->is_rounded
                                   ? torc_matmul(g, constant_of(g, &matrix, shape, 2, square),
                                                 torc_reshape(g, *x, 1, flat))
                                   : convolve(g, *x, &filter, shape);
        *x = activate(g, sum, shape, 1); /* 8 weights, pixels of 0 .. 1 */
        torc_tag_pop(g);
    }
    torc_tensor_free(&filter);
    torc_tensor_free(&matrix);
    return s;
}

static torc_status add_dense(torc_ctx *ctx, torc_value *x, torc_graph *g, const nn20_shape *shape,
                             uint32_t layer)
{
    torc_tensor weights = {0};
    const torc_status s = nn20_weights(ctx, &weights, shape, layer);
    if (s != TORC_OK) {
        return s;
    }
    const size_t sizes[] = {weights.shape[0], weights.shape[1]};
    torc_tag_push(g, "dense");
    *x = torc_matmul(g, constant_of(g, &weights, shape, 2, sizes), *x);
    if (layer < shape->layers) {
        *x = activate(g, *x, shape, shape->nonzero / 2.0); /* a tanh is worth about 1/2 */
    }
    torc_tag_pop(g);
    return TORC_OK;
}

torc_status nn20_trace(torc_ctx *ctx, torc_graph **out, const nn20_shape *shape)
{
    const size_t image[] = {shape->side, shape->side};
    torc_graph *g = NULL;
    torc_status s = torc_graph_create(ctx, &g);
    if (s != TORC_OK) {
        return s;
    }
    torc_value x = torc_input(g, "image", true, shape->is_rounded ? TORC_F64 : TORC_I64, 2, image);
    s = add_convolution(ctx, &x, g, shape);
    for (uint32_t layer = 0; s == TORC_OK && layer <= shape->layers; layer++) {
        s = add_dense(ctx, &x, g, shape, layer);
    }
    if (s == TORC_OK) {
        torc_output(g, "scores", x);
        s = torc_graph_status(ctx, g);
    }
    if (s != TORC_OK) {
        torc_graph_free(g);
        return s;
    }
    *out = g;
    return TORC_OK;
}

torc_status nn20_compile(torc_ctx *ctx, torc_circuit **out, const nn20_shape *shape,
                         const torc_options *options)
{
    torc_options filled = *options;
    torc_graph *graph = NULL;
    torc_tensor images = {0};
    filled.name = shape->name;
    filled.exact = !shape->is_rounded;
    filled.lookup_bits = NN20_BITS;
    filled.weight_bits = shape->is_rounded ? 2 : 0;
    filled.input_bits = shape->is_rounded ? 3 : 0;
    torc_status s = nn20_trace(ctx, &graph, shape);
    if (s == TORC_OK) {
        s = nn20_images(ctx, &images, shape, CALIBRATED, 1);
    }
    if (s == TORC_OK) {
        s = torc_compile(ctx, out, graph, &images, &filled);
    }
    torc_tensor_free(&images);
    torc_graph_free(graph);
    return s;
}
