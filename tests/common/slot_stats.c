/* Observes a run instruction by instruction; see slot_stats.h. */
#include "tests/common/slot_stats.h"

#include "runtime/executor.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct observer {
    const torc_circuit *circuit;
    const torc_secret_key *secret;
    slot_stats *stats;
    size_t samples;
    uint64_t *clean;  /* [element][sample] phase without noise, after the entries really read */
    uint64_t *before; /* [element][sample] clean phases before the instruction at hand */
    uint64_t *words;  /* one element of all samples, as the target holds it */
    uint64_t *phase;  /* [sample] */
} observer;

torc_status slot_stats_create(torc_ctx *ctx, slot_stats *out, const torc_circuit *circuit)
{
    *out = (slot_stats){.instr_count = circuit->program.instr_count};
    TORC_TRY(TORC_ALLOC(ctx, out->count, out->instr_count));
    TORC_TRY(TORC_ALLOC(ctx, out->sum, out->instr_count));
    TORC_TRY(TORC_ALLOC(ctx, out->squares, out->instr_count));
    return TORC_ALLOC(ctx, out->flips, out->instr_count);
}

void slot_stats_free(slot_stats *stats)
{
    free(stats->count);
    free(stats->sum);
    free(stats->squares);
    free(stats->flips);
}

double slot_variance(const slot_stats *stats, uint32_t instr)
{
    const double mean = stats->sum[instr] / stats->count[instr];
    return stats->squares[instr] / stats->count[instr] - mean * mean;
}

static torc_status read_phases(torc_ctx *ctx, observer *o, torc_target *target, uint32_t element)
{
    TORC_TRY(target->backend->read(ctx, target, o->words, element, 1, o->samples));
    if (o->secret == NULL) {
        memcpy(o->phase, o->words, o->samples * sizeof *o->phase);
    } else {
        torc_secret_phase(o->phase, o->secret, o->words, o->samples);
    }
    return TORC_OK;
}

static void add_error(slot_stats *stats, uint32_t instr, uint64_t phase, uint64_t clean)
{
    const double error = ldexp((double)(int64_t)(phase - clean), -64);
    stats->count[instr]++;
    stats->sum[instr] += error;
    stats->squares[instr] += error * error;
}

static uint64_t clean_linear(const observer *o, const torc_linear *l, size_t g, size_t out,
                             size_t s)
{
    const size_t weight_group = l->weight_groups == 1 ? 0 : g;
    const size_t constant_group = l->constant_groups == 1 ? 0 : g;
    uint64_t sum = l->constant[constant_group * l->out_count + out];
    for (size_t i = 0; i < l->in_count; i++) {
        const uint32_t element = l->gather[g * l->in_count + i];
        if (element != TORC_NO_ELEMENT) {
            const int64_t w = l->weight[(weight_group * l->out_count + out) * l->in_count + i];
            sum += (uint64_t)w * o->before[element * o->samples + s];
        }
    }
    return sum;
}

static torc_status observe_linear(torc_ctx *ctx, observer *o, torc_target *target, uint32_t instr)
{
    const torc_linear *l = &o->circuit->program.instrs[instr].linear;
    for (uint32_t g = 0; g < l->group_count; g++) {
        for (uint32_t out = 0; out < l->out_count; out++) {
            const uint32_t element = l->out + g * l->out_group_stride + out * l->out_stride;
            TORC_TRY(read_phases(ctx, o, target, element));
            for (size_t s = 0; s < o->samples; s++) {
                const uint64_t clean = clean_linear(o, l, g, out, s);
                add_error(o->stats, instr, o->phase[s], clean);
                o->clean[element * o->samples + s] = clean;
            }
        }
    }
    return TORC_OK;
}

static uint64_t entry_at(const torc_table *table, uint64_t phase)
{
    const uint64_t size = (uint64_t)1 << table->index_bits;
    const uint64_t half_bin = (uint64_t)1 << (62 - table->index_bits);
    const uint64_t u = (phase + half_bin) >> (63 - table->index_bits);
    return u < size ? table->entry[u] : 0 - table->entry[u - size];
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    const uint64_t d = a - b;
    return d < 0 - d ? d : 0 - d;
}

/* The entry (of either sign) that lies nearest to a decrypted output. */
static uint64_t nearest_entry(const torc_table *table, uint64_t phase)
{
    uint64_t best = table->entry[0];
    for (size_t u = 0; u < (size_t)1 << table->index_bits; u++) {
        const uint64_t both[2] = {table->entry[u], 0 - table->entry[u]};
        for (int i = 0; i < 2; i++) {
            best = distance(both[i], phase) < distance(best, phase) ? both[i] : best;
        }
    }
    return best;
}

static torc_status observe_lookup(torc_ctx *ctx, observer *o, torc_target *target, uint32_t instr)
{
    const torc_lookup *l = &o->circuit->program.instrs[instr].lookup;
    for (uint32_t i = 0; i < l->count; i++) {
        const torc_table *table = &o->circuit->program.tables[l->table[i]];
        TORC_TRY(read_phases(ctx, o, target, l->out + i));
        for (size_t s = 0; s < o->samples; s++) {
            const uint64_t exact =
                entry_at(table, o->before[l->in[i] * o->samples + s] + l->offset[i]);
            const uint64_t read = nearest_entry(table, o->phase[s]);
            add_error(o->stats, instr, o->phase[s], read);
            o->stats->flips[instr] += read != exact;
            o->clean[(l->out + i) * o->samples + s] = read;
        }
    }
    return TORC_OK;
}

static torc_status observe(void *user, torc_ctx *ctx, torc_target *target, uint32_t instr)
{
    observer *o = user;
    memcpy(o->before, o->clean, o->circuit->program.element_count * o->samples * sizeof *o->clean);
    return o->circuit->program.instrs[instr].kind == TORC_INSTR_LINEAR
               ? observe_linear(ctx, o, target, instr)
               : observe_lookup(ctx, o, target, instr);
}

/* Writes the encrypted (or, in the simulator, clear) inputs and remembers their clean phases. */
static torc_status write_inputs(torc_ctx *ctx, observer *o, torc_target *target,
                                const torc_ciphertexts *ct, const torc_tensor *inputs)
{
    const torc_spec *spec = &o->circuit->spec;
    for (uint32_t p = 0; p < spec->input_count; p++) {
        const torc_place *place = &o->circuit->program.inputs[p];
        int64_t *m = NULL;
        TORC_TRY(TORC_ALLOC(ctx, m, o->samples * place->count));
        torc_status status = torc_port_quantize(ctx, m, NULL, &spec->inputs[p], &inputs[p]);
        for (uint32_t e = 0; status == TORC_OK && e < place->count; e++) {
            for (size_t s = 0; s < o->samples; s++) {
                const uint64_t clean =
                    torc_encode(m[s * place->count + e], spec->inputs[p].encoding_bits);
                o->clean[place->element[e] * o->samples + s] = clean;
                uint64_t *word = o->words + s * target->element_words;
                if (ct == NULL) {
                    *word = clean;
                } else {
                    torc_ct_expand(word, ct, &ct->parts[p], s, e);
                }
            }
            status =
                target->backend->write(ctx, target, place->element[e], 1, o->samples, o->words);
        }
        free(m);
        TORC_TRY(status);
    }
    return TORC_OK;
}

static torc_status run(torc_ctx *ctx, observer *o, torc_target *target, const torc_ciphertexts *ct,
                       const torc_tensor *inputs)
{
    const size_t cells = o->circuit->program.element_count * o->samples;
    torc_run_stats stats;
    TORC_TRY(TORC_ALLOC(ctx, o->clean, cells));
    TORC_TRY(TORC_ALLOC(ctx, o->before, cells));
    TORC_TRY(TORC_ALLOC(ctx, o->words, o->samples * target->element_words));
    TORC_TRY(TORC_ALLOC(ctx, o->phase, o->samples));
    TORC_TRY(write_inputs(ctx, o, target, ct, inputs));
    return torc_execute(ctx, target, &o->circuit->program, o->samples, &stats, observe, o);
}

torc_status slot_stats_run(torc_ctx *ctx, slot_stats *stats, const torc_circuit *circuit,
                           const torc_tensor *inputs, const torc_secret_key *secret,
                           const torc_evaluation_keys *keys, uint64_t seed)
{
    observer o = {.circuit = circuit, .secret = secret, .stats = stats};
    const torc_backend *backend = secret == NULL ? torc_backend_virtual() : torc_backend_cpu();
    torc_ciphertexts *ct = NULL;
    torc_target *target = NULL;
    TORC_TRY(torc_port_samples(ctx, &o.samples, &circuit->spec.inputs[0], &inputs[0]));
    const torc_target_options options = {
        .capacity = o.samples, .noisy = secret == NULL, .noise_seed = seed};
    torc_status status = backend->open(ctx, &target, &circuit->program, &circuit->spec.params,
                                       secret == NULL ? NULL : keys, &options);
    if (status == TORC_OK && secret != NULL) {
        status = torc_encrypt(ctx, &ct, NULL, &circuit->spec, secret, inputs, 0);
    }
    if (status == TORC_OK) {
        status = run(ctx, &o, target, ct, inputs);
    }
    free(o.clean);
    free(o.before);
    free(o.words);
    free(o.phase);
    torc_ciphertexts_free(ct);
    if (target != NULL) {
        backend->close(target);
    }
    return status;
}
