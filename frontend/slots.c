/* Memory plan: elements are handed out in blocks (an input, the result of an instruction); a
 * block's place is free again after the last instruction that reads it. First fit, in program
 * order. */
#include "frontend/lower.h"
#include "runtime/status.h"

#include <stdlib.h>

typedef struct block {
    uint32_t first, count; /* virtual elements */
    uint32_t born, dies;   /* instructions that write it and read it last */
    uint32_t place;        /* final first element */
} block;

typedef struct plan {
    block *blocks; /* by virtual element */
    uint32_t block_count;
    uint32_t *block_of; /* [virtual element] */
    uint32_t element_count;
} plan;

#define NEVER UINT32_MAX

static void add_block(plan *p, uint32_t first, uint32_t count, uint32_t born)
{
    for (uint32_t e = first; e < first + count; e++) {
        p->block_of[e] = p->block_count;
    }
    p->blocks[p->block_count++] =
        (block){.first = first, .count = count, .born = born, .dies = born};
}

static uint32_t linear_out_count(const torc_linear *linear)
{
    return linear->group_count * linear->out_count;
}

static void find_blocks(plan *p, const torc_program *program)
{
    for (uint32_t i = 0; i < program->input_count; i++) {
        if (program->inputs[i].encrypted && program->inputs[i].count > 0) {
            add_block(p, program->inputs[i].element[0], program->inputs[i].count, 0);
        }
    }
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            add_block(p, instr->linear.out, linear_out_count(&instr->linear), i);
        } else {
            add_block(p, instr->lookup.out, instr->lookup.count, i);
        }
    }
}

static void read_elements(plan *p, const uint32_t *element, size_t count, uint32_t instr)
{
    for (size_t e = 0; e < count; e++) {
        if (element[e] != TORC_NO_ELEMENT) {
            p->blocks[p->block_of[element[e]]].dies = instr;
        }
    }
}

static void find_lifetimes(plan *p, const torc_program *program)
{
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            read_elements(p, instr->linear.gather,
                          (size_t)instr->linear.group_count * instr->linear.in_count, i);
        } else {
            read_elements(p, instr->lookup.in, instr->lookup.count, i);
        }
    }
    for (uint32_t o = 0; o < program->output_count; o++) {
        read_elements(p, program->outputs[o].element, program->outputs[o].count, NEVER);
    }
}

/* A block placed earlier stands in the way when it is still read at or after the birth of b. */
static bool overlaps(const block *other, const block *b, uint32_t place)
{
    return other->dies >= b->born && place < other->place + other->count &&
           other->place < place + b->count;
}

static void place_block(plan *p, uint32_t index)
{
    block *b = &p->blocks[index];
    uint32_t place = 0;
    for (uint32_t i = 0; i < index; i++) {
        if (overlaps(&p->blocks[i], b, place)) {
            place = p->blocks[i].place + p->blocks[i].count;
            i = UINT32_MAX; /* start again from the new place */
        }
    }
    b->place = place;
    if (place + b->count > p->element_count) {
        p->element_count = place + b->count;
    }
}

static void move_elements(const plan *p, uint32_t *element, size_t count)
{
    for (size_t e = 0; e < count; e++) {
        if (element[e] != TORC_NO_ELEMENT) {
            const block *b = &p->blocks[p->block_of[element[e]]];
            element[e] = b->place + (element[e] - b->first);
        }
    }
}

static void rewrite(const plan *p, torc_program *program)
{
    for (uint32_t i = 0; i < program->input_count; i++) {
        if (program->inputs[i].encrypted) {
            move_elements(p, program->inputs[i].element, program->inputs[i].count);
        }
    }
    for (uint32_t i = 0; i < program->instr_count; i++) {
        torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            torc_linear *linear = &instr->linear;
            move_elements(p, linear->gather, (size_t)linear->group_count * linear->in_count);
            move_elements(p, linear->clear_term_out, linear->clear_term_count);
            move_elements(p, &linear->out, 1);
        } else {
            move_elements(p, instr->lookup.in, instr->lookup.count);
            move_elements(p, &instr->lookup.out, 1);
        }
    }
    for (uint32_t o = 0; o < program->output_count; o++) {
        move_elements(p, program->outputs[o].element, program->outputs[o].count);
    }
    program->element_count = p->element_count;
}

torc_status torc_lower_plan_memory(torc_ctx *ctx, torc_program *program, uint32_t virtual_count)
{
    plan p = {0};
    torc_status status = TORC_ALLOC(ctx, p.blocks, program->input_count + program->instr_count);
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, p.block_of, virtual_count);
    }
    if (status == TORC_OK) {
        find_blocks(&p, program);
        find_lifetimes(&p, program);
        for (uint32_t b = 0; b < p.block_count; b++) {
            place_block(&p, b);
        }
        rewrite(&p, program);
    }
    free(p.blocks);
    free(p.block_of);
    return status;
}
