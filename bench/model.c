/* torc_bench model: a circuit simulated (exactly and with noise) and encrypted, one sample and a
 * batch; torc_verify says whether the encrypted run was right. */
#include "bench/bench.h"
#include "frontend/verify.h"
#include "runtime/status.h"
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"

#include <stdlib.h>

typedef struct model_bench {
    const bench_options *o;
    torc_circuit *circuit;
    torc_tensor *inputs; /* [1], at least `batch` samples */
    size_t samples;      /* that the file holds */
    torc_secret_key *secret;
    torc_evaluation_keys *evaluation;
    double keygen_seconds;
    double simulated_per_second;
    double noisy_per_second;
    bench_times one;   /* seconds of one sample alone */
    bench_times batch; /* seconds a sample, in a batch */
    torc_verify_report verified;
    torc_prediction prediction;
} model_bench;

static torc_tensor first_samples(const model_bench *b, size_t count)
{
    torc_tensor view = b->inputs[0];
    if (view.rank == b->circuit->spec.inputs[0].rank + 1) {
        view.shape[0] = count;
    }
    return view;
}

static torc_status simulate(torc_ctx *ctx, const model_bench *b, bool noisy, double *per_second)
{
    torc_tensor *outputs = NULL;
    torc_run_stats stats = {0};
    TORC_TRY(TORC_ALLOC(ctx, outputs, b->circuit->spec.output_count));
    const torc_status s =
        torc_simulate_circuit(ctx, outputs, &stats, NULL, b->circuit, b->inputs, noisy, 1);
    if (s == TORC_OK) {
        *per_second = (double)stats.samples / stats.seconds;
    }
    for (uint32_t o = 0; o < b->circuit->spec.output_count; o++) {
        torc_tensor_free(&outputs[o]);
    }
    free(outputs);
    return s;
}

static torc_status run_repeated(torc_ctx *ctx, const model_bench *b, bench_times *out,
                                size_t samples)
{
    torc_server *server = NULL;
    torc_ciphertexts *in = NULL;
    double *seconds = NULL;
    const torc_tensor view = first_samples(b, samples);
    TORC_TRY(TORC_ALLOC(ctx, seconds, b->o->repeats));
    torc_status s = torc_encrypt(ctx, &in, NULL, &b->circuit->spec, b->secret, &view, 0);
    if (s == TORC_OK) {
        s = torc_server_open(ctx, &server, b->circuit, b->evaluation, b->o->device, samples,
                             bench_threads(b->o));
    }
    for (uint32_t r = 0; s == TORC_OK && r < b->o->repeats; r++) {
        torc_ciphertexts *result = NULL;
        torc_run_stats stats = {0};
        s = torc_server_run(ctx, server, &result, &stats, in);
        seconds[r] = stats.seconds / (double)samples;
        torc_ciphertexts_free(result);
    }
    if (s == TORC_OK) {
        *out = bench_summarise(seconds, b->o->repeats);
    }
    torc_server_close(server);
    torc_ciphertexts_free(in);
    free(seconds);
    return s;
}

static torc_status load(torc_ctx *ctx, model_bench *b)
{
    if (b->o->model == NULL || b->o->input == NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "model: expected M.torc --input X.npy");
    }
    TORC_TRY(torc_circuit_load(ctx, &b->circuit, b->o->model));
    if (b->circuit->spec.input_count != 1) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED, "%s: has %u inputs, the bench takes 1",
                         b->o->model, b->circuit->spec.input_count);
    }
    TORC_TRY(TORC_ALLOC(ctx, b->inputs, 1));
    TORC_TRY(torc_npy_load(ctx, &b->inputs[0], b->o->input));
    TORC_TRY(torc_port_samples(ctx, &b->samples, &b->circuit->spec.inputs[0], &b->inputs[0]));
    if (b->samples < b->o->batch) {
        return torc_fail(ctx, TORC_E_INPUT, "%s: holds %zu samples, --batch asks for %u",
                         b->o->input, b->samples, b->o->batch);
    }
    return TORC_OK;
}

static torc_status measure(torc_ctx *ctx, model_bench *b)
{
    torc_machine machine;
    const torc_verify_options how = {.threads = b->o->threads};
    TORC_TRY(load(ctx, b));
    TORC_TRY(simulate(ctx, b, false, &b->simulated_per_second));
    TORC_TRY(simulate(ctx, b, true, &b->noisy_per_second));
    const double begin = bench_now();
    TORC_TRY(torc_keygen(ctx, &b->secret, &b->evaluation, &b->circuit->spec, 0));
    b->keygen_seconds = bench_now() - begin;
    TORC_TRY(torc_machine_calibrate(ctx, &machine, bench_threads(b->o)));
    torc_predict(&b->prediction, &machine, &b->circuit->program, &b->circuit->spec.params,
                 b->o->batch);
    TORC_TRY(run_repeated(ctx, b, &b->one, 1));
    TORC_TRY(run_repeated(ctx, b, &b->batch, b->o->batch));
    const torc_tensor few = first_samples(b, b->o->batch < 4 ? b->o->batch : 4);
    return torc_verify(ctx, &b->verified, b->circuit, &few, &how);
}

static void print_line(const model_bench *b)
{
    const torc_params *params = &b->circuit->spec.params;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "bench", "model");
    cJSON_AddStringToObject(line, "circuit", b->circuit->spec.circuit_name);
    cJSON_AddStringToObject(line, "contract",
                            b->circuit->spec.contract == TORC_EXACT ? "exact" : "rounded");
    cJSON_AddNumberToObject(line, "lookups",
                            (double)torc_program_lookup_count(&b->circuit->program));
    cJSON_AddNumberToObject(line, "seconds_one", b->one.median);
    cJSON_AddNumberToObject(line, "seconds_one_spread", b->one.spread);
    cJSON_AddNumberToObject(line, "batch", b->o->batch);
    cJSON_AddNumberToObject(line, "seconds_per_sample", b->batch.median);
    cJSON_AddNumberToObject(line, "seconds_per_sample_spread", b->batch.spread);
    cJSON_AddNumberToObject(line, "predicted_seconds_one", b->prediction.seconds);
    cJSON_AddNumberToObject(line, "predicted_seconds_per_sample", b->prediction.seconds_batched);
    cJSON_AddNumberToObject(line, "simulated_per_second", b->simulated_per_second);
    cJSON_AddNumberToObject(line, "simulated_noisy_per_second", b->noisy_per_second);
    cJSON_AddNumberToObject(line, "simulated_samples", (double)b->samples);
    cJSON_AddBoolToObject(line, "right", b->verified.mismatches == 0);
    cJSON_AddNumberToObject(line, "verified_samples", (double)b->verified.samples);
    cJSON_AddNumberToObject(line, "labels_differ", (double)b->verified.labels_differ);
    cJSON_AddNumberToObject(line, "key_bytes", (double)torc_params_key_bytes_resident(params));
    cJSON_AddNumberToObject(line, "keygen_seconds", b->keygen_seconds);
    cJSON_AddNumberToObject(line, "repeats", b->o->repeats);
    bench_describe(line, b->circuit, bench_threads(b->o), b->o->device);
    bench_print(line);
}

torc_status bench_model(torc_ctx *ctx, const bench_options *o)
{
    bench_options filled = *o;
    filled.batch = o->batch == 0 ? 16 : o->batch;
    model_bench b = {.o = &filled};
    torc_status s = measure(ctx, &b);
    if (s == TORC_OK) {
        print_line(&b);
        if (b.verified.mismatches != 0) {
            s = torc_fail(ctx, TORC_E_MISMATCH_RESULT, "%s", b.verified.first);
        }
    }
    if (b.inputs != NULL) {
        torc_tensor_free(&b.inputs[0]);
    }
    free(b.inputs);
    torc_circuit_free(b.circuit);
    torc_secret_key_free(b.secret);
    torc_evk_free(b.evaluation);
    return s;
}
