/* Fusing against direct evaluation: whatever the graph, the fused one gives the same integers for
 * every input of the measured range, and holds nothing that ciphertext arithmetic cannot do. */
#include "frontend/eval.h"
#include "frontend/fuse.h"
#include "runtime/status.h"
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t count_ops(const torc_graph *g, torc_op op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        count += g->nodes[i].op == op;
    }
    return count;
}

static const torc_node *only_lookup(const torc_graph *g)
{
    const torc_node *found = NULL;
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (g->nodes[i].op == TORC_OP_LOOKUP) {
            cr_assert_null(found, "more than one lookup");
            found = &g->nodes[i];
        }
    }
    cr_assert_not_null(found, "no lookup");
    return found;
}

/* Measures and fuses (NULL, with the message printed, when that fails). */
static torc_graph *fuse(torc_graph *g, const torc_tensor *inputset)
{
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *measured = NULL;
    torc_graph *fused = NULL;
    cr_assert_eq(torc_graph_tidy(ctx, &measured, g), TORC_OK);
    cr_assert_eq(torc_graph_measure(ctx, measured, inputset), TORC_OK, "%s", torc_ctx_message(ctx));
    torc_status s = torc_graph_fuse(ctx, &fused, measured);
    cr_assert_eq(s, TORC_OK, "%s", torc_ctx_message(ctx));
    for (uint32_t i = 0; i < fused->node_count; i++) {
        const torc_node *node = &fused->nodes[i];
        cr_expect(!torc_needs_table(fused, i), "node %u (%s) needs a table", i,
                  torc_op_name(node->op));
        cr_expect(node->measured && node->min <= node->max);
    }
    torc_graph_free(measured);
    torc_ctx_free(ctx);
    return fused;
}

typedef struct collected {
    const torc_graph *g;
    int64_t *out;
    size_t count; /* cells a sample */
} collected;

static torc_status keep(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                        const torc_tensor *values)
{
    (void)ctx;
    collected *s = user;
    const torc_tensor *t = &values[s->g->outputs[0].node];
    if (status == TORC_OK) {
        memcpy(s->out + sample * s->count, t->i64, s->count * sizeof *t->i64);
    }
    return status;
}

static int64_t *eval_all(const torc_graph *g, const torc_tensor *inputset)
{
    torc_ctx *ctx = torc_ctx_create();
    const torc_type *type = &g->nodes[g->outputs[0].node].type;
    collected s = {.g = g, .count = torc_shape_count(type->rank, type->shape)};
    s.out = calloc(s.count * inputset->shape[0], sizeof *s.out);
    cr_assert_eq(torc_graph_eval_each(ctx, g, inputset, keep, &s), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_ctx_free(ctx);
    return s.out;
}

static void expect_same(const torc_graph *a, const torc_graph *b, const torc_tensor *inputset)
{
    const torc_type *type = &a->nodes[a->outputs[0].node].type;
    const size_t count = torc_shape_count(type->rank, type->shape) * inputset->shape[0];
    int64_t *expected = eval_all(a, inputset);
    int64_t *found = eval_all(b, inputset);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(found[i], expected[i], "cell %zu: %ld, not %ld", i, found[i], expected[i]);
    }
    free(expected);
    free(found);
}

/* All values of [first, first + samples) in every cell of the input. */
static torc_tensor all_values(int64_t first, size_t samples, size_t cells)
{
    torc_tensor t;
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, 2, (size_t[]){samples, cells}), TORC_OK);
    for (size_t i = 0; i < samples * cells; i++) {
        t.i64[i] = first + (int64_t)(i / cells);
    }
    return t;
}

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

Test(fuse, tables_cover_the_width_of_the_measured_range)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    torc_output(g, "y", torc_function(g, x, "square"));
    torc_tensor set = all_values(2, 4, 1); /* 2..5: three bits, unsigned */
    torc_graph *fused = fuse(g, &set);
    const torc_lookup_attr *l = &only_lookup(fused)->lookup;
    cr_expect_eq(l->index_bits, 3);
    cr_expect_eq(l->window_min, 0);
    for (int64_t v = 0; v < 8; v++) {
        cr_expect_eq(l->entry[v], v * v);
    }
    cr_expect_eq(l->filled_count, 0);
    cr_expect_null(l->table_of);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

Test(fuse, equal_tables_are_shared_between_elements)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(5));
    const double factors[] = {0.5, 2, 0.5, 0.51, 2}; /* 0.5 and 0.51 give the same integers */
    const torc_value y = torc_mul(g, x, torc_constant_f64(g, factors, SHAPE(5)));
    torc_output(g, "y", torc_cast(g, torc_floor(g, y), TORC_I64));
    torc_tensor set = all_values(0, 8, 5);
    torc_graph *fused = fuse(g, &set);
    const torc_lookup_attr *l = &only_lookup(fused)->lookup;
    cr_expect_eq(l->table_count, 2);
    static const uint32_t expected[] = {0, 1, 0, 0, 1};
    cr_expect_arr_eq(l->table_of, expected, sizeof expected);
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

/* A per-channel constant of another rank: Concrete refuses this, we broadcast the integer. */
Test(fuse, channels_broadcast_and_moves_are_repeated_on_the_integer)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(4));
    const torc_value c = torc_constant_f64(g, (const double[]){0.25, 1.5, -2}, SHAPE(3, 1));
    torc_value y = torc_mul(g, x, c);                         /* (3, 4) */
    y = torc_transpose(g, torc_function(g, y, "tanh"), NULL); /* (4, 3) */
    y = torc_index(g, y, (const torc_slice[]){{3, INT64_MAX, -2, false}, {0, 2, 1, false}}, 2);
    y = torc_mul(g, y, torc_constant_f64(g, (const double[]){10, 20}, SHAPE(2)));
    torc_output(g, "y", torc_cast(g, torc_round(g, y), TORC_I64));
    torc_tensor set;
    cr_assert_eq(torc_tensor_create(NULL, &set, TORC_I64, 2, (size_t[]){50, 4}), TORC_OK);
    uint64_t seed = 5;
    for (size_t i = 0; i < 200; i++) {
        set.i64[i] = (int64_t)(next_random(&seed) % 16) - 8;
    }
    torc_graph *fused = fuse(g, &set);
    const torc_node *lookup = only_lookup(fused);
    cr_expect_eq(lookup->type.rank, 2);
    cr_expect_eq(lookup->type.shape[0], 2);
    cr_expect_eq(lookup->lookup.table_count, 2, "one a remaining channel");
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
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

Test(fuse, undefined_entries_outside_the_bounds_repeat_the_nearest)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    const torc_value y = torc_mul(g, torc_function(g, x, "log2"), torc_scalar_f64(g, 10));
    torc_output(g, "y", torc_cast(g, torc_round(g, y), TORC_I64));
    torc_tensor set = all_values(1, 5, 1);
    torc_graph *fused = fuse(g, &set);
    const torc_lookup_attr *l = &only_lookup(fused)->lookup;
    static const int64_t expected[] = {0, 0, 10, 16, 20, 23, 26, 28};
    cr_expect_arr_eq(l->entry, expected, sizeof expected);
    cr_expect_eq(l->filled_count, 1);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

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

Test(fuse, undefined_entries_inside_the_bounds_are_refused)
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

/* Reading x instead of x * x must not make an error of 8 / (x * x) at 0: the product never was 0.
 */
Test(fuse, bounds_of_values_taken_in_still_count)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    const torc_value d = torc_mul(g, x, x);
    torc_output(g, "y", torc_cast(g, torc_div(g, torc_scalar_f64(g, 8), d), TORC_I64));
    torc_tensor set = tensor_i64(SHAPE(4, 1), (const int64_t[]){-3, -1, 1, 3});
    torc_graph *fused = fuse(g, &set);
    const torc_lookup_attr *l = &only_lookup(fused)->lookup;
    static const int64_t expected[] = {0, 0, 2, 8, 8, 8, 2, 0};
    cr_expect_arr_eq(l->entry, expected, sizeof expected);
    cr_expect_eq(l->filled_count, 1);
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

Test(fuse, guarded_functions_are_defined)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(1));
    const torc_value guard = torc_compare_with(g, TORC_GT, x, torc_scalar_i64(g, 0));
    const torc_value log = torc_mul(g, torc_function(g, x, "log"), torc_scalar_f64(g, 4));
    const torc_value y = torc_where(g, guard, log, torc_scalar_f64(g, -9));
    torc_output(g, "y", torc_cast(g, y, TORC_I64));
    torc_tensor set = all_values(-4, 8, 1);
    torc_graph *fused = fuse(g, &set);
    cr_expect_eq(only_lookup(fused)->lookup.filled_count, 0);
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_graph_free(fused);
}

Test(fuse, several_inputs_are_refused_with_the_graph)
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

Test(fuse, mixing_elements_is_refused)
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

Test(fuse, float_sums_and_products_are_refused)
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

Test(fuse, clear_run_time_values_cannot_enter_a_table)
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

/* 20000 elements with 200 different scales: only the classes are evaluated. */
Test(fuse, tables_of_many_elements_are_built_by_class)
{
    enum { CELLS = 20000, SCALES = 200 };
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(CELLS));
    double *scale = calloc(CELLS, sizeof *scale);
    for (size_t i = 0; i < CELLS; i++) {
        scale[i] = (double)(i % SCALES + 1);
    }
    torc_value y = torc_mul(g, x, torc_constant_f64(g, scale, SHAPE(CELLS)));
    y = torc_cast(g, torc_function(g, y, "sqrt"), TORC_I64);
    torc_output(g, "y", y);
    torc_tensor set = all_values(0, 2, CELLS);
    set.i64[CELLS] = 255;
    torc_graph *fused = fuse(g, &set);
    cr_expect_eq(only_lookup(fused)->lookup.table_count, SCALES);
    cr_expect_eq(only_lookup(fused)->lookup.entry[(199 << 8) + 255], (int64_t)sqrt(200 * 255.0));
    expect_same(g, fused, &set);
    torc_tensor_free(&set);
    free(scale);
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

/* --- whole graphs ----------------------------------------------------------------------------- */

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
