/* The public building calls: what they refuse, tags, and that they work from a plain C function. */
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(trace, functions_are_found_by_name)
{
    torc_graph *g = new_graph();
    torc_function(g, input_i64(g, "x", 0, NULL), "sigmoidal");
    expect_mistake(g, TORC_E_UNSUPPORTED,
                   (const char *[]){"call 2: sigmoidal", "torc_univariate", NULL});
    torc_graph_free(g);
    g = new_graph();
    torc_function(g, input_i64(g, "x", 0, NULL), "leaky_relu");
    expect_mistake(g, TORC_E_ARGUMENT,
                   (const char *[]){"call 2: leaky_relu", "parameters", "torc_function2", NULL});
    torc_graph_free(g);
    g = new_graph();
    torc_function(g, input_i64(g, "x", 0, NULL), NULL);
    expect_mistake(g, TORC_E_UNSUPPORTED, (const char *[]){"call 2: unary", NULL});
    torc_graph_free(g);
}

Test(trace, every_listed_function_can_be_traced)
{
    size_t count = 0;
    const torc_unary *list = torc_unary_list(&count);
    cr_assert_gt(count, 20);
    for (size_t i = 0; i < count; i++) {
        torc_graph *g = new_graph();
        torc_function2(g, input_i64(g, "x", 0, NULL), list[i].name, 1, 2);
        expect_sound(g);
        torc_graph_free(g);
    }
}

Test(trace, casting_to_the_own_type_adds_nothing)
{
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", 0, NULL);
    cr_expect_eq(torc_cast(g, x, TORC_I64).id, x.id);
    cr_expect_neq(torc_cast(g, x, TORC_F64).id, x.id);
    expect_sound(g);
    torc_graph_free(g);
}

Test(trace, tags_nest)
{
    torc_graph *g = new_graph();
    torc_tag_push(g, "a");
    torc_tag_push(g, "b");
    const torc_value x = input_i64(g, "x", 0, NULL);
    torc_tag_pop(g);
    const torc_value y = torc_neg(g, x);
    torc_tag_pop(g);
    const torc_value z = torc_neg(g, y);
    expect_sound(g);
    cr_expect_str_eq(torc_graph_node(g, x)->tag, "a.b");
    cr_expect_str_eq(torc_graph_node(g, y)->tag, "a");
    cr_expect_str_eq(torc_graph_node(g, z)->tag, "");
    torc_tag_pop(g);
    expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){"a pop without a push", NULL});
    torc_graph_free(g);
    g = new_graph();
    torc_tag_push(g, "a.b");
    expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){"tag 'a.b'", "without a dot", NULL});
    torc_graph_free(g);
}

Test(trace, arguments_out_of_range_are_mistakes)
{
    static const size_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    torc_graph *graphs[5];
    for (int i = 0; i < 5; i++) {
        graphs[i] = new_graph();
    }
    input_i64(graphs[0], "x", 9, shape);
    torc_constant_i64(graphs[1], (const int64_t[]){1}, 9, shape);
    torc_input(graphs[2], "", true, TORC_I64, 0, NULL);
    torc_input(graphs[3], "x", true, (torc_dtype)7, 0, NULL);
    input_i64(graphs[4], "x", SHAPE(2, 0));
    static const char *const words[] = {"call 1: input: at most 8 axes",
                                        "call 1: constant: at most 8", "an input needs a name",
                                        "neither TORC_I64 nor TORC_F64", "(2, 0) has no elements"};
    for (int i = 0; i < 5; i++) {
        expect_mistake(graphs[i], TORC_E_ARGUMENT, (const char *[]){words[i], NULL});
        torc_graph_free(graphs[i]);
    }
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", 0, NULL);
    torc_compare_with(g, (torc_compare)6, x, x);
    expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){"there is no such comparison", NULL});
    torc_graph_free(g);
}

Test(trace, constants_know_their_width)
{
    static const struct {
        int64_t value;
        uint32_t bits;
        bool is_signed;
    } rows[] = {{0, 1, false},   {1, 1, false}, {2, 2, false},   {255, 8, false},
                {256, 9, false}, {-1, 1, true}, {-128, 8, true}, {-129, 9, true}};
    torc_graph *g = new_graph();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const torc_type *type = &torc_graph_node(g, torc_scalar_i64(g, rows[i].value))->type;
        cr_expect_eq(type->bits, rows[i].bits, "%ld: %u bits", rows[i].value, type->bits);
        cr_expect_eq(type->is_signed, rows[i].is_signed);
    }
    torc_graph_free(g);
}
