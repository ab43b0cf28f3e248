/* torc_bench circuit: whole circuits, encrypted, on a device; simulated on the way. Exact contract:
 * every decryption of every run equals the simulator's. Rounded: torc_verify on a few samples. */
#include "bench/circuit_source.h"
#include "frontend/verify.h"
#include "runtime/status.h"
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERIFIED_SAMPLES 2 /* of a rounded circuit */

typedef struct circuit_bench {
    const bench_options *o;
    bench_device *device;
    bench_model model;
    torc_tensor *simulated; /* [output_count], of all samples */
    torc_secret_key *secret;
    torc_evaluation_keys *evaluation;
    double keygen_seconds;
    double simulated_per_second, noisy_per_second;
    double seconds_per_sample; /* of the last batch that was measured; 0: none yet */
} circuit_bench;

typedef struct run_times {
    size_t samples;
    uint32_t runs;
    double predicted;
    bench_times seconds, lookup_share, linear_share;
    uint64_t compared;  /* output elements */
    uint64_t fallbacks; /* launches in another form than planned */
    bool right;
} run_times;

static bool is_exact(const circuit_bench *b)
{
    return b->model.circuit->spec.contract == TORC_EXACT;
}

/* --- simulated --- */

static void free_outputs(torc_tensor *outputs, uint32_t count)
{
    for (uint32_t i = 0; outputs != NULL && i < count; i++) {
        torc_tensor_free(&outputs[i]);
    }
    free(outputs);
}

static torc_status simulate(torc_ctx *ctx, torc_tensor **outputs, double *per_second,
                            const circuit_bench *b, bool noisy)
{
    torc_run_stats stats = {0};
    TORC_TRY(TORC_ALLOC(ctx, *outputs, b->model.circuit->spec.output_count));
    TORC_TRY(torc_simulate_circuit(ctx, *outputs, &stats, NULL, b->model.circuit, &b->model.inputs,
                                   noisy, 1));
    *per_second = (double)stats.samples / stats.seconds;
    return TORC_OK;
}

/* With noise for its speed alone. */
static torc_status simulate_both(torc_ctx *ctx, circuit_bench *b)
{
    torc_tensor *noisy = NULL;
    TORC_TRY(simulate(ctx, &b->simulated, &b->simulated_per_second, b, false));
    const torc_status s = simulate(ctx, &noisy, &b->noisy_per_second, b, true);
    free_outputs(noisy, b->model.circuit->spec.output_count);
    return s;
}

/* --- encrypted --- */

static torc_status compare(torc_ctx *ctx, run_times *t, const circuit_bench *b,
                           const torc_ciphertexts *result)
{
    const torc_spec *spec = &b->model.circuit->spec;
    torc_tensor *decrypted = NULL;
    TORC_TRY(TORC_ALLOC(ctx, decrypted, spec->output_count));
    const torc_status s = torc_decrypt(ctx, decrypted, spec, b->secret, result);
    for (uint32_t i = 0; s == TORC_OK && i < spec->output_count; i++) {
        const size_t count = torc_tensor_count(&decrypted[i]);
        t->compared += count;
        t->right = t->right && memcmp(decrypted[i].data, b->simulated[i].data,
                                      count * sizeof *decrypted[i].i64) == 0;
    }
    free_outputs(decrypted, spec->output_count);
    return s;
}

static torc_status run_once(torc_ctx *ctx, torc_run_stats *stats, run_times *t,
                            const circuit_bench *b, torc_server *server, const torc_ciphertexts *in)
{
    torc_ciphertexts *result = NULL;
    TORC_TRY(torc_server_run(ctx, server, &result, stats, in));
    bench_device_read_clock(b->device);
    const torc_status s = is_exact(b) ? compare(ctx, t, b, result) : TORC_OK;
    torc_ciphertexts_free(result);
    return s;
}

static double expected_seconds(const circuit_bench *b, const run_times *t)
{
    return b->seconds_per_sample != 0 ? b->seconds_per_sample * (double)t->samples
                                      : b->device->slowness * t->predicted;
}

static torc_status run_repeated(torc_ctx *ctx, run_times *t, const circuit_bench *b,
                                torc_server *server, const torc_ciphertexts *in)
{
    torc_run_stats stats = {0};
    double *seconds = NULL;
    TORC_TRY(TORC_ALLOC(ctx, seconds, 3 * (size_t)t->runs));
    double *lookup = seconds + t->runs;
    double *linear = lookup + t->runs;
    torc_status s = bench_needs_warming(expected_seconds(b, t))
                        ? run_once(ctx, &stats, t, b, server, in)
                        : TORC_OK;
    for (uint32_t r = 0; s == TORC_OK && r < t->runs; r++) {
        s = run_once(ctx, &stats, t, b, server, in);
        seconds[r] = stats.seconds;
        lookup[r] = stats.seconds_lookup / stats.seconds;
        linear[r] = stats.seconds_linear / stats.seconds;
    }
    if (s == TORC_OK) {
        t->seconds = bench_summarise(seconds, t->runs);
        t->lookup_share = bench_summarise(lookup, t->runs);
        t->linear_share = bench_summarise(linear, t->runs);
    }
    free(seconds);
    return s;
}

static torc_tensor first_samples(const circuit_bench *b, size_t count)
{
    torc_tensor view = b->model.inputs;
    if (view.rank == b->model.circuit->spec.inputs[0].rank + 1) {
        view.shape[0] = count;
    }
    return view;
}

/* Level by level, with keys of its own. */
static torc_status verify_rounded(torc_ctx *ctx, run_times *t, const circuit_bench *b)
{
    const size_t most = t->samples < VERIFIED_SAMPLES ? t->samples : VERIFIED_SAMPLES;
    const torc_tensor view = first_samples(b, most);
    const torc_verify_options how = {.device = b->device->name, .threads = b->o->threads};
    torc_verify_report report = {0};
    TORC_TRY(torc_verify(ctx, &report, b->model.circuit, &view, &how));
    t->compared = report.checks;
    t->right = report.mismatches == 0;
    return TORC_OK;
}

static torc_status measure_on(torc_ctx *ctx, run_times *t, const circuit_bench *b,
                              torc_server *server)
{
    char what[160];
    torc_prediction prediction = {0};
    torc_ciphertexts *in = NULL;
    const torc_tensor view = first_samples(b, t->samples);
    TORC_TRY(torc_server_predict(ctx, &prediction, server, t->samples));
    t->predicted =
        t->samples == 1 ? prediction.seconds : prediction.seconds_batched * (double)t->samples;
    snprintf(what, sizeof what, "%s on %s, %zu sample%s", b->model.circuit->spec.circuit_name,
             b->device->name, t->samples, t->samples == 1 ? "" : "s");
    t->runs = bench_plan(b->o, what, expected_seconds(b, t));
    if (t->runs == 0) {
        return TORC_OK;
    }
    TORC_TRY(torc_encrypt(ctx, &in, NULL, &b->model.circuit->spec, b->secret, &view, 0));
    torc_status s = run_repeated(ctx, t, b, server, in);
    torc_ciphertexts_free(in);
    return s == TORC_OK && !is_exact(b) ? verify_rounded(ctx, t, b) : s;
}

/* --- rows --- */

static void add_gpu(cJSON *line, const circuit_bench *b, const run_times *t)
{
    const double clock_hz = bench_device_bound_hz(b->device);
    const double bound = bench_device_bound(b->device, &b->model.circuit->spec.params, clock_hz);
    const double lookups = (double)torc_program_lookup_count(&b->model.circuit->program);
    if (bound != 0) {
        const double seconds = lookups * (double)t->samples / bound;
        bench_add(line, "bound_seconds", seconds);
        bench_add(line, "bound_mhz", 1e-6 * clock_hz);
        bench_add(line, "bound_share", seconds / t->seconds.median);
    }
    if (b->device->choice.is_gpu) {
        bench_add(line, "fallbacks", (double)t->fallbacks);
    }
}

static void print_row(const circuit_bench *b, const run_times *t)
{
    const torc_circuit *circuit = b->model.circuit;
    const double lookups = (double)torc_program_lookup_count(&circuit->program);
    const double samples = (double)t->samples;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "bench", "circuit");
    cJSON_AddStringToObject(line, "circuit", circuit->spec.circuit_name);
    cJSON_AddStringToObject(line, "contract", is_exact(b) ? "exact" : "rounded");
    bench_add(line, "lookups", lookups);
    bench_add(line, "levels", torc_program_level_count(&circuit->program));
    bench_add(line, "batch", samples);
    bench_add_times(line, "seconds", &t->seconds, 1);
    bench_add(line, "seconds_per_sample", t->seconds.median / samples);
    bench_add(line, "seconds_predicted", t->predicted);
    bench_add(line, "per_second", lookups * samples / t->seconds.median);
    bench_add_times(line, "lookup_share", &t->lookup_share, 1);
    bench_add(line, "linear_share", t->linear_share.median);
    add_gpu(line, b, t);
    bench_add(line, "repeats", t->runs);
    cJSON_AddBoolToObject(line, "right", t->right);
    bench_add(line, "compared", (double)t->compared);
    bench_add(line, "simulated_per_second", b->simulated_per_second);
    bench_add(line, "simulated_noisy_per_second", b->noisy_per_second);
    bench_add(line, "keygen_seconds", b->keygen_seconds);
    bench_describe_circuit(line, circuit);
    bench_describe(line, b->device, b->o);
    bench_print(line);
}

static torc_status measure_batch(torc_ctx *ctx, circuit_bench *b, size_t samples)
{
    torc_server *server = NULL;
    run_times t = {.samples = samples, .right = true};
    TORC_TRY(torc_server_open(ctx, &server, b->model.circuit, b->evaluation, b->o->device, samples,
                              bench_threads(b->o)));
    torc_status s = measure_on(ctx, &t, b, server);
    t.fallbacks = torc_server_fallbacks(server);
    torc_server_close(server);
    if (s == TORC_OK && t.runs > 0) {
        b->seconds_per_sample = t.seconds.median / (double)samples;
        print_row(b, &t);
        s = t.right ? TORC_OK
                    : torc_fail(ctx, TORC_E_MISMATCH_RESULT,
                                "%s: a decryption differs from the simulator",
                                b->model.circuit->spec.circuit_name);
    }
    return s;
}

/* --- all of it --- */

static torc_status measure_all(torc_ctx *ctx, circuit_bench *b, const bench_options *o)
{
    size_t most = 0;
    for (uint32_t i = 0; i < o->batch_count; i++) {
        most = o->batch[i] > most ? o->batch[i] : most;
    }
    TORC_TRY(bench_model_make(ctx, &b->model, o, b->device->engine, most));
    TORC_TRY(simulate_both(ctx, b));
    const double begin = torc_seconds_now();
    TORC_TRY(torc_keygen(ctx, &b->secret, &b->evaluation, &b->model.circuit->spec, 0));
    b->keygen_seconds = torc_seconds_now() - begin;
    for (uint32_t i = 0; i < o->batch_count; i++) {
        TORC_TRY(measure_batch(ctx, b, o->batch[i]));
    }
    return TORC_OK;
}

torc_status bench_circuit(torc_ctx *ctx, const bench_options *o)
{
    bench_options filled = *o;
    bench_device device;
    circuit_bench b = {.o = &filled, .device = &device};
    if (o->batch_count == 0) {
        filled.batch_count = 2;
        filled.batch[0] = 1;
        filled.batch[1] = 16;
    }
    torc_status s = bench_device_find(ctx, &device, o);
    if (s == TORC_OK) {
        s = measure_all(ctx, &b, &filled);
    }
    if (b.model.circuit != NULL) {
        free_outputs(b.simulated, b.model.circuit->spec.output_count);
    }
    bench_model_free(&b.model);
    torc_secret_key_free(b.secret);
    torc_evk_free(b.evaluation);
    bench_device_free(&device);
    return s;
}
