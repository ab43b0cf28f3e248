/* Operators whose meaning depends on the opset or on details: one small model each, expected values
 * worked out by hand; and the messages for models that are refused. */
#include "tests/common/float_model.h"
#include "tests/common/folder.h"
#include "tests/common/onnx_builder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A model of one input x[batch][2][3] and one output y. */
typedef struct fixture {
    torc_ctx *ctx;
    onnx_builder *b;
} fixture;

static fixture begin(int64_t opset)
{
    static const int64_t dims[] = {0, 2, 3};
    fixture f = {torc_ctx_create(), onnx_builder_create(opset)};
    onnx_builder_input(f.b, "x", 1, 3, dims);
    return f;
}

static void end(fixture *f)
{
    onnx_builder_free(f->b);
    torc_ctx_free(f->ctx);
}

static torc_status import(fixture *f, torc_graph **g, int32_t output_type)
{
    const char *path = folder_path("model.onnx");
    onnx_builder_output(f->b, "y", output_type);
    onnx_builder_save(f->b, path);
    return torc_import_onnx(f->ctx, g, path, NULL);
}

/* Runs the model on x = {{-1, 0, 1}, {2, 3, 4}} and compares the result and its shape. */
static void expect(fixture *f, size_t rank, const size_t *shape, const double *values)
{
    torc_graph *g = NULL;
    torc_tensor y = {0};
    double data[] = {-1, 0, 1, 2, 3, 4};
    torc_tensor x = {.dtype = TORC_F64, .rank = 3, .shape = {1, 2, 3}, .f64 = data};
    cr_assert_eq(import(f, &g, 1), TORC_OK, "%s", torc_ctx_message(f->ctx));
    cr_assert_eq(test_run_float(f->ctx, &y, g, &x), TORC_OK, "%s", torc_ctx_message(f->ctx));
    cr_assert_eq(y.rank, rank + 1, "rank %u", y.rank);
    for (size_t i = 0; i < rank; i++) {
        cr_expect_eq(y.shape[i + 1], shape[i], "axis %zu has length %zu", i, y.shape[i + 1]);
    }
    for (size_t i = 0; i < torc_tensor_count(&y); i++) {
        cr_expect(fabs(test_element(&y, i) - values[i]) < 1e-6, "element %zu is %g, wanted %g", i,
                  test_element(&y, i), values[i]);
    }
    torc_tensor_free(&y);
    torc_graph_free(g);
    end(f);
}

/* The import fails with this status and a message that holds every word. */
static void refuse(fixture *f, torc_status status, const char *const *words, size_t count)
{
    torc_graph *g = NULL;
    torc_status found = import(f, &g, 1);
    cr_expect_eq(found, status, "%s: %s", torc_status_name(found), torc_ctx_message(f->ctx));
    cr_expect_null(g);
    for (size_t i = 0; i < count; i++) {
        cr_expect(strstr(torc_ctx_message(f->ctx), words[i]), "'%s' is not in '%s'", words[i],
                  torc_ctx_message(f->ctx));
    }
    end(f);
}

#define REFUSE(f, status, ...)                            \
    refuse(f, status, (const char *const[]){__VA_ARGS__}, \
           COUNT(((const char *const[]){__VA_ARGS__})))

/* --- meaning by opset ----------------------------------------------------------------------------
 */

Test(onnx_ops, clip_bounds_are_attributes_before_opset_11)
{
    fixture f = begin(10);
    Onnx__Node *node = onnx_builder_node(f.b, "", "Clip", "x", "y");
    onnx_builder_attr_float(f.b, node, "min", 0);
    onnx_builder_attr_float(f.b, node, "max", 2.5f);
    expect(&f, 2, (size_t[]){2, 3}, (double[]){0, 0, 1, 2, 2.5, 2.5});
}

Test(onnx_ops, clip_bounds_are_optional_inputs_since)
{
    fixture f = begin(11);
    float high = 2;
    onnx_builder_floats(f.b, "high", 0, NULL, &high);
    onnx_builder_node(f.b, "", "Clip", "x - high", "y");
    expect(&f, 2, (size_t[]){2, 3}, (double[]){-1, 0, 1, 2, 2, 2});
}

/* exp(x - max) / sum over all six elements, or over three. */
Test(onnx_ops, softmax_flattens_before_opset_13)
{
    double e[6];
    double sum = 0;
    fixture f = begin(12);
    onnx_builder_node(f.b, "", "Softmax", "x", "y"); /* axis 1 is the default */
    for (int i = 0; i < 6; i++) {
        sum += exp(i - 1);
    }
    for (int i = 0; i < 6; i++) {
        e[i] = exp(i - 1) / sum;
    }
    expect(&f, 2, (size_t[]){2, 3}, e);
}

Test(onnx_ops, softmax_takes_the_last_axis_since)
{
    double e[6];
    fixture f = begin(13);
    onnx_builder_node(f.b, "", "Softmax", "x", "y");
    for (int i = 0; i < 6; i++) {
        e[i] = exp(i % 3) / (1 + exp(1) + exp(2));
    }
    expect(&f, 2, (size_t[]){2, 3}, e);
}

Test(onnx_ops, softmax_takes_a_middle_axis_since_13)
{
    double e[6];
    fixture f = begin(13);
    Onnx__Node *node = onnx_builder_node(f.b, "", "Softmax", "x", "y");
    onnx_builder_attr_int(f.b, node, "axis", 1);
    for (int i = 0; i < 6; i++) {
        e[i] = (i < 3 ? 1 : exp(3)) / (1 + exp(3));
    }
    expect(&f, 2, (size_t[]){2, 3}, e);
}

Test(onnx_ops, unsqueeze_and_squeeze_by_attribute)
{
    fixture f = begin(11);
    Onnx__Node *node = onnx_builder_node(f.b, "", "Unsqueeze", "x", "wide");
    onnx_builder_attr_ints(f.b, node, "axes", 2, (int64_t[]){1, -1});
    node = onnx_builder_node(f.b, "", "Squeeze", "wide", "y");
    onnx_builder_attr_ints(f.b, node, "axes", 1, (int64_t[]){1});
    expect(&f, 3, (size_t[]){2, 3, 1}, (double[]){-1, 0, 1, 2, 3, 4});
}

Test(onnx_ops, unsqueeze_and_squeeze_by_input)
{
    fixture f = begin(13);
    onnx_builder_ints(f.b, "axes", 2, (int64_t[]){1, 4});
    onnx_builder_node(f.b, "", "Unsqueeze", "x axes", "wide");
    onnx_builder_node(f.b, "", "Squeeze", "wide", "y"); /* all of length 1 but the batch */
    expect(&f, 2, (size_t[]){2, 3}, (double[]){-1, 0, 1, 2, 3, 4});
}

Test(onnx_ops, reduce_axes_by_attribute_and_by_input)
{
    fixture f = begin(11);
    Onnx__Node *node = onnx_builder_node(f.b, "", "ReduceSum", "x", "y");
    onnx_builder_attr_ints(f.b, node, "axes", 1, (int64_t[]){-1});
    onnx_builder_attr_int(f.b, node, "keepdims", 0);
    expect(&f, 1, (size_t[]){2}, (double[]){0, 9});
    f = begin(18);
    onnx_builder_ints(f.b, "axes", 1, (int64_t[]){1});
    onnx_builder_node(f.b, "", "ReduceMean", "x axes", "y");
    expect(&f, 2, (size_t[]){1, 3}, (double[]){0.5, 1.5, 2.5});
}

/* --- shapes --------------------------------------------------------------------------------------
 */

Test(onnx_ops, reshape_copies_infers_and_keeps_the_batch)
{
    static const int64_t shapes[][3] = {{0, 3, 2}, {-1, 3, 2}, {1, 3, 2}, {0, -1, 2}, {0, 3, -1}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        fixture f = begin(13);
        onnx_builder_ints(f.b, "shape", 3, shapes[i]);
        onnx_builder_node(f.b, "", "Reshape", "x shape", "y");
        expect(&f, 2, (size_t[]){3, 2}, (double[]){-1, 0, 1, 2, 3, 4});
    }
}

Test(onnx_ops, reshape_to_zero_is_a_zero_with_allowzero)
{
    fixture f = begin(14);
    onnx_builder_ints(f.b, "shape", 3, (int64_t[]){0, 3, 2});
    Onnx__Node *node = onnx_builder_node(f.b, "", "Reshape", "x shape", "y");
    onnx_builder_attr_int(f.b, node, "allowzero", 1);
    REFUSE(&f, TORC_E_UNSUPPORTED, "Reshape", "batch");
}

Test(onnx_ops, flatten_counts_from_the_end)
{
    fixture f = begin(13);
    Onnx__Node *node = onnx_builder_node(f.b, "", "Flatten", "x", "y");
    onnx_builder_attr_int(f.b, node, "axis", -2);
    expect(&f, 1, (size_t[]){6}, (double[]){-1, 0, 1, 2, 3, 4});
}

Test(onnx_ops, shapes_are_computed_from_constants)
{
    fixture f = begin(13);
    onnx_builder_ints(f.b, "zero", 1, (int64_t[]){0});
    onnx_builder_ints(f.b, "one", 1, (int64_t[]){1});
    onnx_builder_ints(f.b, "rest", 1, (int64_t[]){-1});
    onnx_builder_node(f.b, "", "Shape", "x", "shape");
    onnx_builder_node(f.b, "", "Slice", "shape zero one", "batch");
    Onnx__Node *node = onnx_builder_node(f.b, "", "Concat", "batch rest", "target");
    onnx_builder_attr_int(f.b, node, "axis", 0);
    onnx_builder_node(f.b, "", "Reshape", "x target", "y");
    expect(&f, 1, (size_t[]){6}, (double[]){-1, 0, 1, 2, 3, 4});
}

Test(onnx_ops, columns_are_chosen)
{
    fixture f = begin(13);
    onnx_builder_ints(f.b, "columns", 2, (int64_t[]){2, 0});
    Onnx__Node *node = onnx_builder_node(f.b, "", "Gather", "x columns", "y");
    onnx_builder_attr_int(f.b, node, "axis", 2);
    expect(&f, 2, (size_t[]){2, 2}, (double[]){1, -1, 4, 2});
}

/* --- arithmetic ----------------------------------------------------------------------------------
 */

Test(onnx_ops, gemm_with_all_attributes)
{
    fixture f = begin(13);
    Onnx__Node *node = onnx_builder_node(f.b, "", "Flatten", "x", "flat");
    onnx_builder_floats(f.b, "w", 2, (int64_t[]){2, 6},
                        (float[]){1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1});
    onnx_builder_floats(f.b, "c", 2, (int64_t[]){1, 2}, (float[]){10, 20});
    node = onnx_builder_node(f.b, "", "Gemm", "flat w c", "y");
    onnx_builder_attr_float(f.b, node, "alpha", 2);
    onnx_builder_attr_float(f.b, node, "beta", 0.5f);
    onnx_builder_attr_int(f.b, node, "transB", 1);
    expect(&f, 1, (size_t[]){2}, (double[]){2 * -1 + 5, 2 * 10 + 10});
}

Test(onnx_ops, constants_broadcast_over_one_sample)
{
    fixture f = begin(13);
    onnx_builder_floats(f.b, "row", 1, (int64_t[]){3}, (float[]){1, 2, 4});
    onnx_builder_floats(f.b, "column", 3, (int64_t[]){1, 2, 1}, (float[]){10, 20});
    onnx_builder_node(f.b, "", "Div", "x row", "quotient");
    onnx_builder_node(f.b, "", "Sub", "column quotient", "y");
    expect(&f, 2, (size_t[]){2, 3}, (double[]){11, 10, 9.75, 18, 18.5, 19});
}

Test(onnx_ops, operators_of_constants_are_folded)
{
    fixture f = begin(13);
    onnx_builder_floats(f.b, "a", 1, (int64_t[]){3}, (float[]){1, 4, 9});
    onnx_builder_node(f.b, "", "Sqrt", "a", "root");
    onnx_builder_node(f.b, "", "Neg", "root", "negative");
    onnx_builder_node(f.b, "", "Add", "x negative", "y");
    expect(&f, 2, (size_t[]){2, 3}, (double[]){-2, -2, -2, 1, 1, 1});
}

Test(onnx_ops, parameters_have_their_defaults)
{
    static const struct {
        const char *op;
        double at_minus_1, at_4;
    } rows[] = {{"LeakyRelu", -0.01, 4}, {"HardSigmoid", 0.3, 1},   {"Selu", -1.1113307, 4.2028041},
                {"Elu", -0.6321206, 4},  {"ThresholdedRelu", 0, 4}, {"HardSwish", -1.0 / 3, 4}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        fixture f = begin(14);
        torc_graph *g = NULL;
        torc_tensor y = {0};
        double data[] = {-1, 0, 1, 2, 3, 4};
        torc_tensor x = {.dtype = TORC_F64, .rank = 3, .shape = {1, 2, 3}, .f64 = data};
        onnx_builder_node(f.b, "", rows[i].op, "x", "y");
        cr_assert_eq(import(&f, &g, 1), TORC_OK, "%s", torc_ctx_message(f.ctx));
        cr_assert_eq(test_run_float(f.ctx, &y, g, &x), TORC_OK);
        cr_expect_float_eq(y.f64[0], rows[i].at_minus_1, 1e-6, "%s: %g", rows[i].op, y.f64[0]);
        cr_expect_float_eq(y.f64[5], rows[i].at_4, 1e-6, "%s: %g", rows[i].op, y.f64[5]);
        torc_tensor_free(&y);
        torc_graph_free(g);
        end(&f);
    }
}

/* --- client steps --------------------------------------------------------------------------------
 */

Test(onnx_ops, steps_after_a_step_stay_at_the_client)
{
    fixture f = begin(13);
    float two = 2;
    onnx_builder_floats(f.b, "two", 0, NULL, &two);
    onnx_builder_node(f.b, "", "Softmax", "x", "p");
    onnx_builder_node(f.b, "", "Mul", "p two", "double");
    onnx_builder_node(f.b, "", "Log", "double", "y");
    double total = log(1 + exp(1) + exp(2));
    double e[6];
    for (int i = 0; i < 6; i++) {
        e[i] = i % 3 - total + log(2);
    }
    expect(&f, 2, (size_t[]){2, 3}, e);
}

Test(onnx_ops, layers_after_softmax_are_refused)
{
    fixture f = begin(13);
    onnx_builder_floats(f.b, "w", 2, (int64_t[]){3, 1}, (float[]){1, 1, 1});
    onnx_builder_node(f.b, "", "Softmax", "x", "p");
    onnx_builder_node(f.b, "", "MatMul", "p w", "y");
    REFUSE(&f, TORC_E_UNSUPPORTED, "(MatMul)", "Softmax", "client");
}

/* --- refusals ------------------------------------------------------------------------------------
 */

Test(onnx_ops, an_unknown_operator_is_named_with_its_opset_and_domain)
{
    fixture f = begin(17);
    Onnx__Node *node = onnx_builder_node(f.b, "com.example", "Frobnicate", "x", "y");
    char name[] = "block/7";
    node->name = name;
    REFUSE(&f, TORC_E_UNSUPPORTED, "node 'block/7'", "Frobnicate", "com.example", "Gemm", "Relu");
}

Test(onnx_ops, an_operator_that_nothing_needs_is_not_refused)
{
    fixture f = begin(17);
    onnx_builder_node(f.b, "com.example", "Frobnicate", "x", "unused");
    onnx_builder_node(f.b, "", "Identity", "x", "y");
    expect(&f, 2, (size_t[]){2, 3}, (double[]){-1, 0, 1, 2, 3, 4});
}

Test(onnx_ops, opsets_out_of_range_are_refused)
{
    static const int64_t opsets[] = {6, 99};
    for (size_t i = 0; i < COUNT(opsets); i++) {
        fixture f = begin(opsets[i]);
        onnx_builder_node(f.b, "", "Add", "x x", "y");
        REFUSE(&f, TORC_E_UNSUPPORTED, "opset", i == 0 ? "6" : "99");
    }
}

Test(onnx_ops, products_of_data_are_refused)
{
    fixture f = begin(13);
    onnx_builder_node(f.b, "", "MatMul", "x x", "y");
    REFUSE(&f, TORC_E_UNSUPPORTED, "node 0 (MatMul)", "constant");
}

Test(onnx_ops, the_batch_axis_is_protected)
{
    fixture f = begin(13);
    Onnx__Node *node = onnx_builder_node(f.b, "", "Transpose", "x", "y");
    onnx_builder_attr_ints(f.b, node, "perm", 3, (int64_t[]){1, 0, 2});
    REFUSE(&f, TORC_E_UNSUPPORTED, "Transpose", "batch");
    f = begin(13);
    onnx_builder_ints(f.b, "shape", 2, (int64_t[]){-1, 3});
    onnx_builder_node(f.b, "", "Reshape", "x shape", "y");
    REFUSE(&f, TORC_E_UNSUPPORTED, "Reshape", "6 elements");
    f = begin(13);
    node = onnx_builder_node(f.b, "", "ArgMax", "x", "y"); /* axis 0 is the default */
    REFUSE(&f, TORC_E_UNSUPPORTED, "ArgMax", "batch");
}

Test(onnx_ops, training_mode_is_refused)
{
    fixture f = begin(13);
    Onnx__Node *node = NULL;
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"s", "b", "m", "v"};
        onnx_builder_floats(f.b, names[i], 1, (int64_t[]){2}, (float[]){1, 1});
    }
    node = onnx_builder_node(f.b, "", "BatchNormalization", "x s b m v", "y");
    onnx_builder_attr_int(f.b, node, "training_mode", 1);
    REFUSE(&f, TORC_E_UNSUPPORTED, "BatchNormalization", "training", "evaluation");
}

Test(onnx_ops, a_missing_output_name_lists_what_there_is)
{
    fixture f = begin(13);
    torc_graph *g = NULL;
    const char *path = folder_path("model.onnx");
    onnx_builder_node(f.b, "", "Identity", "x", "y");
    onnx_builder_output(f.b, "y", 1);
    onnx_builder_save(f.b, path);
    cr_expect_eq(torc_import_onnx(f.ctx, &g, path, "scores"), TORC_E_ARGUMENT);
    cr_expect(strstr(torc_ctx_message(f.ctx), "'scores'") &&
              strstr(torc_ctx_message(f.ctx), "'y'"));
    end(&f);
}

/* --- files that are wrong
 * ------------------------------------------------------------------------- */

Test(onnx_ops, data_of_the_wrong_length_is_refused)
{
    fixture f = begin(13);
    onnx_builder_floats(f.b, "w", 1, (int64_t[]){3}, (float[]){1, 2, 3});
    onnx_builder_node(f.b, "", "Add", "x w", "y");
    onnx_builder_model(f.b)->graph->initializer[0]->n_float_data = 2;
    REFUSE(&f, TORC_E_FORMAT, "initializer 'w'", "3 elements", "2");
}

Test(onnx_ops, absurd_dimensions_are_refused)
{
    static const int64_t dims[][2] = {
        {INT64_MAX, INT64_MAX}, {-1, 3}, {(int64_t)1 << 62, 4}, {1 << 20, 1 << 20}};
    for (size_t i = 0; i < COUNT(dims); i++) {
        fixture f = begin(13);
        onnx_builder_floats(f.b, "w", 2, (int64_t[]){1, 3}, (float[]){1, 2, 3});
        onnx_builder_node(f.b, "", "Add", "x w", "y");
        memcpy(onnx_builder_model(f.b)->graph->initializer[0]->dims, dims[i], sizeof dims[i]);
        REFUSE(&f, TORC_E_FORMAT, "initializer 'w'");
    }
}

Test(onnx_ops, cycles_and_missing_values_are_refused)
{
    fixture f = begin(13);
    onnx_builder_node(f.b, "", "Add", "x later", "y");
    onnx_builder_node(f.b, "", "Relu", "y", "later");
    REFUSE(&f, TORC_E_FORMAT, "node 0 (Add)", "'later'");
}

Test(onnx_ops, duplicate_names_are_refused)
{
    fixture f = begin(13);
    onnx_builder_node(f.b, "", "Relu", "x", "y");
    onnx_builder_node(f.b, "", "Abs", "x", "y");
    REFUSE(&f, TORC_E_FORMAT, "'y'", "twice");
}

Test(onnx_ops, subgraphs_are_refused)
{
    fixture f = begin(13);
    Onnx__Node *node = onnx_builder_node(f.b, "", "If", "x", "y");
    onnx_builder_attr_int(f.b, node, "then_branch", 0);
    node->attribute[0]->type = 5; /* GRAPH */
    REFUSE(&f, TORC_E_UNSUPPORTED, "then_branch", "subgraph");
}

Test(onnx_ops, files_outside_the_folder_are_never_read)
{
    static const char *const places[] = {"/etc/passwd", "../secret", "a/b", ".hidden", ""};
    for (size_t i = 0; i < COUNT(places); i++) {
        fixture f = begin(13);
        onnx_builder_floats(f.b, "w", 1, (int64_t[]){3}, (float[]){1, 2, 3});
        onnx_builder_node(f.b, "", "Add", "x w", "y");
        Onnx__Tensor *w = onnx_builder_model(f.b)->graph->initializer[0];
        Onnx__Entry entry = ONNX__ENTRY__INIT;
        Onnx__Entry *entries[] = {&entry};
        char key[] = "location";
        char place[32];
        strcpy(place, places[i]);
        entry.key = key;
        entry.value = place;
        w->n_float_data = 0;
        w->has_data_location = 1;
        w->data_location = 1;
        w->n_external_data = 1;
        w->external_data = entries;
        REFUSE(&f, TORC_E_FORMAT, "initializer 'w'", "own folder");
    }
}

Test(onnx_ops, symbolic_features_are_refused)
{
    fixture f = begin(13);
    onnx_builder_node(f.b, "", "Relu", "x", "y");
    onnx_builder_model(f.b)->graph->input[0]->type->tensor_type->shape->dim[2]->has_dim_value = 0;
    REFUSE(&f, TORC_E_UNSUPPORTED, "input 'x'", "axis 2", "symbolic");
}

Test(onnx_ops, strings_are_refused)
{
    fixture f = begin(13);
    onnx_builder_node(f.b, "", "Identity", "x", "y");
    onnx_builder_model(f.b)->graph->input[0]->type->tensor_type->elem_type = 8;
    REFUSE(&f, TORC_E_UNSUPPORTED, "input 'x'", "type 8");
}
