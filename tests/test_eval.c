/* Clear evaluation against naive loops written here, and the values that NumPy gives. */
#include "frontend/eval.h"
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Evaluates output 0 of g (freed) on the given inputs (freed). */
static torc_tensor eval_once(torc_graph *g, torc_tensor *inputs, uint32_t input_count)
{
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_tensor *values = NULL;
    cr_assert_eq(torc_graph_eval(ctx, &values, g, inputs), TORC_OK, "%s", torc_ctx_message(ctx));
    torc_tensor result = values[g->outputs[0].node];
    values[g->outputs[0].node] = (torc_tensor){0};
    for (uint32_t i = 0; i < g->node_count; i++) {
        torc_tensor_free(&values[i]);
    }
    for (uint32_t i = 0; i < input_count; i++) {
        torc_tensor_free(&inputs[i]);
    }
    free(values);
    torc_graph_free(g);
    torc_ctx_free(ctx);
    return result;
}

static void expect_i64(torc_tensor t, size_t count, const int64_t *expected)
{
    cr_assert_eq(t.dtype, TORC_I64);
    cr_assert_eq(torc_tensor_count(&t), count);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(t.i64[i], expected[i], "element %zu: %ld, not %ld", i, t.i64[i], expected[i]);
    }
    torc_tensor_free(&t);
}
#define EXPECT_I64(t, ...)                                            \
    expect_i64(t, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), \
               (const int64_t[]){__VA_ARGS__})

static torc_tensor random_tensor(uint64_t *seed, uint32_t rank, const size_t *shape)
{
    torc_tensor t;
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, rank, shape), TORC_OK);
    for (size_t i = 0; i < torc_tensor_count(&t); i++) {
        t.i64[i] = (int64_t)(next_random(seed) % 41) - 20;
    }
    return t;
}

Test(eval, arithmetic_broadcasts_as_numpy)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", SHAPE(2, 1, 3));
    const torc_value b = input_i64(g, "b", SHAPE(2, 1));
    torc_output(g, "y", torc_sub(g, torc_mul(g, a, b), torc_neg(g, b)));
    torc_tensor in[] = {tensor_i64(SHAPE(2, 1, 3), (const int64_t[]){1, 2, 3, 4, 5, 6}),
                        tensor_i64(SHAPE(2, 1), (const int64_t[]){10, -1})};
    EXPECT_I64(eval_once(g, in, 2), 20, 30, 40, -2, -3, -4, 50, 60, 70, -5, -6, -7);
}

Test(eval, floats_integers_and_casts)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", SHAPE(4));
    const torc_value half = torc_mul(g, a, torc_scalar_f64(g, 0.5));
    torc_output(g, "y", torc_cast(g, half, TORC_I64)); /* towards zero */
    torc_tensor in[] = {tensor_i64(SHAPE(4), (const int64_t[]){-3, -1, 3, 4})};
    EXPECT_I64(eval_once(g, in, 1), -1, 0, 1, 2);
    g = new_graph();
    const torc_value b = input_i64(g, "b", SHAPE(4));
    torc_output(g, "y",
                torc_cast(g, torc_round(g, torc_div(g, b, torc_scalar_i64(g, 2))), TORC_I64));
    torc_tensor in2[] = {tensor_i64(SHAPE(4), (const int64_t[]){1, 3, 5, -1})};
    EXPECT_I64(eval_once(g, in2, 1), 0, 2, 2, 0); /* half to even */
}

Test(eval, functions_that_keep_integers)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", SHAPE(3));
    const torc_value parts[] = {torc_relu(g, a), torc_clip(g, a, -1, 2), torc_function(g, a, "abs"),
                                torc_function(g, a, "square"), torc_function(g, a, "sign")};
    torc_output(g, "y", torc_concat(g, parts, 5, 0));
    torc_tensor in[] = {tensor_i64(SHAPE(3), (const int64_t[]){-4, 0, 3})};
    EXPECT_I64(eval_once(g, in, 1), 0, 0, 3, -1, 0, 2, 4, 0, 3, 16, 0, 9, -1, 0, 1);
}

Test(eval, comparisons_and_where)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", SHAPE(3));
    const torc_value two = torc_scalar_i64(g, 2);
    torc_value parts[7];
    for (int i = 0; i < 6; i++) {
        parts[i] = torc_compare_with(g, (torc_compare)i, a, two);
    }
    parts[6] = torc_where(g, parts[0], a, torc_scalar_i64(g, 9));
    torc_output(g, "y", torc_concat(g, parts, 7, 0));
    torc_tensor in[] = {tensor_i64(SHAPE(3), (const int64_t[]){1, 2, 3})};
    EXPECT_I64(eval_once(g, in, 1), 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 9, 9);
}

Test(eval, tables_count_negative_values_from_the_end)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", SHAPE(4));
    torc_output(g, "y", torc_table_lookup(g, a, (const int64_t[]){10, 11, 12, 13}, 4));
    torc_tensor in[] = {tensor_i64(SHAPE(4), (const int64_t[]){0, 3, -1, -4})};
    EXPECT_I64(eval_once(g, in, 1), 10, 13, 13, 10);
}

Test(eval, lookups_saturate_outside_their_window)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", SHAPE(6));
    int64_t entries[8] = {10, 11, 12, 13, 20, 21, 22, 23};
    uint32_t table_of[6] = {0, 0, 0, 0, 1, 0};
    const torc_node node = {.lookup = {.index_bits = 2,
                                       .window_bits = 4,
                                       .window_min = -8,
                                       .table_count = 2,
                                       .entry = entries,
                                       .table_of = table_of}};
    torc_output(g, "y", torc_graph_add(g, TORC_OP_LOOKUP, &a, 1, &node));
    torc_tensor in[] = {tensor_i64(SHAPE(6), (const int64_t[]){-100, -8, -5, -4, 7, INT64_MAX})};
    EXPECT_I64(eval_once(g, in, 1), 10, 10, 10, 11, 23, 13);
}

/* Index of an element from its place on each axis, the naive way. */
static size_t flat(const torc_tensor *t, const size_t *place)
{
    size_t index = 0;
    for (uint32_t i = 0; i < t->rank; i++) {
        index = index * t->shape[i] + place[i];
    }
    return index;
}

Test(eval, batched_matmul_equals_loops)
{
    uint64_t seed = 2;
    torc_tensor a = random_tensor(&seed, SHAPE(2, 1, 3, 4));
    torc_tensor b = random_tensor(&seed, SHAPE(5, 4, 2));
    torc_tensor in[] = {tensor_i64(a.rank, a.shape, a.i64), tensor_i64(b.rank, b.shape, b.i64)};
    torc_graph *g = new_graph();
    const torc_value av = input_i64(g, "a", a.rank, a.shape);
    torc_output(g, "y", torc_matmul(g, av, input_i64(g, "b", b.rank, b.shape)));
    torc_tensor y = eval_once(g, in, 2);
    cr_assert_eq(y.rank, 4);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 5; j++) {
            for (size_t r = 0; r < 3; r++) {
                for (size_t c = 0; c < 2; c++) {
                    int64_t sum = 0;
                    for (size_t k = 0; k < 4; k++) {
                        sum += a.i64[flat(&a, (size_t[]){i, 0, r, k})] *
                               b.i64[flat(&b, (size_t[]){j, k, c})];
                    }
                    cr_assert_eq(y.i64[flat(&y, (size_t[]){i, j, r, c})], sum);
                }
            }
        }
    }
    torc_tensor_free(&a);
    torc_tensor_free(&b);
    torc_tensor_free(&y);
}

Test(eval, vectors_and_matrices_multiply_as_in_numpy)
{
    torc_graph *g = new_graph();
    const torc_value m = input_i64(g, "m", SHAPE(2, 3));
    const torc_value v = input_i64(g, "v", SHAPE(3));
    const torc_value u = input_i64(g, "u", SHAPE(2));
    const torc_value parts[] = {torc_matmul(g, m, v), torc_dot(g, u, m),
                                torc_reshape(g, torc_dot(g, v, v), SHAPE(1))};
    torc_output(g, "y", torc_concat(g, parts, 3, 0));
    torc_tensor in[] = {tensor_i64(SHAPE(2, 3), (const int64_t[]){1, 2, 3, 4, 5, 6}),
                        tensor_i64(SHAPE(3), (const int64_t[]){1, 0, -1}),
                        tensor_i64(SHAPE(2), (const int64_t[]){2, 1})};
    EXPECT_I64(eval_once(g, in, 3), -2, -2, 6, 9, 12, 2);
}

typedef struct conv_case {
    size_t x[4], w[4];
    torc_conv2d_args args;
    bool has_bias;
} conv_case;

/* One output of a convolution, straight from its definition. */
static int64_t conv_at(const conv_case *c, const torc_tensor *x, const torc_tensor *w,
                       const torc_tensor *bias, const size_t *place)
{
    const size_t group_outputs = c->w[0] / c->args.groups;
    const size_t first = place[1] / group_outputs * c->w[1];
    int64_t sum = c->has_bias ? bias->i64[place[1]] : 0;
    for (size_t ch = 0; ch < c->w[1]; ch++) {
        for (size_t ky = 0; ky < c->w[2]; ky++) {
            for (size_t kx = 0; kx < c->w[3]; kx++) {
                const int64_t iy =
                    (int64_t)(place[2] * c->args.stride[0] + ky * c->args.dilation[0]) -
                    c->args.pad[0];
                const int64_t ix =
                    (int64_t)(place[3] * c->args.stride[1] + kx * c->args.dilation[1]) -
                    c->args.pad[1];
                if (iy < 0 || ix < 0 || iy >= (int64_t)c->x[2] || ix >= (int64_t)c->x[3]) {
                    continue;
                }
                sum += x->i64[flat(x, (size_t[]){place[0], first + ch, (size_t)iy, (size_t)ix})] *
                       w->i64[flat(w, (size_t[]){place[1], ch, ky, kx})];
            }
        }
    }
    return sum;
}

Test(eval, convolutions_equal_their_definition)
{
    static const conv_case cases[] = {
        {{1, 1, 5, 5}, {1, 1, 3, 3}, {{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, false},
        {{2, 3, 6, 5}, {4, 3, 3, 2}, {{2, 1}, {1, 1}, {1, 0, 1, 1}, 1}, true},
        {{1, 4, 7, 7}, {6, 2, 3, 3}, {{1, 2}, {2, 1}, {2, 1, 2, 1}, 2}, true},
        {{1, 3, 4, 4}, {3, 1, 4, 4}, {{3, 3}, {1, 1}, {3, 3, 3, 3}, 3}, false},
        {{1, 1, 2, 9}, {2, 1, 1, 4}, {{1, 2}, {1, 3}, {0, 4, 0, 2}, 1}, true},
    };
    uint64_t seed = 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const conv_case *c = &cases[i];
        torc_tensor x = random_tensor(&seed, 4, c->x);
        torc_tensor w = random_tensor(&seed, 4, c->w);
        torc_tensor bias = random_tensor(&seed, 1, c->w);
        torc_graph *g = new_graph();
        const torc_value xv = input_i64(g, "x", 4, c->x);
        const torc_value wv = torc_constant_i64(g, w.i64, 4, c->w);
        const torc_value bv = c->has_bias ? torc_constant_i64(g, bias.i64, 1, c->w) : TORC_NO_VALUE;
        torc_output(g, "y", torc_conv2d(g, xv, wv, bv, &c->args));
        torc_tensor in = tensor_i64(4, c->x, x.i64);
        torc_tensor y = eval_once(g, &in, 1);
        for (size_t e = 0; e < torc_tensor_count(&y); e++) {
            size_t place[4];
            size_t rest = e;
            for (uint32_t axis = 4; axis-- > 0; rest /= y.shape[axis]) {
                place[axis] = rest % y.shape[axis];
            }
            const int64_t expected = conv_at(c, &x, &w, &bias, place);
            cr_assert_eq(y.i64[e], expected, "case %zu element %zu: %ld, not %ld", i, e, y.i64[e],
                         expected);
        }
        torc_tensor_free(&x);
        torc_tensor_free(&w);
        torc_tensor_free(&bias);
        torc_tensor_free(&y);
    }
}

Test(eval, sums_over_any_axes)
{
    static const struct {
        uint32_t count;
        int32_t axes[3];
        int64_t expected[8];
        size_t size;
    } rows[] = {
        {0, {0}, {28}, 1},        {1, {0}, {4, 6, 8, 10}, 4}, {1, {-1}, {1, 5, 9, 13}, 4},
        {2, {2, 0}, {10, 18}, 2}, {3, {0, 1, 2}, {28}, 1},    {1, {1}, {2, 4, 10, 12}, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_graph *g = new_graph();
        const torc_value x = input_i64(g, "x", SHAPE(2, 2, 2));
        torc_output(g, "y", torc_sum(g, x, rows[i].axes, rows[i].count, i % 2 == 0));
        torc_tensor in = range_i64(0, 8, SHAPE(2, 2, 2));
        expect_i64(eval_once(g, &in, 1), rows[i].size, rows[i].expected);
    }
}

Test(eval, moves)
{
    torc_graph *g = new_graph();
    torc_value x = input_i64(g, "x", SHAPE(2, 3));
    torc_output(g, "y", torc_reshape(g, torc_transpose(g, x, NULL), SHAPE(SIZE_MAX)));
    torc_tensor in = range_i64(0, 6, SHAPE(2, 3));
    EXPECT_I64(eval_once(g, &in, 1), 0, 3, 1, 4, 2, 5);
    g = new_graph();
    x = input_i64(g, "x", SHAPE(4, 3));
    const torc_slice slices[] = {{INT64_MAX, INT64_MAX, -2, false}, {-1, 0, 0, true}};
    torc_output(g, "y", torc_index(g, x, slices, 2)); /* x[::-2, -1] */
    in = range_i64(0, 12, SHAPE(4, 3));
    EXPECT_I64(eval_once(g, &in, 1), 11, 5);
    g = new_graph();
    x = input_i64(g, "x", SHAPE(2, 2));
    const torc_value parts[] = {x, torc_neg(g, x)};
    torc_output(g, "y", torc_concat(g, parts, 2, -1));
    in = range_i64(0, 4, SHAPE(2, 2));
    EXPECT_I64(eval_once(g, &in, 1), 0, 1, 0, -1, 2, 3, -2, -3);
}

static void expect_failure(torc_graph *g, torc_tensor in, torc_status status, const char *words)
{
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_tensor *values = NULL;
    cr_expect_eq(torc_graph_eval(ctx, &values, g, &in), status, "%s", torc_ctx_message(ctx));
    cr_expect_null(values);
    cr_expect(strstr(torc_ctx_message(ctx), words), "'%s' is not in: %s", words,
              torc_ctx_message(ctx));
    torc_tensor_free(&in);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}

Test(eval, integers_that_leave_64_bits_are_errors_with_their_place)
{
    const int64_t half = INT64_MAX / 2 + 1;
    torc_graph *g = new_graph();
    torc_value x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_add(g, x, x));
    expect_failure(g, tensor_i64(SHAPE(1), &half), TORC_E_WIDTH, "call 2: add: 46116860184273");
    g = new_graph();
    x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_matmul(g, x, x));
    expect_failure(g, tensor_i64(SHAPE(1), &half), TORC_E_WIDTH, "call 2: matmul: a sum of 1 prod");
    g = new_graph();
    x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_neg(g, x));
    const int64_t least = INT64_MIN;
    expect_failure(g, tensor_i64(SHAPE(1), &least), TORC_E_WIDTH, "negative");
    g = new_graph();
    x = input_i64(g, "x", SHAPE(2));
    torc_output(g, "y", torc_sum(g, x, NULL, 0, false));
    const int64_t pair[] = {half, half};
    expect_failure(g, tensor_i64(SHAPE(2), pair), TORC_E_WIDTH, "sum");
}

Test(eval, sums_close_to_the_limit_are_exact)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    torc_output(g, "y", torc_sum(g, x, NULL, 0, false));
    torc_tensor in = tensor_i64(SHAPE(2), (const int64_t[]){INT64_MAX - 5, 5});
    EXPECT_I64(eval_once(g, &in, 1), INT64_MAX);
}

Test(eval, undefined_results_are_errors)
{
    torc_graph *g = new_graph();
    torc_value x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_cast(g, torc_function(g, x, "log"), TORC_I64));
    const int64_t minus = -1;
    expect_failure(g, tensor_i64(SHAPE(1), &minus), TORC_E_INPUT, "astype: NaN cannot become");
    g = new_graph();
    x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_table_lookup(g, x, (const int64_t[]){1, 2}, 2));
    expect_failure(g, tensor_i64(SHAPE(1), (const int64_t[]){2}), TORC_E_INPUT,
                   "2 is outside a table of 2 entries");
    g = new_graph();
    x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", x);
    expect_failure(g, tensor_i64(SHAPE(2), (const int64_t[]){2, 2}), TORC_E_INPUT,
                   "input 'x': shape (2,) found, (1,) expected");
    g = new_graph();
    x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", x);
    expect_failure(g, tensor_f64(SHAPE(1), (const double[]){2.5}), TORC_E_INPUT,
                   "element 0 is 2.5");
}
