/* Float graphs traced in C: shapes of networks that exporters rarely write, and refusals. */
#include "frontend/eval.h"
#include "tests/common/float_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SAMPLES = 200, FEATURES = 6 };

static uint64_t state = 7;

static double draw(void) /* splitmix64, uniform in [-1, 1) */
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)(int64_t)(z ^ (z >> 31)) * 0x1p-63;
}

static torc_tensor random_tensor(size_t rows, size_t columns)
{
    torc_tensor t;
    size_t shape[] = {rows, columns};
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_F64, 2, shape), TORC_OK);
    for (size_t i = 0; i < rows * columns; i++) {
        t.f64[i] = draw();
    }
    return t;
}

typedef struct traced {
    torc_ctx *ctx;
    torc_graph *g;
    torc_value x; /* floats of shape [FEATURES] */
    torc_tensor set;
} traced;

static traced begin(void)
{
    traced t = {.ctx = torc_ctx_create()};
    size_t shape = FEATURES;
    cr_assert_eq(torc_graph_create(t.ctx, &t.g), TORC_OK);
    t.x = torc_input(t.g, "x", true, TORC_F64, 1, &shape);
    t.set = random_tensor(SAMPLES, FEATURES);
    return t;
}

static void end(traced *t)
{
    torc_graph_free(t->g);
    torc_tensor_free(&t->set);
    torc_ctx_free(t->ctx);
}

static torc_value dense(traced *t, torc_value x, size_t in, size_t out)
{
    torc_tensor w = random_tensor(in, out);
    torc_value y = torc_matmul(t->g, x, torc_constant_f64(t->g, w.f64, 2, w.shape));
    torc_tensor_free(&w);
    return y;
}

static torc_value channels(traced *t, size_t count)
{
    torc_tensor c = random_tensor(1, count);
    for (size_t i = 0; i < count; i++) {
        c.f64[i] += c.f64[i] < 0 ? -0.5 : 0.5;
    }
    torc_value v = torc_constant_f64(t->g, c.f64, 1, &count);
    torc_tensor_free(&c);
    return v;
}

static const torc_options finer = {.lookup_bits = 8, .input_bits = 8, .weight_bits = 9};

/* Signal to noise of the quantised graph on its inputset at 8 bits everywhere. */
static double finish(traced *t, torc_value y, bool exact)
{
    torc_compilation c;
    torc_options options = finer;
    torc_tensor q;
    torc_tensor f;
    torc_output(t->g, "y", y);
    options.exact = exact;
    cr_assert_eq(torc_graph_status(t->ctx, t->g), TORC_OK, "%s", torc_ctx_message(t->ctx));
    cr_assert_eq(test_quantize(t->ctx, &c, t->g, &t->set, &options), TORC_OK, "%s",
                 torc_ctx_message(t->ctx));
    cr_assert_eq(test_run_quantized(t->ctx, &q, &c, &t->set), TORC_OK, "%s",
                 torc_ctx_message(t->ctx));
    cr_assert_eq(test_run_float(t->ctx, &f, t->g, &t->set), TORC_OK);
    double db = test_signal_to_noise_db(&q, &f);
    if (exact) {
        cr_expect_eq(c.contract, TORC_EXACT);
    }
    torc_tensor_free(&q);
    torc_tensor_free(&f);
    test_compilation_free(&c);
    end(t);
    return db;
}

#define EXPECT_DB(t, y, least)                               \
    do {                                                     \
        double found_db = finish(t, y, false);               \
        cr_expect(found_db >= (least), "%.1f dB", found_db); \
    } while (0)

Test(quantize_graphs, no_layer_at_all)
{
    traced t = begin();
    EXPECT_DB(&t, torc_relu(t.g, t.x), 35);
    t = begin();
    EXPECT_DB(&t, torc_mul(t.g, t.x, torc_scalar_f64(t.g, 3)), 40);
}

Test(quantize_graphs, two_functions_of_one_layer)
{
    traced t = begin();
    torc_value z = dense(&t, t.x, FEATURES, 5);
    torc_value parts[] = {torc_relu(t.g, z), torc_function(t.g, z, "tanh")};
    EXPECT_DB(&t, dense(&t, torc_concat(t.g, parts, 2, 0), 10, 3), 30);
}

Test(quantize_graphs, one_function_read_by_two_layers)
{
    traced t = begin();
    torc_value h = torc_relu(t.g, dense(&t, t.x, FEATURES, 8));
    torc_value a = torc_function(t.g, dense(&t, h, 8, 4), "sigmoid");
    torc_value b = torc_function(t.g, dense(&t, h, 8, 4), "tanh");
    EXPECT_DB(&t, dense(&t, torc_add(t.g, a, b), 4, 2), 27);
}

Test(quantize_graphs, residuals_and_inputs_join_lookups)
{
    traced t = begin();
    torc_value h = torc_function(t.g, dense(&t, t.x, FEATURES, FEATURES), "tanh");
    torc_value z = torc_add(t.g, torc_relu(t.g, dense(&t, h, FEATURES, FEATURES)), t.x);
    EXPECT_DB(&t, dense(&t, z, FEATURES, 3), 27);
}

Test(quantize_graphs, chains_of_functions_and_channel_constants_are_one_lookup)
{
    traced t = begin();
    torc_value z = torc_mul(t.g, dense(&t, t.x, FEATURES, 8), channels(&t, 8));
    torc_value h = torc_relu(t.g, torc_add(t.g, z, channels(&t, 8)));
    h = torc_function(t.g, torc_sub(t.g, torc_mul(t.g, h, channels(&t, 8)), channels(&t, 8)),
                      "tanh");
    torc_value y = dense(&t, torc_div(t.g, h, channels(&t, 8)), 8, 2);
    torc_output(t.g, "y", y);
    torc_compilation c;
    cr_assert_eq(test_quantize(t.ctx, &c, t.g, &t.set, &finer), TORC_OK, "%s",
                 torc_ctx_message(t.ctx));
    uint32_t lookups = 0;
    for (uint32_t i = 0; i < c.graph->node_count; i++) {
        lookups += c.graph->nodes[i].op == TORC_OP_LOOKUP;
    }
    cr_expect_eq(lookups, 1);
    cr_expect(c.signal_to_noise_db > 30, "%.1f dB", c.signal_to_noise_db);
    test_compilation_free(&c);
    end(&t);
}

/* x * sigmoid(x) + |x| reads its layer three times. */
Test(quantize_graphs, a_function_may_read_its_layer_often)
{
    traced t = begin();
    torc_value z = dense(&t, t.x, FEATURES, 8);
    torc_value h = torc_mul(t.g, z, torc_function(t.g, z, "sigmoid"));
    h = torc_add(t.g, h, torc_function(t.g, z, "abs"));
    EXPECT_DB(&t, dense(&t, torc_relu(t.g, h), 8, 2), 30);
}

Test(quantize_graphs, an_output_may_be_a_function)
{
    traced t = begin();
    torc_value h = torc_function(t.g, dense(&t, t.x, FEATURES, 4), "tanh");
    EXPECT_DB(&t, torc_mul(t.g, h, torc_function(t.g, h, "abs")), 30);
}

Test(quantize_graphs, values_move_between_layers)
{
    traced t = begin();
    size_t shape[] = {2, 4};
    torc_value h = torc_relu(t.g, dense(&t, t.x, FEATURES, 8));
    h = torc_transpose(t.g, torc_reshape(t.g, h, 2, shape), NULL);
    torc_slice slices[] = {{.start = 1, .stop = INT64_MAX, .step = 2},
                           {.start = 0, .stop = INT64_MAX, .step = 1}};
    h = torc_index(t.g, h, slices, 2);
    int32_t axis = 0;
    torc_value s = torc_sum(t.g, h, &axis, 1, false);
    EXPECT_DB(&t, dense(&t, s, 2, 2), 30);
}

Test(quantize_graphs, exact_graphs_stay_exact)
{
    traced t = begin();
    torc_value h = torc_relu(t.g, dense(&t, t.x, FEATURES, 8));
    double db = finish(&t, dense(&t, h, 8, 2), true);
    cr_expect(db > 14, "%.1f dB", db);
    t = begin();
    h = torc_function(t.g, dense(&t, t.x, FEATURES, FEATURES), "tanh");
    torc_value z = torc_relu(t.g, torc_add(t.g, dense(&t, h, FEATURES, FEATURES), t.x));
    db = finish(&t, dense(&t, z, FEATURES, 3), true);
    cr_expect(db > 10, "%.1f dB", db);
}

/* sqrt of what is positive on the inputset: the widened window reaches below 0. */
Test(quantize_graphs, undefined_entries_repeat_their_neighbour)
{
    traced t = begin();
    for (size_t i = 0; i < SAMPLES * FEATURES; i++) {
        t.set.f64[i] = fabs(t.set.f64[i]);
    }
    torc_output(t.g, "y", torc_relu(t.g, torc_function(t.g, t.x, "sqrt")));
    torc_compilation c;
    cr_assert_eq(test_quantize(t.ctx, &c, t.g, &t.set, &finer), TORC_OK, "%s",
                 torc_ctx_message(t.ctx));
    uint64_t filled = 0;
    for (uint32_t i = 0; i < c.graph->node_count; i++) {
        filled +=
            c.graph->nodes[i].op == TORC_OP_LOOKUP ? c.graph->nodes[i].lookup.filled_count : 0;
    }
    cr_expect(filled > 0);
    cr_expect(c.signal_to_noise_db > 25, "%.1f dB", c.signal_to_noise_db);
    test_compilation_free(&c);
    end(&t);
}

/* More channels than a choice of windows looks at, of a function that is defined only where they
 * are. */
Test(quantize_graphs, wide_layers_are_sampled_only_for_choices)
{
    traced t = begin();
    torc_value z = torc_add(t.g, dense(&t, t.x, FEATURES, 150), torc_scalar_f64(t.g, 20));
    torc_value h = torc_function(t.g, z, "log");
    EXPECT_DB(&t, dense(&t, h, 150, 2), 25);
}

Test(quantize_graphs, graphs_of_integers_are_left_alone)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *g = NULL;
    torc_compilation c;
    torc_options options = {0};
    size_t shape = 2;
    cr_assert_eq(torc_graph_create(ctx, &g), TORC_OK);
    torc_value x = torc_input(g, "x", true, TORC_I64, 1, &shape);
    torc_output(g, "y", torc_cast(g, torc_function(g, x, "sqrt"), TORC_I64));
    torc_tensor set = {.dtype = TORC_I64, .rank = 2, .shape = {1, 2}, .i64 = (int64_t[]){3, 4}};
    cr_assert_eq(test_quantize(ctx, &c, g, &set, &options), TORC_OK);
    cr_expect_null(c.integers);
    cr_expect(!c.has_agreement);
    cr_expect_eq(c.graph->node_count, g->node_count);
    test_compilation_free(&c);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}

/* --- refusals ------------------------------------------------------------------------------------
 */

static void refuse(traced *t, torc_value y, const torc_options *options, torc_status status,
                   const char *word, const char *other)
{
    torc_compilation c;
    torc_output(t->g, "y", y);
    cr_assert_eq(torc_graph_status(t->ctx, t->g), TORC_OK, "%s", torc_ctx_message(t->ctx));
    torc_status found = test_quantize(t->ctx, &c, t->g, &t->set, options);
    cr_expect_eq(found, status, "%s", torc_status_name(found));
    cr_expect(strstr(torc_ctx_message(t->ctx), word) && strstr(torc_ctx_message(t->ctx), other),
              "'%s'", torc_ctx_message(t->ctx));
    test_compilation_free(&c);
    end(t);
}

Test(quantize_graphs, products_of_two_layers_are_refused)
{
    traced t = begin();
    torc_value a = dense(&t, t.x, FEATURES, 4);
    torc_value b = dense(&t, t.x, FEATURES, 4);
    refuse(&t, torc_mul(t.g, torc_relu(t.g, a), b), &finer, TORC_E_UNSUPPORTED, "multiply",
           "different layers");
}

Test(quantize_graphs, clear_inputs_beside_floats_are_refused)
{
    traced t = begin();
    size_t shape = FEATURES;
    torc_value key = torc_input(t.g, "key", false, TORC_F64, 1, &shape);
    refuse(&t, torc_add(t.g, t.x, key), &finer, TORC_E_UNSUPPORTED, "'key'", "clear");
}

Test(quantize_graphs, nan_in_the_inputset_is_refused)
{
    traced t = begin();
    t.set.f64[3 * FEATURES + 1] = NAN;
    refuse(&t, torc_relu(t.g, t.x), &finer, TORC_E_INPUT, "sample 3", "'x'");
}

/* 700 equal weights on inputs of one bit; rounded together, half of them become 0: 350 and 10 % on
 * each side take 9 bits. */
Test(quantize_graphs, exact_layers_that_cannot_fit_are_named)
{
    enum { WIDE = 700 };
    torc_ctx *ctx = torc_ctx_create();
    traced t = {.ctx = ctx};
    size_t shape = WIDE;
    size_t weight_shape[] = {WIDE, 1};
    double ones[WIDE];
    cr_assert_eq(torc_graph_create(ctx, &t.g), TORC_OK);
    t.x = torc_input(t.g, "x", true, TORC_F64, 1, &shape);
    t.set = random_tensor(50, WIDE);
    for (size_t i = 0; i < WIDE; i++) {
        ones[i] = 1;
        t.set.f64[i] = -1;       /* a sample of lowest */
        t.set.f64[WIDE + i] = 1; /* and one of highest values */
    }
    torc_tag_push(t.g, "wide");
    torc_value w = torc_constant_f64(t.g, ones, 2, weight_shape);
    torc_value y = torc_relu(t.g, torc_matmul(t.g, t.x, w));
    torc_options options = {.exact = true};
    refuse(&t, y, &options, TORC_E_WIDTH, "matmul", "9 bits");
}
