/* Result shapes against tables worked out by hand with NumPy's rules, and every mistake's words. */
#include "frontend/op.h"
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct dims {
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
} dims;
#define D(...)                                            \
    {                                                     \
        sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), \
        {                                                 \
            __VA_ARGS__                                   \
        }                                                 \
    }
#define NONE        \
    {               \
        UINT32_MAX, \
        {           \
            0       \
        }           \
    } /* a mistake */
#define SCALAR \
    {          \
        0,     \
        {      \
            0  \
        }      \
    }

/* Checks a value against the expected shape and frees the graph. */
static void expect_dims(torc_graph *g, torc_value v, const dims *expected, const char *label,
                        size_t row)
{
    if (expected->rank == UINT32_MAX) {
        cr_expect_eq(g->status, TORC_E_ARGUMENT, "%s %zu: not refused", label, row);
    } else {
        cr_assert_eq(g->status, TORC_OK, "%s %zu: %s", label, row, g->message ? g->message : "");
        const torc_type *type = &torc_graph_node(g, v)->type;
        cr_expect_eq(type->rank, expected->rank, "%s %zu: rank %u", label, row, type->rank);
        cr_expect_arr_eq(type->shape, expected->shape, expected->rank * sizeof *type->shape,
                         "%s %zu: %s", label, row, TORC_SHAPE_TEXT(type));
    }
    torc_graph_free(g);
}

typedef torc_value binary_fn(torc_graph *g, torc_value a, torc_value b);

static void expect_binary(binary_fn *f, const char *label, const dims (*rows)[3], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        torc_graph *g = new_graph();
        const torc_value a = input_i64(g, "a", rows[i][0].rank, rows[i][0].shape);
        const torc_value b = input_i64(g, "b", rows[i][1].rank, rows[i][1].shape);
        expect_dims(g, f(g, a, b), &rows[i][2], label, i);
    }
}

Test(shape, broadcasting)
{
    static const dims rows[][3] = {
        {SCALAR, SCALAR, SCALAR},
        {D(3), SCALAR, D(3)},
        {D(2, 3), D(3), D(2, 3)},
        {D(2, 1), D(3), D(2, 3)},
        {D(8, 1, 6, 1), D(7, 1, 5), D(8, 7, 6, 5)},
        {D(1), D(4, 4), D(4, 4)},
        {D(2), D(3), NONE},
        {D(2, 3), D(2), NONE},
    };
    expect_binary(torc_add, "add", rows, sizeof rows / sizeof *rows);
    expect_binary(torc_div, "divide", rows, sizeof rows / sizeof *rows);
}

Test(shape, matmul)
{
    static const dims rows[][3] = {
        {D(3), D(3), SCALAR},
        {D(2, 3), D(3), D(2)},
        {D(2), D(2, 3), D(3)},
        {D(2, 3), D(3, 4), D(2, 4)},
        {D(5, 2, 3), D(3, 4), D(5, 2, 4)},
        {D(5, 1, 2, 3), D(7, 3, 4), D(5, 7, 2, 4)},
        {D(5, 2, 3), D(3), D(5, 2)},
        {D(3), D(5, 3, 4), D(5, 4)},
        {SCALAR, D(3), NONE},
        {D(2, 3), D(4), NONE},
        {D(2, 3), D(2, 3), NONE},
        {D(2, 2, 3), D(3, 3, 4), NONE},
    };
    expect_binary(torc_matmul, "matmul", rows, sizeof rows / sizeof *rows);
}

Test(shape, dot_has_at_most_two_axes)
{
    static const dims rows[][3] = {
        {D(3), D(3), SCALAR},        {D(2, 3), D(3), D(2)}, {D(2, 3), D(3, 4), D(2, 4)},
        {D(5, 2, 3), D(3, 4), NONE}, {SCALAR, D(2), NONE},
    };
    expect_binary(torc_dot, "dot", rows, sizeof rows / sizeof *rows);
}

Test(shape, reshape)
{
    static const struct {
        dims from, to, result;
    } rows[] = {
        {D(2, 3), D(6), D(6)},
        {D(2, 3), D(3, SIZE_MAX), D(3, 2)},
        {D(1), SCALAR, SCALAR},
        {SCALAR, D(1, 1), D(1, 1)},
        {D(2, 3), D(4), NONE},
        {D(2, 3), D(4, SIZE_MAX), NONE},
        {D(2, 3), D(SIZE_MAX, SIZE_MAX), NONE},
        {D(2, 3), D(0, SIZE_MAX), NONE},
        {D(2, 3), D(SIZE_MAX / 2, 8), NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_graph *g = new_graph();
        const torc_value x = input_i64(g, "x", rows[i].from.rank, rows[i].from.shape);
        expect_dims(g, torc_reshape(g, x, rows[i].to.rank, rows[i].to.shape), &rows[i].result,
                    "reshape", i);
    }
}

Test(shape, slices_follow_python)
{
    static const int64_t end = INT64_MAX;
    const struct {
        torc_slice slice;
        int64_t expected[6]; /* of range(5), ended by -1 */
    } rows[] = {
        {{0, end, 1, false}, {0, 1, 2, 3, 4, -1}},
        {{1, 3, 1, false}, {1, 2, -1}},
        {{-2, end, 1, false}, {3, 4, -1}},
        {{0, -1, 2, false}, {0, 2, -1}},
        {{0, end, 0, false}, {0, 1, 2, 3, 4, -1}},
        {{end, end, -1, false}, {4, 3, 2, 1, 0, -1}},
        {{3, 0, -2, false}, {3, 1, -1}},
        {{-1, -4, -1, false}, {4, 3, 2, -1}},
        {{2, 100, 1, false}, {2, 3, 4, -1}},
        {{-100, 2, 1, false}, {0, 1, -1}},
        {{1, 4, INT64_MAX, false}, {1, -1}},
        {{4, end, INT64_MIN, false}, {4, -1}},
        {{3, 3, 1, false}, {-1}},
        {{3, 1, 1, false}, {-1}},
        {{-1, 0, 0, true}, {4, -1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t start = 0;
        int64_t step = 0;
        size_t count = 0;
        cr_expect(torc_slice_resolve(&rows[i].slice, 5, &start, &step, &count));
        size_t j = 0;
        for (; rows[i].expected[j] >= 0; j++) {
            cr_expect_eq(start + (int64_t)j * (j ? step : 0), rows[i].expected[j], "row %zu", i);
        }
        cr_expect_eq(count, j, "row %zu: %zu elements", i, count);
    }
    int64_t start = 0;
    int64_t step = 0;
    size_t count = 0;
    cr_expect_not(torc_slice_resolve(&(torc_slice){5, 0, 0, true}, 5, &start, &step, &count));
    cr_expect_not(torc_slice_resolve(&(torc_slice){-6, 0, 0, true}, 5, &start, &step, &count));
}

Test(shape, convolutions)
{
    static const struct {
        dims x, w;
        torc_conv2d_args args;
        dims result;
    } rows[] = {
        {D(1, 1, 28, 28), D(8, 1, 3, 3), {{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, D(1, 8, 26, 26)},
        {D(2, 3, 8, 8), D(4, 3, 3, 3), {{2, 2}, {1, 1}, {1, 1, 1, 1}, 1}, D(2, 4, 4, 4)},
        {D(1, 4, 9, 7), D(8, 2, 3, 2), {{1, 3}, {2, 1}, {0, 1, 2, 0}, 2}, D(1, 8, 7, 3)},
        {D(1, 1, 5, 5), D(1, 1, 5, 5), {{0, 0}, {0, 0}, {0, 0, 0, 0}, 0}, D(1, 1, 1, 1)},
        {D(1, 1, 5, 5), D(1, 1, 6, 5), {{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, NONE},
        {D(1, 3, 5, 5), D(1, 1, 3, 3), {{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, NONE},
        {D(3, 5, 5), D(1, 3, 3, 3), {{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_graph *g = new_graph();
        const torc_value x = input_i64(g, "x", rows[i].x.rank, rows[i].x.shape);
        const torc_value w = input_i64(g, "w", rows[i].w.rank, rows[i].w.shape);
        expect_dims(g, torc_conv2d(g, x, w, TORC_NO_VALUE, &rows[i].args), &rows[i].result,
                    "conv2d", i);
    }
}

typedef torc_value build_fn(torc_graph *g, torc_value v); /* v: (2, 3) integers */

static torc_value bad_axis(torc_graph *g, torc_value v)
{
    return torc_sum(g, v, (const int32_t[]){2}, 1, false);
}
static torc_value same_axis(torc_graph *g, torc_value v)
{
    return torc_sum(g, v, (const int32_t[]){1, -1}, 2, false);
}
static torc_value bad_transpose(torc_graph *g, torc_value v)
{
    return torc_transpose(g, v, (const uint32_t[]){1, 1});
}
static torc_value empty_slice(torc_graph *g, torc_value v)
{
    return torc_index(g, v, (const torc_slice[]){{1, 1, 1, false}}, 1);
}
static torc_value far_index(torc_graph *g, torc_value v)
{
    return torc_index(g, v, (const torc_slice[]){{0, INT64_MAX, 1, false}, {3, 0, 0, true}}, 2);
}
static torc_value many_slices(torc_graph *g, torc_value v)
{
    return torc_index(g, v, (const torc_slice[3]){{0}}, 3);
}
static torc_value bad_concat(torc_graph *g, torc_value v)
{
    return torc_concat(g, (const torc_value[]){v, torc_transpose(g, v, NULL)}, 2, 0);
}
static torc_value far_concat(torc_graph *g, torc_value v)
{
    return torc_concat(g, &v, 1, -3);
}
static torc_value float_index(torc_graph *g, torc_value v)
{
    return torc_table_lookup(g, torc_cast(g, v, TORC_F64), (const int64_t[]){1}, 1);
}
static torc_value empty_table(torc_graph *g, torc_value v)
{
    return torc_table_lookup(g, v, NULL, 0);
}
static torc_value bad_clip(torc_graph *g, torc_value v)
{
    return torc_clip(g, v, 2, 1);
}
static torc_value bad_bias(torc_graph *g, torc_value v)
{
    const torc_value x = torc_reshape(g, v, SHAPE(1, 1, 2, 3));
    const torc_value w = torc_constant_i64(g, (const int64_t[]){1}, SHAPE(1, 1, 1, 1));
    return torc_conv2d(g, x, w, v, NULL);
}
static torc_value null_callback(torc_graph *g, torc_value v)
{
    return torc_univariate(g, v, NULL, NULL, "mine");
}

Test(shape, mistakes_name_the_call_and_what_is_wrong)
{
    static const struct {
        build_fn *build;
        const char *words;
    } rows[] = {
        {bad_axis, "call 2: sum: axis 2 does not exist, the value has 2 axes"},
        {same_axis, "call 2: sum: axis -1 is given twice"},
        {bad_transpose,
         "call 2: transpose: the axes of (2, 3) must be given once each, from 0 to 1"},
        {empty_slice, "call 2: index: index 0 of (2, 3) selects nothing"},
        {far_index, "call 2: index: index 1 of (2, 3) is out of range"},
        {many_slices, "call 2: index: 3 indices for (2, 3)"},
        {bad_concat, "call 3: concatenate: shapes (2, 3) and (3, 2) differ outside axis 0"},
        {far_concat, "call 2: concatenate: axis -3 does not exist in (2, 3)"},
        {float_index, "call 3: tlu: a table is indexed by integers"},
        {empty_table, "call 2: tlu: a table is a list of at least one integer"},
        {bad_clip, "call 2: clip: the low bound 2 is above the high bound 1"},
        {bad_bias, "the bias must have one element an output channel"},
        {null_callback, "call 2: mine: the function is NULL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_graph *g = new_graph();
        const torc_value v = rows[i].build(g, input_i64(g, "v", SHAPE(2, 3)));
        cr_expect_eq(v.id, TORC_NO_VALUE.id);
        expect_mistake(g, TORC_E_ARGUMENT, (const char *[]){rows[i].words, NULL});
        torc_graph_free(g);
    }
}

Test(shape, types_follow_the_operands)
{
    torc_graph *g = new_graph();
    const torc_value i = torc_input(g, "i", false, TORC_I64, 0, NULL);
    const torc_value e = torc_input(g, "e", true, TORC_I64, 0, NULL);
    const torc_value f = torc_input(g, "f", false, TORC_F64, 0, NULL);
    const struct {
        torc_value v;
        torc_dtype dtype;
        bool encrypted;
    } rows[] = {
        {torc_add(g, i, i), TORC_I64, false},
        {torc_add(g, i, e), TORC_I64, true},
        {torc_mul(g, e, f), TORC_F64, true},
        {torc_div(g, i, i), TORC_F64, false},
        {torc_compare_with(g, TORC_LT, f, e), TORC_I64, true},
        {torc_where(g, f, e, e), TORC_I64, true},
        {torc_where(g, e, i, f), TORC_F64, true},
        {torc_relu(g, e), TORC_I64, true},
        {torc_clip(g, e, 0, 2), TORC_I64, true},
        {torc_clip(g, e, 0, 2.5), TORC_F64, true},
        {torc_function(g, e, "exp"), TORC_F64, true},
        {torc_cast(g, f, TORC_I64), TORC_I64, false},
    };
    expect_sound(g);
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        const torc_type *type = &torc_graph_node(g, rows[row].v)->type;
        cr_expect_eq(type->dtype, rows[row].dtype, "row %zu", row);
        cr_expect_eq(type->encrypted, rows[row].encrypted, "row %zu", row);
    }
    torc_graph_free(g);
}
