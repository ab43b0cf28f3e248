/* Printed graphs, compared to the character. */
#include "runtime/status.h"
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_text(const torc_graph *g, bool with_bounds, const char *expected)
{
    torc_ctx *ctx = torc_ctx_create();
    char *text = NULL;
    cr_assert_eq(torc_graph_print(ctx, &text, g, with_bounds), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_expect_str_eq(text, expected, "found:\n%s\nexpected:\n%s", text, expected);
    free(text);
    torc_ctx_free(ctx);
}

/* Measures, sets widths (the fuse stage stands between them), prints. */
static void expect_widths(const torc_graph *g, const torc_tensor *inputset, bool with_bounds,
                          const char *expected)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_compilation c = {.inputset = inputset};
    cr_assert_eq(torc_graph_copy(ctx, &c.graph, g), TORC_OK);
    cr_assert_eq(torc_stage_measure(ctx, &c), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(torc_stage_width(ctx, &c), TORC_OK, "%s", torc_ctx_message(ctx));
    expect_text(c.graph, with_bounds, expected);
    torc_graph_free(c.graph);
    torc_ctx_free(ctx);
}

/* b = 2, w = [2], w @ x + b, in the order in which the seed's source names them. */
static torc_graph *linear_model(void)
{
    torc_graph *g = new_graph();
    const torc_value b = torc_scalar_i64(g, 2);
    const torc_value w = torc_constant_i64(g, (const int64_t[]){2}, SHAPE(1));
    const torc_value x = input_i64(g, "x", SHAPE(1));
    torc_output(g, NULL, torc_add(g, torc_matmul(g, w, x), b));
    expect_sound(g);
    return g;
}

Test(print, the_seed_example)
{
    torc_graph *g = linear_model();
    torc_tensor set = range_i64(0, 4, SHAPE(4, 1));
    expect_widths(g, &set, false,
                  "%0 = 2                     # ClearScalar<uint2>\n"
                  "%1 = [2]                   # ClearTensor<uint2, shape=(1,)>\n"
                  "%2 = x                     # EncryptedTensor<uint2, shape=(1,)>\n"
                  "%3 = matmul(%1, %2)        # EncryptedScalar<uint3>\n"
                  "%4 = add(%3, %0)           # EncryptedScalar<uint4>\n"
                  "return %4\n");
    torc_tensor_free(&set);
    torc_graph_free(g);
}

Test(print, bounds_and_tags_have_their_own_columns)
{
    torc_graph *g = new_graph();
    torc_tag_push(g, "layer");
    torc_tag_push(g, "one");
    const torc_value x = input_i64(g, "x", 0, NULL);
    torc_tag_pop(g);
    torc_tag_pop(g);
    const torc_value two = torc_scalar_i64(g, 2);
    torc_tag_push(g, "layer");
    const torc_value y = torc_mul(g, x, two);
    torc_tag_pop(g);
    torc_output(g, "y", torc_neg(g, y));
    expect_sound(g);
    torc_tensor set = range_i64(0, 8, SHAPE(8));
    expect_widths(g, &set, true,
                  "%0 = x                       # EncryptedScalar<uint3>        \u2208 [0, 7]"
                  "          @ layer.one\n"
                  "%1 = 2                       # ClearScalar<uint2>            \u2208 [2, 2]\n"
                  "%2 = multiply(%0, %1)        # EncryptedScalar<uint4>        \u2208 [0, 14]"
                  "         @ layer\n"
                  "%3 = negative(%2)            # EncryptedScalar<int5>         \u2208 [-14, 0]\n"
                  "return %3\n");
    torc_tensor_free(&set);
    torc_graph_free(g);
}

Test(print, ids_are_aligned_and_outputs_listed)
{
    torc_graph *g = new_graph();
    torc_value x = input_i64(g, "x", 0, NULL);
    const torc_value first = x;
    for (int i = 0; i < 10; i++) {
        x = torc_neg(g, x);
    }
    torc_output(g, "y", x);
    torc_output(g, "x", first);
    expect_text(g, false,
                " %0 = x                   # EncryptedScalar<integer>\n"
                " %1 = negative(%0)        # EncryptedScalar<integer>\n"
                " %2 = negative(%1)        # EncryptedScalar<integer>\n"
                " %3 = negative(%2)        # EncryptedScalar<integer>\n"
                " %4 = negative(%3)        # EncryptedScalar<integer>\n"
                " %5 = negative(%4)        # EncryptedScalar<integer>\n"
                " %6 = negative(%5)        # EncryptedScalar<integer>\n"
                " %7 = negative(%6)        # EncryptedScalar<integer>\n"
                " %8 = negative(%7)        # EncryptedScalar<integer>\n"
                " %9 = negative(%8)        # EncryptedScalar<integer>\n"
                "%10 = negative(%9)        # EncryptedScalar<integer>\n"
                "return %10, %0\n");
    torc_graph_free(g);
}

Test(print, constants_as_numpy_writes_them)
{
    static const int64_t small[] = {1, -20, 3, 4};
    static const int64_t longer[] = {100, 200, 300, 400, 500, 600, 700, 800};
    static const double reals[] = {0.5, 1, -2.25};
    static const int64_t cube[] = {1, 2, 3, 4, 5, 6, 7, 8};
    int64_t *many = calloc(2000, sizeof *many);
    many[1] = -5; /* the width of a number comes from what is written */
    many[1000] = 123456;
    torc_graph *g = new_graph();
    torc_output(g, "a", torc_constant_i64(g, small, SHAPE(2, 2)));
    torc_output(g, "b", torc_constant_i64(g, longer, SHAPE(8)));
    torc_output(g, "c", torc_constant_f64(g, reals, SHAPE(3)));
    torc_output(g, "d", torc_constant_i64(g, cube, SHAPE(2, 2, 2)));
    torc_output(g, "e", torc_constant_i64(g, many, SHAPE(2000)));
    torc_output(g, "f", torc_scalar_f64(g, 2));
    torc_output(g, "g", torc_scalar_f64(g, 0.1));
    expect_text(g, false,
                "%0 = [[  1 -20] [  3   4]]            # ClearTensor<int6, shape=(2, 2)>\n"
                "%1 = [100 200 3 ... 0 700 800]        # ClearTensor<uint10, shape=(8,)>\n"
                "%2 = [ 0.5   1.   -2.25]              # ClearTensor<float64, shape=(3,)>\n"
                "%3 = [[[1 2]  [ ... ]  [7 8]]]        # ClearTensor<uint4, shape=(2, 2, 2)>\n"
                "%4 = [ 0 -5  0 ...  0  0  0]          # ClearTensor<int18, shape=(2000,)>\n"
                "%5 = 2.0                              # ClearScalar<float64>\n"
                "%6 = 0.1                              # ClearScalar<float64>\n"
                "return %0, %1, %2, %3, %4, %5, %6\n");
    free(many);
    torc_graph_free(g);
}

Test(print, notes_stand_under_a_line_of_carets_as_long_as_it_is)
{
    torc_graph *g = linear_model();
    torc_tensor set = range_i64(0, 4, SHAPE(4, 1));
    torc_graph *tidied = NULL;
    cr_assert_eq(torc_graph_tidy(NULL, &tidied, g), TORC_OK);
    cr_assert_eq(torc_graph_measure(NULL, tidied, &set), TORC_OK);
    const torc_note notes[] = {{4, "too wide"}, {2, "an input"}, {4, "(said twice)"}};
    char *text = NULL;
    cr_assert_eq(torc_graph_highlight(NULL, &text, tidied, notes, 3), TORC_OK);
    char expected[2000];
    char carets[100];
    memset(carets, '^', sizeof carets);
    snprintf(
        expected, sizeof expected,
        "%%0 = 2                     # ClearScalar<uint2>                        \u2208 [2, 2]\n"
        "%%1 = [2]                   # ClearTensor<uint2, shape=(1,)>            \u2208 [2, 2]\n"
        "%%2 = x                     # EncryptedTensor<uint2, shape=(1,)>        \u2208 [0, 3]\n"
        "%.*s an input\n"
        "%%3 = matmul(%%1, %%2)        # EncryptedScalar<uint3>                    \u2208 [0, 6]\n"
        "%%4 = add(%%3, %%0)           # EncryptedScalar<uint4>                    \u2208 [2, 8]\n"
        "%.*s too wide\n"
        "%*s (said twice)\n"
        "return %%4",
        79, carets, 79, carets, 79, "");
    cr_expect_str_eq(text, expected, "%s", text);
    free(text);
    torc_tensor_free(&set);
    torc_graph_free(tidied);
    torc_graph_free(g);
}

Test(print, long_graphs_show_what_the_notes_need)
{
    torc_graph *g = new_graph();
    torc_value x = input_i64(g, "x", 0, NULL);
    for (int i = 0; i < 60; i++) {
        x = torc_neg(g, x);
    }
    torc_output(g, "y", x);
    const torc_note notes[] = {{30, "here"}};
    char *text = NULL;
    cr_assert_eq(torc_graph_highlight(NULL, &text, g, notes, 1), TORC_OK);
    cr_expect_str_eq(text,
                     "...\n"
                     "%29 = negative(%28)        # EncryptedScalar<integer>\n"
                     "%30 = negative(%29)        # EncryptedScalar<integer>\n"
                     "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ here\n"
                     "...\n"
                     "return %60",
                     "%s", text);
    free(text);
    torc_graph_free(g);
}

Test(print, every_op_as_python_would_write_it)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1, 2, 4, 4));
    const torc_value w = torc_constant_i64(g, (const int64_t[8]){0}, SHAPE(2, 1, 2, 2));
    const torc_conv2d_args args = {{2, 1}, {1, 1}, {1, 0, 1, 0}, 2};
    torc_value v = torc_conv2d(g, x, w, TORC_NO_VALUE, &args);
    v = torc_index(
        g, v, (const torc_slice[]){{0, 0, 0, true}, {1, INT64_MAX, 1, false}, {0, -1, 2, false}},
        3);
    v = torc_reshape(g, v, SHAPE(3, SIZE_MAX));
    v = torc_transpose(g, v, NULL);
    v = torc_sum(g, v, (const int32_t[]){0}, 1, true);
    v = torc_concat(g, (const torc_value[]){v, v}, 2, -1);
    v = torc_table_lookup(g, v, (const int64_t[]){1, 0}, 2);
    const torc_value f = torc_function2(g, torc_div(g, v, v), "leaky_relu", 0.25, 0);
    const torc_value c = torc_compare_with(g, TORC_GE, torc_clip(g, f, 0, 2.5), v);
    torc_output(g, "y", torc_cast(g, torc_where(g, c, f, v), TORC_I64));
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    char *text = NULL;
    cr_assert_eq(torc_graph_print(ctx, &text, g, false), TORC_OK);
    static const char *const parts[] = {
        "= conv2d(%0, %1, pads=(1, 0, 1, 0), strides=(2, 1), group=2) ",
        "= %2[0, 1:, :-1:2] ",
        "= reshape(%3, newshape=(3, 1)) ",
        "= transpose(%4, axes=(1, 0)) ",
        "= sum(%5, axis=0, keepdims=True) ",
        "= concatenate((%6, %6), axis=1) ",
        "= tlu(%7, table=[1 0]) ",
        "= divide(%8, %8) ",
        "= leaky_relu(%9, alpha=0.25) ",
        "= clip(%10, alpha=0.0, beta=2.5) ",
        "= greater_equal(%11, %8) ",
        "= where(%12, %10, %8) ",
        "= astype(%13, dtype=int64) ",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        cr_expect(strstr(text, parts[i]), "'%s' is not in:\n%s", parts[i], text);
    }
    free(text);
    torc_ctx_free(ctx);
    torc_graph_free(g);
}
