/* Models of every exporter: the imported float graph, run in the clear with its client steps, gives
 * what onnxruntime gave. */
#include "tests/common/float_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DATA TORC_SOURCE_DIR "/tests/data/onnx/"

static const char *const models[] = {
    "ts9_relu",
    "ts9_clip",
    "ts11_tanh_fixed",
    "ts11_elu",
    "ts12_softmax",
    "ts13_sigmoid",
    "ts13_hardtanh",
    "ts14_view",
    "ts15_softplus",
    "ts17_norm_leaky",
    "dyn18_relu",
    "dyn18_fixed_sigmoid",
    "dyn20_gelu",
    "dyn21_tokens",
    "dyn23_prelu",
    "dyn_residual",
    "dyn_scaled",
    "dyn_norm",
    "dyn_linear",
    "dyn_wide",
    "dyn_external",
    "dyn_silu",
    "skl_iris",
    "skl_wine_scaled",
    "skl_cancer_scaled",
    "skl_cancer_logistic",
    "skl_diabetes_scaled",
    "skl_diabetes_tanh",
    "skl_identity_double",
    "skl_iris_integer",
};

static void load(torc_ctx *ctx, torc_tensor *out, const char *name, const char *suffix)
{
    char path[512];
    snprintf(path, sizeof path, DATA "%s%s", name, suffix);
    cr_assert_eq(torc_npy_load(ctx, out, path), TORC_OK, "%s", torc_ctx_message(ctx));
}

/* Largest error of the named output (NULL: the default) against an .npy file. */
static double error_of(torc_ctx *ctx, const char *name, const char *output, const char *suffix)
{
    char path[512];
    torc_graph *g = NULL;
    torc_tensor x;
    torc_tensor expected;
    torc_tensor y = {0};
    snprintf(path, sizeof path, DATA "%s.onnx", name);
    load(ctx, &x, name, ".x.npy");
    load(ctx, &expected, name, suffix);
    torc_status status = torc_import_onnx(ctx, &g, path, output);
    cr_assert_eq(status, TORC_OK, "%s: %s", name, torc_ctx_message(ctx));
    status = test_run_float(ctx, &y, g, &x);
    cr_assert_eq(status, TORC_OK, "%s: %s", name, torc_ctx_message(ctx));
    double error = test_difference(&y, &expected);
    torc_tensor_free(&x);
    torc_tensor_free(&expected);
    torc_tensor_free(&y);
    torc_graph_free(g);
    return error;
}

Test(onnx, scores_are_those_of_onnxruntime)
{
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        double error = error_of(ctx, models[i], NULL, ".y.npy");
        double limit =
            strncmp(models[i], "skl_diabetes", 12) == 0 ? 2e-3 : 1e-4; /* values near 200 */
        cr_expect(error < limit, "%s: off by %g", models[i], error);
    }
    torc_ctx_free(ctx);
}

Test(onnx, labels_are_selected_by_name)
{
    static const char *const rows[][2] = {{"skl_iris", "output_label"},
                                          {"skl_wine_scaled", "output_label"},
                                          {"skl_cancer_scaled", "label"},
                                          {"skl_cancer_logistic", "output_label"},
                                          {"skl_iris_integer", "label"}};
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double error = error_of(ctx, rows[i][0], rows[i][1], ".label.npy");
        cr_expect(error == 0, "%s: labels differ by %g", rows[i][0], error);
    }
    torc_ctx_free(ctx);
}

Test(onnx, digits_model_gives_its_expected_outputs)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *g = NULL;
    torc_tensor x;
    torc_tensor expected;
    torc_tensor y = {0};
    const char *folder = TORC_SOURCE_DIR "/models/digits_mlp/";
    char path[512];
    snprintf(path, sizeof path, "%stest_inputs.npy", folder);
    cr_assert_eq(torc_npy_load(ctx, &x, path), TORC_OK);
    snprintf(path, sizeof path, "%sexpected.npy", folder);
    cr_assert_eq(torc_npy_load(ctx, &expected, path), TORC_OK);
    snprintf(path, sizeof path, "%sdigits_mlp.onnx", folder);
    cr_assert_eq(torc_import_onnx(ctx, &g, path, NULL), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(test_run_float(ctx, &y, g, &x), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_expect(test_difference(&y, &expected) < 1e-4);
    torc_tensor_free(&x);
    torc_tensor_free(&expected);
    torc_tensor_free(&y);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}

/* Client steps that a model's end turns into, in order. */
Test(onnx, tails_become_client_steps)
{
    static const struct {
        const char *name, *output;
        torc_post_kind kinds[6];
        uint32_t count;
    } rows[] = {
        {"ts12_softmax", NULL, {TORC_POST_SOFTMAX}, 1},
        {"ts17_norm_leaky", NULL, {TORC_POST_LOG_SOFTMAX}, 1},
        {"dyn18_fixed_sigmoid", NULL, {TORC_POST_UNARY}, 1},
        {"skl_cancer_scaled", NULL, {TORC_POST_UNARY, TORC_POST_COMPLEMENT}, 2},
        {"skl_iris", NULL, {TORC_POST_SOFTMAX}, 1},
        {"skl_iris",
         "output_label",
         {TORC_POST_SOFTMAX, TORC_POST_ARGMAX, TORC_POST_RESHAPE, TORC_POST_LABELS,
          TORC_POST_RESHAPE},
         5},
        {"ts9_relu", NULL, {0}, 0},
    };
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        torc_graph *g = NULL;
        snprintf(path, sizeof path, DATA "%s.onnx", rows[i].name);
        cr_assert_eq(torc_import_onnx(ctx, &g, path, rows[i].output), TORC_OK, "%s",
                     torc_ctx_message(ctx));
        cr_assert_eq(g->post_count, rows[i].count, "%s has %u steps", rows[i].name, g->post_count);
        for (uint32_t k = 0; k < g->post_count; k++) {
            cr_expect_eq(g->posts[k].kind, rows[i].kinds[k], "%s: step %u", rows[i].name, k);
        }
        torc_graph_free(g);
    }
    torc_ctx_free(ctx);
}
