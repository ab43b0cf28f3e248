#include "tests/common/program_builder.h"

#include <stdlib.h>
#include <string.h>

static void *grown(void *old, size_t count, size_t size)
{
    void *grown = realloc(old, count * size == 0 ? 1 : count * size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

/* count items of size bytes, every byte `byte`. */
static void *filled(size_t count, size_t size, int byte)
{
    return memset(grown(NULL, count, size), byte, count * size);
}

static torc_place place_of(bool encrypted, uint32_t first, uint32_t count)
{
    torc_place place = {encrypted, count, filled(count, sizeof(uint32_t), 0)};
    for (uint32_t i = 0; i < count; i++) {
        place.element[i] = first + i;
    }
    return place;
}

static void cover(torc_program *program, bool encrypted, uint32_t end)
{
    uint32_t *limit = encrypted ? &program->element_count : &program->clear_count;
    *limit = end > *limit ? end : *limit;
}

void build_input(torc_program *program, bool encrypted, uint32_t first, uint32_t count)
{
    program->inputs = grown(program->inputs, program->input_count + 1, sizeof *program->inputs);
    program->inputs[program->input_count++] = place_of(encrypted, first, count);
    cover(program, encrypted, first + count);
}

void build_output(torc_program *program, bool encrypted, uint32_t first, uint32_t count)
{
    program->outputs = grown(program->outputs, program->output_count + 1, sizeof *program->outputs);
    program->outputs[program->output_count++] = place_of(encrypted, first, count);
}

uint32_t build_table(torc_program *program, uint32_t index_bits)
{
    program->tables = grown(program->tables, program->table_count + 1, sizeof *program->tables);
    program->tables[program->table_count] =
        (torc_table){index_bits, filled((size_t)1 << index_bits, sizeof(uint64_t), 0)};
    return program->table_count++;
}

static torc_instr *add_instr(torc_program *program, torc_instr_kind kind, uint32_t level)
{
    program->instrs = grown(program->instrs, program->instr_count + 1, sizeof *program->instrs);
    torc_instr *instr = &program->instrs[program->instr_count++];
    memset(instr, 0, sizeof *instr);
    instr->kind = kind;
    instr->level = level;
    return instr;
}

torc_linear *build_linear(torc_program *program, uint32_t level, uint32_t out, uint32_t group_count,
                          uint32_t out_count, uint32_t in_count)
{
    torc_linear *a = &add_instr(program, TORC_INSTR_LINEAR, level)->linear;
    a->group_count = group_count;
    a->out_count = out_count;
    a->in_count = in_count;
    a->weight_groups = 1;
    a->constant_groups = 1;
    a->out = out;
    a->out_group_stride = out_count;
    a->out_stride = 1;
    a->gather = filled((size_t)group_count * in_count, sizeof *a->gather, 0xff);
    a->weight = filled((size_t)out_count * in_count, sizeof *a->weight, 0);
    a->constant = filled(out_count, sizeof *a->constant, 0);
    cover(program, true, out + group_count * out_count);
    return a;
}

void build_weight_groups(torc_linear *linear, uint32_t weight_groups)
{
    free(linear->weight);
    linear->weight_groups = weight_groups;
    linear->weight = filled((size_t)weight_groups * linear->out_count * linear->in_count,
                            sizeof *linear->weight, 0);
}

void build_constant_groups(torc_linear *linear, uint32_t constant_groups)
{
    free(linear->constant);
    linear->constant_groups = constant_groups;
    linear->constant =
        filled((size_t)constant_groups * linear->out_count, sizeof *linear->constant, 0);
}

void build_constant_turns(torc_linear *linear)
{
    linear->constant_turns = filled((size_t)linear->constant_groups * linear->out_count,
                                    sizeof *linear->constant_turns, 0);
}

void build_weight_clear(torc_linear *linear)
{
    linear->weight_clear =
        filled((size_t)linear->weight_groups * linear->out_count * linear->in_count,
               sizeof *linear->weight_clear, 0xff);
}

void build_clear_term(torc_linear *linear, uint32_t out, uint32_t clear, uint64_t scale)
{
    const uint32_t t = linear->clear_term_count++;
    linear->clear_term_out = grown(linear->clear_term_out, t + 1, sizeof(uint32_t));
    linear->clear_term_element = grown(linear->clear_term_element, t + 1, sizeof(uint32_t));
    linear->clear_term_scale = grown(linear->clear_term_scale, t + 1, sizeof(uint64_t));
    linear->clear_term_out[t] = out;
    linear->clear_term_element[t] = clear;
    linear->clear_term_scale[t] = scale;
}

torc_lookup *build_lookup(torc_program *program, uint32_t level, uint32_t out, uint32_t count,
                          uint32_t first_in)
{
    torc_lookup *a = &add_instr(program, TORC_INSTR_LOOKUP, level)->lookup;
    a->count = count;
    a->out = out;
    a->in = filled(count, sizeof *a->in, 0);
    a->table = filled(count, sizeof *a->table, 0);
    a->offset = filled(count, sizeof *a->offset, 0);
    for (uint32_t i = 0; i < count; i++) {
        a->in[i] = first_in + i;
    }
    cover(program, true, out + count);
    return a;
}

void build_small_program(torc_program *out)
{
    *out = (torc_program){0};
    build_input(out, true, 0, 2);
    build_input(out, false, 0, 1);
    const uint32_t table = build_table(out, 3);
    for (uint32_t u = 0; u < 8; u++) {
        out->tables[table].entry[u] = (uint64_t)(u * u % 8) << 60;
    }
    torc_linear *dense = build_linear(out, 0, 2, 1, 2, 2);
    const int64_t weight[4] = {1, 1, 2, -1};
    memcpy(dense->weight, weight, sizeof weight);
    dense->gather[0] = 0;
    dense->gather[1] = 1;
    dense->constant[1] = (uint64_t)1 << 60;
    build_constant_turns(dense);
    build_weight_clear(dense);
    dense->weight_clear[3] = 0;
    build_clear_term(dense, 2, 0, (uint64_t)1 << 60);
    build_lookup(out, 0, 4, 2, 2);
    torc_linear *difference = build_linear(out, 1, 0, 1, 1, 2); /* reuses element 0 */
    difference->weight[0] = 1;
    difference->weight[1] = -1;
    difference->gather[0] = 4;
    difference->gather[1] = 5;
    build_output(out, true, 0, 1);
    build_output(out, false, 0, 1);
}
