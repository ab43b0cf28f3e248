/* Fusing against direct evaluation: whatever the graph, the fused one gives the same integers for
 * every input of the measured range, and holds nothing that ciphertext arithmetic cannot do. */
#include "tests/common/fusing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static double cube_root_of_user(double x, void *user)
{
    return cbrt(x) * *(double *)user;
}

/* One random float or integer step on v; every step is defined everywhere. */
static torc_value random_step(torc_graph *g, torc_value v, torc_value x, uint64_t *seed)
{
    static double factor = 3.5;
    static const int64_t table[] = {5, -3, 2, 7, 0, 1};
    const double c = (double)(int64_t)(next_random(seed) % 17) / 4 - 2;
    const torc_value channel = torc_constant_f64(g, (const double[]){c, 0.5, -1.25}, SHAPE(3));
    switch (next_random(seed) % 13) {
    case 0: return torc_add(g, v, torc_scalar_f64(g, c));
    case 1: return torc_mul(g, v, channel);
    case 2: return torc_function(g, v, "sigmoid");
    case 3: return torc_function(g, torc_function(g, v, "abs"), "sqrt");
    case 4: return torc_univariate(g, v, cube_root_of_user, &factor, "cube_root");
    case 5: return torc_where(g, torc_compare_with(g, TORC_GT, v, channel), v, x);
    case 6: return torc_clip(g, v, -3, 2.5);
    case 7: return torc_cast(g, torc_floor(g, v), TORC_I64);
    case 8: return torc_sub(g, torc_mul(g, x, x), v);
    case 9: return torc_div(g, v, torc_scalar_f64(g, 3));
    case 10: {
        const torc_value index = torc_cast(g, torc_clip(g, v, -6, 5), TORC_I64);
        return torc_table_lookup(g, index, table, 6);
    }
    case 11: return torc_reshape(g, torc_reshape(g, v, SHAPE(3, 1)), SHAPE(3));
    default: return torc_add(g, v, x);
    }
}

Test(fuse, random_functions_of_one_value_become_one_lookup)
{
    uint64_t seed = 4;
    for (int round = 0; round < 200; round++) {
        torc_graph *g = new_graph();
        const torc_value x = input_i64(g, "x", SHAPE(3));
        torc_value v = x;
        for (uint64_t steps = 1 + next_random(&seed) % 7; steps > 0; steps--) {
            v = random_step(g, v, x, &seed);
        }
        v = torc_cast(g,
                      torc_function2(g, torc_mul(g, v, torc_scalar_f64(g, 2)), "clip", -500, 500),
                      TORC_I64);
        torc_output(g, "y", v);
        torc_tensor set = all_values(-8, 16, 3);
        torc_graph *fused = fuse(g, &set);
        const torc_lookup_attr *l = &only_lookup(fused)->lookup;
        cr_expect_eq(l->index_bits, 4);
        cr_expect_eq(l->window_bits, 4);
        cr_expect_eq(l->window_min, -8);
        cr_expect_leq(l->table_count, 3);
        expect_same(g, fused, &set);
        torc_tensor_free(&set);
        torc_graph_free(g);
        torc_graph_free(fused);
    }
}

Test(fuse, the_lowest_common_ancestor_is_found)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value w = torc_constant_i64(g, (const int64_t[]){1, 2, -1, 1}, SHAPE(2, 2));
    const torc_value m = torc_matmul(g, x, w);
    const torc_value positive = torc_compare_with(g, TORC_GT, m, torc_scalar_i64(g, 0));
    const torc_value half = torc_floor(g, torc_div(g, m, torc_scalar_i64(g, 2)));
    const torc_value y = torc_where(g, positive, torc_cast(g, half, TORC_I64), torc_neg(g, m));
    torc_output(g, "y", y);
    torc_tensor set = all_values(0, 8, 2);
    torc_graph *fused = fuse(g, &set);
    cr_expect_eq(fused->nodes[only_lookup(fused)->inputs[0]].op, TORC_OP_MATMUL);
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

/* lookup(lookup(x) + 1) with no other use of the inner one is a single lookup. */
Test(fuse, chains_of_tables_are_merged_when_that_saves_a_lookup)
{
    static const int64_t inner[] = {3, 1, 2, 0, 3, 3, 1, 0};
    static const int64_t outer[] = {4, 9, 16, 25, 36};
    for (int is_shared = 0; is_shared < 2; is_shared++) {
        torc_graph *g = new_graph();
        const torc_value x = input_i64(g, "x", SHAPE(2));
        const torc_value a = torc_table_lookup(g, x, inner, 8);
        const torc_value b = torc_table_lookup(g, torc_add(g, a, torc_scalar_i64(g, 1)), outer, 5);
        torc_output(g, "y", is_shared ? torc_add(g, b, a) : b);
        torc_tensor set = all_values(0, 8, 2);
        torc_graph *fused = fuse(g, &set);
        cr_expect_eq(count_ops(fused, TORC_OP_LOOKUP), is_shared ? 2 : 1);
        expect_same(g, fused, &set);
        torc_tensor_free(&set);
        torc_graph_free(g);
        torc_graph_free(fused);
    }
}

/* The inner lookup of one element feeds four: merging would look up four times at the wider input.
 */
Test(fuse, chains_that_fan_out_are_not_merged)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    const torc_value a = torc_compare_with(g, TORC_GT, x, torc_scalar_i64(g, 20));
    const torc_value c = torc_constant_f64(g, (const double[]){1, 2, 3, 4}, SHAPE(4));
    torc_output(g, "y", torc_cast(g, torc_mul(g, a, c), TORC_I64));
    torc_tensor set = all_values(0, 64, 1);
    torc_graph *fused = fuse(g, &set);
    cr_expect_eq(count_ops(fused, TORC_OP_LOOKUP), 2);
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

Test(fuse, squares_of_one_value_are_tables)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value d = torc_sub(g, x, torc_scalar_i64(g, 3));
    torc_output(g, "y", torc_mul(g, d, d));
    torc_tensor set = all_values(0, 8, 2);
    torc_graph *fused = fuse(g, &set);
    (void)only_lookup(fused);
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

Test(fuse, constants_are_folded_and_lookups_left_alone)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value c = torc_add(g, torc_scalar_i64(g, 2), torc_scalar_i64(g, 3));
    int64_t entry[4] = {0, 1, 2, 3};
    const torc_node given = {
        .lookup = {.index_bits = 2, .window_bits = 4, .table_count = 1, .entry = entry}};
    const torc_value l = torc_graph_add(g, TORC_OP_LOOKUP, &x, 1, &given);
    torc_output(g, "y", torc_relu(g, torc_mul(g, l, c)));
    torc_tensor set = all_values(0, 16, 2);
    torc_graph *fused = fuse(g, &set);
    cr_expect_eq(count_ops(fused, TORC_OP_LOOKUP), 2);
    cr_expect_eq(count_ops(fused, TORC_OP_CONSTANT), 0, "5 went into the table");
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

/* relu(100000 x) is a table of the two bits of x, not of the 19 of its argument. */
Test(fuse, tables_read_the_narrowest_value)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_relu(g, torc_mul(g, x, torc_scalar_i64(g, 100000))));
    torc_tensor set = all_values(0, 4, 1);
    torc_graph *fused = fuse(g, &set);
    cr_expect_eq(only_lookup(fused)->lookup.index_bits, 2);
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

Test(fuse, values_too_wide_for_a_table_stay_subgraphs)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value w = torc_constant_i64(g, (const int64_t[]){100000, 1}, SHAPE(2));
    torc_output(g, "y", torc_relu(g, torc_dot(g, x, w)));
    torc_tensor set = all_values(0, 4, 2);
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_compilation c = {0};
    cr_assert_eq(run_stages(ctx, &c, g, &set, "fuse"), TORC_OK, "%s", torc_ctx_message(ctx));
    char *text = NULL;
    cr_assert_eq(torc_graph_print(ctx, &text, c.graph, false), TORC_OK);
    cr_expect_str_eq(text,
                     "%0 = x                      # EncryptedTensor<uint2, shape=(2,)>\n"
                     "%1 = [100000      1]        # ClearTensor<uint17, shape=(2,)>\n"
                     "%2 = dot(%0, %1)            # EncryptedScalar<uint19>\n"
                     "%3 = subgraph(%2)           # EncryptedScalar<uint19>\n"
                     "return %3\n"
                     "\n"
                     "Subgraphs:\n"
                     "\n"
                     "    %3 = subgraph(%2):\n"
                     "\n"
                     "        %0 = input           # EncryptedScalar<uint19>\n"
                     "        %1 = relu(%0)        # EncryptedScalar<uint19>\n"
                     "        return %1\n",
                     "%s", text);
    expect_same(g, c.graph, &set);
    free(text);
    end_stages(&c);
    torc_ctx_free(ctx);
    torc_tensor_free(&set);
    torc_graph_free(g);
}

static torc_value random_node(torc_graph *g, const torc_value *pool, uint64_t count, uint64_t *seed)
{
    static const int64_t table[] = {1, 0, 3, 2, -1, 2, 2, 0, 1, -2};
    const torc_value a = pool[next_random(seed) % count];
    const torc_value b = pool[next_random(seed) % count];
    const torc_value c = torc_scalar_i64(g, (int64_t)(next_random(seed) % 5) - 2);
    const torc_value w =
        torc_constant_i64(g, (const int64_t[]){1, 0, -1, 2, 1, 0, 0, 1, 1}, SHAPE(3, 3));
    switch (next_random(seed) % 11) {
    case 0: return torc_add(g, a, b);
    case 1: return torc_sub(g, a, torc_mul(g, b, c));
    case 2: return torc_matmul(g, a, w);
    case 3: return torc_add(g, torc_sum(g, a, NULL, 0, true), b);
    case 4: return torc_table_lookup(g, torc_clip(g, a, -10, 9), table, 10);
    case 5: return torc_relu(g, a);
    case 6: return torc_compare_with(g, TORC_LT, a, torc_add(g, c, torc_scalar_i64(g, 1)));
    case 7: return torc_where(g, torc_compare_with(g, TORC_GE, a, c), torc_neg(g, a), a);
    case 8:
        return torc_cast(g, torc_mul(g, torc_function(g, a, "tanh"), torc_scalar_f64(g, 5)),
                         TORC_I64);
    case 9: return torc_index(g, a, (const torc_slice[]){{INT64_MAX, INT64_MAX, -1, false}}, 1);
    default: return torc_clip(g, torc_mul(g, a, a), 0, 30);
    }
}

Test(fuse, random_graphs_keep_their_meaning)
{
    uint64_t seed = 7;
    uint32_t lookups = 0;
    for (int round = 0; round < 300; round++) {
        torc_graph *g = new_graph();
        torc_value pool[16];
        uint32_t count = 0;
        pool[count++] = input_i64(g, "x", SHAPE(3));
        while (count < 4 + next_random(&seed) % 12) {
            pool[count] = random_node(g, pool, count, &seed);
            count++;
        }
        torc_output(g, "y", torc_concat(g, &pool[count - 3], 3, 0));
        torc_tensor set;
        cr_assert_eq(torc_tensor_create(NULL, &set, TORC_I64, 2, (size_t[]){40, 3}), TORC_OK);
        for (size_t i = 0; i < 120; i++) {
            set.i64[i] = (int64_t)(next_random(&seed) % 9) - 4;
        }
        torc_ctx *ctx = torc_ctx_create();
        torc_compilation c = {0};
        cr_assert_eq(run_stages(ctx, &c, g, &set, "fuse"), TORC_OK, "round %d: %s", round,
                     torc_ctx_message(ctx));
        expect_same(g, c.graph, &set);
        lookups += count_ops(c.graph, TORC_OP_LOOKUP);
        end_stages(&c);
        torc_ctx_free(ctx);
        torc_tensor_free(&set);
        torc_graph_free(g);
    }
    cr_expect_gt(lookups, 300, "the generator makes too few tables: %u", lookups);
}
