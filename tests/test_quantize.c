/* Quantised models against the float models that they come from, in the clear. */
#include "frontend/eval.h"
#include "tests/common/float_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DATA   TORC_SOURCE_DIR "/tests/data/onnx/"
#define DIGITS TORC_SOURCE_DIR "/models/digits_mlp/"

static torc_tensor load(torc_ctx *ctx, const char *path)
{
    torc_tensor t;
    cr_assert_eq(torc_npy_load(ctx, &t, path), TORC_OK, "%s", torc_ctx_message(ctx));
    return t;
}

static torc_graph *import(torc_ctx *ctx, const char *path)
{
    torc_graph *g = NULL;
    cr_assert_eq(torc_import_onnx(ctx, &g, path, NULL), TORC_OK, "%s", torc_ctx_message(ctx));
    return g;
}

static double accuracy(const torc_tensor *scores, const torc_tensor *labels)
{
    size_t rows = scores->shape[0];
    size_t count = scores->shape[1];
    size_t right = 0;
    for (size_t r = 0; r < rows; r++) {
        size_t best = 0;
        for (size_t i = 1; i < count; i++) {
            best = scores->f64[r * count + i] > scores->f64[r * count + best] ? i : best;
        }
        right += (int64_t)best == labels->i64[r];
    }
    return (double)right / (double)rows;
}

/* Every integer of the graph on the inputset stays in its declared range; lookups get the window
 * that they expect. */
static torc_status check_ranges(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                                const torc_tensor *values)
{
    const torc_graph *g = user;
    (void)ctx;
    cr_assert_eq(status, TORC_OK);
    for (uint32_t i = 0; i < g->node_count; i++) {
        const torc_node *node = &g->nodes[i];
        for (size_t k = 0; node->declared && k < torc_tensor_count(&values[i]); k++) {
            cr_assert(values[i].i64[k] >= node->declared_min &&
                          values[i].i64[k] <= node->declared_max,
                      "%s: element %zu of sample %zu is %lld, declared %lld to %lld", node->where,
                      k, sample, (long long)values[i].i64[k], (long long)node->declared_min,
                      (long long)node->declared_max);
        }
    }
    return TORC_OK;
}

static void check_lookups(const torc_compilation *c)
{
    bool any_rounded = false;
    int64_t limit = c->options.lookup_bits > 5 ? 8 << (c->options.lookup_bits) : 256;
    for (uint32_t i = 0; i < c->graph->node_count; i++) {
        const torc_node *node = &c->graph->nodes[i];
        if (node->op != TORC_OP_LOOKUP) {
            continue;
        }
        const torc_node *in = &c->graph->nodes[node->inputs[0]];
        cr_expect_leq(node->lookup.index_bits, c->options.lookup_bits);
        cr_expect_leq(node->lookup.index_bits, node->lookup.window_bits);
        cr_expect(in->declared && in->declared_min == node->lookup.window_min &&
                  in->declared_max == ((int64_t)1 << node->lookup.window_bits) - 1);
        any_rounded = any_rounded || node->lookup.window_bits > node->lookup.index_bits;
        for (size_t k = 0; k < (size_t)node->lookup.table_count << node->lookup.index_bits; k++) {
            cr_assert(node->lookup.entry[k] >= -limit / 2 && node->lookup.entry[k] < limit);
        }
    }
    cr_expect_eq(c->contract, any_rounded ? TORC_ROUNDED : TORC_EXACT);
    cr_expect(!(c->options.exact && any_rounded));
}

/* Weights of the matrices keep to the bits that were asked for. */
static void check_weights(const torc_compilation *c)
{
    int64_t limit = ((int64_t)1 << (c->options.weight_bits - 1)) - 1;
    for (uint32_t i = 0; i < c->graph->node_count; i++) {
        const torc_node *node = &c->graph->nodes[i];
        for (size_t k = 0; node->op == TORC_OP_CONSTANT && node->constant.rank == 2 &&
                           k < torc_tensor_count(&node->constant);
             k++) {
            int64_t w = node->constant.i64[k];
            cr_assert(w >= -limit && w <= limit, "weight %lld", (long long)w);
        }
    }
}

static void check_structure(torc_ctx *ctx, torc_compilation *c)
{
    check_lookups(c);
    check_weights(c);
    cr_assert_eq(torc_graph_eval_each(ctx, c->graph, c->integers, check_ranges, c->graph), TORC_OK);
}

/* --- digits -------------------------------------------------------------------------------------
 */

typedef struct digits {
    torc_graph *g;
    torc_tensor inputset, x, labels, expected;
} digits;

static digits digits_load(torc_ctx *ctx)
{
    return (digits){import(ctx, DIGITS "digits_mlp.onnx"), load(ctx, DIGITS "inputset.npy"),
                    load(ctx, DIGITS "test_inputs.npy"), load(ctx, DIGITS "test_labels.npy"),
                    load(ctx, DIGITS "expected.npy")};
}

static void digits_free(digits *d)
{
    torc_graph_free(d->g);
    torc_tensor_free(&d->inputset);
    torc_tensor_free(&d->x);
    torc_tensor_free(&d->labels);
    torc_tensor_free(&d->expected);
}

static double digits_accuracy(torc_ctx *ctx, const digits *d, const torc_options *options)
{
    torc_compilation c;
    torc_tensor y;
    cr_assert_eq(test_quantize(ctx, &c, d->g, &d->inputset, options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    check_structure(ctx, &c);
    cr_assert_eq(test_run_quantized(ctx, &y, &c, &d->x), TORC_OK, "%s", torc_ctx_message(ctx));
    double result = accuracy(&y, &d->labels);
    torc_tensor_free(&y);
    test_compilation_free(&c);
    return result;
}

Test(quantize, digits_keep_their_accuracy)
{
    static const struct {
        torc_options options;
        double least; /* float: 97.64 */
    } rows[] = {
        {{0}, 0.9664},
        {{.lookup_bits = 4}, 0.96},
        {{.lookup_bits = 3}, 0.95},
        {{.lookup_bits = 6, .input_bits = 5}, 0.9664},
        {{.lookup_bits = 12, .input_bits = 8, .weight_bits = 10, .is_virtual = true}, 0.974},
        {{.weight_bits = 3}, 0.95},
        {{.exact = true}, 0.96},
        {{.exact = true, .lookup_bits = 6}, 0.92},
    };
    torc_ctx *ctx = torc_ctx_create();
    digits d = digits_load(ctx);
    double as_float = accuracy(&d.expected, &d.labels);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double a = digits_accuracy(ctx, &d, &rows[i].options);
        cr_expect(a >= rows[i].least, "row %zu: %.4f, float %.4f", i, a, as_float);
    }
    digits_free(&d);
    torc_ctx_free(ctx);
}

Test(quantize, agreement_is_that_of_the_integer_graph)
{
    torc_ctx *ctx = torc_ctx_create();
    digits d = digits_load(ctx);
    torc_compilation c;
    torc_options options = {0};
    torc_tensor y;
    torc_tensor f;
    cr_assert_eq(test_quantize(ctx, &c, d.g, &d.inputset, &options), TORC_OK);
    cr_assert_eq(test_run_quantized(ctx, &y, &c, &d.inputset), TORC_OK);
    cr_assert_eq(test_run_float(ctx, &f, d.g, &d.inputset), TORC_OK);
    cr_expect(c.has_agreement);
    cr_expect_float_eq(c.labels_equal, test_same_labels(&y, &f), 1e-12);
    cr_expect_float_eq(c.signal_to_noise_db, test_signal_to_noise_db(&y, &f), 0.01);
    cr_expect(c.signal_to_noise_db > 25);
    double low = f.f64[0];
    double high = f.f64[0];
    for (size_t i = 0; i < torc_tensor_count(&f); i++) {
        low = fmin(low, f.f64[i]);
        high = fmax(high, f.f64[i]);
    }
    cr_expect_float_eq(c.output_range[0], high - low, 1e-6);
    torc_tensor_free(&y);
    torc_tensor_free(&f);
    test_compilation_free(&c);
    digits_free(&d);
    torc_ctx_free(ctx);
}

/* 4-bit weights rounded one by one give 21.4 dB here. */
Test(quantize, weights_are_rounded_for_their_sum)
{
    torc_ctx *ctx = torc_ctx_create();
    digits d = digits_load(ctx);
    torc_compilation c;
    torc_options options = {.weight_bits = 4};
    cr_assert_eq(test_quantize(ctx, &c, d.g, &d.inputset, &options), TORC_OK);
    cr_expect(c.signal_to_noise_db > 23.5, "%.1f dB", c.signal_to_noise_db);
    test_compilation_free(&c);
    digits_free(&d);
    torc_ctx_free(ctx);
}

Test(quantize, more_bits_come_close_to_the_float_model)
{
    torc_ctx *ctx = torc_ctx_create();
    digits d = digits_load(ctx);
    double last = 0;
    for (uint32_t bits = 4; bits <= 12; bits += 4) {
        torc_compilation c;
        torc_options options = {.lookup_bits = bits + 2,
                                .input_bits = bits,
                                .weight_bits = bits + 3,
                                .is_virtual = true};
        cr_assert_eq(test_quantize(ctx, &c, d.g, &d.inputset, &options), TORC_OK);
        cr_expect(c.signal_to_noise_db > last + 6, "%u bits: %.1f dB after %.1f", bits,
                  c.signal_to_noise_db, last);
        last = c.signal_to_noise_db;
        test_compilation_free(&c);
    }
    digits_free(&d);
    torc_ctx_free(ctx);
}

/* --- other models --------------------------------------------------------------------------------
 */

typedef struct model {
    const char *name;
    double rounded_db, exact_db; /* least signal to noise of the scores on the inputset */
} model;

/* 4-bit inputs alone limit uniformly distributed features to about 24 dB. */
static const model models[] = {
    {"ts9_relu", 19, 18},
    {"ts9_clip", 19, 18},
    {"ts11_tanh_fixed", 19, 18},
    {"ts11_elu", 19, 18},
    {"ts12_softmax", 16, 15},
    {"ts13_sigmoid", 18, 17},
    {"ts13_hardtanh", 19, 18},
    {"ts14_view", 19, 18},
    {"ts15_softplus", 19, 18},
    {"ts17_norm_leaky", 17, 14},
    {"dyn18_relu", 17, 14},
    {"dyn18_fixed_sigmoid", 16, 15},
    {"dyn20_gelu", 19, 18},
    {"dyn21_tokens", 19, 18},
    {"dyn23_prelu", 19, 18},
    {"dyn_residual", 18, 13},
    {"dyn_scaled", 19, 18},
    {"dyn_norm", 19, 18},
    {"dyn_linear", 19, 19},
    {"dyn_wide", 18, 13},
    {"dyn_silu", 19, 18},
    {"skl_iris", 19, 19},
    {"skl_wine_scaled", 19, 19},
    {"skl_cancer_scaled", 19, 19},
    {"skl_cancer_logistic", 19, 19},
    {"skl_diabetes_scaled", 19, 18},
    {"skl_diabetes_tanh", 13, 10},
    {"skl_identity_double", 19, 19},
    {"skl_iris_integer", 19, 19},
};

static double quantised_db(torc_ctx *ctx, const char *name, bool exact)
{
    char path[512];
    torc_compilation c;
    torc_options options = {.exact = exact};
    torc_tensor y;
    torc_tensor f;
    snprintf(path, sizeof path, DATA "%s.onnx", name);
    torc_graph *g = import(ctx, path);
    snprintf(path, sizeof path, DATA "%s.x.npy", name);
    torc_tensor x = load(ctx, path);
    cr_assert_eq(test_quantize(ctx, &c, g, &x, &options), TORC_OK, "%s: %s", name,
                 torc_ctx_message(ctx));
    check_structure(ctx, &c);
    cr_assert_eq(test_run_quantized(ctx, &y, &c, &x), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(test_run_float(ctx, &f, g, &x), TORC_OK, "%s", torc_ctx_message(ctx));
    double db = test_signal_to_noise_db(&y, &f);
    torc_tensor_free(&x);
    torc_tensor_free(&y);
    torc_tensor_free(&f);
    torc_graph_free(g);
    test_compilation_free(&c);
    return db;
}

Test(quantize, perceptrons_of_every_kind_follow_their_float_model)
{
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        double rounded = quantised_db(ctx, models[i].name, false);
        double exact = quantised_db(ctx, models[i].name, true);
        cr_expect(rounded >= models[i].rounded_db, "%s: %.1f dB", models[i].name, rounded);
        cr_expect(exact >= models[i].exact_db, "%s, exact: %.1f dB", models[i].name, exact);
    }
    torc_ctx_free(ctx);
}

Test(quantize, a_constant_network_stays_constant)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *g = import(ctx, DATA "skl_constant.onnx");
    torc_tensor x = load(ctx, DATA "skl_constant.x.npy");
    torc_compilation c;
    torc_options options = {0};
    torc_tensor y;
    torc_tensor f;
    cr_assert_eq(test_quantize(ctx, &c, g, &x, &options), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(test_run_quantized(ctx, &y, &c, &x), TORC_OK);
    cr_assert_eq(test_run_float(ctx, &f, g, &x), TORC_OK);
    cr_expect(test_difference(&y, &f) < 0.1, "off by %g of %g", test_difference(&y, &f), f.f64[0]);
    cr_expect(isfinite(c.signal_to_noise_db));
    cr_expect(c.output_range[0] >= 1, "range %g", c.output_range[0]); /* a share of about 150 */
    torc_tensor_free(&x);
    torc_tensor_free(&y);
    torc_tensor_free(&f);
    torc_graph_free(g);
    test_compilation_free(&c);
    torc_ctx_free(ctx);
}
