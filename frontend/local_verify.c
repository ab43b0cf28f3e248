/* torc_verify: keys, batches and the comparison of final outputs. The rounded contract is checked
 * level by level in local_verify_levels.c: comparing final outputs with a Gaussian does not work,
 * because a flipped bin makes their tails heavy. */
#include "frontend/local_verify.h"

#include "runtime/noise.h"
#include "runtime/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Odds that an honest run of the whole call is reported as a mismatch. */
#define FALSE_ALARM 1e-6

/* Memory for the ciphertexts of the samples that run at once. */
#define BATCH_BYTES ((uint64_t)1 << 31)

typedef struct verification {
    const torc_circuit *circuit;
    const torc_verify_options *options;
    torc_verify_report *report;
    torc_verify_keys keys;
    torc_tensor *inputs;    /* [input_count] views of the batch at hand */
    torc_tensor *encrypted; /* [output_count] */
    torc_tensor *simulated;
} verification;

/* --- batches
 * --------------------------------------------------------------------------------------- */

/* A view of samples begin .. begin + count - 1; a tensor without batch axis is its one sample. */
static torc_tensor view_samples(const torc_tensor *in, const torc_port *port, size_t begin,
                                size_t count)
{
    torc_tensor view = *in;
    if (in->rank == port->rank + 1) {
        const size_t stride = torc_shape_count(port->rank, port->shape);
        view.shape[0] = count;
        view.i64 += begin * stride; /* both element types have 8 bytes */
    }
    return view;
}

static torc_status count_samples(torc_ctx *ctx, size_t *out, const verification *v,
                                 const torc_tensor *inputs)
{
    const torc_spec *spec = &v->circuit->spec;
    *out = 1;
    for (uint32_t i = 0; i < spec->input_count; i++) {
        size_t samples = 0;
        TORC_TRY(torc_port_samples(ctx, &samples, &spec->inputs[i], &inputs[i]));
        if (i > 0 && samples != *out) {
            return torc_fail(ctx, TORC_E_INPUT,
                             "input '%s': found %zu samples, the others have %zu",
                             spec->inputs[i].name, samples, *out);
        }
        *out = samples;
    }
    return *out == 0 ? torc_fail(ctx, TORC_E_INPUT, "verify: the inputs hold no sample") : TORC_OK;
}

/* --- comparing outputs
 * ----------------------------------------------------------------------------- */

static size_t largest(const double *values, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = values[i] > values[best] ? i : best;
    }
    return best;
}

/* The label of a sample: the integers themselves, or the place of the largest of several floats. */
static void compare_labels(verification *v, size_t samples)
{
    const torc_tensor *a = &v->encrypted[0];
    const torc_tensor *b = &v->simulated[0];
    const size_t each = torc_tensor_count(a) / samples;
    for (size_t s = 0; s < samples; s++) {
        const size_t at = s * each;
        const bool differs = a->dtype == TORC_I64
                                 ? memcmp(a->i64 + at, b->i64 + at, each * sizeof *a->i64) != 0
                                 : largest(a->f64 + at, each) != largest(b->f64 + at, each);
        v->report->labels_differ += differs;
    }
}

/* Exact contract: any difference is a mismatch. Floats come from equal integers by equal steps. */
static void compare_outputs(verification *v, size_t samples, size_t begin)
{
    torc_verify_report *r = v->report;
    for (uint32_t o = 0; o < v->circuit->spec.output_count; o++) {
        const torc_tensor *a = &v->encrypted[o];
        const size_t count = torc_tensor_count(a);
        r->checks += count;
        for (size_t i = 0; i < count; i++) {
            if (a->i64[i] == v->simulated[o].i64[i]) {
                continue;
            }
            if (r->mismatches++ == 0) {
                (void)snprintf(
                    r->first, sizeof r->first,
                    "output '%s', sample %zu, element %zu: encrypted and simulated differ",
                    v->circuit->spec.outputs[o].name, begin + i / (count / samples),
                    i % (count / samples));
            }
        }
    }
}

/* --- running
 * --------------------------------------------------------------------------------------- */

static torc_status run_encrypted(torc_ctx *ctx, verification *v, size_t samples)
{
    torc_ciphertexts *in = NULL;
    torc_ciphertexts *out = NULL;
    torc_server *server = NULL;
    torc_run_stats stats = {0};
    const torc_spec *spec = &v->circuit->spec;
    torc_status s = torc_encrypt(ctx, &in, NULL, spec, v->keys.secret, v->inputs,
                                 v->options->allow_log2_p_error);
    if (s == TORC_OK) {
        s = torc_server_open(ctx, &server, v->circuit, v->keys.evaluation,
                             torc_verify_device(v->options), samples, v->options->threads);
    }
    if (s == TORC_OK) {
        s = torc_server_run(ctx, server, &out, &stats, in);
    }
    if (s == TORC_OK) {
        v->report->seconds += stats.seconds;
        v->report->lookups += stats.lookups;
        s = torc_decrypt(ctx, v->encrypted, spec, v->keys.secret, out);
    }
    torc_server_close(server);
    torc_ciphertexts_free(in);
    torc_ciphertexts_free(out);
    return s;
}

static void free_outputs(verification *v)
{
    for (uint32_t o = 0; o < v->circuit->spec.output_count; o++) {
        torc_tensor_free(&v->encrypted[o]);
        torc_tensor_free(&v->simulated[o]);
    }
}

static torc_status verify_batch(torc_ctx *ctx, verification *v, size_t begin, size_t samples)
{
    const bool exact = v->circuit->spec.contract == TORC_EXACT;
    torc_run_stats simulation = {0};
    torc_status s = exact ? run_encrypted(ctx, v, samples)
                          : torc_verify_levels(ctx, v->report, v->encrypted, v->circuit, &v->keys,
                                               v->inputs, samples, v->options);
    if (s == TORC_OK) {
        s = torc_simulate_circuit(ctx, v->simulated, &simulation, NULL, v->circuit, v->inputs,
                                  false, 0);
    }
    if (s == TORC_OK) {
        if (exact) {
            compare_outputs(v, samples, begin);
        }
        compare_labels(v, samples);
    }
    free_outputs(v);
    return s;
}

static torc_status verify_all(torc_ctx *ctx, verification *v, const torc_tensor *inputs)
{
    const torc_spec *spec = &v->circuit->spec;
    size_t samples = 0;
    TORC_TRY(count_samples(ctx, &samples, v, inputs));
    v->report->samples = samples;
    if (spec->contract == TORC_ROUNDED) {
        const double checks = (double)(torc_verify_levels_checks(v->circuit) * samples);
        v->report->z = torc_failure_kappa(log2(FALSE_ALARM / fmax(checks, 1)));
    }
    const size_t most = torc_execute_capacity(
        &v->circuit->program, torc_params_big_words(&spec->params), samples, BATCH_BYTES);
    for (size_t begin = 0; begin < samples; begin += most) {
        const size_t count = samples - begin < most ? samples - begin : most;
        for (uint32_t i = 0; i < spec->input_count; i++) {
            v->inputs[i] = view_samples(&inputs[i], &spec->inputs[i], begin, count);
        }
        TORC_TRY(verify_batch(ctx, v, begin, count));
    }
    return TORC_OK;
}

torc_status torc_verify(torc_ctx *ctx, torc_verify_report *out, const torc_circuit *circuit,
                        const torc_tensor *inputs, const torc_verify_options *options)
{
    const torc_spec *spec = &circuit->spec;
    verification v = {.circuit = circuit, .options = options, .report = out};
    *out = (torc_verify_report){0};
    torc_status s =
        torc_keygen(ctx, &v.keys.secret, &v.keys.evaluation, spec, options->allow_log2_p_error);
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, v.inputs, spec->input_count);
    }
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, v.encrypted, spec->output_count);
    }
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, v.simulated, spec->output_count);
    }
    if (s == TORC_OK) {
        s = verify_all(ctx, &v, inputs);
    }
    free(v.inputs);
    free(v.encrypted);
    free(v.simulated);
    torc_secret_key_free(v.keys.secret);
    torc_evk_free(v.keys.evaluation);
    return s;
}
