/* The rounded contract, checked level by level with the keys at hand.
 *
 * Two machines run side by side. The encrypted one is observed: after each instruction, what it
 * wrote is decrypted to phases. The clear one (the virtual backend without noise) holds what those
 * phases stand for: its inputs are the encoded integers, its linear layers are exact, and after a
 * lookup it is given the table entries that the encrypted machine really took. So each instruction
 * is checked from true inputs, and one flipped bin does not spoil what follows.
 *
 *   slot that feeds a lookup or is an output   |phase - clear| <= z sqrt(v), v = norms times noise
 *   lookup output        |phase - entry[u]| <= z sqrt(bootstrap) for a bin u that the decrypted
 * input reaches when moved by at most z sqrt(keyswitch + modulus switch) */
#include "frontend/local_verify.h"
#include "runtime/noise.h"
#include "runtime/server/devices.h"
#include "runtime/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct levels {
    const torc_circuit *circuit;
    const torc_verify_keys *keys;
    torc_verify_report *report;
    torc_noise noise;
    torc_target *target; /* encrypted */
    torc_target *clear;
    size_t samples;
    size_t words;         /* of an encrypted element */
    uint64_t *phase;      /* [element_count][samples], as decrypted when written */
    int64_t *clear_value; /* [clear_count][samples] */
    uint64_t *value;      /* [samples], scratch */
    uint64_t *lwe;        /* [samples][words], scratch */
} levels;

/* --- deviations
 * ------------------------------------------------------------------------------------ */

static double torus_distance(uint64_t a, uint64_t b)
{
    return fabs(ldexp((double)(int64_t)(a - b), -64));
}

/* Counts one comparison of a deviation with z standard deviations. */
static void check(levels *l, double deviation, double variance, const char *what, uint32_t index,
                  size_t sample)
{
    torc_verify_report *r = l->report;
    const double sigmas = deviation == 0 ? 0 : deviation / sqrt(variance);
    r->checks++;
    r->worst_sigmas = fmax(r->worst_sigmas, sigmas);
    if (!(sigmas <= r->z) && r->mismatches++ == 0) {
        (void)snprintf(
            r->first, sizeof r->first,
            "%s %u, sample %zu of its batch: off by %.3g predicted sigma, at most %.2f expected",
            what, index, sample, sigmas, r->z);
    }
}

/* What the linear layers before a slot add up to; no keyswitch and no modulus switch yet. */
static double slot_variance(const levels *l, uint32_t row_index)
{
    torc_noise_row row = l->circuit->rows[row_index];
    row.kind = TORC_ROW_OUTPUT_EXACT;
    return torc_row_variance(&row, &l->noise);
}

static torc_status check_slot(torc_ctx *ctx, levels *l, uint32_t element, uint32_t row,
                              const char *what, uint32_t index)
{
    const double variance = slot_variance(l, row);
    const uint64_t *phase = l->phase + (size_t)element * l->samples;
    TORC_TRY(l->clear->backend->read(ctx, l->clear, l->value, element, 1, l->samples));
    for (size_t s = 0; s < l->samples; s++) {
        check(l, torus_distance(phase[s], l->value[s]), variance, what, index, s);
    }
    return TORC_OK;
}

/* --- following the encrypted machine
 * --------------------------------------------------------------- */

static torc_status decrypt_element(torc_ctx *ctx, levels *l, uint32_t element)
{
    TORC_TRY(l->target->backend->read(ctx, l->target, l->lwe, element, 1, l->samples));
    torc_secret_phase(l->phase + (size_t)element * l->samples, l->keys->secret, l->lwe, l->samples);
    return TORC_OK;
}

static torc_status follow_linear(torc_ctx *ctx, levels *l, const torc_linear *linear)
{
    const uint32_t count = linear->group_count * linear->out_count;
    torc_status status = l->clear->backend->linear(ctx, l->clear, linear, l->samples);
    for (uint32_t i = 0; status == TORC_OK && i < count; i++) {
        const uint32_t g = i / linear->out_count;
        const uint32_t o = i % linear->out_count;
        status = decrypt_element(
            ctx, l, linear->out + g * linear->out_group_stride + o * linear->out_stride);
    }
    return status;
}

/* The entry nearest to out_phase among the bins that in_phase reaches. */
static uint64_t nearest_entry(const torc_table *table, uint64_t in_phase, uint64_t offset,
                              uint64_t reach, uint64_t out_phase)
{
    const uint32_t bits = table->index_bits;
    const uint64_t bin_count = (uint64_t)2 << bits; /* the negacyclic half included */
    const uint64_t position = in_phase + offset + ((uint64_t)1 << (62 - bits));
    const uint64_t first = (position - reach) >> (63 - bits);
    const uint64_t last = (position + reach) >> (63 - bits);
    uint64_t best = 0;
    double best_distance = INFINITY;
    for (uint64_t u = first;; u = (u + 1) % bin_count) {
        const uint64_t half = u >> bits;
        const uint64_t entry = table->entry[u & (bin_count / 2 - 1)];
        const uint64_t expected = half == 0 ? entry : 0 - entry;
        const double distance = torus_distance(out_phase, expected);
        if (distance < best_distance) {
            best_distance = distance;
            best = expected;
        }
        if (u == last) {
            return best;
        }
    }
}

static torc_status follow_lookup(torc_ctx *ctx, levels *l, uint32_t instr,
                                 const torc_lookup *lookup)
{
    const double moved =
        fmin(l->report->z * sqrt(l->noise.keyswitch + l->noise.modulus_switch), 0.249);
    const uint64_t reach = (uint64_t)ldexp(moved, 64);
    const torc_table *tables = l->circuit->program.tables;
    uint64_t *in_phase = NULL; /* copied: outputs may take the place of inputs */
    for (uint32_t i = 0; i < lookup->count; i++) {
        TORC_TRY(
            check_slot(ctx, l, lookup->in[i], l->circuit->instr_row[instr][i], "lookup input", i));
    }
    TORC_TRY(TORC_ALLOC(ctx, in_phase, (size_t)lookup->count * l->samples));
    for (uint32_t i = 0; i < lookup->count; i++) {
        for (size_t s = 0; s < l->samples; s++) {
            in_phase[i * l->samples + s] = l->phase[(size_t)lookup->in[i] * l->samples + s];
        }
    }
    torc_status status = TORC_OK;
    for (uint32_t i = 0; status == TORC_OK && i < lookup->count; i++) {
        const uint32_t element = lookup->out + i;
        status = decrypt_element(ctx, l, element);
        for (size_t s = 0; status == TORC_OK && s < l->samples; s++) {
            const uint64_t out_phase = l->phase[(size_t)element * l->samples + s];
            l->value[s] = nearest_entry(&tables[lookup->table[i]], in_phase[i * l->samples + s],
                                        lookup->offset[i], reach, out_phase);
            check(l, torus_distance(out_phase, l->value[s]), l->noise.bootstrap, "lookup output", i,
                  s);
        }
        if (status == TORC_OK) {
            status = l->clear->backend->write(ctx, l->clear, element, 1, l->samples, l->value);
        }
    }
    free(in_phase);
    return status;
}

static torc_status observe(void *user, torc_ctx *ctx, torc_target *target, uint32_t instr)
{
    levels *l = user;
    const torc_instr *at = &l->circuit->program.instrs[instr];
    TORC_TRY(target->backend->sync(ctx, target));
    return at->kind == TORC_INSTR_LINEAR ? follow_linear(ctx, l, &at->linear)
                                         : follow_lookup(ctx, l, instr, &at->lookup);
}

/* --- inputs and outputs
 * ---------------------------------------------------------------------------- */

static torc_status write_clear_input(torc_ctx *ctx, levels *l, const torc_place *place,
                                     const int64_t *m)
{
    for (uint32_t e = 0; e < place->count; e++) {
        const uint32_t element = place->element[e];
        int64_t *column = l->clear_value + (size_t)element * l->samples;
        for (size_t s = 0; s < l->samples; s++) {
            column[s] = m[s * place->count + e];
        }
        TORC_TRY(l->clear->backend->write_clear(ctx, l->clear, element, 1, l->samples, column));
        TORC_TRY(l->target->backend->write_clear(ctx, l->target, element, 1, l->samples, column));
    }
    return TORC_OK;
}

static torc_status write_encrypted_input(torc_ctx *ctx, levels *l, const torc_place *place,
                                         const int64_t *m, const torc_ciphertexts *ct,
                                         const torc_ct_part *part, uint32_t encoding_bits)
{
    for (uint32_t e = 0; e < place->count; e++) {
        const uint32_t element = place->element[e];
        for (size_t s = 0; s < l->samples; s++) {
            l->value[s] = torc_encode(m[s * place->count + e], encoding_bits);
            torc_ct_expand(l->lwe + s * l->words, ct, part, s, e);
        }
        TORC_TRY(l->clear->backend->write(ctx, l->clear, element, 1, l->samples, l->value));
        TORC_TRY(l->target->backend->write(ctx, l->target, element, 1, l->samples, l->lwe));
        TORC_TRY(decrypt_element(ctx, l, element));
    }
    return TORC_OK;
}

static torc_status write_inputs(torc_ctx *ctx, levels *l, const torc_tensor *inputs,
                                const torc_ciphertexts *ct)
{
    const torc_spec *spec = &l->circuit->spec;
    for (uint32_t i = 0; i < spec->input_count; i++) {
        const torc_place *place = &l->circuit->program.inputs[i];
        int64_t *m = NULL;
        uint64_t saturated = 0;
        TORC_TRY(TORC_ALLOC(ctx, m, l->samples * place->count));
        torc_status s = torc_port_quantize(ctx, m, &saturated, &spec->inputs[i], &inputs[i]);
        if (s == TORC_OK) {
            s = place->encrypted ? write_encrypted_input(ctx, l, place, m, ct, &ct->parts[i],
                                                         spec->inputs[i].encoding_bits)
                                 : write_clear_input(ctx, l, place, m);
        }
        free(m);
        TORC_TRY(s);
    }
    return TORC_OK;
}

static torc_status decode_encrypted(torc_ctx *ctx, levels *l, int64_t *values, uint32_t output)
{
    const torc_place *place = &l->circuit->program.outputs[output];
    const torc_port *port = &l->circuit->spec.outputs[output];
    for (uint32_t e = 0; e < place->count; e++) {
        const uint64_t *phase = l->phase + (size_t)place->element[e] * l->samples;
        TORC_TRY(check_slot(ctx, l, place->element[e], l->circuit->output_row[output][e],
                            "output element", e));
        for (size_t s = 0; s < l->samples; s++) {
            values[s * place->count + e] =
                torc_decode(phase[s], port->encoding_bits, port->is_signed);
        }
    }
    return TORC_OK;
}

/* values[samples][count] of one output: decoded, each encrypted slot checked before. */
static torc_status read_output(torc_ctx *ctx, levels *l, int64_t *values, uint32_t output)
{
    const torc_place *place = &l->circuit->program.outputs[output];
    if (place->encrypted) {
        return decode_encrypted(ctx, l, values, output);
    }
    for (uint32_t e = 0; e < place->count; e++) {
        for (size_t s = 0; s < l->samples; s++) {
            values[s * place->count + e] = l->clear_value[place->element[e] * l->samples + s];
        }
    }
    return TORC_OK;
}

static torc_status finish(torc_ctx *ctx, levels *l, torc_tensor *outputs)
{
    const torc_spec *spec = &l->circuit->spec;
    int64_t **values = NULL;
    TORC_TRY(TORC_ALLOC(ctx, values, spec->output_count));
    torc_status s = TORC_OK;
    for (uint32_t o = 0; s == TORC_OK && o < spec->output_count; o++) {
        s = TORC_ALLOC(ctx, values[o], l->samples * l->circuit->program.outputs[o].count);
        if (s == TORC_OK) {
            s = read_output(ctx, l, values[o], o);
        }
    }
    if (s == TORC_OK) {
        s = torc_spec_finish(ctx, outputs, spec, (const int64_t *const *)values, l->samples);
    }
    for (uint32_t o = 0; o < spec->output_count; o++) {
        free(values[o]);
    }
    free(values);
    return s;
}

/* --- the run
 * --------------------------------------------------------------------------------------- */

static torc_status levels_open(torc_ctx *ctx, levels *l, const torc_verify_options *options)
{
    const torc_circuit *circuit = l->circuit;
    const torc_params *params = &circuit->spec.params;
    torc_target_options how = {.capacity = l->samples, .threads = options->threads};
    torc_device_choice choice;
    TORC_TRY(torc_device_choose(ctx, &choice, torc_verify_device(options), circuit));
    torc_noise_production_on(&l->noise, params, torc_backend_engine(choice.backend));
    l->words = torc_params_big_words(params);
    TORC_TRY(TORC_ALLOC(ctx, l->phase, (size_t)circuit->program.element_count * l->samples));
    TORC_TRY(TORC_ALLOC(ctx, l->clear_value, (size_t)circuit->program.clear_count * l->samples));
    TORC_TRY(TORC_ALLOC(ctx, l->value, l->samples));
    TORC_TRY(TORC_ALLOC(ctx, l->lwe, l->samples * l->words));
    TORC_TRY(torc_backend_virtual()->open(ctx, &l->clear, &circuit->program, params, NULL, &how));
    how.device = choice.number[0];
    return choice.backend->open(ctx, &l->target, &circuit->program, params, l->keys->evaluation,
                                &how);
}

static void levels_close(levels *l)
{
    if (l->clear != NULL) {
        l->clear->backend->close(l->clear);
    }
    if (l->target != NULL) {
        l->target->backend->close(l->target);
    }
    free(l->phase);
    free(l->clear_value);
    free(l->value);
    free(l->lwe);
}

torc_status torc_verify_levels(torc_ctx *ctx, torc_verify_report *out, torc_tensor *outputs,
                               const torc_circuit *circuit, const torc_verify_keys *keys,
                               const torc_tensor *inputs, size_t samples,
                               const torc_verify_options *options)
{
    levels l = {.circuit = circuit, .keys = keys, .report = out, .samples = samples};
    torc_ciphertexts *ct = NULL;
    torc_run_stats stats = {0};
    torc_status s = levels_open(ctx, &l, options);
    if (s == TORC_OK) {
        s = torc_encrypt(ctx, &ct, NULL, &circuit->spec, keys->secret, inputs,
                         options->allow_log2_p_error);
    }
    if (s == TORC_OK) {
        s = write_inputs(ctx, &l, inputs, ct);
    }
    if (s == TORC_OK) {
        s = torc_execute(ctx, l.target, &circuit->program, samples, &stats, observe, &l);
    }
    if (s == TORC_OK) {
        s = finish(ctx, &l, outputs);
    }
    out->seconds += stats.seconds_linear + stats.seconds_lookup;
    out->lookups += stats.lookups;
    torc_ciphertexts_free(ct);
    levels_close(&l);
    return s;
}

uint64_t torc_verify_levels_checks(const torc_circuit *circuit)
{
    uint64_t checks = 3 * torc_program_lookup_count(&circuit->program); /* input, reach, output */
    for (uint32_t o = 0; o < circuit->spec.output_count; o++) {
        checks += circuit->program.outputs[o].count;
    }
    return checks;
}
