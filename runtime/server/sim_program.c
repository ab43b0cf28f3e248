/* A program on exact doubles. Weights, constants and tables are converted once; a block of samples
 * then goes through the whole program, so that it stays in the cache of the core that runs it.
 * Phases are turns; sim_grid.c proves that no sum of them is ever rounded, hence the same bits on
 * every machine. What the instructions mean is defined by the virtual backend. */
#include "runtime/server/sim_program.h"

#include "runtime/server/sim_grid.h"
#include "runtime/server/sim_layer.h"
#include "runtime/server/sim_torus.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- preparing -----------------------------------------------------------------------------------
 */

/* Offset and half a bin. All that meets it, and every edge of a bin, is a multiple of the grid, so
 * rounding the offset down to one moves no value to another bin. */
static torc_status convert_lookup(torc_ctx *ctx, double **out, const torc_lookup *a,
                                  const torc_table *tables, double grid)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, a->count));
    const int dropped = 64 + (int)lrint(log2(grid)); /* bits below the grid */
    for (uint32_t i = 0; i < a->count; i++) {
        const double half_bin = ldexp(1, -(int)tables[a->table[i]].index_bits - 2);
        const uint64_t kept = a->offset[i] >> dropped << dropped;
        (*out)[i] = torc_sim_turns(kept) + half_bin;
    }
    return TORC_OK;
}

static torc_status convert_table(torc_ctx *ctx, double **out, const torc_table *table)
{
    const size_t bins = (size_t)1 << table->index_bits;
    TORC_TRY(TORC_ALLOC(ctx, *out, 2 * bins));
    for (size_t u = 0; u < bins; u++) {
        (*out)[u] = torc_sim_turns(table->entry[u]);
        (*out)[bins + u] = torc_sim_turns(0 - table->entry[u]);
    }
    return TORC_OK;
}

static torc_status convert(torc_ctx *ctx, torc_sim_program *p)
{
    const torc_program *program = &p->circuit->program;
    TORC_TRY(TORC_ALLOC(ctx, p->layer, program->instr_count));
    TORC_TRY(TORC_ALLOC(ctx, p->shift, program->instr_count));
    TORC_TRY(TORC_ALLOC(ctx, p->entry, program->table_count));
    for (uint32_t t = 0; t < program->table_count; t++) {
        TORC_TRY(convert_table(ctx, &p->entry[t], &program->tables[t]));
    }
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        TORC_TRY(instr->kind == TORC_INSTR_LINEAR
                     ? torc_sim_layer_create(ctx, &p->layer[i], &instr->linear, program)
                     : convert_lookup(ctx, &p->shift[i], &instr->lookup, program->tables, p->grid));
    }
    return TORC_OK;
}

/* p->grid, or 0: also for clear run-time inputs, which this does not know. */
static torc_status find_grid(torc_ctx *ctx, torc_sim_program *p)
{
    const torc_program *program = &p->circuit->program;
    double *bound = NULL;
    double *table_bound = NULL;
    bool is_encrypted = program->clear_count == 0;
    for (uint32_t o = 0; o < program->output_count; o++) {
        is_encrypted = is_encrypted && program->outputs[o].encrypted;
    }
    if (!is_encrypted) {
        return TORC_OK;
    }
    TORC_TRY(TORC_ALLOC(ctx, bound, program->element_count));
    const torc_status s = TORC_ALLOC(ctx, table_bound, program->table_count);
    if (s == TORC_OK) {
        p->grid = torc_sim_grid(p->circuit, &p->std, bound, table_bound);
    }
    free(bound);
    free(table_bound);
    return s;
}

torc_status torc_sim_program_create(torc_ctx *ctx, torc_sim_program **out,
                                    const torc_circuit *circuit, bool noisy, uint64_t seed)
{
    torc_sim_std std = {0};
    torc_sim_program *p = NULL;
    *out = NULL;
    if (noisy) {
        TORC_TRY(torc_sim_std_of(ctx, &std, &circuit->spec.params, torc_circuit_target(circuit)));
    }
    TORC_TRY(TORC_ALLOC(ctx, p, 1));
    *p = (torc_sim_program){.circuit = circuit,
                            .noisy = noisy,
                            .seed = seed,
                            .std = std,
                            .row_count = (size_t)circuit->program.element_count + 1};
    torc_status s = find_grid(ctx, p);
    if (s == TORC_OK && p->grid > 0) {
        s = convert(ctx, p);
    }
    if (s != TORC_OK || p->grid == 0) {
        torc_sim_program_free(p);
        return s;
    }
    *out = p;
    return TORC_OK;
}

void torc_sim_program_free(torc_sim_program *program)
{
    if (program == NULL) {
        return;
    }
    for (uint32_t i = 0; i < program->circuit->program.instr_count; i++) {
        if (program->layer != NULL) {
            torc_sim_layer_free(&program->layer[i]);
        }
        if (program->shift != NULL) {
            free(program->shift[i]);
        }
    }
    for (uint32_t t = 0; program->entry != NULL && t < program->circuit->program.table_count; t++) {
        free(program->entry[t]);
    }
    free(program->layer);
    free(program->shift);
    free(program->entry);
    free(program);
}

/* --- blocks --------------------------------------------------------------------------------------
 */

static size_t largest_port(const torc_program *program)
{
    size_t most = 0;
    for (uint32_t i = 0; i < program->input_count + program->output_count; i++) {
        const torc_place *place = i < program->input_count
                                      ? &program->inputs[i]
                                      : &program->outputs[i - program->input_count];
        most = place->count > most ? place->count : most;
    }
    return most;
}

size_t torc_sim_block_bytes(const torc_sim_program *program)
{
    return program->row_count * TORC_SIM_STRIDE * sizeof(double) +
           largest_port(&program->circuit->program) * TORC_SIM_LANES * sizeof(int64_t);
}

static torc_status aligned_zeros(torc_ctx *ctx, double **out, size_t count)
{
    const size_t bytes = (count * sizeof **out + 63) / 64 * 64;
    *out = aligned_alloc(64, bytes);
    if (*out == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "out of memory: %zu bytes for simulation", bytes);
    }
    memset(*out, 0, bytes);
    return TORC_OK;
}

torc_status torc_sim_block_create(torc_ctx *ctx, torc_sim_block *out,
                                  const torc_sim_program *program)
{
    torc_sim_block block = {0};
    torc_status s = aligned_zeros(ctx, &block.value, program->row_count * TORC_SIM_STRIDE);
    if (s == TORC_OK) {
        s = aligned_zeros(ctx, &block.noise, (size_t)2 * TORC_SIM_LANES);
    }
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, block.port, largest_port(&program->circuit->program) * TORC_SIM_LANES);
    }
    if (s != TORC_OK) {
        torc_sim_block_free(&block);
        return s;
    }
    *out = block;
    return TORC_OK;
}

void torc_sim_block_free(torc_sim_block *block)
{
    free(block->value);
    free(block->noise);
    free(block->port);
    *block = (torc_sim_block){0};
}

/* --- running -------------------------------------------------------------------------------------
 */

static double *row_of(const torc_sim_block *block, size_t element)
{
    return block->value + element * TORC_SIM_STRIDE;
}

/* noise[TORC_SIM_LANES] of the block's samples. Calls are numbered as the virtual backend does when
 * each input is one write: inputs first, then two for each lookup instruction. */
static void draw(const torc_sim_program *p, const torc_sim_block *block, double *noise, double std,
                 uint64_t call, uint64_t element)
{
    const torc_sim_stream stream = {p->seed, call, element};
    torc_sim_noise(noise, block->count, block->first, std, p->grid, stream);
}

void torc_sim_load(const torc_sim_program *program, torc_sim_block *block, uint32_t input,
                   const int64_t *in)
{
    const torc_place *place = &program->circuit->program.inputs[input];
    const uint32_t bits = program->circuit->spec.inputs[input].encoding_bits;
    const double unit = ldexp(1, -(int)bits - 1);
    for (uint32_t e = 0; e < place->count; e++) {
        double *row = row_of(block, place->element[e]);
        for (size_t s = 0; s < block->count; s++) {
            row[s] = (double)in[s * place->count + e] * unit;
        }
        if (program->noisy) {
            draw(program, block, block->noise, program->std.fresh, input, e);
            for (size_t s = 0; s < block->count; s++) {
                row[s] += block->noise[s];
            }
        }
    }
}

static void run_lookup(const torc_sim_program *p, torc_sim_block *block, const torc_lookup *a,
                       const double *shift, uint64_t call)
{
    const torc_cpu_kernels *cpu = torc_cpu_kernels_get();
    double *in_noise = block->noise;
    double *out_noise = block->noise + TORC_SIM_LANES;
    for (uint32_t i = 0; i < a->count; i++) {
        const torc_clear_table table = {p->circuit->program.tables[a->table[i]].index_bits,
                                        shift[i], p->entry[a->table[i]]};
        if (p->noisy) {
            draw(p, block, in_noise, p->std.lookup_in, call, i);
            draw(p, block, out_noise, p->std.lookup_out, call + 1, i);
        }
        block->overflows += cpu->clear_lookup(row_of(block, a->out + i), row_of(block, a->in[i]),
                                              in_noise, out_noise, &table, block->count);
    }
}

void torc_sim_run(const torc_sim_program *program, torc_sim_block *block)
{
    const torc_cpu_kernels *cpu = torc_cpu_kernels_get();
    const size_t lanes =
        (block->count + TORC_CLEAR_LANES - 1) / TORC_CLEAR_LANES * TORC_CLEAR_LANES;
    uint64_t call = program->circuit->program.input_count;
    for (uint32_t i = 0; i < program->circuit->program.instr_count; i++) {
        const torc_instr *instr = &program->circuit->program.instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            cpu->clear_linear(block->value, TORC_SIM_STRIDE, &program->layer[i], lanes);
        } else {
            run_lookup(program, block, &instr->lookup, program->shift[i], call);
            call += 2;
        }
    }
}

void torc_sim_store(const torc_sim_program *program, torc_sim_block *block, int64_t *out,
                    uint32_t output)
{
    const torc_place *place = &program->circuit->program.outputs[output];
    const torc_port *port = &program->circuit->spec.outputs[output];
    const double low = torc_sim_lowest(port);
    for (uint32_t e = 0; e < place->count; e++) {
        const double *row = row_of(block, place->element[e]);
        for (size_t s = 0; s < block->count; s++) {
            out[s * place->count + e] =
                torc_decode(torc_sim_word(row[s]), port->encoding_bits, port->is_signed);
            block->overflows += row[s] < low || row[s] >= low + 1;
        }
    }
}
