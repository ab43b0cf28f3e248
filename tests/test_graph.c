/* The graph as a container: mistakes, outputs, copies, order. */
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(graph, the_first_mistake_is_kept_with_its_place)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", SHAPE(2, 3));
    const torc_value b = input_i64(g, "b", SHAPE(4));
    const torc_value bad = torc_matmul(g, a, b);
    cr_expect_eq(bad.id, TORC_NO_VALUE.id);
    cr_expect_eq(torc_add(g, a, a).id, TORC_NO_VALUE.id, "nothing is built after a mistake");
    torc_output(g, "y", bad);
    expect_mistake(g, TORC_E_ARGUMENT,
                   (const char *[]){"call 3: matmul: shapes (2, 3) and (4,) do not match", NULL});
    torc_ctx *ctx = torc_ctx_create();
    cr_expect_eq(torc_graph_status(ctx, g), TORC_E_ARGUMENT);
    cr_expect_str_eq(torc_ctx_message(ctx), g->message);
    torc_graph *copy = NULL;
    cr_expect_eq(torc_graph_copy(ctx, &copy, g), TORC_E_ARGUMENT);
    cr_expect_eq(torc_graph_tidy(ctx, &copy, g), TORC_E_ARGUMENT);
    cr_expect_null(copy);
    torc_ctx_free(ctx);
    torc_graph_free(g);
    torc_graph_free(NULL);
}

Test(graph, operands_and_outputs_must_be_values_of_the_graph)
{
    torc_graph *g = new_graph();
    torc_neg(g, (torc_value){7});
    expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){"negative", "operand 1", NULL});
    torc_graph_free(g);
    g = new_graph();
    torc_output(g, "y", TORC_NO_VALUE);
    expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){"output 'y'", "not a value", NULL});
    torc_graph_free(g);
}

Test(graph, names_are_given_once)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", 0, NULL);
    input_i64(g, "x", 0, NULL);
    expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){"also called 'x'", NULL});
    torc_graph_free(g);
    g = new_graph();
    input_i64(g, "x", 0, NULL);
    torc_output(g, "y", x);
    torc_output(g, "y", x);
    expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){"output is also called 'y'", NULL});
    torc_graph_free(g);
    g = new_graph();
    torc_output(g, NULL, input_i64(g, "x", 0, NULL));
    torc_output(g, "", x);
    expect_sound(g);
    cr_expect_str_eq(g->outputs[0].name, "output");
    cr_expect_str_eq(g->outputs[1].name, "output_1");
    torc_graph_free(g);
}

Test(graph, tidy_keeps_the_users_order_of_inputs)
{
    torc_graph *g = new_graph();
    const torc_value a = input_i64(g, "a", 0, NULL);
    const torc_value b = input_i64(g, "b", 0, NULL);
    input_i64(g, "unused", 0, NULL);
    torc_neg(g, a); /* dead */
    torc_output(g, "y", torc_sub(g, b, a));
    torc_graph *tidied = NULL;
    torc_graph *again = NULL;
    cr_assert_eq(torc_graph_tidy(NULL, &tidied, g), TORC_OK);
    cr_expect_eq(tidied->node_count, 4);
    cr_expect_str_eq(tidied->nodes[0].name, "b", "breadth-first from the output");
    uint32_t ids[3] = {9, 9, 9};
    cr_assert_eq(torc_graph_input_nodes(tidied, ids, 3), 3);
    static const char *const names[] = {"a", "b", "unused"};
    for (int i = 0; i < 3; i++) {
        cr_expect_str_eq(tidied->nodes[ids[i]].name, names[i]);
    }
    cr_assert_eq(torc_graph_tidy(NULL, &again, tidied), TORC_OK);
    for (uint32_t i = 0; i < again->node_count; i++) {
        cr_expect_eq(again->nodes[i].op, tidied->nodes[i].op);
    }
    torc_graph_free(g);
    torc_graph_free(tidied);
    torc_graph_free(again);
}

/* Every chain of random operands stays in order, and tidying twice changes nothing. */
Test(graph, tidy_of_random_graphs_is_stable)
{
    uint64_t seed = 1;
    for (int round = 0; round < 50; round++) {
        torc_graph *g = new_graph();
        torc_value values[40];
        uint32_t count = 0;
        values[count++] = input_i64(g, "x", 0, NULL);
        values[count++] = input_i64(g, "y", 0, NULL);
        while (count < 40) {
            const torc_value a = values[next_random(&seed) % count];
            const torc_value b = values[next_random(&seed) % count];
            values[count++] = next_random(&seed) % 4 ? torc_add(g, a, b) : torc_scalar_i64(g, 5);
        }
        torc_output(g, "p", values[39]);
        torc_output(g, "q", values[30]);
        torc_graph *once = NULL;
        torc_graph *twice = NULL;
        cr_assert_eq(torc_graph_tidy(NULL, &once, g), TORC_OK);
        cr_assert_eq(torc_graph_tidy(NULL, &twice, once), TORC_OK);
        cr_assert_eq(once->node_count, twice->node_count);
        for (uint32_t i = 0; i < once->node_count; i++) {
            const torc_node *p = &once->nodes[i];
            const torc_node *q = &twice->nodes[i];
            cr_assert_eq(p->op, q->op, "round %d node %u", round, i);
            for (uint32_t j = 0; j < p->input_count; j++) {
                cr_assert_lt(p->inputs[j], i);
                cr_assert_eq(p->inputs[j], q->inputs[j]);
            }
        }
        torc_graph_free(g);
        torc_graph_free(once);
        torc_graph_free(twice);
    }
}

Test(graph, copies_own_everything)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value t = torc_table_lookup(g, x, (const int64_t[]){3, 1, 2, 0}, 4);
    const torc_value c = torc_constant_f64(g, (const double[]){0.5, 1.5}, SHAPE(2));
    torc_output(g, "y", torc_add(g, t, c));
    const torc_post post = {
        .kind = TORC_POST_LABELS, .name = NULL, .label_count = 2, .labels = (int64_t[]){10, 20}};
    torc_graph_post(g, &post);
    expect_sound(g);
    torc_graph *copy = NULL;
    cr_assert_eq(torc_graph_copy(NULL, &copy, g), TORC_OK);
    torc_graph_free(g);
    cr_expect_eq(copy->nodes[1].table.i64[2], 2);
    cr_expect_eq(copy->nodes[2].constant.f64[1], 1.5);
    cr_expect_str_eq(copy->nodes[3].where, "call 4: add");
    cr_expect_eq(copy->posts[0].labels[1], 20);
    cr_expect_str_eq(copy->outputs[0].name, "y");
    torc_graph_free(copy);
}

Test(graph, attributes_of_an_old_node_rebuild_it)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2, 3));
    const torc_value s = torc_sum(g, x, (const int32_t[]){-1}, 1, true);
    torc_output(g, "y", s);
    torc_graph *other = new_graph();
    torc_value v = torc_graph_add(other, TORC_OP_INPUT, NULL, 0, &g->nodes[0]);
    v = torc_graph_add(other, TORC_OP_SUM, &v, 1, &g->nodes[1]);
    expect_sound(other);
    const torc_node *node = torc_graph_node(other, v);
    cr_expect_eq(node->type.rank, 2);
    cr_expect_eq(node->type.shape[1], 1);
    cr_expect_str_eq(node->where, "call 2: sum");
    torc_graph_free(g);
    torc_graph_free(other);
}
