/* torc verify: is the encrypted circuit the simulated one? */
#include "frontend/command/command.h"
#include "frontend/command/files.h"
#include "frontend/command/output.h"
#include "frontend/verify.h"
#include "runtime/spec_names.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <stdio.h>

static void show_json(const torc_verify_report *r, const torc_spec *spec)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "contract", torc_contract_names[spec->contract]);
    cJSON_AddNumberToObject(object, "mismatches", (double)r->mismatches);
    cJSON_AddNumberToObject(object, "labels_differ", (double)r->labels_differ);
    cJSON_AddNumberToObject(object, "checks", (double)r->checks);
    cJSON_AddNumberToObject(object, "seconds", r->seconds);
    cJSON_AddNumberToObject(object, "lookups", (double)r->lookups);
    cJSON_AddNumberToObject(object, "samples", (double)r->samples);
    if (spec->contract == TORC_ROUNDED) {
        cJSON_AddNumberToObject(object, "z", r->z);
        cJSON_AddNumberToObject(object, "worst_sigmas", r->worst_sigmas);
    }
    print_json(object);
}

static void show_text(const torc_verify_report *r, const torc_spec *spec)
{
    char seconds[32];
    printf("verified %zu sample%s, %" PRIu64 " lookups in %s: %" PRIu64 " of %" PRIu64
           " checks failed, %" PRIu64 " label%s differ%s from the simulator\n",
           r->samples, r->samples == 1 ? "" : "s", r->lookups, format_seconds(seconds, r->seconds),
           r->mismatches, r->checks, r->labels_differ, r->labels_differ == 1 ? "" : "s",
           r->labels_differ == 1 ? "s" : "");
    if (spec->contract == TORC_ROUNDED) {
        printf("rounded contract: deviations up to %.1f predicted sigma, %.1f allowed\n",
               r->worst_sigmas, r->z);
    }
}

static torc_status verify(torc_ctx *ctx, const options *o, const torc_circuit *circuit)
{
    torc_tensor *inputs = NULL;
    torc_verify_report r;
    const torc_verify_options how = {
        .device = o->device, .threads = o->threads, .allow_log2_p_error = o->allow_log2_p_error};
    TORC_TRY(inputs_load(ctx, &inputs, &o->inputs, &circuit->spec, o->samples));
    torc_status s = torc_verify(ctx, &r, circuit, inputs, &how);
    arrays_free(inputs, circuit->spec.input_count);
    TORC_TRY(s);
    if (o->json) {
        show_json(&r, &circuit->spec);
    } else {
        show_text(&r, &circuit->spec);
    }
    if (r.mismatches != 0) {
        s = torc_fail(ctx, TORC_E_MISMATCH_RESULT, "%s: %s", o->subject, r.first);
    }
    return s;
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    torc_circuit *circuit = NULL;
    TORC_TRY(torc_circuit_load(ctx, &circuit, o->subject));
    warn_if_virtual(&circuit->spec, o->subject);
    const torc_status s = verify(ctx, o, circuit);
    torc_circuit_free(circuit);
    return s;
}

static const struct argp_option rows[] = {
    OPTION_INPUT("Samples, the first axis counts them; repeat for several inputs"),
    OPTION_SAMPLES,
    OPTION_ALLOW_P_ERROR,
    OPTION_DEVICE,
    OPTION_THREADS,
    OPTION_JSON,
    {0},
};

const command command_verify = {
    .name = "verify",
    .summary = "encrypt, run, decrypt, and compare with the simulator",
    .arguments = "M.torc",
    .doc = "Makes keys of its own, encrypts samples, runs them and holds the results against the "
           "simulator: bit for bit under the exact contract; under the rounded one level by level, "
           "each "
           "value within the noise that was predicted. Ends with status 14 on a mismatch.",
    .example = "Example:\n"
               "  torc verify m.torc --input x.npy --samples 4",
    .options = rows,
    .run = run,
};
