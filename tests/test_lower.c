/* Lowering: what instructions, encodings and noise rows small graphs become. */
#include "frontend/torc_compile.h"
#include "runtime/torc_server.h"

#include <criterion/criterion.h>
#include <math.h>

static torc_ctx *ctx;
static torc_graph *g;

static void start(void)
{
    ctx = torc_ctx_create();
    cr_assert_eq(torc_graph_create(ctx, &g), TORC_OK);
}

/* Compiles g with one input "x" of `count` elements whose integers run over 0..top. */
static torc_circuit *compile(size_t count, int64_t top, bool is_virtual)
{
    torc_tensor set = {0};
    torc_circuit *circuit = NULL;
    const torc_options options = {.exact = true, .is_virtual = is_virtual};
    const size_t samples = (size_t)top + 1;
    cr_assert_eq(torc_tensor_create(ctx, &set, TORC_I64, 2, (size_t[]){samples, count}), TORC_OK);
    for (size_t i = 0; i < samples * count; i++) {
        set.i64[i] = (int64_t)(i / count);
    }
    cr_assert_eq(torc_compile(ctx, &circuit, g, &set, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_tensor_free(&set);
    return circuit;
}

static torc_value input(size_t count)
{
    return torc_input(g, "x", true, TORC_I64, 1, &count);
}

static void stop(torc_circuit *circuit)
{
    torc_circuit_free(circuit);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}

static uint32_t instructions(const torc_circuit *circuit, torc_instr_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < circuit->program.instr_count; i++) {
        count += circuit->program.instrs[i].kind == kind;
    }
    return count;
}

Test(lower, one_source_reached_twice_counts_once)
{
    start();
    const torc_value x = input(2);
    const int64_t table[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const torc_value twice = torc_mul(g, x, torc_scalar_i64(g, 2));
    const torc_value thrice = torc_add(g, twice, x);
    /* 3 x0 + x1: a table on two elements, so that nothing moves into the table */
    const int64_t weight[2] = {1, 0};
    const int64_t other[2] = {0, 1};
    const torc_value first = torc_dot(g, torc_constant_i64(g, weight, 1, (size_t[]){2}), thrice);
    const torc_value second = torc_dot(g, torc_constant_i64(g, other, 1, (size_t[]){2}), x);
    torc_output(g, "y", torc_table_lookup(g, torc_add(g, first, second), table, 16));
    torc_circuit *circuit = compile(2, 3, true);
    cr_assert_eq(circuit->row_count, 2);
    cr_expect_eq(circuit->rows[0].kind, TORC_ROW_LOOKUP_EXACT);
    cr_expect_eq(circuit->rows[0].bits, 4, "3 * 3 + 3 = 12 needs 4 bits");
    cr_expect_float_eq(circuit->rows[0].norm_sq_fresh, 10,
                       0.9); /* 3^2 + 1^2, not 2^2 + 1^2 + 1^2 */
    cr_expect_geq(circuit->rows[0].norm_sq_fresh, 10 - 1e-9, "norms are rounded up");
    cr_expect_eq(circuit->rows[0].norm_sq_lookup, 0);
    stop(circuit);
}

Test(lower, moving_elements_costs_nothing)
{
    start();
    const torc_value x = input(6);
    const torc_value square = torc_reshape(g, x, 2, (size_t[]){2, 3});
    const torc_value turned = torc_transpose(g, square, NULL);
    const int64_t table[4] = {0, 1, 0, 1};
    torc_output(g, "y", torc_table_lookup(g, turned, table, 4));
    torc_circuit *circuit = compile(6, 3, true);
    cr_expect_eq(instructions(circuit, TORC_INSTR_LINEAR), 0);
    cr_assert_eq(instructions(circuit, TORC_INSTR_LOOKUP), 1);
    const uint32_t expected[6] = {0, 3, 1, 4, 2, 5};
    for (size_t e = 0; e < 6; e++) {
        cr_expect_eq(circuit->program.instrs[0].lookup.in[e], expected[e], "element %zu", e);
    }
    stop(circuit);
}

Test(lower, a_dense_layer_is_one_matrix)
{
    start();
    int64_t weight[12];
    for (int i = 0; i < 12; i++) {
        weight[i] = i - 5;
    }
    const torc_value w = torc_constant_i64(g, weight, 2, (size_t[]){3, 4});
    const torc_value y = torc_matmul(g, w, input(4));
    torc_output(g, "y", torc_add(g, y, torc_scalar_i64(g, 7)));
    torc_circuit *circuit = compile(4, 3, true);
    cr_assert_eq(circuit->program.instr_count, 1);
    const torc_linear *linear = &circuit->program.instrs[0].linear;
    /* row 1 holds the weight 0 and so reads other elements: one group a row, padded */
    cr_expect_eq((size_t)linear->group_count * linear->out_count, 3);
    cr_expect_eq(linear->in_count, 4);
    cr_expect_eq(linear->constant[0], torc_encode(7, circuit->spec.outputs[0].encoding_bits));
    stop(circuit);
}

Test(lower, lookups_of_one_level_are_one_instruction)
{
    start();
    const torc_value x = input(3);
    const int64_t a[4] = {3, 2, 1, 0};
    const int64_t b[4] = {0, 1, 1, 0};
    const torc_value y = torc_table_lookup(g, x, a, 4);
    const torc_value z = torc_table_lookup(g, x, b, 4);
    torc_output(g, "y", torc_add(g, y, z));
    torc_circuit *circuit = compile(3, 3, true);
    cr_expect_eq(instructions(circuit, TORC_INSTR_LOOKUP), 1);
    cr_expect_eq(torc_program_lookup_count(&circuit->program), 6);
    stop(circuit);
}

Test(lower, memory_is_reused_along_a_chain)
{
    start();
    torc_value x = input(8);
    const int64_t table[8] = {1, 2, 3, 0, 1, 2, 3, 0};
    for (int layer = 0; layer < 10; layer++) {
        const torc_value lifted =
            torc_add(g, torc_mul(g, x, torc_scalar_i64(g, 2)), torc_scalar_i64(g, 1));
        x = torc_table_lookup(g, lifted, table, 8);
    }
    torc_output(g, "y", x);
    torc_circuit *circuit = compile(8, 3, true);
    cr_expect_leq(circuit->program.element_count, 24, "%u elements for layers of 8",
                  circuit->program.element_count);
    stop(circuit);
}

/* y = T(240 - 10 sum x) for sums of 20 to 24: the constant alone is more than the torus holds. */
Test(lower, a_large_constant_is_no_overflow)
{
    enum { COUNT = 8, SAMPLES = 5 };
    start();
    int64_t table[64] = {0};
    torc_tensor set = {0};
    torc_tensor out = {0};
    torc_circuit *circuit = NULL;
    torc_run_stats stats;
    const torc_options options = {.exact = true, .is_virtual = true};
    const torc_value sum = torc_sum(g, input(COUNT), NULL, 0, false);
    const torc_value tens = torc_mul(g, sum, torc_scalar_i64(g, 10));
    table[40] = 5;
    torc_output(g, "y",
                torc_table_lookup(g, torc_sub(g, torc_scalar_i64(g, 240), tens), table, 64));
    cr_assert_eq(torc_tensor_create(ctx, &set, TORC_I64, 2, (size_t[]){SAMPLES, COUNT}), TORC_OK);
    for (size_t i = 0; i < SAMPLES * COUNT; i++) {
        set.i64[i] = i % COUNT < 4 ? 3 : i % COUNT == 4 ? 2 + (int64_t)(i / COUNT) % 2 : 2;
    }
    cr_assert_eq(torc_compile(ctx, &circuit, g, &set, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(torc_simulate_circuit(ctx, &out, &stats, NULL, circuit, &set, false, 0), TORC_OK);
    cr_expect_eq(stats.overflows, 0, "%lu", stats.overflows);
    cr_expect_eq(out.i64[0], 5, "240 - 10 * 20 = 40");
    torc_tensor_free(&set);
    torc_tensor_free(&out);
    stop(circuit);
}

Test(lower, a_clear_input_multiplies_and_adds)
{
    start();
    const size_t two = 2;
    const torc_value x = input(2);
    const torc_value y = torc_input(g, "k", false, TORC_I64, 1, &two);
    torc_output(g, "dot",
                torc_add(g, torc_dot(g, y, x),
                         torc_index(g, y, &(torc_slice){.start = 1, .drop = true}, 1)));
    torc_tensor set[2] = {0};
    torc_tensor in[2] = {0};
    torc_tensor out = {0};
    torc_circuit *circuit = NULL;
    const torc_options options = {.is_virtual = true};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(torc_tensor_create(ctx, &set[i], TORC_I64, 2, (size_t[]){4, 2}), TORC_OK);
        for (int e = 0; e < 8; e++) {
            set[i].i64[e] = (e * 5 + i) % 4;
        }
        cr_assert_eq(torc_tensor_create(ctx, &in[i], TORC_I64, 1, &two), TORC_OK);
        in[i].i64[0] = 2 + i;
        in[i].i64[1] = 1 + i;
    }
    cr_assert_eq(torc_compile(ctx, &circuit, g, set, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_run_stats stats;
    cr_assert_eq(torc_simulate_circuit(ctx, &out, &stats, NULL, circuit, in, false, 0), TORC_OK,
                 "%s", torc_ctx_message(ctx));
    cr_expect_eq(out.i64[0], 3 * 2 + 2 * 1 + 2);
    torc_tensor_free(&out);
    for (int i = 0; i < 2; i++) {
        torc_tensor_free(&set[i]);
        torc_tensor_free(&in[i]);
    }
    stop(circuit);
}

Test(lower, a_padded_convolution_has_a_group_a_position)
{
    start();
    const torc_value x = torc_input(g, "x", true, TORC_I64, 1, (size_t[]){16});
    const torc_value image = torc_reshape(g, x, 4, (size_t[]){1, 1, 4, 4});
    int64_t weight[18];
    for (int i = 0; i < 18; i++) {
        weight[i] = i % 2 == 0 ? 1 : -1;
    }
    const torc_conv2d_args args = {
        .stride = {1, 1}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}, .groups = 1};
    const torc_value w = torc_constant_i64(g, weight, 4, (size_t[]){2, 1, 3, 3});
    torc_output(g, "y", torc_conv2d(g, image, w, TORC_NO_VALUE, &args));
    torc_circuit *circuit = compile(16, 3, true);
    cr_assert_eq(circuit->program.instr_count, 1);
    cr_expect_eq(circuit->program.instrs[0].linear.group_count, 16);
    cr_expect_eq(circuit->program.instrs[0].linear.out_count, 2);
    stop(circuit);
}
