/* What fused tables hold: their width, how many there are, and entries that are never read. */
#include "tests/common/fusing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

Test(fuse_tables, tables_cover_the_width_of_the_measured_range)
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

Test(fuse_tables, equal_tables_are_shared_between_elements)
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
Test(fuse_tables, channels_broadcast_and_moves_are_repeated_on_the_integer)
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

Test(fuse_tables, undefined_entries_outside_the_bounds_repeat_the_nearest)
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

/* Reading x instead of x * x must not make an error of 8 / (x * x) at 0: the product never was 0.
 */
Test(fuse_tables, bounds_of_values_taken_in_still_count)
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

Test(fuse_tables, guarded_functions_are_defined)
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

/* 20000 elements with 200 different scales: only the classes are evaluated. */
Test(fuse_tables, tables_of_many_elements_are_built_by_class)
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
