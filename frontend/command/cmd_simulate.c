/* torc simulate: the circuit on clear values, exactly or with the noise of the encrypted one. */
#include "frontend/command/command.h"
#include "frontend/command/files.h"
#include "frontend/command/output.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void show(const options *o, const torc_circuit *circuit, const torc_run_stats *stats,
                 uint64_t saturated)
{
    if (o->json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "seconds", stats->seconds);
        cJSON_AddNumberToObject(object, "lookups", (double)stats->lookups);
        cJSON_AddNumberToObject(object, "samples", (double)stats->samples);
        cJSON_AddNumberToObject(object, "overflows", (double)stats->overflows);
        cJSON_AddNumberToObject(object, "saturated", (double)saturated);
        cJSON_AddBoolToObject(object, "noise", o->noise);
        cJSON_AddBoolToObject(object, "virtual", circuit->spec.is_virtual);
        print_json(object);
        return;
    }
    char seconds[32];
    printf("simulated %zu samples%s in %s, %.0f a second\n", stats->samples,
           o->noise ? " with noise" : "", format_seconds(seconds, stats->seconds),
           (double)stats->samples / stats->seconds);
    if (saturated != 0) {
        printf("%" PRIu64 " input values outside the calibrated range were clipped\n", saturated);
    }
    if (stats->overflows != 0) {
        printf("%" PRIu64 " values left their range and wrapped\n", stats->overflows);
    }
}

static torc_status simulate(torc_ctx *ctx, const options *o, const torc_circuit *circuit,
                            stage *files)
{
    const torc_spec *spec = &circuit->spec;
    const char **paths = NULL;
    torc_tensor *inputs = NULL;
    torc_tensor *outputs = NULL;
    torc_run_stats stats = {0};
    uint64_t saturated = 0;
    torc_status s = outputs_stage(ctx, files, &paths, &o->outputs, spec);
    if (s == TORC_OK) {
        s = inputs_load(ctx, &inputs, &o->inputs, spec, o->samples);
    }
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, outputs, spec->output_count);
    }
    if (s == TORC_OK) {
        s = torc_simulate_circuit(ctx, outputs, &stats, &saturated, circuit, inputs, o->noise,
                                  o->seed);
    }
    if (s == TORC_OK) {
        s = outputs_save(ctx, paths, outputs, spec);
    }
    if (s == TORC_OK) {
        s = stage_commit(ctx, files);
    }
    if (s == TORC_OK) {
        show(o, circuit, &stats, saturated);
    }
    free(paths);
    arrays_free(inputs, spec->input_count);
    arrays_free(outputs, spec->output_count);
    return s;
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    torc_circuit *circuit = NULL;
    stage files = {0};
    TORC_TRY(torc_circuit_load(ctx, &circuit, o->subject));
    warn_if_virtual(&circuit->spec, o->subject);
    const torc_status s = simulate(ctx, o, circuit, &files);
    stage_abort(&files);
    torc_circuit_free(circuit);
    return s;
}

static const struct argp_option rows[] = {
    OPTION_INPUT("Input samples, the first axis counts them; repeat for several inputs"),
    OPTION_SAMPLES,
    OPTION_OUTPUT("[NAME=]Y.npy"),
    {"noise", KEY_NOISE, NULL, 0, "Draw the noise of the real circuit", 2},
    {"seed", KEY_SEED, "S", 0, "Seed of that noise (default: 0)", 2},
    OPTION_JSON,
    {0},
};

const command command_simulate = {
    .name = "simulate",
    .summary = "run a circuit on clear values, exactly or with its noise",
    .arguments = "M.torc",
    .doc =
        "Runs the circuit in the clear: with the results of the encrypted circuit under the exact "
        "contract, and with --noise with its error statistics. Needs no key and protects nothing.",
    .example = "Example:\n"
               "  torc simulate m.torc --input x.npy --output y.npy\n"
               "  torc simulate m.torc --input x.npy --output y.npy --noise --seed 7",
    .options = rows,
    .run = run,
};
