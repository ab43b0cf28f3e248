/* Owning and counting: what a program holds and how much work it is. Must not know encodings, keys
 * or backends. */
#include "runtime/program.h"

#include <stdlib.h>

static void places_free(torc_place *places, uint32_t count)
{
    for (uint32_t i = 0; places != NULL && i < count; i++) {
        free(places[i].element);
    }
    free(places);
}

static void linear_free(torc_linear *linear)
{
    free(linear->gather);
    free(linear->weight);
    free(linear->constant);
    free(linear->constant_turns);
    free(linear->weight_clear);
    free(linear->clear_term_out);
    free(linear->clear_term_element);
    free(linear->clear_term_scale);
}

static void lookup_free(torc_lookup *lookup)
{
    free(lookup->in);
    free(lookup->table);
    free(lookup->offset);
}

void torc_instr_free(torc_instr *instr)
{
    if (instr->kind == TORC_INSTR_LINEAR) {
        linear_free(&instr->linear);
    } else {
        lookup_free(&instr->lookup);
    }
}

void torc_program_free(torc_program *program)
{
    if (program == NULL) {
        return;
    }
    places_free(program->inputs, program->input_count);
    places_free(program->outputs, program->output_count);
    for (uint32_t i = 0; program->tables != NULL && i < program->table_count; i++) {
        free(program->tables[i].entry);
    }
    free(program->tables);
    for (uint32_t i = 0; program->instrs != NULL && i < program->instr_count; i++) {
        torc_instr_free(&program->instrs[i]);
    }
    free(program->instrs);
    *program = (torc_program){0};
}

uint64_t torc_program_lookup_count(const torc_program *program)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        if (program->instrs[i].kind == TORC_INSTR_LOOKUP) {
            count += program->instrs[i].lookup.count;
        }
    }
    return count;
}

uint32_t torc_program_level_count(const torc_program *program)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LOOKUP && instr->level >= count) {
            count = instr->level + 1;
        }
    }
    return count;
}

/* Weights that are zero and sources that are absent cost nothing. */
static uint64_t linear_macs(const torc_linear *a)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < a->in_count; i++) {
        uint64_t shared = 0;
        for (size_t o = 0; a->weight_groups == 1 && o < a->out_count; o++) {
            shared += a->weight[o * a->in_count + i] != 0;
        }
        for (size_t g = 0; g < a->group_count; g++) {
            if (a->gather[g * a->in_count + i] == TORC_NO_ELEMENT) {
                continue;
            }
            macs += shared;
            for (size_t o = 0; a->weight_groups != 1 && o < a->out_count; o++) {
                macs += a->weight[(g * a->out_count + o) * a->in_count + i] != 0;
            }
        }
    }
    return macs;
}

uint64_t torc_program_linear_macs(const torc_program *program)
{
    uint64_t macs = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        if (program->instrs[i].kind == TORC_INSTR_LINEAR) {
            macs += linear_macs(&program->instrs[i].linear);
        }
    }
    return macs;
}
