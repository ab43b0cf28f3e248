/* The compatibility check: every problem at once, with the words a user meets. */
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_report(torc_graph *g, const torc_tensor *inputset, bool is_virtual,
                          torc_status status, const char *const *words)
{
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_compilation c = {.options.is_virtual = is_virtual};
    torc_status s = run_stages(ctx, &c, g, inputset, "check");
    cr_expect_eq(s, status, "status %d: %s", (int)s, torc_ctx_message(ctx));
    for (; *words; words++) {
        cr_expect(strstr(torc_ctx_message(ctx), *words), "not in the message:\n%s\nmessage:\n%s",
                  *words, torc_ctx_message(ctx));
    }
    end_stages(&c);
    torc_ctx_free(ctx);
}

/* relu(x @ w + 1); with weight 17, 9 bits from 4-bit inputs and 5-bit weights. */
static torc_graph *wide_lookup(int64_t weight)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const int64_t weights[] = {weight, 1};
    torc_tag_push(g, "fc1");
    const torc_value m = torc_matmul(g, x, torc_constant_i64(g, weights, SHAPE(2)));
    torc_tag_pop(g);
    torc_output(g, "y", torc_relu(g, torc_add(g, m, torc_scalar_i64(g, 1))));
    return g;
}

Test(check, wide_lookups_are_reported_with_the_chain_that_forced_them)
{
    torc_graph *g = wide_lookup(17);
    torc_tensor set = tensor_i64(SHAPE(2, 2), (const int64_t[]){0, 0, 15, 15});
    expect_report(
        g, &set, false, TORC_E_WIDTH,
        (const char *[]){"Function you are trying to compile cannot be compiled\n\n",
                         "^ this 9-bit value is used as an input to a table lookup\n",
                         "^ but only up to 8-bit table lookups are supported (call 6: relu)\n",
                         "\nwhy %2 has 9 bits:\n"
                         "  %2 matmul: 9 bits [0, 270] because of 2 products of %0 (4 bits, [0, "
                         "15]) * %1 (5 bits, "
                         "[1, 17]) @ fc1 (call 3: matmul)\n"
                         "  %0 x: 4 bits [0, 15], an input (range of the inputset) (call 1: input)\n",
                         "--virtual", NULL});
    torc_graph_free(g);
    g = wide_lookup(17);
    expect_report(g, &set, true, TORC_OK, (const char *[]){NULL});
    torc_graph_free(g);
    g = wide_lookup(10000);
    expect_report(g, &set, true, TORC_E_WIDTH,
                  (const char *[]){"^ this 18-bit value is used as an input to a table lookup\n",
                                   "but only up to 16-bit table lookups are supported", NULL});
    expect_report(g, &set, false, TORC_E_WIDTH,
                  (const char *[]){"^ this 18-bit value", "but only up to 8-bit table", NULL});
    torc_graph_free(g);
    torc_tensor_free(&set);
}

Test(check, eight_bits_are_accepted)
{
    torc_graph *g = wide_lookup(15);
    torc_tensor set = tensor_i64(SHAPE(2, 2), (const int64_t[]){0, 0, 15, 14});
    expect_report(g, &set, false, TORC_OK, (const char *[]){NULL});
    torc_graph_free(g);
    torc_tensor_free(&set);
}

Test(check, floats_are_reported_everywhere)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    torc_output(g, "y", torc_function(g, x, "sigmoid"));
    torc_tensor set = tensor_i64(SHAPE(2, 2), (const int64_t[]){0, 0, 3, 3});
    expect_report(g, &set, false, TORC_E_UNSUPPORTED,
                  (const char *[]){"cannot be compiled\n\n%0 = x ",
                                   "^ only integers are supported; cast this output to an integer "
                                   "(call 2: sigmoid)\n",
                                   NULL});
    torc_graph_free(g);
    g = new_graph();
    const torc_value f = input_f64(g, "f", SHAPE(2));
    torc_output(g, "y", torc_cast(g, torc_floor(g, f), TORC_I64));
    expect_report(g, &set, false, TORC_E_UNSUPPORTED,
                  (const char *[]){"^ only integers are supported (call 1: input)\n",
                                   "^ only integers are supported (call 2: floor)\n", NULL});
    torc_graph_free(g);
    torc_tensor_free(&set);
}

Test(check, all_problems_are_reported_at_once)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2, 2));
    const torc_value y = input_i64(g, "y", SHAPE(2, 2));
    const torc_value k = torc_input(g, "k", false, TORC_I64, SHAPE(2, 2));
    torc_output(g, "a", torc_mul(g, x, y));
    torc_output(g, "b", torc_matmul(g, x, y));
    torc_output(g, "c", torc_dot(g, x, x));
    torc_output(g, "d", torc_mul(g, k, torc_neg(g, k)));
    torc_output(g, "e", torc_relu(g, k));
    const torc_value image = torc_reshape(g, x, SHAPE(1, 1, 2, 2));
    torc_output(g, "f",
                torc_conv2d(g, image, torc_reshape(g, y, SHAPE(1, 1, 2, 2)), TORC_NO_VALUE, NULL));
    torc_output(g, "g", torc_function(g, x, "exp"));
    torc_tensor set = range_i64(0, 8, SHAPE(2, 2, 2));
    const torc_tensor sets[] = {set, set, set};
    expect_report(
        g, sets, false, TORC_E_UNSUPPORTED,
        (const char *[]){
            "^ both operands are encrypted\n",
            " but encrypted-encrypted multiplications are not supported (call 4: multiply)\n",
            " but encrypted-encrypted matrix multiplications are not supported (call 5",
            " but encrypted-encrypted dot products are not supported (call 6: dot)\n",
            "^ lhs is clear and rhs is clear, both known at run time only\n",
            " but clear-clear multiplications are not supported (call 8: multiply)\n",
            "^ operand is clear\n",
            " but functions of clear run-time values are not supported (call 9: relu)\n",
            "^ weight is encrypted\n",
            " but convolutions with encrypted weights are not supported (call 12: conv2d)\n",
            "^ only integers are supported; cast this output", NULL});
    torc_tensor_free(&set);
    torc_graph_free(g);
}

Test(check, linear_values_have_at_most_62_bits)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_mul(g, x, torc_scalar_i64(g, (int64_t)1 << 60)));
    torc_tensor set = tensor_i64(SHAPE(1, 1), (const int64_t[]){4});
    expect_report(
        g, &set, false, TORC_E_WIDTH,
        (const char *[]){"^ this value has 63 bits, only up to 62-bit values are supported "
                         "(call 3: multiply)",
                         NULL});
    torc_tensor_free(&set);
    torc_graph_free(g);
}

Test(check, sound_graphs_pass)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value k = torc_input(g, "k", false, TORC_I64, SHAPE(2));
    torc_output(g, "a", torc_add(g, torc_mul(g, x, k), torc_add(g, k, k)));
    torc_output(g, "b", x);
    torc_output(g, "c", torc_scalar_i64(g, 5));
    torc_output(g, "d", torc_mul(g, x, x));
    torc_tensor set = range_i64(0, 8, SHAPE(4, 2));
    const torc_tensor sets[] = {set, set};
    expect_report(g, sets, false, TORC_OK, (const char *[]){NULL});
    torc_tensor_free(&set);
    torc_graph_free(g);
}
