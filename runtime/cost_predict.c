/* Seconds and bytes of a whole program. Must not know about: the graph it came from, backends.
 *
 * The lookups of one level go through the keyswitch in batches of at most 64, whose columns threads
 * share when they are few; they are dealt to the threads in equal shares, which go through the
 * bootstrap in batches (torc_cost_bootstrap_batch); fewer lookups than threads are shared by teams.
 * Linear layers split evenly over the threads. */
#include "runtime/cost.h"

#include <math.h>

#define SEED_BYTES    32                  /* of a seeded ciphertext tensor: its masks */
#define SEEDED_BYTES  8                   /* a value: the body alone */
#define CLEAR_BYTES   8                   /* a clear input */
#define SCRATCH_BYTES (UINT64_C(1) << 20) /* a thread, beside accumulators */

/* A lookup in full batches, on one thread. */
static double lookup_seconds(const torc_machine *machine, const torc_params *params)
{
    return torc_cost_keyswitch(machine, params, TORC_COST_KEYSWITCH_BATCH) +
           torc_cost_bootstrap(machine, params, torc_cost_bootstrap_batch(params));
}

static double linear_seconds(const torc_machine *machine, const torc_program *program,
                             const torc_params *params)
{
    const double macs = (double)torc_program_linear_macs(program);

    return 1e-9 * macs * (double)torc_params_big_words(params) * machine->linear_ns_per_mac /
           fmax(machine->threads, 1.0);
}

static void predict_seconds(torc_prediction *out, const torc_machine *machine,
                            const torc_program *program, const torc_params *params)
{
    const double linear = linear_seconds(machine, program, params);

    out->seconds = linear;
    out->seconds_batched = linear;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        if (program->instrs[i].kind != TORC_INSTR_LOOKUP) {
            continue;
        }
        const double count = program->instrs[i].lookup.count;
        out->seconds += torc_cost_lookups(machine, params, count);
        out->seconds_batched +=
            count / fmax(machine->threads, 1.0) * lookup_seconds(machine, params);
    }
}

static uint64_t linear_bytes(const torc_linear *linear)
{
    const uint64_t weights = (uint64_t)linear->weight_groups * linear->out_count * linear->in_count;
    const uint64_t weight_bytes =
        weights * (sizeof(int64_t) + (linear->weight_clear != NULL ? sizeof(uint32_t) : 0));

    return weight_bytes + (uint64_t)linear->group_count * linear->in_count * sizeof(uint32_t) +
           (uint64_t)linear->constant_groups * linear->out_count * sizeof(uint64_t) +
           (uint64_t)linear->clear_term_count * (2 * sizeof(uint32_t) + sizeof(uint64_t));
}

static uint64_t program_bytes(const torc_program *program)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < program->table_count; i++) {
        bytes += sizeof(uint64_t) << program->tables[i].index_bits;
    }
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        bytes += instr->kind == TORC_INSTR_LINEAR
                     ? linear_bytes(&instr->linear)
                     : (uint64_t)instr->lookup.count * (2 * sizeof(uint32_t) + sizeof(uint64_t));
    }
    return bytes;
}

/* A batch takes SCRATCH_BYTES, or what the fewest ciphertexts need that go together: 2
 * accumulators; grouped, 8 of l rows for each of its polynomials and an accumulator. */
static uint64_t scratch_bytes(const torc_machine *machine, const torc_params *params)
{
    if (!torc_params_has_lookup(params)) {
        return 0;
    }
    const uint64_t accumulator =
        ((uint64_t)params->glwe_dim + 1) * params->poly_size * sizeof(uint64_t)
        << params->extended_log2;
    const uint64_t accumulators =
        params->grouping > 1 ? UINT64_C(8) * params->bootstrap.level_count + 1 : 2;

    return machine->threads * (SCRATCH_BYTES + accumulators * accumulator);
}

void torc_predict_traffic(torc_prediction *out, const torc_program *program,
                          const torc_params *params)
{
    out->evaluation_key_bytes = torc_params_key_bytes_seeded(params);
    out->ciphertext_bytes_in = 0;
    out->ciphertext_bytes_out = 0;
    for (uint32_t i = 0; i < program->input_count; i++) {
        const torc_place *place = &program->inputs[i];
        out->ciphertext_bytes_in += place->encrypted
                                        ? (uint64_t)place->count * SEEDED_BYTES + SEED_BYTES
                                        : (uint64_t)place->count * CLEAR_BYTES;
    }
    for (uint32_t i = 0; i < program->output_count; i++) {
        out->ciphertext_bytes_out +=
            (uint64_t)program->outputs[i].count * torc_params_big_words(params) * sizeof(uint64_t);
    }
}

/* Elements of the largest input or output: they cross together. */
static uint64_t most_elements(const torc_place *places, uint32_t count)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < count; i++) {
        most = places[i].encrypted && places[i].count > most ? places[i].count : most;
    }
    return most;
}

/* Whole elements, one at least. */
static uint64_t piece_bytes(const torc_program *program, uint64_t element_bytes)
{
    const uint64_t in = most_elements(program->inputs, program->input_count);
    const uint64_t out = most_elements(program->outputs, program->output_count);
    const uint64_t fit = element_bytes > TORC_PIECE_BYTES ? 1 : TORC_PIECE_BYTES / element_bytes;
    const uint64_t most = in > out ? in : out;

    return (most < fit ? most : fit) * element_bytes;
}

uint64_t torc_predict_host_bytes(const torc_program *program, const torc_params *params,
                                 size_t capacity, size_t samples)
{
    const uint64_t element_bytes = torc_params_big_words(params) * sizeof(uint64_t) * capacity;
    torc_prediction traffic;

    torc_predict_traffic(&traffic, program, params);
    return program_bytes(program) + traffic.evaluation_key_bytes +
           piece_bytes(program, element_bytes) + program->clear_count * sizeof(int64_t) * capacity +
           (traffic.ciphertext_bytes_in + traffic.ciphertext_bytes_out) * samples;
}

void torc_predict(torc_prediction *out, const torc_machine *machine, const torc_program *program,
                  const torc_params *params, size_t samples)
{
    const uint64_t element_bytes = torc_params_big_words(params) * sizeof(uint64_t);
    const uint64_t slots = program->element_count * element_bytes * samples;

    predict_seconds(out, machine, program, params);
    torc_predict_traffic(out, program, params);
    out->memory_bytes = torc_params_key_bytes_resident(params) + slots +
                        scratch_bytes(machine, params) +
                        program->clear_count * sizeof(int64_t) * samples +
                        torc_predict_host_bytes(program, params, samples, samples);
}
