/* The program verifier: a good program passes, each single fault is found and named. */
#include "runtime/program.h"
#include "runtime/status.h"
#include "tests/common/program_builder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LINEAR(i) (p->instrs[i].linear)
#define LOOKUP(i) (p->instrs[i].lookup)

static void too_many_elements(torc_program *p)
{
    p->element_count = TORC_MAX_ELEMENTS + 1;
}
static void no_output(torc_program *p)
{
    p->output_count = 0;
}
static void input_out_of_range(torc_program *p)
{
    p->inputs[0].element[1] = 6;
}
static void clear_input_out_of_range(torc_program *p)
{
    p->inputs[1].element[0] = 1;
}
static void input_twice(torc_program *p)
{
    p->inputs[0].element[1] = 0;
}
static void empty_input(torc_program *p)
{
    p->inputs[0].count = 0;
}
static void output_out_of_range(torc_program *p)
{
    p->outputs[0].element[0] = 6;
}
static void output_not_written(torc_program *p)
{
    p->element_count = 7;
    p->outputs[0].element[0] = 6;
}
static void table_too_wide(torc_program *p)
{
    p->tables[0].index_bits = 9;
}
static void table_without_bits(torc_program *p)
{
    p->tables[0].index_bits = 0;
}
static void unknown_kind(torc_program *p)
{
    p->instrs[1].kind = (torc_instr_kind)2;
}
static void gather_out_of_range(torc_program *p)
{
    LINEAR(0).gather[1] = 6;
}
static void gather_before_write(torc_program *p)
{
    LINEAR(0).gather[1] = 5;
}
static void linear_reads_what_it_writes(torc_program *p)
{
    LINEAR(0).out = 1;
}
static void linear_out_of_range(torc_program *p)
{
    LINEAR(0).out = 5;
}
static void linear_far_out_of_range(torc_program *p)
{
    LINEAR(0).out_stride = UINT32_MAX;
    LINEAR(0).out_count = UINT32_MAX;
}
static void linear_writes_twice(torc_program *p)
{
    LINEAR(0).out_stride = 0;
}
static void groups_overlap(torc_program *p)
{
    LINEAR(0).group_count = 2;
    LINEAR(0).out_group_stride = 1;
}
static void no_groups(torc_program *p)
{
    LINEAR(0).group_count = 0;
}
static void odd_weight_groups(torc_program *p)
{
    LINEAR(0).weight_groups = 3;
}
static void odd_constant_groups(torc_program *p)
{
    LINEAR(0).constant_groups = 0;
}
static void weights_overflow(torc_program *p)
{
    LINEAR(0).group_count = LINEAR(0).weight_groups = UINT32_MAX;
    LINEAR(0).out_count = LINEAR(0).in_count = UINT32_MAX;
}
static void weight_clear_out_of_range(torc_program *p)
{
    LINEAR(0).weight_clear[3] = 1;
}
static void clear_term_out_of_range(torc_program *p)
{
    LINEAR(0).clear_term_element[0] = 1;
}
static void clear_term_elsewhere(torc_program *p)
{
    LINEAR(0).clear_term_out[0] = 1;
}
static void clear_never_given(torc_program *p)
{
    p->clear_count = 2;
    LINEAR(0).clear_term_element[0] = 1;
}
static void lookup_out_of_range(torc_program *p)
{
    LOOKUP(1).out = 5;
}
static void lookup_reads_what_it_writes(torc_program *p)
{
    LOOKUP(1).out = 3;
}
static void lookup_before_write(torc_program *p)
{
    LOOKUP(1).in[0] = 5;
}
static void lookup_without_table(torc_program *p)
{
    LOOKUP(1).table[1] = 1;
}
static void lookup_of_nothing(torc_program *p)
{
    LOOKUP(1).count = 0;
}
static void level_too_low(torc_program *p)
{
    p->instrs[2].level = 0;
}
static void level_too_high(torc_program *p)
{
    p->instrs[2].level = 2;
}
static void level_absurd(torc_program *p)
{
    p->instrs[1].level = UINT32_MAX;
}

typedef struct fault {
    const char *name;
    void (*plant)(torc_program *program);
    const char *message; /* words of it */
} fault;

#define FAULT(name, message) \
    {                        \
#name, name, message \
    }
static const fault faults[] = {
    FAULT(too_many_elements, "67108865 elements"),
    FAULT(no_output, "no output"),
    FAULT(input_out_of_range, "input 0 stands at element 6, there are only 6"),
    FAULT(clear_input_out_of_range, "input 1 stands at clear element 1"),
    FAULT(input_twice, "input 0 writes element 0, which an input wrote already"),
    FAULT(empty_input, "input 0 has no elements"),
    FAULT(output_out_of_range, "output 0 stands at element 6"),
    FAULT(output_not_written, "output 0 stands at element 6, which nothing writes"),
    FAULT(table_too_wide, "table 0 has 9 index bits, allowed are 1 to 8"),
    FAULT(table_without_bits, "table 0 has 0 index bits"),
    FAULT(unknown_kind, "instruction 1 is of unknown kind 2"),
    FAULT(gather_out_of_range, "instruction 0 (linear) reads element 6, there are only 6"),
    FAULT(gather_before_write, "reads element 5 before anything wrote it"),
    FAULT(linear_reads_what_it_writes, "reads element 1 and writes it too"),
    FAULT(linear_out_of_range, "instruction 0 (linear) writes beyond element 5"),
    FAULT(linear_far_out_of_range, "writes beyond element 5"),
    FAULT(linear_writes_twice, "writes an element twice"),
    FAULT(groups_overlap, "writes an element twice"),
    FAULT(no_groups, "impossible sizes: 0 groups"),
    FAULT(odd_weight_groups, "3 weight groups"),
    FAULT(odd_constant_groups, "0 constant groups"),
    FAULT(weights_overflow, "impossible sizes"),
    FAULT(weight_clear_out_of_range, "reads clear element 1"),
    FAULT(clear_term_out_of_range, "reads clear element 1"),
    FAULT(clear_term_elsewhere, "adds clear term 0 to element 1, which it does not write"),
    FAULT(clear_never_given, "reads clear element 1, which no input gives"),
    FAULT(lookup_out_of_range, "instruction 1 (lookup) writes beyond element 5"),
    FAULT(lookup_reads_what_it_writes, "instruction 1 (lookup) reads element 3 and writes it too"),
    FAULT(lookup_before_write, "instruction 1 (lookup) reads element 5 before anything wrote it"),
    FAULT(lookup_without_table, "uses table 1, there are only 1"),
    FAULT(lookup_of_nothing, "instruction 1 (lookup) is empty"),
    FAULT(level_too_low, "claims level 0, its operands allow 1 to 1"),
    FAULT(level_too_high, "claims level 2"),
    FAULT(level_absurd, "claims level 4294967295, its operands allow 0 to 0"),
};

Test(program_check, a_good_program_passes)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_program p;
    build_small_program(&p);
    cr_expect_eq(torc_program_check(ctx, &p, TORC_INDEX_BITS), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_program_free(&p);
    torc_ctx_free(ctx);
}

/* The planted counts may exceed the arrays, but only where the check must stop before it reads
 * them. */
Test(program_check, every_fault_is_refused_and_named)
{
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        torc_program p;
        build_small_program(&p);
        const torc_program whole = p;
        const torc_instr first = p.instrs[0];
        const uint32_t input_count = p.inputs[0].count;
        faults[i].plant(&p);
        cr_expect_eq(torc_program_check(ctx, &p, TORC_INDEX_BITS), TORC_E_FORMAT, "%s",
                     faults[i].name);
        cr_expect(strstr(torc_ctx_message(ctx), faults[i].message) != NULL, "%s: %s",
                  faults[i].name, torc_ctx_message(ctx));
        p = whole; /* the counts that own memory */
        p.instrs[0] = first;
        p.instrs[1].kind = TORC_INSTR_LOOKUP;
        p.inputs[0].count = input_count;
        torc_program_free(&p);
    }
    torc_ctx_free(ctx);
}

Test(program_check, wide_tables_pass_in_a_virtual_circuit)
{
    torc_program p = {0};
    build_input(&p, true, 0, 1);
    build_table(&p, 16);
    build_lookup(&p, 0, 1, 1, 0);
    build_output(&p, true, 1, 1);
    cr_expect_eq(torc_program_check(NULL, &p, TORC_INDEX_BITS_VIRTUAL), TORC_OK);
    cr_expect_eq(torc_program_check(NULL, &p, TORC_INDEX_BITS), TORC_E_FORMAT);
    torc_program_free(&p);
}

/* Strides in both orders: groups inside outputs and outputs inside groups; every layout is compared
 * with counting the writes of each element. */
Test(program_check, output_layouts_are_accepted_only_without_overlap)
{
    size_t accepted = 0;
    for (uint32_t code = 0; code < 3 * 3 * 7 * 7; code++) {
        const uint32_t group_count = 1 + code % 3;
        const uint32_t out_count = 1 + code / 3 % 3;
        const uint32_t group_stride = code / 9 % 7;
        const uint32_t out_stride = code / 63;
        torc_program p = {.element_count = 64};
        build_input(&p, true, 0, 1);
        torc_linear *a = build_linear(&p, 0, 1, group_count, out_count, 0);
        a->out_group_stride = group_stride;
        a->out_stride = out_stride;
        build_output(&p, true, 1, 1);
        uint32_t writes[64] = {0};
        bool twice = false;
        for (uint32_t g = 0; g < group_count; g++) {
            for (uint32_t o = 0; o < out_count; o++) {
                twice |= ++writes[1 + g * group_stride + o * out_stride] > 1;
            }
        }
        const bool nests = group_count == 1 || out_count == 1 ||
                           group_stride > (out_count - 1) * out_stride ||
                           out_stride > (group_count - 1) * group_stride;
        const bool expected = !twice && nests;
        cr_expect_eq(torc_program_check(NULL, &p, 8) == TORC_OK, expected, "layout %u", code);
        accepted += expected;
        torc_program_free(&p);
    }
    cr_expect_gt(accepted, 100);
}

Test(program_check, absurd_repetition_ends_early)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_program p = {.element_count = TORC_MAX_ELEMENTS};
    build_input(&p, true, 0, 1);
    for (uint32_t i = 0; i < 5; i++) {
        build_linear(&p, 0, 0, 1, 1, 0)->group_count = TORC_MAX_ELEMENTS;
    }
    build_output(&p, true, 0, 1);
    cr_expect_eq(torc_program_check(ctx, &p, 8), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "limit of one program") != NULL, "%s",
              torc_ctx_message(ctx));
    torc_program_free(&p);
    torc_ctx_free(ctx);
}
