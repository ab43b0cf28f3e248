/* Bounds over an inputset, and what an inputset may not hold. */
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void expect_refusal(torc_graph *g, const torc_tensor *inputset, torc_status status,
                           const char *const *words)
{
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_status s = torc_graph_measure(ctx, g, inputset);
    cr_expect_eq(s, status, "status %d: %s", (int)s, torc_ctx_message(ctx));
    for (; *words; words++) {
        cr_expect(strstr(torc_ctx_message(ctx), *words), "'%s' is not in: %s", *words,
                  torc_ctx_message(ctx));
    }
    cr_expect_not(g->nodes[0].measured);
    torc_ctx_free(ctx);
    torc_graph_free(g);
}

Test(measure, bounds_are_those_of_all_cells_and_samples)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value k = torc_input(g, "k", false, TORC_F64, 0, NULL);
    const torc_value s = torc_sum(g, x, NULL, 0, false);
    const torc_value f = torc_mul(g, x, k);
    torc_output(g, "s", s);
    torc_output(g, "f", f);
    torc_tensor set[] = {tensor_i64(SHAPE(3, 2), (const int64_t[]){1, -5, 7, 2, 0, 3}),
                         tensor_f64(SHAPE(3), (const double[]){0.5, -2, 1})};
    cr_assert_eq(torc_graph_measure(NULL, g, set), TORC_OK);
    const struct {
        torc_value v;
        double min, max;
    } rows[] = {{x, -5, 7}, {k, -2, 1}, {s, -4, 9}, {f, -14, 3}};
    for (size_t i = 0; i < 4; i++) {
        const torc_node *node = torc_graph_node(g, rows[i].v);
        cr_expect(node->measured);
        cr_expect_eq(node->min, rows[i].min, "row %zu: %g", i, node->min);
        cr_expect_eq(node->max, rows[i].max, "row %zu: %g", i, node->max);
    }
    torc_tensor_free(&set[0]);
    torc_tensor_free(&set[1]);
    torc_graph_free(g);
}

static torc_graph *log_graph(torc_dtype dtype)
{
    torc_graph *g = new_graph();
    const torc_value x = torc_input(g, "x", true, dtype, SHAPE(2));
    torc_output(g, "y", torc_cast(g, torc_function(g, x, "log"), TORC_I64));
    return g;
}

Test(measure, nan_names_sample_input_and_node)
{
    torc_tensor set = tensor_f64(SHAPE(3, 2), (const double[]){1, 2, 3, 4, 5, NAN});
    expect_refusal(log_graph(TORC_F64), &set, TORC_E_INPUT,
                   (const char *[]){"input 'x'", "sample 2, element 1 is NaN", NULL});
    set.f64[5] = INFINITY;
    expect_refusal(log_graph(TORC_F64), &set, TORC_E_INPUT,
                   (const char *[]){"sample 2, element 1 is infinite", NULL});
    set.f64[5] = 5;
    set.f64[2] = -1;
    expect_refusal(log_graph(TORC_F64), &set, TORC_E_INPUT,
                   (const char *[]){"inputset: sample 1: call 2: log gives NaN", NULL});
    torc_graph *g = new_graph();
    torc_output(g, "y", torc_function(g, input_f64(g, "x", SHAPE(2)), "sqrt"));
    expect_refusal(g, &set, TORC_E_INPUT, (const char *[]){"call 2: sqrt gives NaN", NULL});
    torc_tensor_free(&set);
}

Test(measure, infinities_that_reach_an_integer_are_refused)
{
    torc_tensor set = tensor_i64(SHAPE(1, 2), (const int64_t[]){1, 0});
    expect_refusal(
        log_graph(TORC_I64), &set, TORC_E_WIDTH,
        (const char *[]){"inputset: sample 0: call 3: astype: -inf cannot become", NULL});
    torc_tensor_free(&set);
}

Test(measure, a_nan_that_where_does_not_choose_is_no_mistake)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value log = torc_function(g, x, "log");
    const torc_value guard = torc_compare_with(g, TORC_GT, x, torc_scalar_i64(g, 0));
    torc_output(g, "y", torc_where(g, guard, log, torc_scalar_f64(g, 0)));
    torc_tensor set = tensor_i64(SHAPE(1, 2), (const int64_t[]){-1, 1});
    torc_ctx *ctx = torc_ctx_create();
    cr_expect_eq(torc_graph_measure(ctx, g, &set), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_expect_eq(torc_graph_node(g, log)->max, 0);
    torc_ctx_free(ctx);
    torc_tensor_free(&set);
    torc_graph_free(g);
}

Test(measure, inputsets_must_fit_the_inputs)
{
    torc_tensor empty = tensor_i64(SHAPE(0, 2), (const int64_t[]){0});
    expect_refusal(log_graph(TORC_I64), &empty, TORC_E_INPUT,
                   (const char *[]){"inputset: it is empty", "give samples", NULL});
    torc_tensor flat = tensor_i64(SHAPE(4), (const int64_t[]){1, 2, 3, 4});
    expect_refusal(log_graph(TORC_I64), &flat, TORC_E_INPUT,
                   (const char *[]){"input 'x': shape (4,) found, samples of (2,) expected", NULL});
    torc_tensor reals = tensor_f64(SHAPE(2, 2), (const double[]){1, 2, 3, 4.5});
    expect_refusal(
        log_graph(TORC_I64), &reals, TORC_E_INPUT,
        (const char *[]){"inputset: sample 1: input 'x': element 1 is 4.5, an integer", NULL});
    reals.f64[3] = 4;
    torc_graph *g = log_graph(TORC_I64);
    cr_expect_eq(torc_graph_measure(NULL, g, &reals), TORC_OK, "integral floats are integers");
    torc_graph_free(g);
    g = new_graph();
    torc_output(g, "y", torc_add(g, input_i64(g, "a", 0, NULL), input_i64(g, "b", 0, NULL)));
    torc_tensor two[] = {tensor_i64(SHAPE(3), (const int64_t[]){1, 2, 3}),
                         tensor_i64(SHAPE(2), (const int64_t[]){1, 2})};
    expect_refusal(g, two, TORC_E_INPUT,
                   (const char *[]){"has 2 samples, the first input has 3", NULL});
    torc_tensor_free(&empty);
    torc_tensor_free(&flat);
    torc_tensor_free(&reals);
    torc_tensor_free(&two[0]);
    torc_tensor_free(&two[1]);
}

Test(measure, the_stage_refuses_a_graph_without_outputs)
{
    torc_graph *g = new_graph();
    input_i64(g, "x", 0, NULL);
    torc_ctx *ctx = torc_ctx_create();
    torc_compilation c = {0};
    torc_tensor set = tensor_i64(SHAPE(1), (const int64_t[]){1});
    cr_expect_eq(run_stages(ctx, &c, g, &set, "measure"), TORC_E_ARGUMENT);
    cr_expect(strstr(torc_ctx_message(ctx), "no output"));
    end_stages(&c);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}

Test(measure, a_graph_without_inputs_has_one_sample)
{
    torc_graph *g = new_graph();
    torc_output(g, "y", torc_add(g, torc_scalar_i64(g, 2), torc_scalar_i64(g, 3)));
    cr_expect_eq(torc_graph_measure(NULL, g, NULL), TORC_OK);
    cr_expect_eq(g->nodes[2].max, 5);
    torc_graph_free(g);
}

/* 1000 samples of a 64-64-32-10 perceptron, integers and floats. */
Test(measure, a_thousand_samples_take_less_than_a_second)
{
    static const size_t sizes[] = {64, 64, 32, 10};
    uint64_t seed = 6;
    torc_tensor set;
    cr_assert_eq(torc_tensor_create(NULL, &set, TORC_I64, 2, (size_t[]){1000, 64}), TORC_OK);
    for (size_t i = 0; i < 64000; i++) {
        set.i64[i] = (int64_t)(next_random(&seed) % 17);
    }
    for (int is_float = 0; is_float < 2; is_float++) {
        torc_graph *g = new_graph();
        torc_value v = input_i64(g, "x", SHAPE(64));
        for (int layer = 0; layer < 3; layer++) {
            const size_t shape[] = {sizes[layer], sizes[layer + 1]};
            torc_tensor w;
            cr_assert_eq(torc_tensor_create(NULL, &w, TORC_I64, 2, shape), TORC_OK);
            for (size_t i = 0; i < shape[0] * shape[1]; i++) {
                w.i64[i] = (int64_t)(next_random(&seed) % 63) - 31;
                if (is_float) {
                    w.f64[i] = (double)w.i64[i] / 31;
                }
            }
            w.dtype = is_float ? TORC_F64 : TORC_I64;
            const torc_value weight = is_float ? torc_constant_f64(g, w.f64, 2, shape)
                                               : torc_constant_i64(g, w.i64, 2, shape);
            v = torc_relu(g, torc_matmul(g, v, weight));
            torc_tensor_free(&w);
        }
        torc_output(g, "y", v);
        expect_sound(g);
        const clock_t start = clock();
        cr_assert_eq(torc_graph_measure(NULL, g, &set), TORC_OK);
        const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        cr_expect_lt(seconds, 1.0, "%g s", seconds);
        torc_graph_free(g);
    }
    torc_tensor_free(&set);
}
