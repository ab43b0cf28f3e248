/* The circuit of torc_bench lookups: elements x, optionally x + w * zero to reach the squared
 * norm, then one lookup each. Built by hand: the compiler would choose the norm itself. */
#include "bench/lookup_world.h"
#include "frontend/optimize.h"
#include "runtime/rng.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static torc_status copy_u32(torc_ctx *ctx, uint32_t **out, size_t count, uint32_t first,
                            uint32_t step)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = first + (uint32_t)i * step;
    }
    return TORC_OK;
}

static torc_status fill_place(torc_ctx *ctx, torc_place **out, uint32_t *place_count,
                              uint32_t count, uint32_t first)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, 1));
    *place_count = 1;
    **out = (torc_place){.encrypted = true, .count = count};
    return copy_u32(ctx, &(*out)->element, count, first, 1);
}

static torc_status fill_port(torc_ctx *ctx, torc_port **out, uint32_t *port_count, const char *name,
                             uint32_t count, uint32_t bits)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, 1));
    *port_count = 1;
    **out = (torc_port){.name = strdup(name),
                        .rank = 1,
                        .shape = {count},
                        .encrypted = true,
                        .width = bits,
                        .encoding_bits = bits,
                        .max = ((int64_t)1 << bits) - 1};
    return (*out)->name == NULL ? torc_fail(ctx, TORC_E_MEMORY, "out of memory") : TORC_OK;
}

static torc_status fill_tables(torc_ctx *ctx, torc_program *program, int64_t *table, uint32_t bits)
{
    const size_t size = (size_t)1 << bits;
    uint64_t *random = NULL;
    TORC_TRY(TORC_ALLOC(ctx, random, bits));
    torc_status s = torc_random_init(ctx);
    for (uint32_t t = 0; s == TORC_OK && t < program->table_count; t++) {
        torc_table *entry = &program->tables[t];
        entry->index_bits = bits;
        s = TORC_ALLOC(ctx, entry->entry, size);
        for (size_t i = 0; s == TORC_OK && i < size; i++) {
            int64_t value = 0;
            torc_random_bits(random, bits);
            for (uint32_t b = 0; b < bits; b++) {
                value |= (int64_t)(random[b] << b);
            }
            table[t * size + i] = value;
            entry->entry[i] = torc_encode(value, bits);
        }
    }
    free(random);
    return s;
}

/* x + w * zero, w^2 + 1 <= norm_sq: element batch + i is an encrypted zero. */
static torc_status fill_linear(torc_ctx *ctx, torc_instr *instr, uint32_t batch, uint64_t norm_sq)
{
    torc_linear *linear = &instr->linear;
    instr->kind = TORC_INSTR_LINEAR;
    *linear = (torc_linear){.group_count = batch,
                            .out_count = 1,
                            .in_count = 2,
                            .weight_groups = 1,
                            .constant_groups = 1,
                            .out = 2 * batch,
                            .out_group_stride = 1,
                            .out_stride = 1};
    TORC_TRY(TORC_ALLOC(ctx, linear->gather, 2 * (size_t)batch));
    TORC_TRY(TORC_ALLOC(ctx, linear->weight, 2));
    TORC_TRY(TORC_ALLOC(ctx, linear->constant, 1));
    for (uint32_t i = 0; i < batch; i++) {
        uint32_t *sources = linear->gather + 2 * (size_t)i;
        sources[0] = i;
        sources[1] = batch + i;
    }
    linear->weight[0] = 1;
    linear->weight[1] = (int64_t)sqrt((double)norm_sq - 1);
    return TORC_OK;
}

static torc_status fill_lookup(torc_ctx *ctx, torc_instr *instr, uint32_t batch, uint32_t in,
                               uint32_t out)
{
    *instr = (torc_instr){.kind = TORC_INSTR_LOOKUP, .lookup = {.count = batch, .out = out}};
    TORC_TRY(copy_u32(ctx, &instr->lookup.in, batch, in, 1));
    TORC_TRY(copy_u32(ctx, &instr->lookup.table, batch, 0, 1));
    return TORC_ALLOC(ctx, instr->lookup.offset, batch);
}

/* Elements: batch inputs x, batch zeros and batch sums where there is a linear step, batch outputs.
 */
static torc_status fill_program(torc_ctx *ctx, torc_circuit *c, int64_t *table,
                                const bench_set *set, uint32_t batch)
{
    torc_program *p = &c->program;
    const uint32_t sums = set->norm_sq > 1 ? 1 : 0;
    const uint32_t inputs = (1 + sums) * batch;
    const uint32_t lookup_out = inputs + sums * batch;
    p->element_count = lookup_out + batch;
    p->table_count = batch;
    p->instr_count = 1 + sums;
    TORC_TRY(TORC_ALLOC(ctx, p->tables, p->table_count));
    TORC_TRY(TORC_ALLOC(ctx, p->instrs, p->instr_count));
    TORC_TRY(fill_tables(ctx, p, table, set->bits));
    if (sums != 0) {
        TORC_TRY(fill_linear(ctx, &p->instrs[0], batch, set->norm_sq));
    }
    TORC_TRY(fill_lookup(ctx, &p->instrs[sums], batch, sums * 2 * batch, lookup_out));
    TORC_TRY(fill_place(ctx, &p->inputs, &p->input_count, inputs, 0));
    return fill_place(ctx, &p->outputs, &p->output_count, batch, lookup_out);
}

static torc_status fill_ports(torc_ctx *ctx, torc_circuit *c, uint32_t bits)
{
    TORC_TRY(fill_port(ctx, &c->spec.inputs, &c->spec.input_count, "x", c->program.inputs[0].count,
                       bits));
    return fill_port(ctx, &c->spec.outputs, &c->spec.output_count, "y", c->program.outputs[0].count,
                     bits);
}

/* The shipped shapes with this grouping; 0: all. */
static torc_configurations shapes_of(torc_configuration list[TORC_CONFIGURATIONS_MAX],
                                     uint32_t grouping)
{
    torc_configurations found = {list, 0};
    for (uint32_t i = 0; i < torc_configurations_shipped.count; i++) {
        const torc_configuration shape = torc_configurations_shipped.list[i];
        if (grouping == 0 || shape.grouping == grouping) {
            list[found.count++] = shape;
        }
    }
    return found;
}

/* The row stands for the lookups of a circuit of circuit_lookups. */
static torc_status choose_params(torc_ctx *ctx, torc_circuit *c, const bench_set *set,
                                 torc_engine engine)
{
    torc_machine machine;
    torc_configuration list[TORC_CONFIGURATIONS_MAX];
    const torc_configurations shapes = shapes_of(list, set->grouping);
    torc_machine_default(&machine);
    if (set->grouping > 1 && engine == TORC_ENGINE_CPU) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "--grouping: for a GPU alone");
    }
    c->rows[0] = (torc_noise_row){.kind = TORC_ROW_LOOKUP_EXACT,
                                  .bits = set->bits,
                                  .norm_sq_lookup = (double)set->norm_sq,
                                  .count = set->circuit_lookups};
    c->rows[1] = (torc_noise_row){.kind = TORC_ROW_OUTPUT_EXACT,
                                  .bits = set->bits,
                                  .norm_sq_lookup = 1,
                                  .count = set->circuit_lookups};
    const bool shared = set->profile == TORC_SHARED;
    const torc_search search = {
        .rows = c->rows,
        .row_count = c->row_count,
        .log2_p_circuit = -40,
        .log2_p_lookup = shared ? -128 : 0,
        .machine = &machine,
        .lookup_count = set->circuit_lookups,
        .level_lookups = c->program.instrs[c->program.instr_count - 1].lookup.count,
        .configurations = &shapes,
        .target = engine == TORC_ENGINE_CUDA ? TORC_SEARCH_GPU : TORC_SEARCH_CPU};
    TORC_TRY(torc_optimize(ctx, &c->spec.params, &search));
    const torc_claim claim = torc_claim_on(c->rows, c->row_count, &c->spec.params, engine);
    c->spec.log2_p_error_circuit = claim.log2_p_circuit;
    c->spec.log2_p_error_lookup = claim.log2_p_lookup;
    c->spec.log2_p_error_bound = shared ? -128 : -40;
    return TORC_OK;
}

/* Which row covers each lookup and output element, as a saved circuit has it. */
static torc_status fill_rows(torc_ctx *ctx, torc_circuit *c)
{
    c->row_count = 2;
    TORC_TRY(TORC_ALLOC(ctx, c->rows, c->row_count));
    TORC_TRY(TORC_ALLOC(ctx, c->instr_row, c->program.instr_count));
    TORC_TRY(TORC_ALLOC(ctx, c->output_row, 1));
    const uint32_t last = c->program.instr_count - 1;
    TORC_TRY(copy_u32(ctx, &c->instr_row[last], c->program.instrs[last].lookup.count, 0, 0));
    return copy_u32(ctx, &c->output_row[0], c->program.outputs[0].count, 1, 0);
}

static torc_status fill(torc_ctx *ctx, torc_circuit *c, int64_t *table, const bench_set *set,
                        uint32_t batch, torc_engine engine)
{
    c->spec.circuit_name = strdup("lookup");
    c->spec.contract = TORC_EXACT;
    c->spec.profile = set->profile;
    c->maximum_integer_bit_width = set->bits;
    TORC_TRY(fill_program(ctx, c, table, set, batch));
    TORC_TRY(fill_ports(ctx, c, set->bits));
    TORC_TRY(fill_rows(ctx, c));
    TORC_TRY(choose_params(ctx, c, set, engine));
    return torc_circuit_identify(ctx, c);
}

torc_status bench_lookup_circuit(torc_ctx *ctx, torc_circuit **out, int64_t *table,
                                 const bench_set *set, uint32_t batch, torc_engine engine)
{
    torc_circuit *c = NULL;
    *out = NULL;
    TORC_TRY(TORC_ALLOC(ctx, c, 1));
    const torc_status s = fill(ctx, c, table, set, batch, engine);
    if (s != TORC_OK) {
        torc_circuit_free(c);
        return s;
    }
    *out = c;
    return TORC_OK;
}
