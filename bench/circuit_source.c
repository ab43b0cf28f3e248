/* Circuits by name: nn20, nn20_dense, nn20_small (models/nn20), digits_mlp (models/digits_mlp, from
 * the repository's root); else a file of torc compile with --input. */
#include "bench/circuit_source.h"

#include "frontend/torc_compile.h"
#include "models/nn20/nn20.h"
#include "runtime/status.h"

#include <string.h>

#define DIGITS   "models/digits_mlp/"
#define SEED     2 /* of images; that of the inputset is another */
#define NETWORKS 3

static torc_status make_nn20(torc_ctx *ctx, bench_model *m, const nn20_shape *shape,
                             torc_engine engine, size_t samples)
{
    const torc_options options = {.target = engine};
    TORC_TRY(nn20_compile(ctx, &m->circuit, shape, &options));
    return nn20_images(ctx, &m->inputs, shape, samples, SEED);
}

static torc_status make_digits(torc_ctx *ctx, bench_model *m, torc_engine engine)
{
    const torc_options options = {.name = "digits_mlp", .target = engine};
    torc_graph *graph = NULL;
    torc_tensor inputset = {0};
    TORC_TRY(torc_npy_load(ctx, &m->inputs, DIGITS "test_inputs.npy"));
    TORC_TRY(torc_npy_load(ctx, &inputset, DIGITS "inputset.npy"));
    torc_status s = torc_import_onnx(ctx, &graph, DIGITS "digits_mlp.onnx", NULL);
    if (s == TORC_OK) {
        s = torc_compile(ctx, &m->circuit, graph, &inputset, &options);
    }
    torc_graph_free(graph);
    torc_tensor_free(&inputset);
    return s;
}

static torc_status load_file(torc_ctx *ctx, bench_model *m, const bench_options *o)
{
    if (o->input == NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "circuit: '%s' is taken for a file, give samples with --input X.npy",
                         o->circuit);
    }
    TORC_TRY(torc_circuit_load(ctx, &m->circuit, o->circuit));
    return torc_npy_load(ctx, &m->inputs, o->input);
}

static torc_status make(torc_ctx *ctx, bench_model *m, const bench_options *o, torc_engine engine,
                        size_t samples)
{
    const nn20_shape *const networks[NETWORKS] = {&nn20_ternary, &nn20_dense, &nn20_small};
    for (size_t i = 0; i < NETWORKS; i++) {
        if (strcmp(o->circuit, networks[i]->name) == 0) {
            return make_nn20(ctx, m, networks[i], engine, samples);
        }
    }
    return strcmp(o->circuit, "digits_mlp") == 0 ? make_digits(ctx, m, engine)
                                                 : load_file(ctx, m, o);
}

static torc_status count_samples(torc_ctx *ctx, bench_model *m, size_t samples)
{
    const torc_spec *spec = &m->circuit->spec;
    if (spec->input_count != 1) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED, "%s: has %u inputs, the bench takes 1",
                         spec->circuit_name, spec->input_count);
    }
    TORC_TRY(torc_port_samples(ctx, &m->samples, &spec->inputs[0], &m->inputs));
    if (m->samples < samples) {
        return torc_fail(ctx, TORC_E_INPUT, "%s: %zu samples, --batch asks for %zu",
                         spec->circuit_name, m->samples, samples);
    }
    return TORC_OK;
}

torc_status bench_model_make(torc_ctx *ctx, bench_model *out, const bench_options *o,
                             torc_engine engine, size_t samples)
{
    *out = (bench_model){0};
    torc_status s =
        o->circuit == NULL
            ? torc_fail(ctx, TORC_E_ARGUMENT,
                        "circuit: expected --circuit with nn20, nn20_dense, nn20_small, "
                        "digits_mlp or a file")
            : make(ctx, out, o, engine, samples);
    if (s == TORC_OK) {
        s = count_samples(ctx, out, samples);
    }
    if (s != TORC_OK) {
        bench_model_free(out);
    }
    return s;
}

void bench_model_free(bench_model *model)
{
    torc_tensor_free(&model->inputs);
    torc_circuit_free(model->circuit);
    *model = (bench_model){0};
}
