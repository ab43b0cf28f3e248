/* What cannot become a table is refused, with the place in the graph. */
#include "tests/common/fusing.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_refusal(torc_graph *g, const torc_tensor *inputset, torc_status status,
                           const char *const *words)
{
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_compilation c = {0};
    torc_status s = run_stages(ctx, &c, g, inputset, "fuse");
    cr_expect_eq(s, status, "status %d: %s", (int)s, torc_ctx_message(ctx));
    for (; *words; words++) {
        cr_expect(strstr(torc_ctx_message(ctx), *words), "not in the message:\n%s\nmessage:\n%s",
                  *words, torc_ctx_message(ctx));
    }
    end_stages(&c);
    torc_ctx_free(ctx);
    torc_graph_free(g);
}

Test(fuse_refused, undefined_entries_inside_the_bounds_are_refused)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_cast(g, torc_div(g, torc_scalar_f64(g, 8), x), TORC_I64));
    torc_tensor set = tensor_i64(SHAPE(2, 1), (const int64_t[]){-3, 3}); /* never 0 itself */
    expect_refusal(
        g, &set, TORC_E_INPUT,
        (const char *[]){"astype", "gives no integer for 0", "[-3, 3]", "torc_where", NULL});
    torc_tensor_free(&set);
}

Test(fuse_refused, several_inputs_are_refused_with_the_graph)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value s = torc_sum(g, x, NULL, 0, false);
    const torc_value f = torc_add(g, torc_mul(g, x, torc_scalar_f64(g, 0.5)), s);
    torc_output(g, "y", torc_cast(g, f, TORC_I64));
    torc_tensor set = all_values(0, 4, 2);
    expect_refusal(
        g, &set, TORC_E_UNSUPPORTED,
        (const char *[]){
            "A subgraph within the function you are trying to compile cannot be fused because it "
            "has "
            "multiple input nodes\n\n",
            "%0 = x                              # EncryptedTensor<uint2, shape=(2,)>          "
            "\u2208 [0, 3]\n^^^^^^^",
            "^ this is one of the input nodes\n%1 = 0.5 ",
            "^ this is one of the input nodes\n%3 = multiply", "^ within this subgraph\n",
            "return %5", NULL});
    torc_tensor_free(&set);
}

Test(fuse_refused, mixing_elements_is_refused)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2, 2));
    const torc_value f = torc_mul(g, x, torc_scalar_f64(g, 0.5));
    torc_output(g, "y", torc_cast(g, torc_add(g, f, torc_transpose(g, f, NULL)), TORC_I64));
    torc_tensor set = range_i64(0, 8, SHAPE(2, 2, 2));
    expect_refusal(g, &set, TORC_E_UNSUPPORTED,
                   (const char *[]){"combines different elements of the input node\n\n",
                                    "^ this node combines different elements of the input node\n",
                                    "^ with this input node\n", NULL});
    g = new_graph();
    const torc_value v = input_i64(g, "v", SHAPE(2, 1));
    const torc_value h = torc_mul(g, v, torc_scalar_f64(g, 0.5));
    torc_output(g, "y", torc_cast(g, torc_add(g, h, torc_transpose(g, h, NULL)), TORC_I64));
    torc_tensor column = range_i64(0, 8, SHAPE(4, 2, 1));
    expect_refusal(g, &column, TORC_E_UNSUPPORTED,
                   (const char *[]){"which has a different shape than the input node\n\n",
                                    "^ this node has a different shape than the input node\n",
                                    NULL});
    torc_tensor_free(&set);
    torc_tensor_free(&column);
}

Test(fuse_refused, float_sums_and_products_are_refused)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(3));
    const torc_value w = torc_constant_f64(g, (const double[]){0.5, 1, 1.5}, SHAPE(3));
    torc_output(g, "a", torc_cast(g, torc_dot(g, x, w), TORC_I64));
    const torc_value f = torc_function(g, x, "sqrt");
    torc_output(g, "b", torc_cast(g, torc_sum(g, f, NULL, 0, false), TORC_I64));
    torc_tensor set = all_values(0, 4, 3);
    expect_refusal(g, &set, TORC_E_UNSUPPORTED,
                   (const char *[]){"cannot be fused because of a node, which is not fusable\n\n",
                                    "^ this node is not fusable\n", "^ with this input node\n",
                                    "return %5, %6\n\nA subgraph", NULL});
    torc_tensor_free(&set);
}

Test(fuse_refused, clear_run_time_values_cannot_enter_a_table)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    const torc_value k = torc_input(g, "k", false, TORC_I64, SHAPE(1));
    torc_output(g, "y", torc_cast(g, torc_div(g, x, k), TORC_I64));
    torc_tensor sets[] = {all_values(1, 4, 1), all_values(1, 4, 1)};
    expect_refusal(g, sets, TORC_E_UNSUPPORTED,
                   (const char *[]){"multiple input nodes", "only known at run time", NULL});
    torc_tensor_free(&sets[0]);
    torc_tensor_free(&sets[1]);
}
